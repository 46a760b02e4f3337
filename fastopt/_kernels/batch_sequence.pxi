# Connectionist temporal classification: sequences go to threads, each with a workspace of its own.

cdef extern from "fo_sequence.h" nogil:
    enum:
        FO_CTC_PAD
    double exponential "fo_exp_f64"(double x)
    double add_logarithms "fo_add_logarithms"(double a, double b)
    void ctc_forward "fo_ctc_forward"(Py_ssize_t r, const double* pb, const double* pl, double e_blank,
                                      const double* emission, const double* skip, double* b, double* l)
    void ctc_backward "fo_ctc_backward"(Py_ssize_t r, const double* gb, const double* gl, const double* skip,
                                        double* b, double* l)
    void ctc_emit "fo_ctc_emit"(Py_ssize_t r, const double* b, const double* l, double e_blank,
                                const double* emission, double* gb, double* gl)
    double ctc_center "fo_ctc_center"(Py_ssize_t r, double* b, double* l)
    double ctc_posterior "fo_ctc_posterior"(Py_ssize_t r, const double* ab, const double* al, double* b, double* l)
    double ctc_softmax "FO(ctc_softmax)"(Py_ssize_t k, const real* z, real* e, double* top)
    double ctc_sound "FO(ctc_sound)"(Py_ssize_t k, const real* z)
    void ctc_gradient "FO(ctc_gradient)"(Py_ssize_t k, double rate, double share, double scale,
                                         const double* occupied, real* g)

cdef enum:
    WORK = 6_000_000    # states and logits between two looks at signals, about 50 ms

cdef struct ctc_t:
    Py_ssize_t frames   # T, classes k, places for the states of a frame
    Py_ssize_t k
    Py_ssize_t places
    int64_t blank
    bint logits
    bint zero_infinity
    const real* raw
    real* gradient


