# One slot of each pass: serial, over its tiles, with the scratch of the running thread.

cdef enum:
    SLOTS = 64               # at most; fewer where partial sums would be large beside the data
    SLOT_ROWS = 64           # at least
    GRAM_ROWS = 256          # rows of a slot that has a private Gram matrix, at least
    PANEL = 96               # columns of an output panel of a large Gram matrix
    PANEL_FROM = 400         # number of columns from which a Gram matrix is computed by panels
    MOST_PARTIAL = 25165824  # bytes of partial sums that are always allowed
    LINE = 64                # bytes of a cache line
    POLL_ELEMENTS = 65536    # elements of X in a slot from which signals are looked for between slots

cdef struct data_t:
    const real* x
    Py_ssize_t n, p, k
    Py_ssize_t targets       # numbers of a row's target: k, or 1
    const int64_t* rows
    const real* target
    const int64_t* index
    const real* weight
    const real* offset
    bint row_loss
    block_t block
    const double* par
    const double* class_weight
    const double* output_weight  # (k,) or NULL, pointwise losses
    Py_ssize_t tile          # the most rows of a tile; passes that read it once or twice take fewer

cdef struct pass_t:
    int what                 # of the loss block; 0: no loss
    Py_ssize_t tile          # rows of a tile
    Py_ssize_t tiles
    Py_ssize_t slots
    const real* coef         # packed; NULL: predictions are given, or not needed
    const real* intercept    # (k,) or NULL
    bint offset              # whether predictions include the offset
    bint forward_direction   # coef gives a direction, predictions are in raw
    const real* raw          # (n, k)
    real* raw_out            # (n, k) or NULL
    const real* direction    # (n, k)
    double alpha
    const real* residual     # (n, k): what the rank update takes, without a loss
    bint residual_weight     # the weights are the residual
    real* hessian_out        # (n,): stored curvature
    bint gradient
    bint gram
    bint narrow              # tiles are transposed
    double* g                # (slots, k (p + 1)): coefficients, then intercepts
    double* hx               # (slots, pairs, p + 1): sums of h x and of h
    double* hess             # (slots, pairs, p, p)
    double* value            # (slots, 4): value, slope, curvature, weight
    int64_t* status          # (slots,)

cdef struct scratch_t:
    real* x                  # (tile, p): gathered rows
    real* z                  # (tile, k) each
    real* r
    real* h
    real* v
    real* target
    real* weight
    real* ones               # (tile,)
    real* pair               # (tile,)
    real* full               # (tile, k, k), row losses
    int64_t* index           # (tile,)
    real* xt                 # the transposed tile
    real* work               # of the tile kernels


cdef inline const real* rows_of(const data_t* d, const scratch_t* s, Py_ssize_t i0, Py_ssize_t m) noexcept nogil:
    """The m rows from position i0 on, p apart: in place, or gathered."""
    cdef Py_ssize_t i
    if d.rows == NULL:
        return d.x + i0 * d.p
    for i in range(m):
        memcpy(s.x + i * d.p, d.x + d.rows[i0 + i] * d.p, d.p * sizeof(real))
    return s.x


cdef inline const real* taken(const data_t* d, const real* a, real* out, Py_ssize_t width,
                              Py_ssize_t i0, Py_ssize_t m) noexcept nogil:
    """Rows of an array that belongs to the rows of X (width elements each)."""
    cdef Py_ssize_t i, j
    if a == NULL:
        return NULL
    if d.rows == NULL:
        return a + i0 * width
    for i in range(m):
        for j in range(width):
            out[i * width + j] = a[d.rows[i0 + i] * width + j]
    return out


cdef inline int64_t loss_tile(const data_t* d, const scratch_t* s, int what, const real* z, real* r, real* h,
                              const real* v, real* hv, Py_ssize_t i0, Py_ssize_t m, double* value) noexcept nogil:
    """The loss block on the m rows from position i0 on."""
    cdef job_t job
    cdef Py_ssize_t i, c, k = d.k, count = m
    cdef const real* w = taken(d, d.weight, s.weight, 1, i0, m)
    cdef real one
    memset(&job, 0, sizeof(job_t))
    job.target = taken(d, d.target, s.target, d.targets, i0, m)
    if d.index != NULL:
        job.index = d.index + i0
        if d.rows != NULL:
            for i in range(m):
                s.index[i] = d.index[d.rows[i0 + i]]
            job.index = s.index
    if not d.row_loss:
        count = m * k
        if d.output_weight != NULL or (w != NULL and k > 1):
            for i in range(m - 1, -1, -1):  # backwards: w may be the same buffer
                one = w[i] if w != NULL else 1
                for c in range(k):
                    s.weight[i * k + c] = one if d.output_weight == NULL else one * <real> d.output_weight[c]
            w = s.weight
    job.weight = w
    job.raw = z
    job.gradient = r
    job.hessian = h
    job.direction = v
    job.product = hv
    job.par = d.par
    job.class_weight = d.class_weight
    job.scale = 1.0
    job.k = k if d.row_loss else 1
    job.what = what
    value[0] = 0.0
    return d.block(&job, 0, count, value)


