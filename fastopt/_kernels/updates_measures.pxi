# Measures of a step (fo_measures.h): the slots' new values, and sums of terms over the elements.
# Terms of a chunk go through buffers in the first cache; sums are float64, in PARTS independent parts.

cdef extern from "fo_measures.h" nogil:
    enum:
        FO_TERMS

cdef enum:
    CHUNK = 512          # elements; a multiple of PARTS


cdef inline void measure_loop(measure_formula f, int slots, int terms, scalars_t s, out_t w, in_t g, out_t a, out_t b,
                              out_t c, out_t d, out_t p, out_t q, out_t r, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef element e
    cdef measured m
    for i in range(n):
        e.w = w[i]
        if slots > 0:
            e.a = a[i]
        if slots > 1:
            e.b = b[i]
        if slots > 2:
            e.c = c[i]
        if slots > 3:
            e.d = d[i]
        m = f(e, s.sign * g[i] + s.l2 * e.w, &s)
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
