"""Memory of a fit above its data: peak resident size of a process less that of one that only loads and validates."""

import subprocess
import sys

import pytest

resource = pytest.importorskip("resource")

SCRIPT = """
import resource, sys
import numpy as np
from sklearn.utils import check_X_y
import fastopt.linear_model as models
name, n, p, k, dtype, fit = sys.argv[1:]
n, p, k = int(n), int(p), int(k)
rng = np.random.default_rng(0)
X = np.empty((n, p), dtype)
for start in range(0, n, 1000):
    X[start : start + 1000] = rng.standard_normal((min(1000, n - start), p), dtype=dtype)
z = X[:, 0] + 0.5 * X[:, 1]
y = np.digitize(z, np.linspace(-1, 1, k - 1)) if name == "LogisticRegression" else z
del z
X, y = check_X_y(X, y, dtype=[np.float64, np.float32])
model = getattr(models, name)()
model.fit(X[:200], y[:200])
if int(fit):
    model.fit(X, y)
    assert model.certificate_.converged
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


def peak(*args):
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, args)], capture_output=True, text=True, check=True, timeout=300
    )
    return int(run.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, n, p, k",
    [
        ("LogisticRegression", 400_000, 40, 2),
        ("LogisticRegression", 100_000, 60, 6),
        ("Ridge", 400_000, 40, 1),
        ("LinearRegression", 100_000, 150, 1),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_fit_needs_little_beside_its_data(name, n, p, k, dtype):
    """0.1 data + 48 n k bytes + 24 p^2 bytes (p parameters of all outputs, where a Hessian is factored) + 32 MB."""
    outputs = 1 if k < 3 else k
    data = n * p * (8 if dtype == "float64" else 4)
    allowed = 0.1 * data + 48 * n * outputs + 24 * (p * outputs) ** 2 + 32e6
    used = peak(name, n, p, k, dtype, 1) - peak(name, n, p, k, dtype, 0)
    print(f"{name} {n} x {p}, {outputs} outputs, {dtype}: {used / 1e6:.1f} MB of {allowed / 1e6:.1f} MB")
    assert used <= allowed
