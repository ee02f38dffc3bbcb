"""How long programs used a device in a window, from the work rows of a recording.

Between two looks work is taken for even; where a window begins or ends between them, the ends
allow for any other course. The time of a program is known to within the kernel's
rounding, and within what children of it may have done unseen; that of the whole machine to within
the ticks by which the kernel samples it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from effmeter.runfile.format import Event
from effmeter.runfile.row import EventRow

NOT_RECORDED = "the recording does not state how long each program used it"
NOT_COVERED = "it was not seen throughout the run how long each program used it"
MOST_PROCESSORS = 4096.0
"""Of a host that does not state their number."""
SHORTEST_SLICE_NS = 1_000_000_000
_ROUNDING_S = 0.02
"""The kernel shows the two times of a process in whole hundredths of a second."""
_TICK_S = 0.01
"""It samples the time of the machine at ticks of up to this length."""
_GPU_ROUNDING_FRACTION = 0.01
"""Drivers tell the use of a GPU in whole percents of the time."""
_LEAST_COVERED_FRACTION = 0.9


@dataclass(frozen=True, slots=True)
class UsedTime:
    """For how long (s) a device was used, and the ends between which that lies."""

    value_s: float
    low_s: float
    high_s: float

    def __add__(self, other: "UsedTime") -> "UsedTime":
        """The sum; the ends add."""
        return UsedTime(
            self.value_s + other.value_s, self.low_s + other.low_s, self.high_s + other.high_s
        )


WorkRows = tuple[EventRow, ...]

NO_TIME = UsedTime(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class WorkSlice:
    """A stretch between two looks (run clock, ns)."""

    begin_ns: int
    end_ns: int
    everything: UsedTime
    """What all processes together used."""
    programs: Mapping[str, UsedTime]
    """By source: what the processes of that program used."""


@dataclass(frozen=True, slots=True)
class DeviceWork:
    """The work on one device in a window."""

    slices: tuple[WorkSlice, ...] = ()
    unknown: str | None = None
    """Why it is not known; there are no slices then."""

    @property
    def whole(self) -> WorkSlice | None:
        """The window as one stretch."""
        return _joined(self.slices) if self.slices else None


@dataclass(slots=True)
class _Look:
    part: int
    time_ns: int
    rows: dict[str | None, EventRow] = field(default_factory=dict)


def device_work(
    events: Iterable[EventRow],
    channel: str | None,
    begin_ns: int,
    end_ns: int,
    capacity: float = MOST_PROCESSORS,
) -> DeviceWork:
    """The work on a device (None: the processors) between two moments.

    ``capacity``: how many seconds of use a second can hold: the number of processors.
    """
    looks = _looks(events, channel)
    if not looks:
        return DeviceWork(unknown=NOT_RECORDED)
    found: list[WorkSlice] = []
    for before, after in pairwise(looks):
        if before.part != after.part or after.time_ns <= begin_ns or before.time_ns >= end_ns:
            continue
        for look in (before, after):
            everything = look.rows.get(None)
            if everything is None or everything.value is None:
                text = None if everything is None else everything.text
                return DeviceWork(unknown=text or NOT_RECORDED)
        found.append(_clipped(_between(before, after, channel), begin_ns, end_ns, capacity))
    covered_ns = sum(each.end_ns - each.begin_ns for each in found)
    if not found or covered_ns < _LEAST_COVERED_FRACTION * (end_ns - begin_ns):
        reasons = [row.text for look in looks for row in look.rows.values() if row.value is None]
        return DeviceWork(unknown=next(filter(None, reasons), NOT_COVERED))
    return DeviceWork(tuple(_with_holes(_no_shorter(found), begin_ns, end_ns, capacity)))


def work_rows(events: Iterable[EventRow]) -> WorkRows:
    """The rows of a recording that say how long devices were used; older ones have none."""
    return tuple(row for row in events if row.event == Event.WORK)


def worked_channels(events: Iterable[EventRow]) -> frozenset[str]:
    """The channels of the devices whose work is stated, besides the processors."""
    rows = (row for row in events if row.event == Event.WORK)
    return frozenset(row.channel for row in rows if row.channel is not None)


def _looks(events: Iterable[EventRow], channel: str | None) -> list[_Look]:
    looks: dict[tuple[int, int], _Look] = {}
    for row in events:
        if row.event == Event.WORK and row.channel == channel and _is_sound(row):
            look = looks.setdefault((row.part, row.time_ns), _Look(row.part, row.time_ns))
            look.rows.setdefault(row.source, row)
    return [looks[key] for key in sorted(looks)]


def _is_sound(row: EventRow) -> bool:
    """Whether its figures can be: a file may come from anywhere."""
    figures = (row.value or 0.0, row.duration_s or 0.0, float(row.id or 0))
    return all(math.isfinite(figure) and 0 <= figure < 1e12 for figure in figures)


def _between(before: _Look, after: _Look, channel: str | None) -> WorkSlice:
    duration_s = (after.time_ns - before.time_ns) * 1e-9
    programs: dict[str, UsedTime] = {}
    for source, row in after.rows.items():
        if source is not None and row.value is not None:
            programs[source] = _program_time(before.rows.get(source), row, duration_s, channel)
    begun, ended = before.rows[None].value or 0.0, after.rows[None].value or 0.0
    value_s = max(0.0, ended - begun)
    error_s = 0.0 if channel is not None else 2 * math.sqrt(value_s * _TICK_S) + _TICK_S
    least_s = sum(time.low_s for time in programs.values())
    everything = UsedTime(
        max(value_s, sum(time.value_s for time in programs.values())),
        max(least_s, value_s - error_s),
        max(least_s, value_s + error_s),
    )
    return WorkSlice(before.time_ns, after.time_ns, everything, programs)


def _program_time(
    before: EventRow | None, after: EventRow, duration_s: float, channel: str | None
) -> UsedTime:
    """What a program used between two rows; without the first, it joined after that look."""
    begun_s = 0.0 if before is None else before.value or 0.0
    unseen_s = (after.duration_s or 0.0) - (0.0 if before is None else before.duration_s or 0.0)
    value_s = max(0.0, (after.value or 0.0) - begun_s)
    count = max(after.id or 1, 1 if before is None else before.id or 1)
    by_gpu = _GPU_ROUNDING_FRACTION * duration_s
    rounding_s = by_gpu if channel is not None else _ROUNDING_S * count
    low_s, high_s = max(0.0, value_s - rounding_s), value_s + rounding_s + max(0.0, unseen_s)
    return UsedTime(value_s, low_s, high_s)


def _clipped(found: WorkSlice, begin_ns: int, end_ns: int, capacity: float) -> WorkSlice:
    """The part of a stretch that lies in a window; its use need not be even."""
    first_ns, last_ns = max(begin_ns, found.begin_ns), min(end_ns, found.end_ns)
    part = (last_ns - first_ns) / max(1, found.end_ns - found.begin_ns)
    outside_s = (found.end_ns - found.begin_ns - (last_ns - first_ns)) * 1e-9 * capacity
    if not outside_s:
        return found

    def clipped(used: UsedTime) -> UsedTime:
        value_s = part * used.value_s
        return UsedTime(value_s, max(0.0, min(value_s, used.low_s - outside_s)), used.high_s)

    programs = {source: clipped(used) for source, used in found.programs.items()}
    return WorkSlice(first_ns, last_ns, clipped(found.everything), programs)


def _no_shorter(slices: Iterable[WorkSlice]) -> list[WorkSlice]:
    """Short stretches joined with those that follow them."""
    found: list[WorkSlice] = []
    for each in slices:
        is_short = bool(found) and found[-1].end_ns - found[-1].begin_ns < SHORTEST_SLICE_NS
        if is_short and found[-1].end_ns == each.begin_ns:
            found[-1] = _joined([found[-1], each])
        else:
            found.append(each)
    return found


def _with_holes(
    slices: Sequence[WorkSlice], begin_ns: int, end_ns: int, capacity: float
) -> Iterator[WorkSlice]:
    """The stretches with those between them in which nothing was seen: any use is possible."""
    until_ns = begin_ns
    for each in slices:
        if each.begin_ns > until_ns:
            yield _unseen(until_ns, each.begin_ns, each, capacity)
        yield each
        until_ns = each.end_ns
    if end_ns > until_ns:
        yield _unseen(until_ns, end_ns, slices[-1], capacity)


def _unseen(begin_ns: int, end_ns: int, beside: WorkSlice, capacity: float) -> WorkSlice:
    """A stretch whose likeliest use is that of the stretch beside it."""
    most_s = (end_ns - begin_ns) * 1e-9 * capacity
    part = (end_ns - begin_ns) / max(1, beside.end_ns - beside.begin_ns)

    def unseen(used: UsedTime) -> UsedTime:
        return UsedTime(part * used.value_s, 0.0, max(most_s, part * used.value_s))

    programs = {source: unseen(used) for source, used in beside.programs.items()}
    return WorkSlice(begin_ns, end_ns, unseen(beside.everything), programs)


def _joined(slices: Sequence[WorkSlice]) -> WorkSlice:
    programs: dict[str, UsedTime] = {}
    everything = NO_TIME
    for each in slices:
        everything += each.everything
        for source, time in each.programs.items():
            programs[source] = programs.get(source, NO_TIME) + time
    return WorkSlice(slices[0].begin_ns, slices[-1].end_ns, everything, programs)
