"""`fastopt.minimize`: minimisers of a user's function."""

import functools
import numbers

import numpy as np

from .._validation import real_number
from ._bounds import lbfgsb, projected_gradient
from ._descent import RULES, SEARCHES, descend
from ._function import Function, Halt
from ._stop import MESSAGES, STATUS, Stop
from ._trust import trust_region

METHODS = (*RULES, "l-bfgs-b", "trust-ncg")
_SECOND_ORDER = ("newton-cg", "trust-ncg")
_COMMON = ("gtol", "ftol", "xtol", "f_target", "max_iter", "max_evals", "eps")
# SciPy's names.
_ALIASES = {"maxiter": "max_iter", "maxfun": "max_evals", "maxfev": "max_evals", "maxcor": "memory"}
_EXTRA = {
    **dict.fromkeys(RULES, ("line_search",)),
    "l-bfgs": ("line_search", "memory"),
    "l-bfgs-b": ("memory",),
    "trust-ncg": ("initial_trust_radius", "max_trust_radius"),
}


def minimize(
    fun,
    x0,
    args=(),
    *,
    method="auto",
    jac=None,
    hess=None,
    hessp=None,
    bounds=None,
    penalty=None,
    tol=None,
    callback=None,
    batches=None,
    max_time=None,
    verbose=0,
    options=None,
    constraints=None,
):
    """Minimise a function of one vector; the arguments mean what they mean in `scipy.optimize.minimize`.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``; with ``jac=True`` it returns (value, gradient). A value that is inf or nan, or an
        ArithmeticError or ValueError raised at a trial, makes the method step back; raised at x0, and any other
        exception anywhere, it is passed on.
    x0 : array of shape (n,), or a number
        Start; n at least 1, finite. Integers become float64; float32 stays what fun gets and `x` is returned in. A
        start outside of the bounds is moved to the nearest point within.
    args : tuple
        Further arguments of fun, jac, hess and hessp.
    method : str, default="auto"
        - "gd": gradient descent, Barzilai and Borwein's step, non-monotone Armijo search
        - "cg": nonlinear conjugate gradients and search of Hager and Zhang
        - "bfgs": dense inverse Hessian, n^2 numbers
        - "l-bfgs": the last `memory` steps, strong Wolfe search
        - "l-bfgs-b": the same between bounds, by projection
        - "newton-cg": Newton directions by conjugate gradients, strong Wolfe search
        - "trust-ncg": Newton's method in a trust region (Steihaug), which also uses negative curvature
        - "auto": "l-bfgs-b" with bounds, else "trust-ncg" with hess or hessp, else "bfgs" to n = 100 and "l-bfgs" beyond
    jac : callable, True, "2-point", "3-point" or None
        Gradient. None: forward differences, and central ones from where these no longer tell how to go on.
    hess, hessp : callable, optional
        ``hess(x, *args)``, an (n, n) array, sparse matrix or LinearOperator; ``hessp(x, v, *args)``, its product with
        v. "newton-cg" and "trust-ncg" only, which difference the gradient where neither is given.
    bounds : scipy.optimize.Bounds or sequence of (low, high), optional
        None in a pair for no bound. "l-bfgs-b" only; fun is not called outside.
    penalty, batches
        Taken by no method yet: anything but None is an error.
    tol : float, optional
        The option gtol, where options does not have it.
    callback : callable, optional
        ``callback(intermediate_result)``, with attributes x, fun, jac, nit, where its only parameter has that name, else
        ``callback(x)``; after each iteration. StopIteration ends with reason "callback".
    max_time : float, optional
        Seconds.
    verbose : int, default=0
        1 or more prints a line for each iteration on standard error.
    options : dict, optional
        gtol (1e-5, the largest entry of the gradient, with bounds of x - P(x - g)), ftol (0: off; the decrease relative
        to max(\\|f\\|, 1)), xtol (0: off; the step relative to max(\\|x\\|, 1)), f_target (-inf), max_iter (200 n, at
        least 1000; SciPy's maxiter), max_evals (at least 1, no limit; SciPy's maxfun), eps (step of the differences), line_search
        ("armijo", "nonmonotone", "wolfe", "strong-wolfe", "hager-zhang"; not "l-bfgs-b", "trust-ncg"), memory (10;
        "l-bfgs", "l-bfgs-b"), initial_trust_radius (1), max_trust_radius (inf; both "trust-ncg").
    constraints
        Anything but None or an empty sequence is an error.

    Returns
    -------
    scipy.optimize.OptimizeResult
        x, fun, jac, nit, nfev (calls of fun, with those for differences), njev, nhev, success, status, message, reason,
        history (after each iteration, the start first: objective, largest_gradient, evaluations, seconds; arrays for
        `fastopt.plots.plot_history`).
        The reason is "gtol", "ftol" (also where rounding hides any further decrease), "xtol", "f_target" (these are
        successes), "max_iter", "max_evals", "max_time", "callback" or "no progress". Without success it is the best
        point seen.

    Raises
    ------
    ValueError, TypeError
        For arguments that are wrong or that the method does not take; the message names what would work.

    References
    ----------
    Nocedal and Wright, Numerical Optimization (2006).

    Examples
    --------
    >>> import numpy as np, fastopt
    >>> def rosenbrock(x):
    ...     a, b = 1 - x[0], x[1] - x[0] ** 2
    ...     return a * a + 100 * b * b, np.array([-2 * a - 400 * b * x[0], 200 * b])
    >>> result = fastopt.minimize(rosenbrock, [-1.2, 1.0], jac=True, method="l-bfgs")
    >>> result.reason, np.round(result.x, 4).tolist()
    ('gtol', [1.0, 1.0])
    """
    start = _start(x0)
    if not callable(fun):
        raise TypeError(f"fun must be callable, got {type(fun).__name__}")
    for name, given in (("penalty", penalty), ("batches", batches)):
        if given is not None:
            raise ValueError(f"{name} is taken by no method of minimize; {_INSTEAD[name]}")
    if constraints is not None and not (isinstance(constraints, (list, tuple, dict)) and not constraints):
        raise ValueError(
            "constraints are not supported; bounds are, by method 'l-bfgs-b'. scipy.optimize.minimize has methods with"
            " constraints: 'SLSQP', 'trust-constr', 'COBYLA'"
        )
    jac = _gradient_kind(jac)
    for name, given in (("hess", hess), ("hessp", hessp), ("callback", callback)):
        if given is not None and not callable(given):
            raise TypeError(f"{name} must be callable or None, got {given!r}")
    lower, upper = _bounds(bounds, start)
    method = _method(method, start, jac, hess, hessp, bounds)
    settings = _settings(method, options, tol, start.size)
    if max_time is not None:
        max_time = real_number("max_time", max_time, 0)
    if lower is not None:
        start = np.clip(start, lower, upper).astype(start.dtype)
    function = Function(
        fun,
        start,
        args if isinstance(args, tuple) else (args,),
        jac,
        hess,
        hessp,
        lower=lower,
        upper=upper,
        eps=settings.pop("eps"),
        max_evals=settings.pop("max_evals"),
        max_time=max_time,
    )
    if function.eps is not None and not function.differences:
        raise ValueError("option 'eps' is the step of finite differences; leave it out or give no jac")
    names = ("gtol", "ftol", "xtol", "f_target", "max_iter")
    rules = {name: settings.pop(name) for name in names}
    measure = None if lower is None else lambda point: projected_gradient(point, lower, upper)
    stop = Stop(function, **rules, callback=callback, verbose=verbose, measure=measure)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        return _run(function, stop, method, start.astype(np.float64), lower, upper, settings)


