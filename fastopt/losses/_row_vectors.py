"""Row losses of vectors, boxes and distributions with two parameters."""

import math

import numpy as np

from .._validation import real_array
from ._base import register
from ._row_tiles import TileLoss
from ._traits import Traits


@register("cosine_distance")
class CosineDistance(TileLoss):
    """One less the cosine of the angle between a row z and its target row, 1 - z . y / (|z| |y|).

    optax' cosine_distance; Keras' CosineSimilarity is this minus 1. A vector of zeros has no direction: its
    loss is 1 and its gradient 0. Nothing overflows: squares are of entries over the largest one. Not convex.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CosineDistance
    >>> CosineDistance().value(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[3.0, 4.0], [1.0, 1.0]]), reduction="none")
    array([0.4, 1. ])
    """

    name = "cosine_distance"
    traits = Traits(
        ("embedding",), "bounded", "", "余弦距离",
        "directions of vectors",
        "Keras `CosineSimilarity` is this less 1; optax `cosine_distance`: the same",
    )  # fmt: skip
    is_convex = False
    _targets = "finite"

    def __init__(self):
        super().__init__()


@register()
class GaussianNLL(TileLoss):
    """Negative log-likelihood of a normal distribution whose mean and variance are both predicted.

        (s + (y - m)^2 e^-s) / 2,    a row z = (m, s), s the log-variance; + log(2 pi) / 2 with full=True.

    torch's GaussianNLLLoss of input m and var e^s; the log-variance needs no clipping. Targets are numbers (n,).
    Convex in each of m and s, not in both.

    Parameters
    ----------
    full : bool, default=False
        Whether to add the constant log(2 pi) / 2.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import GaussianNLL
    >>> print(GaussianNLL().value(np.array([1.0, 0.0]), np.array([[0.0, 0.0], [0.0, 2.0]])))
    0.75
    """

    name = "gaussian_nll"
    traits = Traits(
        ("distribution", "regression"), "sensitive", "normal, its variance predicted too", "高斯负对数似然",
        "a mean and a variance of each row",
        "torch `GaussianNLLLoss` takes the variance, not its logarithm",
    )  # fmt: skip
    n_columns = 2
    is_convex = False
    _targets = "number"

    def __init__(self, full=False):
        if not isinstance(full, (bool, np.bool_)):
            raise TypeError(f"full must be True or False, got {full!r}")
        super().__init__(full=bool(full))
        self._par[4] = 0.5 * math.log(2 * math.pi) if full else 0.0

    def _check_columns(self, raw, raw_name):
        if raw.ndim != 2 or raw.shape[1] != 2:
            raise ValueError(f"{raw_name} must have shape (n, 2), mean and log-variance, got shape {raw.shape}")

    def fit_intercept_only(self, y_true, sample_weight=None, *, n_classes=None):
        """Weighted mean and log-variance of the targets; -inf for the latter where they are all the same."""
        y = real_array("y_true", y_true, np.float64)
        if not len(y):
            raise ValueError("the best constant needs a positive sum of weights, but there are no samples")
        mean = np.average(y, weights=sample_weight)
        with np.errstate(divide="ignore"):
            return np.array([mean, np.log(np.average((y - mean) ** 2, weights=sample_weight))])

    def sample(self, rng, n, n_classes=2):
        """n targets and rows of mean and log-variance (float64), for tests and benchmarks."""
        return rng.normal(size=n), rng.normal(size=(n, 2))


class _BoxLoss(TileLoss):
    """Losses of boxes x1, y1, x2, y2 with x1 < x2 and y1 < y2."""

    is_convex = False
    is_smooth = False
    hessian_kind = "none"
    n_columns = 4
    _targets = "finite"

    def __init__(self):
        super().__init__()

    def _check_columns(self, raw, raw_name):
        if raw.ndim != 2 or raw.shape[1] != 4:
            raise ValueError(f"{raw_name} must have shape (n, 4), boxes x1, y1, x2, y2, got shape {raw.shape}")

    def sample(self, rng, n, n_classes=4):
        """n target boxes and boxes near them (float64), for tests and benchmarks."""
        corner, size = rng.uniform(0, 1, (n, 2)), rng.uniform(0.2, 1, (n, 2))
        moved, scaled = corner + rng.normal(0, 0.1, (n, 2)), size * rng.uniform(0.7, 1.4, (n, 2))
        return np.hstack([corner, corner + size]), np.hstack([moved, moved + scaled])


@register()
class IoU(_BoxLoss):
    """One less intersection over union of a box and its target; rows x1, y1, x2, y2.

    Boxes that do not meet have loss 1 and gradient 0: `GeneralizedIoU` has a gradient there.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import IoU
    >>> print(round(IoU().value(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]])), 6))
    0.666667
    """

    name = "iou"
    traits = Traits(
        ("detection",), "bounded", "", "交并比损失",
        "boxes that overlap already",
        "torchvision, Keras CV: corners, as here",
    )  # fmt: skip


@register("generalized_box_iou_loss")
class GeneralizedIoU(_BoxLoss):
    """GIoU loss, 1 - IoU + (C - U) / C with U the union of two boxes and C the smallest box around both.

    torchvision's generalized_box_iou_loss without its eps of 1e-7; from 0 to 2.

    References
    ----------
    Rezatofighi and others, Generalized intersection over union (2019).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import GeneralizedIoU
    >>> print(round(GeneralizedIoU().value(np.array([[0.0, 0.0, 1.0, 1.0]]), np.array([[2.0, 0.0, 3.0, 1.0]])), 6))
    1.333333
    """

    name = "generalized_iou"
    traits = Traits(
        ("detection",), "bounded", "", "广义交并比损失 (GIoU)",
        "boxes that may not overlap yet",
        "torchvision `generalized_box_iou_loss`: the same",
    )  # fmt: skip


@register("complete_box_iou_loss")
class CompleteIoU(_BoxLoss):
    """CIoU loss, 1 - IoU + d^2 / c^2 + a^2 / (1 - IoU + a).

    d is the distance between the centres, c the diagonal of the smallest box around both, and
    a = (4 / pi^2) (arctan(w / h of the target) - arctan(w / h))^2 compares the shapes. torchvision's
    complete_box_iou_loss without its eps; the gradient is that of the value, where torchvision holds the
    factor a / (1 - IoU + a) constant.

    References
    ----------
    Zheng and others, Distance-IoU loss (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CompleteIoU
    >>> print(round(CompleteIoU().value(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]])), 6))
    0.74359
    """

    name = "complete_iou"
    traits = Traits(
        ("detection",), "bounded", "", "完整交并比损失 (CIoU)",
        "boxes, with centres and shapes",
        "torchvision `complete_box_iou_loss`: no gradient through its weight alpha there",
    )  # fmt: skip
