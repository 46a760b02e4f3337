"""A user's function as an objective: calls counted and checked, gradients by differences, limits kept."""

import contextvars
import math
import operator
import time
from typing import NamedTuple

import numpy as np

from .. import _kernels
from ._methods import only_limits, terms

_F64 = np.dtype(np.float64)

# What a formula raises where it has no value; anything else is a fault of the program and is passed on.
DOMAIN_ERRORS = (ArithmeticError, ValueError)
_NOWHERE = object()  # in place of second derivatives, where they raised one of these


class Halt(Exception):
    """A limit is reached within an iteration; the argument is the reason."""


class Point(NamedTuple):
    """x, the objective there, and the gradient and value of fun alone: they differ where there is a penalty."""

    x: np.ndarray
    value: float
    gradient: np.ndarray
    smooth: float


class Regular:
    """A penalty on vectors in float64, computed in the dtype that fun gets."""

    def __init__(self, penalty, dtype):
        self.penalty, self.dtype = penalty, dtype
        self.limits = [term for term in terms(penalty) if only_limits(term)]

    def value(self, x):
        return self.penalty.value(x.astype(self.dtype, copy=False))

    def prox(self, v, step):
        return self.penalty.prox(v.astype(self.dtype, copy=False), step).astype(np.float64, copy=False)

    def allowed(self, x):
        """The nearest point within the limits."""
        for limit in self.limits:
            x = limit.prox(x.astype(self.dtype, copy=False), 1.0).astype(np.float64, copy=False)
        return x

    def distance(self, point):
        x, g = (v.astype(self.dtype, copy=False) for v in (point.x, point.gradient))
        return self.penalty.subdifferential_distance(x, g).astype(np.float64, copy=False)


class Line:
    """phi(t) over the points x + t d; remembers the points."""

    def __init__(self, function, point, d):
        self.function, self.x, self.d, self.points = function, point.x, d, {}

    def at(self, t):
        return self.function.vectors.along(self.x, self.d, t)

    def __call__(self, t):
        point = self.points[t] = self.function.evaluate(self.at(t))
        return point.value, self.function.vectors.inner(point.gradient, self.d)

    def accepted(self, step):
        """The point of a step; None where there is no step or it is lost in rounding.

        Nor is a step taken by slopes of forward differences where the search went on after it, for want of one that
        satisfies its conditions: near the minimum their error is larger than the slope.
        """
        if step is None or (self.function.forward and step.n_trials < len(self.points)):
            return None
        point = self.points[step.length]
        return None if self.function.vectors.same(point.x, self.x) else point


