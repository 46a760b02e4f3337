"""Solvers over objectives, the choice among them, and the fit of a problem from start to certificate.

A solver is a function ``solver(objective, x0, goal, *, max_iter, monitor) -> Result`` over flat
vectors, with an attribute `needs` that names what it asks of the objective: "gradient", "hessian",
"squares" (a squared loss).
"""

from ._choice import NEEDS, SOLVERS, choose
from ._fit import Fit, fit_problem
from ._goal import Goal
from ._result import Result
from .gradient_descent import gradient_descent
from .lbfgs import lbfgs
from .newton_cholesky import newton_cholesky
from .svd import svd

__all__ = [
    "NEEDS",
    "SOLVERS",
    "Fit",
    "Goal",
    "Result",
    "choose",
    "fit_problem",
    "gradient_descent",
    "lbfgs",
    "newton_cholesky",
    "svd",
]
