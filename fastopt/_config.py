"""Process-wide settings: the number of threads and the instruction set level.

`threads` turns an argument ``n_threads`` into a number of threads; every function and estimator
calls it. A leaf: it imports the kernels' own detection and nothing else of the package.
"""

import contextlib
import math
import os
import platform
import sys
import threading

from . import _kernels
from ._kernels import _cpu

# Below this serial time a parallel region can lose: waking OpenMP threads that went to sleep takes
# 4 to 8 ms with libgomp's default wait policy (0.1 ms while they still spin).
WORTH_MS = 20.0

_UNSET = object()
_default = None  # what n_threads=None means: None is automatic, else a count or -1
_cap = None  # 1 in a forked child: a libgomp region with two threads never ends there
_quota = _UNSET  # CPUs of the cgroup's quota, None without one; read once
_started_with = _kernels.table.name


def threads(n_threads, serial_ms):
    """Number of threads for one call.

    Parameters
    ----------
    n_threads : int or None
        k means k threads, -1 the processors that this process may use (affinity and cgroup quota).
        None is `set_config`'s choice if there is one; otherwise 1 while the call is short and then
        the processors, at most OMP_NUM_THREADS, and inside a worker of joblib or Dask its share.
    serial_ms : float
        Rough time of the whole call on one thread in milliseconds; used for None only.

    Returns
    -------
    int
        At least 1; always 1 in a forked child process.

    Raises
    ------
    TypeError, ValueError
        `n_threads` is not an integer; it is 0 or below -1.
    """
    if n_threads is None:
        n_threads = _default
        if n_threads is None:
            if serial_ms < WORTH_MS:
                return 1
            return _cap or min(_automatic().values())
    elif type(n_threads) is not int:
        n_threads = _integer(n_threads)
    if n_threads < 1:
        if n_threads != -1:
            raise ValueError(f"n_threads must be a positive integer, -1 (all processors) or None, got {n_threads}")
        n_threads = min(_processors().values())
    return _cap or n_threads


def _integer(n_threads):
    """`n_threads` as an int; booleans, floats and strings are refused."""
    if not isinstance(n_threads, bool):
        try:
            return n_threads.__index__()
        except (AttributeError, TypeError):
            pass
    raise TypeError(f"n_threads must be an integer or None, got {n_threads!r} of type {type(n_threads).__name__}")


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _cgroup_quota(root="/"):
    """Processors that the cgroup's quota allows, rounded up; None without a quota.

    Looks at version 2 (``cpu.max``) and version 1 (``cpu.cfs_quota_us``), in the process's own group
    and the groups above it; inside a container the own group is often the top of what is mounted.
    """
    folders = []
    for line in _read(os.path.join(root, "proc/self/cgroup")).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            mounts = ["sys/fs/cgroup", "sys/fs/cgroup/unified"]
        elif "cpu" in controllers.split(","):
            mounts = ["sys/fs/cgroup/" + controllers, "sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"]
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for mount in mounts:
            folders += [os.path.join(root, mount, *parts[:depth]) for depth in range(len(parts), -1, -1)]
    found = []
    for folder in folders:
        words = _read(os.path.join(folder, "cpu.max")).split()
        if not words:
            words = [_read(os.path.join(folder, f"cpu.cfs_{name}_us")).strip() for name in ("quota", "period")]
        try:
            quota, period = int(words[0]), int(words[1])
        except (ValueError, IndexError):  # "max", or no such file
            continue
        if quota > 0 and period > 0:
            found.append(max(1, math.ceil(quota / period)))
    return min(found, default=None)


def _processors():
    """Limits on the processors of this process, by the reason of each."""
    global _quota
    if hasattr(os, "process_cpu_count"):
        count = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count()
    limits = {"affinity": count or 1}
    if _quota is _UNSET:
        _quota = _cgroup_quota() if sys.platform.startswith("linux") else None
    if _quota is not None:
        limits["cgroup quota"] = _quota
    if not _cpu.openmp_version():
        limits["build without OpenMP"] = 1
    return limits


