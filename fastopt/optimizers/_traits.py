"""What an optimizer is for, as its class declares it: the table of docs/choosing.md and `choose` are made from this."""

from dataclasses import dataclass

import numpy as np

# Task -> words for it, English and Chinese.
TASKS = {
    "linear": ("linear models", "线性模型"),
    "network": ("neural networks", "神经网络"),
    "sparse": ("rare features, embeddings", "稀疏特征"),
    "large": ("large models and batches", "大模型与大批量"),
    "online": ("streams, one pass", "在线学习"),
}
NOISE = {
    "exact": ("exact gradients (full batches)", "全批量"),
    "batches": ("mini-batches", "小批量"),
    "both": ("either", "均可"),
}
TUNING = {
    "rate": "the rate has to be found",
    "little": "the default rate is often good",
    "none": "sets its own rate",
}
BUDGET = {
    "short": ("quick progress at first", "预算少"),
    "long": ("best end of a long run, with a schedule", "预算多"),
    "any": ("no schedule needed", "随时可停"),
}


@dataclass(frozen=True)
class Traits:
    """What an optimizer is for.

    Attributes
    ----------
    task : tuple of str
        Keys of `TASKS`.
    noise : str
        A key of `NOISE`: which gradients it is made for.
    tuning : str
        A key of `TUNING`.
    budget : str
        A key of `BUDGET`.
    chinese : str
        The Chinese name.
    use : str
        When to take it, in half a sentence.
    """

    task: tuple
    noise: str
    tuning: str
    budget: str
    chinese: str
    use: str


def choose(*, task=None, noise=None, tuning=None, budget=None, slots=None):
    """Names of the optimizers whose declared properties are these, in the order of `OPTIMIZERS`.

    Parameters
    ----------
    task : {"linear", "network", "sparse", "large", "online"}, optional
    noise : {"exact", "batches"}, optional
        The gradients that it gets; those made for either are in both answers.
    tuning : {"rate", "little", "none"}, optional
        Whether the rate has to be found.
    budget : {"short", "long", "any"}, optional
        Quick progress, the best end of a long run with a schedule, or good whenever it is stopped.
    slots : float, optional
        The most numbers kept beside each parameter, with the default options.

    Returns
    -------
    list of str
        For `optimizers.get`.

    Raises
    ------
    ValueError
        For a word that no optimizer may declare.

    Examples
    --------
    >>> from fastopt import optimizers
    >>> optimizers.choose(task="sparse", slots=1)
    ['adagrad']
    >>> optimizers.choose(noise="exact", tuning="none")
    ['rprop', 'dog', 'polyaksgd', 'barzilaiborwein', 'adaptivegd']
    """
    from . import OPTIMIZERS

    words = (("task", task, TASKS), ("noise", noise, NOISE), ("tuning", tuning, TUNING), ("budget", budget, BUDGET))
    for name, value, allowed in words:
        if value is not None and value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return [
        name
        for name, cls in OPTIMIZERS.items()
        if (task is None or task in cls.traits.task)
        and (noise is None or cls.traits.noise in (noise, "both"))
        and (tuning is None or tuning == cls.traits.tuning)
        and (budget is None or budget == cls.traits.budget)
        and (slots is None or n_slots(cls) <= slots)
    ]


def n_slots(cls):
    """Numbers kept beside each parameter of a matrix with the default options, found by a step."""
    w = np.ones((16, 16))
    optimizer = cls(w)
    optimizer.step(np.ones(w.shape), **({"value": 1.0} if cls._NEEDS_VALUE else {}))
    arrays = (np.asarray(value) for value in optimizer.state_dict().values())
    kept = sum(array.size for array in arrays if array.dtype == w.dtype and array.size > 1)
    return round(kept / w.size, 1)
