"""Writes the tables of docs/*.md from the rosters of losses, penalties, optimizers, schedules and solvers.

    python docs/generate.py [--check]

A table stands between `<!-- generated: NAME -->` and `<!-- /generated -->`. With --check nothing is
written and the exit status is 1 if a page is not up to date.
"""

import argparse
import inspect
import re
import sys
from pathlib import Path

import numpy as np

from fastopt import _kernels, losses, optimizers, penalties, schedules, solvers
from fastopt.linear_model import _base, _logistic, _ridge
from fastopt.losses._base import ALIASES, DOMAINS
from fastopt.penalties._base import ALIASES as PENALTY_ALIASES

FOLDER = Path(__file__).resolve().parent
MARK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.S)
CONVENTIONS = ("torch", "keras", "optax")


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "--|" * len(header)]
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in cells)])


def code(*words):
    return ", ".join(f"`{word}`" for word in words)


def signature(cls):
    """The call with its defaults, as code."""
    parameters = inspect.signature(cls).parameters.values()
    return f"`{cls.__name__}({', '.join(str(p) for p in parameters if p.kind is not p.VAR_KEYWORD)})`"


def first(cls):
    """The first paragraph of the docstring on one line."""
    return " ".join(inspect.getdoc(cls).split("\n\n")[0].split())


def yes(flag):
    return "yes" if flag else "no"


def loss_formulas():
    rows = [(f"`{name}`", signature(cls), first(cls)) for name, cls in losses.LOSSES.items()]
    return table(("name", "class", "loss"), rows)


def loss_properties():
    rows = []
    for name, cls in losses.LOSSES.items():
        domain = DOMAINS[cls.domain][0] if cls.domain in DOMAINS else cls.domain
        hessian = cls.hessian_kind if cls.constant_hessian is None else f"{cls.hessian_kind}, {cls.constant_hessian:g}"
        flags = yes(cls.is_convex), yes(cls.is_smooth)
        rows.append((f"`{name}`", domain, cls.link, *flags, hessian, yes(cls.has_conjugate)))
    return table(("name", "targets", "link", "convex", "smooth", "Hessian", "conjugate"), rows)


def loss_aliases():
    rows = []
    for name, cls in losses.LOSSES.items():
        others = [alias for alias, target in ALIASES.items() if target == name and alias not in (name, cls.__name__)]
        rows.append((f"`{name}`", code(*others)))
    return table(("name", "other names that `losses.get` takes"), rows)


def markdown(text):
    """The docstrings' mathematics and code in Markdown's spelling."""
    text = re.sub(r":math:`(.+?)`", lambda m: "$" + m[1] + "$", text, flags=re.S)
    text = re.sub(r"\.\. math::\n((?:    .+\n?)+)", lambda m: "$$\n" + inspect.cleandoc(m[1]) + "\n$$\n", text)
    return text.replace("``", "`")


def rules():
    parts = []
    for name, cls in optimizers.OPTIMIZERS.items():
        formula = inspect.getdoc(cls).partition("Parameters\n---")[0].strip()
        likes = [like for like in CONVENTIONS if like in cls._LIKE]
        made = {like: cls(like=like).get_params() for like in likes}
        options = [option for option in made[likes[0]] if option != "like"]
        rows = [(f"`{option}`", *(f"`{made[like][option]!r}`" for like in likes)) for option in options]
        heading = f"## {cls.__name__}\n\n`optimizers.get({name!r})`. {markdown(formula)}\n\nDefaults by convention:\n"
        parts.append(f"{heading}\n{table(('option', *(f'like={like!r}' for like in likes)), rows)}\n")
    names = _kernels.table.updates[np.dtype(np.float64)].rules()
    return "\n".join(parts) + f"\nThe rules in C (`src_c/fo_updates.h`) that these select: {code(*names)}."


def schedule_rows():
    rows = []
    for name, cls in schedules.SCHEDULES.items():
        others = [alias for alias, target in schedules._ALIASES.items() if target == name]
        rows.append((f"`{name}`", signature(cls), first(cls), code(*others)))
    return table(("name", "class", "formula", "other names"), rows)


def penalty_rows():
    rows = []
    for name, cls in penalties.PENALTIES.items():
        others = [a for a, target in PENALTY_ALIASES.items() if target == name and a not in (name, cls.__name__)]
        flags = cls.kind, yes(cls.is_smooth), yes(cls.is_norm)
        rows.append((f"`{name}`", signature(cls), markdown(first(cls)), *flags, code(*others)))
    return table(("name", "class", "penalty", "kind", "smooth", "norm", "other names"), rows)


def penalty_sums():
    names = list(penalties.PENALTIES)
    rows = [
        (f"`{a}` +", *("exact" if frozenset((a, b)) in penalties.SUMS else "TypeError" for b in names)) for a in names
    ]
    return table(("", *(f"`{name}`" for name in names)), rows)


def solver_needs():
    rows = []
    for name, solver in solvers.SOLVERS.items():
        needs = ", ".join(solvers._WORDS[word] for word in sorted(solver.needs))
        default = inspect.signature(solver).parameters["max_iter"].default
        rows.append((f"`{name}`", markdown(first(solver)), needs, default))
    return table(("solver", "what it does", "needs", "max_iter"), rows)


def solver_names():
    takes = {"LogisticRegression": _logistic._SOLVERS, "Ridge": _ridge._RIDGE_SOLVERS}
    rows = [
        (f"`{name}`", f"`{runs}`", ", ".join(cls for cls, names in takes.items() if name in names))
        for name, runs in _base.SOLVER_NAMES.items()
    ]
    return table(("`solver=`", "runs", "in"), rows)


SECTIONS = {
    f.__name__: f
    for f in (
        *(loss_formulas, loss_properties, loss_aliases, penalty_rows, penalty_sums),
        *(rules, schedule_rows, solver_needs, solver_names),
    )
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is not up to date")
    check = parser.parse_args(arguments).check
    stale, seen = [], set()
    for path in sorted(FOLDER.glob("*.md")):
        old = path.read_text(encoding="utf-8")
        seen.update(match[2] for match in MARK.finditer(old))
        new = MARK.sub(lambda m: f"{m[1]}{SECTIONS[m[2]]()}\n{m[3]}", old)
        if new != old:
            stale.append(path.name)
            if not check:
                path.write_text(new, encoding="utf-8")
    missing = sorted(set(SECTIONS) - seen)
    if missing:
        print(f"no page has the table {', '.join(missing)}", file=sys.stderr)
    if stale:
        print(f"{'not up to date' if check else 'written'}: {', '.join(stale)}", file=sys.stderr)
    return 1 if missing or (check and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
