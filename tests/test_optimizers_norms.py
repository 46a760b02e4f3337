"""Optimizers whose steps depend on norms and inner products: conventions, bits, state, errors."""

import copy
import itertools
import math
import pickle

import covering
import numpy as np
import pytest
from norm_rules import (
    ADAM,
    BRIEF,
    FIXED,
    GRID,
    MATRIX,
    OPTIMIZERS,
    PAIRS,
    SCALE,
    TWO_POINTS,
    WHOLE,
    O,
    arrays,
    brief,
    each_pair,
    grid_of,
    ours,
    problem,
    run,
    settings,
    values_of,
)

from fastopt import _kernels, optimizers, schedules
from fastopt.optimizers._filters import COMMON
from fastopt.reference import optimizers as reference


def test_grid_covers_the_registry():
    assert set(GRID) == set(BRIEF) == set(OPTIMIZERS)
    for name, cls in OPTIMIZERS.items():
        assert set(GRID[name]) == set(cls().get_params()) - {"like", "n_threads", "clip_global_norm", *COMMON}
    for dtype in (np.float32, np.float64):
        measures = set(_kernels.table.updates[np.dtype(dtype)].measures())
        assert measures == {cls._MEASURE for cls in OPTIMIZERS.values()} - {""}


@each_pair
def test_reference(name, like, isa):
    """Settings with every pair of values of two options, every step."""
    compare(name, like, 24)


@pytest.mark.slow
@each_pair
def test_reference_of_many_settings(name, like):
    """All settings where they are 500 at most, once; else that many (Muon has 32768), with every combination of choices."""
    compare(name, like, 500)


@pytest.mark.exhaustive
@each_pair
def test_reference_of_every_setting(name, like):
    """All settings; of the rules for which it counts with every shape."""
    compare(name, like, math.inf)


@each_pair
@pytest.mark.parametrize("n", [24, 500])
def test_settings_cover_the_grid(name, like, n):
    grid = grid_of(name, like)
    found = settings(name, like, n)
    assert found == settings(name, like, n)
    rows = [tuple(map(repr, o.values())) for _, o in found]
    every = math.prod(map(len, grid.values()))
    assert len(set(rows)) == every if every <= n else len({(shape, row) for (shape, _), row in zip(found, rows)}) == n
    assert len(rows) == min(every, n)
    columns = dict(zip(grid, zip(*rows)), shape=[repr(shape) for shape, _ in found])
    for a, b in itertools.combinations(columns, 2):
        assert len(set(zip(columns[a], columns[b]))) == len(set(columns[a])) * len(set(columns[b])), (a, b)
    for option, values in grid.items():
        assert set(columns[option]) == set(map(repr, values))
    choices = [option for option, values in grid.items() if covering.is_discrete(values)]
    if n == 500:
        assert len(set(zip(*(columns[c] for c in choices)))) == math.prod(len(grid[c]) for c in choices)


def read_by(name, shape, options):
    """The options that a step of an array of this shape depends on."""
    unread = () if name != "muon" else ADAM if len(shape) == 2 else MATRIX
    return {option: value for option, value in options.items() if option not in unread}


def compare(name, like, n):
    rng, seen = np.random.default_rng(1), {}
    fixed = reference.RULES[name, like][1]
    for shape, o in settings(name, like, n):
        read = {option: value for option, value in read_by(name, shape, o).items() if option not in fixed}
        key = repr((shape, read))
        if key in seen:
            start, grads, values, expected = seen[key]
        else:
            size = np.prod(shape, dtype=int)
            start, grads, values = problem(rng, size)
            start, grads, values, expected = (
                start.reshape(shape),
                grads.reshape(-1, *shape),
                values_of(name, values),
                None,
            )
        # Prodigy's d comes from x0 - w, whose rounding is 1e-10 of it at first where w is 1 and d0 1e-6, and it grows for
        # ever where no solution pulls: a start near 0 and a parabola make it a number that can be compared.
        pull, start = (2.0, start * 1e-3) if name == "prodigy" else (0.0, start)
        w = np.array(start)
        got, given = run(OPTIMIZERS[name](w, **o, like=like), w, grads, values, pull)
        if expected is None:
            expected = reference.run(name, like, start, given, values=values, **read)
        if name == "muon":
            seen[key] = start, grads, values, expected
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-11 * scale, err_msg=f"{shape} {o}")


