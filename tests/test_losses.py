"""The pointwise losses against their definitions, at every level, in both element types."""

import copy
import ctypes
import functools
import pickle
from itertools import product

import numpy as np
import pytest
from scipy.special import log_ndtr

from fastopt import _kernels, losses
from fastopt.losses._base import ALIASES
from fastopt.losses._pointwise import PARAMETERS, PointwiseLoss
from fastopt.reference import losses as reference

POINTWISE = [cls for cls in losses.LOSSES.values() if issubclass(cls, PointwiseLoss)]
VARIED = {
    "absolute_error": [{"hessian": "bound"}],
    "huber": [{"delta": 0.3}, {"delta": 2.5, "hessian": "bound"}],
    "quantile": [{"quantile": 0.1}, {"quantile": 0.85, "hessian": "bound"}],
    "smooth_l1": [{"beta": 0.3}],
    "pseudo_huber": [{"delta": 0.3}, {"delta": 20.0}],
    "smoothed_quantile": [{"quantile": 0.1, "delta": 0.5}, {"quantile": 0.85, "delta": 2.0}],
    "expectile": [{"expectile": 0.1}, {"expectile": 0.85}],
    "epsilon_insensitive": [{"epsilon": 0.0}, {"epsilon": 0.75}],
    "squared_epsilon_insensitive": [{"epsilon": 0.0}, {"epsilon": 0.75}],
    "fair": [{"c": 0.3}, {"c": 20.0}],
    "cauchy": [{"delta": 0.3}, {"delta": 20.0}],
    "tukey_biweight": [{"c": 3.0}],
    "welsch": [{"c": 1.5}],
    "mean_absolute_percentage_error": [{"epsilon": 1.0}],
    "poisson_identity": [{"epsilon": 0.25}],
    "gamma": [{"hessian": "fisher"}],
    "inverse_gaussian": [{"hessian": "fisher"}],
    "tweedie": [
        *({"power": p} for p in (-1.0, 0.0, 1.0, 1.25, 2.0, 2.5, 3.0)),
        *({"power": p, "hessian": "fisher"} for p in (-1.0, 1.25, 2.0)),
    ],
    "tweedie_identity": [{"power": p} for p in (-1.0, 0.0, 1.0, 1.25, 2.0, 2.5, 3.0)],
    "negative_binomial": [{"theta": 0.25}, {"theta": 3.0}, {"theta": 0.5, "hessian": "fisher"}],
    "logistic": [{"pos_weight": 3.0}, {"pos_weight": 0.25, "label_smoothing": 0.125}],
    "smoothed_hinge": [{"gamma": 0.25}, {"gamma": 3.0}],
    "binary_focal": [{"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 3.0, "alpha": 0.25}],
    "generalized_cross_entropy": [{"q": 0.125}, {"q": 1.0}],
}
INSTANCES = [cls() for cls in POINTWISE] + [cls(**p) for cls in POINTWISE for p in VARIED.get(cls.name, [])]
ROOT = losses.RootMeanSquaredError()
DTYPES = (np.float64, np.float32)
TARGETS = {
    "finite": [0.0, 1.0, -2.5, 1e10],
    "unit": [0.0, 1.0, 0.25, 0.5, 1e-9],
    "sign": [-1.0, 1.0],
    "nonnegative": [0.0, 1.0, 3.0, 1e6],
    "positive": [1e-9, 1.0, 3.0, 1e6],
    "above -1": [-0.5, 0.0, 1.0, 1e6],
    "binary": [0.0, 1.0],
}
BAD_TARGETS = {
    "finite": [np.nan, np.inf, -np.inf],
    "unit": [np.nan, -0.5, 1.5, np.inf],
    "sign": [np.nan, 0.0, 2.0],
    "nonnegative": [np.nan, -1.0, np.inf],
    "positive": [np.nan, -1.0, 0.0, np.inf],
    "above -1": [np.nan, -1.0, -2.0, np.inf],
    "binary": [np.nan, 0.5, -1.0, 2.0, np.inf],
}
MAGNITUDES = [0.0, 1e-300, 1e-38, 1e-9, 0.5, 1.0, 3.0, 17.0, 36.5, 37.5, 87.0, 89.0, 104.0, 700.0, 709.5, 746.0, 1e4]
MAGNITUDES += [1e8, 1e19, 1e38, 1e150, 1e300]

ids = [repr(loss) for loss in INSTANCES]
each_loss = pytest.mark.parametrize("loss", INSTANCES, ids=ids)
each_loss_and_root = pytest.mark.parametrize("loss", [*INSTANCES, ROOT], ids=[*ids, "RootMeanSquaredError"])
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=["f64", "f32"])


@pytest.fixture
def level(isa):
    return isa


def data(loss, n, dtype=np.float64, seed=0):
    y, raw = loss.sample(np.random.default_rng(seed), n)
    return y.astype(dtype), raw.astype(dtype)


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


def _insensitive(loss, output, y, z):
    # |r| - epsilon, where r has been rounded
    r, t = abs(z - y), abs(z - y) - loss.epsilon
    return {"value": r, "gradient": 1.0, "hessian": 0.0}[output] if loss.name == "epsilon_insensitive" else \
        {"value": r * t, "gradient": 2 * r, "hessian": 2.0}[output]  # fmt: skip


def _welsch(loss, output, y, z):
    # e^-u has u times the relative error of u
    u = min(abs(z - y) / loss.c, 1e9) ** 2
    return (1 + 2 * u) ** 2 * np.exp(-u) * {"value": u, "gradient": abs(z - y), "hessian": 1}[output] if u < 700 else 0.0


def _tukey(loss, output, y, z):
    # 1 - a^2 and 1 - 5 a^2
    a = min(abs(z - y) / loss.c, 1.0)
    return {"value": 0.0, "gradient": 2 * abs(z - y) * (1 - a * a), "hessian": 6.0}[output]


def _cauchy(loss, output, y, z):
    u = min(abs(z - y) / loss.delta, 1e9) ** 2
    return 1 / (1 + u) if output == "hessian" else 0.0


def _logarithmic(loss, output, y, z):
    # 1 - D, and (z - y) / (1 + y) where 1 + z is small
    d = abs(np.log1p(z) - np.log1p(y))
    return 2 * (1 + d) / (1 + z) ** 2 if output == "hessian" else 0.0


def _parts(loss, output, y, z):
    """Sum of the sizes of the terms that value, gradient and Hessian are sums of."""
    with np.errstate(all="ignore"):
        if loss.name == "poisson_identity":
            mean = z + loss.epsilon
            parts = abs(z) + abs(y * np.log(mean)), 1 + y / mean, 0.0
        elif loss.name == "gamma":
            t = y * np.exp(-z / 2) * np.exp(-z / 2)
            parts = abs(z) + t, 1 + t, 0.0
        elif loss.name == "negative_binomial":
            h, a = loss.theta, y + 1 / loss.theta
            minor = np.exp(-abs(z + np.log(h)))
            parts = (abs(y * np.log(h)) + abs(y * z), 1 / h + a * minor, 0.0) if z + np.log(h) >= 0 else (
                abs(y * z) + a * minor, a * minor + y, 0.0)  # fmt: skip
        elif loss.name == "tweedie_identity" and loss.power == 0:
            parts = 0.0, 0.0, 0.0
        else:
            p = 3.0 if loss.name == "inverse_gaussian" else loss.power
            z = z if loss.link == "log" else np.log(z)
            a, b = np.exp((2 - p) * z / 2), np.exp((1 - p) * z / 2)
            a, b = a * a, abs(y) * b * b if y else 0.0
            parts = abs(a / (2 - p or 1)) + abs(b / (1 - p or 1)) + abs(z), a + b, abs((2 - p) * a) + abs((1 - p) * b)
            if loss.link == "identity":
                parts = parts[0], (a + b) / np.exp(z), (abs(1 - p) * a + abs(p) * b) / np.exp(z) / np.exp(z)
        size = float(parts[("value", "gradient", "hessian").index(output)])
    return size if np.isfinite(size) else 0.0


def _binary(loss, output, y, z):
    """Terms that cancel, and what the rounding of e^z costs e^-e^z."""
    if loss.name == "complementary_log_log":
        t = np.exp(min(z, 300.0))
        ratio = t / np.expm1(t) if 0 < t < 700 else float(t == 0)
        if output == "value":
            return y * (np.exp(-t) * t if t > 1 else 0.0)
        if ratio == 0:
            return 0.0
        return (1 - y) * t + y * (1 + t) ** 2 * ratio * (1 if output == "gradient" else min(t, 1))
    if loss.name == "probit":
        return abs((1 - y) * _hazard(z) if output == "gradient" else 0.0) + abs(y * _hazard(-z))
    u = (2 * y - 1) * z
    p, q, minus_log = 1 / (1 + np.exp(-max(u, -700))), 1 / (1 + np.exp(min(u, 700))), np.logaddexp(0, -u)
    if output != "hessian" or abs(u) > 700:
        return 0.0
    if loss.name == "binary_focal":
        g = loss.gamma
        return q**g * p * (g * minus_log * (q + g * p) + q * (2 * g + 1))
    return p**loss.q * q * (p + loss.q * q)


def _hazard(z):
    """phi(z) / Phi(-z)"""
    return np.exp(-0.5 * z * z - 0.9189385 - log_ndtr(-z)) if abs(z) < 1e8 else max(z, 0.0)


# Loss -> size of the terms of (loss, output, y, z) that may cancel.
TERMS = {
    "epsilon_insensitive": _insensitive,
    "squared_epsilon_insensitive": _insensitive,
    "welsch": _welsch,
    "tukey_biweight": _tukey,
    "cauchy": _cauchy,
    "mean_squared_logarithmic_error": _logarithmic,
    **dict.fromkeys(["complementary_log_log", "probit", "binary_focal", "generalized_cross_entropy"], _binary),
    **dict.fromkeys(
        ["poisson_identity", "gamma", "tweedie", "tweedie_identity", "inverse_gaussian", "negative_binomial"], _parts
    ),
}


def size_of_terms(loss, output, y, z, exact):
    """What rounding errors are relative to: the terms of the formula where they may cancel."""
    signed, y, z, exact = float(y), abs(float(y)), float(z), abs(float(exact))
    if loss.name == "poisson" and output != "hessian":
        mean = float(reference.evaluate("poisson", "hessian", y, z))
        return mean + (y * abs(z) if output == "value" else y)
    if loss.name == "logistic" and output == "gradient":
        minor = float(reference.evaluate("logistic", "gradient", 0.0, -abs(z)))
        keep, half = 1 - loss.label_smoothing, loss.label_smoothing / 2
        no, yes = keep * (1 - y) + half, loss.pos_weight * (keep * y + half)
        return (no if z >= 0 else yes) + (no + yes) * minor
    if loss.name == "binary_cross_entropy_from_probabilities" and output == "gradient":
        return exact + ((1 - y) / (1 - z) if z < 1 else 0) + (y / z if z > 1e-43 else 0)
    if loss.name in TERMS:
        terms = TERMS[loss.name]
        return max(exact, float(terms(loss, output, signed, z)) if exact or terms in (_parts, _binary) else 0.0)
    return exact


evaluate = functools.cache(lambda name, output, y, z, params: reference.evaluate(name, output, y, z, **dict(params)))


@each_dtype
@each_loss
def test_against_mpmath(loss, dtype, level):
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


@each_loss
def test_gradient_and_hessian_are_derivatives(loss, level):
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


@functools.cache
def sizes_of_values(loss, n, dtype):
    """size_of_terms of the values of `data`."""
    y, z = data(loss, n, dtype)
    value = loss.value(y, z, reduction="none").astype(float)
    if loss.name not in TERMS:
        return abs(value)
    return np.array([size_of_terms(loss, "value", *each) for each in zip(y.tolist(), z.tolist(), value.tolist())])


@each_dtype
@each_loss
def test_reductions(loss, dtype, level):
    for n in (1, 7, 100, 1023, 8192, 20001):
        for weighted in (False, True):
            check_reductions(loss, dtype, n, weighted)


def check_reductions(loss, dtype, n, weighted):
    y, z = data(loss, n, dtype)
    rng = np.random.default_rng(1)
    w = rng.uniform(0.1, 3.0, n).astype(dtype) if weighted else None
    d = rng.normal(size=n).astype(dtype)
    mass = np.ones(n) if w is None else w.astype(float)
    value1 = loss.value(y, z, reduction="none").astype(float)
    gradient1, hessian1 = (a.astype(float) for a in loss.gradient_hessian(y, z, reduction="none"))
    eps = np.finfo(dtype).eps
    for reduction in ("none", "sum", "mean"):
        scale = mass / mass.sum() if reduction == "mean" else mass
        value, gradient = loss.value_gradient(y, z, w, reduction=reduction)
        gradient2, hessian = loss.gradient_hessian(y, z, w, reduction=reduction)
        exact = np.array(reference.reduce(value1, mass, reduction))
        size = np.array(reference.reduce(sizes_of_values(loss, n, dtype), mass, reduction))
        assert (abs(value - exact) <= 4 * eps * size).all()
        np.testing.assert_allclose(gradient, scale * gradient1, rtol=8 * eps, atol=4 * eps * abs(gradient).max())
        np.testing.assert_allclose(hessian, scale * hessian1, rtol=8 * eps)
        # Loops for other outputs may round differently, by as much as the terms of a difference do.
        atol = 4 * eps * abs(gradient).max()
        np.testing.assert_allclose(gradient2, gradient, rtol=8 * eps, atol=atol)
        np.testing.assert_allclose(loss.gradient(y, z, w, reduction=reduction), gradient, rtol=8 * eps, atol=atol)
        assert (abs(loss.value(y, z, w, reduction=reduction) - exact) <= 4 * eps * size).all()
        product = loss.hessp(y, z, d, w, reduction=reduction)
        np.testing.assert_allclose(product, scale * hessian1 * d, rtol=8 * eps)
        assert isinstance(value, np.ndarray if reduction == "none" else float)


@each_loss
def test_sums_are_float64(loss):
    """A sum over many float32 losses loses no more than the losses themselves."""
    y, z = data(loss, 300_000, np.float32)
    exact = loss.value(y, z, reduction="none").astype(float).mean()
    assert loss.value(y, z) == pytest.approx(exact, rel=1e-7)


@each_loss_and_root
def test_weights_equal_repeats(loss, level):
    y, z = data(loss, 500)
    times = np.random.default_rng(2).integers(0, 4, 500)
    w = times.astype(float)
    for reduction in ("sum", "mean"):
        value, gradient = loss.value_gradient(y, z, w, reduction=reduction)
        long_value, long_gradient = loss.value_gradient(np.repeat(y, times), np.repeat(z, times), reduction=reduction)
        assert value == pytest.approx(long_value, rel=1e-13)
        summed = np.zeros(500)
        np.add.at(summed, np.repeat(np.arange(500), times), long_gradient)
        np.testing.assert_allclose(gradient, summed, rtol=1e-13, atol=1e-18)


@pytest.mark.parametrize("weighted", [False, True])
@each_dtype
@each_loss_and_root
def test_same_bits_for_any_number_of_threads(loss, dtype, weighted, level):
    n = 5 * 8192 + 17
    y, z = data(loss, n, dtype)
    w = np.random.default_rng(3).uniform(0.5, 2.0, n).astype(dtype) if weighted else None
    one = loss.value_gradient(y, z, w, n_threads=1)
    for n_threads in (2, 3, None):
        value, gradient = loss.value_gradient(y, z, w, n_threads=n_threads)
        assert value == one[0]
        np.testing.assert_array_equal(gradient, one[1])


@pytest.mark.slow
def test_more_elements_than_one_segment():
    n = 512 * 8192 + 1000
    y, z = data(losses.Huber(), n, np.float32)
    value, gradient = losses.Huber().value_gradient(y, z, n_threads=2, reduction="sum")
    assert value == losses.Huber().value(y, z, n_threads=1, reduction="sum")
    np.testing.assert_array_equal(gradient, np.clip(z - y, -1, 1))
    assert value == pytest.approx(losses.Huber().value(y, z, reduction="none").sum(dtype=float), rel=1e-7)


@each_dtype
@each_loss
def test_array_is_its_samples(loss, dtype, level):
    y, z = data(loss, 37, dtype)
    w = np.linspace(0.5, 2.0, 37).astype(dtype)

    def outputs(s):
        value, gradient = loss.value_gradient(y[s], z[s], w[s], reduction="none")
        return value, gradient, loss.gradient_hessian(y[s], z[s], w[s], reduction="none")[1]

    whole = outputs(slice(None))
    for i in range(37):
        for alone, together in zip(outputs(slice(i, i + 1)), whole):
            np.testing.assert_allclose(alone, together[i : i + 1], rtol=8 * np.finfo(dtype).eps)


@each_loss_and_root
def test_float32_is_near_float64(loss, level):
    y, z = data(loss, 1000, np.float32)
    w = np.random.default_rng(4).uniform(0.5, 2.0, 1000).astype(np.float32)
    value, gradient = loss.value_gradient(y, z, w)
    assert gradient.dtype == np.float32
    value64, gradient64 = loss.value_gradient(y.astype(float), z.astype(float), w.astype(float))
    assert value == pytest.approx(value64, rel=2e-6)
    np.testing.assert_allclose(gradient, gradient64, rtol=2e-5, atol=1e-6 * abs(gradient64).max())


def unaligned(array):
    memory = np.empty(array.nbytes + 1, np.uint8)
    other = memory[1:].view(array.dtype).reshape(array.shape)
    other[...] = array
    assert not other.flags.aligned
    return other


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "read-only": read_only,
    "unaligned": unaligned,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: a[..., ::-1].copy()[..., ::-1],
    "fortran": np.asfortranarray,
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
}


