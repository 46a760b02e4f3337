# The memory of L-BFGS, and what minimisers ask of their vectors. All float64, in either module.

cdef enum:
    FO_COLUMNS = 1024  # columns a block: what a sum over the pairs adds to stays in the first cache
    FO_LANES = 8


cdef void dots(const double* a, const double* b, const double* c, Py_ssize_t n, double* ab, double* ac) noexcept nogil:
    """a'b and a'c are added to ab and ac."""
    ab[0] += dot64(a, b, n)
    ac[0] += dot64(a, c, n)


cdef void dots_of_five(const double** a, const double* b, const double* c, Py_ssize_t n, double** ab,
                       double** ac) noexcept nogil:
    """The same for five a at once: memory delivers more where several places are read in turns."""
    cdef const double* a0 = a[0]
    cdef const double* a1 = a[1]
    cdef const double* a2 = a[2]
    cdef const double* a3 = a[3]
    cdef const double* a4 = a[4]
    cdef double s[5][FO_LANES]
    cdef double t[5][FO_LANES]
    cdef Py_ssize_t i = 0, j, m
    cdef double u, v
    for m in range(5):
        for j in range(FO_LANES):
            s[m][j] = t[m][j] = 0.0
    while i + FO_LANES <= n:
        for j in range(FO_LANES):
            u, v = b[i + j], c[i + j]
            s[0][j] += a0[i + j] * u
            s[1][j] += a1[i + j] * u
            s[2][j] += a2[i + j] * u
            s[3][j] += a3[i + j] * u
            s[4][j] += a4[i + j] * u
            t[0][j] += a0[i + j] * v
            t[1][j] += a1[i + j] * v
            t[2][j] += a2[i + j] * v
            t[3][j] += a3[i + j] * v
            t[4][j] += a4[i + j] * v
        i += FO_LANES
    for m in range(5):
        for j in range(n - i):
            s[m][j] += a[m][i + j] * b[i + j]
            t[m][j] += a[m][i + j] * c[i + j]
        for j in range(FO_LANES):
            ab[m][0] += s[m][j]
            ac[m][0] += t[m][j]


cdef void add_five(double* q, const double** a, const double* w, Py_ssize_t n) noexcept nogil:
    """q += the sum of w_m a_m over five a."""
    cdef const double* a0 = a[0]
    cdef const double* a1 = a[1]
    cdef const double* a2 = a[2]
    cdef const double* a3 = a[3]
    cdef const double* a4 = a[4]
    cdef double w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3], w4 = w[4]
    cdef Py_ssize_t i
    for i in range(n):
        q[i] += w0 * a0[i] + w1 * a1[i] + w2 * a2[i] + w3 * a3[i] + w4 * a4[i]


cdef double largest(const double* a, Py_ssize_t n) noexcept nogil:
    """max |a_i|, nan where an entry is."""
    cdef double[FO_LANES] top
    cdef double[FO_LANES] sum
    cdef Py_ssize_t i = 0, j
    cdef double m = 0.0, v
    for j in range(FO_LANES):
        top[j] = sum[j] = 0.0
    while i + FO_LANES <= n:
        for j in range(FO_LANES):
            v = fabs(a[i + j])
            top[j] = v if v > top[j] else top[j]
            sum[j] += v  # a nan is lost in a comparison, not here
        i += FO_LANES
    for j in range(n - i):
        v = fabs(a[i + j])
        top[j] = v if v > top[j] else top[j]
        sum[j] += v
    for j in range(FO_LANES):
        if sum[j] != sum[j]:
            return NAN
        m = top[j] if top[j] > m else m
    return m


def largest_entry(const double[::1] a):
    """max |a_i|, nan where an entry is nan, 0 of no entries."""
    return largest(&a[0], a.shape[0]) if a.shape[0] else 0.0


def inner(const double[::1] a, const double[::1] b):
    """a'b"""
    cdef Py_ssize_t n = a.shape[0]
    if b.shape[0] != n:
        raise ValueError(f"a has {n} elements, b has {b.shape[0]}")
    return dot64(&a[0], &b[0], n) if n else 0.0


def slope_and_largest(const double[::1] gradient, const double[::1] d):
    """(gradient'd, max |d_i|), nan where an entry is nan."""
    cdef Py_ssize_t n = d.shape[0]
    if gradient.shape[0] != n:
        raise ValueError(f"gradient has {gradient.shape[0]} elements, d has {n}")
    return (dot64(&gradient[0], &d[0], n), largest(&d[0], n)) if n else (0.0, 0.0)


def along(const double[::1] x, const double[::1] d, double t):
    """x + t d"""
    cdef Py_ssize_t i, n = x.shape[0]
    cdef double[::1] view
    if d.shape[0] != n:
        raise ValueError(f"x has {n} elements, d has {d.shape[0]}")
    out = np.empty(n)
    view = out
    for i in range(n):
        view[i] = x[i] + t * d[i]
    return out


