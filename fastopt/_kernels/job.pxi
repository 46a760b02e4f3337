# The job struct of src_c/fo_job.h, for every family that runs loss blocks.
from libc.stdint cimport int64_t

cdef extern from "fo_job.h" nogil:
    enum:
        FO_VALUE
        FO_GRADIENT
        FO_HESSIAN
        FO_FULL_HESSIAN
        FO_CONJUGATE
        FO_PRODUCT
        FO_PREDICT
        FO_BAD_TARGET
        FO_BAD_WEIGHT
        FO_BAD_RAW
        FO_BAD_REQUEST
        FO_TARGET_REAL
        FO_TARGET_INDEX
    ctypedef struct job_t "FO(job)":
        const real* target
        const int64_t* index
        const real* raw
        const real* weight
        real* value
        real* gradient
        real* hessian
        const real* direction
        real* product
        const double* par
        const double* class_weight
        double scale
        int64_t k
        int what

# Serial; rows lo..hi-1 of the job; *value receives the sum of weighted losses; returns the status word.
ctypedef int64_t (*block_t)(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* value) noexcept nogil
