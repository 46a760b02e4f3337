"""The best constant row of a loss over rows, found numerically."""

import numpy as np

_NOTHING = 1e-10  # a relative decrease that ends a search


def least_row(function, start, smooth):
    """A local minimiser of function(row) -> (value, gradient) from a start, by SciPy's L-BFGS-B.

    Where there are kinks, BFGS with weak Wolfe steps, whose directions learn the kinks at which it meets them; from
    where that ends it starts anew beside it, until this brings nothing. Lewis and Overton, Math. Program. 141 (2013).
    """
    if smooth:
        from scipy.optimize import minimize

        return minimize(function, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9}).x
    rng = np.random.default_rng(0)
    best = function(start)[0], start
    for spread in 10.0 ** np.arange(-2.0, -8.0, -1.0):
        # Beside the start: at a kink the gradient is one of many and need not descend.
        value, row = _bfgs(function, best[1] + spread * rng.uniform(-1.0, 1.0, len(start)))
        decrease = best[0] - value
        if decrease > 0:
            best = value, row
        if spread < 1e-2 and decrease <= _NOTHING * abs(value):
            break
    return best[1]


def _bfgs(function, x):
    n = len(x)
    value, gradient = function(x)
    inverse, learnt, seen = np.eye(n), False, [value]
    for _ in range(max(1000, 10 * n)):
        d = -inverse @ gradient
        found = _weak_wolfe(function, x, value, d, float(gradient @ d))
        if found is None:
            break
        s, y = found[0] - x, found[2] - gradient
        x, value, gradient = found
        seen.append(value)
        if len(seen) > n + 10 and seen[-n - 10] - value <= _NOTHING * abs(value):
            break
        sy = float(s @ y)
        if sy <= 0:
            break
        if not learnt:
            inverse, learnt = inverse * (sy / float(y @ y)), True
        mapped = inverse @ y
        inverse += np.outer(s, s) * ((1.0 + float(y @ mapped) / sy) / sy)
        inverse -= (np.outer(mapped, s) + np.outer(s, mapped)) / sy
    return value, x


def _weak_wolfe(function, x, value, d, slope):
    """(row, value, gradient) where the value has fallen by 1e-4 of what the slope says and the slope has halved."""
    low, high, t = 0.0, np.inf, 1.0
    for _ in range(60 if slope < 0 else 0):
        row = x + t * d
        new, gradient = function(row)
        if not new <= value + 1e-4 * t * slope:
            high = t
        elif gradient @ d < 0.5 * slope:
            low = t
        else:
            return row, new, gradient
        t = 2.0 * low if high == np.inf else 0.5 * (low + high)
    return None
