"""Losses of users: Python functions, function pointers, Cython; and `check_loss`, which tries any loss."""

import copy
import ctypes
import functools
import importlib
import pickle
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import fastopt
from fastopt import LinearObjective, losses
from fastopt.diagnostics import Monitor
from fastopt.solvers import fit_problem

DTYPES = (np.float64, np.float32)
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=["f64", "f32"])


def pseudo_huber(y, z, delta=1.0):
    r = z - y
    q = np.sqrt(1 + (r / delta) ** 2)
    return r * r / (1 + q), r / q, 1 / q**3


def pseudo_huber_gradient(y, z):
    return pseudo_huber(y, z)[:2]


def logistic(y, z):
    e = np.exp(-abs(z))
    p = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    return np.maximum(z, 0) + np.log1p(e) - y * z, p - y, p * (1 - p)


def logistic_gradient(y, z):
    return logistic(y, z)[:2]


LOGISTIC = dict(convex=True, domain="unit", link="logit")


def data(n, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=n).astype(dtype),
        (2 * rng.normal(size=n)).astype(dtype),
        rng.uniform(0.5, 2, n).astype(dtype),
    )


# Python functions.


@each_dtype
@pytest.mark.parametrize("block_size", [7, 16384, None])
def test_methods_are_those_of_the_built_in_loss(dtype, block_size, isa):
    mine, ours = losses.from_function(pseudo_huber, convex=True, block_size=block_size), losses.PseudoHuber()
    rtol = 1e-12 if dtype is np.float64 else 1e-5
    close = functools.partial(np.testing.assert_allclose, rtol=rtol, atol=rtol)
    for n in (1, 5, 100, 1030):
        y, z, w = data(n, dtype)
        d = np.linspace(-1, 1, n).astype(dtype)
        for weight in (None, w):
            for reduction in ("mean", "sum", "none"):
                options = dict(reduction=reduction)
                close(mine.value(y, z, weight, **options), ours.value(y, z, weight, **options))
                close(mine.gradient(y, z, weight, **options), ours.gradient(y, z, weight, **options))
                for method in ("value_gradient", "gradient_hessian"):
                    for found, exact in zip(*(getattr(loss, method)(y, z, weight, **options) for loss in (mine, ours))):
                        close(found, exact)
                        assert np.asarray(found).dtype == np.asarray(exact).dtype
                close(mine.hessp(y, z, d, weight, **options), ours.hessp(y, z, d, weight, **options))
    out, value = np.empty(n, dtype), np.empty(n, dtype)
    assert mine.value_gradient(y, z, reduction="none", value_out=value, gradient_out=out)[1] is out
    close(value, ours.value(y, z, reduction="none"))
    close(mine.gradient(y.reshape(2, -1), z.reshape(2, -1)), ours.gradient(y.reshape(2, -1), z.reshape(2, -1)))
    close(mine.value(y.tolist(), z), ours.value(y, z))
    close(mine.value(y[::2], z[::2]), ours.value(y[::2], z[::2]))
    assert mine.value(y[:0], z[:0], reduction="sum") == 0.0
    with pytest.raises(ValueError, match="shape"):
        mine.value(y[:-1], z)
    with pytest.raises(ValueError, match="gradient_out"):
        mine.gradient(y, z, gradient_out=np.empty(3, dtype))


@each_dtype
def test_hessian_by_differences(dtype):
    mine, ours = losses.from_function(pseudo_huber_gradient, convex=True), losses.PseudoHuber()
    assert mine.hessian_kind == "difference" and losses.from_function(pseudo_huber).hessian_kind == "exact"
    y, z, w = data(500, dtype)
    atol = 1e-8 if dtype is np.float64 else 2e-4
    for found, exact in zip(mine.gradient_hessian(y, z, w), ours.gradient_hessian(y, z, w)):
        np.testing.assert_allclose(found, exact, atol=atol / 500)
    assert not losses.check_loss(mine).findings


