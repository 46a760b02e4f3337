"""Least squares: ordinary and with an L2 penalty."""

import numbers

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils import check_array, check_random_state

from ..losses import HalfSquaredError
from ..objective import LinearObjective
from ..penalties import L2
from ..solvers.newton_cholesky import DEPENDENT_NOTE
from ._base import LinearModel, is_plain

_LOSS = HalfSquaredError()
_RIDGE_SOLVERS = ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs", "newton-cholesky", "gradient-descent")


class _LeastSquares(MultiOutputMixin, RegressorMixin, LinearModel):
    """Fits squared losses; subclasses hold the parameters."""

    def _check_shared(self):
        """Checks of the parameters that both estimators have."""
        self._check_number("tol", 0, low_open=True)
        if self.max_time is not None:
            self._check_number("max_time", 0)
        self._check_flags("fit_intercept", "copy_X", "positive")
        if self.positive:
            raise NotImplementedError("positive=True comes with a later version")

    def _targets(self, X, y):
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        if not (is_plain(y) and y.dtype == X.dtype and y.size and np.isfinite(y).all()):
            y = check_array(y, ensure_2d=False, dtype=X.dtype, order="C", input_name="y", allow_nd=True)
        if y.ndim > 2 or y.ndim == 0:
            raise ValueError(f"y must have shape (n,) or (n, n_targets), got {y.shape}")
        if len(y) != len(X):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: X has {len(X)} rows, y has {len(y)}"
            )
        return y

    def _fit_targets(self, X, y, weight, alphas, solver, max_iter):
        """Fit one column of y for each alpha, or all at once for a single one."""
        weight_sum = len(X) if weight is None else float(np.sum(weight, dtype=np.float64))
        jobs = [(y, alphas[0])] if len(alphas) == 1 else [(np.ascontiguousarray(y[:, j]), a) for j, a in enumerate(alphas)]
        fits, pieces = [], []
        for target, alpha in jobs:
            objective = LinearObjective(
                X,
                target,
                _LOSS,
                None if alpha == 0 else L2(alpha / weight_sum),
                self.fit_intercept,
                sample_weight=weight,
                n_threads=self._fit_threads(),
            )
            name = solver
            if solver == "auto" and alpha == 0 and objective.n <= objective.p:
                name = "svd"
            fit = self._solve(objective, solver=name, max_iter=max_iter, scale=self._units * weight_sum)
            if solver == "auto" and alpha == 0 and DEPENDENT_NOTE in fit.notes:
                fit = self._solve(objective, solver="svd", max_iter=max_iter, scale=self._units * weight_sum)
            fits.append(fit)
            pieces.append(fit.params.reshape(-1, objective.width))
        params = np.concatenate(pieces)
        p = X.shape[1]
        coef = params[:, :p].astype(X.dtype)
        intercept = params[:, p].astype(X.dtype) if self.fit_intercept else np.zeros(len(params), dtype=X.dtype)
        if y.ndim == 1:
            self.coef_, self.intercept_ = coef[0], (intercept[0] if self.fit_intercept else 0.0)
        else:
            self.coef_, self.intercept_ = coef, (intercept if self.fit_intercept else 0.0)
        self.n_iter_ = np.array([fit.certificate.n_iter for fit in fits], dtype=np.int32)
        if any(fit.interrupted for fit in fits):
            raise KeyboardInterrupt
        for fit in fits:
            self._warn(fit)
        return self

    def predict(self, X):
        """Predicted targets, (n_samples,) or (n_samples, n_targets)."""
        raw = self._raw(X)
        return raw[:, 0] if np.ndim(self.coef_) == 1 else raw


