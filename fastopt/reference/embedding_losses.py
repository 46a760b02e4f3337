"""Losses of embeddings and of ranked pairs as their definitions say, in mpmath numbers or lists of them."""

from mpmath import inf, mp, mpf


def number(a):
    return a if isinstance(a, mpf) else mpf(float(a))


def positive(x):
    return x if x > 0 else mpf(0)


def norm(x, p=2):
    return max(abs(a) for a in x) if p == inf else mp.fsum(abs(a) ** mpf(p) for a in x) ** (1 / mpf(p))


def cosine(x, y):
    length = norm(x) * norm(y)
    return mp.fsum(a * b for a, b in zip(x, y)) / length if length else mpf(0)


def triplet(a, b, c, margin, p, eps, swap):
    def distance(x, y):
        return norm([number(u) - number(v) + mpf(eps) for u, v in zip(x, y)], p)

    far = min(distance(a, c), distance(b, c)) if swap else distance(a, c)
    return positive(distance(a, b) - far + mpf(margin))


def contrastive(a, b, y, margin):
    d = norm([number(u) - number(v) for u, v in zip(a, b)])
    return d**2 / 2 if y > 0 else positive(mpf(margin) - d) ** 2 / 2


def cosine_embedding(a, b, y, margin):
    c = cosine([number(u) for u in a], [number(v) for v in b])
    return 1 - c if y > 0 else positive(c - mpf(margin))


def cross_entropy(scores, place):
    return mp.log(mp.fsum(mp.exp(s) for s in scores)) - scores[place]


def info_nce(queries, keys, temperature):
    """Of each query."""
    return [
        cross_entropy([cosine(q, k) / mpf(temperature) for k in keys], place) for place, q in enumerate(queries)
    ]


def nt_xent(first, second, temperature):
    """Of each row of both."""
    rows, n = [*first, *second], len(first)
    losses = []
    for i, row in enumerate(rows):
        others = [j for j in range(2 * n) if j != i]
        scores = [cosine(row, rows[j]) / mpf(temperature) for j in others]
        losses.append(cross_entropy(scores, others.index((i + n) % (2 * n))))
    return losses


def pairwise_ranking(y, z, loss, margin=1.0):
    """Sum over pairs, and their number."""
    total, pairs = mpf(0), 0
    for i in range(len(y)):
        for j in range(len(y)):
            if y[i] > y[j]:
                d = number(z[i]) - number(z[j])
                total += mp.log(1 + mp.exp(-d)) if loss == "logistic" else positive(mpf(margin) - d)
                pairs += 1
    return total, pairs


def gradient(function, z):
    """Of a function of a list of numbers, by differences, exact to more than double precision."""
    h, z = mpf(10) ** -25, [number(a) for a in z]
    return [
        (function([*z[:i], a + h, *z[i + 1 :]]) - function([*z[:i], a - h, *z[i + 1 :]])) / (2 * h)
        for i, a in enumerate(z)
    ]
