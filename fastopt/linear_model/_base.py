"""What the linear estimators share: input, weights, the fit's bookkeeping, raw predictions."""

import numbers
import warnings

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import _config, _kernels
from ..diagnostics import Monitor, report
from ..solvers import fit_problem

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))

# scikit-learn's solver names and what runs here for them: every solver here reaches the same
# optimum to the same certificate, so a name chooses a way, not an answer.
SOLVER_NAMES = {
    "lbfgs": "lbfgs",
    "newton-cholesky": "newton-cholesky",
    "newton-cg": "lbfgs",
    "liblinear": "auto",
    "sag": "auto",
    "saga": "auto",
    "svd": "svd",
    "cholesky": "newton-cholesky",
    "lsqr": "lbfgs",
    "sparse_cg": "lbfgs",
    "gradient-descent": "gradient-descent",
    "auto": "auto",
}


def is_plain(array):
    """Whether the kernels read it in place: an array of float32 or float64 in C order."""
    return (
        type(array) is np.ndarray
        and array.dtype in _FLOATS
        and array.flags.c_contiguous
        and array.flags.aligned
        and array.dtype.isnative
    )


class LinearModel(BaseEstimator):
    """Base of the linear estimators; subclasses state their problem in `fit`."""

    def _matrix(self, X, *, reset):
        """X as an array that the kernels read in place: aligned, C order, float32 or float64.

        An array that is so already is not looked through here: the first pass of a fit and the
        raw predictions of a prediction show whether everything was finite.
        """
        if sparse.issparse(X):
            raise TypeError(
                f"{type(self).__name__} does not take sparse data yet, got {type(X).__name__}; "
                "convert X with X.toarray() where it fits into memory."
            )
        if is_plain(X) and X.ndim == 2 and (X.size if reset else len(X)):
            if reset:
                # What validate_data does for an array, which has no feature names.
                self.n_features_in_ = X.shape[1]
                self.__dict__.pop("feature_names_in_", None)
            elif X.shape[1] != self.n_features_in_ or hasattr(self, "feature_names_in_"):
                validate_data(self, X, skip_check_array=True, reset=False)
            return X
        X = validate_data(self, X, dtype=[np.float64, np.float32], order="C", reset=reset, ensure_all_finite=False)
        return np.require(X, requirements="CA")

    def _weights(self, sample_weight, n, dtype):
        """Sample weights as an array of the data's dtype, or None for equal ones."""
        if sample_weight is None:
            return None
        if isinstance(sample_weight, numbers.Real):
            sample_weight = np.full(n, sample_weight, dtype=dtype)
        sample_weight = check_array(
            sample_weight, ensure_2d=False, dtype=dtype, order="C", input_name="sample_weight", allow_nd=True
        )
        if sample_weight.shape != (n,):
            raise ValueError(f"sample_weight.shape == {sample_weight.shape}, expected ({n},)!")
        if n and sample_weight.min() < 0:
            raise ValueError(f"sample_weight must be >= 0, got {sample_weight.min()}")
        if not sample_weight.sum() > 0:
            raise ValueError("sample_weight is zero for every sample: there is nothing to fit")
        return sample_weight

    def _check_number(self, name, low, high=np.inf, *, low_open=False, kind=numbers.Real):
        """Raise for a parameter that is not a number within its limits."""
        value = getattr(self, name)
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, kind):
            raise TypeError(f"{name} must be {'an integer' if kind is numbers.Integral else 'a number'}, got {value!r}")
        below = value <= low if low_open else value < low
        if below or not value <= high:
            bracket = "(" if low_open else "["
            raise ValueError(f"{name} == {value!r}, must be in {bracket}{low}, {high}].")

    def _check_flags(self, *names):
        for name in names:
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")

    def _solver_name(self, allowed):
        if self.solver not in allowed:
            raise ValueError(f"solver must be one of {', '.join(map(repr, allowed))}, got {self.solver!r}")
        return SOLVER_NAMES[self.solver]

    def _fit_threads(self):
        """n_threads of the fit: the parameter of that name, else scikit-learn's n_jobs."""
        n_jobs = getattr(self, "n_jobs", None)
        return self.n_threads if self.n_threads is not None or n_jobs is None else n_jobs

    def _solve(self, objective, *, solver, max_iter, scale, start=None):
        """Run the fit and keep what it tells: certificate_, history_, n_iter_, solver_."""
        monitor = Monitor(int(getattr(self, "verbose", 0)), self.max_time)
        try:
            fit = fit_problem(
                objective, solver=solver, tol=self.tol, max_iter=max_iter, monitor=monitor, start=start, scale=scale
            )
        except ValueError:
            # The pass over X reports non-finite values; scikit-learn's message names the argument.
            assert_all_finite(objective.data.X, input_name="X")
            raise
        self.certificate_, self.history_, self.solver_ = fit.certificate, fit.history, fit.solver
        self._notes = list(fit.notes)
        return fit

    def _warn(self, fit):
        """Warn about a fit that stopped short, with numbers and a cure."""
        c = fit.certificate
        if c.converged or fit.interrupted:
            return
        # A cheap solver makes several iterations for one of max_iter.
        made = "" if self.max_iter == c.n_iter else f": {c.n_iter} iterations of {self.solver_}"
        cures = {
            "max_iter": f"raise max_iter (now {self.max_iter}{made}) or tol (now {self.tol})",
            "max_time": f"raise max_time (now {self.max_time} s) or tol (now {self.tol})",
            "no progress": "the objective cannot be improved in this precision; raise tol, use float64 data or drop columns "
            "that are nearly combinations of others",
            "callback": "the callback asked for it",
        }
        bound = "unknown" if not np.isfinite(c.relative_gap) else f"<= {c.relative_gap:.2g} relative"
        warnings.warn(
            f"{type(self).__name__} stopped before tol={self.tol} was reached ({c.reason}) after {c.n_iter} iterations: "
            f"excess of the objective {bound}, gradient norm {c.gradient_norm:.2g}. Cure: {cures[c.reason]}.",
            ConvergenceWarning,
            stacklevel=3,
        )

    def report(self):
        """The fit in a few lines: solver, objective, how far from the optimum at most, time, advice."""
        check_is_fitted(self)
        return report(type(self).__name__, self.solver_, self.certificate_, self._notes)

    def _raw(self, X):
        """X coef' + intercept, (n, k), in X's dtype."""
        check_is_fitted(self)
        X = self._matrix(X, reset=False)
        coef = np.atleast_2d(np.asarray(self.coef_, dtype=np.float64))
        if coef.shape[1] != X.shape[1]:
            raise ValueError(f"X has {X.shape[1]} features, but coef_ has {coef.shape[1]}")
        k = len(coef)
        intercept = np.broadcast_to(np.asarray(self.intercept_, dtype=np.float64).reshape(-1), (k,))
        raw = np.empty((len(X), k), dtype=X.dtype)
        n_threads = _config.threads(self.n_threads, X.size * k * 0.4e-6)
        handle = _kernels.table.linear[X.dtype].Rows(X, k=k)
        handle.decision(np.ascontiguousarray(coef), np.ascontiguousarray(intercept), raw, n_threads)
        if not np.isfinite(raw).all():
            assert_all_finite(X, input_name="X")
        return raw

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags
