"""When a minimiser stops, and what it hands to the callback."""

import inspect
import sys

import numpy as np

MESSAGES = {
    "gtol": "{measure} is at most gtol",
    "ftol": "the decrease is at most ftol or lost in the rounding of fun or x",
    "xtol": "the step is at most xtol",
    "f_target": "fun is at most f_target",
    "max_iter": "max_iter iterations are used up",
    "max_evals": "max_evals calls of fun are used up",
    "max_time": "max_time seconds are used up",
    "callback": "the callback raised StopIteration",
    "no progress": "no step decreased the objective",
    "epochs": "all epochs are made",
}
SUCCESSES = ("gtol", "ftol", "xtol", "f_target", "epochs")
STATUS = {name: i for i, name in enumerate(("gtol", "ftol", "xtol", "f_target"))} | {
    "max_iter": 4,
    "max_evals": 5,
    "max_time": 6,
    "no progress": 7,
    "epochs": 8,
    "callback": 99,
}


class Stop:
    """The tests after each iteration, the budget of iterations and the callback."""

    def __init__(self, function, *, gtol, ftol, xtol, f_target, max_iter, callback, verbose):
        self.function, self.gtol, self.ftol, self.xtol = function, gtol, ftol, xtol
        self.f_target, self.max_iter, self.verbose = f_target, max_iter, verbose
        self.measured = None, np.nan
        self.callback, self.named = callback, False
        if callback is not None:
            try:
                names = set(inspect.signature(callback).parameters)
            except (TypeError, ValueError):
                names = set()
            # SciPy hands callbacks of methods like ours through as they are.
            self.named = names == {"intermediate_result"}
        self.nit, self.note, self.rows, self.largest = 0, "", [], np.nan

    def start(self, point):
        """The reason to stop at the first point, or None."""
        if not np.isfinite(point.value):
            self.note = f": fun is {point.value} at x0; start where it is finite"
            return "no progress"
        if not np.isfinite(point.gradient).all():
            i = int(np.argmin(np.isfinite(point.gradient)))
            self.note = f": the gradient at x0 is {point.gradient[i]} at index {i}"
            return "no progress"
        self.rows.clear()
        self._record(point)
        if self.largest <= self.gtol:
            return "gtol"
        if point.value <= self.f_target:
            return "f_target"
        return "max_iter" if self.max_iter == 0 else None

    def optimality(self, point):
        """What gtol judges; kept for the last point that was asked for."""
        last, size = self.measured
        if point is not last:
            size = self.function.optimality(point)
            self.measured = point, size
        return size

    def flat(self, point):
        return self.optimality(point) <= self.gtol

    def after(self, before, point, moved=True):
        """The reason to stop after an iteration, or None; `moved` is False where it took no step."""
        self.nit += 1
        self._record(point)
        reason = None
        if self.largest <= self.gtol:
            reason = "gtol"
        elif point.value <= self.f_target:
            reason = "f_target"
        elif moved and 0 <= before.value - point.value <= self.ftol * max(abs(before.value), abs(point.value), 1.0):
            reason = "ftol" if self.ftol > 0 else None
        if reason is None and moved and self.xtol > 0:
            if np.abs(point.x - before.x).max() <= self.xtol * max(1.0, np.abs(point.x).max()):
                reason = "xtol"
        if self.callback is not None and self._called(point):
            reason = reason or "callback"
        if reason is None and self.nit >= self.max_iter:
            reason = "max_iter"
        return reason

    def _called(self, point):
        from scipy.optimize import OptimizeResult

        x = point.x.astype(self.function.dtype)
        try:
            if self.named:
                result = OptimizeResult(x=x, fun=point.value, jac=point.gradient.copy(), nit=self.nit)
                self.function.outside(self.callback, intermediate_result=result)
            else:
                self.function.outside(self.callback, x)
        except StopIteration:
            return True
        return False

    def history(self):
        """The points after each iteration as a dict of equal-length arrays, the start first."""
        table = np.array(self.rows, dtype=np.float64).reshape(-1, 4)
        names = ("objective", "largest_gradient", "evaluations", "seconds")
        history = {name: table[:, j].copy() for j, name in enumerate(names)}
        history["evaluations"] = history["evaluations"].astype(np.int64)
        return history

    def _record(self, point):
        self.largest = self.optimality(point)
        self.rows.append((point.value, self.largest, self.function.nfev, self.function.seconds))
        if self.verbose:
            plain = self.function.penalty is None and self.function.lower is None
            print(
                f"iteration {self.nit:4d}  fun {point.value:.12g}  {'max |gradient|' if plain else 'optimality'}"
                f" {self.largest:.3e}"
                f"  calls {self.function.nfev}  {self.function.seconds:.3g} s",
                file=sys.stderr,
            )
