"""What a solver returns, and the linear algebra that solvers share."""

from dataclasses import dataclass, field

import numpy as np

from .. import _kernels

_F64 = np.dtype(np.float64)


@dataclass
class Result:
    """The last accepted point of a solver and why it stopped there.

    reason is "gap", "decrement", "max_iter", "max_time", "callback", "interrupted" or "no progress".
    """

    point: object
    n_iter: int
    reason: str
    notes: list = field(default_factory=list)


class Cholesky:
    """Factor of a symmetric positive definite matrix; the argument is overwritten.

    A matrix that is not positive definite gets a multiple of its diagonal added, from 1e-14 up,
    until it is; `shift` says how much. `pivot` is the smallest pivot relative to the diagonal
    entry it came from: small where columns are nearly dependent.
    """

    def __init__(self, matrix, n_threads=1):
        self.n_threads = n_threads
        kernels = _kernels.table.linear[_F64]
        diagonal = matrix.diagonal().copy()
        floor = max(float(diagonal.max(initial=0.0)), np.finfo(float).tiny)
        self.shift = 0.0
        lower = matrix.copy()
        while True:
            np.fill_diagonal(lower, diagonal + self.shift * np.maximum(diagonal, floor * 1e-6))
            if kernels.cholesky(lower, n_threads) == 0 and _well(lower, diagonal):
                break
            if self.shift > 1e3:
                raise ArithmeticError("the Hessian is not finite or far from positive semidefinite")
            self.shift = 1e-14 if self.shift == 0.0 else 100 * self.shift
            lower[...] = matrix
        pivots = lower.diagonal()
        with np.errstate(divide="ignore", invalid="ignore"):
            self.pivot = float(np.min(pivots * pivots / diagonal, initial=1.0, where=diagonal > 0))
        self.lower = lower
        self._solve = kernels.cholesky_solve

    def solve(self, vector):
        """Solution for a flat vector, or for each of its parts where it is longer than the matrix."""
        solution = np.array(vector, dtype=np.float64).reshape(-1, len(self.lower))
        self._solve(self.lower, solution)
        return solution.reshape(-1)


def _well(lower, diagonal):
    """Whether every pivot is finite and above rounding of the entry it came from."""
    pivots = lower.diagonal()
    return bool(np.all(np.isfinite(pivots)) and np.all(pivots * pivots > 1e-15 * np.abs(diagonal)))
