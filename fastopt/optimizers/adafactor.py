"""Adafactor: second moments of matrices by their rows and columns."""

import math
from typing import ClassVar

import numpy as np

from .. import _kernels
from . import _checks
from ._base import options
from ._groups import like as made_like
from ._measured import Measured
from ._traits import Traits

EPS = _checks.DefaultPair((None, 1e-3))
SLOTS = ("variance", "row_var", "col_var")


class Adafactor(Measured):
    r"""Adafactor: steps scaled by second moments of which a matrix has only the means of rows and columns.

    With :math:`h = \pm g`, t from 1 and :math:`\rho_t = t^{c}` (c = `beta2_decay`), for a matrix W (of an array with
    more axes each matrix of the last two)

    .. math::
        R \leftarrow (1 - \rho_t) R + \rho_t \, \mathrm{mean}_{columns}(h^2 + \epsilon_1), \quad
        C \leftarrow (1 - \rho_t) C + \rho_t \, \mathrm{mean}_{rows}(h^2 + \epsilon_1), \quad
        V = \frac{R C^T}{\mathrm{mean}(R)}

    and for a vector V itself is such an average. Then, with the root mean squares of the whole array,

    .. math::
        U = \frac{h}{\sqrt V}, \qquad
        W \leftarrow W - \max(\epsilon_2, \mathrm{RMS}(W)) \, \eta_t \, \frac{U}{\max(1, \mathrm{RMS}(U) / d)}

    - ``like="torch"``: :math:`\eta_t = \min(\eta, 1/\sqrt t)`; :math:`\epsilon_1` is not added: mean(R) is at least
      :math:`\epsilon_1` and V at least :math:`\epsilon_1^2`. Decay :math:`\eta \lambda W` before the step.
    - ``like="keras"``: the same :math:`\eta_t`; decay as there, and RMS(W) after it.
    - ``like="optax"``: :math:`\eta_t = \eta`; the decay is :math:`\lambda W`, without :math:`\eta`. Matrices with a
      side below 128 are not factored.

    Parameters
    ----------
    params : array, list, dict or list of dicts, default=None
        As for `SGD`.
    lr : float or callable, default=1e-2
        :math:`\eta` or a function of the step (from 0), >= 0. Keras: 1e-3; optax: 1.0 (its None).
    beta2_decay : float, default=-0.8
        c, < 0. optax' decay_rate is its negative.
    eps : pair, default=(None, 1e-3)
        :math:`\epsilon_1` and :math:`\epsilon_2`, >= 0. None: the spacing of the element type at 1, for
        like="torch". Keras, optax: (1e-30, 1e-3).
    d : float or None, default=1.0
        >= 1 (torch) or > 0; None: no limit.
    weight_decay : float, default=0
        >= 0.
    min_dim_size_to_factor : int, default=0
        Only matrices whose smaller side is at least this are factored. optax: 128.
    multiply_by_parameter_scale : bool, default=True
        False: without the factor :math:`\max(\epsilon_2, \mathrm{RMS}(W))`.
    maximize, clip_global_norm, n_threads
        As for `SGD`.
    like : {"torch", "keras", "optax"}, default="torch"
        The convention, with its defaults.

    Notes
    -----
    Slots: "variance", "row_var", "col_var", those that an array does not use empty. optax' momentum is not offered.
    optax computes :math:`t^c` in float32. Its factors are the two longest axes; where they are not the last two
    binding raises. Source: Shazeer and Stern, Adafactor: adaptive learning rates with sublinear memory cost (2018).

    Examples
    --------
    >>> import numpy as np
    >>> w = np.ones((2, 3))
    >>> opt = Adafactor(w)
    >>> opt.step(np.arange(1.0, 7.0).reshape(2, 3))
    >>> {name: slot.shape for name, slot in opt.state_dict().items() if "var" in name}
    {'variance': (0,), 'row_var': (2,), 'col_var': (3,)}
    """

    traits = Traits(
        ("large",), "batches", "none", "long", "Adafactor (分解二阶矩)",
        "little memory: factored second moments",
    )  # fmt: skip
    _NO_LENGTHS = "they depend on norms of the parameters and of the step, which it does not keep"
    _LIKE: ClassVar[dict] = {
        "torch": {"min_dim_size_to_factor": 0},
        "keras": {"lr": 1e-3, "eps": (1e-30, 1e-3), "min_dim_size_to_factor": 0},
        "optax": {"lr": 1.0, "eps": (1e-30, 1e-3), "min_dim_size_to_factor": 128},
    }
    _MEASURE = "measure_scaled"
    _TIME = 1.0

    def __init__(
        self,
        params=None,
        lr=_checks.Default(1e-2),
        beta2_decay=-0.8,
        eps=EPS,
        d=1.0,
        weight_decay=0,
        *,
        min_dim_size_to_factor=_checks.Default(0),
        multiply_by_parameter_scale=True,
        maximize=False,
        clip_global_norm=None,
        n_threads=None,
        like="torch",
    ):
        self._configure(**options(locals()))

    @staticmethod
    def _check(o):
        _checks.common({name: value for name, value in o.items() if name != "eps"})
        decay = o["beta2_decay"]
        _checks.number("beta2_decay", decay, -math.inf)
        if not decay < 0:
            raise ValueError(f"beta2_decay must be < 0, got {decay!r}: no moment would be kept")
        eps = o["eps"]
        if not isinstance(eps, (tuple, list)) or len(eps) != 2:
            raise TypeError(f"eps must be a pair, got {eps!r}")
        if eps[0] is not None:
            _checks.number("eps[0]", eps[0], 0)
        if o["like"] != "torch":
            if eps[0] is None:
                raise ValueError(f"eps[0]=None is of like='torch' only, got it with like={o['like']!r}")
            _checks.positive("eps[0]", eps[0], "it keeps the second moments from 0")
        _checks.number("eps[1]", eps[1], 0)
        if o["d"] is not None:
            _checks.number("d", o["d"], 1 if o["like"] == "torch" else 0)
            _checks.positive("d", o["d"], "no step would be made")
        _checks.count("min_dim_size_to_factor", o["min_dim_size_to_factor"])
        _checks.flag("multiply_by_parameter_scale", o["multiply_by_parameter_scale"])

    def _make_group(self, given, label):
        group = super()._make_group(given, label)
        o = group.options(self._options)
        for name, w in zip(group.labels(label), group.params):
            if o["like"] == "optax" and w.ndim > 2 and self._factored(w, o):
                longest = sorted(np.argsort(w.shape)[-2:].tolist())
                if longest != [w.ndim - 2, w.ndim - 1]:
                    raise ValueError(
                        f"params{name} has shape {w.shape}: like='optax' factors the two longest axes {longest}, which "
                        "must be the last two here"
                    )
        return group

    @staticmethod
    def _factored(w, o):
        sides = sorted(w.shape)[-2:] if o["like"] == "optax" else w.shape[-2:]
        return w.ndim >= 2 and min(sides) >= o["min_dim_size_to_factor"]

    @classmethod
    def _slot(cls, name, w, start, o):
        if not cls._factored(w, o):
            return made_like(w) if name == "variance" else made_like(w, shape=(0,))
        shapes = {"variance": (0,), "row_var": w.shape[:-1], "col_var": (*w.shape[:-2], w.shape[-1])}
        return made_like(w, shape=shapes[name])

    @staticmethod
    def _rule(o):
        return "scaled", SLOTS

    @staticmethod
    def _rule_of(group, i):
        return "scaled" if group.slots[i][0].size == group.params[i].size else None

    @staticmethod
    def _scalars(o):
        """The function (lr, t) that gives the row for step t, from 1; what depends on the element type is None."""
        sign, decay, power, (eps, _) = (-1.0 if o["maximize"] else 1.0), o["weight_decay"], o["beta2_decay"], o["eps"]
        torch, optax = o["like"] == "torch", o["like"] == "optax"

        def row(lr, t):
            part = float(t) ** power
            return (sign, 0.0, decay if optax else lr * decay, lr if optax else min(lr, t**-0.5), 0.0, 1.0 - part, part,
                    0.0, 0.0, 0.0 if torch else eps, 0.0, (eps if eps is None else eps * eps) if torch else 0.0)  # fmt: skip

        return row

    def _build(self):
        super()._build()
        # Of each factored array its matrices, with their averages of rows and columns and room for the rows' factor.
        arrays = [(g, i) for g in self._groups for i in range(len(g.params))]
        self._arrays = [[arrays[i] for i in where] for where in self._wheres]
        self._matrices = [
            [None if self._rule_of(g, i) else self._split(g.params[i], g.slots[i]) for g, i in arrays]
            for arrays in self._arrays
        ]

    @staticmethod
    def _split(w, slots):
        m, n = w.shape[-2:]
        rows, columns = slots[1].reshape(-1, m), slots[2].reshape(-1, n)
        return list(zip(w.reshape(-1, m, n), rows, columns, np.empty_like(rows)))

    def _run(self, rows, n_threads, value):
        for one in zip(self._plans, self._wheres, self._arrays, self._matrices):
            self._run_one(*one, rows, n_threads)

    def _run_one(self, plan, where, arrays, matrices, rows, n_threads):
        """The arrays of one element type."""
        dtype = arrays[0][0].params[arrays[0][1]].dtype
        kernel, spacing = _kernels.table.updates[dtype], float(np.finfo(dtype).eps)
        rows = [tuple(spacing * spacing if x is None else x for x in row) for row in rows]
        tables = np.zeros((len(rows), kernel.n_scalars()))
        for table, row in zip(tables, rows):
            table[: len(row)] = row
        o = [group.options(self._options) for group, *_ in self._effective]
        torch = self._options["like"] == "torch"
        floors = [(spacing if p["eps"][0] is None else p["eps"][0]) if torch else 0.0 for p in o]
        owners = self._owners[where]
        sums = plan.measure(self._MEASURE, tuple(rows), n_threads)
        factored = [(k, int(owners[k]), found) for k, found in enumerate(matrices) if found is not None]
        given = {}
        for k, owner, found in factored:
            given[k] = plan.gradient(k).reshape(-1, *found[0][0].shape)
            measured = [
                kernel.factored_measure(w, g, r, c, f, tables[owner], floors[owner], n_threads)
                for (w, r, c, f), g in zip(found, given[k])
            ]
            sums[k, :2] = np.sum(measured, axis=0) if len(measured) > 1 else measured[0]
        sizes = np.maximum(self._sizes[where], 1)
        rms_w, rms_u = np.sqrt(sums[:, 0] / sizes), np.sqrt(sums[:, 1] / sizes)
        if self._options["like"] == "keras":
            rms_w *= 1.0 - np.array([row[2] for row in rows])[owners]
        least = np.array([p["eps"][1] if p["multiply_by_parameter_scale"] else 1.0 for p in o])[owners]
        scaled = np.array([bool(p["multiply_by_parameter_scale"]) for p in o])[owners]
        limit = np.array([math.inf if p["d"] is None else p["d"] for p in o])[owners]
        scale = np.where(scaled, np.maximum(least, rms_w), 1.0) / np.maximum(1.0, rms_u / limit)
        plan.run(tuple(rows), n_threads, scale)
        for k, owner, found in factored:
            for (w, _, c, f), g in zip(found, given[k]):
                kernel.factored_step(w, g, f, c, tables[owner], scale[k], n_threads)
