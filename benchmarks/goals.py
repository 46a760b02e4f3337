"""What fastopt set out to reach, as data: `python benchmarks/report.py --goals` checks the results against it."""

from dataclasses import dataclass

import harness


@dataclass(frozen=True)
class Goal:
    """`against` at least `times` as slow as fastopt in every record that `where` selects.

    `against` is the beginning of an entry's name; the fastest entry that matches counts. "best" is the
    fastest of the other libraries and NumPy.
    """

    where: dict
    against: str
    times: float


def _loss(name, dtype, size, against, times, n_threads=2):
    return Goal({"kind": "loss", "name": name, "dtype": dtype, "size": size, "n_threads": n_threads}, against, times)


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
    *(Goal({"kind": "pass", "size": s, "n_threads": 2}, harness.READ, 0.8) for s in ("2e5x100", "1e5x784")),
    Goal({"kind": "pass", "size": "2e5x100", "n_threads": 2}, "numpy", 4),
    Goal({"kind": "gram", "n_threads": 2}, "numpy", 2),
    Goal({"kind": "batch", "name": "cox_efron"}, "skglm", 5),
    Goal({"kind": "batch", "name": "cox_breslow"}, "skglm", 5),
    Goal({"kind": "custom", "name": "python function", "size": "1e2"}, "3 us more than the function", 1),
    Goal({"kind": "custom", "name": "python function", "size": "1e6"}, "the function", 0.95),
    Goal({"kind": "custom", "name": "c function"}, "a loop in C", 0.8),
    *(Goal({"kind": "fit", "name": name}, "scikit-learn", 4) for name in _FITS),
)


def check(records):
    """Rows (goal in words, times wanted, times measured or None, record or None), the worst case of each goal."""
    rows = []
    for goal in GOALS:
        words = " ".join(str(value) for key, value in goal.where.items() if key != "n_threads")
        if "n_threads" in goal.where:
            words += f", n_threads={goal.where['n_threads']}"
        words += f", against {goal.against}"
        worst = None
        for record in records:
            if any(record[key] != value for key, value in goal.where.items()):
                continue
            if goal.against == "best":
                among = harness.peers(record) + harness.references(record)
            else:
                among = [name for name in record["times"] if name.startswith(goal.against) and name != harness.OURS]
            name, _ = harness.best(record, among)
            if name is not None:
                found = harness.ratio(record, name), record, name
                worst = found if worst is None or found[0] < worst[0] else worst
        rows.append((words, goal.times, *(worst or (None, None, None))))
    return rows
