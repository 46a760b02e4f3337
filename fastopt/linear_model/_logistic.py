"""Logistic regression: binary and multinomial, with an L2 penalty or none."""

import numbers

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from ..losses import Logistic, SoftmaxCrossEntropy
from ..objective import LinearObjective
from ..penalties import L2
from ..solvers import choose
from ._base import LinearModel

_LOGISTIC, _SOFTMAX = Logistic(), SoftmaxCrossEntropy()
# How many times as many iterations as Newton's method solvers may take.
_CHEAPER = {"lbfgs": 10, "gradient-descent": 100}
_SOLVERS = ("auto", "lbfgs", "newton-cholesky", "gradient-descent", "newton-cg", "liblinear", "sag", "saga")


def _unique(y):
    """np.unique with the inverse; without sorting for integers of a small range."""
    if y.dtype.kind not in "iub" or y.size == 0:
        return np.unique(y, return_inverse=True)
    low, high = y.min(), y.max()
    span = int(high) - int(low) + 1
    if span > 4 * y.size + 16 or high >= 2**62 or low < -(2**62):
        return np.unique(y, return_inverse=True)
    if span == 2:
        return np.array([low, high]), (y if low == 0 else y - low).astype(np.int64, copy=False)
    places = np.subtract(y, low, dtype=np.int64, casting="unsafe")
    present = np.bincount(places, minlength=span) > 0
    classes = np.flatnonzero(present) + int(low)
    codes = places if len(classes) == span else (np.cumsum(present) - 1)[places]
    return classes.astype(y.dtype), codes.astype(np.int64, copy=False)


