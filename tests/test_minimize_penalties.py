"""`fastopt.minimize` with penalties, with the rules of `fastopt.optimizers`, and on batches."""

import math

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

import fastopt
from fastopt import minimize
from fastopt.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, RMSprop
from fastopt.penalties import L1, L2, Box, ElasticNet, NonNegative
from fastopt.schedules import Exponential, Polynomial, ReduceOnPlateau

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 30)) * np.linspace(0.3, 3, 30)
Y = X[:, :5] @ [2.0, -1.0, 0.5, 0.1, 1.0] + RNG.normal(size=80)
EXACT = ("owl-qn", "fista", "proximal-gradient", SGD(lr=0.05, momentum=0.8))
SEPARABLE = [
    L1(0.3),
    L1(0.3, weights=np.linspace(0, 1, 30)),
    L2(0.5),
    ElasticNet(0.4, 0.5),
    L1(0.2) + L2(0.3),
]
LIMITED = [L1(0.3) + NonNegative(), Box(-0.2, 0.7), ElasticNet(0.4, 0.5) + Box(-0.2, 0.7)]


def least_squares(w):
    r = X @ w - Y
    return 0.5 * float(r @ r) / 80, X.T @ r / 80


def test_penalties_are_minimised_exactly():
    for penalty in SEPARABLE + LIMITED:
        found = {}
        for method in EXACT:
            if method == "owl-qn" and penalty in LIMITED:
                with pytest.raises(ValueError, match="method 'owl-qn' takes L1, L2, ElasticNet and their sums"):
                    minimize(least_squares, np.zeros(30), jac=True, penalty=penalty, method=method)
                continue
            options = {"max_iter": 20000}
            result = minimize(
                least_squares, np.zeros(30), jac=True, penalty=penalty, method=method, tol=1e-8, options=options
            )
            assert result.reason == "gtol", (method, penalty, result.message)
            value, gradient = least_squares(result.x)
            # The optimality of a convex problem, by the penalty itself and by NumPy alone.
            assert result.optimality == penalty.subdifferential_distance(result.x, gradient).max() <= 1e-8
            assert result.fun == value + penalty.value(result.x) and np.array_equal(result.jac, gradient)
            found[str(method)] = result.x
        first, *others = found.values()
        for other in others:
            np.testing.assert_allclose(other, first, atol=1e-6)
            assert np.array_equal(other == 0, first == 0)


def test_lasso_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    for positive in (False, True):
        theirs = linear_model.Lasso(0.3, fit_intercept=False, tol=1e-12, max_iter=10**5, positive=positive).fit(X, Y)
        penalty = L1(0.3) + NonNegative() if positive else L1(0.3)
        ours = minimize(least_squares, np.zeros(30), jac=True, penalty=penalty, tol=1e-9)
        np.testing.assert_allclose(ours.x, theirs.coef_, atol=1e-7)
        assert np.array_equal(ours.x == 0, theirs.coef_ == 0)


def test_bounds_and_penalties_together():
    bounds = [(-0.2, 0.7)] * 30
    for method in ("auto", "fista", "proximal-gradient"):
        seen = []

        def fun(w):
            seen.append(w)
            return least_squares(w)

        ours = minimize(fun, np.ones(30), jac=True, penalty=L1(0.3), bounds=bounds, method=method, tol=1e-8)
        again = minimize(least_squares, np.ones(30), jac=True, penalty=L1(0.3) + Box(-0.2, 0.7), tol=1e-8)
        np.testing.assert_allclose(ours.x, again.x, atol=1e-6)
        assert all(w.min() >= -0.2 and w.max() <= 0.7 for w in seen)
        box = minimize(least_squares, np.ones(30), jac=True, bounds=bounds, method=method, tol=1e-8)
        assert box.success and box.x.min() >= -0.2 and box.x.max() <= 0.7
    with pytest.raises(ValueError, match="bounds are taken beside a penalty that can be added to a Box"):
        minimize(least_squares, np.ones(30), jac=True, penalty=Box(0, 1), bounds=bounds, method="fista")


