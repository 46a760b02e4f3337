"""Averages of the parameters of any optimizer: Polyak's mean and exponential ones."""

from contextlib import contextmanager

import numpy as np

from .. import _kernels
from .._config import threads
from . import _checks
from ._groups import Group, collect, like

SCHEMA = 1
_TIME = 0.2  # ns an element of float32


class ParameterAverage:
    r"""A running average of parameters, beside the optimizer that changes them.

    `update` takes the parameters of now: the first time :math:`a = w`, then, where k updates were made before,

    - decay=None: :math:`a \leftarrow a + (w - a) / (k + 1)`, the mean of all (Polyak and Ruppert's average; stochastic
      weight averaging where it is called once an epoch);
    - else :math:`a \leftarrow a + (1 - \mathrm{decay}) (w - a)`, the exponential moving average.

    Parameters
    ----------
    params : array, list or dict of arrays
        What the optimizer updates; float32 or float64, C-contiguous. Only read.
    decay : float or None, default=None
        In [0, 1).
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.

    Notes
    -----
    As torch.optim.swa_utils.AveragedModel with get_swa_multi_avg_fn or get_ema_multi_avg_fn. The schedule-free rules
    and `ASGD` average within their step: `averages` of theirs. Sources: Polyak and Juditsky (1992), Izmailov et al.
    (2018).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> w = np.ones(1)
    >>> opt, mean = SGD(w, lr=0.5), ParameterAverage(w)
    >>> for _ in range(3):
    ...     opt.step(w.copy())
    ...     mean.update()
    >>> w, mean.averages()  # 1/2, 1/4, 1/8 and their mean
    (array([0.125]), array([0.29166667]))
    """

    def __init__(self, params, decay=None, *, n_threads=None):
        if decay is not None:
            _checks.number("decay", decay, 0, 1)
        (self._keys, self._params), self._wraps = collect(params, "")
        labels = Group((self._keys, self._params), {}, self._wraps).labels("")
        for label, array in zip(labels, self._params):
            _checks.array(label, array, update=False)
        if not self._params:
            raise ValueError("params is empty")
        self.decay, self.n_threads = decay, n_threads
        threads(n_threads, 0.0)
        self._averages, self._updates = [like(w) for w in self._params], 0
        self._addresses = [(w.ctypes.data, w.size) for w in self._params]
        self._table = None

    def __repr__(self):
        return f"<ParameterAverage(decay={self.decay!r}): {len(self._params)} arrays, {self._updates} updates>"

    def __getstate__(self):
        return {k: v for k, v in self.__dict__.items() if k not in ("_parts", "_table", "_addresses")}

    def __setstate__(self, state):
        self.__dict__.update(state, _table=None)
        self._addresses = [(w.ctypes.data, w.size) for w in self._params]

    def _extend(self, arrays):
        """Average more arrays, which count as constant so far; the structure becomes a list."""
        self._params = [*self._params, *arrays]
        self._averages = [*self._averages, *(like(w, "params") for w in arrays)]
        self._keys, self._wraps = tuple(range(len(self._params))), "list"
        self._addresses = [(w.ctypes.data, w.size) for w in self._params]
        self._table = None

    @property
    def n_updates(self):
        """Updates made."""
        return self._updates

    def update(self):
        """Take the parameters of now into the average."""
        if self._addresses != [(w.ctypes.data, w.size) for w in self._params]:
            raise ValueError("params were resized or moved since the average was made")
        if self._table is not _kernels.table:
            self._parts = []
            for dtype in _checks.DTYPES:
                where = [i for i, w in enumerate(self._params) if w.dtype == dtype]
                kernel = _kernels.table.updates[dtype]
                mine, theirs = ([side[i] for i in where] for side in (self._averages, self._params))
                self._parts.append((kernel.Blocks(mine), kernel.Blocks(theirs)))
            self._table = _kernels.table
        n_threads = threads(self.n_threads, sum(w.nbytes for w in self._params) / 4 * _TIME * 1e-6)
        if self._updates == 0:
            for a, w in zip(self._averages, self._params):
                a[...] = w
        else:
            gain = 1.0 / (self._updates + 1) if self.decay is None else 1.0 - self.decay
            for mine, theirs in self._parts:
                mine.approach(theirs, gain, n_threads)
        self._updates += 1

    def averages(self):
        """The average, copies in the structure of params; before the first update the parameters themselves."""
        made = [a.copy() for a in (self._averages if self._updates else self._params)]
        return made[0] if self._wraps == "array" else dict(zip(self._keys, made)) if self._wraps == "dict" else made

    @contextmanager
    def applied(self):
        """A context in which the parameters hold the average; afterwards they are as before, bit for bit.

        Examples
        --------
        >>> import numpy as np
        >>> w = np.ones(2)
        >>> mean = ParameterAverage(w)
        >>> mean.update()
        >>> w += 4.0
        >>> with mean.applied():
        ...     print(w)
        [1. 1.]
        >>> w
        array([5., 5.])
        """
        for i, w in enumerate(self._params):
            if not w.flags.writeable:
                raise ValueError(f"params[{self._keys[i]!r}] is read-only; the average cannot be put into it")
        kept = [w.copy() for w in self._params]
        try:
            if self._updates:
                for w, a in zip(self._params, self._averages):
                    w[...] = a
            yield self
        finally:
            for w, old in zip(self._params, kept):
                w[...] = old

    def _names(self):
        return ["average" if self._wraps == "array" else f"average.{key}" for key in self._keys]

    def state_dict(self):
        """A flat mapping of arrays, copies of ours: "schema", "updates" and "average" (with a parameter's key)."""
        return {
            "schema": np.array(SCHEMA),
            "updates": np.array(self._updates, dtype=np.int64),
            **{name: a.copy() for name, a in zip(self._names(), self._averages)},
        }

    def load_state_dict(self, state):
        """Go on from a `state_dict`, bit for bit; nothing changes where it is of other arrays."""
        if not hasattr(state, "keys"):
            raise TypeError(f"state must be a mapping of arrays, got {type(state).__name__}")
        mine, state = self.state_dict(), {key: np.asarray(state[key]) for key in state}
        if set(state) != set(mine):
            raise ValueError(f"state must have the keys {sorted(mine)}, got {sorted(state)}")
        for key, value in mine.items():
            if state[key].shape != value.shape or (key.startswith("average") and state[key].dtype != value.dtype):
                raise ValueError(
                    f"state[{key!r}] has shape {state[key].shape} and dtype {state[key].dtype}, "
                    f"expected {value.shape} and {value.dtype}"
                )
        if state["schema"] != SCHEMA or state["updates"] < 0:
            raise ValueError(
                f"state has schema {state['schema']} and updates {state['updates']}; {SCHEMA} and >= 0 fit"
            )
        self._updates = int(state["updates"])
        for name, a in zip(self._names(), self._averages):
            a[...] = state[name]
