"""What every optimizer can do with gradients before its rule gets them, and which arrays get which decay and rate."""

import math
from collections.abc import Mapping

import numpy as np

from ..schedules._base import Schedule
from . import _checks

# The options that every optimizer has beside those of its signature, and what else it must have to take them.
COMMON = {
    "clip_value": (None, "clip_global_norm"),
    "clip_norm": (None, "clip_global_norm"),
    "clip_adaptive": (None, "clip_global_norm"),
    "centralize": (False, None),
    "noise": (None, None),
    "nonfinite": ("propagate", None),
    "weight_decay_exclude": (None, "weight_decay"),
    "lr_multiplier": (None, None),
}
CLIPS = ("clip_value", "clip_norm", "clip_global_norm", "clip_adaptive")
GRADIENT = (*CLIPS, "centralize", "noise")  # options that change what a rule gets
EPS = 1e-3  # of clip_adaptive: optax' default


class GradientNoise(Schedule):
    r"""Annealed Gaussian noise for gradients, an optimizer's option `noise`: variance :math:`\eta / (1 + t)^\gamma`.

    t is the step from 0. The numbers are a function of the seed, the step, the array's place and the element's
    (Philox 4x32-10, Box and Muller): the same for any n_threads, and a resumed run goes on with the same ones.

    Parameters
    ----------
    eta : float, default=0.01
        > 0.
    gamma : float, default=0.55
        >= 0; 0 keeps the noise as it is.
    seed : int, default=0
        In [0, 2^64).

    Notes
    -----
    Neelakantan et al., Adding gradient noise improves learning for very deep networks (2015); optax.add_noise, whose
    numbers are others. Called with a step it gives the standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> w = np.zeros(10_000)
    >>> SGD(w, lr=1.0, noise=GradientNoise(0.25, seed=1)).step(np.zeros(10_000))
    >>> print(f"{w.std():.2f}")
    0.50
    """

    def __init__(self, eta=0.01, gamma=0.55, seed=0):
        _checks.number("eta", eta, 0)
        _checks.positive("eta", eta, "noise=None adds none")
        _checks.number("gamma", gamma, 0)
        _checks.seed(seed)
        self.eta, self.gamma, self.seed = eta, gamma, seed

    def __call__(self, step):
        return math.sqrt(self.eta / (1.0 + step) ** self.gamma)


def check(o):
    """The common options."""
    for name in CLIPS:
        value = o.get(name)
        if value is None:
            continue
        if name == "clip_adaptive" and isinstance(value, (tuple, list)):
            if len(value) != 2:
                raise TypeError(f"clip_adaptive must be a number or a pair (clipping, eps), got {value!r}")
            for part, v in zip(("clipping", "eps"), value):
                _checks.number(f"clip_adaptive's {part}", v, 0)
                _checks.positive(f"clip_adaptive's {part}", v, "0 would leave no gradient")
            continue
        _checks.number(name, value, 0)
        _checks.positive(name, value, "0 would leave no gradient")
    given = [name for name in CLIPS if o.get(name) is not None]
    if len(given) > 1:
        raise ValueError(f"an optimizer clips in one way, got {' and '.join(given)}")
    _checks.flag("centralize", o.get("centralize", False))
    if o.get("centralize") and o.get("clip_adaptive") is not None and o["like"] == "optax":
        raise ValueError(
            "centralize and clip_adaptive of like='optax' take the units of an array along different axes and exclude "
            "each other; like='torch' (first axis) and 'keras' (last axis) have both"
        )
    noise = o.get("noise")
    if noise is not None and not isinstance(noise, GradientNoise):
        raise TypeError(f"noise must be None or a GradientNoise, got {type(noise).__name__}")
    if o.get("nonfinite", "propagate") not in ("propagate", "skip", "raise"):
        raise ValueError(f"nonfinite must be 'propagate', 'skip' or 'raise', got {o['nonfinite']!r}")
    exclude = o.get("weight_decay_exclude")
    if not (exclude is None or callable(exclude) or exclude == "vectors"):
        if isinstance(exclude, str) or not isinstance(exclude, (list, tuple, set, frozenset)):
            raise TypeError(
                "weight_decay_exclude must be None, 'vectors', a list of keys of params or a function of key and "
                f"array, got {exclude!r}"
            )
    multiplier = o.get("lr_multiplier")
    if multiplier is not None:
        if not isinstance(multiplier, Mapping):
            raise TypeError(f"lr_multiplier must be a dict from keys of params to numbers, got {multiplier!r}")
        for key, value in multiplier.items():
            _checks.number(f"lr_multiplier[{key!r}]", value, 0)


def refuse(labels):
    """Raise for gradients that are not finite."""
    names = ", ".join(f"grads{label}" for label in labels)
    raise ValueError(f"{names} {'is' if len(labels) == 1 else 'are'} not finite; nothing was updated")


