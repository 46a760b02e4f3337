"""Losses of two classes.

Labels are -1 and +1 for losses of the margin m = y z of z = raw_prediction, in [0, 1] or 0 and 1 for losses
of the probability.
"""

import math

import numpy as np

from .._validation import real_number
from ._base import register
from ._pointwise import PointwiseLoss, best_constant, convex_constant, xlogx
from ._traits import Traits


class _Margin(PointwiseLoss):
    """Labels -1 and +1."""

    domain = "sign"

    def sample(self, rng, n):
        return rng.integers(0, 2, size=n) * 2.0 - 1.0, rng.normal(size=n) * 2.0


class _Binary(PointwiseLoss):
    """Labels 0 and 1, losses that are not convex."""

    link = "logit"
    domain = "binary"
    is_convex = False
    has_conjugate = False

    def _constant(self, y, w):
        positive, negative = np.sum(w[y == 1]), np.sum(w[y == 0])
        if positive == 0 or negative == 0:
            return np.inf if negative == 0 else -np.inf
        both = np.array([0.0, 1.0])
        return best_constant(self, both, np.array([negative, positive]), np.linspace(-40.0, 40.0, 321))

    def sample(self, rng, n):
        return rng.integers(0, 2, size=n).astype(float), rng.normal(size=n) * 2.0


@register(
    "log_loss", "binomial", "HalfBinomialLoss", "BCEWithLogitsLoss", "binary_cross_entropy_with_logits",
    "sigmoid_binary_cross_entropy",
)  # fmt: skip
class Logistic(PointwiseLoss):
    """Logistic loss log(1 + e^z) - y z of z = raw_prediction, targets y in [0, 1].

    Gradient sigmoid(z) - y, Hessian sigmoid(z) sigmoid(-z). Binary cross-entropy from logits:
    scikit-learn's `HalfBinomialLoss`, torch's `BCEWithLogitsLoss`. Soft labels are accepted.

    Parameters
    ----------
    pos_weight : float, default 1.0
        W > 0 multiplies the part of y: W y log(1 + e^-z) + (1 - y) log(1 + e^z), as in torch.
    label_smoothing : float, default 0.0
        e in [0, 1): y becomes (1 - e) y + e / 2, as in Keras.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Logistic
    >>> Logistic().gradient(np.array([0.0, 1.0]), np.array([0.0, 0.0]), reduction="sum")
    array([ 0.5, -0.5])
    >>> Logistic(pos_weight=3.0).gradient(np.array([0.0, 1.0]), np.array([0.0, 0.0]), reduction="sum")
    array([ 0.5, -1.5])
    """

    name = "logistic"
    traits = Traits(
        ("binary", "multilabel"), "bounded", "Bernoulli", "逻辑损失 (对数损失)",
        "probabilities of two classes",
        "torch `BCEWithLogitsLoss`, Keras `BinaryCrossentropy(from_logits=True)`, optax, scikit-learn "
        "`HalfBinomialLoss`: the same; skglm, lightning: labels -1/+1",
    )  # fmt: skip
    has_deviance = True
    link = "logit"
    domain = "unit"
    _nanoseconds = 3.5

    def __init__(self, pos_weight=1.0, label_smoothing=0.0):
        pos_weight = real_number("pos_weight", pos_weight, 0, open_low=True)
        label_smoothing = real_number("label_smoothing", label_smoothing, 0, 1, open_high=True)
        super().__init__(pos_weight=pos_weight, label_smoothing=label_smoothing)
        if pos_weight == 1 and label_smoothing == 0:
            self._run("logistic")
        else:
            self._run("logistic_weighted", pos_weight, label_smoothing)

    def _least(self, y):
        keep, half = 1.0 - self.label_smoothing, 0.5 * self.label_smoothing
        yes, no = self.pos_weight * (keep * y + half), keep * (1.0 - y) + half
        return xlogx(yes + no) - xlogx(yes) - xlogx(no)

    def _constant(self, y, w):
        keep, half = 1.0 - self.label_smoothing, 0.5 * self.label_smoothing
        rest = half * np.sum(w)
        yes, no = keep * np.vdot(w, y) + rest, keep * np.vdot(w, 1.0 - y) + rest
        if not (yes > 0 and no > 0):
            return math.inf if no == 0 else -math.inf if yes == 0 else math.nan
        return math.log(yes) - math.log(no) + math.log(self.pos_weight)

    def sample(self, rng, n):
        return rng.integers(0, 2, size=n).astype(float), rng.normal(size=n) * 3.0


