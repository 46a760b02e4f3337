"""Clipping of gradients, in place: by value, by the norm of each array or of all, and adaptively.

The arrays are float32 or float64, C-contiguous and writeable: one, a list, or a dict from name to array. Norms are
Euclidean, summed in float64 in an order that depends on the sizes alone: the same bits for any n_threads.

>>> import numpy as np
>>> from fastopt.optimizers import clipping
>>> grads = {"coef": np.array([3.0, 0.0]), "intercept": np.array(-4.0)}
>>> clipping.clip_global_norm(grads, 1.0, like="optax")
5.0
>>> grads
{'coef': array([0.6, 0. ]), 'intercept': array(-0.8)}
"""

import math

import numpy as np

from .. import _kernels
from .._config import threads
from . import _checks
from ._filters import cut, factors, total_norm
from ._groups import Group, collect

__all__ = ["clip_adaptive", "clip_global_norm", "clip_norm", "clip_value"]

_TIME = 0.1  # ns an element of float32


class _Arrays:
    """Checked arrays with their kernels, by element type."""

    def __init__(self, name, given, n_threads, update=True):
        (keys, arrays), wraps = collect(given, "", name)
        self.arrays, self.keys = arrays, keys
        self.labels = Group((keys, arrays), {}, wraps).labels("")
        for label, array in zip(self.labels, arrays):
            _checks.array(label, array, name, update)
        if update:
            _checks.spans(arrays, self.labels, name)
        self.n_threads = threads(n_threads, sum(a.nbytes for a in arrays) / 4 * _TIME * 1e-6)
        self.parts = []
        for dtype in _checks.DTYPES:
            where = [i for i, a in enumerate(arrays) if a.dtype == dtype]
            if where:
                self.parts.append((where, _kernels.table.updates[dtype].Blocks([arrays[i] for i in where])))

    def squares(self):
        out = np.zeros(len(self.arrays))
        for where, blocks in self.parts:
            out[where] = blocks.squares(self.n_threads)
        return out

    def scale(self, factors):
        for where, blocks in self.parts:
            blocks.scale(np.ascontiguousarray(factors[where]), self.n_threads)


def _limit(name, value):
    _checks.number(name, value, 0)
    _checks.positive(name, value, "0 would leave no gradient")
    return float(value)


def _factors(norms, limit, like):
    """What brings norms to the limit, 1 where they are below."""
    _checks.like(like, ("torch", "keras", "optax"))
    return factors(norms, limit, like)


def _finite(norms, labels, wanted):
    _checks.flag("error_if_nonfinite", wanted)
    if wanted and not np.isfinite(norms).all():
        bad = [f"grads{label}" for label, norm in zip(labels, norms) if not math.isfinite(norm)]
        raise ValueError(f"the norm of {', '.join(bad)} is not finite; nothing was clipped")


def clip_value(grads, limit, *, n_threads=None):
    """Clip every element to [-limit, limit], in place.

    torch.nn.utils.clip_grad_value_, Keras' clipvalue, optax.clip. NaN stays NaN.

    Parameters
    ----------
    grads : array, list or dict of arrays
    limit : float
        > 0.
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.

    Examples
    --------
    >>> import numpy as np
    >>> g = np.array([0.5, -3.0, np.inf])
    >>> clip_value(g, 1.0)
    >>> g
    array([ 0.5, -1. ,  1. ])
    """
    limit = _limit("limit", limit)
    arrays = _Arrays("grads", grads, n_threads)
    for _, blocks in arrays.parts:
        blocks.clamp(limit, arrays.n_threads)


def clip_norm(grads, limit, *, like="keras", error_if_nonfinite=False, n_threads=None):
    r"""Scale each array whose norm is above `limit` down to it, in place; the norms before.

    Keras' clipnorm. An infinite or NaN norm makes the array's elements 0 or NaN.

    Parameters
    ----------
    grads : array, list or dict of arrays
    limit : float
        > 0.
    like : {"torch", "keras", "optax"}, default="keras"
        "torch": the factor is :math:`\min(1, \mathrm{limit} / (\mathrm{norm} + 10^{-6}))`, a little below it.
    error_if_nonfinite : bool, default=False
        Raise instead where a norm is not finite, before anything is changed.
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.

    Returns
    -------
    float, list or dict of floats
        As grads.

    Examples
    --------
    >>> import numpy as np
    >>> g = [np.array([3.0, 4.0]), np.array([0.5])]
    >>> clip_norm(g, 1.0)
    [5.0, 0.5]
    >>> g
    [array([0.6, 0.8]), array([0.5])]
    """
    limit = _limit("limit", limit)
    arrays = _Arrays("grads", grads, n_threads)
    norms = np.sqrt(arrays.squares())
    factors = _factors(norms, limit, like)
    _finite(norms, arrays.labels, error_if_nonfinite)
    arrays.scale(factors)
    if isinstance(grads, np.ndarray):
        return float(norms[0])
    return dict(zip(arrays.keys, norms.tolist())) if hasattr(grads, "keys") else norms.tolist()


