"""Differentially private gradients: per-sample clipping, sums, noise, state."""

import numpy as np
import pytest

from fastopt.optimizers import SGD, DPAggregate, dp_gradient


def samples(n, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    scale = rng.exponential(size=n)
    return {
        name: (scale.reshape(n, *[1] * len(shape)) * rng.standard_normal((n, *shape))).astype(dtype)
        for name, shape in (("kernel", (7, 90)), ("bias", (600,)), ("scale", ()))
    }


def test_sums_of_clipped_gradients(isa):
    for dtype in (np.float32, np.float64):
        for n in (1, 2, 37):
            given = samples(n, dtype)
            kept = {k: v.copy() for k, v in given.items()}
            wide = {k: v.astype(np.float64) for k, v in given.items()}
            norms = np.sqrt(sum((v.reshape(n, -1) ** 2).sum(axis=1) for v in wide.values()))
            limit = float(np.median(norms))
            factors = np.minimum(1, limit / norms)
            results = []
            for n_threads in (1, 2):
                made = dp_gradient(given, limit, 0.0, seed=0, n_threads=n_threads)
                results.append(made)
                for k, v in wide.items():
                    expected = np.tensordot(factors, v, axes=1) / n
                    assert made[k].dtype == dtype and made[k].shape == v.shape[1:]
                    rtol = 2e-7 if dtype == np.float32 else 1e-12
                    np.testing.assert_allclose(made[k], expected, rtol=rtol, atol=1e-14)
            assert all((results[0][k] == results[1][k]).all() for k in given)
            assert all((given[k] == kept[k]).all() for k in given)
            other = dp_gradient(given, limit, 0.0, seed=0, expected_batch_size=2 * n)
            np.testing.assert_allclose(other["bias"], made["bias"] / 2, rtol=1e-6)


def test_as_optax():
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    from optax import contrib

    assert optax
    with jax.enable_x64(True):
        given = samples(37)
        peer = contrib.differentially_private_aggregate(3.0, 0.0, 0)
        expected, _ = peer.update({k: jax.numpy.asarray(v) for k, v in given.items()}, peer.init(given))
        made = dp_gradient(given, 3.0, 0.0, seed=0)
        for k in given:
            np.testing.assert_allclose(made[k], np.asarray(expected[k]), rtol=1e-11, atol=1e-14)


def test_noise():
    given = [np.zeros((10, 20_001)), np.zeros((10, 30_000), np.float32)]
    private = DPAggregate(2.0, 0.7, seed=3)
    a, b = private(given), private(given)
    for one in (*a, *b):
        x = one.astype(np.float64) * 10 / (2.0 * 0.7)
        assert abs(x.mean()) < 5 / np.sqrt(x.size) and abs(x.var() - 1) < 5 * np.sqrt(2 / x.size)
    assert abs(np.corrcoef(a[0], b[0])[0, 1]) < 5 / np.sqrt(20_000)
    assert abs(np.corrcoef(a[0], a[1][:20_001])[0, 1]) < 5 / np.sqrt(20_000)
    again = dp_gradient(given, 2.0, 0.7, seed=3, step=1)
    assert all((x == y).all() for x, y in zip(b, again))
    # An empty batch is noise alone; without a seed no two aggregates agree.
    empty = dp_gradient(np.zeros((0, 1000)), 1.0, 1.0, seed=1, expected_batch_size=5)
    assert empty.shape == (1000,) and empty.std() == pytest.approx(0.2, rel=0.2)
    assert (DPAggregate(1.0, 1.0)(given)[0] != DPAggregate(1.0, 1.0)(given)[0]).all()
    assert "seed" not in repr(DPAggregate(1.0, 1.0, seed=12345)) and private.n_steps == 2


def test_resume_and_training():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 4))
    y = X @ [1.0, -2.0, 3.0, 0.5]

    def run(w, opt, private, n):
        for _ in range(n):
            opt.step(private((X @ w - y)[:, None] * X))

    whole, half = np.zeros(4), np.zeros(4)
    run(whole, SGD(whole, lr=0.5), DPAggregate(1.0, 0.3, seed=9), 60)
    first, opt = DPAggregate(1.0, 0.3, seed=9), SGD(half, lr=0.5)
    run(half, opt, first, 20)
    second = DPAggregate(1.0, 0.3)
    second.load_state_dict(first.state_dict())
    run(half, opt, second, 40)
    assert (whole == half).all() and np.abs(whole - [1, -2, 3, 0.5]).max() < 0.2


def test_bad_input():
    good = np.ones((3, 2))
    bad = np.ones((3, 2))
    bad[1, 0] = np.inf
    for call, error, message in (
        (lambda: dp_gradient(bad, 1.0, 1.0, seed=0), ValueError, "the gradient of sample 1 is not finite"),
        (lambda: dp_gradient([good, np.ones((4, 2))], 1.0, 1.0, seed=0), ValueError, r"grads\[1\] has shape \(4, 2\)"),
        (lambda: dp_gradient(np.ones(()), 1.0, 1.0, seed=0), ValueError, r"per_sample_grads has shape \(\)"),
        (lambda: dp_gradient(np.ones((3, 2), int), 1.0, 1.0, seed=0), TypeError, "must have dtype float32 or float64"),
        (lambda: dp_gradient([], 1.0, 1.0, seed=0), ValueError, "per_sample_grads is empty"),
        (lambda: dp_gradient([[1.0]], 1.0, 1.0, seed=0), TypeError, "must be an array of"),
        (lambda: dp_gradient(np.ones((0, 2)), 1.0, 1.0, seed=0), ValueError, "has no samples"),
        (lambda: dp_gradient(good, 0, 1.0, seed=0), ValueError, "clip_norm must be > 0"),
        (lambda: dp_gradient(good, 1.0, -1.0, seed=0), ValueError, "noise_multiplier must be finite and >= 0"),
        (lambda: dp_gradient(good, 1.0, 1.0, seed=-1), ValueError, "seed must be in"),
        (lambda: dp_gradient(good, 1.0, 1.0, seed=0, step=2**32), ValueError, "step must be <"),
        (
            lambda: dp_gradient(good, 1.0, 1.0, seed=0, expected_batch_size=0),
            ValueError,
            "expected_batch_size must be > 0",
        ),
        (lambda: DPAggregate(1.0, 1.0, n_threads=0), ValueError, "n_threads"),
        (lambda: DPAggregate(1.0, 1.0).load_state_dict({"step": 1}), ValueError, "state must have the keys"),
    ):
        with pytest.raises(error, match=message):
            call()
    private = DPAggregate(1.0, 1.0)
    with pytest.raises(ValueError, match="not finite"):
        private(bad)
    assert private.n_steps == 0
