"""The course of the power between the readings of a counter, from values that the driver stamped.

Each value is the mean power over ``Channel.window_s``, whose middle lies ``Channel.lag_s`` before
its stamp. Power is interpolated linearly between the middles and integrated. Where values lie
further apart than they average over, the power between them was not seen: a sharp change may have
come anywhere there.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel
from effmeter.energy.part_time import Times, Values
from effmeter.energy.range_extremes import RangeSpread

APART_REFRESHES = 3.0
"""Values further apart than this many refresh periods (37 ms at 20 ms were seen) leave a hole."""
DATED_S = 0.004
"""How far all values may stand for other moments: how well their lag is known. Averaging smears a
flank by an eighth of the window besides."""
MOST_LATER_S = 3600.0
"""No file can shift a value by more: times stay whole nanoseconds."""
JITTER_S = 0.003
"""How far each stamp by itself may be off."""


class Places(NamedTuple):
    """Where moments lie in the shape (n,)."""

    stretches: NDArray[np.intp]
    """The numbers of the stretches without holes; ``NOWHERE`` where no values lie around."""
    passed_j: Values
    """The energy since the first value; comparable within one stretch."""


NOWHERE = -1


class Shape:
    """The integral of stamped power values (W), stretch by stretch."""

    def __init__(self, channel: Channel, stamps_ns: Times, power_w: Values) -> None:
        # A value stands for its neighbourhood: this far beyond the last middle it still holds.
        self._hold_ns = (channel.window_s + channel.refresh_s) * 1e9
        ascending = np.concatenate((np.ones(min(len(stamps_ns), 1), bool), np.diff(stamps_ns) > 0))
        lag_ns = (channel.lag_s or 0.0) * 1e9
        self.dated_s = DATED_S + channel.window_s / 8
        """How far a value may stand for another moment."""
        self._middles = stamps_ns[ascending].astype(np.float64) - lag_ns
        self._power_w = np.asarray(power_w, np.float64)[ascending]
        apart_ns = np.diff(self._middles)
        self._ends = np.flatnonzero(apart_ns > APART_REFRESHES * channel.refresh_s * 1e9)
        self._is_end = np.zeros(max(len(self._middles), 1), np.bool_)
        self._is_end[self._ends] = True
        changes_w = np.diff(self._power_w)
        steps_j = apart_ns * 1e-9 * (self._power_w[1:] + self._power_w[:-1]) / 2
        self._passed_j = _cumulated(steps_j)
        # As a rule values lie closer than they average over; what stragglers miss is random.
        unseen_s = np.maximum(apart_ns * 1e-9 - channel.window_s, 0.0)
        self._unseen_s = float(np.median(unseen_s)) if len(unseen_s) else 0.0
        random_s = np.hypot(np.maximum(unseen_s - self._unseen_s, 0.0) / 2, JITTER_S)
        self._random_j2 = _cumulated((changes_w * random_s) ** 2)
        # A load in step with the driver misses by the same at each rise, and at each fall.
        self._rises_j = _cumulated(np.maximum(changes_w, 0.0) * self._unseen_s)
        self._falls_j = _cumulated(np.maximum(-changes_w, 0.0) * self._unseen_s)

    def places(self, moments_ns: Times | Values) -> Places:
        """Where moments lie (n,)."""
        count = len(self._middles)
        if not count:
            return Places(np.full(len(moments_ns), NOWHERE), np.zeros(len(moments_ns)))
        before = np.searchsorted(self._middles, moments_ns, "right") - 1
        earlier, later = np.maximum(before, 0), np.minimum(before + 1, count - 1)
        in_hole = (before < 0) | (before + 1 == count) | self._is_end[earlier]
        since_ns = moments_ns - self._middles[earlier]
        until_ns = self._middles[later] - moments_ns
        here_w = self.power_w(moments_ns)
        between_j = (
            self._passed_j[earlier] + since_ns * 1e-9 * (self._power_w[earlier] + here_w) / 2
        )
        after_j = self._passed_j[earlier] + since_ns * 1e-9 * self._power_w[earlier]
        until_j = self._passed_j[later] - until_ns * 1e-9 * self._power_w[later]
        is_after = (before >= 0) & (since_ns <= self._hold_ns)
        is_before = (before + 1 < count) & (until_ns <= self._hold_ns)
        cases = [~in_hole, is_after, is_before]
        value = np.select(cases, [earlier, earlier, later], NOWHERE)
        stretches = np.where(value < 0, NOWHERE, np.searchsorted(self._ends, value))
        return Places(stretches, np.select(cases, [between_j, after_j, until_j], 0.0))

    def boundary_j(self, moments_ns: Times) -> Values:
        """How far off the energy passed at moments may be, for the dates of the values there."""
        first = np.searchsorted(self._middles, moments_ns - self._hold_ns) - 1
        last = np.searchsorted(self._middles, moments_ns + self._hold_ns) + 1
        before_ns, after_ns = self._middles[0] - moments_ns, moments_ns - self._middles[-1]
        beyond_ns = np.maximum(np.maximum(before_ns, after_ns), 0.0)
        unsure_s = self.dated_s + self._unseen_s + beyond_ns * 1e-9
        return np.asarray(self._spread_w.spread(first, last) * unsure_s)

    @cached_property
    def _spread_w(self) -> RangeSpread:
        return RangeSpread(self._power_w)

    def random_j(self, begins_ns: Times, ends_ns: Times) -> Values:
        """How far off the energies of windows may be, for the stamps of single values."""
        (random_j2,) = self._sums_j(begins_ns, ends_ns, self._random_j2)
        return np.asarray(np.sqrt(np.maximum(random_j2, 0.0)))

    def unseen_j(self, begins_ns: Times, ends_ns: Times) -> Values:
        """The same for what values that see only part of the time leave unseen."""
        return np.asarray(np.hypot(*self._sums_j(begins_ns, ends_ns, self._rises_j, self._falls_j)))

    def _sums_j(self, begins_ns: Times, ends_ns: Times, *cumulated: Values) -> list[Values]:
        """What is cumulated over the values from before one moment to after another."""
        before = np.searchsorted(self._middles, begins_ns)
        after = np.searchsorted(self._middles, ends_ns)
        first, last = np.maximum(before - 1, 0), np.minimum(after, len(self._middles) - 1)
        return [sums[last] - sums[first] for sums in cumulated]

    def power_w(self, moments_ns: Times | Values) -> Values:
        """The interpolated power at moments."""
        return np.asarray(np.interp(moments_ns, self._middles, self._power_w))


def polled_ns(channel: Channel, times_ns: Times) -> Times:
    """When a gauge that is polled as often as it refreshes would have shown stamped values.

    ``GaugeTrace`` dates a value half a refresh period and half a window before it was first read.
    """
    if channel.lag_s is None:
        return times_ns
    later_s = (channel.refresh_s + channel.window_s) / 2 - channel.lag_s
    return times_ns + round(min(max(later_s, -MOST_LATER_S), MOST_LATER_S) * 1e9)


def _cumulated(values: Values) -> Values:
    return np.concatenate(([0.0], np.cumsum(values)))
