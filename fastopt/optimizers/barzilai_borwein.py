"""Gradient descent with steps from the last two points: Barzilai and Borwein's, and Malitsky and Mishchenko's."""

import math
from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import options
from ._measured import Global
from ._traits import Traits


def _over(a, b):
    """a / b; infinite where b is 0."""
    return a / b if b != 0.0 else math.inf


class _TwoPoints(Global):
    """Steps from the differences of the last two points and gradients, over all parameters."""

    _MEASURE = "measure_differences"
    _VARIANTS = ()

    @classmethod
    def _check(cls, o):
        if callable(o["lr"]):
            raise TypeError(f"lr of {cls.__name__} must be a number, its first step, got a function")
        _checks.common(o)
        _checks.positive("lr", o["lr"], "it is the first step")
        if o["variant"] not in cls._VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(map(repr, cls._VARIANTS))}, got {o['variant']!r}")
        if o["max_lr"] != math.inf:
            _checks.number("max_lr", o["max_lr"], 0)
        _checks.positive("max_lr", o["max_lr"], "no step would be made")

    @staticmethod
    def _rule(o):
        return "sgd", ("previous_params", "previous_grad")

    @staticmethod
    def _start(o):
        return {"previous_params": "params"}

    @staticmethod
    def _scalars(o, carried):
        sign, decay = (-1.0 if o["maximize"] else 1.0), o["weight_decay"]
        return lambda lr, t: (sign, decay, 0.0, 0.0)

    def _run(self, rows, n_threads, value):
        totals = self._totals(rows, n_threads)
        numbers = self._kept(())
        new = self._next(*numbers, *(self._add(totals[:, k]) for k in range(3))) if numbers else self._first()
        self._finish(tuple((*r[:3], new[0]) for r in rows), n_threads)
        self._keep(new)

    def _weight(self, o, row, t, past):
        return self.rate

    def _first(self):
        raise NotImplementedError

    def _next(self, *numbers):
        raise NotImplementedError

    @property
    def rate(self):
        """The step size of the last step; before one, the first's."""
        self._bound()
        return (self._kept(()) or self._first())[0]


