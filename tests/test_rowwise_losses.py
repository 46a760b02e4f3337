"""The row losses that run by tiles: against mpmath and torch, extremes, reductions, threads, errors."""

import pickle

import mpmath
import numpy as np
import pytest

import fastopt
from fastopt import losses
from fastopt.losses._row_tiles import TileLoss
from fastopt.reference import rowwise_losses as reference
from fastopt.reference.row_losses import target_row

DTYPES = ("float64", "float32")
ROSTER = [cls for cls in losses.LOSSES.values() if issubclass(cls, TileLoss)]
VARIED = [
    losses.CategoricalFocal(gamma=0.0),
    losses.CategoricalFocal(gamma=0.5, class_weight=[0.25, 0.5, 2.0, 1.0, 0.0]),
    losses.CategoricalFocal(gamma=5.0, label_smoothing=0.125),
    losses.Poly1CrossEntropy(epsilon=-1.0, class_weight=[0.25, 0.5, 2.0, 1.0, 0.0]),
    losses.CategoricalGeneralizedCrossEntropy(q=1.0, label_smoothing=0.25),
    losses.CategoricalGeneralizedCrossEntropy(q=0.125),
    losses.Sparsemax(label_smoothing=0.25, class_weight=[0.25, 0.5, 2.0, 1.0, 0.5]),
    losses.ListwiseSoftmax(temperature=1.0),
    losses.ListwiseSoftmax(temperature=0.25),
    losses.CrammerSinger(margin=0.25, class_weight=[0.25, 0.5, 2.0, 1.0, 0.0]),
    losses.WestonWatkins(margin=2.0, power=2),
    losses.WestonWatkins(power=2, class_weight=[0.25, 0.5, 2.0, 1.0, 0.0]),
    losses.GaussianNLL(full=True),
]
INSTANCES = [*(cls() for cls in ROSTER), *VARIED]
each = pytest.mark.parametrize("loss", INSTANCES, ids=repr)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
CURVED = [loss for loss in INSTANCES if loss.hessian_kind != "none"]
each_curved = pytest.mark.parametrize("loss", CURVED, ids=repr)
SHARED = ("label_smoothing", "class_weight", "ignore_index")
INDEXED = ("classes", "index")


def data(loss, n, dtype="float64", seed=0, k=5):
    y, raw = loss.sample(np.random.default_rng(seed), n, k)
    return (y if y.dtype.kind == "i" else y.astype(dtype)), raw.astype(dtype)


def statement(loss, y, k):
    """The loss of one row as a function of mpmath numbers."""
    own = {name: value for name, value in loss.get_params().items() if name not in SHARED}
    own = {name: value if value is None else mpmath.mpf(value) for name, value in own.items()}
    if loss._targets in INDEXED:
        y = target_row(y, k, loss.label_smoothing, loss.class_weight)
    elif np.ndim(y):
        y = [mpmath.mpf(float(a)) for a in y]
    else:
        y = mpmath.mpf(float(y))
    return lambda z: reference.VALUES[loss.name](y, z, **own)


_KNOWN = {}


def expected(loss, dtype, n=12):
    """Rows, directions and what mpmath says of them."""
    key = repr(loss), dtype
    if key not in _KNOWN:
        y, raw = data(loss, n, dtype)
        u = np.random.default_rng(1).normal(size=raw.shape).astype(dtype)
        rows = []
        with mpmath.workdps(60):
            for i in range(n):
                z = [mpmath.mpf(float(a)) for a in raw[i]]
                f = statement(loss, y[i], len(z))
                products = None
                if loss.hessian_kind != "none":
                    products = reference.product(f, z, [mpmath.mpf(float(a)) for a in u[i]])
                rows.append((float(f(z)), [float(a) for a in reference.gradient(f, z)], products))
        value, gradient = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
        product = None if rows[0][2] is None else np.array([[float(a) for a in r[2]] for r in rows])
        _KNOWN[key] = y, raw, u, value, gradient, product
    return _KNOWN[key]


def near(actual, wanted, dtype, size=None, ulps=40):
    """Within so many eps of the size of each row."""
    size = np.abs(wanted) if size is None else size
    size = np.maximum(size, np.abs(wanted).max(axis=-1, keepdims=True) if np.ndim(wanted) > 1 else size)
    bound = ulps * float(np.finfo(dtype).eps) * size + float(np.finfo(dtype).tiny)
    assert (np.abs(actual.astype(np.float64) - wanted) <= bound).all(), np.abs(actual - wanted) / bound


@each
@each_dtype
def test_against_mpmath(loss, dtype, isa):
    y, raw, u, value, gradient, product = expected(loss, dtype)
    v, g = loss.value_gradient(y, raw, reduction="none")
    assert v.dtype == g.dtype == np.dtype(dtype) and g.shape == raw.shape
    # Values of sums whose terms are of the size of z.
    near(v, value, dtype, np.maximum(np.abs(value), 0.1))
    near(g, gradient, dtype, ulps=100)
    np.testing.assert_array_equal(loss.value(y, raw, reduction="none"), v)
    np.testing.assert_array_equal(loss.gradient(y, raw, reduction="none"), g)
    if product is not None:
        size = np.abs(product).max(axis=1, keepdims=True) + np.abs(gradient).max(axis=1, keepdims=True)
        near(loss.hessp(y, raw, u, reduction="none"), product, dtype, size, ulps=200)


