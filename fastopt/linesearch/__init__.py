"""Line searches over a function of one step length, ``phi(t) -> (value, slope)``; a curvature may follow.

Each search takes phi, its value and slope at 0, a first trial and the constants of its conditions, and
returns a `Step`, or None where no trial decreased enough. Trials that are not finite step back.
"""

from ._backtracking import backtracking, nonmonotone
from ._bracket import minimum, wolfe
from ._conditions import Step, armijo_accepts, strong_wolfe_accepts, wolfe_accepts
from ._hager_zhang import hager_zhang
from ._more_thuente import more_thuente
from ._strong import strong_wolfe

__all__ = [
    "Step",
    "armijo_accepts",
    "backtracking",
    "hager_zhang",
    "minimum",
    "more_thuente",
    "nonmonotone",
    "strong_wolfe",
    "strong_wolfe_accepts",
    "wolfe",
    "wolfe_accepts",
]
