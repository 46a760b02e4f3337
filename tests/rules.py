"""Update rules of one element: their options and settings, trajectories, what is close; for the tests of them."""

import itertools

import numpy as np
import pytest

from fastopt import _kernels, optimizers, schedules

LIKES = ("torch", "keras", "optax")
O = optimizers
OPTIMIZERS = {name: cls for name, cls in O.OPTIMIZERS.items() if not cls._MEASURED}
STEPS = 50
LEVELS = _kernels.available()

# Values of each option; the settings of a rule are all legal combinations.
GRID = {
    "sgd": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        momentum=[0, 0.9],
        dampening=[0, 0.3],
        weight_decay=[0, 0.05],
        nesterov=[False, True],
        maximize=[False, True],
    ),
    "adam": dict(
        lr=[0.03, schedules.Exponential(0.1, 0.9)],
        betas=[(0.9, 0.999), (0.0, 0.9), (0.8, 0.5)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        amsgrad=[False, True],
        maximize=[False, True],
        decoupled_weight_decay=[False, True],
        eps_root=[0, 1e-2],
    ),
    "adamw": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.5, 0.6)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 1e-2, 0.3],
        amsgrad=[False, True],
        maximize=[False, True],
        eps_root=[0, 1e-2],
    ),
    "adagrad": dict(
        lr=[0.3, schedules.Exponential(1, 0.9)],
        lr_decay=[0, 0.1],
        weight_decay=[0, 0.05],
        initial_accumulator_value=[0, 0.3],
        eps=[1e-10, 1e-2],
        maximize=[False, True],
    ),
    "adadelta": dict(
        lr=[1.0, schedules.Exponential(2.0, 0.9)],
        rho=[0.9, 0.5, 1.0],
        eps=[1e-6, 1e-2],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "rmsprop": dict(
        lr=[0.03, schedules.Exponential(0.1, 0.9)],
        alpha=[0.99, 0.5],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        momentum=[0, 0.9],
        centered=[False, True],
        initial_scale=[0, 0.5],
        eps_in_sqrt=[None, False],
        nesterov=[False, True],
        bias_correction=[False, True],
        maximize=[False, True],
    ),
    "adamax": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.0, 0.9), (0.8, 0.5)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        decoupled_weight_decay=[False, True],
        maximize=[False, True],
    ),
    "nadam": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.8, 0.5)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        momentum_decay=[4e-3, 1.0],
        decoupled_weight_decay=[False, True],
        eps_root=[0, 1e-2],
        maximize=[False, True],
    ),
    "radam": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.8, 0.5), (0.5, 0.9)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        decoupled_weight_decay=[False, True],
        eps_root=[0, 1e-2],
        maximize=[False, True],
    ),
    "adabelief": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.8, 0.5)],
        eps=[1e-16, 1e-2],
        eps_root=[1e-16, 1e-3],
        weight_decay=[0, 0.05],
        decoupled_weight_decay=[False, True],
        maximize=[False, True],
    ),
    "yogi": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.8, 0.5)],
        eps=[1e-3, 1e-1],
        initial_accumulator_value=[1e-6, 0.5],
        weight_decay=[0, 0.05],
        decoupled_weight_decay=[False, True],
        maximize=[False, True],
    ),
    "adan": dict(
        lr=[0.03, schedules.Exponential(0.1, 0.9)],
        betas=[(0.98, 0.92, 0.99), (0.5, 0.3, 0.8)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        no_prox=[False, True],
        eps_root=[0, 1e-3],
        maximize=[False, True],
    ),
    "lion": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.99), (0.3, 0.5)],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "signum": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        momentum=[0.9, 0, 0.5],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "rprop": dict(
        lr=[0.03, 1e-9, 9.0],
        etas=[(0.5, 1.2), (0.9, 1.01)],
        step_sizes=[(1e-6, 50), (1e-2, 0.05)],
        maximize=[False, True],
    ),
    "ftrl": dict(
        lr=[0.03, schedules.Exponential(0.3, 0.9)],
        initial_accumulator_value=[0.1, 2.0],
        l1=[0, 0.5],
        l2=[0, 0.1],
        l2_shrinkage=[0, 0.05],
        beta=[0, 1.0],
        maximize=[False, True],
    ),
    "asgd": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9), schedules.Warmup(0.1, 7)],
        lambd=[1e-4, 0.5],
        alpha=[0.75, 2.0],
        t0=[1e6, 0, 10],
        weight_decay=[0, 0.05],
        maximize=[False, True],
    ),
    "schedulefreesgd": dict(
        lr=[0.3, schedules.Exponential(0.5, 0.9)],
        momentum=[0.9, 0.5],
        weight_decay=[0, 0.05],
        warmup_steps=[0, 20],
        r=[0.0, 1.5],
        weight_lr_power=[2.0, 0.0],
        maximize=[False, True],
    ),
    "schedulefreeadamw": dict(
        lr=[0.03, schedules.Warmup(0.1, 7)],
        betas=[(0.9, 0.999), (0.5, 0.6)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        warmup_steps=[0, 20],
        r=[0.0, 1.5],
        weight_lr_power=[2.0, 0.0],
        maximize=[False, True],
    ),
    "schedulefreeradam": dict(
        lr=[0.03, schedules.Exponential(0.12, 0.9)],
        betas=[(0.9, 0.999), (0.5, 0.9)],
        eps=[1e-8, 1e-2],
        weight_decay=[0, 0.05],
        r=[0.0, 1.5],
        weight_lr_power=[2.0, 0.0],
        silent_sgd_phase=[True, False],
        maximize=[False, True],
    ),
}
PAIRS = [(name, like) for name, cls in OPTIMIZERS.items() for like in LIKES if like in cls._LIKE]
each_pair = pytest.mark.parametrize("name, like", PAIRS)
# Options that a convention lacks.
LACKS = {
    ("sgd", "keras"): {"dampening"},
    ("sgd", "optax"): {"dampening"},
    ("adagrad", "keras"): {"lr_decay"},
    ("adagrad", "optax"): {"lr_decay"},
    ("nadam", "optax"): {"momentum_decay"},
    **{(name, like): {"eps_root"} for name in ("adam", "adamw", "nadam", "radam") for like in ("torch", "keras")},
    **{
        ("rmsprop", like): {"initial_scale", "eps_in_sqrt", "nesterov", "bias_correction"}
        for like in ("torch", "keras")
    },
    ("adamax", "torch"): {"decoupled_weight_decay"},
}
# torch.optim's classes.
TORCH = dict(
    sgd="SGD", adam="Adam", adamw="AdamW", adagrad="Adagrad", adadelta="Adadelta", rmsprop="RMSprop", adamax="Adamax",
    nadam="NAdam", radam="RAdam", rprop="Rprop", asgd="ASGD",
)  # fmt: skip
SIGNS = {"lion", "signum", "rprop"}  # rules whose step does not grow with the gradient
# A setting of every rule of the roster, for tests that need not try all options.
BRIEF = [
    ("sgd", dict(lr=0.03, weight_decay=0.1), "sgd"),
    ("sgd", dict(lr=0.03, momentum=0.9, weight_decay=0.1, dampening=0.2), "momentum"),
    ("sgd", dict(lr=0.03, momentum=0.9, nesterov=True), "nesterov"),
    ("adam", dict(lr=0.03, weight_decay=0.1), "adam"),
    ("adamw", dict(lr=0.03), "adam"),
    ("adamw", dict(lr=0.03, amsgrad=True), "amsgrad"),
    ("adagrad", dict(lr=0.03, weight_decay=0.1), "adagrad"),
    ("adadelta", dict(lr=0.3, weight_decay=0.1), "adadelta"),
    ("rmsprop", dict(lr=0.003, weight_decay=0.1), "rmsprop"),
    ("rmsprop", dict(lr=0.003, momentum=0.9), "rmsprop_momentum"),
    ("rmsprop", dict(lr=0.003, centered=True), "rmsprop_centered"),
    ("rmsprop", dict(lr=0.003, centered=True, momentum=0.5), "rmsprop_centered_momentum"),
    ("adamax", dict(lr=0.03, weight_decay=0.1), "adamax"),
    ("nadam", dict(lr=0.03, weight_decay=0.1), "nadam"),
    ("radam", dict(lr=0.03, weight_decay=0.1, betas=(0.9, 0.99)), "radam"),
    ("adabelief", dict(lr=0.03, weight_decay=0.1, eps=1e-8), "adabelief"),
    ("yogi", dict(lr=0.03, weight_decay=0.1), "yogi"),
    ("adan", dict(lr=0.03, weight_decay=0.1), "adan"),
    ("lion", dict(lr=0.03, weight_decay=0.1), "lion"),
    ("signum", dict(lr=0.03, weight_decay=0.1), "signum"),
    ("rprop", dict(lr=0.03), "rprop"),
    ("ftrl", dict(lr=0.03, l1=0.1, l2=0.1, l2_shrinkage=0.1), "ftrl"),
    ("asgd", dict(lr=0.03, weight_decay=0.1, t0=3), "asgd"),
    ("schedulefreesgd", dict(lr=0.03, weight_decay=0.1, warmup_steps=4), "schedule_free"),
    ("schedulefreeadamw", dict(lr=0.03, weight_decay=0.1, warmup_steps=4), "schedule_free_adam"),
    ("schedulefreeradam", dict(lr=0.03, weight_decay=0.1, betas=(0.9, 0.99)), "schedule_free_adam"),
]
brief = pytest.mark.parametrize("name, options, rule", BRIEF, ids=[f"{n}-{r}" for n, _, r in BRIEF])


