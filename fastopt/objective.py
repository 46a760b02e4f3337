"""The objective of a linear model: data, loss, penalty, intercept, offset and scaling in one place.

F(coef, intercept) = sum_i w_i l(y_i, x_i' coef + intercept + offset_i) / sum_i w_i + penalty(coef)

Solvers see `evaluate`, `hessian`, `hessp`, `line` and flat float64 vectors; they never see X.
"""

import math

import numpy as np

from . import _config
from ._passes import FunctionPasses
from ._validation import first_bad
from .data import DenseRows
from .losses import get as get_loss
from .penalties import L2, Penalty

_F64 = np.dtype(np.float64)
_TINY = np.finfo(np.float64).tiny


class Point:
    """An evaluated point: flat parameters, objective, gradient, and the raw predictions there."""

    __slots__ = ("gradient", "raw", "value", "x")

    def __init__(self, x, value, gradient, raw):
        self.x, self.value, self.gradient, self.raw = x, value, gradient, raw


class LinearObjective:
    """Mean loss of a linear model plus a penalty, as a function of its parameters.

    ``F = sum_i w_i l(y_i, X_i coef + intercept + offset_i) / sum_i w_i + penalty(coef)``

    With k outputs of a pointwise loss, l is the sum over the outputs c of u_c l(y_ic, z_ic), u the
    `output_weight`. A row of weight 0 counts nothing, whatever its target holds; X has to be finite.

    Parameters
    ----------
    X : array of shape (n, p), float32 or float64
        C order is used in place.
    y : array of shape (n,), or (n, k) for k outputs
        Targets as the loss defines them; for losses over rows class indices, rows, or one number for several outputs.
    loss : Loss or str
        From `fastopt.losses`.
    penalty : L2, float or None, default=None
        A float is the `alpha` of `fastopt.penalties.L2`.
    fit_intercept : bool, default=True
    sample_weight : array of shape (n,), optional
    offset : array of shape (n,) or (n, k), optional
        Added to the raw predictions.
    rows : int array, optional
        Use these rows only; nothing is copied.
    output_weight : array of shape (k,), optional
        Weights of the outputs, finite and >= 0; for pointwise losses and y of shape (n, k).
    n_outputs : int, optional
        Number of raw predictions a row, for losses over rows; from `y` or the loss where they tell. By default of class
        indices it is the largest index + 1, of ordered classes (`CumulativeLogit`) the largest index. `GaussianNLL` has
        2, mean and log-variance.
    n_threads : int, optional
        See `fastopt.set_config`.

    Attributes
    ----------
    shape : tuple
        Of the parameters: (p + 1,) or (k, p + 1), intercepts last; without intercepts (p,) or (k, p).
    n_passes : int
        Reads of X so far.

    Examples
    --------
    >>> import numpy as np, fastopt
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> objective = fastopt.LinearObjective(X, np.array([1.0, 3.0, 5.0]), "half_squared_error")
    >>> value, gradient = objective.value_gradient(np.array([2.0, 1.0]))
    >>> value, gradient.tolist()
    (0.0, [0.0, 0.0])
    """

    def __init__(
        self,
        X,
        y,
        loss,
        penalty=None,
        fit_intercept=True,
        *,
        sample_weight=None,
        offset=None,
        rows=None,
        output_weight=None,
        n_outputs=None,
        n_threads=None,
    ):
        self.data = X if isinstance(X, DenseRows) else DenseRows(X, rows)
        self.loss = get_loss(loss) if isinstance(loss, str) else loss
        if isinstance(penalty, Penalty) and (not isinstance(penalty, L2) or penalty.weights is not None):
            raise NotImplementedError(
                f"penalty must be None, a number or an L2 without weights until a later version, got {penalty!r}"
            )
        self.penalty = penalty if penalty is None or isinstance(penalty, L2) else L2(penalty)
        self.fit_intercept = bool(fit_intercept)
        self.n, self.p = self.data.shape
        self.dtype = self.data.dtype
        n_all = len(self.data.X)
        kernel = self.loss._kernel(self.dtype) if self.loss.has_kernel else None
        self.weight = None if sample_weight is None else self._vector("sample_weight", sample_weight, n_all)
        self._set_target(np.asarray(y), n_all, n_outputs)
        self.output_weight = None if output_weight is None else self._outputs(output_weight)
        self.offset = None
        if offset is not None:
            self.offset = np.ascontiguousarray(offset, dtype=self.dtype)
            if self.offset.size != n_all * self.k:
                raise ValueError(f"offset must have {n_all} x {self.k} elements, got shape {self.offset.shape}")
        chosen = self.weight if self.weight is None or self.data.rows is None else self.weight[self.data.rows]
        self.weight_sum = float(self.n) if chosen is None else float(np.sum(chosen, dtype=np.float64))
        if not self.weight_sum > 0:
            raise ValueError(f"the sum of sample_weight must be positive, got {self.weight_sum}")
        self.handle = self.data.bind(
            target=self.target,
            index=self.index,
            weight=self.weight,
            offset=None if self.offset is None else self.offset.reshape(-1),
            k=self.k,
            targets=self._targets,
        )
        if kernel is not None:
            address, par, class_weight = kernel
            self.handle.set_loss(address, par, self.loss.is_rowwise, class_weight, self.output_weight)
        else:
            y, weight = self._selected()
            if self.output_weight is not None:
                weight = (np.ones(self.n) if weight is None else weight)[:, None] * self.output_weight
            self.handle = FunctionPasses(self.handle, self.data.bind(k=self.k), self.loss, y, weight, self.dtype)
        # Whether `hessian` is the curvature of the objective, observed or expected (not zero almost everywhere).
        self.has_hessian = self.loss.is_smooth and self.loss.hessian_kind in ("exact", "fisher")
        # Whether the objective is quadratic; several pointwise outputs then share one block.
        self.constant_hessian = self.loss.constant_hessian is not None and self.output_weight is None
        self._single_block = self.k == 1 or self.loss.is_rowwise or self.constant_hessian
        width = self.p + 1 if self.fit_intercept else self.p
        self.width = width
        self.shape = (width,) if self._vector_shape else (self.k, width)
        self.size = self.k * width
        # One pass costs about 0.3 ns an element of X and 1 ns a prediction; a fit is about ten.
        self._pass_ms = (self.n * self.p * 0.3 * math.sqrt(self.k) + self.n * self.k) * 1e-6
        self.n_threads = _config.threads(n_threads, 10 * self._pass_ms)
        self.n_passes = 0
        self._more_reads = getattr(self.handle, "more_reads", 0)
        self._free = []
        self._sample = None

    def _set_target(self, y, n_all, n_outputs):
        self.target = self.index = None
        self._vector_shape = False
        self._targets = 0  # numbers of a row's target, 0 for k
        if y.ndim not in (1, 2) or len(y) != n_all:
            raise ValueError(f"y must have shape ({n_all},) or ({n_all}, k) as X has {n_all} rows, got {y.shape}")
        if not self.loss.is_rowwise:
            self.k = 1 if y.ndim == 1 else y.shape[1]
            self._vector_shape = y.ndim == 1
            y = np.ascontiguousarray(y, dtype=self.dtype)
            self.target = y.reshape(-1)
        else:
            counted = None if self.weight is None else self.weight != 0
            n_outputs = None if n_outputs is None else int(n_outputs)
            y, self.index, self.target, self.k = self.loss._data(y, n_outputs, counted, self.dtype)
            if self.target is not None:
                self._targets = self.target.ndim == 1
                self.target = self.target.reshape(-1)
        self.y = y

    def _outputs(self, output_weight):
        if self.loss.is_rowwise or self._vector_shape:
            found = f"{self.loss!r}" if self.loss.is_rowwise else "y of shape (n,)"
            raise ValueError(f"output_weight is for pointwise losses and y of shape (n, k), got {found}")
        output_weight = np.array(output_weight, dtype=np.float64)
        if output_weight.shape != (self.k,):
            raise ValueError(f"output_weight must have shape ({self.k},), one for each output, got {output_weight.shape}")
        ok = (output_weight >= 0) & (output_weight < np.inf)
        if not ok.all():
            raise ValueError(f"output_weight must be finite and >= 0, got {first_bad(output_weight, ok)}")
        return output_weight

    def _vector(self, name, array, n):
        array = np.ascontiguousarray(array, dtype=self.dtype)
        if array.shape != (n,):
            raise ValueError(f"{name} must have shape ({n},) as X has {n} rows, got {array.shape}")
        return array

    # --- parameters -------------------------------------------------------------------------

    def _split(self, x):
        """Coefficients (k, p), contiguous, and intercepts (k,) or None, of flat parameters."""
        params = x.reshape(self.k, self.width)
        if not self.fit_intercept:
            return params, None
        if self.k == 1:
            return params[:, : self.p], x[self.p :]
        return np.ascontiguousarray(params[:, : self.p]), np.ascontiguousarray(params[:, self.p])

    def _flat(self, params):
        params = np.asarray(params, dtype=np.float64)
        if params.shape != self.shape:
            raise ValueError(f"params must have shape {self.shape} (intercepts last), got {params.shape}")
        return np.ascontiguousarray(params).reshape(-1)

    def initial(self):
        """Parameters of the best constant prediction: zero coefficients and its intercept.

        Where the best constant is at infinity (a class without weight), one at a distance of 30.
        """
        params = np.zeros((self.k, self.width))
        if self.fit_intercept:
            y, weight = self._selected()
            if self.loss.is_rowwise:
                if weight is not None:
                    y, weight = y[weight != 0], weight[weight != 0]
                params[:, self.p] = self.loss.fit_intercept_only(y, weight, n_classes=self.k + self.loss._more_classes)
            else:
                # Targets outside the domain are named by the first evaluation.
                columns = np.asarray(y, dtype=np.float64).reshape(self.n, self.k)
                if weight is None:
                    weight = np.ones(self.n)
                else:
                    columns, weight = columns[weight > 0], weight[weight > 0].astype(np.float64)
                with np.errstate(all="ignore"):
                    params[:, self.p] = [self.loss._constant(column, weight) for column in columns.T]
        if not np.isfinite(params).all():
            np.clip(params, -30.0, 30.0, out=params, where=~np.isfinite(params))
        return params.reshape(self.shape)

    # --- public: values and derivatives at parameters ---------------------------------------

    def value(self, params):
        """The objective, a float."""
        x = self._flat(params)
        coef, intercept = self._split(x)
        value, status = self.handle.value(coef, intercept, None, self.n_threads)
        self._check(status)
        self.n_passes += 1
        return value / self.weight_sum + self._penalty_value(coef)

    def value_gradient(self, params):
        """The objective and its gradient (an array like `params`), in one read of X."""
        point = self.evaluate(self._flat(params))
        self.release(point)
        return point.value, point.gradient.reshape(self.shape)

    def gradient(self, params):
        """The gradient, an array like `params`."""
        return self.value_gradient(params)[1]

    def hessian_matrix(self, params):
        """The Hessian over the flattened parameters, (size, size)."""
        point = self.evaluate(self._flat(params))
        hessian = self.hessian(point)
        self.release(point)
        return hessian if len(hessian) == self.size else np.kron(np.eye(self.k), hessian)

    def hessian_product(self, params, direction):
        """The Hessian at `params` times an array of the same shape."""
        point = self.evaluate(self._flat(params))
        product = self.hessp(point, self._flat(direction))
        self.release(point)
        return product.reshape(self.shape)

    def raw_prediction(self, params):
        """``X coef + intercept + offset``, of shape (n,) or (n, k), in X's dtype."""
        coef, intercept = self._split(self._flat(params))
        raw = np.empty((self.n, self.k), dtype=self.dtype)
        self.handle.decision(coef, intercept, raw, self.n_threads)
        self.n_passes += 1
        return raw[:, 0] if self._vector_shape else raw

    # --- what solvers use -------------------------------------------------------------------

    def _buffer(self):
        return self._free.pop() if self._free else np.empty((self.n, self.k), dtype=self.dtype)

    def release(self, point):
        """Give the raw predictions of a point back for later evaluations; its vectors stay."""
        if point is not None and point.raw is not None:
            self._free.append(point.raw)
            point.raw = None

    def _check(self, status):
        if status:
            self.loss._raise_in_pass(status, self.y, self.weight, self.k)

    def _penalty_value(self, coef):
        return 0.0 if self.penalty is None else self.penalty.value(coef)

    def at(self, x, centre=None, scale=None, *, hessian=False):
        """Point and, with `hessian`, the Hessian (one output, else None), in one read of X.

        With centre and scale, x and all derivatives are those of the columns ``(X - centre) * scale``.
        """
        raw, gradient = self._buffer(), np.empty(self.size)
        matrix = np.empty((self.width, self.width)) if hessian else None
        value, status = self.handle.evaluate(
            x, centre, scale, self.fit_intercept, 1.0 / self.weight_sum,
            0.0 if self.penalty is None else self.penalty.alpha, gradient, matrix, raw, self.n_threads,
        )  # fmt: skip
        self._check(status)
        self.n_passes += 1 + self._more_reads * (1 if matrix is None else 2)
        return Point(x, value, gradient, raw), matrix

    def evaluate(self, x):
        """Point at flat parameters, by one pass."""
        return self.at(x)[0]

    @property
    def offers(self):
        """What a solver may ask for."""
        offers = set()
        if self.loss.is_smooth:
            offers.add("gradient")
        if self.has_hessian and self._single_block:
            offers.add("hessian")
        if self.constant_hessian:
            offers.add("squares")
        return offers

    def evaluate_hessian(self, x):
        """Point and Hessian at flat parameters; one read of X for a single output."""
        if self.k != 1 or self.loss.is_rowwise:
            point = self.evaluate(x)
            return point, self.hessian(point)
        return self.at(x, hessian=True)

    def hessian(self, point):
        """Hessian at a point over flat parameters, from its raw predictions.

        For a quadratic objective with several outputs, the one block that they share.
        """
        if not self._single_block:
            raise ValueError("several outputs of a pointwise loss have a block-diagonal Hessian: use one objective each")
        self.n_passes += 1
        if self.k > 1 and not self.loss.is_rowwise:
            return self._finish_hessian(self._shared_gram(), 1)
        hessian = np.empty((self.k * (self.p + 1),) * 2)
        self._check(self.handle.hessian(point.raw, hessian, self.n_threads))
        return self._finish_hessian(hessian, self.k)

    def _shared_gram(self):
        gram = np.empty((self.p + 1, self.p + 1))
        self.handle.gram(None, gram, self.n_threads)
        gram *= self.loss.constant_hessian
        return gram

    def _finish_hessian(self, hessian, blocks):
        hessian *= 1.0 / self.weight_sum
        if not self.fit_intercept:
            keep = np.arange(blocks * (self.p + 1)).reshape(blocks, self.p + 1)[:, : self.p].reshape(-1)
            hessian = np.ascontiguousarray(hessian[np.ix_(keep, keep)])
        hessian.reshape(-1)[:: len(hessian) + 1] += self.penalty_diagonal()[: len(hessian)]
        return hessian

    def penalty_diagonal(self):
        """Second derivatives of the penalty over flat parameters."""
        diagonal = np.zeros((self.k, self.width))
        if self.penalty is not None:
            diagonal[:, : self.p] = self.penalty.alpha
        return diagonal.reshape(-1)

    def blocks(self, raw):
        """The diagonal blocks of the Hessian, one for each output, and the mean curvature of each.

        Block c is ``[X 1]' diag(h_c) [X 1] / sum w`` plus the penalty's, h the diagonal of the
        loss's Hessian at the raw predictions.
        """
        curvatures = self._curvatures(raw)
        blocks = []
        for c in range(self.k):
            hessian = np.empty((self.p + 1, self.p + 1))
            self.handle.gram(np.ascontiguousarray(curvatures[:, c]), hessian, self.n_threads)
            self.n_passes += 1
            blocks.append(self._finish_hessian(hessian, 1))
        return blocks, curvatures.sum(axis=0, dtype=np.float64) / self.weight_sum

    def _curvatures(self, raw):
        """w_i h_i of each raw prediction, (n, k)."""
        y, weight = self._selected()
        if self.loss.is_rowwise:
            return self.loss.gradient_hessian(y, raw, weight, reduction="sum", n_threads=self.n_threads)[1]
        y = np.ascontiguousarray(y, dtype=self.dtype).reshape(self.n, self.k)
        if weight is not None or self.output_weight is not None:
            weight = np.ones(self.n, self.dtype) if weight is None else weight
            weight = np.ascontiguousarray(self._by_output(weight[:, None], raw.shape), dtype=self.dtype)
        return self.loss.gradient_hessian(y, raw, weight, reduction="sum", n_threads=self.n_threads)[1]

    def _by_output(self, weight, shape):
        """Weights of rows, (n, 1), as weights of elements."""
        return np.broadcast_to(weight if self.output_weight is None else weight * self.output_weight, shape)

    def _selected(self):
        """Targets and weights of the rows used."""
        if self.data.rows is None:
            return self.y, self.weight
        return self.y[self.data.rows], None if self.weight is None else self.weight[self.data.rows]

    def sample(self, raw, size):
        """This objective on at most `size` of its rows, and the raw predictions of those rows.

        The rows are a fixed pseudo-random choice, in order; nothing of X is copied.
        """
        if self.n <= size:
            return self, raw
        if self._sample is None or self._sample[0].n != size:
            chosen = np.sort(np.random.default_rng(0).choice(self.n, size, replace=False))
            rows = chosen if self.data.rows is None else self.data.rows[chosen]
            objective = LinearObjective(
                DenseRows(self.data.X, rows),
                self.y,
                self.loss,
                self.penalty,
                self.fit_intercept,
                sample_weight=self.weight,
                offset=self.offset,
                output_weight=self.output_weight,
                n_outputs=self.k,
                n_threads=self.n_threads,
            )
            self._sample = objective, chosen
        objective, chosen = self._sample
        return objective, np.ascontiguousarray(raw[chosen])

    def hessp(self, point, direction):
        """Hessian at a point times a flat direction, in one read of X."""
        coef, intercept = self._split(direction)
        out, out_intercept = np.empty((self.k, self.p)), np.empty(self.k)
        status = self.handle.hessp(
            point.raw, coef, np.zeros(self.k) if intercept is None else intercept, out, out_intercept, self.n_threads
        )
        self._check(status or 0)
        self.n_passes += 1 + self._more_reads
        out *= 1.0 / self.weight_sum
        if self.penalty is not None:
            out += self.penalty.alpha * coef
        if not self.fit_intercept:
            return out.reshape(-1)
        result = np.empty((self.k, self.width))
        result[:, : self.p] = out
        result[:, self.p] = out_intercept / self.weight_sum
        return result.reshape(-1)

    def line(self, point, direction, trial=None, length=1.0, centre=None, scale=None):
        """``phi(t) -> (value, slope, curvature)`` along a direction, without reading X again.

        Where the point at `length` has been evaluated already (`trial`), its raw predictions give
        the direction's; otherwise one pass does. centre and scale as in `at`.
        """
        moved = np.empty_like(point.raw)
        start, pull, bend = self.handle.direction(
            point.x, direction, centre, scale, self.fit_intercept, 0.0 if self.penalty is None else self.penalty.alpha,
            moved if trial is None else None, self.n_threads,
        )  # fmt: skip
        if trial is None:
            self.n_passes += 1
        else:
            np.subtract(trial.raw, point.raw, out=moved)
            moved *= 1.0 / length
        line, raw, n_threads, unit = self.handle.line, point.raw, self.n_threads, 1.0 / self.weight_sum

        def phi(t):
            value, slope, curvature, status = line(raw, moved, t, n_threads)
            if status:
                self._check(status)
            return value * unit + start + t * (pull + 0.5 * t * bend), slope * unit + pull + t * bend, curvature * unit + bend

        return phi

    @property
    def rounding(self):
        """Relative error of a value of the objective from rounding in the raw predictions."""
        return 1e-14 if self.dtype == _F64 else 2e-7

    def scaling(self):
        """Centres and scales of the columns for a scaled view: weighted means and one over the deviations.

        Raises ValueError where X holds a NaN or an infinity, which the same pass finds.
        """
        centre, scale = np.empty(self.p), np.empty(self.p)
        if self.handle.scaling(centre, scale, self.fit_intercept, self.n_threads):
            raise ValueError("Input X contains NaN or infinity; fastopt does not accept missing values in X.")
        self.n_passes += 1
        return centre, scale

    def gap_estimate(self, point):
        """``|g|^2 / (2 alpha)`` over the coefficients and about as much for the intercepts; None without a penalty."""
        if self.penalty is None or self.penalty.alpha == 0 or not self.loss.has_conjugate:
            return None
        squares = point.gradient.reshape(self.k, self.width) ** 2
        return float(squares[:, : self.p].sum()) / (2 * self.penalty.alpha) + 2 * float(squares[:, self.p :].sum())

    def least_squares(self):
        """Flat parameters of the minimum of a squared loss, of smallest norm, by a decomposition of a copy of X."""
        from scipy.linalg import svd

        y, w = self._selected()
        X = self.data.X if self.data.rows is None else self.data.X[self.data.rows]
        X = X.astype(np.float64)
        target = np.array(y, dtype=np.float64).reshape(self.n, self.k)
        if self.offset is not None:
            rows = slice(None) if self.data.rows is None else self.data.rows
            target -= self.offset.reshape(-1, self.k)[rows]
        w = np.ones(self.n) if w is None else w.astype(np.float64)
        target[w == 0] = 0.0
        params = np.zeros((self.k, self.width))
        if self.fit_intercept:
            centre, level = w @ X / self.weight_sum, w @ target / self.weight_sum
            X -= centre
            target -= level
        root = np.sqrt(w)[:, None]
        X *= root
        u, s, vt = svd(X, full_matrices=False, overwrite_a=True, check_finite=False)
        kept = s > np.finfo(float).eps * max(self.n, self.p) * s.max(initial=0.0)
        u, s, vt = u[:, kept], s[kept], vt[kept]
        alpha = 0.0 if self.penalty is None else self.penalty.alpha * self.weight_sum / self.loss.constant_hessian
        coef = ((s / (s * s + alpha))[:, None] * (u.T @ (root * target))).T @ vt
        params[:, : self.p] = coef
        if self.fit_intercept:
            params[:, self.p] = level - coef @ centre
        return params.reshape(-1)

    # --- certificates -----------------------------------------------------------------------

    def dual_value(self, point):
        """Value of the dual at a feasible point made from the gradient of the losses at `point`.

        theta_i = l_i'(z_i), moved so that the weighted sums over the rows vanish where there is an
        intercept; D = (-sum_i w_i l_i*(theta_i) + sum_i w_i theta_i offset_i) / W - penalty*(-X'(w theta) / W).
        None where the loss has no conjugate or the objective no penalty.
        """
        if self.penalty is None or self.penalty.alpha == 0 or not self.loss.has_conjugate:
            return None
        y, w = self._selected()
        w = None if w is None else w.astype(np.float64)
        raw = point.raw.astype(np.float64, copy=False)
        if self._vector_shape:
            raw = raw[:, 0]
        y64 = y if self.index is not None else np.ascontiguousarray(y, dtype=np.float64)
        if w is not None and not w.all():  # a row of weight 0 may have any target
            y64 = y64[np.where(w > 0, np.arange(self.n), np.argmax(w > 0))]
        theta = self.loss.gradient(y64, raw, reduction="none", n_threads=self.n_threads)
        if self.fit_intercept:
            theta = _feasible(self.loss, theta, raw, w, y64)
        conjugates = self.loss.conjugate(y64, theta).reshape(self.n, -1)
        weighted = theta.reshape(self.n, self.k)
        if w is None and self.output_weight is None:
            conjugate = float(conjugates.sum())
        else:
            each = self._by_output(np.ones((self.n, 1)) if w is None else w[:, None], conjugates.shape)
            conjugate = float(np.vdot(each, np.where(each > 0, conjugates, 0.0)))
            weighted = np.where(each > 0, weighted, 0.0) * each
        cross, _sums = np.empty((self.k, self.p)), np.empty(self.k)
        self.handle.cross(np.ascontiguousarray(weighted, dtype=self.dtype), cross, _sums, self.n_threads)
        self.n_passes += 1
        cross *= 1.0 / self.weight_sum
        dual = -conjugate / self.weight_sum - self.penalty.conjugate(cross)
        if self.offset is not None:
            rows = slice(None) if self.data.rows is None else self.data.rows
            dual += float(np.vdot(weighted, self.offset.reshape(-1, self.k)[rows])) / self.weight_sum
        return dual


