"""Cox's partial likelihood against its definition, differences and skglm."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from mpmath import mp

from fastopt import losses
from fastopt.losses import CoxPartialLikelihood, SurvivalTarget
from fastopt.reference.survival_losses import cox

TIES = ("efron", "breslow")
DTYPES = (np.float64, np.float32)


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(60):
        yield


def problem(seed, n, levels=6, strata=None, dtype=np.float64, scale=1.0):
    rng = np.random.default_rng(seed)
    y = np.column_stack([rng.integers(0, levels, n) * 0.5, rng.random(n) < 0.7]).astype(float)
    z = (rng.normal(size=n) * scale).astype(dtype)
    groups = None if strata is None else np.array(["a", "b", "c"])[rng.integers(0, strata, n)]
    return y, z, rng.uniform(0.2, 3.0, n), groups


def check(loss, y, z, weight=None, strata=None, rtol=1e-13):
    """Everything that the loss offers against the definition."""
    value, gradient, hessian = cox(y[:, 0], y[:, 1], z, weight, strata, loss.ties)
    exact = np.array([[float(a) for a in row] for row in hessian])
    g = np.array([float(a) for a in gradient])
    options = {"strata": strata, "reduction": "sum"}
    got = loss.value_gradient(y, z, weight, **options)
    atol = rtol * max(1.0, 0.0 if weight is None else weight.max()) * 8
    assert got[0] == pytest.approx(float(value), rel=1e-13, abs=1e-13)
    assert got[1].dtype == z.dtype
    np.testing.assert_allclose(got[1], g, rtol=rtol, atol=atol)
    slope, diagonal = loss.gradient_hessian(y, z, weight, **options)
    np.testing.assert_array_equal(slope, got[1])
    np.testing.assert_array_equal(loss.gradient(y, z, weight, **options), got[1])
    assert loss.value(y, z, weight, **options) == got[0]
    np.testing.assert_allclose(diagonal, np.diag(exact), rtol=rtol, atol=atol)
    direction = np.random.default_rng(5).normal(size=z.size).astype(z.dtype)
    product = loss.hessp(y, z, direction, weight, **options)
    np.testing.assert_allclose(product, exact @ direction.astype(float), rtol=rtol, atol=20 * atol)
    bound = CoxPartialLikelihood(loss.ties, "bound").gradient_hessian(y, z, weight, **options)[1].astype(float)
    w = np.ones(z.size) if weight is None else weight
    np.testing.assert_allclose(bound, g + w * y[:, 1], rtol=rtol, atol=atol)
    assert np.linalg.eigvalsh(np.diag(bound) - exact).min() > -atol * 10


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ties", TIES)
def test_definition(isa, ties, dtype):
    loss, rtol = CoxPartialLikelihood(ties), 1e-13 if dtype is np.float64 else 3e-7
    for seed, n, levels, strata in ((0, 1, 2, None), (1, 2, 1, None), (2, 17, 4, None), (3, 25, 6, 3), (4, 20, 200, 2)):
        y, z, weight, groups = problem(seed, n, levels, strata, dtype)
        check(loss, y, z, None, groups, rtol)
        weight[::5] = 0.0
        check(loss, y, z, weight, groups, rtol)


@pytest.mark.parametrize("ties", TIES)
def test_wide_logits(ties):
    """z over thousands: the risk sets' largest ones differ by more than an exponential holds."""
    for seed in range(4):
        for scale in (30.0, 400.0, 1e4):
            y, z, weight, groups = problem(seed, 14, 5, 2, scale=scale)
            with mp.workdps(40):
                check(CoxPartialLikelihood(ties), y, z, None, groups, 1e-12)
    # Increasing and decreasing along time: the reference changes in each group, and never.
    time = np.arange(12.0)
    y = np.column_stack([time, np.ones(12)])
    for z in (900 * time, -900 * time, np.where(time % 2, 900.0, -900.0) * time):
        check(CoxPartialLikelihood(ties), y, z, None, None, 1e-12)


@pytest.mark.parametrize("ties", TIES)
def test_one_large_logit_of_many(isa, ties):
    """Exponentials refer to the largest z, wherever it stands in and behind whole vectors of 16."""
    loss, n = CoxPartialLikelihood(ties), 37
    together, apart = np.ones((n, 2)), np.column_stack([np.arange(n), np.ones(n)])
    # At one time all sums over the risk set are e^1000, Efron's times (n - j) / n.
    shares = 0.0 if ties == "breslow" else np.log(np.arange(1, n + 1) / n).sum()
    for place in range(n):
        z = np.zeros(n)
        z[place] = 1000.0
        value, gradient = loss.value_gradient(together, z, reduction="sum")
        assert value == pytest.approx(1000 * (n - 1) + shares, rel=1e-14)
        np.testing.assert_allclose(gradient, np.where(z > 0, n, 0) - 1.0, rtol=1e-13)
        value, gradient = loss.value_gradient(apart, z, reduction="sum")
        assert value == pytest.approx(1000 * place + np.log(np.arange(1, n - place)).sum(), rel=1e-14)
        assert gradient[place] == pytest.approx(place, rel=1e-13, abs=1e-13)


