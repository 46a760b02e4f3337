"""The model of L-BFGS between bounds beside the same in dense NumPy, at every level."""

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

import fastopt
from fastopt import _kernels

F64 = np.dtype(np.float64)
INF = np.inf


@pytest.fixture
def vectors(isa):
    return _kernels.table.linear[F64]


def filled(vectors, rng, n, memory, count):
    """A memory after `count` pairs, and B: theta I with the BFGS update of each pair that is kept."""
    pairs, kept = vectors.BoundedPairs(memory), []
    x = rng.normal(size=n)
    g = x * np.linspace(1, 5, n) + 0.1 * np.tanh(x)
    for _ in range(count):
        new = x + rng.normal(size=n) * 10.0 ** rng.integers(-3, 2)
        slope = new * np.linspace(1, 5, n) + 0.1 * np.tanh(new)
        assert pairs.add(x, g, new, slope)
        kept = [*kept, (new - x, slope - g)][-memory:]
        x, g = new, slope
    assert len(pairs) == len(kept)
    B = np.eye(n) / pairs.gamma
    for s, y in kept:
        Bs = B @ s
        B += np.outer(y, y) / (s @ y) - np.outer(Bs, Bs) / (s @ Bs)
    return pairs, B


def problem(rng, n, kind):
    """x, a gradient, and bounds: some infinite, some met from the start, some equal, bends at one place or none."""
    x, g = rng.uniform(-1, 1, n), rng.normal(size=n) * 10.0 ** rng.integers(-2, 3)
    if kind == "unbounded":
        return x, g, np.full(n, -INF), np.full(n, INF)
    down, up = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    if kind == "ties":
        down = up = np.abs(g) * rng.choice([0.125, 0.25, 0.5], n)
    if kind == "far":
        down, up = 1e3 + down, 1e3 + up
    g[rng.random(n) < 0.1] = 0.0
    part = rng.random((4, n))
    down[part[0] < 0.3], up[part[1] < 0.3] = INF, INF
    down[part[2] < 0.15], up[part[3] < 0.15] = 0.0, 0.0
    if kind == "held":
        away = rng.random(n) < 0.9
        down[away], up[away] = 0.0, 0.0
    return x, g, x - down, x + up


KINDS = ("near", "ties", "far", "held", "unbounded")


def dense_cauchy_point(B, x, g, lower, upper):
    """The first minimiser of g'z + z'Bz/2 along P(x - t g), piece by piece; t and which entries bend later."""
    d = -g
    with np.errstate(divide="ignore", invalid="ignore"):
        bends = np.where(d == 0, np.where((lower < x) & (x < upper), INF, 0.0), (np.where(d > 0, upper, lower) - x) / d)
    d[bends == 0] = 0.0
    z, t = np.zeros(x.size), 0.0
    if not d.any():
        return z, t, np.zeros(x.size, dtype=bool)
    for end in (*np.unique(bends[(bends > 0) & (bends < INF)]), INF):
        moving = np.where(bends > t, d, 0.0)
        slope = g @ moving + z @ B @ moving
        if slope >= 0:
            break
        step = -slope / (moving @ B @ moving)
        if t + step < end:
            z, t = z + step * moving, t + step
            break
        z, t = z + (end - t) * moving, end
    free = bends > t
    z[~free & (d != 0)] = (np.where(d > 0, upper, lower) - x)[~free & (d != 0)]
    return z, t, free


def dense_target(B, x, g, lower, upper, z, free):
    start = np.clip(x + z, lower, upper)
    beyond = z.copy()
    beyond[free] = np.linalg.solve(B[np.ix_(free, free)], -(g + B @ np.where(free, 0.0, z))[free])
    out = np.where(free, np.clip(x + beyond, lower, upper), start)
    if g @ (out - x) < 0:
        return out
    step = np.where(free, x + beyond - start, 0.0)
    return np.where(free, np.clip(start + min(1.0, room(start, step, lower, upper)) * step, lower, upper), start)


