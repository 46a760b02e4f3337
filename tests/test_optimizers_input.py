"""Optimizers: what is refused, with which words, and what unusual gradients and parameters do."""

import numpy as np
import pytest
from rules import (
    OPTIMIZERS,
    SIGNS,
    O,
    brief,
)

from fastopt import optimizers, schedules
from fastopt.optimizers import SGD, Adam

# Input


def _readonly():
    w = np.ones(3)
    w.flags.writeable = False
    return w


def _unaligned(dtype=np.float64, n=3):
    return np.frombuffer(bytearray(8 * n + 1), dtype=np.uint8)[1:].view(dtype)[:n]


_w = np.ones(6)
PARAM_ERRORS = [
    (lambda: SGD(np.ones((3, 4)).T), ValueError, r"params is not C-contiguous \(shape \(4, 3\), strides"),
    (lambda: SGD([np.ones(6)[::2]]), ValueError, r"params\[0\] is not C-contiguous"),
    (lambda: SGD([np.ones(2), _readonly()]), ValueError, r"params\[1\] is read-only"),
    (
        lambda: SGD({"w": np.ones(3, np.int64)}),
        TypeError,
        r"params\['w'\] must have dtype float32 or float64, got int64",
    ),
    (lambda: SGD([np.ones(3, np.float16)]), TypeError, "got float16"),
    (lambda: SGD([np.ones(3, np.complex128)]), TypeError, "got complex128"),
    (lambda: SGD([np.ones(3, ">f8")]), TypeError, "got >f8"),
    (lambda: SGD([_unaligned()]), ValueError, "not aligned"),
    (lambda: SGD([[1.0, 2.0]]), TypeError, r"params\[0\] must be a NumPy array .* got list"),
    (lambda: SGD(3.0), TypeError, "params must be an array, a list of arrays or a dict .* got float"),
    (lambda: SGD("w"), TypeError, "got str"),
    (lambda: SGD([]), ValueError, "params is empty"),
    (lambda: SGD({}), ValueError, "params is empty"),
    (lambda: SGD([_w, np.ones(1), _w]), ValueError, r"params\[0\] and params\[2\] are the same array"),
    (lambda: SGD([_w[:4], _w[3:]]), ValueError, r"params\[0\] and params\[1\] share memory"),
    (
        lambda: SGD([{"params": _w}, {"params": [_w]}]),
        ValueError,
        r"params\[0\]\['params'\] and params\[1\]\['params'\]\[0\]",
    ),
    (lambda: SGD([{"params": _w}, {"lr": 1.0}]), TypeError, "a group of parameters is a dict with the key 'params'"),
    (lambda: SGD([{"params": _w, "rate": 1.0}]), ValueError, "unknown key 'rate' in a group"),
    (lambda: SGD([{"params": _w, "n_threads": 1}]), ValueError, "n_threads belongs to the whole optimizer"),
    (lambda: SGD([{"params": _w, "lr": -1.0}]), ValueError, "lr must be finite and >= 0, got -1.0"),
    (lambda: SGD([{"params": _w, "nesterov": True}]), ValueError, "nesterov needs a momentum"),
    (lambda: SGD([_w]).add_param_group({"params": _w}), ValueError, "are the same array"),
    (lambda: SGD([_w]).add_param_group({"params": []}), ValueError, "empty"),
    (lambda: SGD().add_param_group({"params": _w}), ValueError, "recipe without parameters"),
    (lambda: SGD().state_dict(), ValueError, "recipe without parameters"),
    (lambda: SGD().bind(None), TypeError, "bind needs parameters"),
    (lambda: SGD(lr=-0.1), ValueError, "lr must be finite and >= 0, got -0.1"),
    (lambda: SGD(lr=float("nan")), ValueError, "lr must be finite"),
    (lambda: SGD(lr="0.1"), TypeError, "lr must be a number or a function of the step, got '0.1'"),
    (lambda: SGD(lr=None), TypeError, "lr must be a number, got NoneType"),
    (lambda: SGD(momentum=-0.1), ValueError, "momentum must be finite and >= 0"),
    (lambda: SGD(weight_decay=-1), ValueError, "weight_decay must be finite and >= 0"),
    (lambda: SGD(dampening=float("inf")), ValueError, "dampening"),
    (lambda: SGD(nesterov=True), ValueError, "nesterov needs a momentum > 0 and dampening 0"),
    (lambda: SGD(momentum=0.9, dampening=0.1, nesterov=True), ValueError, "nesterov needs"),
    (
        lambda: SGD(momentum=0.9, dampening=0.1, like="keras"),
        ValueError,
        "dampening is a parameter of like='torch' only",
    ),
    (lambda: SGD(nesterov=1), TypeError, "nesterov must be True or False, got 1"),
    (lambda: SGD(maximize="no"), TypeError, "maximize must be True or False"),
    (lambda: SGD(like="jax"), ValueError, "like must be one of 'torch', 'keras', 'optax', got 'jax'"),
    (lambda: SGD(n_threads=0), ValueError, "n_threads must be .* got 0"),
    (lambda: SGD(n_threads=1.5), TypeError, "n_threads must be"),
    (lambda: Adam(betas=(0.9, 1.0)), ValueError, r"betas\[1\] must be in \[0, 1\), got 1.0"),
    (lambda: Adam(betas=(-0.1, 0.9)), ValueError, r"betas\[0\] must be in \[0, 1\), got -0.1"),
    (lambda: Adam(betas=0.9), TypeError, "betas must be a pair of numbers, got 0.9"),
    (lambda: Adam(betas=(0.9,)), TypeError, "betas must be a pair"),
    (lambda: Adam(eps=-1e-8), ValueError, "eps must be finite and >= 0"),
    (lambda: Adam(amsgrad=None), TypeError, "amsgrad must be True or False"),
    (lambda: Adam(decoupled_weight_decay=0), TypeError, "decoupled_weight_decay must be True or False"),
    (lambda: Adam().set_params(beta=1), ValueError, "Adam has no parameter 'beta'; it has lr, betas, eps"),
    (lambda: SGD(clip_global_norm=0), ValueError, "clip_global_norm must be > 0, got 0"),
    (lambda: SGD(clip_global_norm="1"), TypeError, "clip_global_norm must be a number, got str"),
    (lambda: O.Adagrad(lr_decay=0.1, like="keras"), ValueError, "lr_decay is a parameter of like='torch' only"),
    (lambda: O.Adagrad(eps=0, like="optax"), ValueError, "eps must be > 0, got 0: like='optax' has it under the root"),
    (lambda: O.Adagrad(initial_accumulator_value=-1), ValueError, "initial_accumulator_value must be finite and >= 0"),
    (lambda: O.Adadelta(rho=1.5), ValueError, r"rho must be in \[0, 1\], got 1.5"),
    (lambda: O.RMSprop(alpha=-0.1), ValueError, r"alpha must be in \[0, 1\)"),
    (lambda: O.RMSprop(centered=1), TypeError, "centered must be True or False, got 1"),
    (lambda: O.Adamax(betas=(1, 0)), ValueError, r"betas\[0\] must be in"),
    (lambda: O.NAdam(momentum_decay=-1), ValueError, "momentum_decay must be finite and >= 0"),
    (lambda: O.RAdam(like="keras"), ValueError, "like must be one of 'torch', 'optax', got 'keras'"),
    (lambda: O.Adan(betas=(0.9, 0.9)), TypeError, "betas must be a tuple of 3 of numbers|tuple of 3"),
    (lambda: O.Signum(momentum=1.0), ValueError, r"momentum must be in \[0, 1\)"),
    (lambda: O.Rprop(lr=schedules.Constant(0.1)), TypeError, "lr of Rprop must be a number, its first step"),
    (lambda: O.Rprop(etas=(1.2, 0.5)), ValueError, "etas must be .* got .1.2, 0.5"),
    (lambda: O.Rprop(etas=0.5), TypeError, "etas must be a pair of numbers, got 0.5"),
    (lambda: O.Rprop(step_sizes=(1, 0.5)), ValueError, "step_sizes must be .least, largest."),
    (lambda: O.FTRL(lr=0), ValueError, "lr must be > 0, got 0: FTRL divides by it"),
    (lambda: O.FTRL(l1=-1), ValueError, "l1 must be finite and >= 0"),
    (lambda: O.ASGD(t0=-1), ValueError, "t0 must be finite and >= 0"),
    (lambda: O.ASGD().averages(), ValueError, "recipe without parameters"),
    (lambda: O.ScheduleFreeSGD(momentum=0), ValueError, "momentum must be > 0, got 0: the average"),
    (lambda: O.ScheduleFreeAdamW(betas=(0, 0.9)), ValueError, r"betas\[0\] must be > 0"),
    (lambda: O.ScheduleFreeAdamW(warmup_steps=1.5), TypeError, "warmup_steps must be an integer, got 1.5"),
    (lambda: O.ScheduleFreeAdamW(warmup_steps=-1), ValueError, "warmup_steps must be >= 0, got -1"),
    (lambda: O.ScheduleFreeRAdam(silent_sgd_phase=0), TypeError, "silent_sgd_phase must be True or False"),
    (lambda: optimizers.get("lbfgs"), ValueError, "unknown optimizer 'lbfgs'; there are 'sgd', 'adam', 'adamw'"),
    (lambda: optimizers.get(3), TypeError, "an optimizer is a name or an Optimizer, got int"),
]


