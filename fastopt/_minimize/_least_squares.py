"""Least squares by Levenberg and Marquardt's method."""

import math
from typing import NamedTuple

import numpy as np

from ._function import DOMAIN_ERRORS, Function, ShapeError, real_array


class Fit(NamedTuple):
    """A point with residuals and their Jacobian; the gradient is J'r, the value r'r / 2."""

    x: np.ndarray
    value: float
    gradient: np.ndarray
    smooth: float
    residuals: np.ndarray
    jacobian: np.ndarray


class Residuals(Function):
    """A function that returns residuals (m,); its derivative is the Jacobian (m, n)."""

    def _call(self, x):
        out, jacobian = self._returned(x), None
        if self.together:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise TypeError(f"with jac=True fun must return (residuals, Jacobian), got {type(out).__name__}")
            self.njev += 1
            out, jacobian = out
        r = np.asarray(out)
        if r.ndim == 0 and r.dtype.kind in "fiub":
            raise ShapeError(
                "with method 'lm' fun must return a vector of residuals, whose sum of squares is minimised, got a number;"
                " for one residual return an array of shape (1,), for a function to minimise choose another method"
            )
        if r.ndim != 1 or r.size == 0 or r.dtype.kind not in "fiub":
            raise ShapeError(
                "with method 'lm' fun must return a vector of residuals, real numbers, got"
                f" dtype {r.dtype} and shape {r.shape}"
            )
        r = np.array(r, dtype=np.float64)
        return 0.5 * float(r @ r), (r, jacobian)

    def evaluate(self, x, *, first=False):
        x = self.rounded(x)
        value, r, jacobian = math.inf, None, None
        try:
            value, (r, jacobian) = self._call(x)
            if first:
                self.first_value = value
            if math.isfinite(value):
                jacobian = self._jacobian(x, r, jacobian)
        except DOMAIN_ERRORS as error:
            if first or isinstance(error, ShapeError):
                raise
            self.error, value = error, math.inf
        if not (math.isfinite(value) and np.isfinite(jacobian).all()):
            self.n_bad += 1
            nan = np.full(x.shape, math.nan)
            return Fit(x, value if first else math.inf, nan, math.inf, r, jacobian)
        point = Fit(x, value, jacobian.T @ r, value, r, jacobian)
        if self.best is None or value < self.best.value:
            self.best = point
        return point

    def _jacobian(self, x, r, jacobian):
        if self.differences:
            return self._differences(x, r)
        if not self.together:
            self.njev += 1
            jacobian = self.outside(self.jac, self._given(x), *self.args)
        if hasattr(jacobian, "toarray"):
            jacobian = jacobian.toarray()
        jacobian = real_array("the Jacobian", jacobian)
        if jacobian.shape != (r.size, x.size):
            raise ShapeError(f"the Jacobian must have shape {(r.size, x.size)}, got {jacobian.shape}")
        return np.array(jacobian, dtype=np.float64)

    def refine(self, point):
        self.central = True
        jacobian = self._differences(point.x, point.residuals)
        if not np.isfinite(jacobian).all():
            return point
        return point._replace(jacobian=jacobian, gradient=jacobian.T @ point.residuals)

    def _differences(self, x, r):
        power = 1 / 3 if self.central else 1 / 2
        size = np.maximum(1.0, np.abs(x)) if self.eps is None else 1.0
        steps = np.broadcast_to(size * (self.epsilon**power if self.eps is None else self.eps), x.shape)
        out = np.empty((r.size, x.size))
        for i in range(x.size):
            up, down = self._shifted(x, i, steps[i]), self._shifted(x, i, -steps[i])
            above, below = self._only(up), self._only(down) if self.central else r
            if not np.isfinite(above).all():
                above, up = r, x
                below = below if self.central else self._only(down)
            elif not self.central or not np.isfinite(below).all():
                below, down = r, x
            out[:, i] = (above - below) / (up[i] - down[i])
        return out

    def _only(self, x):
        """The residuals alone; nan where there are none."""
        try:
            return self._call(x)[1][0]
        except DOMAIN_ERRORS as error:
            if isinstance(error, ShapeError):
                raise
            self.error = error
            return np.array([math.nan])


