"""Hager and Zhang's search with the approximate Wolfe conditions."""

import math

from ._conditions import Step, armijo_accepts, check_search


class _Accepted(Exception):
    """Ends the search from inside its nested steps."""


def hager_zhang(phi, value0, slope0, t, *, first=None, c1=0.1, c2=0.9, rounding=None, max_trials=50):
    """A step that satisfies the weak Wolfe conditions or, near a minimum, the approximate ones.

    Weak: ``phi(t) <= phi(0) + c1 t phi'(0)`` and ``phi'(t) >= c2 phi'(0)``. Approximate: the value exceeds phi(0) by no
    more than `rounding` and ``(2 c1 - 1) phi'(0) >= phi'(t) >= c2 phi'(0)``: on a parabola the same as the weak ones,
    but judged by slopes, which keep their digits where values have lost them. The bracket, whose slopes have opposite
    signs, shrinks by double secant steps, or by halving where these shrink it by less than a third.

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
        ``0 < c1 < 1/2``, ``c1 <= c2 < 1``.
    rounding : float, optional
        Default 1e-6 ``|phi(0)|``.
    max_trials : int

    Returns
    -------
    Step or None
        None where no trial decreased enough; the best one that did where none satisfied the conditions.

    References
    ----------
    Hager and Zhang, SIAM J. Optim. 16 (2005), section 4; ACM Trans. Math. Softw. 32 (2006).

    Examples
    --------
    >>> hager_zhang(lambda t: ((t - 3) ** 2, 2 * (t - 3)), 9.0, -6.0, 1.0, c2=0.5)
    Step(length=5.0, value=4.0, slope=4.0, n_trials=2)
    """
    check_search(slope0, t, c1, c2)
    if not c1 < 0.5:
        raise ValueError(f"c1 must satisfy 0 < c1 < 1/2, got {c1!r}")
    search = _Search(
        phi, value0, slope0, first, c1, c2, 1e-6 * abs(value0) if rounding is None else rounding, max_trials
    )
    try:
        search.run(t)
    except _Accepted:
        pass
    return search.best


class _Search:
    def __init__(self, phi, value0, slope0, first, c1, c2, rounding, max_trials):
        self.phi, self.value0, self.slope0, self.first = phi, value0, slope0, first
        self.c1, self.c2, self.limit, self.max_trials = c1, c2, value0 + rounding, max_trials
        self.slopes, self.best, self.trials = {0.0: slope0}, None, 0

    def at(self, t):
        """Value and slope at a trial, (inf, nan) where they are not finite; ends the search where it is over."""
        if self.trials >= self.max_trials:
            raise _Accepted
        value, slope, *_ = self.phi(t) if self.first is None or self.trials else self.first
        self.trials += 1
        if not (math.isfinite(value) and math.isfinite(slope)):
            return math.inf, math.nan
        self.slopes[t] = slope
        enough = armijo_accepts(self.value0, self.slope0, t, value, c1=self.c1)
        near = value <= self.limit and slope <= (2 * self.c1 - 1) * self.slope0
        if slope >= self.c2 * self.slope0 and (enough or near):
            self.best = Step(t, value, slope, self.trials)
            raise _Accepted
        decreases = armijo_accepts(self.value0, self.slope0, t, value, c1=min(self.c1, 1e-4))
        if decreases and (self.best is None or value < self.best.value):
            self.best = Step(t, value, slope, self.trials)
        return value, slope

    def run(self, t):
        a, b = self.bracket(t)
        while b - a > 1e-15 * b:
            width = b - a
            a, b = self.secant_twice(a, b)
            if b - a > 0.66 * width:
                a, b = self.update(a, b, a + 0.5 * (b - a))

    def bracket(self, t):
        low, wall = 0.0, math.inf
        while True:
            value, slope = self.at(t)
            if value == math.inf:
                wall = t
                t = low + 0.1 * (t - low)
            elif slope >= 0:
                return low, t
            elif value > self.limit:
                return self.shrink(0.0, t)
            else:
                low = t
                t = 5.0 * t if wall == math.inf else min(5.0 * t, 0.5 * (t + wall))
                if not low < t < math.inf:
                    raise _Accepted

    def shrink(self, a, b):
        """A bracket inside [a, b], where the function falls at a and is too high at b."""
        while b - a > 1e-15 * b:
            t = a + 0.5 * (b - a)
            value, slope = self.at(t)
            if slope >= 0:
                return a, t
            if value <= self.limit:
                a = t
            else:
                b = t
        raise _Accepted

    def update(self, a, b, t):
        if not a < t < b:
            return a, b
        value, slope = self.at(t)
        if slope >= 0:
            return a, t
        return (t, b) if value <= self.limit else self.shrink(a, t)

    def secant(self, a, b):
        u, v = self.slopes[a], self.slopes[b]
        return (a * v - b * u) / (v - u) if v != u else math.nan

    def secant_twice(self, a, b):
        t = self.secant(a, b)
        low, high = self.update(a, b, t)
        if t == high:
            return self.update(low, high, self.secant(b, high))
        if t == low:
            return self.update(low, high, self.secant(a, low))
        return low, high
