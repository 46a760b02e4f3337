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
               decoupled_weight_decay=False, eps_root=0):  # fmt: skip
    """optax.adam, adamw, amsgrad: the maximum is taken of the corrected v."""
    if maximize:
        g = -g
    if not decoupled_weight_decay:
        g = g + weight_decay * w
    t, m, v = _moments(g, state, *betas)
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    if amsgrad:
        v_hat = state["v_max"] = np.maximum(state.get("v_max", np.zeros_like(v)), v_hat)
    u = m_hat / (np.sqrt(v_hat + eps_root) + eps)
    if decoupled_weight_decay:
        u = u + weight_decay * w
    return w - lr * u


def _h(w, g, maximize, weight_decay=0):
    """The gradient that is minimised, with an L2 penalty in it."""
    return (-g if maximize else g) + weight_decay * w


def adagrad_torch(w, g, state, *, lr, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10,
                  maximize=False):  # fmt: skip
    """torch.optim.Adagrad."""
    h = _h(w, g, maximize, weight_decay)
    t = state["t"] = state.get("t", 0) + 1
    s = state["s"] = state.get("s", np.full_like(w, initial_accumulator_value)) + h**2
    return w - lr / (1 + (t - 1) * lr_decay) * h / (np.sqrt(s) + eps)


def adagrad_keras(w, g, state, *, lr, weight_decay=0, initial_accumulator_value=0.1, eps=1e-7, maximize=False):
    """keras.optimizers.Adagrad."""
    h = _h(w, g, maximize)
    w = w - w * weight_decay * lr
    s = state["s"] = state.get("s", np.full_like(w, initial_accumulator_value)) + h**2
    return w - lr * h / np.sqrt(s + eps)


def adagrad_optax(w, g, state, *, lr, weight_decay=0, initial_accumulator_value=0.1, eps=1e-7, maximize=False):
    """optax.chain(add_decayed_weights(weight_decay), adagrad(lr, ...)): 0 where the sum is 0."""
    h = _h(w, g, maximize, weight_decay)
    s = state["s"] = state.get("s", np.full_like(w, initial_accumulator_value)) + h**2
    return w - lr * np.where(s > 0, 1 / np.sqrt(s + eps), 0.0) * h


def _adadelta(h, state, rho, eps):
    zero = np.zeros_like(h)
    v = state["v"] = rho * state.get("v", zero) + (1 - rho) * h**2
    d = np.sqrt(state.get("u", zero) + eps) / np.sqrt(v + eps) * h
    state["u"] = rho * state.get("u", zero) + (1 - rho) * d**2
    return d


def adadelta_torch(w, g, state, *, lr, rho=0.9, eps=1e-6, weight_decay=0, maximize=False):
    """torch.optim.Adadelta, optax.adadelta."""
    return w - lr * _adadelta(_h(w, g, maximize, weight_decay), state, rho, eps)


def adadelta_keras(w, g, state, *, lr, rho=0.95, eps=1e-7, weight_decay=0, maximize=False):
    """keras.optimizers.Adadelta."""
    w = w - w * weight_decay * lr
    return w - lr * _adadelta(_h(w, g, maximize), state, rho, eps)


def _mean_square(h, state, alpha, centered, start=0.0, seen=1.0):
    """The average of h^2, or the variance; `seen` is the weight of the gradients in the averages."""
    zero = np.zeros_like(h)
    v = state["v"] = alpha * state.get("v", zero + start) + (1 - alpha) * h**2
    if not centered:
        return v / seen
    mean = state["mean"] = alpha * state.get("mean", zero) + (1 - alpha) * h
    return np.maximum(v / seen - (mean / seen) ** 2, 0)


def rmsprop_torch(w, g, state, *, lr, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False,
                  maximize=False):  # fmt: skip
    """torch.optim.RMSprop."""
    h = _h(w, g, maximize, weight_decay)
    d = h / (np.sqrt(_mean_square(h, state, alpha, centered)) + eps)
    if momentum:
        d = state["b"] = momentum * state.get("b", np.zeros_like(w)) + d
    return w - lr * d


def rmsprop_keras(w, g, state, *, lr, alpha=0.9, eps=1e-7, weight_decay=0, momentum=0, centered=False,
                  maximize=False):  # fmt: skip
    """keras.optimizers.RMSprop; the buffer holds lr."""
    w = w - w * weight_decay * lr
    return rmsprop_optax(w, g, state, lr=lr, alpha=alpha, eps=eps, momentum=momentum, centered=centered,
                         maximize=maximize)  # fmt: skip


