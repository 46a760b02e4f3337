"""Optimizers: PyTorch's trajectories, the reference of each convention, structures, state, input errors.

Rules whose steps depend on norms are in test_optimizers_norms.py.
"""

import copy
import ctypes
import importlib
import inspect
import itertools
import pickle
import threading
import tracemalloc

import numpy as np
import pytest

import fastopt
from fastopt import _kernels, optimizers, schedules
from fastopt.optimizers import SGD, Adam, AdamW
from fastopt.optimizers._filters import COMMON
from fastopt.reference import optimizers as reference

LIKES = ("torch", "keras", "optax")
O = optimizers
OPTIMIZERS = {name: cls for name, cls in O.OPTIMIZERS.items() if not cls._MEASURED}
STEPS = 50
LEVELS = _kernels.available()

# Values of each option; the settings of a rule are all legal combinations.
GRID = {
    "sgd": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        momentum=[0, 0.9],
        dampening=[0, 0.3],
        weight_decay=[0, 0.05],
        nesterov=[False, True],
        maximize=[False, True],
    ),
    "adam": dict(
        lr=[0.03, schedules.Exponential(0.1, 0.9)],
        betas=[(0.9, 0.999), (0.0, 0.9), (0.8, 0.5)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        amsgrad=[False, True],
        maximize=[False, True],
        decoupled_weight_decay=[False, True],
        eps_root=[0, 1e-2],
    ),
    "adamw": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.5, 0.6)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 1e-2, 0.3],
        amsgrad=[False, True],
        maximize=[False, True],
        eps_root=[0, 1e-2],
    ),
    "adagrad": dict(
        lr=[0.3, schedules.Exponential(1, 0.9)],
        lr_decay=[0, 0.1],
        weight_decay=[0, 0.05],
        initial_accumulator_value=[0, 0.3],
        eps=[1e-10, 1e-2],
        maximize=[False, True],
    ),
    "adadelta": dict(
        lr=[1.0, schedules.Exponential(2.0, 0.9)],
        rho=[0.9, 0.5, 1.0],
        eps=[1e-6, 1e-2],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "rmsprop": dict(
        lr=[0.03, schedules.Exponential(0.1, 0.9)],
        alpha=[0.99, 0.5],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        momentum=[0, 0.9],
        centered=[False, True],
        initial_scale=[0, 0.5],
        eps_in_sqrt=[None, False],
        maximize=[False, True],
    ),
    "adamax": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.0, 0.9), (0.8, 0.5)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        decoupled_weight_decay=[False, True],
        maximize=[False, True],
    ),
    "nadam": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.8, 0.5)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        momentum_decay=[4e-3, 1.0],
        decoupled_weight_decay=[False, True],
        eps_root=[0, 1e-2],
        maximize=[False, True],
    ),
    "radam": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.8, 0.5), (0.5, 0.9)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        decoupled_weight_decay=[False, True],
        eps_root=[0, 1e-2],
        maximize=[False, True],
    ),
    "adabelief": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.8, 0.5)],
        eps=[1e-16, 1e-2],
        eps_root=[1e-16, 1e-3],
        weight_decay=[0, 0.05],
        decoupled_weight_decay=[False, True],
        maximize=[False, True],
    ),
    "yogi": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.8, 0.5)],
        eps=[1e-3, 1e-1],
        initial_accumulator_value=[1e-6, 0.5],
        weight_decay=[0, 0.05],
        decoupled_weight_decay=[False, True],
        maximize=[False, True],
    ),
    "adan": dict(
        lr=[0.03, schedules.Exponential(0.1, 0.9)],
        betas=[(0.98, 0.92, 0.99), (0.5, 0.3, 0.8)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        no_prox=[False, True],
        eps_root=[0, 1e-3],
        maximize=[False, True],
    ),
    "lion": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.99), (0.3, 0.5)],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "signum": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        momentum=[0.9, 0, 0.5],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "rprop": dict(
        lr=[0.03, 1e-9, 9.0],
        etas=[(0.5, 1.2), (0.9, 1.01)],
        step_sizes=[(1e-6, 50), (1e-2, 0.05)],
        maximize=[False, True],
    ),
    "ftrl": dict(
        lr=[0.03, schedules.Exponential(0.3, 0.9)],
        initial_accumulator_value=[0.1, 2.0],
        l1=[0, 0.5],
        l2=[0, 0.1],
        l2_shrinkage=[0, 0.05],
        beta=[0, 1.0],
        maximize=[False, True],
    ),
    "asgd": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9), schedules.Warmup(0.1, 7)],
        lambd=[1e-4, 0.5],
        alpha=[0.75, 2.0],
        t0=[1e6, 0, 10],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "schedulefreesgd": dict(
        lr=[0.3, schedules.Exponential(0.5, 0.9)],
        momentum=[0.9, 0.5],
        weight_decay=[0, 0.05],
        warmup_steps=[0, 20],
        r=[0.0, 1.5],
        weight_lr_power=[2.0, 0.0],
        maximize=[False, True],
    ),
    "schedulefreeadamw": dict(
        lr=[0.03, schedules.Warmup(0.1, 7)],
        betas=[(0.9, 0.999), (0.5, 0.6)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        warmup_steps=[0, 20],
        r=[0.0, 1.5],
        weight_lr_power=[2.0, 0.0],
        maximize=[False, True],
    ),
    "schedulefreeradam": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.5, 0.9)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        r=[0.0, 1.5],
        weight_lr_power=[2.0, 0.0],
        silent_sgd_phase=[True, False],
        maximize=[False, True],
    ),
}
PAIRS = [(name, like) for name, cls in OPTIMIZERS.items() for like in LIKES if like in cls._LIKE]
each_pair = pytest.mark.parametrize("name, like", PAIRS)
# Options that a convention lacks.
LACKS = {
    ("sgd", "keras"): {"dampening"},
    ("sgd", "optax"): {"dampening"},
    ("adagrad", "keras"): {"lr_decay"},
    ("adagrad", "optax"): {"lr_decay"},
    ("nadam", "optax"): {"momentum_decay"},
    **{(name, like): {"eps_root"} for name in ("adam", "adamw", "nadam", "radam") for like in ("torch", "keras")},
    **{("rmsprop", like): {"initial_scale", "eps_in_sqrt"} for like in ("torch", "keras")},
    ("adamax", "torch"): {"decoupled_weight_decay"},
}
# torch.optim's classes.
TORCH = dict(
    sgd="SGD", adam="Adam", adamw="AdamW", adagrad="Adagrad", adadelta="Adadelta", rmsprop="RMSprop", adamax="Adamax",
    nadam="NAdam", radam="RAdam", rprop="Rprop", asgd="ASGD",
)  # fmt: skip
SIGNS = {"lion", "signum", "rprop"}  # rules whose step does not grow with the gradient
# A setting of every rule of the roster, for tests that need not try all options.
BRIEF = [
    ("sgd", dict(lr=0.03, weight_decay=0.1), "sgd"),
    ("sgd", dict(lr=0.03, momentum=0.9, weight_decay=0.1, dampening=0.2), "momentum"),
    ("sgd", dict(lr=0.03, momentum=0.9, nesterov=True), "nesterov"),
    ("adam", dict(lr=0.03, weight_decay=0.1), "adam"),
    ("adamw", dict(lr=0.03), "adam"),
    ("adamw", dict(lr=0.03, amsgrad=True), "amsgrad"),
    ("adagrad", dict(lr=0.03, weight_decay=0.1), "adagrad"),
    ("adadelta", dict(lr=0.3, weight_decay=0.1), "adadelta"),
    ("rmsprop", dict(lr=0.003, weight_decay=0.1), "rmsprop"),
    ("rmsprop", dict(lr=0.003, momentum=0.9), "rmsprop_momentum"),
    ("rmsprop", dict(lr=0.003, centered=True), "rmsprop_centered"),
    ("rmsprop", dict(lr=0.003, centered=True, momentum=0.5), "rmsprop_centered_momentum"),
    ("adamax", dict(lr=0.03, weight_decay=0.1), "adamax"),
    ("nadam", dict(lr=0.03, weight_decay=0.1), "nadam"),
    ("radam", dict(lr=0.03, weight_decay=0.1, betas=(0.9, 0.99)), "radam"),
    ("adabelief", dict(lr=0.03, weight_decay=0.1, eps=1e-8), "adabelief"),
    ("yogi", dict(lr=0.03, weight_decay=0.1), "yogi"),
    ("adan", dict(lr=0.03, weight_decay=0.1), "adan"),
    ("lion", dict(lr=0.03, weight_decay=0.1), "lion"),
    ("signum", dict(lr=0.03, weight_decay=0.1), "signum"),
    ("rprop", dict(lr=0.03), "rprop"),
    ("ftrl", dict(lr=0.03, l1=0.1, l2=0.1, l2_shrinkage=0.1), "ftrl"),
    ("asgd", dict(lr=0.03, weight_decay=0.1, t0=3), "asgd"),
    ("schedulefreesgd", dict(lr=0.03, weight_decay=0.1, warmup_steps=4), "schedule_free"),
    ("schedulefreeadamw", dict(lr=0.03, weight_decay=0.1, warmup_steps=4), "schedule_free_adam"),
    ("schedulefreeradam", dict(lr=0.03, weight_decay=0.1, betas=(0.9, 0.99)), "schedule_free_adam"),
]
brief = pytest.mark.parametrize("name, options, rule", BRIEF, ids=[f"{n}-{r}" for n, _, r in BRIEF])


