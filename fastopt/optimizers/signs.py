"""Steps from the sign of a gradient: Lion, Signum, Rprop."""

from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._traits import Traits


class Lion(Optimizer):
    r"""Lion: the sign of an interpolation between momentum and gradient, with decoupled weight decay.

    With :math:`h = \pm g`,

    .. math::
        w \leftarrow w - \eta \lambda w - \eta \operatorname{sign}(\beta_1 m + (1 - \beta_1) h), \qquad
        m \leftarrow \beta_2 m + (1 - \beta_2) h

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1e-4
        Step size or a function of the step (from 0), >= 0. Keras: 1e-3.
    betas : pair of floats, default=(0.9, 0.99)
        In [0, 1).
    weight_decay : float, default=0
        >= 0. optax: 1e-3.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"torch", "keras", "optax"}, default="torch"
        "torch": the authors' code.

    Notes
    -----
    Slots: "exp_avg". The sign of an infinite gradient is finite, and so is the parameter; NaN makes it NaN. Sources:
    Chen et al. (2023), lion-pytorch; keras.optimizers.Lion, optax.lion.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(3)
    >>> Lion(w, lr=0.25).step(np.array([3.0, 0.0, -1e-9]))
    >>> w
    array([-0.25,  0.  ,  0.25])
    """

    traits = Traits(
        ("network", "large"), "batches", "rate", "long", "Lion (符号动量)",
        "large models, half of the memory of AdamW; a rate 3 to 10 times smaller",
    )  # fmt: skip
    _NO_LENGTHS = "it steps by signs, not by multiples of gradients"
    _LIKE: ClassVar[dict] = {"torch": {}, "keras": {"lr": 1e-3}, "optax": {"weight_decay": 1e-3}}
    _TIME = 0.3

    def __init__(
        self,
        params=None,
        lr=_checks.Default(1e-4),
        betas=(0.9, 0.99),
        weight_decay=_checks.Default(0),
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

    @staticmethod
    def _rule(o):
        return "lion", ("exp_avg",)

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, decay = (-1.0 if o["maximize"] else 1.0), o["weight_decay"]
        beta1, beta2 = o["betas"]

        def row(lr, t):
            return sign, 0.0, lr * decay, lr, 0.0, beta1, 1.0 - beta1, beta2, 1.0 - beta2

        return row


class Signum(Optimizer):
    r"""Signum: the sign of an average of gradients; with momentum=0 the sign of the gradient (signSGD).

    With :math:`h = \pm g`, :math:`m \leftarrow \beta m + (1 - \beta) h` and
    :math:`w \leftarrow w - \eta \lambda w - \eta \operatorname{sign}(m)`.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1e-3
        Step size or a function of the step (from 0), >= 0.
    momentum : float, default=0.9
        In [0, 1).
    weight_decay : float, default=0
        >= 0.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"optax"}, default="optax"

    Notes
    -----
    Slots: "exp_avg". Of infinite gradients as `Lion`. Sources: Bernstein et al. (2018); optax.signum.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(3)
    >>> Signum(w, lr=0.25).step(np.array([3.0, 0.0, -1e-9]))
    >>> w
    array([-0.25,  0.  ,  0.25])
    """

    traits = Traits(
        ("large",), "batches", "rate", "long", "符号梯度下降 (带动量)",
        "gradients of which only signs are sent or trusted",
    )  # fmt: skip
    _NO_LENGTHS = "it steps by signs, not by multiples of gradients"
    _LIKE: ClassVar[dict] = {"optax": {}}
    _TIME = 0.3

    def __init__(
        self,
        params=None,
        lr=1e-3,
        momentum=0.9,
        weight_decay=0,
        *,
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="optax",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        _checks.number("momentum", o["momentum"], 0, 1)

    @staticmethod
    def _rule(o):
        return "signum", ("exp_avg",)

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, decay, beta = (-1.0 if o["maximize"] else 1.0), o["weight_decay"], o["momentum"]

        def row(lr, t):
            return sign, 0.0, lr * decay, lr, 0.0, beta, 1.0 - beta

        return row


class Rprop(Optimizer):
    r"""Rprop: each parameter has a step of its own, which grows while the gradient keeps its sign.

    With :math:`h = \pm g` and the previous one :math:`h'`: the step s is multiplied by :math:`\eta_+` where
    :math:`h h' > 0`, by :math:`\eta_-` where :math:`h h' < 0`, and clipped to step_sizes; where :math:`h h' < 0`, h
    counts as 0, also as the next :math:`h'`; :math:`w \leftarrow w - s \operatorname{sign}(h)`. For full batches.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float, default=0.01
        What s begins with, >= 0; not a schedule. Read where parameters are bound.
    etas : pair of floats, default=(0.5, 1.2)
        :math:`0 < \eta_- < 1 < \eta_+`.
    step_sizes : pair of floats, default=(1e-6, 50)
        The least and the largest s, >= 0.
    maximize, n_threads
        As for `SGD`.
    like : {"torch"}, default="torch"

    Notes
    -----
    Slots: "prev", "step_size". optax.rprop makes the same steps where lr lies within step_sizes. An infinite gradient
    has a finite sign, NaN makes the parameter NaN. Sources: Riedmiller and Braun (1993); torch.optim.Rprop.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(2)
    >>> opt = Rprop(w, lr=0.5)
    >>> opt.step(np.array([3.0, -1.0]))
    >>> opt.step(np.array([3.0, 1.0]))
    >>> w
    array([-1.1,  0.5])
    """

    traits = Traits(
        ("linear", "network"), "exact", "none", "short", "弹性反向传播",
        "full batches without a line search; never mini-batches",
    )  # fmt: skip
    _NO_LENGTHS = "it steps by signs, not by multiples of gradients"
    _LIKE: ClassVar[dict] = {"torch": {}}
    _RATE_BY_ARRAY = False  # lr is the first size of the steps

    def __init__(
        self,
        params=None,
        lr=0.01,
        etas=(0.5, 1.2),
        step_sizes=(1e-6, 50),
        *,
        maximize=False,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        if callable(o["lr"]):
            raise TypeError(f"lr of Rprop must be a number, its first step, got {o['lr']!r}")
        for name in ("etas", "step_sizes"):
            pair = o[name]
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(f"{name} must be a pair of numbers, got {pair!r}")
            for i in range(2):
                _checks.number(f"{name}[{i}]", pair[i], 0)
        if not 0 < o["etas"][0] < 1 < o["etas"][1]:
            raise ValueError(f"etas must be (a, b) with 0 < a < 1 < b, got {o['etas']!r}")
        if o["step_sizes"][0] > o["step_sizes"][1]:
            raise ValueError(f"step_sizes must be (least, largest), got {o['step_sizes']!r}")

    @staticmethod
    def _rule(o):
        return "rprop", ("prev", "step_size")

    @staticmethod
    def _start(o):
        return {"step_size": o["lr"]}

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, etas, sizes = (-1.0 if o["maximize"] else 1.0), o["etas"], o["step_sizes"]

        def row(lr, t):
            return sign, 0.0, 0.0, 0.0, 0.0, *etas, *sizes

        return row