@each_dtype
@each_loss_and_root
def test_layouts(loss, dtype):
    y, z = data(loss, (9, 11), dtype)
    w = np.random.default_rng(5).uniform(0.5, 2.0, (9, 11)).astype(dtype)
    value, gradient = loss.value_gradient(y, z, w)
    assert gradient.shape == (9, 11)
    for layout, change in LAYOUTS.items():
        value2, gradient2 = loss.value_gradient(change(y), change(z), change(w))
        assert value2 == value, layout
        np.testing.assert_array_equal(gradient2, gradient, err_msg=layout)
        assert gradient2.dtype == dtype and gradient2.flags.c_contiguous


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.bool_, np.float32, np.float16, np.longdouble, list])
def test_targets_and_weights_are_cast(kind):
    labels = np.array([0, 1, 1, 0, 1])
    z = np.linspace(-2.0, 2.0, 5)
    y = labels.tolist() if kind is list else labels.astype(kind)
    expected = losses.Logistic().value_gradient(labels.astype(float), z, labels.astype(float))
    found = losses.Logistic().value_gradient(y, z, y)
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


@each_loss_and_root
def test_shapes(loss):
    y, z = data(loss, 24)
    value, gradient = loss.value_gradient(y, z)
    for shape in ((24, 1), (4, 6), (2, 3, 4)):
        other = loss.value_gradient(y.reshape(shape), z.reshape(shape))
        assert other[0] == value
        np.testing.assert_array_equal(other[1], gradient.reshape(shape))
    scalar = loss.value_gradient(y[0].reshape(()), z[0].reshape(()))
    row = loss.value_gradient(y[:1], z[:1])
    assert scalar[0] == row[0] and scalar[1].shape == () and scalar[1] == row[1][0]


