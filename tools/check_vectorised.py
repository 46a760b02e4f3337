"""Is every block of the rosters vectorised? Asked of the disassembly of the built modules.

    python tools/check_vectorised.py [FOLDER]

For each family of kernels, element type and level, every block function in the tables of
`<family>_roster.pxi` must, in the module `<family>_<dtype>_<level>`, contain enough innermost loops of
packed floating point arithmetic of the level's full width (xmm at base, ymm at avx2, zmm at avx512),
one of them as long as an exponential where the formulas have one, and call nothing from libm; no
module may contain wider registers than its level has. A function that only chooses among the blocks of
the tables must hold no arithmetic. Prints a table and ends with status 1 if something is missing. Needs
objdump and modules that are not stripped.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / "fastopt" / "_kernels"
REGISTERS = {"base": "xmm", "avx2": "ymm", "avx512": "zmm"}

# What a block needs, by family: the number of innermost vector loops, and of packed arithmetic
# instructions in the longest. Of the blocks of updates those of step lengths (`length_...`) have no fewer than a sum and
# a quotient. Pointwise losses have five sets of outputs and, but for those that say
# c_no_conjugate, the conjugate. Row losses have an exponential
# or a logarithm of at least that many instructions; the smallest rows are unrolled to
# a single loop. Penalties have at least a distance and two more with arithmetic.
# Losses by tiles are asked for that many packed instructions in the C functions of the loss: loops over the lanes of a
# tile may be unrolled.
NEEDS = {
    **{"pointwise": (6, 2), "rows": (1, 24), "rowwise": (1, 4), "updates": (1, 5), "penalties": (3, 1)},
    **{"batch": (1, 3), "length": (1, 2)},
}

# Functions that choose among the blocks of the tables: {(family, function)}.
DISPATCH = {("rows", "softmax")}

# Penalties whose value, proximal step and conjugate are comparisons, which are not counted: {(family, function)}.
COMPARISONS = {("penalties", "nonnegative")}

# Entries that may fall short, with the reason and what it costs: {(family, function, dtype, level): "reason"}.
EXCEPTIONS = {
    ("updates", "measure_gradient", dtype, level): "a square: fewer instructions than other rules, in packed form"
    for dtype in ("f32", "f64")
    for level in ("avx2", "avx512")
}

# Of doubles or floats; logical instructions and comparisons also occur in scalar code.
ARITHMETIC = re.compile(r"v?(?:add|sub|mul|div|sqrt|min|max|fn?m(?:add|sub)\d+|scalef)([ps])[sd]$")
JUMP = re.compile(r"j\w+$")
# What a block may call: the compiler's own copies and fills.
CALLS = {"memset", "memcpy", "memmove", "__stack_chk_fail"}


class Function:
    """Instructions of one function: (address, mnemonic, operands)."""

    def __init__(self, name):
        self.name = name
        self.code = []

    def loops(self):
        """Innermost loops as lists of instructions: bodies of backward jumps that hold no other one."""
        places = {address: i for i, (address, _, _) in enumerate(self.code)}
        spans = []
        for i, (_, mnemonic, operands) in enumerate(self.code):
            if JUMP.match(mnemonic):
                target = operands.split()[0] if operands else ""
                start = places.get(int(target, 16)) if re.fullmatch(r"[0-9a-f]+", target) else None
                if start is not None and start <= i:
                    spans.append((start, i))
        inner = [s for s in spans if not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in spans)]
        return [self.code[a : b + 1] for a, b in inner]

    def packed(self, register):
        """Packed arithmetic instructions of each innermost loop that has next to no scalar ones."""
        counts = []
        for loop in self.loops():
            wide = sum(arithmetic(i) == "p" and f"%{register}" in i[2] for i in loop)
            scalar = sum(arithmetic(i) == "s" for i in loop)
            if wide and 8 * scalar <= wide:
                counts.append(wide)
        return counts

    def wide(self, register):
        """Packed arithmetic instructions, in loops or not."""
        return sum(arithmetic(i) == "p" and f"%{register}" in i[2] for i in self.code)

    def calls(self):
        names = set()
        for _, mnemonic, operands in self.code:
            if mnemonic == "call":
                found = re.search(r"<([^>@+]+)", operands)
                if found:
                    names.add(found.group(1))
        return names


def arithmetic(instruction):
    """The letter p for packed and s for scalar floating point arithmetic, else None."""
    found = ARITHMETIC.match(instruction[1])
    return found and found.group(1)


def disassemble(path):
    """Functions of a module by symbol."""
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", str(path)], check=True, capture_output=True, text=True
    ).stdout
    functions, current = {}, None
    for line in text.splitlines():
        head = re.match(r"[0-9a-f]+ <([^>]+)>:$", line)
        if head:
            current = functions.setdefault(head.group(1), Function(head.group(1)))
            continue
        parts = line.split("\t")
        if current is not None and len(parts) >= 2:
            words = parts[1].split(None, 1)
            address = int(parts[0].strip().rstrip(":"), 16)
            current.code.append((address, words[0], words[1] if len(words) > 1 else ""))
    return functions


def rosters():
    """{family: names of its block functions}, from the tables of the roster files."""
    result = {}
    for path in sorted(KERNELS.glob("*_roster.pxi")):
        text = path.read_text()
        names = re.findall(r"<void\s*\*>\s*&?(\w+)", text)
        for table in re.findall(r"^cdef block_t\[\d+\] \w+ = \[([^]]*)\]", text, re.MULTILINE):
            names += [name for name in re.findall(r"\w+", table) if name != "NULL"]
        result[path.stem.removesuffix("_roster")] = list(dict.fromkeys(names))
    return result


def without_conjugate():
    """Names of the pointwise losses that have no conjugate, and so one loop less."""
    text = (KERNELS / "pointwise_roster.pxi").read_text()
    return set(re.findall(r"return block\((\w+), \w+, c_no_conjugate,", text))


def modules(folder=KERNELS):
    """(family, dtype, level, path) of each built module of a family that has a roster."""
    for family in rosters():
        for path in sorted(Path(folder).glob(f"{family}_f*_*.so")):
            found = re.match(rf"{family}_(f32|f64)_(\w+?)\.", path.name)
            if found and found.group(2) in REGISTERS:
                yield family, found.group(1), found.group(2), path


def block(functions, module, name):
    """A block function with the parts that the compiler split off; None without symbols."""
    symbol = re.compile(rf"__pyx_f_\w*?{len(module)}{module}_{name}(\.\w+)*$")
    whole = None
    for key, function in functions.items():
        if symbol.match(key):
            whole = whole or Function(name)
            whole.code += function.code
    return whole


def formula(functions, dtype, name):
    """The C functions of a loss by tiles (fo_rowwise.h): its own and that of a class; None without symbols."""
    symbol = re.compile(rf"fo_{name}(_terms|_entries)?_{dtype}(\.\w+)*$")
    parts = [function for key, function in functions.items() if symbol.match(key)]
    if not parts:
        return None
    whole = Function(name)
    whole.code = [instruction for part in parts for instruction in part.code]
    return whole


def has_symbols(path):
    """Whether the module's static functions have symbols (it is not stripped)."""
    return any("__pyx_f_" in name for name in disassemble(path))


