"""Limited-memory BFGS with a weak Wolfe search in margin space and, where it pays, a Newton metric."""

import numpy as np

from .. import _kernels
from ..linesearch import wolfe, wolfe_accepts
from ._metric import metric
from ._result import Result

MEMORY = 10
_F64 = np.dtype(np.float64)
# Iterations at which the metric is built anew; the gaps grow as the curvature settles.
REFRESH = frozenset({0, 5, 11, 19, 32, 50, 80, 130, 200, 320, 500, 800})


def lbfgs(objective, x0, goal, *, max_iter=1000, monitor, memory=MEMORY):
    """Minimise by L-BFGS; most iterations read the data once.

    The first trial of an iteration is one pass that gives value and gradient. Where it is refused,
    the search goes on over the raw predictions, at O(n) a trial, and one more pass evaluates the
    accepted point.

    The initial matrix of the recursion is the inverse of the block-diagonal Hessian, one block for
    each output, on a sample of rows where there are many, and built anew at growing intervals.
    """
    point = objective.evaluate(x0)
    pairs, solve, step, n_iter = _kernels.table.linear[_F64].Pairs(memory), None, 0.0, 0
    use_metric = True
    while True:
        if use_metric and n_iter in REFRESH:
            solve = metric(objective, point)
            use_metric = solve is not None
            pairs.clear()
        direction = pairs.direction(point.gradient, solve)
        slope = float(point.gradient @ direction)
        stop = monitor.record(point, step, objective.n_passes)
        if goal.reached(point, estimate=-0.5 * slope if n_iter else None):
            return Result(point, n_iter, goal.reason)
        if stop:
            return Result(point, n_iter, monitor.reason)
        if n_iter >= max_iter:
            return Result(point, n_iter, "max_iter")
        if not -np.inf < slope < 0:
            return Result(point, n_iter, "no progress")
        length = 1.0 if pairs or solve is not None else min(1.0, 1.0 / np.linalg.norm(direction))
        trial = _search(objective, point, direction, slope, length, goal.allowance(point))
        if trial is None:
            if not pairs:
                return Result(point, n_iter, "no progress")
            pairs.clear()
            continue
        trial, step = trial
        if pairs.add(point.x, point.gradient, trial.x, trial.gradient) and solve is not None:
            y = trial.gradient - point.gradient
            pairs.gamma = pairs.curvature / float(y @ solve(y))
        objective.release(point)
        point = trial
        n_iter += 1


def _search(objective, point, direction, slope, length, rounding):
    """The accepted point and its step length, or None."""
    trial = objective.evaluate(point.x + length * direction)
    first = (trial.value, float(trial.gradient @ direction))
    if wolfe_accepts(point.value, slope, length, *first, rounding=rounding):
        return trial, length
    usable = trial if np.isfinite(trial.value) else None
    phi = objective.line(point, direction, usable, length)
    found = wolfe(phi, point.value, slope, length, first=first, rounding=rounding)
    objective.release(trial)
    if found is None:
        return None
    return objective.evaluate(point.x + found.length * direction), found.length


lbfgs.needs = frozenset({"gradient"})
