"""How other libraries do the same work: one table for losses and one for optimizers, by our names.

A library that is not installed, or has no such function, is "not shown".
"""

import importlib
import inspect
import math
import warnings

import numpy as np
from harness import Entry


def load(module):
    """The module, or None where the library is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


torch = load("torch")
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
