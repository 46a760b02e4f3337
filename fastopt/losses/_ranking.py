"""Ranking by pairs: a logistic or hinge loss of each pair of a list that its targets order."""

import numpy as np

from .. import _kernels
from .._config import threads
from .._validation import first_bad, real_array, real_number, same_shape
from ._base import check_reduction


def pairwise_ranking(y_true, raw_prediction, group=None, *, loss="logistic", margin=1.0, reduction="mean",
                     n_threads=None):  # fmt: skip
    """Sum over the pairs i, j of a group with y_i > y_j of a loss of the margin z_i - z_j of z = raw_prediction.

    "logistic" (RankNet): log(1 + e^-(z_i - z_j)), O(number of pairs); "hinge": max(0, margin - (z_i - z_j)),
    O(n log n) for any number of levels of y. Convex.

    Parameters
    ----------
    y_true : array of shape (n,)
        Finite; only its order within a group matters, and equal ones are no pair.
    raw_prediction : array of float32 or float64, shape (n,)
        Arithmetic is float64 for both.
    group : array of shape (n,), optional
        Samples of one query; all are one group by default.
    loss : {"logistic", "hinge"}
    margin : float, default 1.0
        Of the hinge; positive.
    reduction : {"mean", "sum", "none"}
        The sum over all pairs divided by their number, the sum, or the sums of the groups, in the
        order of ``numpy.unique(group)``.
    n_threads : int, optional
        As for every loss; groups go to threads.

    Returns
    -------
    value : float, or an array of shape (number of groups,) for reduction="none"
    gradient : array of shape (n,)

    References
    ----------
    C. Burges et al., Learning to rank using gradient descent, ICML 2005; T. Joachims, Training linear SVMs in
    linear time, KDD 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import pairwise_ranking
    >>> y, z = np.array([2.0, 1.0, 0.0]), np.array([3.0, 1.5, 1.0])
    >>> pairwise_ranking(y, z, loss="hinge", reduction="sum")
    (0.5, array([ 0., -1.,  1.]))
    """
    if not isinstance(loss, str) or loss not in ("logistic", "hinge"):
        raise ValueError(f"loss must be 'logistic' or 'hinge', got {loss!r}")
    check_reduction(reduction)
    margin = real_number("margin", margin, 0.0, open_low=True)
    if loss == "logistic" and margin != 1.0:
        raise ValueError(f"margin is of loss='hinge'; the logistic loss has none, got {margin}")
    raw = real_array("raw_prediction", raw_prediction)
    if raw.ndim != 1:
        raise ValueError(f"raw_prediction must have shape (n,), got shape {raw.shape}")
    y = real_array("y_true", y_true, np.float64)
    same_shape("y_true", y, "raw_prediction", raw)
    ok = np.isfinite(y)
    if not ok.all():
        raise ValueError(f"y_true must be finite, got {first_bad(y, ok)}")
    n = raw.size
    number = np.zeros(n, dtype=np.int64)
    if group is not None:
        group = np.asarray(group)
        if group.shape != raw.shape:
            raise ValueError(f"group has shape {group.shape}; it must have shape {raw.shape}")
        number = np.unique(group, return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((y, number))
    number, y = number[order], y[order]
    z = raw[order].astype(np.float64)
    start = np.append(np.searchsorted(number, np.arange(number[-1] + 1 if n else 0)), n).astype(np.int64)
    places = np.arange(n)
    new = np.ones(n, dtype=bool)
    new[1:] = (np.diff(number) != 0) | (np.diff(y) != 0)
    first = np.maximum.accumulate(np.where(new, places, 0))  # of its level
    below = (first - start[number]).astype(np.int64)
    steps = np.cumsum(new)
    level = (steps - steps[start[number]]).astype(np.int64)
    by_score = (np.lexsort((-z, number)) - start[number]).astype(np.int64) if loss == "hinge" else below
    pairs = int(below.sum())
    if reduction == "mean" and pairs == 0:
        raise ValueError("reduction='mean' divides by the number of pairs, but y_true orders none")
    sums, slope = np.zeros(start.size - 1), np.zeros(n)
    work = n * np.log2(n + 2) * 2e-5 if loss == "hinge" else pairs * 6e-6
    if n:
        _kernels.table.batch[raw.dtype].ranking(
            loss == "hinge", z, level, below, start, by_score, margin, threads(n_threads, work), sums, slope
        )
    gradient = np.empty_like(raw)
    gradient[order] = slope / (pairs if reduction == "mean" else 1)
    if reduction == "none":
        return sums.astype(raw.dtype), gradient
    return float(sums.sum()) / (pairs if reduction == "mean" else 1), gradient
