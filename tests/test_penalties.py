"""The penalties against their definitions, at every level, in both element types."""

import copy
import functools
import itertools
import math
import pickle

import numpy as np
import pytest

from fastopt import _kernels, optimizers, penalties
from fastopt.objective import LinearObjective
from fastopt.penalties import L1, L2, Box, ElasticNet, NonNegative, Sum, prox_step
from fastopt.penalties._base import ALIASES
from fastopt.reference import penalties as reference

mpmath = pytest.importorskip("mpmath")

DTYPES = (np.float64, np.float32)
VARIED = {
    "l1": [{"alpha": 0.25}, {"alpha": 0.0}, {"alpha": 0.5, "weights": (0.0, 1.0, 2.5, 0.125)}],
    "l2": [{"alpha": 0.25}, {"alpha": 0.0}, {"alpha": 0.5, "weights": (0.0, 1.0, 2.5, 0.125)}],
    "elastic_net": [
        {"alpha": 0.25, "l1_ratio": 0.75},
        {"alpha": 2.0, "l1_ratio": 0.0},
        {"alpha": 2.0, "l1_ratio": 1.0},
        {"alpha": 0.5, "weights": (0.0, 1.0, 2.5, 0.125)},
    ],
    "box": [
        {"lower": -0.75, "upper": 0.5},
        {"lower": 0.5, "upper": 2.0},
        {"lower": -2.0, "upper": -0.5},
        {"lower": -math.inf, "upper": 0.5},
        {"lower": 0.25, "upper": 0.25},
        {"lower": (-1.0, 0.5, -math.inf, -2.0), "upper": (1.0, 0.5, math.inf, -0.5)},
    ],
}
SINGLE = [cls() for cls in penalties.PENALTIES.values()] + [
    cls(**params) for cls in penalties.PENALTIES.values() for params in VARIED.get(cls.name, [])
]
WEIGHTED = L1(0.5, weights=[0.0, 1.0, 2.5, 0.125])
SUMS = [
    penalties.get(a) + penalties.get(b)
    for a, b in itertools.combinations(penalties.PENALTIES, 2)
    if frozenset((a, b)) in penalties.SUMS
]
SUMS += [
    L1(0.5) + L2(0.25) + NonNegative(),
    L1(0.5) + Box(0.5, 2.0),
    L1(0.5) + L2(0.25) + Box(-2.0, -0.5),
    ElasticNet(0.5, 0.25) + Box(-0.75, 0.5) + NonNegative() + L1(0.125),
    WEIGHTED + L2(0.5, weights=[1.0, 0.0, 0.0, 2.0]) + Box([-1.0, 0.5, -math.inf, -2.0], [1.0, 0.5, math.inf, -0.5]),
    L2(0.0) + NonNegative(),
]
ALL = SINGLE + SUMS
# Kinks and limits, thresholds, small and large numbers; the same in float32.
GRID = np.array(
    [0.0, 0.25, -0.25, 0.5, -0.5, 0.75, -0.75, 1.0, -1.0, 1.5, -1.5, 2.0, -2.0, 0.1, -3.7, 1e-20, -1e-20, 1e3, -1e3],
    dtype=np.float32,
).astype(np.float64)

each = pytest.mark.parametrize("penalty", ALL, ids=repr)
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=["f64", "f32"])


def terms_of(penalty):
    return penalty.terms if isinstance(penalty, Sum) else (penalty,)


def statement(penalty, j):
    """The terms of coefficient j for the reference."""
    result = []
    for term in terms_of(penalty):
        params = term.get_params()
        weights = params.pop("weights", None)
        params = {k: float(v[j]) if isinstance(v, np.ndarray) else v for k, v in params.items()}
        if weights is not None:
            params["alpha"] *= float(weights[j])
        result.append((term.name, params))
    return result


def length(penalty):
    """Coefficients by which its parameters are given, else 1."""
    arrays = [v for t in terms_of(penalty) for v in t.get_params().values() if isinstance(v, np.ndarray)]
    return arrays[0].size if arrays else 1


def columns(penalty, dtype=np.float64, grid=GRID):
    """Each number of the grid for each coefficient, as rows of coefficients."""
    return np.repeat(np.asarray(grid, dtype)[:, None], length(penalty), axis=1)


