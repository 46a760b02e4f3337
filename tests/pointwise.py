"""Losses, data and allowances that the tests of pointwise losses share."""

import numpy as np
import pytest
from scipy.special import log_ndtr

from fastopt import losses
from fastopt.losses._pointwise import PointwiseLoss
from fastopt.reference import losses as reference

POINTWISE = [cls for cls in losses.LOSSES.values() if issubclass(cls, PointwiseLoss)]
VARIED = {
    "absolute_error": [{"hessian": "bound"}],
    "huber": [{"delta": 0.3}, {"delta": 2.5, "hessian": "bound"}],
    "quantile": [{"quantile": 0.1}, {"quantile": 0.85, "hessian": "bound"}],
    "smooth_l1": [{"beta": 0.3}],
    "pseudo_huber": [{"delta": 0.3}, {"delta": 20.0}],
    "smoothed_quantile": [{"quantile": 0.1, "delta": 0.5}, {"quantile": 0.85, "delta": 2.0}],
    "expectile": [{"expectile": 0.1}, {"expectile": 0.85}],
    "epsilon_insensitive": [{"epsilon": 0.0}, {"epsilon": 0.75}],
    "squared_epsilon_insensitive": [{"epsilon": 0.0}, {"epsilon": 0.75}],
    "fair": [{"c": 0.3}, {"c": 20.0}],
    "cauchy": [{"delta": 0.3}, {"delta": 20.0}],
    "tukey_biweight": [{"c": 3.0}],
    "welsch": [{"c": 1.5}],
    "mean_absolute_percentage_error": [{"epsilon": 1.0}],
    "poisson_identity": [{"epsilon": 0.25}],
    "gamma": [{"hessian": "fisher"}],
    "inverse_gaussian": [{"hessian": "fisher"}],
    "tweedie": [
        *({"power": p} for p in (-1.0, 0.0, 1.0, 1.25, 2.0, 2.5, 3.0)),
        *({"power": p, "hessian": "fisher"} for p in (-1.0, 1.25, 2.0)),
    ],
    "tweedie_identity": [{"power": p} for p in (-1.0, 0.0, 1.0, 1.25, 2.0, 2.5, 3.0)],
    "negative_binomial": [{"theta": 0.25}, {"theta": 3.0}, {"theta": 0.5, "hessian": "fisher"}],
    "logistic": [{"pos_weight": 3.0}, {"pos_weight": 0.25, "label_smoothing": 0.125}],
    "smoothed_hinge": [{"gamma": 0.25}, {"gamma": 3.0}],
    "binary_focal": [{"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 3.0, "alpha": 0.25}],
    "generalized_cross_entropy": [{"q": 0.125}, {"q": 1.0}],
}
INSTANCES = [cls() for cls in POINTWISE] + [cls(**p) for cls in POINTWISE for p in VARIED.get(cls.name, [])]
ROOT = losses.RootMeanSquaredError()
DTYPES = (np.float64, np.float32)
ids = [repr(loss) for loss in INSTANCES]
each_loss = pytest.mark.parametrize("loss", INSTANCES, ids=ids)
each_loss_and_root = pytest.mark.parametrize("loss", [*INSTANCES, ROOT], ids=[*ids, "RootMeanSquaredError"])
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=["f64", "f32"])


def data(loss, n, dtype=np.float64, seed=0):
    y, raw = loss.sample(np.random.default_rng(seed), n)
    return y.astype(dtype), raw.astype(dtype)


def _insensitive(loss, output, y, z):
    # |r| - epsilon, where r has been rounded
    r, t = abs(z - y), abs(z - y) - loss.epsilon
    return {"value": r, "gradient": 1.0, "hessian": 0.0}[output] if loss.name == "epsilon_insensitive" else \
        {"value": r * t, "gradient": 2 * r, "hessian": 2.0}[output]  # fmt: skip


def _welsch(loss, output, y, z):
    # e^-u has u times the relative error of u
    u = min(abs(z - y) / loss.c, 1e9) ** 2
    return (
        (1 + 2 * u) ** 2 * np.exp(-u) * {"value": u, "gradient": abs(z - y), "hessian": 1}[output] if u < 700 else 0.0
    )


def _tukey(loss, output, y, z):
    # 1 - a^2 and 1 - 5 a^2
    a = min(abs(z - y) / loss.c, 1.0)
    return {"value": 0.0, "gradient": 2 * abs(z - y) * (1 - a * a), "hessian": 6.0}[output]


def _cauchy(loss, output, y, z):
    u = min(abs(z - y) / loss.delta, 1e9) ** 2
    return 1 / (1 + u) if output == "hessian" else 0.0


def _logarithmic(loss, output, y, z):
    # 1 - D, and (z - y) / (1 + y) where 1 + z is small
    d = abs(np.log1p(z) - np.log1p(y))
    return 2 * (1 + d) / (1 + z) ** 2 if output == "hessian" else 0.0


def _parts(loss, output, y, z):
    """Sum of the sizes of the terms that value, gradient and Hessian are sums of."""
    with np.errstate(all="ignore"):
        if loss.name == "poisson_identity":
            mean = z + loss.epsilon
            parts = abs(z) + abs(y * np.log(mean)), 1 + y / mean, 0.0
        elif loss.name == "gamma":
            t = y * np.exp(-z / 2) * np.exp(-z / 2)
            parts = abs(z) + t, 1 + t, 0.0
        elif loss.name == "negative_binomial":
            h, a = loss.theta, y + 1 / loss.theta
            minor = np.exp(-abs(z + np.log(h)))
            parts = (abs(y * np.log(h)) + abs(y * z), 1 / h + a * minor, 0.0) if z + np.log(h) >= 0 else (
                abs(y * z) + a * minor, a * minor + y, 0.0)  # fmt: skip
        elif loss.name == "tweedie_identity" and loss.power == 0:
            parts = 0.0, 0.0, 0.0
        else:
            p = 3.0 if loss.name == "inverse_gaussian" else loss.power
            z = z if loss.link == "log" else np.log(z)
            a, b = np.exp((2 - p) * z / 2), np.exp((1 - p) * z / 2)
            a, b = a * a, abs(y) * b * b if y else 0.0
            parts = abs(a / (2 - p or 1)) + abs(b / (1 - p or 1)) + abs(z), a + b, abs((2 - p) * a) + abs((1 - p) * b)
            if loss.link == "identity":
                parts = parts[0], (a + b) / np.exp(z), (abs(1 - p) * a + abs(p) * b) / np.exp(z) / np.exp(z)
        size = float(parts[("value", "gradient", "hessian").index(output)])
    return size if np.isfinite(size) else 0.0


def _binary(loss, output, y, z):
    """Terms that cancel, and what the rounding of e^z costs e^-e^z."""
    if loss.name == "complementary_log_log":
        t = np.exp(min(z, 300.0))
        ratio = t / np.expm1(t) if 0 < t < 700 else float(t == 0)
        if output == "value":
            return y * (np.exp(-t) * t if t > 1 else 0.0)
        if ratio == 0:
            return 0.0
        return (1 - y) * t + y * (1 + t) ** 2 * ratio * (1 if output == "gradient" else min(t, 1))
    if loss.name == "probit":
        return abs((1 - y) * _hazard(z) if output == "gradient" else 0.0) + abs(y * _hazard(-z))
    u = (2 * y - 1) * z
    p, q, minus_log = 1 / (1 + np.exp(-max(u, -700))), 1 / (1 + np.exp(min(u, 700))), np.logaddexp(0, -u)
    if output != "hessian" or abs(u) > 700:
        return 0.0
    if loss.name == "binary_focal":
        g = loss.gamma
        return q**g * p * (g * minus_log * (q + g * p) + q * (2 * g + 1))
    return p**loss.q * q * (p + loss.q * q)


def _hazard(z):
    """phi(z) / Phi(-z)"""
    return np.exp(-0.5 * z * z - 0.9189385 - log_ndtr(-z)) if abs(z) < 1e8 else max(z, 0.0)


# Loss -> size of the terms of (loss, output, y, z) that may cancel.
TERMS = {
    "epsilon_insensitive": _insensitive,
    "squared_epsilon_insensitive": _insensitive,
    "welsch": _welsch,
    "tukey_biweight": _tukey,
    "cauchy": _cauchy,
    "mean_squared_logarithmic_error": _logarithmic,
    **dict.fromkeys(["complementary_log_log", "probit", "binary_focal", "generalized_cross_entropy"], _binary),
    **dict.fromkeys(
        ["poisson_identity", "gamma", "tweedie", "tweedie_identity", "inverse_gaussian", "negative_binomial"], _parts
    ),
}


def size_of_terms(loss, output, y, z, exact):
    """What rounding errors are relative to: the terms of the formula where they may cancel."""
    signed, y, z, exact = float(y), abs(float(y)), float(z), abs(float(exact))
    if loss.name == "poisson" and output != "hessian":
        mean = float(reference.evaluate("poisson", "hessian", y, z))
        return mean + (y * abs(z) if output == "value" else y)
    if loss.name == "logistic" and output == "gradient":
        minor = float(reference.evaluate("logistic", "gradient", 0.0, -abs(z)))
        keep, half = 1 - loss.label_smoothing, loss.label_smoothing / 2
        no, yes = keep * (1 - y) + half, loss.pos_weight * (keep * y + half)
        return (no if z >= 0 else yes) + (no + yes) * minor
    if loss.name == "binary_cross_entropy_from_probabilities" and output == "gradient":
        return exact + ((1 - y) / (1 - z) if z < 1 else 0) + (y / z if z > 1e-43 else 0)
    if loss.name in TERMS:
        terms = TERMS[loss.name]
        return max(exact, float(terms(loss, output, signed, z)) if exact or terms in (_parts, _binary) else 0.0)
    return exact
