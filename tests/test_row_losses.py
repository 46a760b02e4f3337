"""Losses over rows: values against the reference, contracts, errors."""

import pickle

import mpmath as mp
import numpy as np
import pytest

import fastopt
from fastopt import losses
from fastopt.losses import CategoricalCrossEntropyFromProbabilities, SoftmaxCrossEntropy
from fastopt.losses._row_tiles import TileLoss
from fastopt.losses._rows import RowLoss
from fastopt.reference import row_losses as reference

# Those by tiles: test_rowwise_losses.py.
ROWWISE = [cls for cls in losses.LOSSES.values() if issubclass(cls, RowLoss) and not issubclass(cls, TileLoss)]
BATCH = {
    "softmax_cross_entropy": (reference.softmax_rows, reference.softmax_hessians),
    "categorical_cross_entropy_from_probabilities": (reference.probability_rows, reference.probability_hessians),
}
KS = [2, 3, 5, 8, 9, 10, 11, 16, 17, 31, 32, 33, 64, 65, 100, 1000]
NS = [0, 1, 7, 8, 15, 16, 17, 100]
DTYPES = [np.float64, np.float32]
EPS = {np.float64: 2.2e-16, np.float32: 1.2e-7}
OPTIONS = [
    {},
    {"label_smoothing": 0.1},
    {"class_weight": True},
    {"class_weight": True, "label_smoothing": 0.25},
    {"ignore_index": 1},
    {"ignore_index": -100, "class_weight": True},
    {"ignore_index": 0, "label_smoothing": 0.2, "class_weight": True},
]


def make(cls, k, options):
    options = dict(options)
    if options.get("class_weight"):
        options["class_weight"] = np.random.default_rng(3).uniform(0.2, 3.0, k)
    return cls(**options)


def data(loss, n, k, dtype, seed=0):
    rng = np.random.default_rng(seed)
    y, raw = loss.sample(rng, n, k)
    if loss.ignore_index is not None:
        y[::5] = loss.ignore_index
    return y, raw.astype(dtype), rng.uniform(0.1, 2.0, n).astype(dtype)


def oracle(loss, y, raw, w=None):
    """Per row: w l, w gradient, w Hessian (None for large rows); and the mass of a mean."""
    k = raw.shape[1]
    y = np.asarray(y)
    v = reference.target_rows(y, k, loss.label_smoothing, loss.class_weight)
    w = np.ones(len(y)) if w is None else w.astype(np.longdouble)
    mass = w.copy()
    if y.ndim == 1:
        kept = y != loss.ignore_index if loss.ignore_index is not None else np.ones(len(y), bool)
        w = mass = np.where(kept, w, 0)
        if loss.class_weight is not None:
            mass = np.where(kept, w * loss.class_weight[np.where(kept, y, 0)], 0)
    first, second = BATCH[loss.name]
    value, gradient = first(v, raw)
    hessian = w[:, None, None] * second(v, raw) if len(y) * k * k <= 300_000 else None
    return w * value, w[:, None] * gradient, hessian, float(mass.sum())


