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
    """Factor of a symmetric positive definite matrix.

    A matrix that is not positive definite gets a multiple of its diagonal added, from 1e-14 up,
    until it is; `shift` says how much. `pivot` is the smallest pivot relative to the diagonal
    entry it came from: small where columns are nearly dependent.
    """

    def __init__(self, matrix, n_threads=1):
        kernels = _kernels.table.linear[_F64]
        self._solve = kernels.cholesky_solve
        self.shift = 0.0
        while True:
            self.lower = lower = matrix.copy()
            if self.shift:
                diagonal = matrix.diagonal()
                floor = max(float(diagonal.max()), np.finfo(float).tiny)
                lower.reshape(-1)[:: len(lower) + 1] += self.shift * np.maximum(diagonal, 1e-6 * floor)
            if kernels.cholesky(lower, n_threads) == 0:
                # An output of weight 0 has no curvature but the shift's, and does not count.
                self.pivot = kernels.smallest_pivot(lower, matrix)
                if self.pivot > 1e-15:
                    return
            # Not positive definite to rounding (or not finite).
            if not self.shift <= 1e3 or not np.isfinite(matrix).all():
                raise ArithmeticError("the Hessian is not finite or far from positive semidefinite")
            self.shift = 100 * self.shift or 1e-14

    def solve(self, vector):
        """Solution for a flat vector, or for each of its parts where it is longer than the matrix."""
        solution = vector.copy()
        self._solve(self.lower, solution.reshape(-1, len(self.lower)))
        return solution

