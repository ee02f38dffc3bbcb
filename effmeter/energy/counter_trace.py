"""The energy that a counter's readings show.

A counter read at ``t`` shows the energy at its last refresh, which lies within ``refresh_s``
before ``t``; where the reading before showed less, it lies after that reading. So each reading
``i`` is a fact: the energy passed ``E_i`` (to within the resolution) at a moment in
``[earliest_i, latest_i]``. The value interpolates linearly between the moments at which the
counter changed. Two intervals stand around it:

- **Bounds** that cannot be left while the energy never falls and rises at most at a bounded power:
  what the device can draw or, where it states no limit, ``POWER_HEADROOM`` times the highest mean
  power over a refresh period that was seen within ``NEARBY_S`` (or ten refresh periods).
- **95 %**: a load that swings faster than the counter refreshes moves the energy at a boundary by
  up to one step, and where a change is dated by as much as was used between two readings. Each
  is taken as even over its range and independent from boundary to boundary (``covering_j``). Never
  wider than the bounds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel
from effmeter.energy.confidence import covering_j
from effmeter.energy.counter import CounterLimits, Loss
from effmeter.energy.part_time import Times, Values
from effmeter.energy.source import POWER_HEADROOM, channel_energy
from effmeter.energy.value import Energy

NEARBY_S = 1.0
"""How far around a boundary the power counts as nearby, at least."""
SWUNG_FRACTION = 0.9
"""How much of a step a swing within a refresh period is taken to move the energy at most: short
pulses of ten times the mean power, repeated with the refresh, move it by so much."""
NEXT_CHANGES = 2
"""How many changes after a boundary are asked what had been used there at least."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The energy passed at one moment, since the first reading."""

    value_j: float
    low_j: float
    high_j: float


