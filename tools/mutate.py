"""Spoil one formula of src_c at a time and see that the tests notice.

    python tools/mutate.py [--family robust] [--only huber] [--each 2]

Works on a copy of the checkout, which has to be built. In each function of the family's header a sign is flipped, a
constant is changed or a comparison is turned round, at places spread over the function (a different kind of change
where there is one); the family is built for the base level and its tests run until one fails. A change that no test
notices is printed as SURVIVED, and the exit code is 1. A crash and a loop without end are noticed. About ten seconds a
change.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
POINTWISE = [f"tests/test_losses{kind}.py" for kind in ("_formulas", "_conjugates", "", "_root", "_peers")]
# family: header, tests; several headers of one family have names of their own, in BUILT
FAMILIES = {
    "regression": ("fo_losses_regression.h", POINTWISE),
    "robust": ("fo_losses_robust.h", POINTWISE),
    "glm": ("fo_losses_glm.h", POINTWISE),
    "binary": ("fo_losses_binary.h", POINTWISE),
    "rows": ("fo_rows.h", ["tests/test_row_losses.py"]),
    "softmax": ("fo_softmax.h", ["tests/test_row_losses.py"]),
    "transpose": ("fo_transpose.h", ["tests/test_row_losses.py"]),
    "probabilities": ("fo_probabilities.h", ["tests/test_row_losses.py"]),
    "rowwise": ("fo_rowwise.h", ["tests/test_rowwise_losses.py"]),
    "row_margins": ("fo_row_margins.h", ["tests/test_rowwise_losses.py"]),
    "row_geometry": ("fo_row_geometry.h", ["tests/test_rowwise_losses.py"]),
    "overlap": ("fo_overlap.h", ["tests/test_overlap_losses.py"]),
    "pairs": ("fo_pairs.h", ["tests/test_embedding_losses.py"]),
    "sequence": ("fo_sequence.h", ["tests/test_ctc.py", "tests/test_embedding_losses.py"]),
    "survival": ("fo_survival.h", ["tests/test_cox.py"]),
    "updates": ("fo_updates.h", ["tests/test_optimizers.py", "tests/test_optimizers_norms.py"]),
    "measures": ("fo_measures.h", ["tests/test_optimizers_norms.py", "tests/test_optimizers.py"]),
    "random": ("fo_random.h", ["tests/test_around_step.py", "tests/test_private.py"]),
    "penalties": ("fo_penalties.h", ["tests/test_penalties.py"]),
    "elementary": ("fo_math.h", ["tests/test_math.py"]),
}
BUILT = {
    **dict.fromkeys(("regression", "robust", "glm", "binary"), "pointwise"),
    **dict.fromkeys(("softmax", "transpose", "probabilities"), "rows"),
    **dict.fromkeys(("row_margins", "row_geometry"), "rowwise"),
    **dict.fromkeys(("overlap", "pairs", "sequence", "survival"), "batch"),
    **dict.fromkeys(("measures", "random"), "updates"),
}
FUNCTION = re.compile(
    r"^(?:FO_\w+|static inline) [^\n;]*?\b(?:FO\((\w+)\)|fo_(\w+))\([^;{]*\)\n\{\n(.*?)^\}", re.M | re.S
)
CHANGES = (
    ("sign", re.compile(r"(?<=[\w)\]] )[+-](?= [\w(-])"), {"+": "-", "-": "+"}),
    ("constant", re.compile(r"(?<=FO_K\()[0-9.]+(?=\))"), None),
    ("comparison", re.compile(r"(?<= )(<=|>=|<|>)(?= )"), {"<": ">", ">": "<", "<=": ">=", ">=": "<="}),
    ("product", re.compile(r"(?<=[\w)\]] )\*(?= [\w(-])"), {"*": "+"}),
)
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def sites(body):
    """(kind, start, end, replacement) of every change that can be made in the body of a function."""
    hidden = [m.span() for m in COMMENT.finditer(body)]
    for kind, pattern, table in CHANGES:
        for m in pattern.finditer(body):
            if any(a <= m.start() < b for a, b in hidden):
                continue
            if table is None:
                yield kind, m.start(), m.end(), "0.75" if float(m[0]) != 0.75 else "0.5"
            else:
                yield kind, m.start(), m.end(), table[m[0]]


def spread(found, number):
    """`number` of the changes, one of each kind before a second, from the middle of each kind's places."""
    kinds = {}
    for site in found:
        kinds.setdefault(site[0], []).append(site)
    chosen, turn = [], 0
    while len(chosen) < min(number, len(found)):
        for places in kinds.values():
            if turn < len(places) and len(chosen) < number:
                chosen.append(places[(len(places) // 2 + turn) % len(places)])
        turn += 1
    return chosen


def notices(run, tree, limit=None):
    """Whether a test fails, the process dies or the tests take longer than the limit."""
    try:
        code = subprocess.run(run, cwd=tree, capture_output=True, timeout=limit).returncode
    except subprocess.TimeoutExpired:
        return True
    if code > 1:
        raise SystemExit(f"pytest ends with {code}: {' '.join(run)}")
    return code != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", choices=FAMILIES, default="robust")
    parser.add_argument("--only", default="", help="functions whose name contains this")
    parser.add_argument("--each", type=int, default=2, help="changes in each function")
    args = parser.parse_args()
    header, tests = FAMILIES[args.family]
    survived = total = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", "*.egg-info", "__pycache__"))
        path = tree / "src_c" / header
        original = path.read_text(encoding="utf-8")
        build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "--level=base"]
        build.append(f"--only={BUILT.get(args.family, args.family)}")
        run = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
        subprocess.run(build, cwd=tree, check=True)
        start = time.perf_counter()
        if notices(run, tree):
            raise SystemExit("the tests fail without a change")
        limit = 60 + 5 * (time.perf_counter() - start)
        for function in FUNCTION.finditer(original):
            name, body, start = function[1] or function[2], function[3], function.start(3)
            if args.only not in name:
                continue
            for kind, a, b, new in spread(list(sites(body)), args.each):
                path.write_text(original[: start + a] + new + original[start + b :], encoding="utf-8")
                line = original.count("\n", 0, start + a) + 1
                what = f"{header}:{line} {name}: {kind} {body[a:b]!r} -> {new!r}"
                total += 1
                if subprocess.run(build, cwd=tree, capture_output=True).returncode:
                    print(f"does not compile  {what}", flush=True)
                    continue
                failed = notices(run, tree, limit)
                survived += not failed
                print(f"{'noticed ' if failed else 'SURVIVED'}  {what}", flush=True)
        path.write_text(original, encoding="utf-8")
    print(f"{total} changes, {survived} survived")
    return 1 if survived or not total else 0


if __name__ == "__main__":
    sys.exit(main())