def test_float32_stays_float32_and_sums_are_float64():
    y, z, _ = data(300_000, np.float32)
    loss = losses.from_function(pseudo_huber, convex=True)
    exact = pseudo_huber(y, z)[0].sum(dtype=float)
    assert loss.value(y, z, reduction="sum") == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("kind", [logistic, logistic_gradient])
@each_dtype
def test_objective(kind, dtype):
    """Every method of the objective, in columns as they are and scaled, against the built-in loss's."""
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(300, 4)) * [1, 2, 3, 0.1] + [0, 5, 0, 1]).astype(dtype)
    y = (rng.uniform(size=300) < 0.4).astype(float)
    more = dict(sample_weight=rng.uniform(0.2, 2, 300), offset=rng.normal(size=300), rows=rng.permutation(300)[:200])
    tight, loose = (1e-9, 1e-6) if dtype is np.float64 else (2e-4, 3e-3)
    for options in ({}, more, {"fit_intercept": False}):
        mine, ours = (
            LinearObjective(X, y, loss, 0.1, **options)
            for loss in (losses.from_function(kind, **LOGISTIC), losses.Logistic())
        )
        x, d = rng.normal(size=(2, mine.size))
        pairs = [(a.value(x), *a.value_gradient(x)) for a in (mine, ours)]
        for found, exact in zip(*pairs):
            np.testing.assert_allclose(found, exact, rtol=tight, atol=10 * tight)
        for found, exact in zip(
            *((a.hessian_matrix(x), a.hessian_product(x, d), a.line(a.evaluate(x), d)(0.3)) for a in (mine, ours))
        ):
            np.testing.assert_allclose(found, exact, rtol=loose, atol=loose * np.abs(exact).max())
        np.testing.assert_allclose(mine.initial(), ours.initial(), rtol=1e-6, atol=1e-9)
        centre, scale = ours.scaling()
        scaled = [a.at(x, centre if a.fit_intercept else None, scale, hessian=True) for a in (mine, ours)]
        np.testing.assert_allclose(scaled[0][0].gradient, scaled[1][0].gradient, rtol=tight, atol=10 * tight)
        np.testing.assert_allclose(scaled[0][1], scaled[1][1], rtol=loose, atol=loose)
    mine = LinearObjective(X, y, losses.from_function(kind, **LOGISTIC), 0.1)
    mine.value(x := np.zeros(5))
    assert mine.n_passes == 1
    mine.value_gradient(x)
    assert mine.n_passes == 3  # predictions, then X'r


def test_two_outputs():
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
    w, off = rng.uniform(0.5, 2, 60), rng.normal(size=(60, 2))
    mine, ours = (
        LinearObjective(X, Y, loss, 0.1, sample_weight=w, offset=off)
        for loss in (losses.from_function(pseudo_huber, convex=True), losses.PseudoHuber())
    )
    x, d = rng.normal(size=(2, *mine.shape))
    for found, exact in zip(mine.value_gradient(x), ours.value_gradient(x)):
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(mine.hessian_product(x, d), ours.hessian_product(x, d), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("kind", [logistic, logistic_gradient])
def test_solvers(kind):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 5)) * [1, 10, 100, 1, 1]
    y = (X @ [1, 0.1, 0.01, -1, 0] + rng.logistic(size=400) > 0).astype(float)
    loss = losses.from_function(kind, **LOGISTIC)
    best = fit_problem(LinearObjective(X, y, losses.Logistic(), 1e-3), tol=1e-6, monitor=Monitor())
    names = ("auto", "lbfgs") if kind is logistic_gradient else ("auto", "newton-cholesky", "lbfgs", "gradient-descent")
    for name in names:
        fit = fit_problem(LinearObjective(X, y, loss, 1e-3), solver=name, tol=1e-5, monitor=Monitor())
        assert fit.certificate.converged and fit.certificate.bound == "decrement"
        assert 0 <= fit.certificate.objective - best.certificate.objective + 1e-12 < 1e-9
    if kind is logistic_gradient:
        with pytest.raises(ValueError, match=r"'newton-cholesky' needs the exact or expected curvature.*logistic_gradient"):
            fit_problem(LinearObjective(X, y, loss), solver="newton-cholesky", monitor=Monitor())
    objective = LinearObjective(X, y, loss, 1e-3)
    found = fastopt.minimize(objective.value_gradient, np.zeros(6), jac=True, method="l-bfgs", tol=1e-8)
    assert found.fun == pytest.approx(best.certificate.objective, rel=1e-8)


