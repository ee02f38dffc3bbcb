"""The rows of a CSV file; an error about a cell names its file and line."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from effmeter.errors import TableError


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table, with its cells by column."""

    source: str
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The text of a cell; TableError where it is empty."""
        found = self.optional_text(column)
        if found is None:
            raise TableError(f"{self.source}: {column} is empty")
        return found

    def optional_text(self, column: str) -> str | None:
        """The text of a cell; None where it is empty."""
        return (self.cells.get(column) or "").strip() or None

    def number(self, column: str) -> Decimal:
        """A number with the digits it was written in; TableError for what is none.

        It is computed with as a float: what lies beyond their range is refused too.
        """
        text = self.text(column)
        try:
            number = Decimal(text)
        except InvalidOperation as error:
            raise TableError(f"{self.source}: {column} is no number: {text!r}") from error
        if not number.is_finite():
            raise TableError(f"{self.source}: {column} is not finite: {text}")
        if math.isinf(float(number)) or (number and not float(number)):
            raise TableError(f"{self.source}: {column} is beyond the range of floats: {text}")
        return number

    def above_zero(self, column: str) -> Decimal:
        """A number above zero."""
        number = self.number(column)
        if number <= 0:
            raise TableError(f"{self.source}: {column} is not above zero: {number}")
        return number

    def optional_number(self, column: str) -> Decimal | None:
        """A number above zero; None where the cell is empty or missing."""
        return None if self.optional_text(column) is None else self.above_zero(column)


def read_rows(path: Path) -> tuple[Sequence[str], list[Row]]:
    """The column names and the rows of a file; TableError where it has none or is no table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = [name.strip() for name in next(reader, [])]
            rows = [_row(path, reader.line_num, columns, cells) for cells in reader if any(cells)]
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} is no CSV table: {error}") from error
    if not rows:
        raise TableError(f"{path} is empty: it needs a line of column names and lines of figures")
    return columns, rows


def _row(path: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> Row:
    source = f"{path}, line {line}"
    if len(cells) != len(columns):
        raise TableError(f"{source}: {len(cells)} cells for {len(columns)} columns")
    return Row(source, dict(zip(columns, cells, strict=True)))
