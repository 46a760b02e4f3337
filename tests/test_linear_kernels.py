"""The passes over dense rows against NumPy in float64, at every instruction set level."""

import concurrent.futures
import ctypes
import signal

import numpy as np
import pytest
import scipy.linalg

from fastopt import _kernels

VALUE, GRADIENT, HESSIAN, FULL_HESSIAN, PRODUCT = 1, 2, 4, 8, 32
FEATURES = (1, 2, 3, 7, 8, 9, 15, 16, 17, 20, 21, 31, 33, 64, 65, 100, 130, 257)
SAMPLES = (0, 1, 2, 7, 8, 9, 63, 64, 65, 1000)
REAL = {"float64": ctypes.c_double, "float32": ctypes.c_float}
TOLERANCE = {"float64": 1e-12, "float32": 2e-5}


def job_type(real):
    pointer = ctypes.POINTER(real)
    fields = [("target", pointer), ("index", ctypes.POINTER(ctypes.c_int64))]
    fields += [(name, pointer) for name in ("raw", "weight", "value", "gradient", "hessian", "direction", "product")]
    fields += [("par", ctypes.POINTER(ctypes.c_double)), ("class_weight", ctypes.POINTER(ctypes.c_double))]
    fields += [("scale", ctypes.c_double), ("k", ctypes.c_int64), ("what", ctypes.c_int)]
    return type("Job", (ctypes.Structure,), {"_fields_": fields})


def logistic(y, z, w, par):
    """Value, gradient and curvature by element; par is a factor of the loss."""
    s = 1 / (1 + np.exp(-z))
    return par * w * (np.logaddexp(0, z) - y * z), par * w * (s - y), par * w * s * (1 - s)


def softmax(index, z, w, class_weight):
    """Value, gradient (n, k) and full Hessian (n, k, k) by row."""
    k = z.shape[1]
    w = (w * class_weight[index])[:, None]
    top = z.max(axis=1, keepdims=True)
    prob = np.exp(z - top)
    total = prob.sum(axis=1, keepdims=True)
    prob /= total
    one = np.eye(k)[index]
    value = w[:, 0] * (np.log(total[:, 0]) + top[:, 0] - (one * z).sum(axis=1))
    hess = w[:, :, None] * (prob[:, :, None] * np.eye(k) - prob[:, :, None] * prob[:, None, :])
    return value, w * (prob - one), hess


def block(dtype, rows):
    """A loss block in Python behind the C interface of the compiled ones."""
    job_struct = job_type(REAL[dtype])

    def view(pointer, *shape):
        return np.ctypeslib.as_array(pointer, shape) if pointer else None

    def call(job, lo, hi, total):
        j = job.contents
        assert lo == 0
        k, m = j.k, hi
        shape = (m, k) if rows else (m,)
        z = view(j.raw, *shape).astype(float)
        w = view(j.weight, m)
        w = np.ones(m) if w is None else w.astype(float)
        if rows:
            cw = view(j.class_weight, k)
            v, g, h = softmax(view(j.index, m), z, w, np.ones(k) if cw is None else cw)
            full = h
        else:
            v, g, h = logistic(view(j.target, m).astype(float), z, w, j.par[0])
        if j.what & VALUE:
            total[0] = v.sum()
        if j.what & GRADIENT:
            view(j.gradient, *shape)[:] = g
        if j.what & HESSIAN:
            view(j.hessian, *shape)[:] = h
        if j.what & FULL_HESSIAN:
            view(j.hessian, m, k, k)[:] = full
        if j.what & PRODUCT:
            d = view(j.direction, *shape).astype(float)
            view(j.product, *shape)[:] = (full @ d[:, :, None])[:, :, 0] if rows else h * d
        return int(np.isnan(z).any())

    kind = ctypes.CFUNCTYPE(
        ctypes.c_int64, ctypes.POINTER(job_struct), ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_double)
    )
    function = kind(call)
    return function, ctypes.cast(function, ctypes.c_void_p).value


BLOCKS = {(dtype, rows): block(dtype, rows) for dtype in REAL for rows in (False, True)}


@pytest.fixture
def level(isa):
    return isa


