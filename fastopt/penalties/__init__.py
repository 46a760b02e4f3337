"""Penalties on the coefficients of a model: value, proximal step, distance from the subdifferential, conjugate.

`PENALTIES` maps names to classes and `get` makes one from a name. Penalties add up with ``+`` where the sum has an
exact proximal step. `prox_step` applies one to the arrays of an optimizer. Intercepts are never penalised.

>>> import numpy as np
>>> from fastopt.penalties import L1, NonNegative
>>> (L1(alpha=0.5) + NonNegative()).prox(np.array([2.0, 0.25, -3.0]), 1.0)
array([1.5, 0. , 0. ])
"""

from ._base import PENALTIES, Penalty, get
from ._coordinate import L1, L2, Box, ElasticNet, NonNegative
from ._step import prox_step
from ._sum import SUMS, Sum

__all__ = [
    "L1",
    "L2",
    "PENALTIES",
    "SUMS",
    "Box",
    "ElasticNet",
    "NonNegative",
    "Penalty",
    "Sum",
    "get",
    "prox_step",
]
