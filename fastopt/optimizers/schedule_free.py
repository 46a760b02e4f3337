"""The schedule-free rules, which average their iterates."""

from math import sqrt
from typing import ClassVar

import numpy as np

from . import _checks
from ._base import Optimizer, options
from ._traits import Traits
from .radam import rectification


class _ScheduleFree(Optimizer):
    """What the schedule-free optimizers share: weights of the average, which a step hands to the next."""

    _CARRIED = ("weight_sum", "lr_max")
    _RATE_BY_ARRAY = False
    _NO_LENGTHS = "it steps from one point with the gradient at another, and a proximal step would move one of them"

    def __init__(self, *, like="torch"):
        raise TypeError("use ScheduleFreeSGD, ScheduleFreeAdamW or ScheduleFreeRAdam")

    @staticmethod
    def _check(o):
        _checks.common(o)
        beta = o["momentum"] if "momentum" in o else o["betas"][0]
        if "momentum" in o:
            _checks.number("momentum", beta, 0, 1)
        else:
            _checks.pair("betas", o["betas"])
        _checks.positive("momentum" if "momentum" in o else "betas[0]", beta, "the average could not be told from w")
        for name in ("r", "weight_lr_power"):
            _checks.number(name, o[name], 0)
        if "warmup_steps" in o:
            _checks.count("warmup_steps", o["warmup_steps"])
        if "silent_sgd_phase" in o:
            _checks.flag("silent_sgd_phase", o["silent_sgd_phase"])

    @staticmethod
    def _start(o):
        return {"z": "params"}

    @staticmethod
    def _weight(o, carried):
        """The function (rate, t) that gives c, the weight of z in the average, and keeps the sum for the next step."""
        r, power = o["r"], o["weight_lr_power"]

        def part(rate, t):
            total, top = carried[t - 1] if t > 1 else (0.0, 0.0)
            top = max(rate, top)
            weight = float(t) ** r * top**power
            total += weight
            carried[t] = total, top
            return weight / total if total > 0 else 0.0

        return part

    def averages(self):
        """The averaged parameters x, where a model is to be evaluated: copies in the structure of the parameters."""
        self._bound()
        made = []
        for group in self._groups:
            o = group.options(self._options)
            beta = o["momentum"] if "momentum" in o else o["betas"][0]
            z = group.slot_names.index("z")
            made.append(
                [w + w.dtype.type(1.0 - 1.0 / beta) * (slots[z] - w) for w, slots in zip(group.params, group.slots)]
            )
        return self._like_params([[np.asarray(x) for x in arrays] for arrays in made])


