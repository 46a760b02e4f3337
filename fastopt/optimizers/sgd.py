"""Stochastic gradient descent with momentum."""

from typing import ClassVar

from . import _checks
from ._base import Optimizer
from ._lengths import ALPHA, BETA, geometric
from ._traits import Traits

LR = _checks.Default(1e-3)


class SGD(Optimizer):
    r"""Gradient descent with momentum, dampening, Nesterov's form and weight decay.

    With the gradient :math:`g`, :math:`h = \pm g + \lambda w` (minus to maximise), momentum :math:`\mu`,
    dampening :math:`\tau` and step size :math:`\eta`:

    - ``like="torch"``: :math:`b \leftarrow h` at the first step, then :math:`b \leftarrow \mu b + (1 - \tau) h`;
      :math:`w \leftarrow w - \eta b`, or with Nesterov :math:`w \leftarrow w - \eta (h + \mu b)`.
    - ``like="optax"``: the same with :math:`\tau = 0` (weight decay as ``chain(add_decayed_weights, sgd)``).
    - ``like="keras"``: :math:`w \leftarrow w - \eta \lambda w` before the step and no :math:`\lambda w` in
      :math:`h`; :math:`b \leftarrow \mu b - \eta h`; :math:`w \leftarrow w + b`, or :math:`w + \mu b - \eta h`.
      The buffer holds the step size: a change of it reaches the velocity later than in torch.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        float32 or float64 arrays, C-contiguous and writeable, updated in place: one, a list, a dict from name to
        array, or groups, dicts of "params" and options of their own. None: a recipe, see `bind`.
    lr : float or callable, default=1e-3
        Step size or a function of the step (from 0), >= 0. Keras: 0.01.
    momentum : float, default=0
        >= 0.
    dampening : float, default=0
        torch only.
    weight_decay : float, default=0
        >= 0.
    nesterov : bool, default=False
        Needs a momentum and no dampening.
    maximize : bool, default=False
        Ascend.
    clip_global_norm : float or None, default=None
        Largest norm of all gradients together, > 0: they enter the step as `clipping.clip_global_norm` of the
        convention would leave them, and are not changed. A norm that is not finite makes all of them 0 or NaN.
    clip_value, clip_norm, clip_adaptive, centralize, noise, nonfinite, weight_decay_exclude, lr_multiplier
        What every optimizer has, see `Optimizer`.
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.
    like : {"torch", "keras", "optax"}, default="torch"
        The convention, with its defaults.

    Notes
    -----
    Slots: "momentum_buffer", where there is a momentum. A non-finite gradient or parameter makes that element and
    its slots non-finite, no other. The sources are torch.optim.SGD, keras.optimizers.SGD and optax.sgd.

    Examples
    --------
    >>> import numpy as np
    >>> w = {"coef": np.array([1.0, 2.0]), "intercept": np.array(0.5)}
    >>> opt = SGD(w, lr=0.5, momentum=0.9)
    >>> opt.step({"coef": np.array([1.0, 1.0]), "intercept": np.array(1.0)})
    >>> w["coef"]
    array([0.5, 1.5])
    """

    traits = Traits(
        ("linear", "network", "online"), "both", "rate", "long", "随机梯度下降",
        "the base line; with momentum and a schedule the best end of many long runs",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}, "keras": {"lr": 0.01}, "optax": {}}
    _TIME = 0.3

    def __init__(
        self,
        params=None,
        lr=LR,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
            clip_global_norm=clip_global_norm,
            n_threads=n_threads,
            like=like,
        )

    @staticmethod
    def _check(o):
        _checks.common(o)
        _checks.number("momentum", o["momentum"], 0)
        _checks.number("dampening", o["dampening"], -1e308)
        _checks.flag("nesterov", o["nesterov"])
        _checks.only("torch", o, dampening=0)
        if o["nesterov"] and (o["momentum"] <= 0 or o["dampening"] != 0):
            raise ValueError("nesterov needs a momentum > 0 and dampening 0")

    @staticmethod
    def _rule(o):
        if o["momentum"] == 0:
            return "sgd", ()
        return "nesterov" if o["nesterov"] else "momentum", ("momentum_buffer",)

    def _weight(self, o, row, t, past):
        mu = o["momentum"]
        if mu == 0:
            return row[ALPHA]
        if o["like"] == "keras":
            velocity = row[6] * past(mu)
        else:
            velocity = mu ** (t - 1) + (1.0 - o["dampening"]) * geometric(mu, t - 1)
        return row[ALPHA] * velocity + row[BETA]

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, mu, decay, nesterov = (-1.0 if o["maximize"] else 1.0), o["momentum"], o["weight_decay"], o["nesterov"]
        rest = 1.0 - o["dampening"]

        def keras(lr, t):
            alpha, beta = (-mu, lr) if nesterov else (-1.0 if mu else lr, 0.0)
            return sign, 0.0, lr * decay, alpha, beta, mu, -lr, 0.0, 0.0, 0.0, 0.0

        def torch(lr, t):
            alpha, beta = (lr * mu, lr) if nesterov else (lr, 0.0)
            return sign, decay, 0.0, alpha, beta, mu, 1.0 if t == 1 else rest, 0.0, 0.0, 0.0, 0.0

        return keras if o["like"] == "keras" else torch
