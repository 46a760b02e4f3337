"""Pictures and tables of optimizations: histories, paths, comparisons.

matplotlib is imported when a picture is drawn (``pip install "fastopt[plot]"``); every function takes axes and
returns them. `compare` and `trajectories` need NumPy only.
"""

from ._compare import OptimizerComparison, compare
from ._history import plot_history
from ._trajectory import plot_trajectory, trajectories

__all__ = ["OptimizerComparison", "compare", "plot_history", "plot_trajectory", "trajectories"]
