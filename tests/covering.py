"""Settings of a grid of options: all, or a sample that leaves out no pair of values."""

import itertools
import math

import numpy as np


def is_discrete(values):
    """Whether an option is a choice: some value is a bool, None, a name or a pair that begins with a name."""
    first = (value[0] if isinstance(value, tuple) and value else value for value in values)
    return any(value is None or isinstance(value, (bool, str)) for value in first)


def pairwise(sizes, rng):
    """Rows of numbers below `sizes`, few, such that any two columns take all their pairs; each row fills what it can."""
    columns = range(len(sizes))
    missing = {
        ((i, a), (j, b))
        for i, j in itertools.combinations(columns, 2)
        for a, b in itertools.product(range(sizes[i]), range(sizes[j]))
    }
    rows = []
    while missing:
        row = dict(min(missing))
        for i in rng.permutation(len(sizes)).tolist():
            if i not in row:
                gains = [
                    sum(tuple(sorted([(i, a), entry])) in missing for entry in row.items()) for a in range(sizes[i])
                ]
                row[i] = int(rng.choice(np.flatnonzero(np.equal(gains, max(gains)))))
        rows.append(tuple(row[i] for i in columns))
        missing -= set(itertools.combinations(enumerate(rows[-1]), 2))
    return rows


def settings(grid, n):
    """At most n settings of a grid {option: values}, none twice and the same at every call.

    All where they are so few. Else the first have every pair of values of two options; then come the combinations of
    discrete options that have not occurred, and others by chance.
    """
    sizes, rng = [len(values) for values in grid.values()], np.random.default_rng(0)
    if math.prod(sizes) <= n:
        every = list(itertools.product(*map(range, sizes)))
        rows = [every[i] for i in rng.permutation(len(every))]
    else:
        rows = pairwise(sizes, rng)
        places = [i for i, values in enumerate(grid.values()) if is_discrete(values)]
        seen = {tuple(row[i] for i in places) for row in rows}
        for chosen in itertools.product(*(range(sizes[i]) for i in places)):
            if chosen not in seen:
                row = rng.integers(sizes).tolist()
                for i, k in zip(places, chosen):
                    row[i] = k
                rows.append(tuple(row))
        rows = dict.fromkeys(rows[:n])
        while len(rows) < n:
            rows[tuple(rng.integers(sizes).tolist())] = None
    return [{option: values[k] for k, (option, values) in zip(row, grid.items())} for row in rows]
