# The objective at flat parameters, in columns as they are or scaled and centred.


cdef class Points(Rows):
    """Passes that take a solver's parameters and return the mean loss plus penalty with its derivatives."""

    cdef double* _user
    cdef double* _square

    def __cinit__(self):
        self._user = self._square = NULL

    def __dealloc__(self):
        free(self._user)
        free(self._square)

    cdef double* _room(self, double** base, Py_ssize_t size) except NULL:
        if base[0] == NULL:
            base[0] = <double*> malloc((size + 1) * sizeof(double))
            if base[0] == NULL:
                raise MemoryError(f"{size} doubles of scratch")
        return base[0]

    cdef int _stand_for(self, const double[::1] v, const double[::1] centre, const double[::1] scale, bint intercepts,
                        double* coef) except -1:
        """The user's coefficients, (k, p), and intercepts, (k,), that v stands for in the columns of `evaluate`."""
        cdef Py_ssize_t k = self.k, p = self.p, width = p + intercepts, j, a
        cdef bint centred = centre is not None, scaled = scale is not None
        cdef double b, s
        if v.shape[0] != k * width:
            raise ValueError(f"x, gradient and step must have {k * width} elements, got {v.shape[0]}")
        if (scaled and scale.shape[0] != p) or (centred and centre.shape[0] != p):
            raise ValueError(f"centre and scale must have {p} elements")
        if centred and not (scaled and intercepts):
            raise ValueError("centre needs scale and intercepts")
        for a in range(k):
            b = v[a * width + p] if intercepts else 0.0
            for j in range(p):
                s = v[a * width + j]
                s = scale[j] * s if scaled else s
                coef[a * p + j] = s
                if centred:
                    b = b - centre[j] * s
            coef[k * p + a] = b
        return 0

    cdef void _load(self, pass_t* c, const double* coef, bint intercepts) noexcept:
        """Coefficients and intercepts of that layout, for a pass."""
        cdef Py_ssize_t a
        pack_weights(coef, self.p, self.k, self._coef)
        c.coef = self._coef
        if intercepts:
            for a in range(self.k):
                self._intercept[a] = <real> coef[self.k * self.p + a]
            c.intercept = self._intercept

    def evaluate(self, const double[::1] x, const double[::1] centre, const double[::1] scale, bint intercepts,
                 double unit, double ridge, double[::1] gradient, double[:, ::1] hessian, real[:, ::1] raw_out,
                 int n_threads):
        """unit * (sum of the weighted losses) + ridge / 2 * |coef|^2, its gradient and, unless None, its Hessian.

        x, gradient : (k * width,) with width = p + intercepts, an output after the other, its intercept last
        centre, scale : (p,) or None
            x and the derivatives are those of the columns (X - centre) * scale: coef = scale u, intercept = b -
            centre' coef. Without intercepts there is no centre.
        hessian : (width, width) of a pointwise loss with one output, in the same read of X
        raw_out : (n, k) raw predictions
        Returns (value, status word).
        """
        cdef pass_t c
        cdef Py_ssize_t k = self.k, p = self.p, width = p + intercepts, i, j, a
        cdef double* coef = self._room(&self._user, 2 * k * (p + 1))
        cdef double* square = NULL
        cdef const double* m
        cdef const double* f
        cdef const double* row
        cdef const double* last
        cdef double* g
        cdef double value, squares = 0.0, b, s
        self._need_loss()
        if gradient.shape[0] != k * width:
            raise ValueError(f"x, gradient and step must have {k * width} elements, got {gradient.shape[0]}")
        self._stand_for(x, centre, scale, intercepts, coef)
        m = &centre[0] if centre is not None and p else NULL
        f = &scale[0] if scale is not None and p else NULL
        for j in range(k * p):
            squares += coef[j] * coef[j]
        self._prepare(n_threads)
        if hessian is None:
            c = self._pass()
            c.what = FO_VALUE | FO_GRADIENT
        else:
            if k != 1 or self.d.row_loss:
                raise ValueError("evaluate gives the Hessian of a pointwise loss and one output")
            self._need("hessian", hessian.shape, width, width)
            square = self._room(&self._square, (p + 1) * (p + 1))
            c = self._gram_pass()
            c.what = FO_VALUE | FO_GRADIENT | FO_HESSIAN
            if c.hess == NULL:
                c.hessian_out = self._curvatures()
        self._load(&c, coef, intercepts)
        self._set_raw_out(&c, raw_out)
        c.offset = c.gradient = True
        with nogil:
            drive(pass_slot, &self.d, &c, self._scratch, n_threads)
        self._add_gradients(&c)
        for a in range(k):
            g = &gradient[0] + a * width if width else NULL
            b = c.g[k * p + a]
            for j in range(p):
                s = c.g[a * p + j]
                if m != NULL:
                    s = s - m[j] * b
                s = s * unit + ridge * coef[a * p + j]
                g[j] = s * f[j] if f != NULL else s
            if intercepts:
                g[p] = b * unit
        value = self._sum(&c, 0) * unit + 0.5 * ridge * squares
        if square != NULL:
            self._finish_gram(&c, c.hessian_out, <double[:p + 1, :p + 1]> square, n_threads)
            # T' H T with T = [diag(scale) 0; -(centre * scale)' 1], and the penalty's part
            last = square + p * (p + 1)
            for i in range(p):
                row = square + i * (p + 1)
                b = row[p] - (m[i] * last[p] if m != NULL else 0.0)
                for j in range(i + 1):
                    s = row[j]
                    if m != NULL:
                        s = (s - m[i] * last[j]) - m[j] * b
                    s = s * unit + (ridge if i == j else 0.0)
                    hessian[i, j] = hessian[j, i] = s * f[i] * f[j] if f != NULL else s
                if intercepts:
                    hessian[i, p] = hessian[p, i] = b * unit * (f[i] if f != NULL else 1.0)
            if intercepts:
                hessian[p, p] = last[p] * unit
        return value, self._status_word(&c)

    def scaling(self, double[::1] centre, double[::1] scale, bint intercepts, int n_threads):
        """Means of the columns and one over their deviations; without intercepts 0 and one over root mean squares.

        A column that is constant to rounding carries nothing, one keeps it as it is. Returns what `moments` does.
        """
        cdef Py_ssize_t j
        cdef double s
        cdef int status = self.moments(centre, scale, n_threads)
        for j in range(self.p):
            s = scale[j]
            if not intercepts:
                s += centre[j] * centre[j]
                centre[j] = 0.0
            s = sqrt(s)
            scale[j] = 1.0 / s if s > 1e-14 * fabs(centre[j]) else 1.0
        return status

    def direction(self, const double[::1] x, const double[::1] step, const double[::1] centre, const double[::1] scale,
                  bint intercepts, double ridge, real[:, ::1] moved, int n_threads):
        """What a line x + t step needs, in the columns of `evaluate`: the step's raw predictions and the penalty.

        moved : (n, k) or None
            Gets the raw predictions of the step alone, without the offset, in one read of X.
        Returns (a, b, c): ridge / 2 * |coef|^2 is a + t b + t^2 c / 2 on the line.
        """
        cdef pass_t c
        cdef Py_ssize_t size = self.k * self.p, each = self.k * (self.p + 1), j
        cdef double* start = self._room(&self._user, 2 * each)  # as much as for `evaluate`: it is allocated once
        cdef double* way = start + each
        cdef double value = 0.0, slope = 0.0, curvature = 0.0
        self._stand_for(x, centre, scale, intercepts, start)
        self._stand_for(step, centre, scale, intercepts, way)
        for j in range(size):
            value += start[j] * start[j]
            slope += start[j] * way[j]
            curvature += way[j] * way[j]
        if moved is not None:
            self._prepare(n_threads)
            c = self._pass()
            self._load(&c, way, intercepts)
            self._set_raw_out(&c, moved)
            c.g = NULL
            with nogil:
                drive(pass_slot, &self.d, &c, self._scratch, n_threads)
        return 0.5 * ridge * value, ridge * slope, ridge * curvature
