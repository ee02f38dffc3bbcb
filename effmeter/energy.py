"""From readings to joules with an interval: pure arithmetic over arrays.

**Counters.** A counter read at ``t`` shows the energy at its last refresh, which lies within
``refresh_s`` before ``t``; where the reading before showed less, it lies after that reading.
So each reading ``i`` is a fact: the energy passed ``E_i`` (to within the resolution) at a moment
in ``[earliest_i, t_i]``. Energy never falls and rises at most at a bounded power. From the facts
on both sides of a boundary follow a lower and an upper bound there; the estimate interpolates
linearly between the moments at which the counter changed. The bounded power is the largest
step nearby times ``POWER_HEADROOM``, never above what the device can draw.

**Gauges.** Power is interpolated linearly between the readings at which the gauge changed, each
dated at the middle of what it averages, and integrated. Each stretch is uncertain by half the
change across it (independent from stretch to stretch); each boundary by the sensor's refresh
period at the power nearby.

**Losses.** Where a counter was reset or a gauge could not be read, the energy is estimated from
the power nearby and bounded by zero and by what the device can have used.

A sensor's stated gain error is kept apart as systematic: it does not shrink by averaging.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from effmeter.counters import Loss
from effmeter.schema import Channel, Kind

POWER_HEADROOM = 2.0
"""How far power inside one refresh period may exceed the largest step seen around it."""

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
        half_read_ns = np.zeros(len(times_ns), np.int64)
        if read_s is not None:
            half_read_ns = (np.nan_to_num(read_s) * 5e8).astype(np.int64)
        self._latest = times_ns + half_read_ns
        self._asked = times_ns - half_read_ns
        self._energy_j = np.asarray(energy_j, np.float64)
        self._losses = tuple(losses)

    def energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """Energy between two moments; None if they lie wholly outside the readings."""
        if end_ns < begin_ns or not self._overlaps(begin_ns, end_ns):
            return None
        begin, end = self._at(begin_ns), self._at(end_ns)
        lost_j = self._lost_j(begin_ns, end_ns)
        hidden_j = self._hidden_j(begin_ns, end_ns)
        value_j = max(0.0, end.value_j - begin.value_j)
        low_j = max(0.0, min(value_j, end.low_j - begin.high_j))
        high_j = max(value_j, end.high_j - begin.low_j)
        ceiling_j = self._power_near(begin_ns, end_ns) * (end_ns - begin_ns) * 1e-9
        high_j = max(value_j, min(high_j, ceiling_j))
        value_j += lost_j
        return _widen(self._channel, value_j, low_j, high_j + max(hidden_j, lost_j))

    def _overlaps(self, begin_ns: int, end_ns: int) -> bool:
        if len(self._latest) < 2:
            return False
        refresh_ns = int(self._channel.refresh_s * 1e9)
        first_ns, last_ns = self._asked[0] - refresh_ns, self._latest[-1] + refresh_ns
        return bool(begin_ns <= last_ns and end_ns >= first_ns)

    @cached_property
    def _changed(self) -> NDArray[np.bool_]:
        """Which readings showed more than the one before; the first counts as a change."""
        return np.concatenate(([True], np.diff(self._energy_j) > 0))

    @cached_property
    def _earliest(self) -> Times:
        """The earliest moment at which the energy of each reading can have been passed."""
        refreshed = self._asked - int(self._channel.refresh_s * 1e9)
        before = np.concatenate((refreshed[:1], self._asked[:-1]))
        since_change = np.where(self._changed, np.maximum(refreshed, before), refreshed)
        return np.maximum.accumulate(since_change)

    @cached_property
    def _knots(self) -> tuple[Values, Values]:
        """When the counter changed, as best known (ns), and what it then showed."""
        moments = (self._earliest + (self._latest - self._earliest) / 2)[self._changed]
        return moments, self._energy_j[self._changed]

    @cached_property
    def _step_power_w(self) -> Values:
        """Mean power of each step from change to change; at least a refresh period apart."""
        moments, energies = self._knots
        apart_s = np.maximum(np.diff(moments) * 1e-9, max(self._channel.refresh_s, 1e-9))
        return np.asarray(np.diff(energies) / apart_s, np.float64)

    def _power_near(self, begin_ns: int, end_ns: int) -> float:
        """The most power to allow for between two moments and in the steps around them (W)."""
        most_w = math.inf if self._channel.max_power_w is None else self._channel.max_power_w
        moments, _ = self._knots
        if len(moments) < 2:
            return most_w
        first = max(0, int(np.searchsorted(moments, begin_ns)) - 2)
        last = int(np.searchsorted(moments, end_ns)) + 1
        nearby = self._step_power_w[first:last]
        if not len(nearby):
            nearby = self._step_power_w[-1:]
        resolution_w = self._channel.resolution / max(self._channel.refresh_s, 1e-9)
        return min(most_w, POWER_HEADROOM * float(nearby.max()) + resolution_w)

    def _at(self, moment_ns: int) -> _Bounds:
        """The energy passed at a moment, with its bounds."""
        moments, energies = self._knots
        resolution_j = self._channel.resolution
        power_w = self._power_near(moment_ns, moment_ns)
        low_j, high_j = -math.inf, math.inf
        before = int(np.searchsorted(self._latest, moment_ns, "right")) - 1
        if before >= 0:
            since_s = (moment_ns - self._earliest[before]) * 1e-9
            low_j = self._energy_j[before]
            high_j = low_j + resolution_j + power_w * since_s
        after = int(np.searchsorted(self._earliest, moment_ns, "left"))
        if after < len(self._earliest):
            high_j = min(high_j, self._energy_j[after] + resolution_j)
        following = int(np.searchsorted(self._latest, moment_ns, "left"))
        if following < len(self._latest):
            until_s = (self._latest[following] - moment_ns) * 1e-9
            low_j = max(low_j, self._energy_j[following] - power_w * until_s)
        value_j = float(np.interp(moment_ns, moments, energies)) + self._beyond_j(moment_ns)
        return _Bounds(min(max(value_j, low_j), high_j), low_j, high_j)

    def _beyond_j(self, moment_ns: int) -> float:
        """Extrapolation past the first or last change, at the power of the step next to it."""
        moments, _ = self._knots
        if len(moments) < 2:
            return 0.0
        if moment_ns > moments[-1]:
            return float(self._step_power_w[-1] * (moment_ns - moments[-1]) * 1e-9)
        if moment_ns < moments[0]:
            return float(self._step_power_w[0] * (moment_ns - moments[0]) * 1e-9)
        return 0.0

    def _within(self, begin_ns: int, end_ns: int) -> list[tuple[Loss, float]]:
        """The losses that overlap a window, each with the share of it that does."""
        found = []
        for loss in self._losses:
            shared_ns = min(end_ns, loss.end_ns) - max(begin_ns, loss.begin_ns)
            if shared_ns > 0:
                found.append((loss, shared_ns / (loss.end_ns - loss.begin_ns)))
        return found

    def _lost_j(self, begin_ns: int, end_ns: int) -> float:
        """What the losses in a window are estimated at: the power around them, going on."""
        lost_j = 0.0
        for loss, share in self._within(begin_ns, end_ns):
            power_w = self._power_near(loss.begin_ns, loss.end_ns) / POWER_HEADROOM
            power_w = power_w if math.isfinite(power_w) else 0.0
            lost_j += share * min(loss.hidden_j, power_w * (loss.end_ns - loss.begin_ns) * 1e-9)
        return lost_j

    def _hidden_j(self, begin_ns: int, end_ns: int) -> float:
        return sum(loss.hidden_j for loss, _ in self._within(begin_ns, end_ns))


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
        self._losses = tuple(losses)

    def energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """Energy between two moments; None if they lie wholly outside the readings."""
        if end_ns < begin_ns or not self._overlaps(begin_ns, end_ns):
            return None
        value_j = self._passed_j(end_ns) - self._passed_j(begin_ns)
        error_j = math.hypot(
            self._between_j(begin_ns, end_ns), self._boundaries_j(begin_ns, end_ns)
        )
        hidden_j = self._unread_j(begin_ns, end_ns)
        low_j = max(0.0, value_j - error_j - hidden_j)
        return _widen(self._channel, value_j, low_j, value_j + error_j + hidden_j)

    def _overlaps(self, begin_ns: int, end_ns: int) -> bool:
        if not len(self._times_ns):
            return False
        reach_ns = int(self._channel.refresh_s * 1e9)
        first_ns, last_ns = self._times_ns[0] - reach_ns, self._times_ns[-1] + reach_ns
        return bool(begin_ns <= last_ns and end_ns >= first_ns)

    @cached_property
    def _knots(self) -> tuple[Values, Values]:
        """The moments that the changed readings stand for (ns), and their power."""
        changed = np.concatenate(([True], np.diff(self._power_w) != 0))
        refresh_ns, window_ns = self._channel.refresh_s * 1e9, self._channel.window_s * 1e9
        before = np.concatenate((self._times_ns[:1] - refresh_ns, self._times_ns[:-1]))
        earliest = np.maximum(before, self._times_ns - refresh_ns)
        moments = earliest + (self._times_ns - earliest) / 2 - window_ns / 2
        # A long constant stretch ends where it was last seen, not where the next value began.
        held = np.concatenate((changed[1:], [True])) & ~changed
        kept = changed | held
        moments = np.where(changed, moments, self._times_ns - window_ns / 2)
        return np.maximum.accumulate(moments[kept]), self._power_w[kept]

    @cached_property
    def _integral_j(self) -> Values:
        moments, power_w = self._knots
        steps_j = np.diff(moments) * 1e-9 * (power_w[1:] + power_w[:-1]) / 2
        return np.concatenate(([0.0], np.cumsum(steps_j)))

    def _passed_j(self, moment_ns: int) -> float:
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
        """Each boundary may sit on the wrong side of a refresh, at the power nearby."""
        moments, power_w = self._knots
        unsure_s = (self._channel.refresh_s + self._channel.window_s + self._slowest_read_s) / 2
        reach_ns = 2 * (self._channel.refresh_s + self._channel.window_s) * 1e9
        swings = 0.0
        for moment_ns in (begin_ns, end_ns):
            first = max(0, int(np.searchsorted(moments, moment_ns - reach_ns)) - 1)
            nearby = power_w[first : int(np.searchsorted(moments, moment_ns + reach_ns)) + 1]
            swings = math.hypot(swings, float(nearby.max() - nearby.min()))
        outside_ns = max(0, moments[0] - begin_ns) + max(0, end_ns - moments[-1])
        outside_w = float(self._power_w.max())
        return (
            swings * unsure_s + outside_w * outside_ns * 1e-9 + self._channel.resolution * unsure_s
        )

    def _unread_j(self, begin_ns: int, end_ns: int) -> float:
        """What gaps can hide: up to the device's limit, or twice the power around."""
        most_w = self._channel.max_power_w
        ceiling_w = POWER_HEADROOM * float(self._power_w.max()) if most_w is None else most_w
        shared = (
            max(0, min(end_ns, g.end_ns) - max(begin_ns, g.begin_ns)) * 1e-9 for g in self._losses
        )
        return ceiling_w * sum(shared)


def _widen(channel: Channel, value_j: float, low_j: float, high_j: float) -> Energy:
    """The interval of an estimate takes in its factor; a gain error stays apart."""
    factor = channel.estimate_factor
    systematic_j = value_j * channel.gain_error_fraction
    return Energy(value_j, low_j / factor, high_j * factor, systematic_j)
