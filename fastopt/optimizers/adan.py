"""Adan: moments of the gradient and of its change."""

from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._lengths import ALPHA
from ._traits import Traits


class Adan(Optimizer):
    r"""Adan: moments of the gradient and of its change.

    With :math:`h = \pm g`, t from 1 and :math:`r = h - h_{t - 1}` (0 at the first step),

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) h, \quad q \leftarrow \beta_2 q + (1 - \beta_2) r, \quad
        n \leftarrow \beta_3 n + (1 - \beta_3) (h + \kappa r)^2, \quad
        u = \frac{m / (1 - \beta_1^t) + \kappa q / (1 - \beta_2^t)}{\sqrt{n / (1 - \beta_3^t) + \epsilon_r} + \epsilon}

    - ``like="torch"`` (the authors' code): :math:`\kappa = \beta_2`, and
      :math:`w \leftarrow (w - \eta u) / (1 + \eta \lambda)`, or with no_prox
      :math:`w \leftarrow w - \eta (u + \lambda w)`.
    - ``like="optax"`` (the paper): :math:`\kappa = 1 - \beta_2`, and the latter in any case.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1e-3
        Step size or a function of the step (from 0), >= 0.
    betas : tuple of three floats, default=(0.98, 0.92, 0.99)
        In [0, 1).
    eps : float, default=1e-8
        >= 0.
    weight_decay : float, default=0
        >= 0.
    no_prox : bool, default=False
    eps_root : float, default=0
        >= 0. optax: 1e-8.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"torch", "optax"}, default="torch"

    Notes
    -----
    Slots: "exp_avg", "exp_avg_diff", "exp_avg_sq", "previous". Sources: Xie et al. (2024) and their code; optax.adan.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(2)
    >>> Adan(w, lr=0.5).step(np.array([3.0, -1.0]))
    >>> np.round(w, 6)
    array([-0.5,  0.5])
    """

    traits = Traits(
        ("network", "large"), "batches", "rate", "long", "Adan (自适应 Nesterov 动量)",
        "large networks and batches, at twice the memory",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}, "optax": {"eps_root": 1e-8}}
    _TIME = 0.8

    def __init__(
        self,
        params=None,
        lr=1e-3,
        betas=(0.98, 0.92, 0.99),
        eps=1e-8,
        weight_decay=0,
        no_prox=False,
        *,
        eps_root=_checks.Default(0),
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        _checks.pair("betas", o["betas"], 3)
        _checks.flag("no_prox", o["no_prox"])
        _checks.number("eps_root", o["eps_root"], 0)

    @staticmethod
    def _rule(o):
        return "adan", ("exp_avg", "exp_avg_diff", "exp_avg_sq", "previous")

    def _weight(self, o, row, t, past):
        return row[ALPHA] * (1.0 - o["betas"][0] ** t)

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, wd, eps = (-1.0 if o["maximize"] else 1.0), o["weight_decay"], o["eps"]
        beta1, beta2, beta3 = o["betas"]
        prox = o["like"] == "torch" and not o["no_prox"]
        kappa = beta2 if o["like"] == "torch" else 1.0 - beta2

        def row(lr, t):
            power = 1.0 - beta3**t
            root = sqrt(power)
            alpha, beta = lr * root / (1.0 - beta1**t), lr * root * kappa / (1.0 - beta2**t)
            decay, first = lr * wd, t == 1
            if prox:  # (w - u) / (1 + d) = w - d / (1 + d) w - u / (1 + d)
                alpha, beta, decay = alpha / (1.0 + decay), beta / (1.0 + decay), decay / (1.0 + decay)
            gain2, lift = (0.0, 0.0) if first else (1.0 - beta2, kappa)
            return (sign, 0.0, decay, alpha, beta, beta1, 1.0 - beta1, beta2, gain2, eps * root, lift,
                    o["eps_root"] * power, beta3, 1.0 - beta3)  # fmt: skip

        return row
