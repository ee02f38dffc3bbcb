"""What a recording has used so far, for loops that ask while they train.

A live figure is simpler than the report's: the last reading against the first, with the
sensor's refresh period at the recent power as its interval. Where a channel shows nothing for a
while, another one counts in its place, as in the report. Where the driver keeps power samples
beside a counter, they go on from its last reading.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.cover import Counted, Cover, hidden_channels, second_sensors
from effmeter.cover_in_time import cover_over_time
from effmeter.energy import Energy, total
from effmeter.energy.estimate_in_place import factor_beside_sensors, with_estimate_factor
from effmeter.energy.message import energy_message
from effmeter.energy.standstill import is_standstill
from effmeter.energy.widened import disagree, holding_both
from effmeter.recorder.running_energy import Passed, RunningEnergy
from effmeter.recorder.sampling.ingest import ChannelGap, Sample

NOTICED_NS = 1_000_000_000
"""Shorter gaps are bounded; nothing takes the place of their channel, unless it stands still."""
MOST_GAPS = 50
"""More long gaps of one channel are only bounded."""
_BEGINNING_NS = 0


class _Blind(NamedTuple):
    """A stretch in which a channel shows nothing."""

    begin_ns: int
    end_ns: int | None
    """None: it lasts."""
    reason: str
    hidden_j: float = 0.0

    def lasts_long(self, now_ns: int) -> bool:
        """Whether another channel may take its place."""
        end_ns = now_ns if self.end_ns is None else self.end_ns
        return is_standstill(self.reason) or end_ns - self.begin_ns > NOTICED_NS


@dataclass(slots=True)
class LiveTotals:
    """Every channel's energy since a recording began, and their total over a cover."""

    refusals: tuple[Refusal, ...]
    expected: tuple[Channel, ...] = ()
    """The channels that were known when the recording began, read since or not."""
    programs: list[Mapping[str, Any]] = field(default_factory=list)
    """What the recorded programs say of themselves."""
    _channels: dict[str, RunningEnergy] = field(default_factory=dict)
    _blind: dict[str, dict[int, _Blind]] = field(default_factory=dict)
    """By channel and number of the gap."""
    _passed: dict[int, dict[str, Passed]] = field(default_factory=dict)
    """What each channel had shown where a gap begins or ends."""

    def take(self, channel: Channel, seen: Sample) -> None:
        """Count one reading."""
        running = self._channels.get(channel.name)
        if running is None:
            running = self._channels[channel.name] = RunningEnergy(channel, seen.time_ns)
        running.take(seen)
        if channel.lag_s is not None and seen.power_w is not None:
            for counter in self._channels.values():
                if channel.shows_course_of(counter.channel):
                    counter.follow(seen.time_ns, seen.power_w)

    def note_gap(self, gap: ChannelGap) -> None:
        """Count what stands in for a channel in a gap, or take the bound of the gap in."""
        self._note_gap(gap)
        gaps = (blind for gaps in self._blind.values() for blind in gaps.values())
        needed_ns = {ns for blind in gaps for ns in (blind.begin_ns, blind.end_ns)}
        self._passed = {ns: passed for ns, passed in self._passed.items() if ns in needed_ns}

    def _note_gap(self, gap: ChannelGap) -> None:
        gaps = self._blind.setdefault(gap.channel, {})
        running = self._channels.get(gap.channel)
        is_first = running is None or gap.begin_ns <= running.began_ns
        begin_ns = _BEGINNING_NS if is_first else gap.begin_ns
        if gap.end_ns is None:
            gaps[gap.number] = _Blind(begin_ns, None, gap.reason)
            self._mark(begin_ns, gap)
            return
        opened = gaps.pop(gap.number, None)
        gap_s = (gap.end_ns - gap.begin_ns) * 1e-9
        if gap.hidden_j == 0 or running is None:
            return  # counted through
        hidden_j = running.guess_j(gap_s) if gap.hidden_j is None else gap.hidden_j
        closed = _Blind(begin_ns, gap.end_ns, gap.reason, hidden_j)
        if not closed.lasts_long(gap.end_ns) or len(gaps) >= MOST_GAPS:
            running.hidden_j += hidden_j
            return
        gaps[gap.number] = closed
        if opened is None:
            self._mark(begin_ns, gap)
        self._mark(gap.end_ns, gap)

    def as_message(self, time_ns: int) -> dict[str, Any]:
        """The totals since the recording began, as they are sent to clients."""
        cover = self._cover(time_ns)
        energies: dict[str, Energy] = {}
        counted_now = set()
        described = {name: running.channel for name, running in self._channels.items()}
        others = second_sensors(described)
        for name, begin_ns, end_ns in cover.counted(_BEGINNING_NS, time_ns):
            energy = self._counted(cover, Counted(name, begin_ns, end_ns), time_ns)
            for other in self._differing(name, others.get(name, ()), time_ns):
                energy = holding_both(energy, self._energy(other, begin_ns, end_ns, time_ns))
            energies[name] = energies[name] + energy if name in energies else energy
            if end_ns == time_ns:
                counted_now.add(name)
        summed = total(energies[name] for name in cover.names)
        return {
            "time_ns": time_ns,
            "read_ns": min((self._channels[n].known_ns for n in counted_now), default=None),
            "counted_from_ns": self._counted_from_ns(cover.names),
            "energy": None if summed is None else energy_message(summed),
            "components": {
                component: energy_message(part)
                for component in Component
                if (part := _component(component, cover, energies)) is not None
            },
            "cover": list(cover.names),
            "estimated": list(cover.estimated),
            "missing": list(cover.missing),
            "partial": [name for name in cover.partial if self._is_missing(name)],
            "unread": {name: why for name, why in self._unread() if name in counted_now},
        }

    def _cover(self, time_ns: int) -> Cover:
        described = {c.name: c for c in self.expected}
        described.update((name, running.channel) for name, running in self._channels.items())
        blind = {
            name: [
                (gap.begin_ns, time_ns if gap.end_ns is None else gap.end_ns)
                for gap in gaps.values()
                if gap.lasts_long(time_ns)
            ]
            for name, gaps in self._blind.items()
        }
        known = {
            name
            for name, running in self._channels.items()
            if running.is_known and not self._shows_nothing(name)
        }
        awaited = self._awaited_components()
        known -= {c.name for c in described.values() if _is_estimate(c) and c.component in awaited}
        unseen = hidden_channels(self.programs)
        window_ns = (_BEGINNING_NS, time_ns)
        return cover_over_time(described.values(), known, self.refusals, unseen, blind, window_ns)

    def _awaited_components(self) -> set[Component]:
        """Components with a sensor that is about to be read: no estimate takes its place."""
        return {
            channel.component
            for channel in self.expected
            if channel.name not in self._channels
            and not _is_estimate(channel)
            and not self._blind.get(channel.name)
        }

    def _shows_nothing(self, name: str) -> bool:
        """Whether its counter has stood still since the first reading."""
        gaps = self._blind.get(name, {}).values()
        return any(
            is_standstill(gap.reason) and gap.begin_ns == _BEGINNING_NS and gap.end_ns is None
            for gap in gaps
        )

    def _is_missing(self, name: str) -> bool:
        """Whether a channel without a figure is more than one that is about to be read."""
        return name not in self._channels or self._shows_nothing(name)

    def _unread(self) -> Iterable[tuple[str, str]]:
        """The channels that show nothing now, with the reason."""
        for name, gaps in self._blind.items():
            yield from ((name, gap.reason) for gap in gaps.values() if gap.end_ns is None)

    def _counted_from_ns(self, names: Iterable[str]) -> list[int] | None:
        """The earliest and the latest first reading of some channels."""
        began_ns = [self._channels[name].began_ns for name in names]
        return [min(began_ns), max(began_ns)] if began_ns else None

    def _counted(self, cover: Cover, part: Counted, now_ns: int) -> Energy:
        """What a total takes from a channel; an estimate is as unsure as it was beside a sensor."""

        def energy_of(name: str, begin_ns: int, end_ns: int) -> Energy:
            return self._energy(name, begin_ns, end_ns, now_ns)

        energy = energy_of(*part)
        if not cover.stretches or not _is_estimate(self._channels[part.name].channel):
            return energy
        factor = factor_beside_sensors(cover, part.name, (_BEGINNING_NS, now_ns), energy_of)
        return with_estimate_factor(energy, factor)

    def _differing(self, name: str, others: Iterable[str], now_ns: int) -> Iterable[str]:
        """Other sensors of the device that differ from a channel by more than both errors."""
        for other in others:
            energies = (self._energy(n, _BEGINNING_NS, now_ns, now_ns) for n in (name, other))
            if self._channels[other].is_known and disagree(*energies):
                yield other

    def _energy(self, name: str, begin_ns: int, end_ns: int, now_ns: int) -> Energy:
        """The energy of a channel in a stretch in which it is counted."""
        running = self._channels[name]
        begin, end = running.beginning(), running.now()
        if begin_ns != _BEGINNING_NS:
            begin = self._passed[begin_ns].get(name, begin)
        if end_ns != now_ns:
            end = self._passed[end_ns].get(name, running.beginning())
        gaps = self._blind.get(name, {}).values()
        hidden_j = sum(_hidden_j(running, gap, begin_ns, end_ns) for gap in gaps)
        return running.energy(begin, end, hidden_j)

    def _mark(self, time_ns: int, gap: ChannelGap) -> None:
        """Keep what every channel had shown at a moment that is not long past."""
        passed = {name: running.at(time_ns) for name, running in self._channels.items()}
        if is_standstill(gap.reason) and gap.end_ns is None and gap.channel in passed:
            # Its counter has not moved since.
            passed[gap.channel] = self._channels[gap.channel].now()._replace(time_ns=time_ns)
        self._passed[time_ns] = {**passed, **self._passed.get(time_ns, {})}


def _is_estimate(channel: Channel) -> bool:
    return channel.provenance is Provenance.ESTIMATED


def _hidden_j(running: RunningEnergy, gap: _Blind, begin_ns: int, end_ns: int) -> float:
    """The most that a gap hides in a stretch in which its channel is counted all the same."""
    if gap.begin_ns >= end_ns or (gap.end_ns is not None and gap.end_ns <= begin_ns):
        return 0.0
    if gap.end_ns is None:
        # A counter that cannot be read may be counting on; one that stands still is not.
        return running.guess_j((end_ns - gap.begin_ns) * 1e-9) if is_standstill(gap.reason) else 0.0
    return gap.hidden_j


def _component(component: Component, cover: Cover, energies: Mapping[str, Energy]) -> Energy | None:
    return total(energies[c.name] for c in cover.channels if c.component is component)
