"""Schedules against PyTorch's schedulers, and as parameters."""

import pickle

import numpy as np
import pytest

from fastopt import schedules
from fastopt.optimizers import SGD, Adam
from fastopt.reference import schedules as reference

EXAMPLES = {
    "constant": dict(lr=0.3),
    "linear": dict(lr=0.3, start_factor=0.2, end_factor=0.9, total_iters=13),
    "step": dict(lr=0.5, step_size=7, gamma=0.3),
    "multi_step": dict(lr=0.5, milestones=(5, 20, 21, 90), gamma=0.3),
    "piecewise_constant": dict(boundaries=(5, 20), values=(0.3, 0.2, 0.5)),
    "exponential": dict(lr=2.0, gamma=0.97),
    "inverse_time": dict(lr=0.5, decay_steps=10, decay_rate=0.7),
    "inverse_scaling": dict(lr=0.5, power_t=0.25),
    "polynomial": dict(lr=0.5, total_iters=150, power=1.5),
    "cosine": dict(lr=0.5, T_max=37, eta_min=0.01),
    "cosine_restarts": dict(lr=0.5, T_0=9, T_mult=2, eta_min=0.01),
    "one_cycle": dict(max_lr=0.5, total_steps=200),
    "cyclic": dict(base_lr=0.1, max_lr=0.5, step_size_up=10, step_size_down=17),
    "warmup": dict(schedule=schedules.Exponential(0.5, 0.9), warmup_steps=12, start_factor=0.1),
    "wsd": dict(lr=0.5, warmup_steps=10, stable_steps=30, decay_steps=50, end_factor=0.1),
    "noam": dict(d_model=64, warmup_steps=40),
    "optimal": dict(alpha=0.01),
    "pegasos": dict(alpha=0.2),
    "sequential": dict(schedules=[0.1, schedules.Exponential(0.5, 0.9), schedules.Step(0.1, 3)], milestones=[4, 9]),
    "product": dict(schedules=(schedules.Exponential(0.5, 0.9), 2, schedules.Step(1.0, 3))),
    "reduce_on_plateau": dict(lr=0.5, patience=2, cooldown=1),
}


@pytest.fixture(params=schedules.SCHEDULES)
def schedule(request):
    return schedules.get(request.param, **EXAMPLES[request.param])


def test_examples_cover_the_registry():
    assert set(EXAMPLES) == set(schedules.SCHEDULES)
    assert {cls.__name__ for cls in schedules.SCHEDULES.values()} | {"SCHEDULES", "Schedule", "get", "plot", "rates"} == set(
        schedules.__all__
    )


