"""The energy of several runs together, each joule counted once.

Runs that shared time on one machine each hold the energy of the whole machine. Their sum takes
every sensor over the union of their time: a stretch in which several of them counted it is
counted once. What separate recordings measured apart in time has independent errors at its
boundaries; those of one recording, and of recordings that overlapped, add.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from effmeter.analysis.machine_time import MachineTime, are_nested, overlapping, times_on_machines
from effmeter.channel import Channel, Component
from effmeter.energy import Energy, total
from effmeter.recorded.run import RecordedRun

_WHOLE = frozenset({Component.WALL, Component.SOC})
"""Components whose energy contains that of others."""


@dataclass(frozen=True, slots=True)
class UnionEnergy:
    """The energy of several runs together."""

    energy: Energy | None
    """None where no run has one, and where it is refused."""
    refused: str = ""
    """Why the runs cannot be added; empty: they can."""
    overlapping: tuple[int, ...] = ()
    """The places of runs that shared the time of a machine with another that they do not lie
    inside."""
    nested: tuple[int, ...] = ()
    """The places of runs that lie inside another of these."""
    unknown: tuple[int, ...] = ()
    """The places of runs without an energy, which it lacks."""
    missing: tuple[str, ...] = ()
    """What the total of any of them lacks."""


class _Piece(NamedTuple):
    """A stretch in which a run counts a sensor, in the time of its machine."""

    sensor: tuple[tuple[str, str], str, str]
    begin_ns: int
    end_ns: int
    place: int
    channel: str


def union_energy(runs: Sequence[RecordedRun]) -> UnionEnergy:
    """The energy of runs over the union of their time on each machine.

    It is refused where runs that overlapped count different sensors of one component, since
    their sum would count the component twice.
    """
    parts, owners = _by_host(runs)
    pairs = list(overlapping(parts))
    conflict = next(filter(None, (_conflict(parts[a], parts[b]) for a, b in pairs)), "")
    groups = _groups(parts, pairs)
    times = times_on_machines(parts)
    summed = [] if conflict else [_group_energy(parts, times, group) for group in groups]
    known = [energy for energy in summed if energy is not None]
    apart: set[int] = set()
    inside: set[int] = set()
    for one, other in pairs:
        if are_nested(parts[one], parts[other]):
            inside.add(owners[_inner(parts, one, other)])
        else:
            apart.update((owners[one], owners[other]))
    lacking = [place for place, run in enumerate(runs) if run.energy() is None]
    missing = dict.fromkeys(m.what for run in runs for m in run.breakdown().missing)
    return UnionEnergy(
        total(known, independent=True) if len(known) == len(summed) else None,
        conflict,
        tuple(sorted(apart)),
        tuple(sorted(inside)),
        tuple(lacking),
        tuple(missing),
    )


def _by_host(runs: Sequence[RecordedRun]) -> tuple[list[RecordedRun], list[int]]:
    """The part of each run on each of its hosts, and the place of the run that it is of."""
    found = [(part, place) for place, run in enumerate(runs) for part in run.by_host]
    return [part for part, _ in found], [place for _, place in found]


def _inner(parts: Sequence[RecordedRun], one: int, other: int) -> int:
    """Which of two runs lies inside the other."""
    return one if parts[other].run_id in parts[one].outer_ids else other


def _groups(parts: Sequence[RecordedRun], pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The places of runs whose errors add: of one recording, or overlapping in time."""
    leader = list(range(len(parts)))

    def find(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    of_recording: dict[int, int] = {}
    for place, part in enumerate(parts):
        leader[find(place)] = find(of_recording.setdefault(id(part.recording), place))
    for one, other in pairs:
        leader[find(other)] = find(one)
    groups: dict[int, list[int]] = {}
    for place in range(len(parts)):
        groups.setdefault(find(place), []).append(place)
    return list(groups.values())


def _group_energy(
    parts: Sequence[RecordedRun], times: Sequence[MachineTime], group: Iterable[int]
) -> Energy | None:
    """The sum over a group, whose errors add; None where a part of it is not known."""
    known = [place for place in group if parts[place].energy() is not None]
    pieces = [piece for place in known for piece in _pieces(parts[place], times[place], place)]
    energies = []
    for piece, begin_ns in _disjoint(pieces):
        offset_ns = times[piece.place].offset_ns
        window_ns = (begin_ns - offset_ns, piece.end_ns - offset_ns)
        energies.append(parts[piece.place].counted_energy(piece.channel, *window_ns))
    found = [energy for energy in energies if energy is not None]
    return total(found) if len(found) == len(energies) else None


def _disjoint(pieces: Iterable[_Piece]) -> Iterator[tuple[_Piece, int]]:
    """Each piece that no earlier one contains, with the moment from which on it is new."""
    covered_ns: dict[tuple[tuple[str, str], str, str], int] = {}
    for piece in sorted(pieces, key=lambda piece: (piece.begin_ns, -piece.end_ns, piece.place)):
        begin_ns = max(piece.begin_ns, covered_ns.get(piece.sensor, piece.begin_ns))
        if piece.end_ns > begin_ns:
            covered_ns[piece.sensor] = piece.end_ns
            yield piece, begin_ns


def _pieces(run: RecordedRun, time: MachineTime, place: int) -> Iterator[_Piece]:
    cover = run.breakdown().cover
    for name, begin_ns, end_ns in cover.counted(run.begin_ns, run.end_ns):
        sensor = (time.machine, name, run.channels[name].device)
        window_ns = (begin_ns + time.offset_ns, end_ns + time.offset_ns)
        yield _Piece(sensor, *window_ns, place, name)


def _conflict(one: RecordedRun, other: RecordedRun) -> str:
    """Why the sensors of two runs that overlapped cannot be added; empty: they can."""
    if one.recording is other.recording or None in (one.energy(), other.energy()):
        return ""
    covers = [_by_component(run) for run in (one, other)]
    names = " and ".join(f"{run.name} ({run.paths[0].name})" for run in (one, other))
    for component in covers[0].keys() | covers[1].keys():
        sensors = [cover.get(component, set()) for cover in covers]
        nests = sensors[0] <= sensors[1] or sensors[1] <= sensors[0]
        if component in _WHOLE:
            nests = sensors[0] == sensors[1]
        if component is Component.WALL and not all(sensors):
            return f"{names} overlapped, and the wall of one contains what the other counts"
        if not nests and not (component is Component.GPU and _are_different_devices(*sensors)):
            return f"{names} overlapped and count different sensors of the same {component}"
    return ""


def _by_component(run: RecordedRun) -> dict[Component, set[tuple[str, str]]]:
    found: dict[Component, set[tuple[str, str]]] = {}
    for channel in run.breakdown().cover.channels:
        found.setdefault(channel.component, set()).add(_sensor(channel))
    return found


def _sensor(channel: Channel) -> tuple[str, str]:
    return channel.name, channel.device


def _are_different_devices(one: set[tuple[str, str]], other: set[tuple[str, str]]) -> bool:
    """Whether sensors that only one of two runs counts are of devices that the other does not."""
    devices = [{device for _, device in sensors} for sensors in (one - other, other - one)]
    return all("" not in each for each in devices) and devices[0].isdisjoint(devices[1])