cdef void pass_slot(const data_t* d, const pass_t* c, const scratch_t* s, Py_ssize_t slot) noexcept nogil:
    """Predictions, loss, rank update and Gram update of the tiles of one slot."""
    cdef Py_ssize_t t, i, i0, m, j, a, b, pair, p = d.p, k = d.k
    cdef Py_ssize_t pairs = k * (k + 1) // 2 if d.row_loss else 1
    cdef const real* x
    cdef const real* xt = s.xt if c.narrow else NULL
    cdef const real* next
    cdef const real* raw
    cdef const real* r
    cdef const real* h
    cdef const real* o
    cdef real* z
    cdef double* g = NULL
    cdef double* hx
    cdef double v, total = 0.0
    cdef real shift
    cdef int64_t status = 0
    if c.g != NULL:
        g = c.g + slot * k * (p + 1)
        memset(g, 0, k * (p + 1) * sizeof(double))
    if c.gram:
        memset(c.hx + slot * pairs * (p + 1), 0, pairs * (p + 1) * sizeof(double))
        if c.hess != NULL:
            memset(c.hess + slot * pairs * p * p, 0, pairs * p * p * sizeof(double))
    for t in range(c.tiles * slot // c.slots, c.tiles * (slot + 1) // c.slots):
        i0 = t * c.tile
        m = min(c.tile, d.n - i0)
        x = rows_of(d, s, i0, m) if c.coef != NULL or c.gradient or c.gram else NULL
        if c.narrow and c.coef == NULL:
            tile_transpose(x, p, m, p, s.xt, NULL, NULL)
        next = x + m * p if d.rows == NULL and i0 + m < d.n else NULL
        raw = c.raw + i0 * k if c.raw != NULL else NULL
        r = NULL
        h = NULL
        if c.coef != NULL:
            z = c.raw_out + i0 * k if c.raw_out != NULL else (s.v if c.forward_direction else s.z)
            if c.narrow:
                tile_transpose(x, p, m, p, s.xt, c.coef, z)
            else:
                tile_forward(x, p, m, p, k, c.coef, z, next, c.gradient)
            if c.intercept != NULL:
                if k == 1:
                    shift = c.intercept[0]
                    for i in range(m):
                        z[i] += shift
                else:
                    for i in range(m):
                        for j in range(k):
                            z[i * k + j] += c.intercept[j]
            if c.offset and d.offset != NULL:
                o = taken(d, d.offset, s.target, k, i0, m)
                for i in range(m * k):
                    z[i] += o[i]
            if not c.forward_direction:
                raw = z
        if c.what:
            z = s.full if c.what & FO_FULL_HESSIAN else (c.hessian_out + i0 if c.hessian_out != NULL else s.h)
            status |= loss_tile(d, s, c.what, raw, s.r, z, s.v if c.forward_direction else NULL, s.r, i0, m, &v)
            total += v
            r = s.r
            h = z
        elif c.residual != NULL:
            r = c.residual + i0 * (1 if c.gram else k)  # a Gram matrix takes one weight a row
            h = r
        elif c.residual_weight:
            r = taken(d, d.weight, s.weight, 1, i0, m)
            h = r
        if c.gradient:
            tile_backward(x, p, xt, m, p, k, r, g, next, s.work)
            if k == 1:
                g[p] += tile_sum(r, m)
            else:
                for i in range(m):
                    for j in range(k):
                        g[k * p + j] += r[i * k + j]
        if c.gram:
            pair = 0
            for a in range(k if d.row_loss and c.what else 1):
                for b in range(a, k if d.row_loss and c.what else 1):
                    if c.what & FO_FULL_HESSIAN:
                        for i in range(m):
                            s.pair[i] = s.full[(i * k + a) * k + b]
                        h = s.pair
                    hx = c.hx + (slot * pairs + pair) * (p + 1)
                    tile_backward(x, p, xt, m, p, 1, h if h != NULL else s.ones, hx, NULL, s.work)
                    hx[p] += tile_sum(h, m) if h != NULL else m
                    if c.hess != NULL:
                        tile_gram(x, p, xt, m, 0, p, h, c.hess + (slot * pairs + pair) * p * p, p, s.work)
                    pair += 1
    c.value[4 * slot] = total
    c.status[slot] = status


cdef void line_slot(const data_t* d, const pass_t* c, const scratch_t* s, Py_ssize_t slot) noexcept nogil:
    """Value, slope and curvature at raw + alpha direction, without X."""
    cdef Py_ssize_t t, i, i0, m, k = d.k
    cdef const real* u
    cdef double v, total = 0.0, slope = 0.0, curvature = 0.0
    cdef int64_t status = 0
    cdef real alpha = <real> c.alpha
    for t in range(c.tiles * slot // c.slots, c.tiles * (slot + 1) // c.slots):
        i0 = t * c.tile
        m = min(c.tile, d.n - i0)
        u = c.direction + i0 * k
        for i in range(m * k):
            s.z[i] = c.raw[i0 * k + i] + alpha * u[i]
        status |= loss_tile(d, s, FO_VALUE | FO_GRADIENT | FO_PRODUCT, s.z, s.r, NULL, u, s.h, i0, m, &v)
        total += v
        slope += tile_dot(u, s.r, m * k)
        curvature += tile_dot(u, s.h, m * k)
    c.value[4 * slot] = total
    c.value[4 * slot + 1] = slope
    c.value[4 * slot + 2] = curvature
    c.status[slot] = status


cdef void panel_slot(const data_t* d, const pass_t* c, const scratch_t* s, Py_ssize_t slot) noexcept nogil:
    """One panel of columns of the upper triangle of X' diag(h) X, straight into hess (p + 1 apart)."""
    cdef Py_ssize_t t, i0, m, a, p = d.p
    cdef Py_ssize_t panel = c.slots - 1 - slot  # the longest first
    cdef Py_ssize_t lo = panel * PANEL, hi = min(lo + PANEL, p)
    cdef const real* h
    for a in range(hi):
        memset(c.hess + a * (p + 1) + lo, 0, (hi - lo) * sizeof(double))
    for t in range(c.tiles):
        i0 = t * c.tile
        m = min(c.tile, d.n - i0)
        h = c.residual + i0 if c.residual != NULL else NULL
        if h == NULL and c.residual_weight:
            h = taken(d, d.weight, s.weight, 1, i0, m)
        tile_gram(rows_of(d, s, i0, m), p, NULL, m, lo, hi, h, c.hess, p + 1, s.work)


cdef void moments_slot(const data_t* d, const pass_t* c, const scratch_t* s, Py_ssize_t slot) noexcept nogil:
    """Weight, means and centred squares of one slot: less the first row, in two passes over a tile in
    cache, tiles merged by Chan's formula: a mean far above the deviation costs no digits."""
    cdef Py_ssize_t t, i0, m, p = d.p
    cdef const real* shift = d.x + (d.rows[0] if d.rows != NULL else 0) * p if d.n else NULL
    cdef double* mean = c.g + slot * 4 * p
    cdef double* square = mean + p
    cdef double* tile_mean = mean + 2 * p
    cdef double* tile_square = mean + 3 * p
    cdef double total = 0.0, w
    memset(mean, 0, 2 * p * sizeof(double))
    for t in range(c.tiles * slot // c.slots, c.tiles * (slot + 1) // c.slots):
        i0 = t * c.tile
        m = min(c.tile, d.n - i0)
        w = tile_moments(rows_of(d, s, i0, m), p, m, p, taken(d, d.weight, s.weight, 1, i0, m),
                         shift, tile_mean, tile_square)
        merge_moments(p, &total, mean, square, w, tile_mean, tile_square)
    c.value[4 * slot + 3] = total


cdef inline void merge_moments(Py_ssize_t p, double* total, double* mean, double* square,
                               double w, const double* other_mean, const double* other_square) noexcept nogil:
    cdef Py_ssize_t j
    cdef double share, e, both = total[0] + w
    share = w / both if both > 0.0 else 0.0
    for j in range(p):
        e = other_mean[j] - mean[j]
        mean[j] += share * e
        square[j] += other_square[j] + total[0] * share * e * e
    total[0] = both


cdef void finite_slot(const data_t* d, const pass_t* c, const scratch_t* s, Py_ssize_t slot) noexcept nogil:
    cdef Py_ssize_t t, i0, m
    cdef int bad = 0
    for t in range(c.tiles * slot // c.slots, c.tiles * (slot + 1) // c.slots):
        i0 = t * c.tile
        m = min(c.tile, d.n - i0)
        bad |= tile_not_finite(rows_of(d, s, i0, m), m * d.p)
    c.status[slot] = bad


ctypedef void (*slot_t)(const data_t*, const pass_t*, const scratch_t*, Py_ssize_t) noexcept nogil


cdef int poll() noexcept nogil:
    """Whether a signal's handler raised; its exception is set then."""
    with gil:
        return check_signals()


cdef int drive(slot_t work, const data_t* d, const pass_t* c, const scratch_t* s, int n_threads) except -1 nogil:
    """All slots, each with the scratch of the thread that runs it. Between the slots of much data the calling
    thread looks for signals; where a handler raises, the slots that have not begun are left out."""
    cdef Py_ssize_t slot, slots = c.slots
    cdef bint often = d.n * d.p * (1 + d.k // 8) // slots >= POLL_ELEMENTS
    cdef int stop = 0
    cdef int* stopped = &stop
    if n_threads == 1 or slots == 1:
        for slot in range(slots):
            work(d, c, s, slot)
            if often and poll() != 0:
                return -1
        return 0
    for slot in prange(slots, schedule="dynamic", chunksize=1, num_threads=n_threads):
        if stopped[0] == 0:
            work(d, c, s + threadid(), slot)
            if often and threadid() == 0 and poll() != 0:
                stopped[0] = -1
    return stop
