"""Gradient descent with Polyak's step, which follows from the value of the objective."""

from typing import ClassVar

from . import _checks
from ._base import options
from ._lengths import ALPHA
from ._measured import Global
from ._traits import Traits

SMALLEST = 2.0**-52  # of the squared norm: optax makes no step below


class PolyakSGD(Global):
    r"""Stochastic gradient descent with Polyak's step size (SPS): the step that a linear model of f takes to f*.

    With :math:`h = \pm g` over all parameters, f the value given to `step` and :math:`f^*` a lower bound of it,

    .. math::
        \gamma = \min\left(\frac{f - f^*}{c \|h\|^2 + \epsilon}, \gamma_{\max}\right), \qquad
        w \leftarrow w - \eta \gamma h

    - ``variant="sps+"``: 0 where :math:`f < f^*`; with "sps" the step is then uphill.
    - ``growth``: :math:`\gamma` is at most `growth` times the step before (SPS with smoothing, where it is
      :math:`2^{1/b}` with b batches an epoch).
    - no step where :math:`c \|h\|^2 + \epsilon` is at most 2.2e-16.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1.0
        :math:`\eta`, a factor of the step, or a function of the step (from 0), >= 0.
    max_lr : float, default=1.0
        :math:`\gamma_{\max}`, > 0; inf: none.
    f_min : float, default=0.0
        :math:`f^*`: 0 for models that can fit all samples.
    eps : float, default=0.0
        >= 0.
    variant : {"sps", "sps+"}, default="sps"
    c : float, default=1.0
        > 0; the paper on smoothing has 0.5.
    growth : float or None, default=None
        >= 1; None: no limit.
    maximize, n_threads
        As for `SGD`; with maximize f is to grow, so -f takes its place.
    like : {"optax"}, default="optax"
        optax.polyak_sgd, whose defaults the added c and growth keep.

    Notes
    -----
    `step(grads, value=f)`. No slots. optax's code divides by the norm of the gradient times its `scaling` (our lr); here
    the step is what its documentation and the papers say, the same for lr=1; with c = lr^2 it is that of the code.
    Sources: Polyak, Introduction to optimization (1987); Loizou et al., Stochastic Polyak step-size for SGD (2021);
    Garrigos et al., Function value learning (2023).

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, 2.0, 3.0])
    >>> opt = PolyakSGD(w)
    >>> for _ in range(5):
    ...     opt.step(2 * w, value=np.sum(w**2))
    >>> float(np.sum(w**2))
    0.013671875
    """

    traits = Traits(
        ("linear", "network"), "both", "none", "any", "Polyak 步长",
        "objectives whose least value is known, as 0 where all rows can be fitted",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"optax": {}}
    _MEASURE = "measure_gradient"
    _NEEDS_VALUE = True
    _CARRIED = ("rate",)
    _WHOLE = ("max_lr", "f_min", "eps", "variant", "c", "growth", "maximize")

    def __init__(
        self,
        params=None,
        lr=1.0,
        max_lr=1.0,
        f_min=0.0,
        eps=0.0,
        variant="sps",
        c=1.0,
        growth=None,
        *,
        maximize=False,
        n_threads=None,
        like="optax",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        if o["max_lr"] != float("inf"):
            _checks.number("max_lr", o["max_lr"], 0)
        _checks.positive("max_lr", o["max_lr"], "no step would be made")
        _checks.number("f_min", o["f_min"], -float("inf"))
        _checks.number("c", o["c"], 0)
        _checks.positive("c", o["c"], "the step is divided by it")
        if o["variant"] not in ("sps", "sps+"):
            raise ValueError(f"variant must be 'sps' or 'sps+', got {o['variant']!r}")
        if o["growth"] is not None:
            _checks.number("growth", o["growth"], 1)

    @staticmethod
    def _rule(o):
        return "sgd", ()

    @staticmethod
    def _scalars(o, carried):
        sign = -1.0 if o["maximize"] else 1.0
        return lambda lr, t: (sign, 0.0, 0.0, lr)

    def _run(self, rows, n_threads, value):
        o = self._options
        gap = (-value if o["maximize"] else value) - o["f_min"]
        if o["variant"] == "sps+":
            gap = max(gap, 0.0)
        below = o["c"] * self._add(self._totals(rows, n_threads)[:, 0]) + o["eps"]
        rate = 0.0 if below <= SMALLEST else min(gap / below, o["max_lr"])
        if o["growth"] is not None and self._groups[0].steps:
            rate = min(rate, o["growth"] * self._kept((0.0,))[0])
        self._finish(tuple((*r[:3], r[3] * rate) for r in rows), n_threads)
        self._keep((rate,))

    def _weight(self, o, row, t, past):
        return row[ALPHA] * self._groups[0].carry()[0]
