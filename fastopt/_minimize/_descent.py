"""Methods that search along a line: they differ in the direction."""

import math
from collections import deque

import numpy as np

from ..linesearch import backtracking, hager_zhang, more_thuente, nonmonotone, strong_wolfe, wolfe
from ._function import Line
from ._modified_cholesky import solve_modified

SEARCHES = {
    "armijo": backtracking,
    "nonmonotone": nonmonotone,
    "wolfe": wolfe,
    "strong-wolfe": strong_wolfe,
    "more-thuente": more_thuente,
    "hager-zhang": hager_zhang,
}


class GradientDescent:
    """d = -g, the first trial as long as Barzilai and Borwein's step s's / s'y."""

    search = "nonmonotone"

    def __init__(self, function, memory):
        self.reset()

    def reset(self):
        self.length = None

    def direction(self, point):
        return -point.gradient, self.length

    def update(self, before, point, length):
        s, y = point.x - before.x, point.gradient - before.gradient
        sy = float(s @ y)
        self.length = float(s @ s) / sy if sy > 0 else 10.0 * length


class ConjugateGradient:
    """d = -g + beta d, beta as in CG_DESCENT: (y - 2 d |y|^2 / d'y)' g / d'y, bounded below.

    Hager and Zhang, SIAM J. Optim. 16 (2005). The first trial is the minimiser of the parabola of the new slope that
    decreases as much as the last step did, at most 1 (Nocedal and Wright, section 3.5); strong Wolfe steps of c2 = 0.2
    from there take fewer calls than the paper's own search.
    """

    search, c2 = "strong-wolfe", 0.2

    def __init__(self, function, memory):
        self.epsilon = function.epsilon
        self.reset()

    def reset(self):
        self.d = self.length = None

    def direction(self, point):
        if self.d is None:
            self.d = -point.gradient
        return self.d, self.length

    def update(self, before, point, length):
        # A direction that did not descend was dropped for steepest descent.
        g, d = point.gradient, -before.gradient if self.d is None else self.d
        y = g - before.gradient
        dy = float(d @ y)
        if not dy > 0:
            self.d = -g
        else:
            beta = (float(y @ g) - 2.0 * float(y @ y) * float(d @ g) / dy) / dy
            norm_d, norm_g = float(np.linalg.norm(d)), float(np.linalg.norm(before.gradient))
            beta = max(beta, -1.0 / (norm_d * min(0.01, norm_g)))
            self.d = beta * d - g
        slope = float(g @ self.d)
        decrease = before.value - point.value
        if not slope < 0:
            self.length = None
        elif decrease > 100 * self.epsilon * abs(point.value):
            self.length = min(1.0, -2.02 * decrease / slope)
        else:
            # Lost in rounding: the last step and slope tell instead.
            self.length = length * float(before.gradient @ d) / slope


def as_much_again(before, point, slope, epsilon):
    """The length at which a parabola of this slope decreases as much as the last step; None: lost in rounding."""
    decrease = before.value - point.value
    return -2.02 * decrease / slope if decrease > 100 * epsilon * abs(point.value) else None


class BFGS:
    """d = -H g, H the dense inverse Hessian of the Broyden-Fletcher-Goldfarb-Shanno update.

    The first steps see the largest curvature, 1 / gamma, gamma = s'y / y'y, and H = gamma I would know flat directions by
    many steps that are too short. H begins with sqrt(gamma), at most 1000 gamma; in the first n updates it grows as a
    whole by s'y / y'Hy where that is above 1 (Al-Baali, Comput. Optim. Appl. 9 (1998)), and the first trial is the one of
    `ConjugateGradient`, since the length 1 may be too long.
    """

    search, c2 = "strong-wolfe", 0.5

    def __init__(self, function, memory):
        self.epsilon = function.epsilon
        self.reset()

    def reset(self):
        self.inverse, self.count, self.last = None, 0, None

    def direction(self, point):
        if self.inverse is None:
            return -point.gradient, None
        d = -(self.inverse @ point.gradient)
        if self.count > d.size:
            return d, 1.0
        slope = float(d @ point.gradient)
        length = as_much_again(self.last, point, slope, self.epsilon) if slope < 0 else None
        return d, min(1.0, length or 1.0)

    def update(self, before, point, length):
        s, y = point.x - before.x, point.gradient - before.gradient
        sy, self.last = float(s @ y), before
        yy = float(y @ y)
        if not (yy > 0 and sy > 1e-14 * math.sqrt(float(s @ s) * yy)):
            return
        if self.inverse is None:
            gamma = sy / yy
            self.inverse = np.eye(s.size) * (gamma * min(max(1.0, gamma**-0.5), 1000.0))
        hy = self.inverse @ y
        yhy = float(y @ hy)
        if 0 < self.count < s.size and 0 < yhy < sy:
            self.inverse *= sy / yhy
            hy, yhy = hy * (sy / yhy), sy
        self.count += 1
        self.inverse += np.outer(s, s) * ((1.0 + yhy / sy) / sy) - (np.outer(hy, s) + np.outer(s, hy)) / sy