class CounterTrace:
    """Energy from the readings of a counter (J since the start, not falling)."""

    def __init__(
        self,
        channel: Channel,
        times_ns: Times,
        energy_j: Values,
        read_s: Values | None = None,
        losses: Sequence[Loss] = (),
        host: str = "",
    ) -> None:
        self._channel = channel
        self._host = host
        self._refresh_ns = channel.refresh_s * 1e9
        self._reach_ns = max(NEARBY_S * 1e9, 10 * self._refresh_ns)
        half_read_ns = np.zeros(len(times_ns), np.int64)
        if read_s is not None:
            half_read_ns = (np.nan_to_num(read_s) * 5e8).astype(np.int64)
        self._latest = np.maximum.accumulate(times_ns + half_read_ns)
        self._asked = np.maximum.accumulate(times_ns - half_read_ns)
        self._energy_j = np.asarray(energy_j, np.float64)
        self._losses = tuple(losses)

    def energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """Energy between two moments; None if they lie wholly outside the readings."""
        return self._within(begin_ns, end_ns, self._covering_j(begin_ns, end_ns))

    def bounds(self, begin_ns: int, end_ns: int) -> Energy | None:
        """The same with an interval that no load within the bounded power can leave."""
        return self._within(begin_ns, end_ns, math.inf)

    @property
    def facts(self) -> tuple[Values, Values, Values]:
        """The earliest and latest moment (ns) at which each reading's energy (J) was passed."""
        return self._earliest, self._latest.astype(np.float64), self._energy_j

    def passed_j(self, moment_ns: int) -> tuple[float, float, float]:
        """The energy passed at a moment since the first reading, and its bounds (J)."""
        at = self._at(moment_ns)
        return at.value_j, at.low_j, at.high_j

    def _within(self, begin_ns: int, end_ns: int, reach_j: float) -> Energy | None:
        """The energy with its bounds, no further from the value than given."""
        if end_ns < begin_ns or not self._overlaps(begin_ns, end_ns):
            return None
        begin, end = self._at(begin_ns), self._at(end_ns)
        counted_j = end.value_j - begin.value_j
        lost_j, hidden_j = self._lost_j(begin_ns, end_ns)
        ceiling_j = self._highest_power_w(begin_ns, end_ns) * (end_ns - begin_ns) * 1e-9
        high_j = max(counted_j, min(end.high_j - begin.low_j, ceiling_j, counted_j + reach_j))
        low_j = max(0.0, end.low_j - begin.high_j, counted_j - reach_j)
        high_j += max(hidden_j, lost_j)
        duration_s, value_j = (end_ns - begin_ns) * 1e-9, counted_j + lost_j
        return channel_energy(self._channel, duration_s, value_j, low_j, high_j, self._host)

    def _overlaps(self, begin_ns: int, end_ns: int) -> bool:
        if len(self._latest) < 2:
            return False
        first_ns, last_ns = self._asked[0] - self._refresh_ns, self._latest[-1] + self._refresh_ns
        return bool(begin_ns <= last_ns and end_ns >= first_ns)

    @cached_property
    def _changes(self) -> NDArray[np.intp]:
        """The readings that showed more than the one before; the first counts as a change."""
        return np.flatnonzero(np.concatenate(([True], np.diff(self._energy_j) > 0)))

    @cached_property
    def _earliest(self) -> Values:
        """The earliest moment at which the energy of each reading can have been passed (ns)."""
        earliest = self._asked - self._refresh_ns
        later = self._changes[1:]
        earliest[later] = np.maximum(earliest[later], self._asked[later - 1])
        return np.maximum.accumulate(earliest)

    @cached_property
    def _knots(self) -> tuple[Values, Values]:
        """When the counter changed, as best known (ns), and what it then showed (J).

        A counter that stood still for longer than a refresh period was still at its old value,
        to within the resolution, a refresh period before it was last seen so.
        """
        earliest, latest = self._earliest[self._changes], self._latest[self._changes]
        moments, energies = earliest + (latest - earliest) / 2, self._energy_j[self._changes]
        last_seen = np.concatenate((self._changes[1:], [len(self._energy_j)])) - 1
        # Two knots for each change: when it came, and how long the value surely held. Without the
        # second, an idle stretch before a burst would be interpolated as a slow rise.
        held_ns = np.maximum(self._asked[last_seen] - self._refresh_ns, moments)
        # A steady load below the resolution per refresh shows no change: let it creep up to that.
        rises_j = np.concatenate((np.diff(energies), [0.0]))
        until_ns = np.maximum(np.concatenate((moments[1:], held_ns[-1:])) - moments, 1.0)
        crept_j = np.minimum(rises_j * (held_ns - moments) / until_ns, self._channel.resolution)
        return (
            np.column_stack((moments, held_ns)).ravel(),
            np.column_stack((energies, energies + crept_j)).ravel(),
        )

    @cached_property
    def _mean_power_w(self) -> Values:
        """From each knot, the mean power until the first one a refresh period later (W)."""
        moments, energies = self._knots
        later = np.searchsorted(moments, moments + self._refresh_ns)
        later = np.minimum(later, len(moments) - 1)
        apart_ns = np.maximum(moments[later] - moments, max(self._refresh_ns, 1.0))
        return np.asarray((energies[later] - energies) / apart_ns * 1e9, np.float64)

    @property
    def _most_w(self) -> float:
        """What the device can draw: its limit, or well above all that was seen."""
        stated_w = self._channel.max_power_w
        return self._with_headroom(self._mean_power_w) if stated_w is None else stated_w

    def _with_headroom(self, powers_w: Values) -> float:
        resolution_w = self._channel.resolution / max(self._channel.refresh_s, 1e-9)
        return POWER_HEADROOM * float(powers_w.max(initial=0.0)) + resolution_w

    def _highest_power_w(self, begin_ns: float, end_ns: float) -> float:
        """The most power to allow for between two moments: the device's, or seen nearby."""
        moments, _ = self._knots
        stated_w = self._channel.max_power_w
        if stated_w is not None or self._is_unread(begin_ns) or self._is_unread(end_ns):
            return self._most_w
        first = max(0, int(np.searchsorted(moments, begin_ns - self._reach_ns)) - 1)
        last = int(np.searchsorted(moments, end_ns + self._reach_ns))
        return min(self._most_w, self._with_headroom(self._mean_power_w[first:last]))

    def _is_unread(self, moment_ns: float) -> bool:
        """Whether the readings around a moment are too far away to show its power."""
        after = int(np.searchsorted(self._latest, moment_ns))
        before_ns, after_ns = self._latest[max(after - 1, 0) : after], self._asked[after:][:1]
        around_ns = [*before_ns, moment_ns, *after_ns]
        return bool(max(around_ns) - min(around_ns) > self._reach_ns)

    def _at(self, moment_ns: int) -> _Bounds:
        """The energy passed at a moment, with its bounds from the facts on both sides."""
        power_w = self._highest_power_w(moment_ns, moment_ns)
        resolution_j = self._channel.resolution
        value_j = low_j = high_j = self._interpolate_j(moment_ns)
        lows, highs = [], []
        passed = int(np.searchsorted(self._latest, moment_ns, "right"))
        if passed > 0:
            lows.append(self._energy_j[passed - 1])
        if passed < len(self._latest):
            shown = np.concatenate(([passed], self._changes_after(passed)))
            until_s = (self._latest[shown] - moment_ns) * 1e-9
            lows.append(float((self._energy_j[shown] - power_w * until_s).max()))
        begun = int(np.searchsorted(self._earliest, moment_ns, "left"))
        if begun < len(self._earliest):
            highs.append(self._energy_j[begun] + resolution_j)
        if begun > 0:
            since_s = (moment_ns - self._earliest[begun - 1]) * 1e-9
            highs.append(self._energy_j[begun - 1] + resolution_j + power_w * since_s)
        # The estimate itself is never moved into the bounds: parts of a window must add up.
        return _Bounds(value_j, min(low_j, float(max(lows))), max(high_j, float(min(highs))))

    def _covering_j(self, begin_ns: int, end_ns: int) -> float:
        """How far from the value the truth lies in 95 % of cases at most."""
        if end_ns < begin_ns or not self._overlaps(begin_ns, end_ns):
            return math.inf
        return covering_j(self._spread_j(begin_ns), self._spread_j(end_ns))

    def _spread_j(self, moment_ns: int) -> float:
        """Over how much energy the truth at a moment is spread by swings and dates (J)."""
        moments, energies = self._knots
        after = int(np.searchsorted(moments, moment_ns, "right"))
        if after in (0, len(moments)) or self._is_unread(moment_ns):
            return math.inf
        step_j = float(energies[after] - energies[after - 1])
        swung_j = SWUNG_FRACTION * step_j
        return math.hypot(swung_j, self._dated_j(moment_ns, after)) + self._channel.resolution

    def _dated_j(self, moment_ns: int, after: int) -> float:
        """What can have been used between the readings that date the changes around a moment."""
        moments, energies = self._knots
        near = slice(max(after - 3, 0), after + 3)
        shortest_s = max(self._channel.refresh_s, 1e-9)
        steps_s = np.maximum(np.diff(moments[near]) * 1e-9, shortest_s)
        power_w = float((np.diff(energies[near]) / steps_s).max())
        later = int(np.searchsorted(self._earliest[self._changes], moment_ns))
        around = self._changes[max(later - 1, 0) : later + 1]
        unsure_ns = (self._latest[around] - self._earliest[around]).max()
        return power_w * float(unsure_ns) * 1e-9

    def _changes_after(self, reading: int) -> NDArray[np.intp]:
        """The next changes that a reading is followed by."""
        first = int(np.searchsorted(self._changes, reading))
        return self._changes[first : first + NEXT_CHANGES]

    def _interpolate_j(self, moment_ns: float) -> float:
        """The energy passed at a moment; beyond the knots the power beside them goes on."""
        moments, energies = self._knots
        within_j = float(np.interp(moment_ns, moments, energies))
        beyond_ns = moment_ns - min(max(moment_ns, moments[0]), moments[-1])
        if beyond_ns == 0:
            return within_j
        stretch_ns = min(max(self._refresh_ns, 1.0), max(moments[-1] - moments[0], 1.0))
        edge_ns = moments[0] + stretch_ns if beyond_ns < 0 else moments[-1] - stretch_ns
        beside_j = abs(within_j - float(np.interp(edge_ns, moments, energies)))
        return within_j + beside_j * float(beyond_ns / stretch_ns)

    def _lost_j(self, begin_ns: int, end_ns: int) -> tuple[float, float]:
        """What losses in a window are estimated at, and the most they can hide (J)."""
        lost_j = hidden_j = 0.0
        limits = CounterLimits.of(self._channel)
        for loss in self._losses:
            shared_ns = min(end_ns, loss.end_ns) - max(begin_ns, loss.begin_ns)
            if shared_ns > 0:
                share = shared_ns / (loss.end_ns - loss.begin_ns)
                lost_j += share * self._estimate_j(loss)
                hidden_j += min(loss.hidden_j, limits.plausible_j(shared_ns))
        return lost_j, hidden_j

    def _estimate_j(self, loss: Loss) -> float:
        """What a loss hides if the power around it went on through it, beyond what was counted."""
        begin_ns = max(loss.begin_ns - self._reach_ns, self._asked[0])
        end_ns = min(loss.end_ns + self._reach_ns, self._latest[-1])
        around_ns = (loss.begin_ns - begin_ns) + (end_ns - loss.end_ns)
        if around_ns <= 0:
            return 0.0
        counted_j = self._interpolate_j(loss.end_ns) - self._interpolate_j(loss.begin_ns)
        around_j = self._interpolate_j(end_ns) - self._interpolate_j(begin_ns) - counted_j
        expected_j = around_j / around_ns * (loss.end_ns - loss.begin_ns)
        return float(min(max(0.0, expected_j - counted_j), loss.hidden_j))
