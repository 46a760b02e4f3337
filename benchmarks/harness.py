"""Interleaved timing of several libraries on one problem, and the file of results."""

import contextlib
import gc
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from threadpoolctl import threadpool_info, threadpool_limits

OURS = "fastopt"
READ = "one read of X"
COPY = "one copy"
ALLOWED = "3 us more than the function"  # what a Python loss of a hundred elements may cost
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "jax", "optax", "keras", "pytest-benchmark")
MIN_SAMPLE = 2e-4  # seconds: shorter calls are timed in groups
SPIN = 0.1  # seconds for which OpenBLAS' threads spin after their last work (2^26 to 2^28 cycles)


@dataclass(frozen=True)
class Entry:
    """One library's way to do the work.

    `call` takes nothing and is what is timed; `answer` turns what it returned into what is compared,
    None is for a yardstick that does something else.
    """

    call: object
    answer: object = staticmethod(lambda result: result)


@dataclass(frozen=True)
class Budget:
    """How long to measure: `seconds` of each entry in at least `rounds` turns, none longer than `limit` in all.

    `settle` seconds pass before each turn's first sample, for threads of the library timed before to stop spinning.
    """

    seconds: float = 0.12
    rounds: int = 7
    limit: float = 4.0
    settle: float = 0.01


QUICK = Budget(seconds=0.03, rounds=3, limit=0.5)


@dataclass
class Samples:
    """Seconds a call of one entry, and how many calls one sample was the mean of."""

    number: int
    once: float
    seconds: list = field(default_factory=list)
    spent: float = 0.0

    def summary(self):
        ordered = sorted(self.seconds)
        quarter = len(ordered) // 4
        return {
            "median": statistics.median(ordered),
            "low": ordered[quarter],
            "high": ordered[-1 - quarter],
            "samples": len(ordered),
            "calls_a_sample": self.number,
        }


def version(package):
    """Version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def interleave(calls, budget):
    """Time the calls in turns, A B C A B C ..., in this process.

    A turn starts with calls that are not counted, so that neither caches filled by another library
    nor its threads, which spin for some milliseconds after their last work, are counted.

    Parameters
    ----------
    calls : dict of str to callable
    budget : Budget

    Returns
    -------
    dict of str to Samples
    """
    everything = {}
    clock = time.perf_counter
    for name, call in calls.items():
        call()
        start = clock()
        call()
        once = max(clock() - start, 1e-7)
        if once < MIN_SAMPLE:  # the clock and a cold cache weigh on one short call
            start = clock()
            for _ in range(20):
                call()
            once = max((clock() - start) / 20, 1e-8)
        everything[name] = Samples(max(1, round(MIN_SAMPLE / once)), once)
    share = budget.seconds / budget.rounds
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(budget.rounds):
            for name, call in calls.items():
                entry = everything[name]
                if entry.seconds and entry.spent + entry.once > budget.limit:
                    continue
                if entry.once < 2 * budget.settle:
                    end = clock() + budget.settle
                    while clock() < end:
                        call()
                else:
                    time.sleep(budget.settle)
                begin = clock()
                while True:
                    start = clock()
                    for _ in range(entry.number):
                        call()
                    stop = clock()
                    entry.seconds.append((stop - start) / entry.number)
                    if stop - begin >= share:
                        break
                entry.spent += stop - begin
    finally:
        if collecting:
            gc.enable()
    return everything


@contextlib.contextmanager
def threads(n_threads):
    """Every library's own pool at `n_threads` threads; fastopt takes the number as an argument."""
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    try:
        with threadpool_limits(limits=n_threads):
            if torch is not None:
                torch.set_num_threads(n_threads)
            yield
    finally:
        if torch is not None:
            torch.set_num_threads(before)


def affinity():
    """Processors that this process may use, the number of jax' threads."""
    import fastopt

    return fastopt.show_config("dict")["threads"]["limits"]["affinity"]


def cpu_model():
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine():
    """What the numbers depend on and what a merged file must agree in."""
    import fastopt

    described = fastopt.show_config("dict")
    return {
        "cpu": cpu_model(),
        "cores": affinity(),
        "isa_available": described["isa"]["available"],
        "system": f"{platform.system()} {platform.machine()}",
        "compiler": described["compiler"]["name"],
        "python": platform.python_version(),
        "fastopt": fastopt.__version__,
        "versions": {name: version(name) for name in PACKAGES},
        "variables": {
            key: value for key, value in sorted(os.environ.items()) if key.startswith(("OPENBLAS_", "OMP_", "MKL_"))
        },
    }


def same_machine(one, other):
    return {k: v for k, v in one.items() if k != "pools"} == {k: v for k, v in other.items() if k != "pools"}


class Results:
    """The records of this run, merged into those of earlier runs on the same machine and versions."""

    def __init__(self, path, quick):
        self.path, self.quick = Path(path), quick
        self.records = {}

    @staticmethod
    def key(record):
        return json.dumps([record[k] for k in ("kind", "name", "dtype", "size", "n_threads", "isa", "quick")])

    def add(self, record):
        record["quick"] = self.quick
        record["date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record["load_average"] = [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else None
        self.records[self.key(record)] = record

    def write(self):
        if not self.records:
            return
        here = machine()
        merged = {}
        if self.path.exists():
            earlier = json.loads(self.path.read_text())
            if same_machine(earlier["machine"], here):
                merged = {self.key(record): record for record in earlier["records"]}
        merged.update(self.records)
        here["pools"] = [
            {k: pool.get(k) for k in ("internal_api", "version", "architecture", "num_threads")}
            for pool in threadpool_info()
        ]
        self.path.write_text(json.dumps({"machine": here, "records": list(merged.values())}, indent=1) + "\n")


def best(record, among):
    """(name, seconds) of the fastest of these entries, or (None, None)."""
    times = {name: record["times"][name]["median"] for name in among if name in record["times"]}
    if not times:
        return None, None
    name = min(times, key=times.get)
    return name, times[name]


def peers(record):
    """Entries that are other libraries: not ours, the NumPy reference or a yardstick."""
    return [name for name in record["times"] if not name.startswith((OURS, "numpy", READ, COPY, ALLOWED))]


def references(record):
    """Entries that are NumPy's."""
    return [name for name in record["times"] if name.startswith("numpy")]


def ratio(record, other):
    """How many times longer `other` takes than fastopt."""
    return record["times"][other]["median"] / record["times"][OURS]["median"]