@each_curved
@each_dtype
def test_hessian_is_that_of_the_products(loss, dtype, isa):
    y, raw = data(loss, 37, dtype)
    n, k = raw.shape
    weight = np.random.default_rng(2).uniform(0.5, 2, n).astype(dtype)
    columns = [
        loss.hessp(y, raw, np.tile(np.eye(k, dtype=dtype)[c], (n, 1)), weight, reduction="none") for c in range(k)
    ]
    full = np.stack(columns, axis=2)
    g, h = loss.gradient_hessian(y, raw, weight, hessian="full", reduction="none")
    size = np.abs(full).max(axis=(1, 2), keepdims=True) + np.abs(g).max(axis=1)[:, None, None]
    assert (np.abs(h - full) <= 100 * np.finfo(dtype).eps * size).all()
    np.testing.assert_array_equal(g, loss.gradient(y, raw, weight, reduction="none"))
    _, diagonal = loss.gradient_hessian(y, raw, weight, reduction="none")
    exact = full[:, range(k), range(k)]
    size = np.abs(full).max(axis=(1, 2))[:, None] + np.abs(g).max(axis=1, keepdims=True)
    assert (np.abs(diagonal - exact) <= 100 * np.finfo(dtype).eps * size).all()
    assert np.abs(full - full.transpose(0, 2, 1)).max() <= 100 * np.finfo(dtype).eps * size.max()


@each
@each_dtype
@pytest.mark.parametrize("k", [2, 3, 16, 17, 130])
def test_sizes_threads_and_reductions(loss, dtype, k, isa):
    """Rows at the end of tiles and blocks, rows one by one, sums and means, the same bits for any threads."""
    if loss.class_weight is not None:
        pytest.skip("the class weights are of 5 classes")
    n = 16384 // k + 19
    y, raw = data(loss, n, dtype, k=k)
    weight = np.random.default_rng(2).uniform(0, 2, n).astype(dtype)
    v, g = loss.value_gradient(y, raw, weight, reduction="none", n_threads=1)
    total, whole = loss.value_gradient(y, raw, weight, reduction="sum", n_threads=1)
    mean, averaged = loss.value_gradient(y, raw, weight, n_threads=1)
    assert total == pytest.approx(v.astype(np.float64).sum(), rel=1e-6 if dtype == "float32" else 1e-12)
    np.testing.assert_array_equal(whole, g)
    mass = weight.astype(np.float64).sum()
    assert mean == pytest.approx(total / mass, rel=1e-12)
    np.testing.assert_allclose(averaged, g / mass, rtol=1e-5 if dtype == "float32" else 1e-12)
    for n_threads in (2, 3):
        again = loss.value_gradient(y, raw, weight, n_threads=n_threads)
        assert again[0] == mean
        np.testing.assert_array_equal(again[1], averaged)
    for i in (0, 5, n - 1):
        alone = loss.value_gradient(y[i : i + 1], raw[i : i + 1], weight[i : i + 1], reduction="none")
        np.testing.assert_array_equal(alone[0], v[i : i + 1])
        np.testing.assert_array_equal(alone[1], g[i : i + 1])


SOFT = [loss for loss in INSTANCES if loss._targets == "classes" and loss.class_weight is None]


@pytest.mark.parametrize("loss", SOFT, ids=repr)
@each_dtype
def test_index_one_hot_and_ignored(loss, dtype):
    y, raw = data(loss, 50, dtype)
    one_hot = np.eye(5, dtype=dtype)[y]
    eps = np.finfo(dtype).eps
    for a, b in zip(loss.value_gradient(y, raw, reduction="none"), loss.value_gradient(one_hot, raw, reduction="none")):
        np.testing.assert_allclose(a, b, rtol=20 * eps, atol=eps)
    ignoring = type(loss)(**{**loss.get_params(), "ignore_index": -100})
    y2, raw2 = y.copy(), raw.copy()
    y2[::3], raw2[::3] = -100, np.nan
    v, g = ignoring.value_gradient(y2, raw2)
    keep = np.arange(50) % 3 != 0
    assert v == pytest.approx(loss.value(y[keep], raw[keep]), rel=1e-6 if dtype == "float32" else 1e-13)
    assert (g[::3] == 0).all() and np.isfinite(g).all()


@each_dtype
@pytest.mark.parametrize("loss", [x for x in INSTANCES if x.link == "multinomial logit"], ids=repr)
def test_far_out(loss, dtype):
    """Finite and right where a class dominates, up to the largest numbers."""
    largest = 1e300 if dtype == "float64" else 1e38
    for size in (50.0, 200.0, 1e4, largest):
        raw = np.array([[size, 0, 0, 0, 0], [-size, 0, 0, 0, 0], [0, size, -size, 0, 0]], dtype=dtype)
        y = np.zeros(3, dtype=np.int64) if loss._targets == "classes" else np.eye(5, dtype=dtype)[[0, 0, 0]]
        if loss.name == "listwise_softmax":
            y = np.tile(np.array([40.0 if loss.temperature else 1.0, 0, 0, 0, 0], dtype=dtype), (3, 1))
        v, g = loss.value_gradient(y, raw, reduction="none")
        assert np.isfinite(v).all() and np.isfinite(g).all(), (size, v, g)
        np.testing.assert_allclose(g.sum(axis=1), 0, atol=1e-6 if dtype == "float32" else 1e-14)
        if getattr(loss, "epsilon", 0) < 0:
            continue  # -log p - (1 - p) is of the size of (1 - p)^2 and keeps the rounding of 1 - p
        if loss.get_params().get("label_smoothing", 0) or loss.name in ("listwise_softmax", "jensen_shannon"):
            continue
        with mpmath.workdps(200 if size < 1e3 else 30):
            z = [mpmath.mpf(float(a)) for a in raw[0]]
            if size < 1e3:
                value = float(statement(loss, y[0], 5)(z))
                assert v[0] == pytest.approx(value, rel=1e-5 if dtype == "float32" else 1e-12, abs=float(np.finfo(dtype).tiny))


