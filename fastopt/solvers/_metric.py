"""The metric of L-BFGS: Cholesky factors of the Hessian's diagonal blocks, on a sample of rows."""

import numpy as np

from ._result import Cholesky

MAX_COLUMNS = 2000


def metric(objective, point):
    """A function that applies the inverse of the blocks to flat vectors; None where it does not pay.

    The sample has 50 rows a column, at least 4096. Columns that vary little in the sample (rare
    indicators) get at least half the curvature that their scale says, so that they are not
    stepped along as if the loss were flat.
    """
    k, width = objective.k, objective.width
    if width > MAX_COLUMNS or width > 2 * objective.n or not objective.has_hessian:
        return None
    blocks, mean_curvature = objective.blocks(point, max(4096, 50 * width))
    factors = []
    for block, curvature in zip(blocks, mean_curvature):
        diagonal = block.reshape(-1)[:: width + 1]
        np.maximum(diagonal, 0.5 * curvature, out=diagonal)
        factors.append(Cholesky(block, objective.n_threads))

    def solve(vector):
        rows = np.stack([factor.solve(row) for factor, row in zip(factors, vector.reshape(k, width))])
        if objective.loss.is_shift_invariant:
            # Gradients sum to zero over the classes; so shall steps.
            rows -= rows.mean(axis=0)
        return rows.reshape(-1)

    return solve
