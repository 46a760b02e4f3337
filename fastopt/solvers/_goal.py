"""When a fit is good enough, and the proof of it."""

import math

import numpy as np


class Goal:
    """Stops a convex fit once the relative excess of its objective is at most ``tol ** 2``.

    The excess ``F - F*`` is bounded by a duality gap where the problem has one, else estimated by
    half the squared Newton decrement; relative means divided by ``F(constant) - F``.

    Parameters
    ----------
    objective : LinearObjective or ScaledObjective
    tol : float
    constant_value : float, optional
        Objective of the best constant prediction; that of the first point where None.
    """

    def __init__(self, objective, tol, constant_value=None):
        self.objective, self.tol, self.constant_value = objective, tol, constant_value
        self.dual = self.gap = self.decrement = None
        self.strictness = 1.0

    def allowance(self, point):
        """What rounding may hide in a difference of two values of the objective."""
        return self.objective.rounding * max(abs(point.value), abs(self.constant_value))

    def threshold(self, point):
        return self.tol**2 * max(self.constant_value - point.value, 0.0) + self.allowance(point)

    def reached(self, point, *, decrement=None, estimate=None):
        """Whether the point meets the tolerance; the certificate is computed when an estimate says so.

        `decrement` is ``g' H^{-1} g / 2`` where the solver has it. Without it the estimate is
        ``|g|^2 / (2 alpha)``, the gap itself but for the intercept, or for objectives without a
        penalty the solver's own `estimate`.
        """
        if self.constant_value is None:
            self.constant_value = point.value
        guess = decrement
        if guess is None:
            guess = self.objective.gap_estimate(point)
        if guess is None:
            guess = estimate
        if guess is None or not guess <= self.strictness * self.threshold(point):
            return False
        self.certify(point, decrement)
        if self.bound_value() is None:
            self.decrement = newton_decrement(self.objective, point)
        if self.bound_value() is not None and self.bound_value() <= self.threshold(point):
            return True
        # The estimate was too good: ask for more before the next certificate is paid for.
        self.strictness *= 0.1
        return False

    def certify(self, point, decrement=None):
        """Compute dual value and gap at a point."""
        self.dual = self.objective.dual_value(point)
        self.gap = None if self.dual is None else max(point.value - self.dual, 0.0) + 1e-15 * abs(point.value)
        self.decrement = decrement

    def bound_value(self):
        return self.gap if self.gap is not None else self.decrement

    @property
    def reason(self):
        """The name of the bound that stopped the fit."""
        return "gap" if self.gap is not None else "decrement"

    def relative(self, point):
        """The bound as a fraction of the gain over a constant prediction."""
        bound = self.bound_value()
        gain = self.constant_value - point.value
        if bound is None:
            return math.nan
        return bound / gain if gain > 0 else (0.0 if bound <= self.allowance(point) else math.inf)


def newton_decrement(objective, point, max_iter=200):
    """``g' H^{-1} g / 2`` by conjugate gradients on Hessian-vector products.

    The residual is reduced by 1e-3 relative to the gradient; None where the curvature vanishes along
    the gradient.
    """
    g = point.gradient
    squares = float(g @ g)
    if squares == 0:
        return 0.0
    solution, residual = np.zeros_like(g), g.copy()
    direction = residual.copy()
    rho = squares
    for _ in range(min(max_iter, 2 * len(g))):
        product = objective.hessp(point, direction)
        curvature = float(direction @ product)
        if not curvature > 0:
            break
        step = rho / curvature
        solution += step * direction
        residual -= step * product
        rho, previous = float(residual @ residual), rho
        if rho <= 1e-6 * squares:
            break
        direction = residual + (rho / previous) * direction
    decrement = 0.5 * float(g @ solution)
    return decrement if decrement > 0 else None
