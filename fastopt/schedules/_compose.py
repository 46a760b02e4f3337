"""Rates made of others: warm-up, one after another, products; and the two warm-ups that have names."""

from bisect import bisect_right

from ._base import Schedule, at, choice, count, flag, increasing, member, members, real
from ._cycles import half_cosine


class Warmup(Schedule):
    """A linear rise before another schedule.

    f(step) = c * schedule(0) while step < warmup_steps, with c = start_factor + (1 - start_factor) * step /
    warmup_steps, then schedule(step - warmup_steps): optax' warmup_*_schedule and Keras' CosineDecay with a warm-up,
    where the rise goes from start_factor * schedule(0). delay=False: f(step) = min(c, 1) * schedule(step).

    Parameters
    ----------
    schedule : float or callable
        What follows.
    warmup_steps : int
        >= 0.
    start_factor : float, default=0.0
        In [0, 1].
    delay : bool, default=True
        The schedule begins after the rise.

    Examples
    --------
    >>> from fastopt.schedules import Step
    >>> f = Warmup(Step(1.0, step_size=2, gamma=0.5), warmup_steps=4)
    >>> [f(step) for step in range(8)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.5]
    """

    def __init__(self, schedule, warmup_steps, start_factor=0.0, delay=True):
        member("Warmup", "schedule", schedule)
        count("Warmup", "warmup_steps", warmup_steps, 0)
        real("Warmup", "start_factor", start_factor, 0, 1)
        flag("Warmup", "delay", delay)
        self.schedule, self.warmup_steps, self.start_factor, self.delay = schedule, warmup_steps, start_factor, delay

    def __call__(self, step):
        step, n = int(step), int(self.warmup_steps)
        if step >= n:
            return at(self.schedule, step - n if self.delay else step)
        factor = self.start_factor + (1.0 - self.start_factor) * step / n
        return factor * at(self.schedule, 0 if self.delay else step)


class Sequential(Schedule):
    """f(step) = schedules[i](step - milestones[i - 1]) where milestones[i - 1] <= step < milestones[i].

    torch.optim.lr_scheduler.SequentialLR, optax.join_schedules.

    Parameters
    ----------
    schedules : tuple or list of floats and callables
    milestones : tuple or list of ints
        One less than schedules, increasing, >= 1.

    Examples
    --------
    >>> from fastopt.schedules import Linear
    >>> f = Sequential([0.5, Linear(1.0, 1.0, 0.0, total_iters=4)], [2])
    >>> [f(step) for step in range(5)]
    [0.5, 0.5, 1.0, 0.75, 0.5]
    """

    def __init__(self, schedules, milestones):
        members("Sequential", "schedules", schedules)
        increasing("Sequential", "milestones", milestones, empty=True)
        if len(milestones) != len(schedules) - 1:
            raise ValueError(
                f"Sequential: milestones must be one less than schedules, got {len(milestones)} and {len(schedules)}"
            )
        self.schedules, self.milestones = schedules, milestones

    def __call__(self, step):
        step = int(step)
        i = bisect_right(self.milestones, step)
        return at(self.schedules[i], step - int(self.milestones[i - 1]) if i else step)


class Product(Schedule):
    """f(step) = the product of all schedules at the step.

    torch.optim.lr_scheduler.ChainedScheduler of schedulers that multiply the rate, where one of them here has the rate
    and the others lr=1.

    Parameters
    ----------
    schedules : tuple or list of floats and callables

    Examples
    --------
    >>> from fastopt.schedules import Exponential, Step
    >>> f = Product([Step(0.5, step_size=2, gamma=0.5), Exponential(1.0, gamma=0.5)])
    >>> [f(step) for step in range(3)]
    [0.5, 0.25, 0.0625]
    """

    def __init__(self, schedules):
        members("Product", "schedules", schedules)
        self.schedules = schedules

    def __call__(self, step):
        value = 1.0
        for one in self.schedules:
            value *= at(one, step)
        return value


class WSD(Schedule):
    """Warm-up, stable, decay: a rise from 0 to lr, lr, and a fall to end_factor * lr.

    With w, s, d the steps of the three: f(step) = lr * step / w for step < w; lr for step < w + s; then
    lr * (end_factor + (1 - end_factor) * c(u)), u = min((step - w - s) / d, 1), where c is 1 - sqrt(u) ("1-sqrt"),
    1 - u ("linear") or (1 + cos(pi * u)) / 2 ("cosine").

    Parameters
    ----------
    lr : float
        >= 0.
    warmup_steps, stable_steps : int
        >= 0.
    decay_steps : int
        >= 1.
    end_factor : float, default=0.0
        In [0, 1].
    decay : {"1-sqrt", "linear", "cosine"}, default="1-sqrt"

    Notes
    -----
    Hu et al., MiniCPM (2024); the root: Hägele et al., Scaling laws and compute-optimal training beyond fixed training
    durations (2024).

    Examples
    --------
    >>> f = WSD(1.0, warmup_steps=2, stable_steps=3, decay_steps=4)
    >>> [f(step) for step in (0, 1, 2, 5, 6, 9)]
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(self, lr, warmup_steps, stable_steps, decay_steps, end_factor=0.0, decay="1-sqrt"):
        real("WSD", "lr", lr)
        count("WSD", "warmup_steps", warmup_steps, 0)
        count("WSD", "stable_steps", stable_steps, 0)
        count("WSD", "decay_steps", decay_steps)
        real("WSD", "end_factor", end_factor, 0, 1)
        choice("WSD", "decay", decay, ("1-sqrt", "linear", "cosine"))
        self.lr, self.warmup_steps, self.stable_steps, self.decay_steps = lr, warmup_steps, stable_steps, decay_steps
        self.end_factor, self.decay = end_factor, decay

    def __call__(self, step):
        step, lr = int(step), float(self.lr)
        if step < self.warmup_steps:
            return lr * step / int(self.warmup_steps)
        step -= int(self.warmup_steps) + int(self.stable_steps)
        u = min(max(step, 0) / int(self.decay_steps), 1.0)
        height = half_cosine(u) if self.decay == "cosine" else 1.0 - (u if self.decay == "linear" else u**0.5)
        return lr * (self.end_factor + (1.0 - self.end_factor) * height)


class Noam(Schedule):
    """f(step) = lr / sqrt(d_model) * min(t ** -0.5, t * warmup_steps ** -1.5) with t = step + 1.

    Parameters
    ----------
    d_model : int
        Width of the model, >= 1.
    warmup_steps : int, default=4000
        >= 1.
    lr : float, default=1.0
        Factor, >= 0.

    Notes
    -----
    Vaswani et al., Attention is all you need (2017).

    Examples
    --------
    >>> f = Noam(d_model=4, warmup_steps=100)
    >>> round(f(0), 12), round(f(99), 12), round(f(399), 12)
    (0.0005, 0.05, 0.025)
    """

    def __init__(self, d_model, warmup_steps=4000, lr=1.0):
        count("Noam", "d_model", d_model)
        count("Noam", "warmup_steps", warmup_steps)
        real("Noam", "lr", lr)
        self.d_model, self.warmup_steps, self.lr = d_model, warmup_steps, lr

    def __call__(self, step):
        t, n = float(int(step) + 1), float(self.warmup_steps)
        return float(self.lr) * float(self.d_model) ** -0.5 * min(t**-0.5, t * n**-1.5)
