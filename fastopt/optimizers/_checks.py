"""Checks of options and of the arrays that an optimizer updates."""

import math
import numbers
from itertools import pairwise

import numpy as np

from .._config import threads

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


class Default(float):
    """A default that depends on the convention: prints as PyTorch's, replaced where it was not given."""

    __slots__ = ()

    def __reduce__(self):
        return float, (float(self),)

    @property
    def plain(self):
        return float(self)


class DefaultPair(tuple):
    """As Default, of a pair."""

    __slots__ = ()

    def __reduce__(self):
        return tuple, (tuple(self),)

    @property
    def plain(self):
        return tuple(self)


def number(name, value, low, below=math.inf):
    """A finite real number, low <= value < below."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")
    if not (low <= value < below):
        allowed = f"in [{low}, {below})" if below < math.inf else f"finite and >= {low}"
        raise ValueError(f"{name} must be {allowed}, got {value!r}")


def only(like, options, **neutral):
    """Options that one convention has: with the others they keep these values."""
    for name, value in neutral.items():
        if options["like"] != like and options[name] != value:
            raise ValueError(f"{name} is a parameter of like={like!r} only, got {options[name]!r}")


def rate(value):
    """A learning rate: a number or a function of the step."""
    if not callable(value):
        if isinstance(value, str):
            raise TypeError(f"lr must be a number or a function of the step, got {value!r}")
        number("lr", value, 0)


def flag(name, value):
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def pair(name, value, n=2):
    """Two (or n) numbers in [0, 1)."""
    if not isinstance(value, (tuple, list)) or len(value) != n:
        raise TypeError(f"{name} must be a {'pair' if n == 2 else f'tuple of {n}'} of numbers, got {value!r}")
    for i in range(n):
        number(f"{name}[{i}]", value[i], 0, 1)


def count(name, value):
    """An integer >= 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < 0:
        raise ValueError(f"{name} must be >= 0, got {value}")


def seed(value):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"seed must be an integer, got {value!r}")
    if not 0 <= value < 2**64:
        raise ValueError(f"seed must be in [0, 2^64), got {value}")


def positive(name, value, why):
    if not value > 0:
        raise ValueError(f"{name} must be > 0, got {value!r}: {why}")


def decays(options):
    """(sign of the gradient, weight of w in it, decoupled weight decay).

    Keras decouples always; torch and optax (as chain(add_decayed_weights, ...)) do so where
    decoupled_weight_decay says it, and where an optimizer without that option calls this with it set.
    """
    decay = options["weight_decay"]
    decoupled = decay if options["like"] == "keras" or options.get("decoupled_weight_decay", False) else 0.0
    return (-1.0 if options["maximize"] else 1.0), decay - decoupled, decoupled


def common(options):
    """What every optimizer has."""
    rate(options["lr"])
    for name in ("weight_decay", "eps"):
        if name in options:
            number(name, options[name], 0)
    flag("maximize", options["maximize"])
    n = options["n_threads"]
    if n is not None:
        if isinstance(n, bool) or not isinstance(n, numbers.Integral):
            raise TypeError(f"n_threads must be None or an integer, got {n!r}")
        if n != -1 and n < 1:
            raise ValueError(f"n_threads must be None, -1 or >= 1, got {n}")


def threads_for(n_threads, arrays, time=0.2):
    """The threads of a pass over arrays that takes `time` ns an element of float32."""
    return threads(n_threads, sum(a.nbytes for a in arrays) / 4 * time * 1e-6)


def like(value, allowed):
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"like must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def array(label, value, name="params", update=True):
    """An array that a kernel can update in place, or, without `update`, read."""
    name = f"{name}{label}"
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array of float32 or float64, got {type(value).__name__}")
    if value.dtype not in DTYPES:
        raise TypeError(f"{name} must have dtype float32 or float64, got {value.dtype}")
    if not value.flags.c_contiguous:
        raise ValueError(
            f"{name} is not C-contiguous (shape {value.shape}, strides {value.strides}); "
            + (
                "it is updated in place, so pass np.ascontiguousarray of it and keep that array"
                if update
                else "pass a copy"
            )
        )
    if not value.flags.aligned:
        raise ValueError(f"{name} is not aligned to its elements of {value.itemsize} bytes; pass a copy of it")
    if update and not value.flags.writeable:
        raise ValueError(f"{name} is read-only; it is updated in place")


def spans(arrays, labels, name="params"):
    """Sorted addresses (start, end) of the arrays; an error where two of them share memory."""
    order = sorted((a.ctypes.data, a.ctypes.data + a.nbytes, i) for i, a in enumerate(arrays) if a.size)
    for (_, end, i), (start, _, k) in pairwise(order):
        if start < end:
            i, k = sorted((i, k))
            same = "are the same array" if arrays[i] is arrays[k] else "share memory"
            raise ValueError(f"{name}{labels[i]} and {name}{labels[k]} {same}; each would be updated twice")
    seen = {}
    for i, a in enumerate(arrays):  # empty arrays have no memory to share
        if seen.setdefault(id(a), i) != i:
            raise ValueError(f"{name}{labels[seen[id(a)]]} and {name}{labels[i]} are the same array")
    return [(start, end) for start, end, _ in order]
