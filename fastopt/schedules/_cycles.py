"""Rates that follow a cosine, a triangle, a cycle."""

import math
from bisect import bisect_left

from ._base import Schedule, choice, count, flag, grown, real


def half_cosine(part):
    """(1 + cos(pi part)) / 2: 1 at 0, 0 at 1."""
    return (1.0 + math.cos(math.pi * part)) / 2.0


class Cosine(Schedule):
    """f(step) = eta_min + (lr - eta_min) * (1 + cos(pi * step / T_max)) / 2.

    torch.optim.lr_scheduler.CosineAnnealingLR, which goes up again after `T_max`. periodic=False stays at the end and
    is Keras' CosineDecay and optax.cosine_decay_schedule with eta_min = alpha * lr.

    Parameters
    ----------
    lr : float
        Rate of the first step, >= 0.
    T_max : int
        Steps of half a period, >= 1.
    eta_min : float, default=0.0
        >= 0.
    exponent : float, default=1.0
        Of the factor (1 + cos) / 2, optax' `exponent`, > 0.
    periodic : bool, default=True

    Examples
    --------
    >>> f = Cosine(1.0, T_max=4)
    >>> round(f(0), 12), round(f(2), 12), round(f(4), 12), round(f(8), 12)
    (1.0, 0.5, 0.0, 1.0)
    """

    def __init__(self, lr, T_max, eta_min=0.0, exponent=1.0, periodic=True):
        real("Cosine", "lr", lr)
        count("Cosine", "T_max", T_max)
        real("Cosine", "eta_min", eta_min)
        real("Cosine", "exponent", exponent, open_low=True)
        flag("Cosine", "periodic", periodic)
        self.lr, self.T_max, self.eta_min, self.exponent, self.periodic = lr, T_max, eta_min, exponent, periodic

    def __call__(self, step):
        step, n = int(step), int(self.T_max)
        # Within one period: the cosine of a large argument would lose digits.
        part = (step % (2 * n) if self.periodic else min(step, n)) / n
        return self.eta_min + (float(self.lr) - self.eta_min) * half_cosine(part) ** float(self.exponent)


class CosineRestarts(Schedule):
    """f(step) = eta_min + (lr - eta_min) * m_mult^i * (1 + cos(pi * u)) / 2, u the part of period i that is over.

    Period i, from 0, has T_0 * T_mult^i steps. torch.optim.lr_scheduler.CosineAnnealingWarmRestarts; Keras'
    CosineDecayRestarts, which has T_mult=2.0, with eta_min = alpha * lr; SGDR.

    Parameters
    ----------
    lr : float
        Rate of the first step, >= 0.
    T_0 : int
        Steps of the first period, >= 1.
    T_mult : float, default=1
        Factor of the period's length, >= 1.
    eta_min : float, default=0.0
        >= 0.
    m_mult : float, default=1.0
        Factor of the height of each period, > 0; Keras' m_mul.

    Notes
    -----
    Loshchilov and Hutter, SGDR (2017).

    Examples
    --------
    >>> f = CosineRestarts(1.0, T_0=2, T_mult=2)
    >>> [round(f(step), 3) for step in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """

    def __init__(self, lr, T_0, T_mult=1, eta_min=0.0, m_mult=1.0):
        real("CosineRestarts", "lr", lr)
        count("CosineRestarts", "T_0", T_0)
        real("CosineRestarts", "T_mult", T_mult, 1)
        real("CosineRestarts", "eta_min", eta_min)
        real("CosineRestarts", "m_mult", m_mult, open_low=True)
        self.lr, self.T_0, self.T_mult, self.eta_min, self.m_mult = lr, T_0, T_mult, eta_min, m_mult

    def __call__(self, step):
        step, period = int(step), int(self.T_0)
        if self.T_mult == 1:
            i, step = divmod(step, period)
        else:
            i = 0
            while step >= period:
                i, step, period = i + 1, step - period, period * self.T_mult
        height = grown(float(self.lr) - self.eta_min, self.m_mult, i)
        return self.eta_min + height * half_cosine(step / period)


