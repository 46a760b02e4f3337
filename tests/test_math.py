"""The functions of src_c/fo_math.h against mpmath, at every instruction set level."""

import functools
import platform
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from mpmath import mp, mpf

from fastopt import _kernels

DTYPES = ("float64", "float32")
MAX_ULP = 2.0
# Not among the functions that fo_math.h promises 2 ulp of: a polynomial of degree 23 where its terms add up.
INTERNAL = {"mills": 3.5}
PARTS = ("minor", "log1p_exp", "step", "signed_minor")
PRECISION = 200
# As in setup.py.
FLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Werror"]
AVX2 = ["-mavx2", "-mfma"]
AVX512 = [*AVX2, "-mavx512f", "-mavx512cd", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"]
X86 = {"base": ("xmm", []), "avx2": ("ymm", AVX2), "avx512": ("zmm", AVX512)}


def minor(x):
    e = mp.exp(-abs(x))
    return e / (1 + e)


def mills(x):
    x = abs(x)
    if x > 1e4:  # beyond, erfc needs too many digits
        return sum((-1) ** k * mp.fac2(2 * k - 1) / x ** (2 * k + 1) for k in range(8))
    return mp.sqrt(mp.pi / 2) * mp.exp(x * x / 2) * mp.erfc(x / mp.sqrt(2))


# name -> (definition, an interval of ordinary arguments, (argument, value) of the special points)
NAN, INF = float("nan"), float("inf")
ROSTER = {
    "exp": (mp.exp, (-5, 5), [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (-1e30, 0.0), (1e30, INF)]),
    "exp_minus_abs": (lambda x: mp.exp(-abs(x)), (-5, 5), [(0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 0.0)]),
    "expm1": (mp.expm1, (-3, 3), [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (-1e30, -1.0), (1e30, INF)]),
    "log": (mp.log, (0.25, 4), [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-1.0, NAN), (-INF, NAN)]),
    "log1p": (mp.log1p, (-0.9, 3), [(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (INF, INF), (-2.0, NAN), (-INF, NAN)]),
    "softplus": (lambda x: max(x, mpf(0)) + mp.log1p(mp.exp(-abs(x))), (-5, 5), [(INF, INF), (-INF, 0.0)]),
    "sigmoid": (
        lambda x: 1 / (1 + mp.exp(-x)),
        (-5, 5),
        [(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (1e30, 1.0)],
    ),
    "tanh": (mp.tanh, (-3, 3), [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (1e30, 1.0), (-1e30, -1.0)]),
    "gauss": (lambda x: mp.exp(-x * x / 2), (-5, 5), [(0.0, 1.0), (INF, 0.0), (-INF, 0.0), (1e30, 0.0)]),
    "mills": (mills, (-5, 5), [(INF, 0.0), (-INF, 0.0)]),
    "minor": (minor, (-5, 5), [(0.0, 0.5), (-0.0, 0.5), (INF, 0.0), (-INF, 0.0)]),
    "log1p_exp": (lambda x: mp.log1p(mp.exp(-abs(x))), (-5, 5), [(INF, 0.0), (-INF, 0.0)]),
    "step": (lambda x: mpf(x >= 0), (-5, 5), [(0.0, 1.0), (-0.0, 1.0), (INF, 1.0), (-INF, 0.0), (NAN, 0.0)]),
    "signed_minor": (lambda x: minor(x) if x < 0 else -minor(x), (-5, 5), [(0.0, -0.5), (INF, -0.0), (-INF, 0.0)]),
}


def evaluate(name, x):
    module = _kernels.table.elementary[x.dtype]
    if name in PARTS:
        out = np.empty((len(PARTS), len(x)), x.dtype)
        module.logistic_parts(x, out)
        return out[PARTS.index(name)]
    out = np.empty_like(x)
    getattr(module, name)(x, out)
    return out


def arguments(name, dtype, count, seed):
    """Dense grids, random bit patterns and the neighbourhoods of zero, one and the ends of the range."""
    rng = np.random.default_rng(seed)
    low, high = ROSTER[name][1]
    info = np.finfo(dtype)
    size = np.dtype(dtype).itemsize
    whole = rng.integers(0, 2 ** (8 * size), count, dtype=f"u{size}").view(dtype)
    edge = np.array([info.max, info.tiny, info.smallest_subnormal, 1.0, 2.0, np.sqrt(0.5), np.sqrt(2.0)], dtype)
    edge = np.concatenate([edge, np.nextafter(edge, dtype(0)), np.nextafter(edge, dtype(3))])
    spread = np.exp(rng.uniform(np.log(float(info.tiny)) / 2, np.log(1e4), count))
    log_range = -np.log(float(info.smallest_subnormal))
    tails = np.concatenate([np.linspace(-log_range - 2, log_range + 2, count), np.log(2) / 2 * np.arange(-300, 301)])
    x = np.concatenate([np.linspace(low, high, count), spread, tails, edge, [0.0]]).astype(dtype)
    x = np.concatenate([x, -x, whole])
    x = x[np.isfinite(x)]
    if name == "log":
        x = x[x > 0]
    if name == "log1p":
        x = x[x > -1]
    return np.ascontiguousarray(x)


@functools.cache
def reference(name, dtype, count, seed):
    """Arguments, the exponent of the last place of the exact values, and the values in such units.

    A value is the sum of two floats, so that its own rounding is far below a thousandth of a unit.
    Values beyond the range carry an exponent one above the largest.
    """
    dtype = np.dtype(dtype).type
    info = np.finfo(dtype)
    x = arguments(name, dtype, count, seed)
    least, top = info.minexp - info.nmant, info.maxexp - 1 - info.nmant
    exponent, whole, part = np.empty(len(x), int), np.empty(len(x)), np.empty(len(x))
    with mp.workprec(PRECISION):
        for i, argument in enumerate(x.tolist()):
            value = ROSTER[name][0](mpf(argument))
            last = least if value == 0 else max(mp.frexp(value)[1] - 1 - info.nmant, least)
            exponent[i] = min(last, top + 1)
            units = mp.ldexp(value, -last)
            whole[i] = mp.floor(units)
            part[i] = units - mpf(whole[i])
    return x, exponent, whole, part


def errors_in_ulp(name, dtype, count, seed):
    x, exponent, whole, part = reference(name, dtype, count, seed)
    got = evaluate(name, x)
    info = np.finfo(dtype)
    top = info.maxexp - 1 - info.nmant
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(np.ldexp(got.astype(float), -np.minimum(exponent, top)) - whole - part)
    # infinite where the exact value rounds to infinity, and there alone
    rounded = np.abs(whole + part)
    overflows = (exponent > top) | ((exponent == top) & (rounded >= 2.0 ** (info.nmant + 1) - 0.5))
    with np.errstate(invalid="ignore"):
        right = np.isinf(got) & (np.sign(got) == np.sign(whole + part))
    error[overflows] = np.where(right[overflows], 0.0, np.inf)
    error[~overflows & ~np.isfinite(got)] = np.inf
    return x, error


def check(name, dtype, count, seed):
    x, error = errors_in_ulp(name, dtype, count, seed)
    worst = int(np.argmax(error))
    assert error[worst] <= INTERNAL.get(name, MAX_ULP), f"{name}({x[worst]!r}) is off by {error[worst]:.2f} ulp"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROSTER)
def test_within_two_ulp(isa, name, dtype):
    check(name, dtype, 400, 1)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROSTER)
