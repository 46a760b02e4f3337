"""One step of every rule in `fastopt.optimizers.OPTIMIZERS`."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy_rules
import peers
from harness import COPY, OURS, Budget, Entry

from fastopt.optimizers import OPTIMIZERS

SIZES = {
    "1e4": [(10**4,)],
    "1e6": [(10**6,)],
    "2e7": [(2 * 10**7,)],
    "20x4096": [(4096,)] * 20,
    "1000x64": [(64,)] * 1000,
}
# Of the rules that do something else with matrices.
MATRIX_SIZES = {"1000x1000": [(1000, 1000)], "20x64x64": [(64, 64)] * 20}
MATRIX_RULES = ("adafactor", "muon")
SMALL, MEMORY = "1000x64", "2e7"
QUICK = ("1e6", "20x4096", "20x64x64")
DTYPE = "float32"
LIKES = {"optax": "optax", "Keras": "keras"}  # entries that are compared with our step of that convention


def pytest_generate_tests(metafunc):
    quick, counts = metafunc.config.getoption("--quick"), metafunc.config.thread_counts
    if "case" not in metafunc.fixturenames:
        return
    cases = [
        (name, rule, size, n_threads)
        for name in OPTIMIZERS
        for rule in peers.RULES.get(name, {name: {}})
        for size in (MATRIX_SIZES if name in MATRIX_RULES else SIZES)
        if not quick or size in QUICK or (rule, size) == ("adam", SMALL)
        for n_threads in ([1] if size == "1e4" else counts[-1:] if quick else counts)
    ]
    metafunc.parametrize("case", cases, ids=["-".join(map(str, case[1:])) for case in cases])


def newton_schulz_flop(shapes, steps=5):
    """Of the products X X', A A and (b A + c A A) X of matrices."""
    total = 0
    for m, n in map(sorted, shapes):
        total += steps * (4 * m * m * n + 2 * m**3)
    return total


def one_copy(n, n_threads):
    """Entry for a copy of n numbers by NumPy, in as many threads."""
    source, target = np.ones(n, dtype=DTYPE), np.zeros(n, dtype=DTYPE)
    cuts = np.linspace(0, n, n_threads + 1).astype(int)
    parts = [(target[lo:hi], source[lo:hi]) for lo, hi in zip(cuts, cuts[1:])]
    if n_threads == 1:
        return Entry(lambda: np.copyto(target, source), None)
    pool = ThreadPoolExecutor(n_threads)
    return Entry(lambda: list(pool.map(np.copyto, *zip(*parts))), None)


def test_step(case, compare, quick):
    name, rule, size, n_threads = case
    options = peers.RULES.get(name, {name: {}})[rule]
    shapes = {**SIZES, **MATRIX_SIZES}[size]
    rng = np.random.default_rng(0)
    params = [rng.standard_normal(shape, dtype=DTYPE) for shape in shapes]
    # Away from 0: there eps, which libraries place differently, would decide the step.
    grads = [(rng.uniform(0.5, 2.0, s) * rng.choice([-1.0, 1.0], s)).astype(DTYPE) for s in shapes]
    mine = [w.copy() for w in params]
    optimizer = OPTIMIZERS[name](mine, lr=1e-3, **options, n_threads=n_threads)
    reference = numpy_rules.OPTIMIZERS.get(name)
    theirs = [w.copy() for w in params]
    by_numpy = None if reference is None else reference(theirs, **options)
    value = {"value": 1.0} if optimizer._NEEDS_VALUE else {}
    candidates = {
        OURS: Entry(lambda: optimizer.step(grads, **value), lambda _: mine),
        "numpy": "no reference" if reference is None else Entry(lambda: by_numpy.step(grads), lambda _: theirs),
        "scikit-learn": peers.sklearn_optimizer(rule, params, grads),
        "torch": peers.torch_optimizer(name, options, params, grads),
        "torch fused": peers.torch_optimizer(name, options, params, grads, fused=True),
        "torch foreach": peers.torch_optimizer(name, options, params, grads, foreach=True),
    }
    if name == "muon":
        candidates["torch bfloat16"] = candidates["torch"]
        candidates["torch"] = peers.torch_muon(params, grads)
    for label, make in (("optax", peers.optax_optimizer), ("Keras", peers.keras_optimizer)):
        if len(shapes) > 1 and quick:  # jax compiles for seconds where arrays are many
            candidates[label] = "not in a quick run"
        elif size == SMALL and rule != "adam":
            candidates[label] = "measured for adam"
        else:
            candidates[label] = make(rule, params, grads, n_threads)
    entries, missing = peers.split(candidates)

    def first_step(make, **more):
        """The first step in float64."""
        wide = [w.astype(np.float64) for w in params]
        make(wide, **{"lr": 1e-3, **options, **more}).step([g.astype(np.float64) for g in grads], **value)
        return wide

    # By the reference or, for a rule without one, by ours.
    wide = first_step(reference or OPTIMIZERS[name])

    def check(label, arrays):
        expected, like = wide, LIKES.get(label)
        if like in OPTIMIZERS[name]._LIKE:
            more = peers.OPTAX_OPTIONS.get(name, {}) if like == "optax" else {}
            expected = first_step(OPTIMIZERS[name], like=like, **more)
        for array, want, start in zip(arrays, expected, params, strict=True):
            if "bfloat16" in label:
                assert np.linalg.norm(array - want) < 2e-2 * np.linalg.norm(want - start), label
            else:
                np.testing.assert_allclose(array, want, rtol=1e-5, atol=1e-6, err_msg=label)

    extra = {"diagonal": not OPTIMIZERS[name]._MEASURED}
    if name == "muon":
        extra["flop"] = newton_schulz_flop(shapes)
    if size == MEMORY:
        arrays = [a for _, _, w, slots in optimizer.updates() for a in (w, *slots)]
        extra["bytes"] = sum(2 * a.nbytes for a in arrays) + sum(g.nbytes for g in grads)
        extra["copy_bytes"] = 2 * sum(g.nbytes for g in grads)
        entries[COPY] = one_copy(sum(g.size for g in grads), n_threads)
    compare(
        kind="update",
        name=rule,
        dtype=DTYPE,
        size=size,
        n_threads=n_threads,
        entries=entries,
        missing=missing,
        check=check,
        budget=Budget(seconds=0.3, rounds=7, limit=2.0) if size == MEMORY else None,
        **extra,
    )
