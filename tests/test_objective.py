"""The objective against plain NumPy: values, derivatives, lines, duals, for every combination of parts."""

import numpy as np
import pytest

import fastopt
from fastopt import losses
from fastopt.diagnostics import check_gradient
from fastopt.objective import LinearObjective
from fastopt.penalties import L2
from fastopt.scaling import ScaledObjective

N, P = 61, 7


def problem(name, dtype=np.float64, seed=0, n=N, p=P, k=3):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, p)) * np.logspace(-1, 1, p) + rng.normal(size=p)).astype(dtype)
    loss = losses.get(name)
    if loss.is_rowwise:
        return X, rng.integers(0, k, size=n), loss, k
    y, _ = loss.sample(rng, n)
    return X, np.asarray(y, dtype=dtype), loss, 1


SMOOTH = ["half_squared_error", "squared_error", "logistic", "poisson", "huber", "squared_hinge", "softmax_cross_entropy"]


def dense_value(X, y, loss, alpha, params, weight=None, offset=0.0, intercept=True):
    """The formula of the docstring, written out."""
    params = np.atleast_2d(params)
    coef = params[:, : X.shape[1]]
    raw = X.astype(float) @ coef.T + (params[:, -1] if intercept else 0.0) + offset
    if not loss.is_rowwise:
        raw = raw[:, 0]
    values = loss.value(y if loss.is_rowwise else y.astype(float), np.ascontiguousarray(raw), reduction="none")
    w = np.ones(len(X)) if weight is None else weight
    return float(w @ values / w.sum()) + 0.5 * alpha * float((coef**2).sum())


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", SMOOTH)
def test_value_and_derivatives(name, weighted, intercept):
    X, y, loss, k = problem(name)
    rng = np.random.default_rng(1)
    weight = rng.uniform(0, 2, size=N) if weighted else None
    offset = rng.normal(size=(N, k) if loss.is_rowwise else N) * 0.1
    objective = LinearObjective(
        X, y, loss, L2(0.3), intercept, sample_weight=weight, offset=offset, n_outputs=k if loss.is_rowwise else None
    )
    params = rng.normal(size=objective.shape) * 0.1
    value, gradient = objective.value_gradient(params)
    expected = dense_value(X, y, loss, 0.3, params, weight, offset if loss.is_rowwise else offset[:, None], intercept)
    assert value == pytest.approx(expected, rel=1e-12)
    assert objective.value(params) == pytest.approx(value, rel=1e-14)
    assert gradient.shape == params.shape
    # Across a jump of the second derivative, differences of the value are off by about its step.
    assert check_gradient(objective, params, rtol=1e-3 if loss.name in ("huber", "squared_hinge") else 1e-7)
    if objective.has_hessian:
        direction = rng.normal(size=params.shape)
        h = 1e-5
        difference = (objective.gradient(params + h * direction) - objective.gradient(params - h * direction)) / (2 * h)
        product = objective.hessian_product(params, direction)
        if not loss.name.startswith(("huber", "squared_hinge")):
            np.testing.assert_allclose(product, difference, rtol=1e-5, atol=1e-7)
        matrix = objective.hessian_matrix(params)
        np.testing.assert_allclose(matrix @ direction.reshape(-1), product.reshape(-1), rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12, atol=1e-14)


def test_several_outputs_of_a_pointwise_loss():
    X, _, loss, _ = problem("half_squared_error")
    Y = np.random.default_rng(3).normal(size=(N, 2))
    both = LinearObjective(X, Y, loss, 0.2)
    params = np.random.default_rng(4).normal(size=(2, P + 1)) * 0.1
    value, gradient = both.value_gradient(params)
    singles = [LinearObjective(X, Y[:, j], loss, 0.2).value_gradient(params[j]) for j in range(2)]
    assert value == pytest.approx(sum(s[0] for s in singles), rel=1e-12)
    np.testing.assert_allclose(gradient, [s[1] for s in singles], rtol=1e-11, atol=1e-14)
    matrix = both.hessian_matrix(params)
    np.testing.assert_allclose(matrix[: P + 1, P + 1 :], 0)
    np.testing.assert_allclose(matrix[P + 1 :, P + 1 :], LinearObjective(X, Y[:, 0], loss, 0.2).hessian_matrix(params[0]))


