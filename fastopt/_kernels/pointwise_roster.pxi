# The pointwise losses: the declaration of formula and conjugate, a block function, a line of the table.
# Every block function calls `block` (pointwise.pxi) with constants only.

cdef extern from "fo_losses.h" nogil:
    point c_squared_error "FO(squared_error)"(real y, real z, const real* par)
    point c_squared_error_conjugate "FO(squared_error_conjugate)"(real y, real theta, const real* par)
    point c_half_squared_error "FO(half_squared_error)"(real y, real z, const real* par)
    point c_half_squared_error_conjugate "FO(half_squared_error_conjugate)"(real y, real theta, const real* par)
    point c_absolute_error "FO(absolute_error)"(real y, real z, const real* par)
    point c_absolute_error_conjugate "FO(absolute_error_conjugate)"(real y, real theta, const real* par)
    point c_huber "FO(huber)"(real y, real z, const real* par)
    point c_huber_conjugate "FO(huber_conjugate)"(real y, real theta, const real* par)
    point c_quantile "FO(quantile)"(real y, real z, const real* par)
    point c_quantile_conjugate "FO(quantile_conjugate)"(real y, real theta, const real* par)
    point c_poisson "FO(poisson)"(real y, real z, const real* par)
    point c_poisson_conjugate "FO(poisson_conjugate)"(real y, real theta, const real* par)
    point c_logistic "FO(logistic)"(real y, real z, const real* par)
    point c_logistic_conjugate "FO(logistic_conjugate)"(real y, real theta, const real* par)
    point c_binary_cross_entropy_from_probabilities "FO(binary_cross_entropy_from_probabilities)"(real y, real z, const real* par)
    point c_hinge "FO(hinge)"(real y, real z, const real* par)
    point c_hinge_conjugate "FO(hinge_conjugate)"(real y, real theta, const real* par)
    point c_squared_hinge "FO(squared_hinge)"(real y, real z, const real* par)
    point c_squared_hinge_conjugate "FO(squared_hinge_conjugate)"(real y, real theta, const real* par)
    point c_no_conjugate "FO(no_conjugate)"(real y, real theta, const real* par)

cdef int64_t squared_error(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(squared_error, c_squared_error, c_squared_error_conjugate, FINITE, j, lo, hi, v)
cdef int64_t half_squared_error(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(half_squared_error, c_half_squared_error, c_half_squared_error_conjugate, FINITE, j, lo, hi, v)
cdef int64_t absolute_error(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(absolute_error, c_absolute_error, c_absolute_error_conjugate, FINITE, j, lo, hi, v)
cdef int64_t huber(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(huber, c_huber, c_huber_conjugate, FINITE, j, lo, hi, v)
cdef int64_t quantile(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(quantile, c_quantile, c_quantile_conjugate, FINITE, j, lo, hi, v)
cdef int64_t poisson(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(poisson, c_poisson, c_poisson_conjugate, NONNEGATIVE, j, lo, hi, v)
cdef int64_t logistic(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(logistic, c_logistic, c_logistic_conjugate, UNIT, j, lo, hi, v)
cdef int64_t binary_cross_entropy_from_probabilities(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(binary_cross_entropy_from_probabilities, c_binary_cross_entropy_from_probabilities, c_no_conjugate, UNIT | RAW_UNIT, j, lo, hi, v)
cdef int64_t hinge(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(hinge, c_hinge, c_hinge_conjugate, SIGN, j, lo, hi, v)
cdef int64_t squared_hinge(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return block(squared_hinge, c_squared_hinge, c_squared_hinge_conjugate, SIGN, j, lo, hi, v)

cdef dict ROSTER = {
    "squared_error": <size_t> <void*> squared_error,
    "half_squared_error": <size_t> <void*> half_squared_error,
    "absolute_error": <size_t> <void*> absolute_error,
    "huber": <size_t> <void*> huber,
    "quantile": <size_t> <void*> quantile,
    "poisson": <size_t> <void*> poisson,
    "logistic": <size_t> <void*> logistic,
    "binary_cross_entropy_from_probabilities": <size_t> <void*> binary_cross_entropy_from_probabilities,
    "hinge": <size_t> <void*> hinge,
    "squared_hinge": <size_t> <void*> squared_hinge,
}
