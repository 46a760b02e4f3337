"""Row losses of probabilities: functions of the softmax of a row, divergences between distributions."""

import numpy as np

from .._validation import real_array, real_number
from ._base import register
from ._row_tiles import TileLoss
from ._rows import SoftmaxCrossEntropy
from ._traits import Traits


class _OfSoftmax(TileLoss):
    """Functions of p = softmax(z): nothing changes where a number is added to a row."""

    link = "multinomial logit"
    is_shift_invariant = True

    def predict(self, raw_prediction, *, n_threads=None):
        """Probabilities: the softmax of each row, shape (n, k)."""
        return SoftmaxCrossEntropy().predict(raw_prediction, n_threads=n_threads)


@register("CategoricalFocalCrossentropy", "categorical_focal_crossentropy", "focal_loss", "FocalLoss")
class CategoricalFocal(_OfSoftmax):
    """Focal loss of classes, -sum of v_c (1 - p_c)^gamma log p_c with p = softmax(z).

    Rows that are already right count less: gamma = 0 is the cross-entropy. 1 - p is computed without
    cancellation, so that value and gradient keep their digits where p is near one (Keras clips p).
    Keras' `alpha` is `class_weight`. Not convex. For gamma < 1 the second derivative has no bound.

    Parameters
    ----------
    gamma : float, default=2.0
        At least 0.
    label_smoothing : float, default=0.0
        s in [0, 1]: t is replaced by (1 - s) t + s / k.
    class_weight : array of shape (k,), optional
        A finite weight >= 0 for each class.
    ignore_index : int, optional
        Rows with this class index count nothing.

    References
    ----------
    Lin, Goyal, Girshick, He, Dollar, Focal loss for dense object detection (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CategoricalFocal
    >>> z = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 1.0]])
    >>> print(round(CategoricalFocal(gamma=2.0).value([0, 1], z), 6))
    0.007507
    """

    name = "categorical_focal"
    traits = Traits(
        ("multiclass",), "bounded", "", "多类焦点损失",
        "rare classes among many easy rows",
        "Keras `CategoricalFocalCrossentropy`: probabilities, and alpha is `class_weight`",
    )  # fmt: skip
    is_convex = False

    def __init__(self, gamma=2.0, label_smoothing=0.0, class_weight=None, ignore_index=None):
        super().__init__(label_smoothing, class_weight, ignore_index, gamma=real_number("gamma", gamma, 0.0))


@register("poly_loss_cross_entropy")
class Poly1CrossEntropy(_OfSoftmax):
    """Poly-1 loss, sum of v_c (-log p_c + epsilon (1 - p_c)) with p = softmax(z).

    The cross-entropy with its first Taylor coefficient raised by epsilon (optax: poly_loss_cross_entropy).
    Not convex where epsilon is not 0.

    Parameters
    ----------
    epsilon : float, default=2.0
        At least -1.
    label_smoothing : float, default=0.0
        s in [0, 1]: t is replaced by (1 - s) t + s / k.
    class_weight : array of shape (k,), optional
        A finite weight >= 0 for each class.
    ignore_index : int, optional
        Rows with this class index count nothing.

    References
    ----------
    Leng, Tan, Liu, Cubuk, Shi, Cheng, Anguelov, PolyLoss (2022).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Poly1CrossEntropy
    >>> z = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 1.0]])
    >>> print(round(Poly1CrossEntropy(epsilon=1.0).value([0, 1], z), 6))
    0.389305
    """

    name = "poly1_cross_entropy"
    traits = Traits(
        ("multiclass",), "bounded", "", "Poly-1 损失",
        "cross-entropy with a stronger pull on the true class",
        "optax `poly_loss_cross_entropy`: the same",
    )  # fmt: skip
    is_convex = False

    def __init__(self, epsilon=2.0, label_smoothing=0.0, class_weight=None, ignore_index=None):
        super().__init__(label_smoothing, class_weight, ignore_index, epsilon=real_number("epsilon", epsilon, -1.0))