class ScheduleFreeSGD(_ScheduleFree):
    r"""Schedule-free SGD: no rate has to fall, because an average of the iterates is what is used.

    With t from 1, the rate :math:`\eta_t = \eta \min(1, t / \mathrm{warmup})`, the weight
    :math:`\gamma_t = t^r (\max_{s \le t} \eta_s)^p` and :math:`c = \gamma_t / \sum_{s \le t} \gamma_s`, gradients are
    taken at the parameters y:

    .. math::
        h = \pm g + \lambda y, \quad z \leftarrow z - \eta_t h, \quad x \leftarrow (1 - c) x + c z, \quad
        y \leftarrow \beta x + (1 - \beta) z

    `averages` gives x, where the model is evaluated. x is not stored: it follows from y and z.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1.0
        Step size or a function of the step (from 0), >= 0.
    momentum : float, default=0.9
        :math:`\beta`, in (0, 1).
    weight_decay : float, default=0
        >= 0.
    warmup_steps : int, default=0
        >= 0.
    r : float, default=0.0
        >= 0.
    weight_lr_power : float, default=2.0
        p, >= 0; 0 weighs all steps alike, as Keras does.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"torch"}, default="torch"
        The authors' code. optax.contrib.schedule_free makes the same steps at one rate; with a schedule or a warm-up its
        weights take the rate of the step after.

    Notes
    -----
    Slots: "z". Sources: Defazio et al., The road less scheduled (2024), and its code schedulefree.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.ones(1)
    >>> opt = ScheduleFreeSGD(w, lr=0.5)
    >>> for _ in range(100):
    ...     opt.step(w.copy())
    >>> bool(abs(opt.averages()[0]) < 0.05)
    True
    """

    traits = Traits(
        ("linear", "network"), "batches", "rate", "any", "免调度 SGD",
        "SGD without a schedule, stopped at any time",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}}

    def __init__(
        self,
        params=None,
        lr=1.0,
        momentum=0.9,
        weight_decay=0,
        warmup_steps=0,
        r=0.0,
        weight_lr_power=2.0,
        *,
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _rule(o):
        return "schedule_free", ("z",)

    @classmethod
    def _scalars(cls, o, carried):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, _ = _checks.decays(o)
        beta, warmup, part = o["momentum"], o["warmup_steps"], cls._weight(o, carried)

        def row(lr, t):
            rate = lr * min(1.0, t / warmup) if warmup else lr
            c = part(rate, t)
            return sign, l2, 0.0, rate, rate * (1.0 - beta * (1.0 - c)), 0.0, c

        return row


class ScheduleFreeAdamW(_ScheduleFree):
    r"""Schedule-free AdamW: `ScheduleFreeSGD` with Adam's scale.

    As there, with :math:`v \leftarrow \beta_2 v + (1 - \beta_2) h^2`, :math:`h = \pm g`, and

    .. math::
        z \leftarrow z - \eta_t \left( \frac{h}{\sqrt{v / (1 - \beta_2^t)} + \epsilon} + \lambda y \right)

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=0.0025
        Step size or a function of the step (from 0), >= 0.
    betas : pair of floats, default=(0.9, 0.999)
        In [0, 1), the first > 0.
    eps : float, default=1e-8
        >= 0.
    weight_decay, warmup_steps, r, weight_lr_power, maximize, clip_global_norm, n_threads, like
        As for `ScheduleFreeSGD`.

    Notes
    -----
    Slots: "z", "exp_avg_sq". The setting that won AlgoPerf's self-tuning track: lr=2.5e-3, betas=(0.9, 0.9955),
    weight_decay=0.0812, a warm-up of 1.5 % of the steps. Sources: Defazio et al. (2024) and its code schedulefree.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.ones(1)
    >>> opt = ScheduleFreeAdamW(w, lr=0.1)
    >>> for _ in range(300):
    ...     opt.step(w.copy())
    >>> bool(abs(opt.averages()[0]) < 0.05)
    True
    """

    traits = Traits(
        ("network", "large"), "batches", "little", "any", "免调度 AdamW",
        "AdamW without a schedule, stopped at any time",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}}

    def __init__(
        self,
        params=None,
        lr=0.0025,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        warmup_steps=0,
        r=0.0,
        weight_lr_power=2.0,
        *,
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _rule(o):
        return "schedule_free_adam", ("z", "exp_avg_sq")

    @classmethod
    def _scalars(cls, o, carried):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, decay, eps = (-1.0 if o["maximize"] else 1.0), o["weight_decay"], o["eps"]
        (beta1, beta2), warmup, part = o["betas"], o["warmup_steps"], cls._weight(o, carried)

        def row(lr, t):
            rate = lr * min(1.0, t / warmup) if warmup else lr
            c, lift = part(rate, t), 1.0 / sqrt(1.0 - beta2**t)
            beta = rate * (1.0 - beta1 * (1.0 - c))
            return sign, 0.0, decay, rate, beta, 0.0, c, beta2, 1.0 - beta2, eps, lift

        return row


class ScheduleFreeRAdam(_ScheduleFree):
    r"""Schedule-free RAdam: `ScheduleFreeAdamW` whose warm-up is the rectification of `RAdam`.

    As there, with :math:`\eta_t` = :math:`\eta` times the root of `RAdam`'s step where its :math:`\rho > 4`; else
    :math:`\eta_t = 0`, or with silent_sgd_phase=False :math:`\eta_t = \eta` and a step by :math:`h + \lambda y`.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=0.0025
        Step size or a function of the step (from 0), >= 0.
    betas : pair of floats, default=(0.9, 0.999)
        In [0, 1), the first > 0.
    eps : float, default=1e-8
        >= 0.
    weight_decay, r, weight_lr_power, maximize, clip_global_norm, n_threads, like
        As for `ScheduleFreeSGD`.
    silent_sgd_phase : bool, default=True
        The first steps change nothing but the moments.

    Notes
    -----
    Slots: "z", "exp_avg_sq". Sources: as `ScheduleFreeSGD`; Liu et al. (2020).

    Examples
    --------
    >>> import numpy as np
    >>> w = np.ones(1)
    >>> opt = ScheduleFreeRAdam(w, lr=0.1)
    >>> for _ in range(300):
    ...     opt.step(w.copy())
    >>> bool(abs(opt.averages()[0]) < 0.1)
    True
    """

    traits = Traits(
        ("network",), "batches", "little", "any", "免调度 RAdam",
        "the same, without a warm-up",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}}

    def __init__(
        self,
        params=None,
        lr=0.0025,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        r=0.0,
        weight_lr_power=2.0,
        silent_sgd_phase=True,
        *,
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _rule(o):
        return "schedule_free_adam", ("z", "exp_avg_sq")

    @classmethod
    def _scalars(cls, o, carried):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, decay, eps = (-1.0 if o["maximize"] else 1.0), o["weight_decay"], o["eps"]
        (beta1, beta2), part = o["betas"], cls._weight(o, carried)
        first = 0.0 if o["silent_sgd_phase"] else 1.0

        def row(lr, t):
            rho, factor = rectification(beta2, t)
            rate, lift, rest = lr * first, 0.0, 1.0
            if rho > 4.0:
                rate, lift, rest = lr * factor, 1.0 / sqrt(1.0 - beta2**t), eps
            c = part(rate, t)
            beta = rate * (1.0 - beta1 * (1.0 - c))
            return sign, 0.0, decay, rate, beta, 0.0, c, beta2, 1.0 - beta2, rest, lift

        return row
