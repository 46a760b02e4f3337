# The functions of fo_math.h over arrays, for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# Serial; `out` may be `x`. The library's loops inline the formulas instead of calling these.

ctypedef real (*function)(real) noexcept nogil

cdef extern from "fo_math.h" nogil:
    ctypedef struct logistic "FO(logistic)":
        real minor
        real log1p_exp
        real step
        real signed_minor
    real c_exp "FO(exp)"(real x)
    real c_expm1 "FO(expm1)"(real x)
    real c_log "FO(log)"(real x)
    real c_log1p "FO(log1p)"(real x)
    real c_softplus "FO(softplus)"(real x)
    real c_sigmoid "FO(sigmoid)"(real x)
    real c_tanh "FO(tanh)"(real x)
    logistic c_logistic_parts "FO(logistic_parts)"(real x)

# The loops are in C for `restrict`, and take the formula as a constant.
cdef extern from *:
    """
    """


cdef inline void apply(function f, const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = f(x[i])


cdef real minor(real x) noexcept nogil:
    return c_logistic_parts(x).minor
