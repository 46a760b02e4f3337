"""What the documentation says is so: examples run, generated tables are current, links and quoted code exist."""

import doctest
import importlib
import math
import os
import pkgutil
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import fastopt

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = [p for pattern in ("*.md", "docs/*.md") for p in sorted(CHECKOUT.glob(pattern))]
MODULES = [
    info.name
    for info in pkgutil.walk_packages(fastopt.__path__, "fastopt.")
    if not re.search(r"_kernels|_cyutility|__main__|_demo|reference", info.name)
]
# Public modules whose docstrings have examples.
EXAMPLES = (
    *("_config", "objective", "losses._base", "losses._binary", "losses._glm"),
    *("losses._regression", "losses._robust", "losses._rows"),
    *("losses._row_margins", "losses._row_softmax", "losses._row_vectors"),
    *("losses._combination", "losses._traits", "losses._weights", "losses._check", "losses._custom"),
    *("losses._sequence",),
    *("losses._survival",),
    *("losses._overlap", "losses._embedding", "losses._ranking"),
    *("penalties", "penalties._base", "penalties._coordinate", "penalties._step", "penalties._sum"),
    *("minimizers", "_minimize", "linesearch._backtracking", "linesearch._hager_zhang"),
    *("linesearch._more_thuente", "linesearch._strong"),
    *("schedules", "schedules._decay", "schedules._cycles", "schedules._compose", "schedules._plateau"),
    *("optimizers", "optimizers.adabelief", "optimizers.adagrad", "optimizers.adam", "optimizers.adamax"),
    *("optimizers.adan", "optimizers.asgd", "optimizers.averaging", "optimizers.clipping", "optimizers.ftrl"),
    *("optimizers.nadam", "optimizers.radam", "optimizers.schedule_free", "optimizers.sgd", "optimizers.signs"),
    *("optimizers._traits", "optimizers.yogi", "linear_model._logistic", "linear_model._ridge"),
    *("optimizers.lamb", "optimizers.prodigy", "optimizers.dog", "optimizers.polyak", "optimizers.barzilai_borwein"),
    *("optimizers.adafactor", "optimizers.muon", "optimizers.rows"),
    *("plots._compare", "plots._trajectory"),
    *("optimizers._filters", "optimizers.accumulate", "optimizers.average_wrappers", "optimizers.finder"),
    *("optimizers.lookahead", "optimizers.private", "optimizers.sam", "schedules._base"),
)

# Pages with loops of thousands of steps: one thread, also where the tests' default is two, which wait for each other.
LOOPS = ("textbook.md", "questions.md", "plots.md")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(CHECKOUT).as_posix())


class Checker(doctest.OutputChecker):
    """Compares with times and numbers at the level of rounding taken out."""

    def check_output(self, want, got, optionflags):
        return super().check_output(self._plain(want), self._plain(got), optionflags)

    @staticmethod
    def _plain(text):
        text = re.sub(r"\b[\d.]+ ms\b", "T ms", text)
        return re.sub(r"\b\d(\.\d+)?e-(0[89]|[1-9]\d)\b", "TINY", text)


def run(test, **config):
    report = []
    with fastopt.config_context(**config):
        found = doctest.DocTestRunner(Checker(), optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=report.append)
    assert found.failed == 0, "".join(report)
    return found.attempted


def blocks(page):
    """(file that the block quotes or None, language, text) of each fenced block."""
    text = page.read_text(encoding="utf-8")
    pattern = r"(?:^<!-- from: (\S+) -->\n)?^```(\w*)\n(.*?)^```$"
    return re.findall(pattern, text, re.M | re.S)


@each_page
def test_examples_of_pages(page):
    examples = [text for _, language, text in blocks(page) if language == "python" and ">>>" in text]
    if examples:
        test = doctest.DocTestParser().get_doctest("\n".join(examples), {}, page.name, str(page), 0)
        config = {"n_threads": 1} if page.name in LOOPS else {}
        assert run(test, **config) == sum(text.count("\n>>> ") + text.startswith(">>> ") for text in examples)


