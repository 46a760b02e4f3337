"""What goes around a loss: sums and multiples, weights of elements, domains of conjugates, deviance."""

import copy
import pickle

import numpy as np
import pytest
from pointwise import DTYPES, INSTANCES, data

from fastopt import LinearObjective, losses
from fastopt.diagnostics import Monitor, check_gradient
from fastopt.losses import Combination
from fastopt.solvers import fit_problem

COMBINATIONS = [
    2 * losses.Huber(),
    2 * losses.Huber(delta=0.5) + losses.HalfSquaredError(),
    0.5 * losses.AbsoluteError() + 0.25 * losses.LogCosh() + 3 * losses.Quantile(quantile=0.2),
    losses.Logistic() + 0.5 * losses.BinaryFocal(),
    losses.Hinge() + losses.SquaredHinge() / 2,
    losses.Poisson() + 0.25 * losses.Gamma(),
    losses.SquaredError() + 3 * losses.HalfSquaredError(),
    losses.PoissonIdentity() + losses.TweedieIdentity(power=1.25),
]
IDS = [repr(loss) for loss in COMBINATIONS]
each = pytest.mark.parametrize("loss", COMBINATIONS, ids=IDS)


def summed(loss, method, *args, **kwargs):
    found = [getattr(part, method)(*args, **kwargs) for _, part in loss.terms]
    if isinstance(found[0], tuple):
        return tuple(sum(c * a for (c, _), a in zip(loss.terms, outputs)) for outputs in zip(*found))
    return sum(c * a for (c, _), a in zip(loss.terms, found))


@each
def test_sum_of_terms(loss, isa):
    """Value, gradient, Hessian and products, of every shape, reduction and weight, are those of the terms."""
    rng = np.random.default_rng(0)
    for dtype in DTYPES:
        eps = np.finfo(dtype).eps
        for n in (1, 7, 100, 1023, 20001):
            y, z = data(loss, n, dtype)
            d = rng.normal(size=n).astype(dtype)
            for w in (None, rng.uniform(0.1, 3.0, n).astype(dtype)):
                for reduction in ("none", "sum", "mean"):
                    calls = [("value_gradient", (y, z, w)), ("gradient_hessian", (y, z, w)), ("hessp", (y, z, d, w))]
                    calls += [("value", (y, z, w)), ("gradient", (y, z, w))]
                    for method, args in calls:
                        found = getattr(loss, method)(*args, reduction=reduction)
                        exact = summed(loss, method, *args, reduction=reduction)
                        for a, b in zip(found, exact) if isinstance(found, tuple) else [(found, exact)]:
                            size = sum(c * np.max(np.abs(b)) for c, _ in loss.terms)
                            np.testing.assert_allclose(a, b, rtol=16 * eps, atol=8 * eps * size)


@each
def test_same_bits_for_any_number_of_threads(loss):
    n = 5 * 8192 + 17
    y, z = data(loss, n, np.float32)
    w = np.random.default_rng(3).uniform(0.5, 2.0, n).astype(np.float32)
    one = loss.value_gradient(y, z, w, n_threads=1)
    two = loss.value_gradient(y, z, w, n_threads=2)
    assert one[0] == two[0]
    np.testing.assert_array_equal(one[1], two[1])