def with_rate(options, rule, rate):
    """With a schedule, where the rule takes one."""
    return options if rule == "rprop" else {**options, "lr": rate}


def legal(o):
    if o.get("dampening") and not o["momentum"]:
        return False
    return not (o.get("nesterov") and (not o["momentum"] or o.get("dampening")))


def settings(name, like="torch"):
    grid = {k: v for k, v in GRID[name].items() if k not in LACKS.get((name, like), ())}
    for values in itertools.product(*grid.values()):
        o = dict(zip(grid, values))
        if legal(o):
            yield o


def gradients(rng, shape, steps=STEPS, dtype=np.float64):
    """Of several magnitudes, some exactly zero."""
    g = rng.standard_normal((steps, *shape)) * 10.0 ** rng.uniform(-3, 1, size=(steps, *(1,) * len(shape)))
    g[rng.random(g.shape) < 0.05] = 0.0
    return g.astype(dtype)


def trajectory(optimizer, w, grads):
    out = []
    for g in grads:
        optimizer.step(g)
        out.append(w.copy())
    return np.array(out)


def assert_close(got, expected, message=""):
    """To 1e-12, or rounding of the largest value (steps are long where v is 0)."""
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14 * scale, err_msg=message)


def test_grid_covers_the_registry():
    assert set(GRID) == set(OPTIMIZERS)
    for name, cls in OPTIMIZERS.items():
        assert set(GRID[name]) == set(cls().get_params()) - {"like", "n_threads", "clip_global_norm", *COMMON}
    for dtype in (np.float32, np.float64):
        others = {"moments", "scaled"}  # second halves of steps: test_optimizers_norms.py
        assert {rule for _, _, rule in BRIEF} | others == set(_kernels.table.updates[np.dtype(dtype)].rules())


@pytest.mark.parametrize("name", TORCH)
def test_signature_is_torchs(name):
    """But for what belongs to devices and to autograd; `maximize` is by keyword."""
    torch = pytest.importorskip("torch")
    theirs = inspect.signature(getattr(torch.optim, TORCH[name]))
    ours = inspect.signature(OPTIMIZERS[name])
    foreign = {"foreach", "fused", "capturable", "differentiable", "maximize"}
    positional = [
        p.name for p in theirs.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in foreign
    ]
    assert [p.name for p in ours.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD] == positional
    lacks = LACKS.get((name, "torch"), set())
    assert not lacks & set(theirs.parameters)
    for parameter in set(ours.parameters) - lacks:
        if parameter not in ("params", "like", "n_threads", "clip_global_norm", *COMMON):
            assert ours.parameters[parameter].default == theirs.parameters[parameter].default
    assert set(theirs.parameters) - foreign <= set(ours.parameters)


@pytest.mark.parametrize("name", TORCH)
def test_torch(name, torch_float64):
    """Every legal setting, 50 steps, arrays of several shapes."""
    torch = torch_float64
    make = getattr(torch.optim, TORCH[name])
    rng = np.random.default_rng(0)
    shapes = [(7, 5), (33,), ()]
    start = [rng.standard_normal(s) for s in shapes]
    grads = [gradients(rng, s) for s in shapes]
    steps = [(list(g), [torch.tensor(a) for a in g]) for g in zip(*grads)]
    for o in settings(name):
        ours = [w.copy() for w in start]
        theirs = [torch.tensor(w, requires_grad=True) for w in start]
        a = OPTIMIZERS[name](ours, **o)
        lr = o["lr"](0) if callable(o["lr"]) else o["lr"]
        b = make(theirs, **{**o, "lr": lr}, foreach=False)
        for t, (given, tensors) in enumerate(steps):
            for p, g in zip(theirs, tensors):
                p.grad = g
            if callable(o["lr"]):
                b.param_groups[0]["lr"] = o["lr"](t)
            a.step(given)
            b.step()
        for i, (p, w) in enumerate(zip(theirs, ours)):
            assert_close(w, p.detach().numpy(), str(o))
            if name == "asgd":
                assert_close(a.averages()[i], b.state[p]["ax"].numpy(), str(o))


@each_pair
def test_reference(name, like):
    """Every legal setting of every convention, every step."""
    rng = np.random.default_rng(1)
    start, grads = rng.standard_normal(37), gradients(rng, (37,))
    fixed = reference.RULES[name, like][1]
    for o in settings(name, like):
        w, state = start.copy(), {}
        optimizer = OPTIMIZERS[name](w, **o, like=like)
        got = trajectory(optimizer, w, grads)
        expected = reference.run(name, like, start, grads, state, **{k: v for k, v in o.items() if k not in fixed})
        assert_close(got, expected, str(o))
        if hasattr(optimizer, "averages"):
            assert_close(optimizer.averages(), state["ax" if name == "asgd" else "x"], str(o))


def test_conventions_differ():
    rng = np.random.default_rng(2)
    start, grads = rng.standard_normal(9), gradients(rng, (9,))
    for name, o in (("adam", dict(amsgrad=True, eps=1e-2)), ("sgd", dict(momentum=0.9, weight_decay=0.1))):
        ends = []
        for like in LIKES:
            w = start.copy()
            rate = schedules.Exponential(0.1, 0.9)
            ends.append(trajectory(OPTIMIZERS[name](w, lr=rate, like=like, **o), w, grads)[-1])
        pairs = [("torch", "keras"), ("keras", "optax")] + ([("torch", "optax")] if name == "adam" else [])
        for a, b in pairs:
            assert not np.allclose(ends[LIKES.index(a)], ends[LIKES.index(b)], rtol=1e-3)


def test_defaults_by_convention():
    assert [SGD(like=k).lr for k in LIKES] == [1e-3, 0.01, 1e-3]
    assert [Adam(like=k).eps for k in LIKES] == [1e-8, 1e-7, 1e-8]
    assert [AdamW(like=k).weight_decay for k in LIKES] == [1e-2, 4e-3, 1e-4]
    assert [AdamW(like=k).lr for k in LIKES] == [1e-3] * 3
    assert [O.Adagrad(like=k).lr for k in LIKES] == [1e-2, 1e-3, 1e-2]
    assert [O.Adagrad(like=k).initial_accumulator_value for k in LIKES] == [0, 0.1, 0.1]
    assert [O.Adagrad(like=k).eps for k in LIKES] == [1e-10, 1e-7, 1e-7]
    assert [O.Adadelta(like=k).lr for k in LIKES] == [1, 1e-3, 1]
    assert [O.Adadelta(like=k).rho for k in LIKES] == [0.9, 0.95, 0.9]
    assert [O.Adadelta(like=k).eps for k in LIKES] == [1e-6, 1e-7, 1e-6]
    assert [O.RMSprop(like=k).alpha for k in LIKES] == [0.99, 0.9, 0.9]
    assert [O.RMSprop(like=k).eps for k in LIKES] == [1e-8, 1e-7, 1e-8]
    assert [O.Adamax(like=k).lr for k in LIKES] == [2e-3, 1e-3, 2e-3]
    assert [O.NAdam(like=k).momentum_decay for k in LIKES] == [4e-3, 1, None]
    assert [O.NAdam(like=k).lr for k in LIKES] == [2e-3, 1e-3, 2e-3]
    assert [O.Lion(like=k).lr for k in LIKES] == [1e-4, 1e-3, 1e-4]
    assert [O.Lion(like=k).weight_decay for k in LIKES] == [0, 0, 1e-3]
    assert [O.Adan(like=k).eps_root for k in ("torch", "optax")] == [0, 1e-8]
    assert SGD(lr=1e-3, like="keras").lr == 1e-3  # given, though it equals PyTorch's default
    assert Adam(eps=1e-8, like="keras").eps == 1e-8


