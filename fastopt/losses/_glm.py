"""Negative log-likelihoods of generalized linear models.

Terms of the target alone are left out, as everywhere in this package. mu stands for the predicted mean.
"""

import numpy as np

from .._validation import real_number
from ._base import register
from ._pointwise import PointwiseLoss, xlogx
from ._traits import Traits


def _log_mean(y, w):
    mean = np.average(y, weights=w)
    with np.errstate(divide="ignore"):
        return np.log(max(mean, 0.0))


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


@register("PoissonLoss")
class PoissonIdentity(PointwiseLoss):
    """Half Poisson deviance with identity link: z - y log(z + epsilon) of z = raw_prediction, targets y >= 0.

    Gradient 1 - y / (z + epsilon), Hessian y / (z + epsilon)^2. Infinite where z + epsilon < 0, with
    gradient and Hessian NaN there. torch's `PoissonNLLLoss` with log_input=False has epsilon=1e-8,
    Keras' `Poisson` 1e-7; 0 is the likelihood itself.

    Parameters
    ----------
    epsilon : float, default 0.0
        Added to the mean in the logarithm; at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import PoissonIdentity
    >>> PoissonIdentity().value_gradient(np.array([2.0, 0.0]), np.array([1.0, 3.0]), reduction="none")
    (array([1., 3.]), array([-1.,  1.]))
    """

    name = "poisson_identity"
    traits = Traits(
        ("counts",), "sensitive", "Poisson", "泊松损失 (恒等连接)",
        "counts whose mean is linear",
        "torch `PoissonNLLLoss(log_input=False)` has epsilon=1e-8, Keras `Poisson` 1e-7",
    )  # fmt: skip
    has_deviance = True
    domain = "nonnegative"
    _nanoseconds = 3.0

    def __init__(self, epsilon=0.0):
        super().__init__(epsilon=real_number("epsilon", epsilon, 0))

    @property
    def raw_low(self):
        return -self.epsilon

    def _least(self, y):
        return y - self.epsilon - xlogx(y)

    def _constant(self, y, w):
        return np.average(y, weights=w) - self.epsilon

    def sample(self, rng, n):
        raw = rng.uniform(0.5, 5.0, size=n)
        return rng.poisson(raw).astype(float), raw


@register("HalfGammaLoss", "gamma_deviance")
class Gamma(PointwiseLoss):
    """Half gamma deviance with log link: z + y e^-z of z = raw_prediction, targets y > 0.

    Gradient 1 - y e^-z, Hessian y e^-z. scikit-learn's `HalfGammaLoss`.

    Parameters
    ----------
    hessian : {"exact", "fisher"}, default "exact"
        "fisher" is the expectation over targets of mean e^z, 1: Fisher scoring.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Gamma
    >>> Gamma().value_gradient(np.array([2.0, 1.0]), np.array([0.0, 0.0]))
    (1.5, array([-0.5,  0. ]))
    """

    name = "gamma"
    traits = Traits(
        ("positive",), "sensitive", "gamma", "伽马损失",
        "amounts with a constant relative error",
        "scikit-learn `HalfGammaLoss`: the same",
    )  # fmt: skip
    has_deviance = True
    link = "log"
    domain = "positive"
    hessian_kinds = ("exact", "fisher")
    _nanoseconds = 3.0

    def __init__(self, hessian="exact"):
        super().__init__(hessian=hessian)

    def _least(self, y):
        return np.log(y) + 1.0

    def _constant(self, y, w):
        return _log_mean(y, w)

    def sample(self, rng, n):
        raw = rng.normal(size=n)
        return np.exp(raw) * rng.gamma(2.0, 0.5, size=n), raw


def _power(power):
    """The checked power, and the domain of targets that it has."""
    power = real_number("power", power)
    if 0 < power < 1:
        raise ValueError(
            f"power must be at most 0 or at least 1, got {power!r}: no Tweedie distribution has a power in (0, 1)"
        )
    return power, "finite" if power <= 0 else "nonnegative" if power < 2 else "positive"


def _least(y, power):
    """The smallest loss of a target, at the mean y; for negative targets, at the mean 0."""
    if power == 1:
        return y - xlogx(y)
    if power == 2:
        return np.log(y) + 1.0
    return -(np.maximum(y, 0.0) ** (2.0 - power)) / ((1.0 - power) * (2.0 - power))


