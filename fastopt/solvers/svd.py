"""Least squares by a singular value decomposition: the solution of smallest norm."""


from ._goal import newton_decrement
from ._result import Result


def svd(objective, x0, goal, *, max_iter=1, monitor):
    """Solve a quadratic problem at once, from a centred and weighted copy of X.

    Singular values below ``eps * max(n, p)`` of the largest count as zero; without a penalty the
    coefficients are then those of smallest Euclidean norm. Slower than the Cholesky factorisation
    of the Gram matrix by a factor of about ten, and accurate for columns that are nearly dependent.
    """
    start = objective.evaluate(x0)
    monitor.record(start, 0.0, objective.n_passes)
    if goal.constant_value is None:
        goal.constant_value = start.value
    objective.release(start)
    point = objective.evaluate(objective.least_squares())
    monitor.record(point, 1.0, objective.n_passes)
    goal.certify(point)
    if goal.gap is None:
        goal.decrement = newton_decrement(objective, point)
        if goal.decrement is None:
            goal.decrement = 0.0
    reached = goal.bound_value() <= goal.threshold(point)
    reason = goal.reason if reached else "no progress"
    return Result(point, 1, reason)


svd.needs = frozenset({"gradient", "hessian", "squares"})