@each
def test_gradient_is_a_derivative(loss):
    y, z = data(loss, 400)
    h = 1e-4
    smooth = np.ones(y.shape, bool)
    for kink in loss.kinks(y):
        smooth &= abs(z - kink) > 3 * h

    def derivative(f):
        return (f(z - 2 * h) - 8 * f(z - h) + 8 * f(z + h) - f(z + 2 * h)) / (12 * h)

    gradient, hessian = loss.gradient_hessian(y, z, reduction="none")
    slope = derivative(lambda u: loss.value(y, u, reduction="none"))
    curve = derivative(lambda u: loss.gradient(y, u, reduction="none"))
    np.testing.assert_allclose(gradient[smooth], slope[smooth], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(hessian[smooth], curve[smooth], rtol=1e-7, atol=1e-7)


@each
def test_best_constant(loss):
    y, _ = loss.sample(np.random.default_rng(8), 201)
    for w in (None, np.random.default_rng(9).uniform(0, 2, 201), np.r_[np.ones(20), np.zeros(181)]):
        constant = loss.fit_intercept_only(y, w)
        best = loss.value(y, np.full(201, constant), w)
        for step in (1e-3, -1e-3, 0.3, -0.3):
            assert loss.value(y, np.full(201, constant + step), w) >= best - 1e-14 * abs(best)


@each
def test_identity(loss):
    y, z = data(loss, 10)
    names = vars(losses)
    for other in (
        pickle.loads(pickle.dumps(loss)),
        copy.deepcopy(loss),
        eval(repr(loss), names),
        Combination(loss.terms),
    ):
        assert other == loss and hash(other) == hash(loss)
        assert other.value(y, z) == loss.value(y, z)
    assert loss != losses.Huber()
    assert losses.get(loss) is loss


def test_algebra():
    A, B = losses.Huber(), losses.LogCosh()
    assert 1 * A == A and isinstance(1 * A, losses.Huber)
    assert A + A == 2 * A == np.float64(2) * A == np.float32(2) * A
    assert 2 * (A + 3 * B) == 2 * A + 6 * B
    assert sum([A, B, A]) == 2 * A + B
    assert A / 4 == 0.25 * A
    assert (A + B) + (A + B) == 2 * A + 2 * B
    assert repr(2 * A + B) == "2.0 * Huber(delta=1.0, hessian='exact') + LogCosh()"


def test_properties():
    smooth = losses.Huber() + losses.SquaredError()
    kinked = losses.Huber() + losses.AbsoluteError()
    bent = losses.Huber() + losses.Cauchy()
    assert smooth.is_smooth and smooth.is_convex and not kinked.is_smooth and kinked.is_convex and not bent.is_convex
    assert (losses.SquaredError() + 3 * losses.HalfSquaredError()).constant_hessian == 5.0
    assert smooth.constant_hessian is None
    assert (losses.Gamma(hessian="fisher") + losses.Poisson()).hessian_kind == "fisher"
    assert (losses.Poisson() + losses.Gamma()).domain == "positive"
    assert (losses.Logistic() + losses.BinaryFocal()).domain == "binary"
    assert (losses.PoissonIdentity() + losses.HalfSquaredError()).raw_low == 0.0
    assert (2 * losses.Poisson() + losses.Gamma()).link == "log"
    np.testing.assert_allclose((2 * losses.Poisson()).predict(np.zeros(2)), 1)


def test_conjugate_of_a_multiple(isa):
    for loss in INSTANCES:
        if not loss.has_conjugate:
            continue
        y, z = data(loss, 50)
        scaled = 3 * loss
        theta = scaled.gradient(y, z, reduction="none")
        np.testing.assert_allclose(scaled.conjugate(y, 0.7 * theta), 3 * loss.conjugate(y, 0.7 * theta / 3), rtol=1e-13)
        gap = scaled.value(y, z, reduction="none") + scaled.conjugate(y, theta) - theta * z
        np.testing.assert_allclose(gap, 0, atol=1e-12 * (1 + abs(theta * z).max() + abs(3 * y * z).max()))
        low, high = scaled.conjugate_domain(y)
        np.testing.assert_allclose([low, high], 3 * np.array(loss.conjugate_domain(y)))


@pytest.mark.parametrize("loss", [loss for loss in INSTANCES if loss.has_conjugate], ids=repr)
def test_domain_of_the_conjugate(loss, isa):
    y, _ = data(loss, 40)
    low, high = loss.conjugate_domain(y)
    assert (low < high).all()
    inside = np.maximum(low, -100) + np.linspace(0.001, 0.999, 40) * (np.minimum(high, 100) - np.maximum(low, -100))
    assert np.isfinite(loss.conjugate(y, inside)).all()
    for end, step in ((low, -1e-6), (high, 1e-6)):
        finite = np.isfinite(end)
        outside = end[finite] + step * (1 + abs(end[finite]))
        np.testing.assert_array_equal(loss.conjugate(y[finite], outside), np.inf)
    for end in (low, high):
        far = np.isinf(end)
        assert np.isfinite(loss.conjugate(y[far], np.sign(end[far]) * 1e3)).all()


ONE, ZERO = np.ones(3), np.zeros(3)
ERRORS = [
    (lambda: 0 * losses.Huber(), ValueError, r"the factor of a loss must be in \(0, inf\), got 0"),
    (lambda: -1 * losses.Huber(), ValueError, "the factor of a loss must be in"),
    (lambda: np.inf * losses.Huber(), ValueError, "the factor of a loss must be in"),
    (lambda: losses.Huber() / 0, ValueError, "the divisor of a loss must be in"),
    (lambda: "2" * losses.Huber(), TypeError, "multiply"),
    (lambda: True * losses.Huber(), TypeError, "unsupported operand"),
    (lambda: losses.Huber() * losses.Huber(), TypeError, "unsupported operand"),
    (lambda: losses.Huber() + 1, TypeError, "unsupported operand"),
    (lambda: 1 + losses.Huber(), TypeError, "unsupported operand"),
    (lambda: losses.Huber() - losses.Huber(), TypeError, "unsupported operand"),
    (lambda: Combination([(1, losses.SoftmaxCrossEntropy())]), TypeError, "one raw prediction each, got Softmax"),
    (lambda: losses.RowCombination([(1, losses.Huber())]), TypeError, "losses over rows, got Huber"),
    (lambda: 2 * losses.CTC(), TypeError, "only losses of one kind, pointwise or over rows, can be combined, got CTC"),
    (lambda: losses.GaussianNLL() + losses.CosineDistance(), ValueError, "targets are finite numbers .n,. for one and rows"),
    (lambda: losses.CrammerSinger() + losses.MultilabelMargin(), ValueError, "targets are class indices 0..k-1 for one and"),
    (lambda: losses.Huber() + losses.Poisson(), ValueError, "cannot be added.*links, 'identity' and 'log'"),
    (lambda: losses.Hinge() + losses.PoissonIdentity(), ValueError, r"must be -1 or \+1 for one and finite and >= 0"),
    (lambda: 2 * losses.RootMeanSquaredError(), TypeError, "can be combined, got RootMeanSquaredError"),
    (lambda: losses.Huber() + losses.SoftmaxCrossEntropy(), TypeError, "can be combined, got SoftmaxCrossEntropy"),
    (lambda: Combination([]), ValueError, "at least one term"),
    (lambda: (losses.Huber() + losses.LogCosh()).conjugate(ONE, ZERO), NotImplementedError, "conjugate of a sum"),
    (lambda: (losses.Huber() + losses.LogCosh()).conjugate_domain(ONE), NotImplementedError, "conjugate of a sum"),
    (lambda: (2 * losses.Cauchy()).conjugate(ONE, ZERO), NotImplementedError, "Cauchy offers no conjugate"),
    (lambda: losses.Cauchy().conjugate_domain(ONE), NotImplementedError, "Cauchy offers no conjugate"),
    (lambda: (losses.Poisson() + losses.Gamma()).value(ZERO, ONE), ValueError, "y_true of Combination must be.*> 0, got 0.0"),
    (lambda: losses.Huber().deviance(ONE, ONE), NotImplementedError, "Huber.* offers no deviance"),
    (lambda: losses.Poisson().deviance(ONE, ONE, reduction="avg"), ValueError, "reduction must be one of"),
    (lambda: losses.Poisson().deviance(ONE, ONE, ZERO), ValueError, "sample_weight sums to 0"),
    (lambda: losses.Poisson().deviance(-ONE, ONE), ValueError, "y_true of Poisson"),
    (lambda: losses.element_weight(ONE, mask=ONE), TypeError, "mask must be a boolean array"),
    (lambda: losses.element_weight(ONE, sample_weight=-ONE), ValueError, "sample_weight must be finite and >= 0, got -1"),
    (lambda: losses.element_weight(ONE, sample_weight=np.ones(2)), ValueError, r"sample_weight has shape \(2,\)"),
    (lambda: losses.element_weight(ONE, output_weight=[1.0]), ValueError, r"output_weight has shape \(1,\)"),
    (lambda: losses.element_weight(ONE, class_weight="even"), TypeError, "class_weight must be a dict.*'even'"),
    (lambda: losses.element_weight(ONE, class_weight={1: -1}), ValueError, "class_weight must be finite and >= 0"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_name_the_argument(case):
    call, kind, text = ERRORS[case]
    with pytest.raises(kind, match=text):
        call()


# Losses over rows.


def test_sums_of_losses_over_rows(isa):
    weighted = losses.SoftmaxCrossEntropy(label_smoothing=0.2, class_weight=np.array([1.0, 2.0, 3.0]))
    loss = losses.SoftmaxCrossEntropy() + 0.5 * weighted
    rng = np.random.default_rng(11)
    y, z = rng.integers(0, 3, 40), rng.normal(size=(40, 3))
    d, w = rng.normal(size=(40, 3)), rng.uniform(0.5, 2.0, 40)
    for reduction in ("none", "sum", "mean"):
        for method, args in (("value_gradient", (y, z, w)), ("gradient_hessian", (y, z, w)), ("hessp", (y, z, d, w))):
            found = getattr(loss, method)(*args, reduction=reduction)
            exact = summed(loss, method, *args, reduction=reduction)
            for a, b in zip(found, exact) if isinstance(found, tuple) else [(found, exact)]:
                np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-16)
        assert np.shape(loss.value(y, z, w, reduction=reduction)) == ((40,) if reduction == "none" else ())
    gradient, full = loss.gradient_hessian(y, z, hessian="full", reduction="none")
    assert full.shape == (40, 3, 3)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", full, d), loss.hessp(y, z, d, reduction="none"), atol=1e-14)
    out = np.empty_like(z)
    assert loss.gradient(y, z, gradient_out=out) is out
    np.testing.assert_array_equal(out, loss.gradient(y, z))
    assert loss.is_convex and loss.is_rowwise and loss.is_shift_invariant and loss.gradient(y, z.astype("f4")).dtype == "f4"
    np.testing.assert_allclose(loss.predict(z).sum(axis=1), 1)
    assert pickle.loads(pickle.dumps(loss)) == loss == 2 * (0.5 * loss)
    for call, kind, text in (
        (lambda: loss.conjugate(y, z), NotImplementedError, "conjugate of a sum"),
        (lambda: loss + losses.CategoricalCrossEntropyFromProbabilities(), ValueError, "different links"),
        (lambda: loss.gradient(y, z, gradient_out=np.ones(3)), ValueError, "gradient_out must have shape"),
        (lambda: loss.value(y + 5, z), ValueError, "class indices from 0 to 2"),
    ):
        with pytest.raises(kind, match=text):
            call()


SOFT = losses.SoftmaxCrossEntropy
ROW_COMBINATIONS = [
    2 * SOFT() + 0.5 * losses.CategoricalFocal(),
    SOFT(class_weight=[0.5, 2.0, 1.0, 0.0, 3.0], label_smoothing=0.25) + 3 * losses.Poly1CrossEntropy(ignore_index=2),
    SOFT() + losses.CategoricalFocal(class_weight=[0.5, 2.0, 1.0, 0.25, 3.0]) + losses.CategoricalGeneralizedCrossEntropy(),
    losses.CrammerSinger(margin=2.0) + 0.5 * losses.WestonWatkins(power=2),
    losses.SoftmaxKLDivergence() + 0.25 * losses.JensenShannon() + 2 * SOFT(),
    3 * losses.MultilabelLogistic(),
    0.5 * losses.GaussianNLL() + 2 * losses.GaussianNLL(full=True),
    3 * losses.CumulativeLogit(),
]
each_of_rows = pytest.mark.parametrize("loss", ROW_COMBINATIONS, ids=repr)


def row_problem(loss, n, k, dtype=np.float64):
    """X, targets and parameters; the raw predictions of ordered classes increase."""
    rng = np.random.default_rng(17)
    taken = next(part for _, part in loss.terms if part.domain == loss.domain)
    y, raw = taken.sample(rng, n, k)
    params = rng.normal(size=(raw.shape[1], 4)) * 0.1
    params[:, 3] += np.arange(len(params)) - 2.0
    return rng.uniform(-1, 1, size=(n, 3)).astype(dtype), y, params


@each_of_rows
def test_objectives_of_sums_of_losses_over_rows(loss, isa):
    """Everything that a pass gives is the sum of the terms', over subsets of rows, for few classes and for many."""
    rng = np.random.default_rng(18)
    weights = any(part.class_weight is not None for _, part in loss.terms)
    for dtype, n, k in [(np.float64, 300, 5), (np.float32, 300, 5), (np.float64, 70, 40), (np.float64, 20, 130)]:
        if k > 5 and weights:
            continue
        X, y, params = row_problem(loss, n, k, dtype)
        k = len(params)
        weight, rows = rng.uniform(0, 2, n).astype(dtype), rng.permutation(n)[: 3 * n // 4]
        weight[rows[:5]] = 0
        offset = (rng.normal(size=(n, k)) * 0.01).astype(dtype)
        options = dict(sample_weight=weight, rows=rows, offset=offset, n_outputs=k)
        whole = LinearObjective(X, y, loss, **options)
        parts = [(c, LinearObjective(X, y, part, **options)) for c, part in loss.terms]
        rtol = 1e-12 if dtype == np.float64 else 1e-5
        before = whole.n_passes
        value, gradient = whole.value_gradient(params)
        assert whole.n_passes == before + 1
        assert value == pytest.approx(sum(c * part.value(params) for c, part in parts), rel=rtol)
        assert whole.value(params) == pytest.approx(value, rel=rtol)
        u = rng.normal(size=params.shape) * 0.01
        phi = whole.line(whole.evaluate(params.reshape(-1)), u.reshape(-1))
        lines = [(c, part.line(part.evaluate(params.reshape(-1)), u.reshape(-1))) for c, part in parts]
        np.testing.assert_allclose(phi(0.5), sum(c * np.array(line(0.5)) for c, line in lines), rtol=100 * rtol, atol=rtol)
        for method, args in [("gradient", ()), ("hessian_product", (u,)), ("hessian_matrix", ())]:
            exact = sum(c * getattr(part, method)(params, *args) for c, part in parts)
            found = getattr(whole, method)(params, *args)
            np.testing.assert_allclose(found, exact, rtol=rtol, atol=rtol * abs(exact).max())
        if weights and dtype == np.float64:
            with pytest.raises(ValueError, match="class_weight of .* must have 6 elements"):
                LinearObjective(X, y, loss, n_outputs=6)


def test_fits_of_sums_of_losses_over_rows():
    rng = np.random.default_rng(19)
    X = rng.normal(size=(500, 3))
    y = np.argmax(X @ rng.normal(size=(3, 3)) + rng.gumbel(size=(500, 3)), axis=1)
    loss = 2 * losses.SoftmaxCrossEntropy() + 0.5 * losses.CategoricalFocal()
    objective = LinearObjective(X, y, loss, 0.01)
    newton, lbfgs = fit(objective, "newton-cholesky", 1e-7), fit(objective, "lbfgs", 1e-7)
    assert newton.certificate.converged and lbfgs.certificate.converged
    np.testing.assert_allclose(newton.params, lbfgs.params, atol=1e-5)
    assert abs(objective.gradient(newton.params)).max() < 1e-7
    assert check_gradient(objective, rng.normal(size=objective.shape), rtol=1e-7)
    # A multiple with the penalty multiplied has the same minimum.
    one, three = (fit(LinearObjective(X, y, c * SOFT(), 0.01 * c), "lbfgs", 1e-7).params for c in (1, 3))
    np.testing.assert_allclose(one, three, atol=1e-6)
    # Bad targets are named by the term that they are bad for.
    bad = LinearObjective(X, np.where(y == 2, 3, y), loss, n_outputs=3)
    with pytest.raises(ValueError, match="SoftmaxCrossEntropy must be class indices from 0 to 2 .* got 3"):
        bad.value(np.zeros((3, 4)))
    probabilities = 2 * losses.CategoricalCrossEntropyFromProbabilities()
    with pytest.raises(ValueError, match="some of the model's are not"):
        LinearObjective(X, y, probabilities).value(np.full((3, 4), 2.0))
    boxes = losses.IoU() + losses.GeneralizedIoU()
    assert boxes.hessian_kind == "none" and not LinearObjective(X, np.zeros((500, 4)), boxes).offers


@each_of_rows
def test_best_constants_of_sums_of_losses_over_rows(loss):
    _, y, _ = row_problem(loss, 200, 5)
    weight = np.random.default_rng(20).choice([0.0, 0.5, 2.0], size=200)
    row = loss.fit_intercept_only(y, weight)

    def total(constant):
        return loss.value(y, np.tile(constant, (200, 1)), weight, reduction="sum")

    least = total(row)
    for change in np.random.default_rng(21).normal(size=(20, len(row))):
        assert total(row + 1e-3 * change) >= least - 1e-9 * abs(least)


def test_the_best_constant_of_sums_from_probabilities():
    loss = losses.CategoricalCrossEntropyFromProbabilities(class_weight=[1.0, 3.0]) + losses.KLDivergenceFromProbabilities()
    t = np.random.default_rng(22).dirichlet(np.ones(2), size=50)
    row = loss.fit_intercept_only(t)
    assert row.sum() == pytest.approx(1)
    values = [loss.value(t, np.tile([q, 1 - q], (50, 1)), reduction="sum") for q in row[0] + np.array([-1e-3, 0.0, 1e-3])]
    assert values[1] < min(values[0], values[2])


# Weights.


@pytest.mark.parametrize("loss", [*INSTANCES, *COMBINATIONS], ids=repr)
def test_elements_of_weight_zero_count_nothing(loss, isa):
    """Whatever they hold: NaN, targets and raw predictions outside their domains."""
    n = 1600
    rng = np.random.default_rng(1)
    for dtype in DTYPES:
        y, z = data(loss, n, dtype)
        kept = rng.uniform(size=n) < 0.7
        kept[512:1024] = False  # a whole chunk
        bad_y, bad_z = y.copy(), z.copy()
        bad_y[~kept] = rng.choice([np.nan, np.inf, -7.0], (~kept).sum())
        bad_z[~kept] = rng.choice([np.nan, np.inf, -7.0], (~kept).sum())
        d = rng.normal(size=n).astype(dtype)
        for w in (kept, kept * rng.uniform(0.5, 2.0, n)):
            for reduction in ("mean", "sum", "none"):
                value, gradient = loss.value_gradient(bad_y, bad_z, w, reduction=reduction)
                short = loss.value_gradient(y[kept], z[kept], w[kept], reduction=reduction)
                if reduction == "none":
                    np.testing.assert_array_equal(value[~kept], 0)
                    value = value[kept]
                np.testing.assert_allclose(value, short[0], rtol=100 * np.finfo(dtype).eps, atol=1e-30)
                np.testing.assert_array_equal(gradient[~kept], 0)
                np.testing.assert_allclose(
                    gradient[kept], short[1], rtol=1e-5 if dtype == np.float32 else 1e-13, atol=1e-30
                )
                hessian = loss.gradient_hessian(bad_y, bad_z, w, reduction=reduction)[1]
                product = loss.hessp(bad_y, bad_z, d, w, reduction=reduction)
                np.testing.assert_array_equal([hessian[~kept], product[~kept]], 0)
                assert np.isfinite(product).all()
        assert loss.fit_intercept_only(bad_y, kept) == loss.fit_intercept_only(y[kept])
        # Those that count are still looked at, and named.
        bad_y[:] = y
        place = int(np.argmax(kept))
        bad_y[place] = np.nan
        bad_y[~kept] = np.nan
        with pytest.raises(ValueError, match=f"y_true.* got nan at index {place}$|y_true.* got nan at index {place};"):
            loss.value(bad_y, z, kept)


ROWS = [
    losses.SoftmaxCrossEntropy(),
    losses.SoftmaxCrossEntropy(label_smoothing=0.1, ignore_index=-1),
    losses.SoftmaxCrossEntropy(class_weight=np.array([1.0, 2.0, 0.5])),
    losses.CategoricalCrossEntropyFromProbabilities(),
]


@pytest.mark.parametrize("loss", ROWS, ids=repr)
def test_rows_of_weight_zero_count_nothing(loss, isa):
    rng = np.random.default_rng(10)
    n, k = 203, 3
    kept = rng.uniform(size=n) < 0.7
    kept[-3:] = False
    for dtype in DTYPES:
        index, z = loss.sample(rng, n, k)
        z, d = z.astype(dtype), rng.normal(size=(n, k)).astype(dtype)
        index[3] = -1 if loss.ignore_index is not None else index[3]
        bad_z = np.where(kept[:, None], z, rng.choice([np.nan, np.inf, -7.0], (n, 1))).astype(dtype)
        targets = [(index, np.where(kept, index, 99))]
        if loss.ignore_index is None:
            soft = rng.dirichlet(np.ones(k), n).astype(dtype)
            targets.append((soft, np.where(kept[:, None], soft, -np.inf).astype(dtype)))
        for y, bad_y in targets:
            w = kept * rng.uniform(0.5, 2.0, n)
            for reduction in ("mean", "sum", "none"):
                value, gradient = loss.value_gradient(bad_y, bad_z, w, reduction=reduction)
                short = loss.value_gradient(y[kept], z[kept], w[kept], reduction=reduction)
                if reduction == "none":
                    np.testing.assert_array_equal(value[~kept], 0)
                    value = value[kept]
                eps = np.finfo(dtype).eps
                np.testing.assert_allclose(value, short[0], rtol=100 * eps, atol=1e-30)
                np.testing.assert_array_equal(gradient[~kept], 0)
                np.testing.assert_allclose(gradient[kept], short[1], rtol=100 * eps, atol=10 * eps)
                for hessian in ("diag", "full"):
                    found = loss.gradient_hessian(bad_y, bad_z, w, reduction=reduction, hessian=hessian)[1]
                    np.testing.assert_array_equal(found[~kept], 0)
                    assert np.isfinite(found).all()
                product = loss.hessp(bad_y, bad_z, d, w, reduction=reduction)
                np.testing.assert_array_equal(product[~kept], 0)
                assert np.isfinite(product).all()
            np.testing.assert_array_equal(
                loss.fit_intercept_only(bad_y, w, n_classes=k), loss.fit_intercept_only(y, w, n_classes=k)
            )
            place = int(np.flatnonzero(kept)[1])
            bad_y[place] = 77 if y.ndim == 1 else -1
            with pytest.raises(ValueError, match=rf"y_true.* at index \(?{place}"):
                loss.value(bad_y, z, w)


def test_masks_of_optax():
    optax = pytest.importorskip("optax")
    jnp = pytest.importorskip("jax.numpy")
    z, labels = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32), np.array([0, 1, 2, 0, 1, 2])
    mask = np.array([True, False, True, True, False, True])
    theirs = optax.losses.softmax_cross_entropy_with_integer_labels(jnp.asarray(z), jnp.asarray(labels))
    mine = losses.SoftmaxCrossEntropy().value(labels, z, mask)
    assert mine == pytest.approx(float(jnp.mean(theirs, where=jnp.asarray(mask))), rel=1e-6)
    y, z = np.zeros(6, np.float32), z[:, 0]
    theirs = optax.losses.huber_loss(jnp.asarray(z), jnp.asarray(y))
    mine = losses.Huber().value(y, z, mask)
    assert mine == pytest.approx(float(jnp.mean(theirs, where=jnp.asarray(mask))), rel=1e-6)


def test_element_weight():
    y = np.array([[0, 1], [1, 1], [0, 1]])
    rows, outputs = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.5])
    np.testing.assert_array_equal(
        losses.element_weight(y, sample_weight=rows, output_weight=outputs), np.outer(rows, outputs)
    )
    found = losses.element_weight(y, class_weight={0: 5.0}, mask=np.array([True, False, True]))
    np.testing.assert_array_equal(found, [[5, 1], [0, 0], [5, 1]])
    each = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(losses.element_weight(y, sample_weight=each), each)
    utils = pytest.importorskip("sklearn.utils.class_weight")
    labels = np.array([0, 0, 0, 1, 1, 0, 2])
    np.testing.assert_allclose(
        losses.element_weight(labels, class_weight="balanced"), utils.compute_sample_weight("balanced", labels)
    )
    np.testing.assert_allclose(
        losses.element_weight(labels, class_weight={0: 2.0, 2: 3.0}),
        utils.compute_sample_weight({0: 2.0, 1: 1.0, 2: 3.0}, labels),
    )
    signs = np.array([-1.0, 1.0, 1.0])
    np.testing.assert_array_equal(losses.element_weight(signs, class_weight={-1: 4.0}), [4, 1, 1])
    assert losses.element_weight(np.zeros((0, 2)), output_weight=[1.0, 1.0], class_weight="balanced").shape == (0, 2)