def rmsprop_optax(w, g, state, *, lr, alpha=0.9, eps=1e-8, weight_decay=0, momentum=0, centered=False,
                  initial_scale=0, eps_in_sqrt=None, nesterov=False, bias_correction=False,
                  maximize=False):  # fmt: skip
    """optax.chain(add_decayed_weights(weight_decay), rmsprop(lr, ...)): lr comes before the trace."""
    h = _h(w, g, maximize, weight_decay)
    t = state["t"] = state.get("t", 0) + 1
    seen = 1 - alpha**t if bias_correction else 1.0
    v = _mean_square(h, state, alpha, centered, initial_scale, seen)
    d = lr * h / (np.sqrt(v) + eps if eps_in_sqrt is False else np.sqrt(v + eps))
    if momentum:
        b = state["b"] = momentum * state.get("b", np.zeros_like(w)) + d
        d = momentum * b + d if nesterov else b
    return w - d


def adamax_torch(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, maximize=False):
    """torch.optim.Adamax."""
    h, zero = _h(w, g, maximize, weight_decay), np.zeros_like(w)
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = betas[0] * state.get("m", zero) + (1 - betas[0]) * h
    u = state["u"] = np.maximum(betas[1] * state.get("u", zero), np.abs(h) + eps)
    return w - lr / (1 - betas[0] ** t) * m / u


def adamax_optax(w, g, state, *, lr, weight_decay=0, decoupled_weight_decay=False, **options):
    """optax.adamax, adamaxw: torch's, where the decay is coupled."""
    if not decoupled_weight_decay:
        return adamax_torch(w, g, state, lr=lr, weight_decay=weight_decay, **options)
    return adamax_torch(w, g, state, lr=lr, **options) - lr * weight_decay * w


def adamax_keras(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-7, weight_decay=0, decoupled_weight_decay=True,
                 maximize=False):  # fmt: skip
    """keras.optimizers.Adamax."""
    h, zero = _h(w, g, maximize), np.zeros_like(w)
    w = w - w * weight_decay * lr
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = betas[0] * state.get("m", zero) + (1 - betas[0]) * h
    u = state["u"] = np.maximum(betas[1] * state.get("u", zero), np.abs(h))
    return w - lr * m / ((1 - betas[0] ** t) * (u + eps))


def nadam_torch(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
                decoupled_weight_decay=False, maximize=False):  # fmt: skip
    """torch.optim.NAdam."""
    h = _h(w, g, maximize, 0 if decoupled_weight_decay else weight_decay)
    if decoupled_weight_decay:
        w = w * (1 - lr * weight_decay)
    t, m, v = _moments(h, state, *betas)
    mu, mu_next = (betas[0] * (1 - 0.5 * 0.96 ** (k * momentum_decay)) for k in (t, t + 1))
    product = state["product"] = state.get("product", 1.0) * mu
    denominator = np.sqrt(v / (1 - betas[1] ** t)) + eps
    w = w - lr * (1 - mu) / (1 - product) * h / denominator
    return w - lr * mu_next / (1 - product * mu_next) * m / denominator


def nadam_keras(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-7, weight_decay=0, momentum_decay=1.0,
                decoupled_weight_decay=True, maximize=False):  # fmt: skip
    """keras.optimizers.Nadam, where momentum_decay is 1."""
    h = _h(w, g, maximize)
    w = w - w * weight_decay * lr
    t, m, v = _moments(h, state, *betas)
    u_t, u_next = (betas[0] * (1 - 0.5 * 0.96 ** (momentum_decay * k)) for k in (t, t + 1))
    product = state["product"] = state.get("product", 1.0) * u_t
    m_hat = u_next * m / (1 - product * u_next) + (1 - u_t) * h / (1 - product)
    return w - lr * m_hat / (np.sqrt(v / (1 - betas[1] ** t)) + eps)


def nadam_optax(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False,
                eps_root=0, maximize=False):  # fmt: skip
    """optax.nadam, nadamw: scale_by_adam(nesterov=True)."""
    h = _h(w, g, maximize, 0 if decoupled_weight_decay else weight_decay)
    t, m, v = _moments(h, state, *betas)
    m_hat = betas[0] * m / (1 - betas[0] ** (t + 1)) + (1 - betas[0]) * h / (1 - betas[0] ** t)
    u = m_hat / (np.sqrt(v / (1 - betas[1] ** t) + eps_root) + eps)
    return w - lr * (u + (weight_decay * w if decoupled_weight_decay else 0))


