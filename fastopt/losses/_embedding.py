"""Losses of embeddings, as functions: triplets, pairs and batches of rows, with their gradients."""

import numpy as np

from .. import _kernels
from .._config import threads
from .._validation import first_bad, real_array, real_number, same_shape
from ._base import check_reduction
from ._batch import mass, weights
from ._rows import SoftmaxCrossEntropy

TRIPLET, CONTRAST, COSINE = 0, 1, 2
SOFTMAX = SoftmaxCrossEntropy()


def _same_arrays(names, arrays, ndim=None):
    """Float arrays of one shape and dtype, that of the first."""
    first = real_array(names[0], arrays[0])
    if ndim is not None and (first.ndim != ndim or first.shape[1] == 0):
        raise ValueError(f"{names[0]} must have shape (n, d) with d >= 1, got shape {first.shape}")
    others = [real_array(name, array, first.dtype) for name, array in zip(names[1:], arrays[1:])]
    for name, array in zip(names[1:], others):
        same_shape(name, array, names[0], first)
    return [first, *others]


def _signs(y_true, shape):
    """y_true of -1 and +1 as a checked array of this shape."""
    y = real_array("y_true", y_true, np.float64)
    if y.shape != shape:
        raise ValueError(f"y_true has shape {y.shape}; it must have shape {shape}")
    ok = (y == 1) | (y == -1)
    if not ok.all():
        raise ValueError(f"y_true must be -1 or +1, got {first_bad(y, ok)}; labels 0/1 are mapped by 2*y - 1")
    return y


def _scales(sample_weight, reduction, shape):
    """Weights in float64, or None, and what gradients are multiplied by: the weights over what a mean divides by."""
    check_reduction(reduction)
    weight = None if sample_weight is None else weights(sample_weight, shape)
    divisor = mass(weight, int(np.prod(shape))) if reduction == "mean" else 1.0
    scale = np.ones(shape) if weight is None else weight
    return weight, scale / divisor, divisor


def _reduce(losses, weight, reduction, divisor, dtype):
    if weight is not None:
        losses = losses * weight
    return losses.astype(dtype) if reduction == "none" else float(losses.sum()) / divisor


def _rows(kind, arrays, same, margin, power, eps, swap, sample_weight, reduction, n_threads):
    """Value and gradients of the kernel over rows."""
    x = arrays[0]
    n = x.shape[0]
    weight, scale, divisor = _scales(sample_weight, reduction, (n,))
    gradients = [np.empty_like(x) for _ in arrays]
    losses = np.empty(n)
    triple = [*arrays, None][:3]
    outputs = [*gradients, None][:3]
    _kernels.table.batch[x.dtype].pairs(
        kind, *triple, same, margin, power, eps, swap, scale, threads(n_threads, x.size * 8e-6), losses, *outputs
    )
    return _reduce(losses, weight, reduction, divisor, x.dtype), tuple(gradients)


def margin_ranking(first, second, y_true, sample_weight=None, *, margin=0.0, reduction="mean"):
    """Margin ranking loss max(0, margin - y (a - b)) of scores a = first, b = second; y = +1 where a is to be larger.

    torch.nn.MarginRankingLoss. Gradient -y and +y where the loss is positive, else 0, also at the kink.

    Parameters
    ----------
    first, second : arrays of float32 or float64, any shape
    y_true : array of -1 and +1, like `first`
    sample_weight : array like `first`, optional
    margin : float, default 0.0
    reduction : {"mean", "sum", "none"}
        Sum of w l / sum of w, sum of w l, or the w l themselves.

    Returns
    -------
    value : float, or an array for reduction="none"
    gradients : tuple of 2 arrays
        With respect to `first` and `second`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import margin_ranking
    >>> value, gradients = margin_ranking(np.array([2.0, 1.0]), np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    >>> value, gradients[0]
    (1.0, array([ 0. , -0.5]))
    """
    margin = real_number("margin", margin)
    a, b = _same_arrays(("first", "second"), (first, second))
    y = _signs(y_true, a.shape)
    weight, scale, divisor = _scales(sample_weight, reduction, a.shape)
    # Halves: a difference of two finite numbers may overflow.
    half = 0.5 * margin - y * (0.5 * a.astype(np.float64) - 0.5 * b)
    half = np.where(half < 0, 0.0, half)
    gradient = np.where(half > 0, -y, half * 0.0) * scale
    value = _reduce(2.0 * half, weight, reduction, divisor, a.dtype)
    return value, (gradient.astype(a.dtype), (-gradient).astype(a.dtype))


