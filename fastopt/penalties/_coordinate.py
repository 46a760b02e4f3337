"""Penalties that are sums over coefficients."""

import numbers

import numpy as np

from .._validation import real_array, real_number
from ._base import Penalty, constants, register


def _scaled(factor, weights):
    return factor if weights is None else factor * weights


def _strength(alpha):
    if isinstance(alpha, (bool, np.bool_)) or not isinstance(alpha, numbers.Real):
        raise TypeError(f"alpha must be a real number, got {alpha!r}")
    if not 0 <= alpha < np.inf:
        raise ValueError(f"alpha must be finite and >= 0, got {alpha!r}")
    return float(alpha)


def _weights(weights):
    if weights is None:
        return None
    if np.ndim(weights) == 0:
        raise TypeError(f"weights must be an array with one number for each coefficient, got {weights!r}")
    return constants("weights", weights, 0)


@register("lasso")
class L1(Penalty):
    r"""Sum of absolute values, :math:`\alpha \sum_j w_j |c_j|`.

    Its proximal step is the soft threshold :math:`\mathrm{sign}(v) \max(|v| - step \, \alpha w_j, 0)`.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0, in units of the mean loss, as in scikit-learn's Lasso.
    weights : array or None, default=None
        The :math:`w_j`, finite and >= 0, in the shape of the coefficients or of their last axis; None: all 1.

    Raises
    ------
    TypeError, ValueError
        If alpha or a weight is not a finite number >= 0.

    Notes
    -----
    Tibshirani, Regression shrinkage and selection via the lasso (1996); with weights Zou, The adaptive lasso and its
    oracle properties (2006).

    Examples
    --------
    >>> import numpy as np
    >>> L1(alpha=2.0).value(np.array([1.0, -3.0]))
    8.0
    >>> L1(weights=[1.0, 0.0]).prox(np.array([0.5, 0.5]), 1.0)
    array([0. , 0.5])
    """

    name = "l1"
    is_norm = True

    def __init__(self, alpha=1.0, weights=None):
        super().__init__(alpha=_strength(alpha), weights=_weights(weights))

    def _parameters(self):
        return {"weights": _scaled(self.alpha, self.weights), "l2": 0.0, "low": 0.0, "high": 0.0}

    def dual_norm(self, v):
        r"""The dual norm, :math:`\max_j |v_j| / (\alpha w_j)`; infinite for a weight of 0 unless v is 0 there."""
        v = real_array("v", v).astype(np.float64)
        limits = self._fit("weights", self._parameters()["weights"], "v", v)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(v.reshape(-1) == 0, 0.0, np.abs(v.reshape(-1)) / limits)
        return float(ratios.max(initial=0.0))


@register("ridge")
class L2(Penalty):
    r"""Squared Euclidean norm, :math:`\frac{\alpha}{2} \sum_j w_j c_j^2`.

    Its proximal step is :math:`v / (1 + step \, \alpha w_j)`.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0, in units of the mean loss: an objective is
        ``sum_i w_i l_i / sum_i w_i + alpha / 2 * sum(coef ** 2)``.
        scikit-learn's ``C`` is ``1 / (alpha * sum_i w_i)``.
    weights : array or None, default=None
        The :math:`w_j`, finite and >= 0, in the shape of the coefficients or of their last axis; None: all 1.

    Raises
    ------
    TypeError, ValueError
        If alpha or a weight is not a finite number >= 0.

    Notes
    -----
    Hoerl and Kennard, Ridge regression: biased estimation for nonorthogonal problems (1970).

    Examples
    --------
    >>> import numpy as np
    >>> L2(alpha=2.0).value(np.array([1.0, -3.0]))
    10.0
    >>> L2(alpha=2.0).prox(np.array([1.0, -3.0]), 0.5)
    array([ 0.5, -1.5])
    """

    name = "l2"
    is_smooth = True

    def __init__(self, alpha=1.0, weights=None):
        super().__init__(alpha=_strength(alpha), weights=_weights(weights))

    def _parameters(self):
        return {"l1": 0.0, "weights": _scaled(self.alpha, self.weights), "low": 0.0, "high": 0.0}

    def gradient(self, coef):
        """``alpha * weights * coef``."""
        return _scaled(self.alpha, self.weights) * coef