def test_fun_is_not_called_outside_of_limits():
    for penalty, low, high in ((NonNegative(), 0.0, np.inf), (L1(0.1) + Box(-0.5, 0.6), -0.5, 0.6)):
        for sign in (1, -1):  # a wrong gradient is looked into

            def fun(w, low=low, high=high, sign=sign):
                assert w.min() >= low and w.max() <= high
                value, gradient = least_squares(w)
                return value, sign * gradient

            for method in ("fista", "proximal-gradient"):
                result = minimize(fun, np.full(30, 0.3), jac=True, penalty=penalty, method=method)
                assert result.success == (sign == 1), result.message


@pytest.mark.parametrize("method", EXACT[:3], ids=str)
def test_a_lasso_of_any_scale(method):
    calls = []
    for scale in (1.0, 1e-6, 1e-12, 1e6):
        result = minimize(
            lambda w, c=scale: tuple(c * v for v in least_squares(w)), np.zeros(30), jac=True, method=method,
            penalty=L1(0.3 * scale), tol=1e-5 * scale,
        )  # fmt: skip
        assert result.reason == "gtol"
        calls.append(result.nfev)
    assert max(calls) < 2 * calls[0]


def test_a_start_outside_of_the_limits_is_moved():
    for method in ("fista", "proximal-gradient", Adam(lr=0.1)):
        result = minimize(rosen, [5.0, -5.0], jac=rosen_der, penalty=Box(0.0, 2.0), method=method)
        assert np.isfinite(result.fun) and result.x.min() >= 0 and result.x.max() <= 2


def test_penalties_on_float32_differences_and_bad_regions():
    def fun(w):
        return least_squares(w.astype(float))[0]

    for method in EXACT[:3]:
        x0 = np.zeros(30, dtype=np.float32)
        result = minimize(fun, x0, jac=lambda w: least_squares(w)[1], penalty=L1(0.3), method=method, tol=1e-4)
        assert result.success and result.x.dtype == np.float32, result.message
        exact = minimize(least_squares, np.zeros(30), jac=True, penalty=L1(0.3), method=method, tol=1e-9)
        np.testing.assert_allclose(result.x, exact.x, atol=3e-3)
        result = minimize(fun, np.zeros(30), penalty=L1(0.3), method=method)
        assert result.success and result.njev == 0
        np.testing.assert_allclose(result.x, exact.x, atol=1e-3)

        def logs(w):  # minimum of w - log w + |w| / 2 at 2 / 3
            return (float((w - np.log(w)).sum()), 1 - 1 / w) if w.min() > 0 else (math.nan, w * math.nan)

        result = minimize(logs, [0.01, 30.0], jac=True, penalty=L1(0.5), method=method)
        assert result.success
        np.testing.assert_allclose(result.x, 2 / 3, atol=1e-4)
        result = minimize(rosen, [-1.2, 1.0], jac=lambda w: -rosen_der(w), penalty=L1(0.1), method=method)
        assert not result.success and "see fastopt.check_gradient" in result.message


def test_penalties_are_refused_by_name():
    for method in ("gd", "agd", "cg", "bfgs", "l-bfgs", "l-bfgs-b", "newton", "newton-cg", "trust-ncg", "lm"):
        with pytest.raises(ValueError, match=f"method '{method}' takes no penalty; use 'owl-qn', 'fista' or"):
            minimize(least_squares, np.zeros(30), jac=True, penalty=L1(), method=method)
    for name, cls in OPTIMIZERS.items():
        if name in ACCEPTED:
            assert not cls._NO_LENGTHS
            continue
        with pytest.raises(ValueError, match=f"after {cls.__name__} is not exact, .* no step lengths: .* 'owl-qn'"):
            minimize(least_squares, np.zeros(30), jac=True, penalty=L1() + Box(0, 1), method=name)
        limits = {"jac": True, "penalty": NonNegative() + Box(-1, 1), "method": name, "options": {"max_iter": 3}}
        if name in ("adadelta", "lion", "signum", "rprop"):
            with pytest.raises(ValueError, match="it takes Box and NonNegative. Use 'owl-qn'"):
                minimize(least_squares, np.zeros(30), jac=True, penalty=L1(), method=name)
            assert minimize(least_squares, np.zeros(30), **limits).x.min() >= 0
        else:
            with pytest.raises(ValueError, match=f"after {cls.__name__} is not exact"):
                minimize(least_squares, np.zeros(30), **limits)
    clipped = Adam(lr=0.1, clip_norm=0.5)
    with pytest.raises(ValueError, match=r"Adam\(clip_norm=...\) shortens the gradients .* leave clip_norm out"):
        minimize(least_squares, np.zeros(30), jac=True, penalty=L1(), method=clipped)
    limited = minimize(least_squares, np.zeros(30), jac=True, penalty=NonNegative(), method=clipped, tol=1e-6)
    assert limited.success and limited.x.min() == 0


