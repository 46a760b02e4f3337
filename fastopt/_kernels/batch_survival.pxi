# Cox's partial likelihood over samples in the order of SurvivalTarget: by stratum, then from the longest time down,
# of one time the events first. The target cuts it into blocks of whole times of one stratum. One thread takes a block
# through all steps of a direction while it is in cache; of more, each step that is not a scan runs on all of them.

cdef extern from "fo_survival.h" nogil:
    double FO_COX_SLACK
    ctypedef struct cox_sums "fo_cox_sums":
        double a
        double b
        double t
        double own_a
        double own_b
        double own_t
    double cox_largest "fo_cox_largest"(Py_ssize_t n, const double* x)
    double cox_shift "fo_cox_shift"(Py_ssize_t n, double* x, const double* w, const uint16_t* code, double ref,
                                    double* term)
    void cox_running "fo_cox_running"(Py_ssize_t n, double s, const double* x, double* out)
    void cox_risks "fo_cox_risks"(Py_ssize_t n, double* x, const double* w)
    void cox_exponentials "fo_cox_exponentials"(Py_ssize_t n, double* x)
    void cox_logarithms "fo_cox_logarithms"(Py_ssize_t n, double* d, double* logarithm)
    void cox_denominators "fo_cox_denominators"(Py_ssize_t m, double others, double tied, double* d)
    void cox_event "fo_cox_event"(cox_sums* s, double c, double share, double inverse, double direction)
    void cox_rescale "fo_cox_rescale"(cox_sums* s, double factor)
    double cox_gradient "fo_cox_gradient"(double p, double a, double w)
    double cox_hessian "fo_cox_hessian"(double p, double a, double b)
    double cox_product "fo_cox_product"(double p, double v, double a, double t)

cdef enum:
    COX_GRADIENT = 2
    COX_HESSIAN = 4
    COX_PRODUCT = 32
    COX_BOUND = 128

# Of a group of samples with one time in one stratum.
cdef struct cox_group:
    double ref          # of its exponentials, and of its sums
    double c            # weight of each of its events in the sum over them
    double direction    # sum of p v over the risk set, and over the tied events
    double tied_direction
    Py_ssize_t entries  # where its denominators start, their number
    Py_ssize_t m


cdef struct cox_t:
    const int32_t* order
    const int64_t* block          # the group that each of them starts with, and their number
    const int64_t* start          # (groups + 1,)
    const int64_t* middle         # (groups,) the first sample without an event
    const uint16_t* code          # (n,) twice the group, counted in its block, and 1 more for an event
    const unsigned char* first    # of its stratum
    double* x           # z in order, then z - ref, then the risks p = w e^(z - ref)
    double* w           # weights in order, or NULL
    double* v           # direction in order, or NULL
    double* d           # denominators, then their reciprocals
    double* logarithm
    double* a           # (groups, 2) sums of events for the samples without and with an event
    double* b
    double* t
    double* running     # sums of risks in a block
    cox_group* group
    bint efron
    # Where the scans stand: the reference of both, sums of risks and of p v, the number of denominators; sums of events
    double ref
    double s
    double q
    Py_ssize_t entries
    cox_sums sums


cdef inline double cox_weight(const cox_t* c, Py_ssize_t i) noexcept nogil:
    return c.w[i] if c.w is not NULL else 1.0


cdef void cox_gather(const cox_t* c, const real* raw, const double* weight, const real* direction,
                     Py_ssize_t b) noexcept nogil:
    cdef const int32_t* order = c.order
    cdef double* x = c.x
    cdef Py_ssize_t i, lo = c.start[c.block[b]], hi = c.start[c.block[b + 1]]
    for i in range(lo, hi):
        x[i] = raw[order[i]]
    if weight is not NULL:
        for i in range(lo, hi):
            c.w[i] = weight[order[i]]
            if not c.w[i] > 0.0:
                x[i] = -INFINITY
    if direction is not NULL:
        for i in range(lo, hi):
            c.v[i] = direction[order[i]]


