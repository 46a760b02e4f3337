"""Losses of embeddings and of ranked pairs against their definitions and torch."""

import numpy as np
import pytest
from mpmath import mp

from fastopt import losses
from fastopt.reference import embedding_losses as reference

DTYPES = (np.float64, np.float32)
RTOL = {np.float64: 2e-13, np.float32: 3e-6}
LARGE = {np.float64: 1e300, np.float32: 1e37}


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(70):
        yield


def close(got, expected, dtype):
    expected = np.array(expected, dtype=float)
    scale = np.abs(expected).max(initial=0)
    np.testing.assert_allclose(got, expected, rtol=RTOL[dtype], atol=RTOL[dtype] * scale)


def rows(seed, count, n=5, d=3, dtype=np.float64, scale=1.0):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(n, d)) * scale).astype(dtype) for _ in range(count)]


def signs(n, seed=0):
    return np.random.default_rng(seed).choice([-1.0, 1.0], n)


def by_rows(function, definition, arrays, dtype):
    """Each row's value and gradients, and the reductions."""
    weight = np.random.default_rng(3).uniform(0.5, 2.0, len(arrays[0]))
    each, gradients = function(*arrays, reduction="none")
    assert each.dtype == dtype and all(g.dtype == dtype and g.shape == arrays[0].shape for g in gradients)
    d = arrays[0].shape[1]
    for i, parts in enumerate(zip(*arrays)):
        def flat(point, i=i):
            return definition(i, *(point[k * d : (k + 1) * d] for k in range(len(arrays))))

        point = np.concatenate(parts)
        assert each[i] == pytest.approx(float(flat(list(point))), rel=RTOL[dtype], abs=RTOL[dtype] * 1e-3)
        close(np.concatenate([g[i] for g in gradients]), reference.gradient(flat, point), dtype)
    value, mean = function(*arrays, sample_weight=weight)
    assert value == pytest.approx(float(each.astype(float) @ weight / weight.sum()), rel=RTOL[dtype])
    total, _ = function(*arrays, sample_weight=weight, reduction="sum")
    assert total == pytest.approx(value * weight.sum(), rel=1e-12)
    for got, g in zip(mean, gradients):
        np.testing.assert_allclose(got, g * (weight / weight.sum())[:, None], rtol=RTOL[dtype], atol=RTOL[dtype] * 1e-2)
    for n_threads in (2, 3):
        again = function(*arrays, sample_weight=weight, n_threads=n_threads)
        assert again[0] == value
        for a, b in zip(mean, again[1]):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_triplet(isa, dtype):
    arrays = rows(0, 3, dtype=dtype)
    for p in (1.0, 2.0, 3.0, 1.5, np.inf):
        for swap in (False, True):
            by_rows(
                lambda *a, p=p, swap=swap, **k: losses.triplet(*a, margin=0.75, p=p, swap=swap, **k),
                lambda i, a, b, c, p=p, swap=swap: reference.triplet(a, b, c, 0.75, p, 1e-6, swap),
                arrays, dtype,
            )  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
def test_pairs(isa, dtype):
    arrays, y = rows(1, 2, n=8, dtype=dtype), signs(8)
    by_rows(lambda *a, **k: losses.contrastive(*a, y, margin=2.0, **k),
            lambda i, a, b: reference.contrastive(a, b, y[i], 2.0), arrays, dtype)  # fmt: skip
    for margin in (0.0, 0.3, -0.9):
        by_rows(lambda *a, margin=margin, **k: losses.cosine_embedding(*a, y, margin=margin, **k),
                lambda i, a, b, margin=margin: reference.cosine_embedding(a, b, y[i], margin), arrays, dtype)  # fmt: skip


