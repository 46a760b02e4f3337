"""The metric of a step: its lengths by coefficient."""

import functools

import numpy as np

from .. import _kernels
from .._config import threads
from . import _checks

ALPHA, BETA = 3, 4  # places of the step and the second step in a row of scalars


def averaged(self, o, row, t, past):
    """`Optimizer._weight` of rules whose first slot is an average with bias correction."""
    return row[ALPHA] * (1.0 - o["betas"][0] ** t) + row[BETA]


def geometric(ratio, n):
    """1 + ratio + ... + ratio^(n - 1)."""
    return float(n) if ratio == 1 else (1.0 - ratio**n) / (1.0 - ratio)


class Lengths:
    """What `Optimizer` offers of them; a rule says how much of a gradient its steps hold (`_weight`), or why it has none."""

    _NO_LENGTHS = ""  # why a step is not a length times gradients, where it is not

    def _weight(self, o, row, t, past):
        """How much of a gradient that has always been the same is in step t, before the rule divides it; o: the options
        of the group, row: the step's scalars, past: `_past` of its rates, a function of the ratio."""
        return row[ALPHA]

    def _past(self, lr, t, ratio):
        """1 + ratio + ... + ratio^(t - 1), each term times the rate of so many steps ago over the rate of now."""
        if not callable(lr):
            return geometric(ratio, t)
        total, share = 0.0, 1.0
        for step in range(self._step - 1, max(self._step - 1 - t, -1), -1):
            total += share * self._lr(lr, step)
            share *= ratio
            if share < 2.0**-60 * (1.0 - ratio):  # rates that fall a thousandfold meanwhile count
                break
        return total / self._lr(lr, self._step - 1)

    def _last_row(self, group, row, rate):
        """The scalars of the last step of a group; row: their function, rate: the step's."""
        return row(rate, group.steps) if rate else ()

    def _length_rows(self):
        """The scalars of the last step with `_weight` as alpha; 0 where there was none."""
        idle, rows = self._skipped_at == self._step, []
        for group, lr, multiplier, row in self._effective:
            rate = (self._lr(lr, self._step - 1) if callable(lr) else lr) * multiplier
            given = () if idle or not group.steps else self._last_row(group, row, rate)
            if not given:
                rows.append((0.0,) * (ALPHA + 1))
                continue
            past = functools.partial(self._past, lr, group.steps)
            weight = float(self._weight(group.options(self._options), given, group.steps, past))
            rows.append((*given[:ALPHA], weight, *given[ALPHA + 1 :]))
        return tuple(rows)

    def step_lengths(self):
        r"""The lengths of the last step by coefficient, which are also called effective learning rates.

        A rule that divides by coefficient (Adam) steps by :math:`-d \odot \bar h`, with lengths d from its slots and an
        average :math:`\bar h` of the gradients h (of its docstring) so far, whose weights add up to 1. In the metric
        1 / d the proximal step of a penalty that is a sum over coefficients is ``penalty.prox(w, d)``, and what then
        stays as it is minimises loss plus penalty: see `penalties.prox_step`.

        - Bias corrections belong to d, and so do the rate of the step, `lr_multiplier` and groups; decoupled weight
          decay does not.
        - A velocity (momentum of SGD and RMSprop) adds up scaled gradients: d has the sum of its weights up to this
          step, for momentum m without dampening :math:`1 + m + \dots + m^{t - 1}`, at the divisor of now and the rate of
          now or, where the velocity holds them (Keras, RMSprop of optax), the rates of then.
        - NAdam's and Adan's weights are those of a gradient that does not change.
        - h is what reaches the rule: clipping, `centralize` and noise came before.

        Returns
        -------
        array, list, dict or list of these
            In the structure of the parameters, for groups a list: for each array one like it, or a float where all its
            coefficients have one length (SGD, ASGD, DoG, PolyakSGD, BarzilaiBorwein, AdaptiveGD; 0.0 where the rate
            was 0, where `nonfinite` has skipped the last call of `step`, and for groups that were added after it).

        Raises
        ------
        ValueError
            Before the first step, and for rules whose step is no length times gradients; the message says why.

        Notes
        -----
        One pass over the slots; steps do not pay for it. The options are those of now: a rate that was set after the
        step, or a `schedules.ReduceOnPlateau` that has fallen since, counts as the step's. Duchi, Hazan and Singer,
        Adaptive subgradient methods (2011), minimise in this metric.

        Examples
        --------
        >>> import numpy as np
        >>> from fastopt.optimizers import Adam
        >>> w = np.array([1.0, 1.0])
        >>> opt = Adam(w, lr=0.1)
        >>> opt.step(np.array([2.0, -0.5]))
        >>> np.round(opt.step_lengths(), 6)  # of steps of 0.1
        array([0.05, 0.2 ])
        """
        self._bound()
        if self._NO_LENGTHS:
            raise ValueError(f"{type(self).__name__} has no step lengths: {self._NO_LENGTHS}")
        if not self._step:
            raise ValueError("no step has been made: step_lengths are those of the last one")
        self._begin()
        try:
            rows = self._length_rows()
            divided = _kernels.table.updates[_checks.DTYPES[1]].with_lengths()
            arrays = [(group.rule, w) for group in self._groups for w in group.params]
            made = [
                np.empty_like(w, subok=False) if rule in divided and rows[place][ALPHA] else rows[place][ALPHA]
                for (rule, w), place in zip(arrays, self._places)
            ]
            n_threads = threads(self._options["n_threads"], self._milliseconds)
            for plan, where in zip(self._plans, self._wheres):
                outs = [made[i] if isinstance(made[i], np.ndarray) else None for i in where]
                kernels = _kernels.table.updates[arrays[where[0]][1].dtype]
                kernels.step_lengths(plan, outs, rows, n_threads)
            left = iter(made)
            return self._like_params([[next(left) for _ in group.params] for group in self._groups])
        finally:
            self._running.release()