@brief
def test_arrays_and_groups_are_one_problem(name):
    """Sums of whole rules run over arrays, groups and dtypes; LAMB's are each array's own."""
    rng = np.random.default_rng(5)
    start, grads, values = problem(rng, 60, 20)
    values, o = values_of(name, values), BRIEF[name]
    parts = [(0, 10), (10, 10), (10, 41), (41, 60)]
    a, b, c, d = (start[i:j].copy() for i, j in parts)
    optimizer = OPTIMIZERS[name]([{"params": [a, b]}, {"params": {"c": c, "d": d}}], **o)
    alone = start.copy()
    whole = OPTIMIZERS[name](alone, **o)
    for t, g in enumerate(grads):
        if name in TWO_POINTS:
            g = np.resize(SCALE, 60) * (alone - 1.0)
        i, j, k, m = (g[i:j] for i, j in parts)
        more = {} if values is None else {"value": values[t]}
        optimizer.step([[i, j], {"c": k, "d": m}], **more)
        whole.step(g, **more)
    if name in WHOLE:
        np.testing.assert_allclose(np.concatenate([a, b, c, d]), alone, rtol=1e-8)
    else:
        for (i, j), w in zip(parts, (a, b, c, d)):
            own = start[i:j].copy()
            run(OPTIMIZERS[name](own, **o), own, grads[:, i:j], values)
            np.testing.assert_allclose(w, own, rtol=1e-13)