# Against PyTorch: our schedule, its scheduler, the first rate of its optimizer.
S = schedules
TORCH = {
    "constant": (S.Sequential([0.1 * 0.25, 0.1], [7]), lambda L, o: L.ConstantLR(o, 0.25, 7), 0.1),
    "linear": (S.Linear(0.3, 0.2, 0.9, 13), lambda L, o: L.LinearLR(o, 0.2, 0.9, 13), 0.3),
    "linear-default": (S.Linear(0.3), lambda L, o: L.LinearLR(o), 0.3),
    "step": (S.Step(0.5, 7, 0.3), lambda L, o: L.StepLR(o, 7, 0.3), 0.5),
    "multi_step": (S.MultiStep(0.5, (5, 20, 21, 90), 0.3), lambda L, o: L.MultiStepLR(o, [5, 20, 21, 90], 0.3), 0.5),
    "exponential": (S.Exponential(2.0, 0.97), lambda L, o: L.ExponentialLR(o, 0.97), 2.0),
    "polynomial": (S.Polynomial(0.5, 150, 1.5), lambda L, o: L.PolynomialLR(o, 150, 1.5), 0.5),
    "polynomial-default": (S.Polynomial(0.5), lambda L, o: L.PolynomialLR(o), 0.5),
    "cosine": (S.Cosine(0.5, 37, 0.01), lambda L, o: L.CosineAnnealingLR(o, 37, 0.01), 0.5),
    "cosine-once": (S.Cosine(0.5, 250), lambda L, o: L.CosineAnnealingLR(o, 250), 0.5),
    "restarts": (S.CosineRestarts(0.5, 9), lambda L, o: L.CosineAnnealingWarmRestarts(o, 9), 0.5),
    "restarts-3": (S.CosineRestarts(0.5, 4, 3, 0.1), lambda L, o: L.CosineAnnealingWarmRestarts(o, 4, 3, 0.1), 0.5),
    "one_cycle": (S.OneCycle(0.5, 200), lambda L, o: L.OneCycleLR(o, 0.5, 200), 9.0),
    "one_cycle-linear": (
        S.OneCycle(0.5, 201, 0.41, "linear", 10, 50),
        lambda L, o: L.OneCycleLR(
            o, 0.5, 201, pct_start=0.41, anneal_strategy="linear", div_factor=10, final_div_factor=50
        ),
        9.0,
    ),
    "one_cycle-three": (
        S.OneCycle(0.5, 203, 0.37, three_phase=True),
        lambda L, o: L.OneCycleLR(o, 0.5, 203, pct_start=0.37, three_phase=True),
        9.0,
    ),
    "one_cycle-late": (S.OneCycle(0.5, 200, 0.95), lambda L, o: L.OneCycleLR(o, 0.5, 200, pct_start=0.95), 9.0),
    "cyclic": (
        S.Cyclic(0.1, 0.5, 10, 17),
        lambda L, o: L.CyclicLR(o, 0.1, 0.5, 10, 17, cycle_momentum=False),
        9.0,
    ),
    "cyclic-2": (
        S.Cyclic(0.1, 0.5, 10, mode="triangular2"),
        lambda L, o: L.CyclicLR(o, 0.1, 0.5, 10, mode="triangular2", cycle_momentum=False),
        9.0,
    ),
    "cyclic-exp": (
        S.Cyclic(0.1, 0.5, 16, 8, "exp_range", 0.99),
        lambda L, o: L.CyclicLR(o, 0.1, 0.5, 16, 8, "exp_range", 0.99, cycle_momentum=False),
        9.0,
    ),
    "sequential": (
        S.Sequential([S.Linear(0.5, 0.1, 1.0, 20), S.Cosine(0.5, 90, 0.01), S.Exponential(0.5, 0.9)], [20, 110]),
        lambda L, o: L.SequentialLR(
            o, [L.LinearLR(o, 0.1, 1.0, 20), L.CosineAnnealingLR(o, 90, 0.01), L.ExponentialLR(o, 0.9)], [20, 110]
        ),
        0.5,
    ),
    "product": (
        S.Product([S.Linear(0.5, 0.1, 1.0, 20), S.Exponential(1.0, 0.97), S.Step(1.0, 31)]),
        lambda L, o: L.ChainedScheduler([L.LinearLR(o, 0.1, 1.0, 20), L.ExponentialLR(o, 0.97), L.StepLR(o, 31)]),
        0.5,
    ),
    "warmup": (
        S.Warmup(S.Exponential(0.5, 0.97), 20, 0.1, delay=False),
        lambda L, o: L.ChainedScheduler([L.LinearLR(o, 0.1, 1.0, 20), L.ExponentialLR(o, 0.97)]),
        0.5,
    ),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter")  # PyTorch's own call, within SequentialLR
@pytest.mark.parametrize("name", TORCH)
def test_as_torch(name):
    """200 steps, to 1e-12 of the largest rate: PyTorch multiplies its way there."""
    torch = pytest.importorskip("torch")
    f, make, lr = TORCH[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    got, want = [], []
    for step in range(200):
        got.append(f(step))
        want.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12 * max(want))


R = reference
FORMULAS = {
    "keras piecewise": (
        S.PiecewiseConstant((5, 20), (0.3, 0.2, 0.5)),
        lambda t: R.keras_piecewise_constant_decay(t, boundaries=(5, 20), values=(0.3, 0.2, 0.5)),
    ),
    "keras exponential": (
        S.Exponential(0.3, 0.5 ** (1 / 20)),
        lambda t: R.keras_exponential_decay(t, initial_learning_rate=0.3, decay_steps=20, decay_rate=0.5),
    ),
    "keras exponential stairs": (
        S.Step(0.3, 20, 0.5),
        lambda t: R.keras_exponential_decay(
            t, initial_learning_rate=0.3, decay_steps=20, decay_rate=0.5, staircase=True
        ),
    ),
    **{
        f"keras inverse time {stairs}": (
            S.InverseTime(0.3, 20, 0.7, stairs),
            lambda t, stairs=stairs: R.keras_inverse_time_decay(
                t, initial_learning_rate=0.3, decay_steps=20, decay_rate=0.7, staircase=stairs
            ),
        )
        for stairs in (False, True)
    },
    **{
        f"keras polynomial {cycle}": (
            S.Polynomial(0.3, 45, 2.5, 1e-4, cycle),
            lambda t, cycle=cycle: R.keras_polynomial_decay(
                t, initial_learning_rate=0.3, decay_steps=45, power=2.5, cycle=cycle
            ),
        )
        for cycle in (False, True)
    },
    "keras cosine": (
        S.Cosine(0.3, 60, 0.03, periodic=False),
        lambda t: R.keras_cosine_decay(t, initial_learning_rate=0.3, decay_steps=60, alpha=0.1),
    ),
    "keras cosine with warm-up": (
        S.Warmup(S.Cosine(0.4, 60, 0.04, periodic=False), 25, 0.1 / 0.4),
        lambda t: R.keras_cosine_decay(
            t, initial_learning_rate=0.1, decay_steps=60, alpha=0.1, warmup_target=0.4, warmup_steps=25
        ),
    ),
    "keras restarts": (
        S.CosineRestarts(0.3, 15, 2.0, 0.03, 0.8),
        lambda t: R.keras_cosine_decay_restarts(
            t, initial_learning_rate=0.3, first_decay_steps=15, m_mul=0.8, alpha=0.1
        ),
    ),
    "keras restarts, odd factor": (
        S.CosineRestarts(0.3, 15, 1.5),
        lambda t: R.keras_cosine_decay_restarts(t, initial_learning_rate=0.3, first_decay_steps=15, t_mul=1.5),
    ),
    "optax linear": (
        S.Linear(1.0, 0.5, 0.2, 30),
        lambda t: R.optax_linear_schedule(t, init_value=0.5, end_value=0.2, transition_steps=30),
    ),
    "optax cosine": (
        S.Cosine(0.3, 60, 0.03, 1.7, periodic=False),
        lambda t: R.optax_cosine_decay_schedule(t, init_value=0.3, decay_steps=60, alpha=0.1, exponent=1.7),
    ),
    "optax warm-up cosine": (
        S.Warmup(S.Cosine(0.4, 80, 0.04, periodic=False), 20, 0.05),
        lambda t: R.optax_warmup_cosine_decay_schedule(
            t, init_value=0.02, peak_value=0.4, warmup_steps=20, decay_steps=100, end_value=0.04
        ),
    ),
    "sklearn invscaling": (S.InverseScaling(0.3, 0.25), lambda t: R.sklearn_invscaling(t, eta0=0.3, power_t=0.25)),
    "sklearn optimal": (S.Optimal(0.003), lambda t: R.sklearn_optimal(t, alpha=0.003)),
    "pegasos": (S.Pegasos(0.2), lambda t: R.pegasos(t, lam=0.2)),
    "noam": (S.Noam(64, 40), lambda t: R.noam(t, d_model=64, warmup_steps=40)),
    **{
        f"wsd {shape}": (
            S.WSD(0.5, 10, 30, 50, 0.1, shape),
            lambda t, shape=shape: R.wsd(t, peak=0.5, warmup=10, stable=30, decay=50, floor=0.1, shape=shape),
        )
        for shape in ("1-sqrt", "linear", "cosine")
    },
}


@pytest.mark.parametrize("name", FORMULAS)
def test_reference(name):
    f, formula = FORMULAS[name]
    steps = range(200)
    np.testing.assert_allclose([f(t) for t in steps], [formula(t) for t in steps], rtol=1e-12, atol=1e-15)


def test_formulas():
    assert [schedules.Constant(0.3)(t) for t in (0, 5)] == [0.3, 0.3]
    f = schedules.Step(0.5, 7, 0.3)
    assert [f(t) for t in (0, 6, 7, 14)] == [0.5, 0.5, 0.5 * 0.3, 0.5 * 0.3**2]
    assert schedules.Step(1.0, 2)(2) == 0.1
    assert schedules.Exponential(2.0, 0.5)(3) == 0.25


def test_is_a_parameter(schedule):
    clone = pytest.importorskip("sklearn.base").clone
    for other in (pickle.loads(pickle.dumps(schedule)), clone(schedule), eval(repr(schedule), dict(vars(schedules)))):
        assert other == schedule and type(other) is type(schedule) and other(11) == schedule(11)
        assert other is not schedule and other.state_dict().keys() == schedule.state_dict().keys()
    for step in (0, 1, 7, 40, 1000, 10**9):
        assert isinstance(schedule(np.int64(step)), float) and 0 <= schedule(step) < np.inf
        assert schedule(np.int64(step)) == schedule(step)
    assert schedule != 1


# Another legal value of each parameter that has one, where it acts.
OTHERS = {
    **dict(lr=0.125, start_factor=0.5, end_factor=0.4, total_iters=50, step_size=3, gamma=0.5, milestones=(3, 4)),
    **dict(boundaries=(3, 4), values=(0.1, 0.2, 0.4), decay_steps=7, decay_rate=0.2, staircase=True, power_t=0.7),
    **dict(power=3.0, end_lr=0.1, cycle=True, T_max=11, eta_min=0.1, exponent=2.0, periodic=False, T_0=5, T_mult=3),
    **dict(m_mult=0.5, max_lr=0.25, total_steps=90, pct_start=0.5, anneal_strategy="linear", div_factor=5.0),
    **dict(final_div_factor=10.0, three_phase=True, base_lr=0.05, step_size_up=4, step_size_down=5, mode="triangular2"),
    **dict(schedule=schedules.Step(0.2, 4), warmup_steps=5, delay=False, stable_steps=3, decay="linear", d_model=9),
    **dict(alpha=0.5, t0=3.0, schedules=[0.3, 0.2, 0.1]),
}


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"reduce_on_plateau"}))
def test_every_parameter_has_an_effect(name):
    schedule = schedules.get(name, **EXAMPLES[name])
    start = [schedule(t) for t in range(200)]
    for parameter in schedule.get_params(deep=False):
        other = {parameter: OTHERS[parameter]}
        if name == "cyclic" and parameter == "gamma":
            other["mode"] = "exp_range"
        if name == "sequential" and parameter == "milestones":
            other["milestones"] = [3, 4]
        fresh = pickle.loads(pickle.dumps(schedule)).set_params(**other)
        assert fresh != schedule and getattr(fresh, parameter) == other[parameter]
        assert [fresh(t) for t in range(200)] != start, parameter