def with_rate(options, rule, rate):
    """With a schedule, where the rule takes one."""
    return options if rule == "rprop" else {**options, "lr": rate}


def legal(o):
    if o.get("dampening") and not o["momentum"]:
        return False
    return not (o.get("nesterov") and (not o["momentum"] or o.get("dampening")))


def settings(name, like="torch"):
    grid = {k: v for k, v in GRID[name].items() if k not in LACKS.get((name, like), ())}
    for values in itertools.product(*grid.values()):
        o = dict(zip(grid, values))
        if legal(o):
            yield o


def gradients(rng, shape, steps=STEPS, dtype=np.float64):
    """Of several magnitudes, some exactly zero."""
    g = rng.standard_normal((steps, *shape)) * 10.0 ** rng.uniform(-3, 1, size=(steps, *(1,) * len(shape)))
    g[rng.random(g.shape) < 0.05] = 0.0
    return g.astype(dtype)


def fair(o, start, grads):
    """Start and gradients, from which an RMSprop that is centred and corrected begins at 0 with a gradient of 0: the
    variance of its first gradient is 0, where any other's would be rounding alone (test_corrected_variance)."""
    if not (o.get("centered") and o.get("bias_correction")):
        return start, grads
    grads = grads.copy()
    grads[0] = 0.0
    return np.zeros_like(start), grads


def trajectory(optimizer, w, grads):
    out = []
    for g in grads:
        optimizer.step(g)
        out.append(w.copy())
    return np.array(out)


def assert_close(got, expected, message=""):
    """To 1e-12, or rounding of the largest value (steps are long where v is 0)."""
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14 * scale, err_msg=message)
