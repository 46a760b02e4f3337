"""Histories, paths and comparisons: what they compute, and what they draw (read back from matplotlib's lines)."""

import math
import sys

import numpy as np
import pytest

from fastopt import LinearObjective, minimize, schedules
from fastopt.linear_model import LogisticRegression
from fastopt.optimizers import ASGD, EMA, SAM, SGD, Accumulate, Adam, Lookahead, PolyakSGD, find_lr
from fastopt.plots import compare, plot_history, plot_trajectory, trajectories

CURVATURE = np.array([1.0, 25.0])
STARTS = [np.array([3.0, 1.0]), np.array([-1.0, 2.0])]


def bowl(x):
    return float(x @ (CURVATURE * x)) / 2


def slope(x):
    return CURVATURE * x


def both(x):
    return bowl(x), slope(x)


@pytest.fixture
def axes():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    return Figure().subplots()


def regression(n=60, rows=None):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    return LinearObjective(X, X @ [1.0, -2.0, 0.5] + 1 + 0.1 * rng.normal(size=n), "half_squared_error", rows=rows)


class TestMinimizeHistory:
    @pytest.mark.parametrize("method, bounds", [("bfgs", None), ("l-bfgs-b", [(1, 4)] * 2), ("trust-ncg", None)])
    def test_rows(self, method, bounds):
        seen = []
        result = minimize(
            bowl, [3.0, 2.0], jac=slope, method=method, bounds=bounds, callback=lambda x: seen.append(bowl(x))
        )
        history = result.history
        assert {len(column) for column in history.values()} == {result.nit + 1}
        np.testing.assert_array_equal(history["objective"], [bowl(np.array([3.0, 2.0])), *seen])
        assert history["objective"][-1] == result.fun
        assert history["largest_gradient"][-1] <= 1e-5 or result.reason == "ftol"
        if bounds is None:
            assert history["largest_gradient"][0] == 50.0
        assert history["evaluations"][0] == 1 and history["evaluations"][-1] == result.nfev
        assert (np.diff(history["evaluations"]) > 0).all() and (np.diff(history["seconds"]) >= 0).all()

    def test_first_point_is_there_once_and_no_point_is_no_row(self):
        result = minimize(lambda x: float(x @ x), np.zeros(2))  # forward differences, then central ones
        assert len(result.history["objective"]) == 1 == result.nit + 1
        assert len(minimize(lambda x: np.nan, [1.0]).history["objective"]) == 0