def _automatic():
    """Limits on the threads of a long call with n_threads=None, by the reason of each."""
    limits = _processors()
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if first.isdecimal() and int(first) > 0:
        limits["OMP_NUM_THREADS"] = int(first)
    if _cpu.openmp_version():
        # The runtime read the environment when it was loaded; threadpoolctl's limits change it later.
        limits["OpenMP runtime"] = max(1, _cpu.openmp_max_threads())
    if threading.current_thread() is not threading.main_thread():
        # Workers that are processes have OMP_NUM_THREADS from joblib or Dask; these are threads.
        if _joblib_thread():
            limits["joblib worker thread"] = 1
        share = _dask_threads()
        if share:
            limits["Dask worker's threads"] = max(1, limits["affinity"] // share)
    return limits


def _joblib_thread():
    """Whether this thread runs a task of joblib's threading backend."""
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None:
        return False
    backend, _ = parallel.get_active_backend()
    return (getattr(backend, "nesting_level", 0) or 0) > 0


def _dask_threads():
    """Number of threads of the Dask worker whose task this thread runs, 0 outside one."""
    worker = sys.modules.get("distributed.worker")
    if worker is None:
        return 0
    try:
        return worker.get_worker().state.nthreads
    except (ValueError, AttributeError):
        return 0


def set_config(*, isa=_UNSET, n_threads=_UNSET):
    """Change settings of this process; a keyword that is not given changes nothing.

    Parameters
    ----------
    isa : str or None
        Instruction set level of the kernels: one of the levels that `show_config` lists as
        available. None goes back to the level of the start, which is the highest one or the
        environment variable FASTOPT_ISA.
    n_threads : int or None
        What ``n_threads=None`` means in every function and estimator: k threads, -1 all processors
        of this process, None the automatic choice.

    Raises
    ------
    ValueError
        The level is unknown or not available here, or `n_threads` is 0 or below -1; nothing has
        changed then.
    TypeError
        `n_threads` is not an integer.

    Examples
    --------
    >>> import fastopt
    >>> fastopt.set_config(n_threads=2)
    >>> fastopt.get_config()["n_threads"]
    2
    >>> fastopt.set_config(n_threads=None)
    """
    global _default
    if n_threads is not _UNSET and n_threads is not None:
        n_threads = _integer(n_threads)
        threads(n_threads, 0.0)
    if isa is not _UNSET:
        _kernels.use(_started_with if isa is None else isa)
    if n_threads is not _UNSET:
        _default = n_threads


def get_config():
    """The settings in force: a dict with ``isa`` (str) and ``n_threads`` (int or None).

    Examples
    --------
    >>> import fastopt
    >>> sorted(fastopt.get_config())
    ['isa', 'n_threads']
    """
    return {"isa": _kernels.table.name, "n_threads": _default}


@contextlib.contextmanager
def config_context(*, isa=_UNSET, n_threads=_UNSET):
    """`set_config` for the time of a ``with`` block.

    The settings belong to the process: other Python threads see them too.

    Examples
    --------
    >>> import fastopt
    >>> with fastopt.config_context(n_threads=1):
    ...     fastopt.get_config()["n_threads"]
    1
    """
    before = get_config()
    set_config(isa=isa, n_threads=n_threads)
    try:
        yield
    finally:
        set_config(**before)


def _describe():
    """What `show_config` prints, as a dict of dicts."""
    import importlib.metadata

    from . import __version__

    versions = {"fastopt": __version__}
    for name in ("numpy", "scipy", "scikit-learn"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    build = _cpu.build()
    limits = _automatic()
    return {
        "isa": {
            "in use": _kernels.table.name,
            "available": list(_kernels.available()),
            "built": list(build["flags"]),
            "approximate reciprocals": _kernels.table.name == "avx512" and _cpu.approximate_reciprocals(),
        },
        "threads": {
            "OpenMP": _cpu.openmp_version() or False,
            "OpenMP max threads": _cpu.openmp_max_threads(),
            "n_threads=None": _default if _default is not None else "automatic",
            "n_threads=None gives": f"{threads(None, 0.0)} for a short call, {threads(None, math.inf)} for a long one",
            "n_threads=-1 gives": threads(-1, 0.0),
            "limits": limits if _cap is None else {**limits, "forked child": _cap},
        },
        "compiler": {
            "name": _cpu.compiler(),
            "flags": build["flags"],
        },
        "versions": {
            **versions,
            "Python": platform.python_version(),
            "Cython, at build": build["cython"],
        },
    }


def show_config(mode="stdout"):
    """Print how this build of fastopt runs here.

    Parameters
    ----------
    mode : {"stdout", "dict"}
        "dict" returns the same as a dict of dicts instead of printing it.

    Returns
    -------
    dict or None
        With ``mode="dict"``: ``isa`` (in use, available, built, and whether float32 steps of optimizers correct an
        approximate reciprocal instead of dividing: on Intel's processors with AVX-512), ``threads`` (OpenMP, what the
        values of ``n_threads`` give and which limit is the reason), ``compiler`` (name, flags of
        each level) and ``versions``.

    Raises
    ------
    ValueError
        `mode` is neither of the two.
    """
    if mode not in ("stdout", "dict"):
        raise ValueError(f"mode must be 'stdout' or 'dict', got {mode!r}")
    described = _describe()
    if mode == "dict":
        return described
    for title, section in described.items():
        print(title)
        for key, value in section.items():
            if isinstance(value, dict):
                print(f"  {key}:")
                for name, item in value.items():
                    print(f"    {name}: {item}")
            else:
                print(f"  {key}: {', '.join(value) if isinstance(value, list) else value}")
    return None


def get_include():
    """Folder of the C headers, for a compiler's ``-I``; ``fastopt.h`` is the one to include.

    Examples
    --------
    >>> import os, fastopt
    >>> os.path.exists(os.path.join(fastopt.get_include(), "fastopt.h"))
    True
    """
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in (os.path.join(here, "include"), os.path.join(os.path.dirname(here), "src_c")):
        if os.path.exists(os.path.join(folder, "fastopt.h")):
            return folder
    raise FileNotFoundError("this installation of fastopt has no C headers")


def _after_fork():
    global _cap
    _cap = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
