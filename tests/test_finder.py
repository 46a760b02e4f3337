"""The learning-rate range test."""

import numpy as np
import pytest

import fastopt
from fastopt import schedules
from fastopt.optimizers import EMA, SAM, SGD, Accumulate, Adam, LearningRates, Lookahead, PolyakSGD, find_lr

RNG = np.random.default_rng(0)
X = RNG.standard_normal((256, 5))
Y = X @ RNG.standard_normal(5) + 0.1 * RNG.standard_normal(256)


def least_squares(w):
    def function(rows=slice(None)):
        r = X[rows] @ w - Y[rows]
        return 0.5 * float(np.mean(r**2)), X[rows].T @ r / len(r)

    return function


def test_finds_a_rate_that_trains():
    for recipe in (SGD(), SGD(momentum=0.9), Adam()):
        w = np.zeros(5)
        opt = recipe.bind(w)
        found = find_lr(opt, least_squares(w), low=1e-5, high=100.0, n_steps=150)
        assert found.stopped in ("diverged", "end") and found.rates[0] == 1e-5
        np.testing.assert_allclose(found.rates[1:] / found.rates[:-1], 1e7 ** (1 / 149), rtol=1e-12)
        assert 1e-4 < found.suggestion <= found.minimum < 10
        assert (w == 0).all() and opt.n_steps == 0 and opt.lr == recipe.lr
        before = least_squares(w)()[0]
        opt.lr = found.suggestion
        for _ in range(50):
            opt.step(least_squares(w)()[1])
        assert least_squares(w)()[0] < before / 5


def test_noise_of_batches_is_no_fall():
    X = np.random.default_rng(0).normal(size=(420, 5))
    y = X @ np.arange(1.0, 6.0) + np.random.default_rng(1).normal(size=420) * 4
    for seed in range(6):
        parts = np.array_split(np.random.default_rng(seed).permutation(420), 14)
        batches = [fastopt.LinearObjective(X, y, "half_squared_error", rows=part) for part in parts]
        w = np.zeros(6)
        found = find_lr(SGD(w), lambda batch: batch.value_gradient(w), batches, low=1e-5, high=10.0)
        assert 0.02 < found.suggestion < 0.5, seed


def test_smoothing():
    w = np.zeros(5)
    found = find_lr(SGD(w), least_squares(w), high=1e-3, n_steps=20, smoothing=0.8)
    assert (
        found.stopped == "end"
        and len(found.rates) == len(found.losses) == 20
        and found.rates[-1] == pytest.approx(1e-3)
    )
    weights = [[0.8 ** (i - j) for j in range(i + 1)] for i in range(20)]
    expected = [np.average(found.losses[: i + 1], weights=one) for i, one in enumerate(weights)]
    np.testing.assert_allclose(found.smoothed, expected, rtol=1e-12)


def test_state_options_and_schedules_are_as_before():
    plateau = schedules.ReduceOnPlateau(0.1)
    plateau.update(3.0)
    w = [np.zeros(5), np.ones(2)]
    makers = (
        lambda: Adam([{"params": [w[0]]}, {"params": [w[1]], "lr": schedules.Cosine(0.3, 10)}], lr=plateau),
        lambda: Lookahead(Adam(w, lr=plateau), k=2),
        lambda: EMA(Accumulate(SGD(w, lr=plateau, momentum=0.9), 2)),
    )
    for make in makers:
        opt = make()
        grouped = not hasattr(opt, "optimizer")
        grads = [np.ones(5), np.ones(2)]
        given = [[grads[0]], [grads[1]]] if grouped else grads
        for _ in range(3):
            opt.step(given)
        state, kept, params = opt.state_dict(), [a.copy() for a in w], opt.get_params(deep=False)
        find_lr(opt, lambda: (1.0, given), n_steps=7)  # noqa: B023
        assert all((v == opt.state_dict()[k]).all() or np.isnan(v).all() for k, v in state.items())
        assert set(state) == set(opt.state_dict()) and opt.get_params(deep=False) == params
        assert all((a == b).all() for a, b in zip(w, kept))
        if grouped:
            assert opt.param_groups[1]["lr"] == schedules.Cosine(0.3, 10) and opt.param_groups[0]["lr"] is plateau

        def fails():
            raise KeyError("data")

        with pytest.raises(KeyError):
            find_lr(opt, fails)
        assert set(state) == set(opt.state_dict()) and all((a == b).all() for a, b in zip(w, kept))


