# L-BFGS between bounds: the minimiser of the model over the entries that are free at its Cauchy point. All float64, in
# either module.

cdef enum:
    FO_CHUNK = 128  # columns of the free or the held entries, gathered for their products


cdef inline double between(double v, double lower, double upper) noexcept nogil:
    v = lower if v < lower else v
    return upper if v > upper else v


cdef inline double reach(double x, double d, double lower, double upper) noexcept nogil:
    """The t for which x + t d is at a bound."""
    cdef double t = ((upper if d > 0 else lower) - x) / d
    return t if d != 0 else INFINITY


cdef double room(const double* x, const double* d, const double* lower, const double* upper,
                 Py_ssize_t n) noexcept nogil:
    """The largest t for which x + t d is between the bounds, at most FO_COLUMNS of them."""
    cdef double[FO_COLUMNS] t
    cdef double[FO_LANES] least
    cdef Py_ssize_t i = 0, j
    cdef double out = INFINITY
    for j in range(n):
        t[j] = reach(x[j], d[j], lower[j], upper[j])
    for j in range(FO_LANES):
        least[j] = INFINITY
    while i + FO_LANES <= n:
        for j in range(FO_LANES):
            least[j] = t[i + j] if t[i + j] < least[j] else least[j]
        i += FO_LANES
    for j in range(i, n):
        out = t[j] if t[j] < out else out
    for j in range(FO_LANES):
        out = least[j] if least[j] < out else out
    return out


cdef const double* gathered(const double* row, const Py_ssize_t* index, Py_ssize_t count, Py_ssize_t size,
                            double* out) noexcept nogil:
    """The entries of a row that the index names."""
    cdef Py_ssize_t j
    if count == size:
        return row
    for j in range(count):
        out[j] = row[index[j]]
    return out