def _rho(beta2, t):
    longest = 2 / (1 - beta2) - 1
    rho = longest - 2 * t * beta2**t / (1 - beta2**t)
    return longest, rho


def _rectifier(longest, rho):
    return ((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)) ** 0.5


def radam_torch(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False,
                maximize=False):  # fmt: skip
    """torch.optim.RAdam."""
    h = _h(w, g, maximize, 0 if decoupled_weight_decay else weight_decay)
    if decoupled_weight_decay:
        w = w * (1 - lr * weight_decay)
    t, m, v = _moments(h, state, *betas)
    m_hat = m / (1 - betas[0] ** t)
    longest, rho = _rho(betas[1], t)
    if rho > 5:
        return w - lr * m_hat * _rectifier(longest, rho) * (1 - betas[1] ** t) ** 0.5 / (np.sqrt(v) + eps)
    return w - lr * m_hat


def radam_optax(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False,
                eps_root=0, maximize=False):  # fmt: skip
    """optax.radam, with add_decayed_weights before or after scale_by_radam."""
    h = _h(w, g, maximize, 0 if decoupled_weight_decay else weight_decay)
    t, m, v = _moments(h, state, *betas)
    u = m / (1 - betas[0] ** t)
    longest, rho = _rho(betas[1], t)
    if rho >= 5:
        u = _rectifier(longest, rho) * u / (np.sqrt(v / (1 - betas[1] ** t) + eps_root) + eps)
    return w - lr * (u + (weight_decay * w if decoupled_weight_decay else 0))


def adabelief_optax(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-16, eps_root=1e-16, weight_decay=0,
                    decoupled_weight_decay=False, maximize=False):  # fmt: skip
    """optax.adabelief: eps_root is added to the slot at each step."""
    h, zero = _h(w, g, maximize, 0 if decoupled_weight_decay else weight_decay), np.zeros_like(w)
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = betas[0] * state.get("m", zero) + (1 - betas[0]) * h
    s = state["s"] = betas[1] * state.get("s", zero) + (1 - betas[1]) * (h - m) ** 2 + eps_root
    u = m / (1 - betas[0] ** t) / (np.sqrt(s / (1 - betas[1] ** t)) + eps)
    return w - lr * (u + (weight_decay * w if decoupled_weight_decay else 0))


def yogi_optax(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-3, initial_accumulator_value=1e-6, weight_decay=0,
               decoupled_weight_decay=False, maximize=False):  # fmt: skip
    """optax.yogi: both moments begin with the initial value, and both are corrected."""
    h, start = _h(w, g, maximize, 0 if decoupled_weight_decay else weight_decay), initial_accumulator_value
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = betas[0] * state.get("m", np.full_like(w, start)) + (1 - betas[0]) * h
    v = state.get("v", np.full_like(w, start))
    v = state["v"] = v - (1 - betas[1]) * np.sign(v - h**2) * h**2
    u = m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
    return w - lr * (u + (weight_decay * w if decoupled_weight_decay else 0))


def _adan(h, state, betas, kappa):
    zero = np.zeros_like(h)
    t = state["t"] = state.get("t", 0) + 1
    r = h - state["g"] if "g" in state else zero
    state["g"] = h
    m = state["m"] = betas[0] * state.get("m", zero) + (1 - betas[0]) * h
    q = state["q"] = betas[1] * state.get("q", zero) + (1 - betas[1]) * r
    n = state["n"] = betas[2] * state.get("n", zero) + (1 - betas[2]) * (h + kappa * r) ** 2
    return m / (1 - betas[0] ** t), q / (1 - betas[1] ** t), n / (1 - betas[2] ** t)


def adan_torch(w, g, state, *, lr, betas=(0.98, 0.92, 0.99), eps=1e-8, weight_decay=0, no_prox=False, eps_root=0,
               maximize=False):  # fmt: skip
    """The authors' code."""
    m, q, n = _adan(_h(w, g, maximize), state, betas, betas[1])
    denominator = np.sqrt(n + eps_root) + eps
    if no_prox:
        w = w * (1 - lr * weight_decay)
    w = w - lr * m / denominator - lr * betas[1] * q / denominator
    return w if no_prox else w / (1 + lr * weight_decay)


