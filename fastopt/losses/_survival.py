"""Cox's partial likelihood of times that may be censored."""

import numpy as np

from .. import _kernels
from .._config import threads
from .._validation import first_bad, output, real_array
from ._base import GRADIENT, HESSIAN, PRODUCT, VALUE
from ._batch import BatchLoss, mass, register_batch
from ._traits import Traits

BOUND = 128  # COX_BOUND of batch_survival.pxi
BLOCK = 2048  # samples of which z, order and outputs stay in the first cache


class SurvivalTarget:
    """Times and events of n samples, and the order in which `CoxPartialLikelihood` goes through them.

    The order takes a sort, O(n log n). Made once and given as `y_true`, it serves every call; an array
    is sorted anew by each. It keeps the memory that a call worked in, 16 to 144 bytes a sample, for the
    next one.

    Parameters
    ----------
    time : array of shape (n,)
        Finite: when the event was seen or, of a censored sample, until when it was not.
    event : array of shape (n,), bool or 0 and 1
        Whether the event was seen.
    strata : array of shape (n,), optional
        Integers, strings or numbers: samples are compared with those of the same stratum alone.

    Attributes
    ----------
    time, event, strata : arrays, read-only
    n_samples, n_events : int

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SurvivalTarget
    >>> SurvivalTarget(np.array([5.0, 2.0, 3.0]), [True, False, True])
    SurvivalTarget(n_samples=3, n_events=2, n_strata=1)
    """

    def __init__(self, time, event, strata=None):
        time = np.array(real_array("time", time, np.float64))
        if time.ndim != 1:
            raise ValueError(f"time must have shape (n,), got shape {time.shape}")
        ok = np.isfinite(time)
        if not ok.all():
            raise ValueError(f"time must be finite, got {first_bad(time, ok)}")
        event = np.asarray(event)
        if event.dtype.kind not in "biuf":
            raise TypeError(f"event must be an array of bool or of 0 and 1, got dtype {event.dtype}")
        if event.shape != time.shape:
            raise ValueError(f"event has shape {event.shape} and time has shape {time.shape}; they must be equal")
        ok = (event == 0) | (event == 1)
        if not ok.all():
            raise ValueError(f"event must be 0 (censored) or 1 (seen), got {first_bad(event, ok)}")
        event = event.astype(bool)
        if time.size > np.iinfo(np.int32).max:
            raise ValueError(f"time must have at most {np.iinfo(np.int32).max} samples, got {time.size}")
        number = None
        if strata is not None:
            strata = np.array(strata)
            if strata.shape != time.shape:
                raise ValueError(f"strata has shape {strata.shape} and time has shape {time.shape}; they must be equal")
            number = np.unique(strata, return_inverse=True)[1]
        keys = (~event, -time) if strata is None else (~event, -time, number)
        self._order = np.lexsort(keys).astype(np.int32)
        sorted_time = time[self._order]
        new = np.ones(time.size, dtype=bool)
        first = np.zeros(time.size, dtype=bool)
        first[:1] = True
        if strata is not None:
            first[1:] = np.diff(number[self._order]) != 0
        new[1:] = (np.diff(sorted_time) != 0) | first[1:]
        starts = np.flatnonzero(new)
        seen = np.add.reduceat(event[self._order], starts, dtype=np.int64) if time.size else starts
        self._first = first[starts].view(np.uint8)
        self._start = np.append(starts, time.size).astype(np.int64)
        self._middle = starts + seen
        even = np.searchsorted(starts, np.arange(0, time.size, BLOCK))
        self._block = np.unique(np.concatenate([even, np.flatnonzero(self._first), [starts.size]])).astype(np.int64)
        self.time, self.event, self.strata = time, event, strata
        self.n_samples, self.n_events = time.size, int(event.sum())
        # Twice the group, counted in its block, and 1 more for an event
        group = np.repeat(np.arange(starts.size), np.diff(self._start))
        block = np.repeat(self._block[:-1], np.diff(self._start[self._block]))
        self._code = (2 * (group - block) + event[self._order]).astype(np.uint16)
        self._rooms = []
        for array in (self.time, self.event, self._order, self._start, self._middle, self._block, self._first,
                      self._code):  # fmt: skip
            array.flags.writeable = False
        if strata is not None:
            strata.flags.writeable = False

    def __repr__(self):
        return (
            f"SurvivalTarget(n_samples={self.n_samples}, n_events={self.n_events}, n_strata={int(self._first.sum())})"
        )

    def __getstate__(self):
        return {**self.__dict__, "_rooms": []}

    def _take(self, size):
        """`size` float64 to work in: the last call's if it is done, whose pages the system need not clear again."""
        try:
            room = self._rooms.pop()
        except IndexError:
            room = None
        return np.empty(size) if room is None or room.size < size else room

    def _give(self, room):
        if not self._rooms:
            self._rooms.append(room)

    @classmethod
    def of(cls, y_true, strata=None):
        """The target of a (n, 2) array of times and events, of a structured array with one field of bool, or itself.

        `strata` is for the arrays: a SurvivalTarget has its own.
        """
        if isinstance(y_true, SurvivalTarget):
            if strata is not None:
                raise ValueError("strata is for arrays; this y_true is a SurvivalTarget, which has its own")
            return y_true
        y = np.asarray(y_true)
        if y.dtype.names:
            flags = [name for name in y.dtype.names if y.dtype[name].kind == "b"]
            if len(y.dtype.names) != 2 or len(flags) != 1:
                raise ValueError(
                    f"a structured y_true must have one field of bool, the event, and one of times; got {y.dtype}"
                )
            (time,) = set(y.dtype.names) - set(flags)
            return cls(y[time], y[flags[0]], strata)
        if y.ndim != 2 or y.shape[1] != 2:
            raise ValueError(
                "y_true must be a SurvivalTarget, an array of shape (n, 2) of times and events, or a structured array; "
                f"got shape {y.shape}"
            )
        return cls(y[:, 0], y[:, 1], strata)


