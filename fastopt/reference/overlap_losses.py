"""Tversky's loss by its textbook definition, in mpmath numbers; Dice's is alpha = beta = 1/2, Jaccard's 1, 1."""

from mpmath import mp, mpf


def number(a):
    return a if isinstance(a, mpf) else mpf(float(a))


def probabilities(z, logits):
    z = [number(a) for a in z]
    return [1 / (1 + mp.exp(-a)) for a in z] if logits else z


def tversky(y, z, alpha, beta, smooth, weight=None, logits=True):
    """1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth)"""
    y, p = [mpf(float(a)) for a in y], probabilities(z, logits)
    w = [mpf(1) if weight is None else mpf(float(weight[i])) for i in range(len(y))]
    tp = mp.fsum(c * a * b for a, b, c in zip(p, y, w))
    fp = mp.fsum(c * a * (1 - b) for a, b, c in zip(p, y, w))
    fn = mp.fsum(c * (1 - a) * b for a, b, c in zip(p, y, w))
    below = tp + mpf(alpha) * fp + mpf(beta) * fn + mpf(smooth)
    return 1 - (tp + mpf(smooth)) / below if below else mpf(0)


def derivatives(function, z):
    """Gradient and Hessian of a function of a list of numbers by differences, exact to more than double precision."""
    h, n = mpf(10) ** -20, range(len(z))
    z = [number(a) for a in z]

    def at(*moves):
        point = list(z)
        for i, step in moves:
            point[i] += step * h
        return function(point)

    gradient = [(at((i, 1)) - at((i, -1))) / (2 * h) for i in n]
    hessian = [
        [(at((i, 1), (j, 1)) - at((i, 1), (j, -1)) - at((i, -1), (j, 1)) + at((i, -1), (j, -1))) / (4 * h * h) for j in n]
        for i in n
    ]
    return gradient, hessian
