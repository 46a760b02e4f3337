"""Base of the losses of one target and one raw prediction each: the loss of an array is elementwise.

`y_true`, `raw_prediction` and `sample_weight` have the same shape, of any number of dimensions. The formulas are in
src_c/fo_losses.h. The losses themselves: `_regression`, `_robust`, `_glm`, `_binary`.
"""

import numpy as np

from .. import _kernels
from .._validation import FLOATS, output_array, real_array, same_shape
from ._base import CONJUGATE, PRODUCT, Loss

PARAMETERS = 4


def xlogx(u):
    """u log u, 0 at 0, of an array of numbers >= 0."""
    return u * np.log(np.where(u > 0, u, 1.0))


class PointwiseLoss(Loss):
    """Base of the elementwise losses; see `Loss` for the methods."""

    # Nanoseconds an element on one thread, for the choice of n_threads=None.
    _nanoseconds = 1.0

    def __init__(self, **params):
        super().__init__(**params)
        hessian = params.pop("hessian", "exact")
        if not isinstance(hessian, str) or hessian not in self.hessian_kinds:
            raise ValueError(f"hessian must be one of {', '.join(map(repr, self.hessian_kinds))}, got {hessian!r}")
        self.__dict__["hessian_kind"] = hessian
        self._run(self.name if hessian == "exact" else f"{self.name}_{hessian}", *params.values())

    def _run(self, kernel, *par):
        """Evaluate by this line of the roster with these parameters."""
        numbers = np.zeros(PARAMETERS)
        numbers[: len(par)] = par
        self.__dict__["_par"] = numbers
        self.__dict__["_plan"] = (kernel, numbers.tobytes(), self._nanoseconds, 1.0, False)

    def _kernel(self, dtype):
        return _kernels.table.pointwise[np.dtype(dtype)].address(self._plan[0]), self._par.copy(), None

    def _evaluate(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out=None,
                  gradient_out=None, hessian_out=None, direction=None):  # fmt: skip
        # The loops take arrays that are right already, and answer None (not right) or a status
        # word (data outside the domain) otherwise: checks in Python cost more than a small call.
        try:
            result = _kernels.table.pointwise[raw_prediction.dtype].evaluate(
                self._plan, what, reduction, y_true, raw_prediction, sample_weight, n_threads,
                value_out, gradient_out, hessian_out, direction,
            )  # fmt: skip
        except (AttributeError, KeyError, TypeError):
            if getattr(raw_prediction, "dtype", None) in FLOATS:
                raise
            result = None
        if result is None or type(result) is int:
            return self._convert(what, y_true, raw_prediction, sample_weight, reduction, n_threads,
                                 value_out, gradient_out, hessian_out, direction)  # fmt: skip
        return result

    def _convert(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out,
                 gradient_out, hessian_out, direction):  # fmt: skip
        """As `_evaluate`, for arguments that need a conversion or an error message."""
        self._check_reduction(reduction)
        raw_name = "theta" if what == CONJUGATE else "raw_prediction"
        raw = real_array(raw_name, raw_prediction)
        dtype = raw.dtype
        y = real_array("y_true", y_true, dtype)
        same_shape("y_true", y, raw_name, raw)
        weight = sample_weight
        if weight is not None:
            weight = real_array("sample_weight", weight, dtype)
            same_shape("sample_weight", weight, raw_name, raw)
        if what == PRODUCT:
            direction = real_array("direction", direction, dtype)
            same_shape("direction", direction, raw_name, raw)
        arrays = {"y_true": y, raw_name: raw, "sample_weight": weight, "direction": direction}
        gradient_name = "product_out" if what == PRODUCT else "gradient_out"
        outputs = (("value_out", value_out), (gradient_name, gradient_out), ("hessian_out", hessian_out))
        for name, array in outputs:
            if array is None:
                continue
            if name == "value_out" and reduction != "none":
                raise ValueError(f"value_out is for reduction='none'; with {reduction!r} the value is returned as a float")
            output_array(name, array, raw.shape, dtype, arrays)
            arrays[name] = array
        result = _kernels.table.pointwise[dtype].evaluate(
            self._plan, what, reduction, y, raw, weight, n_threads, value_out, gradient_out, hessian_out, direction
        )
        if type(result) is int:
            self._raise_status(result, y, weight, raw)
        return result

    def _no_conjugate(self):
        """Raise NotImplementedError: there is no closed form."""
        raise NotImplementedError(f"{type(self).__name__} offers no conjugate: it has no closed form")

    def conjugate(self, y_true, theta):
        """The convex conjugate f*(theta) = sup over z of theta z - f(z), for each sample; +inf outside its domain.

        Parameters
        ----------
        y_true : array
            Targets in the loss's domain.
        theta : array of float32 or float64
            Of the shape of `y_true`; its dtype is that of the result.

        Returns
        -------
        array with the shape and dtype of `theta`
        """
        if not self.has_conjugate:
            self._no_conjugate()
        return self._evaluate(CONJUGATE, y_true, theta, None, "none", 1)

    def conjugate_domain(self, y_true):
        """Where the conjugate is finite, for each target: an interval with ends that may be infinite.

        It is the closure of the slopes that the loss has at this target. The conjugate may be infinite at an
        end itself.

        Returns
        -------
        low, high : arrays like `y_true`, float64
        """
        if not self.has_conjugate:
            self._no_conjugate()
        y = real_array("y_true", y_true, np.float64)
        bounded = self.raw_low > -np.inf  # the loss jumps to infinity there
        ends = (np.finfo(np.float64).max, np.inf)[not bounded], -np.inf
        high, low = (self.gradient(y, np.full(y.shape, end), reduction="none") + 0.0 for end in ends)
        if bounded:
            low = np.full(y.shape, -np.inf)
        return low, high

    def fit_intercept_only(self, y_true, sample_weight=None):
        """The constant raw prediction with the smallest weighted loss over all elements of `y_true`.

        It is infinite where the loss has no minimum but an infimum at infinity, and the middle of
        the minimisers where there are several.

        Returns
        -------
        float
        """
        return float(self._constant(*self._check_constant(y_true, sample_weight)))

    def _constant(self, y, w):
        return np.vdot(w, y) / np.sum(w)

    def kinks(self, y_true):
        """Raw predictions at which gradient or Hessian jump, as a list of arrays like `y_true`."""
        return []

    def sample(self, rng, n):
        """n targets and raw predictions (float64) from the middle of the loss's domain, for tests and benchmarks.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int or tuple
            Number of samples, or the shape of the arrays.

        Returns
        -------
        y_true, raw_prediction : arrays
        """
        return rng.normal(size=n), rng.normal(size=n) * 2.0


