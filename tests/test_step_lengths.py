"""Step lengths of the optimizers: the reference, what they mean, structures, state, refusals; steps with a penalty."""

import copy
import pickle

import numpy as np
import pytest
from rules import BRIEF, GRID, LACKS, fair, gradients, settings

import fastopt
from fastopt import _kernels, schedules
from fastopt.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, DoG, NAdam, RMSprop
from fastopt.penalties import L1, L2, Box, ElasticNet, NonNegative, prox_step
from fastopt.reference import optimizers as reference
from fastopt.reference.lengths import LENGTHS

REFUSED = {
    "adadelta": "average of squared steps before the step",
    **dict.fromkeys(("lion", "signum", "rprop"), "it steps by signs"),
    "ftrl": "it has l1 and l2 of its own",
    **dict.fromkeys(("lamb", "adafactor"), "norms of the parameters and of the step"),
    "muon": "it makes matrices orthogonal",
    "prodigy": "times an estimate that grows",
    **dict.fromkeys(("schedulefreesgd", "schedulefreeadamw", "schedulefreeradam"), "from one point with the gradient"),
}
MEASURED = {"dog": {}, "polyaksgd": {}, "barzilaiborwein": {"lr": 0.01}, "adaptivegd": {"lr": 0.01}}
EACH = [(name, options) for name, options, _ in BRIEF if name not in REFUSED] + list(MEASURED.items())
each = pytest.mark.parametrize("name, options", EACH, ids=[f"{n}-{i}" for i, (n, _) in enumerate(EACH)])


def test_every_rule_has_lengths_or_a_reason():
    assert {name for name, _ in LENGTHS} | set(MEASURED) | set(REFUSED) == set(OPTIMIZERS)
    for name, cls in OPTIMIZERS.items():
        assert set(cls._LIKE) == {like for n, like in LENGTHS if n == name} or name in {*MEASURED, *REFUSED}
        assert bool(cls._NO_LENGTHS) == (name in REFUSED)
        if name in REFUSED:
            opt = cls(np.ones((3, 2)))
            opt.step(np.ones((3, 2)))
            with pytest.raises(ValueError, match=f"{cls.__name__} has no step lengths: .*{REFUSED[name]}"):
                opt.step_lengths()
    rules = {rule for name, _, rule in BRIEF if name not in REFUSED} - {"sgd", "momentum", "nesterov", "asgd"}
    for dtype in (np.float32, np.float64):
        assert set(_kernels.table.updates[np.dtype(dtype)].with_lengths()) == rules


@pytest.mark.parametrize("name, like", LENGTHS, ids=map("-".join, LENGTHS))
def test_reference(name, like):
    """Every legal setting of every convention, after several steps, in both dtypes."""
    rng = np.random.default_rng(0)
    problem = rng.standard_normal(33), gradients(rng, (33,), 14)
    fixed = reference.RULES[name, like][1]
    defaults = OPTIMIZERS[name](like=like).get_params()
    takes = set(GRID[name]) - LACKS.get((name, like), set())
    for o in settings(name, like):
        start, grads = fair(o, *problem)
        o = {k: v for k, v in o.items() if k not in fixed}
        for dtype, close in ((np.float64, 1e-12), (np.float32, 2e-5)):
            w = start.astype(dtype)
            optimizer = OPTIMIZERS[name](w, **o, like=like)
            for t, g in enumerate(grads, 1):
                optimizer.step(g.astype(dtype))
                if t not in (1, 2, 7, 14):
                    continue
                d = optimizer.step_lengths()
                state = {}
                reference.run(name, like, start, grads[:t], state, **o)
                rates = [o["lr"](k) if callable(o["lr"]) else o["lr"] for k in range(t)]
                given = {k: v for k, v in {**defaults, **o, "lr": rates[-1]}.items() if k in takes}
                expected = LENGTHS[name, like](state, t, rates=rates, **given)
                if np.ndim(expected):
                    assert d.dtype == dtype and d.shape == w.shape
                else:
                    assert type(d) is float
                np.testing.assert_allclose(d, expected, rtol=close, err_msg=str((o, t)))


