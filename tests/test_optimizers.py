"""Optimizers: PyTorch's trajectories, the reference of each convention, levels and bits, options that change in mid-run.

Rules whose steps depend on norms are in test_optimizers_norms.py.
"""

import importlib
import inspect
import itertools
import pickle

import numpy as np
import pytest
from rules import (
    BRIEF,
    GRID,
    LACKS,
    LEVELS,
    LIKES,
    OPTIMIZERS,
    TORCH,
    O,
    assert_close,
    brief,
    each_pair,
    fair,
    gradients,
    settings,
    trajectory,
)

import fastopt
from fastopt import _kernels, schedules
from fastopt.optimizers import SGD, Adam, AdamW
from fastopt.optimizers._filters import COMMON
from fastopt.reference import optimizers as reference


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
    problem = rng.standard_normal(37), gradients(rng, (37,))
    fixed = reference.RULES[name, like][1]
    for o in settings(name, like):
        start, grads = fair(o, *problem)
        w, state = start.copy(), {}
        optimizer = OPTIMIZERS[name](w, **o, like=like)
        got = trajectory(optimizer, w, grads)
        expected = reference.run(name, like, start, grads, state, **{k: v for k, v in o.items() if k not in fixed})
        assert_close(got, expected, str(o))
        if hasattr(optimizer, "averages"):
            assert_close(optimizer.averages(), state["ax" if name == "asgd" else "x"], str(o))


@pytest.mark.parametrize("nesterov, eps_in_sqrt", [(False, None), (True, False)])
def test_corrected_variance(nesterov, eps_in_sqrt):
    """RMSprop centred and corrected: rounding, which is all of the first variance, or its root, counts beside eps."""
    options = dict(lr=0.03, momentum=0.9, eps=0.1, nesterov=nesterov, eps_in_sqrt=eps_in_sqrt)
    options.update(centered=True, bias_correction=True)
    rng = np.random.default_rng(3)
    start, grads = rng.standard_normal(37), rng.standard_normal((50, 37))
    w = start.copy()
    got = trajectory(O.RMSprop(w, **options, like="optax"), w, grads)
    expected = reference.run("rmsprop", "optax", start, grads, {}, **options)
    tolerance = {"rtol": 0, "atol": 1e-5} if eps_in_sqrt is False else {"rtol": 1e-10}
    np.testing.assert_allclose(got, expected, **tolerance)
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    with jax.enable_x64(True):
        rule = optax.rmsprop(0.03, 0.9, 0.1, eps_in_sqrt=eps_in_sqrt is not False, centered=True, momentum=0.9,
                             nesterov=nesterov, bias_correction=True)  # fmt: skip
        theirs, state = jax.numpy.asarray(start), rule.init(jax.numpy.asarray(start))
        for g in grads:
            updates, state = rule.update(jax.numpy.asarray(g), state)
            theirs = optax.apply_updates(theirs, updates)
    if eps_in_sqrt is False:  # the root of optax' first variance is nan where rounding takes it below 0
        known = np.isfinite(theirs)
        assert known.any()
        np.testing.assert_allclose(got[-1][known], np.asarray(theirs)[known], **tolerance)
    else:
        np.testing.assert_allclose(got[-1], theirs, **tolerance)


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


# Quotients by approximate reciprocals


@pytest.fixture(params=[False, True], ids=["divided", "reciprocals"])
def reciprocals(request):
    """Both ways to divide in float32 at AVX-512, whatever this processor takes by itself."""
    if LEVELS[-1] != "avx512":
        pytest.skip("AVX-512 only")
    with fastopt.config_context(isa="avx512"):
        kernels = _kernels.table.updates[np.dtype(np.float32)]
        before = kernels.approximate_reciprocals()
        kernels.approximate_reciprocals(request.param)
        assert kernels.approximate_reciprocals() == request.param
        yield request.param
        kernels.approximate_reciprocals(before)


QUOTIENTS = "adam amsgrad adagrad rmsprop rmsprop_centered nadam radam adabelief yogi".split()


