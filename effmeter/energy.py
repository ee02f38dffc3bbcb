"""From readings to joules with an interval: pure arithmetic over arrays.

**Counters.** A counter read at ``t`` shows the energy at its last refresh, which lies within
``refresh_s`` before ``t``; where the reading before showed less, it lies after that reading.
So each reading ``i`` is a fact: the energy passed ``E_i`` (to within the resolution) at a moment
in ``[earliest_i, latest_i]``. Energy never falls and rises at most at a bounded power. From the
facts on both sides of a boundary follow a lower and an upper bound there; the estimate
interpolates linearly between the moments at which the counter changed. The bounded power is
``POWER_HEADROOM`` times the highest mean power over a refresh period that was seen within
``NEARBY_S`` (or ten refresh periods), never above what the device can draw.

**Gauges.** Power is interpolated linearly between the readings at which the gauge changed, each
dated at the middle of what it averages, and integrated. Each stretch is uncertain by half the
change across it (independent from stretch to stretch); each boundary by the sensor's refresh
period at the swing of the power nearby.

**Where nothing was read.** A counter that goes on has counted through a gap. Where it was reset,
where a gauge has a gap, and before the first and after the last reading, the energy is estimated
from the power nearby and bounded by zero and by what the device can have used: its limit, or
``POWER_HEADROOM`` times the highest power seen.

A sensor's stated gain error is kept apart as systematic: it does not shrink by averaging.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from effmeter.counters import CounterLimits, Loss
from effmeter.schema import Channel, Kind

POWER_HEADROOM = 2.0
"""How far power inside one refresh period may exceed the highest mean seen around it."""
NEARBY_S = 1.0
"""How far around a boundary the power counts as nearby, at least."""

Times = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy, the interval that holds it, and the sensor's systematic error beside it (J)."""

    value_j: float
    low_j: float
    high_j: float
    systematic_j: float = 0.0
    """Half-width of what the sensor's stated gain error can add to the interval."""

    def __add__(self, other: "Energy") -> "Energy":
        """The sum: bounds add up, since the parts may err together."""
        return Energy(
            self.value_j + other.value_j,
            self.low_j + other.low_j,
            self.high_j + other.high_j,
            self.systematic_j + other.systematic_j,
        )

    @property
    def half_width_j(self) -> float:
        """Half of the interval's width."""
        return (self.high_j - self.low_j) / 2


def total(energies: Iterable[Energy]) -> Energy | None:
    """The sum of energies; None if there are none, since nothing is not zero."""
    summed: Energy | None = None
    for energy in energies:
        summed = energy if summed is None else summed + energy
    return summed


class Trace(Protocol):
    """All readings of one channel of one run."""

    def energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """Energy used between two moments; None where no reading lets it be known."""


def trace(
    channel: Channel,
    times_ns: Times,
    values: Values,
    read_s: Values | None = None,
    losses: Sequence[Loss] = (),
) -> Trace:
    """The arithmetic that fits a channel.

    ``times_ns`` (n,) ascending; ``values`` (n,) joules since the start or watts; ``read_s`` (n,)
    how long each reading took, where that matters.
    """
    if channel.kind is Kind.COUNTER:
        return CounterTrace(channel, times_ns, values, read_s, losses)
    return GaugeTrace(channel, times_ns, values, read_s, losses)


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
    ) -> None:
        self._channel = channel
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
        if end_ns < begin_ns or not self._overlaps(begin_ns, end_ns):
            return None
        begin, end = self._at(begin_ns), self._at(end_ns)
        counted_j = end.value_j - begin.value_j
        lost_j, hidden_j = self._lost_j(begin_ns, end_ns)
        ceiling_j = self._highest_power_w(begin_ns, end_ns) * (end_ns - begin_ns) * 1e-9
        high_j = max(counted_j, min(end.high_j - begin.low_j, ceiling_j))
        low_j = max(0.0, end.low_j - begin.high_j)
        return _widen(self._channel, counted_j + lost_j, low_j, high_j + max(hidden_j, lost_j))

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
        held_ns = np.maximum(self._asked[last_seen] - self._refresh_ns, moments)
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
        """The most power to allow for between two moments: seen nearby, or the device's."""
        moments, _ = self._knots
        if self._is_unread(begin_ns) or self._is_unread(end_ns):
            return self._most_w
        first = max(0, int(np.searchsorted(moments, begin_ns - self._reach_ns)) - 1)
        last = int(np.searchsorted(moments, end_ns + self._reach_ns))
        return min(self._most_w, self._with_headroom(self._mean_power_w[first:last]))

    def _is_unread(self, moment_ns: float) -> bool:
        """Whether the readings around a moment are too far to tell its power."""
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
            until_s = (self._latest[passed] - moment_ns) * 1e-9
            lows.append(self._energy_j[passed] - power_w * until_s)
        begun = int(np.searchsorted(self._earliest, moment_ns, "left"))
        if begun < len(self._earliest):
            highs.append(self._energy_j[begun] + resolution_j)
        if begun > 0:
            since_s = (moment_ns - self._earliest[begun - 1]) * 1e-9
            highs.append(self._energy_j[begun - 1] + resolution_j + power_w * since_s)
        # The estimate itself is never moved into the bounds: parts of a window must add up.
        return _Bounds(value_j, min(low_j, float(max(lows))), max(high_j, float(min(highs))))

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