def test_focal_keeps_its_digits_where_a_class_is_nearly_certain():
    """Keras and torchvision lose 1 - p below 1e-7."""
    loss = losses.CategoricalFocal(gamma=2.0)
    raw = np.array([[30.0, 0.0, 0.0]])
    q = 2 * np.exp(-30.0)
    assert loss.value([0], raw) == pytest.approx(q**3, rel=1e-10)
    assert loss.gradient([0], raw)[0, 0] == pytest.approx(-3 * q**3, rel=1e-10)


def test_nan_propagates():
    for loss in INSTANCES:
        if loss.name == "cumulative_logit" or loss.class_weight is not None:
            continue  # of which a row may not look at column 1
        y, raw = data(loss, 40)
        raw[7, 1] = np.nan
        v, g = loss.value_gradient(y, raw, reduction="none")
        assert np.isnan(v[7]) or loss.name in ("iou", "generalized_iou", "complete_iou"), loss
        assert np.isnan(v[7]) or np.isnan(g[7]).any(), loss
        assert np.isfinite(np.delete(v, 7)).all() and np.isfinite(np.delete(g, 7, axis=0)).all()


def test_degenerate_rows():
    distance = losses.CosineDistance()
    y, z = (
        np.array([[1.0, 2.0], [0.0, 0.0], [1e-300, 0.0], [1e300, 1e300]]),
        np.array([[0.0, 0], [1, 1], [1e300, 0], [1e-300, 1e-300]]),
    )
    v, g = distance.value_gradient(y, z, reduction="none")
    np.testing.assert_allclose(v, [1, 1, 0, 0], atol=1e-15)
    assert np.isfinite(g).all() and (g[:2] == 0).all()
    same = np.array([[0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0]])
    for loss in (losses.IoU(), losses.GeneralizedIoU(), losses.CompleteIoU()):
        assert loss.value(same[:1], same[:1]) == pytest.approx(0, abs=1e-15)
    assert np.isfinite(losses.GeneralizedIoU().value(same[1:], same[1:]))
    # Equal rows and certain predictions cost nothing, exactly.
    t = np.array([[0.25, 0.25, 0.5]])
    assert losses.Sparsemax().value(t, t) == 0.0
    assert losses.Sparsemax().value([1], np.array([[0.0, 1.0, 0.0]])) == 0.0
    assert losses.GaussianNLL().value(np.array([1.0]), np.array([[1.0, -2000.0]])) == -1000.0
    # Thresholds that touch leave no probability between.
    assert losses.CumulativeLogit().value([1], np.array([[0.5, 0.5]])) == np.inf


@each_dtype
def test_boxes_without_area(dtype, isa):
    """A point has angle 0; two equal boxes without area have a gradient of 0, nothing is divided by 0."""
    box, line, point = [0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 2.0, 0.0], [1.0, 0.5, 1.0, 0.5]
    of_point, of_line = (4 / np.pi**2 * (np.arctan(2) - angle) ** 2 for angle in (0, np.pi / 2))
    cases = [
        (box, point, 1 + of_point**2 / (1 + of_point)),
        (box, line, 1 + 0.25 / 5 + of_line**2 / (1 + of_line)),
        (point, point, 1.0),
        (line, line, 1.0),
    ]
    for first, second, complete in cases:
        for y, z in ((first, second), (second, first)):
            y, z = np.array([y], dtype), np.array([z], dtype)
            for loss, wanted in ((losses.IoU(), 1), (losses.GeneralizedIoU(), 1), (losses.CompleteIoU(), complete)):
                value, gradient = loss.value_gradient(y, z)
                assert value == pytest.approx(wanted, rel=8 * float(np.finfo(dtype).eps)), (loss, y, z)
                assert np.isfinite(gradient).all(), (loss, y, z)
                assert first is not second or not gradient.any(), (loss, y, z)


