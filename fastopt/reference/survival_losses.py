"""Cox's partial likelihood by its definition, risk set by risk set, in mpmath numbers: O(n^2) and more."""

from mpmath import mp, mpf


def cox(time, event, z, weight=None, strata=None, ties="efron"):
    """Sum over events, its gradient and its Hessian (lists of mpf)."""
    n = range(len(z))
    w = [mpf(1) if weight is None else mpf(float(weight[i])) for i in n]
    z = [mpf(float(a)) for a in z]
    risk = [w[i] * mp.exp(z[i]) if w[i] > 0 else mpf(0) for i in n]
    stratum = [0 if strata is None else strata[i] for i in n]
    value, gradient, hessian = mpf(0), [mpf(0)] * len(z), [[mpf(0)] * len(z) for _ in n]
    for s, t in sorted({(stratum[i], time[i]) for i in n if event[i] and w[i] > 0}):
        tied = [i for i in n if event[i] and w[i] > 0 and time[i] == t and stratum[i] == s]
        at_risk = [i for i in n if time[i] >= t and stratum[i] == s]
        mass = mp.fsum(w[i] for i in tied)
        for place, i in enumerate(tied):
            share = {k: risk[k] for k in at_risk}
            if ties == "efron":
                for k in tied:
                    share[k] -= risk[k] * place / len(tied)
            total = mp.fsum(share.values())
            c = mass / len(tied) if ties == "efron" else w[i]
            value += c * mp.log(total) - w[i] * z[i]
            gradient[i] -= w[i]
            p = {k: share[k] / total for k in at_risk}
            for k in at_risk:
                gradient[k] += c * p[k]
                hessian[k][k] += c * p[k]
                for j in at_risk:
                    hessian[k][j] -= c * p[k] * p[j]
    return value, gradient, hessian
