# Losses of users: a function pointer called for each element, and the arrays that a Python function returns.

cdef extern from "fo_custom.h" nogil:
    ctypedef double (*pointer_f64 "fo_loss_f64")(double, double, double*, double*, void*) noexcept nogil
    ctypedef float (*pointer_f32 "fo_loss_f32")(float, float, float*, float*, void*) noexcept nogil

# What job.par[0] holds the address of (its bits) for a function pointer.
cdef struct pointers_t:
    pointer_f64 f64
    pointer_f32 f32          # may be NULL
    void* data64
    void* data32
    size_t domain            # FO_DOMAIN_*
    size_t hessian           # whether the functions store second derivatives

cdef extern from *:
    """
    #include <float.h>
    #include <math.h>
    """
    const double DBL_EPSILON
    const double FLT_EPSILON
    const double NAN
    double cbrt(double) noexcept nogil

ctypedef fused pointer:
    pointer_f64
    pointer_f32


cdef inline int64_t outside(int domain, const real* y, Py_ssize_t n) noexcept nogil:
    cdef flag bad = 0
    cdef Py_ssize_t i
    for i in range(n):
        bad |= bad_target(domain, y[i], NULL)
    return status_word(bad, 0, 0)


cdef int64_t targets(size_t domain, const real* y, Py_ssize_t n) noexcept nogil:
    """Status word of n targets; a loop for each domain."""
    if domain == FINITE:
        return outside(FINITE, y, n)
    if domain == UNIT:
        return outside(UNIT, y, n)
    if domain == SIGN:
        return outside(SIGN, y, n)
    if domain == NONNEGATIVE:
        return outside(NONNEGATIVE, y, n)
    if domain == POSITIVE:
        return outside(POSITIVE, y, n)
    if domain == ABOVE:
        return outside(ABOVE, y, n)
    return outside(BINARY, y, n)


cdef inline void called(pointer f, void* data, bint hessian, double e, const job_t* job, Py_ssize_t n) noexcept nogil:
    """f of n elements. What it does not store is NaN; second derivatives that it does not offer are differences
    of gradients at a distance of e max(1, |z|)."""
    cdef double g, h, y, z, up, down, v
    cdef double first, last
    cdef float gf, hf
    cdef Py_ssize_t i
    cdef bint value = job.what & FO_VALUE != 0, gradient = job.what & FO_GRADIENT != 0
    cdef bint second = job.what & FO_HESSIAN != 0
    cdef real scale = <real> job.scale
    for i in range(n):
        y, z = job.target[i], job.raw[i]
        if pointer is pointer_f64:
            g = h = NAN
            v = f(y, z, &g, &h, data)
        else:
            gf = hf = <float> NAN
            v = f(<float> y, <float> z, &gf, &hf, data)
            g, h = gf, hf
        if value:
            job.value[i] = <real> v
        if gradient:
            job.gradient[i] = scale * <real> g
        if second:
            if not hessian:
                up = e * max(1.0, z if z >= 0.0 else -z)
                up, down = z + up, z - up
                if pointer is pointer_f64:
                    first = last = NAN
                    f(y, down, &first, &h, data)
                    f(y, up, &last, &h, data)
                else:
                    up, down = <float> up, <float> down
                    gf = NAN
                    f(<float> y, <float> down, &gf, &hf, data)
                    first = gf
                    gf = NAN
                    f(<float> y, <float> up, &gf, &hf, data)
                    last = gf
                h = (last - first) / (up - down)
            job.hessian[i] = scale * <real> h


cdef int64_t pointer_loss(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, double* total) noexcept nogil:
    """The block function of a fo_pointers; `run` calls it back for each chunk."""
    cdef const pointers_t* u = (<const pointers_t**> job.par)[0]
    cdef int64_t status
    if not job.what & FO_LOOP:
        return run(<block_t> opaque(<void*> pointer_loss), job, lo, hi, total)
    status = targets(u.domain, job.target, hi)
    if status:
        return status
    if sizeof(real) == 4 and u.f32 != NULL:
        called(u.f32, u.data32, u.hessian, cbrt(FLT_EPSILON), job, hi)
    else:
        called(u.f64, u.data64, u.hessian, cbrt(DBL_EPSILON), job, hi)
    return 0