@each_loss_and_root
def test_empty(loss):
    nothing = np.zeros((0,))
    assert loss.value(nothing, nothing, reduction="sum") == 0.0
    assert loss.gradient(nothing, nothing, reduction="sum").shape == (0,)
    with pytest.raises(ValueError, match="there are no samples"):
        loss.value(nothing, nothing)
    if loss is not ROOT:
        assert loss.value(np.zeros((0, 3)), np.zeros((0, 3)), reduction="none").shape == (0, 3)


@each_dtype
@each_loss_and_root
def test_outputs(loss, dtype):
    y, z = data(loss, 50, dtype)
    out, out2, out3 = (np.full(50, 7, dtype) for _ in range(3))
    plain = loss.value_gradient(y, z)
    written = loss.value_gradient(y, z, gradient_out=out)
    assert written[1] is out and written[0] == plain[0]
    np.testing.assert_array_equal(out, plain[1])
    strided = np.repeat(z, 2)[::2]
    out[:] = 7
    assert loss.gradient(y, strided, gradient_out=out) is out
    np.testing.assert_array_equal(out, loss.gradient(y, z))
    d = np.linspace(-1, 1, 50).astype(dtype)
    assert loss.hessp(y, z, d, product_out=out) is out
    np.testing.assert_array_equal(out, loss.hessp(y, z, d))
    if loss is ROOT:
        return
    value, gradient = loss.value_gradient(y, z, reduction="none", value_out=out, gradient_out=out2)
    assert value is out and gradient is out2
    np.testing.assert_array_equal(out, loss.value_gradient(y, z, reduction="none")[0])
    gradient, hessian = loss.gradient_hessian(y, z, gradient_out=out2, hessian_out=out3)
    assert gradient is out2 and hessian is out3
    np.testing.assert_array_equal(out3, loss.gradient_hessian(y, z)[1])


