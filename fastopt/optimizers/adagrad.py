"""Steps scaled by sums or averages of squared gradients: Adagrad, Adadelta, RMSprop."""

from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._lengths import ALPHA, BETA, geometric
from ._traits import Traits


class Adagrad(Optimizer):
    r"""Adagrad: steps scaled by the root of the sum of all squared gradients.

    With :math:`h = \pm g + \lambda w` and t from 1, :math:`s \leftarrow s + h^2` and

    - ``like="torch"``: :math:`w \leftarrow w - \frac{\eta}{1 + (t - 1) \delta} \frac{h}{\sqrt s + \epsilon}`, with
      lr_decay :math:`\delta`.
    - ``like="keras"`` and ``"optax"``: :math:`w \leftarrow w - \eta h / \sqrt{s + \epsilon}`; Keras decouples the
      weight decay (:math:`w \leftarrow w - \eta \lambda w`).

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=0.01
        Step size or a function of the step (from 0), >= 0. Keras: 1e-3.
    lr_decay : float, default=0
        >= 0; torch only.
    weight_decay : float, default=0
        >= 0.
    initial_accumulator_value : float, default=0
        What s begins with, >= 0; a group's own counts, which torch ignores. Keras and optax: 0.1.
    eps : float, default=1e-10
        >= 0. Keras and optax: 1e-7, > 0.
    maximize, clip_global_norm, n_threads, like
        As for `SGD`.

    Notes
    -----
    Slots: "sum". Sources: Duchi, Hazan and Singer (2011); torch.optim.Adagrad, keras.optimizers.Adagrad, optax.adagrad.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(2)
    >>> Adagrad(w, lr=0.5).step(np.array([2.0, -4.0]))
    >>> np.round(w, 6)
    array([-0.5,  0.5])
    """

    traits = Traits(
        ("linear", "sparse", "online"), "batches", "rate", "any", "Adagrad",
        "rare features; convex problems in one pass",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {
        "torch": {},
        "keras": {"lr": 1e-3, "initial_accumulator_value": 0.1, "eps": 1e-7},
        "optax": {"initial_accumulator_value": 0.1, "eps": 1e-7},
    }
    _TIME = 0.4

    def __init__(
        self,
        params=None,
        lr=_checks.Default(0.01),
        lr_decay=0,
        weight_decay=0,
        initial_accumulator_value=_checks.Default(0),
        eps=_checks.Default(1e-10),
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
        _checks.number("lr_decay", o["lr_decay"], 0)
        _checks.number("initial_accumulator_value", o["initial_accumulator_value"], 0)
        _checks.only("torch", o, lr_decay=0)
        if o["like"] != "torch":
            _checks.positive("eps", o["eps"], f"like={o['like']!r} has it under the root")

    @staticmethod
    def _rule(o):
        return "adagrad", ("sum",)

    @staticmethod
    def _start(o):
        return {"sum": o["initial_accumulator_value"]}

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, decay = _checks.decays(o)
        lr_decay = o["lr_decay"]
        eps, eps_root = (o["eps"], 0.0) if o["like"] == "torch" else (0.0, o["eps"])

        def row(lr, t):
            return sign, l2, lr * decay, lr / (1.0 + (t - 1) * lr_decay), 0.0, 0.0, 0.0, 0.0, 0.0, eps, 0.0, eps_root

        return row


class Adadelta(Optimizer):
    r"""Adadelta: steps scaled by averages of the squared gradients and of the squared steps.

    With :math:`h = \pm g + \lambda w`,

    .. math::
        v \leftarrow \rho v + (1 - \rho) h^2, \quad d = \sqrt{u + \epsilon} / \sqrt{v + \epsilon} \; h, \quad
        u \leftarrow \rho u + (1 - \rho) d^2, \quad w \leftarrow w - \eta d

    Keras decouples the weight decay: :math:`w \leftarrow w - \eta \lambda w`, and none in h.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1.0
        Step size or a function of the step (from 0), >= 0. Keras: 1e-3.
    rho : float, default=0.9
        In [0, 1]; 1 keeps both averages at 0. Keras: 0.95.
    eps : float, default=1e-6
        >= 0. Keras: 1e-7.
    weight_decay : float, default=0
        >= 0.
    maximize, clip_global_norm, n_threads, like
        As for `SGD`.

    Notes
    -----
    Slots: "square_avg", "acc_delta". With eps=0 nothing moves (0 / 0 is NaN). Sources: Zeiler (2012);
    torch.optim.Adadelta, keras.optimizers.Adadelta, optax.adadelta.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(1)
    >>> Adadelta(w, rho=0.75, eps=1.0).step(np.array([2.0]))
    >>> np.round(w, 6)
    array([-1.414214])
    """

    traits = Traits(
        ("network",), "batches", "little", "any", "Adadelta",
        "where units of the rate are unknown; slow",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"torch": {}, "keras": {"lr": 1e-3, "rho": 0.95, "eps": 1e-7}, "optax": {}}
    _NO_LENGTHS = "they depend on the average of squared steps before the step, which the step replaces"

    def __init__(
        self,
        params=None,
        lr=_checks.Default(1.0),
        rho=_checks.Default(0.9),
        eps=_checks.Default(1e-6),
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
        _checks.number("rho", o["rho"], 0)
        if o["rho"] > 1:
            raise ValueError(f"rho must be in [0, 1], got {o['rho']!r}")

    @staticmethod
    def _rule(o):
        return "adadelta", ("square_avg", "acc_delta")

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, decay = _checks.decays(o)
        rho, eps = o["rho"], o["eps"]

        def row(lr, t):
            return sign, l2, lr * decay, lr, 0.0, rho, 1.0 - rho, 0.0, 0.0, 0.0, 0.0, eps

        return row


class RMSprop(Optimizer):
    r"""RMSprop: steps scaled by an average of squared gradients, also centred and with momentum.

    With :math:`h = \pm g + \lambda w`, :math:`v \leftarrow \alpha v + (1 - \alpha) h^2`, and, where it is centred,
    :math:`\bar g \leftarrow \alpha \bar g + (1 - \alpha) h` and :math:`v - \bar g^2` in the place of v below,

    - ``like="torch"``: :math:`d = h / (\sqrt v + \epsilon)` and :math:`w \leftarrow w - \eta d`, or with momentum
      :math:`b \leftarrow \mu b + d`, :math:`w \leftarrow w - \eta b`.
    - ``like="keras"`` and ``"optax"``: :math:`d = h / \sqrt{v + \epsilon}`, and the momentum's buffer holds the step
      size: :math:`b \leftarrow \mu b + \eta d`, :math:`w \leftarrow w - b`. Keras decouples the weight decay
      (:math:`w \leftarrow w - \eta \lambda w`). optax, where asked: Nesterov's :math:`w \leftarrow w - \mu b - \eta d`;
      :math:`v` and :math:`\bar g` divided by :math:`1 - \alpha^t` in the step.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=0.01
        Step size or a function of the step (from 0), >= 0. Keras: 1e-3.
    alpha : float, default=0.99
        In [0, 1). Keras (rho) and optax (decay): 0.9.
    eps : float, default=1e-8
        >= 0. Keras: 1e-7.
    weight_decay : float, default=0
        >= 0.
    momentum : float, default=0
        >= 0.
    centered : bool, default=False
    initial_scale : float, default=0
        What v begins with, >= 0; optax only.
    eps_in_sqrt : bool or None, default=None
        Whether :math:`\epsilon` is added under the root or to it; None: by the convention, as above. optax only.
    nesterov : bool, default=False
        Needs a momentum > 0; optax only.
    bias_correction : bool, default=False
        optax only. Where it is centred too, the variance is 0 after the first step and :math:`\epsilon` decides its size.
    maximize, clip_global_norm, n_threads, like
        As for `SGD`.

    Notes
    -----
    Slots: "square_avg", where asked for "grad_avg" and "momentum_buffer". A variance that rounding takes below 0 counts
    as 0. Sources: Hinton (2012), Graves (2013); torch.optim.RMSprop, keras.optimizers.RMSprop, optax.rmsprop.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(1)
    >>> RMSprop(w, lr=0.5, alpha=0.75).step(np.array([3.0]))
    >>> np.round(w, 6)
    array([-1.])
    """

    traits = Traits(
        ("network", "online"), "batches", "rate", "short", "RMSprop",
        "gradients whose size drifts; recurrent networks, reinforcement learning",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {
        "torch": {},
        "keras": {"lr": 1e-3, "alpha": 0.9, "eps": 1e-7},
        "optax": {"alpha": 0.9},
    }

    def __init__(
        self,
        params=None,
        lr=_checks.Default(0.01),
        alpha=_checks.Default(0.99),
        eps=_checks.Default(1e-8),
        weight_decay=0,
        momentum=0,
        centered=False,
        *,
        initial_scale=0,
        eps_in_sqrt=None,
        nesterov=False,
        bias_correction=False,
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        _checks.number("alpha", o["alpha"], 0, 1)
        _checks.number("momentum", o["momentum"], 0)
        _checks.flag("centered", o["centered"])
        _checks.number("initial_scale", o["initial_scale"], 0)
        if o["eps_in_sqrt"] is not None:
            _checks.flag("eps_in_sqrt", o["eps_in_sqrt"])
        _checks.flag("nesterov", o["nesterov"])
        _checks.flag("bias_correction", o["bias_correction"])
        _checks.only("optax", o, initial_scale=0, eps_in_sqrt=None, nesterov=False, bias_correction=False)
        if o["nesterov"] and o["momentum"] <= 0:
            raise ValueError("nesterov needs a momentum > 0")

    @staticmethod
    def _rule(o):
        centered, momentum = o["centered"], o["momentum"] > 0
        name = "rmsprop" + centered * "_centered" + momentum * "_momentum"
        return name, ("square_avg", *["grad_avg"] * centered, *["momentum_buffer"] * momentum)

    @staticmethod
    def _start(o):
        return {"square_avg": o["initial_scale"]}

    def _weight(self, o, row, t, past):
        mu = o["momentum"]
        if mu == 0:
            return row[ALPHA]
        return row[ALPHA] * row[8] * (geometric(mu, t) if o["like"] == "torch" else past(mu)) + row[BETA]

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, decay = _checks.decays(o)
        keep, mu = o["alpha"], o["momentum"]
        gain = 1.0 - keep
        eps, eps_root = (o["eps"], 0.0) if o["eps_in_sqrt"] is False else (0.0, o["eps"])
        nesterov, corrected = o["nesterov"], o["bias_correction"]

        def torch(lr, t):
            return sign, l2, 0.0, lr, 0.0, keep, gain, mu, 1.0, o["eps"], 1.0

        def others(lr, t):
            square = 1.0 - keep**t if corrected else 1.0
            root = sqrt(square)
            rate = lr * root
            alpha, beta = (mu, rate) if nesterov else (1.0 if mu > 0 else rate, 0.0)
            last = eps * root, 1.0 / square, eps_root * square
            return sign, l2, lr * decay, alpha, beta, keep, gain, mu, rate, *last

        return torch if o["like"] == "torch" else others