@pytest.mark.parametrize(
    ("function", "options", "error", "text"),
    [
        (lambda y, z: z - y, {}, TypeError, r"must return \(value, gradient\) or .*, got ndarray"),
        (lambda y, z: (z, z, z, z), {}, TypeError, "got a tuple of 4"),
        (lambda y, z: ((z - y).sum(), z), {}, TypeError, "the value that .* returned must be an array, got float64"),
        (lambda y, z: (z, z[:-1]), {}, ValueError, r"the gradient that .* has shape \(.*,\) for .* samples"),
        (lambda y, z: (z, z[:, None]), {}, ValueError, "the gradient"),
        (lambda y, z: (z, z, np.float64(1)), {}, TypeError, "the Hessian that .* must be an array, got float64"),
        (lambda y, z: (z, z.tolist()), {}, TypeError, "the gradient that .* must be an array, got list"),
        (lambda y, z: (z, np.ma.array(z)), {}, TypeError, "got MaskedArray"),
        (
            lambda y, z: (z.astype("f4"), z),
            {},
            TypeError,
            "the value that .* dtype float32 for a raw prediction of float64",
        ),
        (lambda y, z: (z, z), {"hessian": True}, TypeError, r"must return \(value, gradient, hessian\)"),
        (lambda y, z: (z, z.astype(int)), {}, TypeError, "the gradient that .* dtype int64"),
    ],
)
def test_wrong_answers_are_named(function, options, error, text):
    y, z, _ = data(20)
    for check in (True, False):
        loss = losses.from_function(function, name="mine", check=check, **options)
        for call in (loss.gradient_hessian, loss.gradient_hessian):  # the second use is refused as the first
            with pytest.raises(error, match=text) as caught:
                call(y, z)
            assert "mine" in str(caught.value)
    with pytest.raises(error):
        LinearObjective(np.ones((20, 1)), y, loss).evaluate_hessian(np.zeros(2))


def test_errors_inside_pass_through():
    def mine(y, z):
        return {}["no such key"]

    y, z, _ = data(20)
    for check in (True, False):
        loss = losses.from_function(mine, check=check, hessian=False)
        with pytest.raises(KeyError, match="no such key") as caught:
            loss.value(y, z)
        assert any("raised in the loss function mine" in note for note in caught.value.__notes__)

    def changes(y, z):
        z -= y
        return z * z, 2 * z

    with pytest.raises(ValueError, match="read-only"):
        losses.from_function(changes).value(y, z)
    with pytest.raises(ValueError, match="read-only"):
        losses.from_function(changes, check=False, hessian=False).value(y, z)


def test_targets_outside_the_domain_never_reach_the_function():
    seen = []

    def mine(y, z):
        seen.append(y.min())
        return np.exp(z) - y * z, np.exp(z) - y

    loss = losses.from_function(mine, domain="nonnegative", link="log", convex=True)
    y, z = np.ones(30), np.zeros(30)
    loss.value(y, z)
    y[17] = -1
    with pytest.raises(ValueError, match="y_true of the loss 'mine' must be finite and >= 0, got -1.0 at index 17"):
        loss.value(y, z)
    with pytest.raises(ValueError, match="sample_weight must be finite"):
        loss.value(abs(y), z, -abs(y))
    assert min(seen) >= 0


def test_first_use_is_checked_once():
    calls = []

    def mine(y, z):
        calls.append(len(y))
        return (z - y) ** 2, z - y

    y, z, _ = data(20)
    loss = losses.from_function(mine)
    assert not calls
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"CustomLoss\(mine\) is not as declared. gradient: .* a factor of 0.5 every"
        ):
            loss.value(y, z)
    calls.clear()
    unchecked = losses.from_function(mine, check=False)
    np.testing.assert_allclose(unchecked.gradient(y, z, reduction="none"), z - y)
    assert calls == [20]
    good = losses.from_function(pseudo_huber)
    good.value(y, z)
    assert "_evaluate" not in vars(good)
    # the objective is a first use, too
    with pytest.raises(ValueError, match="a factor of 0.5"):
        LinearObjective(np.ones((20, 1)), y, losses.from_function(mine)).value(np.zeros(2))


