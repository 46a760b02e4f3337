"""The second table: five ways to take steps on a regression, by fastopt's kernels and by NumPy.

F(coef, intercept) = mean (y - X coef - intercept)^2 / 2. Each epoch shuffles the rows into a buffer;
batches are views of it, so that nothing else is copied. Both sides see the same batches.
"""

import statistics
import time
from dataclasses import dataclass

import numpy as np

from ..objective import LinearObjective
from ..optimizers import SGD, Adam

EPOCHS = 40
CHECKPOINTS = 60
SECONDS = 1.0  # for the repeats of one method
BETAS, EPS = (0.9, 0.999), 1e-8  # Adam


@dataclass
class Method:
    name: str
    letter: str
    batch: int | None  # None: all rows
    lr: float
    rule: str = "sgd"
    momentum: float = 0.0

    def optimizer(self, params):
        if self.rule == "adam":
            return Adam(params, lr=self.lr, betas=BETAS, eps=EPS, n_threads=1)
        return SGD(params, lr=self.lr, momentum=self.momentum, n_threads=1)


METHODS = [
    Method("batch gradient descent", "b", None, 0.3),
    Method("single-sample SGD", "s", 1, 0.005),
    Method("mini-batch SGD", "m", 32, 0.05),
    Method("mini-batch, momentum 0.9", "h", 32, 0.01, momentum=0.9),
    Method("mini-batch Adam", "a", 32, 1.0, rule="adam"),
]


@dataclass
class Comparison:
    """One method by the three loops: fastopt's kernels, LinearObjective, NumPy."""

    method: Method
    steps: np.ndarray  # the checkpoints, numbers of steps made
    losses: np.ndarray  # (3, checkpoints), of all rows
    seconds: list  # medians of a step

    @property
    def n_steps(self):
        return int(self.steps[-1])

    @property
    def difference(self):
        """Largest relative difference from NumPy's losses at any checkpoint."""
        return float(np.max(np.abs(self.losses[:2] / self.losses[2] - 1)))


def _batches(n, size):
    size = size or n
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def _orders(n, batch, epochs):
    """The order of the rows in each epoch; without batches there is none to choose."""
    rng = np.random.default_rng(0)
    return [rng.permutation(n) if batch else np.arange(n) for _ in range(epochs)]


class Loop:
    """Epochs over shuffled batches; subclasses make the steps on `params`, intercept last.

    `batches` holds what `step` gets for each batch: views of the buffers that an epoch's rows are put into.
    """

    def __init__(self, method, X, y):
        self.method, self.X, self.y = method, X, y
        self.X_now, self.y_now = np.empty_like(X), np.empty_like(y)
        self.params = np.zeros(X.shape[1] + 1)
        self.batches = [self.prepare(self.X_now[rows], self.y_now[rows]) for rows in _batches(len(y), method.batch)]

    def run(self, orders, checkpoints):
        """Parameters at the checkpoints."""
        step, params, kept, steps = self.step, self.params, [], 0
        for order in orders:
            np.take(self.X, order, axis=0, out=self.X_now, mode="clip")
            np.take(self.y, order, out=self.y_now, mode="clip")
            for batch in self.batches:
                step(batch)
                steps += 1
                if steps in checkpoints:
                    kept.append(params.copy())
        return kept


class Objectives(Loop):
    """fastopt's public classes: LinearObjective's gradient and an optimizer, each called once a step."""

    def __init__(self, method, X, y):
        super().__init__(method, X, y)
        self.optimizer = method.optimizer(self.params)

    def prepare(self, X, y):
        return LinearObjective(X, y, "half_squared_error", n_threads=1)

    def step(self, objective):
        self.optimizer.step(objective.gradient(self.params))


class Kernels(Objectives):
    """The pass over the rows that LinearObjective makes, called without its checks and copies."""

    def __init__(self, method, X, y):
        super().__init__(method, X, y)
        self.gradient = np.empty_like(self.params)
        self.parts = [array[part] for array in (self.params, self.gradient) for part in (slice(-1), slice(-1, None))]
        self.parts[::2] = [part[None] for part in self.parts[::2]]

    def prepare(self, X, y):
        objective = super().prepare(X, y)
        return objective.handle, 1.0 / len(y)

    def step(self, batch):
        handle, share = batch
        handle.value_gradient(*self.parts, None, 1)
        self.gradient *= share
        self.optimizer.step(self.gradient)