@register_batch("Cox", "CoxPHLoss", "cox")
class CoxPartialLikelihood(BatchLoss):
    """Minus Cox's log partial likelihood of log hazards z = raw_prediction of shape (n,).

    With S_i = sum of w_j e^z_j over the risk set of sample i, the samples of its stratum whose time is
    not below its own, the sum over seen events of w_i (log S_i - z_i): Breslow's, which counts m tied
    events as if each of them met all the others. Efron's takes the j-th of them, j = 0 .. m - 1, at
    S - (j/m) T with T the tied events' part of S, and gives all of them their mean weight. Both are
    the same where no events are tied. Convex.

    A pass costs O(n) after the sort (`SurvivalTarget`); exponentials are scaled by the largest z of
    each risk set, so that no z overflows and none is lost. Arithmetic is float64 for both dtypes.

    Parameters
    ----------
    ties : {"efron", "breslow"}, default "efron"
    hessian_kind : {"exact", "bound"}, default "exact"
        What `gradient_hessian` gives: the diagonal of the Hessian, or the first of its two terms,
        e^z_k A_k with A_k the sum of w_i / S_i over the events up to sample k's time (skglm's). As
        a diagonal matrix that is an upper bound of the whole Hessian. `hessp` is exact, O(n).

    Notes
    -----
    `y_true` is a `SurvivalTarget`, an array (n, 2) of times and events (1 seen, 0 censored), or a
    structured array with one field of bool, the event, and one of times. The mean divides by the
    sum of the weights of all samples, censored ones too, as skglm does; "none" is an error. A
    weight of 0 removes a sample; an integer weight is as many repeats of it with Breslow's ties (with
    Efron's, repeats are ties). Without events the loss is 0.

    References
    ----------
    D. R. Cox, Regression models and life-tables, JRSS B 34, 1972; N. Breslow, Biometrics 30, 1974;
    B. Efron, JASA 72, 1977.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CoxPartialLikelihood, SurvivalTarget
    >>> y = SurvivalTarget(np.array([1.0, 2.0, 3.0]), [True, True, False])
    >>> loss = CoxPartialLikelihood()
    >>> value, gradient = loss.value_gradient(y, np.zeros(3), reduction="sum")
    >>> print(round(value, 4), round(np.log(3) + np.log(2), 4))
    1.7918 1.7918
    >>> gradient.round(4)
    array([-0.6667, -0.1667,  0.8333])
    """

    name = "cox_partial_likelihood"
    traits = Traits(
        ("survival",), "bounded", "proportional hazards", "Cox 偏似然",
        "times until an event, some of them censored",
        "skglm `Cox`: Breslow by default, the bound as Hessian",
    )  # fmt: skip
    domain = "times and events: a SurvivalTarget, (n, 2), or a structured array"
    link = "log"
    _nanoseconds = 8.0

    def __init__(self, ties="efron", hessian_kind="exact"):
        if not isinstance(ties, str) or ties not in ("efron", "breslow"):
            raise ValueError(f"ties must be 'efron' or 'breslow', got {ties!r}")
        if not isinstance(hessian_kind, str) or hessian_kind not in ("exact", "bound"):
            raise ValueError(f"hessian_kind must be 'exact' or 'bound', got {hessian_kind!r}")
        super().__init__(ties=ties, hessian_kind=hessian_kind)

    def value(self, y_true, raw_prediction, sample_weight=None, *, strata=None, reduction="mean", n_threads=None):
        """The loss.

        Parameters
        ----------
        y_true : SurvivalTarget, array of shape (n, 2), or structured array of shape (n,)
            See the class.
        raw_prediction : array of float32 or float64, shape (n,)
            Log hazards, up to a constant for each stratum.
        sample_weight : array of shape (n,), optional
            Finite and >= 0.
        strata : array of shape (n,), optional
            With an array as `y_true`: see `SurvivalTarget`.
        reduction : {"mean", "sum"}
            Divided by the sum of the weights, or not.
        n_threads : int, optional
            As for every loss; exponentials and logarithms go to threads, the scans do not.

        Returns
        -------
        float
        """
        return self._run(VALUE, y_true, raw_prediction, sample_weight, strata, reduction, n_threads)

    def gradient(self, y_true, raw_prediction, sample_weight=None, *, strata=None, reduction="mean", n_threads=None,
                 gradient_out=None):  # fmt: skip
        """Gradient with respect to `raw_prediction` of what `value` returns, shape (n,)."""
        return self._run(GRADIENT, y_true, raw_prediction, sample_weight, strata, reduction, n_threads, gradient_out)

    def value_gradient(self, y_true, raw_prediction, sample_weight=None, *, strata=None, reduction="mean",
                       n_threads=None, gradient_out=None):  # fmt: skip
        """`value` and `gradient` in one pass."""
        return self._run(VALUE | GRADIENT, y_true, raw_prediction, sample_weight, strata, reduction, n_threads,
                         gradient_out)  # fmt: skip

    def gradient_hessian(self, y_true, raw_prediction, sample_weight=None, *, strata=None, reduction="mean",
                         n_threads=None, gradient_out=None, hessian_out=None):  # fmt: skip
        """Gradient, and the diagonal of the Hessian or its bound (`hessian_kind`), both of shape (n,)."""
        what = GRADIENT | (HESSIAN if self.hessian_kind == "exact" else BOUND)
        return self._run(what, y_true, raw_prediction, sample_weight, strata, reduction, n_threads, gradient_out,
                         hessian_out)  # fmt: skip

    def hessp(self, y_true, raw_prediction, direction, sample_weight=None, *, strata=None, reduction="mean",
              n_threads=None, product_out=None):  # fmt: skip
        """The Hessian of what `value` returns times `direction`, both of shape (n,), in O(n)."""
        return self._run(PRODUCT, y_true, raw_prediction, sample_weight, strata, reduction, n_threads, product_out,
                         None, direction)  # fmt: skip

    def _run(self, what, y_true, raw_prediction, sample_weight, strata, reduction, n_threads, out=None, second=None,
             direction=None):  # fmt: skip
        self._refuse_none(reduction)
        raw = real_array("raw_prediction", raw_prediction)
        if raw.ndim != 1:
            raise ValueError(f"raw_prediction must have shape (n,), got shape {raw.shape}")
        target = SurvivalTarget.of(y_true, strata)
        n = raw.size
        if target.n_samples != n:
            raise ValueError(f"y_true has {target.n_samples} samples and raw_prediction has shape {raw.shape}")
        weight = self._weights(sample_weight, n)
        divisor = mass(weight, n) if reduction == "mean" else 1.0
        inputs = {"raw_prediction": raw, "sample_weight": sample_weight}
        if direction is not None:
            direction = inputs["direction"] = real_array("direction", direction, raw.dtype)
            if direction.shape != raw.shape:
                raise ValueError(f"direction has shape {direction.shape}; it must have shape {raw.shape}")
        if what & (GRADIENT | PRODUCT):
            out = output("product_out" if what == PRODUCT else "gradient_out", out, raw.shape, raw.dtype, inputs)
        if what & (HESSIAN | BOUND):
            second = output("hessian_out", second, raw.shape, raw.dtype, inputs)
        value = _kernels.table.batch[raw.dtype].cox(
            raw, target, weight, direction, self.ties == "efron", what, divisor,
            threads(n_threads, n * self._nanoseconds * 1e-6), out, second,
        )  # fmt: skip
        if what == VALUE:
            return value
        if what == VALUE | GRADIENT:
            return value, out
        return out if second is None else (out, second)

    def sample(self, rng, n):
        """Times and events (n, 2), with ties, and raw predictions (float64), for tests and benchmarks."""
        y = np.column_stack([rng.integers(1, max(n // 5, 2) + 1, n), rng.random(n) < 0.7]).astype(np.float64)
        return y, rng.normal(size=n), {}
