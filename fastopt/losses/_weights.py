"""Weights of elements from what is known about rows, outputs, classes and missing values."""

from collections.abc import Mapping

import numpy as np

from .._validation import real_array
from ._base import check_weight


def element_weight(y_true, *, sample_weight=None, output_weight=None, class_weight=None, mask=None):
    """The `sample_weight` of a loss as a product of weights of rows, outputs and classes, and of a mask.

    An element of weight 0 counts nothing: its value and derivatives are 0 and a mean does not divide by it,
    whatever target and raw prediction it holds, NaN too. A boolean array is a `sample_weight` like any other,
    so that a mask alone needs no call of this function.

    Parameters
    ----------
    y_true : array of shape (n,) or (n, ...)
        Targets, for their shape and, with `class_weight`, their labels.
    sample_weight : array of shape (n,) or like `y_true`, optional
        Finite and >= 0.
    output_weight : array of shape (k,), optional
        Of the columns of targets (n, k); finite and >= 0.
    class_weight : dict or "balanced", optional
        Weights >= 0 by label; a label without an entry weighs 1. "balanced" is n / (number of labels * count of
        the label), over the elements that the mask keeps, as in scikit-learn. For the losses of two classes, in
        methods and `LinearObjective`; losses over rows have their own, an array by class.
    mask : boolean array of shape (n,) or like `y_true`, optional
        True where an element counts: optax' `where`, Keras' mask.

    Returns
    -------
    float64 array like `y_true`

    Raises
    ------
    TypeError
        If the mask is not boolean or `class_weight` neither a dict nor "balanced".
    ValueError
        If a shape does not fit, a weight is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import HalfSquaredError, element_weight
    >>> y = np.array([[1.0, 2.0], [3.0, np.nan]])
    >>> w = element_weight(y, output_weight=[1.0, 0.5], mask=~np.isnan(y))
    >>> w
    array([[1. , 0.5],
           [1. , 0. ]])
    >>> HalfSquaredError().value(y, np.zeros((2, 2)), w)
    2.4
    >>> element_weight(np.array([0, 0, 0, 1]), class_weight="balanced").round(3)
    array([0.667, 0.667, 0.667, 2.   ])
    >>> element_weight(np.array([-1, 1, 1]), class_weight={1: 4.0})
    array([1., 4., 4.])
    """
    y = np.asarray(y_true)
    weight = np.ones(y.shape)
    if sample_weight is not None:
        weight *= _rows("sample_weight", _checked("sample_weight", sample_weight), y)
    if output_weight is not None:
        output_weight = _checked("output_weight", output_weight)
        if y.ndim != 2 or output_weight.shape != y.shape[1:]:
            raise ValueError(
                f"output_weight has shape {output_weight.shape} and y_true has shape {y.shape}; "
                "it must have one weight for each column of targets (n, k)"
            )
        weight *= output_weight
    if mask is not None:
        mask = np.asarray(mask)
        if mask.dtype != bool:
            raise TypeError(f"mask must be a boolean array, True where an element counts, got dtype {mask.dtype}")
        weight *= _rows("mask", mask, y)
    if class_weight is not None:
        weight *= _by_class(y, class_weight, weight > 0)
    return weight


def _checked(name, array):
    array = real_array(name, array, np.float64)
    check_weight(array, name)
    return array


def _rows(name, array, y):
    """An array of y's shape, or one of a number for each row, to be multiplied with one of y's shape."""
    if array.shape == y.shape:
        return array
    if array.shape != y.shape[:1] or not y.ndim:
        raise ValueError(
            f"{name} has shape {array.shape} and y_true has shape {y.shape}; it must have {y.shape[:1]} or that"
        )
    return array.reshape(array.shape + (1,) * (y.ndim - 1))


def _by_class(y, class_weight, kept):
    labels, place = np.unique(np.where(kept, y, y[kept][:1] if kept.any() else 0), return_inverse=True)
    place = place.reshape(y.shape)
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(place[kept], minlength=len(labels))
        return (kept.sum() / (len(labels) * np.maximum(counts, 1)))[place]
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must be a dict of weights by label or 'balanced', got {class_weight!r}")
    return _checked("class_weight", [class_weight.get(label, 1.0) for label in labels.tolist()])[place]
