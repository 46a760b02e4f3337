"""The NumPy reference of the linear models: derivatives against differences, solutions against conditions of optimality."""

import numpy as np
import pytest

from fastopt.reference import linear


def problems():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)) * [1.0, 3.0, 0.2, 1.0] + [0.0, 1.0, 2.0, 0.0]
    y = X @ [1.0, -0.5, 2.0, 0.0] + rng.normal(size=60)
    return {
        "logistic": linear.Logistic(X, (y > y.mean()).astype(float), C=0.7),
        "softmax": linear.Softmax(X, np.digitize(y, [0.0, 3.0]), 3, C=1.3),
        "ridge": linear.Squares(X, y, alpha=0.5),
        "least squares": linear.Squares(X, y),
    }


PROBLEMS = problems()
CURVED = ["logistic", "softmax"]


def points(problem):
    return [np.zeros(problem.size), np.random.default_rng(1).normal(size=problem.size), problem.initial()]


def difference(function, x, j, h=1e-3):
    """Fourth-order central difference along coordinate j."""
    e = np.zeros_like(x)
    e[j] = h
    return (8 * (function(x + e) - function(x - e)) - (function(x + 2 * e) - function(x - 2 * e))) / (12 * h)


@pytest.mark.parametrize("name", PROBLEMS)
def test_gradient(name):
    problem = PROBLEMS[name]
    for x in points(problem):
        gradient = problem.value_gradient(x)[1]
        expected = [difference(problem.value, x, j) for j in range(problem.size)]
        np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-7 * max(1.0, np.abs(gradient).max()))


@pytest.mark.parametrize("name", CURVED)
def test_hessian(name):
    problem = PROBLEMS[name]
    for x in points(problem):
        expected = np.array([difference(lambda v: problem.value_gradient(v)[1], x, j) for j in range(problem.size)])
        if name == "softmax":  # the curvature given to the shift of all intercepts
            block = np.ix_(*[np.arange(problem.k) * (problem.size // problem.k) + problem.size // problem.k - 1] * 2)
            expected[block] += np.trace(expected[block]) / problem.k**2
        hessian = problem.hessian(x)
        np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12)
        np.testing.assert_allclose(hessian, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("name", PROBLEMS)
def test_initial_is_the_best_constant(name):
    problem = PROBLEMS[name]
    gradient = problem.value_gradient(problem.initial())[1]
    width = problem.X.shape[1] + 1
    assert np.abs(gradient[width - 1 :: width]).max() <= 1e-12 * np.abs(gradient).max()


def test_values_far_out():
    """Raw predictions of +-1e5: the loss is what its definition says, without overflow."""
    X, y = np.array([[1e5], [-1e5]]), np.array([0, 1])
    with np.errstate(all="raise", under="ignore"):
        value, gradient = linear.Logistic(X, y.astype(float)).value_gradient(np.array([1.0, 0.0]))
        assert value == pytest.approx(2e5 + 0.5, rel=1e-15)
        np.testing.assert_allclose(gradient, [2e5 + 1, 0.0], rtol=1e-15)
        value, _ = linear.Softmax(X, y, 2).value_gradient(np.array([0.0, 0.0, 1.0, 0.0]))
        assert value == pytest.approx(2e5 + 0.5, rel=1e-15)


@pytest.mark.parametrize("name", CURVED)
@pytest.mark.parametrize(
    "minimise", [lambda p: linear.newton(p, 1e-14), lambda p: linear.lbfgs(p, 1e-9)], ids=["newton", "lbfgs"]
)
def test_minimisers(name, minimise):
    problem = PROBLEMS[name]
    solution = minimise(problem)
    assert np.abs(problem.value_gradient(solution.params)[1]).max() <= 1e-5
    assert problem.value(solution.params) < problem.value(problem.initial())
    assert 1 <= solution.n_iter <= solution.passes


def test_newton_stops_where_it_is_told():
    problem = PROBLEMS["logistic"]
    best = problem.value(linear.newton(problem, 1e-15).params)
    loose, tight = linear.newton(problem, 1e-1), linear.newton(problem, 1e-8)
    assert loose.n_iter < tight.n_iter
    gain = problem.value(problem.initial()) - best
    assert problem.value(tight.params) - best <= 1e-8 * gain


@pytest.mark.parametrize("shape", [(30, 5), (8, 20)])
def test_direct_solutions(shape):
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=shape) + 1.0, rng.normal(size=shape[0])
    ridge = linear.Squares(X, y, alpha=0.3)
    assert np.abs(ridge.value_gradient(ridge.cholesky().params)[1]).max() <= 1e-11
    plain = linear.Squares(X, y)
    solution = plain.least_squares().params
    assert np.abs(plain.value_gradient(solution)[1]).max() <= 1e-11
    if shape[0] > shape[1]:
        np.testing.assert_allclose(plain.cholesky().params, solution, rtol=1e-10)
    else:
        assert plain.value(solution) <= 1e-20
