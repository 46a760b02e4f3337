"""Writes src_c/fo_math_coefficients.h: the polynomials of fo_math.h, fitted with mpmath.

Run `python tools/generate_math.py` from anywhere; `--check` compares instead of writing and exits
with 1 on a difference. Each polynomial is a Chebyshev fit (close to the minimax one) of an even or
odd part of exp or log at 60 digits, rounded to the element type; the largest error of the rounded
polynomial over its interval is written beside it.
"""

import argparse
import struct
import sys
from pathlib import Path

from mpmath import mp, mpf

TARGET = Path(__file__).resolve().parent.parent / "src_c" / "fo_math_coefficients.h"
DIGITS = 60


def exp_tail(r):
    """(e^r - 1 - r) / r^2."""
    if abs(r) < mpf(10) ** -8:
        return sum(r**i / mp.factorial(i + 2) for i in range(9))
    return (mp.expm1(r) - r) / r**2


def coth_tail(t):
    """(r coth(r/2) - 2) / r^2 as a function of t = r^2."""
    if t < mpf(10) ** -14:
        return mpf(1) / 6 - t / 360 + t**2 / 15120
    r = mp.sqrt(t)
    return (r * mp.coth(r / 2) - 2) / t


def log_tail(t):
    """(2 atanh(s) / s - 2) / s^2 as a function of t = s^2."""
    if t < mpf(10) ** -14:
        return mpf(2) / 3 + 2 * t / 5 + 2 * t**2 / 7
    s = mp.sqrt(t)
    return (2 * mp.atanh(s) / s - 2) / t


def log_tail_double(t):
    """log((2 + s) / (2 - s)) = s + s^3 P(s^2); P as a function of t = s^2."""
    return log_tail(t / 4) / 8


def polynomials():
    """(name, function, low, high, number of coefficients for double, for float, comment)."""
    half = mp.log(2) / 2 * mpf("1.001")
    third = mpf(4) / 9
    narrow = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mpf("1.001")
    return [
        ("exp_tail", exp_tail, -half, half, 10, 5, "(e^r - 1 - r) / r^2, |r| <= log(2)/2"),
        ("coth_tail", coth_tail, mpf(0), half**2, 5, 2, "(r coth(r/2) - 2) / r^2 in t = r^2, |r| <= log(2)/2"),
        ("log_tail", log_tail, mpf(0), narrow, 7, 3, "(2 atanh(s)/s - 2) / s^2 in t = s^2, |s| <= 3 - sqrt(8)"),
        ("log1p_tail", log_tail_double, mpf(0), third, 10, 4, "(2 atanh(s/2)/s - 1) / s^2 in t = s^2, 0 <= s <= 2/3"),
    ]


def rounded(value, single):
    """The nearest element of the type, as a Python float."""
    value = float(value)
    return struct.unpack("f", struct.pack("f", value))[0] if single else value


def fit(function, low, high, count, single):
    """Coefficients, constant first, and the largest error of the rounded polynomial."""
    coefficients = [rounded(c, single) for c in reversed(mp.chebyfit(function, [low, high], count))]
    error = mpf(0)
    for i in range(401):
        t = (low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / 400)
        error = max(error, abs(mp.polyval([mpf(c) for c in reversed(coefficients)], t) - function(t)))
    return coefficients, error


def literal(value, single):
    return value.hex() + ("f" if single else "")


def horner(coefficients, single):
    lines = [f"    p = {literal(coefficients[-1], single)};"]
    lines += [f"    p = p * t + {literal(c, single)};" for c in reversed(coefficients[:-1])]
    return lines


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
    for name, function, low, high, double_count, single_count, comment in polynomials():
        for single, suffix, real, count in ((0, "f64", "double", double_count), (1, "f32", "float", single_count)):
            coefficients, error = fit(function, low, high, count, single)
            out += [
                "",
                f"/* {comment}; error {mp.nstr(error, 2)} */",
                f"FO_INLINE {real} fo_{name}_{suffix}({real} t)",
                "{",
                f"    {real} p;",
                *horner(coefficients, single),
                "    return p;",
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
