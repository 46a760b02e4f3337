"""How other libraries do the same work: one table for losses and one for optimizers, by our names.

A library that is not installed, or has no such function, is "not shown".
"""

import importlib
import inspect
import math
import os
import warnings

import numpy as np
from harness import Entry, affinity


def load(module):
    """The module, or None where the library is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


os.environ.setdefault("KERAS_BACKEND", "jax")  # by which Keras' steps are compiled
torch = load("torch")
jax = load("jax")
keras = load("keras")
optax = load("optax")
sklearn_losses = load("sklearn._loss.loss")
sklearn_optimizers = load("sklearn.neural_network._stochastic_optimizers")


# --- losses -----------------------------------------------------------------------------------------

# scikit-learn's classes, made from our loss and the number of columns.
SKLEARN_LOSSES = {
    "half_squared_error": lambda module, loss, k: module.HalfSquaredError(),
    "absolute_error": lambda module, loss, k: module.AbsoluteError(),
    "huber": lambda module, loss, k: module.HuberLoss(delta=loss.delta),
    "quantile": lambda module, loss, k: module.PinballLoss(quantile=loss.quantile),
    "poisson": lambda module, loss, k: module.HalfPoissonLoss(),
    "gamma": lambda module, loss, k: module.HalfGammaLoss(),
    "tweedie": lambda module, loss, k: module.HalfTweedieLoss(power=loss.power),
    "logistic": lambda module, loss, k: module.HalfBinomialLoss(),
    "softmax_cross_entropy": lambda module, loss, k: module.HalfMultinomialLoss(n_classes=k),
}


def _torch_quantile(F, y, z, loss):
    r = y - z
    return torch.maximum(loss.quantile * r, (loss.quantile - 1) * r).mean()


def _torch_focal(F, y, z, loss):
    ce = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    p = torch.sigmoid(z)
    return (ce * (y * (1 - p) + (1 - y) * p) ** loss.gamma).mean()


def _torch_probit(F, y, z, loss):
    return -torch.special.log_ndtr((2 * y - 1) * z).mean()


def _torch_log_cosh(F, y, z, loss):
    r = (z - y).abs()
    return (r + F.softplus(-2 * r) - math.log(2)).mean()


def _torch_own(y, z):
    """log p of the true classes"""
    return torch.log_softmax(z, 1).gather(1, y[:, None])[:, 0]


def _torch_categorical_focal(F, y, z, loss):
    log_p = _torch_own(y, z)
    return -((1 - log_p.exp()) ** loss.gamma * log_p).mean()


def _torch_poly1(F, y, z, loss):
    log_p = _torch_own(y, z)
    return (loss.epsilon * (1 - log_p.exp()) - log_p).mean()


def _torch_jensen_shannon(F, t, z, loss):
    p = torch.softmax(z, 1)
    m = (p + t) / 2
    return (torch.xlogy(t, t / m) + torch.xlogy(p, p / m)).sum(1).mean() / 2


def _torch_listwise(F, y, z, loss):
    absent = torch.isnan(y)
    log_p = torch.log_softmax(z.masked_fill(absent, -1e30), 1)
    return -(y.masked_fill(absent, 0) * log_p.masked_fill(absent, 0)).sum(1).mean()


def _torch_crammer_singer(F, y, z, loss):
    others = z.scatter(1, y[:, None], -math.inf).max(1).values
    return F.relu(loss.margin + others - z.gather(1, y[:, None])[:, 0]).mean()


def _torch_gaussian_nll(F, y, z, loss):
    return F.gaussian_nll_loss(z[:, 0], y, z[:, 1].exp())


TORCH_LOSSES = {
    "squared_error": lambda F, y, z, loss: F.mse_loss(z, y),
    "half_squared_error": lambda F, y, z, loss: 0.5 * F.mse_loss(z, y),
    "root_mean_squared_error": lambda F, y, z, loss: F.mse_loss(z, y).sqrt(),
    "absolute_error": lambda F, y, z, loss: F.l1_loss(z, y),
    "huber": lambda F, y, z, loss: F.huber_loss(z, y, delta=loss.delta),
    "quantile": _torch_quantile,
    "poisson": lambda F, y, z, loss: F.poisson_nll_loss(z, y),
    "logistic": lambda F, y, z, loss: F.binary_cross_entropy_with_logits(z, y),
    "binary_cross_entropy_from_probabilities": lambda F, y, z, loss: F.binary_cross_entropy(z, y),
    "hinge": lambda F, y, z, loss: F.relu(1 - y * z).mean(),
    "squared_hinge": lambda F, y, z, loss: F.relu(1 - y * z).square().mean(),
    "smooth_l1": lambda F, y, z, loss: F.smooth_l1_loss(z, y, beta=loss.beta),
    "pseudo_huber": lambda F, y, z, loss: (((z - y) / loss.delta).square() + 1).sqrt().sub(1).mean() * loss.delta**2,
    "log_cosh": _torch_log_cosh,
    "epsilon_insensitive": lambda F, y, z, loss: F.relu((z - y).abs() - loss.epsilon).mean(),
    "squared_epsilon_insensitive": lambda F, y, z, loss: F.relu((z - y).abs() - loss.epsilon).square().mean(),
    "cauchy": lambda F, y, z, loss: ((z - y) / loss.delta).square().log1p().mean() * (0.5 * loss.delta**2),
    "mean_squared_logarithmic_error": lambda F, y, z, loss: (z.log1p() - y.log1p()).square().mean(),
    "poisson_identity": lambda F, y, z, loss: F.poisson_nll_loss(z, y, log_input=False, eps=loss.epsilon),
    "gamma": lambda F, y, z, loss: (z + y * (-z).exp()).mean(),
    "probit": _torch_probit,
    "binary_focal": _torch_focal,
    "perceptron": lambda F, y, z, loss: F.relu(-y * z).mean(),
    "exponential": lambda F, y, z, loss: (-y * z).exp().mean(),
    "softmax_cross_entropy": lambda F, y, z, loss: F.cross_entropy(z, y),
    "categorical_focal": _torch_categorical_focal,
    "poly1_cross_entropy": _torch_poly1,
    "categorical_generalized_cross_entropy": lambda F, y, z, loss: (
        (1 - (loss.q * _torch_own(y, z)).exp()).mean() / loss.q
    ),
    "softmax_kl_divergence": lambda F, t, z, loss: F.kl_div(torch.log_softmax(z, 1), t, reduction="batchmean"),
    "kl_divergence_from_log_probabilities": lambda F, t, z, loss: F.kl_div(z, t, reduction="batchmean"),
    "kl_divergence_from_probabilities": lambda F, t, q, loss: F.kl_div(q.log(), t, reduction="batchmean"),
    "jensen_shannon": _torch_jensen_shannon,
    "listwise_softmax": _torch_listwise,
    "crammer_singer": _torch_crammer_singer,
    "weston_watkins": lambda F, y, z, loss: z.shape[1] * F.multi_margin_loss(z, y, margin=loss.margin),
    "multilabel_logistic": lambda F, y, z, loss: F.multilabel_soft_margin_loss(z, y),
    "cosine_distance": lambda F, y, z, loss: 1 - F.cosine_similarity(z, y).mean(),
    "gaussian_nll": _torch_gaussian_nll,
    "categorical_cross_entropy_from_probabilities": lambda F, y, z, loss: F.nll_loss(z.log(), y),
}


def sklearn_loss(name, loss, y, raw, n_threads):
    """Entry for scikit-learn's `_loss` (private: measured here, used nowhere), or why there is none.

    It writes each sample's loss and gradient to arrays made before; the mean is not counted.
    """
    if sklearn_losses is None:
        return "not installed"
    if name not in SKLEARN_LOSSES:
        return "no such loss"
    theirs = SKLEARN_LOSSES[name](sklearn_losses, loss, raw.shape[-1])
    y = y.astype(raw.dtype)
    value, gradient = np.empty(len(y), dtype=raw.dtype), np.empty_like(raw)

    def call():
        return theirs.loss_gradient(y, raw, loss_out=value, gradient_out=gradient, n_threads=n_threads)

    return Entry(call, lambda result: (np.mean(result[0], dtype=np.float64), result[1] / len(y)))


def torch_loss(name, loss, y, raw):
    """Entry for torch, forward and backward, or why there is none."""
    if torch is None:
        return "not installed"
    if name not in TORCH_LOSSES:
        return "no such loss"
    function = TORCH_LOSSES[name]
    F = torch.nn.functional
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target, z = torch.from_numpy(y), torch.from_numpy(raw.copy()).requires_grad_()

    def call():
        z.grad = None
        value = function(F, target, z, loss)
        value.backward()
        return value

    return Entry(call, lambda value: (float(value.detach()), z.grad.numpy()))


# --- optimizers -------------------------------------------------------------------------------------

# Our options with which each class is measured, by the name of the rule.
RULES = {
    "sgd": {
        "sgd": {},
        "momentum": {"momentum": 0.9},
        "nesterov": {"momentum": 0.9, "nesterov": True},
    },
    "adam": {"adam": {}, "amsgrad": {"amsgrad": True}},
    "rmsprop": {
        "rmsprop": {},
        "rmsprop_momentum": {"momentum": 0.9},
        "rmsprop_centered": {"centered": True},
        "rmsprop_centered_momentum": {"centered": True, "momentum": 0.9},
    },
}

TORCH_OPTIMIZERS = {
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "rmsprop": "RMSprop",
    "adamax": "Adamax",
    "nadam": "NAdam",
    "radam": "RAdam",
    "rprop": "Rprop",
    "asgd": "ASGD",
    "adafactor": "Adafactor",
    "muon": "Muon",
}

# optax' transformations by the name of the rule, and our options beside like="optax" that say the same. Its rprop is
# left out: a step of it moves by the gradient before.
OPTAX_OPTIMIZERS = {
    "sgd": lambda module: module.sgd(1e-3),
    "momentum": lambda module: module.sgd(1e-3, momentum=0.9),
    "nesterov": lambda module: module.sgd(1e-3, momentum=0.9, nesterov=True),
    "adam": lambda module: module.adam(1e-3),
    "amsgrad": lambda module: module.amsgrad(1e-3),
    "adamw": lambda module: module.adamw(1e-3),
    "adagrad": lambda module: module.adagrad(1e-3),
    "adadelta": lambda module: module.adadelta(1e-3),
    "rmsprop": lambda module: module.rmsprop(1e-3),
    "rmsprop_momentum": lambda module: module.rmsprop(1e-3, momentum=0.9),
    "rmsprop_centered": lambda module: module.rmsprop(1e-3, centered=True),
    "rmsprop_centered_momentum": lambda module: module.rmsprop(1e-3, centered=True, momentum=0.9),
    "adamax": lambda module: module.adamax(1e-3),
    "nadam": lambda module: module.nadam(1e-3),
    "radam": lambda module: module.radam(1e-3),
    "adabelief": lambda module: module.adabelief(1e-3),
    "yogi": lambda module: module.yogi(1e-3),
    "adan": lambda module: module.adan(1e-3),
    "lion": lambda module: module.lion(1e-3),
    "signum": lambda module: module.signum(1e-3),
    "schedulefreesgd": lambda module: module.contrib.schedule_free_sgd(1e-3),
    "schedulefreeadamw": lambda module: module.contrib.schedule_free_adamw(1e-3),
    "lamb": lambda module: module.lamb(1e-3),
    "adafactor": lambda module: module.adafactor(1e-3, min_dim_size_to_factor=2),
    "muon": lambda module: module.contrib.muon(1e-3),
    "prodigy": lambda module: module.contrib.prodigy(1e-3),
    "dog": lambda module: module.contrib.dog(1e-3),
    "polyaksgd": lambda module: module.polyak_sgd(),
}
OPTAX_OPTIONS = {"adafactor": {"min_dim_size_to_factor": 2}, "polyaksgd": {"lr": 1.0}}

KERAS_OPTIMIZERS = {
    "sgd": lambda module: module.SGD(1e-3),
    "momentum": lambda module: module.SGD(1e-3, momentum=0.9),
    "nesterov": lambda module: module.SGD(1e-3, momentum=0.9, nesterov=True),
    "adam": lambda module: module.Adam(1e-3),
    "amsgrad": lambda module: module.Adam(1e-3, amsgrad=True),
    "adamw": lambda module: module.AdamW(1e-3),
    "adagrad": lambda module: module.Adagrad(1e-3),
    "adadelta": lambda module: module.Adadelta(1e-3),
    "rmsprop": lambda module: module.RMSprop(1e-3),
    "rmsprop_momentum": lambda module: module.RMSprop(1e-3, momentum=0.9),
    "rmsprop_centered": lambda module: module.RMSprop(1e-3, centered=True),
    "rmsprop_centered_momentum": lambda module: module.RMSprop(1e-3, centered=True, momentum=0.9),
    "adamax": lambda module: module.Adamax(1e-3),
    "nadam": lambda module: module.Nadam(1e-3),
    "lion": lambda module: module.Lion(1e-3),
    "ftrl": lambda module: module.Ftrl(1e-3),
    "schedulefreeadamw": lambda module: module.ScheduleFreeAdamW(1e-3),
    "lamb": lambda module: module.Lamb(1e-3),
    "adafactor": lambda module: module.Adafactor(1e-3),
    "muon": lambda module: module.Muon(1e-3),
}

SKLEARN_OPTIMIZERS = {
    "sgd": lambda module, params: module.SGDOptimizer(params, 1e-3, momentum=0.0, nesterov=False),
    "momentum": lambda module, params: module.SGDOptimizer(params, 1e-3, momentum=0.9, nesterov=False),
    "nesterov": lambda module, params: module.SGDOptimizer(params, 1e-3, momentum=0.9, nesterov=True),
    "adam": lambda module, params: module.AdamOptimizer(params, 1e-3),
}


def torch_optimizer(name, options, params, grads, **how):
    """Entry for one of torch's implementations (`fused=True`, `foreach=True`), or why there is none."""
    if torch is None:
        return "not installed"
    if name not in TORCH_OPTIMIZERS:
        return "no such rule"
    rule = getattr(torch.optim, TORCH_OPTIMIZERS[name])
    if not set(how) <= set(inspect.signature(rule).parameters):
        return f"no {', '.join(how)} form"
    tensors = []
    for w, g in zip(params, grads):
        tensor = torch.from_numpy(w.copy()).requires_grad_()
        tensor.grad = torch.from_numpy(g.copy())
        tensors.append(tensor)
    optimizer = rule(tensors, lr=1e-3, **options, **how)
    return Entry(optimizer.step, lambda _: [tensor.detach().numpy() for tensor in tensors])


