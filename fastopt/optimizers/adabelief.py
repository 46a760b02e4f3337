"""AdaBelief: Adam scaled by the variance of the gradient."""

from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._lengths import averaged
from ._traits import Traits


class AdaBelief(Optimizer):
    r"""AdaBelief: Adam whose scale is the variance of the gradient around its average.

    With :math:`h = \pm g + \lambda w`, t from 1 and m as in `Adam`,

    .. math::
        s \leftarrow \beta_2 s + (1 - \beta_2) (h - m)^2 + \epsilon_r, \qquad
        w \leftarrow w - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1e-3
        Step size or a function of the step (from 0), >= 0.
    betas : pair of floats, default=(0.9, 0.999)
        In [0, 1).
    eps, eps_root : float, default=1e-16
        >= 0.
    weight_decay : float, default=0
        >= 0; part of the gradient.
    decoupled_weight_decay : bool, default=False
        :math:`w \leftarrow w - \eta \lambda w` instead.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"optax"}, default="optax"

    Notes
    -----
    Slots: "exp_avg", "exp_avg_var". Sources: Zhuang et al. (2020); optax.adabelief.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(1)
    >>> AdaBelief(w, lr=0.9).step(np.array([3.0]))
    >>> np.round(w, 6)
    array([-1.])
    """

    traits = Traits(
        ("network",), "batches", "little", "short", "AdaBelief",
        "as Adam, bolder where gradients agree",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"optax": {}}
    _weight = averaged

    def __init__(
        self,
        params=None,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-16,
        eps_root=1e-16,
        weight_decay=0,
        decoupled_weight_decay=False,
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
        _checks.pair("betas", o["betas"])
        _checks.number("eps_root", o["eps_root"], 0)
        _checks.flag("decoupled_weight_decay", o["decoupled_weight_decay"])

    @staticmethod
    def _rule(o):
        return "adabelief", ("exp_avg", "exp_avg_var")

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, decay = _checks.decays(o)
        (beta1, beta2), eps, inside = o["betas"], o["eps"], o["eps_root"]

        def row(lr, t):
            root = sqrt(1.0 - beta2**t)
            alpha = lr * root / (1.0 - beta1**t)
            rest = eps * root
            return sign, l2, lr * decay, alpha, 0.0, beta1, 1.0 - beta1, beta2, 1.0 - beta2, rest, 0.0, inside

        return row