@register(
    "bce", "binary_cross_entropy", "binary_crossentropy", "BinaryCrossentropy", "BCELoss",
)  # fmt: skip
class BinaryCrossEntropyFromProbabilities(PointwiseLoss):
    """Binary cross-entropy -y log q - (1 - y) log(1 - q) of probabilities q = raw_prediction in [0, 1].

    Logarithms are clamped at -100, as torch's `BCELoss` does. The gradient (1 - y)/(1 - q) - y/q and
    the Hessian y/q^2 + (1 - y)/(1 - q)^2 are those of the clamped value: a clamped logarithm
    contributes 0 (torch floors q (1 - q) at 1e-12 instead). A raw prediction outside [0, 1] is an
    error, NaN propagates. Targets in [0, 1]. Prefer `Logistic` where logits are at hand: it keeps
    the digits that 1 - q loses.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import BinaryCrossEntropyFromProbabilities
    >>> BinaryCrossEntropyFromProbabilities().value(np.array([1.0]), np.array([0.0]))
    100.0
    """

    name = "binary_cross_entropy_from_probabilities"
    traits = Traits(
        ("binary", "multilabel"), "sensitive", "Bernoulli", "二元交叉熵 (概率输入)",
        "models that end in a probability; prefer `logistic`",
        "torch `BCELoss`: the same value, another gradient beyond the clamp; Keras clips probabilities at 1e-7",
    )  # fmt: skip
    has_deviance = True
    has_conjugate = False
    domain = "unit"
    _nanoseconds = 5.0

    def _least(self, y):
        return -(xlogx(y) + xlogx(1.0 - y))

    def _no_conjugate(self):
        raise NotImplementedError(
            "BinaryCrossEntropyFromProbabilities offers no conjugate; Logistic, the same loss of logits, does"
        )

    def sample(self, rng, n):
        return rng.uniform(size=n), rng.uniform(0.02, 0.98, size=n)


@register("hinge_loss")
class Hinge(PointwiseLoss):
    """Hinge loss max(0, 1 - y z) of z = raw_prediction, targets y in {-1, +1}.

    Gradient -y where y z < 1, else 0 (so at the kink). The Hessian is 0 where it exists.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Hinge
    >>> Hinge().value(np.array([1.0, -1.0]), np.array([0.5, 0.5]), reduction="none")
    array([0.5, 1.5])
    """

    name = "hinge"
    traits = Traits(
        ("binary",), "bounded", "", "合页损失",
        "support vector machines",
        "Keras `Hinge` also takes labels 0/1; optax `hinge_loss`, scikit-learn SGD: the same",
    )  # fmt: skip
    is_smooth = False
    domain = "sign"

    def _constant(self, y, w):
        return np.sign(np.sum(w * y))

    def kinks(self, y_true):
        return [np.asarray(y_true)]

    def sample(self, rng, n):
        return rng.integers(0, 2, size=n) * 2.0 - 1.0, rng.normal(size=n) * 2.0


@register("squared_hinge_loss")
class SquaredHinge(PointwiseLoss):
    """Squared hinge loss max(0, 1 - y z)^2 of z = raw_prediction, targets y in {-1, +1}.

    Gradient -2 y max(0, 1 - y z); Hessian 2 where y z < 1, else 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SquaredHinge
    >>> SquaredHinge().value(np.array([1.0, -1.0]), np.array([0.5, 0.5]), reduction="none")
    array([0.25, 2.25])
    """

    name = "squared_hinge"
    traits = Traits(
        ("binary",), "sensitive", "", "平方合页损失",
        "support vector machines with a smooth loss",
        "Keras `SquaredHinge`, scikit-learn `LinearSVC`: the same",
    )  # fmt: skip
    domain = "sign"

    def _constant(self, y, w):
        return np.average(y, weights=w)

    def kinks(self, y_true):
        return [np.asarray(y_true)]

    def sample(self, rng, n):
        return rng.integers(0, 2, size=n) * 2.0 - 1.0, rng.normal(size=n) * 2.0


