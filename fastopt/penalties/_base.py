"""What all penalties share: names and parameters, the public methods, checks of arrays, errors."""

import inspect

import numpy as np

from .. import _kernels
from .._config import threads
from .._validation import FLOATS, by_name, enrol, first_bad, real_array, real_number, same_shape

# Requests to the kernel (fastopt/_kernels/penalties.pxi).
VALUE, PROX, DISTANCE, CONJUGATE, SUPPORT = range(5)

_TIME = 0.5  # ns an element of float32

_LARGEST32 = float(np.finfo(np.float32).max)

PENALTIES = {}
ALIASES = {}


def register(*aliases):
    """Class decorator: enter a penalty in PENALTIES under its `name`, and its other names for `get`."""

    return lambda cls: enrol(cls, aliases, PENALTIES, ALIASES)


def get(name, **params):
    """The penalty of a name, with these parameters.

    Parameters
    ----------
    name : str or Penalty
        A key of `PENALTIES` ("elastic_net"), a class name ("ElasticNet") or another library's name for the same
        formula ("elasticnet", "lasso"). A Penalty is returned as it is.
    **params
        Parameters of the class, for example ``alpha=0.1``.

    Returns
    -------
    Penalty

    Raises
    ------
    ValueError
        If no penalty has this name.
    TypeError
        If the class does not take one of the parameters, or if a Penalty and parameters are given.

    Examples
    --------
    >>> from fastopt import penalties
    >>> penalties.get("l1", alpha=0.1)
    L1(alpha=0.1)
    """
    return by_name(name, params, Penalty, PENALTIES, ALIASES, "their classes' names")


def _ready(label, array, dtype=None):
    """`real_array`, without its calls for an array that is ready."""
    if type(array) is np.ndarray and array.dtype in FLOATS and (dtype is None or array.dtype == dtype):
        flags = array.flags
        if flags.c_contiguous and flags.aligned:
            return array
    return real_array(label, array, dtype)


def constants(name, values, low=None):
    """A float, or a read-only float64 array of its own, of finite or infinite numbers that are not NaN.

    With `low` every number is finite and at least that.
    """
    array = np.asarray(values)
    if array.ndim == 0:
        if isinstance(values, (bool, np.bool_, str)) or array.dtype.kind not in "fiu":
            raise TypeError(f"{name} must be a real number or an array of them, got {values!r}")
    elif array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    array = np.array(array, dtype=np.float64, order="C")
    ok = ~np.isnan(array) if low is None else (array >= low) & (array < np.inf)
    if not ok.all():
        words = "not be NaN" if low is None else f"be finite and >= {low}"
        raise ValueError(f"{name} must {words}, got {array[~ok].flat[0]!s}")
    if array.ndim == 0:
        return float(array)
    array.setflags(write=False)
    return array


