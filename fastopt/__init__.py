"""fastopt: linear models, generalized linear models and small dense networks on a CPU.

Estimators are in `fastopt.linear_model`; losses, penalties, optimizers, schedules and solvers, which they are
made of, in the modules of these names. A module is imported when it is first used.
"""

import importlib

from ._config import config_context, get_config, get_include, set_config, show_config

__version__ = "0.1.0"

# Submodules and the public names of `fastopt` that live in them; imported on first use.
_SUBMODULES = (
    *("diagnostics", "linear_model", "linesearch", "losses", "minimizers", "objective", "optimizers", "penalties"),
    *("plots", "schedules", "solvers"),
)
_LAZY = {"LinearObjective": "objective", "check_gradient": "diagnostics", "minimize": "_minimize"}

__all__ = [
    "config_context",
    "get_config",
    "get_include",
    "set_config",
    "show_config",
    *_SUBMODULES,
    *_LAZY,
]


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"fastopt.{name}")
    if name in _LAZY:
        value = getattr(importlib.import_module(f"fastopt.{_LAZY[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'fastopt' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__} - {"_LAZY", "_SUBMODULES", "importlib"})
