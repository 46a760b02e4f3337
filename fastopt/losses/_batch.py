"""What losses of whole batches and sequences share: their registry, weights, outputs, refusals."""

import numpy as np

from .._validation import as_int64, enrol, real_array
from ._base import BATCH_ALIASES, BATCH_LOSSES, Loss, check_weight


def register_batch(*aliases):
    """Class decorator: enter a loss in BATCH_LOSSES under its `name`, and its other names for `get`."""

    return lambda cls: enrol(cls, aliases, BATCH_LOSSES, BATCH_ALIASES)


class BatchLoss(Loss):
    """Base of the losses in `BATCH_LOSSES`; see `Loss` for what all losses have.

    Their methods are `Loss`'s with arguments of their own after `sample_weight`. They have no block
    function for passes over data (`_kernel` raises) and no conjugate.
    """

    has_conjugate = False
    is_separable = False
    is_rowwise = True

    def _kernel(self, dtype):
        raise NotImplementedError(
            f"{type(self).__name__} couples the samples of a batch and cannot be the loss of a pass over rows"
        )

    def gradient_hessian(self, y_true, raw_prediction, sample_weight=None, **options):
        """Not offered: raises NotImplementedError."""
        raise NotImplementedError(f"{type(self).__name__} offers no Hessian")

    def hessp(self, y_true, raw_prediction, direction, sample_weight=None, **options):
        """Not offered: raises NotImplementedError."""
        raise NotImplementedError(f"{type(self).__name__} offers no product with its Hessian")

    def _refuse_none(self, reduction):
        self._check_reduction(reduction)
        if reduction == "none":
            raise ValueError(
                f"{type(self).__name__} has no reduction='none': its value is of the whole batch; use 'mean' or 'sum'"
            )

    def _weights(self, sample_weight, n):
        """sample_weight as checked float64 of shape (n,), or None."""
        return None if sample_weight is None else weights(sample_weight, (n,))


def weights(sample_weight, shape):
    """`sample_weight` as float64 of this shape, finite and >= 0."""
    weight = real_array("sample_weight", sample_weight, np.float64)
    if weight.shape != shape:
        raise ValueError(f"sample_weight has shape {weight.shape}; it must have shape {shape}")
    check_weight(weight)
    return weight


def mass(sample_weight, n):
    """What a mean divides by: the sum of the weights."""
    total = float(n) if sample_weight is None else float(sample_weight.sum())
    if not total > 0:
        found = "there are no samples" if n == 0 else "sample_weight sums to 0"
        raise ValueError(f"reduction='mean' divides by the sum of the weights, but {found}")
    return total


def integers(name, array):
    """`array` as contiguous int64; anything but an integer dtype is a TypeError."""
    array = np.asarray(array)
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)  # numpy's dtype of an empty list
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must have an integer dtype, got dtype {array.dtype}")
    return as_int64(array)
