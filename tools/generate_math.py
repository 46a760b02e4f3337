"""Writes src_c/fo_math_coefficients.h: the polynomials of fo_math.h, fitted with mpmath.

Run `python tools/generate_math.py` from anywhere; `--check` compares instead of writing and exits
with 1 on a difference. Each polynomial is the minimax fit (Remez exchange at 60 digits) of what is
left of exp or log behind the leading terms, weighted with the factor that multiplies it in the
function, and then rounded to the element type. The largest weighted error of the rounded polynomial
is written beside it.
"""

import argparse
import struct
import sys
from pathlib import Path

from mpmath import mp, mpf

TARGET = Path(__file__).resolve().parent.parent / "src_c" / "fo_math_coefficients.h"
DIGITS = 60
GRID = 1000


def exp_tail(r):
    """(e^r - 1 - r - r^2/2) / r^3; the square's coefficient stays 1/2, which has no rounding error."""
    if abs(r) < mpf(10) ** -8:
        return sum(r**i / mp.factorial(i + 3) for i in range(9))
    return (mp.expm1(r) - r - r**2 / 2) / r**3


def log_tail(t):
    """(2 atanh(s) / s - 2) / s^2 as a function of t = s^2."""
    if t < mpf(10) ** -14:
        return mpf(2) / 3 + 2 * t / 5 + 2 * t**2 / 7
    s = mp.sqrt(t)
    return (2 * mp.atanh(s) / s - 2) / t


MILLS_SCALE = 4  # x = 4 (1 + v) / (1 - v) takes v in [-1, 1] to x in [0, inf]; FO_MILLS_SCALE of the header


def mills(x):
    """Mills' ratio (1 - Phi(x)) / phi(x) of the normal distribution."""
    if x < 1000:
        return mp.sqrt(mp.pi / 2) * mp.exp(x**2 / 2) * mp.erfc(x / mp.sqrt(2))
    return sum((-1) ** k * mp.fac2(2 * k - 1) / x ** (2 * k + 1) for k in range(16))


def mills_part(v):
    """((x + scale) mills(x) - 1) / (1 - v)."""
    if 1 - v < mpf(10) ** -20:
        return mpf(1) / 2
    x = MILLS_SCALE * (1 + v) / (1 - v)
    return ((x + MILLS_SCALE) * mills(x) - 1) / (1 - v)


def hazard_part(v):
    """(1 - h') / (1 - v)^2 of the hazard h = 1 / mills(x), whose derivative is h (h - x)."""
    if 1 - v < mpf(10) ** -12:
        return 1 / (4 * mpf(MILLS_SCALE) ** 2)
    x = MILLS_SCALE * (1 + v) / (1 - v)
    h = 1 / mills(x)
    return (1 - h * (h - x)) / (1 - v) ** 2


def polynomials():
    """(name, function, weight, low, high, coefficients for double, for float, comment)."""
    half = mp.log(2) / 2 * mpf("1.001")
    exp = "(e^t - 1 - t - t^2/2) / t^3"
    ninth = mpf(1) / 9
    narrow = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mpf("1.001")
    mills_of_v = "((x + 4) (1 - Phi(x)) / phi(x) - 1) / (1 - t), x = 4 (1 + t) / (1 - t), |t| <= 1"
    hazard_of_v = "(1 - h') / (1 - t)^2 of h = phi(x) / (1 - Phi(x)), x = 4 (1 + t) / (1 - t), |t| <= 1"
    atanh = "(2 atanh(s)/s - 2) / s^2 in t = s^2"
    return [
        ("exp_tail", exp_tail, lambda r: abs(r) ** 3, -half, half, 9, 4, f"{exp}, |t| <= log(2)/2"),
        ("log_tail", log_tail, lambda t: t, mpf(0), narrow, 7, 3, f"{atanh}, |s| <= 3 - sqrt(8)"),
        ("mills_part", mills_part, lambda v: 1 - v, mpf(-1), mpf(1), 24, 11, mills_of_v),
        ("hazard_part", hazard_part, lambda v: (1 - v) ** 2, mpf(-1), mpf(1), 28, 12, hazard_of_v),
        ("log1p_tail", log_tail, lambda t: t, mpf(0), ninth, 10, 4, f"{atanh}, 0 <= s <= 1/3"),
    ]


