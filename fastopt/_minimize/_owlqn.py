"""OWL-QN: L-BFGS for a smooth function plus a weighted sum of absolute values."""

import numpy as np

from ..penalties import L1, L2
from ._descent import first_length, given_up
from ._methods import terms


def strengths(penalty, n):
    """The factors of |x_j| and of x_j^2 / 2, float64 vectors."""
    absolute, square = np.zeros(n), np.zeros(n)
    for term in () if penalty is None else terms(penalty):
        weights = term.alpha * (1.0 if term.weights is None else term.weights)
        ratio = 1.0 if isinstance(term, L1) else 0.0 if isinstance(term, L2) else term.l1_ratio
        absolute += ratio * weights
        square += (1.0 - ratio) * weights
    return absolute, square


def pseudo_gradient(x, g, absolute):
    """The shortest subgradient of fun + sum a_j |x_j|: minus it is the direction of steepest descent."""
    at_zero = np.sign(g) * np.maximum(np.abs(g) - absolute, 0.0)
    return np.where(x == 0, at_zero, g + absolute * np.sign(x))


def owlqn(function, point, stop, *, memory=10):
    """Minimise fun + sum a_j |x_j| + q_j x_j^2 / 2; returns the last point and the reason.

    The direction of L-BFGS (pairs of the smooth part) for the pseudo-gradient loses the entries that ascend; the trial
    points are projected on the orthant of x, at zeros that of the direction of descent, so that entries become zero
    exactly. Armijo's condition accepts. Where the quasi-Newton direction fails, the pairs are dropped.

    Andrew and Gao, Scalable training of L1-regularized log-linear models, ICML 2007.
    """
    absolute, square = strengths(function.penalty and function.penalty.penalty, point.x.size)
    kinked = absolute > 0
    pairs = function.vectors.Pairs(memory)
    smooth = point.gradient + square * point.x
    while True:
        x = point.x
        steepest = pseudo_gradient(x, smooth, absolute)
        d = pairs.direction(steepest)
        d[(d * steepest >= 0) & kinked] = 0.0
        if not (float(d @ steepest) < 0 and np.isfinite(d).all()):
            d = -steepest
            pairs.clear()
        orthant = np.where(x == 0, -np.sign(steepest), np.sign(x))
        trial = _search(function, stop, point, d, steepest, orthant, kinked, fresh=not pairs)
        if trial is None:
            if function.forward:
                point = function.refine(point)
                if stop.flat(point):
                    return point, "gtol"
                smooth = point.gradient + square * point.x
                pairs.clear()
                continue
            if pairs:
                pairs.clear()
                continue
            return point, given_up(function, stop, point, d, float(d @ steepest))
        before, point, old = point, trial, smooth
        if function.forward and stop.flat(point):
            point = function.refine(point)
            pairs.clear()
            smooth = point.gradient + square * point.x
        else:
            smooth = point.gradient + square * point.x
            pairs.add(x, old, point.x, smooth)
        reason = stop.after(before, point)
        if reason:
            return point, reason


def _search(function, stop, point, d, steepest, orthant, kinked, fresh):
    """The accepted point or None."""
    x = point.x
    length = 1.0
    if fresh:
        length = first_length(function, d, float(np.abs(d).max()), max(1.0, float(np.abs(x).max())))
    rounding = 4 * function.epsilon * max(abs(point.value), abs(point.smooth))
    for _ in range(50):
        moved = x + length * d
        moved[kinked & (moved * orthant <= 0)] = 0.0
        moved = function.rounded(moved)
        if np.array_equal(moved, x):
            return None
        trial = function.evaluate(moved)
        slope = float(steepest @ (moved - x))
        if trial.value < point.value and trial.value <= point.value + 1e-4 * slope:
            return trial
        if abs(trial.value - point.value) <= rounding and slope < 0:
            if stop.optimality(trial) < stop.optimality(point):
                return trial
        ratio = 0.1
        if np.isfinite(trial.value) and trial.value - point.value > slope:
            ratio = -slope / (2 * (trial.value - point.value - slope))
        length *= min(max(ratio, 0.1), 0.5)
    return None