# Deviance.

DEVIANCES = [loss for loss in INSTANCES if loss.has_deviance]


@pytest.mark.parametrize("loss", DEVIANCES, ids=repr)
def test_deviance_is_zero_at_the_target_alone(loss):
    y, z = data(loss, 200)
    deviance = loss.deviance(y, z, reduction="none")
    least = z.copy()
    for i in range(50):  # the best raw prediction for one target
        constant = loss.fit_intercept_only(y[i : i + 1])
        low = max(loss.raw_low + 1e-6, -30.0)
        least[i] = np.clip(constant, low, 30.0) if np.isfinite(constant) else np.clip(np.sign(constant) * 30, low, 30)
        if loss.name == "binary_cross_entropy_from_probabilities":
            least[i] = np.clip(constant, 0, 1)
    assert (deviance >= 0).all()
    best = loss.deviance(y, least, reduction="none")[:50]
    reachable = np.isfinite(best) & ~((y[:50] < 0) & (loss.link == "log"))
    assert (best[reachable] <= 1e-5 * (1 + abs(loss.value(y, least, reduction="none")[:50][reachable]))).all()
    excess = 2 * (loss.value(y, z, reduction="none") - loss.value(y, least, reduction="none"))[:50]
    np.testing.assert_allclose(deviance[:50][reachable], excess[reachable], rtol=1e-4, atol=2e-5)
    w = np.linspace(0.5, 2.0, 200)
    total = loss.deviance(y, z, w, reduction="sum")
    assert total == pytest.approx((w * deviance).sum(), rel=1e-12)
    assert loss.deviance(y, z, w) == pytest.approx(total / w.sum(), rel=1e-12)
    w[::2] = 0
    y[::2] = np.nan
    assert loss.deviance(y, z, w) == pytest.approx((w * deviance).sum() / w.sum(), rel=1e-12)
    assert (2 * loss).deviance(y, z, w) == pytest.approx(2 * loss.deviance(y, z, w), rel=1e-12)