cdef inline Py_ssize_t ctc_places(Py_ssize_t labels) noexcept nogil:
    """r of fo_sequence.h for this many labels."""
    return (labels // FO_CTC_PAD + 1) * FO_CTC_PAD


cdef inline Py_ssize_t ctc_size(Py_ssize_t frames, Py_ssize_t rows, Py_ssize_t places, Py_ssize_t k) noexcept nogil:
    """Doubles of a thread's workspace."""
    return (rows + 2) * (2 * places + FO_CTC_PAD) + 2 * places + 2 * frames + k


cdef inline void ctc_emissions(const real* z, const int64_t* label, Py_ssize_t s, double top,
                               double log_sum, double* emission) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(s):
        emission[i] = (<double> z[label[i]] - top) - log_sum


cdef void ctc_fill(real* g, Py_ssize_t n, real x) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        g[i] = x


cdef double ctc_sequence(const ctc_t* c, Py_ssize_t sequence, Py_ssize_t frames, const int64_t* label, Py_ssize_t s,
                         double scale, double* work) noexcept nogil:
    """Minus the logarithm of the probability of one sequence's labels, and its gradient times scale."""
    cdef Py_ssize_t k = c.k, r = ctc_places(s), step = 2 * c.places + FO_CTC_PAD, t, i, now, other
    cdef bint wanted = c.gradient is not NULL
    cdef const real* z = c.raw + sequence * c.frames * k
    cdef real* g = c.gradient + sequence * c.frames * k if wanted else NULL
    cdef double* alpha = work + 2 * step
    cdef double* emission = work + 2 * step + step * (c.frames if wanted else 2)
    cdef double* skip = emission + c.places
    cdef double* top = skip + c.places
    cdef double* log_sum = top + c.frames
    cdef double* occupied = log_sum + c.frames
    cdef double total = 0.0, loss, e_blank, share, blanks, most
    for i in range(r):
        emission[i] = -INFINITY
        skip[i] = 1.0 if 0 < i < s and label[i] != label[i - 1] else 0.0
    # Before the first frame the path stands in front of the first blank: as if it had come from one.
    for i in range(r):
        work[i] = -INFINITY
        work[r + i] = -INFINITY
    work[2 * r] = -INFINITY
    work[0] = 0.0
    for t in range(frames):
        now, other = (t, t - 1) if wanted else (t & 1, (t - 1) & 1)
        top[t] = 0.0
        if c.logits:
            log_sum[t] = ctc_softmax(k, z + t * k, g + t * k if wanted else NULL, top + t)
        else:
            log_sum[t] = ctc_sound(k, z + t * k)
        if log_sum[t] != log_sum[t]:
            if wanted:
                ctc_fill(g, frames * k, <real> NAN)
                memset(g + frames * k, 0, (c.frames - frames) * k * sizeof(real))
            return NAN
        ctc_emissions(z + t * k, label, s, top[t], log_sum[t], emission)
        e_blank = (<double> z[t * k + c.blank] - top[t]) - log_sum[t]
        if t == 0:
            ctc_forward(r, work, work + r, e_blank, emission, skip, alpha + now * step, alpha + now * step + r)
        else:
            ctc_forward(r, alpha + other * step, alpha + other * step + r, e_blank, emission, skip,
                        alpha + now * step, alpha + now * step + r)
        most = ctc_center(r, alpha + now * step, alpha + now * step + r)
        total += most
    if frames:
        now = frames - 1 if wanted else (frames - 1) & 1
        total += add_logarithms(alpha[now * step + s], alpha[now * step + r + s])
    elif s:
        total = -INFINITY
    loss = -total if total != 0.0 else 0.0
    if loss == INFINITY:
        if wanted:
            memset(g, 0, c.frames * k * sizeof(real))
        return 0.0 if c.zero_infinity else INFINITY
    if not wanted:
        return loss
    memset(g + frames * k, 0, (c.frames - frames) * k * sizeof(real))
    # work holds beta in its first half, beta + emission in its second.
    for t in range(frames - 1, -1, -1):
        if t == frames - 1:
            for i in range(2 * r + 1):
                work[i] = -INFINITY
            work[s] = 0.0
            if s:
                work[r + s] = 0.0
        else:
            ctc_center(r, work + step, work + step + r)
            ctc_backward(r, work + step, work + step + r, skip, work, work + r)
        ctc_emissions(z + t * k, label, s, top[t], log_sum[t], emission)
        e_blank = (<double> z[t * k + c.blank] - top[t]) - log_sum[t]
        ctc_emit(r, work, work + r, e_blank, emission, work + step, work + step + r)
        share = ctc_posterior(r, alpha + t * step, alpha + t * step + r, work, work + r)
        memset(occupied, 0, k * sizeof(double))
        blanks = 0.0
        for i in range(s + 1):
            blanks += work[i]
        for i in range(s):
            occupied[label[i]] += work[r + i + 1]
        occupied[c.blank] = blanks
        if not c.logits:
            ctc_fill(g + t * k, k, 0)
        ctc_gradient(k, exponential(-log_sum[t]) if c.logits else 0.0, 1.0 / share, scale, occupied, g + t * k)
    return loss


def ctc(const real[::1] raw, Py_ssize_t n, Py_ssize_t frames, Py_ssize_t k, const int64_t[::1] labels,
        const int64_t[::1] starts, const int64_t[::1] counts, const int64_t[::1] lengths, const double[::1] weight,
        int64_t blank, bint logits, bint zero_infinity, double scale, int n_threads, double[::1] value,
        real[::1] gradient):
    """Losses of n sequences times their weights in `value`; the gradient, times weight and scale, unless it is None.

    Labels of sequence i are counts[i] from starts[i] on; labels, frames and weights have been checked.
    """
    cdef ctc_t c
    cdef Py_ssize_t most = 0, i, first, last, size, segment
    cdef double w
    for i in range(n):
        most = max(most, counts[i])
    c.frames, c.k, c.places, c.blank = frames, k, ctc_places(most), blank
    c.logits, c.zero_infinity = logits, zero_infinity
    c.raw = &raw[0] if raw.shape[0] else NULL
    c.gradient = &gradient[0] if gradient is not None and gradient.shape[0] else NULL
    size = ctc_size(frames, frames if c.gradient is not NULL else 2, c.places, k)
    cdef double[::1] work = np.empty(n_threads * size)
    cdef const int64_t* label = &labels[0] if labels.shape[0] else NULL
    segment = max(<Py_ssize_t> 1, WORK // max(<Py_ssize_t> 1, frames * (k + 8 * c.places))) * n_threads
    for first in range(0, n, segment):
        last = min(n, first + segment)
        for i in prange(first, last, nogil=True, schedule="dynamic", chunksize=1, num_threads=n_threads,
                        use_threads_if=n_threads > 1):
            w = weight[i] if weight is not None else 1.0
            if w == 0.0:
                value[i] = 0.0
                if c.gradient is not NULL:
                    ctc_fill(c.gradient + i * frames * k, frames * k, 0)
            else:
                value[i] = w * ctc_sequence(&c, i, lengths[i], label + starts[i] if label is not NULL else NULL,
                                            counts[i], scale * w, &work[threadid() * size])
        PyErr_CheckSignals()