def test_nearly_parallel_rows():
    """1 - cos of rows that differ in the last places: torch gives 0 or a multiple of the last place."""
    a = np.array([[1.0, 2.0, 3.0]])
    b = a * 5 + np.array([[1e-9, -1e-9, 0]])
    value, gradients = losses.cosine_embedding(a, b, np.array([1.0]))
    assert value == pytest.approx(float(reference.cosine_embedding(a[0], b[0], 1, 0)), rel=1e-5)
    expected = reference.gradient(lambda p: reference.cosine_embedding(p, b[0], 1, 0), a[0])
    np.testing.assert_allclose(gradients[0][0], [float(g) for g in expected], rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_torch(dtype):
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    a, b, c = rows(2, 3, n=20, d=6, dtype=dtype)
    y, pairs = signs(20), (a[:, 0].copy(), b[:, 0].copy())
    cases = [
        (losses.triplet, f.triplet_margin_loss, (a, b, c), (), {"p": p, "swap": swap, "margin": 1.5})
        for p in (1.0, 2.0, 4.0) for swap in (False, True)
    ] + [
        (losses.cosine_embedding, f.cosine_embedding_loss, (a, b), (y,), {"margin": 0.2}),
        (losses.margin_ranking, f.margin_ranking_loss, pairs, (y,), {"margin": 0.5}),
        (losses.hinge_embedding, f.hinge_embedding_loss, (np.abs(pairs[0]),), (y,), {"margin": 0.8}),
    ]  # fmt: skip
    for ours, theirs, arrays, more, options in cases:
        for reduction in ("mean", "sum", "none"):
            tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
            expected = theirs(*tensors, *map(torch.tensor, more), **options, reduction=reduction)
            expected.sum().backward()
            value, gradients = ours(*arrays, *more, **options, reduction=reduction)
            gradients = gradients if isinstance(gradients, tuple) else (gradients,)
            np.testing.assert_allclose(value, expected.detach().numpy(), rtol=1e-5)
            for g, t in zip(gradients, tensors):
                np.testing.assert_allclose(g, t.grad.numpy(), rtol=1e-4, atol=2e-6)


def test_absolute_values_before_the_power():
    """optax' triplet_margin_loss(norm_degree=1) adds signed differences."""
    a, b, c = np.zeros((1, 2)), np.array([[1.0, -1.0]]), np.array([[2.0, -2.0]])
    assert losses.triplet(a, b, c, p=1.0, eps=0.0, margin=1.0)[0] == 0.0
    assert losses.triplet(a, c, b, p=1.0, eps=0.0, margin=1.0)[0] == 3.0


@pytest.mark.parametrize("dtype", DTYPES)
def test_batches(isa, dtype):
    queries, more = rows(4, 1, n=4, dtype=dtype)[0], rows(5, 1, n=6, dtype=dtype)[0]
    weight = np.array([0.5, 1.0, 2.0, 0.25])

    def plain(x, n):
        return [x[3 * i : 3 * i + 3] for i in range(n)]

    def nce(point):
        each = reference.info_nce(plain(point, 4), plain(point[12:], 6), 0.5)
        return mp.fsum(w * l for w, l in zip(weight, each)) / weight.sum()

    point = [reference.number(v) for v in np.concatenate([queries.ravel(), more.ravel()])]
    value, gradients = losses.info_nce(queries, more, weight, temperature=0.5)
    assert value == pytest.approx(float(nce(point)), rel=RTOL[dtype])
    close(np.concatenate([g.ravel() for g in gradients]), reference.gradient(nce, point), dtype)
    each, _ = losses.info_nce(queries, more, temperature=0.5, reduction="none")
    close(each, reference.info_nce(plain(point, 4), plain(point[12:], 6), 0.5), dtype)

    second = more[:4]
    double = np.concatenate([weight, weight])

    def views(point):
        each = reference.nt_xent(plain(point, 4), plain(point[12:], 4), 0.3)
        return mp.fsum(w * l for w, l in zip(double, each)) / double.sum()

    point = point[:24]
    value, gradients = losses.nt_xent(queries, second, weight, temperature=0.3)
    assert value == pytest.approx(float(views(point)), rel=RTOL[dtype])
    close(np.concatenate([g.ravel() for g in gradients]), reference.gradient(views, point), dtype)
    each, _ = losses.nt_xent(queries, second, temperature=0.3, reduction="none")
    close(each, reference.nt_xent(plain(point, 4), plain(point[12:], 4), 0.3), dtype)
    assert losses.nt_xent(queries, second, reduction="sum")[0] == pytest.approx(
        losses.nt_xent(queries, second)[0] * 8, rel=1e-6
    )
    # The lengths of rows do not matter, nor their scale; rows of zeros have no gradient.
    far = (queries * dtype(LARGE[dtype] / 10)).astype(dtype)
    close(losses.info_nce(far, more)[0], losses.info_nce(queries, more)[0], dtype)
    zero = queries.copy()
    zero[1] = 0
    assert not losses.info_nce(zero, more)[1][0][1].any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_pairwise_ranking(isa, loss, dtype):
    rng = np.random.default_rng(6)
    for n, levels in ((2, 2), (12, 3), (15, 100), (14, 1)):
        y = rng.integers(0, levels, n).astype(float)
        z = (rng.normal(size=n) * 2).astype(dtype)
        if n > 2:
            z[3] = z[5]

        def definition(point, y=y):
            return reference.pairwise_ranking(y, point, loss, 1.0)[0]

        value, gradient = losses.pairwise_ranking(y, z, loss=loss, reduction="sum")
        assert value == pytest.approx(float(definition(z)), rel=1e-13, abs=1e-14)
        close(gradient, reference.gradient(definition, z), dtype)
        pairs = reference.pairwise_ranking(y, z, loss)[1]
        if pairs:
            mean, slope = losses.pairwise_ranking(y, z, loss=loss)
            assert mean == pytest.approx(value / pairs, rel=1e-14)
            close(slope, gradient / pairs, dtype)
        else:
            with pytest.raises(ValueError, match="y_true orders none"):
                losses.pairwise_ranking(y, z, loss=loss)
    # Groups are lists of their own; threads change nothing.
    n = 3000
    y, z, group = rng.integers(0, 4, n), rng.normal(size=n).astype(dtype), rng.choice(["c", "a", "b"], n)
    each, gradient = losses.pairwise_ranking(y, z, group, loss=loss, reduction="none")
    for place, name in enumerate("abc"):
        one = losses.pairwise_ranking(y[group == name], z[group == name], loss=loss, reduction="sum")
        assert each[place] == pytest.approx(one[0], rel=RTOL[dtype])
        np.testing.assert_array_equal(gradient[group == name], one[1])
    for n_threads in (2, 3):
        again = losses.pairwise_ranking(y, z, group, loss=loss, reduction="none", n_threads=n_threads)
        np.testing.assert_array_equal(again[0], each)
        np.testing.assert_array_equal(again[1], gradient)
    assert np.isnan(losses.pairwise_ranking([0, 1], np.array([np.nan, 1.0]), loss=loss)[0])
    assert losses.pairwise_ranking([], np.empty(0), loss=loss, reduction="sum")[0] == 0.0


@pytest.mark.parametrize("dtype", DTYPES)
def test_largest_numbers(isa, dtype):
    """Where a square, a sum or a difference of finite numbers would overflow, or a square vanish."""
    large = dtype(LARGE[dtype])
    tiny = dtype(1) / large
    a, b, c = (np.array([row], dtype=dtype) for row in ([0, 0], [3, 4], [0, 6]))
    for scale in (large, tiny):
        for p, distance in ((2.0, 5), (1.0, 7), (np.inf, 4)):
            value, gradients = losses.triplet(a, b * scale, c * scale / 100, eps=0.0, margin=float(scale), p=p)
            assert value == pytest.approx(float(scale) * (distance + 1 - 0.06), rel=1e-6)
            assert all(np.isfinite(g).all() for g in gradients)
        value, gradients = losses.cosine_embedding(b * scale, c * scale, np.array([-1]))
        assert value == pytest.approx(0.8, rel=1e-6)
        assert np.isfinite(gradients[0]).all()
    extreme = np.array([large, -large])
    value, _ = losses.margin_ranking(extreme, -extreme, np.array([-1, 1]), reduction="sum")
    assert value == pytest.approx(4 * float(large), rel=1e-6)
    value, gradient = losses.pairwise_ranking([1, 0], -extreme, reduction="sum")
    assert value == pytest.approx(2 * float(large), rel=1e-6) and gradient.tolist() == [-1, 1]


def test_kinks_zeros_and_nan():
    a = np.ones((1, 2))
    value, gradients = losses.triplet(a, a, a, eps=0.0)
    assert value == 1.0 and not any(g.any() for g in gradients)
    value, gradients = losses.contrastive(a, a, np.array([-1.0]))
    assert value == 0.5 and not any(g.any() for g in gradients)
    value, gradients = losses.cosine_embedding(a, 0 * a, np.array([1.0]))
    assert value == 1.0 and not any(g.any() for g in gradients)
    nan = np.array([[np.nan, 1.0]])
    y = np.array([1.0])
    for function, arrays in ((losses.triplet, (nan, a, a)), (losses.triplet, (a, a, nan)),
                             (lambda *x: losses.contrastive(*x, y), (a, nan)), (lambda *x: losses.contrastive(*x, -y), (a, nan)),
                             (lambda *x: losses.cosine_embedding(*x, y), (nan, a)),
                             (lambda *x: losses.margin_ranking(*x, y), (nan[:, 0], a[:, 0])),
                             (lambda x: losses.hinge_embedding(x, y), (nan[:, 0],))):  # fmt: skip
        value, gradients = function(*arrays)
        assert np.isnan(value)
        assert np.isnan(np.concatenate([np.ravel(g) for g in gradients])).any()
    empty = np.empty((0, 2))
    assert losses.triplet(empty, empty, empty, reduction="sum")[0] == 0.0
    assert losses.margin_ranking(np.zeros(1), np.zeros(1), y)[1][0].tolist() == [0.0]  # at the kink


def test_errors():
    a, y = np.ones((3, 2)), np.ones(3)
    cases = [
        (losses.triplet, (a, a[:2], a), {}, ValueError, r"positive has shape \(2, 2\) and anchor has shape \(3, 2\)"),
        (losses.triplet, (a[0], a[0], a[0]), {}, ValueError, r"anchor must have shape \(n, d\)"),
        (losses.triplet, (a, a, a), {"p": 0.5}, ValueError, r"p must be in \[1.0, inf\), got 0.5"),
        (losses.triplet, (a, a, a), {"margin": 0.0}, ValueError, "margin must be in"),
        (losses.triplet, (a, a, a), {"eps": -1.0}, ValueError, "eps must be in"),
        (losses.triplet, (a, a, a), {"swap": 1}, TypeError, "swap must be a bool"),
        (losses.triplet, (a, a, a), {"reduction": "batch"}, ValueError, "reduction must be one of"),
        (losses.triplet, (a, a, a, -y), {}, ValueError, "sample_weight must be finite and >= 0"),
        (losses.triplet, (a, a, a, y[:2]), {}, ValueError, "sample_weight has shape"),
        (losses.triplet, (a, a, a), {"n_threads": 0}, ValueError, "n_threads must be"),
        (losses.contrastive, (a, a, 0 * y), {}, ValueError, r"y_true must be -1 or \+1, got 0.0 at index 0; labels 0/1"),
        (losses.cosine_embedding, (a, a, y[:2]), {}, ValueError, r"y_true has shape \(2,\); it must have shape \(3,\)"),
        (losses.cosine_embedding, (a, a, y), {"margin": 2.0}, ValueError, "margin must be in"),
        (losses.cosine_embedding, (a[:0], a[:0], y[:0]), {}, ValueError, "there are no samples"),
        (losses.margin_ranking, (y, a, y), {}, ValueError, "second has shape"),
        (losses.margin_ranking, (y.astype(int), y, y), {}, TypeError, "first must be an array of float32 or float64"),
        (losses.hinge_embedding, (y, 0 * y), {}, ValueError, "y_true must be -1 or"),
        (losses.info_nce, (a, a[:2]), {}, ValueError, r"keys must have shape \(m, 2\) with m >= 3"),
        (losses.info_nce, (a, a), {"temperature": 0.0}, ValueError, "temperature must be in"),
        (losses.nt_xent, (a, a[:2]), {}, ValueError, "second has shape"),
        (losses.nt_xent, (a, a, y[:2]), {}, ValueError, "sample_weight has shape"),
        (losses.pairwise_ranking, (y, a), {}, ValueError, r"raw_prediction must have shape \(n,\)"),
        (losses.pairwise_ranking, (y[:2], y), {}, ValueError, "y_true has shape"),
        (losses.pairwise_ranking, (y * np.nan, y), {}, ValueError, "y_true must be finite"),
        (losses.pairwise_ranking, (y, y, y[:2]), {}, ValueError, "group has shape"),
        (losses.pairwise_ranking, (y, y), {"loss": "square"}, ValueError, "loss must be 'logistic' or 'hinge'"),
        (losses.pairwise_ranking, (y, y), {"margin": 2.0}, ValueError, "margin is of loss='hinge'"),
    ]  # fmt: skip
    for function, args, options, error, words in cases:
        with pytest.raises(error, match=words):
            function(*args, **options)
