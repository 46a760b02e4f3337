"""Losses of a residual: robust ones, quantiles and expectiles, insensitive and relative errors.

Pointwise, as those of `_pointwise`; r stands for raw_prediction - y_true.
"""

import numpy as np

from .._validation import real_number
from ._base import register
from ._pointwise import Huber, PointwiseLoss, best_constant, convex_constant, weighted_quantile
from ._traits import Traits


class _Convex(PointwiseLoss):
    """The best constant lies between the smallest and the largest target."""

    def _constant(self, y, w):
        y, w = y[w > 0], w[w > 0]
        return convex_constant(self, y, w, y.min(), y.max())


class _Redescending(PointwiseLoss):
    """Not convex; the best constant starts from the best of up to 257 targets."""

    is_convex = False
    has_conjugate = False
    _nanoseconds = 3.0

    def _constant(self, y, w):
        y, w = y[w > 0], w[w > 0]
        return best_constant(self, y, w, np.unique(np.quantile(y, np.linspace(0, 1, 257))))


@register("SmoothL1Loss", "smooth_l1_loss")
class SmoothL1(PointwiseLoss):
    """Smooth L1 loss: r^2 / (2 beta) where |r| <= beta, else |r| - beta / 2.

    Gradient r / beta clipped to [-1, 1]; Hessian 1 / beta where |r| <= beta, else 0. torch's
    `SmoothL1Loss`; Huber's loss of delta = beta divided by beta.

    Parameters
    ----------
    beta : float, default 1.0
        Positive. `AbsoluteError` is the limit at 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SmoothL1
    >>> SmoothL1(beta=2.0).value(np.array([0.0, 0.0]), np.array([1.0, 4.0]), reduction="none")
    array([0.25, 3.  ])
    """

    name = "smooth_l1"
    traits = Traits(
        ("regression",), "bounded", "normal with outliers", "平滑 L1 损失",
        "box regression, as torch has it",
        "torch `SmoothL1Loss`: the same; `huber` divided by beta",
    )  # fmt: skip

    def __init__(self, beta=1.0):
        super().__init__(beta=real_number("beta", beta, 0, open_low=True))

    def _constant(self, y, w):
        return Huber(self.beta)._constant(y, w)

    def kinks(self, y_true):
        return [np.asarray(y_true) - self.beta, np.asarray(y_true) + self.beta]


@register("soft_l1", "PseudoHuberLoss", "pseudo_huber_loss")
class PseudoHuber(_Convex):
    """Pseudo-Huber loss delta^2 (q - 1) with q = sqrt(1 + (r / delta)^2), computed as r^2 / (1 + q).

    Gradient r / q, Hessian 1 / q^3. Quadratic near 0, delta |r| far away, smooth throughout; half of
    SciPy's "soft_l1" cost with f_scale = delta is this.

    Parameters
    ----------
    delta : float, default 1.0
        Positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import PseudoHuber
    >>> PseudoHuber().value(np.array([0.0, 0.0]), np.array([0.75, 1e300]), reduction="none")
    array([2.5e-001, 1.0e+300])
    """

    name = "pseudo_huber"
    traits = Traits(
        ("regression",), "bounded", "heavy tails", "伪 Huber 损失",
        "`huber` with all derivatives",
        "scipy `soft_l1`: the same",
    )  # fmt: skip
    _nanoseconds = 2.0

    def __init__(self, delta=1.0):
        super().__init__(delta=real_number("delta", delta, 0, open_low=True))


@register("logcosh", "LogCoshLoss")
class LogCosh(_Convex):
    """Logarithm of the hyperbolic cosine, log cosh r.

    Gradient tanh r, Hessian 1 / cosh(r)^2. About r^2 / 2 near 0 and |r| - log 2 far away. Keras' and
    optax' log-cosh; small values keep their digits here: near 0 the usual formula |r| +
    log(1 + e^(-2|r|)) - log 2 is a difference of nearly equal numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import LogCosh
    >>> LogCosh().value(np.array([0.0]), np.array([1e-8]), reduction="none")
    array([5.e-17])
    """

    name = "log_cosh"
    traits = Traits(
        ("regression",), "bounded", "heavy tails", "对数双曲余弦损失",
        "`huber` without a parameter",
        "Keras `LogCosh`, optax `log_cosh`: the same",
    )  # fmt: skip
    _nanoseconds = 3.0


