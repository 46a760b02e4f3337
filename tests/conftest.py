import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastopt
from fastopt import _kernels

CHECKOUT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser):
    parser.addoption("--n-threads", type=int, help="what n_threads=None means in this run (fastopt.set_config)")


def pytest_configure(config):
    if config.getoption("--n-threads") is not None:
        fastopt.set_config(n_threads=config.getoption("--n-threads"))


def pytest_report_header(config):
    described = fastopt.show_config("dict")
    threads = described["threads"]
    return [
        f"fastopt {fastopt.__version__} in {Path(fastopt.__file__).parent}, numpy {np.__version__}",
        f"isa {described['isa']['in use']} of {', '.join(described['isa']['available'])}; "
        f"OpenMP {threads['OpenMP']}, n_threads=None is {threads['n_threads=None']}, -1 gives {threads['n_threads=-1 gives']}; "
        f"{described['compiler']['name']}",
    ]


def pytest_collection_modifyitems(items):
    for item in items:
        if "isa" in item.fixturenames:
            item.add_marker("levels")


@pytest.fixture(params=[os.environ["FASTOPT_ISA"]] if os.environ.get("FASTOPT_ISA") else _kernels.available())
def isa(request):
    """Runs the test once at each instruction set level of this machine; with FASTOPT_ISA at that one."""
    with fastopt.config_context(isa=request.param):
        yield request.param


@pytest.fixture
def torch_float64():
    """torch, with scalars of its states in float64."""
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


@pytest.fixture
def keras(torch_float64):
    """Keras on torch."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "torch":
        pytest.skip(f"Keras runs on {keras.backend.backend()}")
    return keras


@pytest.fixture
def checkout():
    """The folder of the source tree; skips where the tests lie alone."""
    if not (CHECKOUT / "setup.py").exists():
        pytest.skip("needs the source tree")
    return CHECKOUT


@pytest.fixture
def run_python(tmp_path):
    """Runs Python code in a process of its own, in an empty folder, with the fastopt under test."""

    def run(code, *, env=None, timeout=120, cwd=tmp_path, args=()):
        environment = dict(os.environ, **(env or {}))
        probe = subprocess.run([sys.executable, "-c", "import fastopt"], cwd=tmp_path, capture_output=True)
        if probe.returncode:  # not installed: the tests run in the checkout
            environment["PYTHONPATH"] = str(Path(fastopt.__file__).parents[1])
        return subprocess.run(
            [sys.executable, "-c", code, *args],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run
