"""The energy of a window: per channel, per component, and in total over a cover."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.cover import SUMMED_COMPONENTS, Cover
from effmeter.energy import Energy, total
from effmeter.recorded.recording import Recording
from effmeter.recorded.records import Source
from effmeter.recorded.run_cover import cover_between
from effmeter.recorded.second_sensor import counted_energy


@dataclass(frozen=True, slots=True)
class ChannelEnergy:
    """The energy of one channel in a window."""

    channel: Channel
    energy: Energy | None
    """Where the total sums it; in the whole window where it is left out. None: the readings do
    not determine it."""
    unread_s: float
    """The part of the window without readings (s)."""
    counted_s: float
    """The part of the window in which the total sums it (s)."""
    left_out: str | None
    """Why the total leaves it out; None where it is summed for some time."""


@dataclass(frozen=True, slots=True)
class ComponentEnergy:
    """The energy of one component over the channels that cover it."""

    component: Component
    energy: Energy
    channels: tuple[Channel, ...]

    @property
    def provenances(self) -> tuple[Provenance, ...]:
        """Measured, derived or estimated: the provenances of its channels, the best first."""
        return provenances_of(self.channels)


@dataclass(frozen=True, slots=True)
class Missing:
    """A component or device of the machine that the total does not include."""

    what: str
    """A component, or a channel."""
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The energy of a window of a run, each joule counted once."""

    begin_ns: int
    end_ns: int
    cover: Cover
    channels: tuple[ChannelEnergy, ...]
    components: tuple[ComponentEnergy, ...]
    total: Energy | None
    """None: no component has a figure."""
    missing: tuple[Missing, ...]


def break_down(
    recording: Recording, programs: Sequence[Source], begin_ns: int, end_ns: int
) -> Breakdown:
    """The energy of a window of a recording (run clock, ns), with a cover chosen for that window.

    It counts the devices that any of ``programs`` may use. Where a channel shows nothing for a
    while, the cover turns to another one for that stretch.

    The channels of a recording are those of one host, so that several programs on it count once.
    """
    energies = {
        name: recording.channel_energy(name, begin_ns, end_ns) for name in recording.channels
    }
    known = {name for name, energy in energies.items() if energy is not None}
    cover = cover_between(recording, programs, known, begin_ns, end_ns)
    counted = _counted(recording, cover, begin_ns, end_ns)
    energies.update((name, part.energy) for name, part in counted.items())
    reasons = {**dict(cover.left_out), **_standing(recording, energies)}
    channels = tuple(
        ChannelEnergy(
            channel,
            energies[name],
            unread_s(recording, name, begin_ns, end_ns),
            counted[name].counted_s if name in counted else 0.0,
            None if name in counted else reasons.get(name),
        )
        for name, channel in recording.channels.items()
    )
    components = tuple(_components(cover, energies))
    return Breakdown(
        begin_ns,
        end_ns,
        cover,
        channels,
        components,
        total(part.energy for part in components),
        tuple(_missing(recording, recording.refusals(programs), cover)),
    )


def total_over(recording: Recording, cover: Cover, begin_ns: int, end_ns: int) -> Energy | None:
    """The energy of a window over a given cover; None where any channel of it is not known."""
    counted = _counted(recording, cover, begin_ns, end_ns).values()
    known = [part.energy for part in counted if part.energy is not None]
    return total(known) if len(known) == len(counted) else None


class _Part(NamedTuple):
    """What a total takes from one channel."""

    energy: Energy | None
    counted_s: float


def _counted(recording: Recording, cover: Cover, begin_ns: int, end_ns: int) -> dict[str, _Part]:
    """What a total of a window takes from each channel of its cover."""
    found: dict[str, _Part] = {}
    for name, first_ns, last_ns in cover.counted(begin_ns, end_ns):
        energy = counted_energy(recording, cover, name, first_ns, last_ns)
        part = _Part(energy, (last_ns - first_ns) * 1e-9)
        if name in found:
            earlier = found[name]
            known = [e for e in (earlier.energy, energy) if e is not None]
            summed = total(known) if len(known) == 2 else None
            part = _Part(summed, earlier.counted_s + part.counted_s)
        found[name] = part
    return found


def _standing(recording: Recording, energies: Mapping[str, Energy | None]) -> dict[str, str]:
    """The channels without an energy whose counter stands still, with the reason."""
    unknown = (name for name, energy in energies.items() if energy is None)
    standing = {name: recording.standing(name) for name in unknown}
    return {name: stretches[-1].reason for name, stretches in standing.items() if stretches}


def unread_s(recording: Recording, channel: str, begin_ns: int, end_ns: int) -> float:
    """The part of a window in which a channel has no readings (s)."""
    readings = recording.readings(channel)
    if readings is None:
        return (end_ns - begin_ns) * 1e-9
    stretches = [(begin_ns, readings.begin_ns), (readings.end_ns, end_ns)]
    stretches += [(lost.begin_ns, lost.end_ns) for lost in readings.losses if lost.hidden_j > 0]
    clipped = ((max(a, begin_ns), min(b, end_ns)) for a, b in stretches)
    return sum(max(0, b - a) for a, b in clipped) * 1e-9


def provenances_of(channels: Iterable[Channel]) -> tuple[Provenance, ...]:
    """The provenances among channels, the best first."""
    found = {channel.provenance for channel in channels}
    return tuple(p for p in Provenance if p in found)


def _components(cover: Cover, energies: dict[str, Energy | None]) -> Iterable[ComponentEnergy]:
    for component in (*SUMMED_COMPONENTS, Component.WALL):
        channels = tuple(c for c in cover.channels if c.component is component)
        known = [energy for c in channels if (energy := energies[c.name]) is not None]
        summed = total(known)
        if summed is not None:
            yield ComponentEnergy(component, summed, channels)


def _missing(recording: Recording, refusals: Sequence[Refusal], cover: Cover) -> Iterable[Missing]:
    refusals = [refusal for refusal in refusals if refusal.present]
    yield from _missing_components(refusals, cover)
    yield from _missing_devices(recording, refusals, cover)


def _missing_components(refusals: Sequence[Refusal], cover: Cover) -> Iterable[Missing]:
    for component in cover.missing:
        refused = [r for r in refusals if r.component is component]
        reason = "; ".join(dict.fromkeys(r.reason for r in refused))
        remedy = next((r.remedy for r in refused if r.remedy), "")
        yield Missing(component, reason, remedy)


def _missing_devices(
    recording: Recording, refusals: Sequence[Refusal], cover: Cover
) -> Iterable[Missing]:
    """Devices without an energy, and without a channel of the cover in their place."""
    by_device = {r.leaves_unread: r for r in reversed(refusals)}
    for name in cover.partial:
        if name in recording.channels:
            yield Missing(name, _why_unread(recording, name))
        else:
            yield Missing(name, by_device[name].reason, by_device[name].remedy)


def _why_unread(recording: Recording, channel: str) -> str:
    standing = [stretch.reason for stretch in recording.standing(channel)]
    reasons = [*(gap.reason for gap in recording.gaps if gap.channel == channel), *standing]
    otherwise = (
        "it was never read" if recording.readings(channel) is None else "it was not read then"
    )
    return reasons[-1] if reasons else otherwise
