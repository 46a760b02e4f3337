"""Relatives of Adam: Adamax, NAdam, RAdam, AdaBelief, Yogi, Adan."""

from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import Optimizer, options


class Adamax(Optimizer):
    r"""Adamax: Adam with the infinity norm, steps scaled by a decaying maximum of the gradients.

    With :math:`h = \pm g + \lambda w`, t from 1 and :math:`m \leftarrow \beta_1 m + (1 - \beta_1) h`,

    - ``like="torch"`` and ``"optax"``: :math:`u \leftarrow \max(\beta_2 u, |h| + \epsilon)`,
      :math:`w \leftarrow w - \frac{\eta}{1 - \beta_1^t} \frac{m}{u}`.
    - ``like="keras"``: :math:`u \leftarrow \max(\beta_2 u, |h|)`,
      :math:`w \leftarrow w - \frac{\eta}{1 - \beta_1^t} \frac{m}{u + \epsilon}`, and the weight decay is decoupled
      (:math:`w \leftarrow w - \eta \lambda w`).

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
    maximize, clip_global_norm, n_threads, like
        As for `SGD`.

    Notes
    -----
    Slots: "exp_avg", "exp_inf". Sources: Kingma and Ba (2015); torch.optim.Adamax, keras.optimizers.Adamax,
    optax.adamax.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(2)
    >>> Adamax(w, lr=0.5).step(np.array([2.0, -4.0]))
    >>> np.round(w, 6)
    array([-0.5,  0.5])
    """

    _LIKE: ClassVar[dict] = {"torch": {}, "keras": {"lr": 1e-3, "eps": 1e-7}, "optax": {}}

    def __init__(
        self,
        params=None,
        lr=_checks.Default(2e-3),
        betas=(0.9, 0.999),
        eps=_checks.Default(1e-8),
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
        _checks.pair("betas", o["betas"])

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


class NAdam(Optimizer):
    r"""NAdam: Adam with Nesterov's momentum.

    With :math:`h = \pm g + \lambda w`, t from 1, m and v as in `Adam`, :math:`\hat v = v / (1 - \beta_2^t)`, the
    momenta :math:`\mu_t = \beta_1 (1 - \frac12 0.96^{t \psi})` and :math:`\Pi_t = \mu_1 \cdots \mu_t`,

    .. math::
        w \leftarrow w - \frac{\eta}{\sqrt{\hat v} + \epsilon} \left(
        \frac{1 - \mu_t}{1 - \Pi_t} h + \frac{\mu_{t + 1}}{1 - \Pi_{t + 1}} m \right)

    The conventions differ in :math:`\psi` (momentum_decay) and :math:`\epsilon`, and Keras decouples the weight decay.

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
    maximize, clip_global_norm, n_threads, like
        As for `SGD`.

    Notes
    -----
    Slots: "exp_avg", "exp_avg_sq". Sources: Dozat (2016); torch.optim.NAdam, keras.optimizers.Nadam, optax.nadam and,
    decoupled, optax.nadamw.

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

    _LIKE: ClassVar[dict] = {
        "torch": {},
        "keras": {"lr": 1e-3, "eps": 1e-7, "momentum_decay": 1.0},
        "optax": {"momentum_decay": None},
    }

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
        if o["momentum_decay"] is not None:
            _checks.number("momentum_decay", o["momentum_decay"], 0)

    @staticmethod
    def _rule(o):
        return "nadam", ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, decay = _checks.decays(o)
        (beta1, beta2), eps, psi = o["betas"], o["eps"], o["momentum_decay"]
        known = [0, 1.0]  # t and the product of the momenta up to it

        def momentum(t):
            return beta1 if psi is None else beta1 * (1.0 - 0.5 * 0.96 ** (t * psi))

        def row(lr, t):
            if t < known[0]:
                known[:] = 0, 1.0
            while known[0] < t:
                known[:] = known[0] + 1, known[1] * momentum(known[0] + 1)
            now, following, product = momentum(t), momentum(t + 1), known[1]
            root = sqrt(1.0 - beta2**t)
            alpha = lr * root * following / (1.0 - product * following)
            beta = lr * root * (1.0 - now) / (1.0 - product)
            return sign, l2, lr * decay, alpha, beta, beta1, 1.0 - beta1, beta2, 1.0 - beta2, eps * root

        return row


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

    _LIKE: ClassVar[dict] = {"torch": {}, "optax": {}}

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

    @staticmethod
    def _rule(o):
        return "radam", ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, decay = _checks.decays(o)
        (beta1, beta2), eps, optax = o["betas"], o["eps"], o["like"] == "optax"

        def row(lr, t):
            rho, factor = rectification(beta2, t)
            alpha, lift, rest = lr / (1.0 - beta1**t), 0.0, 1.0
            if rho > 5.0 or (optax and rho == 5.0):
                root = sqrt(1.0 - beta2**t)
                alpha, lift, rest = alpha * root * factor, 1.0, eps * root if optax else eps
            return sign, l2, lr * decay, alpha, 0.0, beta1, 1.0 - beta1, beta2, 1.0 - beta2, rest, lift

        return row


def rectification(beta2, t):
    """RAdam's length of the average after t steps, and the factor of a step (1 where there is none)."""
    longest, power = 2.0 / (1.0 - beta2) - 1.0, beta2**t
    rho = longest - 2.0 * t * power / (1.0 - power)
    if rho <= 4.0:
        return rho, 1.0
    return rho, sqrt((rho - 4.0) * (rho - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * rho))


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

    _LIKE: ClassVar[dict] = {"optax": {}}

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


class Yogi(Optimizer):
    r"""Yogi: Adam whose scale moves by no more than the newest squared gradient.

    With :math:`h = \pm g + \lambda w`, t from 1 and m as in `Adam`,

    .. math::
        v \leftarrow v - (1 - \beta_2) \operatorname{sign}(v - h^2) h^2, \qquad
        w \leftarrow w - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=0.01
        Step size or a function of the step (from 0), >= 0.
    betas : pair of floats, default=(0.9, 0.999)
        In [0, 1).
    eps : float, default=1e-3
        >= 0.
    initial_accumulator_value : float, default=1e-6
        What m and v begin with, >= 0.
    weight_decay : float, default=0
        >= 0; part of the gradient.
    decoupled_weight_decay : bool, default=False
        :math:`w \leftarrow w - \eta \lambda w` instead.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"optax"}, default="optax"

    Notes
    -----
    Slots: "exp_avg", "exp_avg_sq". Sources: Zaheer et al. (2018), whose lr this is; optax.yogi.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(1)
    >>> Yogi(w, lr=0.5, eps=1.0, initial_accumulator_value=0).step(np.array([3.0]))
    >>> np.round(w, 6)
    array([-0.375])
    """

    _LIKE: ClassVar[dict] = {"optax": {}}

    def __init__(
        self,
        params=None,
        lr=0.01,
        betas=(0.9, 0.999),
        eps=1e-3,
        initial_accumulator_value=1e-6,
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
        _checks.number("initial_accumulator_value", o["initial_accumulator_value"], 0)
        _checks.flag("decoupled_weight_decay", o["decoupled_weight_decay"])

    @staticmethod
    def _rule(o):
        return "yogi", ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _start(o):
        return dict.fromkeys(("exp_avg", "exp_avg_sq"), o["initial_accumulator_value"])

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l2, decay = _checks.decays(o)
        (beta1, beta2), eps = o["betas"], o["eps"]

        def row(lr, t):
            root = sqrt(1.0 - beta2**t)
            alpha = lr * root / (1.0 - beta1**t)
            return sign, l2, lr * decay, alpha, 0.0, beta1, 1.0 - beta1, beta2, 1.0 - beta2, eps * root

        return row


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
