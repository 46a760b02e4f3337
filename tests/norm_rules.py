"""The optimizers whose steps depend on norms and inner products: their settings, and problems for them."""

import math

import covering
import numpy as np
import pytest

from fastopt import optimizers, schedules

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
