"""The memory of L-BFGS, for fits and for functions of users."""

import math

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


class Compact:
    """The same product, without a metric, by matrix products on one contiguous array of steps and differences.

    H = gamma I + [S, gamma Y] M [S, gamma Y]' with M from the k x k matrices S'Y and Y'Y (Byrd, Nocedal and Schnabel,
    Math. Program. 63 (1994)): three reads of the pairs an iteration instead of the five of the two loops.
    """

    def __init__(self, memory):
        self.memory, self.rows = memory, None
        self.clear()

    def clear(self):
        self.count, self.gamma = 0, 1.0

    def __len__(self):
        return self.count

    def add(self, s, y):
        """Keep a pair with positive curvature, in place of the oldest; gamma scales to the newest one."""
        sy, yy = float(s @ y), float(y @ y)
        if not sy > 1e-14 * math.sqrt(float(s @ s)) * math.sqrt(yy):
            return
        m, k = self.memory, self.count
        if self.rows is None:
            self.rows = np.empty((2 * m, s.size))
        if k == 0:
            # Places of the pairs, oldest first, and in that order the inverse of the upper part of S'Y, and Y'Y.
            self.order, self.inverse, self.squares = [], np.empty((0, 0)), np.empty((0, 0))
        if k == m:
            place = self.order.pop(0)
            # The inverse of a triangular matrix without its first row and column is the inverse without these.
            self.inverse, self.squares, k = self.inverse[1:, 1:], self.squares[1:, 1:], k - 1
        else:
            place = k
        self.rows[place], self.rows[m + place] = s, y
        self.order.append(place)
        self.count = k + 1
        self.places = np.array(self.order)
        on_steps, on_differences = self._products(y)
        inverse, squares = np.zeros((k + 1, k + 1)), np.empty((k + 1, k + 1))
        inverse[:k, :k], squares[:k, :k] = self.inverse, self.squares
        inverse[k, k] = 1.0 / sy
        inverse[:k, k] = self.inverse @ on_steps[:k] / -sy
        squares[k] = squares[:, k] = on_differences
        self.inverse, self.squares, self.gamma = inverse, squares, sy / yy
        self.inner = self.gamma * squares
        self.inner.flat[:: k + 2] += 1.0 / inverse.diagonal()

    def _products(self, v):
        """S'v and Y'v, oldest first."""
        m, k = self.memory, self.count
        if k == m:
            out = self.rows @ v
            return out[self.places], out[m + self.places]
        return self.rows[:k] @ v, self.rows[m : m + k] @ v

    def direction(self, gradient):
        if not self.count:
            return -gradient
        m, k, gamma = self.memory, self.count, self.gamma
        on_steps, on_differences = self._products(gradient)
        w = self.inverse @ on_steps
        top = (self.inner @ w - gamma * on_differences) @ self.inverse
        if k == m:
            weights = np.empty(2 * m)
            weights[self.places], weights[m + self.places] = -top, gamma * w
            d = weights @ self.rows
        else:
            d = (gamma * w) @ self.rows[m : m + k] - top @ self.rows[:k]
        d -= gamma * gradient
        return d
