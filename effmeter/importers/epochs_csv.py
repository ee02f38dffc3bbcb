"""The epochs of a run as a CSV table: a row for each, with its metrics.

``end`` is the time at which an epoch ended, and ``begin`` that at which it began, by default the
end of the one before; the first needs one. Every other column with a number is a metric; a column
``epoch`` is passed over, since the epochs count from 1, and so is one without a name, such as an
index. The run lasts from the first beginning to the last end.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from effmeter.errors import LogError, UsageError
from effmeter.importers.lines import numbered_lines, refuse
from effmeter.importers.marks import LoggedEpoch, Marks
from effmeter.importers.quantity import is_no_value, split_number
from effmeter.importers.timestamps import TimeReader

BEGIN, END = "begin", "end"
MOST_EPOCHS = 1_000_000
MOST_METRICS = 200
_PASSED_OVER = ("epoch", BEGIN, END, "")


def epochs_in(path: Path, times: TimeReader) -> Marks:
    """The epochs of a table; LogError names a line that cannot be read.

    ``times``: how the times of the readings are read, which count for these too.
    """
    headings: list[str] = []
    epochs: list[LoggedEpoch] = []
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in next(csv.reader([line]), [])]
        if not headings:
            headings = _checked(path, cells)
            continue
        if len(cells) != len(headings):
            refuse(path, number, f"it has {len(cells)} cells, and the first line {len(headings)}")
        row = dict(zip(headings, cells, strict=True))
        epochs.append(_epoch(path, number, row, times, epochs[-1] if epochs else None))
        if len(epochs) > MOST_EPOCHS:
            refuse(path, number, f"more than {MOST_EPOCHS} epochs")
    if not epochs:
        raise LogError(f"{path} holds no epoch")
    return Marks(epochs[0].begin_ns, epochs[-1].end_ns, epochs=tuple(epochs))


def _checked(path: Path, headings: list[str]) -> list[str]:
    names = [name.lower() if name.lower() in _PASSED_OVER else name for name in headings]
    if END not in names:
        raise UsageError(f"{path}: no column is called {END}: the time at which an epoch ended")
    if len(set(names)) < len(names):
        raise UsageError(f"{path}: two columns have the same name")
    if len(names) > MOST_METRICS:
        raise UsageError(f"{path}: more than {MOST_METRICS} columns")
    return names


def _epoch(
    path: Path, number: int, row: Mapping[str, str], times: TimeReader, before: LoggedEpoch | None
) -> LoggedEpoch:
    try:
        end_ns = times.time_ns(row[END])
        if row.get(BEGIN):
            begin_ns = times.time_ns(row[BEGIN])
        elif before is not None:
            begin_ns = before.end_ns
        else:
            raise ValueError(f"the first epoch needs a time in a column {BEGIN}")
        logged = {name: text for name, text in row.items() if name not in _PASSED_OVER}
        metrics = {n: split_number(t)[0] for n, t in logged.items() if not is_no_value(t)}
    except ValueError as error:
        refuse(path, number, str(error))
    if end_ns < begin_ns or (before is not None and begin_ns < before.end_ns):
        refuse(path, number, "it ends before it begins, or begins before the epoch above it ends")
    return LoggedEpoch(begin_ns, end_ns, metrics)
