"""Prodigy: Adam with a learning rate that is estimated from the distance to the solution."""

import math
from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import options
from ._measured import Global
from ._traits import Traits


class Prodigy(Global):
    r"""Prodigy: `AdamW` whose rate is an estimate d of the distance from the start to the solution.

    With :math:`h = \pm g`, :math:`x_0` the parameters at the start, d beginning at :math:`d_0`, and
    :math:`\delta = d \eta b_t`, where :math:`b_t = \sqrt{1 - \beta_2^t} / (1 - \beta_1^t)` with the bias
    correction and 1 without,

    .. math::
        r \leftarrow \beta_3 r + \frac{d}{d_0} \delta \langle h, x_0 - w \rangle, \quad
        s \leftarrow \beta_3 s + \frac{d}{d_0} \delta h, \quad
        m \leftarrow \beta_1 m + (1 - \beta_1) d h, \quad v \leftarrow \beta_2 v + (1 - \beta_2) d^2 h^2

    .. math::
        d \leftarrow \max(d, c\, r / \|s\|_1), \qquad
        w \leftarrow w - \delta \lambda w - \delta \frac{m}{\sqrt v + d \epsilon}

    The sums run over all parameters. `estimate` is d; a schedule for lr falls from 1 to 0.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1.0
        A factor of the rate, or a function of the step (from 0), >= 0.
    betas : pair of floats, default=(0.9, 0.999)
        In [0, 1).
    beta3 : float or None, default=None
        In [0, 1). None: the root of the second of betas.
    eps : float, default=1e-8
        >= 0.
    weight_decay : float, default=0
        >= 0.
    decouple : bool, default=True
        As written; otherwise :math:`\lambda w` is part of h. optax decouples always.
    use_bias_correction : bool, default=False
        With :math:`b_t`. optax does so always.
    safeguard_warmup : bool, default=False
        s without :math:`\eta b_t`, for schedules that begin near 0.
    d0 : float, default=1e-6
        The first estimate, > 0, below the distance.
    d_coef : float, default=1.0
        c, > 0.
    growth_rate : float, default=inf
        d grows at most by this factor in a step, > 1. optax has no limit.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"torch", "optax"}, default="torch"
        The authors' code, or optax.contrib.prodigy.

    Notes
    -----
    Slots: "exp_avg", "exp_avg_sq", "grad_sum" (s), "start" (:math:`x_0`). While all gradients have been 0 nothing
    moves. ``like="torch"``: a step at a rate of 0, with which many schedules begin, changes nothing, and :math:`b_t`
    counts neither it nor a step with s = 0; optax counts all, and its parameters are NaN after a step with s = 0.
    Source: Mishchenko and Defazio, Prodigy: an expeditiously adaptive parameter-free learner (2024).

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([3.0, -2.0])
    >>> opt = Prodigy(w)
    >>> for _ in range(300):
    ...     opt.step(w - 1.0)
    >>> bool(np.abs(w - 1.0).max() < 1e-2)
    True
    """

    traits = Traits(
        ("network",), "batches", "none", "any", "Prodigy (免调学习率)",
        "no rate to find; batches of a network",
    )  # fmt: skip
    _NO_LENGTHS = "its moments hold gradients times an estimate that grows from step to step"
    _LIKE: ClassVar[dict] = {"torch": {}, "optax": {}}
    _MEASURE = "measure_prodigy"
    _CARRIED = ("d", "d_max", "d_numerator", "d_steps")
    _WHOLE = ("beta3", "d0", "d_coef", "growth_rate")
    _TIME = 1.0

    def __init__(
        self,
        params=None,
        lr=1.0,
        betas=(0.9, 0.999),
        beta3=None,
        eps=1e-8,
        weight_decay=0,
        decouple=True,
        use_bias_correction=False,
        safeguard_warmup=False,
        d0=1e-6,
        d_coef=1.0,
        growth_rate=math.inf,
        *,
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        _checks.pair("betas", o["betas"])
        if o["beta3"] is not None:
            _checks.number("beta3", o["beta3"], 0, 1)
        for name in ("decouple", "use_bias_correction", "safeguard_warmup"):
            _checks.flag(name, o[name])
        for name in ("d0", "d_coef"):
            _checks.number(name, o[name], 0)
            _checks.positive(name, o[name], "the estimate could not grow")
        growth = o["growth_rate"]
        if growth != math.inf:
            _checks.number("growth_rate", growth, 1)
            if growth == 1:
                raise ValueError("growth_rate must be > 1, got 1: the estimate could not grow")
        if o["like"] == "optax":
            if not o["decouple"]:
                raise ValueError("decouple=False is of like='torch' only")
            if growth != math.inf:
                raise ValueError("growth_rate is a parameter of like='torch' only")

    @staticmethod
    def _rule(o):
        return "moments", ("exp_avg", "exp_avg_sq", "grad_sum", "start")

    @staticmethod
    def _start(o):
        return {"start": "params"}

    @staticmethod
    def _scalars(o, carried):
        """The function (lr, t) that gives the row for step t, from 1, without what depends on d."""
        sign, (beta1, beta2), decay = (-1.0 if o["maximize"] else 1.0), o["betas"], o["weight_decay"]
        corrected = o["use_bias_correction"] or o["like"] == "optax"
        beta3 = sqrt(beta2) if o["beta3"] is None else o["beta3"]
        coupled, decoupled = (0.0, decay) if o["decouple"] else (decay, 0.0)
        guarded, eps, torch = o["safeguard_warmup"], o["eps"], o["like"] == "torch"

        def row(lr, t):
            if torch and t - 1 in carried:
                t = carried[t - 1][3] + 1.0
            rate = lr * sqrt(1.0 - beta2**t) / (1.0 - beta1**t) if corrected else lr
            return (sign, coupled, decoupled * rate, rate, 0.0, beta1, 1.0 - beta1, beta2, 1.0 - beta2, eps, 0.0, 0.0,
                    beta3, 1.0 if guarded else rate)  # fmt: skip

        return row

    def _run(self, rows, n_threads, value):
        o = self._options
        d0 = o["d0"]
        d, d_max, numerator = self._kept((d0, d0, 0.0))[:3]
        if o["like"] == "torch" and not any(r[3] > 0 for r in rows):
            self._keep((d, d_max, numerator), False)
            return
        scale = d * d / d0
        first = tuple((*r[:6], r[6] * d, r[7], r[8] * d * d, *r[9:13], r[13] * scale) for r in rows)
        totals = self._totals(first, n_threads)
        beta3 = rows[0][12]
        numerator = self._add([beta3 * numerator, *(scale * r[3] * p for r, p in zip(rows, totals[:, 0].tolist()))])
        denominator = self._add(totals[:, 1])
        new = d
        if denominator != 0.0 and any(r[3] > 0 for r in rows):
            estimate = o["d_coef"] * numerator / denominator
            if d == d0:
                d = max(d, estimate)
            d_max = max(d_max, estimate)
            new = min(d_max, d * o["growth_rate"])
        still = denominator == 0.0
        used = self._kept((d0,))[0]
        self._finish(
            tuple(
                (
                    r[0],
                    r[1],
                    0.0 if still else used * r[2],
                    0.0 if still else used * r[3],
                    *r[4:9],
                    new * r[9],
                    0.0,
                    0.0,
                    0.0,
                    1.0,
                )  # fmt: skip
                for r in rows
            ),
            n_threads,
        )
        self._keep((new, d_max, numerator), not still)

    def _keep(self, numbers, counted):
        """For the next step; the last number is each group's own."""
        for group in self._groups:
            made = group.carry()[3] if group.carry() else 0.0
            group.carried[group.steps + 1] = (*map(float, numbers), made + counted)

    @property
    def estimate(self):
        """d, the estimate of the distance that the next step begins with."""
        self._bound()
        return self._kept((self._options["d0"],))[0]
