# The Hessian that the pairs of L-BFGS model, and its generalized Cauchy point. All float64, in either module.

cdef extern from "fo_simd.h":
    void prefetch "FO_PREFETCH"(const void* at) nogil


cdef struct bend_t:
    double t
    Py_ssize_t i


cdef void sift(bend_t* heap, Py_ssize_t n, Py_ssize_t at) noexcept nogil:
    """Put the entry at its place among those below, the smallest t on top."""
    cdef bend_t moved = heap[at]
    cdef Py_ssize_t child = 2 * at + 1
    while child < n:
        if child + 1 < n and heap[child + 1].t < heap[child].t:
            child += 1
        if not heap[child].t < moved.t:
            break
        heap[at] = heap[child]
        at, child = child, 2 * child + 1
    heap[at] = moved


cdef class ModelPairs(Pairs):
    """The pairs of `Pairs`, and products with the Hessian B that they model.

    With the columns of S and Y scaled to s'y = 1, theta = 1 / gamma, L the part of S'Y below its diagonal and
    C C' = S'S / theta + L L' / theta^2,

        B = theta I + Y Y' - H H',  H' = C^-1 (S' + L Y' / theta) = E W',  W = [Y S],

    so that a product with B takes O(memory) once the vectors are multiplied by Y' and H'. Without the scaling, steps
    of different sizes leave the small matrices no digits. Byrd, Nocedal and Schnabel, Math. Program. 63 (1994).
    """

    cdef Py_ssize_t pad      # memory, rounded up to whole vectors
    cdef double* block       # what follows, in one piece
    cdef double* ss          # S'S, unscaled, rows `memory` apart
    cdef double* fresh       # (3, memory): Y's, S's, S'y of the newest pair
    cdef double* columns     # E', (2 memory, pad)
    cdef double* rows_of_e   # (memory, 2 memory)
    cdef double* below       # L / theta
    cdef double* p           # C
    cdef double* panels      # of its factorisation
    cdef double* scale       # 1 / sqrt(s'y)
    cdef double* on          # W'd, scaled, then that of the entries that still move
    cdef double* moved       # c: W'z of the entries that have met a bound
    cdef double* v           # of one column of W, scaled
    cdef double* h           # H'd of the entries that still move, then of the way so far, then of a column: (3, pad)
    cdef double* way         # Y' of the way so far

    def __cinit__(self, Py_ssize_t memory):
        cdef Py_ssize_t m = memory, n
        cdef double* a
        self.pad = (m + FO_LANES - 1) // FO_LANES * FO_LANES
        n = 5 * m * m + (2 * m + 3) * self.pad + 11 * m + (m + chol_rows) * FO_STEP
        self.block = a = <double*> malloc(n * sizeof(double))
        if a == NULL:
            raise MemoryError(f"the matrices of {m} pairs")
        memset(a, 0, n * sizeof(double))
        self.columns, self.h, a = a, a + 2 * m * self.pad, a + (2 * m + 3) * self.pad
        self.ss, self.rows_of_e, self.below, self.p, a = a, a + m * m, a + 3 * m * m, a + 4 * m * m, a + 5 * m * m
        self.fresh, self.scale, self.on, self.moved = a, a + 3 * m, a + 4 * m, a + 6 * m
        self.v, self.way, self.panels = a + 8 * m, a + 10 * m, a + 11 * m

    def __dealloc__(self):
        free(self.block)

    cdef void drop(self) noexcept nogil:
        drop_first(self.ss, self.memory)
        Pairs.drop(self)

    cdef void settle(self, const double* d) noexcept nogil:
        """Y'd and S'd; where the newest pair waits, its products with all."""
        cdef Py_ssize_t m = self.memory, k = self.count, lo, size, i, b, f
        cdef const double* s = self.step(k - 1)
        cdef const double* y = self.difference(k - 1)
        cdef const double* a[5]
        cdef double* sums[5]
        cdef double* others[5]
        memset(self.fresh, 0, 3 * m * sizeof(double))
        memset(self.on, 0, 2 * m * sizeof(double))
        for b in range((self.n + FO_COLUMNS - 1) // FO_COLUMNS):
            lo = b * FO_COLUMNS
            size = self.n - lo if self.n - lo < FO_COLUMNS else FO_COLUMNS
            i = 0
            while i + 5 <= k:
                for f in range(5):
                    a[f], sums[f], others[f] = self.difference(i + f) + lo, self.on + i + f, self.fresh + i + f
                dots_of_five(a, d + lo, s + lo, size, sums, others)
                for f in range(5):
                    a[f], sums[f], others[f] = self.step(i + f) + lo, self.fresh + m + i + f, self.fresh + 2 * m + i + f
                if self.waits:
                    dots_of_five(a, s + lo, y + lo, size, sums, others)
                for f in range(5):
                    self.on[k + i + f] += dot64(a[f], d + lo, size)
                i += 5
            while i < k:
                dots(self.difference(i) + lo, d + lo, s + lo, size, self.on + i, self.fresh + i)
                if self.waits:
                    dots(self.step(i) + lo, s + lo, y + lo, size, self.fresh + m + i, self.fresh + 2 * m + i)
                self.on[k + i] += dot64(self.step(i) + lo, d + lo, size)
                i += 1
        if self.waits:
            for i in range(k):
                self.upper[(k - 1) * m + i] = self.fresh[i]
                self.ss[i * m + k - 1] = self.ss[(k - 1) * m + i] = self.fresh[m + i]
                self.upper[i * m + k - 1] = self.fresh[2 * m + i]
        self.waits = False
        for i in range(k):
            self.upper[m * m + i] = self.on[k + i]

    cdef bint understand(self) noexcept nogil:
        """E; False where rounding has made C singular. Scales W'd too."""
        cdef Py_ssize_t m = self.memory, k = self.count, i, j, l
        cdef double* row
        cdef double* other
        cdef double t
        for i in range(k):
            self.scale[i] = 1.0 / sqrt(self.upper[i * m + i])
        for i in range(k):
            self.on[i] *= self.scale[i]
            self.on[k + i] *= self.scale[i]
            row = self.below + i * k
            for j in range(i):
                row[j] = self.upper[i * m + j] * self.scale[i] * self.scale[j] * self.gamma
            for j in range(i + 1):
                self.p[i * k + j] = (self.ss[i * m + j] * self.scale[i] * self.scale[j] * self.gamma
                                     + dot64(row, self.below + j * k, j))
        if factor(self.p, k, self.panels, 1):
            return False
        for i in range(k):
            row = self.rows_of_e + i * 2 * k
            memset(row, 0, 2 * k * sizeof(double))
            memcpy(row, self.below + i * k, i * sizeof(double))
            row[k + i] = 1.0
            for l in range(i):
                t, other = self.p[i * k + l], self.rows_of_e + l * 2 * k
                for j in range(2 * k):
                    row[j] -= t * other[j]
            t = 1.0 / self.p[i * k + i]
            for j in range(2 * k):
                row[j] *= t
                self.columns[j * self.pad + i] = row[j]
        return True

    cdef void times_e(self, const double* w, double* h) noexcept nogil:
        """h = E w"""
        cdef Py_ssize_t i, j, b
        memset(h, 0, self.pad * sizeof(double))
        for j in range(2 * self.count):
            for b in range(self.pad // FO_LANES):
                for i in range(b * FO_LANES, (b + 1) * FO_LANES):
                    h[i] += w[j] * self.columns[j * self.pad + i]

    cdef double first_minimiser(self, const double* d, const double* bends, double dd, Py_ssize_t n) noexcept nogil:
        """The t of the model's first minimiser along P(x - t g); nan or infinity where rounding hides it.

        The path bends where entries meet their bounds. In the piece between two bends d is what still moves, and z the
        way so far, of `start`: slope -d'd (1 - theta start) + (Y'd)'Y'z - (H'd)'H'z, curvature theta d'd + |Y'd|^2 -
        |H'd|^2. Bends are sorted as far as the minimisers of the pieces before them lie.
        """
        cdef Py_ssize_t m = self.memory, k = self.count, left = 0, i, j
        cdef double theta = 1.0 / self.gamma, least = 2.0**-52 * theta * dd, start = 0.0, till = 0.0
        cdef double slope, curvature, t, end, w
        cdef double* on = self.on
        cdef double* h = self.h
        cdef double* hz = self.h + self.pad
        cdef double* column = self.v
        cdef double* h_column = self.h + 2 * self.pad
        cdef bend_t* heap = NULL
        memset(self.moved, 0, 2 * m * sizeof(double))
        memset(self.way, 0, m * sizeof(double))
        memset(hz, 0, self.pad * sizeof(double))
        self.times_e(on, h)
        while True:
            slope, curvature = -dd * (1.0 - theta * start), theta * dd
            for i in range(k):
                slope += on[i] * self.way[i] - h[i] * hz[i]
                curvature += on[i] * on[i] - h[i] * h[i]
            t = -slope / (curvature if curvature > least else least)
            t = start if t < 0 else start + t
            if not t < INFINITY:
                break
            if left == 0:
                if t <= till:
                    break
                for i in range(n):
                    left += till < bends[i] <= 2.0 * t and bends[i] < INFINITY
                if left:
                    free(heap)
                    heap = <bend_t*> malloc(left * sizeof(bend_t))
                    if heap == NULL:
                        return NAN
                    j = 0
                    for i in range(n):
                        if till < bends[i] <= 2.0 * t and bends[i] < INFINITY:
                            heap[j].t, heap[j].i = bends[i], i
                            j += 1
                    for i in range(left // 2 - 1, -1, -1):
                        sift(heap, left, i)
                till = 2.0 * t
                if left == 0:
                    break
            end = heap[0].t
            if t < end:
                break
            for i in range(k):
                self.way[i] += (end - start) * on[i]
                hz[i] += (end - start) * h[i]
            while left and heap[0].t == end:
                i = heap[0].i
                left -= 1
                heap[0] = heap[left]
                sift(heap, left, 0)
                if left:
                    for j in range(k):
                        prefetch(self.difference(j) + heap[0].i)
                        prefetch(self.step(j) + heap[0].i)
                w = d[i]
                dd = dd - w * w if dd > w * w else 0.0
                for j in range(k):
                    column[j] = self.difference(j)[i] * w * self.scale[j]
                    column[k + j] = self.step(j)[i] * w * self.scale[j]
                self.times_e(column, h_column)
                for j in range(2 * k):
                    on[j] -= column[j]
                    self.moved[j] += end * column[j]
                for j in range(k):
                    h[j] -= h_column[j]
            start = end
        free(heap)
        return t