class TestPlotHistory:
    def lines(self, axes):
        return [(line.get_label(), line.get_xdata(), line.get_ydata()) for line in axes.lines]

    def test_an_estimator(self, axes):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(80, 3))
        model = LogisticRegression().fit(X, X[:, 0] + rng.normal(size=80) > 0)
        for x in (None, "passes", "seconds", "iterations", "step"):
            axes.clear()
            assert plot_history(model, x, axes=axes) is axes
            ((_, across, up),) = self.lines(axes)
            expected = np.arange(len(up)) if x == "iterations" else model.history_[x or "passes"]
            np.testing.assert_array_equal(across, expected)
            np.testing.assert_array_equal(up, model.history_["objective"])
        assert axes.get_yscale() == "log" and axes.get_xlabel() == "step" and axes.get_legend() is None
        plot_history(model, "seconds", "gradient_norm", axes=axes)
        assert axes.get_ylabel() == "gradient_norm" and axes.get_xlabel() == "time (s)"
        np.testing.assert_array_equal(self.lines(axes)[-1][2], model.history_["gradient_norm"])

    def test_several_of_different_kinds(self, axes):
        result = minimize(bowl, [3.0, 2.0], jac=slope)
        losses = [4.0, 2.0, 1.0]
        plot_history({"bfgs": result, "loop": losses, "array": np.array([3, 1])}, axes=axes, minimum=-1.0, linewidth=3)
        first, second, third = self.lines(axes)
        assert [line[0] for line in (first, second, third)] == ["bfgs", "loop", "array"]
        np.testing.assert_allclose(first[2], result.history["objective"] + 1.0)
        assert second[1].tolist() == [0, 1, 2] and second[2].tolist() == [5.0, 3.0, 2.0] and third[2].tolist() == [4, 2]
        assert axes.get_ylabel() == "objective - minimum" and axes.lines[0].get_linewidth() == 3
        assert [t.get_text() for t in axes.get_legend().get_texts()] == ["bfgs", "loop", "array"]

    def test_one_result_and_lists(self, axes):
        result = minimize(bowl, [3.0, 2.0], jac=slope)
        plot_history(result, axes=axes)
        assert axes.get_xlabel() == "evaluations of the function"
        plot_history(result, "passes", axes=axes)
        np.testing.assert_array_equal(self.lines(axes)[1][1], result.history["evaluations"])
        plot_history([result, [1.0, 2.0]], labels=["a", "b"], axes=axes)
        assert [line[0] for line in self.lines(axes)[2:]] == ["a", "b"] and axes.get_xlabel() == "iteration"
        plot_history([3.0, 2.0], labels="losses", axes=axes)
        assert self.lines(axes)[-1][0] == "losses"

    def test_values_that_a_logarithm_cannot_show(self, axes):
        plot_history([1.0, 0.0, -1.0], axes=axes)
        assert axes.get_yscale() == "linear"
        axes.axvline(1.0)  # whose ends 0 and 1 are of the axes, not of the data
        plot_history([2.0, 1.0], axes=axes)
        assert axes.get_yscale() == "linear"
        axes.clear()
        axes.axvline(1.0)
        plot_history([1.0, 0.0], minimum=0.0, axes=axes)
        assert axes.get_yscale() == "log" and axes.lines[-1].get_ydata()[-1] == 1e-17

    def test_points_without_neighbours_are_marked(self, axes):
        plot_history([3.0], axes=axes)
        assert axes.lines[-1].get_marker() == "." and axes.lines[-1].get_ydata().tolist() == [3.0]
        axes.clear()
        plot_history([1.0, np.nan, 0.5, 0.25, np.inf, 0.125], axes=axes)
        assert axes.lines[-1].get_xdata().tolist() == [0, 5] and axes.lines[-1].get_ydata().tolist() == [1.0, 0.125]
        assert axes.lines[-1].get_color() == axes.lines[0].get_color()
        axes.clear()
        plot_history([3.0, 2.0], axes=axes)
        plot_history([3.0, np.nan], marker="x", axes=axes)
        assert len(axes.lines) == 2

    def test_more_curves_than_colours(self, axes):
        plot_history([[2.0, 1.0]] * 7, axes=axes)
        plot_history({str(i): [2.0, 1.0] for i in range(7)}, lw=2, axes=axes)
        looks = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
        assert len(looks) == 14
        assert [t.get_text() for t in axes.get_legend().get_texts()][6:8] == ["history 6", "0"]
        plot_history([2.0, 1.0], ls=":", axes=axes)
        assert axes.lines[-1].get_linestyle() == ":"

    def test_legends(self, axes):
        plot_history([2.0, 1.0], label="loop", axes=axes)
        assert [t.get_text() for t in axes.get_legend().get_texts()] == ["loop"]

    def test_what_a_curve_is_drawn_against(self, axes):
        result, columns = minimize(bowl, [3.0, 2.0], jac=slope), {"objective": [2.0, 1.0], "passes": [1, 2]}
        plot_history(result, "passes", axes=axes)
        assert axes.get_xlabel() == "evaluations of the function"
        plot_history({"a": result, "b": columns}, "passes", axes=axes)
        assert axes.get_xlabel() == "evaluations of the function, passes over the data"

    def test_errors(self, axes):
        from scipy.optimize import minimize as theirs

        result = theirs(bowl, [3.0, 2.0], jac=slope)
        for history, options, error, match in (
            (result, {}, TypeError, "result of SciPy, which keeps no history"),
            ({"a": result}, {}, TypeError, "result of SciPy"),
            ({"objective": [1, 2], "b": [3, 4]}, {"y": "foo"}, ValueError, "'foo'; it has 'objective', 'b'"),
            (np.array([]), {}, ValueError, "no finite objective"),
            ({"objective": []}, {}, ValueError, "no finite objective"),
            ([np.nan, np.inf], {}, ValueError, "no finite objective"),
            ([2.0, 1.0], {"minimum": np.nan}, ValueError, "minimum must be in"),
            ([2.0, 1.0], {"floor": -1.0}, ValueError, "floor must be in"),
            ([2.0, 1.0], {"label": "a", "labels": "b"}, TypeError, "not both"),
            ([1.0], {"x": "seconds"}, ValueError, "no column 'seconds'; it has 'objective'"),
            ({"loss": 1.0}, {}, TypeError, "history must be a fitted estimator"),
            ({"objective": [1.0, 2.0], "passes": [1.0]}, {}, ValueError, r"one length, got \{'objective': \(2,\)"),
            (3, {}, TypeError, "got int"),
            ([], {}, ValueError, "empty"),
            ([[1.0], [2.0]], {"labels": ["a"]}, ValueError, "labels must have 2 entries"),
            ([1.0], {"axes": 3}, TypeError, "axes must be matplotlib's, got int"),
        ):
            with pytest.raises(error, match=match):
                plot_history(history, **{"axes": axes, **options})


