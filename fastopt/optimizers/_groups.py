"""Groups of parameters: their arrays, the options they state themselves, their slots and steps."""

import math
from collections.abc import Iterable, Mapping, MutableMapping

import numpy as np

from . import _tensors

LINE = 64  # bytes of a cache line


class ParamGroup(MutableMapping):
    """One group of a bound optimizer: reads as a dict of "params" and all options, writes options of this group.

    An option that was not written here is the optimizer's own.
    """

    __slots__ = ("_group", "_owner")

    def __init__(self, owner, group):
        self._owner, self._group = owner, group

    def __getitem__(self, name):
        group = self._group
        if name == "params":
            return dict(zip(group.keys, group.params)) if group.wraps == "dict" else list(group.params)
        return group.options(self._owner._options)[name]

    def __setitem__(self, name, value):
        self._owner._check_own({name: value})
        own = {**self._group.own, name: value}
        self._owner._check({**self._owner._options, **own})
        self._group.own = own
        self._owner._refresh()

    def __delitem__(self, name):
        raise TypeError("options of a group can be changed, not removed")

    def __iter__(self):
        return iter(("params", *self._owner._options))

    def __len__(self):
        return 1 + len(self._owner._options)

    def __repr__(self):
        return f"ParamGroup({len(self._group.params)} arrays, {self._group.options(self._owner._options)!r})"


class Group:
    """What an optimizer holds for a group; knows nothing of the optimizer, so that no cycle keeps arrays alive."""

    def __init__(self, params, own, wraps):
        self.keys, self.params = params
        self.own = own
        self.wraps = wraps  # "array", "list" or "dict": how the gradients come
        self.rule, self.slot_names = None, ()
        self.slots = [() for _ in self.params]
        self.steps = 0
        self.carried = {}  # by the number of steps: the numbers that the next step needs (Optimizer._CARRIED)

    def carry(self):
        return self.carried.get(self.steps, ())

    def advance(self, n_steps):
        self.steps += n_steps
        if self.carried:
            kept = {self.steps: self.carry()}
            self.carried.clear()
            self.carried.update(kept)

    def options(self, base):
        return {**base, **self.own}

    def labels(self, prefix):
        if self.wraps == "array":
            return [prefix]
        return [f"{prefix}[{key!r}]" for key in self.keys]

    def flatten(self, grads, name):
        """The gradients of this group's arrays in order."""
        if self.wraps == "array":
            return (grads,)
        n = len(self.params)
        if self.wraps == "list":
            if not isinstance(grads, (list, tuple)):
                raise TypeError(f"{name} must be a list of {n} arrays, as params is, got {type(grads).__name__}")
            if len(grads) != n:
                raise ValueError(f"{name} has {len(grads)} arrays, but params has {n}")
            return tuple(grads)
        if not isinstance(grads, Mapping):
            raise TypeError(f"{name} must be a dict from name to array, as params is, got {type(grads).__name__}")
        if len(grads) != n or any(key not in grads for key in self.keys):
            missing = sorted(map(str, set(self.keys) - set(grads)))
            extra = sorted(map(str, set(grads) - set(self.keys)))
            raise ValueError(f"{name} has other names than params: missing {missing}, unknown {extra}")
        return tuple([grads[key] for key in self.keys])


def collect(params, label, name="params"):
    """(keys, arrays) and how they are wrapped; tensors that offer DLPack become arrays over their memory."""
    params = _tensors.owned(params, f"{name}{label}")
    if isinstance(params, np.ndarray):
        return ((0,), [params]), "array"
    if isinstance(params, Mapping):
        return (tuple(params), [_tensors.owned(a, f"{name}{label}[{key!r}]") for key, a in params.items()]), "dict"
    if isinstance(params, Iterable) and not isinstance(params, (str, bytes)):
        arrays = [_tensors.owned(a, f"{name}{label}[{i}]") for i, a in enumerate(params)]
        return (tuple(range(len(arrays))), arrays), "list"
    raise TypeError(
        f"{name}{label} must be an array, a list of arrays or a dict from name to array, got {type(params).__name__}"
    )


def like(w, start=0, shape=None):
    """An array of w's shape that holds `start` ("params": a copy of w), at w's offset from a cache line, so that a
    loop aligns all its arrays at once; with `shape`, of another one."""
    shape = w.shape if shape is None else shape
    size = math.prod(shape) * w.itemsize
    raw = np.zeros(size + LINE, dtype=np.uint8)
    begin = (w.ctypes.data - raw.ctypes.data) % LINE
    made = raw[begin : begin + size].view(w.dtype).reshape(shape)
    if isinstance(start, str):
        made[...] = w
    elif start:
        made.fill(start)
    return made