@pytest.mark.parametrize("name", ["logistic", "softmax_cross_entropy"])
def test_row_subsets_equal_copies(name):
    X, y, loss, k = problem(name)
    rng = np.random.default_rng(5)
    rows = rng.permutation(N)[:23]
    weight = rng.uniform(0.1, 2, size=N)
    options = {"n_outputs": k} if loss.is_rowwise else {}
    subset = LinearObjective(X, y, loss, 0.1, rows=rows, sample_weight=weight, **options)
    copy = LinearObjective(X[rows], y[rows], loss, 0.1, sample_weight=weight[rows], **options)
    params = rng.normal(size=subset.shape) * 0.1
    assert subset.value(params) == pytest.approx(copy.value(params), rel=1e-13)
    np.testing.assert_allclose(subset.gradient(params), copy.gradient(params), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(subset.initial(), copy.initial(), rtol=1e-12)


@pytest.mark.parametrize("name", ["logistic", "softmax_cross_entropy", "half_squared_error"])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_scaled_view_is_the_same_function(name, intercept):
    X, y, loss, k = problem(name)
    objective = LinearObjective(X, y, loss, 0.1, intercept, n_outputs=k if loss.is_rowwise else None)
    view = ScaledObjective(objective, *objective.scaling())
    rng = np.random.default_rng(6)
    u, d = rng.normal(size=objective.size) * 0.1, rng.normal(size=objective.size) * 0.1
    np.testing.assert_allclose(view.rescale(view.unscale(u)), u, rtol=1e-12, atol=1e-13)
    point = view.evaluate(u)
    assert point.value == pytest.approx(objective.value(view.unscale(u).reshape(objective.shape)), rel=1e-13)
    h = 1e-6
    up, down = view.evaluate(u + h * d), view.evaluate(u - h * d)
    assert point.gradient @ d == pytest.approx((up.value - down.value) / (2 * h), rel=1e-6, abs=1e-9)
    np.testing.assert_allclose(view.hessp(point, d), (up.gradient - down.gradient) / (2 * h), rtol=1e-5, atol=1e-8)
    if not loss.is_rowwise:
        np.testing.assert_allclose(view.hessian(point) @ d, view.hessp(point, d), rtol=1e-9, atol=1e-12)
    phi = view.line(point, d)
    with_trial = view.line(point, d, view.evaluate(u + 0.5 * d), 0.5)
    for t in (0.0, 0.3, 2.0):
        there = view.evaluate(u + t * d)
        for candidate in (phi, with_trial):
            value, slope, curvature = candidate(t)
            assert value == pytest.approx(there.value, rel=1e-12)
            assert slope == pytest.approx(there.gradient @ d, rel=1e-9, abs=1e-12)
            assert curvature == pytest.approx(d @ view.hessp(there, d), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("with_offset", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("name", ["logistic", "softmax_cross_entropy", "half_squared_error", "squared_error", "squared_hinge"])
def test_the_dual_is_a_lower_bound_everywhere_and_tight_at_the_optimum(name, intercept, with_offset, weighted):
    X, y, loss, k = problem(name, seed=7)
    rng = np.random.default_rng(8)
    offset = rng.normal(size=(N, k) if loss.is_rowwise else N) if with_offset else None
    weight = rng.uniform(0, 3, size=N) if weighted else None
    objective = LinearObjective(
        X, y, loss, 0.5, intercept, offset=offset, sample_weight=weight, n_outputs=k if loss.is_rowwise else None
    )
    fit = fastopt.solvers.fit_problem(objective, solver="lbfgs", tol=1e-6, monitor=fastopt.diagnostics.Monitor())
    optimum = fit.certificate.objective
    assert fit.certificate.converged and fit.certificate.gap <= 1e-11 * max(1.0, abs(optimum)) + 1e-12
    for scale in (0.0, 0.01, 1.0):
        x = objective._flat(fit.params + scale * rng.normal(size=fit.params.shape))
        point = objective.evaluate(x)
        dual = objective.dual_value(point)
        assert dual <= optimum + 1e-12 * max(1.0, abs(optimum))
        if scale == 0.0:
            assert dual == pytest.approx(optimum, rel=1e-9)


def test_float32_data_are_used_in_place_and_agree():
    X, y, loss, _ = problem("logistic", np.float32)
    objective = LinearObjective(X, y, loss, 0.1)
    assert objective.data.X is X and objective.dtype == np.float32
    params = np.random.default_rng(9).normal(size=objective.shape) * 0.05
    wide = LinearObjective(X.astype(np.float64), y.astype(np.float64), loss, 0.1)
    assert objective.value(params) == pytest.approx(wide.value(params), rel=3e-6)
    np.testing.assert_allclose(objective.gradient(params), wide.gradient(params), rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", ["logistic", "softmax_cross_entropy"])
def test_threads_give_the_same_bits(name):
    X, y, loss, k = problem(name, n=5000, p=33)
    results = []
    for n_threads in (1, 2, 3):
        objective = LinearObjective(X, y, loss, 0.1, n_outputs=k if loss.is_rowwise else None, n_threads=n_threads)
        params = np.random.default_rng(10).normal(size=objective.shape) * 0.01
        value, gradient = objective.value_gradient(params)
        results.append((value, gradient.tobytes(), objective.hessian_matrix(params).tobytes()))
    assert results[0] == results[1] == results[2]


ERRORS = [
    (dict(X=np.zeros(3)), ValueError, "X must have two dimensions"),
    (dict(X=np.zeros((3, 2), dtype=complex)), TypeError, "real numbers"),
    (dict(y=np.zeros(4)), ValueError, r"y must have shape \(3,\)"),
    (dict(sample_weight=np.ones(2)), ValueError, r"sample_weight must have shape \(3,\)"),
    (dict(sample_weight=np.zeros(3)), ValueError, "sum of sample_weight must be positive"),
    (dict(offset=np.zeros(2)), ValueError, "offset must have 3 x 1 elements"),
    (dict(rows=np.array([0, 3])), ValueError, r"rows must be in 0\.\.2"),
    (dict(rows=np.array([0.5])), TypeError, "integers"),
    (dict(penalty=-1.0), ValueError, "alpha must be finite and >= 0"),
    (dict(penalty="l2"), TypeError, "alpha must be a real number"),
    (dict(loss="no_such_loss"), ValueError, "unknown loss"),
    (dict(loss="softmax_cross_entropy"), TypeError, "class indices"),
    (dict(n_threads=0), ValueError, "n_threads must be a positive integer"),
]


@pytest.mark.parametrize("change, error, message", ERRORS)
def test_bad_arguments(change, error, message):
    arguments = dict(X=np.zeros((3, 2)), y=np.zeros(3), loss="half_squared_error") | change
    with pytest.raises(error, match=message):
        LinearObjective(**arguments)


def test_parameters_of_the_wrong_shape_and_targets_outside_the_domain():
    objective = LinearObjective(np.zeros((3, 2)), np.zeros(3), "half_squared_error")
    with pytest.raises(ValueError, match=r"params must have shape \(3,\)"):
        objective.value(np.zeros(2))
    with pytest.raises(ValueError, match="y_true of Logistic"):
        LinearObjective(np.zeros((3, 2)), np.array([0.0, 1.0, 2.0]), "logistic").value(np.zeros(3))
    with pytest.raises(ValueError, match="sample_weight"):
        LinearObjective(np.ones((2, 1)), np.zeros(2), "logistic", sample_weight=np.array([2.0, -1.0])).value(np.zeros(2))


def _gaussian(y, raw):
    """Value, gradient (n, 2) and Hessian (n, 2, 2) of a row (m, s), in NumPy."""
    d, inverse = y - raw[:, 0], np.exp(-raw[:, 1])
    value = (raw[:, 1] + d**2 * inverse) / 2
    gradient = np.stack([-d * inverse, (1 - d**2 * inverse) / 2], axis=1)
    hessian = np.empty((len(y), 2, 2))
    hessian[:, 0, 0], hessian[:, 1, 1] = inverse, d**2 * inverse / 2
    hessian[:, 0, 1] = hessian[:, 1, 0] = d * inverse
    return value, gradient, hessian


def _ordinal(y, raw):
    """The same of ordered classes from k cumulative logits, P(y <= c) = 1 / (1 + e^-z_c)."""
    n, k = raw.shape
    below = np.hstack([np.zeros((n, 1)), 1 / (1 + np.exp(-raw)), np.ones((n, 1))])
    first, second = below * (1 - below), below * (1 - below) * (1 - 2 * below)
    rows = np.arange(n)
    p = below[rows, y + 1] - below[rows, y]
    # dp and d2p over the k + 2 ends, of which the first and the last are constants
    slope = np.zeros((n, k + 2))
    slope[rows, y + 1] = first[rows, y + 1]
    slope[rows, y] = -first[rows, y]
    bend = np.zeros((n, k + 2))
    bend[rows, y + 1] = second[rows, y + 1]
    bend[rows, y] = -second[rows, y]
    slope, bend = slope[:, 1:-1], bend[:, 1:-1]
    hessian = slope[:, :, None] * slope[:, None, :] / p[:, None, None] ** 2 - bend[:, :, None] * np.eye(k) / p[:, None, None]
    return -np.log(p), -slope / p[:, None], hessian


def number_problem(name, dtype=np.float64, n=N):
    """X, targets of one number, the loss, its formula, and parameters with increasing raw predictions."""
    rng = np.random.default_rng(11)
    X = rng.uniform(-1, 1, size=(n, P)).astype(dtype)
    if name == "gaussian_nll":
        return X, rng.normal(size=n), losses.GaussianNLL(), _gaussian, rng.normal(size=(2, P + 1)) * 0.3
    params = rng.normal(size=(3, P + 1)) * 0.1
    params[:, P] = [-2.0, 0.0, 2.0]
    return X, rng.integers(0, 4, size=n), losses.CumulativeLogit(), _ordinal, params


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", ["gaussian_nll", "cumulative_logit"])
def test_losses_of_one_number_and_several_outputs(name, weighted, dtype, isa):
    """Mean and log-variance, ordered classes: against NumPy over a subset of rows, one read of X for value and gradient."""
    X, y, loss, formula, params = number_problem(name, dtype)
    k = len(params)
    rng = np.random.default_rng(12)
    rows = rng.permutation(N)[:47]
    weight, offset = rng.uniform(0.2, 2, size=N).astype(dtype), (rng.normal(size=(N, k)) * 0.1).astype(dtype)
    targets = y.astype(dtype) if name == "gaussian_nll" else y
    kept = targets.copy()
    if weighted:  # a row of weight 0 may hold anything
        weight[rows[:5]] = 0
        targets[rows[:5]] = np.nan if name == "gaussian_nll" else -1
    else:
        weight = None
    objective = LinearObjective(X, targets, loss, 0.3, rows=rows, sample_weight=weight, offset=offset)
    assert objective.shape == params.shape
    tol = {"rtol": 1e-10, "atol": 1e-12} if dtype == np.float64 else {"rtol": 2e-4, "atol": 2e-5}
    raw = X[rows].astype(float) @ params[:, :P].T + params[:, P] + offset[rows]
    w = np.ones(47) if weight is None else weight[rows].astype(float)
    w = w / w.sum()
    each, slope, bend = formula(kept[rows], raw)
    ones = np.hstack([X[rows].astype(float), np.ones((47, 1))])
    ridge = 0.3 * (np.arange(P + 1) < P)
    before = objective.n_passes
    value, gradient = objective.value_gradient(params)
    assert objective.n_passes == before + 1
    assert value == pytest.approx(w @ each + 0.15 * (params[:, :P] ** 2).sum(), rel=tol["rtol"])
    assert objective.value(params) == pytest.approx(value, rel=tol["rtol"])
    np.testing.assert_allclose(gradient, (slope * w[:, None]).T @ ones + ridge * params, **tol)
    matrix = np.einsum("i,iab,ij,il->ajbl", w, bend, ones, ones).reshape(params.size, -1) + np.diag(np.tile(ridge, k))
    np.testing.assert_allclose(objective.hessian_matrix(params), matrix, **tol)
    u = rng.normal(size=params.shape)
    np.testing.assert_allclose(objective.hessian_product(params, u).reshape(-1), matrix @ u.reshape(-1), **tol)
    phi = objective.line(objective.evaluate(objective._flat(params)), 0.01 * u.reshape(-1))
    assert phi(1.0)[0] == pytest.approx(objective.value(params + 0.01 * u), rel=tol["rtol"])
    if dtype == np.float64:
        assert check_gradient(objective, params, rtol=1e-7)
    np.testing.assert_allclose(objective.initial()[:, P], loss.fit_intercept_only(kept[rows], w), rtol=1e-6)


def test_heteroscedastic_regression_recovers_its_coefficients():
    """Mean and log-variance linear in x: the same minimum by every solver, near the truth; float32 agrees."""
    rng = np.random.default_rng(13)
    X = rng.normal(size=(20000, 3))
    truth = np.array([[1.0, -2.0, 0.5, 0.3], [0.4, 0.0, -0.7, -1.0]])
    y = X @ truth[0, :3] + truth[0, 3] + np.exp((X @ truth[1, :3] + truth[1, 3]) / 2) * rng.normal(size=len(X))
    objective = LinearObjective(X, y, "gaussian_nll")
    fits = [
        fastopt.solvers.fit_problem(objective, solver=solver, tol=1e-7, monitor=fastopt.diagnostics.Monitor())
        for solver in ("newton-cholesky", "lbfgs", "auto")
    ]
    for fit in fits:
        assert fit.certificate.converged
        np.testing.assert_allclose(fit.params, truth, atol=0.05)
        np.testing.assert_allclose(fit.params, fits[0].params, atol=1e-6)

    def flat(x):
        value, gradient = objective.value_gradient(x.reshape(2, 4))
        return value, gradient.reshape(-1)

    def hess(x):
        return objective.hessian_matrix(x.reshape(2, 4))

    for method, options in (("l-bfgs", {}), ("newton", {"hess": hess}), ("trust-ncg", {"hess": hess})):
        found = fastopt.minimize(flat, objective.initial().reshape(-1), jac=True, method=method, tol=1e-9, **options)
        np.testing.assert_allclose(found.x.reshape(2, 4), fits[0].params, atol=1e-6)
    single = LinearObjective(X.astype(np.float32), y.astype(np.float32), "gaussian_nll")
    fit = fastopt.solvers.fit_problem(single, monitor=fastopt.diagnostics.Monitor())
    np.testing.assert_allclose(fit.params, fits[0].params, atol=2e-4)


def test_ordered_classes_by_one_model_each():
    """Cumulative logits with coefficients of their own; two classes are a logistic regression."""
    rng = np.random.default_rng(14)
    X = rng.normal(size=(5000, 2))
    y = ((X @ [1.0, -2.0] + rng.logistic(size=5000))[:, None] > [-1.5, 0.2, 1.8]).sum(axis=1)
    objective = LinearObjective(X, y, "cumulative_logit")
    fits = [
        fastopt.solvers.fit_problem(objective, solver=solver, tol=1e-7, monitor=fastopt.diagnostics.Monitor())
        for solver in ("newton-cholesky", "lbfgs")
    ]
    np.testing.assert_allclose(fits[0].params, [[-1, 2, -1.5], [-1, 2, 0.2], [-1, 2, 1.8]], atol=0.2)
    np.testing.assert_allclose(fits[0].params, fits[1].params, atol=1e-5)

    def shared(u):  # the proportional odds model, as docs/losses.md has it
        value, g = objective.value_gradient(np.column_stack([np.tile(-u[:2], (3, 1)), u[2:]]))
        return value, np.append(-g[:, :2].sum(axis=0), g[:, 2])

    start = np.append(np.zeros(2), objective.initial()[:, 2])
    found = fastopt.minimize(shared, start, jac=True, method="l-bfgs", options={"gtol": 1e-9})
    np.testing.assert_allclose(found.x, [1.0, -2.0, -1.5, 0.2, 1.8], atol=0.1)
    _, slope, _ = _ordinal(y, found.x[2:] - (X @ found.x[:2])[:, None])
    np.testing.assert_allclose(slope.mean(axis=0), 0, atol=1e-7)
    np.testing.assert_allclose(X.T @ slope.sum(axis=1) / len(X), 0, atol=1e-7)
    assert check_gradient(shared, found.x + 0.1, rtol=1e-7)
    two = LinearObjective(X, (y > 1).astype(int), "cumulative_logit", 0.1)
    logistic = LinearObjective(X, (y <= 1).astype(float), "logistic", 0.1)
    x = np.array([0.5, -0.3, 0.2])
    assert two.value(x[None]) == pytest.approx(logistic.value(x), rel=1e-13)
    np.testing.assert_allclose(two.gradient(x[None])[0], logistic.gradient(x), rtol=1e-12)
    np.testing.assert_allclose(two.hessian_matrix(x[None]), logistic.hessian_matrix(x), rtol=1e-12)


ROW_ERRORS = [
    ("gaussian_nll", np.zeros((3, 2)), {}, ValueError, r"GaussianNLL must be finite numbers \(n,\), got float64 of shape \(3, 2\)"),
    ("gaussian_nll", np.zeros(3), dict(n_outputs=3), ValueError, "GaussianNLL has 2 outputs .* got n_outputs=3"),
    ("cumulative_logit", np.zeros(3), {}, ValueError, r"class indices, integers of shape \(3,\), got dtype float64"),
    ("cumulative_logit", np.array([0, 1, -1]), {}, ValueError, "class indices from 0 to 1, .* got -1 at index 2"),
    ("cumulative_logit", np.array([0, 3, 1]), dict(n_outputs=2), ValueError, "class indices from 0 to 2, .* got 3 at index 1"),
    ("crammer_singer", np.eye(3), {}, ValueError, r"CrammerSinger must be class indices, .* got shape \(3, 3\)"),
    ("softmax_kl_divergence", np.array([0, 1, 2]), {}, ValueError, r"must be rows \(n, k\) .* got shape \(3,\)"),
    ("complete_iou", np.zeros((3, 3)), {}, ValueError, "CompleteIoU has 4 outputs .* got n_outputs=3"),
    (losses.SoftmaxCrossEntropy(class_weight=[1.0, 2.0]), np.eye(3), {}, ValueError, "class_weight .* must have 3 elements"),
    (losses.SoftmaxCrossEntropy(ignore_index=9), np.eye(3), {}, ValueError, "ignore_index is for class indices"),
    ("softmax_cross_entropy", np.eye(3), dict(n_outputs=4), ValueError, "has 3 outputs for these targets, got n_outputs=4"),
]


@pytest.mark.parametrize("loss, y, options, error, message", ROW_ERRORS, ids=range(len(ROW_ERRORS)))
def test_targets_that_a_row_loss_does_not_take(loss, y, options, error, message):
    with pytest.raises(error, match=message):
        LinearObjective(np.ones((3, 2)), y, loss, **options)


def test_what_a_pass_of_row_losses_finds():
    X = np.ones((3, 1))
    with pytest.raises(ValueError, match="y_true of GaussianNLL must be finite numbers .*, got nan at index 1"):
        LinearObjective(X, np.array([0.0, np.nan, 1.0]), "gaussian_nll").value(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="from 0 to 2 .* got 3 at index 2"):
        LinearObjective(X, np.array([0, 1, 3]), "softmax_cross_entropy", n_outputs=3).value(np.zeros((3, 2)))
    divergence = LinearObjective(X, np.full((3, 2), 0.5), "kl_divergence_from_probabilities")
    with pytest.raises(ValueError, match=r"are probabilities and must be in \[0, 1\]: some of the model's are not"):
        divergence.value(np.array([[2.0, 0.0], [0.5, 0.0]]))


CLASS_WEIGHTS = [[0.1, 10.0, 1.0], [0.1, 0.1, 0.1], [10.0, 0.1, 3.0], [0.0, 0.1, 1.0]]


@pytest.mark.parametrize("class_weight", CLASS_WEIGHTS, ids=repr)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("cls", [losses.SoftmaxCrossEntropy, losses.Sparsemax])
def test_the_dual_point_is_feasible_with_class_and_row_weights(cls, smoothing, class_weight):
    """A finite bound below the optimum everywhere, and no gap to speak of at it."""
    rng = np.random.default_rng(15)
    X, y, weight = rng.normal(size=(N, P)), rng.integers(0, 3, size=N), rng.choice([0.0, 0.1, 1.0, 10.0], size=N)
    y[0], loss = 7, cls(label_smoothing=smoothing, class_weight=class_weight, ignore_index=7)
    objective = LinearObjective(X, y, loss, 0.05, sample_weight=weight, n_outputs=3)
    fit = fastopt.solvers.fit_problem(objective, solver="lbfgs", tol=1e-6, monitor=fastopt.diagnostics.Monitor())
    optimum = fit.certificate.objective
    assert fit.certificate.converged and abs(fit.certificate.gap) <= 1e-11
    for scale in (0.0, 0.1, 1.0):
        params = fit.params + scale * rng.normal(size=fit.params.shape)
        dual = objective.dual_value(objective.evaluate(objective._flat(params)))
        assert np.isfinite(dual) and dual <= optimum + 1e-12
        assert scale or dual == pytest.approx(optimum, rel=1e-9)


def test_the_dual_point_of_target_rows_that_do_not_sum_to_one():
    rng = np.random.default_rng(16)
    X, y = rng.normal(size=(N, P)), rng.uniform(0, 1, size=(N, 3)) * rng.choice([0.1, 1.0, 10.0], size=(N, 1))
    for name in ("softmax_cross_entropy", "softmax_kl_divergence", "sparsemax"):
        objective = LinearObjective(X, y, name, 0.05)
        fit = fastopt.solvers.fit_problem(objective, solver="lbfgs", tol=1e-6, monitor=fastopt.diagnostics.Monitor())
        assert fit.certificate.converged and abs(fit.certificate.gap) <= 1e-10


def test_a_solver_is_refused_by_what_it_needs():
    objective = LinearObjective(np.zeros((3, 2)), np.zeros(3), "absolute_error")
    with pytest.raises(ValueError, match="needs a continuous gradient.*AbsoluteError"):
        fastopt.solvers.choose(objective, "lbfgs")
    smooth = LinearObjective(np.zeros((3, 2)), np.zeros(3), "logistic")
    with pytest.raises(ValueError, match="a squared loss.*use 'newton-cholesky' or 'lbfgs'"):
        fastopt.solvers.choose(smooth, "svd")
    with pytest.raises(ValueError, match="solver must be 'auto' or one of"):
        fastopt.solvers.choose(smooth, "adam")


def test_auto_solves_several_outputs_without_a_shared_hessian():
    X, y, loss, _ = problem("logistic")
    Y = np.stack([y, 1 - y], axis=1)
    objective = LinearObjective(X, Y, loss, 0.1)
    assert fastopt.solvers.choose(objective) == "lbfgs"
    fit = fastopt.solvers.fit_problem(objective, monitor=fastopt.diagnostics.Monitor())
    assert fit.certificate.converged
    np.testing.assert_allclose(fit.params[0], -fit.params[1], atol=1e-3)


class TestCheckGradient:
    def test_lists_of_arrays_and_a_wrong_sign(self):
        def right(params):
            a, b = params
            return float((a**2).sum() * b.sum()), [2 * a * b.sum(), np.full_like(b, (a**2).sum())]

        def wrong(params):
            value, (ga, gb) = right(params)
            return value, [ga, -gb]

        params = [np.array([1.0, 2.0]), np.array([[0.5]])]
        assert check_gradient(right, params)
        result = check_gradient(wrong, params)
        assert not result and result.index == 2 and "DIFFERS" in repr(result)

    def test_errors(self):
        with pytest.raises(ValueError, match="shape"):
            check_gradient(lambda x: (0.0, np.zeros(3)), np.zeros(2))
        with pytest.raises(ValueError, match="nan"):
            check_gradient(lambda x: (np.nan, np.zeros(2)), np.zeros(2))
        with pytest.raises(TypeError, match="callable"):
            check_gradient(3, np.zeros(2))

    def test_a_nan_gradient_is_not_called_right(self):
        assert not check_gradient(lambda x: (float(x @ x), np.full(2, np.nan)), np.ones(2))

    def test_many_parameters_are_sampled_and_params_stay(self):
        x = np.linspace(-1, 1, 1000)
        kept = x.copy()
        assert check_gradient(lambda v: (float(np.sin(v).sum()), np.cos(v)), x, max_parameters=20)
        np.testing.assert_array_equal(x, kept)
