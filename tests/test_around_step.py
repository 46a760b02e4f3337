"""What every optimizer does around its rule: clipping, centralisation, noise, non-finite gradients, exclusions."""

import copy
import pickle

import numpy as np
import pytest

from fastopt import _kernels
from fastopt.optimizers import OPTIMIZERS, SGD, Adam, AdamW, GradientNoise, Rprop, ScheduleFreeSGD, clipping
from fastopt.optimizers._filters import COMMON

SHAPES = [(7, 5), (33,), (), (0, 3), (20_000,), (3, 4, 5), (1, 9), (9, 1), (150, 211)]
CLIPS = {"clip_value": 0.4, "clip_norm": 0.7, "clip_global_norm": 2.0, "clip_adaptive": 0.03}


def arrays(dtype=np.float64, seed=0, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(s)).astype(dtype) for s in shapes]


def copies(given):
    return [a.copy() for a in given]


def clipped(name, grads, params, like):
    """What the functions of `clipping` make of them."""
    g = copies(grads)
    if name == "clip_value":
        clipping.clip_value(g, CLIPS[name])
    elif name == "clip_adaptive":
        clipping.clip_adaptive(g, params, CLIPS[name], like=like)
    else:
        getattr(clipping, name)(g, CLIPS[name], like=like)
    return g


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_options_are_the_functions(dtype, isa):
    for name in CLIPS:
        for like in ("torch", "keras", "optax"):
            w, g = arrays(dtype), arrays(dtype, 1)
            plain, kept = copies(w), copies(g)
            a, b = SGD(w, lr=0.5, like=like, **{name: CLIPS[name]}), SGD(plain, lr=0.5, like=like)
            for _ in range(3):
                b.step(clipped(name, g, plain, like))
                a.step(g)
            for x, y, z, u in zip(w, plain, g, kept):
                np.testing.assert_allclose(x, y, rtol=0, atol=1e-6 if dtype == np.float32 else 1e-14)
                np.testing.assert_array_equal(z, u)  # gradients are only read
            assert any(np.abs(x - y).max() > 1e-3 for x, y in zip(w, arrays(dtype)) if x.size)


def test_every_optimizer_takes_them():
    for name, cls in OPTIMIZERS.items():
        names = set(cls().get_params())
        assert {"centralize", "noise", "nonfinite", "lr_multiplier"} <= names
        assert ("clip_norm" in names) == ("clip_global_norm" in names)
        given = {"nonfinite": "skip", "centralize": True}
        if "clip_norm" in names:
            given["clip_norm"] = 0.3
        recipe = cls(lr=0.01, **given)
        assert recipe.get_params()["centralize"] is True and "centralize=True" in repr(recipe)
        assert pickle.loads(pickle.dumps(recipe)) == recipe and recipe != cls(lr=0.01)
        w, g = arrays(shapes=[(7, 5), (33,)]), arrays(seed=1, shapes=[(7, 5), (33,)])
        plain = copies(w)
        a, b = recipe.bind(w), cls(plain, lr=0.01)
        axis = 0 if recipe.like == "keras" else 1
        for _ in range(3):
            h = copies(g)
            h[0] -= h[0].mean(axis=axis, keepdims=True)
            if "clip_norm" in names:
                clipping.clip_norm(h, 0.3, like=recipe.like)
            value = {"value": 1.0} if cls._NEEDS_VALUE else {}
            a.step(g, **value)
            b.step(h, **value)
        for x, y in zip(w, plain):
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12, err_msg=name)


