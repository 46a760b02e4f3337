# The update rules: a declaration, a block function and a line of the tables for each.

cdef extern from "fo_updates.h" nogil:
    ctypedef struct element "FO(element)":
        real w
        real a
        real b
        real c
    ctypedef struct scalars_t "FO(scalars)":
        real sign
        real l2
    element c_sgd "FO(sgd)"(element e, real h, const scalars_t* s)
    element c_momentum "FO(momentum)"(element e, real h, const scalars_t* s)
    element c_nesterov "FO(nesterov)"(element e, real h, const scalars_t* s)
    element c_adam "FO(adam)"(element e, real h, const scalars_t* s)
    element c_amsgrad "FO(amsgrad)"(element e, real h, const scalars_t* s)

cdef void sgd(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_sgd, 0, u, lo, hi)
cdef void momentum(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_momentum, 1, u, lo, hi)
cdef void nesterov(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_nesterov, 1, u, lo, hi)
cdef void adam(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_adam, 2, u, lo, hi)
cdef void amsgrad(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil: block(c_amsgrad, 3, u, lo, hi)

cdef dict ROSTER = {
    "sgd": <size_t> <void*> sgd,
    "momentum": <size_t> <void*> momentum,
    "nesterov": <size_t> <void*> nesterov,
    "adam": <size_t> <void*> adam,
    "amsgrad": <size_t> <void*> amsgrad,
}
