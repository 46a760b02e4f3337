# Steps of whole matrices: momentum, Newton-Schulz iterations over the products of fo_products.h, and the step.
# Tasks depend on shapes alone and each sum has its terms in one order: the same bits for any number of threads.

cdef extern from "fo_products.h" nogil:
    enum:
        LANES "FO(lanes)"
        PANEL "FO(panel)"
        HEIGHT "FO(product_height)"
        FAR "FO(far)"
        SCRATCH "FO(product_scratch)"
    void tile_product "FO(tile_product)"(const real* a, Py_ssize_t ar, Py_ssize_t as_, const real* b, Py_ssize_t steps,
                                         Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t left, Py_ssize_t right, bint half,
                                         real alpha, real beta, const real* d, real* c, Py_ssize_t ld,
                                         real* scratch) nogil
    void tile_mirror "FO(tile_mirror)"(real* c, Py_ssize_t i, Py_ssize_t ld) nogil
    void tile_transpose "FO(tile_transpose)"(const real* x, Py_ssize_t ld, Py_ssize_t m, Py_ssize_t p, real* xt,
                                             const real* w, real* z) nogil

cdef enum:
    SPAN = 8             # panels of a task of a product whose factors are copied; of others one
    ALONE = 32768        # elements up to which a matrix is one thread's; all threads share a larger one
    ALONE_OF_MANY = 8 * ALONE  # the same where there are at least two for each thread

# A matrix (m, n) that is stepped. X is the matrix or, where that has more columns than rows, its transpose: (longer,
# shorter) with rows of ld elements, zeros behind the last column.
cdef struct matrix_t:
    update_t u
    Py_ssize_t m, n, longer, shorter, ld
    real* x
    real* y              # as x
    real* gram           # (ld, ld)
    real* polynomial     # (ld, ld)
    real* scratch        # of products whose factors are copied
    double* parts        # sums of squares of blocks
    real* rows           # what is made orthogonal, in the order of w: rows `stride` apart
    Py_ssize_t stride, height, blocks  # rows of a block of w, and how many there are
    double factor

# c = alpha a b + beta d as in tile_product, in tasks of `height` rows and `width` columns; half: c is symmetric.
cdef struct product_t:
    const real* a
    Py_ssize_t ar, as_, rows
    const real* b
    Py_ssize_t steps
    bint half
    real alpha, beta
    const real* d
    real* c
    Py_ssize_t ld
    real* scratch        # for each thread
    Py_ssize_t height, width, across  # and how many tasks lie side by side

ctypedef void (*task_t)(const void* of, Py_ssize_t t, int thread) noexcept nogil


cdef void run_tasks(task_t task, const void* of, Py_ssize_t n, int n_threads) noexcept nogil:
    cdef Py_ssize_t t
    if n_threads > 1 and n > 1:
        for t in prange(n, schedule="dynamic", chunksize=1, num_threads=n_threads):
            task(of, t, threadid())
    else:
        for t in range(n):
            task(of, t, 0)


cdef void product_task(const void* of, Py_ssize_t t, int thread) noexcept nogil:
    cdef const product_t* p = <const product_t*> of
    cdef Py_ssize_t lo = t // p.across * p.height, left = t % p.across * p.width
    cdef Py_ssize_t right = min(left + p.width, p.ld)
    if not p.half or lo < right:
        tile_product(p.a, p.ar, p.as_, p.b, p.steps, lo, min(lo + p.height, p.rows), left, right, p.half, p.alpha,
                     p.beta, p.d, p.c, p.ld, p.scratch + thread * SCRATCH)


cdef void mirror_task(const void* of, Py_ssize_t t, int thread) noexcept nogil:
    cdef const product_t* p = <const product_t*> of
    tile_mirror(p.c, t * LANES, p.ld)


