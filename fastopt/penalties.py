"""Penalties on the coefficients of a model (intercepts are never penalised)."""

import numbers

import numpy as np


class L2:
    """Squared Euclidean norm, ``alpha / 2 * sum(coef ** 2)``.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0, in units of the mean loss: an objective is
        ``sum_i w_i l_i / sum_i w_i + alpha / 2 * sum(coef ** 2)``.
        scikit-learn's ``C`` is ``1 / (alpha * sum_i w_i)``.
    """

    def __init__(self, alpha=1.0):
        if isinstance(alpha, bool) or not isinstance(alpha, numbers.Real):
            raise TypeError(f"alpha must be a real number, got {alpha!r}")
        if not 0 <= alpha < np.inf:
            raise ValueError(f"alpha must be finite and >= 0, got {alpha!r}")
        self.alpha = float(alpha)

    def get_params(self, deep=True):
        return {"alpha": self.alpha}

    def value(self, coef):
        """The penalty of an array of coefficients, as a float."""
        return 0.5 * self.alpha * float(np.vdot(coef, coef))

    def gradient(self, coef):
        """``alpha * coef``."""
        return self.alpha * coef

    def along(self, coef, direction):
        """``t -> (value, slope, curvature)`` of the penalty at ``coef + t * direction``."""
        start = self.value(coef)
        slope = self.alpha * float(np.vdot(coef, direction))
        curvature = self.alpha * float(np.vdot(direction, direction))
        return lambda t: (start + t * (slope + 0.5 * t * curvature), slope + t * curvature, curvature)

    def conjugate(self, v):
        """``max_c <v, c> - value(c) = sum(v ** 2) / (2 alpha)``; infinite for alpha = 0 unless v = 0."""
        squares = float(np.vdot(v, v))
        if self.alpha == 0:
            return 0.0 if squares == 0 else np.inf
        return squares / (2 * self.alpha)

    def __repr__(self):
        return f"L2(alpha={self.alpha!r})"

    def __eq__(self, other):
        return type(other) is L2 and other.alpha == self.alpha

    def __hash__(self):
        return hash(("L2", self.alpha))
