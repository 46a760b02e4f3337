"""Build of the extension modules; everything else about the package is in pyproject.toml.

Each family of kernels (fastopt/_kernels/<family>.pxi) is compiled once for each element type and
each instruction set level from the same source: a generated three-line .pyx names the type and
includes the family. The package picks the level when it is imported.
"""

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext as _build_ext
from setuptools.errors import CompileError, LinkError

ROOT = Path(__file__).resolve().parent
KERNELS = "fastopt/_kernels"
GENERATED = "build/levels"

# One line a family: its .pxi states its loops for one element type.
FAMILIES = ["pointwise", "rows", "updates", "linear"]
DTYPES = {"f64": ("double", 0), "f32": ("float", 1)}
# Modules that are built once, without a level: detection of the processor, OpenMP.
PLAIN = ["_cpu"]

AVX2 = ["-mavx2", "-mfma", "-mbmi", "-mbmi2", "-mlzcnt", "-mf16c"]
AVX512 = [*AVX2, "-mavx512f", "-mavx512cd", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"]
LEVELS_UNIX = {"base": [], "avx2": AVX2, "avx512": AVX512}
LEVELS_MSVC = {"base": [], "avx2": ["/arch:AVX2"], "avx512": ["/arch:AVX512"]}

DIRECTIVES = dict(
    language_level=3,
    boundscheck=False,
    wraparound=False,
    cdivision=True,
    initializedcheck=False,
    nonecheck=False,
    embedsignature=True,
    freethreading_compatible=True,
)


def x86():
    """Whether the target, not the machine, is x86-64."""
    flags = os.environ.get("ARCHFLAGS", "")
    machine = flags if "-arch" in flags else platform.machine()
    return any(name in machine for name in ("x86_64", "AMD64", "amd64"))


def levels():
    return LEVELS_UNIX if x86() else {"base": []}


def level_source(family, dtype, level):
    """Write the three-line .pyx of one family, element type and level; return its path."""
    real, single = DTYPES[dtype]
    text = (
        f'cdef extern from *:\n    """\n    #define FO_SINGLE {single}\n    """\n'
        f"ctypedef {real} real\n"
        f'include "{family}.pxi"\n'
    )
    path = Path(GENERATED, f"{family}_{dtype}_{level}.pyx")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path.as_posix()


def extensions():
    headers = sorted(p.as_posix() for p in Path("src_c").glob("*.h"))
    result = [Extension(f"fastopt._kernels.{name}", [f"{KERNELS}/{name}.pyx"], depends=headers) for name in PLAIN]
    for family in FAMILIES:
        if not Path(KERNELS, f"{family}.pxi").exists():
            continue
        for dtype in DTYPES:
            for level in levels():
                # The source is written by build_ext: metadata hooks must not touch the tree.
                ext = Extension(f"fastopt._kernels.{family}_{dtype}_{level}", [f"{GENERATED}/{family}_{dtype}_{level}.pyx"])
                ext.depends = headers
                ext.kernel = (family, dtype, level)
                result.append(ext)
    # Last: the memoryview code that all modules share.
    result.append(Extension("fastopt._cyutility", ["build/cython/_cyutility.c"]))
    return result


class build_ext(_build_ext):
    user_options = [*_build_ext.user_options, ("only=", None, "build only this family of kernels (development)")]

    def initialize_options(self):
        super().initialize_options()
        self.only = None

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1

    def build_extensions(self):
        import numpy
        from Cython.Build import cythonize
        from Cython.Compiler import Options

        os.chdir(ROOT)
        if self.only:
            self.extensions = [e for e in self.extensions if getattr(e, "kernel", (self.only,))[0] == self.only]
        for ext in self.extensions:
            if hasattr(ext, "kernel"):
                level_source(*ext.kernel)
        shared, sources = self.extensions[-1], self.extensions[:-1]
        Path("build/cython").mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "cython", "-3", f"--generate-shared={shared.sources[0]}"], check=True
        ) if not Path(shared.sources[0]).exists() else None
        done = cythonize(
            sources,
            build_dir="build/cython",
            include_path=[KERNELS, "."],
            compiler_directives=DIRECTIVES,
            shared_utility_qualified_name="fastopt._cyutility",
            nthreads=0,
        )
        for ext, new in zip(sources, done):
            ext.sources = new.sources
        self._set_flags()
        super().build_extensions()

    def _set_flags(self):
        msvc = self.compiler.compiler_type == "msvc"
        if msvc:
            common, openmp_compile, openmp_link = ["/O2", "/fp:precise", "/std:c11"], ["/openmp"], []
        else:
            common = ["-std=gnu11", "-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden"]
            common += ["-DCYTHON_INLINE=__inline__ __attribute__((always_inline))"]
            openmp_compile, openmp_link = self._probe_openmp()
        table = LEVELS_MSVC if msvc else LEVELS_UNIX
        for ext in self.extensions:
            level = table[ext.kernel[2]] if hasattr(ext, "kernel") else []
            ext.include_dirs = ["src_c", *ext.include_dirs]
            ext.extra_compile_args = [*common, *openmp_compile, *level]
            ext.extra_link_args = [*openmp_link]
            if ext.name == "fastopt._cyutility":
                ext.extra_compile_args = [] if msvc else ["-O2", "-g0", "-fvisibility=hidden"]
                ext.extra_link_args = []

    def _probe_openmp(self):
        """Flags with which a program that uses OpenMP compiles and links; none where nothing does."""
        source = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
        candidates = [(["-fopenmp"], ["-fopenmp"])]
        if sys.platform == "darwin":
            candidates.insert(0, (["-Xpreprocessor", "-fopenmp"], ["-lomp"]))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "probe.c")
            path.write_text(source)
            for compile_args, link_args in candidates:
                try:
                    objects = self.compiler.compile([str(path)], output_dir=folder, extra_postargs=compile_args)
                    self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=link_args)
                    return compile_args, link_args
                except (CompileError, LinkError):
                    continue
        print("fastopt: no OpenMP found; the kernels will run on one thread", file=sys.stderr)
        return ["-fopenmp-simd"], []


setup(ext_modules=extensions(), cmdclass={"build_ext": build_ext})