cdef int64_t given(const job_t* job, Py_ssize_t lo, Py_ssize_t hi, const real* v, const real* g, const real* h,
                   double* total) noexcept nogil:
    """As `run`, of rows lo..hi-1 whose losses and derivatives are in v, g and h."""
    cdef real[CHUNK] values, gradients, hessians
    cdef double[LANES] s
    cdef job_t c
    cdef const real* one
    cdef Py_ssize_t start, i, j, m
    cdef int k, what = job.what
    cdef bint value = what & FO_VALUE != 0, second = what & (FO_HESSIAN | FO_PRODUCT) != 0
    cdef bint first = what & FO_GRADIENT != 0 or second
    cdef bint copied = job.value != NULL or job.weight != NULL
    cdef real scale = <real> job.scale
    cdef int64_t status = 0
    c.what = what & FO_VALUE | (FO_GRADIENT if first else 0) | (FO_HESSIAN if second else 0)
    for k in range(LANES):
        s[k] = 0.0
    for j in range((hi - lo + CHUNK - 1) // CHUNK):
        start = lo + j * CHUNK
        m = hi - start if hi - start < CHUNK else CHUNK
        c.value = job.value + start if value and job.value != NULL else values
        c.gradient = job.gradient + start if what & FO_GRADIENT else gradients
        c.hessian = job.hessian + start if what & FO_HESSIAN else hessians
        if value and copied:
            one = v + j * CHUNK
            for i in range(m):
                c.value[i] = one[i]
        if first:
            one = g + j * CHUNK
            for i in range(m):
                c.gradient[i] = scale * one[i]
        if second:
            one = h + j * CHUNK
            for i in range(m):
                c.hessian[i] = scale * one[i]
        if job.weight != NULL:
            status |= status_word(0, weigh_chunk(&c, job.weight + start, m), 0)
        if what & FO_PRODUCT:
            for i in range(m):
                job.product[start + i] = c.hessian[i] * job.direction[start + i]
        if value and copied:
            add(m, c.value, s)
        elif value:
            add(m, v + j * CHUNK, s)
    if value:
        for k in range(LANES):
            total[0] += s[k]
    return status


cdef inline const real* elements(object array, Py_ssize_t m):
    """The elements of an ndarray of m contiguous `real`, or NULL."""
    cdef void* a = <void*> array
    if type(array) is _ndarray and right(a, 0) and PyArray_NDIM(a) == 1 and PyArray_DIMS(a)[0] == m:
        return <const real*> PyArray_DATA(a)
    return NULL


cdef int64_t drive_python(tuple plan, const job_t* job, object y, object raw, int ndim, Py_ssize_t n,
                          double* total) except? -1:
    """A Python function over slices: their temporaries stay in cache. plan[5:]: the function, the domain, the bytes of
    a slice, and the object that puts an answer right, or finds the words for what is wrong.
    """
    cdef object function = plan[5], owner = plan[8], answer, ys, zs
    cdef size_t domain = plan[6]
    cdef Py_ssize_t lo = 0, hi, m, size = <Py_ssize_t> plan[7] // <Py_ssize_t> sizeof(real)
    cdef const real* v
    cdef const real* g
    cdef const real* h
    cdef bint second = job.what & (FO_HESSIAN | FO_PRODUCT) != 0
    cdef int64_t status = 0
    cdef int count, usual = owner.count or 0
    total[0] = 0.0
    if type(y) is not _ndarray or type(raw) is not _ndarray or ndim != 1:
        y, raw = owner.flat(y), owner.flat(raw)
    while lo < n:
        m = min(size, n - lo)
        hi = lo + m
        status |= targets(domain, job.target + lo, m)
        if status:
            return status
        if m == n:  # views, to be read-only
            ys, zs = y.view(), raw.view()
        else:
            ys, zs = y[lo:hi], raw[lo:hi]
        PyArray_CLEARFLAGS(<void*> ys, NPY_ARRAY_WRITEABLE)
        PyArray_CLEARFLAGS(<void*> zs, NPY_ARRAY_WRITEABLE)
        try:
            answer = function(ys, zs)
        except BaseException as error:
            owner.note(error)
            raise
        v = g = h = NULL
        count = len(<tuple> answer) if type(answer) is tuple else 0
        if 2 + second <= count <= 3 and (usual == 0 or count == usual):
            v, g = elements((<tuple> answer)[0], m), elements((<tuple> answer)[1], m)
            h = elements((<tuple> answer)[2], m) if count == 3 else g
        if v == NULL or g == NULL or h == NULL:
            answer = owner.right(answer, ys, zs, second)
            v, g = elements((<tuple> answer)[0], m), elements((<tuple> answer)[1], m)
            h = elements((<tuple> answer)[2], m) if second else g
        status |= given(job, lo, hi, v, g, h, total)
        lo = hi
    return status


ROSTER["pointer"] = <size_t> <void*> pointer_loss
