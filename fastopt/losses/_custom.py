"""Losses of users: a Python function over arrays, and a compiled function of one element."""

import ctypes
import inspect

import numpy as np

from .._validation import real_number
from ._base import DOMAINS, INVERSE_LINKS
from ._pointwise import PointwiseLoss, best_constant, convex_constant

SIGNATURES = {
    np.dtype(np.float64): "double (double, double, double *, double *, void *)",
    np.dtype(np.float32): "float (float, float, float *, float *, void *)",
}
# The codes of FO_DOMAIN_* (src_c/fo_losses.h).
CODES = {
    name: code for code, name in enumerate(("finite", "unit", "sign", "nonnegative", "positive", "above -1", "binary"))
}
# Elements of float64 that a Python function gets at a time: 128 KB an array.
BLOCK = 16384
PARTS = ("value", "gradient", "Hessian")


class WrongValue(ValueError):
    """A loss function returned arrays of another shape."""


class WrongType(TypeError):
    """A loss function returned something else than arrays of the right dtype."""


class UserLoss(PointwiseLoss):
    """What losses of users share: what they declare, the check on first use, identity by what they are made of."""

    has_conjugate = False
    _nanoseconds = 5.0

    def __init__(self, given, *, name, convex, smooth, domain, link, kinks, raw_low, check):
        if not isinstance(name, str) or not name:
            raise TypeError(f"name must be a str that is not empty, got {name!r}")
        if domain not in DOMAINS:
            raise ValueError(f"domain must be one of {', '.join(map(repr, DOMAINS))}, got {domain!r}")
        if link not in INVERSE_LINKS:
            raise ValueError(f"link must be one of {', '.join(map(repr, INVERSE_LINKS))}, got {link!r}")
        for key, flag in (("convex", convex), ("smooth", smooth), ("check", check)):
            if not isinstance(flag, (bool, np.bool_)):
                raise TypeError(f"{key} must be True or False, got {flag!r}")
        if kinks is not None and not callable(kinks):
            raise TypeError(f"kinks must be a function of y_true that returns a list of arrays like it, got {kinks!r}")
        if raw_low != -np.inf:
            raw_low = real_number("raw_low", raw_low)
        self.__dict__.update(
            _given=given, name=name, is_convex=bool(convex), is_smooth=bool(smooth), domain=domain, link=link,
            raw_low=raw_low, _kinks=kinks,
        )  # fmt: skip
        if check:
            self.__dict__["_evaluate"] = self._first

    def _first(self, what, y_true, raw_prediction, *args, **options):
        """`_evaluate` until the loss has passed its check."""
        self._check_once(getattr(raw_prediction, "dtype", None) == np.float32)
        return self._evaluate(what, y_true, raw_prediction, *args, **options)

    def _check_once(self, single):
        if self.__dict__.pop("_evaluate", None) is None:
            return
        from ._check import check_loss

        try:
            check_loss(self, n_samples=24, float32=single).raise_()
        except BaseException:
            self.__dict__["_evaluate"] = self._first
            raise

    def get_params(self, deep=True):
        """The arguments that the loss was made with, as a dict; `deep` changes nothing."""
        return dict(self._given)

    def kinks(self, y_true):
        """Raw predictions at which gradient or Hessian jump, as a list of arrays like `y_true`."""
        return [] if self._kinks is None else list(self._kinks(np.asarray(y_true)))

    def _check_target(self, y_true, masked=False):
        try:
            super()._check_target(y_true, masked)
        except ValueError as error:
            raise ValueError(str(error).replace(type(self).__name__, f"the loss {self.name!r}", 1)) from None

    def _no_conjugate(self):
        raise NotImplementedError(f"{self!r} offers no conjugate")

    def _constant(self, y, w):
        y, w = y[w > 0], w[w > 0]
        low = max(np.nextafter(self.raw_low, np.inf), -1e8)
        start = np.average(y, weights=w) if self.link == "identity" else 0.0
        start = max(start, low + 1.0) if self.raw_low > -np.inf else start
        if not self.is_convex:
            around = np.unique(np.quantile(y, np.linspace(0, 1, 129))) if self.link == "identity" else np.zeros(1)
            spread = np.unique(np.concatenate([around, start + np.linspace(-8, 8, 65)]))
            return best_constant(self, y, w, spread[spread > self.raw_low])

        def slope(z):
            return float(w @ self.gradient(y, np.full(y.shape, z), reduction="none"))

        # Steps grow until the slope has the other sign; a loss that falls for ever has its infimum at infinity.
        left = right = start
        step = 1.0
        while slope(left) > 0:
            if left <= low or left < -1e8:
                return left if self.raw_low > -np.inf else -np.inf
            left, step = max(left - step, low), 2 * step
        step = 1.0
        while slope(right) < 0:
            if right > 1e8:
                return np.inf
            right, step = right + step, 2 * step
        return convex_constant(self, y, w, left, right)

    def sample(self, rng, n):
        """n targets and raw predictions (float64) from the middle of the declared domain and link."""
        if self.raw_low > -np.inf:
            raw = self.raw_low + np.exp(0.5 * rng.normal(size=n))
        else:
            raw = rng.normal(size=n) * (1.0 if self.link == "log" else 2.0)
        y = {
            "finite": lambda: rng.normal(size=n),
            "unit": lambda: rng.uniform(size=n),
            "sign": lambda: rng.choice([-1.0, 1.0], size=n),
            "nonnegative": lambda: rng.poisson(2.0, size=n).astype(float),
            "positive": lambda: rng.gamma(2.0, size=n) + 1e-3,
            "above -1": lambda: rng.gamma(2.0, size=n) - 0.9,
            "binary": lambda: rng.choice([0.0, 1.0], size=n),
        }[self.domain]()
        return y, raw


