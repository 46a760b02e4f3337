"""What the optimizers around another optimizer share."""

import copy
from bisect import bisect_right

import numpy as np

from .. import _kernels
from . import _checks, _tensors

SCHEMA = 1


def usable(flat, arrays, labels):
    """Gradients that a kernel can read: checked as `Optimizer.step` does, strided ones copied."""
    made = []
    for g, w, label in zip(flat, arrays, labels):
        g = np.asarray(g) if isinstance(g, np.generic) else _tensors.array(g, f"grads{label}")
        if not isinstance(g, np.ndarray):
            raise TypeError(f"grads{label} must be a NumPy array of {w.dtype}, got {type(g).__name__}")
        if g.shape != w.shape:
            raise ValueError(f"grads{label} has shape {g.shape}, but params{label} has shape {w.shape}")
        if g.dtype != w.dtype:
            raise TypeError(
                f"grads{label} has dtype {g.dtype}, but params{label} has dtype {w.dtype}; "
                f"pass grads.astype({w.dtype.name!r})"
            )
        made.append(np.require(g, requirements=["C", "A"]))
    return made


def apart(grads, arrays, labels):
    """The gradients, copied where they share memory with a parameter: they are read after parameters were written."""
    spans = _checks.spans(arrays, labels)
    ends = [end for _, end in spans]

    def shares(g):
        start = g.ctypes.data
        at = bisect_right(ends, start)  # the first span that ends after start
        return at < len(spans) and spans[at][0] < start + g.nbytes

    return [g.copy() if shares(g) else g for g in grads]


def root_of(optimizer):
    """The innermost optimizer, which holds parameters and options."""
    return optimizer._root if isinstance(optimizer, Wrapper) else optimizer


def step_by(optimizer, evaluate, known):
    """One step of an optimizer or wrapper; `known` is the (value, gradients) that evaluate() has just given.

    Where the optimizer takes a function of gradients (`SAM`), evaluate is called again within the step.
    """
    needs_value = root_of(optimizer)._NEEDS_VALUE
    if not (isinstance(optimizer, Wrapper) and optimizer._takes_function):
        value, grads = known
        optimizer.step(grads, value=value if needs_value else None)
        return
    left = [known]

    def gradient():
        found = left.pop() if left else evaluate()
        return found if needs_value else found[1]

    optimizer.step(gradient)


def blocks(*columns):
    """For each element type a tuple of the kernels' Blocks of those arrays, one for each of these lists."""
    for dtype in _checks.DTYPES:
        where = [i for i, a in enumerate(columns[0]) if a.dtype == dtype]
        if where:
            kernels = _kernels.table.updates[dtype]
            yield where, *(kernels.Blocks([column[i] for i in where]) for column in columns)


