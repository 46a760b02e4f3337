"""Curves of a history: objective, gradient or any other column against iterations, passes or seconds."""

from collections.abc import Mapping

import numpy as np

from ._axes import axes_or_new

AXES = {
    "iterations": "iteration",
    "passes": "passes over the data",
    "evaluations": "evaluations of the function",
    "seconds": "time (s)",
}


def columns(history, what="history"):
    """The columns of a history as arrays of one length; see `plot_history` for what may be given."""
    if hasattr(history, "history_"):
        history = history.history_
    elif not isinstance(history, Mapping) and hasattr(history, "history"):
        history = history.history
    elif isinstance(history, Mapping) and isinstance(history.get("history"), Mapping):
        history = history["history"]
    if not isinstance(history, Mapping):
        values = np.asarray(history) if np.ndim(history) == 1 else None
        if values is None or values.dtype.kind not in "fiu":
            raise TypeError(
                f"{what} must be a fitted estimator (history_), a result of fastopt.minimize (history), a dict of columns"
                f" or a sequence of objective values, got {type(history).__name__}"
            )
        history = {"objective": values}
    out = {name: np.asarray(column, dtype=np.float64) for name, column in history.items()}
    shapes = {name: column.shape for name, column in out.items()}
    if not out or any(len(shape) != 1 for shape in shapes.values()) or len(set(shapes.values())) > 1:
        raise ValueError(f"the columns of {what} must be 1-D and of one length, got {shapes}")
    return out


def named(things, column, labels=None):
    """(label, history) of one history, a list of them, or a dict of them by label.

    A mapping is one history where it has the column, or is a result that has a history.
    """
    if isinstance(things, Mapping) and column not in things and "history" not in things:
        pairs = list(things.items())
    elif isinstance(things, (list, tuple)) and not (len(things) and isinstance(things[0], (int, float, np.number))):
        pairs = [(None, one) for one in things]
    else:
        pairs = [(None, things)]
    if labels is not None:
        labels = [labels] if isinstance(labels, str) else list(labels)
        if len(labels) != len(pairs):
            raise ValueError(f"labels must have {len(pairs)} entries, one for each curve, got {len(labels)}")
        pairs = [(label, one) for label, (_, one) in zip(labels, pairs)]
    return pairs


def plot_history(
    history,
    x=None,
    y="objective",
    *,
    minimum=None,
    labels=None,
    axes=None,
    xscale="linear",
    yscale="log",
    floor=1e-17,
    **line,
):
    """Draw one or several histories: a column against iterations, passes or seconds.

    Parameters
    ----------
    history : estimator, OptimizeResult, dict, sequence, or several of these in a list or in a dict by label
        A fitted estimator of `fastopt.linear_model` (`history_`), a result of `fastopt.minimize` (`history`), a dict of
        columns of one length, with "objective" among them, or the objective's values alone, as a loop of one's own
        collects them.
    x : str, optional
        "iterations" (row numbers), "passes" (over the data; of a function, which has none, "evaluations"), "seconds", or
        the name of another column. None: "passes" where all histories have them, else "evaluations", else "iterations".
    y : str, default="objective"
        Column to draw.
    minimum : float, optional
        Subtracted from y; what remains is drawn not lower than `floor`.
    labels : str or list of str, optional
        For the legend, one for each curve.
    axes : matplotlib Axes, optional
        A new figure of pyplot where None.
    xscale, yscale : str, default="linear", "log"
        A logarithmic y that would have to show values <= 0 becomes linear.
    floor : float, default=1e-17
    **line
        Further options of matplotlib's ``plot``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        For columns that a history does not have; the message names those it has.
    ImportError
        Without matplotlib.
    """
    pairs = [(label, columns(item)) for label, item in named(history, y, labels)]
    if not pairs:
        raise ValueError("history is empty")
    if x is None:
        x = next((c for c in ("passes", "evaluations") if all(c in table for _, table in pairs)), "iterations")
    curves = [(label, _column(table, x), _column(table, y)) for label, table in pairs]
    axes = axes_or_new(axes)
    positive = True
    for label, across, values in curves:
        if minimum is not None:
            values = np.maximum(values - minimum, floor)
        positive = positive and bool((values[np.isfinite(values)] > 0).all())
        axes.plot(across, values, **{**line, **({} if label is None else {"label": label})})
    title = y if y != "objective" or minimum is None else "objective - minimum"
    axes.set(xlabel=AXES.get(x, x), ylabel=title, xscale=xscale, yscale=yscale if positive else "linear")
    axes.grid(alpha=0.3)
    if any(label is not None for label, _, _ in curves):
        axes.legend()
    return axes


def _column(table, name):
    if name == "iterations":
        return np.arange(len(next(iter(table.values()))))
    if name == "passes" and name not in table and "evaluations" in table:
        name = "evaluations"
    if name not in table:
        raise ValueError(f"the history has no column {name!r}; it has {', '.join(map(repr, table))}")
    return table[name]
