"""Conjugates of the pointwise losses, and their best constants."""

import numpy as np
import pytest
from pointwise import INSTANCES, data, each_dtype, each_loss, each_loss_and_root

from fastopt import losses

CONJUGATES = [loss for loss in INSTANCES if loss.has_conjugate]


@each_loss
def test_conjugate_is_offered_or_refused(loss):
    y, z = data(loss, 3)
    if loss.has_conjugate:
        assert loss.conjugate(y, np.zeros(3)).shape == (3,)
    else:
        with pytest.raises(NotImplementedError, match=f"{type(loss).__name__} offers no conjugate"):
            loss.conjugate(y, z)


@each_dtype
@pytest.mark.parametrize("loss", CONJUGATES, ids=repr)
def test_fenchel_young(loss, dtype, isa):
    """f*(theta) = theta z - f(z) where theta is a (sub)gradient at z, and >= at every other z."""
    eps = np.finfo(dtype).eps
    rng = np.random.default_rng(6)
    y, z = data(loss, 300, dtype)
    theta = loss.gradient(y, z, reduction="none")
    for kink in loss.kinks(y):
        # Every slope between those of the two sides is a subgradient at the kink.
        kink = kink.astype(dtype)
        left, right = (loss.gradient(y[:300], kink + dtype(s), reduction="none") for s in (-1e-3, 1e-3))
        if (abs(right - left) > 0.1).all():
            between = left + (right - left) * rng.uniform(size=300).astype(dtype)
            y, z, theta = np.r_[y, y[:300]], np.r_[z, kink], np.r_[theta, between]
    assert y.dtype == theta.dtype == dtype
    conjugate = loss.conjugate(y, theta).astype(float)

    def gap(raw):
        value = loss.value(y, raw, reduction="none").astype(float)
        linear = theta.astype(float) * raw
        return value + conjugate - linear, 40 * eps * (1 + abs(value) + abs(linear) + abs(conjugate) + abs(y * theta))

    found, allowance = gap(z)
    assert (abs(found) <= allowance).all()
    for spread in (0.01, 1.0, 10.0):
        for _ in range(5):
            found, allowance = gap((z + spread * rng.normal(size=z.size)).astype(dtype))
            assert (found >= -allowance).all()


OUTSIDE = [  # loss, y, theta inside, theta outside
    (losses.Logistic(), 1.0, [-1.0, -0.5, 0.0], [-1.001, 0.001]),
    (losses.Logistic(), 0.25, [-0.25, 0.75], [-0.26, 0.76]),
    (losses.Huber(delta=2.0), 3.0, [-2.0, 2.0], [-2.01, 2.01]),
    (losses.AbsoluteError(), 3.0, [-1.0, 1.0], [-1.01, 1.01]),
    (losses.Quantile(quantile=0.25), 3.0, [-0.25, 0.75], [-0.26, 0.76]),
    (losses.Poisson(), 2.0, [-2.0, 5.0], [-2.01]),
    (losses.Hinge(), 1.0, [-1.0, 0.0], [-1.01, 0.01]),
    (losses.Hinge(), -1.0, [1.0, 0.0], [1.01, -0.01]),
    (losses.SquaredHinge(), 1.0, [-7.0, 0.0], [0.01]),
    (losses.SquaredError(), 1.0, [-1e6, 1e6], []),
    (losses.HalfSquaredError(), 1.0, [-1e6, 1e6], []),
    (losses.SmoothL1(beta=2.0), 3.0, [-1.0, 1.0], [-1.01, 1.01]),
    (losses.PseudoHuber(delta=2.0), 3.0, [-2.0, 0.0, 2.0], [-2.01, 2.01]),
    (losses.LogCosh(), 3.0, [-1.0, 0.0, 1.0], [-1.01, 1.01]),
    (losses.Fair(c=2.0), 3.0, [-1.99, 0.0, 1.99], [-2.01, 2.01]),
    (losses.SmoothedQuantile(quantile=0.25), 3.0, [-0.25, 0.75], [-0.26, 0.76]),
    (losses.Expectile(expectile=0.25), 3.0, [-1e6, 1e6], []),
    (losses.EpsilonInsensitive(), 3.0, [-1.0, 1.0], [-1.01, 1.01]),
    (losses.SquaredEpsilonInsensitive(), 3.0, [-1e6, 1e6], []),
    (losses.MeanAbsolutePercentageError(), 50.0, [-2.0, 2.0], [-2.01, 2.01]),
    (losses.PoissonIdentity(), 2.0, [-1e6, 0.99], [1.01]),
    (losses.PoissonIdentity(), 0.0, [-1e6, 1.0], [1.01]),
    (losses.Gamma(), 2.0, [-1e6, 1.0], [1.01]),
    (losses.NegativeBinomial(theta=0.5), 3.0, [-3.0, 0.0, 2.0], [-3.01, 2.01]),
    (losses.Logistic(pos_weight=3.0), 1.0, [-3.0, -0.5, 0.0], [-3.001, 0.001]),
    (losses.Logistic(label_smoothing=0.5), 1.0, [-0.75, 0.25], [-0.76, 0.26]),
    (losses.SmoothedHinge(), 1.0, [-1.0, 0.0], [-1.01, 0.01]),
    (losses.BinarySparsemax(), -1.0, [1.0, 0.0], [1.01, -0.01]),
    (losses.ModifiedHuber(), 1.0, [-4.0, 0.0], [-4.01, 0.01]),
    (losses.Perceptron(), 1.0, [-1.0, 0.0], [-1.01, 0.01]),
    (losses.Exponential(), 1.0, [-1e6, 0.0], [0.01]),
]