class Answers:
    """The function of a `CustomLoss`: what is right about its answers, and the words for what is not."""

    __slots__ = ("count", "function", "label")

    def __init__(self, function, label, hessian):
        self.function, self.label = function, label
        self.count = None if hessian is None else 2 + bool(hessian)

    @staticmethod
    def flat(array):
        """A one-dimensional view that is an ndarray."""
        array = np.asarray(array)
        return array if array.ndim == 1 else array.reshape(-1)

    def note(self, error):
        error.add_note(f"raised in the loss function {self.label}")

    def right(self, answer, y, raw, second):
        """The arrays (value, gradient, and with `second` the Hessian) of an answer, or an error that names what is wrong."""
        if not isinstance(answer, tuple) or len(answer) not in (2, 3):
            found = f"a tuple of {len(answer)}" if isinstance(answer, tuple) else type(answer).__name__
            raise WrongType(f"{self.label} must return (value, gradient) or (value, gradient, hessian), got {found}")
        if self.count is not None and len(answer) != self.count:
            words = "(value, gradient, hessian)" if self.count == 3 else "(value, gradient)"
            raise WrongType(
                f"{self.label} must return {words}, as it did before or as hessian= says, got {len(answer)} arrays"
            )
        arrays = []
        for part, array in zip(PARTS, answer):
            if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
                raise WrongType(
                    f"the {part} that {self.label} returned must be an array, "
                    f"got {type(array).__name__}; one element for each sample"
                )
            if array.shape != raw.shape:
                raise WrongValue(
                    f"the {part} that {self.label} returned has shape {array.shape} for {raw.size} samples; "
                    f"it must be {raw.shape}, one element for each"
                )
            if array.dtype != raw.dtype:
                raise WrongType(
                    f"the {part} that {self.label} returned has dtype {array.dtype} for a raw prediction of {raw.dtype}; "
                    "they must be the same"
                )
            arrays.append(np.require(array, requirements="CA").view(np.ndarray))
        if second and len(arrays) == 2:
            arrays.append(self.difference(y, raw))
        return tuple(arrays)

    def difference(self, y, raw):
        """Second derivatives as central differences of the gradient."""
        step = np.cbrt(np.finfo(raw.dtype).eps) * np.maximum(1, abs(raw))
        up, down = raw + step, raw - step
        first, last = (self.right(self.call(y, z), y, z, False)[1] for z in (down, up))
        return (last - first) / (up - down)

    def call(self, y, raw):
        try:
            return self.function(y, raw)
        except BaseException as error:
            self.note(error)
            raise


