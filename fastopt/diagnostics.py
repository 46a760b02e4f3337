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
        objective, gradient_norm = point.value, math.sqrt(point.gradient.dot(point.gradient))
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
        history = dict(zip(self.columns, table.T.copy()))
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
    """Result of `check_gradient`: true where the gradient agrees with finite differences.

    Attributes
    ----------
    relative_error : float
        The largest difference, relative to the largest entry.
    index : int
        Where it is, counted through all arrays.
    place : str
        The same in words: "parameter 2", or "array 1, entry (0, 3)".
    analytic, numeric : float
        The gradient given there, and by finite differences.
    rtol : float
    finding : str
        What is wrong, where that can be told: the sign, a factor, a transposed matrix, which arrays of a list.
    """

    def __init__(self, relative_error, index, place, analytic, numeric, rtol, finding=""):
        self.relative_error, self.index, self.place = relative_error, index, place
        self.analytic, self.numeric, self.rtol, self.finding = analytic, numeric, rtol, finding

    def __bool__(self):
        return bool(self.relative_error <= self.rtol)

    def __repr__(self):
        verdict = "agrees" if self else "DIFFERS"
        return (
            f"gradient {verdict}: largest relative error {self.relative_error:.3g} (allowed {self.rtol:.3g}) at"
            f" {self.place}: given {self.analytic:.10g}, finite differences {self.numeric:.10g}"
            + (f"; {self.finding}" if self.finding else "")
        )


def _multiple(given, numeric, rtol):
    """c where the given gradient is c times the numeric one, else None.

    A single entry is a multiple of anything; of it only whole numbers to 1000 and their inverses count.
    """
    square = float(numeric @ numeric)
    if not square > 0 or not np.isfinite(given).all():
        return None
    c = float(given @ numeric) / square
    size = max(float(np.abs(given).max()), float(np.abs(numeric).max()))
    if c == 0 or not float(np.abs(given - c * numeric).max()) <= rtol * size:
        return None
    if np.count_nonzero(np.abs(numeric) > 1e-3 * np.abs(numeric).max()) == 1:
        whole = max(abs(c), 1 / abs(c))
        if round(whole) > 1000 or abs(whole - round(whole)) > rtol * whole:
            return None
    return c


def _relation(given, numeric, rtol, shape):
    """What is wrong with one array of a gradient, in words; all arguments flat but for the shape."""
    wrong = np.abs(given - numeric)
    wrong = ~(wrong <= rtol * max(float(np.abs(numeric).max()), float(np.abs(given).max()), 1e-8))
    if not np.isfinite(given).all():
        return f"{np.count_nonzero(~np.isfinite(given))} of {len(given)} entries are not finite"
    if not given.any():
        return "zero, as if the value did not depend on it"
    c = _multiple(given, numeric, rtol)
    if c is not None:
        whole, part = round(abs(c)), round(1 / abs(c))
        sign, end = ("minus ", ", and the sign is wrong") if c < 0 else ("", "")
        if abs(abs(c) - 1) <= 10 * rtol:
            return "the negative of the finite differences: its sign is wrong"
        if abs(abs(c) - whole) <= 10 * rtol * whole:
            why = "a factor 2 too many" if whole == 2 else "a sum where the value is a mean"
            return f"{sign}{whole} times the finite differences: {why}{end}"
        if abs(1 / abs(c) - part) <= 10 * rtol * part:
            why = "a factor 2 is missing" if part == 2 else "a mean where the value is a sum"
            return f"{sign}1/{part} of the finite differences: {why}{end}"
        return f"{c:.6g} times the finite differences"
    if len(shape) == 2 and shape[0] == shape[1] and len(given) == shape[0] * shape[1]:
        turned = given.reshape(shape).T.reshape(-1)
        if float(np.abs(turned - numeric).max()) <= rtol * float(np.abs(numeric).max()):
            return "the transpose of the finite differences"
    where = f"{np.count_nonzero(wrong)} of {len(given)} entries differ"
    zero = not given[wrong].any() and np.count_nonzero(wrong) < len(given)
    return where + (", given as zero" if zero else "")


def _finding(given, numeric, rtol, owner, shapes):
    """The words for a wrong gradient; `owner` says which array an entry belongs to."""
    if len(shapes) == 1:
        words = _relation(given, numeric, rtol, shapes[0])
        return words if "entries" in words else f"the given gradient is {words}"
    whole = _multiple(given, numeric, rtol)
    if whole is not None:
        return f"the given gradient is {_relation(given, numeric, rtol, ())}"
    size = max(float(np.abs(numeric).max()), 1e-8)
    words, wrong = [], 0
    for number, shape in enumerate(shapes):
        mine = owner == number
        if not mine.any() or float(np.abs(given[mine] - numeric[mine]).max()) <= rtol * size:
            continue
        wrong += 1
        found = _relation(given[mine], numeric[mine], rtol, shape)
        words.append(f"array {number}: {found}" if "entries" in found else f"array {number} is {found}")
    return f"{wrong} of {len(shapes)} arrays differ: " + "; ".join(words)


