"""The proximal step on the arrays that an optimizer updates."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from ._base import PROX, Penalty


def prox_step(params, penalty, step, *, n_threads=None):
    """The proximal step of a penalty on arrays of parameters, in place, after a step of an optimizer.

    Parameters
    ----------
    params : array, list or dict of arrays
        float32 or float64, C-contiguous and writeable.
    penalty : Penalty, or a list or dict of them
        One for all arrays, or one for each in the structure of `params`; None leaves its array as it is (intercepts).
    step : optimizer, float, or array, list or dict of floats and arrays
        The lengths of the optimizer's step. The bound optimizer that has just stepped `params` stands for its
        `step_lengths`, by coefficient where the rule divides by coefficient (Adam): in that metric the step is exact,
        and parameters that stay as they are minimise loss plus penalty. A number, the `lr` of SGD without momentum, is
        the length for all arrays; else one for each in the structure of `params`. Finite and >= 0.
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.

    Raises
    ------
    TypeError, ValueError
        Before anything is changed: structures differ, an array cannot be updated in place, two share memory, a length
        is not finite and >= 0, the optimizer has no lengths or is a wrapper (pass the one in it).

    Notes
    -----
    The fixed points are those of the gradients that reach the rule: where clipping shortens the gradients at the optimum,
    they are others. Under the noise of batches the lengths have to fall, as without a penalty.
    Duchi, Hazan and Singer, Adaptive subgradient methods (2011); Yun, Lozano and Yang, Adaptive proximal gradient
    methods for structured neural networks (2021).

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

    A lasso by Adagrad, to its optimum:

    >>> from fastopt.optimizers import Adagrad
    >>> w = np.zeros(3)
    >>> opt = Adagrad(w, lr=0.5)
    >>> for _ in range(500):
    ...     opt.step(w - np.array([2.0, 0.25, -1.0]))
    ...     prox_step(w, L1(alpha=0.5), opt)
    >>> w
    array([ 1.5,  0. , -0.5])
    """
    if hasattr(step, "step_lengths") and not isinstance(step, type):
        step = step.step_lengths()
    pairs = list(_pairs(params, penalty, step))
    steps = []
    for label, array, one, length in pairs:
        if one is not None and not isinstance(one, Penalty):
            raise TypeError(f"penalty{label} must be a Penalty or None, got {type(one).__name__}")
        if not isinstance(array, np.ndarray):
            raise TypeError(f"params{label} must be a NumPy array of float32 or float64, got {type(array).__name__}")
        if array.dtype not in (np.float64, np.float32):
            raise TypeError(f"params{label} must have dtype float32 or float64, got {array.dtype}")
        if not (array.flags.c_contiguous and array.flags.aligned and array.flags.writeable):
            raise ValueError(f"params{label} must be C-contiguous, aligned and writeable; it is updated in place")
        if one is not None:
            name = f"step{label}" if isinstance(step, (Mapping, list, tuple)) else "step"
            steps.append((array, one, one._check(f"params{label}", array, name, length, n_threads)))
    stepped = sorted(
        ((array.ctypes.data, label, array) for label, array, one, _ in pairs if one is not None and array.size),
        key=lambda entry: entry[0],
    )
    for (_, first, before), (start, second, _) in pairwise(stepped):
        if start < before.ctypes.data + before.nbytes:
            raise ValueError(f"params{first} and params{second} share memory; it would be stepped twice")
    for array, one, length in steps:
        one._run(PROX, "params", array, length, out=array, n_threads=n_threads)


def _pairs(params, penalty, step):
    """(label, array, penalty, length) of each array."""
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
    penalties, lengths = _each("penalty", penalty, items), _each("step", step, items)
    for key, array in items.items():
        yield "" if keys is None else f"[{key!r}]", array, penalties[key], lengths[key]


def _each(name, given, items):
    """One for each of the items, by key."""
    each = dict.fromkeys(items, given)
    if isinstance(given, Mapping):
        each = dict(given)
    elif isinstance(given, (list, tuple)):
        each = dict(enumerate(given))
    if set(each) != set(items):
        raise ValueError(f"{name} has the entries {list(each)}, params {list(items)}; they must be the same")
    return each
