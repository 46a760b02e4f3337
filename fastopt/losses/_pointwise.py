"""Losses of one target and one raw prediction each: the loss of an array is elementwise.

`y_true`, `raw_prediction` and `sample_weight` have the same shape, of any number of dimensions.
The formulas are in src_c/fo_losses.h, r stands for raw_prediction - y_true.
"""

import numpy as np

from .. import _kernels
from .._validation import FLOATS, output_array, real_array, real_number, same_shape
from ._base import CONJUGATE, GRADIENT, HESSIAN, PRODUCT, VALUE, Loss, register
from ._traits import Traits

PARAMETERS = 4


def xlogx(u):
    """u log u, 0 at 0, of an array of numbers >= 0."""
    return u * np.log(np.where(u > 0, u, 1.0))


class PointwiseLoss(Loss):
    """Base of the elementwise losses; see `Loss` for the methods."""

    # Nanoseconds an element on one thread, for the choice of n_threads=None.
    _nanoseconds = 1.0

    def __init__(self, **params):
        super().__init__(**params)
        hessian = params.pop("hessian", "exact")
        if not isinstance(hessian, str) or hessian not in self.hessian_kinds:
            raise ValueError(f"hessian must be one of {', '.join(map(repr, self.hessian_kinds))}, got {hessian!r}")
        self.__dict__["hessian_kind"] = hessian
        self._run(self.name if hessian == "exact" else f"{self.name}_{hessian}", *params.values())

    def _run(self, kernel, *par):
        """Evaluate by this line of the roster with these parameters."""
        numbers = np.zeros(PARAMETERS)
        numbers[: len(par)] = par
        self.__dict__["_par"] = numbers
        self.__dict__["_plan"] = (kernel, numbers.tobytes(), self._nanoseconds, 1.0, False)

    def _kernel(self, dtype):
        return _kernels.table.pointwise[np.dtype(dtype)].address(self._plan[0]), self._par.copy(), None

    def _evaluate(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out=None,
                  gradient_out=None, hessian_out=None, direction=None):  # fmt: skip
        # The loops take arrays that are right already, and answer None (not right) or a status
        # word (data outside the domain) otherwise: checks in Python cost more than a small call.
        try:
            result = _kernels.table.pointwise[raw_prediction.dtype].evaluate(
                self._plan, what, reduction, y_true, raw_prediction, sample_weight, n_threads,
                value_out, gradient_out, hessian_out, direction,
            )  # fmt: skip
        except (AttributeError, KeyError, TypeError):
            if getattr(raw_prediction, "dtype", None) in FLOATS:
                raise
            result = None
        if result is None or type(result) is int:
            return self._convert(what, y_true, raw_prediction, sample_weight, reduction, n_threads,
                                 value_out, gradient_out, hessian_out, direction)  # fmt: skip
        return result

    def _convert(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out,
                 gradient_out, hessian_out, direction):  # fmt: skip
        """As `_evaluate`, for arguments that need a conversion or an error message."""
        self._check_reduction(reduction)
        raw_name = "theta" if what == CONJUGATE else "raw_prediction"
        raw = real_array(raw_name, raw_prediction)
        dtype = raw.dtype
        y = real_array("y_true", y_true, dtype)
        same_shape("y_true", y, raw_name, raw)
        weight = sample_weight
        if weight is not None:
            weight = real_array("sample_weight", weight, dtype)
            same_shape("sample_weight", weight, raw_name, raw)
        if what == PRODUCT:
            direction = real_array("direction", direction, dtype)
            same_shape("direction", direction, raw_name, raw)
        arrays = {"y_true": y, raw_name: raw, "sample_weight": weight, "direction": direction}
        gradient_name = "product_out" if what == PRODUCT else "gradient_out"
        outputs = (("value_out", value_out), (gradient_name, gradient_out), ("hessian_out", hessian_out))
        for name, array in outputs:
            if array is None:
                continue
            if name == "value_out" and reduction != "none":
                raise ValueError(f"value_out is for reduction='none'; with {reduction!r} the value is returned as a float")
            output_array(name, array, raw.shape, dtype, arrays)
            arrays[name] = array
        result = _kernels.table.pointwise[dtype].evaluate(
            self._plan, what, reduction, y, raw, weight, n_threads, value_out, gradient_out, hessian_out, direction
        )
        if type(result) is int:
            self._raise_status(result, y, weight, raw)
        return result

    def _no_conjugate(self):
        """Raise NotImplementedError: there is no closed form."""
        raise NotImplementedError(f"{type(self).__name__} offers no conjugate: it has no closed form")

    def conjugate(self, y_true, theta):
        """The convex conjugate f*(theta) = sup over z of theta z - f(z), for each sample; +inf outside its domain.

        Parameters
        ----------
        y_true : array
            Targets in the loss's domain.
        theta : array of float32 or float64
            Of the shape of `y_true`; its dtype is that of the result.

        Returns
        -------
        array with the shape and dtype of `theta`
        """
        if not self.has_conjugate:
            self._no_conjugate()
        return self._evaluate(CONJUGATE, y_true, theta, None, "none", 1)

    def conjugate_domain(self, y_true):
        """Where the conjugate is finite, for each target: an interval with ends that may be infinite.

        It is the closure of the slopes that the loss has at this target. The conjugate may be infinite at an
        end itself.

        Returns
        -------
        low, high : arrays like `y_true`, float64
        """
        if not self.has_conjugate:
            self._no_conjugate()
        y = real_array("y_true", y_true, np.float64)
        bounded = self.raw_low > -np.inf  # the loss jumps to infinity there
        ends = (np.finfo(np.float64).max, np.inf)[not bounded], -np.inf
        high, low = (self.gradient(y, np.full(y.shape, end), reduction="none") + 0.0 for end in ends)
        if bounded:
            low = np.full(y.shape, -np.inf)
        return low, high

    def fit_intercept_only(self, y_true, sample_weight=None):
        """The constant raw prediction with the smallest weighted loss over all elements of `y_true`.

        It is infinite where the loss has no minimum but an infimum at infinity, and the middle of
        the minimisers where there are several.

        Returns
        -------
        float
        """
        return float(self._constant(*self._check_constant(y_true, sample_weight)))

    def _constant(self, y, w):
        return np.average(y, weights=w)

    def kinks(self, y_true):
        """Raw predictions at which gradient or Hessian jump, as a list of arrays like `y_true`."""
        return []

    def sample(self, rng, n):
        """n targets and raw predictions (float64) from the middle of the loss's domain, for tests and benchmarks.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int or tuple
            Number of samples, or the shape of the arrays.

        Returns
        -------
        y_true, raw_prediction : arrays
        """
        return rng.normal(size=n), rng.normal(size=n) * 2.0


