"""The passes over dense rows beside the machine's read bandwidth and NumPy: python benchmarks/passes.py [--quick]

Tables: value and gradient of the logistic loss from one read of X; the weighted Gram matrix; ten outputs;
small problems and Cholesky. Everything is timed in turns in one process, medians; the best NumPy variant counts.
"""

import argparse
import time

import numpy as np
import scipy.linalg
import scipy.special
from threadpoolctl import ThreadpoolController

from fastopt import _kernels

PASSES = ((1_000_000, 10), (1_000_000, 20), (1_000_000, 30), (200_000, 100), (100_000, 784))
GRAMS = ((100_000, 30), (100_000, 100), (100_000, 300), (10_000, 1000))
OUTPUTS = ((1797, 64), (10_000, 784))
SMALL = ((150, 4), (569, 30), (1797, 64))
FACTORS = (31, 100, 300, 1000)
DTYPES = ("float32", "float64")
CONTROLLER = ThreadpoolController()


def medians(calls, seconds):
    """Median seconds of each call; turns A B C A B C, at least 5.

    A call is a function, or what `blas` made of one. Before a call is timed it runs once: it then meets
    neither another library's cache lines nor its spinning threads.
    """
    taken = [[] for _ in calls]
    end = time.perf_counter() + seconds * len(calls) / 2
    while len(taken[0]) < 5 or (time.perf_counter() < end and len(taken[0]) < 400):
        for times, call in zip(taken, calls, strict=True):
            threads, call = call if isinstance(call, tuple) else (None, call)
            with CONTROLLER.limit(limits=threads, user_api="blas"):
                call()
                start = time.perf_counter()
                call()
                times.append(time.perf_counter() - start)
    return [float(np.median(times)) for times in taken]


def blas(call, threads):
    """The call with this many BLAS threads."""
    return threads, call


def problem(n, p, dtype, k=1):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p), dtype=np.float32).astype(dtype, copy=False)
    y = (rng.random((n, k)) < 0.5).astype(dtype)
    coef = rng.standard_normal((k, p)) / np.sqrt(p)
    return X, y, coef


def handle(X, y, k=1):
    dtype = X.dtype
    rows = _kernels.table.linear[dtype].Rows(X, target=y.ravel(), k=k)
    rows.set_loss(_kernels.table.pointwise[dtype].address("logistic"), np.zeros(1), False)
    return rows


def reference(X, y, coef):
    """Two products, logaddexp and expit."""
    w, y = coef[0].astype(X.dtype), y.ravel()

    def call():
        z = X @ w
        value = float((np.logaddexp(0, z) - y * z).sum())
        r = scipy.special.expit(z, out=z)
        r -= y
        return value, X.T @ r, r.sum()

    return call


def pass_row(n, p, dtype, seconds):
    X, y, coef = problem(n, p, dtype)
    rows = handle(X, y)
    b, g, s = np.zeros(1), np.empty((1, p)), np.empty(1)
    plain = reference(X, y, coef)
    value, gradient, _ = plain()
    out, _ = rows.value_gradient(coef, b, g, s, None, 2)
    tolerance = 2e-4 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(out, value, rtol=tolerance)
    np.testing.assert_allclose(g[0], gradient, atol=tolerance * np.abs(gradient).max())
    calls = [lambda t=t: rows.value_gradient(coef, b, g, s, None, t) for t in (1, 2)]
    calls += [lambda: rows.finite(2), lambda: rows.finite(1), blas(plain, 1), blas(plain, 2)]
    one, two, read2, read1, *numpy = medians(calls, seconds)
    size, read, best = X.nbytes / 1e9, min(read1, read2), min(numpy)
    print(
        f"{n:>7}x{p:<4} {dtype:>8} | {one * 1e3:7.2f} {two * 1e3:7.2f} {size / two:5.1f} {size / read:5.1f} "
        f"{read / two:5.0%} | {best * 1e3:8.2f} {best / two:5.1f}",
        flush=True,
    )


def passes(shapes, seconds):
    print(
        f"{'pass':>12} {'dtype':>8} | {'1T ms':>7} {'2T ms':>7} {'GB/s':>5} {'read':>5} {'share':>5} | "
        f"{'NumPy ms':>8} {'ratio':>5}"
    )
    for n, p in shapes:
        for dtype in DTYPES:
            pass_row(n, p, dtype, seconds)


def gram_row(n, p, dtype, seconds):
    X, y, _ = problem(n, p, dtype)
    h = np.random.default_rng(1).random(n).astype(dtype)
    rows, H = handle(X, y), np.empty((p + 1, p + 1))

    def syrk(X=X, h=h):
        S = X * np.sqrt(h)[:, None]
        return S.T @ S

    def product(X=X, h=h):
        return (X.T * h) @ X

    rows.gram(h, H, 2)
    expected = product()
    np.testing.assert_allclose(H[:p, :p], expected, atol=1e-4 * np.abs(expected).max())
    calls = [lambda t=t: rows.gram(h, H, t) for t in (1, 2)]
    calls += [blas(syrk, 1), blas(syrk, 2), blas(product, 1), blas(product, 2)]
    one, two, *numpy = medians(calls, seconds)
    work = n * p * p / 1e9
    print(
        f"{n:>7}x{p:<4} {dtype:>8} | {one * 1e3:7.2f} {two * 1e3:7.2f} {work / two:4.0f} | "
        f"{work / min(numpy[:2]):7.0f} {work / min(numpy[2:]):6.0f} {min(numpy) / two:5.2f}",
        flush=True,
    )