# Rules that take every penalty, with a rate for the problem above.
FALLING = {"lr": Exponential(0.02, 0.999)}
ACCEPTED = {
    **dict.fromkeys(("adam", "nadam", "adabelief"), FALLING),
    "rmsprop": {"lr": Exponential(0.01, 0.999)},
    "radam": {"lr": 0.02},
    "adamw": {**FALLING, "weight_decay": 0.0},
    "sgd": {"lr": 0.05},
    "adagrad": {"lr": 0.5},
    "adamax": {"lr": 0.05},
    "yogi": {"lr": 0.05},
    "adan": {"lr": 0.02},
    "asgd": {"lr": 0.1, "lambd": 0.0},
    "dog": {},
    "polyaksgd": {"max_lr": 0.1},
    "barzilaiborwein": {"lr": 0.01},
    "adaptivegd": {"lr": 0.001},
}


@pytest.mark.parametrize("penalty", [L1(0.3), L2(0.5), LIMITED[0], LIMITED[2]], ids=repr)
@pytest.mark.parametrize("name", ACCEPTED)
def test_rules_reach_the_minimum_with_a_penalty(name, penalty):
    exact = minimize(least_squares, np.zeros(30), jac=True, penalty=penalty, method="proximal-gradient", tol=1e-9)
    loose = {"dog": 1e-3, "rmsprop": 1e-6, "radam": 1e-6}.get(name, 1e-7)
    for options in ({}, {"momentum": 0.8}, {"momentum": 0.8, "nesterov": True}, {"amsgrad": True}, {"centered": True}):
        if not set(options) <= set(OPTIMIZERS[name]().get_params()):
            continue
        if name == "rmsprop" and "nesterov" in options:
            options = {**options, "like": "optax"}
        result = minimize(
            least_squares, np.zeros(30), jac=True, penalty=penalty, method=OPTIMIZERS[name](**ACCEPTED[name], **options),
            tol=1e-8, options={"max_iter": 10_000},
        )  # fmt: skip
        np.testing.assert_allclose(result.x, exact.x, atol=loose, err_msg=str(options))
        assert np.array_equal(result.x == 0, exact.x == 0), options
        assert result.optimality <= 10 * loose


@pytest.mark.parametrize("rule", [SGD(lr=Exponential(0.02, 0.999), momentum=0.8, like="keras")] + [
    RMSprop(lr=Exponential(0.01, 0.999), momentum=0.8, like=like) for like in ("keras", "optax")
], ids=repr)  # fmt: skip
def test_velocities_that_hold_falling_rates_with_a_penalty(rule):
    exact = minimize(least_squares, np.zeros(30), jac=True, penalty=L1(0.3), method="proximal-gradient", tol=1e-9)
    result = minimize(least_squares, np.zeros(30), jac=True, penalty=L1(0.3), method=rule, tol=1e-8)
    assert result.reason == "gtol"
    np.testing.assert_allclose(result.x, exact.x, atol=1e-7)


def test_rules_with_a_penalty_in_float32_and_the_rate_of_an_array():
    x0 = np.zeros(30, np.float32)
    exact = minimize(least_squares, np.zeros(30), jac=True, penalty=L1(0.3), tol=1e-9)
    for rule in (Adam(lr=0.02), Adam(lr=0.01, lr_multiplier={0: 2.0}), Adagrad(lr=0.5)):
        result = minimize(
            lambda w: least_squares(w.astype(float)), x0, jac=True, penalty=L1(0.3), method=rule, tol=1e-5
        )
        assert result.success and result.x.dtype == np.float32
        np.testing.assert_allclose(result.x, exact.x, atol=1e-4)
        assert np.array_equal(result.x == 0, exact.x == 0)
    still = minimize(
        least_squares, np.ones(30), jac=True, penalty=L1(0.3), method=Adam(lr_multiplier={0: 0.0}),
        options={"max_iter": 3},
    )  # fmt: skip
    assert (still.x == 1).all()