def adan_optax(w, g, state, *, lr, betas=(0.98, 0.92, 0.99), eps=1e-8, weight_decay=0, no_prox=True, eps_root=1e-8,
               maximize=False):  # fmt: skip
    """optax.adan."""
    m, q, n = _adan(_h(w, g, maximize), state, betas, 1 - betas[1])
    return w - lr * ((m + (1 - betas[1]) * q) / (np.sqrt(n + eps_root) + eps) + weight_decay * w)


def lion(w, g, state, *, lr, betas=(0.9, 0.99), weight_decay=0, maximize=False):
    """lion-pytorch, keras.optimizers.Lion, optax.lion."""
    h, m = _h(w, g, maximize), state.get("m", np.zeros_like(w))
    state["m"] = betas[1] * m + (1 - betas[1]) * h
    return w - lr * (np.sign(betas[0] * m + (1 - betas[0]) * h) + weight_decay * w)


def signum(w, g, state, *, lr, momentum=0.9, weight_decay=0, maximize=False):
    """optax.signum, with add_decayed_weights after the sign."""
    h = _h(w, g, maximize)
    m = state["m"] = momentum * state.get("m", np.zeros_like(w)) + (1 - momentum) * h
    return w - lr * (np.sign(m) + weight_decay * w)


def rprop(w, g, state, *, lr, etas=(0.5, 1.2), step_sizes=(1e-6, 50), maximize=False):
    """torch.optim.Rprop."""
    h = _h(w, g, maximize)
    agree = np.sign(h * state.get("h", np.zeros_like(w)))
    size = state.get("s", np.full_like(w, lr)) * np.where(agree > 0, etas[1], np.where(agree < 0, etas[0], 1.0))
    s = state["s"] = np.clip(size, *step_sizes)
    h = state["h"] = np.where(agree < 0, 0.0, h)
    return w - np.sign(h) * s


def ftrl(w, g, state, *, lr, initial_accumulator_value=0.1, l1=0, l2=0, l2_shrinkage=0, beta=0, maximize=False):
    """keras.optimizers.Ftrl with learning_rate_power=-0.5."""
    h = _h(w, g, maximize)
    n = state.get("n", np.full_like(w, initial_accumulator_value))
    grad_to_use, new = h + 2 * l2_shrinkage * w, n + h**2
    z = state["z"] = state.get("z", np.zeros_like(w)) + grad_to_use - (np.sqrt(new) - np.sqrt(n)) / lr * w
    state["n"] = new
    quadratic = np.sqrt(new) / lr + 2 * (l2 + beta / (2 * lr))
    return (np.clip(z, -l1, l1) - z) / quadratic


def asgd(w, g, state, *, lr, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, maximize=False):
    """torch.optim.ASGD; state["ax"] is the average."""
    h = _h(w, g, maximize, weight_decay)
    t, eta = state.get("t", 0) + 1, state.get("next_eta", lr)
    w = w * (1 - lambd * eta) - eta * h
    state.update(t=t, eta=eta, next_eta=lr / (1 + lambd * lr * t) ** alpha)
    ax = state.get("ax", np.zeros_like(w))
    state["ax"] = ax + (w - ax) / max(1, t - 1 - t0)
    return w


def _average(y, step, state, beta, eta, r, weight_lr_power):
    """One step of the schedule-free method: z, x and the next y."""
    z, x = state.get("z", y), state.get("x", y)
    top = state["top"] = max(state.get("top", 0.0), eta)
    gamma = state["t"] ** r * top**weight_lr_power
    total = state["total"] = state.get("total", 0.0) + gamma
    c = gamma / total if total else 0.0
    z = state["z"] = z - eta * step
    x = state["x"] = (1 - c) * x + c * z
    return beta * x + (1 - beta) * z


def schedule_free_sgd(w, g, state, *, lr, momentum=0.9, weight_decay=0, warmup_steps=0, r=0.0, weight_lr_power=2.0,
                      maximize=False):  # fmt: skip
    """The paper's method, which stores x; state["x"] is the average."""
    t = state["t"] = state.get("t", 0) + 1
    eta = lr * min(1, t / warmup_steps) if warmup_steps else lr
    return _average(w, _h(w, g, maximize, weight_decay), state, momentum, eta, r, weight_lr_power)


