# Measures of a step (fo_measures.h): the slots' new values, and sums of terms over the elements.
# Terms of a chunk go through buffers in the first cache; sums are float64, in PARTS independent parts.

cdef extern from "fo_measures.h" nogil:
    enum:
        FO_TERMS

cdef enum:
    CHUNK = 512          # elements; a multiple of PARTS
    BAND = 16            # rows of a matrix whose terms are added up together
    SIGN = 0             # places in a row of scalars, as ALPHA
    KEEP = 5
    GAIN = 6
    EPS = 9


cdef inline void measure_loop(measure_formula f, int slots, int terms, scalars_t s, out_t w, in_t g, out_t a, out_t b,
                              out_t c, out_t d, out_t p, out_t q, out_t r, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real h
    cdef element e
    cdef measured m
    for i in range(n):
        if slots > 0:
            e.w = w[i]
            e.a = a[i]
            h = s.sign * g[i] + s.l2 * e.w
        else:  # of the gradient alone: w is not read
            h = s.sign * g[i]
        if slots > 1:
            e.b = b[i]
        if slots > 2:
            e.c = c[i]
        if slots > 3:
            e.d = d[i]
        m = f(e, h, &s)
        if slots > 0:
            a[i] = m.e.a
        if slots > 1:
            b[i] = m.e.b
        if slots > 2:
            c[i] = m.e.c
        if slots > 3:
            d[i] = m.e.d
        p[i] = m.p
        if terms > 1:
            q[i] = m.q
        if terms > 2:
            r[i] = m.r


cdef void add_terms(const real* x, double* parts, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, whole = n - n % PARTS
    cdef int k
    for i in range(whole // PARTS):
        for k in range(PARTS):
            parts[k] += x[i * PARTS + k]
    for i in range(whole, n):
        parts[i - whole] += x[i]


cdef inline void measure(measure_formula f, int slots, int terms, const update_t* u, Py_ssize_t lo, Py_ssize_t hi,
                         double* sums) noexcept nogil:
    cdef scalars_t s = read_scalars(u.scalars)
    cdef real[CHUNK] p
    cdef real[CHUNK] q
    cdef real[CHUNK] r
    cdef double[3 * PARTS] parts
    cdef Py_ssize_t n
    cdef int k
    for k in range(3 * PARTS):
        parts[k] = 0.0
    while lo < hi:
        n = min(<Py_ssize_t> CHUNK, hi - lo)
        measure_loop(f, slots, terms, s, u.w + lo, u.g + lo, u.a + lo if slots > 0 else NULL,
                     u.b + lo if slots > 1 else NULL, u.c + lo if slots > 2 else NULL,
                     u.d + lo if slots > 3 else NULL, p, q, r, n)
        add_terms(p, parts, n)
        if terms > 1:
            add_terms(q, parts + PARTS, n)
        if terms > 2:
            add_terms(r, parts + 2 * PARTS, n)
        lo += n
    for k in range(terms * PARTS):
        sums[k // PARTS] += parts[k]


# Adafactor's second moments of a matrix: row[i] column[j] in the place of the slot of `scaled`.

cdef void factored_terms(scalars_t s, in_t w, in_t g, real row, in_t column, out_t p, out_t q, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef element e
    cdef measured m
    for j in range(n):
        e.w = w[j]
        e.a = row * column[j]
        m = c_measure_scaled(e, s.sign * g[j], &s)
        p[j] = m.p
        q[j] = m.q


cdef void factored_sums(scalars_t s, const real* w, const real* g, const real* row, const real* column, Py_ssize_t m,
                        Py_ssize_t n, double* sums) noexcept nogil:
    cdef real[CHUNK] p
    cdef real[CHUNK] q
    cdef double[2 * PARTS] parts
    cdef Py_ssize_t i, lo, size
    cdef int k
    for k in range(2 * PARTS):
        parts[k] = 0.0
    for i in range(m):
        lo = 0
        while lo < n:
            size = min(<Py_ssize_t> CHUNK, n - lo)
            factored_terms(s, <real*> w + i * n + lo, g + i * n + lo, row[i], column + lo, p, q, size)
            add_terms(p, parts, size)
            add_terms(q, parts + PARTS, size)
            lo += size
    for k in range(2 * PARTS):
        sums[k // PARTS] += parts[k]


cdef void factored_row(scalars_t s, out_t w, in_t g, real row, in_t column, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef element e
    for j in range(n):
        e.w = w[j]
        e.a = row * column[j]
        e = c_scaled(e, s.sign * g[j], &s)
        w[j] = e.w


cdef int factored_check(const real[:, ::1] w, const real[:, ::1] g, const real[::1] row, const real[::1] column,
                        const double[::1] scalars) except -1:
    if not (g.shape[0] == w.shape[0] == row.shape[0] and g.shape[1] == w.shape[1] == column.shape[0]
            and scalars.shape[0] == FO_SCALARS):
        raise ValueError("shapes do not fit each other")
    return 0


cdef inline real averaged(real old, const double* scalars, double mean) noexcept nogil:
    return <real> (scalars[KEEP] * old + scalars[GAIN] * (scalars[SIGN] * scalars[SIGN] * mean + scalars[EPS]))


def factored_measure(const real[:, ::1] w, const real[:, ::1] g, real[::1] rows, real[::1] columns, real[::1] row,
                     const double[::1] scalars, double least, int n_threads):
    """The first half of a matrix's step; m and n are not 0.

    Rows and columns become averages of their means of g^2 + eps (keep1, gain1), `row` is rows / max(mean(rows), least).
    Returns the sums of measure_scaled's terms: of w^2 and of the squared step.
    """
    factored_check(w, g, rows, columns, scalars)
    factored_check(w, g, row, columns, scalars)
    cdef Py_ssize_t i, m = w.shape[0], n = w.shape[1]
    cdef double[::1] sums = np.zeros(n)
    cdef Py_ssize_t bands = (m + BAND - 1) // BAND
    cdef double[:, ::1] parts = np.zeros((bands, 2))
    cdef double a = 0.0, b = 0.0, mean = 0.0
    cdef double[FO_SCALARS] own
    cdef scalars_t s
    for i in range(FO_SCALARS):
        own[i] = scalars[i]
    own[KEEP], own[GAIN] = 1.0, 0.0  # of the products row[i] column[j]
    s = read_scalars(own)
    for i in prange((n + STRIPE - 1) // STRIPE, nogil=True, schedule="static", num_threads=n_threads,
                    use_threads_if=n_threads > 1):
        stripe_squares(&g[0, i * STRIPE], m, n, min(STRIPE, n - i * STRIPE), &sums[i * STRIPE])
    for i in range(n):
        columns[i] = averaged(columns[i], &scalars[0], sums[i] / m)
    for i in prange(m, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
        rows[i] = averaged(rows[i], &scalars[0], squares(&g[i, 0], n) / n)
    for i in range(m):
        mean += rows[i]
    mean /= m
    if mean < least:
        mean = least
    for i in range(m):
        row[i] = <real> (rows[i] / mean)
    for i in prange(bands, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
        factored_sums(s, &w[i * BAND, 0], &g[i * BAND, 0], &row[i * BAND], &columns[0], min(BAND, m - i * BAND), n,
                      &parts[i, 0])
    for i in range(bands):
        a += parts[i, 0]
        b += parts[i, 1]
    return a, b


def factored_step(real[:, ::1] w, const real[:, ::1] g, const real[::1] row, const real[::1] column,
                  const double[::1] scalars, double factor, int n_threads):
    """The rule `scaled` of a matrix, its step alpha times `factor`."""
    factored_check(w, g, row, column, scalars)
    cdef Py_ssize_t i, m = w.shape[0], n = w.shape[1]
    cdef double[FO_SCALARS] own
    cdef scalars_t s
    for i in range(FO_SCALARS):
        own[i] = scalars[i]
    own[ALPHA] *= factor
    s = read_scalars(own)
    for i in prange(m, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
        factored_row(s, &w[i, 0], &g[i, 0], row[i], &column[0], n)


cdef update_t shifted(const update_t* u, Py_ssize_t by, const real* g) noexcept nogil:
    """The arrays of an update from an element on, with a gradient of their own."""
    cdef update_t one = u[0]
    one.w += by
    one.g = g
    if one.a is not NULL:
        one.a += by
    if one.b is not NULL:
        one.b += by
    return one


# Rules of at most two slots that do nothing to an element whose gradient and slots are left out.
ROWWISE = frozenset(("sgd", "adagrad", "adam"))


def measures():
    """Names of the measures."""
    return tuple(MEASURES)
