"""RAdam: rectified Adam."""

from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._lengths import averaged
from ._traits import Traits


class RAdam(Optimizer):
    r"""RAdam: Adam whose first steps are rectified for the variance of its scale.

    With :math:`\hat m, \hat v` as in `Adam`, :math:`\rho_\infty = 2 / (1 - \beta_2) - 1` and
    :math:`\rho = \rho_\infty - 2 t \beta_2^t / (1 - \beta_2^t)`: where :math:`\rho > 5` the step is

    .. math::
        w \leftarrow w - \eta \sqrt{\frac{(\rho - 4) (\rho - 2) \rho_\infty}{(\rho_\infty - 4) (\rho_\infty - 2) \rho}}
        \frac{\hat m}{\sqrt{\hat v} + \epsilon}

    (``like="torch"``: :math:`\sqrt{1 - \beta_2^t} / (\sqrt v + \epsilon)` in the place of
    :math:`1 / (\sqrt{\hat v} + \epsilon)`; ``"optax"``: where :math:`\rho \ge 5`), else
    :math:`w \leftarrow w - \eta \hat m`.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1e-3
        Step size or a function of the step (from 0), >= 0.
    betas : pair of floats, default=(0.9, 0.999)
        In [0, 1).
    eps : float, default=1e-8
        >= 0.
    weight_decay : float, default=0
        >= 0; part of the gradient.
    decoupled_weight_decay : bool, default=False
        :math:`w \leftarrow w - \eta \lambda w` instead.
    eps_root : float, default=0
        Added to :math:`\hat v` under the root, >= 0; optax only.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"torch", "optax"}, default="torch"

    Notes
    -----
    Slots: "exp_avg", "exp_avg_sq". Sources: Liu et al. (2020); torch.optim.RAdam, optax.radam.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(1)
    >>> RAdam(w, lr=0.5).step(np.array([3.0]))  # the first steps are those of a momentum
    >>> np.round(w, 6)
    array([-1.5])
    """

    traits = Traits(
        ("network",), "batches", "little", "short", "RAdam (修正 Adam)",
        "as Adam, without a warm-up",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}, "optax": {}}
    _weight = averaged

    def __init__(
        self,
        params=None,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        decoupled_weight_decay=False,
        *,
        maximize=False,
        eps_root=0,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        _checks.pair("betas", o["betas"])
        _checks.number("eps_root", o["eps_root"], 0)
        _checks.only("optax", o, eps_root=0)
        _checks.flag("decoupled_weight_decay", o["decoupled_weight_decay"])

    @staticmethod
    def _rule(o):
        return "radam", ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, decay = _checks.decays(o)
        (beta1, beta2), eps, inside, optax = o["betas"], o["eps"], o["eps_root"], o["like"] == "optax"

        def row(lr, t):
            (rho, factor), square = rectification(beta2, t), 1.0 - beta2**t
            alpha, lift, rest = lr / (1.0 - beta1**t), 0.0, 1.0
            if rho > 5.0 or (optax and rho == 5.0):
                root = sqrt(square)
                alpha, lift, rest = alpha * root * factor, 1.0, eps * root if optax else eps
            gains = beta1, 1.0 - beta1, beta2, 1.0 - beta2
            return sign, l2, lr * decay, alpha, 0.0, *gains, rest, lift, inside * square

        return row


def rectification(beta2, t):
    """RAdam's length of the average after t steps, and the factor of a step (1 where there is none)."""
    longest, power = 2.0 / (1.0 - beta2) - 1.0, beta2**t
    rho = longest - 2.0 * t * power / (1.0 - power)
    if rho <= 4.0:
        return rho, 1.0
    return rho, sqrt((rho - 4.0) * (rho - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * rho))
