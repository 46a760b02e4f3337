"""Losses of a residual that follow it: squared, absolute and relative errors, quantiles and expectiles.

r stands for raw_prediction - y_true. Robust losses are in `_robust`.
"""

import numpy as np

from .. import _kernels
from .._validation import output_array, real_array, real_number
from ._base import GRADIENT, HESSIAN, PRODUCT, VALUE, Loss, register
from ._pointwise import PARAMETERS, BetweenTargets, PointwiseLoss, weighted_quantile
from ._traits import Traits


@register("mse", "mean_squared_error", "MeanSquaredError", "MSELoss", "mse_loss")
class SquaredError(PointwiseLoss):
    """Squared error r^2.

    Gradient 2 r, Hessian 2. Keras' and torch's mean squared error; scikit-learn's and optax' l2
    losses are `HalfSquaredError`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SquaredError
    >>> SquaredError().value_gradient(np.array([1.0, 2.0]), np.array([1.5, 4.0]))
    (2.125, array([0.5, 2. ]))
    """

    name = "squared_error"
    traits = Traits(
        ("regression",), "sensitive", "normal", "均方误差",
        "the default for a number",
        "torch `MSELoss`, Keras `MeanSquaredError`: the same; scikit-learn, glum, optax `l2_loss`: half of it",
    )  # fmt: skip
    constant_hessian = 2.0


@register("l2_loss", "half_mean_squared_error")
class HalfSquaredError(PointwiseLoss):
    """Half squared error r^2 / 2.

    Gradient r, Hessian 1. scikit-learn's `HalfSquaredError` (its "squared_error" in linear models)
    and optax' `l2_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import HalfSquaredError
    >>> HalfSquaredError().value(np.array([1.0, 2.0]), np.array([1.5, 4.0]), reduction="sum")
    2.125
    """

    name = "half_squared_error"
    traits = Traits(
        ("regression",), "sensitive", "normal", "半均方误差",
        "the default for a number, as scikit-learn scales it",
        "scikit-learn `HalfSquaredError`, optax `l2_loss`: the same; torch, Keras: twice it",
    )  # fmt: skip
    has_deviance = True
    constant_hessian = 1.0

    def _least(self, y):
        return np.zeros_like(y)


