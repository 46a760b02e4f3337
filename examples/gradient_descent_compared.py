"""Linear regression on diabetes by eight ways to take steps: a table, and the loss curves side by side.

python examples/gradient_descent_compared.py [picture.png]
"""

import sys

import numpy as np
from sklearn.datasets import load_diabetes

from fastopt import LinearObjective
from fastopt.losses import HalfSquaredError
from fastopt.optimizers import SGD, Adagrad, Adam, RMSprop

X, y = load_diabetes(return_X_y=True, scaled=False)
X, n, loss = (X - X.mean(axis=0)) / X.std(axis=0), len(X), HalfSquaredError()
METHODS = {  # rows a batch, and the rule; Newton has none
    "batch gradient descent": (n, SGD(lr=0.45)),
    "single-sample SGD": (1, SGD(lr=0.002)),
    "mini-batch SGD": (32, SGD(lr=0.03)),
    "momentum": (32, SGD(lr=0.01, momentum=0.9)),
    "Adagrad": (32, Adagrad(lr=20.0)),
    "RMSprop": (32, RMSprop(lr=1.0)),
    "Adam": (32, Adam(lr=2.0)),
    "Newton": (n, None),
}


def descend(whole, size, recipe, epochs=20):
    """The mean half squared error of all rows at the start and after each epoch."""
    rng, params = np.random.default_rng(0), np.zeros(X.shape[1] + 1)
    optimizer, losses = recipe and recipe.bind(params), [whole.value(params)]
    parts = np.array_split(rng.permutation(n), -(-n // size))
    batches = [LinearObjective(X, y, loss, rows=rows) for rows in parts]
    for _ in range(epochs):
        for i in rng.permutation(len(batches)):
            gradient = batches[i].gradient(params)
            if optimizer is None:
                params -= np.linalg.solve(batches[i].hessian_matrix(params), gradient)
            else:
                optimizer.step(gradient)
        losses.append(whole.value(params))
    return losses


whole, shown = LinearObjective(X, y, loss), (0, 1, 2, 5, 10, 20)
curves = {name: descend(whole, *method) for name, method in METHODS.items()}
minimum = whole.value(np.append(np.linalg.lstsq(X, y - y.mean())[0], y.mean()))
print(f"{'loss - minimum after epoch':26}" + "".join(f"{epoch:10}" for epoch in shown))
for name, losses in curves.items():
    print(f"{name:26}" + "".join(f"{max(losses[epoch] - minimum, 0):10.2f}" for epoch in shown))
if len(sys.argv) > 1:
    from matplotlib.figure import Figure

    from fastopt.plots import plot_history

    panels = (figure := Figure((10, 4.5), layout="constrained")).subplots(2, 4, sharex=True, sharey=True)
    for axes, (name, losses) in zip(panels.flat, curves.items()):
        plot_history(losses, "iterations", minimum=minimum, floor=1e-2, axes=axes)
        axes.set(title=name, xlabel="epoch")
        axes.label_outer()
    figure.savefig(sys.argv[1], dpi=80)
