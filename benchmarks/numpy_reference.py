"""What a good user of NumPy would write: vectorised, stable, with `out=` where it saves a temporary.

The benchmarks measure against these, and check every library's answer by them in float64.
"""

import numpy as np
from scipy.special import expit

# --- losses: (y_true, raw_prediction, loss) -> mean, gradient of the mean ----------------------------


def _mean(values):
    return float(values.mean())  # pairwise sums: good to some units of the last place


def squared_error(y, z, loss):
    r = z - y
    value = float(np.dot(r, r)) / r.size
    r *= 2.0 / r.size
    return value, r


def half_squared_error(y, z, loss):
    r = z - y
    value = 0.5 * float(np.dot(r, r)) / r.size
    r *= 1.0 / r.size
    return value, r


def root_mean_squared_error(y, z, loss):
    r = z - y
    value = np.sqrt(float(np.dot(r, r)) / r.size)
    r *= 1.0 / (r.size * value)
    return value, r


def absolute_error(y, z, loss):
    r = z - y
    value = float(np.linalg.norm(r, 1)) / r.size
    np.sign(r, out=r)
    r *= 1.0 / r.size
    return value, r


def huber(y, z, loss):
    # With c = r clipped to [-delta, delta] the loss is c (r - c / 2) and its gradient c.
    r = z - y
    c = np.clip(r, -loss.delta, loss.delta)
    r -= 0.5 * c
    value = float(np.dot(c, r)) / r.size
    c *= 1.0 / r.size
    return value, c


def quantile(y, z, loss):
    q = loss.quantile
    r = y - z
    g = np.where(r >= 0, r.dtype.type(-q), r.dtype.type(1 - q))
    value = -float(np.dot(g, r)) / r.size
    g *= 1.0 / r.size
    return value, g


def poisson(y, z, loss):
    e = np.exp(z)
    value = (float(np.sum(e, dtype=np.float64)) - float(np.dot(y, z))) / z.size
    e -= y
    e *= 1.0 / z.size
    return value, e


def logistic(y, z, loss):
    # One exponential of -|z| for both, 3 to 5 times faster than logaddexp and expit.
    e = np.abs(z)
    np.negative(e, out=e)
    np.exp(e, out=e)
    one = np.ones((), dtype=z.dtype)
    g = np.where(z >= 0, one, e)
    np.divide(g, 1 + e, out=g)
    g -= y
    g *= 1.0 / z.size
    np.log1p(e, out=e)
    e += np.maximum(z, 0)
    return _mean(e) - float(np.dot(y, z)) / z.size, g


def binary_cross_entropy_from_probabilities(y, q, loss):
    with np.errstate(divide="ignore"):
        one, other = np.log(q), np.log1p(-q)
    np.maximum(one, -100, out=one)
    np.maximum(other, -100, out=other)
    value = -(float(np.dot(y, one)) + float(np.dot(1 - y, other))) / q.size
    g = q - y
    g /= q * (1 - q)
    g *= 1.0 / q.size
    return value, g


def hinge(y, z, loss):
    margin = y * z
    np.subtract(1, margin, out=margin)
    g = np.where(margin > 0, -y, z.dtype.type(0))
    g *= 1.0 / z.size
    np.maximum(margin, 0, out=margin)
    return _mean(margin), g


def squared_hinge(y, z, loss):
    margin = y * z
    np.subtract(1, margin, out=margin)
    np.maximum(margin, 0, out=margin)
    value = float(np.dot(margin, margin)) / z.size
    margin *= y
    margin *= -2.0 / z.size
    return value, margin


def softmax_cross_entropy(index, z, loss):
    rows = np.arange(len(z))
    p = z - z.max(axis=1, keepdims=True)
    picked = p[rows, index]
    np.exp(p, out=p)
    total = p.sum(axis=1, keepdims=True)
    value = _mean(np.log(total[:, 0]) - picked)
    p /= total
    p[rows, index] -= 1
    p *= 1.0 / len(z)
    return value, p


def categorical_cross_entropy_from_probabilities(index, q, loss):
    rows = np.arange(len(q))
    picked = q[rows, index]
    g = np.zeros_like(q)
    g[rows, index] = -1.0 / (len(q) * picked)
    return -_mean(np.log(picked)), g


