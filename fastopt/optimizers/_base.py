"""What all optimizers share: parameters and groups, the step, the state that survives a call."""

import copy
import functools
import inspect
import math
import numbers
import threading
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from .. import _kernels
from .._config import threads
from ..schedules._base import as_float
from . import _checks, _filters, _tensors
from ._groups import Group, ParamGroup, collect, like
from ._lengths import Lengths
from ._state import State

WHOLE = ("like", "n_threads", "clip_global_norm", *_filters.COMMON)  # options that groups cannot override


def _with_common(init):
    """A constructor that also takes the options of `_filters.COMMON`, before n_threads."""
    signature = inspect.signature(init)
    own = list(signature.parameters.values())
    names = set(signature.parameters)
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, (default, needs) in _filters.COMMON.items()
        if needs is None or needs in names
    ]

    @functools.wraps(init)
    def __init__(self, *args, **kwargs):
        common = {p.name: kwargs.pop(p.name, p.default) for p in extra}
        self._common = {**common, **(self._common or {})}  # of a subclass that calls this constructor
        init(self, *args, **kwargs)

    place = next(i for i, p in enumerate(own) if p.name == "n_threads")
    __init__.__signature__ = signature.replace(parameters=[*own[:place], *extra, *own[place:]])
    return __init__


def options(names):
    """The arguments of a constructor, from its locals()."""
    return {name: value for name, value in names.items() if name != "self"}


class _Option:
    """An option of an optimizer as an attribute."""

    def __init__(self, name):
        self.name = name

    def __get__(self, instance, owner=None):
        return self if instance is None else instance._options[self.name]

    def __set__(self, instance, value):
        instance.set_params(**{self.name: value})


def _plain(value):
    """NumPy's numbers as Python's: the scalars of a step are computed in float64."""
    if isinstance(value, (tuple, list)):
        return tuple(_plain(v) for v in value)
    return float(value) if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)) else value