@pytest.mark.parametrize("make, error, message", PARAM_ERRORS, ids=[m for _, _, m in PARAM_ERRORS])
def test_bad_parameters(make, error, message):
    with pytest.raises(error, match=message):
        make()
    assert (_w == 1).all()


def _list():
    return [np.ones((2, 3)), np.ones(4)]


def _dict():
    return {"w": np.ones((2, 3)), "b": np.ones(4)}


def _groups():
    return [{"params": np.ones((2, 3))}, {"params": [np.ones(4)]}]


_a, _b = np.ones((2, 3)), np.ones(4)
GRAD_ERRORS = [
    (_list, [_a, np.ones(5)], ValueError, r"grads\[1\] has shape \(5,\), but params\[1\] has shape \(4,\)"),
    (_list, [np.ones((3, 2)), _b], ValueError, r"grads\[0\] has shape \(3, 2\), but params\[0\] has shape \(2, 3\)"),
    (_list, [_a, np.ones((4, 1))], ValueError, r"has shape \(4, 1\), but"),
    (_list, [_a], ValueError, "grads has 1 arrays, but params has 2"),
    (_list, [_a, _b, _b], ValueError, "grads has 3 arrays, but params has 2"),
    (_list, _a, TypeError, "grads must be a list of 2 arrays, as params is, got ndarray"),
    (_list, {"w": _a, "b": _b}, TypeError, "grads must be a list of 2 arrays, as params is, got dict"),
    (_list, [_a, None], TypeError, r"grads\[1\] must be a NumPy array of float64, got NoneType"),
    (_list, [_a, [1.0] * 4], TypeError, r"grads\[1\] must be a NumPy array of float64, got list"),
    (_list, [_a, _b.astype(np.float32)], TypeError, r"grads\[1\] has dtype float32, but params\[1\] has dtype float64"),
    (_list, [_a, np.ones(4, int)], TypeError, r"grads\[1\] has dtype int64.*astype\('float64'\)"),
    (_list, [_a, np.ones(4, np.float16)], TypeError, "has dtype float16"),
    (_dict, {"w": _a}, ValueError, r"other names than params: missing \['b'\], unknown \[\]"),
    (_dict, {"w": _a, "c": _b}, ValueError, r"missing \['b'\], unknown \['c'\]"),
    (_dict, {"w": _a, "b": _a}, ValueError, r"grads\['b'\] has shape \(2, 3\), but params\['b'\] has shape \(4,\)"),
    (_dict, [_a, _b], TypeError, "grads must be a dict from name to array, as params is, got list"),
    (_groups, [_a], ValueError, "grads has 1 entries, but there are 2 groups"),
    (_groups, [_a, _b], TypeError, r"grads\[1\] must be a list of 1 arrays"),
    (_groups, {"w": _a}, TypeError, "grads must be a list of 2 groups, got dict"),
    (_groups, [_a, [_a]], ValueError, r"grads\[1\]\['params'\]\[0\] has shape"),
]


