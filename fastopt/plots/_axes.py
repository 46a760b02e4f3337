"""matplotlib on first use."""


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
    return plt.subplots(1, panels or 1, figsize=figsize, layout="constrained", squeeze=panels is None)[1]
