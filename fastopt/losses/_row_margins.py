"""Row losses of margins: hinges over classes and over labels, ordered classes."""

import numpy as np

from .._validation import real_array, real_number
from ._base import register
from ._row_tiles import TileLoss, levels
from ._traits import Traits


@register("multiclass_hinge_loss")
class CrammerSinger(TileLoss):
    """Multiclass hinge loss of Crammer and Singer, max(0, margin + max over c != y of z_c - z_y).

    The gradient is 1 for the first of the largest other classes and -1 for y where the loss is positive.

    Parameters
    ----------
    margin : float, default=1.0
        At least 0.
    class_weight : array of shape (k,), optional
        A finite weight >= 0 for each class: the loss of a row is multiplied by that of its class.
    ignore_index : int, optional
        Rows with this class index count nothing.

    Notes
    -----
    optax' multiclass_hinge_loss with margin 1. Keras' CategoricalHinge also takes 0 for another class, which makes a
    difference where all others are negative. reduction="mean" divides by the sum of w_i u_y, u_y the weight of a
    row's class.

    References
    ----------
    Crammer, Singer, On the algorithmic implementation of multiclass kernel-based vector machines (2001).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CrammerSinger
    >>> CrammerSinger().value([0, 2], np.array([[2.0, 0.5, 0.0], [1.0, 0.0, 0.5]]), reduction="none")
    array([0. , 1.5])
    """

    name = "crammer_singer"
    traits = Traits(
        ("multiclass",), "bounded", "", "多类合页损失 (Crammer-Singer)",
        "margins between the true class and the best other one",
        "Keras `CategoricalHinge`, optax `multiclass_hinge_loss`, liblinear `-s 4`: the same",
    )  # fmt: skip
    is_smooth = False
    is_shift_invariant = True
    _targets = "index"

    def __init__(self, margin=1.0, class_weight=None, ignore_index=None):
        super().__init__(0.0, class_weight, ignore_index, margin=real_number("margin", margin, 0.0))


@register("MultiMarginLoss", "multi_margin_loss")
class WestonWatkins(TileLoss):
    """Multiclass hinge loss of Weston and Watkins, sum over c != y of max(0, margin + z_c - z_y)^power.

    torch's MultiMarginLoss(p=power, weight=class_weight) is this divided by k. The derivative at a kink is 0.

    Parameters
    ----------
    margin : float, default=1.0
        At least 0.
    power : {1, 2}, default=1
        2 has a continuous gradient and a Hessian.
    class_weight : array of shape (k,), optional
        A finite weight >= 0 for each class: the loss of a row is multiplied by that of its class.
    ignore_index : int, optional
        Rows with this class index count nothing.

    Notes
    -----
    reduction="mean" divides by the sum of w_i u_y, torch by the number of rows; "sum" and "none" agree with it.

    References
    ----------
    Weston, Watkins, Support vector machines for multi-class pattern recognition (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import WestonWatkins
    >>> WestonWatkins().value([0, 2], np.array([[2.0, 0.5, 0.0], [1.0, 0.0, 0.5]]), reduction="none")
    array([0., 2.])
    """

    name = "weston_watkins"
    traits = Traits(
        ("multiclass",), "bounded", "", "多类合页损失 (Weston-Watkins)",
        "margins between the true class and all others",
        "torch `MultiMarginLoss` divides by k",
    )  # fmt: skip
    is_smooth = False  # where power is 1
    is_shift_invariant = True
    _targets = "index"

    def __init__(self, margin=1.0, power=1, class_weight=None, ignore_index=None):
        if power not in (1, 2) or isinstance(power, bool):
            raise ValueError(f"power must be 1 or 2, got {power!r}")
        margin = real_number("margin", margin, 0.0)
        super().__init__(0.0, class_weight, ignore_index, margin=margin, power=int(power))
        self.__dict__["is_smooth"] = power == 2


@register("MultiLabelMarginLoss", "multilabel_margin_loss")
class MultilabelMargin(TileLoss):
    """Sum over labels a that hold and b that do not of max(0, 1 - (z_a - z_b)), divided by k.

    torch's MultiLabelMarginLoss, with targets as rows of 0 and 1 where torch takes lists of labels ended by
    -1. Costs k operations for each label that holds.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import MultilabelMargin
    >>> y, z = np.array([[1.0, 0.0, 0.0, 1.0]]), np.array([[0.1, 0.2, 0.4, 0.8]])
    >>> print(round(MultilabelMargin().value(y, z), 6))
    0.85
    """

    name = "multilabel_margin"
    traits = Traits(
        ("multilabel",), "bounded", "", "多标签间隔损失",
        "label sets by margins",
        "torch `MultiLabelMarginLoss`: targets there are lists of indices",
    )  # fmt: skip
    is_smooth = False
    is_shift_invariant = True
    _targets = "labels"

    def __init__(self):
        super().__init__()