class Function:
    """fun, its derivatives and the budget. Vectors are float64 inside; fun gets copies in the dtype of x0."""

    keeps_best = True

    def __init__(
        self, fun, x0, args, jac, hess, hessp, *, lower=None, upper=None, penalty=None, eps=None, max_evals, max_time
    ):
        self.fun, self.args, self.hess, self.hessp = fun, args, hess, hessp
        self.penalty = None if penalty is None else Regular(penalty, x0.dtype)
        self.dtype, self.lower, self.upper, self.eps = x0.dtype, lower, upper, eps
        self.vectors = _kernels.table.linear[_F64]
        self.epsilon = float(np.finfo(x0.dtype).eps)
        self.together, self.jac = jac is True, jac if callable(jac) else None
        self.central, self.central_only = jac == "3-point", jac == "3-point"
        self.max_evals, self.max_time, self.start = max_evals, max_time, time.perf_counter()
        self.nfev = self.njev = self.nhev = self.n_bad = self.n_bad_hessians = 0
        self.best = self.error = self.first_value = self.hessian_error = self.without_hessian = None
        self.model = None  # the inverse Hessian of a quasi-Newton method, an array or its pairs
        # The user's functions run under the user's treatment of overflow, the arithmetic here under its own. NumPy keeps
        # it in the context, which takes 0.05 us to enter where np.errstate takes 0.9.
        self.outside = contextvars.copy_context().run

    @property
    def differences(self):
        """Whether gradients come from finite differences."""
        return not self.together and self.jac is None

    @property
    def forward(self):
        """Whether gradients come from forward differences."""
        return not (self.together or self.central or self.jac is not None)

    @property
    def seconds(self):
        return time.perf_counter() - self.start

    def _given(self, x):
        return np.array(x, dtype=self.dtype)

    def _returned(self, x):
        """What fun returns, within the budget."""
        if self.nfev:  # the first call is always made
            if self.nfev >= self.max_evals:
                raise Halt("max_evals")
            if self.max_time is not None and self.seconds > self.max_time:
                raise Halt("max_time")
        self.nfev += 1
        return self.outside(self.fun, self._given(x), *self.args)

    def _call(self, x):
        out = self._returned(x)
        if not self.together:
            if isinstance(out, tuple):
                raise TypeError(f"fun returned a tuple of {len(out)}; with jac=True it may be (value, gradient)")
            return _scalar(out), None
        if not (isinstance(out, tuple) and len(out) == 2):
            raise TypeError(f"with jac=True fun must return (value, gradient), got {type(out).__name__}")
        self.njev += 1
        return _scalar(out[0]), out[1]

    def _gradient(self, x, value):
        if self.differences:
            return self._differences(x, value)
        self.njev += 1
        return self.outside(self.jac, self._given(x), *self.args)

    def value(self, x):
        """fun alone; inf where it has no value."""
        try:
            value, _ = self._call(x)
        except DOMAIN_ERRORS as error:
            if isinstance(error, ShapeError):
                raise
            self.error = error
            return np.inf
        return value if np.isfinite(value) else np.inf

    def evaluate(self, x, *, first=False):
        """The point at x; its value is inf where fun or its gradient is not finite or raised (`first`: passed on)."""
        if self.dtype != _F64:
            x = self.rounded(x)
        try:
            value, gradient = self._call(x)
            if first:
                self.first_value = value
            if math.isfinite(value) and not self.together:
                gradient = self._gradient(x, value)
            if math.isfinite(value) or (first and gradient is not None):
                gradient = self._vector(gradient, x)
        except DOMAIN_ERRORS as error:
            if first or isinstance(error, ShapeError):
                raise
            self.error, value, gradient = error, np.inf, None
        if not (math.isfinite(value) and math.isfinite(self.vectors.largest_entry(gradient))):
            return self._bad(x, value, gradient, first)
        return self._good(x, value, gradient)

    def rounded(self, x):
        """x as fun gets it."""
        return x if self.dtype == _F64 else x.astype(self.dtype).astype(np.float64)

    def _bad(self, x, value, gradient, first):
        self.n_bad += 1
        if first:
            return Point(x, value, np.full(x.shape, np.nan) if gradient is None else gradient, value)
        return Point(x, np.inf, np.full(x.shape, np.nan), np.inf)

    def _good(self, x, value, gradient):
        total = value if self.penalty is None else value + self.penalty.value(x)
        point = Point(x, total, gradient, value)
        if self.keeps_best and (self.best is None or total < self.best.value):
            self.best = point
        return point

    def _vector(self, gradient, x):
        gradient = real_array("the gradient", gradient)
        if gradient.dtype == _F64 and gradient.shape == x.shape:
            return gradient.copy()
        if gradient.shape != x.shape and not (gradient.size == x.size == 1):
            raise ShapeError(f"the gradient must have the shape of x0, {x.shape}, got {gradient.shape}")
        return np.array(gradient, dtype=np.float64).reshape(x.shape)

    @property
    def measure(self):
        """What `optimality` is, as words."""
        if self.penalty is not None:
            return "the largest distance of the negative gradient from the penalty's subdifferential"
        if self.lower is not None:
            return "the largest entry of the projected gradient"
        return "the largest entry of the gradient"

    def optimality(self, point):
        """What gtol judges: the largest entry of the gradient, of the projected one, or of the penalty's distance."""
        if self.penalty is not None:
            return self.vectors.largest_entry(self.penalty.distance(point))
        if self.lower is not None:
            return self.vectors.largest_projected(point.x, point.gradient, self.lower, self.upper)
        return self.vectors.largest_entry(point.gradient)

    def refine(self, point):
        """The point with a gradient by central differences."""
        self.central = True
        gradient = self._differences(point.x, point.smooth)
        return point._replace(gradient=gradient) if np.isfinite(gradient).all() else point

    def _differences(self, x, value):
        """Forward differences, error O(h), or central ones, O(h^2) for twice the calls; within the bounds."""
        power = 1 / 3 if self.central else 1 / 2
        size = np.maximum(1.0, np.abs(x)) if self.eps is None else 1.0
        steps = np.broadcast_to(size * (self.epsilon**power if self.eps is None else self.eps), x.shape)
        gradient = np.zeros(x.shape)
        for i in range(x.size):
            up, down = self._shifted(x, i, steps[i]), self._shifted(x, i, -steps[i])
            if up[i] == x[i] == down[i]:
                continue  # the bounds hold this entry
            if self.central and up[i] != x[i] != down[i]:
                above, below = self.value(up), self.value(down)
                if np.isfinite(above) and np.isfinite(below):
                    gradient[i] = (above - below) / (up[i] - down[i])
                    continue
                other, shifted = (above, up) if np.isfinite(above) else (below, down)
            else:
                shifted = up if up[i] - x[i] >= x[i] - down[i] else down
                other = self.value(shifted)
                if not np.isfinite(other) and shifted is up and down[i] != x[i]:
                    shifted = down
                    other = self.value(down)
            gradient[i] = (other - value) / (shifted[i] - x[i])
        return gradient

    def allowed(self, x):
        """The nearest point within the bounds and the limits of the penalty, as fun gets it."""
        if self.lower is not None:
            x = np.clip(x, self.lower, self.upper)
        if self.penalty is not None:
            x = self.penalty.allowed(x)
        return self.rounded(x)

    def _shifted(self, x, i, step):
        moved = x.copy()
        moved[i] += step
        if self.lower is not None:
            moved[i] = min(max(moved[i], self.lower[i]), self.upper[i])
        return moved.astype(self.dtype).astype(np.float64)

    def _second(self, derivative, point, *vectors):
        """What hess or hessp returns; `_NOWHERE` where it raised because it has no value there."""
        self.nhev += 1
        try:
            return self.outside(derivative, self._given(point.x), *vectors, *self.args)
        except DOMAIN_ERRORS as error:
            if self.nhev == 1:
                raise
            self.hessian_error = error
            return _NOWHERE

    def _matrix(self, point):
        """What hess returns: an array, a sparse matrix or a LinearOperator; nan where it raised."""
        matrix, shape = self._second(self.hess, point), (point.x.size, point.x.size)
        if matrix is _NOWHERE:
            return np.full(shape, np.nan)
        if not hasattr(matrix, "dot") or isinstance(matrix, np.ndarray):
            matrix = np.atleast_2d(np.asarray(real_array("hess", matrix), dtype=np.float64))
        elif hasattr(matrix, "toarray"):
            if np.issubdtype(matrix.dtype, np.complexfloating):
                raise ShapeError(f"hess must be an array of real numbers, got dtype {matrix.dtype}")
        else:
            matrix = Operator(matrix, self.outside)
        if tuple(matrix.shape) != shape:
            raise ShapeError(f"hess must return an array of shape {shape}, got {tuple(matrix.shape)}")
        return matrix

    def _finite(self, point, array):
        """The array; counts the points whose Hessian is not finite."""
        if self.without_hessian is not point and not np.isfinite(array).all():
            self.without_hessian = point
            self.n_bad_hessians += 1
        return array

    def hessian(self, point):
        """The Hessian at a point as a symmetric array, by hess or differences of the gradient."""
        n = point.x.size
        if self.hess is None:
            product = self.product(point)
            matrix = np.array([product(unit) for unit in np.eye(n)])
        else:
            matrix = self._matrix(point)
            if hasattr(matrix, "toarray"):
                matrix = matrix.toarray()
            elif not isinstance(matrix, np.ndarray):
                matrix = matrix @ np.eye(n)
            matrix = np.asarray(matrix, dtype=np.float64)
        return self._finite(point, 0.5 * (matrix + matrix.T))

    def product(self, point):
        """A function v -> Hessian @ v at a point, by hess, hessp or differences of the gradient."""
        x = point.x
        if self.hess is not None:
            matrix = self._matrix(point)
            return lambda v: self._finite(point, np.asarray(matrix @ v, dtype=np.float64).reshape(x.shape))
        if self.hessp is not None:

            def times(v):
                out = self._second(self.hessp, point, v.astype(self.dtype))
                if out is _NOWHERE:
                    return self._finite(point, np.full(x.shape, np.nan))
                out = np.asarray(real_array("hessp", out), dtype=np.float64)
                if out.shape != x.shape:
                    raise ShapeError(f"hessp must return an array of shape {x.shape}, got {out.shape}")
                return self._finite(point, out)

            return times

        def difference(v):
            h = np.sqrt(self.epsilon) * (1.0 + np.linalg.norm(x)) / max(np.linalg.norm(v), 1e-300)
            other = self.evaluate(x + h * v)
            if not np.isfinite(other.value):
                h = -h
                other = self.evaluate(x + h * v)
            return self._finite(point, (other.gradient - point.gradient) / h)

        return difference

    def curvature(self, point, d, h):
        """d'Hd by the gradient at x + h d, or x - h d; nan where neither is known."""
        for step in (h, -h):
            try:
                other = self.evaluate(self.allowed(point.x + step * d))
            except Halt:
                break
            moved = other.x - point.x
            if math.isfinite(other.value) and moved.any():
                return float((other.gradient - point.gradient) @ moved) / float(moved @ moved) * float(d @ d)
        return math.nan

    def slope_report(self, point, direction):
        """Words about a gradient that differences of fun contradict along a direction; "" where they agree."""
        if self.differences:
            return ""
        h = (
            self.epsilon ** (1 / 3)
            * max(1.0, float(np.abs(point.x).max()))
            / max(float(np.abs(direction).max()), 1e-300)
        )
        promised, seen = [], []
        for step in (h, h / 4):
            up, down = self.allowed(point.x + step * direction), self.allowed(point.x - step * direction)
            try:
                above, below = self.value(up), self.value(down)
            except Halt:
                return ""
            promised.append(float(point.gradient @ (up - down)) / (2 * step))
            seen.append((above - below) / (2 * step))
        wrong = [b - a for a, b in zip(promised, seen)]
        slope, fine = promised[1], seen[1]
        # Differences that do not agree with each other contradict nothing.
        trust = 4 * abs(wrong[0] - wrong[1]) + 400 * self.epsilon * abs(point.smooth) / h
        if math.isfinite(trust) and abs(wrong[1]) > 0.05 * max(abs(slope), abs(fine)) + trust:
            return (
                f"; along the last direction the gradient promises a slope of {slope:.6g}, differences of fun give"
                f" {fine:.6g}: the gradient seems wrong, see fastopt.check_gradient"
            )
        return ""

    def remarks(self):
        """Words about what was not finite, for the message."""
        words = ""
        if self.n_bad:
            words = f"; {self.n_bad} points without finite value and gradient were refused"
            if self.error is not None:
                words += f", the last exception was {type(self.error).__name__}: {self.error}"
        if self.n_bad_hessians:
            words += (
                f"; where the Hessian was not finite, at {self.n_bad_hessians} points, steepest descent took its place"
            )
            if self.hessian_error is not None:
                words += f", the last exception was {type(self.hessian_error).__name__}: {self.hessian_error}"
        return words


class ShapeError(ValueError):
    """What a function returned has the wrong form: a fault of the program, not the edge of a domain."""


class Operator:
    """A LinearOperator of the user's, whose products run as fun does and are real."""

    def __init__(self, matrix, outside):
        self.matrix, self.outside, self.shape = matrix, outside, matrix.shape

    def __matmul__(self, v):
        return real_array("a product with hess", self.outside(operator.matmul, self.matrix, v))


def real_array(name, array):
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        given = "None" if array.ndim == 0 and array.item() is None else f"dtype {array.dtype}"
        raise ShapeError(f"{name} must be an array of real numbers, got {given}")
    return array


def _scalar(value):
    if type(value) is float:
        return value
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ShapeError(f"fun must return a real number, got dtype {array.dtype} and shape {array.shape}")
    return float(array.reshape(()))
