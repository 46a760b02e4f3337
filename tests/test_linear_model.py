"""The estimators against scikit-learn's of the same names, and what they promise beyond them."""

import multiprocessing
import pickle
import threading
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import linear_model as peers
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastopt
from fastopt.linear_model import LinearRegression, LogisticRegression, Ridge

ESTIMATORS = [LogisticRegression(), Ridge(), LinearRegression()]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def raw_cancer():
    return load_breast_cancer(return_X_y=True)


def peer_objective(model, X, codes, C=1.0, weight=None):
    """scikit-learn's objective at the model's coefficients, from its own predictions."""
    w = np.ones(len(X)) if weight is None else weight
    log_proba = model.predict_log_proba(X)
    return -C * float(w @ log_proba[np.arange(len(X)), codes]) + 0.5 * float((model.coef_.astype(float) ** 2).sum())


@pytest.mark.parametrize("solver", ["auto", "newton-cholesky", "lbfgs", "newton-cg", "liblinear", "sag", "saga"])
@pytest.mark.parametrize("C", [1e-3, 1.0, 100.0])
def test_logistic_reaches_the_optimum(cancer, solver, C):
    X, y = cancer
    peer = peers.LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(X, y)
    best = peer_objective(peer, X, y, C)
    model = LogisticRegression(C=C, solver=solver).fit(X, y)
    certificate = model.certificate_
    assert certificate.converged and certificate.bound == "gap" and certificate.reason == "gap"
    assert certificate.objective == pytest.approx(peer_objective(model, X, y, C), rel=1e-11)
    base = C * len(X) * float(np.log(2))  # no less than what a constant prediction costs
    assert -1e-12 * base <= certificate.objective - best <= 1e-8 * base
    assert certificate.dual <= best + 1e-12 * base
    assert certificate.objective - certificate.dual <= certificate.gap
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("solver", ["newton-cholesky", "lbfgs"])
def test_multinomial_reaches_the_optimum(solver, fit_intercept):
    X, y = load_iris(return_X_y=True)
    peer = peers.LogisticRegression(solver="newton-cholesky", tol=1e-12, fit_intercept=fit_intercept, max_iter=1000).fit(X, y)
    model = LogisticRegression(solver=solver, fit_intercept=fit_intercept).fit(X, y)
    assert model.certificate_.converged and model.certificate_.bound == "gap"
    excess = peer_objective(model, X, y) - peer_objective(peer, X, y)
    assert -1e-9 <= excess <= 1e-8 * len(X) * np.log(3)
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=2e-3)
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-6)
    assert model.intercept_.sum() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=2e-3)


def test_softmax_null_space_is_no_dependence():
    """A number added to a parameter of every class changes nothing; this is no dependence of columns."""
    X, y = load_iris(return_X_y=True)
    for C in (1.0, np.inf):
        assert "dependent" not in LogisticRegression(C=C, solver="newton-cholesky").fit(X, y).report()
    X = np.hstack([X, X[:, :1]])
    assert "dependent" in LogisticRegression(C=np.inf, solver="newton-cholesky").fit(X, y).report()


def test_digits_converge_with_defaults():
    X, y = load_digits(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LogisticRegression().fit(X, y)
    assert model.certificate_.relative_gap <= 1e-8
    assert model.certificate_.objective == pytest.approx(17.0323521, rel=1e-6)
    assert model.score(X, y) == 1.0


def test_unscaled_data_converge_with_defaults(raw_cancer):
    X, y = raw_cancer
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LogisticRegression().fit(X, y)
    assert model.certificate_.converged and model.certificate_.relative_gap <= 1e-8
    assert model.certificate_.objective == pytest.approx(53.79461, rel=1e-6)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 0.3, 1: 2.0}])