@register("smooth_quantile", "QuantileHuber")
class SmoothedQuantile(_Convex):
    """Pinball loss with a parabola around its kink: with v = y_true - raw_prediction and c = quantile where
    v >= 0, else 1 - quantile, c v^2 / (2 delta) where |v| <= delta, else c (|v| - delta / 2).

    Gradient -c v / delta clipped to [-c, c]; Hessian c / delta where |v| < delta, else 0. At most
    c delta / 2 below `Quantile`. skglm's `QuantileHuber`, as its code has it.

    Parameters
    ----------
    quantile : float, default 0.5
        In (0, 1).
    delta : float, default 1.0
        Half the width of the parabola; positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SmoothedQuantile
    >>> SmoothedQuantile(quantile=0.25).value(np.array([0.0, 0.0]), np.array([-2.0, 0.5]), reduction="none")
    array([0.375  , 0.09375])
    """

    name = "smoothed_quantile"
    traits = Traits(
        ("quantiles",), "bounded", "asymmetric Laplace", "平滑分位数损失",
        "quantiles with smooth solvers",
        "skglm `QuantileHuber`: the same",
    )  # fmt: skip

    def __init__(self, quantile=0.5, delta=1.0):
        super().__init__(
            quantile=real_number("quantile", quantile, 0, 1, open_low=True, open_high=True),
            delta=real_number("delta", delta, 0, open_low=True),
        )

    def kinks(self, y_true):
        y = np.asarray(y_true)
        return [y - self.delta, y + self.delta] + ([y] if self.quantile != 0.5 else [])


@register("ExpectileLoss", "asymmetric_squared_error")
class Expectile(_Convex):
    """Asymmetric squared error c r^2 with c = 1 - expectile where r > 0, else expectile.

    Gradient 2 c r, Hessian 2 c. Minimised by the expectile, as the pinball loss is by the quantile;
    expectile=0.5 is the half squared error.

    Parameters
    ----------
    expectile : float, default 0.5
        In (0, 1).

    References
    ----------
    Newey and Powell (1987), Asymmetric least squares estimation and testing.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Expectile
    >>> Expectile(expectile=0.25).value(np.array([1.0, 1.0]), np.array([0.0, 2.0]), reduction="none")
    array([0.25, 0.75])
    """

    name = "expectile"
    traits = Traits(
        ("quantiles",), "sensitive", "asymmetric normal", "期望分位数损失",
        "expectiles: quantiles of squares",
        "no peer among the compared",
    )  # fmt: skip

    def __init__(self, expectile=0.5):
        super().__init__(expectile=real_number("expectile", expectile, 0, 1, open_low=True, open_high=True))

    def kinks(self, y_true):
        return [np.asarray(y_true)] if self.expectile != 0.5 else []


@register("EpsilonInsensitiveLoss")
class EpsilonInsensitive(_Convex):
    """Loss of support vector regression, max(0, |r| - epsilon).

    Gradient sign(r) where |r| > epsilon, else 0 (so at the kinks). The Hessian is 0 where it exists.
    scikit-learn's loss="epsilon_insensitive" (its LinearSVR has epsilon=0 by default).

    Parameters
    ----------
    epsilon : float, default 0.1
        At least 0, which makes it the absolute error.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import EpsilonInsensitive
    >>> EpsilonInsensitive(epsilon=0.5).value(np.array([0.0, 0.0]), np.array([0.25, 2.0]), reduction="none")
    array([0. , 1.5])
    """

    name = "epsilon_insensitive"
    traits = Traits(
        ("regression",), "bounded", "", "ε-不敏感损失",
        "support vector regression",
        "scikit-learn `LinearSVR`, SGD: the same",
    )  # fmt: skip
    is_smooth = False

    def __init__(self, epsilon=0.1):
        super().__init__(epsilon=real_number("epsilon", epsilon, 0))

    def kinks(self, y_true):
        return [np.asarray(y_true) - self.epsilon, np.asarray(y_true) + self.epsilon]


