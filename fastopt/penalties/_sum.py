"""Sums of penalties whose proximal step is exact."""

import numpy as np

from ._base import PENALTIES, Penalty
from ._coordinate import limits

# Pairs of names whose sum has an exact proximal step. All are |c|, c^2 and limits of one coefficient, where the step
# is soft threshold, then quotient, then clip; what is in pairs with one another may therefore also be added in threes.
SUMS = frozenset(
    frozenset(pair)
    for pair in (
        ("l1", "l2"),
        ("l1", "elastic_net"),
        ("l1", "box"),
        ("l1", "nonnegative"),
        ("l2", "elastic_net"),
        ("l2", "box"),
        ("l2", "nonnegative"),
        ("elastic_net", "box"),
        ("elastic_net", "nonnegative"),
        ("box", "nonnegative"),
    )
)


def add(first, second):
    """The sum of two penalties; an error names what can be added."""
    if not isinstance(second, Penalty):
        raise TypeError(f"only penalties can be added to {first!r}, got {type(second).__name__}")
    return Sum(*_terms(first), *_terms(second))


def _terms(penalty):
    return penalty.terms if isinstance(penalty, Sum) else (penalty,)


def _both(first, second, combine):
    """One parameter of two terms, each a float or an array."""
    if np.ndim(first) and np.ndim(second) and first.shape != second.shape:
        raise ValueError(
            f"parameters by coefficient have shapes {first.shape} and {second.shape}; terms of a sum need equal ones"
        )
    return combine(first, second)


class Sum(Penalty):
    """Sum of penalties, made by ``+``: :math:`\\sum_k \\phi_k(c)`.

    Only sums with an exact proximal step are made: the pairs in `SUMS`, and more terms where each pair is there. The
    step is the soft threshold of all L1 parts, the quotient of all squares, then the clip to all limits.

    Parameters
    ----------
    *terms : Penalty
        Two or more.

    Raises
    ------
    TypeError
        If a pair of terms is not in `SUMS`; the message names what is.
    ValueError
        If limits contradict each other, or parameters by coefficient differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.penalties import L1, L2, NonNegative
    >>> L1(alpha=0.5) + L2(alpha=2.0)
    L1(alpha=0.5) + L2(alpha=2.0)
    >>> (L1(alpha=0.5) + L2(alpha=2.0) + NonNegative()).prox(np.array([3.5, -3.5]), 1.0)
    array([1., 0.])
    """

    name = "sum"

    def __init__(self, *terms):
        for term in terms:
            if not isinstance(term, Penalty) or isinstance(term, Sum):
                raise TypeError(f"terms of a sum are penalties, got {term!r}")
        if len(terms) < 2:
            raise TypeError(f"a sum has two terms or more, got {len(terms)}")
        for k, second in enumerate(terms):
            for first in terms[:k]:
                if frozenset((first.name, second.name)) not in SUMS:
                    raise TypeError(_refusal(first, second))
        lower, upper = -np.inf, np.inf
        l1 = l2 = 0.0
        for term in terms:
            one, square, low, high = term._parameters().values()
            l1, l2 = _both(l1, one, np.add), _both(l2, square, np.add)
            if term.name in ("box", "nonnegative"):
                lower, upper = _both(lower, low, np.maximum), _both(upper, high, np.minimum)
        limits(lower, upper, "the limits of a sum must allow a number for each coefficient")
        shapes = {np.shape(one) for one in (l1, l2, lower, upper)} - {()}
        if len(shapes) > 1:
            raise ValueError(
                f"parameters by coefficient have shapes {', '.join(map(str, sorted(shapes)))}; "
                "terms of a sum need equal ones"
            )
        merged = {"weights": l1, "weights of squares": l2, "lower": lower, "upper": upper}
        super().__init__(
            terms=terms, _merged={k: v if np.ndim(v) else float(v) for k, v in merged.items()},
            is_smooth=all(term.is_smooth for term in terms),
        )  # fmt: skip

    def get_params(self, deep=True):
        """The terms, as a dict."""
        return {"terms": self.terms}

    def __reduce__(self):
        return Sum, self.terms

    def __repr__(self):
        return " + ".join(map(repr, self.terms))

    def _parameters(self):
        return self._merged


def _refusal(first, second):
    def partners(penalty):
        names = sorted(name for pair in SUMS if penalty.name in pair for name in pair - {penalty.name})
        return f"{penalty!r} can be added to {', '.join(PENALTIES[n].__name__ for n in names) or 'no penalty'}"

    if first.name == second.name:
        cure = f"one {type(first).__name__} with both strengths or limits says the same; {partners(first)}"
    else:
        cure = f"{partners(first)}; {partners(second)}"
    return f"the sum of {first!r} and {second!r} is not one whose proximal step is known to be exact; {cure}"
