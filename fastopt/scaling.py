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
        self.has_hessian, self.constant_hessian = objective.has_hessian, objective.constant_hessian
        self._centre = centre if self.fit_intercept else None

    @property
    def n_passes(self):
        return self.objective.n_passes

    def unscale(self, u):
        """The user's flat parameters of scaled ones."""
        x = u.copy()
        params = x.reshape(self.k, self.width)
        params[:, : self.p] *= self.scale
        if self.fit_intercept:
            params[:, self.p] -= params[:, : self.p].dot(self.centre)
        return x

    def rescale(self, x):
        """The scaled flat parameters of the user's."""
        u = np.array(x, dtype=np.float64).reshape(-1)
        params = u.reshape(self.k, self.width)
        if self.fit_intercept:
            params[:, self.p] += params[:, : self.p].dot(self.centre)
        params[:, : self.p] /= self.scale
        return u

    def _pull(self, gradient):
        """A gradient in the user's parameters to one in the scaled ones."""
        g = gradient.copy()
        params = g.reshape(self.k, self.width)
        if self.fit_intercept:
            params[:, : self.p] -= params[:, self.p :] * self.centre
        params[:, : self.p] *= self.scale
        return g

    def _pull_matrix(self, hessian):
        """A Hessian in the user's parameters to one in the scaled ones, in place."""
        rescale = _kernels.table.linear[_F64].rescale_hessian
        rescale(hessian, self._centre, self.scale)
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

    def user_gradient(self, point):
        """The gradient over the user's flat parameters."""
        g = point.gradient.copy()
        params = g.reshape(self.k, self.width)
        params[:, : self.p] /= self.scale
        if self.fit_intercept:
            params[:, : self.p] += params[:, self.p :] * self.centre
        return g

    def evaluate(self, u):
        return self.objective.at(u, self._centre, self.scale)[0]

    def evaluate_hessian(self, u):
        if self.k == 1 and not self.loss.is_rowwise:
            return self.objective.at(u, self._centre, self.scale, hessian=True)
        point = self.evaluate(u)
        return point, self.hessian(point)

    def hessian(self, point):
        return self._pull_matrix(self.objective.hessian(point))

    def blocks(self, point, sample_size):
        """Diagonal blocks of the Hessian and mean curvatures, on a sample of rows where there are more."""
        objective, raw = self.objective.sample(point.raw, sample_size)
        before = objective.n_passes
        blocks, curvatures = objective.blocks(raw)
        if objective is not self.objective:
            self.objective.n_passes += round((objective.n_passes - before) * objective.n / self.objective.n)
        return [self._pull_matrix(block) for block in blocks], curvatures

    def hessp(self, point, direction):
        return self._pull(self.objective.hessp(point, self.unscale(direction)))

    def line(self, point, direction, trial=None, length=1.0):
        return self.objective.line(point, direction, trial, length, self._centre, self.scale)

    def gap_estimate(self, point):
        return self.objective.gap_estimate(Point(None, point.value, self.user_gradient(point), None))

    def dual_value(self, point):
        return self.objective.dual_value(point)

    def least_squares(self):
        return self.rescale(self.objective.least_squares())
