"""What all pointwise losses have in common: reductions, weights, threads, layouts, outputs, errors, names."""

import copy
import ctypes
import functools
import pickle
from itertools import product

import numpy as np
import pytest
from pointwise import (
    DTYPES,
    INSTANCES,
    POINTWISE,
    ROOT,
    TERMS,
    data,
    each_dtype,
    each_loss,
    each_loss_and_root,
    size_of_terms,
)

from fastopt import _kernels, losses
from fastopt.losses._base import ALIASES
from fastopt.losses._pointwise import PARAMETERS
from fastopt.reference import losses as reference

BAD_TARGETS = {
    "finite": [np.nan, np.inf, -np.inf],
    "unit": [np.nan, -0.5, 1.5, np.inf],
    "sign": [np.nan, 0.0, 2.0],
    "nonnegative": [np.nan, -1.0, np.inf],
    "positive": [np.nan, -1.0, 0.0, np.inf],
    "above -1": [np.nan, -1.0, -2.0, np.inf],
    "binary": [np.nan, 0.5, -1.0, 2.0, np.inf],
}


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
def test_reductions(loss, dtype, isa):
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
def test_weights_equal_repeats(loss, isa):
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
def test_same_bits_for_any_number_of_threads(loss, dtype, weighted, isa):
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
def test_array_is_its_samples(loss, dtype, isa):
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
def test_float32_is_near_float64(loss, isa):
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
def test_nan_propagates(loss, dtype, isa):
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


@each_dtype
@each_loss_and_root
def test_targets_outside_the_domain(loss, dtype, isa):
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
def test_bad_weights(loss, dtype, isa):
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


@pytest.mark.parametrize("cls", [*losses.LOSSES.values(), *losses.BATCH_LOSSES.values()])
def test_unknown_parameters_are_refused(cls):
    with pytest.raises(TypeError, match="nonsense"):
        cls(nonsense=1.0)


def test_roster_and_classes_agree():
    for dtype in map(np.dtype, DTYPES):
        assert set(_kernels.table.pointwise[dtype].roster()) == {loss._plan[0] for loss in INSTANCES}
    assert set(reference.POINTWISE) == {cls.name for cls in POINTWISE}
    assert set(reference.VALUE_GRADIENT) == {cls.name for cls in POINTWISE} | {ROOT.name}


def job_type(real):
    pointer, reals = ctypes.c_void_p, ctypes.POINTER(real)
    fields = [("target", reals), ("index", pointer), ("raw", reals), ("weight", reals)]
    fields += [(name, reals) for name in ("value", "gradient", "hessian", "direction", "product")]
    fields += [("par", ctypes.POINTER(ctypes.c_double)), ("class_weight", pointer), ("scale", ctypes.c_double)]
    fields += [("k", ctypes.c_int64), ("what", ctypes.c_int)]
    return type("Job", (ctypes.Structure,), {"_fields_": fields})


@each_dtype
@each_loss
def test_block_through_its_address(loss, dtype, isa):
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
