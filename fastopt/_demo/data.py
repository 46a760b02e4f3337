"""The problems of the first table: data that ship with scikit-learn, or the user's own CSV file."""

import csv
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..reference import linear
from . import BadInput

MOST_CLASSES = 20


@dataclass
class Problem:
    """Data and the estimator that is fitted to them.

    y holds class indices for "LogisticRegression", numbers for "Ridge" and "LinearRegression".
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    model: str
    strength: float = 1.0  # C of LogisticRegression, alpha of Ridge

    @property
    def classification(self):
        return self.model == "LogisticRegression"

    @property
    def parameters(self):
        """Arguments of the estimator, fastopt's and scikit-learn's."""
        return {"LogisticRegression": {"C": self.strength}, "Ridge": {"alpha": self.strength}}.get(self.model, {})

    @cached_property
    def reference(self):
        """The same problem in NumPy; it judges the answers of all."""
        if not self.classification:
            return linear.Squares(self.X, self.y, self.strength if self.model == "Ridge" else 0.0)
        k = int(self.y.max()) + 1
        if k == 2:
            return linear.Logistic(self.X, self.y.astype(np.float64), self.strength)
        return linear.Softmax(self.X, self.y, k, self.strength)

    def objective(self, estimator):
        """The objective at the parameters of a fitted estimator."""
        coef = np.atleast_2d(estimator.coef_)
        intercept = np.reshape(estimator.intercept_, (-1, 1))
        return float(self.reference.value(np.hstack([coef, intercept]).ravel()))


def shipped():
    """Breast cancer (raw and standardised), digits, diabetes."""
    from sklearn import datasets

    X, y = datasets.load_breast_cancer(return_X_y=True)
    digits, digit = datasets.load_digits(return_X_y=True)
    patients, progression = datasets.load_diabetes(return_X_y=True, scaled=False)
    return [
        Problem("breast cancer, raw", X, y, "LogisticRegression"),
        Problem("breast cancer, standardised", (X - X.mean(axis=0)) / X.std(axis=0), y, "LogisticRegression"),
        Problem("digits", digits, digit, "LogisticRegression"),
        Problem("diabetes", patients, progression, "Ridge"),
        Problem("diabetes", patients, progression, "LinearRegression"),
    ]


def diabetes():
    """Standardised columns and the target, for the second table."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, scaled=False)
    return np.ascontiguousarray((X - X.mean(axis=0)) / X.std(axis=0)), y


def from_csv(path, target):
    """The problems of a CSV file and a sentence about them.

    The first line names the columns; commas, semicolons or tabs part them. Classification where the
    target holds text or whole numbers with at most 20 distinct values, regression otherwise.
    """
    header, rows, lines = _read(path)
    if target not in header:
        raise BadInput(f"{path} has no column {target!r}; its columns are {', '.join(map(repr, header))}")
    place = header.index(target)
    others = [j for j in range(len(header)) if j != place]
    if not others:
        raise BadInput(f"{path} has no column beside the target {target!r}")
    if len(rows) < 2:
        raise BadInput(f"{path} has {len(rows)} rows of data; a fit needs 2 or more")
    y, what = _target(path, target, [row[place] for row in rows], lines)
    X = np.empty((len(rows), len(others)))
    for i, (row, line) in enumerate(zip(rows, lines)):
        for column, j in enumerate(others):
            X[i, column] = _number(path, header[j], line, row[j])
    if what is None:
        sentence = f"target {target!r}: numbers; Ridge and LinearRegression"
        return [Problem(target, X, y, "Ridge"), Problem(target, X, y, "LinearRegression")], sentence
    classes = ", ".join(what[:6]) + (", ..." if len(what) > 6 else "")
    sentence = f"target {target!r}: {len(what)} classes ({classes}); LogisticRegression"
    return [Problem(target, X, y, "LogisticRegression")], sentence


def _read(path):
    """Names of the columns, rows of cells, and the line in the file of each."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            table = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not a CSV file: it is not text in UTF-8") from None
    except csv.Error as error:
        raise BadInput(f"{path} is not a CSV file: {error}, line {reader.line_num}") from None
    if not table:
        raise BadInput(f"{path} is empty; the first line names the columns, numbers follow")
    header = [cell.strip() for cell in table[0][1]]
    if "" in header:
        raise BadInput(f"{path}, line {table[0][0]}: column {header.index('') + 1} has no name")
    double = [name for j, name in enumerate(header) if name in header[:j]]
    if double:
        raise BadInput(f"{path}: the column {double[0]!r} occurs twice")
    if len(table) == 1:
        raise BadInput(f"{path} has a line of column names and no data")
    for line, cells in table[1:]:
        if len(cells) != len(header):
            raise BadInput(f"{path}, line {line}: {len(cells)} cells, but there are {len(header)} columns")
    return header, [cells for _, cells in table[1:]], [line for line, _ in table[1:]]


def _missing(text):
    return text.strip().lower() in ("", "nan", "na", "n/a", "null", "none", "?")


def _number(path, column, line, text):
    if _missing(text):
        raise BadInput(f"{path}, line {line}: no value in column {column!r} ({text!r}); drop or fill such rows first")
    try:
        number = float(text)
    except ValueError:
        raise BadInput(f"{path}, line {line}: {text!r} in column {column!r} is not a number") from None
    if not math.isfinite(number):
        raise BadInput(f"{path}, line {line}: {text.strip()} in column {column!r} is not finite")
    return number


def _target(path, column, cells, lines):
    """The target as numbers and None, or as class indices and the names of the classes."""
    for text, line in zip(cells, lines):
        if _missing(text):
            _number(path, column, line, text)
    try:
        values = [float(text) for text in cells]
    except ValueError:
        names, codes = np.unique([text.strip() for text in cells], return_inverse=True)
        if len(names) > MOST_CLASSES:
            # More values than classes: take it for numbers, and name the cell that is none.
            values = [_number(path, column, line, text) for text, line in zip(cells, lines)]
        names = names.tolist()
    else:
        for text, line in zip(cells, lines):
            _number(path, column, line, text)
        distinct, codes = np.unique(values, return_inverse=True)
        names = [f"{value:g}" for value in distinct]
        if len(distinct) > MOST_CLASSES or (len(distinct) > 1 and any(value != round(value) for value in distinct)):
            return np.array(values), None
    if len(names) < 2:
        raise BadInput(f"{path}: the target {column!r} is constant ({names[0]}); there is nothing to fit")
    return codes.astype(np.int64), names
