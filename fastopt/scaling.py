"""An objective seen in scaled and centred columns, without a copy of the data."""

import numpy as np

from . import _kernels
from .objective import Point

_F64 = np.dtype(np.float64)


class ScaledObjective:
    """A view of a `LinearObjective` in scaled and centred columns, ``(X - centre) * scale``.

    Nothing is copied: coef = scale * u and intercept = b - centre' coef. Solvers run on the view;
    `unscale` gives the user's parameters.
    """

    def __init__(self, objective, centre, scale):
        self.objective = objective
        self.centre, self.scale = centre, scale
        self.size, self.n, self.k, self.p, self.width = (
            objective.size, objective.n, objective.k, objective.p, objective.width
        )  # fmt: skip
        self.loss, self.penalty, self.fit_intercept = objective.loss, objective.penalty, objective.fit_intercept
        self.rounding, self.n_threads, self.release = objective.rounding, objective.n_threads, objective.release
        self.has_hessian, self.constant_hessian, self.offers = (
            objective.has_hessian, objective.constant_hessian, objective.offers
        )  # fmt: skip
        self._scales = np.append(scale, 1.0) if self.fit_intercept else scale
        self._shift = centre * scale

    @property
    def n_passes(self):
        return self.objective.n_passes

    def unscale(self, u):
        """The user's flat parameters of scaled ones."""
        params = u.reshape(self.k, self.width) * self._scales
        if self.fit_intercept:
            params[:, self.p] -= params[:, : self.p] @ self.centre
        return params.reshape(-1)

    def rescale(self, x):
        """The scaled flat parameters of the user's."""
        params = np.array(x, dtype=np.float64).reshape(self.k, self.width)
        if self.fit_intercept:
            params[:, self.p] += params[:, : self.p] @ self.centre
        params[:, : self.p] /= self.scale
        return params.reshape(-1)

    def _pull(self, gradient):
        """A gradient in the user's parameters to one in the scaled ones."""
        g = gradient.reshape(self.k, self.width) * self._scales
        if self.fit_intercept:
            # (g - centre g_b) scale
            g[:, : self.p] -= g[:, self.p :] * self._shift
        return g.reshape(-1)

    def _pull_matrix(self, hessian):
        """A Hessian in the user's parameters to one in the scaled ones, in place."""
        rescale = _kernels.table.linear[_F64].rescale_hessian
        rescale(hessian, self.centre if self.fit_intercept else None, self.scale)
        blocks, p = len(hessian) // self.width, self.p
        if blocks > 1 and self.loss.is_shift_invariant:
            # Adding the same number to a parameter of every class changes no loss: fill that null space
            # where no penalty does; gradients are orthogonal to it, so that steps stay the same.
            by_column = np.einsum("ajbj->jab", hessian.reshape(blocks, self.width, blocks, self.width))
            fill = np.maximum(np.einsum("jaa->j", by_column), 1e-300) / blocks
            if self.penalty is None:
                by_column += fill[:, None, None]
            elif self.fit_intercept:
                by_column[p] += fill[p]
        return hessian

    def _point(self, u, inner):
        return Point(u, inner.value, self._pull(inner.gradient), inner.raw, inner)

    def evaluate(self, u):
        return self._point(u, self.objective.evaluate(self.unscale(u)))

    def evaluate_hessian(self, u):
        inner, hessian = self.objective.evaluate_hessian(self.unscale(u))
        return self._point(u, inner), self._pull_matrix(hessian)

    def hessian(self, point):
        return self._pull_matrix(self.objective.hessian(point.inner))

    def blocks(self, point, sample_size):
        """Diagonal blocks of the Hessian and mean curvatures, on a sample of rows where there are more."""
        objective, raw = self.objective.sample(point.raw, sample_size)
        before = objective.n_passes
        blocks, curvatures = objective.blocks(raw)
        if objective is not self.objective:
            self.objective.n_passes += round((objective.n_passes - before) * objective.n / self.objective.n)
        return [self._pull_matrix(block) for block in blocks], curvatures

    def hessp(self, point, direction):
        return self._pull(self.objective.hessp(point.inner, self.unscale(direction)))

    def line(self, point, direction, trial=None, length=1.0):
        inner_trial = None if trial is None else trial.inner
        return self.objective.line(point.inner, self.unscale(direction), inner_trial, length)

    def gap_estimate(self, point):
        return self.objective.gap_estimate(point.inner)

    def dual_value(self, point):
        return self.objective.dual_value(point.inner)

    def least_squares(self):
        return self.rescale(self.objective.least_squares())
