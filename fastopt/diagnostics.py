"""What a fit tells about itself: its history, its certificate, its report."""

import math
import sys
import time
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Certificate:
    """How good the answer of a fit is, and how that is known.

    Attributes
    ----------
    objective : float
        Value of the objective as the estimator's docstring writes it.
    dual : float or None
        Lower bound of the optimum by a feasible point of the dual, in the same units.
    gap : float or None
        ``objective - dual`` plus an allowance for rounding; bounds the excess over the optimum.
    relative_gap : float
        The bound on the excess divided by what there was to gain: the objective of the best
        constant prediction minus the optimum (its upper bound for a decrement, see `bound`).
    bound : {"gap", "decrement", "gradient"}
        What bounds the excess: a duality gap, half the squared Newton decrement (exact for a
        quadratic, the second-order estimate otherwise), or nothing but a small gradient.
    gradient_norm : float
        Euclidean norm of the gradient of the mean loss plus penalty.
    newton_decrement : float or None
        ``g' H^{-1} g / 2`` in the units of `objective`.
    n_iter, passes : int
        Iterations, and reads of the data.
    seconds : float
    converged : bool
    reason : str
    """

    objective: float
    dual: float | None
    gap: float | None
    relative_gap: float
    bound: str
    gradient_norm: float
    newton_decrement: float | None
    n_iter: int
    passes: int
    seconds: float
    converged: bool
    reason: str

    def as_dict(self):
        return {f.name: getattr(self, f.name) for f in fields(self)}


class Monitor:
    """Receives a row for each iteration, keeps the history, and says when to stop.

    Parameters
    ----------
    verbose : int
        1 or more prints a line for each recorded row on standard error.
    max_time : float, optional
        Seconds after which the fit stops with reason "max_time".
    callback : callable, optional
        Called with each row (a dict); a true result stops the fit with reason "callback".
    """

    columns = ("objective", "gradient_norm", "step", "passes", "seconds")

    def __init__(self, verbose=0, max_time=None, callback=None):
        self.verbose, self.max_time, self.callback = verbose, max_time, callback
        self.start = time.perf_counter()
        self.rows = []
        self.reason = self.point = None

    @property
    def seconds(self):
        return time.perf_counter() - self.start

    def record(self, point, step, passes):
        """Keep one row for an accepted point; return whether the solver has to stop."""
        seconds = self.seconds
        objective, gradient_norm = point.value, math.sqrt(float(point.gradient @ point.gradient))
        self.point = point
        self.rows.append((objective, gradient_norm, step, passes, seconds))
        if self.verbose:
            print(
                f"iteration {len(self.rows) - 1:4d}  objective {objective:.12g}  |gradient| {gradient_norm:.3e}"
                f"  step {step:.3g}  passes {passes}",
                file=sys.stderr,
            )
        if self.max_time is not None and seconds > self.max_time:
            self.reason = "max_time"
        elif self.callback is not None and self.callback(dict(zip(self.columns, self.rows[-1]))):
            self.reason = "callback"
        return self.reason is not None

    def history(self, scale=1.0):
        """The rows as a dict of equal-length arrays; `scale` converts the objective's units."""
        table = np.array(self.rows, dtype=np.float64).reshape(-1, len(self.columns))
        history = {name: table[:, j].copy() for j, name in enumerate(self.columns)}
        history["objective"] *= scale
        history["passes"] = history["passes"].astype(np.int64)
        return history


def report(name, solver, certificate, notes=()):
    """A fit in a few lines: what was solved, how well, how long it took, what to do where it fell short."""
    c = certificate
    lines = [
        f"{name}: {'converged' if c.converged else 'NOT converged'} ({c.reason})",
        f"  solver      {solver}: {c.n_iter} iterations, {c.passes} passes over the data, {c.seconds * 1e3:.3g} ms",
        f"  objective   {c.objective:.12g}",
    ]
    if c.bound == "gap":
        lines.append(f"  excess      <= {c.gap:.3g}, {c.relative_gap:.2g} of the gain over a constant prediction (duality gap)")
    elif c.bound == "decrement":
        decrement = math.nan if c.newton_decrement is None else c.newton_decrement
        lines.append(f"  excess      about {decrement:.3g}, {c.relative_gap:.2g} relative (Newton decrement; no dual bound here)")
    else:
        lines.append("  excess      not bounded: only the gradient is known")
    lines.append(f"  gradient    norm {c.gradient_norm:.3g}")
    lines.extend(f"  note        {note}" for note in notes)
    return "\n".join(lines)