def schedule_free_adamw(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, warmup_steps=0, r=0.0,
                        weight_lr_power=2.0, maximize=False):  # fmt: skip
    """schedulefree's AdamWScheduleFree, as its reference implementation states it."""
    h = _h(w, g, maximize)
    t = state["t"] = state.get("t", 0) + 1
    eta = lr * min(1, t / warmup_steps) if warmup_steps else lr
    v = state["v"] = betas[1] * state.get("v", np.zeros_like(w)) + (1 - betas[1]) * h**2
    u = h / (np.sqrt(v / (1 - betas[1] ** t)) + eps) + weight_decay * w
    return _average(w, u, state, betas[0], eta, r, weight_lr_power)


def schedule_free_radam(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, r=0.0, weight_lr_power=2.0,
                        silent_sgd_phase=True, maximize=False):  # fmt: skip
    """schedulefree's RAdamScheduleFree."""
    h = _h(w, g, maximize)
    t = state["t"] = state.get("t", 0) + 1
    v = state["v"] = betas[1] * state.get("v", np.zeros_like(w)) + (1 - betas[1]) * h**2
    longest, rho = _rho(betas[1], t)
    eta = lr * (_rectifier(longest, rho) if rho > 4 else 0 if silent_sgd_phase else 1)
    u = h / (np.sqrt(v / (1 - betas[1] ** t)) + eps) if rho > 4 else h
    return _average(w, u + weight_decay * w, state, betas[0], eta, r, weight_lr_power)


def _norm(x):
    return np.sqrt(np.sum(x**2))


def lamb_optax(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0, maximize=False):
    """optax.lamb, of one array."""
    t, m, v = _moments(_h(w, g, maximize), state, *betas)
    u = m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps) + weight_decay * w
    ratio = 1.0 if _norm(w) == 0 or _norm(u) == 0 else _norm(w) / _norm(u)
    return w - lr * ratio * u


def lamb_keras(w, g, state, *, lr, betas=(0.9, 0.999), eps=1e-7, weight_decay=0, maximize=False):
    """keras.optimizers.Lamb, of one array."""
    return lamb_optax(w - w * weight_decay * lr, g, state, lr=lr, betas=betas, eps=eps, maximize=maximize)


def _rms(x):
    return np.sqrt(np.mean(x**2))


def _adafactor(h, state, part, added, factored, product):
    """The second moments: `part` of the new squares goes into the averages."""
    square = h**2 + added
    if not factored:
        v = state["v"] = (1 - part) * state.get("v", np.zeros_like(h)) + part * square
        return v
    rows, columns = np.mean(square, axis=-1), np.mean(square, axis=-2)
    r = state["r"] = (1 - part) * state.get("r", np.zeros_like(rows)) + part * rows
    c = state["c"] = (1 - part) * state.get("c", np.zeros_like(columns)) + part * columns
    return product(r, c)


def adafactor_torch(w, g, state, *, lr, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0,
                    min_dim_size_to_factor=0, multiply_by_parameter_scale=True, maximize=False):  # fmt: skip
    """torch.optim.Adafactor, of one array; the last two options are ours."""
    h, t = _h(w, g, maximize), state.setdefault("t", 0) + 1
    state["t"] = t
    eps1 = np.finfo(w.dtype).eps if eps[0] is None else eps[0]
    alpha = min(lr, 1 / t**0.5)
    if multiply_by_parameter_scale:
        alpha = alpha * max(eps[1], _rms(w))
    w = w * (1 - lr * weight_decay)

    def product(r, c):
        return r[..., :, None] * c[..., None, :] / np.maximum(np.mean(r, axis=-1), eps1)[..., None, None]

    factored = w.ndim > 1 and min(w.shape[-2:]) >= min_dim_size_to_factor
    v = _adafactor(h, state, t**beta2_decay, 0, factored, product)
    u = h / np.sqrt(np.maximum(v, eps1**2))
    return w - alpha * u / max(1.0, 0.0 if d is None else _rms(u) / d)


def adafactor_keras(w, g, state, *, lr, beta2_decay=-0.8, eps=(1e-30, 1e-3), d=1.0, weight_decay=0,
                    min_dim_size_to_factor=0, multiply_by_parameter_scale=True, maximize=False):  # fmt: skip
    """keras.optimizers.Adafactor, of one array; the last two options are ours."""
    h, t = _h(w, g, maximize), state.setdefault("t", 0) + 1
    state["t"] = t
    w = w - w * weight_decay * lr
    alpha = min(lr, 1 / np.sqrt(t)) * (max(eps[1], _rms(w)) if multiply_by_parameter_scale else 1.0)

    def product(r, c):
        return (r / np.mean(r, axis=-1, keepdims=True))[..., :, None] * c[..., None, :]

    factored = w.ndim > 1 and min(w.shape[-2:]) >= min_dim_size_to_factor
    u = h / np.sqrt(_adafactor(h, state, t**beta2_decay, eps[0], factored, product))
    return w - alpha * u / max(1.0, 0.0 if d is None else _rms(u) / d)


