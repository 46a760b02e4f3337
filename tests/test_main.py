"""The main job: what its tables say, its picture, the user's own file, bad input."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastopt
from fastopt.__main__ import main
from fastopt._demo import fits, steps

SYSTEMS = ("fastopt", "NumPy", "scikit-learn")


def run(*args, repeats=1):
    """Exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(arg) for arg in args], repeats=repeats)
    return code, out.getvalue(), err.getvalue()


def table(text, title):
    """Rows of cells of the table that has this column first."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(title + " "))
    assert set(lines[start + 1]) == {"-"}
    end = lines.index("", start)
    return [re.split(r"\s{2,}", line.strip()) for line in lines[start + 2 : end]]


def groups(text):
    """One dict for each problem: system -> cells; the first table."""
    rows = table(text, "data, n x p, model")
    assert len(rows) % 3 == 0
    found = []
    for i in range(0, len(rows), 3):
        ours, numpy, sklearn = rows[i : i + 3]
        assert len(ours) == 10 and [row[1] for row in rows[i : i + 3]] == list(SYSTEMS)
        problem = [row[0] for row in rows[i : i + 3]]
        found.append({"problem": problem, "fastopt": ours, "NumPy": numpy, "scikit-learn": sklearn})
    return found


def check_numbers(group):
    """Objectives agree, the excesses are small, the certificate holds, ratios are those of the seconds."""
    ours = group["fastopt"]
    relative_gap = float(ours[7])
    assert 0 <= relative_gap <= 1e-8
    assert int(ours[3]) >= 1 and int(ours[4]) >= 1 and float(ours[9]) == 1.0
    for system in SYSTEMS:
        cells = group[system]
        if cells[-1] == "not reached":
            # A peer's search for a tolerance has a time limit, which a busy machine can meet.
            assert system != "fastopt" and float(cells[-2]) > 0
            continue
        assert float(cells[6] if system == "fastopt" else cells[-3]) == pytest.approx(float(ours[6]), rel=1e-6), cells
        assert 0 <= float(cells[-2]) <= 1e-8, cells
        if system != "fastopt":
            # Seconds are printed to a microsecond, ratios to 0.01.
            seconds, mine = float(cells[-4]), float(ours[5])
            low, high = (seconds - 1e-6) / (mine + 1e-6) - 0.01, (seconds + 1e-6) / max(mine - 1e-6, 1e-9) + 0.01
            assert low <= float(cells[-1]) <= high


@pytest.fixture(scope="module", autouse=True)
def impatient():
    """Peers' searches for a tolerance and the repeats for the times are cut short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fits, "PATIENCE", 0.5)
        patch.setattr(steps, "SECONDS", 0.1)
        yield


@pytest.fixture(scope="module")
def job(impatient, tmp_path_factory):
    """One run of everything with a picture."""
    pytest.importorskip("matplotlib")
    picture = tmp_path_factory.mktemp("job") / "picture.png"
    code, out, err = run("--plot", picture)
    assert code == 0, err
    return out, err, picture


def test_first_table(job):
    found = groups(job[0])
    assert [group["problem"] for group in found] == [
        ["breast cancer, raw", "569 x 30", "LogisticRegression"],
        ["breast cancer, standardised", "569 x 30", "LogisticRegression"],
        ["digits", "1797 x 64", "LogisticRegression"],
        ["diabetes", "442 x 10", "Ridge"],
        ["diabetes", "442 x 10", "LinearRegression"],
    ]
    for group in found:
        check_numbers(group)


def test_objectives_are_those_of_the_estimators(job):
    from sklearn.datasets import load_breast_cancer
    from sklearn.metrics import log_loss

    X, y = load_breast_cancer(return_X_y=True)
    model = fastopt.linear_model.LogisticRegression().fit(X, y)
    value = log_loss(y, model.predict_proba(X), normalize=False) + (model.coef_**2).sum() / 2
    assert float(groups(job[0])[0]["fastopt"][6]) == pytest.approx(value, rel=1e-8)


def test_second_table(job):
    rows = table(job[0], "method")
    assert [row[0] for row in rows] == list("bsmha")
    steps = {row[0]: int(row[4]) for row in rows}
    assert steps == {"b": 40, "s": 40 * 442, "m": 560, "h": 560, "a": 560}
    minimum = float(re.search(r"The minimum is ([\d.]+)\.", job[0]).group(1))
    for row in rows:
        ours, numpy, difference, *times = map(float, row[5:])
        assert ours == pytest.approx(numpy, rel=1e-8) and difference <= 1e-10
        assert minimum < ours < 1.05 * minimum
        assert len(times) == 4 and min(times) > 0


