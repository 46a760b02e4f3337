import math

import numpy as np
import pytest

from fastopt.linesearch import (
    armijo_accepts,
    backtracking,
    hager_zhang,
    minimum,
    more_thuente,
    nonmonotone,
    strong_wolfe,
    strong_wolfe_accepts,
    wolfe,
    wolfe_accepts,
)

FUNCTIONS = {
    "parabola": (lambda t: (t - 3.0) ** 2, lambda t: 2 * (t - 3.0)),
    "quartic": (lambda t: (t - 1.0) ** 4 + 0.1 * t, lambda t: 4 * (t - 1.0) ** 3 + 0.1),
    "logistic": (
        lambda t: math.log1p(math.exp(-40 * t)) + t,
        lambda t: -40 * math.exp(-40 * t) / (1 + math.exp(-40 * t)) + 1,
    ),
    "wiggly": (lambda t: -t + 0.01 * math.sin(50 * t) + t**2, lambda t: -1 + 0.5 * math.cos(50 * t) + 2 * t),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("start", [1e-6, 1e-2, 1.0, 50.0])
def test_wolfe_conditions_hold(name, start):
    f, d = FUNCTIONS[name]
    step = wolfe(lambda t: (f(t), d(t)), f(0.0), d(0.0), start)
    assert step.value == f(step.length) and step.slope == d(step.length)
    assert step.value <= f(0.0) + 1e-4 * step.length * d(0.0)
    assert step.slope >= 0.9 * d(0.0)


@pytest.mark.parametrize("search", [strong_wolfe, more_thuente])
@pytest.mark.parametrize("c2", [0.9, 0.1])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_strong_wolfe_conditions_hold(name, c2, search):
    f, d = FUNCTIONS[name]
    for start in (1e-6, 1e-2, 1.0, 50.0):
        step = search(lambda t: (f(t), d(t)), f(0.0), d(0.0), start, c2=c2, c1=1e-4)
        assert step.value == f(step.length) and step.slope == d(step.length) and step.n_trials <= 20
        assert step.value <= f(0.0) + 1e-4 * step.length * d(0.0)
        assert abs(step.slope) <= -c2 * d(0.0)


def test_more_thuente_on_the_functions_of_its_paper():
    """Their table: strong conditions from first steps 1e-3 to 1e3, in no more calls than MINPACK-2's search took."""

    def second(t, b=0.004):
        return (t + b) ** 5 - 2 * (t + b) ** 4, 5 * (t + b) ** 4 - 8 * (t + b) ** 3

    def first(t, b=2.0):
        return -t / (t * t + b), (t * t - b) / (t * t + b) ** 2

    for phi, c1, c2, most in ((first, 1e-3, 0.1, (6, 3, 1, 4)), (second, 0.1, 0.1, (12, 8, 8, 11))):
        value0, slope0 = phi(0.0)
        for t, n_trials in zip((1e-3, 1e-1, 10.0, 1e3), most):
            step = more_thuente(phi, value0, slope0, t, c1=c1, c2=c2)
            assert step.value <= value0 + c1 * step.length * slope0 and abs(step.slope) <= -c2 * slope0
            assert step.n_trials <= n_trials


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("start", [1e-6, 1e-2, 1.0, 50.0])
def test_hager_zhang_conditions_hold(name, start):
    f, d = FUNCTIONS[name]
    step = hager_zhang(lambda t: (f(t), d(t)), f(0.0), d(0.0), start, c2=0.5)
    assert step.value == f(step.length) and step.slope == d(step.length) and step.n_trials <= 20
    assert step.slope >= 0.5 * d(0.0)
    weak = step.value <= f(0.0) + 0.1 * step.length * d(0.0)
    assert weak or (step.value <= f(0.0) + 1e-6 * abs(f(0.0)) and step.slope <= -0.8 * d(0.0))


@pytest.mark.parametrize("search", [strong_wolfe, more_thuente])
def test_strong_wolfe_keeps_to_the_longest_step(search):
    calls = []

    def phi(t):
        calls.append(t)
        return (t - 3.0) ** 2, 2 * (t - 3.0)

    step = search(phi, 9.0, -6.0, 1.0, c2=0.1, t_max=1.5)
    assert step.length == 1.5 and max(calls) == 1.5


def test_hager_zhang_judges_by_slopes_where_values_are_rounded():
    """1 + (t - 1)^2 1e-20 has one value for all t; the slopes still have a zero."""
    step = hager_zhang(lambda t: (1.0, 2e-20 * (t - 1.0)), 1.0, -2e-20, 1e-3, c2=0.1)
    assert abs(step.slope) <= 0.1 * 2e-20
    assert not strong_wolfe_accepts(1.0, -2e-20, 1.0, 1.0 + 4e-16, 0.0)
    assert strong_wolfe_accepts(1.0, -2e-20, 1.0, 1.0 + 4e-16, 0.0, rounding=1e-15)


def test_nonmonotone_allows_a_rise_below_the_last_values():
    def phi(t):
        return (t - 1.0) ** 2, 2 * (t - 1.0)

    assert nonmonotone(phi, [9.0, 4.0, 1.0], -2.0, 3.5).length == 3.5
    assert nonmonotone(phi, [9.0, 4.0, 1.0], -2.0, 5.0).length < 5.0
    assert nonmonotone(phi, [1.0], -2.0, 3.5) == backtracking(phi, 1.0, -2.0, 3.5)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("start", [1e-2, 1.0, 50.0])
def test_backtracking_decreases_enough(name, start):
    f, d = FUNCTIONS[name]
    step = backtracking(lambda t: (f(t), d(t)), f(0.0), d(0.0), start)
    assert step.length <= start
    assert step.value <= f(0.0) + 1e-4 * step.length * d(0.0)


@pytest.mark.parametrize("name", ["parabola", "quartic", "logistic"])
@pytest.mark.parametrize("start", [1e-3, 1e-2, 1.0, 50.0])
def test_minimum_is_close_along_a_convex_line(name, start):
    f, d = FUNCTIONS[name]
    calls = []

    def phi(t):
        calls.append(t)
        return f(t), d(t), (d(t + 1e-5) - d(t - 1e-5)) / 2e-5

    step = minimum(phi, f(0.0), d(0.0), start, c2=0.01)
    assert step.value == f(step.length) and step.slope == d(step.length)
    assert abs(step.slope) <= 0.01 * abs(d(0.0))
    assert step.n_trials == len(calls) <= 16


def test_minimum_of_a_line_without_curvature_bisects():
    step = minimum(lambda t: (abs(t - 3.0), math.copysign(min(1.0, abs(t - 3.0)), t - 3.0), 0.0), 3.0, -1.0, 1.0)
    assert abs(step.length - 3.0) < 0.1


def from_one_value(phi, value0, *args, **kwargs):
    return nonmonotone(phi, [value0], *args, **kwargs)


ALL = [wolfe, backtracking, minimum, strong_wolfe, more_thuente, hager_zhang, from_one_value]


@pytest.mark.parametrize("search", ALL)
def test_non_finite_trials_step_back(search):
    def phi(t):
        return ((t - 0.5) ** 2, 2 * (t - 0.5), 2.0) if t < 1 else (math.nan if t < 10 else math.inf, math.nan, math.nan)

    step = search(phi, 0.25, -1.0, 64.0)
    assert step.length < 1 and step.value < 0.25


def test_the_given_first_trial_is_not_evaluated_again():
    calls = []

    def phi(t):
        calls.append(t)
        return (t - 3.0) ** 2, 2 * (t - 3.0)

    step = wolfe(phi, 9.0, -6.0, 3.0, first=(0.0, 0.0))
    assert step == (3.0, 0.0, 0.0, 1) and calls == []


@pytest.mark.parametrize("search", ALL)
def test_no_acceptable_step_gives_none(search):
    # The slope lies: the function rises everywhere.
    assert search(lambda t: (1.0 + t, 1.0, 0.0), 1.0, -1.0, 1.0, max_trials=30) is None


def test_values_that_differ_by_rounding_are_judged_by_slopes():
    value0, slope0 = 1.0, -1e-12
    assert not wolfe_accepts(value0, slope0, 1.0, 1.0 + 1e-16 * 4, 1e-14)
    assert wolfe_accepts(value0, slope0, 1.0, 1.0 + 4e-16, 1e-14, rounding=1e-14)
    assert not wolfe_accepts(value0, slope0, 1.0, 1.0 + 4e-16, 2e-12, rounding=1e-14)
    assert armijo_accepts(value0, slope0, 1.0, 1.0, rounding=1e-14) and not armijo_accepts(value0, slope0, 1.0, 1.0)
    assert not armijo_accepts(value0, slope0, 1.0, np.inf)


def test_searches_end_on_lines_that_are_rough_at_every_scale():
    rng = np.random.default_rng(0)
    for search in ALL[:1] + ALL[3:5]:
        for _ in range(300):
            a, b, c = rng.normal(size=3)
            scale = 10.0 ** rng.uniform(-8, 8)

            def phi(t, a=a, b=b, c=c, scale=scale):
                u = t / scale
                return -u + a * u**2 + b * math.sin(3 * u) - 3 * b * u, (
                    -1 + 2 * a * u + 3 * b * math.cos(3 * u) - 3 * b
                ) / scale

            value0, slope0 = phi(0.0)
            step = search(phi, value0, slope0, 1.0, c2=0.1)
            assert step is None or step.value <= value0 + 1e-4 * step.length * slope0


@pytest.mark.parametrize("search", ALL)
@pytest.mark.parametrize("c", [1e-17, 1e-8, 1e12])
def test_brackets_end_by_their_relative_width(search, c):
    """A line of any scale: the same trials, in units of c."""

    def phi(u, c):
        t = u / c
        return (t - 1) ** 2, 2 * (t - 1) / c, 2 / c / c

    step, unit = (search(lambda t, c=c: phi(t, c), 1.0, -2.0 / c, 30 * c) for c in (c, 1.0))
    assert step.n_trials == unit.n_trials and step.length / c == pytest.approx(unit.length) and step.value < 1


def test_steps_without_sufficient_decrease_are_refused():
    """A decrease of 1e-6 where Armijo asks for 0.05; the approximate conditions ask for a rounding."""
    for accepts in (wolfe_accepts, strong_wolfe_accepts):
        assert not accepts(0.0, -0.5, 1000.0, -0.000999998, 9.99994e-07)
        assert accepts(0.0, -0.5, 1000.0, -0.05, 9.99994e-07)


@pytest.mark.parametrize("search", ALL)
def test_wrong_arguments(search):
    calls = []

    def phi(t):
        calls.append(t)
        return t, 1.0, 0.0

    for slope0 in (1.0, 0.0, math.nan):
        with pytest.raises(ValueError, match=f"slope0 must be negative, got {slope0}"):
            search(phi, 0.0, slope0, 1.0)
    for t in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"the first trial must be positive, got {t}"):
            search(phi, 0.0, -1.0, t)
    for c1 in (0.0, 1.0, -0.1, math.nan):
        with pytest.raises(ValueError, match=f"must satisfy 0 < c1 .*, got {c1}"):
            search(phi, 0.0, -1.0, 1.0, c1=c1)
    if search in (backtracking, from_one_value):
        with pytest.raises(ValueError, match="shrink must satisfy 0 < shrink < 1, got 1.5"):
            search(phi, 0.0, -1.0, 1.0, shrink=1.5)
    else:
        with pytest.raises(ValueError, match="must satisfy .* < 1, got .*1.0"):
            search(phi, 0.0, -1.0, 1.0, c2=1.0)
    if search in (wolfe, strong_wolfe, more_thuente):
        with pytest.raises(ValueError, match="must satisfy 0 < c1 <= c2 < 1, got 0.9 and 0.1"):
            search(phi, 0.0, -1.0, 1.0, c1=0.9, c2=0.1)
    if search is hager_zhang:
        with pytest.raises(ValueError, match="c1 must satisfy 0 < c1 < 1/2, got 0.6"):
            search(phi, 0.0, -1.0, 1.0, c1=0.6)
    if search in (strong_wolfe, more_thuente):
        with pytest.raises(ValueError, match="the first trial must be positive, got -2.0"):
            search(phi, 0.0, -1.0, 1.0, t_max=-2.0)
    assert calls == []