def crossing(slope, low, high):
    """Where the increasing function `slope`, <= 0 at low and >= 0 at high, crosses zero, by bisection."""
    while True:
        middle = low + 0.5 * (high - low)
        if not low < middle < high:
            return middle
        if slope(middle) < 0:
            low = middle
        else:
            high = middle


def convex_constant(loss, y, w, low, high):
    """Middle of the minimisers of the weighted sum of a convex loss over [low, high]."""
    total = w.sum()

    def slopes(z):
        g = w * loss.gradient(y, np.full(y.shape, z), reduction="none")
        return g.sum(), 8 * np.finfo(float).eps * max(abs(g).sum(), np.finfo(float).tiny * total)

    # A slope within its rounding counts as zero: there the minimisers are an interval.
    def left(z):
        slope, slack = slopes(z)
        return slope + slack

    def right(z):
        slope, slack = slopes(z)
        return slope - slack

    if low == high:
        return low
    a, b = crossing(left, low, high), crossing(right, low, high)
    return a + 0.5 * (b - a)


def best_constant(loss, y, w, candidates):
    """Minimiser of a weighted sum of losses near the best of the candidates, an increasing array."""

    def total(z):
        return w @ loss.value(y, np.full(y.shape, z), reduction="none")

    y, w = y.ravel(), w.ravel()
    best = int(np.argmin([total(z) for z in candidates]))
    low, high = candidates[max(best - 1, 0)], candidates[min(best + 1, candidates.size - 1)]
    ratio = 0.5 * (np.sqrt(5.0) - 1.0)
    for _ in range(80):  # golden section
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if total(a) <= total(b):
            high = b
        else:
            low = a
    z = min((low + 0.5 * (high - low), candidates[best]), key=total)
    for _ in range(5):  # Newton, for the digits that values cannot show
        g, h = (w @ a for a in loss.gradient_hessian(y, np.full(y.shape, z), reduction="none"))
        step = z - g / h if h > 0 else z
        if not total(step) <= total(z):
            break
        z = step
    return z


def weighted_quantile(y, w, q):
    """Middle of the interval of minimisers of the weighted pinball loss."""
    keep = w.ravel() > 0
    y, w = y.ravel()[keep], w.ravel()[keep]
    order = np.argsort(y, kind="stable")
    y, mass = y[order], np.cumsum(w[order])
    # Equal up to rounding counts as equal: there the minimisers are an interval.
    level, slack = q * mass[-1], 4 * np.finfo(float).eps * mass[-1] * np.sqrt(y.size)
    low = y[min(np.searchsorted(mass, level - slack), y.size - 1)]
    high = y[min(np.searchsorted(mass, level + slack, side="right"), y.size - 1)]
    return low + 0.5 * (high - low)


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


@register("HalfPoissonLoss", "PoissonNLLLoss", "poisson_nll_loss")
class Poisson(PointwiseLoss):
    """Half Poisson deviance with log link: e^z - y z of z = raw_prediction, targets y >= 0.

    Gradient e^z - y, Hessian e^z. scikit-learn's `HalfPoissonLoss`; torch's `PoissonNLLLoss` with
    log_input=True. Keras' Poisson is of the mean e^z, not of z. The terms of y alone are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Poisson
    >>> Poisson().value_gradient(np.array([2.0, 0.0]), np.array([0.0, 0.0]))
    (1.0, array([-0.5,  0.5]))
    """

    name = "poisson"
    traits = Traits(
        ("counts",), "sensitive", "Poisson", "泊松损失",
        "counts, rates with an offset",
        "scikit-learn `HalfPoissonLoss`, torch `PoissonNLLLoss`: the same; Keras `Poisson` takes the mean, "
        "not its logarithm",
    )  # fmt: skip
    has_deviance = True
    link = "log"
    domain = "nonnegative"
    _nanoseconds = 3.0

    def _least(self, y):
        return y - xlogx(y)

    def _constant(self, y, w):
        with np.errstate(divide="ignore"):
            return np.log(np.average(y, weights=w))

    def sample(self, rng, n):
        raw = rng.normal(size=n)
        return rng.poisson(np.exp(raw)).astype(float), raw


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
        with np.errstate(divide="ignore"):
            yes, no = np.log(np.sum(w * (keep * y + half))), np.log(np.sum(w * (keep * (1.0 - y) + half)))
        return yes - no + np.log(self.pos_weight)

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
        ("binary",), "bounded", "", "铰链损失",
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
        ("binary",), "sensitive", "", "平方铰链损失",
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
