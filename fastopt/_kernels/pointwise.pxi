# Loops over pointwise losses for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# `loop` is generic: the formula, the outputs and whether there are weights are constants at each
# call, so that force-inlining makes one vectorised loop for each. `block` is what a roster line
# instantiates; the driver runs blocks in parallel through a pointer.

include "job.pxi"
from cython.parallel cimport prange

cdef extern from "fo_losses.h" nogil:
    ctypedef struct point "FO(point)":
        real value
        real gradient
        real hessian
    ctypedef int64_t flag "FO(flag)"
    enum:
        FINITE "FO_DOMAIN_FINITE"
        UNIT "FO_DOMAIN_UNIT"
        SIGN "FO_DOMAIN_SIGN"
        NONNEGATIVE "FO_DOMAIN_NONNEGATIVE"
        RAW_UNIT "FO_DOMAIN_RAW_UNIT"
    flag bad_target "FO(bad_target)"(int domain, real y)
    flag bad_raw "FO(bad_raw)"(int domain, real z)
    flag bad_weight "FO(bad_weight)"(real w)
    int64_t status_word "FO(status)"(flag target, flag weight, flag raw)

ctypedef point (*formula)(real, real, const real*) noexcept nogil

cdef enum:
    CHUNK = 1024     # elements between two reductions; the chunk's values stay in L1
    BLOCK = 8192     # elements of a task: borders depend on n alone
    LANES = 16       # independent partial sums
    PARAMETERS = 4   # length of job.par

include "pointwise_roster.pxi"


cdef inline int64_t loop(formula f, int domain, bint value, bint gradient, bint hessian, bint product, bint weighted,
                         const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """Rows lo..hi-1: outputs to the job's arrays, the sum of the weighted losses to total."""
    cdef real[CHUNK] buffer
    cdef real[PARAMETERS] par
    cdef double[LANES] s
    cdef const real* y
    cdef const real* z
    cdef const real* w
    cdef const real* d
    cdef real* v
    cdef real* g
    cdef real* h
    cdef real* p
    cdef real scale = <real> job.scale, factor
    cdef Py_ssize_t start, i, j, m, whole
    cdef int k
    cdef flag bad_y = 0, bad_w = 0, bad_z = 0
    cdef point o
    for k in range(PARAMETERS):
        par[k] = <real> job.par[k]
    for k in range(LANES):
        s[k] = 0.0
    for j in range((hi - lo + CHUNK - 1) // CHUNK):
        start = lo + j * CHUNK
        m = hi - start if hi - start < CHUNK else CHUNK
        y = job.target + start
        z = job.raw + start
        w = job.weight + start if weighted else NULL
        d = job.direction + start if product else NULL
        v = job.value + start if value and job.value != NULL else buffer
        g = job.gradient + start if gradient else NULL
        h = job.hessian + start if hessian else NULL
        p = job.product + start if product else NULL
        for i in range(m):
            o = f(y[i], z[i], par)
            bad_y |= bad_target(domain, y[i])
            bad_z |= bad_raw(domain, z[i])
            factor = scale
            if weighted:
                bad_w |= bad_weight(w[i])
                factor = scale * w[i]
            if value:
                v[i] = w[i] * o.value if weighted else o.value
            if gradient:
                g[i] = factor * o.gradient
            if hessian:
                h[i] = factor * o.hessian
            if product:
                p[i] = factor * o.hessian * d[i]
        if value:
            whole = m - m % LANES
            for i in range(whole // LANES):
                for k in range(LANES):
                    s[k] += v[i * LANES + k]
            for i in range(whole, m):
                s[i - whole] += v[i]
    if value:
        total[0] = 0.0
        for k in range(LANES):
            total[0] += s[k]
    return status_word(bad_y, bad_w, bad_z)


cdef inline int64_t select(formula f, int domain, bint value, bint gradient, bint hessian, bint product,
                           const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    if job.weight != NULL:
        return loop(f, domain, value, gradient, hessian, product, True, job, lo, hi, total)
    return loop(f, domain, value, gradient, hessian, product, False, job, lo, hi, total)


cdef inline int64_t block(formula f, formula conjugate, int domain, const job_t* job, Py_ssize_t lo, Py_ssize_t hi,
                          double* total) noexcept nogil:
    """What a roster line instantiates: the combinations of outputs that callers ask for."""
    cdef int what = job.what
    if what == FO_VALUE | FO_GRADIENT:
        return select(f, domain, True, True, False, False, job, lo, hi, total)
    if what == FO_VALUE:
        return select(f, domain, True, False, False, False, job, lo, hi, total)
    if what == FO_GRADIENT:
        return select(f, domain, False, True, False, False, job, lo, hi, total)
    if what == FO_GRADIENT | FO_HESSIAN:
        return select(f, domain, False, True, True, False, job, lo, hi, total)
    if what == FO_VALUE | FO_GRADIENT | FO_HESSIAN:
        return select(f, domain, True, True, True, False, job, lo, hi, total)
    if what == FO_PRODUCT:
        return select(f, domain, False, False, False, True, job, lo, hi, total)
    if what == FO_HESSIAN:
        return select(f, domain, False, False, True, False, job, lo, hi, total)
    if what == FO_VALUE | FO_GRADIENT | FO_PRODUCT:
        return select(f, domain, True, True, False, True, job, lo, hi, total)
    if what == FO_CONJUGATE:
        # theta is where the raw predictions are; it has no domain of its own: outside, the conjugate is +inf.
        return select(conjugate, domain & 15, True, False, False, False, job, lo, hi, total)
    return FO_BAD_REQUEST


cdef int64_t weight_sum(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """The sum of the weights."""
    cdef double[LANES] s
    cdef const real* w = job.weight + lo
    cdef Py_ssize_t i, m = hi - lo, whole = m - m % LANES
    cdef int k
    cdef flag bad = 0
    for k in range(LANES):
        s[k] = 0.0
    for i in range(whole // LANES):
        for k in range(LANES):
            s[k] += w[i * LANES + k]
            bad |= bad_weight(w[i * LANES + k])
    for i in range(whole, m):
        s[i - whole] += w[i]
        bad |= bad_weight(w[i])
    total[0] = 0.0
    for k in range(LANES):
        total[0] += s[k]
    return status_word(0, bad, 0)


include "pointwise_front.pxi"