def _softmax(z):
    """Probabilities and their logarithms."""
    log_p = z - z.max(axis=1, keepdims=True)
    p = np.exp(log_p)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    log_p -= np.log(total)
    return p, log_p


def _of_own(index, p, slope):
    """The gradient of f(log p_y) from slope = f', for the mean."""
    slope = slope / len(p)
    p *= -slope[:, None]
    p[np.arange(len(p)), index] += slope
    return p


def categorical_focal(index, z, loss):
    p, log_p = _softmax(z)
    rows = np.arange(len(z))
    own, log_own = p[rows, index], log_p[rows, index]
    rest = 1 - own
    value = -_mean(rest**loss.gamma * log_own)
    return value, _of_own(index, p, rest ** (loss.gamma - 1) * (loss.gamma * own * log_own - rest))


def poly1_cross_entropy(index, z, loss):
    p, log_p = _softmax(z)
    own, log_own = p[np.arange(len(z)), index], log_p[np.arange(len(z)), index]
    return _mean(loss.epsilon * (1 - own) - log_own), _of_own(index, p, -1 - loss.epsilon * own)


def categorical_generalized_cross_entropy(index, z, loss):
    p, _ = _softmax(z)
    power = p[np.arange(len(z)), index] ** loss.q
    return _mean((1 - power) / loss.q), _of_own(index, p, -power)


def softmax_kl_divergence(t, z, loss):
    p, log_p = _softmax(z)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(t > 0, t * (np.log(t) - log_p), 0).sum(axis=1)
    p *= t.sum(axis=1, keepdims=True)
    p -= t
    p *= 1.0 / len(z)
    return _mean(value), p


def kl_divergence_from_log_probabilities(t, z, loss):
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(t > 0, t * (np.log(t) - z), 0).sum(axis=1)
    return _mean(value), t * z.dtype.type(-1.0 / len(z))


def kl_divergence_from_probabilities(t, q, loss):
    ratio = t / q
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(t > 0, t * np.log(ratio), 0).sum(axis=1)
    ratio *= -1.0 / len(q)
    return _mean(value), ratio


def weston_watkins(index, z, loss):
    rows = np.arange(len(z))
    margin = z - z[rows, index][:, None]
    margin += loss.margin
    margin[rows, index] = 0
    np.maximum(margin, 0, out=margin)
    value = _mean(margin.sum(axis=1))
    g = np.sign(margin, out=margin)
    g[rows, index] = -g.sum(axis=1)
    g *= 1.0 / len(z)
    return value, g


def crammer_singer(index, z, loss):
    rows = np.arange(len(z))
    others = z.copy()
    others[rows, index] = -np.inf
    best = others.argmax(axis=1)
    margin = loss.margin + others[rows, best] - z[rows, index]
    inside = (margin > 0) / len(z)
    g = np.zeros_like(z)
    g[rows, best] = inside
    g[rows, index] = -inside
    return _mean(np.maximum(margin, 0)), g


def multilabel_logistic(t, z, loss):
    e = np.exp(-np.abs(z))
    value = np.maximum(z, 0) - t * z + np.log1p(e)
    g = np.where(z >= 0, 1, e) / (1 + e) - t
    g *= 1.0 / z.size
    return _mean(value.ravel()), g


def cosine_distance(y, z, loss):
    n = np.sqrt(np.einsum("ij,ij->i", z, z))[:, None]
    a, b = z / n, y / np.sqrt(np.einsum("ij,ij->i", y, y))[:, None]
    c = np.einsum("ij,ij->i", a, b)[:, None]
    a *= c
    a -= b
    a /= n * len(z)
    return _mean(1 - c[:, 0]), a


def gaussian_nll(y, z, loss):
    r, precision = z[:, 0] - y, np.exp(-z[:, 1])
    square = r * r * precision
    g = np.stack([r * precision, 0.5 * (1 - square)], axis=1)
    g *= 1.0 / len(z)
    return _mean(0.5 * (z[:, 1] + square)), g


LOSSES = {
    function.__name__: function
    for function in (
        categorical_focal,
        poly1_cross_entropy,
        categorical_generalized_cross_entropy,
        softmax_kl_divergence,
        kl_divergence_from_log_probabilities,
        kl_divergence_from_probabilities,
        weston_watkins,
        crammer_singer,
        multilabel_logistic,
        cosine_distance,
        gaussian_nll,
        squared_error,
        half_squared_error,
        root_mean_squared_error,
        absolute_error,
        huber,
        quantile,
        poisson,
        logistic,
        binary_cross_entropy_from_probabilities,
        hinge,
        squared_hinge,
        softmax_cross_entropy,
        categorical_cross_entropy_from_probabilities,
    )
}