@pytest.mark.parametrize("weighted", [True, False])
def test_weights_enter_as_in_the_peer(cancer, class_weight, weighted):
    X, y = cancer
    weight = np.random.default_rng(0).uniform(0, 3, size=len(y)) if weighted else None
    peer = peers.LogisticRegression(class_weight=class_weight, solver="newton-cholesky", tol=1e-12, max_iter=500)
    peer.fit(X, y, weight)
    model = LogisticRegression(class_weight=class_weight, tol=1e-6).fit(X, y, weight)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_weights_equal_repeats_and_zero_equals_removal(estimator):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 5))
    if isinstance(estimator, LogisticRegression):
        y = (X[:, 0] + rng.normal(size=80) > 0).astype(int)
    else:
        y = X @ rng.normal(size=5) + rng.normal(size=80)
    repeats = rng.integers(0, 4, size=80)
    a = clone(estimator).set_params(tol=1e-8).fit(X, y, sample_weight=repeats.astype(float))
    b = clone(estimator).set_params(tol=1e-8).fit(np.repeat(X, repeats, axis=0), np.repeat(y, repeats))
    np.testing.assert_allclose(a.coef_, b.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(a.intercept_, b.intercept_, rtol=1e-6, atol=1e-8)


def test_no_penalty(cancer):
    X, y = cancer
    rng = np.random.default_rng(2)
    y = np.where(rng.uniform(size=len(y)) < 0.15, 1 - y, y)  # noise, so that the optimum is finite
    X = X[:, :6]
    peer = peers.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(X, y)
    for model in (LogisticRegression(C=np.inf), LogisticRegression(penalty=None), LogisticRegression(C=np.inf, solver="lbfgs")):
        model.set_params(tol=1e-6).fit(X, y)
        assert model.certificate_.bound == "decrement" and model.certificate_.gap is None
        np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(cancer, dtype):
    X, y = cancer
    model = LogisticRegression().fit(X.astype(dtype), y)
    assert model.coef_.dtype == model.intercept_.dtype == model.predict_proba(X.astype(dtype)).dtype == dtype
    reference = LogisticRegression().fit(X, y)
    np.testing.assert_allclose(model.coef_, reference.coef_, rtol=2e-2, atol=2e-3)
    assert model.certificate_.converged


def test_probabilities_are_right_in_the_tails():
    model = LogisticRegression().fit(np.array([[-1.0], [1.0]]), [0, 1])
    model.coef_, model.intercept_ = np.array([[1.0]]), np.array([0.0])
    X = np.array([[-800.0], [-40.0], [0.0], [40.0], [800.0]])
    proba, log_proba = model.predict_proba(X), model.predict_log_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_allclose(proba[1, 1], np.exp(-40.0), rtol=1e-14)
    np.testing.assert_allclose(log_proba[:, 1], [-800, -40, -np.log(2), -np.exp(-40.0), 0], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("solver", ["auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"])
def test_ridge_against_the_peer(solver, fit_intercept):
    X, y = load_diabetes(return_X_y=True)
    weight = np.random.default_rng(3).uniform(0, 2, size=len(y))
    peer = peers.Ridge(alpha=0.3, fit_intercept=fit_intercept, solver="svd").fit(X, y, weight)
    model = Ridge(alpha=0.3, fit_intercept=fit_intercept, solver=solver, tol=1e-7).fit(X, y, weight)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(model.intercept_, peer.intercept_, rtol=1e-7, atol=1e-9)
    residual = y - model.predict(X)
    assert model.certificate_.objective == pytest.approx(weight @ residual**2 + 0.3 * model.coef_ @ model.coef_, rel=1e-10)
    assert model.certificate_.bound == "gap" and model.certificate_.converged


@pytest.mark.parametrize("alpha", [0.5, [0.1, 1.0, 10.0]])
def test_ridge_with_several_targets(alpha):
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(50, 6)), rng.normal(size=(50, 3))
    peer = peers.Ridge(alpha=np.asarray(alpha) if isinstance(alpha, list) else alpha).fit(X, Y)  # 1.8: no list
    model = Ridge(alpha=alpha, tol=1e-7).fit(X, Y)
    assert model.coef_.shape == peer.coef_.shape and model.intercept_.shape == peer.intercept_.shape
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(model.predict(X), peer.predict(X), rtol=1e-6, atol=1e-8)
    column = Ridge(alpha=0.5).fit(X, Y[:, :1])
    assert column.coef_.shape == (1, 6) and column.predict(X).shape == (50, 1)


@pytest.mark.parametrize("shape", [(60, 5), (5, 5), (5, 12)])
@pytest.mark.parametrize("dependent", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_linear_regression_has_the_smallest_norm(shape, dependent, fit_intercept):
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=shape) * np.logspace(0, 2, shape[1]), rng.normal(size=shape[0])
    if dependent:
        X[:, 1] = 2 * X[:, 0]
    peer = peers.LinearRegression(fit_intercept=fit_intercept).fit(X, y)
    model = LinearRegression(fit_intercept=fit_intercept).fit(X, y)
    np.testing.assert_allclose(model.predict(X), peer.predict(X), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-6, atol=1e-8)


def test_linear_regression_on_badly_conditioned_columns():
    t = np.linspace(0, 1, 200)
    X = np.stack([t**k for k in range(1, 8)], axis=1)
    coef = np.arange(1.0, 8.0)
    model = LinearRegression().fit(X, X @ coef + 3.0)
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-6)
    assert model.intercept_ == pytest.approx(3.0, rel=1e-8)


