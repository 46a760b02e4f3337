# Cholesky factorisation and triangular solves in double, for the matrices inside iterations.

cdef enum:
    THREADED = 192  # rows of a trailing matrix from which more than one thread works on it


cdef Py_ssize_t factor(double* a, Py_ssize_t p, double* panels, int n_threads) noexcept nogil:
    """Right-looking over steps of FO_STEP columns; the 1-based row of the first bad pivot, or 0."""
    cdef double[FO_STEP] inverse
    cdef Py_ssize_t j = 0, n, below, info, i, count
    cdef double* diagonal
    cdef double* under
    while j < p:
        n = min(FO_STEP, p - j)
        diagonal = a + j * p + j
        info = chol_diagonal(diagonal, p, n, inverse)
        if info:
            return j + info
        below = p - j - n
        under = diagonal + n * p
        count = (below + chol_rows - 1) // chol_rows
        if n_threads > 1 and below >= THREADED:
            for i in prange(count, schedule="dynamic", chunksize=1, num_threads=n_threads):
                chol_panel(diagonal, p, n, inverse, under + i * chol_rows * p, min(chol_rows, below - i * chol_rows),
                           panels + i * chol_rows * n)
            for i in prange(count, schedule="dynamic", chunksize=1, num_threads=n_threads):
                chol_update(under + n, under, p, i * chol_rows, below, n, panels + i * chol_rows * n)
        else:
            for i in range(count):
                chol_panel(diagonal, p, n, inverse, under + i * chol_rows * p, min(chol_rows, below - i * chol_rows),
                           panels + i * chol_rows * n)
            for i in range(count):
                chol_update(under + n, under, p, i * chol_rows, below, n, panels + i * chol_rows * n)
        j += n
    return 0


def cholesky(double[:, ::1] a, int n_threads):
    """Lower triangular factor of the symmetric matrix whose lower triangle is in a, in place.

    The strict upper triangle is neither read nor written. Returns 0, or the 1-based row of the
    first pivot that is not positive and finite.
    """
    cdef Py_ssize_t p = a.shape[0], info
    cdef void* base = NULL
    cdef double* panels
    if a.shape[1] != p:
        raise ValueError(f"a must be square, got shape ({a.shape[0]}, {a.shape[1]})")
    if p == 0:
        return 0
    panels = <double*> aligned((p + chol_rows) * FO_STEP * 8, &base)
    with nogil:
        info = factor(&a[0, 0], p, panels, n_threads)
    free(base)
    return info


def smallest_pivot(const double[:, ::1] l, const double[:, ::1] a):
    """Smallest l_ii^2 / a_ii of a factor l of a, over the rows whose a_ii is not 0 (1 where there is none)."""
    cdef Py_ssize_t p = l.shape[0], i
    cdef double ratio, least = 1.0
    if l.shape[1] != p or a.shape[0] != p or a.shape[1] != p:
        raise ValueError(f"l and a must be (p, p), got {(l.shape[0], l.shape[1])} and {(a.shape[0], a.shape[1])}")
    for i in range(p):
        if a[i, i] != 0.0:
            ratio = l[i, i] * l[i, i] / a[i, i]
            if ratio < least or ratio != ratio:
                least = ratio
    return least


cdef void solve_lower(const double* l, double* x, Py_ssize_t p) noexcept nogil:
    """L^-1 x, in place."""
    cdef Py_ssize_t i
    for i in range(p):
        x[i] = (x[i] - dot64(l + i * p, x, i)) / l[i * p + i]


cdef void solve_upper(const double* l, double* x, Py_ssize_t p) noexcept nogil:
    """L'^-1 x, in place."""
    cdef Py_ssize_t i, j
    cdef double v
    for i in range(p - 1, -1, -1):
        v = x[i] / l[i * p + i]
        x[i] = v
        for j in range(i):
            x[j] = x[j] - l[i * p + j] * v


def cholesky_solve(const double[:, ::1] l, double[:, ::1] b):
    """Solve (L L') x = b for each row b of b, in place."""
    cdef Py_ssize_t p = l.shape[0], c
    if l.shape[1] != p or b.shape[1] != p:
        raise ValueError(f"l must be (p, p) and b (m, p), got {(l.shape[0], l.shape[1])} and {(b.shape[0], b.shape[1])}")
    with nogil:
        for c in range(b.shape[0] if p else 0):
            solve_lower(&l[0, 0], &b[c, 0], p)
            solve_upper(&l[0, 0], &b[c, 0], p)
