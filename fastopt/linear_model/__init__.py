"""Linear models with scikit-learn's names, parameters and attributes."""

from ._logistic import LogisticRegression
from ._ridge import LinearRegression, Ridge

__all__ = ["LinearRegression", "LogisticRegression", "Ridge"]
