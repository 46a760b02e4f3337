"""Gradients of differentially private training: per-sample clipping, the sum, Gaussian noise."""

import math
import numbers
import secrets

import numpy as np

from .. import _kernels
from . import _checks
from ._groups import Group, collect

SCHEMA = 1
_PURPOSE = 2  # of the streams of fo_random.h


def _batch(given):
    """(arrays, rebuild, labels, n) of per-sample gradients."""
    (keys, arrays), wraps = collect(given, "", "per_sample_grads")
    labels = Group((keys, arrays), {}, wraps).labels("")
    if not arrays:
        raise ValueError("per_sample_grads is empty")
    for label, a in zip(labels, arrays):
        if not isinstance(a, np.ndarray):
            raise TypeError(f"per_sample_grads{label} must be an array of (n, *shape), got {type(a).__name__}")
        if a.dtype not in _checks.DTYPES:
            raise TypeError(f"per_sample_grads{label} must have dtype float32 or float64, got {a.dtype}")
        if a.ndim == 0 or a.shape[0] != arrays[0].shape[:1][0]:
            raise ValueError(
                f"per_sample_grads{label} has shape {a.shape}; its first axis must be the {arrays[0].shape[:1]} samples"
            )

    def rebuild(made):
        return made[0] if wraps == "array" else dict(zip(keys, made)) if wraps == "dict" else made

    arrays = [np.require(a, requirements=["C", "A"]) for a in arrays]
    return arrays, rebuild, labels, arrays[0].shape[0]