@each
def test_first_step_is_lengths_times_gradient(name, options, isa):
    """With momentum as without: bias corrections are in the lengths. Yogi's average begins at another number than 0."""
    rng = np.random.default_rng(1)
    for dtype, close in ((np.float64, 1e-12), (np.float32, 3e-6)):
        w, g = (rng.standard_normal(1003).astype(dtype) for _ in range(2))
        before = w.copy()
        o = {**options, **({"weight_decay": 0} if "weight_decay" in OPTIMIZERS[name]().get_params() else {})}
        o |= {"yogi": {"initial_accumulator_value": 0}, "asgd": {"lambd": 0}}.get(name, {})
        opt = OPTIMIZERS[name](w, **o)
        opt.step(g, **({"value": 2.0} if name == "polyaksgd" else {}))
        np.testing.assert_allclose(before - opt.step_lengths() * g, w, rtol=close, atol=close)


@pytest.mark.parametrize(
    "name, options",
    [
        ("sgd", {"lr": 0.1}),
        ("asgd", {"lr": 0.1, "lambd": 0.0}),
        ("adam", {"lr": 0.1, "betas": (0.0, 0.9)}),
        ("adam", {"lr": 0.1, "betas": (0.0, 0.9), "amsgrad": True}),
        ("adamax", {"lr": 0.1, "betas": (0.0, 0.9)}),
        ("radam", {"lr": 0.1, "betas": (0.0, 0.9)}),
        ("yogi", {"lr": 0.1, "betas": (0.0, 0.9)}),
        ("adagrad", {"lr": 0.1, "lr_decay": 0.1}),
        ("rmsprop", {"lr": 0.1}),
        ("rmsprop", {"lr": 0.1, "centered": True}),
        *MEASURED.items(),
    ],
)
def test_steps_without_momentum_are_lengths_times_gradients(name, options):
    rng = np.random.default_rng(2)
    w = rng.standard_normal(50)
    scale = np.linspace(0.5, 3, 50)
    opt = OPTIMIZERS[name](w, **options)
    for _ in range(12):
        before, g = w.copy(), scale * w
        opt.step(g, **({"value": 0.5 * float(w @ g)} if name == "polyaksgd" else {}))
        np.testing.assert_allclose(before - opt.step_lengths() * g, w, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "name, options",
    [
        ("sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
        ("sgd", {"lr": 0.1, "momentum": 1.0}),
        ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "like": "keras"}),
        *[(name, {"lr": 0.1}) for name in ("adam", "adamax", "nadam", "radam", "adabelief", "adan")],
    ],
)
def test_steady_gradients_step_by_their_lengths(name, options):
    """The weights of the average add up to 1 from the first step on."""
    g = np.array([1e-3, -1.0, 50.0])
    w = np.zeros(3)
    opt = OPTIMIZERS[name](w, **options)
    for _ in range(30):
        before = w.copy()
        opt.step(g)
        np.testing.assert_allclose(before - opt.step_lengths() * g, w, rtol=1e-9)


def test_velocities_settle_at_the_geometric_sum():
    w = np.zeros(3)
    opt = SGD(w, lr=0.1, momentum=0.9, dampening=0.5)
    for _ in range(500):
        opt.step(np.ones(3))
    assert opt.step_lengths() == pytest.approx(0.1 * 0.5 / 0.1)
    plain, heavy = RMSprop(w, lr=0.1), RMSprop(np.zeros(3), lr=0.1, momentum=0.8)
    for _ in range(300):
        plain.step(np.ones(3))
        heavy.step(np.ones(3))
    np.testing.assert_allclose(heavy.step_lengths(), plain.step_lengths() / 0.2)


@each
def test_bits(name, options, isa):
    """The same for any number of threads and any cut into arrays; the step's own bits do not change."""
    rng = np.random.default_rng(3)
    n = 20_011
    for dtype in (np.float32, np.float64):
        start, grads = rng.standard_normal(n).astype(dtype), gradients(rng, (n,), 3, dtype)
        value = {"value": 1.0} if name == "polyaksgd" else {}
        found = []
        for n_threads in (1, 3):
            w = start.copy()
            opt = OPTIMIZERS[name](w, n_threads=n_threads, **options)
            for g in grads:
                opt.step(g, **value)
                d = opt.step_lengths()
            found.append((w, d))
        silent = start.copy()
        opt = OPTIMIZERS[name](silent, **options)
        for g in grads:
            opt.step(g, **value)
        for w, d in found:
            assert np.array_equal(w, silent) and np.array_equal(d, found[0][1])
        if name not in MEASURED:
            cuts = [0, 1, 4, 300, 13_201, n]
            parts = [start[a:b].copy() for a, b in zip(cuts, cuts[1:])]
            opt = OPTIMIZERS[name](parts, n_threads=2, **options)
            for g in grads:
                opt.step([g[a:b] for a, b in zip(cuts, cuts[1:])])
            whole = np.concatenate([np.broadcast_to(d, p.shape) for d, p in zip(opt.step_lengths(), parts)])
            assert np.array_equal(whole, np.broadcast_to(found[0][1], n))