@register("SquaredEpsilonInsensitiveLoss")
class SquaredEpsilonInsensitive(_Convex):
    """Squared loss of support vector regression, max(0, |r| - epsilon)^2.

    Gradient 2 sign(r) max(0, |r| - epsilon); Hessian 2 where |r| > epsilon, else 0. scikit-learn's
    loss="squared_epsilon_insensitive".

    Parameters
    ----------
    epsilon : float, default 0.1
        At least 0, which makes it the squared error.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SquaredEpsilonInsensitive
    >>> loss = SquaredEpsilonInsensitive(epsilon=0.5)
    >>> loss.value(np.array([0.0, 0.0]), np.array([0.25, 2.0]), reduction="none")
    array([0.  , 2.25])
    """

    name = "squared_epsilon_insensitive"
    traits = Traits(
        ("regression",), "sensitive", "", "平方 ε-不敏感损失",
        "support vector regression with a smooth loss",
        "scikit-learn `LinearSVR`, SGD: the same",
    )  # fmt: skip

    def __init__(self, epsilon=0.1):
        super().__init__(epsilon=real_number("epsilon", epsilon, 0))

    def kinks(self, y_true):
        if self.epsilon == 0:
            return []
        return [np.asarray(y_true) - self.epsilon, np.asarray(y_true) + self.epsilon]


@register("FairLoss", "fair_loss")
class Fair(_Convex):
    """Fair's loss c^2 (a - log(1 + a)) with a = |r| / c.

    Gradient r / (1 + a), Hessian 1 / (1 + a)^2. About r^2 / 2 near 0 and c |r| far away, as Huber's, and strictly
    convex everywhere: residuals far away keep a little weight, and the minimum is unique. LightGBM's "fair" objective
    with fair_c = c.

    Parameters
    ----------
    c : float, default 1.3998
        Positive. The default has 95 % efficiency for normal residuals of variance one.

    References
    ----------
    Fair (1974), On the robust estimation of econometric models; Holland and Welsch (1977), Robust regression using
    iteratively reweighted least-squares, for the default.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Fair
    >>> Fair(c=1.0).gradient(np.array([0.0, 0.0]), np.array([1.0, -1e300]), reduction="none")
    array([ 0.5, -1. ])
    """

    name = "fair"
    traits = Traits(
        ("regression",), "bounded", "heavy tails", "Fair 损失",
        "a unique minimum, every residual weighs a little",
        "LightGBM `fair`: the same",
    )  # fmt: skip
    _nanoseconds = 3.0

    def __init__(self, c=1.3998):
        super().__init__(c=real_number("c", c, 0, open_low=True))


@register("CauchyLoss", "lorentzian")
class Cauchy(_Redescending):
    """Cauchy (Lorentzian) loss delta^2 / 2 log(1 + (r / delta)^2).

    With a = r / delta, gradient r / (1 + a^2) and Hessian (1 - a^2) / (1 + a^2)^2, negative where
    |r| > delta: not convex. Half of SciPy's "cauchy" cost with f_scale = delta.

    Parameters
    ----------
    delta : float, default 1.0
        Positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Cauchy
    >>> Cauchy().gradient(np.array([0.0, 0.0]), np.array([1.0, 1e200]), reduction="none")
    array([5.e-001, 1.e-200])
    """

    name = "cauchy"
    traits = Traits(
        ("regression",), "ignored", "Cauchy", "柯西损失",
        "many gross errors",
        "scipy `cauchy`: the same",
    )  # fmt: skip

    def __init__(self, delta=1.0):
        super().__init__(delta=real_number("delta", delta, 0, open_low=True))


@register("tukey", "bisquare", "biweight", "TukeyBiweightLoss")
class TukeyBiweight(_Redescending):
    """Tukey's biweight loss: with a = r / c, c^2 / 6 (1 - (1 - a^2)^3) where |r| <= c, else c^2 / 6.

    Gradient r (1 - a^2)^2 and Hessian (1 - a^2) (1 - 5 a^2) where |r| <= c, else 0: residuals beyond c
    do not count. Not convex.

    Parameters
    ----------
    c : float, default 4.685
        Positive. The default has 95 % efficiency for normal residuals of variance one.

    References
    ----------
    Beaton and Tukey (1974), The fitting of power series.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import TukeyBiweight
    >>> TukeyBiweight(c=3.0).value(np.array([0.0, 0.0]), np.array([3.0, 100.0]), reduction="none")
    array([1.5, 1.5])
    """

    name = "tukey_biweight"
    traits = Traits(
        ("regression",), "ignored", "gross errors", "Tukey 双权损失",
        "gross errors, from a good start",
        "statsmodels `TukeyBiweight`: the same",
    )  # fmt: skip
    _nanoseconds = 1.0

    def __init__(self, c=4.685):
        super().__init__(c=real_number("c", c, 0, open_low=True))


