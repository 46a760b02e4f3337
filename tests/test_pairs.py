"""The memory of L-BFGS beside the two loops of its textbook form, at every level."""

import numpy as np
import pytest

from fastopt import _kernels

F64 = np.dtype(np.float64)


@pytest.fixture
def vectors(isa):
    return _kernels.table.linear[F64]


def two_loops(pairs, gradient, metric):
    """-H g: Nocedal and Wright, algorithm 7.4, with gamma and the metric as the first matrix."""
    q, a = -gradient, []
    for s, y in reversed(pairs):
        a.append(s @ q / (s @ y))
        q = q - a[-1] * y
    if pairs:
        s, y = pairs[-1]
        q = (s @ y) / (y @ (metric * y)) * q
    q = metric * q
    for (s, y), alpha in zip(pairs, reversed(a)):
        q = q + (alpha - y @ q / (s @ y)) * s
    return q


@pytest.mark.parametrize("with_metric", [False, True])
@pytest.mark.parametrize("memory", [1, 4, 5, 10, 13])
@pytest.mark.parametrize("n", [1, 3, 8, 100, 1027, 3000])
def test_direction(vectors, n, memory, with_metric):
    rng = np.random.default_rng(n + memory)
    curvature, metric = np.linspace(1, 3, n), rng.uniform(0.5, 2, n) if with_metric else np.ones(n)
    solve = (lambda v: metric * v) if with_metric else None
    kernel, kept = vectors.Pairs(memory), []
    x = rng.normal(size=n)
    g = curvature * x
    np.testing.assert_allclose(kernel.direction(g, solve), -metric * g)
    for i in range(2 * memory + 3):
        new = rng.normal(size=n)
        # A gradient that is not quite linear: the pairs do not belong to one parabola.
        slope = curvature * new + 0.1 * np.tanh(new)
        assert kernel.add(x, g, new, slope)
        s, y = new - x, slope - g
        kept = [*kept, (s, y)][-memory:]
        assert len(kernel) == len(kept) and kernel.curvature == pytest.approx(s @ y)
        if with_metric:
            kernel.gamma = kernel.curvature / (y @ (metric * y))
        x, g = new, slope
        if i % 3 != 1:  # every third pair comes before the last one was used
            v = g if i % 2 else rng.normal(size=n)
            expected = two_loops(kept, v, metric)
            for _ in range(2):
                np.testing.assert_allclose(
                    kernel.direction(v, solve), expected, rtol=1e-11, atol=1e-11 * np.abs(expected).max()
                )
    kernel.clear()
    assert len(kernel) == 0 and np.array_equal(kernel.direction(g), -g)


def test_pairs_without_curvature_are_refused(vectors):
    pairs, zero = vectors.Pairs(2), np.zeros(3)
    x, y = np.array([1.0, 2, 3]), np.array([1.0, 1, 1])
    for difference in (-y, zero, np.array([3.0, 0, -1]), y * np.nan):
        assert not pairs.add(zero, zero, x, difference) and len(pairs) == 0
    assert pairs.add(zero, zero, x, y)
    before = pairs.direction(x)
    assert not pairs.add(zero, zero, x, -y)
    assert len(pairs) == 1 and np.array_equal(pairs.direction(x), before)


def test_pairs_of_wrong_form(vectors):
    with pytest.raises(ValueError, match="memory must be at least 1, got 0"):
        vectors.Pairs(0)
    pairs = vectors.Pairs(2)
    with pytest.raises(ValueError, match="must have one length, got 3, 3, 3, 2"):
        pairs.add(np.zeros(3), np.zeros(3), np.ones(3), np.ones(2))
    pairs.add(np.zeros(3), np.zeros(3), np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="must have one length, got 4"):
        pairs.add(np.zeros(4), np.zeros(4), np.ones(4), np.ones(4))
    with pytest.raises(ValueError, match="the gradient must have 3 elements, got 4"):
        pairs.direction(np.ones(4))
    with pytest.raises(ValueError, match="solve must return 3 elements, got 2"):
        pairs.direction(np.ones(3), lambda v: v[:2])


@pytest.mark.parametrize("n", [0, 1, 7, 8, 40, 1001])
def test_one_or_two_vectors(vectors, n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=n), rng.normal(size=n)
    assert vectors.largest_entry(a) == np.abs(a).max(initial=0.0)
    assert vectors.inner(a, b) == pytest.approx(a @ b, abs=1e-13 * max(n, 1))
    assert vectors.slope_and_largest(a, b) == (vectors.inner(a, b), np.abs(b).max(initial=0.0))
    np.testing.assert_allclose(vectors.along(a, b, -0.7), a - 0.7 * b, rtol=1e-15, atol=1e-15)
    assert vectors.same(a, a.copy()) and vectors.same(a, b) == (n == 0) and not vectors.same(a, np.ones(n + 1))
    for i in range(n):
        for bad in (np.nan, np.inf, -np.inf):
            spoilt = a.copy()
            spoilt[i] = bad
            assert np.array_equal(vectors.largest_entry(spoilt), abs(bad), equal_nan=True)
            assert not vectors.same(spoilt, a)
    with pytest.raises(ValueError, match=f"has {n} elements"):
        vectors.inner(a, np.ones(n + 1))
    with pytest.raises(ValueError, match=f"x has {n} elements, d has {n + 1}"):
        vectors.along(a, np.ones(n + 1), 1.0)
    with pytest.raises(ValueError, match=f"gradient has {n} elements"):
        vectors.slope_and_largest(a, np.ones(n + 1))