@register("elasticnet")
class ElasticNet(Penalty):
    r"""Mixture of both, :math:`\alpha \sum_j w_j \big(r |c_j| + \frac{1 - r}{2} c_j^2\big)` with r the `l1_ratio`.

    Its proximal step is the soft threshold at :math:`step \, \alpha r w_j`, divided by
    :math:`1 + step \, \alpha (1 - r) w_j`.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0, in units of the mean loss, as in scikit-learn's ElasticNet.
    l1_ratio : float, default=0.5
        r, in [0, 1]: 1 is `L1`, 0 is `L2`.
    weights : array or None, default=None
        The :math:`w_j`, finite and >= 0, in the shape of the coefficients or of their last axis; None: all 1.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a number, or not within its range.

    Notes
    -----
    Zou and Hastie, Regularization and variable selection via the elastic net (2005), in the parametrisation of
    scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> ElasticNet(alpha=2.0, l1_ratio=0.5).value(np.array([1.0, -3.0]))
    9.0
    >>> ElasticNet(alpha=2.0, l1_ratio=0.5).prox(np.array([1.0, -3.0]), 1.0)
    array([ 0., -1.])
    """

    name = "elastic_net"

    def __init__(self, alpha=1.0, l1_ratio=0.5, weights=None):
        super().__init__(
            alpha=_strength(alpha),
            l1_ratio=real_number("l1_ratio", l1_ratio, 0, 1),
            weights=_weights(weights),
        )

    def _parameters(self):
        l1, l2 = self.alpha * self.l1_ratio, self.alpha * (1 - self.l1_ratio)
        return {"weights": _scaled(l1, self.weights), "l2": _scaled(l2, self.weights), "low": 0.0, "high": 0.0}


@register()
class Box(Penalty):
    r"""Limits: 0 where :math:`lower_j \le c_j \le upper_j` for all j, else infinite.

    Its proximal step clips.

    Parameters
    ----------
    lower, upper : float or array, default=0.0 and 1.0
        For all coefficients, or in the shape of the coefficients or of their last axis. lower <= upper; infinite
        numbers set no limit. float32 coefficients have the limits rounded to float32.

    Raises
    ------
    TypeError, ValueError
        If a limit is not a number, is NaN, or the limits leave no finite number.

    Notes
    -----
    Parikh and Boyd, Proximal algorithms (2014), section 6.2.4.

    Examples
    --------
    >>> import numpy as np
    >>> Box(-1.0, 1.0).prox(np.array([0.5, 3.0]), 1.0)
    array([0.5, 1. ])
    >>> Box(-1.0, 1.0).value(np.array([0.5, 3.0]))
    inf
    """

    name = "box"

    def __init__(self, lower=0.0, upper=1.0):
        lower, upper = constants("lower", lower), constants("upper", upper)
        limits(lower, upper, "lower must be <= upper, < inf and upper > -inf")
        super().__init__(lower=lower, upper=upper)

    def _parameters(self):
        return {"l1": 0.0, "l2": 0.0, "lower": self.lower, "upper": self.upper}


@register("non_negative")
class NonNegative(Penalty):
    r"""Sign: 0 where :math:`c_j \ge 0` for all j, else infinite.

    Its proximal step is :math:`\max(v, 0)`.

    Notes
    -----
    Parikh and Boyd, Proximal algorithms (2014), section 6.2.4. `L1` + `NonNegative` is the penalty of scikit-learn's
    ``Lasso(positive=True)``.

    Examples
    --------
    >>> import numpy as np
    >>> NonNegative().prox(np.array([0.5, -3.0]), 1.0)
    array([0.5, 0. ])
    """

    name = "nonnegative"

    def __init__(self):
        super().__init__()

    def _parameters(self):
        return {"l1": 0.0, "l2": 0.0, "lower": 0.0, "upper": np.inf}


def limits(lower, upper, rule):
    """Refuse limits that contradict each other."""
    if np.ndim(lower) and np.ndim(upper) and lower.shape != upper.shape:
        raise ValueError(f"limits have shapes {lower.shape} and {upper.shape}; they must be equal")
    lower, upper = np.broadcast_arrays(lower, upper)
    ok = (lower <= upper) & (lower < np.inf) & (upper > -np.inf)
    if not ok.all():
        raise ValueError(f"{rule}, got {lower[~ok].flat[0]!s} and {upper[~ok].flat[0]!s}")