@register("rmse")
class RootMeanSquaredError(Loss):
    """Root of the mean squared error, R = sqrt(sum w r^2 / sum w): one loss of the whole batch.

    With reduction="mean" the value is R, with "sum" the norm sqrt(sum w r^2) (the loss of the
    square-root lasso); "none" is an error, because a sample has no loss of its own. Gradient
    w r / (R sum w), 0 at R = 0, where R has a kink. The Hessian is a full n x n matrix and
    is not formed (`gradient_hessian` raises; hessian_kind is "product"): `hessp` multiplies by it.
    Convex. Squares that overflow or vanish are avoided, so R is accurate over the whole range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import RootMeanSquaredError
    >>> RootMeanSquaredError().value_gradient(np.array([0.0, 0.0]), np.array([1.0, 7.0]))
    (5.0, array([0.1, 0.7]))
    """

    name = "root_mean_squared_error"
    traits = Traits(
        ("regression",), "sensitive", "normal", "均方根误差",
        "an error in the units of the target; square-root lasso",
        "Keras has the metric alone; skglm `SqrtQuadratic`: sqrt(n) times it",
    )  # fmt: skip
    has_conjugate = False
    hessian_kind = "product"
    is_separable = False
    _plan = ("half_squared_error", bytes(8 * PARAMETERS), 2.0, 1.0, True)

    def _kernel(self, dtype):
        raise NotImplementedError(
            "RootMeanSquaredError couples all samples of a batch and has no loss by row; SquaredError has the same minimisers"
        )

    def _check_reduction(self, reduction):
        super()._check_reduction(reduction)
        if reduction == "none":
            raise ValueError(
                "RootMeanSquaredError has no reduction='none': it is the root of a sum over the batch, not a sum of "
                "losses of samples; use 'mean' or 'sum', or SquaredError for a loss of each sample"
            )

    def _evaluate(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out=None,
                  gradient_out=None, hessian_out=None, direction=None):  # fmt: skip
        if what <= VALUE | GRADIENT:
            try:
                result = _kernels.table.pointwise[raw_prediction.dtype].evaluate(
                    self._plan, what, reduction, y_true, raw_prediction, sample_weight, n_threads,
                    value_out, gradient_out, None, None,
                )  # fmt: skip
            except (AttributeError, KeyError, TypeError):
                result = None
            if result is not None and type(result) is not int:
                return result
        self._check_reduction(reduction)
        if what & HESSIAN:
            raise NotImplementedError(
                "the Hessian of RootMeanSquaredError is a full matrix, n x n for n samples, and is not formed; use hessp"
            )
        if value_out is not None:
            raise ValueError("value_out is for reduction='none', which RootMeanSquaredError does not have")
        square = _SQUARED._evaluate(VALUE, y_true, raw_prediction, sample_weight, reduction, n_threads)
        raw = real_array("raw_prediction", raw_prediction)
        tiny = 1e-280 if raw.dtype == np.float64 else 1e-30
        if not tiny < square < np.inf:
            return self._scaled(what, y_true, raw, sample_weight, reduction, gradient_out, direction)
        root = float(np.sqrt(square))
        if what == VALUE:
            return root
        # d sqrt(S) = dS / (2 sqrt(S)): the half squared error's gradient, divided by the root.
        half = _Divided(root)
        gradient = half._evaluate(GRADIENT, y_true, raw, sample_weight, reduction, n_threads, None,
                                  None if what == PRODUCT else gradient_out)  # fmt: skip
        if what == GRADIENT:
            return gradient
        if what == VALUE | GRADIENT:
            return root, gradient
        product = half._evaluate(PRODUCT, y_true, raw, sample_weight, reduction, n_threads, None, gradient_out,
                                 None, direction)  # fmt: skip
        inner = np.dot(gradient.ravel().astype(float), real_array("direction", direction, np.float64).ravel())
        product -= raw.dtype.type(inner / root) * gradient
        return product

    def _scaled(self, what, y_true, raw, sample_weight, reduction, gradient_out, direction):
        """The same in float64 NumPy, divided by the largest |r| first: for squares that overflow or vanish."""
        y = real_array("y_true", y_true, raw.dtype).astype(np.float64)
        w = np.ones(raw.shape) if sample_weight is None else np.array(sample_weight, dtype=np.float64)
        if reduction == "mean":
            w /= w.sum()
        # Halves: a difference of two finite numbers may overflow.
        r = 0.5 * raw.astype(np.float64) - 0.5 * y
        largest = np.max(np.abs(r), where=w > 0, initial=0.0)
        out = None
        if what != VALUE:
            if gradient_out is None:
                gradient_out = np.empty_like(raw)
            out = output_array("product_out" if what == PRODUCT else "gradient_out", gradient_out, raw.shape,
                               raw.dtype, {"y_true": np.asarray(y_true), "raw_prediction": raw})  # fmt: skip
        if not np.isfinite(largest) or largest == 0.0:
            root = 2.0 * float(largest) if not np.isnan(r).any() else np.nan
            if out is not None:
                out[...] = 0.0 if largest == 0.0 and root == 0.0 else np.nan
        else:
            r /= largest
            relative = float(np.sqrt(np.sum(w * r * r)))
            root = 2.0 * largest * relative
            if out is not None:
                gradient = w * (r / relative)
                if what == PRODUCT:
                    d = real_array("direction", direction, np.float64)
                    out[...] = (w * d - gradient * np.sum(gradient * d)) / root
                else:
                    out[...] = gradient
        if what == VALUE:
            return root
        return (root, out) if what == VALUE | GRADIENT else out

    def conjugate(self, y_true, theta):
        """Not offered: the conjugate couples all samples (it is the indicator of a ball plus a linear term)."""
        raise NotImplementedError("RootMeanSquaredError couples all samples and offers no conjugate by sample")

    def fit_intercept_only(self, y_true, sample_weight=None):
        """The weighted mean of `y_true`, a float."""
        y, w = self._check_constant(y_true, sample_weight)
        return float(np.average(y, weights=w))

    def kinks(self, y_true):
        """None by sample: the only kink is where all residuals are 0."""
        return []

    sample = PointwiseLoss.sample


