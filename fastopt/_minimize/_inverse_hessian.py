"""The inverse Hessian that quasi-Newton methods model, for their results."""

import threading

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .. import _kernels


class InverseHessian(LinearOperator):
    """H of L-BFGS by its pairs, (n, n): ``H @ v`` takes O(memory n); it can be pickled and used by several threads."""

    def __init__(self, pairs, n):
        super().__init__(dtype=np.float64, shape=(n, n))
        self._pairs, self._lock = pairs, threading.Lock()

    def _matvec(self, v):
        g = np.ascontiguousarray(v, dtype=np.float64).reshape(-1)
        with self._lock:
            return -self._pairs.direction(g)

    def _adjoint(self):
        return self

    def todense(self):
        """As an array."""
        return self @ np.eye(self.shape[0])

    def __reduce__(self):
        with self._lock:
            return _restored, (self.shape[0], *self._pairs.arrays())


def inverse_hessian(name, model, n):
    """What the result of a method has: an array, or an operator; the identity where there was no update."""
    if name == "bfgs":
        return np.eye(n) if model is None else model
    return InverseHessian(_pairs(1) if model is None else model, n)


def _pairs(memory):
    return _kernels.table.linear[np.dtype(np.float64)].Pairs(memory)


def _restored(n, steps, differences):
    pairs = _pairs(max(1, len(steps)))
    zero = np.zeros(n)
    for s, y in zip(steps, differences):
        pairs.add(zero, zero, s, y)
    return InverseHessian(pairs, n)
