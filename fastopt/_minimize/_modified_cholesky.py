"""Solution with a symmetric matrix that is made positive definite where it is not."""

import numpy as np


def solve_modified(matrix, right):
    """x with (A + E) x = right, E = 0 where A is safely positive definite; nan where A is not finite.

    Otherwise P A P' = L D L' (Bunch and Kaufman) and the eigenvalues of the blocks of D, of order one and two, are
    replaced by their absolute values, at least 1e-10 of the largest: Newton's model is turned over where it is concave.

    Cheng and Higham, A modified Cholesky algorithm based on a symmetric indefinite factorization, SIAM J. Matrix Anal.
    Appl. 19 (1998).
    """
    from scipy.linalg import LinAlgError, cho_solve, cholesky, ldl, solve_triangular

    if not np.isfinite(matrix).all():
        return np.full(right.shape, np.nan)
    try:
        return cho_solve((cholesky(matrix, lower=True, check_finite=False), True), right, check_finite=False)
    except LinAlgError:
        pass
    lower, blocks, order = ldl(matrix, lower=True, check_finite=False)
    lower = lower[order]
    y = solve_triangular(lower, right[order], lower=True, unit_diagonal=True, check_finite=False)
    y = _solve_blocks(np.diag(blocks).copy(), np.append(np.diag(blocks, -1), 0.0), y)
    x = np.empty_like(y)
    x[order] = solve_triangular(lower, y, lower=True, trans=1, unit_diagonal=True, check_finite=False)
    return x


def _solve_blocks(diagonal, below, y):
    """|D|^{-1} y; `below[i]` couples i and i + 1."""
    first = np.flatnonzero(below)
    second = first + 1
    a, b, c = diagonal[first], below[first], diagonal[second]
    middle, root = 0.5 * (a + c), np.hypot(0.5 * (a - c), b)
    angle = 0.5 * np.arctan2(2 * b, a - c)
    cosine, sine = np.cos(angle), np.sin(angle)
    values = diagonal.copy()
    values[first], values[second] = middle + root, middle - root
    values = np.abs(values)
    values = np.maximum(values, 1e-10 * values.max(initial=0.0))
    values[values == 0] = 1.0
    rotated = y.copy()
    rotated[first] = cosine * y[first] + sine * y[second]
    rotated[second] = cosine * y[second] - sine * y[first]
    rotated /= values
    out = rotated.copy()
    out[first] = cosine * rotated[first] - sine * rotated[second]
    out[second] = sine * rotated[first] + cosine * rotated[second]
    return out
