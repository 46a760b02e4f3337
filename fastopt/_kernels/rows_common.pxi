# What the row losses by tiles and by rows share: values and their sums.

cdef inline void keep_values(const job_t* job, Py_ssize_t first, int m, const real* value, double* s) noexcept nogil:
    cdef int lane
    if job.what & (FO_VALUE | FO_CONJUGATE):
        for lane in range(T):
            s[lane] += value[lane]
        if job.value != NULL:
            memcpy(job.value + first, value, m * sizeof(real))


cdef inline void add_up(const double* s, double* total) noexcept nogil:
    cdef int lane
    total[0] = 0.0
    for lane in range(T):
        total[0] += s[lane]
