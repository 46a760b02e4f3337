"""Optimizers side by side: how fast, how exact, how sensitive to the start and the rate."""

from collections.abc import Iterable

import numpy as np

from .._axes import axes_or_new, look
from .._validation import real_number
from ..optimizers._wrapper import root_of
from ._history import plot_history
from ._rules import Stepper, at_rate, evaluated, finite, recipe_of
from ._table import table
from ._trajectory import items

COLUMNS = {
    "optimizer": "<",
    "best rate": ">",
    "excess": ">",
    "worst start": ">",
    "steps": ">",
    "starts": ">",
    "rates": ">",
    "diverged": ">",
}


class OptimizerComparison:
    """What `compare` measured.

    All excesses are relative: (objective - minimum) / (objective at the start - minimum).

    Attributes
    ----------
    names : list of str
    rates : list of float
    excess : array of shape (optimizers, rates, starts, n_steps + 1)
        After each step, the start first; inf from where value or gradient were not finite.
    minimum : float
    minimum_known : bool
        Whether it was given; else it is the lowest objective of all runs.
    target : float
        The relative excess that counts as reached.
    rows : list of dict
        One for each optimizer, see `to_dict`.
    """

    def __init__(self, names, rates, excess, minimum, minimum_known, target):
        self.names, self.rates, self.excess = names, rates, excess
        self.minimum, self.minimum_known, self.target = minimum, minimum_known, target
        reached = (excess <= target).any(axis=-1)
        first = np.where(reached, np.argmax(excess <= target, axis=-1), np.inf)
        last = excess[..., -1]
        median = np.median(last, axis=-1)
        speed = np.median(first, axis=-1)
        self.rows = []
        for i, name in enumerate(names):
            j = min(range(len(rates)), key=lambda j: (median[i, j], speed[i, j], rates[j]))
            self.rows.append(
                {
                    "optimizer": name,
                    "best_rate": rates[j],
                    "excess": float(median[i, j]),
                    "worst_start": float(last[i, j].max()),
                    "steps": float(speed[i, j]),
                    "starts": float(reached[i, j].mean()),
                    "rates": float(reached[i].all(axis=-1).mean()),
                    "diverged": float((~(last[i] <= 1.0)).mean()),
                }
            )

    def to_dict(self):
        """The rows by optimizer: dicts of

        - best_rate: the rate of the lowest median excess after the last step (then of the fewest steps)
        - excess, worst_start: that median over the starts, and the largest, at the best rate (accuracy)
        - steps: median of the steps to the target at the best rate, inf where it is not reached (speed)
        - starts: share of the starts from which the best rate reaches the target (stability)
        - rates: share of the rates that reach it from all starts
        - diverged: share of all runs that end above their start, or not finite
        """
        return {row["optimizer"]: {k: v for k, v in row.items() if k != "optimizer"} for row in self.rows}

    def __str__(self):
        cells = [
            [
                row["optimizer"],
                f"{row['best_rate']:.3g}",
                f"{row['excess']:.1e}",
                f"{row['worst_start']:.1e}",
                f"{row['steps']:.0f}" if np.isfinite(row["steps"]) else "-",
                *(f"{100 * row[name]:.0f} %" for name in ("starts", "rates", "diverged")),
            ]
            for row in self.rows
        ]
        n_starts, n_steps = self.excess.shape[2], self.excess.shape[3] - 1
        minimum = "given" if self.minimum_known else "the lowest value found"
        return "\n".join(
            [
                *table(COLUMNS, cells),
                f"{n_steps} steps from each of {n_starts} starts at {len(self.rates)} rates; minimum {self.minimum:.6g}"
                f" ({minimum}); steps, starts, rates: to a relative excess of {self.target:.0e}",
            ]
        )

    __repr__ = __str__

    def plot(self, axes=None):
        """Excess against steps at each optimizer's best rate, and the last excess against the rate.

        Lines are medians over the starts. `axes` are two matplotlib Axes, or None for a new figure; they are returned.
        """
        left, right = axes_or_new(axes, panels=2, figsize=(11, 4.5))
        floor = max(np.min(self.excess[self.excess > 0], initial=1.0), 1e-17)
        order = np.argsort(self.rates)
        for i, row in enumerate(self.rows):
            j = self.rates.index(row["best_rate"])
            # What is far above the start says only that it diverged.
            curve = np.clip(np.median(self.excess[i, j], axis=0), floor, 1e2)
            plot_history(curve, axes=left, labels=f"{row['optimizer']}, rate {row['best_rate']:.3g}", **look(i))
            ends = np.clip(np.median(self.excess[i, :, :, -1], axis=-1), floor, 1e2)[order]
            right.plot(np.array(self.rates)[order], ends, marker="o", markersize=4, label=row["optimizer"], **look(i))
        top = 10.0
        for panel in (left, right):
            panel.axhline(self.target, color="0.5", linestyle="--", linewidth=1)
            panel.set(ylim=(0.5 * floor if floor < 1 else 0.1, top))
        left.set(xlabel="step", ylabel="relative excess, median")
        right.set(xscale="log", yscale="log", xlabel="rate", ylabel="after the last step")
        right.grid(alpha=0.3)
        right.legend(fontsize=9)
        left.legend(fontsize=9)
        return left, right


