"""What a good user of NumPy would write for fits: vectorised, stable, with `out=` where it saves a temporary.

Passes over data, and fits: F = sum of losses + alpha |coef|^2 / 2, the intercept last and not penalised.

The benchmarks measure against these, and check every library's answer by them in float64.
"""

import numpy as np
from numpy_losses import logistic, mean_of
from scipy.special import expit


def with_ones(X):
    return np.hstack([X, np.ones((len(X), 1), dtype=X.dtype)])


def logistic_pass(X, y, w):
    """Mean logistic loss and its gradient, without an intercept: two products with X."""
    value, r = logistic(y, X @ w, None)
    return value, X.T @ r


def logistic_pass_plain(X, y, w):
    """The same as it is mostly written, with logaddexp and expit."""
    z = X @ w
    value = mean_of(np.logaddexp(0, z)) - float(np.dot(y, z)) / z.size
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
