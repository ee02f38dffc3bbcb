"""The energy that a power gauge's readings show.

Power is interpolated linearly between the readings at which the gauge changed, each dated at
the middle of what it averages, and integrated. The interval takes in

- what interpolation can miss where the power bends: a change may have come anywhere between two
  readings;
- at each boundary, and for all readings together, how unsure the dates of the readings are, at
  the swing of the power nearby;
- at each boundary, what the average hides (``effmeter.energy.averaging``);
- for a gauge that averages over less than its refresh period, what it never looked at
  (``effmeter.energy.part_time``).
"""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel
from effmeter.energy.averaging import Surroundings, hidden_j
from effmeter.energy.confidence import covering_j
from effmeter.energy.counter import Loss
from effmeter.energy.energies import Energies, channel_energies, placed, unknown_energies
from effmeter.energy.part_time import (
    AROUND_S,
    MEAN_FRACTION,
    SMOOTH_FRACTION,
    Glimpses,
    Places,
    Times,
    Values,
    looks_part_time,
)
from effmeter.energy.range_extremes import RangeMax, RangeSpread
from effmeter.energy.sharp_changes import SharpChanges
from effmeter.energy.source import POWER_HEADROOM
from effmeter.energy.stretch_sums import DisjointStretches, disjoint
from effmeter.energy.value import Energy


