"""The roster of solvers and the choice among them."""

from .gradient_descent import gradient_descent
from .lbfgs import lbfgs
from .newton_cholesky import newton_cholesky
from .svd import svd

SOLVERS = {
    "newton-cholesky": newton_cholesky,
    "lbfgs": lbfgs,
    "gradient-descent": gradient_descent,
    "svd": svd,
}

# What a solver may need of an objective, in words.
NEEDS = {"gradient": "a continuous gradient", "hessian": "the exact or expected curvature", "squares": "a squared loss"}


def choose(objective, name="auto"):
    """The name of the solver for an objective, decided on counts only.

    "auto" is "newton-cholesky" where the Hessian is cheap (kp <= 60 unknowns, or n (kp)^2 <= 5e7
    multiplications an iteration), else "lbfgs".

    Raises
    ------
    ValueError
        For an unknown name, or a solver that needs what the loss does not offer; the message names
        the solvers that would work.
    """
    if name == "auto":
        size = objective.size
        cheap = size <= 60 or objective.n * size**2 <= 5e7
        name = "newton-cholesky" if "hessian" in objective.offers and cheap else "lbfgs"
    if name not in SOLVERS:
        raise ValueError(f"solver must be 'auto' or one of {', '.join(map(repr, SOLVERS))}, got {name!r}")
    missing = SOLVERS[name].needs - objective.offers
    if missing:
        works = [other for other, solver in SOLVERS.items() if solver.needs <= objective.offers]
        advice = f"use {' or '.join(map(repr, works))}" if works else "no solver here minimises it"
        raise ValueError(
            f"solver {name!r} needs {' and '.join(NEEDS[word] for word in sorted(missing))}, which"
            f" {objective.loss!r} does not offer; {advice}"
        )
    return name
