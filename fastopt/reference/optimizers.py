"""Update rules as the frameworks' documentation states them, in NumPy float64: the oracle of the tests.

A rule is a function (w, g, state, **options) -> w of one array; `state` is a dict, empty before the first step.
Nothing is shared with the kernels: every convention is written out, nothing is folded.
"""

import numpy as np


def sgd_torch(w, g, state, *, lr, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False):
    """torch.optim.SGD."""
    if maximize:
        g = -g
    if weight_decay != 0:
        g = g + weight_decay * w
    if momentum != 0:
        if "b" not in state:
            state["b"] = np.array(g)
        else:
            state["b"] = momentum * state["b"] + (1 - dampening) * g
        g = g + momentum * state["b"] if nesterov else state["b"]
    return w - lr * g


def sgd_keras(w, g, state, *, lr, momentum=0, weight_decay=0, nesterov=False, maximize=False):
    """keras.optimizers.SGD; the decay comes before the step, and the buffer holds lr."""
    if maximize:
        g = -g
    w = w - w * weight_decay * lr
    if momentum == 0:
        return w - lr * g
    m = momentum * state.get("m", np.zeros_like(w)) - lr * g
    state["m"] = m
    return w + (momentum * m - lr * g) if nesterov else w + m


def sgd_optax(w, g, state, *, lr, momentum=0, weight_decay=0, nesterov=False, maximize=False):
    """optax.chain(add_decayed_weights(weight_decay), trace(momentum, nesterov), scale(-lr))."""
    if maximize:
        g = -g
    u = g + weight_decay * w
    if momentum:
        trace = u + momentum * state.get("trace", np.zeros_like(w))
        state["trace"] = trace
        u = u + momentum * trace if nesterov else trace
    return w + -lr * u


def _moments(g, state, beta1, beta2):
    zero = np.zeros_like(g)
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = beta1 * state.get("m", zero) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", zero) + (1 - beta2) * g**2
    return t, m, v


def adam_torch(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, maximize=False,
               decoupled_weight_decay=False):  # fmt: skip
    """torch.optim.Adam: the maximum is taken of v before its correction."""
    if maximize:
        g = -g
    if decoupled_weight_decay:
        w = w * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * w
    t, m, v = _moments(g, state, *betas)
    m_hat = m / (1 - betas[0] ** t)
    if amsgrad:
        v = state["v_max"] = np.maximum(state.get("v_max", np.zeros_like(v)), v)
    v_hat = v / (1 - betas[1] ** t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps)


def adam_keras(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-7, weight_decay=0, amsgrad=False, maximize=False,
               decoupled_weight_decay=True):  # fmt: skip
    """keras.optimizers.Adam: eps is added to the uncorrected root ("epsilon hat"); the decay is always decoupled."""
    if maximize:
        g = -g
    w = w - w * weight_decay * lr
    t, m, v = _moments(g, state, *betas)
    alpha = lr * np.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t)
    if amsgrad:
        v = state["v_max"] = np.maximum(state.get("v_max", np.zeros_like(v)), v)
    return w - m * alpha / (np.sqrt(v) + eps)


def adam_optax(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, maximize=False,
               decoupled_weight_decay=False):  # fmt: skip
    """optax.adam, adamw, amsgrad: the maximum is taken of the corrected v."""
    if maximize:
        g = -g
    if not decoupled_weight_decay:
        g = g + weight_decay * w
    t, m, v = _moments(g, state, *betas)
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    if amsgrad:
        v_hat = state["v_max"] = np.maximum(state.get("v_max", np.zeros_like(v)), v_hat)
    u = m_hat / (np.sqrt(v_hat) + eps)
    if decoupled_weight_decay:
        u = u + weight_decay * w
    return w - lr * u


# (optimizer, convention) -> rule and the options it fixes
RULES = {
    ("sgd", "torch"): (sgd_torch, {}),
    ("sgd", "keras"): (sgd_keras, {}),
    ("sgd", "optax"): (sgd_optax, {}),
    ("adam", "torch"): (adam_torch, {}),
    ("adam", "keras"): (adam_keras, {}),
    ("adam", "optax"): (adam_optax, {}),
    ("adamw", "torch"): (adam_torch, {"decoupled_weight_decay": True}),
    ("adamw", "keras"): (adam_keras, {"decoupled_weight_decay": True}),
    ("adamw", "optax"): (adam_optax, {"decoupled_weight_decay": True}),
}


def run(name, like, w, gradients, **options):
    """The parameters after each of the gradients, (steps, *w.shape); lr may be a function of the step."""
    rule, fixed = RULES[name, like]
    lr = options.pop("lr")
    state, out = {}, []
    w = np.array(w, dtype=np.float64)
    for step, g in enumerate(gradients):
        eta = lr(step) if callable(lr) else lr
        w = rule(w, np.asarray(g, dtype=np.float64), state, lr=eta, **fixed, **options)
        out.append(w)
    return np.array(out)
