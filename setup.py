"""Build of the extension modules; everything else about the package is in pyproject.toml.

Each family of kernels (fastopt/_kernels/<family>.pxi) is compiled once for each element type and
each instruction set level from the same source: a generated .pyx of a few lines names the type and
includes the family. The package picks the level when it is imported.

Environment: CC, CFLAGS and LDFLAGS as everywhere; FASTOPT_OPENMP=0 builds without OpenMP.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext as _build_ext
from setuptools.command.build_py import build_py as _build_py
from setuptools.errors import CompileError, LinkError, OptionError

ROOT = Path(__file__).resolve().parent
KERNELS = "fastopt/_kernels"
LEVEL_SOURCES = "build/levels"

# One line a family: its .pxi states its loops for one element type.
FAMILIES = ["pointwise", "rows", "rowwise", "updates", "linear", "elementary", "penalties", "batch"]
DTYPES = {"f64": ("double", 0), "f32": ("float", 1)}
# Modules that are built once, without a level: detection of the processor, OpenMP.
PLAIN = ["_cpu"]

AVX2 = ["-mavx2", "-mfma", "-mbmi", "-mbmi2", "-mlzcnt", "-mf16c"]
AVX512 = [*AVX2, "-mavx512f", "-mavx512cd", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"]
LEVELS_UNIX = {"base": [], "avx2": AVX2, "avx512": AVX512}
LEVELS_MSVC = {"base": [], "avx2": ["/arch:AVX2"], "avx512": ["/arch:AVX512"]}

# Without -fno-trapping-math gcc vectorises none of the formulas; without forced inlining Cython's
# generic loops call their formula through a pointer. A function whose header is missing would fail at the import.
COMMON_UNIX = ["-std=gnu11", "-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden",
               "-Werror=implicit-function-declaration"]  # fmt: skip
INLINE_UNIX = ["-DCYTHON_INLINE=__inline__ __attribute__((always_inline))"]
COMMON_MSVC = ["/O2", "/fp:precise", "/std:c11", "/DCYTHON_INLINE=__forceinline"]

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "nonecheck": False,
    "embedsignature": True,
    "freethreading_compatible": True,
}


def x86():
    """Whether the target, which need not be this machine, is x86-64 and nothing else."""
    words = shlex.split(os.environ.get("ARCHFLAGS", ""))
    targets = {word for before, word in zip(words, words[1:]) if before == "-arch"}
    if targets:
        return targets == {"x86_64"}
    return sysconfig.get_platform().endswith(("x86_64", "amd64"))  # not universal2


def levels():
    return LEVELS_UNIX if x86() else {"base": []}


def write(path, text):
    """Write a generated file, but leave one that says the same: its time decides what is rebuilt."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def level_source(family, dtype, level):
    """Write the .pyx of one family, element type and level."""
    real, single = DTYPES[dtype]
    write(
        f"{LEVEL_SOURCES}/{family}_{dtype}_{level}.pyx",
        f'cdef extern from *:\n    """\n    #define FO_SINGLE {single}\n    """\n'
        f"ctypedef {real} real\n"
        f'include "{family}.pxi"\n',
    )


def extensions():
    # The generated sources are written by build_ext: metadata hooks must not touch the tree.
    result = [Extension(f"fastopt._kernels.{name}", [f"{KERNELS}/{name}.pyx"]) for name in PLAIN]
    for family in FAMILIES:
        for dtype in DTYPES:
            for level in levels():
                name = f"{family}_{dtype}_{level}"
                ext = Extension(f"fastopt._kernels.{name}", [f"{LEVEL_SOURCES}/{name}.pyx"])
                ext.kernel = (family, dtype, level)
                result.append(ext)
    headers = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "src_c").glob("*.h"))
    for ext in result:
        ext.depends = [*headers, "setup.py"]
    # Last: the memoryview code that all modules share.
    result.append(Extension("fastopt._cyutility", ["build/_cyutility.c"]))
    return result