def test_identity():
    loss = losses.from_function(pseudo_huber, convex=True)
    same = losses.CustomLoss(**loss.get_params())
    assert loss == same and hash(loss) == hash(same) and loss != losses.from_function(pseudo_huber)
    assert repr(loss) == "CustomLoss(pseudo_huber, convex=True)"
    assert losses.get(loss) is loss and copy.deepcopy(loss) is loss
    y, z, _ = data(10)
    again = pickle.loads(pickle.dumps(loss))
    assert again == loss and again.value(y, z) == loss.value(y, z)
    partial = losses.from_function(functools.partial(pseudo_huber, delta=0.5), name="half", convex=True)
    assert repr(partial) == "CustomLoss(half, convex=True)"
    assert pickle.loads(pickle.dumps(partial)).value(y, z) == pytest.approx(
        losses.PseudoHuber(0.5).value(y, z), rel=1e-13
    )
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(losses.from_function(lambda y, z: (z, z)))
    with pytest.raises(AttributeError, match="immutable"):
        loss.name = "other"
    sklearn = pytest.importorskip("sklearn.base")
    assert sklearn.clone(loss) == loss


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"domain": "reals"}, ValueError, "domain must be one of 'finite', 'unit'"),
        ({"link": "power"}, ValueError, "link must be one of"),
        ({"convex": 1}, TypeError, "convex must be True or False"),
        ({"kinks": [0.0]}, TypeError, "kinks must be a function"),
        ({"block_size": 0}, ValueError, "block_size"),
        ({"raw_low": "0"}, TypeError, "raw_low"),
        ({"hessian": 1}, TypeError, "hessian must be"),
        ({"name": ""}, TypeError, "name must be a str"),
        ({"function": 3}, TypeError, "function must be a callable"),
    ],
)
def test_arguments(options, error, text):
    with pytest.raises(error, match=text):
        losses.CustomLoss(**{"function": pseudo_huber, **options})


def test_sums_with_built_in_losses():
    y, z, w = data(200)
    exact = 2 * losses.from_function(pseudo_huber, convex=True) + losses.LogCosh()
    rough = losses.LogCosh() + 2 * losses.from_function(pseudo_huber_gradient, convex=True)
    ours = 2 * losses.PseudoHuber() + losses.LogCosh()
    assert (exact.hessian_kind, rough.hessian_kind) == ("exact", "difference")
    assert exact.is_convex and repr(exact) == "2.0 * CustomLoss(pseudo_huber, convex=True) + LogCosh()"
    assert 2 * exact == 4 * losses.from_function(pseudo_huber, convex=True) + 2 * losses.LogCosh()
    assert pickle.loads(pickle.dumps(exact)) == exact
    for mine, rtol in ((exact, 1e-12), (rough, 1e-6)):
        for got, expected in zip(mine.value_gradient(y, z, w), ours.value_gradient(y, z, w)):
            np.testing.assert_allclose(got, expected, rtol=1e-12)
        for got, expected in zip(mine.gradient_hessian(y, z, w), ours.gradient_hessian(y, z, w)):
            np.testing.assert_allclose(got, expected, rtol=rtol, atol=1e-9)
    X = np.random.default_rng(1).normal(size=(200, 3))
    params = np.ones(4)
    got = LinearObjective(X, y, exact, 0.1).value_gradient(params)
    for one, other in zip(got, LinearObjective(X, y, ours, 0.1).value_gradient(params)):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    with pytest.raises(TypeError, match="is added and multiplied by"):
        losses.Combination([(1.0, losses.from_function(pseudo_huber))])
    with pytest.raises(ValueError, match="wrong|gradient"):
        (losses.Huber() + losses.from_function(lambda y, z: (0.5 * (z - y) ** 2, y - z))).value(y, z)


