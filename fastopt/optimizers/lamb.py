"""LAMB: Adam's steps with the length of each array's norm."""

from math import sqrt
from typing import ClassVar

import numpy as np

from . import _checks
from ._base import options
from ._measured import Measured
from ._traits import Traits


class LAMB(Measured):
    r"""LAMB: `Adam`'s step for each array, scaled to the norm of the array ("layer-wise trust ratio").

    With :math:`\hat m, \hat v` the corrected moments of `Adam` (of :math:`h = \pm g`, t from 1) and W an array,

    .. math::
        U = \frac{\hat m}{\sqrt{\hat v} + \epsilon} + \lambda W, \qquad
        W \leftarrow W - \eta \frac{\|W\|}{\|U\|} U

    where the ratio is 1 if a norm is 0. ``like="keras"``: the decay is decoupled, :math:`W \leftarrow W - \eta
    \lambda W` before the step, and not part of U.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1e-3
        Step relative to the norm, or a function of the step (from 0), >= 0.
    betas : pair of floats, default=(0.9, 0.999)
        In [0, 1).
    eps : float, default=1e-6
        >= 0. Keras: 1e-7.
    weight_decay : float, default=0
        >= 0.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"optax", "keras"}, default="optax"
        The convention, with its defaults.

    Notes
    -----
    Slots: "exp_avg", "exp_avg_sq". A parameter or gradient that is not finite makes its whole array so. Source: You
    et al., Large batch optimization for deep learning (2020).

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([3.0, 4.0])
    >>> LAMB(w, lr=0.1).step(np.array([1.0, 1.0]))  # a step of a tenth of the norm 5
    >>> w.round(6)
    array([2.646447, 3.646447])
    """

    traits = Traits(
        ("network", "large"), "batches", "little", "long", "LAMB (逐层自适应)",
        "very large batches",
    )  # fmt: skip
    _NO_LENGTHS = "they depend on norms of the parameters and of the step, which it does not keep"
    _LIKE: ClassVar[dict] = {"optax": {}, "keras": {"eps": 1e-7}}
    _MEASURE = "measure_moments"
    _TIME = 0.8

    def __init__(
        self,
        params=None,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=_checks.Default(1e-6),
        weight_decay=0,
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

    @staticmethod
    def _rule(o):
        return "moments", ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1; alpha without ratio."""
        sign, _, decoupled = _checks.decays(o)
        (beta1, beta2), eps, decay = o["betas"], o["eps"], o["weight_decay"] - decoupled

        def row(lr, t):
            root = sqrt(1.0 - beta2**t)
            return (sign, 0.0, lr * decoupled, lr, decay, beta1, 1.0 - beta1, beta2, 1.0 - beta2, eps * root,
                    0.0, 0.0, 0.0, root / (1.0 - beta1**t))  # fmt: skip

        return row

    def _run(self, rows, n_threads, value):
        norms = np.sqrt(self._measure(rows, n_threads))
        w = norms[:, 0] * (1.0 - np.array([row[2] for row in rows])[self._owners])
        u = norms[:, 1]
        either = (w == 0.0) | (u == 0.0)
        with np.errstate(invalid="ignore"):
            self._finish(rows, n_threads, np.where(either, 1.0, w / np.where(either, 1.0, u)))
