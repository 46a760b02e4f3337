"""What the row losses of src_c/fo_rowwise.h share: kinds of targets, the best constant row."""

import numpy as np

from .._validation import first_bad, real_array
from ._base import BAD_TARGET, DOMAINS, FULL_HESSIAN, HESSIAN, PRODUCT
from ._constants import least_row
from ._rows import RowLoss

NO_MEMORY = 128  # status of the blocks of rowwise.pxi

# Targets by kind: words for the documentation and the test of one entry.
TARGETS = {
    "classes": RowLoss.domain,
    "index": "class indices 0..k-1",
    "distribution": "rows (n, k) of finite numbers >= 0",
    "finite": "rows (n, k) of finite numbers",
    "labels": "rows (n, k) of 0 and 1",
    "unit": "rows (n, k) of numbers in [0, 1]",
    "list": "rows (n, k) of finite numbers, NaN where there is no item",
    "number": "finite numbers (n,)",
}

# The test of an entry of the kinds that are not indices.
ENTRIES = {
    "distribution": DOMAINS["nonnegative"][1],
    "finite": np.isfinite,
    "labels": DOMAINS["binary"][1],
    "unit": DOMAINS["unit"][1],
    "list": lambda y: ~np.isinf(y),
    "number": np.isfinite,
}


class TileLoss(RowLoss):
    """Base of the row losses that run by tiles. A subclass names the kind of its targets (a key of TARGETS).

    Its own parameters, numbers all, are handed to `super().__init__` by name and reach the kernel in that order.
    """

    _family = "rowwise"
    _targets = "classes"
    _nanoseconds = 1.5
    has_conjugate = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "domain" not in cls.__dict__:
            cls.domain = TARGETS[cls._targets]

    def __init__(self, label_smoothing=0.0, class_weight=None, ignore_index=None, **own):
        super().__init__(label_smoothing, class_weight, ignore_index)
        self.__dict__.update(own)
        par = np.zeros(8)
        par[:4] = self._par
        par[4 : 4 + len(own)] = list(own.values())
        self.__dict__["_par"] = par

    def _data(self, y, n_outputs, counted, dtype):
        if self._targets != "number":
            return super()._data(y, n_outputs, counted, dtype)
        if y.ndim != 1 or y.dtype.kind not in "biuf":
            raise ValueError(f"y of {type(self).__name__} must be {self.domain}, got {y.dtype} of shape {y.shape}")
        self._check_outputs(self.n_columns, n_outputs)
        y = np.ascontiguousarray(y, dtype=dtype)
        return y, None, y, self.n_columns

    def _shapes(self, raw, y_true, raw_name="raw_prediction"):
        kind, name = self._targets, type(self).__name__
        if kind == "classes":
            return super()._shapes(raw, y_true, raw_name)
        self._check_columns(raw, raw_name)
        y = np.asarray(y_true)
        if kind == "index":
            if y.shape != raw.shape[:1] or y.dtype.kind not in "iu":
                raise ValueError(
                    f"y_true of {name} must be class indices, integers of shape {raw.shape[:1]}, got dtype {y.dtype} and"
                    f" shape {y.shape}"
                )
            return super()._shapes(raw, y_true, raw_name)
        shape = raw.shape[:1] if kind == "number" else raw.shape
        if y.shape != shape:
            raise ValueError(
                f"y_true has shape {y.shape} and {raw_name} has shape {raw.shape}; y_true of {name} must be"
                f" {self.domain}, here of shape {shape}"
            )
        return None, real_array("y_true", y, raw.dtype)

    def _evaluate(self, what, *args, **kwargs):
        if self.hessian_kind == "none" and what & (HESSIAN | FULL_HESSIAN | PRODUCT):
            raise ValueError(f"{type(self).__name__} offers no second derivatives; use value and gradient")
        return super()._evaluate(what, *args, **kwargs)

    def _refuse(self, status, y_true, weight, raw):
        if status & NO_MEMORY:
            raise MemoryError(f"no memory for tiles of rows of {raw.shape[1]} classes")
        if status & BAD_TARGET and self._targets in ENTRIES:
            y = np.asarray(y_true).astype(raw.dtype)
            ok = self._entry(y)
            if weight is not None:
                ok |= (np.asarray(weight) == 0).reshape((-1,) + (1,) * (y.ndim - 1))
            raise ValueError(f"y_true of {type(self).__name__} must be {self.domain}, got {first_bad(y, ok)}")
        super()._refuse(status, y_true, weight, raw)

    def _entry(self, y):
        """Whether each entry of a target is in the domain."""
        return ENTRIES[self._targets](y)

    def fit_intercept_only(self, y_true, sample_weight=None, *, n_classes=None):
        """The constant row with the smallest weighted loss, found numerically (L-BFGS-B; BFGS where there are kinks).

        Where the loss is not convex this is a local minimum, the one below the mean target (rows of numbers) or below
        log frequencies (classes).

        Parameters
        ----------
        y_true, sample_weight
            As for `value`.
        n_classes : int, optional
            k, for targets by index; by default the length of class_weight, or the largest index + 1.

        Returns
        -------
        array of float64, shape (k,)
        """
        y = np.asarray(y_true)
        start = self._start(y, sample_weight, n_classes)
        if y.ndim == 1 and y.dtype.kind in "iu" and self._targets in ("classes", "index"):
            # One row for each class that occurs. A mean divides by class weights that this leaves as they are.
            weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
            kept = self._kept(y)
            y, inverse = np.unique(y[kept], return_inverse=True)
            sample_weight = np.bincount(inverse, weights=weight[kept])

        def function(row):
            raw = np.tile(row, (len(y), 1))
            value, gradient = self.value_gradient(y, raw, sample_weight)
            return value, gradient.sum(axis=0)

        return least_row(function, start, self.is_smooth)

    def _start(self, y, sample_weight, n_classes):
        if self._targets in ("classes", "index", "distribution"):
            mass = self._class_mass(y, sample_weight, n_classes)
            return np.log(np.maximum(mass, 1e-3 * mass.sum())) - np.log(mass.sum())
        y = real_array("y_true", y, np.float64)
        if not len(y):
            raise ValueError("the best constant needs a positive sum of weights, but there are no samples")
        return np.average(y, axis=0, weights=sample_weight)

    def sample(self, rng, n, n_classes=5):
        """n targets and raw predictions (float64), for tests and benchmarks."""
        raw = rng.normal(size=(n, n_classes)) * 2.0
        if self._targets in ("classes", "index"):
            return rng.integers(0, n_classes, n), raw
        if self._targets == "distribution":
            return rng.dirichlet(np.full(n_classes, 1.0), size=n), raw
        if self._targets in ("labels", "unit"):  # about three labels of many
            return (rng.uniform(size=raw.shape) < min(0.5, 3 / n_classes)).astype(float), raw
        return rng.normal(size=n if self._targets == "number" else raw.shape), raw


def levels(y_true, n, k, dtype):
    """Ordered class indices 0..k for n rows of k cumulative logits, as numbers."""
    y = np.asarray(y_true)
    if y.shape != (n,) or y.dtype.kind not in "iu":
        raise ValueError(f"y_true must be class indices, integers of shape {(n,)}, got dtype {y.dtype} and shape {y.shape}")
    ok = (y >= 0) & (y <= k)
    if not ok.all():
        raise ValueError(
            f"y_true must be class indices from 0 to {k}, one more than there are columns, got {first_bad(y, ok)}"
        )
    return y.astype(dtype)