def adafactor_optax(w, g, state, *, lr, beta2_decay=-0.8, eps=(1e-30, 1e-3), d=1.0, weight_decay=0,
                    min_dim_size_to_factor=128, multiply_by_parameter_scale=True, maximize=False):  # fmt: skip
    """optax.adafactor, of one array of at most two axes."""
    h, t = _h(w, g, maximize), state.setdefault("t", 0) + 1
    state["t"] = t
    factored = w.ndim > 1 and min(w.shape) >= min_dim_size_to_factor
    v = _adafactor(h, state, t**beta2_decay, eps[0], factored, lambda r, c: np.outer(r / np.mean(r), c))
    u = h * v**-0.5
    if d is not None:
        u = u / max(1.0, _rms(u) / d)
    u = lr * u * (max(eps[1], _rms(w)) if multiply_by_parameter_scale else 1.0)
    return w - (u + weight_decay * w)


def newton_schulz(n, steps, coefficients):
    """Of a matrix of norm at most 1: about U V' of its singular value decomposition."""
    x, (a, b, c) = n if n.shape[0] <= n.shape[1] else n.T, coefficients
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if n.shape[0] <= n.shape[1] else x.T


def _muon(w, g, state, like, *, lr, weight_decay, momentum=0.95, nesterov=True, ns_coefficients=(3.4445, -4.775, 2.0315),
          eps, ns_steps=5, adjust_lr_fn=None, rms_rate=0.2, adam_lr_ratio=1.0, adam_betas=(0.9, 0.999), adam_eps=1e-8,
          adam_weight_decay, maximize=False):  # fmt: skip
    if w.ndim != 2:
        o = dict(lr=lr * adam_lr_ratio, betas=adam_betas, eps=adam_eps, maximize=maximize)
        if like == "keras":
            return adam_keras(w - w * adam_weight_decay * lr, g, state, **o)
        o.update(weight_decay=adam_weight_decay, decoupled_weight_decay=True)
        return (nadam_optax if like == "optax" and nesterov else adam_torch)(w, g, state, **o)
    h, t = _h(w, g, maximize), state.setdefault("t", 0) + 1
    gain = 1 if like == "keras" else 1 - momentum
    b = momentum * state.get("b", np.zeros_like(w)) + gain * h
    state.update(t=t, b=b)
    if like == "optax":
        n = b / (1 - momentum**t)
        if nesterov:
            n = momentum * b / (1 - momentum ** (t + 1)) + (1 - momentum) * h / (1 - momentum**t)
    else:
        n = gain * h + momentum * b if nesterov else b
    rows, columns = w.shape
    how = adjust_lr_fn or ("match_rms_adamw" if like == "keras" else "original")
    factor = {
        "original": np.sqrt(max(1, columns / rows if like == "optax" else rows / columns)),
        "match_rms_adamw": rms_rate * np.sqrt(max(rows, columns)),
        "none": 1.0,
    }[how]
    o = newton_schulz(n / (max(_norm(n), eps) if like == "torch" else _norm(n) + eps), ns_steps, ns_coefficients)
    return w * (1 - lr * weight_decay) - lr * factor * o


def muon_torch(w, g, state, *, weight_decay=0.1, eps=1e-7, adam_weight_decay=1e-2, **options):
    """torch.optim.Muon in the precision of w, of one array."""
    return _muon(w, g, state, "torch", weight_decay=weight_decay, eps=eps, adam_weight_decay=adam_weight_decay, **options)


def muon_keras(w, g, state, *, weight_decay=0.004, eps=1e-7, adam_eps=1e-7, adam_weight_decay=0.004, **options):
    """keras.optimizers.Muon, of one array."""
    return _muon(w, g, state, "keras", weight_decay=weight_decay, eps=eps, adam_eps=adam_eps,
                 adam_weight_decay=adam_weight_decay, **options)  # fmt: skip


def muon_optax(w, g, state, *, weight_decay=0.0, eps=1e-8, adam_weight_decay=0.0, **options):
    """optax.contrib.muon, of one array."""
    return _muon(w, g, state, "optax", weight_decay=weight_decay, eps=eps, adam_weight_decay=adam_weight_decay, **options)


