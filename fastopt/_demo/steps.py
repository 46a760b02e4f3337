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
class Run:
    """Losses at the checkpoints and the seconds of all steps."""

    losses: np.ndarray
    seconds: float


@dataclass
class Comparison:
    """One method by both; seconds are medians of a step."""

    method: Method
    steps: np.ndarray  # the checkpoints, numbers of steps made
    losses: np.ndarray
    numpy_losses: np.ndarray
    seconds: float
    numpy_seconds: float

    @property
    def n_steps(self):
        return int(self.steps[-1])

    @property
    def difference(self):
        """Largest relative difference of the losses at any checkpoint."""
        return float(np.max(np.abs(self.losses - self.numpy_losses) / self.numpy_losses))


def _batches(n, size):
    size = size or n
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def _orders(n, batch, epochs):
    """The order of the rows in each epoch; without batches there is none to choose."""
    rng = np.random.default_rng(0)
    return [rng.permutation(n) if batch else np.arange(n) for _ in range(epochs)]


def with_fastopt(method, X, y, orders, checkpoints):
    """Parameters at the checkpoints and seconds: LinearObjective's gradients, fastopt's update rule."""
    start = time.perf_counter()
    X_now, y_now = np.empty_like(X), np.empty_like(y)
    batches = [
        LinearObjective(X_now[rows], y_now[rows], "half_squared_error", n_threads=1)
        for rows in _batches(len(y), method.batch)
    ]
    params = np.zeros(X.shape[1] + 1)
    optimizer = method.optimizer(params)
    kept, steps = [], 0
    for order in orders:
        np.take(X, order, axis=0, out=X_now, mode="clip")
        np.take(y, order, out=y_now, mode="clip")
        for batch in batches:
            optimizer.step(batch.gradient(params))
            steps += 1
            if steps in checkpoints:
                kept.append(params.copy())
    return kept, time.perf_counter() - start


def with_numpy(method, X, y, orders, checkpoints):
    """The same in NumPy."""
    start = time.perf_counter()
    X_now, y_now = np.empty_like(X), np.empty_like(y)
    batches = [(X_now[rows], y_now[rows]) for rows in _batches(len(y), method.batch)]
    params = np.zeros(X.shape[1] + 1)
    coef, gradient = params[:-1], np.empty_like(params)
    first, second = np.zeros_like(params), np.zeros_like(params)
    lr, momentum, (beta1, beta2) = method.lr, method.momentum, BETAS
    kept, steps = [], 0
    for order in orders:
        np.take(X, order, axis=0, out=X_now, mode="clip")
        np.take(y, order, out=y_now, mode="clip")
        for X_batch, y_batch in batches:
            residual = X_batch @ coef
            residual += params[-1]
            residual -= y_batch
            np.dot(residual, X_batch, out=gradient[:-1])
            gradient[-1] = residual.sum()
            gradient /= len(residual)
            steps += 1
            if method.rule == "adam":
                first *= beta1
                first += (1 - beta1) * gradient
                second *= beta2
                second += (1 - beta2) * gradient * gradient
                root = np.sqrt(second)
                root /= (1 - beta2**steps) ** 0.5
                root += EPS
                params -= lr / (1 - beta1**steps) * first / root
            elif momentum:
                first *= momentum
                first += gradient
                params -= lr * first
            else:
                params -= lr * gradient
            if steps in checkpoints:
                kept.append(params.copy())
    return kept, time.perf_counter() - start


def minimum(X, y):
    """The loss that no step goes below."""
    X1 = np.column_stack([X, np.ones(len(y))])
    residual = y - X1 @ np.linalg.lstsq(X1, y)[0]
    return float(residual @ residual) / (2 * len(y))


def compare(method, X, y, *, epochs=EPOCHS, repeats=5):
    """Run a method by both, in turns, and return the `Comparison`."""
    orders = _orders(len(y), method.batch, epochs)
    n_steps = epochs * len(_batches(len(y), method.batch))
    steps = np.unique(np.geomspace(1, n_steps, CHECKPOINTS).round().astype(int))
    checkpoints = frozenset(steps.tolist())
    seconds = {with_fastopt: [], with_numpy: []}
    kept = {}
    for turn in range(repeats):
        for run in (with_fastopt, with_numpy)[:: 1 - 2 * (turn % 2)]:
            kept[run], elapsed = run(method, X, y, orders, checkpoints)
            seconds[run].append(elapsed / n_steps)
    whole = LinearObjective(X, y, "half_squared_error", n_threads=1)
    losses, numpy_losses = (np.array([whole.value(params) for params in kept[run]]) for run in (with_fastopt, with_numpy))
    ours, theirs = (statistics.median(seconds[run]) for run in (with_fastopt, with_numpy))
    return Comparison(method, steps, losses, numpy_losses, ours, theirs)


COLUMNS = {
    "method": "<",
    "batch": ">",
    "lr": ">",
    "steps": ">",
    "loss, fastopt": ">",
    "loss, NumPy": ">",
    "largest difference": ">",
    "us a step, fastopt": ">",
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
        f"{c.losses[-1]:.10g}",
        f"{c.numpy_losses[-1]:.10g}",
        f"{c.difference:.1e}",
        f"{c.seconds * 1e6:.2f}",
        f"{c.numpy_seconds * 1e6:.2f}",
        f"{c.numpy_seconds / c.seconds:.2f}",
    ]
