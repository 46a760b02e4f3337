"""A fit from start to certificate: scale, solve, certify, unscale."""

import math
from dataclasses import dataclass

import numpy as np

from ..diagnostics import Certificate
from ..scaling import ScaledObjective
from ._advice import intercept_note
from ._choice import SOLVERS, choose
from ._goal import Goal
from ._result import Result


@dataclass
class Fit:
    """Result of `fit_problem`; objective, dual, gap and history are in the units of `scale`."""

    params: np.ndarray
    solver: str
    certificate: Certificate
    history: dict
    notes: list
    interrupted: bool


def fit_problem(objective, *, solver="auto", tol=1e-4, max_iter=None, monitor, start=None, scale=1.0):
    """Fit a linear objective and prove how good the answer is.

    Parameters
    ----------
    objective : LinearObjective
    solver : str
        See `choose`.
    tol : float
        The relative excess promised is ``tol ** 2``.
    max_iter : int, optional
        The solver's own default where None.
    monitor : Monitor
    start : array like the parameters, optional
        Warm start; the best constant prediction where None.
    scale : float, default=1.0
        Units of the reported objective: the estimator's objective is `scale` times the mean loss
        plus penalty.

    Returns
    -------
    Fit
    """
    name = choose(objective, solver)
    view = ScaledObjective(objective, *objective.scaling())
    constant = objective.initial()
    # Without coefficients the intercepts are those of scaled columns too.
    x0 = constant.reshape(-1) if start is None else view.rescale(start)
    goal = Goal(view, tol, None if start is None else objective.value(constant))
    options = {} if max_iter is None else {"max_iter": max_iter}
    interrupted = False
    try:
        result = SOLVERS[name](view, x0, goal, monitor=monitor, **options)
    except KeyboardInterrupt:
        if monitor.point is None:
            raise
        result, interrupted = Result(monitor.point, len(monitor.rows) - 1, "interrupted"), True
    point = result.point
    converged = result.reason in ("gap", "decrement")
    if not converged:
        point = point if point.raw is not None else view.evaluate(point.x)
        if goal.constant_value is None:  # interrupted at the first point
            goal.constant_value = point.value
        goal.certify(point)
    bound = "gradient" if goal.bound_value() is None else goal.reason
    gradient = view.user_gradient(point)
    certificate = Certificate(
        objective=scale * point.value,
        dual=None if goal.dual is None else scale * goal.dual,
        gap=None if goal.gap is None else scale * goal.gap,
        relative_gap=goal.relative(point),
        bound=bound,
        gradient_norm=math.sqrt(gradient.dot(gradient)),
        newton_decrement=None if goal.decrement is None else scale * goal.decrement,
        n_iter=result.n_iter,
        passes=objective.n_passes,
        seconds=monitor.seconds,
        converged=converged,
        reason=result.reason,
    )
    params = view.unscale(point.x).reshape(objective.shape)
    notes = [*result.notes, *filter(None, [intercept_note(objective, point)])]
    return Fit(params, name, certificate, monitor.history(scale), notes, interrupted)