def test_hessian_is_not_negative(isa):
    """Of a sample that is nearly alone at risk, the difference rounds to either side of 0."""
    for seed in range(200):
        y, z, _, _ = problem(seed, 12, scale=100.0)
        assert CoxPartialLikelihood().gradient_hessian(y, z)[1].min() >= 0, seed


@pytest.mark.parametrize(("dtype", "large"), [(np.float64, 1e300), (np.float32, 3e38)])
@pytest.mark.parametrize("ties", TIES)
def test_largest_logits(isa, ties, dtype, large):
    y = np.array([[1.0, 1], [1, 1], [2, 1], [3, 1], [4, 0]])
    z = np.array([0.0, large, -large, 0.0, large / 2], dtype=dtype)
    value, gradient = CoxPartialLikelihood(ties).value_gradient(y, z, reduction="sum")
    # log sums are large (Breslow: twice; Efron's second one has half of its own, so the same), large/2, large/2
    assert value == pytest.approx(float(dtype(large)) * (1 + 1.5 + 0.5), rel=1e-7 if dtype is np.float32 else 1e-14)
    np.testing.assert_allclose(gradient, [-1, 1, -1, -1, 2], atol=1e-12)
    for output in CoxPartialLikelihood(ties).gradient_hessian(y, z):
        assert np.isfinite(output).all()
    assert np.isfinite(CoxPartialLikelihood(ties).hessp(y, z, np.ones_like(z))).all()


@pytest.mark.parametrize("ties", TIES)
def test_differences(ties):
    loss = CoxPartialLikelihood(ties)
    y, z, weight, groups = problem(7, 60, 9, 2)
    target = SurvivalTarget(y[:, 0], y[:, 1], groups)
    rng = np.random.default_rng(0)
    gradient = loss.gradient(target, z, weight)
    for _ in range(3):
        v, h = rng.normal(size=60), 1e-3
        points = [z + s * h * v for s in (-2, -1, 1, 2)]
        f = [loss.value(target, p, weight) for p in points]
        assert gradient @ v == pytest.approx((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h), rel=1e-9)
        g = [loss.gradient(target, p, weight) for p in points]
        np.testing.assert_allclose(
            loss.hessp(target, z, v, weight), (g[0] - 8 * g[1] + 8 * g[2] - g[3]) / (12 * h), rtol=1e-8, atol=1e-11
        )


@pytest.mark.parametrize("ties", TIES)
def test_skglm(ties):
    skglm = pytest.importorskip("skglm.datafits")
    y, z, _, _ = problem(8, 300, 40)
    theirs = skglm.Cox(use_efron=ties == "efron")
    theirs.initialize(np.zeros((300, 1)), y)
    value, gradient = CoxPartialLikelihood(ties).value_gradient(y, z)
    assert value == pytest.approx(theirs.value(y, np.zeros(1), z), rel=1e-12)
    np.testing.assert_allclose(gradient, theirs.raw_grad(y, z), rtol=1e-10, atol=1e-15)
    bound = CoxPartialLikelihood(ties, "bound").gradient_hessian(y, z)[1]
    np.testing.assert_allclose(bound, theirs.raw_hessian(y, z), rtol=1e-10, atol=1e-15)
    # Theirs is inf and NaN where exponentials overflow.
    assert np.isfinite(CoxPartialLikelihood(ties).value(y, 1000 * z))


