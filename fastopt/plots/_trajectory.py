"""The paths of optimizers over the contours of a function of two variables."""

import numpy as np

from ..optimizers import OPTIMIZERS, Optimizer
from ..optimizers import get as get_optimizer
from ._axes import axes_or_new


def _gradient(fun, jac):
    """(value, gradient) at a point, by fun, by jac, or by central differences."""
    if jac is True:

        def both(x):
            value, gradient = fun(x)
            return float(value), np.asarray(gradient, dtype=np.float64)

        return both
    if jac is not None:
        return lambda x: (float(fun(x)), np.asarray(jac(x), dtype=np.float64))

    def differences(x):
        h = 6e-6 * np.maximum(1.0, np.abs(x))
        slopes = [(fun(x + h[i] * e) - fun(x - h[i] * e)) / (2 * h[i]) for i, e in enumerate(np.eye(len(x)))]
        return float(fun(x)), np.array(slopes, dtype=np.float64)

    return differences


def _checked(fun, jac, x0):
    if not callable(fun):
        raise TypeError(f"fun must be callable, got {type(fun).__name__}")
    if jac is not None and jac is not True and not callable(jac):
        raise ValueError(f"jac must be callable, True or None, got {jac!r}")
    start = np.array(x0, dtype=np.float64)
    if start.ndim != 1 or not start.size or not np.isfinite(start).all():
        raise ValueError(f"x0 must be a vector of finite numbers, got {x0!r}")
    return start


def _items(things):
    """(label, optimizer or path) of one, a list, or a dict by label."""
    if hasattr(things, "items"):
        return list(things.items())
    several = isinstance(things, (list, tuple))
    pairs = []
    for number, thing in enumerate(things if several else [things]):
        label = thing if isinstance(thing, str) else repr(thing)
        if not _is_optimizer(thing):
            label = f"path {number}" if several else None
        pairs.append((label, thing))
    labels = [label for label, _ in pairs]
    if len(set(labels)) < len(labels):
        raise ValueError(f"two entries have the same label, give a dict by label: {labels}")
    return pairs


def _is_optimizer(thing):
    return isinstance(thing, (str, type, Optimizer))


def _walk(function, optimizer, start, n_steps):
    """Points of a first-order rule; the path ends where value or gradient are no longer finite."""
    x, points = start.copy(), [start.copy()]
    bound = optimizer.bind(x)
    with np.errstate(all="ignore"):
        for _ in range(n_steps):
            value, gradient = function(x)
            if not (np.isfinite(value) and np.isfinite(gradient).all()):
                break
            bound.step(gradient)
            points.append(x.copy())
    return np.array(points)


def _minimised(fun, jac, method, start, n_steps):
    from .._minimize import minimize

    points = [start.copy()]
    minimize(
        fun,
        start,
        jac=jac,
        method=method,
        callback=lambda x: points.append(np.array(x)),
        options={"max_iter": n_steps},
    )
    return np.array(points)


def trajectories(fun, optimizers, x0, *, jac=None, n_steps=100):
    """The points that optimizers visit, from one start.

    Parameters
    ----------
    fun : callable
        ``fun(x) -> float``; with ``jac=True`` it returns (value, gradient).
    optimizers : Optimizer, str, or several of these in a list or in a dict by label
        A recipe (``SGD(lr=0.1)``), the name of one with its default rate ("adam"), or a method of `fastopt.minimize`
        ("l-bfgs").
    x0 : array of shape (n,)
    jac : callable, True or None
        Gradient. None: central differences.
    n_steps : int, default=100
        Steps of a rule, which ends earlier where value or gradient are not finite; at most so many iterations of a
        method.

    Returns
    -------
    dict
        Arrays of shape (points, n) by label, the start first.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> from fastopt.plots import trajectories
    >>> paths = trajectories(lambda x: x @ x, {"half": SGD(lr=0.25)}, [4.0, 0.0], jac=lambda x: 2 * x, n_steps=3)
    >>> paths["half"][:, 0].tolist()
    [4.0, 2.0, 1.0, 0.5]
    """
    from .._minimize import METHODS

    start = _checked(fun, jac, x0)
    if isinstance(n_steps, bool) or not isinstance(n_steps, (int, np.integer)) or n_steps < 1:
        raise ValueError(f"n_steps must be an integer >= 1, got {n_steps!r}")
    function, paths = _gradient(fun, jac), {}
    for label, one in _items(optimizers):
        if isinstance(one, str) and one.lower() not in OPTIMIZERS:
            if one.lower() not in METHODS:
                raise ValueError(
                    f"unknown optimizer {one!r}; there are the rules {', '.join(OPTIMIZERS)} and the methods of"
                    f" fastopt.minimize {', '.join(METHODS)}"
                )
            paths[label] = _minimised(fun, jac, one, start, int(n_steps))
        else:
            paths[label] = _walk(function, get_optimizer(one), start, int(n_steps))
    return paths


