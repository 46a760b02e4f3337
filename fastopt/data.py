"""Handles to the data of a fit: a matrix in the layout that the kernels read."""

import numpy as np

from . import _kernels


class DenseRows:
    """Rows of a dense C-ordered matrix, or a subset of them, never copied where they already fit.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        float32 and float64 are kept; other real types become float64. Strided or unaligned input
        is copied once.
    rows : int array, optional
        The rows used, in this order (folds, samples of rows); all rows where None.
    """

    def __init__(self, X, rows=None):
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X must have two dimensions, got shape {X.shape}")
        if X.dtype not in (np.float32, np.float64):
            if X.dtype.kind not in "biuf":
                raise TypeError(f"X must be an array of real numbers, got dtype {X.dtype}")
            X = X.astype(np.float64)
        self.X = X if X.flags.c_contiguous and X.flags.aligned else np.require(X, requirements=["C", "A"])
        if rows is not None:
            rows = np.asarray(rows)
            if rows.ndim != 1 or rows.dtype.kind not in "iu":
                raise TypeError(f"rows must be a one-dimensional array of integers, got {rows.dtype} of shape {rows.shape}")
            rows = np.ascontiguousarray(rows, dtype=np.int64)
            if rows.size and not 0 <= rows.min() <= rows.max() < len(X):
                raise ValueError(f"rows must be in 0..{len(X) - 1}, got {rows.min()}..{rows.max()}")
        self.rows = rows

    @property
    def dtype(self):
        return self.X.dtype

    @property
    def shape(self):
        return (len(self.X) if self.rows is None else len(self.rows)), self.X.shape[1]

    def bind(self, *, target=None, index=None, weight=None, offset=None, k=1, targets=0):
        """The kernels' handle for passes over these rows, with what a loss needs beside them.

        Targets, weights and offsets are those of all rows of X; a subset selects from them as
        it does from X. `targets` is the length of a row's target where it is not k.
        """
        kernels = _kernels.table.linear[self.dtype]
        return kernels.Points(
            self.X, target=target, index=index, weight=weight, offset=offset, rows=self.rows, k=k, targets=targets
        )