def test_best_constants():
    y, _, w = data(50)
    mine = losses.from_function(pseudo_huber, convex=True)
    assert mine.fit_intercept_only(y, w) == pytest.approx(losses.PseudoHuber().fit_intercept_only(y, w), abs=1e-7)
    far = losses.from_function(pseudo_huber, convex=True).fit_intercept_only(y + 1e5, w)
    assert far == pytest.approx(1e5 + losses.PseudoHuber().fit_intercept_only(y, w), abs=1e-6)
    log = losses.from_function(logistic, **LOGISTIC)
    assert log.fit_intercept_only([0.0, 1, 1, 1]) == pytest.approx(np.log(3), rel=1e-7)
    assert log.fit_intercept_only([1.0, 1.0]) >= 30
    cauchy = losses.from_function(lambda y, z: (np.log1p((z - y) ** 2) / 2, (z - y) / (1 + (z - y) ** 2)))
    assert cauchy.fit_intercept_only(y, w) == pytest.approx(losses.Cauchy().fit_intercept_only(y, w), abs=1e-4)


def test_calls_come_from_the_calling_thread():
    seen = set()

    def mine(y, z):
        seen.add(threading.get_ident())
        return pseudo_huber(y, z)

    y, z, _ = data(100_000)
    losses.from_function(mine).value_gradient(y, z, n_threads=2)
    assert seen == {threading.get_ident()}


# check_loss.


def test_all_losses_pass():
    for cls in losses.LOSSES.values():
        report = losses.check_loss(cls())
        assert report.ok and report.passed, str(report)
        assert "no finding" in str(report) and "ok" in repr(report)


class WrongHuber(losses.Huber):
    """A Loss that is spoiled in one way, as a mistake in a kernel would."""

    spoil = staticmethod(lambda what, result: result)

    def _evaluate(self, what, *args, **options):
        return self.spoil(what, super()._evaluate(what, *args, **options))


def spoiled(**attributes):
    return type("WrongHuber", (WrongHuber,), {"__init__": losses.Huber.__init__, **attributes})()


SPOILED = {
    "gradient": [
        spoiled(spoil=staticmethod(lambda what, r: -r if what == 2 else r)),
        losses.from_function(lambda y, z: (0.5 * (z - y) ** 2, y - z)),
        losses.from_function(lambda y, z: (0.5 * (z - y) ** 2, 2 * (z - y))),
        losses.from_function(lambda y, z: (0.5 * (z - y) ** 2, (z - y) * 1.001)),
    ],
    "hessian": [
        losses.from_function(lambda y, z: (0.5 * (z - y) ** 2, z - y, -np.ones_like(z))),
        losses.from_function(lambda y, z: (0.5 * (z - y) ** 2, z - y, 2 * np.ones_like(z))),
        spoiled(constant_hessian=1.0),
    ],
    "output": [
        losses.from_function(lambda y, z: (z, z[:-1])),
        losses.from_function(lambda y, z: (z.astype(float), z.astype(float))),
        spoiled(spoil=staticmethod(lambda what, r: r[:, None] if what == 2 else r)),
        spoiled(spoil=staticmethod(lambda what, r: r.astype(float) if what == 2 else r)),
    ],
    "finite": [
        losses.from_function(lambda y, z: (np.exp(z) - np.log(y) * z, np.exp(z) - np.log(y))),
        losses.from_function(lambda y, z: (z * z, np.where(z > 0, np.nan, 2 * z))),
    ],
    "convex": [
        losses.from_function(lambda y, z: (np.log1p((z - y) ** 2) / 2, (z - y) / (1 + (z - y) ** 2)), convex=True),
        losses.from_function(lambda y, z: (-z * z, -2 * z), convex=True),
    ],
    "smooth": [losses.from_function(lambda y, z: (abs(z - y), np.sign(z - y)))],
    "domain": [
        losses.from_function(lambda y, z: (z * np.sqrt(50 - y), np.sqrt(50 - y)), domain="nonnegative"),
        spoiled(domain="unit"),
    ],
    "repeatable": [losses.from_function(lambda y, z: ((z - z.mean()) ** 2, 2 * (z - z.mean())))],
    "reductions": [
        spoiled(spoil=staticmethod(lambda what, r: (r[0], 2 * r[1]) if what == 3 and isinstance(r[0], float) else r)),
    ],
}


