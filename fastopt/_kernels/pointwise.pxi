# Loops over pointwise losses for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# `lines` is generic: the formula and the outputs are constants at each call, so that force-inlining makes
# one vectorised loop for each. `block` is what a roster line instantiates: five such loops, and one of the
# conjugate. All else is shared by all losses (`run`): chunks, sums, weights, products, the last elements. The
# driver runs blocks in parallel through a pointer.

include "job.pxi"
from cython.parallel cimport prange

cdef extern from *:
    """
    /* A pointer of which the compiler knows nothing: it would copy `run` for every loss. */
    #if defined(__GNUC__)
    static inline void *fo_opaque(void *p) { __asm__("" : "+r"(p)); return p; }
    #else
    static inline void *fo_opaque(void *p) { return p; }
    #endif
    """
    void* opaque "fo_opaque"(void* p) nogil

cdef extern from "fo_losses.h" nogil:
    ctypedef struct point "FO(point)":
        real value
        real gradient
        real hessian
    ctypedef int64_t flag "FO(flag)"
    # Arrays that nothing else in a call overlaps.
    ctypedef const real* input "FO(input)"
    ctypedef real* output_ptr "FO(output)"
    enum:
        FINITE "FO_DOMAIN_FINITE"
        UNIT "FO_DOMAIN_UNIT"
        SIGN "FO_DOMAIN_SIGN"
        NONNEGATIVE "FO_DOMAIN_NONNEGATIVE"
        POSITIVE "FO_DOMAIN_POSITIVE"
        ABOVE "FO_DOMAIN_ABOVE"
        BINARY "FO_DOMAIN_BINARY"
        RUNTIME "FO_DOMAIN_RUNTIME"
        RAW_UNIT "FO_DOMAIN_RAW_UNIT"
    flag bad_target "FO(bad_target)"(int domain, real y, const real* par)
    flag bad_raw "FO(bad_raw)"(int domain, real z)
    flag bad_weight "FO(bad_weight)"(real w)
    int64_t status_word "FO(status)"(flag target, flag weight, flag raw)

ctypedef point (*formula)(real, real, const real*) noexcept nogil

cdef enum:
    CHUNK = 512      # elements between two reductions: the arrays of a weighted call stay in L1 in double, too
    BLOCK = 8192     # elements of a task: borders depend on n alone
    LANES = 16       # independent partial sums
    LINE = 64        # bytes: loops over formulas run over whole ones
    PARAMETERS = 4   # length of job.par
    FO_LOOP = 4096   # in `what`, from `run` to the block function that called it: one loop over whole lines

include "pointwise_roster.pxi"