def hinge_embedding(distance, y_true, sample_weight=None, *, margin=1.0, reduction="mean"):
    """Hinge embedding loss of distances z: z where y = +1 (together), max(0, margin - z) where y = -1 (apart).

    torch.nn.HingeEmbeddingLoss. Gradient 1, and -1 where z < margin.

    Parameters
    ----------
    distance : array of float32 or float64, any shape
    y_true : array of -1 and +1, like `distance`
    sample_weight : array like `distance`, optional
    margin : float, default 1.0
    reduction : {"mean", "sum", "none"}
        As for `margin_ranking`.

    Returns
    -------
    value : float, or an array for reduction="none"
    gradient : array like `distance`

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import hinge_embedding
    >>> hinge_embedding(np.array([0.5, 0.25, 2.0]), np.array([1, -1, -1]), reduction="sum")
    (1.25, array([ 1., -1.,  0.]))
    """
    margin = real_number("margin", margin)
    (z,) = _same_arrays(("distance",), (distance,))
    y = _signs(y_true, z.shape)
    weight, scale, divisor = _scales(sample_weight, reduction, z.shape)
    wide = z.astype(np.float64)
    gap = margin - wide
    losses = np.where(y > 0, wide, np.where(gap < 0, 0.0, gap))
    gradient = np.where(y > 0, 1.0 + 0.0 * np.where(np.isnan(wide), wide, 0.0), np.where(gap > 0, -1.0, losses * 0.0))
    return _reduce(losses, weight, reduction, divisor, z.dtype), (gradient * scale).astype(z.dtype)


def cosine_embedding(first, second, y_true, sample_weight=None, *, margin=0.0, reduction="mean", n_threads=None):
    """Cosine embedding loss of rows a and b: 1 - c where y = +1, max(0, c - margin) where y = -1, c = cos(a, b).

    torch.nn.CosineEmbeddingLoss. 1 - c is computed as half the squared distance of the unit
    vectors, which does not cancel. The cosine with a row of zeros counts as 0, without a gradient.

    Parameters
    ----------
    first, second : arrays of float32 or float64, shape (n, d)
    y_true : array of -1 and +1, shape (n,)
    sample_weight : array of shape (n,), optional
    margin : float in [-1, 1], default 0.0
    reduction : {"mean", "sum", "none"}
        As for `margin_ranking`.
    n_threads : int, optional
        As for every loss.

    Returns
    -------
    value : float, or an array of shape (n,) for reduction="none"
    gradients : tuple of 2 arrays of shape (n, d)

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import cosine_embedding
    >>> value, gradients = cosine_embedding(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]]), np.array([1]))
    >>> value, float(gradients[0][0, 1]), float(gradients[1][0, 0])
    (1.0, -1.0, -0.5)
    """
    margin = real_number("margin", margin, -1.0, 1.0)
    arrays = _same_arrays(("first", "second"), (first, second), 2)
    same = (_signs(y_true, arrays[0].shape[:1]) > 0).view(np.uint8)
    return _rows(COSINE, arrays, same, margin, 2.0, 0.0, False, sample_weight, reduction, n_threads)