@each_dtype
def test_torch(dtype, torch_float64):
    torch = torch_float64
    functional = torch.nn.functional
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 7)).astype(dtype)
    y, t = rng.integers(0, 7, 200), rng.dirichlet(np.ones(7), 200).astype(dtype)
    labels = rng.integers(0, 2, z.shape)
    lists = np.full(z.shape, -1)
    for row, label in zip(lists, labels):
        row[: label.sum()] = np.flatnonzero(label)
    q = torch.softmax(torch.tensor(z), 1).numpy()
    number, pair = rng.normal(size=200).astype(dtype), rng.normal(size=(200, 2)).astype(dtype)
    tensor = torch.tensor
    target, classes, lists, marks = tensor(t), tensor(y), tensor(lists), tensor(labels.astype(dtype))
    u = rng.uniform(0.5, 2, 7).astype(dtype)
    mass = u[y].astype(float).mean()  # what our mean divides by
    focal = losses.CategoricalFocal(gamma=3.0, class_weight=u)
    cases = [
        (losses.WestonWatkins(), y, z, lambda x: 7 * functional.multi_margin_loss(x, classes)),
        (losses.WestonWatkins(power=2, margin=0.5, class_weight=u), y, z,
         lambda x: 7 / mass * functional.multi_margin_loss(x, classes, p=2, margin=0.5, weight=tensor(u))),
        (losses.MultilabelMargin(), labels, z, lambda x: functional.multilabel_margin_loss(x, lists)),
        (losses.MultilabelLogistic(), labels, z,
         lambda x: functional.multilabel_soft_margin_loss(x, marks)),
        (losses.MultilabelLogistic(), t, z, lambda x: functional.binary_cross_entropy_with_logits(x, target)),
        (losses.KLDivergenceFromLogProbabilities(), t, np.log(q),
         lambda x: functional.kl_div(x, target, reduction="batchmean")),
        (losses.SoftmaxKLDivergence(), t, z,
         lambda x: functional.kl_div(torch.log_softmax(x, 1), target, reduction="batchmean")),
        (losses.CosineDistance(), t, z, lambda x: 1 - functional.cosine_similarity(x, target).mean()),
        (losses.GaussianNLL(full=True), number, pair,
         lambda x: functional.gaussian_nll_loss(x[:, 0], tensor(number), x[:, 1].exp(), full=True)),
        (focal, y, z, lambda x: ((1 - torch.softmax(x, 1).gather(1, classes[:, None])[:, 0]) ** 3
         * functional.cross_entropy(x, classes, tensor(u), reduction="none")).mean() / mass),
    ]  # fmt: skip
    for loss, y_true, raw, theirs in cases:
        x = torch.tensor(raw, requires_grad=True)
        value = theirs(x)
        value.backward()
        ours = loss.value_gradient(y_true, raw)
        rtol = 3e-6 if dtype == "float32" else 1e-12
        assert ours[0] == pytest.approx(value.item(), rel=rtol), loss
        np.testing.assert_allclose(ours[1], x.grad.numpy(), rtol=10 * rtol, atol=rtol / 100, err_msg=repr(loss))