@brief
def test_float32(name, options, rule, isa):
    rng = np.random.default_rng(3)
    start, grads = rng.standard_normal(1003).astype(np.float32), gradients(rng, (1003,), dtype=np.float32)
    single, double = start.copy(), start.astype(np.float64)
    a, b = OPTIMIZERS[name](single, **options), OPTIMIZERS[name](double, **options)
    for g in grads:
        a.step(g)
        b.step(g.astype(np.float64))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, rtol=1e-5, atol=2e-5)
    assert [u[0] for u in a.updates()] == [rule]


# Clipping by the norm of all gradients


@each_pair
def test_clip_global_norm(name, like):
    """The steps of clipped gradients, which stay as they are, in two groups of both dtypes."""
    if name == "rprop":  # looks at signs alone
        assert "clip_global_norm" not in OPTIMIZERS[name]().get_params()
        return
    rng = np.random.default_rng(19)
    start = [rng.standard_normal((7, 5)), rng.standard_normal(9000).astype(np.float32), rng.standard_normal(())]
    grads = [[gradients(rng, np.shape(w), 1, w.dtype)[0] for w in start] for _ in range(20)]
    ends = []
    for limit in (None, 3.0):
        params = [np.array(w) for w in start]
        recipe = OPTIMIZERS[name](lr=0.03, like=like, clip_global_norm=limit)
        optimizer = recipe.bind([{"params": params[:2]}, {"params": params[2], "lr": 0.1}])
        factors = []
        for step in grads:
            given = [np.array(g) for g in step]
            if limit is None:
                before = np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in given))
                factor = min(1.0, 3.0 / (before + 1e-6)) if like == "torch" else min(1.0, 3.0 / before)
                factors.append(factor)
                given = [np.asarray((g * factor).astype(g.dtype)) for g in given]
            optimizer.step([given[:2], given[2]])
            if limit is not None:
                assert all((a == b).all() for a, b in zip(given, step))
        ends.append(params)
        assert limit is not None or min(factors) < 0.5
    for a, b in zip(*ends):
        rtol, atol = (1e-11, 1e-12) if a.dtype == np.float64 else (1e-5, 2e-5)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def test_clip_global_norm_is_the_functions():
    """Also its convention and its bits, for any number of threads; below the limit nothing is scaled."""
    rng = np.random.default_rng(20)
    g = rng.standard_normal(50_000)
    for like in LIKES:
        ends = []
        for n_threads in (1, 2, None):
            w = np.zeros(50_000)
            SGD(w, lr=1.0, like=like, clip_global_norm=2.0, n_threads=n_threads).step(g)
            ends.append(w)
        clipped = g.copy()
        O.clip_global_norm(clipped, 2.0, like=like)
        for w in ends:
            np.testing.assert_array_equal(w, ends[0])
            np.testing.assert_allclose(w, -clipped, rtol=1e-15)
    w = np.zeros(50_000)
    SGD(w, lr=1.0, clip_global_norm=1e4).step(g)
    np.testing.assert_array_equal(w, -g)


def test_clip_global_norm_without_step():
    recipe = SGD(clip_global_norm=2.0)
    assert repr(recipe) == "SGD(clip_global_norm=2.0)" and recipe != SGD()
    optimizer = recipe.bind(np.ones(3))
    with pytest.raises(ValueError, match="clip_global_norm depends on the gradients"):
        optimizer.scalars(1)
    optimizer.clip_global_norm = None
    assert optimizer.scalars(1).shape == (1, 1, 14)
    with pytest.raises(ValueError, match="clip_global_norm belongs to the whole optimizer"):
        optimizer.param_groups[0]["clip_global_norm"] = 1.0


def test_small_decay_in_float32():
    """A factor 1 - lr * weight_decay in float32 would be wrong by several percent here."""
    w = np.full(1000, 1.0, dtype=np.float32)
    optimizer = AdamW(w, lr=1e-3, weight_decay=1e-3)  # decay 1e-6, half the spacing of float32 is 3e-8
    for _ in range(1000):
        optimizer.step(np.zeros(1000, dtype=np.float32))
    assert abs((1.0 - w[0]) / 1e-3 - 1.0) < 0.06


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@brief
def test_bits(name, options, rule, dtype, isa):
    """Same bits for any number of threads, any cut into arrays and any alignment."""
    rng = np.random.default_rng(4)
    n = 40_009
    start, grads = rng.standard_normal(n).astype(dtype), gradients(rng, (n,), steps=3, dtype=dtype)
    results = []
    for n_threads in (1, 2, 3, -1, None):
        w = start.copy()
        results.append(trajectory(OPTIMIZERS[name](w, n_threads=n_threads, **options), w, grads)[-1])
    cuts = [0, 1, 4, 20, 21, 300, 5000, 5007, 13_200, 13_201, 39_000, n]
    for offset in (0, 1, 5):
        w = np.zeros(n + 8, dtype=dtype)[offset : offset + n]
        w[:] = start
        parts = [w[a:b] for a, b in itertools.pairwise(cuts)]
        optimizer = OPTIMIZERS[name](parts, n_threads=2, **options)
        for g in grads:
            optimizer.step([g[a:b] for a, b in itertools.pairwise(cuts)])
        results.append(w.copy())
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


@brief
def test_levels_agree(name, options, rule):
    rng = np.random.default_rng(5)
    ends = []
    start, grads = rng.standard_normal(999), gradients(rng, (999,))
    for level in LEVELS:
        with fastopt.config_context(isa=level):
            w = start.copy()
            ends.append(trajectory(OPTIMIZERS[name](w, **options), w, grads)[-1])
    for other in ends[1:]:
        np.testing.assert_allclose(ends[0], other, rtol=1e-12, atol=1e-14)


@brief
def test_reference_at_each_level(name, options, rule, isa):
    rng = np.random.default_rng(15)
    start, grads = rng.standard_normal(333), gradients(rng, (333,))
    w = start.copy()
    got = trajectory(OPTIMIZERS[name](w, **options), w, grads)
    like = OPTIMIZERS[name]().like
    given = {"weight_decay": 1e-2, **options} if name == "adamw" else options
    assert_close(got, reference.run(name, like, start, grads, **given))


def test_level_changes_between_steps():
    w, g = np.ones(100), np.ones(100)
    optimizer = Adam(w, lr=0.1)
    for level in (*LEVELS, *LEVELS):
        with fastopt.config_context(isa=level):
            optimizer.step(g)
    np.testing.assert_allclose(w, 1.0 - 0.1 * 2 * len(LEVELS), rtol=1e-6)


# State


@pytest.mark.parametrize("way", ["state_dict", "savez", "pickle", "deepcopy"])
@brief
def test_resume(name, options, rule, way, tmp_path):
    """k steps then m equal k + m, bit for bit."""
    rng = np.random.default_rng(6)
    options = with_rate(options, rule, schedules.Step(0.1, 4, 0.5))
    shapes = {"w": (13, 3), "b": (5,)}
    start = {k: rng.standard_normal(s).astype(np.float32) for k, s in shapes.items()}
    grads = [{k: gradients(rng, s, 1, np.float32)[0] for k, s in shapes.items()} for _ in range(12)]
    once = {k: v.copy() for k, v in start.items()}
    whole = OPTIMIZERS[name](once, **options)
    for g in grads:
        whole.step(g)
    twice = {k: v.copy() for k, v in start.items()}
    first = OPTIMIZERS[name](twice, **options)
    for g in grads[:5]:
        first.step(g)
    if way in ("state_dict", "savez"):
        state = first.state_dict()
        if way == "savez":
            np.savez(tmp_path / "state.npz", **state)
            state = np.load(tmp_path / "state.npz")
        for g in grads[5:]:  # the state is a copy: these steps do not reach it
            first.step(g)
        twice = {k: v.copy() for k, v in start.items()}
        replay = OPTIMIZERS[name](twice, **options)
        for g in grads[:5]:
            replay.step(g)
        second = OPTIMIZERS[name](twice, **options)
        second.load_state_dict(state)
    else:
        second = pickle.loads(pickle.dumps(first)) if way == "pickle" else copy.deepcopy(first)
        twice = second.param_groups[0]["params"]
    assert second.n_steps == 5
    for g in grads[5:]:
        second.step(g)
    for k in start:
        np.testing.assert_array_equal(once[k], twice[k])


