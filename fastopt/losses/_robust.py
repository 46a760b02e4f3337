"""Losses of a residual that grow at most linearly far away, and redescending ones that stop growing.

r stands for raw_prediction - y_true.
"""

import numpy as np

from .._validation import real_number
from ._base import register
from ._pointwise import BetweenTargets, PointwiseLoss, best_constant
from ._traits import Traits


class _Redescending(PointwiseLoss):
    """Not convex; the best constant starts from the best of up to 257 targets."""

    is_convex = False
    has_conjugate = False
    _nanoseconds = 3.0

    def _constant(self, y, w):
        y, w = y[w > 0], w[w > 0]
        return best_constant(self, y, w, np.unique(np.quantile(y, np.linspace(0, 1, 257))))


@register("HuberLoss", "huber_loss")
class Huber(PointwiseLoss):
    """Huber loss: r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2).

    Gradient r clipped to [-delta, delta]; Hessian 1 where |r| <= delta, else 0. torch's, Keras' and
    optax' Huber loss; torch's smooth L1 is this divided by delta.

    Parameters
    ----------
    delta : float, default 1.0
        Positive.
    hessian : {"exact", "bound"}, default "exact"
        "bound" is 1 everywhere, the largest curvature.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Huber
    >>> Huber(delta=1.0).value(np.array([0.0, 0.0]), np.array([0.5, 4.0]), reduction="none")
    array([0.125, 3.5  ])
    """

    name = "huber"
    traits = Traits(
        ("regression",), "bounded", "normal with outliers", "Huber 损失",
        "good targets with some bad ones",
        "torch `HuberLoss`, Keras `Huber`, optax `huber_loss`: the same; scikit-learn `HuberRegressor` also "
        "estimates the scale",
    )  # fmt: skip
    hessian_kinds = ("exact", "bound")

    def __init__(self, delta=1.0, hessian="exact"):
        super().__init__(delta=real_number("delta", delta, 0, open_low=True), hessian=hessian)

    def _constant(self, y, w):
        # The gradient is piecewise linear and increasing: find the first piece that reaches zero and
        # the last one that leaves it; between them the loss is constant.
        keep = w.ravel() > 0
        y, w = y.ravel()[keep], w.ravel()[keep]
        knots = np.unique(np.concatenate([y - self.delta, y + self.delta]))
        # Rounding of the knots and of the sums.
        slack = 8 * np.finfo(float).eps * (self.delta + abs(y).max()) * w.sum()

        def slope(z):
            return w @ np.clip(z - y, -self.delta, self.delta)

        def crossing(level):
            first, last = 0, knots.size - 1
            while last - first > 1:
                middle = (first + last) // 2
                if slope(knots[middle]) < level:
                    first = middle
                else:
                    last = middle
            a, b = slope(knots[first]), slope(knots[last])
            return knots[first] + (knots[last] - knots[first]) * min(max((level - a) / (b - a), 0.0), 1.0)

        return 0.5 * (crossing(-slack) + crossing(slack))

    def kinks(self, y_true):
        return [np.asarray(y_true) - self.delta, np.asarray(y_true) + self.delta]


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
class PseudoHuber(BetweenTargets):
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
class LogCosh(BetweenTargets):
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


@register("FairLoss", "fair_loss")
class Fair(BetweenTargets):
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
