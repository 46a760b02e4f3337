"""Yogi: Adam with additive changes of its scale."""

from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._lengths import averaged
from ._traits import Traits


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

    traits = Traits(
        ("network", "sparse"), "batches", "little", "short", "Yogi",
        "as Adam, where its second moment forgets too fast",
    )  # fmt: skip
    _LIKE: ClassVar[dict] = {"optax": {}}
    _weight = averaged

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