@register("WelschLoss", "leclerc")
class Welsch(_Redescending):
    """Welsch (Leclerc) loss: with a = r / c, c^2 / 2 (1 - e^(-a^2)).

    Gradient r e^(-a^2), Hessian (1 - 2 a^2) e^(-a^2). Not convex.

    Parameters
    ----------
    c : float, default 2.985
        Positive. The default has 95 % efficiency for normal residuals of variance one.

    References
    ----------
    Dennis and Welsch (1978), Techniques for nonlinear least squares and robust regression.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Welsch
    >>> Welsch(c=2.0).value(np.array([0.0, 0.0]), np.array([0.0, 100.0]), reduction="none")
    array([0., 2.])
    """

    name = "welsch"
    traits = Traits(
        ("regression",), "ignored", "gross errors", "Welsch 损失",
        "gross errors, smooth",
        "no peer among the compared",
    )  # fmt: skip

    def __init__(self, c=2.985):
        super().__init__(c=real_number("c", c, 0, open_low=True))


@register("msle", "MeanSquaredLogarithmicErrorLoss")
class MeanSquaredLogarithmicError(PointwiseLoss):
    """Squared difference D^2 of D = log(1 + z) - log(1 + y) of z = raw_prediction, targets y > -1.

    Gradient 2 D / (1 + z), Hessian 2 (1 - D) / (1 + z)^2; not convex where D > 1. Infinite where
    z <= -1, with gradient and Hessian NaN there, so that line searches turn back (Keras clips both
    arguments at 1e-7 instead, where its gradient vanishes). D is computed from z - y where z is
    near y, and keeps its digits.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import MeanSquaredLogarithmicError
    >>> MeanSquaredLogarithmicError().value(np.array([0.0, 1.0]), np.array([np.e - 1, 1.0]), reduction="none")
    array([1., 0.])
    """

    name = "mean_squared_logarithmic_error"
    traits = Traits(
        ("positive",), "sensitive", "log-normal", "均方对数误差",
        "relative errors, targets over orders of magnitude",
        "Keras `MeanSquaredLogarithmicError` clips at 1e-7",
    )  # fmt: skip
    domain = "above -1"
    is_convex = False
    has_conjugate = False
    raw_low = -1.0
    _nanoseconds = 5.0

    def _constant(self, y, w):
        return np.expm1(np.average(np.log1p(y), weights=w))

    def sample(self, rng, n):
        y = np.exp(rng.normal(size=n))
        return y, y * np.exp(0.5 * rng.normal(size=n))


@register("mape", "MeanAbsolutePercentageErrorLoss")
class MeanAbsolutePercentageError(PointwiseLoss):
    """Absolute percentage error 100 |r| / max(|y_true|, epsilon).

    Gradient 100 sign(r) / max(|y_true|, epsilon), 0 at r = 0. The Hessian is 0 where it exists. Keras'
    loss; scikit-learn's metric has no factor 100 and a smaller epsilon.

    Parameters
    ----------
    epsilon : float, default 1e-7
        The least divisor; positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import MeanAbsolutePercentageError
    >>> MeanAbsolutePercentageError().value(np.array([2.0, -4.0]), np.array([3.0, -4.5]), reduction="none")
    array([50. , 12.5])
    """

    name = "mean_absolute_percentage_error"
    traits = Traits(
        ("positive", "regression"), "bounded", "", "平均绝对百分比误差",
        "an error in percent",
        "Keras `MeanAbsolutePercentageError`: the same; scikit-learn: without the factor 100",
    )  # fmt: skip
    is_smooth = False

    def __init__(self, epsilon=1e-7):
        super().__init__(epsilon=real_number("epsilon", epsilon, 0, open_low=True))

    def _constant(self, y, w):
        return weighted_quantile(y, w / np.maximum(abs(y), self.epsilon), 0.5)

    def kinks(self, y_true):
        return [np.asarray(y_true)]
