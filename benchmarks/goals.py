"""What fastopt set out to reach, as data: `python benchmarks/report.py --goals` checks the results against it."""

from dataclasses import dataclass

import harness
import numpy as np


@dataclass(frozen=True)
class Goal:
    """`against` at least `times` as slow as fastopt in every record that `where` selects.

    `against` is the beginning of an entry's name; the fastest entry that matches counts. "peers" is the fastest
    of the other libraries, "best" the fastest of them and NumPy.
    """

    where: dict
    against: str
    times: float


@dataclass(frozen=True)
class Mean(Goal):
    """The geometric mean of the fastest peer's times over these losses, where there is a peer."""

    names: tuple = ()


def _loss(name, dtype, size, against, times, n_threads=2):
    return Goal({"kind": "loss", "name": name, "dtype": dtype, "size": size, "n_threads": n_threads}, against, times)


# Losses with an exponential, a logarithm or the like in every element.
TRANSCENDENTAL = (
    *("logistic", "binary_cross_entropy_from_probabilities", "complementary_log_log", "probit", "exponential"),
    *("binary_focal", "generalized_cross_entropy", "poisson", "poisson_identity", "gamma", "tweedie"),
    *("tweedie_identity", "inverse_gaussian", "negative_binomial", "log_cosh", "fair", "cauchy", "welsch"),
    *("mean_squared_logarithmic_error", "softmax_cross_entropy", "categorical_cross_entropy_from_probabilities"),
    *("multilabel_logistic", "cumulative_logit", "categorical_focal", "poly1_cross_entropy", "listwise_softmax"),
    *("categorical_generalized_cross_entropy", "softmax_kl_divergence", "kl_divergence_from_log_probabilities"),
    *("kl_divergence_from_probabilities", "jensen_shannon", "gaussian_nll"),
)
_TABLE = ("1e6", "1e5x2", "1e5x4", "1e5x10", "1e4x1000")
MEMORY_BOUND = (
    "squared_error",
    "half_squared_error",
    "root_mean_squared_error",
    "absolute_error",
    "huber",
    "quantile",
    "hinge",
    "squared_hinge",
)
_SOFTMAX = {
    ("float32", "1e5x10"): (12, 30),
    ("float64", "1e5x10"): (5, 13),
    ("float32", "1e4x1000"): (8, 10),
    ("float64", "1e4x1000"): (4, 12),
}
_FITS = ("LogisticRegression breast cancer standardised", "LogisticRegression digits")

GOALS = (
    _loss("logistic", "float32", "1e6", "scikit-learn", 35),
    _loss("logistic", "float32", "1e6", "torch", 4),
    _loss("logistic", "float64", "1e6", "scikit-learn", 11),
    _loss("logistic", "float64", "1e6", "torch", 3),
    *(_loss(name, dtype, "1e6", "best", 0.95) for name in MEMORY_BOUND for dtype in ("float32", "float64")),
    *(Goal({"kind": "loss", "size": size, "n_threads": 2}, "peers", 0.95) for size in _TABLE),
    *(
        Mean({"kind": "loss", "dtype": dtype, "n_threads": 2}, "peers", times, TRANSCENDENTAL)
        for dtype, times in (("float32", 3.5), ("float64", 2.5))
    ),
    Goal({"kind": "batch", "name": "ctc", "n_threads": 2}, "torch", 1),
    *(Goal({"kind": "batch", "name": f"cox_{ties}", "size": "1e+05"}, "skglm", 5) for ties in ("efron", "breslow")),
    *(
        _loss("softmax_cross_entropy", dtype, size, against, times)
        for (dtype, size), pair in _SOFTMAX.items()
        for against, times in zip(("scikit-learn", "torch"), pair)
    ),
    Goal({"kind": "loss", "size": "1e2"}, "numpy", 2),
    Goal({"kind": "automatic"}, "fastopt, n_threads=1", 0.95),
    Goal({"kind": "update", "name": "adam", "size": "2e7", "n_threads": 2}, "torch fused", 1),
    Goal({"kind": "update", "name": "adam", "size": "1e6", "n_threads": 2}, "torch fused", 1.5),
    Goal({"kind": "update", "name": "adam", "size": "20x4096", "n_threads": 2}, "torch", 10),
    Goal({"kind": "update", "name": "adam", "size": "1000x64", "n_threads": 2}, "torch", 25),
    Goal({"kind": "update", "diagonal": True, "size": "1e6", "n_threads": 2}, "peers", 1),
    *(Goal({"kind": "pass", "size": s, "n_threads": 2}, harness.READ, 0.8) for s in ("2e5x100", "1e5x784")),
    Goal({"kind": "pass", "size": "2e5x100", "n_threads": 2}, "numpy", 4),
    Goal({"kind": "gram", "n_threads": 2}, "numpy", 2),
    Goal({"kind": "custom", "name": "python function", "size": "1e2"}, "3 us more than the function", 1),
    Goal({"kind": "custom", "name": "python function", "size": "1e6"}, "the function", 0.95),
    Goal({"kind": "custom", "name": "c function"}, "a loop in C", 0.8),
    Goal({"kind": "minimize"}, "SciPy", 1),
    *(Goal({"kind": "fit", "name": name}, "scikit-learn", 4) for name in _FITS),
)


def _ratio(record, against):
    """(ratio, entry) of the fastest entry that counts, or None."""
    if against == "peers":
        among = harness.peers(record)
    elif against == "best":
        among = harness.peers(record) + harness.references(record)
    else:
        among = [name for name in record["times"] if name.startswith(against) and name != harness.OURS]
    name, _ = harness.best(record, among)
    return None if name is None else (harness.ratio(record, name), name)


def _mean(goal, chosen):
    """The geometric mean over all records, with the worst of them; each needs a table's size."""
    found = []
    for record in chosen:
        if record["name"] in goal.names and record["size"] in _TABLE:
            ratio = _ratio(record, goal.against)
            if ratio is not None:
                found.append((*ratio, record))
    if not found:
        return None, None, None
    worst = min(found, key=lambda item: item[0])
    return float(np.exp(np.mean([np.log(ratio) for ratio, _, _ in found]))), worst[2], worst[1]


def check(records):
    """Rows (goal in words, times wanted, times measured or None, record or None), the worst case of each goal."""
    rows = []
    for goal in GOALS:
        words = " ".join(
            key if value is True else str(value) for key, value in goal.where.items() if key != "n_threads"
        )
        if "n_threads" in goal.where:
            words += f", n_threads={goal.where['n_threads']}"
        words += f", against {goal.against}"
        chosen = [r for r in records if all(r.get(key) == value for key, value in goal.where.items())]
        if isinstance(goal, Mean):
            rows.append((f"geometric mean, losses with a transcendental, {words}", goal.times, *_mean(goal, chosen)))
            continue
        worst = None
        for record in chosen:
            ratio = _ratio(record, goal.against)
            if ratio is not None and (worst is None or ratio[0] < worst[0]):
                worst = ratio[0], record, ratio[1]
        rows.append((words, goal.times, *(worst or (None, None, None))))
    return rows
