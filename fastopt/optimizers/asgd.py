"""ASGD: averaged gradient descent."""

from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._lengths import ALPHA
from ._traits import Traits


class ASGD(Optimizer):
    r"""Averaged SGD: gradient descent with a falling step, and the average of its parameters (Polyak and Ruppert).

    With :math:`h = \pm g + \lambda' w` (weight_decay :math:`\lambda'`), t from 1, the rate :math:`r_t` at step t,
    :math:`\eta_1 = r_1`, :math:`\eta_{t+1} = r_t / (1 + \lambda r_t t)^\alpha` and :math:`\mu_t = 1 / \max(1, t - 1 - t_0)`,

    .. math::
        w \leftarrow w - \lambda \eta_t w - \eta_t h, \qquad a \leftarrow a + \mu_t (w - a)

    `averages` gives a: the last w until step t0 + 2, then the mean of all w from there on. ``ASGD(lambd=0, t0=0)`` is
    Polyak's average of plain SGD.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=0.01
        Step size or a function of the step (from 0), >= 0. A new rate, lambd or alpha acts one step later, as in torch.
    lambd : float, default=1e-4
        >= 0.
    alpha : float, default=0.75
        >= 0.
    t0 : float, default=1e6
        >= 0.
    weight_decay : float, default=0
        >= 0.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"torch"}, default="torch"

    Notes
    -----
    Slots: "ax"; :math:`\eta` of each group.
    Sources: Polyak and Juditsky (1992), Bottou (2010); torch.optim.ASGD.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.ones(1)
    >>> opt = ASGD(w, lr=0.5, lambd=0.0, t0=0)
    >>> for _ in range(3):
    ...     opt.step(w.copy())
    >>> w, opt.averages()  # 1/2, 1/4, 1/8; the mean from the second on
    (array([0.125]), array([0.1875]))
    """

    traits = Traits(
        ("linear", "online"), "batches", "rate", "any", "平均随机梯度下降",
        "convex problems: the average of the path is better than its end",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}}
    _CARRIED = ("next_eta", "eta")  # of the coming step and of the last one
    _RATE_BY_ARRAY = False

    def __init__(
        self,
        params=None,
        lr=0.01,
        lambd=1e-4,
        alpha=0.75,
        t0=1e6,
        weight_decay=0,
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
        for name in ("lambd", "alpha", "t0"):
            _checks.number(name, o[name], 0)

    @staticmethod
    def _rule(o):
        return "asgd", ("ax",)

    @staticmethod
    def _scalars(o, carried):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1, and keeps eta."""
        sign, l2, _ = _checks.decays(o)
        lambd, power, t0 = o["lambd"], o["alpha"], o["t0"]

        def row(lr, t):
            eta = carried[t - 1][0] if t > 1 else lr
            carried[t] = lr / (1.0 + lambd * lr * t) ** power, eta
            mu = 1.0 / max(1.0, t - 1 - t0)
            return sign, l2, lambd * eta, eta, 0.0, 0.0, mu

        return row

    def _last_row(self, group, row, rate):
        return (0.0,) * ALPHA + (group.carry()[1],)

    def averages(self):
        """The averaged parameters, copies in the structure of the parameters; at first these themselves."""
        self._bound()
        return self._like_params(
            [
                [(slots[0] if group.steps else w).copy() for w, slots in zip(group.params, group.slots)]
                for group in self._groups
            ]
        )