def test_state_is_a_flat_mapping_of_arrays():
    optimizer = AdamW({"w": np.ones((2, 3)), "b": np.ones(2)}, amsgrad=True)
    optimizer.step({"w": np.ones((2, 3)), "b": np.ones(2)})
    state = optimizer.state_dict()
    slots = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    assert set(state) == {"schema", "optimizer", "like", "step", "skipped", "group_step"} | {
        f"{slot}.{k}" for slot in slots for k in "wb"
    }
    assert all(isinstance(v, np.ndarray) and not v.dtype.hasobject for v in state.values())
    assert state["step"] == 1 and state["exp_avg.w"].shape == (2, 3)
    assert set(SGD([np.ones(2)], momentum=0.5).state_dict()) >= {"momentum_buffer.0"}
    assert set(SGD([{"params": np.ones(2)}], momentum=0.5).state_dict()) >= {"momentum_buffer.0"}
    assert set(SGD([{"params": [np.ones(2)]}], momentum=0.5).state_dict()) >= {"momentum_buffer.0.0"}
    assert set(SGD(np.ones(2), momentum=0.5).state_dict()) >= {"momentum_buffer"}


def _state(**changes):
    state = Adam([np.ones(3)]).state_dict()
    state.update(changes)
    return {k: v for k, v in state.items() if v is not None}


STATE_ERRORS = [
    (SGD([np.ones(3)]).state_dict(), ValueError, "state is of optimizer 'SGD', this one has 'Adam'"),
    (AdamW([np.ones(3)]).state_dict(), ValueError, "state is of optimizer 'AdamW'"),
    (Adam([np.ones(3)], like="keras").state_dict(), ValueError, "state is of like 'keras', this one has 'torch'"),
    (Adam([np.ones(3)], amsgrad=True).state_dict(), ValueError, r"unknown \['max_exp_avg_sq.0'\]"),
    (Adam([np.ones(4)]).state_dict(), ValueError, r"exp_avg.0'\] has shape \(4,\).*expected \(3,\)"),
    (Adam([np.ones(3, np.float32)]).state_dict(), ValueError, "dtype float32, expected .* float64"),
    (Adam([np.ones(3)] * 1 + [np.ones(2)]).state_dict(), ValueError, "unknown"),
    (_state(schema=np.array(99)), ValueError, "schema 99, this version reads 1"),
    (_state(step=np.array(-1)), ValueError, "negative number of steps"),
    (_state(step=None), ValueError, r"missing \['step'\]"),
    ({}, ValueError, "not the state_dict of a fastopt optimizer"),
    (3, TypeError, "state must be a mapping of arrays, got int"),
]


@pytest.mark.parametrize("state, error, message", STATE_ERRORS, ids=[m for _, _, m in STATE_ERRORS])
def test_bad_state(state, error, message):
    optimizer = Adam([np.ones(3)])
    optimizer.step([np.ones(3)])
    before = optimizer.state_dict()
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(state)
    for key, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, before[key])


# Structures


def test_structures():
    rng = np.random.default_rng(7)
    shapes = [(3, 2), (4,), (0,), (), (2, 0, 3), (2, 3, 4)]
    start = [rng.standard_normal(s) for s in shapes]
    grads = [rng.standard_normal(s) for s in shapes]
    expected = [reference.run("adam", "torch", w, [g, 2 * g], lr=0.1)[-1] for w, g in zip(start, grads)]

    def check(wrap, wrap_grads):
        arrays = [w.copy() for w in start]
        optimizer = Adam(wrap(arrays), lr=0.1)
        for factor in (1.0, 2.0):
            optimizer.step(wrap_grads([np.array(factor * g) for g in grads]))
        for w, e in zip(arrays, expected):
            np.testing.assert_allclose(w, e, rtol=1e-13)

    names = "abcdef"
    check(list, list)
    check(list, tuple)
    check(tuple, list)
    check(iter, list)
    check(lambda x: dict(zip(names, x)), lambda g: dict(reversed(list(zip(names, g)))))
    check(
        lambda x: [{"params": x[0]}, {"params": x[1:3]}, {"params": dict(zip(names, x[3:]))}],
        lambda g: [g[0], g[1:3], dict(zip(names, g[3:]))],
    )
    check(lambda x: [{"params": x}], lambda g: [{"params": g}])
    for w, g, e in zip(start, grads, expected):
        w = w.copy()
        optimizer = Adam(w, lr=0.1)
        optimizer.step(g)
        optimizer.step(np.array(2 * g))
        np.testing.assert_allclose(w, e, rtol=1e-13)


def test_many_arrays_and_both_dtypes():
    rng = np.random.default_rng(8)
    sizes = rng.integers(0, 40, 500).tolist() + [9000, 17_000]
    dtypes = [np.float32 if i % 3 else np.float64 for i in range(len(sizes))]
    start = [rng.standard_normal(n).astype(d) for n, d in zip(sizes, dtypes)]
    grads = [rng.standard_normal(n).astype(d) for n, d in zip(sizes, dtypes)]
    arrays = [w.copy() for w in start]
    optimizer = SGD(arrays, lr=0.1, momentum=0.9, n_threads=2)
    for _ in range(2):
        optimizer.step(grads)
    for w, w0, g in zip(arrays, start, grads):
        e = reference.run("sgd", "torch", w0, [g, g], lr=0.1, momentum=0.9)[-1]
        np.testing.assert_allclose(w, e, rtol=1e-4 if w.dtype == np.float32 else 1e-13, atol=1e-7)


def test_error_in_the_second_dtype_touches_nothing():
    a, b = np.ones(3, np.float32), np.ones(3)
    optimizer = Adam([a, b])
    with pytest.raises(ValueError, match=r"grads\[1\] has shape \(2,\), but params\[1\] has shape \(3,\)"):
        optimizer.step([np.ones(3, np.float32), np.ones(2)])
    assert (a == 1).all() and (b == 1).all() and optimizer.n_steps == 0


def test_groups_as_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(9)
    start, grads = [rng.standard_normal(4) for _ in range(3)], [gradients(rng, (4,), 20) for _ in range(3)]
    ours = [w.copy() for w in start]
    theirs = [torch.tensor(w, requires_grad=True) for w in start]

    def options(p):
        return [{"params": [p[0]], "lr": 0.1, "amsgrad": True}, {"params": [p[1]], "betas": (0.5, 0.9)}]

    a, b = Adam(options(ours), lr=0.01), torch.optim.Adam(options(theirs), lr=0.01)
    for t in range(20):
        if t == 5:  # its bias corrections start here
            a.add_param_group({"params": [ours[2]], "weight_decay": 0.1})
            b.add_param_group({"params": [theirs[2]], "weight_decay": 0.1})
        if t == 9:
            a.param_groups[1]["lr"] = b.param_groups[1]["lr"] = 0.2
        n = 3 if t >= 5 else 2
        for p, g in zip(theirs, grads[:n]):
            p.grad = torch.tensor(g[t])
        a.step([[g[t]] for g in grads[:n]])
        b.step()
    for p, w in zip(theirs, ours):
        np.testing.assert_allclose(w, p.detach().numpy(), rtol=1e-12)
    group = a.param_groups[0]
    assert group["lr"] == 0.1 and group["eps"] == 1e-8 and set(group) == {"params", *a.get_params()}
    assert group["params"][0] is ours[0] and len(group) == len(a.get_params()) + 1


def test_options_change_while_bound():
    w = [np.ones(2), np.ones(2)]
    optimizer = SGD([{"params": w[0]}, {"params": w[1], "lr": 0.5}], lr=0.1)
    optimizer.set_params(lr=0.2)  # the second group states its own
    optimizer.step([np.ones(2), np.ones(2)])
    assert w[0][0] == 0.8 and w[1][0] == 0.5
    optimizer.momentum = 0.5  # begins with its first gradient
    optimizer.set_params(dampening=0.5)
    for _ in range(2):
        optimizer.step([np.ones(2), np.ones(2)])
    np.testing.assert_allclose(w[0], 0.8 - 0.2 * (1.0 + (0.5 * 1.0 + 0.5)))
    optimizer.momentum = 0
    assert not any("momentum" in key for key in optimizer.state_dict())
    optimizer.dampening = 0
    with pytest.raises(ValueError, match="like cannot change"):
        optimizer.set_params(like="keras")
    with pytest.raises(ValueError, match="nesterov needs"):
        optimizer.param_groups[0]["nesterov"] = True
    assert optimizer.param_groups[0]["nesterov"] is False
    with pytest.raises(TypeError, match="changed, not removed"):
        del optimizer.param_groups[0]["lr"]