class CustomLoss(UserLoss):
    """The loss of a Python function of arrays, which goes wherever a built-in loss goes.

    Parameters
    ----------
    function : callable
        ``function(y_true, raw_prediction) -> (value, gradient)`` or ``(value, gradient, hessian)``: of
        one-dimensional arrays of one dtype (that of the raw predictions, float32 or float64), arrays of the
        same length and dtype with the loss of each sample and its derivatives with respect to the raw
        prediction. It is given slices of at most `block_size` elements, read-only, by the calling thread,
        and must treat each element alone. Without a Hessian, second derivatives are central differences of the
        gradient where one is asked for, and ``hessian_kind`` is "difference".
    name : str, optional
        What errors call the loss; the function's name by default.
    convex : bool, default=False
        Whether the loss is convex in the raw prediction.
    smooth : bool, default=True
        Whether the gradient is continuous.
    domain : str, default="finite"
        Targets that are accepted: "finite", "unit" ([0, 1]), "sign" (-1, +1), "nonnegative", "positive",
        "above -1", "binary" (0, 1). Others are a ValueError before the function is called.
    link : str, default="identity"
        What the raw prediction is: "identity", "log", "logit", "cloglog" or "probit" of the predicted quantity.
    kinks : callable, optional
        ``kinks(y_true)``: a list of arrays like `y_true`, the raw predictions at which gradient or Hessian jump.
    raw_low : float, optional
        Raw predictions below this have an infinite loss.
    hessian : bool, optional
        Whether the function returns a Hessian; by default a call with four samples tells when it is asked for.
    block_size : int or None, default=16384
        Elements of a slice of float64, half of those of float32: temporaries of this length stay in cache. None
        hands over everything at once.
    check : bool, default=True
        Run a small `check_loss` when the loss is first used, and raise what it finds (in float32, too, if that use is).

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt import losses
    >>> def half_square(y, z):
    ...     r = z - y
    ...     return 0.5 * r * r, r, np.ones_like(r)
    >>> loss = losses.from_function(half_square, convex=True)
    >>> loss
    CustomLoss(half_square, convex=True)
    >>> loss.value_gradient(np.array([1.0, 2.0]), np.array([1.5, 4.0]))
    (1.0625, array([0.25, 1.  ]))
    """

    has_kernel = False

    def __init__(self, function, *, name=None, convex=False, smooth=True, domain="finite", link="identity",
                 kinks=None, raw_low=-np.inf, hessian=None, block_size=BLOCK, check=True):  # fmt: skip
        if not callable(function):
            raise TypeError(f"function must be a callable of (y_true, raw_prediction), got {type(function).__name__}")
        if block_size is not None and (type(block_size) is not int or block_size < 1):
            raise ValueError(f"block_size must be a positive integer or None, got {block_size!r}")
        if hessian is not None and not isinstance(hessian, (bool, np.bool_)):
            raise TypeError(f"hessian must be True, False or None, got {hessian!r}")
        given = dict(
            function=function, name=name, convex=convex, smooth=smooth, domain=domain, link=link, kinks=kinks,
            raw_low=raw_low, hessian=hessian, block_size=block_size, check=check,
        )  # fmt: skip
        own = getattr(function, "__qualname__", None) or type(function).__qualname__
        name = own.rpartition("<locals>.")[2] if name is None else name
        super().__init__(given, name=name, convex=convex, smooth=smooth, domain=domain, link=link, kinks=kinks,
                         raw_low=raw_low, check=check)  # fmt: skip
        self.__dict__.update(
            function=function,
            _plan=(None, bytes(32), self._nanoseconds, 1.0, False, function, CODES[domain],
                   8 * block_size if block_size else np.iinfo(np.intp).max, Answers(function, self.name, hessian)),
        )  # fmt: skip

    def __repr__(self):
        return _short(self, self.name)

    @property
    def hessian_kind(self):
        """What stands for the second derivative: "exact" where the function returns one, else "difference"."""
        answers = self._plan[8]
        if answers.count is None:
            with np.errstate(all="ignore"):
                answer = answers.call(*self.sample(np.random.default_rng(0), 4))
            answers.count = 3 if isinstance(answer, tuple) and len(answer) == 3 else 2
        return "exact" if answers.count == 3 else "difference"

    def _kernel(self, dtype):
        raise NotImplementedError(f"{self!r} has no block function: its function is Python's")