def test_nested_schedules():
    f = schedules.Warmup(schedules.Exponential(0.5, 0.9), 10)
    assert f.get_params()["schedule__gamma"] == 0.9 and "schedule__gamma" not in f.get_params(deep=False)
    inner = f.schedule
    f.set_params(schedule__gamma=0.5, warmup_steps=2)
    assert f == schedules.Warmup(schedules.Exponential(0.5, 0.5), 2) and inner.gamma == 0.9
    recipe = Adam(lr=f).set_params(lr__schedule__gamma=0.25)
    assert recipe.lr.schedule.gamma == 0.25 and f.schedule.gamma == 0.5


# The plateau


METRICS = np.concatenate([np.linspace(5, 3, 30), np.full(20, 3.0), 3 + np.sin(np.arange(150.0)), [np.nan, np.inf, 1.0]])
PLATEAUS = [
    {},
    dict(mode="max", factor=0.5, patience=3),
    dict(factor=0.5, patience=0, cooldown=4, threshold=0.1, threshold_mode="abs"),
    dict(mode="max", factor=0.7, patience=2, cooldown=2, threshold=0.05, threshold_mode="abs"),
    dict(factor=0.9, patience=1, min_lr=0.11, eps=1e-3),
    dict(factor=0.0, patience=40),
]


