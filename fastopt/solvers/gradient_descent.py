"""Gradient descent with an Armijo search."""

import numpy as np

from ..linesearch import armijo_accepts, backtracking
from ._result import Result


def gradient_descent(objective, x0, goal, *, max_iter=10000, monitor):
    """Minimise along the negative gradient; the first trial is the Barzilai-Borwein step s's / s'y."""
    point = objective.evaluate(x0)
    length, step, n_iter = 1.0 / max(float(np.linalg.norm(point.gradient)), 1e-300), 0.0, 0
    while True:
        stop = monitor.record(point, step, objective.n_passes)
        if goal.reached(point, estimate=0.5 * length * float(point.gradient @ point.gradient) if n_iter else None):
            return Result(point, n_iter, goal.reason)
        if stop:
            return Result(point, n_iter, monitor.reason)
        if n_iter >= max_iter:
            return Result(point, n_iter, "max_iter")
        direction = -point.gradient
        slope = -float(point.gradient @ point.gradient)
        if not slope < 0 < length:
            return Result(point, n_iter, "no progress")
        rounding = goal.allowance(point)
        trial = objective.evaluate(point.x + length * direction)
        step = length
        if not armijo_accepts(point.value, slope, length, trial.value, rounding=rounding):
            phi = objective.line(point, direction, trial if np.isfinite(trial.value) else None, length)
            first = (trial.value, float(trial.gradient @ direction))
            found = backtracking(phi, point.value, slope, length, first=first, rounding=rounding)
            objective.release(trial)
            if found is None:
                return Result(point, n_iter, "no progress")
            step = found.length
            trial = objective.evaluate(point.x + step * direction)
        s, y = trial.x - point.x, trial.gradient - point.gradient
        curvature = float(s @ y)
        length = float(s @ s) / curvature if curvature > 0 else 2 * step
        objective.release(point)
        point = trial
        n_iter += 1


gradient_descent.needs = frozenset({"gradient"})
