"""DoG: gradient descent with the rate distance over gradients."""

from math import sqrt
from typing import ClassVar

from .. import _kernels
from . import _checks
from ._base import options
from ._lengths import ALPHA
from ._measured import Global
from ._traits import Traits

STARTS = ("heuristic", "distance", "learning_rate")


class DoG(Global):
    r"""Distance over gradients: stochastic gradient descent without a rate to choose.

    With :math:`h = \pm g + \lambda w`, :math:`x_0` the parameters at the start and norms over all parameters,

    .. math::
        \bar r \leftarrow \max(\bar r, \|w - x_0\|), \quad G \leftarrow G + \|h\|^2, \quad
        w \leftarrow w - \eta \frac{\bar r}{\sqrt{G + \epsilon}} h

    What is used is an average of the iterates: `ParameterAverage`.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1.0
        A factor of the rate, or a function of the step (from 0), >= 0.
    init_step : pair, default=("heuristic", 1e-6)
        How the first step is chosen, and a number > 0: "heuristic", :math:`\bar r` begins with
        :math:`x (1 + \|x_0\|)`; "distance", with x; "learning_rate", the first rate is x (times lr).
    eps : float, default=1e-8
        >= 0.
    weight_decay : float, default=0
        >= 0.
    maximize, n_threads
        As for `SGD`.
    like : {"optax"}, default="optax"
        optax.contrib.dog.

    Notes
    -----
    Slot: "start". Source: Ivgi et al., DoG is SGD's best friend (2023).

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([3.0, -2.0])
    >>> opt = DoG(w)
    >>> for _ in range(1000):
    ...     opt.step(w - 1.0)
    >>> bool(np.abs(w - 1.0).max() < 1e-2)
    True
    """

    traits = Traits(
        ("linear", "network"), "both", "none", "any", "DoG (距离除以梯度)",
        "no rate to find; take the average of the iterates",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"optax": {}}
    _MEASURE = "measure_distance"
    _CARRIED = ("max_distance", "sum_of_squares")
    _WHOLE = ("init_step", "eps")

    def __init__(
        self,
        params=None,
        lr=1.0,
        init_step=("heuristic", 1e-6),
        eps=1e-8,
        weight_decay=0,
        *,
        maximize=False,
        n_threads=None,
        like="optax",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        start = o["init_step"]
        if not isinstance(start, (tuple, list)) or len(start) != 2:
            raise TypeError(f"init_step must be a pair of a name and a number, got {start!r}")
        if start[0] not in STARTS:
            raise ValueError(f"init_step[0] must be one of {', '.join(map(repr, STARTS))}, got {start[0]!r}")
        _checks.number("init_step[1]", start[1], 0)
        _checks.positive("init_step[1]", start[1], "no step would be made")

    @staticmethod
    def _rule(o):
        return "sgd", ("start",)

    @staticmethod
    def _start(o):
        return {"start": "params"}

    @staticmethod
    def _scalars(o, carried):
        sign, decay = (-1.0 if o["maximize"] else 1.0), o["weight_decay"]
        return lambda lr, t: (sign, decay, 0.0, lr)

    def _norm_of_start(self, n_threads):
        squares = 0.0
        for group in self._groups:
            for (start,) in group.slots:
                blocks = _kernels.table.updates[start.dtype].Blocks([start])
                squares += float(blocks.squares(n_threads)[0])
        return sqrt(squares)

    def _run(self, rows, n_threads, value):
        how, number = self._options["init_step"]
        totals = self._totals(rows, n_threads)
        first = self._groups[0].steps == 0
        farthest, squares = self._kept((0.0, 0.0))
        if first and how != "learning_rate":
            farthest = float(number)
            if how == "heuristic":
                farthest *= 1.0 + self._norm_of_start(n_threads)
        distance = sqrt(self._add(totals[:, 0]))
        farthest = max(farthest, distance) if distance == distance else distance
        squares = self._add([squares, *totals[:, 1]])
        rate = self._rate(first, farthest, squares)
        self._finish(tuple((*r[:3], r[3] * rate) for r in rows), n_threads)
        self._keep((farthest, squares))

    def _rate(self, first, farthest, squares):
        how, number = self._options["init_step"]
        if first and how == "learning_rate":
            return float(number)
        total = squares + self._options["eps"]
        return farthest / sqrt(total) if total != 0.0 else 0.0

    def _weight(self, o, row, t, past):
        return row[ALPHA] * self._rate(self._groups[0].steps == 1, *self._groups[0].carry())
