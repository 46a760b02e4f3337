"""Tables and a plot of the benchmarks' results: docs/benchmarks.md, docs/benchmarks.png, README's table.

    python benchmarks/report.py [RESULTS.json] [--goals]

Without a file of results it runs the quick benchmarks first.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import goals
import harness

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
MARKS = "<!-- benchmarks -->", "<!-- /benchmarks -->"
LEVELS = ("base", "neon", "avx2", "avx512")
TITLES = {
    "fit": "Whole fits at equal objective",
    "loss": "Losses: value and gradient",
    "batch": "Losses of batches and sequences: value and gradient",
    "custom": "Losses of users, beside the bare function",
    "update": "Optimizers: one step",
    "pass": "One pass over X",
    "gram": "Weighted Gram matrix",
    "minimize": "Minimisers: one iteration, without the time of the function",
    "automatic": "n_threads=None against one thread",
}
COLOURS = {"fit": "#1b6ca8", "loss": "#2a9d5c", "update": "#c46210", "pass": "#7a4fa3", "gram": "#b03060"}
# Sizes in the picture, where not all of a kind's.
PICTURED = {"loss": ("1e6", "1e5x10", "1e5x2", "1e5x4"), "update": ("1e6", "1000x1000")}
# What README shows, where it was measured: (kind, name, dtype, size).
HEADLINES = (
    ("fit", "LogisticRegression breast cancer standardised", None, None),
    ("fit", "LogisticRegression digits", None, None),
    ("fit", "LogisticRegression mnist10k", None, None),
    ("fit", "LogisticRegression w8a", None, None),
    ("fit", "Ridge diabetes", None, None),
    ("loss", "logistic", "float32", "1e6"),
    ("loss", "logistic", "float64", "1e6"),
    ("loss", "softmax_cross_entropy", "float32", "1e5x10"),
    ("loss", "softmax_cross_entropy", "float64", "1e5x10"),
    ("loss", "squared_error", "float32", "1e6"),
    ("update", "adam", "float32", "20x4096"),
    ("update", "adam", "float32", "1000x64"),
    ("update", "adam", "float32", "1e6"),
    ("update", "adam", "float32", "2e7"),
    ("pass", "logistic value and gradient from X", "float32", "2e5x100"),
    ("gram", "X' diag(h) X", "float64", "1e5x100"),
)


def load(path):
    """Machine and records; a full record replaces the quick one of the same case."""
    stored = json.loads(path.read_text())
    chosen = {}
    for record in sorted(stored["records"], key=lambda r: not r["quick"]):
        chosen[identity(record, isa=True)] = record
    return stored["machine"], sorted(chosen.values(), key=order)


def order(record):
    """Sorts records by kind, case, dtype and size, whatever order they were measured in."""
    try:
        size = float(record["size"].partition("x")[0])
    except ValueError:
        size = 0.0
    return list(TITLES).index(record["kind"]), record["name"], record["dtype"], size, record["n_threads"], record["isa"]


def identity(record, isa=False):
    return tuple(record[k] for k in ("kind", "name", "dtype", "size", "n_threads") + (("isa",) if isa else ()))


def highest(records):
    """Of each case the record at the highest level."""
    chosen = {}
    for record in sorted(records, key=lambda r: LEVELS.index(r["isa"])):
        chosen[identity(record)] = record
    return list(chosen.values())


def duration(seconds):
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def times(value):
    return f"{value:.0f}x" if value >= 99.5 else f"{value:.1f}x" if value >= 9.95 else f"{value:.2f}x"


def against(record, among):
    """'3.20x (name)' of the fastest of these entries, or why there is none."""
    name, _ = harness.best(record, among)
    if name is None:
        return "not shown"
    shown = times(harness.ratio(record, name))
    return f"{shown} ({name})" if name != "numpy" else shown


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "--|" * len(header)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def machine_lines(machine, records):
    versions = ", ".join(f"{name} {number or 'not installed'}" for name, number in machine["versions"].items())
    dates = sorted(record["date"][:10] for record in records)
    loads = [record["load_average"][0] for record in records if record["load_average"]]
    pools = sorted({p["architecture"] for p in machine.get("pools", ()) if p.get("architecture")})
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; fastopt {machine['fastopt']} built by "
        f"{machine['compiler']}, Python {machine['python']}, {versions}; measured {dates[0]}"
        + (f" to {dates[-1]}" if dates[-1] != dates[0] else "")
        + "."
    ]
    if pools:
        lines.append(f"OpenBLAS chose its kernels for {', '.join(pools)}.")
    if loads:
        lines.append(
            f"Load average while measuring: {min(loads):.1f} to {max(loads):.1f} (it includes the benchmark and what "
            "ran before it)."
        )
    if any(record["quick"] for record in records):
        lines.append("Some cases are of a quick run: few repeats.")
    return lines


def losses_of(records):
    """Cases in which another library or NumPy is faster: (ratio, entry, record), the worst first."""
    found = []
    for record in records:
        if record["kind"] == "automatic":
            continue
        name, _ = harness.best(record, harness.peers(record) + harness.references(record))
        if name is not None and harness.ratio(record, name) < 1:
            found.append((harness.ratio(record, name), name, record))
    return sorted(found, key=lambda item: item[0])


def count(records):
    compared = [r for r in records if r["kind"] != "automatic" and harness.peers(r) + harness.references(r)]
    return len(compared)


def beside(values, peer, form):
    """Our value and, in brackets, the best peer's; '-' where there is none."""
    mine, theirs = (
        "-" if value is None else form.format(max(value, 0)) for value in (values[harness.OURS], values.get(peer))
    )
    return mine if peer is None else f"{mine} ({theirs})"


