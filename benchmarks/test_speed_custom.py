"""Losses of users: a Python function against itself, a C function against a compiled loop over the same pointer."""

import ctypes
import shutil
import subprocess
import time

import numpy as np
import pytest
from harness import ALLOWED, OURS, Entry

import fastopt
from fastopt import losses

# One element of a built-in loss as a function pointer, and a loop that calls any such function.
SOURCE = r"""
#define FO_SINGLE 0
#include "fo_losses.h"
double element(double y, double z, double *gradient, double *hessian, void *data)
{
    FO(point) o = FO(pseudo_huber)(y, z, (const double *)data);
    *gradient = o.gradient;
    *hessian = o.hessian;
    return o.value;
}
double loop(ptrdiff_t n, const double *y, const double *z, double *gradient, void *data,
            double (*f)(double, double, double *, double *, void *))
{
    double sum = 0.0, h;
    for (ptrdiff_t i = 0; i < n; i++)
        sum += f(y[i], z[i], gradient + i, &h, data);
    return sum;
}
"""


def pseudo_huber(y, z):
    r = z - y
    q = np.sqrt(1 + r * r)
    return r * r / (1 + q), r / q


def problem(n):
    rng = np.random.default_rng(0)
    return rng.normal(size=n), rng.normal(size=n) * 2


@pytest.mark.parametrize("size", ["1e2", "1e6"])
def test_python_function(size, compare):
    """The function makes arrays of its own; at 1e2 the yardstick is the function and a wait of 3 us."""
    y, z = problem(int(float(size)))
    loss, out, exact = losses.from_function(pseudo_huber, check=False), np.empty_like(y), losses.PseudoHuber()
    truth = exact.value_gradient(y, z, reduction="sum")
    entries = {
        OURS: Entry(lambda: loss.value_gradient(y, z, reduction="sum", n_threads=1, gradient_out=out)),
        "the function": Entry(lambda: pseudo_huber(y, z), answer=lambda a: (a[0].sum(), a[1])),
    }

    def later():
        pseudo_huber(y, z)
        end = time.perf_counter_ns() + 3000
        while time.perf_counter_ns() < end:
            pass

    def check(label, answer):
        np.testing.assert_allclose(answer[0], truth[0], rtol=1e-10, err_msg=label)
        np.testing.assert_allclose(answer[1], truth[1], rtol=1e-12, atol=1e-15, err_msg=label)

    if size == "1e2":
        entries[ALLOWED] = Entry(later, answer=None)
    compare(kind="custom", name="python function", dtype="float64", size=size, n_threads=1, entries=entries,
            check=check, value=truth[0])  # fmt: skip


def test_c_function(tmp_path, compare):
    """gcc's default level, which is fastopt's base; both call the same address."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no gcc or clang to compile the loss")
    (tmp_path / "loss.c").write_text(SOURCE)
    command = [compiler, "-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd", "-shared"]
    command += ["-fPIC", "-I", fastopt.get_include(), str(tmp_path / "loss.c"), "-o", str(tmp_path / "loss.so"), "-lm"]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(tmp_path / "loss.so"))
    real, array = ctypes.c_double, ctypes.c_void_p
    element, loop = library.element, library.loop
    element.restype, element.argtypes = real, [real, real, ctypes.POINTER(real), ctypes.POINTER(real), ctypes.c_void_p]
    loop.restype, loop.argtypes = real, [ctypes.c_ssize_t, array, array, array, ctypes.c_void_p, ctypes.c_void_p]
    n, delta = 10**6, (real * 1)(1.0)
    y, z = problem(n)
    loss = losses.from_pointer(element, user_data=delta, check=False)
    out, other = np.empty(n), np.empty(n)
    truth = losses.PseudoHuber().value_gradient(y, z, reduction="sum")
    call = (n, y.ctypes.data, z.ctypes.data, other.ctypes.data, ctypes.addressof(delta), ctypes.cast(element, array))
    entries = {
        OURS: Entry(lambda: loss.value_gradient(y, z, reduction="sum", n_threads=1, gradient_out=out)),
        "a loop in C": Entry(lambda: (loop(*call), other)),
    }

    def check(label, answer):
        np.testing.assert_allclose(answer[0], truth[0], rtol=1e-10, err_msg=label)
        np.testing.assert_allclose(answer[1], truth[1], rtol=1e-12, atol=1e-15, err_msg=label)

    compare(kind="custom", name="c function", dtype="float64", size="1e6", n_threads=1, entries=entries, check=check,
            value=truth[0])  # fmt: skip