# Recipes


@each_pair
def test_recipe(name, like):
    clone = pytest.importorskip("sklearn.base").clone
    recipe = OPTIMIZERS[name](lr=0.25, like=like, n_threads=2)
    namespace = dict(vars(optimizers))
    for other in (pickle.loads(pickle.dumps(recipe)), clone(recipe), copy.deepcopy(recipe)):
        assert other == recipe and other.get_params() == recipe.get_params() and other is not recipe
    assert eval(repr(recipe), namespace) == recipe
    assert OPTIMIZERS[name](like=like) != recipe
    assert recipe.set_params(lr=0.5) is recipe and recipe.lr == 0.5
    recipe.lr = 0.75
    assert recipe.get_params()["lr"] == 0.75
    w = np.ones(3)
    bound = recipe.bind(w)
    bound.step(np.ones(3))
    assert (w != 1).all() or name == "schedulefreeradam"  # whose first steps only collect moments
    assert type(bound) is type(recipe) and recipe.n_steps == 0
    assert bound != recipe and bound == bound and "1 arrays, 3 parameters, 1 steps" in repr(bound)
    fresh = clone(bound)  # drops arrays and state
    assert fresh == recipe and fresh.n_steps == 0
    with pytest.raises(ValueError, match="recipe without parameters"):
        recipe.step(np.ones(3))


def test_get():
    assert optimizers.get("AdamW", lr=0.5) == AdamW(lr=0.5)
    recipe = SGD(momentum=0.5)
    assert optimizers.get(recipe) is recipe
    assert optimizers.get(recipe, lr=0.5) == SGD(lr=0.5, momentum=0.5) and recipe.lr == 1e-3
    assert optimizers.get(Adam, eps=1e-3) == Adam(eps=1e-3)


@each_pair
def test_every_option_has_an_effect(name, like):
    """Another legal value changes the trajectory or the average; none is accepted and ignored."""
    betas = (0.1, 0.2, 0.3) if name == "adan" else (0.1, 0.7)
    others = dict(
        **dict(lr=0.5, momentum=0.5, dampening=0.5, weight_decay=0.7, nesterov=True, betas=betas, eps=0.5),
        **dict(amsgrad=True, maximize=True, decoupled_weight_decay=True, lr_decay=0.3, initial_accumulator_value=0.7),
        **dict(rho=0.5, alpha=0.5, centered=True, momentum_decay=0.5, eps_root=0.5, no_prox=True, etas=(0.3, 1.5)),
        **dict(step_sizes=(1e-3, 0.2), l1=0.5, l2=0.5, l2_shrinkage=0.5, beta=0.5, lambd=0.3, t0=0, warmup_steps=3),
        **dict(r=2.0, weight_lr_power=0.0, silent_sgd_phase=False, initial_scale=0.5, eps_in_sqrt=False),
    )
    base = dict(
        lr=0.1,
        weight_decay=0.2,
        momentum=0.0 if name == "rmsprop" else 0.9,
        betas=(0.6, 0.5, 0.5) if name == "adan" else (0.6, 0.99) if "radam" in name else (0.6, 0.5),
        warmup_steps=10,
    )
    base = {k: v for k, v in base.items() if k in GRID[name]}
    rng = np.random.default_rng(10)
    grads = gradients(rng, (50,))

    def end(**options):
        w = np.ones(50)
        optimizer = OPTIMIZERS[name](w, like=like, **{**base, **options})
        trajectory(optimizer, w, grads)
        return np.concatenate([w, optimizer.averages() if hasattr(optimizer, "averages") else []])

    start = end()
    for option in set(GRID[name]):
        if option in LACKS.get((name, like), ()) and option != "momentum_decay":
            having = "optax" if (name, "optax") in PAIRS and option not in LACKS.get((name, "optax"), ()) else "torch"
            with pytest.raises(ValueError, match=f"{option} is a parameter of like='{having}' only"):
                end(**{option: others[option]})
        elif (option, like) in (("decoupled_weight_decay", "keras"), ("no_prox", "optax")):
            continue  # stated: always so
        else:
            assert not np.array_equal(start, end(**{option: others[option]})), option


# Input


def _readonly():
    w = np.ones(3)
    w.flags.writeable = False
    return w


def _unaligned(dtype=np.float64, n=3):
    return np.frombuffer(bytearray(8 * n + 1), dtype=np.uint8)[1:].view(dtype)[:n]


