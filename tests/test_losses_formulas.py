"""The formulas of the pointwise losses: mpmath, differences, limits; at every level, in both element types."""

import functools

import numpy as np
import pytest
from pointwise import DTYPES, INSTANCES, data, each_dtype, each_loss, size_of_terms

from fastopt import losses
from fastopt.reference import losses as reference

TARGETS = {
    "finite": [0.0, 1.0, -2.5, 1e10],
    "unit": [0.0, 1.0, 0.25, 0.5, 1e-9],
    "sign": [-1.0, 1.0],
    "nonnegative": [0.0, 1.0, 3.0, 1e6],
    "positive": [1e-9, 1.0, 3.0, 1e6],
    "above -1": [-0.5, 0.0, 1.0, 1e6],
    "binary": [0.0, 1.0],
}
MAGNITUDES = [0.0, 1e-300, 1e-38, 1e-9, 0.5, 1.0, 3.0, 17.0, 36.5, 37.5, 87.0, 89.0, 104.0, 700.0, 709.5, 746.0, 1e4]
MAGNITUDES += [1e8, 1e19, 1e38, 1e150, 1e300]


def grid(loss, dtype):
    """Targets against raw predictions from 0 to the largest magnitudes, and ordinary samples."""
    if loss.name == "binary_cross_entropy_from_probabilities":
        raw = [0.0, 1e-300, 1e-45, 1e-38, 1e-20, 1e-5, 0.3, 0.5, 0.9, 1 - 2.0**-20, 1.0]
    else:
        raw = [m for m in MAGNITUDES if m <= float(np.finfo(dtype).max)]
        raw = [m for m in [*raw, *(-m for m in raw)] if dtype(m) > loss.raw_low]
    raw = np.array(raw, dtype=dtype)
    y, z = np.meshgrid(np.array(TARGETS[loss.domain]), raw)
    more = data(loss, 40, dtype)
    return np.concatenate([y.ravel().astype(dtype), more[0]]), np.concatenate([z.ravel().astype(dtype), more[1]])


evaluate = functools.cache(lambda name, output, y, z, params: reference.evaluate(name, output, y, z, **dict(params)))


@each_dtype
@each_loss
def test_against_mpmath(loss, dtype, isa):
    y, z = grid(loss, dtype)
    gradient, hessian = loss.gradient_hessian(y, z, reduction="none")
    found = [("value", loss.value(y, z, reduction="none")), ("gradient", gradient), ("hessian", hessian)]
    found += zip(("value", "gradient"), loss.value_gradient(y, z, reduction="none"))
    info = np.finfo(dtype)
    params = {k: float(dtype(v)) if isinstance(v, float) else v for k, v in loss.get_params().items()}
    # Where z - y rounds onto a kink, either side is right.
    rounded = np.zeros(y.shape, bool)
    for kink in loss.kinks(y):
        rounded |= (z != kink) & (abs(z - kink) <= 4 * info.eps * (1 + abs(y) + abs(z)))
    for output, array in found:
        assert array.dtype == dtype
        array = np.where(rounded & (output == "hessian"), np.nan, array)
        for yi, zi, got in zip(y.tolist(), z.tolist(), array.tolist()):
            if np.isnan(got) and output == "hessian":
                continue
            exact = evaluate(loss.name, output, yi, zi, tuple(params.items()))
            where = f"{output} at y={yi!r}, z={zi!r}: {got!r}, exact {float(exact)!r}"
            if abs(exact) > float(info.max):
                assert np.isinf(got) and np.sign(got) == np.sign(float(exact)), where
            else:
                terms = size_of_terms(loss, output, yi, zi, exact)
                assert np.isfinite(got), where
                assert abs(float(got - exact)) <= 8 * float(info.eps) * terms + float(info.tiny), where


@each_dtype
@pytest.mark.parametrize("name", reference.VALUE_GRADIENT)
def test_numpy_reference(name, dtype):
    loss = losses.get(name)
    y, z = data(loss, 1000, dtype)
    value, gradient = reference.VALUE_GRADIENT[name](y, z)
    found = loss.value_gradient(y, z)
    tolerance = 100 * float(np.finfo(dtype).eps)
    assert found[0] == pytest.approx(value, rel=tolerance)
    np.testing.assert_allclose(found[1], gradient, rtol=tolerance, atol=tolerance * abs(gradient).max())


@each_loss
def test_gradient_and_hessian_are_derivatives(loss, isa):
    y, z = data(loss, 400)
    h = 1e-4
    smooth = np.ones(y.shape, bool)
    for kink in loss.kinks(y):
        smooth &= abs(z - kink) > 3 * h
    assert smooth.sum() > 300

    def derivative(f):
        return (f(z - 2 * h) - 8 * f(z - h) + 8 * f(z + h) - f(z + 2 * h)) / (12 * h)

    gradient, hessian = loss.gradient_hessian(y, z, reduction="none")
    slope = derivative(lambda u: loss.value(y, u, reduction="none"))
    curve = derivative(lambda u: loss.gradient(y, u, reduction="none"))
    np.testing.assert_allclose(gradient[smooth], slope[smooth], rtol=1e-7, atol=1e-8)
    if loss.hessian_kind == "exact":
        np.testing.assert_allclose(hessian[smooth], curve[smooth], rtol=1e-7, atol=1e-8)


