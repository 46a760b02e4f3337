"""Adamax: Adam with the infinity norm."""

from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._lengths import averaged
from ._traits import Traits


class Adamax(Optimizer):
    r"""Adamax: Adam with the infinity norm, steps scaled by a decaying maximum of the gradients.

    With :math:`h = \pm g + \lambda w`, t from 1 and :math:`m \leftarrow \beta_1 m + (1 - \beta_1) h`,

    - ``like="torch"`` and ``"optax"``: :math:`u \leftarrow \max(\beta_2 u, |h| + \epsilon)`,
      :math:`w \leftarrow w - \frac{\eta}{1 - \beta_1^t} \frac{m}{u}`.
    - ``like="keras"``: :math:`u \leftarrow \max(\beta_2 u, |h|)`,
      :math:`w \leftarrow w - \frac{\eta}{1 - \beta_1^t} \frac{m}{u + \epsilon}`, and the weight decay is decoupled
      (:math:`w \leftarrow w - \eta \lambda w`), as with decoupled_weight_decay that of ``"optax"``.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=2e-3
        Step size or a function of the step (from 0), >= 0. Keras: 1e-3.
    betas : pair of floats, default=(0.9, 0.999)
        In [0, 1).
    eps : float, default=1e-8
        >= 0. Keras: 1e-7.
    weight_decay : float, default=0
        >= 0.
    decoupled_weight_decay : bool, default=False
        :math:`w \leftarrow w - \eta \lambda w` and none in h (optax.adamaxw); for like="keras" it is so in any case,
        torch has none.
    maximize, clip_global_norm, n_threads, like
        As for `SGD`.

    Notes
    -----
    Slots: "exp_avg", "exp_inf". Sources: Kingma and Ba (2015); torch.optim.Adamax, keras.optimizers.Adamax,
    optax.adamax and, decoupled, optax.adamaxw.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(2)
    >>> Adamax(w, lr=0.5).step(np.array([2.0, -4.0]))
    >>> np.round(w, 6)
    array([-0.5,  0.5])
    """

    traits = Traits(
        ("network", "sparse"), "batches", "little", "short", "Adamax",
        "as Adam, for gradients with rare large values",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}, "keras": {"lr": 1e-3, "eps": 1e-7}, "optax": {}}
    _weight = averaged

    def __init__(
        self,
        params=None,
        lr=_checks.Default(2e-3),
        betas=(0.9, 0.999),
        eps=_checks.Default(1e-8),
        weight_decay=0,
        *,
        maximize=False,
        decoupled_weight_decay=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        _checks.pair("betas", o["betas"])
        _checks.flag("decoupled_weight_decay", o["decoupled_weight_decay"])
        if o["like"] == "torch":
            _checks.only("optax", o, decoupled_weight_decay=False)

    @staticmethod
    def _rule(o):
        return "adamax", ("exp_avg", "exp_inf")

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, decay = _checks.decays(o)
        beta1, beta2 = o["betas"]
        outside, inside = (o["eps"], 0.0) if o["like"] == "keras" else (0.0, o["eps"])

        def row(lr, t):
            alpha = lr / (1.0 - beta1**t)
            return sign, l2, lr * decay, alpha, 0.0, beta1, 1.0 - beta1, beta2, 0.0, outside, 0.0, inside

        return row