# --- update rules, in place, with one buffer for each array -----------------------------------------


class SGD:
    def __init__(self, params, lr=1e-3, momentum=0.0, nesterov=False):
        self.params, self.lr, self.momentum, self.nesterov = params, lr, momentum, nesterov
        self.velocity = None
        self.buffer = [np.empty_like(w) for w in params]

    def step(self, grads):
        if self.momentum and self.velocity is None:
            self.velocity = [np.zeros_like(w) for w in self.params]
        for i, (w, g, t) in enumerate(zip(self.params, grads, self.buffer)):
            direction = g
            if self.momentum:
                b = self.velocity[i]
                b *= self.momentum
                b += g
                direction = b
                if self.nesterov:
                    np.multiply(b, self.momentum, out=t)
                    t += g
                    direction = t
            np.multiply(direction, self.lr, out=t)
            w -= t


class Adam:
    decay = 0.0

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, amsgrad=False):
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.m = [np.zeros_like(w) for w in params]
        self.v = [np.zeros_like(w) for w in params]
        self.top = [np.zeros_like(w) for w in params] if amsgrad else None
        self.buffer = [np.empty_like(w) for w in params]
        self.t = 0

    def step(self, grads):
        self.t += 1
        beta1, beta2 = self.betas
        root = float(np.sqrt(1 - beta2**self.t))
        alpha, eps = self.lr * root / (1 - beta1**self.t), self.eps * root
        for i, (w, g, m, v, t) in enumerate(zip(self.params, grads, self.m, self.v, self.buffer)):
            if self.decay:
                w *= 1 - self.lr * self.decay
            m *= beta1
            np.multiply(g, 1 - beta1, out=t)
            m += t
            v *= beta2
            np.multiply(g, g, out=t)
            t *= 1 - beta2
            v += t
            if self.top is not None:
                np.maximum(self.top[i], v, out=self.top[i])
                v = self.top[i]
            np.sqrt(v, out=t)
            t += eps
            np.divide(m, t, out=t)
            t *= alpha
            w -= t


class AdamW(Adam):
    decay = 1e-2


class Rule:
    """Rules with slots (zero, or what `begin` says) and two buffers for each array; `update` does one array."""

    slots = ()
    begin = {}
    lr = 1e-3

    def __init__(self, params, lr=1e-3, **options):
        self.params, self.lr, self.t = params, lr, 0
        self.__dict__.update(options)
        self.state = [[np.full_like(w, self.begin.get(name, 0.0)) for name in self.slots] for w in params]
        self.buffers = [(np.empty_like(w), np.empty_like(w)) for w in params]

    def step(self, grads):
        self.t += 1
        for w, g, state, buffers in zip(self.params, grads, self.state, self.buffers):
            self.update(w, g, *state, *buffers)


def moving(a, g, beta, t):
    """a = beta a + (1 - beta) g."""
    a *= beta
    np.multiply(g, 1 - beta, out=t)
    a += t


def moving_square(a, g, beta, t):
    a *= beta
    np.multiply(g, g, out=t)
    t *= 1 - beta
    a += t


class Adagrad(Rule):
    slots = ("sum",)

    def update(self, w, g, total, t, u):
        np.multiply(g, g, out=t)
        total += t
        np.sqrt(total, out=t)
        t += 1e-10
        np.divide(g, t, out=t)
        t *= self.lr
        w -= t


class Adadelta(Rule):
    slots = ("square", "delta")

    def update(self, w, g, square, delta, t, u):
        moving_square(square, g, 0.9, t)
        np.add(delta, 1e-6, out=t)
        np.add(square, 1e-6, out=u)
        t /= u
        np.sqrt(t, out=t)
        t *= g
        moving_square(delta, t, 0.9, u)
        t *= self.lr
        w -= t


