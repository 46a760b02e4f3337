"""Textbook definitions of the row losses, one row at a time, in mpmath numbers or Python floats.

Nothing is rearranged for stability: with mpmath's precision set high enough the results are exact.
"""

import mpmath as mp
import numpy as np


def target_row(y, k, label_smoothing=0.0, class_weight=None):
    """v, from a class index or a row."""
    t = [mp.mpf(int(c == y)) for c in range(k)] if not hasattr(y, "__len__") else [mp.mpf(float(u)) for u in y]
    s = mp.mpf(float(label_smoothing))
    u = [mp.mpf(1)] * k if class_weight is None else [mp.mpf(float(a)) for a in class_weight]
    return [u[c] * ((1 - s) * t[c] + s / k) for c in range(k)]


def softmax(z):
    z = [mp.mpf(float(a)) for a in z]
    total = mp.fsum(mp.exp(a) for a in z)
    return [mp.exp(a) / total for a in z]


def softmax_cross_entropy(v, z):
    """-sum v_c log p_c"""
    z = [mp.mpf(float(a)) for a in z]
    log_total = mp.log(mp.fsum(mp.exp(a) for a in z))
    return -mp.fsum(b * (a - log_total) for a, b in zip(z, v))


def softmax_gradient(v, z):
    """Of each term -v_c log p_c by the chain rule: d log p_c / d z_j = [c = j] - p_j."""
    p = softmax(z)
    return [-mp.fsum(v[c] * ((c == j) - p[j]) for c in range(len(p)) if v[c]) for j in range(len(p))]


def softmax_hessian(v, z):
    """d^2 log p_c / d z_i d z_j = -p_i ([i = j] - p_j)"""
    p = softmax(z)
    k = range(len(p))
    return [[mp.fsum(v[c] * p[i] * ((i == j) - p[j]) for c in k if v[c]) for j in k] for i in k]


def softmax_conjugate(v, theta):
    """By its definition's optimum: the softmax of the maximiser is (theta + v) / sum v."""
    total = mp.fsum(v)
    q = [mp.mpf(float(a)) + b for a, b in zip(theta, v)]
    z = [mp.log(a / total) for a in q]
    return mp.fsum(mp.mpf(float(a)) * b for a, b in zip(theta, z)) - softmax_cross_entropy_of_reals(v, z)


def softmax_cross_entropy_of_reals(v, z):
    log_total = mp.log(mp.fsum(mp.exp(a) for a in z))
    return -mp.fsum(b * (a - log_total) for a, b in zip(z, v))


def probability_cross_entropy(v, q):
    """-sum v_c max(log q_c, -100)"""
    return -mp.fsum(b * _log(a) for a, b in zip(q, v) if b)


def probability_gradient(v, q):
    return [-b / mp.mpf(float(a)) if mp.mpf(float(a)) >= mp.exp(-100) else mp.mpf(0) for a, b in zip(q, v)]


def probability_hessian(v, q):
    """The diagonal; the rest is 0."""
    return [b / mp.mpf(float(a)) ** 2 if mp.mpf(float(a)) >= mp.exp(-100) else mp.mpf(0) for a, b in zip(q, v)]


def _log(q):
    q = mp.mpf(float(q))
    return max(mp.log(q), mp.mpf(-100)) if q > 0 else mp.mpf(-100)


def target_rows(y, k, label_smoothing=0.0, class_weight=None):
    """v of n rows as a NumPy array of long doubles."""
    y = np.asarray(y)
    t = (y[:, None] == np.arange(k)) if y.ndim == 1 else y
    u = np.ones(k) if class_weight is None else np.asarray(class_weight)
    return u * ((1 - np.longdouble(label_smoothing)) * t.astype(np.longdouble) + np.longdouble(label_smoothing) / k)


def softmax_rows(v, z):
    """Values (n,) and gradients (n, k) for moderate z, in long doubles."""
    p = _softmax_rows(z)
    return -(v * np.log(p)).sum(axis=1), v.sum(axis=1)[:, None] * p - v


def softmax_hessians(v, z):
    """(n, k, k)"""
    p = _softmax_rows(z)
    return v.sum(axis=1)[:, None, None] * (np.eye(p.shape[1]) * p[:, None, :] - p[:, :, None] * p[:, None, :])


def _softmax_rows(z):
    e = np.exp(np.asarray(z).astype(np.longdouble))
    return e / e.sum(axis=1, keepdims=True)


def probability_rows(v, q):
    """As softmax_rows, for q > e^-100."""
    q = np.asarray(q).astype(np.longdouble)
    return -(v * np.log(q)).sum(axis=1), -v / q


def probability_hessians(v, q):
    """(n, k, k)"""
    q = np.asarray(q).astype(np.longdouble)
    return np.eye(q.shape[1]) * (v / q**2)[:, None, :]