def grams(shapes, seconds):
    print(
        f"\n{'Gram':>12} {'dtype':>8} | {'1T ms':>7} {'2T ms':>7} {'GF':>4} | {'syrk GF':>7} {'XhX GF':>6} {'ratio':>5}"
    )
    for n, p in shapes:
        for dtype in DTYPES:
            gram_row(n, p, dtype, seconds)


def outputs_row(n, p, dtype, seconds, k):
    X, y, coef = problem(n, p, dtype, k)
    rows, Z = handle(X, y, k), np.empty((n, k), dtype)
    b, g, s, W = np.zeros(k), np.empty((k, p)), np.empty(k), coef.astype(dtype)
    rows.decision(coef, None, Z, 2)
    np.testing.assert_allclose(Z, X @ W.T, atol=1e-3)

    def numpy(X=X, W=W, y=y):
        return X @ W.T, y.T @ X

    calls = [lambda: rows.decision(coef, None, Z, 1), lambda: rows.cross(Z, g, s, 1)]
    calls += [lambda t=t: rows.value_gradient(coef, b, g, s, None, t) for t in (1, 2)]
    forward, back, one, two, *plain = medians([*calls, blas(numpy, 1), blas(numpy, 2)], seconds)
    work = 2e-9 * n * p * k
    print(
        f"{n:>7}x{p:<4} {dtype:>8} | {work / forward:6.0f} {work / back:6.0f}      {one * 1e6:10.0f} "
        f"{two * 1e6:7.0f} | {min(plain) * 1e6:15.0f} {min(plain) / two:5.2f}",
        flush=True,
    )


def outputs(shapes, seconds, k=10):
    print(
        f"\n{'10 outputs':>12} {'dtype':>8} | {'XW GF':>6} {'RX GF':>6} (1T) {'pass 1T us':>10} {'2T us':>7} | "
        f"{'NumPy XW, RX us':>15} {'ratio':>5}"
    )
    for n, p in shapes:
        for dtype in DTYPES:
            outputs_row(n, p, dtype, seconds, k)


def small_row(n, p, dtype, seconds):
    X, y, coef = problem(n, p, dtype)
    rows = handle(X, y)
    b, g, s, H = np.zeros(1), np.empty((1, p)), np.empty(1), np.empty((p + 1, p + 1))

    def many(call):
        def repeated():
            for _ in range(50):
                call()

        return repeated

    calls = (
        lambda: rows.value(coef, b, None, 1),
        lambda: rows.value_gradient(coef, b, g, s, None, 1),
        lambda: rows.value_gradient_hessian(coef, b, g, s, H, None, 1),
        lambda: rows.gram(None, H, 1),
    )
    us = [t / 50 * 1e6 for t in medians([many(call) for call in calls], seconds)]
    print(f"{n:>7}x{p:<4} {dtype:>8} | {us[0]:6.1f} {us[1]:9.1f} {us[2]:8.1f} {us[3]:6.1f} |", flush=True)


def small(shapes, seconds):
    print(f"\n{'us a call':>12} {'dtype':>8} | {'value':>6} {'+gradient':>9} {'+Hessian':>8} {'Gram':>6} | 1 thread")
    for n, p in shapes:
        for dtype in DTYPES:
            small_row(n, p, dtype, seconds)


def factor_row(p, seconds):
    module = _kernels.table.linear[np.dtype("float64")]
    A = np.random.default_rng(0).standard_normal((p, p))
    A = A @ A.T + p * np.eye(p)
    L = np.empty_like(A)

    def ours(threads, A=A, L=L):
        L[...] = A
        assert module.cholesky(L, threads) == 0

    def lapack(A=A):
        scipy.linalg.lapack.dpotrf(A.T, lower=0, overwrite_a=0)

    one, two, *peer = medians([lambda: ours(1), lambda: ours(2), blas(lapack, 1), blas(lapack, 2)], seconds)
    print(f"{p:>12} | {one * 1e6:8.1f} {two * 1e6:8.1f} | {min(peer) * 1e6:9.1f} {min(peer) / one:5.2f}", flush=True)


def factors(sizes, seconds):
    print(f"\n{'Cholesky':>12} | {'1T us':>8} {'2T us':>8} | {'LAPACK us':>9} {'ratio':>5}")
    for p in sizes:
        factor_row(p, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smallest shapes, little time")
    parser.add_argument("--isa", default=None, help="instruction set level")
    parser.add_argument("tables", nargs="*", default=["passes", "grams", "outputs", "small", "factors"])
    options = parser.parse_args()
    _kernels.use(options.isa)
    seconds = 0.2 if options.quick else 2.0
    tables = {
        "passes": (passes, PASSES[3:4]),
        "grams": (grams, GRAMS[:2]),
        "outputs": (outputs, OUTPUTS[:1]),
        "small": (small, SMALL),
        "factors": (factors, FACTORS[:2]),
    }
    whole = {"passes": PASSES, "grams": GRAMS, "outputs": OUTPUTS, "small": SMALL, "factors": FACTORS}
    print(f"level {_kernels.table.name}, numpy {np.__version__}; 1T, 2T: threads")
    for name in options.tables:
        run, few = tables[name]
        run(few if options.quick else whole[name], seconds)


if __name__ == "__main__":
    main()