@pytest.mark.parametrize("make, grads, error, message", GRAD_ERRORS, ids=[m for *_, m in GRAD_ERRORS])
def test_bad_gradients(make, grads, error, message):
    """The message, and that nothing was touched before it."""
    params = make()
    optimizer = Adam(params)
    with pytest.raises(error, match=message):
        optimizer.step(grads)
    assert optimizer.n_steps == 0
    for _, _, w, slots in optimizer.updates():
        assert (w == 1).all() and all((slot == 0).all() for slot in slots)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "x", "0.1", None, np.ones(2)])
def test_bad_schedule(value):
    w = np.ones(3)
    number = isinstance(value, float)
    message = (
        "the schedule gives lr = " if number else "the lr that the schedule gives at step 1 must be a number, got "
    )
    optimizer = SGD(w, lr=lambda step: 0.1 if step < 1 else value)
    optimizer.step(np.ones(3))
    before = w.copy()
    with pytest.raises(ValueError if number else TypeError, match=f"{message}.*"):
        optimizer.step(np.ones(3))
    np.testing.assert_array_equal(w, before)
    assert optimizer.n_steps == 1


def test_gradients_that_are_copied():
    """Strided, Fortran-ordered, unaligned, byte-swapped and read-only gradients give the same step."""
    rng = np.random.default_rng(11)
    g = rng.standard_normal((4, 6))
    wide = np.zeros((4, 12))
    wide[:, ::2] = g
    odd = _unaligned(n=24).reshape(4, 6)
    odd[...] = g
    fixed = g.copy()
    fixed.flags.writeable = False
    results = []
    for given in (g, wide[:, ::2], np.asfortranarray(g), odd, g.astype(">f8"), fixed, g[::-1, ::-1][::-1, ::-1]):
        w = np.ones((4, 6))
        before = given.copy()
        Adam(w).step(given)
        np.testing.assert_array_equal(given, before)
        results.append(w)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_gradients_that_are_parameters():
    """A gradient may share memory with parameters: the step uses what they were before it."""
    w = np.array([3.0, -2.0])
    SGD(w, lr=0.25).step(w)
    np.testing.assert_array_equal(w, [2.25, -1.5])
    x, y = np.full(5000, 2.0), np.full(5000, 10.0)  # the game x * y: each is the other's gradient
    SGD([x, y], lr=0.5).step([y, x])
    assert (x == -3.0).all() and (y == 9.0).all()
    whole = np.arange(20_000.0)
    w, g = whole[:10_000], whole[3:10_003]
    expected = w - g
    SGD(w, lr=1.0, n_threads=2).step(g)
    np.testing.assert_array_equal(w, expected)


