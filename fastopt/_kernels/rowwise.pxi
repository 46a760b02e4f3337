# Loops over the row losses of fo_rowwise.h for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# A block walks tiles of T rows: raw predictions and targets are transposed to class-major arrays, the formula runs
# with rows as lanes, and its outputs are weighted and transposed back. A formula is called through a pointer, once a
# tile; it is the only thing that is compiled for each loss. Class indices are not made into rows where the formula
# takes them and nothing is smoothed; class weights are then part of the rows' weights.
#
# job.par = {label smoothing, 1 if one index is ignored else 0, that index, unused, the loss's parameters (4)}.

include "job.pxi"
from cython.parallel cimport prange
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

cdef extern from "fo_row_margins.h" nogil:
    enum:
        T "FO_TILE"
    ctypedef struct tile_t "FO(row_tile)":
        int what
        int64_t k
        const real* z
        const real* v
        const int64_t* y
        const real* u
        real* value
        real* gradient
        real* hessian
        real* scratch
        real* p
        real* b
        real* both
        real[4] par
    int bad_entry "FO(bad_entry)"(real t)
    int bad_probability "FO(bad_probability)"(real q)

cdef extern from "fo_transpose.h" nogil:
    void tile_load "FO(tile_load)"(const real* x, int64_t k, real* t)
    void tile_store "FO(tile_store)"(const real* t, int64_t k, real* x)

ctypedef void (*formula_t)(const tile_t*) noexcept nogil

cdef enum:
    NO_MEMORY = 128
    ARRAYS = 11        # of k by T elements: z, v, u, gradient, hessian, p, b, four of scratch
    SMALL = 16         # the largest k whose arrays are on the stack
    # What a target is: an index or a row of numbers >= 0, an index alone, a row of numbers >= 0, of any numbers, of 0 and
    # 1, of numbers in [0, 1], of numbers or NaN (>= 0 where par[0] of the loss is 0), or one number.
    CLASSES = 0
    INDEX = 1
    DISTRIBUTION = 2
    FINITE = 3
    LABELS = 4
    UNIT = 5
    LIST = 6
    NUMBER = 7
    # What else a loss says of itself.
    FLAT = 8           # second derivatives are not offered
    PROBABILITIES = 16  # raw predictions are in [0, 1]
    DENSE = 32         # indices become rows
    CONJUGATE = 64     # the conjugate is offered

include "rows_common.pxi"


cdef int bad_targets(int domain, const real* t, Py_ssize_t n, bint positive) noexcept nogil:
    """Whether one of n entries is outside the domain."""
    cdef Py_ssize_t i
    cdef int bad = 0
    if domain == FINITE or domain == NUMBER:
        for i in range(n):
            bad |= t[i] - t[i] != 0
    elif domain == LABELS:
        for i in range(n):
            bad |= (t[i] != 0) & (t[i] != 1)
    elif domain == UNIT:
        for i in range(n):
            bad |= not (t[i] >= 0) & (t[i] <= 1)
    elif domain == LIST:
        for i in range(n):
            bad |= (t[i] == t[i]) & ((t[i] - t[i] != 0) | (positive & (t[i] < 0)))
    else:
        for i in range(n):
            bad |= bad_entry(t[i])
    return bad


cdef int64_t weights(const job_t* job, Py_ssize_t first, int m, real* w) noexcept nogil:
    """Weights of a tile's rows; 0 for the rows that are not there."""
    cdef int lane, bad = 0
    for lane in range(T):
        w[lane] = 0 if lane >= m else (job.weight[first + lane] if job.weight != NULL else 1)
        bad |= bad_entry(w[lane])
    return FO_BAD_WEIGHT if bad else 0


cdef void mix_classes(const job_t* job, real* v) noexcept nogil:
    """u_c ((1 - s) t_c + s / k) from t."""
    cdef real keep = <real> (1.0 - job.par[0]), spread = <real> (job.par[0] / job.k), u
    cdef int64_t c
    cdef int lane
    for c in range(job.k):
        u = <real> job.class_weight[c] if job.class_weight != NULL else 1
        for lane in range(T):
            v[c * T + lane] = u * (keep * v[c * T + lane] + spread)


