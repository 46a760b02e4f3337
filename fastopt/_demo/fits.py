"""The first table: each problem by fastopt, by NumPy and by scikit-learn, to the same relative excess."""

import contextlib
import statistics
import time
import warnings
from dataclasses import dataclass, field

import numpy as np

from .. import linear_model
from ..reference import linear

TARGET = 1e-8  # of the gain over the best constant prediction; fastopt's default tol=1e-4 promises it
TOLERANCES = [10.0**-exponent for exponent in range(1, 13)]
MOST_UNKNOWNS = 2000  # above, no peer is asked to factorise a matrix of this size
MOST_BLOCKS = 1000  # likewise for NumPy's multinomial Hessian
MOST_SMALL = 300  # unknowns up to which matrices are small change
PATIENCE = 5.0  # seconds for the choice of one solver's tolerance
SECONDS = 5.0  # for the timed repeats of one problem


@dataclass
class Fit:
    """One line of the table. seconds is a median; None where the target was not reached."""

    system: str
    solver: str
    n_iter: int | None
    passes: int | None
    objective: float
    excess: float = np.nan
    seconds: float | None = None
    relative_gap: float | None = None
    notes: list = field(default_factory=list)


@dataclass
class Comparison:
    problem: object
    constant: float  # objective of the best constant prediction
    best: float  # lowest objective that anybody found
    fits: list  # fastopt, NumPy, scikit-learn
    history: dict

    @property
    def gain(self):
        return max(self.constant - self.best, np.finfo(float).tiny)


@dataclass
class Candidate:
    """A way to minimise: run(tol) -> (objective, n_iter, passes); tol is None where there is nothing to choose."""

    system: str
    name: str
    run: object
    tolerances: tuple = (None,)
    tol: float | None = None
    first: float = np.inf
    excess: float = np.inf

    @property
    def label(self):
        return self.name if self.tol is None else f"{self.name}, {self.tol:.0e}".replace("e-0", "e-")


def _factorises(reference):
    return reference.size <= (MOST_BLOCKS if isinstance(reference, linear.Softmax) else MOST_UNKNOWNS)


def numpy_candidates(problem):
    """What a NumPy user would try, the fastest guess first."""
    reference = problem.reference

    def candidate(name, minimise, tolerances=(None,)):
        return Candidate("NumPy", name, minimise, tolerances)

    if problem.model == "Ridge":
        return [candidate("Cholesky", lambda tol: reference.cholesky())]
    if problem.model == "LinearRegression":
        return [candidate("lstsq", lambda tol: reference.least_squares())]
    found = [candidate("L-BFGS-B", lambda tol: linear.lbfgs(reference, tol), TOLERANCES[:9])]
    if _factorises(reference):
        found.insert(0, candidate("Newton", lambda tol: linear.newton(reference, tol), TOLERANCES[3:7]))
    return found


def sklearn_candidates(problem):
    """scikit-learn's solvers of the same objective, the fastest guess first."""
    from sklearn import linear_model as theirs

    names, tolerances, most = [None], (None,), {}
    if problem.model == "Ridge":
        names, tolerances = ["cholesky", "svd", "lsqr", "sparse_cg"], TOLERANCES
    elif problem.classification:
        names, tolerances, most = ["newton-cg", "lbfgs"], TOLERANCES[:10], {"max_iter": 5000}
        if problem.reference.size <= MOST_SMALL:
            names.insert(0, "newton-cholesky")
    found = []
    for name in names:
        direct = name in (None, "cholesky", "svd")

        def run(tol, name=name, direct=direct):
            options = {} if name is None else {"solver": name, **most}
            if not direct:
                options["tol"] = tol
            return getattr(theirs, problem.model)(**problem.parameters, **options).fit(problem.X, problem.y)

        found.append(Candidate("scikit-learn", name or "lstsq", run, (None,) if direct else tolerances))
    return found


def _outcome(problem, result):
    """Objective, iterations and passes of what a candidate returned."""
    if isinstance(result, linear.Solution):
        return float(problem.reference.value(result.params)), result.n_iter, result.passes
    n_iter = getattr(result, "n_iter_", None)
    return problem.objective(result), None if n_iter is None else int(np.max(n_iter)), None


