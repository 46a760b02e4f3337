"""The package as a thing that is installed, imported and built against."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import fastopt
from fastopt import _kernels

PACKAGE = Path(fastopt.__file__).parent

# Rooms by floor: a module imports from its own floor and those below.
FLOORS = [
    {"_kernels"},
    {"_axes", "_config", "_validation", "diagnostics"},
    {"losses", "penalties", "optimizers", "schedules", "linesearch"},
    {"data"},
    {"_passes", "objective", "scaling"},
    {"solvers"},
    {"training", "_minimize", "minimizers", "plots"},
    {"linear_model", "svm", "neural_network", "_estimators"},
    {"__main__", "_demo"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ESTIMATORS = FLOOR["linear_model"]
LAZY_SCIPY = {"scipy.linalg", "scipy.optimize", "scipy.sparse", "scipy.stats", "scipy.special"}


# Modules that may import these at once, as they are themselves imported where they are needed.
DEFERRED = {"fastopt._minimize._inverse_hessian"}


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules():
    return [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py" and "__pycache__" not in p.parts]


def imports(path, top_level_only=False):
    """Absolute names of the modules (and what is imported from them) that a file imports."""
    package = ["fastopt", *path.relative_to(PACKAGE).parts[:-1]]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []

    def visit(node):
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.extend(f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module"):
            if node.args and isinstance(node.args[0], ast.Constant):
                found.append(node.args[0].value)
        for child in ast.iter_child_nodes(node):
            if not (top_level_only and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))):
                visit(child)

    visit(tree)
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path):
    room = room_of(path)
    if room == "reference":
        wrong = [
            name for name in imports(path) if name.startswith("fastopt.") and not name.startswith("fastopt.reference")
        ]
        assert not wrong, f"the reference shares nothing with what it judges: {wrong}"
        return
    assert room in FLOOR, f"a new room: give {room} a floor in {Path(__file__).name}"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "fastopt" and len(parts) > 1 and parts[1] in {*FLOOR, "reference"}:
            if parts[1] == "reference":
                assert FLOOR[room] == FLOOR["__main__"], f"{room} imports {name}"
            else:
                assert FLOOR[parts[1]] <= FLOOR[room], f"{room} imports {name} from a floor above"
        if parts[0] == "sklearn":
            assert FLOOR[room] >= ESTIMATORS, f"{room} imports {name}; only estimators use scikit-learn"


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_scipy_loads_on_first_use(path):
    if room_of(path) in FLOOR and FLOOR[room_of(path)] < ESTIMATORS:
        names = imports(path, top_level_only=True)
        assert not [n for n in names if any(f"{n}.".startswith(f"{module}.") for module in DEFERRED)]
        if ".".join(["fastopt", *path.relative_to(PACKAGE).with_suffix("").parts]) in DEFERRED:
            return
        eager = [n for n in names if any(f"{n}.".startswith(f"{s}.") for s in LAZY_SCIPY)]
        assert not eager, f"import these inside the function that needs them: {eager}"


def test_import_is_light(run_python):
    code = """
import sys, time
import numpy, scipy
before = set(sys.modules)
start = time.perf_counter()
import fastopt
print(f"import fastopt: {1e3 * (time.perf_counter() - start):.1f} ms", file=sys.stderr)
print(*sorted(set(sys.modules) - before))
"""
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    print(result.stderr)
    loaded = result.stdout.split()
    assert "fastopt" in loaded
    heavy = ("sklearn", "joblib", "pandas", "matplotlib", "scipy", "fastopt.losses", "fastopt.linear_model")
    assert not [name for name in loaded if name.startswith(heavy)]
    assert len([name for name in loaded if name.startswith("fastopt")]) <= 8, loaded
    assert len(loaded) <= 30, loaded


@pytest.mark.parametrize("name", sorted(set(fastopt._SUBMODULES) - {"linear_model"}))
def test_submodules_are_light(run_python, name):
    code = f"""
