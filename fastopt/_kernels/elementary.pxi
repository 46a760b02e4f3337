# The functions of fo_math.h over arrays, for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# Serial: the accuracy of each function is tested through these at every level. The library's own
# loops inline the formulas instead.

ctypedef real (*function)(real) noexcept nogil

cdef extern from "fo_math.h" nogil:
    ctypedef struct logistic "FO(logistic_pair)":
        real minor
        real log1p_exp
        real step
        real signed_minor
    real c_exp "FO(exp)"(real x)
    real c_exp_minus_abs "FO(exp_minus_abs)"(real x)
    real c_expm1 "FO(expm1)"(real x)
    real c_log "FO(log)"(real x)
    real c_log1p "FO(log1p)"(real x)
    real c_softplus "FO(softplus)"(real x)
    real c_sigmoid "FO(sigmoid)"(real x)
    real c_tanh "FO(tanh)"(real x)
    real c_gauss "FO(gauss)"(real x)
    real c_mills "FO(mills)"(real x)
    real c_power "FO(power)"(real x, real a)
    logistic c_logistic_parts "FO(logistic_parts)"(real x)


cdef inline void apply(function f, const real[::1] x, real[::1] out):
    cdef Py_ssize_t i, n = x.shape[0]
    cdef const real* p
    cdef real* q
    if out.shape[0] != n:
        raise ValueError(f"x has {n} elements, out has {out.shape[0]}")
    if n == 0:
        return
    p, q = &x[0], &out[0]
    with nogil:
        for i in range(n):
            q[i] = f(p[i])


def exp(const real[::1] x, real[::1] out):
    apply(c_exp, x, out)


def exp_minus_abs(const real[::1] x, real[::1] out):
    apply(c_exp_minus_abs, x, out)


def expm1(const real[::1] x, real[::1] out):
    apply(c_expm1, x, out)


def log(const real[::1] x, real[::1] out):
    apply(c_log, x, out)


def log1p(const real[::1] x, real[::1] out):
    apply(c_log1p, x, out)


def softplus(const real[::1] x, real[::1] out):
    apply(c_softplus, x, out)


def sigmoid(const real[::1] x, real[::1] out):
    apply(c_sigmoid, x, out)


def tanh(const real[::1] x, real[::1] out):
    apply(c_tanh, x, out)


def gauss(const real[::1] x, real[::1] out):
    apply(c_gauss, x, out)


def mills(const real[::1] x, real[::1] out):
    apply(c_mills, x, out)


def power(const real[::1] x, real[::1] out, double a):
    """x to the power a."""
    cdef Py_ssize_t i, n = x.shape[0]
    cdef const real* p
    cdef real* q
    cdef real exponent = <real> a
    if out.shape[0] != n:
        raise ValueError(f"x has {n} elements, out has {out.shape[0]}")
    if n == 0:
        return
    p, q = &x[0], &out[0]
    with nogil:
        for i in range(n):
            q[i] = c_power(p[i], exponent)


def logistic_parts(const real[::1] x, real[:, ::1] out):
    """minor, log1p_exp, step and signed_minor of x into the four rows of out."""
    cdef Py_ssize_t i, n = x.shape[0]
    cdef const real* p
    cdef real* minor
    cdef real* log1p_exp
    cdef real* step
    cdef real* signed_minor
    cdef logistic o
    if out.shape[0] != 4 or out.shape[1] != n:
        raise ValueError(f"out must have shape (4, {n}), got ({out.shape[0]}, {out.shape[1]})")
    if n == 0:
        return
    p, minor, log1p_exp, step, signed_minor = &x[0], &out[0, 0], &out[1, 0], &out[2, 0], &out[3, 0]
    with nogil:
        for i in range(n):
            o = c_logistic_parts(p[i])
            minor[i] = o.minor
            log1p_exp[i] = o.log1p_exp
            step[i] = o.step
            signed_minor[i] = o.signed_minor