class RMSprop(Rule):
    slots = ("square", "mean", "buffer")
    centered, momentum = False, 0.0

    def update(self, w, g, square, mean, buffer, t, u):
        moving_square(square, g, 0.99, t)
        root = square
        if self.centered:
            moving(mean, g, 0.99, t)
            np.multiply(mean, mean, out=u)
            np.subtract(square, u, out=u)
            root = u
        np.sqrt(root, out=t)
        t += 1e-8
        np.divide(g, t, out=t)
        if self.momentum:
            buffer *= self.momentum
            buffer += t
            np.multiply(buffer, self.lr, out=t)
        else:
            t *= self.lr
        w -= t


class Adamax(Rule):
    slots = ("m", "top")

    def update(self, w, g, m, top, t, u):
        moving(m, g, 0.9, t)
        top *= 0.999
        np.abs(g, out=t)
        t += 1e-8
        np.maximum(top, t, out=top)
        np.divide(m, top, out=t)
        t *= self.lr / (1 - 0.9**self.t)
        w -= t


class Moments(Rule):
    """Adam's two moments."""

    slots = ("m", "v")
    beta1, beta2 = 0.9, 0.999

    def root(self, g, m, v, t):
        moving(m, g, self.beta1, t)
        moving_square(v, g, self.beta2, t)
        np.multiply(v, 1 / (1 - self.beta2**self.t), out=t)
        np.sqrt(t, out=t)
        t += 1e-8


class NAdam(Moments):
    product = 1.0

    def step(self, grads):
        self.now, self.next = (0.9 * (1 - 0.5 * 0.96 ** (k * 4e-3)) for k in (self.t + 1, self.t + 2))
        self.product *= self.now
        super().step(grads)

    def update(self, w, g, m, v, t, u):
        self.root(g, m, v, t)
        np.multiply(g, self.lr * (1 - self.now) / (1 - self.product), out=u)
        u /= t
        w -= u
        np.multiply(m, self.lr * self.next / (1 - self.product * self.next), out=u)
        u /= t
        w -= u


class RAdam(Moments):
    def update(self, w, g, m, v, t, u):
        self.root(g, m, v, t)
        longest = 2 / (1 - 0.999) - 1
        rho = longest - 2 * self.t * 0.999**self.t / (1 - 0.999**self.t)
        np.multiply(m, self.lr / (1 - 0.9**self.t), out=u)
        if rho > 5:
            u *= ((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)) ** 0.5
            u /= t
        w -= u


class AdaBelief(Rule):
    slots = ("m", "s")

    def update(self, w, g, m, s, t, u):
        moving(m, g, 0.9, t)
        np.subtract(g, m, out=u)
        moving_square(s, u, 0.999, t)
        s += 1e-16
        np.multiply(s, 1 / (1 - 0.999**self.t), out=t)
        np.sqrt(t, out=t)
        t += 1e-16
        np.divide(m, t, out=t)
        t *= self.lr / (1 - 0.9**self.t)
        w -= t


class Yogi(Rule):
    slots = ("m", "v")
    begin = {"m": 1e-6, "v": 1e-6}

    def update(self, w, g, m, v, t, u):
        moving(m, g, 0.9, t)
        np.multiply(g, g, out=t)
        np.subtract(v, t, out=u)
        np.copysign(t, u, out=t)  # differs from the sign where both are equal; np.sign in place is slow
        t *= 1 - 0.999
        v -= t
        np.multiply(v, 1 / (1 - 0.999**self.t), out=t)
        np.sqrt(t, out=t)
        t += 1e-3
        np.divide(m, t, out=t)
        t *= self.lr / (1 - 0.9**self.t)
        w -= t


class Adan(Rule):
    slots = ("m", "q", "n", "previous")

    def update(self, w, g, m, q, n, previous, t, u):
        if self.t == 1:
            previous[...] = g
        np.subtract(g, previous, out=u)
        previous[...] = g
        moving(m, g, 0.98, t)
        moving(q, u, 0.92, t)
        u *= 0.92
        u += g
        moving_square(n, u, 0.99, t)
        np.multiply(n, 1 / (1 - 0.99**self.t), out=t)
        np.sqrt(t, out=t)
        t += 1e-8
        np.multiply(q, 0.92 * (1 - 0.98**self.t) / (1 - 0.92**self.t), out=u)
        u += m
        u /= t
        u *= self.lr / (1 - 0.98**self.t)
        w -= u