class BarzilaiBorwein(_TwoPoints):
    r"""Gradient descent with Barzilai and Borwein's steps: the inverse of the curvature between the last two points.

    With :math:`h = \pm g + \lambda w` over all parameters, :math:`s = w_t - w_{t-1}`, :math:`y = h_t - h_{t-1}`,

    .. math::
        \alpha^{long} = \frac{\langle s, s \rangle}{\langle s, y \rangle}, \qquad
        \alpha^{short} = \frac{\langle s, y \rangle}{\langle y, y \rangle}, \qquad w \leftarrow w - \alpha h

    "alternate": long after an odd number of steps, short after an even one. Where :math:`\langle s, y \rangle \le 0`
    the step before is kept. For full gradients of smooth functions; the objective need not fall in each step.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float, default=1e-3
        The first step, > 0.
    variant : {"long", "short", "alternate"}, default="long"
    max_lr : float, default=inf
        Steps are at most this long, > 0.
    weight_decay : float, default=0
        >= 0.
    maximize, n_threads
        As for `SGD`.
    like : {"torch"}, default="torch"
        No framework has this rule; there is one convention.

    Notes
    -----
    Slots: "previous_params", "previous_grad". Source: Barzilai and Borwein, Two-point step size gradient methods
    (1988).

    Examples
    --------
    >>> import numpy as np
    >>> w, scale = np.array([3.0, -2.0]), np.array([1.0, 30.0])
    >>> opt = BarzilaiBorwein(w)
    >>> for _ in range(40):
    ...     opt.step(scale * (w - 1.0))
    >>> bool(np.abs(w - 1.0).max() < 1e-8)
    True
    """

    traits = Traits(
        ("linear",), "exact", "none", "any", "Barzilai-Borwein 步长",
        "smooth functions, full gradients, two vectors of memory",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}}
    _VARIANTS = ("long", "short", "alternate")
    _CARRIED = ("rate", "n_rates")
    _WHOLE = ("lr", "variant", "max_lr")

    def __init__(
        self,
        params=None,
        lr=1e-3,
        variant="long",
        max_lr=math.inf,
        weight_decay=0,
        *,
        maximize=False,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    def _first(self):
        return min(float(self._options["lr"]), self._options["max_lr"]), 1.0

    def _next(self, rate, n, ss, sy, yy):
        if not sy <= 0.0:
            variant = self._options["variant"]
            long = variant == "long" or (variant == "alternate" and n % 2 == 1)
            rate = min(_over(ss, sy) if long else _over(sy, yy), self._options["max_lr"])
        return rate, n + 1.0


class AdaptiveGD(_TwoPoints):
    r"""Adaptive gradient descent without descent (AdGD): steps from a local Lipschitz constant, without line search.

    With :math:`h = \pm g + \lambda w` over all parameters, :math:`L = \|h_t - h_{t-1}\| / \|w_t - w_{t-1}\|` and
    :math:`\theta = \lambda_{t-1} / \lambda_{t-2}`,

    - "adgd": :math:`\lambda_t = \min\left(\sqrt{1 + \theta} \lambda_{t-1}, \frac{1}{2 L}\right)`, :math:`\theta`
      beginning as infinite;
    - "adgd2": :math:`\lambda_t = \min\left(\sqrt{2/3 + \theta}, \frac{1}{\sqrt{[2 \lambda_{t-1}^2 L^2 - 1]_+}}\right)
      \lambda_{t-1}`, :math:`\theta` beginning with 1/3, whose steps are longer;

    and :math:`w \leftarrow w - \lambda_t h`. Converges for every convex function with locally Lipschitz gradient. For
    full gradients.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float, default=1e-6
        The first step, > 0: small, for "adgd" does without it from the second on. "adgd2" grows from it by a third
        or more in each step.
    variant : {"adgd", "adgd2"}, default="adgd"
    max_lr : float, default=inf
        Steps are at most this long, > 0.
    weight_decay : float, default=0
        >= 0.
    maximize, n_threads
        As for `SGD`.
    like : {"torch"}, default="torch"
        No framework has this rule; there is one convention.

    Notes
    -----
    Slots: "previous_params", "previous_grad". Where the gradient did not change the first bound decides. Sources:
    Malitsky and Mishchenko, Adaptive gradient descent without descent (2020), algorithm 1; Adaptive proximal gradient
    method for convex optimization (2024), algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> w, scale = np.array([3.0, -2.0]), np.array([1.0, 30.0])
    >>> opt = AdaptiveGD(w)
    >>> for _ in range(300):
    ...     opt.step(scale * (w - 1.0))
    >>> bool(np.abs(w - 1.0).max() < 1e-8)
    True
    """

    traits = Traits(
        ("linear",), "exact", "none", "any", "自适应梯度下降",
        "convex functions, full gradients, no line search",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}}
    _VARIANTS = ("adgd", "adgd2")
    _CARRIED = ("rate", "theta")
    _WHOLE = ("lr", "variant", "max_lr")

    def __init__(
        self,
        params=None,
        lr=1e-6,
        variant="adgd",
        max_lr=math.inf,
        weight_decay=0,
        *,
        maximize=False,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    def _first(self):
        rate = min(float(self._options["lr"]), self._options["max_lr"])
        return rate, math.inf if self._options["variant"] == "adgd" else 1.0 / 3.0

    def _next(self, rate, theta, ss, sy, yy):
        if self._options["variant"] == "adgd":
            bound = 0.5 * sqrt(_over(ss, yy)) if ss != 0.0 else math.inf
            new = min(sqrt(1.0 + theta) * rate, bound)
        else:
            excess = 2.0 * rate * rate * yy / ss - 1.0 if ss != 0.0 else 0.0
            bound = rate / sqrt(excess) if not excess <= 0.0 else math.inf
            new = min(sqrt(2.0 / 3.0 + theta) * rate, bound)
        if new == math.inf:  # point or gradient has not moved
            new = rate
        if not bound == bound:
            new = bound
        new = min(new, self._options["max_lr"])
        return new, _over(new, rate)
