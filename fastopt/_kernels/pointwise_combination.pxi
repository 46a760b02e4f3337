# Sums and multiples of the losses of the roster as one block function: of each chunk, while it is in the first
# cache, every term is computed and added.
#
# job.par: the number of terms, then for each its line in the roster, its factor, how many numbers follow, and
# these, which are the term's own par (at least PARAMETERS).
from libc.string cimport memcpy

cdef enum:
    TERM = 3         # numbers of a term before its parameters
    LINES = 256

cdef block_t[LINES] LINE_OF


cdef void add_scaled(Py_ssize_t n, real factor, input a, output_ptr out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] += factor * a[i]


cdef void scale_by(Py_ssize_t n, real factor, output_ptr out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] *= factor


cdef int64_t combination(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    cdef real[CHUNK] values, gradients, hessians
    cdef job_t c
    cdef const double* term = job.par + 1
    cdef int k
    cdef int64_t status = 0
    if not job.what & FO_LOOP:
        return run(<block_t> opaque(<void*> combination), job, lo, hi, total)
    if job.what & FO_CONJUGATE:
        return FO_BAD_REQUEST
    memcpy(&c, job, sizeof(job_t))
    for k in range(<int> job.par[0]):
        c.scale = job.scale * term[1]
        c.par = term + TERM
        status |= LINE_OF[<int> term[0]](&c, lo, hi, total)
        if k == 0:
            if c.what & FO_VALUE:
                scale_by(hi, <real> term[1], c.value)
            c.value, c.gradient, c.hessian = values, gradients, hessians
        else:
            if c.what & FO_VALUE:
                add_scaled(hi, <real> term[1], values, job.value)
            if c.what & FO_GRADIENT:
                add_scaled(hi, 1, gradients, job.gradient)
            if c.what & FO_HESSIAN:
                add_scaled(hi, 1, hessians, job.hessian)
        term += TERM + <int> term[2]
    return status


cdef int list_lines() except -1:
    """Number the roster's lines, and add the combination to it."""
    cdef int k
    if len(ROSTER) > LINES:
        raise ImportError("LINES of pointwise_combination.pxi is too small")
    for k, address in enumerate(ROSTER.values()):
        LINE_OF[k] = <block_t> <void*> <size_t> address
    return 0


list_lines()


def line(str name):
    """The number of a loss's line in the roster, the same in all modules; for the terms of a combination."""
    return list(ROSTER).index(name)
