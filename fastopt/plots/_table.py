"""Tables in a terminal."""


def table(columns, rows):
    """Lines of a table; `columns` maps titles to "<" or ">" for the side that cells stand on."""
    cells = [list(columns), *rows]
    widths = [max(len(row[j]) for row in cells) for j in range(len(columns))]
    lines = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, columns.values(), widths)) for row in cells
    ]
    return [lines[0].rstrip(), "-" * len(lines[0]), *(line.rstrip() for line in lines[1:])]
