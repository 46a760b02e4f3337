"""The root mean squared error, which couples all samples."""

import numpy as np
import pytest
from pointwise import ROOT, each_dtype

from fastopt.reference import losses as reference


@each_dtype
@pytest.mark.parametrize("size", [1.0, 1e-30, 1e30, 1e-170, 1e-300, 1e300])
def test_root_mean_squared_error(size, dtype):
    with np.errstate(over="ignore"):
        size = float(dtype(size))
    if not 0 < size < np.inf:
        pytest.skip("not a number of this type")
    rng = np.random.default_rng(10)
    y, z = (size * rng.uniform(0.1, 1.0, 50)).astype(dtype), (-size * rng.uniform(0.1, 1.0, 50)).astype(dtype)
    w = rng.uniform(0.5, 2.0, 50).astype(dtype)
    exact = float(reference.root_mean_squared_error(y.tolist(), z.tolist(), w.tolist()))
    rtol = 1e-13 if dtype is np.float64 else 1e-6
    value, gradient = ROOT.value_gradient(y, z, w)
    assert value == pytest.approx(exact, rel=rtol)
    relative = (z.astype(float) - y.astype(float)) / exact
    np.testing.assert_allclose(gradient, w / w.sum(dtype=float) * relative, rtol=10 * rtol)
    assert ROOT.value(y, z, w, reduction="sum") == pytest.approx(exact * np.sqrt(w.sum(dtype=float)), rel=rtol)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_root_mean_squared_error_derivatives(reduction):
    rng = np.random.default_rng(11)
    y, z, d = rng.normal(size=(3, 12))
    w = rng.uniform(0.5, 2.0, 12)
    h = 1e-4

    def derivative(f):
        return (f(z - 2 * h * d) - 8 * f(z - h * d) + 8 * f(z + h * d) - f(z + 2 * h * d)) / (12 * h)

    gradient = ROOT.gradient(y, z, w, reduction=reduction)
    assert gradient @ d == pytest.approx(derivative(lambda u: ROOT.value(y, u, w, reduction=reduction)), rel=1e-9)
    product = ROOT.hessp(y, z, d, w, reduction=reduction)
    exact = derivative(lambda u: ROOT.gradient(y, u, w, reduction=reduction))
    np.testing.assert_allclose(product, exact, rtol=1e-7, atol=1e-9)
    # The same through the scaled path.
    scaled = ROOT.hessp(y * 1e-160, z * 1e-160, d * 1e-160, w, reduction=reduction)
    np.testing.assert_allclose(scaled, product, rtol=1e-12, atol=1e-15)


def test_root_mean_squared_error_of_a_perfect_fit():
    y = np.arange(5.0)
    value, gradient = ROOT.value_gradient(y, y)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, 0.0)
    np.testing.assert_array_equal(ROOT.hessp(y, y, np.ones(5)), 0.0)
    assert np.isnan(ROOT.value(y, np.array([0, 1, np.nan, 3, 4])))
    assert ROOT.value(y, np.array([0, 1, np.inf, 3, 4])) == np.inf