@each_dtype
@each_loss
def test_nan_propagates(loss, dtype, level):
    y, whole = data(loss, 41, dtype)
    clean = loss.value_gradient(y, whole, reduction="none")
    for position in (0, 5, 40):
        z = whole.copy()
        z[position] = np.nan
        value, gradient = loss.value_gradient(y, z, reduction="none")
        for array, before in zip((value, gradient), clean):
            assert np.isnan(array[position])
            np.testing.assert_array_equal(np.delete(array, position), np.delete(before, position))
        assert np.isnan(loss.value(y, z))


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
def test_outside_the_domain_of_raw_predictions(loss, level):
    """The value is infinite, so that line searches turn back, and there is no gradient."""
    for dtype in DTYPES:
        y = np.ones(19, dtype)
        for below in (1e-3, 1.0, 1e30):
            raw = np.full(19, loss.raw_low - below, dtype)
            np.testing.assert_array_equal(loss.value(y, raw, reduction="none"), np.inf)
            gradient, hessian = loss.gradient_hessian(y, raw, reduction="none")
            assert np.isnan(gradient).all()


@pytest.mark.parametrize(("loss", "y", "low", "high"), LIMITS)
def test_infinite_raw_predictions(loss, y, low, high, level):
    for dtype in DTYPES:
        for raw, limit in ((-np.inf, low), (np.inf, high)):
            if limit is not None:
                value = loss.value(np.full(19, y, dtype), np.full(19, raw, dtype), reduction="none")
                np.testing.assert_allclose(value, limit, rtol=4 * np.finfo(dtype).eps)


@each_dtype
@each_loss_and_root
def test_targets_outside_the_domain(loss, dtype, level):
    y, z = data(loss, 1030, dtype)
    for position, bad in product((0, 3, 1029), BAD_TARGETS[loss.domain]):
        wrong = y.copy()
        wrong[position] = bad
        text = rf"y_true of \w+ must be .*, got {bad} at index {position}"
        for call in (loss.value, loss.gradient, loss.value_gradient):
            with pytest.raises(ValueError, match=text if loss is not ROOT else "y_true"):
                call(wrong, z)
        with pytest.raises(ValueError, match="y_true"):
            loss.hessp(wrong, z, z)
        with pytest.raises(ValueError, match=text):
            loss.fit_intercept_only(wrong)
        if loss is not ROOT:
            with pytest.raises(ValueError, match=text):
                loss.gradient_hessian(wrong, z)


@each_dtype
@each_loss
def test_bad_weights(loss, dtype, level):
    y, z = data(loss, 1030, dtype)
    for reduction, bad, position in product(("mean", "sum", "none"), (-1.0, np.nan, np.inf), (0, 1029)):
        w = np.ones(1030, dtype)
        w[position] = bad
        with pytest.raises(ValueError, match=f"sample_weight must be finite and >= 0, got {bad} at index {position}"):
            loss.value_gradient(y, z, w, reduction=reduction)