_w = np.ones(6)
PARAM_ERRORS = [
    (lambda: SGD(np.ones((3, 4)).T), ValueError, r"params is not C-contiguous \(shape \(4, 3\), strides"),
    (lambda: SGD([np.ones(6)[::2]]), ValueError, r"params\[0\] is not C-contiguous"),
    (lambda: SGD([np.ones(2), _readonly()]), ValueError, r"params\[1\] is read-only"),
    (
        lambda: SGD({"w": np.ones(3, np.int64)}),
        TypeError,
        r"params\['w'\] must have dtype float32 or float64, got int64",
    ),
    (lambda: SGD([np.ones(3, np.float16)]), TypeError, "got float16"),
    (lambda: SGD([np.ones(3, np.complex128)]), TypeError, "got complex128"),
    (lambda: SGD([np.ones(3, ">f8")]), TypeError, "got >f8"),
    (lambda: SGD([_unaligned()]), ValueError, "not aligned"),
    (lambda: SGD([[1.0, 2.0]]), TypeError, r"params\[0\] must be a NumPy array .* got list"),
    (lambda: SGD(3.0), TypeError, "params must be an array, a list of arrays or a dict .* got float"),
    (lambda: SGD("w"), TypeError, "got str"),
    (lambda: SGD([]), ValueError, "params is empty"),
    (lambda: SGD({}), ValueError, "params is empty"),
    (lambda: SGD([_w, np.ones(1), _w]), ValueError, r"params\[0\] and params\[2\] are the same array"),
    (lambda: SGD([_w[:4], _w[3:]]), ValueError, r"params\[0\] and params\[1\] share memory"),
    (
        lambda: SGD([{"params": _w}, {"params": [_w]}]),
        ValueError,
        r"params\[0\]\['params'\] and params\[1\]\['params'\]\[0\]",
    ),
    (lambda: SGD([{"params": _w}, {"lr": 1.0}]), TypeError, "a group of parameters is a dict with the key 'params'"),
    (lambda: SGD([{"params": _w, "rate": 1.0}]), ValueError, "unknown key 'rate' in a group"),
    (lambda: SGD([{"params": _w, "n_threads": 1}]), ValueError, "n_threads belongs to the whole optimizer"),
    (lambda: SGD([{"params": _w, "lr": -1.0}]), ValueError, "lr must be finite and >= 0, got -1.0"),
    (lambda: SGD([{"params": _w, "nesterov": True}]), ValueError, "nesterov needs a momentum"),
    (lambda: SGD([_w]).add_param_group({"params": _w}), ValueError, "are the same array"),
    (lambda: SGD([_w]).add_param_group({"params": []}), ValueError, "empty"),
    (lambda: SGD().add_param_group({"params": _w}), ValueError, "recipe without parameters"),
    (lambda: SGD().state_dict(), ValueError, "recipe without parameters"),
    (lambda: SGD().bind(None), TypeError, "bind needs parameters"),
    (lambda: SGD(lr=-0.1), ValueError, "lr must be finite and >= 0, got -0.1"),
    (lambda: SGD(lr=float("nan")), ValueError, "lr must be finite"),
    (lambda: SGD(lr="0.1"), TypeError, "lr must be a number or a function of the step, got '0.1'"),
    (lambda: SGD(lr=None), TypeError, "lr must be a number, got NoneType"),
    (lambda: SGD(momentum=-0.1), ValueError, "momentum must be finite and >= 0"),
    (lambda: SGD(weight_decay=-1), ValueError, "weight_decay must be finite and >= 0"),
    (lambda: SGD(dampening=float("inf")), ValueError, "dampening"),
    (lambda: SGD(nesterov=True), ValueError, "nesterov needs a momentum > 0 and dampening 0"),
    (lambda: SGD(momentum=0.9, dampening=0.1, nesterov=True), ValueError, "nesterov needs"),
    (
        lambda: SGD(momentum=0.9, dampening=0.1, like="keras"),
        ValueError,
        "dampening is a parameter of like='torch' only",
    ),
    (lambda: SGD(nesterov=1), TypeError, "nesterov must be True or False, got 1"),
    (lambda: SGD(maximize="no"), TypeError, "maximize must be True or False"),
    (lambda: SGD(like="jax"), ValueError, "like must be one of 'torch', 'keras', 'optax', got 'jax'"),
    (lambda: SGD(n_threads=0), ValueError, "n_threads must be .* got 0"),
    (lambda: SGD(n_threads=1.5), TypeError, "n_threads must be"),
    (lambda: Adam(betas=(0.9, 1.0)), ValueError, r"betas\[1\] must be in \[0, 1\), got 1.0"),
    (lambda: Adam(betas=(-0.1, 0.9)), ValueError, r"betas\[0\] must be in \[0, 1\), got -0.1"),
    (lambda: Adam(betas=0.9), TypeError, "betas must be a pair of numbers, got 0.9"),
    (lambda: Adam(betas=(0.9,)), TypeError, "betas must be a pair"),
    (lambda: Adam(eps=-1e-8), ValueError, "eps must be finite and >= 0"),
    (lambda: Adam(amsgrad=None), TypeError, "amsgrad must be True or False"),
    (lambda: Adam(decoupled_weight_decay=0), TypeError, "decoupled_weight_decay must be True or False"),
    (lambda: Adam().set_params(beta=1), ValueError, "Adam has no parameter 'beta'; it has lr, betas, eps"),
    (lambda: SGD(clip_global_norm=0), ValueError, "clip_global_norm must be > 0, got 0"),
    (lambda: SGD(clip_global_norm="1"), TypeError, "clip_global_norm must be a number, got str"),
    (lambda: O.Adagrad(lr_decay=0.1, like="keras"), ValueError, "lr_decay is a parameter of like='torch' only"),
    (lambda: O.Adagrad(eps=0, like="optax"), ValueError, "eps must be > 0, got 0: like='optax' has it under the root"),
    (lambda: O.Adagrad(initial_accumulator_value=-1), ValueError, "initial_accumulator_value must be finite and >= 0"),
    (lambda: O.Adadelta(rho=1.5), ValueError, r"rho must be in \[0, 1\], got 1.5"),
    (lambda: O.RMSprop(alpha=-0.1), ValueError, r"alpha must be in \[0, 1\)"),
    (lambda: O.RMSprop(centered=1), TypeError, "centered must be True or False, got 1"),
    (lambda: O.Adamax(betas=(1, 0)), ValueError, r"betas\[0\] must be in"),
    (lambda: O.NAdam(momentum_decay=-1), ValueError, "momentum_decay must be finite and >= 0"),
    (lambda: O.RAdam(like="keras"), ValueError, "like must be one of 'torch', 'optax', got 'keras'"),
    (lambda: O.Adan(betas=(0.9, 0.9)), TypeError, "betas must be a tuple of 3 of numbers|tuple of 3"),
    (lambda: O.Signum(momentum=1.0), ValueError, r"momentum must be in \[0, 1\)"),
    (lambda: O.Rprop(lr=schedules.Constant(0.1)), TypeError, "lr of Rprop must be a number, its first step"),
    (lambda: O.Rprop(etas=(1.2, 0.5)), ValueError, "etas must be .* got .1.2, 0.5"),
    (lambda: O.Rprop(etas=0.5), TypeError, "etas must be a pair of numbers, got 0.5"),
    (lambda: O.Rprop(step_sizes=(1, 0.5)), ValueError, "step_sizes must be .least, largest."),
    (lambda: O.FTRL(lr=0), ValueError, "lr must be > 0, got 0: FTRL divides by it"),
    (lambda: O.FTRL(l1=-1), ValueError, "l1 must be finite and >= 0"),
    (lambda: O.ASGD(t0=-1), ValueError, "t0 must be finite and >= 0"),
    (lambda: O.ASGD().averages(), ValueError, "recipe without parameters"),
    (lambda: O.ScheduleFreeSGD(momentum=0), ValueError, "momentum must be > 0, got 0: the average"),
    (lambda: O.ScheduleFreeAdamW(betas=(0, 0.9)), ValueError, r"betas\[0\] must be > 0"),
    (lambda: O.ScheduleFreeAdamW(warmup_steps=1.5), TypeError, "warmup_steps must be an integer, got 1.5"),
    (lambda: O.ScheduleFreeAdamW(warmup_steps=-1), ValueError, "warmup_steps must be >= 0, got -1"),
    (lambda: O.ScheduleFreeRAdam(silent_sgd_phase=0), TypeError, "silent_sgd_phase must be True or False"),
    (lambda: optimizers.get("lbfgs"), ValueError, "unknown optimizer 'lbfgs'; there are 'sgd', 'adam', 'adamw'"),
    (lambda: optimizers.get(3), TypeError, "an optimizer is a name or an Optimizer, got int"),
]


@pytest.mark.parametrize("make, error, message", PARAM_ERRORS, ids=[m for _, _, m in PARAM_ERRORS])
def test_bad_parameters(make, error, message):
    with pytest.raises(error, match=message):
        make()
    assert (_w == 1).all()


def _list():
    return [np.ones((2, 3)), np.ones(4)]


def _dict():
    return {"w": np.ones((2, 3)), "b": np.ones(4)}


def _groups():
    return [{"params": np.ones((2, 3))}, {"params": [np.ones(4)]}]


_a, _b = np.ones((2, 3)), np.ones(4)
GRAD_ERRORS = [
    (_list, [_a, np.ones(5)], ValueError, r"grads\[1\] has shape \(5,\), but params\[1\] has shape \(4,\)"),
    (_list, [np.ones((3, 2)), _b], ValueError, r"grads\[0\] has shape \(3, 2\), but params\[0\] has shape \(2, 3\)"),
    (_list, [_a, np.ones((4, 1))], ValueError, r"has shape \(4, 1\), but"),
    (_list, [_a], ValueError, "grads has 1 arrays, but params has 2"),
    (_list, [_a, _b, _b], ValueError, "grads has 3 arrays, but params has 2"),
    (_list, _a, TypeError, "grads must be a list of 2 arrays, as params is, got ndarray"),
    (_list, {"w": _a, "b": _b}, TypeError, "grads must be a list of 2 arrays, as params is, got dict"),
    (_list, [_a, None], TypeError, r"grads\[1\] must be a NumPy array of float64, got NoneType"),
    (_list, [_a, [1.0] * 4], TypeError, r"grads\[1\] must be a NumPy array of float64, got list"),
    (_list, [_a, _b.astype(np.float32)], TypeError, r"grads\[1\] has dtype float32, but params\[1\] has dtype float64"),
    (_list, [_a, np.ones(4, int)], TypeError, r"grads\[1\] has dtype int64.*astype\('float64'\)"),
    (_list, [_a, np.ones(4, np.float16)], TypeError, "has dtype float16"),
    (_dict, {"w": _a}, ValueError, r"other names than params: missing \['b'\], unknown \[\]"),
    (_dict, {"w": _a, "c": _b}, ValueError, r"missing \['b'\], unknown \['c'\]"),
    (_dict, {"w": _a, "b": _a}, ValueError, r"grads\['b'\] has shape \(2, 3\), but params\['b'\] has shape \(4,\)"),
    (_dict, [_a, _b], TypeError, "grads must be a dict from name to array, as params is, got list"),
    (_groups, [_a], ValueError, "grads has 1 entries, but there are 2 groups"),
    (_groups, [_a, _b], TypeError, r"grads\[1\] must be a list of 1 arrays"),
    (_groups, {"w": _a}, TypeError, "grads must be a list of 2 groups, got dict"),
    (_groups, [_a, [_a]], ValueError, r"grads\[1\]\['params'\]\[0\] has shape"),
]


@pytest.mark.parametrize("make, grads, error, message", GRAD_ERRORS, ids=[m for *_, m in GRAD_ERRORS])
def test_bad_gradients(make, grads, error, message):
    """The message, and that nothing was touched before it."""
    params = make()
    optimizer = Adam(params)
    with pytest.raises(error, match=message):
        optimizer.step(grads)
    assert optimizer.n_steps == 0
    for _, _, w, slots in optimizer.updates():
        assert (w == 1).all() and all((slot == 0).all() for slot in slots)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "x", "0.1", None, np.ones(2)])