@pytest.mark.parametrize("options", PLATEAUS, ids=repr)
def test_plateau_as_torch(options):
    torch = pytest.importorskip("torch")
    f = schedules.ReduceOnPlateau(0.5, **options)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    seen = set()
    for step, metric in enumerate(METRICS):
        f.update(metric)
        scheduler.step(metric)
        assert f(step) == optimizer.param_groups[0]["lr"]
        seen.add(f(step))
    assert len(seen) > 1


def test_plateau_smoothing():
    f, plain = schedules.ReduceOnPlateau(0.5, patience=3, smoothing=0.8), schedules.ReduceOnPlateau(0.5, patience=3)
    mean = None
    for metric in METRICS:
        f.update(metric)
        if np.isfinite(metric):
            mean = metric if mean is None else 0.8 * mean + (1.0 - 0.8) * metric
            plain.update(mean)
        else:
            plain.update(np.nan)
        assert f(0) == plain(0)
    assert f(0) < 0.5


def test_plateau_resumes():
    f = schedules.ReduceOnPlateau(0.5, factor=0.5, patience=2, cooldown=3, smoothing=0.5)
    for metric in METRICS[:60]:
        f.update(metric)
    state = f.state_dict()
    assert all(isinstance(v, np.ndarray) and v.dtype == np.float64 for v in state.values())
    fresh = schedules.ReduceOnPlateau(0.5, factor=0.5, patience=2, cooldown=3, smoothing=0.5)
    assert fresh != f
    fresh.load_state_dict(state)
    others = [fresh, pickle.loads(pickle.dumps(f))]
    assert fresh == f == others[1]
    for metric in METRICS[60:]:
        for one in (f, *others):
            one.update(metric)
        assert f(0) == others[0](0) == others[1](0)
    assert f(0) < float(state["rate"])
    f.reset()
    assert f(0) == 0.5 and f == schedules.ReduceOnPlateau(0.5, factor=0.5, patience=2, cooldown=3, smoothing=0.5)


