"""Optimizers: state and resume, structures and groups, recipes, memory and threads, the table of the kernels."""

import copy
import ctypes
import pickle
import threading
import tracemalloc

import numpy as np
import pytest
from rules import (
    GRID,
    LACKS,
    OPTIMIZERS,
    PAIRS,
    brief,
    each_pair,
    gradients,
    trajectory,
    with_rate,
)

from fastopt import _kernels, optimizers, schedules
from fastopt.optimizers import SGD, Adam, AdamW
from fastopt.reference import optimizers as reference

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
        bias_correction=True,
    )
    base = dict(
        lr=0.1,
        weight_decay=0.2,
        momentum=0.9,
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
