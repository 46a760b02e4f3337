"""What all schedules share: parameters, their checks, comparison, printing."""

import copy
import inspect
import math
import numbers

import numpy as np

from .._axes import axes_or_new, style


def real(owner, name, value, low=0.0, high=math.inf, open_low=False):
    """A finite number, low <= value <= high (low < value where `open_low`)."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{owner}: {name} must be a number, got {type(value).__name__}")
    if not (low < value if open_low else low <= value) or not value <= high or not math.isfinite(value):
        allowed = f"finite and {'>' if open_low else '>='} {low:g}"
        if high < math.inf:
            allowed = f"in {'(' if open_low else '['}{low:g}, {high:g}]"
        raise ValueError(f"{owner}: {name} must be {allowed}, got {value!r}")


def count(owner, name, value, low=1):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{owner}: {name} must be an integer, got {type(value).__name__}")
    if value < low:
        raise ValueError(f"{owner}: {name} must be >= {low}, got {value}")


def flag(owner, name, value):
    if not isinstance(value, bool):
        raise TypeError(f"{owner}: {name} must be True or False, got {value!r}")


def choice(owner, name, value, allowed):
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{owner}: {name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def increasing(owner, name, value, low=1, empty=False):
    """A tuple or list of integers >= low, each larger than the one before."""
    if not isinstance(value, (tuple, list)) or (not value and not empty):
        raise TypeError(f"{owner}: {name} must be a tuple or list of integers, got {value!r}")
    for i, step in enumerate(value):
        count(owner, f"{name}[{i}]", step, low)
        if i and step <= value[i - 1]:
            raise ValueError(f"{owner}: {name} must increase, got {value!r}")


def member(owner, name, value):
    """A rate: a number or a function of the step."""
    if not callable(value):
        real(owner, name, value)


def members(owner, name, value):
    if not isinstance(value, (tuple, list)) or not value:
        raise TypeError(f"{owner}: {name} must be a tuple or list of schedules, got {value!r}")
    for i, one in enumerate(value):
        member(owner, f"{name}[{i}]", one)


def as_float(value, what):
    """A number that a function or a user has given, as a float; `what` begins the error."""
    if isinstance(value, (str, bytes)):  # which float() would read
        raise TypeError(f"{what} must be a number, got {value!r}")
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be a number, got {type(value).__name__}") from error


def at(rate, step):
    """The value of a rate at a step."""
    return as_float(rate(step), f"the rate of {rate!r} at step {step}") if callable(rate) else float(rate)


def grown(size, factor, power):
    """size * factor ** power for a factor >= 0; infinite where the power overflows, but 0 for a size of 0."""
    try:
        return size * float(factor) ** power
    except OverflowError:
        return size * math.inf if size else 0.0


def rates(schedule, steps):
    """The rates of steps as a float64 array: of 0..n-1 for a number n, else of those in a sequence.

    Examples
    --------
    >>> from fastopt.schedules import Exponential
    >>> rates(Exponential(1.0, 0.5), 4)
    array([1.   , 0.5  , 0.25 , 0.125])
    >>> rates(lambda t: 1 / (1 + t), [0, 9])
    array([1. , 0.1])
    """
    if isinstance(steps, (numbers.Integral, np.integer)) and not isinstance(steps, bool):
        count("rates", "steps", int(steps), 0)
        where = np.arange(int(steps))
    else:
        where = np.asarray(steps)
        if where.size and where.dtype.kind not in "iu":
            raise TypeError(f"rates: steps must be a number of steps or integers, got dtype {where.dtype}")
        if where.size and where.min() < 0:
            raise ValueError(f"rates: steps must be >= 0, got {where.min()}")
    out = np.empty(where.shape)
    for i, step in enumerate(where.ravel().tolist()):
        out.flat[i] = at(schedule, step)
    return out


def plot(schedules, n_steps, axes=None):
    """Draw rates over the steps 0..n_steps - 1 with matplotlib; the axes.

    Parameters
    ----------
    schedules : schedule, list or dict
        Functions of the step or numbers; the keys of a dict are the labels, else their repr.
    n_steps : int
    axes : matplotlib Axes, optional
        A new figure of pyplot where None.

    Raises
    ------
    ValueError, TypeError
        Where there is no schedule, or one is neither a number nor a function.
    ImportError
        Without matplotlib.
    """
    count("plot", "n_steps", n_steps)
    if callable(schedules) or isinstance(schedules, numbers.Real):
        schedules = [schedules]
    named = schedules if hasattr(schedules, "items") else {i: one for i, one in enumerate(schedules)}
    lines = []
    for key, one in named.items():
        member("plot", f"schedules[{key!r}]", one)
        lines.append((repr(one) if named is not schedules else str(key), rates(one, n_steps)))
    if not lines:
        raise ValueError("plot: schedules is empty")
    axes = axes_or_new(axes)
    for number, (label, y) in enumerate(lines):
        axes.plot(np.arange(n_steps), y, label=label, linestyle=style(number))
    axes.set(xlabel="step", ylabel="learning rate")
    axes.legend()
    return axes


class Schedule:
    """Base of the schedules: parameters, comparison, printing.

    A subclass stores its arguments as they are given, under their names.
    """

    @classmethod
    def _names(cls):
        return tuple(inspect.signature(cls).parameters)

    def get_params(self, deep=True):
        """Parameters by name; `deep` adds those of a schedule within as schedule__name."""
        out = {name: getattr(self, name) for name in self._names()}
        if deep:
            for name, value in list(out.items()):
                if hasattr(value, "get_params") and not isinstance(value, type):
                    out.update((f"{name}__{key}", v) for key, v in value.get_params().items())
        return out

    def set_params(self, **params):
        """Set parameters by name; nothing changes where one of them is not legal."""
        values, nested = self.get_params(deep=False), {}
        for name, value in params.items():
            head, _, tail = name.partition("__")
            if head not in values or (tail and not hasattr(params.get(head, values[head]), "set_params")):
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(self._names())}")
            if tail:
                nested.setdefault(head, {})[tail] = value
            else:
                values[name] = value
        for head, inner in nested.items():
            values[head] = copy.deepcopy(values[head]).set_params(**inner)
        self.__dict__.update(type(self)(**values).__dict__)
        return self

    def rates(self, steps):
        """The rates of 0..n-1 for a number of steps n, else of the steps in a sequence: a float64 array."""
        return rates(self, steps)

    def plot(self, n_steps, axes=None):
        """Draw the rates of the steps 0..n_steps - 1 with matplotlib; the axes."""
        return plot(self, n_steps, axes)

    def _members(self):
        """(path, schedule) of the schedules within."""
        for name, value in self.get_params(deep=False).items():
            for path, one in (
                [(f"{name}.{i}", v) for i, v in enumerate(value)]
                if isinstance(value, (tuple, list))
                else [(name, value)]
            ):
                if hasattr(one, "state_dict"):
                    yield path, one

    def state_dict(self):
        """What the rate of a step depends on beside the parameters: a flat mapping of arrays, most often empty."""
        return {f"{path}.{key}": v for path, one in self._members() for key, v in one.state_dict().items()}

    def load_state_dict(self, state):
        """Go on from a `state_dict`."""
        if not hasattr(state, "keys"):
            raise TypeError(f"state must be a mapping of arrays, got {type(state).__name__}")
        mine = self.state_dict()
        if set(state) != set(mine):
            raise ValueError(f"state must have the keys {sorted(mine)}, got {sorted(map(str, state))}")
        for path, one in self._members():
            one.load_state_dict({key: state[f"{path}.{key}"] for key in one.state_dict()})

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params(deep=False).items())})"

    def __eq__(self, other):
        return type(self) is type(other) and self.get_params(deep=False) == other.get_params(deep=False)

    __hash__ = None
