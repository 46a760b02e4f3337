"""Averages of the parameters of any optimizer as wrappers: exponential, and stochastic weight averaging."""

from . import _checks
from ._wrapper import Wrapper
from .averaging import ParameterAverage


class _Averaged(Wrapper):
    def _extend(self, arrays):
        root = self._root
        if "_average" in self.__dict__:
            self._average._extend(arrays)
        else:
            params = arrays if root._grouped else self._structured(arrays)
            self._average = ParameterAverage(params, self._own.get("decay"), n_threads=root._options["n_threads"])

    def _check(self, own):
        _checks.count("every", own["every"])
        _checks.positive("every", own["every"], "1 takes the parameters of every step")
        _checks.count("start", own["start"])
        if "decay" in own:
            _checks.number("decay", own["decay"], 0, 1)

    def set_params(self, **params):
        super().set_params(**params)
        if "_average" in self.__dict__:
            self._average.decay = self._own.get("decay")
        return self

    def step(self, grads, *, value=None):
        """One step of the inner optimizer, after which the average takes the parameters where it is their turn."""
        self._bound()
        before = self.optimizer.n_steps
        self.optimizer.step(grads, value=value)
        now = self.optimizer.n_steps - self._own["start"]
        if self.optimizer.n_steps > before and now > 0 and now % self._own["every"] == 0:
            self._average.update()

    def averages(self):
        """The average, copies in the structure of the parameters; before its first update the parameters."""
        self._bound()
        made = self._average.averages()
        if not self._root._grouped:
            return made
        return self._structured(made)

    def applied(self):
        """A context in which the parameters hold the average; afterwards they are as before, bit for bit."""
        self._bound()
        return self._average.applied()

    def _numbers(self):
        return {"updates": self._average.n_updates}

    def _buffers(self):
        return {"average": self._average._averages}

    def _take(self, numbers):
        self._average._updates = numbers["updates"]


class EMA(_Averaged):
    r"""The exponential moving average of the parameters beside an optimizer: `ParameterAverage` as a wrapper.

    Parameters
    ----------
    optimizer : Optimizer, wrapper or str
        With parameters, or a recipe.
    decay : float, default=0.999
        In [0, 1): :math:`a \leftarrow a + (1 - \mathrm{decay}) (w - a)`, at first a = w.
    every : int, default=1
        Steps between two updates of the average, >= 1.
    start : int, default=0
        Steps before it begins, >= 0.

    Notes
    -----
    torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn; Keras' use_ema with ema_momentum.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> w = np.ones(1)
    >>> opt = EMA(SGD(w, lr=0.5), decay=0.5)
    >>> for _ in range(3):
    ...     opt.step(w.copy())
    >>> w, opt.averages()  # of 1/2, 1/4, 1/8
    (array([0.125]), array([0.25]))
    >>> with opt.applied():
    ...     print(w)
    [0.25]
    """

    def __init__(self, optimizer, decay=0.999, every=1, start=0):
        self._configure(optimizer, decay=decay, every=every, start=start)


class SWA(_Averaged):
    r"""Stochastic weight averaging: the mean of the parameters after every so many steps.

    Parameters
    ----------
    optimizer : Optimizer, wrapper or str
        With parameters, or a recipe; its rate is to be constant or cyclic where the mean is taken.
    start : int, default=0
        Steps before the mean begins, >= 0.
    every : int, default=1
        Steps between two parameters that enter the mean, >= 1: those of an epoch.

    Notes
    -----
    Izmailov et al., Averaging weights leads to wider optima and better generalization (2018);
    torch.optim.swa_utils.AveragedModel.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> w = np.ones(1)
    >>> opt = SWA(SGD(w, lr=0.5), start=1)
    >>> for _ in range(3):
    ...     opt.step(w.copy())
    >>> opt.averages()  # 1/4 and 1/8
    array([0.1875])
    """

    def __init__(self, optimizer, start=0, every=1):
        self._configure(optimizer, start=start, every=every)
