"""Tables for people, without frames."""

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def plain_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()
) -> Padding:
    """A plain table, indented, whose numbers are aligned to the right.

    A column with neither a heading nor a cell is left out.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    right, rows = set(numeric), list(rows)
    told = [p for p, h in enumerate(headings) if h or any(row[p] for row in rows)]
    for place in told:
        justify: Literal["left", "right"] = "right" if place in right else "left"
        table.add_column(Text(headings[place]), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[place]) for place in told))
    return Padding(table, (0, 0, 0, 2), expand=False)