def test_parameter_made_read_only():
    w = np.ones(8)
    optimizer = SGD([np.ones(2), w])
    optimizer.step([np.ones(2), np.ones(8)])
    w.flags.writeable = False
    with pytest.raises(ValueError, match=r"params\[1\] was resized, moved or made read-only"):
        optimizer.step([np.ones(2), np.ones(8)])


@pytest.mark.parametrize("size", [0, 4, 9, 1_000_000])
def test_resized_parameter(size):
    w = np.ones(8)
    optimizer = SGD([w])
    optimizer.step([np.ones(8)])
    w.resize(size, refcheck=False)
    with pytest.raises(ValueError, match="resized"):
        optimizer.step([np.ones(size)])


@brief
def test_not_finite(name, options, rule, isa):
    """Stays in its element."""
    g = np.ones(100)
    bad = {3: np.nan, 50: np.inf, 99: -np.inf}
    expected = {3} if rule in SIGNS else set(bad)  # the sign of infinity is finite
    for i, value in bad.items():
        g[i] = value
    w = np.ones(100)
    optimizer = OPTIMIZERS[name](w, **options)
    optimizer.step(g)
    optimizer.step(np.ones(100))
    assert set(np.flatnonzero(~np.isfinite(w))) == expected
    assert len({v for i, v in enumerate(w) if i not in bad}) == 1


def test_betas_zero():
    """The sign of the gradient."""
    w = np.ones(3)
    optimizer = Adam(w, lr=0.5, betas=(0.0, 0.0), eps=0.0)
    optimizer.step(np.array([1e-3, -7.0, 1e5]))
    optimizer.step(np.array([2.0, -1e-9, 1e-5]))
    np.testing.assert_array_equal(w, [0.0, 2.0, 0.0])


def test_eps_zero():
    w = np.ones(2)
    Adam(w, lr=0.1, eps=0.0).step(np.array([0.0, 2.0]))
    assert np.isnan(w[0]) and w[1] == pytest.approx(0.9)