import sys
import numpy, scipy
before = set(sys.modules)
import fastopt
fastopt.{name}
print(*sorted(set(sys.modules) - before))
"""
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    heavy = (
        "sklearn",
        "joblib",
        "pandas",
        "matplotlib",
        "scipy.linalg",
        "scipy.optimize",
        "scipy.sparse",
        "fastopt.reference",
    )
    assert not [module for module in result.stdout.split() if module.startswith(heavy)]


@pytest.mark.parametrize("name", fastopt.__all__)
def test_public_names(name):
    assert name in dir(fastopt)
    value = getattr(fastopt, name)
    assert value.__doc__
    if name in fastopt._SUBMODULES:
        assert value is sys.modules[f"fastopt.{name}"]


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="module 'fastopt' has no attribute 'Adma'"):
        fastopt.Adma  # noqa: B018
    assert not hasattr(_kernels.table, "nothing")


def test_unbuilt_checkout_says_so(run_python, tmp_path):
    """A folder with the sources alone, in front of the installed package, as in a fresh clone."""
    folder = tmp_path / "clone"
    for path in PACKAGE.rglob("*.py"):
        target = folder / "fastopt" / path.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    result = run_python("import fastopt", cwd=folder)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: fastopt is imported from a source tree whose extension modules are not built")
    assert str(folder) in last and "pip install -e ." in last


def test_include_folder():
    folder = Path(fastopt.get_include())
    assert (folder / "fastopt.h").is_file()
    for header in folder.glob("*.h"):
        for name in re.findall(r'#include "([^"]+)"', header.read_text(encoding="utf-8")):
            assert (folder / name).is_file(), f"{header.name} includes {name}"


def test_package_data():
    assert (PACKAGE / "py.typed").is_file()
    assert (PACKAGE / "formulas.pxd").is_file() and (PACKAGE / "loss.pxd").is_file()


EXTENSION = """
# cython: language_level=3, boundscheck=False
from fastopt.formulas cimport (
    element_f32, element_f64, huber_f32, huber_f64, momentum_f32, momentum_f64, point_f32, point_f64, scalars_f32,
    scalars_f64)

def loss(const double[::1] y, const double[::1] z, double delta, double[::1] gradient):
    cdef Py_ssize_t i
    cdef double total = 0
    cdef point_f64 o
    with nogil:
        for i in range(y.shape[0]):
            o = huber_f64(y[i], z[i], &delta)
            total += o.value
            gradient[i] = o.gradient
    return total

def loss32(float y, float z, float delta):
    cdef point_f32 o
    with nogil:
        o = huber_f32(y, z, &delta)
    return o.value, o.gradient, o.hessian

def step(double[::1] w, double[::1] slot, const double[::1] g, double lr, double beta):
    cdef Py_ssize_t i
    cdef element_f64 e
    cdef scalars_f64 s = scalars_f64(sign=1, l2=0, decay=0, alpha=lr, beta=0, keep1=beta, gain1=1, keep2=0, gain2=0,
                                     eps=0, lift=0, eps_root=0, keep3=0, gain3=0)
    with nogil:
        for i in range(w.shape[0]):
            e = element_f64(w=w[i], a=slot[i], b=0, c=0, d=0)
            e = momentum_f64(e, g[i], &s)
            w[i] = e.w
            slot[i] = e.a

from fastopt.formulas cimport (
    FO_GRADIENT, FO_TILE_F32, FO_TILE_F64, FO_V_INDEX, FO_VALUE, categorical_focal_f32, gaussian_nll_f64, row_tile_f32,
    row_tile_f64, rows_f64, softmax_row_f64)
from libc.stdint cimport int64_t

def softmax(const int64_t[::1] y, const double[:, ::1] z, double[::1] value, double[:, ::1] gradient):
    cdef rows_f64 r
    cdef double one = 1
    cdef Py_ssize_t i
    r.weight = &one
    r.scale = 1
    with nogil:
        for i in range(z.shape[0]):
            r.raw, r.index, r.value, r.gradient = &z[i, 0], &y[i], &value[i], &gradient[i, 0]
            softmax_row_f64(FO_V_INDEX, z.shape[1], FO_VALUE | FO_GRADIENT, &r)

TILES = FO_TILE_F64, FO_TILE_F32

def gaussian(const double[::1] y, const double[:, ::1] z, double[::1] value, double[:, ::1] gradient):
    cdef row_tile_f64 r
    assert y.shape[0] == value.shape[0] == z.shape[1] == FO_TILE_F64 and z.shape[0] == 2
    r.what, r.k, r.z, r.v, r.value, r.gradient = FO_VALUE | FO_GRADIENT, 2, &z[0, 0], &y[0], &value[0], &gradient[0, 0]
    r.par[0] = 0
    with nogil:
        gaussian_nll_f64(&r)