def test_within_two_ulp_in_a_long_sweep(isa, name, dtype):
    check(name, dtype, 20000, 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROSTER)
def test_special_values(isa, name, dtype):
    # 37 copies: the vector loop and its scalar end
    for argument, value in ROSTER[name][2]:
        got = evaluate(name, np.full(37, argument, dtype))
        np.testing.assert_array_equal(got, np.full(37, value, dtype), err_msg=f"{name}({argument})")
        if value == 0:
            assert (np.signbit(got) == np.signbit(value)).all(), f"{name}({argument}) has the wrong sign of zero"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(set(ROSTER) - {"step"}))
def test_every_nan_stays_one(isa, name, dtype):
    size = np.dtype(dtype).itemsize
    quiet = np.uint64(np.array(np.nan, dtype).view(f"u{size}"))
    mantissa = np.finfo(dtype).nmant
    payloads = [0, 1, (1 << (mantissa - 1)) - 1, *(1 << k for k in range(mantissa - 1))]
    bits = np.array([int(quiet) | p | sign << (8 * size - 1) for p in payloads for sign in (0, 1)], f"u{size}")
    signalling = bits[2:] & ~np.array(1 << (mantissa - 1), f"u{size}")
    x = np.concatenate([bits, signalling]).view(dtype)
    assert np.isnan(x).all()
    assert np.isnan(evaluate(name, x)).all()