def test_deviance_against_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    raw = rng.normal(size=300)
    mean, w = np.exp(raw), rng.uniform(0.5, 2.0, 300)
    positive, counts = mean * rng.gamma(2.0, 0.5, 300), rng.poisson(mean).astype(float)
    cases = [
        (losses.Poisson(), counts, 1), (losses.Gamma(), positive, 2), (losses.InverseGaussian(), positive, 3),
        *((losses.Tweedie(power=p), positive, p) for p in (-1, 0, 1, 1.5, 2, 2.5, 3)),
        (losses.Tweedie(power=1.5), np.where(rng.uniform(size=300) < 0.3, 0, positive), 1.5),
    ]  # fmt: skip
    for loss, y, power in cases:
        theirs = metrics.mean_tweedie_deviance(y, mean, sample_weight=w, power=power)
        assert loss.deviance(y, raw, w) == pytest.approx(theirs, rel=1e-10), loss
        d2 = metrics.d2_tweedie_score(y, mean, sample_weight=w, power=power)
        assert loss.d2(y, raw, w) == pytest.approx(d2, rel=1e-9, abs=1e-9), loss
    for loss, power in (
        (losses.PoissonIdentity(), 1),
        (losses.TweedieIdentity(power=1.5), 1.5),
        (losses.HalfSquaredError(), 0),
    ):
        theirs = metrics.mean_tweedie_deviance(positive, mean, sample_weight=w, power=power)
        assert loss.deviance(positive, mean, w) == pytest.approx(theirs, rel=1e-10), loss
    assert losses.Poisson().deviance(counts, raw) == pytest.approx(
        metrics.mean_poisson_deviance(counts, mean), rel=1e-10
    )
    assert losses.Gamma().deviance(positive, raw) == pytest.approx(
        metrics.mean_gamma_deviance(positive, mean), rel=1e-10
    )
    labels = rng.integers(0, 2, 300).astype(float)
    probability = losses.Logistic().predict(raw)
    assert losses.Logistic().deviance(labels, raw) == pytest.approx(
        2 * metrics.log_loss(labels, probability), rel=1e-10
    )
    assert losses.Logistic().d2(labels, raw) == pytest.approx(metrics.d2_log_loss_score(labels, probability), rel=1e-9)
    assert losses.HalfSquaredError().d2(counts, mean) == pytest.approx(metrics.r2_score(counts, mean), rel=1e-9)


