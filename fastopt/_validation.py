"""Checks of arrays and numbers that users hand in; error texts name the argument, what was found, what is allowed."""

import numbers

import numpy as np

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


def real_array(name, array, dtype=None):
    """`array` as an aligned C-contiguous float32 or float64 array in the machine's byte order.

    Without `dtype` the array's own decides, and anything but float32 and float64 is a TypeError;
    with it, any real dtype is cast. Nothing is copied where nothing needs to change.
    """
    array = np.asarray(array)
    own = array.dtype.newbyteorder("=")
    if dtype is None:
        if own not in FLOATS:
            raise TypeError(
                f"{name} must be an array of float32 or float64, got dtype {array.dtype}; "
                f"convert it, for example with numpy.asarray({name}, dtype=numpy.float64)"
            )
        dtype = own
    elif own.kind not in "fiub":
        raise TypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    if array.dtype != dtype:
        array = array.astype(dtype)
    return np.require(array, requirements="CA")


def same_shape(name, array, other_name, other):
    """Refuse arrays of different shapes; nothing is broadcast."""
    if array.shape != other.shape:
        raise ValueError(
            f"{name} has shape {array.shape} and {other_name} has shape {other.shape}; "
            "they must be equal, shapes are not broadcast"
        )


def output_array(name, array, shape, dtype, inputs=()):
    """Check a buffer that results are written to. `inputs` maps names to arrays it must not overlap."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a numpy array, got {type(array).__name__}")
    if array.dtype != dtype:
        raise TypeError(f"{name} must have dtype {np.dtype(dtype)}, as raw_prediction, got {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{name} must be C-contiguous and aligned")
    if not array.flags.writeable:
        raise ValueError(f"{name} is read-only")
    for other_name, other in dict(inputs).items():
        if other is not None and np.may_share_memory(array, other):
            raise ValueError(f"{name} shares memory with {other_name}; outputs need memory of their own")
    return array


def output(name, given, shape, dtype, inputs):
    """The array to write to: the caller's, checked and entered in `inputs`, or a new one."""
    if given is None:
        return np.empty(shape, dtype)
    output_array(name, given, shape, dtype, inputs)
    inputs[name] = given
    return given


def as_int64(array):
    """An array of integers as contiguous aligned int64; such arrays are not copied."""
    if array.dtype != np.int64:
        if array.dtype.kind == "u" and array.dtype.itemsize == 8:
            array = np.minimum(array, np.uint64(2**63 - 1))
        array = array.astype(np.int64)
    return np.require(array, requirements="CA")


def real_number(name, value, low=None, high=None, open_low=False, open_high=False):
    """`value` as a float, finite and within the given limits."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {type(value).__name__}")
    number = float(value)
    left, right = "(" if open_low or low is None else "[", ")" if open_high or high is None else "]"
    inside = np.isfinite(number)
    if low is not None:
        inside = inside and (number > low if open_low else number >= low)
    if high is not None:
        inside = inside and (number < high if open_high else number <= high)
    if not inside:
        low, high = "-inf" if low is None else low, "inf" if high is None else high
        raise ValueError(f"{name} must be in {left}{low}, {high}{right}, got {value!r}")
    return number


def first_bad(array, ok):
    """Value and index of the first element where `ok` is False, as words for an error."""
    position = int(np.argmin(ok.ravel()))
    index = np.unravel_index(position, array.shape)
    place = "" if not index else f" at index {index[0] if len(index) == 1 else tuple(int(i) for i in index)}"
    return f"{array.ravel()[position]!s}{place}"


def enrol(cls, names, classes, aliases):
    """Enter a class in the registry `classes` under its `name`, and its other names in `aliases`."""
    classes[cls.name] = cls
    for alias in (cls.name, cls.__name__, *names):
        if aliases.setdefault(alias, cls.name) != cls.name:
            raise ValueError(f"the name {alias!r} belongs to {aliases[alias]}")
    return cls


def by_name(name, params, base, classes, aliases, others):
    """The instance that a name and parameters of a registry stand for; an instance of `base` as it is.

    `others` ends the list of names in the error for an unknown one.
    """
    kind = base.__name__
    if isinstance(name, base):
        if params:
            raise TypeError(f"parameters {sorted(params)} cannot be applied to {name!r}, which is already a {kind.lower()}")
        return name
    if not isinstance(name, str):
        raise TypeError(f"name must be a str or a {kind}, got {type(name).__name__}")
    if name not in aliases:
        raise ValueError(f"unknown {kind.lower()} {name!r}; known are {', '.join(classes)}, and {others}")
    cls = classes[aliases[name]]
    check_names(cls, params)
    return cls(**params)


def check_names(cls, params):
    """Raise TypeError for the first key that is not a parameter of the class."""
    allowed = cls._parameter_names()
    for key in params:
        if key not in allowed:
            raise TypeError(f"{cls.__name__} takes {', '.join(allowed) or 'no parameters'}, got {key!r}")
