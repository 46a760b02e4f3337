"""First-order optimizers: fused updates of NumPy arrays in place.

>>> import numpy as np
>>> from fastopt.optimizers import Adam
>>> w = np.array([1.0, -2.0])
>>> opt = Adam(w, lr=0.1)
>>> for _ in range(200):
...     opt.step(2 * w)  # the gradient of sum(w**2)
>>> bool(np.all(np.abs(w) < 1e-2))
True
"""

from ._base import Optimizer
from ._filters import GradientNoise
from ._traits import choose
from .accumulate import Accumulate
from .adabelief import AdaBelief
from .adafactor import Adafactor
from .adagrad import Adadelta, Adagrad, RMSprop
from .adam import Adam, AdamW
from .adamax import Adamax
from .adan import Adan
from .asgd import ASGD
from .average_wrappers import EMA, SWA
from .averaging import ParameterAverage
from .barzilai_borwein import AdaptiveGD, BarzilaiBorwein
from .clipping import clip_adaptive, clip_global_norm, clip_norm, clip_value
from .dog import DoG
from .finder import LearningRates, find_lr
from .ftrl import FTRL
from .lamb import LAMB
from .lookahead import Lookahead
from .muon import Muon
from .nadam import NAdam
from .polyak import PolyakSGD
from .private import DPAggregate, dp_gradient
from .prodigy import Prodigy
from .radam import RAdam
from .rows import RowGradient
from .sam import SAM
from .schedule_free import ScheduleFreeAdamW, ScheduleFreeRAdam, ScheduleFreeSGD
from .sgd import SGD
from .signs import Lion, Rprop, Signum
from .yogi import Yogi

__all__ = [
    "ASGD",
    "EMA",
    "FTRL",
    "LAMB",
    "OPTIMIZERS",
    "SAM",
    "SGD",
    "SWA",
    "Accumulate",
    "AdaBelief",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "AdaptiveGD",
    "BarzilaiBorwein",
    "DPAggregate",
    "DoG",
    "GradientNoise",
    "LearningRates",
    "Lion",
    "Lookahead",
    "Muon",
    "NAdam",
    "Optimizer",
    "ParameterAverage",
    "PolyakSGD",
    "Prodigy",
    "RAdam",
    "RMSprop",
    "RowGradient",
    "Rprop",
    "ScheduleFreeAdamW",
    "ScheduleFreeRAdam",
    "ScheduleFreeSGD",
    "Signum",
    "Yogi",
    "choose",
    "clip_adaptive",
    "clip_global_norm",
    "clip_norm",
    "clip_value",
    "dp_gradient",
    "find_lr",
    "get",
]

OPTIMIZERS = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "rmsprop": RMSprop,
    "adamax": Adamax,
    "nadam": NAdam,
    "radam": RAdam,
    "adabelief": AdaBelief,
    "yogi": Yogi,
    "adan": Adan,
    "lion": Lion,
    "signum": Signum,
    "rprop": Rprop,
    "ftrl": FTRL,
    "asgd": ASGD,
    "schedulefreesgd": ScheduleFreeSGD,
    "schedulefreeadamw": ScheduleFreeAdamW,
    "schedulefreeradam": ScheduleFreeRAdam,
    "lamb": LAMB,
    "adafactor": Adafactor,
    "muon": Muon,
    "prodigy": Prodigy,
    "dog": DoG,
    "polyaksgd": PolyakSGD,
    "barzilaiborwein": BarzilaiBorwein,
    "adaptivegd": AdaptiveGD,
}


def get(name, **params):
    """The recipe of that name with these parameters; case does not matter ("adam", "AdamW").

    An Optimizer is returned as it is, or bound to nothing with `params` changed.

    Examples
    --------
    >>> get("sgd", lr=0.1, momentum=0.9)
    SGD(lr=0.1, momentum=0.9)
    """
    if isinstance(name, Optimizer):
        return type(name)(**{**name.get_params(deep=False), **params}) if params else name
    if isinstance(name, type) and issubclass(name, Optimizer):
        return name(**params)
    if not isinstance(name, str):
        raise TypeError(f"an optimizer is a name or an Optimizer, got {type(name).__name__}")
    if name.lower() not in OPTIMIZERS:
        raise ValueError(f"unknown optimizer {name!r}; there are {', '.join(map(repr, OPTIMIZERS))}")
    return OPTIMIZERS[name.lower()](**params)
