"""What the tests of `fastopt.minimize` share: its methods, a start, the test functions with their calls counted."""

import numpy as np
from minimize_functions import FUNCTIONS, gradient
from more_minimize_functions import MORE

from fastopt._minimize import METHODS as NAMES

# Those that take any function; "lm" takes residuals (test_least_squares.py).
METHODS = [m for m in NAMES if m != "lm"]
SECOND_ORDER = ("newton", "newton-cg", "trust-ncg")
FIRST_ORDER = [m for m in METHODS if m not in SECOND_ORDER]
SEARCHES = ("armijo", "nonmonotone", "wolfe", "strong-wolfe", "more-thuente", "hager-zhang")
X0 = np.array([-1.2, 1.0])
ALL = {**FUNCTIONS, **MORE}


def counted(name):
    f, x0, minima = ALL[name]
    calls = []

    def fun(x):
        calls.append(x)
        return float(np.real(f(x)))

    return fun, gradient(f), np.array(x0, dtype=float), minima, calls