class LogisticRegression(ClassifierMixin, LinearModel):
    """Logistic regression, binary or multinomial, to a certified optimum.

    Minimises, with z_i = X_i coef' + intercept,

    - two classes: ``C sum_i w_i (log(1 + exp(z_i)) - y_i z_i) + sum(coef ** 2) / 2``, y_i in {0, 1};
    - more: ``C sum_i w_i (log(sum_k exp(z_ik)) - z_{i, y_i}) + sum(coef ** 2) / 2``,

    the objective of scikit-learn's estimator of this name. w_i is the sample weight times the class
    weight. Intercepts are not penalised. Columns are scaled implicitly, so unscaled data converge too;
    the optimum is that of the unscaled problem.

    Parameters
    ----------
    penalty : {"l2", None}, default="deprecated"
        As in scikit-learn, where it is deprecated: None is ``C=numpy.inf``. "l1" and "elasticnet"
        raise NotImplementedError.
    C : float, default=1.0
        Inverse strength of the penalty, > 0; ``numpy.inf`` for none.
    l1_ratio : float, default=0.0
        Only 0; anything else raises NotImplementedError.
    dual : bool, default=False
        Only False.
    tol : float, default=1e-4
        The objective exceeds its optimum by at most ``tol ** 2`` of what the model gains over a
        constant prediction, shown by a duality gap (without a penalty: by the Newton decrement).
    fit_intercept : bool, default=True
    intercept_scaling : float, default=1
        Only 1: it belongs to penalised intercepts.
    class_weight : dict, "balanced" or None, default=None
    random_state : int, RandomState or None, default=None
        Checked, and without effect: no solver here draws random numbers.
    solver : str, default="auto"
        "newton-cholesky", "lbfgs", "gradient-descent", or "auto", which chooses from the numbers of
        rows, columns and classes. Of scikit-learn's other names, "newton-cg" runs "lbfgs", and
        "liblinear", "sag" and "saga" run "auto".
    max_iter : int, default=100
        Of the solver; "lbfgs" and "gradient-descent" take 10 and 100 times as many, as their
        iterations are so much cheaper.
    verbose : int, default=0
        1 prints a line for each iteration on standard error.
    warm_start : bool, default=False
        Start from `coef_` and `intercept_` of the last fit where their shapes fit.
    n_jobs : int, default=None
        Threads where `n_threads` is None.
    n_threads : int, default=None
        k threads, -1 all; None one until the work pays.
    max_time : float, default=None
        Seconds after which the fit stops with a ConvergenceWarning.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    coef_ : array of shape (1, n_features) or (n_classes, n_features), in X's dtype
    intercept_ : array of shape (1,) or (n_classes,)
    n_iter_ : array of shape (1,)
    n_features_in_, feature_names_in_
    solver_ : str
        The solver that ran.
    certificate_ : fastopt.diagnostics.Certificate
        Objective, dual bound, gap, reason of the stop, iterations, passes and seconds.
    history_ : dict of arrays
        objective, gradient_norm, step, passes, seconds by iteration.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from fastopt.linear_model import LogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegression().fit(X, y)
    >>> model.certificate_.converged, bool(model.certificate_.relative_gap <= 1e-8)
    (True, True)
    >>> round(model.score(X, y), 2)
    0.96
    """

    def __init__(
        self,
        penalty="deprecated",
        *,
        C=1.0,
        l1_ratio=0.0,
        dual=False,
        tol=1e-4,
        fit_intercept=True,
        intercept_scaling=1,
        class_weight=None,
        random_state=None,
        solver="auto",
        max_iter=100,
        verbose=0,
        warm_start=False,
        n_jobs=None,
        n_threads=None,
        max_time=None,
    ):
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.n_threads = n_threads
        self.max_time = max_time

    def _check_parameters(self):
        self._check_number("C", 0, low_open=True)
        self._check_number("tol", 0, low_open=True)
        self._check_number("max_iter", 0, kind=numbers.Integral)
        if self.max_time is not None:
            self._check_number("max_time", 0)
        self._check_flags("dual", "fit_intercept", "warm_start")
        check_random_state(self.random_state)
        if self.penalty not in ("deprecated", "l2", None):
            if self.penalty in ("l1", "elasticnet"):
                raise NotImplementedError(f"penalty={self.penalty!r} comes with a later version; 'l2' and None work")
            raise ValueError(f"penalty must be 'l2' or None, got {self.penalty!r}")
        if self.l1_ratio not in (0, None):
            raise NotImplementedError(f"l1_ratio={self.l1_ratio!r} comes with a later version; 0 works")
        if self.dual:
            raise ValueError("dual=True belongs to liblinear's L2 solver; no solver here uses it. Leave dual=False.")
        if self.intercept_scaling != 1:
            raise ValueError(
                f"intercept_scaling={self.intercept_scaling!r} belongs to penalised intercepts; intercepts are not"
                " penalised here. Leave it at 1."
            )
        return self._solver_name(_SOLVERS)

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            C-ordered float32 and float64 arrays are read in place.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), optional
            Finite, >= 0.

        Returns
        -------
        self
        """
        solver = self._check_parameters()
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        X = self._matrix(X, reset=True)
        codes = self._encode(X, y)
        n_classes = len(self.classes_)
        weight = self._weights(sample_weight, len(X), X.dtype)
        if self.class_weight is not None:
            by_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=self.classes_[codes], sample_weight=weight
            )
            weight = (by_class[codes] if weight is None else weight * by_class[codes]).astype(X.dtype)
        weight_sum = len(X) if weight is None else float(np.sum(weight, dtype=np.float64))
        unpenalised = self.penalty is None or self.C == np.inf
        scale = weight_sum if unpenalised else self.C * weight_sum
        binary = n_classes == 2
        objective = LinearObjective(
            X,
            codes,
            _LOGISTIC if binary else _SOFTMAX,
            None if unpenalised else L2(1.0 / scale),
            self.fit_intercept,
            sample_weight=weight,
            n_outputs=1 if binary else n_classes,
            n_threads=self._fit_threads(),
        )
        start = self._start(objective) if self.warm_start else None
        solver = choose(objective, solver)
        max_iter = self.max_iter * _CHEAPER.get(solver, 1)
        fit = self._solve(objective, solver=solver, max_iter=max_iter, scale=scale, start=start)
        params = fit.params.reshape(-1, objective.width)
        self.coef_ = params[:, : X.shape[1]].astype(X.dtype)
        if self.fit_intercept:
            intercept = params[:, X.shape[1]]
            # The softmax does not see a constant added to all intercepts: report those with mean zero.
            self.intercept_ = (intercept if binary else intercept - intercept.mean()).astype(X.dtype)
        else:
            self.intercept_ = np.zeros(len(params), dtype=X.dtype)
        self.n_iter_ = np.array([fit.certificate.n_iter], dtype=np.int32)
        if fit.interrupted:
            raise KeyboardInterrupt
        self._warn(fit)
        return self

    def _encode(self, X, y):
        """Class indices of y; sets classes_."""
        plain = type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "iub"
        if not plain:
            y = column_or_1d(y, warn=True)
            check_classification_targets(y)
        if len(y) != len(X):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: X has {len(X)} rows, y has {len(y)}"
            )
        self.classes_, codes = _unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                "This solver needs samples of at least 2 classes in the data, but the data contains only one"
                f" class: {self.classes_[0]!r}"
            )
        return codes

    def _start(self, objective):
        coef = getattr(self, "coef_", None)
        if coef is None or coef.shape != (objective.k, objective.p):
            return None
        if not self.fit_intercept:
            return np.asarray(coef, dtype=np.float64).reshape(objective.shape)
        return np.concatenate([coef, np.reshape(self.intercept_, (-1, 1))], axis=1, dtype=np.float64).reshape(objective.shape)

    def decision_function(self, X):
        """Raw predictions: (n_samples,) for two classes (the logit of the second), else (n_samples, n_classes)."""
        raw = self._raw(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def predict(self, X):
        """Class labels, (n_samples,)."""
        raw = self.decision_function(X)
        return self.classes_[(raw > 0).astype(np.intp) if raw.ndim == 1 else raw.argmax(axis=1)]

    def predict_proba(self, X):
        """Probabilities of the classes, (n_samples, n_classes), in the order of `classes_`."""
        raw = self.decision_function(X)
        if raw.ndim == 1:
            return np.stack([_LOGISTIC.predict(-raw), _LOGISTIC.predict(raw)], axis=1).astype(raw.dtype, copy=False)
        return _SOFTMAX.predict(raw)

    def predict_log_proba(self, X):
        """Logarithms of `predict_proba`, accurate where the probabilities underflow."""
        raw = self.decision_function(X)
        if raw.ndim == 1:
            return np.stack([-np.logaddexp(0, raw), -np.logaddexp(0, -raw)], axis=1)
        shifted = raw - raw.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
