# The pointwise losses: a declaration, a block function and a line of the table for each.

cdef extern from "fo_losses.h" nogil:
    ctypedef struct point "FO(point)":
        real value
        real gradient
        real hessian
    point c_half_squared_error "FO(half_squared_error)"(real y, real z, const real* par)
    point c_huber "FO(huber)"(real y, real z, const real* par)

cdef int64_t half_squared_error(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(c_half_squared_error, FINITE, j, lo, hi, v)
cdef int64_t huber(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(c_huber, FINITE, j, lo, hi, v)

cdef dict ROSTER = {
    "half_squared_error": <size_t> <void*> half_squared_error,
    "huber": <size_t> <void*> huber,
}
