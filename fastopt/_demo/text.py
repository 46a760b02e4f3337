"""Curves in a terminal."""

import math


def chart(series, *, x_label, y_label, width=72, height=16):
    """Lines of a plot with logarithmic axes; `series` maps a letter to positive x and y.

    Where curves meet, the one that comes later in `series` is seen.
    """
    points = [(math.log10(a), math.log10(b)) for x, y in series.values() for a, b in zip(x, y)]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = math.floor(min(y for _, y in points)), math.ceil(max(y for _, y in points))
    high = max(high, low + 1)
    grid = [[" "] * width for _ in range(height)]

    def column(x):
        return round((x - left) / max(right - left, 1e-9) * (width - 1))

    for letter, (x, y) in series.items():
        places = {}
        for a, b in zip(x, y):
            places[column(math.log10(a))] = math.log10(b)
        known = sorted(places)
        for place in range(known[0], known[-1] + 1):
            before, after = max(k for k in known if k <= place), min(k for k in known if k >= place)
            share = 0.0 if after == before else (place - before) / (after - before)
            level = places[before] + share * (places[after] - places[before])
            grid[round((high - level) / (high - low) * (height - 1))][place] = letter
    ticks = {round((high - power) / (high - low) * (height - 1)): f"1e{power:+d}" for power in range(low, high + 1)}
    lines = [y_label]
    lines += [f"{ticks.get(i, ''):>6} |{''.join(row).rstrip()}" for i, row in enumerate(grid)]
    lines.append(" " * 7 + "+" + "-" * width)
    axis = [" "] * (width + 8)
    for power in range(math.ceil(left), math.floor(right) + 1):
        place, text = column(power), str(10**power)
        axis[place : place + len(text)] = text
    lines.append(" " * 8 + "".join(axis).rstrip() + "   " + x_label)
    return lines