def triplet(anchor, positive, negative, sample_weight=None, *, margin=1.0, p=2.0, eps=1e-6, swap=False,
            reduction="mean", n_threads=None):  # fmt: skip
    """Triplet loss max(0, d(a, b) - d(a, c) + margin) of rows a = anchor, b = positive, c = negative.

    d(a, b) = (sum of |a - b + eps|^p)^(1/p), torch's distance. (optax' triplet_margin_loss takes no
    absolute value before the power, so that its p = 1 adds signed differences.) Gradients are 0
    where the loss is 0 and of a distance that is 0.

    Parameters
    ----------
    anchor, positive, negative : arrays of float32 or float64, shape (n, d)
    sample_weight : array of shape (n,), optional
    margin : float, default 1.0
        Positive.
    p : float >= 1 or inf, default 2.0
    eps : float >= 0, default 1e-6
        Added to each difference.
    swap : bool, default False
        Whether d(b, c) takes the place of d(a, c) where it is smaller.
    reduction : {"mean", "sum", "none"}
        As for `margin_ranking`.
    n_threads : int, optional
        As for every loss.

    Returns
    -------
    value : float, or an array of shape (n,) for reduction="none"
    gradients : tuple of 3 arrays of shape (n, d)

    References
    ----------
    V. Balntas et al., Learning shallow convolutional feature descriptors with triplet losses, BMVC 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import triplet
    >>> a, b, c = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 5.5]])
    >>> value, gradients = triplet(a, b, c, eps=0.0)
    >>> value
    0.5
    >>> gradients[0]
    array([[-0.6,  0.2]])
    """
    margin = real_number("margin", margin, 0.0, open_low=True)
    p = np.inf if isinstance(p, (float, np.floating)) and p == np.inf else real_number("p", p, 1.0)
    eps = real_number("eps", eps, 0.0)
    if not isinstance(swap, (bool, np.bool_)):
        raise TypeError(f"swap must be a bool, got {type(swap).__name__}")
    arrays = _same_arrays(("anchor", "positive", "negative"), (anchor, positive, negative), 2)
    return _rows(TRIPLET, arrays, None, margin, p, eps, bool(swap), sample_weight, reduction, n_threads)


def contrastive(first, second, y_true, sample_weight=None, *, margin=1.0, reduction="mean", n_threads=None):
    """Contrastive loss of rows at distance d: d^2 / 2 where y = +1 (together), max(0, margin - d)^2 / 2 where y = -1.

    Parameters
    ----------
    first, second : arrays of float32 or float64, shape (n, d)
    y_true : array of -1 and +1, shape (n,)
    sample_weight : array of shape (n,), optional
    margin : float, default 1.0
        Positive.
    reduction : {"mean", "sum", "none"}
        As for `margin_ranking`.
    n_threads : int, optional
        As for every loss.

    Returns
    -------
    value : float, or an array of shape (n,) for reduction="none"
    gradients : tuple of 2 arrays of shape (n, d)
        0 of a pair that is to be apart and is in the same place: there is no direction.

    References
    ----------
    R. Hadsell, S. Chopra, Y. LeCun, Dimensionality reduction by learning an invariant mapping, CVPR 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import contrastive
    >>> a, b = np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([[3.0, 4.0], [0.3, 0.4]])
    >>> value, gradients = contrastive(a, b, np.array([1, -1]), reduction="none")
    >>> value
    array([12.5  ,  0.125])
    >>> gradients[0]
    array([[-3. , -4. ],
           [ 0.3,  0.4]])
    """
    margin = real_number("margin", margin, 0.0, open_low=True)
    arrays = _same_arrays(("first", "second"), (first, second), 2)
    same = (_signs(y_true, arrays[0].shape[:1]) > 0).view(np.uint8)
    return _rows(CONTRAST, arrays, same, margin, 2.0, 0.0, False, sample_weight, reduction, n_threads)


def _units(x):
    """Rows of length one in x's dtype, and one over their lengths; rows of zeros stay, with 0."""
    largest = np.abs(x).max(axis=1, keepdims=True, initial=0.0)
    safe = np.where(largest > 0, largest, 1)
    x = x / safe
    length = np.sqrt(np.einsum("ij,ij->i", x, x, dtype=np.float64))[:, None]
    inverse = np.where(length > 0, 1 / np.where(length > 0, length, 1), 0.0)
    with np.errstate(over="ignore", under="ignore"):
        return (x * inverse).astype(x.dtype), inverse / safe


def _through_units(gradient, units, inverse):
    """The gradient by rows from that by their unit vectors."""
    along = np.einsum("ij,ij->i", gradient, units, dtype=np.float64)[:, None]
    return ((gradient - units * along) * inverse).astype(units.dtype)