def clip_global_norm(grads, limit, *, like="torch", error_if_nonfinite=False, n_threads=None):
    r"""Scale all arrays by one factor, in place, so that their common norm is at most `limit`; the norm before.

    Parameters
    ----------
    grads : array, list or dict of arrays
    limit : float
        > 0.
    like : {"torch", "keras", "optax"}, default="torch"
        "torch" (torch.nn.utils.clip_grad_norm_): the factor is
        :math:`\min(1, \mathrm{limit} / (\mathrm{norm} + 10^{-6}))`. Keras' global_clipnorm and
        optax.clip_by_global_norm: :math:`\mathrm{limit} / \mathrm{norm}` where the norm is above.
    error_if_nonfinite : bool, default=False
        Raise instead where the norm is not finite, before anything is changed.
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> g = [np.array([3.0]), np.array([4.0])]
    >>> clip_global_norm(g, 10.0)
    5.0
    """
    limit = _limit("limit", limit)
    arrays = _Arrays("grads", grads, n_threads)
    squares = arrays.squares()
    norm = total_norm(squares.tolist())
    factors = _factors(np.full(len(squares), norm), limit, like)
    _finite(np.sqrt(squares), arrays.labels, error_if_nonfinite)
    arrays.scale(factors)
    return norm


def clip_adaptive(grads, params, clipping=0.01, eps=1e-3, *, like="optax", n_threads=None):
    r"""Adaptive gradient clipping, in place: a unit's gradient has at most `clipping` times the norm of its weights.

    A unit u with weights w and gradient g, :math:`\|g\| > c \max(\|w\|, \epsilon)`, gets
    :math:`g \leftarrow g \, c \max(\|w\|, \epsilon) / \|g\|`.

    Parameters
    ----------
    grads, params : array, list or dict of arrays
        Of the same structure, shapes and dtypes; params are only read.
    clipping : float, default=0.01
        c, > 0.
    eps : float, default=1e-3
        > 0.
    like : {"torch", "keras", "optax"}, default="optax"
        Units are the entries of the last axis (weights as inputs x outputs: Keras, JAX) or of the first (torch); of an
        array of three axes optax' are the entries of the last two (inputs x heads x outputs). Arrays with at most one
        axis longer than 1 are one unit.
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.

    Notes
    -----
    Brock et al., High-performance large-scale image recognition without normalization (2021);
    optax.adaptive_grad_clip.

    Examples
    --------
    >>> import numpy as np
    >>> w, g = np.array([[3.0, 0.0], [4.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> clip_adaptive(g, w, clipping=0.1)
    >>> g
    array([[0.e+00, 1.e-04],
           [5.e-01, 0.e+00]])
    """
    clipping, eps = _limit("clipping", clipping), _limit("eps", eps)
    _checks.like(like, ("torch", "keras", "optax"))
    mine, weights = _Arrays("grads", grads, n_threads), _Arrays("params", params, n_threads, update=False)
    if set(mine.keys) != set(weights.keys) or isinstance(grads, np.ndarray) != isinstance(params, np.ndarray):
        raise ValueError(
            f"params has {len(weights.keys)} arrays, grads {len(mine.keys)}; they must have the same names"
        )
    by_key = dict(zip(weights.keys, weights.arrays))
    pairs = []
    for key, label, g in zip(mine.keys, mine.labels, mine.arrays):
        w = by_key[key]
        if w.shape != g.shape or w.dtype != g.dtype:
            raise ValueError(
                f"params{label} has shape {w.shape} and dtype {w.dtype}, grads{label} {g.shape} and {g.dtype}"
            )
        pairs.append((g, w))
    for g, w in pairs:
        if not g.size:
            continue
        kernel = _kernels.table.updates[g.dtype]
        rows, columns, by_rows = cut(g.shape, like)
        if by_rows:
            sums, spread = kernel.row_squares, (slice(None), None)
        else:
            sums, spread = kernel.column_squares, (None, slice(None))
        g, w = g.reshape(rows, columns), w.reshape(rows, columns)
        norms, most = np.sqrt(sums(g, mine.n_threads)), np.sqrt(sums(w, mine.n_threads))
        factors = _factors(norms, clipping * np.maximum(most, eps), "optax")
        g *= factors[spread].astype(g.dtype)
