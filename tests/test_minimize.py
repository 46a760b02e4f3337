"""`fastopt.minimize` on the standard test functions, on bad functions, and its contract with its callers."""

import math
import pickle

import numpy as np
import pytest
import scipy.optimize
from minimize_functions import FUNCTIONS, gradient, solved
from more_minimize_functions import MORE
from scipy.optimize import Bounds, rosen, rosen_der, rosen_hess, rosen_hess_prod
from threadpoolctl import threadpool_limits

import fastopt
from fastopt import minimize
from fastopt._minimize import METHODS as NAMES
from fastopt._minimize._function import Function

# Those that take any function; "lm" takes residuals (test_least_squares.py).
METHODS = [m for m in NAMES if m != "lm"]
FIRST_ORDER = [m for m in METHODS if m not in ("newton", "newton-cg", "trust-ncg")]
# Where a method runs out of its iterations, or ends in another stationary point.
_BADLY_SCALED = {"powell badly scaled", "brown badly scaled", "watson", "biggs", "wood", "graded parabola"}
_VALLEYS = {"gulf", "osborne 1"}
# Of "broyden banded" cg ends in another minimum: 3.05728, gradient 3e-10, eigenvalues of the Hessian 0.22 to 63.
HARD = {
    "gd": {"graded parabola", "biggs", "osborne 1"},
    "agd": _BADLY_SCALED | _VALLEYS,
    "proximal-gradient": {*_BADLY_SCALED, "dixon price"} | _VALLEYS,
    "cg": {"watson", "graded parabola", "osborne 1", "broyden banded"},
    "newton": {"osborne 2"},
    "newton-cg": {"gulf"},
}
X0 = np.array([-1.2, 1.0])
ALL = {**FUNCTIONS, **MORE}


def counted(name):
    f, x0, minima = ALL[name]
    calls = []

    def fun(x):
        calls.append(x)
        return float(np.real(f(x)))

    return fun, gradient(f), np.array(x0, dtype=float), minima, calls


def test_gradients_of_the_test_functions():
    for name in ALL:
        fun, jac, x0, _, _ = counted(name)
        place = x0 * 1.01 + 1e-2 if name in FUNCTIONS else x0 + 1e-3
        # The differences of exp(-320 x) have an error themselves.
        rtol = 1e-3 if name == "osborne 1" else 1e-5
        assert fastopt.check_gradient(lambda x: (fun(x), jac(x)), place, rtol=rtol), name


