"""Learning rates as functions of the step: plain callables f(step) -> float, step from 0.

`step` counts the updates that an optimizer has made, so the first update uses f(0). An optimizer
takes any such function for `lr`; the classes here also compare, print, pickle and have
get_params, so that they can stand in searches over parameters.

PyTorch's schedulers multiply the rate each time their own step() is called, usually once an
epoch; here one formula gives the rate of any step, so resuming needs no state. Both agree where
the scheduler is stepped after every update.
"""

import inspect
import math
import numbers

__all__ = ["SCHEDULES", "Constant", "Exponential", "Schedule", "Step", "get"]


def _real(owner, name, value, positive=False):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{owner}: {name} must be a number, got {type(value).__name__}")
    if not (value > 0 if positive else value >= 0) or not math.isfinite(value):
        raise ValueError(f"{owner}: {name} must be finite and {'> 0' if positive else '>= 0'}, got {value!r}")


class Schedule:
    """Base of the schedules: parameters, comparison, printing."""

    @classmethod
    def _names(cls):
        return tuple(inspect.signature(cls).parameters)

    def get_params(self, deep=True):
        """Parameters by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params):
        """Set parameters by name; nothing changes where one of them is not legal."""
        unknown = sorted(set(params) - set(self._names()))
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no parameter {unknown[0]!r}; it has {', '.join(self._names())}"
            )
        new = type(self)(**{**self.get_params(), **params})
        self.__dict__.update(new.__dict__)
        return self

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def __eq__(self, other):
        return type(self) is type(other) and self.get_params() == other.get_params()

    __hash__ = None


class Constant(Schedule):
    """f(step) = lr.

    Parameters
    ----------
    lr : float, default=1e-3
        >= 0.

    Examples
    --------
    >>> Constant(0.1)(1000)
    0.1
    """

    def __init__(self, lr=1e-3):
        _real("Constant", "lr", lr)
        self.lr = lr

    def __call__(self, step):
        return float(self.lr)


class Step(Schedule):
    """f(step) = lr * gamma ** floor(step / step_size), as torch.optim.lr_scheduler.StepLR.

    Parameters
    ----------
    lr : float
        Rate of the first `step_size` steps, >= 0.
    step_size : int
        Steps between two changes, >= 1.
    gamma : float, default=0.1
        Factor of a change, > 0.

    Examples
    --------
    >>> f = Step(0.5, step_size=10, gamma=0.5)
    >>> f(0), f(9), f(10), f(20)
    (0.5, 0.5, 0.25, 0.125)
    """

    def __init__(self, lr, step_size, gamma=0.1):
        _real("Step", "lr", lr)
        _real("Step", "gamma", gamma, positive=True)
        if isinstance(step_size, bool) or not isinstance(step_size, numbers.Integral):
            raise TypeError(f"Step: step_size must be an integer, got {type(step_size).__name__}")
        if step_size < 1:
            raise ValueError(f"Step: step_size must be >= 1, got {step_size}")
        self.lr, self.step_size, self.gamma = lr, step_size, gamma

    def __call__(self, step):
        return float(self.lr) * float(self.gamma) ** int(step // self.step_size)


class Exponential(Schedule):
    """f(step) = lr * gamma ** step, as torch.optim.lr_scheduler.ExponentialLR.

    Parameters
    ----------
    lr : float
        Rate of the first step, >= 0.
    gamma : float
        Factor of a step, > 0.

    Examples
    --------
    >>> f = Exponential(1.0, gamma=0.5)
    >>> f(0), f(1), f(3)
    (1.0, 0.5, 0.125)
    """

    def __init__(self, lr, gamma):
        _real("Exponential", "lr", lr)
        _real("Exponential", "gamma", gamma, positive=True)
        self.lr, self.gamma = lr, gamma

    def __call__(self, step):
        return float(self.lr) * float(self.gamma) ** int(step)


SCHEDULES = {"constant": Constant, "step": Step, "exponential": Exponential}
_ALIASES = {"steplr": "step", "exponentiallr": "exponential"}


def get(name, **params):
    """The schedule of that name ("constant", "step", "exponential"; PyTorch's "StepLR", "ExponentialLR").

    A callable is returned as it is.

    Examples
    --------
    >>> get("StepLR", lr=0.1, step_size=30)
    Step(lr=0.1, step_size=30, gamma=0.1)
    """
    if callable(name) and not params:
        return name
    if not isinstance(name, str):
        raise TypeError(f"a schedule is a name or a function of the step, got {type(name).__name__}")
    key = _ALIASES.get(name.lower(), name.lower())
    if key not in SCHEDULES:
        raise ValueError(f"unknown schedule {name!r}; there are {', '.join(map(repr, SCHEDULES))}")
    return SCHEDULES[key](**params)