ONE, Z = np.ones(3), np.linspace(-1.0, 1.0, 3)
LOGISTIC, HINGE, HUBER = losses.Logistic(), losses.Hinge(), losses.Huber()
PROBABILITY = losses.BinaryCrossEntropyFromProbabilities()
LOCKED = read_only(ONE)
ERRORS = [
    (lambda: LOGISTIC.value(np.ones((3, 1)), Z), ValueError, r"y_true has shape \(3, 1\).*raw_prediction.*\(3,\)"),
    (lambda: LOGISTIC.value(ONE, Z, np.ones(1)), ValueError, r"sample_weight has shape \(1,\).*\(3,\)"),
    (lambda: LOGISTIC.value(ONE, np.array([0, 1, 2])), TypeError, "raw_prediction must be.*float32 or float64, got.*int"),
    (lambda: LOGISTIC.value(ONE, Z.astype(np.float16)), TypeError, "raw_prediction.*got dtype float16"),
    (lambda: LOGISTIC.value(ONE.astype(complex), Z), TypeError, "y_true must be an array of real numbers.*complex"),
    (lambda: LOGISTIC.value(np.array(["a", "b", "c"]), Z), TypeError, "y_true must be an array of real numbers"),
    (lambda: LOGISTIC.value(ONE, Z, reduction="avg"), ValueError, "reduction must be one of 'mean', 'sum', 'none'.*'avg'"),
    (lambda: LOGISTIC.value(ONE, Z, reduction=None), ValueError, "reduction must be one of.*got None"),
    (lambda: LOGISTIC.value(ONE, Z, np.zeros(3)), ValueError, "reduction='mean' divides.*sample_weight sums to 0"),
    (lambda: LOGISTIC.value(ONE, Z, value_out=np.ones(3)), ValueError, "value_out is for reduction='none'"),
    (lambda: LOGISTIC.gradient(ONE, Z, gradient_out=np.ones(2)), ValueError, r"gradient_out must have shape \(3,\)"),
    (lambda: LOGISTIC.gradient(ONE, Z, gradient_out=np.ones(3, "f4")), TypeError, "gradient_out.*float64.*got float32"),
    (lambda: LOGISTIC.gradient(ONE, Z, gradient_out=np.ones(6)[::2]), ValueError, "gradient_out must be C-contiguous"),
    (lambda: LOGISTIC.gradient(ONE, Z, gradient_out=LOCKED), ValueError, "gradient_out is read-only"),
    (lambda: LOGISTIC.gradient(ONE, Z, gradient_out=[0, 0, 0]), TypeError, "gradient_out must be a numpy array, got list"),
    (lambda: LOGISTIC.gradient(ONE, Z, gradient_out=Z), ValueError, "gradient_out shares memory with raw_prediction"),
    (lambda: LOGISTIC.hessp(ONE, Z, np.ones(2)), ValueError, r"direction has shape \(2,\)"),
    (lambda: LOGISTIC.hessp(ONE, Z, ONE, product_out=ONE), ValueError, "product_out shares memory with"),
    (lambda: LOGISTIC.value(ONE, Z, n_threads=0), ValueError, "n_threads"),
    (lambda: LOGISTIC.value(ONE, Z, n_threads=1.0), TypeError, "n_threads"),
    (lambda: LOGISTIC.value(np.array([0.0, -1.0, 1.0]), Z), ValueError, r"must be in \[0, 1\], got -1.0 at index 1.*\(y \+ 1\)/2"),
    (lambda: LOGISTIC.conjugate(ONE, np.ones(2)), ValueError, r"y_true has shape \(3,\) and theta has shape \(2,\)"),
    (lambda: HINGE.value(np.array([1.0, 0.0, 1.0]), Z), ValueError, r"must be -1 or \+1, got 0.0 at index 1.*2\*y - 1"),
    (lambda: HUBER.value(ONE.reshape(1, 3) * np.nan, Z.reshape(1, 3)), ValueError, r"got nan at index \(0, 0\)"),
    (lambda: PROBABILITY.value(ONE, Z), ValueError, r"raw_prediction.*probabilities.*\[0, 1\], got -1.0 at index 0"),
    (lambda: PROBABILITY.value(ONE, Z + 1), ValueError, r"raw_prediction.*got 2.0 at index 2"),
    (lambda: PROBABILITY.conjugate(ONE, Z), NotImplementedError, "offers no conjugate"),
    (lambda: ROOT.value(ONE, Z, reduction="none"), ValueError, "RootMeanSquaredError has no reduction='none'"),
    (lambda: ROOT.gradient_hessian(ONE, Z), NotImplementedError, "n x n.*use hessp"),
    (lambda: ROOT.conjugate(ONE, Z), NotImplementedError, "couples all samples"),
    (lambda: ROOT._kernel(np.float64), NotImplementedError, "couples all samples"),
    (lambda: ROOT.value(ONE, Z, np.zeros(3)), ValueError, "sample_weight sums to 0"),
    (lambda: losses.Huber(delta=0), ValueError, r"delta must be in \(0, inf\), got 0"),
    (lambda: losses.Huber(delta=np.inf), ValueError, "delta must be in"),
    (lambda: losses.Huber(delta="1"), TypeError, "delta must be a real number, got str"),
    (lambda: losses.Quantile(quantile=1), ValueError, r"quantile must be in \(0, 1\), got 1"),
    (lambda: losses.get("hubber"), ValueError, "unknown loss 'hubber'; known are logistic, binary_cross_entropy"),
    (lambda: losses.get("huber", epsilon=1.0), TypeError, "Huber takes delta, hessian, got 'epsilon'"),
    (lambda: losses.get("logistic", delta=1.0), TypeError, "Logistic takes pos_weight, label_smoothing, got 'delta'"),
    (lambda: losses.get("poisson", delta=1.0), TypeError, "Poisson takes no parameters, got 'delta'"),
    (lambda: losses.Gamma(hessian="bound"), ValueError, "hessian must be one of 'exact', 'fisher', got 'bound'"),
    (lambda: losses.Huber(hessian=1), ValueError, "hessian must be one of 'exact', 'bound', got 1"),
    (lambda: losses.Logistic(pos_weight=0), ValueError, r"pos_weight must be in \(0, inf\), got 0"),
    (lambda: losses.Logistic(label_smoothing=1), ValueError, r"label_smoothing must be in \[0, 1\), got 1"),
    (lambda: losses.Tweedie(power=0.5), ValueError, "power must be at most 0 or at least 1, got 0.5"),
    (lambda: losses.TweedieIdentity(power=0.5), ValueError, "power must be at most 0 or at least 1, got 0.5"),
    (lambda: losses.Tweedie(power="1"), TypeError, "power must be a real number, got str"),
    (lambda: losses.Tweedie(power=3).value(ONE * 0, Z), ValueError, "y_true of Tweedie must be finite and > 0, got 0.0"),
    (lambda: losses.Tweedie().value(-ONE, Z), ValueError, "y_true of Tweedie must be finite and >= 0, got -1.0"),
    (lambda: losses.Gamma().value(ONE * 0, Z), ValueError, "y_true of Gamma must be finite and > 0, got 0.0"),
    (lambda: losses.BinaryFocal().value(ONE / 2, Z), ValueError, "must be 0 or 1, got 0.5 at index 0"),
    (lambda: losses.BinaryFocal(gamma=-1), ValueError, "gamma must be in"),
    (lambda: losses.BinaryFocal(alpha=1.5), ValueError, r"alpha must be in \(0, 1\), got 1.5"),
    (lambda: losses.GeneralizedCrossEntropy(q=0), ValueError, r"q must be in \(0, 1\], got 0"),
    (lambda: losses.EpsilonInsensitive(epsilon=-1), ValueError, "epsilon must be in"),
    (lambda: losses.Expectile(expectile=1), ValueError, r"expectile must be in \(0, 1\), got 1"),
    (lambda: losses.Probit().conjugate(ONE, Z), NotImplementedError, "Probit offers no conjugate"),
    (lambda: losses.get(HUBER, delta=1.0), TypeError, "already a loss"),
    (lambda: losses.get(3), TypeError, "name must be a str or a Loss, got int"),
    (lambda: setattr(HUBER, "delta", 2.0), AttributeError, "immutable"),
    (lambda: delattr(HUBER, "delta"), AttributeError, "immutable"),
    (lambda: HUBER.fit_intercept_only(np.zeros(0)), ValueError, "there are no samples"),
    (lambda: HUBER.fit_intercept_only(ONE, np.zeros(3)), ValueError, "sums to 0"),
    (lambda: HUBER.fit_intercept_only(ONE, -ONE), ValueError, "sample_weight must be finite"),
    (lambda: HUBER.fit_intercept_only(ONE, np.ones(2)), ValueError, "sample_weight has shape"),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_name_the_argument(case):
    call, kind, text = ERRORS[case]
    with pytest.raises(kind, match=text):
        call()


CONJUGATES = [loss for loss in INSTANCES if loss.has_conjugate]


@each_loss
def test_conjugate_is_offered_or_refused(loss):
    y, z = data(loss, 3)
    if loss.has_conjugate:
        assert loss.conjugate(y, np.zeros(3)).shape == (3,)
    else:
        with pytest.raises(NotImplementedError, match=f"{type(loss).__name__} offers no conjugate"):
            loss.conjugate(y, z)


@each_dtype
@pytest.mark.parametrize("loss", CONJUGATES, ids=repr)
def test_fenchel_young(loss, dtype, level):
    """f*(theta) = theta z - f(z) where theta is a (sub)gradient at z, and >= at every other z."""
    eps = np.finfo(dtype).eps
    rng = np.random.default_rng(6)
    y, z = data(loss, 300, dtype)
    theta = loss.gradient(y, z, reduction="none")
    for kink in loss.kinks(y):
        # Every slope between those of the two sides is a subgradient at the kink.
        kink = kink.astype(dtype)
        left, right = (loss.gradient(y[:300], kink + dtype(s), reduction="none") for s in (-1e-3, 1e-3))
        if (abs(right - left) > 0.1).all():
            between = left + (right - left) * rng.uniform(size=300).astype(dtype)
            y, z, theta = np.r_[y, y[:300]], np.r_[z, kink], np.r_[theta, between]
    assert y.dtype == theta.dtype == dtype
    conjugate = loss.conjugate(y, theta).astype(float)

    def gap(raw):
        value = loss.value(y, raw, reduction="none").astype(float)
        linear = theta.astype(float) * raw
        return value + conjugate - linear, 40 * eps * (1 + abs(value) + abs(linear) + abs(conjugate) + abs(y * theta))

    found, allowance = gap(z)
    assert (abs(found) <= allowance).all()
    for spread in (0.01, 1.0, 10.0):
        for _ in range(5):
            found, allowance = gap((z + spread * rng.normal(size=z.size)).astype(dtype))
            assert (found >= -allowance).all()


OUTSIDE = [  # loss, y, theta inside, theta outside
    (losses.Logistic(), 1.0, [-1.0, -0.5, 0.0], [-1.001, 0.001]),
    (losses.Logistic(), 0.25, [-0.25, 0.75], [-0.26, 0.76]),
    (losses.Huber(delta=2.0), 3.0, [-2.0, 2.0], [-2.01, 2.01]),
    (losses.AbsoluteError(), 3.0, [-1.0, 1.0], [-1.01, 1.01]),
    (losses.Quantile(quantile=0.25), 3.0, [-0.25, 0.75], [-0.26, 0.76]),
    (losses.Poisson(), 2.0, [-2.0, 5.0], [-2.01]),
    (losses.Hinge(), 1.0, [-1.0, 0.0], [-1.01, 0.01]),
    (losses.Hinge(), -1.0, [1.0, 0.0], [1.01, -0.01]),
    (losses.SquaredHinge(), 1.0, [-7.0, 0.0], [0.01]),
    (losses.SquaredError(), 1.0, [-1e6, 1e6], []),
    (losses.HalfSquaredError(), 1.0, [-1e6, 1e6], []),
    (losses.SmoothL1(beta=2.0), 3.0, [-1.0, 1.0], [-1.01, 1.01]),
    (losses.PseudoHuber(delta=2.0), 3.0, [-2.0, 0.0, 2.0], [-2.01, 2.01]),
    (losses.LogCosh(), 3.0, [-1.0, 0.0, 1.0], [-1.01, 1.01]),
    (losses.Fair(c=2.0), 3.0, [-1.99, 0.0, 1.99], [-2.01, 2.01]),
    (losses.SmoothedQuantile(quantile=0.25), 3.0, [-0.25, 0.75], [-0.26, 0.76]),
    (losses.Expectile(expectile=0.25), 3.0, [-1e6, 1e6], []),
    (losses.EpsilonInsensitive(), 3.0, [-1.0, 1.0], [-1.01, 1.01]),
    (losses.SquaredEpsilonInsensitive(), 3.0, [-1e6, 1e6], []),
    (losses.MeanAbsolutePercentageError(), 50.0, [-2.0, 2.0], [-2.01, 2.01]),
    (losses.PoissonIdentity(), 2.0, [-1e6, 0.99], [1.01]),
    (losses.PoissonIdentity(), 0.0, [-1e6, 1.0], [1.01]),
    (losses.Gamma(), 2.0, [-1e6, 1.0], [1.01]),
    (losses.NegativeBinomial(theta=0.5), 3.0, [-3.0, 0.0, 2.0], [-3.01, 2.01]),
    (losses.Logistic(pos_weight=3.0), 1.0, [-3.0, -0.5, 0.0], [-3.001, 0.001]),
    (losses.Logistic(label_smoothing=0.5), 1.0, [-0.75, 0.25], [-0.76, 0.26]),
    (losses.SmoothedHinge(), 1.0, [-1.0, 0.0], [-1.01, 0.01]),
    (losses.BinarySparsemax(), -1.0, [1.0, 0.0], [1.01, -0.01]),
    (losses.ModifiedHuber(), 1.0, [-4.0, 0.0], [-4.01, 0.01]),
    (losses.Perceptron(), 1.0, [-1.0, 0.0], [-1.01, 0.01]),
    (losses.Exponential(), 1.0, [-1e6, 0.0], [0.01]),
]


@pytest.mark.parametrize(("loss", "y", "inside", "outside"), OUTSIDE)
def test_domain_of_the_conjugate(loss, y, inside, outside, level):
    assert np.isfinite(loss.conjugate(np.full(len(inside), y), np.array(inside))).all()
    np.testing.assert_array_equal(loss.conjugate(np.full(len(outside), y), np.array(outside)), np.inf)
    assert np.isnan(loss.conjugate(np.array([y]), np.array([np.nan]))).all()
    with pytest.raises(ValueError, match="y_true"):
        loss.conjugate(np.array([np.nan]), np.array([0.0]))


@each_loss_and_root
def test_best_constant(loss):
    y, _ = loss.sample(np.random.default_rng(8), 201)
    for w in (None, np.random.default_rng(9).uniform(0, 2, 201), np.r_[np.ones(20), np.zeros(181)]):
        constant = loss.fit_intercept_only(y, w)
        assert isinstance(constant, float)
        best = loss.value(y, np.full(201, constant), w)
        for step in (1e-3, -1e-3, 0.3, -0.3):
            if loss.name != "binary_cross_entropy_from_probabilities" or 0 <= constant + step <= 1:
                assert loss.value(y, np.full(201, constant + step), w) >= best - 1e-15


def test_best_constants_at_the_edges():
    assert losses.Logistic().fit_intercept_only([1.0, 1.0]) == np.inf
    assert losses.Logistic().fit_intercept_only([0, 0]) == -np.inf
    assert losses.Logistic().fit_intercept_only([0.5, 0.5]) == 0.0
    assert losses.Poisson().fit_intercept_only([0, 0]) == -np.inf
    assert losses.AbsoluteError().fit_intercept_only([1.0, 2.0, 3.0, 10.0]) == 2.5
    assert losses.Quantile(quantile=0.25).fit_intercept_only([1.0, 2.0, 3.0, 10.0]) == 1.5
    assert losses.Hinge().fit_intercept_only([1, 1, -1]) == 1.0
    assert losses.Hinge().fit_intercept_only([1, -1]) == 0.0
    assert losses.Huber(delta=0.1).fit_intercept_only([0.0, 10.0]) == 5.0
    assert losses.Huber().fit_intercept_only([4.0]) == 4.0
    assert losses.SmoothL1(beta=0.1).fit_intercept_only([0.0, 10.0]) == 5.0
    assert losses.EpsilonInsensitive(epsilon=0.5).fit_intercept_only([0.0, 10.0]) == pytest.approx(5.0, abs=1e-12)
    assert losses.Expectile(expectile=0.25).fit_intercept_only([0.0, 1.0]) == pytest.approx(0.25, abs=1e-14)
    assert losses.LogCosh().fit_intercept_only([3.0, 3.0]) == 3.0
    assert losses.TukeyBiweight().fit_intercept_only([0.0, 0.2, 1000.0]) == pytest.approx(0.1, abs=1e-7)
    for loss in (losses.Gamma(), losses.Tweedie(power=3), losses.InverseGaussian(), losses.NegativeBinomial()):
        assert loss.fit_intercept_only([1.0, 3.0]) == pytest.approx(np.log(2), rel=1e-15)
    assert losses.NegativeBinomial().fit_intercept_only([0, 0]) == -np.inf
    assert losses.Logistic(pos_weight=3.0).fit_intercept_only([0, 1]) == pytest.approx(np.log(3), rel=1e-15)
    assert losses.Logistic(label_smoothing=0.5).fit_intercept_only([1]) == pytest.approx(np.log(3), rel=1e-15)
    assert losses.Probit().fit_intercept_only([0, 1]) == 0.0
    assert losses.Probit().fit_intercept_only([1]) == losses.ComplementaryLogLog().fit_intercept_only([1]) == np.inf
    assert losses.BinaryFocal().fit_intercept_only([0, 0]) == -np.inf
    assert losses.BinaryFocal().fit_intercept_only([0, 1]) == pytest.approx(0.0, abs=1e-7)


@each_loss_and_root
def test_identity(loss):
    same = type(loss)(**loss.get_params())
    assert loss == same and hash(loss) == hash(same)
    assert eval(repr(loss), vars(losses)) == loss
    assert losses.get(loss.name, **loss.get_params()) == loss
    assert losses.get(type(loss).__name__, **loss.get_params()) == loss
    assert losses.get(loss) is loss
    assert loss != object() and loss != loss.name
    assert sum(loss == other for other in [*INSTANCES, ROOT]) == 1
    y, z = data(loss, 10)
    for other in (pickle.loads(pickle.dumps(loss)), copy.copy(loss), copy.deepcopy(loss)):
        assert other == loss and type(other) is type(loss)
        assert other.value(y, z) == loss.value(y, z)


def test_names():
    for alias, name in ALIASES.items():
        assert isinstance(losses.get(alias), losses.LOSSES[name])
    expected = {
        "mean_squared_error": "SquaredError", "MSELoss": "SquaredError", "l2_loss": "HalfSquaredError",
        "mae": "AbsoluteError", "L1Loss": "AbsoluteError", "HuberLoss": "Huber", "pinball": "Quantile",
        "HalfPoissonLoss": "Poisson", "PoissonNLLLoss": "Poisson", "log_loss": "Logistic",
        "BCEWithLogitsLoss": "Logistic", "BCELoss": "BinaryCrossEntropyFromProbabilities",
        "binary_crossentropy": "BinaryCrossEntropyFromProbabilities", "rmse": "RootMeanSquaredError",
        "SmoothL1Loss": "SmoothL1", "soft_l1": "PseudoHuber", "logcosh": "LogCosh", "QuantileHuber": "SmoothedQuantile",
        "bisquare": "TukeyBiweight", "msle": "MeanSquaredLogarithmicError", "mape": "MeanAbsolutePercentageError",
        "HalfGammaLoss": "Gamma", "HalfTweedieLoss": "Tweedie", "HalfTweedieLossIdentity": "TweedieIdentity",
        "cloglog": "ComplementaryLogLog", "ExponentialLoss": "Exponential", "perceptron_loss": "Perceptron",
        "sigmoid_focal_loss": "BinaryFocal", "BinaryFocalCrossentropy": "BinaryFocal", "gce": "GeneralizedCrossEntropy",
    }  # fmt: skip
    for alias, cls in expected.items():
        assert type(losses.get(alias)).__name__ == cls
    assert losses.get("huber", delta=2.0) == losses.Huber(2.0) != losses.Huber(1.0)


def test_predict_is_the_inverse_link():
    z = np.array([-800.0, -1.0, 0.0, 2.0, 800.0])
    np.testing.assert_array_equal(losses.Huber().predict(z), z)
    np.testing.assert_allclose(losses.Poisson().predict(z[:4]), np.exp(z[:4]))
    np.testing.assert_allclose(losses.Logistic().predict(z), [0, 1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-2)), 1])
    assert losses.Logistic().predict(z.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(losses.ComplementaryLogLog().predict(z[:4]), [0, 1 - np.exp(-np.exp(-1)), 1 - 1 / np.e, 1],
                               atol=1e-3)  # fmt: skip
    np.testing.assert_allclose(losses.Probit().predict(z), [0, 0.15865525393145707, 0.5, 0.9772498680518208, 1])


def test_roster_and_classes_agree():
    for dtype in map(np.dtype, DTYPES):
        assert set(_kernels.table.pointwise[dtype].roster()) == {loss._plan[0] for loss in INSTANCES}
    assert set(reference.POINTWISE) == {cls.name for cls in POINTWISE}
    assert set(reference.VALUE_GRADIENT) == {cls.name for cls in POINTWISE} | {ROOT.name}


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


def job_type(real):
    pointer, reals = ctypes.c_void_p, ctypes.POINTER(real)
    fields = [("target", reals), ("index", pointer), ("raw", reals), ("weight", reals)]
    fields += [(name, reals) for name in ("value", "gradient", "hessian", "direction", "product")]
    fields += [("par", ctypes.POINTER(ctypes.c_double)), ("class_weight", pointer), ("scale", ctypes.c_double)]
    fields += [("k", ctypes.c_int64), ("what", ctypes.c_int)]
    return type("Job", (ctypes.Structure,), {"_fields_": fields})


@each_dtype
@each_loss
def test_block_through_its_address(loss, dtype, level):
    """The contract of src_c/fo_job.h: rows lo..hi-1 only, the unscaled sum, the scaled outputs."""
    real = np.ctypeslib.as_ctypes_type(dtype)
    Job = job_type(real)
    address, par, class_weight = loss._kernel(dtype)
    assert par.shape == (PARAMETERS,) and par.dtype == np.float64 and class_weight is None
    block = ctypes.CFUNCTYPE(
        ctypes.c_int64, ctypes.POINTER(Job), ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_double)
    )(address)
    y, z = data(loss, 60, dtype)
    w = np.linspace(0.5, 1.5, 60).astype(dtype)
    outputs = {name: np.full(60, -3, dtype) for name in ("value", "gradient", "hessian")}
    job = Job(scale=0.25, k=1, what=1 | 2 | 4, par=par.ctypes.data_as(ctypes.POINTER(ctypes.c_double)))
    for name, array in (("target", y), ("raw", z), ("weight", w), *outputs.items()):
        setattr(job, name, array.ctypes.data_as(ctypes.POINTER(real)))
    total = ctypes.c_double()
    assert block(job, 10, 45, total) == 0
    value = loss.value(y, z, w, reduction="none")
    gradient, hessian = loss.gradient_hessian(y, z, w, reduction="none")
    np.testing.assert_allclose(total.value, value[10:45].sum(dtype=float), rtol=1e-6 if dtype is np.float32 else 1e-13)
    for name, exact in (("value", value), ("gradient", gradient / 4), ("hessian", hessian / 4)):
        # Loops for other outputs may round differently, by as much as the terms of a difference do.
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(outputs[name][10:45], exact[10:45], rtol=8 * eps, atol=4 * eps * abs(exact).max())
        assert (np.delete(outputs[name], slice(10, 45)) == -3).all()
    # Requests without a loop of their own.
    d, product = np.linspace(-1, 1, 60).astype(dtype), np.full(60, -3, dtype)
    job.direction, job.product = (a.ctypes.data_as(ctypes.POINTER(real)) for a in (d, product))
    for what in (4, 32, 1 | 2 | 32):
        for array in (product, *outputs.values()):
            array[:] = -3
        job.what = what
        assert block(job, 10, 45, total) == 0
        wanted = {4: {"hessian"}, 32: set(), 1 | 2 | 32: {"value", "gradient"}}[what]
        for name, exact in (("value", value), ("gradient", gradient / 4), ("hessian", hessian / 4)):
            found = outputs[name]
            if name in wanted:
                np.testing.assert_allclose(found[10:45], exact[10:45], rtol=8 * eps, atol=4 * eps * abs(exact).max())
            assert (np.delete(found, slice(10, 45)) == -3).all() and (name in wanted or (found == -3).all())
        if what & 32:
            exact = hessian * d / 4
            np.testing.assert_allclose(product[10:45], exact[10:45], rtol=8 * eps, atol=4 * eps * abs(exact).max())
            assert (np.delete(product, slice(10, 45)) == -3).all()
    job.what = 1 | 2 | 4
    y[12], w[13] = np.nan, -1
    assert block(job, 10, 45, total) == 3
    assert block(job, 14, 45, total) == 0
    job.what = 1 | 8
    assert block(job, 14, 45, total) == 8