# Without a penalty "fista" is "agd".
@pytest.mark.parametrize("method", [m for m in METHODS if m != "fista"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_methods_solve(name, method):
    # Of Meyer's function rounding hides the minimum's gradient; "lm" and test_lbfgs_beside_scipy solve it.
    if name == "meyer" or name in HARD.get(method, ()):
        pytest.skip("beyond this method")
    fun, jac, x0, minima, calls = counted(name)
    result = minimize(fun, x0, jac=jac, method=method)
    assert result.success and result.reason in ("gtol", "ftol"), result.message
    assert solved(result.fun, minima), result
    assert result.fun == fun(result.x) and np.array_equal(result.jac, jac(result.x))
    assert result.nfev == len(calls) - 1


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_lbfgs_beside_scipy():
    """All of More, Garbow and Hillstrom's 35, and more than 60 others."""
    assert len(FUNCTIONS) >= 35 and len(ALL) >= 35 + 60 and not set(FUNCTIONS) & set(MORE)
    ours, theirs, n_ours, n_theirs = [], [], 0, 0
    options = {"gtol": 1e-5, "ftol": 0, "maxiter": 15000}
    # Threads of BLAS that wait for one another take most of the time of SciPy's small problems.
    with threadpool_limits(1):
        for name in ALL:
            fun, jac, x0, minima, _ = counted(name)
            result = minimize(fun, x0, jac=jac, method="l-bfgs", tol=1e-5)
            other = scipy.optimize.minimize(fun, x0, jac=jac, method="L-BFGS-B", options=options)
            assert np.isfinite(result.fun) and np.isfinite(result.x).all() and result.fun <= fun(x0), name
            assert solved(result.fun, minima), (name, result)
            ours.append(result.nfev)
            theirs.append(other.nfev)
            n_ours += solved(result.fun, minima)
            n_theirs += solved(other.fun, minima)
    assert n_ours >= n_theirs
    assert np.median(ours) <= np.median(theirs)
    assert np.median(np.array(ours) / theirs) <= 1.0


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


@pytest.mark.parametrize("method", FIRST_ORDER)
@pytest.mark.parametrize("jac", [None, "2-point", "3-point"])
def test_finite_differences(method, jac):
    calls = []

    def fun(x):
        calls.append(1)
        return rosen(x)

    result = minimize(fun, X0, method=method, jac=jac)
    assert result.success and result.nfev == len(calls) and result.njev == 0
    np.testing.assert_allclose(result.x, 1, atol=2e-4)


@pytest.mark.parametrize("method", ["newton-cg", "trust-ncg"])
def test_second_derivatives(method):
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import aslinearoperator

    x0 = np.array([-1.2, 1, -1.2, 1, 0.5])
    results = [
        minimize(rosen, x0, jac=rosen_der, method=method, **kwargs)
        for kwargs in (
            {"hess": rosen_hess},
            {"hess": lambda x: csr_matrix(rosen_hess(x))},
            {"hess": lambda x: aslinearoperator(rosen_hess(x))},
            {"hessp": rosen_hess_prod},
        )
    ]
    for result in results:
        assert result.success and result.nhev > 0
        np.testing.assert_allclose(result.x, results[0].x, atol=1e-7)
    assert results[0].nfev < minimize(rosen, x0, jac=rosen_der, method=method).nfev
    with pytest.raises(ValueError, match=r"hess must return an array of shape \(5, 5\), got \(2, 2\)"):
        minimize(rosen, x0, jac=rosen_der, hess=lambda x: np.eye(2), method=method)
    with pytest.raises(ValueError, match="hessp must return an array of shape"):
        minimize(rosen, x0, jac=rosen_der, hessp=lambda x, v: v[:2], method=method)


SECOND_ORDER = ("newton", "newton-cg", "trust-ncg")


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


@pytest.mark.parametrize("method", ["newton", "newton-cg", "trust-ncg"])
def test_second_derivatives_are_real_numbers(method):
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import aslinearoperator

    turned = (2 + 1j) * np.eye(2)
    for out in (turned, csr_matrix(turned), aslinearoperator(turned)):
        with pytest.raises(ValueError, match="hess must be an array of real numbers, got dtype complex128"):
            minimize(rosen, X0, jac=rosen_der, hess=lambda x, out=out: out, method=method)
    with pytest.raises(ValueError, match="hess must be an array of real numbers, got None"):
        minimize(rosen, X0, jac=rosen_der, hess=lambda x: None, method=method)
    if method != "newton":
        with pytest.raises(ValueError, match="hessp must be an array of real numbers, got dtype complex128"):
            minimize(rosen, X0, jac=rosen_der, hessp=lambda x, v: 1j * v, method=method)


def test_no_step_is_longer_than_the_largest_trust_radius():
    def largest(**options):
        points = [X0]
        minimize(rosen, X0, jac=rosen_der, method="trust-ncg", options={"max_iter": 40, **options}, callback=points.append)
        return np.linalg.norm(np.diff(points, axis=0), axis=1).max()

    assert largest() == largest(max_trust_radius=np.inf) > 0.1
    for limit in (1e-3, 1e-2):
        assert largest(max_trust_radius=limit) == pytest.approx(limit)
        assert largest(max_trust_radius=limit, initial_trust_radius=limit / 2) == pytest.approx(limit)
    with pytest.raises(ValueError, match="initial_trust_radius must be at most max_trust_radius, got 5.0 and 0.01"):
        largest(max_trust_radius=0.01, initial_trust_radius=5.0)


def test_trust_region_leaves_a_saddle():
    result = minimize(
        lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4,
        [1.0, 1e-3],
        jac=lambda x: np.array([2 * x[0], -2 * x[1] + 4 * x[1] ** 3]),
        hess=lambda x: np.diag([2.0, -2 + 12 * x[1] ** 2]),
    )
    assert result.fun == pytest.approx(-0.25)


SEARCHES = ("armijo", "nonmonotone", "wolfe", "strong-wolfe", "more-thuente", "hager-zhang")


# A monotone gradient descent needs thousands of iterations.
@pytest.mark.parametrize(
    ("method", "search"),
    [
        pytest.param(m, s, marks=[pytest.mark.slow] * (m == "gd" and s not in ("armijo", "nonmonotone")))
        for m in ("gd", "bfgs", "l-bfgs", "newton", "newton-cg")
        for s in SEARCHES
    ],
)
def test_line_searches(method, search):
    options = {"line_search": search, "max_iter": 50000}
    result = minimize(rosen, X0, jac=rosen_der, method=method, options=options)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, 1, atol=1e-3)


def test_auto():
    assert minimize(rosen, X0, jac=rosen_der).nfev == minimize(rosen, X0, jac=rosen_der, method="bfgs").nfev
    big = np.tile(X0, 60)
    assert minimize(rosen, big, jac=rosen_der).nfev == minimize(rosen, big, jac=rosen_der, method="L-BFGS").nfev
    assert minimize(rosen, X0, jac=rosen_der, hess=rosen_hess).nhev > 0
    assert minimize(rosen, X0, jac=rosen_der, bounds=[(-2, 0.5)] * 2).x[0] == 0.5


# Bounds

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


def test_bfgs_on_ill_conditioned_least_squares():
    """At most four times the calls of SciPy's BFGS, whose first inverse Hessian suits these; 2.5 times for all."""
    rng, ours, theirs = np.random.default_rng(0), [], []
    with threadpool_limits(1):
        for n in (5, 20, 50):
            for spread in (10, 100, 1000):
                X = rng.normal(size=(80, n)) * np.logspace(0, np.log10(spread), n)
                y = X @ rng.normal(size=n) + rng.normal(size=80)

                def fun(w, X=X, y=y):
                    return float(((X @ w - y) ** 2).mean() / 2), X.T @ (X @ w - y) / 80

                result = minimize(fun, np.zeros(n), jac=True, method="bfgs", tol=1e-5)
                assert result.success
                ours.append(result.nfev)
                theirs.append(scipy.optimize.minimize(fun, np.zeros(n), jac=True, method="BFGS", tol=1e-5).nfev)
    assert np.max(np.array(ours) / theirs) < 4 and sum(ours) < 2.5 * sum(theirs), (ours, theirs)


def test_noise_ends():
    rng = np.random.default_rng(0)
    result = minimize(lambda x: rosen(x) + 1e-3 * rng.normal(), X0, options={"max_evals": 2000})
    assert np.isfinite(result.fun) and result.nfev <= 2000


def test_shapes():
    with pytest.raises(ValueError, match=r"fun must return a real number, got dtype float64 and shape \(2,\)"):
        minimize(lambda x: x, X0)
    with pytest.raises(ValueError, match="fun must return a real number, got dtype complex128"):
        minimize(lambda x: 1j, X0)
    with pytest.raises(ValueError, match=r"the gradient must have the shape of x0, \(2,\), got \(3,\)"):
        minimize(rosen, X0, jac=lambda x: np.zeros(3))
    for faulty in ({"fun": rosen, "jac": lambda x: None}, {"fun": lambda x: (rosen(x), None), "jac": True}):
        with pytest.raises(ValueError, match="the gradient must be an array of real numbers, got None"):
            minimize(x0=X0, **faulty)
    with pytest.raises(TypeError, match=r"fun returned a tuple of 2; with jac=True it may be \(value, gradient\)"):
        minimize(lambda x: (1.0, x), np.ones(3))
    with pytest.raises(TypeError, match="with jac=True fun must return"):
        minimize(rosen, X0, jac=True)
    with pytest.raises(ValueError, match=r"x0 must have one dimension, got shape \(2, 2\)"):
        minimize(rosen, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="x0 is empty"):
        minimize(rosen, [])
    with pytest.raises(ValueError, match="x0 must be finite, got nan at index 1"):
        minimize(rosen, [1.0, math.nan])
    with pytest.raises(TypeError, match="x0 must be real numbers"):
        minimize(rosen, ["a"])


@pytest.mark.parametrize("method", METHODS)
def test_scalars_integers_and_float32(method):
    def jac(x):
        return 2 * (x - 3)

    def fun(x):
        assert x.ndim == 1
        return ((x - 3) ** 2).sum()

    result = minimize(fun, 7.0, jac=jac, method=method)
    assert result.x.shape == (1,) and result.x[0] == pytest.approx(3, abs=5.1e-6)  # |jac| = 2 |x - 3| <= gtol
    result = minimize(fun, np.array([7, 8]), jac=jac, method=method)
    assert result.x.dtype == np.float64 and result.success
    seen = set()

    def single(x):
        seen.add(x.dtype)
        return fun(x)

    x0 = np.array([7, 8], dtype=np.float32)
    result = minimize(single, x0, jac=jac, method=method)
    assert seen == {np.dtype(np.float32)} and result.x.dtype == np.float32 and x0[0] == 7
    np.testing.assert_allclose(result.x, 3, atol=1e-5)


def test_no_gradient_is_asked_for_where_fun_has_no_value():
    def fun(x):
        return (float((x - np.log(x)).sum()), 1 - 1 / x) if np.all(x > 0) else (math.inf, None)

    result = minimize(fun, [0.01, 30.0], jac=True)
    assert result.success and "points without finite value" in result.message


def test_a_shape_that_changes_is_passed_on():
    with pytest.raises(ValueError, match="fun must return a real number"):
        minimize(lambda x: rosen(x) if np.array_equal(x, X0) else x, X0)


def test_what_fun_gets_is_its_own():
    def fun(x):
        value = rosen(x)
        x[:] = math.nan
        return value

    np.testing.assert_allclose(minimize(fun, X0).x, 1, atol=1e-3)


# Reasons, callback, arguments


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "reason, kwargs",
    [
        ("gtol", {"options": {"gtol": 1e-3}}),
        ("ftol", {"options": {"ftol": 1e-2, "gtol": 0.0}}),
        ("xtol", {"options": {"xtol": 1e-2, "gtol": 0.0}}),
        ("f_target", {"options": {"f_target": 1.0}}),
        ("max_iter", {"options": {"maxiter": 3}}),
        ("max_iter", {"options": {"max_iter": 0}}),
        ("max_evals", {"options": {"max_evals": 6}}),
        ("max_time", {"max_time": 0.0}),
    ],
)
def test_reasons(method, reason, kwargs):
    result = minimize(rosen, X0, jac=rosen_der, method=method, **kwargs)
    assert result.reason == reason, result.message
    assert result.success == (reason in ("gtol", "ftol", "xtol", "f_target"))
    assert result.fun <= rosen(X0)
    assert not np.isnan(result.x).any()
    if reason == "gtol":
        assert np.abs(result.jac).max() <= 1e-3
    if reason == "f_target":
        assert result.fun <= 1.0
    if reason == "max_evals":
        assert result.nfev == 6
    if reason == "max_iter":
        assert result.nit == kwargs["options"].get("maxiter", 0)