def prodigy(w, g, state, *, lr, betas=(0.9, 0.999), beta3=None, eps=1e-8, weight_decay=0, decouple=True,
            use_bias_correction=False, safeguard_warmup=False, d0=1e-6, d_coef=1.0, growth_rate=np.inf,
            maximize=False, counts_all=False):  # fmt: skip
    """The authors' code, of all parameters in one array; state["d"] is the estimate. optax counts all steps."""
    h, zero = _h(w, g, maximize, 0 if decouple else weight_decay), np.zeros_like(w)
    t, start = state.setdefault("t", 0) + 1, state.setdefault("start", w)
    if lr == 0 and not counts_all:
        return w
    beta3 = betas[1] ** 0.5 if beta3 is None else beta3
    d, d_max, numerator = state.get("d", d0), state.get("d_max", d0), state.get("numerator", 0.0)
    correction = (1 - betas[1] ** t) ** 0.5 / (1 - betas[0] ** t) if use_bias_correction else 1
    dlr = d * lr * correction
    numerator = beta3 * numerator + d / d0 * dlr * np.sum(h * (start - w))
    m = state["m"] = betas[0] * state.get("m", zero) + (1 - betas[0]) * d * h
    v = state["v"] = betas[1] * state.get("v", zero) + (1 - betas[1]) * d**2 * h**2
    s = state["s"] = beta3 * state.get("s", zero) + d / d0 * (d if safeguard_warmup else dlr) * h
    total = np.sum(np.abs(s))
    if total == 0:
        state.update(t=t if counts_all else t - 1)
        return w
    state.update(t=t, numerator=numerator)
    estimate = d_coef * numerator / total
    if d == d0:
        d = max(d, estimate)
    d_max = max(d_max, estimate)
    d = min(d_max, d * growth_rate)
    state.update(d=d, d_max=d_max)
    if decouple:
        w = w - weight_decay * dlr * w
    return w - dlr * m / (np.sqrt(v) + d * eps)


def dog(w, g, state, *, lr, init_step=("heuristic", 1e-6), eps=1e-8, weight_decay=0, maximize=False):
    """optax.contrib.dog, of all parameters in one array."""
    h, (how, number) = _h(w, g, maximize, weight_decay), init_step
    start = state.setdefault("start", w)
    first = {"heuristic": number * (1 + _norm(start)), "distance": number, "learning_rate": 0.0}[how]
    r = max(state.get("r", first), _norm(w - start))
    total = state.get("total", 0.0) + np.sum(h**2)
    rate = number if how == "learning_rate" and "r" not in state else r / np.sqrt(total + eps)
    state.update(r=r, total=total)
    return w - lr * rate * h


def polyak(w, g, state, *, lr, value, max_lr=1.0, f_min=0.0, eps=0.0, variant="sps", c=1.0, growth=None,
           maximize=False):  # fmt: skip
    """optax.polyak_sgd, of all parameters in one array; c and growth as in the papers on SPS."""
    h, gap = _h(w, g, maximize), (-value if maximize else value) - f_min
    square = c * np.sum(h**2) + eps
    if variant == "sps+":
        gap = max(gap, 0.0)
    rate = 0.0 if square <= np.finfo(float).eps else min(gap / square, max_lr)
    if growth is not None and "rate" in state:
        rate = min(rate, growth * state["rate"])
    state["rate"] = rate
    return w - lr * rate * h


def _differences(w, h, state):
    s, y = w - state.get("w", w), h - state.get("h", h)
    first = "w" not in state
    state.update(w=w, h=h)
    return first, s, y


def barzilai_borwein(w, g, state, *, lr, variant="long", max_lr=np.inf, weight_decay=0, maximize=False):
    """The paper's two steps, of all parameters in one array."""
    h = _h(w, g, maximize, weight_decay)
    first, s, y = _differences(w, h, state)
    t = state["t"] = state.get("t", 0) + 1
    rate = min(lr, max_lr) if first else state["rate"]
    if not first and np.sum(s * y) > 0:
        kind = variant if variant != "alternate" else ("long", "short")[t % 2]
        rate = min(np.sum(s * s) / np.sum(s * y) if kind == "long" else np.sum(s * y) / np.sum(y * y), max_lr)
    state["rate"] = rate
    return w - rate * h


