"""The learning-rate range test."""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from .._axes import axes_or_new
from . import _checks
from ._wrapper import root_of, step_by


class LearningRates:
    """What `find_lr` saw.

    Attributes
    ----------
    rates, losses, smoothed : arrays of (n,)
        The rates tried, the loss at each before its step, and their smoothed mean.
    suggestion : float
        The rate where the smoothed loss falls most steeply over log(rate), of those from where it has made a third of
        its way down to its minimum for good (before, noise of the batches is steeper); NaN where it never falls.
    minimum : float
        The rate of the smallest smoothed loss, where training no longer gains; a tenth of it is another usual choice.
    maximize : bool
        Whether the optimizer maximises: above, the smallest loss is then the largest, and it rises instead of falling.
    stopped : str
        "end", "diverged" or "not finite".
    """

    def __init__(self, rates, losses, smoothed, stopped, maximize=False):
        self.rates, self.losses, self.smoothed, self.stopped, self.maximize = rates, losses, smoothed, stopped, maximize
        self.minimum = self.suggestion = math.nan
        if len(rates):
            level = -smoothed if maximize else smoothed
            best = int(np.argmin(level))
            self.minimum = float(rates[best])
            level = level[: best + 1]
            start = np.median(level[: 1 + len(level) // 10])
            fall = start - level[-1]
            if best >= 2 and 0 < fall < math.inf:
                first = int(np.flatnonzero(level >= start - fall / 3)[-1])
                slopes = np.gradient(level, np.log(rates[: best + 1]))[first:]
                self.suggestion = float(rates[first + int(np.argmin(slopes))])

    def __repr__(self):
        return (
            f"LearningRates(suggestion={self.suggestion:.2g}, minimum={self.minimum:.2g}, {len(self.rates)} rates, "
            f"stopped={self.stopped!r})"
        )

    def plot(self, axes=None):
        """Draw the losses over the rates with matplotlib; the axes."""
        axes = axes_or_new(axes)
        axes.plot(self.rates, self.losses, color="0.75", label="loss")
        axes.plot(self.rates, self.smoothed, label="smoothed")
        if math.isfinite(self.suggestion):
            axes.axvline(self.suggestion, color="C1", linestyle="--", label=f"suggestion {self.suggestion:.2g}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        axes.legend()
        return axes


def find_lr(optimizer, function, batches=None, *, low=1e-7, high=10.0, n_steps=100, smoothing=0.9, divergence=4.0):
    r"""The learning-rate range test: one run whose rate grows from step to step, and what the loss made of it.

    The rate of step i of n is :math:`\mathrm{low} (\mathrm{high} / \mathrm{low})^{i / (n - 1)}`. The losses are
    smoothed by an exponential mean with bias correction. The test ends where the smoothed loss m is above the first one
    and :math:`m - b > (\mathrm{divergence} - 1) \max(|b|, m_0 - b)`, b the smallest and :math:`m_0` the first; where a
    loss or a parameter is no longer finite; or at `high`. Where the optimizer maximises, all this is of -loss.
    Parameters and the optimizer's state, options and schedules are then as before, also where the function raises.

    Parameters
    ----------
    optimizer : Optimizer or wrapper
        With parameters. Groups with a rate of their own get the rate of the test too.
    function : callable
        ``function()``, or ``function(batch)`` with batches, gives (loss, gradients) at the parameters of now. With `SAM`
        it is called twice a step; a loss that the optimizer needs (`PolyakSGD`) is handed on.
    batches : iterable or None, default=None
        A list, or an iterable that can be iterated anew, is gone through again and again; an iterator until it ends.
    low, high : float, default=1e-7, 10
        0 < low < high.
    n_steps : int, default=100
        >= 3.
    smoothing : float, default=0.9
        In [0, 1): the weight of the mean so far.
    divergence : float, default=4
        > 1.

    Returns
    -------
    LearningRates
        rates, losses, smoothed, suggestion, minimum, stopped, plot().

    Notes
    -----
    Smith, Cyclical learning rates for training neural networks (2017). A suggestion is for this point of training and
    this size of batches; use a tenth to a third of it where the noise is large.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> w = np.array([1.0, -2.0])
    >>> found = find_lr(SGD(w), lambda: (float(w @ w), 2 * w), low=1e-4, high=10.0, smoothing=0.0)
    >>> w, found.stopped, bool(0.01 < found.suggestion < 1)
    (array([ 1., -2.]), 'diverged', True)
    """
    root = root_of(optimizer)
    if not hasattr(root, "_bound"):
        raise TypeError(f"optimizer must be an Optimizer with parameters, got {type(optimizer).__name__}")
    optimizer._bound()
    if not callable(function):
        raise TypeError(f"function must be a function that gives (loss, gradients), got {type(function).__name__}")
    for name, value in (("low", low), ("high", high), ("divergence", divergence)):
        _checks.number(name, value, 0)
    _checks.positive("low", low, "rates grow by a factor")
    if not low < high:
        raise ValueError(f"high must be > low, got {low!r} and {high!r}")
    _checks.count("n_steps", n_steps)
    if n_steps < 3:
        raise ValueError(f"n_steps must be >= 3, got {n_steps}")
    _checks.number("smoothing", smoothing, 0, 1)
    if not divergence > 1:
        raise ValueError(f"divergence must be > 1, got {divergence!r}")

    maximize = {bool(group.options(root._options)["maximize"]) for group in root._groups}
    if len(maximize) > 1:
        raise ValueError("some groups minimise and others maximise: no change of the loss shows which rate is good")
    maximize = maximize.pop()
    sign = -1.0 if maximize else 1.0

    params = [w for group in root._groups for w in group.params]
    kept, state, options = [w.copy() for w in params], optimizer.state_dict(), dict(root._options)
    own = [dict(group.own) for group in root._groups]
    rates, losses, smoothed, mean, stopped = [], [], [], 0.0, "end"
    source = None
    try:
        for group in root._groups:
            group.own.pop("lr", None)
        for i in range(n_steps):
            evaluate = function
            if batches is not None:
                source, batch = _next(source, batches)
                if source is None:
                    break
                evaluate = partial(function, batch)
            loss, grads = evaluate()
            loss = float(loss)
            if not math.isfinite(loss):
                stopped = "not finite"
                break
            rate = float(low) * (float(high) / float(low)) ** (i / (n_steps - 1))
            mean = smoothing * mean + (1.0 - smoothing) * loss
            smoothed.append(mean / (1.0 - smoothing ** (i + 1)))
            rates.append(rate)
            losses.append(loss)
            value, best, first = sign * smoothed[-1], min(sign * x for x in smoothed), sign * smoothed[0]
            if i and value > max(first, best) and value - best > (divergence - 1.0) * max(abs(best), first - best):
                stopped = "diverged"
                break
            root.set_params(lr=rate)
            step_by(optimizer, evaluate, (loss, grads))
            if not all(np.isfinite(w).all() for w in params):
                stopped = "not finite"
                break
    finally:
        for w, old in zip(params, kept):
            w[...] = old
        for group, had in zip(root._groups, own):
            group.own.clear()
            group.own.update(had)
        root.set_params(lr=options["lr"])
        optimizer.load_state_dict(state)
    return LearningRates(np.array(rates), np.array(losses), np.array(smoothed), stopped, maximize)


def _next(source, batches):
    """(iterator, batch), from the beginning again where an iterable ends; (None, None) at an iterator's end."""
    for _ in range(2):
        source = iter(batches) if source is None else source
        for batch in source:
            return source, batch
        if isinstance(batches, Iterator):
            return None, None
        source = None
    raise ValueError("batches is empty")
