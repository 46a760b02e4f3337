"""L-BFGS between bounds, by the generalized Cauchy point."""

import math

import numpy as np

from ..linesearch import strong_wolfe
from ._descent import given_up
from ._function import Line

_ALL = slice(None)


def projected_gradient(point, lower, upper):
    """x - P(x - g): zero exactly where no feasible direction descends."""
    return point.x - np.clip(point.x - point.gradient, lower, upper)


def in_turns(differences, below, steps):
    """The symmetric matrix of these blocks, rows and columns of differences and steps in turns."""
    k = len(differences)
    out = np.empty((2 * k, 2 * k))
    out[::2, ::2], out[1::2, ::2], out[::2, 1::2], out[1::2, 1::2] = differences, below, below.T, steps
    return out


class Model:
    """The Hessian B = theta I - W M W' of the last `memory` pairs, W = [y, s, y, s, ...].

    M is the inverse of [-D, L' / theta; L / theta, S'S / theta] in the order of W, D the diagonal of S'Y and L its part
    below (Byrd, Nocedal and Schnabel, Math. Program. 63 (1994)). Pairs stand in any order; `age` tells the newer.
    """

    def __init__(self, memory, n):
        self.memory, self.n, self.rows = memory, n, None
        self.clear()

    def clear(self):
        self.count, self.theta, self.M = 0, 1.0, np.empty((0, 0))

    def add(self, s, y):
        """Keep a pair with positive curvature, in place of the oldest; theta scales to the newest one."""
        sy, yy = float(s @ y), float(y @ y)
        if not sy > 1e-14 * math.sqrt(float(s @ s)) * math.sqrt(yy):
            return
        m, k = self.memory, self.count
        if self.rows is None:
            self.rows = np.empty((2 * m, self.n))
            self.sy, self.ss, self.age = np.empty((m, m)), np.empty((m, m)), np.empty(m)
        place = k if k < m else int(np.argmin(self.age))
        self.age[place] = self.age[:k].max(initial=0) + 1
        # Of length that makes s'y one, so that steps of all sizes weigh the same in the small matrices.
        s, y = s / math.sqrt(sy), y / math.sqrt(sy)
        self.rows[2 * place], self.rows[2 * place + 1] = y, s
        self.count = k = min(k + 1, m)
        on_step, on_difference = self.rows[: 2 * k] @ s, self.rows[: 2 * k] @ y
        self.sy[:k, place], self.sy[place, :k] = on_difference[1::2], on_step[::2]
        self.ss[:k, place] = self.ss[place, :k] = on_step[1::2]
        self.theta = yy / sy
        sy, age = self.sy[:k, :k], self.age[:k]
        self.below = np.where(age[:, None] > age, sy, 0.0)
        try:
            inverse = in_turns(-np.diag(sy.diagonal()), self.below / self.theta, self.ss[:k, :k] / self.theta)
            self.M = np.linalg.inv(inverse)
        except np.linalg.LinAlgError:
            self.clear()

    def columns(self, index):
        """W' in some of the columns, (2 count, number)."""
        return np.empty((0, self.n))[:, index] if self.rows is None else self.rows[: 2 * self.count, index]


def cauchy_point(model, x, g, lower, upper):
    """The first minimiser of the model along P(x - t g), and which entries have reached no bound there."""
    d = -g
    room = np.where(d > 0, upper - x, lower - x)
    bends = np.full(x.shape, np.inf)
    np.divide(room, d, out=bends, where=d != 0)
    d[bends <= 0] = 0.0
    bends[bends <= 0] = np.inf
    dd = float(d @ d)
    if dd == 0.0:
        return x, np.zeros(x.shape, dtype=bool)
    p, least = model.columns(_ALL) @ d, 2.0**-52 * model.theta * dd
    t = dd / max(model.theta * dd - float(p @ (model.M @ p)), least)
    if t > bends.min():
        t = beyond_a_bend(model, d, bends, p, dd, least)
    reached = bends <= t
    out = np.where(reached, np.where(d > 0, upper, lower), np.clip(x + t * d, lower, upper))
    return out, ~reached & (d != 0)


