"""Sums and positive multiples of losses."""

import numpy as np

from .. import _kernels
from .._validation import FLOATS, output_array, real_array, real_number, same_shape
from ._base import BAD_RAW, DOMAINS, FULL_HESSIAN, GRADIENT, HESSIAN, PRODUCT, VALUE, Loss
from ._constants import least_row
from ._custom import CustomLoss, UserLoss
from ._pointwise import PointwiseLoss, best_constant, convex_constant
from ._rows import RowLoss

# Domains of targets, as far as one holds another.
_INSIDE = {
    "finite": (),
    "above -1": ("finite",),
    "nonnegative": ("above -1", "finite"),
    "positive": ("nonnegative", "above -1", "finite"),
    "unit": ("nonnegative", "above -1", "finite"),
    "binary": ("unit", "nonnegative", "above -1", "finite"),
    "sign": ("finite",),
}
_FAR = 1e3  # stands for an infinite end of the range that best constants are searched in


class Combination(PointwiseLoss):
    """A weighted sum of losses, written ``2 * Huber() + 0.5 * LogCosh()``.

    f(y, z) = sum of c_j f_j(y, z) with c_j > 0. Value, gradient and Hessian are the sums of the terms'.
    It goes wherever its terms go; blocks of data are run through all terms while they are in cache, so
    that a pass reads its data once.

    Convex, smooth, of constant Hessian if all terms are; kinks are those of all; targets have to be in
    the domain of every term. Terms need the same `link`, because they get the same raw prediction.
    Equal terms are merged, and a single term with the factor 1 is that loss itself. The conjugate of a
    multiple is offered, c f*(theta / c); that of a sum is not.

    Parameters
    ----------
    terms : sequence of (float, loss)
        Factors, finite and positive, and losses of one target and one raw prediction each.

    Raises
    ------
    TypeError
        If a term is not of one target and one raw prediction.
    ValueError
        If links differ, if no named domain is the intersection of the terms', or if a factor is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import AbsoluteError, HalfSquaredError
    >>> loss = 2 * HalfSquaredError() + 0.5 * AbsoluteError()
    >>> loss
    2.0 * HalfSquaredError() + 0.5 * AbsoluteError(hessian='exact')
    >>> loss.value_gradient(np.array([1.0]), np.array([3.0]))
    (5.0, array([4.5]))
    """

    name = "combination"

    def __init__(self, terms):
        merged = _merged(terms)
        parts = tuple(merged)
        for loss in parts:
            if not isinstance(loss, PointwiseLoss):
                raise TypeError(f"a Combination is of losses of one target and one raw prediction each, got {loss!r}")
            if isinstance(loss, UserLoss):
                raise TypeError(f"a Combination is of built-in losses; {loss!r} is added and multiplied by + and *")
        super(PointwiseLoss, self).__init__(terms=tuple((factor, loss) for loss, factor in merged.items()))
        constants = [loss.constant_hessian for loss in parts]
        self.__dict__.update(
            link=parts[0].link,
            domain=_common_domain(parts),
            is_convex=all(loss.is_convex for loss in parts),
            is_smooth=all(loss.is_smooth for loss in parts),
            has_conjugate=len(parts) == 1 and parts[0].has_conjugate,
            has_deviance=len(parts) == 1 and parts[0].has_deviance,
            hessian_kind=_kind(parts),
            constant_hessian=None if None in constants else sum(c * f for c, (f, _) in zip(constants, self.terms)),
            raw_low=max(loss.raw_low for loss in parts),
            _nanoseconds=sum(loss._nanoseconds + 0.3 for loss in parts),
        )
        numbers = [len(parts)]
        table = _kernels.table.pointwise[FLOATS[0]]
        for factor, loss in self.terms:
            par = np.frombuffer(loss._plan[1])
            numbers += [table.line(loss._plan[0]), factor, len(par), *par]
        self.__dict__["_par"] = np.array(numbers, dtype=np.float64)
        self.__dict__["_plan"] = (self.name, self._par.tobytes(), self._nanoseconds, 1.0, False)

    def __repr__(self):
        return _sum(self.terms)

    def _no_conjugate(self):
        (_, loss), *more = self.terms
        if not more:
            loss._no_conjugate()
        raise NotImplementedError(f"the conjugate of a sum of losses is not offered: {self!r}")

    def conjugate(self, y_true, theta):
        if not self.has_conjugate:
            self._no_conjugate()
        ((factor, loss),) = self.terms
        theta = real_array("theta", theta)
        factor, dtype = theta.dtype.type(factor), theta.dtype
        low, high = (end.astype(dtype) for end in loss.conjugate_domain(y_true))
        same_shape("y_true", low, "theta", theta)
        scaled = theta / factor
        # A slope at an end of the domain, multiplied and divided, may come out beyond it.
        end = np.clip(scaled, low, high)
        scaled = np.where(abs(scaled - end) <= 4 * np.finfo(dtype).eps * abs(end), end, scaled)
        return factor * loss.conjugate(y_true, scaled)

    conjugate.__doc__ = PointwiseLoss.conjugate.__doc__

    def _least(self, y):
        ((factor, loss),) = self.terms
        return factor * loss._least(y)

    def _constant(self, y, w):
        y, w = y[w > 0], w[w > 0]
        ends = np.unique([float(loss._constant(y, w)) for _, loss in self.terms])
        if len(ends) == 1:
            return ends[0]
        if self.is_convex:
            # The sum falls up to the first of the terms' minimisers and rises from the last.
            low = max(ends[0], np.nextafter(self.raw_low, np.inf)) if self.raw_low > -np.inf else ends[0]
            return convex_constant(self, y, w, max(low, -_FAR), min(ends[-1], _FAR))
        ends = ends[np.isfinite(ends)]
        spread = np.quantile(y, np.linspace(0, 1, 257)) if self.link == "identity" else np.linspace(-40.0, 40.0, 321)
        candidates = np.unique(np.concatenate([ends, spread]))
        return best_constant(self, y, w, candidates[candidates > self.raw_low])

    def kinks(self, y_true):
        return [kink for _, loss in self.terms for kink in loss.kinks(y_true)]

    def sample(self, rng, n):
        narrow = next(loss for _, loss in self.terms if loss.domain == self.domain)
        low = max((loss for _, loss in self.terms), key=lambda loss: loss.raw_low)
        y, raw = narrow.sample(rng, n)
        return (y, raw) if narrow.raw_low == low.raw_low else (y, low.sample(rng, n)[1])


