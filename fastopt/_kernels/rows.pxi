# Loops over row losses for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# A block walks its rows in tiles (k small) or one by one; the formulas of both are in fo_softmax.h.
# Mode, and for the smallest k the row length, are constants at each call.
#
# job.par = {label smoothing, 1 if one index is ignored else 0, that index, unused}.

include "job.pxi"
from cython.parallel cimport prange
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

cdef extern from "fo_rows.h" nogil:
    enum:
        T "FO_TILE"
        V_INDEX "FO_V_INDEX"
        V_ROWS "FO_V_ROWS"
        V_INDEX_MIXED "FO_V_INDEX_MIXED"
        V_ROWS_MIXED "FO_V_ROWS_MIXED"
    ctypedef struct rows_t "FO(rows)":
        const real* raw
        const real* target
        const real* direction
        const int64_t* index
        const real* weight
        real* value
        real* gradient
        real* hessian
        real* product
        const double* class_weight
        real scale
        real keep
        real spread
    int bad_entry "FO(bad_entry)"(real t)
    int bad_index "FO(bad_index)"(const int64_t* index, int64_t n, int64_t k)
    int bad_probability "FO(bad_probability)"(real q)

cdef extern from "fo_softmax.h" nogil:
    enum:
        TILE_CLASSES "FO_TILE_CLASSES"
    void softmax_tile "FO(softmax_tile)"(int mode, int64_t k, int what, const rows_t* rows)
    void softmax_row "FO(softmax_row)"(int mode, int64_t k, int what, const rows_t* rows)
    real softmax_conjugate "FO(softmax_conjugate)"(int mode, int64_t k, const rows_t* rows)

cdef extern from "fo_probabilities.h" nogil:
    void probability_row "FO(probability_row)"(int mode, int64_t k, int what, const rows_t* rows)
    void probability_index "FO(probability_index)"(int64_t k, int m, int what, const rows_t* rows)

cdef extern from *:
    """
    enum { FO_SCRATCH = FO_TILE * 256 / sizeof(fo_real), FO_SCRATCHES = 6 * FO_SCRATCH };
    """
    enum:
        SCRATCH "FO_SCRATCH"
        SCRATCHES "FO_SCRATCHES"


cdef inline int mode_of(const job_t* job) noexcept nogil:
    """How the target row is found; FO_V_* of fo_rows.h."""
    cdef bint mixed = job.par[0] != 0.0
    if job.what & FO_PREDICT:
        return V_INDEX
    if job.class_weight != NULL and (job.index == NULL or job.what & FO_CONJUGATE):
        mixed = True
    if job.index != NULL:
        return V_INDEX_MIXED if mixed else V_INDEX
    return V_ROWS_MIXED if mixed else V_ROWS


cdef inline void prepare(const job_t* job, rows_t* rows) noexcept nogil:
    rows.raw = rows.target = rows.direction = NULL
    rows.index = NULL
    rows.gradient = rows.hessian = rows.product = NULL
    rows.class_weight = job.class_weight
    rows.scale = <real> job.scale
    rows.keep = <real> (1.0 - job.par[0])
    rows.spread = <real> (job.par[0] / job.k)


cdef inline bint skipped(const job_t* job, Py_ssize_t i) noexcept nogil:
    """Whether a row counts nothing: its weight is 0 or its class ignored."""
    if job.weight != NULL and job.weight[i] == 0:
        return True
    return job.index != NULL and job.par[1] != 0.0 and job.index[i] == <int64_t> job.par[2]


