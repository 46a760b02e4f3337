"""NAdam: Adam with Nesterov's momentum."""

from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._lengths import averaged
from ._traits import Traits


class NAdam(Optimizer):
    r"""NAdam: Adam with Nesterov's momentum.

    With :math:`h = \pm g + \lambda w`, t from 1, m and v as in `Adam`, :math:`\hat v = v / (1 - \beta_2^t)`, the
    momenta :math:`\mu_t = \beta_1 (1 - \frac12 0.96^{t \psi})` and :math:`\Pi_t = \mu_1 \cdots \mu_t`,

    .. math::
        w \leftarrow w - \frac{\eta}{\sqrt{\hat v} + \epsilon} \left(
        \frac{1 - \mu_t}{1 - \Pi_t} h + \frac{\mu_{t + 1}}{1 - \Pi_{t + 1}} m \right)

    The conventions differ in :math:`\psi` (momentum_decay) and :math:`\epsilon`, and Keras decouples the weight decay.
    :math:`\Pi` is a product of the momenta as they were at each step, also where betas or momentum_decay have changed
    since; without momentum_decay it is :math:`\beta_1^t` of the :math:`\beta_1` of now, as optax has it.

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
    momentum_decay : float or None, default=4e-3
        >= 0. None: :math:`\mu_t = \beta_1`. Keras: 1, optax: None.
    decoupled_weight_decay : bool, default=False
        :math:`w \leftarrow w - \eta \lambda w` and none in h; for like="keras" it is so in any case.
    eps_root : float, default=0
        Added to :math:`\hat v` under the root, >= 0; optax only.
    maximize, clip_global_norm, n_threads, like
        As for `SGD`.

    Notes
    -----
    Slots: "exp_avg", "exp_avg_sq"; :math:`\Pi` of each group. Sources: Dozat (2016); torch.optim.NAdam,
    keras.optimizers.Nadam, optax.nadam and, decoupled, optax.nadamw.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(2)
    >>> opt = NAdam(w, lr=0.1)
    >>> for _ in range(100):
    ...     opt.step(w - 1.0)
    >>> bool(np.abs(w - 1.0).max() < 0.01)
    True
    """

    traits = Traits(
        ("network",), "batches", "little", "short", "NAdam (Nesterov 动量)",
        "as Adam, with a look ahead",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {
        "torch": {},
        "keras": {"lr": 1e-3, "eps": 1e-7, "momentum_decay": 1.0},
        "optax": {"momentum_decay": None},
    }
    _CARRIED = ("mu_product",)
    _weight = averaged

    def __init__(
        self,
        params=None,
        lr=_checks.Default(2e-3),
        betas=(0.9, 0.999),
        eps=_checks.Default(1e-8),
        weight_decay=0,
        momentum_decay=_checks.Default(4e-3),
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
        _checks.flag("decoupled_weight_decay", o["decoupled_weight_decay"])
        _checks.number("eps_root", o["eps_root"], 0)
        _checks.only("optax", o, eps_root=0)
        if o["momentum_decay"] is not None:
            _checks.number("momentum_decay", o["momentum_decay"], 0)

    @staticmethod
    def _rule(o):
        return "nadam", ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _scalars(o, carried):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1, and keeps the product."""
        sign, l2, decay = _checks.decays(o)
        (beta1, beta2), eps, inside, psi = o["betas"], o["eps"], o["eps_root"], o["momentum_decay"]

        def momentum(t):
            return beta1 if psi is None else beta1 * (1.0 - 0.5 * 0.96 ** (t * psi))

        def row(lr, t, last=False):
            now, following = momentum(t), momentum(t + 1)
            if not last:
                carried[t] = (beta1**t if psi is None else (carried[t - 1][0] if t > 1 else 1.0) * now,)
            product = carried[t][0]
            square = 1.0 - beta2**t
            root = sqrt(square)
            alpha = lr * root * following / (1.0 - product * following)
            beta = lr * root * (1.0 - now) / (1.0 - product)
            gains = beta1, 1.0 - beta1, beta2, 1.0 - beta2
            return sign, l2, lr * decay, alpha, beta, *gains, eps * root, 0.0, inside * square

        return row

    def _last_row(self, group, row, rate):
        return row(rate, group.steps, last=True) if rate else ()