@pytest.mark.parametrize(("loss", "y", "inside", "outside"), OUTSIDE)
def test_domain_of_the_conjugate(loss, y, inside, outside, isa):
    assert np.isfinite(loss.conjugate(np.full(len(inside), y), np.array(inside))).all()
    np.testing.assert_array_equal(loss.conjugate(np.full(len(outside), y), np.array(outside)), np.inf)
    assert np.isnan(loss.conjugate(np.array([y]), np.array([np.nan]))).all()
    with pytest.raises(ValueError, match="y_true"):
        loss.conjugate(np.array([np.nan]), np.array([0.0]))


@each_loss_and_root
def test_best_constant(loss):
    y, _ = loss.sample(np.random.default_rng(8), 201)
    for w in (None, np.random.default_rng(9).uniform(0, 2, 201), np.r_[np.ones(20), np.zeros(181)]):
        constant = loss.fit_intercept_only(y, w)
        assert isinstance(constant, float)
        best = loss.value(y, np.full(201, constant), w)
        for step in (1e-3, -1e-3, 0.3, -0.3):
            if loss.name != "binary_cross_entropy_from_probabilities" or 0 <= constant + step <= 1:
                assert loss.value(y, np.full(201, constant + step), w) >= best - 1e-15


def test_best_constants_at_the_edges():
    assert losses.Logistic().fit_intercept_only([1.0, 1.0]) == np.inf
    assert losses.Logistic().fit_intercept_only([0, 0]) == -np.inf
    assert losses.Logistic().fit_intercept_only([0.5, 0.5]) == 0.0
    assert losses.Poisson().fit_intercept_only([0, 0]) == -np.inf
    assert losses.AbsoluteError().fit_intercept_only([1.0, 2.0, 3.0, 10.0]) == 2.5
    assert losses.Quantile(quantile=0.25).fit_intercept_only([1.0, 2.0, 3.0, 10.0]) == 1.5
    assert losses.Hinge().fit_intercept_only([1, 1, -1]) == 1.0
    assert losses.Hinge().fit_intercept_only([1, -1]) == 0.0
    assert losses.Huber(delta=0.1).fit_intercept_only([0.0, 10.0]) == 5.0
    assert losses.Huber().fit_intercept_only([4.0]) == 4.0
    assert losses.SmoothL1(beta=0.1).fit_intercept_only([0.0, 10.0]) == 5.0
    assert losses.EpsilonInsensitive(epsilon=0.5).fit_intercept_only([0.0, 10.0]) == pytest.approx(5.0, abs=1e-12)
    assert losses.Expectile(expectile=0.25).fit_intercept_only([0.0, 1.0]) == pytest.approx(0.25, abs=1e-14)
    assert losses.LogCosh().fit_intercept_only([3.0, 3.0]) == 3.0
    assert losses.TukeyBiweight().fit_intercept_only([0.0, 0.2, 1000.0]) == pytest.approx(0.1, abs=1e-7)
    for loss in (losses.Gamma(), losses.Tweedie(power=3), losses.InverseGaussian(), losses.NegativeBinomial()):
        assert loss.fit_intercept_only([1.0, 3.0]) == pytest.approx(np.log(2), rel=1e-15)
    assert losses.NegativeBinomial().fit_intercept_only([0, 0]) == -np.inf
    assert losses.Logistic(pos_weight=3.0).fit_intercept_only([0, 1]) == pytest.approx(np.log(3), rel=1e-15)
    assert losses.Logistic(label_smoothing=0.5).fit_intercept_only([1]) == pytest.approx(np.log(3), rel=1e-15)
    assert losses.Probit().fit_intercept_only([0, 1]) == 0.0
    assert losses.Probit().fit_intercept_only([1]) == losses.ComplementaryLogLog().fit_intercept_only([1]) == np.inf
    assert losses.BinaryFocal().fit_intercept_only([0, 0]) == -np.inf
    assert losses.BinaryFocal().fit_intercept_only([0, 1]) == pytest.approx(0.0, abs=1e-7)
