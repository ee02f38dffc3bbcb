"""The rows of one run file, and what is missing among them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from effmeter.runfile.format import Event, Metadata
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


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one file, sorted by (time, seq), and what is known of the file itself."""

    path: Path
    metadata: Metadata
    rows: pa.Table
    finished: bool
    """It has a footer: its writer closed it."""
    recording: bool
    """A recorder held it when it was opened."""
    damages: tuple[Damage, ...] = ()

    @cached_property
    def times_ns(self) -> NDArray[np.int64]:
        """The moment of each row on the run clock (n,)."""
        return wall_ns(self.rows["time"]) + clock_offset_ns(self.metadata)

    @cached_property
    def is_event(self) -> NDArray[np.bool_]:
        """Which rows are events (n,); the others are readings."""
        return np.asarray(self.rows["event"].is_valid().to_numpy(zero_copy_only=False), np.bool_)

    def floats(self, column: str) -> NDArray[np.float64]:
        """A column of numbers (n,), NaN where it is null."""
        return np.asarray(self.rows[column].to_numpy(zero_copy_only=False), np.float64)

    @cached_property
    def channel_codes(self) -> tuple[list[str | None], NDArray[np.int64]]:
        """The channels named in the file, and for each row the place of its own in that list."""
        encoded = self.rows["channel"].combine_chunks().dictionary_encode("encode")
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)
        return encoded.dictionary.to_pylist(), codes

    def events(self, index: int) -> list[EventRow]:
        """The rows that are no readings; ``index`` is this part's place in its run."""
        rows = self.rows.filter(pa.array(self.is_event)).select(EVENT_COLUMNS)
        columns = [rows[name].to_pylist() for name in EVENT_COLUMNS]
        moments = self.times_ns[self.is_event].tolist()
        return [
            _believable(EventRow._make((moment, *values, index)))
            for moment, *values in zip(moments, *columns, strict=True)
        ]


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
