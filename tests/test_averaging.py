"""Averages of parameters: torch's, structures, state, input errors."""

import pickle

import numpy as np
import pytest

from fastopt.optimizers import SGD, ParameterAverage

SHAPES = [(7, 5), (), (0, 3), (20_000,)]


@pytest.mark.parametrize("decay", [None, 0.0, 0.9, 0.999])
def test_as_torch(decay, isa, torch_float64):
    torch = torch_float64
    swa = torch.optim.swa_utils
    rng = np.random.default_rng(0)
    params = [np.asarray(rng.standard_normal(s)) for s in SHAPES]
    model = torch.nn.ParameterList([torch.nn.Parameter(torch.tensor(w)) for w in params])
    make = swa.get_swa_multi_avg_fn() if decay is None else swa.get_ema_multi_avg_fn(decay)
    theirs, ours = swa.AveragedModel(model, multi_avg_fn=make), ParameterAverage(params, decay)
    for _ in range(30):
        for p, w in zip(model, params):
            w += rng.standard_normal(w.shape)
            p.data.copy_(torch.tensor(w))
        ours.update()
        theirs.update_parameters(model)
    assert ours.n_updates == 30
    for a, p in zip(ours.averages(), theirs.module):
        np.testing.assert_allclose(a, p.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_mean():
    """Of all parameters, also in float32 after many updates."""
    w = np.full(100, 0.7, np.float32)
    mean, moving = ParameterAverage(w), ParameterAverage(w, decay=0.9999)
    for _ in range(3000):
        mean.update()
        moving.update()
    assert (mean.averages() == w).all() and (moving.averages() == w).all()
    rows = np.random.default_rng(1).standard_normal((50, 9))
    w = np.zeros(9)
    mean = ParameterAverage(w)
    np.testing.assert_array_equal(mean.averages(), w)
    for row in rows:
        w[:] = row
        mean.update()
    np.testing.assert_allclose(mean.averages(), rows.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits(dtype, isa):
    """The same for any number of threads, and through state_dict and pickle."""
    results = []
    for n_threads in (1, 2, 3, -1, None):
        rng = np.random.default_rng(2)
        params = {str(i): np.asarray(rng.standard_normal(s)).astype(dtype) for i, s in enumerate(SHAPES)}
        average = ParameterAverage(params, 0.7, n_threads=n_threads)
        for k in range(6):
            for w in params.values():
                w *= dtype(1.1)
            if k == 2:
                state, average = average.state_dict(), ParameterAverage(params, 0.7, n_threads=n_threads)
                average.load_state_dict(state)
            average.update()
        results.append(average.averages())
        again = pickle.loads(pickle.dumps(average))
        again.update()
        average.update()
        for key, a in average.averages().items():
            np.testing.assert_array_equal(a, again.averages()[key])
    for other in results[1:]:
        assert set(other) == set(results[0])
        for key, a in other.items():
            np.testing.assert_array_equal(a, results[0][key])


def test_beside_an_optimizer():
    """Constant steps on noisy gradients: the mean is nearer than the last iterate."""
    rng = np.random.default_rng(3)
    w = np.zeros(50)
    optimizer, mean = SGD(w, lr=0.2), ParameterAverage(w)
    for step in range(4000):
        optimizer.step(w - 1.0 + rng.standard_normal(50))
        if step >= 100:
            mean.update()
    assert np.abs(mean.averages() - 1.0).max() < 0.1 < np.abs(w - 1.0).max()


def _moved():
    w = np.ones(8)
    average = ParameterAverage([w])
    w.resize(4, refcheck=False)
    average.update()


ERRORS = [
    (lambda: ParameterAverage([]), ValueError, "params is empty"),
    (lambda: ParameterAverage(3.0), TypeError, "params must be an array, a list of arrays or a dict"),
    (lambda: ParameterAverage([np.ones(3, int)]), TypeError, r"params\[0\] must have dtype float32 or float64"),
    (lambda: ParameterAverage(np.ones((3, 4)).T), ValueError, "params is not C-contiguous"),
    (lambda: ParameterAverage(np.ones(3), decay=1.0), ValueError, r"decay must be in \[0, 1\), got 1.0"),
    (lambda: ParameterAverage(np.ones(3), decay="0.9"), TypeError, "decay must be a number, got str"),
    (lambda: ParameterAverage(np.ones(3), n_threads=0), ValueError, "n_threads"),
    (lambda: ParameterAverage(np.ones(3)).load_state_dict({}), ValueError, "state must have the keys"),
    (lambda: ParameterAverage(np.ones(3)).load_state_dict(3), TypeError, "state must be a mapping of arrays, got int"),
    (
        lambda: ParameterAverage(np.ones(3)).load_state_dict(ParameterAverage(np.ones(4)).state_dict()),
        ValueError,
        r"state\['average'\] has shape \(4,\) and dtype float64, expected \(3,\)",
    ),
    (
        lambda: ParameterAverage(np.ones(3)).load_state_dict(ParameterAverage(np.ones(3, np.float32)).state_dict()),
        ValueError,
        "dtype float32, expected",
    ),
    (_moved, ValueError, "resized or moved"),
]


@pytest.mark.parametrize("call, error, message", ERRORS, ids=[m for *_, m in ERRORS])
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
