"""Minimisers where fun has no value, lies or has no minimum, at any scale, and at the end of the digits."""

import math

import numpy as np
import pytest
from minimize_functions import gradient
from minimizing import FIRST_ORDER, METHODS, SEARCHES, SECOND_ORDER, X0
from scipy.optimize import rosen, rosen_der, rosen_hess

from fastopt import minimize


@pytest.mark.parametrize("method", SECOND_ORDER)
@pytest.mark.parametrize("bad", ["nan", "raises", "product"])
def test_hessian_without_values(method, bad):
    """Steepest descent goes on where the Hessian is not known, and the message says where that was."""
    if bad == "product" and method == "newton":
        pytest.skip("takes hess alone")

    def hess(x):
        if x[0] > 0:
            return rosen_hess(x)
        if x[0] > X0[0] and bad != "nan":
            raise np.linalg.LinAlgError("singular")
        return np.full((2, 2), math.nan)

    kwargs = {"hessp": lambda x, v: hess(x) @ v} if bad == "product" else {"hess": hess}
    result = minimize(rosen, X0, jac=rosen_der, method=method, options={"max_iter": 5000}, **kwargs)
    assert result.success and result.fun < 1e-8, result.message
    assert "where the Hessian was not finite, at " in result.message
    assert ("the last exception was LinAlgError: singular" in result.message) == (bad != "nan")
    with pytest.raises(np.linalg.LinAlgError):  # at x0 it is passed on
        minimize(rosen, [-0.5, 0.0], jac=rosen_der, method=method, hess=lambda x: np.linalg.inv(np.zeros((2, 2))))


# Bad functions


@pytest.mark.parametrize("bad", [math.inf, math.nan, -math.inf, "raise"])
@pytest.mark.parametrize("method", METHODS)
def test_regions_without_values(method, bad):
    """-log x + x outside of its domain: the first steps leave it."""

    def fun(x):
        if np.any(x <= 0):
            if bad == "raise":
                raise ValueError("math domain error")
            return bad, np.full(3, math.nan)
        return 100 * float((x - np.log(x)).sum()), 100 * (1 - 1 / x)

    result = minimize(fun, [0.01, 30.0, 2.0], jac=True, method=method)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, 1, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_refused_points_are_reported(method):
    def fun(x):
        if x[0] > 0.5:
            raise OverflowError("too large")
        return -float(x[0]), np.array([-1.0])

    result = minimize(fun, [0.0], jac=True, method=method, options={"max_iter": 60})
    assert 0.4 < result.x[0] <= 0.5 and not result.success
    assert "the last exception was OverflowError: too large" in result.message


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_value_at_the_start(method, value):
    result = minimize(lambda x: (value, np.zeros(2)), X0, jac=True, method=method)
    assert not result.success and result.reason == "no progress"
    assert np.array_equal(result.x, X0) and "start where it is finite" in result.message
    result = minimize(lambda x: (1.0, np.array([0.0, math.nan])), X0, jac=True, method=method)
    assert not result.success and "the gradient at x0 is nan at index 1" in result.message


def test_exceptions_at_the_start_and_faults_are_passed_on():
    def fun(x):
        if x[0] != X0[0]:
            raise KeyError("missing")
        return rosen(x)

    with pytest.raises(KeyError):
        minimize(fun, X0, jac=rosen_der)
    with pytest.raises(ZeroDivisionError):
        minimize(lambda x: 1 / 0, X0)


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_gradient_is_named(method):
    result = minimize(rosen, X0, jac=lambda x: -rosen_der(x), method=method)
    assert not result.success and result.reason == "no progress"
    assert "the gradient seems wrong, see fastopt.check_gradient" in result.message
    assert result.fun <= rosen(X0) and np.isfinite(result.x).all()
    # Values here are equal within rounding along short steps: none of those counts as progress.
    result = minimize(lambda x: (float(x @ x), -2 * x), [1.0, 2.0], jac=True, method=method)
    assert "the gradient seems wrong" in result.message and result.nfev < 100


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fun", [lambda x: -float(x @ x), lambda x: -float(x.sum()), lambda x: -math.exp(x[0])])
def test_unbounded_functions_end(method, fun):
    jac = gradient(lambda x: {3: -x @ x}[3]) if fun(np.array([2.0, 3.0])) == -13 else None
    if jac is None and method not in FIRST_ORDER:
        pytest.skip("needs a gradient")
    result = minimize(fun, [1.0, 2.0], jac=jac, method=method, options={"max_iter": 200, "max_evals": 3000})
    assert not np.isnan(result.x).any() and not np.isnan(result.fun)


# Tiny, huge, and the end of the digits


def skew(scale):
    return (
        lambda x: scale * float(x[0] ** 2 + 3 * x[1] ** 2 + x[0] * x[1]),
        lambda x: scale * np.array([2 * x[0] + x[1], 6 * x[1] + x[0]]),
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-140, 1e-80, 1e-40, 1e-20, 1e20, 1e80, 1e140])
def test_a_parabola_of_any_scale(method, scale):
    fun, jac = skew(scale)
    result = minimize(fun, [1.0, 1.0], jac=jac, method=method, options={"gtol": 1e-6 * scale})
    assert result.reason == "gtol" and np.abs(result.x).max() < 1e-5, result.message
    assert result.nfev < 200 or scale == 1e-140


