"""Linear models in NumPy and SciPy: what a careful user writes without fastopt.

Whole arrays, stable formulas, one matrix product for each use of X; Newton's method with a Cholesky
factorisation, SciPy's L-BFGS-B, and direct solutions of least squares. A problem is an object with
`initial`, `value_gradient`, `hessian`; parameters are flat, the coefficients of an output followed
by its intercept, which is not penalised. Objectives are those of scikit-learn's estimators.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize, special


@dataclass
class Solution:
    """Parameters (flat), iterations and evaluations of the objective (reads of X; None for a direct method)."""

    params: np.ndarray
    n_iter: int
    passes: int | None


class Logistic:
    """``C sum_i (log(1 + exp(z_i)) - y_i z_i) + |coef|^2 / 2``, z = X coef + intercept, y_i in {0, 1}."""

    def __init__(self, X, y, C=1.0):
        self.X, self.y, self.C = X, y, C
        self.size = X.shape[1] + 1

    def initial(self):
        """The best constant prediction."""
        params = np.zeros(self.size)
        params[-1] = special.logit(self.y.mean())
        return params

    def value(self, params):
        return self.value_gradient(params)[0]

    def value_gradient(self, params):
        coef = params[:-1]
        z = self.X @ coef + params[-1]
        e = np.exp(-np.abs(z))
        residual = np.where(z >= 0, 1.0, e) / (1.0 + e) - self.y
        value = self.C * (np.log1p(e) + np.maximum(z, 0.0) - self.y * z).sum() + 0.5 * coef @ coef
        return value, np.append(self.C * (residual @ self.X) + coef, self.C * residual.sum())

    def hessian(self, params):
        p = special.expit(self.X @ params[:-1] + params[-1])
        h = self.C * p * (1.0 - p)
        weighted = self.X * h[:, None]
        hessian = np.empty((self.size, self.size))
        hessian[:-1, :-1] = self.X.T @ weighted
        hessian[:-1, -1] = hessian[-1, :-1] = weighted.sum(axis=0)
        hessian[-1, -1] = h.sum()
        hessian[np.diag_indices(self.size - 1)] += 1.0
        return hessian


class Softmax:
    """``C sum_i (log sum_k exp(z_ik) - z_{i, y_i}) + |coef|^2 / 2``, z = X coef' + intercept, y_i in 0..k-1."""

    def __init__(self, X, y, n_classes, C=1.0):
        self.X, self.C, self.k = X, C, n_classes
        self.target = np.eye(n_classes)[y]
        self.size = n_classes * (X.shape[1] + 1)

    def initial(self):
        """The best constant prediction."""
        params = np.zeros((self.k, self.X.shape[1] + 1))
        params[:, -1] = np.log(self.target.mean(axis=0))
        params[:, -1] -= params[:, -1].mean()
        return params.ravel()

    def _probabilities(self, params):
        """Coefficients, raw predictions less their row's maximum, sums of their exponentials, probabilities."""
        params = params.reshape(self.k, -1)
        z = self.X @ params[:, :-1].T + params[:, -1]
        z -= z.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        e /= total
        return params[:, :-1], z, total, e

    def value(self, params):
        return self.value_gradient(params)[0]

    def value_gradient(self, params):
        coef, z, total, residual = self._probabilities(params)
        value = self.C * (np.log(total).sum() - np.vdot(self.target, z)) + 0.5 * np.vdot(coef, coef)
        residual -= self.target
        gradient = np.empty((self.k, self.X.shape[1] + 1))
        gradient[:, :-1] = self.C * (residual.T @ self.X) + coef
        gradient[:, -1] = self.C * residual.sum(axis=0)
        return value, gradient.ravel()

    def hessian(self, params):
        """Exact but for the shift of all intercepts, of which the objective does not depend: it gets a curvature."""
        _, _, _, p = self._probabilities(params)
        k, d = self.k, self.X.shape[1] + 1
        X1 = np.column_stack([self.X, np.ones(len(self.X))])
        hessian = np.empty((k, d, k, d))
        for a in range(k):
            for b in range(a, k):
                h = self.C * p[:, a] * ((a == b) - p[:, b])
                block = X1.T @ (X1 * h[:, None])
                hessian[a, :, b] = hessian[b, :, a] = block
        hessian[:, -1, :, -1] += np.trace(hessian[:, -1, :, -1]) / k**2
        hessian = hessian.reshape(k * d, k * d)
        penalised = np.tile(np.arange(d) < d - 1, k)
        hessian[np.diag_indices(k * d)] += penalised
        return hessian


