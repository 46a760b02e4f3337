"""Gradient accumulation: one step for several micro-batches."""

from . import _checks
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
    Where the update raises (nonfinite="raise"), the gradients gathered for it are dropped. The state holds the sum so
    far.

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

    def __init__(self, optimizer, steps, reduction="mean"):
        self._configure(optimizer, steps=steps, reduction=reduction)

    def _check(self, own):
        _checks.count("steps", own["steps"])
        _checks.positive("steps", own["steps"], "1 updates at every call")
        if own["reduction"] not in ("mean", "sum"):
            raise ValueError(f"reduction must be 'mean' or 'sum', got {own['reduction']!r}")
        if self.__dict__.get("_count", 0) >= own["steps"]:
            raise ValueError(f"{self._count} gradients are gathered; steps must be larger, got {own['steps']}")

    def _start(self):
        self._sums, self._count = [like(w) for w in self._arrays()], 0

    @property
    def pending(self):
        """Gradients gathered since the last update."""
        self._bound()
        return self._count

    def step(self, grads):
        """Take the gradients of one micro-batch, structured as for the inner optimizer; update where it is the last."""
        flat, n_threads = self._usable(grads), self._threads()
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
        if self._own["reduction"] == "mean" and self._own["steps"] > 1:
            for a in self._sums:
                a /= a.dtype.type(self._own["steps"])
        self.optimizer.step(self._structured(self._sums))

    def _numbers(self):
        return {"pending": self._count}

    def _buffers(self):
        return {"sum": self._sums}

    def _take(self, numbers):
        self._count = numbers["pending"]
