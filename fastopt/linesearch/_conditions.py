"""What a line search accepts."""

import math
from typing import NamedTuple


class Step(NamedTuple):
    """An accepted step: its length, value and slope there, and the number of trials it took."""

    length: float
    value: float
    slope: float
    n_trials: int


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
    if value <= value0 + c1 * t * slope0:
        return True
    return value <= value0 + rounding and slope <= (2 * c1 - 1) * slope0


def strong_wolfe_accepts(value0, slope0, t, value, slope, *, c1=1e-4, c2=0.9, rounding=0.0):
    """Sufficient decrease and ``|phi'(t)| <= c2 |phi'(0)|``, or the approximate conditions as in `wolfe_accepts`."""
    if not (math.isfinite(value) and abs(slope) <= -c2 * slope0):
        return False
    if value <= value0 + c1 * t * slope0:
        return True
    return rounding > 0 and value <= value0 + rounding and slope <= (2 * c1 - 1) * slope0