def test_clipping_as_torch(torch_float64):
    torch = torch_float64
    w, g = arrays(), arrays(seed=1)
    for name, theirs in (
        ("clip_value", torch.nn.utils.clip_grad_value_),
        ("clip_global_norm", torch.nn.utils.clip_grad_norm_),
    ):
        ours, params = copies(w), [torch.tensor(a, requires_grad=True) for a in w]
        opt, peer = Adam(ours, lr=0.1, **{name: CLIPS[name]}), torch.optim.Adam(params, lr=0.1)
        for _ in range(5):
            for p, one in zip(params, g):
                p.grad = torch.tensor(one)
            theirs(params, CLIPS[name])
            peer.step()
            opt.step(g)
        for a, p in zip(ours, params):
            np.testing.assert_allclose(a, p.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_clipping_as_keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    w, g = arrays(np.float32, shapes=SHAPES[:2]), arrays(np.float32, 1, SHAPES[:2])
    for ours, theirs in (
        ("clip_value", "clipvalue"),
        ("clip_norm", "clipnorm"),
        ("clip_global_norm", "global_clipnorm"),
    ):
        mine, variables = copies(w), [keras.Variable(a) for a in w]
        opt = SGD(mine, like="keras", lr=0.1, momentum=0.5, **{ours: CLIPS[ours]})
        peer = keras.optimizers.SGD(0.1, 0.5, **{theirs: CLIPS[ours]})
        peer.build(variables)
        for _ in range(4):
            peer.apply([keras.ops.convert_to_tensor(a) for a in g], variables)
            opt.step(g)
        for a, v in zip(mine, variables):
            np.testing.assert_allclose(a, keras.ops.convert_to_numpy(v), rtol=1e-6, atol=1e-7)


def test_as_optax():
    optax = pytest.importorskip("optax")
    jax = pytest.importorskip("jax")
    # also of three axes (heads), convolutions of two and three, and with axes of length 1
    shapes = [(7, 5), (33,), (1, 9), (6, 40), (4, 3, 5), (1, 4, 5), (4, 5, 1), (1, 6, 1), (3, 3, 4, 5), (2, 3, 2, 4, 5)]
    w, g = arrays(shapes=shapes), arrays(seed=1, shapes=shapes)
    with jax.enable_x64(True):
        for ours, theirs in (
            ({"clip_adaptive": 0.03}, optax.adaptive_grad_clip(0.03)),
            ({"clip_adaptive": (0.05, 0.9)}, optax.adaptive_grad_clip(0.05, 0.9)),
            ({"clip_adaptive": (0.3, 0.9)}, optax.adaptive_grad_clip(0.3, 0.9)),
            ({"centralize": True}, optax.centralize()),
            ({"centralize": True, "clip_norm": 0.5}, optax.centralize()),
        ):
            mine, params = copies(w), [jax.numpy.asarray(a) for a in w]
            opt = SGD(mine, lr=0.5, like="optax", **ours)
            chain = optax.chain(theirs, optax.sgd(0.5))
            if "clip_norm" in ours:  # of each array
                blocks = optax.stateless(
                    lambda u, p: jax.tree.map(lambda x: x * jax.numpy.minimum(1, 0.5 / jax.numpy.linalg.norm(x)), u)
                )
                chain = optax.chain(theirs, blocks, optax.sgd(0.5))
            state = chain.init(params)
            for _ in range(4):
                updates, state = chain.update([jax.numpy.asarray(a) for a in g], state, params)
                params = optax.apply_updates(params, updates)
                opt.step(g)
            for a, p in zip(mine, params):
                np.testing.assert_allclose(a, np.asarray(p), rtol=1e-11, atol=1e-13)


def test_centralize_axis(isa):
    for like, axes in (("torch", (1, 2)), ("optax", (1, 2)), ("keras", (0, 1))):
        for dtype in (np.float32, np.float64):
            w, g = arrays(dtype, shapes=[(30, 4, 600), (50,)]), arrays(dtype, 1, [(30, 4, 600), (50,)])
            expected = [a - b for a, b in zip(w, g)]
            expected[0] += g[0].astype(np.float64).mean(axis=axes, keepdims=True).astype(dtype)
            for n_threads in (1, 2):
                ours = copies(w)
                SGD(ours, lr=1.0, centralize=True, like=like, n_threads=n_threads).step(g)
                for a, b in zip(ours, expected):
                    np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 if dtype == np.float32 else 1e-14)


def test_threads_give_the_same_bits(isa):
    noise = GradientNoise(0.1, seed=3)
    shapes = [(70, 300), (30_001,), (30, 1100), (5,)]
    for dtype in (np.float32, np.float64):
        for like in ("torch", "keras"):
            for options in (
                {"clip_adaptive": 0.01, "centralize": True, "noise": noise},
                {"clip_global_norm": 1.0},
                {"clip_norm": 1.0, "nonfinite": "raise"},
                {"clip_value": 0.1, "noise": noise},
            ):
                results = []
                for n_threads in (1, 2, 3):
                    w = arrays(dtype, shapes=shapes)
                    Adam(w, like=like, n_threads=n_threads, **options).step(arrays(dtype, 1, shapes))
                    results.append(w)
                for other in results[1:]:
                    assert all((a == b).all() for a, b in zip(results[0], other))


