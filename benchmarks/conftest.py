"""Options and fixtures of the benchmarks: `pytest benchmarks [--quick]`."""

from dataclasses import replace
from pathlib import Path

import harness
import pytest

import fastopt

HERE = Path(__file__).parent


def pytest_addoption(parser):
    group = parser.getgroup("fastopt benchmarks")
    group.addoption("--quick", action="store_true", help="small cases and few repeats: under two minutes")
    group.addoption("--isa", help="instruction set levels, separated by commas; default: the one in use")
    group.addoption("--threads", help="values of n_threads, separated by commas; default: 1,2")
    group.addoption("--results", default=HERE / "results.json", help="file that gets the medians and ratios")


def pytest_configure(config):
    levels = config.getoption("--isa")
    available = fastopt.show_config("dict")["isa"]["available"]
    config.isa_levels = levels.split(",") if levels else [fastopt.get_config()["isa"]]
    for level in config.isa_levels:
        if level not in available:
            raise pytest.UsageError(f"--isa takes {', '.join(available)} on this machine, got {level!r}")
    counts = config.getoption("--threads")
    cores = fastopt.show_config("dict")["threads"]["limits"]["affinity"]
    try:
        config.thread_counts = [int(n) for n in counts.split(",")] if counts else [1, 2] if cores > 1 else [1]
    except ValueError:
        raise pytest.UsageError(f"--threads takes numbers separated by commas, got {counts!r}") from None
    config.results = harness.Results(config.getoption("--results"), config.getoption("--quick"))


def pytest_generate_tests(metafunc):
    if "isa" in metafunc.fixturenames:
        metafunc.parametrize("isa", metafunc.config.isa_levels, indirect=True)


def pytest_sessionfinish(session):
    session.config.results.write()


def pytest_report_header(config):
    here = harness.machine()
    versions = [f"{name} {number or 'not installed'}" for name, number in here["versions"].items()]
    return [
        f"fastopt {here['fastopt']} on {here['cpu']}, {here['cores']} cores; {', '.join(versions)}",
        f"levels {', '.join(config.isa_levels)}; n_threads {', '.join(map(str, config.thread_counts))}; "
        f"results: {config.results.path}",
    ]


def pytest_terminal_summary(terminalreporter, config):
    records = list(config.results.records.values())
    if not records:
        return
    terminalreporter.section("fastopt against its peers: peer's time / fastopt's time")
    for record in records:
        others = [name for name in record["times"] if name not in (harness.OURS, harness.COPY)]
        ratios = [f"{name} {harness.ratio(record, name):.2f}x" for name in others]
        ratios += [f"{name} not shown ({why})" for name, why in record["missing"].items()]
        if "gb_per_s" in record:
            ratios.append(f"{record['gb_per_s']:.1f} GB/s")
        if "copy_gb_per_s" in record:
            ratios.append(f"one copy {record['copy_gb_per_s']:.1f} GB/s")
        if "gflop_per_s" in record:
            ratios.append(f"{record['gflop_per_s']:.1f} GFLOP/s")
        terminalreporter.write_line(
            f"{record['kind']:9} {record['name']} {record['dtype']} {record['size']} n_threads={record['n_threads']} "
            f"{record['isa']}: {record['times'][harness.OURS]['median'] * 1e3:.4g} ms; {', '.join(ratios)}"
        )


def _budget(quick, budget):
    if not quick:
        return budget or harness.Budget()
    return harness.QUICK if budget is None else replace(harness.QUICK, settle=budget.settle)


@pytest.fixture
def isa(request):
    with fastopt.config_context(isa=request.param):
        yield request.param


@pytest.fixture
def quick(request):
    return request.config.getoption("--quick")


@pytest.fixture
def compare(request, benchmark, isa, quick):
    """Checks the entries' answers, times them in turns, records the result.

    pytest-benchmark gets the same call of ours alone, so that its own files and comparisons work too.
    """

    def run(*, kind, name, dtype, size, n_threads, entries, check, missing=None, budget=None, **extra):
        with harness.threads(n_threads):
            for label, entry in entries.items():
                if entry.answer is not None:
                    check(label, entry.answer(entry.call()))
            calls = {label: entry.call for label, entry in entries.items()}
            measured = harness.interleave(calls, _budget(quick, budget))
            record = {
                "kind": kind,
                "name": name,
                "dtype": dtype,
                "size": size,
                "n_threads": n_threads,
                "isa": isa,
                "times": {label: samples.summary() for label, samples in measured.items()},
                "missing": missing or {},
                **extra,
            }
            ours = measured[harness.OURS]
            for count, speed, entry in (
                ("bytes", "gb_per_s", harness.OURS),
                ("copy_bytes", "copy_gb_per_s", harness.COPY),
                ("flop", "gflop_per_s", harness.OURS),
            ):
                if count in record:
                    record[speed] = record[count] / record["times"][entry]["median"] / 1e9
            benchmark.group = kind
            benchmark.pedantic(
                calls[harness.OURS], rounds=3 if ours.once < 1 else 1, iterations=ours.number, warmup_rounds=1
            )
        benchmark.extra_info.update(record)
        request.config.results.add(record)
        return record

    return run
