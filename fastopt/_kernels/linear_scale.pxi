# Derivatives in the user's columns turned into those in scaled and centred ones, in place.


def rescale_hessian(double[:, ::1] hessian, const double[::1] centre, const double[::1] scale):
    """T' H T in place, T = [diag(scale) 0; -(centre * scale)' 1] for each block of columns.

    With `centre` blocks have an intercept in their last place; without (None) they have none.
    """
    cdef bint centred = centre is not None
    cdef Py_ssize_t p = scale.shape[0], size = hessian.shape[0], width = p + centred, blocks, a, i, j, q
    cdef double* row
    cdef double* tail
    cdef double c, s
    if hessian.shape[1] != size or size % width or (centred and centre.shape[0] != p):
        raise ValueError(f"hessian of shape ({size}, {hessian.shape[1]}) does not fit {p} columns")
    if size == 0:
        return
    cdef double* h = &hessian[0, 0]
    cdef const double* m = &centre[0] if centred and p else NULL
    cdef const double* f = &scale[0] if p else NULL
    blocks = size // width
    with nogil:
        for q in range(blocks):
            a = q * width
            for j in range(p):
                row = h + (a + j) * size
                s = f[j]
                if m != NULL:
                    tail = h + (a + p) * size
                    c = m[j]
                    for i in range(size):
                        row[i] = (row[i] - c * tail[i]) * s
                else:
                    for i in range(size):
                        row[i] *= s
        for i in range(size):
            for q in range(blocks):
                row = h + i * size + q * width
                c = row[p] if m != NULL else 0.0
                if m != NULL:
                    for j in range(p):
                        row[j] = (row[j] - m[j] * c) * f[j]
                else:
                    for j in range(p):
                        row[j] *= f[j]