class LBFGS:
    """d = -H g of the last `memory` pairs."""

    search = "strong-wolfe"

    def __init__(self, function, memory):
        self.pairs = function.vectors.Pairs(memory)

    def reset(self):
        self.pairs.clear()

    def direction(self, point):
        return self.pairs.direction(point.gradient), 1.0 if self.pairs else None

    def update(self, before, point, length):
        self.pairs.add(before.x, before.gradient, point.x, point.gradient)


class Newton:
    """d = -H^{-1} g, H made positive definite by a modified Cholesky factorisation where it is not."""

    search = "strong-wolfe"

    def __init__(self, function, memory):
        self.function, self.plain = function, False

    def reset(self):
        self.plain = True

    def direction(self, point):
        if self.plain:
            return -point.gradient, None
        return -solve_modified(self.function.hessian(point), point.gradient), 1.0

    def update(self, before, point, length):
        self.plain = False


class NewtonCG:
    """d from conjugate gradients on H d = -g, ended at negative curvature or a residual min(1/2, sqrt |g|) |g|."""

    search = "strong-wolfe"

    def __init__(self, function, memory):
        self.function, self.plain = function, False

    def reset(self):
        self.plain = True

    def direction(self, point):
        g = point.gradient
        if self.plain:
            return -g, None
        norm = float(np.linalg.norm(g))
        d, _ = conjugate_gradients(self.function.product(point), g, min(0.5, norm**0.5) * norm)
        return d, 1.0

    def update(self, before, point, length):
        self.plain = False


def conjugate_gradients(product, g, tolerance, radius=np.inf):
    """An approximate minimiser of g'd + d'Hd/2 within a radius, by Steihaug's conjugate gradients.

    Returns d and whether it lies on the boundary. Without a radius the method ends where the curvature is
    negative: with the steps so far, or -g where there are none.
    """
    d, r = np.zeros_like(g), g.copy()
    p, rr = -r, float(r @ r)
    for _ in range(2 * g.size + 10):
        hp = product(p)
        curvature = float(p @ hp)
        if not np.isfinite(curvature):
            return (d if d.any() else -g * min(1.0, radius / np.sqrt(float(g @ g)))), False
        if curvature <= 1e-14 * float(p @ p):
            if radius == np.inf:
                return (d if d.any() else p), False
            return d + _to_boundary(d, p, radius) * p, True
        alpha = rr / curvature
        if np.linalg.norm(d + alpha * p) >= radius:
            return d + _to_boundary(d, p, radius) * p, True
        d = d + alpha * p
        r = r + alpha * hp
        new = float(r @ r)
        if np.sqrt(new) <= tolerance:
            break
        p, rr = -r + (new / rr) * p, new
    return d, False


def _to_boundary(d, p, radius):
    """The positive t with |d + t p| = radius."""
    a, b, c = float(p @ p), float(d @ p), float(d @ d) - radius * radius
    root = np.sqrt(max(b * b - a * c, 0.0))
    return -c / (b + root) if b > 0 else (root - b) / a


RULES = {
    "gd": GradientDescent,
    "cg": ConjugateGradient,
    "bfgs": BFGS,
    "l-bfgs": LBFGS,
    "newton": Newton,
    "newton-cg": NewtonCG,
}


def descend(function, point, stop, method, *, line_search=None, memory=10):
    """Minimise by lines; returns the last point and the reason."""
    rule = RULES[method](function, memory)
    name = line_search or rule.search
    search, values = SEARCHES[name], deque([point.value], maxlen=10)
    curvature = {"c2": rule.c2} if hasattr(rule, "c2") else {}
    # Whether the direction owes nothing to earlier iterations, so that starting afresh would not help.
    fresh, vectors = method not in ("newton", "newton-cg"), function.vectors
    while True:
        d, length = rule.direction(point)
        slope, largest = vectors.slope_and_largest(point.gradient, d)
        if not (slope < 0 and largest < math.inf):
            rule.reset()
            d, length, fresh = -point.gradient, None, True
            slope, largest = vectors.slope_and_largest(point.gradient, d)
        if length is None:
            length = min(1.0, 1.0 / math.sqrt(float(d @ d)))
        # No trial farther than 1e10 times the size of x.
        length = min(max(length, 1e-16), 1e10 * max(1.0, vectors.largest_entry(point.x)) / largest)
        phi = Line(function, point, d)
        rounding = 4 * function.epsilon * abs(point.value)
        if name == "nonmonotone":
            step = search(phi, list(values), slope, length)
        elif name in ("armijo", "hager-zhang"):
            step = search(phi, point.value, slope, length)
        else:
            step = search(phi, point.value, slope, length, rounding=rounding, **curvature)
        trial = phi.accepted(step)
        if trial is None:
            if not fresh:
                rule.reset()
                fresh = True
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
            rule.reset()
            fresh = True
        else:
            rule.update(before, point, step.length)
            fresh = False
        values.append(point.value)
        reason = stop.after(before, point)
        if reason:
            return point, reason


def given_up(function, stop, point, d, slope):
    """The reason where no step was accepted: "ftol" where rounding hides what the gradient promises."""
    size = max(1.0, float(np.abs(point.x).max())) / max(float(np.abs(d).max()), 1e-300)
    if abs(slope) * min(1.0, size) <= 1e3 * function.epsilon * abs(point.value):
        return "ftol"
    stop.note = function.slope_report(point, d, slope)
    return "no progress"
