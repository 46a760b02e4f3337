"""Muon: momentum whose matrices are made orthogonal by Newton-Schulz iterations."""

import math
from math import sqrt
from typing import ClassVar

from . import _checks
from ._base import options
from ._groups import like as made_like
from ._measured import Measured
from ._traits import Traits

ADJUST = (None, "original", "match_rms_adamw", "none")


def products_ms(shape, ns_steps):
    """About what the products of a step in float32 take on one thread, at 200 GFLOP/s."""
    if len(shape) != 2 or 0 in shape:
        return 0.0
    short, long = sorted(shape)
    return ns_steps * (4 * short**2 * long + 2 * short**3) / 200e6


class Muon(Measured):
    r"""Muon: matrices step by their orthogonalised momentum, all other arrays by `AdamW`.

    With :math:`h = \pm g`, momentum :math:`\mu` and a matrix W of m rows and n columns,

    .. math::
        B \leftarrow \mu B + (1 - \mu) h, \quad N = (1 - \mu) h + \mu B, \quad
        W \leftarrow W - \eta \lambda W - \eta \, r \, \mathrm{NS}(N)

    (without nesterov N = B), where NS makes :math:`X = N / \max(\|N\|_F, \epsilon)` and repeats `ns_steps` times

    .. math::
        A = X X^T, \qquad X \leftarrow a X + (b A + c A^2) X

    on the transpose where m > n, and the factor r is

    - "original": :math:`\sqrt{\max(1, m / n)}`; optax, whose matrices are inputs by outputs,
      :math:`\sqrt{\max(1, n / m)}`;
    - "match_rms_adamw": :math:`\sqrt{\max(m, n)}` times `rms_rate`; "none": 1.

    ``like="keras"``: :math:`B \leftarrow \mu B + h`, :math:`N = h + \mu B`, and :math:`\epsilon` is added to the norm.
    ``like="optax"``: the terms of N are corrected for their start, :math:`N = \mu B / (1 - \mu^{t+1}) + (1 - \mu) h /
    (1 - \mu^t)`, :math:`\epsilon` is added; the other arrays step by `NAdam` of that convention (AdamW without
    nesterov).

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1e-3
        Step size or a function of the step (from 0), >= 0.
    weight_decay : float, default=0.1
        Of matrices, >= 0. Keras: 0.004; optax: 0.
    momentum : float, default=0.95
        In [0, 1).
    nesterov : bool, default=True
    ns_coefficients : tuple of three floats, default=(3.4445, -4.775, 2.0315)
        a, b, c.
    eps : float, default=1e-7
        > 0. optax: 1e-8.
    ns_steps : int, default=5
        In 0..99.
    adjust_lr_fn : {None, "original", "match_rms_adamw", "none"}, default=None
        r. None: "original"; Keras: "match_rms_adamw".
    rms_rate : float, default=0.2
        >= 0.
    adam_lr_ratio : float, default=1.0
        The rate of the other arrays is lr times it, >= 0.
    adam_betas : pair of floats, default=(0.9, 0.999)
        In [0, 1).
    adam_eps : float, default=1e-8
        >= 0. Keras: 1e-7, as in `Adam`.
    adam_weight_decay : float, default=0.01
        >= 0. Keras: 0.004; optax: 0.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"torch", "keras", "optax"}, default="torch"
        The convention, with its defaults. torch.optim.Muon takes matrices only and computes NS in bfloat16: its steps
        differ from these, in the precision of the parameters, in the third digit.

    Notes
    -----
    Slots: "momentum_buffer" of matrices, "exp_avg" and "exp_avg_sq" of the others; those that an array does not use
    are empty. The iterations run on the matrix with fewer columns than rows, X'X in place of X X', on square ones too:
    the same but for rounding. Sources: Jordan et al., Muon (2024); Liu et al., Muon is scalable for LLM training (2025).

    Examples
    --------
    >>> import numpy as np
    >>> w = np.zeros((2, 3))
    >>> Muon(w, lr=1.0).step(np.array([[1.0, 0.0, 0.0], [0.0, 1e-2, 0.0]]))  # both directions count alike
    >>> bool(abs(w[0, 0]) > 0.6 and abs(w[1, 1]) > 0.6)
    True
    """

    traits = Traits(
        ("network", "large"), "batches", "little", "long", "Muon (正交化动量)",
        "matrices of hidden layers",
    )  # fmt: skip
    _DECAYS = ("weight_decay", "adam_weight_decay")
    _NO_LENGTHS = "it makes matrices orthogonal instead of dividing by coefficient"
    _LIKE: ClassVar[dict] = {
        "torch": {},
        "keras": {"weight_decay": 0.004, "adam_eps": 1e-7, "adam_weight_decay": 0.004},
        "optax": {"weight_decay": 0.0, "eps": 1e-8, "adam_weight_decay": 0.0},
    }
    _TIME = 2.0  # of what is not a product

    def __init__(
        self,
        params=None,
        lr=1e-3,
        weight_decay=_checks.Default(0.1),
        momentum=0.95,
        nesterov=True,
        ns_coefficients=(3.4445, -4.775, 2.0315),
        eps=_checks.Default(1e-7),
        ns_steps=5,
        adjust_lr_fn=None,
        *,
        rms_rate=0.2,
        adam_lr_ratio=1.0,
        adam_betas=(0.9, 0.999),
        adam_eps=_checks.Default(1e-8),
        adam_weight_decay=_checks.Default(1e-2),
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common(o)
        _checks.positive("eps", o["eps"], "the norm of a matrix may be 0")
        _checks.number("momentum", o["momentum"], 0, 1)
        _checks.flag("nesterov", o["nesterov"])
        given = o["ns_coefficients"]
        if not isinstance(given, (tuple, list)) or len(given) != 3:
            raise TypeError(f"ns_coefficients must be a tuple of 3 numbers, got {given!r}")
        for i, value in enumerate(given):
            _checks.number(f"ns_coefficients[{i}]", value, -math.inf)
        _checks.count("ns_steps", o["ns_steps"])
        if o["ns_steps"] > 99:
            raise ValueError(f"ns_steps must be at most 99, got {o['ns_steps']}")
        if o["adjust_lr_fn"] not in ADJUST:
            raise ValueError(f"adjust_lr_fn must be one of {', '.join(map(repr, ADJUST))}, got {o['adjust_lr_fn']!r}")
        for name in ("rms_rate", "adam_lr_ratio", "adam_eps", "adam_weight_decay"):
            _checks.number(name, o[name], 0)
        _checks.pair("adam_betas", o["adam_betas"])

    @classmethod
    def _slot(cls, name, w, start, o):
        used = (name == "momentum_buffer") == (w.ndim == 2)
        return made_like(w) if used else made_like(w, shape=(0,))

    @staticmethod
    def _rule(o):
        rule = "nadam" if o["like"] == "optax" and o["nesterov"] else "adam"
        return rule, ("exp_avg", "exp_avg_sq", "momentum_buffer")

    @staticmethod
    def _rule_of(group, i):
        return None if group.params[i].ndim == 2 else group.rule

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row for step t, from 1: of AdamW, and lr and t at its end."""
        sign, (beta1, beta2), eps = (-1.0 if o["maximize"] else 1.0), o["adam_betas"], o["adam_eps"]
        decay, ratio, nadam, keras = o["adam_weight_decay"], o["adam_lr_ratio"], o["nesterov"], o["like"] == "keras"
        nadam = nadam and o["like"] == "optax"

        def row(lr, t):
            root = sqrt(1.0 - beta2**t)
            rate = lr * ratio * root
            now, after = 1.0 - beta1**t, 1.0 - beta1 ** (t + 1)
            alpha, beta = (rate * beta1 / after, rate * (1.0 - beta1) / now) if nadam else (rate / now, 0.0)
            # Keras' decay is without the ratio, as its rate is
            held = lr * decay if keras else lr * ratio * decay
            return (sign, 0.0, held, alpha, beta, beta1, 1.0 - beta1, beta2, 1.0 - beta2, eps if keras else eps * root,
                    0.0, 0.0, lr, float(t))  # fmt: skip

        return row

    def _build(self):
        super()._build()
        self._matrices = {}
        for group in self._groups:
            ns_steps = group.options(self._options)["ns_steps"]
            self._milliseconds += sum(products_ms(w.shape, ns_steps) * w.itemsize / 4 for w in group.params)

    def _run(self, rows, n_threads, value):
        for plan, where in zip(self._plans, self._wheres):
            arrays = [(g, i) for g in self._groups for i in range(len(g.params))]
            plan.run(rows, n_threads)
            alike = {}  # matrices of one shape and one row of scalars
            for k, place in enumerate(where):
                group, i = arrays[place]
                w = group.params[i]
                if w.ndim == 2 and w.size:
                    found = w, group.slots[i][2], plan.gradient(k)
                    alike.setdefault((self._owners[place], w.shape), []).append((group, self._excluded[place], found))
            for (owner, _), members in alike.items():
                group, excluded, _ = members[0]
                o = group.options(self._options)
                if excluded:
                    o = {**o, "weight_decay": 0.0}
                self._step_matrices([found for *_, found in members], o, rows[owner], n_threads)

    def _step_matrices(self, matrices, o, row, n_threads):
        """The step of matrices (w, buffer, g) of one shape."""
        like, mu, nesterov = o["like"], o["momentum"], o["nesterov"]
        sign, lr, t = row[0], row[12], row[13]
        (rows, columns), dtype = matrices[0][0].shape, matrices[0][0].dtype
        gain = 1.0 if like == "keras" else 1.0 - mu
        after, now = (1.0 - mu ** (t + 1.0), 1.0 - mu**t) if like == "optax" else (1.0, 1.0)
        keep2, gain2 = (mu / after, gain / now) if nesterov else (1.0 / now, 0.0)
        how = o["adjust_lr_fn"] or ("match_rms_adamw" if like == "keras" else "original")
        if how == "match_rms_adamw":
            factor = o["rms_rate"] * sqrt(max(rows, columns))
        else:
            ratio = columns / rows if like == "optax" else rows / columns
            factor = sqrt(max(1.0, ratio)) if how == "original" else 1.0
        scalars = (sign, 0.0, lr * o["weight_decay"], lr * factor, 0.0, mu, gain, keep2, gain2)
        if dtype not in self._matrices:
            self._matrices[dtype] = self._table.updates[dtype].Matrices()
        more = tuple(o["ns_coefficients"]), o["ns_steps"], o["eps"], like != "torch"
        self._matrices[dtype].step(matrices, scalars, *more, n_threads)
