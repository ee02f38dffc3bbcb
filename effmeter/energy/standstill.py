"""Counters that stand still although their device draws power, and stretches without readings.

Firmware, drivers and hypervisors leave counters that never move, or that stop. A device that is
awake draws at least ``Channel.least_power_w``; a counter that shows nothing of it stands still once
that power times the time awake exceeds ``LEAST_STEPS`` of its resolution, over at least
``LEAST_REFRESHES`` refresh periods. Channels without a least power may rest and never stand still.

Time without readings is not counted as awake: the run clock goes on while the machine sleeps, and
no sensor is read then. A counter that was only late shows the energy of the whole stretch in one
step when it moves again, and may be as late again; one that shows less has lost it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from effmeter.channel import Channel, Component, Kind, Provenance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STANDS_STILL = "the counter stands still"
NOT_MOVED = "the counter did not move while it was recorded"
NEVER_COUNTED = "the counter shows zero: it has never counted"
NOT_READ = "the sensor was not read: the recorder did not run, or fell behind"
LEAST_REFRESHES = 10
LEAST_STEPS = 5.0
LEAST_LOOK_S = 0.5
"""Firmware, hypervisors and busy machines delay counters of a millisecond by less, as a rule."""
CAUGHT_UP_FRACTION = 0.5
"""The part of the power before a stretch that its last step shows at least if the counter was
late: one that goes on where it stopped shows a refresh period of it."""
LEAST_MEMORY_POWER_W = 0.1
USUAL_SPACINGS = 5
"""Readings further apart than this many periods, and a refresh, were interrupted."""
LEAST_INTERRUPTION_S = 0.25
"""A busy machine delays readings by less."""
ENDLESS_NS = 2**62
_ROUNDING = 1e-6


def is_standstill(reason: str) -> bool:
    """Whether the reason for a gap is that the counter does not move."""
    return reason in (STANDS_STILL, NOT_MOVED, NEVER_COUNTED)


def has_never_counted(channel: Channel, absolute_j: float | None) -> bool:
    """Whether a counter cannot have counted before its first reading, by what it showed then.

    Memory may rest, but not since the machine was started.
    """
    is_memory = channel.component is Component.RAM and channel.kind is Kind.COUNTER
    is_measured = channel.provenance is not Provenance.ESTIMATED
    return is_memory and is_measured and absolute_j == 0


class Stretch(NamedTuple):
    """A stretch in which a counter stands still, on the run clock.

    One that lasts from the first reading, or to the last, reaches beyond it: to ``-ENDLESS_NS``,
    ``ENDLESS_NS``.
    """

    begin_ns: int
    end_ns: int
    reason: str = STANDS_STILL


@dataclass(frozen=True, slots=True)
class StandstillRule:
    """When a counter that does not move stands still."""

    least_power_w: float
    resolution_j: float
    refresh_s: float

    @classmethod
    def of(cls, channel: Channel) -> "StandstillRule | None":
        """The rule for a channel; None for gauges and for counters whose device may rest."""
        if channel.kind is not Kind.COUNTER or channel.least_power_w <= 0:
            return None
        resolution_j = max(channel.resolution, channel.unit_j)
        return cls(channel.least_power_w, resolution_j, channel.refresh_s)

    @classmethod
    def until_it_counts(cls, channel: Channel) -> "StandstillRule":
        """The rule for a memory whose counter shows zero, until it counts for the first time."""
        resolution_j = max(channel.resolution, channel.unit_j)
        return cls(LEAST_MEMORY_POWER_W, resolution_j, channel.refresh_s)

    @property
    def look_s(self) -> float:
        """How long the counter must not move, while its device is awake, to stand still (s)."""
        drawn_s = LEAST_STEPS * self.resolution_j / self.least_power_w
        return max(LEAST_REFRESHES * self.refresh_s, drawn_s, LEAST_LOOK_S)

    def stands_still(self, awake_s: float, late_s: float = 0.0) -> bool:
        """Whether a counter that has not moved for this long stands still.

        ``late_s``: the longest that it was late before, which is then its refresh period.
        """
        return awake_s >= max(self.look_s, LEAST_REFRESHES * late_s)

    def has_caught_up(self, step_j: float, awake_s: float, beside_w: float) -> bool:
        """Whether a counter that moved at last has shown the energy of the stretch.

        Args:
            step_j: The step that ended the stretch.
            awake_s: How long the stretch was.
            beside_w: The power that the counter showed before it, or after it where it showed none
                before; 0 if it is unknown.
        """
        expected_w = max(self.least_power_w, CAUGHT_UP_FRACTION * beside_w)
        return step_j >= expected_w * awake_s * (1 - _ROUNDING)


class Moved(NamedTuple):
    """A counter that stood still moves again."""

    begin_ns: int
    end_ns: int
    has_caught_up: bool


class StandstillWatch:
    """Follows one counter from reading to reading."""

    def __init__(self, rule: StandstillRule) -> None:
        self._rule = rule
        self._last_ns: int | None = None
        self._changed_ns = 0
        self._energy_j = 0.0
        self._quiet_s = 0.0
        self._before_w = 0.0
        self._late_s = 0.0
        self._unjudged: tuple[float, float] | None = None
        """A step (J) and the stretch that it ended (s), before any power was known."""
        self._has_moved = False
        self.since_ns: int | None = None
        """Since when the counter stands still; None: it does not."""

    def update(self, time_ns: int, energy_j: float, usual_s: float) -> Moved | None:
        """Take a reading (run clock, J since the first); says if a standstill has ended.

        ``usual_s``: a longer time between two readings is not counted as awake.
        """
        if self._last_ns is None:
            self._last_ns = self._changed_ns = time_ns
            self._energy_j = energy_j
            return None
        elapsed_s, self._last_ns = (time_ns - self._last_ns) * 1e-9, time_ns
        if elapsed_s <= usual_s:
            self._quiet_s += elapsed_s
        if energy_j == self._energy_j:
            if self.since_ns is None and self._rule.stands_still(self._quiet_s, self._late_s):
                self.since_ns = self._changed_ns
            return None
        return self._change(time_ns, energy_j)

    def _change(self, time_ns: int, energy_j: float) -> Moved | None:
        step_j, quiet_s, moved = energy_j - self._energy_j, self._quiet_s, None
        caught_up, unjudged = True, None
        if self.since_ns is not None:
            caught_up = self._rule.has_caught_up(step_j, quiet_s, self._before_w)
            # Without a power before it, only what follows tells whether a step is all that was
            # used: until then the stretch is not known.
            is_known = caught_up and self._before_w > 0
            moved = Moved(self.since_ns, time_ns, is_known)
            if is_known:
                self._late_s = max(self._late_s, quiet_s)
            elif caught_up:
                unjudged = (step_j, quiet_s)
        # Where the first step began is unknown: it tells no power.
        if caught_up and self._has_moved and quiet_s > 0:
            self._before_w = step_j / quiet_s
            self._judge()
        self._unjudged = unjudged or self._unjudged
        self.since_ns, self._changed_ns = None, time_ns
        self._energy_j, self._quiet_s, self._has_moved = energy_j, 0.0, True
        return moved

    def _judge(self) -> None:
        """Say of a first step, by the power after it, whether the counter was only late."""
        if self._unjudged is not None:
            step_j, quiet_s = self._unjudged
            if self._rule.has_caught_up(step_j, quiet_s, self._before_w):
                self._late_s = max(self._late_s, quiet_s)
            self._unjudged = None


def standing_stretches(
    channel: Channel,
    times_ns: "NDArray[np.int64]",
    energy_j: "NDArray[np.float64]",
    usual_s: float,
    absolute_j: float | None = None,
) -> list[Stretch]:
    """The stretches in which a recorded counter stands still, in order.

    A counter that did not move at all in the recording says nothing, however short that is,
    if its device must have drawn more than the resolution.

    Args:
        channel: Its description.
        times_ns: (n,) ascending moments of the run clock.
        energy_j: (n,) joules since the start, not falling.
        usual_s: A longer time between two readings is not counted as awake.
        absolute_j: What the counter showed at the first reading, where it is known.
    """
    import numpy as np

    if has_never_counted(channel, absolute_j) and len(times_ns) and energy_j[-1] == energy_j[0]:
        return [Stretch(-ENDLESS_NS, ENDLESS_NS, NEVER_COUNTED)]
    rule = StandstillRule.of(channel)
    if rule is None or len(times_ns) < 2:
        return []
    elapsed_s = np.diff(times_ns) * 1e-9
    awake_s = np.concatenate(([0.0], np.cumsum(np.where(elapsed_s <= usual_s, elapsed_s, 0.0))))
    begins = np.flatnonzero(np.concatenate(([True], np.diff(energy_j) != 0)))
    if len(begins) == 1:
        drawn_j = rule.least_power_w * float(awake_s[-1])
        reason = STANDS_STILL if rule.stands_still(float(awake_s[-1])) else NOT_MOVED
        is_told = drawn_j > rule.resolution_j or reason == STANDS_STILL
        return [Stretch(-ENDLESS_NS, ENDLESS_NS, reason)] if is_told else []
    lasts = np.concatenate((begins[1:], [len(times_ns)])) - 1
    quiet = np.flatnonzero(awake_s[lasts] - awake_s[begins] >= rule.look_s)
    return list(_stood(rule, quiet, begins, lasts, times_ns, energy_j, awake_s))


def _stood(
    rule: StandstillRule,
    quiet: "NDArray[np.intp]",
    begins: "NDArray[np.intp]",
    lasts: "NDArray[np.intp]",
    times_ns: "NDArray[np.int64]",
    energy_j: "NDArray[np.float64]",
    awake_s: "NDArray[np.float64]",
) -> Iterator[Stretch]:
    """The standstills among the quiet groups of equal readings, from ``begins`` to ``lasts``."""
    stood: set[int] = set()
    late_s = 0.0
    for group in map(int, quiet):
        first, last = int(begins[group]), int(lasts[group])
        if not rule.stands_still(float(awake_s[last] - awake_s[first]), late_s):
            continue
        begin_ns = -ENDLESS_NS if group == 0 else int(times_ns[first])
        if group + 1 == len(begins):
            yield Stretch(begin_ns, ENDLESS_NS)
            return
        moved = int(begins[group + 1])
        # The last group before this one in which the counter did not stand still.
        before = group - 1
        while before in stood or (
            before > 0 and awake_s[begins[before + 1]] == awake_s[begins[before]]
        ):
            before -= 1
        # Where the step of the first group began is unknown: the power after it stands for it.
        shown = begins[before : before + 2] if before > 0 else begins[group + 1 : group + 3]
        beside_w = 0.0
        if len(shown) == 2 and awake_s[shown[1]] > awake_s[shown[0]]:
            shown_j = energy_j[shown[1]] - energy_j[shown[0]]
            beside_w = float(shown_j / (awake_s[shown[1]] - awake_s[shown[0]]))
        step_j = float(energy_j[moved] - energy_j[first])
        quiet_s = float(awake_s[moved] - awake_s[first])
        if rule.has_caught_up(step_j, quiet_s, beside_w):
            late_s = max(late_s, quiet_s)
        else:
            stood.add(group)
            yield Stretch(begin_ns, int(times_ns[moved]))


def usual_spacing_s(
    channel: Channel, times_ns: "NDArray[np.int64]", rate_hz: float | None
) -> float:
    """The longest time between two readings that the period of reading explains (s).

    ``rate_hz``: the rate that the recording asked for, where it is known. The period of reading is
    the longer of its period and the median spacing.
    """
    import numpy as np

    median_s = float(np.median(np.diff(times_ns))) * 1e-9 if len(times_ns) > 1 else 0.0
    return longest_usual_s(channel, max(median_s, 1 / rate_hz if rate_hz else 0.0))


def longest_usual_s(channel: Channel, period_s: float) -> float:
    """The longest time between two readings of a sensor that is read with this period (s).

    A sensor that was not read for longer has shown values that were missed.
    """
    period_s = max(period_s, channel.read_period_s)
    return max(channel.refresh_s + USUAL_SPACINGS * period_s, LEAST_INTERRUPTION_S)
