"""Gradient clipping as the frameworks' documentation states it, in NumPy: the oracle of the tests."""

import numpy as np


def by_value(grads, limit):
    return [np.clip(g, -limit, limit) for g in grads]


def by_norm(grads, limit):
    """Keras' clipnorm: each array by itself."""
    return [g * limit / max(np.linalg.norm(g), limit) for g in grads]


def by_global_norm_torch(grads, limit):
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g * min(1.0, limit / (norm + 1e-6)) for g in grads]


def by_global_norm(grads, limit):
    """optax.clip_by_global_norm, Keras' global_clipnorm."""
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g if norm < limit else g / norm * limit for g in grads]


def adaptive(g, w, clipping, eps, like):
    """One array; the norms of units over all axes but those of the units."""
    if np.squeeze(g).ndim <= 1:
        axes = tuple(range(g.ndim))
    elif like == "torch":
        axes = tuple(range(1, g.ndim))
    elif like == "optax" and g.ndim == 3:
        axes = (0,)
    else:
        axes = tuple(range(g.ndim - 1))
    g_norm = np.sqrt(np.sum(g**2, axis=axes, keepdims=True))
    most = clipping * np.maximum(np.sqrt(np.sum(w**2, axis=axes, keepdims=True)), eps)
    return np.where(g_norm > most, g * most / np.maximum(g_norm, 1e-300), g)
