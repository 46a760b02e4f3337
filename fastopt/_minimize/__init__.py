"""`fastopt.minimize`: minimisers of a user's function."""

import numpy as np

from .._validation import real_number
from ._arguments import check_others, gradient_kind, level, limits, penalty_or_none, settings_of, start_vector
from ._bounds import lbfgsb
from ._descent import descend
from ._function import Function, Halt
from ._least_squares import Fit, Residuals, levenberg_marquardt
from ._methods import METHODS, choose
from ._owlqn import owlqn
from ._proximal import accelerated, proximal_gradient
from ._rules import epochs_of_batches, steps
from ._stop import MESSAGES, STATUS, SUCCESSES, Stop
from ._trust import trust_region

__all__ = ["METHODS", "minimize"]


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
    method : str or Optimizer, default="auto"
        - "gd": gradient descent, Barzilai and Borwein's step, non-monotone Armijo search
        - "agd" ("nesterov"): accelerated gradient with backtracking and restarts
        - "cg": nonlinear conjugate gradients of Hager and Zhang, strong Wolfe search
        - "bfgs": dense inverse Hessian, n^2 numbers
        - "l-bfgs": the last `memory` steps, strong Wolfe search
        - "l-bfgs-b": the same between bounds, by the generalized Cauchy point
        - "owl-qn": L-BFGS on orthants, for penalties made of L1, L2 and ElasticNet
        - "fista": accelerated proximal gradient with backtracking and restarts, for any penalty
        - "proximal-gradient": proximal gradient, Barzilai and Borwein's step, non-monotone search, for any penalty
        - "newton": Newton directions by a modified Cholesky factorisation, strong Wolfe search
        - "newton-cg": Newton directions by conjugate gradients, strong Wolfe search
        - "trust-ncg": Newton's method in a trust region (Steihaug), which also uses negative curvature
        - "lm" ("levenberg-marquardt"): least squares; fun returns the residuals r (m,), jac their Jacobian (m, n), with
          jac=True fun returns both; the objective is r'r / 2
        - a rule of `fastopt.optimizers` by its name ("adam") or as a recipe (``Adam(lr=0.01)``): one step an iteration.
          From a point where fun is not finite it starts afresh at the best one with half its rate
        - "auto": with batches "adam"; with a penalty "owl-qn" where that takes it, else "proximal-gradient"; "l-bfgs-b"
          with bounds; "trust-ncg" with hess or hessp; else "bfgs" to n = 100 and "l-bfgs" beyond
    jac : callable, True, "2-point", "3-point" or None
        Gradient. None: forward differences, and central ones from where these no longer tell how to go on.
    hess, hessp : callable, optional
        ``hess(x, *args)``, an (n, n) array, sparse matrix or LinearOperator; ``hessp(x, v, *args)``, its product with
        v. "newton" (hess alone), "newton-cg" and "trust-ncg" only, which difference the gradient where neither is given.
        Where it is not finite, or raises as fun may, steepest descent takes its place and the message says so.
    bounds : scipy.optimize.Bounds or sequence of (low, high), optional
        None in a pair for no bound. "l-bfgs-b", "fista" and "proximal-gradient" only; fun is not called outside.
    penalty : Penalty, optional
        One of `fastopt.penalties`, added to fun by its exact proximal step: "owl-qn", "fista", "proximal-gradient"; and
        after each step of the rules that have `step_lengths`, in the metric of these (SGD, Adam, Adagrad, ...; without
        clipping of gradients; weight decay, where a rule has it, comes on top). Limits (Box, NonNegative) also after
        Adadelta and the rules that step by signs. Coefficients that are 0 at the minimum become exactly 0. A start that
        it does not allow is moved to the nearest point that it does.
    batches : callable, optional
        ``batches()`` returns an iterable of the batches of an epoch; fun, and jac, are called as
        ``fun(x, batch, *args)``. The rules only, which step once a batch; an iteration is an epoch, and its fun and jac
        are the means over its batches. Batches without finite value and gradient make no step.
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
        gtol (1e-5, the largest entry of the gradient, with bounds of x - P(x - g), with a penalty of the distance of -g
        from its subdifferential), ftol (0: off; the decrease relative
        to max(\\|f\\|, 1)), xtol (0: off; the step relative to max(\\|x\\|, 1)), f_target (-inf), max_iter (200 n, at
        least 1000; SciPy's maxiter), max_evals (at least 1, no limit; SciPy's maxfun), eps (step of the differences), line_search
        ("armijo", "nonmonotone", "wolfe", "strong-wolfe", "more-thuente", "hager-zhang"; "gd", "cg", "bfgs", "l-bfgs",
        "newton", "newton-cg"), memory (10; "l-bfgs", "l-bfgs-b", "owl-qn"), initial_trust_radius (1), max_trust_radius
        (inf; both "trust-ncg"). With batches: epochs (10), average (None: the last x; "mean": the mean over all steps; a
        number in [0, 1): the exponential average of that decay), ftol (between the means of epochs), f_target,
        max_evals, eps.
    constraints
        Anything but None or an empty sequence is an error.

    Returns
    -------
    scipy.optimize.OptimizeResult
        x, fun (with the penalty), jac (of fun alone), optimality (what gtol judges), nit, nfev (calls of fun, with those
        for differences), njev, nhev, success, status, message, reason, history (after each iteration, without batches
        the start first: objective, largest_gradient, evaluations, seconds; arrays for `fastopt.plots.plot_history`); of
        "lm" also residuals and jacobian; of "bfgs" and "l-bfgs", with bounds or without, also hess_inv, the inverse
        Hessian that the steps showed, without regard to bounds: an array (n, n), of "l-bfgs" a LinearOperator with
        `todense`. The reason is "gtol", "ftol" (also where rounding hides any further decrease), "xtol",
        "f_target", "epochs" (these are successes), "max_iter", "max_evals", "max_time", "callback" or "no progress".
        Unless gtol is reached it is the best point seen; with batches the last, or the average (with a penalty only
        that of the option: ASGD's own is of points before their proximal steps).

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
    >>> lasso = fastopt.minimize(rosenbrock, [-1.2, 1.0], jac=True, penalty=fastopt.penalties.L1(alpha=1.0))
    >>> lasso.reason, np.round(lasso.x, 4).tolist()
    ('gtol', [0.25, 0.0575])
    """
    start = start_vector(x0)
    check_others(fun, hess, hessp, callback, constraints, batches)
    jac, verbose = gradient_kind(jac), level(verbose)
    lower, upper = limits(bounds, start)
    if penalty is not None:
        penalty = penalty_or_none(penalty, None, None)
    name, taken, recipe = choose(method, start, jac, hess, hessp, bounds, penalty, batches)
    settings = settings_of(name, taken, options, tol, start.size, batches is not None)
    if max_time is not None:
        max_time = real_number("max_time", max_time, 0)
    if lower is not None:
        start = np.clip(start, lower, upper).astype(start.dtype)
    if "penalty" in taken.takes:
        penalty = penalty_or_none(penalty, lower, upper)
    if penalty is not None and penalty.value(start) == np.inf:
        start = penalty.prox(start, 1e-12)
    function = (Residuals if name == "lm" else Function)(
        fun,
        start,
        args if isinstance(args, tuple) else (args,),
        jac,
        hess,
        hessp,
        lower=lower,
        upper=upper,
        penalty=penalty,
        eps=settings.pop("eps"),
        max_evals=settings.pop("max_evals"),
        max_time=max_time,
    )
    if function.eps is not None and not function.differences:
        raise ValueError("option 'eps' is the step of finite differences; leave it out or give no jac")
    rules = {key: settings.pop(key) for key in ("gtol", "ftol", "xtol", "f_target", "max_iter")}
    stop = Stop(function, **rules, callback=callback, verbose=verbose)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        return _run(function, stop, name, recipe, batches, start.astype(np.float64), settings)


def _run(function, stop, name, recipe, batches, x, settings):
    point = None
    try:
        if batches is not None:
            point, reason = epochs_of_batches(function, x, stop, recipe, batches, **settings)
        else:
            point = function.evaluate(x, first=True)
            reason = stop.start(point)
            if reason == "gtol" and function.forward:
                point = function.refine(point)
                reason = stop.start(point)
            if reason is None:
                point, reason = _solve(function, point, stop, name, recipe, settings)
    except Halt as halt:
        reason = str(halt)
    best = function.best
    if best is not None and reason != "gtol" and not (point is not None and point.value <= best.value):
        point = best
    result = _result(function, stop, point, reason, x)
    if name in ("bfgs", "l-bfgs", "l-bfgs-b"):
        from ._inverse_hessian import inverse_hessian  # needs SciPy, which takes long to import

        result.hess_inv = inverse_hessian(name, function.model, x.size)
    return result


def _solve(function, point, stop, name, recipe, settings):
    """The last point of the method and its reason."""
    if recipe is not None:
        return steps(function, point, stop, recipe)
    if name == "l-bfgs-b" and function.lower is not None:
        return lbfgsb(function, point, stop, function.lower, function.upper, **settings)
    if name == "trust-ncg":
        names = {"initial_trust_radius": "radius", "max_trust_radius": "max_radius"}
        return trust_region(function, point, stop, **{names[k]: v for k, v in settings.items()})
    if name in _OWN:
        return _OWN[name](function, point, stop, **settings)
    return descend(function, point, stop, "l-bfgs" if name == "l-bfgs-b" else name, **settings)


_OWN = {
    "agd": accelerated,
    "fista": accelerated,
    "proximal-gradient": proximal_gradient,
    "owl-qn": owlqn,
    "lm": levenberg_marquardt,
}


def _result(function, stop, point, reason, x):
    from scipy.optimize import OptimizeResult

    if point is None:
        value, gradient, optimality = function.first_value, np.full(x.size, np.nan), np.nan
        stop.note += " before the gradient at x0 was known"
    else:
        x, value, gradient, optimality = point.x, point.value, point.gradient, stop.optimality(point)
    result = OptimizeResult(
        x=x.astype(function.dtype),
        fun=value,
        jac=gradient,
        optimality=optimality,
        nit=stop.nit,
        nfev=function.nfev,
        njev=function.njev,
        nhev=function.nhev,
        success=reason in SUCCESSES,
        status=STATUS[reason],
        message=MESSAGES[reason].format(measure=function.measure) + stop.note + function.remarks(),
        reason=reason,
        history=stop.history(),
    )
    if isinstance(point, Fit):
        result.residuals, result.jacobian = point.residuals, point.jacobian
    return result
