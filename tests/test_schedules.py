"""Schedules against PyTorch's schedulers, and as parameters."""

import pickle

import numpy as np
import pytest

from fastopt import schedules
from fastopt.optimizers import SGD, Adam

EXAMPLES = {
    "constant": dict(lr=0.3),
    "step": dict(lr=0.5, step_size=7, gamma=0.3),
    "exponential": dict(lr=2.0, gamma=0.97),
}


@pytest.fixture(params=schedules.SCHEDULES)
def schedule(request):
    return schedules.get(request.param, **EXAMPLES[request.param])


def test_examples_cover_the_registry():
    assert set(EXAMPLES) == set(schedules.SCHEDULES)


@pytest.mark.parametrize("name", ["step", "exponential"])
def test_as_torch(name):
    torch = pytest.importorskip("torch")
    f = schedules.get(name, **EXAMPLES[name])
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=EXAMPLES[name]["lr"])
    kwargs = {k: v for k, v in EXAMPLES[name].items() if k != "lr"}
    make = {"step": torch.optim.lr_scheduler.StepLR, "exponential": torch.optim.lr_scheduler.ExponentialLR}[name]
    scheduler = make(optimizer, **kwargs)
    for step in range(60):
        assert f(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-13)
        optimizer.step()
        scheduler.step()


def test_formulas():
    assert [schedules.Constant(0.3)(t) for t in (0, 5)] == [0.3, 0.3]
    f = schedules.Step(0.5, 7, 0.3)
    assert [f(t) for t in (0, 6, 7, 14)] == [0.5, 0.5, 0.5 * 0.3, 0.5 * 0.3**2]
    assert schedules.Step(1.0, 2)(2) == 0.1
    assert schedules.Exponential(2.0, 0.5)(3) == 0.25


def test_is_a_parameter(schedule):
    clone = pytest.importorskip("sklearn.base").clone
    for other in (pickle.loads(pickle.dumps(schedule)), clone(schedule), eval(repr(schedule), vars(schedules))):
        assert other == schedule and type(other) is type(schedule) and other(11) == schedule(11)
    assert isinstance(schedule(np.int64(3)), float)
    other = clone(schedule).set_params(lr=0.125)
    assert other != schedule and other.lr == 0.125 and other(0) == 0.125
    assert schedule != 1


def test_step_counts_from_zero():
    seen = []

    def f(step):
        seen.append(step)
        return 0.1

    w = np.ones(3)
    optimizer = SGD(w, lr=f)
    for _ in range(3):
        optimizer.step(w.copy())
    assert seen == [0, 1, 2]


def test_nested_parameters():
    recipe = Adam(lr=schedules.Exponential(0.1, 0.9))
    assert recipe.get_params()["lr__gamma"] == 0.9
    recipe.set_params(lr__gamma=0.5)
    assert recipe.lr == schedules.Exponential(0.1, 0.5)
    with pytest.raises(ValueError, match="lr__nothing|has no parameter|nothing"):
        Adam(lr=0.1).set_params(lr__nothing=1)


def test_get():
    f = schedules.Constant(0.1)
    assert schedules.get(f) is f
    assert schedules.get("StepLR", lr=0.1, step_size=3) == schedules.Step(0.1, 3)
    assert schedules.get("ExponentialLR", lr=0.1, gamma=0.9) == schedules.Exponential(0.1, 0.9)


ERRORS = [
    (lambda: schedules.Constant(-1.0), ValueError, "lr must be finite and >= 0, got -1.0"),
    (lambda: schedules.Constant("fast"), TypeError, "lr must be a number, got str"),
    (lambda: schedules.Constant(float("nan")), ValueError, "finite"),
    (lambda: schedules.Step(0.1, 0), ValueError, "step_size must be >= 1, got 0"),
    (lambda: schedules.Step(0.1, 2.5), TypeError, "step_size must be an integer, got float"),
    (lambda: schedules.Step(0.1, 2, gamma=0.0), ValueError, "gamma must be finite and > 0"),
    (lambda: schedules.Exponential(0.1, float("inf")), ValueError, "gamma must be finite"),
    (lambda: schedules.Exponential(0.1, True), TypeError, "gamma must be a number, got bool"),
    (lambda: schedules.Exponential(0.1, 0.9).set_params(step_size=1), ValueError, "no parameter 'step_size'"),
    (lambda: schedules.get("cosine"), ValueError, "unknown schedule 'cosine'; there are 'constant', 'step'"),
    (lambda: schedules.get(3), TypeError, "a schedule is a name or a function"),
]


@pytest.mark.parametrize("make, error, message", ERRORS, ids=[m for _, _, m in ERRORS])
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
