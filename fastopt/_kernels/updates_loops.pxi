# The loops over the elements of an update. `block` is generic: the rule and its number of slots are constants at each call,
# so that force-inlining makes one vectorised loop for each line of the roster.

from fastopt._kernels import _cpu

cdef extern from "fo_ratios.h" nogil:
    enum:
        RECIPROCALS "FO(reciprocals)"
    void subtract_ratios "FO(subtract_ratios)"(real* w, const real* up, const real* down, real decay, Py_ssize_t n)

ctypedef ratio (*ratio_formula)(element, real, const scalars_t*) noexcept nogil

cdef enum:
    PEELED = 256         # elements from which a block first walks to a line's border
    RATIOS = 64          # quotients at a time: four vectors

# Whether rules whose step is a quotient make it of approximate reciprocals, where there are any (fo_ratios.h).
cdef bint slow_division = _cpu.approximate_reciprocals()


def approximate_reciprocals(on=None):
    """Whether there are approximate reciprocals and they are used; `on` says so for all later steps."""
    global slow_division
    if on is not None:
        slow_division = on
    return bool(RECIPROCALS and slow_division)


cdef inline void loop(formula f, int slots, scalars_t s, out_t w, in_t g, out_t a, out_t b, out_t c,
                      out_t d, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef element e
    for i in range(n):
        e.w = w[i]
        if slots > 0:
            e.a = a[i]
        if slots > 1:
            e.b = b[i]
        if slots > 2:
            e.c = c[i]
        if slots > 3:
            e.d = d[i]
        e = f(e, s.sign * g[i] + s.l2 * e.w, &s)
        w[i] = e.w
        if slots > 0:
            a[i] = e.a
        if slots > 1:
            b[i] = e.b
        if slots > 2:
            c[i] = e.c
        if slots > 3:
            d[i] = e.d


cdef inline Py_ssize_t first_border(const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    """The first element of w at a line's border, from which on a block runs. NumPy's arrays begin 16 bytes after a border,
    where every vector of 64 bytes would touch two lines (measured: 0.36 against 0.33 ns for Adam float32)."""
    if hi - lo < PEELED:
        return lo
    return lo + (-<Py_ssize_t> (<uintptr_t> (u.w + lo)) & (LINE - 1)) // <Py_ssize_t> sizeof(real)


cdef inline void block(formula f, int slots, const update_t* u, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    cdef scalars_t s = read_scalars(u.scalars)
    cdef Py_ssize_t part, end = first_border(u, lo, hi)
    for part in range(2):
        loop(f, slots, s, u.w + lo, u.g + lo, u.a + lo if slots > 0 else NULL, u.b + lo if slots > 1 else NULL,
             u.c + lo if slots > 2 else NULL, u.d + lo if slots > 3 else NULL, end - lo)
        lo, end = end, hi


# A rule whose step is a quotient, for loops that divide in another way. Without a weight of w in the gradient
# (`coupled`) w is read for the step alone. Float32 in L2 on a Xeon (family 6 model 167), one thread: Adam 0.48 -> 0.36 ns,
# RMSprop 0.43 -> 0.31, Adagrad 0.44 -> 0.29; Adan, Adamax 1.0 of the time, which are not among these rules therefore.
cdef inline void ratio_chunk(ratio_formula f, int slots, bint coupled, const scalars_t* s, out_t w, in_t g, out_t a,
                             out_t b, out_t c, Py_ssize_t n) noexcept nogil:
    cdef real[RATIOS] up
    cdef real[RATIOS] down
    cdef Py_ssize_t i
    cdef element e
    cdef ratio r
    for i in range(n):
        if coupled:
            e.w = w[i]
        if slots > 0:
            e.a = a[i]
        if slots > 1:
            e.b = b[i]
        if slots > 2:
            e.c = c[i]
        r = f(e, s.sign * g[i] + s.l2 * e.w if coupled else s.sign * g[i], s)
        if slots > 0:
            a[i] = r.e.a
        if slots > 1:
            b[i] = r.e.b
        if slots > 2:
            c[i] = r.e.c
        up[i] = r.up
        down[i] = r.down
    subtract_ratios(w, up, down, s.decay, n)


cdef inline void ratio_part(ratio_formula f, int slots, bint coupled, const scalars_t* s, const update_t* u,
                            Py_ssize_t lo, Py_ssize_t n) noexcept nogil:
    ratio_chunk(f, slots, coupled, s, u.w + lo, u.g + lo, u.a + lo if slots > 0 else NULL,
                u.b + lo if slots > 1 else NULL, u.c + lo if slots > 2 else NULL, n)


cdef inline void ratio_loop(ratio_formula f, int slots, bint coupled, scalars_t s, const update_t* u, Py_ssize_t lo,
                            Py_ssize_t hi) noexcept nogil:
    while hi - lo >= RATIOS:  # the constant unrolls the loops over a chunk
        ratio_part(f, slots, coupled, &s, u, lo, RATIOS)
        lo += RATIOS
    ratio_part(f, slots, coupled, &s, u, lo, hi - lo)


cdef inline void ratio_block(formula f, ratio_formula r, int slots, const update_t* u, Py_ssize_t lo,
                             Py_ssize_t hi) noexcept nogil:
    """As `block`; by approximate reciprocals where a processor divides slowly."""
    cdef Py_ssize_t part, end
    cdef scalars_t s
    if not (RECIPROCALS and slow_division):
        block(f, slots, u, lo, hi)
        return
    s = read_scalars(u.scalars)
    end = first_border(u, lo, hi)
    for part in range(2):
        if s.l2 == 0:
            ratio_loop(r, slots, False, s, u, lo, end)
        else:
            ratio_loop(r, slots, True, s, u, lo, end)
        lo, end = end, hi
