"""One recording: what one run file is told, and by whom."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from effmeter.channel import Channel
from effmeter.clock import Clock
from effmeter.recorder.live_energy import LiveTotals
from effmeter.recorder.observers.contention import ContentionLog, MachineSnapshot
from effmeter.recorder.observers.memory import MemoryLog, MemorySnapshot
from effmeter.recorder.sampling.downsampling import Downsampler
from effmeter.recorder.sampling.ingest import ChannelGap, ChannelStart, Item, Sample
from effmeter.runfile.format import Event, Metadata, NoteName
from effmeter.runfile.row import EventRow, RowBuffer
from effmeter.runfile.writer import RunWriter
from effmeter.status import Status
from effmeter.wire.protocol import Message, ProtocolError

ANCHOR_PERIOD_NS = 60_000_000_000
FLUSH_PERIOD_NS = 900_000_000
"""A little less than the second that is promised."""
MARK_EVENTS = frozenset(
    {
        Event.EPOCH_BEGIN,
        Event.EPOCH_END,
        Event.SPAN_BEGIN,
        Event.SPAN_END,
        Event.METRIC,
        Event.MEMORY,
        Event.NOTE,
    }
)
BOUNDARIES = MARK_EVENTS - {Event.METRIC, Event.MEMORY, Event.NOTE}
"""The marks that ask for an extra reading: a metric or a note bounds nothing."""
_SOURCE_FACTS = ("name", "labels", "host", "rank", "local_rank", "program")
_FUTURE_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class JoinedProgram:
    """One program, or rank of one, whose marks stand in a recording."""

    label: str
    root_id: int


class Recording:
    """Readings and marks on their way into one run file."""

    def __init__(
        self,
        metadata: Metadata,
        writer: RunWriter,
        clock: Clock,
        period_s: float,
        owner_uid: int,
        cap_hz: float | None = None,
    ) -> None:
        self.metadata = metadata
        self.period_s = period_s
        self.writer = writer
        self.owner_uid = owner_uid
        self.cap_hz = cap_hz
        """The most readings per second that the user may have; null: no cap."""
        self.totals = LiveTotals(metadata.refusals, metadata.channels)
        self.roots: set[int] = set()
        """The processes that are recorded; theirs is what descends from them."""
        self.contention = ContentionLog(roots=self.roots)
        self._memory = MemoryLog(self.roots)
        self.sources: dict[int, JoinedProgram] = {}
        self._clock = clock
        self._begin_ns = metadata.started_time_ns
        self._rows = RowBuffer(metadata.started_wall_ns - metadata.started_time_ns)
        self._downsampler = Downsampler(period_s, self._begin_ns, cap_hz)
        self._base_j: dict[str, float] = {}
        self._channels: dict[str, Channel] = {}
        self._flushed_ns = self._begin_ns
        self._anchored_ns = self._begin_ns
        self._dropped_rows = 0
        self._statuses: list[str] = []
        self._add_anchor()

    # Readings

    def add_items(self, items: Iterable[Item], started: Mapping[str, ChannelStart]) -> None:
        """Readings and gaps, as the tracker tells them; ``started`` describes the channels."""
        newest: dict[str, Sample] = {}
        for item in items:
            if isinstance(item, Sample):
                self._observe(item, started, newest)
            elif isinstance(item, ChannelGap):
                self._add_gap(item)
        for name, seen in newest.items():
            energy_j = (seen.energy_j or 0.0) - self._base_j[name]
            self.totals.take(self._channels[name], seen._replace(energy_j=energy_j))

    def _observe(
        self, seen: Sample, started: Mapping[str, ChannelStart], newest: dict[str, Sample]
    ) -> None:
        """Write a reading down; of a counter only the newest matters to the totals."""
        name, time_ns, energy_j, power_w, read_s = seen
        if time_ns < self._begin_ns:
            return
        if self._downsampler.is_needed and not self._downsampler.keeps(seen):
            return
        if name not in self._channels:
            self._introduce(started[name], seen)
        if energy_j is not None:
            energy_j -= self._base_j[name]
            newest[name] = seen
        else:
            self.totals.take(self._channels[name], seen)
        self._rows.add_reading(time_ns, name, energy_j, power_w, read_s)

    def _introduce(self, started: ChannelStart, first: Sample) -> None:
        """Describe a channel before its first reading here, with its counter's standing."""
        channel, absolute_j = started.channel, started.absolute_j
        self._channels[channel.name] = channel
        self._base_j[channel.name] = first.energy_j or 0.0
        self._downsampler.introduce(channel)
        if absolute_j is not None and first.energy_j is not None:
            absolute_j = self._wrapped_j(channel, absolute_j + first.energy_j)
        row = EventRow(
            first.time_ns,
            Event.CHANNEL,
            channel=channel.name,
            value=absolute_j,
            text=channel.to_json(),
        )
        self._rows.add_event(row)

    @staticmethod
    def _wrapped_j(channel: Channel, absolute_j: float) -> float:
        if channel.modulus is None:
            return absolute_j
        return math.fmod(absolute_j, channel.modulus * channel.unit_j)

    def downsample(self, needed: bool) -> None:
        """Whether the sampling is faster than this recording asked for."""
        self._downsampler.set_needed(needed)

    def keep_next_readings(self) -> None:
        """Keep the next reading of every channel, whenever it comes."""
        expected = (channel.name for channel in self.metadata.channels)
        self._downsampler.keep_next([*expected, *self._channels], self._clock.now_ns())

    def _add_gap(self, gap: ChannelGap) -> None:
        if gap.end_ns is not None and gap.end_ns < self._begin_ns:
            return
        self.totals.note_gap(gap)
        duration_s = None if gap.end_ns is None else (gap.end_ns - gap.begin_ns) * 1e-9
        row = EventRow(
            gap.begin_ns,
            Event.GAP,
            channel=gap.channel,
            id=gap.number,
            value=gap.hidden_j,
            text=gap.reason,
            duration_s=duration_s,
        )
        self._rows.add_event(row)

    def add_contention(self, seen: MachineSnapshot) -> None:
        """Write down who else uses the devices, where that has changed."""
        for contention in self.contention.changes(seen):
            others = None if contention.others is None else float(contention.others)
            row = EventRow(
                max(seen.time_ns, self._begin_ns),
                Event.CONTENTION,
                channel=contention.channel,
                value=others,
                text=contention.text,
            )
            self._rows.add_event(row)

    def add_memory(self, seen: MemorySnapshot) -> None:
        """Write down how much memory its programs use, where that has changed."""
        for use in self._memory.changes(seen):
            value = None if use.value_bytes is None else float(use.value_bytes)
            time_ns = max(seen.time_ns, self._begin_ns)
            row = EventRow(time_ns, Event.MEMORY, name=use.name, value=value, text=use.text)
            self._rows.add_event(row)

    # Sources and their marks

    def add_source(self, key: int, described: Message, label: str, pid: int = 0) -> None:
        """A program joins; what it says of itself stands in a note.

        ``pid`` is zero where its number means nothing here, as out of a container.
        """
        if pid > 0:
            self.roots.add(pid)
        self.sources[key] = JoinedProgram(label, described["id"])
        self.totals.programs.append(described["program"])
        facts = {name: described.get(name) for name in _SOURCE_FACTS}
        text = json.dumps({**facts, "pid": described["program"].get("pid")})
        self._note(NoteName.SOURCE, source=label, text=text, id=described["id"])

    def mark(self, key: int, mark: Message) -> bool:
        """Write a mark down; whether it is a boundary that wants a reading."""
        try:
            event = Event(mark["event"])
        except ValueError:
            event = Event.END
        if event not in MARK_EVENTS:
            raise ProtocolError(f"a client cannot write the event {mark['event'][:40]!r}")
        thread = mark.get("thread")
        label = self.sources[key].label + (f"/{thread}" if thread else "")
        latest_ns = self._clock.now_ns() + _FUTURE_NS
        self._rows.add_event(
            EventRow(
                min(mark["time_ns"], latest_ns),
                event,
                source=label,
                id=mark.get("id"),
                parent=mark.get("parent"),
                name=mark.get("name"),
                value=mark.get("value"),
                text=mark.get("text"),
            )
        )
        return event in BOUNDARIES

    def end_source(self, key: int, status: str, dropped_marks: int = 0) -> None:
        """A program is done, or is gone."""
        source = self.sources.pop(key)
        if dropped_marks:
            self._note(NoteName.DROPPED_MARKS, source=source.label, value=float(dropped_marks))
        self._statuses.append(status)
        now_ns = self._clock.now_ns()
        row = EventRow(now_ns, Event.END, source=source.label, id=source.root_id, text=status)
        self._rows.add_event(row)

    # The file

    @property
    def flush_due_ns(self) -> int:
        """When rows are to be handed to the writer again."""
        return self._flushed_ns + FLUSH_PERIOD_NS

    def flush(self, now_ns: int) -> None:
        """Hand rows to the writer when a second has passed; anchor when a minute has."""
        if now_ns - self._anchored_ns >= ANCHOR_PERIOD_NS:
            self._anchored_ns = now_ns
            self._add_anchor()
        if now_ns >= self.flush_due_ns:
            self._flushed_ns = now_ns
            self._hand_over()

    def finish(self, missed: Iterable[tuple[str, int]]) -> None:
        """The last rows, and the footer after them."""
        for probe, count in missed:
            self._note(NoteName.MISSED_DEADLINES, value=float(count), text=probe)
        if self._dropped_rows:
            self._note(NoteName.DROPPED_ROWS, value=float(self._dropped_rows))
        self._add_anchor()
        self._rows.add_event(EventRow(self._clock.now_ns(), Event.END, text=self.status))
        self.writer.finish(self._rows.take())

    @property
    def status(self) -> str:
        """How the recording ended: the worst of its sources' endings."""
        worst = [s for s in self._statuses if s != Status.COMPLETED]
        return next(
            (s for s in worst if s == Status.INTERRUPTED), worst[0] if worst else Status.COMPLETED
        )

    def _hand_over(self) -> None:
        count = len(self._rows)
        if count and not self.writer.put(self._rows.take()):
            self._dropped_rows += count

    def _note(
        self,
        name: NoteName,
        source: str | None = None,
        value: float | None = None,
        text: str | None = None,
        id: int | None = None,  # noqa: A002 - the column's name
    ) -> None:
        now_ns = self._clock.now_ns()
        row = EventRow(now_ns, Event.NOTE, None, source, id, None, name, value, text)
        self._rows.add_event(row)

    def note_fault(self, what: str) -> None:
        """The recorder could not take in what was read."""
        self._note(NoteName.RECORDER, text=f"readings were lost by a fault: {what}")

    def _add_anchor(self) -> None:
        anchor = self._clock.anchor()
        offset_ns = self.metadata.started_wall_ns - self.metadata.started_time_ns
        row = EventRow(
            anchor.time_ns,
            Event.ANCHOR,
            id=anchor.time_ns,
            value=(anchor.wall_ns - anchor.time_ns - offset_ns) * 1e-9,
            duration_s=(anchor.time_ns - anchor.awake_ns) * 1e-9,
        )
        self._rows.add_event(row)
