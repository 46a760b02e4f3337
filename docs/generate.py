"""Writes the tables of docs/*.md from the rosters of losses, penalties, optimizers, schedules, line searches and solvers.

    python docs/generate.py [--check]

A table stands between `<!-- generated: NAME -->` and `<!-- /generated -->`. With --check nothing is
written and the exit status is 1 if a page is not up to date.
"""

import argparse
import inspect
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import fastopt
from fastopt import _kernels, linesearch, losses, optimizers, penalties, schedules, solvers
from fastopt._minimize._descent import SEARCHES
from fastopt.linear_model import _base, _logistic, _ridge
from fastopt.losses import _traits as loss_traits
from fastopt.losses._base import ALIASES, BATCH_ALIASES, DOMAINS
from fastopt.optimizers import _traits as optimizer_traits
from fastopt.optimizers._filters import COMMON
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
    """The first paragraph of the docstring on one line, with those that finish its sentence."""
    paragraphs = inspect.getdoc(cls).split("\n\n")
    end = next(i for i, text in enumerate(paragraphs, 1) if text.rstrip().endswith((".", "?")))
    return " ".join(" ".join(paragraphs[:end]).split())


def yes(flag):
    return "yes" if flag else "no"


def loss_formulas():
    rows = [(f"`{name}`", signature(cls), first(cls)) for name, cls in losses.LOSSES.items()]
    return table(("name", "class", "loss"), rows)


def target_words(cls):
    return DOMAINS[cls.domain][0] if cls.domain in DOMAINS else cls.domain


def loss_properties():
    rows = []
    for name, cls in losses.LOSSES.items():
        kinds = cls.hessian_kinds if len(cls.hessian_kinds) > 1 else (cls.hessian_kind,)
        hessian = ", ".join(kinds) if cls.constant_hessian is None else f"{cls.hessian_kind}: {cls.constant_hessian:g}"
        flags = yes(cls.is_convex), yes(cls.is_smooth)
        offers = yes(cls.has_conjugate), yes(cls.has_deviance)
        rows.append((f"`{name}`", target_words(cls), cls.link, *flags, hessian, *offers))
    return table(("name", "targets", "link", "convex", "smooth", "Hessian", "conjugate", "deviance"), rows)


def loss_conventions():
    rows = [(f"`{name}`", cls.traits.elsewhere) for name, cls in losses.LOSSES.items()]
    return table(("name", "elsewhere"), rows)


def usable_solvers(cls):
    """What a linear objective of the loss, on a few rows, offers to the solvers; and what else takes it."""
    loss, rng = cls(), np.random.default_rng(0)
    if cls.name in losses.BATCH_LOSSES:
        return "`minimize` on a function of your own"
    try:
        y, _ = loss.sample(rng, 20)
        objective = fastopt.LinearObjective(rng.normal(size=(20, 2)), y, loss)
    except NotImplementedError:  # couples all samples
        return "`minimize` on a function of your own"
    try:
        objective.value(np.full(objective.shape, 9.0))
    except ValueError:
        return "none: a linear model gives no probabilities"
    names = [name for name, solver in solvers.SOLVERS.items() if solver.needs <= objective.offers]
    text = code(*names)
    if not cls.is_convex and "fisher" in cls.hessian_kinds:
        text = text.replace("`newton-cholesky`", "`newton-cholesky` (`hessian='fisher'`)")
    return text if names else "none: kinks; smooth it, or an optimizer with a falling rate"


def usable_optimizers(cls):
    if not cls.is_separable:
        return "full batches"
    return "all" if cls.is_convex else "all; several starts"


def choose_losses():
    parts = []
    for task, (words, chinese) in loss_traits.TASKS.items():
        names = losses.choose(task=task)
        if not names:
            continue
        rows = []
        for name in names:
            cls = (losses.LOSSES | losses.BATCH_LOSSES)[name]
            t = cls.traits
            rows.append((f"`{name}`", t.chinese, t.use, t.noise or "-", t.outliers, target_words(cls),
                         yes(cls.is_convex), usable_solvers(cls), usable_optimizers(cls)))  # fmt: skip
        header = ("loss", "中文", "when", "noise", "outliers", "targets", "convex", "solvers", "optimizers")
        parts.append(f"### {words[0].upper()}{words[1:]} ({chinese}): `task={task!r}`\n\n{table(header, rows)}\n")
    return "\n".join(parts)


def outlier_words():
    return table(("`outliers=`", "the gradient of an element", "中文"),
                 [(f"`{word}`", *both) for word, both in loss_traits.OUTLIERS.items()])  # fmt: skip


def choose_optimizers():
    traits = optimizer_traits
    given = [(f"`{name}`", cls.traits, f"{traits.n_slots(cls):g}") for name, cls in optimizers.OPTIMIZERS.items()]
    given += [(f"`{name}` of `minimize`", t, kept("p")) for name, (t, kept) in traits.METHODS.items()]
    rows = []
    for name, t, kept in given:
        task = ", ".join(traits.TASKS[word][0] for word in t.task)
        words = traits.NOISE[t.noise][0], traits.TUNING[t.tuning][0], traits.BUDGET[t.budget][0]
        rows.append((name, t.chinese, t.use, task, *words, kept))
    header = ("optimizer", "中文", "when", "task", "gradients", "rate", "time budget", "numbers kept a parameter")
    return table(header, rows)