def test_bad_schedule(value):
    w = np.ones(3)
    number = isinstance(value, float)
    message = "the schedule gives lr = " if number else "the lr that the schedule gives at step 1 must be a number, got "
    optimizer = SGD(w, lr=lambda step: 0.1 if step < 1 else value)
    optimizer.step(np.ones(3))
    before = w.copy()
    with pytest.raises(ValueError if number else TypeError, match=f"{message}.*"):
        optimizer.step(np.ones(3))
    np.testing.assert_array_equal(w, before)
    assert optimizer.n_steps == 1


def test_gradients_that_are_copied():
    """Strided, Fortran-ordered, unaligned, byte-swapped and read-only gradients give the same step."""
    rng = np.random.default_rng(11)
    g = rng.standard_normal((4, 6))
    wide = np.zeros((4, 12))
    wide[:, ::2] = g
    odd = _unaligned(n=24).reshape(4, 6)
    odd[...] = g
    fixed = g.copy()
    fixed.flags.writeable = False
    results = []
    for given in (g, wide[:, ::2], np.asfortranarray(g), odd, g.astype(">f8"), fixed, g[::-1, ::-1][::-1, ::-1]):
        w = np.ones((4, 6))
        before = given.copy()
        Adam(w).step(given)
        np.testing.assert_array_equal(given, before)
        results.append(w)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_gradients_that_are_parameters():
    """A gradient may share memory with parameters: the step uses what they were before it."""
    w = np.array([3.0, -2.0])
    SGD(w, lr=0.25).step(w)
    np.testing.assert_array_equal(w, [2.25, -1.5])
    x, y = np.full(5000, 2.0), np.full(5000, 10.0)  # the game x * y: each is the other's gradient
    SGD([x, y], lr=0.5).step([y, x])
    assert (x == -3.0).all() and (y == 9.0).all()
    whole = np.arange(20_000.0)
    w, g = whole[:10_000], whole[3:10_003]
    expected = w - g
    SGD(w, lr=1.0, n_threads=2).step(g)
    np.testing.assert_array_equal(w, expected)


def test_parameter_made_read_only():
    w = np.ones(8)
    optimizer = SGD([np.ones(2), w])
    optimizer.step([np.ones(2), np.ones(8)])
    w.flags.writeable = False
    with pytest.raises(ValueError, match=r"params\[1\] was resized, moved or made read-only"):
        optimizer.step([np.ones(2), np.ones(8)])


@pytest.mark.parametrize("size", [0, 4, 9, 1_000_000])
def test_resized_parameter(size):
    w = np.ones(8)
    optimizer = SGD([w])
    optimizer.step([np.ones(8)])
    w.resize(size, refcheck=False)
    with pytest.raises(ValueError, match="resized"):
        optimizer.step([np.ones(size)])


@brief
def test_not_finite(name, options, rule, isa):
    """Stays in its element."""
    g = np.ones(100)
    bad = {3: np.nan, 50: np.inf, 99: -np.inf}
    expected = {3} if rule in SIGNS else set(bad)  # the sign of infinity is finite
    for i, value in bad.items():
        g[i] = value
    w = np.ones(100)
    optimizer = OPTIMIZERS[name](w, **options)
    optimizer.step(g)
    optimizer.step(np.ones(100))
    assert set(np.flatnonzero(~np.isfinite(w))) == expected
    assert len({v for i, v in enumerate(w) if i not in bad}) == 1


def test_betas_zero():
    """The sign of the gradient."""
    w = np.ones(3)
    optimizer = Adam(w, lr=0.5, betas=(0.0, 0.0), eps=0.0)
    optimizer.step(np.array([1e-3, -7.0, 1e5]))
    optimizer.step(np.array([2.0, -1e-9, 1e-5]))
    np.testing.assert_array_equal(w, [0.0, 2.0, 0.0])


def test_eps_zero():
    w = np.ones(2)
    Adam(w, lr=0.1, eps=0.0).step(np.array([0.0, 2.0]))
    assert np.isnan(w[0]) and w[1] == pytest.approx(0.9)


# Cost and concurrency


def test_no_allocation():
    w = [np.ones(200_000), np.ones(1000)]
    g = [np.ones(200_000), np.ones(1000)]
    optimizer = Adam(w, n_threads=2)
    optimizer.step(g)
    tracemalloc.start()
    try:
        optimizer.step(g)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        optimizer.step(g)
        assert tracemalloc.get_traced_memory()[1] - before < 8000
    finally:
        tracemalloc.stop()


def test_memory_is_freed_without_the_collector():
    import gc
    import weakref

    w = np.ones(1000)
    optimizer = Adam([{"params": [w]}])
    optimizer.step([[np.ones(1000)]])
    slot = weakref.ref(optimizer.updates()[0][3][0])
    gc.disable()
    try:
        del optimizer
        assert slot() is None
    finally:
        gc.enable()


def test_optimizers_in_threads():
    g = np.random.default_rng(12).standard_normal(50_000)
    results = {}

    def work(key):
        w = np.ones(50_000)
        optimizer = Adam(w, n_threads=2)
        for _ in range(20):
            optimizer.step(g)
        results[key] = w

    workers = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for t in workers:
        t.start()
    for t in workers:
        t.join()
    work("main")
    for k in range(3):
        np.testing.assert_array_equal(results[k], results["main"])


def test_one_optimizer_in_two_threads():
    """Refused, and the step that runs is whole."""
    w = np.ones(1000)
    seen = []

    def rate(step):
        other = threading.Thread(target=attempt)
        other.start()
        other.join()
        return 0.5

    def attempt():
        try:
            optimizer.step(np.ones(1000))
        except RuntimeError as error:
            seen.append(str(error))

    optimizer = SGD(w, lr=rate)
    for _ in range(2):
        optimizer.step(np.ones(1000))
    assert len(seen) == 2 and "already running" in seen[0]
    assert (w == 0.0).all() and optimizer.n_steps == 2


@pytest.mark.parametrize("dtype, real", [(np.float32, ctypes.c_float), (np.float64, ctypes.c_double)])
@brief
def test_block_functions_and_table(name, options, rule, dtype, real, isa):
    """An engine's loop: a table of scalars, then the rules by address without the GIL."""
    pointer = ctypes.POINTER(real)

    class Update(ctypes.Structure):
        _fields_ = [(k, pointer) for k in "wgabcd"] + [("scalars", ctypes.POINTER(ctypes.c_double))]

    rng = np.random.default_rng(13)
    options = with_rate(options, rule, schedules.Exponential(0.1, 0.9))
    start, grads = rng.standard_normal(777).astype(dtype), gradients(rng, (777,), 6, dtype)
    w = start.copy()
    expected = trajectory(OPTIMIZERS[name](w, **options), w, grads)[-1]
    w = start.copy()
    optimizer = OPTIMIZERS[name](w, **options)
    for part in (slice(0, 2), slice(2, 6)):
        table = optimizer.scalars(part.stop - part.start)
        assert table.shape == (part.stop - part.start, 1, 14)
        ((named, group, param, slots),) = optimizer.updates()
        assert named == rule and group == 0 and param is w
        function = ctypes.CFUNCTYPE(None, ctypes.POINTER(Update), ctypes.c_ssize_t, ctypes.c_ssize_t)(
            _kernels.table.updates[np.dtype(dtype)].address(named)
        )
        for row, g in zip(table, grads[part]):
            arrays = [param, g, *slots]
            update = Update(*[a.ctypes.data_as(pointer) for a in arrays], *[None] * (6 - len(arrays)))
            update.scalars = row.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
            function(ctypes.byref(update), 0, 300)
            function(ctypes.byref(update), 300, 777)
        optimizer.advance(part.stop - part.start)
    np.testing.assert_array_equal(w, expected)
    assert optimizer.n_steps == 6


# Rates that a step hands to the next


def test_schedule_free_weights_follow_the_rate_of_the_steps():
    """Also where the rate is changed by hand, and through pickle and state_dict."""
    rng = np.random.default_rng(18)
    start, grads = rng.standard_normal(5), rng.standard_normal((12, 5))
    rates = np.r_[np.full(6, 0.1), np.full(6, 0.3)]
    expected = reference.run("schedulefreesgd", "torch", start, grads, lr=lambda t: rates[t])
    w = start.copy()
    optimizer = O.ScheduleFreeSGD(w, lr=0.1)
    for t, g in enumerate(grads):
        if t == 6:
            optimizer.lr = 0.3
        optimizer.scalars(3)  # looking ahead changes nothing
        optimizer.step(g)
        np.testing.assert_allclose(w, expected[t], rtol=1e-13)
        if t == 7:
            optimizer = pickle.loads(pickle.dumps(optimizer))
            w = optimizer.param_groups[0]["params"][0]
        if t == 9:
            state, again = optimizer.state_dict(), w.copy()
            optimizer = O.ScheduleFreeSGD(again, lr=0.3)
            optimizer.load_state_dict(state)
            w = again


