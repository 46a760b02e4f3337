"""What a line search accepts."""

import math
from typing import NamedTuple


class Step(NamedTuple):
    """An accepted step: its length, value and slope there, and the number of trials it took."""

    length: float
    value: float
    slope: float
    n_trials: int


def check_search(slope0, t, c1, c2=None):
    """Refuse a slope that does not descend, a first trial that is no step, constants not in 0 < c1 <= c2 < 1."""
    if slope0 < 0 < t and 0 < c1 < 1 and (c2 is None or c1 <= c2 < 1):
        return
    if not slope0 < 0:
        raise ValueError(f"slope0 must be negative, got {slope0!r}: along a direction that ascends no step is found")
    if not t > 0:
        raise ValueError(f"the first trial must be positive, got {t!r}")
    if c2 is None:
        raise ValueError(f"c1 must satisfy 0 < c1 < 1, got {c1!r}")
    raise ValueError(f"c1 and c2 must satisfy 0 < c1 <= c2 < 1, got {c1!r} and {c2!r}")


def armijo_accepts(value0, slope0, t, value, *, c1=1e-4, rounding=0.0):
    """Sufficient decrease ``phi(t) <= phi(0) + c1 t phi'(0)``, up to `rounding` of the values."""
    if not math.isfinite(value) or (rounding == 0.0 and not value < value0):
        return False
    return value <= value0 + c1 * t * slope0 + rounding


def wolfe_accepts(value0, slope0, t, value, slope, *, c1=1e-4, c2=0.9, rounding=0.0):
    """Weak Wolfe conditions, or the approximate ones of Hager and Zhang (2005) where the values
    agree to `rounding` and only the slopes still tell the two points apart."""
    if not (math.isfinite(value) and math.isfinite(slope)) or slope < c2 * slope0:
        return False
    return _decreases(value0, slope0, t, value, slope, c1, rounding)


def strong_wolfe_accepts(value0, slope0, t, value, slope, *, c1=1e-4, c2=0.9, rounding=0.0):
    """Sufficient decrease and ``|phi'(t)| <= c2 |phi'(0)|``, or the approximate conditions as in `wolfe_accepts`."""
    if not (math.isfinite(value) and abs(slope) <= -c2 * slope0):
        return False
    return _decreases(value0, slope0, t, value, slope, c1, rounding)


def _decreases(value0, slope0, t, value, slope, c1, rounding):
    """Whether a value is low enough, or no higher than by `rounding` at a slope that tells of a minimum."""
    if value <= value0 + c1 * t * slope0:
        return rounding > 0 or value < value0
    return rounding > 0 and value <= value0 + rounding and slope <= (2 * c1 - 1) * slope0