def test_invariance():
    y, z, weight, groups = problem(9, 40, 5, 3)
    for ties in TIES:
        loss = CoxPartialLikelihood(ties)
        value, gradient = loss.value_gradient(y, z, weight, strata=groups, reduction="sum")
        moved = z + np.select([groups == "a", groups == "b"], [3.0, -5.0], 0.25)
        again = loss.value_gradient(y, moved, weight, strata=groups, reduction="sum")
        assert again[0] == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(again[1], gradient, rtol=1e-11, atol=1e-13)
        for name in "abc":
            assert abs(gradient[groups == name].sum()) < 1e-12
        # A stratum is a problem of its own; a sample of weight 0 is not there.
        parts = [loss.value(y[groups == g], z[groups == g], weight[groups == g], reduction="sum") for g in "abc"]
        assert sum(parts) == pytest.approx(value, rel=1e-13)
        zero = np.where(np.arange(40) % 3 == 0, 0.0, weight)
        keep = zero > 0
        lost = np.where(keep, z, np.nan)
        got, slopes = loss.value_gradient(y, lost, zero, strata=groups)
        assert got == pytest.approx(loss.value(y[keep], z[keep], zero[keep], strata=groups[keep]), rel=1e-13)
        assert not slopes[~keep].any()
    counts = np.random.default_rng(0).integers(1, 4, 40)
    repeated = CoxPartialLikelihood("breslow").value(np.repeat(y, counts, 0), np.repeat(z, counts))
    assert CoxPartialLikelihood("breslow").value(y, z, counts) == pytest.approx(repeated, rel=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_outputs_targets(isa, dtype):
    n = 30_000
    y, z, weight, groups = problem(10, n, 2000, 2, dtype)
    loss = CoxPartialLikelihood()
    target = SurvivalTarget(y[:, 0], y[:, 1], groups)
    structured = np.empty(n, dtype=[("seen", bool), ("time", float)])
    structured["seen"], structured["time"] = y[:, 1], y[:, 0]
    value, gradient = loss.value_gradient(target, z, weight)
    product = loss.hessp(target, z, gradient, weight)
    for n_threads in (1, 2, 3):
        out = np.empty_like(z)
        for form, strata in ((target, None), (y, groups), (structured, groups)):
            got = loss.value_gradient(form, z, weight, strata=strata, n_threads=n_threads, gradient_out=out)
            assert got[0] == value and got[1] is out
            np.testing.assert_array_equal(out, gradient)
        np.testing.assert_array_equal(loss.hessp(target, z, gradient, weight, n_threads=n_threads), product)
    total = loss.value_gradient(target, z, weight, reduction="sum")
    assert total[0] == pytest.approx(value * weight.sum(), rel=1e-12)
    np.testing.assert_allclose(total[1] / weight.sum(), gradient, rtol=1e-6)
    wide = loss.value_gradient(target, z.astype(float), weight)
    assert wide[0] == value  # of the same numbers
    np.testing.assert_allclose(gradient, wide[1], rtol=1e-6)


def dense(y, z, weight, groups, efron):
    """Value, gradient and the Hessian's diagonal as sums over pairs of a few hundred times and all samples."""
    value, gradient, diagonal = 0.0, -weight * y[:, 1], np.zeros(z.size)
    for name in np.unique(groups):
        of = groups == name
        for t in np.unique(y[of & (y[:, 1] == 1) & (weight > 0), 0]):
            tied = of & (y[:, 0] == t) & (y[:, 1] == 1) & (weight > 0)
            risk = np.where(of & (y[:, 0] >= t), weight * np.exp(z), 0.0)
            m = int(tied.sum())
            for j in range(m if efron else 1):
                p = risk * np.where(tied, 1 - j / m, 1.0) if efron else risk
                c = weight[tied].mean() if efron else weight[tied].sum()
                value += c * np.log(p.sum())
                gradient = gradient + c * p / p.sum()
                diagonal += c * p / p.sum() * (1 - p / p.sum())
    return value - weight @ (y[:, 1] * z), gradient, diagonal


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("weighted", [False, True])
def test_many_blocks(isa, ties, weighted):
    """Times, strata and single times that are longer than a block, one of few samples; the reference rises within."""
    n = 9000
    y, z, weight, _ = problem(11, n, 40)
    rng = np.random.default_rng(1)
    groups = rng.choice([0, 1, 2], n, p=[0.01, 0.5, 0.49])
    y[groups == 2, 0] = np.where(rng.random((groups == 2).sum()) < 0.7, 3.0, y[groups == 2, 0])
    z += np.where(groups == 1, 3.0 * (20.0 - y[:, 0]), 0.0)
    weight = np.where(rng.random(n) < 0.1, 0.0, weight) if weighted else np.ones(n)
    value, gradient, diagonal = dense(y, z, weight, groups, ties == "efron")
    target, loss = SurvivalTarget(y[:, 0], y[:, 1], groups), CoxPartialLikelihood(ties)
    given = weight if weighted else None
    for n_threads in (1, 2, 3):
        got = loss.value_gradient(target, z, given, reduction="sum", n_threads=n_threads)
        assert got[0] == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(got[1], gradient, rtol=1e-10, atol=1e-11)
        slope, second = loss.gradient_hessian(target, z, given, reduction="sum", n_threads=n_threads)
        np.testing.assert_array_equal(slope, got[1])
        np.testing.assert_allclose(second, diagonal, rtol=1e-9, atol=1e-11)


def test_a_target_serves_calls_at_once():
    """Calls share the target's memory one after the other, never at the same time; copies have their own."""
    y, z, weight, groups = problem(12, 20_000, 3000, 2)
    target, loss = SurvivalTarget(y[:, 0], y[:, 1], groups), CoxPartialLikelihood()
    inputs = [(z * (k + 1), None if k % 2 else weight) for k in range(4)]
    alone = [loss.value_gradient(copy.deepcopy(target), *one) for one in inputs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda k: loss.value_gradient(target, *inputs[k % 4]), range(80)))
    for k, (value, gradient) in enumerate(together):
        assert value == alone[k % 4][0]
        np.testing.assert_array_equal(gradient, alone[k % 4][1])
    assert len(pickle.dumps(target)) < 1.2 * len(pickle.dumps(SurvivalTarget(y[:, 0], y[:, 1], groups)))