class Optimizer(Lengths, State):
    r"""Base of the optimizers; see `SGD` and `Adam` for what they compute.

    Optimizers have these options beside those of their signature, for all groups (those that a rule cannot do are not in
    its signature, or refused: docs/optimizers.md has the list); what a step does to gradients comes in this order,
    within the step, and leaves the caller's arrays as they are:

    nonfinite : {"propagate", "skip", "raise"}, default="propagate"
        What a gradient with a NaN or an infinity does: enter the rule; leave parameters, slots and `n_steps` as they are
        and count in `n_skipped`; or raise a ValueError that names the arrays, before anything is changed.
    centralize : bool, default=False
        Subtract from the gradient of each array with at least two axes its mean over each unit: an entry of the first
        axis (like="torch", "optax"), or of the last one ("keras").
    clip_value, clip_norm, clip_global_norm, clip_adaptive : float or None, default=None
        One of them: `clipping`'s functions by the optimizer's convention. clip_adaptive is the factor c, or a pair
        (c, eps) with eps 1e-3 if not given; its units are the entries of the first axis ("torch") or of the last
        ("optax": in arrays of three axes, of the last two). Not for rules that find a length from the gradients
        (`PolyakSGD`, `DoG`, `BarzilaiBorwein`, `AdaptiveGD`), and not for `Rprop`.
    noise : GradientNoise or None, default=None
        Gaussian noise, annealed.
    weight_decay_exclude : None, "vectors", list of keys or function of (key, array), default=None
        The arrays whose weight decay, coupled or decoupled, is 0: those with at most one axis (biases, scales of norms),
        those of these keys of params (the index in a list), or those for which the function is true. Of rules with
        weight_decay.
    lr_multiplier : dict or None, default=None
        Factors of the learning rate, >= 0, by key of params; 0 freezes. Rules whose state depends on the rate take groups
        with an `lr` of their own instead.

    A subclass states its signature, its conventions and their defaults (`_LIKE`), its checks, the rule
    and slots that options ask for, what slots begin with, and the scalars of a step.
    """

    traits = None  # what it is for: see `choose`
    _LIKE: ClassVar[dict] = {}  # by convention: the defaults that differ from those of the signature
    _TIME = 0.5  # ns an element of float32, for the choice of threads
    _WHOLE = ()  # options besides WHOLE that groups cannot override
    _MEASURED = False  # a step has two halves (see _measured.Measured)
    _NEEDS_VALUE = False  # step() needs the objective's value
    _RATE_BY_ARRAY = True  # whether the rate of a step can differ between the arrays of a group
    _DECAYS = ("weight_decay",)  # options that are 0 for arrays without decay
    _common = _places = _filter = None
    _CARRIED = ()  # names of numbers of a group that a step hands to the next (see `Group.carried`)

    @classmethod
    def _slot(cls, name, w, start, options):
        """A new slot of the parameter w."""
        return like(w, start)

    @staticmethod
    def _start(options):
        """What a new slot holds, by name: a number or "params" for a copy of the parameters; 0 for the others."""
        return {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if {"like", "n_threads"} <= set(inspect.signature(cls.__init__).parameters) and "__init__" in cls.__dict__:
            cls.__init__ = _with_common(cls.__init__)
        parameters = inspect.signature(cls.__init__).parameters
        cls._names = tuple(name for name in parameters if name not in ("self", "params"))
        cls._default_like = parameters["like"].default
        for name in cls._names:
            setattr(cls, name, _Option(name))

    def _configure(self, params, **options):
        options, self._common = {**options, **self._common}, None
        options = {name: options[name] for name in dict.fromkeys((*self._names, *options))}
        _checks.like(options["like"], self._LIKE)
        given = self._LIKE[options["like"]]
        for name, value in options.items():
            if isinstance(value, (_checks.Default, _checks.DefaultPair)):
                options[name] = given.get(name, value.plain)
        self._check_options(options)
        self._options, self._groups, self._grouped, self._step, self._plans = options, None, False, 0, None
        self._skipped, self._skipped_at = 0, None
        self._running = threading.Lock()
        if params is not None:
            self._bind(params)

    def _check_options(self, options):
        _filters.check(options)
        self._check(options)
        if options["lr_multiplier"] and not self._RATE_BY_ARRAY:
            raise ValueError(
                f"lr_multiplier: what {type(self).__name__} keeps depends on its rate; pass groups with an lr of their own"
            )

    # Parameters of the recipe

    def get_params(self, deep=True):
        """Options by name, without the arrays; `deep` adds those of a schedule as lr__name."""
        out = dict(self._options)
        if deep:
            for name, value in self._options.items():
                if hasattr(value, "get_params") and not isinstance(value, type):
                    out.update((f"{name}__{key}", v) for key, v in value.get_params().items())
        return out

    def set_params(self, **params):
        """Set options by name (lr__gamma reaches into a schedule); nothing changes where one is not legal.

        A bound optimizer goes on with them; options that a group states itself stay. A new `like` keeps the values
        of the other options, also where its own defaults differ.
        """
        options, nested = dict(self._options), {}
        for name, value in params.items():
            head, _, tail = name.partition("__")
            if head not in options or (tail and not hasattr(params.get(head, options[head]), "set_params")):
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(options)}")
            if tail:
                nested.setdefault(head, {})[tail] = value
            else:
                options[name] = value
        for head, values in nested.items():
            options[head] = copy.deepcopy(options[head]).set_params(**values)
        _checks.like(options["like"], self._LIKE)
        self._check_options(options)
        if self._groups is not None:
            _filters.variants(self._groups, options)
            if options["like"] != self._options["like"]:
                raise ValueError("like cannot change while parameters are bound: slots differ between conventions")
            for group in self._groups:
                self._check(group.options(options))
        self._options = options
        if self._groups is not None:
            self._refresh()
        return self

    def __repr__(self):
        defaults = type(self)(like=self._options["like"])._options
        shown = [
            f"{name}={value!r}"
            for name, value in self._options.items()
            if (name == "like" and value != self._default_like) or (name != "like" and value != defaults[name])
        ]
        text = f"{type(self).__name__}({', '.join(shown)})"
        if self._groups is None:
            return text
        arrays = [a for group in self._groups for a in group.params]
        return f"<{text}: {len(arrays)} arrays, {sum(a.size for a in arrays)} parameters, {self._step} steps>"

    def __eq__(self, other):
        if type(self) is not type(other) or self._groups is not None or other._groups is not None:
            return self is other
        return self._options == other._options

    __hash__ = None

    # Binding

    def bind(self, params):
        """A new optimizer of the same options that updates `params`; this one does not change.

        A schedule with a state (`schedules.ReduceOnPlateau`) is copied.
        """
        if params is None:
            raise TypeError("bind needs parameters: an array, a list or dict of arrays, or a list of groups")
        options = {k: copy.deepcopy(v) if hasattr(v, "state_dict") else v for k, v in self._options.items()}
        return type(self)(params, **options)

    def _check_own(self, own):
        for name in own:
            if name in (*WHOLE, *self._WHOLE) and name in self._options:
                raise ValueError(f"{name} belongs to the whole optimizer, not to a group")
            if name not in self._options:
                raise ValueError(
                    f"unknown key {name!r} in a group of parameters; it takes 'params' and "
                    + ", ".join(n for n in self._options if n not in (*WHOLE, *self._WHOLE))
                )

    def _make_group(self, given, label):
        if not isinstance(given, Mapping) or "params" not in given:
            raise TypeError(f"a group of parameters is a dict with the key 'params', got {type(given).__name__}")
        own = {name: value for name, value in given.items() if name != "params"}
        self._check_own(own)
        params, wraps = collect(given["params"], label)
        group = Group(params, own, wraps)
        self._check(group.options(self._options))
        for name, a in zip(group.labels(label), group.params):
            _checks.array(name, a)
        return group

    def _bind(self, params):
        if isinstance(params, (list, tuple)) and params and all(isinstance(p, Mapping) for p in params):
            groups = [self._make_group(p, f"[{i}]['params']") for i, p in enumerate(params)]
            grouped = True
        else:
            groups, grouped = [self._make_group({"params": params}, "")], False
        if not any(group.params for group in groups):
            raise ValueError("params is empty")
        self._adopt(groups, grouped)

    def _adopt(self, groups, grouped):
        labels = self._labels(groups, grouped)
        _checks.spans([a for g in groups for a in g.params], labels)
        _filters.variants(groups, self._options)
        self._groups, self._grouped, self._plans = groups, grouped, None
        self._refresh()

    def add_param_group(self, group):
        """Bind one more group, a dict of "params" and its own options; its bias corrections start at its first step.

        From then on gradients come as a list of one entry for each group.
        """
        self._bound()
        new = self._make_group(group, f"[{len(self._groups)}]['params']")
        if not new.params:
            raise ValueError("params of the group is empty")
        self._adopt([*self._groups, new], True)

    @staticmethod
    def _labels(groups, grouped):
        if not grouped:
            return groups[0].labels("")
        return [label for i, g in enumerate(groups) for label in g.labels(f"[{i}]['params']")]

    def _bound(self):
        if self._groups is None:
            raise ValueError(
                f"this {type(self).__name__} is a recipe without parameters; opt.bind(params) gives one that steps"
            )

    def _refresh(self):
        """After a change of options or groups: rules, slots (new ones are zero) and the options of the steps."""
        for group in self._groups:
            rule, names = self._rule(group.options(self._options))
            if names != group.slot_names:
                o = group.options(self._options)
                old, start = group.slot_names, self._start(o)
                group.slots = [
                    tuple(
                        slots[old.index(name)] if name in old else self._slot(name, w, start.get(name, 0), o)
                        for name in names
                    )
                    for w, slots in zip(group.params, group.slots)
                ]
                if not old:
                    group.steps = 0  # a momentum that begins now begins with its first gradient
            if rule != group.rule:
                self._plans = None
            group.rule, group.slot_names = rule, names
        # One row of scalars for each group, decay and multiplier of the rate in it.
        before = self._places, self._filter
        self._effective, self._places, self._excluded, first = [], [], [], 0
        for group, kinds in zip(self._groups, _filters.variants(self._groups, self._options)):
            o = {name: _plain(v) for name, v in group.options(self._options).items()}
            distinct = list(dict.fromkeys(kinds)) or [(False, 1.0)]
            for excluded, multiplier in distinct:
                own = {**o, **{n: 0.0 for n in self._DECAYS if n in o}} if excluded else o
                row = self._scalars(own, group.carried) if self._CARRIED else self._scalars(own)
                self._effective.append((group, o["lr"], multiplier, row))
            self._places += [first + distinct.index(kind) for kind in kinds]
            self._excluded += [excluded for excluded, _ in kinds]
            first += len(distinct)
        self._filter = _filters.Filter(self._options) if _filters.Filter.needed(self._options) else None
        if before[0] != self._places or _filters.Filter.shape(before[1]) != _filters.Filter.shape(self._filter):
            self._plans = None

    @staticmethod
    def _rule_of(group, i):
        """The name of the rule of one array; None where the kernels are to leave it alone."""
        return group.rule

    def _build(self):
        """The plans of the instruction set level in use, one for each dtype."""
        groups = self._groups
        labels = self._labels(groups, self._grouped)
        arrays = [a for g in groups for a in g.params]
        spans = _checks.spans(arrays, labels)
        rules = [self._rule_of(g, i) for g in groups for i in range(len(g.params))]
        rows = self._places
        slots = [s for g in groups for s in g.slots]
        plans, self._wheres, self._names_of_arrays = [], [], labels
        for dtype in _checks.DTYPES:
            where = [i for i, a in enumerate(arrays) if a.dtype == dtype]
            if where:
                columns = [[column[i] for i in where] for column in (arrays, slots, rules, rows, labels)]
                kernels = _kernels.table.updates[dtype]
                make = kernels.Plan if self._filter is None else kernels.FilteredPlan
                plan = make(*columns, where, len(self._effective), spans, _tensors.alias)
                if self._filter is not None:
                    plan.layout([self._filter.layout(arrays[i]) for i in where])
                plans.append(plan)
                self._wheres.append(where)
        self._milliseconds = sum(a.nbytes for a in arrays) / 4 * self._TIME * 1e-6
        self._plans, self._table = plans, _kernels.table

    # The step

    def _begin(self):
        """Take the lock, which the caller releases, and see that there are plans."""
        if not self._running.acquire(False):
            raise RuntimeError("step() of this optimizer is already running, in another thread or around its schedule")
        if self._plans is None or self._table is not _kernels.table:
            try:
                self._build()
            except BaseException:
                self._running.release()
                raise

    @staticmethod
    def _lr(lr, step):
        value = as_float(lr(step), f"the lr that the schedule gives at step {step}")
        if not 0 <= value < math.inf:
            raise ValueError(f"the schedule gives lr = {value!r} at step {step}; it must be finite and >= 0")
        return value

    def _rows(self, ahead=0):
        """The scalars of the step that is `ahead` of the coming one, a tuple for each entry of `_effective`."""
        rows = []
        for group, lr, multiplier, row in self._effective:
            if callable(lr):
                lr = self._lr(lr, self._step + ahead)
            rows.append(row(lr * multiplier, group.steps + ahead + 1))
        return tuple(rows)

    def _flat(self, grads):
        """The gradients in the order of the arrays."""
        groups = self._groups
        if groups is None:
            self._bound()
        if not self._grouped:
            return groups[0].flatten(grads, "grads")
        if not isinstance(grads, (list, tuple)):
            raise TypeError(f"grads must be a list of {len(groups)} groups, got {type(grads).__name__}")
        if len(grads) != len(groups):
            raise ValueError(f"grads has {len(grads)} entries, but there are {len(groups)} groups of parameters")
        flat = ()
        for i, (group, given) in enumerate(zip(groups, grads)):
            if isinstance(given, Mapping) and set(given) == {"params"} != set(group.keys):
                given = given["params"]
            flat += group.flatten(given, f"grads[{i}]")
        return flat

    def _filtered(self, n_threads):
        """Put the loaded gradients through the options; False where the step is to be skipped."""
        for plan in self._plans:
            plan.dense(self._filter.names[0])
        if not self._filter(self._plans, self._wheres, self._names_of_arrays, self._step, n_threads):
            return False
        if self._MEASURED:
            for plan in self._plans:
                plan.materialize(n_threads)
        return True

    def _run(self, rows, n_threads, value):
        """The step with the loaded gradients."""
        for plan in self._plans:
            plan.check(rows)
        for plan in self._plans:
            plan.run(rows, n_threads)

    def _check_value(self, value):
        if self._NEEDS_VALUE and value is None:
            raise TypeError(f"{type(self).__name__}.step needs value=, the objective at the parameters")
        if not self._NEEDS_VALUE:
            raise TypeError(f"{type(self).__name__}.step takes no value: its steps do not depend on the objective")
        _checks.number("value", value, -math.inf)
        return float(value)

    def step(self, grads, *, value=None):
        """Update the parameters in place by one step.

        Parameters
        ----------
        grads : array, list, dict or list of these
            The gradients, structured as `params` (for groups a list of one entry for each group, with or without
            the key "params"), with the shape and dtype of their parameters. They are only read; an array that is
            strided, unaligned or shares memory with a parameter is copied first. CPU tensors that offer DLPack
            (torch's, detached) are read where they are. A `RowGradient` where the rule takes one.
        value : float
            The objective where the gradients were taken: for rules that need it (`PolyakSGD`), not taken by others.

        Raises
        ------
        ValueError, TypeError
            Before any parameter is touched.
        RuntimeError
            Two threads step one optimizer at the same time.

        Notes
        -----
        One pass over the arrays, without allocation; clipping by a norm, `centralize` and a check for non-finite
        gradients read these once more each. A step is not interrupted. Where gradient or parameter is not finite,
        that element and its slots become so and the others do not; or see `nonfinite`.
        """
        groups = self._groups
        if groups is None or self._grouped:
            flat = self._flat(grads)
        else:
            flat = groups[0].flatten(grads, "grads")
        if value is not None or self._NEEDS_VALUE:
            value = self._check_value(value)
        self._begin()
        try:
            rows = self._rows()
            n_threads = threads(self._options["n_threads"], self._milliseconds)
            if len(self._plans) == 1 and self._filter is None and not self._MEASURED:
                self._plans[0].step(flat, rows, n_threads)
            else:
                copies = [plan.load(flat) for plan in self._plans]  # kept until the arrays have been read
                if self._filter is not None and not self._filtered(n_threads):
                    self._skipped += 1
                    self._skipped_at = self._step
                    return
                self._run(rows, n_threads, value)
                del copies
            self._step += 1
            for group in groups:
                if group.carried:
                    group.advance(1)
                else:
                    group.steps += 1
        finally:
            self._running.release()

    @property
    def n_steps(self):
        """Steps made, without those that were skipped."""
        return self._step

    @property
    def n_skipped(self):
        """Steps that nonfinite="skip" did not make."""
        return self._skipped

    @property
    def param_groups(self):
        """The groups: mappings of "params" and options; assigning an option changes it for that group."""
        self._bound()
        return tuple(ParamGroup(self, group) for group in self._groups)

    # For loops that call the rules themselves (fastopt._kernels)

    def scalars(self, n_steps):
        """The coming steps' scalars, float64 (n_steps, rows of `updates`, fo_updates.h's FO_SCALARS)."""
        self._bound()
        if self._filter is not None:
            raise ValueError(f"{self._filter.names[0]} depends on the gradients of a step; only step() applies it")
        n = _kernels.table.updates[_checks.DTYPES[1]].n_scalars()
        out = np.zeros((n_steps, len(self._effective), n))
        for ahead in range(n_steps):
            for i, row in enumerate(self._rows(ahead)):
                out[ahead, i, : len(row)] = row
        return out

    def updates(self):
        """[(rule, row of the scalars, parameter, slots)] for each array: what such a loop updates."""
        self._bound()
        arrays = [(g.rule, w, slots) for g in self._groups for w, slots in zip(g.params, g.slots)]
        return [(rule, row, w, slots) for row, (rule, w, slots) in zip(self._places, arrays)]

    def advance(self, n_steps):
        """Count steps that such a loop has made."""
        self._bound()
        if n_steps < 0:
            raise ValueError(f"n_steps must be >= 0, got {n_steps}")
        self._step += int(n_steps)
        for group in self._groups:
            group.advance(int(n_steps))

    def _like_params(self, arrays):
        """Arrays, one list for each group, in the structure of the parameters."""
        made = [
            a[0] if group.wraps == "array" else dict(zip(group.keys, a)) if group.wraps == "dict" else list(a)
            for group, a in zip(self._groups, arrays)
        ]
        return made if self._grouped else made[0]