def test_d2_where_the_constant_is_perfect():
    assert losses.HalfSquaredError().d2(ONE, ONE) == 1.0
    assert losses.HalfSquaredError().d2(ONE, ZERO) == -np.inf
    assert losses.Poisson().d2(ZERO, ONE) == -np.inf


# Objectives.


def problem(loss, n=400, p=5, seed=0):
    rng = np.random.default_rng(seed)
    y, _ = loss.sample(rng, n)
    return rng.normal(size=(n, p)) * 0.3, y


@each
def test_objectives_of_combinations(loss, isa):
    if loss.raw_low > -np.inf:
        pytest.skip("a linear model leaves the domain")
    for dtype in DTYPES:
        X, y = problem(loss)
        params = np.random.default_rng(4).normal(size=6) * 0.2
        X = X.astype(dtype)
        parts = [(c, LinearObjective(X, y, part, fit_intercept=True)) for c, part in loss.terms]
        whole = LinearObjective(X, y, loss, fit_intercept=True)
        rtol = 1e-12 if dtype == np.float64 else 1e-5
        value, gradient = whole.value_gradient(params)
        assert value == pytest.approx(sum(c * part.value(params) for c, part in parts), rel=rtol)
        exact = sum(c * part.gradient(params) for c, part in parts)
        np.testing.assert_allclose(gradient, exact, rtol=rtol, atol=rtol * abs(exact).max())
        exact = sum(c * part.hessian_matrix(params) for c, part in parts)
        np.testing.assert_allclose(whole.hessian_matrix(params), exact, rtol=rtol, atol=rtol * abs(exact).max())


