"""CTC against torch, Cox's partial likelihood against skglm, losses of overlap against NumPy; value and gradient."""

import numpy as np
import pytest
from harness import OURS, Entry

from fastopt import losses

DTYPES = ("float32", "float64")


def pytest_generate_tests(metafunc):
    if "n_threads" in metafunc.fixturenames:
        counts = metafunc.config.thread_counts
        metafunc.parametrize("n_threads", counts[-1:] if metafunc.config.getoption("--quick") else counts)


def torch_ctc(y, raw, input_lengths, target_lengths):
    """torch's log_softmax and ctc_loss, forward and backward, or why not."""
    torch = pytest.importorskip("torch")
    labels, frames, counts = map(torch.tensor, (y, input_lengths, target_lengths))
    logits = torch.tensor(raw, requires_grad=True)

    def call():
        logits.grad = None
        log_p = torch.log_softmax(logits, -1).transpose(0, 1)
        value = torch.nn.functional.ctc_loss(log_p, labels, frames, counts, reduction="sum")
        value.backward()
        return value.item(), logits.grad.numpy()

    return call


@pytest.mark.parametrize("dtype", DTYPES)
def test_ctc(dtype, n_threads, compare):
    n, t, k, s = 32, 200, 80, 40
    rng = np.random.default_rng(0)
    y, raw = rng.integers(1, k, (n, s)), rng.normal(size=(n, t, k)).astype(dtype)
    lengths = {"input_lengths": np.full(n, t), "target_lengths": np.full(n, s)}
    loss, out = losses.CTC(), np.empty_like(raw)
    truth = loss.value_gradient(y, raw.astype(np.float64), reduction="sum", **lengths)
    # float32: torch's own arithmetic is 5e-4 away.
    tolerance = {OURS: 1e-6, "torch": 2e-3} if dtype == "float32" else {OURS: 1e-10, "torch": 1e-10}
    options = {"reduction": "sum", "n_threads": n_threads, "gradient_out": out, **lengths}
    entries = {
        OURS: Entry(lambda: loss.value_gradient(y, raw, **options)),
        "torch": Entry(torch_ctc(y, raw, **lengths)),
    }

    def check(label, answer):
        np.testing.assert_allclose(answer[0], truth[0], rtol=1e-5, err_msg=label)
        np.testing.assert_allclose(answer[1], truth[1], atol=tolerance[label], err_msg=label)

    compare(kind="batch", name="ctc", dtype=dtype, size=f"{n}x{t}x{k}", n_threads=n_threads, entries=entries,
            check=check, value=truth[0])  # fmt: skip


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox(ties, compare, request):
    n = 10**4 if request.config.getoption("--quick") else 10**5
    datafits = pytest.importorskip("skglm.datafits")
    compiled = pytest.importorskip("skglm.utils.jit_compilation").compiled_clone
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, n // 20, n), rng.random(n) < 0.7]).astype(float)
    z = rng.normal(size=n)
    target, loss, out = losses.SurvivalTarget(y[:, 0], y[:, 1]), losses.CoxPartialLikelihood(ties), np.empty(n)
    theirs, none = compiled(datafits.Cox(use_efron=ties == "efron")), np.zeros(1)
    theirs.initialize(np.zeros((n, 1)), y)
    entries = {
        OURS: Entry(lambda: loss.value_gradient(target, z, n_threads=1, gradient_out=out)),
        "skglm": Entry(lambda: (theirs.value(y, none, z), theirs.raw_grad(y, z))),
    }
    truth = theirs.value(y, none, z), theirs.raw_grad(y, z)

    def check(label, answer):
        np.testing.assert_allclose(answer[0], truth[0], rtol=1e-10, err_msg=label)
        np.testing.assert_allclose(answer[1], truth[1], rtol=1e-7, atol=1e-12, err_msg=label)

    compare(kind="batch", name=f"cox_{ties}", dtype="float64", size=f"{n:.0e}", n_threads=1, entries=entries,
            check=check, value=truth[0])  # fmt: skip


def numpy_dice(y, z, smooth):
    """What a good NumPy user would write."""
    p = 1 / (1 + np.exp(-z))
    tp = p @ y
    below = 0.5 * (p.sum() + y.sum()) + smooth
    return 1 - (tp + smooth) / below, (0.5 * (tp + smooth) - y * below) / below**2 * p * (1 - p)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dice(dtype, n_threads, compare):
    n = 10**6
    y, raw, _ = losses.Dice().sample(np.random.default_rng(0), n, 1)
    y, z = y.ravel().astype(dtype), raw.ravel().astype(dtype)
    loss, out = losses.Dice(), np.empty_like(z)
    truth = numpy_dice(y.astype(np.float64), z.astype(np.float64), 1.0)
    entries = {
        OURS: Entry(lambda: loss.value_gradient(y, z, n_threads=n_threads, gradient_out=out)),
        "numpy": Entry(lambda: numpy_dice(y, z, 1.0)),
    }

    def check(label, answer):
        np.testing.assert_allclose(answer[0], truth[0], rtol=1e-4, err_msg=label)
        np.testing.assert_allclose(answer[1], truth[1], atol=1e-4 * np.abs(truth[1]).max(), err_msg=label)

    compare(kind="batch", name="dice", dtype=dtype, size="1e6", n_threads=n_threads, entries=entries, check=check,
            value=truth[0])  # fmt: skip