def from_function(function, **options):
    """The loss of a Python function ``function(y_true, raw_prediction) -> (value, gradient[, hessian])``.

    Parameters and errors are those of `CustomLoss`, which this returns.

    Returns
    -------
    CustomLoss

    Examples
    --------
    A loss with a parameter, fitted to data; the Hessian is found by differences:

    >>> import numpy as np, fastopt
    >>> from fastopt import losses
    >>> def linex(y, z, a=0.5):
    ...     t = np.expm1(a * (z - y))
    ...     return t - a * (z - y), a * t
    >>> loss = losses.from_function(linex, convex=True)
    >>> X = np.arange(6.0).reshape(-1, 1)
    >>> objective = fastopt.LinearObjective(X, 2 * X[:, 0] + 1, loss)
    >>> fastopt.minimize(objective.value_gradient, np.zeros(2), jac=True).x.round(4)
    array([2., 1.])
    """
    return CustomLoss(function, **options)


class PointerLoss(UserLoss):
    """The loss of a compiled function of one element, called in fastopt's loops without Python's lock.

    ``double f(double y_true, double raw_prediction, double *gradient, double *hessian, void *user_data)`` returns
    the loss and stores its derivatives (`fo_loss_f64` of fastopt.h). Several threads call it at once.

    Parameters
    ----------
    function : PyCapsule, scipy.LowLevelCallable, ctypes function pointer or numba cfunc
        A capsule's name is the signature and its context the user_data, as in SciPy; a module of Cython has such
        capsules in ``__pyx_capi__``. For ctypes, argument and result types have to be set.
    single : like `function`, optional
        The same for float32, ``float f(float, float, float *, float *, void *)``; without it `function` is used,
        and its results are rounded.
    user_data : ctypes pointer, array or structure, optional
        What the functions get as their last argument, where they are not a capsule or LowLevelCallable with one of
        its own. It is kept alive and has to stay as it is.
    hessian : bool, default=True
        Whether the function stores a second derivative; False: it is the central difference of two gradients, and
        ``hessian_kind`` is "difference".
    name, convex, smooth, domain, link, kinks, raw_low, check
        As in `CustomLoss`.

    Notes
    -----
    A pointer means nothing in another process: these losses cannot be pickled, and are equal where pointers, data and
    declarations are the same.
    """

    def __init__(self, function, *, single=None, user_data=None, hessian=True, name=None, convex=False, smooth=True,
                 domain="finite", link="identity", kinks=None, raw_low=-np.inf, check=True):  # fmt: skip
        if not isinstance(hessian, (bool, np.bool_)):
            raise TypeError(f"hessian must be True or False, got {hessian!r}")
        given = dict(
            function=function, single=single, user_data=user_data, hessian=hessian, name=name, convex=convex,
            smooth=smooth, domain=domain, link=link, kinks=kinks, raw_low=raw_low, check=check,
        )  # fmt: skip
        data = _data(user_data)
        f64, data64, label = _pointer("function", function, np.dtype(np.float64), data)
        f32, data32 = (0, 0) if single is None else _pointer("single", single, np.dtype(np.float32), data)[:2]
        name = label if name is None else name
        super().__init__(given, name=name, convex=convex, smooth=smooth, domain=domain, link=link, kinks=kinks,
                         raw_low=raw_low, check=check)  # fmt: skip
        words = np.array([f64, f32, data64, data32, CODES[domain], bool(hessian)], dtype=np.uintp)
        par = np.zeros(4)
        par[:1].view(np.uintp)[0] = words.ctypes.data
        self.__dict__.update(
            hessian_kind="exact" if hessian else "difference",
            _words=words,
            _par=par,
            _plan=("pointer", par.tobytes(), self._nanoseconds, 1.0, False),
        )

    def _kernel(self, dtype):
        self._check_once(dtype == np.float32)
        return super()._kernel(dtype)

    def _identity(self):
        declared = {k: v for k, v in self._given.items() if k not in ("function", "single", "user_data")}
        return type(self), self._words.tobytes(), tuple(declared.items())

    def __repr__(self):
        return _short(self, self.name)

    def __reduce__(self):
        raise TypeError(f"{self!r} holds the address of a function and cannot be pickled; make it anew in each process")


