"""CSV tables of times and power or energy, as meters, PDUs and scripts write them.

The first line names the columns (``effmeter.importers.csv_columns``). A cell without a value, such
as ``N/A``, is no reading. Lines are separated by commas, semicolons or tabs.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from effmeter.channel import Kind
from effmeter.errors import LogError, UsageError
from effmeter.importers.csv_columns import Column, ColumnChoice, Columns, columns_of
from effmeter.importers.epochs_csv import epochs_in
from effmeter.importers.lines import numbered_lines, quoted, refuse
from effmeter.importers.log import Log
from effmeter.importers.quantity import (
    MOST_JOULES_OR_WATTS,
    Unit,
    is_no_value,
    split_number,
    unit_named,
)
from effmeter.importers.survey import Reading
from effmeter.importers.timestamps import TimeReader

DELIMITERS = ",;\t"
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """What the user states of a table."""

    columns: ColumnChoice = field(default_factory=ColumnChoice)
    times: TimeReader = field(default_factory=TimeReader)
    is_interval: bool | None = None
    """Of energies: each is what was used since the row before; None: the values decide."""
    has_decimal_comma: bool = False
    host: str | None = None
    """The host of all rows, where no column names it."""


def csv_log(
    path: Path, options: CsvOptions, name: str | None = None, epochs: Path | None = None
) -> Log:
    """The run in a table.

    Args:
        path: The table.
        options: What it leaves open.
        name: The run's; by default the file's.
        epochs: A table of the run's epochs (``effmeter.importers.epochs_csv``).

    Raises:
        LogError: A line cannot be read.
        UsageError: The table leaves open what an option can say.
    """
    table = _Table.of(path, options)
    unit = table.columns.unit or table.unit_of_values()
    marks = None if epochs is None else epochs_in(epochs, table.times)
    return Log(
        name or path.stem,
        str(path),
        unit.kind,
        unit.factor,
        lambda: table.readings(unit),
        is_interval=options.is_interval if unit.kind is Kind.COUNTER else False,
        marks=marks,
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with its headings understood."""

    path: Path
    options: CsvOptions
    delimiter: str
    columns: Columns
    times: TimeReader

    @classmethod
    def of(cls, path: Path, options: CsvOptions) -> "_Table":
        number, first = next(
            ((n, line) for n, line in numbered_lines(path) if line.strip()), (1, "")
        )
        if not first:
            raise LogError(f"{path} is empty")
        delimiter = max(DELIMITERS, key=first.count)
        headings = next(csv.reader([first], delimiter=delimiter), [])
        if all(_is_number(heading) for heading in headings):
            refuse(path, number, "it names no columns: put their names into the first line")
        columns = columns_of(str(path), headings, options.columns)
        given = options.times
        times = TimeReader(columns.time_unit, given.zone, given.begin_ns)
        return cls(path, options, delimiter, columns, times)

    def readings(self, unit: Unit) -> Iterator[Reading]:
        """Every reading, in watts or joules."""
        host_name = self.options.host
        several = len(self.columns.values) > 1
        for number, row in self.rows():
            time_ns = self._time_ns(number, row)
            host = host_name or _text(row, self.columns.host) or self.path.stem
            meter = _text(row, self.columns.meter)
            for column in self.columns.values:
                text = row[column.place]
                if not is_no_value(text):
                    value, decimals = self._value(number, text, unit)
                    called = column.plain if several else meter
                    yield Reading(number, time_ns, host, called, value, decimals)

    def unit_of_values(self) -> Unit:
        """The unit that the first value states; UsageError where it states none."""
        for number, row in self.rows():
            for column in self.columns.values:
                if not is_no_value(row[column.place]):
                    stated = self._number(number, row[column.place])[2]
                    if stated:
                        return unit_named(stated)
                    raise UsageError(
                        f"{self.path}: neither the heading {column.heading!r} nor its values "
                        "state a unit: add --unit, such as W, kW, J or kWh"
                    )
        raise LogError(f"{self.path} holds no reading")

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """The cells of each line below the first, with its number."""
        needed = 1 + max(
            column.place
            for column in (
                *(self.columns.time, *self.columns.values),
                *filter(None, (self.columns.host, self.columns.meter)),
            )
        )
        is_heading = True
        for number, line in numbered_lines(self.path):
            if not line.strip():
                continue
            if is_heading:
                is_heading = False
                continue
            try:
                row = next(csv.reader([line], delimiter=self.delimiter), [])
            except csv.Error as error:
                refuse(self.path, number, str(error))
            if len(row) < needed:
                refuse(self.path, number, f"it ends before its cell {needed}, which is read")
            yield number, row

    def _time_ns(self, number: int, row: Sequence[str]) -> int:
        try:
            return self.times.time_ns(row[self.columns.time.place])
        except ValueError as error:
            if "--" in str(error):
                raise UsageError(f"{self.path}, line {number}: {error}") from error
            refuse(self.path, number, str(error))

    def _value(self, number: int, text: str, unit: Unit) -> tuple[float, int]:
        value, decimals, stated = self._number(number, text)
        if stated and stated != unit.text and unit_named(stated) != unit:
            refuse(self.path, number, f"{quoted(text.strip())} is not in {unit.text}")
        value *= unit.factor
        if not 0 <= value <= MOST_JOULES_OR_WATTS:
            refuse(self.path, number, f"{quoted(text.strip())} is no power or energy of a meter")
        return value, decimals

    def _number(self, number: int, text: str) -> tuple[float, int, str]:
        try:
            return split_number(text, decimal_comma=self.options.has_decimal_comma)
        except ValueError as error:
            refuse(self.path, number, str(error))


def _text(row: Sequence[str], column: Column | None) -> str:
    return "" if column is None else row[column.place].strip()[:_LONGEST_NAME]


def _is_number(text: str) -> bool:
    try:
        split_number(text)
    except ValueError:
        return False
    return True
