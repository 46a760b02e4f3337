"""Methods that search along a line: they differ in the direction."""

import math
import sys
from collections import deque

import numpy as np

from ..linesearch import backtracking, hager_zhang, more_thuente, nonmonotone, strong_wolfe, wolfe
from ._function import Line
from ._modified_cholesky import solve_modified

# The shortest length.
TINY = sys.float_info.min

SEARCHES = {
    "armijo": backtracking,
    "nonmonotone": nonmonotone,
    "wolfe": wolfe,
    "strong-wolfe": strong_wolfe,
    "more-thuente": more_thuente,
    "hager-zhang": hager_zhang,
}


class GradientDescent:
    """d = -g, the first trial as long as Barzilai and Borwein's steps, s's / s'y and s'y / y'y by turns.

    With one of them alone a shrunken step, an exact minimiser, may lead to a cycle of steps. Dai and Fletcher, Numer. Math.
    100 (2005), compare such steps.
    """

    search = "nonmonotone"

    def __init__(self, function, memory):
        self.reset()

    def reset(self):
        self.length, self.long = None, False

    def direction(self, point):
        return -point.gradient, self.length

    def update(self, before, point, length):
        s, y = point.x - before.x, point.gradient - before.gradient
        sy = float(s @ y)
        self.long = not self.long
        if sy > 0:
            self.length = float(s @ s) / sy if self.long else sy / float(y @ y)
        else:
            self.length = 10.0 * length


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
            yy, dg = float(y @ y), float(d @ g)
            # Of large functions the product of the two is not a number.
            twice = 2.0 * yy * dg / dy if abs(yy * dg) < math.inf else 2.0 * (yy / dy) * dg
            beta = (float(y @ g) - twice) / dy
            norm_d, norm_g = float(np.linalg.norm(d)), float(np.linalg.norm(before.gradient))
            beta = max(beta, -1.0 / (norm_d * min(0.01, norm_g)))
            self.d = beta * d - g
        slope = float(g @ self.d)
        if not slope < 0:
            self.length = None
        else:
            # Lost in rounding, the last step and slope tell instead.
            again = as_much_again(before, point, slope, self.epsilon)
            if again is None:
                self.length = length * float(before.gradient @ d) / slope
            else:
                # Longer where fun is so flat that the last step was.
                self.length = min(again, 1.0 if length < 1e3 else length)


def as_much_again(before, point, slope, epsilon):
    """The length at which a parabola of this slope decreases as much as the last step; None: lost in rounding."""
    decrease = before.value - point.value
    return -2.02 * decrease / slope if decrease > 100 * epsilon * abs(point.value) else None


class BFGS:
    """d = -H g, H the dense inverse Hessian of the Broyden-Fletcher-Goldfarb-Shanno update.

    H begins as sigma I. The update with sigma I + 0 is sigma times that of I plus that of 0, so that for the first 2 n
    updates H = sigma P + Q, where sigma is chosen anew, and in retrospect, at each of them: s's / s'y, the longer of
    Barzilai and Borwein's steps. From the shorter one, the inverse of the largest curvature, flat directions take many
    steps that are too short. As long as directions are new the first trial is that of `ConjugateGradient`, since the
    length 1 may be too long.
    """

    search, c2 = "strong-wolfe", 0.5

    def __init__(self, function, memory):
        self.function, self.epsilon = function, function.epsilon
        self.reset()

    def reset(self):
        self.inverse, self.parts, self.count, self.last = None, None, 0, None

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
        sy, ss, self.last = float(s @ y), float(s @ s), before
        if not sy > 1e-14 * math.sqrt(ss * float(y @ y)):
            return
        n = s.size
        if self.inverse is None:
            self.parts = np.array([np.eye(n), np.zeros((n, n))])
            self.inverse = np.empty((n, n))
            self.function.model = self.inverse  # which stays there after a reset
        self.count += 1
        if self.parts is None:
            _update(self.inverse[None], s, y, sy, np.ones(1))
            return
        _update(self.parts, s, y, sy, np.array([0.0, 1.0]))
        np.multiply(self.parts[0], ss / sy, out=self.inverse)
        self.inverse += self.parts[1]
        if self.count == 2 * n:
            self.parts = None


def _update(matrices, s, y, sy, new):
    """H + (new + y'Hy / s'y) s s' / s'y - (H y s' + s y'H) / s'y for each matrix H, in place.

    new is 1, or 0 for the part that sigma multiplies.
    """
    hy = matrices @ y
    half = hy / -sy + (0.5 * (new + hy @ y / sy) / sy)[:, None] * s
    half = half[:, :, None] * s
    matrices += half
    matrices += half.transpose(0, 2, 1)