def test_ends():
    loss = CoxPartialLikelihood()
    assert loss.value(np.empty((0, 2)), np.empty(0), reduction="sum") == 0.0
    value, gradient = loss.value_gradient(np.array([[1.0, 0], [2, 0]]), np.array([1.0, 2.0]))
    assert value == 0.0 and not gradient.any()
    z = np.array([0.0, np.nan, 1.0])
    y = np.array([[1.0, 1], [2, 0], [3, 0]])
    assert np.isnan(loss.value(y, z)) and np.isnan(loss.gradient(y, z)).any()
    # A censored sample of hazard 0 is not there; an event of hazard 0 is impossible.
    assert loss.value(y, np.array([0.0, -np.inf, 0.0])) == pytest.approx(np.log(2) / 3)
    assert loss.value(y, np.array([-np.inf, 0.0, 0.0])) == np.inf


def test_names_and_parameters():
    loss = CoxPartialLikelihood("breslow", "bound")
    assert losses.get("cox_partial_likelihood", ties="breslow", hessian_kind="bound") == loss
    assert losses.get("Cox") == losses.get("CoxPartialLikelihood") == CoxPartialLikelihood()
    assert eval(repr(loss), vars(losses)) == loss == pickle.loads(pickle.dumps(loss)) == copy.deepcopy(loss)
    y, z, _, _ = problem(0, 5)
    target = SurvivalTarget(y[:, 0], y[:, 1])
    assert loss.value(pickle.loads(pickle.dumps(target)), z) == loss.value(target, z)


def test_errors():
    loss = CoxPartialLikelihood()
    y, z, weight, groups = problem(0, 5)
    target = SurvivalTarget(y[:, 0], y[:, 1])
    bad = y.copy()
    bad[2, 1] = 0.5
    late = y.copy()
    late[3, 0] = np.inf
    cases = [
        ((y[:, 0], z), {}, ValueError, "y_true must be a SurvivalTarget, an array of shape"),
        ((np.zeros(5, dtype=[("a", float), ("b", float)]), z), {}, ValueError, "must have one field of bool"),
        ((bad, z), {}, ValueError, "event must be 0 .* got 0.5 at index 2"),
        ((late, z), {}, ValueError, "time must be finite, got inf at index 3"),
        ((y, z[:4]), {}, ValueError, r"y_true has 5 samples and raw_prediction has shape \(4,\)"),
        ((y, z[:, None]), {}, ValueError, r"raw_prediction must have shape \(n,\), got shape \(5, 1\)"),
        ((y, z, -weight), {}, ValueError, "sample_weight must be finite and >= 0"),
        ((y, z, weight[:4]), {}, ValueError, r"sample_weight has shape \(4,\); it must have shape \(5,\)"),
        ((y, z, 0 * weight), {}, ValueError, "sample_weight sums to 0"),
        ((y, z), {"strata": np.zeros(4)}, ValueError, r"strata has shape \(4,\) and time has shape \(5,\)"),
        ((target, z), {"strata": np.zeros(5)}, ValueError, "this y_true is a SurvivalTarget"),
        ((y, z), {"reduction": "none"}, ValueError, "has no reduction='none'"),
        ((y, z), {"n_threads": 0}, ValueError, "n_threads must be"),
    ]
    for args, options, error, words in cases:
        with pytest.raises(error, match=words):
            loss.value(*args, **options)
    with pytest.raises(ValueError, match=r"direction has shape \(4,\); it must have shape \(5,\)"):
        loss.hessp(y, z, z[:4])
    with pytest.raises(ValueError, match="hessian_out shares memory with gradient_out"):
        out = np.empty(5)
        loss.gradient_hessian(y, z, gradient_out=out, hessian_out=out)
    with pytest.raises(ValueError, match="ties must be 'efron' or 'breslow', got 'exact'"):
        CoxPartialLikelihood("exact")
    with pytest.raises(ValueError, match="hessian_kind must be 'exact' or 'bound', got 'fisher'"):
        CoxPartialLikelihood(hessian_kind="fisher")
    with pytest.raises(TypeError, match="event must be an array of bool"):
        SurvivalTarget([1.0], ["yes"])
    with pytest.raises(ValueError, match=r"event has shape \(2,\) and time has shape \(1,\)"):
        SurvivalTarget([1.0], [True, False])