class GradientCheck:
    """Result of `check_gradient`: true where the gradient agrees with finite differences."""

    def __init__(self, relative_error, index, analytic, numeric, rtol):
        self.relative_error, self.index = relative_error, index
        self.analytic, self.numeric, self.rtol = analytic, numeric, rtol

    def __bool__(self):
        return bool(self.relative_error <= self.rtol)

    def __repr__(self):
        verdict = "agrees" if self else "DIFFERS"
        return (
            f"gradient {verdict}: largest relative error {self.relative_error:.3g} (allowed {self.rtol:.3g}) at parameter"
            f" {self.index}: given {self.analytic:.10g}, finite differences {self.numeric:.10g}"
        )


def check_gradient(objective, params, *, rtol=1e-6, max_parameters=200, random_state=0):
    """Compare a gradient with fourth-order central differences of the value.

    Parameters
    ----------
    objective : object or callable
        With a method ``value_gradient(params) -> (value, gradient)`` (`LinearObjective`, ...), or a
        function that returns the same.
    params : array, or list of arrays
        Where to check; not changed.
    rtol : float, default=1e-6
        Allowed difference relative to the largest gradient entry.
    max_parameters : int, default=200
        Where there are more, a random choice of this many is checked.
    random_state : int

    Returns
    -------
    GradientCheck
        True in a condition where the gradient agrees; its repr names the worst parameter.

    Raises
    ------
    ValueError
        Where the gradient's structure differs from the parameters', or the value is not finite.

    Examples
    --------
    >>> import numpy as np, fastopt
    >>> bool(fastopt.check_gradient(lambda x: (float(x @ x), 2 * x), np.array([1.0, -2.0])))
    True
    >>> fastopt.check_gradient(lambda x: (float(x @ x), -2 * x), np.array([1.0]))
    gradient DIFFERS: largest relative error 2 (allowed 1e-06) at parameter 0: given -2, finite differences 2
    """
    function = getattr(objective, "value_gradient", objective)
    if not callable(function):
        raise TypeError(f"objective must be callable or have a method value_gradient, got {type(objective).__name__}")
    arrays = [np.array(a, dtype=np.float64) for a in params] if isinstance(params, (list, tuple)) else None
    if arrays is None:
        single = np.array(params, dtype=np.float64)
        arrays = [single]

    def call():
        given = [a.copy() for a in arrays]
        value, gradient = function(given if isinstance(params, (list, tuple)) else given[0])
        return float(value), gradient

    value, gradient = call()
    gradients = list(gradient) if isinstance(params, (list, tuple)) else [gradient]
    shapes = [np.shape(g) for g in gradients]
    if shapes != [a.shape for a in arrays]:
        raise ValueError(f"the gradient has shape {shapes}, the parameters {[a.shape for a in arrays]}")
    if not math.isfinite(value):
        raise ValueError(f"the value at params is {value}; check a point where it is finite")
    analytic = np.concatenate([np.asarray(g, dtype=np.float64).reshape(-1) for g in gradients])
    places = [(a, i) for a in arrays for i in range(a.size)]
    chosen = np.arange(len(places))
    if len(places) > max_parameters:
        chosen = np.sort(np.random.default_rng(random_state).choice(len(places), max_parameters, replace=False))
    numeric = np.empty(len(chosen))
    for j, index in enumerate(chosen):
        array, i = places[index]
        flat = array.reshape(-1)
        kept = flat[i]
        h = 1e-3 * max(1.0, abs(kept))
        values = []
        for shift in (-2 * h, -h, h, 2 * h):
            flat[i] = kept + shift
            values.append(call()[0])
        flat[i] = kept
        numeric[j] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    size = max(np.abs(analytic[chosen]).max(initial=0.0), np.abs(numeric).max(initial=0.0), 1e-8)
    error = np.abs(analytic[chosen] - numeric) / size
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error))) if len(error) else 0
    if not len(error):
        return GradientCheck(0.0, 0, math.nan, math.nan, rtol)
    return GradientCheck(float(error[worst]), int(chosen[worst]), float(analytic[chosen[worst]]), float(numeric[worst]), rtol)
