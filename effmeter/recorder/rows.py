"""Rows of a run file gathered column by column until they are written."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from effmeter.schema import COLUMNS, Event

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


_READING_COLUMNS = ("seq", "time", "channel", "energy_j", "power_w", "duration_s")


class RowBuffer:
    """Rows in order of arrival, numbered from zero over the whole run file.

    Readings, of which there are many, and events, of which there are few, are kept apart and
    put in order again when a batch is made of them.
    """

    def __init__(self, wall_offset_ns: int) -> None:
        self._wall_offset_ns = wall_offset_ns
        self._seq = 0
        self._readings: list[tuple[Any, ...]] = []
        self._events: list[tuple[int, EventRow]] = []

    def __len__(self) -> int:
        return len(self._readings) + len(self._events)

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
        row = (self._seq, time_ns + self._wall_offset_ns, channel, energy_j, power_w, read_s)
        self._readings.append(row)
        self._seq += 1

    def add_event(self, row: EventRow) -> None:
        """Append one event; times are of the run clock."""
        plain = row._replace(
            time=row.time + self._wall_offset_ns,
            source=_writable(row.source),
            name=_writable(row.name),
            text=_writable(row.text),
        )
        self._events.append((self._seq, plain))
        self._seq += 1

    def take(self) -> Callable[["pa.Schema"], "pa.RecordBatch"]:
        """Hand over what there is, as a function that makes the batch in the writer's thread."""
        readings, events = self._readings, self._events
        self._readings, self._events = [], []
        return lambda schema: _batch(readings, events, schema)


def _writable(text: str | None) -> str | None:
    """Text without what no file can hold: bytes of a command line that were no characters."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _batch(
    readings: list[tuple[Any, ...]], events: list[tuple[int, EventRow]], schema: "pa.Schema"
) -> "pa.RecordBatch":
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    if readings:
        columns = dict(zip(_READING_COLUMNS, map(list, zip(*readings, strict=True)), strict=True))
    count = len(readings)
    read = {name: columns.get(name, [None] * count) for name in COLUMNS}
    for seq, event in events:
        for name, column in read.items():
            column.append(seq if name == "seq" else getattr(event, name, None))
    arrays = [pa.array(read[field.name], field.type) for field in schema]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    return batch.sort_by("seq") if events and readings else batch