@register("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss")
class MultilabelLogistic(TileLoss):
    """Mean over the labels of a row of the logistic loss, log(1 + e^z_c) - t_c z_c.

    torch's MultiLabelSoftMarginLoss, and its BCEWithLogitsLoss and Keras' BinaryCrossentropy(from_logits=True) on
    rows of labels. Targets are rows of numbers in [0, 1]: labels, or probabilities of labels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import MultilabelLogistic
    >>> print(round(MultilabelLogistic().value(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]])), 6))
    0.693147
    """

    name = "multilabel_logistic"
    traits = Traits(
        ("multilabel",), "bounded", "Bernoulli", "多标签交叉熵",
        "probabilities of each label",
        "torch `MultiLabelSoftMarginLoss`; Keras `BinaryCrossentropy` over the last axis: the same mean",
    )  # fmt: skip
    link = "logit"
    _targets = "unit"

    def __init__(self):
        super().__init__()


@register()
class CumulativeLogit(TileLoss):
    """Negative log-likelihood of ordered classes 0..k from k cumulative logits, P(y <= c) = sigmoid(z_c).

        -log(sigmoid(z_y) - sigmoid(z_(y-1))),    the first term 1 for y = k, the second 0 for y = 0.

    The proportional odds model has z_c = theta_c - x'b; in a `LinearObjective` each z_c has coefficients of its own, and
    docs/losses.md shows how to share them. A row must increase; where two neighbours do not, the
    loss of the class between them is infinite. One class more than columns, k >= 1; targets are integers (n,). Convex;
    computed without cancellation, far out and between close thresholds.

    References
    ----------
    McCullagh, Regression models for ordinal data (1980).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CumulativeLogit
    >>> z = np.array([[-1.0, 1.0], [-1.0, 1.0]])
    >>> CumulativeLogit().value([1, 2], z, reduction="none").round(6)
    array([0.771937, 1.313262])
    >>> CumulativeLogit().predict(z[:1]).round(6)
    array([[0.268941, 0.462117, 0.268941]])
    """

    name = "cumulative_logit"
    traits = Traits(
        ("ordinal",), "bounded", "cumulative logistic", "有序 logit 损失",
        "ratings, grades",
        "statsmodels `OrderedModel` (logit); mord: sums, not means",
    )  # fmt: skip
    domain = "class indices 0..k, one more than there are columns"
    link = "cumulative logit"
    _more_classes = 1
    _fewest = 1
    _targets = "number"

    def __init__(self):
        super().__init__()

    def _data(self, y, n_outputs, counted, dtype):
        k = n_outputs
        if k is None and y.dtype.kind in "iu":
            k = max(int(y.max(initial=0)), 1)
        if counted is not None and y.ndim == 1:
            y = np.where(counted | ((y >= 0) & (y <= k)), y, y.dtype.type(0))
        return y, None, levels(y, len(y), k, dtype), k

    def _shapes(self, raw, y_true, raw_name="raw_prediction"):
        self._check_columns(raw, raw_name)
        return None, levels(y_true, *raw.shape, raw.dtype)

    def predict(self, raw_prediction):
        """Probabilities of the classes, shape (n, k + 1)."""
        raw = real_array("raw_prediction", raw_prediction)
        e = np.exp(-np.abs(raw))
        below = np.where(raw >= 0, 1, e) / (1 + e)
        ends = np.zeros((len(raw), 1), raw.dtype)
        return np.diff(np.concatenate([ends, below, ends + 1], axis=1), axis=1)

    def _start(self, y, sample_weight, n_classes):
        y = np.asarray(y)
        k = (int(y.max()) if y.size else 1) if n_classes is None else n_classes - 1
        counts = np.bincount(y, weights=sample_weight, minlength=k + 1)
        share = np.cumsum(np.maximum(counts, 1e-9 * counts.sum()))[:-1]
        return np.log(share) - np.log(counts.sum() - share)

    def fit_intercept_only(self, y_true, sample_weight=None, *, n_classes=None):
        """The constant row with the smallest loss: the logits of the cumulative shares of the classes.

        n_classes is k + 1; by default the largest index + 1. Classes without weight get a share of 1e-9.
        """
        y = levels(y_true, len(y_true), max(int(np.max(y_true)), 1) if n_classes is None else n_classes - 1, np.float64)
        return self._start(y.astype(np.int64), sample_weight, n_classes)

    def sample(self, rng, n, n_classes=5):
        """n class indices and rows of increasing logits (float64), for tests and benchmarks."""
        raw = np.sort(rng.normal(size=(n, n_classes)) * 2.0, axis=1) + 0.1 * np.arange(n_classes)
        return rng.integers(0, n_classes + 1, n), raw
