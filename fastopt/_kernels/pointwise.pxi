# Loops over pointwise losses for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# `loop` is generic: the formula, the outputs and whether there are weights are constants at each
# call, so that force-inlining makes one vectorised loop for each. `block` is what a roster line
# instantiates; the drivers below run blocks in parallel through a pointer.

include "job.pxi"
from cython.parallel cimport prange

ctypedef point (*formula)(real, real, const real*) noexcept nogil

cdef enum:
    FINITE = 0       # any finite target
    UNIT = 1         # [0, 1]
    SIGN = 2         # {-1, +1}
    NONNEGATIVE = 3  # [0, inf)
    CHUNK = 1024     # elements between two reductions; the chunk's buffers stay in L1
    BLOCK = 8192     # elements of a task: borders depend on n alone
    LANES = 16       # independent partial sums
    PARAMETERS = 4

include "pointwise_roster.pxi"


cdef inline int64_t loop(formula f, int domain, bint value, bint gradient, bint hessian, bint weighted,
                         const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    return 0


cdef inline int64_t block(formula f, int domain, const job_t* job, Py_ssize_t lo, Py_ssize_t hi,
                          double* total) noexcept nogil:
    return loop(f, domain, True, True, False, False, job, lo, hi, total)


def address(str name):
    """Address of a loss's block function, for the passes over data."""
    return ROSTER[name]
