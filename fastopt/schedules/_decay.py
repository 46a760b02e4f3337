"""Rates that fall: in steps, exponentially, as powers of the step."""

import math
from bisect import bisect_left, bisect_right

from ._base import Schedule, count, flag, grown, increasing, real


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
        real("Constant", "lr", lr)
        self.lr = lr

    def __call__(self, step):
        return float(self.lr)


class Linear(Schedule):
    """f(step) = lr * (start_factor + (end_factor - start_factor) * min(step / total_iters, 1)).

    As torch.optim.lr_scheduler.LinearLR. optax.linear_schedule(a, b, n) is Linear(1.0, a, b, n), ConstantLR(lr, c, n)
    is Sequential([c * lr, lr], [n]).

    Parameters
    ----------
    lr : float
        >= 0.
    start_factor, end_factor : float, default=1/3 and 1.0
        Factors of the first step and from step `total_iters` on, >= 0.
    total_iters : int, default=5
        >= 1.

    Examples
    --------
    >>> f = Linear(1.0, start_factor=0.5, end_factor=0.0, total_iters=4)
    >>> f(0), f(1), f(4), f(9)
    (0.5, 0.375, 0.0, 0.0)
    """

    def __init__(self, lr, start_factor=1.0 / 3, end_factor=1.0, total_iters=5):
        real("Linear", "lr", lr)
        real("Linear", "start_factor", start_factor)
        real("Linear", "end_factor", end_factor)
        count("Linear", "total_iters", total_iters)
        self.lr, self.start_factor, self.end_factor, self.total_iters = lr, start_factor, end_factor, total_iters

    def __call__(self, step):
        part = min(int(step), int(self.total_iters)) / int(self.total_iters)
        return float(self.lr) * (self.start_factor * (1.0 - part) + self.end_factor * part)


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
        real("Step", "lr", lr)
        real("Step", "gamma", gamma, open_low=True)
        count("Step", "step_size", step_size)
        self.lr, self.step_size, self.gamma = lr, step_size, gamma

    def __call__(self, step):
        return grown(float(self.lr), self.gamma, int(step // self.step_size))


class MultiStep(Schedule):
    """f(step) = lr * gamma ** (number of milestones <= step), as torch.optim.lr_scheduler.MultiStepLR.

    Parameters
    ----------
    lr : float
        Rate before the first milestone, >= 0.
    milestones : tuple or list of ints
        Steps at which the rate changes, increasing, >= 1.
    gamma : float, default=0.1
        Factor of a change, > 0.

    Examples
    --------
    >>> f = MultiStep(0.5, milestones=(10, 15), gamma=0.5)
    >>> f(9), f(10), f(15)
    (0.5, 0.25, 0.125)
    """

    def __init__(self, lr, milestones, gamma=0.1):
        real("MultiStep", "lr", lr)
        increasing("MultiStep", "milestones", milestones)
        real("MultiStep", "gamma", gamma, open_low=True)
        self.lr, self.milestones, self.gamma = lr, milestones, gamma

    def __call__(self, step):
        return grown(float(self.lr), self.gamma, bisect_right(self.milestones, step))


class PiecewiseConstant(Schedule):
    """f(step) = values[i] where boundaries[i - 1] < step <= boundaries[i].

    As keras.optimizers.schedules.PiecewiseConstantDecay: a boundary is the last step of its value.

    Parameters
    ----------
    boundaries : tuple or list of ints
        Increasing, >= 0.
    values : tuple or list of floats
        One more than boundaries, >= 0.

    Examples
    --------
    >>> f = PiecewiseConstant((10, 15), (0.5, 0.2, 0.1))
    >>> f(10), f(11), f(16)
    (0.5, 0.2, 0.1)
    """

    def __init__(self, boundaries, values):
        increasing("PiecewiseConstant", "boundaries", boundaries, low=0)
        if not isinstance(values, (tuple, list)) or len(values) != len(boundaries) + 1:
            raise ValueError(
                f"PiecewiseConstant: values must be a tuple or list of {len(boundaries) + 1} numbers, "
                f"one more than boundaries, got {values!r}"
            )
        for i, value in enumerate(values):
            real("PiecewiseConstant", f"values[{i}]", value)
        self.boundaries, self.values = boundaries, values

    def __call__(self, step):
        return float(self.values[bisect_left(self.boundaries, step)])


class Exponential(Schedule):
    """f(step) = lr * gamma ** step, as torch.optim.lr_scheduler.ExponentialLR.

    Keras' ExponentialDecay(lr, n, r) is Exponential(lr, r ** (1 / n)), with staircase Step(lr, n, r).

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
        real("Exponential", "lr", lr)
        real("Exponential", "gamma", gamma, open_low=True)
        self.lr, self.gamma = lr, gamma

    def __call__(self, step):
        return grown(float(self.lr), self.gamma, int(step))


class InverseTime(Schedule):
    """f(step) = lr / (1 + decay_rate * step / decay_steps), as keras.optimizers.schedules.InverseTimeDecay.

    Parameters
    ----------
    lr : float
        Rate of the first step, >= 0.
    decay_steps : int, default=1
        >= 1.
    decay_rate : float, default=1.0
        >= 0.
    staircase : bool, default=False
        Whole multiples of `decay_steps` only.

    Examples
    --------
    >>> f = InverseTime(1.0, decay_steps=10, decay_rate=2.0)
    >>> f(0), f(5), f(10)
    (1.0, 0.5, 0.3333333333333333)
    """

    def __init__(self, lr, decay_steps=1, decay_rate=1.0, staircase=False):
        real("InverseTime", "lr", lr)
        count("InverseTime", "decay_steps", decay_steps)
        real("InverseTime", "decay_rate", decay_rate)
        flag("InverseTime", "staircase", staircase)
        self.lr, self.decay_steps, self.decay_rate, self.staircase = lr, decay_steps, decay_rate, staircase

    def __call__(self, step):
        n = int(self.decay_steps)
        time = float(int(step) // n) if self.staircase else int(step) / n
        return float(self.lr) / (1.0 + self.decay_rate * time)


class InverseScaling(Schedule):
    """f(step) = lr / (step + 1) ** power_t, scikit-learn's learning_rate="invscaling".

    Parameters
    ----------
    lr : float
        Rate of the first step (eta0, learning_rate_init), >= 0.
    power_t : float, default=0.5
        >= 0. SGDRegressor has 0.25.

    Examples
    --------
    >>> f = InverseScaling(1.0)
    >>> f(0), f(3), f(99)
    (1.0, 0.5, 0.1)
    """

    def __init__(self, lr, power_t=0.5):
        real("InverseScaling", "lr", lr)
        real("InverseScaling", "power_t", power_t)
        self.lr, self.power_t = lr, power_t

    def __call__(self, step):
        return float(self.lr) / grown(1.0, int(step) + 1, float(self.power_t))


class Polynomial(Schedule):
    """f(step) = end_lr + (lr - end_lr) * (1 - min(step / total_iters, 1)) ** power.

    torch.optim.lr_scheduler.PolynomialLR, where end_lr is 0; Keras' PolynomialDecay, which has end_lr=1e-4 and `cycle`.

    Parameters
    ----------
    lr : float
        Rate of the first step, >= 0.
    total_iters : int, default=5
        Steps to the end, >= 1.
    power : float, default=1.0
        > 0.
    end_lr : float, default=0.0
        >= 0.
    cycle : bool, default=False
        Instead of ending, begin again with a period that ends at the next multiple of `total_iters`: total_iters above
        is total_iters * ceil(step / total_iters).

    Examples
    --------
    >>> f = Polynomial(1.0, total_iters=4, power=2.0)
    >>> f(0), f(2), f(4), f(9)
    (1.0, 0.25, 0.0, 0.0)
    """

    def __init__(self, lr, total_iters=5, power=1.0, end_lr=0.0, cycle=False):
        real("Polynomial", "lr", lr)
        count("Polynomial", "total_iters", total_iters)
        real("Polynomial", "power", power, open_low=True)
        real("Polynomial", "end_lr", end_lr)
        flag("Polynomial", "cycle", cycle)
        self.lr, self.total_iters, self.power, self.end_lr, self.cycle = lr, total_iters, power, end_lr, cycle

    def __call__(self, step):
        step, n = int(step), int(self.total_iters)
        if self.cycle:
            n *= max(1, -(-step // n))
        rest = (n - min(step, n)) / n
        return self.end_lr + (float(self.lr) - self.end_lr) * rest ** float(self.power)


class Optimal(Schedule):
    """f(step) = 1 / (alpha * (t0 + step)), Bottou's rate: scikit-learn's learning_rate="optimal".

    Parameters
    ----------
    alpha : float, default=1e-4
        Strength of the L2 penalty, > 0.
    t0 : float or None, default=None
        > 0. None: 1 / (alpha * e) with the first rate e = alpha ** -1/4, as scikit-learn sets it.

    Notes
    -----
    Bottou, Stochastic gradient descent tricks (2012).

    Examples
    --------
    >>> f = Optimal(alpha=1e-4)
    >>> round(f(0), 12), f(10_000) < f(0)
    (10.0, True)
    """

    def __init__(self, alpha=1e-4, t0=None):
        real("Optimal", "alpha", alpha, open_low=True)
        if t0 is not None:
            real("Optimal", "t0", t0, open_low=True)
        self.alpha, self.t0 = alpha, t0

    def __call__(self, step):
        alpha = float(self.alpha)
        t0 = 1.0 / (alpha * math.sqrt(1.0 / math.sqrt(alpha))) if self.t0 is None else float(self.t0)
        return 1.0 / (alpha * (t0 + int(step)))


class Pegasos(Schedule):
    """f(step) = 1 / (alpha * (step + 1)).

    Parameters
    ----------
    alpha : float, default=1e-4
        Strength of the L2 penalty, > 0.

    Notes
    -----
    Shalev-Shwartz, Singer, Srebro and Cotter, Pegasos (2011).

    Examples
    --------
    >>> f = Pegasos(alpha=0.5)
    >>> f(0), f(1), f(3)
    (2.0, 1.0, 0.5)
    """

    def __init__(self, alpha=1e-4):
        real("Pegasos", "alpha", alpha, open_low=True)
        self.alpha = alpha

    def __call__(self, step):
        return 1.0 / (float(self.alpha) * (int(step) + 1))
