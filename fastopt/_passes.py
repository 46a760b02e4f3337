"""The passes over data of a loss without a block function: a Python function between two reads of the data."""

import numpy as np

from .losses._base import GRADIENT, HESSIAN, VALUE


class FunctionPasses:
    """The methods of the kernels' handle (`_kernels/linear_passes.pxi`, `linear_points.pxi`) for such a loss.

    Predictions, gradients and Gram matrices are the kernels', the loss of all rows comes between them: a read of X for
    the predictions and one for each of gradient and Hessian, where a block function takes one for all. Status words are
    0: the loss raises its errors itself.

    Parameters
    ----------
    rows : handle
        With weights and offset, for products with X.
    plain : handle
        Without an offset, for products with directions.
    loss : Loss
    y : array of shape (n,) or (n, k), weight : array of shape (n,) or (n, k), or None
        Of the rows used.
    """

    more_reads = 1  # of X for each derivative, beyond that for the predictions

    def __init__(self, rows, plain, loss, y, weight, dtype):
        self.rows, self.plain, self.loss = rows, plain, loss
        self.n, self.p, self.k = rows.n, rows.p, rows.k
        self.dtype = np.dtype(dtype)
        self.y = np.ascontiguousarray(y, dtype=dtype).reshape(-1)
        self.weight = None
        if weight is not None:
            weight = np.ascontiguousarray(weight, dtype=dtype)
            self.weight = np.repeat(weight, self.k) if weight.ndim == 1 else weight.reshape(-1)
        self.decision, self.cross, self.gram = rows.decision, rows.cross, rows.gram
        self.scaling, self.finite, self.direction = rows.scaling, rows.finite, rows.direction

    def _loss(self, what, raw, n_threads):
        return self.loss._evaluate(what, self.y, raw.reshape(-1), self.weight, "sum", n_threads)

    def value(self, coef, intercept, raw_out, n_threads):
        """Sum of the weighted losses, and 0."""
        raw = np.empty((self.n, self.k), self.dtype) if raw_out is None else raw_out
        self.rows.decision(coef, intercept, raw, n_threads)
        return self._loss(VALUE, raw, n_threads), 0

    def evaluate(self, x, centre, scale, intercepts, unit, ridge, gradient, hessian, raw_out, n_threads):
        """unit * (sum of the losses) + ridge / 2 * |coef|^2 with its gradient and, unless None, Hessian; see `Points`."""
        k, p = self.k, self.p
        u = np.asarray(x).reshape(k, p + intercepts)
        coef = np.ascontiguousarray(u[:, :p] if scale is None else u[:, :p] * scale)
        intercept = None
        if intercepts:
            intercept = u[:, p].copy() if centre is None else u[:, p] - coef @ centre
        self.rows.decision(coef, intercept, raw_out, n_threads)
        what = VALUE | GRADIENT if hessian is None else VALUE | GRADIENT | HESSIAN
        value, residual, *curvature = self._loss(what, raw_out, n_threads)
        cross, sums = np.empty((k, p)), np.empty(k)
        self.rows.cross(residual.reshape(self.n, k), cross, sums, n_threads)
        if centre is not None:
            cross -= sums[:, None] * centre
        g = cross * unit + ridge * coef
        gradient = gradient.reshape(k, p + intercepts)
        gradient[:, :p] = g if scale is None else g * scale
        if intercepts:
            gradient[:, p] = sums * unit
        if hessian is not None:
            gram = np.empty((p + 1, p + 1))
            self.rows.gram(curvature[0], gram, n_threads)
            inner, side = gram[:p, :p], gram[:p, p].copy()
            if centre is not None:
                # (X - 1 c')' h (X - 1 c'), and the same beside the intercept
                inner -= centre[:, None] * side
                side -= gram[p, p] * centre
                inner -= side[:, None] * centre
            inner *= unit
            np.fill_diagonal(inner, inner.diagonal() + ridge)
            side *= unit
            hessian[:p, :p] = inner if scale is None else inner * (scale[:, None] * scale)
            if intercepts:
                hessian[:p, p] = hessian[p, :p] = side if scale is None else side * scale
                hessian[p, p] = gram[p, p] * unit
        return value * unit + 0.5 * ridge * float(np.vdot(coef, coef)), 0

    def hessian(self, raw, out, n_threads):
        """The Hessian of the loss sum at stored predictions, of one output; returns 0."""
        self.rows.gram(self._loss(GRADIENT | HESSIAN, raw, n_threads)[1], out, n_threads)
        return 0

    def hessp(self, raw, direction_coef, direction_intercept, out_coef, out_intercept, n_threads):
        """The Hessian of the loss sum at stored predictions, times a direction; returns 0."""
        moved = np.empty((self.n, self.k), self.dtype)
        self.plain.decision(direction_coef, direction_intercept, moved, n_threads)
        product = self.loss.hessp(self.y, raw.reshape(-1), moved.reshape(-1), self.weight, reduction="sum")
        self.rows.cross(product.reshape(self.n, self.k), out_coef, out_intercept, n_threads)
        return 0

    def line(self, raw, moved, alpha, n_threads):
        """(value, slope, curvature, 0) of the loss sum at raw + alpha moved, without X."""
        z = raw + self.dtype.type(alpha) * moved
        value, first, second = self._loss(VALUE | GRADIENT | HESSIAN, z, n_threads)
        d = moved.reshape(-1).astype(np.float64)
        return value, float(d @ first), float((d * second) @ d), 0
