"""What a good user of NumPy would write for losses: vectorised, stable, with `out=` where it saves a temporary.

Functions of (y_true, raw_prediction, loss) that return the mean and its gradient.

The benchmarks measure against these, and check every library's answer by them in float64.
"""

import numpy as np


def mean_of(values):
    return float(values.mean())  # pairwise sums: good to some units of the last place


def squared_error(y, z, loss):
    r = z - y
    value = float(np.dot(r, r)) / r.size
    r *= 2.0 / r.size
    return value, r


def half_squared_error(y, z, loss):
    r = z - y
    value = 0.5 * float(np.dot(r, r)) / r.size
    r *= 1.0 / r.size
    return value, r


def root_mean_squared_error(y, z, loss):
    r = z - y
    value = np.sqrt(float(np.dot(r, r)) / r.size)
    r *= 1.0 / (r.size * value)
    return value, r


def absolute_error(y, z, loss):
    r = z - y
    value = float(np.linalg.norm(r, 1)) / r.size
    np.sign(r, out=r)
    r *= 1.0 / r.size
    return value, r


def huber(y, z, loss):
    # With c = r clipped to [-delta, delta] the loss is c (r - c / 2) and its gradient c.
    r = z - y
    c = np.clip(r, -loss.delta, loss.delta)
    r -= 0.5 * c
    value = float(np.dot(c, r)) / r.size
    c *= 1.0 / r.size
    return value, c


def quantile(y, z, loss):
    q = loss.quantile
    r = y - z
    g = np.where(r >= 0, r.dtype.type(-q), r.dtype.type(1 - q))
    value = -float(np.dot(g, r)) / r.size
    g *= 1.0 / r.size
    return value, g


def poisson(y, z, loss):
    e = np.exp(z)
    value = (float(np.sum(e, dtype=np.float64)) - float(np.dot(y, z))) / z.size
    e -= y
    e *= 1.0 / z.size
    return value, e


def logistic(y, z, loss):
    # One exponential of -|z| for both, 3 to 5 times faster than logaddexp and expit.
    e = np.abs(z)
    np.negative(e, out=e)
    np.exp(e, out=e)
    one = np.ones((), dtype=z.dtype)
    g = np.where(z >= 0, one, e)
    np.divide(g, 1 + e, out=g)
    g -= y
    g *= 1.0 / z.size
    np.log1p(e, out=e)
    e += np.maximum(z, 0)
    return mean_of(e) - float(np.dot(y, z)) / z.size, g


def binary_cross_entropy_from_probabilities(y, q, loss):
    with np.errstate(divide="ignore"):
        one, other = np.log(q), np.log1p(-q)
    np.maximum(one, -100, out=one)
    np.maximum(other, -100, out=other)
    value = -(float(np.dot(y, one)) + float(np.dot(1 - y, other))) / q.size
    g = q - y
    g /= q * (1 - q)
    g *= 1.0 / q.size
    return value, g


def hinge(y, z, loss):
    margin = y * z
    np.subtract(1, margin, out=margin)
    g = np.where(margin > 0, -y, z.dtype.type(0))
    g *= 1.0 / z.size
    np.maximum(margin, 0, out=margin)
    return mean_of(margin), g


def squared_hinge(y, z, loss):
    margin = y * z
    np.subtract(1, margin, out=margin)
    np.maximum(margin, 0, out=margin)
    value = float(np.dot(margin, margin)) / z.size
    margin *= y
    margin *= -2.0 / z.size
    return value, margin


def softmax_cross_entropy(index, z, loss):
    rows = np.arange(len(z))
    p = z - z.max(axis=1, keepdims=True)
    picked = p[rows, index]
    np.exp(p, out=p)
    total = p.sum(axis=1, keepdims=True)
    value = mean_of(np.log(total[:, 0]) - picked)
    p /= total
    p[rows, index] -= 1
    p *= 1.0 / len(z)
    return value, p


def categorical_cross_entropy_from_probabilities(index, q, loss):
    rows = np.arange(len(q))
    picked = q[rows, index]
    g = np.zeros_like(q)
    g[rows, index] = -1.0 / (len(q) * picked)
    return -mean_of(np.log(picked)), g


def _softmax(z):
    """Probabilities and their logarithms."""
    log_p = z - z.max(axis=1, keepdims=True)
    p = np.exp(log_p)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    log_p -= np.log(total)
    return p, log_p


