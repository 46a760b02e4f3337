# A plan whose gradients go through the filters of updates_filters.pxi.

cdef class FilteredPlan(Plan):
    """A plan with options on gradients; `layout` before the first step, `reset` and what it needs at each.

    Results are by unit, in the order of the arrays of the plan.
    """
    cdef filter_t* filters
    cdef double* units       # of each unit: shift, factor, room for a sum, 0
    cdef double* sums
    cdef double* zeros
    cdef double* parts       # room for a sum of each piece
    cdef Py_ssize_t n_units
    cdef noise_t noise
    cdef list made

    def layout(self, list layouts):
        """One (rows, cols, by_rows, centred) for each array: its units are rows or columns."""
        cdef Py_ssize_t i, total = 0
        if self.filters is not NULL:
            raise RuntimeError("a plan is laid out once")
        self.filters = <filter_t*> calloc(self.n + 1, sizeof(filter_t))
        if self.filters is NULL:
            raise MemoryError()
        for i in range(self.n):
            f = &self.filters[i]
            f.rows, f.cols, f.by_rows, f.centred = layouts[i]
            f.units = f.rows if f.by_rows else f.cols
            f.plain = f.units == 1 and not f.centred
            f.first = total
            total += f.units
        self.n_units = total
        self.units = <double*> calloc(4 * total + 1, sizeof(double))
        self.parts = <double*> calloc(self.tasks[self.n_tasks] + 1, sizeof(double))
        if self.units is NULL or self.parts is NULL:
            raise MemoryError()
        self.sums, self.zeros = self.units + 2 * total, self.units + 3 * total
        for i in range(self.n):
            self.filters[i].shift = self.units + self.filters[i].first
            self.filters[i].factor = self.units + total + self.filters[i].first

    def __dealloc__(self):
        free(self.filters)
        free(self.units)
        free(self.parts)

    def reset(self, double bound=0.0, double sigma=0.0, uint64_t seed=0, uint32_t step=0):
        """No shift, factor 1; clamped to the bound where it is > 0, then noise where sigma is > 0."""
        cdef Py_ssize_t i
        self.noise = noise_t(bound, sigma, <uint32_t> seed, <uint32_t> (seed >> 32), step)
        for i in range(self.n_units):
            self.units[i] = 0.0
            self.units[self.n_units + i] = 1.0

    def finite(self, int n_threads):
        """For each array whether the loaded gradient is finite."""
        cdef Py_ssize_t i, n = self.tasks[self.n_tasks]
        cdef char[::1] good = np.ones(n + 1, dtype=np.int8)
        cdef char[::1] out = np.ones(self.n, dtype=np.int8)
        cdef piece_t piece
        for i in prange(n, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
            piece = self.pieces[i]
            good[i] = finite(self.items[piece.item].g + piece.lo, piece.hi - piece.lo)
        for i in range(n):
            if not good[i]:
                out[self.pieces[i].item] = 0
        return np.asarray(out).astype(bool)

    def centre(self, int n_threads):
        """Shift the centred arrays by the mean of each unit."""
        cdef Py_ssize_t i, k, count
        cdef filter_t* f
        with nogil:
            for i in range(self.n):
                f = &self.filters[i]
                if f.centred:
                    for k in range(f.units):
                        f.shift[k] = 0.0
                    # factor is the room for sums: shift is read meanwhile
                    unit_sums(self.items[i].g, f, f.shift, False, f.factor, n_threads)
                    count = f.cols if f.by_rows else f.rows
                    for k in range(f.units):
                        f.shift[k] = f.factor[k] / count
                        f.factor[k] = 1.0

    cdef void sum_units(self, int n_threads, bint params) noexcept:
        """The sum of squares of each unit of the shifted gradients or of the parameters, into `sums`."""
        cdef Py_ssize_t i, n = self.tasks[self.n_tasks]
        cdef piece_t piece
        cdef filter_t* f
        for i in prange(n, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
            piece = self.pieces[i]
            if self.filters[piece.item].plain:
                if params:
                    self.parts[i] = squares(self.items[piece.item].w + piece.lo, piece.hi - piece.lo)
                else:
                    self.parts[i] = squares(self.items[piece.item].g + piece.lo, piece.hi - piece.lo)
        for i in range(self.n_units):
            self.sums[i] = 0.0
        for i in range(n):
            f = &self.filters[self.pieces[i].item]
            if f.plain:
                self.sums[f.first] += self.parts[i]
        for i in range(self.n):
            f = &self.filters[i]
            if not f.plain and f.units:
                if params:
                    unit_sums(self.items[i].w, f, self.zeros + f.first, True, self.sums + f.first, n_threads)
                else:
                    unit_sums(self.items[i].g, f, f.shift, True, self.sums + f.first, n_threads)

    def squares_of_units(self, int n_threads, bint params=False):
        """The sum of squares of each unit of the shifted gradients or of the parameters, float64."""
        cdef double[::1] out = np.empty(self.n_units)
        cdef Py_ssize_t i
        self.sum_units(n_threads, params)
        for i in range(self.n_units):
            out[i] = self.sums[i]
        return np.asarray(out)

    def squares_of_arrays(self, int n_threads):
        """The sum of squares of each shifted gradient: a list."""
        cdef double total
        cdef Py_ssize_t i, k
        cdef list out = []
        self.sum_units(n_threads, False)
        for i in range(self.n):
            total = 0.0
            for k in range(self.filters[i].units):
                total += self.sums[self.filters[i].first + k]
            out.append(total)
        return out

    def scale_all(self, double factor):
        cdef Py_ssize_t i
        for i in range(self.n_units):
            self.units[self.n_units + i] = factor

    def scale_units(self, const double[::1] factors):
        cdef Py_ssize_t i
        for i in range(self.n_units):
            self.units[self.n_units + i] = factors[i]

    def scale_arrays(self, const double[::1] factors):
        cdef Py_ssize_t i, k
        for i in range(self.n):
            for k in range(self.filters[i].units):
                self.filters[i].factor[k] = factors[i]

    def materialize(self, int n_threads):
        """Write the filtered gradients to arrays of the plan and read them from there, for rules that read them more
        than once."""
        cdef Py_ssize_t i, n = self.tasks[self.n_tasks]
        cdef piece_t piece
        cdef cnp.ndarray array
        cdef uintptr_t[::1] to = np.empty(self.n + 1, dtype=np.uintp)
        if self.made is None:
            self.made = [np.empty_like(w) for w in self.params]
        for i in range(self.n):
            array = self.made[i]
            to[i] = <uintptr_t> cnp.PyArray_DATA(array)
        for i in prange(n, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
            piece = self.pieces[i]
            filtered(self.items[piece.item].g, <real*> to[piece.item] + piece.lo, piece.lo, piece.hi,
                     &self.filters[piece.item], &self.noise, <uint32_t> self.where[piece.item])
        for i in range(self.n):
            self.items[i].g = <const real*> to[i]
        self.reset()

    cdef void task(self, Py_ssize_t t) noexcept nogil:
        cdef real[BLOCK] buffer
        cdef double[FO_SCALARS] scalars
        cdef update_t u
        cdef piece_t piece
        cdef Py_ssize_t p
        cdef int k
        for p in range(self.tasks[t], self.tasks[t + 1]):
            piece = self.pieces[p]
            u = self.items[piece.item]
            if self.blocks[piece.item] is NULL:
                continue
            if self.filters[piece.item].plain and self.noise.bound == 0 and self.noise.sigma == 0:
                for k in range(FO_SCALARS):
                    scalars[k] = u.scalars[k]
                scalars[0] *= self.filters[piece.item].factor[0]
                u.scalars = scalars
            else:
                filtered(u.g, buffer, piece.lo, piece.hi, &self.filters[piece.item], &self.noise,
                         <uint32_t> self.where[piece.item])
                u.g = <const real*> (<uintptr_t> buffer - <uintptr_t> piece.lo * sizeof(real))
            self.blocks[piece.item](&u, piece.lo, piece.hi)