class Case:
    """One problem, its Rows and the same numbers in float64."""

    def __init__(self, n, p, k, dtype, seed=0, rows=False, weight=True, offset=True, subset=False, intercept=True):
        rng = np.random.default_rng([n, p, k, seed])
        total = n + 5 if subset else n
        self.n, self.p, self.k, self.dtype, self.row_loss = n, p, k, dtype, rows
        self.kernels = _kernels.table.linear[np.dtype(dtype)]
        X = rng.normal(size=(total, p)).astype(dtype)
        y = rng.random((total, k)).astype(dtype)
        index = rng.integers(0, k, total)
        w = rng.integers(0, 3, total).astype(dtype) if weight else None
        off = rng.normal(size=(total, k)).astype(dtype) if offset else None
        take = rng.permutation(total)[:n] if subset else None
        self.par = np.array([0.75])
        self.class_weight = rng.random(k) + 0.5 if rows else None
        self.coef = rng.normal(size=(k, p)) / np.sqrt(max(p, 1))
        self.intercept = rng.normal(size=k) if intercept else None
        for a in (X, y, index, self.coef) + (() if w is None else (w,)):
            a.flags.writeable = False
        self.handle = self.kernels.Points(
            X,
            target=None if rows else y.ravel(),
            index=index if rows else None,
            weight=w,
            offset=None if off is None else off.ravel(),
            rows=take,
            k=k,
        )
        self.handle.set_loss(BLOCKS[dtype, rows][1], self.par, rows, self.class_weight)
        t = slice(None) if take is None else take
        self.X, self.y, self.index = X[t].astype(float), y[t].astype(float), index[t]
        self.w = np.ones(n) if w is None else w[t].astype(float)
        self.off = np.zeros((n, k)) if off is None else off[t].astype(float)
        self.X1 = np.c_[self.X, np.ones(n)]
        b = 0 if self.intercept is None else self.intercept
        self.z = self.X @ self.coef.T + b + self.off

    def loss(self, z):
        """Sum, gradient (n, k) and Hessian (n, k, k)."""
        if self.row_loss:
            v, g, h = softmax(self.index, z, self.w, self.class_weight)
            return v.sum(), g, h
        v, g, h = logistic(self.y, z, self.w[:, None], 0.75)
        return v.sum(), g, h[:, :, None] * np.eye(self.k)

    def close(self, actual, expected, factor=1.0):
        expected = np.asarray(expected, float)
        bound = TOLERANCE[self.dtype] * factor * (1 + np.abs(expected).max(initial=0)) * (1 + self.n) ** 0.5
        np.testing.assert_allclose(np.asarray(actual, float), expected, rtol=0, atol=bound)

    def raw(self, values):
        return np.ascontiguousarray(values, dtype=self.dtype)


SHAPES = [(n, 20, 1) for n in SAMPLES] + [(100, p, 1) for p in FEATURES] + [(1000, p, 1) for p in (20, 33, 257)]
SHAPES += [(n, p, k) for k in (2, 3, 10) for n, p in ((0, 3), (1, 1), (65, 20), (300, 65))] + [(1000, 33, 3)]
SHAPES += [(70, p, k) for k in (3, 10) for p in (1, 8, 17, 130)] + [(70, 31, 17)]
SLOW = [(70, p, k) for k in (2, 3, 10, 17) for p in FEATURES] + [(1000, p, k) for p in (64, 100) for k in (1, 2, 10)]
SHAPES += [pytest.param(*shape, marks=pytest.mark.slow) for shape in SLOW if shape not in SHAPES]


def cases(dtype, n, p, k):
    yield Case(n, p, k, dtype)
    yield Case(n, p, k, dtype, weight=False, offset=False, intercept=False)
    yield Case(n, p, k, dtype, subset=True)
    if k > 1:
        yield Case(n, p, k, dtype, rows=True)
        yield Case(n, p, k, dtype, rows=True, subset=True, weight=False)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("n, p, k", SHAPES)
