"""Rows of a run file gathered column by column until they are written."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from effmeter.runfile.format import COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa


class EventRow(NamedTuple):
    """A row that is not a reading; ``Event`` names the columns that each event uses."""

    time_ns: int
    """The run clock. The file's ``time`` is the wall clock of the start and the time since."""
    event: str
    """An ``Event``, or one that a later version added."""
    channel: str | None = None
    source: str | None = None
    id: int | None = None
    parent: int | None = None
    name: str | None = None
    value: float | None = None
    text: str | None = None
    duration_s: float | None = None
    part: int = 0
    """The index of its file in a run that was read back: 1 for a successor's."""


EVENT_COLUMNS = tuple(name for name in EventRow._fields if name in COLUMNS)
_READING_BYTES = 150
_EVENT_BYTES = 400
_FOR_READINGS = frozenset({"time", "seq", "channel", "energy_j", "power_w", "duration_s"})
_FOR_EVENTS = tuple(name for name in EVENT_COLUMNS if name not in _FOR_READINGS)


@dataclass(slots=True)
class _Columns:
    """Rows in order of arrival. Columns that readings never fill are made from the events."""

    time: list[int] = field(default_factory=list)
    channel: list[str | None] = field(default_factory=list)
    energy_j: list[float | None] = field(default_factory=list)
    power_w: list[float | None] = field(default_factory=list)
    duration_s: list[float | None] = field(default_factory=list)
    events: dict[int, EventRow] = field(default_factory=dict)
    """By the place of their rows."""

    def to_batch(self, schema: "pa.Schema", first_seq: int) -> "pa.RecordBatch":
        """Arrow's own sorting would load pyarrow.compute: 40 ms of the GIL."""
        import pyarrow as pa

        count = len(self.time)
        values: dict[str, Iterable[Any]] = {
            "time": self.time,
            "seq": range(first_seq, first_seq + count),
            "channel": self.channel,
            "energy_j": self.energy_j,
            "power_w": self.power_w,
            "duration_s": self.duration_s,
        }
        if self.events:
            values.update((name, self._of_events(name)) for name in _FOR_EVENTS)
        arrays = [
            pa.array(values[f.name], f.type) if f.name in values else pa.nulls(count, f.type)
            for f in schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _of_events(self, name: str) -> list[Any]:
        column: list[Any] = [None] * len(self.time)
        for place, event in self.events.items():
            column[place] = getattr(event, name)
        return column


class RowBuffer:
    """Rows in order of arrival, numbered from zero over the whole run file."""

    def __init__(self, wall_offset_ns: int) -> None:
        self._wall_offset_ns = wall_offset_ns
        self._taken = 0
        self._columns = _Columns()
        self._text_bytes = 0

    def __len__(self) -> int:
        return len(self._columns.time)

    @property
    def size_bytes(self) -> int:
        """The memory that the rows take, roughly."""
        columns = self._columns
        rows_bytes = len(columns.time) * _READING_BYTES + len(columns.events) * _EVENT_BYTES
        return rows_bytes + self._text_bytes

    def add_reading(
        self,
        time_ns: int,
        channel: str | None,
        energy_j: float | None,
        power_w: float | None,
        duration_s: float | None,
    ) -> None:
        """Append one reading; times are of the run clock."""
        columns = self._columns
        columns.time.append(time_ns + self._wall_offset_ns)
        columns.channel.append(channel)
        columns.energy_j.append(energy_j)
        columns.power_w.append(power_w)
        columns.duration_s.append(duration_s)

    def add_event(self, row: EventRow) -> None:
        """Append one event; times are of the run clock."""
        source, name, text = (_writable(text) for text in (row.source, row.name, row.text))
        self._columns.events[len(self)] = row._replace(source=source, name=name, text=text)
        self._text_bytes += sum(map(sys.getsizeof, (source, name, text)))
        self.add_reading(row.time_ns, row.channel, None, None, row.duration_s)

    def take(self) -> Callable[["pa.Schema"], "pa.RecordBatch"]:
        """Hand over what there is, as a function that makes the batch in the writer's thread."""
        columns, self._columns = self._columns, _Columns()
        self._text_bytes = 0
        first_seq = self._taken
        self._taken += len(columns.time)
        return lambda schema: columns.to_batch(schema, first_seq)


def _writable(text: str | None) -> str | None:
    """Text without what no file can hold: bytes of a command line that were no characters."""
    return None if text is None else text.encode("utf-8", "replace").decode()
