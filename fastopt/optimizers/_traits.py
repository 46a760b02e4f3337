"""What an optimizer is for, as its class declares it: the table of docs/choosing.md and `choose` are made from this."""

import math
from dataclasses import dataclass

import numpy as np

from .._validation import real_number

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
    "rate": ("the rate has to be found", "学习率需要搜索"),
    "little": ("the default rate is often good", "默认学习率通常可用"),
    "none": ("sets its own rate", "自定学习率"),
}
BUDGET = {
    "short": ("quick progress at first", "预算少"),
    "long": ("best end of a long run, with a schedule", "预算多"),
    "any": ("no schedule needed", "随时可停"),
}
# n p multiplications of a full gradient: up to here batches gain nothing, and from here on a step on all rows takes a
# second or more.
CHEAP, DEAR = 1e6, 1e9
MANY = 1e6  # rows for DEAR where p is not known
KEPT = 4e9  # numbers beside the parameters: 16 GB in float32
DENSE = 100  # parameters up to which `minimize` chooses BFGS


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


# Methods of `fastopt.minimize`, which find their steps, and the numbers that they keep for each of p parameters.
METHODS = {
    "bfgs": (
        Traits(
            ("linear", "network", "sparse"), "exact", "none", "any", "BFGS 拟牛顿法",
            "full gradients, at most 100 parameters: no rate, exact to the last digits",
        ),
        lambda p: p,
    ),
    "l-bfgs": (
        Traits(
            ("linear", "network", "sparse"), "exact", "none", "any", "L-BFGS 有限内存拟牛顿法",
            "full gradients: no rate, exact to the last digits",
        ),
        lambda p: 20,
    ),
}  # fmt: skip


def choose(*, task=None, noise=None, tuning=None, budget=None, slots=None, n=None, p=None):
    """Names of the optimizers whose declared properties are these, in the order of `OPTIMIZERS`.

    Parameters
    ----------
    task : {"linear", "network", "sparse", "large", "online"}, optional
    noise : {"exact", "batches"}, optional
        The gradients that it gets; those made for either are in both answers. None with n: "exact" where n p <= 1e6, as
        batches then save nothing (not for the tasks "large" and "online"); "batches" where n p > 1e9.
    tuning : {"rate", "little", "none"}, optional
        Whether the rate has to be found.
    budget : {"short", "long", "any"}, optional
        Quick progress, the best end of a long run with a schedule, or good whenever it is stopped.
    slots : float, optional
        The most numbers kept beside each parameter, with the default options.
    n : int, optional
        Samples, all of which fit into memory. Without p more than 1e6 count as n p > 1e9.
    p : int, optional
        Parameters. Rules that keep more than 4e9 numbers, 16 GB in float32, are left out.

    Returns
    -------
    list of str
        For `optimizers.get` and the `method` of `fastopt.minimize`. With n and p the first is a method of `minimize`
        alone that finds its steps, "bfgs" (p <= 100) or "l-bfgs", where it has the properties and full gradients are used.

    Raises
    ------
    ValueError, TypeError
        For a word that no optimizer may declare, and for counts that are none.

    Examples
    --------
    >>> from fastopt import optimizers
    >>> optimizers.choose(task="sparse", slots=1)
    ['adagrad']
    >>> optimizers.choose(noise="exact", tuning="none")
    ['rprop', 'dog', 'polyaksgd', 'barzilaiborwein', 'adaptivegd']
    >>> optimizers.choose(task="network", tuning="none", n=500, p=1_000)
    ['l-bfgs', 'rprop', 'dog', 'polyaksgd']
    >>> optimizers.choose(task="network", budget="short", n=50_000_000, p=20_000)[:2]
    ['adam', 'rmsprop']
    """
    from . import OPTIMIZERS

    noises = [word for word in NOISE if word != "both"]
    words = (("task", task, TASKS), ("noise", noise, noises), ("tuning", tuning, TUNING), ("budget", budget, BUDGET))
    for name, value, allowed in words:
        if value is not None and not (isinstance(value, str) and value in allowed):
            raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    slots = math.inf if slots is None else real_number("slots", slots, 0)
    n = None if n is None else real_number("n", n, 1)
    if p is not None:
        p = real_number("p", p, 1)
        slots = min(slots, KEPT / p)
    cost = None if n is None else n * p if p is not None else DEAR * n / MANY
    if noise is None and cost is not None:
        quick = p is not None and cost <= CHEAP and task not in ("large", "online")
        noise = "batches" if cost > DEAR else "exact" if quick else None

    def fits(traits):
        return (
            (task is None or task in traits.task)
            and (noise is None or traits.noise in (noise, "both"))
            and (tuning is None or tuning == traits.tuning)
            and (budget is None or budget == traits.budget)
        )

    found = [name for name, cls in OPTIMIZERS.items() if fits(cls.traits) and n_slots(cls) <= slots]
    if n is not None and p is not None and noise != "batches":
        name = "bfgs" if p <= DENSE else "l-bfgs"
        traits, kept = METHODS[name]
        if fits(traits) and kept(p) <= slots:
            found.insert(0, name)
    return found


def n_slots(cls):
    """Numbers kept beside each parameter of a matrix with the default options, found by a step."""
    w = np.ones((16, 16))
    optimizer = cls(w)
    optimizer.step(np.ones(w.shape), **({"value": 1.0} if cls._NEEDS_VALUE else {}))
    arrays = (np.asarray(value) for value in optimizer.state_dict().values())
    kept = sum(array.size for array in arrays if array.dtype == w.dtype and array.size > 1)
    return round(kept / w.size, 1)
