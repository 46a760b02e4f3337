"""The proximal step on the arrays that an optimizer updates."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from ._base import Penalty


def prox_step(params, penalty, step, *, n_threads=None):
    """The proximal step of a penalty on arrays of parameters, in place, after a step of an optimizer.

    Parameters
    ----------
    params : array, list or dict of arrays
        float32 or float64, C-contiguous and writeable.
    penalty : Penalty, or a list or dict of them
        One for all arrays, or one for each in the structure of `params`; None leaves its array as it is (intercepts).
    step : float
        The length of the optimizer's step: its `lr` at that step, for SGD without momentum. For rules that scale each
        coefficient by itself (Adam) the result is a step on the penalty in another metric than theirs.
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.

    Raises
    ------
    TypeError, ValueError
        Before anything is changed: structures differ, an array cannot be updated in place, two share memory, the step
        is not a finite number > 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> from fastopt.penalties import L1, prox_step
    >>> w = {"coef": np.array([1.0, 1.0]), "intercept": np.array(0.5)}
    >>> opt = SGD(w, lr=0.5)
    >>> opt.step({"coef": np.array([0.5, 1.75]), "intercept": np.array(0.0)})
    >>> prox_step(w, {"coef": L1(alpha=0.5), "intercept": None}, 0.5)
    >>> w
    {'coef': array([0.5, 0. ]), 'intercept': array(0.5)}
    """
    pairs = list(_pairs(params, penalty))
    for label, array, one in pairs:
        if one is not None and not isinstance(one, Penalty):
            raise TypeError(f"penalty{label} must be a Penalty or None, got {type(one).__name__}")
        if not isinstance(array, np.ndarray):
            raise TypeError(f"params{label} must be a NumPy array of float32 or float64, got {type(array).__name__}")
        if array.dtype not in (np.float64, np.float32):
            raise TypeError(f"params{label} must have dtype float32 or float64, got {array.dtype}")
        if not (array.flags.c_contiguous and array.flags.aligned and array.flags.writeable):
            raise ValueError(f"params{label} must be C-contiguous, aligned and writeable; it is updated in place")
        if one is not None:
            one._check(f"params{label}", array, step, n_threads)
    stepped = sorted(
        ((array.ctypes.data, label, array) for label, array, one in pairs if one is not None and array.size),
        key=lambda entry: entry[0],
    )
    for (_, first, before), (start, second, _) in pairwise(stepped):
        if start < before.ctypes.data + before.nbytes:
            raise ValueError(f"params{first} and params{second} share memory; it would be stepped twice")
    for _, array, one in pairs:
        if one is not None:
            one.prox(array, step, out=array, n_threads=n_threads)


def _pairs(params, penalty):
    """(label, array, penalty) of each array."""
    if isinstance(params, np.ndarray):
        items, keys = {None: params}, None
    elif isinstance(params, Mapping):
        items, keys = params, list(params)
    elif isinstance(params, (list, tuple)):
        items, keys = dict(enumerate(params)), list(range(len(params)))
    else:
        raise TypeError(
            f"params must be an array, a list of arrays or a dict from name to array, got {type(params).__name__}"
        )
    each = {key: penalty for key in items}
    if isinstance(penalty, Mapping):
        each = dict(penalty)
    elif isinstance(penalty, (list, tuple)):
        each = dict(enumerate(penalty))
    if set(each) != set(items):
        raise ValueError(f"penalty has the entries {list(each)}, params {list(items)}; they must be the same")
    for key, array in items.items():
        yield "" if keys is None else f"[{key!r}]", array, each[key]