def close(result, expected, dtype, factor=40.0, scale=None):
    expected = np.asarray(expected)
    if scale is None:
        scale = np.abs(expected).max(initial=1.0)
    np.testing.assert_allclose(
        np.asarray(result, dtype=np.longdouble),
        expected,
        rtol=factor * EPS[dtype],
        atol=factor * EPS[dtype] * float(scale),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", ROWWISE)
def test_every_size_against_reference(cls, dtype, isa):
    for k in KS:
        for n in NS:
            loss = cls()
            y, raw, w = data(loss, n, k, dtype)
            value, gradient, hessian, _ = oracle(loss, y, raw, w)
            v, g = loss.value_gradient(y, raw, w, reduction="none")
            assert v.shape == (n,) and v.dtype == g.dtype == dtype and g.shape == raw.shape
            close(v, value, dtype)
            close(g, gradient, dtype)
            total, g2 = loss.value_gradient(y, raw, w, reduction="sum")
            assert isinstance(total, float)
            assert np.isclose(total, float(value.sum()), rtol=40 * EPS[dtype])
            assert np.array_equal(g, g2)
            assert np.array_equal(loss.value(y, raw, w, reduction="none"), v)
            assert np.array_equal(loss.gradient(y, raw, w, reduction="none"), g)
            # one-hot rows are the same targets
            rows = (y[:, None] == np.arange(k)).astype(dtype)
            v, g = loss.value_gradient(rows, raw, w, reduction="none")
            close(v, value, dtype)
            close(g, gradient, dtype)
            if hessian is None:
                continue
            g, h = loss.gradient_hessian(y, raw, w, reduction="none")
            diagonal = np.einsum("nii->ni", hessian)
            close(g, gradient, dtype)
            close(h, diagonal, dtype)
            u = np.random.default_rng(1).normal(size=raw.shape).astype(dtype)
            close(loss.hessp(y, raw, u, w, reduction="none"), np.einsum("nij,nj->ni", hessian, u), dtype, 100)
            g, full = loss.gradient_hessian(y, raw, w, reduction="none", hessian="full")
            assert full.shape == (n, k, k)
            close(g, gradient, dtype)
            close(full, hessian, dtype)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", ROWWISE)
def test_options_and_reductions(cls, dtype, options, isa):
    for k in (3, 10, 33, 70):
        loss = make(cls, k, options)
        y, raw, w = data(loss, 37, k, dtype)
        rng = np.random.default_rng(5)
        soft = rng.uniform(0, 1, (37, k)).astype(dtype)
        soft[rng.uniform(size=soft.shape) < 0.4] = 0
        for target in [y] if loss.ignore_index is not None else [y, soft]:
            for weight in (None, w):
                value, gradient, hessian, mass = oracle(loss, target, raw, weight)
                v, g = loss.value_gradient(target, raw, weight, reduction="none")
                close(v, value, dtype)
                close(g, gradient, dtype)
                v, g = loss.value_gradient(target, raw, weight)
                assert np.isclose(v, float(value.sum()) / mass, rtol=40 * EPS[dtype])
                close(g * mass, gradient, dtype)
                _, h = loss.gradient_hessian(target, raw, weight)
                close(h * mass, np.einsum("nii->ni", hessian), dtype)
                _, h = loss.gradient_hessian(target, raw, weight, hessian="full")
                close(h * mass, hessian, dtype)
                u = rng.normal(size=raw.shape).astype(dtype)
                close(loss.hessp(target, raw, u, weight) * mass, np.einsum("nij,nj->ni", hessian, u), dtype, 100)


def relative(result, expected, tolerance, tiny):
    expected = float(expected)
    assert abs(float(result) - expected) <= tolerance * abs(expected) + tiny, (result, expected)


@pytest.mark.parametrize("k", [2, 5, 10, 20, 70])
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_relative_accuracy(dtype, k, isa):
    """Every entry keeps its digits, also where one class has all but e^-50 of the probability."""
    rng = np.random.default_rng(k)
    tiny = float(np.finfo(dtype).smallest_subnormal) * 8
    n = 6
    raw = rng.normal(size=(n, k)).astype(dtype)
    top = rng.integers(0, k, n)
    raw[np.arange(n), top] += np.array([0, 5, 15, 30, 50, 80], dtype)
    other = (top + 1) % k
    loss = SoftmaxCrossEntropy()
    with mp.workdps(80):
        for y in (top, other) if k > 10 else (top, other, np.eye(k, dtype=dtype)[top]):
            v, g = loss.value_gradient(y, raw, reduction="none")
            _, h = loss.gradient_hessian(y, raw, reduction="none")
            _, full = loss.gradient_hessian(y, raw, reduction="none", hessian="full")
            for i in range(n):
                row = reference.target_row(y[i], k)
                tolerance = EPS[dtype] * (100 + 4 * k)
                relative(v[i], reference.softmax_cross_entropy(row, raw[i]), tolerance, tiny)
                for c, expected in enumerate(reference.softmax_gradient(row, raw[i])):
                    relative(g[i, c], expected, tolerance, tiny)
                if k > 20:
                    continue
                hessian = reference.softmax_hessian(row, raw[i])
                for c in range(k):
                    relative(h[i, c], hessian[c][c], tolerance, tiny)
                for a in (0, top[i]):
                    for b in range(k):
                        relative(full[i, a, b], hessian[a][b], tolerance, tiny)


@pytest.mark.parametrize(
    ("dtype", "k"), [(np.float64, k) for k in (2, 3, 12, 34)] + [(np.float32, k) for k in (2, 3, 12, 66)]
)
def test_softmax_extremes(dtype, k, isa):
    big = 1e300 if dtype is np.float64 else 1e38
    raw = np.zeros((6, k), dtype)
    raw[0, 0], raw[0, 1] = big, -big
    raw[1, :] = big
    raw[2, :] = -big
    raw[3, 1] = -big
    raw[4, 0], raw[4, 1] = big, big
    raw[5, :2] = -1e4, 1e4
    with mp.workdps(330 if dtype is np.float64 else 60):
        for y in (np.zeros(6, int), np.ones(6, int)) if k <= 12 else [np.ones(6, int)]:
            v, g = SoftmaxCrossEntropy().value_gradient(y, raw, reduction="none")
            one_hot, g2 = SoftmaxCrossEntropy().value_gradient(np.eye(k, dtype=dtype)[y], raw, reduction="none")
            assert np.isfinite(v).all() and np.isfinite(g).all() and np.isfinite(one_hot).all()
            for i in range(6):
                row = reference.target_row(y[i], k)
                expected = float(reference.softmax_cross_entropy(row, raw[i]))
                relative(v[i], expected, 4 * k * EPS[dtype], 1e-40)
                relative(one_hot[i], expected, 4 * k * EPS[dtype], 1e-40)
                for c, e in enumerate(reference.softmax_gradient(row, raw[i])):
                    relative(g[i, c], e, 4 * k * EPS[dtype], 1e-40)
                    relative(g2[i, c], e, 4 * k * EPS[dtype], 1e-40)


@pytest.mark.parametrize("k", [3, 10, 40, 70])
@pytest.mark.parametrize("dtype", DTYPES)
def test_infinite_and_nan_predictions(dtype, k, isa):
    """-inf is a class without probability; NaN and +inf reach the results of their row only."""
    loss = SoftmaxCrossEntropy()
    y = np.zeros(40, int)
    clean = np.random.default_rng(0).normal(size=(40, k)).astype(dtype)
    raw = clean.copy()
    raw[3, 1] = -np.inf
    raw[5, 0] = -np.inf
    raw[17, k - 1] = np.nan
    raw[18, 0] = np.nan
    raw[19, 1] = np.inf
    v, g = loss.value_gradient(y, raw, reduction="none")
    expected = loss.value(y[:1], np.delete(raw[3:4], 1, axis=1), reduction="none") if k > 2 else 0
    assert np.isclose(v[3], expected[0], rtol=1e-5) and g[3, 1] == 0
    assert v[5] == np.inf and np.isclose(g[5, 0], -1, rtol=4 * EPS[dtype])
    assert np.isnan(v[17:20]).all() and np.isnan(g[17:20]).any(axis=1).all()
    others = np.delete(np.arange(40), [3, 5, 17, 18, 19])
    reference_v, reference_g = loss.value_gradient(y, clean, reduction="none")
    assert np.array_equal(v[others], reference_v[others]) and np.array_equal(g[others], reference_g[others])
    rows = np.eye(k, dtype=dtype)[y]
    v2 = loss.value(rows, raw, reduction="none")
    assert v2[5] == np.inf and np.isfinite(v2[3]) and np.isnan(v2[17:20]).all()
    assert np.isnan(loss.value(y, raw))


@pytest.mark.parametrize("dtype", DTYPES)
def test_ignored_rows_hide_nan(dtype, isa):
    for k in (4, 80):
        for cls in ROWWISE:
            loss = cls(ignore_index=2)
            y, raw, w = data(loss, 40, k, dtype)
            y[:6] = 2
            raw[:6] = np.nan
            u = np.ones_like(raw)
            v, g = loss.value_gradient(y, raw, w)
            kept = y != 2
            v2, g2 = cls().value_gradient(y[kept], raw[kept], w[kept])
            assert np.isclose(v, v2, rtol=20 * EPS[dtype])
            close(g[kept], g2, dtype)
            assert not g[~kept].any() and not loss.hessp(y, raw, u, w)[~kept].any()
            for kind in ("diag", "full"):
                _, h = loss.gradient_hessian(y, raw, w, hessian=kind)
                assert not h[~kept].any() and np.isfinite(h).all()


@pytest.mark.parametrize("k", [2, 5, 40])
@pytest.mark.parametrize("cls", ROWWISE)
def test_differences(cls, k):
    """Gradient, Hessian and product against 4th-order differences."""
    loss = make(cls, k, {"class_weight": True, "label_smoothing": 0.1})
    y, raw, w = data(loss, 4, k, np.float64)
    raw = raw * 0.9 + 0.05 if cls is CategoricalCrossEntropyFromProbabilities else raw
    step = 1e-3 if cls is SoftmaxCrossEntropy else 1e-5
    u = np.random.default_rng(2).normal(size=raw.shape)
    u /= np.abs(u).max()

    def slope(f):
        return (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)

    along = slope(lambda t: loss.value(y, raw + t * u, w))
    assert np.isclose(along, (loss.gradient(y, raw, w) * u).sum(), rtol=1e-7, atol=1e-9)
    product = loss.hessp(y, raw, u, w)
    np.testing.assert_allclose(slope(lambda t: loss.gradient(y, raw + t * u, w)), product, rtol=1e-6, atol=1e-7)
    _, full = loss.gradient_hessian(y, raw, w, hessian="full")
    _, diagonal = loss.gradient_hessian(y, raw, w)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", full, u), product, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(np.einsum("nii->ni", full), diagonal, rtol=1e-12)
    np.testing.assert_allclose(full, full.transpose(0, 2, 1), rtol=1e-12)


def test_probabilities_are_cut_not_clipped(isa):
    loss = CategoricalCrossEntropyFromProbabilities()
    q = np.array([[0.0, 1.0], [1e-60, 0.3], [1e-9, 0.2], [1.0, 0.0], [np.nan, 0.5]])
    v, g = loss.value_gradient(np.zeros(5, int), q, reduction="none")
    rows = loss.value_gradient(np.eye(2)[np.zeros(5, int)], q, reduction="none")
    for value, gradient in ((v, g), rows):
        assert value[0] == 100.0 and value[1] == 100.0 and value[3] == 0.0 and np.isnan(value[4])
        assert gradient[0, 0] == 0.0 and gradient[1, 0] == 0.0 and gradient[3, 0] == -1.0
        for i in (0, 1, 2, 3):
            row = reference.target_row(0, 2)
            relative(value[i], reference.probability_cross_entropy(row, q[i]), 4e-16, 0)
            relative(gradient[i, 0], reference.probability_gradient(row, q[i])[0], 4e-16, 0)
            _, h = loss.gradient_hessian([0], q[i : i + 1], reduction="none")
            relative(h[0, 0], reference.probability_hessian(row, q[i])[0], 4e-16, 0)


@pytest.mark.parametrize("options", OPTIONS[:4], ids=str)
def test_conjugate(options, isa):
    rng = np.random.default_rng(0)
    for dtype in DTYPES:
        for k in (2, 5, 70):
            loss = make(SoftmaxCrossEntropy, k, options)
            soft = rng.dirichlet(np.ones(k), 4).astype(dtype)
            for y in (rng.integers(0, k, 4), soft):
                raw = rng.normal(size=(4, k))
                theta = loss.gradient(y, raw.astype(dtype), reduction="none")
                result = loss.conjugate(y, theta)
                # Fenchel-Young: equality at the gradient, inequality elsewhere
                value = loss.value(y, raw.astype(dtype), reduction="none")
                product = (theta.astype(float) * raw).sum(axis=1)
                np.testing.assert_allclose(result, product - value, rtol=100 * EPS[dtype], atol=200 * EPS[dtype])
                other = loss.value(y, (raw + rng.normal(size=raw.shape)).astype(dtype), reduction="none")
                assert np.isfinite(other).all()
                v = reference.target_row(y[0], k, loss.label_smoothing, loss.class_weight)
                if dtype is np.float64:
                    with mp.workdps(40):
                        relative(result[0], reference.softmax_conjugate(v, theta[0]), 1e-12, 1e-13)
                outside = theta.copy()
                outside[:, 0] += dtype(0.25)
                assert np.isposinf(loss.conjugate(y, outside)).all()
                outside[:, 0] -= dtype(4.25)
                outside[:, 1] += dtype(4.0)
                assert np.isposinf(loss.conjugate(y, outside)).all()
    theta = np.array([[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert np.array_equal(SoftmaxCrossEntropy().conjugate([0, 2], theta), [0.0, 0.0])
    assert np.isnan(SoftmaxCrossEntropy().conjugate([0, 2], theta * np.nan)).all()


def test_predict(isa):
    for dtype in DTYPES:
        for k in (2, 3, 10, 40, 200):
            for n in (0, 1, 16, 33):
                raw = np.random.default_rng(k).normal(size=(n, k)).astype(dtype) * 4
                p = SoftmaxCrossEntropy(class_weight=np.ones(k)).predict(raw)
                assert p.dtype == dtype
                e = np.exp(raw.astype(np.longdouble))
                close(p, e / e.sum(axis=1, keepdims=True), dtype)
    q = np.array([[0.25, 0.75]])
    assert np.array_equal(CategoricalCrossEntropyFromProbabilities().predict(q), q)


@pytest.mark.parametrize("cls", ROWWISE)
def test_fit_intercept_only(cls):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 200)
    w = rng.uniform(0, 1, 200)
    for options in OPTIONS[:5]:
        loss = make(cls, 4, options)
        constant = loss.fit_intercept_only(y, w)
        assert constant.shape == (4,)
        if loss.ignore_index is not None:
            keep = y != loss.ignore_index
            assert np.allclose(constant, cls().fit_intercept_only(y[keep], w[keep], n_classes=4))
            continue
        rows = np.tile(constant, (200, 1))
        g = loss.gradient(y, rows, w, reduction="sum").sum(axis=0)
        # stationary, on the simplex for probabilities: all entries of the gradient are equal
        assert np.allclose(g, g[0], atol=1e-9 * max(1, abs(g[0])))
        one_hot = loss.fit_intercept_only(np.eye(4)[y], w)
        assert np.allclose(one_hot, constant)
    assert np.isneginf(SoftmaxCrossEntropy().fit_intercept_only([0, 0, 1], n_classes=3)[2])
    assert np.isclose(SoftmaxCrossEntropy().fit_intercept_only(y, w).mean(), 0)


@pytest.mark.parametrize("cls", ROWWISE)
def test_weights_equal_repeats(cls):
    for k in (4, 70):
        for options in OPTIONS[:3]:
            loss = make(cls, k, options)
            y, raw, _ = data(loss, 50, k, np.float64)
            counts = np.random.default_rng(1).integers(0, 4, 50)
            weighted = loss.value_gradient(y, raw, counts.astype(float))
            repeated = loss.value_gradient(np.repeat(y, counts), np.repeat(raw, counts, axis=0))
            assert np.isclose(weighted[0], repeated[0], rtol=1e-13)
            assert np.allclose(weighted[1].sum(axis=0), repeated[1].sum(axis=0), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("cls", ROWWISE)
def test_float32_is_near_float64(cls):
    for k in (3, 10, 50, 300):
        loss = cls()
        y, raw, w = data(loss, 500, k, np.float32)
        low, high = loss.value_gradient(y, raw, w), loss.value_gradient(y, raw.astype(float), w.astype(float))
        assert np.isclose(low[0], high[0], rtol=1e-6)
        assert np.abs(low[1] - high[1]).max() < 1e-5 * np.abs(high[1]).max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", ROWWISE)
def test_threads_give_the_same_bits(cls, dtype, isa):
    for n, k in ((20_000, 3), (20_000, 10), (5000, 17), (700, 200)):
        loss = make(cls, k, {"class_weight": True})
        y, raw, w = data(loss, n, k, dtype)
        u = np.random.default_rng(2).normal(size=raw.shape).astype(dtype)
        results = []
        for n_threads in (1, 2, 3, 5):
            v, g = loss.value_gradient(y, raw, w, n_threads=n_threads)
            _, h = loss.gradient_hessian(y, raw, w, n_threads=n_threads)
            results.append((v, g.tobytes(), h.tobytes(), loss.hessp(y, raw, u, w, n_threads=n_threads).tobytes()))
        assert all(result == results[0] for result in results)


def test_levels_agree():
    available = fastopt._kernels.available()
    for dtype in DTYPES:
        for k in (3, 10, 33, 200):
            y, raw, w = data(SoftmaxCrossEntropy(), 100, k, dtype)
            results = []
            for level in available:
                with fastopt.config_context(isa=level):
                    results.append(SoftmaxCrossEntropy().value_gradient(y, raw, w, reduction="none"))
            for v, g in results:
                np.testing.assert_allclose(v, results[0][0], rtol=20 * EPS[dtype])
                np.testing.assert_allclose(g, results[0][1], rtol=40 * EPS[dtype], atol=EPS[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", ROWWISE)
def test_accepted_arrays(cls, dtype):
    loss = cls()
    y, raw, w = data(loss, 30, 6, dtype)
    expected = loss.value_gradient(y, raw, w)

    def same(*args):
        v, g = loss.value_gradient(*args)
        return v == expected[0] and np.array_equal(g, expected[1])

    for other in (np.int8, np.int16, np.int32, np.uint8, np.uint32, np.uint64, ">i8"):
        assert same(y.astype(other), raw, w)
    frozen = [y.copy(), raw.copy(), w.copy()]
    for array in frozen:
        array.flags.writeable = False
    assert same(*frozen)
    assert same(np.repeat(y, 2)[::2], np.repeat(raw, 2, axis=1)[:, ::2], np.repeat(w, 3)[::3])
    assert same(y, np.asfortranarray(raw), w.astype(np.float64))
    buffer = bytearray(raw.nbytes + 1)
    unaligned = np.frombuffer(buffer, dtype, raw.size, offset=1).reshape(raw.shape)
    unaligned[...] = raw
    assert same(y, unaligned, w)
    assert same(list(y), raw, list(w))
    value_out, gradient_out, hessian_out = np.empty(30, dtype), np.empty_like(raw), np.empty((30, 6, 6), dtype)
    v, g = loss.value_gradient(y, raw, w, reduction="none", value_out=value_out, gradient_out=gradient_out)
    assert v is value_out and g is gradient_out
    _, h = loss.gradient_hessian(y, raw, w, hessian="full", hessian_out=hessian_out)
    assert h is hessian_out
    product_out = np.empty_like(raw)
    assert loss.hessp(y, raw, raw, w, product_out=product_out) is product_out


def test_outputs_stay_inside():
    """Nothing beyond the rows is written, whatever k and n."""
    for dtype in DTYPES:
        for k in (2, 3, 4, 5, 7, 9, 10, 13, 33, 65, 100):
            for n in (1, 5, 16, 31):
                y, raw, _ = data(SoftmaxCrossEntropy(), n, k, dtype)
                space = np.full(n * k + 64, 7.0, dtype)
                SoftmaxCrossEntropy().gradient(y, raw, gradient_out=space[32 : 32 + n * k].reshape(n, k))
                assert (space[:32] == 7).all() and (space[32 + n * k :] == 7).all()


@pytest.mark.parametrize("cls", ROWWISE)
def test_identity(cls):
    loss = cls(label_smoothing=0.1, class_weight=[1.0, 2.0, 3.0], ignore_index=-1)
    again = pickle.loads(pickle.dumps(loss))
    assert again == loss and hash(again) == hash(loss) and loss != cls()
    assert again.value([0, -1], np.ones((2, 3))) == loss.value([0, -1], np.ones((2, 3)))
    assert losses.get(cls.name, label_smoothing=0.1).label_smoothing == 0.1
    assert losses.get(cls.__name__) == cls()
    with pytest.raises(ValueError, match="read-only"):
        loss.class_weight[0] = 2.0
    assert losses.get("CrossEntropyLoss") == SoftmaxCrossEntropy()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_torch(options):
    torch = pytest.importorskip("torch")
    for k in (3, 10, 80):
        loss = make(SoftmaxCrossEntropy, k, options)
        y, raw, _ = data(loss, 40, k, np.float64)
        soft = np.random.default_rng(1).dirichlet(np.ones(k), 40) * 0.7
        for target in [y] if loss.ignore_index is not None else [y, soft]:
            for reduction in ("mean", "sum", "none"):
                z = torch.tensor(raw, requires_grad=True)
                theirs = torch.nn.functional.cross_entropy(
                    z,
                    torch.tensor(target),
                    weight=None if loss.class_weight is None else torch.tensor(np.array(loss.class_weight)),
                    ignore_index=-100 if loss.ignore_index is None else loss.ignore_index,
                    label_smoothing=loss.label_smoothing,
                    reduction=reduction,
                )
                theirs.sum().backward()
                v, g = loss.value_gradient(target, raw, reduction=reduction)
                np.testing.assert_allclose(v, theirs.detach().numpy(), rtol=1e-12)
                np.testing.assert_allclose(g, z.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_empty():
    for cls in ROWWISE:
        v, g = cls().value_gradient(np.zeros(0, int), np.zeros((0, 3)), reduction="sum")
        assert v == 0.0 and g.shape == (0, 3)


Y, Z = np.array([0, 2, 1]), np.random.default_rng(0).dirichlet(np.ones(3), 3)
ERRORS = [
    # y_true, raw_prediction, further arguments, loss arguments, error, words
    ([0, 3, 1], Z, {}, {}, ValueError, r"class indices from 0 to 2.*got 3 at index 1"),
    ([0, -1, 1], Z, {}, {}, ValueError, r"from 0 to 2.*got -1 at index 1"),
    ([0, 7, 1], Z, {}, {"ignore_index": -1}, ValueError, r"or ignore_index=-1, got 7 at index 1"),
    (np.array([0, 2**64 - 1, 1], np.uint64), Z, {}, {}, ValueError, r"got 18446744073709551615 at index 1"),
    ([0.0, 1.0, 2.0], Z, {}, {}, TypeError, "must have an integer dtype, got dtype float64"),
    (np.array([[0], [1], [2]]), Z, {}, {}, ValueError, r"\(3, 1\).*\(3, 3\).*not broadcast"),
    ([0, 1], Z, {}, {}, ValueError, r"y_true has shape \(2,\) and raw_prediction has shape \(3, 3\)"),
    (np.full((3, 3), np.nan), Z, {}, {}, ValueError, r"rows of finite numbers >= 0, got nan at index \(0, 0\)"),
    (-np.eye(3), Z, {}, {}, ValueError, r"rows of finite numbers >= 0, got -1.0"),
    (np.full((3, 3), np.inf), Z, {}, {"label_smoothing": 0.1}, ValueError, "got inf"),
    (np.eye(3), Z, {}, {"ignore_index": 1}, ValueError, "ignore_index is for class indices"),
    (Y, Z[:, 0], {}, {}, ValueError, r"\(n, k\) with k >= 2, got shape \(3,\)"),
    (Y, Z[:, :1], {}, {}, ValueError, r"k >= 2, got shape \(3, 1\)"),
    (Y, Z.astype(int), {}, {}, TypeError, "float32 or float64, got dtype int64"),
    (Y, Z, {"sample_weight": [1.0, 2.0]}, {}, ValueError, r"sample_weight has shape \(2,\).*must have shape \(3,\)"),
    (Y, Z, {"sample_weight": np.ones((3, 1))}, {}, ValueError, r"sample_weight has shape \(3, 1\)"),
    (Y, Z, {"sample_weight": [1.0, -2.0, 1.0]}, {}, ValueError, "finite and >= 0, got -2.0 at index 1"),
    (Y, Z, {"sample_weight": [1.0, np.nan, 1.0], "reduction": "sum"}, {}, ValueError, "got nan at index 1"),
    (Y, Z, {"sample_weight": np.zeros(3)}, {}, ValueError, "sum to 0"),
    ([1, 1, 1], Z, {}, {"ignore_index": 1}, ValueError, "sum to 0"),
    (np.zeros(0, int), np.zeros((0, 3)), {}, {}, ValueError, "no samples"),
    (Y, Z, {"reduction": "average"}, {}, ValueError, "reduction must be one of"),
    (Y, Z, {"n_threads": 0}, {}, ValueError, "n_threads"),
    (Y, Z, {"value_out": np.empty(3)}, {}, ValueError, "value_out is for reduction='none'"),
    (Y, Z, {"value_out": np.empty(4), "reduction": "none"}, {}, ValueError, r"value_out must have shape \(3,\)"),
    (Y, Z, {}, {"class_weight": [1.0, 2.0]}, ValueError, r"class_weight has shape \(2,\).*\(3, 3\)"),
]
PARAMETER_ERRORS = [
    ({"label_smoothing": 1.5}, ValueError, r"label_smoothing must be in \[0.0, 1.0\]"),
    ({"label_smoothing": "0.1"}, TypeError, "label_smoothing must be a real number"),
    ({"class_weight": [1.0, -1.0]}, ValueError, "class_weight must be finite and >= 0, got -1.0 at index 1"),
    ({"class_weight": [[1.0, 1.0]]}, ValueError, r"got shape \(1, 2\)"),
    ({"ignore_index": 1.0}, TypeError, "ignore_index must be an int"),
    ({"ignore_index": 2**60}, ValueError, "between"),
]


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case[-1])
@pytest.mark.parametrize("cls", ROWWISE)
def test_errors(cls, case):
    y, raw, arguments, options, error, words = case
    loss = cls(**options)
    with pytest.raises(error, match=words):
        loss.value(y, raw, **arguments)
    if "value_out" not in arguments and "reduction" not in arguments:
        with pytest.raises(error, match=words):
            loss.value_gradient(y, raw, **arguments)


@pytest.mark.parametrize("cls", ROWWISE)
def test_other_errors(cls):
    for options, error, words in PARAMETER_ERRORS:
        with pytest.raises(error, match=words):
            cls(**options)
    with pytest.raises(ValueError, match="hessian must be 'diag' or 'full'"):
        cls().gradient_hessian(Y, Z, hessian="block")
    with pytest.raises(ValueError, match="shares memory"):
        cls().gradient(Y, Z, gradient_out=Z)
    with pytest.raises(ValueError, match="direction has shape"):
        cls().hessp(Y, Z, Z[:2])
    with pytest.raises(ValueError, match="no samples"):
        cls().fit_intercept_only(np.zeros(0, int))
    with pytest.raises(ValueError, match="from 0 to 1"):
        cls().fit_intercept_only([0, 2], n_classes=2)


def test_probabilities_outside_the_unit_interval():
    loss = CategoricalCrossEntropyFromProbabilities()
    for bad in (-0.1, 1.5):
        raw = Z.copy()
        raw[1, 2] = bad
        for y in (Y, np.eye(3)):
            with pytest.raises(ValueError, match=rf"must be in \[0, 1\], got {bad} at index \(1, 2\)"):
                loss.value(y, raw)
    with pytest.raises(NotImplementedError, match="no closed form"):
        loss.conjugate(Y, Z)
