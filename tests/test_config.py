import sys
import textwrap
import threading
import types

import numpy as np
import pytest

import fastopt
from fastopt import _config, _kernels
from fastopt._kernels import _cpu

LONG = 1000.0  # ms
SHORT = 1.0


@pytest.fixture
def machine(monkeypatch):
    """A machine with eight processors and no limits."""
    monkeypatch.setattr(_config, "_processors", lambda: {"affinity": 8})
    runtime = types.SimpleNamespace(openmp_version=lambda: 201511, openmp_max_threads=lambda: 8)
    monkeypatch.setattr(_config, "_cpu", runtime)
    monkeypatch.setattr(_config, "_default", None)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return runtime


@pytest.mark.parametrize(
    "n_threads, serial_ms, expected",
    [(1, LONG, 1), (3, SHORT, 3), (np.int64(2), LONG, 2), (100, SHORT, 100)]
    + [(-1, SHORT, 8), (-1, LONG, 8), (None, SHORT, 1), (None, 19.9, 1), (None, 20.0, 8), (None, LONG, 8)],
)
def test_threads(machine, n_threads, serial_ms, expected):
    result = _config.threads(n_threads, serial_ms)
    assert result == expected
    assert type(result) is int


@pytest.mark.parametrize("bad", [0, -2, -100, np.int32(0)])
def test_threads_out_of_range(bad):
    with pytest.raises(ValueError, match=rf"n_threads must be a positive integer, -1 .* or None, got {bad}"):
        _config.threads(bad, LONG)
    with pytest.raises(ValueError, match="n_threads"):
        fastopt.set_config(n_threads=bad)


@pytest.mark.parametrize("bad", [True, False, 1.0, 2.5, "2", [1], np.float64(1.0)])
def test_threads_not_an_integer(bad):
    with pytest.raises(TypeError, match="n_threads must be an integer or None, got .* of type"):
        _config.threads(bad, SHORT)
    with pytest.raises(TypeError, match="n_threads"):
        fastopt.set_config(n_threads=bad)


