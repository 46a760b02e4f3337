# The passes.


cdef class Rows(Handle):
    """The passes over dense rows; Handle has the parameters. coef is (k, p), intercept (k,) or None."""

    cdef double* _gram_hx
    cdef object _loss_keep

    def set_loss(self, size_t address, const double[::1] par, bint row_loss, const double[::1] class_weight=None,
                 const double[::1] output_weight=None):
        """The block function of a loss (src_c/fo_job.h), its parameters, whether it works on rows of length k; for
        pointwise losses weights of the k outputs."""
        if row_loss and class_weight is not None and class_weight.shape[0] != self.k:
            raise ValueError(f"class_weight must have {self.k} elements, got {class_weight.shape[0]}")
        if output_weight is not None and (row_loss or output_weight.shape[0] != self.k):
            raise ValueError(f"output_weight must have {self.k} elements and is for pointwise losses")
        self._loss_keep = (par, class_weight, output_weight)
        self.d.block = <block_t> <void*> address
        self.d.par = &par[0] if par is not None and par.shape[0] else NULL
        self.d.class_weight = &class_weight[0] if class_weight is not None else NULL
        self.d.output_weight = &output_weight[0] if output_weight is not None else NULL
        if self.d.row_loss != row_loss:
            self._threads = 0
            self._gram_slots = 0
        self.d.row_loss = row_loss

    def decision(self, const double[:, ::1] coef, const double[::1] intercept, real[:, ::1] raw_out, int n_threads):
        """raw_out = X coef' + intercept + offset."""
        cdef pass_t c = self._pass()
        self._prepare(n_threads)
        self._set_coef(&c, coef, intercept)
        self._set_raw_out(&c, raw_out)
        c.offset = True
        c.g = NULL
        with nogil:
            drive(pass_slot, &self.d, &c, self._scratch, n_threads)

    def value(self, const double[:, ::1] coef, const double[::1] intercept, real[:, ::1] raw_out, int n_threads):
        """Sum of the weighted losses, and the status word."""
        cdef pass_t c = self._pass()
        self._need_loss()
        self._prepare(n_threads)
        self._set_coef(&c, coef, intercept)
        self._set_raw_out(&c, raw_out)
        c.offset = True
        c.what = FO_VALUE
        c.g = NULL
        with nogil:
            drive(pass_slot, &self.d, &c, self._scratch, n_threads)
        return self._sum(&c, 0), self._status_word(&c)

    def value_gradient(self, const double[:, ::1] coef, const double[::1] intercept, double[:, ::1] coef_gradient,
                       double[::1] intercept_gradient, real[:, ::1] raw_out, int n_threads):
        """Sum of the weighted losses and its gradient in one read of X; (value, status)."""
        cdef pass_t c = self._pass()
        self._need_loss()
        self._prepare(n_threads)
        self._set_coef(&c, coef, intercept)
        self._set_raw_out(&c, raw_out)
        self._gradient_shapes(coef_gradient, intercept_gradient)
        c.offset = True
        c.what = FO_VALUE | FO_GRADIENT
        c.gradient = True
        with nogil:
            drive(pass_slot, &self.d, &c, self._scratch, n_threads)
        self._gradient(&c, coef_gradient, intercept_gradient)
        return self._sum(&c, 0), self._status_word(&c)

    def value_gradient_hessian(self, const double[:, ::1] coef, const double[::1] intercept,
                               double[:, ::1] coef_gradient, double[::1] intercept_gradient, double[:, ::1] H,
                               real[:, ::1] raw_out, int n_threads):
        """Sums of losses, gradients and h_i [x_i; 1][x_i; 1]' of a pointwise loss with one output.

        One read of X up to PANEL_FROM columns; from there on a second one for the Hessian's panels.
        """
        cdef pass_t c
        if self.k != 1 or self.d.row_loss:
            raise ValueError("value_gradient_hessian takes a pointwise loss and one output")
        self._need_loss()
        self._prepare(n_threads)
        self._need("H", H.shape, self.p + 1, self.p + 1)
        self._gradient_shapes(coef_gradient, intercept_gradient)
        c = self._gram_pass()
        self._set_coef(&c, coef, intercept)
        self._set_raw_out(&c, raw_out)
        c.offset = True
        c.what = FO_VALUE | FO_GRADIENT | FO_HESSIAN
        c.gradient = True
        if c.hess == NULL:
            c.hessian_out = self._curvatures()
        with nogil:
            drive(pass_slot, &self.d, &c, self._scratch, n_threads)
        self._gradient(&c, coef_gradient, intercept_gradient)
        self._finish_gram(&c, c.hessian_out, H, n_threads)
        return self._sum(&c, 0), self._status_word(&c)

    def hessian(self, const real[:, ::1] raw, double[:, ::1] H, int n_threads):
        """The Hessian of the loss sum at stored predictions; returns the status word.

        (p + 1, p + 1) for one output, else (k (p + 1), k (p + 1)) with row c (p + 1) + j.
        """
        cdef pass_t c
        cdef Py_ssize_t size = self.k * (self.p + 1)
        self._need_loss()
        if self.k != 1 and not self.d.row_loss:
            raise ValueError("hessian takes a row loss, or a pointwise loss and one output")
        self._prepare(n_threads)
        self._need("H", H.shape, size, size)
        c = self._gram_pass()
        self._set_raw(&c, raw)
        c.what = FO_FULL_HESSIAN if self.d.row_loss else FO_HESSIAN
        if c.hess == NULL:
            c.hessian_out = self._curvatures()
        with nogil:
            drive(pass_slot, &self.d, &c, self._scratch, n_threads)
        self._finish_gram(&c, c.hessian_out, H, n_threads)
        return self._status_word(&c)

    def gram(self, const real[::1] h, double[:, ::1] H, int n_threads):
        """H = sum of h_i [x_i; 1][x_i; 1]'; h None: the row weights, or ones."""
        cdef pass_t c
        cdef const real* weights = NULL
        if h is not None:
            if h.shape[0] != self.n:
                raise ValueError(f"h must have {self.n} elements, got {h.shape[0]}")
            weights = &h[0] if self.n else NULL
        self._prepare(n_threads)
        self._need("H", H.shape, self.p + 1, self.p + 1)
        c = self._gram_pass(True)
        c.residual = weights
        c.residual_weight = h is None
        with nogil:
            drive(pass_slot, &self.d, &c, self._scratch, n_threads)
        self._finish_gram(&c, weights, H, n_threads)

    def cross(self, const real[:, ::1] R, double[:, ::1] G, double[::1] s, int n_threads):
        """G = R'X and the column sums s of R."""
        cdef pass_t c = self._pass()
        self._prepare(n_threads)
        self._need("R", R.shape, self.n, self.k)
        self._gradient_shapes(G, s)
        c.residual = &R[0, 0] if self.n else NULL
        c.gradient = True
        with nogil:
            drive(pass_slot, &self.d, &c, self._scratch, n_threads)
        self._gradient(&c, G, s)

    def hessp(self, const real[:, ::1] raw, const double[:, ::1] direction_coef, const double[::1] direction_intercept,
              double[:, ::1] out_coef, double[::1] out_intercept, int n_threads):
        """Hessian of the loss sum at stored predictions, times a direction, in one read of X; the status word."""
        cdef pass_t c = self._pass()
        self._need_loss()
        self._prepare(n_threads)
        self._set_coef(&c, direction_coef, direction_intercept)
        self._set_raw(&c, raw)
        self._gradient_shapes(out_coef, out_intercept)
        c.forward_direction = True
        c.what = FO_PRODUCT
        c.gradient = True
        with nogil:
            drive(pass_slot, &self.d, &c, self._scratch, n_threads)
        self._gradient(&c, out_coef, out_intercept)
        return self._status_word(&c)

    def line(self, const real[:, ::1] raw, const real[:, ::1] raw_direction, double alpha, int n_threads):
        """(value, slope, curvature, status) of the loss sum at raw + alpha raw_direction, without X."""
        cdef pass_t c = self._pass()
        self._need_loss()
        self._prepare(n_threads)
        self._set_raw(&c, raw)
        self._need("raw_direction", raw_direction.shape, self.n, self.k)
        c.direction = &raw_direction[0, 0] if self.n else NULL
        c.alpha = alpha
        self._tiles(&c, self.d.tile)
        with nogil:
            drive(line_slot, &self.d, &c, self._scratch, n_threads)
        return self._sum(&c, 0), self._sum(&c, 1), self._sum(&c, 2), self._status_word(&c)

    def moments(self, double[::1] mean, double[::1] variance, int n_threads):
        """Weighted means and variances of the columns; 1 where an element of X is not finite, else 0."""
        cdef pass_t c = self._pass()
        cdef Py_ssize_t s, j, p = self.p
        cdef double total = 0.0, finite = 0.0
        if mean.shape[0] != p or variance.shape[0] != p:
            raise ValueError(f"mean and variance must have {p} elements, got {mean.shape[0]} and {variance.shape[0]}")
        self._prepare(n_threads)
        with nogil:
            drive(moments_slot, &self.d, &c, self._scratch, n_threads)
        for s in range(1, c.slots):
            total = c.value[3]
            merge_moments(p, &total, c.g, c.g + p, c.value[4 * s + 3], c.g + 4 * p * s, c.g + 4 * p * s + p)
            c.value[3] = total
        total = c.value[3]
        for j in range(p):
            mean[j] = c.g[j] + (<double> self.d.x[(self.d.rows[0] if self.d.rows != NULL else 0) * p + j] if self.n else 0.0)
            variance[j] = c.g[p + j] / total if total > 0.0 else 0.0
            finite += (mean[j] + variance[j]) * 0.0
        # A sum may overflow where every element is finite: then look at the elements.
        return 0 if finite == 0.0 else int(not self.finite(n_threads))

    def finite(self, int n_threads):
        """Whether every element of the rows used is finite."""
        cdef pass_t c = self._pass()
        self._prepare(n_threads)
        with nogil:
            drive(finite_slot, &self.d, &c, self._scratch, n_threads)
        return self._status_word(&c) == 0

    cdef real* _curvatures(self) except NULL:
        """(n,) curvatures, for the Gram matrices that are computed by panels."""
        if self._curvature_base == NULL:
            return <real*> aligned(padded(self.n + 1, sizeof(real)), &self._curvature_base)
        return <real*> ((<size_t> self._curvature_base + LINE - 1) // LINE * LINE)

    cdef pass_t _gram_pass(self, bint plain=False):
        """A pass whose slots have private Gram matrices; hess is NULL where panels take their place."""
        cdef pass_t c = self._pass()
        cdef Py_ssize_t k = self.k, p = self.p, pairs = k * (k + 1) // 2 if self.d.row_loss else 1
        cdef Py_ssize_t each = pairs * p * p * 8, most = max(MOST_PARTIAL, self.n * p * <Py_ssize_t> sizeof(real) // 10)
        cdef bint panels = pairs == 1 and p >= PANEL_FROM
        cdef Py_ssize_t slots = self._slots
        if self._gram_slots == 0:
            if not panels and each:
                slots = max(1, min(slots, self.n // GRAM_ROWS, max(most // each, 4 if self.d.row_loss else 1)))
            self._gram_hx = <double*> aligned(
                slots * (padded(pairs * (p + 1), 8) + (0 if panels else padded(pairs * p * p, 8))) + LINE,
                &self._gram_base)
            self._gram_slots = slots
        c.gram = True
        c.narrow = 0 < p <= NARROW and (k == 1 or plain)
        c.slots = self._gram_slots
        self._tiles(&c, self._full_tile if self.d.row_loss and not plain else self.d.tile)
        c.hx = self._gram_hx
        if not panels:
            c.hess = self._gram_hx + self._gram_slots * (padded(pairs * (p + 1), 8) // 8)
        return c

    cdef int _finish_gram(self, pass_t* c, const real* h, double[:, ::1] H, int n_threads) except -1:
        """Slots in slot order, or panels; then the intercept's row and the lower triangle."""
        cdef Py_ssize_t k = self.k, p = self.p, a, b, i, j, s, pair = 0, q = p + 1
        cdef Py_ssize_t blocks = k if c.what & FO_FULL_HESSIAN else 1
        cdef Py_ssize_t pairs = k * (k + 1) // 2 if self.d.row_loss else 1
        cdef double v
        cdef double* row
        cdef const double* part
        cdef pass_t panel
        if c.hess == NULL:
            panel = c[0]
            panel.hess = &H[0, 0]
            # panels are p + 1 apart in H itself
            panel.residual = h
            panel.residual_weight = h == NULL
            panel.slots = (p + PANEL - 1) // PANEL
            with nogil:
                drive(panel_slot, &self.d, &panel, self._scratch, n_threads)
        with nogil:
            for a in range(blocks):
                for b in range(a, blocks):
                    if c.hess != NULL:
                        for i in range(p):
                            row = &H[a * q + i, b * q]
                            part = c.hess + (pair * p + i) * p
                            for j in range(i, p):
                                row[j] = part[j]
                            for s in range(1, c.slots):
                                part = part + pairs * p * p
                                for j in range(i, p):
                                    row[j] += part[j]
                    for j in range(q):
                        v = 0.0
                        for s in range(c.slots):
                            v = v + c.hx[(s * pairs + pair) * q + j]
                        H[a * q + j, b * q + p] = v
                    for i in range(q):
                        for j in range(i):
                            H[a * q + i, b * q + j] = H[a * q + j, b * q + i]
                    if a != b:
                        for i in range(q):
                            for j in range(q):
                                H[b * q + i, a * q + j] = H[a * q + i, b * q + j]
                    pair += 1
        return 0
