"""Searches that only shrink the step: Armijo's condition, monotone or not."""

import math

from ._conditions import Step, armijo_accepts, check_search


def backtracking(phi, value0, slope0, t, *, first=None, c1=1e-4, shrink=0.5, rounding=0.0, max_trials=40, ceiling=None):
    """A step of sufficient decrease (Armijo), shrinking `t` until there is one; arguments as in `wolfe`.

    The shrunken step is the minimiser of the parabola through the two values and the first slope,
    kept within [0.1, `shrink`] of the rejected step, ``0 < shrink < 1``. The decrease is below `ceiling` where it is
    given, else below `value0`.

    References
    ----------
    Armijo, Pacific J. Math. 16 (1966); Nocedal and Wright, Numerical Optimization (2006), section 3.5.

    Examples
    --------
    >>> backtracking(lambda t: ((t - 1) ** 2, 2 * (t - 1)), 1.0, -2.0, 4.0)
    Step(length=1.0, value=0.0, slope=0.0, n_trials=2)
    """
    check_search(slope0, t, c1)
    if not 0 < shrink < 1:
        raise ValueError(f"shrink must satisfy 0 < shrink < 1, got {shrink!r}")
    ceiling = value0 if ceiling is None else ceiling
    for trial in range(1, max_trials + 1):
        value, slope, *_ = phi(t) if first is None or trial > 1 else first
        if armijo_accepts(ceiling, slope0, t, value, c1=c1, rounding=rounding):
            return Step(t, value, slope, trial)
        ratio = 0.1
        if math.isfinite(value):
            divisor = 2 * (value - value0 - t * slope0)
            ratio = -t * slope0 / divisor if divisor > 0 else shrink
        t *= min(max(ratio, 0.1), shrink)
    return None


def nonmonotone(phi, values, slope0, t, *, first=None, c1=1e-4, shrink=0.5, rounding=0.0, max_trials=40):
    """A step of sufficient decrease below the largest of the last values, which lets single steps rise.

    ``phi(t) <= max(values) + c1 t phi'(0)``; otherwise as `backtracking`.

    Parameters
    ----------
    values : sequence of float
        Values of the last iterations (ten are usual); the last one is phi(0).

    References
    ----------
    Grippo, Lampariello and Lucidi, SIAM J. Numer. Anal. 23 (1986).

    Examples
    --------
    >>> nonmonotone(lambda t: ((t - 1) ** 2, 2 * (t - 1)), [8.0, 1.0], -2.0, 3.0)
    Step(length=3.0, value=4.0, slope=4.0, n_trials=1)
    """
    options = {"first": first, "c1": c1, "shrink": shrink, "rounding": rounding, "max_trials": max_trials}
    return backtracking(phi, values[-1], slope0, t, ceiling=max(values), **options)