cdef int64_t targets(int kind, const job_t* job, Py_ssize_t first, int m, real* v, int64_t* y, real* w,
                     real* pad) noexcept nogil:
    """Targets of a tile, class-major, or class indices y; ignored rows get the weight 0."""
    cdef int lane, bad = 0, domain = kind & 7
    cdef int64_t k = job.k, i
    cdef bint rows = not (domain == INDEX or (domain == CLASSES and job.par[0] == 0.0 and not kind & DENSE))
    if domain == NUMBER:
        for lane in range(T):
            v[lane] = job.target[first + lane] if lane < m and w[lane] != 0 else 0
        return FO_BAD_TARGET if bad_targets(domain, v, m, False) else 0
    if job.index == NULL:
        bad = bad_targets(domain, job.target + first * k, m * k, job.par[4] == 0.0)
        if bad:  # again, without the rows that count nothing
            bad = 0
            for lane in range(m):
                if w[lane] != 0:
                    bad |= bad_targets(domain, job.target + (first + lane) * k, k, job.par[4] == 0.0)
        padded(job.target, first, m, k, pad, v)
        if domain == CLASSES and (job.par[0] != 0.0 or job.class_weight != NULL):
            mix_classes(job, v)
        return FO_BAD_TARGET if bad else 0
    for lane in range(T):
        y[lane] = 0
    for lane in range(m):
        i = job.index[first + lane]
        if job.par[1] != 0.0 and i == <int64_t> job.par[2]:
            w[lane] = 0
        elif <uint64_t> i >= <uint64_t> k:
            bad |= w[lane] != 0
        else:
            y[lane] = i
    if rows:
        memset(v, 0, k * T * sizeof(real))
        for lane in range(T):
            v[y[lane] * T + lane] = 1
        if job.par[0] != 0.0 or job.class_weight != NULL:
            mix_classes(job, v)
    elif job.class_weight != NULL:
        for lane in range(T):
            w[lane] *= <real> job.class_weight[y[lane]]
    return FO_BAD_TARGET if bad else 0


cdef void padded(const real* x, Py_ssize_t first, int m, int64_t k, real* pad, real* t) noexcept nogil:
    """m rows, class-major, zeros behind them."""
    x += first * k
    if m < T:
        memcpy(pad, x, m * k * sizeof(real))
        memset(pad + m * k, 0, (T - m) * k * sizeof(real))
        x = pad
    tile_load(x, k, t)


cdef void scaled_store(real* t, const real* scale, int64_t k, int m, real* pad, real* x) noexcept nogil:
    """The first m rows of scale times t, by rows; a row of weight 0 is 0 whatever t is."""
    cdef int64_t c
    cdef int lane
    for c in range(k):
        for lane in range(T):
            t[c * T + lane] = 0 if scale[lane] == 0 else scale[lane] * t[c * T + lane]
    by_rows(t, k, x if m == T else pad)
    if m < T:
        memcpy(x, pad, m * k * sizeof(real))


cdef void by_rows(const real* t, int64_t k, real* x) noexcept nogil:
    """tile_store, compiled once."""
    tile_store(t, k, x)


cdef void full_store(const tile_t* r, const real* scale, int m, real* x) noexcept nogil:
    """scale times the Hessians of the first m rows, from the diagonal and the part of rank two (fo_rowwise.h)."""
    cdef int64_t k = r.k, i, j
    cdef int lane
    cdef real a, b, s
    cdef real* h = r.scratch
    cdef real* p = r.scratch + k * T
    cdef real* q = r.scratch + 2 * k * T
    by_rows(r.hessian, k, h)
    by_rows(r.p, k, p)
    by_rows(r.b, k, q)
    for lane in range(m):
        s = scale[lane]
        if s == 0:
            memset(x, 0, k * k * sizeof(real))
        else:
            for i in range(k):
                a = s * (r.both[lane] * p[i] - q[i])
                b = s * p[i]
                for j in range(k):
                    x[i * k + j] = a * p[j] - b * q[j]
                x[i * k + i] = s * h[i]
        x += k * k
        h += k
        p += k
        q += k