def _common_domain(losses):
    domain = losses[0].domain
    for loss in losses[1:]:
        if loss.domain == domain or loss.domain in _INSIDE[domain]:
            continue
        if domain not in _INSIDE[loss.domain]:
            raise ValueError(
                f"{losses[0]!r} and {loss!r} cannot be added: targets must be {DOMAINS[domain][0]} for one and "
                f"{DOMAINS[loss.domain][0]} for the other"
            )
        domain = loss.domain
    return domain


class RowCombination(Loss):
    """A weighted sum of losses over rows, ``SoftmaxCrossEntropy() + 0.1 * other``.

    Value, gradient, Hessian and products are the sums of the terms', each reduced by its own rule. Its methods read
    their arrays once for each term; a pass over data (`LinearObjective`) reads X once and runs all terms on a few rows
    while they are in cache. The conjugate is not offered, nor second derivatives where a term has none.

    Parameters
    ----------
    terms : sequence of (float, loss)
        Factors, finite and positive, and losses over rows of the same `link` and with targets of one kind.

    Raises
    ------
    TypeError
        If a term is not a loss over rows.
    ValueError
        If links or numbers of columns differ, if no target is one of every term's, or if a factor is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.losses import SoftmaxCrossEntropy
    >>> loss = SoftmaxCrossEntropy() + 0.5 * SoftmaxCrossEntropy(label_smoothing=0.3)
    >>> loss.gradient(np.array([0]), np.zeros((1, 3))).round(3)
    array([[-0.9 ,  0.45,  0.45]])
    """

    name = "row_combination"
    is_rowwise = True
    has_conjugate = False

    def __init__(self, terms):
        merged = _merged(terms)
        parts = tuple(merged)
        for loss in parts:
            if not isinstance(loss, RowLoss):
                raise TypeError(f"a RowCombination is of losses over rows, got {loss!r}")
        kinds = _common_targets(parts)
        super().__init__(terms=tuple((factor, loss) for loss, factor in merged.items()))
        self.__dict__.update(
            link=parts[0].link,
            domain=next((loss.domain for loss in parts if _FORMS.get(loss._targets, {"rows"}) == kinds), parts[0].domain),
            n_columns=next((loss.n_columns for loss in parts if loss.n_columns), None),
            _more_classes=parts[0]._more_classes,
            is_convex=all(loss.is_convex for loss in parts),
            is_smooth=all(loss.is_smooth for loss in parts),
            is_shift_invariant=all(loss.is_shift_invariant for loss in parts),
            hessian_kind=_kind(parts),
        )

    def __repr__(self):
        return _sum(self.terms)

    def _kernel(self, dtype):
        """The block of sums, its parameters as rowwise_combination.pxi states them, no class weights of its own."""
        numbers = [np.array([len(self.terms), self.terms[0][1]._targets == "number"], dtype=np.float64)]
        for factor, loss in self.terms:
            address, par, class_weight = loss._kernel(dtype)
            class_weight = np.empty(0) if class_weight is None else class_weight
            numbers.append(np.array([address], dtype=np.uint64).view(np.float64))
            numbers += [np.array([factor, class_weight.size, par.size]), class_weight, par]
        return _kernels.table.rowwise[np.dtype(dtype)].combination(), np.concatenate(numbers), None

    def _data(self, y, n_outputs, counted, dtype):
        found = [loss._data(y, n_outputs, counted, dtype) for _, loss in self.terms]
        k = max(columns for *_, columns in found)
        for _, loss in self.terms:
            loss._check_outputs(k, k)
        return (*found[0][:3], k)

    def _raise_in_pass(self, status, y, sample_weight, k):
        if not status & BAD_RAW:  # the term that refuses says why
            self._evaluate(VALUE, y, np.zeros((len(y), k)), sample_weight, "sum", 1)
        for _, loss in self.terms:
            if status & BAD_RAW and "probabilities" in loss.name:
                loss._raise_in_pass(status, y, sample_weight, k)
        super()._raise_in_pass(status, y, sample_weight, k)

    def _evaluate(self, what, y_true, raw_prediction, sample_weight, reduction, n_threads, value_out=None,
                  gradient_out=None, hessian_out=None, direction=None):  # fmt: skip
        outputs = [(VALUE, "value_out", value_out), (GRADIENT, "gradient_out", gradient_out)]
        outputs = [*outputs, (HESSIAN | FULL_HESSIAN, "hessian_out", hessian_out), (PRODUCT, "product_out", gradient_out)]
        outputs = [(name, out) for bit, name, out in outputs if what & bit]
        total = None
        for factor, loss in self.terms:
            found = loss._evaluate(what, y_true, raw_prediction, sample_weight, reduction, n_threads, None, None, None,
                                   direction)  # fmt: skip
            found = [factor * array for array in (found if isinstance(found, tuple) else (found,))]
            total = found if total is None else [a + b for a, b in zip(total, found)]
        if value_out is not None and reduction != "none":
            raise ValueError(f"value_out is for reduction='none'; with {reduction!r} the value is returned as a float")
        inputs = {"y_true": np.asarray(y_true), "raw_prediction": np.asarray(raw_prediction)}
        for i, (name, out) in enumerate(outputs):
            if out is not None:
                output_array(name, out, total[i].shape, total[i].dtype, inputs)
                out[...] = total[i]
                total[i] = out
        return total[0] if len(total) == 1 else tuple(total)

    gradient_hessian = RowLoss.gradient_hessian

    def predict(self, raw_prediction):
        return self.terms[0][1].predict(raw_prediction)

    predict.__doc__ = Loss.predict.__doc__

    def conjugate(self, y_true, theta):
        """Not offered."""
        raise NotImplementedError(f"the conjugate of a sum of losses is not offered: {self!r}")

    def fit_intercept_only(self, y_true, sample_weight=None, *, n_classes=None):
        """The constant row with the smallest sum of weighted losses, found numerically from the first term's.

        Parameters and shape are those of `SoftmaxCrossEntropy.fit_intercept_only`. Sums of cross-entropy and divergence
        from probabilities have it in closed form; where a loss is not convex, `TileLoss` says what it is.
        """
        first = self.terms[0][1]
        if len(self.terms) == 1:
            return first.fit_intercept_only(y_true, sample_weight, n_classes=n_classes)
        if all(loss.name.endswith("from_probabilities") for _, loss in self.terms):
            mass = sum(factor * loss._class_mass(y_true, sample_weight, n_classes) for factor, loss in self.terms)
            return mass / mass.sum()
        y = np.asarray(y_true)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        y, weight = y[weight != 0], weight[weight != 0]
        start = np.clip(first.fit_intercept_only(y, weight, n_classes=n_classes), -30.0, 30.0)
        if y.ndim == 1 and y.dtype.kind in "iu":  # one row for each class that occurs
            y, place = np.unique(y, return_inverse=True)
            weight = np.bincount(place, weights=weight)
        total = weight.sum()

        def function(row):
            value, gradient = self.value_gradient(y, np.tile(row, (len(y), 1)), weight, reduction="sum")
            return value / total, gradient.sum(axis=0) / total

        return least_row(function, start, self.is_smooth)

    def sample(self, rng, n, **options):
        return self.terms[0][1].sample(rng, n, **options)