class Lion(Rule):
    slots = ("m",)

    def update(self, w, g, m, t, u):
        np.multiply(m, 0.9, out=t)
        np.multiply(g, 1 - 0.9, out=u)
        t += u
        np.sign(t, out=u)  # in place it is several times slower
        u *= self.lr
        w -= u
        moving(m, g, 0.99, t)


class Signum(Rule):
    slots = ("m",)

    def update(self, w, g, m, t, u):
        moving(m, g, 0.9, t)
        np.sign(m, out=t)
        t *= self.lr
        w -= t


class Rprop(Rule):
    slots = ("previous", "size")

    def __init__(self, params, lr=1e-3):
        self.begin = {"size": lr}
        super().__init__(params, lr)

    def update(self, w, g, previous, size, t, u):
        np.multiply(g, previous, out=t)
        np.copyto(u, 1.0)
        np.copyto(u, 1.2, where=t > 0)
        np.copyto(u, 0.5, where=t < 0)
        size *= u
        np.clip(size, 1e-6, 50, out=size)
        previous[...] = g
        np.copyto(previous, 0.0, where=t < 0)
        np.sign(previous, out=t)
        t *= size
        w -= t


class FTRL(Rule):
    slots = ("z", "n")
    begin = {"n": 0.1}

    def update(self, w, g, z, n, t, u):
        np.sqrt(n, out=u)
        np.multiply(g, g, out=t)
        n += t
        np.sqrt(n, out=t)
        np.subtract(t, u, out=u)
        u *= w
        u /= self.lr
        z += g
        z -= u
        np.divide(z, t, out=w)
        w *= -self.lr


class ASGD(Rule):
    slots = ("ax",)

    def update(self, w, g, ax, t, u):
        eta = self.lr / (1 + 1e-4 * self.lr * (self.t - 1)) ** 0.75
        w *= 1 - 1e-4 * eta
        np.multiply(g, eta, out=t)
        w -= t
        ax[...] = w  # until step 1e6


class ScheduleFree(Rule):
    """All rates are equal: z weighs 1/t in the average."""

    slots = ("z",)
    beta = 0.9

    def __init__(self, params, lr=1e-3):
        super().__init__(params, lr)
        for w, state in zip(params, self.state):
            state[0][...] = w

    def move(self, w, z, u, t, rate, c):
        np.subtract(z, w, out=t)
        t *= c
        w += t
        np.multiply(u, rate * (1 - self.beta * (1 - c)), out=t)
        w -= t
        np.multiply(u, rate, out=t)
        z -= t

    def update(self, w, g, z, t, u):
        self.move(w, z, g, t, self.lr, 1 / self.t)


class ScheduleFreeAdamW(ScheduleFree):
    slots = ("z", "v")

    def update(self, w, g, z, v, t, u):
        moving_square(v, g, 0.999, t)
        np.multiply(v, 1 / (1 - 0.999**self.t), out=u)
        np.sqrt(u, out=u)
        u += 1e-8
        np.divide(g, u, out=u)
        self.move(w, z, u, t, self.lr, 1 / self.t)


OPTIMIZERS = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "rmsprop": RMSprop,
    "adamax": Adamax,
    "nadam": NAdam,
    "radam": RAdam,
    "adabelief": AdaBelief,
    "yogi": Yogi,
    "adan": Adan,
    "lion": Lion,
    "signum": Signum,
    "rprop": Rprop,
    "ftrl": FTRL,
    "asgd": ASGD,
    "schedulefreesgd": ScheduleFree,
    "schedulefreeadamw": ScheduleFreeAdamW,
}


# --- linear models: F = sum of losses + alpha |coef|^2 / 2, the intercept last and not penalised ----


def with_ones(X):
    return np.hstack([X, np.ones((len(X), 1), dtype=X.dtype)])


def logistic_pass(X, y, w):
    """Mean logistic loss and its gradient, without an intercept: two products with X."""
    value, r = logistic(y, X @ w, None)
    return value, X.T @ r


def logistic_pass_plain(X, y, w):
    """The same as it is mostly written, with logaddexp and expit."""
    z = X @ w
    value = _mean(np.logaddexp(0, z)) - float(np.dot(y, z)) / z.size
    r = expit(z)
    r -= y
    r *= 1.0 / z.size
    return value, X.T @ r


def gram_symmetric(X, h):
    """X' diag(h) X by a scaled copy, which BLAS multiplies as a symmetric product."""
    scaled = X * np.sqrt(h)[:, None]
    return scaled.T @ scaled


