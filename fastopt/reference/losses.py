"""Textbook statements of the losses: the oracle of the tests.

`POINTWISE` maps a loss's name to `Statement(value, gradient, hessian)`: functions of mpmath numbers
y, z and the loss's parameters, written as definitions, to be evaluated with many digits (mpmath's
precision must cover the exponents involved: `evaluate` sets it). `VALUE_GRADIENT` maps names to
what a good NumPy user would write for value and gradient of the mean, for benchmarks.
"""

import functools
import math
from collections import namedtuple

import numpy as np

Statement = namedtuple("Statement", "value gradient hessian")


def _mp():
    import mpmath

    return mpmath.mp


def _sign(x):
    return (x > 0) - (x < 0)


def _sigmoid(z):
    return 1 / (1 + _mp().exp(-z))


def _poisson_value(y, z):
    return _mp().exp(z) - y * z


def _logistic_value(y, z, pos_weight=1, label_smoothing=0):
    # -w y log p - (1 - y) log(1 - p) of p = 1 / (1 + e^-z)
    mp = _mp()
    y = y * (1 - label_smoothing) + label_smoothing / 2
    return pos_weight * y * mp.log(1 + mp.exp(-z)) + (1 - y) * mp.log(1 + mp.exp(z))


def _logistic_gradient(y, z, pos_weight=1, label_smoothing=0):
    y = y * (1 - label_smoothing) + label_smoothing / 2
    return (1 - y) * _sigmoid(z) - pos_weight * y * _sigmoid(-z)


def _logistic_hessian(y, z, pos_weight=1, label_smoothing=0):
    y = y * (1 - label_smoothing) + label_smoothing / 2
    return (1 - y + pos_weight * y) * _sigmoid(z) * _sigmoid(-z)


def _cloglog(z):
    """e^z, and e^-t and 1 - e^-t of it."""
    mp = _mp()
    t = mp.exp(z)
    if z > 40:  # e^-t has more digits than memory
        return t, mp.mpf(0), mp.mpf(1)
    return t, mp.exp(-t), -mp.expm1(-t)


def _cloglog_value(y, z):
    t, e, m = _cloglog(z)
    return (1 - y) * t - (y * _mp().log(m) if y else 0)


def _cloglog_gradient(y, z):
    t, e, m = _cloglog(z)
    return (1 - y) * t - y * t * e / m


def _cloglog_hessian(y, z):
    # of the gradient t (1 - y / m) with m' = t e
    t, e, m = _cloglog(z)
    return (1 - y) * t - y * t * e / m + y * t * t * e / m**2


@functools.lru_cache(512)  # e^(-z^2/2) of the largest z takes milliseconds
def _normal(z, precision):
    """phi(z) and Phi(z)"""
    mp = _mp()
    density = mp.exp(-(z**2) / 2) / mp.sqrt(2 * mp.pi)
    if z < -60:  # the asymptotic series: erfc is slow, and not made for the largest
        return density, density * sum((-1) ** k * mp.fac2(2 * k - 1) / abs(z) ** (2 * k + 1) for k in range(24))
    if z > 60:
        return density, 1 - _normal(-z, precision)[1]
    return density, mp.erfc(-z / mp.sqrt(2)) / 2


def _normal_below(z):
    return _normal(z, _mp().prec)[1]


def _hazard(z):
    """phi(z) / Phi(z)"""
    density, below = _normal(z, _mp().prec)
    return density / below


def _probit_value(y, z):
    mp = _mp()
    return -(y * mp.log(_normal_below(z)) if y else 0) - ((1 - y) * mp.log(_normal_below(-z)) if y != 1 else 0)


def _probit_gradient(y, z):
    return -(y * _hazard(z) if y else 0) + ((1 - y) * _hazard(-z) if y != 1 else 0)


def _probit_hessian(y, z):
    a = y * _hazard(z) * (_hazard(z) + z) if y else 0
    return a + ((1 - y) * _hazard(-z) * (_hazard(-z) - z) if y != 1 else 0)


def _smoothed_hinge_value(y, z, gamma):
    t = 1 - y * z
    return 0 if t <= 0 else t - gamma / 2 if t >= gamma else t**2 / (2 * gamma)


def _modified_huber_value(y, z):
    return max(1 - y * z, 0) ** 2 if y * z >= -1 else -4 * y * z


