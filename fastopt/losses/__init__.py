"""Losses with value, gradient and curvature, over float32 and float64 arrays.

Every loss has `value`, `gradient`, `value_gradient`, `gradient_hessian` and `hessp`, all with
``(y_true, raw_prediction, sample_weight=None, *, reduction="mean", n_threads=None)``; `LOSSES` maps
names to classes and `get` makes one from a name, ours or a peer's. `from_function` and `from_pointer` make
losses of users' functions, `check_loss` tries any loss.
"""

from ._base import BATCH_LOSSES, LOSSES, Loss, get
from ._binary import (
    BinaryCrossEntropyFromProbabilities,
    BinaryFocal,
    BinarySparsemax,
    ComplementaryLogLog,
    Exponential,
    GeneralizedCrossEntropy,
    Hinge,
    Logistic,
    ModifiedHuber,
    Perceptron,
    Probit,
    SmoothedHinge,
    SquaredHinge,
)
from ._check import LossReport, check_loss
from ._combination import Combination, RowCombination
from ._custom import CustomLoss, PointerLoss, from_function, from_pointer
from ._embedding import contrastive, cosine_embedding, hinge_embedding, info_nce, margin_ranking, nt_xent, triplet
from ._glm import Gamma, InverseGaussian, NegativeBinomial, Poisson, PoissonIdentity, Tweedie, TweedieIdentity
from ._overlap import Dice, DiceFromProbabilities, Jaccard, JaccardFromProbabilities, Tversky, TverskyFromProbabilities
from ._ranking import pairwise_ranking
from ._regression import (
    AbsoluteError,
    EpsilonInsensitive,
    Expectile,
    HalfSquaredError,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    Quantile,
    RootMeanSquaredError,
    SmoothedQuantile,
    SquaredEpsilonInsensitive,
    SquaredError,
)
from ._robust import Cauchy, Fair, Huber, LogCosh, PseudoHuber, SmoothL1, TukeyBiweight, Welsch
from ._row_margins import CrammerSinger, CumulativeLogit, MultilabelLogistic, MultilabelMargin, WestonWatkins
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
from ._row_vectors import CompleteIoU, CosineDistance, GaussianNLL, GeneralizedIoU, IoU
from ._rows import CategoricalCrossEntropyFromProbabilities, SoftmaxCrossEntropy
from ._sequence import CTC, CTCFromLogProbabilities
from ._survival import CoxPartialLikelihood, SurvivalTarget
from ._traits import choose
from ._weights import element_weight

__all__ = [
    "BATCH_LOSSES",
    "CTC",
    "LOSSES",
    "AbsoluteError",
    "BinaryCrossEntropyFromProbabilities",
    "BinaryFocal",
    "BinarySparsemax",
    "CTCFromLogProbabilities",
    "CategoricalCrossEntropyFromProbabilities",
    "CategoricalFocal",
    "CategoricalGeneralizedCrossEntropy",
    "Cauchy",
    "Combination",
    "ComplementaryLogLog",
    "CompleteIoU",
    "CosineDistance",
    "CoxPartialLikelihood",
    "CrammerSinger",
    "CumulativeLogit",
    "CustomLoss",
    "Dice",
    "DiceFromProbabilities",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Fair",
    "Gamma",
    "GaussianNLL",
    "GeneralizedCrossEntropy",
    "GeneralizedIoU",
    "HalfSquaredError",
    "Hinge",
    "Huber",
    "InverseGaussian",
    "IoU",
    "Jaccard",
    "JaccardFromProbabilities",
    "JensenShannon",
    "KLDivergenceFromLogProbabilities",
    "KLDivergenceFromProbabilities",
    "ListwiseSoftmax",
    "LogCosh",
    "Logistic",
    "Loss",
    "LossReport",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "ModifiedHuber",
    "MultilabelLogistic",
    "MultilabelMargin",
    "NegativeBinomial",
    "Perceptron",
    "PointerLoss",
    "Poisson",
    "PoissonIdentity",
    "Poly1CrossEntropy",
    "Probit",
    "PseudoHuber",
    "Quantile",
    "RootMeanSquaredError",
    "RowCombination",
    "SmoothL1",
    "SmoothedHinge",
    "SmoothedQuantile",
    "SoftmaxCrossEntropy",
    "SoftmaxKLDivergence",
    "Sparsemax",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "SurvivalTarget",
    "TukeyBiweight",
    "Tversky",
    "TverskyFromProbabilities",
    "Tweedie",
    "TweedieIdentity",
    "Welsch",
    "WestonWatkins",
    "check_loss",
    "choose",
    "contrastive",
    "cosine_embedding",
    "element_weight",
    "from_function",
    "from_pointer",
    "get",
    "hinge_embedding",
    "info_nce",
    "margin_ranking",
    "nt_xent",
    "pairwise_ranking",
    "triplet",
]