def check_gradient(objective, params, *, rtol=1e-6, max_parameters=200, random_state=0):
    """Compare a gradient with fourth-order central differences of the value.

    Steps are 1e-3 of a parameter (of 1 for smaller ones), and once more 1e-5 where the two disagree, so that kinks
    nearby are not taken for mistakes.

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
        True in a condition where the gradient agrees; its repr names the worst parameter and, where the
        gradient is the negative of the differences, a multiple of them, their transpose or right in some arrays
        of a list only, says so.

    Raises
    ------
    ValueError
        Where the gradient's structure differs from the parameters', or the value is not one finite number.

    Examples
    --------
    >>> import numpy as np, fastopt
    >>> bool(fastopt.check_gradient(lambda x: (float(x @ x), 2 * x), np.array([1.0, -2.0])))
    True
    >>> fastopt.check_gradient(lambda x: (float(x @ x), -2 * x), np.array([1.0]))
    gradient DIFFERS: largest relative error 2 (allowed 1e-06) at parameter 0: given -2, finite differences 2; the given
    gradient is the negative of the finite differences: its sign is wrong
    """
    function = getattr(objective, "value_gradient", objective)
    if not callable(function):
        raise TypeError(f"objective must be callable or have a method value_gradient, got {type(objective).__name__}")
    several = isinstance(params, (list, tuple))
    arrays = [np.array(a, dtype=np.float64) for a in params] if several else [np.array(params, dtype=np.float64)]
    shapes = [a.shape for a in arrays]

    def call():
        given = [a.copy() for a in arrays]
        value, gradient = function(given if several else given[0])
        if np.size(value) != 1:
            raise ValueError(
                f"the value must be one number, got an array of shape {np.shape(value)}; "
                "take the sum or mean of the losses"
            )
        return float(np.reshape(value, ())), gradient

    value, gradient = call()
    gradients = list(gradient) if several else [gradient]
    found = [np.shape(g) for g in gradients]
    if found != shapes:
        found, wanted = (found, shapes) if several else (found[0], shapes[0])
        raise ValueError(f"the gradient has shape {found}, the parameters {wanted}")
    if not math.isfinite(value):
        raise ValueError(f"the value at params is {value}; check a point where it is finite")
    analytic = np.concatenate([np.asarray(g, dtype=np.float64).reshape(-1) for g in gradients])
    owner = np.repeat(np.arange(len(arrays)), [a.size for a in arrays])
    first = np.concatenate([[0], np.cumsum([a.size for a in arrays])])
    chosen = np.arange(len(analytic))
    if len(chosen) > max_parameters:
        chosen = np.sort(np.random.default_rng(random_state).choice(len(chosen), max_parameters, replace=False))
    if not len(chosen):
        return GradientCheck(0.0, 0, "no parameter", math.nan, math.nan, rtol)

    def difference(index, step):
        flat = arrays[owner[index]].reshape(-1)
        i = index - first[owner[index]]
        kept = flat[i]
        h = step * max(1.0, abs(kept))
        values = []
        for shift in (-2 * h, -h, h, 2 * h):
            flat[i] = kept + shift
            values.append(call()[0])
        flat[i] = kept
        return (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)

    analytic = analytic[chosen]
    numeric = np.array([difference(index, 1e-3) for index in chosen])
    size = max(np.abs(analytic[np.isfinite(analytic)]).max(initial=0.0), np.abs(numeric).max(), 1e-8)
    for j in np.flatnonzero(~(np.abs(analytic - numeric) <= rtol * size)):
        # The wide step may cross a kink, of a relu for instance, that the narrow one does not.
        again = difference(chosen[j], 1e-5)
        if not abs(analytic[j] - numeric[j]) <= abs(analytic[j] - again):
            numeric[j] = again
    error = np.abs(analytic - numeric) / size
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    index = int(chosen[worst])
    place = f"parameter {index}"
    if several:
        array = int(owner[index])
        entry = tuple(int(i) for i in np.unravel_index(index - first[array], shapes[array]))
        place = f"array {array}, entry {entry}"
    finding = ""
    if not error[worst] <= rtol and np.isfinite(numeric).all():
        finding = _finding(analytic, numeric, rtol, owner[chosen], shapes)
    return GradientCheck(
        float(error[worst]), index, place, float(analytic[worst]), float(numeric[worst]), rtol, finding
    )