def _focal(y, z, gamma, alpha):
    """a, s, p, 1 - p"""
    s = 2 * y - 1
    return 1 if alpha is None else alpha if y else 1 - alpha, s, _sigmoid(s * z), _sigmoid(-s * z)


def _focal_value(y, z, gamma, alpha):
    a, s, p, q = _focal(y, z, gamma, alpha)
    return -a * q**gamma * _mp().log(p)


def _focal_gradient(y, z, gamma, alpha):
    a, s, p, q = _focal(y, z, gamma, alpha)
    return a * s * q**gamma * (gamma * p * _mp().log(p) - q)


def _focal_hessian(y, z, gamma, alpha):
    a, s, p, q = _focal(y, z, gamma, alpha)
    return a * q**gamma * p * (gamma * _mp().log(p) * (q - gamma * p) + q * (2 * gamma + 1))


def _generalized(y, z):
    s = 2 * y - 1
    return s, _sigmoid(s * z), _sigmoid(-s * z)


def _generalized_value(y, z, q):
    # by the quotient of logarithms where 1 - p^q needs more digits than there are
    s, p, rest = _generalized(y, z)
    return -_mp().expm1(q * _mp().log1p(-rest)) / q if rest < 0.5 else (1 - p**q) / q


def _generalized_gradient(y, z, q):
    s, p, rest = _generalized(y, z)
    return -s * p**q * rest


def _generalized_hessian(y, z, q):
    s, p, rest = _generalized(y, z)
    return p**q * rest * (p - q * rest)


def _clamped_log(p):
    return max(_mp().log(p), _mp().mpf(-100)) if p > 0 else _mp().mpf(-100)


def _live(p):
    """1 where log p is above its clamp, else 0: the derivative of the clamp."""
    return 1 if p > _mp().exp(-100) else 0


def _binary_gradient(y, q):
    yes = -y / q if _live(q) else 0
    no = (1 - y) / (1 - q) if _live(1 - q) else 0
    return yes + no


def _binary_hessian(y, q):
    yes = y / q**2 if _live(q) else 0
    no = (1 - y) / (1 - q) ** 2 if _live(1 - q) else 0
    return yes + no


def _cosh(x):
    return _mp().cosh(x)


def _asymmetric(v, low, high):
    """low where v < 0, else high."""
    return high if v >= 0 else low


def _tukey_gradient(y, z, c):
    r = z - y
    return r * (1 - (r / c) ** 2) ** 2 if abs(r) <= c else 0


def _tukey_hessian(y, z, c):
    a = ((z - y) / c) ** 2
    return (1 - a) ** 2 - 4 * a * (1 - a) if a <= 1 else 0


def _smoothed_quantile_gradient(y, z, quantile, delta):
    v = y - z
    return -_asymmetric(v, 1 - quantile, quantile) * max(min(v / delta, 1), -1)


def _log_ratio(y, z):
    return _mp().log((1 + z) / (1 + y))


def _poisson_identity_value(y, z, epsilon):
    mp = _mp()
    return z - (y * mp.log(z + epsilon) if y else 0)


def _tweedie_value(y, z, power):
    """Of the mean e^z: the antiderivative of mu^-p (mu - y), without a constant."""
    mp = _mp()
    if power == 1:
        return mp.exp(z) - y * z
    if power == 2:
        return z + y * mp.exp(-z)
    return mp.exp((2 - power) * z) / (2 - power) - y * mp.exp((1 - power) * z) / (1 - power)


def _tweedie_identity_value(y, z, power):
    mp = _mp()
    if power == 0:
        return (z - y) ** 2 / 2
    return _tweedie_value(y, mp.log(z), power)


def _negative_binomial_value(y, z, theta):
    # -log of theta^y mu^y / (1 + theta mu)^(y + 1/theta), without the terms of y and theta alone
    mp = _mp()
    return (y + 1 / theta) * mp.log(1 + theta * mp.exp(z)) - y * z