def info_nce(queries, keys, sample_weight=None, *, temperature=0.1, reduction="mean", n_threads=None):
    """InfoNCE: cross-entropy of the softmax over keys of cos(query, key) / temperature; key i belongs to query i.

    Keys after the first n belong to no query: negatives alone. The n x m similarities are formed.

    Parameters
    ----------
    queries : array of float32 or float64, shape (n, d)
    keys : array of the same dtype, shape (m, d), m >= n and m >= 2
    sample_weight : array of shape (n,), optional
    temperature : float, default 0.1
        Positive.
    reduction : {"mean", "sum", "none"}
        As for `margin_ranking`.
    n_threads : int, optional
        Of the softmax; the products are NumPy's.

    Returns
    -------
    value : float, or an array of shape (n,) for reduction="none"
    gradients : tuple of 2 arrays
        With respect to `queries` and `keys`; for reduction="none" of the sum.

    References
    ----------
    A. van den Oord et al., Representation learning with contrastive predictive coding, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import info_nce
    >>> value, gradients = info_nce(np.eye(2), np.eye(2), temperature=1.0)
    >>> print(round(value, 6))
    0.313262
    """
    temperature = real_number("temperature", temperature, 0.0, open_low=True)
    (q,) = _same_arrays(("queries",), (queries,), 2)
    k = real_array("keys", keys, q.dtype)
    if k.ndim != 2 or k.shape[1] != q.shape[1] or k.shape[0] < max(2, q.shape[0]):
        raise ValueError(
            f"keys must have shape (m, {q.shape[1]}) with m >= {max(2, q.shape[0])}, as many as queries and at least "
            f"two; got shape {k.shape}"
        )
    units_q, inverse_q = _units(q)
    units_k, inverse_k = _units(k)
    similarity = (units_q @ units_k.T) * q.dtype.type(1 / temperature)
    value, slope = SOFTMAX.value_gradient(
        np.arange(q.shape[0]), similarity, sample_weight, reduction=reduction, n_threads=n_threads
    )
    slope *= q.dtype.type(1 / temperature)
    by_queries = _through_units(slope @ units_k, units_q, inverse_q)
    return value, (by_queries, _through_units(slope.T @ units_q, units_k, inverse_k))


def nt_xent(first, second, sample_weight=None, *, temperature=0.5, reduction="mean", n_threads=None):
    """NT-Xent of two views: each of the 2 n rows is to find its other view among all rows but itself, by `info_nce`.

    SimCLR's loss; the mean is over 2 n rows. The 2 n x 2 n similarities are formed.

    Parameters
    ----------
    first, second : arrays of float32 or float64, shape (n, d)
        Row i of both are views of one sample.
    sample_weight : array of shape (n,), optional
        Of both rows of a sample.
    temperature : float, default 0.5
        Positive.
    reduction : {"mean", "sum", "none"}
        As for `margin_ranking`.
    n_threads : int, optional
        Of the softmax; the products are NumPy's.

    Returns
    -------
    value : float, or for reduction="none" an array of shape (2 n,), of the rows of `first` and then of `second`
    gradients : tuple of 2 arrays of shape (n, d)
        For reduction="none" of the sum.

    References
    ----------
    T. Chen et al., A simple framework for contrastive learning of visual representations, ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import nt_xent
    >>> value, gradients = nt_xent(np.eye(2), np.eye(2), temperature=1.0)
    >>> print(round(value, 6))  # log(e + 2) - 1
    0.551445
    """
    temperature = real_number("temperature", temperature, 0.0, open_low=True)
    a, b = _same_arrays(("first", "second"), (first, second), 2)
    n = a.shape[0]
    if sample_weight is not None:
        weight, _, _ = _scales(sample_weight, "sum", (n,))
        sample_weight = np.concatenate([weight, weight])
    units, inverse = _units(np.concatenate([a, b]))
    similarity = (units @ units.T) * a.dtype.type(1 / temperature)
    np.fill_diagonal(similarity, -np.inf)
    value, slope = SOFTMAX.value_gradient(
        (np.arange(2 * n) + n) % max(2 * n, 1), similarity, sample_weight, reduction=reduction, n_threads=n_threads
    )
    slope += slope.T.copy()
    slope *= a.dtype.type(1 / temperature)
    gradient = _through_units(slope @ units, units, inverse)
    return value, (gradient[:n], gradient[n:])