def from_pointer(function, **options):
    """The loss of a compiled function of one element: C, Cython or numba, without Python's lock.

    Parameters and errors are those of `PointerLoss`, which this returns.

    Returns
    -------
    PointerLoss

    Examples
    --------
    A function of a shared library (here one of the C library's would have the wrong signature, and says so):

    >>> import ctypes
    >>> from fastopt import losses
    >>> losses.from_pointer(ctypes.CDLL(None).abs)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    TypeError: function must have the signature double (double, double, double *, double *, void *), got int (...); ...
    """
    return PointerLoss(function, **options)


def _short(loss, label):
    """The name and the arguments that are not the defaults."""
    parameters = inspect.signature(type(loss)).parameters
    given = {k: v for k, v in loss.get_params().items() if k not in ("function", "name")}
    more = [f", {k}={v!r}" for k, v in given.items() if v is not parameters[k].default and v != parameters[k].default]
    return f"{type(loss).__name__}({label}{''.join(more)})"


def _data(user_data):
    """The address of user data."""
    if user_data is None:
        return 0
    if isinstance(user_data, ctypes.c_void_p):
        return user_data.value or 0
    if isinstance(user_data, ctypes._Pointer):
        return ctypes.cast(user_data, ctypes.c_void_p).value or 0
    if isinstance(user_data, (ctypes.Array, ctypes.Structure, ctypes._SimpleCData)):
        return ctypes.addressof(user_data)
    raise TypeError(f"user_data must be a ctypes pointer, array or structure, got {type(user_data).__name__}")


def _pointer(argument, function, dtype, data):
    """Address, user data and name of a function of the right signature."""
    signature = SIGNATURES[dtype]
    label = None
    if hasattr(function, "ctypes") and hasattr(function, "address"):  # numba's cfunc
        label = getattr(function, "__name__", None)
        function = function.ctypes
    if isinstance(function, ctypes._CFuncPtr):
        found = f"{_word(function.restype)} ({', '.join(map(_word, function.argtypes or ['...']))})"
        if any(type(kept).__name__ == "CThunkObject" for kept in (function._objects or {}).values()):
            raise TypeError(f"{argument} wraps a Python function; losses.from_function takes it as it is")
        address, label = ctypes.cast(function, ctypes.c_void_p).value, label or getattr(function, "__name__", None)
    else:
        if type(function).__name__ == "LowLevelCallable" and isinstance(function, tuple):
            function = tuple.__getitem__(function, 0)
        if type(function).__name__ != "PyCapsule":
            raise TypeError(
                f"{argument} must be a PyCapsule, a scipy.LowLevelCallable, a ctypes function pointer or a numba cfunc, "
                f"got {type(function).__name__}"
            )
        api = ctypes.pythonapi
        get_name, get_pointer, get_context = (
            ctypes.PYFUNCTYPE(result, ctypes.py_object, *more)((f"PyCapsule_Get{name}", api))
            for name, result, more in (
                ("Name", ctypes.c_char_p, ()), ("Pointer", ctypes.c_void_p, (ctypes.c_char_p,)),
                ("Context", ctypes.c_void_p, ()),
            )
        )  # fmt: skip
        name = get_name(function)
        address, found = get_pointer(function, name), (name or b"a capsule without a name").decode()
        context = get_context(function)
        if context and data:
            raise ValueError(f"{argument} has user data of its own; leave user_data out")
        data = context or data
    if _plain(found) != _plain(signature):
        raise TypeError(
            f"{argument} must have the signature {signature}, got {found}; "
            "a ctypes function says it in argtypes and restype, a capsule in its name"
        )
    return address, data, label or f"function at {address:#x}"


def _plain(signature):
    for word in ("noexcept", "nogil"):
        signature = signature.replace(word, "")
    return "".join(signature.split())


def _word(kind):
    """A ctypes type in C."""
    if isinstance(kind, str):
        return kind
    if kind is None:
        return "void"
    if kind is ctypes.c_void_p:
        return "void *"
    if isinstance(kind, type) and issubclass(kind, ctypes._Pointer):
        return f"{_word(kind._type_)} *"
    return kind.__name__.removeprefix("c_")