@contextlib.contextmanager
def silence():
    """Discard what compilers print while a flag is tried."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with open(os.devnull, "w") as null:
        os.dup2(null.fileno(), 1)
        os.dup2(null.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(saved[0], 1)
            os.dup2(saved[1], 2)
            os.close(saved[0])
            os.close(saved[1])


class build_py(_build_py):
    """The C headers of src_c go into the wheel as fastopt/include."""

    def _headers(self):
        return {
            os.path.join(self.build_lib, "fastopt", "include", p.name): p for p in sorted((ROOT / "src_c").glob("*.h"))
        }

    def run(self):
        super().run()
        if not self.editable_mode:
            for target, source in self._headers().items():
                self.mkpath(os.path.dirname(target))
                self.copy_file(str(source), target)

    def get_outputs(self, include_bytecode=True):
        return [*super().get_outputs(include_bytecode), *([] if self.editable_mode else self._headers())]


class build_ext(_build_ext):
    user_options = [
        *_build_ext.user_options,
        ("only=", None, "families of kernels to build, with commas (development)"),
        ("level=", None, "the one instruction set level to build them for (development)"),
    ]

    def initialize_options(self):
        super().initialize_options()
        self.only = self.level = None

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            affinity = getattr(os, "sched_getaffinity", None)
            self.parallel = len(affinity(0)) if affinity else os.cpu_count() or 1

    def run(self):
        os.chdir(ROOT)
        self._find_compiler()
        if self.only:
            wanted = set(self.only.split(","))
            unknown = wanted - {e.kernel[0] for e in self.extensions if hasattr(e, "kernel")}
            if unknown:
                raise OptionError(f"--only: no kernels called {', '.join(sorted(unknown))}")
            self.extensions = [e for e in self.extensions if not hasattr(e, "kernel") or e.kernel[0] in wanted]
        if self.level:
            if self.level not in levels():
                raise OptionError(f"--level: must be one of {', '.join(levels())}, got {self.level}")
            self.extensions = [e for e in self.extensions if not hasattr(e, "kernel") or e.kernel[2] == self.level]
        super().run()

    def _find_compiler(self):
        """Where the compiler that built Python is not installed, take another one that is."""
        words = shlex.split(sysconfig.get_config_var("CC") or "")
        if words and "CC" not in os.environ and not shutil.which(words[0]):
            for name in ("gcc", "clang", "cc"):
                if shutil.which(name):
                    os.environ["CC"] = name
                    os.environ.setdefault("LDSHARED", f"{name} -shared")
                    return

    def build_extensions(self):
        import Cython
        import numpy
        from Cython.Build import cythonize

        folder = f"build/cython-{Cython.__version__}"  # code of different versions does not mix
        shared, sources = self.extensions[-1], self.extensions[:-1]
        for ext in sources:
            if hasattr(ext, "kernel"):
                level_source(*ext.kernel)
        shared.sources = [f"{folder}/_cyutility.c"]
        if not Path(shared.sources[0]).exists():
            Path(folder).mkdir(parents=True, exist_ok=True)
            subprocess.run([sys.executable, "-m", "cython", "-3", f"--generate-shared={shared.sources[0]}"], check=True)
        done = cythonize(
            sources,
            build_dir=folder,
            include_path=[KERNELS, "."],
            compiler_directives=DIRECTIVES,
            shared_utility_qualified_name="fastopt._cyutility",
            nthreads=self.parallel if self.parallel > 1 else 0,
            quiet=True,
        )
        for ext, new in zip(sources, done):
            ext.sources = new.sources
        self._set_flags(Cython.__version__, numpy.get_include())
        super().build_extensions()

    def _set_flags(self, cython_version, numpy_include):
        msvc = self.compiler.compiler_type == "msvc"
        openmp_compile, openmp_link = self._openmp()
        common = COMMON_MSVC if msvc else COMMON_UNIX
        table = LEVELS_MSVC if msvc else LEVELS_UNIX
        inline = [] if msvc else INLINE_UNIX
        for ext in self.extensions:
            ext.include_dirs = ["src_c", "build", numpy_include, *ext.include_dirs]
            if ext.name == "fastopt._cyutility":
                ext.extra_compile_args = ["/O2"] if msvc else ["-O2", "-g0", "-fvisibility=hidden"]
                continue
            ext.define_macros = [*ext.define_macros, ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
            level = table[ext.kernel[2]] if hasattr(ext, "kernel") else []
            ext.extra_compile_args = [*common, *inline, *openmp_compile, *level]
            ext.extra_link_args = list(openmp_link)
        said = {name: " ".join([*common, *openmp_compile, *table[name]]) for name in levels()}
        flags = "|".join(f"{name}:{text}" for name, text in said.items()).replace("\\", "/").replace('"', "'")
        write(
            "build/fo_build.h",
            f'#define FO_BUILD_FLAGS "{flags}"\n#define FO_BUILD_CYTHON "{cython_version}"\n',
        )
        for ext in self.extensions:
            if ext.name == "fastopt._kernels._cpu":
                ext.depends = [*ext.depends, "build/fo_build.h"]

    def _openmp(self):
        """Flags to compile and to link with which a program that uses OpenMP builds; none where nothing does."""
        candidates = [(["-fopenmp"], ["-fopenmp"])]
        # A pragma that is left out can be the one use of a variable of Cython's.
        without = ["-fopenmp-simd", "-Wno-unused-but-set-variable"]
        if self.compiler.compiler_type == "msvc":
            candidates, without = [(["/openmp:experimental"], []), (["/openmp"], [])], []
        elif (
            sys.platform == "darwin"
        ):  # Apple's clang has no runtime of its own; Homebrew's and MacPorts' are not on its path
            for prefix in ("", "/opt/homebrew/opt/libomp", "/usr/local/opt/libomp", "/opt/local"):
                include, lib = (f"{prefix}/include", f"{prefix}/lib")
                more = ([f"-I{include}"], [f"-L{lib}"]) if prefix else ([], [])
                if not prefix or Path(include).is_dir():
                    candidates.append((["-Xpreprocessor", "-fopenmp", *more[0]], [*more[1], "-lomp"]))
        if os.environ.get("FASTOPT_OPENMP", "1") == "0":
            candidates = []
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "probe.c")
            path.write_text(
                "#include <omp.h>\n"
                "int main(void)\n{\n"
                "    int i, n = 0;\n"
                "#pragma omp parallel for reduction(+ : n)\n"
                "    for (i = 0; i < 8; i++) n += omp_get_num_threads() > 0;\n"
                "    return n != 8;\n}\n"
            )
            for compile_args, link_args in candidates:
                try:
                    with silence():
                        objects = self.compiler.compile([str(path)], output_dir=folder, extra_postargs=compile_args)
                        self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=link_args)
                    return compile_args, link_args
                except (CompileError, LinkError):
                    continue
        print("fastopt: building without OpenMP; the kernels will run on one thread", file=sys.stderr)
        return without, []


if __name__ == "__main__":  # cythonize starts processes that may import this file
    setup(ext_modules=extensions(), cmdclass={"build_ext": build_ext, "build_py": build_py})