@pytest.mark.parametrize("way", ["state_dict", "pickle", "deepcopy"])
@each
def test_resume(name, options, way):
    rng = np.random.default_rng(4)
    w = {"w": rng.standard_normal((5, 3)), "b": rng.standard_normal(3).astype(np.float32)}
    if name not in ("barzilaiborwein", "adaptivegd"):
        options = {**options, "lr": schedules.Exponential(0.1, 0.7)}
    opt = OPTIMIZERS[name](w, **options)
    value = {"value": 1.0} if name == "polyaksgd" else {}
    for _ in range(4):
        opt.step({k: rng.standard_normal(a.shape).astype(a.dtype) for k, a in w.items()}, **value)
    if way == "state_dict":
        other = OPTIMIZERS[name]({k: a.copy() for k, a in w.items()}, **options)
        other.load_state_dict(opt.state_dict())
    else:
        other = pickle.loads(pickle.dumps(opt)) if way == "pickle" else copy.deepcopy(opt)
    first, second = opt.step_lengths(), other.step_lengths()
    for key in w:
        assert np.array_equal(first[key], second[key]) and np.all(np.asarray(first[key]) > 0)


def test_structures_groups_and_multipliers():
    a, b, c = np.ones((3, 2)), np.ones(3, np.float32), np.array(2.0)
    for params, names in (([a, b, c], range(3)), ({"a": a, "b": b, "c": c}, "abc")):
        opt = Adam(params, lr=0.1)
        grads = {name: 2 * array for name, array in zip(names, (a, b, c))}
        opt.step(grads if isinstance(params, dict) else list(grads.values()))
        d = opt.step_lengths()
        assert type(d) is type(params)
        for name, array in zip(names, (a, b, c)):
            assert d[name].shape == array.shape and d[name].dtype == array.dtype
    one = np.ones(3)
    opt = Adam(one, lr=0.1)
    opt.step(one.copy())
    assert opt.step_lengths().shape == (3,)

    w = [np.ones(2), np.ones(2)]
    opt = Adam([{"params": w[0], "lr": 0.5}, {"params": [w[1]], "betas": (0.5, 0.9)}], lr=0.1)
    opt.step([np.full(2, 2.0), [np.full(2, 4.0)]])
    first, (second,) = opt.step_lengths()
    np.testing.assert_allclose(first, 0.25)
    np.testing.assert_allclose(second, 0.025)
    opt.add_param_group({"params": np.ones(4)})
    assert opt.step_lengths()[2] == 0.0  # no step has reached it

    w = {"kernel": np.ones(2), "bias": np.ones(2), "frozen": np.ones(2)}
    multipliers = {"bias": 3.0, "frozen": 0.0}
    adam = Adam(w, lr=0.1, lr_multiplier=multipliers, weight_decay=0.5, weight_decay_exclude=["bias"])
    sgd = SGD(w, lr=0.1, lr_multiplier=multipliers)
    for opt in (adam, sgd):
        opt.step({name: np.ones(2) for name in w})
    d = adam.step_lengths()
    np.testing.assert_allclose(d["kernel"], 0.1 / 1.5)  # h is 1 + 0.5 w
    np.testing.assert_allclose(d["bias"], 0.3)
    assert d["frozen"] == 0.0
    assert sgd.step_lengths() == {"kernel": 0.1, "bias": pytest.approx(0.3), "frozen": 0.0}


def test_decoupled_decay_and_ascent_are_not_in_the_lengths():
    w, g = np.array([1.0, 2.0]), np.array([0.5, -1.0])
    found = []
    for options in ({}, {"weight_decay": 0.3, "decoupled_weight_decay": True}, {"maximize": True}):
        opt = Adam(w.copy(), lr=0.1, **options)
        opt.step(g)
        found.append(opt.step_lengths())
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def _two_steps(step):
    return 0.1 if step < 2 else 0.0