@pytest.mark.parametrize("method", FIRST_ORDER)
def test_budget_ends_within_the_first_gradient(method):
    result = minimize(rosen, X0, method=method, options={"max_evals": 2})
    assert result.reason == "max_evals" and result.nfev == 2 and not result.success
    assert np.array_equal(result.x, X0) and result.fun == rosen(X0)
    assert "before the gradient at x0 was known" in result.message


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


@pytest.mark.parametrize("method", METHODS)
def test_callback(method):
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result)
        assert intermediate_result.nit == len(seen)
        assert intermediate_result.fun == rosen(intermediate_result.x)
        if len(seen) == 4:
            raise StopIteration

    result = minimize(rosen, X0, jac=rosen_der, method=method, callback=callback)
    assert len(seen) == 4 and result.nit == 4
    assert (result.reason, result.success, result.status) == ("callback", False, 99)
    points = []
    result = minimize(rosen, X0, jac=rosen_der, method=method, callback=points.append)
    assert len(points) == result.nit and np.array_equal(points[-1], result.x)


@pytest.mark.parametrize("method", METHODS)
def test_args(method):
    def fun(x, a, b):
        return a * ((x - b) ** 2).sum()

    def jac(x, a, b):
        return 2 * a * (x - b)

    result = minimize(fun, X0, (2.0, 5.0), jac=jac, method=method)
    np.testing.assert_allclose(result.x, 5, atol=1e-5)
    assert minimize(lambda x, a: ((x - a) ** 2).sum(), [0.0], 4.0).x[0] == pytest.approx(4)


