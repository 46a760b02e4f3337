"""Sharpness-aware minimisation: steps with the gradient at the worst point nearby."""

import math

import numpy as np

from . import _checks
from ._filters import total_norm
from ._groups import like
from ._wrapper import Wrapper, apart, blocks


class SAM(Wrapper):
    r"""Sharpness-aware minimisation around any optimizer.

    With the gradient g at w and its norm over all arrays, the inner optimizer steps from w with the gradient at
    :math:`w + \rho \, g / \|g\|`; adaptive: at :math:`w + \rho \, w^2 g / \|w g\|`, which does not change when
    weights are rescaled. Groups that maximise climb down instead.

    Parameters
    ----------
    optimizer : Optimizer, wrapper or str
        With parameters, or a recipe.
    rho : float, default=0.05
        > 0; for adaptive=True 0.5 to 2 are usual.
    adaptive : bool, default=False

    Notes
    -----
    Two gradients a step: ``step(gradient)`` calls a function for them, or ``first_step(grads)`` moves the
    parameters, the caller computes the gradients there, and ``second_step(grads)`` puts the parameters back, bit for
    bit, and steps. Where the inner optimizer needs the objective's value (`PolyakSGD`), the function gives (value,
    gradients), and the step has those of the moved parameters: a value and a gradient of one point. Sources: Foret et
    al. (2021), Kwon et al. (2021, adaptive); optax.contrib.sam.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> w = np.array([1.0])
    >>> opt = SAM(SGD(w, lr=0.5), rho=0.1)
    >>> opt.step(lambda: 2 * w)  # the gradient of w^2 at 1.1
    >>> w
    array([-0.1])
    """

    def __init__(self, optimizer, rho=0.05, adaptive=False):
        self._configure(optimizer, rho=rho, adaptive=adaptive)

    def _check(self, own):
        _checks.number("rho", own["rho"], 0)
        _checks.positive("rho", own["rho"], "0 would be the inner optimizer")
        _checks.flag("adaptive", own["adaptive"])

    _takes_function = True

    def _start(self):
        self._kept, self._moved = [], False

    def _extend(self, arrays):
        self._kept += [like(w, "params") for w in arrays]

    def _apart(self, grads):
        root = self._root
        return apart(self._usable(grads), self._arrays(), root._labels(root._groups, root._grouped))

    def first_step(self, grads):
        """Move the parameters to the worst point nearby, given the gradients at them."""
        flat = self._apart(grads)
        if self._moved:
            raise ValueError("first_step was called twice; second_step(grads) or restore() comes after it")
        arrays, n_threads = self._arrays(), self._threads()
        adaptive, squares = self._own["adaptive"], np.zeros(len(arrays))
        for where, w, g in blocks(arrays, flat):
            squares[where] = w.products(g, n_threads) if adaptive else g.squares(n_threads)
        norm = total_norm(squares.tolist())
        factor = float(self._own["rho"]) / norm if norm > 0 else 0.0 if norm == 0 else math.nan
        down = np.array(
            [bool(g.options(self._root._options)["maximize"]) for g in self._root._groups for _ in g.params], dtype=bool
        )
        for kept, w in zip(self._kept, arrays):
            kept[...] = w
        self._moved = True
        if factor == 0:
            return
        for sign, mine in ((1.0, ~down), (-1.0, down)):
            where = np.flatnonzero(mine)
            if len(where):
                for _, w, g in blocks([arrays[i] for i in where], [flat[i] for i in where]):
                    (w.climb if adaptive else w.add)(g, sign * factor, n_threads)

    def restore(self):
        """Put the parameters back without a step; nothing where they were not moved."""
        self._bound()
        if self._moved:
            for w, kept in zip(self._arrays(), self._kept):
                w[...] = kept
            self._moved = False

    def second_step(self, grads, *, value=None):
        """Put the parameters back and step with the gradients of the moved ones.

        value: the objective at the moved parameters, for an inner optimizer that needs it.
        """
        self._bound()
        if not self._moved:
            raise ValueError("second_step comes after first_step")
        try:
            grads = self._structured(self._apart(grads))
        finally:
            self.restore()
        self.optimizer.step(grads, value=value)

    def _found(self, gradient):
        """(value, gradients); value is None where the inner optimizer takes none."""
        given = gradient()
        if not self._root._NEEDS_VALUE:
            return None, given
        if not isinstance(given, tuple) or len(given) != 2:
            raise TypeError(
                f"{type(self._root).__name__} needs the objective's value: the function of step must give "
                f"(value, gradients), got {type(given).__name__}"
            )
        return given

    def step(self, gradient, *, value=None):
        """One step; `gradient` is a function without arguments that gives the gradients at the parameters of now.

        For an inner optimizer that needs the objective's value it gives (value, gradients); `value` itself is not
        taken, as there are two of them.
        """
        self._bound()
        if value is not None:
            raise TypeError("step of SAM takes no value: its function gives (value, gradients) where a value is needed")
        if not callable(gradient):
            raise TypeError(
                f"step of SAM takes a function that gives the gradients and is called twice, got "
                f"{type(gradient).__name__}; with gradients at hand: first_step(grads), then second_step(grads)"
            )
        self.first_step(self._found(gradient)[1])
        try:
            value, grads = self._found(gradient)
        except BaseException:
            self.restore()
            raise
        self.second_step(grads, value=value)

    def state_dict(self):
        """As of every wrapper; not between first_step and second_step."""
        self._bound()
        if self._moved:
            raise ValueError("the parameters are moved: call second_step(grads) or restore() before state_dict")
        return super().state_dict()