@brief
def test_float32_and_mixed_dtypes(name, isa):
    rng = np.random.default_rng(6)
    start, grads, values = problem(rng, 1003, 20, np.float32)
    values, ends = values_of(name, values), []
    for dtype in (np.float32, np.float64):
        w = start.astype(dtype)
        run(OPTIMIZERS[name](w, **BRIEF[name]), w, grads.astype(dtype), values)
        ends.append(w)
    assert ends[0].dtype == np.float32
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-4, atol=1e-4)
    if name in WHOLE:
        wide, narrow = start[:500].astype(np.float64), start[500:].copy()
        optimizer = OPTIMIZERS[name]([narrow, wide], **BRIEF[name])
        for t in range(20):
            g = grads[t]
            if name in TWO_POINTS:
                g = np.resize(SCALE, 1003) * (np.concatenate([wide, narrow]) - 1.0)
            more = {} if values is None else {"value": values[t]}
            optimizer.step([g[500:].astype(np.float32), g[:500].astype(np.float64)], **more)
        np.testing.assert_allclose(np.concatenate([wide, narrow]), ends[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@brief
def test_bits(name, dtype, isa):
    """Same bits for any number of threads."""
    rng = np.random.default_rng(7)
    start, grads, values = problem(rng, 40_009, 3, dtype)
    results = []
    for n_threads in (1, 2, 3, None):
        w = start.copy()
        run(OPTIMIZERS[name](w, n_threads=n_threads, **BRIEF[name]), w, grads, values_of(name, values))
        results.append(w)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


@pytest.mark.parametrize("way", ["state_dict", "savez", "pickle", "deepcopy"])
@brief
def test_resume(name, way, tmp_path):
    """k steps then m equal k + m, bit for bit; also from before the first step."""
    rng = np.random.default_rng(8)
    start, grads, values = problem(rng, 44, 12, np.float32)
    values, o = values_of(name, values), BRIEF[name]
    if name in TWO_POINTS:
        w = start.copy()
        grads = np.array(run(OPTIMIZERS[name](w, **o), w, grads)[1])

    def advance(optimizer, lo, hi):
        for t in range(lo, hi):
            g = [grads[t, :30].reshape(6, 5), grads[t, 30:]]
            optimizer.step(g) if values is None else optimizer.step(g, value=values[t])

    def make():
        params = [start[:30].reshape(6, 5).copy(), start[30:].copy()]
        return OPTIMIZERS[name](params, **o), params

    whole, once = make()
    advance(whole, 0, 12)
    for k in (0, 5):
        first, twice = make()
        advance(first, 0, k)
        if way in ("state_dict", "savez"):
            state = first.state_dict()
            if way == "savez":
                np.savez(tmp_path / "state.npz", **state)
                state = np.load(tmp_path / "state.npz")
            second = OPTIMIZERS[name](twice, **o)
            second.load_state_dict(state)
        else:
            second = pickle.loads(pickle.dumps(first)) if way == "pickle" else copy.deepcopy(first)
            twice = second.param_groups[0]["params"]
        advance(second, k, 12)
        for a, b in zip(once, twice):
            np.testing.assert_array_equal(a, b)


def test_state_is_refused_before_anything_changes():
    w = np.ones(3)
    optimizer = O.LAMB([w])
    optimizer.step([np.ones(3)])
    before = optimizer.state_dict()
    for other in (
        O.Prodigy([np.ones(3)]),
        O.Adam([np.ones(3)]),
        O.LAMB([np.ones(4)]),
        O.LAMB([np.ones(3)], like="keras"),
    ):
        with pytest.raises(ValueError, match="state is of|has shape"):
            optimizer.load_state_dict(other.state_dict())
    for key, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, before[key])


@each_pair
def test_recipe(name, like):
    recipe = OPTIMIZERS[name](lr=0.25, like=like, n_threads=2)
    for other in (pickle.loads(pickle.dumps(recipe)), eval(repr(recipe), dict(vars(optimizers)))):
        assert other == recipe and other.get_params() == recipe.get_params()
    bound = recipe.bind(np.ones(3))
    with pytest.raises(ValueError, match="depend on sums|only step.. knows"):
        bound.scalars(1)
    assert optimizers.get(name, lr=0.5).lr == 0.5


OTHERS = dict(
    **dict(lr=0.45, betas=(0.1, 0.7), eps=0.5, weight_decay=0.7, maximize=True, beta3=0.3, decouple=False),
    **dict(use_bias_correction=True, safeguard_warmup=True, d0=0.1, d_coef=0.3, growth_rate=1.01, max_lr=1e-3),
    **dict(beta2_decay=-0.3, d=1.3, min_dim_size_to_factor=9, multiply_by_parameter_scale=False, momentum=0.2),
    **dict(nesterov=False, ns_coefficients=(2.0, -1.5, 0.5), ns_steps=3, adjust_lr_fn="none", rms_rate=0.5),
    **dict(adam_lr_ratio=0.3, adam_betas=(0.3, 0.4), adam_eps=0.3, adam_weight_decay=0.3),
    **dict(init_step=("distance", 0.3), f_min=0.3, variant="sps+", c=3.0, growth=1.01),
)


@each_pair
def test_every_option_has_an_effect(name, like):
    """Another legal value changes the trajectory; none is accepted and ignored."""
    rng = np.random.default_rng(9)
    start, grads, values = problem(rng, 64, 20)
    values = values_of(name, values - 0.5)
    base = {"lr": 0.9 if name == "prodigy" else 0.1, "weight_decay": 0.2, "d0": 1e-4, "c": 0.01}
    base |= {"adjust_lr_fn": "match_rms_adamw", "min_dim_size_to_factor": 2}
    base = {k: v for k, v in base.items() if k in GRID[name]}

    def end(**o):
        w = start.reshape(8, 8).copy()
        given = grads.reshape(-1, 8, 8)
        run(OPTIMIZERS[name](w, like=like, **{**base, **o}), w, given, values)
        if name != "muon":
            return w
        v = start.copy()
        run(OPTIMIZERS[name](v, like=like, **{**base, **o}), v, grads, values)
        return np.stack([w.ravel(), v])

    before = end()
    for option in GRID[name]:
        if name in TWO_POINTS and option == "maximize":
            continue  # `run` turns the gradients round; test_parabola ascends
        other = {"barzilaiborwein": "short", "adaptivegd": "adgd2"}.get(name) if option == "variant" else None
        given = {option: other or OTHERS[option]}
        if (name, option) == ("adafactor", "eps"):
            given = {"eps": (1e-1, 1.5)}
        if option in FIXED.get((name, like), {}):
            if option == "use_bias_correction":
                continue  # stated: always so
            with pytest.raises(ValueError, match=f"{option}.* like='torch' only"):
                end(**given)
        else:
            assert not np.array_equal(before, end(**given)), option


@pytest.mark.parametrize("name, like", [p for p in PAIRS if "clip_global_norm" in OPTIMIZERS[p[0]]().get_params()])
def test_clip_global_norm(name, like):
    start, grads = arrays(10)
    grads = grads[:20]
    limit, clipped = 3.0, []
    for step in grads:
        step = [g.copy() for g in step]
        O.clip_global_norm(step, limit, like=like)
        clipped.append(step)
    o = {**BRIEF[name], "like": like}
    for a, b in zip(ours(OPTIMIZERS[name](clip_global_norm=limit, **o), start, grads),
                    ours(OPTIMIZERS[name](**o), start, clipped)):  # fmt: skip
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


# Input

PARAM_ERRORS = [
    (lambda: O.LAMB(lr=-1), ValueError, "lr must be finite and >= 0, got -1"),
    (lambda: O.LAMB(like="torch"), ValueError, "like must be one of 'optax', 'keras', got 'torch'"),
    (lambda: O.LAMB(betas=(0.9, 1)), ValueError, r"betas\[1\] must be in"),
    (lambda: O.Adafactor(beta2_decay=0.5), ValueError, "beta2_decay must be < 0, got 0.5"),
    (lambda: O.Adafactor(eps=1e-8), TypeError, "eps must be a pair, got 1e-08"),
    (lambda: O.Adafactor(eps=(None, 1e-3), like="keras"), ValueError, r"eps\[0\]=None is of like='torch' only"),
    (lambda: O.Adafactor(eps=(0, 1e-3), like="optax"), ValueError, r"eps\[0\] must be > 0"),
    (lambda: O.Adafactor(d=0.5), ValueError, "d must be finite and >= 1"),
    (lambda: O.Adafactor(min_dim_size_to_factor=1.5), TypeError, "min_dim_size_to_factor must be an integer"),
    (
        lambda: O.Adafactor([np.ones((5, 3, 4))], like="optax", min_dim_size_to_factor=2),
        ValueError,
        r"params\[0\] has shape \(5, 3, 4\): like='optax' factors the two longest axes \[0, 2\]",
    ),
    (lambda: O.Muon(eps=0), ValueError, "eps must be > 0"),
    (lambda: O.Muon(ns_steps=100), ValueError, "ns_steps must be at most 99, got 100"),
    (lambda: O.Muon(ns_coefficients=(1, 2)), TypeError, "ns_coefficients must be a tuple of 3 numbers"),
    (lambda: O.Muon(adjust_lr_fn="rms"), ValueError, "adjust_lr_fn must be one of None, 'original'"),
    (lambda: O.Muon(momentum=1.0), ValueError, r"momentum must be in \[0, 1\)"),
    (lambda: O.Prodigy(d0=0), ValueError, "d0 must be > 0, got 0"),
    (lambda: O.Prodigy(growth_rate=1), ValueError, "growth_rate must be > 1, got 1"),
    (lambda: O.Prodigy(growth_rate=0.5), ValueError, "growth_rate must be finite and >= 1"),
    (lambda: O.Prodigy(beta3=1.0), ValueError, r"beta3 must be in \[0, 1\)"),
    (lambda: O.Prodigy(decouple=1), TypeError, "decouple must be True or False"),
    (lambda: O.Prodigy(decouple=False, like="optax"), ValueError, "decouple=False is of like='torch' only"),
    (lambda: O.Prodigy([{"params": np.ones(2), "d0": 1e-3}]), ValueError, "d0 belongs to the whole optimizer"),
    (lambda: O.DoG(init_step=("far", 1)), ValueError, r"init_step\[0\] must be one of 'heuristic', .* got 'far'"),
    (lambda: O.DoG(init_step=1e-6), TypeError, "init_step must be a pair of a name and a number"),
    (lambda: O.DoG(init_step=("distance", 0)), ValueError, r"init_step\[1\] must be > 0"),
    (lambda: O.PolyakSGD(max_lr=0), ValueError, "max_lr must be > 0"),
    (lambda: O.PolyakSGD(variant="max"), ValueError, "variant must be 'sps' or 'sps.', got 'max'"),
    (lambda: O.PolyakSGD(c=0), ValueError, "c must be > 0"),
    (lambda: O.PolyakSGD(growth=0.5), ValueError, "growth must be finite and >= 1"),
    (lambda: O.PolyakSGD(f_min=float("inf")), ValueError, "f_min must be"),
    (lambda: O.BarzilaiBorwein(lr=schedules.Constant(0.1)), TypeError, "lr of BarzilaiBorwein must be a number"),
    (lambda: O.BarzilaiBorwein(lr=0), ValueError, "lr must be > 0"),
    (lambda: O.BarzilaiBorwein(variant="both"), ValueError, "variant must be one of 'long', 'short', 'alternate'"),
    (lambda: O.AdaptiveGD(variant="long"), ValueError, "variant must be one of 'adgd', 'adgd2'"),
    (lambda: O.AdaptiveGD([{"params": np.ones(2), "lr": 1e-3}]), ValueError, "lr belongs to the whole optimizer"),
]


@pytest.mark.parametrize("make, error, message", PARAM_ERRORS, ids=[m for *_, m in PARAM_ERRORS])
def test_bad_options(make, error, message):
    with pytest.raises(error, match=message):
        make()


@brief
def test_bad_input(name):
    """Is named before anything is touched."""
    make = OPTIMIZERS[name]
    for bad, error in (
        (np.ones((3, 4)).T, ValueError),
        (np.ones(6)[::2], ValueError),
        (np.ones(3, dtype=int), TypeError),
        (np.ones(3, dtype=np.float16), TypeError),
    ):
        with pytest.raises(error, match="params"):
            make([bad])
        assert (bad == 1).all()
    params = [np.ones((2, 3)), np.ones(4)]
    optimizer = make(params)
    before = optimizer.state_dict()
    more = {"value": 1.0} if name == "polyaksgd" else {}
    g = [np.full((2, 3), 2.0), np.full(4, 2.0)]
    for bad, error in (
        ([g[0], np.ones(5)], ValueError),
        ([g[0]], ValueError),
        ([g[0], np.ones(4, dtype=np.float16)], TypeError),
        ([g[0], np.ones(4, dtype=int)], TypeError),
        ([g[0], np.ones(4, dtype=np.float32)], TypeError),
        ([g[0], [1.0] * 4], TypeError),
    ):
        with pytest.raises(error, match="grads"):
            optimizer.step(bad, **more)
    if name != "polyaksgd":
        with pytest.raises(TypeError, match="step takes no value"):
            optimizer.step(g, value=1.0)
    for w in params:
        assert (w == 1).all()
    for key, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    optimizer.step([np.asfortranarray(g[0]), np.full(8, 2.0)[::2]], **more)  # copied
    again = [np.ones((2, 3)), np.ones(4)]
    make(again).step(g, **more)
    for a, b in zip(params, again):
        np.testing.assert_array_equal(a, b)


def test_polyak_measures_gradients_alone():
    w = np.array([np.nan, 1.0, 2.0])
    O.PolyakSGD(w).step(np.ones(3), value=1.5)
    np.testing.assert_array_equal(w, [np.nan, 0.5, 1.5])


@pytest.mark.parametrize("corrected", [False, True])
def test_prodigy_makes_no_step_at_a_rate_of_zero(corrected):
    """As the authors' code: nothing is kept of such a step but its number, nor is one counted without any slope."""
    rng = np.random.default_rng(15)
    start, grads, _ = problem(rng, 30, 12)
    rates = np.array([0.0, 0.0, 0.5, 1.0, 1.0, 0.0, 1.0, 0.3, 0.0, 1.0, 1.0, 1.0])
    grads[2] = 0.0
    o = dict(d0=1e-2, use_bias_correction=corrected)
    w, x = start.copy(), start.copy()
    whole, made = O.Prodigy(w, lr=lambda step: rates[step], **o), O.Prodigy(x, **o)
    for t, g in enumerate(grads):
        before = whole.state_dict()
        whole.step(g)
        if rates[t] and g.any():
            made.lr = rates[t]
            made.step(g)
        np.testing.assert_array_equal(w, x)
        if t and not rates[t]:
            after = whole.state_dict()
            assert all((after[key] == before[key]).all() for key in before if "step" not in key or key == "d_steps")
        if t == 8:
            state, w = whole.state_dict(), w.copy()
            whole = O.Prodigy(w, lr=lambda step: rates[step], **o)
            whole.load_state_dict(state)
    assert whole.n_steps == 12 and not np.array_equal(w, start)


def test_prodigy_overflows_as_the_authors_code():
    """Where the decoupled decay of a large d throws the parameters out, in the same steps and elements."""
    rng = np.random.default_rng(17)
    for maximize in (False, True):
        start, grads, _ = problem(rng, 37)
        o = dict(lr=1.0, d0=1e-2, weight_decay=0.3, maximize=maximize)
        w = start.copy()
        with np.errstate(all="ignore"):
            got, _ = run(O.Prodigy(w, **o), w, grads)
            expected = reference.run("prodigy", "torch", start, grads, **o)
        finite = np.isfinite(expected)
        assert finite[:5].all() and not finite[-1].all()
        np.testing.assert_array_equal(np.isfinite(got), finite)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))


