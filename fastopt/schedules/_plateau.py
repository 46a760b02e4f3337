"""A rate that falls when a metric no longer improves."""

import math

import numpy as np

from ._base import Schedule, as_float, choice, count, real

_STATE = ("rate", "best", "smoothed", "bad", "resting")


class ReduceOnPlateau(Schedule):
    """f(step) = the rate of now; `update(metric)` multiplies it by `factor` when the metric has not improved.

    torch.optim.lr_scheduler.ReduceLROnPlateau, where its step(metric) is `update(metric)`. A metric is better than the
    best one b if it is < b * (1 - threshold) ("rel") or < b - threshold ("abs"), for mode="max" > b * (1 + threshold)
    or > b + threshold. After more than `patience` metrics in a row that are not better the rate becomes
    max(rate * factor, min_lr), and the next `cooldown` ones do not count.

    Parameters
    ----------
    lr : float
        The first rate, >= 0.
    mode : {"min", "max"}, default="min"
    factor : float, default=0.1
        In [0, 1).
    patience : int, default=10
        >= 0.
    threshold : float, default=1e-4
        >= 0.
    threshold_mode : {"rel", "abs"}, default="rel"
    cooldown : int, default=0
        >= 0.
    min_lr : float, default=0.0
        >= 0.
    eps : float, default=1e-8
        A change of the rate by no more than this is not made, >= 0.
    smoothing : float, default=0.0
        In [0, 1): what is compared is m = smoothing * m + (1 - smoothing) * metric, from the first metric on. A metric
        that is not finite is never better and does not enter m.

    Notes
    -----
    It has a state. As the `lr` of an optimizer with parameters it is that very object, which the caller updates; `bind`
    gives the new optimizer a copy, to be updated as ``opt.lr.update(metric)``. The optimizer's `state_dict` holds its
    state; clone drops it, pickle keeps it, set_params begins anew.

    Examples
    --------
    >>> f = ReduceOnPlateau(1.0, factor=0.5, patience=1)
    >>> for metric in (3.0, 2.0, 2.0):
    ...     f.update(metric)
    >>> f(3)
    1.0
    >>> f.update(2.5)
    >>> f(4)
    0.5
    """

    def __init__(self, lr, mode="min", factor=0.1, patience=10, threshold=1e-4, threshold_mode="rel", cooldown=0,
                 min_lr=0.0, eps=1e-8, smoothing=0.0):  # fmt: skip
        real("ReduceOnPlateau", "lr", lr)
        choice("ReduceOnPlateau", "mode", mode, ("min", "max"))
        for name, value in (("factor", factor), ("smoothing", smoothing)):
            real("ReduceOnPlateau", name, value, 0, 1)
            if value == 1:
                raise ValueError(f"ReduceOnPlateau: {name} must be in [0, 1), got {value!r}")
        count("ReduceOnPlateau", "patience", patience, 0)
        real("ReduceOnPlateau", "threshold", threshold)
        choice("ReduceOnPlateau", "threshold_mode", threshold_mode, ("rel", "abs"))
        count("ReduceOnPlateau", "cooldown", cooldown, 0)
        real("ReduceOnPlateau", "min_lr", min_lr)
        real("ReduceOnPlateau", "eps", eps)
        self.lr, self.mode, self.factor, self.patience, self.threshold = lr, mode, factor, patience, threshold
        self.threshold_mode, self.cooldown, self.min_lr, self.eps = threshold_mode, cooldown, min_lr, eps
        self.smoothing = smoothing
        self.reset()

    def reset(self):
        """Back to the first rate."""
        self._rate, self._best = float(self.lr), math.inf if self.mode == "min" else -math.inf
        self._smoothed, self._bad, self._resting = math.nan, 0, 0

    def __call__(self, step):
        return self._rate

    def _better(self, value):
        sign = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "rel":
            border = self._best * (1.0 + sign * self.threshold)
        else:
            border = self._best + sign * self.threshold
        return value > border if self.mode == "max" else value < border

    def update(self, metric):
        """Take the metric of now, a number."""
        value = as_float(metric, "metric")
        if self.smoothing and math.isfinite(value):
            old = value if math.isnan(self._smoothed) else self._smoothed
            value = self._smoothed = self.smoothing * old + (1.0 - self.smoothing) * value
        if self._better(value):
            self._best, self._bad = value, 0
        else:
            self._bad += 1
        if self._resting:
            self._resting, self._bad = self._resting - 1, 0
        if self._bad > self.patience:
            rate = max(self._rate * self.factor, float(self.min_lr))
            if self._rate - rate > self.eps:
                self._rate = rate
            self._resting, self._bad = int(self.cooldown), 0

    def state_dict(self):
        """The state, a flat mapping of float64 arrays: rate, best, smoothed, bad, resting."""
        return {name: np.array(getattr(self, f"_{name}"), dtype=np.float64) for name in _STATE}

    def load_state_dict(self, state):
        """Go on from a `state_dict`; nothing changes where it is not one."""
        if not hasattr(state, "keys"):
            raise TypeError(f"state must be a mapping of arrays, got {type(state).__name__}")
        if set(state) != set(_STATE):
            raise ValueError(f"state must have the keys {', '.join(_STATE)}, got {', '.join(map(str, state))}")
        values = {name: float(state[name]) for name in _STATE}
        if not 0 <= values["rate"] < math.inf or any(
            not 0 <= values[name] < math.inf or values[name] % 1 for name in ("bad", "resting")
        ):
            raise ValueError(f"state must have a rate >= 0 and whole numbers bad and resting >= 0, got {values}")
        self._rate, self._best, self._smoothed = values["rate"], values["best"], values["smoothed"]
        self._bad, self._resting = int(values["bad"]), int(values["resting"])

    def __eq__(self, other):
        """Parameters and state."""
        if not super().__eq__(other):
            return False
        mine, theirs = self.state_dict(), other.state_dict()
        return all(np.array_equal(mine[name], theirs[name], equal_nan=True) for name in _STATE)

    __hash__ = None