def test_warm_start_needs_no_iterations_and_is_off_by_default(cancer):
    X, y = cancer
    model = LogisticRegression(solver="lbfgs", warm_start=True).fit(X, y)
    first = model.n_iter_[0]
    model.fit(X, y)
    assert model.n_iter_[0] == 0 < first
    cold = LogisticRegression(solver="lbfgs").fit(X, y)
    cold.fit(X, y)
    assert cold.n_iter_[0] == first


def test_history_report_and_certificate(cancer):
    X, y = cancer
    model = LogisticRegression().fit(X, y)
    lengths = {name: len(column) for name, column in model.history_.items()}
    assert set(lengths) == {"objective", "gradient_norm", "step", "passes", "seconds"}
    assert set(lengths.values()) == {model.n_iter_[0] + 1}
    assert model.history_["objective"][-1] == model.certificate_.objective
    assert np.all(np.diff(model.history_["objective"]) <= 0)
    text = model.report()
    for word in ("converged", model.solver_, "duality gap"):
        assert word in text
    with pytest.raises(AttributeError):
        model.certificate_.gap = 0.0


def test_a_fit_that_stops_short_warns_with_numbers_and_a_cure(raw_cancer):
    X, y = raw_cancer
    with pytest.warns(ConvergenceWarning, match=r"max_iter.*raise max_iter \(now 2\)"):
        model = LogisticRegression(max_iter=2, solver="newton-cholesky").fit(X, y)
    assert not model.certificate_.converged and model.certificate_.reason == "max_iter"
    assert model.certificate_.gap > 0 and "NOT converged" in model.report()
    made = r"after 100 iterations.*raise max_iter \(now 1: 100 iterations of gradient-descent\)"
    with pytest.warns(ConvergenceWarning, match=made):
        LogisticRegression(max_iter=1, solver="gradient-descent", C=100.0).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="max_time"):
        model = LogisticRegression(max_time=0.0).fit(X, y)
    assert model.certificate_.reason == "max_time" and np.isfinite(model.coef_).all()


def test_separable_classes_without_a_penalty_give_finite_coefficients():
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    model = LogisticRegression(C=np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, [0, 0, 1, 1])
    assert np.isfinite(model.coef_).all() and model.score(X, [0, 0, 1, 1]) == 1.0


def test_constant_and_duplicated_columns(cancer):
    X, y = cancer
    wide = np.hstack([X[:, :5], np.full((len(X), 1), 7.0), X[:, :2], np.zeros((len(X), 1))])
    peer = peers.LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(wide, y)
    model = LogisticRegression(tol=1e-6).fit(wide, y)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-3, atol=1e-5)
    assert model.coef_[0, 8] == 0


