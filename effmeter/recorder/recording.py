"""One recording: the readings that it keeps, and the marks of its programs."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from effmeter.channel import Channel
from effmeter.clock import Clock
from effmeter.cover import DEVICE_FACTS, UNREAD_DEVICES, unread_device
from effmeter.recorder.calibrations import Calibrations
from effmeter.recorder.live_energy import LiveTotals
from effmeter.recorder.observers.conditions import (
    ConditionChange,
    ConditionsLog,
    ConditionsSnapshot,
)
from effmeter.recorder.observers.contention import ContentionLog, MachineSnapshot
from effmeter.recorder.observers.memory import MemoryLog, MemorySnapshot
from effmeter.recorder.observers.work import WorkSnapshot
from effmeter.recorder.observers.work_log import Work, WorkLog
from effmeter.recorder.row_feed import RowFeed
from effmeter.recorder.sampling.downsampling import Downsampler, SlotMeans
from effmeter.recorder.sampling.ingest import ChannelGap, ChannelStart, Item, Sample
from effmeter.runfile.format import Event, Metadata, NoteName
from effmeter.runfile.row import EventRow
from effmeter.runfile.writer import RunWriter
from effmeter.status import Status
from effmeter.wire.protocol import Message, ProtocolError

MARK_EVENTS = frozenset(
    {
        Event.RUN_BEGIN,
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
_SOURCE_FACTS = (
    *("name", "labels", "host", "rank", "local_rank", "job", "program"),
    *("run_id", "parent_run_id"),
)
_FUTURE_NS = 1_000_000_000


@dataclass(slots=True)
class JoinedProgram:
    """One program, or rank of one, whose marks stand in a recording."""

    label: str
    root_id: int
    is_of_own_run: bool
    """Whether it is a program of the recording's own run, not of one inside it."""
    description: dict[str, Any]
    """The live totals look at the same object, so that what is learned later counts there too."""
    has_stated_devices: bool = False
    """Whether a note states its devices, which a later one then replaces."""


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
        calibrations: Calibrations | None = None,
    ) -> None:
        self.metadata = metadata
        self._calibrations = calibrations or Calibrations({})
        self.period_s = period_s
        self.writer = writer
        self.owner_uid = owner_uid
        self.cap_hz = cap_hz
        """The most readings per second that the user may have; null: no cap."""
        self.totals = LiveTotals(metadata.refusals, metadata.channels)
        self.roots: set[int] = set()
        """The recorded processes; their descendants belong to them."""
        self.contention = ContentionLog(roots=self.roots)
        self._memory = MemoryLog(self.roots)
        self._conditions = ConditionsLog()
        self._work = WorkLog(self.roots)
        self._labels: dict[int, str] = {}
        """Of each recorded process, by its number."""
        self.sources: dict[int, JoinedProgram] = {}
        self._clock = clock
        self._begin_ns = metadata.started_time_ns
        self._rows = RowFeed(metadata, writer, clock)
        self._downsampler = Downsampler(period_s, self._begin_ns, cap_hz)
        self._means = None if cap_hz is None else SlotMeans(self._begin_ns, cap_hz)
        self._base_j: dict[str, float] = {}
        self._channels: dict[str, Channel] = {}
        self._statuses: list[str] = []

    # Readings

    def add_items(self, items: Iterable[Item], started: Mapping[str, ChannelStart]) -> None:
        """Keep readings and gaps in order; ``started`` describes the channels."""
        newest: dict[str, Sample] = {}
        gaps = []
        for item in items:
            if isinstance(item, Sample):
                self._observe(item, started, newest)
            elif self._add_gap(item):
                gaps.append(item)
        for name, seen in newest.items():
            energy_j = (seen.energy_j or 0.0) - self._base_j[name]
            self.totals.take(self._channels[name], seen._replace(energy_j=energy_j))
        for gap in gaps:  # a gap needs the readings on both sides of it
            self.totals.note_gap(gap)

    def _observe(
        self, seen: Sample, started: Mapping[str, ChannelStart], newest: dict[str, Sample]
    ) -> None:
        """Keep a reading; only the newest of a counter matters to the live totals."""
        name, time_ns = seen.channel, seen.time_ns
        # Read for an earlier recording: the midpoint may lie before this one began.
        if time_ns < self._begin_ns:
            return
        channel = started[name].channel
        kept = self._kept(seen, channel)
        if kept is None:
            return
        name, time_ns, energy_j, power_w, read_s = kept
        if name not in self._channels:
            self._introduce(started[name], kept)
        if energy_j is not None:
            # The tracker counts from its own start, which other recordings may have made.
            energy_j -= self._base_j[name]
        if energy_j is None or channel.read_period_s:  # power samples go on from each of these
            self.totals.take(self._channels[name], kept._replace(energy_j=energy_j))
        else:
            newest[name] = kept
        self._rows.add_reading(time_ns, name, energy_j, power_w, read_s)

    def _kept(self, seen: Sample, channel: Channel) -> Sample | None:
        """What this recording keeps of a reading; None: nothing.

        A driver takes stamped values at its own pace, however often its buffer is read.
        """
        if channel.lag_s is not None:
            return seen if self._means is None else self._means.take(seen)
        if self._downsampler.is_needed and not self._downsampler.keeps(seen):
            return None
        return seen

    def _introduce(self, started: ChannelStart, first: Sample) -> None:
        """Describe a channel before its first reading here, with the count of its counter."""
        channel, absolute_j = started.channel, started.absolute_j
        if channel.lag_s is not None and self._means is not None:
            channel = self._means.describe(channel)
        channel = self._calibrations.describe(channel)
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
        """Keep the next reading of every channel in spite of the downsampling: at a boundary."""
        expected = (channel.name for channel in self.metadata.channels)
        self._downsampler.keep_next([*expected, *self._channels], self._clock.now_ns())

    def _add_gap(self, gap: ChannelGap) -> bool:
        """Write a gap; whether it lies in the recording."""
        if gap.end_ns is not None and gap.end_ns < self._begin_ns:
            return False
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
        return True

    def add_contention(self, seen: MachineSnapshot) -> None:
        """Keep the number of other users of each device, where it has changed."""
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
        """Keep the memory that its programs use, where it has changed."""
        for use in self._memory.changes(seen):
            value = None if use.value_bytes is None else float(use.value_bytes)
            time_ns = max(seen.time_ns, self._begin_ns)
            row = EventRow(time_ns, Event.MEMORY, name=use.name, value=value, text=use.text)
            self._rows.add_event(row)

    def add_conditions(self, seen: ConditionsSnapshot) -> None:
        """Keep clocks, temperatures, limits and throttling, where they have changed."""
        for change in self._conditions.changes(seen):
            self._add_condition(change)

    def _add_condition(self, change: ConditionChange) -> None:
        row = EventRow(
            max(change.time_ns, self._begin_ns),
            Event.CONDITION,
            channel=change.device,
            name=change.condition,
            value=change.value,
            text=change.text,
        )
        self._rows.add_event(row)

    def add_work(self, seen: WorkSnapshot) -> None:
        """Keep how long its programs and all others use the devices, where the shares change."""
        for time_ns, works in self._work.changes(seen):
            self._add_works(time_ns, works)

    def _add_works(self, time_ns: int, works: Iterable[Work]) -> None:
        for work in works:
            row = EventRow(
                max(time_ns, self._begin_ns),
                Event.WORK,
                channel=work.channel,
                source=None if work.root is None else self._labels[work.root],
                id=work.processes,
                value=work.spent_s,
                text=work.text,
                duration_s=work.unseen_s,
            )
            self._rows.add_event(row)

    # Sources and their marks

    def add_source(self, key: int, described: Message, label: str, pid: int = 0) -> None:
        """Add a program; a note holds its own description.

        ``pid`` is zero where its number means nothing here, as from another container.
        """
        if pid > 0:
            self.roots.add(pid)
            self._labels.setdefault(pid, label)
        program = dict(described["program"])
        run_id = described.get("run_id")
        is_of_own_run = run_id in (None, self.metadata.run_id)
        self.sources[key] = JoinedProgram(label, described["id"], is_of_own_run, program)
        self.totals.programs.append(program)
        facts = {name: described.get(name) for name in _SOURCE_FACTS}
        text = json.dumps({**facts, "pid": described["program"].get("pid")})
        self._rows.note(NoteName.SOURCE, source=label, text=text, id=described["id"])

    def assume_devices(self, key: int, facts: Mapping[str, Any]) -> None:
        """Let the live totals assume what is probably so of a program's devices."""
        description = self.sources[key].description
        for name in DEVICE_FACTS:
            description.pop(name, None)
        description.update(facts)

    def state_devices(self, key: int, facts: Mapping[str, Any]) -> None:
        """Write down what is known of a program's devices."""
        self.assume_devices(key, facts)
        programs = [program for program in self.totals.programs if isinstance(program, Mapping)]
        unread = [device for program in programs for device in program.get(UNREAD_DEVICES, ())]
        self.totals.refusals = (*self.metadata.refusals, *map(unread_device, unread))
        if facts or self.sources[key].has_stated_devices:
            self.sources[key].has_stated_devices = True
            source = self.sources[key]
            text = json.dumps(facts)
            self._rows.note(NoteName.DEVICES, source=source.label, text=text, id=source.root_id)

    def mark(self, key: int, mark: Message) -> bool:
        """Keep a mark; whether it is a boundary that needs an extra reading."""
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

    def end_source(
        self, key: int, status: str, dropped_marks: int = 0, ended_ns: int | None = None
    ) -> None:
        """Close the part of a program that ended, at the time that it states, or died just now."""
        source = self.sources.pop(key)
        if dropped_marks:
            self._rows.note(
                NoteName.DROPPED_MARKS,
                source=source.label,
                value=float(dropped_marks),
                id=source.root_id,
            )
        if source.is_of_own_run:
            self._statuses.append(status)
        now_ns = self._clock.now_ns()
        at_ns = now_ns if ended_ns is None else min(max(self._begin_ns, ended_ns), now_ns)
        row = EventRow(at_ns, Event.END, source=source.label, id=source.root_id, text=status)
        self._rows.add_event(row)

    # The file

    @property
    def flush_due_ns(self) -> int:
        """When rows are due at the writer."""
        return self._rows.flush_due_ns

    def flush(self, now_ns: int) -> None:
        """Hand rows to the writer where they are due."""
        self._rows.flush(now_ns)

    def finish(self, missed: Iterable[tuple[str, int]]) -> None:
        """Write the last rows and the footer; each probe that missed deadlines, and how many."""
        for time_ns, works in self._work.finish():
            self._add_works(time_ns, works)
        for change in self._conditions.finish(self._clock.now_ns()):
            self._add_condition(change)
        self._rows.finish(missed, self.status)

    def close_file(self) -> None:
        """End the file with what it has: its last rows could not be made."""
        self._rows.close()

    @property
    def status(self) -> str:
        """How the recording's own run ended: the worst of its sources' endings."""
        worst = [s for s in self._statuses if s != Status.COMPLETED]
        return next(
            (s for s in worst if s == Status.INTERRUPTED), worst[0] if worst else Status.COMPLETED
        )

    def note_fault(self, what: str) -> None:
        """Note that readings were lost by a fault of the recorder."""
        self._rows.note(NoteName.RECORDER, text=f"readings were lost by a fault: {what}")
