"""Connectionist temporal classification by its definition: a sum over all paths, in mpmath numbers."""

import itertools

from mpmath import mp, mpf


def collapse(path, blank):
    """Labels of a path: repeats merged, then blanks dropped."""
    return tuple(c for c, _ in itertools.groupby(path) if c != blank)


def softmax(row):
    total = sum(mp.exp(mpf(float(z))) for z in row)
    return [mp.exp(mpf(float(z))) / total for z in row]


def ctc(labels, raw, blank=0, logits=True):
    """Value and gradient (rows of lists) of one sequence; raw holds t rows of k logits or log-probabilities."""
    k = len(raw[0]) if len(raw) else 0
    p = [softmax(row) if logits else [mp.exp(mpf(float(z))) for z in row] for row in raw]
    total, share = mpf(0), [[mpf(0)] * k for _ in raw]
    for path in itertools.product(range(k), repeat=len(raw)):
        if collapse(path, blank) == tuple(int(c) for c in labels):
            weight = mp.fprod(p[t][c] for t, c in enumerate(path))
            total += weight
            for t, c in enumerate(path):
                share[t][c] += weight
    if total == 0:
        return mpf("inf"), [[mpf(0)] * k for _ in raw]
    gradient = [
        [(p[t][c] if logits else 0) - share[t][c] / total for c in range(k)] for t in range(len(raw))
    ]
    return -mp.log(total), gradient
