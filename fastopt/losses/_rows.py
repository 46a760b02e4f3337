"""Losses of one target and one row of k raw predictions each.

`raw_prediction` has shape (n, k) with k >= 2, `sample_weight` shape (n,). Targets are class indices
(n,) of any integer dtype (int64 is not copied), or one-hot or soft rows (n, k). With t the target's
row, s the label smoothing and u the class weights, every formula is in terms of

    v_c = u_c ((1 - s) t_c + s / k),    W = sum of v_c

as in torch. The formulas are in src_c/fo_softmax.h and fo_probabilities.h.
"""

import numpy as np

from .. import _kernels
from .._config import threads
from .._validation import as_int64, first_bad, output, real_array, real_number, same_shape
from ._base import (
    BAD_RAW,
    BAD_TARGET,
    BAD_WEIGHT,
    CONJUGATE,
    FULL_HESSIAN,
    GRADIENT,
    HESSIAN,
    NO_WEIGHT,
    PRODUCT,
    VALUE,
    Loss,
    register,
)
from ._traits import Traits

PREDICT = 64  # FO_PREDICT of src_c/fo_job.h
MASS = 0.0  # asks the kernel to divide by the sum of the weights


class RowLoss(Loss):
    """Base of the losses over rows; see `Loss` for the methods.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        s in [0, 1]: t is replaced by (1 - s) t + s / k.
    class_weight : array of shape (k,), optional
        A finite weight >= 0 for each class.
    ignore_index : int, optional
        Rows with this class index count nothing: value and gradient are 0 there, whatever their raw
        predictions, and a mean does not divide by them. It may be outside 0..k-1. Only for targets
        given by index.

    Notes
    -----
    reduction="mean" divides, as torch does, by the sum of w_i u_y over the rows that are kept for
    targets by index, and by the sum of w_i for target rows: with class weights, the mean of one-hot
    rows is not the mean of the same indices ("sum" and "none" agree).
    """

    is_rowwise = True
    n_columns = None  # k, where the loss has one
    _fewest = 2  # columns
    _targets = "classes"  # a key of _row_tiles.TARGETS
    _family = "rows"
    domain = "class indices 0..k-1, or rows (n, k) of finite numbers >= 0"
    # Nanoseconds an element on one thread, for the choice of n_threads=None.
    _nanoseconds = 1.0

    def __init__(self, label_smoothing=0.0, class_weight=None, ignore_index=None):
        label_smoothing = real_number("label_smoothing", label_smoothing, 0.0, 1.0)
        if class_weight is not None:
            class_weight = np.array(real_array("class_weight", class_weight, np.float64))
            if class_weight.ndim != 1 or class_weight.size < 2:
                raise ValueError(f"class_weight must have shape (k,) with k >= 2, got shape {class_weight.shape}")
            self._check_weight(class_weight, "class_weight")
            class_weight.flags.writeable = False
        if ignore_index is not None:
            if isinstance(ignore_index, (bool, np.bool_)) or not isinstance(ignore_index, (int, np.integer)):
                raise TypeError(f"ignore_index must be an int or None, got {type(ignore_index).__name__}")
            ignore_index = int(ignore_index)
            if abs(ignore_index) > 2**53:
                raise ValueError(f"ignore_index must be between -2**53 and 2**53, got {ignore_index}")
        super().__init__()
        # Not by `super().__init__`: a subclass without these parameters has their defaults.
        self.__dict__.update(
            label_smoothing=label_smoothing,
            class_weight=class_weight,
            ignore_index=ignore_index,
            _par=np.array([label_smoothing, ignore_index is not None, ignore_index or 0.0, 0.0]),
        )

    def _kernel(self, dtype):
        modules = getattr(_kernels.table, self._family)
        return modules[np.dtype(dtype)].address(self.name), self._par.copy(), self.class_weight

    def _data(self, y, n_outputs, counted, dtype):
        """What a pass over data takes of targets: (targets, class indices or None, numbers or None, k).

        `counted` says which rows count, None for all; the targets returned are `y`, without what rows that do not count
        may hold and the loss's methods would refuse.
        """
        name, index, numbers = type(self).__name__, None, None
        if y.ndim == 1:
            if self._targets not in ("classes", "index"):
                raise ValueError(f"y of {name} must be {self.domain}, got shape {y.shape}")
            if y.dtype.kind not in "iu":
                raise TypeError(f"y of {name} must hold class indices (integers) or be (n, k), got {y.dtype}")
            index = as_int64(y)
            k = self._n_classes(index) if n_outputs is None else n_outputs
        else:
            if self._targets == "index":
                raise ValueError(f"y of {name} must be class indices, integers of shape (n,), got shape {y.shape}")
            if self.ignore_index is not None:
                raise ValueError(f"ignore_index is for class indices of shape (n,), but y has shape {y.shape}")
            numbers, k = np.ascontiguousarray(y, dtype=dtype), y.shape[1]
        self._check_outputs(k, n_outputs)
        return y, index, numbers, k

    def _check_outputs(self, k, n_outputs):
        name = type(self).__name__
        if k != (k if n_outputs is None else n_outputs) or k != (self.n_columns or k):
            raise ValueError(f"{name} has {self.n_columns or k} outputs for these targets, got n_outputs={n_outputs or k}")
        if self.class_weight is not None and self.class_weight.size != k:
            raise ValueError(f"class_weight of {name} must have {k} elements, one for each output, got {self.class_weight.size}")

    def _kept(self, index):
        """Which rows are not ignored."""
        return np.ones(index.shape, bool) if self.ignore_index is None else index != self.ignore_index

    def _n_classes(self, index):
        """k of targets by index: the length of class_weight, or the largest index + 1."""
        if self.class_weight is not None:
            return self.class_weight.size
        return int(index.max(initial=0, where=self._kept(index))) + 1

    def _mixed(self, y, k):
        """The rows v of the module's docstring, (n, k) of float64; those of ignored rows are 0."""
        if y.ndim == 1:
            v, kept = np.zeros((len(y), k)), self._kept(y)
            v[kept, y[kept]] = 1.0
            ignored = ~kept
        else:
            v, ignored = np.array(y, dtype=np.float64), slice(0)
        v = (1.0 - self.label_smoothing) * v + self.label_smoothing / k
        v[ignored] = 0.0
        return v if self.class_weight is None else v * self.class_weight

    def _check_columns(self, raw, raw_name):
        if raw.ndim != 2 or raw.shape[1] < self._fewest:
            raise ValueError(f"{raw_name} must have shape (n, k) with k >= {self._fewest}, got shape {raw.shape}")

    def _shapes(self, raw, y_true, raw_name="raw_prediction"):
        """The target as (index or None, rows or None), checked against raw."""
        self._check_columns(raw, raw_name)
        if self.class_weight is not None and self.class_weight.size != raw.shape[1]:
            raise ValueError(
                f"class_weight has shape {self.class_weight.shape} and {raw_name} has shape {raw.shape}; "
                "it must have one weight for each column"
            )
        y = np.asarray(y_true)
        if y.ndim == 1 and y.shape[0] == raw.shape[0]:
            if y.dtype.kind not in "iu":
                raise TypeError(
                    f"y_true of shape (n,) holds class indices and must have an integer dtype, got dtype {y.dtype}"
                )
            return as_int64(y), None
        if y.shape != raw.shape:
            raise ValueError(
                f"y_true has shape {y.shape} and {raw_name} has shape {raw.shape}; y_true must be class indices "
                f"of shape {raw.shape[:1]} or rows of shape {raw.shape}, shapes are not broadcast"
            )
        if self.ignore_index is not None:
            raise ValueError("ignore_index is for class indices of shape (n,), but y_true has rows")
        return None, real_array("y_true", y, raw.dtype)

    def _evaluate(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out=None,
                  gradient_out=None, hessian_out=None, direction=None):  # fmt: skip
        self._check_reduction(reduction)
        raw_name = "theta" if what == CONJUGATE else "raw_prediction"
        raw = real_array(raw_name, raw_prediction)
        index, rows = self._shapes(raw, y_true, raw_name)
        dtype, (n, k) = raw.dtype, raw.shape
        inputs = {"y_true": y_true if rows is None else rows, raw_name: raw}
        weight = sample_weight
        if weight is not None:
            inputs["sample_weight"] = weight = real_array("sample_weight", weight, dtype)
            if weight.shape != (n,):
                raise ValueError(
                    f"sample_weight has shape {weight.shape} and {raw_name} has shape {raw.shape}; "
                    f"it must have shape ({n},)"
                )
        if what == PRODUCT:
            inputs["direction"] = direction = real_array("direction", direction, dtype)
            same_shape("direction", direction, raw_name, raw)
        none = reduction == "none"
        if value_out is not None and not none:
            raise ValueError(f"value_out is for reduction='none'; with {reduction!r} the value is returned as a float")
        full = what & FULL_HESSIAN
        value = gradient = hessian = product = None
        if what & (VALUE | CONJUGATE) and none:
            value = output("value_out", value_out, (n,), dtype, inputs)
        if what & GRADIENT:
            gradient = output("gradient_out", gradient_out, raw.shape, dtype, inputs)
        if what & (HESSIAN | FULL_HESSIAN):
            hessian = output("hessian_out", hessian_out, (n, k, k) if full else raw.shape, dtype, inputs)
        if what == PRODUCT:
            product = output("product_out", gradient_out, raw.shape, dtype, inputs)
        n_threads = threads(n_threads, n * k * (k if full else 1) * self._nanoseconds * 1e-6)
        status, total = getattr(_kernels.table, self._family)[dtype].run(
            self.name, what, n, k, index, _flat(rows), _flat(raw), weight, self._par, self.class_weight,
            MASS if reduction == "mean" else 1.0, n_threads, value, _flat(gradient), _flat(hessian),
            _flat(direction), _flat(product),
        )  # fmt: skip
        if status:
            self._refuse(status, y_true, weight, raw)
        if not none:
            value = total
        results = [
            value if what & (VALUE | CONJUGATE) else None,
            gradient,
            hessian,
            product,
        ]
        results = [result for result in results if result is not None]
        return results[0] if len(results) == 1 else tuple(results)

    def _refuse(self, status, y_true, weight, raw):
        if status & BAD_TARGET:
            y, k = np.asarray(y_true), raw.shape[1]
            masked = np.zeros(len(y), bool) if weight is None else np.asarray(weight) == 0
            if y.ndim == 1:
                ok = (y >= 0) & (y < k) | masked | ~self._kept(y)
                also = "" if self.ignore_index is None else f" or ignore_index={self.ignore_index}"
                raise ValueError(
                    f"y_true of {type(self).__name__} must be class indices from 0 to {k - 1} "
                    f"(raw_prediction has {k} columns){also}, got {first_bad(y, ok)}"
                )
            ok = (y >= 0) & (y < np.inf) | masked[:, None]
            raise ValueError(
                f"y_true of {type(self).__name__} must be rows of finite numbers >= 0, got {first_bad(y, ok)}"
            )
        if status & NO_WEIGHT:
            found = "there are no samples" if raw.shape[0] == 0 else "the weights of the rows that count sum to 0"
            raise ValueError(f"reduction='mean' divides by the sum of the weights, but {found}")
        super()._raise_status(status & (BAD_WEIGHT | BAD_RAW), y_true, weight, raw)

    def _raise_in_pass(self, status, y, sample_weight, k):
        """Raise the error that a nonzero status word of a pass over data stands for; k is the number of outputs."""
        if status & BAD_RAW and not status & (BAD_TARGET | BAD_WEIGHT):
            raise ValueError(f"raw predictions of {self!r} are probabilities and must be in [0, 1]: some of the model's are not")
        self._refuse(status, y, sample_weight, np.broadcast_to(0.0, (len(y), k)))

    def gradient_hessian(
        self,
        y_true,
        raw_prediction,
        sample_weight=None,
        *,
        hessian="diag",
        reduction="mean",
        n_threads=None,
        gradient_out=None,
        hessian_out=None,
    ):
        """Gradient and Hessian of what `value` returns, in one pass.

        Parameters
        ----------
        y_true, raw_prediction, sample_weight, reduction, n_threads, gradient_out
            As for `value` and `gradient`.
        hessian : {"diag", "full"}
            The diagonal of each row's Hessian, (n, k), or the whole of it, (n, k, k).
        hessian_out : array, optional
            The array to write the Hessian to.

        Returns
        -------
        gradient : array of shape (n, k)
        hessian : array of shape (n, k) or (n, k, k)
        """
        if not isinstance(hessian, str) or hessian not in ("diag", "full"):
            raise ValueError(f"hessian must be 'diag' or 'full', got {hessian!r}")
        what = GRADIENT | (FULL_HESSIAN if hessian == "full" else HESSIAN)
        return self._evaluate(
            what, y_true, raw_prediction, sample_weight, reduction, n_threads, None, gradient_out, hessian_out
        )

    def conjugate(self, y_true, theta):
        """The convex conjugate f*(theta) = sup over z of theta . z - f(z), for each row; the class says what it is.

        It is +inf outside its domain, up to rounding, and 0 for ignored rows.

        Parameters
        ----------
        y_true : array
            Targets, as for `value`.
        theta : array of float32 or float64, shape (n, k)
            Its dtype is that of the result.

        Returns
        -------
        array of shape (n,)

        Raises
        ------
        NotImplementedError
            If the loss has no conjugate in closed form (`has_conjugate`).
        """
        if not self.has_conjugate:
            raise NotImplementedError(f"{type(self).__name__} offers no conjugate: it has no closed form")
        return self._evaluate(CONJUGATE, y_true, theta, None, "none", 1)

    def _class_mass(self, y_true, sample_weight, n_classes):
        """Sum of w_i v_i, shape (k,), float64."""
        y = np.asarray(y_true)
        if sample_weight is not None and y.ndim in (1, 2) and np.shape(sample_weight) == y.shape[:1]:
            masked = np.asarray(sample_weight) == 0  # targets there may be anything
            y = np.where(masked if y.ndim == 1 else masked[:, None], y.dtype.type(0), y)
        k = y.shape[1] if y.ndim == 2 else n_classes
        if k is None:
            index = y if y.dtype.kind in "iu" else np.zeros(0, np.int64)  # _shapes refuses y
            k = max(self._n_classes(index), 2)
        raw = np.ones((y.shape[0] if y.ndim else 0, k))
        # v = p W - gradient, and its sum over the samples needs no loss: count by column.
        index, rows = self._shapes(raw, y)
        weight = np.ones(raw.shape[0])
        if sample_weight is not None:
            weight = real_array("sample_weight", sample_weight, np.float64)
            if weight.shape != weight.shape[:1] or weight.shape != raw.shape[:1]:
                raise ValueError(f"sample_weight has shape {weight.shape}, it must have shape {raw.shape[:1]}")
            self._check_weight(weight)
        k = raw.shape[1]
        if index is not None:
            kept = self._kept(index)
            weight, index = np.where(kept, weight, 0.0), np.where(kept, index, 0)
            if ((index < 0) | (index >= k)).any():
                self._refuse(BAD_TARGET, y_true, weight, raw)
            mass = np.bincount(index, weights=weight, minlength=k)
            total = weight.sum()
        else:
            if not ((rows >= 0) & (rows < np.inf)).all():
                self._refuse(BAD_TARGET, y_true, weight, raw)
            mass = weight @ rows
            total = weight.sum()
        mass = (1.0 - self.label_smoothing) * mass + self.label_smoothing / k * total
        if self.class_weight is not None:
            mass = mass * self.class_weight
        if not mass.sum() > 0:
            found = "there are no samples" if raw.shape[0] == 0 else "the weights of the rows that count sum to 0"
            raise ValueError(f"the best constant needs a positive sum of weights, but {found}")
        return mass

    def sample(self, rng, n, n_classes=5):
        """n class indices and raw predictions (float64), for tests and benchmarks."""
        return rng.integers(0, n_classes, n), rng.normal(size=(n, n_classes)) * 2.0


