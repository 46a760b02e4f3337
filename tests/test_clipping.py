"""Clipping of gradients: torch, the statements of Keras and optax, structures, input errors."""

import numpy as np
import pytest

from fastopt.optimizers import clipping
from fastopt.optimizers.clipping import clip_adaptive, clip_global_norm, clip_norm, clip_value
from fastopt.reference import clipping as reference

SHAPES = [(7, 5), (33,), (), (0, 3), (20_000,), (3, 4, 5), (1, 9), (9, 1), (700, 1100)]


def arrays(dtype=np.float64, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return [np.asarray(scale * rng.standard_normal(s)).astype(dtype) for s in SHAPES]


def copies(given):
    return [a.copy() for a in given]


def check(got, expected, dtype):
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=1e-13 if dtype == np.float64 else 3e-7)


@pytest.mark.parametrize("limit", [0.3, 1e4])
def test_as_torch(limit, isa):
    torch = pytest.importorskip("torch")
    given = arrays()
    for ours, theirs in (
        (clip_value, torch.nn.utils.clip_grad_value_),
        (clip_global_norm, torch.nn.utils.clip_grad_norm_),
    ):
        mine, params = copies(given), [torch.zeros(s, dtype=torch.float64, requires_grad=True) for s in SHAPES]
        for p, g in zip(params, given):
            p.grad = torch.tensor(g)
        norm, expected = ours(mine, limit), theirs(params, limit)
        check(mine, [p.grad.numpy() for p in params], np.float64)
        if expected is not None:
            assert norm == pytest.approx(float(expected), rel=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("limit", [0.3, 30.0, 1e4])
def test_reference(limit, dtype, isa):
    given = arrays(dtype)
    wide = [g.astype(np.float64) for g in given]
    mine = copies(given)
    clip_value(mine, limit)
    check(mine, reference.by_value(wide, np.float64(dtype(limit))), dtype)
    mine = copies(given)
    norms = clip_norm(mine, limit)
    np.testing.assert_allclose(norms, [np.linalg.norm(g) for g in wide], rtol=1e-13)
    check(mine, reference.by_norm(wide, limit), dtype)
    for like, statement in (
        ("torch", reference.by_global_norm_torch),
        ("keras", reference.by_global_norm),
        ("optax", reference.by_global_norm),
    ):
        mine = copies(given)
        norm = clip_global_norm(mine, limit, like=like)
        assert norm == pytest.approx(np.sqrt(sum(np.sum(g**2) for g in wide)), rel=1e-13)
        check(mine, statement(wide, limit), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("like", ["torch", "keras", "optax"])
def test_adaptive(like, dtype, isa):
    given, params = arrays(dtype), arrays(dtype, seed=1, scale=3.0)
    params[0][:, 1] = 0.0  # a unit without weights: eps counts
    given[0][2] = given[0][:, 2] = 0.0  # and one without gradient
    mine = copies(given)
    clip_adaptive(mine, params, 0.3, 0.01, like=like)
    expected = [
        reference.adaptive(g.astype(np.float64), w.astype(np.float64), 0.3, 0.01, like)
        for g, w in zip(given, params)
    ]
    check(mine, expected, dtype)
    changed = [g.size and (a != g).any() for a, g in zip(mine, given)]
    assert sum(changed) >= 5
    again = copies(given)
    clip_adaptive(again, params, 1e6, 0.01, like=like)
    for a, g in zip(again, given):
        np.testing.assert_array_equal(a, g)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits(dtype, isa):
    """The same for any number of threads."""
    given, params = arrays(dtype), arrays(dtype, seed=1)
    results = []
    for n_threads in (1, 2, 3, -1, None):
        mine = [copies(given) for _ in range(5)]
        norms = [
            clip_norm(mine[0], 0.5, n_threads=n_threads),
            clip_global_norm(mine[1], 0.5, n_threads=n_threads),
            clip_value(mine[2], 0.5, n_threads=n_threads),
            clip_adaptive(mine[3], params, n_threads=n_threads),
            clip_adaptive(mine[4], params, like="torch", n_threads=n_threads),
        ]
        results.append((norms, mine))
    for norms, mine in results[1:]:
        assert norms == results[0][0]
        for one, other in zip(mine, results[0][1]):
            for a, b in zip(one, other):
                np.testing.assert_array_equal(a, b)


def test_structures():
    g = np.array([3.0, 4.0])
    assert clip_norm(g, 1.0) == 5.0 and np.allclose(g, [0.6, 0.8])
    mixed = {"a": np.array([3.0], np.float32), "b": np.array(4.0), "c": np.zeros((0, 2))}
    assert clip_norm(mixed, 10.0) == {"a": 3.0, "b": 4.0, "c": 0.0}
    assert clip_global_norm(mixed, 1.0, like="optax") == 5.0
    assert mixed["a"].dtype == np.float32
    np.testing.assert_allclose([mixed["a"][0], mixed["b"]], [0.6, 0.8], rtol=1e-7)
    weights = {"b": np.array(1.0), "a": np.array([2.0], np.float32), "c": np.zeros((0, 2))}
    clip_adaptive(mixed, weights, 0.1)
    np.testing.assert_allclose([mixed["a"][0], mixed["b"]], [0.2, 0.1], rtol=1e-6)
    fixed = np.ones(3)
    fixed.flags.writeable = False
    g = np.ones(3)
    clip_adaptive(g, fixed, 0.5)
    np.testing.assert_allclose(g, 0.5)


def test_not_finite():
    for bad in (np.nan, np.inf):
        g = [np.array([1.0, bad]), np.array([3.0])]
        for clip in (clip_norm, clip_global_norm):
            with pytest.raises(ValueError, match=r"the norm of grads\[0\] is not finite; nothing was clipped"):
                clip(g, 1.0, error_if_nonfinite=True)
        assert g[0][0] == 1.0 and g[1][0] == 3.0
        norm = clip_global_norm(g, 1.0)
        assert not np.isfinite(norm) and np.isnan(g[0][1])
        assert (g[1][0] == 0.0) if bad == np.inf else np.isnan(g[1][0])
    g = np.array([np.nan, np.inf, -np.inf, 0.5])
    clip_value(g, 1.0)
    np.testing.assert_array_equal(g, [np.nan, 1.0, -1.0, 0.5])
    g = np.array([[np.nan, 1.0], [1.0, 1.0]])
    clip_adaptive(g, np.ones((2, 2)), 0.1)
    assert np.isnan(g[:, 0]).all() and np.isfinite(g[:, 1]).all()


ERRORS = [
    (lambda g: clip_value(g, 0), ValueError, "limit must be > 0, got 0"),
    (lambda g: clip_value(g, -1.0), ValueError, "limit must be finite and >= 0, got -1.0"),
    (lambda g: clip_norm(g, "1"), TypeError, "limit must be a number, got str"),
    (lambda g: clip_norm(g, 1.0, like="jax"), ValueError, "like must be one of 'torch', 'keras', 'optax'"),
    (lambda g: clip_norm(g, 1.0, error_if_nonfinite=1), TypeError, "error_if_nonfinite must be True or False"),
    (lambda g: clip_global_norm(3.0, 1.0), TypeError, "grads must be an array, a list of arrays or a dict"),
    (lambda g: clip_global_norm([g, [1.0]], 1.0), TypeError, r"grads\[1\] must be a NumPy array .* got list"),
    (lambda g: clip_global_norm([g, g], 1.0), ValueError, r"grads\[0\] and grads\[1\] are the same array"),
    (lambda g: clip_global_norm(g[::2], 1.0), ValueError, "grads is not C-contiguous"),
    (
        lambda g: clip_global_norm(np.ones(3, int), 1.0),
        TypeError,
        "grads must have dtype float32 or float64, got int64",
    ),
    (lambda g: clip_adaptive(g, np.ones(5)), ValueError, r"params has shape \(5,\) and dtype float64, grads \(4,\)"),
    (lambda g: clip_adaptive(g, np.ones(4, np.float32)), ValueError, "dtype float32"),
    (lambda g: clip_adaptive([g], [np.ones(4), np.ones(4)]), ValueError, "params has 2 arrays, grads 1"),
    (lambda g: clip_adaptive(g, np.ones(8)[::2]), ValueError, "params is not C-contiguous .*pass a copy"),
    (lambda g: clip_adaptive(g, np.ones(4), like="jax"), ValueError, "like must be one of 'torch', 'keras', 'optax'"),
    (lambda g: clip_adaptive(g, np.ones(4), clipping=0), ValueError, "clipping must be > 0"),
    (lambda g: clip_value(g, 1.0, n_threads=0), ValueError, "n_threads"),
]


@pytest.mark.parametrize("call, error, message", ERRORS, ids=[m for *_, m in ERRORS])
def test_bad_input(call, error, message):
    g = np.full(4, 9.0)
    with pytest.raises(error, match=message):
        call(g)
    assert (g == 9.0).all()


def test_all():
    assert set(clipping.__all__) == {"clip_value", "clip_norm", "clip_global_norm", "clip_adaptive"}
