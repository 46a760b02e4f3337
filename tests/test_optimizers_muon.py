"""Muon's matrices: products of every size, threads, numbers that are not finite; its conventions are with the other rules."""

import numpy as np
import pytest

import fastopt
from fastopt import _config
from fastopt import optimizers as O
from fastopt.reference import optimizers as reference

# Of borders: one element, fewer rows or columns than a vector has lanes, one more than whole vectors, more rows than a
# task of a product, more terms than a sum in registers; with two or more matrices a thread each has one, of the larger
# ones all threads share one, and of the last ones both factors are copied.
SHAPES = [
    *[(1, 1), (1, 9), (9, 1), (3, 40), (16, 16), (17, 33), (65, 64), (100, 113), (31, 500), (500, 31), (129, 225)],
    *[(300, 257), (321, 340), (340, 321), (450, 337)],
]


def step(shape, count, dtype, n_threads, **options):
    rng = np.random.default_rng(7)
    params = [rng.standard_normal(shape).astype(dtype) for _ in range(count)]
    grads = [[rng.standard_normal(shape).astype(dtype) for _ in params] for _ in range(2)]
    start = [w.copy() for w in params]
    optimizer = O.Muon(params, lr=0.5, n_threads=n_threads, **options)
    for g in grads:
        optimizer.step(g)
    return start, grads, params


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_sizes(shape, dtype, tolerance, isa):
    start, grads, params = step(shape, 2, dtype, 2)
    for k, (first, w) in enumerate(zip(start, params)):
        expected = reference.run("muon", "torch", first, [g[k] for g in grads], lr=0.5)[-1]
        assert np.linalg.norm(w - expected) <= tolerance * np.linalg.norm(expected - first)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bits_do_not_depend_on_threads(shape, isa):
    for count in (1, 4):
        _, _, one = step(shape, count, np.float32, 1)
        for n_threads in (2, 3):
            _, _, more = step(shape, count, np.float32, n_threads)
            np.testing.assert_array_equal(one, more)


@pytest.mark.parametrize("like", ["torch", "keras", "optax"])
def test_muon_steps_each_matrix_as_alone(like):
    """Between arrays of other shapes, dtypes, groups and rates."""
    rng = np.random.default_rng(16)
    shapes = [(90, 100), (90, 100), (6,), (100, 90), (90, 100), (90, 100), (90, 100), (3, 0), (90, 100)]
    start = [rng.standard_normal(s).astype(t) for s in shapes for t in (np.float32, np.float64)]
    grads = [[rng.standard_normal(w.shape).astype(w.dtype) for w in start] for _ in range(3)]
    params = [w.copy() for w in start]
    o = dict(like=like, nesterov=False, weight_decay=0.1, adam_weight_decay=0.2)
    groups = [{"params": params[:13], "lr": 0.1}, {"params": params[13:], "lr": 0.2, "momentum": 0.5}]
    together = O.Muon(groups, **o, lr_multiplier={4: 0.5}, weight_decay_exclude=[1, 4])
    for g in grads:
        together.step([g[:13], g[13:]])
    for i, w in enumerate(start):
        own = dict(o, lr=0.1) if i < 13 else dict(o, lr=0.2, momentum=0.5)
        key = i if i < 13 else i - 13
        more = dict(lr_multiplier={0: 0.5}) if key == 4 else {}
        more["weight_decay_exclude"] = [0] if key in (1, 4) else None
        alone = w.copy()
        optimizer = O.Muon([alone], **own, **more)
        for g in grads:
            optimizer.step([g[i]])
        np.testing.assert_array_equal(params[i], alone)


def test_automatic_threads_know_the_products(monkeypatch):
    """A step of large matrices is long, though one of as many elements in small ones is short."""
    monkeypatch.setattr(_config, "_automatic", lambda: {"processors": 3})
    used = []
    for shapes in ([(900, 900)], [(9, 9)] * 10000, [(10000, 81)], [(810000,)]):
        optimizer = O.Muon([np.ones(s, dtype=np.float32) for s in shapes])
        with pytest.raises(ValueError, match="gradients|grads"):
            optimizer.step([np.ones(2, dtype=np.float32)] * len(shapes))  # makes the plans and no step
        with fastopt.config_context(n_threads=None):
            used.append(_config.threads(None, optimizer._milliseconds))
    assert used == [3, 1, 1, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(5, 40), (40, 5), (20, 20)], ids=str)
def test_what_is_not_finite_spoils_its_matrix_alone(bad, shape):
    params = [np.ones(shape), np.ones(shape)]
    grads = [np.random.default_rng(3).standard_normal(shape) for _ in params]
    grads[1][2, 3] = bad
    alone = np.ones(shape)
    O.Muon(alone).step(grads[0])
    O.Muon(params).step(grads)
    np.testing.assert_array_equal(params[0], alone)
    assert np.isnan(params[1]).all()


def test_memory_follows_the_largest_matrix():
    """Shapes in turn, smaller after larger, have the steps that each has by itself."""
    rng = np.random.default_rng(4)
    shapes = [(4, 4), (200, 230), (7, 3), (230, 200), (1, 90)]
    params = [rng.standard_normal(s) for s in shapes]
    alone = [w.copy() for w in params]
    grads = [rng.standard_normal(s) for s in shapes]
    O.Muon(params).step(grads)
    for w, g, together in zip(alone, grads, params):
        O.Muon(w).step(g)
        np.testing.assert_array_equal(w, together)