# Not finite


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nonfinite(bad, isa):
    for dtype in (np.float32, np.float64):
        w, g = arrays(dtype), arrays(dtype, 1)
        g[4][17_000] = bad
        before = copies(w)
        opt = Adam(w, nonfinite="raise", clip_norm=1.0)
        opt.step(arrays(dtype, 2))
        kept, state = copies(w), opt.state_dict()
        with pytest.raises(ValueError, match=r"^grads\[4\] is not finite; nothing was updated$"):
            opt.step(g)
        g[0][0, 0] = bad
        with pytest.raises(ValueError, match=r"^grads\[0\], grads\[4\] are not finite"):
            opt.step(g)
        assert all((a == b).all() for a, b in zip(w, kept))
        assert all((v == opt.state_dict()[k]).all() for k, v in state.items())
        # Skipped: as if the step had not been; counted, and the count is saved.
        w, other = copies(before), copies(before)
        opt, without = Adam(w, nonfinite="skip"), Adam(other)
        for grads in (arrays(dtype, 2), g, arrays(dtype, 3), g):
            opt.step(grads)
            if grads is not g:
                without.step(grads)
        assert all((a == b).all() for a, b in zip(w, other))
        assert opt.n_skipped == 2 and opt.n_steps == 2 and without.n_skipped == 0
        again = Adam(copies(w), nonfinite="skip")
        again.load_state_dict(opt.state_dict())
        assert again.n_skipped == 2 and pickle.loads(pickle.dumps(opt)).n_skipped == 2
        # Propagated: the element, no other.
        w = copies(before)
        SGD(w, lr=1.0).step(g)
        assert not np.isfinite(w[4][17_000]) and sum((~np.isfinite(a)).sum() for a in w) == 2


def test_huge_gradients_are_finite():
    w = [np.zeros(40)]
    SGD(w, lr=1.0, nonfinite="raise").step([np.full(40, 1e300)])
    assert (w[0] == -1e300).all()
    w = [np.zeros(40, np.float32)]
    SGD(w, lr=1.0, nonfinite="raise").step([np.full(40, 3e38, np.float32)])
    assert (w[0] == np.float32(-3e38)).all()


def test_skips_as_optax():
    optax = pytest.importorskip("optax")
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        w = np.array([1.0, -2.0])
        peer = optax.apply_if_finite(optax.adam(0.1), max_consecutive_errors=5)
        params = jax.numpy.asarray(w)
        state = peer.init(params)
        opt = Adam(w, lr=0.1, like="optax", nonfinite="skip")
        for g in ([1.0, 2.0], [np.nan, 1.0], [0.5, -1.0], [np.inf, 0.0], [0.1, 0.2]):
            g = np.array(g)
            updates, state = peer.update(jax.numpy.asarray(g), state, params)
            params = optax.apply_updates(params, updates)
            opt.step(g)
            np.testing.assert_allclose(w, np.asarray(params), rtol=1e-12)
        assert opt.n_skipped == int(state.total_notfinite) == 2


# Random numbers


def test_philox_known_answers(isa):
    """The vectors of Random123's kat_vectors."""
    ones = 0xFFFFFFFF
    for counter, key, words in (
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ones,) * 4, (ones,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ):
        for kernels in _kernels.table.updates.values():
            assert kernels.philox(counter, key) == words