class GaugeTrace:
    """Energy from the readings of a power gauge (W)."""

    def __init__(
        self,
        channel: Channel,
        times_ns: Times,
        power_w: Values,
        read_s: Values | None = None,
        losses: Sequence[Loss] = (),
    ) -> None:
        self._channel = channel
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
        error_j = math.hypot(
            self._between_j(begin_ns, end_ns), self._boundaries_j(begin_ns, end_ns)
        )
        guessed_j, most_j = self._unread_j(begin_ns, end_ns)
        low_j = max(0.0, value_j - error_j - guessed_j)
        high_j = value_j + error_j + max(0.0, most_j - guessed_j)
        return _widen(self._channel, value_j, low_j, high_j)

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
        refresh_ns, half_window_ns = self._channel.refresh_s * 1e9, self._channel.window_s * 5e8
        changes = np.flatnonzero(np.concatenate(([True], np.diff(self._power_w) != 0)))
        refreshed = self._times_ns - refresh_ns
        before = np.concatenate((refreshed[:1], self._times_ns[:-1].astype(np.float64)))
        earliest = np.maximum(before, refreshed)[changes]
        moments = earliest + (self._times_ns[changes] - earliest) / 2
        last_seen = np.concatenate((changes[1:], [len(self._power_w)])) - 1
        held_ns = np.maximum(refreshed[last_seen], moments)
        both = np.column_stack((moments, held_ns)).ravel() - half_window_ns
        return both, np.repeat(self._power_w[changes], 2)

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
        """What linear interpolation can miss between knots, stretches taken as independent."""
        moments, power_w = self._knots
        first = max(0, int(np.searchsorted(moments, begin_ns, "right")) - 1)
        last = int(np.searchsorted(moments, end_ns, "left"))
        apart_s = np.diff(moments[first : last + 1]) * 1e-9
        changes_w = np.abs(np.diff(power_w[first : last + 1]))
        return float(np.sqrt(np.sum((changes_w * apart_s / 2) ** 2)))

    def _boundaries_j(self, begin_ns: int, end_ns: int) -> float:
        """Each boundary may sit on the wrong side of a refresh, at the swing nearby."""
        moments, power_w = self._knots
        unsure_s = self._reach_ns * 1e-9 / 2 + self._slowest_read_s / 2
        error_j = 0.0
        for moment_ns in (begin_ns, end_ns):
            first = max(0, int(np.searchsorted(moments, moment_ns - 2 * self._reach_ns)) - 1)
            last = int(np.searchsorted(moments, moment_ns + 2 * self._reach_ns))
            nearby = power_w[first : last + 1]
            beyond_ns = max(moments[0] - moment_ns, moment_ns - moments[-1], 0.0)
            held_s = min(beyond_ns, self._reach_ns) * 1e-9
            swing_w = float(nearby.max() - nearby.min()) + self._channel.resolution
            error_j = math.hypot(error_j, swing_w * unsure_s + float(nearby.max()) * held_s)
        return error_j

    def _unread_j(self, begin_ns: int, end_ns: int) -> tuple[float, float]:
        """What was interpolated where nothing was read, and the most there can have been (J)."""
        stated_w = self._channel.max_power_w
        ceiling_w = POWER_HEADROOM * float(self._power_w.max()) if stated_w is None else stated_w
        unread: list[tuple[float, float]] = [(loss.begin_ns, loss.end_ns) for loss in self._losses]
        unread.append((-math.inf, self._times_ns[0] - self._reach_ns))
        unread.append((self._times_ns[-1] + self._reach_ns, math.inf))
        guessed_j = most_j = 0.0
        for first_ns, last_ns in unread:
            first_ns, last_ns = max(first_ns, begin_ns), min(last_ns, end_ns)
            if last_ns > first_ns:
                guessed_j += self._passed_j(last_ns) - self._passed_j(first_ns)
                most_j += ceiling_w * (last_ns - first_ns) * 1e-9
        return guessed_j, most_j


def _widen(channel: Channel, value_j: float, low_j: float, high_j: float) -> Energy:
    """The interval of an estimate takes in its factor; a gain error stays apart."""
    factor = channel.estimate_factor
    systematic_j = value_j * channel.gain_error_fraction
    return Energy(value_j, low_j / factor, high_j * factor, systematic_j)
