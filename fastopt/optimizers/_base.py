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
from . import _checks, _filters, _tensors
from ._groups import Group, ParamGroup, collect, like

SCHEMA = 1
ALPHA, BETA = 3, 4  # places of the step and the second step in a row of scalars
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


def averaged(self, o, row, t):
    """`Optimizer._weight` of rules whose first slot is an average with bias correction."""
    return row[ALPHA] * (1.0 - o["betas"][0] ** t) + row[BETA]


def geometric(ratio, n):
    """1 + ratio + ... + ratio^(n - 1)."""
    return float(n) if ratio == 1 else (1.0 - ratio**n) / (1.0 - ratio)


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


class Optimizer:
    r"""Base of the optimizers; see `SGD` and `Adam` for what they compute.

    Every optimizer has these options beside those of its signature, for all groups; what a step does to gradients
    comes in this order, within the step, and leaves the caller's arrays as they are:

    nonfinite : {"propagate", "skip", "raise"}, default="propagate"
        What a gradient with a NaN or an infinity does: enter the rule; leave parameters, slots and `n_steps` as they are
        and count in `n_skipped`; or raise a ValueError that names the arrays, before anything is changed.
    centralize : bool, default=False
        Subtract from the gradient of each array with at least two axes its mean over each unit: an entry of the first
        axis (like="torch", "optax"), or of the last one ("keras").
    clip_value, clip_norm, clip_global_norm, clip_adaptive : float or None, default=None
        One of them: `clipping`'s functions by the optimizer's convention. clip_adaptive is the factor c, or a pair
        (c, eps) with eps 1e-3 if not given; its units are the entries of the first axis ("torch") or of the last.
        Rules that look at signs alone have none of them.
    noise : GradientNoise or None, default=None
        Gaussian noise, annealed.
    weight_decay_exclude : None, "vectors", list of keys or function of (key, array), default=None
        The arrays whose weight decay, coupled or decoupled, is 0: those with at most one axis (biases, scales of norms),
        those of these keys of params (the index in a list), or those for which the function is true.
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
    _NO_LENGTHS = ""  # why a step is not a length times gradients, where it is not
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

    def __getstate__(self):
        names = ("_options", "_groups", "_grouped", "_step", "_skipped", "_skipped_at")
        state = {name: self.__dict__[name] for name in names}
        if self._groups is not None:
            state["_groups"] = [(g.keys, g.params, g.own, g.wraps, g.slots, g.steps, g.carry()) for g in self._groups]
        return state

    def __setstate__(self, state):
        groups = state["_groups"]
        self.__dict__.update(state, _groups=None, _plans=None, _running=threading.Lock())
        if groups is not None:
            self._groups = []
            for keys, params, own, wraps, slots, steps, carry in groups:
                group = Group((keys, params), own, wraps)
                group.rule, group.slot_names = self._rule(group.options(self._options))
                group.slots = [tuple(like(w, shape=a.shape) for a in old) for w, old in zip(params, slots)]
                for new, old in zip(group.slots, slots):
                    for a, b in zip(new, old):
                        a[...] = b
                group.steps = steps
                if carry:
                    group.carried[steps] = carry
                self._groups.append(group)
            self._refresh()

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

    @staticmethod
    def _lr(lr, step):
        value = float(lr(step))
        if not 0 <= value < math.inf:
            raise ValueError(f"the schedule gives lr = {value!r} at step {step}; it must be finite and >= 0")
        return value

    def _lr_at(self, group, lr, ahead):
        """The rate of a group at the step that is `ahead` of the coming one; lr: the option."""
        return self._lr(lr, self._step + ahead) if callable(lr) else lr

    def _lr_last(self, group, lr):
        return self._lr_at(group, lr, -1)

    def _rows(self, ahead=0):
        """The scalars of the step that is `ahead` of the coming one, a tuple for each entry of `_effective`."""
        return tuple(
            [
                row(self._lr_at(group, lr, ahead) * multiplier, group.steps + ahead + 1)
                for group, lr, multiplier, row in self._effective
            ]
        )

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
        if not self._running.acquire(False):
            raise RuntimeError("step() of this optimizer is already running, in another thread or around its schedule")
        try:
            if self._plans is None or self._table is not _kernels.table:
                self._build()
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

    # The metric of a step

    def _weight(self, o, row, t):
        """How much of a gradient that has always been the same is in step t, before the rule divides it; o: the options
        of the group, row: the step's scalars."""
        return row[ALPHA]

    def _length_rows(self):
        """The scalars of the last step with `_weight` as alpha; 0 where there was none."""
        idle, rows = self._skipped_at == self._step, []
        for group, lr, multiplier, row in self._effective:
            rate = 0.0 if idle or not group.steps else self._lr_last(group, lr) * multiplier
            if rate == 0:
                rows.append((0.0,) * (ALPHA + 1))
                continue
            given = row(rate, group.steps)
            weight = float(self._weight(group.options(self._options), given, group.steps))
            rows.append((*given[:ALPHA], weight, *given[ALPHA + 1 :]))
        return tuple(rows)

    def step_lengths(self):
        r"""The lengths of the last step by coefficient, which are also called effective learning rates.

        A rule that divides by coefficient (Adam) steps by :math:`-d \odot \bar h`, with lengths d from its slots and an
        average :math:`\bar h` of the gradients h (of its docstring) so far, whose weights add up to 1. In the metric
        1 / d the proximal step of a penalty that is a sum over coefficients is ``penalty.prox(w, d)``, and what then
        stays as it is minimises loss plus penalty: see `penalties.prox_step`.

        - Bias corrections belong to d, and so do the rate of the step, `lr_multiplier` and groups; decoupled weight
          decay does not.
        - A velocity (momentum of SGD and RMSprop) adds up scaled gradients: d has the sum of its weights up to this
          step, for momentum m without dampening :math:`1 + m + \dots + m^{t - 1}`, at the rate and divisor of now.
        - NAdam's and Adan's weights are those of a gradient that does not change.
        - h is what reaches the rule: clipping, `centralize` and noise came before.

        Returns
        -------
        array, list, dict or list of these
            In the structure of the parameters, for groups a list: for each array one like it, or a float where all its
            coefficients have one length (SGD, ASGD, DoG, PolyakSGD, BarzilaiBorwein, AdaptiveGD; 0.0 where the rate
            was 0, where `nonfinite` has skipped the last call of `step`, and for groups that were added after it).

        Raises
        ------
        ValueError
            Before the first step, and for rules whose step is no length times gradients; the message says why.

        Notes
        -----
        One pass over the slots; steps do not pay for it. The options are those of now: a rate that was set after the
        step, or a `schedules.ReduceOnPlateau` that has fallen since, counts as the step's. Duchi, Hazan and Singer,
        Adaptive subgradient methods (2011), minimise in this metric.

        Examples
        --------
        >>> import numpy as np
        >>> from fastopt.optimizers import Adam
        >>> w = np.array([1.0, 1.0])
        >>> opt = Adam(w, lr=0.1)
        >>> opt.step(np.array([2.0, -0.5]))
        >>> np.round(opt.step_lengths(), 6)  # of steps of 0.1
        array([0.05, 0.2 ])
        """
        self._bound()
        if self._NO_LENGTHS:
            raise ValueError(f"{type(self).__name__} has no step lengths: {self._NO_LENGTHS}")
        if not self._step:
            raise ValueError("no step has been made: step_lengths are those of the last one")
        if not self._running.acquire(False):
            raise RuntimeError("step() of this optimizer is running, in another thread or around its schedule")
        try:
            if self._plans is None or self._table is not _kernels.table:
                self._build()
            rows = self._length_rows()
            divided = _kernels.table.updates[_checks.DTYPES[1]].with_lengths()
            arrays = [(group.rule, w) for group in self._groups for w in group.params]
            made = [
                np.empty_like(w, subok=False) if rule in divided and rows[place][ALPHA] else rows[place][ALPHA]
                for (rule, w), place in zip(arrays, self._places)
            ]
            n_threads = threads(self._options["n_threads"], self._milliseconds)
            for plan, where in zip(self._plans, self._wheres):
                outs = [made[i] if isinstance(made[i], np.ndarray) else None for i in where]
                kernels = _kernels.table.updates[arrays[where[0]][1].dtype]
                kernels.step_lengths(plan, outs, rows, n_threads)
            left = iter(made)
            return self._like_params([[next(left) for _ in group.params] for group in self._groups])
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

    # State

    def _slot_items(self):
        for i, group in enumerate(self._groups):
            for key, slots in zip(group.keys, group.slots):
                path = ([str(i)] if self._grouped else []) + ([] if group.wraps == "array" else [str(key)])
                for name, slot in zip(group.slot_names, slots):
                    yield ".".join([name, *path]), slot

    def _schedules(self):
        """(key, schedule) of the rates that have a state."""
        rates = [("lr", self._options["lr"])]
        rates += [(f"lr.{i}", group.own["lr"]) for i, group in enumerate(self._groups) if "lr" in group.own]
        return [(key, rate) for key, rate in rates if hasattr(rate, "state_dict")]

    def state_dict(self):
        """What the next step needs beside parameters and options: a flat mapping of arrays, copies of ours.

        Keys: "schema", "optimizer", "like", "step", "skipped", "group_step" and, for each slot and parameter, the slot's name
        with the parameter's place ("exp_avg", "exp_avg.0", "exp_avg.w", "exp_avg.0.w" for one array, a list, a dict,
        groups); the schedule-free rules' "weight_sum" and "lr_max" of each group; of a schedule with a state also "lr."
        and "lr.0." (of a group's own) with its keys. `numpy.savez(file, **state)` stores it. Options are not part of
        it: the constructor says them.
        """
        self._bound()
        return {
            "schema": np.array(SCHEMA),
            "optimizer": np.array(type(self).__name__),
            "like": np.array(self._options["like"]),
            "step": np.array(self._step, dtype=np.int64),
            "skipped": np.array(self._skipped, dtype=np.int64),
            "group_step": np.array([g.steps for g in self._groups], dtype=np.int64),
            **{
                name: np.array([g.carry()[i] if g.carry() else 0.0 for g in self._groups])
                for i, name in enumerate(self._CARRIED)
            },
            **{key: slot.copy() for key, slot in self._slot_items()},
            **{f"{at}.{key}": np.asarray(v) for at, rate in self._schedules() for key, v in rate.state_dict().items()},
        }

    def load_state_dict(self, state):
        """Go on from a `state_dict`: the next steps equal, bit for bit, those of the optimizer that gave it.

        Raises where the state is of another optimizer, convention or set of arrays, before anything is changed.
        """
        self._bound()
        if not hasattr(state, "keys"):
            raise TypeError(f"state must be a mapping of arrays, got {type(state).__name__}")
        mine = self.state_dict()
        state = {key: np.asarray(state[key]) for key in state}
        if "schema" not in state or "optimizer" not in state:
            raise ValueError("state is not the state_dict of a fastopt optimizer: 'schema' or 'optimizer' is missing")
        if state["schema"].ndim or state["schema"] != SCHEMA:
            raise ValueError(f"state has schema {state['schema']}, this version reads {SCHEMA}")
        for name in ("optimizer", "like"):
            if str(state.get(name)) != str(mine[name]):
                raise ValueError(f"state is of {name} {str(state.get(name))!r}, this one has {str(mine[name])!r}")
        missing, extra = sorted(set(mine) - set(state)), sorted(set(state) - set(mine))
        if missing or extra:
            raise ValueError(f"state does not fit these parameters and options: missing {missing}, unknown {extra}")
        for key, value in mine.items():
            if key in ("schema", "optimizer", "like"):
                continue
            if state[key].shape != value.shape or state[key].dtype != value.dtype:
                raise ValueError(
                    f"state[{key!r}] has shape {state[key].shape} and dtype {state[key].dtype}, "
                    f"expected {value.shape} and {value.dtype}"
                )
        if state["step"] < 0 or state["skipped"] < 0 or (state["group_step"] < 0).any():
            raise ValueError("state has a negative number of steps")
        rates = [(rate, {k: state[f"{at}.{k}"] for k in rate.state_dict()}) for at, rate in self._schedules()]
        for rate, values in rates:  # raises where one is not legal
            copy.deepcopy(rate).load_state_dict(values)
        for rate, values in rates:
            rate.load_state_dict(values)
        self._step, self._skipped, self._skipped_at = int(state["step"]), int(state["skipped"]), None
        for i, (group, steps) in enumerate(zip(self._groups, state["group_step"])):
            group.steps = int(steps)
            group.carried.clear()
            if self._CARRIED:
                group.carried[group.steps] = tuple(float(state[name][i]) for name in self._CARRIED)
        for key, slot in self._slot_items():
            slot[...] = state[key]
