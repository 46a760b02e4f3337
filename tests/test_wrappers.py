"""Optimizers around optimizers: accumulation, Lookahead, SAM, averages; recipes, peers, resume."""

import copy
import pickle

import numpy as np
import pytest

from fastopt.optimizers import (
    EMA,
    SAM,
    SGD,
    SWA,
    Accumulate,
    Adam,
    AdamW,
    GradientNoise,
    Lookahead,
    ParameterAverage,
    PolyakSGD,
)

SHAPES = [(7, 5), (33,), (), (20_001,)]


def arrays(dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(s)).astype(dtype) for s in SHAPES]


def same(a, b):
    return all((x == y).all() for x, y in zip(a, b, strict=True))


MAKERS = {
    "accumulate": lambda: Accumulate(Adam(lr=0.1, clip_norm=0.5), 3),
    "lookahead": lambda: Lookahead(Adam(lr=0.1), k=3, alpha=0.4),
    "sam": lambda: SAM(SGD(lr=0.1, momentum=0.9), rho=0.2),
    "ema": lambda: EMA(AdamW(lr=0.1, noise=GradientNoise(0.1, seed=2)), decay=0.9, every=2),
    "swa": lambda: SWA(SGD(lr=0.1), start=2, every=2),
    "nested": lambda: EMA(Lookahead(Accumulate(Adam(lr=0.1, nonfinite="skip"), 2), k=2), decay=0.5),
}


def steps(opt, w, seeds):
    """Gradients 0.3 w + noise of each seed."""
    for seed in seeds:
        noise = arrays(w[0].dtype, seed)
        if isinstance(opt, SAM):
            opt.step(lambda: [np.asarray(0.3 * a + n).astype(a.dtype) for a, n in zip(w, noise)])  # noqa: B023
        else:
            opt.step([np.asarray(0.3 * a + n).astype(a.dtype) for a, n in zip(w, noise)])


def test_resume_bit_for_bit(isa):
    for make in MAKERS.values():
        for dtype in (np.float32, np.float64):
            whole, half = arrays(dtype), arrays(dtype)
            a, b, c = make().bind(whole), make().bind(half), make().bind(half)
            steps(a, whole, range(1, 12))
            steps(b, half, range(1, 6))
            c.load_state_dict({k: v.copy() for k, v in b.state_dict().items()})
            steps(c, half, range(6, 12))
            assert same(whole, half) and a.n_steps == c.n_steps > 0
            assert all((v == c.state_dict()[k]).all() for k, v in a.state_dict().items())
            if hasattr(a, "averages"):
                assert same(a.averages(), c.averages())
            # Copies and pickles go on alike.
            twin = pickle.loads(pickle.dumps(a))
            mine = [w for g in twin.param_groups for w in g["params"]]
            steps(twin, mine, [20, 21])
            steps(a, whole, [20, 21])
            assert same(mine, whole)


def test_recipes():
    for make in MAKERS.values():
        recipe = make()
        assert recipe == make() == copy.deepcopy(recipe) == pickle.loads(pickle.dumps(recipe))
        params = recipe.get_params(deep=False)
        assert type(recipe)(**params) == recipe and type(recipe).__name__ in repr(recipe)
        deep = next(k for k in recipe.get_params() if k.endswith("__lr"))
        other = copy.deepcopy(recipe).set_params(**{deep: 0.025})
        assert other != recipe and other.get_params()[deep] == 0.025
        with pytest.raises(ValueError, match="is a recipe without parameters"):
            recipe.step([np.ones(2)])
        with pytest.raises(ValueError, match="no parameter 'nothing'"):
            recipe.set_params(nothing=1)
    assert Lookahead("adam").optimizer == Adam()


def test_structures():
    """One array, a dict, groups; gradients are checked before anything is touched."""
    for make in MAKERS.values():
        one, d = np.ones(3), {"a": np.ones((2, 2)), "b": np.ones(1, np.float32)}
        groups = [{"params": [np.ones(2)], "lr": 0.5}, {"params": {"x": np.ones(3)}}]
        for params, grads in (
            (one, np.ones(3)),
            (d, {"b": np.ones(1, np.float32), "a": np.ones((2, 2))}),
            (groups, [[np.ones(2)], {"x": np.ones(3)}]),
        ):
            opt = make().bind(params)
            bad = {"a": np.ones((2, 2)), "b": np.ones(1)} if isinstance(params, dict) else np.ones(7)
            call = opt.first_step if isinstance(opt, SAM) else opt.step
            with pytest.raises((TypeError, ValueError), match=r"^grads"):
                call(bad)
            assert opt.n_steps == 0
            for _ in range(6):
                opt.step((lambda: grads) if isinstance(opt, SAM) else grads)  # noqa: B023
            assert opt.n_steps > 0
            if hasattr(opt, "averages"):
                assert type(opt.averages()) is type(params) if params is not groups else len(opt.averages()) == 2
        assert (one < 1).all() and (d["b"] < 1).all() and (groups[1]["params"]["x"] < 1).all()


