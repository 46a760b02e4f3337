"""A fit, its certificate and its report; the answer of a fit that is stopped early.

    python examples/logistic_report.py
"""

import warnings

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from fastopt.linear_model import LogisticRegression

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, random_state=0)

model = LogisticRegression(C=0.01).fit(X, y)
print(model.report())
print(f"accuracy on the test set: {model.score(X_test, y_test):.3f}\n")

# The optimum is between dual and objective.
certificate = model.certificate_
print(f"{certificate.dual:.9f} <= optimum <= {certificate.objective:.9f}\n")

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    early = LogisticRegression(C=0.01, solver="gradient-descent", max_iter=1).fit(X, y)
print(early.report())
print(caught[0].message)