cdef double cox_references(cox_t* c, Py_ssize_t b) noexcept nogil:
    """x becomes z - ref; returns the sum of w (ref - z) over events."""
    cdef Py_ssize_t g, first = c.block[b], last = c.block[b + 1], lo = c.start[first], hi = c.start[last]
    cdef double linear = 0.0, most
    if c.first[first]:
        c.ref = cox_largest(c.start[first + 1] - lo, c.x + lo)
    if cox_largest(hi - lo, c.x + lo) <= c.ref + FO_COX_SLACK:
        for g in range(first, last):
            c.group[g].ref = c.ref
        return cox_shift(hi - lo, c.x + lo, c.w + lo if c.w is not NULL else NULL, c.code + lo, c.ref,
                         c.running)
    for g in range(first, last):
        lo, hi = c.start[g], c.start[g + 1]
        most = cox_largest(hi - lo, c.x + lo)
        if most > c.ref + FO_COX_SLACK:
            c.ref = most
        c.group[g].ref = c.ref
        linear += cox_shift(hi - lo, c.x + lo, c.w + lo if c.w is not NULL else NULL, c.code + lo, c.ref,
                            c.running)
    return linear


cdef void risks(const cox_t* c, Py_ssize_t b) noexcept nogil:
    cdef Py_ssize_t lo = c.start[c.block[b]], hi = c.start[c.block[b + 1]]
    if c.w is not NULL:
        cox_risks(hi - lo, c.x + lo, c.w + lo)
    else:
        cox_exponentials(hi - lo, c.x + lo)


cdef void cox_sums_at_risk(cox_t* c, Py_ssize_t b) noexcept nogil:
    """d from the risks in x."""
    cdef Py_ssize_t g, i, m, lo, middle, hi, count = c.entries
    cdef double s = c.s, q = c.q, tied, others, mass, factor, qt
    cdef double ref = c.group[c.block[b] - 1].ref if c.block[b] else 0.0
    cdef const double* x = c.x
    cdef cox_group* group = c.group + c.block[b]
    if not c.efron and c.w is NULL and c.v is NULL and group.ref == c.group[c.block[b + 1] - 1].ref:
        # The processor does not foresee where a loop over a group ends: sums over all samples cost a third
        s = 0.0 if c.first[c.block[b]] else s if group.ref == ref else s * exponential(ref - group.ref)
        lo, hi = c.start[c.block[b]], c.start[c.block[b + 1]]
        cox_running(hi - lo, s, x + lo, c.running)
        for g in range(c.block[b], c.block[b + 1]):
            group = c.group + g
            m = c.middle[g] - c.start[g]
            s = c.running[c.start[g + 1] - 1 - lo]
            group.m, group.c, group.entries = 1, <double> m, count
            c.d[count] = s if m else 1.0
            count += 1
        c.s, c.entries = s, count
        return
    for g in range(c.block[b], c.block[b + 1]):
        group = c.group + g
        if c.first[g]:
            s = q = 0.0
        elif group.ref != ref:
            factor = exponential(ref - group.ref)
            s *= factor
            q *= factor
        ref = group.ref
        lo, middle, hi = c.start[g], c.middle[g], c.start[g + 1]
        tied = others = mass = qt = 0.0
        for i in range(lo, middle):
            tied += x[i]
        for i in range(middle, hi):
            others += x[i]
        others += s
        s = others + tied
        m = middle - lo
        mass = <double> m
        if c.w is not NULL:
            m, mass = 0, 0.0
            for i in range(lo, middle):
                mass += c.w[i]
                m += c.w[i] > 0.0
        if c.v is not NULL:
            for i in range(lo, middle):
                if x[i] != 0.0:
                    qt += x[i] * c.v[i]
            for i in range(middle, hi):
                if x[i] != 0.0:
                    q += x[i] * c.v[i]
            q += qt
            group.direction, group.tied_direction = q, qt
        group.entries = count
        if m == 0:
            group.m, group.c = 0, 0.0
        elif c.efron:
            group.m, group.c = m, mass / m
            cox_denominators(m, others, tied, c.d + count)
        else:
            group.m, group.c = 1, mass
            c.d[count] = s
        count += group.m
    c.s, c.q, c.entries = s, q, count