def test_normals(isa):
    """Each is Box and Muller's of its four words; moments and tails are those of the normal distribution."""
    kernels = _kernels.table.updates[np.dtype(np.float64)]
    n, seed = 400_001, 0x123456789ABCDEF0
    x = np.zeros(n)
    kernels.add_noise(x, 1.0, seed, 2, 5, 77)
    for i in (0, 1, 2, 12_345, n - 1):
        words = kernels.philox((i // 2, 2 << 24, 5, 77), (seed & 0xFFFFFFFF, seed >> 32))
        u, v = (((words[k] >> 5) * 2**26 + (words[k + 1] >> 6) + 0.5) / 2**53 for k in (0, 2))
        angle = (np.cos, np.sin)[i % 2](2 * np.pi * v)
        assert x[i] == pytest.approx(np.sqrt(-2 * np.log(u)) * angle, rel=1e-13, abs=1e-14)
    assert abs(x.mean()) < 5 / np.sqrt(n) and abs(x.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs((x**3).mean()) < 5 * np.sqrt(15 / n) and abs((x**4).mean() - 3) < 5 * np.sqrt(96 / n)
    assert abs(np.mean(x[:-1] * x[1:])) < 5 / np.sqrt(n)
    from scipy.stats import kstest

    assert kstest(x, "norm").pvalue > 1e-4
    for other in ((1.0, seed + 1, 2, 5, 77), (1.0, seed, 1, 5, 77), (1.0, seed, 2, 6, 77), (1.0, seed, 2, 5, 78)):
        y = np.zeros(n)
        kernels.add_noise(y, *other)
        assert abs(np.corrcoef(x, y)[0, 1]) < 5 / np.sqrt(n)


def test_noise():
    noise = GradientNoise(0.04, gamma=0.5, seed=7)
    assert noise(0) == 0.2 and noise(15) == pytest.approx(np.sqrt(0.04 / 4)) and noise == copy.deepcopy(noise)
    assert repr(noise) == "GradientNoise(eta=0.04, gamma=0.5, seed=7)"
    w, g = [np.zeros(30_000), np.zeros(30_001)], [np.ones(30_000), np.ones(30_001)]
    opt = SGD(w, lr=1.0, noise=noise)
    steps = []
    for _ in range(16):
        before = copies(w)
        opt.step(g)
        steps.append([b - a - 1.0 for a, b in zip(w, before)])
    for t in (0, 15):
        for one in steps[t]:
            assert one.std() == pytest.approx(noise(t), rel=0.03) and abs(one.mean()) < 5 * noise(t) / np.sqrt(one.size)
    for a, b in ((steps[0][0], steps[1][0]), (steps[0][0], steps[0][1][:-1])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(a.size)
    # float32 gets the same numbers, rounded.
    single = [a.astype(np.float32) * 0 for a in w]
    SGD(single, lr=1.0, noise=noise).step([a.astype(np.float32) for a in g])
    np.testing.assert_allclose(single[1] + 1, -steps[0][1], atol=3e-7)


def test_resume_bit_for_bit():
    for options in (
        {"noise": GradientNoise(0.1, seed=5), "clip_norm": 0.5},
        {"centralize": True, "nonfinite": "skip", "clip_adaptive": 0.1},
        {"lr_multiplier": {0: 0.1, 1: 3.0}, "weight_decay_exclude": "vectors", "weight_decay": 0.1},
    ):
        grads = [arrays(seed=s) for s in range(6)]
        grads[2][0][0, 0] = np.nan if options.get("nonfinite") else 1.0
        whole = arrays()
        a = Adam(whole, lr=0.1, **options)
        for g in grads:
            a.step(g)
        half = arrays()
        b = Adam(half, lr=0.1, **options)
        for g in grads[:3]:
            b.step(g)
        c = Adam(half, lr=0.1, **options)
        c.load_state_dict(b.state_dict())
        for g in grads[3:]:
            c.step(g)
        assert all((x == y).all() for x, y in zip(whole, half))
        assert all((v == c.state_dict()[k]).all() for k, v in a.state_dict().items())


# Decay and rates by array


def test_weight_decay_exclude():
    shapes = {"kernel": (4, 3), "bias": (3,), "scale": (), "row": (1, 3)}
    start = dict(zip(shapes, arrays(shapes=shapes.values())))
    g = dict(zip(shapes, arrays(seed=1, shapes=shapes.values())))
    for exclude, out in (
        ("vectors", {"bias", "scale"}),
        (["bias", "row"], {"bias", "row"}),
        (lambda key, w: key.startswith("s") or w.shape == (4, 3), {"scale", "kernel"}),
        (None, set()),
    ):
        for recipe in (AdamW(weight_decay=0.5), Adam(weight_decay=0.5), SGD(weight_decay=0.5, lr=0.1, like="keras")):
            w = {k: v.copy() for k, v in start.items()}
            parts = {k: v.copy() for k, v in start.items()}
            opt = recipe.bind(w).set_params(weight_decay_exclude=exclude)
            with_decay = {k: v for k, v in parts.items() if k not in out}
            without = {k: v for k, v in parts.items() if k in out}
            a = recipe.bind(with_decay)
            b = copy.deepcopy(recipe).set_params(weight_decay=0.0).bind(without) if without else None
            for _ in range(3):
                opt.step(g)
                a.step({k: g[k] for k in with_decay})
                if b:
                    b.step({k: g[k] for k in without})
            for k in w:
                np.testing.assert_array_equal(w[k], parts[k], err_msg=k)


def test_lr_multiplier():
    start, g = arrays(), arrays(seed=1)
    for recipe in (Adam(lr=lambda t: 0.1 / (1 + t)), SGD(lr=0.1, momentum=0.9)):
        w = copies(start)
        opt = recipe.bind(w).set_params(lr_multiplier={0: 0.0, 3: 2.0, 4: 0.25})
        parts = copies(start)
        groups = [
            {"params": [p], "lr": (lambda t, m=m: m * 0.1 / (1 + t)) if callable(recipe.lr) else 0.1 * m}
            for p, m in zip(parts, (0.0, 1.0, 1.0, 2.0, 0.25, 1.0, 1.0, 1.0, 1.0))
        ]
        other = recipe.bind(groups)
        for _ in range(3):
            opt.step(g)
            other.step([[one] for one in g])
        for a, b in zip(w, parts):
            np.testing.assert_allclose(a, b, rtol=1e-13)
        assert (w[0] == start[0]).all()
        opt.lr_multiplier = None
        assert opt.scalars(1).shape[1] == 1


def test_scalars_by_array():
    w = {"kernel": np.ones((2, 2)), "bias": np.ones(2)}
    opt = AdamW(w, lr=0.1, weight_decay=0.1, weight_decay_exclude=["bias"])
    rows = [row for _, row, _, _ in opt.updates()]
    table = opt.scalars(2)
    assert rows == [0, 1] and table.shape[:2] == (2, 2)
    assert table[0, 0, 2] == pytest.approx(0.01) and table[0, 1, 2] == 0
    for name, value in (("noise", GradientNoise()), ("centralize", True), ("nonfinite", "skip"), ("clip_value", 1.0)):
        with pytest.raises(ValueError, match=f"{name} depends on the gradients"):
            Adam(w, **{name: value}).scalars(1)


BAD = [
    ({"clip_value": 0}, ValueError, "clip_value must be > 0"),
    ({"clip_norm": -1.0}, ValueError, "clip_norm must be finite and >= 0"),
    ({"clip_adaptive": (0.1,)}, TypeError, r"clip_adaptive must be a number or a pair \(clipping, eps\)"),
    ({"clip_adaptive": (0.1, 0)}, ValueError, "clip_adaptive's eps must be > 0"),
    ({"clip_value": 1.0, "clip_global_norm": 1.0}, ValueError, "clips in one way, got clip_value and clip_global_norm"),
    ({"centralize": 1}, TypeError, "centralize must be True or False"),
    ({"centralize": True, "clip_adaptive": 0.1, "like": "optax"}, ValueError, "exclude each other"),
    ({"noise": 0.1}, TypeError, "noise must be None or a GradientNoise, got float"),
    ({"nonfinite": "ignore"}, ValueError, "nonfinite must be 'propagate', 'skip' or 'raise', got 'ignore'"),
    ({"weight_decay_exclude": "bias"}, TypeError, "weight_decay_exclude must be None, 'vectors', a list of keys"),
    ({"weight_decay_exclude": [2]}, ValueError, r"weight_decay_exclude names \[2\], which are not keys of params"),
    ({"lr_multiplier": 2.0}, TypeError, "lr_multiplier must be a dict"),
    ({"lr_multiplier": {0: -1.0}}, ValueError, r"lr_multiplier\[0\] must be finite and >= 0"),
    ({"lr_multiplier": {"w": 1.0}}, ValueError, r"lr_multiplier names \['w'\]"),
    ({"clip_nrom": 1.0}, TypeError, "clip_nrom"),
]


def test_bad_options():
    for options, error, message in BAD:
        w = [np.ones(2), np.ones(3)]
        with pytest.raises(error, match=message):
            Adam(w, **options)
        opt = Adam(w)
        if "clip_nrom" not in options and "like" not in options:
            with pytest.raises(error, match=message):
                opt.set_params(**options)
            opt.step([np.ones(2), np.ones(3)])
    for eta, gamma, seed in ((0, 0.5, 0), (-1, 0.5, 0), (1, -0.1, 0), (1, 0.5, -1), (1, 0.5, 2**64)):
        with pytest.raises(ValueError, match="must be"):
            GradientNoise(eta, gamma, seed)
    with pytest.raises(ValueError, match="belongs to the whole optimizer"):
        Adam([{"params": [np.ones(2)], "clip_norm": 1.0}])
    for cls in (ScheduleFreeSGD, Rprop):
        with pytest.raises(ValueError, match=f"lr_multiplier: what {cls.__name__} keeps depends on its rate"):
            cls(lr_multiplier={0: 2.0})
    with pytest.raises(TypeError, match="clip_norm"):
        Rprop(clip_norm=1.0)  # only signs count
    assert all(name in Adam().get_params() for name in COMMON)


def test_subclasses():
    class Short(Adam):
        def __init__(self, params=None, lr=0.5, *, n_threads=None, like="torch"):
            super().__init__(params, lr, betas=(0.5, 0.9), n_threads=n_threads, like=like)

    class Same(Adam):
        pass

    assert Short(centralize=True).get_params()["betas"] == (0.5, 0.9) and Same(clip_norm=2.0).clip_norm == 2.0
    w, plain = arrays(shapes=[(4, 3)]), arrays(shapes=[(4, 3)])
    g = arrays(seed=1, shapes=[(4, 3)])
    Short(w, centralize=True).step(g)
    Adam(plain, lr=0.5, betas=(0.5, 0.9), centralize=True).step(g)
    assert (w[0] == plain[0]).all()