def test_asgd_steps_with_the_rate_of_the_step_before(torch_float64):
    """Also where options are changed by hand, for a group that came later and through a state."""
    torch = torch_float64
    rng = np.random.default_rng(19)
    start, grads = rng.standard_normal((3, 5)), rng.standard_normal((14, 3, 5))
    ours, theirs = list(start.copy()), [torch.tensor(w, requires_grad=True) for w in start]
    a = O.ASGD([{"params": ours[:1], "lambd": 0.3}], lr=0.1)
    b = torch.optim.ASGD([{"params": theirs[:1], "lambd": 0.3}], lr=0.1)
    for t, g in enumerate(grads):
        if t == 3:
            a.lr = b.param_groups[0]["lr"] = 0.4
        if t == 5:
            for optimizer, w in ((a, ours), (b, theirs)):
                optimizer.add_param_group({"params": w[1:], "lr": 0.2, "lambd": 0.1})
        if t == 8:
            a.param_groups[1]["lr"] = b.param_groups[1]["lr"] = 0.05
            a.param_groups[0]["lambd"] = b.param_groups[0]["lambd"] = 0.1
            a.alpha = b.param_groups[0]["alpha"] = b.param_groups[1]["alpha"] = 0.5
        if t == 9:
            state = a.state_dict()
            a = O.ASGD([{k: group[k] for k in ("params", "lambd", "lr")} for group in a.param_groups], alpha=0.5)
            a.load_state_dict(state)
        if t == 11:
            a = pickle.loads(pickle.dumps(a))
            ours = [w for group in a.param_groups for w in group["params"]]
        for p, given in zip(theirs, g):
            p.grad = torch.tensor(given)
        etas = [float(b.state[p]["eta"]) for p in (theirs[0], theirs[1]) if p in b.state]
        a.scalars(3)  # looking ahead changes nothing
        a.step([[g[0]], [g[1], g[2]]] if t >= 5 else [[g[0]]])
        b.step()
        for w, p in list(zip(ours, theirs))[: 3 if t >= 5 else 1]:
            np.testing.assert_allclose(w, p.detach().numpy(), rtol=1e-13)
        lengths = [group[0] for group in a.step_lengths()]
        np.testing.assert_allclose(lengths[: len(etas)], etas, rtol=1e-13)
    with pytest.raises(ValueError, match="lr_multiplier"):
        O.ASGD({"w": np.ones(2)}, lr_multiplier={"w": 0.1})


@pytest.mark.parametrize("name", TORCH)
def test_options_that_change_in_mid_run_as_torch(name, torch_float64):
    """Each number by itself and all together, forth and back: what torch keeps of the old ones, ours keeps."""
    torch, rng = torch_float64, np.random.default_rng(20)
    start, grads = rng.standard_normal(9), rng.standard_normal((16, 9))
    numbers = {
        key: values[:2]
        for key, values in GRID[name].items()
        if not isinstance(values[0], bool) and key not in ("lr", "initial_accumulator_value", *LACKS.get((name, "torch"), ()))
    }
    if name in ("sgd", "rmsprop"):
        numbers["momentum"] = [0.9, 0.5]
    lr = GRID[name]["lr"][0]
    for changed in [*([key] for key in numbers), list(numbers)]:
        w, p = start.copy(), torch.tensor(start, requires_grad=True)
        o = {key: values[0] for key, values in numbers.items()}
        a = OPTIMIZERS[name](w, lr=lr, **o)
        b = getattr(torch.optim, TORCH[name])([p], lr=lr, **o, foreach=False)
        for t, g in enumerate(grads):
            for key in changed if t in (4, 9) else ():
                value = numbers[key][t == 4]
                a.set_params(**{key: value})
                b.param_groups[0][key] = value
            p.grad = torch.tensor(g)
            a.step(g)
            b.step()
            assert_close(w, p.detach().numpy(), f"{changed} {t}")


def test_nadam_keeps_the_product_of_its_momenta(torch_float64, keras, monkeypatch):
    """As torch for a group that came later, through a state and a pickle, ahead and in lengths; as Keras; not optax."""
    torch, rng = torch_float64, np.random.default_rng(21)
    start, grads = rng.standard_normal((3, 5)), rng.standard_normal((14, 3, 5))
    ours, theirs = list(start.copy()), [torch.tensor(w, requires_grad=True) for w in start]
    a = O.NAdam([{"params": ours[:1], "momentum_decay": 0.3}], lr=0.1)
    b = torch.optim.NAdam([{"params": theirs[:1], "momentum_decay": 0.3}], lr=0.1)
    for t, g in enumerate(grads):
        if t == 3:
            a.betas = b.param_groups[0]["betas"] = (0.7, 0.99)
        if t == 5:
            for optimizer, w in ((a, ours), (b, theirs)):
                optimizer.add_param_group({"params": w[1:], "lr": 0.2, "betas": (0.8, 0.99)})
        if t == 8:
            a.param_groups[1]["betas"] = b.param_groups[1]["betas"] = (0.5, 0.9)
            a.param_groups[0]["momentum_decay"] = b.param_groups[0]["momentum_decay"] = 0.01
        if t == 9:
            state, kept = a.state_dict(), [dict(group) for group in a.param_groups]
            names = ("params", "lr", "betas", "momentum_decay")
            a = O.NAdam([{k: group[k] for k in names} for group in kept])
            a.load_state_dict(state)
        if t == 11:
            a = pickle.loads(pickle.dumps(a))
            ours = [w for group in a.param_groups for w in group["params"]]
        for p, given in zip(theirs, g):
            p.grad = torch.tensor(given)
        a.scalars(3)  # looking ahead changes nothing
        with pytest.raises(ValueError, match="shape"):
            a.step([[g[0][:2]], *([[g[1], g[2]]] if t >= 5 else [])])  # nor does a step that is not made
        a.step([[g[0]], [g[1], g[2]]] if t >= 5 else [[g[0]]])
        b.step()
        for w, p in list(zip(ours, theirs))[: 3 if t >= 5 else 1]:
            np.testing.assert_allclose(w, p.detach().numpy(), rtol=1e-12)
        products = [float(b.state[p]["mu_product"]) for p in (theirs[0], theirs[1]) if p in b.state]
        np.testing.assert_allclose(a.state_dict()["mu_product"], products, rtol=1e-14)
        lengths = a.step_lengths()
        assert all((x > 0).all() for group in lengths for x in group)
    w = start[0].copy()
    # as in test_keras of test_optimizers_norms.py: without it Keras computes with numbers of float32
    table = importlib.import_module("keras.src.backend.common.dtypes").BIT64_TO_BIT32_DTYPE
    monkeypatch.setitem(table, "float64", "float64")
    keras.config.set_floatx("float64")
    try:
        peer, variable = keras.optimizers.Nadam(0.1), keras.Variable(start[0])
        peer.build([variable])
        one = O.NAdam(w, lr=0.1, like="keras")
        for t, g in enumerate(grads[:, 0]):
            if t == 5:
                peer.beta_1, one.betas = 0.6, (0.6, 0.999)
            peer.apply([keras.ops.convert_to_tensor(g)], [variable])
            one.step(g)
            np.testing.assert_allclose(w, keras.ops.convert_to_numpy(variable), rtol=1e-10)
    finally:
        keras.config.set_floatx("float32")


def test_nadam_of_optax_has_the_beta_of_now():
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    rng = np.random.default_rng(22)
    w, grads = rng.standard_normal(9), rng.standard_normal((12, 9))
    with jax.enable_x64(True):
        params, state = jax.numpy.asarray(w), None
        one = O.NAdam(w, lr=0.1, like="optax")
        for t, g in enumerate(grads):
            one.betas = (0.9, 0.999) if t < 5 else (0.6, 0.99)
            rule = optax.nadam(0.1, *one.betas)
            state = rule.init(params) if state is None else state
            updates, state = rule.update(jax.numpy.asarray(g), state, params)
            params = optax.apply_updates(params, updates)
            one.step(g)
            np.testing.assert_allclose(w, np.asarray(params), rtol=1e-10)
