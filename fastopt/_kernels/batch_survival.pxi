# Cox's partial likelihood over samples in the order of SurvivalTarget: by stratum, then from the longest time down,
# of one time the events first. Exponentials and logarithms run in blocks on all threads, the scans on one.

cdef extern from "fo_survival.h" nogil:
    double FO_COX_SLACK
    ctypedef struct cox_sums "fo_cox_sums":
        double a
        double b
        double t
        double own_a
        double own_b
        double own_t
    void cox_risks "fo_cox_risks"(Py_ssize_t n, double* x, const double* w)
    void cox_exponentials "fo_cox_exponentials"(Py_ssize_t n, double* x)
    void cox_logarithms "fo_cox_logarithms"(Py_ssize_t n, double* d, double* logarithm)
    double cox_denominator "fo_cox_denominator"(double others, double tied, double j, double m)
    void cox_event "fo_cox_event"(cox_sums* s, double c, double share, double inverse, double direction)
    void cox_rescale "fo_cox_rescale"(cox_sums* s, double factor)
    double cox_gradient "fo_cox_gradient"(const cox_sums* s, double p, double w, double own)
    double cox_bound "fo_cox_bound"(const cox_sums* s, double p, double own)
    double cox_hessian "fo_cox_hessian"(const cox_sums* s, double p, double own)
    double cox_product "fo_cox_product"(const cox_sums* s, double p, double v, double own)

cdef enum:
    COX_BLOCK = 8192
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
    Py_ssize_t n
    Py_ssize_t groups
    const int64_t* order
    const unsigned char* event
    const int64_t* start          # (groups + 1,)
    const unsigned char* first    # of its stratum
    double* x           # z in order, then z - ref, then the risks p = w e^(z - ref)
    double* w           # weights in order, or NULL
    double* v           # direction in order, or NULL
    double* d           # denominators, then their reciprocals
    double* logarithm
    cox_group* group
    bint efron


cdef inline double cox_weight(const cox_t* c, Py_ssize_t i) noexcept nogil:
    return c.w[i] if c.w is not NULL else 1.0


cdef double cox_references(const cox_t* c) noexcept nogil:
    """x becomes z - ref; returns the sum of w (ref - z) over events."""
    cdef Py_ssize_t g, i
    cdef double ref = -INFINITY, most, linear = 0.0, off, w
    for g in range(c.groups):
        most = -INFINITY
        for i in range(c.start[g], c.start[g + 1]):
            if c.x[i] > most and cox_weight(c, i) > 0.0:
                most = c.x[i]
        if c.first[g] or most > ref + FO_COX_SLACK:
            ref = most
        c.group[g].ref = ref
        for i in range(c.start[g], c.start[g + 1]):
            off = c.x[i] - ref
            c.x[i] = off
            w = cox_weight(c, i)
            if c.event[i] and w > 0.0:
                linear -= w * off
    return linear


