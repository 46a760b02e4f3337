# What happens to a gradient between the caller's array and the rule: centred, scaled and clamped by block, with noise
# from a counter. A block is made in a buffer that stays in cache, so that a step still reads each gradient once.

from libc.stdint cimport uint32_t, uint64_t

cdef extern from "fo_random.h" nogil:
    ctypedef struct words_t "fo_words":
        uint32_t a
        uint32_t b
        uint32_t c
        uint32_t d
    ctypedef struct normals_t "fo_normals":
        double first
        double second
    words_t c_philox "fo_philox"(words_t counter, uint32_t low, uint32_t high)
    normals_t c_normal_pair "fo_normal_pair"(words_t counter, uint32_t low, uint32_t high)
    words_t c_stream "fo_stream"(uint64_t pair, uint32_t purpose, uint32_t array, uint32_t step)

cdef enum:
    NOISE = 1            # purposes of a stream: gradient noise, differential privacy

# How an array is cut into units (the weights of one output), and what each unit's elements get.
cdef struct filter_t:
    Py_ssize_t rows, cols, units, first   # first: of the units of all arrays
    bint by_rows, centred                 # a unit is a row or a column
    bint plain                            # one unit, not centred
    double* shift
    double* factor

# Of the whole step.
cdef struct noise_t:
    double bound, sigma                   # bound: 0 for none
    uint32_t low, high, step


cdef void affine(const real* x, real* out, double shift, double factor, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = <real> ((x[i] - shift) * factor)


cdef void affine_columns(const real* x, real* out, const double* shift, const double* factor,
                         Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = <real> ((x[i] - shift[i]) * factor[i])


cdef void add_normals(real* x, double sigma, uint32_t low, uint32_t high, uint32_t purpose, uint32_t array,
                      uint32_t step, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    """x[0..hi-lo) += sigma * the normals lo..hi-1 of a stream; lo is even."""
    cdef Py_ssize_t i, n = (hi - lo) // 2
    cdef uint64_t pair = lo // 2
    cdef normals_t z
    for i in range(n):
        z = c_normal_pair(c_stream(pair + i, purpose, array, step), low, high)
        x[2 * i] = <real> (x[2 * i] + sigma * z.first)
        x[2 * i + 1] = <real> (x[2 * i + 1] + sigma * z.second)
    if 2 * n < hi - lo:
        z = c_normal_pair(c_stream(pair + n, purpose, array, step), low, high)
        x[2 * n] = <real> (x[2 * n] + sigma * z.first)


cdef void filtered(const real* g, real* out, Py_ssize_t lo, Py_ssize_t hi, const filter_t* f,
                   const noise_t* s, uint32_t array) noexcept nogil:
    """Elements lo..hi-1 of a gradient as the rule gets them."""
    cdef Py_ssize_t i = lo, unit, n
    if f.by_rows:
        while i < hi:
            unit = i // f.cols
            n = min(hi, (unit + 1) * f.cols) - i
            affine(g + i, out + (i - lo), f.shift[unit], f.factor[unit], n)
            i += n
    else:
        while i < hi:
            unit = i % f.cols
            n = min(hi - i, f.cols - unit)
            affine_columns(g + i, out + (i - lo), f.shift + unit, f.factor + unit, n)
            i += n
    if s.bound > 0:
        clamp(out, s.bound, hi - lo)
    if s.sigma > 0:
        add_normals(out, s.sigma, s.low, s.high, NOISE, array, s.step, lo, hi)


cdef double row_sum(const real* x, double shift, bint squared, Py_ssize_t n) noexcept nogil:
    """The sum of x - shift or of its squares."""
    cdef double[PARTS] s
    cdef double v, total = 0.0
    cdef Py_ssize_t i, whole = n - n % PARTS
    cdef int k
    for k in range(PARTS):
        s[k] = 0.0
    if squared:
        for i in range(whole // PARTS):
            for k in range(PARTS):
                v = x[i * PARTS + k] - shift
                s[k] += v * v
    else:
        for i in range(whole // PARTS):
            for k in range(PARTS):
                s[k] += x[i * PARTS + k] - shift
    for i in range(whole, n):
        v = x[i] - shift
        s[i - whole] += v * v if squared else v
    for k in range(PARTS):
        total += s[k]
    return total


cdef void add_columns(const real* x, const double* shift, bint squared, double* sums, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef double v
    if squared:
        for j in range(n):
            v = x[j] - shift[j]
            sums[j] += v * v
    else:
        for j in range(n):
            sums[j] += x[j] - shift[j]


cdef void stripe_sums(const real* x, const filter_t* f, const double* shift, bint squared, double* sums,
                      Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    """Units lo..hi-1 of an array: each is added up in one thread, in an order that depends on the shape alone."""
    cdef Py_ssize_t i
    for i in range(lo, hi):
        sums[i] = 0.0
    if f.by_rows:
        for i in range(lo, hi):
            sums[i] = row_sum(x + i * f.cols, shift[i], squared, f.cols)
    else:
        for i in range(f.rows):
            add_columns(x + i * f.cols + lo, shift + lo, squared, sums + lo, hi - lo)


cdef void unit_sums(const real* x, const filter_t* f, const double* shift, bint squared, double* sums,
                    int n_threads) noexcept nogil:
    cdef Py_ssize_t t, n = (f.units + STRIPE - 1) // STRIPE
    cdef Py_ssize_t width = STRIPE
    if f.by_rows:  # tasks of about a block
        width = max(1, BLOCK // max(1, f.cols))
        n = (f.units + width - 1) // width
    if n_threads <= 1 or n <= 1:
        stripe_sums(x, f, shift, squared, sums, 0, f.units)
    else:
        for t in prange(n, schedule="static", num_threads=n_threads):
            stripe_sums(x, f, shift, squared, sums, t * width, min(f.units, (t + 1) * width))


cdef bint finite(const real* x, Py_ssize_t n) noexcept nogil:
    """Whether all elements are finite: x - x is 0 for them and NaN for the others."""
    cdef real[PARTS] s
    cdef real total = 0
    cdef Py_ssize_t i, whole = n - n % PARTS
    cdef int k
    for k in range(PARTS):
        s[k] = 0
    for i in range(whole // PARTS):
        for k in range(PARTS):
            s[k] += x[i * PARTS + k] - x[i * PARTS + k]
    for i in range(whole, n):
        s[0] += x[i] - x[i]
    for k in range(PARTS):
        total += s[k]
    return total == 0


def philox(counter, key):
    """The four words of Philox 4x32-10 for a counter of four words and a key of two."""
    cdef words_t c
    c.a, c.b, c.c, c.d = counter
    c = c_philox(c, key[0], key[1])
    return c.a, c.b, c.c, c.d


def add_noise(real[::1] x, double sigma, uint64_t seed, uint32_t purpose, uint32_t array, uint32_t step):
    """x += sigma * the first normals of the stream (seed, purpose, array, step)."""
    if x.shape[0]:
        with nogil:
            add_normals(&x[0], sigma, <uint32_t> seed, <uint32_t> (seed >> 32), purpose, array, step, 0, x.shape[0])
