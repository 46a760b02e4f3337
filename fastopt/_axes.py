"""Axes to draw on, matplotlib's on first use, and looks that tell many curves apart."""

STYLES = ("-", "--", "-.", ":")


def axes_or_new(axes, panels=None, figsize=None):
    """The axes given, or those of a new figure of pyplot; an array of them for a number of panels."""
    if axes is not None:
        if panels is not None and (not hasattr(axes, "__len__") or len(axes) != panels):
            raise ValueError(f"axes must be a sequence of {panels} axes, got {axes!r}")
        for one in axes if panels is not None else [axes]:
            if not hasattr(one, "plot"):
                raise TypeError(f"axes must be matplotlib's, got {type(one).__name__}")
        return axes
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError('plots need matplotlib, which is not installed: pip install "fastopt[plot]"') from None
    made = plt.subplots(1, panels or 1, figsize=figsize, layout="constrained", squeeze=False)[1][0]
    return made[0] if panels is None else made


def style(number):
    """The line of the number-th curve of a picture: another for every ten, whose colours are the same."""
    return STYLES[number // 10 % len(STYLES)]


def look(number):
    """Colour and line of the number-th curve of a picture."""
    return {"color": f"C{number % 10}", "linestyle": style(number)}


def full_names(line):
    """Options of matplotlib's ``plot`` by their full names: linewidth for lw."""
    from matplotlib import cbook, lines

    return cbook.normalize_kwargs(line, lines.Line2D)
