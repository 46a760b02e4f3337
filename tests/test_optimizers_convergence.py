"""Convergence: every optimizer on a parabola, Rosenbrock's function and a logistic regression; averages, zeros, batches."""

import numpy as np
import pytest
from scipy.optimize import minimize

from fastopt import optimizers, schedules
from fastopt.optimizers import SGD, Adam, AdamW

O = optimizers


def falling(lr, gamma):
    return schedules.Exponential(lr, gamma)


# The parabola; and the logistic regression, where `LOGISTIC` has nothing else.
PARABOLA = [
    SGD(lr=0.1),
    SGD(lr=0.05, momentum=0.9),
    SGD(lr=0.05, momentum=0.9, nesterov=True),
    SGD(lr=0.05, momentum=0.9, like="keras"),
    Adam(lr=falling(0.3, 0.995)),
    Adam(lr=falling(0.3, 0.995), amsgrad=True, like="optax"),
    AdamW(lr=falling(0.3, 0.995), weight_decay=0, like="keras"),
    O.Adagrad(lr=1.0),
    O.Adadelta(lr=1.0),
    O.RMSprop(lr=falling(0.1, 0.99)),
    O.RMSprop(lr=falling(0.1, 0.99), centered=True, momentum=0.5, like="keras"),
    O.Adamax(lr=falling(0.3, 0.995)),
    O.NAdam(lr=falling(0.3, 0.995)),
    O.RAdam(lr=falling(0.3, 0.995)),
    O.AdaBelief(lr=falling(0.3, 0.995)),
    O.Yogi(lr=falling(0.3, 0.995)),
    O.Adan(lr=falling(0.3, 0.995)),
    O.Lion(lr=falling(0.1, 0.99)),
    O.Signum(lr=falling(0.1, 0.99)),
    O.Rprop(),
    O.FTRL(lr=1.0),
    O.ASGD(lr=0.1, lambd=0.0),
    O.ScheduleFreeSGD(lr=0.3),
    O.ScheduleFreeAdamW(lr=0.1),
    O.ScheduleFreeRAdam(lr=0.1),
    O.LAMB(lr=falling(0.1, 0.99)),
    O.Adafactor(lr=falling(0.3, 0.99)),
    O.Muon(lr=falling(0.3, 0.99), adam_weight_decay=0),
    O.Prodigy(),
    O.DoG(),
    O.PolyakSGD(max_lr=10.0),
    O.PolyakSGD(max_lr=10.0, c=0.5, growth=2.0),
    O.BarzilaiBorwein(),
    O.BarzilaiBorwein(variant="short"),
    O.BarzilaiBorwein(variant="alternate"),
    O.AdaptiveGD(),
    O.AdaptiveGD(variant="adgd2"),
]
ROSENBROCK = [
    SGD(lr=1e-3, momentum=0.9),
    Adam(lr=falling(0.02, 0.9995)),
    AdamW(lr=falling(0.02, 0.9995), weight_decay=0),
    O.Adagrad(lr=0.5),
    O.Adadelta(lr=falling(3.0, 0.9995)),
    O.RMSprop(lr=falling(0.02, 0.999)),
    O.Adamax(lr=0.02),
    O.NAdam(lr=falling(0.02, 0.9995)),
    O.RAdam(lr=schedules.Warmup(0.02, 100)),  # its first steps are plain ones
    O.AdaBelief(lr=falling(0.02, 0.9995)),
    O.Yogi(lr=0.02),
    O.Adan(lr=falling(0.02, 0.9995)),
    O.Lion(lr=falling(0.02, 0.999)),
    O.Signum(lr=falling(0.02, 0.999)),
    O.Rprop(),
    O.FTRL(lr=0.5),
    O.ASGD(lr=2e-3, lambd=0.0),
    O.ScheduleFreeSGD(lr=3e-3, warmup_steps=50, r=2.0),
    O.ScheduleFreeAdamW(lr=0.05, r=1.0),
    O.ScheduleFreeRAdam(lr=0.02),
    O.LAMB(lr=falling(0.02, 0.9995)),
    O.Adafactor(lr=falling(0.02, 0.9995)),
    O.Muon(lr=falling(0.02, 0.9995), adam_weight_decay=0),
    O.Prodigy(lr=falling(1.0, 0.9997)),  # at a constant rate it swings along the valley
    O.DoG(),
    O.PolyakSGD(max_lr=10.0),
    O.BarzilaiBorwein(max_lr=0.01),
    O.BarzilaiBorwein(variant="short"),
    O.AdaptiveGD(),
    O.AdaptiveGD(variant="adgd2"),
]
LOGISTIC = {
    O.Adagrad: O.Adagrad(lr=0.5),
    O.ASGD: O.ASGD(lr=1.0, lambd=0.0),
    O.ScheduleFreeSGD: O.ScheduleFreeSGD(lr=2.0),
    O.Prodigy: O.Prodigy(lr=falling(1.0, 0.997)),
}


def descend(recipe, start, value_gradient, steps):
    """The parameters after these steps; of the schedule-free rules those of evaluation."""
    w = np.array(start)
    optimizer = recipe.bind(w)
    for _ in range(steps):
        f, g = value_gradient(w)
        optimizer.step(g, value=f) if recipe._NEEDS_VALUE else optimizer.step(g)
    free = isinstance(recipe, (O.ScheduleFreeSGD, O.ScheduleFreeAdamW, O.ScheduleFreeRAdam))
    return optimizer.averages() if free else w