@register("cloglog", "ComplementaryLogLogLoss")
class ComplementaryLogLog(PointwiseLoss):
    """Binomial loss with complementary log-log link: with t = e^z of z = raw_prediction,
    (1 - y) t - y log(1 - e^-t), targets y in [0, 1].

    Gradient (1 - y) t - y t / (e^t - 1); Hessian (1 - y) t + y t (t e^t - e^t + 1) / (e^t - 1)^2, the
    observed one. Neither 1 - e^-t nor the Hessian's difference cancels for small t.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import ComplementaryLogLog
    >>> ComplementaryLogLog().value(np.array([0.0, 1.0]), np.array([0.0, -50.0]), reduction="none")
    array([ 1., 50.])
    """

    name = "complementary_log_log"
    traits = Traits(
        ("binary",), "sensitive", "Bernoulli", "互补双对数损失",
        "rare events, grouped survival times",
        "glum: binomial with this link",
    )  # fmt: skip
    has_deviance = True
    link = "cloglog"
    domain = "unit"
    has_conjugate = False
    _nanoseconds = 6.0

    def _least(self, y):
        return -(xlogx(y) + xlogx(1.0 - y))

    def _constant(self, y, w):
        with np.errstate(divide="ignore"):
            return np.log(-np.log1p(-np.average(y, weights=w)))

    def sample(self, rng, n):
        return rng.integers(0, 2, size=n).astype(float), rng.normal(size=n)


@register("ProbitLoss")
class Probit(PointwiseLoss):
    """Binomial loss with probit link: -y log Phi(z) - (1 - y) log Phi(-z) of z = raw_prediction, Phi the normal
    distribution function, targets y in [0, 1].

    With h(x) = phi(x) / Phi(-x), gradient -y h(-z) + (1 - y) h(z) and Hessian y h(-z) (h(-z) + z) +
    (1 - y) h(z) (h(z) - z). Computed from Mills' ratio 1 / h, so that no tail underflows or cancels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Probit
    >>> Probit().gradient(np.array([1.0, 1.0]), np.array([-1e4, 0.0]), reduction="none").round(4)
    array([-1.00000001e+04, -7.97900000e-01])
    """

    name = "probit"
    traits = Traits(
        ("binary",), "sensitive", "Bernoulli", "probit 损失",
        "a threshold on a normal variable",
        "no peer among the compared",
    )  # fmt: skip
    has_deviance = True
    link = "probit"
    domain = "unit"
    has_conjugate = False
    _nanoseconds = 6.0

    def _least(self, y):
        return -(xlogx(y) + xlogx(1.0 - y))

    def _constant(self, y, w):
        from scipy.special import ndtri

        return ndtri(np.average(y, weights=w))

    def sample(self, rng, n):
        return rng.integers(0, 2, size=n).astype(float), rng.normal(size=n) * 1.5


@register("SmoothHinge", "smooth_hinge")
class SmoothedHinge(_Margin):
    """Hinge loss with a parabola at its kink: with t = 1 - m of the margin m = y z, 0 where t <= 0,
    t^2 / (2 gamma) up to t = gamma, then t - gamma / 2; targets y in {-1, +1}.

    Gradient -y t / gamma with t clipped to [0, gamma]; Hessian 1 / gamma where 0 < t < gamma, else 0.
    At most gamma / 2 below `Hinge`. lightning's `SmoothHinge`.

    Parameters
    ----------
    gamma : float, default 1.0
        Width of the parabola; positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SmoothedHinge
    >>> SmoothedHinge().value(np.array([1.0, -1.0]), np.array([0.5, 0.5]), reduction="none")
    array([0.125, 1.   ])
    """

    name = "smoothed_hinge"
    traits = Traits(
        ("binary",), "bounded", "", "平滑合页损失",
        "hinge loss for second-order solvers",
        "lightning `SmoothHinge`: the same",
    )  # fmt: skip

    def __init__(self, gamma=1.0):
        super().__init__(gamma=real_number("gamma", gamma, 0, open_low=True))

    def _constant(self, y, w):
        bound = 1.0 + self.gamma
        return convex_constant(self, y.ravel(), w.ravel(), -bound, bound)

    def kinks(self, y_true):
        y = np.asarray(y_true)
        return [y, y * (1 - self.gamma)]


