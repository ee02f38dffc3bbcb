"""Text output laid out line by line, for a terminal or for a file."""

import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Self, TextIO

import click

from effmeter.escaping import printable
from effmeter.report.tables import INDENT, hanging, table_of

_INDENT = "  "
_BOLD = functools.partial(click.style, bold=True)
_DIM = functools.partial(click.style, dim=True)
_YELLOW = functools.partial(click.style, fg="yellow")


def width_of(stream: TextIO) -> int | None:
    """The columns of a terminal; None for a file or pipe, where one row stays one line.

    The variable COLUMNS overrules both.
    """
    if stream.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return None


def has_styles(stream: TextIO) -> bool:
    """Whether a stream shows ANSI styles."""
    return stream.isatty() and "NO_COLOR" not in os.environ


class Page:
    """Lines of text for a width; without a width no line wraps.

    Styles are ANSI sequences, and only where ``has_styles``.
    """

    def __init__(self, width: int | None = None, *, has_styles: bool = False) -> None:
        self._width = width
        self._has_styles = has_styles
        self._lines: list[str] = []

    @classmethod
    def for_stream(cls, stream: TextIO | None = None) -> Self:
        """A page that fits a stream, by default stdout."""
        stream = sys.stdout if stream is None else stream
        return cls(width_of(stream), has_styles=has_styles(stream))

    def __str__(self) -> str:
        return "\n".join(self._lines)

    @property
    def is_empty(self) -> bool:
        """Whether there is no line yet."""
        return not self._lines

    def blank(self) -> None:
        """Add an empty line."""
        self._lines.append("")

    def title(self, text: str) -> None:
        """Add a heading."""
        self._add(hanging(printable(text), "", self._width), _BOLD)

    def paragraph(self, text: str, prefix: str = "") -> None:
        """Add a text whose further lines stand below the first, behind the prefix."""
        self._add(hanging(printable(text), prefix, self._width))

    def verbatim(self, text: str, prefix: str = "") -> None:
        """Add one line as it is, however long: a command to be copied."""
        self._add([f"{prefix}{printable(text)}"])

    def note(self, text: str, prefix: str = _INDENT) -> None:
        """Add a text of less weight."""
        self._add(hanging(printable(text), prefix, self._width), _DIM)

    def warning(self, text: str) -> None:
        """Add what a reader must know."""
        self._add(hanging(printable(text), f"{_INDENT}! ", self._width), _YELLOW)

    def table(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[str]],
        numeric: Iterable[int] = (),
        indent: int = INDENT,
    ) -> None:
        """Add a table; see ``effmeter.report.tables.table_of``."""
        table = table_of(headings, rows, numeric)
        lines = list(table.lines(self._width, indent))
        count = table.heading_lines(self._width, indent)
        self._add(lines[:count], _DIM)
        self._add(lines[count:])

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Add one line for each name and value, the values aligned."""
        facts = list(facts)
        widest = max((len(name) for name, _ in facts), default=0)
        for name, value in facts:
            prefix = f"{_INDENT}{printable(name):<{widest}}{_INDENT}"
            first, *further = hanging(printable(value), prefix, self._width)
            if self._has_styles:
                first = _DIM(prefix) + first.removeprefix(prefix)
            self._lines += [first, *further]

    def _add(self, lines: Sequence[str], style: Callable[[str], str] = str) -> None:
        self._lines += map(style, lines) if self._has_styles else lines