@register()
class CategoricalGeneralizedCrossEntropy(_OfSoftmax):
    """Generalized cross-entropy, sum of v_c (1 - p_c^q) / q with p = softmax(z): robust to wrong labels.

    Between the cross-entropy (q -> 0) and the mean absolute error of the probabilities (q = 1), which
    bounds what a wrong label can do. Not convex.

    Parameters
    ----------
    q : float, default=0.7
        In (0, 1].
    label_smoothing : float, default=0.0
        s in [0, 1]: t is replaced by (1 - s) t + s / k.
    class_weight : array of shape (k,), optional
        A finite weight >= 0 for each class.
    ignore_index : int, optional
        Rows with this class index count nothing.

    References
    ----------
    Zhang, Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy labels (2018).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CategoricalGeneralizedCrossEntropy
    >>> z = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 1.0]])
    >>> print(round(CategoricalGeneralizedCrossEntropy(q=1.0).value([0, 1], z), 6))
    0.18461
    """

    name = "categorical_generalized_cross_entropy"
    traits = Traits(
        ("multiclass",), "ignored", "categorical with wrong labels", "广义交叉熵",
        "labels of which some are wrong",
        "Keras `CategoricalGeneralizedCrossEntropy`: probabilities, q = 0.5",
    )  # fmt: skip
    is_convex = False

    def __init__(self, q=0.7, label_smoothing=0.0, class_weight=None, ignore_index=None):
        super().__init__(label_smoothing, class_weight, ignore_index, q=real_number("q", q, 0.0, 1.0, open_low=True))


@register("multiclass_sparsemax_loss")
class Sparsemax(TileLoss):
    """Sparsemax loss: with p the projection of z on the simplex and W = sum of v,

        W (sum over p_c > 0 of (z_c^2 - tau^2) / 2 + |v / W|^2 / 2) - v . z,    p_c = max(z_c - tau, 0).

    The gradient is W p - v: probabilities of exactly 0 are predicted, and a row whose true class leads by
    1 costs exactly nothing. The Hessian is W (I - 1 1' / m) on the m classes of the support. The conjugate is, with
    q = theta + v, (|q|^2 - |v|^2) / (2 W) where q >= 0 and theta sums to 0. optax: multiclass_sparsemax_loss.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        s in [0, 1]: t is replaced by (1 - s) t + s / k.
    class_weight : array of shape (k,), optional
        A finite weight >= 0 for each class.
    ignore_index : int, optional
        Rows with this class index count nothing.

    References
    ----------
    Martins, Astudillo, From softmax to sparsemax (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Sparsemax
    >>> z = np.array([[2.0, 0.0, 0.0], [0.0, 0.5, 1.0]])
    >>> Sparsemax().value([0, 1], z, reduction="none")
    array([0.    , 0.5625])
    >>> Sparsemax().predict(z)
    array([[1.  , 0.  , 0.  ],
           [0.  , 0.25, 0.75]])
    """

    name = "sparsemax"
    traits = Traits(
        ("multiclass",), "bounded", "", "sparsemax 损失",
        "probabilities that may be exactly 0",
        "optax `multiclass_sparsemax_loss`: the same",
    )  # fmt: skip
    has_conjugate = True
    link = "projection on the simplex"
    is_shift_invariant = True

    def __init__(self, label_smoothing=0.0, class_weight=None, ignore_index=None):
        super().__init__(label_smoothing, class_weight, ignore_index)

    def predict(self, raw_prediction, *, n_threads=None):
        """Probabilities: the nearest point of the simplex to each row, shape (n, k)."""
        raw = real_array("raw_prediction", raw_prediction)
        one_hot = np.zeros(raw.shape, raw.dtype)
        one_hot[..., :1] = 1
        plain = Sparsemax()
        return plain.gradient(one_hot, raw, reduction="sum", n_threads=n_threads) + one_hot