POINTWISE = {
    "squared_error": Statement(lambda y, z: (z - y) ** 2, lambda y, z: 2 * (z - y), lambda y, z: 2),
    "half_squared_error": Statement(lambda y, z: (z - y) ** 2 / 2, lambda y, z: z - y, lambda y, z: 1),
    "absolute_error": Statement(lambda y, z: abs(z - y), lambda y, z: _sign(z - y), lambda y, z: 0),
    "huber": Statement(
        lambda y, z, delta: (z - y) ** 2 / 2 if abs(z - y) <= delta else delta * (abs(z - y) - delta / 2),
        lambda y, z, delta: z - y if abs(z - y) <= delta else delta * _sign(z - y),
        lambda y, z, delta: 1 if abs(z - y) <= delta else 0,
    ),
    "quantile": Statement(
        lambda y, z, quantile: quantile * max(y - z, 0) + (1 - quantile) * max(z - y, 0),
        lambda y, z, quantile: -quantile if y >= z else 1 - quantile,
        lambda y, z, quantile: 0,
    ),
    "poisson": Statement(_poisson_value, lambda y, z: _mp().exp(z) - y, lambda y, z: _mp().exp(z)),
    "logistic": Statement(_logistic_value, _logistic_gradient, _logistic_hessian),
    "binary_cross_entropy_from_probabilities": Statement(
        lambda y, q: -y * _clamped_log(q) - (1 - y) * _clamped_log(1 - q), _binary_gradient, _binary_hessian
    ),
    "hinge": Statement(
        lambda y, z: max(1 - y * z, 0), lambda y, z: -y if y * z < 1 else 0, lambda y, z: 0
    ),
    "squared_hinge": Statement(
        lambda y, z: max(1 - y * z, 0) ** 2,
        lambda y, z: -2 * y * max(1 - y * z, 0),
        lambda y, z: 2 if y * z < 1 else 0,
    ),
    "smooth_l1": Statement(
        lambda y, z, beta: (z - y) ** 2 / (2 * beta) if abs(z - y) <= beta else abs(z - y) - beta / 2,
        lambda y, z, beta: max(min((z - y) / beta, 1), -1),
        lambda y, z, beta: 1 / beta if abs(z - y) <= beta else 0,
    ),
    "pseudo_huber": Statement(
        lambda y, z, delta: delta**2 * (_mp().sqrt(1 + ((z - y) / delta) ** 2) - 1),
        lambda y, z, delta: (z - y) / _mp().sqrt(1 + ((z - y) / delta) ** 2),
        lambda y, z, delta: (1 + ((z - y) / delta) ** 2) ** _mp().mpf(-1.5),
    ),
    "log_cosh": Statement(
        lambda y, z: _mp().log(_cosh(z - y)), lambda y, z: _mp().tanh(z - y), lambda y, z: 1 / _cosh(z - y) ** 2
    ),
    "smoothed_quantile": Statement(
        lambda y, z, quantile, delta: (
            _asymmetric(y - z, 1 - quantile, quantile)
            * (abs(y - z) - delta / 2 if abs(y - z) >= delta else (y - z) ** 2 / (2 * delta))
        ),
        _smoothed_quantile_gradient,
        lambda y, z, quantile, delta: (
            _asymmetric(y - z, 1 - quantile, quantile) / delta if abs(y - z) < delta else 0
        ),
    ),
    "expectile": Statement(
        lambda y, z, expectile: _asymmetric(y - z, 1 - expectile, expectile) * (z - y) ** 2,
        lambda y, z, expectile: 2 * _asymmetric(y - z, 1 - expectile, expectile) * (z - y),
        lambda y, z, expectile: 2 * _asymmetric(y - z, 1 - expectile, expectile),
    ),
    "epsilon_insensitive": Statement(
        lambda y, z, epsilon: max(0, abs(z - y) - epsilon),
        lambda y, z, epsilon: _sign(z - y) if abs(z - y) > epsilon else 0,
        lambda y, z, epsilon: 0,
    ),
    "squared_epsilon_insensitive": Statement(
        lambda y, z, epsilon: max(0, abs(z - y) - epsilon) ** 2,
        lambda y, z, epsilon: 2 * _sign(z - y) * max(0, abs(z - y) - epsilon),
        lambda y, z, epsilon: 2 if abs(z - y) > epsilon else 0,
    ),
    "fair": Statement(
        lambda y, z, c: c**2 * (abs(z - y) / c - _mp().log(1 + abs(z - y) / c)),
        lambda y, z, c: (z - y) / (1 + abs(z - y) / c),
        lambda y, z, c: 1 / (1 + abs(z - y) / c) ** 2,
    ),
    "cauchy": Statement(
        lambda y, z, delta: delta**2 / 2 * _mp().log(1 + ((z - y) / delta) ** 2),
        lambda y, z, delta: (z - y) / (1 + ((z - y) / delta) ** 2),
        lambda y, z, delta: (1 - ((z - y) / delta) ** 2) / (1 + ((z - y) / delta) ** 2) ** 2,
    ),
    "tukey_biweight": Statement(
        lambda y, z, c: c**2 / 6 * (1 - (1 - ((z - y) / c) ** 2) ** 3) if abs(z - y) <= c else c**2 / 6,
        _tukey_gradient,
        _tukey_hessian,
    ),
    "welsch": Statement(
        lambda y, z, c: c**2 / 2 * (1 - _mp().exp(-(((z - y) / c) ** 2))),
        lambda y, z, c: (z - y) * _mp().exp(-(((z - y) / c) ** 2)),
        lambda y, z, c: (1 - 2 * ((z - y) / c) ** 2) * _mp().exp(-(((z - y) / c) ** 2)),
    ),
    "mean_squared_logarithmic_error": Statement(
        lambda y, z: _log_ratio(y, z) ** 2,
        lambda y, z: 2 * _log_ratio(y, z) / (1 + z),
        lambda y, z: 2 * (1 - _log_ratio(y, z)) / (1 + z) ** 2,
    ),
    "mean_absolute_percentage_error": Statement(
        lambda y, z, epsilon: 100 * abs(z - y) / max(abs(y), epsilon),
        lambda y, z, epsilon: 100 * _sign(z - y) / max(abs(y), epsilon),
        lambda y, z, epsilon: 0,
    ),
    "poisson_identity": Statement(
        _poisson_identity_value,
        lambda y, z, epsilon: 1 - (y / (z + epsilon) if y else 0),
        lambda y, z, epsilon: y / (z + epsilon) ** 2 if y else 0,
    ),
    "gamma": Statement(
        lambda y, z: z + y / _mp().exp(z), lambda y, z: 1 - y / _mp().exp(z), lambda y, z: y / _mp().exp(z)
    ),
    "tweedie": Statement(
        _tweedie_value,
        lambda y, z, power: (_mp().exp(z) - y) * _mp().exp((1 - power) * z),
        lambda y, z, power: ((2 - power) * _mp().exp(z) - (1 - power) * y) * _mp().exp((1 - power) * z),
    ),
    "tweedie_identity": Statement(
        _tweedie_identity_value,
        lambda y, z, power: (z - y) / z**power,
        lambda y, z, power: (1 - power) / z**power + (power * y / z ** (1 + power) if power else 0),
    ),
    "inverse_gaussian": Statement(
        lambda y, z: y / (2 * _mp().exp(2 * z)) - 1 / _mp().exp(z),
        lambda y, z: 1 / _mp().exp(z) - y / _mp().exp(2 * z),
        lambda y, z: 2 * y / _mp().exp(2 * z) - 1 / _mp().exp(z),
    ),
    "negative_binomial": Statement(
        _negative_binomial_value,
        lambda y, z, theta: (_mp().exp(z) - y) / (1 + theta * _mp().exp(z)),
        lambda y, z, theta: _mp().exp(z) * (1 + theta * y) / (1 + theta * _mp().exp(z)) ** 2,
    ),
    "complementary_log_log": Statement(_cloglog_value, _cloglog_gradient, _cloglog_hessian),
    "probit": Statement(_probit_value, _probit_gradient, _probit_hessian),
    "smoothed_hinge": Statement(
        _smoothed_hinge_value,
        lambda y, z, gamma: -y * min(max((1 - y * z) / gamma, 0), 1),
        lambda y, z, gamma: 1 / gamma if 0 < 1 - y * z < gamma else 0,
    ),
    "binary_sparsemax": Statement(
        lambda y, z: 0 if y * z >= 1 else -y * z if y * z <= -1 else (1 - y * z) ** 2 / 4,
        lambda y, z: 0 if y * z >= 1 else -y if y * z <= -1 else -y * (1 - y * z) / 2,
        lambda y, z: _mp().mpf(1) / 2 if abs(z) < 1 else 0,
    ),
    "modified_huber": Statement(
        _modified_huber_value,
        lambda y, z: -2 * y * max(1 - y * z, 0) if y * z >= -1 else -4 * y,
        lambda y, z: 2 if -1 <= y * z < 1 else 0,
    ),
    "perceptron": Statement(lambda y, z: max(-y * z, 0), lambda y, z: -y if y * z <= 0 else 0, lambda y, z: 0),
    "exponential": Statement(
        lambda y, z: _mp().exp(-y * z), lambda y, z: -y * _mp().exp(-y * z), lambda y, z: _mp().exp(-y * z)
    ),
    "binary_focal": Statement(_focal_value, _focal_gradient, _focal_hessian),
    "generalized_cross_entropy": Statement(_generalized_value, _generalized_gradient, _generalized_hessian),
}


