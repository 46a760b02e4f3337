"""``python -m fastopt``: fits real data beside NumPy and scikit-learn and prints what each needed."""

import argparse
import contextlib
import os
import platform
import sys

from . import __version__, config_context, show_config
from ._demo import BadInput


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise BadInput(f"{message} (fastopt --help lists the options)")


def _parser():
    parser = _Parser(
        prog="fastopt",
        description="Fit real data with fastopt, NumPy and scikit-learn to the same relative excess of the objective, "
        "then compare five ways to take steps on a regression.",
        epilog="A target of text or of whole numbers with at most 20 distinct values is fitted by LogisticRegression, "
        "any other by Ridge and LinearRegression.",
    )
    parser.add_argument(
        "--data", metavar="FILE.csv", help="fit this numeric CSV file instead; its first line names the columns"
    )
    parser.add_argument("--target", metavar="COLUMN", help="the column of --data to predict")
    parser.add_argument(
        "--plot", metavar="FILE.png", help="draw excess against time and loss against step (needs matplotlib)"
    )
    parser.add_argument("--n-threads", metavar="N", help="threads for all; -1 all processors; default: automatic")
    parser.add_argument("--version", action="version", version=f"fastopt {__version__}")
    return parser


def _n_threads(text):
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1 and number != -1:
        raise BadInput(f"--n-threads must be a positive integer or -1 (all processors), got {text!r}")
    return number


def _machine():
    """Lines about where this runs."""
    facts = show_config("dict")
    isa, threads, versions = facts["isa"], facts["threads"], facts["versions"]
    used = threads["n_threads=None"]
    if used == "automatic":
        used = f"automatic ({threads['n_threads=None gives']})"
    packages = ", ".join(f"{name} {versions[name]}" for name in ("numpy", "scipy", "scikit-learn"))
    return [
        f"fastopt {__version__}, {packages}, Python {versions['Python']}, {platform.system()} {platform.machine()}",
        f"{os.cpu_count()} CPUs; ISA {isa['in use']} (available: {', '.join(isa['available'])}); "
        f"{'with' if threads['OpenMP'] else 'without'} OpenMP; threads {used}",
    ]


def _progress(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def _limits(n_threads):
    """Threads for everybody: fastopt's setting, and BLAS and OpenMP of the others where a number is given."""
    from threadpoolctl import threadpool_limits

    stack = contextlib.ExitStack()
    if n_threads is not None:
        stack.enter_context(config_context(n_threads=n_threads))
        if n_threads > 0:
            stack.enter_context(threadpool_limits(n_threads))
    return stack


def _first_table(problems, repeats):
    from ._demo import fits
    from .plots._table import table

    comparisons = []
    for number, problem in enumerate(problems, 1):
        title = f"[{number}/{len(problems)}] {problem.name}, {problem.model}"
        try:
            comparisons.append(
                fits.compare(problem, repeats=repeats, progress=lambda what, title=title: _progress(f"{title}: {what}"))
            )
        except (ValueError, ArithmeticError) as error:
            raise BadInput(f"{problem.name}, {problem.model}: {error}") from error
    print(f"Fits to a relative excess of {fits.TARGET:.0e}\n")
    print("\n".join(table(fits.COLUMNS, [row for c in comparisons for row in fits.rows(c)])))
    print(
        "\nseconds: median of whole calls of fit, in turns. objective: by the same NumPy formula for all. relative gap: what\n"
        "fastopt certifies. excess: above the lowest objective found; both divided by the gain over a constant prediction.\n"
        "fastopt runs with its defaults; the others with the fastest of their solvers at its loosest tolerance (of 1e-1,\n"
        "1e-2, ...) that reaches the target. ratio: seconds / fastopt's seconds."
    )
    for comparison in comparisons:
        for fit in comparison.fits:
            for note in fit.notes:
                print(f"{comparison.problem.name}, {fit.system}: {note}")
    return comparisons


def _second_table(repeats):
    from ._demo import data, steps, text
    from .plots._table import table

    X, y = data.diabetes()
    minimum = steps.minimum(X, y)
    runs = []
    for number, method in enumerate(steps.METHODS, 1):
        _progress(f"[{number}/{len(steps.METHODS)}] diabetes, {method.name}")
        runs.append(steps.compare(method, X, y, repeats=repeats))
    n, p = X.shape
    print(
        f"\nSteps on the diabetes regression ({n} x {p}, standardised), {steps.EPOCHS} passes each, mean half squared error\n"
    )
    print("\n".join(table(steps.COLUMNS, [steps.row(run) for run in runs])))
    print(
        f"\nThe minimum is {minimum:.10g}. difference: of the losses of fastopt from NumPy's at any of the steps drawn below,\n"
        "relative, at most. kernels: LinearObjective's pass and fastopt.optimizers without the checks and copies of\n"
        "LinearObjective.gradient, which the next column has. All use one thread, and Python calls them step by step.\n"
        "ratio: NumPy's time / the kernels'.\n"
    )
    series = {run.method.letter: (run.steps, [max(loss - minimum, 1e-12) for loss in run.losses[0]]) for run in runs}
    print("\n".join(text.chart(series, x_label="step", y_label="loss - minimum")))
    return runs, minimum


def main(argv=None, *, repeats=None):
    """Run the main job.

    Parameters
    ----------
    argv : list of str, optional
        Arguments of the command line; those of the process where None.
    repeats : int, optional
        Timed repeats of everything; chosen from the time that they take where None.

    Returns
    -------
    int
        Exit code: 0, or 2 for bad input (one line on standard error says what), 130 interrupted.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of columns that the terminal's encoding lacks
    try:
        return _run(_parser().parse_args(argv), repeats)
    except BadInput as error:
        print(f"fastopt: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("fastopt: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output has gone, as in fastopt | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SystemExit as exit:  # --help, --version
        return exit.code or 0


def _run(args, repeats):
    n_threads = _n_threads(args.n_threads)
    if args.data is None and args.target is not None:
        raise BadInput("--target names a column of --data FILE.csv, which is missing")
    if args.data is not None and args.target is None:
        raise BadInput("--data needs --target COLUMN, the column to predict")
    if args.plot is not None:
        from ._demo import plot

        plot.check(args.plot)
    from ._demo import data

    if args.data is None:
        problems, about = data.shipped(), None
    else:
        problems, about = data.from_csv(args.data, args.target)
    with _limits(n_threads):
        print("\n".join(_machine()))
        if about:
            print(about)
        print(flush=True)
        comparisons = _first_table(problems, repeats)
        runs, minimum = ([], None) if args.data is not None else _second_table(repeats)
    if args.plot is not None:
        plot.draw(args.plot, comparisons, runs, minimum)
        print(f"\n{args.plot} shows excess against time" + (" and loss against step." if runs else "."))
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
