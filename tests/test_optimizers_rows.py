"""Gradients of some rows: torch's sparse steps, dense equivalence, what is left alone, errors."""

import numpy as np
import pytest

from fastopt import optimizers
from fastopt.optimizers import EMA, OPTIMIZERS, SAM, SGD, SWA, Accumulate, Adagrad, Adam, AdamW, Lookahead, RowGradient

RECIPES = [
    SGD(lr=0.1),
    SGD(lr=0.1, maximize=True),
    Adagrad(lr=0.1),
    Adagrad(lr=0.1, lr_decay=0.1, initial_accumulator_value=0.3),
    Adam(lr=0.1, like="keras", eps=1e-8),
    Adam(lr=0.1, betas=(0.5, 0.9), like="keras", eps=1e-2, maximize=True),
    Adam(lr=0.1),
    AdamW(lr=0.1, weight_decay=0),
]
each = pytest.mark.parametrize("recipe", RECIPES, ids=repr)


def draws(rng, shape, steps=50, k=6, dtype=np.float64):
    """Indices with repetitions, and rows."""
    for _ in range(steps):
        indices = rng.integers(0, shape[0], k)
        yield indices, rng.standard_normal((k, *shape[1:])).astype(dtype)


def dense(indices, rows, shape):
    g = np.zeros(shape, rows.dtype)
    np.add.at(g, indices, rows)
    return g


@pytest.mark.parametrize("index", range(6))
def test_torch(index, torch_float64):
    torch = torch_float64
    recipe, rng, shape = RECIPES[index], np.random.default_rng(index), (9, 4)
    o = recipe.get_params()
    w = rng.standard_normal(shape)
    p = torch.tensor(w, requires_grad=True)
    common = dict(lr=o["lr"], maximize=o["maximize"])
    if isinstance(recipe, Adam):
        theirs = torch.optim.SparseAdam([p], betas=o["betas"], eps=o["eps"], **common)
    elif isinstance(recipe, Adagrad):
        more = {name: o[name] for name in ("lr_decay", "initial_accumulator_value", "eps")}
        theirs = torch.optim.Adagrad([p], **common, **more, foreach=False)
    else:
        theirs = torch.optim.SGD([p], **common, foreach=False)
    ours = recipe.bind(w)
    for indices, rows in draws(rng, shape):
        p.grad = torch.sparse_coo_tensor(torch.tensor(indices)[None], torch.tensor(rows), shape)
        theirs.step()
        ours.step(RowGradient(indices, rows))
    np.testing.assert_allclose(w, p.detach().numpy(), rtol=1e-12, atol=1e-14)