def torch_muon(params, grads):
    """Entry for torch's Muon with its Newton-Schulz steps in float32, as ours are, or why there is none."""
    found = torch_optimizer("muon", {}, params, grads)
    if not isinstance(found, Entry):
        return found

    def call():
        torch.Tensor.bfloat16 = torch.Tensor.clone  # what it rounds the matrix with
        try:
            found.call()
        finally:
            del torch.Tensor.bfloat16

    return Entry(call, found.answer)


def _jax_entry(make, step, params, grads, n_threads):
    """Entry for steps compiled by jax, which keeps what `step(params, state, grads)` returns, or why there is none.

    `make(params)` gives the state. Old parameters and state are donated: a step allocates none.
    """
    if jax is None:
        return "no jax"
    if n_threads != affinity():
        return f"jax takes the {affinity()} threads of the process, n_threads={n_threads} cannot be set"
    given = [jax.numpy.array(g) for g in grads]
    held = [jax.numpy.array(w) for w in params]
    kept = {"params": held, "state": jax.tree.map(jax.numpy.copy, make(held))}  # some states hold the parameters
    compiled = jax.jit(step, donate_argnums=(0, 1))

    def call():
        kept["params"], kept["state"] = compiled(kept["params"], kept["state"], given)
        jax.block_until_ready((kept["params"], kept["state"]))

    return Entry(call, lambda _: [np.array(w) for w in kept["params"]])


