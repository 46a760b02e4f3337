"""Draws the pictures of textbook.md and questions.md from what the pages' examples compute.

python docs/pictures.py [FOLDER]
"""

import contextlib
import doctest
import io
import re
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fastopt.optimizers import SGD
from fastopt.plots import plot_history, plot_trajectory

HERE = Path(__file__).resolve().parent


def names(page):
    """What the examples of a page leave behind, by name."""
    text = "\n".join(re.findall(r"^```python\n(.*?)^```$", (HERE / page).read_text(encoding="utf-8"), re.M | re.S))
    names = {}
    for example in doctest.DocTestParser().get_examples(text):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(ValueError if example.exc_msg else ()):
            exec(compile(example.source, page, "single"), names)
    return names


def panels(number, width=4.0):
    figure = Figure((width * number, 3.0), layout="constrained")
    return figure, figure.subplots(1, number, squeeze=False)[0]


def line(page):
    figure, (left, right) = panels(2)
    plot_history(page["tape"], axes=left)
    left.set(title="Loss of the line", xlabel="step")
    right.plot(page["x"], page["y"], ".", color="0.6", markersize=4)
    ends = np.array([0.0, 1.0])
    right.plot(ends, page["theta"][0] * ends + page["theta"][1], label="gradient descent")
    right.plot(ends, 2 * ends + 1, "k:", label="2 x + 1")
    right.set(title="100 rows", xlabel="x", ylabel="y")
    right.legend()
    return figure


def batch(page):
    figure, (axes,) = panels(1, 5.5)
    plot_history({"all rows a step": page["batch_losses"], "one row a step": page["sgd_losses"]}, axes=axes)
    least = page["whole"].value(np.array([1.94, 1.15]))
    axes.axhline(least, color="0.5", linestyle="--", linewidth=1)
    axes.set(title="X = 1, 2, 3, 4", xlabel="epoch")
    return figure


def numpy(page):
    figure, (axes,) = panels(1, 5.5)
    plot_history(page["plain"], axes=axes)
    axes.set(title="y = 3 x + noise, plain NumPy", xlabel="step")
    return figure


def network(page):
    figure, (left, right) = panels(2)
    plot_history(page["network"], axes=left)
    left.set(title="Dense(10, relu), Dense(1), Adam(0.01)", xlabel="step")
    grid = np.linspace(-2, 2, 201)[:, None]
    right.plot(page["x4"], page["target"], ".", color="0.6", markersize=4)
    right.plot(grid, page["forward"](page["fitted"], grid)[1])
    right.set(title="Prediction", xlabel="x")
    return figure


def softmax(page):
    figure, (axes,) = panels(1, 5.5)
    plot_history(page["softmax"], axes=axes)
    axes.set(title="784-10-10, softmax, SGD(0.01)", xlabel="epoch", ylabel="cross-entropy")
    return figure


def rates(page):
    figure, (axes,) = panels(1, 5.5)
    plot_history({f"{factor:g} / L": values for factor, values in page["rates"].items()}, axes=axes)
    axes.set(title="Least squares, five rates", xlabel="step", ylabel="loss - minimum")
    return figure


def saddle(page):
    figure, (axes,) = panels(1, 5.5)
    paths = {"SGD(0.1)": SGD(lr=0.1), "momentum 0.9": SGD(lr=0.03, momentum=0.9), "l-bfgs": "l-bfgs"}
    plot_trajectory(page["saddle"], paths, [1.0, 0.01], [(-1, 1.2), (-0.5, 1.5)], jac=True, levels=16, axes=axes)
    axes.set(title="A saddle point at (0, 0), a minimum at (0, 1)")
    return figure


def sweep(page):
    figure, axes = panels(2, 4.5)
    page["sweep"].plot(axes)
    return figure


PICTURES = {"textbook.md": (line, batch, numpy, network, softmax), "questions.md": (rates, saddle, sweep)}


def draw(folder):
    """Write the pictures of both pages; returns their paths."""
    paths = []
    for page, pictures in PICTURES.items():
        found = names(page)
        for picture in pictures:
            paths.append(Path(folder) / f"{page.removesuffix('.md')}_{picture.__name__}.png")
            picture(found).savefig(paths[-1], dpi=80)
    return paths


if __name__ == "__main__":
    for path in draw(sys.argv[1] if len(sys.argv) > 1 else HERE):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
