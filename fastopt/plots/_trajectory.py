"""The paths of optimizers over the contours of a function of two variables."""

import numpy as np

from .._axes import axes_or_new, full_names, look
from ..optimizers import OPTIMIZERS
from ._rules import DOMAIN_ERRORS, Stepper, evaluated, is_rule, label_of, recipe_of


def _number(value):
    if isinstance(value, tuple):
        raise TypeError(f"fun returned a tuple of {len(value)}; with jac=True it may be (value, gradient)")
    return float(value)


def _gradient(fun, jac):
    """(value, gradient) at a point, by fun, by jac, or by central differences."""
    if jac is True:

        def both(x):
            out = fun(x)
            if not (isinstance(out, tuple) and len(out) == 2):
                raise TypeError(f"with jac=True fun must return (value, gradient), got {type(out).__name__}")
            return float(out[0]), np.asarray(out[1], dtype=np.float64)

        return both
    if jac is not None:
        return lambda x: (_number(fun(x)), np.asarray(jac(x), dtype=np.float64))

    def differences(x):
        value, h = _number(fun(x)), 6e-6 * np.maximum(1.0, np.abs(x))
        slopes = [(fun(x + h[i] * e) - fun(x - h[i] * e)) / (2 * h[i]) for i, e in enumerate(np.eye(len(x)))]
        return value, np.array(slopes, dtype=np.float64)

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


def items(things):
    """(label, optimizer or path) of one, a list, or a dict by label."""
    if hasattr(things, "items"):
        return list(things.items())
    several = isinstance(things, (list, tuple))
    pairs = []
    for number, thing in enumerate(things if several else [things]):
        label = label_of(thing) if is_rule(thing) else f"path {number}" if several else None
        pairs.append((label, thing))
    labels = [label for label, _ in pairs]
    if len(set(labels)) < len(labels):
        raise ValueError(f"two entries have the same label, give a dict by label: {labels}")
    return pairs


def _walk(function, recipe, start, n_steps):
    """Points of a first-order rule; the path ends where value or gradient are no longer finite."""
    x, points = start.copy(), [start.copy()]
    stepper = Stepper(recipe, x)
    with np.errstate(all="ignore"):
        for number in range(n_steps):
            if not stepper.step(function, "fun", evaluated(function, x, "fun", first=not number)):
                break
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
    optimizers : Optimizer, wrapper, str, or several of these in a list or in a dict by label
        A recipe (``SGD(lr=0.1)``, ``Lookahead(SGD(lr=0.1))``), the name of a rule with its default rate ("adam"), or a
        method of `fastopt.minimize` for functions ("l-bfgs", "auto").
    x0 : array of shape (n,)
    jac : callable, True or None
        Gradient. None: central differences.
    n_steps : int, default=100
        Steps of a rule, which ends earlier where value or gradient are not finite or the function raises a ValueError
        or ArithmeticError, except at x0; at most so many iterations of a method.

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
    methods = ["auto", *(name for name in METHODS if name != "lm")]  # which takes residuals
    for label, one in items(optimizers):
        if isinstance(one, str) and one.lower() not in OPTIMIZERS:
            if one.lower() not in methods:
                raise ValueError(
                    f"unknown optimizer {one!r}; there are the rules {', '.join(OPTIMIZERS)} and the methods of"
                    f" fastopt.minimize for functions {', '.join(methods)}"
                )
            paths[label] = _minimised(fun, jac, one, start, int(n_steps))
        else:
            paths[label] = _walk(function, recipe_of(one), start, int(n_steps))
    return paths