def same(const double[::1] a, const double[::1] b):
    """Whether all entries are equal."""
    cdef Py_ssize_t i, n = a.shape[0]
    if b.shape[0] != n:
        return False
    for i in range(n):
        if a[i] != b[i]:
            return False
    return True


cdef void drop_first(double* a, Py_ssize_t m) noexcept nogil:
    """A square matrix without its first row and column, at the same place with rows as far apart."""
    cdef Py_ssize_t i
    for i in range(m - 1):
        memmove(a + i * m, a + (i + 1) * m + 1, (m - 1) * sizeof(double))


cdef class Pairs:
    """The last steps s and gradient differences y, and the inverse Hessian H that they model.

    With R the upper triangle of S'Y, the oldest pair first, D its diagonal and W the metric, gamma I where there is
    none, the two loops of L-BFGS are

        w = R^-1 S'g,  r = W (Y w - g),  -H g = r + S c,  c = -R^-T (D w + Y'r)

    Without a metric that reads S twice and Y once; the products of the newest y with S are made in the read that
    follows. Nocedal, Math. Comp. 35 (1980); Byrd, Nocedal and Schnabel, Math. Program. 63 (1994).
    """

    cdef readonly Py_ssize_t memory
    cdef Py_ssize_t count, n
    cdef bint waits          # whether the newest column of R still has to be computed
    cdef public double gamma
    cdef readonly double curvature  # s'y of the newest pair
    cdef double[:, ::1] rows  # memory + 1 steps, then as many differences: one pair is free
    cdef double* upper       # R, (memory, memory), then vectors of `memory` numbers: S'g, w and c
    cdef Py_ssize_t* place   # of the pairs, the oldest first, and of the free one

    def __cinit__(self, Py_ssize_t memory):
        cdef Py_ssize_t i
        if memory < 1:
            raise ValueError(f"memory must be at least 1, got {memory}")
        self.memory, self.n = memory, 0
        self.upper = <double*> malloc(memory * (memory + 3) * sizeof(double))
        self.place = <Py_ssize_t*> malloc((memory + 1) * sizeof(Py_ssize_t))
        if self.upper == NULL or self.place == NULL:
            raise MemoryError(f"the matrix of {memory} pairs")
        for i in range(memory + 1):
            self.place[i] = i
        self.clear()

    def __dealloc__(self):
        free(self.upper)
        free(self.place)

    def __len__(self):
        return self.count

    def clear(self):
        """Forget all pairs."""
        self.count, self.gamma, self.waits, self.curvature = 0, 1.0, False, 0.0

    def arrays(self):
        """(S, Y), copies: a row for each pair, the oldest first."""
        cdef Py_ssize_t i
        cdef list places = [self.place[i] for i in range(self.count)]
        if not places:
            return np.empty((0, self.n)), np.empty((0, self.n))
        rows = np.asarray(self.rows)
        return rows[places], rows[[self.memory + 1 + i for i in places]]

    cdef double* step(self, Py_ssize_t i) noexcept nogil:
        return &self.rows[self.place[i], 0]

    cdef double* difference(self, Py_ssize_t i) noexcept nogil:
        return &self.rows[self.memory + 1 + self.place[i], 0]

    def add(self, const double[::1] x0, const double[::1] g0, const double[::1] x, const double[::1] g):
        """Keep the pair from one point and gradient to the next, in place of the oldest; True where it has curvature."""
        cdef Py_ssize_t n = x.shape[0], m = self.memory, i
        cdef double ss, sy, yy
        cdef double* s
        cdef double* y
        if x0.shape[0] != n or g0.shape[0] != n or g.shape[0] != n or (self.n and self.n != n) or n == 0:
            raise ValueError(f"points and gradients must have one length, got {x0.shape[0]}, {g0.shape[0]}, {n}, "
                             f"{g.shape[0]}")
        if self.n == 0:
            self.rows, self.n = np.empty((2 * (m + 1), n)), n
        with nogil:
            s, y = self.step(self.count), self.difference(self.count)
            for i in range(n):
                s[i] = x[i] - x0[i]
                y[i] = g[i] - g0[i]
            ss, sy, yy = dot64(s, s, n), dot64(s, y, n), dot64(y, y, n)
        if not sy > 1e-14 * sqrt(ss) * sqrt(yy):
            return False
        if self.waits:
            self.settle(self.difference(self.count - 1))
        if self.count == m:
            self.drop()
        self.upper[self.count * m + self.count] = sy
        self.count += 1
        self.curvature, self.gamma, self.waits = sy, sy / yy, True
        return True

    cdef void drop(self) noexcept nogil:
        """Forget the oldest pair."""
        cdef Py_ssize_t m = self.memory, oldest = self.place[0]
        memmove(self.place, self.place + 1, m * sizeof(Py_ssize_t))
        self.place[m] = oldest
        drop_first(self.upper, m)
        self.count -= 1

    cdef void settle(self, const double* g) noexcept nogil:
        """S'g, and the newest column of R."""
        cdef Py_ssize_t m = self.memory, k = self.count, lo, size, i, b, f
        cdef double* on_steps = self.upper + m * m
        cdef double* column = self.upper + k - 1
        cdef const double* y = self.difference(k - 1)
        cdef double* sums[5]
        cdef double* others[5]
        cdef const double* s[5]
        for i in range(k):
            on_steps[i] = column[i * m] = 0.0
        for b in range((self.n + FO_COLUMNS - 1) // FO_COLUMNS):
            lo = b * FO_COLUMNS
            size = self.n - lo if self.n - lo < FO_COLUMNS else FO_COLUMNS
            i = 0
            while i + 5 <= k:
                for f in range(5):
                    s[f], sums[f], others[f] = self.step(i + f) + lo, on_steps + i + f, column + (i + f) * m
                dots_of_five(s, g + lo, y + lo, size, sums, others)
                i += 5
            while i < k:
                dots(self.step(i) + lo, g + lo, y + lo, size, on_steps + i, column + i * m)
                i += 1
        self.waits = False

    cdef void add_all(self, bint steps, const double* w, double* q, Py_ssize_t lo, Py_ssize_t n) noexcept nogil:
        """q += S w, or Y w, in n columns from lo on."""
        cdef Py_ssize_t i = 0, j, f
        cdef const double* a[5]
        while i + 5 <= self.count:
            for f in range(5):
                a[f] = (self.step(i + f) if steps else self.difference(i + f)) + lo
            add_five(q + lo, a, w + i, n)
            i += 5
        while i < self.count:
            a[0] = (self.step(i) if steps else self.difference(i)) + lo
            for j in range(n):
                q[lo + j] += w[i] * a[0][j]
            i += 1

    cdef void first(self, const double* g, double* q, bint plain) noexcept nogil:
        """q = Y w - g, and without a metric also D w + gamma Y'q for c; S'g is known."""
        cdef Py_ssize_t m = self.memory, k = self.count, n = self.n, lo, size, i, j, b
        cdef double* w = self.upper + m * (m + 1)
        cdef double* c = w + m
        cdef double t
        for i in range(k - 1, -1, -1):
            t = self.upper[m * m + i]
            for j in range(i + 1, k):
                t -= self.upper[i * m + j] * w[j]
            w[i] = t / self.upper[i * m + i]
            c[i] = 0.0
        for b in range((n + FO_COLUMNS - 1) // FO_COLUMNS):
            lo = b * FO_COLUMNS
            size = n - lo if n - lo < FO_COLUMNS else FO_COLUMNS
            for j in range(lo, lo + size):
                q[j] = -g[j]
            self.add_all(False, w, q, lo, size)
            if plain:
                for i in range(k):
                    c[i] += dot64(self.difference(i) + lo, q + lo, size)
        for i in range(k):
            c[i] = self.upper[i * m + i] * w[i] + self.gamma * c[i]

    cdef const double* last_weights(self) noexcept nogil:
        """c"""
        cdef Py_ssize_t m = self.memory, i, j
        cdef double* c = self.upper + m * (m + 2)
        cdef double t
        for i in range(self.count):
            t = -c[i]
            for j in range(i):
                t -= self.upper[j * m + i] * c[j]
            c[i] = t / self.upper[i * m + i]
        return c

    cdef void second(self, double* r, double factor) noexcept nogil:
        """factor r + S c, in place."""
        cdef Py_ssize_t n = self.n, lo, size, j, b
        cdef const double* c = self.last_weights()
        for b in range((n + FO_COLUMNS - 1) // FO_COLUMNS):
            lo = b * FO_COLUMNS
            size = n - lo if n - lo < FO_COLUMNS else FO_COLUMNS
            for j in range(lo, lo + size):
                r[j] *= factor
            self.add_all(True, c, r, lo, size)

    def direction(self, const double[::1] g, solve=None):
        """-H g; `solve`, where there is one, is the product with the metric, which gamma multiplies."""
        cdef bint plain = solve is None
        cdef Py_ssize_t m = self.memory, i, n = g.shape[0]
        cdef double* c = self.upper + m * (m + 2)
        cdef double[::1] view
        cdef double* d
        if self.count and self.n != n:
            raise ValueError(f"the gradient must have {self.n} elements, got {n}")
        out = np.empty(n)
        if n == 0:
            return out
        view = out
        d = &view[0]
        with nogil:
            if self.count:
                self.settle(&g[0])
                self.first(&g[0], d, plain)
            else:
                for i in range(n):
                    d[i] = -g[i]
        if solve is not None:
            out = np.ascontiguousarray(solve(out), dtype=np.float64)
            view = out
            if view.shape[0] != n:
                raise ValueError(f"solve must return {n} elements, got {view.shape[0]}")
            d = &view[0]
            for i in range(self.count):
                c[i] += self.gamma * dot64(self.difference(i), d, n)
        if self.count:
            with nogil:
                self.second(d, self.gamma)
        return out
