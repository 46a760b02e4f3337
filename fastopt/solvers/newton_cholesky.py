"""Newton's method with a Cholesky factorisation of the exact Hessian."""

import numpy as np

from ..linesearch import armijo_accepts, backtracking, minimum
from ._result import Cholesky, Result

# Relative size of a pivot below which columns count as nearly dependent.
DEPENDENT = 1e-10
DEPENDENT_NOTE = "columns are nearly linearly dependent"
# Slope left at the full step, relative to the first, from which the next step's length is searched for.
UNSETTLED = 0.25


def newton_cholesky(objective, x0, goal, *, max_iter=100, monitor):
    """Minimise by ``x -= t H^{-1} g``.

    Needs the Hessian; each iteration reads the data once for value and gradient and, for one output, for the Hessian in
    the same pass. Far from the minimum the length t is the minimiser along the line, found over the raw predictions at
    O(n) a trial, for one more read of the data; near it (the last full step left little slope) t is 1.
    """
    notes = []
    # A constant Hessian is factorised once; later iterations refine the solution.
    constant = objective.constant_hessian
    point, hessian = objective.evaluate_hessian(x0)
    factor, step, n_iter, settled, searching = None, 0.0, 0, False, not constant
    while True:
        stop = monitor.record(point, step, objective.n_passes)
        # Close to the optimum the duality gap may show it before another Hessian is paid for.
        if settled and goal.reached(point):
            return Result(point, n_iter, goal.reason, notes)
        if hessian is None and not constant:
            hessian = objective.hessian(point)
        if factor is None or not constant:
            factor = Cholesky(hessian, objective.n_threads)
            if factor.pivot < DEPENDENT and not notes:
                notes.append(DEPENDENT_NOTE)
        direction = factor.solve(point.gradient)
        np.negative(direction, out=direction)
        slope = float(point.gradient.dot(direction))
        decrement = -0.5 * slope
        if goal.reached(point, decrement=decrement):
            return Result(point, n_iter, goal.reason, notes)
        if stop:
            return Result(point, n_iter, monitor.reason, notes)
        if n_iter >= max_iter:
            return Result(point, n_iter, "max_iter", notes)
        if not np.isfinite(slope):
            return Result(point, n_iter, "no progress", notes)
        # The error is squared by a step: with a hundredth of the gain left, the next may be the last.
        settled = decrement <= 1e-2 * goal.tol * max(goal.constant_value - point.value, 0.0)
        rounding = goal.allowance(point)
        if searching and not settled:
            found = minimum(objective.line(point, direction), point.value, slope, 1.0, rounding=rounding)
            if found is None:
                return Result(point, n_iter, "no progress", notes)
            step = found.length
            searching = abs(step - 1.0) > UNSETTLED
            trial, hessian = objective.evaluate_hessian(point.x + step * direction)
        else:
            step, x = 1.0, point.x + direction
            if constant or settled:
                trial, hessian = objective.evaluate(x), None
            else:
                trial, hessian = objective.evaluate_hessian(x)
            end = float(trial.gradient.dot(direction))
            searching = not constant and abs(end) > -UNSETTLED * slope
            if not armijo_accepts(point.value, slope, 1.0, trial.value, rounding=rounding):
                found = None
                if slope < 0:
                    usable = trial if np.isfinite(trial.value) else None
                    phi = objective.line(point, direction, usable, 1.0)
                    found = backtracking(phi, point.value, slope, 1.0, first=(trial.value, end), rounding=rounding)
                objective.release(trial)
                if found is None:
                    return Result(point, n_iter, "no progress", notes)
                step = found.length
                trial, hessian = objective.evaluate_hessian(point.x + step * direction)
        objective.release(point)
        point = trial
        n_iter += 1


newton_cholesky.needs = frozenset({"gradient", "hessian"})