def test_value_gradient(level, dtype, n, p, k):
    for c in cases(dtype, n, p, k):
        value, grad, _ = c.loss(c.z)
        raw = np.full((n, k), 7, dtype)
        g, s = np.full((k, p), np.nan), np.full(k, np.nan)
        out, status = c.handle.value_gradient(c.coef, c.intercept, g, s, raw, 1)
        assert status == 0
        c.close(out, value)
        c.close(raw, c.z)
        c.close(g, grad.T @ c.X)
        c.close(s, grad.sum(axis=0))
        for threads in (2, 3):
            g2, s2 = np.empty_like(g), np.empty_like(s)
            assert c.handle.value_gradient(c.coef, c.intercept, g2, s2, None, threads) == (out, 0)
            np.testing.assert_array_equal(g2, g)
            np.testing.assert_array_equal(s2, s)
        assert c.handle.value_gradient(c.coef, c.intercept, g, None, None, 1) == (out, 0)
        assert c.handle.value(c.coef, c.intercept, None, 2) == (out, 0)
        again = np.empty_like(raw)
        c.handle.decision(c.coef, c.intercept, again, 2)
        np.testing.assert_array_equal(again, raw)
        R = c.raw(np.random.default_rng(1).normal(size=(n, k)))
        c.handle.cross(R, g, s, 2)
        c.close(g, R.T.astype(float) @ c.X)
        c.close(s, R.sum(axis=0, dtype=float))


def full_hessian(X1, h):
    k, q = h.shape[1], X1.shape[1]
    return np.einsum("nab,ni,nj->aibj", h, X1, X1, optimize=True).reshape(k * q, k * q)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("n, p, k", SHAPES)
def test_hessian_and_product(level, dtype, n, p, k):
    for c in cases(dtype, n, p, k):
        value, grad, h = c.loss(c.z)
        raw = c.raw(c.z)
        D, e = np.random.default_rng(2).normal(size=(k, p)), np.random.default_rng(3).normal(size=k)
        G, s = np.empty((k, p)), np.empty(k)
        assert c.handle.hessp(raw, D, e, G, s, 1) == 0
        u = c.X @ D.T + e
        r = (h @ u[:, :, None])[:, :, 0]
        c.close(G, r.T @ c.X, 4)
        c.close(s, r.sum(axis=0), 4)
        G2, s2 = np.empty_like(G), np.empty_like(s)
        c.handle.hessp(raw, D, e, G2, s2, 2)
        np.testing.assert_array_equal(G, G2)
        np.testing.assert_array_equal(s, s2)
        out = c.handle.line(raw, c.raw(u), 0.5, 1)
        assert c.handle.line(raw, c.raw(u), 0.5, 2) == out
        v, g, h2 = c.loss(c.z + 0.5 * u)
        c.close(out[0], v, 4)
        c.close(out[1], (g * u).sum(), 4 * (1 + np.abs(g * u).sum()))
        c.close(out[2], np.einsum("na,nab,nb", u, h2, u), 4)
        q = k * (p + 1)
        if (k > 1 and not c.row_loss) or q > 320:
            continue
        H, H2 = np.full((q, q), np.nan), np.full((q, q), np.nan)
        assert c.handle.hessian(raw, H, 1) == 0
        c.close(H, full_hessian(c.X1, h), 4)
        np.testing.assert_array_equal(H, H.T)
        assert c.handle.hessian(raw, H2, 2) == 0
        np.testing.assert_array_equal(H, H2)
        if k == 1:
            H3, g, b = np.full((q, q), np.nan), np.empty((1, p)), np.empty(1)
            out = c.handle.value_gradient_hessian(c.coef, c.intercept, g, b, H3, None, 2)
            c.close(H3, full_hessian(c.X1, h), 4)
            c.close(out[0], value)
            c.close(g, grad.T @ c.X)
            c.close(b, grad.sum(axis=0))


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("n, p, k", [(0, 3, 1), (1, 1, 1), (300, 8, 1), (300, 33, 1), (300, 100, 1), (65, 20, 3), (65, 5, 10)])
def test_evaluate_in_scaled_columns(level, dtype, n, p, k):
    """u = (coef / scale, intercept + centre' coef) is the same point; derivatives are pulled back by T."""
    rng = np.random.default_rng(5)
    unit, ridge = 1.0 / max(n, 1), 0.3
    for c in cases(dtype, n, p, k):
        value, grad, h = c.loss(c.z)
        value, grad, h = unit * value + ridge / 2 * np.sum(c.coef**2), unit * grad, unit * h
        centre, scale = (rng.normal(size=p), rng.uniform(0.5, 2.0, p)) if c.intercept is not None else (None, None)
        T = np.eye(p + 1)
        width = p if c.intercept is None else p + 1
        if centre is not None:
            T[:p, :p] = np.diag(scale)
            T[p, :p] = -centre * scale
        T = T[:width, :width]
        user = c.coef if c.intercept is None else np.c_[c.coef, c.intercept]
        u = np.linalg.solve(T, user.T).T
        g_user = grad.T @ c.X1[:, :width]
        g_user[:, :p] += ridge * c.coef
        gradient, raw = np.full(k * width, np.nan), np.full((n, k), 7, dtype)
        H = np.full((width, width), np.nan) if k == 1 and not c.row_loss else None
        args = (u.ravel(), centre, scale, width > p, unit, ridge)
        out, status = c.handle.evaluate(*args, gradient, H, raw, 1)
        assert status == 0
        c.close(out, value, 4)
        c.close(raw, c.z, 4)
        c.close(gradient.reshape(k, width), g_user @ T, 4)
        again = np.empty_like(gradient)
        H2 = None if H is None else np.empty_like(H)
        assert c.handle.evaluate(*args, again, H2, None, 2) == (out, 0)
        np.testing.assert_array_equal(again, gradient)
        if H is not None:
            ridges = np.diag(np.r_[np.full(p, ridge), np.zeros(width - p)])
            c.close(H, T.T @ (full_hessian(c.X1[:, :width], h) + ridges) @ T, 4)
            np.testing.assert_array_equal(H, H.T)
            np.testing.assert_array_equal(H2, H)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("p", [*FEATURES, 450])
