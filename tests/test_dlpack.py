"""Tensors as parameters and gradients through DLPack: aliasing, refusals by name."""

import numpy as np
import pytest

from fastopt.optimizers import SGD, Accumulate, Adam, ParameterAverage


def test_torch_tensors_are_updated_in_place(torch_float64):
    torch = torch_float64
    for dtype in (torch.float32, torch.float64):
        given = [torch.randn(5, 3, dtype=dtype), torch.randn(7, dtype=dtype), torch.tensor(0.5, dtype=dtype)]
        grads = [torch.randn_like(t) for t in given]
        arrays, g = [t.numpy().copy() for t in given], [t.numpy().copy() for t in grads]
        addresses = [t.data_ptr() for t in given]
        layer = torch.nn.Parameter(given[0])  # the same memory, with a gradient
        for make in (list, lambda ts: dict(zip("abc", ts))):
            a, b = Adam(make(given), lr=0.1), Adam(make(arrays), lr=0.1)
            held = [w for group in a._groups for w in group.params]
            assert [w.ctypes.data for w in held] == addresses
            for _ in range(3):
                a.step(make(grads))
                b.step(make(g))
            for t, w in zip(given, arrays):
                np.testing.assert_array_equal(t.numpy(), w)
            assert (layer.detach() == given[0]).all()
        assert [t.data_ptr() for t in given] == addresses
        # One tensor, a gradient of which the caller keeps nothing, a strided gradient.
        w = torch.zeros(4, 6, dtype=dtype)
        opt = SGD(w, lr=1.0)
        opt.step(torch.ones(4, 6, dtype=dtype))
        opt.step(torch.ones(6, 4, dtype=dtype).T)
        opt.step(np.ones((4, 6), w.numpy().dtype))
        assert (w == -3).all()
        opt.step(w)  # shares memory with the parameters: copied
        assert (w == 0).all()
        w += 2.0  # what torch writes is read
        opt.step(torch.zeros_like(w))
        assert (w == 2).all()
        both = Accumulate(SGD(w, lr=1.0), 2)
        both.step(torch.ones_like(w))
        both.step(torch.ones_like(w))
        mean = ParameterAverage(w)
        mean.update()
        assert (w == 1).all() and (mean.averages() == 1).all()


def test_a_network_of_torch(torch_float64):
    """A loop over torch's autograd steps with ours as with torch's."""
    torch = torch_float64
    torch.manual_seed(0)
    nets = [torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    X, y = torch.randn(30, 4), torch.randn(30, 1)
    ours = Adam({name: p.detach() for name, p in nets[0].named_parameters()}, lr=0.01)
    theirs = torch.optim.Adam(nets[1].parameters(), lr=0.01)
    for _ in range(20):
        for net in nets:
            net.zero_grad()
            ((net(X) - y) ** 2).mean().backward()
        ours.step({name: p.grad for name, p in nets[0].named_parameters()})
        theirs.step()
    for a, b in zip(nets[0].parameters(), nets[1].parameters()):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-11)


def test_refusals(torch_float64):
    torch = torch_float64
    w = torch.ones(3)
    opt = SGD({"w": w}, lr=1.0)
    needs = torch.ones(3, requires_grad=True)

    class Elsewhere:
        def __init__(self, kind):
            self.kind = kind

        def __dlpack_device__(self):
            return self.kind, 0

        def __dlpack__(self, **_):
            raise AssertionError("not asked")

    for call, error, message in (
        (
            lambda: SGD([w, needs]),
            TypeError,
            r"params\[1\] is a tensor that requires grad; pass params\[1\].detach\(\)",
        ),
        (lambda: SGD(needs), TypeError, r"params is a tensor that requires grad; pass params.detach\(\)"),
        (lambda: opt.step({"w": needs}), TypeError, r"grads\['w'\] is a tensor that requires grad; .*\.detach\(\)"),
        (lambda: SGD(Elsewhere(2)), TypeError, r"params is a tensor on CUDA; .* pass params.cpu\(\)"),
        (lambda: SGD([Elsewhere(8)]), TypeError, r"params\[0\] is a tensor on Metal"),
        (lambda: opt.step({"w": Elsewhere(14)}), TypeError, r"grads\['w'\] is a tensor on oneAPI"),
        (lambda: SGD(Elsewhere(99)), TypeError, "DLPack device 99"),
        (lambda: SGD(torch.ones(3, dtype=torch.float16)), TypeError, "must have dtype float32 or float64, got float16"),
        (
            lambda: SGD(torch.ones(3, dtype=torch.bfloat16)),
            TypeError,
            "float32 or float64, got Tensor of torch.bfloat16",
        ),
        (lambda: SGD(torch.ones(3, dtype=torch.int64)), TypeError, "must have dtype float32 or float64, got int64"),
        (
            lambda: SGD([torch.ones(4, 3).T]),
            ValueError,
            r"params\[0\] is a tensor that is not contiguous .* keep params\[0\].contiguous\(\) and pass that",
        ),
        (lambda: SGD(torch.ones(3, device="meta")), TypeError, "params is a tensor on meta, which has no memory"),
        (lambda: opt.step({"w": torch.ones(3, device="meta")}), TypeError, r"grads\['w'\] is a tensor on meta"),
        (lambda: SGD([w, w]), ValueError, "share"),
        (lambda: SGD([w, w.numpy()]), ValueError, "share memory"),
        (lambda: opt.step({"w": torch.ones(4)}), ValueError, r"grads\['w'\] has shape \(4,\)"),
        (lambda: opt.step({"w": torch.ones(3, dtype=torch.float32)}), TypeError, r"grads\['w'\] has dtype float32"),
    ):
        with pytest.raises(error, match=message):
            call()
        assert (w == 1).all()


def test_jax_arrays_are_read_only():
    jax = pytest.importorskip("jax")
    ones = jax.numpy.ones(3, dtype=jax.numpy.float32)
    with pytest.raises(ValueError, match="params is read-only"):
        SGD(ones)
    w = np.zeros(3, np.float32)
    SGD(w, lr=1.0).step(ones)
    assert (w == -1).all()


def test_torch_is_not_imported(run_python):
    code = "import sys, numpy, fastopt.optimizers as o; o.SGD(numpy.ones(2)).step(numpy.ones(2)); print('torch' in sys.modules)"
    assert run_python(code).stdout.strip() == "False"