class TestTrajectories:
    def test_points_are_those_of_a_loop(self):
        paths = trajectories(bowl, {"sgd": SGD(lr=0.03), "adam": Adam(lr=0.1)}, STARTS[0], jac=slope, n_steps=20)
        for label, recipe in (("sgd", SGD(lr=0.03)), ("adam", Adam(lr=0.1))):
            x = STARTS[0].copy()
            optimizer, points = recipe.bind(x), [x.copy()]
            for _ in range(20):
                optimizer.step(slope(x))
                points.append(x.copy())
            np.testing.assert_array_equal(paths[label], points)
        assert STARTS[0].tolist() == [3.0, 1.0]

    def test_gradients_are_given_in_three_ways(self):
        given, joint = (trajectories(f, SGD(lr=0.03), STARTS[0], jac=j) for f, j in ((bowl, slope), (both, True)))
        differences = trajectories(bowl, SGD(lr=0.03), STARTS[0])
        (label,) = given
        assert label == "SGD(lr=0.03)" and len(given[label]) == 101
        np.testing.assert_array_equal(given[label], joint[label])
        np.testing.assert_allclose(given[label], differences[label], atol=1e-8)

    def test_names_and_methods(self):
        paths = trajectories(both, ["rmsprop", "l-bfgs"], STARTS[0], jac=True, n_steps=50)
        assert list(paths) == ["rmsprop", "l-bfgs"] and len(paths["rmsprop"]) == 51
        assert len(paths["l-bfgs"]) < 20 and np.abs(paths["l-bfgs"][-1]).max() < 1e-5
        np.testing.assert_array_equal(paths["l-bfgs"][0], STARTS[0])

    def test_auto_and_classes(self):
        paths = trajectories(both, ["auto", SGD], STARTS[0], jac=True)
        assert list(paths) == ["auto", "SGD"] and np.abs(paths["auto"][-1]).max() < 1e-5

    def test_a_rule_that_needs_the_value(self):
        x = STARTS[0].copy()
        optimizer = PolyakSGD(x, max_lr=np.inf)
        for _ in range(5):
            optimizer.step(slope(x), value=bowl(x))
        path = trajectories(bowl, PolyakSGD(max_lr=np.inf), STARTS[0], jac=slope, n_steps=5)
        np.testing.assert_array_equal(path["PolyakSGD(max_lr=inf)"][-1], x)

    @pytest.mark.parametrize("make", [Lookahead, EMA, lambda rule: Accumulate(rule, 2), SAM, lambda r: EMA(SAM(r))])
    def test_wrappers(self, make):
        x = STARTS[0].copy()
        optimizer = make(SGD(lr=0.02)).bind(x)
        calls = isinstance(optimizer, SAM) or isinstance(optimizer.optimizer, SAM)
        for _ in range(7):
            optimizer.step((lambda: slope(x)) if calls else slope(x))
        path = trajectories(bowl, {"a": make(SGD(lr=0.02))}, STARTS[0], jac=slope, n_steps=7)["a"]
        assert len(path) == 8
        np.testing.assert_array_equal(path[-1], x)

    @pytest.mark.parametrize("make", [SAM, Lookahead, lambda rule: EMA(rule, decay=0.5)], ids=["sam", "lookahead", "ema"])
    def test_wrappers_of_rules_that_need_the_value(self, make):
        rule = PolyakSGD(max_lr=0.02)
        x = STARTS[0].copy()
        optimizer = make(rule).bind(x)
        for _ in range(7):
            if isinstance(optimizer, SAM):
                optimizer.step(lambda: both(x))
            else:
                optimizer.step(slope(x), value=bowl(x))
        path = trajectories(bowl, {"a": make(rule)}, STARTS[0], jac=slope, n_steps=7)["a"]
        np.testing.assert_array_equal(path[-1], x)

    def test_a_domain_error_ends_the_path(self):
        def root(x):
            return x[0] + 1 / math.sqrt(x[0])

        path = trajectories(root, SGD(lr=3.0), [4.0])["SGD(lr=3.0)"]
        assert len(path) == 3 and path[-1, 0] < 0
        path = trajectories(root, {"a": SAM(SGD(lr=1e-3), rho=5.0)}, [0.5])["a"]  # climbs out of the domain
        assert path.tolist() == [[0.5]]
        with pytest.raises(ValueError, match="math domain error|nonnegative"):
            trajectories(root, "sgd", [-1.0])

    def test_divergence_ends_the_path(self):
        path = trajectories(bowl, {"a": SGD(lr=1e150)}, STARTS[0], jac=slope)["a"]
        assert len(path) < 10 and np.isfinite(path[:-1]).all()

    def test_errors(self):
        for arguments, options, error, match in (
            ((3, "sgd", [1.0]), {}, TypeError, "fun must be callable"),
            ((bowl, "sgd", [[1.0]]), {}, ValueError, "x0 must be a vector"),
            ((bowl, "sgd", [np.nan, 1.0]), {}, ValueError, "x0 must be a vector of finite"),
            ((bowl, "nothing", [1.0, 1.0]), {}, ValueError, "rules sgd.*of fastopt.minimize for functions auto, gd"),
            ((bowl, "lm", [1.0, 1.0]), {}, ValueError, "unknown optimizer 'lm'.*trust-ncg$"),
            ((both, "sgd", [1.0, 1.0]), {}, TypeError, "fun returned a tuple of 2; with jac=True"),
            ((bowl, "sgd", [1.0, 1.0]), {"jac": True}, TypeError, r"must return \(value, gradient\), got float"),
            ((bowl, "sgd", [1.0, 1.0]), {"n_steps": 0}, ValueError, "n_steps must be"),
            ((bowl, "sgd", [1.0, 1.0]), {"jac": "2-point"}, ValueError, "jac must be callable"),
            ((bowl, ["sgd", "sgd"], [1.0, 1.0]), {}, ValueError, "same label"),
        ):
            with pytest.raises(error, match=match):
                trajectories(*arguments, **options)

    def test_picture(self, axes):
        paths = {"sgd": SGD(lr=0.03), "drawn": [[0.0, 0.0], [1.0, 4.0]]}
        made = plot_trajectory(both, paths, STARTS[0], jac=True, n_steps=30, resolution=15, axes=axes, linewidth=2)
        assert made is axes and len(axes.collections) == 1
        lines = {line.get_label(): line for line in axes.lines}
        expected = trajectories(both, paths["sgd"], STARTS[0], jac=True, n_steps=30)["SGD(lr=0.03)"]
        np.testing.assert_array_equal(np.column_stack(lines["sgd"].get_data()), expected)
        assert lines["drawn"].get_ydata().tolist() == [0.0, 4.0] and lines["drawn"].get_linewidth() == 2
        low, high = axes.get_ylim()
        assert low < -0.5 and 4.0 < high < 6.0
        assert [t.get_text() for t in axes.get_legend().get_texts()] == ["sgd", "drawn"]

    def test_contours_are_of_the_function(self, axes):
        """On each contour line the function has the line's level, to the resolution of the grid."""
        plot_trajectory(bowl, np.zeros((1, 2)), bounds=[(-1, 1), (0, 2)], levels=[5.0, 10.0], resolution=101, axes=axes)
        assert axes.get_xlim() == (-1, 1) and axes.get_ylim() == (0, 2) and axes.get_legend() is None
        for level, line in zip((5.0, 10.0), axes.collections[0].get_paths()):
            assert len(line.vertices) > 50
            np.testing.assert_allclose([bowl(v) for v in line.vertices], level, rtol=1e-3)

    def test_a_path_that_diverges_leaves_the_picture(self, axes):
        rules = {"bad": SGD(lr=1.0), "good": SGD(lr=0.02)}
        plot_trajectory(both, rules, STARTS[0], jac=True, resolution=5, axes=axes)
        paths = trajectories(both, rules, STARTS[0], jac=True)
        assert np.abs(paths["bad"]).max() > 1e50
        end = paths["good"][-1, 0]
        np.testing.assert_allclose(axes.get_xlim(), (1.15 * end - 0.45, 3.45 - 0.15 * end))
        assert axes.get_ylim() == (-0.15, 1.15)
        axes.clear()
        plot_trajectory(both, rules["bad"], STARTS[0], jac=True, resolution=5, axes=axes)  # the start and one step
        assert axes.get_ylim()[0] == pytest.approx(-24 - 0.15 * 25)

    def test_many_paths(self, axes):
        paths = {str(i): [[0.0, 0.0], [1.0, i]] for i in range(12)}
        plot_trajectory(bowl, paths, resolution=3, axes=axes)
        drawn = [line for line in axes.lines if line.get_label() in paths]
        assert len({(line.get_color(), line.get_linestyle()) for line in drawn}) == 12
        axes.clear()
        plot_trajectory(bowl, [[0.0, 0.0], [1.0, 1.0]] * np.ones((2, 2)), resolution=3, label="one", c="r", axes=axes)
        assert [t.get_text() for t in axes.get_legend().get_texts()] == ["one"]

    def test_levels_are_closer_at_the_bottom(self, axes):
        plot_trajectory(bowl, np.zeros((1, 2)), bounds=[(-1, 1), (-1, 1)], levels=8, resolution=21, axes=axes)
        levels = axes.collections[0].levels
        assert levels[0] == 0.0 and levels[-1] == 13.0 and (np.diff(levels, n=2) > 0).all() and len(levels) == 9

    def test_a_function_with_holes_and_a_constant_one(self, axes):
        plot_trajectory(
            lambda x: np.log(x[0]) ** 2 if x[0] > 0 else np.nan, SGD(), [1.0, 1.0], [(-1, 2), (0, 2)], axes=axes
        )
        plot_trajectory(lambda x: math.log(x[0]) ** 2, SGD(), [1.0, 1.0], [(-1, 2), (0, 2)], axes=axes)
        plot_trajectory(lambda x: 1.0, SGD(), [1.0, 1.0], resolution=5, axes=axes)
        with pytest.raises(ValueError, match="finite nowhere"):
            plot_trajectory(lambda x: np.nan, np.zeros((1, 2)), axes=axes)

    def test_errors_of_the_picture(self, axes):
        for paths, options, match in (
            (SGD(), {}, "x0 is needed"),
            (SGD(), {"x0": [1.0]}, r"x0 must have shape \(2,\)"),
            (np.zeros(3), {}, r"shape \(points, 2\), got \(3,\)"),
            (np.full((3, 2), np.nan), {}, "a path has no finite point"),
            ({"a": np.full((3, 2), np.nan)}, {}, "'a' has no finite point"),
            (np.zeros((1, 2)), {"levels": 0}, "levels must be an integer >= 1"),
            ([], {}, "paths is empty"),
            (np.zeros((1, 2)), {"bounds": [(1, 0), (0, 1)]}, "low < high"),
            (np.zeros((1, 2)), {"resolution": 1}, "resolution must be an integer >= 2"),
        ):
            with pytest.raises(ValueError, match=match):
                plot_trajectory(bowl, paths, axes=axes, **options)


