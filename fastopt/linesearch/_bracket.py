"""Searches that bracket: the weak Wolfe conditions, and the minimiser of a convex line."""

import math

from ._conditions import Step, armijo_accepts, check_search, wolfe_accepts


def wolfe(phi, value0, slope0, t, *, first=None, c1=1e-4, c2=0.9, rounding=0.0, max_trials=40):
    """A step that satisfies the weak Wolfe conditions, by bracketing and safeguarded interpolation.

    The bracket holds a point that decreases enough and still descends (`low`) and one that does not
    (`high`); the next trial is the minimiser of the cubic through both values and slopes, kept in
    the inner 80 % of the bracket, and the midpoint where the cubic has none or a value is not finite.

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
        Constants of sufficient decrease and curvature, ``0 < c1 <= c2 < 1``.
    rounding : float
        Error of a value from rounding; differences below it count as none.
    max_trials : int

    Returns
    -------
    Step or None
        None where no trial was accepted; where at least one trial decreased enough, that one is returned.

    References
    ----------
    Nocedal and Wright, Numerical Optimization (2006), section 3.5; Hager and Zhang, SIAM J. Optim. 16 (2005).
    """
    check_search(slope0, t, c1, c2)
    low, high = (0.0, value0, slope0), None
    best = None
    for trial in range(1, max_trials + 1):
        value, slope, *_ = phi(t) if first is None or trial > 1 else first
        if wolfe_accepts(value0, slope0, t, value, slope, c1=c1, c2=c2, rounding=rounding):
            return Step(t, value, slope, trial)
        enough = armijo_accepts(value0, slope0, t, value, c1=c1, rounding=rounding)
        if enough and (best is None or value < best.value):
            best = Step(t, value, slope, trial)
        if enough and slope < 0:
            low = (t, value, slope)
        else:
            high = (t, value, slope)
        if high is None:
            t *= 4.0
        else:
            t = _inside(low, high)
        if high is not None and high[0] - low[0] <= 1e-15 * high[0]:
            break
    return best


def _inside(low, high):
    """The next trial between two points of a bracket."""
    a, fa, ga = low
    b, fb, gb = high
    width = b - a
    middle = a + 0.5 * width
    if not (math.isfinite(fb) and math.isfinite(gb)):
        return a + 0.1 * width
    d1 = ga + gb - 3 * (fa - fb) / (a - b)
    square = d1 * d1 - ga * gb
    if square < 0:
        return middle
    d2 = math.copysign(math.sqrt(square), width)
    divisor = gb - ga + 2 * d2
    if divisor == 0:
        return middle
    t = b - width * (gb + d2 - d1) / divisor
    if not math.isfinite(t):
        return middle
    return min(max(t, a + 0.1 * width), a + 0.9 * width)


def minimum(phi, value0, slope0, t, *, c1=1e-4, c2=0.03, rounding=0.0, max_trials=20):
    """A step close to the minimiser of a convex phi: sufficient decrease and ``|phi'(t)| <= c2 |phi'(0)|``.

    Newton's method on the slope, kept in the bracket of the slopes seen so far and, where that is still open, at most
    four times longer than the last trial.

    Parameters
    ----------
    phi : callable
        ``phi(t) -> (value, slope, curvature)``; non-finite values make the search step back.
    value0, slope0, t, c1, rounding, max_trials
        As in `wolfe`.
    c2 : float
        Slope left at the accepted step, relative to the first; in (0, 1).

    Returns
    -------
    Step or None
        None where no trial decreased enough; the best one that did where none had so small a slope.
    """
    check_search(slope0, t, c1)
    if not 0 < c2 < 1:
        raise ValueError(f"c2 must satisfy 0 < c2 < 1, got {c2!r}")
    low, high = 0.0, math.inf
    best = None
    for trial in range(1, max_trials + 1):
        value, slope, curvature = phi(t)
        if armijo_accepts(value0, slope0, t, value, c1=c1, rounding=rounding):
            if abs(slope) <= -c2 * slope0:
                return Step(t, value, slope, trial)
            if best is None or value < best.value:
                best = Step(t, value, slope, trial)
        if math.isfinite(value) and slope < 0:
            low = t
        else:
            high = t
        if not (math.isfinite(value) and math.isfinite(slope)):
            t = low + 0.1 * (t - low)
            continue
        target = t - slope / curvature if curvature > 0 else math.inf
        if high == math.inf:
            t = min(target, 4.0 * t)
        else:
            width = high - low
            t = target if low + 0.01 * width < target < high - 0.01 * width else low + 0.5 * width
        if t == low or t == high:
            break
    return best