def test_plateau_in_an_optimizer(tmp_path):
    make = lambda: schedules.Warmup(schedules.ReduceOnPlateau(0.5, factor=0.5, patience=0), 2, 0.5)
    w, rate, own = [np.ones(3), np.ones(3)], make(), schedules.ReduceOnPlateau(0.25, factor=0.1, patience=0)
    optimizer = SGD([{"params": w[0]}, {"params": w[1], "lr": own}], lr=rate)
    for metric in (1.0, 1.0, 1.0):
        optimizer.step([np.ones(3), np.ones(3)])
        rate.schedule.update(metric)
        own.update(metric)
    np.testing.assert_allclose(w[0], 1 - 0.5 * 0.5 - 0.75 * 0.5 - 0.25)
    np.testing.assert_allclose(w[1], 1 - 0.25 - 0.25 - 0.025)
    assert optimizer.lr is rate and rate(5) == 0.125 and own(5) == pytest.approx(0.0025)
    np.savez(tmp_path / "state.npz", **optimizer.state_dict())
    state = np.load(tmp_path / "state.npz")
    assert {"lr.schedule.rate", "lr.schedule.best", "lr.1.rate"} <= set(state)
    again = [a.copy() for a in w]
    second = SGD(
        [{"params": again[0]}, {"params": again[1], "lr": schedules.ReduceOnPlateau(0.25, factor=0.1, patience=0)}],
        lr=make(),
    )
    bad = {**state, "lr.1.rate": np.array(-1.0)}
    with pytest.raises(ValueError, match="rate >= 0"):
        second.load_state_dict(bad)
    assert second.lr == make() and second.n_steps == 0
    second.load_state_dict(state)
    for one in (optimizer, second):
        one.step([np.ones(3), np.ones(3)])
    for a, b in zip(w, again):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="missing"):
        SGD(np.ones(3), lr=schedules.ReduceOnPlateau(0.1)).load_state_dict(SGD(np.ones(3)).state_dict())


