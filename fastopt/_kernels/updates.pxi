# Steps of first-order optimizers over lists of arrays, for one element type and one instruction set level.
# Included by a generated module that defines `real` (double or float) and FO_SINGLE.
#
# `Plan` knows the arrays of an optimizer; a step looks up the gradients' addresses, then runs tasks in parallel through
# the pointers of their rules.

from cython.parallel cimport prange, threadid
from libc.stdlib cimport calloc, free
from libc.math cimport sqrt
from libc.stdint cimport int64_t, uintptr_t
cimport numpy as cnp
import numpy as np

cnp.import_array()

cdef extern from "fo_updates.h" nogil:
    enum:
        FO_SCALARS
        FO_SLOTS
    ctypedef struct update_t "FO(update)":
        real* w
        const real* g
        real* a
        real* b
        real* c
        real* d
        const double* scalars
    # Restrict-qualified: the arrays of one update are distinct.
    ctypedef real* out_t "FO(out)"
    ctypedef const real* in_t "FO(in)"
    scalars_t read_scalars "FO(read_scalars)"(const double* p)

ctypedef element (*formula)(element, real, const scalars_t*) noexcept nogil
# Serial; elements lo..hi-1 of the arrays in the update.
ctypedef void (*block_t)(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil

ctypedef measured (*measure_formula)(element, real, const scalars_t*) noexcept nogil
# As a block, and adds the terms of its elements, FO_TERMS sums, to `sums`.
ctypedef void (*measure_t)(const update_t* u, Py_ssize_t lo, Py_ssize_t hi, double* sums) noexcept nogil

cdef enum:
    BLOCK = 8192         # elements of a task: borders depend on sizes alone
    LINE = 64            # bytes of a cache line, the longest vector
    TURNS = 16           # tasks from which a step goes back the way that the one before came (all that is less stays in L2)
    MOST_TURNS = 256     # and up to which: larger arrays come from memory, which is read faster forward
    ALPHA = 3            # the step's place in a row of scalars

cdef struct piece_t:
    Py_ssize_t item, lo, hi

# A thread's share of the tasks, and the next of them that nobody has taken; two of them do not touch one line.
cdef struct share_t:
    long next, lo, hi
    char[LINE] apart

cdef extern from *:
    """
    #if defined(_MSC_VER) && !defined(__clang__)
    #include <intrin.h>
    #define FO_TAKE(p) _InterlockedExchangeAdd(p, 1)
    #else
    #define FO_TAKE(p) __atomic_fetch_add(p, 1, __ATOMIC_RELAXED)
    #endif
    """
    long take "FO_TAKE"(long* next) nogil

include "updates_roster.pxi"
include "updates_loops.pxi"
include "updates_norms.pxi"
include "updates_measures.pxi"
include "updates_filters.pxi"
include "updates_matrices.pxi"


cdef class Plan:
    """The arrays of an optimizer that have this module's element type, cut into tasks. One thread may use it at a time.

    Parameters
    ----------
    params, slots, rules, groups, labels, where : lists of one entry for each array
        The array, the tuple of its slots, the name of its rule (None: the array is left alone), its row in the table
        of scalars, its name in messages, and its position in the sequence of gradients.
    n_groups : int
        Rows of the table of scalars.
    spans : list of (start, end), sorted
        Addresses of all parameters of the optimizer: a gradient that overlaps one is copied.
    alias : callable
        (tensor, name) to an array over its memory, for gradients that offer DLPack.
    """
    cdef Py_ssize_t n, n_tasks, n_groups, n_spans, last
    cdef update_t* items
    cdef block_t* blocks
    cdef Py_ssize_t* where
    cdef Py_ssize_t* rows
    cdef Py_ssize_t* sizes
    cdef piece_t* pieces
    cdef Py_ssize_t* tasks
    cdef double* table
    cdef uintptr_t* spans
    cdef share_t* shares
    cdef int n_shares
    cdef list params, slots, labels, rules, sparse
    cdef object alias
    cdef bint back

    def __init__(self, list params, list slots, list rules, list groups, list labels, list where,
                 Py_ssize_t n_groups, list spans, alias):
        cdef Py_ssize_t i, k, lo, size, room, n_pieces = 0
        cdef cnp.ndarray array
        cdef real** slot
        if self.items is not NULL:
            raise RuntimeError("a plan is built once")
        self.params, self.slots, self.labels, self.rules, self.sparse = params, slots, labels, rules, []
        self.n, self.n_groups, self.n_spans = len(params), n_groups, len(spans)
        self.last = max(where, default=-1)
        self.alias = alias
        for array in params:
            n_pieces += (array.size + BLOCK - 1) // BLOCK
        self.items = <update_t*> calloc(self.n + 1, sizeof(update_t))
        self.blocks = <block_t*> calloc(self.n + 1, sizeof(block_t))
        self.where = <Py_ssize_t*> calloc(self.n + 1, sizeof(Py_ssize_t))
        self.rows = <Py_ssize_t*> calloc(self.n + 1, sizeof(Py_ssize_t))
        self.sizes = <Py_ssize_t*> calloc(self.n + 1, sizeof(Py_ssize_t))
        self.pieces = <piece_t*> calloc(n_pieces + 1, sizeof(piece_t))
        self.tasks = <Py_ssize_t*> calloc(n_pieces + 1, sizeof(Py_ssize_t))
        self.table = <double*> calloc((n_groups + self.n) * FO_SCALARS + 1, sizeof(double))
        self.spans = <uintptr_t*> calloc(2 * self.n_spans + 1, sizeof(uintptr_t))
        if not (self.items and self.blocks and self.where and self.rows and self.sizes and self.pieces and self.tasks
                and self.table and self.spans):
            raise MemoryError()
        for i in range(self.n_spans):
            self.spans[2 * i], self.spans[2 * i + 1] = spans[i]
        n_pieces = room = 0
        for i in range(self.n):
            array = params[i]
            size = self.sizes[i] = array.size
            self.where[i] = where[i]
            self.items[i].w = <real*> cnp.PyArray_DATA(array)
            slot = &self.items[i].a
            for k, array in enumerate(slots[i]):
                slot[k] = <real*> cnp.PyArray_DATA(array)
            self.rows[i] = groups[i]
            self.items[i].scalars = self.table + self.rows[i] * FO_SCALARS
            if rules[i] is not None:
                self.blocks[i] = <block_t> <void*> <size_t> ROSTER[rules[i]]
            for lo in range(0, size, BLOCK):
                self.pieces[n_pieces] = piece_t(i, lo, min(lo + BLOCK, size))
                # Small arrays share a task.
                if self.pieces[n_pieces].hi - lo > room:
                    self.tasks[self.n_tasks] = n_pieces
                    self.n_tasks += 1
                    room = BLOCK
                room -= self.pieces[n_pieces].hi - lo
                n_pieces += 1
        self.tasks[self.n_tasks] = n_pieces

    def __dealloc__(self):
        free(self.items)
        free(self.blocks)
        free(self.where)
        free(self.rows)
        free(self.sizes)
        free(self.pieces)
        free(self.tasks)
        free(self.table)
        free(self.spans)
        free(self.shares)

    cdef bint overlaps(self, uintptr_t start, uintptr_t end) noexcept:
        cdef Py_ssize_t lo = 0, hi = self.n_spans, middle
        while lo < hi:  # the first span that ends after start
            middle = (lo + hi) >> 1
            if self.spans[2 * middle + 1] > start:
                hi = middle
            else:
                lo = middle + 1
        return lo < self.n_spans and self.spans[2 * lo] < end

    cdef object refuse(self, Py_ssize_t i, object given):
        """Raise for a gradient that cannot be used, or return an array that can, a copy but for DLPack's."""
        param = self.params[i]
        label = self.labels[i]
        if isinstance(given, np.generic):
            given = np.asarray(given)
        elif not isinstance(given, np.ndarray) and hasattr(given, "__dlpack__"):
            given = self.alias(given, f"grads{label}")
            if (given.shape == param.shape and given.dtype == param.dtype and given.flags.c_contiguous
                    and given.flags.aligned
                    and not self.overlaps(given.ctypes.data, given.ctypes.data + given.nbytes)):
                return given
        if not isinstance(given, np.ndarray):
            raise TypeError(f"grads{label} must be a NumPy array of {param.dtype}, got {type(given).__name__}")
        if given.shape != param.shape:
            raise ValueError(f"grads{label} has shape {given.shape}, but params{label} has shape {param.shape}")
        if given.dtype.type is not param.dtype.type:
            raise TypeError(f"grads{label} has dtype {given.dtype}, but params{label} has dtype {param.dtype}; "
                            f"pass grads.astype({param.dtype.name!r})")
        return np.array(given, dtype=param.dtype, order="C", copy=True, subok=False)

    cdef tuple rows_of(self, Py_ssize_t i, object given):
        """Indices and rows of an optimizers.RowGradient."""
        if self.rules[i] not in ROWWISE:
            raise TypeError(self.refused_rows(i))
        return given.fit(self.params[i], self.labels[i])

    cdef str refused_rows(self, Py_ssize_t i):
        return (f"grads{self.labels[i]} is a RowGradient, which SGD without momentum, Adagrad and Adam without amsgrad "
                "take, and Muon for what it gives to Adam: arrays of three or more axes")

    def whole(self):
        """Raise for loaded gradients of some rows: what depends on sums over the elements needs all of them."""
        for i, _, _ in self.sparse:
            raise TypeError(self.refused_rows(i))

    def check(self, tuple rows):
        """Raise where the step of a loaded RowGradient would not leave the other rows alone."""
        for i, _, _ in self.sparse:
            row = rows[self.rows[<Py_ssize_t> i]]
            if row[1] != 0.0 or row[2] != 0.0:
                raise ValueError(f"grads{self.labels[i]} is a RowGradient, which does not go with weight_decay: it would "
                                 "move all rows")

    cdef int rows_run(self, Py_ssize_t i, const int64_t[::1] indices, const real[:, ::1] rows, int n_threads) except -1:
        cdef Py_ssize_t k, n = rows.shape[0], width = rows.shape[1]
        cdef update_t one
        if n and width:
            for k in prange(n, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
                one = shifted(&self.items[i], indices[k] * width, &rows[k, 0])
                self.blocks[i](&one, 0, width)
        return 0

    def load(self, tuple grads):
        """Look up the addresses of the gradients; return the copies that had to be made, to be kept until the end
        of `run`. Raises before anything is changed."""
        cdef Py_ssize_t i, k
        cdef int ndim
        cdef uintptr_t start
        cdef bint same
        cdef object given
        cdef cnp.ndarray g, w
        cdef list copies = None
        self.sparse = []
        if len(grads) <= self.last:
            raise ValueError(f"{len(grads)} gradients, at least {self.last + 1} are needed")
        for i in range(self.n):
            w = <cnp.ndarray> self.params[i]
            if (cnp.PyArray_DATA(w) != <void*> self.items[i].w or cnp.PyArray_SIZE(w) != self.sizes[i]
                    or not cnp.PyArray_ISCARRAY(w)):
                raise ValueError(f"params{self.labels[i]} was resized, moved or made read-only since it was bound")
            given = grads[self.where[i]]
            same = False
            if isinstance(given, cnp.ndarray):
                g = <cnp.ndarray> given
                ndim = cnp.PyArray_NDIM(g)
                same = (cnp.PyArray_TYPE(g) == cnp.PyArray_TYPE(w) and cnp.PyArray_ISCARRAY_RO(g)
                        and ndim == cnp.PyArray_NDIM(w))
                if same:
                    for k in range(ndim):
                        same = same and cnp.PyArray_DIM(g, <int> k) == cnp.PyArray_DIM(w, <int> k)
                if same:
                    start = <uintptr_t> cnp.PyArray_DATA(g)
                    same = self.sizes[i] == 0 or not self.overlaps(start, start + self.sizes[i] * sizeof(real))
            if not same and hasattr(type(given), "fit"):
                self.sparse.append((i, *self.rows_of(i, given)))
                self.items[i].g = NULL
                continue
            if not same:
                g = <cnp.ndarray> self.refuse(i, given)
                if copies is None:
                    copies = []
                copies.append(g)
            if self.items[i].g != cnp.PyArray_DATA(g):  # a store takes the line from the threads that read it
                self.items[i].g = <const real*> cnp.PyArray_DATA(g)
        return copies

    def dense(self, str option):
        """Raise for loaded gradients of some rows, which `option` does not go with."""
        for i, _, _ in self.sparse:
            raise ValueError(f"{option} does not go with a RowGradient as grads{self.labels[i]}; apply it to its rows "
                             "before the step")

    cdef int fill(self, tuple rows, const double[::1] factors) except -1:
        """The table of a step: a row for each group, or, with factors, for each array its group's row with the step
        alpha multiplied."""
        cdef Py_ssize_t i, k
        cdef tuple row
        cdef double* own
        cdef const double* shared
        if len(rows) != self.n_groups:
            raise ValueError("one row of scalars is needed for each group")
        if self.sparse:
            self.check(rows)
        if factors is not None and factors.shape[0] != self.n:
            raise ValueError("one factor is needed for each array")
        for i in range(self.n_groups):
            row = <tuple> rows[i]
            if len(row) > FO_SCALARS:
                raise ValueError(f"a row of scalars has at most {FO_SCALARS} numbers, got {len(row)}")
            for k in range(len(row)):
                self.table[i * FO_SCALARS + k] = row[k]
        for i in range(self.n):
            own = self.table + self.rows[i] * FO_SCALARS
            if factors is not None:
                shared, own = own, self.table + (self.n_groups + i) * FO_SCALARS
                for k in range(FO_SCALARS):
                    own[k] = shared[k]
                own[ALPHA] *= factors[i]
            if self.items[i].scalars != own:
                self.items[i].scalars = own
        return 0

    def run(self, tuple rows, int n_threads, factors=None):
        """One step with the loaded gradients; `rows` is one tuple of scalars for each group, the first of those in
        fo_updates.h (the others are 0). factors: float64, what multiplies the step alpha of each array."""
        self.fill(rows, factors)
        self.tasks_run(n_threads)
        for i, indices, values in self.sparse:
            self.rows_run(i, indices, values, n_threads)
        self.sparse = []

    def measure(self, str name, tuple rows, int n_threads):
        """The sums of the measure's terms over each array with a rule, float64 (arrays, FO_TERMS); as `run`."""
        cdef Py_ssize_t i, k, n = self.tasks[self.n_tasks]
        cdef double[:, ::1] parts = np.zeros((n + 1, FO_TERMS))
        cdef double[:, ::1] sums = np.zeros((self.n, FO_TERMS))
        cdef measure_t block = <measure_t> <void*> <size_t> MEASURES[name]
        cdef piece_t piece
        self.whole()
        self.fill(rows, None)
        for i in prange(n, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
            piece = self.pieces[i]
            if self.blocks[piece.item] is not NULL:
                block(&self.items[piece.item], piece.lo, piece.hi, &parts[i, 0])
        for i in range(n):
            for k in range(FO_TERMS):
                sums[self.pieces[i].item, k] += parts[i, k]
        return np.asarray(sums)

    def gradient(self, Py_ssize_t i):
        """The loaded gradient of an array; it may be read until the step ends."""
        cdef cnp.ndarray w = <cnp.ndarray> self.params[i]
        return cnp.PyArray_SimpleNewFromData(cnp.PyArray_NDIM(w), cnp.PyArray_DIMS(w), cnp.PyArray_TYPE(w),
                                             <void*> self.items[i].g)

    def step(self, tuple grads, tuple rows, int n_threads):
        """`load` and `run` in one call."""
        copies = self.load(grads)
        self.run(rows, n_threads)
        return copies is None

    cdef int tasks_run(self, int n_threads) except -1:
        """Each thread goes through its share of the tasks, then takes what is left of others': processors differ, and
        may be busy. Of TURNS to MOST_TURNS tasks it goes there and, in the next step, back, as what it wrote last is
        still in its cache. Elements are independent: no order changes a bit."""
        cdef Py_ssize_t n_tasks = self.n_tasks
        cdef int k
        n_threads = <int> max(1, min(n_threads, n_tasks))
        if n_threads > self.n_shares:
            free(self.shares)
            self.n_shares = 0
            self.shares = <share_t*> calloc(n_threads, sizeof(share_t))
            if self.shares is NULL:
                raise MemoryError()
            self.n_shares = n_threads
        for k in range(n_threads):
            self.shares[k].next = self.shares[k].lo = <long> (n_tasks * k // n_threads)
            self.shares[k].hi = <long> (n_tasks * (k + 1) // n_threads)
        self.back = not self.back and TURNS <= n_tasks <= MOST_TURNS
        for k in prange(n_threads, nogil=True, schedule="static", chunksize=1, num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            self.walk(k, n_threads)
        return 0

    cdef void walk(self, int first, int n_shares) noexcept nogil:
        cdef share_t* s
        cdef long t
        cdef int i
        for i in range(n_shares):
            s = &self.shares[(first + i) % n_shares]
            t = take(&s.next)
            while t < s.hi:
                self.task(s.lo + s.hi - 1 - t if self.back else t)
                t = take(&s.next)

    cdef void task(self, Py_ssize_t t) noexcept nogil:
        cdef Py_ssize_t p
        cdef piece_t piece
        for p in range(self.tasks[t], self.tasks[t + 1]):
            piece = self.pieces[p]
            if self.blocks[piece.item] is not NULL and self.items[piece.item].g is not NULL:
                self.blocks[piece.item](&self.items[piece.item], piece.lo, piece.hi)


include "updates_filtered.pxi"
include "updates_lengths.pxi"
