"""`fastopt.minimize` beside SciPy: calls of fun on the test functions, and own time of L-BFGS an iteration.

Own time is the time of the minimiser without that of fun, divided by the iterations: same function, start, ten pairs
and number of iterations, one thread of BLAS, runs in turns.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from harness import OURS, Samples
from scipy.optimize import Bounds
from threadpoolctl import threadpool_limits

from fastopt import minimize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from minimize_functions import FUNCTIONS, gradient, solved
from more_minimize_functions import MORE

PAIRS = {"l-bfgs": "L-BFGS-B", "cg": "CG", "bfgs": "BFGS"}


@pytest.mark.parametrize("method", PAIRS)
def test_calls(method, quick):
    functions = list({**FUNCTIONS, **MORE}.items())[:: 4 if quick else 1]
    ours, theirs, solutions = [], [], np.zeros(2, dtype=int)
    for _, (f, x0, minima) in functions:
        x0, jac = np.array(x0, dtype=float), gradient(f)

        def fun(x, f=f):
            return float(np.real(f(x)))

        with threadpool_limits(1), np.errstate(all="ignore"):
            result = minimize(fun, x0, jac=jac, method=method, tol=1e-5)
            options = {"gtol": 1e-5, **({"ftol": 0, "maxiter": 15000} if method == "l-bfgs" else {})}
            other = scipy.optimize.minimize(fun, x0, jac=jac, method=PAIRS[method], options=options)
        ours.append(result.nfev)
        theirs.append(other.nfev)
        solutions += solved(result.fun, minima), solved(other.fun, minima)
        assert np.isfinite(result.fun) and np.isfinite(result.x).all()
    print(
        f"\n{method}: {len(functions)} functions, solved {solutions[0]} (SciPy {solutions[1]}), median calls"
        f" {np.median(ours):g} (SciPy {np.median(theirs):g}), median ratio {np.median(np.array(ours) / theirs):.2f}"
    )


def regression(kind, n, spread, seed):
    """Penalised minus log likelihood and its gradient; the columns' deviations go from 1 to `spread`."""
    rng, scale = np.random.default_rng(seed), np.logspace(0, np.log10(spread), n)
    X = np.column_stack([np.ones(400), rng.normal(size=(400, n)) * scale])
    z = X @ (rng.normal(size=n + 1) / np.sqrt(n) / np.concatenate([[1.0], scale]))
    if kind == "logistic":
        y = (rng.random(400) < 1 / (1 + np.exp(-z))).astype(float)
        parts = (lambda z: np.logaddexp(0, z), lambda z: 1 / (1 + np.exp(-z)))
    else:
        y = rng.poisson(np.exp(np.clip(z, -3, 3))).astype(float)
        parts = (lambda z: np.exp(np.minimum(z, 700)),) * 2
    return lambda w: (parts[0](X @ w).sum() - y @ (X @ w) + w @ w / 2, X.T @ (parts[1](X @ w) - y) + w)


@pytest.mark.parametrize("spread", [1, 100])
@pytest.mark.parametrize("n", [5, 30, 100])
@pytest.mark.parametrize("kind", ["logistic", "poisson"])
def test_calls_of_bfgs_on_regressions(kind, n, spread, quick):
    """Medians over five problems; by differences up to n = 30. SciPy's first inverse Hessian suits columns of all sizes."""
    for jac in (True,) if quick or n > 30 else (True, None):
        calls, reached = [], []
        for seed in range(10, 11 if quick else 15):
            both = regression(kind, n, spread, seed)
            fun = both if jac else lambda w, both=both: both(w)[0]
            with threadpool_limits(1), np.errstate(all="ignore"):
                result = minimize(fun, np.zeros(n + 1), jac=jac, method="bfgs")
                other = scipy.optimize.minimize(fun, np.zeros(n + 1), jac=jac, method="BFGS")
            calls.append((result.nfev, other.nfev))
            reached.append((result.reason == "gtol", other.success))
            assert np.isfinite(result.fun) and np.isfinite(result.x).all()
        (ours, theirs), hits = np.median(calls, axis=0), np.sum(reached, axis=0)
        print(
            f"\nbfgs, {kind}, {n} columns spread over {spread}, {'gradients' if jac else 'differences'}: median calls"
            f" {ours:g} (SciPy {theirs:g}), reached {hits[0]} (SciPy {hits[1]}) of {len(calls)}"
        )


@pytest.mark.parametrize("method, bends", [("l-bfgs", "no"), ("l-bfgs-b", "few"), ("l-bfgs-b", "many")])
@pytest.mark.parametrize("n", [100, 10**6])
def test_own_time_of_an_iteration(n, method, bends, isa, quick, request):
    """A parabola whose condition number is 1000; a bound for a tenth of the entries at most, or two for each."""
    scale, spent, rng = np.linspace(1, 1000, n), [0.0], np.random.default_rng(0)
    max_iter = 15 if n > 100 else 200 if bends == "no" else 40
    lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
    if bends == "few":
        lower[:: max(n // 100, 10)] = 0.5
    elif bends == "many":
        lower, upper = rng.uniform(-1, 0.9, n), np.full(n, 2.0)
    bounds = None if bends == "no" else Bounds(lower, upper)

    def fun(x):
        start = time.perf_counter()
        g = scale * x
        value = 0.5 * float(g @ x)
        spent[0] += time.perf_counter() - start
        return value, g

    def own(run):
        spent[0] = 0.0
        start = time.perf_counter()
        result = run()
        assert result.nit == max_iter and (bounds is None or np.all((lower <= result.x) & (result.x <= upper)))
        return (time.perf_counter() - start - spent[0]) / result.nit

    x0 = np.ones(n)
    ours = {"memory": 10, "gtol": 0.0, "max_iter": max_iter}
    theirs = {"maxcor": 10, "gtol": 0, "ftol": 0, "maxiter": max_iter}
    runs = {
        OURS: lambda: minimize(fun, x0, jac=True, method=method, bounds=bounds, options=ours),
        "SciPy": lambda: scipy.optimize.minimize(
            fun, x0, jac=True, method="L-BFGS-B", bounds=bounds, options=theirs
        ),
    }  # fmt: skip
    samples = {name: Samples(max_iter, 0.0) for name in runs}
    with threadpool_limits(1):
        for _ in range(2 if quick else 7):
            for name, run in runs.items():
                samples[name].seconds.append(own(run))
    record = {
        "kind": "minimize",
        "name": f"{method}, {bends} bends",
        "dtype": "float64",
        "size": f"{n:.0e}".replace("e+0", "e"),
        "n_threads": 1,
        "isa": isa,
        "times": {name: taken.summary() for name, taken in samples.items()},
        "missing": {},
    }
    request.config.results.add(record)
