"""Losses of overlap: Dice's, Jaccard's and Tversky's, of a batch or of each row."""

from dataclasses import replace

import numpy as np

from .. import _kernels
from .._config import threads
from .._validation import output, real_array, real_number, same_shape
from ._base import BAD_RAW, BAD_TARGET, GRADIENT, HESSIAN, INVERSE_LINKS, PRODUCT, VALUE
from ._batch import BatchLoss, mass, register_batch, weights
from ._traits import Traits


class _Overlap(BatchLoss):
    domain = "unit"
    link = "logit"
    is_convex = False
    is_rowwise = False
    _nanoseconds = 5.0

    def __init__(self, smooth=1.0, per="batch"):
        smooth = real_number("smooth", smooth, 0.0)
        if per not in ("batch", "row") or not isinstance(per, str):
            raise ValueError(f"per must be 'batch' or 'row', got {per!r}")
        super().__init__(smooth=smooth, per=per)

    def value(self, y_true, raw_prediction, sample_weight=None, *, reduction="mean", n_threads=None, value_out=None):
        """The loss.

        Parameters
        ----------
        y_true : array
            Like `raw_prediction`, in [0, 1]: 1 for what is to be found.
        raw_prediction : array of float32 or float64
            Of any shape for per="batch"; for per="row" of shape (n, ...), each of the n a row.
        sample_weight : array, optional
            Finite and >= 0: for per="batch" one for each element, in its sums; for per="row" of shape
            (n,).
        reduction : {"mean", "sum", "none"}
            For per="row" as for every loss. For per="batch" there is one loss: "mean" and "sum" are
            the same, and "none" is an error.
        n_threads : int, optional
            As for every loss.
        value_out : array of shape (n,), optional
            With reduction="none": the array to write to.

        Returns
        -------
        float, or an array of shape (n,) for reduction="none"
        """
        return self._run(VALUE, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out)

    def gradient_hessian(self, y_true, raw_prediction, sample_weight=None, *, reduction="mean", n_threads=None,
                         gradient_out=None, hessian_out=None):  # fmt: skip
        """Gradient and diagonal of the Hessian, which may be negative, both like `raw_prediction`."""
        return self._run(GRADIENT | HESSIAN, y_true, raw_prediction, sample_weight, reduction, n_threads, None,
                         gradient_out, hessian_out)  # fmt: skip

    def hessp(self, y_true, raw_prediction, direction, sample_weight=None, *, reduction="mean", n_threads=None,
              product_out=None):  # fmt: skip
        """The Hessian of what `value` returns times `direction`: O(n), the Hessian is a diagonal and of rank two."""
        return self._run(PRODUCT, y_true, raw_prediction, sample_weight, reduction, n_threads, None, product_out,
                         None, direction)  # fmt: skip

    def _evaluate(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out=None,
                  gradient_out=None, hessian_out=None, direction=None):  # fmt: skip
        return self._run(what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out, gradient_out)

    def _run(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out=None, out=None,
             hessian=None, direction=None):  # fmt: skip
        (self._check_reduction if self.per == "row" else self._refuse_none)(reduction)
        raw = real_array("raw_prediction", raw_prediction)
        y = real_array("y_true", y_true, raw.dtype)
        same_shape("y_true", y, "raw_prediction", raw)
        if self.per == "row" and raw.ndim < 2:
            raise ValueError(f"raw_prediction must have shape (n, ...) for per='row', got shape {raw.shape}")
        n = raw.shape[0] if self.per == "row" else 1
        if value_out is not None and reduction != "none":
            raise ValueError(f"value_out is for reduction='none'; with {reduction!r} the value is returned as a float")
        inputs = {"y_true": y, "raw_prediction": raw, "sample_weight": sample_weight}
        weight, row_weight = None, np.ones(n)
        if sample_weight is not None and self.per == "row":
            row_weight = weights(sample_weight, (n,))
        elif sample_weight is not None:
            weight = real_array("sample_weight", sample_weight, raw.dtype)
            same_shape("sample_weight", weight, "raw_prediction", raw)
            self._check_weight(weight)
        divisor = mass(row_weight, n) if reduction == "mean" else 1.0
        if direction is not None:
            direction = inputs["direction"] = real_array("direction", direction, raw.dtype)
            same_shape("direction", direction, "raw_prediction", raw)
        if what & VALUE and reduction == "none":
            value_out = output("value_out", value_out, (n,), raw.dtype, inputs)
        if what != VALUE:
            out = output("product_out" if what == PRODUCT else "gradient_out", out, raw.shape, raw.dtype, inputs)
        if what & HESSIAN:
            hessian = output("hessian_out", hessian, raw.shape, raw.dtype, inputs)
        losses = np.zeros(n)
        status = _kernels.table.batch[raw.dtype].tversky(
            y.reshape(-1), raw.reshape(-1), n, raw.size // max(n, 1), None if weight is None else weight.reshape(-1),
            row_weight / divisor, None if direction is None else direction.reshape(-1), self.link == "logit",
            self.alpha, self.beta, self.smooth, threads(n_threads, raw.size * self._nanoseconds * 1e-6), losses,
            None if what == VALUE else out.reshape(-1), None if hessian is None else hessian.reshape(-1),
        )  # fmt: skip
        if status & (BAD_TARGET | BAD_RAW):
            self._raise_status(status, y, None, raw)
        losses *= row_weight
        if what & VALUE and reduction == "none":
            value_out[...] = losses
            value = value_out
        else:
            value = float(losses.sum()) / divisor
        results = {VALUE: (value,), VALUE | GRADIENT: (value, out), GRADIENT | HESSIAN: (out, hessian)}.get(what, (out,))
        return results[0] if len(results) == 1 else results

    def predict(self, raw_prediction):
        """Probabilities."""
        return INVERSE_LINKS[self.link](np.asarray(raw_prediction))

    def sample(self, rng, n, k=12):
        """Targets 0 and 1 (n, k) and raw predictions (float64), for tests and benchmarks."""
        y = (rng.random((n, k)) < 0.4).astype(np.float64)
        raw = rng.normal(size=(n, k)) * 2.0
        return y, raw if self.link == "logit" else 1.0 / (1.0 + np.exp(-raw)), {}


