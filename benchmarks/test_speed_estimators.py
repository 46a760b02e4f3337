"""Whole fits at equal objective: every library at the loosest tolerance that reaches the target.

The target is a relative excess of 1e-8: (F - F*) / (F of the best constant prediction - F*), with F the
estimator's objective computed here in float64 and F* the lowest that any library found.
"""

import csv
import gzip
import io
import os
import time
import warnings
from pathlib import Path

import numpy as np
import numpy_fits
import pytest
from harness import OURS, SPIN, Budget, Entry
from sklearn import linear_model
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_svmlight_file
from sklearn.preprocessing import StandardScaler

from fastopt.linear_model import LinearRegression, LogisticRegression, Ridge

TARGET = 1e-8
GRID = [10.0**-k for k in range(1, 13)]
# Solvers of scikit-learn with our objective; liblinear penalises the intercept.
LOGISTIC_SOLVERS = ("lbfgs", "newton-cholesky", "newton-cg", "sag", "saga")
RIDGE_SOLVERS = ("auto", "cholesky", "svd", "lsqr", "sparse_cg", "sag", "saga")
MAX_HESSIAN = 2000  # parameters up to which scikit-learn's newton-cholesky is tried
SLOW_SOLVER = 5.0  # seconds of one fit after which a solver is given up
BUDGET = Budget(seconds=0.5, rounds=7, limit=6.0, settle=SPIN)


def standardised(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def folder():
    """The folder of the larger data sets."""
    path = os.environ.get("FASTOPT_DATA")
    if not path:
        pytest.skip("FASTOPT_DATA names no folder with mnist10k.npz, w8a.libsvm.gz and housing.csv.gz")
    return Path(path)


def found(name):
    path = folder() / name
    if not path.exists():
        pytest.skip(f"{path.name} is not in the folder that FASTOPT_DATA names")
    return path


def mnist():
    with np.load(found("mnist10k.npz")) as file:
        return file["X"] / 255.0, file["y"].astype(int)


def w8a():
    X, y = load_svmlight_file(str(found("w8a.libsvm.gz")), n_features=300)
    return X.toarray(), (y > 0).astype(int)


def housing():
    """The numeric columns, standardised; the price in units of its standard deviation."""
    with gzip.open(found("housing.csv.gz"), "rb") as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, "utf-8")))
    columns = []
    for name in rows[0]:
        if name in ("id", "price"):
            continue
        try:
            columns.append([float(row[name]) for row in rows])
        except ValueError:
            continue
    X = np.array(columns).T
    y = np.array([float(row["price"]) for row in rows])
    X = X[:, X.std(axis=0) > 0]
    return StandardScaler().fit_transform(X), y / y.std()


CASES = {
    "LogisticRegression breast cancer standardised": (LogisticRegression, lambda: standardised(load_breast_cancer)),
    "LogisticRegression digits": (LogisticRegression, lambda: load_digits(return_X_y=True)),
    "Ridge diabetes": (Ridge, lambda: load_diabetes(return_X_y=True)),
    "LinearRegression diabetes": (LinearRegression, lambda: load_diabetes(return_X_y=True)),
    "LogisticRegression w8a": (LogisticRegression, w8a),
    "LogisticRegression mnist10k": (LogisticRegression, mnist),
    "Ridge housing": (Ridge, housing),
}
LARGE = ("LogisticRegression w8a", "LogisticRegression mnist10k", "Ridge housing")


def pytest_generate_tests(metafunc):
    if "case" not in metafunc.fixturenames:
        return
    quick, counts = metafunc.config.getoption("--quick"), metafunc.config.thread_counts
    cases = [
        (name, n) for name in CASES if not (quick and name in LARGE) for n in (counts[-1:] if quick else counts)
    ]
    metafunc.parametrize("case", cases, ids=[f"{name.replace(' ', '-')}-{n}" for name, n in cases])


def iterations(model):
    """Iterations of a fitted model, as far as it tells."""
    n_iter = getattr(model, "n_iter_", None)
    return None if n_iter is None else int(np.max(n_iter))


