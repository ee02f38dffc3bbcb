"""Rows of a run file gathered column by column until they are written."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from effmeter.schema import Event

if TYPE_CHECKING:
    import pyarrow as pa


class EventRow(NamedTuple):
    """A row that is not a reading; the columns that each event uses stand with ``Event``."""

    time: int
    event: Event
    channel: str | None = None
    source: str | None = None
    id: int | None = None
    parent: int | None = None
    name: str | None = None
    value: float | None = None
    text: str | None = None
    duration_s: float | None = None


_NO_EVENT = (None,) * 7
"""What a reading has in the columns from ``event`` to ``text``."""


class RowBuffer:
    """Rows in order of arrival, numbered from zero over the whole run file."""

    def __init__(self, wall_offset_ns: int) -> None:
        self._wall_offset_ns = wall_offset_ns
        self._seq = 0
        self._rows: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows_numbered(self) -> int:
        """How many rows there have been."""
        return self._seq

    def add_reading(
        self,
        time_ns: int,
        channel: str,
        energy_j: float | None,
        power_w: float | None,
        read_s: float | None,
    ) -> None:
        """Append one reading; times are of the run clock."""
        at_ns = time_ns + self._wall_offset_ns
        self._rows.append((at_ns, self._seq, channel, energy_j, power_w, *_NO_EVENT, read_s))
        self._seq += 1

    def add_event(self, row: EventRow) -> None:
        """Append one event; times are of the run clock."""
        plain = row._replace(
            time=row.time + self._wall_offset_ns,
            source=_writable(row.source),
            name=_writable(row.name),
            text=_writable(row.text),
        )
        time_ns, event, channel, *rest = plain
        self._rows.append((time_ns, self._seq, channel, None, None, event, *rest))
        self._seq += 1

    def take(self) -> Callable[["pa.Schema"], "pa.RecordBatch"]:
        """Hand over what there is, as a function that makes the batch in the writer's thread."""
        rows, self._rows = self._rows, []
        return lambda schema: _batch(rows, schema)


def _writable(text: str | None) -> str | None:
    """Text without what no file can hold: bytes of a command line that were no characters."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _batch(rows: list[tuple[Any, ...]], schema: "pa.Schema") -> "pa.RecordBatch":
    """Columns of the rows. Arrow's own sorting would load pyarrow.compute: 40 ms of the GIL."""
    import pyarrow as pa

    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, f.type) for column, f in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
