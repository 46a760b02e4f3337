"""Losses with value, gradient and curvature, over float32 and float64 arrays.

Every loss has `value`, `gradient`, `value_gradient`, `gradient_hessian` and `hessp`, all with
``(y_true, raw_prediction, sample_weight=None, *, reduction="mean", n_threads=None)``; `LOSSES` maps
names to classes and `get` makes one from a name, ours or a peer's.
"""

from ._base import LOSSES, Loss, get
from ._binary import (
    BinaryFocal,
    BinarySparsemax,
    ComplementaryLogLog,
    Exponential,
    GeneralizedCrossEntropy,
    ModifiedHuber,
    Perceptron,
    Probit,
    SmoothedHinge,
)
from ._glm import Gamma, InverseGaussian, NegativeBinomial, PoissonIdentity, Tweedie, TweedieIdentity
from ._pointwise import (
    AbsoluteError,
    BinaryCrossEntropyFromProbabilities,
    HalfSquaredError,
    Hinge,
    Huber,
    Logistic,
    Poisson,
    Quantile,
    RootMeanSquaredError,
    SquaredError,
    SquaredHinge,
)
from ._regression import (
    Cauchy,
    EpsilonInsensitive,
    Expectile,
    LogCosh,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    PseudoHuber,
    SmoothedQuantile,
    SmoothL1,
    SquaredEpsilonInsensitive,
    TukeyBiweight,
    Welsch,
)
from ._rows import CategoricalCrossEntropyFromProbabilities, SoftmaxCrossEntropy

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "BinaryCrossEntropyFromProbabilities",
    "BinaryFocal",
    "BinarySparsemax",
    "CategoricalCrossEntropyFromProbabilities",
    "Cauchy",
    "ComplementaryLogLog",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Gamma",
    "GeneralizedCrossEntropy",
    "HalfSquaredError",
    "Hinge",
    "Huber",
    "InverseGaussian",
    "LogCosh",
    "Logistic",
    "Loss",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "ModifiedHuber",
    "NegativeBinomial",
    "Perceptron",
    "Poisson",
    "PoissonIdentity",
    "Probit",
    "PseudoHuber",
    "Quantile",
    "RootMeanSquaredError",
    "SmoothL1",
    "SmoothedHinge",
    "SmoothedQuantile",
    "SoftmaxCrossEntropy",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "TukeyBiweight",
    "Tweedie",
    "TweedieIdentity",
    "Welsch",
    "get",
]
