# From Python to the blocks of row losses: pointers, the driver over blocks, sums of weights.

from cpython.exc cimport PyErr_CheckSignals

cdef enum:
    SEGMENT = 512     # blocks between two looks at signals
    NO_WEIGHT = 64    # status of run: the weights of a mean sum to zero
    ELEMENTS = 8192   # outputs of a block, about: borders depend on the shapes alone


cdef int64_t drive(block_t f, const job_t* job, Py_ssize_t n, Py_ssize_t size, int n_threads,
                   double* total) except? -1:
    """Run f over n rows by blocks of `size`; sums are added in the order of the blocks."""
    cdef double[SEGMENT] part
    cdef int64_t[SEGMENT] bad
    cdef int64_t status = 0
    cdef Py_ssize_t first, b, blocks, j
    total[0] = 0.0
    for j in range((n + SEGMENT * size - 1) // (SEGMENT * size)):
        first = j * SEGMENT * size
        blocks = min((n - first + size - 1) // size, <Py_ssize_t> SEGMENT)
        for b in prange(blocks, nogil=True, schedule="dynamic", chunksize=1, num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            part[b] = 0.0
            bad[b] = f(job, first + b * size, min(first + (b + 1) * size, n), &part[b])
        for b in range(blocks):
            total[0] += part[b]
            status |= bad[b]
        PyErr_CheckSignals()
    return status


cdef int64_t mass_block(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """The sum of the weights that a mean divides by; targets that are out of range count nothing."""
    cdef Py_ssize_t i
    cdef int64_t ignored = <int64_t> job.par[2], k = job.k, c, bad = 0
    cdef double weight
    total[0] = 0.0
    for i in range(lo, hi):
        weight = 1.0
        if job.weight != NULL:
            weight = job.weight[i]
            bad |= bad_entry(job.weight[i])
            if weight == 0.0:
                continue
        if job.index != NULL:
            c = job.index[i]
            if job.par[1] != 0.0 and c == ignored:
                continue
            if c < 0 or c >= k:
                bad |= 2
                continue
            if job.class_weight != NULL:
                weight = weight * job.class_weight[c]
        total[0] += weight
    return (FO_BAD_WEIGHT if bad & 1 else 0) | (FO_BAD_TARGET if bad & 2 else 0)


cdef inline const real* input(const real[::1] view) noexcept:
    return &view[0] if view is not None and view.shape[0] else NULL


cdef inline real* output(real[::1] view) noexcept:
    return &view[0] if view is not None and view.shape[0] else NULL


def run(str name, int what, Py_ssize_t n, Py_ssize_t k, const int64_t[::1] index, const real[::1] target,
        const real[::1] raw, const real[::1] weight, const double[::1] par, const double[::1] class_weight,
        double mass, int n_threads, real[::1] value, real[::1] gradient, real[::1] hessian,
        const real[::1] direction, real[::1] product):
    """One loss over n rows of k; arrays are flat, absent ones None.

    mass: what the outputs are divided by; 0 asks for the sum of the weights.
    Returns (status, the sum of the losses over mass).
    """
    cdef job_t job
    cdef double total = 0.0
    cdef int64_t status = 0
    cdef Py_ssize_t size
    job.raw, job.target, job.weight, job.direction = input(raw), input(target), input(weight), input(direction)
    job.value, job.gradient, job.hessian, job.product = output(value), output(gradient), output(hessian), output(product)
    job.index = &index[0] if index is not None and index.shape[0] else NULL
    job.par = &par[0]
    job.class_weight = &class_weight[0] if class_weight is not None else NULL
    job.k = k
    job.what = what
    if mass == 0.0:
        mass = n
        if weight is not None or (index is not None and (class_weight is not None or par[1] != 0.0)):
            status = drive(mass_block, &job, n, ELEMENTS, n_threads, &mass)
            if status:
                return status, 0.0
        if mass == 0.0:
            return NO_WEIGHT, 0.0
    job.scale = 1.0 / mass
    size = ELEMENTS // (k * k if what & FO_FULL_HESSIAN else k)
    size = max(<Py_ssize_t> 1, size) if what & FO_FULL_HESSIAN else (size // T + 1) * T
    status = drive(<block_t> <void*> <size_t> ROSTER[name], &job, n, size, n_threads, &total)
    return status, total / mass


def address(str name):
    """Address of a loss's block function (src_c/fo_job.h), for the passes over data."""
    return ROSTER[name]


def roster():
    """Names of the losses of this family."""
    return tuple(ROSTER)