def minimax(function, weight, low, high, count):
    """Coefficients, constant first, of the polynomial with the least largest weighted error.

    The reference of count + 1 points starts at Chebyshev's extrema; each round solves for the
    polynomial whose weighted error alternates there, and moves the points to the extrema found on
    a grid.
    """
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (i + mpf(1) / 3) / GRID) for i in range(GRID)]
    values, weights = [function(t) for t in grid], [weight(t) for t in grid]
    chosen = [round(i * (GRID - 1) / count) for i in range(count + 1)]
    for _ in range(30):
        matrix = mp.matrix(count + 1, count + 1)
        right = mp.matrix(count + 1, 1)
        for row, i in enumerate(chosen):
            for j in range(count):
                matrix[row, j] = grid[i] ** j
            matrix[row, count] = (-1) ** row / weights[i]
            right[row] = values[i]
        solution = mp.lu_solve(matrix, right)
        coefficients = [solution[j] for j in range(count)]
        errors = [w * (mp.polyval(coefficients[::-1], t) - v) for t, v, w in zip(grid, values, weights)]
        # the largest error of each stretch of one sign; of too many, the smaller end goes
        extrema = [0]
        for i in range(1, GRID):
            if errors[i] * errors[extrema[-1]] < 0:
                extrema.append(i)
            elif abs(errors[i]) > abs(errors[extrema[-1]]):
                extrema[-1] = i
        while len(extrema) > count + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        if len(extrema) < count + 1:
            raise ArithmeticError(f"the error alternates {len(extrema)} times, {count + 1} expected")
        if extrema == chosen:
            return coefficients
        chosen = extrema
    raise ArithmeticError("the exchange did not settle")


def rounded(value, single):
    """The nearest element of the type, as a Python float."""
    value = float(value)
    return struct.unpack("f", struct.pack("f", value))[0] if single else value


def fit(function, weight, low, high, count, single):
    """Rounded coefficients, constant first, and their largest weighted error."""
    coefficients = [rounded(c, single) for c in minimax(function, weight, low, high, count)]
    points = [low + (high - low) * i / 400 for i in range(401)]
    exact = [mpf(c) for c in reversed(coefficients)]
    return coefficients, max(abs(weight(t) * (mp.polyval(exact, t) - function(t))) for t in points)


def literal(value, single):
    return value.hex() + ("f" if single else "")


def polynomial(coefficients, real, single):
    """The body of a function: Horner's rule, in double as two overlapping chains of even and odd powers."""
    step = 1 if single else 2
    names = "p" if single else "pq"
    starts = [f"{n} = {literal(c, single)}" for n, c in zip(names, reversed(coefficients))]
    lines = [f"    {real} {', '.join(([] if single else ['u = t * t']) + starts)};"]
    for i, c in enumerate(reversed(coefficients[:-step])):
        name = names[i % step]
        lines.append(f"    {name} = {name} * {'t' if single else 'u'} + {literal(c, single)};")
    if single:
        return [*lines, "    return p;"]
    odd, even = ("q", "p") if len(coefficients) % 2 else ("p", "q")
    return [*lines, f"    return {odd} * t + {even};"]


def constants():
    """The two parts of log(2) (the product of the first with any exponent is exact) and 1/log(2)."""
    lines = []
    for single, suffix, bits in ((False, "F64", 32), (True, "F32", 10)):
        high = mp.floor(mp.log(2) * 2**bits) / mpf(2) ** bits
        values = (
            ("FO_LN2_HIGH", high),
            ("FO_LN2_LOW", mp.log(2) - high),
            ("FO_LOG2E", 1 / mp.log(2)),
        )
        lines += [f"#define {name}_{suffix} {literal(rounded(v, single), single)}" for name, v in values]
    return lines


def text():
    mp.dps = DIGITS
    out = [
        "/* Polynomials of fo_math.h. Written by tools/generate_math.py; do not edit. */",
        "#ifndef FO_MATH_COEFFICIENTS_H",
        "#define FO_MATH_COEFFICIENTS_H",
        '#include "fo_real.h"',
        "",
        *constants(),
    ]
    for name, function, weight, low, high, double_count, single_count, comment in polynomials():
        for single, suffix, real, count in ((0, "f64", "double", double_count), (1, "f32", "float", single_count)):
            coefficients, error = fit(function, weight, low, high, count, single)
            out += [
                "",
                f"/* {comment}; error {mp.nstr(error, 2)} */",
                f"FO_INLINE {real} fo_{name}_{suffix}({real} t)",
                "{",
                *polynomial(coefficients, real, single),
                "}",
            ]
    out += ["#endif", ""]
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    new = text()
    if parser.parse_args().check:
        same = TARGET.exists() and TARGET.read_text() == new
        print(f"{TARGET.name} {'is up to date' if same else 'differs'}")
        return 0 if same else 1
    TARGET.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