def _of_own(index, p, slope):
    """The gradient of f(log p_y) from slope = f', for the mean."""
    slope = slope / len(p)
    p *= -slope[:, None]
    p[np.arange(len(p)), index] += slope
    return p


def categorical_focal(index, z, loss):
    p, log_p = _softmax(z)
    rows = np.arange(len(z))
    own, log_own = p[rows, index], log_p[rows, index]
    rest = 1 - own
    value = -mean_of(rest**loss.gamma * log_own)
    return value, _of_own(index, p, rest ** (loss.gamma - 1) * (loss.gamma * own * log_own - rest))


def poly1_cross_entropy(index, z, loss):
    p, log_p = _softmax(z)
    own, log_own = p[np.arange(len(z)), index], log_p[np.arange(len(z)), index]
    return mean_of(loss.epsilon * (1 - own) - log_own), _of_own(index, p, -1 - loss.epsilon * own)


def categorical_generalized_cross_entropy(index, z, loss):
    p, _ = _softmax(z)
    power = p[np.arange(len(z)), index] ** loss.q
    return mean_of((1 - power) / loss.q), _of_own(index, p, -power)


def softmax_kl_divergence(t, z, loss):
    p, log_p = _softmax(z)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(t > 0, t * (np.log(t) - log_p), 0).sum(axis=1)
    p *= t.sum(axis=1, keepdims=True)
    p -= t
    p *= 1.0 / len(z)
    return mean_of(value), p


def kl_divergence_from_log_probabilities(t, z, loss):
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(t > 0, t * (np.log(t) - z), 0).sum(axis=1)
    return mean_of(value), t * z.dtype.type(-1.0 / len(z))


def kl_divergence_from_probabilities(t, q, loss):
    ratio = t / q
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(t > 0, t * np.log(ratio), 0).sum(axis=1)
    ratio *= -1.0 / len(q)
    return mean_of(value), ratio


def weston_watkins(index, z, loss):
    rows = np.arange(len(z))
    margin = z - z[rows, index][:, None]
    margin += loss.margin
    margin[rows, index] = 0
    np.maximum(margin, 0, out=margin)
    value = mean_of(margin.sum(axis=1))
    g = np.sign(margin, out=margin)
    g[rows, index] = -g.sum(axis=1)
    g *= 1.0 / len(z)
    return value, g


def crammer_singer(index, z, loss):
    rows = np.arange(len(z))
    others = z.copy()
    others[rows, index] = -np.inf
    best = others.argmax(axis=1)
    margin = loss.margin + others[rows, best] - z[rows, index]
    inside = (margin > 0) / len(z)
    g = np.zeros_like(z)
    g[rows, best] = inside
    g[rows, index] = -inside
    return mean_of(np.maximum(margin, 0)), g


def multilabel_logistic(t, z, loss):
    e = np.exp(-np.abs(z))
    value = np.maximum(z, 0) - t * z + np.log1p(e)
    g = np.where(z >= 0, 1, e) / (1 + e) - t
    g *= 1.0 / z.size
    return mean_of(value.ravel()), g


def cosine_distance(y, z, loss):
    n = np.sqrt(np.einsum("ij,ij->i", z, z))[:, None]
    a, b = z / n, y / np.sqrt(np.einsum("ij,ij->i", y, y))[:, None]
    c = np.einsum("ij,ij->i", a, b)[:, None]
    a *= c
    a -= b
    a /= n * len(z)
    return mean_of(1 - c[:, 0]), a


def gaussian_nll(y, z, loss):
    r, precision = z[:, 0] - y, np.exp(-z[:, 1])
    square = r * r * precision
    g = np.stack([r * precision, 0.5 * (1 - square)], axis=1)
    g *= 1.0 / len(z)
    return mean_of(0.5 * (z[:, 1] + square)), g


LOSSES = {
    function.__name__: function
    for function in (
        categorical_focal,
        poly1_cross_entropy,
        categorical_generalized_cross_entropy,
        softmax_kl_divergence,
        kl_divergence_from_log_probabilities,
        kl_divergence_from_probabilities,
        weston_watkins,
        crammer_singer,
        multilabel_logistic,
        cosine_distance,
        gaussian_nll,
        squared_error,
        half_squared_error,
        root_mean_squared_error,
        absolute_error,
        huber,
        quantile,
        poisson,
        logistic,
        binary_cross_entropy_from_probabilities,
        hinge,
        squared_hinge,
        softmax_cross_entropy,
        categorical_cross_entropy_from_probabilities,
    )
}
