"""Draws value and gradient of the losses, a picture for each family, from the roster.

    python docs/plots.py

Writes docs/losses-FAMILY.png. A loss is drawn as a function of its raw prediction, for the target that stands in the title.
The names of the losses stand in the file (PNG's text "losses"), so that tests notice a picture that lacks one.
"""

import io
from pathlib import Path

import numpy as np

from fastopt import losses
from fastopt._axes import look

FOLDER = Path(__file__).resolve().parent
# Family -> title, first tasks of its losses, range of raw predictions, highest value shown.
FAMILIES = {
    "regression": ("Regression: target 0", ("regression", "quantiles"), (-4.0, 4.0), 6.0),
    "amounts": ("Counts and amounts: target 1, less the smallest value", ("counts", "positive"), (-3.0, 4.0), 6.0),
    "binary": ("Two classes: target 1", ("binary",), (-4.0, 4.0), 6.0),
    "rows": ("Rows of three: target the first class, the others alike", ("multiclass",), (-5.0, 5.0), 5.0),
}
TARGET = {"regression": 0.0, "amounts": 1.0, "binary": 1.0}


def members(family):
    """The losses that are drawn: those whose first task is the family's, with a loss of each sample."""
    tasks = FAMILIES[family][1]
    return [cls for cls in losses.LOSSES.values() if cls.traits.task[0] in tasks and cls.is_separable]


def names(family):
    """Those of its members, as they stand in the picture's file."""
    return ", ".join(cls.name for cls in members(family))


def curve(loss, family, n=401):
    """Raw predictions, values and gradients."""
    low, high = FAMILIES[family][2]
    probabilities = loss.name.endswith("from_probabilities")
    z = np.linspace(*((0.01, 0.99) if probabilities else (max(low, loss.raw_low + 0.02), high)), n)
    if loss.is_rowwise:
        others = 0.5 * (1.0 - z) if probabilities else np.zeros(n)
        raw = np.stack([z, others, others], axis=1)
        value, gradient = loss.value_gradient(np.zeros(n, int), raw, reduction="none")
        return z, value, gradient[:, 0]
    value, gradient = loss.value_gradient(np.full(n, TARGET[family]), z, reduction="none")
    return z, value - value.min() if family == "amounts" else value, gradient


def draw(family):
    """The picture as PNG bytes."""
    import matplotlib
    from PIL import Image, PngImagePlugin

    matplotlib.use("agg")
    from matplotlib import pyplot

    title, _, (low, high), top = FAMILIES[family]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.6), dpi=90, layout="constrained")
    for i, cls in enumerate(members(family)):
        loss = cls()
        z, value, gradient = curve(loss, family)
        left.plot(z, value, label=loss.name, linewidth=1.4, **look(i))
        right.plot(z, gradient, linewidth=1.4, **look(i))
    left.set(title="value", xlabel="raw prediction", xlim=(low, high), ylim=(-0.2, top))
    right.set(title="gradient", xlabel="raw prediction", xlim=(low, high), ylim=(-3.0, 3.0))
    figure.suptitle(title)
    figure.legend(loc="outside right center", fontsize=7, frameon=False)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    pyplot.close(figure)
    small = io.BytesIO()
    text = PngImagePlugin.PngInfo()
    text.add_text("losses", names(family))
    Image.open(file).convert("RGB").quantize(255).save(small, format="png", optimize=True, pnginfo=text)
    return small.getvalue()


def main():
    for family in FAMILIES:
        (FOLDER / f"losses-{family}.png").write_bytes(draw(family))


if __name__ == "__main__":
    main()
