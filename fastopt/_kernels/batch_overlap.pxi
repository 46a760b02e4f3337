# Tversky's loss and its cases: one loss of a batch, or one of each row. Tasks are pieces of rows.

cdef extern from "fo_overlap.h" nogil:
    ctypedef struct chance "FO(chance)":
        real p
        real q
        real slope
        real bend
    ctypedef struct overlap_row "fo_overlap_row":
        double loss
        double g1
        double g2
        double aa
        double ay
        double yy
    chance of_logit "FO(chance_of_logit)"(real z)
    chance of_probability "FO(chance_of_probability)"(real z)
    real overlap_a "FO(overlap_a)"(real y, real w, real alpha, real beta)
    real overlap_slope "FO(overlap_slope)"(chance o, real a, real wy, real first, real second)
    real overlap_bend "FO(overlap_bend)"(chance o, real a, real wy, real g1, real g2, real aa, real ay, real yy)
    overlap_row overlap "fo_overlap"(double tp, double fp, double fn, double alpha, double beta, double smooth)
    void overlap_product "fo_overlap_product"(const overlap_row* o, double av, double yv, double* first,
                                              double* second)

cdef enum:
    PIECE = 8192    # elements of a task
    CHUNK = 512
    PARTS = 16      # independent sums of a chunk
    OVERLAP_SUMS = 0
    OVERLAP_PRODUCTS = 1

ctypedef chance (*chance_t)(real) noexcept nogil

cdef struct overlap_t:
    const real* y
    const real* z
    const real* w       # of the elements, or NULL
    const real* v
    real* gradient
    real* hessian
    double alpha
    double beta
    bint logits


