"""The methods of `fastopt.minimize`: what each takes, and the choice of one."""

from typing import NamedTuple

from ..optimizers import OPTIMIZERS, Optimizer
from ..optimizers import get as get_optimizer
from ..optimizers._filters import CLIPS
from ..penalties import L1, L2, Box, ElasticNet, NonNegative, Penalty, Sum


class Method(NamedTuple):
    """Options beside the common ones, which of bounds, penalty, hess, hessp and batches it takes, and other names."""

    options: tuple = ()
    takes: frozenset = frozenset()
    aliases: tuple = ()


_LINE = ("line_search",)
METHODS = {
    "gd": Method(_LINE),
    "agd": Method(aliases=("nesterov",)),
    "cg": Method(_LINE),
    "bfgs": Method(_LINE),
    "l-bfgs": Method((*_LINE, "memory")),
    "l-bfgs-b": Method(("memory",), frozenset({"bounds"})),
    "owl-qn": Method(("memory",), frozenset({"penalty"})),
    "fista": Method((), frozenset({"bounds", "penalty"})),
    "proximal-gradient": Method((), frozenset({"bounds", "penalty"})),
    "newton": Method(_LINE, frozenset({"hess"})),
    "newton-cg": Method(_LINE, frozenset({"hess", "hessp"})),
    "trust-ncg": Method(("initial_trust_radius", "max_trust_radius"), frozenset({"hess", "hessp"})),
    "lm": Method(aliases=("levenberg-marquardt",)),
}
_RULE = Method((), frozenset({"penalty", "batches"}))
_NAMES = {alias: name for name, method in METHODS.items() for alias in (name, *method.aliases)}

# Rules without step lengths that move each coefficient against the sign of its own gradient: clipping to limits after
# the step is exact.
_CLIPPED_RULES = frozenset(("adadelta", "lion", "signum", "rprop"))


def takers(what):
    """The methods that take bounds, a penalty, hess or hessp, as words."""
    names = [repr(name) for name, method in METHODS.items() if what in method.takes]
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def choose(method, start, jac, hess, hessp, bounds, penalty, batches):
    """The name of the method, what it takes, and the recipe where it is a rule of `fastopt.optimizers`."""
    if hess is not None and hessp is not None:
        raise ValueError("give hess or hessp, not both")
    second = hess is not None or hessp is not None
    if isinstance(method, Optimizer) or (isinstance(method, type) and issubclass(method, Optimizer)):
        recipe = get_optimizer(method)
        name = type(recipe).__name__
    elif not isinstance(method, str):
        raise TypeError(
            f"method must be a name or an optimizer, got {type(method).__name__}; 'auto' or one of {_known()}"
        )
    else:
        name, recipe = method.lower(), None
        if name == "auto":
            name = _automatic(start, second, bounds, penalty, batches)
        name = _NAMES.get(name, name)
        if name not in METHODS:
            if name not in OPTIMIZERS:
                raise ValueError(f"method must be 'auto' or one of {_known()}, got {method!r}")
            recipe = get_optimizer(name)
    taken = _RULE if recipe is not None else METHODS[name]
    for what, given in (("bounds", bounds), ("penalty", penalty), ("hess", hess), ("hessp", hessp)):
        if given is not None and what not in taken.takes:
            raise ValueError(_refusal(name, what, recipe))
    if batches is not None and "batches" not in taken.takes:
        raise ValueError(f"method {name!r} takes no batches; the rules do: {', '.join(map(repr, OPTIMIZERS))}")
    if recipe is not None:
        _check_rule(recipe, penalty)
    if "hess" in taken.takes and not second and (jac is None or isinstance(jac, str)):
        raise ValueError(
            f"method {name!r} needs jac, hess or hessp: differences of differences lose too many digits;"
            " use 'bfgs' or 'l-bfgs'"
        )
    if name == "owl-qn" and penalty is not None and not separable(penalty):
        raise ValueError(f"method 'owl-qn' takes L1, L2, ElasticNet and their sums, got {penalty!r}; use 'fista'")
    return name, taken, recipe


def _known():
    return ", ".join(map(repr, (*METHODS, *OPTIMIZERS)))


def _refusal(name, what, recipe):
    if what == "bounds":
        box = recipe is not None and _takes_limits(recipe)
        instead = "a rule takes them as penalty=Box(low, high)" if box else f"use {takers('bounds')}"
        return f"method {name!r} takes no bounds; {instead}"
    if what == "penalty":
        return f"method {name!r} takes no penalty; use {takers('penalty')}, or a rule ('sgd')"
    return f"method {name!r} does not use {what}; use {takers(what)}, or leave {what} out"


def _automatic(start, second, bounds, penalty, batches):
    if batches is not None:
        return "adam"
    if penalty is not None:
        return "owl-qn" if bounds is None and separable(penalty) else "proximal-gradient"
    if bounds is not None:
        return "l-bfgs-b"
    return "trust-ncg" if second else "bfgs" if start.size <= 100 else "l-bfgs"


def terms(penalty):
    return penalty.terms if isinstance(penalty, Sum) else (penalty,)


def separable(penalty):
    """Whether it is a sum of absolute values and squares of coefficients."""
    return isinstance(penalty, Penalty) and all(isinstance(term, (L1, L2, ElasticNet)) for term in terms(penalty))


def only_limits(penalty):
    """Whether it is a sum of limits, to which a step of any length is clipped."""
    return isinstance(penalty, Penalty) and all(isinstance(term, (Box, NonNegative)) for term in terms(penalty))


def _takes_limits(recipe):
    """Whether a rule takes Box and NonNegative as penalty."""
    return type(recipe).__name__.lower() in _CLIPPED_RULES or not recipe._NO_LENGTHS


def _check_rule(recipe, penalty):
    if recipe._groups is not None:
        raise ValueError(f"method must be an optimizer without parameters, got {recipe!r}")
    rule = type(recipe).__name__
    if recipe.get_params().get("maximize"):
        raise ValueError(f"minimize takes no {rule}(maximize=True); negate fun")
    limits = _takes_limits(recipe)
    if penalty is None or (only_limits(penalty) and limits):
        return
    others = f"{takers('penalty')}, or a rule with step lengths ('sgd', 'adam')"
    if recipe._NO_LENGTHS:
        raise ValueError(
            f"a proximal step on {penalty!r} after {rule} is not exact, for {rule} has no step lengths:"
            f" {recipe._NO_LENGTHS}; {'it takes Box and NonNegative. Use' if limits else 'use'} {others}"
        )
    changed = [name for name in CLIPS if recipe.get_params().get(name) is not None]
    if changed:
        raise ValueError(
            f"{rule}({changed[0]}=...) shortens the gradients that balance {penalty!r} at the minimum, so that the"
            f" proximal step would end elsewhere; leave {changed[0]} out, or use {takers('penalty')}"
        )
