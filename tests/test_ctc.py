"""Connectionist temporal classification against all paths, differences, torch and optax."""

import copy
import pickle

import numpy as np
import pytest
from mpmath import mp

from fastopt import losses
from fastopt.reference.sequence_losses import ctc

CLASSES = (losses.CTC, losses.CTCFromLogProbabilities)
RTOL = {np.float64: 1e-13, np.float32: 3e-7}
DTYPES = (np.float64, np.float32)


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(50):
        yield


def problem(seed=0, n=9, t=30, k=6, dtype=np.float64, blank=0):
    y, raw, lengths = losses.CTC(blank=blank).sample(np.random.default_rng(seed), n, t, k)
    return y, raw.astype(dtype), lengths


def against_paths(loss, labels, raw, dtype):
    raw = np.asarray(raw, dtype=dtype)
    value, gradient = loss.value_gradient([np.array(labels, dtype=int)], raw[None], reduction="sum")
    expected, slopes = ctc(labels, raw, loss.blank, isinstance(loss, losses.CTC))
    assert value == pytest.approx(float(expected), rel=1e-13, abs=1e-14)
    slopes = np.array([[float(x) for x in row] for row in slopes]).reshape(raw.shape)
    np.testing.assert_allclose(gradient[0], slopes, rtol=RTOL[dtype], atol=RTOL[dtype])
    assert loss.value([np.array(labels, dtype=int)], raw[None]) == value


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", CLASSES)
def test_all_paths(isa, cls, dtype):
    rng = np.random.default_rng(1)
    # Repeats, one label for each frame, no labels, one frame, too many labels, a blank that is not 0.
    cases = [((1, 1), 5, 0), ((1, 2, 1), 5, 0), ((2, 2, 1), 5, 0), ((1, 2, 1, 2, 1), 5, 0), ((), 4, 0), ((1,), 1, 0),
             ((1, 1), 2, 0), ((1, 1, 1), 4, 0), ((0, 1), 4, 2), ((1, 0, 0), 5, 2), ((0,), 5, 1)]  # fmt: skip
    for labels, t, blank in cases:
        against_paths(cls(blank=blank), labels, rng.normal(size=(t, 3)) * 3, dtype)


@pytest.mark.parametrize("cls", CLASSES)
def test_extreme_logits(cls):
    """Exact against mpmath where exponentials of doubles overflow and vanish."""
    cases = [np.array([[700.0, -700, 0], [0, 800, -800], [-1e4, 0, 1e4]]), np.array([[0.0, -1e5, 2], [1, 0, -3e4]]),
             np.array([[0.0, -np.inf, 2], [1, 0, -np.inf], [1, 2, 3]])]  # fmt: skip
    for raw in cases:
        for labels in ((1,), (2,), (1, 2), (2, 1)):
            against_paths(cls(), labels, raw, np.float64)


@pytest.mark.parametrize(("dtype", "large"), [(np.float64, 1e300), (np.float32, 3e38)])
def test_largest_logits(isa, dtype, large):
    raw = np.zeros((1, 4, 3), dtype=dtype)
    raw[0, 1, 1] = large
    raw[0, 2, 2] = large
    value, gradient = losses.CTC().value_gradient([np.array([1, 2])], raw)
    assert value == pytest.approx(2 * np.log(1.5), rel=1e-14)  # 0 and 1 in the first frame, 0 and 2 in the last
    assert np.isfinite(gradient).all()
    # Every path has a frame whose class is `large` below another one.
    assert losses.CTC().value([np.array([2, 1])], raw) == pytest.approx(float(dtype(large)), rel=1e-14)
    assert np.isfinite(losses.CTC().gradient([np.array([2, 1])], raw)).all()


@pytest.mark.parametrize("cls", CLASSES)
def test_differences(cls):
    y, raw, lengths = problem(2, n=5, t=24)
    if cls is losses.CTCFromLogProbabilities:
        raw -= np.log(np.exp(raw).sum(-1, keepdims=True))
    rng = np.random.default_rng(3)
    weight = rng.uniform(0.5, 2.0, 5)
    gradient = cls().gradient(y, raw, weight, **lengths)
    for _ in range(4):
        v, h = rng.normal(size=raw.shape), 1e-3
        f = [cls().value(y, raw + s * h * v, weight, **lengths) for s in (-2, -1, 1, 2)]
        slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
        assert np.sum(gradient * v) == pytest.approx(slope, rel=1e-8, abs=1e-9)


