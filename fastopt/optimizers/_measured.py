"""What optimizers share whose steps depend on sums over the elements: norms and inner products.

A step has two halves: a measure (fo_measures.h) updates the slots and gives sums for each array; from them, in float64
and in the order of the arrays, come the scalars with which a rule makes the step. The same bits for any n_threads.
"""

from itertools import accumulate

import numpy as np

from ._base import Optimizer


class Measured(Optimizer):
    """An optimizer whose step begins with the measure `_MEASURE`; a subclass says in `_run` what follows from its sums."""

    _MEASURED = True
    _MEASURE = ""
    _TERMS = 3

    def __init__(self, *, like="torch"):
        raise TypeError(f"{type(self).__name__} is the base of other classes")

    def _build(self):
        super()._build()
        self._sizes = np.array([a.size for g in self._groups for a in g.params])
        self._owners = np.array(self._places, dtype=np.intp)  # the row of scalars of each array

    def _measure(self, rows, n_threads):
        """The sums of each array, (arrays, terms)."""
        for plan in self._plans:
            plan.whole()
        if len(self._plans) == 1:
            return self._plans[0].measure(self._MEASURE, rows, n_threads)
        sums = np.zeros((len(self._sizes), self._TERMS))
        for plan, where in zip(self._plans, self._wheres):
            sums[where] = plan.measure(self._MEASURE, rows, n_threads)
        return sums

    def _finish(self, rows, n_threads, factors=None):
        """The steps; `factors` multiply alpha of each array."""
        for plan, where in zip(self._plans, self._wheres):
            plan.run(rows, n_threads, None if factors is None else factors[where])

    def scalars(self, n_steps):
        raise ValueError(
            f"the steps of {type(self).__name__} depend on sums over gradients and parameters; only step() knows its "
            "scalars"
        )


class Global(Measured):
    """A measured optimizer whose sums run over all groups, and whose numbers (`_CARRIED`) are those of the whole.

    Every group holds them; what counts is the first group's.
    """

    _RATE_BY_ARRAY = False

    def _totals(self, rows, n_threads):
        """The sums for each row of scalars, in the order of the arrays, (rows, terms)."""
        sums = self._measure(rows, n_threads)
        totals = np.zeros((len(rows), self._TERMS))
        np.add.at(totals, self._owners, sums)
        return totals

    @staticmethod
    def _add(values):
        """From first to last."""
        return list(accumulate(map(float, values)))[-1]

    def _kept(self, first):
        """What the step before has left, or `first`."""
        group = self._groups[0]
        return group.carry() if group.steps else first

    def _keep(self, numbers):
        """For the next step."""
        numbers = tuple(map(float, numbers))
        for group in self._groups:
            group.carried[group.steps + 1] = numbers