# par[2] and par[3] of a kernel that is told its domain (FO_DOMAIN_RUNTIME).


_RUNTIME = {"finite": (-1, 0), "nonnegative": (0, 0), "positive": (0, 1)}


@register("HalfTweedieLoss", "tweedie_deviance")
class Tweedie(PointwiseLoss):
    """Half Tweedie deviance with log link: with mu = e^z of z = raw_prediction and p = power,
    mu^(2-p) / (2-p) - y mu^(1-p) / (1-p); for p = 1 mu - y z, for p = 2 z + y / mu.

    Gradient mu^(1-p) (mu - y), Hessian (2-p) mu^(2-p) - (1-p) y mu^(1-p). Convex for 1 <= p <= 2.
    Targets are finite for p <= 0, y >= 0 for 1 <= p < 2, y > 0 for p >= 2. scikit-learn's
    `HalfTweedieLoss`, whose loss for p = 0 also has the term y^2 / 2.

    Parameters
    ----------
    power : float, default 1.5
        At most 0 or at least 1; 0 is normal, 1 Poisson, 2 gamma, 3 inverse Gaussian.
    hessian : {"exact", "fisher"}, default "exact"
        "fisher" is the expectation over targets of mean e^z, mu^(2-p): positive where the exact one may not be.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Tweedie
    >>> Tweedie(power=1.5).value_gradient(np.array([0.0, 1.0]), np.array([0.0, 0.0]))
    (3.0, array([0.5, 0. ]))
    """

    name = "tweedie"
    traits = Traits(
        ("positive", "counts"), "sensitive", "Tweedie", "Tweedie 损失",
        "amounts with many zeros (1 < power < 2)",
        "scikit-learn `HalfTweedieLoss`: the same but for terms of y; glum: twice",
    )  # fmt: skip
    has_deviance = True
    link = "log"
    domain = "nonnegative"
    hessian_kinds = ("exact", "fisher")
    has_conjugate = False
    _nanoseconds = 6.0

    def __init__(self, power=1.5, hessian="exact"):
        power, domain = _power(power)
        super().__init__(power=power, hessian=hessian)
        self.__dict__.update(domain=domain, is_convex=1 <= power <= 2, has_conjugate=power in (1, 2))
        if power == 1:  # the exact one does not depend on the target
            self._run("poisson")
        else:
            kernel = "gamma" if power == 2 else "tweedie"
            par = () if power == 2 else (power, 0, *_RUNTIME[domain])
            self._run(kernel if hessian == "exact" else f"{kernel}_fisher", *par)

    def _least(self, y):
        return _least(y, self.power)

    def _constant(self, y, w):
        return _log_mean(y, w)

    def sample(self, rng, n):
        raw = rng.normal(size=n)
        return np.exp(raw) * rng.gamma(2.0, 0.5, size=n), raw


@register("HalfTweedieLossIdentity")
class TweedieIdentity(PointwiseLoss):
    """Half Tweedie deviance with identity link: with z = raw_prediction > 0 and p = power,
    z^(2-p) / (2-p) - y z^(1-p) / (1-p); for p = 1 z - y log z, for p = 2 log z + y / z.

    Gradient z^-p (z - y), Hessian z^-p ((1-p) + p y / z). For p = 0 it is half the squared error, of
    any z; else it is infinite where z <= 0, with gradient and Hessian NaN there, and convex for p = 1
    only. Targets as in `Tweedie`. scikit-learn's `HalfTweedieLossIdentity`, which adds terms of y alone.

    Parameters
    ----------
    power : float, default 1.5
        At most 0 or at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import TweedieIdentity
    >>> TweedieIdentity(power=1.5).value_gradient(np.array([0.0, 1.0]), np.array([4.0, 1.0]), reduction="none")
    (array([4., 4.]), array([0.5, 0. ]))
    """

    name = "tweedie_identity"
    traits = Traits(
        ("positive", "counts"), "sensitive", "Tweedie", "Tweedie 损失 (恒等连接)",
        "the same, with a linear mean",
        "scikit-learn `HalfTweedieLossIdentity`: the same but for terms of y",
    )  # fmt: skip
    has_deviance = True
    domain = "nonnegative"
    is_convex = False
    has_conjugate = False
    raw_low = 0.0
    _nanoseconds = 8.0

    def __init__(self, power=1.5):
        power, domain = _power(power)
        super().__init__(power=power)
        self.__dict__.update(domain=domain, is_convex=power in (0, 1), has_conjugate=power in (0, 1))
        if power == 0:
            self.__dict__["raw_low"] = -np.inf
        if power in (0, 1):
            self._run("half_squared_error" if power == 0 else "poisson_identity")
        else:
            self._run("tweedie_identity", power, power == 2, *_RUNTIME[domain])

    def _least(self, y):
        return np.zeros_like(y) if self.power == 0 else _least(y, self.power)

    def _constant(self, y, w):
        mean = np.average(y, weights=w)
        return mean if self.power == 0 else max(mean, 0.0)

    def sample(self, rng, n):
        raw = rng.uniform(0.5, 5.0, size=n)
        return raw * rng.gamma(4.0, 0.25, size=n), raw