def variants(groups, o):
    """For each group the (excluded from decay, multiplier of the rate) of each array."""
    exclude, multiplier = o.get("weight_decay_exclude"), o.get("lr_multiplier") or {}
    keys = {key for group in groups for key in group.keys}
    for name, wanted in (
        ("weight_decay_exclude", exclude if isinstance(exclude, (list, tuple, set, frozenset)) else ()),
        ("lr_multiplier", multiplier),
    ):
        unknown = [key for key in wanted if key not in keys]
        if unknown:
            raise ValueError(f"{name} names {unknown}, which are not keys of params: {sorted(keys, key=str)}")

    def excluded(key, w):
        if exclude is None:
            return False
        if callable(exclude):
            return bool(exclude(key, w))
        return sum(n > 1 for n in w.shape) <= 1 and w.ndim <= 1 if exclude == "vectors" else key in exclude

    return [
        [(excluded(key, w), float(multiplier.get(key, 1.0))) for key, w in zip(group.keys, group.params)]
        for group in groups
    ]


def cut(shape, like):
    """(rows, columns, whether a row is a unit, else a column) of an array whose units are clipped by themselves.

    A unit is an entry of the first axis ("torch") or of the last; optax takes arrays of three axes for the weights of
    attention heads, whose units are the entries of the last two.
    """
    size = math.prod(shape)
    if sum(n > 1 for n in shape) <= 1:
        return 1, size, True
    if like == "torch" or (like == "optax" and len(shape) == 3):
        return shape[0], size // max(1, shape[0]), like == "torch"
    return size // max(1, shape[-1]), shape[-1], False


def factors(norms, limit, like):
    """What brings norms to the limit, 1 where they are below, by the convention of torch or of the others."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if like == "torch":
            return np.minimum(limit / (norms + 1e-6), 1.0)
        return np.where(norms <= limit, 1.0, limit / norms)


def factor(norm, limit, like):
    """`factors` of one norm."""
    if like == "torch":
        return min(limit / (norm + 1e-6), 1.0) if norm == norm else norm
    return 1.0 if norm <= limit else limit / norm


def total_norm(squares):
    """The norm from the list of sums of squares of arrays, added in their order."""
    total = 0.0
    for one in squares:
        total += one
    return math.sqrt(total) if total == total else math.nan


class Filter:
    """The options on gradients of one optimizer; tells its plans what to do with those of a step.

    Order: not finite, centralisation, clipping, noise.
    """

    def __init__(self, o):
        self.like, self.nonfinite, self.noise = o["like"], o["nonfinite"], o["noise"]
        self.centralize = o["centralize"]
        self.names = [n for n in GRADIENT if o.get(n) not in (None, False)]
        self.names += ["nonfinite"] * (o["nonfinite"] != "propagate")
        self.clip, self.limit = next(((name, o[name]) for name in CLIPS if o.get(name) is not None), (None, None))
        self.eps = EPS
        if self.clip == "clip_adaptive" and isinstance(self.limit, (tuple, list)):
            self.limit, self.eps = self.limit
        self.limit = None if self.limit is None else float(self.limit)

    @staticmethod
    def needed(o):
        return o["nonfinite"] != "propagate" or any(o.get(name) not in (None, False) for name in GRADIENT)

    @staticmethod
    def shape(one):
        """What the layout of arrays depends on."""
        return None if one is None else (one.like, one.centralize, one.clip == "clip_adaptive")

    def layout(self, w):
        """(rows, columns, whether a row is a unit, whether units are centred) of an array."""
        if not self.centralize:
            return (*(cut(w.shape, self.like) if self.clip == "clip_adaptive" else (1, w.size, True)), False)
        if w.ndim <= 1:
            return 1, w.size, True, False
        if self.like == "keras":
            return w.size // max(1, w.shape[-1]), w.shape[-1], False, True
        return w.shape[0], w.size // max(1, w.shape[0]), True, True

    def __call__(self, plans, wheres, labels, step, n_threads):
        """Prepare the plans for their loaded gradients; False where the step is to be skipped."""
        if self.nonfinite != "propagate":
            bad = [where[i] for plan, where in zip(plans, wheres) for i in np.flatnonzero(~plan.finite(n_threads))]
            if bad and self.nonfinite == "skip":
                return False
            if bad:
                refuse([labels[i] for i in sorted(bad)])
        bound = self.limit if self.clip == "clip_value" else 0.0
        sigma, seed = (0.0, 0) if self.noise is None else (self.noise(step), int(self.noise.seed))
        for plan in plans:
            plan.reset(bound, sigma, seed, step & 0xFFFFFFFF)
            if self.centralize:
                plan.centre(n_threads)
        if self.clip == "clip_global_norm":
            if len(plans) == 1:
                squares = plans[0].squares_of_arrays(n_threads)
            else:
                by_place = {}
                for plan, where in zip(plans, wheres):
                    by_place.update(zip(where, plan.squares_of_arrays(n_threads)))
                squares = [by_place[i] for i in range(len(labels))]
            scale = factor(total_norm(squares), self.limit, self.like)
            for plan in plans:
                plan.scale_all(scale)
        elif self.clip == "clip_norm":
            for plan in plans:
                norms = np.sqrt(plan.squares_of_arrays(n_threads))
                plan.scale_arrays(factors(norms, self.limit, self.like))
        elif self.clip == "clip_adaptive":
            for plan in plans:
                norms = np.sqrt(plan.squares_of_units(n_threads))
                most = np.sqrt(plan.squares_of_units(n_threads, True))
                plan.scale_units(factors(norms, self.limit * np.maximum(most, self.eps), "optax"))
        return True