def test_lengths_of_steps_that_were_not_made():
    w = np.ones(3)
    with pytest.raises(ValueError, match="this Adam is a recipe without parameters"):
        Adam().step_lengths()
    opt = Adam(w, lr=_two_steps, nonfinite="skip")
    with pytest.raises(ValueError, match="no step has been made"):
        opt.step_lengths()
    opt.step(np.full(3, np.nan))
    with pytest.raises(ValueError, match="no step has been made"):
        opt.step_lengths()
    opt.step(w.copy())
    d = opt.step_lengths()
    assert (d > 0).all()
    opt.step(np.full(3, np.inf))
    assert opt.step_lengths() == 0.0 and pickle.loads(pickle.dumps(opt)).step_lengths() == 0.0
    before = w.copy()
    prox_step(w, L1(0.5), opt)  # no step, no proximal step
    assert np.array_equal(w, before)
    prox_step(w, Box(-0.5, 0.5), opt)
    assert (w == 0.5).all()
    opt.step(w.copy())
    assert (opt.step_lengths() > 0).all()
    opt.step(w.copy())
    assert opt.step_lengths() == 0.0  # the rate is 0
    opt.load_state_dict(opt.state_dict())
    assert opt.step_lengths() == 0.0


def test_filters_levels_and_a_running_step():
    w = np.ones((40, 3), np.float32)
    opt = Adam(w, lr=0.1, clip_norm=1.0)  # of the gradient that reaches the rule
    for level in _kernels.available():
        with fastopt.config_context(isa=level):
            opt.step(w.copy())
            d = opt.step_lengths()
            np.testing.assert_allclose(d, 0.1 * np.sqrt(120), rtol=0.05)

    def rate(step):
        if step == 1:
            with pytest.raises(RuntimeError, match="step\\(\\) of this optimizer is already running"):
                opt.step_lengths()
        return 0.1

    opt = SGD(np.ones(2), lr=rate)
    for _ in range(2):
        opt.step(np.ones(2))
    assert opt.n_steps == 2


# Proximal steps.

RNG = np.random.default_rng(5)
X = RNG.standard_normal((60, 12)) * np.geomspace(0.2, 5, 12)
Y = X[:, 4:8] @ [1.0, -1.0, 0.5, 0.3] + RNG.standard_normal(60)


def gradient(w, rows=slice(None)):
    return X[rows].T @ (X[rows] @ w - Y[rows]) / len(Y[rows])


MIXED = [L1(0.1), ElasticNet(0.2, 0.7) + NonNegative(), L2(0.3) + Box(-0.05, 0.4)]


@pytest.mark.parametrize("penalty", MIXED, ids=repr)
def test_loops_end_at_the_minimum(penalty):
    falling = schedules.Exponential(0.05, 0.997)
    for opt in (Adam(lr=0.02), Adagrad(lr=0.5), SGD(lr=0.02, momentum=0.5), NAdam(lr=falling)):
        w = {"coef": np.zeros(12), "intercept": np.array(0.0)}
        opt = opt.bind(w)
        for _ in range(3000):
            opt.step({"coef": gradient(w["coef"]), "intercept": w["intercept"] - 1.0})
            prox_step(w, {"coef": penalty, "intercept": None}, opt)
        assert penalty.subdifferential_distance(w["coef"], gradient(w["coef"])).max() < 1e-7, opt
        assert 0 < penalty.support(w["coef"]).sum() < 12 and abs(w["intercept"] - 1) < 1e-6


def test_prox_step_takes_lengths_in_the_structure_of_the_parameters():
    w = [np.full((2, 2), 3.0), np.full(2, 3.0, np.float32), np.array(3.0)]
    steps = [np.array([[0.5, 1.0], [1.5, 2.0]]), 0.5, np.array(1.0)]
    prox_step(w, L1(), steps)
    assert np.array_equal(w[0], 3 - steps[0]) and (w[1] == 2.5).all() and w[2] == 2.0
    w = {"a": np.ones(2), "b": np.ones(2)}
    prox_step(w, {"a": L1(), "b": None}, {"a": np.array([0.25, 2.0]), "b": "anything"})
    assert np.array_equal(w["a"], [0.75, 0.0]) and (w["b"] == 1).all()
    v = {"a": np.ones(2), "b": np.ones(2)}
    opt = Adam(v, lr=0.1)
    opt.step({"a": np.ones(2), "b": np.ones(2)})
    u = copy.deepcopy(v)
    prox_step(u, L1(0.5), opt.step_lengths())
    prox_step(v, L1(0.5), opt)
    assert np.array_equal(u["a"], v["a"]) and np.allclose(v["a"], 0.9 - 0.05)


def test_dog_first_rate():
    opt = DoG(np.ones(3), init_step=("learning_rate", 0.25))
    opt.step(np.ones(3))
    assert opt.step_lengths() == 0.25
    opt.step(np.ones(3))
    assert opt.step_lengths() != 0.25
