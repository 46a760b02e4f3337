"""Dice's, Jaccard's and Tversky's losses against their definition, optax and Keras."""

import copy
import os
import pickle

import numpy as np
import pytest
from mpmath import mp

from fastopt import losses
from fastopt.reference.overlap_losses import derivatives, tversky

DTYPES = (np.float64, np.float32)
LOSSES = [losses.Dice, losses.Jaccard, losses.Tversky, losses.DiceFromProbabilities, losses.JaccardFromProbabilities,
          losses.TverskyFromProbabilities]  # fmt: skip
FACTORS = {"dice": (0.5, 0.5), "jaccard": (1, 1), "tversky": (0.25, 1.5)}
RTOL = {np.float64: 2e-14, np.float32: 2e-6}


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(80):
        yield


def make(cls, **params):
    if issubclass(cls, losses.Tversky):
        params |= {"alpha": 0.25, "beta": 1.5}
    return cls(**params)


def factors(loss):
    return FACTORS[loss.name.removesuffix("_from_probabilities")]


def close(got, expected, rtol):
    expected = np.array(expected, dtype=float)
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * np.abs(expected).max(initial=0))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", LOSSES)
def test_definition(isa, cls, dtype):
    rng = np.random.default_rng(0)
    logits = "From" not in cls.__name__
    for smooth, scale, weighted in ((1.0, 2.0, False), (0.0, 2.0, True), (0.5, 15.0, False)):
        loss = make(cls, smooth=smooth)
        z = rng.normal(size=5) * scale
        z = (z if logits else 1 / (1 + np.exp(-z))).astype(dtype)
        y = np.array([1, 0, 1, 0, 0.25], dtype=dtype)
        w = rng.uniform(0.5, 2, 5).astype(dtype) if weighted else None

        def definition(point, y=y, w=w, smooth=smooth, loss=loss):
            return tversky(y, point, *factors(loss), smooth, w, logits)

        expected = definition(z)
        gradient, hessian = derivatives(definition, z)
        value, slopes = loss.value_gradient(y, z, w)
        assert value == pytest.approx(float(expected), rel=RTOL[dtype])
        assert slopes.dtype == dtype
        close(slopes, gradient, RTOL[dtype])
        first, diagonal = loss.gradient_hessian(y, z, w)
        np.testing.assert_array_equal(first, slopes)
        full = np.array([[float(a) for a in row] for row in hessian])
        close(diagonal, np.diag(full), 5 * RTOL[dtype])
        direction = rng.normal(size=5).astype(dtype)
        close(loss.hessp(y, z, direction, w), full @ direction.astype(float), 5 * RTOL[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_right_in_the_tails(isa, dtype):
    """Nearly perfect predictions: 1 - N / D would be rounded to 0, or to a multiple of the last place."""
    y = np.array([1, 0, 1, 0], dtype=dtype)
    z = np.array([60, -70, 55, -80], dtype=dtype)
    for loss in (losses.Dice(smooth=0.0), losses.Jaccard(smooth=1.0), losses.Tversky(0.0, 0.5)):
        alpha, beta = loss.alpha, loss.beta
        with mp.workdps(120):
            expected = tversky(y, z, alpha, beta, loss.smooth)
            gradient, _ = derivatives(lambda p, a=alpha, b=beta, s=loss.smooth: tversky(y, p, a, b, s), z)
        value, slopes = loss.value_gradient(y, z)
        assert value == pytest.approx(float(expected), rel=RTOL[dtype])
        np.testing.assert_allclose(slopes, [float(g) for g in gradient], rtol=RTOL[dtype] * 4)
    large = np.array([1e300 if dtype is np.float64 else 3e38] * 2, dtype=dtype) * np.array([1, -1], dtype=dtype)
    value, slopes = losses.Dice(smooth=0.0).value_gradient(np.array([1, 0], dtype=dtype), large)
    assert value == 0.0 and not slopes.any()
    assert losses.Dice(smooth=0.0).value(np.array([0, 1], dtype=dtype), large) == 1.0


@pytest.mark.parametrize("cls", LOSSES)
def test_nothing_asked_and_nothing_found(cls):
    zeros = np.zeros(3)
    z = np.full(3, -np.inf) if "From" not in cls.__name__ else zeros
    assert make(cls, smooth=0.0).value(zeros, z) == 0.0
    if "From" in cls.__name__:
        assert not make(cls, smooth=0.0).gradient(zeros, z).any()
    assert make(cls).value(np.empty(0), np.empty(0)) == 0.0
    assert np.isnan(make(cls).value(np.ones(2), np.array([0.5, np.nan])))
    assert np.isnan(make(cls).gradient(np.ones(2), np.array([0.5, np.nan]))).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", LOSSES)
def test_rows_reductions_threads(isa, cls, dtype):
    rng = np.random.default_rng(1)
    loss, batch = make(cls, per="row"), make(cls)
    for shape in ((3, 20_001), (7, 3, 4), (4, 1)):
        y, z, _ = loss.sample(rng, shape[0], int(np.prod(shape[1:])))
        y, z = y.reshape(shape).astype(dtype), z.reshape(shape).astype(dtype)
        w = rng.uniform(0.5, 2.0, shape[0])
        each, slopes = loss.value_gradient(y, z, w, reduction="none")
        single = [batch.value_gradient(a, b) for a, b in zip(y, z)]
        np.testing.assert_allclose(each, [v for v, _ in single] * w, rtol=RTOL[dtype])
        for got, (_, g), weight in zip(slopes, single, w):
            close(got, g * weight, RTOL[dtype])
        value, gradient = loss.value_gradient(y, z, w)
        assert value == pytest.approx(each.sum() / w.sum(), rel=1e-6)
        close(gradient, slopes / w.sum(), RTOL[dtype])
        assert loss.value(y, z, w, reduction="sum") == pytest.approx(value * w.sum(), rel=1e-12)
        direction = rng.normal(size=shape).astype(dtype)
        for one, arguments in ((loss, (w,)), (batch, (rng.uniform(size=shape),))):
            expected = [one.value_gradient(y, z, *arguments), one.gradient_hessian(y, z, *arguments),
                        (one.hessp(y, z, direction, *arguments),)]  # fmt: skip
            for n_threads in (1, 2, 3):
                again = [one.value_gradient(y, z, *arguments, n_threads=n_threads),
                         one.gradient_hessian(y, z, *arguments, n_threads=n_threads),
                         (one.hessp(y, z, direction, *arguments, n_threads=n_threads),)]  # fmt: skip
                for a, b in zip(sum(map(tuple, expected), ()), sum(map(tuple, again), ())):
                    np.testing.assert_array_equal(a, b)
    out, values = np.empty_like(z), np.empty(shape[0], dtype)
    got = loss.value_gradient(y, z, reduction="none", value_out=values, gradient_out=out)
    assert got[0] is values and got[1] is out
    weight = rng.integers(0, 2, shape).astype(dtype)
    assert batch.value(y, z, weight) == pytest.approx(batch.value(y[weight > 0], z[weight > 0]), rel=RTOL[dtype])


@pytest.mark.slow
def test_optax():
    optax = pytest.importorskip("optax")
    rng = np.random.default_rng(2)
    y, z, _ = losses.Dice().sample(rng, 4, 9)
    for smooth in (0.5, 2.0):
        theirs = optax.losses.binary_dice_loss(z, y, smooth=smooth)
        ours = losses.Dice(smooth=smooth, per="row").value(y, z, reduction="none")
        np.testing.assert_allclose(ours, np.ravel(theirs), rtol=1e-5)


def test_alpha_multiplies_false_positives():
    """Keras' tversky multiplies false negatives by it, against its documentation."""
    y, p = np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])  # TP = 1, FN = 1, FP = 0
    assert losses.TverskyFromProbabilities(alpha=1.0, beta=0.0, smooth=0.0).value(y, p) == 0.0
    assert losses.TverskyFromProbabilities(alpha=0.0, beta=1.0, smooth=0.0).value(y, p) == 0.5


