"""FTRL-proximal."""

from typing import ClassVar

from . import _checks
from ._base import Optimizer, options
from ._traits import Traits


class FTRL(Optimizer):
    r"""FTRL-proximal: per-parameter steps with L1 and L2 penalties, for sparse linear models that are trained online.

    With :math:`h = \pm g`, :math:`n' = n + h^2` and the shrinkage s,

    .. math::
        z \leftarrow z + h + 2 s w - \frac{\sqrt{n'} - \sqrt n}{\eta} w, \quad n \leftarrow n', \quad
        w \leftarrow \frac{\operatorname{clip}(z, -\lambda_1, \lambda_1) - z}{(\sqrt n + \beta) / \eta + 2 \lambda_2}

    so that w is 0 where :math:`|z| \le \lambda_1`.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`. The first step replaces them: w comes from z, which begins with 0.
    lr : float or callable, default=1e-3
        Step size or a function of the step (from 0), > 0.
    initial_accumulator_value : float, default=0.1
        What n begins with, >= 0.
    l1, l2 : float, default=0
        Penalties, >= 0.
    l2_shrinkage : float, default=0
        Weight of an L2 term in the gradient, >= 0.
    beta : float, default=0
        >= 0.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"keras"}, default="keras"

    Notes
    -----
    Slots: "linear", "accumulator". With initial_accumulator_value, l2 and beta all 0 an element whose gradient has
    always been 0 becomes NaN, as in Keras. Sources: McMahan et al. (2013); keras.optimizers.Ftrl with
    learning_rate_power=-0.5.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros(2)
    >>> opt = FTRL(w, lr=0.5, l1=1.0)
    >>> opt.step(np.array([3.0, -0.5]))
    >>> np.round(w, 3)
    array([-0.331,  0.   ])
    """

    traits = Traits(
        ("linear", "sparse", "online"), "batches", "rate", "any", "FTRL-Proximal (跟随正则化领导者)",
        "sparse linear models with L1 on streams",
    )  # fmt: skip
    _NO_LENGTHS = "its parameters are a function of all gradients so far; it has l1 and l2 of its own"
    _LIKE: ClassVar[dict] = {"keras": {}}

    def __init__(
        self,
        params=None,
        lr=1e-3,
        initial_accumulator_value=0.1,
        l1=0,
        l2=0,
        l2_shrinkage=0,
        beta=0,
        *,
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="keras",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        for name in ("initial_accumulator_value", "l1", "l2", "l2_shrinkage", "beta"):
            _checks.number(name, o[name], 0)
        if not callable(o["lr"]):
            _checks.positive("lr", o["lr"], "FTRL divides by it")

    @staticmethod
    def _rule(o):
        return "ftrl", ("linear", "accumulator")

    @staticmethod
    def _start(o):
        return {"accumulator": o["initial_accumulator_value"]}

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row of fo_updates.h's scalars for step t, from 1."""
        sign, l1, l2, beta = (-1.0 if o["maximize"] else 1.0), o["l1"], o["l2"], o["beta"]
        shrink = 2.0 * o["l2_shrinkage"]

        def row(lr, t):
            _checks.positive("lr", lr, f"FTRL divides by it (step {t - 1})")
            return sign, 0.0, shrink, 0.0, l1, 0.0, 0.0, 0.0, 0.0, 2.0 * l2 + beta / lr, 1.0 / lr

        return row
