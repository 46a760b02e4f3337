"""Value and gradient of every loss in `fastopt.losses.LOSSES`."""

import numpy as np
import numpy_losses
import peers
import pytest
from harness import OURS, Entry

from fastopt.losses import LOSSES

DTYPES = ("float32", "float64")
POINTWISE = {"1e2": 10**2, "1e4": 10**4, "1e6": 10**6}
ROWS = {"1e5x10": (10**5, 10), "1e4x1000": (10**4, 1000)}
# float32: sums of a million terms by BLAS and by torch, in float32.
TOLERANCE = {"float32": 2e-4, "float64": 1e-9}
# The choice of n_threads=None depends on the estimated time alone: a cheap, a middling and a dear loss of each family.
AUTOMATIC = ("half_squared_error", "huber", "logistic", "probit", "softmax_cross_entropy")


def sizes(loss, quick):
    if LOSSES[loss].is_rowwise:
        k = LOSSES[loss].n_columns
        if k is not None:
            return [f"1e5x{k}"]
        return ["1e5x10"] if quick else ROWS
    return {size: POINTWISE[size] for size in ("1e2", "1e6")} if quick else POINTWISE


def pytest_generate_tests(metafunc):
    quick, counts = metafunc.config.getoption("--quick"), metafunc.config.thread_counts
    if "case" in metafunc.fixturenames:
        cases = [
            (name, dtype, size, n_threads)
            for name in LOSSES
            for dtype in DTYPES
            for size in sizes(name, quick)
            for n_threads in ([1] if size in ("1e2", "1e4") else counts[-1:] if quick else counts)
        ]
        metafunc.parametrize("case", cases, ids=["-".join(map(str, case)) for case in cases])
    if "short" in metafunc.fixturenames:
        cases = [
            (name, dtype, size)
            for name in AUTOMATIC
            for dtype in DTYPES
            for size in (["1e5x10"] if LOSSES[name].is_rowwise else ["1e4", "1e6"])
        ]
        if quick:
            cases = [case for case in cases if case[0] == "logistic"]
        metafunc.parametrize("short", cases, ids=["-".join(map(str, case)) for case in cases])


def problem(loss, dtype, size):
    rng = np.random.default_rng(0)
    if loss.is_rowwise:
        n, k = ROWS[size] if loss.n_columns is None else (10**5, loss.n_columns)
        y, raw = loss.sample(rng, n, n_classes=k)
    else:
        y, raw = loss.sample(rng, POINTWISE[size])
    return (y if y.dtype.kind in "iu" else y.astype(dtype)), np.ascontiguousarray(raw, dtype=dtype)


def expected(name, loss, y, raw):
    """Value and gradient in float64: the NumPy reference's; without one, None."""
    reference = numpy_losses.LOSSES.get(name)
    if reference is None:
        return None
    return reference(y if y.dtype.kind in "iu" else y.astype(np.float64), raw.astype(np.float64), loss)


def by_differences(loss, y, raw, answer, dtype):
    """Without a reference: the gradient along a random direction against a difference of values, in float64."""
    y, raw = (a if a.dtype.kind in "iu" else a.astype(np.float64) for a in (y, raw))
    value, gradient = loss.value_gradient(y, raw)
    direction = np.random.default_rng(1).uniform(0.5, 1.0, size=raw.shape) * 1e-6
    slope = (loss.value(y, raw + direction) - loss.value(y, raw - direction)) / 2
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-3, atol=1e-12)
    np.testing.assert_allclose(answer[0], value, rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(answer[1], gradient, rtol=1e-3, atol=TOLERANCE[dtype] * np.abs(gradient).max())


def test_value_gradient(case, compare):
    name, dtype, size, n_threads = case
    loss = LOSSES[name]()
    y, raw = problem(loss, dtype, size)
    reference = numpy_losses.LOSSES.get(name)
    out = np.empty_like(raw)
    candidates = {
        OURS: Entry(lambda: loss.value_gradient(y, raw, n_threads=n_threads, gradient_out=out)),
        "numpy": "no reference" if reference is None else Entry(lambda: reference(y, raw, loss)),
        "scikit-learn": peers.sklearn_loss(name, loss, y, raw, n_threads),
        "torch": peers.torch_loss(name, loss, y, raw),
    }
    entries, missing = peers.split(candidates)
    truth = expected(name, loss, y, raw)

    def check(label, answer):
        if truth is None:
            return by_differences(loss, y, raw, answer, dtype)
        np.testing.assert_allclose(answer[0], truth[0], rtol=TOLERANCE[dtype], err_msg=label)
        scale = np.abs(truth[1]).max()
        np.testing.assert_allclose(answer[1], truth[1], rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=label)

    compare(
        kind="loss",
        name=name,
        dtype=dtype,
        size=size,
        n_threads=n_threads,
        entries=entries,
        missing=missing,
        check=check,
        value=float(entries[OURS].call()[0]),
    )


def test_automatic_threads(short, compare, request):
    """The default n_threads=None must not lose against one thread."""
    if request.config.thread_counts == [1]:
        pytest.skip("one processor: None is one thread")
    name, dtype, size = short
    loss = LOSSES[name]()
    y, raw = problem(loss, dtype, size)
    out = np.empty_like(raw)  # one for both: where an array lies makes some percent
    entries = {
        OURS: Entry(lambda: loss.value_gradient(y, raw, gradient_out=out)),
        "fastopt, n_threads=1": Entry(lambda: loss.value_gradient(y, raw, n_threads=1, gradient_out=out)),
    }
    value, gradient = loss.value_gradient(y, raw, n_threads=1)

    def check(label, answer):
        assert answer[0] == value, label
        np.testing.assert_array_equal(answer[1], gradient, err_msg=label)

    compare(
        kind="automatic",
        name=name,
        dtype=dtype,
        size=size,
        n_threads=request.config.thread_counts[-1],
        entries=entries,
        check=check,
    )