@pytest.mark.slow
def test_keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(3)
    y, p, _ = losses.TverskyFromProbabilities().sample(rng, 5, 8)
    ours = losses.TverskyFromProbabilities(0.2, 0.9, smooth=0.0).value(y, p)
    theirs = keras.losses.tversky(y, p, alpha=0.9, beta=0.2)
    assert ours == pytest.approx(float(theirs), rel=1e-5)
    assert losses.DiceFromProbabilities(smooth=0.0).value(y, p) == pytest.approx(float(keras.losses.dice(y, p)), rel=1e-5)


@pytest.mark.parametrize("cls", LOSSES)
def test_names_and_parameters(cls):
    loss = make(cls, smooth=0.25, per="row")
    assert losses.get(cls.name, **loss.get_params()) == loss == eval(repr(loss), vars(losses))
    assert losses.get(cls.__name__, **loss.get_params()) == loss
    assert pickle.loads(pickle.dumps(loss)) == copy.deepcopy(loss) == loss != cls()
    assert losses.BATCH_LOSSES[cls.name] is cls
    y, z, _ = loss.sample(np.random.default_rng(0), 2, 3)
    p = loss.predict(z)
    assert ((p >= 0) & (p <= 1)).all()
    assert losses.get("DiceLoss") == losses.Dice()


def test_errors():
    y, z = np.zeros((3, 4)), np.zeros((3, 4))
    y2 = y.copy()
    y2[1, 2] = 2
    dice, rows = losses.Dice(), losses.Dice(per="row")
    cases = [
        (dice, (y[0], z), {}, r"y_true has shape \(4,\) and raw_prediction has shape \(3, 4\)"),
        (dice, (y2, z), {}, r"y_true of Dice must be in \[0, 1\], got 2.0 at index \(1, 2\)"),
        (dice, (y, z), {"reduction": "none"}, "Dice has no reduction='none'"),
        (dice, (y, z, np.ones(3)), {}, r"sample_weight has shape \(3,\)"),
        (dice, (y, z, y - 1), {}, "sample_weight must be finite and >= 0"),
        (rows, (y[0], z[0]), {}, r"raw_prediction must have shape \(n, ...\) for per='row'"),
        (rows, (y, z, np.ones((3, 4))), {}, r"sample_weight has shape \(3, 4\); it must have shape \(3,\)"),
        (rows, (y, z, np.zeros(3)), {}, "sample_weight sums to 0"),
        (rows, (y[:0], z[:0]), {}, "there are no samples"),
        (rows, (y, z), {"reduction": "some"}, "reduction must be one of"),
        (rows, (y, z), {"value_out": np.empty(3)}, "value_out is for reduction='none'"),
        (losses.DiceFromProbabilities(), (y, z + 1.5), {}, r"holds probabilities and must be in \[0, 1\], got 1.5"),
    ]  # fmt: skip
    for loss, args, options, words in cases:
        with pytest.raises(ValueError, match=words):
            loss.value(*args, **options)
    with pytest.raises(ValueError, match="gradient_out shares memory with y_true"):
        dice.gradient(y, z, gradient_out=y)
    for arguments in ({"alpha": -1.0}, {"beta": np.nan}, {"smooth": -0.1}, {"per": "column"}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            losses.Tversky(**arguments)
