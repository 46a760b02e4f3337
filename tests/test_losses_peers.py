"""The pointwise losses beside those of torch and scikit-learn, and where peers go wrong."""

import numpy as np
import pytest
from pointwise import data, each_dtype, each_loss

from fastopt import losses


def plain_params(loss):
    """The parameters that peers have."""
    return {key: value for key, value in loss.get_params().items() if key != "hessian"}


@each_dtype
@each_loss
def test_torch(loss, dtype):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional

    def logistic(z, y, pos_weight, label_smoothing):
        y = y * (1 - label_smoothing) + label_smoothing / 2
        return F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(pos_weight, dtype=z.dtype))

    table = {
        "squared_error": F.mse_loss,
        "absolute_error": F.l1_loss,
        "huber": F.huber_loss,
        "smooth_l1": F.smooth_l1_loss,
        "poisson": F.poisson_nll_loss,
        "poisson_identity": lambda z, y, epsilon: F.poisson_nll_loss(z, y, log_input=False, eps=epsilon),
        "logistic": logistic,
        "binary_cross_entropy_from_probabilities": F.binary_cross_entropy,
    }
    if loss.name not in table:
        pytest.skip("torch has no such loss")
    y, z = data(loss, 1000, dtype)
    tensor = torch.from_numpy(z.copy()).requires_grad_()
    theirs = table[loss.name](tensor, torch.from_numpy(y), **plain_params(loss))
    theirs.backward()
    value, gradient = loss.value_gradient(y, z)
    tolerance = 50 * float(np.finfo(dtype).eps)
    assert value == pytest.approx(theirs.item(), rel=tolerance)
    np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=tolerance, atol=tolerance * abs(gradient).max())


@each_loss
def test_scikit_learn(loss):
    module = pytest.importorskip("sklearn._loss.loss")
    names = {
        "half_squared_error": "HalfSquaredError", "absolute_error": "AbsoluteError", "quantile": "PinballLoss",
        "poisson": "HalfPoissonLoss", "gamma": "HalfGammaLoss", "tweedie": "HalfTweedieLoss",
        "tweedie_identity": "HalfTweedieLossIdentity", "logistic": "HalfBinomialLoss",
    }  # fmt: skip
    if loss.name not in names:
        pytest.skip("scikit-learn has no such loss")
    params = {} if loss.name == "logistic" else plain_params(loss)
    if loss.name == "logistic" and loss != losses.Logistic():
        pytest.skip("scikit-learn's has no parameters")
    peer = getattr(module, names[loss.name])(**params)
    y, z = data(loss, 1000)
    w = np.random.default_rng(12).uniform(0.5, 2.0, 1000)
    value, gradient = peer.loss_gradient(y, z, sample_weight=w)
    mine = loss.value_gradient(y, z, w, reduction="none")
    if loss == losses.Tweedie(power=0):
        value = value - 0.5 * w * y**2  # theirs alone has this term
    if loss.name == "tweedie_identity":  # theirs has more terms of y alone
        two = np.full(1000, 2.0)
        value = value - peer.loss(y, two, sample_weight=w)
        mine = mine[0] - loss.value(y, two, w, reduction="none"), mine[1]
    np.testing.assert_allclose(mine[0], value, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mine[1], gradient, rtol=1e-12, atol=1e-12)
    if loss.hessian_kind == "bound" or (loss.hessian_kind == "exact" and not loss.kinks(y)):
        hessian = peer.gradient_hessian(y, z, sample_weight=w)[1]
        np.testing.assert_allclose(loss.gradient_hessian(y, z, w, reduction="none")[1], hessian, rtol=1e-12)


def test_focal_loss_of_confident_wrong_logits():
    """Keras 3.15 clips the probability: at logit -40 and y = 1 the gradient is -1e-16, not -1."""
    value, gradient = losses.BinaryFocal().value_gradient(np.ones(3), np.array([-40.0, -400.0, -1e5]), reduction="none")
    np.testing.assert_allclose(value, [40, 400, 1e5], rtol=1e-15)
    np.testing.assert_allclose(gradient, -1, rtol=1e-15)


@pytest.mark.parametrize("loss", [losses.Logistic(), losses.Logistic(pos_weight=2.0), losses.Probit()], ids=repr)
def test_wrong_margins_of_a_thousand(loss, isa):
    """skglm 0.5 gives an infinite logistic loss and a NaN Hessian there."""
    y, z = np.ones(2), np.array([-1000.0, 1000.0])
    value = loss.value(y, z, reduction="none")
    gradient, hessian = loss.gradient_hessian(y, z, reduction="none")
    assert value[0] >= 1000 and 0 <= value[1] < 1e-300
    assert np.isfinite([value, gradient, hessian]).all() and gradient[0] <= -1 and abs(gradient[1]) < 1e-300


def test_poisson_gradient_is_mean_minus_target():
    """skglm 0.5's sparse path has e^(z - y)."""
    y, z = np.array([2.0, 0.0]), np.array([0.5, -1.0])
    np.testing.assert_allclose(losses.Poisson().gradient(y, z, reduction="none"), np.exp(z) - y, rtol=1e-15)


def test_margin_losses_do_not_overflow_early():
    """dask-glm's logistic loss overflows for margins below -709."""
    for loss in (losses.Logistic(), losses.BinaryFocal(), losses.GeneralizedCrossEntropy()):
        value, gradient = loss.value_gradient(np.ones(2), np.array([-710.0, -1e300]), reduction="none")
        assert np.isfinite(value).all() and np.isfinite(gradient).all()