def room(x, d, lower, upper):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(d == 0, INF, (np.where(d > 0, upper, lower) - x) / d).min()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory", [1, 4, 5, 11])
@pytest.mark.parametrize("n", [1, 2, 7, 40, 130])
def test_model_between_bounds(vectors, n, memory, kind):
    rng = np.random.default_rng([n, memory, KINDS.index(kind)])
    for count in (0, 1, memory, 2 * memory + 1):
        pairs, B = filled(vectors, rng, n, memory, count)
        for _ in range(2):
            x, g, lower, upper = problem(rng, n, kind)
            z, t, free = dense_cauchy_point(B, x, g, lower, upper)
            point, others = pairs.cauchy_point(x, g, lower, upper)
            assert np.array_equal(others, free)
            scale = 1e-9 * max(1.0, np.abs(z).max())
            np.testing.assert_allclose(point, x + z, rtol=0, atol=scale)
            assert np.all((lower <= point) & (point <= upper))
            bound = np.where(g < 0, upper, lower)
            assert np.array_equal(point[~free & (z != 0)], bound[~free & (z != 0)])
            # The model falls along the path up to there, and not further.
            path = [np.clip(x - share * t * g, lower, upper) - x for share in np.linspace(0, 1, 12)]
            values = np.array([g @ step + 0.5 * step @ B @ step for step in path])
            assert np.all(np.diff(values) <= 1e-9 * np.abs(values).max())

            out, d, slope, largest, far = pairs.target(x, g, lower, upper)
            expected = dense_target(B, x, g, lower, upper, z, free) if count and free.any() else x + z
            np.testing.assert_allclose(out, expected, rtol=0, atol=10 * scale * max(1.0, np.abs(expected).max()))
            assert np.all((lower <= out) & (out <= upper)) and np.array_equal(d, out - x)
            assert slope == pytest.approx(g @ d, rel=1e-12, abs=1e-12 * np.abs(g * d).sum())
            assert largest == np.abs(d).max() and far == pytest.approx(room(x, d, lower, upper), rel=1e-15)
            again = pairs.target(x, g, lower, upper)
            assert np.array_equal(again[0], out) and again[2:] == (slope, largest, far)


def test_many_columns_of_all_sorts(vectors):
    """More entries than a block, held ones in groups: blocks that are free, held and both."""
    rng, n = np.random.default_rng(0), 2600
    pairs, B = filled(vectors, rng, n, 3, 5)
    x, g = rng.uniform(-1, 1, n), rng.normal(size=n)
    lower, upper = x - rng.uniform(0, 3, n), x + rng.uniform(0, 3, n)
    lower[:500] = upper[:500] = x[:500]
    lower[500:1200], upper[500:1200] = -INF, INF
    z, _, free = dense_cauchy_point(B, x, g, lower, upper)
    assert free[500:1200].all() and 0 < free[1200:].sum() < 1400
    np.testing.assert_allclose(pairs.cauchy_point(x, g, lower, upper)[0], x + z, atol=1e-10)
    expected = dense_target(B, x, g, lower, upper, z, free)
    np.testing.assert_allclose(pairs.target(x, g, lower, upper)[0], expected, atol=1e-9)


def test_without_bounds_it_is_the_direction_of_lbfgs(vectors):
    rng, n = np.random.default_rng(1), 1100
    bounded, plain = vectors.BoundedPairs(4), vectors.Pairs(4)
    x = rng.normal(size=n)
    for _ in range(7):
        new = rng.normal(size=n)
        for pairs in (bounded, plain):
            assert pairs.add(x, 2 * x + np.tanh(x), new, 2 * new + np.tanh(new))
        x, g = new, 2 * new + np.tanh(new)
        d = plain.direction(g)
        np.testing.assert_allclose(bounded.direction(g), d, rtol=1e-13)
        target = bounded.target(x, g, np.full(n, -INF), np.full(n, INF))
        np.testing.assert_allclose(target[0], x + d, rtol=1e-12, atol=1e-12)
    bounded.clear()
    assert np.array_equal(bounded.direction(g), -g)