def test_string_labels_lists_and_frames():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame({"a": [0.0, 1, 2, 3], "b": [1.0, 0, 1, 0]})
    model = LogisticRegression().fit(X, ["no", "no", "yes", "yes"])
    assert list(model.feature_names_in_) == ["a", "b"] and list(model.classes_) == ["no", "yes"]
    assert set(model.predict(X)) <= {"no", "yes"}
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(X.to_numpy())
    assert LogisticRegression().fit([[0.0], [1.0]], [0, 1]).predict([[2.0]])[0] == 1


def test_pipelines_searches_and_pickles(cancer):
    X, y = cancer
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, n_jobs=2, cv=3)
    search.fit(X, y)
    assert search.best_score_ > 0.95
    model = search.best_estimator_[-1]
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.certificate_ == model.certificate_


def test_metadata_routing(cancer):
    import sklearn

    X, y = cancer
    weight = np.random.default_rng(6).uniform(0, 2, size=len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            LogisticRegression().set_fit_request(sample_weight=True),
        )
        pipeline.fit(X, y, sample_weight=weight)
    expected = LogisticRegression().fit(StandardScaler().fit_transform(X), y, weight)
    np.testing.assert_allclose(pipeline[-1].coef_, expected.coef_, rtol=1e-6, atol=1e-9)


def test_fits_in_two_threads_and_thread_counts_agree():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(20000, 20))
    y = (X[:, 0] + rng.normal(size=len(X)) > 0).astype(int)
    expected = LogisticRegression(n_threads=1).fit(X, y)
    results = [None, None]

    def run(i):
        results[i] = LogisticRegression(n_threads=2).fit(X, y).coef_

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for coef in results:
        np.testing.assert_array_equal(coef, expected.coef_)


def _fit_in_child(queue, X, y):
    queue.put(LogisticRegression(n_threads=2).fit(X, y).coef_)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_can_fit(cancer):
    X, y = cancer
    parent = LogisticRegression(n_threads=2).fit(X, y)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_fit_in_child, args=(queue, X, y))
    child.start()
    coef = queue.get(timeout=60)
    child.join(timeout=60)
    assert child.exitcode == 0
    np.testing.assert_array_equal(coef, parent.coef_)


@pytest.mark.parametrize("rows", [1, 4])
def test_an_interrupt_keeps_the_best_iterate(raw_cancer, monkeypatch, rows):
    X, y = raw_cancer
    from fastopt.diagnostics import Monitor

    record = Monitor.record

    def interrupting(self, *args):
        stop = record(self, *args)
        if len(self.rows) == rows:
            raise KeyboardInterrupt
        return stop

    monkeypatch.setattr(Monitor, "record", interrupting)
    model = LogisticRegression()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert model.certificate_.reason == "interrupted" and model.n_iter_[0] == rows - 1
    assert np.isfinite(model.predict_proba(X)).all() and model.score(X, y) > (0.9 if rows > 1 else 0.6)