def logistic(x, y):
    def value_gradient(p):
        z = x @ p
        return np.mean(np.logaddexp(0, z) - y * z), x.T @ (1 / (1 + np.exp(-z)) - y) / len(y)

    return value_gradient


@pytest.mark.parametrize("recipes", [PARABOLA, ROSENBROCK])
def test_every_optimizer_is_here(recipes):
    assert {type(recipe) for recipe in recipes} == set(O.OPTIMIZERS.values())


@pytest.mark.parametrize("recipe", PARABOLA, ids=repr)
def test_parabola(recipe):
    scale = np.array([0.5, 1.0, 3.0])
    for sign in (1, -1):
        made = optimizers.get(recipe, maximize=sign < 0)
        parabola = lambda w, s=sign: (s * np.sum(scale * (w - 1) ** 2) / 2, s * scale * (w - 1))
        np.testing.assert_allclose(descend(made, [3.0, -2.0, 1.5], parabola, 3000), 1.0, atol=1e-5)


@pytest.mark.parametrize("recipe", ROSENBROCK, ids=repr)
def test_rosenbrock(recipe):
    def rosenbrock(w):
        x, y = w
        f = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        return f, np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    np.testing.assert_allclose(descend(recipe, [-1.2, 1.0], rosenbrock, 12_000), 1.0, atol=1e-2)


@pytest.mark.parametrize("recipe", PARABOLA, ids=repr)
def test_logistic_regression(recipe):
    rng = np.random.default_rng(14)
    x = rng.standard_normal((200, 5))
    y = (rng.random(200) < 1 / (1 + np.exp(-x @ [1.0, -2.0, 0.5, 0.0, 1.0]))).astype(float)
    value_gradient = logistic(x, y)
    best = minimize(value_gradient, np.zeros(5), jac=True, tol=1e-12)
    made = optimizers.get(recipe, f_min=best.fun) if recipe._NEEDS_VALUE else LOGISTIC.get(type(recipe), recipe)
    w = descend(made, np.full(5, 0.1), value_gradient, 2500)
    assert -1e-12 < value_gradient(w)[0] - best.fun < 1e-7


def test_mini_batches_of_a_logistic_regression():
    """With a falling rate they end at the full problem's minimum; parameters are a dict with a scalar."""
    rng = np.random.default_rng(14)
    x = np.column_stack([rng.standard_normal((400, 5)), np.ones(400)])
    y = (rng.random(400) < 1 / (1 + np.exp(-x @ [1.0, -2.0, 0.5, 0.0, 1.0, 0.3]))).astype(float)
    best = minimize(logistic(x, y), np.zeros(6), jac=True, tol=1e-12)
    params = {"coef": np.zeros(5), "intercept": np.zeros(())}
    optimizer = AdamW(params, lr=schedules.Step(0.05, 400, 0.2), weight_decay=0.0)
    for _ in range(2400):
        rows = rng.integers(0, 400, 100)
        g = logistic(x[rows], y[rows])(np.append(params["coef"], params["intercept"]))[1]
        optimizer.step({"coef": g[:5], "intercept": g[5]})
    excess = logistic(x, y)(np.append(params["coef"], params["intercept"]))[0] - best.fun
    assert -1e-12 < excess < 5e-5


@pytest.mark.parametrize(
    "recipe", [O.ScheduleFreeSGD(lr=0.3), O.ScheduleFreeAdamW(lr=0.1), O.ScheduleFreeRAdam(lr=0.1)], ids=repr
)
def test_averages_converge(recipe):
    """Without a falling rate, on noisy gradients; the structure is that of the parameters."""
    rng = np.random.default_rng(16)
    params = [{"params": {"a": np.full(3, 2.0), "b": np.zeros(())}}, {"params": [np.full((2, 2), -1.0)]}]
    optimizer = recipe.bind(params)
    assert (optimizer.averages()[0]["a"] == 2.0).all()
    for _ in range(4000):
        (first, second) = (group["params"] for group in optimizer.param_groups)
        noise = lambda w: np.asarray(w - 1.0 + rng.standard_normal(w.shape))
        optimizer.step([{k: noise(w) for k, w in first.items()}, [noise(w) for w in second]])
    first, second = optimizer.averages()
    assert set(first) == {"a", "b"} and first["b"].shape == () and second[0].shape == (2, 2)
    for x in (*first.values(), *second):
        assert np.abs(x - 1.0).max() < 0.1


def test_polyak_average():
    w = np.array([1.0])
    optimizer = O.ASGD(w, lr=0.25, lambd=0.0, t0=0)
    seen = []
    for _ in range(9):
        optimizer.step(w.copy())
        seen.append(w[0])
    np.testing.assert_allclose(optimizer.averages(), np.mean(seen[1:]), rtol=1e-14)


def test_ftrl_gives_zeros():
    rng = np.random.default_rng(17)
    w = np.zeros(20)
    truth = np.where(np.arange(20) < 3, 1.0, 0.0)
    optimizer = O.FTRL(w, lr=0.5, l1=40.0)
    for _ in range(2000):
        x = rng.standard_normal(20)
        optimizer.step(x * (x @ (w - truth)))
    assert (w[3:] == 0).all() and (w[:3] > 0.5).all()
    with pytest.raises(ValueError, match=r"lr must be > 0, got 0.0: FTRL divides by it \(step 0\)"):
        O.FTRL(np.ones(2), lr=schedules.Warmup(0.1, 3)).step(np.ones(2))