def optax_optimizer(rule, params, grads, n_threads):
    """Entry for optax' transformation and its sum with the parameters in one jax.jit, or why there is none."""
    if optax is None:
        return "not installed"
    if rule not in OPTAX_OPTIMIZERS:
        return "no such rule"
    transformation = OPTAX_OPTIMIZERS[rule](optax)
    more = {"value": 1.0} if rule == "polyaksgd" else {}

    def step(params, state, grads):
        updates, state = transformation.update(grads, state, params, **more)
        return optax.apply_updates(params, updates), state

    return _jax_entry(transformation.init, step, params, grads, n_threads)


def keras_optimizer(rule, params, grads, n_threads):
    """Entry for Keras' `stateless_apply` in jax.jit, or why there is none."""
    if keras is None or keras.backend.backend() != "jax":
        return "not installed with jax"
    if rule not in KERAS_OPTIMIZERS:
        return "no such rule"
    optimizer = KERAS_OPTIMIZERS[rule](keras.optimizers)
    optimizer.build([keras.Variable(w) for w in params])

    def step(params, state, grads):
        return optimizer.stateless_apply(state, grads, params)

    def state(_):
        return [jax.numpy.array(variable.value) for variable in optimizer.variables]

    return _jax_entry(state, step, params, grads, n_threads)


def sklearn_optimizer(rule, params, grads):
    """Entry for the rules inside scikit-learn's MLP (private), or why there is none."""
    if sklearn_optimizers is None:
        return "not installed"
    if rule not in SKLEARN_OPTIMIZERS:
        return "no such rule"
    arrays = [w.copy() for w in params]
    optimizer = SKLEARN_OPTIMIZERS[rule](sklearn_optimizers, arrays)
    return Entry(lambda: optimizer.update_params(arrays, grads), lambda _: arrays)


def split(candidates):
    """Entries and, for the others, why they are not shown."""
    entries = {name: found for name, found in candidates.items() if isinstance(found, Entry)}
    return entries, {name: found for name, found in candidates.items() if not isinstance(found, Entry)}