class Wrapper:
    """An optimizer around another one, which it holds as `optimizer`: an optimizer, a recipe, a name or a wrapper.

    It steps, binds, compares, prints, pickles, has get_params and set_params (``optimizer__lr`` reaches inside) and
    saves its state as optimizers do; the keys of the inner state begin with "optimizer.". Its parameters and those of
    the inner optimizer are attributes, read and assigned.
    """

    def _configure(self, optimizer, **own):
        from . import get

        if not isinstance(optimizer, Wrapper):
            optimizer = get(optimizer)
        self._check(own)
        self.__dict__.update(optimizer=optimizer, _own=own, _n_arrays=0)
        if self._root._groups is not None:
            self._start()
            self._follow()

    @property
    def _root(self):
        return root_of(self.optimizer)

    @property
    def _takes_function(self):
        """Whether `step` takes a function that gives the gradients."""
        return isinstance(self.optimizer, Wrapper) and self.optimizer._takes_function

    def _holder(self, name):
        """The optimizer that has this parameter: this one or, from outside in, one within; None where none has."""
        one = self
        while isinstance(one, Wrapper):
            if name in one._own:
                return one
            one = one.optimizer
        return one if name in one._options else None

    def __getattr__(self, name):
        holder = self._holder(name) if "_own" in self.__dict__ else None
        if holder is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._own[name] if holder is self else getattr(holder, name)

    def __setattr__(self, name, value):
        if name.startswith("_"):
            super().__setattr__(name, value)
            return
        holder = self._holder(name)
        if holder is None:
            raise AttributeError(f"{type(self).__name__} has no parameter {name!r} to set, nor has its optimizer")
        holder.set_params(**{name: value})

    def _bound(self):
        if self._root._groups is None:
            raise ValueError(
                f"this {type(self).__name__} is a recipe without parameters; opt.bind(params) gives one that steps"
            )
        self._follow()

    def _follow(self):
        """Take in arrays that the inner optimizer was given since (`add_param_group`)."""
        n = sum(len(group.params) for group in self._root._groups)
        if n > self._n_arrays:
            self._extend(self._arrays()[self._n_arrays :])
            self._n_arrays = n

    def _arrays(self):
        return [w for group in self._root._groups for w in group.params]

    def _usable(self, grads):
        self._bound()
        root = self._root
        return usable(root._flat(grads), self._arrays(), root._labels(root._groups, root._grouped))

    def _structured(self, flat):
        """Arrays in the order of the parameters, in their structure."""
        lists, at = [], 0
        for group in self._root._groups:
            lists.append(flat[at : at + len(group.params)])
            at += len(group.params)
        return self._root._like_params(lists)

    def _threads(self):
        root = self._root
        return _checks.threads_for(root._options["n_threads"], self._arrays())

    def _start(self):
        """Make the state, as yet without arrays."""

    def _extend(self, arrays):
        """Keep what belongs to these arrays too."""

    def _check(self, own):
        """Raise where a parameter is not legal."""

    # Parameters

    def get_params(self, deep=True):
        """Parameters by name, without the arrays; `deep` adds those of the inner optimizer as optimizer__name."""
        out = {"optimizer": self.optimizer, **self._own}
        if deep:
            out.update((f"optimizer__{key}", v) for key, v in self.optimizer.get_params().items())
        return out

    def set_params(self, **params):
        """Set parameters by name, those of the inner optimizer as optimizer__name; nothing changes on an error."""
        own, inner = dict(self._own), {}
        for name, value in params.items():
            if name.startswith("optimizer__"):
                inner[name.removeprefix("optimizer__")] = value
            elif name in own:
                own[name] = value
            else:
                names = ", ".join([*own, "optimizer__..."])
                raise ValueError(f"{type(self).__name__} has no parameter {name!r} to set; it has {names}")
        self._check(own)
        if inner:
            self.optimizer.set_params(**inner)
        self._own = own
        return self

    def bind(self, params):
        """A new one of the same options that updates `params`; this one does not change."""
        return type(self)(self.optimizer.bind(params), **copy.copy(self._own))

    def add_param_group(self, group):
        """Bind one more group, as the inner optimizer does; what is kept of its arrays begins with them as they are."""
        self._bound()
        self.optimizer.add_param_group(group)
        self._follow()

    def __repr__(self):
        return (
            f"{type(self).__name__}({', '.join([repr(self.optimizer), *(f'{k}={v!r}' for k, v in self._own.items())])})"
        )

    def __eq__(self, other):
        if type(self) is not type(other) or self._root._groups is not None or other._root._groups is not None:
            return self is other
        return self._own == other._own and self.optimizer == other.optimizer

    __hash__ = None

    @property
    def n_steps(self):
        """Steps that the inner optimizer has made."""
        return self.optimizer.n_steps

    @property
    def n_skipped(self):
        """Steps that the inner optimizer has skipped."""
        return self.optimizer.n_skipped

    @property
    def param_groups(self):
        """Those of the inner optimizer."""
        return self.optimizer.param_groups

    # State

    def _numbers(self):
        """Whole numbers of the state by name."""
        return {}

    def _buffers(self):
        """Lists of arrays of the state by name, each in the order of the parameters."""
        return {}

    def _check_numbers(self, numbers):
        """Raise where the numbers of a state are none of this one."""
        if any(value < 0 for value in numbers.values()):
            raise ValueError(f"state has a negative number: {numbers}")

    def _take(self, numbers):
        """Go on with these numbers; the buffers are already filled."""

    def state_dict(self):
        """A flat mapping of arrays, copies of ours: "schema", "wrapper", what it keeps, and "optimizer." keys."""
        self._bound()
        return {
            "schema": np.array(SCHEMA),
            "wrapper": np.array(type(self).__name__),
            **{name: np.array(value, dtype=np.int64) for name, value in self._numbers().items()},
            **{f"{name}.{i}": a.copy() for name, buffers in self._buffers().items() for i, a in enumerate(buffers)},
            **{f"optimizer.{key}": value for key, value in self.optimizer.state_dict().items()},
        }

    def load_state_dict(self, state):
        """Go on from a `state_dict`, bit for bit; raises where it is of another one, before anything is changed."""
        self._bound()
        if not hasattr(state, "keys"):
            raise TypeError(f"state must be a mapping of arrays, got {type(state).__name__}")
        mine, state = self.state_dict(), {key: np.asarray(state[key]) for key in state}
        own = {key for key in mine if not key.startswith("optimizer.")}
        given = {key for key in state if not key.startswith("optimizer.")}
        if own != given:
            raise ValueError(f"state must have the keys {sorted(own)} and those of the optimizer, got {sorted(given)}")
        if str(state["wrapper"]) != type(self).__name__ or state["schema"].ndim or state["schema"] != SCHEMA:
            raise ValueError(
                f"state is of {state['wrapper']} with schema {state['schema']}, "
                f"this one is {type(self).__name__} and reads schema {SCHEMA}"
            )
        for key in own - {"schema", "wrapper"}:
            if state[key].shape != mine[key].shape or state[key].dtype != mine[key].dtype:
                raise ValueError(
                    f"state[{key!r}] has shape {state[key].shape} and dtype {state[key].dtype}, "
                    f"expected {mine[key].shape} and {mine[key].dtype}"
                )
        numbers = {name: int(state[name]) for name in self._numbers()}
        self._check_numbers(numbers)
        self.optimizer.load_state_dict({k.removeprefix("optimizer."): v for k, v in state.items() if k not in own})
        for name, buffers in self._buffers().items():
            for i, a in enumerate(buffers):
                a[...] = state[f"{name}.{i}"]
        self._take(numbers)