@register("sparsemax_loss", "binary_sparsemax_loss")
class BinarySparsemax(_Margin):
    """Binary sparsemax loss: with the margin m = y z, 0 where m >= 1, -m where m <= -1, else (1 - m)^2 / 4;
    targets y in {-1, +1}.

    Gradient -y (1 - m) / 2 clipped to slopes 0 and -y; Hessian 1/2 where |m| < 1, else 0. `SmoothedHinge`
    with gamma=2; optax' `sparsemax_loss` with labels 2 y - 1.

    References
    ----------
    Martins and Astudillo (2016), From softmax to sparsemax.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import BinarySparsemax
    >>> BinarySparsemax().value(np.array([1.0, 1.0]), np.array([0.0, -3.0]), reduction="none")
    array([0.25, 3.  ])
    """

    name = "binary_sparsemax"
    traits = Traits(
        ("binary",), "bounded", "", "二元 sparsemax 损失",
        "probabilities that reach 0 and 1",
        "optax `sparsemax_loss`: the same, labels 0/1",
    )  # fmt: skip

    def __init__(self):
        super().__init__()
        self._run("smoothed_hinge", 2.0)

    def _constant(self, y, w):
        return convex_constant(self, y.ravel(), w.ravel(), -1.0, 1.0)

    def kinks(self, y_true):
        return [np.asarray(y_true), -np.asarray(y_true)]


@register("modified_huber_loss")
class ModifiedHuber(_Margin):
    """Modified Huber loss: with the margin m = y z, 0 where m >= 1, (1 - m)^2 down to m = -1, then -4 m;
    targets y in {-1, +1}.

    Gradient -2 y (1 - m) with 1 - m clipped to [0, 2]; Hessian 2 where -1 <= m < 1, else 0.
    scikit-learn's loss="modified_huber".

    References
    ----------
    Zhang (2004), Solving large scale linear prediction problems using stochastic gradient descent.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import ModifiedHuber
    >>> ModifiedHuber().value(np.array([1.0, -1.0]), np.array([0.5, 3.0]), reduction="none")
    array([ 0.25, 12.  ])
    """

    name = "modified_huber"
    traits = Traits(
        ("binary",), "bounded", "label noise", "修正 Huber 损失",
        "classes with some wrong labels",
        "scikit-learn SGD `modified_huber`: the same",
    )  # fmt: skip

    def _constant(self, y, w):
        return convex_constant(self, y.ravel(), w.ravel(), -1.0, 1.0)

    def kinks(self, y_true):
        return [np.asarray(y_true), -np.asarray(y_true)]


@register("perceptron_loss")
class Perceptron(_Margin):
    """Perceptron loss max(0, -y z) of z = raw_prediction, targets y in {-1, +1}.

    Gradient -y where y z <= 0, else 0: at the kink it is -y, as in scikit-learn, so that learning can
    start from zero. The Hessian is 0 where it exists. The best constant is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Perceptron
    >>> Perceptron().value_gradient(np.array([1.0, -1.0]), np.array([0.0, 2.0]), reduction="none")
    (array([0., 2.]), array([-1.,  1.]))
    """

    name = "perceptron"
    traits = Traits(
        ("binary",), "bounded", "", "感知机损失",
        "the perceptron; separable classes",
        "optax `perceptron_loss`, scikit-learn SGD: the same",
    )  # fmt: skip
    is_smooth = False

    def _constant(self, y, w):
        return 0.0

    def kinks(self, y_true):
        return [np.zeros(np.shape(y_true))]


