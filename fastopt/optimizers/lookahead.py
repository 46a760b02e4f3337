"""Lookahead: slow weights that follow the fast ones of any optimizer."""

from . import _checks
from ._groups import like
from ._wrapper import Wrapper, blocks


class Lookahead(Wrapper):
    r"""k steps of an optimizer, then part of the way back.

    With slow weights :math:`\phi`, at first the parameters: after every k steps of the inner optimizer from
    :math:`\phi` to w, :math:`\phi \leftarrow \phi + \alpha (w - \phi)` and :math:`w \leftarrow \phi`.

    Parameters
    ----------
    optimizer : Optimizer, wrapper or str
        With parameters, or a recipe. Its momenta go on over the way back.
    k : int, default=5
        >= 1.
    alpha : float, default=0.5
        In (0, 1].

    Notes
    -----
    Zhang et al., Lookahead optimizer: k steps forward, 1 step back (2019); optax.lookahead with sync_period k and
    slow_step_size alpha. `averages` gives the slow weights. Steps that were skipped do not count.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> w = np.array([1.0])
    >>> opt = Lookahead(SGD(w, lr=0.5), k=2)
    >>> opt.step(w.copy())
    >>> opt.step(w.copy())  # 1/2, 1/4 and half the way back to 1
    >>> w
    array([0.625])
    """

    def __init__(self, optimizer, k=5, alpha=0.5):
        self._configure(optimizer, k=k, alpha=alpha)

    def _check(self, own):
        _checks.count("k", own["k"])
        _checks.positive("k", own["k"], "that many steps are made between two updates of the slow weights")
        _checks.number("alpha", own["alpha"], 0)
        if not 0 < own["alpha"] <= 1:
            raise ValueError(f"alpha must be in (0, 1], got {own['alpha']!r}")

    def _start(self):
        self._slow, self._count = [], 0

    def _extend(self, arrays):
        self._slow += [like(w, "params") for w in arrays]

    def step(self, grads, *, value=None):
        """One step of the inner optimizer; after every k-th the slow weights follow and become the parameters."""
        self._bound()
        before = self.optimizer.n_steps
        self.optimizer.step(grads, value=value)
        self._count += self.optimizer.n_steps - before
        if self._count < self._own["k"]:
            return
        arrays, n_threads = self._arrays(), self._threads()
        for _, slow, fast in blocks(self._slow, arrays):
            slow.approach(fast, float(self._own["alpha"]), n_threads)
        for w, slow in zip(arrays, self._slow):
            w[...] = slow
        self._count = 0

    def averages(self):
        """The slow weights, copies in the structure of the parameters."""
        self._bound()
        return self._structured([a.copy() for a in self._slow])

    def _numbers(self):
        return {"fast_steps": self._count}

    def _buffers(self):
        return {"slow": self._slow}

    def _take(self, numbers):
        self._count = numbers["fast_steps"]
