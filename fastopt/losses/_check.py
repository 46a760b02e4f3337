"""Tries a loss: derivatives against differences, and whether it is what it declares to be."""

import inspect

import numpy as np

from ._base import DOMAINS, Loss
from ._custom import WrongType, WrongValue

# Targets in and outside of each domain.
INSIDE = {
    "finite": (0.0, 1.0, -2.5, 100.0),
    "unit": (0.0, 1.0, 0.25),
    "sign": (-1.0, 1.0),
    "nonnegative": (0.0, 1.0, 100.0),
    "positive": (1e-3, 1.0, 100.0),
    "above -1": (-0.5, 0.0, 100.0),
    "binary": (0.0, 1.0),
}
OUTSIDE = {
    "finite": (np.nan, np.inf),
    "unit": (np.nan, -0.5, 1.5),
    "sign": (np.nan, 0.0, 2.0),
    "nonnegative": (np.nan, -1.0),
    "positive": (np.nan, 0.0, -1.0),
    "above -1": (np.nan, -1.0),
    "binary": (np.nan, 0.5),
}
WORDS = {
    "output": "shapes, dtypes and kinds of what the methods return",
    "finite": "numbers at ordinary samples",
    "repeatable": "the same answer for the same arrays, whole or in part",
    "reductions": "sums, means and weights of the samples' losses",
    "gradient": "gradient against differences of the value",
    "hessian": "Hessian against differences of the gradient",
    "smooth": "gradient without jumps",
    "convex": "values below their chords, Hessian not negative",
    "domain": "targets inside and outside the domain",
    "float32": "float32 near float64",
}


class LossReport:
    """What `check_loss` found.

    Attributes
    ----------
    ok : bool
        Whether nothing was found.
    findings : dict
        Name of a check -> what is wrong, in words. The names are those of `passed`.
    passed : tuple of str
        Checks without a finding, in order: "output", "finite", "repeatable", "reductions", "gradient", "hessian",
        "smooth", "convex", "domain", "float32"; those that do not apply are left out.
    error : Exception or None
        What the loss raised, where that ended the check.
    """

    def __init__(self, loss):
        self.loss, self.findings, self.passed, self.error = repr(loss), {}, (), None

    @property
    def ok(self):
        return not self.findings

    def __str__(self):
        lines = [f"{self.loss}: {'no finding' if self.ok else 'NOT as declared'}"]
        lines += [f"  {name}: {text}" for name, text in self.findings.items()]
        lines += [f"  {name}: ok, {WORDS[name]}" for name in self.passed]
        return "\n".join(lines)

    def __repr__(self):
        return f"<LossReport of {self.loss}: {'ok' if self.ok else ', '.join(self.findings)}>"

    def raise_(self):
        """Raise what was found: the loss's own error, or a ValueError with the findings; nothing where all is well."""
        if self.error is not None:
            raise self.error
        if self.findings:
            found = "; ".join(f"{name}: {text}" for name, text in self.findings.items())
            raise ValueError(
                f"{self.loss} is not as declared. {found}. losses.check_loss shows all; check=False omits this"
            )


def check_loss(loss, *, y_true=None, raw_prediction=None, n_samples=100, random_state=0, rtol=1e-6, float32=True):
    """Try a loss on samples, and report what is not as it declares.

    Compares gradient and Hessian with fourth-order central differences (away from declared kinks), looks for jumps of
    the gradient, probes convexity by chords and by the sign of the Hessian, tries targets inside and outside the
    domain, reductions, weights, and float32.

    Parameters
    ----------
    loss : Loss
        A loss of the package or of a user.
    y_true, raw_prediction : arrays, optional
        The samples, float64 for losses of real targets; from ``loss.sample`` where not given. Both or none.
    n_samples : int, default=100
        Number of samples otherwise.
    random_state : int, default=0
        Seed of everything random.
    rtol : float, default=1e-6
        Relative difference that derivatives are allowed, beside the error of the differences.
    float32 : bool, default=True
        Whether to try float32, too.

    Returns
    -------
    LossReport

    Examples
    --------
    >>> from fastopt import losses
    >>> losses.check_loss(losses.Huber()).ok
    True
    >>> def wrong(y, z):
    ...     return (z - y) ** 2, z - y
    >>> report = losses.check_loss(losses.from_function(wrong))
    >>> sorted(report.findings)
    ['gradient']
    """
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a Loss, got {type(loss).__name__}")
    if (y_true is None) != (raw_prediction is None):
        raise ValueError("y_true and raw_prediction must be given both or not at all")
    rng = np.random.default_rng(random_state)
    if y_true is None:
        y_true, raw_prediction = loss.sample(rng, n_samples if loss.is_separable else min(n_samples, 12))
    probe = _Probe(loss, np.asarray(y_true), np.array(raw_prediction, dtype=np.float64), rng, rtol, float32)
    report = LossReport(loss)
    # The check itself is what looks at a loss of a user first.
    first = loss.__dict__.pop("_evaluate", None)
    try:
        with np.errstate(all="ignore"):
            for name in WORDS:
                try:
                    found = getattr(probe, name)()
                except (WrongValue, WrongType) as error:
                    name, found, report.error = "output", str(error), error
                except NotImplementedError:
                    continue
                except Exception as error:
                    found, report.error = f"{type(error).__name__}: {error}", error
                if found == "":
                    report.passed += (name,)
                elif found is not None:
                    report.findings[name] = found
                    if report.error is not None or name in ("output", "finite"):
                        break
    finally:
        if first is not None:
            loss.__dict__["_evaluate"] = first
    return report