def _hessian(name, kind):
    """What stands for the second derivative. "fisher" is its mean over targets of mean e^z: it is linear in them."""
    exact = POINTWISE[name].hessian
    return {
        "exact": exact,
        "fisher": lambda y, z, **params: exact(_mp().exp(z), z, **params),
        "bound": lambda y, z, **params: 1,
    }[kind]


def evaluate(name, output, y, z, hessian="exact", **params):
    """`output` ("value", "gradient" or "hessian") of a pointwise loss at floats y, z, as an mpmath number.

    The working precision is 60 digits more than the exponents of e^z and of z ask for, so that
    1 + e^-|z| keeps its second term as far as a float64 result can show it.
    """
    mp = _mp()
    with mp.workdps(60 + int(min(abs(float(z)), 800.0) / 2.3) + 330):
        formula = _hessian(name, hessian) if output == "hessian" else getattr(POINTWISE[name], output)
        numbers = {key: value if value is None else mp.mpf(value) for key, value in params.items()}
        return +mp.mpf(formula(mp.mpf(y), mp.mpf(z), **numbers))


def root_mean_squared_error(y, z, w):
    """sqrt(sum w (z - y)^2 / sum w) of sequences of floats, as an mpmath number."""
    mp = _mp()
    with mp.workdps(400):
        total = mp.fsum(mp.mpf(c) * (mp.mpf(b) - mp.mpf(a)) ** 2 for a, b, c in zip(y, z, w))
        return +mp.sqrt(total / mp.fsum(w))


