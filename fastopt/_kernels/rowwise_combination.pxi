# Sums and multiples of losses over rows as one block function: of a few rows, while they are in the first cache, every
# term is computed and added. Terms are blocks of this module or of `rows`, called through their addresses.
#
# job.par: the number of terms, the length of a row's target (0 for k), then for each term the bits of its block's
# address, its factor, how many class weights and how many parameters follow, and these.

cdef enum:
    HEAD = 2         # numbers before the terms
    TERM = 4         # numbers of a term before its class weights
    PART = 1024      # outputs of the rows that are done at once, about; buffers for so many are on the stack


cdef void add_scaled(Py_ssize_t n, real factor, const real* a, real* out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] += factor * a[i]


cdef void scale_by(Py_ssize_t n, real factor, real* out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] *= factor


cdef int64_t add_terms(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t step, real* work, double* total) noexcept nogil:
    cdef job_t c
    cdef const double* term
    cdef double part
    cdef uint64_t at
    cdef int t
    cdef int64_t status = 0
    cdef Py_ssize_t j, first, m, k = job.k, width = k * k if job.what & FO_FULL_HESSIAN else k
    cdef Py_ssize_t targets = <Py_ssize_t> job.par[1] if job.par[1] != 0.0 else k
    cdef real* gradient = work
    cdef real* second = work + step * k
    cdef real* values = second + step * width
    for j in range((hi - lo + step - 1) // step):
        first = lo + j * step
        m = min(step, hi - first)
        memcpy(&c, job, sizeof(job_t))
        c.raw = job.raw + first * k
        c.target = job.target + first * targets if job.target != NULL else NULL
        c.index = job.index + first if job.index != NULL else NULL
        c.weight = job.weight + first if job.weight != NULL else NULL
        c.direction = job.direction + first * k if job.direction != NULL else NULL
        c.value = job.value + first if job.value != NULL else NULL
        c.gradient = job.gradient + first * k if job.gradient != NULL else NULL
        c.hessian = job.hessian + first * width if job.hessian != NULL else NULL
        c.product = job.product + first * k if job.product != NULL else NULL
        term = job.par + HEAD
        for t in range(<int> job.par[0]):
            memcpy(&at, term, sizeof(uint64_t))
            c.scale = job.scale * term[1]
            c.class_weight = term + TERM if term[2] != 0.0 else NULL
            c.par = term + TERM + <Py_ssize_t> term[2]
            part = 0.0
            status |= (<block_t> <void*> <size_t> at)(&c, 0, m, &part)
            total[0] += term[1] * part
            if t == 0:
                if job.value != NULL:
                    scale_by(m, <real> term[1], c.value)
                    c.value = values
                c.gradient = gradient
                c.hessian = c.product = second
            else:
                if job.value != NULL:
                    add_scaled(m, <real> term[1], values, job.value + first)
                if job.what & FO_GRADIENT:
                    add_scaled(m * k, 1, gradient, job.gradient + first * k)
                if job.what & (FO_HESSIAN | FO_FULL_HESSIAN):
                    add_scaled(m * width, 1, second, job.hessian + first * width)
                if job.what & FO_PRODUCT:
                    add_scaled(m * k, 1, second, job.product + first * k)
            term += TERM + <Py_ssize_t> (term[2] + term[3])
    return status


cdef int64_t row_combination(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    cdef real[3 * PART] small
    cdef real* work = small
    cdef bint full = job.what & FO_FULL_HESSIAN
    cdef Py_ssize_t k = job.k, width = k * k if full else k, step = PART // width, size
    cdef int64_t status
    total[0] = 0.0
    if job.what & (FO_CONJUGATE | FO_PREDICT) or (job.what & FO_PRODUCT and job.what & (FO_HESSIAN | FO_FULL_HESSIAN)):
        return FO_BAD_REQUEST
    step = max(step, <Py_ssize_t> 1) if full else max(step // T, <Py_ssize_t> 1) * T
    size = step * (k + width + 1)
    if size > 3 * PART:
        work = <real*> malloc(size * sizeof(real))
        if work == NULL:
            return NO_MEMORY
    status = add_terms(job, lo, hi, step, work, total)
    if work != small:
        free(work)
    return status


def combination():
    """Address of the block of sums, for the passes over data."""
    return <size_t> <void*> row_combination
