"""Learning rates as functions of the step: plain callables f(step) -> float, step from 0.

`step` counts the updates that an optimizer has made, so the first update uses f(0). An optimizer
takes any such function for `lr`; the classes here also compare, print, pickle and have
get_params, so that they can stand in searches over parameters.

PyTorch's schedulers multiply the rate each time their own step() is called, usually once an
epoch; here one formula gives the rate of any step, so resuming needs no state. Both agree where
the scheduler is stepped after every update. `ReduceOnPlateau` alone has a state: it is told a metric.
"""

from ._base import Schedule, plot, rates
from ._compose import WSD, Noam, Product, Sequential, Warmup
from ._cycles import Cosine, CosineRestarts, Cyclic, OneCycle
from ._decay import (
    Constant,
    Exponential,
    InverseScaling,
    InverseTime,
    Linear,
    MultiStep,
    Optimal,
    Pegasos,
    PiecewiseConstant,
    Polynomial,
    Step,
)
from ._plateau import ReduceOnPlateau

__all__ = [
    "SCHEDULES",
    "WSD",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "Exponential",
    "InverseScaling",
    "InverseTime",
    "Linear",
    "MultiStep",
    "Noam",
    "OneCycle",
    "Optimal",
    "Pegasos",
    "PiecewiseConstant",
    "Polynomial",
    "Product",
    "ReduceOnPlateau",
    "Schedule",
    "Sequential",
    "Step",
    "Warmup",
    "get",
    "plot",
    "rates",
]

SCHEDULES = {
    "constant": Constant,
    "linear": Linear,
    "step": Step,
    "multi_step": MultiStep,
    "piecewise_constant": PiecewiseConstant,
    "exponential": Exponential,
    "inverse_time": InverseTime,
    "inverse_scaling": InverseScaling,
    "polynomial": Polynomial,
    "cosine": Cosine,
    "cosine_restarts": CosineRestarts,
    "one_cycle": OneCycle,
    "cyclic": Cyclic,
    "warmup": Warmup,
    "wsd": WSD,
    "noam": Noam,
    "optimal": Optimal,
    "pegasos": Pegasos,
    "sequential": Sequential,
    "product": Product,
    "reduce_on_plateau": ReduceOnPlateau,
}
# PyTorch's names, whose parameters are these, and scikit-learn's.
_ALIASES = {
    "linearlr": "linear",
    "steplr": "step",
    "multisteplr": "multi_step",
    "exponentiallr": "exponential",
    "invscaling": "inverse_scaling",
    "polynomiallr": "polynomial",
    "cosineannealinglr": "cosine",
    "cosineannealingwarmrestarts": "cosine_restarts",
    "onecyclelr": "one_cycle",
    "cycliclr": "cyclic",
    "sequentiallr": "sequential",
    "chainedscheduler": "product",
    "reducelronplateau": "reduce_on_plateau",
}


def get(name, **params):
    """The schedule of that name ("constant", "cosine", ...; PyTorch's "StepLR", "CosineAnnealingLR", ...).

    A callable is returned as it is.

    Examples
    --------
    >>> get("StepLR", lr=0.1, step_size=30)
    Step(lr=0.1, step_size=30, gamma=0.1)
    """
    if callable(name) and not params:
        return name
    if not isinstance(name, str):
        raise TypeError(f"a schedule is a name or a function of the step, got {type(name).__name__}")
    key = _ALIASES.get(name.lower(), name.lower())
    if key not in SCHEDULES:
        raise ValueError(f"unknown schedule {name!r}; there are {', '.join(map(repr, SCHEDULES))}")
    return SCHEDULES[key](**params)
