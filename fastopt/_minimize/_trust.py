"""Newton's method in a trust region."""

import numpy as np

from ._descent import conjugate_gradients, given_up


def trust_region(function, point, stop, *, radius=1.0, max_radius=np.inf):
    """Minimise the quadratic model within a radius by Steihaug's conjugate gradients; returns point and reason.

    The radius doubles where a step to the boundary got 3/4 of the promised decrease and falls to a quarter where
    it got less than 1/4; a step that got less than 1e-4 is refused (Nocedal and Wright, algorithm 4.1).
    """
    start = radius = min(radius, max_radius)
    product = function.product(point)
    while True:
        g = point.gradient
        norm = float(np.linalg.norm(g))
        d, boundary = conjugate_gradients(product, g, min(0.5, norm**0.5) * norm, radius)
        promised = -(float(g @ d) + 0.5 * float(d @ product(d)))
        if not np.isfinite(promised):
            if product is np.zeros_like:
                return point, given_up(function, stop, point, -g, -norm * norm)
            # The Hessian is not known here: a linear model.
            product = np.zeros_like
            continue
        trial = function.evaluate(point.x + d)
        rounding = 10 * function.epsilon * abs(point.value)
        gained = point.value - trial.value
        # Where both are lost in rounding, the gradient decides.
        alike = abs(promised) <= rounding and abs(gained) <= rounding
        if alike:
            ratio = 1.0 if np.linalg.norm(trial.gradient) < norm else 0.0
        else:
            ratio = gained / promised if promised > 0 and np.isfinite(trial.value) else -1.0
        if ratio < 0.25:
            radius = 0.25 * min(radius, float(np.linalg.norm(d)))
        elif ratio > 0.75 and boundary:
            radius = min(2.0 * radius, max_radius)
        before = point
        moved = ratio > 1e-4 and not np.array_equal(trial.x, point.x)
        if moved:
            point = trial
            if function.forward and stop.flat(point):
                point = function.refine(point)
            product = function.product(point)
        elif alike or radius <= function.epsilon * max(1.0, float(np.abs(point.x).max())):
            if function.forward:
                point, radius = function.refine(point), start
                if stop.flat(point):
                    return point, "gtol"
                continue
            return point, given_up(function, stop, point, -g, -norm * norm)
        reason = stop.after(before, point, moved)
        if reason:
            return point, reason