def test_curve(job):
    """Each method's letter is drawn, and nothing but letters stands in the field."""
    lines = [line for line in job[0].splitlines() if re.match(r"(  1e[+-]\d| {6}) \|", line)]
    assert len(lines) == 16
    assert set("".join(line[8:] for line in lines)) == set("bsmha ")


def test_header_and_progress(job):
    out, err, _ = job
    described = fastopt.show_config("dict")
    head = "\n".join(out.splitlines()[:2])
    for fact in (fastopt.__version__, f"ISA {described['isa']['in use']}", f"{os.cpu_count()} CPUs", "threads"):
        assert fact in head
    for name in ("numpy", "scipy", "scikit-learn"):
        assert f"{name} {described['versions'][name]}" in head
    for said in ("[1/5] breast cancer, raw", "[5/5] diabetes", "[5/5] diabetes, mini-batch Adam"):
        assert said in err
    assert "Traceback" not in err and "Warning" not in err


def test_picture(job):
    picture = job[2]
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    image = pytest.importorskip("matplotlib.image").imread(picture)
    assert image.shape[0] > 400 and image.shape[1] > image.shape[0]
    assert len(np.unique(image.reshape(-1, image.shape[2]), axis=0)) > 50
    assert str(picture) in job[0]


# --- the user's own file ----------------------------------------------------------------------


def write_csv(path, header, columns, delimiter=","):
    lines = [delimiter.join(header), *(delimiter.join(map(str, row)) for row in zip(*columns))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def data(n=60, p=3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)).round(4) * [1.0, 100.0, 0.01]
    return X, X @ [1.0, -0.02, 50.0] + rng.normal(size=n)


