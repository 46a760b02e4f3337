"""The memory of L-BFGS, for fits and for functions of users."""

import numpy as np


class Pairs:
    """The last steps and gradient differences, and the product of the inverse Hessian they model."""

    def __init__(self, memory):
        self.memory, self.pairs, self.gamma = memory, [], 1.0

    def clear(self):
        self.pairs, self.gamma = [], 1.0

    def add(self, s, y, solve):
        """Keep a pair with positive curvature; gamma scales the metric to the newest one."""
        sy = float(s @ y)
        if not sy > 1e-14 * float(np.linalg.norm(s) * np.linalg.norm(y)):
            return
        if len(self.pairs) == self.memory:
            self.pairs.pop(0)
        self.pairs.append((s, y, 1.0 / sy))
        self.gamma = sy / float(y @ (y if solve is None else solve(y)))

    def direction(self, gradient, solve):
        q = -gradient
        coefficients = []
        for s, y, rho in reversed(self.pairs):
            a = rho * float(s @ q)
            coefficients.append(a)
            q -= a * y
        if solve is not None:
            q = solve(q)
        q *= self.gamma
        for (s, y, rho), a in zip(self.pairs, reversed(coefficients)):
            q += (a - rho * float(y @ q)) * s
        return q