@pytest.mark.parametrize("penalty", [L1(0.3), ElasticNet(0.4, 0.5) + Box(-0.4, 0.7)], ids=repr)
@pytest.mark.parametrize("name", ACCEPTED)
def test_batches_reach_the_minimum_with_a_penalty(name, penalty):
    """Of batches whose gradients at the minimum differ by less than what keeps zeros at 0; with a rate that falls.

    Rules that compare gradients get one batch.
    """
    rng = np.random.default_rng(2)
    scale = np.linspace(0.5, 2, 12)
    rows = [np.sqrt(24) * np.linalg.qr(rng.normal(size=(24, 12)))[0] * scale for _ in range(10)]
    targets = [x[:, ::3] @ [2.0, -1.5, 1.0, 0.6] + 0.1 * rng.normal(size=24) for x in rows]

    def fun(w, which):
        r = [rows[i] @ w - targets[i] for i in which]
        value, gradient = 0.5 * np.mean(np.square(r)), sum(rows[i].T @ one for i, one in zip(which, r)) / 24
        return float(value), gradient / len(which)

    exact = minimize(fun, np.zeros(12), (range(10),), jac=True, penalty=penalty, method="proximal-gradient", tol=1e-10)
    options = dict(ACCEPTED[name])
    one_batch = name in ("barzilaiborwein", "adaptivegd")
    if not one_batch:
        rate = {"sgd": 0.3, "asgd": 0.3, "adagrad": 1.0, "dog": 1.0, "polyaksgd": 1.0}.get(name, 0.05)
        options["lr"] = Polynomial(rate, total_iters=3000, power=2.0)
    result = minimize(
        fun, np.zeros(12), jac=True, method=OPTIMIZERS[name](**options), penalty=penalty,
        batches=lambda: [range(10)] if one_batch else rng.permutation(10)[:, None], options={"epochs": 300},
    )  # fmt: skip
    assert (exact.x == 0).sum() == 8
    np.testing.assert_allclose(result.x, exact.x, atol=5e-3)
    assert np.array_equal(result.x == 0, exact.x == 0)


def test_auto_takes_adam_for_batches_with_a_penalty():
    options = {"epochs": 3}
    arguments = {"jac": True, "penalty": L1(0.3) + NonNegative(), "options": options}
    auto = minimize(on_rows, np.zeros(30), batches=batches(), **arguments)
    adam = minimize(on_rows, np.zeros(30), batches=batches(), method="adam", **arguments)
    assert np.array_equal(auto.x, adam.x) and auto.x.min() == 0


# Rules

RATES = {"sgd": 0.02, "asgd": 0.02, "schedulefreesgd": 0.5, "adadelta": 30.0, "lion": 0.002, "signum": 0.002}
RATES |= {"dog": 1.0, "prodigy": 1.0, "polyaksgd": 1.0}


def test_rules_converge_on_a_parabola_and_on_rosenbrock():
    scale = np.array([1.0, 4.0, 10.0])
    for name in OPTIMIZERS:
        recipe = OPTIMIZERS[name](lr=RATES.get(name, 0.05))
        parabola = minimize(
            lambda x: (0.5 * float(scale @ (x - 1) ** 2), scale * (x - 1)), np.zeros(3), jac=True, method=recipe,
            options={"max_iter": 3000},
        )  # fmt: skip
        assert parabola.fun < 1e-2, (name, parabola)
        start = rosen(np.array([-1.2, 1.0]))
        valley = minimize(rosen, [-1.2, 1.0], jac=rosen_der, method=name, options={"max_iter": 300})
        assert valley.fun <= start and valley.fun == rosen(valley.x) and valley.nit <= 300, name


def test_a_rule_is_the_loop_of_its_optimizer():
    x = np.array([-1.2, 1.0])
    optimizer = Adam(x, lr=0.01)
    values = []
    for _ in range(50):
        optimizer.step(rosen_der(x))
        values.append(rosen(x))
    seen = []
    result = minimize(
        rosen, [-1.2, 1.0], jac=rosen_der, method=Adam(lr=0.01), options={"max_iter": 50},
        callback=lambda intermediate_result: seen.append(intermediate_result.fun),
    )  # fmt: skip
    assert seen == values and result.reason == "max_iter" and result.fun == min(values)
    assert minimize(rosen, [-1.2, 1.0], jac=rosen_der, method="adam").nit == 1000