class TestCompare:
    def test_numbers_are_those_of_a_loop(self):
        rates = (0.01, 0.03, 0.1)
        table = compare({"plain": SGD(), "adam": "adam"}, both, STARTS, rates, 80, minimum=0.0, target=1e-2)
        assert table.excess.shape == (2, 3, 2, 81) and table.names == ["plain", "adam"]
        for i, make in enumerate((SGD, Adam)):
            for j, rate in enumerate(rates):
                for k, start in enumerate(STARTS):
                    x = start.copy()
                    optimizer, values = make(x, lr=rate), [bowl(x)]
                    for _ in range(80):
                        optimizer.step(slope(x))
                        values.append(bowl(x))
                    np.testing.assert_allclose(table.excess[i, j, k], np.array(values) / values[0], rtol=1e-14)
        row = table.to_dict()["plain"]
        j = rates.index(row["best_rate"])
        runs = table.excess[0]
        assert row["excess"] == np.median(runs[j, :, -1]) == np.median(runs[:, :, -1], axis=1).min()
        assert row["worst_start"] == runs[j, :, -1].max() and row["diverged"] == (runs[:, :, -1] > 1).mean() == 1 / 3
        assert row["steps"] == np.median([np.argmax(runs[j, k] <= 1e-2) for k in (0, 1)])
        assert row["starts"] == 1.0 and row["rates"] == (runs.min(axis=-1) <= 1e-2).all(axis=1).mean()
        words = str(table).splitlines()
        assert (
            words[2].split()[0] == "plain"
            and "80 steps from each of 2 starts at 3 rates; minimum 0 (given)" in words[-1]
        )

    def test_runs_that_diverge_or_never_arrive(self):
        table = compare("sgd", both, STARTS, [1e-6, 1e200], 10, minimum=0.0)
        row = table.to_dict()["sgd"]
        assert row["best_rate"] == 1e-6 and row["steps"] == np.inf and row["starts"] == row["rates"] == 0
        assert row["diverged"] == 0.5 and np.isinf(table.excess[0, 1, :, -1]).all()
        assert str(table).splitlines()[2].split()[4] == "-"

    def test_a_function_that_raises_diverges_there(self):
        def root(x):
            return x[0] + 1 / math.sqrt(x[0]), np.array([1 - 0.5 * x[0] ** -1.5])

        runs = compare({"sgd": SGD(), "sam": SAM(SGD(), rho=5.0)}, root, [np.array([0.5])], [0.1, 9.0], 20).excess
        assert np.isfinite(runs[0, 0]).all() and np.isinf(runs[1, :, 0, 1:]).all()
        runs = compare(SGD(), root, [np.array([4.0])], [0.1, 9.0], 20).excess
        assert np.isfinite(runs[0, 0]).all() and np.isinf(runs[0, 1, 0, 1:]).all()

    def test_a_rule_that_needs_the_value(self):
        parts = [regression(rows=rows) for rows in np.arange(60).reshape(6, 10)]
        table = compare(PolyakSGD(), regression(), 1, [1.0], 6, batches=parts, minimum=0.0)
        w = regression().initial()
        optimizer = PolyakSGD(w, lr=1.0)
        for part in np.random.default_rng(0).permutation(6):
            value, gradient = parts[part].value_gradient(w)
            optimizer.step(gradient, value=value)
        assert table.excess[0, 0, 0, -1] == pytest.approx(
            regression().value(w) / regression().value(regression().initial()), rel=1e-12
        )

    def test_wrappers(self):
        averages = {"lookahead": Lookahead(SGD(), k=2), "ema": EMA(Lookahead("sgd"), decay=0.5)}
        rules = {"sam": SAM(SGD(), rho=0.1), **averages}
        table = compare(rules, both, [STARTS[0]], [0.01, 0.03], 9, minimum=0.0)
        assert rules["ema"].optimizer.optimizer.lr == SGD().lr
        for i, make in enumerate(
            (lambda s: SAM(s, rho=0.1), lambda s: Lookahead(s, k=2), lambda s: EMA(Lookahead(s), decay=0.5))
        ):
            x = STARTS[0].copy()
            optimizer = make(SGD(x, lr=0.03))
            for _ in range(9):
                optimizer.step((lambda x=x: slope(x)) if not i else slope(x))
            judged = optimizer.averages() if i else x
            assert table.excess[i, 1, 0, -1] == pytest.approx(bowl(judged) / bowl(STARTS[0]), rel=1e-13)

    def test_the_seed_decides(self):
        batches = [regression(rows=rows) for rows in np.arange(60).reshape(6, 10)]
        made = [compare([SGD(), "adam"], regression(), 3, [0.1], 40, seed=seed, batches=batches) for seed in (0, 0, 1)]
        assert str(made[0]) == str(made[1]) and made[0].to_dict() == made[1].to_dict()
        np.testing.assert_array_equal(made[0].excess, made[1].excess)
        assert (made[0].excess[..., -1] != made[2].excess[..., -1]).all()
        assert not made[0].minimum_known and "the lowest value found" in str(made[0])
        assert made[0].excess.min() == 0.0

    def test_batches_come_in_the_same_order_for_all(self):
        seen = []

        def part(i):
            return lambda x: (0.0, (seen.append(i), np.ones(2) * 1e-3)[1])

        compare(["sgd", "adam"], both, [STARTS[0]], [0.1], 7, batches=[part(i) for i in range(3)])
        assert seen[:7] == seen[7:] and sorted(seen[:3]) == sorted(seen[3:6]) == [0, 1, 2]

    def test_starts_of_a_problem_and_lists_of_arrays(self):
        table = compare("sgd", regression(), 2, [0.3], 100)
        assert table.minimum < 0.01

        def lists(params):
            a, b = params
            return float(a @ a + (b**2).sum()), [2 * a, 2 * b]

        start = [np.ones(2), np.ones((2, 2))]
        table = compare("sgd", lists, [start], [0.25], 5, minimum=0.0)
        np.testing.assert_allclose(table.excess[0, 0, 0], 0.25 ** np.arange(6))
        assert start[0].tolist() == [1.0, 1.0]

    def test_averages_are_judged(self):
        rates, average = [0.05], ASGD(t0=0, lambd=0.0)
        table = compare({"average": average}, both, [STARTS[0]], rates, 5, minimum=0.0)
        x = STARTS[0].copy()
        optimizer = ASGD(x, lr=0.05, t0=0, lambd=0.0)
        for _ in range(5):
            optimizer.step(slope(x))
        assert table.excess[0, 0, 0, -1] == bowl(optimizer.averages()) / bowl(STARTS[0]) != bowl(x) / bowl(STARTS[0])

    def test_picture(self):
        pytest.importorskip("matplotlib")
        from matplotlib.figure import Figure

        table = compare(["sgd", "adam"], both, STARTS, [0.01, 0.03, 1e150], 30, minimum=0.0)
        panels = Figure().subplots(1, 2)
        left, right = table.plot(panels)
        assert left is panels[0] and right is panels[1]
        np.testing.assert_array_equal(left.lines[1].get_ydata(), np.median(table.excess[1, 1], axis=0))
        assert right.lines[0].get_xdata().tolist() == table.rates
        assert right.lines[0].get_ydata()[1] == np.median(table.excess[0, 1, :, -1])
        with pytest.raises(ValueError, match="sequence of 2 axes"):
            table.plot(panels[:1])

    def test_picture_of_many_rules_and_unsorted_rates(self):
        pytest.importorskip("matplotlib")
        from matplotlib.figure import Figure

        table = compare({str(i): SGD() for i in range(12)}, both, STARTS, [0.03, 0.01, 1e150], 5, minimum=0.0)
        left, right = table.plot(Figure().subplots(1, 2))
        assert right.lines[0].get_xdata().tolist() == [0.01, 0.03, 1e150]
        assert right.lines[0].get_ydata()[0] == np.median(table.excess[0, 1, :, -1])
        for panel in (left, right):
            assert len({(line.get_color(), line.get_linestyle()) for line in panel.lines[:12]}) == 12

    def test_a_rule_without_rate(self, monkeypatch):
        monkeypatch.setattr(SGD, "get_params", lambda self, deep=True: {})
        with pytest.raises(ValueError, match=r"optimizer 'plain' has no lr"):
            compare({"plain": SGD()}, both, STARTS)

    def test_errors(self):
        good = {"optimizers": "sgd", "problem": both, "starts": STARTS}
        for change, error, match in (
            ({"optimizers": []}, ValueError, "optimizers is empty"),
            ({"optimizers": "nothing"}, ValueError, "unknown optimizer"),
            ({"problem": 3}, TypeError, "problem must be callable"),
            ({"starts": 2}, ValueError, r"needs problem.initial\(\)"),
            ({"starts": 0, "problem": regression()}, ValueError, "at least 1"),
            ({"starts": []}, TypeError, "sequence of parameters"),
            ({"starts": [np.array([np.inf, 1.0])]}, ValueError, "objective is inf at start 0"),
            ({"rates": [-1.0]}, ValueError, "rates must be in"),
            ({"rates": []}, ValueError, "rates is empty"),
            ({"n_steps": 0}, ValueError, "n_steps must be"),
            ({"target": 0}, ValueError, "target must be"),
            ({"starts": [np.array([np.nan, 1.0])]}, ValueError, "objective is nan at start 0"),
            ({"problem": lambda x: (x @ x, x * np.nan)}, ValueError, "gradient is not finite at start 0"),
            ({"problem": lambda x: x @ x}, TypeError, r"problem must return \(value, gradient\), got float"),
            ({"rates": [9.0], "starts": STARTS[:1]}, ValueError, "start 0, which is 17.*smaller rates"),
            ({"batches": both}, TypeError, "batches must be a sequence of problems.*got function"),
            ({"batches": []}, ValueError, "batches is empty"),
            ({"batches": [3]}, TypeError, "batches must be callable"),
            ({"minimum": 1e9}, ValueError, "is not above the minimum"),
            ({"minimum": 1.0, "rates": [0.03]}, ValueError, "but a run reached"),
        ):
            with pytest.raises(error, match=match):
                compare(**{**good, **change})


def test_new_figures():
    """Every function that draws makes a figure of pyplot where it is given no axes."""
    pytest.importorskip("matplotlib").use("agg")
    import matplotlib.pyplot as plt

    for draw in drawings():
        made = draw()
        for one in made if isinstance(made, (tuple, list, np.ndarray)) else [made]:
            assert one.figure is plt.gcf()
        plt.gcf().canvas.draw()
        plt.close("all")


def drawings():
    """Every function that draws, on a new figure."""
    w = np.zeros(2)
    return (
        lambda: plot_history([1.0]),
        lambda: plot_trajectory(bowl, SGD(), STARTS[0], resolution=3),
        lambda: compare("sgd", both, STARTS, [0.01], 2, minimum=0.0).plot(),
        lambda: schedules.Constant(0.1).plot(3),
        lambda: schedules.plot([0.1], 3),
        lambda: find_lr(SGD(w), lambda: (bowl(w - 1), slope(w - 1))).plot(),
    )


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for draw in drawings():
        with pytest.raises(ImportError, match=r'pip install "fastopt\[plot\]"'):
            draw()
