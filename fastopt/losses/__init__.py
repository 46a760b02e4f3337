"""Losses with value, gradient and curvature, over float32 and float64 arrays.

Every loss has `value`, `gradient`, `value_gradient`, `gradient_hessian` and `hessp`, all with
``(y_true, raw_prediction, sample_weight=None, *, reduction="mean", n_threads=None)``; `LOSSES` maps
names to classes and `get` makes one from a name, ours or a peer's. `from_function` and `from_pointer` make
losses of users' functions, `check_loss` tries any loss.
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
from ._combination import Combination, RowCombination
from ._check import LossReport, check_loss
from ._custom import CustomLoss, PointerLoss, from_function, from_pointer
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
    Fair,
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
from ._row_margins import (
    CrammerSinger,
    CumulativeLogit,
    MultilabelLogistic,
    MultilabelMargin,
    WestonWatkins,
)
from ._row_softmax import (
    CategoricalFocal,
    CategoricalGeneralizedCrossEntropy,
    JensenShannon,
    KLDivergenceFromLogProbabilities,
    KLDivergenceFromProbabilities,
    ListwiseSoftmax,
    Poly1CrossEntropy,
    SoftmaxKLDivergence,
    Sparsemax,
)
from ._row_vectors import (
    CompleteIoU,
    CosineDistance,
    GaussianNLL,
    GeneralizedIoU,
    IoU,
)
from ._rows import CategoricalCrossEntropyFromProbabilities, SoftmaxCrossEntropy
from ._traits import choose
from ._weights import element_weight

__all__ = [
    "CrammerSinger",
    "CumulativeLogit",
    "MultilabelLogistic",
    "MultilabelMargin",
    "WestonWatkins",
    "CategoricalFocal",
    "CategoricalGeneralizedCrossEntropy",
    "JensenShannon",
    "KLDivergenceFromLogProbabilities",
    "KLDivergenceFromProbabilities",
    "ListwiseSoftmax",
    "Poly1CrossEntropy",
    "SoftmaxKLDivergence",
    "Sparsemax",
    "CompleteIoU",
    "CosineDistance",
    "GaussianNLL",
    "GeneralizedIoU",
    "IoU",
    "LOSSES",
    "AbsoluteError",
    "BinaryCrossEntropyFromProbabilities",
    "BinaryFocal",
    "BinarySparsemax",
    "CategoricalCrossEntropyFromProbabilities",
    "Cauchy",
    "Combination",
    "ComplementaryLogLog",
    "CustomLoss",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Fair",
    "Gamma",
    "GeneralizedCrossEntropy",
    "HalfSquaredError",
    "Hinge",
    "Huber",
    "InverseGaussian",
    "LogCosh",
    "Logistic",
    "Loss",
    "LossReport",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "ModifiedHuber",
    "NegativeBinomial",
    "Perceptron",
    "PointerLoss",
    "Poisson",
    "PoissonIdentity",
    "Probit",
    "PseudoHuber",
    "Quantile",
    "RootMeanSquaredError",
    "RowCombination",
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
    "choose",
    "element_weight",
    "check_loss",
    "from_function",
    "from_pointer",
    "get",
]