class LinearRegression(_LeastSquares):
    """Ordinary least squares.

    Minimises ``sum_i w_i |y_i - X_i coef - intercept|^2``, summed over targets. Where columns are
    linearly dependent or there are more columns than rows, the coefficients of smallest Euclidean
    norm (of centred data where there is an intercept) are returned.

    Parameters
    ----------
    fit_intercept : bool, default=True
    copy_X : bool, default=True
        Checked, and without effect: X is never written to.
    tol : float, default=1e-6
        The objective exceeds its optimum by at most ``tol ** 2`` of what the model gains over a
        constant prediction (by the Newton decrement, exact for squares).
    n_jobs : int, default=None
        Threads where `n_threads` is None.
    positive : bool, default=False
        True raises NotImplementedError.
    n_threads : int, default=None
        k threads, -1 all; None one until the work pays.
    max_time : float, default=None
        Seconds after which the fit stops with a ConvergenceWarning.

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features), in X's dtype
    intercept_ : float or array of shape (n_targets,)
    n_features_in_, feature_names_in_, n_iter_, solver_, certificate_, history_
        As in `LogisticRegression`; `certificate_.objective` is in the units of the formula above.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.linear_model import LinearRegression
    >>> model = LinearRegression().fit(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]))
    >>> round(float(model.coef_[0]), 6), round(float(model.intercept_), 6)
    (2.0, 1.0)
    """

    _units = 2.0
    max_iter = 100
    verbose = 0

    def __init__(self, *, fit_intercept=True, copy_X=True, tol=1e-6, n_jobs=None, positive=False, n_threads=None, max_time=None):
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive
        self.n_threads = n_threads
        self.max_time = max_time

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            C-ordered float32 and float64 arrays are read in place.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional
            Finite, >= 0.

        Returns
        -------
        self
        """
        self._check_shared()
        X = self._matrix(X, reset=True)
        y = self._targets(X, y)
        weight = self._weights(sample_weight, len(X), X.dtype)
        return self._fit_targets(X, y, weight, [0.0], "auto", None)


class Ridge(_LeastSquares):
    """Least squares with an L2 penalty.

    Minimises ``sum_i w_i |y_i - X_i coef - intercept|^2 + alpha |coef|^2``, summed over targets; the
    intercept is not penalised.

    Parameters
    ----------
    alpha : float or array of shape (n_targets,), default=1.0
        >= 0; an array gives each target its own.
    fit_intercept : bool, default=True
    copy_X : bool, default=True
        Checked, and without effect: X is never written to.
    max_iter : int, default=None
        Of the solver; None is its own default.
    tol : float, default=1e-4
        The objective exceeds its optimum by at most ``tol ** 2`` of what the model gains over a
        constant prediction, shown by a duality gap.
    solver : str, default="auto"
        "newton-cholesky", "lbfgs", "gradient-descent", "svd", or "auto". Of scikit-learn's other names,
        "cholesky" runs "newton-cholesky", "lsqr" and "sparse_cg" run "lbfgs", "sag" and "saga" run "auto".
    positive : bool, default=False
        True raises NotImplementedError.
    random_state : int, RandomState or None, default=None
        Checked, and without effect: no solver here draws random numbers.
    n_threads : int, default=None
        k threads, -1 all; None one until the work pays.
    max_time : float, default=None
        Seconds after which the fit stops with a ConvergenceWarning.

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features), in X's dtype
    intercept_ : float or array of shape (n_targets,)
    n_features_in_, feature_names_in_, n_iter_, solver_, certificate_, history_
        As in `LogisticRegression`; `certificate_.objective` is in the units of the formula above.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from fastopt.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = Ridge(alpha=0.1).fit(X, y)
    >>> round(model.score(X, y), 3), model.certificate_.bound
    (0.513, 'gap')
    """

    _units = 2.0
    verbose = 0

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        copy_X=True,
        max_iter=None,
        tol=1e-4,
        solver="auto",
        positive=False,
        random_state=None,
        n_threads=None,
        max_time=None,
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state
        self.n_threads = n_threads
        self.max_time = max_time

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            C-ordered float32 and float64 arrays are read in place.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional
            Finite, >= 0.

        Returns
        -------
        self
        """
        self._check_shared()
        if self.max_iter is not None:
            self._check_number("max_iter", 1, kind=numbers.Integral)
        check_random_state(self.random_state)
        solver = self._solver_name(_RIDGE_SOLVERS)
        alphas = np.asarray(self.alpha)
        if alphas.dtype.kind not in "iuf" or alphas.ndim > 1:
            raise TypeError(f"alpha must be a number or an array of shape (n_targets,), got {self.alpha!r}")
        if not (np.isfinite(alphas).all() and (alphas >= 0).all()):
            raise ValueError(f"alpha == {self.alpha!r}, must be finite and >= 0.")
        X = self._matrix(X, reset=True)
        y = self._targets(X, y)
        n_targets = 1 if y.ndim == 1 else y.shape[1]
        if alphas.ndim == 1 and len(alphas) not in (1, n_targets):
            raise ValueError(f"Number of targets and number of penalties do not correspond: {len(alphas)} != {n_targets}")
        weight = self._weights(sample_weight, len(X), X.dtype)
        return self._fit_targets(X, y, weight, [float(a) for a in alphas.reshape(-1)], solver, self.max_iter)
