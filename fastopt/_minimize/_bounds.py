"""L-BFGS between bounds, by projection."""

import numpy as np

from ..linesearch import strong_wolfe
from ._descent import given_up
from ._function import Line


def projected_gradient(point, lower, upper):
    """x - P(x - g): zero exactly where no feasible direction descends."""
    return point.x - np.clip(point.x - point.gradient, lower, upper)


def lbfgsb(function, point, stop, lower, upper, *, memory=10):
    """Minimise between bounds; returns the last point and the reason.

    Entries at a bound that the gradient pushes outwards are held; the two-loop recursion runs over the free parts of
    the pairs. Where the step reaches no bound the strong Wolfe conditions choose it, else the first point on the
    projected path P(x + t d) that decreases enough (Bertsekas, SIAM J. Control Optim. 20 (1982)).
    """
    kept = []
    while True:
        x, g = point.x, point.gradient
        measure = float(np.abs(projected_gradient(point, lower, upper)).max())
        near = min(measure, 1e-8)
        held = ((x <= lower + near) & (g > 0)) | ((x >= upper - near) & (g < 0))
        free = ~held
        plain = -np.where(free, g, 0.0)
        pairs, zero = function.vectors.Pairs(memory), np.zeros(int(free.sum()))
        for s, y in kept if zero.size else ():
            pairs.add(zero, zero, s[free], y[free])
        d = np.zeros_like(x)
        d[free] = pairs.direction(g[free])
        if not (float(g @ d) < 0 and np.isfinite(d).all()):
            d = plain.copy()
            pairs.clear()
        # Held entries snap to their bounds with the first step.
        snap = held & (x > lower) & (x < upper)
        d[snap] = np.where(g > 0, lower - x, upper - x)[snap]
        slope = float(g @ d)
        if not slope < 0:
            return point, given_up(function, stop, point, plain, float(g @ plain))
        trial = _search(function, point, d, slope, lower, upper, scaled=bool(pairs))
        if trial is None:
            if kept:
                kept = []
                continue
            if function.differences and not function.central:
                point = function.refine(point)
                if stop.flat(point):
                    return point, "gtol"
                continue
            return point, given_up(function, stop, point, d, slope)
        before, point = point, trial
        if function.differences and not function.central and stop.flat(point):
            point, kept = function.refine(point), []
        else:
            s, y = point.x - before.x, point.gradient - before.gradient
            if float(s @ y) > 1e-14 * float(np.linalg.norm(s) * np.linalg.norm(y)):
                kept = [*kept, (s, y)][-memory:]
        reason = stop.after(before, point)
        if reason:
            return point, reason


def _search(function, point, d, slope, lower, upper, scaled):
    """The accepted point or None."""
    x = point.x
    with np.errstate(divide="ignore", invalid="ignore"):
        rooms = np.where(d > 0, (upper - x) / d, np.where(d < 0, (lower - x) / d, np.inf))
    room = float(rooms.min())
    length = 1.0 if scaled else min(1.0, 1.0 / float(np.linalg.norm(d)))
    phi = Line(function, point, d)
    rounding = 4 * function.epsilon * abs(point.value)
    if room >= length:
        step = strong_wolfe(phi, point.value, slope, length, rounding=rounding, t_max=room)
        return phi.accepted(step)
    for _ in range(50):
        phi(length)
        trial = phi.points[length]
        moved = float(point.gradient @ (trial.x - x))
        if trial.value <= point.value + 1e-4 * moved + (rounding if moved < 0 else 0.0) and trial.value != np.inf:
            if np.array_equal(trial.x, x):
                return None
            if trial.value <= point.value or np.abs(trial.gradient).max() < np.abs(point.gradient).max():
                return trial
        ratio = 0.1
        if np.isfinite(trial.value) and trial.value - point.value > moved:
            ratio = -moved / (2 * (trial.value - point.value - moved))
        length *= min(max(ratio, 0.1), 0.5)
    return None