@pytest.mark.parametrize("n", [1, 65, 600])
def test_gram(level, dtype, n, p):
    for subset in (False, True):
        c = Case(n, p, 1, dtype, subset=subset)
        h = c.raw(np.random.default_rng(4).normal(size=n))
        for weights, expected in ((h, h.astype(float)), (None, c.w)):
            H, H2 = np.full((p + 1, p + 1), np.nan), np.full((p + 1, p + 1), np.nan)
            c.handle.gram(weights, H, 1)
            c.close(H, (c.X1 * expected[:, None]).T @ c.X1, 4)
            np.testing.assert_array_equal(H, H.T)
            c.handle.gram(weights, H2, 3)
            np.testing.assert_array_equal(H, H2)
        if p == 450:
            assert c.handle.hessian(c.raw(c.z), H, 2) == 0
            c.close(H, full_hessian(c.X1, c.loss(c.z)[2]), 4)
            g = np.empty((1, p))
            c.handle.value_gradient_hessian(c.coef, c.intercept, g, None, H2, None, 2)
            c.close(H2, H, 4)
            c.close(g, c.loss(c.z)[1].T @ c.X)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("p", [3, 40, 100, 450])
def test_gram_of_given_weights_with_several_outputs(level, dtype, p):
    for rows in (False, True):
        c = Case(601, p, 3, dtype, rows=rows)
        h = np.random.default_rng(4).random(c.n).astype(dtype)
        H = np.full((p + 1, p + 1), np.nan)
        c.handle.gram(h, H, 2)
        c.close(H, (c.X1 * h.astype(float)[:, None]).T @ c.X1, 4)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("scaled, intercepts", [(True, True), (True, False), (False, True), (False, False)])