def test_spoiled_losses_are_caught():
    for name, wrong in SPOILED.items():
        for loss in wrong:
            report = losses.check_loss(loss)
            assert name in report.findings, f"{name}: {report}"
            assert not report.ok and f"  {name}: " in str(report)
            with pytest.raises((ValueError, TypeError)):
                report.raise_()


def test_check_says_what_is_wrong():
    report = losses.check_loss(losses.from_function(lambda y, z: (0.5 * (z - y) ** 2, y - z)))
    assert "the sign is wrong" in report.findings["gradient"]
    kinked = dict(smooth=False, convex=True, kinks=lambda y: [y])
    assert losses.check_loss(losses.from_function(lambda y, z: (abs(z - y), np.sign(z - y)), **kinked)).ok
    y, z = np.array([0.5, -1.0]), np.array([0.25, 3.0])
    assert losses.check_loss(losses.from_function(pseudo_huber), y_true=y, raw_prediction=z).ok
    with pytest.raises(ValueError, match="both"):
        losses.check_loss(losses.Huber(), y_true=y)
    with pytest.raises(TypeError, match="loss must be a Loss"):
        losses.check_loss("huber")


# Function pointers.

C_SOURCE = """
#include "fastopt.h"
#include <math.h>

double mine_f64(double y, double z, double *gradient, double *hessian, void *user_data)
{
    fo_point_f64 o = fo_huber_f64(y, z, user_data);
    *gradient = o.gradient;
    *hessian = o.hessian;
    return o.value;
}

float mine_f32(float y, float z, float *gradient, float *hessian, void *user_data)
{
    float delta = (float) *(double *) user_data;
    fo_point_f32 o = fo_huber_f32(y, z, &delta);
    *gradient = o.gradient;
    *hessian = o.hessian;
    return o.value;
}

double smooth_f64(double y, double z, double *gradient, double *hessian, void *user_data)
{
    double r = z - y, q = sqrt(1 + r * r);
    (void) hessian, (void) user_data;
    *gradient = r / q;
    return r * r / (1 + q);
}

double forgets_f64(double y, double z, double *gradient, double *hessian, void *user_data)
{
    (void) gradient, (void) hessian, (void) user_data;
    return z - y;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no gcc or clang")
    folder = tmp_path_factory.mktemp("c")
    (folder / "mine.c").write_text(C_SOURCE)
    command = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fopenmp-simd", "-shared", "-fPIC"]
    command += ["-I", fastopt.get_include(), str(folder / "mine.c"), "-o", str(folder / "mine.so"), "-lm"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return ctypes.CDLL(str(folder / "mine.so"))


def pointer(library, name, real=ctypes.c_double):
    function = library[name]
    function.restype = real
    function.argtypes = [real, real, ctypes.POINTER(real), ctypes.POINTER(real), ctypes.c_void_p]
    return function


HUBER = dict(convex=True, kinks=lambda y: [y - 0.7, y + 0.7])


def compare_with_huber(loss, dtype=np.float64, delta=0.7):
    """Methods, threads and passes of a loss that is Huber's."""
    ours = losses.Huber(delta)
    rtol = 1e-12 if dtype is np.float64 else 1e-5
    for n in (1, 37, 20_000):
        y, z, w = data(n, dtype)
        for method in ("value", "gradient", "value_gradient", "gradient_hessian"):
            for reduction in ("mean", "none"):
                found, exact = (getattr(a, method)(y, z, w, reduction=reduction) for a in (loss, ours))
                for a, b in zip(*((x if isinstance(x, tuple) else (x,)) for x in (found, exact))):
                    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())
    np.testing.assert_array_equal(*(loss.gradient(y, z, n_threads=k) for k in (1, 2)))
    assert loss.value(y, z, n_threads=1) == loss.value(y, z, n_threads=2)
    X = np.random.default_rng(3).normal(size=(500, 3)).astype(dtype)
    mine, other = (LinearObjective(X, X.sum(axis=1) + y[:500], a, 0.01) for a in (loss, ours))
    x = np.linspace(-1, 1, 4)
    for found, exact in zip(mine.value_gradient(x), other.value_gradient(x)):
        np.testing.assert_allclose(found, exact, rtol=100 * rtol, atol=100 * rtol)
    np.testing.assert_allclose(mine.hessian_matrix(x), other.hessian_matrix(x), rtol=100 * rtol, atol=100 * rtol)
    fits = [fit_problem(a, tol=1e-5, monitor=Monitor()) for a in (mine, other)]
    assert fits[0].certificate.objective == pytest.approx(fits[1].certificate.objective, rel=1e-6)
    before = mine.n_passes
    mine.value_gradient(x)
    assert mine.n_passes == before + 1  # one read of X, as a built-in loss


