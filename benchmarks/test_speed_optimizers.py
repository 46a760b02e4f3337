"""One step of every rule in `fastopt.optimizers.OPTIMIZERS`."""

import numpy as np
import numpy_reference
import peers
from harness import OURS, Budget, Entry

from fastopt.optimizers import OPTIMIZERS

SIZES = {"1e4": [10**4], "1e6": [10**6], "2e7": [2 * 10**7], "20x4096": [4096] * 20}
DTYPE = "float32"


def pytest_generate_tests(metafunc):
    quick, counts = metafunc.config.getoption("--quick"), metafunc.config.thread_counts
    if "case" not in metafunc.fixturenames:
        return
    chosen = ("1e6", "20x4096") if quick else SIZES
    cases = [
        (name, rule, size, n_threads)
        for name in OPTIMIZERS
        for rule in peers.RULES.get(name, {name: {}})
        for size in chosen
        for n_threads in ([1] if size == "1e4" else counts[-1:] if quick else counts)
    ]
    metafunc.parametrize("case", cases, ids=["-".join(map(str, case[1:])) for case in cases])


def test_step(case, compare):
    name, rule, size, n_threads = case
    options = peers.RULES.get(name, {name: {}})[rule]
    rng = np.random.default_rng(0)
    params = [rng.standard_normal(n, dtype=DTYPE) for n in SIZES[size]]
    # Away from 0: there eps, which libraries place differently, would decide the step.
    grads = [(rng.uniform(0.5, 2.0, n) * rng.choice([-1.0, 1.0], n)).astype(DTYPE) for n in SIZES[size]]
    mine = [w.copy() for w in params]
    optimizer = OPTIMIZERS[name](mine, lr=1e-3, **options, n_threads=n_threads)
    reference = numpy_reference.OPTIMIZERS.get(name)
    theirs = [w.copy() for w in params]
    by_numpy = None if reference is None else reference(theirs, **options)
    more = {"value": 1.0} if optimizer._NEEDS_VALUE else {}
    candidates = {
        OURS: Entry(lambda: optimizer.step(grads, **more), lambda _: mine),
        "numpy": "no reference" if reference is None else Entry(lambda: by_numpy.step(grads), lambda _: theirs),
        "scikit-learn": peers.sklearn_optimizer(rule, params, grads),
        "torch": peers.torch_optimizer(name, options, params, grads),
        "torch fused": peers.torch_optimizer(name, options, params, grads, fused=True),
        "torch foreach": peers.torch_optimizer(name, options, params, grads, foreach=True),
    }
    entries, missing = peers.split(candidates)
    # The first step in float64, from the reference or, for a rule without one, from ours.
    wide = [w.astype(np.float64) for w in params]
    (reference or OPTIMIZERS[name])(wide, lr=1e-3, **options).step([g.astype(np.float64) for g in grads], **more)

    def check(label, arrays):
        for array, want in zip(arrays, wide, strict=True):
            np.testing.assert_allclose(array, want, rtol=1e-5, atol=1e-6, err_msg=label)

    compare(
        kind="update",
        name=rule,
        dtype=DTYPE,
        size=size,
        n_threads=n_threads,
        entries=entries,
        missing=missing,
        check=check,
        budget=Budget(seconds=0.3, rounds=7, limit=2.0) if size == "2e7" else None,
    )