def fit(objective, solver, tol=1e-5):
    return fit_problem(objective, solver=solver, tol=tol, monitor=Monitor())


def test_fits_of_combinations():
    loss = 2 * losses.Huber() + losses.LogCosh()
    X, y = problem(loss)
    objective = LinearObjective(X, y, loss, 0.01)
    newton, lbfgs = fit(objective, "newton-cholesky"), fit(objective, "lbfgs")
    assert newton.certificate.converged and lbfgs.certificate.converged
    np.testing.assert_allclose(newton.params, lbfgs.params, atol=1e-4)
    assert abs(objective.gradient(newton.params)).max() < 1e-6
    with pytest.raises(ValueError, match="continuous gradient"):
        fit(LinearObjective(X, y, losses.Huber() + losses.AbsoluteError()), "lbfgs")
    # A multiple has a conjugate and so a duality gap; the penalty scales with it.
    one = fit(LinearObjective(X, y, losses.Huber(), 0.01), "newton-cholesky")
    three = fit(LinearObjective(X, y, 3 * losses.Huber(), 0.03), "newton-cholesky")
    assert three.certificate.reason == "gap" and three.certificate.gap >= 0
    np.testing.assert_allclose(one.params, three.params, atol=1e-6)
    quadratic = losses.SquaredError() + 3 * losses.HalfSquaredError()
    assert "squares" in LinearObjective(X, y, quadratic, 0.01).offers
    a = fit(LinearObjective(X, y, quadratic, 0.05), "svd").params
    b = fit(LinearObjective(X, y, losses.HalfSquaredError(), 0.01), "newton-cholesky").params
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_fisher_scoring():
    """Newton with the expected Hessian minimises a loss whose own is indefinite."""
    loss = losses.InverseGaussian(hessian="fisher")
    rng = np.random.default_rng(5)
    X = rng.normal(size=(500, 4)) * 0.4
    y = np.exp(X @ np.array([1.0, -1.0, 0.5, 0.0])) * rng.gamma(4.0, 0.25, 500)
    objective = LinearObjective(X, y, loss, 1e-3)
    scoring = fit(objective, "newton-cholesky")
    lbfgs = fit(LinearObjective(X, y, losses.InverseGaussian(), 1e-3), "lbfgs", 1e-6)
    assert abs(objective.gradient(scoring.params)).max() < 1e-5
    np.testing.assert_allclose(scoring.params, lbfgs.params, atol=1e-4)