def reduce(losses, weights, reduction):
    """The documented reductions of losses of samples."""
    if reduction == "none":
        return [w * v for v, w in zip(losses, weights)]
    total = math.fsum(w * v for v, w in zip(losses, weights))
    return total if reduction == "sum" else total / math.fsum(weights)


# NumPy as a good user writes it: vectorised, stable, temporaries reused where that reads naturally.


def _half_squared_numpy(y, z):
    r = z - y
    return 0.5 * np.dot(r, r) / r.size, r / r.size


def _squared_numpy(y, z):
    r = z - y
    return np.dot(r, r) / r.size, r * (2.0 / r.size)


def _root_numpy(y, z):
    r = z - y
    root = np.sqrt(np.dot(r, r) / r.size)
    return root, r / (r.size * root)


def _absolute_numpy(y, z):
    r = z - y
    return np.abs(r).mean(), np.sign(r) / r.size


def _huber_numpy(y, z, delta=1.0):
    r = z - y
    c = np.clip(r, -delta, delta)
    return np.dot(c, r - 0.5 * c) / r.size, c / r.size


def _quantile_numpy(y, z, quantile=0.5):
    v = y - z
    slope = np.where(v >= 0, quantile, quantile - 1.0).astype(v.dtype)
    return np.dot(slope, v) / v.size, slope / -v.size


def _poisson_numpy(y, z):
    mean = np.exp(z)
    return (mean.sum() - np.dot(y, z)) / z.size, (mean - y) / z.size


def _logistic_numpy(y, z):
    e = np.exp(-np.abs(z))
    value = np.maximum(z, 0) - y * z + np.log1p(e)
    sigmoid = np.where(z >= 0, 1, e) / (1 + e)
    return value.mean(), (sigmoid - y) / z.size


def _binary_numpy(y, q):
    value = -(y * np.maximum(np.log(q), -100) + (1 - y) * np.maximum(np.log1p(-q), -100))
    return value.mean(), (q - y) / (q * (1 - q) * q.size)