def test_ctypes_pointer(library, isa):
    delta = ctypes.c_double(0.7)
    f64, f32 = pointer(library, "mine_f64"), pointer(library, "mine_f32", ctypes.c_float)
    compare_with_huber(losses.from_pointer(f64, user_data=delta, **HUBER))
    compare_with_huber(losses.from_pointer(f64, user_data=delta, **HUBER), np.float32)
    compare_with_huber(losses.from_pointer(f64, single=f32, user_data=delta, **HUBER), np.float32)


@each_dtype
def test_pointer_without_hessian(library, dtype):
    loss = losses.from_pointer(pointer(library, "smooth_f64"), hessian=False, convex=True)
    assert loss.hessian_kind == "difference"
    y, z, _ = data(300, dtype)
    found, exact = loss.gradient_hessian(y, z)[1], losses.PseudoHuber().gradient_hessian(y, z)[1]
    np.testing.assert_allclose(found, exact, atol=1e-9 if dtype is np.float64 else 1e-7)
    assert losses.check_loss(loss).ok
    wrong = losses.from_pointer(pointer(library, "smooth_f64"))
    with pytest.raises(ValueError, match="finite: the Hessian is nan"):  # it stores none
        wrong.value(y, z)
    with pytest.raises(ValueError, match="finite: the gradient is nan"):
        losses.from_pointer(pointer(library, "forgets_f64")).value(y, z)
    with pytest.raises(ValueError, match="y_true of the loss 'smooth_f64' must be finite"):
        loss.value(y * np.nan, z)


def test_low_level_callable_and_capsule(library):
    scipy = pytest.importorskip("scipy")
    delta = ctypes.c_double(0.7)
    f64 = pointer(library, "mine_f64")
    callable_ = scipy.LowLevelCallable(f64, ctypes.cast(ctypes.pointer(delta), ctypes.c_void_p))
    loss = losses.from_pointer(callable_, **HUBER)
    compare_with_huber(loss)
    with pytest.raises(ValueError, match="user data of its own"):
        losses.from_pointer(callable_, user_data=delta)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    address = ctypes.cast(f64, ctypes.c_void_p).value
    name = b"double (double, double, double *, double *, void *)"
    y, z, _ = data(40)
    capsule = losses.from_pointer(new(address, name, None), user_data=delta, **HUBER)
    assert capsule.value(y, z) == loss.value(y, z)
    with pytest.raises(TypeError, match=r"signature double \(double, .*, got double \(double\)"):
        losses.from_pointer(new(address, b"double (double)", None))


def test_numba_cfunc():
    numba = pytest.importorskip("numba")
    types = numba.types
    real = types.CPointer(types.double)

    @numba.cfunc(types.double(types.double, types.double, real, real, types.voidptr))
    def huber(y, z, gradient, hessian, user_data):
        r = z - y
        c = min(max(r, -0.7), 0.7)
        gradient[0] = c
        hessian[0] = 1.0 if abs(r) <= 0.7 else 0.0
        return c * (r - 0.5 * c)

    compare_with_huber(losses.from_pointer(huber, **HUBER))
    assert repr(losses.from_pointer(huber)) == "PointerLoss(huber)"