# The root mean squared error.


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


# Peers.


def plain_params(loss):
    """The parameters that peers have."""
    return {key: value for key, value in loss.get_params().items() if key != "hessian"}


def test_focal_loss_of_confident_wrong_logits():
    """Keras 3.15 clips the probability: at logit -40 and y = 1 the gradient is -1e-16, not -1."""
    value, gradient = losses.BinaryFocal().value_gradient(np.ones(3), np.array([-40.0, -400.0, -1e5]), reduction="none")
    np.testing.assert_allclose(value, [40, 400, 1e5], rtol=1e-15)
    np.testing.assert_allclose(gradient, -1, rtol=1e-15)


@pytest.mark.parametrize("loss", [losses.Logistic(), losses.Logistic(pos_weight=2.0), losses.Probit()], ids=repr)
def test_wrong_margins_of_a_thousand(loss, level):
    """skglm 0.5 gives an infinite logistic loss and a NaN Hessian there."""
    y, z = np.ones(2), np.array([-1000.0, 1000.0])
    value = loss.value(y, z, reduction="none")
    gradient, hessian = loss.gradient_hessian(y, z, reduction="none")
    assert value[0] >= 1000 and 0 <= value[1] < 1e-300
    assert np.isfinite([value, gradient, hessian]).all() and gradient[0] <= -1 and abs(gradient[1]) < 1e-300