class NumPy(Loop):
    """The same steps in NumPy, in place where that is natural."""

    def __init__(self, method, X, y):
        super().__init__(method, X, y)
        self.coef = self.params[:-1]
        self.gradient, self.first, self.second = (np.zeros_like(self.params) for _ in range(3))
        self.steps = 0
        self.step = {"sgd": self.sgd, "adam": self.adam}[method.rule]
        if method.momentum:
            self.step = self.momentum

    def prepare(self, X, y):
        return (X[0], y) if len(y) == 1 else (X, y)

    def slope(self, batch):
        """The gradient at a batch; that of a single row needs no sums."""
        X, y = batch
        gradient = self.gradient
        residual = X @ self.coef
        residual += self.params[-1]
        residual -= y
        if X.ndim == 1:
            np.multiply(X, residual, out=gradient[:-1])
            gradient[-1] = residual[0]
        else:
            np.dot(residual, X, out=gradient[:-1])
            gradient[-1] = residual.sum()
            gradient /= len(residual)
        return gradient

    def sgd(self, batch):
        self.params -= self.method.lr * self.slope(batch)

    def momentum(self, batch):
        self.first *= self.method.momentum
        self.first += self.slope(batch)
        self.params -= self.method.lr * self.first

    def adam(self, batch):
        (beta1, beta2), gradient = BETAS, self.slope(batch)
        self.steps += 1
        self.first *= beta1
        self.first += (1 - beta1) * gradient
        self.second *= beta2
        self.second += (1 - beta2) * gradient * gradient
        root = np.sqrt(self.second)
        root /= (1 - beta2**self.steps) ** 0.5
        root += EPS
        self.params -= self.method.lr / (1 - beta1**self.steps) * self.first / root


def minimum(X, y):
    """The loss that no step goes below."""
    X1 = np.column_stack([X, np.ones(len(y))])
    residual = y - X1 @ np.linalg.lstsq(X1, y)[0]
    return float(residual @ residual) / (2 * len(y))


def compare(method, X, y, *, epochs=EPOCHS, repeats=None):
    """Run a method by all loops, in turns, and return the `Comparison`.

    Without `repeats`, each loop runs 5 to 101 times, more where it is short.
    """
    orders = _orders(len(y), method.batch, epochs)
    n_steps = epochs * len(_batches(len(y), method.batch))
    steps = np.unique(np.geomspace(1, n_steps, CHECKPOINTS).round().astype(int))
    checkpoints = frozenset(steps.tolist())
    loops = [Kernels, Objectives, NumPy]
    seconds, kept = [[] for _ in loops], [None] * len(loops)
    turn, most = 0, repeats or 5
    while turn < most:
        for i in np.roll(np.arange(len(loops)), turn):
            loop = loops[i](method, X, y)
            start = time.perf_counter()
            kept[i] = loop.run(orders, checkpoints)
            seconds[i].append((time.perf_counter() - start) / n_steps)
        turn += 1
        if turn == 1 and repeats is None:
            most = int(np.clip(SECONDS / (n_steps * sum(s[0] for s in seconds)), 5, 101))
    whole = LinearObjective(X, y, "half_squared_error", n_threads=1)
    losses = np.array([[whole.value(params) for params in run] for run in kept])
    return Comparison(method, steps, losses, [statistics.median(s) for s in seconds])


COLUMNS = {
    "method": "<",
    "batch": ">",
    "lr": ">",
    "steps": ">",
    "loss, fastopt": ">",
    "loss, NumPy": ">",
    "difference": ">",
    "us a step: kernels": ">",
    "LinearObjective": ">",
    "NumPy": ">",
    "ratio": ">",
}


def row(comparison):
    """Cells of the table for one comparison."""
    c = comparison
    return [
        f"{c.method.letter}  {c.method.name}",
        "all" if c.method.batch is None else str(c.method.batch),
        f"{c.method.lr:g}",
        str(c.n_steps),
        f"{c.losses[0, -1]:.10g}",
        f"{c.losses[2, -1]:.10g}",
        f"{c.difference:.1e}",
        *(f"{1e6 * seconds:.2f}" for seconds in c.seconds),
        f"{c.seconds[2] / c.seconds[0]:.2f}",
    ]
