"""`hess_inv` of the results of quasi-Newton methods."""

import copy
import pickle

import numpy as np
import pytest
import scipy.optimize

import fastopt

N = 6
METHODS = {"bfgs": {}, "l-bfgs": {}, "l-bfgs-b": {"bounds": [(-50.0, 50.0)] * N}}


@pytest.fixture(scope="module")
def parabola():
    """Value and gradient, and the inverse Hessian."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(N, N))
    hessian, linear = root @ root.T + np.eye(N), rng.normal(size=N)
    return lambda x: (x @ hessian @ x / 2 - linear @ x, hessian @ x - linear), np.linalg.inv(hessian)


def dense(hess_inv):
    return hess_inv if isinstance(hess_inv, np.ndarray) else hess_inv.todense()


def textbook(steps, differences, memory=10):
    """The inverse Hessian of the pairs, from gamma I by the update of Nocedal and Wright's (7.16)."""
    steps, differences = steps[-memory:], differences[-memory:]
    s, y = steps[-1], differences[-1]
    matrix = (s @ y) / (y @ y) * np.eye(s.size)
    for s, y in zip(steps, differences):
        left = np.eye(s.size) - np.outer(s, y) / (s @ y)
        matrix = left @ matrix @ left.T + np.outer(s, s) / (s @ y)
    return matrix


def rosenbrock(x):
    a, b = 1 - x[:-1], x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -2 * a - 400 * b * x[:-1]
    gradient[1:] += 200 * b
    return a @ a + 100 * b @ b, gradient


@pytest.mark.parametrize("method", METHODS)
def test_the_last_steps(method):
    points = [(np.full(N, -1.2), rosenbrock(np.full(N, -1.2))[1])]

    def callback(intermediate_result):
        points.append((intermediate_result.x.copy(), intermediate_result.jac.copy()))

    result = fastopt.minimize(rosenbrock, points[0][0], jac=True, method=method, callback=callback, **METHODS[method])
    assert result.reason == "gtol" and result.nit > 12
    inverse = dense(result.hess_inv)
    xs, gs = map(np.array, zip(*points))
    steps, differences = np.diff(xs, axis=0), np.diff(gs, axis=0)
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-13 * np.abs(inverse).max())
    assert np.linalg.eigvalsh(inverse)[0] > 0
    np.testing.assert_allclose(inverse @ differences[-1], steps[-1], rtol=1e-6, atol=1e-9 * np.abs(steps[-1]).max())
    if method != "bfgs":
        np.testing.assert_allclose(inverse, textbook(steps, differences), rtol=1e-6)
        v = np.arange(1.0, N + 1)
        np.testing.assert_allclose(result.hess_inv @ v, inverse @ v)
        np.testing.assert_allclose(result.hess_inv.T @ v, inverse @ v)
        assert "InverseHessian" in repr(result.hess_inv) and result.hess_inv.shape == (N, N)


@pytest.mark.parametrize("jac", [True, None])
@pytest.mark.parametrize("method", METHODS)
def test_near_that_of_a_parabola(parabola, method, jac):
    """Also where gradients are differences, whose last step renews the model."""
    fun, inverse = parabola
    result = fastopt.minimize(
        fun if jac else lambda x: fun(x)[0], np.ones(N), jac=jac, method=method, **METHODS[method]
    )
    assert result.success
    error = np.abs(dense(result.hess_inv) - inverse).max() / np.abs(inverse).max()
    assert error < (0.1 if method == "bfgs" else 0.6)


@pytest.mark.parametrize("jac", [True, None])
@pytest.mark.parametrize("method", METHODS)
def test_after_one_step(method, jac):
    """That of 2 (x - 3)^2, also where the step ends at the minimum, as differences tell."""
    result = fastopt.minimize(
        lambda x: (2 * float((x - 3) @ (x - 3)), 4 * (x - 3)) if jac else 2 * float((x - 3) @ (x - 3)),
        np.zeros(2),
        jac=jac,
        method=method,
    )
    assert 1 <= result.nit <= 3
    v = np.ones(2)
    np.testing.assert_allclose(result.hess_inv @ v, v / 4, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_scipy(parabola, method):
    fun, inverse = parabola
    name = {"bfgs": "BFGS", "l-bfgs": "LBFGS", "l-bfgs-b": "LBFGSB"}[method]
    result = scipy.optimize.minimize(
        fun, np.ones(N), jac=True, method=getattr(fastopt.minimizers, name), **METHODS[method]
    )
    theirs = scipy.optimize.minimize(fun, np.ones(N), jac=True, method="BFGS" if method == "bfgs" else "L-BFGS-B")
    assert isinstance(result.hess_inv, np.ndarray) == isinstance(theirs.hess_inv, np.ndarray)
    if method != "bfgs":  # SciPy's starts at the identity, whatever the scale
        assert np.abs(dense(result.hess_inv) - inverse).max() < np.abs(dense(theirs.hess_inv) - inverse).max()


@pytest.mark.parametrize("method", METHODS)
def test_copies(method):
    result = fastopt.minimize(rosenbrock, np.full(N, -1.2), jac=True, method=method, **METHODS[method])
    inverse = dense(result.hess_inv)
    for copied in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        np.testing.assert_allclose(dense(copied.hess_inv), inverse, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_without_a_step(parabola, method):
    """The identity where nothing is known, copies included."""
    fun, inverse = parabola
    minimum = inverse @ -fun(np.zeros(N))[1]
    for start, options in ((minimum, {}), (np.ones(N), {"max_evals": 1})):
        result = fastopt.minimize(fun, start, jac=True, method=method, options=options, **METHODS[method])
        assert result.nit == 0
        for found in (result, pickle.loads(pickle.dumps(result))):
            np.testing.assert_array_equal(dense(found.hess_inv), np.eye(N))


def test_until_the_budget_ends():
    result = fastopt.minimize(rosenbrock, np.full(N, -1.2), jac=True, method="l-bfgs", options={"max_evals": 9})
    assert result.reason == "max_evals" and not np.array_equal(result.hess_inv.todense(), np.eye(N))


@pytest.mark.parametrize("method", ["gd", "cg", "newton-cg", "adam"])
def test_not_of_other_methods(parabola, method):
    assert "hess_inv" not in fastopt.minimize(parabola[0], np.ones(N), jac=True, method=method)