def test_poisson_gradient_is_mean_minus_target():
    """skglm 0.5's sparse path has e^(z - y)."""
    y, z = np.array([2.0, 0.0]), np.array([0.5, -1.0])
    np.testing.assert_allclose(losses.Poisson().gradient(y, z, reduction="none"), np.exp(z) - y, rtol=1e-15)


def test_margin_losses_do_not_overflow_early():
    """dask-glm's logistic loss overflows for margins below -709."""
    for loss in (losses.Logistic(), losses.BinaryFocal(), losses.GeneralizedCrossEntropy()):
        value, gradient = loss.value_gradient(np.ones(2), np.array([-710.0, -1e300]), reduction="none")
        assert np.isfinite(value).all() and np.isfinite(gradient).all()

@each_dtype
@each_loss
def test_torch(loss, dtype):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    def logistic(z, y, pos_weight, label_smoothing):
        y = y * (1 - label_smoothing) + label_smoothing / 2
        return F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(pos_weight, dtype=z.dtype))

    table = {
        "squared_error": F.mse_loss,
        "absolute_error": F.l1_loss,
        "huber": F.huber_loss,
        "smooth_l1": F.smooth_l1_loss,
        "poisson": F.poisson_nll_loss,
        "poisson_identity": lambda z, y, epsilon: F.poisson_nll_loss(z, y, log_input=False, eps=epsilon),
        "logistic": logistic,
        "binary_cross_entropy_from_probabilities": F.binary_cross_entropy,
    }
    if loss.name not in table:
        pytest.skip("torch has no such loss")
    y, z = data(loss, 1000, dtype)
    tensor = torch.from_numpy(z.copy()).requires_grad_()
    theirs = table[loss.name](tensor, torch.from_numpy(y), **plain_params(loss))
    theirs.backward()
    value, gradient = loss.value_gradient(y, z)
    tolerance = 50 * float(np.finfo(dtype).eps)
    assert value == pytest.approx(theirs.item(), rel=tolerance)
    np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=tolerance, atol=tolerance * abs(gradient).max())


