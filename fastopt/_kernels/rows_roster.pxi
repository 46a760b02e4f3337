# The row losses: block functions for each mode of fo_rows.h and, for the smallest rows, each length.

cdef int64_t softmax_2(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return tiles(V_INDEX, 2, j.what & (FO_VALUE | FO_GRADIENT), j, lo, hi, v)
cdef int64_t softmax_3(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return tiles(V_INDEX, 3, j.what & (FO_VALUE | FO_GRADIENT), j, lo, hi, v)
cdef int64_t softmax_4(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return tiles(V_INDEX, 4, j.what & (FO_VALUE | FO_GRADIENT), j, lo, hi, v)
cdef int64_t softmax_5(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return tiles(V_INDEX, 5, j.what & (FO_VALUE | FO_GRADIENT), j, lo, hi, v)
cdef int64_t softmax_6(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return tiles(V_INDEX, 6, j.what & (FO_VALUE | FO_GRADIENT), j, lo, hi, v)
cdef int64_t softmax_7(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return tiles(V_INDEX, 7, j.what & (FO_VALUE | FO_GRADIENT), j, lo, hi, v)
cdef int64_t softmax_8(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return tiles(V_INDEX, 8, j.what & (FO_VALUE | FO_GRADIENT), j, lo, hi, v)
cdef int64_t softmax_9(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return tiles(V_INDEX, 9, j.what & (FO_VALUE | FO_GRADIENT), j, lo, hi, v)
cdef int64_t softmax_10(const job_t* j, Py_ssize_t lo, Py_ssize_t hi, double* v) noexcept nogil: return tiles(V_INDEX, 10, j.what & (FO_VALUE | FO_GRADIENT), j, lo, hi, v)

cdef block_t[11] FIXED = [NULL, NULL, softmax_2, softmax_3, softmax_4, softmax_5, softmax_6, softmax_7, softmax_8, softmax_9,
                       softmax_10]


cdef int64_t tiles_index(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    return tiles(V_INDEX, job.k, job.what, job, lo, hi, total)


cdef int64_t tiles_rows(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    return tiles(V_ROWS, job.k, job.what, job, lo, hi, total)


cdef int64_t tiles_mixed(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    return tiles(V_ROWS_MIXED if job.index == NULL else V_INDEX_MIXED, job.k, job.what, job, lo, hi, total)


cdef int64_t single_index(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    return single(False, V_INDEX, job, lo, hi, total)


cdef int64_t single_rows(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    return single(False, V_ROWS, job, lo, hi, total)


cdef int64_t single_mixed(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    return single(False, V_ROWS_MIXED if job.index == NULL else V_INDEX_MIXED, job, lo, hi, total)

# By mode.
cdef block_t[4] TILED = [tiles_index, tiles_rows, tiles_mixed, tiles_mixed]
cdef block_t[4] SINGLE = [single_index, single_rows, single_mixed, single_mixed]


cdef int64_t softmax(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """The block of SoftmaxCrossEntropy: the method for this mode, k and these outputs."""
    cdef int mode = mode_of(job)
    if job.k > TILE_CLASSES or job.what & (FO_FULL_HESSIAN | FO_CONJUGATE):
        return SINGLE[mode](job, lo, hi, total)
    if job.k <= 10 and not job.what & ~(FO_VALUE | FO_GRADIENT) and mode == V_INDEX:
        return FIXED[job.k](job, lo, hi, total)
    return TILED[mode](job, lo, hi, total)


cdef int64_t probability_rows(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    return outside(job, lo, hi) | single(True, V_ROWS, job, lo, hi, total)


cdef int64_t probability_mixed(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    return outside(job, lo, hi) | single(True, V_ROWS_MIXED if job.index == NULL else V_INDEX_MIXED, job, lo, hi, total)


cdef int64_t probabilities(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """The block of CategoricalCrossEntropyFromProbabilities."""
    cdef int mode = mode_of(job)
    if job.what & (FO_CONJUGATE | FO_PREDICT):
        return FO_BAD_REQUEST
    if mode == V_INDEX:
        return outside(job, lo, hi) | few(job, lo, hi, total)
    if mode == V_ROWS:
        return probability_rows(job, lo, hi, total)
    return probability_mixed(job, lo, hi, total)


cdef dict ROSTER = {
    "softmax_cross_entropy": <size_t> <void*> softmax,
    "categorical_cross_entropy_from_probabilities": <size_t> <void*> probabilities,
}