def plot_trajectory(
    fun, paths, x0=None, bounds=None, *, jac=None, n_steps=100, levels=25, resolution=121, axes=None, **line
):
    """Draw contours of a function of two variables and the paths of optimizers over them.

    Parameters
    ----------
    fun : callable
        ``fun(x) -> float`` of x of shape (2,); with ``jac=True`` it returns (value, gradient). Where it is not finite
        or raises a ValueError or ArithmeticError there are no contours.
    paths : array of shape (points, 2), optimizer, or several of these in a list or in a dict by label
        Points that are drawn as they are, or what `trajectories` takes, which then runs from x0.
    x0 : array of shape (2,), optional
        Start of the optimizers; not needed for points.
    bounds : ((low, high), (low, high)), optional
        Of the picture, first variable first. None: around the points, with a margin of 15 %, without those that a path
        reaches by diverging: farther from its start than three times the extent of all points that are not higher than
        the starts of their paths (or than the shortest first step, where that extent is 0).
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
    if np.ndim(levels) == 0 and (not isinstance(levels, (int, np.integer)) or levels < 1):
        raise ValueError(f"levels must be an integer >= 1 or a sequence of values, got {levels!r}")
    found = _points(fun, paths, x0, jac, n_steps)
    heights = _Heights(fun, jac)
    low, high = _limits(found, heights) if bounds is None else _box(bounds)
    across, up = (np.linspace(low[i], high[i], resolution) for i in (0, 1))
    grid = heights(np.stack(np.meshgrid(across, up), axis=-1))
    if np.isnan(grid).all():
        raise ValueError(f"fun is finite nowhere within the bounds{heights.last}")
    axes = axes_or_new(axes)
    if np.ndim(levels) == 0:
        bottom, top = np.nanmin(grid), np.nanmax(grid)
        levels = np.unique(bottom + (top - bottom) * np.linspace(0, 1, levels + 1) ** 3)
    if len(levels) > 1:
        axes.contour(across, up, grid, levels=levels, colors="0.6", linewidths=0.6)
    line = full_names(line)
    for number, (label, points) in enumerate(found.items()):
        named = {} if label is None else {"label": label}
        looks = {"marker": ".", "markersize": 4, "linewidth": 1.2, **look(number), **named, **line}
        (drawn,) = axes.plot(points[:, 0], points[:, 1], **looks)
        axes.plot(*points[-1], marker="*", markersize=10, color=drawn.get_color())
    start = next(iter(found.values()))[0]
    axes.plot(*start, marker="o", color="k", markersize=5)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="$x_0$", ylabel="$x_1$")
    if "label" in line or any(label is not None for label in found):
        axes.legend(fontsize=9)
    return axes


def _points(fun, paths, x0, jac, n_steps):
    """The points of each path by label."""
    found = dict(items(paths))
    if not found:
        raise ValueError("paths is empty")
    run = {label: one for label, one in found.items() if is_rule(one)}
    for label in [label for label in found if label not in run]:
        points = np.asarray(found[label], dtype=np.float64)
        name = "a path" if label is None else f"{label!r}"
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise ValueError(f"{name} must have shape (points, 2), got {points.shape}")
        if not np.isfinite(points).all(axis=1).any():
            raise ValueError(f"{name} has no finite point")
        found[label] = points
    if run:
        if x0 is None:
            raise ValueError("x0 is needed where paths are optimizers and not points")
        if np.shape(x0) != (2,):
            raise ValueError(f"x0 must have shape (2,), got {np.shape(x0)}")
        found.update(trajectories(fun, run, x0, jac=jac, n_steps=n_steps))
    elif not callable(fun):
        raise TypeError(f"fun must be callable, got {type(fun).__name__}")
    return found


class _Heights:
    """fun at an array of points, NaN where it has no finite value; `last` says what it raised last."""

    def __init__(self, fun, jac):
        self.value, self.last = (lambda x: float(fun(x)[0])) if jac is True else (lambda x: _number(fun(x))), ""

    def _at(self, x):
        try:
            value = self.value(x.copy())
        except DOMAIN_ERRORS as error:
            self.last = f"; it raised {type(error).__name__}: {error}"
            return np.nan
        return value if np.isfinite(value) else np.nan

    def __call__(self, points):
        with np.errstate(all="ignore"):
            flat = [self._at(x) for x in points.reshape(-1, 2)]
        return np.array(flat).reshape(points.shape[:-1])


def _limits(found, heights):
    """Corners around the points without the ends of paths that diverge, see `plot_trajectory`."""
    finite = [points[np.isfinite(points).all(axis=1)] for points in found.values()]
    low = np.concatenate([points[_not_above_start(heights(points))] for points in finite])
    extent = np.ptp(low, axis=0).max()
    if extent == 0:
        extent = min((np.abs(points[1] - points[0]).max() for points in finite if len(points) > 1), default=0.0)
    near = np.concatenate([points[np.abs(points - points[0]).max(axis=1) <= 3 * extent] for points in finite])
    margin = 0.15 * np.maximum(np.ptp(near, axis=0), 1e-3 * np.maximum(1.0, np.abs(near).max(axis=0)))
    return near.min(axis=0) - margin, near.max(axis=0) + margin


def _not_above_start(values):
    found = values <= values[0]
    found[0] = True
    return found


def _box(bounds):
    box = np.asarray(bounds, dtype=np.float64)
    if box.shape != (2, 2) or not (box[:, 0] < box[:, 1]).all() or not np.isfinite(box).all():
        raise ValueError(f"bounds must be ((low, high), (low, high)) with low < high, got {bounds!r}")
    return box.T