class _Divided(PointwiseLoss):
    """Half squared error with gradient and Hessian divided by a number."""

    name = "half_squared_error"

    def __init__(self, divisor):
        super().__init__()
        self.__dict__["_plan"] = (*self._plan[:3], 1.0 / divisor, False)


_SQUARED = SquaredError()


@register("mae", "mean_absolute_error", "MeanAbsoluteError", "L1Loss", "l1_loss")
class AbsoluteError(PointwiseLoss):
    """Absolute error |r|.

    Gradient sign(r), 0 at r = 0 (scikit-learn returns -1 there). The Hessian is 0 where it exists.

    Parameters
    ----------
    hessian : {"exact", "bound"}, default "exact"
        "bound" substitutes 1, as scikit-learn does.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import AbsoluteError
    >>> AbsoluteError().gradient(np.array([1.0, 2.0]), np.array([1.0, 4.0]), reduction="sum")
    array([0., 1.])
    """

    name = "absolute_error"
    traits = Traits(
        ("regression", "quantiles"), "bounded", "Laplace", "平均绝对误差",
        "the median, many wrong targets",
        "torch `L1Loss`, Keras `MeanAbsoluteError`: the same; scikit-learn: slope -1 at r = 0",
    )  # fmt: skip
    is_smooth = False
    hessian_kinds = ("exact", "bound")

    def __init__(self, hessian="exact"):
        super().__init__(hessian=hessian)

    def _constant(self, y, w):
        return weighted_quantile(y, w, 0.5)

    def kinks(self, y_true):
        return [np.asarray(y_true)]


@register("pinball", "pinball_loss", "PinballLoss", "quantile_loss")
class Quantile(PointwiseLoss):
    """Pinball loss of a quantile t: with v = y_true - raw_prediction, t v where v >= 0, else (t - 1) v.

    Gradient -t where v >= 0 (so at the kink, as scikit-learn), else 1 - t. The Hessian is 0 where it
    exists.

    Parameters
    ----------
    quantile : float, default 0.5
        In (0, 1).
    hessian : {"exact", "bound"}, default "exact"
        "bound" substitutes 1, as scikit-learn does.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Quantile
    >>> Quantile(quantile=0.25).value(np.array([1.0, 1.0]), np.array([0.0, 2.0]), reduction="none")
    array([0.25, 0.75])
    """

    name = "quantile"
    traits = Traits(
        ("quantiles",), "bounded", "asymmetric Laplace", "分位数损失",
        "a quantile, intervals",
        "scikit-learn `PinballLoss`: the same; torch, Keras, optax: none",
    )  # fmt: skip
    is_smooth = False
    hessian_kinds = ("exact", "bound")

    def __init__(self, quantile=0.5, hessian="exact"):
        quantile = real_number("quantile", quantile, 0, 1, open_low=True, open_high=True)
        super().__init__(quantile=quantile, hessian=hessian)

    def _constant(self, y, w):
        return weighted_quantile(y, w, self.quantile)

    def kinks(self, y_true):
        return [np.asarray(y_true)]


@register("smooth_quantile", "QuantileHuber")
class SmoothedQuantile(BetweenTargets):
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
class Expectile(BetweenTargets):
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
class EpsilonInsensitive(BetweenTargets):
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
class SquaredEpsilonInsensitive(BetweenTargets):
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