def test_prediction_input_is_validated_and_read_in_place(cancer):
    X, y = cancer
    model = LogisticRegression().fit(X, y)
    bad = X[:5].copy()
    bad[2, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.predict(bad)
    with pytest.raises(ValueError, match="features"):
        model.predict(X[:, :4])
    with pytest.raises(ValueError, match="1D array|Expected 2D"):
        model.predict(X[0])
    readonly = X.copy()
    readonly.flags.writeable = False
    np.testing.assert_array_equal(model.decision_function(readonly), model.decision_function(X))
    np.testing.assert_array_equal(model.decision_function(np.asfortranarray(X)), model.decision_function(X))
    unaligned = np.frombuffer(b"\0" + X.tobytes(), dtype=np.uint8)[1:].view(X.dtype).reshape(X.shape)
    assert not unaligned.flags.aligned
    np.testing.assert_array_equal(model.decision_function(unaligned), model.decision_function(X))
    np.testing.assert_array_equal(LogisticRegression().fit(unaligned, y).coef_, model.coef_)
    with pytest.raises(NotFittedError):
        LogisticRegression().predict(X)


X3, Y3 = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 1])
BAD = [
    (LogisticRegression(C=0), X3, Y3, {}, ValueError, r"C == 0, must be in \(0"),
    (LogisticRegression(C=-1.0), X3, Y3, {}, ValueError, r"C == -1.0"),
    (LogisticRegression(C="1"), X3, Y3, {}, TypeError, "C must be a number"),
    (LogisticRegression(tol=0), X3, Y3, {}, ValueError, "tol == 0"),
    (LogisticRegression(max_iter=1.5), X3, Y3, {}, TypeError, "max_iter must be an integer"),
    (LogisticRegression(max_iter=-1), X3, Y3, {}, ValueError, "max_iter == -1"),
    (LogisticRegression(max_time=-1), X3, Y3, {}, ValueError, "max_time == -1"),
    (LogisticRegression(solver="adam"), X3, Y3, {}, ValueError, "solver must be one of"),
    (LogisticRegression(solver="svd"), X3, Y3, {}, ValueError, "solver must be one of"),
    (LogisticRegression(penalty="l1"), X3, Y3, {}, NotImplementedError, "penalty='l1' comes with a later version"),
    (LogisticRegression(penalty="l3"), X3, Y3, {}, ValueError, "penalty must be"),
    (LogisticRegression(l1_ratio=0.5), X3, Y3, {}, NotImplementedError, "l1_ratio=0.5 comes with a later version"),
    (LogisticRegression(dual=True), X3, Y3, {}, ValueError, "dual=True belongs to liblinear"),
    (LogisticRegression(intercept_scaling=2), X3, Y3, {}, ValueError, "intercept_scaling=2 belongs to penalised"),
    (LogisticRegression(fit_intercept="yes"), X3, Y3, {}, TypeError, "fit_intercept must be True or False"),
    (LogisticRegression(random_state="x"), X3, Y3, {}, ValueError, "seed"),
    (LogisticRegression(n_threads=0), X3, Y3, {}, ValueError, "n_threads must be a positive integer"),
    (LogisticRegression(n_jobs=0), X3, Y3, {}, ValueError, "n_threads must be a positive integer"),
    (LogisticRegression(class_weight="even"), X3, Y3, {}, ValueError, "balanced"),
    (LogisticRegression(), X3, np.zeros(3), {}, ValueError, "only one class"),
    (LogisticRegression(), X3, np.array([0.1, 0.2, 0.3]), {}, ValueError, "continuous"),
    (LogisticRegression(), X3, Y3[:2], {}, ValueError, "inconsistent numbers of samples"),
    (LogisticRegression(), sparse.csr_array(X3), Y3, {}, TypeError, "does not take sparse data yet"),
    (LogisticRegression(), np.array([[np.nan], [1.0], [2.0]]), Y3, {}, ValueError, "NaN"),
    (LogisticRegression(), np.array([[np.inf], [1.0], [2.0]]), Y3, {}, ValueError, "infinity"),
    (LogisticRegression(), X3, Y3, {"sample_weight": [1.0, -1.0, 1.0]}, ValueError, "sample_weight must be >= 0"),
    (LogisticRegression(), X3, Y3, {"sample_weight": [1.0, 1.0]}, ValueError, "sample_weight.shape"),
    (LogisticRegression(), X3, Y3, {"sample_weight": [1.0, np.nan, 1.0]}, ValueError, "NaN"),
    (LogisticRegression(), X3, None, {}, ValueError, "requires y"),
    (Ridge(alpha=-1), X3, Y3, {}, ValueError, "alpha == -1"),
    (Ridge(alpha="1"), X3, Y3, {}, TypeError, "alpha must be a number"),
    (Ridge(alpha=[1.0, 2.0]), X3, Y3, {}, ValueError, "do not correspond"),
    (Ridge(positive=True), X3, Y3, {}, NotImplementedError, "positive=True"),
    (Ridge(copy_X=3), X3, Y3, {}, TypeError, "copy_X must be True or False"),
    (Ridge(max_iter=0), X3, Y3, {}, ValueError, "max_iter == 0"),
    (Ridge(solver="newton"), X3, Y3, {}, ValueError, "solver must be one of"),
    (LinearRegression(positive=True), X3, Y3, {}, NotImplementedError, "positive=True"),
    (LinearRegression(tol=-1), X3, Y3, {}, ValueError, "tol == -1"),
    (LinearRegression(), X3, np.array([1.0, np.inf, 2.0]), {}, ValueError, "infinity"),
    (LinearRegression(), X3, np.zeros((3, 2, 2)), {}, ValueError, r"y must have shape"),
]