def levenberg_marquardt(function, point, stop):
    """Minimise r'r / 2; returns the last point and the reason.

    The step minimises \\|r + J p\\|^2 / 2 within \\|D p\\| <= radius, D the largest norms of the columns of J so far, from
    the singular values of J / D, which lose no digits to J'J. Radii as in trust-ncg.

    More, The Levenberg-Marquardt algorithm: implementation and theory (1978).
    """
    scale, radius = np.zeros(point.x.size), None
    while True:
        r, jacobian = point.residuals, point.jacobian
        scale = np.maximum(scale, np.sqrt(np.einsum("ij,ij->j", jacobian, jacobian)))
        unit = np.where(scale > 0, scale, 1.0)
        left, s, right = np.linalg.svd(jacobian / unit, full_matrices=False)
        c = left.T @ r
        if radius is None:
            radius = 100.0 * (float(np.linalg.norm(unit * point.x)) or 1.0)
        while True:
            p, damping = _step(s, c, radius, max(jacobian.shape))
            length = float(np.linalg.norm(p))
            seen = s * p
            promised = 0.5 * float(seen @ seen) + damping * length * length
            trial = function.evaluate(point.x + (right.T @ p) / unit)
            gained = point.value - trial.value
            rounding = 10 * function.epsilon * point.value
            # Residuals may be differences of large numbers, whose rounding exceeds that of their squares.
            alike = promised <= rounding and abs(gained) <= 1e3 * rounding
            if alike:
                better = np.abs(trial.gradient).max() < np.abs(point.gradient).max()
                ratio = 1.0 if better else 0.0
            else:
                ratio = gained / promised if promised > 0 and math.isfinite(trial.value) else -1.0
            if ratio < 0.25:
                radius = 0.25 * min(radius, length)
            elif ratio > 0.75 or damping == 0.0:
                radius = max(radius, 2.0 * length)
            if ratio > 1e-4 and not np.array_equal(trial.x, point.x):
                break
            tiny = length <= function.epsilon * max(1.0, float(np.linalg.norm(unit * point.x)))
            if alike or tiny or not promised > 0:
                if function.differences and not function.central:
                    point, trial, radius = function.refine(point), None, None
                    if stop.flat(point):
                        return point, "gtol"
                    break
                steepest = point.gradient / unit
                size = float(np.linalg.norm(steepest))
                d = -steepest / unit * (max(1.0, float(np.linalg.norm(unit * point.x))) / max(size, 1e-300))
                slope = float(point.gradient @ d)
                if abs(slope) <= 1e3 * function.epsilon * point.value:
                    return point, "ftol"
                stop.note = function.slope_report(point, d)
                return point, "ftol" if alike and not stop.note else "no progress"
        if trial is None:
            continue
        before, point = point, trial
        if function.differences and not function.central and stop.flat(point):
            point = function.refine(point)
        reason = stop.after(before, point)
        if reason:
            return point, reason


def _step(s, c, radius, size):
    """The minimiser of |c + S p| within |p| <= radius, in the right singular vectors, and its damping."""
    large = s > np.finfo(np.float64).eps * size * (s[0] if s.size else 0.0)
    sc = s * c
    p = np.zeros_like(s)
    p[large] = -c[large] / s[large]
    if float(np.linalg.norm(p)) <= radius:
        return p, 0.0
    damping = 1e-3 * float(np.linalg.norm(sc)) / radius
    low, high = 0.0, float(np.linalg.norm(sc)) / radius
    for _ in range(20):
        if not low < damping < high:
            damping = max(1e-3 * high, math.sqrt(low * high))
        w = s * s + damping
        p = -sc / w
        length = float(np.linalg.norm(p))
        excess = length - radius
        if abs(excess) <= 0.1 * radius:
            break
        if excess < 0:
            high = damping
        else:
            low = damping
        # Newton's step on 1 / radius - 1 / |p|.
        damping += excess / radius * length * length / float((p / w) @ p)
    return p, damping