@each_loss
def test_scikit_learn(loss):
    module = pytest.importorskip("sklearn._loss.loss")
    names = {
        "half_squared_error": "HalfSquaredError", "absolute_error": "AbsoluteError", "quantile": "PinballLoss",
        "poisson": "HalfPoissonLoss", "gamma": "HalfGammaLoss", "tweedie": "HalfTweedieLoss",
        "tweedie_identity": "HalfTweedieLossIdentity", "logistic": "HalfBinomialLoss",
    }  # fmt: skip
    if loss.name not in names:
        pytest.skip("scikit-learn has no such loss")
    params = {} if loss.name == "logistic" else plain_params(loss)
    if loss.name == "logistic" and loss != losses.Logistic():
        pytest.skip("scikit-learn's has no parameters")
    peer = getattr(module, names[loss.name])(**params)
    y, z = data(loss, 1000)
    w = np.random.default_rng(12).uniform(0.5, 2.0, 1000)
    value, gradient = peer.loss_gradient(y, z, sample_weight=w)
    mine = loss.value_gradient(y, z, w, reduction="none")
    if loss == losses.Tweedie(power=0):
        value = value - 0.5 * w * y**2  # theirs alone has this term
    if loss.name == "tweedie_identity":  # theirs has more terms of y alone
        two = np.full(1000, 2.0)
        value = value - peer.loss(y, two, sample_weight=w)
        mine = mine[0] - loss.value(y, two, w, reduction="none"), mine[1]
    np.testing.assert_allclose(mine[0], value, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mine[1], gradient, rtol=1e-12, atol=1e-12)
    if loss.hessian_kind == "bound" or (loss.hessian_kind == "exact" and not loss.kinks(y)):
        hessian = peer.gradient_hessian(y, z, sample_weight=w)[1]
        np.testing.assert_allclose(loss.gradient_hessian(y, z, w, reduction="none")[1], hessian, rtol=1e-12)