@each_loss
def test_kinks_are_where_derivatives_jump(loss):
    y, _ = data(loss, 20)
    if loss.hessian_kind == "bound":  # the kinks are those of the loss
        loss = type(loss)(**{**loss.get_params(), "hessian": "exact"})
    for kink in loss.kinks(y):
        before = loss.gradient_hessian(y, kink - 1e-6, reduction="none")
        after = loss.gradient_hessian(y, kink + 1e-6, reduction="none")
        jumps = np.maximum(abs(after[0] - before[0]), abs(after[1] - before[1]))
        assert (jumps > 0.01).all()


LIMITS = [  # loss, target, value at -inf, value at +inf
    (losses.SquaredError(), 1.0, np.inf, np.inf),
    (losses.HalfSquaredError(), 1.0, np.inf, np.inf),
    (losses.AbsoluteError(), 1.0, np.inf, np.inf),
    (losses.Huber(), 1.0, np.inf, np.inf),
    (losses.Quantile(quantile=0.2), 1.0, np.inf, np.inf),
    (losses.Poisson(), 2.0, np.inf, None),
    (losses.Logistic(), 0.5, np.inf, np.inf),
    (losses.Hinge(), 1.0, np.inf, 0.0),
    (losses.Hinge(), -1.0, 0.0, np.inf),
    (losses.SquaredHinge(), 1.0, np.inf, 0.0),
    (losses.SmoothL1(), 1.0, np.inf, np.inf),
    (losses.PseudoHuber(), 1.0, np.inf, np.inf),
    (losses.LogCosh(), 1.0, np.inf, np.inf),
    (losses.SmoothedQuantile(), 1.0, np.inf, np.inf),
    (losses.Expectile(), 1.0, np.inf, np.inf),
    (losses.EpsilonInsensitive(), 1.0, np.inf, np.inf),
    (losses.Cauchy(), 1.0, np.inf, np.inf),
    (losses.TukeyBiweight(c=3.0), 1.0, 1.5, 1.5),
    (losses.Welsch(c=2.0), 1.0, 2.0, 2.0),
    (losses.MeanSquaredLogarithmicError(), 1.0, np.inf, np.inf),
    (losses.MeanAbsolutePercentageError(), 1.0, np.inf, np.inf),
    (losses.PoissonIdentity(), 1.0, np.inf, None),
    (losses.Gamma(), 1.0, None, np.inf),
    (losses.Tweedie(), 1.0, np.inf, np.inf),
    (losses.TweedieIdentity(), 1.0, np.inf, None),
    (losses.Logistic(pos_weight=2.0), 0.5, np.inf, np.inf),
    (losses.ComplementaryLogLog(), 1.0, np.inf, 0.0),
    (losses.ComplementaryLogLog(), 0.0, None, np.inf),
    (losses.Probit(), 1.0, np.inf, 0.0),
    (losses.SmoothedHinge(), 1.0, np.inf, 0.0),
    (losses.ModifiedHuber(), 1.0, np.inf, 0.0),
    (losses.Perceptron(), 1.0, np.inf, 0.0),
    (losses.Exponential(), 1.0, np.inf, 0.0),
    (losses.BinarySparsemax(), 1.0, np.inf, 0.0),
    (losses.BinaryFocal(), 1.0, np.inf, 0.0),
    (losses.GeneralizedCrossEntropy(q=0.5), 1.0, 2.0, 0.0),
]


@pytest.mark.parametrize("loss", [loss for loss in INSTANCES if loss.raw_low > -np.inf], ids=repr)
def test_outside_the_domain_of_raw_predictions(loss, isa):
    """The value is infinite, so that line searches turn back, and there is no gradient."""
    for dtype in DTYPES:
        y = np.ones(19, dtype)
        for below in (1e-3, 1.0, 1e30):
            raw = np.full(19, loss.raw_low - below, dtype)
            np.testing.assert_array_equal(loss.value(y, raw, reduction="none"), np.inf)
            gradient, hessian = loss.gradient_hessian(y, raw, reduction="none")
            assert np.isnan(gradient).all()


@pytest.mark.parametrize(("loss", "y", "low", "high"), LIMITS)
def test_infinite_raw_predictions(loss, y, low, high, isa):
    for dtype in DTYPES:
        for raw, limit in ((-np.inf, low), (np.inf, high)):
            if limit is not None:
                value = loss.value(np.full(19, y, dtype), np.full(19, raw, dtype), reduction="none")
                np.testing.assert_allclose(value, limit, rtol=4 * np.finfo(dtype).eps)


def test_predict_is_the_inverse_link():
    z = np.array([-800.0, -1.0, 0.0, 2.0, 800.0])
    np.testing.assert_array_equal(losses.Huber().predict(z), z)
    np.testing.assert_allclose(losses.Poisson().predict(z[:4]), np.exp(z[:4]))
    np.testing.assert_allclose(losses.Logistic().predict(z), [0, 1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-2)), 1])
    assert losses.Logistic().predict(z.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(losses.ComplementaryLogLog().predict(z[:4]), [0, 1 - np.exp(-np.exp(-1)), 1 - 1 / np.e, 1],
                               atol=1e-3)  # fmt: skip
    np.testing.assert_allclose(losses.Probit().predict(z), [0, 0.15865525393145707, 0.5, 0.9772498680518208, 1])
