"""Connectionist temporal classification: sequences of labels against longer sequences of frames."""

import numpy as np

from .. import _kernels
from .._config import threads
from .._validation import first_bad, output, real_array
from ._base import GRADIENT, VALUE
from ._batch import BatchLoss, integers, mass, register_batch
from ._rows import SoftmaxCrossEntropy
from ._traits import Traits

SOFTMAX = SoftmaxCrossEntropy()


class _Sequences(BatchLoss):
    domain = "class indices 0..k-1 other than blank: rows (n, s) with target_lengths, or a list of n arrays"
    hessian_kind = "none"
    is_separable = True
    _logits = True
    _nanoseconds = 12.0  # a state of a frame, value and gradient

    def __init__(self, blank=0, zero_infinity=False):
        if isinstance(blank, (bool, np.bool_)) or not isinstance(blank, (int, np.integer)):
            raise TypeError(f"blank must be an int, got {type(blank).__name__}")
        if blank < 0:
            raise ValueError(f"blank must be a class index >= 0, got {blank}")
        if not isinstance(zero_infinity, (bool, np.bool_)):
            raise TypeError(f"zero_infinity must be a bool, got {type(zero_infinity).__name__}")
        super().__init__(blank=int(blank), zero_infinity=bool(zero_infinity))

    def value(self, y_true, raw_prediction, sample_weight=None, *, input_lengths=None, target_lengths=None,
              reduction="mean", n_threads=None, value_out=None):  # fmt: skip
        """The loss.

        Parameters
        ----------
        y_true : array of int, shape (n, s), or list of n 1-d arrays of int
            Labels: class indices other than `blank`. Of a row of the array the first
            `target_lengths[i]` count and the others are not looked at.
        raw_prediction : array of float32 or float64, shape (n, t, k)
            A row of k numbers for each of t frames. Arithmetic is float64 for both.
        sample_weight : array of shape (n,), optional
            Finite and >= 0. A sequence of weight 0 is not looked at.
        input_lengths : array of int, shape (n,), optional
            Frames of each sequence, 0 to t; all t by default. Later ones are not looked at, and their
            gradient is 0.
        target_lengths : array of int, shape (n,), optional
            Labels of each row of `y_true`; all s by default. Not for a list.
        reduction : {"mean", "sum", "none"}
            Sum of w_i l_i / sum of w_i, sum of w_i l_i, or the w_i l_i themselves.
        n_threads : int, optional
            As for every loss; sequences go to threads. The result's bits do not depend on it.
        value_out : array of shape (n,), optional
            With reduction="none": the array to write to.

        Returns
        -------
        float, or an array of shape (n,) for reduction="none"
        """
        return self._run(VALUE, y_true, raw_prediction, sample_weight, input_lengths, target_lengths, reduction,
                         n_threads, value_out, None)  # fmt: skip

    def gradient(self, y_true, raw_prediction, sample_weight=None, *, input_lengths=None, target_lengths=None,
                 reduction="mean", n_threads=None, gradient_out=None):  # fmt: skip
        """Gradient with respect to `raw_prediction` of what `value` returns, shape (n, t, k)."""
        return self._run(GRADIENT, y_true, raw_prediction, sample_weight, input_lengths, target_lengths, reduction,
                         n_threads, None, gradient_out)  # fmt: skip

    def value_gradient(self, y_true, raw_prediction, sample_weight=None, *, input_lengths=None, target_lengths=None,
                       reduction="mean", n_threads=None, value_out=None, gradient_out=None):  # fmt: skip
        """`value` and `gradient` in one pass."""
        return self._run(VALUE | GRADIENT, y_true, raw_prediction, sample_weight, input_lengths, target_lengths,
                         reduction, n_threads, value_out, gradient_out)  # fmt: skip

    def _labels(self, y_true, target_lengths, n, k):
        """Labels one after the other, where those of each sequence start, and their numbers."""
        if isinstance(y_true, (list, tuple)) and not (y_true and all(np.isscalar(v) for v in y_true)):
            if target_lengths is not None:
                raise ValueError("target_lengths is for y_true of shape (n, s); the arrays of a list have their own")
            if len(y_true) != n:
                raise ValueError(f"y_true is a list of {len(y_true)}; raw_prediction has {n} sequences")
            arrays = [integers(f"y_true[{i}]", labels) for i, labels in enumerate(y_true)]
            for i, labels in enumerate(arrays):
                if labels.ndim != 1:
                    raise ValueError(f"y_true[{i}] must have one dimension, got shape {labels.shape}")
            counts = np.array([labels.size for labels in arrays], dtype=np.int64)
            labels = np.concatenate([np.empty(0, dtype=np.int64), *arrays])
            starts = np.cumsum(counts) - counts
            ok = (labels >= 0) & (labels < k) & (labels != self.blank)
            if not ok.all():
                self._refuse_label(labels[np.argmin(ok)], np.argmin(ok) - starts, k)
            return labels, starts, counts
        y = integers("y_true", y_true)
        if y.ndim != 2 or y.shape[0] != n:
            raise ValueError(
                f"y_true has shape {y.shape} and raw_prediction has {n} sequences; y_true must be labels of shape "
                f"({n}, s) or a list of {n} arrays"
            )
        counts = self._lengths("target_lengths", target_lengths, n, y.shape[1], "the columns of y_true")
        ok = (y >= 0) & (y < k) & (y != self.blank)
        ok |= np.arange(y.shape[1]) >= counts[:, None]
        if not ok.all():
            raise ValueError(
                f"y_true of {type(self).__name__} must be class indices from 0 to {k - 1} (raw_prediction has {k} "
                f"classes) other than blank={self.blank}, got {first_bad(y, ok)}"
            )
        return y.reshape(-1), np.arange(n, dtype=np.int64) * y.shape[1], counts

    def _refuse_label(self, label, places, k):
        row = int(np.flatnonzero(places >= 0)[-1])
        raise ValueError(
            f"y_true of {type(self).__name__} must be class indices from 0 to {k - 1} (raw_prediction has {k} "
            f"classes) other than blank={self.blank}, got {label} at index {int(places[row])} of y_true[{row}]"
        )

    @staticmethod
    def _lengths(name, lengths, n, most, what):
        if lengths is None:
            return np.full(n, most, dtype=np.int64)
        lengths = integers(name, lengths)
        if lengths.shape != (n,):
            raise ValueError(f"{name} has shape {lengths.shape}; it must have shape ({n},)")
        ok = (lengths >= 0) & (lengths <= most)
        if not ok.all():
            raise ValueError(f"{name} must be from 0 to {most}, {what}; got {first_bad(lengths, ok)}")
        return lengths

    def _run(self, what, y_true, raw_prediction, sample_weight, input_lengths, target_lengths, reduction, n_threads,
             value_out, gradient_out):  # fmt: skip
        self._check_reduction(reduction)
        raw = real_array("raw_prediction", raw_prediction)
        if raw.ndim != 3 or raw.shape[2] < 2:
            raise ValueError(f"raw_prediction must have shape (n, t, k) with k >= 2, got shape {raw.shape}")
        n, t, k = raw.shape
        if self.blank >= k:
            raise ValueError(f"blank={self.blank} is no class: raw_prediction has {k}")
        labels, starts, counts = self._labels(y_true, target_lengths, n, k)
        lengths = self._lengths("input_lengths", input_lengths, n, t, "the frames of raw_prediction")
        weight = self._weights(sample_weight, n)
        none = reduction == "none"
        if value_out is not None and not none:
            raise ValueError(f"value_out is for reduction='none'; with {reduction!r} the value is returned as a float")
        divisor = mass(weight, n) if reduction == "mean" else 1.0
        inputs = {"raw_prediction": raw, "y_true": labels}
        if none and what & VALUE:
            value_out = output("value_out", value_out, (n,), raw.dtype, inputs)
        gradient = None
        if what & GRADIENT:
            gradient = output("gradient_out", gradient_out, raw.shape, raw.dtype, inputs)
        states = 2 * int(counts.max(initial=0)) + 1
        n_threads = min(threads(n_threads, n * t * (k / 4 + states) * self._nanoseconds * 1e-6), max(n, 1))
        losses = np.empty(n)
        _kernels.table.batch[raw.dtype].ctc(
            raw.reshape(-1), n, t, k, labels, starts, counts, lengths, weight, self.blank, self._logits,
            self.zero_infinity, 1.0 / divisor, n_threads, losses, None if gradient is None else gradient.reshape(-1),
        )  # fmt: skip
        if none and what & VALUE:
            with np.errstate(over="ignore"):  # of float32: infinity
                value_out[...] = losses
            value = value_out
        else:
            value = float(losses.sum()) / divisor
        if what == VALUE:
            return value
        return gradient if what == GRADIENT else (value, gradient)

    def sample(self, rng, n, t=20, k=6):
        """Labels (n, s), raw predictions (n, t, k) in float64, and the lengths as a dict, for tests and benchmarks."""
        s = t // 3
        y = rng.integers(0, k - 1, (n, s))
        raw = rng.normal(size=(n, t, k)) * 2.0
        lengths = {"target_lengths": rng.integers(s // 2, s + 1, n), "input_lengths": rng.integers(2 * s, t + 1, n)}
        return y + (y >= self.blank), raw, lengths


@register_batch("CTCLoss", "ctc_loss")
class CTC(_Sequences):
    """Connectionist temporal classification, -log P(labels), of logits z = raw_prediction of shape (n, t, k).

    With p_t = softmax(z_t), P is the sum over all paths of one class a frame, of which the labels
    remain when repeats are merged and then blanks are dropped, of the product of the path's p. The
    softmax is inside: for z = logits the gradient is p minus the posterior probability of each class
    in each frame. Sums run in logarithms, in float64 for both dtypes, and are centred frame by frame, so
    that any number of frames keeps its digits. Not convex.

    Where no path leads to the labels (fewer frames than labels and repeats need, or classes whose
    logits are -inf), the loss is inf and the gradient 0; with zero_infinity the loss is 0 too. An
    empty target is the probability of blanks alone.

    Parameters
    ----------
    blank : int, default 0
        The class that stands for no label.
    zero_infinity : bool, default False
        Whether sequences without a path count 0 instead of inf.

    Notes
    -----
    The mean divides by the number of sequences (their weights). torch.nn.CTCLoss takes
    log-probabilities, frames first, and its mean divides each loss by its number of labels (at least
    1) before: that is ``sample_weight=1 / np.maximum(target_lengths, 1)`` with reduction="sum",
    divided by n. Its gradient is NaN where no path leads to the labels.

    References
    ----------
    A. Graves et al., Connectionist temporal classification, ICML 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CTC
    >>> z = np.log([[[0.6, 0.3, 0.1], [0.5, 0.4, 0.1]]])
    >>> value, gradient = CTC().value_gradient([np.array([1])], z)  # 1 and blank, blank and 1, 1 and 1
    >>> print(round(np.exp(-value), 12))
    0.51
    >>> gradient.round(3)
    array([[[ 0.129, -0.229,  0.1  ],
            [ 0.206, -0.306,  0.1  ]]])
    """

    name = "ctc"
    traits = Traits(
        ("sequence",), "bounded", "", "CTC 损失",
        "speech and handwriting: labels without their places",
        "torch `CTCLoss` takes log-probabilities and its mean divides by target lengths",
    )  # fmt: skip
    link = "multinomial logit"
    is_convex = False

    def predict(self, raw_prediction, *, n_threads=None):
        """Probabilities of the classes in each frame: the softmax of `raw_prediction`, shape (n, t, k)."""
        raw = real_array("raw_prediction", raw_prediction)
        if raw.ndim != 3 or raw.shape[2] < 2:
            raise ValueError(f"raw_prediction must have shape (n, t, k) with k >= 2, got shape {raw.shape}")
        return SOFTMAX.predict(raw.reshape(-1, raw.shape[2]), n_threads=n_threads).reshape(raw.shape)


@register_batch()
class CTCFromLogProbabilities(_Sequences):
    """Connectionist temporal classification of logarithms of probabilities, -log P(labels), as torch takes them.

    `CTC` without the softmax: raw_prediction holds log p and is taken as it is, normalised or not.
    The gradient is minus the posterior probability of each class in each frame. (torch's has p added,
    which a logarithm of the softmax before it takes off again.) Concave in log p: minus the
    logarithm of a sum of exponentials of sums.

    Parameters
    ----------
    blank : int, default 0
        The class that stands for no label.
    zero_infinity : bool, default False
        Whether sequences without a path count 0 instead of inf; their gradient is 0 in any case.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import CTCFromLogProbabilities
    >>> log_p = np.log([[[0.6, 0.3, 0.1], [0.5, 0.4, 0.1]]])
    >>> CTCFromLogProbabilities().gradient([np.array([1])], log_p).round(3)
    array([[[-0.471, -0.529,  0.   ],
            [-0.294, -0.706,  0.   ]]])
    """

    name = "ctc_from_log_probabilities"
    traits = Traits(
        ("sequence",), "bounded", "", "CTC 损失 (对数概率)",
        "models that end in log-probabilities",
        "torch `CTCLoss`: its gradient is that of logits",
    )  # fmt: skip
    link = "log"
    is_convex = False
    _logits = False