class LBFGS:
    """d = -H g of the last `memory` pairs."""

    search = "strong-wolfe"

    def __init__(self, function, memory):
        self.function, self.memory = function, memory
        self.reset()

    def reset(self):
        self.pairs = self.function.vectors.Pairs(self.memory)

    def direction(self, point):
        return self.pairs.direction(point.gradient), 1.0 if self.pairs else None

    def update(self, before, point, length):
        if self.pairs.add(before.x, before.gradient, point.x, point.gradient):
            self.function.model = self.pairs


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
    # In units of g, a power of 2, so that squares are numbers and no digit changes.
    unit = math.ldexp(0.5, math.frexp(float(np.abs(g).max()))[1])
    g, tolerance, radius = g / unit, tolerance / unit, radius / unit
    d, r = np.zeros_like(g), g.copy()
    p, rr = -r, float(r @ r)
    for _ in range(2 * g.size + 10):
        hp = product(p)
        curvature = float(p @ hp)
        if not np.isfinite(curvature):
            return unit * (d if d.any() else -g * min(1.0, radius / np.sqrt(float(g @ g)))), False
        if curvature <= 1e-14 * float(np.linalg.norm(p) * np.linalg.norm(hp)):
            if radius == np.inf:
                return unit * (d if d.any() else p), False
            return unit * (d + _to_boundary(d, p, radius) * p), True
        alpha = rr / curvature
        if np.linalg.norm(d + alpha * p) >= radius:
            return unit * (d + _to_boundary(d, p, radius) * p), True
        d = d + alpha * p
        r = r + alpha * hp
        new = float(r @ r)
        if np.sqrt(new) <= tolerance:
            break
        p, rr = -r + (new / rr) * p, new
    return unit * d, False


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
    # The least value and gradient so far, and for how many steps neither has fallen.
    least, flattest, idle = point.value, math.inf, 0
    while True:
        d, length = rule.direction(point)
        slope, largest = vectors.slope_and_largest(point.gradient, d)
        if not (-math.inf < slope < 0 and largest < math.inf):
            rule.reset()
            d, length, fresh = -point.gradient, None, True
            slope, largest = vectors.slope_and_largest(point.gradient, d)
            if not -math.inf < slope < 0:
                # The square of the gradient is not a number.
                d, largest = d / largest, 1.0
                slope = vectors.inner(point.gradient, d)
        size = max(1.0, vectors.largest_entry(point.x))
        if length is None:
            length = first_length(function, d, largest, size)
        # No trial farther than 1e10 times the size of x; TINY where the rule's length is nan.
        length = min(max(TINY, length), 1e10 * size / largest)
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
            if function.forward:
                point = function.refine(point)
                if stop.flat(point):
                    return point, "gtol"
                rule.reset()
                continue
            if not fresh:
                rule.reset()
                fresh = True
                continue
            return point, given_up(function, stop, point, d, slope)
        before, point = point, trial
        rule.update(before, point, step.length)
        fresh = function.forward and stop.flat(point)
        if fresh:
            point = function.refine(point)
            rule.reset()
        values.append(point.value)
        reason = stop.after(before, point)
        if reason:
            return point, reason
        if point.value < least or stop.largest < flattest:
            least, flattest, idle = min(least, point.value), min(flattest, stop.largest), 0
            continue
        idle += 1
        if idle % 20 == 0 and not function.forward and hidden(function, before, d, slope):
            return point, "ftol"


def first_length(function, d, largest, size):
    """The first trial along a direction of no known length: it moves x by 1 at most, and by more than rounding."""
    return max(min(1.0, 1.0 / norm(d, largest)), math.sqrt(function.epsilon) * size / largest)


def norm(v, largest):
    """The Euclidean norm of a vector with this largest entry, which must not be 0; finite where the entries are."""
    square = float(v @ v)
    if 1e-280 < square < math.inf:
        return math.sqrt(square)
    v = v / largest
    return largest * math.sqrt(float(v @ v))


def hidden(function, point, d, slope):
    """Whether rounding hides what the gradient promises along d.

    That is the decrease of the parabola with the slope and the curvature along d, the latter by the gradient nearby. It
    is lost below the error of fun, or where the minimum lies nearer than the error of x; the error of x is one of fun
    too, of |g_i x_i| for each entry.
    """
    scale, size = float(np.abs(d).max()), float(np.abs(point.x).max())
    if scale == 0:
        return True
    curvature = function.curvature(point, d, math.sqrt(function.epsilon) * max(1.0, size) / scale)
    if not curvature > 0:
        return False
    length, error = -slope / curvature, max(abs(point.value), abs(point.smooth))
    error += float(np.abs(point.gradient * point.x).sum())
    return -0.5 * slope * length <= 1e3 * function.epsilon * error or length * scale <= 10 * function.epsilon * size


def given_up(function, stop, point, d, slope):
    """The reason where no step was accepted: "ftol" where rounding hides what the gradient promises."""
    if hidden(function, point, d, slope):
        return "ftol"
    stop.note = function.slope_report(point, d)
    return "no progress"