@register_batch("TverskyLoss", "tversky_loss")
class Tversky(_Overlap):
    """Tversky's loss 1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth) of logits z = raw_prediction.

    With p = sigmoid(z) and targets y in [0, 1], TP = sum of p y, FP = sum of p (1 - y) and
    FN = sum of (1 - p) y: alpha multiplies false positives and beta false negatives, as in
    Tversky's index. (Keras' function has them the other way round, whatever its documentation
    says.) Computed as (alpha FP + beta FN) / (...), which is accurate also where p is nearly y. Not
    convex; the Hessian is exact.

    Parameters
    ----------
    alpha, beta : float, default 0.5
        Not negative.
    smooth : float, default 1.0
        Not negative: counts as so many true positives. With 0, the loss of no targets and no
        predictions is 0.
    per : {"batch", "row"}, default "batch"
        One loss of all elements, or one of each row (n, ...). For one of each class of arrays (n, k)
        give their transposes.

    References
    ----------
    S. S. M. Salehi et al., Tversky loss function for image segmentation, MLMI 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Tversky
    >>> y, z = np.array([1.0, 1.0, 0.0]), np.array([40.0, -40.0, -40.0])  # one found, one missed
    >>> print(round(Tversky(alpha=1.0, beta=0.0, smooth=0.0).value(y, z), 6))
    0.0
    >>> print(round(Tversky(alpha=0.0, beta=1.0, smooth=0.0).value(y, z), 6))
    0.5
    """

    name = "tversky"
    traits = Traits(
        ("segmentation",), "bounded", "", "Tversky 损失",
        "regions where misses and false alarms differ",
        "Keras `Tversky`: alpha and beta the other way round",
    )  # fmt: skip

    def __init__(self, alpha=0.5, beta=0.5, smooth=1.0, per="batch"):
        alpha, beta = real_number("alpha", alpha, 0.0), real_number("beta", beta, 0.0)
        super().__init__(smooth, per)
        self.__dict__.update(alpha=alpha, beta=beta)


@register_batch("dice_loss", "DiceLoss")
class Dice(_Overlap):
    """Dice's loss 1 - (2 TP + 2 smooth) / (2 TP + FP + FN + 2 smooth) of logits z = raw_prediction.

    `Tversky` with alpha = beta = 1/2; 2 TP + FP + FN is the sum of p and the sum of y. optax' smooth is
    ours. Keras' dice adds 1e-7 once, not twice.

    Parameters
    ----------
    smooth, per
        As for `Tversky`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Dice
    >>> print(round(Dice(smooth=0.0).value(np.array([1.0, 0.0]), np.array([0.0, 0.0])), 6))
    0.5
    """

    name = "dice"
    traits = Traits(
        ("segmentation",), "bounded", "", "Dice 损失",
        "small regions",
        "Keras `Dice` takes probabilities",
    )  # fmt: skip
    alpha = beta = 0.5


@register_batch("JaccardLoss", "jaccard_loss", "soft_iou")
class Jaccard(_Overlap):
    """Jaccard's loss 1 - (TP + smooth) / (TP + FP + FN + smooth) of logits z = raw_prediction.

    `Tversky` with alpha = beta = 1: one minus intersection over union.

    Parameters
    ----------
    smooth, per
        As for `Tversky`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import Jaccard
    >>> print(round(Jaccard(smooth=0.0).value(np.array([1.0, 0.0]), np.array([0.0, 0.0])), 6))
    0.666667
    """

    name = "jaccard"
    traits = Traits(
        ("segmentation",), "bounded", "", "Jaccard 损失",
        "overlap as it is judged",
        "segmentation libraries: soft IoU",
    )  # fmt: skip
    alpha = beta = 1.0


def of_probabilities(elsewhere):
    """Class decorator: the twin of the loss of logits that the class derives from; `elsewhere` as in `Traits`."""

    def enter(cls):
        of_logits = cls.__base__
        cls.name, cls.link = f"{of_logits.name}_from_probabilities", "identity"
        chinese, use = f"{of_logits.traits.chinese} (概率)", "models that end in probabilities"
        cls.traits = replace(of_logits.traits, chinese=chinese, use=use, elsewhere=elsewhere)
        return register_batch()(cls)

    return enter


@of_probabilities("Keras `Tversky`: alpha and beta the other way round")
class TverskyFromProbabilities(Tversky):
    """`Tversky` of probabilities p = raw_prediction in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import TverskyFromProbabilities
    >>> y, p = np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
    >>> TverskyFromProbabilities(alpha=0.0, beta=1.0, smooth=0.0).value(y, p)
    0.5
    """


@of_probabilities("Keras `Dice`")
class DiceFromProbabilities(Dice):
    """`Dice` of probabilities p = raw_prediction in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import DiceFromProbabilities
    >>> DiceFromProbabilities(smooth=0.0).value(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    0.5
    """


@of_probabilities("segmentation libraries: soft IoU")
class JaccardFromProbabilities(Jaccard):
    """`Jaccard` of probabilities p = raw_prediction in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import JaccardFromProbabilities
    >>> JaccardFromProbabilities(smooth=0.0).value(np.array([1.0, 0.0]), np.array([1.0, 0.5]))
    0.3333333333333333
    """
