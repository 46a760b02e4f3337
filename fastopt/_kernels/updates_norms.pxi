# Norms of arrays, of their rows and columns, scaling by them, averages: fastopt.optimizers.clipping and .averaging.
# Blocks and their order depend on sizes alone, sums are float64: the same bits for any number of threads.

cdef enum:
    PARTS = 16           # independent sums of a block
    STRIPE = 512         # columns of a task

cdef struct span_t:
    real* data
    Py_ssize_t item, n


cdef double squares(const real* data, Py_ssize_t n) noexcept nogil:
    """The sum of the squares."""
    cdef double[PARTS] s
    cdef double x, total = 0.0
    cdef Py_ssize_t i, whole = n - n % PARTS
    cdef int k
    for k in range(PARTS):
        s[k] = 0.0
    for i in range(whole // PARTS):
        for k in range(PARTS):
            x = data[i * PARTS + k]
            s[k] += x * x
    for i in range(whole, n):
        x = data[i]
        s[i - whole] += x * x
    for k in range(PARTS):
        total += s[k]
    return total


cdef void scale(real* data, double factor, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real f = <real> factor
    for i in range(n):
        data[i] *= f


cdef void clamp(real* data, double bound, Py_ssize_t n) noexcept nogil:
    """To [-bound, bound]; NaN stays."""
    cdef Py_ssize_t i
    cdef real low = <real> -bound, high = <real> bound, x
    for i in range(n):
        x = data[i]
        x = low if x < low else x
        data[i] = high if x > high else x


cdef void lerp(real* average, const real* value, double gain, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real g = <real> gain
    for i in range(n):
        average[i] += g * (value[i] - average[i])


cdef void axpy(real* sum, const real* value, double factor, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real f = <real> factor
    for i in range(n):
        sum[i] += f * value[i]


cdef void climb(real* w, const real* g, double factor, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real f = <real> factor
    for i in range(n):
        w[i] += f * (w[i] * w[i] * g[i])


cdef double product_squares(const real* a, const real* b, Py_ssize_t n) noexcept nogil:
    """The sum of the squares of the products."""
    cdef double[PARTS] s
    cdef double x, total = 0.0
    cdef Py_ssize_t i, whole = n - n % PARTS
    cdef int k
    for k in range(PARTS):
        s[k] = 0.0
    for i in range(whole // PARTS):
        for k in range(PARTS):
            x = <double> a[i * PARTS + k] * <double> b[i * PARTS + k]
            s[k] += x * x
    for i in range(whole, n):
        x = <double> a[i] * <double> b[i]
        s[i - whole] += x * x
    for k in range(PARTS):
        total += s[k]
    return total


cdef class Blocks:
    """Contiguous arrays of this module's element type, cut into blocks."""
    cdef Py_ssize_t n, n_blocks
    cdef span_t* blocks
    cdef list arrays

    def __init__(self, list arrays):
        cdef cnp.ndarray array
        cdef Py_ssize_t i, lo, size, t = 0
        self.arrays = arrays
        self.n = len(arrays)
        for array in arrays:
            t += (array.size + BLOCK - 1) // BLOCK
        self.blocks = <span_t*> calloc(t + 1, sizeof(span_t))
        if self.blocks is NULL:
            raise MemoryError()
        for i in range(self.n):
            array = arrays[i]
            size = array.size
            for lo in range(0, size, BLOCK):
                self.blocks[self.n_blocks] = span_t(<real*> cnp.PyArray_DATA(array) + lo, i, min(BLOCK, size - lo))
                self.n_blocks += 1

    def __dealloc__(self):
        free(self.blocks)

    def squares(self, int n_threads):
        """The sum of squares of each array, float64."""
        cdef double[::1] parts = np.empty(self.n_blocks + 1)
        cdef double[::1] sums = np.zeros(self.n)
        cdef Py_ssize_t t
        for t in prange(self.n_blocks, nogil=True, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            parts[t] = squares(self.blocks[t].data, self.blocks[t].n)
        for t in range(self.n_blocks):
            sums[self.blocks[t].item] += parts[t]
        return np.asarray(sums)

    def scale(self, const double[::1] factors, int n_threads):
        """Multiply each array by its factor; where that is 1 nothing is touched."""
        cdef Py_ssize_t t
        for t in prange(self.n_blocks, nogil=True, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            if factors[self.blocks[t].item] != 1.0:
                scale(self.blocks[t].data, factors[self.blocks[t].item], self.blocks[t].n)

    def clamp(self, double bound, int n_threads):
        """Clip all elements to [-bound, bound]."""
        cdef Py_ssize_t t
        for t in prange(self.n_blocks, nogil=True, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            clamp(self.blocks[t].data, bound, self.blocks[t].n)

    def approach(self, Blocks other, double gain, int n_threads):
        """a + gain (b - a) for each element a of these arrays and b of the others, which have the same sizes."""
        cdef Py_ssize_t t
        if self.n_blocks != other.n_blocks:
            raise ValueError("the arrays differ in size")
        for t in prange(self.n_blocks, nogil=True, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            lerp(self.blocks[t].data, other.blocks[t].data, gain, self.blocks[t].n)

    def add(self, Blocks other, double factor, int n_threads):
        """a + factor b for each element a of these arrays and b of the others, which have the same sizes."""
        cdef Py_ssize_t t
        if self.n_blocks != other.n_blocks:
            raise ValueError("the arrays differ in size")
        for t in prange(self.n_blocks, nogil=True, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            axpy(self.blocks[t].data, other.blocks[t].data, factor, self.blocks[t].n)

    def climb(self, Blocks other, double factor, int n_threads):
        """a + factor a^2 b for each element a of these arrays and b of the others."""
        cdef Py_ssize_t t
        if self.n_blocks != other.n_blocks:
            raise ValueError("the arrays differ in size")
        for t in prange(self.n_blocks, nogil=True, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            climb(self.blocks[t].data, other.blocks[t].data, factor, self.blocks[t].n)

    def products(self, Blocks other, int n_threads):
        """The sum of (a b)^2 of each array, float64."""
        cdef double[::1] parts = np.empty(self.n_blocks + 1)
        cdef double[::1] sums = np.zeros(self.n)
        cdef Py_ssize_t t
        if self.n_blocks != other.n_blocks:
            raise ValueError("the arrays differ in size")
        for t in prange(self.n_blocks, nogil=True, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            parts[t] = product_squares(self.blocks[t].data, other.blocks[t].data, self.blocks[t].n)
        for t in range(self.n_blocks):
            sums[self.blocks[t].item] += parts[t]
        return np.asarray(sums)


def row_squares(const real[:, ::1] x, int n_threads):
    """The sum of squares of each row, float64."""
    cdef Py_ssize_t i, m = x.shape[0], n = x.shape[1]
    cdef double[::1] sums = np.zeros(m)
    if n:
        for i in prange(m, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
            sums[i] = squares(&x[i, 0], n)
    return np.asarray(sums)


cdef void add_squares(const real* row, double* sums, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef double v
    for j in range(n):
        v = row[j]
        sums[j] += v * v


cdef void stripe_squares(const real* x, Py_ssize_t m, Py_ssize_t n, Py_ssize_t width, double* sums) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(m):
        add_squares(x + i * n, sums, width)


def column_squares(const real[:, ::1] x, int n_threads):
    """The sum of squares of each column, float64; each is added up from the first row to the last."""
    cdef Py_ssize_t t, m = x.shape[0], n = x.shape[1]
    cdef double[::1] sums = np.zeros(n)
    if m:
        for t in prange((n + STRIPE - 1) // STRIPE, nogil=True, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            stripe_squares(&x[0, t * STRIPE], m, n, min(STRIPE, n - t * STRIPE), &sums[t * STRIPE])
    return np.asarray(sums)


cdef void add_row(const real* row, double weight, double* sums, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        sums[j] += weight * row[j]


cdef void stripe_weighted(const real* x, const double* weights, Py_ssize_t m, Py_ssize_t n, Py_ssize_t width,
                          double* sums) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(m):
        add_row(x + i * n, weights[i], sums, width)


def weighted_rows(const real[:, ::1] x, const double[::1] weights, int n_threads):
    """The sum of the rows times their weights, float64; each column is added up from the first row to the last."""
    cdef Py_ssize_t t, m = x.shape[0], n = x.shape[1]
    cdef double[::1] sums = np.zeros(n)
    if weights.shape[0] != m:
        raise ValueError(f"{m} rows, but {weights.shape[0]} weights")
    if m:
        for t in prange((n + STRIPE - 1) // STRIPE, nogil=True, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            stripe_weighted(&x[0, t * STRIPE], &weights[0], m, n, min(STRIPE, n - t * STRIPE), &sums[t * STRIPE])
    return np.asarray(sums)
