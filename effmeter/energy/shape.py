"""The course of the power between the readings of a counter, from values that the driver stamped.

Each value is the mean power over ``Channel.window_s``, whose middle lies ``Channel.lag_s`` before
its stamp. Power is interpolated linearly between the middles and integrated. Where values lie
further apart than they average over, the power between them was not seen: a sharp change may have
come anywhere there.
"""

import math
from dataclasses import dataclass

import numpy as np

from effmeter.channel import Channel
from effmeter.energy.part_time import Times, Values

APART_REFRESHES = 3.0
"""Values further apart than this many refresh periods (37 ms at 20 ms were seen) leave a hole."""
DATED_S = 0.004
"""How far all values may stand for other moments: how well their lag is known. Averaging smears a
flank by an eighth of the window besides."""
MOST_LATER_S = 3600.0
"""No file can shift a value by more: times stay whole nanoseconds."""
JITTER_S = 0.003
"""How far each stamp by itself may be off."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a moment lies in the shape."""

    stretch: int
    """The number of the stretch without holes."""
    passed_j: float
    """The energy since the first value; comparable within one stretch."""


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

    def place(self, moment_ns: float) -> Place | None:
        """Where a moment lies; None where no values lie around it."""
        if not len(self._middles):
            return None
        before = int(np.searchsorted(self._middles, moment_ns, "right")) - 1
        after = before + 1
        in_hole = before < 0 or after == len(self._middles) or before in self._ends
        if not in_hole:
            return Place(self._stretch(before), self._between(before, moment_ns))
        if before >= 0 and moment_ns - self._middles[before] <= self._hold_ns:
            held_j = (moment_ns - self._middles[before]) * 1e-9 * self._power_w[before]
            return Place(self._stretch(before), float(self._passed_j[before] + held_j))
        if after < len(self._middles) and self._middles[after] - moment_ns <= self._hold_ns:
            held_j = (self._middles[after] - moment_ns) * 1e-9 * self._power_w[after]
            return Place(self._stretch(after), float(self._passed_j[after] - held_j))
        return None

    def boundary_j(self, moment_ns: float) -> float:
        """How far off the energy passed at a moment may be, for the dates of the values there."""
        first = max(0, int(np.searchsorted(self._middles, moment_ns - self._hold_ns)) - 1)
        last = int(np.searchsorted(self._middles, moment_ns + self._hold_ns)) + 1
        beyond_ns = max(self._middles[0] - moment_ns, moment_ns - self._middles[-1], 0.0)
        unsure_s = self.dated_s + self._unseen_s + float(beyond_ns) * 1e-9
        return float(np.ptp(self._power_w[first:last])) * unsure_s

    def random_j(self, begin_ns: float, end_ns: float) -> float:
        """How far off the energy between two moments may be, for the stamps of single values."""
        (random_j2,) = self._sums_j(begin_ns, end_ns, self._random_j2)
        return math.sqrt(max(random_j2, 0.0))

    def unseen_j(self, begin_ns: float, end_ns: float) -> float:
        """The same for what values that see only part of the time leave unseen."""
        return math.hypot(*self._sums_j(begin_ns, end_ns, self._rises_j, self._falls_j))

    def _sums_j(self, begin_ns: float, end_ns: float, *cumulated: Values) -> tuple[float, ...]:
        """What is cumulated over the values from before one moment to after another."""
        before, after = np.searchsorted(self._middles, [begin_ns, end_ns])
        first, last = max(int(before) - 1, 0), min(int(after), len(self._middles) - 1)
        return tuple(float(sums[last] - sums[first]) for sums in cumulated)

    def power_w(self, moment_ns: float) -> float:
        """The interpolated power at a moment."""
        return float(np.interp(moment_ns, self._middles, self._power_w))

    def _stretch(self, value: int) -> int:
        return int(np.searchsorted(self._ends, value))

    def _between(self, before: int, moment_ns: float) -> float:
        since_s = (moment_ns - self._middles[before]) * 1e-9
        here_w = self.power_w(moment_ns)
        return float(self._passed_j[before] + since_s * (self._power_w[before] + here_w) / 2)


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
