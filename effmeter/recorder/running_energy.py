"""One channel's energy since a recording began, and between moments of it."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from effmeter.channel import Channel, Kind
from effmeter.energy import POWER_HEADROOM, Energy
from effmeter.energy.counter import CounterLimits
from effmeter.energy.source import channel_energy
from effmeter.recorder.sampling.ingest import Sample

HISTORY_SPACING_NS = 50_000_000
HISTORY_LENGTH = 400
"""Twenty seconds at least: standstills are noticed within one or two, as a rule."""
FIRST_REFRESHES = 3
"""The number of refreshes within which the counter of a working device has stepped."""
FOLLOWED_ERROR_FRACTION = 0.05
"""How far the power samples since a counter's last reading may be off together."""


class Passed(NamedTuple):
    """What a channel had shown at a moment (J since the recording began)."""

    time_ns: int
    value_j: float
    unsure_j: float
    edge_j: float
    """How far off the moment of the figure may make it."""


@dataclass(slots=True)
class RunningEnergy:
    """Follows one channel from reading to reading."""

    channel: Channel
    began_ns: int
    value_j: float = 0.0
    hidden_j: float = 0.0
    """What short gaps can have hidden."""
    readings: int = 0
    last_ns: int = 0
    _changed_ns: int = 0
    _power_w: float = 0.0
    _unsure_j: float = 0.0
    _last_energy_j: float = 0.0
    _followed_ns: int = 0
    _followed_j: float = 0.0
    _history: deque[Passed] = field(default_factory=lambda: deque(maxlen=HISTORY_LENGTH))

    def __post_init__(self) -> None:
        """Nothing has passed at the first reading."""
        self.last_ns = self._changed_ns = self.began_ns

    @property
    def is_known(self) -> bool:
        """One reading of a counter is a beginning; of a gauge it covers no time yet."""
        return self.readings > (1 if self.channel.kind is Kind.GAUGE else 0)

    def take(self, seen: Sample) -> None:
        """Count one reading."""
        if seen.energy_j is not None:
            self._count(seen.time_ns, seen.energy_j)
        elif seen.power_w is not None:
            self._integrate((seen.time_ns - self.last_ns) * 1e-9, seen.power_w)
        self.last_ns = seen.time_ns
        self._followed_ns, self._followed_j = 0, 0.0
        self.readings += 1
        self._remember()

    def follow(self, time_ns: int, power_w: float) -> None:
        """Go on from the counter's last reading by a power sample of its device."""
        elapsed_ns = time_ns - self.known_ns
        if elapsed_ns > 0:
            self._followed_j += power_w * elapsed_ns * 1e-9
            self._followed_ns = time_ns
            self._remember()

    @property
    def known_ns(self) -> int:
        """Up to when the energy is known."""
        return max(self.last_ns, self._followed_ns)

    def _remember(self) -> None:
        if not self._history or self.known_ns - self._history[-1].time_ns >= HISTORY_SPACING_NS:
            self._history.append(self.now())

    def _count(self, time_ns: int, energy_j: float) -> None:
        step_j = energy_j - self._last_energy_j if self.readings else 0.0
        if step_j > 0:
            elapsed_s = (time_ns - self._changed_ns) * 1e-9
            self._power_w = step_j / max(elapsed_s, self.channel.refresh_s)
            self._changed_ns = time_ns
        self._last_energy_j = energy_j
        self.value_j += step_j

    def _integrate(self, elapsed_s: float, power_w: float) -> None:
        before_w = self._power_w if self.readings else power_w
        self.value_j += elapsed_s * (before_w + power_w) / 2
        self._unsure_j += elapsed_s * abs(power_w - before_w) / 2
        self._power_w = power_w

    def beginning(self) -> Passed:
        """Nothing had passed at the first reading."""
        return Passed(self.began_ns, 0.0, 0.0, 0.0)

    def now(self) -> Passed:
        """What has passed until the last reading, or the last power sample after it."""
        edge_j = self._most_w() * self.channel.refresh_s + self.channel.resolution
        edge_j += FOLLOWED_ERROR_FRACTION * self._followed_j
        return Passed(self.known_ns, self.value_j + self._followed_j, self._unsure_j, edge_j)

    def _most_w(self) -> float:
        """The most power within the last refresh.

        The zero of a counter that has just been met says only that it was not refreshed yet.
        """
        is_new = (self.last_ns - self.began_ns) * 1e-9 <= FIRST_REFRESHES * self.channel.refresh_s
        has_stepped = self._changed_ns > self.began_ns
        if self.channel.kind is Kind.COUNTER and is_new and not has_stepped:
            return CounterLimits.of(self.channel).max_power_w
        return POWER_HEADROOM * self._power_w

    def at(self, time_ns: int) -> Passed:
        """What had passed at a moment, as far back as the history goes."""
        known = [*self._history, self.now()]
        if time_ns >= self.known_ns:
            return known[-1]
        later = next(passed for passed in known if passed.time_ns >= time_ns)
        before = max((p for p in known if p.time_ns <= time_ns), default=later, key=_time_ns)
        share = (time_ns - before.time_ns) / max(1, later.time_ns - before.time_ns)
        step_j = later.value_j - before.value_j
        return Passed(
            time_ns,
            before.value_j + share * step_j,
            later.unsure_j,
            later.edge_j + abs(step_j) * max(share, 1 - share),
        )

    def guess_j(self, duration_s: float) -> float:
        """The most that a stretch without readings can hide."""
        most_w = self.channel.max_power_w
        return (POWER_HEADROOM * self._power_w if most_w is None else most_w) * duration_s

    def energy(self, begin: Passed, end: Passed, hidden_j: float) -> Energy:
        """The energy between two moments; ``hidden_j``: the most that long gaps there hide."""
        shown_j = end.value_j - begin.value_j
        error_j = end.edge_j + begin.edge_j + max(0.0, end.unsure_j - begin.unsure_j)
        # Power samples may run ahead of the counter, whose next reading then shows less.
        value_j = max(0.0, shown_j)
        low_j = max(0.0, shown_j - error_j)
        high_j = value_j + abs(shown_j - value_j) + error_j + hidden_j + self.hidden_j
        duration_s = max(0.0, (end.time_ns - begin.time_ns) * 1e-9)
        return channel_energy(self.channel, duration_s, value_j, low_j, high_j)


def _time_ns(passed: Passed) -> int:
    return passed.time_ns
