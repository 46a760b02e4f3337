"""The arguments of `fastopt.minimize`, checked."""

import functools
import numbers
from collections.abc import Mapping

import numpy as np

from .._validation import real_number
from ..penalties import Box, Penalty
from ._descent import SEARCHES

COMMON = ("gtol", "ftol", "xtol", "f_target", "max_iter", "max_evals", "eps")
# With batches: gradients are noisy, so that neither they nor the last step tell when to stop.
STOCHASTIC = ("epochs", "average", "ftol", "f_target", "max_evals", "eps")
# SciPy's names.
_ALIASES = {"maxiter": "max_iter", "maxfun": "max_evals", "maxfev": "max_evals", "maxcor": "memory"}


def start_vector(x0):
    array = np.atleast_1d(np.asarray(x0))
    if array.ndim != 1:
        raise ValueError(f"x0 must have one dimension, got shape {array.shape}")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"x0 must be real numbers, got dtype {array.dtype}")
    if array.size == 0:
        raise ValueError("x0 is empty; there must be at least one number")
    array = array.astype(np.float32 if array.dtype == np.float32 else np.float64)
    if not np.isfinite(array).all():
        i = int(np.argmin(np.isfinite(array)))
        raise ValueError(f"x0 must be finite, got {array[i]} at index {i}")
    return array


def gradient_kind(jac):
    if jac is None or jac is False:
        return None
    if jac is True or callable(jac) or (isinstance(jac, str) and jac in ("2-point", "3-point")):
        return jac
    raise ValueError(f"jac must be callable, True, '2-point', '3-point' or None, got {jac!r}")


def _numbers(side):
    try:
        return np.asarray(side, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"bounds must be real numbers or None, got {side!r}") from None


def limits(bounds, start):
    if bounds is None:
        return None, None
    n = start.size
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        lower, upper = bounds.lb, bounds.ub
    else:
        try:
            pairs = [tuple(pair) for pair in bounds]
        except TypeError:
            raise TypeError(f"bounds must be scipy.optimize.Bounds or a sequence of (low, high), got {bounds!r}") from None
        if len(pairs) != n or any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"bounds must have a pair (low, high) for each of the {n} entries of x0, got {len(pairs)}")
        lower = [-np.inf if low is None else low for low, _ in pairs]
        upper = [np.inf if high is None else high for _, high in pairs]
    lower, upper = _numbers(lower), _numbers(upper)
    try:
        lower, upper = (np.array(np.broadcast_to(side, (n,))) for side in (lower, upper))
    except ValueError:
        raise ValueError(
            f"bounds must have one entry or {n}, as x0, got {np.shape(lower)} and {np.shape(upper)}"
        ) from None
    if np.isnan(lower).any() or np.isnan(upper).any() or (lower > upper).any():
        i = int(np.argmin(lower <= upper))
        raise ValueError(f"bounds must have low <= high, got {lower[i]} and {upper[i]} at index {i}")
    if (lower == np.inf).any() or (upper == -np.inf).any():
        i = int(np.argmax((lower == np.inf) | (upper == -np.inf)))
        raise ValueError(f"bounds must have low < inf and high > -inf, got {lower[i]} and {upper[i]} at index {i}")
    if start.dtype == np.float32:
        # fun gets numbers of this type: the outermost ones within the bounds.
        low, high = lower.astype(np.float32), upper.astype(np.float32)
        low = np.where(low < lower, np.nextafter(low, np.float32(np.inf)), low)
        high = np.where(high > upper, np.nextafter(high, np.float32(-np.inf)), high)
        if (low > high).any():
            i = int(np.argmax(low > high))
            raise ValueError(
                f"no float32 lies between the bounds {lower[i]} and {upper[i]} at index {i}; use a float64 x0"
            )
        lower, upper = low.astype(np.float64), high.astype(np.float64)
    return lower, upper


def penalty_or_none(penalty, lower, upper):
    """The penalty, with the bounds as limits of the coefficients."""
    if penalty is not None and not isinstance(penalty, Penalty):
        raise TypeError(f"penalty must be one of fastopt.penalties or None, got {penalty!r}")
    if lower is None:
        return penalty
    box = Box(lower, upper)
    try:
        return box if penalty is None else penalty + box
    except TypeError as error:
        raise ValueError(f"bounds are taken beside a penalty that can be added to a Box: {error}") from None


