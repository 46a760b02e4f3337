"""Method "lm" of `fastopt.minimize`: residuals, Jacobians, and what goes wrong with them."""

import math

import numpy as np
import pytest
import scipy.optimize
from minimize_functions import RESIDUALS, solved
from scipy.sparse import csr_array

from fastopt import minimize

X0 = np.array([-1.2, 1.0])


def rosenbrock(x):
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def rosenbrock_jacobian(x):
    return np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])


def flat(residuals):
    return lambda x: np.concatenate([np.atleast_1d(v) for v in residuals(x)])


def jacobian(r):
    def j(x):
        columns = []
        for i in range(x.size):
            z = x.astype(complex)
            z[i] += 1e-30j
            columns.append(r(z).imag / 1e-30)
        return np.array(columns).T

    return j


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_sums_of_squares_beside_scipy():
    ours, theirs = [], []
    for name, (residuals, x0, minima) in RESIDUALS.items():
        r = flat(residuals)
        x0 = np.array(x0, dtype=float)
        result = minimize(r, x0, jac=jacobian(r), method="lm", options={"gtol": 1e-8})
        assert result.success, (name, result.message)
        assert solved(2 * result.fun, minima), (name, result)
        np.testing.assert_allclose(result.jac, result.jacobian.T @ result.residuals)
        assert result.fun == 0.5 * float(r(result.x) @ r(result.x))
        if r(x0).size >= x0.size:
            other = scipy.optimize.least_squares(r, x0, jac=jacobian(r), method="lm", gtol=1e-8, xtol=1e-12, ftol=1e-12)
            ours.append(result.nfev)
            theirs.append(other.nfev)
    assert len(ours) >= 25 and np.median(ours) <= np.median(theirs)


def test_jacobians():
    counts = []
    for jac in (None, "3-point", rosenbrock_jacobian, lambda x: csr_array(rosenbrock_jacobian(x)), True):
        calls = []

        def fun(x):
            calls.append(x)
            return (rosenbrock(x), rosenbrock_jacobian(x)) if jac is True else rosenbrock(x)

        result = minimize(fun, X0, jac=jac, method="levenberg-marquardt")
        np.testing.assert_allclose(result.x, 1, atol=1e-6)
        assert result.nfev == len(calls) and (result.njev > 0) == (jac is not None and jac != "3-point")
        counts.append(result.nfev)
    assert counts[2] == counts[3] == counts[4] < counts[0] < counts[1]


def test_more_unknowns_than_residuals_and_dependent_columns():
    result = minimize(lambda x: x[:1] + 2 * x[1] - 3, [0.0, 0.0], method="lm")
    assert result.success and result.x[0] + 2 * result.x[1] == pytest.approx(3)
    result = minimize(
        lambda x: np.array([x[0] + x[1] - 1, 2 * (x[0] + x[1]) - 2, x[0] + x[1]]), [0.0, 0.0], method="lm"
    )
    assert result.success and result.fun == pytest.approx(1 / 2 * (5 / 6), rel=1e-6)


def test_regions_without_values_and_limits():
    for bad in (math.nan, math.inf, "raise"):

        def fun(x):
            if x[0] <= 0:
                if bad == "raise":
                    raise ValueError("math domain error")
                return np.array([bad, 0.0])
            return np.array([100 * math.log(x[0]), x[0] - 1])

        result = minimize(fun, [30.0], method="lm")
        assert result.success and result.x[0] == pytest.approx(1)
    assert minimize(rosenbrock, X0, method="lm", max_time=0.0).reason == "max_time"
    assert minimize(rosenbrock, X0, method="lm", options={"max_evals": 7}).nfev == 7
    assert minimize(rosenbrock, X0, method="lm", options={"max_iter": 2}).nit == 2
    start = minimize(lambda x: np.array([math.nan]), X0, method="lm")
    assert not start.success and "start where it is finite" in start.message


def test_a_wrong_jacobian_is_named():
    result = minimize(rosenbrock, X0, jac=lambda x: -rosenbrock_jacobian(x), method="lm")
    assert not result.success and "see fastopt.check_gradient" in result.message


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"the Jacobian must have shape \(2, 2\), got \(2,\)"):
        minimize(rosenbrock, X0, jac=lambda x: np.zeros(2), method="lm")
    with pytest.raises(ValueError, match="fun must return a vector of residuals"):
        minimize(lambda x: np.zeros((2, 2)), X0, method="lm")
    with pytest.raises(TypeError, match=r"fun must return \(residuals, Jacobian\)"):
        minimize(rosenbrock, X0, jac=True, method="lm")
    for fun in (lambda x: float((x[0] - 3) ** 2 - 5), lambda x: np.array(1.0)):
        with pytest.raises(ValueError, match="must return a vector of residuals, whose sum of squares is minimised"):
            minimize(fun, [0.0], method="lm")
    for faulty in ({"fun": rosenbrock, "jac": lambda x: None}, {"fun": lambda x: (rosenbrock(x), None), "jac": True}):
        with pytest.raises(ValueError, match="the Jacobian must be an array of real numbers, got None"):
            minimize(x0=X0, method="lm", **faulty)
    for turned in (1j * np.eye(2), csr_array(1j * np.eye(2))):
        with pytest.raises(ValueError, match="the Jacobian must be an array of real numbers, got dtype complex128"):
            minimize(rosenbrock, X0, jac=lambda x, out=turned: out, method="lm")
    with pytest.raises(ValueError, match="takes no bounds"):
        minimize(rosenbrock, X0, method="lm", bounds=[(0, 1)] * 2)