def largest_projected(const double[::1] x, const double[::1] gradient, const double[::1] lower,
                      const double[::1] upper):
    """max |x - P(x - gradient)|, P onto the bounds: zero exactly where no feasible direction descends."""
    cdef Py_ssize_t n = x.shape[0], i, j, size, b
    cdef double[FO_COLUMNS] v
    cdef double top = 0.0, t
    if gradient.shape[0] != n or lower.shape[0] != n or upper.shape[0] != n:
        raise ValueError(f"x, gradient, lower and upper must have one length, got {n}, {gradient.shape[0]}, "
                         f"{lower.shape[0]}, {upper.shape[0]}")
    with nogil:
        for b in range((n + FO_COLUMNS - 1) // FO_COLUMNS):
            i = b * FO_COLUMNS
            size = n - i if n - i < FO_COLUMNS else FO_COLUMNS
            for j in range(size):
                v[j] = x[i + j] - between(x[i + j] - gradient[i + j], lower[i + j], upper[i + j])
            t = largest(v, size)
            if t != t:
                top = t
                break
            top = t if t > top else top
    return top


cdef class BoundedPairs(ModelPairs):
    """The pairs of `ModelPairs` between bounds.

    Over F, the entries that are free at the generalized Cauchy point,

        z = -(g + W v / theta - W M c) / theta,  K v = W_F'(g - W M c),
        K = [-I - Y_F'Y_F / theta, Q'; Q, S_A'S_A / theta]

    minimises the model: c = W_A'z of the others, W M W' = H H' - Y Y', and theta Q is S_A'Y_A below its diagonal and
    -S_F'Y_F from there on. Byrd, Lu, Nocedal and Zhu, SIAM J. Sci. Comput. 16 (1995); projection: Morales and Nocedal,
    ACM Trans. Math. Softw. 38 (2011).
    """

    cdef Py_ssize_t width    # of the vectors
    cdef double[:, ::1] vectors  # the part of -g that may move, then z; the t at which an entry meets its bound, or 0
    cdef object way_of_line  # what `target` returns as d: kept, because new pages cost more than what is written there
    cdef double[::1] way_view
    cdef const double** at   # rows of Y and S in the columns of a chunk
    cdef double* more        # what follows, in one piece
    cdef double* q           # Q', then its quotient by the factor of the first block of -K, which is in p
    cdef double* r           # the last block of K, then the factor of its Schur complement
    cdef double* model       # M c
    cdef double* chunk       # (2 memory + 1, FO_CHUNK)

    def __cinit__(self, Py_ssize_t memory):
        cdef Py_ssize_t m = memory
        self.width = 0
        self.at = <const double**> malloc(2 * m * sizeof(double*))
        self.more = <double*> malloc((2 * m * m + 2 * m + (2 * m + 1) * FO_CHUNK) * sizeof(double))
        if self.at == NULL or self.more == NULL:
            raise MemoryError(f"the matrices of {m} pairs")
        self.q, self.r, self.model = self.more, self.more + m * m, self.more + 2 * m * m
        self.chunk = self.model + 2 * m

    def __dealloc__(self):
        free(self.at)
        free(self.more)

    cdef double begin(self, const double* x, const double* g, const double* lower,
                      const double* upper) noexcept nogil:
        """The Cauchy point's t, and the two vectors; nan where rounding hides it."""
        cdef double* d = &self.vectors[0, 0]
        cdef double* bends = &self.vectors[1, 0]
        cdef double dd, v, t
        cdef Py_ssize_t i, n = self.width
        for i in range(n):
            # Where nothing pulls, an entry is free between the bounds only: from one it would be pushed beyond it.
            v = x[i] - lower[i] if x[i] - lower[i] < upper[i] - x[i] else upper[i] - x[i]
            v = v if g[i] == 0 else 1.0
            t = reach(x[i], -g[i], lower[i], upper[i])
            t = t if v > 0 else 0.0
            t = t if t > 0 else 0.0
            bends[i] = t
            d[i] = -g[i] if t > 0 else 0.0
        dd = dot64(d, d, n)
        if dd == 0.0:
            memset(bends, 0, n * sizeof(double))
            return 0.0
        if self.count:
            self.settle(d)
            if not self.understand():
                return NAN
        return self.first_minimiser(d, bends, dd, n)

    cdef void gather(self, const Py_ssize_t* index, Py_ssize_t count, Py_ssize_t lo, Py_ssize_t size) noexcept nogil:
        """The entries of the pairs' rows that the index names, from lo on."""
        cdef Py_ssize_t m = self.memory, i
        for i in range(self.count):
            self.at[i] = gathered(self.difference(i) + lo, index, count, size, self.chunk + i * FO_CHUNK)
            self.at[m + i] = gathered(self.step(i) + lo, index, count, size, self.chunk + (m + i) * FO_CHUNK)

    cdef void restrict(self, const double* g, const double* bends, double t) noexcept nogil:
        """Y_F'Y_F, theta Q', S_A'S_A, unscaled, and W_F'(g - W M c), scaled: -W'd where no entry has met a bound."""
        cdef Py_ssize_t m = self.memory, k = self.count, n = self.width, lo, size, i, j, l, b, n_free, n_held
        cdef Py_ssize_t[FO_CHUNK] index
        cdef Py_ssize_t[FO_CHUNK] held
        cdef double* r = self.chunk + 2 * m * FO_CHUNK
        cdef const double* a
        cdef const double** y = self.at
        cdef const double** s = self.at + m
        cdef double w
        cdef bint bent = False
        memset(self.p, 0, k * k * sizeof(double))
        memset(self.q, 0, k * k * sizeof(double))
        memset(self.r, 0, k * k * sizeof(double))
        for i in range(2 * k):
            bent = bent or self.moved[i] != 0
        for i in range(2 * k):
            self.v[i] = 0.0 if bent else -self.on[i]
        for b in range((n + FO_CHUNK - 1) // FO_CHUNK):
            lo = b * FO_CHUNK
            size = n - lo if n - lo < FO_CHUNK else FO_CHUNK
            n_free = n_held = 0
            for j in range(size):
                index[n_free] = held[n_held] = j
                n_free += bends[lo + j] > t
                n_held += not bends[lo + j] > t
            if n_free:
                self.gather(index, n_free, lo, size)
                if bent:
                    a = gathered(g + lo, index, n_free, size, r)
                    if a != r:
                        memcpy(r, a, n_free * sizeof(double))
                    for i in range(2 * k):
                        a, w = (y[i] if i < k else s[i - k]), self.model[i]
                        for j in range(n_free):
                            r[j] -= w * a[j]
                    for i in range(k):
                        self.v[i] += self.scale[i] * dot64(y[i], r, n_free)
                        self.v[k + i] += self.scale[i] * dot64(s[i], r, n_free)
                for i in range(k):
                    for l in range(i + 1):
                        self.p[i * k + l] += dot64(y[i], y[l], n_free)
                        self.q[i * k + l] -= dot64(y[i], s[l], n_free)
            if n_held:
                self.gather(held, n_held, lo, size)
                for i in range(k):
                    for l in range(i + 1):
                        self.r[i * k + l] += dot64(s[i], s[l], n_held)
                    for l in range(i + 1, k):
                        self.q[i * k + l] += dot64(y[i], s[l], n_held)

    cdef bint solve(self, const double* g, const double* bends, double t) noexcept nogil:
        """The weights of the columns of Y and S in z + gamma g; False where rounding has made K singular."""
        cdef Py_ssize_t k = self.count, i, j, l
        cdef double* f = self.v
        cdef double* h = self.h
        cdef double* row
        cdef double* other
        cdef double w
        self.times_e(self.moved, h)
        for i in range(2 * k):
            w = 0.0
            for j in range(k):
                w += self.columns[i * self.pad + j] * h[j]
            self.model[i] = (w - self.moved[i] if i < k else w) * self.scale[i % k]
        self.restrict(g, bends, t)
        for i in range(k):
            for j in range(k):
                w = self.gamma * self.scale[i] * self.scale[j]
                self.p[i * k + j] = self.p[i * k + j] * w + (i == j)
                self.q[i * k + j] *= w
                self.r[i * k + j] *= w
        if factor(self.p, k, self.panels, 1):
            return False
        solve_lower(self.p, f, k)
        for i in range(k):
            row = self.q + i * k
            for l in range(i):
                w, other = self.p[i * k + l], self.q + l * k
                for j in range(k):
                    row[j] -= w * other[j]
            w = 1.0 / self.p[i * k + i]
            for j in range(k):
                row[j] *= w
        for l in range(k):
            row = self.q + l * k
            for i in range(k):
                self.v[k + i] += row[i] * f[l]
                for j in range(i + 1):
                    self.r[i * k + j] += row[i] * row[j]
        if factor(self.r, k, self.panels, 1):
            return False
        solve_lower(self.r, self.v + k, k)
        solve_upper(self.r, self.v + k, k)
        for l in range(k):
            f[l] = dot64(self.q + l * k, self.v + k, k) - f[l]
        solve_upper(self.p, f, k)
        for i in range(2 * k):
            self.v[i] = self.gamma * (self.model[i] - self.v[i] * self.gamma * self.scale[i % k])
            if not isfinite(self.v[i]):
                return False
        return True

    cdef void arrive(self, const double* x, const double* g, const double* lower, const double* upper, double t,
                     double factor, const double* on_differences, const double* on_steps, double* out,
                     double* slope, double* size, double* far) noexcept nogil:
        """The projection of x + z, z scaled by the factor and with the weighted rows added, kept as it is before.

        Entries that have met a bound before t stay there.
        """
        cdef double* z = &self.vectors[0, 0]
        cdef double* way = &self.way_view[0]
        cdef const double* bends = &self.vectors[1, 0]
        cdef Py_ssize_t n = self.width, lo, end, i, b
        cdef double v
        slope[0], size[0], far[0] = 0.0, 0.0, INFINITY
        for b in range((n + FO_COLUMNS - 1) // FO_COLUMNS):
            lo = b * FO_COLUMNS
            end = n if n - lo < FO_COLUMNS else lo + FO_COLUMNS
            for i in range(lo, end):
                z[i] *= factor
            if on_differences != NULL:
                self.add_all(False, on_differences, z, lo, end - lo)
            if on_steps != NULL:
                self.add_all(True, on_steps, z, lo, end - lo)
            for i in range(lo, end):
                v = upper[i] if g[i] < 0 else lower[i]
                out[i] = v if bends[i] > 0 else x[i]
            for i in range(lo, end):
                v = between(x[i] + z[i], lower[i], upper[i])
                out[i] = v if bends[i] > t else out[i]
            for i in range(lo, end):
                way[i] = out[i] - x[i]
            slope[0] += dot64(g + lo, way + lo, end - lo)
            v = largest(way + lo, end - lo)
            size[0] = size[0] if v <= size[0] else v  # a nan stays
            v = room(x + lo, way + lo, lower + lo, upper + lo, end - lo)
            far[0] = v if v < far[0] else far[0]

    cdef void back(self, const double* x, const double* g, const double* lower, const double* upper,
                   double t) noexcept nogil:
        """z to the last point before a bound on the way from the Cauchy point to x + z."""
        cdef double* z = &self.vectors[0, 0]
        cdef const double* bends = &self.vectors[1, 0]
        cdef Py_ssize_t i
        cdef double start, step, share = 1.0, v
        for i in range(self.width):
            start = between(x[i] - t * g[i], lower[i], upper[i])
            step = x[i] + z[i] - start
            if bends[i] > t:
                v = reach(start, step, lower[i], upper[i])
                share = v if v < share else share
        for i in range(self.width):
            start = between(x[i] - t * g[i], lower[i], upper[i])
            z[i] = start - x[i] + share * (x[i] + z[i] - start)

    cdef Py_ssize_t sized(self, const double[::1] x, const double[::1] g, const double[::1] lower,
                          const double[::1] upper) except -1:
        cdef Py_ssize_t n = x.shape[0]
        if self.count and self.n != n:
            raise ValueError(f"x, the gradient and the bounds must have {self.n} elements, as the pairs, got {n}")
        if g.shape[0] != n or lower.shape[0] != n or upper.shape[0] != n or n == 0:
            raise ValueError(f"x, the gradient and the bounds must have one length, got {n}, {g.shape[0]}, "
                             f"{lower.shape[0]}, {upper.shape[0]}")
        if self.width != n:
            self.vectors, self.way_of_line, self.width = np.empty((2, n)), np.empty(n), n
            self.way_view = self.way_of_line
        return n

    def cauchy_point(self, const double[::1] x, const double[::1] g, const double[::1] lower, const double[::1] upper):
        """The first minimiser of the model along P(x - t g), and which entries have met no bound there.

        None where rounding hides it.
        """
        cdef Py_ssize_t n = self.sized(x, g, lower, upper)
        cdef double t = self.begin(&x[0], &g[0], &lower[0], &upper[0]), slope, size, far
        cdef double[::1] view
        if not isfinite(t):
            return None
        out = np.empty(n)
        view = out
        self.arrive(&x[0], &g[0], &lower[0], &upper[0], t, t, NULL, NULL, &view[0], &slope, &size, &far)
        return out, np.asarray(self.vectors[1]) > t

    def target(self, const double[::1] x, const double[::1] g, const double[::1] lower, const double[::1] upper):
        """Where the next line leads: the model's minimiser over the entries that are free at its Cauchy point.

        Projected on the bounds; where that does not descend, the last point before a bound on the way to it from the
        Cauchy point. Returns (point, d, gradient'd, max |d_i|, the largest t for which x + t d is between the bounds),
        d the way from x, overwritten by the next call; None where rounding hides it.
        """
        cdef Py_ssize_t n = self.sized(x, g, lower, upper), k = self.count, m = self.memory, i, count = 0
        cdef double t, slope, size, far, factor
        cdef const double* p_x = &x[0]
        cdef const double* p_g = &g[0]
        cdef const double* p_lower = &lower[0]
        cdef const double* p_upper = &upper[0]
        cdef const double* y = NULL
        cdef const double* s = NULL
        cdef const double* bends = &self.vectors[1, 0]
        cdef double* z = &self.vectors[0, 0]
        cdef double[::1] view
        out = np.empty(n)
        view = out
        with nogil:
            factor = t = self.begin(p_x, p_g, p_lower, p_upper)
            if isfinite(t):
                if k:
                    for i in range(n):
                        count += bends[i] > t
                if count == n:
                    for i in range(k):
                        self.upper[m * m + i] *= -1.0
                    self.first(p_g, z, True)
                    factor, s = self.gamma, self.last_weights()
                elif count and self.solve(p_g, bends, t):
                    memcpy(z, p_g, n * sizeof(double))
                    factor, y, s = -self.gamma, self.v, self.v + k
                self.arrive(p_x, p_g, p_lower, p_upper, t, factor, y, s, &view[0], &slope, &size, &far)
                if s != NULL and not slope < 0:
                    self.back(p_x, p_g, p_lower, p_upper, t)
                    self.arrive(p_x, p_g, p_lower, p_upper, t, 1.0, NULL, NULL, &view[0], &slope, &size, &far)
        return (out, self.way_of_line, slope, size, far) if isfinite(t) else None