def test_nothing_moves_where_no_direction_descends(vectors):
    rng = np.random.default_rng(2)
    pairs, _ = filled(vectors, rng, 4, 2, 3)
    x, g = np.array([0.0, 1, 2, 3]), np.array([1.0, -1, 0, 2])
    lower, upper = np.array([0.0, 0, 2, 3]), np.array([1.0, 1, 2, 3])
    point, free = pairs.cauchy_point(x, g, lower, upper)
    assert np.array_equal(point, x) and not free.any()
    assert np.array_equal(pairs.target(x, g, lower, upper)[0], x)
    assert pairs.target(x, g, lower, upper)[2:4] == (0.0, 0.0)


def test_what_rounding_hides(vectors):
    """Never nan: s's that underflows leaves the small matrix no pivot, a gradient that overflows no step."""
    low, high = np.full(3, -INF), np.full(3, INF)
    pairs, zero, ones = vectors.BoundedPairs(2), np.zeros(3), np.ones(3)
    assert pairs.add(zero, zero, 1e-170 * ones, ones)
    assert pairs.target(ones, ones, low, high) is None and pairs.cauchy_point(ones, ones, low, high) is None
    pairs.clear()
    assert np.array_equal(pairs.target(ones, ones, low, high)[0], zero)
    assert pairs.target(ones, 1e200 * ones, low, high) is None


def test_a_memory_without_digits_is_cleared(monkeypatch):
    vectors = _kernels.table.linear[F64]
    calls = []

    class Forgetful(vectors.BoundedPairs):
        def target(self, *args):
            calls.append(len(self))
            return None if len(self) == 2 else super().target(*args)

    monkeypatch.setattr(vectors, "BoundedPairs", Forgetful)
    result = fastopt.minimize(rosen, [-1.2, 1.0], jac=rosen_der, bounds=[(-2, 0.5), (None, 2)])
    assert result.success and np.abs(result.x - [0.5, 0.25]).max() < 1e-4
    assert calls[:4] == [0, 1, 2, 0] and max(calls) == 2


@pytest.mark.parametrize("n", [1, 7, 8, 1024, 1030])
def test_largest_projected(vectors, n):
    rng = np.random.default_rng(n)
    x, g = rng.uniform(-1, 1, n), rng.normal(size=n)
    lower, upper = np.where(rng.random(n) < 0.5, x - rng.uniform(0, 0.1, n), -INF), x + rng.integers(0, 2, n)
    assert vectors.largest_projected(x, g, lower, upper) == np.abs(x - np.clip(x - g, lower, upper)).max()
    assert vectors.largest_projected(x, g, x, x) == 0.0
    for i in range(0, n, 100):
        spoilt = g.copy()
        spoilt[i] = np.nan
        assert np.isnan(vectors.largest_projected(x, spoilt, lower, upper))


def test_wrong_forms(vectors):
    with pytest.raises(ValueError, match="memory must be at least 1, got 0"):
        vectors.BoundedPairs(0)
    pairs, three = vectors.BoundedPairs(2), np.zeros(3)
    for name in ("target", "cauchy_point"):
        for i in range(4):
            args = [three] * 4
            args[i] = np.zeros(2)
            with pytest.raises(ValueError, match="x, the gradient and the bounds must have one length, got "):
                getattr(pairs, name)(*args)
        with pytest.raises(ValueError, match="must have one length, got 0, 0, 0, 0"):
            getattr(pairs, name)(*[np.zeros(0)] * 4)
    assert pairs.add(three, three, np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="must have 3 elements, as the pairs, got 4"):
        pairs.target(*[np.zeros(4)] * 4)
    with pytest.raises(ValueError, match="must have one length, got 3, 2, 3, 3"):
        vectors.largest_projected(three, np.zeros(2), three, three)


def test_same_bits_for_any_number_of_threads(isa):
    n = 3000
    scale, x0 = np.linspace(1, 100, n), np.ones(n)
    low = np.where(np.arange(n) % 3 == 0, 0.5, -INF)
    results = []
    for n_threads in (1, 2):
        with fastopt.config_context(n_threads=n_threads):
            results.append(
                fastopt.minimize(lambda x: (float(scale @ x**2), 2 * scale * x), x0, jac=True,
                                 bounds=[(a, None) for a in low])
            )  # fmt: skip
    assert results[0].success and np.array_equal(results[0].x, results[1].x) and results[0].nfev == results[1].nfev