@pytest.mark.parametrize("estimator, X, y, options, error, message", BAD)
def test_bad_input(estimator, X, y, options, error, message):
    with pytest.raises(error, match=message):
        clone(estimator).fit(X, y, **options)


# A legal other value of every parameter: it changes the result, or raises, or is documented to be
# checked only (then an illegal value raises, above).
CHECKED_ONLY = {"random_state", "copy_X"}
OTHER = {
    "penalty": None, "C": 0.01, "l1_ratio": 1.0, "dual": True, "tol": 0.1, "fit_intercept": False, "intercept_scaling": 2,
    "class_weight": "balanced", "random_state": 1, "solver": "lbfgs", "max_iter": 1, "verbose": 1, "warm_start": True,
    "n_jobs": 2, "n_threads": 2, "max_time": 0.0, "alpha": 30.0, "copy_X": False, "positive": True,
}  # fmt: skip


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_no_parameter_is_accepted_and_ignored(estimator, raw_cancer, capsys, monkeypatch):
    X, y = raw_cancer
    seen = []
    threads = fastopt._config.threads
    monkeypatch.setattr(fastopt._config, "threads", lambda n, ms: seen.append(n) or threads(n, ms))

    def run(params):
        seen.clear()
        model = clone(estimator).set_params(**params)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
            model.fit(X, y)
        c = model.certificate_
        printed = bool(capsys.readouterr().err)
        solution = model.coef_.tobytes(), np.asarray(model.intercept_).tobytes()
        return (*solution, model.solver_, c.n_iter, c.reason, printed, tuple(seen))

    default = run({})
    for name in estimator.get_params():
        if name in CHECKED_ONLY or (isinstance(estimator, LinearRegression) and name == "tol"):
            continue
        try:
            changed = run({name: OTHER[name]})
        except (ValueError, NotImplementedError):
            continue
        if isinstance(estimator, Ridge) and name in ("max_iter", "tol"):
            changed = run({name: OTHER[name], "solver": "lbfgs"})
        assert changed != default, name


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int32, np.int64, np.uint64, float, object])
@pytest.mark.parametrize("values", [(0, 1), (1, 0), (3, 5, 100), (-7, 4)])
def test_classes_of_labels_are_those_of_numpy(dtype, values):
    from fastopt.linear_model._logistic import _unique

    if dtype in (np.uint8, np.uint64, bool):
        values = [abs(v) for v in values]
    y = np.random.default_rng(0).choice(values, size=60).astype(dtype)
    classes, codes = _unique(y)
    expected = np.unique(y, return_inverse=True)
    assert classes.dtype == expected[0].dtype
    np.testing.assert_array_equal(classes, expected[0])
    np.testing.assert_array_equal(codes, expected[1])


@pytest.mark.parametrize("labels", [(-(2**63), 2**63 - 1), (2**63 - 2, 2**63 - 1), (10, 10**9)])
def test_classes_far_apart_or_far_from_zero(labels):
    from fastopt.linear_model import LogisticRegression

    X = np.random.default_rng(0).normal(size=(40, 2))
    y = np.where(X[:, 0] > 0, labels[1], labels[0])
    model = LogisticRegression().fit(X, y)
    assert model.classes_.tolist() == sorted(labels)
    assert model.score(X, y) > 0.9
