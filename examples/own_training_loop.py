"""Mini-batches by hand: gradients from LinearObjective, steps from Adam, compared with the optimum.

    python examples/own_training_loop.py
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

import fastopt
from fastopt.optimizers import Adam
from fastopt.schedules import Exponential

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
rng = np.random.default_rng(0)

# The same X for all: an objective of some rows reads them where they are.
penalty = 0.01
whole = fastopt.LinearObjective(X, y, "logistic", penalty)
batches = [
    fastopt.LinearObjective(X, y, "logistic", penalty, rows=rows) for rows in np.array_split(rng.permutation(len(X)), 9)
]

params = whole.initial()
steps_per_epoch = len(batches)
optimizer = Adam(params, lr=Exponential(0.1, gamma=0.95 ** (1 / steps_per_epoch)))
for epoch in range(100):
    for i in rng.permutation(steps_per_epoch):
        optimizer.step(batches[i].gradient(params))
    if epoch % 20 == 19:
        print(f"epoch {epoch + 1:3d}: objective {whole.value(params):.9f}")

best = fastopt.linear_model.LogisticRegression(C=1 / (penalty * len(X))).fit(X, y)
print(f"the optimum:  objective {best.certificate_.objective * penalty:.9f}")
