"""Penalties of one coefficient as textbooks state them, for mpmath numbers: the oracle of the tests.

`prox` and `conjugate` are their definitions, found by search in the convex function; `STATEMENTS` has for each penalty
its value, its domain and its slopes to the left and to the right as functions of the coefficient and its parameters.
"""

from collections import namedtuple
from math import inf

Statement = namedtuple("Statement", "value domain slopes")


def _inside(x, domain):
    return domain[0] <= x <= domain[1]


def _everywhere(**_):
    return -inf, inf


def _cone(x, low, high):
    """Normal cone of [low, high] at x."""
    if not _inside(x, (low, high)):
        return None
    return (-inf if x == low else 0, inf if x == high else 0)


def _absolute_slopes(x):
    if x == 0:
        return -1, 1
    return (1, 1) if x > 0 else (-1, -1)


STATEMENTS = {
    "l1": Statement(
        lambda x, alpha: alpha * abs(x),
        _everywhere,
        lambda x, alpha: tuple(alpha * s for s in _absolute_slopes(x)),
    ),
    "l2": Statement(
        lambda x, alpha: alpha * x**2 / 2,
        _everywhere,
        lambda x, alpha: (alpha * x, alpha * x),
    ),
    "elastic_net": Statement(
        lambda x, alpha, l1_ratio: alpha * l1_ratio * abs(x) + alpha * (1 - l1_ratio) * x**2 / 2,
        _everywhere,
        lambda x, alpha, l1_ratio: tuple(
            alpha * l1_ratio * s + alpha * (1 - l1_ratio) * x for s in _absolute_slopes(x)
        ),
    ),
    "box": Statement(
        lambda x, lower, upper: 0 if lower <= x <= upper else inf,
        lambda lower, upper: (lower, upper),
        lambda x, lower, upper: _cone(x, lower, upper),
    ),
    "nonnegative": Statement(
        lambda x: 0 if x >= 0 else inf,
        lambda: (0, inf),
        lambda x: _cone(x, 0, inf),
    ),
}


def value(terms, x):
    """Of a sum; `terms` are pairs of a name and the coefficient's parameters."""
    return sum(STATEMENTS[name].value(x, **params) for name, params in terms)


def domain(terms):
    limits = [STATEMENTS[name].domain(**params) for name, params in terms]
    return max(low for low, _ in limits), min(high for _, high in limits)


def slopes(terms, x):
    """The subdifferential at x, an interval, or None where x is not allowed: the sum of those of the terms."""
    each = [STATEMENTS[name].slopes(x, **params) for name, params in terms]
    return None if None in each else (sum(low for low, _ in each), sum(high for _, high in each))


def minimise(f, low, high, steps=130):
    """The minimiser of a convex function between two numbers, by thirds."""
    for _ in range(steps):
        third = (high - low) / 3
        if f(low + third) <= f(high - third):
            high -= third
        else:
            low += third
    return (low + high) / 2


def prox(terms, v, step):
    """argmin_x (x - v)^2 / (2 step) + phi(x); phi has a minimum at 0 or at the allowed number next to it."""
    low, high = domain(terms)
    start = min(max(0, low), high)
    low, high = max(low, min(v, start)) + 0 * v, min(high, max(v, start)) + 0 * v  # with the digits of v
    return minimise(lambda x: (x - v) ** 2 / (2 * step) + value(terms, x), low, high)


def conjugate(terms, v, reach):
    """max_x v x - phi(x) over the x that are allowed and at most `reach`."""
    low, high = domain(terms)
    low, high = max(low, -reach) + 0 * v, min(high, reach) + 0 * v  # with the digits of v
    x = minimise(lambda x: value(terms, x) - v * x, low, high)
    return max(v * x - value(terms, x) for x in (x, low, high))