class Squares:
    """``|y - X coef - intercept|^2 + alpha |coef|^2``."""

    def __init__(self, X, y, alpha=0.0):
        self.X, self.y, self.alpha = X, y, alpha
        self.size = X.shape[1] + 1

    def initial(self):
        """The best constant prediction."""
        params = np.zeros(self.size)
        params[-1] = self.y.mean()
        return params

    def value(self, params):
        return self.value_gradient(params)[0]

    def value_gradient(self, params):
        coef = params[:-1]
        residual = self.X @ coef + (params[-1] - self.y)
        value = residual @ residual + self.alpha * coef @ coef
        return value, np.append(2 * (residual @ self.X + self.alpha * coef), 2 * residual.sum())

    def _with_intercept(self, coef, centre):
        return np.append(coef, self.y.mean() - centre @ coef)

    def cholesky(self):
        """Normal equations of the centred data, in the smaller of the two dimensions; needs alpha > 0 or full rank."""
        centre = self.X.mean(axis=0)
        X, y = self.X - centre, self.y - self.y.mean()
        n, p = X.shape
        if p <= n:
            gram = X.T @ X
            gram[np.diag_indices(p)] += self.alpha
            coef = linalg.solve(gram, X.T @ y, assume_a="pos")
        else:
            gram = X @ X.T
            gram[np.diag_indices(n)] += self.alpha
            coef = X.T @ linalg.solve(gram, y, assume_a="pos")
        return Solution(self._with_intercept(coef, centre), 1, None)

    def least_squares(self):
        """Coefficients of smallest norm of the unpenalised problem, by a decomposition."""
        centre = self.X.mean(axis=0)
        coef = np.linalg.lstsq(self.X - centre, self.y - self.y.mean())[0]
        return Solution(self._with_intercept(coef, centre), 1, None)


def newton(problem, tol=1e-8, max_iter=100):
    """Newton's method with a Cholesky factorisation and Armijo's condition by halving.

    Stops after the step from a point whose Newton decrement, the expected excess ``g' H^{-1} g / 2``,
    is at most `tol` times what was gained since the best constant prediction.
    """
    x = problem.initial()
    value, gradient = problem.value_gradient(x)
    start, passes = value, 1
    for n_iter in range(1, max_iter + 1):
        step = linalg.cho_solve(linalg.cho_factor(problem.hessian(x)), -gradient)
        decrement = -0.5 * gradient @ step
        passes += 1
        length = 1.0
        while length > 1e-12:
            trial = x + length * step
            new, new_gradient = problem.value_gradient(trial)
            passes += 1
            if new <= value - 1e-4 * length * 2 * decrement + 1e-14 * abs(value):
                break
            length /= 2
        else:
            return Solution(x, n_iter, passes)
        x, value, gradient = trial, new, new_gradient
        if decrement <= tol * (start - value):
            break
    return Solution(x, n_iter, passes)


def lbfgs(problem, tol=1e-4, max_iter=5000):
    """SciPy's L-BFGS-B on the mean over the rows, until no entry of its gradient is above `tol`."""
    scale = 1.0 / len(problem.X)

    def scaled(params):
        value, gradient = problem.value_gradient(params)
        return scale * value, scale * gradient

    options = {"maxiter": max_iter, "maxfun": 2 * max_iter, "gtol": tol, "ftol": 64 * np.finfo(float).eps, "maxls": 50}
    result = optimize.minimize(scaled, problem.initial(), jac=True, method="L-BFGS-B", options=options)
    return Solution(result.x, result.nit, result.nfev)