# Forms of targets that kinds of row losses take; of rows only for the kinds that are not here.
_FORMS = {"classes": {"index", "rows"}, "index": {"index"}, "number": {"number"}}


def _common_targets(losses):
    """The forms of targets that all these row losses take."""
    first, common = losses[0], _FORMS.get(losses[0]._targets, {"rows"})
    for loss in losses[1:]:
        common = common & _FORMS.get(loss._targets, {"rows"})
        if not common:
            raise ValueError(
                f"{first!r} and {loss!r} cannot be added: targets are {first.domain} for one and {loss.domain} for the other"
            )
        if loss.n_columns != first.n_columns and loss.n_columns and first.n_columns:
            raise ValueError(
                f"{first!r} and {loss!r} cannot be added: a row has {first.n_columns} columns for one and "
                f"{loss.n_columns} for the other"
            )
    return common


def combine(*terms):
    """The sum of (factor, loss), or the loss itself where it is one with the factor 1."""
    merged = _merged(terms)
    if len(merged) == 1 and next(iter(merged.values())) == 1:
        return next(iter(merged))
    if all(isinstance(loss, PointwiseLoss) for loss in merged):
        return _of_users(merged) if any(isinstance(loss, UserLoss) for loss in merged) else Combination(terms)
    if all(isinstance(loss, RowLoss) for loss in merged):
        return RowCombination(terms)
    odd = next(loss for loss in merged if not isinstance(loss, PointwiseLoss))
    raise TypeError(f"only losses of one kind, pointwise or over rows, can be combined, got {odd!r}")