def test_states_of_others():
    w = arrays()
    a, b = Lookahead(SGD(w)), EMA(SGD(arrays()))
    for state, message in (
        (b.state_dict(), "state must have the keys"),
        ({**a.state_dict(), "wrapper": np.array("EMA")}, "state is of EMA"),
        ({**a.state_dict(), "slow.0": np.ones(3)}, r"state\['slow.0'\] has shape"),
        ({**a.state_dict(), "optimizer.optimizer": np.array("Adam")}, "state is of optimizer 'Adam'"),
        ({**a.state_dict(), "fast_steps": np.array(-1)}, "negative"),
    ):
        before = a.state_dict()
        with pytest.raises(ValueError, match=message):
            a.load_state_dict(state)
        assert all((v == a.state_dict()[k]).all() for k, v in before.items())
    for call, message in (
        (lambda: Accumulate(SGD(), 0), "steps must be > 0"),
        (lambda: Accumulate(SGD(), 2, "median"), "reduction must be 'mean' or 'sum'"),
        (lambda: Lookahead(SGD(), k=0), "k must be > 0"),
        (lambda: Lookahead(SGD(), alpha=1.5), r"alpha must be in \(0, 1\]"),
        (lambda: SAM(SGD(), rho=0), "rho must be > 0"),
        (lambda: EMA(SGD(), decay=1.0), "decay must be in"),
        (lambda: SWA(SGD(), every=0), "every must be > 0"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="an optimizer is a name or an Optimizer, got int"):
        SAM(3)

    opt = Accumulate(SGD(np.ones(2)), 8)
    for _ in range(5):
        opt.step(np.ones(2))
    w = np.ones(2)
    short = Accumulate(SGD(w), 4)
    with pytest.raises(ValueError, match="state has 5 gradients gathered, but an update is made of 4"):
        short.load_state_dict(opt.state_dict())
    assert short.pending == 0 and short.n_steps == 0
    with pytest.raises(TypeError, match="put Accumulate inside of SAM"):
        Accumulate(EMA(SAM(SGD())), 2)


# Attributes, groups, values


def test_attributes():
    """A parameter is that of the outermost that has it; other names are refused."""
    w = np.ones(1)
    inner = Lookahead(SGD(w, lr=1.0), k=2)
    opt = EMA(inner, decay=0.5)
    opt.k, opt.lr, opt.decay = 1, 0.5, 0.25
    assert (inner.k, inner.optimizer.lr, opt.decay, opt.k, opt.lr) == (1, 0.5, 0.25, 1, 0.5)
    opt.step(w.copy())
    assert w == 0.75  # 1/2, half the way back
    assert opt.averages() == 0.75
    opt.step(np.zeros(1))
    opt.step(w.copy())
    assert opt.averages() == 0.75 * (w + 0.75 / 3)
    for name in ("optimizer", "nothing", "n_steps", "step"):
        with pytest.raises(AttributeError, match=f"EMA has no parameter '{name}' to set"):
            setattr(opt, name, 1)
    for name, value in (("decay", 1.0), ("k", 0), ("lr", -1.0)):
        with pytest.raises(ValueError, match=name):
            setattr(opt, name, value)
    with pytest.raises(AttributeError, match="'EMA' object has no attribute 'nothing'"):
        opt.nothing  # noqa: B018
    assert copy.deepcopy(opt).k == pickle.loads(pickle.dumps(opt)).k == 1


@pytest.mark.parametrize("way", ["outer", "inner"])
def test_groups_that_come_later(way):
    """They step as if they had been there, at rest, from the beginning; bound here or where the arrays are."""
    for make in MAKERS.values():
        late, early = [np.array([1.0, -2.0]), np.array([[3.0]])], [np.array([1.0, -2.0]), np.array([[3.0]])]
        a = make().bind([{"params": late[:1]}])
        b = make().bind([{"params": early[:1]}, {"params": early[1:]}])
        for root in (a._root, b._root):
            root.set_params(noise=None, weight_decay=0)

        def go(opt, params, rest=False):
            grads = [[np.asarray(0.0 * w if rest and i else 0.3 * w + 0.1)] for i, w in enumerate(params)]
            opt.step((lambda: grads) if isinstance(opt, SAM) else grads)

        for _ in range(4):
            go(a, late[:1])
            go(b, early, rest=True)
        b._root._groups[1].steps = 0  # bias corrections begin with the group
        (a if way == "outer" else a._root).add_param_group({"params": late[1:]})
        for _ in range(8):
            go(a, late)
            go(b, early)
        assert same(late, early) and a.n_steps == b.n_steps
        assert (late[1] != 3.0).all()
        if hasattr(a, "averages"):
            assert same([x for g in a.averages() for x in g], [x for g in b.averages() for x in g])
        states = a.state_dict(), b.state_dict()
        assert states[0].keys() == states[1].keys()
        with pytest.raises(ValueError, match=r"params.* share memory|are the same array"):
            a.add_param_group({"params": late[1:]})
        a.state_dict()


def test_group_that_comes_between_the_steps_of_sam():
    a, b = np.ones(2), np.ones(2)
    opt = SAM(SGD([a], lr=0.0), rho=0.5)
    opt.optimizer.add_param_group({"params": [b]})
    opt.step(lambda: [[2 * a], [2 * b]])
    assert (a == 1).all() and (b == 1).all()
    c = np.full(3, 7.0)
    opt.first_step([[2 * a], [2 * b]])
    opt.add_param_group({"params": [c]})
    opt.restore()
    assert (a == 1).all() and (c == 7).all()


def test_values():
    """PolyakSGD in every wrapper: what reaches it is the value, for micro-batches their mean or sum."""
    half = lambda w: (0.5 * float(w @ w), w.copy())
    for make in (lambda o: Lookahead(o, k=100), lambda o: EMA(o), lambda o: SWA(o), lambda o: EMA(Lookahead(o, k=100))):
        w, plain = np.array([1.0, -2.0]), np.array([1.0, -2.0])
        opt, other = make(PolyakSGD(w, f_min=-1.0)), PolyakSGD(plain, f_min=-1.0)
        for _ in range(3):
            value, g = half(w)
            opt.step(g, value=value)
            other.step(g, value=value)
        assert (w == plain).all()
        with pytest.raises(TypeError, match="PolyakSGD.step needs value="):
            opt.step(w.copy())
        with pytest.raises(TypeError, match=r"SGD.step takes no value"):
            make(SGD(w)).step(w.copy(), value=1.0)
    for reduction, parts in (("mean", 2), ("sum", 1)):
        w, plain = np.array([1.0, -2.0]), np.array([1.0, -2.0])
        opt, other = Accumulate(PolyakSGD(w), 2, reduction), PolyakSGD(plain)
        for at in range(4):
            g = [np.array([1.0 + at, 2.0]), np.array([0.5, at])]
            opt.step(g[0], value=3.0 + at)
            twin = Accumulate(PolyakSGD(w), 2, reduction)
            twin.load_state_dict(opt.state_dict())
            opt = twin
            with pytest.raises(TypeError, match="needs value="):
                opt.step(g[1])
            opt.step(g[1], value=1.0)
            other.step((g[0] + g[1]) / parts, value=(4.0 + at) / parts)
        assert (w == plain).all() and opt.n_steps == 4
    w, plain = np.array([3.0, -4.0]), np.array([3.0, -4.0])
    opt, other = EMA(SAM(PolyakSGD(w, max_lr=0.3), rho=0.5)), PolyakSGD(plain, max_lr=0.3)
    opt.step(lambda: half(w))
    moved = plain * 1.1
    other.step(moved, value=0.5 * float(moved @ moved))  # value and gradient of the moved point
    np.testing.assert_allclose(w, plain, rtol=1e-14)
    kept = w.copy()
    for call, message in (
        (lambda: opt.step(lambda: w.copy()), r"must give \(value, gradients\), got ndarray"),
        (lambda: opt.step(lambda: half(w), value=1.0), "step of SAM takes no value"),
        (lambda: SAM(SGD(w)).step(lambda: half(w)), "grads must be a NumPy array"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
        assert (w == kept).all()


# Accumulation


def test_accumulation():
    for reduction in ("mean", "sum"):
        w, plain = arrays(), arrays()
        opt, other = (
            Accumulate(Adam(w, lr=lambda t: 0.1 / (1 + t)), 4, reduction),
            Adam(plain, lr=lambda t: 0.1 / (1 + t)),
        )
        for at in range(3):
            parts = [arrays(seed=10 * at + i) for i in range(4)]
            kept = [a.copy() for a in w]
            for i, g in enumerate(parts):
                assert opt.pending == i and same(w, kept)
                opt.step(g)
            total = [sum(gs) / (4 if reduction == "mean" else 1) for gs in zip(*parts)]
            other.step([np.asarray(t) for t in total])
            assert opt.n_steps == at + 1
            for a, b in zip(w, plain):
                np.testing.assert_allclose(a, b, rtol=1e-10)
    opt = Accumulate(SGD(np.zeros(1)), 3)
    opt.step(np.ones(1))
    with pytest.raises(ValueError, match="1 gradients are gathered; steps must be larger, got 1"):
        opt.set_params(steps=1)


def test_accumulation_of_what_is_not_finite():
    """A bad micro-batch is left out or refused by itself; a sum that overflows is dropped."""
    bad = np.array([np.nan, 1.0])
    for nonfinite in ("raise", "skip"):
        w = np.zeros(2)
        opt = Accumulate(SGD(w, lr=1.0, nonfinite=nonfinite), 2)
        opt.step(np.ones(2))
        for _ in range(3):
            if nonfinite == "skip":
                opt.step(bad)
            else:
                with pytest.raises(ValueError, match="grads is not finite; nothing was updated"):
                    opt.step(bad)
        assert (w == 0).all() and opt.pending == 1 and opt.n_skipped == (3 if nonfinite == "skip" else 0)
        twin_w = w.copy()
        twin = Accumulate(SGD(twin_w, lr=1.0, nonfinite=nonfinite), 2)
        twin.load_state_dict(opt.state_dict())
        for one in (opt, twin):
            one.step(np.full(2, 3.0))
        assert (w == -2).all() and (twin_w == -2).all() and twin.n_skipped == opt.n_skipped and opt.n_steps == 1
    w = np.zeros(2)
    opt = Accumulate(SGD(w, lr=1.0, nonfinite="raise"), 2, "sum")
    opt.step(np.full(2, 1e308))
    with pytest.raises(ValueError, match="not finite"):
        opt.step(np.full(2, 1e308))
    assert (w == 0).all() and opt.pending == 0


def test_accumulation_skips_as_optax():
    """optax.MultiSteps(should_skip_update_fn=skip_not_finite)."""
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    with jax.enable_x64(True):
        multi = optax.MultiSteps(optax.sgd(0.1, 0.9), 3, should_skip_update_fn=optax.skip_not_finite)
        w = np.linspace(-1, 1, 12)
        params = jax.numpy.asarray(w)
        state = multi.init(params)
        opt = Accumulate(SGD(w, lr=0.1, momentum=0.9, like="optax", nonfinite="skip"), 3)
        for seed in range(20):
            g = np.random.default_rng(seed).standard_normal(12)
            if seed % 3 == 1:
                g[seed % 12] = np.inf if seed % 2 else np.nan
            updates, state = multi.update(jax.numpy.asarray(g), state, params)
            params = optax.apply_updates(params, updates)
            opt.step(g)
            np.testing.assert_allclose(w, np.asarray(params), rtol=1e-6)  # its mean is in float32
        assert opt.n_skipped == 7 and opt.n_steps == 4


def test_accumulation_as_keras_and_optax(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras, optax, jax = (pytest.importorskip(name) for name in ("keras", "optax", "jax"))
    w = np.linspace(-1, 1, 12).astype(np.float32)
    variable = keras.Variable(w)
    peer = keras.optimizers.SGD(0.1, 0.9, gradient_accumulation_steps=3)
    peer.build([variable])
    multi = optax.MultiSteps(optax.sgd(0.1, 0.9), 3)
    params = jax.numpy.asarray(w)
    state = multi.init(params)
    opt = Accumulate(SGD(w, lr=0.1, momentum=0.9, like="keras"), 3)
    for seed in range(12):
        g = np.random.default_rng(seed).standard_normal(12).astype(np.float32)
        peer.apply([keras.ops.convert_to_tensor(g)], [variable])
        updates, state = multi.update(jax.numpy.asarray(g), state, params)
        params = optax.apply_updates(params, updates)
        opt.step(g)
        np.testing.assert_allclose(w, keras.ops.convert_to_numpy(variable), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(w, np.asarray(params), rtol=1e-5, atol=1e-6)


# Lookahead and SAM


def test_lookahead_as_optax():
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    with jax.enable_x64(True):
        w = np.linspace(-1, 1, 12)
        params = optax.LookaheadParams.init_synced(jax.numpy.asarray(w))
        peer = optax.lookahead(optax.adam(0.1), sync_period=4, slow_step_size=0.3)
        state = peer.init(params)
        opt = Lookahead(Adam(w, lr=0.1, like="optax"), k=4, alpha=0.3)
        for seed in range(14):
            noise = np.random.default_rng(seed).standard_normal(12)
            updates, state = peer.update(jax.numpy.asarray(noise) + params.fast, state, params)
            params = optax.apply_updates(params, updates)
            opt.step(noise + w)
            np.testing.assert_allclose(w, np.asarray(params.fast), rtol=1e-11)
            np.testing.assert_allclose(opt.averages(), np.asarray(params.slow), rtol=1e-11)


@pytest.mark.parametrize("adaptive", [False, True])
def test_sam(adaptive, isa):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((6, 6))
    A = A @ A.T + np.eye(6)

    def gradient(w):
        return [A @ w[0] + w[1] ** 3, np.asarray(3 * w[1] ** 2 * w[0].sum())]

    w = [rng.standard_normal(6), np.asarray(0.7)]
    plain = [a.copy() for a in w]
    opt = SAM(SGD(w, lr=0.02, momentum=0.9), rho=0.3, adaptive=adaptive)
    two = [a.copy() for a in w]
    split, inner = SAM(SGD(two, lr=0.02, momentum=0.9), 0.3, adaptive), SGD(plain, lr=0.02, momentum=0.9)
    for _ in range(10):
        opt.step(lambda: gradient(w))
        split.first_step(gradient(two))
        split.second_step(gradient(two))
        g = gradient(plain)
        if adaptive:
            norm = np.sqrt(sum(((p * x) ** 2).sum() for p, x in zip(plain, g)))
            moved = [p + 0.3 * p**2 * x / norm for p, x in zip(plain, g)]
        else:
            norm = np.sqrt(sum((x**2).sum() for x in g))
            moved = [p + 0.3 * x / norm for p, x in zip(plain, g)]
        inner.step(gradient(moved))
        for a, b, c in zip(w, plain, two):
            np.testing.assert_allclose(a, b, rtol=1e-11)
            assert (a == c).all()


def test_sam_as_optax():
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    from optax import contrib

    with jax.enable_x64(True):
        w = np.linspace(-1, 1.5, 12)

        def gradient(p):
            return p**3 - p

        peer = contrib.sam(
            optax.sgd(0.1, 0.9), optax.chain(contrib.normalize(), optax.sgd(0.05)), opaque_mode=True, reset_state=False
        )
        params = jax.numpy.asarray(w)
        state = peer.init(params)
        opt = SAM(SGD(w, lr=0.1, momentum=0.9, like="optax"), rho=0.05)
        for _ in range(10):
            updates, state = peer.update(gradient(params), state, params, grad_fn=lambda p, _: gradient(p))
            params = optax.apply_updates(params, updates)
            opt.step(lambda: gradient(w))
            np.testing.assert_allclose(w, np.asarray(params), rtol=1e-10)


def test_sam_order():
    w = np.array([0.1, 0.7])
    opt = SAM(SGD(w, lr=0.1))
    with pytest.raises(ValueError, match="second_step comes after first_step"):
        opt.second_step(np.ones(2))
    opt.first_step(np.ones(2))
    assert (w > [0.1, 0.7]).all()
    for call, message in (
        (lambda: opt.first_step(np.ones(2)), "first_step was called twice"),
        (opt.state_dict, "the parameters are moved"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    opt.restore()
    assert (w == [0.1, 0.7]).all() and opt.n_steps == 0
    with pytest.raises(TypeError, match="step of SAM takes a function that gives the gradients"):
        opt.step(np.ones(2))
    calls = []

    def fails():
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("second")
        return np.ones(2)

    with pytest.raises(KeyError):
        opt.step(fails)
    assert (w == [0.1, 0.7]).all()
    opt.step(lambda: np.zeros(2))  # no direction: the inner step alone
    assert (w == [0.1, 0.7]).all() and opt.n_steps == 1
    up = np.array([1.0])
    SAM(SGD(up, lr=1.0, maximize=True), rho=0.5).step(lambda: up.copy())
    assert up == 1.5  # the gradient at 1/2, uphill


def test_sam_with_gradients_that_are_the_parameters():
    """What shares their memory is what it was where it was taken: arrays, views and tensors."""
    ways = [lambda w: w, lambda w: w[:], lambda w: w[::-1][::-1]]
    try:
        import torch

        ways.append(lambda w: torch.from_numpy(w))
    except ImportError:
        pass
    for adaptive in (False, True):
        for way in ways:
            w, plain = np.array([1.0, -2.0]), np.array([1.0, -2.0])
            SAM(SGD(w, lr=0.5), rho=0.1, adaptive=adaptive).step(lambda: way(w))  # noqa: B023
            SAM(SGD(plain, lr=0.5), rho=0.1, adaptive=adaptive).step(lambda: plain.copy())  # noqa: B023
            assert (w == plain).all()
    # of two arrays, each the other's gradient: the first must not be moved before it is read
    both, plain = np.array([[1.0, 2.0], [3.0, -4.0]]), np.array([[1.0, 2.0], [3.0, -4.0]])
    SAM(SGD([both[0], both[1]], lr=0.5), rho=0.1).step(lambda: [both[1], both[0]])
    SAM(SGD([plain[0], plain[1]], lr=0.5), rho=0.1).step(lambda: [plain[1].copy(), plain[0].copy()])
    assert (both == plain).all()
    opt = SAM(SGD(w, lr=0.5))
    kept = w.copy()
    opt.first_step(np.ones(2))
    with pytest.raises(ValueError, match="grads has shape"):
        opt.second_step(np.ones(3))
    assert (w == kept).all()  # put back


def test_sam_of_groups_that_maximise():
    down, up = np.array([1.0]), np.array([1.0])
    opt = SAM(SGD([{"params": down}, {"params": up, "maximize": True}], lr=1.0), rho=0.5 * np.sqrt(2.0))
    seen = []
    opt.step(lambda: seen.append((float(down[0]), float(up[0]))) or [down.copy(), up.copy()])
    np.testing.assert_allclose(seen, [(1.0, 1.0), (1.5, 0.5)])
    np.testing.assert_allclose([down[0], up[0]], [1.0 - 1.5, 1.0 + 0.5])


# Averages


def test_averages_as_torch(torch_float64):
    torch = torch_float64
    from torch.optim import swa_utils

    for make, theirs in (
        (lambda w: EMA(SGD(w, lr=0.1), decay=0.9), swa_utils.get_ema_multi_avg_fn(0.9)),
        (lambda w: SWA(SGD(w, lr=0.1), start=2, every=2), swa_utils.get_swa_multi_avg_fn()),
    ):
        w = np.linspace(-1, 1, 12).reshape(3, 4)
        net = torch.nn.Linear(4, 3, bias=False)
        with torch.no_grad():
            net.weight.copy_(torch.tensor(w))
        model = swa_utils.AveragedModel(net, multi_avg_fn=theirs)
        peer, opt = torch.optim.SGD(net.parameters(), lr=0.1), make(w)
        beside = ParameterAverage(w, decay=opt.get_params().get("decay"))
        for t in range(1, 10):
            g = np.random.default_rng(t).standard_normal((3, 4))
            net.weight.grad = torch.tensor(g)
            peer.step()
            opt.step(g)
            if isinstance(opt, EMA) or (t > 2 and t % 2 == 0):
                model.update_parameters(net)
                beside.update()
        np.testing.assert_allclose(opt.averages(), model.module.weight.detach().numpy(), rtol=1e-12)
        assert (beside.averages() == opt.averages()).all()


def test_applied():
    w = {"a": np.ones(3), "b": np.array(2.0, np.float32)}
    opt = EMA(SGD(w, lr=0.3), decay=0.5)
    for _ in range(4):
        opt.step({k: v.copy() for k, v in w.items()})
    kept, mean = {k: v.copy() for k, v in w.items()}, opt.averages()
    with opt.applied():
        assert all((w[k] == mean[k]).all() and (w[k] != kept[k]).any() for k in w)
    assert all((w[k] == kept[k]).all() for k in w)
    with pytest.raises(KeyError), opt.applied():
        raise KeyError("within")
    assert all((w[k] == kept[k]).all() for k in w)
    fixed = np.ones(2)
    fixed.flags.writeable = False
    average = ParameterAverage(fixed)
    with pytest.raises(ValueError, match="is read-only; the average cannot be put into it"), average.applied():
        pass
