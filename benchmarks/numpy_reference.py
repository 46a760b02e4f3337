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


LOSSES = {
    function.__name__: function
    for function in (
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


OPTIMIZERS = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


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