def focal(const int64_t[::1] y, const float[:, ::1] z, float gamma, float[::1] value, float[:, ::1] gradient,
          float[:, :, ::1] scratch):
    cdef row_tile_f32 r
    assert y.shape[0] == value.shape[0] == z.shape[1] == FO_TILE_F32 and scratch.shape[0] == 4
    r.what, r.k, r.z, r.v, r.y, r.value = FO_VALUE | FO_GRADIENT, z.shape[0], &z[0, 0], NULL, &y[0], &value[0]
    r.gradient, r.scratch = &gradient[0, 0], &scratch[0, 0, 0]
    r.par[0] = gamma
    with nogil:
        categorical_focal_f32(&r)
"""

BUILD = """
import sys
import fastopt
from Cython.Build import cythonize
from setuptools import Extension, setup
sys.argv = ["setup.py", "-q", "build_ext", "--inplace"]
setup(name="theirs", ext_modules=cythonize([Extension("theirs", ["theirs.pyx"], include_dirs=[fastopt.get_include()])], quiet=True))
"""


def test_cython_extension_against_the_package(run_python, tmp_path):
    """Other people's Cython code calls a loss and an update without the GIL."""
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    (tmp_path / "theirs.pyx").write_text(EXTENSION)
    built = run_python(BUILD, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    sys.path.insert(0, str(tmp_path))
    try:
        theirs = importlib.import_module("theirs")
    finally:
        sys.path.remove(str(tmp_path))
    rng = np.random.default_rng(0)
    y, z = rng.normal(size=(2, 101)) * 3
    gradient = np.empty(101)
    total = theirs.loss(y, z, 1.5, gradient)
    value, expected = fastopt.losses.Huber(delta=1.5).value_gradient(y, z, reduction="sum")
    np.testing.assert_allclose(total, value, rtol=1e-14)
    np.testing.assert_allclose(gradient, expected, rtol=1e-14)
    one = fastopt.losses.Huber(delta=1.5).value(np.float32([0.0]), np.float32([4.0]), reduction="sum")
    assert theirs.loss32(0.0, 4.0, 1.5) == (pytest.approx(one, rel=1e-6), 1.5, 0.0)

    labels, rows = rng.integers(0, 5, 30), rng.normal(size=(30, 5))
    values, slopes = np.empty(30), np.empty((30, 5))
    theirs.softmax(labels, rows, values, slopes)
    exact = fastopt.losses.SoftmaxCrossEntropy().value_gradient(labels, rows, reduction="none")
    np.testing.assert_allclose(values, exact[0], rtol=1e-13)
    np.testing.assert_allclose(slopes, exact[1], rtol=1e-13)
    assert theirs.TILES == (16, 32)
    rows = rng.normal(size=(16, 2))
    values, slopes = np.empty(16), np.empty((2, 16))
    theirs.gaussian(y[:16], np.ascontiguousarray(rows.T), values, slopes)
    exact = fastopt.losses.GaussianNLL().value_gradient(y[:16], rows, reduction="none")
    np.testing.assert_allclose(values, exact[0], rtol=1e-13)
    np.testing.assert_allclose(slopes.T, exact[1], rtol=1e-13)
    labels, rows = rng.integers(0, 3, 32), rng.normal(size=(32, 3)).astype(np.float32)
    values, slopes, scratch = (np.empty(shape, np.float32) for shape in (32, (3, 32), (4, 3, 32)))
    theirs.focal(labels, np.ascontiguousarray(rows.T), 1.5, values, slopes, scratch)
    exact = fastopt.losses.CategoricalFocal(gamma=1.5).value_gradient(labels, rows, reduction="none")
    np.testing.assert_allclose(values, exact[0], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(slopes.T, exact[1], rtol=1e-5, atol=1e-7)

    w, slot = rng.normal(size=(2, 7))
    g = rng.normal(size=(3, 7))
    ours = w.copy()
    optimizer = fastopt.optimizers.SGD([ours], lr=0.1, momentum=0.9)
    slot[:] = 0.0
    for row in g:
        theirs.step(w, slot, row, 0.1, 0.9)
        optimizer.step([row])
    np.testing.assert_allclose(w, ours, rtol=1e-14)


def test_c_and_cpp_compilers_take_the_header(tmp_path):
    compilers = [(c, "c", "gnu11") for c in ("gcc", "clang")] + [(c, "c++", "gnu++17") for c in ("g++", "clang++")]
    compilers = [entry for entry in compilers if shutil.which(entry[0])]
    if not compilers:
        pytest.skip("no gcc or clang")
    source = tmp_path / "theirs.c"
    source.write_text(
        '#include "fastopt.h"\nint main(void)\n{\n    double d = 1.0;\n    float f = 1.0f;\n'
        "    return fo_huber_f64(0.0, 2.0, &d).gradient != 1.0 || fo_huber_f32(0.0f, 2.0f, &f).gradient != 1.0f;\n}\n"
    )
    for compiler, language, standard in compilers:
        program = tmp_path / f"theirs-{compiler}"
        command = [
            compiler,
            "-x",
            language,
            f"-std={standard}",
            "-fopenmp-simd",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-I",
            fastopt.get_include(),
        ]
        result = subprocess.run([*command, str(source), "-o", str(program), "-lm"], capture_output=True, text=True)
        assert result.returncode == 0, f"{compiler}: {result.stderr}"
        assert subprocess.run([program]).returncode == 0


def test_families_agree(checkout):
    text = (checkout / "setup.py").read_text(encoding="utf-8")
    families = ast.literal_eval(re.search(r"^FAMILIES = (\[.*\])$", text, re.M).group(1))
    assert tuple(families) == _kernels.FAMILIES


@pytest.mark.parametrize("family", _kernels.FAMILIES)
def test_each_level_has_the_family(isa, family):
    for dtype, module in getattr(_kernels.table, family).items():
        assert module.__name__ == f"fastopt._kernels.{family}_{'f64' if dtype == np.float64 else 'f32'}_{isa}"


def test_kernel_files_are_short(checkout):
    files = [p for p in (checkout / "fastopt/_kernels").iterdir() if p.suffix in (".py", ".pyx", ".pxi", ".pxd")]
    assert len(files) > 3
    long = {p.name: n for p in files if (n := len(p.read_text(encoding="utf-8").splitlines())) >= 400}
    assert not long


def texts(checkout):
    folders = ["fastopt", "src_c", "tests", "tools", "benchmarks", "docs", "examples", ".ci", ".github"]
    suffixes = {
        ".py",
        ".pyx",
        ".pxi",
        ".pxd",
        ".h",
        ".c",
        ".md",
        ".toml",
        ".yml",
        ".yaml",
        ".sh",
        ".in",
        ".txt",
        ".rst",
        "",
    }
    for path in [*checkout.glob("*"), *(p for f in folders for p in (checkout / f).rglob("*"))]:
        if path.is_file() and path.suffix in suffixes and path.name != ".git" and "__pycache__" not in path.parts:
            yield path


def test_no_place_of_a_machine(checkout):
    """No absolute path of somebody's machine, no address of a package registry."""
    folders = "home|root|Users|work"
    pattern = re.compile(rf"(?<![\w.])/(?:{folders})/\w|pypi\.org|pythonhosted|localhost|127\.0\.0\.1")
    found = []
    for path in texts(checkout):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(checkout)}:{number}: {line.strip()}")
    assert not found


def test_metadata(checkout):
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["requires-python"] == ">=3.11"
    assert set(project["project"]["optional-dependencies"]) >= {"test", "bench", "plot", "dev"}
    packages = {p.parent.relative_to(PACKAGE.parent).as_posix().replace("/", ".") for p in PACKAGE.rglob("__init__.py")}
    assert set(project["tool"]["setuptools"]["packages"]) == packages


@pytest.mark.parametrize("name", ["test", "main"])
def test_readme_commands(checkout, name):
    """The commands that .ci/run takes out of README.md."""
    text = (checkout / "README.md").read_text(encoding="utf-8")
    found = re.findall(rf"<!-- command: {name} -->\n```\w*\n(.+?)\n```", text, re.S)
    assert len(found) == 1
    assert "pip install" in found[0]