def speed(record):
    """Bytes that a step reads and writes, or operations of its matrix products, in billions a second."""
    if "gflop_per_s" in record:
        return f"{record['gflop_per_s']:.0f} GFLOP/s"
    if "copy_gb_per_s" in record:
        return f"{record['gb_per_s']:.1f} ({record['copy_gb_per_s']:.1f})"
    return ""


def section(kind, records):
    chosen = [record for record in records if record["kind"] == kind]
    if not chosen:
        return []
    lines = ["", f"## {TITLES[kind]}", ""]
    if kind == "automatic":
        rows = [
            (r["name"], r["dtype"], r["size"], duration(r["times"][harness.OURS]["median"]),
             times(harness.ratio(r, "fastopt, n_threads=1")))
            for r in chosen
        ]  # fmt: skip
        return lines + table(("case", "dtype", "size", "n_threads=None", "one thread's time / this"), rows)
    header = ["case", "dtype", "size", "n_threads", "fastopt", "NumPy", "best peer"]
    if kind == "fit":
        header += ["iterations", "relative excess", "the best peer's tol", "not shown"]
    if kind == "pass":
        header += ["GB/s", "of the speed of reading X (BLAS)"]
    if kind == "update":
        header += ["GB/s (one copy's) or GFLOP/s"]
    rows = []
    for r in chosen:
        row = [r["name"], r["dtype"], r["size"], r["n_threads"], duration(r["times"][harness.OURS]["median"])]
        row += [against(r, harness.references(r)), against(r, harness.peers(r))]
        if kind == "fit":
            peer, _ = harness.best(r, harness.peers(r))
            row += [
                beside(r["iterations"], peer, "{}"),
                beside(r["excess"], peer, "{:.0e}"),
                "" if peer is None else f"{r['tolerances'][peer]:.0e}",
                "; ".join(f"{name}: {why}" for name, why in r["missing"].items()),
            ]
        if kind == "pass":
            row += [f"{r['gb_per_s']:.1f}", f"{100 * harness.ratio(r, harness.READ):.0f} %"]
        if kind == "update":
            row.append(speed(r))
        rows.append(row)
    if kind == "fit":
        lines += ["In brackets: the best peer's.", ""]
    return lines + table(header, rows)


def levels(records):
    """fastopt's own time at each level, where more than one was measured."""
    cases = {}
    for record in records:
        if record["kind"] in ("loss", "update", "pass", "gram"):
            cases.setdefault(identity(record), {})[record["isa"]] = record
    cases = {key: found for key, found in cases.items() if len(found) > 1}
    if not cases:
        return []
    shown = [level for level in LEVELS if any(level in found for found in cases.values())]
    rows = []
    for key, found in cases.items():
        row = list(key[1:])
        for level in shown:
            record = found.get(level)
            if record is None:
                row.append("")
                continue
            name, _ = harness.best(record, harness.peers(record))
            text = duration(record["times"][harness.OURS]["median"])
            row.append(text if name is None else f"{text}, {times(harness.ratio(record, name))}")
        rows.append(row)
    lines = ["", "## Instruction set levels", "", "fastopt's time at each level, and the best peer's over it.", ""]
    return lines + table(("case", "dtype", "size", "n_threads", *shown), rows)


