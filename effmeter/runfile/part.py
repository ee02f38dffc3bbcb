"""The rows of one run file, and what is missing among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from effmeter.runfile.format import Event, Metadata
from effmeter.runfile.readings import Readings, Series
from effmeter.runfile.row import EVENT_COLUMNS, EventRow
from effmeter.typed_fields import MAX_NUMBER
from effmeter.units import format_duration


@dataclass(frozen=True, slots=True)
class Damage:
    """A piece of a file whose checksum does not hold or that cannot be decoded.

    It was passed over, with the readings and marks in it.
    """

    what: str
    """``batch 17 of 240``."""
    begin_ns: int | None = None
    """The run clock at the last row before it; None where no rows are missing."""
    end_ns: int | None = None
    """The run clock at the first row after it; None where nothing follows."""

    def __str__(self) -> str:
        if self.begin_ns is None:
            return f"damaged: {self.what}"
        if self.end_ns is None:
            return f"damaged: {self.what}, and nothing follows"
        return f"damaged: {self.what}, {format_duration((self.end_ns - self.begin_ns) * 1e-9)}"


@dataclass(eq=False)
class Part:
    """What one file holds, and what is known of the file itself."""

    path: Path
    metadata: Metadata
    finished: bool
    """It has a footer: its writer closed it."""
    recording: bool
    """A recorder held it when it was opened."""
    damages: tuple[Damage, ...] = ()
    row_count: int = 0
    last_ns: int | None = None
    """The run clock at its latest row; None where it has no rows."""
    event_rows: Sequence[EventRow] = ()
    """The rows that are no readings, in order of time."""
    readings: Readings | None = field(default_factory=Readings)
    """All others, by channel; None: they are read again when they are needed."""
    read_again: Callable[[Path], "Part"] | None = None

    def events(self, index: int) -> list[EventRow]:
        """The rows that are no readings; ``index`` is this part's place in its run."""
        if index == 0:
            return list(self.event_rows)
        return [row._replace(part=index) for row in self.event_rows]

    def series(self, channel: str, kind: str) -> Series:
        """The readings of a channel in the column ``kind``, in order of time."""
        if self.readings is None and self.read_again is not None:
            self.readings = self.read_again(self.path).readings
        return (self.readings or Readings()).series(kind, channel)

    def release(self) -> None:
        """Give the memory of the readings back, of a file that does not change any more."""
        if self.read_again is not None and not self.recording:
            self.readings = None


def event_rows(table: pa.Table, times_ns: NDArray[np.int64]) -> list[EventRow]:
    """The rows of a table, each at a moment of the run clock; columns that it lacks are null."""
    nulls = [None] * table.num_rows
    columns = [
        _shared(table[name]) if name in table.column_names else nulls for name in EVENT_COLUMNS
    ]
    return [
        _believable(EventRow._make((moment, *values, 0)))
        for moment, *values in zip(times_ns.tolist(), *columns, strict=True)
    ]


def _shared(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column; equal texts are one object: there may be millions of them."""
    if not pa.types.is_string(column.type):
        return list(column.to_pylist())
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    texts = encoded.dictionary.to_pylist()
    return [None if code is None else texts[code] for code in encoded.indices.to_pylist()]


def _believable(row: EventRow) -> EventRow:
    """An event whose numbers are null where they cannot be right; a metric may be any number."""
    if row.event == Event.METRIC or (_is_believable(row.value) and _is_believable(row.duration_s)):
        return row
    return row._replace(
        value=row.value if _is_believable(row.value) else None,
        duration_s=row.duration_s if _is_believable(row.duration_s) else None,
    )


def _is_believable(value: float | None) -> bool:
    return value is None or abs(value) <= MAX_NUMBER  # false for NaN too


def clock_offset_ns(metadata: Metadata) -> int:
    """What the run clock shows less the file's ``time``."""
    return metadata.started_time_ns - metadata.started_wall_ns


def wall_ns(column: "pa.Array | pa.ChunkedArray") -> NDArray[np.int64]:
    """A column of moments or whole numbers without nulls (n,)."""
    return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)
