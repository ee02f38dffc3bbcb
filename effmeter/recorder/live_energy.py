"""What a recording has used so far, for loops that ask while they train.

A live figure is simpler than the report's: the last reading against the first, with the
sensor's refresh period at the recent power as its interval. Where the driver keeps power samples
beside a counter, they go on from its last reading.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from effmeter.channel import Channel, Component, Kind, Refusal
from effmeter.cover import choose_cover, hidden_channels
from effmeter.energy import POWER_HEADROOM, Energy, total
from effmeter.energy.message import energy_message
from effmeter.energy.source import channel_energy
from effmeter.recorder.sampling.ingest import ChannelGap, Sample

FOLLOWED_ERROR_FRACTION = 0.05
"""How far the power samples since a counter's last reading may be off together."""


@dataclass(slots=True)
class _Running:
    """One channel's energy since the recording began."""

    channel: Channel
    began_ns: int
    changed_ns: int
    last_ns: int
    value_j: float = 0.0
    power_w: float = 0.0
    hidden_j: float = 0.0
    unsure_j: float = 0.0
    last_energy_j: float = 0.0
    followed_ns: int = 0
    followed_j: float = 0.0
    readings: int = 0

    @property
    def is_known(self) -> bool:
        """One reading of a counter is a beginning; of a gauge it covers no time yet."""
        return self.readings > (1 if self.channel.kind is Kind.GAUGE else 0)

    def take(self, seen: Sample) -> None:
        if seen.energy_j is not None:
            self._count(seen.time_ns, seen.energy_j)
        elif seen.power_w is not None:
            self._integrate((seen.time_ns - self.last_ns) * 1e-9, seen.power_w)
        self.last_ns = seen.time_ns
        self.followed_ns, self.followed_j = 0, 0.0
        self.readings += 1

    def follow(self, time_ns: int, power_w: float) -> None:
        """Go on from the counter's last reading by a power sample of its device."""
        from_ns = self.known_ns
        if time_ns > from_ns:
            self.followed_j += power_w * (time_ns - from_ns) * 1e-9
            self.followed_ns = time_ns

    @property
    def known_ns(self) -> int:
        """Up to when the energy is known."""
        return max(self.last_ns, self.followed_ns)

    def _count(self, time_ns: int, energy_j: float) -> None:
        step_j = energy_j - self.last_energy_j if self.readings else 0.0
        if step_j > 0:
            elapsed_s = (time_ns - self.changed_ns) * 1e-9
            self.power_w = step_j / max(elapsed_s, self.channel.refresh_s)
            self.changed_ns = time_ns
        self.last_energy_j = energy_j
        self.value_j += step_j

    def _integrate(self, elapsed_s: float, power_w: float) -> None:
        before_w = self.power_w if self.readings else power_w
        self.value_j += elapsed_s * (before_w + power_w) / 2
        self.unsure_j += elapsed_s * abs(power_w - before_w) / 2
        self.power_w = power_w

    def energy(self) -> Energy:
        edge_j = POWER_HEADROOM * self.power_w * self.channel.refresh_s + self.channel.resolution
        error_j = edge_j + self.unsure_j + FOLLOWED_ERROR_FRACTION * self.followed_j
        value_j = self.value_j + self.followed_j
        low_j, high_j = max(0.0, value_j - error_j), value_j + error_j + self.hidden_j
        lasted_s = (self.known_ns - self.began_ns) * 1e-9
        return channel_energy(self.channel, lasted_s, value_j, low_j, high_j)


@dataclass(slots=True)
class LiveTotals:
    """Every channel's energy since a recording began, and their total over a cover."""

    refusals: tuple[Refusal, ...]
    expected: tuple[Channel, ...] = ()
    """The channels that were known when the recording began, read since or not."""
    programs: list[Mapping[str, Any]] = field(default_factory=list)
    """What the recorded programs say of themselves."""
    _channels: dict[str, _Running] = field(default_factory=dict)
    _unread: dict[str, str] = field(default_factory=dict)

    def take(self, channel: Channel, seen: Sample) -> None:
        """Count one reading."""
        running = self._channels.get(channel.name)
        if running is None:
            running = _Running(channel, seen.time_ns, seen.time_ns, seen.time_ns)
            self._channels[channel.name] = running
        running.take(seen)
        if channel.lag_s is not None and seen.power_w is not None:
            for counter in self._channels.values():
                if channel.shows_course_of(counter.channel):
                    counter.follow(seen.time_ns, seen.power_w)

    def note_gap(self, gap: ChannelGap) -> None:
        """Take a gap's bound into the interval; while it is open the channel counts as unread."""
        if gap.end_ns is None:
            self._unread[gap.channel] = gap.reason
            return
        self._unread.pop(gap.channel, None)
        running = self._channels.get(gap.channel)
        if running is not None:
            gap_s = (gap.end_ns - gap.begin_ns) * 1e-9
            guess_j = POWER_HEADROOM * running.power_w * gap_s
            running.hidden_j += guess_j if gap.hidden_j is None else gap.hidden_j

    def as_message(self, time_ns: int) -> dict[str, Any]:
        """The totals since the recording began, as they are sent to clients."""
        known = {name for name, running in self._channels.items() if running.is_known}
        described = {c.name: c for c in self.expected}
        described.update((name, running.channel) for name, running in self._channels.items())
        unseen = hidden_channels(self.programs)
        cover = choose_cover(described.values(), known, self.refusals, unseen)
        summed = total(self._channels[name].energy() for name in cover.names)
        return {
            "time_ns": time_ns,
            "read_ns": min((self._channels[n].known_ns for n in cover.names), default=None),
            "counted_from_ns": self._counted_from_ns(cover.names),
            "energy": None if summed is None else energy_message(summed),
            "components": {
                component: energy_message(part)
                for component in Component
                if (part := self._component(component, cover.channels)) is not None
            },
            "cover": list(cover.names),
            "estimated": list(cover.estimated),
            "missing": list(cover.missing),
            "partial": [name for name in cover.partial if name not in self._channels],
            "unread": {n: self._unread[n] for n in cover.names if n in self._unread},
        }

    def _counted_from_ns(self, names: Iterable[str]) -> list[int] | None:
        """The earliest and the latest first reading of some channels."""
        began_ns = [self._channels[name].began_ns for name in names]
        return [min(began_ns), max(began_ns)] if began_ns else None

    def _component(self, component: Component, cover: tuple[Channel, ...]) -> Energy | None:
        return total(self._channels[c.name].energy() for c in cover if c.component is component)