def document(machine, records):
    top = highest(records)
    slower = losses_of(top)
    lines = [
        "# Benchmarks",
        "",
        "Written by `python benchmarks/report.py` from a run of `pytest benchmarks`. A ratio is the other's time over",
        "fastopt's: above 1 fastopt is faster. Each case checks every library's answer in float64 first and then takes",
        "turns, A B C A B C, in one process; medians. NumPy is what a good user of it would write",
        "(`benchmarks/numpy_*.py`). The number of threads is given to every library and to BLAS alike.",
        "scikit-learn's losses are its private `_loss`, which writes each sample's loss and gradient; torch's are",
        "forward and backward. Of torch's three optimizer implementations and of a peer's solvers the fastest counts.",
        "optax' and Keras' steps are compiled by jax.jit, their arrays donated; jax takes the threads of the process, so",
        "that they are shown where n_threads is that number. torch's Muon rounds to bfloat16; its float32 form beside it",
        "does the same steps unrounded.",
        "",
        *machine_lines(machine, records),
        f"The level was {', '.join(sorted({r['isa'] for r in top}))} except where a table says otherwise.",
        "",
        "![Times of the best peer over fastopt's](benchmarks.png)",
        "",
        "## Where fastopt loses",
        "",
        f"In {len(slower)} of {count(top)} cases the best of the other libraries and NumPy was faster.",
    ]
    if slower:
        rows = [
            (r["name"], r["dtype"], r["size"], r["n_threads"], duration(r["times"][harness.OURS]["median"]), name,
             times(value))
            for value, name, r in slower
        ]  # fmt: skip
        lines += ["", *table(("case", "dtype", "size", "n_threads", "fastopt", "faster", "its time / fastopt's"), rows)]
    for kind in TITLES:
        lines += section(kind, top)
    return "\n".join(lines + levels(records)) + "\n"


def readme_table(machine, records):
    """Lines for README: one row for each headline at the largest number of threads measured."""
    top = highest(records)
    rows = []
    for kind, name, dtype, size in HEADLINES:
        found = [
            r
            for r in top
            if (r["kind"], r["name"]) == (kind, name) and dtype in (None, r["dtype"]) and size in (None, r["size"])
        ]
        if not found:
            continue
        r = max(found, key=lambda r: r["n_threads"])
        rows.append(
            (
                f"{name}, {r['dtype']} {r['size']}",
                r["n_threads"],
                duration(r["times"][harness.OURS]["median"]),
                against(r, harness.references(r)),
                against(r, harness.peers(r)),
            )
        )
    slower = losses_of(top)
    text = f"Of {count(top)} cases the best of the others is faster in {len(slower)}"
    if slower:
        worst = {}  # each once, whatever the number of threads
        for v, name, r in slower:
            worst.setdefault(identity(r)[:4], f"{r['name']} {r['dtype']} {r['size']} ({name}, {times(v)})")
        text += "; furthest behind: " + ", ".join(list(worst.values())[:5])
    return [
        *table(("case", "n_threads", "fastopt", "NumPy / fastopt", "best peer / fastopt"), rows),
        "",
        text + ". All of them, and how they were measured: [docs/benchmarks.md](docs/benchmarks.md).",
        "",
        machine_lines(machine, records)[0],
        "",
        "![Times of the best peer over fastopt's](docs/benchmarks.png)",
    ]


