"""Rules of `fastopt.optimizers` and what wraps them, stepped along a function that may have no value in places."""

import math

import numpy as np

from .._minimize._function import DOMAIN_ERRORS
from ..optimizers import Optimizer
from ..optimizers import get as get_optimizer
from ..optimizers._wrapper import Wrapper, step_by


def is_rule(thing):
    """Whether it stands for an optimizer, not for points or a function."""
    return isinstance(thing, (str, type, Optimizer, Wrapper))


def label_of(thing):
    return thing if isinstance(thing, str) else thing.__name__ if isinstance(thing, type) else repr(thing)


def recipe_of(thing):
    """The recipe that a name, a class or a recipe stands for; wrappers as they are."""
    return thing if isinstance(thing, Wrapper) else get_optimizer(thing)


def at_rate(recipe, rate):
    """The same recipe with this rate."""
    if not isinstance(recipe, Wrapper):
        return get_optimizer(recipe, lr=rate)
    own = recipe.get_params(deep=False)
    return type(recipe)(**{**own, "optimizer": at_rate(own["optimizer"], rate)})


def evaluated(function, params, name, first=False):
    """(value, gradient) at the parameters; value NaN where the function raises as formulas do (`first`: passed on)."""
    try:
        out = function(params)
    except DOMAIN_ERRORS:
        if first:
            raise
        return math.nan, None
    if not (isinstance(out, (tuple, list)) and len(out) == 2):
        raise TypeError(f"{name} must return (value, gradient), got {type(out).__name__}")
    return float(out[0]), out[1]


def finite(gradient):
    each = gradient if isinstance(gradient, (list, tuple)) else [gradient]
    return all(np.isfinite(g).all() for g in each)


class Stepper:
    """A recipe bound to parameters."""

    def __init__(self, recipe, params):
        self.params, self.bound = params, recipe.bind(params)

    def step(self, function, name, point):
        """One step by a function whose (value, gradient) at the parameters is `point`; False where there is none."""
        value, gradient = point
        if gradient is None or not (math.isfinite(value) and finite(gradient)):
            return False

        def again():
            found = evaluated(function, self.params, name)
            if found[1] is None:
                raise _NoGradient
            return found

        try:
            step_by(self.bound, again, point)
        except _NoGradient:
            return False
        return True


class _NoGradient(Exception):
    pass
