"""What check_gradient and report() say about the usual mistakes."""

import warnings

import numpy as np
import pytest

from fastopt import LinearObjective, check_gradient
from fastopt.linear_model import LinearRegression, LogisticRegression, Ridge
from fastopt.solvers._advice import intercept_note

N = 50
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 3))
y = X @ [1.0, 2.0, 3.0] + 1.0


def squares(change):
    """The mean squared error of a linear model without intercept, and its gradient changed."""

    def function(w):
        r = X @ w - y
        return float(r @ r) / N, change(2 / N * (X.T @ r))

    return function


class TestFinding:
    @pytest.mark.parametrize(
        "factor, words",
        [
            (-1, "the negative of the finite differences: its sign is wrong"),
            (2, "2 times the finite differences: a factor 2 too many"),
            (0.5, "1/2 of the finite differences: a factor 2 is missing"),
            (-2, "minus 2 times the finite differences: a factor 2 too many, and the sign is wrong"),
            (N, "50 times the finite differences: a sum where the value is a mean"),
            (1 / N, "1/50 of the finite differences: a mean where the value is a sum"),
            (-1 / N, "minus 1/50 of the finite differences: a mean where the value is a sum, and the sign is wrong"),
            (1.7, "1.7 times the finite differences"),
            (0, "zero, as if the value did not depend on it"),
        ],
    )
    @pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
    def test_a_multiple_is_named(self, factor, words, size):
        def function(w):
            value, gradient = squares(lambda g: factor * g)(w)
            return size * value, size * gradient

        result = check_gradient(function, np.ones(3))
        assert not result and result.finding == f"the given gradient is {words}"
        assert result.finding in repr(result)

    def test_a_right_gradient_has_none(self):
        result = check_gradient(squares(lambda g: g), np.ones(3))
        assert result and result.finding == "" and ";" not in repr(result)

    def test_one_number_is_not_a_multiple_of_another(self):
        assert check_gradient(lambda x: (float(x @ x), 3.3 * x), np.ones(1)).finding == "1 of 1 entries differ"
        assert "2 times" in check_gradient(lambda x: (float(x @ x), 4 * x), np.ones(1)).finding

    def test_forgotten_and_wrong_entries_are_counted(self):
        def forget(g):
            g[1] = 0.0
            return g

        assert check_gradient(squares(forget), np.ones(3)).finding == "1 of 3 entries differ, given as zero"
        assert check_gradient(squares(lambda g: g + [0, 1, 1]), np.ones(3)).finding == "2 of 3 entries differ"
        nan = check_gradient(squares(lambda g: g * [1, np.nan, 1]), np.ones(3))
        assert nan.finding == "1 of 3 entries are not finite" and nan.index == 1

    def test_a_transposed_matrix_is_named(self):
        A = rng.normal(size=(3, 3))
        result = check_gradient(lambda W: (float((A * W).sum()), A.T), np.ones((3, 3)))
        assert result.finding == "the given gradient is the transpose of the finite differences"

    def test_arrays_of_a_list(self):
        def network(first, second):
            def function(params):
                w, b = params
                r = X @ w + b - y
                return float(r @ r) / N, [first * 2 / N * (X.T @ r), np.array([second * 2 / N * r.sum()])]

            return check_gradient(function, [np.ones(3), np.array([0.3])])

        assert network(1, 1)
        assert network(-1, -1).finding.startswith("the given gradient is the negative of")
        result = network(1, N)
        assert result.place == "array 1, entry (0,)" and result.index == 3
        assert result.finding == (
            "1 of 2 arrays differ: array 1 is 50 times the finite differences: a sum where the value is a mean"
        )
        both = network(-1, 0).finding
        assert both.startswith("2 of 2 arrays differ: array 0 is the negative") and both.count("array 1 is zero") == 1

    def test_shapes(self):
        """y of shape (n,) against predictions of shape (n, 1), in two ways."""
        column = X @ np.ones((3, 1))
        with pytest.raises(ValueError, match=r"one number, got an array of shape \(50, 50\); take the sum or mean"):
            check_gradient(lambda w: ((column - y) ** 2, w), np.ones(3))
        with pytest.raises(ValueError, match=r"gradient has shape \(3, 50\), the parameters \(3,\)"):
            check_gradient(lambda w: (((column - y) ** 2).mean(), X.T @ (column - y)), np.ones(3))
        with pytest.raises(ValueError, match=r"gradient has shape \[\(3,\), \(3,\)\], the parameters \[\(3,\)\]"):
            check_gradient(lambda params: (0.0, [np.ones(3)] * 2), [np.ones(3)])

    def test_a_kink_nearby_is_no_mistake(self):
        kinked = lambda x: (float(np.maximum(x - 1e-3, 0).sum()), (x > 1e-3) * 1.0)
        assert check_gradient(kinked, np.zeros(3)) and check_gradient(kinked, np.full(2, 2e-3))
        wrong = check_gradient(lambda x: (kinked(x)[0], 1 - kinked(x)[1]), np.array([2e-3]))
        assert not wrong and wrong.numeric == pytest.approx(1.0)

    def test_nothing_to_check(self):
        assert check_gradient(lambda x: (0.0, x), np.ones(0))