class Sum:
    """A weighted sum with losses of users among its terms, as the function of a `CustomLoss`.

    Their Hessians are summed where every term has one; where not, that of the sum is differences of its gradient.
    """

    def __init__(self, terms, what):
        self.terms, self.what = terms, what

    def __call__(self, y_true, raw_prediction):
        total = None
        for factor, loss in self.terms:
            found = loss._evaluate(self.what, y_true, raw_prediction, None, "none", 1)
            found = [array * array.dtype.type(factor) for array in found]
            total = found if total is None else [a + b for a, b in zip(total, found)]
        return tuple(total)

    def __eq__(self, other):
        return type(self) is type(other) and (self.terms, self.what) == (other.terms, other.what)

    def __hash__(self):
        return hash((self.terms, self.what))


class UserSum(CustomLoss):
    """The loss of a `Sum`."""

    def kinks(self, y_true):
        return [kink for _, loss in self.function.terms for kink in loss.kinks(y_true)]

    kinks.__doc__ = CustomLoss.kinks.__doc__

    def __repr__(self):
        return self.name


def _of_users(merged):
    parts, terms = tuple(merged), tuple((factor, loss) for loss, factor in merged.items())
    exact = all(loss.hessian_kind != "difference" for loss in parts)
    function = Sum(terms, VALUE | GRADIENT | HESSIAN if exact else VALUE | GRADIENT)
    return UserSum(
        function,
        name=_sum(terms),
        convex=all(loss.is_convex for loss in parts),
        smooth=all(loss.is_smooth for loss in parts),
        domain=_common_domain(parts),
        link=parts[0].link,
        raw_low=max(loss.raw_low for loss in parts),
        hessian=exact,
        check=False,
    )


def _merged(terms):
    """Factors by loss, checked; sums within the sum are opened, equal losses added."""
    merged = {}
    for factor, loss in terms:
        factor = real_number("the factor of a loss", factor, 0, open_low=True)
        of_users = isinstance(loss, UserSum) and loss.function.terms
        for inner, part in of_users or getattr(loss, "terms", ((1.0, loss),)):
            merged[part] = merged.get(part, 0.0) + factor * inner
    if not merged:
        raise ValueError("a combination needs at least one term")
    first, *others = merged
    for other in others:
        if other.is_rowwise == first.is_rowwise and other.link != first.link:
            raise ValueError(
                f"{first!r} and {other!r} cannot be added: their raw predictions are of different links, "
                f"{first.link!r} and {other.link!r}"
            )
    return merged


def _sum(terms):
    return " + ".join(repr(loss) if factor == 1 else f"{factor!r} * {loss!r}" for factor, loss in terms)


def _kind(losses):
    kinds = {loss.hessian_kind for loss in losses}
    return next(kind for kind in ("none", "bound", "fisher", "exact") if kind in kinds)
