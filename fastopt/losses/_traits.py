"""What a loss is for, as its class declares it: the tables of docs/choosing.md and `choose` are made from this."""

from dataclasses import dataclass

from ._base import BATCH_LOSSES, LOSSES

# Task -> words for it, English and Chinese.
TASKS = {
    "regression": ("a number", "回归"),
    "counts": ("counts, frequencies", "计数回归"),
    "positive": ("positive amounts, durations", "正值回归"),
    "quantiles": ("a quantile or expectile", "分位数回归"),
    "binary": ("two classes", "二分类"),
    "multiclass": ("one class of several", "多分类"),
    "multilabel": ("several labels at once", "多标签分类"),
    "ordinal": ("ordered classes", "有序分类"),
    "ranking": ("an order of items", "排序学习"),
    "distribution": ("a distribution, mean and variance", "分布学习"),
    "survival": ("times until an event", "生存分析"),
    "sequence": ("label sequences without alignment", "序列标注"),
    "segmentation": ("overlap of regions", "图像分割"),
    "detection": ("boxes", "目标检测"),
    "embedding": ("distances between vectors", "度量学习"),
}
# How the gradient of an element grows with its error.
OUTLIERS = {
    "sensitive": ("grows with the error: far targets dominate", "对离群值敏感"),
    "bounded": ("is bounded: a far target counts as any wrong one", "对离群值稳健"),
    "ignored": ("vanishes: a far target counts nothing", "忽略离群值"),
}


@dataclass(frozen=True)
class Traits:
    """What a loss is for.

    Attributes
    ----------
    task : tuple of str
        Keys of `TASKS`.
    outliers : str
        A key of `OUTLIERS`: what the gradient of an element does as its error grows.
    noise : str
        The noise in the targets of which this is, or is close to, the likelihood; or "" for none.
    chinese : str
        The Chinese name.
    use : str
        When to take it, in half a sentence.
    elsewhere : str
        Names elsewhere and how their conventions differ (factor, labels).
    """

    task: tuple
    outliers: str
    noise: str
    chinese: str
    use: str
    elsewhere: str


def choose(*, task=None, outliers=None, targets=None, convex=None, smooth=None):
    """Names of the losses whose declared properties are these, in the order of `LOSSES` and `BATCH_LOSSES`.

    Parameters
    ----------
    task : str, optional
        "regression", "counts", "positive", "quantiles", "binary", "multiclass", ...
    outliers : {"sensitive", "bounded", "ignored"}, optional
        What the gradient of an element does as its error grows.
    targets : str, optional
        The domain of targets: "finite", "unit", "sign", "nonnegative", "positive", "binary", ...
    convex, smooth : bool, optional

    Returns
    -------
    list of str
        For `losses.get`.

    Raises
    ------
    ValueError
        For a word that no loss may declare.

    Examples
    --------
    >>> from fastopt import losses
    >>> losses.choose(task="regression", outliers="ignored")
    ['cauchy', 'tukey_biweight', 'welsch']
    >>> losses.choose(task="binary", targets="sign", smooth=True)
    ['squared_hinge', 'smoothed_hinge', 'binary_sparsemax', 'modified_huber', 'exponential']
    """
    everything = LOSSES | BATCH_LOSSES
    domains = {cls.domain for cls in everything.values()}
    for name, value, allowed in (
        ("task", task, TASKS),
        ("outliers", outliers, OUTLIERS),
        ("targets", targets, domains),
    ):
        if value is not None and value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, sorted(allowed)))}, got {value!r}")
    return [
        name
        for name, cls in everything.items()
        if (task is None or task in cls.traits.task)
        and (outliers is None or outliers == cls.traits.outliers)
        and (targets is None or targets == cls.domain)
        and (convex is None or convex == cls.is_convex)
        and (smooth is None or smooth == cls.is_smooth)
    ]