cdef inline int64_t lines(formula f, int domain, bint value, bint gradient, bint hessian, const real* par, real scale,
                          Py_ssize_t n, input y, input z, output_ptr v, output_ptr g, output_ptr h) noexcept nogil:
    """Elements 0..n-1, whole lines: no loop needs an end of its own."""
    cdef Py_ssize_t i, whole = n & -(LINE // <Py_ssize_t> sizeof(real))
    cdef flag bad_y = 0, bad_z = 0
    cdef point o
    for i in range(whole):
        o = f(y[i], z[i], par)
        bad_y |= bad_target(domain, y[i], par)
        bad_z |= bad_raw(domain, z[i])
        if value:
            v[i] = o.value
        if gradient:
            g[i] = scale * o.gradient
        if hessian:
            h[i] = scale * o.hessian
    return status_word(bad_y, 0, bad_z)


cdef inline int64_t loop(formula f, int domain, bint value, bint gradient, bint hessian, const job_t* job,
                         Py_ssize_t n) noexcept nogil:
    cdef real[PARAMETERS] par
    cdef int k
    for k in range(PARAMETERS):
        par[k] = <real> job.par[k]
    return lines(f, domain, value, gradient, hessian, par, <real> job.scale, n, job.target, job.raw, job.value,
                 job.gradient, job.hessian)


cdef inline int64_t block(block_t self, formula f, formula conjugate, int domain, const job_t* job, Py_ssize_t lo,
                          Py_ssize_t hi, double* total) noexcept nogil:
    """What a roster line instantiates; self is the function that the line defines."""
    cdef int what = job.what
    if not what & FO_LOOP:
        return run(<block_t> opaque(<void*> self), job, lo, hi, total)
    what ^= FO_LOOP
    if what == FO_VALUE | FO_GRADIENT:
        return loop(f, domain, True, True, False, job, hi)
    if what == FO_VALUE:
        return loop(f, domain, True, False, False, job, hi)
    if what == FO_GRADIENT:
        return loop(f, domain, False, True, False, job, hi)
    if what == FO_GRADIENT | FO_HESSIAN:
        return loop(f, domain, False, True, True, job, hi)
    if what == FO_VALUE | FO_GRADIENT | FO_HESSIAN:
        return loop(f, domain, True, True, True, job, hi)
    # theta is where the raw predictions are; it has no domain of its own: outside, the conjugate is +inf.
    return loop(conjugate, domain & 15, True, False, False, job, hi)


cdef int64_t last_line(block_t f, const job_t* c, Py_ssize_t m) noexcept nogil:
    """The loop that c.what asks for over what is behind the last whole line of m elements: the last line is
    computed twice, or, where there is none, in buffers that repeat the last element."""
    cdef real[LANES] y, z, v, g, h
    cdef job_t e
    cdef Py_ssize_t i, line = LINE // <Py_ssize_t> sizeof(real)
    cdef int64_t status
    e.par, e.scale, e.what = c.par, c.scale, c.what
    if m > line:
        i = m - line
        e.target, e.raw, e.value, e.gradient, e.hessian = c.target + i, c.raw + i, c.value + i, c.gradient + i, c.hessian + i
        return f(&e, 0, line, NULL)
    for i in range(line):
        y[i] = c.target[i if i < m else m - 1]
        z[i] = c.raw[i if i < m else m - 1]
    e.target, e.raw, e.value, e.gradient, e.hessian = y, z, v, g, h
    status = f(&e, 0, line, NULL)
    for i in range(m):
        if c.what & (FO_VALUE | FO_CONJUGATE):
            c.value[i] = v[i]
        if c.what & FO_GRADIENT:
            c.gradient[i] = g[i]
        if c.what & FO_HESSIAN:
            c.hessian[i] = h[i]
    return status


cdef inline void add(Py_ssize_t m, const real* a, double* s) noexcept nogil:
    """m numbers to the LANES partial sums s."""
    cdef double[LANES] t
    cdef Py_ssize_t i, whole = m & -LANES
    cdef int k
    for k in range(LANES):
        t[k] = s[k]
    for i in range(whole // LANES):
        for k in range(LANES):
            t[k] += a[i * LANES + k]
    for i in range(whole, m):
        t[i - whole] += a[i]
    for k in range(LANES):
        s[k] = t[k]


cdef inline flag weigh(bint value, bint gradient, bint hessian, Py_ssize_t m, input w, output_ptr v, output_ptr g,
                       output_ptr h) noexcept nogil:
    """Weights times what the formula made, 0 where the weight is 0; whether one is bad."""
    cdef Py_ssize_t i
    cdef flag bad = 0
    for i in range(m):
        bad |= bad_weight(w[i])
        if value:
            v[i] = 0 if w[i] == 0 else v[i] * w[i]
        if gradient:
            g[i] = 0 if w[i] == 0 else g[i] * w[i]
        if hessian:
            h[i] = 0 if w[i] == 0 else h[i] * w[i]
    return bad


cdef flag weigh_chunk(const job_t* c, const real* w, Py_ssize_t m) noexcept nogil:
    cdef int what = c.what & (FO_GRADIENT | FO_HESSIAN)
    if c.what & (FO_VALUE | FO_CONJUGATE):
        if what == FO_GRADIENT:
            return weigh(True, True, False, m, w, c.value, c.gradient, c.hessian)
        if what:
            return weigh(True, True, True, m, w, c.value, c.gradient, c.hessian)
        return weigh(True, False, False, m, w, c.value, c.gradient, c.hessian)
    if what == FO_GRADIENT:
        return weigh(False, True, False, m, w, c.value, c.gradient, c.hessian)
    return weigh(False, True, True, m, w, c.value, c.gradient, c.hessian)


cdef int64_t unmasked(block_t f, const job_t* c, const real* w, Py_ssize_t m) noexcept nogil:
    """The status of a chunk without its elements of weight 0, whose targets and raw predictions may be anything."""
    cdef real[CHUNK] y, z, v, g, h
    cdef job_t e
    cdef Py_ssize_t i, kept = 0, line = LINE // <Py_ssize_t> sizeof(real), whole
    for i in range(m):
        if w[i] != 0:
            y[kept] = c.target[i]
            z[kept] = c.raw[i]
            kept += 1
    if kept == 0:
        return 0
    whole = (kept + line - 1) & -line
    for i in range(kept, whole):
        y[i] = y[kept - 1]
        z[i] = z[kept - 1]
    e.par, e.scale, e.what = c.par, c.scale, c.what
    e.target, e.raw, e.value, e.gradient, e.hessian = y, z, v, g, h
    return f(&e, 0, whole, NULL)


cdef int64_t run(block_t f, const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """Rows lo..hi-1: outputs to the job's arrays, the sum of the weighted losses to total.

    Requests without a loop of their own (the Hessian alone, products) take one that gives more.
    """
    cdef real[CHUNK] values, gradients, hessians
    cdef double[LANES] s
    cdef job_t c
    cdef const real* d
    cdef real* p
    cdef Py_ssize_t start, i, j, m, whole, line = LINE // <Py_ssize_t> sizeof(real)
    cdef int k, what = job.what, own = what
    cdef bint value = what & (FO_VALUE | FO_CONJUGATE) != 0, gradient = what & FO_GRADIENT != 0
    cdef bint product = what & FO_PRODUCT != 0
    cdef int64_t status = 0, found
    if product or what == FO_HESSIAN:
        own = what & ~FO_PRODUCT | FO_GRADIENT | FO_HESSIAN
    if not (own in (FO_VALUE, FO_GRADIENT, FO_VALUE | FO_GRADIENT, FO_GRADIENT | FO_HESSIAN,
                    FO_VALUE | FO_GRADIENT | FO_HESSIAN) or what == FO_CONJUGATE):
        return FO_BAD_REQUEST
    c.par, c.scale, c.what = job.par, job.scale, own | FO_LOOP
    for k in range(LANES):
        s[k] = 0.0
    for j in range((hi - lo + CHUNK - 1) // CHUNK):
        start = lo + j * CHUNK
        m = hi - start if hi - start < CHUNK else CHUNK
        c.target = job.target + start
        c.raw = job.raw + start
        c.value = job.value + start if value and job.value != NULL else values
        c.gradient = job.gradient + start if gradient else gradients
        c.hessian = job.hessian + start if what & FO_HESSIAN else hessians
        whole = m & -line
        found = 0
        if whole:
            found = f(&c, 0, whole, NULL)
        if whole < m:
            found |= last_line(f, &c, m)
        if found and job.weight != NULL:
            found = unmasked(f, &c, job.weight + start, m)
        status |= found
        if job.weight != NULL:
            status |= status_word(0, weigh_chunk(&c, job.weight + start, m), 0)
        if product:
            d = job.direction + start
            p = job.product + start
            for i in range(m):
                p[i] = c.hessian[i] * d[i]
        if value:
            add(m, c.value, s)
    if value:
        total[0] = 0.0
        for k in range(LANES):
            total[0] += s[k]
    return status


cdef int64_t weight_sum(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """The sum of the weights."""
    cdef double[LANES] s
    cdef const real* w
    cdef Py_ssize_t i, j, m
    cdef int k
    cdef flag bad = 0
    for k in range(LANES):
        s[k] = 0.0
    for j in range((hi - lo + CHUNK - 1) // CHUNK):
        w = job.weight + lo + j * CHUNK
        m = hi - lo - j * CHUNK if hi - lo - j * CHUNK < CHUNK else CHUNK
        for i in range(m):
            bad |= bad_weight(w[i])
        add(m, w, s)
    total[0] = 0.0
    for k in range(LANES):
        total[0] += s[k]
    return status_word(0, bad, 0)


include "pointwise_combination.pxi"
include "pointwise_front.pxi"