def _run(function, stop, method, x, lower, upper, settings):
    from scipy.optimize import OptimizeResult

    point = None
    try:
        point = function.evaluate(x, first=True)
        reason = stop.start(point)
        if reason == "gtol" and function.differences and not function.central:
            point = function.refine(point)
            reason = stop.start(point)
        if reason is None and method == "l-bfgs-b" and lower is not None:
            point, reason = lbfgsb(function, point, stop, lower, upper, **settings)
        elif reason is None and method == "trust-ncg":
            names = {"initial_trust_radius": "radius", "max_trust_radius": "max_radius"}
            point, reason = trust_region(function, point, stop, **{names[k]: v for k, v in settings.items()})
        elif reason is None:
            rule = "l-bfgs" if method == "l-bfgs-b" else method
            point, reason = descend(function, point, stop, rule, **settings)
    except Halt as halt:
        reason = str(halt)
    best = function.best
    success = STATUS[reason] < 4
    if best is not None and (point is None or not success) and not (point is not None and point.value <= best.value):
        point = best
    n = x.size
    if point is None:
        value, gradient = function.first_value, np.full(n, np.nan)
        stop.note += " before the gradient at x0 was known"
    else:
        x, value, gradient = point
    message = MESSAGES[reason] + stop.note
    if function.n_bad:
        message += f"; {function.n_bad} points without finite value and gradient were refused"
        if function.error is not None:
            message += f", the last exception was {type(function.error).__name__}: {function.error}"
    return OptimizeResult(
        x=x.astype(function.dtype),
        fun=value,
        jac=gradient,
        nit=stop.nit,
        nfev=function.nfev,
        njev=function.njev,
        nhev=function.nhev,
        success=success,
        status=STATUS[reason],
        message=message,
        reason=reason,
        history=stop.history(),
    )


