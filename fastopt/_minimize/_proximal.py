"""Methods that alternate a step along the gradient with the proximal step of a penalty."""

import math
from collections import deque

from ._descent import first_length, given_up


def _no_penalty(v, step):
    return v


def _first_step(function, point):
    """The inverse of the curvature of fun along the gradient: 1 / |g| moves by 1, and is halved until it decreases."""
    largest = function.vectors.largest_entry(point.gradient)
    if not largest > 0:
        return 1.0
    return first_length(function, point.gradient, largest, max(1.0, function.vectors.largest_entry(point.x)))


def _stuck(function, stop, point, prox):
    """The reason where no step was accepted."""
    x, g, step = point.x, point.gradient, _first_step(function, point)
    d = prox(x - step * g, step) - x
    # What fun and the penalty promise together, at least.
    return given_up(function, stop, point, d, -float(d @ d) / step)


def proximal_gradient(function, point, stop):
    """x <- prox(x - step g, step); returns the last point and the reason.

    The first trial of an iteration is as long as Barzilai and Borwein's step; it is halved until the objective lies
    below the largest of the last ten by 0.005 |d|^2 / step (Wright, Nowak and Figueiredo, IEEE Trans. Signal Process.
    57 (2009), SpaRSA).
    """
    prox = _no_penalty if function.penalty is None else function.penalty.prox
    size, step = stop.optimality, _first_step(function, point)
    values = deque([point.value], maxlen=10)
    while True:
        trial, first = None, step
        for _ in range(60):
            x = function.rounded(prox(point.x - step * point.gradient, step))
            d = x - point.x
            dd = float(d @ d)
            if dd == 0.0:
                break
            made = function.evaluate(x)
            rounding = 4 * function.epsilon * max(abs(point.value), abs(point.smooth))
            if made.value <= max(values) - 0.005 * dd / step and made.value < max(values):
                trial = made
            elif abs(made.value - point.value) <= rounding and size(made) < size(point):
                trial = made
            if trial is not None:
                break
            step *= 0.5 if math.isfinite(made.value) else 0.1
        if trial is None:
            if function.forward:
                point, step = function.refine(point), first
                if stop.flat(point):
                    return point, "gtol"
                continue
            return point, _stuck(function, stop, point, prox)
        before, point = point, trial
        if function.forward and stop.flat(point):
            point = function.refine(point)
        y = point.gradient - before.gradient
        sy = float(d @ y)
        step = min(max(dd / sy, 1e-3 * step), 1e3 * step) if sy > 0 else 4.0 * step
        values.append(point.value)
        reason = stop.after(before, point)
        if reason:
            return point, reason


def accelerated(function, point, stop):
    """Nesterov's gradient steps with the proximal step of the penalty (FISTA); returns the last point and the reason.

    x' = prox(y - step g(y), step), y = x' + (t - 1) / t' (x' - x). The step is halved until fun lies below the parabola
    of curvature 1 / step. It grows by 1.005, where there is no momentum by 2, and t follows (Scheinberg, Goldfarb and
    Bai, Found. Comput. Math. 14 (2014)); faster growth loses the rate of ill-conditioned problems. The momentum starts
    again where the objective rises or (y - x')'(x' - x) > 0 (O'Donoghue and Candes, Found. Comput. Math. 15 (2015)), and
    the objective never rises.
    """
    prox = _no_penalty if function.penalty is None else function.penalty.prox
    size, step, t, y = stop.optimality, _first_step(function, point), 1.0, point
    while True:
        first = step
        trial, step = _backtrack(function, y, prox, step)
        worse = trial is None or not (
            trial.value < point.value or (_level(function, point, trial) and size(trial) < size(point))
        )
        if worse:
            if y is not point:
                y, t, step = point, 1.0, first
                continue
            if function.forward:
                point, step = function.refine(point), first
                y, t = point, 1.0
                if stop.flat(point):
                    return point, "gtol"
                continue
            return point, _stuck(function, stop, point, prox)
        before, point = point, trial
        if function.forward and stop.flat(point):
            point = function.refine(point)
            y, t = point, 1.0
        else:
            longer = (2.0 if t == 1.0 else 1.005) * step
            moved = point.x - before.x
            if stop.nit == 0:
                # The first step says little of the curvature yet, of which the first move tells.
                sy = float((point.gradient - before.gradient) @ moved)
                longer = max(longer, float(moved @ moved) / sy) if sy > 0 else longer
            if float((y.x - point.x) @ moved) > 0:
                t = 1.0
            following = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * t * t * step / longer))
            beta = (t - 1.0) / following
            t, step, y = following, longer, point
        reason = stop.after(before, point)
        if reason:
            return point, reason
        if y is point and t > 1.0 and beta > 0:
            x = point.x + beta * moved
            ahead = function.evaluate(function.allowed(x))
            y, t = (ahead, t) if math.isfinite(ahead.smooth) else (point, 1.0)


def _level(function, point, trial):
    """Whether the objectives of two points differ by no more than rounding."""
    return abs(trial.value - point.value) <= 4 * function.epsilon * max(abs(point.value), abs(point.smooth))


def _backtrack(function, y, prox, step):
    """The point after a step from y that the parabola bounds, and its step."""
    for _ in range(60):
        x = function.rounded(prox(y.x - step * y.gradient, step))
        d = x - y.x
        dd = float(d @ d)
        if dd == 0.0:
            return None, step
        trial = function.evaluate(x)
        if math.isfinite(trial.value):
            along = float((trial.gradient - y.gradient) @ d)
            excess = trial.smooth - y.smooth - float(y.gradient @ d)
            # Where the values have lost the difference, the gradients tell.
            rounded = abs(trial.smooth - y.smooth) <= 1e-10 * abs(y.smooth)
            if (0.5 * along if rounded else excess) <= 0.5 * dd / step:
                return trial, step
            step *= 0.5
        else:
            step *= 0.1
    return None, step