def test_each_point_is_measured_once(monkeypatch):
    """With differences a point is asked whether it is flat before the iteration is recorded."""
    seen = []

    def measure(function, point, optimality=Function.optimality):
        seen.append(point)
        return optimality(function, point)

    monkeypatch.setattr(Function, "optimality", measure)
    result = minimize(rosen, X0, bounds=[(-2, 0.5), (None, 2)])
    assert result.success and len(seen) == len({id(point) for point in seen}) > result.nit


def test_verbose(capsys):
    result = minimize(rosen, X0, jac=rosen_der, verbose=1)
    assert capsys.readouterr().err.count("max |gradient|") == result.nit + 1
    for verbose in (True, np.int64(2)):
        result = minimize(rosen, X0, jac=rosen_der, bounds=[(-2, 0.5)] * 2, verbose=verbose)
        assert capsys.readouterr().err.count("optimality") == result.nit + 1
    minimize(rosen, X0, jac=rosen_der, verbose=False)
    assert capsys.readouterr().err == ""


def test_the_message_names_what_gtol_judges():
    for kwargs, words in (
        ({}, "the largest entry of the gradient is at most gtol"),
        ({"bounds": [(-2, 0.5)] * 2}, "the largest entry of the projected gradient is at most gtol"),
        ({"penalty": fastopt.penalties.L1(0.1)}, "of the negative gradient from the penalty's subdifferential is at most"),
    ):
        assert words in minimize(rosen, X0, jac=rosen_der, **kwargs).message


