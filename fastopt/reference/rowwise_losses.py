"""Textbook definitions of the row losses that run by tiles: the value of one row, in mpmath numbers.

A target is the row v (see `row_losses.target_row`), a row of numbers, or one number. Derivatives are limits of
differences, taken with as many digits as they need.
"""

import mpmath as mp


def softmax(z):
    powers = [mp.exp(a) for a in z]
    total = mp.fsum(powers)
    return [a / total for a in powers]


def _log0(x):
    """x log x, 0 at 0"""
    return x * mp.log(x) if x else mp.mpf(0)


def categorical_focal(t, z, gamma):
    p = softmax(z)
    return -mp.fsum(a * (1 - b) ** gamma * mp.log(b) for a, b in zip(t, p) if a)


def poly1_cross_entropy(t, z, epsilon):
    p = softmax(z)
    return mp.fsum(a * (-mp.log(b) + epsilon * (1 - b)) for a, b in zip(t, p) if a)


def categorical_generalized_cross_entropy(t, z, q):
    return mp.fsum(a * (1 - b**q) / q for a, b in zip(t, softmax(z)) if a)


def sparsemax(t, z):
    """By sorting: the support is the longest prefix with 1 + j z_(j) > z_(1) + ... + z_(j)."""
    total = mp.fsum(t)
    descending = sorted(z, reverse=True)
    size = max(j for j in range(1, len(z) + 1) if 1 + j * descending[j - 1] > mp.fsum(descending[:j]))
    tau = (mp.fsum(descending[:size]) - 1) / size
    inside = mp.fsum(a**2 - tau**2 for a in z if a > tau) / 2
    return total * (inside + mp.fsum((a / total) ** 2 for a in t) / 2) - mp.fsum(a * b for a, b in zip(t, z))


def softmax_kl_divergence(t, z):
    return mp.fsum(_log0(a) - a * mp.log(b) for a, b in zip(t, softmax(z)) if a)


def kl_divergence_from_log_probabilities(t, z):
    return mp.fsum(_log0(a) - a * b for a, b in zip(t, z))


def kl_divergence_from_probabilities(t, q):
    return mp.fsum(a * mp.log(a / b) for a, b in zip(t, q) if a)


def jensen_shannon(t, z):
    p = softmax(z)
    middle = [(a + b) / 2 for a, b in zip(t, p)]
    return mp.fsum(_log0(a) + _log0(b) - (a + b) * mp.log(m) for a, b, m in zip(t, p, middle)) / 2


def listwise_softmax(y, z, temperature):
    items = [(a, b) for a, b in zip(y, z) if not mp.isnan(a)]
    if not items:
        return mp.mpf(0)
    y, z = zip(*items)
    t = y if temperature is None else softmax([a / temperature for a in y])
    return -mp.fsum(a * mp.log(b) for a, b in zip(t, softmax(z)))


def _others(t, z):
    """The class with a nonzero target, its weight, and the raw predictions of the others."""
    own = [c for c, a in enumerate(t) if a]
    if not own:
        return 0, mp.mpf(0), z[1:]
    return own[0], t[own[0]], [a for c, a in enumerate(z) if c != own[0]]


def crammer_singer(t, z, margin):
    y, weight, others = _others(t, z)
    return weight * max(mp.mpf(0), margin + max(others) - z[y])


def weston_watkins(t, z, margin, power):
    y, weight, others = _others(t, z)
    return weight * mp.fsum(max(mp.mpf(0), margin + a - z[y]) ** power for a in others)


def multilabel_margin(t, z):
    has = [a for a, label in zip(z, t) if label]
    has_not = [a for a, label in zip(z, t) if not label]
    return mp.fsum(max(mp.mpf(0), 1 - (a - b)) for a in has for b in has_not) / len(z)


def multilabel_logistic(t, z):
    return mp.fsum(mp.log(1 + mp.exp(b)) - a * b for a, b in zip(t, z)) / len(z)


