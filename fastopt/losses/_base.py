"""What all losses share: names and parameters, the public methods, reductions, errors."""

import functools
import inspect
import numbers

import numpy as np

from .._validation import by_name, check_names, enrol, first_bad, real_array, real_number, same_shape

# Requests to a block function (src_c/fo_job.h) ...
VALUE, GRADIENT, HESSIAN, FULL_HESSIAN, CONJUGATE, PRODUCT = 1, 2, 4, 8, 16, 32
# ... and the bits of its status word; NO_WEIGHT comes from the drivers.
BAD_TARGET, BAD_WEIGHT, BAD_RAW, NO_WEIGHT = 1, 2, 4, 64

REDUCTIONS = ("mean", "sum", "none")

# Targets a loss accepts: words for the documentation and errors, a test, and what cures a refusal.
DOMAINS = {
    "finite": ("finite", np.isfinite, ""),
    "unit": ("in [0, 1]", lambda y: (y >= 0) & (y <= 1), "; labels -1/+1 are mapped by (y + 1)/2"),
    "sign": ("-1 or +1", lambda y: (y == 1) | (y == -1), "; labels 0/1 are mapped by 2*y - 1"),
    "nonnegative": ("finite and >= 0", lambda y: (y >= 0) & (y < np.inf), ""),
    "positive": ("finite and > 0", lambda y: (y > 0) & (y < np.inf), ""),
    "above -1": ("finite and > -1", lambda y: (y > -1) & (y < np.inf), ""),
    "binary": ("0 or 1", lambda y: (y == 0) | (y == 1), "; labels -1/+1 are mapped by (y + 1)/2"),
}

LOSSES = {}
ALIASES = {}
# Losses that are no sum over samples with one raw prediction or row each: their methods take more arguments.
BATCH_LOSSES = {}
BATCH_ALIASES = {}


def register(*aliases):
    """Class decorator: enter a loss in LOSSES under its `name`, and its other names for `get`."""

    return lambda cls: enrol(cls, aliases, LOSSES, ALIASES)


def get(name, **params):
    """The loss of a name, with these parameters.

    Parameters
    ----------
    name : str or Loss
        A key of `LOSSES` ("huber"), a class name ("Huber") or one of the names that Keras, torch,
        optax and scikit-learn use for the same formula ("HuberLoss", "log_loss", "mse"). A Loss is
        returned as it is.
    **params
        Parameters of the class, for example ``delta=2.0``.

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        If no loss has this name.
    TypeError
        If the class does not take one of the parameters, or if a Loss and parameters are given.

    Examples
    --------
    >>> from fastopt import losses
    >>> losses.get("huber", delta=2.0)
    Huber(delta=2.0, hessian='exact')
    >>> losses.get("binary_cross_entropy_with_logits")
    Logistic(pos_weight=1.0, label_smoothing=0.0)
    """
    return by_name(name, params, Loss, LOSSES | BATCH_LOSSES, ALIASES | BATCH_ALIASES, "their classes' and peers' names")


def check_reduction(reduction):
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(map(repr, REDUCTIONS))}, got {reduction!r}")


def check_weight(weight, name="sample_weight"):
    """Raise ValueError for the first weight that is negative, infinite or NaN."""
    ok = (weight >= 0) & (weight < np.inf)
    if not ok.all():
        raise ValueError(f"{name} must be finite and >= 0, got {first_bad(weight, ok)}")