def test_levels_agree():
    for loss in INSTANCES:
        y, raw = data(loss, 300)
        results = []
        for level in fastopt.show_config("dict")["isa"]["available"]:
            with fastopt.config_context(isa=level):
                results.append(loss.value_gradient(y, raw, reduction="none"))
        for v, g in results:
            np.testing.assert_allclose(v, results[0][0], rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(g, results[0][1], rtol=1e-11, atol=1e-13)


@each
def test_names_copies_and_buffers(loss):
    assert pickle.loads(pickle.dumps(loss)) == loss and repr(loss).startswith(type(loss).__name__)
    assert losses.get(loss.name) == type(loss)()
    y, raw = data(loss, 30)
    v, g = np.empty(30), np.empty(raw.shape)
    out = loss.value_gradient(y, raw, reduction="none", value_out=v, gradient_out=g)
    assert out[0] is v and out[1] is g
    empty = loss.value_gradient(y[:0], raw[:0], reduction="sum")
    assert empty[0] == 0.0 and empty[1].shape == raw[:0].shape
    with pytest.raises(ValueError, match="no samples"):
        loss.value(y[:0], raw[:0])
    frozen = raw.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(loss.gradient(y, frozen), loss.gradient(y, np.asfortranarray(raw)))


@each
def test_best_constant(loss):
    """No better row nearby."""
    if loss.name in ("iou", "kl_divergence_from_log_probabilities", "kl_divergence_from_probabilities"):
        pytest.skip("constrained, or flat")
    y, raw = data(loss, 60)
    weight = np.random.default_rng(4).uniform(0.5, 2, 60)
    options = {"n_classes": raw.shape[1] + (loss.name == "cumulative_logit")}
    best = loss.fit_intercept_only(y, weight, **options)
    assert best.shape == raw.shape[1:]
    value = loss.value(y, np.tile(best, (60, 1)), weight)
    rng = np.random.default_rng(5)
    for size in (1e-3, 1e-2):
        for _ in range(20):
            other = best + size * rng.normal(size=best.shape)
            assert loss.value(y, np.tile(other, (60, 1)), weight) >= value - 1e-9


@pytest.mark.parametrize("k", [3, 8])
@pytest.mark.parametrize("seed", range(4))
def test_best_constant_at_kinks(k, seed):
    """Of losses that are largest and sums of straight lines: linear programs give it."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    y, weight = rng.choice(k, 200, p=rng.dirichlet(np.ones(k))), rng.choice([0.0, 0.5, 2.0], 200)
    mass = np.bincount(y, weight, minlength=k)
    pairs = [(c, j) for c in range(k) for j in range(k) if j != c]
    # z, then s_cj >= margin + z_j - z_c for each pair, or the largest of class c: s_c
    for loss, margin, places in (
        (losses.CrammerSinger(margin=2.0), 2.0, [c for c, _ in pairs]),
        (losses.WestonWatkins(), 1.0, range(len(pairs))),
    ):
        rows, cost = np.zeros((len(pairs), k + max(places) + 1)), np.zeros(k + max(places) + 1)
        for row, (c, j), place in zip(rows, pairs, places):
            row[j], row[c], row[k + place] = 1.0, -1.0, -1.0
            cost[k + place] = mass[c]
        bounds = [(-50.0, 50.0)] * k + [(0.0, None)] * (len(cost) - k)
        least = linprog(cost, A_ub=rows, b_ub=np.full(len(rows), -margin), bounds=bounds).fun
        best = loss.fit_intercept_only(y, weight, n_classes=k)
        got = loss.value(y, np.tile(best, (200, 1)), weight, reduction="sum")
        np.testing.assert_allclose(got, least, rtol=1e-9)


def test_predictions():
    z = np.array([[1.0, 0.2, -3.0]])
    for loss in INSTANCES:
        if loss.link == "multinomial logit":
            np.testing.assert_allclose(loss.predict(z).sum(), 1)
    p = losses.Sparsemax().predict(z)
    np.testing.assert_allclose(p, [[0.9, 0.1, 0.0]])


GOOD = np.zeros((3, 4))
BAD = [
    (lambda: losses.CategoricalFocal(gamma=-1.0), ValueError, "gamma"),
    (lambda: losses.CategoricalGeneralizedCrossEntropy(q=0.0), ValueError, "q must be"),
    (lambda: losses.Poly1CrossEntropy(epsilon=-2), ValueError, "epsilon"),
    (lambda: losses.ListwiseSoftmax(temperature=0), ValueError, "temperature"),
    (lambda: losses.WestonWatkins(power=3), ValueError, "power must be 1 or 2"),
    (lambda: losses.CrammerSinger(margin=-1), ValueError, "margin"),
    (lambda: losses.GaussianNLL(full=1), TypeError, "full must be"),
    (lambda: losses.CategoricalFocal().value([0, 1, 4], GOOD), ValueError, "from 0 to 3"),
    (lambda: losses.CrammerSinger().value(np.eye(4)[:3], GOOD), ValueError, "class indices, integers of shape"),
    (lambda: losses.WestonWatkins().value([0, 1, -1], GOOD), ValueError, "from 0 to 3"),
    (lambda: losses.MultilabelMargin().value(np.full((3, 4), 0.5), GOOD), ValueError, "rows .* of 0 and 1, got 0.5"),
    (lambda: losses.SoftmaxKLDivergence().value(np.full((3, 4), -1.0), GOOD), ValueError, "got -1.0"),
    (lambda: losses.SoftmaxKLDivergence().value([0, 1, 2], GOOD), ValueError, "y_true has shape"),
    (lambda: losses.ListwiseSoftmax().value(np.full((3, 4), np.inf), GOOD), ValueError, "no item, got inf"),
    (lambda: losses.KLDivergenceFromProbabilities().value(GOOD, GOOD + 2), ValueError, "must be in"),
    (lambda: losses.GaussianNLL().value(np.zeros(3), GOOD), ValueError, r"\(n, 2\)"),
    (lambda: losses.GaussianNLL().value(np.zeros((3, 1)), GOOD[:, :2].copy()), ValueError, "y_true has shape"),
    (lambda: losses.IoU().value(GOOD[:, :3].copy(), GOOD[:, :3].copy()), ValueError, "boxes"),
    (lambda: losses.IoU().hessp(GOOD, GOOD, GOOD), ValueError, "no second derivatives"),
    (lambda: losses.IoU().gradient_hessian(GOOD, GOOD), ValueError, "no second derivatives"),
    (lambda: losses.CumulativeLogit().value([0, 5, 1], GOOD), ValueError, "from 0 to 4"),
    (lambda: losses.CumulativeLogit().value([0.0, 1.0, 1.0], GOOD), ValueError, "integers"),
    (lambda: losses.Sparsemax().value([0, 1, 2], GOOD, [-1.0, 1, 1]), ValueError, "sample_weight must be finite"),
    (lambda: losses.Sparsemax().value([0, 1, 2], GOOD.astype(np.float16)), TypeError, "raw_prediction"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, words", BAD, ids=range(len(BAD)))
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


# --- derivatives by differences, conjugates, lists, weights -------------------------------------------


SMOOTH = [x for x in INSTANCES if x.is_smooth and x.name != "complete_iou"]


def test_differences(isa):
    """Gradient, product and Hessians against 4th-order differences."""
    for loss in SMOOTH:
        for k in (5, 40) if loss.class_weight is None else (5,):
            y, raw = data(loss, 6, k=k)
            if loss.name in ("sparsemax", "weston_watkins"):  # piecewise quadratic: away from the breaks
                raw = raw * 4
            n, k = raw.shape
            u = np.random.default_rng(3).normal(size=raw.shape)
            u /= np.abs(u).max()
            h = 1e-3 * (0.01 if loss.name == "kl_divergence_from_probabilities" else 1)

            def slope(f):
                return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)

            along = slope(lambda t: loss.value(y, raw + t * u, reduction="none"))
            gradient = loss.gradient(y, raw, reduction="none")
            np.testing.assert_allclose(along, (gradient * u).sum(axis=1), rtol=1e-7, atol=1e-8, err_msg=repr(loss))
            product = loss.hessp(y, raw, u, reduction="none")
            along = slope(lambda t: loss.gradient(y, raw + t * u, reduction="none"))
            size = np.abs(product).max() + np.abs(gradient).max()
            np.testing.assert_allclose(along, product, rtol=1e-6, atol=1e-7 * size, err_msg=repr(loss))
            _, full = loss.gradient_hessian(y, raw, hessian="full", reduction="none")
            _, diagonal = loss.gradient_hessian(y, raw, reduction="none")
            np.testing.assert_allclose(np.einsum("nij,nj->ni", full, u), product, rtol=1e-9, atol=1e-11 * size)
            np.testing.assert_array_equal(np.einsum("nii->ni", full), diagonal)


@each_dtype
def test_kinks_and_boxes_by_differences(dtype):
    """Losses without second derivatives: the gradient away from their kinks."""
    for loss in [x for x in INSTANCES if x not in SMOOTH]:
        y, raw = data(loss, 40)
        u = np.random.default_rng(3).normal(size=raw.shape)
        h = 1e-6
        along = (loss.value(y, raw + h * u, reduction="none") - loss.value(y, raw - h * u, reduction="none")) / (2 * h)
        gradient = loss.gradient(y.astype(dtype) if y.dtype.kind == "f" else y, raw.astype(dtype), reduction="none")
        np.testing.assert_allclose((gradient * u).sum(axis=1), along, rtol=1e-4, atol=1e-5, err_msg=repr(loss))


@each_dtype
def test_conjugates(dtype, isa):
    """The reference's formula, Fenchel-Young with equality at the gradient, infinity outside the domain."""
    eps = float(np.finfo(dtype).eps)
    cases = [
        *(losses.Sparsemax(), losses.Sparsemax(label_smoothing=0.25, class_weight=[0.25, 0.5, 2.0, 1.0, 0.5])),
        losses.SoftmaxKLDivergence(),
    ]
    for loss in cases:
        y, raw = data(loss, 40, dtype)
        theta = loss.gradient(y, raw, reduction="none")
        conjugate = loss.conjugate(y, theta)
        value = loss.value(y, raw, reduction="none")
        inner = (theta.astype(float) * raw).sum(axis=1)
        np.testing.assert_allclose(conjugate, inner - value, atol=100 * eps, rtol=100 * eps)
        other = (raw + np.random.default_rng(1).normal(size=raw.shape)).astype(dtype)
        assert (loss.value(y, other, reduction="none") + conjugate >= (theta * other).sum(axis=1) - 100 * eps).all()
        with mpmath.workdps(40):
            for i in range(5):
                t = target_row(y[i], 5, loss.label_smoothing, loss.class_weight)
                exact = float(reference.CONJUGATES[loss.name](t, [mpmath.mpf(float(a)) for a in theta[i]]))
                assert conjugate[i] == pytest.approx(exact, rel=100 * eps, abs=100 * eps)
        for move in ([0.25, 0, 0, 0, 0], [-4.0, 4.0, 0, 0, 0]):
            assert np.isposinf(loss.conjugate(y, theta + np.array(move, dtype))).all()
        assert np.isnan(loss.conjugate(y, theta * dtype_nan(dtype))).all()
    with pytest.raises(NotImplementedError, match="no closed form"):
        losses.CategoricalFocal().conjugate([0], np.zeros((1, 3)))


def dtype_nan(dtype):
    return np.dtype(dtype).type(np.nan)


@each_dtype
@pytest.mark.parametrize("temperature", [None, 1.0])
def test_lists_of_different_lengths(dtype, temperature, isa):
    """Items that are missing (NaN) are as if the list were shorter, whatever their scores."""
    loss = losses.ListwiseSoftmax(temperature)
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 4, (50, 9)).astype(dtype), rng.normal(size=(50, 9)).astype(dtype)
    u = rng.normal(size=z.shape).astype(dtype)
    length = rng.integers(0, 10, 50)
    for i, size in enumerate(length):
        y[i, size:], z[i, size:] = np.nan, rng.choice([np.nan, 1e30, -np.inf, 3.0])
    value, gradient = loss.value_gradient(y, z, reduction="none")
    _, full = loss.gradient_hessian(y, z, hessian="full", reduction="none")
    product = loss.hessp(y, z, u, reduction="none")
    rtol = 20 * np.finfo(dtype).eps
    for i, size in enumerate(length):
        assert (gradient[i, size:] == 0).all() and (product[i, size:] == 0).all()
        assert (full[i, size:] == 0).all() and (full[i, :, size:] == 0).all()
        if size < 2:
            assert value[i] == 0 and (gradient[i] == 0).all() and (full[i] == 0).all()
            continue
        row = slice(i, i + 1)
        short = loss.value_gradient(y[row, :size].copy(), z[row, :size].copy(), reduction="none")
        np.testing.assert_allclose(value[i], short[0][0], rtol=rtol)
        np.testing.assert_allclose(gradient[i, :size], short[1][0], rtol=rtol, atol=rtol)
        short = loss.hessp(y[row, :size].copy(), z[row, :size].copy(), u[row, :size].copy(), reduction="none")
        np.testing.assert_allclose(product[i, :size], short[0], rtol=rtol, atol=10 * rtol)