def test_long_sequences_keep_their_digits():
    """float32 data of 2000 frames against the same numbers in float64; each frame's posterior sums to one."""
    y, raw, lengths = problem(4, n=2, t=2000, k=9, dtype=np.float32)
    value, gradient = losses.CTC().value_gradient(y, raw, **lengths)
    wide, slopes = losses.CTC().value_gradient(y, raw.astype(np.float64), **lengths)
    assert value == wide
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(slopes.sum(-1), 0, atol=1e-15)
    posterior = losses.CTCFromLogProbabilities().gradient(y, raw.astype(np.float64), reduction="sum", **lengths)
    inside = np.arange(2000) < lengths["input_lengths"][:, None]
    np.testing.assert_allclose(posterior.sum(-1), np.where(inside, -1.0, 0.0), rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_torch(dtype):
    torch = pytest.importorskip("torch")
    for blank in (0, 5):
        y, raw, lengths = problem(5, n=12, dtype=dtype, blank=blank)
        x = torch.tensor(raw, requires_grad=True)
        theirs = torch.nn.functional.ctc_loss(
            torch.log_softmax(x, -1).transpose(0, 1), torch.tensor(y), torch.tensor(lengths["input_lengths"]),
            torch.tensor(lengths["target_lengths"]), blank=blank, reduction="none",
        )  # fmt: skip
        theirs.sum().backward()
        value, gradient = losses.CTC(blank=blank).value_gradient(y, raw, reduction="none", **lengths)
        tolerance = 1e-12 if dtype is np.float64 else 3e-5
        np.testing.assert_allclose(value, theirs.detach().numpy(), rtol=tolerance)
        np.testing.assert_allclose(gradient, x.grad.numpy(), atol=tolerance)
        # torch's mean divides each loss by its number of labels first.
        mean = torch.nn.functional.ctc_loss(
            torch.log_softmax(x, -1).transpose(0, 1), torch.tensor(y), torch.tensor(lengths["input_lengths"]),
            torch.tensor(lengths["target_lengths"]), blank=blank,
        )  # fmt: skip
        ours = losses.CTC(blank=blank).value(
            y, raw, 1 / np.maximum(lengths["target_lengths"], 1), reduction="sum", **lengths
        )
        assert ours / 12 == pytest.approx(mean.item(), rel=tolerance)


@pytest.mark.slow
def test_optax():
    optax = pytest.importorskip("optax")
    y, raw, lengths = problem(6, n=6)
    frames = np.arange(raw.shape[1]) >= lengths["input_lengths"][:, None]
    labels = np.arange(y.shape[1]) >= lengths["target_lengths"][:, None]
    theirs = optax.ctc_loss(raw, frames.astype(float), y, labels.astype(float))
    np.testing.assert_allclose(losses.CTC().value(y, raw, reduction="none", **lengths), theirs, rtol=1e-4)


@pytest.mark.parametrize("cls", CLASSES)
def test_no_path(isa, cls):
    """inf and no gradient, or 0; torch's gradient is NaN there. The other sequences do not notice."""
    raw = np.random.default_rng(7).normal(size=(3, 3, 4))
    raw[2, :, 1] = -np.inf
    y = [np.array([1, 1, 2]), np.array([3]), np.array([1])]  # needs 4 frames; fine; a class of probability 0
    value, gradient = cls().value_gradient(y, raw, reduction="none")
    assert value[0] == np.inf and np.isfinite(value[1]) and value[2] == np.inf
    assert not gradient[[0, 2]].any() and gradient[1].any() and np.isfinite(gradient).all()
    assert cls().value(y, raw) == np.inf
    zero, slopes = cls(zero_infinity=True).value_gradient(y, raw, reduction="none")
    np.testing.assert_array_equal(zero, [0.0, value[1], 0.0])
    np.testing.assert_array_equal(slopes, gradient)
    # No frames: the empty target is certain, others impossible.
    empty = cls().value([np.array([], dtype=int), np.array([1]), np.array([2])], raw, input_lengths=[0, 3, 0],
                        reduction="none")  # fmt: skip
    assert empty[0] == 0.0 and empty[2] == np.inf
    assert cls().value([], np.empty((0, 3, 4)), reduction="sum") == 0.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", CLASSES)
def test_many_classes(isa, cls, dtype):
    """Classes that cannot be change nothing: loops over whole vectors and what is left of a row."""
    y, raw, lengths = problem(11, n=4, t=20, dtype=dtype)
    value, gradient = cls().value_gradient(y, raw, **lengths)
    for k, places in ((16, [0, 3, 7, 8, 14, 15]), (40, [0, 2, 15, 16, 31, 39]), (37, [0, 17, 31, 32, 35, 36])):
        wide = np.full((*raw.shape[:2], k), -1e30, dtype=dtype)
        wide[..., places] = raw
        labels = np.where(y >= 0, np.array(places)[y], y)
        more, slopes = cls().value_gradient(labels, wide, **lengths)
        assert more == pytest.approx(value, rel=RTOL[dtype])
        np.testing.assert_allclose(slopes[..., places], gradient, rtol=4 * RTOL[dtype], atol=4 * RTOL[dtype])
        assert not np.delete(slopes, places, -1).any()


def test_nan_and_infinity_propagate_from_classes_without_label():
    y, raw, lengths = problem(8, n=3, k=6)
    for bad in (np.nan, np.inf):
        for loss in (losses.CTC(), losses.CTCFromLogProbabilities()):
            broken = np.concatenate([raw, raw[..., :1]], axis=-1)
            broken[1, 2, 6] = bad
            assert np.isnan(loss.value(y, broken, reduction="none", **lengths)).tolist() == [False, True, False]


def test_nan_and_infinity_propagate():
    y, raw, lengths = problem(8, n=4)
    for bad in (np.nan, np.inf):
        for loss in (losses.CTC(), losses.CTCFromLogProbabilities(), losses.CTC(zero_infinity=True)):
            broken = raw.copy()
            broken[1, 2, 3] = bad
            broken[2, lengths["input_lengths"][2] :] = bad  # padding: not looked at
            value, gradient = loss.value_gradient(y, broken, reduction="none", **lengths)
            clean, slopes = loss.value_gradient(y, raw, reduction="none", **lengths)
            assert np.isnan(value[1]) and np.isnan(gradient[1, : lengths["input_lengths"][1]]).all()
            np.testing.assert_array_equal(np.delete(value, 1), np.delete(clean, 1))
            np.testing.assert_array_equal(np.delete(gradient, 1, 0), np.delete(slopes, 1, 0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_reductions_outputs_threads(isa, dtype):
    loss = losses.CTC()
    y, raw, lengths = problem(9, n=11, dtype=dtype)
    weight = np.random.default_rng(0).uniform(0, 2, 11)
    weight[3] = 0.0
    each, slopes = loss.value_gradient(y, raw, reduction="none", **lengths)
    weighted, weighted_slopes = loss.value_gradient(y, raw, weight, reduction="none", **lengths)
    np.testing.assert_allclose(weighted, weight * each, rtol=RTOL[dtype])
    np.testing.assert_allclose(weighted_slopes, weight[:, None, None] * slopes, rtol=RTOL[dtype], atol=RTOL[dtype])
    value, gradient = loss.value_gradient(y, raw, weight, **lengths)
    assert value == pytest.approx(weighted.sum() / weight.sum(), rel=1e-6)
    np.testing.assert_allclose(gradient, weighted_slopes / weight.sum(), rtol=1e-6, atol=RTOL[dtype])
    assert loss.value(y, raw, weight, reduction="sum", **lengths) == pytest.approx(value * weight.sum(), rel=1e-12)
    out, losses_out = np.empty_like(raw), np.empty(11, dtype)
    for n_threads in (1, 2, 3):
        again = loss.value_gradient(y, raw, weight, n_threads=n_threads, gradient_out=out, **lengths)
        assert again[0] == value and again[1] is out and again[1].dtype == dtype
        np.testing.assert_array_equal(out, gradient)
        got = loss.value(y, raw, reduction="none", n_threads=n_threads, value_out=losses_out, **lengths)
        assert got is losses_out
        np.testing.assert_array_equal(got, each)
    np.testing.assert_array_equal(loss.gradient(y, raw, weight, **lengths), gradient)
    # A list of arrays is the same as padded rows, and padding is not looked at.
    rows = [row[:m] for row, m in zip(y, lengths["target_lengths"])]
    assert loss.value(rows, raw, weight, input_lengths=lengths["input_lengths"]) == value
    padded = np.where(np.arange(y.shape[1]) < lengths["target_lengths"][:, None], y, -99)
    assert loss.value(padded.astype(np.int32), raw, weight, **lengths) == value
    np.testing.assert_allclose(loss.predict(raw).sum(-1), 1.0, rtol=1e-6)


def test_names_and_parameters():
    for cls in CLASSES:
        loss = cls(blank=2, zero_infinity=True)
        assert losses.get(cls.name, blank=2, zero_infinity=True) == loss == eval(repr(loss), vars(losses))
        assert pickle.loads(pickle.dumps(loss)) == copy.deepcopy(loss) == loss != cls(blank=2)
        assert losses.BATCH_LOSSES[cls.name] is cls and hash(loss) == hash(copy.copy(loss))
    assert losses.get("CTCLoss") == losses.get("ctc_loss") == losses.CTC()
    assert losses.get(losses.CTC()) == losses.CTC()


def test_errors():
    loss = losses.CTC(blank=0)
    y, raw, lengths = problem(10, n=3)
    cases = [
        ((y, raw[0]), {}, ValueError, r"raw_prediction must have shape \(n, t, k\)"),
        ((y, raw.astype(int)), {}, TypeError, "raw_prediction must be an array of float32 or float64"),
        ((y[:2], raw), {}, ValueError, r"y_true has shape \(2, 10\) and raw_prediction has 3 sequences"),
        ((y.astype(float), raw), {}, TypeError, "y_true must have an integer dtype, got dtype float64"),
        ((y - y, raw), {}, ValueError, r"0 to 5 .* other than blank=0, got 0 at index \(0, 0\)"),
        ((y + 5, raw), {}, ValueError, "y_true of CTC must be class indices from 0 to 5"),
        (([y[0], y[1]], raw), {}, ValueError, "y_true is a list of 2; raw_prediction has 3 sequences"),
        (([y[0], y[1], y], raw), {}, ValueError, r"y_true\[2\] must have one dimension"),
        (([y[0], [], [1, 7]], raw), {}, ValueError, r"got 7 at index 1 of y_true\[2\]"),
        (([y[0], [], [0.5]], raw), {}, TypeError, r"y_true\[2\] must have an integer dtype"),
        ((list(y), raw), {"target_lengths": [1, 1, 1]}, ValueError, "target_lengths is for y_true of shape"),
        ((y, raw), {"target_lengths": [1, 1]}, ValueError, r"target_lengths has shape \(2,\); it must have shape \(3,\)"),
        ((y, raw), {"target_lengths": [1, 11, 1]}, ValueError, "target_lengths must be from 0 to 10, .* got 11 at index 1"),
        ((y, raw), {"input_lengths": [30, 30, 31]}, ValueError, "input_lengths must be from 0 to 30, .* got 31 at index 2"),
        ((y, raw), {"input_lengths": [30, 30, 1.5]}, TypeError, "input_lengths must have an integer dtype"),
        ((y, raw, [1.0, -1.0, 1.0]), {}, ValueError, "sample_weight must be finite and >= 0, got -1.0 at index 1"),
        ((y, raw, [1.0, 1.0]), {}, ValueError, r"sample_weight has shape \(2,\); it must have shape \(3,\)"),
        ((y, raw, [0.0, 0.0, 0.0]), {}, ValueError, "sample_weight sums to 0"),
        ((y, raw), {"reduction": "median"}, ValueError, "reduction must be one of"),
        ((y, raw), {"n_threads": 0}, ValueError, "n_threads must be"),
        ((y, raw), {"value_out": np.empty(3)}, ValueError, "value_out is for reduction='none'"),
        ((y, raw), {"reduction": "none", "value_out": np.empty(2)}, ValueError, "value_out must have shape"),
    ]  # fmt: skip
    for args, options, error, words in cases:
        with pytest.raises(error, match=words):
            loss.value(*args, **options)
    with pytest.raises(ValueError, match="gradient_out shares memory with raw_prediction"):
        loss.gradient(y, raw, gradient_out=raw, **lengths)
    with pytest.raises(ValueError, match="there are no samples"):
        loss.value([], np.empty((0, 3, 4)))
    with pytest.raises(ValueError, match="blank=9 is no class: raw_prediction has 6"):
        losses.CTC(blank=9).value(y, raw)
    for arguments, error in (({"blank": -1}, ValueError), ({"blank": 1.0}, TypeError), ({"zero_infinity": 1}, TypeError)):
        with pytest.raises(error, match=next(iter(arguments))):
            losses.CTC(**arguments)
    with pytest.raises(NotImplementedError, match="CTC offers no Hessian"):
        loss.gradient_hessian(y, raw)
    with pytest.raises(NotImplementedError, match="CTC offers no product"):
        loss.hessp(y, raw, raw)
    with pytest.raises(NotImplementedError, match="pass over rows"):
        loss._kernel(np.float64)


def test_strided_and_read_only():
    y, raw, lengths = problem(11, n=4)
    value = losses.CTC().value(y, raw, **lengths)
    time_major = np.ascontiguousarray(raw.transpose(1, 0, 2))
    time_major.flags.writeable = False
    assert losses.CTC().value(y, time_major.transpose(1, 0, 2), **lengths) == value
