"""Schedules as the documentation of Keras, optax, scikit-learn and the papers states them: the oracle of the tests.

Functions (step, **the source's own parameters) -> rate; `OURS` says which call of ours each of them is.
"""

import math


def keras_piecewise_constant_decay(step, *, boundaries, values):
    """values[0] if step <= boundaries[0], values[1] if boundaries[0] < step <= boundaries[1], ..."""
    for boundary, value in zip(boundaries, values):
        if step <= boundary:
            return value
    return values[-1]


def keras_exponential_decay(step, *, initial_learning_rate, decay_steps, decay_rate, staircase=False):
    p = step / decay_steps
    return initial_learning_rate * decay_rate ** (math.floor(p) if staircase else p)


def keras_inverse_time_decay(step, *, initial_learning_rate, decay_steps, decay_rate, staircase=False):
    p = step / decay_steps
    return initial_learning_rate / (1 + decay_rate * (math.floor(p) if staircase else p))


def keras_polynomial_decay(step, *, initial_learning_rate, decay_steps, end_learning_rate=1e-4, power=1.0, cycle=False):
    if cycle:
        decay_steps = decay_steps * (1 if step == 0 else math.ceil(step / decay_steps))
    else:
        step = min(step, decay_steps)
    return (initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ** power + end_learning_rate


def keras_cosine_decay(step, *, initial_learning_rate, decay_steps, alpha=0.0, warmup_target=None, warmup_steps=0):
    if warmup_target is not None and step < warmup_steps:
        return initial_learning_rate + (warmup_target - initial_learning_rate) * step / warmup_steps
    top = initial_learning_rate if warmup_target is None else warmup_target
    step = min(step - warmup_steps if warmup_target is not None else step, decay_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * step / decay_steps))
    return top * ((1 - alpha) * cosine + alpha)


def keras_cosine_decay_restarts(step, *, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0):
    part, height, length = step, 1.0, first_decay_steps
    while part >= length:
        part, height, length = part - length, height * m_mul, length * t_mul
    cosine = 0.5 * height * (1 + math.cos(math.pi * part / length))
    return initial_learning_rate * ((1 - alpha) * cosine + alpha)


def optax_linear_schedule(step, *, init_value, end_value, transition_steps):
    fraction = 1 - min(max(step, 0), transition_steps) / transition_steps
    return (init_value - end_value) * fraction + end_value


def optax_cosine_decay_schedule(step, *, init_value, decay_steps, alpha=0.0, exponent=1.0):
    decay = 0.5 * (1 + math.cos(math.pi * min(step, decay_steps) / decay_steps))
    return init_value * ((1 - alpha) * decay**exponent + alpha)


def optax_warmup_cosine_decay_schedule(step, *, init_value, peak_value, warmup_steps, decay_steps, end_value=0.0):
    """The steps of the decay count those of the warm-up."""
    if step < warmup_steps:
        return optax_linear_schedule(step, init_value=init_value, end_value=peak_value, transition_steps=warmup_steps)
    return optax_cosine_decay_schedule(
        step - warmup_steps, init_value=peak_value, decay_steps=decay_steps - warmup_steps, alpha=end_value / peak_value
    )


def sklearn_invscaling(step, *, eta0, power_t):
    """eta0 / pow(t, power_t), t from 1."""
    return eta0 / pow(step + 1, power_t)


def sklearn_optimal(step, *, alpha):
    """1 / (alpha * (t0 + t - 1)), t from 1; t0 from the first rate of SGDClassifier for a gradient of at most 1."""
    typw = math.sqrt(1 / math.sqrt(alpha))
    t0 = 1 / (typw * alpha)
    return 1 / (alpha * (t0 + (step + 1) - 1))


def pegasos(step, *, lam):
    return 1 / (lam * (step + 1))


def noam(step, *, d_model, warmup_steps):
    """d_model^-0.5 min(step_num^-0.5, step_num warmup_steps^-1.5), step_num from 1."""
    n = step + 1
    return d_model**-0.5 * min(n**-0.5, n * warmup_steps**-1.5)


def wsd(step, *, peak, warmup, stable, decay, floor, shape):
    """Three pieces: a line from 0, a constant, a fall to the part `floor` of the peak."""
    if step < warmup:
        return peak * step / warmup
    if step < warmup + stable:
        return peak
    u = min(1, (step - warmup - stable) / decay)
    fall = {"1-sqrt": 1 - math.sqrt(u), "linear": 1 - u, "cosine": (1 + math.cos(math.pi * u)) / 2}[shape]
    return peak * floor + peak * (1 - floor) * fall
