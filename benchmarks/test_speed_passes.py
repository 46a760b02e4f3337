"""One pass over X: value and gradient of a linear objective, and the weighted Gram matrix.

The yardstick of a pass is the machine's read bandwidth, measured in the same turns: BLAS' dot product
of the two halves of X reads X once and writes nothing.
"""

import numpy as np
import numpy_fits
import numpy_losses
from harness import OURS, READ, SPIN, Budget, Entry

import fastopt

PASSES = {"2e5x100": (200_000, 100), "1e5x784": (100_000, 784)}
GRAMS = {"1e5x100": (100_000, 100), "1e5x300": (100_000, 300)}
QUICK_GRAM = "1e5x100"
SLOW = Budget(seconds=0.4, rounds=7, limit=3.0, settle=SPIN)
TOLERANCE = {"float32": 2e-4, "float64": 1e-9}


def pytest_generate_tests(metafunc):
    quick, counts = metafunc.config.getoption("--quick"), metafunc.config.thread_counts
    dtypes = ("float32",) if quick else ("float32", "float64")
    for fixture, shapes in (("shape", PASSES), ("gram", GRAMS)):
        if fixture in metafunc.fixturenames:
            chosen = list(shapes)[:1] if quick else shapes
            cases = [(s, d, n) for s in chosen for d in dtypes for n in (counts[-1:] if quick else counts)]
            metafunc.parametrize(fixture, cases, ids=["-".join(map(str, case)) for case in cases])


def data(shape, dtype):
    n, p = shape
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p), dtype=dtype)
    w = rng.standard_normal(p) / np.sqrt(p)
    y = (X @ w.astype(dtype) + rng.standard_normal(n, dtype=dtype) > 0).astype(dtype)
    return X, y, w


def test_value_gradient(shape, compare):
    size, dtype, n_threads = shape
    X, y, w = data(PASSES[size], dtype)
    objective = fastopt.LinearObjective(X, y, "logistic", fit_intercept=False, n_threads=n_threads)
    narrow = w.astype(dtype)
    halves = X.reshape(2, -1)
    entries = {
        OURS: Entry(lambda: objective.value_gradient(w)),
        "numpy": Entry(lambda: numpy_fits.logistic_pass(X, y, narrow)),
        READ: Entry(lambda: np.dot(*halves), answer=None),
        "numpy, logaddexp and expit": Entry(lambda: numpy_fits.logistic_pass_plain(X, y, narrow)),
    }
    value, r = numpy_losses.logistic(y.astype(np.float64), (X @ narrow).astype(np.float64), None)
    gradient = X.T @ r.astype(dtype)

    def check(label, answer):
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(answer[0], value, rtol=tolerance, err_msg=label)
        np.testing.assert_allclose(answer[1], gradient, atol=tolerance * np.abs(gradient).max(), err_msg=label)

    compare(
        kind="pass",
        name="logistic value and gradient from X",
        dtype=dtype,
        size=size,
        n_threads=n_threads,
        entries=entries,
        check=check,
        budget=SLOW,
        bytes=X.nbytes,
    )


def test_gram(gram, compare):
    size, dtype, n_threads = gram
    X, y, w = data(GRAMS[size], dtype)
    p = X.shape[1]
    h = np.random.default_rng(1).uniform(0.05, 0.25, size=len(X)).astype(dtype)
    objective = fastopt.LinearObjective(X, y, "logistic", n_threads=n_threads)
    out = np.empty((p + 1, p + 1))
    entries = {
        # Ours has a row more, of the intercept, and sums in float64.
        OURS: Entry(lambda: objective.handle.gram(h, out, n_threads), lambda _: out[:p, :p]),
        "numpy, sqrt(h) X": Entry(lambda: numpy_fits.gram_symmetric(X, h)),
        "numpy, (X' h) X": Entry(lambda: numpy_fits.gram_plain(X, h)),
    }
    want = numpy_fits.gram_plain(X.astype(np.float64), h.astype(np.float64))

    def check(label, answer):
        np.testing.assert_allclose(answer, want, rtol=0, atol=TOLERANCE[dtype] * want.max(), err_msg=label)

    compare(
        kind="gram",
        name="X' diag(h) X",
        dtype=dtype,
        size=size,
        n_threads=n_threads,
        entries=entries,
        check=check,
        budget=SLOW,
    )