class OneCycle(Schedule):
    """Up from max_lr / div_factor to max_lr, then down to max_lr / (div_factor * final_div_factor).

    torch.optim.lr_scheduler.OneCycleLR. The rise ends at step pct_start * total_steps - 1, the fall at total_steps - 1;
    with `three_phase` a fall to the first rate takes as long as the rise and the rest falls to the last. From a to b,
    with u the part of the phase that is over: b + (a - b) * (1 + cos(pi * u)) / 2, or a + (b - a) * u. Stays at the
    last rate.

    Parameters
    ----------
    max_lr : float
        >= 0.
    total_steps : int
        >= 1.
    pct_start : float, default=0.3
        Part of the steps that rise, in [0, 1], with `three_phase` at most 0.5.
    anneal_strategy : {"cos", "linear"}, default="cos"
    div_factor, final_div_factor : float, default=25.0 and 1e4
        > 0.
    three_phase : bool, default=False

    Notes
    -----
    Smith and Topin, Super-convergence (2018). The momentum, which PyTorch cycles too, stays with the optimizer.

    Examples
    --------
    >>> f = OneCycle(1.0, total_steps=10, div_factor=10.0)
    >>> round(f(0), 6), round(f(2), 6), round(f(9), 6)
    (0.1, 1.0, 1e-05)
    """

    def __init__(self, max_lr, total_steps, pct_start=0.3, anneal_strategy="cos", div_factor=25.0,
                 final_div_factor=1e4, three_phase=False):  # fmt: skip
        real("OneCycle", "max_lr", max_lr)
        count("OneCycle", "total_steps", total_steps)
        flag("OneCycle", "three_phase", three_phase)
        real("OneCycle", "pct_start", pct_start, 0, 0.5 if three_phase else 1)
        choice("OneCycle", "anneal_strategy", anneal_strategy, ("cos", "linear"))
        real("OneCycle", "div_factor", div_factor, open_low=True)
        real("OneCycle", "final_div_factor", final_div_factor, open_low=True)
        self.max_lr, self.total_steps, self.pct_start, self.anneal_strategy = (
            max_lr, total_steps, pct_start, anneal_strategy)  # fmt: skip
        self.div_factor, self.final_div_factor, self.three_phase = div_factor, final_div_factor, three_phase

    def __call__(self, step):
        n, top = int(self.total_steps), float(self.max_lr)
        first = top / self.div_factor
        last = first / self.final_div_factor
        step = min(int(step), n - 1)
        rise = self.pct_start * n
        phases = [(rise - 1, first, top), (n - 1, top, last)]
        if self.three_phase:
            phases[1:] = [(2 * rise - 2, top, first), (n - 1, first, last)]
        ends = [end for end, _, _ in phases]
        i = bisect_left(ends, step, 0, len(ends) - 1)
        end, a, b = phases[i]
        start = ends[i - 1] if i else 0.0
        part = (step - start) / (end - start) if end > start else 1.0
        return a + (b - a) * part if self.anneal_strategy == "linear" else b + (a - b) * half_cosine(part)


class Cyclic(Schedule):
    """f(step) = base_lr + (max_lr - base_lr) * u * s: u a triangle from 0 over 1 to 0, s the scale of the mode.

    torch.optim.lr_scheduler.CyclicLR. s is 1 ("triangular"), 1 / 2^(number of cycles before) ("triangular2") or
    gamma^step ("exp_range").

    Parameters
    ----------
    base_lr, max_lr : float
        >= 0.
    step_size_up : int, default=2000
        Steps of the rise, >= 1.
    step_size_down : int or None, default=None
        Steps of the fall; None: as many.
    mode : {"triangular", "triangular2", "exp_range"}, default="triangular"
    gamma : float, default=1.0
        > 0; another value than 1 belongs to "exp_range".

    Notes
    -----
    Smith, Cyclical learning rates (2017).

    Examples
    --------
    >>> f = Cyclic(0.0, 1.0, step_size_up=2, mode="triangular2")
    >>> [f(step) for step in range(8)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25]
    """

    def __init__(self, base_lr, max_lr, step_size_up=2000, step_size_down=None, mode="triangular", gamma=1.0):
        real("Cyclic", "base_lr", base_lr)
        real("Cyclic", "max_lr", max_lr)
        count("Cyclic", "step_size_up", step_size_up)
        if step_size_down is not None:
            count("Cyclic", "step_size_down", step_size_down)
        choice("Cyclic", "mode", mode, ("triangular", "triangular2", "exp_range"))
        real("Cyclic", "gamma", gamma, open_low=True)
        if gamma != 1 and mode != "exp_range":
            raise ValueError(f"Cyclic: gamma belongs to mode='exp_range', got gamma={gamma!r} with mode={mode!r}")
        self.base_lr, self.max_lr, self.step_size_up, self.step_size_down = (
            base_lr, max_lr, step_size_up, step_size_down)  # fmt: skip
        self.mode, self.gamma = mode, gamma

    def __call__(self, step):
        up = int(self.step_size_up)
        down = up if self.step_size_down is None else int(self.step_size_down)
        cycle, place = divmod(int(step), up + down)
        height = place / up if place <= up else (up + down - place) / down
        height *= float(self.max_lr) - self.base_lr
        if self.mode == "triangular2":
            height *= 0.5**cycle
        elif self.mode == "exp_range":
            height = grown(height, self.gamma, int(step))
        return self.base_lr + height