TARGETS = {
    "text": (lambda z: np.where(z > 0, "yes", "no"), "2 classes (no, yes)", ["LogisticRegression"]),
    "integers": (lambda z: np.digitize(z, [-1, 1]) * 2 + 1, "3 classes (1, 3, 5)", ["LogisticRegression"]),
    "whole floats": (lambda z: (z > 0).astype(float), "2 classes (0, 1)", ["LogisticRegression"]),
    "numbers": (lambda z: z.round(3), "numbers", ["Ridge", "LinearRegression"]),
    "few fractions": (lambda z: np.sign(z) / 2, "numbers", ["Ridge", "LinearRegression"]),
    "many integers": (lambda z: (100 * z).astype(int), "numbers", ["Ridge", "LinearRegression"]),
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("kind", TARGETS)
def test_own_file(tmp_path, kind, delimiter):
    make, said, models = TARGETS[kind]
    before = fastopt.get_config()
    X, z = data()
    path = write_csv(
        tmp_path / "own.csv", ["a", "what is it", "b", "c"], [X[:, 0], make(z), X[:, 1], X[:, 2]], delimiter
    )
    code, out, err = run("--data", path, "--target", "what is it", "--n-threads", 1)
    assert code == 0, err
    assert said in out and "threads 1" in out
    found = groups(out)
    assert [group["problem"] for group in found] == [["what is it", "60 x 3", model] for model in models]
    for group in found:
        check_numbers(group)
    assert fastopt.get_config() == before


def test_own_file_with_picture(tmp_path):
    pytest.importorskip("matplotlib")
    X, z = data()
    path = write_csv(tmp_path / "own.csv", ["a", "b", "c", "z"], [*X.T, z])
    for name, magic in (("p.png", b"\x89PNG"), ("p.PDF", b"%PDF"), ("p.svg", b"<?xml")):
        code, _, err = run("--data", path, "--target", "z", "--plot", tmp_path / name)
        assert code == 0, err
        assert (tmp_path / name).read_bytes().startswith(magic)


def test_more_columns_than_rows(tmp_path):
    """An interpolating least squares fit: its optimum is 0."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(25, 40)), rng.normal(size=25)
    path = write_csv(tmp_path / "wide.csv", [f"x{j}" for j in range(40)] + ["y"], [*X.T, y])
    code, out, err = run("--data", path, "--target", "y")
    assert code == 0, err
    for group in groups(out):
        for system in SYSTEMS:
            assert float(group[system][-2]) <= 1e-8


@pytest.mark.parametrize("classes", [True, False])
def test_hard_columns(tmp_path, classes):
    """Equal columns, a constant one, scales 18 decades apart: fastopt reaches the target, whoever else does."""
    X, z = data()
    columns = [
        X[:, 0],
        X[:, 0],
        1e9 * X[:, 1],
        1e-9 * X[:, 2],
        np.ones(len(X)),
        np.where(z > 0, "b", "a") if classes else z,
    ]
    path = write_csv(tmp_path / "hard.csv", list("abcdez"), columns)
    code, out, err = run("--data", path, "--target", "z")
    assert code == 0, err
    for group in groups(out):
        assert float(group["fastopt"][-2]) <= 1e-8
        for system in SYSTEMS[1:]:
            assert (float(group[system][-2]) > 1e-8) == (group[system][-1] == "not reached")


def test_names_beyond_ascii(tmp_path):
    X, z = data()
    path = write_csv(tmp_path / "own.csv", ["a", "b", "c", "größe"], [*X.T, z])
    environment = dict(os.environ, PYTHONPATH=str(Path(fastopt.__file__).parents[1]), PYTHONIOENCODING="ascii")
    code = "import sys; from fastopt.__main__ import main; sys.exit(main(sys.argv[1:], repeats=1))"
    command = [sys.executable, "-c", code, "--data", path, "--target", "größe"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "gr\\xf6\\xdfe" in result.stdout


def test_quoted_cells_and_a_byte_order_mark(tmp_path):
    X, z = data()
    lines = ['"a, first",b,c,"z"'] + [f'"{u}",{v},{w},"{t > 0}"' for (u, v, w), t in zip(X, z)] + ["", ""]
    path = tmp_path / "own.csv"
    path.write_text("\r\n".join(lines), encoding="utf-8-sig")
    code, out, err = run("--data", path, "--target", "z")
    assert code == 0, err
    assert "2 classes (False, True)" in out and "60 x 3" in out


def test_not_reached_is_said():
    """A peer that cannot reach the target is shown with its best, and without a time."""
    from fastopt._demo import data as demo_data
    from fastopt._demo import fits

    problem = demo_data.shipped()[1]
    comparison = fits.compare(problem, repeats=1)
    slow = fits.Fit("scikit-learn", "sag", 3, None, comparison.best * 1.01, excess=1e-2)
    comparison.fits[2] = slow
    cells = fits.rows(comparison)[2]
    assert cells[-1] == "not reached" and cells[5] == "" and cells[-2] == "1.0e-02"
    weak = fits.Candidate("x", "x", lambda tol: fits.linear.Solution(problem.reference.initial(), 0, 1), (0.1, 0.01))
    assert fits._search(problem, [weak], comparison.constant, comparison.best) == []
    assert weak.excess == pytest.approx(1.0)


# --- bad input --------------------------------------------------------------------------------

OWN = ["--data", "own.csv", "--target", "z"]
GOOD = "a,b,z\n1,2,0.5\n2,1,1.5\n3,5,0.1\n4,4,2.2\n"
BAD = {
    # name: (contents of own.csv or None, arguments, message)
    "missing file": (None, ["--data", "nowhere.csv", "--target", "z"], "cannot read nowhere.csv: No such file"),
    "a folder": (None, ["--data", ".", "--target", "z"], "cannot read .: "),
    "unknown column": (GOOD, ["--data", "own.csv", "--target", "y"], "no column 'y'; its columns are 'a', 'b', 'z'"),
    "text": (GOOD.replace("5,0.1", "x,0.1"), OWN, "own.csv, line 4: 'x' in column 'b' is not"),
    "empty cell": (GOOD.replace("3,5", "3,"), OWN, "line 4: no value in column 'b'"),
    "NaN": (GOOD.replace("3,5", "3,NaN"), OWN, "line 4: no value in column 'b' ('NaN')"),
    "infinity": (GOOD.replace("3,5", "3,-inf"), OWN, "line 4: -inf in column 'b' is not finite"),
    "target NaN": (GOOD.replace("1.5", "nan"), OWN, "line 3: no value in column 'z'"),
    "target infinite": (GOOD.replace("1.5", "inf"), OWN, "line 3: inf in column 'z' is not finite"),
    "text among numbers": (
        "a,z\n" + "".join(f"{i},{i}.5\n" for i in range(30)) + "30,oops\n",
        OWN,
        "line 32: 'oops' in column 'z' is not a number",
    ),
    "empty file": ("", OWN, "own.csv is empty"),
    "no rows": ("a,b,z\n", OWN, "column names and no data"),
    "one row": ("a,b,z\n1,2,3\n", OWN, "1 rows of data; a fit needs 2"),
    "target alone": ("z\n1\n2\n", OWN, "no column beside the target"),
    "short line": ("a,b,z\n1,2,3\n1,2\n", OWN, "line 3: 2 cells, but there are 3 columns"),
    "column twice": ("a,a,z\n1,2,3\n", OWN, "the column 'a' occurs twice"),
    "column without name": ("a,,z\n1,2,3\n", OWN, "line 1: column 2 has no name"),
    "open quote": ('a,z\n"1,2\n', OWN, "is not a CSV file"),
    "not text": (b"PK\x03\x04\xff\xfe\x00", OWN, "own.csv is not a CSV file: it is not text"),
    "constant numbers": (GOOD, ["--data", "own.csv", "--target", "k"], "the target 'k' is constant (2.5)"),
    "constant text": (GOOD, ["--data", "own.csv", "--target", "t"], "the target 't' is constant (no)"),
    "target without data": (None, ["--target", "z"], "--target names a column of --data"),
    "data without target": (GOOD, ["--data", "own.csv"], "--data needs --target"),
    "no threads": (
        None,
        ["--n-threads", "0"],
        "--n-threads must be a positive integer or -1 (all processors), got '0'",
    ),
    "text for threads": (None, ["--n-threads", "two"], "got 'two'"),
    "unknown option": (None, ["--colour", "red"], "unrecognized arguments: --colour red"),
    "value missing": (None, ["--data"], "argument --data: expected one argument"),
    "extension": (None, ["--plot", "p.xyz"], "--plot p.xyz: the extension must be one of png, pdf, svg, got 'xyz'"),
    "no extension": (None, ["--plot", "p"], "got none"),
    "no folder": (None, ["--plot", "there/is/p.png"], "--plot there/is/p.png: there is no folder"),
    "folder for a picture": (None, ["--plot", "folder.png"], "--plot folder.png: that is a folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(tmp_path, monkeypatch, name):
    """One line on standard error, exit code 2, nothing on standard output."""
    contents, args, message = BAD[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    if name.startswith("constant"):
        contents = "\n".join(f"{line},{end}" for line, end in zip(contents.split(), ["k,t"] + ["2.5,no"] * 4))
    if contents is not None:
        (tmp_path / "own.csv").write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    before = sorted(os.listdir(tmp_path))
    code, out, err = run(*args)
    assert code == 2
    assert out == ""
    assert err.startswith("fastopt: error: ") and err.count("\n") == 1
    assert message in err
    assert sorted(os.listdir(tmp_path)) == before


def test_plot_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = run("--plot", "p.png")
    assert code == 2 and out == ""
    assert "needs matplotlib, which is not installed: pip install matplotlib" in err


def test_picture_that_cannot_be_written(monkeypatch, tmp_path):
    """Where the check before the fits saw nothing: still one line."""
    pytest.importorskip("matplotlib")
    from fastopt._demo import plot

    monkeypatch.setattr(plot, "check", lambda path: None)
    X, z = data()
    path = write_csv(tmp_path / "own.csv", ["a", "b", "c", "z"], [*X.T, z])
    code, _, err = run("--data", path, "--target", "z", "--plot", tmp_path / "gone" / "p.png")
    assert code == 2
    assert "No such file or directory" in err.splitlines()[-1]


def test_interrupt(monkeypatch):
    from fastopt._demo import data as demo_data

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_data, "shipped", interrupted)
    assert run() == (130, "", "fastopt: interrupted\n")


def test_help():
    code, out, err = run("--help")
    assert code == 0 and err == ""
    for option in ("--data", "--target", "--plot", "--n-threads", "--version"):
        assert option in out


def test_as_a_module(tmp_path):
    environment = dict(os.environ, PYTHONPATH=str(Path(fastopt.__file__).parents[1]))
    result = subprocess.run(
        [sys.executable, "-m", "fastopt", "--version"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, f"fastopt {fastopt.__version__}\n", "")
