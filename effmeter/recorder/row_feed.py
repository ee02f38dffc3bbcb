"""The rows of one recording on their way to the writer of its file."""

from collections.abc import Iterable

from effmeter.clock import Clock
from effmeter.runfile.format import Event, Metadata, NoteName
from effmeter.runfile.row import EventRow, RowBuffer
from effmeter.runfile.writer import RunWriter

ANCHOR_PERIOD_NS = 60_000_000_000
FLUSH_PERIOD_NS = 900_000_000
"""A little less than the second within which the file promises every row."""


class RowFeed:
    """Collects rows and hands them to the writer once a second, with an anchor every minute.

    Rows that the writer cannot take are counted: its queue is full where the disk is too slow.
    """

    def __init__(self, metadata: Metadata, writer: RunWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._wall_offset_ns = metadata.started_wall_ns - metadata.started_time_ns
        self._rows = RowBuffer(self._wall_offset_ns)
        self._flushed_ns = self._anchored_ns = metadata.started_time_ns
        self._dropped_rows = 0
        # The hottest call of the recorder's loop: bound once.
        self.add_reading = self._rows.add_reading
        self.add_event = self._rows.add_event
        self._add_anchor()

    @property
    def flush_due_ns(self) -> int:
        """When rows are due at the writer."""
        return self._flushed_ns + FLUSH_PERIOD_NS

    def note(
        self,
        name: NoteName,
        source: str | None = None,
        value: float | None = None,
        text: str | None = None,
        id: int | None = None,  # noqa: A002 - the column's name
    ) -> None:
        """Add a note, stamped now."""
        now_ns = self._clock.now_ns()
        self.add_event(EventRow(now_ns, Event.NOTE, None, source, id, None, name, value, text))

    def flush(self, now_ns: int) -> None:
        """Add an anchor and hand over the rows where that is due."""
        if now_ns - self._anchored_ns >= ANCHOR_PERIOD_NS:
            self._anchored_ns = now_ns
            self._add_anchor()
        if now_ns >= self.flush_due_ns:
            self._flushed_ns = now_ns
            count, size_bytes = len(self._rows), self._rows.size_bytes
            if count and not self._writer.put(self._rows.take(), size_bytes):
                self._dropped_rows += count

    def finish(self, missed: Iterable[tuple[str, int]], status: str) -> None:
        """Hand over the last rows; the footer follows them."""
        for probe, count in missed:
            self.note(NoteName.MISSED_DEADLINES, value=float(count), text=probe)
        if self._dropped_rows:
            self.note(NoteName.DROPPED_ROWS, value=float(self._dropped_rows))
        self._add_anchor()
        self.add_event(EventRow(self._clock.now_ns(), Event.END, text=status))
        self._writer.finish(self._rows.take())

    def close(self) -> None:
        """Hand over the rows as they are; the footer follows them."""
        self._writer.finish(self._rows.take())

    def _add_anchor(self) -> None:
        """The wall clock and the time asleep at this moment of the run clock."""
        anchor = self._clock.anchor()
        row = EventRow(
            anchor.time_ns,
            Event.ANCHOR,
            id=anchor.time_ns,
            value=(anchor.wall_ns - anchor.time_ns - self._wall_offset_ns) * 1e-9,
            duration_s=(anchor.time_ns - anchor.awake_ns) * 1e-9,
        )
        self.add_event(row)