cdef void product(const matrix_t* o, const real* a, Py_ssize_t ar, Py_ssize_t as_, Py_ssize_t rows, const real* b,
                  Py_ssize_t steps, bint half, real alpha, real beta, const real* d, real* c, int n_threads) noexcept nogil:
    cdef Py_ssize_t down = (rows + HEIGHT - 1) // HEIGHT, width = (SPAN if o.ld > FAR else 1) * PANEL
    cdef product_t p = product_t(a, ar, as_, rows, b, steps, half, alpha, beta, d, c, o.ld, o.scratch,
                                 (rows + down - 1) // down, width, (o.ld + width - 1) // width)
    run_tasks(product_task, &p, down * p.across, n_threads)
    if half:
        run_tasks(mirror_task, &p, o.ld // LANES, n_threads)


cdef void newton_schulz(matrix_t* o, const double* coefficients, int n_steps, int n_threads) noexcept nogil:
    """X <- a X + X (b G + c G G), G = X'X, so many times."""
    cdef real a = <real> coefficients[0], b = <real> coefficients[1], c = <real> coefficients[2]
    cdef Py_ssize_t ld = o.ld, k
    for k in range(n_steps):
        product(o, o.x, 1, ld, o.shorter, o.x, o.longer, True, 1, 0, NULL, o.gram, n_threads)
        product(o, o.gram, ld, 1, o.shorter, o.gram, o.shorter, True, c, b, o.gram, o.polynomial, n_threads)
        product(o, o.x, ld, 1, o.longer, o.polynomial, o.shorter, False, 1, a, o.x, o.y, n_threads)
        o.x, o.y = o.y, o.x


cdef void before_row(out_t a, in_t g, out_t x, scalars_t s, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef element e
    for i in range(n):
        e.a = a[i]
        e = c_muon_before(e, s.sign * g[i], &s)
        a[i] = e.a
        x[i] = e.w


cdef void after_row(out_t w, in_t x, scalars_t s, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef element e
    for i in range(n):
        e.w = w[i]
        w[i] = c_sgd(e, x[i], &s).w


cdef void before_task(const void* of, Py_ssize_t t, int thread) noexcept nogil:
    """A block of momentum and of what is made orthogonal, with the sum of its squares."""
    cdef const matrix_t* o = <const matrix_t*> of
    cdef scalars_t s = read_scalars(o.u.scalars)
    cdef Py_ssize_t i = t * o.height, end = min(i + o.height, o.m), n = o.n, k
    o.parts[t] = 0.0
    if o.stride == n:  # as one row
        before_row(o.u.a + i * n, o.u.g + i * n, o.rows + i * n, s, (end - i) * n)
        o.parts[t] = squares(o.rows + i * n, (end - i) * n)
        return
    for i in range(i, end):
        before_row(o.u.a + i * n, o.u.g + i * n, o.rows + i * o.stride, s, n)
        o.parts[t] += squares(o.rows + i * o.stride, n)
        for k in range(n, o.stride):
            o.rows[i * o.stride + k] = 0


cdef void scale_task(const void* of, Py_ssize_t t, int thread) noexcept nogil:
    cdef const matrix_t* o = <const matrix_t*> of
    scale(o.rows + t * o.height * o.stride, o.factor, min(o.height, o.m - t * o.height) * o.stride)


cdef void after_task(const void* of, Py_ssize_t t, int thread) noexcept nogil:
    cdef const matrix_t* o = <const matrix_t*> of
    cdef scalars_t s = read_scalars(o.u.scalars)
    cdef Py_ssize_t i = t * o.height, end = min(i + o.height, o.m), n = o.n
    if o.stride == n:
        after_row(o.u.w + i * n, o.rows + i * n, s, (end - i) * n)
        return
    for i in range(i, end):
        after_row(o.u.w + i * n, o.rows + i * o.stride, s, n)


cdef void step_matrix(matrix_t* o, const double* coefficients, int n_steps, double eps, bint added,
                      int n_threads) noexcept nogil:
    cdef bint wide = o.n > o.m
    cdef double norm = 0.0
    cdef Py_ssize_t t
    o.rows, o.stride = (o.y, o.n) if wide else (o.x, o.ld)
    run_tasks(before_task, o, o.blocks, n_threads)
    for t in range(o.blocks):
        norm += o.parts[t]
    norm = sqrt(norm)
    if added:
        norm += eps
    elif norm < eps:
        norm = eps
    o.factor = 1.0 / norm
    run_tasks(scale_task, o, o.blocks, n_threads)
    if wide:
        tile_transpose(o.rows, o.n, o.m, o.n, o.x, NULL, NULL)
    newton_schulz(o, coefficients, n_steps, n_threads)
    o.rows = o.x
    if wide:
        tile_transpose(o.x, o.ld, o.n, o.m, o.y, NULL, NULL)
        o.rows, o.stride = o.y, whole_lanes(o.n)
    run_tasks(after_task, o, o.blocks, n_threads)


cdef Py_ssize_t whole_lanes(Py_ssize_t n) noexcept nogil:
    return (n + LANES - 1) // LANES * LANES


cdef Py_ssize_t whole_lines(Py_ssize_t n) noexcept nogil:
    """Elements in the cache lines of n."""
    cdef Py_ssize_t line = LINE // <Py_ssize_t> sizeof(real)
    return (n + line - 1) // line * line


cdef class Matrices:
    """Muon's steps of matrices, of one shape at a time, in memory that is kept."""
    cdef cnp.ndarray memory

    def step(self, list matrices, tuple row, tuple coefficients, int n_steps, double eps, bint added, int n_threads):
        """One step of each (w, momentum, gradient), C-contiguous and of one shape, which is not empty.

        row: of fo_updates.h's scalars those that muon_before reads and, for the orthogonal matrix as h, sgd. X is
        N / (|N| + eps) where eps is `added`, else N / max(|N|, eps).
        """
        cdef cnp.ndarray w = matrices[0][0], a, g
        cdef Py_ssize_t count = len(matrices), k
        cdef bint alone = cnp.PyArray_SIZE(w) <= (ALONE_OF_MANY if count >= 2 * n_threads else ALONE)
        cdef int slots = <int> min(n_threads, count) if alone else 1  # matrices at a time
        cdef double[FO_SCALARS] scalars
        cdef double[3] abc
        cdef cnp.ndarray ups = np.empty(count * <Py_ssize_t> sizeof(update_t), dtype=np.uint8)
        cdef cnp.ndarray places = np.empty(slots * <Py_ssize_t> sizeof(matrix_t), dtype=np.uint8)
        cdef update_t* updates = <update_t*> cnp.PyArray_DATA(ups)
        cdef matrix_t* place = <matrix_t*> cnp.PyArray_DATA(places)
        for k in range(FO_SCALARS):
            scalars[k] = row[k] if k < len(row) else 0.0
        for k in range(3):
            abc[k] = coefficients[k]
        for k in range(count):
            w, a, g = matrices[k]
            updates[k] = update_t(<real*> cnp.PyArray_DATA(w), <const real*> cnp.PyArray_DATA(g),
                                  <real*> cnp.PyArray_DATA(a), NULL, NULL, NULL, &scalars[0])
        self.lay_out(place, slots, cnp.PyArray_DIM(w, 0), cnp.PyArray_DIM(w, 1), 1 if alone else n_threads)
        with nogil:
            if slots > 1:
                for k in prange(count, schedule="dynamic", chunksize=1, num_threads=slots):
                    place[threadid()].u = updates[k]
                    step_matrix(&place[threadid()], abc, n_steps, eps, added, 1)
            else:
                for k in range(count):
                    place.u = updates[k]
                    step_matrix(place, abc, n_steps, eps, added, 1 if alone else n_threads)

    cdef int lay_out(self, matrix_t* place, int slots, Py_ssize_t m, Py_ssize_t n, int n_threads) except -1:
        """Sizes and memory of each of the matrices that are stepped at a time, each by n_threads."""
        cdef Py_ssize_t longer = max(m, n), shorter = min(m, n), ld = whole_lanes(shorter)
        cdef Py_ssize_t height = max(1, BLOCK // n), blocks = (m + height - 1) // height
        cdef Py_ssize_t size = whole_lines(max(longer * ld, shorter * whole_lanes(longer))), square = whole_lines(ld * ld)
        cdef Py_ssize_t scratch = whole_lines(n_threads * SCRATCH) if ld > FAR else 0
        cdef Py_ssize_t each = 2 * (size + square) + scratch + whole_lines(blocks * (8 // <Py_ssize_t> sizeof(real)))
        cdef Py_ssize_t total = slots * each * <Py_ssize_t> sizeof(real) + LINE
        cdef real* at
        cdef int k
        if self.memory is None or self.memory.nbytes < total:
            self.memory = None
            self.memory = np.empty(total, dtype=np.uint8)
        at = <real*> ((<uintptr_t> cnp.PyArray_DATA(self.memory) + LINE - 1) // LINE * LINE)
        for k in range(slots):
            place[k] = matrix_t(u=update_t(NULL, NULL, NULL, NULL, NULL, NULL, NULL), m=m, n=n, longer=longer,
                                shorter=shorter, ld=ld, x=at, y=at + size, gram=at + 2 * size,
                                polynomial=at + 2 * size + square, scratch=at + 2 * (size + square),
                                parts=<double*> (at + 2 * (size + square) + scratch), rows=at, stride=ld,
                                height=height, blocks=blocks, factor=1.0)
            at += each
        return 0
