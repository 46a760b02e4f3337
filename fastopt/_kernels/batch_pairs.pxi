# Losses of pairs and triplets of rows, and of the pairs of a ranked list.

cdef extern from "fo_pairs.h" nogil:
    double triplet_row "FO(triplet)"(Py_ssize_t k, const real* a, const real* p, const real* n, double margin,
                                     double power, double eps, bint swap, double scale, real* ga, real* gp, real* gn)
    double contrast_row "FO(contrast)"(Py_ssize_t k, const real* x, const real* y, bint same, double margin,
                                       double scale, real* gx, real* gy)
    double cosine_row "FO(cosine)"(Py_ssize_t k, const real* x, const real* y, bint same, double margin,
                                   double scale, real* gx, real* gy)

cdef extern from "fo_sequence.h" nogil:
    void rank_logistic "fo_rank_logistic"(Py_ssize_t n, double z, const double* low, double* slope, double* value,
                                          double* pull)

cdef enum:
    TRIPLET = 0
    CONTRAST = 1
    COSINE = 2


cdef double pair_row(int kind, Py_ssize_t k, const real* x, const real* y, const real* z, bint same, double margin,
                     double power, double eps, bint swap, double scale, real* gx, real* gy, real* gz) noexcept nogil:
    if kind == TRIPLET:
        return triplet_row(k, x, y, z, margin, power, eps, swap, scale, gx, gy, gz)
    if kind == CONTRAST:
        return contrast_row(k, x, y, same, margin, scale, gx, gy)
    return cosine_row(k, x, y, same, margin, scale, gx, gy)


def pairs(int kind, const real[:, ::1] x, const real[:, ::1] y, const real[:, ::1] z, const unsigned char[::1] same,
          double margin, double power, double eps, bint swap, const double[::1] scale, int n_threads,
          double[::1] value, real[:, ::1] gx, real[:, ::1] gy, real[:, ::1] gz):
    """Losses of the rows in `value`, and their gradients times scale unless gx is None; z is of triplets alone."""
    cdef Py_ssize_t n = x.shape[0], k = x.shape[1], size, b, i
    cdef bint wanted = gx is not None, three = kind == TRIPLET
    if n == 0:
        return
    if k == 0:
        raise ValueError("no columns")
    size = max(<Py_ssize_t> 1, 4096 // k)
    for b in prange((n + size - 1) // size, nogil=True, schedule="static", num_threads=n_threads,
                    use_threads_if=n_threads > 1):
        for i in range(b * size, min(n, (b + 1) * size)):
            value[i] = pair_row(kind, k, &x[i, 0], &y[i, 0], &z[i, 0] if three else NULL,
                                False if three else same[i], margin, power, eps, swap, scale[i],
                                &gx[i, 0] if wanted else NULL, &gy[i, 0] if wanted else NULL,
                                &gz[i, 0] if wanted and three else NULL)
    PyErr_CheckSignals()


cdef void tree_add(int64_t* count, double* total, Py_ssize_t size, Py_ssize_t place, double x) noexcept nogil:
    """A Fenwick tree of numbers by level: one more at this place."""
    place += 1
    while place <= size:
        count[place - 1] += 1
        total[place - 1] += x
        place += place & -place


cdef int64_t tree_sum(const int64_t* count, const double* total, Py_ssize_t place, double* x) noexcept nogil:
    """Their number before this place; their sum in x."""
    cdef int64_t found = 0
    x[0] = 0.0
    while place > 0:
        found += count[place - 1]
        x[0] += total[place - 1]
        place -= place & -place
    return found


cdef double rank_hinge(Py_ssize_t n, const double* z, const int64_t* level, const int64_t* order, double margin,
                       int64_t* count, double* total, double* slope) noexcept nogil:
    """Sum of max(0, margin - (z_i - z_j)) over pairs with level i > level j; order is from the largest z down."""
    cdef Py_ssize_t levels = 0, i, j, next_one = 0
    cdef double value = 0.0, top = z[order[0]], s
    cdef int64_t m
    for i in range(n):
        if z[i] != z[i]:
            for j in range(n):
                slope[j] = NAN
            return NAN
        levels = max(levels, level[i] + 1)
    for j in range(levels):
        count[j] = 0
        total[j] = 0.0
    for i in range(n):
        j = order[i]
        while next_one < n and margin - (z[j] - z[order[next_one]]) > 0.0:
            tree_add(count, total, levels, level[order[next_one]], z[order[next_one]] - top)
            next_one += 1
        m = tree_sum(count, total, level[j], &s)
        if m:
            value += m * (margin - (z[j] - top)) + s
        slope[j] -= m
    for j in range(levels):
        count[j] = 0
        total[j] = 0.0
    # Of those below: how many above are not a margin away. Levels run the other way.
    next_one = n - 1
    for i in range(n - 1, -1, -1):
        j = order[i]
        while next_one >= 0 and margin - (z[order[next_one]] - z[j]) > 0.0:
            tree_add(count, total, levels, levels - 1 - level[order[next_one]], 0.0)
            next_one -= 1
        slope[j] += tree_sum(count, total, levels - 1 - level[j], &s)
    return value


def ranking(bint hinge, const double[::1] z, const int64_t[::1] level, const int64_t[::1] below,
            const int64_t[::1] start, const int64_t[::1] order, double margin, int n_threads, double[::1] value,
            double[::1] slope):
    """Sums over the pairs of each group in `value`, their gradient in `slope`, which is zero before.

    Elements are sorted by group and level; below[i] is the number of elements of i's group at lower levels.
    """
    cdef Py_ssize_t groups = start.shape[0] - 1, g
    cdef int64_t[::1] count = np.empty(z.shape[0] if hinge else 0, dtype=np.int64)
    cdef double[::1] total = np.empty(z.shape[0] if hinge else 0)
    for g in prange(groups, nogil=True, schedule="dynamic", chunksize=1, num_threads=n_threads,
                    use_threads_if=n_threads > 1):
        if hinge:
            value[g] = rank_hinge(start[g + 1] - start[g], &z[start[g]], &level[start[g]], &order[start[g]], margin,
                                  &count[start[g]], &total[start[g]], &slope[start[g]])
        else:
            value[g] = rank_group(start[g], start[g + 1], &z[0], &below[0], &slope[0])
    PyErr_CheckSignals()


cdef double rank_group(Py_ssize_t lo, Py_ssize_t hi, const double* z, const int64_t* below,
                       double* slope) noexcept nogil:
    cdef double value = 0.0, pull
    cdef Py_ssize_t i
    for i in range(lo, hi):
        pull = 0.0
        rank_logistic(below[i], z[i], z + lo, slope + lo, &value, &pull)
        slope[i] -= pull
    return value
