"""Compile every header of src_c with all warnings and fail on any.

    python tools/check_warnings.py [--verbose]

Each header is compiled alone, in both precisions, at each instruction set level, with gcc and clang
where they are installed and for aarch64 where a cross compiler is; fastopt.h also as C++. Every
function is emitted (they are static inline), so that the optimiser's warnings come too.
"""

import argparse
import ast
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Every build has -fopenmp or -fopenmp-simd.
WARNINGS = ["-fopenmp-simd", "-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes"]


def constants():
    """The flags of setup.py, which cannot be imported without running the build."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    values = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("AVX2", "AVX512", "LEVELS_UNIX", "COMMON_UNIX"):
                values[name] = eval(compile(ast.Expression(node.value), "setup.py", "eval"), {}, values)
    return values["COMMON_UNIX"], values["LEVELS_UNIX"]


def jobs():
    common, levels = constants()
    if platform.machine().lower() not in ("x86_64", "amd64"):
        levels = {"base": []}
    compilers = [(name, levels) for name in ("gcc", "clang") if shutil.which(name)]
    if shutil.which("aarch64-linux-gnu-gcc"):
        compilers.append(("aarch64-linux-gnu-gcc", {"base": []}))
    for header in sorted((ROOT / "src_c").glob("*.h")):
        if header.name.startswith("fo_losses_"):  # parts of fo_losses.h
            continue
        public = header.name == "fastopt.h"
        for compiler, table in compilers:
            for level, flags in table.items():
                for single in [None] if public else [0, 1]:
                    label = f"{header.name} {compiler} {level}" + (
                        "" if public else (" float" if single else " double")
                    )
                    define = "" if public else f"#define FO_SINGLE {single}\n"
                    # -Dunused=used: __attribute__((unused)) of FO_INLINE becomes an order to emit.
                    command = [compiler, "-x", "c", *common, *WARNINGS, "-Dunused=used", *flags]
                    yield label, command, f'{define}#include "{header.name}"\nint fo_not_empty;\n'
        if public:
            for compiler in ("g++", "clang++"):
                if shutil.which(compiler):
                    command = [compiler, "-x", "c++", "-std=gnu++17", "-O2", "-fopenmp-simd", "-Wall", "-Wextra"]
                    yield f"{header.name} {compiler}", command, f'#include "{header.name}"\nint fo_not_empty;\n'


def run(job):
    label, command, text = job
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "header.c")
        source.write_text(text)
        command = [*command, "-I", "src_c", "-c", str(source), "-o", str(Path(folder, "header.o"))]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return label, result.returncode, result.stderr.strip()


def main():
    parser = argparse.ArgumentParser(description="Compile every header of src_c with all warnings and fail on any.")
    parser.add_argument("--verbose", action="store_true", help="name what was compiled")
    options = parser.parse_args()
    done = 0
    bad = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for label, code, message in pool.map(run, jobs()):
            done += 1
            if options.verbose:
                print(label)
            if code or message:
                bad.setdefault(message, []).append(label)
    for message, labels in bad.items():
        print(f"== {', '.join(labels)}\n{message}\n")
    print(f"{done} compilations, {sum(map(len, bad.values()))} with warnings or errors")
    if not done:
        print("no gcc or clang found", file=sys.stderr)
    return 1 if bad or not done else 0


if __name__ == "__main__":
    sys.exit(main())