@pytest.mark.parametrize("method", FIRST_ORDER)
def test_gradients_whose_square_is_no_number(method):
    result = minimize(
        lambda x: 1e160 * float(x @ x), [1.0, 1.0], jac=lambda x: 2e160 * x, method=method, options={"gtol": 1e152}
    )
    assert result.reason == "gtol" and np.abs(result.x).max() <= 1e-8


@pytest.mark.parametrize("method", ["bfgs", "cg", "l-bfgs", "l-bfgs-b"])
@pytest.mark.parametrize("scale", [1e60, 1e80])
def test_rosenbrock_of_large_scale(method, scale):
    result = minimize(
        lambda x: scale * rosen(x), X0, jac=lambda x: scale * rosen_der(x), method=method, tol=1e-5 * scale
    )
    assert result.reason == "gtol" and result.nfev < 200
    np.testing.assert_allclose(result.x, 1, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_no_success_where_fun_has_no_minimum(method):
    result = minimize(lambda x: -float(x.sum()), [0.0, 0.0], jac=lambda x: -np.ones(2), method=method)
    assert not result.success and result.fun < -1e3


@pytest.mark.parametrize("method", ["agd", "bfgs", "cg", "l-bfgs", "l-bfgs-b", "newton-cg", "trust-ncg", "owl-qn"])
@pytest.mark.parametrize("n", [4, 10, 20])
def test_the_end_of_the_digits_is_a_success(method, n):
    """Near 0 the value keeps its digits and x does not."""
    for x0, gtol in ((np.tile(X0, n // 2).astype(np.float32), 1e-5), (np.tile(X0, n // 2), 0.0)):
        options = {"gtol": gtol, "max_iter": 20000}
        result = minimize(rosen, x0, jac=rosen_der, method=method, options=options)
        assert result.reason in ("gtol", "ftol") and result.fun < 1e-7, result.message


@pytest.mark.parametrize("method", ["bfgs", "newton"])
def test_steps_within_the_digits_end(method):
    """In Rosenbrock's other minimum, 3.9866, whose value hides what steps there do."""
    for x0, gtol in ((np.tile(X0, 10).astype(np.float32), 1e-6), (np.tile(X0, 10), 0.0), (np.tile(X0, 25), 0.0)):
        result = minimize(rosen, x0, jac=rosen_der, method=method, options={"gtol": gtol})
        assert result.success and result.nit < 300, result.message


@pytest.mark.parametrize("method", ["bfgs", "cg", "l-bfgs", "l-bfgs-b"])
def test_forward_differences_give_way_to_central_ones(method):
    """At the minimum their error, 1e-4 here, is above gtol; no search along their slopes is spent on that twice."""
    result = minimize(lambda x: float((x[0] - 1) ** 2 + 1e4 * (x[1] - 1) ** 2), [0.0, 0.0], method=method)
    assert result.reason == "gtol" and result.nfev < 160


def test_noise_ends():
    rng = np.random.default_rng(0)
    result = minimize(lambda x: rosen(x) + 1e-3 * rng.normal(), X0, options={"max_evals": 2000})
    assert np.isfinite(result.fun) and result.nfev <= 2000


def test_no_gradient_is_asked_for_where_fun_has_no_value():
    def fun(x):
        return (float((x - np.log(x)).sum()), 1 - 1 / x) if np.all(x > 0) else (math.inf, None)

    result = minimize(fun, [0.01, 30.0], jac=True)
    assert result.success and "points without finite value" in result.message


def test_overflow_is_treated_as_the_user_says():
    def fun(x):
        return np.exp(x[0]) - 2 * x[0] + x[1] ** 2, np.array([np.exp(x[0]) - 2, 2 * x[1]])

    with np.errstate(over="raise"):
        result = minimize(fun, [-800.0, 1.0], jac=True, method="gd")
    assert result.success and result.x[0] == pytest.approx(math.log(2), abs=1e-4)


@pytest.mark.parametrize("method", ["newton", "newton-cg", "trust-ncg"])
def test_overflow_in_products_is_treated_as_the_user_says(method):
    from scipy.sparse.linalg import LinearOperator

    seen = set()

    def times(v):
        seen.add(np.geterr()["over"])
        return 2 * v

    with np.errstate(over="call"):
        operator = LinearOperator((2, 2), matvec=times, dtype=float)
        minimize(lambda x: float(x @ x), X0, jac=lambda x: 2 * x, hess=lambda x: operator, method=method)
    assert seen == {"call"}


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("method", ["gd", "bfgs", "l-bfgs", "newton"])
def test_slopes_lost_in_underflow_end(method, search):
    result = minimize(
        lambda x: (1e-170 * float(x @ x), 2e-170 * x), X0, jac=True, method=method,
        options={"gtol": 0.0, "line_search": search, "max_iter": 50},
    )  # fmt: skip
    assert np.isfinite(result.x).all() and result.fun <= 1e-170 * float(X0 @ X0)


@pytest.mark.parametrize("method", METHODS)
def test_rounding_ends_with_ftol(method):
    result = minimize(lambda x: (1e8 + rosen(x), rosen_der(x)), X0, jac=True, method=method, options={"gtol": 0.0})
    assert result.reason in ("ftol", "gtol") and result.success, result.message