cdef void overlap_add(const real* x, Py_ssize_t n, double* total) noexcept nogil:
    cdef double[PARTS] s
    cdef Py_ssize_t i, whole = n - n % PARTS
    cdef int k
    for k in range(PARTS):
        s[k] = 0.0
    for i in range(whole // PARTS):
        for k in range(PARTS):
            s[k] += x[i * PARTS + k]
    for i in range(whole, n):
        s[i - whole] += x[i]
    for k in range(PARTS):
        total[0] += s[k]


cdef inline int overlap_sums(chance_t f, int what, const overlap_t* t, Py_ssize_t lo, Py_ssize_t hi,
                             double* total) noexcept nogil:
    """Add tp, fp and fn, or the sums of a v and w y v, of the elements lo..hi-1; returns the FO_BAD_* of fo_job.h."""
    cdef real[3][CHUNK] part
    cdef real[CHUNK] one
    cdef real alpha = <real> t.alpha, beta = <real> t.beta
    cdef const real* y
    cdef const real* z
    cdef const real* v
    cdef const real* w = one
    cdef Py_ssize_t i, m
    cdef int bad = 0, worse = 0
    cdef chance o
    for i in range(CHUNK):
        one[i] = 1
    while lo < hi:
        m = min(<Py_ssize_t> CHUNK, hi - lo)
        y, z = t.y + lo, t.z + lo
        if t.w is not NULL:
            w = t.w + lo
        if what == OVERLAP_SUMS:
            for i in range(m):
                o = f(z[i])
                part[0][i] = w[i] * o.p * y[i]
                part[1][i] = w[i] * o.p * (<real> 1.0 - y[i])
                part[2][i] = w[i] * o.q * y[i]
            for i in range(m):
                bad |= not (0 <= y[i] <= 1)
                worse |= (z[i] < 0) | (z[i] > 1)
            overlap_add(part[2], m, total + 2)
        else:
            v = t.v + lo
            for i in range(m):
                o = f(z[i])
                part[0][i] = o.slope * v[i] * overlap_a(y[i], w[i], alpha, beta)
                part[1][i] = o.slope * v[i] * (w[i] * y[i])
        overlap_add(part[0], m, total)
        overlap_add(part[1], m, total + 1)
        lo += m
    return (1 if bad else 0) | (4 if worse and not t.logits else 0)


cdef inline void overlap_outputs(chance_t f, const overlap_t* t, const overlap_row* row, double scale, double first,
                                 double second, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    """gradient and hessian, or with a direction the product, which replaces the gradient."""
    cdef real alpha = <real> t.alpha, beta = <real> t.beta
    cdef real g1 = <real> (scale * row.g1), g2 = <real> (scale * row.g2), p1 = <real> (scale * first)
    cdef real p2 = <real> (scale * second), aa = <real> (scale * row.aa), ay = <real> (scale * row.ay)
    cdef real yy = <real> (scale * row.yy), a, wy
    cdef real[CHUNK] one
    cdef const real* w = one
    cdef const real* y
    cdef const real* z
    cdef const real* v
    cdef real* g
    cdef real* h
    cdef Py_ssize_t i, m
    cdef chance o
    for i in range(CHUNK):
        one[i] = 1
    while lo < hi:
        m = min(<Py_ssize_t> CHUNK, hi - lo)
        y, z = t.y + lo, t.z + lo
        if t.w is not NULL:
            w = t.w + lo
        g = t.gradient + lo
        if t.v is not NULL:
            v = t.v + lo
            for i in range(m):
                o = f(z[i])
                a, wy = overlap_a(y[i], w[i], alpha, beta), w[i] * y[i]
                g[i] = overlap_slope(o, a, wy, p1, p2) + o.bend * v[i] * (a * g1 + wy * g2)
        else:
            for i in range(m):
                o = f(z[i])
                g[i] = overlap_slope(o, overlap_a(y[i], w[i], alpha, beta), w[i] * y[i], g1, g2)
            if t.hessian is not NULL:
                h = t.hessian + lo
                for i in range(m):
                    o = f(z[i])
                    h[i] = overlap_bend(o, overlap_a(y[i], w[i], alpha, beta), w[i] * y[i], g1, g2, aa, ay, yy)
        lo += m


cdef int sums_of(int what, const overlap_t* t, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    if t.logits:
        if what == OVERLAP_SUMS:
            return overlap_sums(of_logit, OVERLAP_SUMS, t, lo, hi, total)
        return overlap_sums(of_logit, OVERLAP_PRODUCTS, t, lo, hi, total)
    if what == OVERLAP_SUMS:
        return overlap_sums(of_probability, OVERLAP_SUMS, t, lo, hi, total)
    return overlap_sums(of_probability, OVERLAP_PRODUCTS, t, lo, hi, total)


cdef void outputs_of(const overlap_t* t, const overlap_row* row, double scale, double first, double second,
                     Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    if t.logits:
        overlap_outputs(of_logit, t, row, scale, first, second, lo, hi)
    else:
        overlap_outputs(of_probability, t, row, scale, first, second, lo, hi)


def tversky(const real[::1] y, const real[::1] z, Py_ssize_t rows, Py_ssize_t m, const real[::1] weight,
            const double[::1] row_scale, const real[::1] direction, bint logits, double alpha, double beta,
            double smooth, int n_threads, double[::1] value, real[::1] gradient, real[::1] hessian):
    """`rows` losses of m elements each in `value`; derivatives, times row_scale, where there are arrays for them.

    With a direction, `gradient` receives the Hessian's product. Returns a status word, and no outputs unless it is 0.
    """
    cdef overlap_t t
    cdef Py_ssize_t pieces = (m + PIECE - 1) // PIECE, tasks = rows * pieces, b, i, j, lo
    cdef int64_t status = 0
    if rows * m == 0:
        value[:] = 0.0
        return 0
    cdef double[::1] sums = np.zeros(3 * tasks), products = np.zeros(2 * rows)
    cdef int[::1] bad = np.zeros(tasks, dtype=np.intc)
    cdef double[3] total
    cdef unsigned char[::1] room = np.empty(rows * sizeof(overlap_row), dtype=np.uint8)
    cdef overlap_row* row = <overlap_row*> <void*> &room[0]
    t.y, t.z, t.alpha, t.beta, t.logits = &y[0], &z[0], alpha, beta, logits
    t.w = &weight[0] if weight is not None else NULL
    t.v = &direction[0] if direction is not None else NULL
    t.gradient = &gradient[0] if gradient is not None else NULL
    t.hessian = &hessian[0] if hessian is not None else NULL
    for b in prange(tasks, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
        bad[b] = sums_of(OVERLAP_SUMS, &t, (b // pieces) * m + (b % pieces) * PIECE,
                         (b // pieces) * m + min(m, (b % pieces + 1) * PIECE), &sums[3 * b])
    PyErr_CheckSignals()
    for i in range(rows):
        total[0] = total[1] = total[2] = 0.0
        for b in range(i * pieces, (i + 1) * pieces):
            status |= bad[b]
            for j in range(3):
                total[j] += sums[3 * b + j]
        row[i] = overlap(total[0], total[1], total[2], alpha, beta, smooth)
        value[i] = row[i].loss
    if status or t.gradient is NULL:
        return status
    if t.v is not NULL:
        sums[:] = 0.0
        for b in prange(tasks, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
            sums_of(OVERLAP_PRODUCTS, &t, (b // pieces) * m + (b % pieces) * PIECE,
                    (b // pieces) * m + min(m, (b % pieces + 1) * PIECE), &sums[3 * b])
        for i in range(rows):
            total[0] = total[1] = 0.0
            for b in range(i * pieces, (i + 1) * pieces):
                total[0] += sums[3 * b]
                total[1] += sums[3 * b + 1]
            overlap_product(row + i, total[0], total[1], &products[2 * i], &products[2 * i + 1])
    for b in prange(tasks, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
        i = b // pieces
        lo = i * m + (b % pieces) * PIECE
        outputs_of(&t, row + i, row_scale[i], products[2 * i], products[2 * i + 1], lo,
                   i * m + min(m, (b % pieces + 1) * PIECE))
    PyErr_CheckSignals()
    return 0