def cumulative_logit(y, z):
    below = [mp.mpf(0), *(1 / (1 + mp.exp(-a)) for a in z), mp.mpf(1)]
    return -mp.log(below[int(y) + 1] - below[int(y)])


def cosine_distance(y, z):
    norms = mp.sqrt(mp.fsum(a * a for a in y)) * mp.sqrt(mp.fsum(a * a for a in z))
    return 1 - mp.fsum(a * b for a, b in zip(y, z)) / norms if norms else mp.mpf(1)


def gaussian_nll(y, z, full):
    mean, variance = z[0], mp.exp(z[1])
    return (mp.log(variance) + (y - mean) ** 2 / variance + (mp.log(2 * mp.pi) if full else 0)) / 2


def _boxes(y, z):
    """Intersection over union, area of the union, sides of the box around both."""
    sides = [max(mp.mpf(0), min(y[i + 2], z[i + 2]) - max(y[i], z[i])) for i in (0, 1)]
    union = (y[2] - y[0]) * (y[3] - y[1]) + (z[2] - z[0]) * (z[3] - z[1]) - sides[0] * sides[1]
    around = [max(y[i + 2], z[i + 2]) - min(y[i], z[i]) for i in (0, 1)]
    return sides[0] * sides[1] / union, union, around


def iou(y, z):
    return 1 - _boxes(y, z)[0]


def generalized_iou(y, z):
    ratio, union, around = _boxes(y, z)
    return 1 - ratio + 1 - union / (around[0] * around[1])


def complete_iou(y, z):
    ratio, _, around = _boxes(y, z)
    apart = mp.fsum(((y[i] + y[i + 2]) / 2 - (z[i] + z[i + 2]) / 2) ** 2 for i in (0, 1))
    a = 4 / mp.pi**2 * (mp.atan((y[2] - y[0]) / (y[3] - y[1])) - mp.atan((z[2] - z[0]) / (z[3] - z[1]))) ** 2
    return 1 - ratio + apart / mp.fsum(b * b for b in around) + (a * a / (1 - ratio + a) if a else 0)


VALUES = {
    function.__name__: function
    for function in (
        categorical_focal,
        poly1_cross_entropy,
        categorical_generalized_cross_entropy,
        sparsemax,
        softmax_kl_divergence,
        kl_divergence_from_log_probabilities,
        kl_divergence_from_probabilities,
        jensen_shannon,
        listwise_softmax,
        crammer_singer,
        weston_watkins,
        multilabel_margin,
        multilabel_logistic,
        cumulative_logit,
        cosine_distance,
        gaussian_nll,
        iou,
        generalized_iou,
        complete_iou,
    )
}


def sparsemax_conjugate(t, theta):
    return mp.fsum((a + b) ** 2 - a**2 for a, b in zip(t, theta)) / (2 * mp.fsum(t))


def softmax_kl_divergence_conjugate(t, theta):
    total = mp.fsum(t)
    return mp.fsum((a + b) * mp.log((a + b) / total) - _log0(a) for a, b in zip(t, theta) if a + b)


CONJUGATES = {"sparsemax": sparsemax_conjugate, "softmax_kl_divergence": softmax_kl_divergence_conjugate}


def gradient(function, z):
    """Central differences of a function of a row, error O(h^2)."""
    h = mp.mpf(10) ** (-mp.mp.dps // 3)
    return [
        (function([b + h * (c == j) for c, b in enumerate(z)]) - function([b - h * (c == j) for c, b in enumerate(z)]))
        / (2 * h)
        for j in range(len(z))
    ]


def product(function, z, u):
    """The Hessian's product with u: the gradient's difference along u."""
    h = mp.mpf(10) ** (-mp.mp.dps // 6)
    up, down = (gradient(function, [b + s * a for a, b in zip(u, z)]) for s in (h, -h))
    return [(a - b) / (2 * h) for a, b in zip(up, down)]
