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
    assert check.rosters()["pointwise"]
    assert {family for family, *_ in MODULES} == set(check.rosters())


def test_a_loop_of_libm_calls_is_found():
    function = check.Function("f")
    function.code = [
        (0, "vmovsd", "(%rdi),%xmm0"),
        (4, "call", "1040 <exp@plt>"),
        (8, "vaddpd", "%zmm0,%zmm1,%zmm1"),
        (12, "jne", "0 <f>"),
        (16, "vaddpd", "%zmm0,%zmm1,%zmm1"),
    ]
    assert function.calls() == {"exp"}
    assert function.packed("zmm") == 1 and function.packed("ymm") == 0
    function.code[2] = (8, "vaddsd", "%xmm0,%xmm1,%xmm1")
    assert function.packed("zmm") == 0