def test_rules_keep_to_limits():
    for name in ("sgd", "adam", "rmsprop", "lion", "rprop"):
        recipe = OPTIMIZERS[name](lr=0.02)
        result = minimize(
            lambda x: (float(((x - 3) ** 2).sum()), 2 * (x - 3)), np.zeros(2), jac=True, method=recipe,
            penalty=Box([0.0, 0.0], [1.0, np.inf]), options={"max_iter": 3000},
        )  # fmt: skip
        np.testing.assert_allclose(result.x, [1, 3], atol=0.05, err_msg=name)
        assert result.x[0] == 1.0


def test_a_rule_that_diverges_starts_again_with_half_the_rate():
    result = minimize(lambda x: (float(x @ x), 2 * x), [1.0, 1.0], jac=True, method=SGD(lr=1e200))
    assert np.isfinite(result.fun) and result.fun <= 2.0
    result = minimize(rosen, [-1.2, 1.0], jac=rosen_der, method=SGD(lr=lambda step: 0.1), options={"max_iter": 3000})
    assert result.fun < 1.0 and "refused" in result.message
    result = minimize(rosen, [-1.2, 1.0], jac=lambda x: -rosen_der(x), method="adam", options={"max_iter": 100})
    assert not result.success and "see fastopt.check_gradient" in result.message


# Batches


def batches(size=8):
    rng = np.random.default_rng(1)

    def epoch():
        order = rng.permutation(80)
        for i in range(0, 80, size):
            yield order[i : i + size]

    return epoch


def on_rows(w, rows, scale=1.0):
    r = X[rows] @ w - Y[rows]
    return scale * 0.5 * float(r @ r) / len(rows), scale * X[rows].T @ r / len(rows)


def test_batches_reach_the_minimum():
    best = np.linalg.lstsq(X, Y, rcond=None)[0]
    for method, options in (
        (SGD(lr=0.02), {"average": "mean"}),
        (Adam(lr=0.02), {"average": 0.98}),
        (OPTIMIZERS["schedulefreeadamw"](lr=0.05), {}),
    ):
        result = minimize(
            on_rows, np.zeros(30), jac=True, method=method, batches=batches(), options={"epochs": 60, **options}
        )
        assert result.reason == "epochs" and result.success and result.nit == 60 and result.nfev == 600
        assert least_squares(result.x)[0] < 1.5 * least_squares(best)[0], method
    sparse = minimize(
        on_rows, np.zeros(30), jac=True, method=SGD(lr=0.01), batches=batches(), penalty=L1(0.3),
        options={"epochs": 60},
    )  # fmt: skip
    exact = minimize(least_squares, np.zeros(30), jac=True, penalty=L1(0.3), tol=1e-8)
    assert (sparse.x == 0).sum() >= 5 and least_squares(sparse.x)[0] + L1(0.3).value(sparse.x) < 1.05 * exact.fun


def test_batches_are_the_loop_of_the_optimizer():
    w, total = np.zeros(30), 0.0
    optimizer, epoch = SGD(w, lr=0.01), batches()
    for _ in range(2):
        values = []
        for rows in epoch():
            value, gradient = on_rows(w, rows, 2.0)
            optimizer.step(gradient)
            values.append(value)
        total = np.mean(values)
    seen = []
    result = minimize(
        lambda w, rows, s: on_rows(w, rows, s)[0], np.zeros(30), (2.0,), jac=lambda w, rows, s: on_rows(w, rows, s)[1],
        method=SGD(lr=0.01), batches=batches(), options={"epochs": 2}, callback=seen.append,
    )  # fmt: skip
    assert np.array_equal(result.x, w) and result.fun == pytest.approx(total, rel=1e-14) and len(seen) == 2


