"""Optimizers whose steps depend on norms and inner products beside torch, Keras and optax."""

import importlib
import inspect

import covering
import numpy as np
import pytest
from norm_rules import GRID, OPTIMIZERS, SHAPES, STEPS, O, arrays, ours

from fastopt.optimizers._filters import COMMON
from fastopt.reference import optimizers as reference


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
