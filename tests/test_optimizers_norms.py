"""Optimizers whose steps depend on norms and inner products: conventions, packages, bits, state, errors."""

import copy
import importlib
import inspect
import itertools
import math
import pickle

import covering
import numpy as np
import pytest

from fastopt import _kernels, optimizers, schedules
from fastopt.optimizers._filters import COMMON
from fastopt.reference import optimizers as reference

O = optimizers
OPTIMIZERS = {name: cls for name, cls in O.OPTIMIZERS.items() if cls._MEASURED}
STEPS = 50
WHOLE = {"prodigy", "dog", "polyaksgd", "barzilaiborwein", "adaptivegd"}  # sums over all parameters
TWO_POINTS = {"barzilaiborwein", "adaptivegd"}

# Values of each option; the settings of a rule are all legal combinations.
GRID = {
    "lamb": dict(
        lr=[0.03, schedules.Exponential(0.1, 0.9)],
        betas=[(0.9, 0.999), (0.0, 0.9)],
        eps=[1e-6, 1e-2],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "adafactor": dict(
        lr=[0.03, schedules.Exponential(0.1, 0.9)],
        beta2_decay=[-0.8, -0.3],
        eps=[(None, 1e-3), (1e-2, 2.0)],
        d=[1.0, 1.5, None],
        weight_decay=[0, 0.05],
        min_dim_size_to_factor=[0, 6],
        multiply_by_parameter_scale=[True, False],
        maximize=[False, True],
    ),
    "muon": dict(
        lr=[0.03, schedules.Exponential(0.1, 0.9)],
        weight_decay=[0.1, 0],
        momentum=[0.95, 0.0],
        nesterov=[True, False],
        ns_coefficients=[(3.4445, -4.775, 2.0315), (2.0, -1.5, 0.5)],
        eps=[1e-7, 1.0],
        ns_steps=[5, 1],
        adjust_lr_fn=[None, "original", "match_rms_adamw", "none"],
        rms_rate=[0.2, 0.5],
        adam_lr_ratio=[1.0, 0.3],
        adam_betas=[(0.9, 0.999), (0.5, 0.6)],
        adam_eps=[1e-8, 1e-2],
        adam_weight_decay=[1e-2, 0],
        maximize=[False, True],
    ),
    "prodigy": dict(
        lr=[1.0, schedules.Exponential(1.0, 0.9), schedules.Warmup(1.0, 7)],
        betas=[(0.9, 0.999), (0.5, 0.6)],
        beta3=[None, 0.7],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        decouple=[True, False],
        use_bias_correction=[False, True],
        safeguard_warmup=[False, True],
        d0=[1e-6, 1e-2],
        d_coef=[1.0, 0.5],
        growth_rate=[np.inf, 1.1, 1.5],
        maximize=[False, True],
    ),
    "dog": dict(
        lr=[1.0, schedules.Exponential(1.0, 0.9)],
        init_step=[("heuristic", 1e-3), ("distance", 0.1), ("learning_rate", 0.01)],
        eps=[1e-8, 1e-1],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "polyaksgd": dict(
        lr=[1.0, schedules.Exponential(1.0, 0.9)],
        max_lr=[1.0, 0.05, np.inf],
        f_min=[0.0, 0.4],
        eps=[0.0, 0.5],
        variant=["sps", "sps+"],
        c=[1.0, 0.5],
        growth=[None, 1.1],
        maximize=[False, True],
    ),
    "barzilaiborwein": dict(
        lr=[1e-3, 0.1],
        variant=["long", "short", "alternate"],
        max_lr=[np.inf, 0.7],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "adaptivegd": dict(
        lr=[1e-6, 0.1],
        variant=["adgd", "adgd2"],
        max_lr=[np.inf, 0.7],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
}
# Options that a convention lacks, with the only value it allows.
FIXED = {("prodigy", "optax"): {"decouple": True, "growth_rate": np.inf, "use_bias_correction": True}}
SHAPES = [(7, 5), (33,), ()]
FACTORED = {"adafactor", "muon"}  # rules for which the shape counts
ADAM = {
    "adam_lr_ratio",
    "adam_betas",
    "adam_eps",
    "adam_weight_decay",
}  # what Muon reads of arrays that are no matrices
MATRIX = {
    "weight_decay",
    "momentum",
    "ns_coefficients",
    "eps",
    "ns_steps",
    "adjust_lr_fn",
    "rms_rate",
}  # of those that are
PAIRS = [(name, like) for name, cls in OPTIMIZERS.items() for like in cls._LIKE]
each_pair = pytest.mark.parametrize("name, like", PAIRS)
BRIEF = {
    "lamb": dict(lr=0.03, weight_decay=0.1),
    "adafactor": dict(lr=0.03, weight_decay=0.1),
    "muon": dict(lr=0.03),
    "prodigy": dict(d0=1e-2, weight_decay=0.1),
    "dog": dict(init_step=("heuristic", 1e-2), weight_decay=0.1),
    "polyaksgd": dict(growth=1.5),
    "barzilaiborwein": dict(weight_decay=0.1),
    "adaptivegd": dict(lr=0.1, weight_decay=0.1),
}
brief = pytest.mark.parametrize("name", list(OPTIMIZERS))


def grid_of(name, like):
    grid = {**GRID[name], **{k: [v] for k, v in FIXED.get((name, like), {}).items()}}
    if name == "adafactor" and like != "torch":
        grid.update(eps=[(1e-30, 1e-3), (1e-2, 2.0)], d=[1.0, 0.5, None])
    return grid


def settings(name, like, n):
    """Pairs (shape, options): all options where they are n at most, with the shapes in turns; else a sample of both; for
    infinite n all pairs."""
    shapes = {"adafactor": [(5, 8), (8, 5), (40,), (), (2, 5, 4)], "muon": [(5, 8), (8, 5), (40,), ()]}.get(
        name, [(37,)]
    )
    if (name, like) == ("adafactor", "optax"):
        shapes = shapes[:-1]  # the reference is of two axes
    grid = grid_of(name, like)
    if math.prod(map(len, grid.values())) > n or n == math.inf:
        grid["shape"] = shapes
    return [(o.pop("shape", shapes[k % len(shapes)]), o) for k, o in enumerate(covering.settings(grid, n))]


SCALE = np.geomspace(0.05, 2.0, 37)


def run(optimizer, w, grads, values=None, pull=0.0):
    """The trajectory, and the gradients given: `grads`, with `pull` also the slope of a parabola, so many times as large;
    for the rules of two points its slope alone."""
    out, given = [], []
    for t, g in enumerate(grads):
        sign = -1.0 if optimizer.maximize else 1.0
        slope = sign * (np.resize(SCALE, w.shape) * (w - 1.0))
        if isinstance(optimizer, (O.BarzilaiBorwein, O.AdaptiveGD)):
            g = slope.astype(w.dtype)
        elif pull:
            g = g + pull * np.mean(np.abs(g)) * slope
        g = np.asarray(g)
        given.append(g)
        optimizer.step(g) if values is None else optimizer.step(g, value=values[t])
        out.append(w.copy())
    return np.array(out), given


def problem(rng, n, steps=STEPS, dtype=np.float64):
    grads = (rng.standard_normal((steps, n)) + 0.7) * 10.0 ** rng.uniform(-1, 1, (steps, 1))
    grads[rng.random(grads.shape) < 0.05] = 0.0
    return rng.standard_normal(n).astype(dtype), grads.astype(dtype), rng.uniform(0, 2, steps)


def values_of(name, values):
    return values if name == "polyaksgd" else None


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


def keras_run(keras, make, start, grads):
    keras.config.set_floatx("float64")
    try:
        rule = make(keras.optimizers)
        variables = [keras.Variable(w) for w in start]
        rule.build(variables)
        for step in grads:
            rule.apply([keras.ops.convert_to_tensor(g) for g in step], variables)
        return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]
    finally:
        keras.config.set_floatx("float32")


def optax_run(rule, start, grads, values=None):
    import jax
    import optax

    with jax.enable_x64(True):
        params = [jax.numpy.asarray(w) for w in start]
        state = rule.init(params)

        @jax.jit
        def advance(params, state, g, value):
            more = {} if values is None else {"value": value}
            updates, state = rule.update(g, state, params, **more)
            return optax.apply_updates(params, updates), state

        for t, step in enumerate(grads):
            g = [jax.numpy.asarray(x) for x in step]
            params, state = advance(params, state, g, 0.0 if values is None else values[t])
        return [np.asarray(w) for w in params]


def arrays(seed, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    start = [np.array(rng.standard_normal(s)) for s in shapes]
    grads = [
        [np.array((rng.standard_normal(s) + 0.7) * 10.0 ** rng.uniform(-1, 1)) for s in shapes] for _ in range(STEPS)
    ]
    return start, grads


def ours(recipe, start, grads, values=None):
    params = [w.copy() for w in start]
    optimizer = recipe.bind(params)
    for t, g in enumerate(grads):
        optimizer.step(g) if values is None else optimizer.step(g, value=values[t])
    return params


KERAS = [
    (O.LAMB(lr=0.03, like="keras"), lambda k: k.Lamb(0.03)),
    (O.LAMB(lr=0.03, weight_decay=0.05, like="keras"), lambda k: k.Lamb(0.03, weight_decay=0.05)),
    (O.Adafactor(like="keras"), lambda k: k.Adafactor()),
    (
        O.Adafactor(None, 0.1, -0.5, (1e-5, 1e-2), 1.5, 0.05, like="keras"),
        lambda k: k.Adafactor(0.1, -0.5, 1e-5, 1e-2, 1.5, weight_decay=0.05),
    ),
    (O.Muon(lr=0.03, like="keras"), lambda k: k.Muon(0.03)),
    (
        O.Muon(
            lr=0.03,
            weight_decay=0.1,
            momentum=0.5,
            nesterov=False,
            ns_steps=3,
            adjust_lr_fn="none",
            like="keras",
            adam_lr_ratio=0.5,
            adam_eps=1e-3,
            adam_weight_decay=0.2,
            adam_betas=(0.8, 0.9),
        ),  # fmt: skip
        lambda k: k.Muon(
            0.03, 0.8, 0.9, 0.2, 1e-3, 0.1, momentum=0.5, nesterov=False, ns_steps=3, rms_rate=None, adam_lr_ratio=0.5
        ),  # fmt: skip
    ),
]


each_keras = pytest.mark.parametrize("recipe, theirs", KERAS, ids=[repr(r) for r, _ in KERAS])


def keras_problem(recipe):
    return arrays(2, [*SHAPES, (5, 9)] if isinstance(recipe, O.Muon) else [*SHAPES, (2, 3, 4)])


@each_keras
def test_keras(recipe, theirs, keras, monkeypatch):
    """Keras in float64: its `ops.mean`, `norm`, `maximum` and `minimum` take their precision from a table of types in
    which float64 becomes float32, whatever `floatx` is."""
    table = importlib.import_module("keras.src.backend.common.dtypes").BIT64_TO_BIT32_DTYPE
    monkeypatch.setitem(table, "float64", "float64")
    start, grads = keras_problem(recipe)
    for a, b in zip(ours(recipe, start, grads), keras_run(keras, theirs, start, grads), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


class SingleMeans:
    """NumPy with means as Keras' `ops.mean` makes them on torch: rounded to float32 before and after."""

    def __init__(self, torch):
        self.torch = torch

    def __getattr__(self, name):
        return getattr(np, name)

    def mean(self, x, axis=None, keepdims=False):
        single = self.torch.tensor(x, dtype=self.torch.float32)
        return self.torch.mean(single, axis, keepdim=keepdims).numpy().astype(np.float64)


@each_keras
def test_what_keras_rounds(recipe, theirs, keras, torch_float64, monkeypatch):
    """Keras as it comes is the reference with some numbers in float32, of Adafactor all means and the results of max and
    min with their product, of Muon the norm with eps added; and the reference without is ours."""
    torch = torch_float64
    start, grads = keras_problem(recipe)
    foreign = {"like", "n_threads", "clip_global_norm", *COMMON}
    o = {k: v for k, v in recipe.get_params(deep=False).items() if k not in foreign}
    name = type(recipe).__name__.lower()
    o = {k: v for k, v in o.items() if k not in reference.RULES[name, "keras"][1]}

    def by_reference():
        runs = [reference.run(name, "keras", w, [g[i] for g in grads], **o) for i, w in enumerate(start)]
        return [steps[-1] for steps in runs]

    def norm(x):
        return torch.linalg.norm(torch.tensor(x, dtype=torch.float32)).numpy()[()]

    for a, b in zip(ours(recipe, start, grads), by_reference(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    if not isinstance(recipe, O.LAMB):
        exact = by_reference()
        if isinstance(recipe, O.Adafactor):
            monkeypatch.setattr(reference, "np", SingleMeans(torch))
            for choose in (max, min):
                single = lambda *given, choose=choose: np.float32(choose(*given))  # noqa: E731
                monkeypatch.setattr(reference, choose.__name__, single, raising=False)
        else:
            monkeypatch.setattr(reference, "_norm", norm)
        assert any(np.abs(a - b).max() > 1e-9 for a, b in zip(exact, by_reference()))
    for a, b in zip(by_reference(), keras_run(keras, theirs, start, grads), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


def torch_run(torch, make, start, grads):
    params = [torch.tensor(w, requires_grad=True) for w in start]
    rule = make(params)
    for step in grads:
        for p, g in zip(params, step):
            p.grad = torch.tensor(g)
        rule.step()
    return [p.detach().numpy() for p in params]


@pytest.mark.parametrize("n", [8, pytest.param(500, marks=pytest.mark.slow)])
def test_adafactor_is_torchs(n, torch_float64):
    """Settings that torch has: with every pair of values, or all."""
    torch = torch_float64
    start, grads = arrays(11, [(7, 5), (3,), (2, 3, 4)])
    grid = {k: v for k, v in GRID["adafactor"].items() if k in inspect.signature(torch.optim.Adafactor).parameters}
    grid.update(lr=[0.03], d=[1.0, 1.5])
    for o in covering.settings(grid, n):
        expected = torch_run(torch, lambda p: torch.optim.Adafactor(p, **o, foreach=False), start, grads)  # noqa: B023
        for a, b in zip(ours(O.Adafactor(**o), start, grads), expected):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14, err_msg=str(o))


def test_muon_is_torchs(torch_float64):
    """To what bfloat16 leaves; the length of a step is 1 by singular value."""
    torch = torch_float64
    start, grads = arrays(12, [(7, 5), (5, 9)])
    for o in (dict(lr=1e-3), dict(lr=1e-3, nesterov=False, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")):
        expected = torch_run(torch, lambda p: torch.optim.Muon(p, **o), start, grads)  # noqa: B023
        for w, a, b in zip(start, ours(O.Muon(**o), start, grads), expected):
            assert np.linalg.norm(a - b) <= 1e-2 * np.linalg.norm(b - w)


@pytest.mark.parametrize("name", ["adafactor", "muon"])
def test_signature_is_torchs(name):
    torch = pytest.importorskip("torch")
    theirs = inspect.signature({"adafactor": torch.optim.Adafactor, "muon": torch.optim.Muon}[name]).parameters
    mine = inspect.signature(OPTIMIZERS[name]).parameters
    positional = [k for k, p in theirs.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [k for k, p in mine.items() if p.kind is p.POSITIONAL_OR_KEYWORD] == positional
    for k in positional[1:]:
        assert mine[k].default == theirs[k].default, k


def adafactor(optax):
    """optax.adafactor(0.1, min_dim_size_to_factor=2, weight_decay_rate=0.01) with its decay in float64."""
    return optax.chain(
        optax.scale_by_factored_rms(
            min_dim_size_to_factor=2, decay_rate_fn=lambda i, power: 1.0 - (i + 1.0).astype("float64") ** -power
        ),
        optax.clip_by_block_rms(1.0),
        optax.scale_by_learning_rate(0.1, flip_sign=False),
        optax.scale_by_param_block_rms(),
        optax.add_decayed_weights(0.01),
        optax.scale(-1),
    )


OPTAX = [
    (O.LAMB(lr=0.03, weight_decay=0.1, eps=1e-3), lambda optax: optax.lamb(0.03, weight_decay=0.1, eps=1e-3)),
    (
        O.Prodigy(like="optax", weight_decay=0.1, safeguard_warmup=True, d_coef=0.5, d0=1e-3, beta3=0.8),
        lambda optax: optax.contrib.prodigy(
            weight_decay=0.1, safeguard_warmup=True, estim_lr_coef=0.5, estim_lr0=1e-3, beta3=0.8
        ),
    ),
    (
        O.DoG(init_step=("distance", 0.1), weight_decay=0.1, lr=0.5),
        lambda optax: optax.contrib.dog(0.5, ("distance", 0.1), weight_decay=0.1),
    ),
    (O.Adafactor(lr=0.1, min_dim_size_to_factor=2, weight_decay=0.01, like="optax"), lambda optax: adafactor(optax)),
    (O.Muon(lr=0.03, like="optax"), lambda optax: optax.contrib.muon(0.03)),
    (
        O.Muon(
            lr=0.03,
            weight_decay=0.1,
            nesterov=False,
            adjust_lr_fn="match_rms_adamw",
            adam_weight_decay=0.1,
            like="optax",
        ),  # fmt: skip
        lambda optax: optax.contrib.muon(
            0.03, weight_decay=0.1, nesterov=False, consistent_rms=0.2, adam_weight_decay=0.1
        ),
    ),
    (
        O.PolyakSGD(max_lr=0.2, f_min=0.4, eps=0.1, variant="sps+"),
        lambda optax: optax.polyak_sgd(0.2, 1.0, 0.4, 0.1, "sps+"),
    ),
    (O.PolyakSGD(lr=0.5, c=0.25, max_lr=0.2), lambda optax: optax.polyak_sgd(0.2, scaling=0.5)),
]


@pytest.mark.parametrize("recipe, theirs", OPTAX, ids=[repr(r) for r, _ in OPTAX])
def test_optax(recipe, theirs):
    optax = pytest.importorskip("optax")
    start, grads = arrays(3)
    values = np.random.default_rng(4).uniform(0, 2, STEPS) if recipe._NEEDS_VALUE else None
    expected = optax_run(theirs(optax), start, grads, values)
    for a, b in zip(ours(recipe, start, grads, values), expected):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


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


@pytest.mark.parametrize("like", ["torch", "keras", "optax"])
def test_muon_steps_each_matrix_as_alone(like):
    """Also where many of one shape are more than a stack, between arrays of other shapes, dtypes, groups and rates."""
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