def adaptive_gd(w, g, state, *, lr, variant="adgd", max_lr=np.inf, weight_decay=0, maximize=False):
    """Malitsky and Mishchenko's algorithms, of all parameters in one array."""
    h = _h(w, g, maximize, weight_decay)
    first, s, y = _differences(w, h, state)
    if first:
        rate, theta = min(lr, max_lr), np.inf if variant == "adgd" else 1 / 3
    else:
        rate, theta = state["rate"], state["theta"]
        curvature = _norm(y) / _norm(s)
        if variant == "adgd":
            new = min(np.sqrt(1 + theta) * rate, 1 / (2 * curvature))
        else:
            excess = 2 * rate**2 * curvature**2 - 1
            new = min(np.sqrt(2 / 3 + theta) * rate, rate / np.sqrt(excess) if excess > 0 else np.inf)
        new = min(new, max_lr)
        rate, theta = new, new / rate
    state.update(rate=rate, theta=theta)
    return w - rate * h


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
    ("adagrad", "torch"): (adagrad_torch, {}),
    ("adagrad", "keras"): (adagrad_keras, {}),
    ("adagrad", "optax"): (adagrad_optax, {}),
    ("adadelta", "torch"): (adadelta_torch, {}),
    ("adadelta", "keras"): (adadelta_keras, {}),
    ("adadelta", "optax"): (adadelta_torch, {}),
    ("rmsprop", "torch"): (rmsprop_torch, {}),
    ("rmsprop", "keras"): (rmsprop_keras, {}),
    ("rmsprop", "optax"): (rmsprop_optax, {}),
    ("adamax", "torch"): (adamax_torch, {}),
    ("adamax", "keras"): (adamax_keras, {}),
    ("adamax", "optax"): (adamax_optax, {}),
    ("nadam", "torch"): (nadam_torch, {}),
    ("nadam", "keras"): (nadam_keras, {}),
    ("nadam", "optax"): (nadam_optax, {}),
    ("radam", "torch"): (radam_torch, {}),
    ("radam", "optax"): (radam_optax, {}),
    ("adabelief", "optax"): (adabelief_optax, {}),
    ("yogi", "optax"): (yogi_optax, {}),
    ("adan", "torch"): (adan_torch, {}),
    ("adan", "optax"): (adan_optax, {}),
    ("lion", "torch"): (lion, {}),
    ("lion", "keras"): (lion, {}),
    ("lion", "optax"): (lion, {}),
    ("signum", "optax"): (signum, {}),
    ("rprop", "torch"): (rprop, {}),
    ("ftrl", "keras"): (ftrl, {}),
    ("asgd", "torch"): (asgd, {}),
    ("schedulefreesgd", "torch"): (schedule_free_sgd, {}),
    ("schedulefreeadamw", "torch"): (schedule_free_adamw, {}),
    ("schedulefreeradam", "torch"): (schedule_free_radam, {}),
    ("lamb", "optax"): (lamb_optax, {}),
    ("lamb", "keras"): (lamb_keras, {}),
    ("adafactor", "torch"): (adafactor_torch, {}),
    ("adafactor", "keras"): (adafactor_keras, {}),
    ("adafactor", "optax"): (adafactor_optax, {}),
    ("muon", "torch"): (muon_torch, {}),
    ("muon", "keras"): (muon_keras, {}),
    ("muon", "optax"): (muon_optax, {}),
    ("prodigy", "torch"): (prodigy, {}),
    ("prodigy", "optax"): (prodigy, {"use_bias_correction": True, "counts_all": True}),
    ("dog", "optax"): (dog, {}),
    ("polyaksgd", "optax"): (polyak, {}),
    ("barzilaiborwein", "torch"): (barzilai_borwein, {}),
    ("adaptivegd", "torch"): (adaptive_gd, {}),
}


def run(name, like, w, gradients, state=None, values=None, **options):
    """The parameters after each of the gradients, (steps, *w.shape); lr may be a function of the step.

    values: the objective at each step, for rules that need it.
    """
    rule, fixed = RULES[name, like]
    lr = options.pop("lr")
    state, out = {} if state is None else state, []
    w = np.array(w, dtype=np.float64)
    for step, g in enumerate(gradients):
        eta = lr(step) if callable(lr) else lr
        if values is not None:
            options["value"] = values[step]
        w = rule(w, np.asarray(g, dtype=np.float64), state, lr=eta, **fixed, **options)
        out.append(w)
    return np.array(out)