def plot_trajectory(
    fun, paths, x0=None, bounds=None, *, jac=None, n_steps=100, levels=25, resolution=121, axes=None, **line
):
    """Draw contours of a function of two variables and the paths of optimizers over them.

    Parameters
    ----------
    fun : callable
        ``fun(x) -> float`` of x of shape (2,); with ``jac=True`` it returns (value, gradient).
    paths : array of shape (points, 2), optimizer, or several of these in a list or in a dict by label
        Points that are drawn as they are, or what `trajectories` takes, which then runs from x0.
    x0 : array of shape (2,), optional
        Start of the optimizers; not needed for points.
    bounds : ((low, high), (low, high)), optional
        Of the picture, first variable first. None: around all finite points, with a margin of 15 %.
    jac, n_steps
        As in `trajectories`.
    levels : int or sequence of float, default=25
        Contours: a number of them, closer to the lowest value of the picture, or their values.
    resolution : int, default=121
        Points a side at which fun is called for the contours.
    axes : matplotlib Axes, optional
        A new figure of pyplot where None.
    **line
        Further options of matplotlib's ``plot`` for the paths.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        For arguments of the wrong form; the message names them.
    ImportError
        Without matplotlib.
    """
    if isinstance(resolution, bool) or not isinstance(resolution, (int, np.integer)) or resolution < 2:
        raise ValueError(f"resolution must be an integer >= 2, got {resolution!r}")
    found = dict(_items(paths))
    run = {label: one for label, one in found.items() if _is_optimizer(one)}
    for label in [label for label in found if label not in run]:
        points = np.asarray(found[label], dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise ValueError(f"a path must have shape (points, 2), got {points.shape}")
        found[label] = points
    if not found:
        raise ValueError("paths is empty")
    if run:
        if x0 is None:
            raise ValueError("x0 is needed where paths are optimizers and not points")
        if np.shape(x0) != (2,):
            raise ValueError(f"x0 must have shape (2,), got {np.shape(x0)}")
        found.update(trajectories(fun, run, x0, jac=jac, n_steps=n_steps))
    elif not callable(fun):
        raise TypeError(f"fun must be callable, got {type(fun).__name__}")
    if bounds is None:
        every = np.concatenate(list(found.values()))
        every = every[np.isfinite(every).all(axis=1)]
        margin = 0.15 * np.maximum(np.ptp(every, axis=0), 1e-3 * np.maximum(1.0, np.abs(every).max(axis=0)))
        low, high = every.min(axis=0) - margin, every.max(axis=0) + margin
    else:
        box = np.asarray(bounds, dtype=np.float64)
        if box.shape != (2, 2) or not (box[:, 0] < box[:, 1]).all() or not np.isfinite(box).all():
            raise ValueError(f"bounds must be ((low, high), (low, high)) with low < high, got {bounds!r}")
        low, high = box.T
    across, up = (np.linspace(low[i], high[i], resolution) for i in (0, 1))
    value = (lambda x: fun(x)[0]) if jac is True else fun
    with np.errstate(all="ignore"):
        heights = np.array([[float(value(np.array([a, b]))) for a in across] for b in up])
    heights[~np.isfinite(heights)] = np.nan
    if np.isnan(heights).all():
        raise ValueError("fun is finite nowhere within the bounds")
    axes = axes_or_new(axes)
    if np.ndim(levels) == 0:
        bottom, top = np.nanmin(heights), np.nanmax(heights)
        levels = np.unique(bottom + (top - bottom) * np.linspace(0, 1, int(levels) + 1) ** 3)
    if len(levels) > 1:
        axes.contour(across, up, heights, levels=levels, colors="0.6", linewidths=0.6)
    for number, (label, points) in enumerate(found.items()):
        style = {"marker": ".", "markersize": 4, "linewidth": 1.2, "color": f"C{number % 10}", **line}
        axes.plot(points[:, 0], points[:, 1], **style, **({} if label is None else {"label": label}))
        axes.plot(*points[-1], marker="*", markersize=10, color=style["color"])
    start = next(iter(found.values()))[0]
    axes.plot(*start, marker="o", color="k", markersize=5)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="$x_0$", ylabel="$x_1$")
    if any(label is not None for label in found):
        axes.legend(fontsize=9)
    return axes
