"""The rules of `fastopt.optimizers` as methods, on the whole function or on batches of it."""

import math

import numpy as np

from ..optimizers import ParameterAverage
from ._function import Halt, Point
from ._methods import only_limits


class _Rate:
    """A schedule of the user's, run as fun is, by a factor and from a later step on."""

    def __init__(self, schedule, outside, factor=1.0, begin=0):
        self.schedule, self.outside, self.factor, self.begin = schedule, outside, factor, begin

    def __call__(self, step):
        return self.factor * self.outside(self.schedule, step + self.begin)

    def halved(self, begin):
        return _Rate(self.schedule, self.outside, 0.5 * self.factor, self.begin + begin)


class _Stepper:
    """A recipe bound to x, with the proximal step of the penalty after each of its own."""

    def __init__(self, recipe, x, penalty, outside):
        self.recipe, self.x, self.penalty, self.outside = recipe, x, penalty, outside
        self.optimizer = recipe.bind(x)
        lr = self.optimizer.lr
        if callable(lr) and not isinstance(lr, _Rate):
            self.optimizer.lr = _Rate(lr, outside)
        self.clips = only_limits(penalty)

    def step(self, point):
        value = {"value": point.smooth} if self.optimizer._NEEDS_VALUE else {}
        self.optimizer.step(point.gradient.astype(self.x.dtype, copy=False), **value)
        if self.penalty is not None and np.isfinite(self.x).all():
            self.penalty.prox(self.x, 1.0 if self.clips else self.optimizer.step_lengths(), out=self.x)

    def shorten(self, x, n):
        """The rule afresh from x, with half the rate."""
        lr = self.optimizer.lr
        halved = lr.halved(n) if isinstance(lr, _Rate) else 0.5 * lr
        self.x[...] = x
        recipe = type(self.recipe)(**{**self.recipe.get_params(deep=False), "lr": halved})
        self.__init__(recipe, self.x, self.penalty, self.outside)

    def heed(self, value):
        """A rate that falls on a plateau takes the value."""
        lr = self.optimizer.lr
        update = getattr(lr.schedule, "update", None) if isinstance(lr, _Rate) else None
        if update is not None:
            self.outside(update, value)


def steps(function, point, stop, recipe):
    """A step of the rule each iteration; returns the last point and the reason.

    Where fun is not finite the rule starts afresh from the best point with half its rate.
    """
    penalty = None if function.penalty is None else function.penalty.penalty
    stepper = _Stepper(recipe, point.x.astype(function.dtype), penalty, function.outside)
    start, refused = point, 0
    while True:
        stepper.step(point)
        trial = function.evaluate(stepper.x.astype(np.float64))
        if not math.isfinite(trial.value):
            refused += 1
            if refused == 60:
                stop.note = ": the rule left the domain of fun with 60 rates, each half of the one before"
                return point, "no progress"
            point = function.best
            stepper.shorten(point.x, stepper.optimizer.n_steps)
            continue
        before, point = point, trial
        if function.differences and not function.central and stop.flat(point):
            point = function.refine(point)
        stepper.heed(point.value)
        reason = stop.after(before, point)
        if reason:
            if function.best.value >= start.value and reason != "gtol":
                stop.note = function.slope_report(start, -start.gradient) or ": the rate may be too large"
            return _averaged(function, stepper, point, reason), reason


def _averaged(function, stepper, point, reason):
    """The rule's own average where it is better than the last point."""
    if reason == "gtol" or stepper.penalty is not None or not hasattr(stepper.optimizer, "averages"):
        return point
    try:
        mean = function.evaluate(stepper.optimizer.averages().astype(np.float64))
    except Halt:
        return point
    return mean if mean.value < point.value else point


def _epoch(function, batches):
    """The batches of an epoch, made as fun is run."""
    made, end = function.outside(batches), object()
    if not (hasattr(made, "__iter__") or hasattr(made, "__getitem__")):
        raise TypeError(f"batches() must return an iterable of the batches of an epoch, got {type(made).__name__}")
    rest = function.outside(iter, made)
    while (batch := function.outside(next, rest, end)) is not end:
        yield batch


def epochs_of_batches(function, x, stop, recipe, batches, *, epochs=10, average=None):
    """A step of the rule for each batch; returns the last point, None where not one step was made, and the reason.

    fun and gradient of a point are the means over the batches of its epoch, at the points that these met. Batches whose
    value or gradient is not finite make no step.
    """
    function.keeps_best = False
    penalty = None if function.penalty is None else function.penalty.penalty
    stepper, args = _Stepper(recipe, x.astype(function.dtype), penalty, function.outside), function.args
    own = penalty is None and hasattr(stepper.optimizer, "averages")  # of points before the proximal step
    if own and average is not None:
        raise ValueError(f"{type(recipe).__name__} averages by itself; leave the option 'average' out")
    mean = None
    if average is not None:
        mean = ParameterAverage(stepper.x, decay=None if average == "mean" else average)
    started, point, first, lowest = False, None, math.nan, None

    def now(total, gradient, count):
        value, slope = (total / count, gradient / count) if count else (math.nan, gradient * math.nan)
        settled = stepper.optimizer.averages() if own else mean.averages() if mean is not None else stepper.x.copy()
        return Point(settled.astype(np.float64), value, slope, value)

    for epoch in range(epochs):
        total, gradient, count, seen = 0.0, np.zeros(x.shape), 0, 0
        try:
            for batch in _epoch(function, batches):
                seen += 1
                function.args = (batch, *args)
                met = function.evaluate(stepper.x.astype(np.float64), first=not started)
                started = True
                if not (math.isfinite(met.value) and np.isfinite(met.gradient).all()):
                    continue
                stepper.step(met)
                total, count = total + met.value, count + 1
                gradient += met.gradient
                if mean is not None:
                    mean.update()
        except Halt as halt:
            return now(total, gradient, count) if count else point, str(halt)
        if not seen:
            raise ValueError(
                f"batches() gave no batch in epoch {epoch + 1}; it must return a new iterable at each call, not one"
                " that is used up"
            )
        made = now(total, gradient, count)
        if not count or not np.isfinite(made.x).all():
            stop.note = f": in epoch {epoch + 1} " + (
                "no batch had a finite value and gradient" if not count else "x did not stay finite; try a smaller lr"
            )
            return lowest or made._replace(x=x), "no progress"
        before, point = point or made, made
        if lowest is None:
            first = made.value
        if lowest is None or made.value < lowest.value:
            lowest = made
        stepper.heed(point.value)
        reason = stop.after(before, point, moved=epoch > 0)
        if reason:
            return point, reason
    if point.value > first:
        stop.note = ": fun rose from the first epoch to the last; try a smaller lr, or see fastopt.check_gradient"
    return point, "epochs"