@register("ExponentialLoss", "exponential_loss")
class Exponential(_Margin):
    """Exponential loss e^(-y z) of z = raw_prediction, targets y in {-1, +1}; that of AdaBoost.

    Gradient -y e^(-y z), Hessian e^(-y z). scikit-learn's `ExponentialLoss` has labels (y + 1) / 2.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Exponential
    >>> Exponential().gradient(np.array([1.0, -1.0]), np.array([0.0, 0.0]), reduction="none")
    array([-1.,  1.])
    """

    name = "exponential"
    traits = Traits(
        ("binary",), "sensitive", "", "指数损失",
        "boosting",
        "scikit-learn `ExponentialLoss`: labels 0/1, raw prediction halved",
    )  # fmt: skip
    _nanoseconds = 2.0

    def _constant(self, y, w):
        with np.errstate(divide="ignore"):
            return 0.5 * (np.log(np.sum(w[y > 0])) - np.log(np.sum(w[y < 0])))


@register("sigmoid_focal_loss", "BinaryFocalCrossentropy", "binary_focal_crossentropy", "BinaryFocalLoss", "focal")
class BinaryFocal(_Binary):
    """Focal loss -a (1 - p)^gamma log p of the probability p that the logit z = raw_prediction gives to the
    target, 0 or 1; a is alpha for y = 1 and 1 - alpha for y = 0, or 1.

    With s = 2 y - 1, gradient a s (1 - p)^gamma (gamma p log p - (1 - p)). Right in both tails (Keras'
    passes through a clipped probability: at y = 1, z = -40 its gradient is -1e-16 instead of -1).
    The Hessian is exact and may be negative: not convex for gamma > 0.

    Parameters
    ----------
    gamma : float, default 2.0
        At least 0, which makes it the logistic loss.
    alpha : float, optional
        Weight of the class 1, in (0, 1); that of the class 0 is 1 - alpha. None weighs both by 1.

    References
    ----------
    Lin et al. (2017), Focal loss for dense object detection.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import BinaryFocal
    >>> BinaryFocal().value_gradient(np.array([1.0]), np.array([-40.0]))
    (40.0, array([-1.]))
    """

    name = "binary_focal"
    traits = Traits(
        ("binary", "multilabel"), "bounded", "", "焦点损失",
        "very unequal classes",
        "optax `sigmoid_focal_loss`: the same; Keras clips probabilities",
    )  # fmt: skip
    _nanoseconds = 8.0

    def __init__(self, gamma=2.0, alpha=None):
        gamma = real_number("gamma", gamma, 0)
        if alpha is not None:
            alpha = real_number("alpha", alpha, 0, 1, open_low=True, open_high=True)
        super(PointwiseLoss, self).__init__(gamma=gamma, alpha=alpha)
        self.__dict__["is_convex"] = gamma == 0
        self._run(self.name, gamma, *((1.0, 1.0) if alpha is None else (alpha, 1.0 - alpha)))


@register("BinaryGeneralizedCrossEntropy", "gce")
class GeneralizedCrossEntropy(_Binary):
    """Generalized cross-entropy (1 - p^q) / q of the probability p that the logit z = raw_prediction gives to
    the target, 0 or 1.

    With s = 2 y - 1, gradient -s p^q (1 - p); the Hessian p^q (1 - p) (p - q (1 - p)) is exact and may
    be negative: not convex. The logistic loss is the limit at q = 0, the absolute error of the
    probability q = 1; in between, wrong labels count for less than in the logistic loss.

    Parameters
    ----------
    q : float, default 0.7
        In (0, 1].

    References
    ----------
    Zhang and Sabuncu (2018), Generalized cross entropy loss for training deep neural networks with noisy labels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import GeneralizedCrossEntropy
    >>> GeneralizedCrossEntropy(q=1.0).value_gradient(np.array([1.0]), np.array([0.0]))
    (0.5, array([-0.25]))
    """

    name = "generalized_cross_entropy"
    traits = Traits(
        ("binary",), "ignored", "label noise", "广义交叉熵",
        "classes with many wrong labels",
        "Keras `CategoricalGeneralizedCrossEntropy`: of probabilities",
    )  # fmt: skip
    _nanoseconds = 8.0

    def __init__(self, q=0.7):
        super().__init__(q=real_number("q", q, 0, 1, open_low=True))