@register(
    "CrossEntropyLoss",
    "cross_entropy",
    "softmax_cross_entropy_with_integer_labels",
    "HalfMultinomialLoss",
    "multinomial",
)
class SoftmaxCrossEntropy(RowLoss):
    """Cross-entropy of the softmax of each row, W log(sum of e^z_c) - sum of v_c z_c.

    With class index y and the defaults this is log(sum of e^z_c) - z_y. The gradient is W p - v and
    the Hessian W (diag(p) - p p') with p = softmax(z): exact, positive semidefinite, at most W/2.
    Target rows need not sum to 1. It is accurate relative to the result also where one class
    dominates, and finite wherever the true value is.

    The conjugate is, with q = theta + v, the sum of q_c log(q_c / W) where q >= 0 and theta sums to 0.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        s in [0, 1]: t is replaced by (1 - s) t + s / k.
    class_weight : array of shape (k,), optional
        A finite weight >= 0 for each class.
    ignore_index : int, optional
        Rows with this class index count nothing.

    Notes
    -----
    reduction="mean" divides, as torch.nn.CrossEntropyLoss does, by the sum of w_i u_y over the rows
    that are kept for targets by index, and by the sum of w_i for target rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SoftmaxCrossEntropy
    >>> z = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 1.0]])
    >>> print(round(SoftmaxCrossEntropy().value([0, 1], z), 6))
    0.204695
    >>> SoftmaxCrossEntropy().predict(z).round(3)
    array([[0.787, 0.107, 0.107],
           [0.042, 0.844, 0.114]])
    """

    name = "softmax_cross_entropy"
    traits = Traits(
        ("multiclass",), "bounded", "categorical", "softmax 交叉熵",
        "probabilities of several classes",
        "torch `CrossEntropyLoss`, optax, scikit-learn `HalfMultinomialLoss`: the same; Keras: `from_logits=True`",
    )  # fmt: skip
    link = "multinomial logit"
    is_shift_invariant = True

    def predict(self, raw_prediction, *, n_threads=None):
        """Probabilities: the softmax of each row, shape (n, k)."""
        raw = real_array("raw_prediction", raw_prediction)
        self._check_columns(raw, "raw_prediction")
        result = np.empty_like(raw)
        _kernels.table.rows[raw.dtype].run(
            self.name, PREDICT, *raw.shape, None, None, _flat(raw), None, self._par, None, 1.0,
            threads(n_threads, raw.size * self._nanoseconds * 1e-6), None, None, None, None, _flat(result),
        )  # fmt: skip
        return result

    def fit_intercept_only(self, y_true, sample_weight=None, *, n_classes=None):
        """The constant row with the smallest weighted loss: log class frequencies, centred.

        Parameters
        ----------
        y_true, sample_weight : arrays
            As for `value`.
        n_classes : int, optional
            k, for targets by index; by default the length of class_weight, or the largest index + 1.

        Returns
        -------
        array of float64, shape (k,)
            Its finite entries have mean 0; classes without weight get -inf.
        """
        mass = self._class_mass(y_true, sample_weight, n_classes)
        with np.errstate(divide="ignore"):
            constant = np.log(mass)
        return constant - constant[mass > 0].mean()


