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

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel
from effmeter.energy.confidence import coverings_j
from effmeter.energy.counter import CounterLimits, Loss
from effmeter.energy.energies import Energies, channel_energies, placed, unknown_energies
from effmeter.energy.part_time import Places, Times, Values
from effmeter.energy.range_extremes import RangeMax
from effmeter.energy.source import POWER_HEADROOM
from effmeter.energy.stretch_sums import DisjointStretches, disjoint
from effmeter.energy.value import Energy

NEARBY_S = 1.0
"""How far around a boundary the power counts as nearby, at least."""
SWUNG_FRACTION = 0.9
"""How much of a step a swing within a refresh period is taken to move the energy at most: short
pulses of ten times the mean power, repeated with the refresh, move it by so much."""
NEXT_CHANGES = 2
"""How many changes after a boundary are asked what had been used there at least."""


class _Bounds(NamedTuple):
    """The energy passed at many moments, since the first reading (n,)."""

    value_j: Values
    low_j: Values
    high_j: Values


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
        return self.energies(np.array([begin_ns]), np.array([end_ns])).at(0)

    def energies(self, begins_ns: Times, ends_ns: Times) -> Energies:
        """The energies of many windows (n,)."""
        return self._within(begins_ns, ends_ns, is_certain=False)

    def bounds(self, begin_ns: int, end_ns: int) -> Energy | None:
        """The same with an interval that no load within the bounded power can leave."""
        window = np.array([begin_ns]), np.array([end_ns])
        return self._within(*window, is_certain=True).at(0)

    @property
    def facts(self) -> tuple[Values, Values, Values]:
        """The earliest and latest moment (ns) at which each reading's energy (J) was passed."""
        return self._earliest, self._latest.astype(np.float64), self._energy_j

    def passed_j(self, moments_ns: Times) -> tuple[Values, Values, Values]:
        """The energy passed at moments (n,) since the first reading, and its bounds (J)."""
        at = self._at(moments_ns)
        return at.value_j, at.low_j, at.high_j

    def _within(self, begins_ns: Times, ends_ns: Times, *, is_certain: bool) -> Energies:
        """The energies with their bounds, which hold always or in 95 % of cases."""
        count = len(begins_ns)
        chosen = np.flatnonzero(self._overlap(begins_ns, ends_ns))
        if not len(chosen):
            return unknown_energies(count)
        begins_ns, ends_ns = begins_ns[chosen], ends_ns[chosen]
        begin, end = self._at(begins_ns), self._at(ends_ns)
        counted_j = end.value_j - begin.value_j
        reach_j = np.full(len(chosen), np.inf)
        if not is_certain:
            reach_j = coverings_j(self._spread_j(begins_ns), self._spread_j(ends_ns))
        duration_s = np.asarray((ends_ns - begins_ns) * 1e-9, np.float64)
        ceiling_j = self._highest_power_w(begins_ns, ends_ns) * (ends_ns - begins_ns) * 1e-9
        high_j = np.minimum(end.high_j - begin.low_j, np.minimum(ceiling_j, counted_j + reach_j))
        low_j = np.maximum(end.low_j - begin.high_j, counted_j - reach_j)
        high_j, low_j = np.maximum(counted_j, high_j), np.maximum(0.0, low_j)
        lost_j, hidden_j = self._lost_j(begins_ns, ends_ns)
        high_j = high_j + np.maximum(hidden_j, lost_j)
        value_j = counted_j + lost_j
        found = channel_energies(self._channel, duration_s, value_j, low_j, high_j, self._host)
        return placed(found, chosen, count)

    def _overlap(self, begins_ns: Times, ends_ns: Times) -> NDArray[np.bool_]:
        if len(self._latest) < 2:
            return np.zeros(len(begins_ns), np.bool_)
        first_ns, last_ns = self._asked[0] - self._refresh_ns, self._latest[-1] + self._refresh_ns
        is_touching = (begins_ns <= last_ns) & (ends_ns >= first_ns)
        return np.asarray(is_touching & (ends_ns >= begins_ns), np.bool_)

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

    @cached_property
    def _most_w(self) -> float:
        """What the device can draw: its limit, or well above all that was seen."""
        stated_w = self._channel.max_power_w
        if stated_w is not None:
            return stated_w
        return float(self._with_headroom(self._mean_power_w.max(initial=0.0, keepdims=True))[0])

    def _with_headroom(self, powers_w: Values) -> Values:
        resolution_w = self._channel.resolution / max(self._channel.refresh_s, 1e-9)
        return POWER_HEADROOM * np.maximum(powers_w, 0.0) + resolution_w

    @cached_property
    def _highest_means_w(self) -> RangeMax:
        return RangeMax(self._mean_power_w)

    def _highest_power_w(self, begins_ns: Times, ends_ns: Times) -> Values:
        """The most power to allow for in windows: the device's, or seen nearby."""
        most_w = np.full(len(begins_ns), self._most_w)
        if self._channel.max_power_w is not None:
            return most_w
        moments, _ = self._knots
        first = np.searchsorted(moments, begins_ns - self._reach_ns) - 1
        last = np.searchsorted(moments, ends_ns + self._reach_ns)
        nearby_w = self._with_headroom(self._highest_means_w.of(first, last))
        is_unread = self._is_unread(begins_ns) | self._is_unread(ends_ns)
        return np.where(is_unread, most_w, np.minimum(most_w, nearby_w))

    def _is_unread(self, moments_ns: Times) -> NDArray[np.bool_]:
        """Whether the readings around moments are too far away to show their power."""
        count = len(self._latest)
        after = np.searchsorted(self._latest, moments_ns)
        before_ns = np.where(after > 0, self._latest[np.maximum(after - 1, 0)], moments_ns)
        after_ns = np.where(after < count, self._asked[np.minimum(after, count - 1)], moments_ns)
        latest_ns = np.maximum(np.maximum(before_ns, after_ns), moments_ns)
        earliest_ns = np.minimum(np.minimum(before_ns, after_ns), moments_ns)
        return np.asarray(latest_ns - earliest_ns > self._reach_ns, np.bool_)

    def _at(self, moments_ns: Times) -> _Bounds:
        """The energy passed at moments, with its bounds from the facts on both sides."""
        power_w = self._highest_power_w(moments_ns, moments_ns)
        value_j = self._interpolate_j(moments_ns)
        low_j = np.minimum(value_j, self._lowest_j(moments_ns, power_w))
        # The estimate itself is never moved into the bounds: parts of a window must add up.
        return _Bounds(value_j, low_j, np.maximum(value_j, self._highest_j(moments_ns, power_w)))

    def _lowest_j(self, moments_ns: Times, power_w: Values) -> Values:
        """The least that was passed, by the reading before and some of those after."""
        count = len(self._latest)
        passed = np.searchsorted(self._latest, moments_ns, "right")
        low_j = np.where(passed > 0, self._energy_j[np.maximum(passed - 1, 0)], -np.inf)
        change = np.searchsorted(self._changes, passed)
        shown = [np.where(passed < count, passed, -1)]
        for following in range(NEXT_CHANGES):
            at = np.minimum(change + following, len(self._changes) - 1)
            shown.append(np.where(change + following < len(self._changes), self._changes[at], -1))
        for reading in shown:
            until_s = (self._latest[reading] - moments_ns) * 1e-9
            least_j = self._energy_j[reading] - power_w * until_s
            low_j = np.maximum(low_j, np.where(reading >= 0, least_j, -np.inf))
        return low_j

    def _highest_j(self, moments_ns: Times, power_w: Values) -> Values:
        """The most that was passed, by the readings on both sides."""
        count, resolution_j = len(self._latest), self._channel.resolution
        begun = np.searchsorted(self._earliest, moments_ns, "left")
        after_j = self._energy_j[np.minimum(begun, count - 1)] + resolution_j
        since_s = (moments_ns - self._earliest[np.maximum(begun - 1, 0)]) * 1e-9
        before_j = self._energy_j[np.maximum(begun - 1, 0)] + resolution_j + power_w * since_s
        return np.minimum(
            np.where(begun < count, after_j, np.inf), np.where(begun > 0, before_j, np.inf)
        )

    def _spread_j(self, moments_ns: Times) -> Values:
        """Over how much energy the truth at moments is spread by swings and dates (J)."""
        moments, energies = self._knots
        after = np.searchsorted(moments, moments_ns, "right")
        is_outside = (after == 0) | (after == len(moments))
        inside = np.clip(after, 1, len(moments) - 1)
        swung_j = SWUNG_FRACTION * (energies[inside] - energies[inside - 1])
        spread_j = np.hypot(swung_j, self._dated_j(moments_ns, inside)) + self._channel.resolution
        return np.where(is_outside | self._is_unread(moments_ns), np.inf, spread_j)

    @cached_property
    def _knot_power_w(self) -> Values:
        """From each knot to the next, over a refresh period at least (W)."""
        moments, energies = self._knots
        shortest_s = max(self._channel.refresh_s, 1e-9)
        return np.diff(energies) / np.maximum(np.diff(moments) * 1e-9, shortest_s)

    def _dated_j(self, moments_ns: Times, after: Places) -> Values:
        """What can have been used between the readings that date the changes around moments."""
        steps = len(self._knot_power_w)
        power_w = np.full(len(moments_ns), -np.inf)
        for beside in range(-3, 2):
            step = after + beside
            is_there = (step >= 0) & (step < steps)
            step_w = self._knot_power_w[np.clip(step, 0, steps - 1)]
            power_w = np.maximum(power_w, np.where(is_there, step_w, -np.inf))
        earliest_ns = self._earliest[self._changes]
        unsure_ns = self._latest[self._changes] - earliest_ns
        later = np.searchsorted(earliest_ns, moments_ns)
        last = np.minimum(later, len(unsure_ns) - 1)
        around_ns = np.maximum(unsure_ns[np.maximum(later - 1, 0)], unsure_ns[last])
        return np.asarray(power_w * around_ns * 1e-9)

    def _interpolate_j(self, moments_ns: Times | Values) -> Values:
        """The energy passed at moments; beyond the knots the power beside them goes on."""
        moments, energies = self._knots
        within_j = np.interp(moments_ns, moments, energies)
        beyond_ns = moments_ns - np.clip(moments_ns, moments[0], moments[-1])
        if not beyond_ns.any():
            return within_j
        stretch_ns = min(max(self._refresh_ns, 1.0), max(moments[-1] - moments[0], 1.0))
        edges_ns = np.array([moments[0] + stretch_ns, moments[-1] - stretch_ns])
        beside_j = np.abs(np.array([energies[0], energies[-1]]) - np.interp(edges_ns, *self._knots))
        rate = np.where(beyond_ns < 0, beside_j[0], beside_j[1])
        return np.asarray(within_j + rate * (beyond_ns / stretch_ns))

    def _lost_j(self, begins_ns: Times, ends_ns: Times) -> tuple[Values, Values]:
        """What losses in windows are estimated at, and the most they can hide (J)."""
        lost_j, hidden_j = np.zeros(len(begins_ns)), np.zeros(len(begins_ns))
        limits = CounterLimits.of(self._channel)
        for layer, estimated_j in self._loss_layers:
            lengths_ns = layer.ends_ns - layer.begins_ns
            most_j = np.array([loss.hidden_j for loss in layer.losses])

            def lost(
                at: Places,
                begin_ns: Values,
                end_ns: Values,
                lengths_ns: Values = lengths_ns,
                estimated_j: Values = estimated_j,
            ) -> Values:
                return (end_ns - begin_ns) / lengths_ns[at] * estimated_j[at]

            def hidden(
                at: Places, begin_ns: Values, end_ns: Values, most_j: Values = most_j
            ) -> Values:
                plausible_j = limits.max_power_w * ((end_ns - begin_ns) * 1e-9 + limits.refresh_s)
                return np.minimum(most_j[at], plausible_j + limits.unit_j)

            lost_j += layer.summed(begins_ns, ends_ns, lost)
            hidden_j += layer.summed(begins_ns, ends_ns, hidden)
        return lost_j, hidden_j

    @cached_property
    def _loss_layers(self) -> list[tuple[DisjointStretches, Values]]:
        """The losses, with what each is estimated at."""
        return [(layer, self._estimated_j(layer)) for layer in disjoint(self._losses)]

    def _estimated_j(self, layer: DisjointStretches) -> Values:
        """What losses hide if the power around them went on, beyond what was counted."""
        first_ns, last_ns = layer.begins_ns, layer.ends_ns
        begin_ns = np.maximum(first_ns - self._reach_ns, self._asked[0])
        end_ns = np.minimum(last_ns + self._reach_ns, self._latest[-1])
        around_ns = (first_ns - begin_ns) + (end_ns - last_ns)
        counted_j = self._interpolate_j(last_ns) - self._interpolate_j(first_ns)
        around_j = self._interpolate_j(end_ns) - self._interpolate_j(begin_ns) - counted_j
        is_around = around_ns > 0
        expected_j = around_j / np.where(is_around, around_ns, 1.0) * (last_ns - first_ns)
        most_j = np.array([loss.hidden_j for loss in layer.losses])
        estimated_j = np.minimum(np.maximum(0.0, expected_j - counted_j), most_j)
        return np.where(is_around, estimated_j, 0.0)