def _private(given, clip_norm, noise_multiplier, seed, step, expected_batch_size, n_threads):
    arrays, rebuild, labels, n = _batch(given)
    if n == 0 and expected_batch_size is None:
        raise ValueError("per_sample_grads has no samples; expected_batch_size says what their sum is divided by")
    n_threads = _checks.threads_for(n_threads, arrays)
    rows = [a.reshape(n, a.size // n if n else math.prod(a.shape[1:])) for a in arrays]
    squares = np.zeros(n)
    for a in rows:
        squares += _kernels.table.updates[a.dtype].row_squares(a, n_threads)
    if not np.isfinite(squares).all():
        i = int(np.flatnonzero(~np.isfinite(squares))[0])
        raise ValueError(
            f"the gradient of sample {i} is not finite, so that it cannot be clipped; nothing was released"
        )
    norms = np.sqrt(squares)
    weights = clip_norm / np.maximum(norms, clip_norm)
    made = []
    for k, (a, x) in enumerate(zip(arrays, rows)):
        total = _kernels.table.updates[x.dtype].weighted_rows(x, weights, n_threads)
        if noise_multiplier > 0:
            noise = _kernels.table.updates[np.dtype(np.float64)].add_noise
            noise(total, noise_multiplier * clip_norm, seed, _PURPOSE, k, step)
        total /= n if expected_batch_size is None else expected_batch_size
        made.append(total.astype(a.dtype).reshape(a.shape[1:]))
    return rebuild(made)


def _check(clip_norm, noise_multiplier, expected_batch_size, n_threads):
    _checks.number("clip_norm", clip_norm, 0)
    _checks.positive("clip_norm", clip_norm, "0 would leave no gradient")
    _checks.number("noise_multiplier", noise_multiplier, 0)
    if expected_batch_size is not None:
        if isinstance(expected_batch_size, bool) or not isinstance(expected_batch_size, numbers.Real):
            raise TypeError(f"expected_batch_size must be None or a number, got {expected_batch_size!r}")
        _checks.number("expected_batch_size", expected_batch_size, 0)
        _checks.positive("expected_batch_size", expected_batch_size, "the sum is divided by it")
    _checks.threads_for(n_threads, [])


def dp_gradient(
    per_sample_grads, clip_norm, noise_multiplier, *, seed, step=0, expected_batch_size=None, n_threads=None
):
    r"""The gradient of one differentially private step (DP-SGD), for any optimizer.

    .. math::
        \frac{1}{B} \left( \sum_i g_i \min\left(1, \frac{C}{\|g_i\|}\right) + \mathcal{N}(0, \sigma^2 C^2 I) \right)

    Parameters
    ----------
    per_sample_grads : array, list or dict of arrays
        (n, \*shape) for a parameter of `shape`, float32 or float64: the gradients of each sample's own loss. The norm
        of a sample is over all arrays.
    clip_norm : float
        C > 0.
    noise_multiplier : float
        :math:`\sigma` >= 0, the noise's standard deviation as a multiple of C; 0 adds none and is not private.
    seed : int
        In [0, 2^64).
    step : int, default=0
        A number that is not used twice with one seed: the noise is a function of both (`DPAggregate` counts).
    expected_batch_size : float or None, default=None
        B. None: n. Under Poisson sampling, which accountants assume, it is the expected size, and a batch may be
        empty.
    n_threads : int or None, default=None
        None: one thread until the work pays; -1: all.

    Returns
    -------
    array, list or dict of arrays
        Of `shape`, in the structure and precision of per_sample_grads; sums and noise are in float64.

    Raises
    ------
    ValueError
        A sample's gradient is not finite.

    Notes
    -----
    What epsilon and delta a number of such steps cost is not computed here: give the noise multiplier, sampling rate and
    steps to an accountant (Opacus, dp-accounting). The noise is Philox's, which is not a cryptographic generator, and
    float64, which does not defend against attacks on floating-point noise (Mironov 2012). Source: Abadi et al., Deep learning
    with differential privacy (2016); optax.contrib.differentially_private_aggregate, Opacus.

    Examples
    --------
    >>> import numpy as np
    >>> dp_gradient(np.array([[3.0, 4.0], [0.0, 0.5]]), 1.0, 0.0, seed=1)
    array([0.3 , 0.65])
    """
    _check(clip_norm, noise_multiplier, expected_batch_size, n_threads)
    _checks.seed(seed)
    _checks.count("step", step)
    if step >= 2**32:
        raise ValueError(f"step must be < 2^32, got {step}")
    return _private(per_sample_grads, float(clip_norm), float(noise_multiplier), int(seed), int(step),
                    expected_batch_size, n_threads)  # fmt: skip


class DPAggregate:
    """`dp_gradient` for a run: it counts the steps, so that no noise is used twice, and saves its state.

    Parameters
    ----------
    clip_norm, noise_multiplier, expected_batch_size, n_threads
        As for `dp_gradient`.
    seed : int or None, default=None
        None: 64 bits of the operating system's randomness. With a seed that others may learn nothing is private.

    Examples
    --------
    >>> import numpy as np
    >>> from fastopt.optimizers import SGD
    >>> rng = np.random.default_rng(0)
    >>> X, w = rng.standard_normal((100, 3)), np.zeros(3)
    >>> y = X @ [1.0, 2.0, 3.0]
    >>> opt, private = SGD(w, lr=0.5), DPAggregate(clip_norm=1.0, noise_multiplier=0.5, seed=7)
    >>> for _ in range(100):
    ...     opt.step(private((X @ w - y)[:, None] * X))
    >>> bool(np.abs(w - [1, 2, 3]).max() < 0.2)
    True
    """

    def __init__(self, clip_norm, noise_multiplier, *, seed=None, expected_batch_size=None, n_threads=None):
        _check(clip_norm, noise_multiplier, expected_batch_size, n_threads)
        if seed is not None:
            _checks.seed(seed)
        self.clip_norm, self.noise_multiplier = clip_norm, noise_multiplier
        self.expected_batch_size, self.n_threads, self.seed = expected_batch_size, n_threads, seed
        self._key, self._step = secrets.randbits(64) if seed is None else int(seed), 0

    def get_params(self, deep=True):
        """Parameters by name."""
        names = ("clip_norm", "noise_multiplier", "seed", "expected_batch_size", "n_threads")
        return {name: getattr(self, name) for name in names}

    def __repr__(self):
        shown = {k: v for k, v in self.get_params().items() if v is not None and k != "seed"}
        return f"DPAggregate({', '.join(f'{k}={v!r}' for k, v in shown.items())})"

    @property
    def n_steps(self):
        """Gradients released."""
        return self._step

    def __call__(self, per_sample_grads):
        """The private gradient of the next step."""
        made = _private(per_sample_grads, float(self.clip_norm), float(self.noise_multiplier), self._key, self._step,
                        self.expected_batch_size, self.n_threads)  # fmt: skip
        self._step += 1
        return made

    def state_dict(self):
        """A flat mapping of arrays: "schema", "seed" (keep it secret) and "step"."""
        return {
            "schema": np.array(SCHEMA),
            "seed": np.array(self._key, dtype=np.uint64),
            "step": np.array(self._step, dtype=np.int64),
        }

    def load_state_dict(self, state):
        """Go on from a `state_dict`: the same noise as without an interruption."""
        if not hasattr(state, "keys"):
            raise TypeError(f"state must be a mapping of arrays, got {type(state).__name__}")
        if set(state) != {"schema", "seed", "step"}:
            raise ValueError(f"state must have the keys schema, seed, step, got {sorted(map(str, state))}")
        if int(state["schema"]) != SCHEMA or int(state["step"]) < 0:
            raise ValueError(f"state has schema {state['schema']} and step {state['step']}")
        _checks.seed(int(state["seed"]))
        self._key, self._step = int(state["seed"]), int(state["step"])