class Penalty:
    """Base class of all penalties: immutable, compared and pickled by class and parameters.

    A subclass has a constructor whose arguments are its parameters and which ends in
    ``super().__init__(argument=checked value, ...)``; it implements `_parameters`.

    Attributes
    ----------
    name : str
        Key in ``penalties.PENALTIES`` and in the table of kernels.
    kind : {"coordinate", "group", "global"}
        Whether the penalty is a sum over coefficients, over groups of them, or neither.
    is_smooth : bool
        Whether it has a gradient everywhere.
    is_norm : bool
        Whether it is a norm for alpha > 0, so that `dual_norm` is offered.
    """

    name = ""
    kind = "coordinate"
    is_smooth = False
    is_norm = False

    def __init__(self, **params):
        self.__dict__.update(params)

    def __setattr__(self, attribute, value):
        raise AttributeError(
            f"penalties are immutable: make a new {type(self).__name__} instead of setting {attribute!r}"
        )

    def __delattr__(self, attribute):
        raise AttributeError(f"penalties are immutable: {attribute!r} cannot be deleted")

    @classmethod
    def _parameter_names(cls):
        return tuple(inspect.signature(cls).parameters)

    def get_params(self, deep=True):
        """The parameters as a dict; `deep` changes nothing, parameters of penalties hold no estimators."""
        return {key: getattr(self, key) for key in self._parameter_names()}

    def __repr__(self):
        params = {k: v for k, v in self.get_params().items() if not (k == "weights" and v is None)}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in params.items())})"

    def _identity(self):
        def plain(value):
            # The bits, but -0.0 is 0.0.
            return (value.shape, (value + 0.0).tobytes()) if isinstance(value, np.ndarray) else value

        return type(self), tuple((key, plain(value)) for key, value in self.get_params().items())

    def __eq__(self, other):
        if not isinstance(other, Penalty):
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

    def __sklearn_clone__(self):
        return self

    def __add__(self, other):
        from ._sum import add

        return add(self, other)

    def __radd__(self, other):
        from ._sum import add

        return add(self, other)

    # What a subclass implements.

    def _parameters(self):
        """l1, l2, low and high of src_c/fo_penalties.h: each a float, or an array with one for each coefficient."""
        raise NotImplementedError

    # The public methods.

    def value(self, coef, *, n_threads=None):
        """The penalty.

        Parameters
        ----------
        coef : array of float32 or float64
            Coefficients, without intercepts; any shape. Parameters by coefficient have this shape or that of its last
            axis. NaN propagates.
        n_threads : int, optional
            k means k, -1 all that this process may use, None one thread until more pay. The result's bits do not
            depend on it.

        Returns
        -------
        float
            Summed in float64; infinite where a coefficient is not allowed.

        Raises
        ------
        TypeError
            If the dtype is not float32 or float64.
        ValueError
            If parameters by coefficient do not fit the shape.
        """
        return self._run(VALUE, "coef", coef, n_threads=n_threads)

    def prox(self, v, step, *, out=None, n_threads=None):
        r"""The proximal step :math:`\arg\min_x \sum_j (x_j - v_j)^2 / (2 \, step_j) + \phi(x)`.

        Parameters
        ----------
        v : array of float32 or float64
            What a step on the loss has given.
        step : float or array
            The length of that step, >= 0 and finite; an array in the shape of `v`, cast to its dtype, where each
            coefficient has its own (`Optimizer.step_lengths`). Penalties whose `kind` is not "coordinate" take a
            number. At 0 coefficients stay, or go to the nearest limit.
        out : array, optional
            Where to write; `v` itself for a step in place.
        n_threads : int, optional
            As in `value`.

        Returns
        -------
        array with the shape and dtype of `v`
        """
        v = _ready("v", v)
        step = self._step("step", step, "v", v)
        out = self._output(out, "v", v)
        if step is not out and isinstance(step, np.ndarray) and np.may_share_memory(step, out):
            step = step.copy()
        self._run(PROX, "v", v, step, out=out, n_threads=n_threads)
        return out

    def subdifferential_distance(self, coef, gradient, *, out=None, n_threads=None):
        r"""How far each coefficient is from optimal: the distance of -gradient from the subdifferential of the penalty.

        :math:`\min_{s \in \partial\phi(c)} |g + s|` for a loss with gradient g; zero everywhere exactly where loss plus
        penalty has its minimum, if the loss is convex. Infinite where a coefficient is not allowed.

        Parameters
        ----------
        coef : array of float32 or float64
        gradient : array
            Of the loss, in the shape of `coef`; cast to its dtype.
        out : array, optional
            Where to write.
        n_threads : int, optional
            As in `value`.

        Returns
        -------
        array with the shape and dtype of `coef`
        """
        coef = _ready("coef", coef)
        gradient = _ready("gradient", gradient, coef.dtype)
        same_shape("gradient", gradient, "coef", coef)
        out = self._output(out, "coef", coef)
        if gradient is not out and np.may_share_memory(gradient, out):
            gradient = gradient.copy()
        self._run(DISTANCE, "coef", coef, gradient=gradient, out=out, n_threads=n_threads)
        return out

    def conjugate(self, v, *, n_threads=None):
        r"""The conjugate :math:`\phi^*(v) = \max_c \langle v, c \rangle - \phi(c)`, infinite where there is no maximum.

        Parameters
        ----------
        v : array of float32 or float64
        n_threads : int, optional
            As in `value`.

        Returns
        -------
        float
        """
        return self._run(CONJUGATE, "v", v, n_threads=n_threads)

    def dual_norm(self, v):
        r"""The dual norm :math:`\max_{\phi(c) \le 1} \langle v, c \rangle`, of penalties that are norms (`is_norm`).

        The conjugate is 0 where the dual norm is at most 1, and infinite elsewhere.

        Raises
        ------
        NotImplementedError
            If the penalty is not a norm.
        """
        raise NotImplementedError(f"{self!r} is not a norm and has no dual norm; use conjugate")

    def support(self, coef):
        """Where the penalty has a slope: the coefficients that are neither at a kink nor at a limit.

        For L1 the coefficients that are not 0, for limits those strictly between them; where the penalty is smooth,
        all. Coefficients that are not allowed have no slope.

        Parameters
        ----------
        coef : array of float32 or float64

        Returns
        -------
        array of bool with the shape of `coef`
        """
        coef = _ready("coef", coef)
        out = np.empty_like(coef)
        self._run(SUPPORT, "coef", coef, out=out)
        return out != 0

    # Arrays.

    def _step(self, name, step, label, x):
        """Lengths of a step on x: a float, or an array like x."""
        if not isinstance(step, np.ndarray):
            return real_number(name, step, 0)
        if self.kind != "coordinate":
            raise ValueError(
                f"{type(self).__name__} is not a sum over coefficients: its proximal step takes one number as {name}, "
                f"got an array of shape {step.shape}"
            )
        step = _ready(name, step, x.dtype)
        same_shape(name, step, label, x)
        low, high = (step.min(), step.max()) if step.size else (0, 0)
        if not (low >= 0 and high < np.inf):
            ok = (step >= 0) & (step < np.inf)
            raise ValueError(f"{name} must be finite and >= 0, got {first_bad(step, ok)}")
        return step

    def _check(self, label, x, name, step, n_threads):
        """Raise what `prox` would; the step as it takes it."""
        threads(n_threads, 0)
        for key, one in self._parameters().items():
            self._fit(key, one, label, x)
        return self._step(name, step, label, x)

    def _run(self, what, label, x, step=1.0, gradient=None, out=None, n_threads=None):
        x = _ready(label, x)
        n_threads = threads(n_threads, x.size * _TIME * 1e-6)
        if out is not None and out is not x and np.may_share_memory(x, out):
            x = x.copy()
        flat = [array.reshape(-1) if isinstance(array, np.ndarray) else array for array in (step, gradient, out)]
        parameters = tuple(self._fit(key, one, label, x) for key, one in self._parameters().items())
        kernel = _kernels.table.penalties[x.dtype]
        return kernel.run(self.name, what, x.reshape(-1), parameters, *flat, n_threads)

    def _fit(self, key, values, label, x):
        """A parameter for the kernel: a float, or a flat array like x."""
        # Limits may be infinite outwards.
        worst = -values if key == "upper" else values
        if isinstance(values, np.ndarray):
            worst = worst.max(initial=-np.inf)
        if worst > _LARGEST32 and worst > float(np.finfo(x.dtype).max):
            raise ValueError(
                f"{key} of {type(self).__name__} is {-worst if key == 'upper' else worst}, beyond the numbers of"
                f" {x.dtype}, the dtype of {label}"
            )
        if not isinstance(values, np.ndarray):
            return values
        if values.shape not in (x.shape, x.shape[-1:]):
            raise ValueError(
                f"{label} has shape {x.shape}, but {key} of {type(self).__name__} has shape {values.shape}; it must "
                f"have that shape{'' if x.ndim < 2 else f' or {x.shape[-1:]}'}"
            )
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(np.broadcast_to(values, x.shape), dtype=x.dtype).reshape(-1)

    def _output(self, out, label, x):
        if out is None:
            return np.empty_like(x)
        if not isinstance(out, np.ndarray):
            raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
        if out.dtype != x.dtype:
            raise TypeError(f"out must have dtype {x.dtype}, as {label}, got {out.dtype}")
        if out.shape != x.shape:
            raise ValueError(f"out must have shape {x.shape}, as {label}, got {out.shape}")
        if not (out.flags.c_contiguous and out.flags.aligned):
            raise ValueError("out must be C-contiguous and aligned")
        if not out.flags.writeable:
            raise ValueError("out is read-only")
        return out


def _rebuild(cls, params):
    return cls(**params)