cdef int64_t walk(formula_t f, int kind, const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total,
                  real* work) noexcept nogil:
    cdef tile_t r
    cdef real[T] w, value, scale, both
    cdef int64_t[T] y
    cdef double[T] s
    cdef int lane, m
    cdef int64_t k = job.k, bad = 0, size = k * T
    cdef Py_ssize_t j, first, i
    cdef real* z = work
    cdef real* v = work + size
    cdef real* u = work + 2 * size
    cdef real* pad = work + 7 * size  # where the formula has its scratch
    r.k, r.z, r.u, r.y, r.value, r.both = k, z, u, y, value, both
    r.v = v
    if job.index != NULL and (kind & 7 == INDEX or (kind & (7 | DENSE) == CLASSES and job.par[0] == 0.0)):
        r.v = NULL
    r.gradient, r.hessian, r.p, r.b, r.scratch = work + 3 * size, work + 4 * size, work + 5 * size, work + 6 * size, pad
    for i in range(4):
        r.par[i] = <real> job.par[4 + i]
    r.what = job.what
    for lane in range(T):
        s[lane] = 0.0
        value[lane] = 0
    for j in range((hi - lo + T - 1) // T):
        first = lo + j * T
        m = <int> min(<Py_ssize_t> T, hi - first)
        bad |= weights(job, first, m, w)
        bad |= targets(kind, job, first, m, v, y, w, pad)
        padded(job.raw, first, m, k, pad, z)
        if kind & PROBABILITIES:
            for i in range(size):
                if bad_probability(z[i]):
                    bad |= FO_BAD_RAW
        if job.what & FO_PRODUCT:
            padded(job.direction, first, m, k, pad, u)
        f(&r)
        for lane in range(T):
            value[lane] = 0 if w[lane] == 0 else w[lane] * value[lane]
            scale[lane] = <real> (w[lane] * job.scale)
        keep_values(job, first, m, value, s)
        if job.what & FO_GRADIENT:
            scaled_store(r.gradient, scale, k, m, pad, job.gradient + first * k)
        if job.what & FO_HESSIAN:
            scaled_store(r.hessian, scale, k, m, pad, job.hessian + first * k)
        if job.what & FO_PRODUCT:
            scaled_store(r.hessian, scale, k, m, pad, job.product + first * k)
        if job.what & FO_FULL_HESSIAN:
            full_store(&r, scale, m, job.hessian + first * k * k)
    add_up(s, total)
    return bad


cdef int64_t by_tiles(formula_t f, int kind, const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """The block of a loss: rows lo..hi-1."""
    cdef real[ARRAYS * SMALL * T + T] small
    cdef char* base
    cdef int64_t bad
    cdef size_t size = (ARRAYS * job.k + 1) * T * sizeof(real)
    total[0] = 0.0
    if (job.what & FO_PREDICT or (job.what & FO_CONJUGATE and not kind & CONJUGATE)
            or (kind & FLAT and job.what & (FO_HESSIAN | FO_FULL_HESSIAN | FO_PRODUCT))):
        return FO_BAD_REQUEST
    if job.k <= SMALL:
        return walk(f, kind, job, lo, hi, total, <real*> ((<size_t> small + 63) // 64 * 64))
    base = <char*> malloc(size)
    if base == NULL:
        return NO_MEMORY
    bad = walk(f, kind, job, lo, hi, total, <real*> ((<size_t> base + 63) // 64 * 64))
    free(base)
    return bad


include "rowwise_roster.pxi"
include "rowwise_combination.pxi"
include "rows_front.pxi"