def test_batches():
    w = np.zeros(5)
    seen = []

    def function(rows):
        seen.append(rows.start)
        return least_squares(w)(rows)

    rows = [slice(i, i + 64) for i in range(0, 256, 64)]
    find_lr(SGD(w), function, rows, n_steps=10, high=1e-3)
    assert seen == [0, 64, 128, 192, 0, 64, 128, 192, 0, 64]
    found = find_lr(SGD(w), function, iter(rows), n_steps=10, high=1e-3)
    assert len(found.rates) == 4 and found.stopped == "end"
    with pytest.raises(ValueError, match="batches is empty"):
        find_lr(SGD(w), function, [])


def test_maximize():
    """The test of -loss, but for the sign of what is shown."""
    w = np.zeros(5)
    low = find_lr(SGD(w, momentum=0.9), least_squares(w), low=1e-5, high=100.0)
    rise = lambda: tuple(-x for x in least_squares(w)())
    high = find_lr(SGD(w, momentum=0.9, maximize=True), rise, low=1e-5, high=100.0)
    assert (high.suggestion, high.minimum, high.stopped) == (low.suggestion, low.minimum, "diverged")
    np.testing.assert_array_equal(high.smoothed, -low.smoothed)
    np.testing.assert_array_equal(high.losses, -low.losses)
    assert high.maximize and not low.maximize
    with pytest.raises(ValueError, match="some groups minimise and others maximise"):
        find_lr(SGD([{"params": np.zeros(5)}, {"params": w, "maximize": True}]), rise)


def test_sam_and_rules_that_need_the_loss():
    """SAM gets its second gradient from the function, of the same batch; the loss goes where it is needed."""
    w, rows = np.zeros(5), [slice(0, 128), slice(128, 256)]
    for make in (
        lambda: SAM(SGD(w), rho=1e-9),
        lambda: EMA(Lookahead(SAM(SGD(w), rho=1e-9), k=10**6)),
        lambda: SAM(Accumulate(SGD(w), 1), rho=1e-9),
    ):
        seen = []

        def function(batch):
            seen.append(batch.start)  # noqa: B023
            return least_squares(w)(batch)

        found = find_lr(make(), function, rows, low=1e-5, high=1.0, n_steps=30)
        plain = find_lr(SGD(w), least_squares(w), rows, low=1e-5, high=1.0, n_steps=30)
        np.testing.assert_allclose(found.losses, plain.losses, rtol=1e-6)
        assert seen == [0, 0, 128, 128] * 15 and (w == 0).all()
    for make in (lambda: PolyakSGD(w), lambda: SAM(PolyakSGD(w), rho=1e-9), lambda: EMA(PolyakSGD(w))):
        found = find_lr(make(), least_squares(w), low=1e-3, high=1e3)
        assert np.isfinite(found.suggestion) and (w == 0).all()


def test_not_finite():
    w = np.ones(1)
    losses = iter([1.0, 0.9, np.nan])
    found = find_lr(SGD(w), lambda: (next(losses), np.ones(1)))
    assert found.stopped == "not finite" and len(found.rates) == 2 and (w == 1).all()
    found = find_lr(SGD(w), lambda: (1.0, np.full(1, np.inf)))
    assert found.stopped == "not finite" and (w == 1).all()
    # A loss that never falls has no suggestion.
    rising = iter(np.linspace(1, 2, 100))
    assert np.isnan(find_lr(SGD(w), lambda: (next(rising), np.ones(1))).suggestion)


def test_plot():
    pytest.importorskip("matplotlib").use("Agg")
    w = np.zeros(5)
    found = find_lr(SGD(w), least_squares(w))
    ax = found.plot()
    assert ax.get_xscale() == "log" and len(ax.lines) == 3
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), found.smoothed)
    assert found.plot(axes=ax) is ax and "suggestion=" in repr(found) and isinstance(found, LearningRates)


def test_bad_input():
    w = np.zeros(5)
    f = least_squares(w)
    for call, error, message in (
        (lambda: find_lr(SGD(), f), ValueError, "is a recipe without parameters"),
        (lambda: find_lr("sgd", f), TypeError, "optimizer must be an Optimizer with parameters, got str"),
        (lambda: find_lr(SGD(w), 3), TypeError, "function must be a function"),
        (lambda: find_lr(SGD(w), f, low=0), ValueError, "low must be > 0"),
        (lambda: find_lr(SGD(w), f, low=1, high=0.1), ValueError, "high must be > low"),
        (lambda: find_lr(SGD(w), f, n_steps=2), ValueError, "n_steps must be >= 3"),
        (lambda: find_lr(SGD(w), f, smoothing=1.0), ValueError, "smoothing must be in"),
        (lambda: find_lr(SGD(w), f, divergence=1.0), ValueError, "divergence must be > 1"),
    ):
        with pytest.raises(error, match=message):
            call()