@pytest.mark.parametrize(
    "value, expected", [("3", 3), ("1", 1), ("16", 8), ("2,4", 2), ("", 8), ("many", 8), ("0", 8), ("-1", 8)]
)
def test_omp_num_threads_limits_the_automatic_choice_only(machine, monkeypatch, value, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert _config.threads(None, LONG) == expected
    assert _config.threads(-1, LONG) == 8
    assert _config.threads(5, LONG) == 5


def test_limits_of_the_runtime(machine):
    machine.openmp_max_threads = lambda: 3  # as threadpoolctl does
    assert _config.threads(None, LONG) == 3


def test_configured_default(machine):
    with fastopt.config_context(n_threads=4):
        assert _config.threads(None, SHORT) == _config.threads(None, LONG) == 4
        assert _config.threads(2, SHORT) == 2
        fastopt.set_config(n_threads=-1)
        assert _config.threads(None, SHORT) == 8
    assert _config.threads(None, SHORT) == 1


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


CGROUPS = {
    "none": ({}, None),
    "v2, container": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
    "v2, unlimited": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
    "v2, rounds up": ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n"}, 2),
    "v2, less than one": ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "10000 100000\n"}, 1),
    "v2, a parent is tighter": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/a/b/cpu.max": "700000 100000\n",
        },
        3,
    ),
    "v1": (
        {
            "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/x\n",
            "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "400000\n",
            "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
        },
        4,
    ),
    "v1, container that sees the host's path": (
        {
            "proc/self/cgroup": "4:cpuacct,cpu:/docker/abc\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "500000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        5,
    ),
    "v1, unlimited": (
        {
            "proc/self/cgroup": "1:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "another controller's files": (
        {"proc/self/cgroup": "3:cpuset:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n"},
        None,
    ),
}


@pytest.mark.parametrize("name", CGROUPS)
def test_cgroup_quota(tmp_path, name):
    files, expected = CGROUPS[name]
    write(tmp_path, files)
    assert _config._cgroup_quota(tmp_path) == expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cgroups are Linux's")
def test_quota_limits_processors(monkeypatch):
    monkeypatch.setattr(_config, "_quota", 1)
    assert _config._processors()["cgroup quota"] == 1
    assert _config.threads(-1, SHORT) == 1


@pytest.mark.skipif(not hasattr(__import__("os"), "sched_setaffinity"), reason="no affinity")
def test_affinity(run_python):
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from fastopt._config import threads
print(threads(-1, 0), threads(None, 1e6), threads(3, 0))
"""
    assert run_python(code).stdout.split() == ["1", "1", "3"]


def test_joblib_worker_threads_are_serial(machine):
    joblib = pytest.importorskip("joblib")
    tasks = [joblib.delayed(_config.threads)(None, LONG) for _ in range(4)]
    assert joblib.Parallel(n_jobs=2, prefer="threads")(tasks) == [1] * 4
    assert _config.threads(None, LONG) == 8


@pytest.mark.skipif(not _cpu.openmp_version(), reason="one thread without OpenMP")
def test_joblib_worker_processes_get_their_share():
    joblib = pytest.importorskip("joblib")
    share = max(1, joblib.cpu_count() // 2)
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(_config.threads)(None, LONG) for _ in range(4)) == [share] * 4


def test_dask_worker_threads_get_their_share(machine, monkeypatch):
    # The interface of distributed.worker that is used: get_worker() of the calling thread.
    inside = threading.local()

    def get_worker():
        if not hasattr(inside, "worker"):
            raise ValueError("No worker found")
        return inside.worker

    monkeypatch.setitem(sys.modules, "distributed.worker", types.SimpleNamespace(get_worker=get_worker))
    result = []

    def task(nthreads):
        if nthreads:
            inside.worker = types.SimpleNamespace(state=types.SimpleNamespace(nthreads=nthreads))
        result.append(_config.threads(None, LONG))

    for nthreads in (4, 3, 20, None):
        thread = threading.Thread(target=task, args=(nthreads,))
        thread.start()
        thread.join()
    assert result == [2, 2, 1, 8]


def test_set_config_changes_what_is_given():
    before = fastopt.get_config()
    try:
        assert fastopt.set_config() is None
        assert fastopt.get_config() == before
        fastopt.set_config(n_threads=2)
        assert fastopt.get_config() == {**before, "n_threads": 2}
        fastopt.set_config(isa="base")
        assert fastopt.get_config() == {"isa": "base", "n_threads": 2}
        fastopt.set_config(isa=None)
        assert fastopt.get_config() == {"isa": _config._started_with, "n_threads": 2}
        fastopt.set_config(n_threads=None)
        assert fastopt.get_config()["n_threads"] is None
    finally:
        fastopt.set_config(**before)


@pytest.mark.parametrize("bad", ["avx1024", "", "BASE", 2])
def test_unknown_level(bad):
    before = fastopt.get_config()
    with pytest.raises(ValueError, match=r"isa must be one of 'base'.* on this machine, got "):
        fastopt.set_config(isa=bad, n_threads=7)
    assert fastopt.get_config() == before


def test_bad_threads_leave_the_level():
    before = fastopt.get_config()
    with pytest.raises(ValueError):
        fastopt.set_config(isa="base", n_threads=0)
    assert fastopt.get_config() == before


def test_config_context_restores_after_an_error():
    before = fastopt.get_config()
    with pytest.raises(KeyError), fastopt.config_context(isa="base", n_threads=3):
        assert fastopt.get_config() == {"isa": "base", "n_threads": 3}
        raise KeyError
    assert fastopt.get_config() == before


def test_every_level_is_used(isa):
    assert _kernels.table.name == isa
    assert fastopt.show_config("dict")["isa"]["in use"] == isa
    for modules in (_kernels.table.pointwise,):
        assert {dtype: module.__name__.split(".")[-1] for dtype, module in modules.items()} == {
            np.dtype("f8"): f"pointwise_f64_{isa}",
            np.dtype("f4"): f"pointwise_f32_{isa}",
        }


def test_level_from_the_environment(run_python):
    code = "import fastopt; print(fastopt.get_config()['isa']); fastopt.set_config(isa=None); print(fastopt.get_config()['isa'])"
    assert run_python(code, env={"FASTOPT_ISA": "base"}).stdout.split() == ["base", "base"]
    assert run_python(code, env={"FASTOPT_ISA": ""}).stdout.split() == [_kernels.available()[-1]] * 2
    failed = run_python(code, env={"FASTOPT_ISA": "mmx"})
    assert failed.returncode == 1
    assert "the environment variable FASTOPT_ISA must be one of 'base'" in failed.stderr


def test_show_config_prints_what_the_dict_says(capsys):
    assert fastopt.show_config() is None
    printed = capsys.readouterr().out
    described = fastopt.show_config("dict")
    assert set(described) == {"isa", "threads", "compiler", "versions"}
    for title, section in described.items():
        assert title in printed.splitlines()
        for key in section:
            assert f"  {key}:" in printed
    assert described["isa"]["available"] == list(_kernels.available())
    assert set(described["isa"]["available"]) <= set(described["isa"]["built"]) == set(described["compiler"]["flags"])
    assert described["versions"]["fastopt"] == fastopt.__version__
    assert described["versions"]["numpy"] == np.__version__
    assert described["threads"]["limits"]["affinity"] >= 1


def test_show_config_loads_no_kernels(run_python):
    # It is what one looks at where kernels are missing; a build of some families must be able to say what it is.
    code = """
        import sys, fastopt
        fastopt.show_config()
        from fastopt._kernels import FAMILIES
        print([name for name in sys.modules for family in FAMILIES if name.startswith(f"fastopt._kernels.{family}_f")])
    """
    done = run_python(textwrap.dedent(code))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_show_config_says_whether_quotients_are_reciprocals(isa):
    for dtype, used in (("f4", fastopt.show_config("dict")["isa"]["approximate reciprocals"]), ("f8", False)):
        assert _kernels.table.updates[np.dtype(dtype)].approximate_reciprocals() is used


def test_show_config_unknown_mode():
    with pytest.raises(ValueError, match="mode must be 'stdout' or 'dict', got 'json'"):
        fastopt.show_config("json")


def test_flags_are_those_of_the_design():
    for level, flags in fastopt.show_config("dict")["compiler"]["flags"].items():
        assert "fast-math" not in flags and "march" not in flags and "-Ofast" not in flags
        assert ("512" in flags) == (level == "avx512")
        assert ("AVX2" in flags.upper()) == (level == "avx2" or (level == "avx512" and "/arch" not in flags))


def test_team():
    assert _cpu.team(1) == 1
    if _cpu.openmp_version():
        assert _cpu.team(2) == 2