class _Probe:
    """The checks. Each returns words for what is wrong, "" for nothing, None where it does not apply."""

    def __init__(self, loss, y, raw, rng, rtol, single):
        self.loss, self.y, self.raw, self.rng, self.rtol, self.single = loss, y, raw, rng, rtol, single
        self.separable, self.rows = loss.is_separable, loss.is_rowwise
        self.reduction = "none" if self.separable else "sum"
        self.n = len(raw)

    @property
    def has_hessian(self):
        return self.loss.hessian_kind in ("exact", "difference", "fisher", "bound")

    def value(self, raw, y=None, **options):
        return self.loss.value(self.y if y is None else y, raw, reduction=self.reduction, **options)

    def gradient_at(self, raw, y=None):
        return self.loss.gradient(self.y if y is None else y, raw, reduction=self.reduction)

    def hessian_at(self, raw):
        return self.loss.gradient_hessian(self.y, raw, reduction=self.reduction)[1]

    def output(self):
        loss, y, raw = self.loss, self.y, self.raw
        samples = (self.n,) if self.rows else raw.shape
        for dtype in (np.float64, np.float32)[: 1 + self.single]:
            z = raw.astype(dtype)
            value, gradient = loss.value_gradient(y, z, reduction=self.reduction)
            found = [("value", value, samples), ("gradient", gradient, raw.shape)]
            found.append(("gradient", self.gradient_at(z), raw.shape))
            found.append(("value", self.value(z), samples))
            if self.has_hessian:
                gradient, hessian = loss.gradient_hessian(y, z, reduction=self.reduction)
                found += [("gradient", gradient, raw.shape), ("Hessian", hessian, raw.shape)]
            for part, array, shape in found:
                if part == "value" and not self.separable:
                    if not isinstance(array, float):
                        return f"the value of a sum must be a float, got {type(array).__name__}"
                    continue
                if not isinstance(array, np.ndarray):
                    return f"the {part} must be an array, got {type(array).__name__}"
                if array.shape != shape:
                    return f"the {part} has shape {array.shape}, it must be {shape}"
                if array.dtype != dtype:
                    return f"the {part} has dtype {array.dtype} for raw predictions of {np.dtype(dtype)}"
        return ""

    def finite(self):
        parts = [("value", self.value(self.raw)), ("gradient", self.gradient_at(self.raw))]
        if self.has_hessian:
            parts.append(("Hessian", self.hessian_at(self.raw)))
        for part, array in parts:
            wrong = ~np.isfinite(array)
            if wrong.any():
                place = _place(wrong)
                return f"the {part} is {np.asarray(array)[place]} at {self._at(place)}"
        return ""

    def _at(self, place):
        row = place[0] if place else 0
        y = self.y[row] if self.y.ndim == 1 else self.y[place]
        return f"y_true={y}, raw_prediction={self.raw[row] if self.rows else self.raw[place]}"

    def repeatable(self):
        value, gradient = self.loss.value_gradient(self.y, self.raw, reduction=self.reduction)
        again = self.loss.value_gradient(self.y, self.raw, reduction=self.reduction)
        if not (np.array_equal(value, again[0]) and np.array_equal(gradient, again[1])):
            return "a second call with the same arrays gives another answer"
        if not self.separable:
            return ""
        m = max(self.n // 3, 1)
        part = self.loss.value_gradient(self.y[:m], self.raw[:m], reduction=self.reduction)
        for name, whole, some in zip(("value", "gradient"), (value, gradient), part):
            if not np.allclose(whole[:m], some, rtol=1e-10, atol=1e-12 * np.abs(whole).max(initial=0)):
                return f"the {name} of {m} samples alone is not that of the same samples among {self.n}"
        return ""

    def reductions(self):
        if not self.separable:
            return None
        loss, y, raw = self.loss, self.y, self.raw
        samples = (self.n,) if self.rows else raw.shape
        w = self.rng.uniform(0.5, 2.0, samples)
        value, gradient = loss.value_gradient(y, raw, reduction="none")
        spread = w[:, None] if self.rows else w
        weighted = loss.value_gradient(y, raw, w, reduction="none")
        total = loss.value_gradient(y, raw, w, reduction="sum")
        mean = loss.value_gradient(y, raw, w, reduction="mean")
        # Losses over rows divide a mean by a mass of their own, which the ratio of the sums tells.
        mass = w.sum() if not self.rows else (total[0] / mean[0] if mean[0] else w.sum())
        size = np.abs(w * value).sum()
        for name, found, exact, atol in (
            ("weighted value", weighted[0], w * value, 0.0),
            ("weighted gradient", weighted[1], spread * gradient, 0.0),
            ("sum", total[0], (w * value).sum(), size),
            ("gradient of the sum", total[1], spread * gradient, 0.0),
            ("mean", mean[0], (w * value).sum() / mass, size / mass),
            ("gradient of the mean", mean[1], spread * gradient / mass, 0.0),
        ):
            if not np.allclose(found, exact, rtol=1e-10, atol=1e-12 * (atol + np.abs(exact).max(initial=0))):
                return f"the {name} is not that of the samples' losses and weights"
        return ""

    # Derivatives.

    def _steps(self, raw):
        """Lengths of the differences, so that four of them stay where the loss is a number."""
        h = 1e-3 * np.maximum(1.0, np.abs(raw))
        if self.loss.raw_low > -np.inf:
            h = np.minimum(h, 0.02 * (raw - self.loss.raw_low))
        if self._probabilities():
            h = np.minimum(h, 0.02 * np.minimum(raw, 1 - raw))
        return h

    def _probabilities(self):
        """Whether raw predictions above 1 are refused."""
        try:
            self.loss.value(self.y, np.full(self.raw.shape, 1.5))
        except ValueError as error:
            return "raw_prediction" in str(error)
        return False

    def _directions(self):
        """Pairs of a direction and what it makes of an array like raw: one number for each number of `value`."""
        raw = self.raw
        if self.separable and not self.rows:
            yield np.ones_like(raw), lambda a: a
            return
        for j in range(raw.shape[-1] if self.rows else raw.size):
            e = np.zeros_like(raw)
            if self.rows:
                e[:, j] = 1.0
                yield e, lambda a, e=e: (a * e).sum(axis=1)
            else:
                e.flat[j] = 1.0
                yield e, lambda a, e=e: (a * e).sum()

    def _clear(self, h):
        """Elements without a kink within four steps."""
        clear = np.ones(self.raw.shape, bool)
        kinks = getattr(self.loss, "kinks", None)
        for kink in kinks(self.y) if kinks is not None and not self.rows else ():
            clear &= np.abs(self.raw - kink) > 5 * h
        return clear

    def _compare(self, part, function, derivative, e, h, clear):
        """Words for the first element at which `derivative` is not that of `function` along e; "" for none.

        function, derivative : of raw predictions -> arrays that broadcast against h along the samples.
        """
        h = np.max(h, axis=-1) if self.rows else (h if self.separable else np.max(h))
        wide = h[:, None] if self.rows else h

        def difference(s):
            step = s * wide
            a, b, c, d = (function(self.raw + t * step * e) for t in (-2, -1, 1, 2))
            size = np.maximum.reduce([np.abs(a), np.abs(b), np.abs(c), np.abs(d)])
            own = s * (wide if np.ndim(a) == 2 else h)
            return (a - 8 * b + 8 * c - d) / (12 * own), size, own

        near, values, own = difference(1.0)
        far = difference(2.0)[0]
        error = np.abs(near - far) + 16 * np.finfo(float).eps * values / own
        size = np.abs(near) + np.abs(derivative)
        # Where differences do not agree with each other, a kink that is not declared is near.
        usable = clear & (error <= 1e-3 * (size + np.median(size)) + 1e-6 * np.median(values)) & np.isfinite(near)
        if np.mean(usable) < 0.5:
            return f"differences of {function.__name__} disagree at most samples: it jumps or is too rough to compare"
        wrong = usable & ~(np.abs(near - derivative) <= self.rtol * size + 4 * error + 1e-12)
        if not wrong.any():
            return ""
        place = _place(wrong)
        got, exact = np.asarray(derivative)[place], np.asarray(near)[place]
        advice = ""
        ratio = got / exact if exact else np.inf
        ratios = np.asarray(derivative)[usable] / near[usable]
        if np.isfinite(ratio) and np.mean(np.abs(ratios - ratio) < 1e-4 * abs(ratio)) > 0.9:
            advice = ": the sign is wrong" if abs(ratio + 1) < 1e-3 else f": a factor of {ratio:.4g} everywhere"
        return (
            f"the {part} is {got:.8g} at {self._at(place if np.ndim(self.raw) == len(place) else place[:1])}, "
            f"differences give {exact:.8g}{advice}"
        )

    def gradient(self):
        h = self._steps(self.raw)
        gradient, clear = self.gradient_at(self.raw), self._clear(h)

        def value(raw):
            return np.asarray(self.value(raw))

        for e, part in self._directions():
            inside = clear if self.separable and not self.rows else np.all(clear)
            found = self._compare("gradient", value, part(gradient), e, h, inside)
            if found:
                return found
        return ""

    def hessian(self):
        loss, kind = self.loss, self.loss.hessian_kind
        if kind not in ("exact", "product"):
            return None
        h = self._steps(self.raw)
        clear = self._clear(h)

        def gradient(raw):
            return self.gradient_at(raw)

        diagonal = self.hessian_at(self.raw) if kind == "exact" else None
        full = None
        if self.rows and "hessian" in inspect.signature(loss.gradient_hessian).parameters:
            full = loss.gradient_hessian(self.y, self.raw, reduction="none", hessian="full")[1]
        for e, part in self._directions():
            product = loss.hessp(self.y, self.raw, e, reduction=self.reduction)
            inside = clear if self.separable and not self.rows else np.all(clear)
            found = self._compare("Hessian", gradient, product, e, h, inside)
            if found:
                return found
            forms = [("diagonal", diagonal, part(product))]
            if full is not None:
                forms.append(("full matrix", np.einsum("nij,nj->ni", full, e), product))
            for form, array, exact in forms:
                if array is None:
                    continue
                array = part(array) if form == "diagonal" else array
                if not np.allclose(array, exact, rtol=1e-9, atol=1e-9 * np.abs(exact).max(initial=0)):
                    return f"the {form} of the Hessian and hessp differ at {self._at(_place(~np.isclose(array, exact, rtol=1e-9)))}"
        if loss.constant_hessian is not None and not np.allclose(diagonal, loss.constant_hessian, rtol=1e-12):
            return f"constant_hessian is declared as {loss.constant_hessian}, the Hessian is {diagonal.flat[0]}"
        return ""

    # What is declared.

    def _line(self):
        """Increasing raw predictions across the samples, (points, n)."""
        low, high = self.raw.min() - 3.0, self.raw.max() + 3.0
        if self.loss.raw_low > -np.inf:
            low = self.loss.raw_low + 0.02 * (self.raw.min() - self.loss.raw_low)
        if self._probabilities():
            low, high = 0.01, 0.99
        # an irrational stretch: a kink at a round number is not a point of the grid
        return low + (high - low) * np.linspace(0.0, 1.0, 66) ** 1.0123

    def smooth(self):
        if not self.loss.is_smooth or self.rows or not self.separable:
            return None
        grid = self._line()
        shape = self.raw.shape
        gradients = np.array([self.gradient_at(np.full(shape, z)) for z in grid])
        scale = np.nanmax(np.abs(gradients), axis=0)
        jump = np.abs(np.diff(gradients, axis=0))
        first = np.argmax(np.where(np.isfinite(jump), jump, -1.0), axis=0)
        a, b = grid[first], grid[first + 1]
        ga, gb = self.gradient_at(a), self.gradient_at(b)
        for _ in range(40):
            middle = 0.5 * (a + b)
            g = self.gradient_at(middle)
            left = np.abs(g - ga) > np.abs(gb - g)
            a, ga = np.where(left, a, middle), np.where(left, ga, g)
            b, gb = np.where(left, middle, b), np.where(left, g, gb)
        wrong = np.abs(gb - ga) > 1e-3 * scale
        if wrong.any():
            i = _place(wrong)
            return (
                f"declared smooth, but the gradient jumps from {ga[i]:.6g} to {gb[i]:.6g} at y_true={self.y[i]}, "
                f"raw_prediction={b[i]:.8g}"
            )
        return ""

    def convex(self):
        loss = self.loss
        if not loss.is_convex:
            return None
        pairs = [(self.raw, self.raw[self.rng.permutation(self.n)]) for _ in range(8)]
        if not self._probabilities() and loss.raw_low == -np.inf:
            pairs += [(3 * a, 2 * b) for a, b in pairs[:4]]
        for a, b in pairs:
            va, vb, middle = (np.asarray(self.value(z)) for z in (a, b, 0.5 * (a + b)))
            excess = middle - 0.5 * (va + vb)
            wrong = excess > 1e-9 * (np.abs(va) + np.abs(vb) + np.abs(middle)) + 1e-12
            if wrong.any():
                i = _place(wrong)
                row = i[:1] if self.rows else i
                y = self.y[row] if self.separable else self.y
                return (
                    f"declared convex, but between raw predictions {a[row]} and {b[row]} the loss is "
                    f"{excess[i]:.4g} above its chord, y_true={y}"
                )
        if self.has_hessian and loss.hessian_kind != "difference":
            hessian = self.hessian_at(self.raw)
            wrong = hessian < -1e-9 * np.abs(hessian).max(initial=0)
            if wrong.any():
                i = _place(wrong)
                return f"declared convex, but the Hessian is {hessian[i]:.6g} at {self._at(i)}"
        return ""

    def domain(self):
        loss = self.loss
        if loss.domain not in DOMAINS:
            if self.y.dtype.kind not in "iu" or self.y.ndim != 1 or not self.rows:
                return None
            return self._refused([self.raw.shape[1] + loss._more_classes, -1], self.y)
        for target in INSIDE[loss.domain]:
            y = np.full(self.y.shape, target)
            try:
                parts = self.value(self.raw, y), self.gradient_at(self.raw, y)
            except (WrongValue, WrongType):
                raise
            except ValueError as error:
                return f"declared {DOMAINS[loss.domain][0]}, but y_true={target} is refused: {error}"
            for part, array in zip(("value", "gradient"), parts):
                if not np.isfinite(array).all():
                    place = _place(~np.isfinite(array))
                    return (
                        f"declared {DOMAINS[loss.domain][0]}, but the {part} is {np.asarray(array)[place]} at y_true={target}, "
                        f"raw_prediction={self.raw[place] if self.separable else self.raw}"
                    )
        return self._refused(OUTSIDE[loss.domain], self.y)

    def _refused(self, targets, good):
        for target in targets:
            y = good.copy()
            y[0] = target
            try:
                self.value(self.raw, y)
            except ValueError:
                continue
            return f"declared {DOMAINS.get(self.loss.domain, (self.loss.domain,))[0]}, but y_true={target} is accepted"
        return ""

    def float32(self):
        if not self.single:
            return None
        raw = self.raw.astype(np.float32)
        y = self.y.astype(np.float32) if self.y.dtype.kind == "f" else self.y
        wide = y.astype(np.float64) if y.dtype.kind == "f" else y
        near = self._clear(self._steps(self.raw))
        for name, method in (("value", self.value), ("gradient", self.gradient_at)):
            found, exact = method(raw, y), method(raw.astype(np.float64), wide)
            size = np.abs(exact).max(initial=0) + 1e-30
            off = np.abs(np.asarray(found, float) - exact) > 1e-3 * size
            if name == "gradient":
                off &= near
            if off.any():
                i = _place(off)
                return f"the {name} is {np.asarray(found)[i]} in float32 and {np.asarray(exact)[i]} in float64 at {self._at(i)}"
        return ""


def _place(wrong):
    """Index of the first True."""
    return tuple(int(i) for i in np.argwhere(wrong)[0])
