"""What the files of a run say, in nanoseconds of the run clock."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from effmeter.channel import Channel, Refusal
from effmeter.cover import UNREAD_DEVICES, second_sensors, unread_device
from effmeter.energy import Energy, Trace
from effmeter.energy.energies import Energies, unknown_energies
from effmeter.energy.part_time import Times
from effmeter.energy.standstill import Stretch
from effmeter.energy.widened import disagree
from effmeter.errors import NotARunError
from effmeter.recorded import timeline
from effmeter.recorded.description import (
    channel_named,
    source_of,
    with_devices,
)
from effmeter.recorded.endings import Window, window_of
from effmeter.recorded.identity import RunIdentity, rows_of_runs, run_identities
from effmeter.recorded.readings import BETWEEN_RECORDERS, ChannelReadings, Samples, channel_readings
from effmeter.recorded.records import (
    Contention,
    Gap,
    Note,
    Readings,
    Source,
    Suspend,
    WallStep,
)
from effmeter.recorded.thinned import thinned_readings
from effmeter.recorded.unshown import blind_stretches, show_nothing
from effmeter.runfile.format import Event, Metadata, NoteName
from effmeter.runfile.part import Part
from effmeter.runfile.row import EventRow
from effmeter.status import DetailedStatus, Status

_MOST_HELD_READINGS = 500_000
"""Of all channels whose arithmetic is kept: it takes some 200 bytes for each reading."""


@dataclass(frozen=True, eq=False)
class Recording:
    """The contents of one run file, joined with the file of its recorder's successor.

    Every property is computed on first use. Times are of the run clock.
    """

    parts: Sequence[Part]
    problems: tuple[str, ...] = ()
    """Problems met while opening the files, such as a successor's that cannot be read."""

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """The problems met while opening and reading the files: parts missing, damaged batches."""
        damages = tuple(
            str(damage) if len(self.parts) == 1 else f"{part.path.name} is {damage}"
            for part in self.parts
            for damage in part.damages
        )
        return self.problems + damages

    @property
    def metadata(self) -> Metadata:
        """What was known when the recording began."""
        return self.parts[0].metadata

    @cached_property
    def identities(self) -> tuple[RunIdentity, ...]:
        """The runs that it holds, with their programs: its own run is the first."""
        return run_identities(self.metadata, self.sources)

    @cached_property
    def rows_of_runs(self) -> tuple[tuple[EventRow, ...], ...]:
        """The rows that the programs of each run wrote; by the places of ``identities``."""
        return rows_of_runs(self.events, self.identities)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """When each run began and ended; by the places of ``identities``."""
        recorded_ns = (self.metadata.started_time_ns, self.recorded_until_ns)
        return tuple(
            window_of(rows, identity.roots, recorded_ns, is_inner=place > 0)
            for place, (identity, rows) in enumerate(
                zip(self.identities, self.rows_of_runs, strict=True)
            )
        )

    @cached_property
    def rows_of_recorder(self) -> tuple[EventRow, ...]:
        """The rows that no program wrote."""
        return tuple(row for row in self.events if row.source is None)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that it was read from."""
        return tuple(part.path for part in self.parts)

    @cached_property
    def detailed_status(self) -> DetailedStatus:
        """How it ended: as its end says, or *recording*, or *interrupted* where it has none."""
        endings = [e for e in self._last_part_events() if e.event == Event.END and not e.source]
        if endings:
            return DetailedStatus.parse(endings[-1].text or Status.INTERRUPTED)
        last = self.parts[-1]
        if last.finished and last.damages:
            return DetailedStatus(Status.UNKNOWN, "the end of the file is damaged")
        return DetailedStatus(Status.RECORDING if last.recording else Status.INTERRUPTED)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The programs and ranks of all its runs, in the order in which they joined."""
        found: dict[tuple[str, int | None], Source] = {}
        for note in self.notes:
            if note.name == NoteName.SOURCE and note.source is not None:
                with self.naming(note.part):
                    found.setdefault((note.source, note.id), source_of(note))
            elif note.name == NoteName.DEVICES and (note.source or "", note.id) in found:
                key = (note.source or "", note.id)
                with self.naming(note.part):
                    found[key] = with_devices(found[key], note)
        return tuple(found.values())

    def refusals(self, programs: Iterable[Source]) -> tuple[Refusal, ...]:
        """The sensors that could not be read, and devices of programs that it did not see."""
        described = (s.program for s in programs if isinstance(s.program, dict))
        unread = (device for program in described for device in program.get(UNREAD_DEVICES) or ())
        return (*self.metadata.refusals, *map(unread_device, unread))

    @cached_property
    def recorded_until_ns(self) -> int:
        """When the recording ended; the moment of the last row where it has no end."""
        began_ns = self.metadata.started_time_ns
        endings = [e for e in self._last_part_events() if e.event == Event.END and not e.source]
        if endings:
            return max(began_ns, endings[-1].time_ns)
        last_rows = [part.last_ns for part in self.parts if part.last_ns is not None]
        return max([began_ns, *last_rows])

    @cached_property
    def channels(self) -> dict[str, Channel]:
        """Every channel, whether known at the beginning or appeared later, by name."""
        found = {c.name: c for part in self.parts for c in part.metadata.channels}
        for event in self.events:
            if event.event == Event.CHANNEL and event.channel is not None:
                with self.naming(event.part):
                    found[event.channel] = channel_named(event.channel, event.text)
        return found

    def trace(self, channel: str) -> Trace | None:
        """The arithmetic over a channel's readings; None where it was never read."""
        joined = self._joined(channel)
        return None if joined is None else joined.trace

    def channel_energy(self, channel: str, begin_ns: int, end_ns: int) -> Energy | None:
        """The energy of one channel in a window; None where it is unknown. Computed once."""
        key = (channel, begin_ns, end_ns)
        if key not in self._energies:
            # The windows that are known to be wanted are computed while the readings are at hand.
            self.compute(channel, [(begin_ns, end_ns), *self._expected_ns])
        return self._energies[key]

    def compute(self, channel: str, windows_ns: Iterable[tuple[int, int]]) -> None:
        """Compute the energies of a channel in windows, for ``channel_energy`` to return."""
        wanted = sorted(w for w in set(windows_ns) if (channel, *w) not in self._energies)
        if not wanted:
            return
        begins_ns, ends_ns = np.array(wanted, np.int64).T
        found = self.channel_energies(channel, begins_ns, ends_ns)
        for place, window_ns in enumerate(wanted):
            self._energies[channel, *window_ns] = found.at(place)

    def channel_energies(self, channel: str, begins_ns: Times, ends_ns: Times) -> Energies:
        """The energies of one channel in many windows (n,)."""
        joined = self._joined(channel)
        if joined is None:
            return unknown_energies(len(begins_ns))
        energies = joined.trace.energies(begins_ns, ends_ns)
        shown = ~show_nothing(joined.readings, begins_ns, ends_ns)
        return replace(energies, is_known=energies.is_known & shown)

    def expect(self, windows_ns: Iterable[tuple[int, int]]) -> None:
        """Name windows whose energies will be asked of every channel."""
        self._expected_ns.update(windows_ns)

    @cached_property
    def _bounded(self) -> dict[tuple[str, int, int], Energy | None]:
        return {}

    @cached_property
    def _expected_ns(self) -> set[tuple[int, int]]:
        return {(self.metadata.started_time_ns, self.recorded_until_ns)}

    def release(self) -> None:
        """Give the memory of the readings back; they are read again where they are needed."""
        self._traces.clear()
        for part in self.parts:
            part.release()

    def bounded_energy(self, channel: str, begin_ns: int, end_ns: int) -> Energy | None:
        """The energy of one channel, bounded where it shows nothing by what its device can draw.

        None where its readings determine no power at all.
        """
        key = (channel, begin_ns, end_ns)
        if key not in self._bounded:
            joined = self._joined(channel)
            self._bounded[key] = (
                joined.bounded_energy(begin_ns, end_ns) if joined is not None else None
            )
        return self._bounded[key]

    @cached_property
    def _energies(self) -> dict[tuple[str, int, int], Energy | None]:
        return {}

    def readings(self, channel: str) -> Readings | None:
        """Where a channel was read; None where it never was."""
        if channel not in self._readings:
            self._joined(channel)
        return self._readings.get(channel)

    def standing(self, channel: str) -> tuple[Stretch, ...]:
        """Where the counter of a channel stands still."""
        readings = self.readings(channel)
        return () if readings is None else readings.standing

    @cached_property
    def blind(self) -> Mapping[str, tuple[tuple[int, int], ...]]:
        """By channel, where it shows nothing although it has readings (run clock, ns)."""
        read = {name: self.readings(name) for name in self.channels}
        return {n: tuple(blind_stretches(r)) for n, r in read.items() if r is not None}

    @cached_property
    def estimate_factors(self) -> dict[str, float]:
        """By estimate, how far it was off beside sensors; each found once."""
        return {}

    @cached_property
    def disagreeing(self) -> Mapping[str, tuple[str, ...]]:
        """By channel, other sensors of the device that differ from it by more than both errors."""
        return {
            name: differing
            for name, others in second_sensors(self.channels).items()
            if (differing := self._differing(name, others))
        }

    def _differing(self, name: str, others: Iterable[str]) -> tuple[str, ...]:
        window_ns = (self.metadata.started_time_ns, self.recorded_until_ns)
        energy = self.channel_energy(name, *window_ns)
        found = {other: self.channel_energy(other, *window_ns) for other in others}
        return tuple(n for n, e in found.items() if energy and e and disagree(energy, e))

    def samples(self, channel: str) -> Samples | None:
        """The readings of a channel one by one; None where it was never read."""
        joined = self._joined(channel)
        return None if joined is None else joined.samples

    def _joined(self, channel: str) -> ChannelReadings | None:
        if channel not in self._traces and channel in self.channels:
            joined = self._readings_of(self.channels[channel])
            self._make_room()
            self._traces[channel] = joined
            self._readings[channel] = None if joined is None else joined.readings
        return self._traces.get(channel)

    def _readings_of(self, channel: Channel) -> ChannelReadings | None:
        if channel.thinned is not None:
            return thinned_readings(channel, self.parts[0], self.events)
        return channel_readings(
            channel,
            self.parts,
            self._events_of.get(channel.name, ()),
            self._gaps_of.get(channel.name, ()),
            self.channels.values(),
            self.suspends,
        )

    def _make_room(self) -> None:
        """Of a large recording, no more channels are held than needed at a time."""
        held = [0 if each is None else len(each.samples.values) for each in self._traces.values()]
        if sum(held) > _MOST_HELD_READINGS:
            self._traces.clear()

    @cached_property
    def _events_of(self) -> Mapping[str, Sequence[EventRow]]:
        """The rows that describe each channel."""
        found: dict[str, list[EventRow]] = {}
        for row in self.events:
            if row.event == Event.CHANNEL and row.channel is not None:
                found.setdefault(row.channel, []).append(row)
        return found

    @cached_property
    def _gaps_of(self) -> Mapping[str, Sequence[Gap]]:
        """By channel, its gaps and those of all channels, in order."""
        of_all = [gap for gap in self.gaps if gap.channel is None]
        own: dict[str, list[Gap]] = {name: [] for name in self.channels}
        for gap in self.gaps:
            if gap.channel in own:
                own[gap.channel].append(gap)
        return {
            name: sorted((*of_all, *found), key=lambda gap: gap.begin_ns) if of_all else found
            for name, found in own.items()
        }

    @cached_property
    def _traces(self) -> dict[str, ChannelReadings | None]:
        return {}

    @cached_property
    def _readings(self) -> dict[str, Readings | None]:
        return {}

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """Where channels could not be read; between two recorders, all of them."""
        between = [
            Gap(None, before.last_ns, after.metadata.started_time_ns, BETWEEN_RECORDERS)
            for before, after in pairwise(self.parts)
            if before.last_ns is not None
        ]
        damaged = [
            Gap(None, d.begin_ns, self.recorded_until_ns if d.end_ns is None else d.end_ns, str(d))
            for part in self.parts
            for d in part.damages
            if d.begin_ns is not None
        ]
        found = [*timeline.gaps(self.events, self.recorded_until_ns), *between, *damaged]
        return tuple(sorted(found, key=lambda gap: gap.begin_ns))

    @cached_property
    def suspends(self) -> tuple[Suspend, ...]:
        """Where the machine slept."""
        return timeline.suspends(self.events)

    @cached_property
    def wall_steps(self) -> tuple[WallStep, ...]:
        """Where the wall clock was set."""
        return timeline.wall_steps(self.events)

    @cached_property
    def contentions(self) -> tuple[Contention, ...]:
        """Where other processes used the devices."""
        return timeline.contentions(self.events)

    @property
    def part_ends_ns(self) -> list[int]:
        """The moment of the last row of each file."""
        return [part.last_ns or 0 for part in self.parts]

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What the recorder and the sources noted."""
        return timeline.notes(self.events)

    @cached_property
    def missed_deadlines(self) -> dict[str, int]:
        """How many readings came too late, by probe."""
        noted = [n for n in self.notes if n.name == NoteName.MISSED_DEADLINES]
        last = {(n.part, n.text): n.value or 0 for n in noted}
        missed: dict[str, int] = {}
        for (_, probe), count in last.items():
            missed[probe] = missed.get(probe, 0) + round(count)
        return missed

    @cached_property
    def events(self) -> tuple[EventRow, ...]:
        """All rows that are no readings, in order of time."""
        rows = [row for index, part in enumerate(self.parts) for row in part.events(index)]
        rows = _without_repeats(rows) if len(self.parts) > 1 else rows
        rows.sort(key=lambda row: (row.time_ns, row.part))
        known = {r.source for r in rows if r.event == Event.NOTE and r.name == NoteName.SOURCE}
        return tuple(_of_process(row, known) for row in rows)

    def _last_part_events(self) -> list[EventRow]:
        return [event for event in self.events if event.part == len(self.parts) - 1]

    @contextlib.contextmanager
    def naming(self, part: int) -> Iterator[None]:
        """Name the file of a part in an error about what stands in it."""
        try:
            yield
        except NotARunError as error:
            raise NotARunError(f"{self.parts[part].path} cannot be read: {error}") from error


def _without_repeats(rows: Iterable[EventRow]) -> list[EventRow]:
    """The rows less the marks that a program sent again to a successor in case they were lost."""
    kept: list[EventRow] = []
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        said = (row.time_ns, row.event, row.source, row.id, row.name, repr(row.value), row.text)
        if row.event not in (Event.METRIC, Event.NOTE) or row.part == 0 or said not in seen:
            kept.append(row)
        seen.add(said)
    return kept


def _of_process(row: EventRow, known: set[str | None]) -> EventRow:
    """A row with its process as the source: the threads of a process share its numbering."""
    source = row.source
    if source is None or source in known:
        return row
    process = next((k for k in known if k is not None and source.startswith(f"{k}/")), source)
    return row._replace(source=process)
