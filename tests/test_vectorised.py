"""The blocks of the rosters are vectorised: asked of the disassembly (tools/check_vectorised.py)."""

import importlib.util
import platform
import shutil
from pathlib import Path

import pytest

import fastopt

TOOL = Path(__file__).resolve().parents[1] / "tools" / "check_vectorised.py"
PACKAGE = Path(fastopt.__file__).parent / "_kernels"


def load():
    specification = importlib.util.spec_from_file_location("check_vectorised", TOOL)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


if not TOOL.exists():
    pytest.skip("needs the source tree", allow_module_level=True)
check = load()
MODULES = list(check.modules(PACKAGE))


@pytest.mark.skipif(shutil.which("objdump") is None, reason="needs objdump")
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the levels are x86-64's")
@pytest.mark.parametrize(("family", "dtype", "level", "path"), MODULES, ids=[m[3].name.split(".")[0] for m in MODULES])
def test_blocks_are_vectors_without_libm(family, dtype, level, path):
    if not check.has_symbols(path):
        pytest.skip(f"{path.name} is stripped: its functions have no names")
    rows = check.inspect(family, dtype, level, path)
    assert {name for name, _, _ in rows} >= set(check.rosters()[family])
    assert [(name, error) for name, _, error in rows if error] == []


def test_every_roster_is_seen():
    rosters = check.rosters()
    assert rosters["pointwise"]
    assert {"softmax", "softmax_2", "tiles_index", "single_mixed", "probabilities"} <= set(rosters["rows"])
    assert {family for family, *_ in MODULES} == set(rosters)


def function(*code):
    result = check.Function("f")
    result.code = [(4 * i, *line) for i, line in enumerate(code)]
    return result


def test_a_loop_of_libm_calls_is_found():
    f = function(
        ("vmovsd", "(%rdi),%xmm0"), ("call", "1040 <exp@plt>"), ("vaddpd", "%zmm0,%zmm1,%zmm1"), ("jne", "0 <f>")
    )
    assert check.foreign_calls({}, f) == {"exp"}
    outer = function(("call", "40 <f>"), ("call", "80 <memset@plt>"), ("call", "0 <g>"))
    assert check.foreign_calls({"f": f, "g": outer}, outer) == {"exp"}


def test_vector_loops_are_counted_by_width():
    f = function(("vaddpd", "%zmm0,%zmm1,%zmm1"), ("vmulpd", "%zmm0,%zmm1,%zmm1"), ("jne", "0 <f>"),
                 ("vaddpd", "%zmm0,%zmm1,%zmm1"))  # fmt: skip
    assert f.packed("zmm") == [2] and f.packed("ymm") == []


@pytest.mark.parametrize("other", [("addsd", "%xmm0,%xmm1"), ("vfmadd213sd", "%xmm0,%xmm1,%xmm2")])
def test_scalar_loops_do_not_count(other):
    # Scalar code takes absolute values and blends with packed logical instructions.
    assert function(("andpd", "%xmm0,%xmm1"), other, ("jne", "0 <f>")).packed("xmm") == []
    assert function(("addpd", "%xmm0,%xmm1"), other, ("jne", "0 <f>")).packed("xmm") == []


def test_only_innermost_loops_count():
    f = function(("addpd", "%xmm0,%xmm1"), ("mulsd", "%xmm0,%xmm1"), ("jne", "4 <f>"), ("jne", "0 <f>"))
    assert f.packed("xmm") == []
