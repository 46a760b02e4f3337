"""The choosers of losses and optimizers, and what the classes declare for them."""

import numpy as np
import pytest

from fastopt import losses, minimize, optimizers
from fastopt.losses import _traits as loss_traits
from fastopt.losses._pointwise import PointwiseLoss
from fastopt.optimizers import _traits as optimizer_traits


def far(loss):
    """Sizes of the gradient of an element whose error is 3, 30 and 300."""
    errors = np.array([3.0, 30.0, 300.0])
    one = np.ones(3)
    if loss.domain in ("finite", "sign"):
        y, z = one, -errors
    elif loss.domain in ("unit", "binary"):
        # Either label, where it is most wrong.
        gradients = [loss.gradient(y * one, s * errors, reduction="none") for y, s in ((1.0, -1.0), (0.0, 1.0))]
        return np.max(np.abs(gradients), axis=0)
    else:
        y, z = errors, one
    return abs(loss.gradient(y, z, reduction="none"))


def test_every_loss_says_what_it_is_for():
    for name, cls in (losses.LOSSES | losses.BATCH_LOSSES).items():
        traits = cls.__dict__.get("traits")
        assert isinstance(traits, loss_traits.Traits), f"{name} declares no traits"
        assert traits.task and set(traits.task) <= set(loss_traits.TASKS), name
        assert traits.outliers in loss_traits.OUTLIERS, name
        assert traits.chinese and traits.use and traits.elsewhere, name
        if not issubclass(cls, PointwiseLoss) or name == "binary_cross_entropy_from_probabilities":
            continue
        near, middle, end = far(cls())
        found = "ignored" if end < 0.1 * near else "sensitive" if end > 1.5 * middle else "bounded"
        assert traits.outliers == found, (name, near, middle, end)


def test_every_optimizer_says_what_it_is_for():
    for name, cls in optimizers.OPTIMIZERS.items():
        traits = cls.__dict__.get("traits")
        assert isinstance(traits, optimizer_traits.Traits), f"{name} declares no traits"
        assert traits.task and set(traits.task) <= set(optimizer_traits.TASKS), name
        assert traits.noise in optimizer_traits.NOISE and traits.tuning in optimizer_traits.TUNING, name
        assert traits.budget in optimizer_traits.BUDGET and traits.chinese and traits.use, name
        assert 0 <= optimizer_traits.n_slots(cls) <= 5, name


def test_choose():
    assert losses.choose() == [*losses.LOSSES, *losses.BATCH_LOSSES] and optimizers.choose() == list(
        optimizers.OPTIMIZERS
    )
    for name in losses.choose(task="regression", outliers="bounded", smooth=True, convex=True, targets="finite"):
        cls = losses.LOSSES[name]
        assert cls.is_smooth and cls.is_convex and cls.domain == "finite" and cls.traits.outliers == "bounded"
    assert "huber" in losses.choose(task="regression", outliers="bounded", smooth=True)
    assert losses.choose(task="regression", targets="sign") == []
    assert "sgd" in optimizers.choose(noise="exact") and "sgd" in optimizers.choose(noise="batches")
    assert "adam" in optimizers.choose(slots=2) and "adam" not in optimizers.choose(slots=1)
    for call, text in (
        (lambda: losses.choose(task="tree"), "task must be one of 'binary'.*got 'tree'"),
        (lambda: losses.choose(outliers="many"), "outliers must be one of"),
        (lambda: losses.choose(targets="pairs"), "targets must be one of"),
        (lambda: optimizers.choose(noise="loud"), "noise must be one of"),
        (lambda: optimizers.choose(budget="none"), "budget must be one of"),
        (lambda: optimizers.choose(noise="both"), "noise must be one of 'exact', 'batches', got 'both'"),
        (lambda: optimizers.choose(task=["linear"]), r"task must be one of .*got \['linear'\]"),
        (lambda: optimizers.choose(n=0), r"n must be in \[1, inf\)"),
        (lambda: optimizers.choose(p=-5), r"p must be in \[1, inf\)"),
        (lambda: optimizers.choose(slots=np.nan), "slots must be in"),
    ):
        with pytest.raises(ValueError, match=text):
            call()
    with pytest.raises(TypeError, match="slots must be a real number, got str"):
        optimizers.choose(slots="a")


def test_choose_by_counts():
    rules, traits = list(optimizers.OPTIMIZERS), {n: cls.traits for n, cls in optimizers.OPTIMIZERS.items()}
    exact = [name for name in rules if traits[name].noise != "batches"]
    batches = [name for name in rules if traits[name].noise != "exact"]
    assert optimizers.choose(n=500, p=100) == ["bfgs", *exact] and optimizers.choose(n=500, p=101) == ["l-bfgs", *exact]
    assert optimizers.choose(n=10_000, p=1_000) == ["l-bfgs", *rules]
    assert optimizers.choose(n=10**6, p=1_001) == optimizers.choose(n=10**6 + 1) == batches
    assert optimizers.choose(n=500, p=10, noise="batches") == batches and optimizers.choose(n=10**6) == rules
    # What the other words ask for holds for the methods of minimize too.
    assert optimizers.choose(n=500, p=10, tuning="rate") == ["sgd"]
    assert optimizers.choose(n=500, p=10, slots=9)[0] == "sgd"
    assert optimizers.choose(n=10, p=10, task="online") == optimizers.choose(task="online")
    assert optimizers.choose(n=10, p=10, task="large") == optimizers.choose(task="large")
    for p in (2e9, 2.1e9, 4e9, 4.1e9):
        assert optimizers.choose(p=p) == optimizers.choose(slots=4e9 / p)
    assert "adam" in optimizers.choose(p=2e9) and "adam" not in optimizers.choose(p=2.1e9)


def test_chosen_methods_are_those_of_minimize():
    for p in (99, 100, 101, 500):
        curvature = np.linspace(1, 9, p)
        runs = [
            minimize(lambda x, c=curvature: (x @ (c * x), 2 * c * x), np.arange(1.0, p + 1), jac=True, method=method)
            for method in (optimizers.choose(n=10, p=p)[0], "auto", "l-bfgs" if p <= 100 else "bfgs")
        ]
        objective, auto, other = (run.history["objective"] for run in runs)
        np.testing.assert_array_equal(objective, auto)
        assert len(other) != len(auto) or (other != auto).any()