def optimizer_words():
    vocabularies = {"task": "TASKS", "noise": "NOISE", "tuning": "TUNING", "budget": "BUDGET"}
    rows = [
        (f"`{name}={word!r}`", *both)
        for name, words in vocabularies.items()
        for word, both in getattr(optimizer_traits, words).items()
        if (name, word) != ("noise", "both")
    ]
    rows += [
        ("`slots=1`", "at most so many numbers kept beside each parameter", "每个参数的附加内存"),
        ("`n=10_000`", "samples, all in memory", "样本数 (数据全部在内存中)"),
        ("`p=500`", "parameters", "参数个数"),
    ]
    return table(("ask for", "meaning", "中文"), rows)


def choose_solvers():
    """What "auto" runs for smooth losses of n rows and p columns, by count alone, and what to take elsewhere."""
    sizes = ((1_000, 10), (1_000, 1_000), (100_000, 20), (100_000, 200), (1_000_000, 50), (1_000_000, 1_000),
             (10_000_000, 1_000_000), (1_000_000_000, 1_000_000_000), (1_000_000_000, 4_000_000_000))  # fmt: skip
    rows = []
    for n, p in sizes:
        stand_in = SimpleNamespace(n=n, size=p + 1, offers=frozenset({"gradient", "hessian"}))
        linear = f"`{solvers.choose(stand_in)}`" if n * p <= 1e10 else "as a stream"
        first = optimizers.choose(task="network", n=n, p=p)[0]
        other = [f"`minimize`: `{first}`"] if first in optimizer_traits.METHODS else []
        if n * p > optimizer_traits.CHEAP:
            task = "network" if p < 1e9 else "large"
            other.append(f"batches: {code(*optimizers.choose(task=task, noise='batches', n=n, p=p)[:3])}")
        stream = code(*optimizers.choose(task="online", p=p))
        rows.append((f"{n:,}", f"{p:,}", linear, "; ".join(other), stream))
    header = ('linear model in memory, `solver="auto"`', "network, function of your own", "stream")
    return table(("samples n", "parameters p", *header), rows)


def loss_aliases():
    rows = []
    for name, cls in losses.LOSSES.items():
        others = [alias for alias, target in ALIASES.items() if target == name and alias not in (name, cls.__name__)]
        rows.append((f"`{name}`", code(*others)))
    return table(("name", "other names that `losses.get` takes"), rows)


def batch_losses():
    rows = []
    for name, cls in losses.BATCH_LOSSES.items():
        others = [a for a, target in BATCH_ALIASES.items() if target == name and a not in (name, cls.__name__)]
        rows.append((f"`{name}`", signature(cls), first(cls), DOMAINS.get(cls.domain, (cls.domain,))[0], code(*others)))
    return table(("name", "class", "loss", "targets", "other names"), rows)


def loss_functions():
    functions = [f for name in losses.__all__ if inspect.isfunction(f := getattr(losses, name)) and name != "get"]
    return table(("function", "loss"), [(f"`{f.__name__}`", first(f)) for f in functions])


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
        options = [option for option in made[likes[0]] if option != "like" and option not in COMMON]
        rows = [(f"`{option}`", *(f"`{made[like][option]!r}`" for like in likes)) for option in options]
        heading = f"## {cls.__name__}\n\n`optimizers.get({name!r})`. {markdown(formula)}\n\nDefaults by convention:\n"
        parts.append(f"{heading}\n{table(('option', *(f'like={like!r}' for like in likes)), rows)}\n")
    names = _kernels.table.updates[np.dtype(np.float64)].rules()
    return "\n".join(parts) + f"\nThe rules in C (`src_c/fo_updates.h`) that these select: {code(*names)}."


def refused_options():
    """The options around the step, with the rules that do not take them."""
    samples = {"nonfinite": "skip", "centralize": True, "clip_value": 1.0, "clip_norm": 1.0, "clip_global_norm": 1.0,
               "clip_adaptive": 0.01, "noise": optimizers.GradientNoise(), "weight_decay_exclude": "vectors",
               "lr_multiplier": {"key": 2.0}}  # fmt: skip
    if set(samples) != {*COMMON, "clip_global_norm"}:
        raise ValueError("the options of optimizers._filters.COMMON have changed")
    groups = {}
    for option, value in samples.items():
        refuse = []
        for cls in optimizers.OPTIMIZERS.values():
            try:
                cls(**{option: value})
            except (TypeError, ValueError):
                refuse.append(cls.__name__)
        groups.setdefault(tuple(refuse), []).append(option)
    rows = [(code(*names), code(*refuse) if refuse else "all rules take them") for refuse, names in groups.items()]
    return table(("option", "rules that do not take it"), rows)


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


def searches():
    """The searches of a step, with the names that `minimize` has for them and the constants of their conditions."""
    names = {search: name for name, search in SEARCHES.items()}
    rows = []
    for name in linesearch.__all__:
        search = getattr(linesearch, name)
        parameters = inspect.signature(search).parameters
        if "phi" in parameters:
            constants = ", ".join(f"{c} = {parameters[c].default:g}" for c in ("c1", "c2") if c in parameters)
            option = f"`{names.pop(search)!r}`" if search in names else "-"
            rows.append((f"`{name}`", markdown(first(search)), constants, option))
    if names:
        raise ValueError(f"not in fastopt.linesearch: {names}")
    return table(("function", "what it does", "default constants", "`line_search=`"), rows)


def solver_needs():
    rows = []
    for name, solver in solvers.SOLVERS.items():
        needs = ", ".join(solvers.NEEDS[word] for word in sorted(solver.needs))
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
        *(loss_formulas, loss_properties, loss_conventions, loss_aliases, batch_losses, loss_functions),
        *(choose_losses, outlier_words, choose_optimizers, optimizer_words, choose_solvers),
        *(penalty_rows, penalty_sums),
        *(refused_options, rules, schedule_rows, searches, solver_needs, solver_names),
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