@each
def test_weight_zero_is_removal(loss):
    for dtype in DTYPES:
        y, raw = data(loss, 70, dtype)
        weight = np.random.default_rng(2).uniform(0.5, 2, 70).astype(dtype)
        weight[::3] = 0
        raw[::3] = np.nan if loss.name != "kl_divergence_from_probabilities" else raw[::3]
        keep = weight > 0
        if loss.name != "cumulative_logit":  # whose targets are checked before
            y[::3] = -7 if y.dtype.kind in "iu" else np.inf
        value, gradient = loss.value_gradient(y, raw, weight)
        alone, others = loss.value_gradient(y[keep], raw[keep], weight[keep])
        eps = float(np.finfo(dtype).eps)
        assert value == pytest.approx(alone, rel=20 * eps, abs=eps)
        np.testing.assert_allclose(gradient[keep], others, rtol=20 * eps, atol=eps * 1e-3)
        assert (gradient[::3] == 0).all()


def test_extremes(isa):
    """Far out, against the definitions."""
    big = 1e300
    cases = [
        (losses.CrammerSinger(), 0, [-big, big, 0.0]),
        (losses.WestonWatkins(), 1, [big, -1.0, 1e5]),
        (losses.WestonWatkins(power=2), 2, [1e100, -1.0, -1e100]),
        (losses.Sparsemax(), 0, [-big, big, 0.0]),
        (losses.Sparsemax(), 1, [-1e16, 1.0, 1.0 + 1e-10]),
        (losses.MultilabelMargin(), [1.0, 0.0, 1.0], [-1e200, 1e200, 1e150]),
        (losses.MultilabelLogistic(), [1.0, 0.0, 1.0], [-1e300, 800.0, 800.0]),
        (losses.GaussianNLL(), 1e150, [-1e150, 800.0]),
        (losses.GaussianNLL(), 1e-200, [0.0, -900.0]),
        (losses.CosineDistance(), [1e-310, 0.0, 1e-310], [1e300, 1e300, 1.0]),
        (losses.CumulativeLogit(), 1, [600.0, 700.0]),
        (losses.CumulativeLogit(), 1, [-700.0, -600.0]),
        (losses.CumulativeLogit(), 1, [0.25, 0.25 + 2.0**-50]),
        (losses.CumulativeLogit(), 2, [-1.0, 800.0]),
        (losses.ListwiseSoftmax(), [1e-300, 2.0, 0.0], [-1e300, 5.0, 0.0]),
        (losses.JensenShannon(), [1.0, 0.0, 0.0], [-800.0, 0.0, 0.0]),
        (losses.KLDivergenceFromProbabilities(), [1e-300, 1.0, 0.0], [1.0, 1e-300, 0.0]),
        (losses.KLDivergenceFromLogProbabilities(), [0.5, 0.5, 0.0], [-1e300, -1.0, -5.0]),
        (losses.CategoricalGeneralizedCrossEntropy(), 0, [-1000.0, 0.0, 1.0]),
        (losses.CategoricalFocal(), 0, [-1000.0, 0.0, 1.0]),
        (losses.Poly1CrossEntropy(), 0, [-1000.0, 0.0, 1.0]),
        (losses.CompleteIoU(), [0.0, 0.0, 1.0, 1.0], [1e6, 1e6, 1e6 + 1e-3, 1e6 + 1e3]),
        (losses.GeneralizedIoU(), [0.0, 0.0, 1e-9, 1e-9], [0.0, 0.0, 1e9, 1e9]),
    ]
    for loss, y, z in cases:
        raw, target = np.array([z]), np.array([y])
        value, gradient = loss.value_gradient(target, raw, reduction="none")
        assert np.isfinite(value).all() and np.isfinite(gradient).all(), (loss, value, gradient)
        with mpmath.workdps(700):
            exact = float(statement(loss, target[0], len(z))([mpmath.mpf(a) for a in z]))
        assert value[0] == pytest.approx(exact, rel=1e-13, abs=1e-300), (loss, y, z)
    # -inf is a class without probability, whose loss is infinite.
    for loss in (losses.CategoricalFocal(), losses.Poly1CrossEntropy(), losses.CategoricalFocal(label_smoothing=0.1)):
        value, gradient = loss.value_gradient([0], np.array([[-np.inf, 0.0, 1.0]]), reduction="none")
        assert value[0] == np.inf and gradient[0, 0] < 0 and np.isfinite(gradient).all(), (loss, value, gradient)
    value, gradient = losses.CategoricalFocal().value_gradient([1], np.array([[-np.inf, 0.0, 1.0]]))
    assert np.isfinite(value) and gradient[0, 0] == 0