def gram_plain(X, h):
    """X' diag(h) X by a general product."""
    return (X.T * h) @ X


def softmax_parts(Z, index):
    rows = np.arange(len(Z))
    Z = Z - Z.max(axis=1, keepdims=True)
    picked = Z[rows, index].copy()
    np.exp(Z, out=Z)
    total = Z.sum(axis=1, keepdims=True)
    value = float(np.sum(np.log(total[:, 0]) - picked))
    Z /= total
    Z[rows, index] -= 1
    return value, Z


def objective_logistic(X, y, coef, intercept, C):
    """The estimator's objective; y holds 0 and 1, or class indices where coef has several rows."""
    coef = np.atleast_2d(np.asarray(coef, dtype=np.float64))
    Z = np.asarray(X, dtype=np.float64) @ coef.T + np.asarray(intercept, dtype=np.float64)
    if len(coef) == 1:
        loss = float(np.sum(np.logaddexp(0, Z[:, 0]) - y * Z[:, 0]))
    else:
        loss = softmax_parts(Z, y)[0]
    return C * loss + 0.5 * float(np.sum(coef * coef))


def objective_squares(X, y, coef, intercept, alpha):
    r = np.asarray(X, dtype=np.float64) @ np.asarray(coef, dtype=np.float64) + float(intercept) - y
    return float(r @ r) + alpha * float(np.sum(np.square(coef, dtype=np.float64)))


def fit_logistic(X, y, C=1.0, tol=1e-4, max_iter=100):
    """Newton's method with backtracking; stops where half the Newton decrement is below tol. (coef, intercept)."""
    A = with_ones(X)
    ridge = np.ones(A.shape[1])
    ridge[-1] = 0
    w = np.zeros(A.shape[1])

    def evaluate(w):
        z = A @ w
        return C * (np.sum(np.logaddexp(0, z)) - y @ z) + 0.5 * np.sum(ridge * w * w), z

    value, z = evaluate(w)
    for _ in range(max_iter):
        p = expit(z)
        gradient = C * (A.T @ (p - y)) + ridge * w
        hessian = C * gram_symmetric(A, p * (1 - p))
        hessian[np.diag_indices_from(hessian)] += ridge
        step = np.linalg.solve(hessian, -gradient)
        slope = gradient @ step
        if -0.5 * slope <= tol:
            break
        t = 1.0
        while True:
            trial, z_trial = evaluate(w + t * step)
            if trial <= value + 1e-4 * t * slope or t < 1e-10:
                break
            t *= 0.5
        w, value, z = w + t * step, trial, z_trial
    return w[None, :-1], w[-1:]


def fit_softmax(X, index, C=1.0, tol=1e-4, max_iter=3000):
    """SciPy's L-BFGS-B over one product with X each way; `tol` bounds the gradient. (coef, intercept)."""
    from scipy.optimize import minimize

    A = with_ones(X)
    k = int(index.max()) + 1

    def evaluate(flat):
        W = flat.reshape(k, -1)
        value, R = softmax_parts(A @ W.T, index)
        gradient = R.T @ A
        gradient *= C
        gradient[:, :-1] += W[:, :-1]
        return C * value + 0.5 * np.sum(W[:, :-1] ** 2), gradient.reshape(-1)

    options = {"maxiter": max_iter, "maxfun": 2 * max_iter, "gtol": tol, "ftol": 0.0, "maxls": 50}
    W = minimize(evaluate, np.zeros(k * A.shape[1]), jac=True, method="L-BFGS-B", options=options).x.reshape(k, -1)
    return W[:, :-1], W[:, -1]


def fit_ridge(X, y, alpha):
    """Normal equations of centred data. (coef, intercept)."""
    mean, y_mean = X.mean(axis=0), y.mean()
    centred = X - mean
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += alpha
    coef = np.linalg.solve(gram, centred.T @ (y - y_mean))
    return coef, y_mean - mean @ coef


def fit_least_squares(X, y):
    """`numpy.linalg.lstsq` of centred data. (coef, intercept)."""
    mean, y_mean = X.mean(axis=0), y.mean()
    coef = np.linalg.lstsq(X - mean, y - y_mean, rcond=None)[0]
    return coef, y_mean - mean @ coef
