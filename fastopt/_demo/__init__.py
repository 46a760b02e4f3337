"""The pieces of ``python -m fastopt``: data, fits against peers, training loops, tables, plots."""


class BadInput(Exception):
    """What the user gave cannot be worked with; the text is one line that says why."""