def close(got, expected, dtype, scale=0.0):
    """Within 8 roundings of the expected numbers and of a scale, or what underflows."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected)
    finite = np.isfinite(expected)
    bound = 8 * np.finfo(dtype).eps * (np.abs(np.where(finite, expected, 0.0)) + scale) + 20 * np.finfo(dtype).tiny
    ok = got == expected
    ok |= finite & (np.abs(np.where(finite, got, 0.0) - np.where(finite, expected, 0.0)) <= bound)
    assert ok.all(), (got[~ok][:5], expected[~ok][:5])


def by_element(penalty, function, *arrays):
    """function(terms, numbers...) with many digits, over arrays of rows of coefficients."""
    out = np.empty(arrays[0].shape)
    with mpmath.workdps(50):
        for index in np.ndindex(*out.shape):
            out[index] = float(function(statement(penalty, index[-1]), *(mpmath.mpf(float(a[index])) for a in arrays)))
    return out


@each_dtype
@each
def test_value(penalty, dtype, isa):
    x = columns(penalty, dtype)
    expected = by_element(penalty, reference.value, x)
    for row, numbers in zip(x, expected):
        got = penalty.value(row)
        assert type(got) is float
        close(got, numbers.sum(), dtype)


@functools.cache
def argmin(penalty, step):
    return by_element(penalty, lambda terms, v: reference.prox(terms, v, mpmath.mpf(step)), columns(penalty))


@each_dtype
@each
@pytest.mark.parametrize("step", [0.3, 7.0])
def test_prox_is_the_argmin(penalty, step, dtype, isa):
    v = columns(penalty, dtype)
    got = penalty.prox(v, step)
    assert got.dtype == dtype and got.shape == v.shape
    # A soft threshold's error is that of its operands.
    close(got, argmin(penalty, step), dtype, np.abs(v.astype(np.float64)) + 1)


@each_dtype
@each
def test_subdifferential_distance(penalty, dtype, isa):
    pairs = np.array(list(itertools.product(GRID, [0.0, 0.5, -0.5, 0.2, -3.0, 40.0])))
    x, g = (columns(penalty, dtype, numbers) for numbers in pairs.T)

    def distance(terms, x, g):
        slopes = reference.slopes(terms, x)
        return mpmath.inf if slopes is None else max(slopes[0] + g, -g - slopes[1], 0)

    got = penalty.subdifferential_distance(x, g)
    assert got.dtype == dtype
    expected = by_element(penalty, distance, x, g)
    close(got, expected, dtype, np.abs(x.astype(np.float64)) + np.abs(g) + 1)


@each
def test_support(penalty, isa):
    x = columns(penalty)

    def smooth(terms, x):
        slopes = reference.slopes(terms, x)
        return slopes is not None and slopes[0] == slopes[1]

    got = penalty.support(x)
    assert got.dtype == bool
    np.testing.assert_array_equal(got, by_element(penalty, smooth, x).astype(bool))
    if penalty.is_smooth:
        assert got.all()


@each_dtype
@each
def test_prox_is_optimal(penalty, dtype, isa):
    """0 is in (x - v) / step + subdifferential at x = prox(v)."""
    rng = np.random.default_rng(0)
    v = rng.normal(size=(500, length(penalty))).astype(dtype) * 3
    for step in (0.25, 2.0):
        x = penalty.prox(v, step)
        distance = penalty.subdifferential_distance(x, (x - v) / dtype(step))
        assert distance.max() <= 40 * np.finfo(dtype).eps * np.abs(v).max() / step
        assert np.isfinite(penalty.value(x[0]))


@each_dtype
@each
def test_prox_with_a_step_for_each_coefficient(penalty, dtype, isa):
    """The bits of the steps one by one, and coefficient by coefficient no other point is lower in their metric."""
    rng = np.random.default_rng(2)
    v = rng.normal(size=(700, length(penalty))).astype(dtype) * 3
    steps = np.exp2(rng.uniform(-6, 4, size=v.shape)).astype(dtype)
    steps[::7] = 0.0
    got = penalty.prox(v, steps)
    assert got.dtype == dtype and got.shape == v.shape
    for index in [(0, 0), (3, 0), (8, v.shape[1] - 1), (599, 0), (699, v.shape[1] - 1)]:
        assert got[index] == penalty.prox(v[index[0]], float(steps[index]))[index[1]]
    v_place, step_place = v.copy(), steps.copy()
    penalty.prox(v_place, steps, out=v_place)
    penalty.prox(v, step_place, out=step_place)
    assert np.array_equal(v_place, got) and np.array_equal(step_place, got)
    for n in (1, 2, 511, 513, 20_000):
        many, each_step, expected = (np.resize(a, (n, v.shape[1])) for a in (v, steps, got))
        for n_threads in (1, 2, 3):
            assert np.array_equal(penalty.prox(many, each_step, n_threads=n_threads), expected)

    alone = [
        [
            type(term)(**{k: p[[j]] if isinstance(p, np.ndarray) else p for k, p in term.get_params().items()})
            for term in terms_of(penalty)
        ]
        for j in range(v.shape[1])
    ]
    x, w, at = (a[2::35].astype(np.float64) for a in (got, v, steps))

    def model(x):
        phi = [[sum(one.value(np.array([c])) for one in alone[j]) for j, c in enumerate(row)] for row in x]
        return (x - w) ** 2 / (2 * at) + phi

    low = model(penalty.prox(x, 0))  # limits are those of float64
    slack = 200 * np.finfo(dtype).eps * (1 + np.abs(low))
    for other in (0 * x, w, *(x + move for move in (1e-3, -1e-3, 0.1, -0.1, 1.0, -1.0))):
        assert (model(other) >= low - slack).all()


def test_steps_of_zero_project():
    v = np.array([-2.0, 0.3, 5.0])
    np.testing.assert_array_equal((L1(0.5) + L2(2.0)).prox(v, 0), v)
    np.testing.assert_array_equal((L1(0.5) + Box(-1, 1)).prox(v, np.zeros(3)), [-1, 0.3, 1])
    assert L1().prox(np.array(2.0), np.array(0.5)) == 1.5
    assert L1().prox(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)
    steps = np.array([1, 2, 3])  # cast to the dtype of v
    np.testing.assert_array_equal(L1().prox(np.full(3, 4.0, np.float32), steps), np.float32([3, 2, 1]))
    memory = np.arange(1.0, 9.0)  # steps that overlap out
    np.testing.assert_array_equal(L1().prox(np.full(7, 9.0), memory[:-1], out=memory[1:]), 9 - np.arange(1.0, 8.0))


@each_dtype
@each
def test_prox_is_firmly_nonexpansive(penalty, dtype, isa):
    rng = np.random.default_rng(1)
    v, u = (rng.normal(size=(500, length(penalty))).astype(dtype) * 3 for _ in range(2))
    p = (penalty.prox(v, 0.5) - penalty.prox(u, 0.5)).astype(np.float64)
    d = v.astype(np.float64) - u
    assert (p * p <= p * d + 20 * np.finfo(dtype).eps * (1 + d * d)).all()


@each
def test_conjugate(penalty, isa):
    """The maximum over a wide interval, where it is inside; infinite where it runs away with the interval."""
    v = columns(penalty, grid=[0.0, 0.1, -0.1, 0.5, -0.5, 0.7, -0.7, 1.0, -1.0, 3.0, -3.0])
    near, far = (
        by_element(penalty, lambda terms, v: reference.conjugate(terms, v, mpmath.mpf(reach)), v)
        for reach in (1e4, 1e6)
    )
    expected = np.where(far > 10 * np.abs(near) + 1, np.inf, far)
    for row, numbers in zip(v, expected):
        close(penalty.conjugate(row), numbers.sum(), np.float64, 4.0)


@each_dtype
@each
def test_fenchel_young(penalty, dtype, isa):
    """phi(x) + phi*(s) >= <x, s>, and equal for a slope s at x: here the one that the proximal step found."""
    rng = np.random.default_rng(2)
    for scale in (0.3, 3.0):
        v = (rng.normal(size=length(penalty)) * scale).astype(dtype)
        s = rng.normal(size=length(penalty)).astype(dtype)
        x = penalty.prox(v, 1.0)
        eps = 40 * np.finfo(dtype).eps
        total = penalty.value(x) + penalty.conjugate(s)
        assert total >= np.vdot(x.astype(np.float64), s) - eps * (1 + np.abs(x * s).sum())
        # Exact binary fractions: v - x does not leave the domain of the conjugate by rounding.
        v = np.round(v * 16) / 16
        x = penalty.prox(v, 1.0)
        slope = v - x
        assert slope.dtype == dtype
        total = penalty.value(x) + penalty.conjugate(slope)
        assert abs(total - np.vdot(x.astype(np.float64), slope)) <= eps * (1 + (v * v).sum())


@each
def test_nan_and_infinity(penalty, isa):
    for dtype in DTYPES:
        x = np.full(length(penalty), np.nan, dtype)
        zero = np.zeros(length(penalty), dtype)
        assert np.isnan(penalty.value(x)) and np.isnan(penalty.conjugate(x))
        assert np.isnan(penalty.prox(x, 1.0)).all()
        assert np.isnan(penalty.subdifferential_distance(x, zero)).all()
        assert np.isnan(penalty.subdifferential_distance(zero, x)).all()
        for big in (np.inf, -np.inf):
            p = penalty.prox(np.full(length(penalty), big, dtype), 1.0)
            assert not np.isnan(p).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_strengths_of_zero_at_infinity(isa, dtype):
    """0 |x| and 0 x^2 are 0 there as well."""
    big = np.array([np.inf, -np.inf], dtype)
    assert (L1(0.0) + L2(0.0)).value(big) == 0.0
    for penalty in (L1(0.0), L2(0.0), ElasticNet(0.0), L1(weights=[0.0, 0.0])):
        assert penalty.value(big) == 0.0
        np.testing.assert_array_equal(penalty.subdifferential_distance(big, np.ones(2, dtype)), 1.0)
    for penalty in (ElasticNet(1.0, 1.0), ElasticNet(1.0, 0.0), L1() + NonNegative(), L1(0.0) + NonNegative()):
        assert penalty.value(big) == np.inf
    assert (L1(0.0) + NonNegative()).value(big[:1]) == 0.0


@pytest.mark.parametrize("penalty", [L1(1e39), L2(1e39), ElasticNet(1e40), L1(weights=[1.0, 1e39]), Box(1e39, 1e40),
                                     Box(-1e40, [-1e39, 0.0]), L1(1e39) + NonNegative()])  # fmt: skip
def test_strengths_beyond_float32(penalty):
    """They would be infinite there, and the value at 0 nan."""
    x = np.zeros(2, np.float32)
    for call in (penalty.value, penalty.conjugate, lambda v: penalty.prox(v, 1.0)):
        with pytest.raises(ValueError, match=r"e.[34].*beyond the numbers of float32, the dtype of (v|coef)"):
            call(x)
        assert not np.isnan(call(x.astype(np.float64))).any()
    with pytest.raises(ValueError, match="beyond the numbers of float32, the dtype of params"):
        prox_step(x, penalty, 1.0)


def test_limits_beyond_float32_set_none():
    x = np.array([-3e38, 3e38], np.float32)
    assert Box(-1e39, 1e39).value(x) == 0 and np.array_equal(Box(-1e39, [1e39, 1e40]).prox(x, 1.0), x)


@each
def test_arrays(penalty, isa):
    """In place, empty, strided, unaligned, read-only, big-endian: the same numbers."""
    n = length(penalty)
    rng = np.random.default_rng(3)
    for dtype in DTYPES:
        v = rng.normal(size=(40, n)).astype(dtype) * 2
        g = rng.normal(size=(40, n)).astype(dtype)
        prox, distance, support = penalty.prox(v, 0.5), penalty.subdifferential_distance(v, g), penalty.support(v)
        value, conjugate = penalty.value(v), penalty.conjugate(v)
        strided = np.zeros((40, 2 * n), dtype)[:, ::2]
        strided[...] = v
        unaligned = np.zeros(v.nbytes + 1, np.uint8)[1:].view(dtype).reshape(v.shape)
        unaligned[...] = v
        fixed = v.copy()
        fixed.flags.writeable = False
        swapped = v.astype(v.dtype.newbyteorder())
        for other in (strided, unaligned, fixed, swapped, np.asfortranarray(v)):
            np.testing.assert_array_equal(penalty.prox(other, 0.5), prox)
            np.testing.assert_array_equal(penalty.subdifferential_distance(other, g), distance)
            np.testing.assert_array_equal(
                penalty.subdifferential_distance(v, 1 * other), penalty.subdifferential_distance(v, v)
            )
            np.testing.assert_array_equal(penalty.support(other), support)
            assert penalty.value(other) == value and penalty.conjugate(other) == conjugate
            np.testing.assert_array_equal(other, v)
        out = np.empty_like(v)
        assert penalty.prox(v, 0.5, out=out) is out
        np.testing.assert_array_equal(out, prox)
        same = v.copy()
        assert penalty.prox(same, 0.5, out=same) is same
        np.testing.assert_array_equal(same, prox)
        for k in range(2):
            pair = [v.copy(), g.copy()]
            penalty.subdifferential_distance(*pair, out=pair[k])
            np.testing.assert_array_equal(pair[k], distance)
        room = np.zeros((41, n), dtype)
        room[1:] = v
        penalty.prox(room[1:], 0.5, out=room[:-1])  # shifted by a row
        np.testing.assert_array_equal(room[:-1], prox)
        room[1:] = g
        penalty.subdifferential_distance(v, room[1:], out=room[:-1])
        np.testing.assert_array_equal(room[:-1], distance)
        empty = np.empty((0, n), dtype)
        assert penalty.value(empty) == 0.0 and penalty.conjugate(empty) == 0.0
        assert penalty.prox(empty, 1.0).shape == (0, n)
        assert penalty.subdifferential_distance(empty, empty).shape == (0, n)
        assert penalty.support(empty).shape == (0, n)
        if n == 1:
            assert penalty.prox(v[0, 0:1].reshape(()), 0.5) == prox[0, 0]


@each_dtype
@pytest.mark.parametrize("size", [1, 255, 256, 257, 8192, 8193, 40_001])
def test_long_arrays(size, dtype, isa):
    """Chunks, blocks and ends; the same bits for any number of threads."""
    rng = np.random.default_rng(4)
    x, g, w = rng.normal(size=(3, size)).astype(dtype)
    for penalty in (L1(0.5), L1(0.5, weights=np.abs(w)), ElasticNet(0.7, 0.3, weights=np.abs(w)) + NonNegative()):
        results = []
        for n_threads in (1, 2, 3):
            results.append(
                (
                    penalty.prox(x, 0.5, n_threads=n_threads).tobytes(),
                    penalty.subdifferential_distance(x, g, n_threads=n_threads).tobytes(),
                    penalty.value(np.abs(x), n_threads=n_threads),
                    penalty.conjugate(x, n_threads=n_threads),
                )
            )
        assert results[0] == results[1] == results[2]
    small = np.sign(x) * np.maximum(np.abs(x) - dtype(0.25) * np.abs(w), 0)
    close(L1(0.5, weights=np.abs(w)).prox(x, 0.5), small, dtype, 1.0)
    total = 0.5 * math.fsum(np.abs(x.astype(np.float64)))
    assert L1(0.5).value(x) == pytest.approx(total, rel=1e-14)
    squares = math.fsum(x.astype(np.float64) ** 2) / 4
    assert L2(0.5).value(x) == pytest.approx(squares, rel=1e-14 if dtype == np.float64 else 1e-7)


def test_l2_gradient():
    rng = np.random.default_rng(5)
    c = rng.normal(size=4)
    for penalty in (L2(0.7), L2(0.7, weights=[0.0, 1.0, 2.0, 3.0])):
        h = 1e-6
        differences = [(penalty.value(c + h * e) - penalty.value(c - h * e)) / (2 * h) for e in np.eye(4)]
        np.testing.assert_allclose(penalty.gradient(c), differences, atol=1e-9)
        assert penalty.subdifferential_distance(c, -penalty.gradient(c)).max() <= 1e-15


def test_dual_norm():
    v = np.array([1.0, -4.0, 2.0, 0.0])
    assert L1(0.5).dual_norm(v) == 8.0
    assert L1(0.5, weights=[1, 2, 4, 0]).dual_norm(v) == 4.0
    assert L1(0.5, weights=[0, 2, 4, 0]).dual_norm(v) == np.inf
    assert L1(0.0).dual_norm(v) == np.inf and L1(0.0).dual_norm(0 * v) == 0.0
    assert L1().dual_norm(np.empty(0)) == 0.0
    assert np.isnan(L1().dual_norm(np.array([np.nan, 1.0])))
    for scale in (0.999, 1.0, 1.001):
        penalty = L1(0.3, weights=[1, 2, 3, 1])
        u = scale * v / penalty.dual_norm(v)
        assert (penalty.conjugate(u) == 0.0) == (penalty.dual_norm(u) <= 1)
    for penalty in ALL:
        assert penalty.is_norm == (penalty.name == "l1")
        if not penalty.is_norm:
            with pytest.raises(NotImplementedError, match="is not a norm and has no dual norm; use conjugate"):
                penalty.dual_norm(np.ones(length(penalty)))


# Objects.


@each
def test_objects(penalty):
    same = pickle.loads(pickle.dumps(penalty))
    assert same == penalty and hash(same) == hash(penalty) and repr(same) == repr(penalty)
    assert copy.deepcopy(penalty) is penalty and copy.copy(penalty) is penalty
    assert penalty.kind == "coordinate"
    assert penalty != "l1" and not penalty == 1.0
    with pytest.raises(AttributeError, match="penalties are immutable: make a new"):
        penalty.alpha = 2.0
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del penalty.alpha
    if not isinstance(penalty, Sum):
        again = type(penalty)(**penalty.get_params())
        assert again == penalty
        names = {"inf": np.inf, "array": np.array, type(penalty).__name__: type(penalty)}
        assert eval(repr(penalty), names) == penalty
    assert len({repr(p) for p in ALL}) == len(ALL)
    assert sum(p == penalty for p in ALL) == 1


def test_clone():
    base = pytest.importorskip("sklearn.base")
    for penalty in ALL:
        assert base.clone(penalty) == penalty


def test_parameters_are_kept():
    w = np.array([1.0, 2.0])
    penalty = L1(weights=w)
    w[0] = 9.0
    assert penalty.value(np.ones(2)) == 3.0
    with pytest.raises(ValueError, match="read-only"):
        penalty.weights[0] = 1.0
    assert repr(L2(alpha=0.5)) == "L2(alpha=0.5)"
    assert L1(1) == L1(1.0) != L2(1.0)
    assert Box(-0.0, 1) == Box(0, 1)


def test_matrix_of_coefficients():
    c = np.arange(6.0).reshape(2, 3)
    by_column, full = L1(weights=[1, 0, 2]), L1(weights=[[1, 0, 2], [3, 0, 1]])
    assert by_column.value(c) == 3 + 2 * 2 + 2 * 5
    assert full.value(c) == 2 * 2 + 3 * 3 + 5
    np.testing.assert_array_equal(by_column.prox(c, 1.0), [[0, 1, 0], [2, 4, 3]])


def test_registry():
    roster = set(_kernels.table.penalties[np.dtype(np.float64)].names())
    assert roster == {*penalties.PENALTIES, "sum"} == {*reference.STATEMENTS, "sum"}
    for alias, name in ALIASES.items():
        assert penalties.get(alias) == penalties.PENALTIES[name]()
    assert {cls.__name__ for cls in penalties.PENALTIES.values()} <= set(penalties.__all__)
    assert penalties.get("elasticnet", alpha=0.5, l1_ratio=0.25) == ElasticNet(0.5, 0.25)
    assert penalties.get(WEIGHTED) is WEIGHTED


# Sums.


def test_sums_are_in_the_table():
    for a, b in itertools.product(penalties.PENALTIES.values(), repeat=2):
        if frozenset((a.name, b.name)) in penalties.SUMS:
            assert (a() + b()).terms == (a(), b())
            assert repr(a() + b()) == f"{a()!r} + {b()!r}"
        else:
            with pytest.raises(TypeError, match="not one whose proximal step is known to be exact; .* can be added to"):
                a() + b()
    assert (L1() + (L2() + Box())) == ((L1() + L2()) + Box()) == Sum(L1(), L2(), Box())
    assert L1() + L2() != L2() + L1()  # printed and compared as written


def test_a_class_of_ones_own():
    class Mine(penalties.Penalty):
        name = "mine"

        def __init__(self):
            super().__init__()

    words = r"Mine\(\) can be added to no penalty; L1\(alpha=1.0\) can be added to Box, ElasticNet, L2, NonNegative"
    with pytest.raises(TypeError, match=words):
        Mine() + L1()


ONE = np.ones(3)
ERRORS = [
    (lambda: L1(-1.0), ValueError, "alpha must be finite and >= 0, got -1.0"),
    (lambda: L1(math.nan), ValueError, "alpha must be finite and >= 0, got nan"),
    (lambda: L2(math.inf), ValueError, "alpha must be finite and >= 0, got inf"),
    (lambda: L2("1"), TypeError, "alpha must be a real number, got '1'"),
    (lambda: L2(True), TypeError, "alpha must be a real number, got True"),
    (lambda: ElasticNet(1.0, 1.5), ValueError, r"l1_ratio must be in \[0, 1\], got 1.5"),
    (lambda: ElasticNet(1.0, None), TypeError, "l1_ratio must be a real number, got NoneType"),
    (lambda: L1(weights=2.0), TypeError, "weights must be an array with one number for each coefficient, got 2.0"),
    (lambda: L1(weights=[1.0, -2.0]), ValueError, "weights must be finite and >= 0, got -2.0"),
    (lambda: L1(weights=[1.0, np.nan]), ValueError, "weights must be finite and >= 0, got nan"),
    (lambda: L2(weights=[1.0, np.inf]), ValueError, "weights must be finite and >= 0, got inf"),
    (lambda: L2(weights=["a"]), TypeError, "weights must be an array of real numbers, got dtype <U1"),
    (lambda: Box(1.0, 0.0), ValueError, "lower must be <= upper, < inf and upper > -inf, got 1.0 and 0.0"),
    (lambda: Box(math.inf, math.inf), ValueError, "lower must be <= upper"),
    (lambda: Box([0.0, 2.0], 1.0), ValueError, "got 2.0 and 1.0"),
    (lambda: Box(math.nan, 1.0), ValueError, "lower must not be NaN, got nan"),
    (lambda: Box(0.0, "1"), TypeError, "upper must be a real number or an array of them, got '1'"),
    (lambda: Box(0.0, [True]), TypeError, "upper must be an array of real numbers, got dtype bool"),
    (lambda: Box([0.0, 1.0], [1.0, 2.0, 3.0]), ValueError, r"limits have shapes \(2,\) and \(3,\)"),
    (lambda: penalties.get("l3"), ValueError, "unknown penalty 'l3'; known are l1, l2, elastic_net, box, nonnegative"),
    (lambda: penalties.get("l1", l1_ratio=0.5), TypeError, "L1 takes alpha, weights, got 'l1_ratio'"),
    (lambda: penalties.get("nonnegative", a=1), TypeError, "NonNegative takes no parameters, got 'a'"),
    (lambda: penalties.get(L1(), alpha=1.0), TypeError, "cannot be applied to L1"),
    (lambda: penalties.get(3), TypeError, "name must be a str or a Penalty, got int"),
    (lambda: L1() + 1.0, TypeError, r"only penalties can be added to L1\(alpha=1.0\), got float"),
    (lambda: 1.0 + L1(), TypeError, r"only penalties can be added to L1\(alpha=1.0\), got float"),
    (lambda: L1() + L1(), TypeError, "one L1 with both strengths or limits says the same; L1"),
    (lambda: L1() + L2() + L1(), TypeError, "is not one whose proximal step"),
    (lambda: Sum(L1()), TypeError, "a sum has two terms or more, got 1"),
    (lambda: Sum(L1(), 2.0), TypeError, "terms of a sum are penalties, got 2.0"),
    (lambda: Box(-2.0, -1.0) + NonNegative(), ValueError, "must allow a number for each coefficient, got 0.0 and -1.0"),
    (lambda: L1(weights=[1.0]) + L2(weights=[1.0, 2.0]), ValueError, r"shapes \(1,\), \(2,\); terms of a sum need"),
    (lambda: L1(weights=[1.0]) + ElasticNet(weights=[1.0, 2.0]), ValueError, r"shapes \(1,\) and \(2,\)"),
    (lambda: WEIGHTED.value(ONE), ValueError, r"coef has shape \(3,\), but weights of L1 has shape \(4,\)"),
    (
        lambda: WEIGHTED.prox(np.ones((4, 2)), 1.0),
        ValueError,
        r"v has shape \(4, 2\), .* must have that shape or \(2,\)",
    ),
    (lambda: WEIGHTED.dual_norm(ONE), ValueError, r"v has shape \(3,\), but weights of L1 has shape \(4,\)"),
    (lambda: L1().value([1, 2]), TypeError, "coef must be an array of float32 or float64, got dtype int64"),
    (lambda: L1().prox(ONE.astype(np.float16), 1.0), TypeError, "v must be an array of float32 or float64"),
    (lambda: L1().prox(ONE, -1.0), ValueError, r"step must be in \[0, inf\), got -1.0"),
    (lambda: L1().prox(ONE, math.nan), ValueError, "step must be in"),
    (lambda: L1().prox(ONE, math.inf), ValueError, "step must be in"),
    (lambda: L1().prox(ONE, "1"), TypeError, "step must be a real number, got str"),
    (lambda: L1().prox(ONE, [1.0, 1.0, 1.0]), TypeError, "step must be a real number, got list"),
    (lambda: L1().prox(ONE, np.ones(2)), ValueError, r"step has shape \(2,\) and v has shape \(3,\)"),
    (lambda: L1().prox(ONE, np.ones((1, 3))), ValueError, r"step has shape \(1, 3\) and v has shape \(3,\)"),
    (lambda: L1().prox(ONE, 1j * ONE), TypeError, "step must be an array of real numbers"),
    (lambda: L1().prox(ONE, np.array([1, -2.0, 1])), ValueError, "step must be finite and >= 0, got -2.0 at index 1"),
    (lambda: L1().prox(ONE, np.array([1, 1, math.nan])), ValueError, "finite and >= 0, got nan at index 2"),
    (lambda: L1().prox(ONE, np.array([math.inf, 1, 1])), ValueError, "finite and >= 0, got inf at index 0"),
    (lambda: Grouped().prox(ONE, ONE), ValueError, r"Grouped is not a sum over coefficients: .* got an array of shape"),
    (lambda: L1().prox(ONE, 1.0, n_threads=0), ValueError, "n_threads must be a positive integer"),
    (lambda: L1().prox(ONE, 1.0, out=[1.0]), TypeError, "out must be a NumPy array, got list"),
    (lambda: L1().prox(ONE, 1.0, out=np.ones(3, np.float32)), TypeError, "out must have dtype float64, as v"),
    (lambda: L1().prox(ONE, 1.0, out=np.ones(4)), ValueError, r"out must have shape \(3,\), as v, got \(4,\)"),
    (lambda: L1().prox(ONE, 1.0, out=np.ones(6)[::2]), ValueError, "out must be C-contiguous and aligned"),
    (lambda: L1().prox(ONE, 1.0, out=np.frombuffer(bytes(24))), ValueError, "out is read-only"),
    (lambda: L1().subdifferential_distance(ONE, np.ones(4)), ValueError, r"gradient has shape \(4,\) and coef has"),
    (lambda: L1().subdifferential_distance(ONE, 1j * ONE), TypeError, "gradient must be an array of real numbers"),
]


class Grouped(L1):
    """For the refusal alone: the package has no such penalty yet."""

    kind = "group"


@pytest.mark.parametrize("call, error, message", ERRORS, ids=[m for *_, m in ERRORS])
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("penalty", [L1(), L2(weights=[1.0, 2.0]), L2() + Box()], ids=repr)
def test_objectives_refuse_what_they_cannot_take(penalty):
    with pytest.raises(NotImplementedError, match="L2 without weights until a later version, got L"):
        LinearObjective(np.ones((3, 2)), ONE, "half_squared_error", penalty)


# Steps.


def test_prox_step():
    rng = np.random.default_rng(6)
    for make in (list, dict):
        w = [rng.normal(size=(3, 4)), rng.normal(size=5).astype(np.float32), np.array(0.75)]
        each = [L1(0.5) + NonNegative(), L2(0.5), None]
        if make is dict:
            w, each = dict(zip("abc", w)), dict(zip("cba", each[::-1]))
        before, keys = copy.deepcopy(w), "abc" if make is dict else range(3)
        prox_step(w, each, 0.3)
        for key in keys:
            expected = before[key] if each[key] is None else each[key].prox(before[key], 0.3)
            np.testing.assert_array_equal(w[key], expected)
        prox_step(w, ElasticNet(0.25), 0.3)
        assert w[keys[2]] == ElasticNet(0.25).prox(np.array(0.75), 0.3) != 0.75
    one = np.array([2.0, -2.0])
    assert prox_step(one, L1(), 0.5) is None
    np.testing.assert_array_equal(one, [1.5, -1.5])


def test_proximal_gradient_descent_ends_where_the_distance_is_zero():
    """ISTA with fastopt's SGD on least squares: the minimum, by the subdifferential."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(50, 8))
    y = X @ [1.0, -1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.01] + 0.1 * rng.normal(size=50)
    lr = 50 / np.linalg.norm(X, 2) ** 2
    for penalty in (L1(0.1), ElasticNet(0.2, 0.7) + NonNegative(), L2(0.3) + Box(-0.05, 0.05)):
        w = np.zeros(8)
        opt = optimizers.SGD(w, lr=lr)
        for _ in range(400):
            opt.step(X.T @ (X @ w - y) / 50)
            prox_step(w, penalty, lr)
        gradient = X.T @ (X @ w - y) / 50
        assert penalty.subdifferential_distance(w, gradient).max() < 1e-12
        assert 0 < penalty.support(w).sum() < 8