class TestInterceptNote:
    def test_the_gain_is_that_of_the_constant(self):
        """For squares the decrease is exact: compared with the fit of a constant to the residuals."""
        for weight in (None, rng.uniform(0.5, 2, N)):
            model = LinearRegression(fit_intercept=False).fit(X, y + 3, sample_weight=weight)
            residual = y + 3 - model.predict(X)
            mean = np.average(residual, weights=weight)
            share = 1 - np.average((residual - mean) ** 2, weights=weight) / np.average(residual**2, weights=weight)
            line = model.report().splitlines()[-1]
            assert f"adding {mean:.3g} to the raw predictions would lower the objective by {100 * share:.0f} %" in line
            assert share > 0.5 and "fit_intercept=True" in line

    def test_silent_where_there_is_nothing_to_say(self):
        centred = y - y.mean() + 0.5 * rng.normal(size=N)
        columns = X - X.mean(axis=0)
        for model, target in (
            (LinearRegression(), y + 3),
            (LinearRegression(fit_intercept=False), centred),
            (LinearRegression(fit_intercept=False), columns @ [1.0, 2.0, 3.0]),  # residuals are rounding
            (LogisticRegression(), y > 3),
            (LogisticRegression(fit_intercept=False), rng.permutation(N) % 2),
            (LogisticRegression(fit_intercept=False), np.arange(N) % 3),
        ):
            assert "no intercept" not in model.fit(columns, target).report()

    def test_other_models(self):
        ones = np.where(rng.uniform(size=N) < 0.95, 1, 0)
        assert "no intercept: adding" in LogisticRegression(fit_intercept=False, C=0.01).fit(X, ones).report()
        two = Ridge(fit_intercept=False).fit(X, np.column_stack([y + 5, y])).report()
        assert "adding a constant for each output" in two
        weight = np.ones(N)
        assert Ridge(fit_intercept=False).fit(X, np.column_stack([y + 5, y]), weight)._notes[-1] in two

    def test_a_subset_of_rows_and_float32(self):
        """The note reads the rows that were fitted and no others."""
        rows = np.arange(0, N, 2)
        target = np.where(np.arange(N) % 2 == 0, X[:, 0] + 5, 1e6).astype(np.float32)
        data = X.astype(np.float32)
        objective = LinearObjective(data, target, "half_squared_error", fit_intercept=False, rows=rows)
        point = objective.evaluate(np.array([1.0, 0.0, 0.0]))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert "adding 5 to the raw predictions would lower the objective by 100 %" in intercept_note(
                objective, point
            )
        objective.release(point)
        assert intercept_note(objective, point) is None
