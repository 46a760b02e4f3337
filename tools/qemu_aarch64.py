"""The accuracy of fo_math.h on aarch64: cross-compiles tools/math_accuracy.c and runs it in an emulator.

    python tools/qemu_aarch64.py [thousands of points per range]

Needs aarch64-linux-gnu-gcc with its C library and qemu-aarch64 (Debian: gcc-aarch64-linux-gnu,
qemu-user). Prints the program's table, and how many vector instructions the loops contain; exits
with the program's status (1: an error beyond 2 ulp), and with 2 where a tool is missing.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILER, EMULATOR, DISASSEMBLER = "aarch64-linux-gnu-gcc", "qemu-aarch64", "aarch64-linux-gnu-objdump"
# those of setup.py
FLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Werror"]
VECTOR = re.compile(r"\bf\w+\s+v\d+\.(2d|4s)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("points", nargs="?", type=int, default=50, help="thousands of points per range (default 50)")
    points = parser.parse_args().points
    missing = [tool for tool in (COMPILER, EMULATOR, DISASSEMBLER) if not shutil.which(tool)]
    if missing:
        print(f"not found: {', '.join(missing)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        program, compiled = Path(folder, "math_accuracy"), Path(folder, "math_accuracy.o")
        source = ROOT / "tools" / "math_accuracy.c"
        subprocess.run([COMPILER, *FLAGS, f"-I{ROOT / 'src_c'}", "-c", source, "-o", compiled], check=True)
        subprocess.run([COMPILER, "-static", compiled, "-o", program, "-lm"], check=True)
        listing = subprocess.run([DISASSEMBLER, "-d", compiled], check=True, capture_output=True, text=True).stdout
        status = subprocess.run([EMULATOR, program, str(points)]).returncode
    counts = {"2d": 0, "4s": 0}
    for shape in VECTOR.findall(listing):
        counts[shape] += 1
    print(f"NEON floating point instructions: {counts['2d']} on two doubles, {counts['4s']} on four floats")
    return status


if __name__ == "__main__":
    sys.exit(main())
