"""L-BFGS between bounds, by the generalized Cauchy point."""

import numpy as np

from ..linesearch import strong_wolfe
from ._descent import first_length, given_up
from ._function import Line


def projected_gradient(point, lower, upper):
    """x - P(x - g): zero exactly where no feasible direction descends."""
    return point.x - np.clip(point.x - point.gradient, lower, upper)


class Segment(Line):
    """A line within the bounds whose point at 1 is the target to the last bit, so that bounds are met exactly."""

    def __init__(self, function, point, d, target):
        super().__init__(function, point, d)
        self.target = target

    def at(self, t):
        return self.target if t == 1.0 else np.clip(super().at(t), self.function.lower, self.function.upper)


def lbfgsb(function, point, stop, lower, upper, *, memory=10):
    """Minimise between bounds; returns the last point and the reason.

    The direction leads to the minimiser of the quasi-Newton model over the entries that are free at its generalized
    Cauchy point; the strong Wolfe conditions choose the step within the bounds.

    Byrd, Lu, Nocedal and Zhu, SIAM J. Sci. Comput. 16 (1995); projection: Morales and Nocedal, ACM Trans. Math. Softw.
    38 (2011).
    """
    pairs = function.vectors.BoundedPairs(memory)
    boxed = bool(np.isfinite(lower).all() and np.isfinite(upper).all())
    while True:
        if not pairs and not boxed:
            # A Cauchy point of -g itself would end at bounds that are far away.
            plain = projected_gradient(point, lower, upper)
            largest, size = float(np.abs(plain).max()), max(1.0, float(np.abs(point.x).max()))
            pairs.gamma = first_length(function, plain, largest, size) if largest > 0 else 1.0
        found = pairs.target(point.x, point.gradient, lower, upper)
        if found is None or not (found[2] < 0 and found[3] < np.inf):
            if pairs:
                pairs = function.vectors.BoundedPairs(memory)
                continue
            plain = -projected_gradient(point, lower, upper)
            return point, given_up(function, stop, point, plain, float(point.gradient @ plain))
        target, d, slope, _, room = found
        phi = Segment(function, point, d, target)
        rounding = 4 * function.epsilon * abs(point.value)
        trial = phi.accepted(strong_wolfe(phi, point.value, slope, 1.0, rounding=rounding, t_max=max(1.0, room)))
        if trial is None:
            if function.forward:
                point = function.refine(point)
                if stop.flat(point):
                    return point, "gtol"
                pairs = function.vectors.BoundedPairs(memory)
                continue
            if pairs:
                pairs = function.vectors.BoundedPairs(memory)
                continue
            return point, given_up(function, stop, point, d, slope)
        before, point = point, trial
        if pairs.add(before.x, before.gradient, point.x, point.gradient):
            function.model = pairs
        if function.forward and stop.flat(point):
            point = function.refine(point)
            pairs = function.vectors.BoundedPairs(memory)
        reason = stop.after(before, point)
        if reason:
            return point, reason