@pytest.mark.parametrize(
    "kwargs, error, words",
    [
        ({"method": "nelder"}, ValueError, "method must be 'auto' or one of 'gd'"),
        ({"method": 3}, TypeError, "method must be a name"),
        ({"penalty": 1.0}, TypeError, "penalty must be one of fastopt.penalties or None"),
        ({"batches": 3}, TypeError, "batches must be a callable that returns the batches of an epoch"),
        ({"constraints": {"type": "eq", "fun": rosen}}, ValueError, "constraints are not supported; bounds are"),
        ({"jac": "cs"}, ValueError, "jac must be callable, True, '2-point', '3-point' or None"),
        ({"hess": rosen_hess, "method": "bfgs"}, ValueError, "use 'newton', 'newton-cg' or 'trust-ncg'"),
        ({"hess": "2-point"}, TypeError, "hess must be callable or None"),
        ({"method": "newton-cg"}, ValueError, "needs jac, hess or hessp"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"tol": -1.0}, ValueError, "tol must be in"),
        ({"max_time": -1.0}, ValueError, "max_time must be in"),
        ({"options": {"memry": 3}}, ValueError, "unknown option 'memry' of method 'bfgs'; there are 'gtol'"),
        ({"options": {"memory": 3}}, ValueError, "unknown option 'memory' of method 'bfgs'"),
        ({"options": {"memory": 0}, "method": "l-bfgs"}, ValueError, "memory must be at least 1"),
        ({"options": {"max_iter": 1.5}}, TypeError, "max_iter must be an integer"),
        ({"options": {"max_evals": 0}}, ValueError, "max_evals must be at least 1"),
        ({"options": {"eps": 1e-6}, "jac": rosen_der}, ValueError, "option 'eps' is the step of finite differences"),
        ({"hess": rosen_hess, "hessp": rosen_hess_prod}, ValueError, "give hess or hessp, not both"),
        ({"options": {"line_search": "exact"}}, ValueError, "line_search must be one of 'armijo'"),
        ({"options": {"gtol": "small"}}, TypeError, "gtol must be a real number"),
        ({"options": {"line_search": ["wolfe"]}}, ValueError, r"line_search must be one of 'armijo'.*, got \['wolfe'\]"),
        ({"options": "abc"}, TypeError, "options must be a dict or None, got 'abc'"),
        ({"options": {"maxiter": 50, "max_iter": 1}}, ValueError, "options 'maxiter' and 'max_iter' are names of the same"),
        ({"verbose": "x"}, TypeError, "verbose must be an integer, got 'x'"),
        ({"verbose": 0.5}, TypeError, "verbose must be an integer, got 0.5"),
        ({"verbose": -1}, ValueError, "verbose must be at least 0, got -1"),
        ({"bounds": 5}, TypeError, r"bounds must be scipy.optimize.Bounds or a sequence of \(low, high\), got 5"),
        ({"bounds": [("a", 1), (0, 1)]}, TypeError, r"bounds must be real numbers or None, got \['a', 0\]"),
        ({"bounds": [(0, [1, 2]), (0, 1)]}, TypeError, "bounds must be real numbers or None"),
        ({"bounds": [(0, 1), (math.inf,) * 2]}, ValueError, "must have low < inf and high > -inf, got inf and inf at index 1"),
        ({"bounds": [(-math.inf,) * 2, (0, 1)]}, ValueError, "and high > -inf, got -inf and -inf at index 0"),
    ],
)
def test_wrong_arguments(kwargs, error, words):
    with pytest.raises(error, match=words):
        minimize(rosen, X0, **kwargs)