def _hinge_numpy(y, z):
    t = 1 - y * z
    return np.maximum(t, 0).mean(), np.where(t > 0, -y, 0) / z.size


def _squared_hinge_numpy(y, z):
    t = np.maximum(1 - y * z, 0)
    return np.dot(t, t) / z.size, y * t * (-2.0 / z.size)


def _smooth_l1_numpy(y, z, beta=1.0):
    value, gradient = _huber_numpy(y, z, beta)
    return value / beta, gradient / beta


def _pseudo_huber_numpy(y, z, delta=1.0):
    r = z - y
    q = np.sqrt(1 + (r / delta) ** 2)
    return np.mean(r * r / (1 + q)), r / (q * r.size)


def _log_cosh_numpy(y, z):
    r = z - y
    value = np.logaddexp(r, -r) - np.log(2)
    return value.mean(), np.tanh(r) / r.size


def _smoothed_quantile_numpy(y, z, quantile=0.5, delta=1.0):
    r = z - y
    u = np.clip(r, -delta, delta)
    g = np.where(r > 0, 1 - quantile, quantile).astype(r.dtype) * u / delta
    return np.dot(g, r - 0.5 * u) / r.size, g / r.size


def _expectile_numpy(y, z, expectile=0.5):
    r = z - y
    g = np.where(r > 0, 1 - expectile, expectile).astype(r.dtype) * r
    return np.dot(g, r) / r.size, g * (2.0 / r.size)


def _epsilon_insensitive_numpy(y, z, epsilon=0.1):
    r = z - y
    return np.maximum(np.abs(r) - epsilon, 0).mean(), np.sign(r) * (np.abs(r) > epsilon) / r.size


def _squared_epsilon_insensitive_numpy(y, z, epsilon=0.1):
    r = z - y
    t = np.sign(r) * np.maximum(np.abs(r) - epsilon, 0)
    return np.dot(t, t) / r.size, t * (2.0 / r.size)


def _fair_numpy(y, z, c=1.3998):
    r = z - y
    a = abs(r) / c
    return c * c * np.mean(a - np.log1p(a)), r / ((1 + a) * r.size)


def _cauchy_numpy(y, z, delta=1.0):
    r = z - y
    u = (r / delta) ** 2
    return 0.5 * delta**2 * np.log1p(u).mean(), r / ((1 + u) * r.size)


def _tukey_biweight_numpy(y, z, c=4.685):
    r = z - y
    s = np.maximum(1 - (r / c) ** 2, 0)
    return c**2 / 6 * (1 - s**3).mean(), r * s * s / r.size


def _welsch_numpy(y, z, c=2.985):
    r = z - y
    e = np.exp(-((r / c) ** 2))
    return -0.5 * c**2 * np.expm1(-((r / c) ** 2)).mean(), r * e / r.size


def _msle_numpy(y, z):
    d = np.log1p(z) - np.log1p(y)
    return np.dot(d, d) / d.size, 2 * d / ((1 + z) * d.size)


def _mape_numpy(y, z, epsilon=1e-7):
    scale = 100 / (np.maximum(np.abs(y), epsilon) * y.size)
    return np.dot(scale, np.abs(z - y)), scale * np.sign(z - y)


def _poisson_identity_numpy(y, z, epsilon=0.0):
    mean = z + epsilon
    return (z - y * np.log(mean)).mean(), (1 - y / mean) / z.size


def _gamma_numpy(y, z):
    t = y * np.exp(-z)
    return (z + t).mean(), (1 - t) / z.size


def _tweedie_numpy(y, z, power=1.5):
    a, b = np.exp((2 - power) * z), y * np.exp((1 - power) * z)
    return (a / (2 - power) - b / (1 - power)).mean(), (a - b) / z.size


def _tweedie_identity_numpy(y, z, power=1.5):
    c = z ** (1 - power)
    return (c * (z / (2 - power) - y / (1 - power))).mean(), c * (1 - y / z) / z.size


def _inverse_gaussian_numpy(y, z):
    e = np.exp(-z)
    t = y * e
    return (e * (0.5 * t - 1)).mean(), e * (1 - t) / z.size


def _negative_binomial_numpy(y, z, theta=1.0):
    mean = np.exp(z)
    value = (y + 1 / theta) * np.log1p(theta * mean) - y * z
    return value.mean(), (mean - y) / ((1 + theta * mean) * z.size)