class Problem:
    """Objective of an estimator on its data, and the libraries' ways to minimise it: name -> fit(tol)."""

    def __init__(self, estimator, X, y, n_threads):
        self.X, self.y = np.ascontiguousarray(X), y
        self.estimator = estimator
        # More than one: the default, None, which takes at most as many as the pools are limited to.
        self.n_threads = 1 if n_threads == 1 else None
        self.logistic = estimator is LogisticRegression
        self.classes = len(np.unique(y)) if self.logistic else 0

    def objective(self, coef, intercept):
        if self.logistic:
            return numpy_fits.objective_logistic(self.X, self.y, coef, intercept, 1.0)
        alpha = 1.0 if self.estimator is Ridge else 0.0
        return numpy_fits.objective_squares(self.X, self.y, coef, intercept, alpha)

    def constant(self):
        """The objective of the best constant prediction."""
        p = self.X.shape[1]
        if not self.logistic:
            return self.objective(np.zeros(p), self.y.mean())
        share = np.bincount(self.y) / len(self.y)
        if self.classes == 2:
            return self.objective(np.zeros((1, p)), np.log(share[1] / share[0]))
        return self.objective(np.zeros((self.classes, p)), np.log(share))

    def ours(self, tol=None):
        options = {} if tol is None else {"tol": tol}
        return self.estimator(n_threads=self.n_threads, **options).fit(self.X, self.y)

    def candidates(self):
        """name -> (fit(tol) -> fitted, whether tol matters)."""
        found = {}
        if self.estimator is LinearRegression:
            found["numpy lstsq"] = lambda tol: numpy_fits.fit_least_squares(self.X, self.y), False
            found["scikit-learn"] = lambda tol: linear_model.LinearRegression(tol=tol).fit(self.X, self.y), False
            return found
        if self.estimator is Ridge:
            found["numpy normal equations"] = lambda tol: numpy_fits.fit_ridge(self.X, self.y, 1.0), False
            for solver in RIDGE_SOLVERS:
                found[f"scikit-learn {solver}"] = (
                    lambda tol, solver=solver: linear_model.Ridge(
                        solver=solver, tol=tol, max_iter=100_000, random_state=0
                    ).fit(self.X, self.y),
                    solver not in ("auto", "cholesky", "svd"),
                )
            return found
        if self.classes == 2:
            found["numpy Newton"] = lambda tol: numpy_fits.fit_logistic(self.X, self.y, tol=tol), True
        else:
            found["numpy, scipy L-BFGS"] = lambda tol: numpy_fits.fit_softmax(self.X, self.y, tol=tol), True
        parameters = (self.X.shape[1] + 1) * (self.classes if self.classes > 2 else 1)
        for solver in LOGISTIC_SOLVERS:
            if solver == "newton-cholesky" and parameters > MAX_HESSIAN:
                continue
            found[f"scikit-learn {solver}"] = (
                lambda tol, solver=solver: linear_model.LogisticRegression(
                    solver=solver, tol=tol, max_iter=100_000, random_state=0
                ).fit(self.X, self.y),
                True,
            )
        return found

    def value(self, fitted):
        """Objective of what `fit` returned: a pair or an estimator."""
        coef, intercept = fitted if isinstance(fitted, tuple) else (fitted.coef_, fitted.intercept_)
        return self.objective(coef, intercept)


def search(problem, patience):
    """For each candidate its loosest tolerance that reaches the target, the objective there, and F*.

    Solvers of the cheapest fits come first; one whose single fit takes longer than `patience`
    seconds, or that does not reach the target on the grid, is reported as such.
    """
    exact = problem.ours(tol=1e-7)
    lowest = min(problem.value(exact), problem.value(problem.ours()))
    tried, given_up = {}, {}
    for name, (fit, has_tol) in problem.candidates().items():
        tried[name] = []
        for tol in GRID if has_tol else GRID[3:4]:
            start = time.perf_counter()
            fitted = fit(tol)
            seconds = time.perf_counter() - start
            value = problem.value(fitted)
            tried[name].append((tol, value, iterations(fitted)))
            lowest = min(lowest, value)
            if value - lowest <= 1e-2 * TARGET * (problem.constant() - lowest):
                break
            if seconds > patience:
                given_up[name] = f"a fit took {seconds:.1f} s"
                break
    span = problem.constant() - lowest
    chosen, missing = {}, {}
    for name, attempts in tried.items():
        reached = [a for a in attempts if a[1] - lowest <= TARGET * span]
        if reached:
            chosen[name] = reached[0]
        else:
            excess = min(a[1] for a in attempts) - lowest
            missing[name] = f"stayed at a relative excess of {excess / span:.0e}" + (
                f"; {given_up[name]}" if name in given_up else ""
            )
    return lowest, span, chosen, missing


@pytest.fixture(scope="module")
def searched():
    """Results of `search` by case: the tolerances found hold for any number of threads."""
    return {}


def test_fit(case, compare, quick, searched):
    name, n_threads = case
    estimator, load = CASES[name]
    problem = Problem(estimator, *load(), n_threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name not in searched:
            searched[name] = search(problem, 1.0 if quick else SLOW_SOLVER)
        lowest, span, chosen, missing = searched[name]
        fits = problem.candidates()
        entries = {OURS: Entry(problem.ours, problem.value)}
        for label, (tol, _, _) in chosen.items():
            entries[label] = Entry(lambda fit=fits[label][0], tol=tol: fit(tol), problem.value)

        excess = {}

        def check(label, value):
            excess[label] = (value - lowest) / span
            assert excess[label] <= 2 * TARGET, (label, excess[label])

        model = problem.ours()
        compare(
            kind="fit",
            name=name,
            dtype=str(problem.X.dtype),
            size="x".join(map(str, problem.X.shape)),
            n_threads=n_threads,
            entries=entries,
            missing=missing,
            check=check,
            budget=BUDGET,
            excess=excess,
            tolerances={label: tol for label, (tol, _, _) in chosen.items()},
            iterations={OURS: iterations(model), **{label: n for label, (_, _, n) in chosen.items()}},
            passes=model.certificate_.passes if hasattr(model, "certificate_") else None,
            solver=getattr(model, "solver_", None),
            optimum=lowest,
        )