def test_pointer_identity(library):
    delta = ctypes.c_double(0.7)
    f64 = pointer(library, "mine_f64")
    loss = losses.from_pointer(f64, user_data=delta, convex=True)
    assert loss == losses.from_pointer(f64, user_data=delta, convex=True) != losses.from_pointer(f64, user_data=delta)
    assert loss != losses.from_pointer(f64, user_data=ctypes.c_double(0.7), convex=True)
    assert len({loss, losses.from_pointer(f64, user_data=delta, convex=True)}) == 1
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(loss)


def test_wrong_pointers_are_refused(library):
    wrong = pointer(library, "mine_f64")
    with pytest.raises(TypeError, match=r"got float \(float, float, float \*, float \*, void \*\)"):
        losses.from_pointer(pointer(library, "mine_f32", ctypes.c_float))
    with pytest.raises(TypeError, match="single must have the signature float"):
        losses.from_pointer(wrong, single=wrong)
    for other in (print, 12345, None):
        with pytest.raises(TypeError, match="function must be a PyCapsule, a scipy.LowLevelCallable"):
            losses.from_pointer(other)
    real = ctypes.POINTER(ctypes.c_double)
    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double, real, real, ctypes.c_void_p)
    with pytest.raises(TypeError, match="wraps a Python function; losses.from_function takes it"):
        losses.from_pointer(kind(lambda y, z, g, h, d: 0.0))
    with pytest.raises(TypeError, match="user_data must be a ctypes"):
        losses.from_pointer(wrong, user_data=[0.7])


# Cython.

CYTHON = """
# cython: language_level=3
from fastopt.formulas cimport huber_f64, point_f64
from fastopt.loss cimport capsule_f32, capsule_f64

cdef double mine(double y, double z, double* gradient, double* hessian, void* user_data) noexcept nogil:
    cdef point_f64 o = huber_f64(y, z, <double*> user_data)
    gradient[0] = o.gradient
    hessian[0] = o.hessian
    return o.value

cdef float half_square(float y, float z, float* gradient, float* hessian, void* user_data) noexcept nogil:
    gradient[0] = z - y
    hessian[0] = 1
    return (z - y) * (z - y) / 2

cdef double delta = 0.7

def loss():
    return capsule_f64(mine, &delta)

def single():
    return capsule_f32(half_square, NULL)

cdef api double exported(double y, double z, double* gradient, double* hessian, void* user_data) noexcept nogil:
    return mine(y, z, gradient, hessian, &delta)
"""

BUILD = """
import sys
import fastopt
from Cython.Build import cythonize
from setuptools import Extension, setup
sys.argv = ["setup.py", "-q", "build_ext", "--inplace"]
extension = Extension("own_loss", ["own_loss.pyx"], include_dirs=[fastopt.get_include()])
setup(name="own_loss", ext_modules=cythonize([extension], quiet=True))
"""


def test_cython_loss(run_python, tmp_path):
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    (tmp_path / "own_loss.pyx").write_text(CYTHON)
    built = run_python(BUILD, timeout=300, env={"CFLAGS": "-O0"})
    assert built.returncode == 0, built.stdout + built.stderr
    sys.path.insert(0, str(tmp_path))
    try:
        own = importlib.import_module("own_loss")
    finally:
        sys.path.remove(str(tmp_path))
    loss = losses.from_pointer(own.loss(), **HUBER)
    compare_with_huber(loss)
    y, z, _ = data(50)
    exported = losses.from_pointer(own.__pyx_capi__["exported"], **HUBER)
    assert exported.value(y, z) == loss.value(y, z)
    both = losses.from_pointer(own.loss(), single=own.single(), check=False)
    y, z = y.astype("f4"), z.astype("f4")
    assert both.value(y, z) == pytest.approx(losses.HalfSquaredError().value(y, z), rel=1e-6)