cdef void logarithms(const cox_t* c, Py_ssize_t b) noexcept nogil:
    cdef cox_group* last = c.group + c.block[b + 1] - 1
    cdef Py_ssize_t lo = c.group[c.block[b]].entries
    cox_logarithms(last.entries + last.m - lo, c.d + lo, c.logarithm + lo)


cdef inline double cox_scan(cox_t* c, Py_ssize_t groups, Py_ssize_t b, int what) noexcept nogil:
    """From the earliest events on: the sum of c log d is returned, sums of events go to a, b and t."""
    cdef Py_ssize_t g, j
    cdef double value = 0.0, part, share, step, direction = 0.0, tied_direction = 0.0
    cdef cox_group* group
    cdef cox_sums sums = c.sums
    for g in range(c.block[b + 1] - 1, c.block[b] - 1, -1):
        group = c.group + g
        if g == groups - 1 or c.first[g + 1]:
            sums.a = sums.b = sums.t = 0.0
        elif group.ref != c.group[g + 1].ref:
            cox_rescale(&sums, exponential(group.ref - c.group[g + 1].ref))
        sums.own_a = sums.own_b = sums.own_t = 0.0
        part = 0.0
        if group.m == 1:
            if what & COX_PRODUCT:
                direction = group.direction
            part = c.logarithm[group.entries]
            cox_event(&sums, group.c, 0.0, c.d[group.entries], direction)
        elif group.m:
            step = 1.0 / group.m
            if what & COX_PRODUCT:
                direction, tied_direction = group.direction, group.tied_direction
            for j in range(group.m):
                part += c.logarithm[group.entries + j]
                share = j * step
                cox_event(&sums, group.c, share, c.d[group.entries + j], direction - share * tied_direction)
        value += group.c * part
        c.a[2 * g], c.a[2 * g + 1] = sums.a, sums.a - sums.own_a
        if what & COX_HESSIAN:
            c.b[2 * g], c.b[2 * g + 1] = sums.b, sums.b - sums.own_b
        if what & COX_PRODUCT:
            c.t[2 * g], c.t[2 * g + 1] = sums.t, sums.t - sums.own_t
    c.sums.a = sums.a
    if what & COX_HESSIAN:
        c.sums.b = sums.b
    if what & COX_PRODUCT:
        c.sums.t = sums.t
    return value


cdef double cox_events(cox_t* c, Py_ssize_t groups, Py_ssize_t b, int what) noexcept nogil:
    if what & (COX_HESSIAN | COX_PRODUCT):
        return cox_scan(c, groups, b, what)
    return cox_scan(c, groups, b, 1)


cdef void cox_outputs(const cox_t* c, int what, double scale, real* out, real* second, Py_ssize_t b) noexcept nogil:
    """Outputs of a block's samples from their risks and their group's sums."""
    cdef Py_ssize_t i, k, lo = c.start[c.block[b]], n = c.start[c.block[b + 1]] - lo
    cdef const int32_t* order = c.order + lo
    cdef const uint16_t* code = c.code + lo
    cdef const double* x = c.x + lo
    cdef const double* w = c.w + lo if c.w is not NULL else NULL
    cdef const double* v = c.v + lo
    cdef const double* sa = c.a + 2 * c.block[b]
    cdef const double* sb = c.b + 2 * c.block[b]
    cdef const double* st = c.t + 2 * c.block[b]
    if what & COX_GRADIENT:
        if w is NULL:
            for i in range(n):
                out[order[i]] = <real> (scale * cox_gradient(x[i], sa[code[i]], <double> (code[i] & 1)))
        else:
            for i in range(n):
                out[order[i]] = <real> (scale * cox_gradient(x[i], sa[code[i]], w[i] if code[i] & 1 else 0.0))
    if what & COX_PRODUCT:
        for i in range(n):
            k = code[i]
            out[order[i]] = <real> (scale * cox_product(x[i], v[i], sa[k], st[k])) if x[i] != 0.0 else <real> 0.0
    if what & COX_HESSIAN:
        for i in range(n):
            second[order[i]] = <real> (scale * cox_hessian(x[i], sa[code[i]], sb[code[i]]))
    if what & COX_BOUND:
        for i in range(n):
            second[order[i]] = <real> (scale * (x[i] * sa[code[i]]))


