"""Which runs shared the time of one machine.

The run clock counts since the machine was booted, so it orders runs of one boot. Files that do
not name their boot, such as imported ones, are ordered by the wall clock of their host, and so are
all other files of that host.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from effmeter.recorded.overlap import RecordedOverlap
from effmeter.recorded.run import RecordedRun
from effmeter.recorded.same_machine import is_same_machine
from effmeter.units import format_duration

_MOST_NAMED = 6


class MachineTime(NamedTuple):
    """When a run had a machine: a part of the machine's time."""

    machine: tuple[str, str]
    """A host and its boot."""
    begin_ns: int
    end_ns: int
    offset_ns: int
    """What is added to the run clock to give the time of the machine."""


def times_on_machines(runs: Sequence[RecordedRun]) -> list[MachineTime]:
    """The time that each run, of one host, had on its machine."""
    known: dict[str, list[RecordedRun]] = {}
    without_boot = {host for host, boot in (run.machine for run in runs) if not boot}
    return [
        _time_on_the_wall(run)
        if run.machine[0] in without_boot
        else MachineTime(_first_of_boot(run, known).machine, run.begin_ns, run.end_ns, 0)
        for run in runs
    ]


def _first_of_boot(run: RecordedRun, known: dict[str, list[RecordedRun]]) -> RecordedRun:
    """The first run of the same machine; ``known``: the first of each by boot."""
    found = known.setdefault(run.machine[1], [])
    first = next((other for other in found if is_same_machine(run, other)), run)
    if first is run:
        found.append(run)
    return first


def _time_on_the_wall(run: RecordedRun) -> MachineTime:
    begin_ns, end_ns = run.wall_ns
    return MachineTime((run.machine[0], ""), begin_ns, end_ns, begin_ns - run.begin_ns)


def overlapping(runs: Sequence[RecordedRun]) -> Iterator[tuple[int, int]]:
    """The pairs of places whose runs, each of one host, shared time on one machine."""
    times = times_on_machines(runs)
    running: dict[tuple[str, str], list[int]] = {}
    for place in sorted(range(len(runs)), key=lambda place: times[place].begin_ns):
        own = times[place]
        still = [p for p in running.get(own.machine, ()) if times[p].end_ns > own.begin_ns]
        if own.end_ns > own.begin_ns:
            yield from ((min(p, place), max(p, place)) for p in still)
            still.append(place)
        running[own.machine] = still


def sharing_lines(runs: Sequence[RecordedRun], names: Sequence[str]) -> Iterator[str]:
    """A caution where runs whose energies are averaged shared the time of a machine."""
    parts = [(part, place) for place, run in enumerate(runs) for part in run.by_host]
    pairs = overlapping([part for part, _ in parts])
    places = sorted({parts[each][1] for pair in pairs for each in pair})
    if places:
        which = listed([names[place] for place in places])
        yield (
            f"{len(places)} of {len(runs)} runs shared the time of a machine: each energy, and "
            f"every mean of them, holds that of the whole machine: {which}"
        )


def overlap_lines(overlaps: Iterable[RecordedOverlap]) -> Iterator[str]:
    """A caution for each other recording of the machine that a run shared time with."""
    for overlap in overlaps:
        if overlap.others > 1:
            other = f"{overlap.others} more recordings"
        else:
            file = f" ({overlap.file})" if overlap.file else ""
            name = f", {overlap.name}" if overlap.name else ""
            other = f"another recording{name}{file}"
        known_s = overlap.shared_s
        shared = "a time that is unknown" if known_s is None else format_duration(known_s)
        yield f"{other}, shared the machine for {shared}: both hold its whole energy there"


def listed(names: Sequence[str]) -> str:
    """Names for a sentence; of many, the first and how many more."""
    named = list(dict.fromkeys(names))
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more


def are_nested(one: RecordedRun, other: RecordedRun) -> bool:
    """Whether one of two runs lies inside the other, as their recordings state it."""
    return one.run_id in other.outer_ids or other.run_id in one.outer_ids