def test_fun_must_be_callable():
    with pytest.raises(TypeError, match="fun must be callable, got float"):
        minimize(3.0, X0)


def test_an_objective_of_the_package():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    objective = fastopt.LinearObjective(X, y, "logistic")
    result = minimize(objective.value_gradient, np.zeros(4), jac=True, tol=1e-9)
    assert result.success and np.abs(objective.value_gradient(result.x)[1]).max() <= 1e-9


# For SciPy


@pytest.mark.parametrize("name", [m for m in fastopt.minimizers.__all__ if m != "LevenbergMarquardt"])
def test_minimizers_in_scipy(name):
    method = getattr(fastopt.minimizers, name)
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result.fun)

    result = scipy.optimize.minimize(
        rosen, X0, jac=rosen_der, method=method, tol=1e-6, callback=callback, options={"maxiter": 5000, "max_time": 60}
    )
    assert result.reason == "gtol" and len(seen) == result.nit and np.abs(result.jac).max() <= 1e-6
    np.testing.assert_allclose(result.x, 1, atol=1e-4)
    both = scipy.optimize.minimize(lambda x: (rosen(x), rosen_der(x)), X0, jac=True, method=method)
    np.testing.assert_allclose(both.x, 1, atol=1e-3)
    with pytest.raises(ValueError, match="constraints are not supported"):
        scipy.optimize.minimize(rosen, X0, jac=rosen_der, method=method, constraints=[{"type": "eq", "fun": rosen}])
    with pytest.raises(ValueError, match="unknown option 'disp'"):
        scipy.optimize.minimize(rosen, X0, jac=rosen_der, method=method, options={"disp": True})
    assert pickle.loads(pickle.dumps(method)) is method
    assert repr(method) == f"fastopt.minimizers.{name}"


def test_least_squares_in_scipy():
    def residuals(x):
        return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])

    method = fastopt.minimizers.LevenbergMarquardt
    for jac in (None, lambda x: np.array([[-20 * x[0], 10], [-1, 0]])):
        result = scipy.optimize.minimize(residuals, X0, jac=jac, method=method)
        np.testing.assert_allclose(result.x, 1, atol=1e-6)


def test_minimizers_take_a_penalty():
    penalty = fastopt.penalties.L1(1.0)
    result = scipy.optimize.minimize(
        rosen, X0, jac=rosen_der, method=fastopt.minimizers.OWLQN, options={"penalty": penalty}
    )
    assert result.fun == rosen(result.x) + penalty.value(result.x) and result.success


def test_minimizers_take_bounds_of_scipy():
    result = scipy.optimize.minimize(rosen, X0, jac=rosen_der, method=fastopt.minimizers.LBFGSB, bounds=Bounds(-2, 0.5))
    np.testing.assert_allclose(result.x, [0.5, 0.25], atol=1e-6)