@register(
    "categorical_crossentropy",
    "CategoricalCrossentropy",
    "sparse_categorical_crossentropy",
    "SparseCategoricalCrossentropy",
)
class CategoricalCrossEntropyFromProbabilities(RowLoss):
    """Cross-entropy of rows of probabilities q, -sum of v_c log q_c.

    With class index y and the defaults this is -log q_y. Rows are taken as they are: they are not
    normalised and not clipped (Keras divides a row by its sum and clips it to [1e-7, 1 - 1e-7]).
    log q is cut at -100, as in torch's BCELoss; where it is cut, derivatives are 0. Every q must be
    in [0, 1]. From logits, SoftmaxCrossEntropy is faster and more accurate.

    Gradient -v / q; the Hessian is the diagonal matrix of v / q^2.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        s in [0, 1]: t is replaced by (1 - s) t + s / k.
    class_weight : array of shape (k,), optional
        A finite weight >= 0 for each class.
    ignore_index : int, optional
        Rows with this class index count nothing.

    Notes
    -----
    reduction="mean" divides by the sum of w_i u_y over the rows that are kept for targets by index,
    and by the sum of w_i for target rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CategoricalCrossEntropyFromProbabilities
    >>> q = np.array([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]])
    >>> print(round(CategoricalCrossEntropyFromProbabilities().value([0, 2], q), 6))
    0.693147
    """

    name = "categorical_cross_entropy_from_probabilities"
    traits = Traits(
        ("multiclass",), "sensitive", "categorical", "交叉熵 (概率输入)",
        "models that end in probabilities; prefer `softmax_cross_entropy`",
        "Keras `CategoricalCrossentropy` clips at 1e-7",
    )  # fmt: skip
    link = "identity"
    has_conjugate = False

    def predict(self, raw_prediction):
        """Probabilities: `raw_prediction` itself."""
        return np.asarray(raw_prediction)

    def fit_intercept_only(self, y_true, sample_weight=None, *, n_classes=None):
        """The constant row of probabilities, summing to 1, with the smallest weighted loss: class frequencies.

        Parameters and shape are those of `SoftmaxCrossEntropy.fit_intercept_only`.
        """
        mass = self._class_mass(y_true, sample_weight, n_classes)
        return mass / mass.sum()

    def sample(self, rng, n, n_classes=5):
        """n class indices and rows of probabilities (float64), for tests and benchmarks."""
        return rng.integers(0, n_classes, n), rng.dirichlet(np.full(n_classes, 2.0), size=n)


def _flat(array):
    return None if array is None else array.reshape(-1)