def _cloglog_numpy(y, z):
    t = np.exp(z)
    value = (1 - y) * t - y * np.log(-np.expm1(-t))
    return value.mean(), ((1 - y) * t - y * t / np.expm1(t)) / z.size


def _probit_numpy(y, z):
    from scipy.special import log_ndtr

    log_density = -0.5 * (z * z + np.log(2 * np.pi))
    yes, no = log_ndtr(z), log_ndtr(-z)
    gradient = (1 - y) * np.exp(log_density - no) - y * np.exp(log_density - yes)
    return -(y * yes + (1 - y) * no).mean(), gradient / z.size


def _smoothed_hinge_numpy(y, z, gamma=1.0):
    t = np.maximum(1 - y * z, 0)
    c = np.minimum(t, gamma)
    return np.dot(c, t - 0.5 * c) / (gamma * z.size), y * c / (-gamma * z.size)


def _sparsemax_numpy(y, z):
    return _smoothed_hinge_numpy(y, z, 2.0)


def _modified_huber_numpy(y, z):
    t = np.maximum(1 - y * z, 0)
    c = np.minimum(t, 2)
    return np.dot(c, 2 * t - c) / z.size, y * c * (-2.0 / z.size)


def _perceptron_numpy(y, z):
    m = y * z
    return np.maximum(-m, 0).mean(), np.where(m <= 0, -y, 0) / z.size


def _exponential_numpy(y, z):
    e = np.exp(-y * z)
    return e.mean(), -y * e / z.size


def _focal_numpy(y, z, gamma=2.0, alpha=None):
    s = 2 * y - 1
    u = s * z
    log_p, q = -np.logaddexp(0, -u), 1 / (1 + np.exp(u))
    weight = q**gamma if alpha is None else q**gamma * np.where(y == 1, alpha, 1 - alpha)
    return -(weight * log_p).mean(), s * weight * (gamma * (1 - q) * log_p - q) / z.size


def _generalized_numpy(y, z, q=0.7):
    s = 2 * y - 1
    p = 1 / (1 + np.exp(-s * z))
    power = p**q
    return (1 - power).mean() / q, -s * power * (1 - p) / z.size


VALUE_GRADIENT = {
    "squared_error": _squared_numpy,
    "half_squared_error": _half_squared_numpy,
    "root_mean_squared_error": _root_numpy,
    "absolute_error": _absolute_numpy,
    "huber": _huber_numpy,
    "quantile": _quantile_numpy,
    "poisson": _poisson_numpy,
    "logistic": _logistic_numpy,
    "binary_cross_entropy_from_probabilities": _binary_numpy,
    "hinge": _hinge_numpy,
    "squared_hinge": _squared_hinge_numpy,
    "smooth_l1": _smooth_l1_numpy,
    "pseudo_huber": _pseudo_huber_numpy,
    "log_cosh": _log_cosh_numpy,
    "smoothed_quantile": _smoothed_quantile_numpy,
    "expectile": _expectile_numpy,
    "epsilon_insensitive": _epsilon_insensitive_numpy,
    "squared_epsilon_insensitive": _squared_epsilon_insensitive_numpy,
    "fair": _fair_numpy,
    "cauchy": _cauchy_numpy,
    "tukey_biweight": _tukey_biweight_numpy,
    "welsch": _welsch_numpy,
    "mean_squared_logarithmic_error": _msle_numpy,
    "mean_absolute_percentage_error": _mape_numpy,
    "poisson_identity": _poisson_identity_numpy,
    "gamma": _gamma_numpy,
    "tweedie": _tweedie_numpy,
    "tweedie_identity": _tweedie_identity_numpy,
    "inverse_gaussian": _inverse_gaussian_numpy,
    "negative_binomial": _negative_binomial_numpy,
    "complementary_log_log": _cloglog_numpy,
    "probit": _probit_numpy,
    "smoothed_hinge": _smoothed_hinge_numpy,
    "binary_sparsemax": _sparsemax_numpy,
    "modified_huber": _modified_huber_numpy,
    "perceptron": _perceptron_numpy,
    "exponential": _exponential_numpy,
    "binary_focal": _focal_numpy,
    "generalized_cross_entropy": _generalized_numpy,
}