@each
def test_rows_are_arrays_of_their_own(recipe, isa):
    """Each row with its slots steps as alone; the others keep their bits. Dense steps of SGD and Adagrad are the same."""
    rng, shape = np.random.default_rng(1), (9, 5, 3)
    start = rng.standard_normal(shape)
    w, whole = start.copy(), start.copy()
    ours, full = recipe.bind([w, np.ones(3)]), recipe.bind([whole, np.ones(3)])
    for indices, rows in draws(rng, shape):
        before, state = w.copy(), ours.state_dict()
        ours.step([RowGradient(indices, rows), np.ones(3)])
        others = np.setdiff1d(np.arange(9), indices)
        np.testing.assert_array_equal(w[others], before[others])
        after = ours.state_dict()
        for key in state:
            if key.endswith(".0"):
                np.testing.assert_array_equal(after[key][others], state[key][others])
                assert not np.array_equal(after[key][indices[0]], state[key][indices[0]])
        # the touched rows, as arrays of their own with this state
        alone = before.copy()
        copy = recipe.bind([alone, np.ones(3)])
        copy.load_state_dict(state)
        copy.step([dense(indices, rows, shape), np.ones(3)])
        np.testing.assert_allclose(w[indices], alone[indices], rtol=1e-14, atol=1e-15)
        full.step([dense(indices, rows, shape), np.ones(3)])
    if not isinstance(recipe, Adam):
        np.testing.assert_allclose(w, whole, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits(dtype, isa):
    """Same bits for any number of threads, order of distinct indices, layout of the rows; both dtypes in one step."""
    rng, shape = np.random.default_rng(2), (300, 70)
    other = np.float64 if dtype == np.float32 else np.float32
    steps = [(rng.permutation(300)[:100], rng.standard_normal((100, 70)).astype(dtype)) for _ in range(4)]
    results = []
    for way in range(5):
        w = np.ones(shape, dtype)
        optimizer = Adam([w, np.ones(5, other)], lr=0.1, n_threads=(1, 2, 3, None, 1)[way])
        for indices, rows in steps:
            if way == 4:
                order = rng.permutation(100)
                indices, rows = indices[order].astype(np.uint16), np.asfortranarray(rows[order])
            optimizer.step([RowGradient(indices, rows), np.ones(5, other)])
        results.append(w)
    for w in results[1:]:
        np.testing.assert_array_equal(results[0], w)


def test_empty_and_aliased():
    w = np.ones((3, 2))
    optimizer = Adam(w, lr=0.1)
    optimizer.step(RowGradient(np.zeros(0, int), np.zeros((0, 2))))
    optimizer.step(RowGradient([], np.zeros((0, 2))))
    assert (w == 1).all() and optimizer.n_steps == 2
    SGD(w, lr=1.0).step(RowGradient([0, 1], w[1:]))  # views of the parameters: what they were before the step
    np.testing.assert_array_equal(w, [[0, 0], [0, 0], [1, 1]])


_rows = np.ones((2, 4))
ERRORS = [
    (
        SGD(lr=0.1, momentum=0.9),
        RowGradient([0, 1], _rows),
        TypeError,
        r"grads\[0\] is a RowGradient, which SGD without",
    ),
    (Adam(amsgrad=True), RowGradient([0, 1], _rows), TypeError, "without amsgrad"),
    (optimizers.RMSprop(), RowGradient([0, 1], _rows), TypeError, "is a RowGradient"),
    (optimizers.LAMB(), RowGradient([0, 1], _rows), TypeError, "is a RowGradient"),
    (SGD(weight_decay=0.1), RowGradient([0, 1], _rows), ValueError, "does not go with weight_decay"),
    (AdamW(), RowGradient([0, 1], _rows), ValueError, "does not go with weight_decay"),
    (SGD(clip_global_norm=1.0), RowGradient([0, 1], _rows), ValueError, "clip_global_norm does not go with"),
    (SGD(), RowGradient([0, 3], _rows), ValueError, r"indices in \[0, 3\], but params\[0\] has 3 rows"),
    (SGD(), RowGradient([-1, 0], _rows), ValueError, r"indices in \[-1, 0\]"),
    (SGD(), RowGradient([0, 1], np.ones((2, 5))), ValueError, r"rows of shape \(5,\), but params\[0\] has shape"),
    (SGD(), RowGradient([0, 1], _rows.astype(np.float32)), TypeError, "rows of dtype float32"),
]


@pytest.mark.parametrize("recipe, grad, error, message", ERRORS, ids=[m for *_, m in ERRORS])
def test_bad_rows(recipe, grad, error, message):
    """Named before anything is touched, also where another element type would step first."""
    params = [np.ones((3, 4)), np.ones(3, np.float32)]
    optimizer = recipe.bind(params)
    before = optimizer.state_dict()
    with pytest.raises(error, match=message):
        optimizer.step([grad, np.ones(3, np.float32)])
    assert all((w == 1).all() for w in params)
    for key, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    optimizer.step([np.ones((3, 4)), np.ones(3, np.float32)])  # and goes on


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 2)])
def test_every_optimizer_takes_or_refuses_them(name, shape, isa):
    """A refusal is a TypeError (a ValueError for a decay) before anything is touched, in both element types."""
    value = {"value": 1.0} if name == "polyaksgd" else {}
    own = {"muon": {"adam_weight_decay": 0.0, "nesterov": False}}.get(name, {})  # optax' with nesterov has NAdam
    takes = name in ("sgd", "adam", "adagrad") or (name == "muon" and len(shape) == 3)
    for like in OPTIMIZERS[name]._LIKE:
        params = [np.ones(3, np.float32), np.ones(shape)]
        optimizer = OPTIMIZERS[name](params, **own, like=like)
        before = optimizer.state_dict()
        grads = [np.ones(3, np.float32), RowGradient([1], np.ones((1, *shape[1:])))]
        if takes:
            optimizer.step(grads)
            assert (params[1][1] != 1).all() and (params[1][::2] == 1).all()
            continue
        with pytest.raises((TypeError, ValueError), match=r"grads\[1\] is a RowGradient"):
            optimizer.step(grads, **value)
        assert all((w == 1).all() for w in params) and optimizer.n_steps == 0
        for key, kept in optimizer.state_dict().items():
            np.testing.assert_array_equal(kept, before[key])
        optimizer.step([np.ones_like(w) for w in params], **value)  # and goes on


def test_wrappers():
    """Those that hand gradients on take them as the inner optimizer does; those that add them up refuse."""
    rows = RowGradient([1], np.ones((1, 2)))
    for make in (Lookahead, EMA, SWA):
        w = np.ones((3, 2))
        make(SGD(w, lr=1.0)).step(rows)
        np.testing.assert_array_equal(w, [[1, 1], [0, 0], [1, 1]])
        with pytest.raises(TypeError, match="is a RowGradient"):
            make(optimizers.DoG(w)).step(rows)
    w = np.ones((3, 2))
    for call in (lambda: Accumulate(SGD(w), 2).step(rows), lambda: SAM(SGD(w)).step(lambda: rows)):
        with pytest.raises(TypeError, match="grads must be a NumPy array of float64, got RowGradient"):
            call()
    assert (w == 1).all()


def test_bad_row_gradients():
    with pytest.raises(ValueError, match=r"params\[0\] has shape \(3,\): no rows"):
        SGD([np.ones(3)]).step([RowGradient([0], np.ones(1))])
    with pytest.raises(TypeError, match="indices must be integers"):
        RowGradient([0.5], np.ones((1, 2)))
    with pytest.raises(ValueError, match="but there are 2 indices"):
        RowGradient([0, 1], np.ones((3, 2)))
    with pytest.raises(TypeError, match="rows must be a NumPy array, got list"):
        RowGradient([0], [[1.0]])