@pytest.mark.parametrize("name, options", [(name, o) for name, o, rule in BRIEF if rule in QUOTIENTS])
def test_steps_by_reciprocals(name, options, reciprocals):
    """One step is that of float64 to rounding, from slots that several steps have made."""
    rng = np.random.default_rng(20)
    start, grads = rng.standard_normal(1003), gradients(rng, (1003,), 6)
    double = OPTIMIZERS[name](start.copy(), **options)
    for g in grads[:-1]:
        double.step(g)
    w = double.updates()[0][2]
    single = OPTIMIZERS[name](w.astype(np.float32), **options)
    single.load_state_dict(
        {k: v.astype(np.float32) if np.ndim(v) and v.dtype == np.float64 and v.size > 99 else v
         for k, v in double.state_dict().items()}
    )  # fmt: skip
    before = w.copy()
    double.step(grads[-1])
    single.step(grads[-1].astype(np.float32))
    error = np.abs(single.updates()[0][2] - w)
    assert (error <= 3e-7 * (np.abs(before) + np.abs(w - before)) + 3e-6 * np.abs(w - before)).all()


@pytest.mark.parametrize("beta2", [0.0, 0.999])
@pytest.mark.parametrize("eps", [0.0, 1e-8, 3e38])
@pytest.mark.parametrize("decoupled", [False, True])
def test_reciprocals_of_what_has_none(decoupled, eps, beta2, reciprocals):
    """Quotients of 0 and 0, by infinities, of numbers that have no reciprocal or one of few bits: as numpy divides."""
    g = np.zeros(333, dtype=np.float32)
    g[::5] = 10.0 ** np.linspace(-44, 38, len(g[::5]))
    g[3], g[77], g[200], g[301] = np.inf, -np.inf, np.nan, -0.0
    w = np.ones(333, dtype=np.float32)
    o = dict(betas=(0.9, beta2), eps=eps, weight_decay=1e-30, decoupled_weight_decay=decoupled)
    Adam(w, lr=1.0, **o).step(g)
    with np.errstate(all="ignore"):
        h = g if decoupled else g + np.float32(1e-30)
        m, v, root = np.float32(0.1) * h, np.float32(1 - beta2) * h * h, np.sqrt(1 - beta2)
        expected = 1 - np.float32(root / 0.1) * m / (np.sqrt(v) + np.float32(eps * root))
    np.testing.assert_allclose(w, expected, rtol=2e-6, atol=1e-6)


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


@pytest.mark.parametrize("n", [16 * 8192, 16 * 8192 + 1, 257 * 8192])
def test_steps_there_and_back(n):
    """From 16 to 256 blocks every second step goes through them backwards: the same bits as in pieces, which do not."""
    rng = np.random.default_rng(21)
    start, grads = rng.standard_normal(n, dtype=np.float32), rng.standard_normal((3, n), dtype=np.float32)
    alone = start.copy()
    pieces = [Adam(alone[i : i + 40960]) for i in range(0, n, 40960)]
    whole = [start.copy() for _ in range(3)]
    wholes = [Adam(w, n_threads=n_threads) for w, n_threads in zip(whole, (1, 2, 3))]
    for g in grads:
        for k, piece in enumerate(pieces):
            piece.step(g[k * 40960 : (k + 1) * 40960])
        for optimizer in wholes:
            optimizer.step(g)
    for w in whole:
        np.testing.assert_array_equal(w, alone)


@pytest.mark.parametrize("n", [3, 5 * 8192 + 1, 40 * 8192])
def test_threads_take_what_others_leave(n):
    """Each block is stepped once, by however many threads, more than there are processors or blocks among them."""
    w, g = np.zeros(n, dtype=np.float32), np.ones(n, dtype=np.float32)
    optimizer, steps = SGD(w, lr=1.0), 0
    for n_threads in (2, 1, 5, 64, 3):
        with fastopt.config_context(n_threads=n_threads):
            for _ in range(20):
                optimizer.step(g)
                steps += 1
                assert w.min() == w.max() == -steps


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
        if not isinstance(values[0], bool)
        and key not in ("lr", "initial_accumulator_value", *LACKS.get((name, "torch"), ()))
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