class GaugeTrace:
    """Energy from the readings of a power gauge (W)."""

    def __init__(
        self,
        channel: Channel,
        times_ns: Times,
        power_w: Values,
        read_s: Values | None = None,
        losses: Sequence[Loss] = (),
        host: str = "",
    ) -> None:
        self._channel = channel
        self._host = host
        self._times_ns = np.asarray(times_ns, np.int64)
        self._power_w = np.asarray(power_w, np.float64)
        self._slowest_read_s = (
            0.0 if read_s is None else float(np.nan_to_num(read_s).max(initial=0))
        )
        self._reach_ns = (channel.refresh_s + channel.window_s) * 1e9
        self._losses = tuple(losses)

    def energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """Energy between two moments; None if they lie wholly outside the readings."""
        return self.energies(np.array([begin_ns]), np.array([end_ns])).at(0)

    def energies(self, begins_ns: Times, ends_ns: Times) -> Energies:
        """The energies of many windows (n,)."""
        count = len(begins_ns)
        chosen = np.flatnonzero(self._overlap(begins_ns, ends_ns))
        if not len(chosen):
            return unknown_energies(count)
        begins_ns, ends_ns = begins_ns[chosen], ends_ns[chosen]
        value_j = self._passed_j(ends_ns) - self._passed_j(begins_ns)
        missed_j = np.hypot(
            np.hypot(self._between_j(begins_ns, ends_ns), self._boundaries_j(begins_ns, ends_ns)),
            self._hidden_j(begins_ns, ends_ns),
        )
        error_j = self._shift_j(begins_ns, ends_ns) + missed_j
        guessed_j, most_j = self._unread_j(begins_ns, ends_ns)
        below_j, above_j = self._unseen_j(begins_ns, ends_ns)
        low_j = np.maximum(0.0, value_j - error_j - guessed_j - below_j)
        high_j = value_j + error_j + np.maximum(0.0, most_j - guessed_j) + above_j
        duration_s = np.asarray((ends_ns - begins_ns) * 1e-9, np.float64)
        found = channel_energies(self._channel, duration_s, value_j, low_j, high_j, self._host)
        return placed(found, chosen, count)

    def _overlap(self, begins_ns: Times, ends_ns: Times) -> NDArray[np.bool_]:
        if not len(self._times_ns):
            return np.zeros(len(begins_ns), np.bool_)
        reach_ns = self._channel.refresh_s * 1e9
        first_ns, last_ns = self._times_ns[0] - reach_ns, self._times_ns[-1] + reach_ns
        is_touching = (begins_ns <= last_ns) & (ends_ns >= first_ns)
        return np.asarray(is_touching & (ends_ns >= begins_ns), np.bool_)

    @cached_property
    def _knots(self) -> tuple[Values, Values]:
        """The moments that the changed readings stand for (ns), and their power (W).

        A value seen for longer than a refresh period still held a refresh period before it was
        last seen.
        """
        changes = self._changes
        changed_ns, unsure_ns = self._dating
        moments = changed_ns - unsure_ns
        last_seen = np.concatenate((changes[1:], [len(self._power_w)])) - 1
        held_ns = np.maximum(self._times_ns[last_seen] - self._channel.refresh_s * 1e9, moments)
        both = np.column_stack((moments, held_ns)).ravel() - self._channel.window_s * 5e8
        return both, np.repeat(self._power_w[changes], 2)

    @cached_property
    def _changes(self) -> NDArray[np.intp]:
        """The readings at which the gauge changed; the first counts as a change.

        Each value that the driver stamps is a new one, even if it equals the one before.
        """
        if self._channel.lag_s is not None:
            return np.arange(len(self._power_w))
        return np.flatnonzero(np.concatenate(([True], np.diff(self._power_w) != 0)))

    @cached_property
    def _dating(self) -> tuple[Values, Values]:
        """When each change was first seen, and half of how long before it can have come (ns)."""
        refreshed = self._times_ns - self._channel.refresh_s * 1e9
        before = np.concatenate((refreshed[:1], self._times_ns[:-1].astype(np.float64)))
        earliest = np.maximum(before, refreshed)[self._changes]
        changed_ns = self._times_ns[self._changes].astype(np.float64)
        return changed_ns, (changed_ns - earliest) / 2

    @cached_property
    def _integral_j(self) -> Values:
        moments, power_w = self._knots
        steps_j = np.diff(moments) * 1e-9 * (power_w[1:] + power_w[:-1]) / 2
        return np.concatenate(([0.0], np.cumsum(steps_j)))

    def _passed_j(self, moments_ns: Times | Values) -> Values:
        """Energy passed at moments since the first knot; the ends hold their power."""
        moments, power_w = self._knots
        last = np.maximum(np.searchsorted(moments, moments_ns, "right") - 1, 0)
        since_s = (moments_ns - moments[last]) * 1e-9
        here_w = np.interp(moments_ns, moments, power_w)
        return np.asarray(self._integral_j[last] + since_s * (power_w[last] + here_w) / 2)

    def _between_j(self, begins_ns: Times, ends_ns: Times) -> Values:
        """What linear interpolation can miss between knots.

        A change may have come anywhere between two readings, as far as it bends away from the
        changes beside it. Where the gauge looks part of the time, a load in step with it misses by
        the same at each sharp rise, and at each sharp fall; all else counts as independent.
        """
        moments, _ = self._knots
        first = np.maximum(np.searchsorted(moments, begins_ns, "right") - 1, 0)
        last = np.minimum(np.searchsorted(moments, ends_ns, "left"), len(moments) - 1)
        last = np.maximum(last, first)
        if not looks_part_time(self._channel):
            missed_j2 = self._missed_j2[last] - self._missed_j2[first]
            return np.asarray(np.sqrt(np.maximum(missed_j2, 0.0)))
        sharp_w = SMOOTH_FRACTION * self._power_spread_w.spread(first, last + 1)
        return self._sharp.missed_j(first, last, sharp_w)

    @cached_property
    def _missed_j2(self) -> Values:
        """Up to each knot, the squares of what interpolation can miss."""
        moments, power_w = self._knots
        apart_s = np.diff(moments) * 1e-9
        return np.concatenate(([0.0], np.cumsum((np.diff(power_w) * apart_s / 2) ** 2)))

    @cached_property
    def _sharp(self) -> SharpChanges:
        moments, power_w = self._knots
        unseen_s = np.maximum(np.diff(moments) * 1e-9 - self._channel.window_s, 0)
        return SharpChanges(np.diff(power_w), self._bends_w * unseen_s / 2)

    @cached_property
    def _power_spread_w(self) -> RangeSpread:
        return RangeSpread(self._knots[1])

    @cached_property
    def _bends_w(self) -> Values:
        """How far the change from each knot to the next differs from the changes beside it (W)."""
        moments, power_w = self._knots
        changes_w, apart_ns = np.diff(power_w), np.diff(moments)
        held = (changes_w == 0) & (apart_ns > self._channel.refresh_s * 5e8)
        kept = (changes_w != 0) | held
        beside_w = np.concatenate(([0.0], changes_w[kept], [0.0]))
        before_w, here_w, after_w = beside_w[:-2], beside_w[1:-1], beside_w[2:]
        # A straight ramp (equal neighbouring changes) bends nowhere: interpolation is then exact.
        bends_w = np.maximum(np.abs(here_w - before_w), np.abs(here_w - after_w))
        # A neighbouring change the other way is a pulse, which may have overshot both readings.
        opposed_w = np.minimum(
            np.maximum(-before_w * np.sign(here_w), 0), np.maximum(-after_w * np.sign(here_w), 0)
        )
        all_w = np.zeros(len(changes_w))
        all_w[kept] = np.minimum(bends_w, np.abs(here_w) + opposed_w)
        return all_w

    @cached_property
    def _most_unsure_ns(self) -> RangeMax:
        return RangeMax(self._dating[1])

    def _unsure_s(self, begins_ns: Values | Times, ends_ns: Values | Times) -> Values:
        """How far readings may stand for other moments than they are dated at."""
        changed_ns, _ = self._dating
        first = np.searchsorted(changed_ns, begins_ns) - 1
        last = np.searchsorted(changed_ns, ends_ns) + 1
        unsure_ns = np.maximum(self._most_unsure_ns.of(first, last), 0.0)
        return np.asarray(unsure_ns * 1e-9 + self._slowest_read_s / 2)

    def _shift_j(self, begins_ns: Times, ends_ns: Times) -> Values:
        """What all readings dated too early, or all too late, would change."""
        begin_w, end_w = (np.interp(at, *self._knots) for at in (begins_ns, ends_ns))
        return np.asarray(np.abs(end_w - begin_w)) * self._unsure_s(begins_ns, ends_ns)

    def _boundaries_j(self, begins_ns: Times, ends_ns: Times) -> Values:
        """Each boundary may sit on the wrong side of a refresh, at the swing nearby."""
        begin_j, end_j = self._boundary_j(begins_ns), self._boundary_j(ends_ns)
        return np.asarray(np.hypot(begin_j, end_j))

    def _boundary_j(self, moments_ns: Times) -> Values:
        moments, _ = self._knots
        at_ns = moments_ns.astype(np.float64)
        begins_ns, ends_ns = at_ns - self._reach_ns, at_ns + self._reach_ns
        first = np.maximum(np.searchsorted(moments, begins_ns) - 1, 0)
        last = np.searchsorted(moments, ends_ns) + 1
        before_ns, after_ns = moments[0] - moments_ns, moments_ns - moments[-1]
        beyond_ns = np.maximum(np.maximum(before_ns, after_ns), 0.0)
        held_s = np.minimum(beyond_ns, self._reach_ns) * 1e-9
        swing_w = np.asarray(self._power_spread_w.spread(first, last) + self._channel.resolution)
        swung_j = swing_w * self._unsure_s(begins_ns, ends_ns)
        return np.asarray(swung_j + self._power_spread_w.highest(first, last) * held_s)

    def _hidden_j(self, begins_ns: Times, ends_ns: Times) -> Values:
        """What the average hides at both boundaries."""
        begin, end = self._surroundings(begins_ns), self._surroundings(ends_ns)
        return hidden_j(self._channel.window_s, begin, end)

    def _surroundings(self, moments_ns: Times) -> Surroundings:
        moments, power_w = self._knots
        window_ns = self._channel.window_s * 1e9
        first = np.maximum(np.searchsorted(moments, moments_ns - window_ns) - 1, 0)
        last = np.searchsorted(moments, moments_ns + window_ns) + 1
        step_w = self._power_spread_w.spread(first, last)
        return Surroundings(np.interp(moments_ns, moments, power_w), step_w)

    def _unseen_j(self, begins_ns: Times, ends_ns: Times) -> tuple[Values, Values]:
        """How far the truth may lie below and above, for what windows never looked at (J)."""
        if not looks_part_time(self._channel):
            return np.zeros(len(begins_ns)), np.zeros(len(begins_ns))
        begins_ns = np.maximum(begins_ns, self._times_ns[0])
        ends_ns = np.maximum(begins_ns, np.minimum(ends_ns, self._times_ns[-1]))
        passed_j = zip(self._passed_j(begins_ns), self._passed_j(ends_ns), strict=True)
        windows = zip(begins_ns.tolist(), ends_ns.tolist(), passed_j, strict=True)
        unseen = np.array(
            [self._unseen_in_j(b, e, last - first) for b, e, (first, last) in windows]
        )
        return unseen[:, 0], unseen[:, 1]

    def _unseen_in_j(self, begin_ns: int, end_ns: int, rest_j: float) -> tuple[float, float]:
        """The same for one window within the readings, which show an energy there."""
        seen_fraction = self._channel.window_s / self._channel.refresh_s
        glimpses = self._glimpses(begin_ns, end_ns)
        rest_s = (end_ns - begin_ns) * 1e-9
        resolved = np.array(glimpses.resolved(), np.float64).reshape(-1, 2)
        resolved = np.clip(resolved, begin_ns, end_ns)
        if len(resolved):
            rest_s -= float(np.diff(resolved).sum()) * 1e-9
            rest_j -= float((self._passed_j(resolved[:, 1]) - self._passed_j(resolved[:, 0])).sum())
        most_j = (1 - seen_fraction) * max(0.0, self._ceiling_w * rest_s - rest_j)
        least_j = (1 - seen_fraction) * max(0.0, rest_j)
        mean_w = glimpses.mean_of_swings_w()
        if mean_w is not None:
            beat_j = mean_w * rest_s - rest_j
            within_j = mean_w * covering_j(self._channel.refresh_s, self._channel.refresh_s) / 2
            unsure_j = math.hypot(MEAN_FRACTION * mean_w * rest_s, within_j)
            return min(least_j, max(0.0, -beat_j) + unsure_j), min(
                most_j, max(0.0, beat_j) + unsure_j
            )
        return least_j, most_j

    def _glimpses(self, begin_ns: int, end_ns: int) -> Glimpses:
        """The readings around a window, one for each update."""
        first_ns = max(begin_ns - AROUND_S * 1e9, float(self._times_ns[0]))
        last_ns = min(end_ns + AROUND_S * 1e9, float(self._times_ns[-1]))
        moments_ns = np.arange(first_ns, last_ns, self._channel.refresh_s * 1e9)
        shown = np.searchsorted(self._times_ns, moments_ns, "right") - 1
        unsure_ns = (self._channel.refresh_s + self._channel.window_s) * 5e8
        return Glimpses(moments_ns - unsure_ns, self._power_w[shown])

    @cached_property
    def _ceiling_w(self) -> float:
        """What the device can draw: its limit, or well above all that was seen."""
        stated_w = self._channel.max_power_w
        return POWER_HEADROOM * float(self._power_w.max()) if stated_w is None else stated_w

    def _unread_j(self, begins_ns: Times, ends_ns: Times) -> tuple[Values, Values]:
        """What was interpolated where nothing was read, and the most there can have been (J)."""

        def guessed(at: Places, begin_ns: Values, end_ns: Values) -> Values:
            del at
            return self._passed_j(end_ns) - self._passed_j(begin_ns)

        def lasting(at: Places, begin_ns: Values, end_ns: Values) -> Values:
            del at
            return end_ns - begin_ns

        first_ns, last_ns = self._times_ns[0] - self._reach_ns, self._times_ns[-1] + self._reach_ns
        guessed_j, unread_ns = np.zeros(len(begins_ns)), np.zeros(len(begins_ns))
        for begin_ns, end_ns in (
            (begins_ns, np.minimum(first_ns, ends_ns)),
            (np.maximum(last_ns, begins_ns), ends_ns),
        ):
            is_beyond = end_ns > begin_ns
            beyond_j = self._passed_j(end_ns) - self._passed_j(begin_ns)
            guessed_j += np.where(is_beyond, beyond_j, 0.0)
            unread_ns += np.where(is_beyond, end_ns - begin_ns, 0.0)
        for layer in self._loss_layers:
            guessed_j += layer.summed(begins_ns, ends_ns, guessed)
            unread_ns += layer.summed(begins_ns, ends_ns, lasting)
        return guessed_j, self._ceiling_w * unread_ns * 1e-9

    @cached_property
    def _loss_layers(self) -> list[DisjointStretches]:
        return disjoint(self._losses)