def test_direction(level, dtype, scaled, intercepts):
    """Raw predictions of a step without the offset, and the penalty as a parabola."""
    for n, p, k in ((1, 1, 1), (70, 3, 1), (300, 33, 1), (300, 33, 4), (1000, 130, 1), (40, 9, 12)):
        for c in cases(dtype, n, p, k):
            rng = np.random.default_rng([n, p, k])
            width = p + intercepts
            x, step = rng.normal(size=(2, k * width))
            scale = rng.random(p) + 0.5 if scaled else None
            centre = rng.normal(size=p) if scaled and intercepts else None
            moved, again = np.full((2, n, k), np.nan, dtype)
            a, b, curve = c.handle.direction(x, step, centre, scale, intercepts, 0.7, moved, 1)
            assert c.handle.direction(x, step, centre, scale, intercepts, 0.7, again, 2) == (a, b, curve)
            np.testing.assert_array_equal(moved, again)
            assert c.handle.direction(x, step, centre, scale, intercepts, 0.7, None, 1) == (a, b, curve)
            u, d = (v.reshape(k, width)[:, :p] * (1.0 if scale is None else scale) for v in (x, step))
            X = c.X if centre is None else c.X - centre
            c.close(moved, X @ d.T + (step.reshape(k, width)[:, p] if intercepts else 0.0), 4)
            for t in (0.0, -0.3, 2.0):
                assert a + t * b + 0.5 * t * t * curve == pytest.approx(0.35 * ((u + t * d) ** 2).sum(), rel=1e-12)


@pytest.mark.parametrize("dtype", REAL)
def test_scaling(level, dtype):
    for n, p in ((1, 1), (64, 20), (1000, 33)):
        c = Case(n, p, 1, dtype)
        if not c.w.sum():
            continue
        mean, var, centre, scale = np.empty((4, p))
        c.handle.moments(mean, var, 1)
        assert c.handle.scaling(centre, scale, True, 2) == 0
        np.testing.assert_array_equal(centre, mean)
        same = np.sqrt(var) <= 1e-14 * np.abs(mean)
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(scale, np.where(same, 1.0, 1 / np.sqrt(var)), rtol=1e-15)
        assert c.handle.scaling(centre, scale, False, 1) == 0
        assert not centre.any()
        np.testing.assert_allclose(scale, 1 / np.sqrt(var + mean**2), rtol=1e-14)
    X = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]], dtype)
    points = _kernels.table.linear[np.dtype(dtype)].Points(X)
    centre, scale = np.empty((2, 2))
    for intercepts, expected in ((True, [1.0, 1.0]), (False, [0.5, 1.0])):
        assert points.scaling(centre, scale, intercepts, 1) == 0
        np.testing.assert_array_equal(scale, expected)
    X[1, 1] = np.nan
    assert points.scaling(centre, scale, True, 1) == 1