def compare(
    optimizers, problem, starts=5, rates=(1e-3, 1e-2, 1e-1, 1.0), n_steps=200, seed=0, *,
    batches=None, minimum=None, target=1e-3,
):  # fmt: skip
    """Run optimizers from several starts at several rates and compare speed, accuracy and stability.

    Parameters
    ----------
    optimizers : Optimizer, wrapper, str, or several of these in a list or in a dict by label
        Recipes, wrappers of recipes or names from `fastopt.optimizers`; their `lr` is replaced by each of the rates.
    problem : object or callable
        With a method ``value_gradient(params) -> (value, gradient)`` (`LinearObjective`, ...), or a function that
        returns the same. params is one float64 array or a list of them. A ValueError or ArithmeticError, except at a
        start, is a value that is not finite.
    starts : int, or sequence of params, default=5
        A number of starts needs ``problem.initial()``, the first start; the others are that plus standard normal
        numbers.
    rates : sequence of float, default=(0.001, 0.01, 0.1, 1)
        Positive.
    n_steps : int, default=200
    seed : int, default=0
        Of the starts and of the order of the batches. The result is a function of the arguments.
    batches : sequence of problems, optional
        Steps take the gradient of one of these, in an order that is shuffled for each epoch and the same for all
        optimizers; the objective is still that of `problem`. None: all steps take the gradient of `problem`.
    minimum : float, optional
        Of the objective; None: the lowest value of all runs.
    target : float, default=1e-3
        Relative excess that counts as reached.

    Returns
    -------
    OptimizerComparison
        Printed, it is a table; `to_dict()` gives its numbers, `plot(axes=None)` the curves.

    Raises
    ------
    ValueError, TypeError
        For arguments of the wrong form; for a start whose value or gradient is not finite, or that is not above the
        minimum: without `minimum`, where no run ends lower, as with rates that are all too large.

    Notes
    -----
    An optimizer or wrapper that averages its iterates (a method `averages`) is judged by its averages. A rule that
    needs the objective's value (`PolyakSGD`) gets that of the function whose gradient it gets.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> from fastopt.plots import compare
    >>> bowl = lambda x: (float(x @ (x * [1, 25])) / 2, x * [1, 25])
    >>> both = {"plain": SGD(), "momentum": SGD(momentum=0.9)}
    >>> table = compare(both, bowl, starts=[np.array([3.0, 1.0]), np.array([-1.0, 2.0])], rates=[0.01, 0.03, 0.1],
    ...                 n_steps=150, minimum=0.0)
    >>> print(table)
    optimizer  best rate   excess  worst start  steps  starts  rates  diverged
    --------------------------------------------------------------------------
    plain           0.03  1.5e-05      2.8e-05     65   100 %   33 %      33 %
    momentum        0.01  6.7e-08      8.3e-08     36   100 %  100 %       0 %
    150 steps from each of 2 starts at 3 rates; minimum 0 (given); steps, starts, rates: to a relative excess of 1e-03
    """
    pairs = [(label, recipe_of(one)) for label, one in items(optimizers)]
    if not pairs:
        raise ValueError("optimizers is empty")
    for label, recipe in pairs:
        if "lr" not in root_of(recipe).get_params(deep=False):
            raise ValueError(f"optimizer {label!r} has no lr that the rates could replace")
    rates = [real_number("rates", rate, 0, open_low=True) for rate in np.atleast_1d(np.asarray(rates, dtype=object))]
    if not rates:
        raise ValueError("rates is empty")
    if isinstance(n_steps, bool) or not isinstance(n_steps, (int, np.integer)) or n_steps < 1:
        raise ValueError(f"n_steps must be an integer >= 1, got {n_steps!r}")
    target = real_number("target", target, 0, open_low=True)
    whole = _function("problem", problem)
    parts = None
    if batches is not None:
        if not isinstance(batches, Iterable):
            raise TypeError(f"batches must be a sequence of problems, one for each batch, got {type(batches).__name__}")
        parts = [_function("batches", one) for one in batches]
        if not parts:
            raise ValueError("batches is empty")
    rng = np.random.default_rng(seed)
    starts = _starts(problem, starts, rng)
    first = np.array([_first(whole, start, k, parts is None) for k, start in enumerate(starts)])
    order = None
    if parts is not None:
        epochs = -(-n_steps // len(parts))
        order = np.concatenate([rng.permutation(len(parts)) for _ in range(epochs)])[:n_steps]
    values = np.empty((len(pairs), len(rates), len(starts), n_steps + 1))
    for i, (_, recipe) in enumerate(pairs):
        for j, rate in enumerate(rates):
            for k, start in enumerate(starts):
                values[i, j, k] = _run(at_rate(recipe, rate), whole, parts, order, start, n_steps)
    known = minimum is not None
    minimum = real_number("minimum", minimum) if known else float(values.min())
    if not (first > minimum).all():
        k = int(np.argmin(first > minimum))
        if known:
            raise ValueError(f"the objective at start {k}, {first[k]:.10g}, is not above the minimum, {minimum:.10g}")
        raise ValueError(
            f"no run went below the objective at start {k}, which is {first[k]:.10g}, so there is nothing to compare"
            " by: try smaller rates or other starts, or give minimum="
        )
    excess = (values - minimum) / (first - minimum)[:, None]
    if known and excess.min() < -1e-9:
        raise ValueError(f"minimum is {minimum:.10g}, but a run reached {values.min():.10g}")
    return OptimizerComparison([n for n, _ in pairs], rates, np.maximum(excess, 0.0), minimum, known, target)


def _function(name, problem):
    function = getattr(problem, "value_gradient", problem)
    if not callable(function):
        raise TypeError(f"{name} must be callable or have a method value_gradient, got {type(problem).__name__}")
    return function


def _copy(params):
    if isinstance(params, (list, tuple)):
        return [np.array(a, dtype=np.float64) for a in params]
    return np.array(params, dtype=np.float64)


def _starts(problem, starts, rng):
    if isinstance(starts, (int, np.integer)) and not isinstance(starts, bool):
        if starts < 1:
            raise ValueError(f"starts must be at least 1, got {starts}")
        if not hasattr(problem, "initial"):
            raise ValueError("a number of starts needs problem.initial(); give the starts themselves")
        first = _copy(problem.initial())
        made = [first]
        for _ in range(starts - 1):
            if isinstance(first, list):
                made.append([a + rng.normal(size=a.shape) for a in first])
            else:
                made.append(first + rng.normal(size=first.shape))
        return made
    if not isinstance(starts, (list, tuple, np.ndarray)) or not len(starts):
        raise TypeError(f"starts must be a number or a sequence of parameters, got {starts!r}")
    return [_copy(start) for start in starts]


def _first(whole, start, k, steps):
    """The objective at a start, which has to be finite, and its gradient too where `steps` take it."""
    with np.errstate(all="ignore"):
        value, gradient = evaluated(whole, _copy(start), "problem", first=True)
    if not np.isfinite(value):
        raise ValueError(f"the objective is {value} at start {k}")
    if steps and not finite(gradient):
        raise ValueError(f"the gradient is not finite at start {k}")
    return value


def _run(recipe, whole, parts, order, start, n_steps):
    """Objective after each step; inf from where it, or a gradient, is not finite."""
    params = _copy(start)
    stepper = Stepper(recipe, params)
    averages = getattr(stepper.bound, "averages", None)
    values = np.full(n_steps + 1, np.inf)
    with np.errstate(all="ignore"):
        for step in range(n_steps + 1):
            point = evaluated(whole, params, "problem")
            value = point[0]
            if averages is not None and step:
                value = evaluated(whole, averages(), "problem")[0]
            if not np.isfinite(value):
                break
            values[step] = value
            if step == n_steps:
                break
            function, name = whole, "problem"
            if parts is not None:
                function, name = parts[order[step]], "batches"
                point = evaluated(function, params, name)
            if not stepper.step(function, name, point):
                break
    return values