def foreign_calls(functions, function):
    """What a function calls outside its module, through the module's own functions too."""
    seen, left, found = set(), list(function.calls()), set()
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += functions[name].calls() if name in functions else ()
            found |= {name} - functions.keys()
    return found - CALLS


def inspect(family, dtype, level, path):
    """[(function, vector loops, error or "")] of one module."""
    functions = disassemble(path)
    register = REGISTERS[level]
    wide = ("%zmm",) if level == "avx2" else ("%ymm", "%zmm") if level == "base" else ()
    rows = []
    for name in rosters()[family]:
        function = (
            formula(functions, dtype, name)
            if family == "rowwise"
            else block(functions, f"{family}_{dtype}_{level}", name)
        )
        if function is None:
            rows.append((name, 0, "no symbol"))
            continue
        errors = []
        foreign = foreign_calls(functions, function)
        if foreign:
            errors.append(f"calls {', '.join(sorted(foreign))}")
        counts = [function.wide(register)] if family == "rowwise" else function.packed(register)
        if (family, name) in DISPATCH:
            if any(arithmetic(i) for i in function.code):
                errors.append("arithmetic in a function that only chooses")
        elif (family, name, dtype, level) not in EXCEPTIONS:
            loops, longest = NEEDS["length" if name.startswith("length_") else family]
            loops -= family == "pointwise" and name in without_conjugate()
            loops -= 2 * ((family, name) in COMPARISONS)
            if len(counts) < loops:
                errors.append(f"{len(counts)} of {loops} loops are vectors of {register}")
            if max(counts, default=0) < longest:
                errors.append(f"no loop has {longest} packed instructions")
        rows.append((name, len(counts), "; ".join(errors)))
    for key, function in functions.items():
        if any(w in o for _, _, o in function.code for w in wide):
            rows.append((key, 0, f"wider registers than {level} has"))
    return rows


def main(folder=KERNELS):
    if shutil.which("objdump") is None:
        sys.exit("check_vectorised: objdump is not installed")
    failed = seen = 0
    for family, dtype, level, path in modules(folder):
        for name, loops, error in inspect(family, dtype, level, path):
            seen += 1
            failed += bool(error)
            print(f"{family}_{dtype}_{level:7} {name:42} {loops:3} vector loops  {error or 'ok'}")
    for entry, reason in EXCEPTIONS.items():
        print(f"exception: {' '.join(entry)}: {reason}")
    print(f"{seen} entries, {failed} failed")
    return 1 if failed or not seen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