def crossing(slope, low, high):
    """Where the increasing function `slope`, <= 0 at low and >= 0 at high, crosses zero, by bisection."""
    while True:
        middle = low + 0.5 * (high - low)
        if not low < middle < high:
            return middle
        if slope(middle) < 0:
            low = middle
        else:
            high = middle


def convex_constant(loss, y, w, low, high):
    """Middle of the minimisers of the weighted sum of a convex loss over [low, high]."""
    total = w.sum()

    def slopes(z):
        g = w * loss.gradient(y, np.full(y.shape, z), reduction="none")
        return g.sum(), 8 * np.finfo(float).eps * max(abs(g).sum(), np.finfo(float).tiny * total)

    # A slope within its rounding counts as zero: there the minimisers are an interval.
    def left(z):
        slope, slack = slopes(z)
        return slope + slack

    def right(z):
        slope, slack = slopes(z)
        return slope - slack

    if low == high:
        return low
    a, b = crossing(left, low, high), crossing(right, low, high)
    return a + 0.5 * (b - a)


def best_constant(loss, y, w, candidates):
    """Minimiser of a weighted sum of losses near the best of the candidates, an increasing array."""

    def total(z):
        return w @ loss.value(y, np.full(y.shape, z), reduction="none")

    y, w = y.ravel(), w.ravel()
    best = int(np.argmin([total(z) for z in candidates]))
    low, high = candidates[max(best - 1, 0)], candidates[min(best + 1, candidates.size - 1)]
    ratio = 0.5 * (np.sqrt(5.0) - 1.0)
    for _ in range(80):  # golden section
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if total(a) <= total(b):
            high = b
        else:
            low = a
    z = min((low + 0.5 * (high - low), candidates[best]), key=total)
    for _ in range(5):  # Newton, for the digits that values cannot show
        g, h = (w @ a for a in loss.gradient_hessian(y, np.full(y.shape, z), reduction="none"))
        step = z - g / h if h > 0 else z
        if not total(step) <= total(z):
            break
        z = step
    return z


def weighted_quantile(y, w, q):
    """Middle of the interval of minimisers of the weighted pinball loss."""
    keep = w.ravel() > 0
    y, w = y.ravel()[keep], w.ravel()[keep]
    order = np.argsort(y, kind="stable")
    y, mass = y[order], np.cumsum(w[order])
    # Equal up to rounding counts as equal: there the minimisers are an interval.
    level, slack = q * mass[-1], 4 * np.finfo(float).eps * mass[-1] * np.sqrt(y.size)
    low = y[min(np.searchsorted(mass, level - slack), y.size - 1)]
    high = y[min(np.searchsorted(mass, level + slack, side="right"), y.size - 1)]
    return low + 0.5 * (high - low)


class BetweenTargets(PointwiseLoss):
    """The best constant lies between the smallest and the largest target."""

    def _constant(self, y, w):
        y, w = y[w > 0], w[w > 0]
        return convex_constant(self, y, w, y.min(), y.max())