def test_value():
    w = np.ones(3)
    optimizer = O.PolyakSGD(w)
    with pytest.raises(TypeError, match="PolyakSGD.step needs value=, the objective at the parameters"):
        optimizer.step(np.ones(3))
    with pytest.raises(TypeError, match="value must be a number, got str"):
        optimizer.step(np.ones(3), value="1")
    with pytest.raises(ValueError, match="value must be finite"):
        optimizer.step(np.ones(3), value=np.nan)
    with pytest.raises(TypeError, match="SGD.step takes no value"):
        O.SGD(w).step(np.ones(3), value=1.0)
    assert (w == 1).all() and optimizer.n_steps == 0
    optimizer.step(np.ones(3), value=np.float32(0.3))
    np.testing.assert_allclose(w, 0.9, rtol=1e-7)


def test_nothing_to_measure():
    """Gradients of 0 leave the parameters, also from the first step on."""
    for name in OPTIMIZERS:
        w = np.ones(3)
        optimizer = OPTIMIZERS[name](w)
        for _ in range(3):
            if name == "muon":
                optimizer.set_params(adam_weight_decay=0)
            optimizer.step(np.zeros(3), **({"value": 1.0} if name == "polyaksgd" else {}))
        assert (w == 1).all(), name
        if name != "polyaksgd":
            optimizer.step(np.full(3, 0.1))
            assert np.isfinite(w).all(), name