# --- other libraries, and what they get wrong ---------------------------------------------------------


def test_optax():
    """optax where it has the loss."""
    pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(60, 5)).astype(np.float32) * 2, rng.integers(0, 5, 60)
    one_hot, t = np.eye(5, dtype=np.float32)[y], rng.dirichlet(np.ones(5), 60).astype(np.float32)
    where = rng.uniform(size=z.shape) < 0.8
    where[:, 0] = True
    relevance = rng.integers(0, 4, z.shape).astype(np.float32)
    cases = [
        (losses.Poly1CrossEntropy(epsilon=2.0), y, z, optax.losses.poly_loss_cross_entropy(z, one_hot, epsilon=2.0)),
        (losses.Sparsemax(), y, z, optax.losses.multiclass_sparsemax_loss(jnp.asarray(z), jnp.asarray(y))),
        (losses.CrammerSinger(), y, z, optax.losses.multiclass_hinge_loss(jnp.asarray(z), jnp.asarray(y))),
        (losses.CosineDistance(), t, z, optax.losses.cosine_distance(z, t)),
        (losses.SoftmaxKLDivergence(), t, z, optax.losses.kl_divergence(jnp.log(jnp.exp(z) / jnp.exp(z).sum(1)[:, None]), t)),
        (losses.ListwiseSoftmax(), np.where(where, relevance, np.nan).astype(np.float32), z,
         optax.losses.ranking_softmax_loss(z, relevance, where=where, reduce_fn=None)),
    ]  # fmt: skip
    for loss, target, raw, theirs in cases:
        ours = loss.value(target, raw, reduction="none")
        np.testing.assert_allclose(ours, np.asarray(theirs), rtol=2e-5, atol=2e-6, err_msg=repr(loss))