def cox(const real[::1] raw, target, const double[::1] weight, const real[::1] direction, bint efron, int what,
        double divisor, int n_threads, real[::1] out, real[::1] second):
    """Value of the partial likelihood; `out` is gradient or product, `second` the Hessian's diagonal or its bound.

    target: a SurvivalTarget. what: 1, or an or of FO_GRADIENT, FO_HESSIAN, FO_PRODUCT and COX_BOUND. Outputs are
    divided by divisor.
    """
    cdef const int32_t[::1] order = target._order
    cdef const int64_t[::1] start = target._start, middle = target._middle, block = target._block
    cdef const uint16_t[::1] code = target._code
    cdef const unsigned char[::1] first = target._first
    cdef cox_t c
    cdef Py_ssize_t n = raw.shape[0], groups = start.shape[0] - 1, blocks = block.shape[0] - 1, b
    cdef Py_ssize_t entries = max(groups, target.n_events)
    cdef double value = 0.0, scale = 1.0 / divisor
    if n == 0:
        return 0.0
    cdef double[::1] room = target._take(
        n * (2 + (weight is not None) + (direction is not None)) + 2 * entries
        + groups * (6 + <Py_ssize_t> sizeof(cox_group) // 8)
    )
    cdef double* rest = &room[0] + 2 * n
    cdef const real* z = &raw[0]
    cdef const double* weights = NULL
    cdef const real* directions = NULL
    cdef real* outputs = &out[0] if out is not None else NULL
    cdef real* seconds = &second[0] if second is not None else NULL
    memset(&c, 0, sizeof(cox_t))
    c.order, c.code, c.block, c.first = &order[0], &code[0], &block[0], &first[0]
    c.start, c.middle = &start[0], &middle[0]
    c.x, c.running = &room[0], &room[n]
    if weight is not None:
        weights, c.w, rest = &weight[0], rest, rest + n
    if direction is not None:
        directions, c.v, rest = &direction[0], rest, rest + n
    c.d, c.logarithm, rest = rest, rest + entries, rest + 2 * entries
    c.a, c.b, c.t, rest = rest, rest + 2 * groups, rest + 4 * groups, rest + 6 * groups
    c.group = <cox_group*> <void*> rest
    c.efron = efron
    with nogil:
        if n_threads == 1:
            for b in range(blocks):
                cox_gather(&c, z, weights, directions, b)
                value += cox_references(&c, b)
                risks(&c, b)
                cox_sums_at_risk(&c, b)
            for b in range(blocks - 1, -1, -1):
                logarithms(&c, b)
                value += cox_events(&c, groups, b, what)
                cox_outputs(&c, what, scale, outputs, seconds, b)
        else:
            for b in prange(blocks, schedule="static", num_threads=n_threads):
                cox_gather(&c, z, weights, directions, b)
            for b in range(blocks):
                value += cox_references(&c, b)
            for b in prange(blocks, schedule="static", num_threads=n_threads):
                risks(&c, b)
            for b in range(blocks):
                cox_sums_at_risk(&c, b)
            for b in prange(blocks, schedule="static", num_threads=n_threads):
                logarithms(&c, b)
            for b in range(blocks - 1, -1, -1):
                value += cox_events(&c, groups, b, what)
            for b in prange(blocks, schedule="static", num_threads=n_threads):
                cox_outputs(&c, what, scale, outputs, seconds, b)
    target._give(room.base)
    return value / divisor
