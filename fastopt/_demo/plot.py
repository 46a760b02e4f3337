"""The picture of ``--plot``: excess against time for the fits, loss against step for the training loops."""

import os

import numpy as np

from ..plots import plot_history
from . import BadInput
from .fits import TARGET

FORMATS = ("png", "pdf", "svg")
FLOOR = 1e-17  # where an excess of 0 is drawn


def check(path):
    """Raise `BadInput` where a picture could not be written to `path`; nothing is created."""
    extension = os.path.splitext(path)[1].lstrip(".").lower()
    if extension not in FORMATS:
        found = f"{extension!r}" if extension else "none"
        raise BadInput(f"--plot {path}: the extension must be one of {', '.join(FORMATS)}, got {found}")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise BadInput(f"--plot {path}: there is no folder {folder}")
    if os.path.isdir(path):
        raise BadInput(f"--plot {path}: that is a folder")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise BadInput(f"--plot {path}: no permission to write there")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise BadInput("--plot needs matplotlib, which is not installed: pip install matplotlib") from None


def draw(path, comparisons, runs, minimum):
    """Write the picture; `runs` are steps.Comparison, empty without the second table."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13 if runs else 8, 7), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2 if runs else 1, squeeze=False)[0]
    _fits(panels[0], comparisons)
    if runs:
        _steps(panels[1], runs, minimum)
    try:
        figure.savefig(path)
    except OSError as error:
        raise BadInput(f"--plot {path}: {error.strerror or error}") from None


def _fits(axes, comparisons):
    for number, comparison in enumerate(comparisons):
        colour = f"C{number}"
        problem = comparison.problem
        history = comparison.history
        excess = np.maximum((history["objective"] - comparison.best) / comparison.gain, FLOOR)
        name = problem.name if problem.classification else f"{problem.name}, {problem.model}"
        axes.plot(1e3 * history["seconds"], excess, "-o", color=colour, markersize=4, label=name)
        for fit, marker in zip(comparison.fits[1:], ("s", "^")):
            if fit.seconds is not None:
                axes.plot(
                    1e3 * fit.seconds, max(fit.excess, FLOOR), marker, color=colour, fillstyle="none", markersize=8
                )
    axes.plot([], [], "ks", fillstyle="none", label="NumPy, whole fit")
    axes.plot([], [], "k^", fillstyle="none", label="scikit-learn, whole fit")
    axes.axhline(TARGET, color="0.5", linestyle="--", linewidth=1)
    axes.text(
        0.99,
        TARGET,
        f"target {TARGET:.0e}",
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="bottom",
        color="0.35",
    )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="time (ms)",
        ylabel="excess of the objective / gain over a constant",
        title="Fits: fastopt by iteration (lines), the others' ends",
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))


def _steps(axes, runs, minimum):
    histories = {
        f"{run.method.name}, lr {run.method.lr:g}": {"step": run.steps, "objective": run.losses[0]} for run in runs
    }
    plot_history(histories, x="step", minimum=minimum, floor=FLOOR, axes=axes, xscale="log")
    axes.set(
        ylabel="mean half squared error - its minimum",
        title="Diabetes: loss against step, the same number of passes",
    )
    axes.legend(fontsize=9, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))