@pytest.mark.parametrize("dtype", REAL)
def test_moments(level, dtype):
    for n, p in ((1, 1), (7, 3), (64, 20), (1000, 33), (5000, 8), (300, 257)):
        for subset in (False, True):
            c = Case(n, p, 1, dtype, subset=subset)
            mean, var, mean2, var2 = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
            assert c.handle.moments(mean, var, 1) == 0
            if not c.w.sum():
                continue
            expected = np.average(c.X, axis=0, weights=c.w)
            np.testing.assert_allclose(mean, expected, rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(
                var, np.average((c.X - expected) ** 2, axis=0, weights=c.w), rtol=1e-11, atol=1e-15
            )
            assert c.handle.moments(mean2, var2, 2) == 0
            np.testing.assert_array_equal(var, var2)


def test_moments_keep_their_digits(level):
    """Means 1e8 deviations away from zero, and a first row far from the rest."""
    X = np.random.default_rng(0).normal(size=(3000, 5)) + 1e8
    expected = (X - 1e8).var(axis=0)
    mean, var = np.empty(5), np.empty(5)
    rows = _kernels.table.linear[np.dtype(float)].Rows(X)
    rows.moments(mean, var, 1)
    np.testing.assert_allclose(var, expected, rtol=1e-9)
    np.testing.assert_allclose(mean, (X - 1e8).mean(axis=0) + 1e8, rtol=1e-15)
    Y = np.random.default_rng(0).normal(size=(3000, 5)) + 10
    Y[0] = 1e9
    weight = np.ones(3000)
    weight[0] = 0
    rows = _kernels.table.linear[np.dtype(float)].Rows(Y, weight=weight)
    rows.moments(mean, var, 1)
    np.testing.assert_allclose(mean, Y[1:].mean(axis=0), rtol=1e-7)
    np.testing.assert_allclose(var, Y[1:].var(axis=0), rtol=1e-6)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(level, dtype, bad):
    module = _kernels.table.linear[np.dtype(dtype)]
    for n, p in ((1, 1), (70, 3), (300, 33), (100, 130)):
        X = np.random.default_rng(0).normal(size=(n, p)).astype(dtype)
        mean, var = np.empty(p), np.empty(p)
        assert module.Rows(X).finite(1) is True
        assert module.Rows(X).moments(mean, var, 1) == 0
        for i, j in {(0, 0), (n - 1, p - 1), (n // 2, p // 3)}:
            Y = X.copy()
            Y[i, j] = bad
            rows = module.Rows(Y, weight=np.zeros(n, dtype))
            assert rows.finite(2) is False
            assert module.Rows(Y).moments(mean, var, 2) == 1
            assert rows.moments(mean, var, 1) == 1
            keep = np.delete(np.arange(n), i)
            assert module.Rows(Y, rows=keep).finite(1) is True


def test_passes_of_two_threads_do_not_meet(level):
    """Two handles used by two Python threads at once give what each gives alone."""
    found = [Case(1000, 33, 1, "float64", seed=s) for s in (1, 2)]
    alone = []
    for c in found:
        g = np.empty((1, 33))
        alone.append((c.handle.value_gradient(c.coef, c.intercept, g, None, None, 1), g))

    def work(i):
        c, g = found[i], np.empty((1, 33))
        for _ in range(20):
            assert c.handle.value_gradient(c.coef, c.intercept, g, None, None, 1 + i) == alone[i][0]
            np.testing.assert_array_equal(g, alone[i][1])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (0, 1)))


def test_large_finite_numbers_are_finite(level):
    X = np.full((10, 2), np.finfo(float).max)
    mean, var = np.empty(2), np.empty(2)
    assert _kernels.table.linear[np.dtype(float)].Rows(X).moments(mean, var, 1) == 0


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("p", (1, 2, 3, 7, 8, 9, 31, 64, 65, 100, 130, 257, 400))
def test_cholesky(level, dtype, p):
    module = _kernels.table.linear[np.dtype(dtype)]
    rng = np.random.default_rng(p)
    A = rng.normal(size=(p + 3, p))
    A = A.T @ A + np.eye(p)
    factors = []
    for threads in (1, 2):
        L = A.copy()
        L[np.triu_indices(p, 1)] = np.nan
        assert module.cholesky(L, threads) == 0
        assert np.isnan(L[np.triu_indices(p, 1)]).all()
        factors.append(np.tril(L))
    np.testing.assert_array_equal(*factors)
    np.testing.assert_allclose(factors[0], scipy.linalg.cholesky(A, lower=True), rtol=1e-10, atol=1e-11 * p)
    for m in (0, 1, 2, 5):
        B = rng.normal(size=(m, p))
        X = B.copy()
        module.cholesky_solve(L, X)
        np.testing.assert_allclose(X @ A, B, rtol=1e-7, atol=1e-9 * p)


def test_cholesky_names_the_failing_pivot(level):
    module = _kernels.table.linear[np.dtype(float)]
    for p in (1, 3, 70, 200):
        for bad in {0, p // 2, p - 1}:
            for value in (-1.0, np.nan):
                A = np.eye(p)
                A[bad, bad] = value
                assert module.cholesky(A, 1) == bad + 1


def test_arguments_are_checked():
    module = _kernels.table.linear[np.dtype(float)]
    X = np.zeros((4, 3))
    for kwargs in (
        dict(target=np.zeros(3)),
        dict(weight=np.zeros(5)),
        dict(offset=np.zeros(4), k=2),
        dict(k=0),
        dict(index=np.zeros(3, np.int64)),
        dict(rows=np.array([4])),
        dict(rows=np.array([-1])),
    ):
        with pytest.raises(ValueError, match="must"):
            module.Rows(X, **kwargs)
    points = module.Points(X, target=np.zeros(4))
    flat, three = np.zeros(4), np.zeros(3)
    with pytest.raises(ValueError, match="set_loss"):
        points.evaluate(flat, None, None, True, 1.0, 0.0, flat.copy(), None, None, 1)
    points.set_loss(BLOCKS["float64", False][1], np.array([0.75]), False)
    for x, centre, scale, gradient, hessian, words in (
        (three, None, None, flat.copy(), None, "x, gradient and step must"),
        (flat, None, None, three.copy(), None, "x, gradient and step must"),
        (flat, flat, three, flat.copy(), None, "centre and scale"),
        (flat, three, flat, flat.copy(), None, "centre and scale"),
        (flat, three, None, flat.copy(), None, "centre needs"),
        (flat, None, None, flat.copy(), np.zeros((3, 3)), "hessian must"),
    ):
        with pytest.raises(ValueError, match=words):
            points.evaluate(x, centre, scale, True, 1.0, 0.0, gradient, hessian, None, 1)
    for x, step, centre, scale, moved, words in (
        (three, flat, None, None, None, "x, gradient and step must"),
        (flat, three, None, None, None, "x, gradient and step must"),
        (flat, flat, flat, three, None, "centre and scale"),
        (flat, flat, three, flat, None, "centre and scale"),
        (flat, flat, three, None, None, "centre needs"),
        (flat, flat, None, None, np.zeros((3, 1)), "raw_out"),
    ):
        with pytest.raises(ValueError, match=words):
            points.direction(x, step, centre, scale, True, 0.0, moved, 1)
    with pytest.raises(ValueError, match="mean and variance"):
        points.scaling(flat, three, True, 1)
    two = module.Points(X, target=np.zeros(8), k=2)
    two.set_loss(BLOCKS["float64", False][1], np.array([0.75]), False)
    with pytest.raises(ValueError, match="one output"):
        two.evaluate(np.zeros(8), None, None, True, 1.0, 0.0, np.zeros(8), np.zeros((4, 4)), None, 1)
    rows = module.Rows(X, target=np.zeros(4))
    ok = np.zeros((1, 3))
    with pytest.raises(ValueError, match="set_loss"):
        rows.value(ok, None, None, 1)
    with pytest.raises(ValueError, match="coef"):
        rows.decision(np.zeros((1, 2)), None, np.zeros((4, 1)), 1)
    with pytest.raises(ValueError, match="raw_out"):
        rows.decision(ok, None, np.zeros((3, 1)), 1)
    with pytest.raises(ValueError, match="n_threads"):
        rows.decision(ok, None, np.zeros((4, 1)), 0)
    with pytest.raises(ValueError, match="H must"):
        rows.gram(None, np.zeros((3, 3)), 1)
    with pytest.raises(ValueError, match="square"):
        module.cholesky(np.zeros((2, 3)), 1)
    for factor, matrix in ((np.eye(2), np.eye(3)), (np.zeros((2, 3)), np.eye(2)), (np.eye(2), np.zeros((2, 3)))):
        with pytest.raises(ValueError, match="l and a must"):
            module.smallest_pivot(factor, matrix)


def test_smallest_pivot(level):
    module = _kernels.table.linear[np.dtype(float)]
    A = np.array([[4.0, 2.0, 0.0], [2.0, 1.25, 0.0], [0.0, 0.0, 9.0]])
    L = np.linalg.cholesky(A)
    assert module.smallest_pivot(L, A) == pytest.approx(0.25 / 1.25, rel=1e-15)
    A[1, 1] = 0.0  # such a row has no pivot of its own
    assert module.smallest_pivot(L, A) == 1.0
    A[0, 0] = np.nan
    assert np.isnan(module.smallest_pivot(L, A))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that send signals")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_signal_stops_a_long_pass_between_its_slots(n_threads):
    X = np.random.default_rng(0).random((200_000, 200))
    rows = _kernels.table.linear[X.dtype].Rows(X, target=np.zeros(len(X)), k=1)
    H = np.full((201, 201), np.nan)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(KeyboardInterrupt):
            rows.gram(None, H, n_threads)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert np.isnan(H).all()  # it did not run to its end ...
    rows.gram(None, H, n_threads)  # ... and does the next time
    np.testing.assert_allclose(H[:-1, :-1], X.T @ X, rtol=1e-12)
