# The handle that the passes run on: X, what belongs to its rows, the loss, and all scratch.


cdef void* aligned(Py_ssize_t size, void** base) except NULL:
    """Memory at a cache line's border; *base is what free takes (and what is freed first)."""
    free(base[0])
    base[0] = malloc(size + LINE)
    if base[0] == NULL:
        raise MemoryError(f"{size} bytes of scratch")
    return <void*> ((<size_t> base[0] + LINE - 1) // LINE * LINE)


cdef Py_ssize_t padded(Py_ssize_t count, Py_ssize_t size) noexcept:
    return (count * size + LINE - 1) // LINE * LINE


cdef class Handle:
    """Dense rows with their targets, weights and offset, and the passes over them.

    Parameters
    ----------
    X : (N, p) real, C order, may be read-only
    target : (N * targets,) real, index : (N,) int64, weight : (N,) real, offset : (N * k,) real, or None
        What belongs to the rows of X.
    rows : (n,) int64 or None
        Positions in X of the rows used, in this order; X, target, index, weight and offset are
        gathered tile by tile. None: all rows, n = N. Arrays that passes take or return, raw
        predictions for one, have a row for each row used.
    k : int
        Outputs.
    targets : int
        Numbers of a row's target; 0 stands for k, and 1 is for row losses of one number.
    """

    cdef data_t d
    cdef object _keep
    cdef readonly Py_ssize_t n, p, k
    cdef Py_ssize_t _slots, _scratch_bytes, _threads, _gram_slots, _full_tile
    cdef scratch_t* _scratch
    cdef void* _scratch_base
    cdef void* _partial_base
    cdef void* _gram_base
    cdef void* _curvature_base
    cdef double* _g
    cdef double* _value
    cdef int64_t* _status
    cdef real* _coef
    cdef real* _intercept
    cdef real* _ones

    def __cinit__(self):
        self._scratch = NULL
        self._scratch_base = self._partial_base = self._gram_base = self._curvature_base = NULL

    def __dealloc__(self):
        free(self._scratch)
        free(self._scratch_base)
        free(self._partial_base)
        free(self._gram_base)
        free(self._curvature_base)

    def __init__(self, const real[:, ::1] X, *, const real[::1] target=None, const int64_t[::1] index=None,
                 const real[::1] weight=None, const real[::1] offset=None, const int64_t[::1] rows=None,
                 Py_ssize_t k=1, Py_ssize_t targets=0):
        cdef Py_ssize_t total = X.shape[0], i, bytes_used
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        targets = k if targets == 0 else targets
        if targets != 1 and targets != k:
            raise ValueError(f"targets must be 1 or k, got {targets}")
        for name, array, size in (("target", target, total * targets), ("index", index, total), ("weight", weight, total),
                                  ("offset", offset, total * k)):
            if array is not None and array.shape[0] != size:
                raise ValueError(f"{name} must have {size} elements, got {array.shape[0]}")
        self._keep = (X, target, index, weight, offset, rows)
        memset(&self.d, 0, sizeof(data_t))
        self.n = total if rows is None else rows.shape[0]
        self.p = X.shape[1]
        self.k = k
        if rows is not None and self.n:
            for i in range(self.n):
                if rows[i] < 0 or rows[i] >= total:
                    raise ValueError(f"rows must be in 0..{total - 1}, got {rows[i]}")
            self.d.rows = &rows[0]
        self.d.n, self.d.p, self.d.k, self.d.targets = self.n, self.p, k, targets
        if total:
            self.d.x = &X[0, 0] if self.p else NULL
            self.d.target = &target[0] if target is not None else NULL
            self.d.index = &index[0] if index is not None else NULL
            self.d.weight = &weight[0] if weight is not None else NULL
            self.d.offset = &offset[0] if offset is not None else NULL
        self.d.tile = gram_rows(self.p, k)
        # Slots: partial sums of at most 1/10 of the data, or MOST_PARTIAL bytes.
        bytes_used = max(MOST_PARTIAL, self.n * self.p * <Py_ssize_t> sizeof(real) // 10)
        self._slots = max(1, min(SLOTS, self.n // max(SLOT_ROWS, self.d.tile),
                                 bytes_used // ((k * (self.p + 1) + 4 * self.p) * 8)))
        self._gram_slots = 0
        self._full_tile = max(8, min(self.d.tile, 65536 // (k * k)))
        self._threads = 0
        self._partials()

    def _partials(self):
        """The buffers that do not depend on the number of threads."""
        cdef Py_ssize_t k = self.k, p = self.p, s = SLOTS
        cdef Py_ssize_t g = padded(self._slots * (k * (p + 1) + 4 * p), 8), value = padded(4 * s, 8)
        cdef Py_ssize_t w = padded(weights_size(p, k), sizeof(real)), b = padded(k, sizeof(real))
        cdef char* at = <char*> aligned(g + value + padded(s, 8) + w + b + padded(self.d.tile, sizeof(real)),
                                        &self._partial_base)
        cdef Py_ssize_t i
        self._g = <double*> at
        self._value = <double*> (at + g)
        self._status = <int64_t*> (at + g + value)
        self._coef = <real*> (at + g + value + padded(s, 8))
        self._intercept = <real*> (at + g + value + padded(s, 8) + w)
        self._ones = <real*> (at + g + value + padded(s, 8) + w + b)
        for i in range(self.d.tile):
            self._ones[i] = 1

    cdef int _prepare(self, int n_threads) except -1:
        """Scratch for this many threads."""
        cdef Py_ssize_t tile = self.d.tile, k = self.k, p = self.p, each = 0, i, part
        cdef Py_ssize_t[12] size
        cdef char* at
        cdef scratch_t* s
        if n_threads < 1:
            raise ValueError(f"n_threads must be at least 1, got {n_threads}")
        if n_threads <= self._threads:
            return 0
        size[0] = tile * p if self.d.rows != NULL else 0
        for i in range(1, 7):
            size[i] = tile * k
        size[7] = tile
        size[8] = self._full_tile * k * k if self.d.row_loss else 0
        size[9] = tile * 8 // <Py_ssize_t> sizeof(real) if self.d.rows != NULL else 0
        size[10] = tile_scratch(tile, p)
        size[11] = tile_scratch(tile, p) if p <= NARROW else 0
        for i in range(12):
            each += padded(size[i], sizeof(real)) + LINE
        at = <char*> aligned(each * n_threads, &self._scratch_base)
        free(self._scratch)
        self._scratch = <scratch_t*> malloc(n_threads * sizeof(scratch_t))
        if self._scratch == NULL:
            self._threads = 0
            raise MemoryError("scratch")
        for i in range(n_threads):
            s = self._scratch + i
            part = 0
            for name in range(12):
                if name == 0: s.x = <real*> at
                elif name == 1: s.z = <real*> at
                elif name == 2: s.r = <real*> at
                elif name == 3: s.h = <real*> at
                elif name == 4: s.v = <real*> at
                elif name == 5: s.target = <real*> at
                elif name == 6: s.weight = <real*> at
                elif name == 7: s.pair = <real*> at
                elif name == 8: s.full = <real*> at
                elif name == 9: s.index = <int64_t*> at
                elif name == 10: s.work = <real*> at
                else: s.xt = <real*> at
                at += padded(size[name], sizeof(real)) + LINE
            s.ones = self._ones
        self._threads = n_threads
        return 0

    cdef pass_t _pass(self):
        cdef pass_t c
        memset(&c, 0, sizeof(pass_t))
        self._tiles(&c, pass_rows(self.p, self.k))
        c.slots = self._slots
        c.g = self._g
        c.narrow = self.k == 1 and 0 < self.p <= NARROW
        c.value = self._value
        c.status = self._status
        return c

    cdef void _tiles(self, pass_t* c, Py_ssize_t rows) noexcept:
        c.tile = rows
        c.tiles = (self.n + rows - 1) // rows

    cdef int _set_coef(self, pass_t* c, const double[:, ::1] coef, const double[::1] intercept) except -1:
        cdef Py_ssize_t i
        if coef.shape[0] != self.k or coef.shape[1] != self.p:
            raise ValueError(f"coef must be ({self.k}, {self.p}), got ({coef.shape[0]}, {coef.shape[1]})")
        pack_weights(&coef[0, 0] if self.p else NULL, self.p, self.k, self._coef)
        c.coef = self._coef
        if intercept is not None:
            if intercept.shape[0] != self.k:
                raise ValueError(f"intercept must have {self.k} elements, got {intercept.shape[0]}")
            for i in range(self.k):
                self._intercept[i] = <real> intercept[i]
            c.intercept = self._intercept
        return 0

    cdef int _need(self, str name, shape, Py_ssize_t rows, Py_ssize_t columns) except -1:
        if shape[0] != rows or shape[1] != columns:
            raise ValueError(f"{name} must be ({rows}, {columns}), got ({shape[0]}, {shape[1]})")
        return 0

    cdef int _need_loss(self) except -1:
        if self.d.block == NULL:
            raise ValueError("set_loss comes first")
        return 0

    cdef double _sum(self, pass_t* c, int which) noexcept:
        cdef Py_ssize_t s
        cdef double total = 0.0
        for s in range(c.slots):
            total += c.value[4 * s + which]
        return total

    cdef int _status_word(self, pass_t* c) noexcept:
        cdef Py_ssize_t s
        cdef int64_t status = 0
        for s in range(c.slots):
            status |= c.status[s]
        return <int> status

    cdef void _add_gradients(self, pass_t* c) noexcept:
        """Partial gradients added in slot order, into the first: (k, p), then (k,)."""
        cdef Py_ssize_t s, j, size = self.k * (self.p + 1)
        cdef double* total = c.g
        cdef const double* g = c.g
        for s in range(1, c.slots):
            g += size
            for j in range(size):
                total[j] += g[j]

    cdef int _gradient(self, pass_t* c, double[:, ::1] out, double[::1] intercept_out) except -1:
        self._add_gradients(c)
        if self.p:
            memcpy(&out[0, 0], c.g, self.k * self.p * sizeof(double))
        if intercept_out is not None:
            memcpy(&intercept_out[0], c.g + self.k * self.p, self.k * sizeof(double))
        return 0

    cdef int _gradient_shapes(self, double[:, ::1] out, double[::1] intercept_out) except -1:
        self._need("the coefficients' gradient", out.shape, self.k, self.p)
        if intercept_out is not None and intercept_out.shape[0] != self.k:
            raise ValueError(f"the intercept's gradient must have {self.k} elements, got {intercept_out.shape[0]}")
        return 0

    cdef int _set_raw_out(self, pass_t* c, real[:, ::1] raw_out) except -1:
        if raw_out is not None:
            self._need("raw_out", raw_out.shape, self.n, self.k)
            c.raw_out = &raw_out[0, 0] if self.n else NULL
        return 0

    cdef int _set_raw(self, pass_t* c, const real[:, ::1] raw) except -1:
        self._need("raw", raw.shape, self.n, self.k)
        c.raw = &raw[0, 0] if self.n else NULL
        return 0