cdef void risks(const cox_t* c, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    if c.w is not NULL:
        cox_risks(hi - lo, c.x + lo, c.w + lo)
    else:
        cox_exponentials(hi - lo, c.x + lo)


cdef void logarithms(const cox_t* c, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    cox_logarithms(hi - lo, c.d + lo, c.logarithm + lo)


cdef Py_ssize_t cox_denominators(const cox_t* c) noexcept nogil:
    """d from the risks in x; returns their number."""
    cdef Py_ssize_t g, i, j, m, count = 0
    cdef double s = 0.0, q = 0.0, ref = -INFINITY, tied, others, mass, factor, qt
    cdef cox_group* group
    for g in range(c.groups):
        group = c.group + g
        if c.first[g]:
            s = q = 0.0
        elif group.ref != ref:
            factor = exponential(ref - group.ref)
            s *= factor
            q *= factor
        ref = group.ref
        tied = mass = qt = 0.0
        others = s
        m = 0
        for i in range(c.start[g], c.start[g + 1]):
            if c.event[i] and cox_weight(c, i) > 0.0:
                tied += c.x[i]
                mass += cox_weight(c, i)
                m += 1
                if c.v is not NULL:
                    qt += c.x[i] * c.v[i]
            else:
                others += c.x[i]
                if c.v is not NULL and c.x[i] != 0.0:
                    q += c.x[i] * c.v[i]
        s = others + tied
        q += qt
        group.entries = count
        group.direction, group.tied_direction = q, qt
        if m == 0:
            group.m, group.c = 0, 0.0
        elif c.efron:
            group.m, group.c = m, mass / m
            for j in range(m):
                c.d[count + j] = cox_denominator(others, tied, <double> j, <double> m)
        else:
            group.m, group.c = 1, mass
            c.d[count] = s
        count += group.m
    return count


cdef double cox_outputs(const cox_t* c, int what) noexcept nogil:
    """From the earliest events on: the sum of c log d is returned, outputs in order replace x and, of two, v."""
    cdef Py_ssize_t g, i, j
    cdef double value = 0.0, part, share, own, w, p
    cdef cox_group* group
    cdef cox_sums sums
    cdef double* second = c.logarithm + c.n
    sums.a = sums.b = sums.t = 0.0
    for g in range(c.groups - 1, -1, -1):
        group = c.group + g
        if g == c.groups - 1 or c.first[g + 1]:
            sums.a = sums.b = sums.t = 0.0
        elif group.ref != c.group[g + 1].ref:
            cox_rescale(&sums, exponential(group.ref - c.group[g + 1].ref))
        sums.own_a = sums.own_b = sums.own_t = 0.0
        part = 0.0
        for j in range(group.entries, group.entries + group.m):
            part += c.logarithm[j]
            share = (<double> (j - group.entries)) / group.m
            cox_event(&sums, group.c, share, c.d[j], group.direction - share * group.tied_direction)
        value += group.c * part
        if what == 1:
            continue
        for i in range(c.start[g], c.start[g + 1]):
            p = c.x[i]
            own, w = 0.0, cox_weight(c, i)
            if c.event[i] and w > 0.0:
                own = 1.0
            else:
                w = 0.0
            if what & COX_GRADIENT:
                c.x[i] = cox_gradient(&sums, p, w, own)
            if what & COX_PRODUCT:
                c.x[i] = cox_product(&sums, p, c.v[i], own) if p != 0.0 else 0.0
            if what & COX_HESSIAN:
                second[i] = cox_hessian(&sums, p, own)
            elif what & COX_BOUND:
                second[i] = cox_bound(&sums, p, own)
    return value


def cox(const real[::1] raw, const int64_t[::1] order, const unsigned char[::1] event, const int64_t[::1] start,
        const unsigned char[::1] first, const double[::1] weight, const real[::1] direction, bint efron, int what,
        double divisor, int n_threads, real[::1] out, real[::1] second):
    """Value of the partial likelihood; `out` is gradient or product, `second` the Hessian's diagonal or its bound.

    what: 1, or an or of FO_GRADIENT, FO_HESSIAN, FO_PRODUCT and COX_BOUND. Outputs are divided by divisor.
    """
    cdef cox_t c
    cdef Py_ssize_t n = raw.shape[0], blocks = (n + COX_BLOCK - 1) // COX_BLOCK, b, i, count
    cdef double value, scale = 1.0 / divisor
    if n == 0:
        return 0.0
    cdef double[::1] room = np.empty(6 * n)
    cdef unsigned char[::1] groups = np.empty((start.shape[0] - 1) * sizeof(cox_group), dtype=np.uint8)
    c.n, c.groups = n, start.shape[0] - 1
    c.order, c.event, c.start, c.first = &order[0], &event[0], &start[0], &first[0]
    c.x, c.d, c.logarithm = &room[0], &room[n], &room[2 * n]
    c.w = &room[4 * n] if weight is not None else NULL
    c.v = &room[5 * n] if direction is not None else NULL
    c.group = <cox_group*> <void*> &groups[0]
    c.efron = efron
    with nogil:
        for b in prange(blocks, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
            for i in range(b * COX_BLOCK, min(n, (b + 1) * COX_BLOCK)):
                c.x[i] = raw[c.order[i]]
                if c.w is not NULL:
                    c.w[i] = weight[c.order[i]]
                if c.v is not NULL:
                    c.v[i] = direction[c.order[i]]
        value = cox_references(&c)
        for b in prange(blocks, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
            risks(&c, b * COX_BLOCK, min(n, (b + 1) * COX_BLOCK))
        count = cox_denominators(&c)
        for b in prange((count + COX_BLOCK - 1) // COX_BLOCK, schedule="static", num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            logarithms(&c, b * COX_BLOCK, min(count, (b + 1) * COX_BLOCK))
        value += cox_outputs(&c, what)
        if what != 1:
            for b in prange(blocks, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1):
                for i in range(b * COX_BLOCK, min(n, (b + 1) * COX_BLOCK)):
                    if what & (COX_GRADIENT | COX_PRODUCT):
                        out[c.order[i]] = <real> (scale * c.x[i])
                    if what & (COX_HESSIAN | COX_BOUND):
                        second[c.order[i]] = <real> (scale * c.logarithm[n + i])
    return value / divisor