def test_weights_of_outputs(isa):
    rng = np.random.default_rng(6)
    n, p, k = 300, 4, 3
    X, Y, u = rng.normal(size=(n, p)), rng.normal(size=(n, k)), np.array([1.0, 0.0, 2.5])
    w = rng.uniform(0.5, 2.0, n)
    rows = rng.permutation(n)[:200]
    for loss in (losses.Huber(), losses.HalfSquaredError(), losses.Huber() + losses.LogCosh()):
        for weight, chosen in ((None, None), (w, None), (w, rows), (None, rows)):
            objective = LinearObjective(X, Y, loss, 0.1, sample_weight=weight, rows=chosen, output_weight=u)
            params = rng.normal(size=objective.shape)
            each = [LinearObjective(X, Y[:, c], loss, sample_weight=weight, rows=chosen) for c in range(k)]
            value, gradient = objective.value_gradient(params)
            exact = sum(uc * one.value(params[c]) for c, (uc, one) in enumerate(zip(u, each)))
            assert value == pytest.approx(exact + 0.05 * (params[:, :p] ** 2).sum(), rel=1e-12)
            expected = np.array([uc * one.gradient(params[c]) for c, (uc, one) in enumerate(zip(u, each))])
            expected[:, :p] += 0.1 * params[:, :p]
            np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-13)
            direction = rng.normal(size=objective.shape)
            product = objective.hessian_product(params, direction)
            expected = [uc * one.hessian_product(params[c], direction[c]) for c, (uc, one) in enumerate(zip(u, each))]
            expected = np.array(expected)
            expected[:, :p] += 0.1 * direction[:, :p]
            np.testing.assert_allclose(product, expected, rtol=1e-11, atol=1e-13)
            assert not objective.constant_hessian and "squares" not in objective.offers
    fitted = fit(LinearObjective(X, Y, losses.Huber(), 0.1, output_weight=u, sample_weight=w), "lbfgs")
    assert fitted.certificate.reason == "gap"
    for c in (0, 2):
        alone = fit(LinearObjective(X, Y[:, c], losses.Huber(), 0.1 / u[c], sample_weight=w), "lbfgs")
        np.testing.assert_allclose(fitted.params[c], alone.params, atol=1e-4)
    np.testing.assert_allclose(fitted.params[1, :p], 0, atol=1e-4)
    for wrong, text in ((np.ones(2), r"shape \(3,\)"), (-np.ones(3), "finite and >= 0")):
        with pytest.raises(ValueError, match=text):
            LinearObjective(X, Y, losses.Huber(), output_weight=wrong)
    with pytest.raises(ValueError, match="output_weight is for pointwise"):
        LinearObjective(X, Y[:, 0], losses.Huber(), output_weight=np.ones(1))


def test_objectives_leave_rows_of_weight_zero_out():
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(200, 3)), rng.normal(size=200)
    kept = rng.uniform(size=200) < 0.8
    y[~kept] = np.nan
    squared = losses.HalfSquaredError()
    for loss, solver in ((losses.Huber(), "lbfgs"), (squared, "newton-cholesky"), (squared, "svd")):
        masked = fit(LinearObjective(X, y, loss, 0.1, sample_weight=kept), solver)
        short = fit(LinearObjective(X[kept], y[kept], loss, 0.1), solver)
        assert masked.certificate.converged
        np.testing.assert_allclose(masked.params, short.params, atol=1e-5)
