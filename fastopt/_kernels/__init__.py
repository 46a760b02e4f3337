"""The compiled loops and the choice of the instruction set level.

A family of kernels is one module for each element type and level. `table` holds the modules of
the level in use, as `table.pointwise[numpy.dtype("float64")]`; `use(level)` exchanges it.
"""

import importlib
import os
import sys

import numpy as np

try:
    import fastopt._kernels._cpu as _cpu
except ModuleNotFoundError as error:
    if error.name != "fastopt._kernels._cpu":
        raise
    raise ImportError(
        "fastopt is imported from a source tree whose extension modules are not built for Python "
        f"{sys.version_info.major}.{sys.version_info.minor}: {os.path.dirname(os.path.dirname(__file__))}. "
        "Build them there with 'pip install -e .', or leave that folder to import the installed package."
    ) from error

FAMILIES = ("pointwise", "rows", "rowwise", "updates", "linear", "elementary", "penalties", "batch")


class Level:
    """The modules of one level; a family is imported when it is first asked for."""

    def __init__(self, name):
        self.name = name

    def __getattr__(self, family):
        if family not in FAMILIES:
            raise AttributeError(family)
        modules = {
            np.dtype(dtype): importlib.import_module(f"fastopt._kernels.{family}_{suffix}_{self.name}")
            for dtype, suffix in ((np.float64, "f64"), (np.float32, "f32"))
        }
        setattr(self, family, modules)
        return modules


def available():
    """Levels that this build contains and this processor runs, lowest first."""
    built = _cpu.build()["flags"]
    return tuple(level for level in _cpu.available_levels() if level in built)


def use(level, name="isa"):
    """Use this level from now on; None is the highest one. `name` is what an error calls the argument."""
    global table
    levels = available()
    if level is None:
        level = levels[-1]
    if level not in levels:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, levels))} on this machine, got {level!r}")
    table = Level(level)


table = None
use(os.environ.get("FASTOPT_ISA") or None, "the environment variable FASTOPT_ISA")
