# Cholesky factorisation and triangular solves in double, for the matrices inside iterations.

def cholesky(double[:, ::1] a, int n_threads):
    """Lower triangular factor of the symmetric matrix whose lower triangle is in a, in place.

    The strict upper triangle is neither read nor written. Returns 0, or the 1-based row of the
    first pivot that is not positive.
    """
    cdef Py_ssize_t p = a.shape[0], i, j, t
    cdef double v
    if a.shape[1] != p:
        raise ValueError(f"a must be square, got shape ({a.shape[0]}, {a.shape[1]})")
    with nogil:
        for j in range(p):
            for i in range(j, p):
                v = a[i, j]
                for t in range(j):
                    v = v - a[i, t] * a[j, t]
                if i == j:
                    if not v > 0.0:
                        with gil:
                            return j + 1
                    a[j, j] = v ** 0.5
                else:
                    a[i, j] = v / a[j, j]
    return 0


def cholesky_solve(const double[:, ::1] l, double[:, ::1] b):
    """Solve (L L') x = b for each row b of b, in place."""
    cdef Py_ssize_t p = l.shape[0], i, j, c
    cdef double v
    if l.shape[1] != p or b.shape[1] != p:
        raise ValueError(f"l must be (p, p) and b (m, p), got {(l.shape[0], l.shape[1])} and {(b.shape[0], b.shape[1])}")
    with nogil:
        for c in range(b.shape[0]):
            for i in range(p):
                v = b[c, i]
                for j in range(i):
                    v = v - l[i, j] * b[c, j]
                b[c, i] = v / l[i, i]
            for i in range(p - 1, -1, -1):
                v = b[c, i] / l[i, i]
                b[c, i] = v
                for j in range(i):
                    b[c, j] = b[c, j] - l[i, j] * v
