"""Adam and AdamW, with AMSGrad."""

from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import Optimizer
from ._lengths import averaged
from ._traits import Traits

LR = _checks.Default(1e-3)
EPS = _checks.Default(1e-8)
WEIGHT_DECAY = _checks.Default(1e-2)


class Adam(Optimizer):
    r"""Adam: steps scaled by running moments of the gradient, with bias corrections.

    With :math:`h = \pm g + \lambda w` and t from 1,

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) h, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) h^2

    - ``like="torch"`` and ``"optax"``:
      :math:`w \leftarrow w - \eta \hat m / (\sqrt{\hat v} + \epsilon)` with :math:`\hat m = m / (1 - \beta_1^t)`,
      :math:`\hat v = v / (1 - \beta_2^t)`.
    - ``like="keras"`` (scikit-learn's MLP with eps=1e-8):
      :math:`w \leftarrow w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m}{\sqrt v + \epsilon}`:
      another meaning of eps while t is small.
    - ``amsgrad``: v under the root is replaced by its running maximum; optax takes the maximum of :math:`\hat v`,
      the others that of v.
    - weight decay: :math:`\lambda w` is part of h, or decoupled: :math:`w \leftarrow w - \eta \lambda w` and none in
      h. Keras decouples always.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1e-3
        Step size or a function of the step (from 0), >= 0.
    betas : pair of floats, default=(0.9, 0.999)
        In [0, 1).
    eps : float, default=1e-8
        >= 0. Keras: 1e-7.
    weight_decay : float, default=0
        >= 0.
    amsgrad : bool, default=False
    maximize : bool, default=False
        Ascend.
    decoupled_weight_decay : bool, default=False
        Decouple as `AdamW` does; for like="keras" it is so in any case.
    eps_root : float, default=0
        Added to :math:`\hat v` under the root, >= 0; optax only.
    clip_global_norm : float or None, default=None
        As for `SGD`.
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.
    like : {"torch", "keras", "optax"}, default="torch"
        The convention, with its defaults.

    Notes
    -----
    Slots: "exp_avg", "exp_avg_sq" and, with amsgrad, "max_exp_avg_sq". A non-finite gradient or parameter makes that
    element and its slots non-finite, no other. With eps=0 an element whose gradient has always been 0 becomes NaN, as
    in torch. Sources: Kingma and Ba (2015), Reddi et al. (2018); torch.optim.Adam, keras.optimizers.Adam, optax.adam,
    optax.amsgrad.

    Examples
    --------
    >>> import numpy as np
    >>> w = [np.zeros(2), np.zeros((2, 2))]
    >>> opt = Adam(w, lr=0.1)
    >>> opt.step([np.array([1.0, -3.0]), np.ones((2, 2))])
    >>> np.round(w[0], 6)
    array([-0.1,  0.1])
    """

    traits = Traits(
        ("network",), "batches", "little", "short", "Adam",
        "the default for networks",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}, "keras": {"eps": 1e-7}, "optax": {}}
    _weight = averaged

    def __init__(
        self,
        params=None,
        lr=LR,
        betas=(0.9, 0.999),
        eps=EPS,
        weight_decay=0,
        amsgrad=False,
        *,
        maximize=False,
        decoupled_weight_decay=False,
        eps_root=0,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            decoupled_weight_decay=decoupled_weight_decay,
            eps_root=eps_root,
            clip_global_norm=clip_global_norm,
            n_threads=n_threads,
            like=like,
        )

    @staticmethod
    def _check(o):
        _checks.common(o)
        _checks.pair("betas", o["betas"])
        _checks.number("eps_root", o["eps_root"], 0)
        _checks.only("optax", o, eps_root=0)
        _checks.flag("amsgrad", o["amsgrad"])
        if "decoupled_weight_decay" in o:
            _checks.flag("decoupled_weight_decay", o["decoupled_weight_decay"])

    @staticmethod
    def _rule(o):
        if o["amsgrad"]:
            return "amsgrad", ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        return "adam", ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, eps, decay = (-1.0 if o["maximize"] else 1.0), o["eps"], o["weight_decay"]
        beta1, beta2 = o["betas"]
        gain1, gain2 = 1.0 - beta1, 1.0 - beta2
        hat = o["like"] == "keras"
        decoupled = decay if hat or o.get("decoupled_weight_decay", True) else 0.0
        l2, inside = decay - decoupled, o["eps_root"]

        def corrected(lr, t):
            square = 1.0 - beta2**t
            root = sqrt(square)
            alpha, rest = lr * root / (1.0 - beta1**t), eps if hat else eps * root
            return sign, l2, lr * decoupled, alpha, 0.0, beta1, gain1, beta2, gain2, rest, 1.0, inside * square

        def lifted(lr, t):
            alpha, lift = lr / (1.0 - beta1**t), 1.0 / (1.0 - beta2**t)
            return sign, l2, lr * decoupled, alpha, 0.0, beta1, gain1, beta2, gain2, eps, lift, inside

        return lifted if o["like"] == "optax" and o["amsgrad"] else corrected


class AdamW(Adam):
    r"""Adam with decoupled weight decay: :math:`w \leftarrow w - \eta \lambda w` beside Adam's step.

    Parameters
    ----------
    params, lr, betas, eps, amsgrad, maximize, eps_root, clip_global_norm, n_threads, like
        As for `Adam`.
    weight_decay : float, default=1e-2
        >= 0. Keras: 4e-3, optax: 1e-4.

    Notes
    -----
    Loshchilov and Hutter (2019); torch.optim.AdamW, keras.optimizers.AdamW, optax.adamw.

    Examples
    --------
    >>> AdamW(like="keras").get_params()["weight_decay"]
    0.004
    """

    traits = Traits(
        ("network", "large"), "batches", "little", "long", "AdamW (解耦权重衰减)",
        "networks with weight decay; transformers",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {
        "torch": {},
        "keras": {"eps": 1e-7, "weight_decay": 4e-3},
        "optax": {"weight_decay": 1e-4},
    }

    def __init__(
        self,
        params=None,
        lr=LR,
        betas=(0.9, 0.999),
        eps=EPS,
        weight_decay=WEIGHT_DECAY,
        amsgrad=False,
        *,
        maximize=False,
        eps_root=0,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            eps_root=eps_root,
            clip_global_norm=clip_global_norm,
            n_threads=n_threads,
            like=like,
        )