def test_plateau_of_a_recipe_is_copied():
    recipe = SGD(lr=schedules.ReduceOnPlateau(0.5, factor=0.5, patience=0))
    w = np.ones(2)
    bound = recipe.bind(w)
    bound.lr.update(1.0)
    bound.lr.update(2.0)
    bound.step(np.ones(2))
    assert (w == 0.75).all() and recipe.lr(0) == 0.5


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
    (lambda: schedules.get("cosinus"), ValueError, "unknown schedule 'cosinus'; there are 'constant', 'linear'"),
    (lambda: S.Linear(0.1, total_iters=0), ValueError, "total_iters must be >= 1, got 0"),
    (lambda: S.Linear(0.1, start_factor=-1), ValueError, "start_factor must be finite and >= 0, got -1"),
    (lambda: S.MultiStep(0.1, (5, 5)), ValueError, r"milestones must increase, got \(5, 5\)"),
    (lambda: S.MultiStep(0.1, 5), TypeError, "milestones must be a tuple or list of integers, got 5"),
    (lambda: S.MultiStep(0.1, (0.5,)), TypeError, r"milestones\[0\] must be an integer, got float"),
    (lambda: S.PiecewiseConstant((1, 2), (0.1, 0.2)), ValueError, "values must be a tuple or list of 3 numbers"),
    (lambda: S.PiecewiseConstant((1,), (0.1, -0.2)), ValueError, r"values\[1\] must be finite and >= 0"),
    (lambda: S.InverseTime(0.1, staircase=1), TypeError, "staircase must be True or False, got 1"),
    (lambda: S.InverseScaling(0.1, power_t=-0.5), ValueError, "power_t must be finite and >= 0"),
    (lambda: S.Polynomial(0.1, power=0), ValueError, "power must be finite and > 0"),
    (lambda: S.Cosine(0.1, T_max=0), ValueError, "T_max must be >= 1"),
    (lambda: S.CosineRestarts(0.1, 3, T_mult=0.5), ValueError, "T_mult must be finite and >= 1, got 0.5"),
    (lambda: S.OneCycle(0.1, 10, pct_start=1.5), ValueError, r"pct_start must be in \[0, 1\], got 1.5"),
    (lambda: S.OneCycle(0.1, 10, 0.6, three_phase=True), ValueError, r"pct_start must be in \[0, 0.5\]"),
    (lambda: S.OneCycle(0.1, 10, anneal_strategy="sin"), ValueError, "must be one of 'cos', 'linear', got 'sin'"),
    (lambda: S.Cyclic(0.1, 0.2, mode="square"), ValueError, "mode must be one of 'triangular'"),
    (lambda: S.Cyclic(0.1, 0.2, gamma=0.5), ValueError, "gamma belongs to mode='exp_range'"),
    (lambda: S.Warmup("fast", 3), TypeError, "schedule must be a number, got str"),
    (lambda: S.Warmup(0.1, 3, start_factor=2), ValueError, r"start_factor must be in \[0, 1\], got 2"),
    (lambda: S.WSD(0.1, 1, 1, 0), ValueError, "decay_steps must be >= 1"),
    (lambda: S.WSD(0.1, 1, 1, 1, decay="exp"), ValueError, "decay must be one of '1-sqrt', 'linear', 'cosine'"),
    (lambda: S.Noam(0), ValueError, "d_model must be >= 1"),
    (lambda: S.Optimal(0.0), ValueError, "alpha must be finite and > 0"),
    (lambda: S.Pegasos(-1.0), ValueError, "alpha must be finite and > 0"),
    (lambda: S.Sequential([0.1, 0.2], []), ValueError, "milestones must be one less than schedules, got 0 and 2"),
    (lambda: S.Sequential([], []), TypeError, "schedules must be a tuple or list of schedules"),
    (lambda: S.Product([0.1, None]), TypeError, r"schedules\[1\] must be a number, got NoneType"),
    (lambda: S.Product(0.1), TypeError, "schedules must be a tuple or list of schedules, got 0.1"),
    (lambda: S.ReduceOnPlateau(0.1, factor=1.0), ValueError, r"factor must be in \[0, 1\), got 1.0"),
    (lambda: S.ReduceOnPlateau(0.1, mode="low"), ValueError, "mode must be one of 'min', 'max'"),
    (lambda: S.ReduceOnPlateau(0.1, patience=-1), ValueError, "patience must be >= 0"),
    (lambda: S.ReduceOnPlateau(0.1).load_state_dict({}), ValueError, "state must have the keys rate, best"),
    (lambda: S.ReduceOnPlateau(0.1).load_state_dict(3), TypeError, "state must be a mapping of arrays, got int"),
    (lambda: S.Warmup(S.ReduceOnPlateau(0.1), 3).load_state_dict({}), ValueError, "state must have the keys"),
    (lambda: schedules.get(3), TypeError, "a schedule is a name or a function"),
    (lambda: S.ReduceOnPlateau(0.1).update("0.5"), TypeError, "metric must be a number, got '0.5'"),
    (lambda: S.ReduceOnPlateau(0.1).update(None), TypeError, "metric must be a number, got NoneType"),
    (lambda: S.ReduceOnPlateau(0.1).update([0.5]), TypeError, "metric must be a number, got list"),
    (lambda: S.Warmup(lambda step: "x", 0)(3), TypeError, "the rate of <function .* at step 3 must be a number, got 'x'"),
    (lambda: schedules.rates(lambda step: None, 2), TypeError, "at step 0 must be a number, got NoneType"),
]