_INSTEAD = {
    "penalty": "add it and its gradient to fun where it is smooth, or see the penalties of fastopt.linear_model",
    "batches": "an own loop with fastopt.optimizers takes batches",
}


def _start(x0):
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


def _gradient_kind(jac):
    if jac is None or jac is False:
        return None
    if jac is True or callable(jac) or (isinstance(jac, str) and jac in ("2-point", "3-point")):
        return jac
    raise ValueError(f"jac must be callable, True, '2-point', '3-point' or None, got {jac!r}")


def _bounds(bounds, start):
    if bounds is None:
        return None, None
    n = start.size
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        lower, upper = bounds.lb, bounds.ub
    else:
        pairs = [tuple(pair) for pair in bounds]
        if len(pairs) != n or any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"bounds must have a pair (low, high) for each of the {n} entries of x0, got {len(pairs)}")
        lower = [-np.inf if low is None else low for low, _ in pairs]
        upper = [np.inf if high is None else high for _, high in pairs]
    try:
        lower, upper = (np.broadcast_to(np.asarray(b, dtype=np.float64), (n,)) for b in (lower, upper))
    except ValueError:
        raise ValueError(
            f"bounds must have one entry or {n}, as x0, got {np.shape(lower)} and {np.shape(upper)}"
        ) from None
    if np.isnan(lower).any() or np.isnan(upper).any() or (lower > upper).any():
        i = int(np.argmin(lower <= upper))
        raise ValueError(f"bounds must have low <= high, got {lower[i]} and {upper[i]} at index {i}")
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


def _method(method, start, jac, hess, hessp, bounds):
    if not isinstance(method, str):
        raise TypeError(f"method must be a name, got {type(method).__name__}; 'auto' or one of {', '.join(METHODS)}")
    name = method.lower()
    second = hess is not None or hessp is not None
    if hess is not None and hessp is not None:
        raise ValueError("give hess or hessp, not both")
    if name == "auto":
        if bounds is not None:
            name = "l-bfgs-b"
        else:
            name = "trust-ncg" if second else "bfgs" if start.size <= 100 else "l-bfgs"
    if name not in METHODS:
        raise ValueError(f"method must be 'auto' or one of {', '.join(map(repr, METHODS))}, got {method!r}")
    if bounds is not None and name != "l-bfgs-b":
        raise ValueError(f"method {name!r} takes no bounds; use 'l-bfgs-b'")
    if second and name not in _SECOND_ORDER:
        given = "hess" if hess is not None else "hessp"
        raise ValueError(f"method {name!r} does not use {given}; use 'newton-cg' or 'trust-ncg', or leave {given} out")
    if name in _SECOND_ORDER and not second and (jac is None or isinstance(jac, str)):
        raise ValueError(
            f"method {name!r} needs jac, hess or hessp: differences of differences lose too many digits;"
            " use 'bfgs' or 'l-bfgs'"
        )
    return name


def _settings(method, options, tol, n):
    allowed = (*_COMMON, *_EXTRA[method])
    settings = {
        "gtol": 1e-5,
        "ftol": 0.0,
        "xtol": 0.0,
        "f_target": -np.inf,
        "max_iter": max(1000, 200 * n),
        "max_evals": np.inf,
        "eps": None,
    }
    if tol is not None:
        settings["gtol"] = real_number("tol", tol, 0)
    for given, value in dict(options or {}).items():
        name = _ALIASES.get(given, given)
        if name not in allowed:
            raise ValueError(
                f"unknown option {given!r} of method {method!r}; there are {', '.join(map(repr, allowed))}"
            )
        if value is not None:
            settings[name] = _OPTIONS[name](given, value)
    return settings


def _whole(name, value, low):
    if isinstance(value, numbers.Real) and value == np.inf and name != "memory":
        return value
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value!r}")
    return int(value)


def _search_name(name, value):
    if value not in SEARCHES:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, SEARCHES))}, got {value!r}")
    return value


def _target(name, value):
    return value if value == -np.inf else real_number(name, value)


_POSITIVE = functools.partial(real_number, low=0, open_low=True)
_OPTIONS = {
    **dict.fromkeys(("gtol", "ftol", "xtol"), functools.partial(real_number, low=0)),
    **dict.fromkeys(("eps", "initial_trust_radius", "max_trust_radius"), _POSITIVE),
    "max_iter": functools.partial(_whole, low=0),
    "max_evals": functools.partial(_whole, low=1),
    "memory": functools.partial(_whole, low=1),
    "f_target": _target,
    "line_search": _search_name,
}
