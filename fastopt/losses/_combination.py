"""Sums and positive multiples of losses of one target and one raw prediction each."""

import numpy as np

from .. import _kernels
from .._validation import FLOATS, real_array, real_number, same_shape
from ._base import DOMAINS
from ._pointwise import PointwiseLoss, best_constant, convex_constant

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
        If a term couples the columns of a row or the samples of a batch.
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
        merged = {}
        for factor, loss in terms:
            factor = real_number("the factor of a loss", factor, 0, open_low=True)
            for inner, part in getattr(loss, "terms", ((1.0, loss),)):
                merged[part] = merged.get(part, 0.0) + factor * inner
        if not merged:
            raise ValueError("a combination needs at least one term")
        for loss in merged:
            if not isinstance(loss, PointwiseLoss):
                raise TypeError(f"losses of one target and one raw prediction each can be combined, got {loss!r}")
        parts = tuple(merged)
        for other in parts[1:]:
            if other.link != parts[0].link:
                raise ValueError(
                    f"{parts[0]!r} and {other!r} cannot be added: their raw predictions are of different links, "
                    f"{parts[0].link!r} and {other.link!r}"
                )
        super(PointwiseLoss, self).__init__(terms=tuple((factor, loss) for loss, factor in merged.items()))
        kinds = {loss.hessian_kind for loss in parts}
        constants = [loss.constant_hessian for loss in parts]
        self.__dict__.update(
            link=parts[0].link,
            domain=_common_domain(parts),
            is_convex=all(loss.is_convex for loss in parts),
            is_smooth=all(loss.is_smooth for loss in parts),
            has_conjugate=len(parts) == 1 and parts[0].has_conjugate,
            has_deviance=len(parts) == 1 and parts[0].has_deviance,
            hessian_kind=next(kind for kind in ("bound", "fisher", "exact") if kind in kinds),
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

    @classmethod
    def of(cls, *terms):
        """The combination, or the loss itself where it is one with the factor 1."""
        combined = cls(terms)
        (factor, loss), *more = combined.terms
        return loss if factor == 1 and not more else combined

    def __repr__(self):
        return " + ".join(repr(loss) if factor == 1 else f"{factor!r} * {loss!r}" for factor, loss in self.terms)

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
