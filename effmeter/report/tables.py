"""Aligned tables, and texts that wrap between words and never inside one.

A table takes the width that it needs. Where that is too much, the headings of numbers wrap, then
text columns, the widest first, down to their longest word; numbers never wrap. Where that is still
too wide, or makes rows too tall, each row becomes a block of one line a cell.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from effmeter.escaping import printable

INDENT = 2
_BETWEEN_COLUMNS = "  "
_MOST_LINES = 3
"""Rows that would take more lines become blocks."""
_MOST_NAME_LINES = 2
"""The same of the first cell of a row alone."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells without frames, by row."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int]
    """The places of columns that are aligned to the right and whose figures never wrap."""

    def lines(self, width: int | None = None, indent: int = INDENT) -> Iterator[str]:
        """The table in lines of at most ``width`` cells, if no single word is wider.

        Without a width each row is one line. The line of the headings comes first, except where
        rows are blocks or no column has a heading.
        """
        margin = " " * indent
        widths = self._widths(None if width is None else width - indent)
        if widths is None:
            for row in self.rows:
                yield from self._block(row, margin, width)
            return
        rows = (self.headings, *self.rows) if self.has_headings else self.rows
        for row in rows:
            yield from (f"{margin}{line}".rstrip() for line in self._aligned(row, widths))

    @property
    def has_headings(self) -> bool:
        """Whether any column has a heading."""
        return any(self.headings)

    def heading_lines(self, width: int | None, indent: int = INDENT) -> int:
        """How many of the lines are headings; none where rows are blocks."""
        widths = self._widths(None if width is None else width - indent)
        return 0 if widths is None or not self.has_headings else self._height(self.headings, widths)

    def _widths(self, available: int | None) -> list[int] | None:
        """The width of each column; None where the table cannot fit."""
        columns = list(zip(self.headings, *self.rows, strict=True))
        widths = [max(map(cell_len, column)) for column in columns]
        if available is None:
            return widths
        least = [self._least(place, column) for place, column in enumerate(columns)]
        available -= len(_BETWEEN_COLUMNS) * (len(widths) - 1)
        if sum(least) > available:
            return None
        while sum(widths) > available:
            slack = [w if w > low else 0 for w, low in zip(widths, least, strict=True)]
            first = [w if place in self.numeric else 0 for place, w in enumerate(slack)]
            slack = first if any(first) else slack
            widths[slack.index(max(slack))] -= 1
        rows = (self.headings, *self.rows)
        is_readable = all(self._height(row, widths) <= _MOST_LINES for row in rows)
        names = (wrapped_lines(row[0], widths[0]) for row in self.rows)
        have_short_names = all(len(lines) <= _MOST_NAME_LINES for lines in names)
        return widths if is_readable and have_short_names else None

    def _least(self, place: int, column: Sequence[str]) -> int:
        """The least width of a column, whose heading comes first."""
        cells = column[1:]
        figures = cells if place in self.numeric else ()
        return max([*map(_longest_word, column), *map(cell_len, figures)])

    def _height(self, row: Sequence[str], widths: Sequence[int]) -> int:
        return max(len(wrapped_lines(c, w)) for c, w in zip(row, widths, strict=True))

    def _aligned(self, row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
        """One row, over as many lines as its tallest cell takes."""
        wrapped = [wrapped_lines(cell, width) for cell, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, wrapped))):
            cells = [lines[number] if number < len(lines) else "" for lines in wrapped]
            yield _BETWEEN_COLUMNS.join(
                _pad(cell, width, to_right=place in self.numeric)
                for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
            )

    def _block(self, row: Sequence[str], margin: str, width: int | None) -> Iterator[str]:
        """One row below its first cell, with the heading before each further cell."""
        yield from hanging(row[0], margin, width)
        label = max(map(cell_len, self.headings[1:]), default=0)
        for place, (heading, cell) in enumerate(zip(self.headings, row, strict=True)):
            if place and cell:
                name = f"{_pad(heading, label)}{_BETWEEN_COLUMNS}" if heading else ""
                prefix = f"{margin}{' ' * INDENT}{name}"
                yield from hanging(cell, prefix, None if place in self.numeric else width)


def table_of(
    headings: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()
) -> Table:
    """A table whose ``numeric`` columns (by place) are aligned to the right.

    A column with neither a heading nor a cell is left out.
    """
    right, rows = set(numeric), [tuple(map(printable, row)) for row in rows]
    headings = tuple(map(printable, headings))
    kept = [p for p, heading in enumerate(headings) if heading or any(row[p] for row in rows)]
    return Table(
        tuple(headings[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in rows),
        frozenset(new for new, place in enumerate(kept) if place in right),
    )


def hanging(text: str, prefix: str, width: int | None) -> list[str]:
    """A text behind a prefix, wrapped between words; further lines stand below the first."""
    margin = cell_len(prefix)
    first, *further = wrapped_lines(text, None if width is None else max(1, width - margin))
    return [f"{prefix}{first}".rstrip(), *(f"{' ' * margin}{line}" for line in further)]


def wrapped_lines(text: str, width: int | None) -> list[str]:
    """The lines of a text, at most ``width`` cells each unless a single word is wider."""
    if width is None or cell_len(text) <= width:
        return [text]
    lines: list[str] = []
    for word in text.split():
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _pad(text: str, width: int, *, to_right: bool = False) -> str:
    missing = " " * (width - cell_len(text))
    return missing + text if to_right else text + missing