@register()
class SoftmaxKLDivergence(_OfSoftmax):
    """Kullback-Leibler divergence of the softmax of a row from a target row, sum of t_c (log t_c - log p_c).

    The cross-entropy less the target's entropy: 0 where p = t and t sums to 1. t_c = 0 counts 0. Targets are rows,
    W = sum of t. The conjugate is, with q = theta + t, the sum of q_c log(q_c / W) - t_c log t_c where q >= 0 and
    theta sums to 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SoftmaxKLDivergence
    >>> t = np.array([[0.5, 0.25, 0.25]])
    >>> print(round(SoftmaxKLDivergence().value(t, np.log(t)), 6))
    0.0
    >>> print(round(SoftmaxKLDivergence().value(t, np.zeros((1, 3))), 6))
    0.058892
    """

    name = "softmax_kl_divergence"
    traits = Traits(
        ("distribution",), "bounded", "categorical", "KL 散度 (logits)",
        "targets that are distributions; distillation",
        "torch `KLDivLoss` of `log_softmax`, batchmean",
    )  # fmt: skip
    has_conjugate = True
    _targets = "distribution"

    def __init__(self):
        super().__init__()


@register("KLDivLoss", "kl_div")
class KLDivergenceFromLogProbabilities(TileLoss):
    """Kullback-Leibler divergence from log-probabilities z, sum of t_c (log t_c - z_c); t_c = 0 counts 0.

    torch's KLDivLoss by rows: its reduction="batchmean" is "mean" here, its "mean" also divides by k.
    Gradient -t: rows of z are not normalised, and without that the loss has no minimum.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import KLDivergenceFromLogProbabilities
    >>> t = np.array([[0.5, 0.25, 0.25]])
    >>> print(round(KLDivergenceFromLogProbabilities().value(t, np.log([[0.25, 0.25, 0.5]])), 6))
    0.173287
    """

    name = "kl_divergence_from_log_probabilities"
    traits = Traits(
        ("distribution",), "bounded", "categorical", "KL 散度 (对数概率)",
        "models that end in log-probabilities",
        "torch `KLDivLoss`: its batchmean is \"mean\" here; optax `kl_divergence`",
    )  # fmt: skip
    link = "log"
    _targets = "distribution"

    def __init__(self):
        super().__init__()

    def fit_intercept_only(self, y_true, sample_weight=None, *, n_classes=None):
        """The constant row of log-probabilities of distributions with the smallest loss: log of the mean target."""
        mass = self._class_mass(y_true, sample_weight, n_classes)
        with np.errstate(divide="ignore"):
            return np.log(mass / mass.sum())


@register("KLDivergence", "kl_divergence", "kullback_leibler_divergence")
class KLDivergenceFromProbabilities(TileLoss):
    """Kullback-Leibler divergence from probabilities q, sum of t_c log(t_c / q_c); t_c = 0 counts 0.

    Rows are taken as they are: not normalised, not clipped (Keras clips to [1e-7, 1]); q_c = 0 where t_c > 0
    gives infinity. Every q must be in [0, 1]. Gradient -t / q, Hessian diag(t / q^2).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import KLDivergenceFromProbabilities
    >>> t = np.array([[0.5, 0.25, 0.25]])
    >>> print(round(KLDivergenceFromProbabilities().value(t, np.array([[0.25, 0.25, 0.5]])), 6))
    0.173287
    """

    name = "kl_divergence_from_probabilities"
    traits = Traits(
        ("distribution",), "sensitive", "categorical", "KL 散度 (概率)",
        "models that end in probabilities",
        "Keras `KLDivergence` clips at 1e-7",
    )  # fmt: skip
    _targets = "distribution"

    def __init__(self):
        super().__init__()

    def fit_intercept_only(self, y_true, sample_weight=None, *, n_classes=None):
        """The constant row of probabilities, summing to 1, with the smallest loss: the mean target."""
        mass = self._class_mass(y_true, sample_weight, n_classes)
        return mass / mass.sum()

    def sample(self, rng, n, n_classes=5):
        """n targets and rows of probabilities (float64), for tests and benchmarks."""
        return rng.dirichlet(np.ones(n_classes), size=n), 0.9 * rng.dirichlet(np.full(n_classes, 2.0), size=n) + 0.1 / n_classes


