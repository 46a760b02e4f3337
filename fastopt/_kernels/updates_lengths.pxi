# Step lengths: what a step multiplies gradients by, from the slots after it.

cdef inline void length_loop(denominator f, int slots, scalars_t s, out_t w, in_t a, in_t b, in_t c,
                             Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef element e
    for i in range(n):
        if slots & FIRST:
            e.a = a[i]
        if slots & SECOND:
            e.b = b[i]
        if slots & THIRD:
            e.c = c[i]
        w[i] = s.alpha / f(&e, &s)


cdef inline void length_block(denominator f, int slots, const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    # Into the place of w.
    length_loop(f, slots, read_scalars(u.scalars), u.w + lo, u.a + lo if slots & FIRST else NULL,
                u.b + lo if slots & SECOND else NULL, u.c + lo if slots & THIRD else NULL, hi - lo)


def with_lengths():
    """Names of the rules whose step has a length for each coefficient (`step_lengths`)."""
    return tuple(LENGTHS)


def step_lengths(Plan plan, list outs, tuple rows, int n_threads):
    """alpha over what the rule divides by, for each element of the plan's arrays; `rows` as of `Plan.run`.

    outs: an array like each parameter, or None to leave it out.
    """
    cdef Py_ssize_t i, n = plan.tasks[plan.n_tasks]
    cdef uintptr_t[::1] to = np.zeros(plan.n + 1, dtype=np.uintp)
    cdef size_t[::1] blocks = np.zeros(plan.n + 1, dtype=np.uintp)
    cdef cnp.ndarray array
    cdef update_t one
    cdef piece_t piece
    plan.sparse = []
    plan.fill(rows, None)
    for i in range(plan.n):
        if outs[i] is not None:
            array = outs[i]
            to[i], blocks[i] = <uintptr_t> cnp.PyArray_DATA(array), LENGTHS[plan.rules[i]]
    for i in prange(n, nogil=True, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
        piece = plan.pieces[i]
        if blocks[piece.item]:
            one = plan.items[piece.item]
            one.w = <real*> to[piece.item]
            (<block_t> <void*> blocks[piece.item])(&one, piece.lo, piece.hi)