@pytest.mark.parametrize("exponent", [0.5, 0.75, 1.0, 2.0, 3.25, -1.5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_power(isa, dtype, exponent):
    info = np.finfo(dtype)
    x = arguments("log", np.dtype(dtype).type, 300, 5)
    out = np.empty_like(x)
    _kernels.table.elementary[x.dtype].power(x, out, exponent)
    with mp.workprec(PRECISION):
        exact = [mpf(a) ** mpf(exponent) for a in x.tolist()]
        for a, got, want in zip(x.tolist(), out.tolist(), exact):
            if want > float(info.max):
                assert np.isinf(got), a
            elif float(info.tiny) < want < 0.999 * float(info.max):
                assert abs(got - want) <= 3 * float(info.eps) * want, (a, got, float(want))
    assert np.isnan(_power(np.array([-1.0, np.nan], dtype), exponent)).all()


def _power(x, exponent):
    out = np.empty_like(x)
    _kernels.table.elementary[x.dtype].power(x, out, exponent)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
def test_complements(isa, dtype):
    """sigmoid(x) + sigmoid(-x) = 1 and softplus(x) - softplus(-x) = x, to a rounding; odd and even functions."""
    x = arguments("sigmoid", np.dtype(dtype).type, 500, 3)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(evaluate("sigmoid", x) + evaluate("sigmoid", -x), 1, rtol=eps)
    near = x[np.abs(x) < 50]
    difference = evaluate("softplus", near) - evaluate("softplus", -near)
    np.testing.assert_allclose(difference, near, rtol=2 * eps, atol=4 * eps)
    np.testing.assert_array_equal(evaluate("tanh", -x), -evaluate("tanh", x))
    for name in ("minor", "log1p_exp", "exp_minus_abs"):
        np.testing.assert_array_equal(evaluate(name, -x), evaluate(name, x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "softplus", "sigmoid", "tanh"])
def test_position_in_the_array_does_not_matter(isa, name, dtype):
    """The vector loop and its scalar end give the same bits."""
    x = arguments(name, np.dtype(dtype).type, 30, 4)
    whole = evaluate(name, x)
    alone = np.concatenate([evaluate(name, x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_array_equal(whole, alone)


def test_lengths_must_agree():
    module = _kernels.table.elementary[np.dtype("float64")]
    with pytest.raises(ValueError, match="x has 3 elements, out has 2"):
        module.exp(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match=r"out must have shape \(4, 3\), got \(4, 2\)"):
        module.logistic_parts(np.zeros(3), np.zeros((4, 2)))
    module.exp(np.zeros(0), np.zeros(0))


def test_coefficients_are_what_the_script_writes(checkout):
    done = subprocess.run(
        [sys.executable, checkout / "tools" / "generate_math.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c_program_agrees_and_compiles_without_warnings(checkout, tmp_path, compiler):
    """tools/math_accuracy.c, a judge that shares nothing with mpmath, at the compiler's first level."""
    if not shutil.which(compiler):
        pytest.skip(f"needs {compiler}")
    program = tmp_path / "math_accuracy"
    source = checkout / "tools" / "math_accuracy.c"
    subprocess.run([compiler, *FLAGS, f"-I{checkout / 'src_c'}", source, "-o", program, "-lm"], check=True)
    done = subprocess.run([program, "20"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names the registers of x86-64")
@pytest.mark.parametrize("level", X86)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_every_loop_vectorises(checkout, tmp_path, compiler, level):
    """The loops of tools/math_accuracy.c: packed products in the level's registers, no call, no wider register."""
    if not shutil.which(compiler) or not shutil.which("objdump"):
        pytest.skip(f"needs {compiler} and objdump")
    register, flags = X86[level]
    compiled = tmp_path / "math_accuracy.o"
    source = checkout / "tools" / "math_accuracy.c"
    subprocess.run([compiler, *FLAGS, *flags, f"-I{checkout / 'src_c'}", "-c", source, "-o", compiled], check=True)
    listing = subprocess.run(["objdump", "-d", compiled], check=True, capture_output=True, text=True).stdout
    bodies = dict(re.findall(r"^\w+ <(\w+)>:\n(.*?)(?:\n\n|\Z)", listing, re.M | re.S))
    for name in [n for n in ROSTER if n not in {"step", "signed_minor", "exp_minus_abs", "gauss", "mills"}]:
        for suffix, packed in (("f64", "pd"), ("f32", "ps")):
            body = bodies[f"{name}_{suffix}"]
            products = re.findall(rf"\tv?(?:mul|fn?m(?:add|sub)\d*){packed}\s.*{register}", body)
            assert len(products) >= 5, f"{name}_{suffix} has {len(products)} packed products"
            assert not re.search(r"\tcall", body), f"{name}_{suffix} calls a function"
            if level == "base":
                assert not re.search("[yz]mm", body)