def plot(machine, records, path):
    """Times of the best peer (filled) and of NumPy (hollow) over fastopt's at the sizes PICTURED, one row a name."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.lines import Line2D

    top = [
        r
        for r in highest(records)
        if r["kind"] in COLOURS
        and r["size"] in PICTURED.get(r["kind"], (r["size"],))
        and harness.peers(r) + harness.references(r)
    ]
    most = max(r["n_threads"] for r in top)
    # At the largest number of threads that a case was measured with.
    cases = {identity(r)[:4]: r for r in sorted(top, key=order)}.values()
    rows = {}
    for r in cases:
        rows.setdefault((r["kind"], r["name"], r["size"]), []).append(r)
    rows = list(rows.values())
    columns = 2 if len(rows) > 45 else 1
    half = -(-len(rows) // columns)
    figure, axes = pyplot.subplots(
        1, columns, figsize=(7.6 * columns, 1.5 + 0.19 * half), squeeze=False, layout="constrained"
    )
    ends = []
    for axis, part in zip(axes[0], (rows[i : i + half] for i in range(0, len(rows), half))):
        labels = []
        for y, row in enumerate(part):
            colour = COLOURS[row[0]["kind"]]
            for r in row:
                for among, filled in ((harness.references(r), False), (harness.peers(r), True)):
                    name, _ = harness.best(r, among)
                    if name is not None:
                        x = harness.ratio(r, name)
                        ends.append(x)
                        marker = "o" if r["dtype"] == "float32" else "D"
                        axis.plot(x, y, marker, ms=5, color=colour, mfc=colour if filled else "none", zorder=3)
            title = row[0]["name"].replace("_", " ").replace(" from probabilities", ", probabilities")
            labels.append(f"{title}, {row[0]['size']}")
        axis.set_yticks(range(len(part)), labels, fontsize=7)
        axis.set_ylim(len(part) - 0.4, -0.6)
        axis.set_xscale("log")
        axis.axvline(1, color="black", lw=1)
        axis.axvspan(1e-9, 1, color="#d62728", alpha=0.07, lw=0)
        axis.grid(axis="both", lw=0.4, alpha=0.6)
        axis.set_xlabel("other's time / fastopt's time (left of 1: fastopt is slower)", fontsize=8)
    ticks = [t for t in (0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 250, 1000) if min(ends) / 2 < t < max(ends) * 2]
    for axis in axes[0]:
        axis.set_xlim(min(min(ends) / 1.3, 0.7), max(ends) * 1.3)
        axis.set_xticks(ticks, [f"{t:g}" for t in ticks], fontsize=8)
        axis.minorticks_off()
    handles = [Line2D([], [], ls="", marker="o", color="black", label="best peer (scikit-learn, torch, optax, Keras)")]
    handles += [Line2D([], [], ls="", marker="o", color="black", mfc="none", label="NumPy")]
    handles += [
        Line2D([], [], ls="", marker=m, color="grey", label=t) for m, t in (("o", "float32"), ("D", "float64"))
    ]
    shown = {r["kind"] for r in cases}
    handles += [
        Line2D([], [], ls="", marker="s", color=c, label=TITLES[k]) for k, c in COLOURS.items() if k in shown
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(
        f"fastopt {machine['fastopt']} on {machine['cpu']}, {machine['cores']} cores, n_threads up to {most}, "
        f"{', '.join(sorted({r['isa'] for r in cases}))}; NumPy {machine['versions']['numpy']}, "
        f"scikit-learn {machine['versions']['scikit-learn']}, torch {machine['versions']['torch'] or 'not shown'}",
        fontsize=8,
    )
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def insert(path, lines):
    """Replace what is between the marks in a file; False where it has none."""
    text = path.read_text()
    if MARKS[0] not in text or MARKS[1] not in text:
        return False
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    path.write_text(before + MARKS[0] + "\n" + "\n".join(lines) + "\n" + MARKS[1] + after)
    return True


def show_goals(records):
    failed = 0
    for words, wanted, measured, record, name in goals.check(highest(records)):
        if measured is None:
            print(f"not measured  {words}: >= {wanted}")
            continue
        failed += measured < wanted
        where = " ".join(str(v) for v in (*identity(record)[1:4], record["isa"], name))
        print(f"{'reached' if measured >= wanted else 'MISSED '}  {words}: >= {wanted}, measured {measured:.2f} ({where})")
    return failed


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", type=Path, default=HERE / "results.json")
    parser.add_argument("--goals", action="store_true", help="print the results beside the goals; write nothing")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "docs", help="folder for benchmarks.md and .png")
    options = parser.parse_args(arguments)
    if not options.results.exists():
        command = [sys.executable, "-m", "pytest", str(HERE), "-q", "--quick", f"--results={options.results}"]
        print("no results yet:", " ".join(command))
        subprocess.run(command, cwd=CHECKOUT, check=True)
    machine, records = load(options.results)
    if options.goals:
        show_goals(records)
        return
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "benchmarks.md").write_text(document(machine, records))
    plot(machine, records, options.output / "benchmarks.png")
    print(f"{options.output / 'benchmarks.md'} and benchmarks.png: {len(records)} records")
    if insert(CHECKOUT / "README.md", readme_table(machine, records)):
        print("README.md: table replaced")


if __name__ == "__main__":
    main()
