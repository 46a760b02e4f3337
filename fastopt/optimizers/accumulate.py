"""Gradient accumulation: one step for several micro-batches."""

import numpy as np

from . import _checks, _filters
from ._groups import like
from ._wrapper import Wrapper, blocks


class Accumulate(Wrapper):
    """An optimizer that steps once for `steps` gradients, with their mean or sum.

    Parameters
    ----------
    optimizer : Optimizer, wrapper or str
        With parameters, or a recipe.
    steps : int
        m, >= 1: every m-th call of `step` updates.
    reduction : {"mean", "sum"}, default="mean"
        Of the gradients of micro-batches; "mean" of the gradients of mean losses over micro-batches of one size is
        the gradient of the mean loss over all.

    Notes
    -----
    Keras' gradient_accumulation_steps, optax.MultiSteps(use_grad_mean=...). A schedule and `n_steps` count updates.
    With nonfinite="skip" or "raise" of the inner optimizer a micro-batch whose gradients are not finite is left out, or
    refused, by itself: those gathered stay, and another one comes in its place (optax' skip_not_finite). Where the
    update raises for another reason, the gradients gathered for it are dropped. A `value` that the inner optimizer
    needs is gathered as the gradients are. The state holds the sums so far.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> w = np.zeros(1)
    >>> opt = Accumulate(SGD(w, lr=1.0), 2)
    >>> opt.step(np.array([1.0]))
    >>> w, opt.pending
    (array([0.]), 1)
    >>> opt.step(np.array([3.0]))
    >>> w, opt.pending
    (array([-2.]), 0)
    """

    _takes_function = False

    def __init__(self, optimizer, steps, reduction="mean"):
        self._configure(optimizer, steps=steps, reduction=reduction)
        if isinstance(self.optimizer, Wrapper) and self.optimizer._takes_function:
            raise TypeError(
                f"Accumulate hands gradients on, but {type(self.optimizer).__name__} takes a function that gives them; "
                "put Accumulate inside of SAM"
            )

    def _check(self, own):
        _checks.count("steps", own["steps"])
        _checks.positive("steps", own["steps"], "1 updates at every call")
        if own["reduction"] not in ("mean", "sum"):
            raise ValueError(f"reduction must be 'mean' or 'sum', got {own['reduction']!r}")
        if self.__dict__.get("_count", 0) >= own["steps"]:
            raise ValueError(f"{self._count} gradients are gathered; steps must be larger, got {own['steps']}")

    def _start(self):
        self._sums, self._count, self._left_out = [], 0, 0
        self._value = np.zeros(())

    def _extend(self, arrays):
        self._sums += [like(w) for w in arrays]

    @property
    def pending(self):
        """Gradients gathered since the last update."""
        self._bound()
        return self._count

    @property
    def n_skipped(self):
        """Micro-batches that nonfinite="skip" has left out, and steps that the inner optimizer has skipped."""
        return self.__dict__.get("_left_out", 0) + self.optimizer.n_skipped

    def _finite(self, flat):
        """Whether the gradients may be gathered."""
        root = self._root
        if root._options["nonfinite"] == "propagate":
            return True
        bad = [i for i, g in enumerate(flat) if not np.isfinite(g).all()]
        if bad and root._options["nonfinite"] == "raise":
            labels = root._labels(root._groups, root._grouped)
            _filters.refuse([labels[i] for i in bad])
        return not bad

    def step(self, grads, *, value=None):
        """Take the gradients of one micro-batch, structured as for the inner optimizer; update where it is the last."""
        flat, n_threads, root = self._usable(grads), self._threads(), self._root
        if value is not None or root._NEEDS_VALUE:
            value = root._check_value(value)
        if not self._finite(flat):
            self._left_out += 1
            return
        if value is not None:
            self._value[...] = value + (self._value if self._count else 0.0)
        if self._count == 0:
            for a, g in zip(self._sums, flat):
                a[...] = g
        else:
            for _, sums, given in blocks(self._sums, flat):
                sums.add(given, 1.0, n_threads)
        self._count += 1
        if self._count < self._own["steps"]:
            return
        self._count = 0
        parts = self._own["steps"] if self._own["reduction"] == "mean" else 1
        if parts > 1:
            for a in self._sums:
                a /= a.dtype.type(parts)
        if value is not None:
            value = float(self._value) / parts
        self.optimizer.step(self._structured(self._sums), value=value)

    def _numbers(self):
        return {"pending": self._count, "left_out": self._left_out}

    def _check_numbers(self, numbers):
        super()._check_numbers(numbers)
        if numbers["pending"] >= self._own["steps"]:
            raise ValueError(
                f"state has {numbers['pending']} gradients gathered, but an update is made of {self._own['steps']}"
            )

    def _buffers(self):
        return {"sum": self._sums, **({"value": [self._value]} if self._root._NEEDS_VALUE else {})}

    def _take(self, numbers):
        self._count, self._left_out = numbers["pending"], numbers["left_out"]