@register()
class JensenShannon(_OfSoftmax):
    """Jensen-Shannon divergence of p = softmax(z) and a target row t, with m = (t + p) / 2:

        (sum of t_c log(t_c / m_c) + sum of p_c log(p_c / m_c)) / 2.

    Symmetric and at most log 2 for distributions; 0 log 0 = 0. Not convex in z.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import JensenShannon
    >>> print(round(JensenShannon().value(np.array([[1.0, 0.0]]), np.zeros((1, 2))), 6))
    0.215762
    """

    name = "jensen_shannon"
    traits = Traits(
        ("distribution",), "bounded", "", "JS 散度",
        "distributions that may miss each other's support",
        "SciPy `jensenshannon` is its square root",
    )  # fmt: skip
    is_convex = False
    _targets = "distribution"

    def __init__(self):
        super().__init__()


@register("ranking_softmax_loss", "ListNet")
class ListwiseSoftmax(_OfSoftmax):
    """Listwise ranking loss: cross-entropy of softmax(z) against the relevances y of a list, -sum of t_c log p_c.

    A row is a list of items, z their scores. With temperature=None t is y itself, relevances >= 0 (optax:
    ranking_softmax_loss); with a number t is softmax(y / temperature), y any finite numbers (ListNet).

    Lists may have different lengths: an item whose target is NaN is not there. Whatever its score is, it has no
    part in the value and gradient and Hessian 0. A list without items has loss 0; it still counts in a mean, which
    divides by the sum of the weights of the lists, unless its weight is 0.

    Parameters
    ----------
    temperature : float, optional
        Positive; small ones let only the most relevant entries count.

    References
    ----------
    Cao, Qin, Liu, Tsai, Li, Learning to rank: from pairwise approach to listwise approach (2007).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import ListwiseSoftmax
    >>> y, z = np.array([[2.0, 1.0, 0.0]]), np.array([[0.3, 0.2, 0.1]])
    >>> print(round(ListwiseSoftmax(temperature=1.0).value(y, z), 6))
    1.044422
    >>> y[0, 1] = np.nan
    >>> print(round(ListwiseSoftmax().value(y, z), 6))
    1.196278
    """

    name = "listwise_softmax"
    traits = Traits(
        ("ranking",), "bounded", "", "列表排序损失 (ListNet)",
        "lists of items with relevances",
        "optax `ranking_softmax_loss`: temperature=None",
    )  # fmt: skip
    _targets = "list"

    def __init__(self, temperature=None):
        if temperature is not None:
            temperature = real_number("temperature", temperature, 0.0, open_low=True)
        super().__init__(temperature=0.0 if temperature is None else temperature)
        self.__dict__["temperature"] = temperature
        if temperature is None:
            self.__dict__["domain"] = "rows (n, k) of finite numbers >= 0, NaN where there is no item"

    def _entry(self, y):
        ok = super()._entry(y)
        return ok & ~(y < 0) if self.temperature is None else ok

    def _start(self, y, sample_weight, n_classes):
        y = np.nan_to_num(np.asarray(y, dtype=np.float64))
        if self.temperature is not None:
            return super()._start(y, sample_weight, n_classes) / self.temperature
        mean = super()._start(y, sample_weight, n_classes)
        return np.log(np.maximum(mean, 1e-3 * mean.max(initial=1e-300)))

    def sample(self, rng, n, n_classes=5):
        """n rows of relevances 0 to 4, some items missing, and of scores (float64), for tests and benchmarks."""
        y = rng.integers(0, 5, (n, n_classes)).astype(float)
        y[rng.uniform(size=y.shape) < 0.1] = np.nan
        return y, rng.normal(size=y.shape) * 2.0
