"""What losses of whole batches and sequences share: their registry, weights, outputs, refusals."""

import numpy as np

from .._validation import enrol, output_array, real_array
from ._base import BATCH_ALIASES, BATCH_LOSSES, Loss


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
        return None if sample_weight is None else weights(self, "sample_weight", sample_weight, (n,))


def weights(loss, name, array, shape):
    """`array` as float64 of this shape, finite and >= 0."""
    array = real_array(name, array, np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; it must have shape {shape}")
    loss._check_weight(array)
    return array


def mass(sample_weight, n):
    """What a mean divides by: the sum of the weights."""
    total = float(n) if sample_weight is None else float(sample_weight.sum())
    if not total > 0:
        found = "there are no samples" if n == 0 else "sample_weight sums to 0"
        raise ValueError(f"reduction='mean' divides by the sum of the weights, but {found}")
    return total


def output(name, given, shape, dtype, inputs):
    """The array to write to: the caller's, checked, or a new one."""
    if given is None:
        return np.empty(shape, dtype)
    output_array(name, given, shape, dtype, inputs)
    inputs[name] = given
    return given


def integers(name, array):
    """`array` as contiguous int64; anything but an integer dtype is a TypeError."""
    array = np.asarray(array)
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)  # numpy's dtype of an empty list
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must have an integer dtype, got dtype {array.dtype}")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        array = np.minimum(array, np.uint64(2**63 - 1))
    return np.require(array.astype(np.int64, copy=False), requirements="CA")