def test_pages_have_examples(checkout):
    with_examples = [p.name for p in PAGES if any(">>>" in text for _, _, text in blocks(p))]
    assert {
        "README.md",
        "choosing.md",
        "losses.md",
        "penalties.md",
        "optimizers.md",
        "solvers.md",
        "certificates.md",
        "linesearch.md",
        "textbook.md",
        "questions.md",
        "plots.md",
    } <= set(with_examples)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name):
    module = importlib.import_module(name)
    attempted = sum(run(test) for test in doctest.DocTestFinder(exclude_empty=True).find(module) if test.examples)
    if name.removeprefix("fastopt.") in EXAMPLES:
        assert attempted


def test_modules_with_examples_exist():
    assert {f"fastopt.{name}" for name in EXAMPLES} <= set(MODULES)


@each_page
def test_links(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    missing = [t for t in targets if "://" not in t and not (page.parent / t.partition("#")[0]).exists()]
    assert not missing


@each_page
def test_quoted_code(page):
    """A block under `from: FILE` is that file's text; a line of dots stands for what is left out."""
    for source, _, text in blocks(page):
        if source:
            whole = (CHECKOUT / source).read_text(encoding="utf-8")
            for part in re.split(r"^ *\.\.\.\n", text, flags=re.M):
                assert part.strip("\n") in whole, f"{source} does not contain:\n{part}"


def test_map(checkout):
    """The folders and files of CONTRIBUTING's map."""
    text = (checkout / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = re.search(r"## Map\n\n(.*?)\n\n", text, re.S)[1].splitlines()
    assert len(lines) == 10
    for line in lines:
        name = line.split()[0]
        assert (checkout / name).exists(), name
    for name in re.findall(r"\b(fo\w+\.h)\b", "\n".join(lines)):
        assert (checkout / "src_c" / name).exists(), name


def test_generated_tables(checkout):
    environment = dict(os.environ, PYTHONPATH=str(Path(fastopt.__file__).parents[1]))
    command = [sys.executable, str(checkout / "docs" / "generate.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr + "run python docs/generate.py"


def test_formulas_of_tables_are_whole(checkout, monkeypatch):
    """A docstring's first sentence is in the table to its end, also where a formula stands in a paragraph of its own."""
    monkeypatch.syspath_prepend(str(checkout / "docs"))
    generate = importlib.import_module("generate")
    assert "p_c = max(z_c - tau, 0)." in generate.loss_formulas()
    for cls in (*fastopt.losses.LOSSES.values(), *fastopt.losses.BATCH_LOSSES.values()):
        assert generate.first(cls).endswith("."), cls


def test_plots(checkout, monkeypatch):
    """Every loss of the families is in a picture, the pictures are small and in the page."""
    monkeypatch.syspath_prepend(str(checkout / "docs"))
    plots = importlib.import_module("plots")
    page = (checkout / "docs" / "losses.md").read_text(encoding="utf-8")
    for family in plots.FAMILIES:
        picture = checkout / "docs" / f"losses-{family}.png"
        assert picture.name in page and 5_000 < picture.stat().st_size < 60_000
        assert f"losses\0{plots.names(family)}".encode() in picture.read_bytes(), "run python docs/plots.py"
        for cls in plots.members(family):
            z, value, gradient = plots.curve(cls(), family, n=9)
            assert z.shape == value.shape == gradient.shape == (9,) and math.isfinite(value[4] + gradient[4])


def test_logistic_report(checkout, capsys):
    runpy.run_path(str(checkout / "examples" / "logistic_report.py"), run_name="__main__")
    out = capsys.readouterr().out
    assert "LogisticRegression: converged (gap)" in out
    assert "LogisticRegression: NOT converged (max_iter)" in out and "Cure: raise max_iter" in out
    low, high = re.search(r"^([\d.]+) <= optimum <= ([\d.]+)$", out, re.M).groups()
    # tol=1e-4 promises 1e-8 of the gain over a constant prediction, which costs C n log(10) at most.
    assert 0 <= float(high) - float(low) <= 1e-8 * 0.01 * 1347 * math.log(10)
    assert float(re.search(r"test set: ([\d.]+)", out)[1]) > 0.95


def test_own_training_loop(checkout, capsys):
    runpy.run_path(str(checkout / "examples" / "own_training_loop.py"), run_name="__main__")
    *epochs, best = (float(value) for value in re.findall(r"objective ([\d.]+)", capsys.readouterr().out))
    assert len(epochs) == 5 and epochs == sorted(epochs, reverse=True)
    assert 0 <= epochs[-1] - best < 1e-5


def test_gradient_descent_compared(checkout, capsys, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "curves.png"
    monkeypatch.setattr(sys, "argv", ["gradient_descent_compared.py", str(picture)])
    with fastopt.config_context(n_threads=1):
        runpy.run_path(str(checkout / "examples" / "gradient_descent_compared.py"), run_name="__main__")
    title, *lines = capsys.readouterr().out.splitlines()
    table = {line[:26].strip(): [float(cell) for cell in line[26:].split()] for line in lines}
    assert len(table) == 8 and title.split()[-6:] == ["0", "1", "2", "5", "10", "20"]
    for name, excess in table.items():
        assert excess[0] == 13107.39 and excess[-1] < 2e-3 * excess[0], name
        assert excess[:4] == sorted(excess[:4], reverse=True), name
    assert table["Newton"][1:] == [0.0] * 5
    assert table["batch gradient descent"] == sorted(table["batch gradient descent"], reverse=True)
    assert table["single-sample SGD"][1] < table["mini-batch SGD"][1]  # 442 steps against 14
    image = pytest.importorskip("matplotlib.image").imread(picture)
    assert image.shape[1] == 800 and image.std() > 0.05


def test_pictures_of_the_pages(checkout):
    """Each picture of docs/pictures.py is there, linked by its page, and small."""
    text = (checkout / "docs" / "pictures.py").read_text(encoding="utf-8")
    names = dict(re.findall(r'"(\w+)\.md": \((.+?)\)', re.search(r"^PICTURES = .*$", text, re.M)[0]))
    assert set(names) == {"textbook", "questions"}
    for page, functions in names.items():
        linked = re.findall(r"!\[.+?\]\((.+?)\)", (checkout / "docs" / f"{page}.md").read_text(encoding="utf-8"))
        assert linked == [f"{page}_{name.strip()}.png" for name in functions.split(",")]
        for name in linked:
            assert 2_000 < (checkout / "docs" / name).stat().st_size < 60_000


@pytest.mark.slow
def test_pictures_are_drawn(checkout, tmp_path):
    pytest.importorskip("matplotlib")
    command = [sys.executable, str(checkout / "docs" / "pictures.py"), str(tmp_path)]
    environment = dict(os.environ, PYTHONPATH=str(Path(fastopt.__file__).parents[1]))
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    expected = {p.name for pattern in ("textbook_*.png", "questions_*.png") for p in (checkout / "docs").glob(pattern)}
    assert {p.name for p in tmp_path.iterdir()} == expected and len(expected) == 8
    assert all(p.stat().st_size < 60_000 for p in tmp_path.iterdir())


def test_examples_are_short(checkout):
    files = sorted((checkout / "examples").glob("*.py"))
    assert [p.name for p in files] == ["gradient_descent_compared.py", "logistic_report.py", "own_training_loop.py"]
    limits = {"gradient_descent_compared.py": 65}
    assert all(len(p.read_text(encoding="utf-8").splitlines()) < limits.get(p.name, 40) for p in files)
