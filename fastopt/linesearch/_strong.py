"""The strong Wolfe conditions, by a bracket that zooms."""

import math

from ._conditions import Step, armijo_accepts, check_search, strong_wolfe_accepts


def strong_wolfe(phi, value0, slope0, t, *, first=None, c1=1e-4, c2=0.9, rounding=0.0, t_max=math.inf, max_trials=30):
    """A step that satisfies the strong Wolfe conditions.

    ``phi(t) <= phi(0) + c1 t phi'(0)`` and ``|phi'(t)| <= c2 |phi'(0)|``. The step grows until a bracket holds
    such a point, by the cubic through the last two trials, at least twice and at most ten times. The bracket
    then shrinks to the minimiser of the cubic through the values and slopes at its ends, kept in its inner 80 %,
    and is halved where two trials have not done so.

    Parameters
    ----------
    phi : callable
        ``phi(t) -> (value, slope)``; non-finite values make the search step back.
    value0, slope0 : float
        Value and slope at 0; the slope must be negative.
    t : float
        First trial, positive.
    first : (value, slope), optional
        The result of the first trial, where the caller has it.
    c1, c2 : float
        ``0 < c1 <= c2 < 1``.
    rounding : float
        Error of a value from rounding: below it Hager and Zhang's approximate conditions judge by slopes.
    t_max : float
        Longest step, positive; returned where the function still descends there.
    max_trials : int

    Returns
    -------
    Step or None
        None where no trial decreased enough; the best one that did where none satisfied both conditions. Within
        rounding a slope that is flatter by a tenth counts as a decrease.

    References
    ----------
    Nocedal and Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6.

    Examples
    --------
    >>> strong_wolfe(lambda t: ((t - 3) ** 2, 2 * (t - 3)), 9.0, -6.0, 1.0, c2=0.1)
    Step(length=3.0, value=0.0, slope=0.0, n_trials=2)
    """
    low, high, best = (0.0, value0, slope0), None, None
    widths = [math.inf, math.inf]
    t = min(t, t_max)
    check_search(slope0, t, c1, c2)
    for trial in range(1, max_trials + 1):
        value, slope, *_ = phi(t) if first is None or trial > 1 else first
        if strong_wolfe_accepts(value0, slope0, t, value, slope, c1=c1, c2=c2, rounding=rounding):
            return Step(t, value, slope, trial)
        finite = math.isfinite(value) and math.isfinite(slope)
        enough = finite and armijo_accepts(value0, slope0, t, value, c1=c1, rounding=rounding)
        # Within rounding of phi(0), where a slope tells more: a wrong gradient's does not flatten.
        better = value < value0 or abs(slope) <= 0.9 * abs(slope0)
        if enough and better and (best is None or value < best.value):
            best = Step(t, value, slope, trial)
        new = (t, value, slope) if finite else (t, math.inf, math.nan)
        if not enough or (low[0] > 0 and value > low[1]):
            high = new
        elif high is None and slope < 0:
            if t >= t_max:
                break
            t = min(_beyond(low, new), t_max)
            low = new
            continue
        else:
            if high is None or slope * (high[0] - t) >= 0:
                high = low
            low = new
        width = abs(high[0] - low[0])
        if width <= 1e-15 * max(low[0], high[0]):
            break
        slow = width > 0.66 * widths[-2]
        widths = [widths[-1], width]
        t = low[0] + 0.5 * (high[0] - low[0]) if slow and math.isfinite(high[1]) else _between(low, high)
    return best


def _cubic(a, b):
    """The minimiser of the cubic through two points (place, value, slope), or nan."""
    (u, fu, gu), (v, fv, gv) = a, b
    d1 = gu + gv - 3 * (fu - fv) / (u - v)
    square = d1 * d1 - gu * gv
    if not square >= 0:
        return math.nan
    d2 = math.copysign(math.sqrt(square), v - u)
    divisor = gv - gu + 2 * d2
    return v - (v - u) * (gv + d2 - d1) / divisor if divisor != 0 else math.nan


def _beyond(a, b):
    """A longer trial than b."""
    t = _cubic(a, b)
    if not t > b[0]:
        return 4.0 * b[0]
    return min(max(t, 2.0 * b[0]), 10.0 * b[0])


def _between(low, high):
    """The next trial in the bracket; near `low` where the value at `high` is not finite."""
    width = high[0] - low[0]
    if not math.isfinite(high[1]):
        return low[0] + 0.1 * width
    t = _cubic(low, high)
    if not math.isfinite(t):
        return low[0] + 0.5 * width
    ends = sorted((low[0] + 0.1 * width, low[0] + 0.9 * width))
    return min(max(t, ends[0]), ends[1])
