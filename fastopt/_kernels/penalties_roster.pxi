# The penalties: declarations, a block function and a line of the table for each.

cdef extern from "fo_penalties.h" nogil:
    real c_l1_value "FO(l1_value)"(real x, const penalty_t* p)
    real c_l1_prox "FO(l1_prox)"(real v, real step, const penalty_t* p)
    interval c_l1_subdifferential "FO(l1_subdifferential)"(real x, const penalty_t* p)
    real c_l1_conjugate "FO(l1_conjugate)"(real v, const penalty_t* p)
    real c_l2_value "FO(l2_value)"(real x, const penalty_t* p)
    real c_l2_prox "FO(l2_prox)"(real v, real step, const penalty_t* p)
    interval c_l2_subdifferential "FO(l2_subdifferential)"(real x, const penalty_t* p)
    real c_l2_conjugate "FO(l2_conjugate)"(real v, const penalty_t* p)
    real c_elastic_net_value "FO(elastic_net_value)"(real x, const penalty_t* p)
    real c_elastic_net_prox "FO(elastic_net_prox)"(real v, real step, const penalty_t* p)
    interval c_elastic_net_subdifferential "FO(elastic_net_subdifferential)"(real x, const penalty_t* p)
    real c_elastic_net_conjugate "FO(elastic_net_conjugate)"(real v, const penalty_t* p)
    real c_box_value "FO(box_value)"(real x, const penalty_t* p)
    real c_box_prox "FO(box_prox)"(real v, real step, const penalty_t* p)
    interval c_box_subdifferential "FO(box_subdifferential)"(real x, const penalty_t* p)
    real c_box_conjugate "FO(box_conjugate)"(real v, const penalty_t* p)
    real c_nonnegative_value "FO(nonnegative_value)"(real x, const penalty_t* p)
    real c_nonnegative_prox "FO(nonnegative_prox)"(real v, real step, const penalty_t* p)
    interval c_nonnegative_subdifferential "FO(nonnegative_subdifferential)"(real x, const penalty_t* p)
    real c_nonnegative_conjugate "FO(nonnegative_conjugate)"(real v, const penalty_t* p)
    real c_sum_value "FO(sum_value)"(real x, const penalty_t* p)
    real c_sum_prox "FO(sum_prox)"(real v, real step, const penalty_t* p)
    interval c_sum_subdifferential "FO(sum_subdifferential)"(real x, const penalty_t* p)
    real c_sum_conjugate "FO(sum_conjugate)"(real v, const penalty_t* p)

cdef double l1(const job_t* j, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: return block(c_l1_value, c_l1_prox, c_l1_subdifferential, c_l1_conjugate, j, lo, hi)
cdef double l2(const job_t* j, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: return block(c_l2_value, c_l2_prox, c_l2_subdifferential, c_l2_conjugate, j, lo, hi)
cdef double elastic_net(const job_t* j, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: return block(c_elastic_net_value, c_elastic_net_prox, c_elastic_net_subdifferential, c_elastic_net_conjugate, j, lo, hi)
cdef double box(const job_t* j, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: return block(c_box_value, c_box_prox, c_box_subdifferential, c_box_conjugate, j, lo, hi)
cdef double nonnegative(const job_t* j, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: return block(c_nonnegative_value, c_nonnegative_prox, c_nonnegative_subdifferential, c_nonnegative_conjugate, j, lo, hi)
cdef double sums(const job_t* j, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: return block(c_sum_value, c_sum_prox, c_sum_subdifferential, c_sum_conjugate, j, lo, hi)

cdef dict ROSTER = {
    "l1": <size_t> <void*> l1,
    "l2": <size_t> <void*> l2,
    "elastic_net": <size_t> <void*> elastic_net,
    "box": <size_t> <void*> box,
    "nonnegative": <size_t> <void*> nonnegative,
    "sum": <size_t> <void*> sums,
}
