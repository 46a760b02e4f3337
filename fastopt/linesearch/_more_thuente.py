"""More and Thuente's search for the strong Wolfe conditions."""

import math

from ._conditions import Step, armijo_accepts, check_search, strong_wolfe_accepts
from ._strong import _cubic


def more_thuente(phi, value0, slope0, t, *, first=None, c1=1e-3, c2=0.9, rounding=0.0, t_max=math.inf, max_trials=30):
    """A step that satisfies the strong Wolfe conditions, by an interval that holds a minimiser of phi or of psi.

    psi(t) = phi(t) - phi(0) - c1 t phi'(0) guides the search until one trial has psi <= 0 and phi' >= 0, phi from
    there on. The next trial is the minimiser of a cubic or of a parabola through the last two trials, by which of four
    cases their values and slopes make; the interval is halved where two trials have not shrunk it by a third.

    Parameters
    ----------
    phi, value0, slope0, t, first, rounding, t_max, max_trials
        As in `strong_wolfe`.
    c1, c2 : float
        ``0 < c1 <= c2 < 1``; the defaults are those of MINPACK-2's dcsrch in L-BFGS-B.

    Returns
    -------
    Step or None
        None where no trial decreased enough; the best one that did where none satisfied both conditions.

    References
    ----------
    More and Thuente, Line search algorithms with guaranteed sufficient decrease, ACM Trans. Math. Softw. 20 (1994).

    Examples
    --------
    >>> step = more_thuente(lambda t: ((t - 3) ** 2, 2 * (t - 3)), 9.0, -6.0, 1.0, c2=0.1)
    >>> round(step.length, 2), step.n_trials
    (3.0, 2)
    """
    # The ends of the interval: the one with the least value so far, and the other.
    low = high = (0.0, value0, slope0)
    bracketed, by_phi, best = False, False, None
    wall, widths = t_max, [math.inf, math.inf]
    t = min(t, t_max)
    check_search(slope0, t, c1, c2)
    for trial in range(1, max_trials + 1):
        value, slope, *_ = phi(t) if first is None or trial > 1 else first
        if strong_wolfe_accepts(value0, slope0, t, value, slope, c1=c1, c2=c2, rounding=rounding):
            return Step(t, value, slope, trial)
        if not (math.isfinite(value) and math.isfinite(slope)):
            # What lies beyond is closed; the interval may open again up to here.
            wall = t
            t = low[0] + 0.1 * (t - low[0])
            if t == low[0]:
                break
            continue
        enough = armijo_accepts(value0, slope0, t, value, c1=c1, rounding=rounding)
        if enough and (best is None or value < best.value):
            best = Step(t, value, slope, trial)
        if enough and slope < 0 and t >= t_max:
            break
        by_phi = by_phi or (value <= value0 + c1 * t * slope0 and slope >= 0)
        tilt = 0.0 if by_phi or value > low[1] else c1 * slope0
        ends = [(u, f - tilt * u, g - tilt) for u, f, g in (low, high, (t, value, slope))]
        following, bracketed = _next_trial(*ends, bracketed, wall)
        if ends[2][1] > ends[0][1]:
            high = (t, value, slope)
        else:
            if ends[2][2] * ends[0][2] < 0:
                high = low
            low = (t, value, slope)
        if bracketed:
            width = abs(high[0] - low[0])
            if width <= 1e-15 * max(low[0], high[0]):
                break
            if width > 0.66 * widths[-2]:
                following = low[0] + 0.5 * (high[0] - low[0])
            widths = [widths[-1], width]
            if not min(low[0], high[0]) < following < max(low[0], high[0]):
                following = low[0] + 0.5 * (high[0] - low[0])
        else:
            # At least 1.1 and at most 4 of the last stride farther, and halfway to where values end.
            stride = t - (low[0] if low[0] != t else ends[0][0])
            following = min(max(following, t + 1.1 * stride), t + 4.0 * stride)
            following = min(following, wall if wall == t_max else 0.5 * (t + wall))
        if following in (low[0], high[0], t):
            break
        t = following
    return best


def _next_trial(low, high, new, bracketed, wall):
    """The next trial and whether a bracket holds it: the four cases of section 4 of the paper."""
    (a, fa, ga), (t, ft, gt) = low, new
    cubic = _cubic(low, new)
    if ft > fa:
        # A higher value: a minimiser lies between. The cubic where it is nearer to `low` than the parabola.
        divisor = 2 * ((fa - ft) / (t - a) + ga)
        parabola = a + ga * (t - a) / divisor if divisor != 0 else 0.5 * (a + t)
        if not math.isfinite(cubic):
            cubic = parabola
        return (cubic if abs(cubic - a) < abs(parabola - a) else cubic + 0.5 * (parabola - cubic)), True
    secant = t + gt * (a - t) / (gt - ga) if gt != ga else math.inf
    if gt * ga < 0:
        # Slopes of opposite signs: a minimiser lies between. The farther of cubic and secant.
        if not math.isfinite(cubic):
            return secant, True
        return (cubic if abs(cubic - t) > abs(secant - t) else secant), True
    if abs(gt) <= abs(ga):
        # The slope falls: the cubic where it goes on in this direction, bounded by two thirds of the way to `high`.
        ahead = math.isfinite(cubic) and (cubic - t) * (t - a) > 0
        far = wall if t > a else 0.0
        cubic = cubic if ahead else far
        if bracketed:
            trial = cubic if abs(cubic - t) < abs(secant - t) else secant
            limit = t + 0.66 * (high[0] - t)
            return (min(trial, limit) if t > a else max(trial, limit)), True
        return (cubic if abs(cubic - t) > abs(secant - t) else secant), False
    # The slope does not fall: the cubic of `new` and `high`, or as far as allowed.
    if bracketed:
        trial = _cubic(high, new)
        return (trial if math.isfinite(trial) else t + 0.5 * (high[0] - t)), True
    return (wall if t > a else 0.0), False