def _feasible(loss, theta, raw, weight, y):
    """Move theta so that its weighted column sums vanish, inside the domain of the conjugate.

    Pointwise losses: the larger-sign part of theta is shrunk (0 is in every domain). Row losses:
    q = theta + v = W p >= 0 with the sum W in each row (v and W of losses/_rows.py: class weights, smoothing); mass of
    q is moved from the classes with too much to those with too little, in proportion.
    """
    if not loss.is_rowwise:
        weighted = theta if weight is None else theta * (weight if theta.ndim == 1 else weight[:, None])
        balance, above = weighted.sum(axis=0), np.maximum(weighted, 0.0).sum(axis=0)
        below = np.maximum(above - balance, 0.0)
        shrink = np.minimum(above, below) / np.maximum(np.maximum(above, below), _TINY)
        return np.where((theta > 0) == (above > below), theta * shrink, theta)
    w = np.ones(len(theta)) if weight is None else weight
    q = loss._mixed(y, theta.shape[1]).sum(axis=1)[:, None] * loss.predict(raw)
    excess = w @ theta
    mass = w @ q
    share = np.where(excess > 0, excess, 0.0) / np.maximum(mass, _TINY)
    need = np.where(excess < 0, -excess, 0.0)
    total = need.sum()
    if total == 0:
        return theta
    moved = q * share
    return theta - moved + moved.sum(axis=1)[:, None] * (need / total)