class Loss:
    """Base class of all losses: immutable, compared and pickled by class and parameters.

    A subclass has a constructor whose arguments are its parameters and which ends in
    ``super().__init__(argument=checked value, ...)``; it implements `_evaluate` and `_kernel`.

    Attributes
    ----------
    name : str
        Key in ``losses.LOSSES`` and, with the family, in the table of kernels.
    link : str
        What `raw_prediction` is: "identity", "log", "logit", "cloglog" or "probit" of the predicted quantity.
    domain : str
        Targets that are accepted: a key of `DOMAINS`, or the words for it.
    hessian_kind : str
        "exact", "fisher" (expected), "bound" (an upper bound), "difference" (of gradients, for losses of users),
        "product" (only `hessp`) or "none" (refused).
    hessian_kinds : tuple of str
        What the parameter `hessian` may be; with more than one the class has it.
    is_convex : bool
        In the raw prediction.
    is_rowwise : bool
        Whether the loss couples the columns of a row of `raw_prediction`.
    is_separable : bool
        Whether the loss of a batch is a sum over samples.
    is_smooth : bool
        Whether the gradient is continuous.
    constant_hessian : float or None
        The second derivative, where it is the same everywhere.
    has_conjugate : bool
        Whether `conjugate` is offered.
    has_deviance : bool
        Whether `deviance` and `d2` are offered.
    is_shift_invariant : bool
        Row losses: whether adding a number to a whole row changes nothing.
    traits : Traits
        What it is for: task, outliers, noise, its Chinese name, names elsewhere; see `choose`.
    raw_low : float
        Raw predictions below this have an infinite loss.
    has_kernel : bool
        Whether passes over data run the loss by a block function (`_kernel`); without one they call `_evaluate`
        between two reads of the data.
    """

    name = ""
    link = "identity"
    domain = "finite"
    hessian_kind = "exact"
    hessian_kinds = ("exact",)
    is_convex = True
    is_rowwise = False
    is_separable = True
    is_smooth = True
    constant_hessian = None
    has_conjugate = True
    has_deviance = False
    is_shift_invariant = False
    raw_low = -np.inf
    traits = None
    has_kernel = True
    _more_classes = 0  # row losses: classes beyond the number of columns

    def __init__(self, **params):
        check_names(type(self), params)
        self.__dict__.update(params)

    def __setattr__(self, attribute, value):
        raise AttributeError(f"losses are immutable: make a new {type(self).__name__} instead of setting {attribute!r}")

    def __delattr__(self, attribute):
        raise AttributeError(f"losses are immutable: {attribute!r} cannot be deleted")

    @classmethod
    @functools.cache
    def _parameter_names(cls):
        parameters = inspect.signature(cls).parameters.values()
        return tuple(p.name for p in parameters if p.kind is not p.VAR_KEYWORD)

    def get_params(self, deep=True):
        """The parameters as a dict; `deep` changes nothing, parameters of losses hold no estimators."""
        return {key: getattr(self, key) for key in self._parameter_names()}

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def _identity(self):
        def plain(value):
            return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value

        return type(self), tuple((key, plain(value)) for key, value in self.get_params().items())

    def __eq__(self, other):
        if not isinstance(other, Loss):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self):
        return hash(self._identity())

    def __reduce__(self):
        return _rebuild, (type(self), self.get_params())

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    # Sums and multiples: see `Combination`.

    __array_ufunc__ = None  # NumPy's numbers leave `*` to the loss

    def __mul__(self, factor):
        if isinstance(factor, bool) or not isinstance(factor, numbers.Real):
            return NotImplemented
        from ._combination import combine

        return combine((factor, self))

    __rmul__ = __mul__

    def __truediv__(self, divisor):
        if isinstance(divisor, bool) or not isinstance(divisor, numbers.Real):
            return NotImplemented
        divisor = real_number("the divisor of a loss", divisor, 0, open_low=True)
        return self * (1.0 / divisor)

    def __add__(self, other):
        if not isinstance(other, Loss):
            return NotImplemented
        from ._combination import combine

        return combine((1.0, self), (1.0, other))

    def __radd__(self, other):
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum() begins with 0

    # What a subclass implements.

    def _evaluate(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out=None,
                  gradient_out=None, hessian_out=None, direction=None):  # fmt: skip
        """The outputs that `what` asks for, in the order value, gradient, hessian; or the product."""
        raise NotImplementedError

    def _least(self, y):
        """The smallest loss of each target, where `has_deviance`: float64 arrays."""
        raise NotImplementedError

    def _kernel(self, dtype):
        """What passes over data need to call this loss's block function.

        Returns
        -------
        address : int
            Of the block function (src_c/fo_job.h) for `dtype` at the level in use.
        par : ndarray of float64, shape (4,)
            For job->par; unused places are 0.
        class_weight : ndarray of float64 or None
            For job->class_weight.
        """
        raise NotImplementedError

    # The public methods.

    def value(self, y_true, raw_prediction, sample_weight=None, *, reduction="mean", n_threads=None, value_out=None):
        """The loss.

        Parameters
        ----------
        y_true : array
            Targets, in the loss's domain; see the class for its shape. Cast once to the dtype of
            `raw_prediction` where it differs.
        raw_prediction : array of float32 or float64
            Predictions on the scale of the link. Its dtype is that of the arithmetic and of the
            arrays returned; sums are float64. NaN and infinity propagate.
        sample_weight : array, optional
            One finite weight >= 0 for each sample.
        reduction : {"mean", "sum", "none"}
            sum of w_i l_i / sum of w_i, sum of w_i l_i, or the w_i l_i themselves.
        n_threads : int, optional
            k means k, -1 all that this process may use, None one thread until more pay. The
            result's bits do not depend on it.
        value_out : array, optional
            With reduction="none": the array to write to.

        Returns
        -------
        float, or an array of the samples' losses for reduction="none"

        Raises
        ------
        TypeError
            If a dtype is not accepted.
        ValueError
            If shapes differ, a target or a weight is outside its domain, or the weights of a mean
            sum to 0 (so also for no samples at all; their "sum" is 0.0).
        """
        return self._evaluate(VALUE, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out)

    def gradient(
        self, y_true, raw_prediction, sample_weight=None, *, reduction="mean", n_threads=None, gradient_out=None
    ):
        """Gradient with respect to `raw_prediction` of what `value` returns; for "none" of each sample's loss.

        Parameters are those of `value`; `gradient_out` is the array to write to. Where the loss has
        kinks, the class says which subgradient is returned.

        Returns
        -------
        array with the shape and dtype of `raw_prediction`
        """
        return self._evaluate(
            GRADIENT, y_true, raw_prediction, sample_weight, reduction, n_threads, None, gradient_out
        )

    def value_gradient(
        self,
        y_true,
        raw_prediction,
        sample_weight=None,
        *,
        reduction="mean",
        n_threads=None,
        value_out=None,
        gradient_out=None,
    ):
        """`value` and `gradient` in one pass.

        Returns
        -------
        value : float, or an array for reduction="none"
        gradient : array with the shape and dtype of `raw_prediction`
        """
        return self._evaluate(
            3, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out, gradient_out
        )

    def gradient_hessian(
        self,
        y_true,
        raw_prediction,
        sample_weight=None,
        *,
        reduction="mean",
        n_threads=None,
        gradient_out=None,
        hessian_out=None,
    ):
        """Gradient and diagonal of the Hessian of what `value` returns, in one pass.

        Returns
        -------
        gradient, hessian : arrays with the shape and dtype of `raw_prediction`
            `hessian_kind` says what stands for the second derivative.
        """
        return self._evaluate(
            6, y_true, raw_prediction, sample_weight, reduction, n_threads, None, gradient_out, hessian_out
        )

    def hessp(
        self,
        y_true,
        raw_prediction,
        direction,
        sample_weight=None,
        *,
        reduction="mean",
        n_threads=None,
        product_out=None,
    ):
        """The Hessian of what `value` returns times `direction`; for "none" of each sample's loss.

        Parameters are those of `value`; `direction` is an array like `raw_prediction`, `product_out`
        the array to write to.

        Returns
        -------
        array with the shape and dtype of `raw_prediction`
        """
        return self._evaluate(
            PRODUCT, y_true, raw_prediction, sample_weight, reduction, n_threads, None, product_out, None, direction
        )

    def deviance(self, y_true, raw_prediction, sample_weight=None, *, reduction="mean", n_threads=None):
        """Deviance 2 (f(y, z) - f(y, best z for y)): twice the excess over a prediction of the target itself.

        For the losses that are likelihoods (`has_deviance`); the same number as scikit-learn's
        ``mean_poisson_deviance``, ``mean_gamma_deviance`` and ``mean_tweedie_deviance`` of the predicted mean.
        Parameters are those of `value`.

        Returns
        -------
        float, or a float64 array of the samples' deviances (times weights) for reduction="none"

        Examples
        --------
        >>> import numpy as np
        >>> from fastopt.losses import Poisson
        >>> y, raw = np.array([1.0, 4.0]), np.log(np.array([1.0, 2.0]))
        >>> round(Poisson().deviance(y, raw), 6)
        0.772589
        """
        if not self.has_deviance:
            raise NotImplementedError(f"{self!r} offers no deviance: it is no likelihood with terms of y alone left out")
        self._check_reduction(reduction)
        loss = self.value(y_true, raw_prediction, sample_weight, reduction="none", n_threads=n_threads)
        y = np.asarray(y_true, dtype=loss.dtype).astype(np.float64)
        weight = np.ones(loss.shape) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        least, kept = np.zeros(loss.shape), weight > 0
        least[kept] = weight[kept] * self._least(y[kept])
        deviance = 2.0 * np.maximum(loss - least, 0.0)
        if reduction == "none":
            return deviance
        total, mass = float(deviance.sum()), float(weight.sum())
        if reduction == "sum":
            return total
        if mass == 0.0:
            self._raise_status(NO_WEIGHT, y)
        return total / mass

    def d2(self, y_true, raw_prediction, sample_weight=None):
        """The share of the deviance that is explained: 1 - deviance / deviance of the best constant.

        scikit-learn's ``d2_tweedie_score`` and ``d2_log_loss_score``; R^2 for `HalfSquaredError`. Where the
        best constant is perfect it is 1 for a perfect prediction, else -inf.

        Returns
        -------
        float
        """
        found = self.deviance(y_true, raw_prediction, sample_weight)
        constant = self.fit_intercept_only(y_true, sample_weight)
        raw = np.full(np.shape(raw_prediction), constant)
        # A constant at infinity is one target at the end of its domain: nothing is left.
        null = self.deviance(y_true, raw, sample_weight) if np.isfinite(constant) else 0.0
        if null == 0.0:
            return 1.0 if found == 0.0 else -np.inf
        return 1.0 - found / null

    def predict(self, raw_prediction):
        """The predicted quantity: the inverse of the link applied to `raw_prediction`."""
        return INVERSE_LINKS[self.link](np.asarray(raw_prediction))

    # Errors.

    _check_reduction = staticmethod(check_reduction)
    _check_weight = staticmethod(check_weight)

    def _check_target(self, y_true, masked=False):
        """Raise ValueError for the first target outside the domain that is not masked."""
        words, test, cure = DOMAINS[self.domain]
        ok = test(y_true) | masked
        if not ok.all():
            raise ValueError(f"y_true of {type(self).__name__} must be {words}, got {first_bad(y_true, ok)}{cure}")

    def _raise_status(self, status, y_true, sample_weight=None, raw_prediction=None):
        """Raise the ValueError that a nonzero status word of a block or driver stands for."""
        if status & NO_WEIGHT:
            found = "there are no samples" if np.size(y_true) == 0 else "sample_weight sums to 0"
            raise ValueError(f"reduction='mean' divides by the sum of the weights, but {found}")
        if status & BAD_WEIGHT:
            self._check_weight(np.asarray(sample_weight))
        y_true, masked = np.asarray(y_true), False
        if sample_weight is not None:
            masked = np.asarray(sample_weight) == 0
            masked = masked.reshape(masked.shape + (1,) * (y_true.ndim - masked.ndim))
        if status & BAD_TARGET:
            self._check_target(y_true, masked)
        if status & BAD_RAW and raw_prediction is not None:
            if np.ndim(masked) == 1 and raw_prediction.ndim == 2:  # weights of rows
                masked = masked[:, None]
            ok = ~((raw_prediction < 0) | (raw_prediction > 1)) | masked
            raise ValueError(
                f"raw_prediction of {type(self).__name__} holds probabilities and must be in [0, 1], "
                f"got {first_bad(raw_prediction, ok)}"
            )
        raise ValueError(f"{type(self).__name__}: data outside the loss's domain (status {status})")

    def _raise_in_pass(self, status, y, sample_weight, k):
        """As `_raise_status`, for a pass over data with k outputs."""
        self._raise_status(status, y, sample_weight)

    def _check_constant(self, y_true, sample_weight):
        """Arrays for `fit_intercept_only`: targets in the domain, weights of the same shape, not all 0."""
        y_true = real_array("y_true", y_true, np.float64)
        if sample_weight is None:
            self._check_target(y_true)
            sample_weight = np.ones_like(y_true)
        else:
            sample_weight = real_array("sample_weight", sample_weight, np.float64)
            same_shape("sample_weight", sample_weight, "y_true", y_true)
            self._check_weight(sample_weight)
            masked = sample_weight == 0
            self._check_target(y_true, masked)
            if masked.any() and not masked.all():
                y_true, sample_weight = y_true[~masked], sample_weight[~masked]
        if not sample_weight.sum() > 0:
            found = "there are no samples" if y_true.size == 0 else "sample_weight sums to 0"
            raise ValueError(f"the best constant needs a positive sum of weights, but {found}")
        return y_true, sample_weight


def _rebuild(cls, params):
    return cls(**params)


def _identity(raw_prediction):
    return raw_prediction


def _sigmoid(raw_prediction):
    e = np.exp(-np.abs(raw_prediction))
    return np.where(raw_prediction >= 0, 1, e) / (1 + e)


def _inverse_cloglog(raw_prediction):
    return -np.expm1(-np.exp(raw_prediction))


def _normal(raw_prediction):
    from scipy.special import ndtr

    return ndtr(raw_prediction)


INVERSE_LINKS = {
    "identity": _identity,
    "log": np.exp,
    "logit": _sigmoid,
    "cloglog": _inverse_cloglog,
    "probit": _normal,
}