@pytest.mark.slow  # the import
def test_keras():
    """Keras where it has the loss; away from where it clips."""
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(60, 5)).astype(np.float32), rng.integers(0, 5, 60)
    one_hot, t = np.eye(5, dtype=np.float32)[y], rng.dirichlet(np.ones(5), 60).astype(np.float32)
    alpha = [0.25, 0.5, 0.75, 0.3, 1.0]
    q = losses.SoftmaxCrossEntropy().predict(z)
    k = keras.losses
    cases = [
        (losses.CategoricalFocal(gamma=2.0, class_weight=alpha), y, z,
         k.CategoricalFocalCrossentropy(alpha=alpha, gamma=2.0, from_logits=True, reduction=None)(one_hot, z)),
        (losses.CategoricalGeneralizedCrossEntropy(q=0.5), y, z,
         k.CategoricalGeneralizedCrossEntropy(q=0.5, reduction=None)(y, q)),
        (losses.CrammerSinger(), y, z + 9, k.CategoricalHinge(reduction=None)(one_hot, z + 9)),
        (losses.KLDivergenceFromProbabilities(), t, q, k.KLDivergence(reduction=None)(t, q)),
        (losses.MultilabelLogistic(), one_hot, z, k.BinaryCrossentropy(from_logits=True, reduction=None)(one_hot, z)),
        (losses.CosineDistance(), t, z, 1 + keras.ops.convert_to_numpy(k.CosineSimilarity(reduction=None)(t, z))),
    ]  # fmt: skip
    for loss, target, raw, theirs in cases:
        ours = loss.value(target, raw, reduction="none")
        theirs = keras.ops.convert_to_numpy(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6, err_msg=repr(loss))


def test_what_others_get_wrong():
    """Documented defects of other libraries, and what is right."""
    # lightning's MulticlassLog counts the true class twice: log(1 + k) instead of log k for equal scores.
    assert losses.SoftmaxCrossEntropy().value([0], np.zeros((1, 4))) == pytest.approx(np.log(4), rel=1e-15)
    # Keras' focal losses clip probabilities: value saturates at 16.1 and the gradient vanishes at logit -40.
    value, gradient = losses.CategoricalFocal(gamma=2.0).value_gradient([0], np.array([[-40.0, 0.0]]))
    assert value == pytest.approx(40.0) and gradient[0] == pytest.approx([-1.0, 1.0])
    # Its CategoricalHinge takes the true class for another one of score 0, and changes when a row is shifted.
    assert losses.CrammerSinger().value([0], np.array([[0.5, -3.0, -2.0]])) == 0.0
    # Its Kullback-Leibler divergence clips to [1e-7, 1].
    t, q = np.array([[0.5, 0.5]]), np.array([[1e-20, 1.0]])
    exact = 0.5 * np.log(0.5 / 1e-20) + 0.5 * np.log(0.5)
    assert losses.KLDivergenceFromProbabilities().value(t, q) == pytest.approx(exact, rel=1e-14)
    # torch's GaussianNLLLoss clamps the variance to 1e-6, and has no gradient there.
    value, gradient = losses.GaussianNLL().value_gradient(np.array([1.0]), np.array([[1.0, -30.0]]))
    assert value == -15.0 and gradient[0, 1] == 0.5
    # scikit-learn's multinomial Hessian is the diagonal only.
    for loss in (losses.SoftmaxCrossEntropy(), losses.Poly1CrossEntropy(epsilon=0.0)):
        _, full = loss.gradient_hessian([0], np.zeros((1, 3)), hessian="full")
        np.testing.assert_allclose(full[0], np.eye(3) / 3 - 1 / 9, atol=1e-16)
    # torch's kl_div(reduction="mean") divides by the number of elements; ours is a mean over rows.
    t = np.array([[0.5, 0.5], [0.25, 0.75]])
    loss = losses.KLDivergenceFromLogProbabilities()
    z = np.log([[0.5, 0.5], [0.5, 0.5]])
    assert loss.value(t, z) == pytest.approx(loss.value(t, z, reduction="none").mean())
    # torchvision holds a factor of the complete IoU constant; the gradient here is that of the value.
    target, box, move = np.array([[0.0, 0.0, 2.0, 1.0]]), np.array([[0.5, 0.25, 1.5, 2.0]]), np.array([[0, 0, 1e-6, 0]])
    loss = losses.CompleteIoU()
    slope = (loss.value(target, box + move) - loss.value(target, box - move)) / 2e-6
    assert loss.gradient(target, box)[0, 2] == pytest.approx(slope, rel=1e-7)


def test_objective_over_data():
    """Row losses in an objective over X: its gradient by differences, and words for bad targets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    for loss in [x for x in INSTANCES if x._targets != "number" and x.class_weight is None and x.is_smooth]:
        if loss.name in ("kl_divergence_from_probabilities", "complete_iou"):
            continue
        y, _ = data(loss, 60)
        objective = fastopt.LinearObjective(X, y, loss, n_outputs=5 if y.ndim == 1 else None)
        params, u = rng.normal(size=objective.shape), rng.normal(size=objective.shape)
        _, gradient = objective.value_gradient(params)
        slope = (objective.value(params + 1e-6 * u) - objective.value(params - 1e-6 * u)) / 2e-6
        assert (gradient * u).sum() == pytest.approx(slope, rel=1e-6, abs=1e-8), loss
    objective = fastopt.LinearObjective(X, -np.ones((60, 4)), losses.SoftmaxKLDivergence())
    with pytest.raises(ValueError, match="finite numbers >= 0, got -1.0"):
        objective.value(np.zeros(objective.shape))
