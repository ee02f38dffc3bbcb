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
from effmeter.energy.part_time import (
    AROUND_S,
    MEAN_FRACTION,
    SMOOTH_FRACTION,
    Glimpses,
    Times,
    Values,
    looks_part_time,
)
from effmeter.energy.source import POWER_HEADROOM, channel_energy
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
        if end_ns < begin_ns or not self._overlaps(begin_ns, end_ns):
            return None
        value_j = self._passed_j(end_ns) - self._passed_j(begin_ns)
        error_j = self._shift_j(begin_ns, end_ns) + math.hypot(
            self._between_j(begin_ns, end_ns),
            self._boundaries_j(begin_ns, end_ns),
            self._hidden_j(begin_ns, end_ns),
        )
        guessed_j, most_j = self._unread_j(begin_ns, end_ns)
        below_j, above_j = self._unseen_j(begin_ns, end_ns)
        low_j = max(0.0, value_j - error_j - guessed_j - below_j)
        high_j = value_j + error_j + max(0.0, most_j - guessed_j) + above_j
        duration_s = (end_ns - begin_ns) * 1e-9
        return channel_energy(self._channel, duration_s, value_j, low_j, high_j, self._host)

    def _overlaps(self, begin_ns: int, end_ns: int) -> bool:
        if not len(self._times_ns):
            return False
        reach_ns = self._channel.refresh_s * 1e9
        first_ns, last_ns = self._times_ns[0] - reach_ns, self._times_ns[-1] + reach_ns
        return bool(begin_ns <= last_ns and end_ns >= first_ns)

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

    def _passed_j(self, moment_ns: float) -> float:
        """Energy passed at a moment since the first knot; the ends hold their power."""
        moments, power_w = self._knots
        if moment_ns <= moments[0]:
            return float(power_w[0] * (moment_ns - moments[0]) * 1e-9)
        last = int(np.searchsorted(moments, moment_ns, "right")) - 1
        since_s = (moment_ns - moments[last]) * 1e-9
        here_w = float(np.interp(moment_ns, moments, power_w))
        return float(self._integral_j[last] + since_s * (power_w[last] + here_w) / 2)

    def _between_j(self, begin_ns: int, end_ns: int) -> float:
        """What linear interpolation can miss between knots.

        A change may have come anywhere between two readings, as far as it bends away from the
        changes beside it. Where the gauge looks part of the time, a load in step with it misses by
        the same at each sharp rise, and at each sharp fall; all else counts as independent.
        """
        moments, power_w = self._knots
        first = max(0, int(np.searchsorted(moments, begin_ns, "right")) - 1)
        last = int(np.searchsorted(moments, end_ns, "left"))
        apart_s = np.diff(moments[first : last + 1]) * 1e-9
        changes_w = np.diff(power_w[first : last + 1])
        if not looks_part_time(self._channel):
            return float(np.sqrt(np.sum((changes_w * apart_s / 2) ** 2)))
        missed_j = self._bends_w[first:last] * np.maximum(apart_s - self._channel.window_s, 0) / 2
        sharp_w = SMOOTH_FRACTION * float(np.ptp(power_w[first : last + 1]))
        rises_j, falls_j = (
            missed_j[changes_w >= sharp_w].sum(),
            missed_j[changes_w <= -sharp_w].sum(),
        )
        smooth_j = missed_j[np.abs(changes_w) < sharp_w]
        return math.hypot(rises_j, falls_j, *smooth_j)

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

    def _unsure_s(self, begin_ns: float, end_ns: float) -> float:
        """How far a reading may stand for another moment than it is dated at."""
        changed_ns, unsure_ns = self._dating
        first = max(0, int(np.searchsorted(changed_ns, begin_ns)) - 1)
        last = int(np.searchsorted(changed_ns, end_ns)) + 1
        return float(unsure_ns[first:last].max(initial=0)) * 1e-9 + self._slowest_read_s / 2

    def _shift_j(self, begin_ns: int, end_ns: int) -> float:
        """What all readings dated too early, or all too late, would change."""
        begin_w, end_w = np.interp([begin_ns, end_ns], *self._knots)
        return float(abs(end_w - begin_w)) * self._unsure_s(begin_ns, end_ns)

    def _boundaries_j(self, begin_ns: int, end_ns: int) -> float:
        """Each boundary may sit on the wrong side of a refresh, at the swing nearby."""
        moments, power_w = self._knots
        error_j = 0.0
        for moment_ns in (begin_ns, end_ns):
            around_ns = (moment_ns - self._reach_ns, moment_ns + self._reach_ns)
            first = max(0, int(np.searchsorted(moments, around_ns[0])) - 1)
            last = int(np.searchsorted(moments, around_ns[1]))
            nearby = power_w[first : last + 1]
            beyond_ns = max(moments[0] - moment_ns, moment_ns - moments[-1], 0.0)
            held_s = min(beyond_ns, self._reach_ns) * 1e-9
            swing_w = float(nearby.max() - nearby.min()) + self._channel.resolution
            swung_j = swing_w * self._unsure_s(*around_ns)
            error_j = math.hypot(error_j, swung_j + float(nearby.max()) * held_s)
        return error_j

    def _hidden_j(self, begin_ns: int, end_ns: int) -> float:
        """What the average hides at both boundaries."""
        begin, end = self._surroundings(begin_ns), self._surroundings(end_ns)
        return hidden_j(self._channel.window_s, begin, end)

    def _surroundings(self, moment_ns: int) -> Surroundings:
        moments, power_w = self._knots
        window_ns = self._channel.window_s * 1e9
        first = max(0, int(np.searchsorted(moments, moment_ns - window_ns)) - 1)
        last = int(np.searchsorted(moments, moment_ns + window_ns))
        step_w = float(np.ptp(power_w[first : last + 1]))
        return Surroundings(float(np.interp(moment_ns, moments, power_w)), step_w)

    def _unseen_j(self, begin_ns: int, end_ns: int) -> tuple[float, float]:
        """How far the truth may lie below and above, for what a window never looked at (J)."""
        if not looks_part_time(self._channel):
            return 0.0, 0.0
        seen_fraction = self._channel.window_s / self._channel.refresh_s
        begin_ns = max(begin_ns, int(self._times_ns[0]))
        end_ns = max(begin_ns, min(end_ns, int(self._times_ns[-1])))
        glimpses = self._glimpses(begin_ns, end_ns)
        rest_s, rest_j = (end_ns - begin_ns) * 1e-9, self._between_moments_j(begin_ns, end_ns)
        for first_ns, last_ns in glimpses.resolved():
            first_ns, last_ns = max(first_ns, begin_ns), min(last_ns, end_ns)
            if last_ns > first_ns:
                rest_s -= (last_ns - first_ns) * 1e-9
                rest_j -= self._between_moments_j(first_ns, last_ns)
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

    def _between_moments_j(self, begin_ns: float, end_ns: float) -> float:
        return self._passed_j(end_ns) - self._passed_j(begin_ns)

    def _glimpses(self, begin_ns: int, end_ns: int) -> Glimpses:
        """The readings around a window, one for each update."""
        first_ns = max(begin_ns - AROUND_S * 1e9, float(self._times_ns[0]))
        last_ns = min(end_ns + AROUND_S * 1e9, float(self._times_ns[-1]))
        moments_ns = np.arange(first_ns, last_ns, self._channel.refresh_s * 1e9)
        shown = np.searchsorted(self._times_ns, moments_ns, "right") - 1
        unsure_ns = (self._channel.refresh_s + self._channel.window_s) * 5e8
        return Glimpses(moments_ns - unsure_ns, self._power_w[shown])

    @property
    def _ceiling_w(self) -> float:
        """What the device can draw: its limit, or well above all that was seen."""
        stated_w = self._channel.max_power_w
        return POWER_HEADROOM * float(self._power_w.max()) if stated_w is None else stated_w

    def _unread_j(self, begin_ns: int, end_ns: int) -> tuple[float, float]:
        """What was interpolated where nothing was read, and the most there can have been (J)."""
        unread: list[tuple[float, float]] = [(loss.begin_ns, loss.end_ns) for loss in self._losses]
        unread.append((-math.inf, self._times_ns[0] - self._reach_ns))
        unread.append((self._times_ns[-1] + self._reach_ns, math.inf))
        guessed_j = most_j = 0.0
        for first_ns, last_ns in unread:
            first_ns, last_ns = max(first_ns, begin_ns), min(last_ns, end_ns)
            if last_ns > first_ns:
                guessed_j += self._passed_j(last_ns) - self._passed_j(first_ns)
                most_j += self._ceiling_w * (last_ns - first_ns) * 1e-9
        return guessed_j, most_j
