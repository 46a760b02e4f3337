"""Step lengths of update rules, from the states that `reference.optimizers` leaves behind: the oracle of the tests.

A function (state, t, **options) -> d of one array after step t, from 1: the step is -d times a weighted mean of the
gradients up to it. Each is written out by convention, as the rules are. `lr` is the rate of step t, `rates` those of all
steps.
"""

import numpy as np

from .optimizers import _rectifier, _rho, run


def _sgd(like):
    """What the rule itself does at step t where all gradients were 1."""

    def lengths(state, t, *, lr, rates, weight_decay=0, maximize=False, **options):
        path = run("sgd", like, 0.0, [1.0] * t, lr=lambda step: rates[step], **options)
        return -float(path[-1] - (path[-2] if t > 1 else 0.0))

    return lengths


def asgd(state, t, **_):
    return state["eta"]


def adam_torch(state, t, *, lr, betas=(0.9, 0.999), eps=1e-8, amsgrad=False, **_):
    return lr / (np.sqrt(state["v_max" if amsgrad else "v"] / (1 - betas[1] ** t)) + eps)


def adam_keras(state, t, *, lr, betas=(0.9, 0.999), eps=1e-7, amsgrad=False, **_):
    return lr * np.sqrt(1 - betas[1] ** t) / (np.sqrt(state["v_max" if amsgrad else "v"]) + eps)


def adam_optax(state, t, *, lr, betas=(0.9, 0.999), eps=1e-8, eps_root=0, amsgrad=False, **_):
    v_hat = state["v_max"] if amsgrad else state["v"] / (1 - betas[1] ** t)
    return lr / (np.sqrt(v_hat + eps_root) + eps)


def adagrad_torch(state, t, *, lr, lr_decay=0, eps=1e-10, **_):
    return lr / (1 + (t - 1) * lr_decay) / (np.sqrt(state["s"]) + eps)


def adagrad_others(state, t, *, lr, eps=1e-7, **_):
    return lr / np.sqrt(state["s"] + eps)


def _variance(state, seen=1.0):
    return np.maximum(state["v"] / seen - (state["mean"] / seen) ** 2, 0) if "mean" in state else state["v"] / seen


def rmsprop_torch(state, t, *, lr, eps=1e-8, momentum=0, **_):
    return lr * sum(momentum**k for k in range(t)) / (np.sqrt(_variance(state)) + eps)


def rmsprop_others(state, t, *, lr, rates, alpha=0.9, eps, momentum=0, eps_in_sqrt=None, nesterov=False,
                   bias_correction=False, **_):  # fmt: skip
    v = _variance(state, 1 - alpha**t if bias_correction else 1.0)
    weight = sum(momentum**k * rates[t - 1 - k] for k in range(t))
    weight = momentum * weight + lr if nesterov else weight
    return weight / (np.sqrt(v) + eps if eps_in_sqrt is False else np.sqrt(v + eps))


def adamax_torch(state, t, *, lr, **_):
    return lr / state["u"]


def adamax_keras(state, t, *, lr, eps=1e-7, **_):
    return lr / (state["u"] + eps)


def nadam_torch(state, t, *, lr, betas=(0.9, 0.999), eps=1e-8, momentum_decay=4e-3, **_):
    mu, following = (betas[0] * (1 - 0.5 * 0.96 ** (k * momentum_decay)) for k in (t, t + 1))
    product = state["product"]
    weight = (1 - mu) / (1 - product) + following * (1 - betas[0] ** t) / (1 - product * following)
    return lr * weight / (np.sqrt(state["v"] / (1 - betas[1] ** t)) + eps)


def nadam_optax(state, t, *, lr, betas=(0.9, 0.999), eps=1e-8, eps_root=0, **_):
    weight = betas[0] * (1 - betas[0] ** t) / (1 - betas[0] ** (t + 1)) + (1 - betas[0]) / (1 - betas[0] ** t)
    return lr * weight / (np.sqrt(state["v"] / (1 - betas[1] ** t) + eps_root) + eps)


def radam_torch(state, t, *, lr, betas=(0.9, 0.999), eps=1e-8, **_):
    longest, rho = _rho(betas[1], t)
    if rho > 5:
        return lr * _rectifier(longest, rho) * (1 - betas[1] ** t) ** 0.5 / (np.sqrt(state["v"]) + eps)
    return lr * np.ones_like(state["v"])


def radam_optax(state, t, *, lr, betas=(0.9, 0.999), eps=1e-8, eps_root=0, **_):
    longest, rho = _rho(betas[1], t)
    if rho >= 5:
        return lr * _rectifier(longest, rho) / (np.sqrt(state["v"] / (1 - betas[1] ** t) + eps_root) + eps)
    return lr * np.ones_like(state["v"])


def adabelief(state, t, *, lr, betas=(0.9, 0.999), eps=1e-16, **_):
    return lr / (np.sqrt(state["s"] / (1 - betas[1] ** t)) + eps)


def yogi(state, t, *, lr, betas=(0.9, 0.999), eps=1e-3, **_):
    return lr / (np.sqrt(state["v"] / (1 - betas[1] ** t)) + eps)


def adan(state, t, *, lr, betas=(0.98, 0.92, 0.99), eps=1e-8, eps_root=0, **_):
    return lr / (np.sqrt(state["n"] / (1 - betas[2] ** t) + eps_root) + eps)


def adan_torch(state, t, *, lr, weight_decay=0, no_prox=False, **options):
    """The authors divide the whole of w - u by 1 + lr weight_decay."""
    return adan(state, t, lr=lr, **options) / (1 if no_prox else 1 + lr * weight_decay)


# (optimizer, convention) -> lengths
LENGTHS = {
    **{("sgd", like): _sgd(like) for like in ("torch", "keras", "optax")},
    ("asgd", "torch"): asgd,
    **{(name, "torch"): adam_torch for name in ("adam", "adamw")},
    **{(name, "keras"): adam_keras for name in ("adam", "adamw")},
    **{(name, "optax"): adam_optax for name in ("adam", "adamw")},
    ("adagrad", "torch"): adagrad_torch,
    ("adagrad", "keras"): adagrad_others,
    ("adagrad", "optax"): adagrad_others,
    ("rmsprop", "torch"): rmsprop_torch,
    ("rmsprop", "keras"): rmsprop_others,
    ("rmsprop", "optax"): rmsprop_others,
    ("adamax", "torch"): adamax_torch,
    ("adamax", "keras"): adamax_keras,
    ("adamax", "optax"): adamax_torch,
    ("nadam", "torch"): nadam_torch,
    ("nadam", "keras"): nadam_torch,
    ("nadam", "optax"): nadam_optax,
    ("radam", "torch"): radam_torch,
    ("radam", "optax"): radam_optax,
    ("adabelief", "optax"): adabelief,
    ("yogi", "optax"): yogi,
    ("adan", "torch"): adan_torch,
    ("adan", "optax"): adan,
}