def test_batches_stop_and_report():
    def run(**kwargs):
        arguments = {"fun": on_rows, "jac": True, "method": SGD(lr=0.01), "batches": batches(), **kwargs}
        return minimize(x0=np.zeros(30), **arguments)

    assert run(options={"max_evals": 25}).reason == "max_evals"
    assert run(max_time=0.0).reason == "max_time"
    assert run(options={"f_target": 1e9}).reason == "f_target"
    assert run(options={"ftol": 0.5, "epochs": 50}).reason == "ftol"
    wild = run(method=SGD(lr=50.0), options={"epochs": 200})
    assert wild.reason == "no progress" and np.isfinite(wild.x).all()
    assert "rose from the first epoch" in run(method=SGD(lr=0.3), options={"epochs": 3}).message
    rate = ReduceOnPlateau(lr=0.02, patience=0, factor=0.5)
    assert run(method=SGD(lr=rate), options={"epochs": 30}).success and rate(0) == 0.02
    with pytest.raises(ValueError, match="batches\\(\\) gave no batch in epoch 2"):
        once = iter([np.arange(80)])
        run(batches=lambda: once)
    with pytest.raises(TypeError, match="batches\\(\\) must return an iterable of the batches of an epoch, got NoneType"):
        run(batches=lambda: None)
    first = run(jac=None, batches=lambda: [np.arange(8)], options={"max_evals": 1}, fun=lambda w, rows: on_rows(w, rows)[0])
    assert first.fun == on_rows(np.zeros(30), np.arange(8))[0] and first.nit == 0 and np.array_equal(first.x, np.zeros(30))
    assert first.reason == "max_evals" and "before the gradient at x0 was known" in first.message
    with pytest.raises(ValueError, match="tol judges a gradient"):
        run(tol=1e-3)
    with pytest.raises(ValueError, match="unknown option 'gtol' of method 'SGD' with batches"):
        run(options={"gtol": 1e-3})
    with pytest.raises(ValueError, match="method 'l-bfgs' takes no batches; the rules do"):
        run(method="l-bfgs")
    with pytest.raises(ValueError, match="ScheduleFreeSGD averages by itself"):
        run(method="schedulefreesgd", options={"average": "mean"})

    def holes(w, rows):
        return (math.nan, w) if 0 in rows else on_rows(w, rows)

    result = minimize(holes, np.zeros(30), jac=True, batches=batches(), options={"epochs": 3})
    assert result.success and "3 points without finite value" in result.message


def test_overflow_in_batches_and_schedules_is_treated_as_the_user_says():
    seen = []

    def see(value):
        seen.append(np.geterr()["over"])
        return value

    def epoch():
        for i in range(3):
            yield see(np.arange(i, i + 8))

    class Falling(ReduceOnPlateau):
        def update(self, metric):
            super().update(see(metric))

    with np.errstate(over="call"):
        minimize(on_rows, np.zeros(30), jac=True, batches=epoch, method=SGD(lr=lambda step: see(0.01)))
        assert len(seen) == 60
        minimize(on_rows, np.zeros(30), jac=True, batches=epoch, method=SGD(lr=Falling(lr=0.01)))
        assert len(seen) == 60 + 30 + 10
    assert set(seen) == {"call"}


def test_rules_are_checked():
    with pytest.raises(ValueError, match="minimize takes no SGD\\(maximize=True\\)"):
        minimize(rosen, [0.0, 0.0], method=SGD(maximize=True))
    with pytest.raises(ValueError, match="method must be an optimizer without parameters"):
        minimize(rosen, [0.0, 0.0], method=SGD(np.zeros(2)))
    with pytest.raises(ValueError, match=r"method 'adam' takes no bounds; a rule takes them as penalty=Box"):
        minimize(rosen, [0.0, 0.0], method="adam", bounds=[(0, 1)] * 2)
    with pytest.raises(ValueError, match=r"method 'adadelta' takes no bounds; a rule takes them as penalty=Box"):
        minimize(rosen, [0.0, 0.0], method="adadelta", bounds=[(0, 1)] * 2)
    for rule in ("ftrl", "lamb", "adafactor", "muon", "prodigy", "schedulefreesgd"):
        with pytest.raises(ValueError, match="takes no bounds; use 'l-bfgs-b', 'fista' or 'proximal-gradient'"):
            minimize(rosen, [0.0, 0.0], method=rule, bounds=[(0, 1)] * 2)
    assert fastopt.minimize(rosen, [0.0, 0.0], method=Adam, options={"max_iter": 5}).nit == 5