def beyond_a_bend(model, d, bends, p, dd, least):
    """The t of the Cauchy point where it is not in the first piece of the path.

    The path bends where entries reach their bounds. In the piece between two bends, from t on, d is -g in the entries
    that still move and z the way so far: slope -d'd (1 - theta t) - p'M c and curvature theta d'd - p'M p with p = W'd,
    c = W'z. Pieces are looked at in blocks of growing size, because the first minimiser is most often in an early one.
    """
    bent = np.flatnonzero(bends < np.inf)
    bent = bent[np.argsort(bends[bent], kind="stable")]
    theta, t, c, lo, size = model.theta, 0.0, np.zeros(p.size), 0, 64
    while True:
        index = bent[lo : lo + size]
        ends, squares, left = bends[index], d[index] ** 2, model.columns(index) * d[index]
        if index.size < size:
            # The piece after the last bend.
            ends, squares = np.append(ends, np.inf), np.append(squares, 0.0)
            left = np.concatenate([left, np.zeros((p.size, 1))], axis=1)
        starts = np.concatenate([[t], ends[:-1]])
        ps = p[:, None] - np.cumsum(left, axis=1) + left
        dds = np.maximum(dd - np.cumsum(squares) + squares, 0.0)
        strides = np.where(ends < np.inf, ends - starts, 0.0) * ps
        cs = c[:, None] + np.cumsum(strides, axis=1) - strides
        Mp = model.M @ ps
        slopes = -dds * (1.0 - theta * starts) - (cs * Mp).sum(axis=0)
        curvatures = np.maximum(theta * dds - (ps * Mp).sum(axis=0), least)
        steps = np.maximum(-slopes / curvatures, 0.0)
        inside = (starts + steps < ends) | (slopes >= 0)
        if inside.any():
            i = int(np.argmax(inside))
            return float(starts[i] + steps[i])
        p, dd, c, t = ps[:, -1] - left[:, -1], float(dds[-1] - squares[-1]), cs[:, -1] + strides[:, -1], float(ends[-1])
        lo, size = lo + size, 4 * size


def minimiser(model, x, g, lower, upper):
    """Between the bounds, the minimiser of the model over the entries that the Cauchy point leaves free.

    Where its projection does not descend, the last point before a bound on the way to it.
    """
    start, free = cauchy_point(model, x, g, lower, upper)
    index = _ALL if free.all() else np.flatnonzero(free)
    if not model.count or not free.any():
        return start
    theta, M, z = model.theta, model.M, start - x
    W, held = model.columns(index), model.rows[1 : 2 * model.count : 2, np.flatnonzero(~free)]
    r = g[index] + theta * z[index] - W.T @ (M @ (model.columns(_ALL) @ z))
    products = W @ W.T
    differences = -np.eye(model.count) - products[::2, ::2] / theta
    below, steps = (model.below - products[1::2, ::2]) / theta, held @ held.T / theta
    try:
        v = np.linalg.solve(in_turns(differences, below, steps), W @ r)
    except np.linalg.LinAlgError:
        return start
    step = -(r + W.T @ v / theta) / theta
    if not np.isfinite(step).all():
        return start
    out = start.copy()
    out[index] = np.clip(start[index] + step, lower[index], upper[index])
    if float(g @ (out - x)) < 0:
        return out
    room = np.full(step.shape, np.inf)
    np.divide(np.where(step > 0, upper[index], lower[index]) - start[index], step, out=room, where=step != 0)
    out[index] = np.clip(start[index] + min(1.0, float(room.min())) * step, lower[index], upper[index])
    return out


class Segment(Line):
    """A line whose point at 1 is the target to the last bit, so that bounds are met exactly."""

    def __init__(self, function, point, target):
        super().__init__(function, point, target - point.x)
        self.target = target

    def at(self, t):
        return self.target.copy() if t == 1.0 else super().at(t)


def lbfgsb(function, point, stop, lower, upper, *, memory=10):
    """Minimise between bounds; returns the last point and the reason.

    The direction leads to the minimiser of the quasi-Newton model over the entries that are free at its generalized
    Cauchy point; the strong Wolfe conditions choose the step within the bounds.

    Byrd, Lu, Nocedal and Zhu, SIAM J. Sci. Comput. 16 (1995); projection: Morales and Nocedal, ACM Trans. Math. Softw.
    38 (2011).
    """
    model = Model(memory, point.x.size)
    boxed = bool(np.isfinite(lower).all() and np.isfinite(upper).all())
    while True:
        x, g = point.x, point.gradient
        if not model.count and not boxed:
            # The first step moves by 1 at most: a Cauchy point of -g itself would end at bounds that are far away.
            model.theta = max(1.0, float(np.linalg.norm(projected_gradient(point, lower, upper))))
        phi = Segment(function, point, minimiser(model, x, g, lower, upper))
        d = phi.d
        slope, largest = function.vectors.slope_and_largest(g, d)
        if not (slope < 0 and largest < np.inf):
            if model.count:
                model.clear()
                continue
            plain = -projected_gradient(point, lower, upper)
            return point, given_up(function, stop, point, plain, float(g @ plain))
        room = np.full(d.shape, np.inf)
        np.divide(np.where(d > 0, upper, lower) - x, d, out=room, where=d != 0)
        room = max(1.0, float(room.min()))
        rounding = 4 * function.epsilon * abs(point.value)
        trial = phi.accepted(strong_wolfe(phi, point.value, slope, 1.0, rounding=rounding, t_max=room))
        if trial is None:
            if model.count:
                model.clear()
                continue
            if function.differences and not function.central:
                point = function.refine(point)
                if stop.flat(point):
                    return point, "gtol"
                continue
            return point, given_up(function, stop, point, d, slope)
        before, point = point, trial
        if function.differences and not function.central and stop.flat(point):
            point = function.refine(point)
            model.clear()
        else:
            model.add(point.x - before.x, point.gradient - before.gradient)
        reason = stop.after(before, point)
        if reason:
            return point, reason