def _timed(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def _optimum(problem):
    """The lowest objective that a tight fit and, where the matrix is small, Newton's method find."""
    tight = getattr(linear_model, problem.model)(**problem.parameters, tol=1e-7).fit(problem.X, problem.y)
    values = [problem.objective(tight)]
    if problem.classification and problem.reference.size <= MOST_SMALL:
        with contextlib.suppress(np.linalg.LinAlgError, ValueError):  # columns that NumPy cannot factorise
            values.append(problem.reference.value(linear.newton(problem.reference, 1e-15).params))
    return min(value for value in values if np.isfinite(value))


def _search(problem, candidates, constant, best):
    """Give each candidate its loosest tolerance that reaches the target; those far slower than another drop out."""
    gain = max(constant - best, np.finfo(float).tiny)
    fastest = np.inf
    for candidate in candidates:
        spent = 0.0
        for tol in candidate.tolerances:
            try:
                seconds, result = _timed(candidate.run, tol)
            except (np.linalg.LinAlgError, ValueError, FloatingPointError):
                continue
            excess = max(_outcome(problem, result)[0] - best, 0.0) / gain
            if excess < candidate.excess:
                candidate.tol, candidate.excess, candidate.first = tol, excess, seconds
            if excess <= TARGET:
                if seconds < 0.5:  # the first run also warms up
                    seconds = min(seconds, _timed(candidate.run, tol)[0])
                candidate.first = seconds
                fastest = min(fastest, candidate.first)
                break
            spent += seconds
            if seconds > 3 * fastest or spent > PATIENCE:
                break
    return [c for c in candidates if c.excess <= TARGET and c.first <= 3 * fastest]


def _medians(runs, repeats):
    """Median seconds and a result of each function of `runs`, called in turns."""
    once = sum(_timed(run)[0] for run in runs)  # also warms up
    if repeats is None:
        repeats = int(np.clip(SECONDS / max(once, 1e-9), 3 if once < SECONDS else 1, 41))
    seconds, results = [[] for _ in runs], [None] * len(runs)
    for turn in range(repeats):
        for i in np.roll(np.arange(len(runs)), turn):
            elapsed, results[i] = _timed(runs[i])
            seconds[i].append(elapsed)
    return [statistics.median(s) for s in seconds], results


def compare(problem, *, repeats=None, progress=lambda text: None):
    """Fit a problem by all and return the `Comparison`.

    Parameters
    ----------
    problem : Problem
    repeats : int, optional
        Timed calls of each; from the time of one where None.
    progress : callable
        Told what happens.
    """

    def ours():
        return getattr(linear_model, problem.model)(**problem.parameters).fit(problem.X, problem.y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        progress("optimum")
        constant = float(problem.reference.value(problem.reference.initial()))
        best = _optimum(problem)
        peers, reached = [], []
        for system, find in (("NumPy", numpy_candidates), ("scikit-learn", sklearn_candidates)):
            progress(f"{system}: solver and tolerance")
            peers.append(find(problem))
            reached.append(_search(problem, peers[-1], constant, best))
        progress("timing")
        runs = [ours] + [lambda c=c: c.run(c.tol) for group in reached for c in group]
        medians, results = _medians(runs, repeats)
    model = results[0]
    certificate = model.certificate_
    fits = [
        Fit(
            "fastopt",
            model.solver_,
            certificate.n_iter,
            certificate.passes,
            problem.objective(model),
            seconds=medians[0],
            relative_gap=certificate.relative_gap,
            notes=[] if certificate.converged else [f"not converged: {certificate.reason}"],
        )
    ]
    at = 1
    for group, kept in zip(peers, reached):
        timed = [(medians[at + i], candidate, results[at + i]) for i, candidate in enumerate(kept)]
        at += len(kept)
        if timed:
            seconds, candidate, result = min(timed, key=lambda entry: entry[0])
        else:
            seconds, candidate = None, min(group, key=lambda c: c.excess)
            result = candidate.run(candidate.tol) if np.isfinite(candidate.excess) else None
        outcome = (np.nan, None, None) if result is None else _outcome(problem, result)
        fits.append(Fit(candidate.system, candidate.label, outcome[1], outcome[2], outcome[0], seconds=seconds))
    best = min([best, *(fit.objective for fit in fits if np.isfinite(fit.objective))])
    comparison = Comparison(problem, constant, best, fits, model.history_)
    for fit in fits:
        fit.excess = (fit.objective - best) / comparison.gain
    return comparison


def rows(comparison):
    """Three rows of cells for one comparison: a row for each system; what was fitted stands below each other."""
    problem, table = comparison.problem, []
    n, p = problem.X.shape
    leads = problem.name, f"  {n} x {p}", f"  {problem.model}"
    for lead, fit in zip(leads, comparison.fits):
        seconds, ratio = "", "not reached"
        if fit.seconds is not None:
            seconds, ratio = f"{fit.seconds:.6f}", f"{fit.seconds / comparison.fits[0].seconds:.2f}"
        table.append(
            [
                lead,
                fit.system,
                fit.solver,
                "" if fit.n_iter is None else str(fit.n_iter),
                "" if fit.passes is None else str(fit.passes),
                seconds,
                f"{fit.objective:.11g}",
                "" if fit.relative_gap is None else f"{fit.relative_gap:.1e}",
                f"{fit.excess:.1e}",
                ratio,
            ]
        )
    return table


COLUMNS = {
    "data, n x p, model": "<",
    "by": "<",
    "solver, tol": "<",
    "iterations": ">",
    "passes": ">",
    "seconds": ">",
    "objective": ">",
    "relative gap": ">",
    "excess": ">",
    "ratio": ">",
}
