"""Minimisers between bounds."""

import numpy as np
import pytest
import scipy.optimize
from minimizing import ALL, X0, counted
from scipy.optimize import Bounds, rosen, rosen_der
from threadpoolctl import threadpool_limits

import fastopt
from fastopt import minimize
from fastopt._minimize import METHODS as NAMES


def boxes(x0):
    """Bounds on both sides of x0, above every other entry, below every third one."""
    i, size = np.arange(x0.size), np.maximum(1.0, np.abs(x0))
    yield x0 - 0.5 * size, x0 + 0.5 * size
    yield np.full(x0.size, -np.inf), np.where(i % 2 == 0, x0 + 0.25 * size, np.inf)
    yield np.where(i % 3 == 0, x0 - 0.1 * size, -np.inf), np.full(x0.size, np.inf)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid", "ignore:divide")
def test_lbfgsb_beside_scipy():
    """Each function in three boxes. Calls are compared where both end at the same minimum and SciPy takes at most 100:
    in those that take more, rounding decides how many (nondquar, at two levels: 214 and 395)."""
    runs = []
    options = {"gtol": 1e-5, "ftol": 0, "maxiter": 15000}
    with threadpool_limits(1):
        for name in ALL:
            fun, jac, x0, _, _ = counted(name)
            for low, high in boxes(x0):

                def inside(x, fun=fun, low=low, high=high):
                    assert np.all((low <= x) & (x <= high))
                    return fun(x)

                bounds = Bounds(low, high)
                result = minimize(inside, x0, jac=jac, bounds=bounds, method="l-bfgs-b", tol=1e-5)
                other = scipy.optimize.minimize(fun, x0, jac=jac, method="L-BFGS-B", bounds=bounds, options=options)
                assert np.isfinite(result.fun) and result.fun <= fun(x0), name
                if result.reason == "gtol":
                    assert result.optimality <= 1e-5
                    assert np.abs(result.x - np.clip(result.x - result.jac, low, high)).max() == result.optimality
                runs.append((result.nfev, other.nfev, result.fun, other.fun, result.success))
    ours, theirs, value, other, success = np.array(runs).T
    assert len(runs) > 300 and success.mean() > 0.98
    least, scale = np.minimum(value, other), 1e-5 * np.maximum(1.0, np.abs(other))
    # Where they end at different minima, it is not always ours that is the worse.
    assert np.sum(other > least + scale) >= np.sum(value > least + scale) - 2
    both = (np.abs(value - other) <= scale) & (theirs <= 100)
    assert both.mean() > 0.9
    assert ours[both].sum() <= theirs[both].sum()
    assert np.median(ours[both]) <= np.median(theirs[both])
    assert np.median(ours[both] / theirs[both]) <= 1.0


BOXES = [
    [(-2, 0.5), (None, 2)],
    [(None, None)] * 2,
    [(1.2, 3), (-5, 1.3)],
    Bounds(-np.inf, 0.3),
    Bounds([-1.5, 0.9], [-1.1, 0.9]),
    [(1, 1), (1, 1)],
]


@pytest.mark.parametrize("jac", [rosen_der, None])
@pytest.mark.parametrize("box", BOXES)
def test_bounds(box, jac):
    pairs = np.array(
        list(zip(*(np.broadcast_to(b, 2) for b in (box.lb, box.ub))))
        if isinstance(box, Bounds)
        else [(-np.inf if a is None else a, np.inf if b is None else b) for a, b in box]
    )
    low, high = pairs.T

    def fun(x):
        assert np.all(x >= low) and np.all(x <= high)
        return rosen(x)

    result = minimize(fun, X0, jac=jac, bounds=box)
    best = scipy.optimize.minimize(
        rosen, np.clip(X0, low, high), jac=rosen_der, bounds=pairs, method="L-BFGS-B", tol=1e-12
    )
    assert result.success, result.message
    np.testing.assert_allclose(result.fun, best.fun, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(result.x, best.x, atol=1e-3)


def test_bounded_parabola_satisfies_its_optimality_conditions():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(60, 40))
    h, c = a.T @ a, rng.normal(size=40) * 30
    low, high = -np.ones(40), np.ones(40)
    result = minimize(
        lambda x: (0.5 * x @ h @ x + c @ x, h @ x + c), np.zeros(40), jac=True, bounds=Bounds(low, high), tol=1e-8
    )
    assert result.success
    g = h @ result.x + c
    inside = (result.x > low) & (result.x < high)
    assert 0 < inside.sum() < 40 and np.abs(g[inside]).max() <= 1e-8
    assert np.all(g[result.x == low] >= 0) and np.all(g[result.x == high] <= 0)


def test_bounds_where_arithmetic_overflows():
    """Unbounded below on one side, and gradients whose square is not a number of float64: never nan."""
    for fun in (lambda x: (-float(x @ x), -2 * x), lambda x: (1e200 * float(x @ x), 2e200 * x)):
        for box in (Bounds(-np.inf, [3.0, np.inf]), Bounds([0.5, 1.0], 3.0), Bounds([1.0, -np.inf], [1.0, np.inf])):
            result = minimize(fun, [1.0, 2.0], jac=True, bounds=box, options={"max_iter": 300})
            assert np.isfinite(result.x).all() and np.isfinite(result.fun)
            assert np.all(result.x >= box.lb) and np.all(result.x <= box.ub)
            assert result.fun <= fun(np.array([1.0, 2.0]))[0]


def test_bounds_of_float32():
    box = [(0.1, 0.7), (0.3, 0.9)]

    def fun(x):
        assert x.dtype == np.float32 and np.all(x.astype(float) >= [0.1, 0.3]) and np.all(x.astype(float) <= [0.7, 0.9])
        return ((x - 5) ** 2).sum()

    for x0 in ([0.1, 0.3], [-1, 0.5]):
        result = minimize(fun, np.array(x0, dtype=np.float32), jac=lambda x: 2 * (x - 5), bounds=box)
        assert result.success
        np.testing.assert_allclose(result.x, [0.7, 0.9], rtol=1e-6)
    with pytest.raises(ValueError, match="no float32 lies between the bounds"):
        minimize(fun, np.float32([0, 0]), bounds=[(0.1, 0.1), (0, 1)])


@pytest.mark.parametrize("box", [[(0, 1)], [(0, 1, 2)] * 2, Bounds([0, 0, 0], 1)])
def test_bounds_of_wrong_form(box):
    with pytest.raises(ValueError, match="bounds must have"):
        minimize(rosen, X0, bounds=box)


def test_bounds_upside_down():
    with pytest.raises(ValueError, match="bounds must have low <= high, got 2.0 and 1.0 at index 1"):
        minimize(rosen, X0, bounds=[(0, 1), (2, 1)])


@pytest.mark.parametrize("method", sorted(set(NAMES) - {"l-bfgs-b", "fista", "proximal-gradient"}))
def test_other_methods_refuse_bounds(method):
    with pytest.raises(ValueError, match=f"method '{method}' takes no bounds; use 'l-bfgs-b'"):
        minimize(rosen, X0, jac=rosen_der, method=method, bounds=[(0, 1)] * 2)


def test_minimizers_take_bounds_of_scipy():
    result = scipy.optimize.minimize(rosen, X0, jac=rosen_der, method=fastopt.minimizers.LBFGSB, bounds=Bounds(-2, 0.5))
    np.testing.assert_allclose(result.x, [0.5, 0.25], atol=1e-6)
