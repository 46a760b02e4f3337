# Penalties over arrays of coefficients, for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# `block` is generic: the formulas are constants at each call, so that force-inlining makes vectorised loops for each
# line of the roster. It works on chunks: what a coefficient's parameters and step are is read from an array, or from a
# chunk of equal numbers; results go to a chunk and from there to `out`, which may be the input.

from cython.parallel cimport prange
from libc.string cimport memcpy
import numpy as np

cdef extern from "fo_penalties.h" nogil:
    ctypedef struct penalty_t "FO(penalty)":
        real l1
        real l2
        real low
        real high
    ctypedef struct interval "FO(interval)":
        real low
        real high
    real c_distance "FO(distance)"(interval slopes, real s, real x)

cdef enum:
    BLOCK = 8192    # elements of a task: borders depend on the size alone
    CHUNK = 512     # longer than what gcc unrolls to no loop at all
    PARTS = 16      # independent sums of a chunk

cdef enum:
    VALUE = 0
    PROX = 1
    DISTANCE = 2    # of the slope -gradient
    CONJUGATE = 3
    SUPPORT = 4     # 1 where there is one slope, else 0

cdef struct job_t:
    int what
    const real* x
    const real* gradient
    real* out
    const real* arrays[5]  # of l1, l2, low, high, step; NULL: the number below
    double[5] numbers

ctypedef real (*value_t)(real, const penalty_t*) noexcept nogil
ctypedef real (*prox_t)(real, real, const penalty_t*) noexcept nogil
ctypedef interval (*slopes_t)(real, const penalty_t*) noexcept nogil
# Serial; coefficients lo..hi-1. The sum of values or conjugates, else 0.
ctypedef double (*block_t)(const job_t* j, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil

include "penalties_roster.pxi"


cdef double add(const real* v, Py_ssize_t n) noexcept nogil:
    cdef double[PARTS] s
    cdef double total = 0.0
    cdef Py_ssize_t i, whole = n - n % PARTS
    cdef int k
    for k in range(PARTS):
        s[k] = 0.0
    for i in range(whole // PARTS):
        for k in range(PARTS):
            s[k] += v[i * PARTS + k]
    for i in range(whole, n):
        s[i - whole] += v[i]
    for k in range(PARTS):
        total += s[k]
    return total


cdef inline penalty_t read(const real* a, const real* b, const real* c, const real* d, Py_ssize_t i) noexcept nogil:
    cdef penalty_t p
    p.l1 = a[i]
    p.l2 = b[i]
    p.low = c[i]
    p.high = d[i]
    return p


cdef inline void loop(value_t value, prox_t prox, slopes_t slopes, value_t conjugate, int what, const real* x,
                      const real* g, const real* step, const real* a, const real* b, const real* c, const real* d,
                      real* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef penalty_t p
    cdef interval o
    for i in range(n):
        p = read(a, b, c, d, i)
        if what == VALUE:
            out[i] = value(x[i], &p)
        elif what == PROX:
            out[i] = prox(x[i], step[i], &p)
        elif what == CONJUGATE:
            out[i] = conjugate(x[i], &p)
        elif what == DISTANCE:
            out[i] = c_distance(slopes(x[i], &p), -g[i], x[i])
        else:
            o = slopes(x[i], &p)
            out[i] = <real> 1.0 if o.low == o.high else <real> 0.0


cdef inline double block(value_t value, prox_t prox, slopes_t slopes, value_t conjugate, const job_t* j,
                         Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    cdef real[CHUNK] x, g, out
    cdef real[5][CHUNK] equal
    cdef const real* par[5]
    cdef Py_ssize_t i, m
    cdef int k
    cdef double total = 0.0
    for k in range(5):
        par[k] = equal[k]
        if j.arrays[k] is NULL:
            for i in range(min(<Py_ssize_t> CHUNK, hi - lo)):
                equal[k][i] = <real> j.numbers[k]
    while lo < hi:
        m = min(CHUNK, hi - lo)
        memcpy(x, j.x + lo, m * sizeof(real))
        for k in range(5):
            if j.arrays[k] is not NULL:
                par[k] = j.arrays[k] + lo
        if j.what == VALUE:
            loop(value, prox, slopes, conjugate, VALUE, x, x, x, par[0], par[1], par[2], par[3], out, m)
            total += add(out, m)
        elif j.what == PROX:
            loop(value, prox, slopes, conjugate, PROX, x, x, par[4], par[0], par[1], par[2], par[3], out, m)
        elif j.what == CONJUGATE:
            loop(value, prox, slopes, conjugate, CONJUGATE, x, x, x, par[0], par[1], par[2], par[3], out, m)
            total += add(out, m)
        elif j.what == DISTANCE:
            memcpy(g, j.gradient + lo, m * sizeof(real))
            loop(value, prox, slopes, conjugate, DISTANCE, x, g, x, par[0], par[1], par[2], par[3], out, m)
        else:
            loop(value, prox, slopes, conjugate, SUPPORT, x, x, x, par[0], par[1], par[2], par[3], out, m)
        if j.out is not NULL:
            memcpy(j.out + lo, out, m * sizeof(real))
        lo += m
    return total


def names():
    """Names of the penalties."""
    return tuple(ROSTER)


def run(str name, int what, const real[::1] x, tuple parameters, step, const real[::1] gradient, real[::1] out,
        int n_threads):
    """One pass over the coefficients x.

    Parameters
    ----------
    name : str
        In `names()`.
    what : int
        0 value, 1 prox, 2 distance of -gradient from the subdifferential, 3 conjugate, 4 support.
    x : array
    parameters : tuple
        l1, l2, low, high: a float, or an array like x.
    step : float, or an array like x
    gradient : array like x or None
    out : array like x or None
        For 1, 2 and 4. May be x, gradient or step, but not overlap them otherwise.
    n_threads : int

    Returns
    -------
    float
        The sum of values or conjugates, else 0.0.
    """
    cdef Py_ssize_t i, n = x.shape[0], n_blocks = (n + BLOCK - 1) // BLOCK
    cdef job_t j
    cdef const real[::1] array
    cdef block_t f = <block_t> <void*> <size_t> ROSTER[name]
    cdef double[::1] parts
    cdef double total = 0.0
    cdef bint sums = what == VALUE or what == CONJUGATE
    cdef list kept = []
    if not sums and (out is None or out.shape[0] != n):
        raise ValueError("out must be an array like x")
    if what == DISTANCE and (gradient is None or gradient.shape[0] != n):
        raise ValueError("gradient must be an array like x")
    if n == 0:
        return 0.0
    j.what, j.x = what, &x[0]
    j.gradient, j.out = NULL, NULL
    if what == DISTANCE:
        j.gradient = &gradient[0]
    if not sums:
        j.out = &out[0]
    for i in range(5):
        j.arrays[i], j.numbers[i] = NULL, 0.0
        given = parameters[i] if i < 4 else step
        if isinstance(given, np.ndarray):
            array = given
            if array.shape[0] != n:
                raise ValueError("arrays of parameters must be like x")
            kept.append(array)
            j.arrays[i] = &array[0]
        else:
            j.numbers[i] = given
    if n_blocks == 1:
        with nogil:
            total = f(&j, 0, n)
        return total
    parts = np.empty(n_blocks)
    for i in prange(n_blocks, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
        parts[i] = f(&j, i * BLOCK, min(n, (i + 1) * BLOCK))
    for i in range(n_blocks):
        total += parts[i]
    return total