cdef int64_t targets(int mode, const job_t* job, Py_ssize_t first, int m, int64_t* y, real* w,
                     bint* skip) noexcept nogil:
    """Class indices and weights of the rows first..first+m-1, padded to T; skip tells of rows that count nothing."""
    cdef int64_t bad = 0, k = job.k
    cdef int lane
    cdef Py_ssize_t i
    cdef const int64_t* index
    cdef const real* weight
    cdef const real* t
    skip[0] = False
    for lane in range(m, T):
        w[lane] = 0
        y[lane] = 0
    if job.what & FO_PREDICT:
        for lane in range(m):
            w[lane] = 1
            y[lane] = 0
        return 0
    if job.weight != NULL:
        weight = job.weight + first
        for lane in range(m):
            w[lane] = weight[lane]
            bad |= bad_entry(w[lane])
            skip[0] |= w[lane] == 0
        bad = FO_BAD_WEIGHT if bad else 0
    else:
        for lane in range(m):
            w[lane] = 1
    if mode == V_ROWS or mode == V_ROWS_MIXED:
        t = job.target + first * k
        lane = 0
        for i in range(m * k):
            lane |= bad_entry(t[i])
        if lane and skip[0]:  # again, without the rows that count nothing
            lane = 0
            for i in range(m * k):
                if not skipped(job, first + i // k):
                    lane |= bad_entry(t[i])
        return bad | (FO_BAD_TARGET if lane else 0)
    index = job.index + first
    if job.par[1] != 0.0:
        for lane in range(m):
            skip[0] |= skipped(job, first + lane)
    if skip[0]:
        for lane in range(m):
            y[lane] = 0 if skipped(job, first + lane) else index[lane]
    else:
        for lane in range(m):
            y[lane] = index[lane]
    i = 0
    for lane in range(m):
        i |= <uint64_t> y[lane] >= <uint64_t> k
    if i:
        bad |= FO_BAD_TARGET
        for lane in range(m):
            y[lane] = 0
    if mode == V_INDEX and job.class_weight != NULL:
        for lane in range(m):
            w[lane] *= <real> job.class_weight[y[lane]]
    if skip[0]:
        for lane in range(m):
            if skipped(job, first + lane):
                w[lane] = 0
    return bad


include "rows_common.pxi"


cdef void clear(const job_t* job, Py_ssize_t first, int m, real* value) noexcept nogil:
    """Zeros for the rows that count nothing, whatever their raw predictions are."""
    cdef int lane
    cdef int64_t k = job.k, width
    for lane in range(m):
        if skipped(job, first + lane):
            value[lane] = 0
            if job.what & FO_GRADIENT:
                memset(job.gradient + (first + lane) * k, 0, k * sizeof(real))
            if job.what & (FO_HESSIAN | FO_FULL_HESSIAN):
                width = k * k if job.what & FO_FULL_HESSIAN else k
                memset(job.hessian + (first + lane) * width, 0, width * sizeof(real))
            if job.what & FO_PRODUCT:
                memset(job.product + (first + lane) * k, 0, k * sizeof(real))


cdef void enter(int mode, const job_t* job, Py_ssize_t first, int m, rows_t* rows, real* pad) noexcept nogil:
    """Point the m < T last rows of a block to copies, padded with zeros."""
    cdef int64_t k = job.k
    cdef size_t size = m * k * sizeof(real), left = (T - m) * k * sizeof(real)
    cdef real* target = pad + SCRATCH
    cdef real* direction = pad + 2 * SCRATCH
    memcpy(pad, job.raw + first * k, size)
    memset(pad + m * k, 0, left)
    if mode == V_ROWS or mode == V_ROWS_MIXED:
        memcpy(target, job.target + first * k, size)
        memset(target + m * k, 0, left)
    if job.what & FO_PRODUCT:
        memcpy(direction, job.direction + first * k, size)
        memset(direction + m * k, 0, left)
    rows.raw, rows.target, rows.direction = pad, target, direction
    rows.gradient, rows.hessian, rows.product = pad + 3 * SCRATCH, pad + 4 * SCRATCH, pad + 5 * SCRATCH


cdef void leave(const job_t* job, Py_ssize_t first, int m, const rows_t* rows) noexcept nogil:
    """Copy out what enter redirected."""
    cdef int64_t k = job.k
    cdef size_t size = m * k * sizeof(real)
    cdef int lane
    for lane in range(m, T):
        rows.value[lane] = 0
    if job.what & FO_GRADIENT:
        memcpy(job.gradient + first * k, rows.gradient, size)
    if job.what & FO_HESSIAN:
        memcpy(job.hessian + first * k, rows.hessian, size)
    if job.what & (FO_PRODUCT | FO_PREDICT):
        memcpy(job.product + first * k, rows.product, size)


cdef inline int64_t tiles(int mode, int64_t k, int what, const job_t* job, Py_ssize_t lo, Py_ssize_t hi,
                          double* total) noexcept nogil:
    """Rows lo..hi-1 by tiles."""
    cdef real[SCRATCHES] pad
    cdef real[T] w, value
    cdef int64_t[T] y
    cdef double[T] s
    cdef rows_t rows
    cdef int64_t bad = 0
    cdef int lane, m
    cdef bint skip = False
    # Indices in their place and weights of one: nothing to prepare for a tile.
    cdef bint plain = (mode == V_INDEX and not what & FO_PREDICT and job.weight == NULL and job.class_weight == NULL
                       and job.par[1] == 0.0 and not bad_index(job.index + lo, hi - lo, k))
    cdef Py_ssize_t j, first
    prepare(job, &rows)
    rows.index = y
    rows.weight = w
    rows.value = value
    for lane in range(T):
        s[lane] = 0.0
        value[lane] = 0
        w[lane] = 1
    for j in range((hi - lo + T - 1) // T):
        first = lo + j * T
        m = T
        rows.raw = job.raw + first * k
        rows.target = job.target + first * k
        rows.direction = job.direction + first * k
        rows.gradient = job.gradient + first * k
        rows.hessian = job.hessian + first * k
        rows.product = job.product + first * k
        if hi - first < T:
            m = <int> (hi - first)
            enter(mode, job, first, m, &rows, pad)
            rows.index = y
            bad |= targets(mode, job, first, m, y, w, &skip)
        elif plain:
            rows.index = job.index + first
        else:
            bad |= targets(mode, job, first, T, y, w, &skip)
        softmax_tile(mode, k, what, &rows)
        if m < T:
            leave(job, first, m, &rows)
        if skip:
            clear(job, first, m, value)
        keep_values(job, first, m, value, s)
    add_up(s, total)
    return bad


cdef inline int64_t single(bint probabilities, int mode, const job_t* job, Py_ssize_t lo, Py_ssize_t hi,
                           double* total) noexcept nogil:
    """Rows lo..hi-1 one by one."""
    cdef real[T] w, value
    cdef int64_t[T] y
    cdef double[T] s
    cdef rows_t rows
    cdef int64_t k = job.k, bad = 0, width = k
    cdef int lane, m
    cdef bint skip = False
    cdef Py_ssize_t j, first, i
    if job.what & FO_FULL_HESSIAN:
        width = k * k
    prepare(job, &rows)
    for lane in range(T):
        s[lane] = 0.0
        value[lane] = 0
    for j in range((hi - lo + T - 1) // T):
        first = lo + j * T
        m = <int> min(<Py_ssize_t> T, hi - first)
        bad |= targets(mode, job, first, m, y, w, &skip)
        for lane in range(T):
            value[lane] = 0
        for lane in range(m):
            i = first + lane
            rows.raw = job.raw + i * k
            rows.target = job.target + i * k if mode == V_ROWS or mode == V_ROWS_MIXED else NULL
            rows.direction = job.direction + i * k
            rows.index = y + lane if mode == V_INDEX or mode == V_INDEX_MIXED else NULL
            rows.weight = w + lane
            rows.value = value + lane
            rows.gradient = job.gradient + i * k
            rows.hessian = job.hessian + i * width
            rows.product = job.product + i * k
            if probabilities:
                probability_row(mode, k, job.what, &rows)
            elif job.what & FO_CONJUGATE:
                value[lane] = w[lane] * softmax_conjugate(mode, k, &rows)
            else:
                softmax_row(mode, k, job.what, &rows)
        if skip:
            clear(job, first, m, value)
        keep_values(job, first, m, value, s)
    add_up(s, total)
    return bad


cdef inline int64_t few(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """Rows lo..hi-1 of a loss of which one entry of a row counts."""
    cdef real[T] w, value
    cdef int64_t[T] y
    cdef double[T] s
    cdef rows_t rows
    cdef int64_t k = job.k, bad = 0, width = k
    cdef int lane, m
    cdef bint skip = False
    cdef Py_ssize_t j, first
    if job.what & FO_FULL_HESSIAN:
        width = k * k
    prepare(job, &rows)
    rows.index = y
    rows.weight = w
    rows.value = value
    for lane in range(T):
        s[lane] = 0.0
        value[lane] = 0
    for j in range((hi - lo + T - 1) // T):
        first = lo + j * T
        m = <int> min(<Py_ssize_t> T, hi - first)
        bad |= targets(V_INDEX, job, first, m, y, w, &skip)
        rows.raw = job.raw + first * k
        rows.direction = job.direction + first * k
        rows.gradient = job.gradient + first * k
        rows.hessian = job.hessian + first * width
        rows.product = job.product + first * k
        probability_index(k, m, job.what, &rows)
        if skip:
            clear(job, first, m, value)
        keep_values(job, first, m, value, s)
    add_up(s, total)
    return bad


cdef int64_t outside(const job_t* job, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    """FO_BAD_RAW if a probability is outside [0, 1]."""
    cdef Py_ssize_t i
    cdef int bad = 0
    for i in range(lo * job.k, hi * job.k):
        bad |= bad_probability(job.raw[i])
    if bad and job.weight != NULL:  # again, without the rows of weight 0
        bad = 0
        for i in range(lo * job.k, hi * job.k):
            if job.weight[i // job.k] != 0:
                bad |= bad_probability(job.raw[i])
    return FO_BAD_RAW if bad else 0


include "rows_roster.pxi"
include "rows_front.pxi"