def check_others(fun, hess, hessp, callback, constraints, batches):
    if not callable(fun):
        raise TypeError(f"fun must be callable, got {type(fun).__name__}")
    if constraints is not None and not (isinstance(constraints, (list, tuple, dict)) and not constraints):
        raise ValueError(
            "constraints are not supported; bounds are, by method 'l-bfgs-b'. scipy.optimize.minimize has methods with"
            " constraints: 'SLSQP', 'trust-constr', 'COBYLA'"
        )
    for name, given in (("hess", hess), ("hessp", hessp), ("callback", callback)):
        if given is not None and not callable(given):
            raise TypeError(f"{name} must be callable or None, got {given!r}")
    if batches is not None and not callable(batches):
        raise TypeError(
            f"batches must be a callable that returns the batches of an epoch, got {type(batches).__name__};"
            " for a list or loader: batches=lambda: loader"
        )


def level(verbose):
    if not isinstance(verbose, (numbers.Integral, np.bool_)):
        raise TypeError(f"verbose must be an integer, got {verbose!r}")
    if verbose < 0:
        raise ValueError(f"verbose must be at least 0, got {verbose!r}")
    return int(verbose)


def settings_of(name, method, options, tol, n, stochastic):
    """All options with their values."""
    allowed = STOCHASTIC if stochastic else (*COMMON, *method.options)
    settings = {
        "gtol": -1.0 if stochastic else 1e-5,
        "ftol": 0.0,
        "xtol": 0.0,
        "f_target": -np.inf,
        "max_iter": np.inf if stochastic else max(1000, 200 * n),
        "max_evals": np.inf,
        "eps": None,
    }
    if tol is not None:
        if stochastic:
            raise ValueError("tol judges a gradient, and those of batches are noisy; options take 'epochs' and 'ftol'")
        settings["gtol"] = real_number("tol", tol, 0)
    if not (options is None or isinstance(options, Mapping)):
        raise TypeError(f"options must be a dict or None, got {options!r}")
    names = {}
    for given, value in (options or {}).items():
        key = _ALIASES.get(given, given)
        if key not in allowed:
            where = " with batches" if stochastic else ""
            raise ValueError(
                f"unknown option {given!r} of method {name!r}{where}; there are {', '.join(map(repr, allowed))}"
            )
        if names.setdefault(key, given) != given:
            raise ValueError(f"options {names[key]!r} and {given!r} are names of the same; give one of them")
        if value is not None:
            settings[key] = _OPTIONS[key](given, value)
    radius, largest = settings.get("initial_trust_radius", 0.0), settings.get("max_trust_radius", np.inf)
    if radius > largest:
        raise ValueError(f"initial_trust_radius must be at most max_trust_radius, got {radius!r} and {largest!r}")
    return settings


def _whole(name, value, low):
    if isinstance(value, numbers.Real) and value == np.inf and name not in ("memory", "maxcor", "epochs"):
        return value
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value!r}")
    return int(value)


def _search_name(name, value):
    if not isinstance(value, str) or value not in SEARCHES:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, SEARCHES))}, got {value!r}")
    return value


def _target(name, value):
    return value if value == -np.inf else real_number(name, value)


def _radius(name, value):
    """A positive number or no limit."""
    return value if value == np.inf else _POSITIVE(name, value)


def _average(name, value):
    if isinstance(value, str):
        if value == "mean":
            return value
        raise ValueError(f"{name} must be None, 'mean' or a decay in [0, 1), got {value!r}")
    return real_number(name, value, 0, 1, open_high=True)


_POSITIVE = functools.partial(real_number, low=0, open_low=True)
_OPTIONS = {
    **dict.fromkeys(("gtol", "ftol", "xtol"), functools.partial(real_number, low=0)),
    **dict.fromkeys(("eps", "initial_trust_radius"), _POSITIVE),
    "max_trust_radius": _radius,
    "max_iter": functools.partial(_whole, low=0),
    "max_evals": functools.partial(_whole, low=1),
    "epochs": functools.partial(_whole, low=1),
    "average": _average,
    "memory": functools.partial(_whole, low=1),
    "f_target": _target,
    "line_search": _search_name,
}