@register("inverse_gaussian_deviance", "InverseGaussianLoss")
class InverseGaussian(PointwiseLoss):
    """Half inverse Gaussian deviance with log link: y e^-2z / 2 - e^-z of z = raw_prediction, targets y > 0.

    Gradient e^-z - y e^-2z, Hessian 2 y e^-2z - e^-z: not convex. `Tweedie` with power=3.

    Parameters
    ----------
    hessian : {"exact", "fisher"}, default "exact"
        "fisher" is the expectation over targets of mean e^z, e^-z: positive, unlike the exact one; glum's.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import InverseGaussian
    >>> InverseGaussian().value_gradient(np.array([2.0, 1.0]), np.array([0.0, 0.0]))
    (-0.25, array([-0.5,  0. ]))
    """

    name = "inverse_gaussian"
    traits = Traits(
        ("positive",), "sensitive", "inverse Gaussian", "逆高斯损失",
        "amounts with very long tails",
        "glum: twice, expected Hessian",
    )  # fmt: skip
    has_deviance = True
    link = "log"
    domain = "positive"
    hessian_kinds = ("exact", "fisher")
    is_convex = False
    has_conjugate = False
    _nanoseconds = 3.0

    def __init__(self, hessian="exact"):
        super().__init__(hessian=hessian)

    def _least(self, y):
        return -0.5 / y

    def _constant(self, y, w):
        return _log_mean(y, w)

    def sample(self, rng, n):
        raw = rng.normal(size=n)
        return np.exp(raw) * rng.gamma(2.0, 0.5, size=n), raw


@register("NegativeBinomialLoss")
class NegativeBinomial(PointwiseLoss):
    """Negative binomial loss with log link, of variance mu + theta mu^2:
    (y + 1/theta) log(1 + theta e^z) - y z of z = raw_prediction, targets y >= 0.

    With mu = e^z, gradient (mu - y) / (1 + theta mu), Hessian mu (1 + theta y) / (1 + theta mu)^2. Convex.

    Parameters
    ----------
    theta : float, default 1.0
        Positive; the Poisson loss is the limit at 0. It is given, not estimated.
    hessian : {"exact", "fisher"}, default "exact"
        "fisher" is the expectation over targets of mean e^z, mu / (1 + theta mu): glum's.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import NegativeBinomial
    >>> NegativeBinomial().gradient(np.array([0.0, 2.0]), np.array([0.0, 0.0]), reduction="none")
    array([ 0.5, -0.5])
    """

    name = "negative_binomial"
    traits = Traits(
        ("counts",), "sensitive", "negative binomial", "负二项损失",
        "counts that vary more than Poisson",
        "glum: twice, expected Hessian",
    )  # fmt: skip
    has_deviance = True
    link = "log"
    domain = "nonnegative"
    hessian_kinds = ("exact", "fisher")
    _nanoseconds = 4.0

    def __init__(self, theta=1.0, hessian="exact"):
        super().__init__(theta=real_number("theta", theta, 0, open_low=True), hessian=hessian)

    def _least(self, y):
        return (y + 1.0 / self.theta) * np.log1p(self.theta * y) - xlogx(y)

    def _constant(self, y, w):
        return _log_mean(y, w)

    def sample(self, rng, n):
        raw = rng.normal(size=n)
        return rng.poisson(np.exp(raw) * rng.gamma(2.0, 0.5, size=n)).astype(float), raw
