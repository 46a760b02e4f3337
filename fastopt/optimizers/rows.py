"""Gradients of which only some rows are not zero."""

import numpy as np


class RowGradient:
    r"""The gradient of an array W of two or more axes of which only some rows :math:`W_i` are not zero.

    `step` takes it in the place of an array: `SGD` without momentum, `Adagrad` and `Adam` (`AdamW`) without amsgrad,
    and `Muon` for what it gives to AdamW, arrays of three or more axes (like="optax" with nesterov=False), all without
    weight decay. Only the rows that it names are touched, with their slots: work and memory are those of these rows.
    For SGD and Adagrad the step is that of the gradient with zeros. Adam's is torch.optim.SparseAdam's (with
    ``like="keras", eps=1e-8``, whose meaning of eps SparseAdam has): moments of other rows do not decay and other rows
    do not move, while a gradient of zeros, which is what Keras makes of one, would move them.

    Parameters
    ----------
    indices : array of integers, (k,)
        Rows, in [0, W.shape[0]); rows of an index that occurs more than once are added up.
    rows : array, (k, \*W.shape[1:])
        Their gradients, in W's dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> w = np.ones((4, 2))
    >>> SGD(w, lr=0.5).step(RowGradient([2, 0, 2], np.ones((3, 2))))
    >>> w[:, 0]
    array([0.5, 1. , 0. , 1. ])
    """

    __slots__ = ("indices", "rows")

    def __init__(self, indices, rows):
        indices = np.asarray(indices)
        if indices.size == 0 and indices.ndim == 1:
            indices = indices.astype(np.int64)
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise TypeError(f"indices must be integers (k,), got {indices.dtype} of shape {indices.shape}")
        if not isinstance(rows, np.ndarray):
            raise TypeError(f"rows must be a NumPy array, got {type(rows).__name__}")
        if rows.shape[:1] != indices.shape:
            raise ValueError(f"rows has shape {rows.shape}, but there are {len(indices)} indices")
        self.indices, self.rows = indices, rows

    def __repr__(self):
        return f"RowGradient({len(self.indices)} rows of shape {self.rows.shape[1:]}, {self.rows.dtype})"

    def fit(self, w, label):
        """(indices, rows) for the kernel: distinct and ascending, rows (k, size), copies. Raises for what does not fit w."""
        if w.ndim < 2:
            raise ValueError(f"grads{label} is a RowGradient, but params{label} has shape {w.shape}: no rows")
        if self.rows.shape[1:] != w.shape[1:]:
            raise ValueError(
                f"grads{label} has rows of shape {self.rows.shape[1:]}, but params{label} has shape {w.shape}"
            )
        if self.rows.dtype.type is not w.dtype.type:
            raise TypeError(
                f"grads{label} has rows of dtype {self.rows.dtype}, but params{label} has dtype {w.dtype}; "
                f"pass rows.astype({w.dtype.name!r})"
            )
        if len(self.indices) and not (0 <= self.indices.min() and self.indices.max() < len(w)):
            raise ValueError(
                f"grads{label} has indices in [{self.indices.min()}, {self.indices.max()}], "
                f"but params{label} has {len(w)} rows"
            )
        width = int(np.prod(w.shape[1:], dtype=np.int64))
        given = np.array(self.rows, dtype=w.dtype, order="C", subok=False).reshape(len(self.indices), width)
        indices, places = np.unique(self.indices.astype(np.int64), return_inverse=True)
        order = np.argsort(places, kind="stable")
        if len(indices) < len(given):
            # sums in the order given, float64
            starts = np.searchsorted(places[order], np.arange(len(indices)))
            return indices, np.add.reduceat(given[order].astype(np.float64), starts, axis=0).astype(w.dtype)
        return indices, given[order]
