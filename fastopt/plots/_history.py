"""Curves of a history: objective, gradient or any other column against iterations, passes or seconds."""

from collections.abc import Mapping

import numpy as np

from .._axes import axes_or_new, full_names, style
from .._validation import real_number

AXES = {
    "iterations": "iteration",
    "passes": "passes over the data",
    "evaluations": "evaluations of the function",
    "seconds": "time (s)",
}


def columns(history, what="history"):
    """The columns of a history as arrays of one length; see `plot_history` for what may be given."""
    if _is_scipys(history):
        raise TypeError(
            f"{what} is a result of SciPy, which keeps no history; fastopt.minimize does, or collect the values in its"
            " callback"
        )
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


def _is_scipys(thing):
    return isinstance(thing, Mapping) and {"x", "fun", "success"} <= set(thing) and "history" not in thing


def named(things, column, labels=None):
    """(label, history) of one history, a list of them, or a dict of them by label.

    A mapping is one history where it has the column or an objective, or is a result.
    """
    if isinstance(things, Mapping) and not ({column, "objective", "history"} & set(things) or _is_scipys(things)):
        pairs = list(things.items())
    elif isinstance(things, (list, tuple)) and not (len(things) and isinstance(things[0], (int, float, np.number))):
        pairs = [(f"history {number}" if len(things) > 1 else None, one) for number, one in enumerate(things)]
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
        collects them. Several in a list are named "history 0", ... where there are no labels.
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
        Further options of matplotlib's ``plot``; `label` is another name of `labels`.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        For columns that a history does not have, where the message names those it has, and where nothing is finite.
    ImportError
        Without matplotlib.
    """
    if "label" in line:
        if labels is not None:
            raise TypeError("give labels or label, not both")
        labels = line.pop("label")
    minimum = None if minimum is None else real_number("minimum", minimum)
    floor = real_number("floor", floor, 0)
    tables = [(label, columns(item)) for label, item in named(history, y, labels)]
    if not tables:
        raise ValueError("history is empty")
    if x is None:
        x = next((c for c in ("passes", "evaluations") if all(c in table for _, table in tables)), "iterations")
    curves = [(label, _across(table, x), _column(table, y)) for label, table in tables]
    if not any(np.isfinite(values).any() for _, _, values in curves):
        raise ValueError(f"the history has no finite {y}, there is nothing to draw")
    axes = axes_or_new(axes)
    line = full_names(line)
    before = sum(one.get_linestyle() != "None" for one in axes.lines)
    for number, (label, (_, across), values) in enumerate(curves, before):
        if minimum is not None:
            values = np.maximum(values - minimum, floor)
        looks = {"linestyle": style(number), **({} if label is None else {"label": label}), **line}
        (drawn,) = axes.plot(across, values, **looks)
        lonely = _lonely(np.isfinite(across) & np.isfinite(values))
        if lonely.any() and drawn.get_marker() == "None":
            axes.plot(across[lonely], values[lonely], ".", color=drawn.get_color())
    shown = [one.get_ydata() for one in axes.lines if one.get_transform() is axes.transData]
    positive = all((values[np.isfinite(values)] > 0).all() for values in map(np.asarray, shown))
    title = y if y != "objective" or minimum is None else "objective - minimum"
    titles = dict.fromkeys(AXES.get(name, name) for _, (name, _), _ in curves)
    axes.set(xlabel=", ".join(titles), ylabel=title, xscale=xscale, yscale=yscale if positive else "linear")
    axes.grid(alpha=0.3)
    if any(label is not None for label, _, _ in curves):
        axes.legend()
    return axes


def _lonely(finite):
    """Where a point is finite and its neighbours are not, so that no line shows it."""
    padded = np.concatenate([[False], finite, [False]])
    return finite & ~padded[:-2] & ~padded[2:]


def _across(table, name):
    """(name, values) of what a curve is drawn against."""
    if name == "iterations":
        return name, np.arange(len(next(iter(table.values()))), dtype=np.float64)
    if name == "passes" and name not in table and "evaluations" in table:
        name = "evaluations"
    return name, _column(table, name)


def _column(table, name):
    if name not in table:
        raise ValueError(f"the history has no column {name!r}; it has {', '.join(map(repr, table))}")
    return table[name]