STEP_ERRORS = [
    (lambda w: prox_step("w", L1(), 1.0), TypeError, "params must be an array, a list of arrays or a dict"),
    (lambda w: prox_step([w, [1.0]], L1(), 1.0), TypeError, r"params\[1\] must be a NumPy array"),
    (
        lambda w: prox_step([w, np.ones(2, int)], L1(), 1.0),
        TypeError,
        r"params\[1\] must have dtype float32 or float64",
    ),
    (
        lambda w: prox_step([w, np.ones(6)[::2]], L1(), 1.0),
        ValueError,
        r"params\[1\] must be C-contiguous, aligned and",
    ),
    (lambda w: prox_step([w], "l1", 1.0), TypeError, r"penalty\[0\] must be a Penalty or None, got str"),
    (lambda w: prox_step([w], [L1(), L1()], 1.0), ValueError, r"penalty has the entries \[0, 1\], params \[0\]"),
    (lambda w: prox_step({"a": w}, {"b": L1()}, 1.0), ValueError, r"penalty has the entries \['b'\], params \['a'\]"),
    (
        lambda w: prox_step([w, ONE.copy()], [L1(), WEIGHTED], 1.0),
        ValueError,
        r"params\[1\] has shape \(3,\), but weights",
    ),
    (lambda w: prox_step([w[2:], w[:3]], L1(), 1.0), ValueError, r"params\[1\] and params\[0\] share memory"),
    (lambda w: prox_step(w, L1(), -1), ValueError, r"step must be in \[0, inf\), got -1"),
    (lambda w: prox_step([w, ONE.copy()], L1(), [1.0, math.nan]), ValueError, r"step\[1\] must be in \[0, inf\)"),
    (lambda w: prox_step([w], L1(), [1.0, 1.0]), ValueError, r"step has the entries \[0, 1\], params \[0\]"),
    (lambda w: prox_step({"a": w}, L1(), {"b": 1.0}), ValueError, r"step has the entries \['b'\], params \['a'\]"),
    (lambda w: prox_step([w], L1(), [np.ones(3)]), ValueError, r"step\[0\] has shape \(3,\) and params\[0\] has shape"),
    (lambda w: prox_step(w, L1(), -ONE[[0, 1, 2, 0]]), ValueError, "step must be finite and >= 0, got -"),
    (lambda w: prox_step(w, Grouped(), np.ones(4)), ValueError, "Grouped is not a sum over coefficients"),
    (lambda w: prox_step(w, L1(), optimizers.SGD), TypeError, "step must be a real number, got type"),
    (lambda w: prox_step(w, L1(), optimizers.SGD()), ValueError, "recipe without parameters"),
    (lambda w: prox_step(w, L1(), optimizers.SGD(w)), ValueError, "no step has been made"),
    (lambda w: prox_step(w, L1(), optimizers.Lookahead(optimizers.SGD(w))), TypeError, "number, got Lookahead"),
    (lambda w: prox_step(w, L1(), 1.0, n_threads=0), ValueError, "n_threads"),
]


@pytest.mark.parametrize("call, error, message", STEP_ERRORS, ids=[m for *_, m in STEP_ERRORS])
def test_bad_steps_change_nothing(call, error, message):
    w = np.full(4, 9.0)
    with pytest.raises(error, match=message):
        call(w)
    assert (w == 9.0).all()