def test_rates_that_overflow():
    """They are infinite, which an optimizer refuses by name, or 0 where they divide; a rate of 0 stays."""
    for schedule in (
        S.Exponential(0.1, 10.0),
        S.Step(0.1, 1, gamma=10.0),
        S.MultiStep(0.1, tuple(range(1, 400)), gamma=10.0),
        S.CosineRestarts(0.1, 1, m_mult=10.0),
    ):
        assert schedule(300) == pytest.approx(1e299) and schedule(1000) == np.inf
        with pytest.raises(ValueError, match="the schedule gives lr = inf at step 0; it must be finite"):
            SGD(np.ones(2), lr=lambda step, schedule=schedule: schedule(1000)).step(np.ones(2))
    assert S.Exponential(0.0, 10.0)(1000) == 0.0
    assert S.Cyclic(0.1, 0.2, 1, 1, "exp_range", gamma=10.0)(1001) == np.inf
    assert S.Cyclic(0.1, 0.2, 1, 1, "exp_range", gamma=10.0)(1000) == 0.1
    assert S.InverseScaling(0.1, power_t=1000.0)(9) == 0.0


@pytest.mark.parametrize("make, error, message", ERRORS, ids=[m for _, _, m in ERRORS])
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_rates_and_plots():
    """Every schedule over arrays of steps, and drawn."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    some = {
        "cosine": schedules.Cosine(0.1, 50),
        "warm": schedules.Warmup(schedules.Exponential(0.1, 0.9), 10),
        "plateau": schedules.ReduceOnPlateau(0.3),
    }
    for name, parameters in EXAMPLES.items():
        f = schedules.get(name, **parameters)
        assert f.rates(60).tolist() == [f(t) for t in range(60)]
    for f in some.values():
        expected = [f(t) for t in range(60)]
        assert f.rates(60).tolist() == expected and f.rates(60).dtype == np.float64
        assert schedules.rates(f, np.array([[3, 7], [59, 0]])).tolist() == [[f(3), f(7)], [f(59), f(0)]]
        ax = f.plot(60)
        assert ax.lines[0].get_ydata().tolist() == expected and ax.lines[0].get_label() == repr(f)
        plt.close(ax.figure)
    ax = schedules.plot({**some, "number": 0.2, "function": lambda t: 0.01 * t}, 30)
    assert [line.get_label() for line in ax.lines] == [*some, "number", "function"]
    assert (ax.lines[3].get_ydata() == 0.2).all() and ax.lines[4].get_ydata()[29] == 0.29
    assert schedules.plot([some["warm"], some["cosine"]], 5, axes=ax) is ax and len(ax.lines) == 7
    plt.close(ax.figure)
    ax = schedules.plot([0.1 * i for i in range(12)], 3)
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 12
    plt.close(ax.figure)
    with pytest.raises(ValueError, match="schedules is empty"):
        schedules.plot({}, 10)
    assert schedules.rates(0.5, 0).shape == (0,) and schedules.rates(0.5, []).shape == (0,)
    for call, error, message in (
        (lambda: schedules.rates(0.5, -1), ValueError, "steps must be >= 0, got -1"),
        (lambda: schedules.rates(0.5, [1.5]), TypeError, "steps must be a number of steps or integers"),
        (lambda: schedules.rates(0.5, [-1]), ValueError, "steps must be >= 0"),
        (lambda: schedules.plot(some["warm"], 0), ValueError, "n_steps must be >= 1"),
        (lambda: schedules.plot({"x": "y"}, 5), TypeError, "must be a number"),
    ):
        with pytest.raises(error, match=message):
            call()
