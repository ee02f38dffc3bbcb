"""The energy of a stretch of a run, from totals that the recorder gave near its boundaries.

A total is the energy since the recording began. A boundary's energy is that of the nearest total,
and what the mean power between the two totals around the boundary makes of the time between. The
interval assumes that the power there is at most twice that mean. The report, which has all
readings, does not need the assumption: these figures are provisional.
"""

from bisect import bisect_left
from typing import NamedTuple

from effmeter.energy import POWER_HEADROOM, Energy

EXTRAPOLATED_NS = 2_000_000_000
"""How far beyond the first and the last total an energy is extrapolated: sensors are read with a
delay."""
MOST_TOTALS = 10_000
"""The number of totals kept; of more, every second one of the older half is dropped."""
MOST_COVERS = 8
"""The number of covers whose totals are kept."""


class Total(NamedTuple):
    """The energy since the recording began, up to the oldest of the readings it is made of."""

    time_ns: int
    used: Energy
    cover: tuple[str, ...]
    spread_ns: int = 0
    """How much later than ``time_ns`` other channels of the cover may have been read."""

    def at(self, time_ns: int, power_w: float) -> Energy:
        """The energy by another time, at this power on average and twice it at most."""
        drift = _drift(power_w, abs(time_ns - self.time_ns) * 1e-9)
        used = self.used + drift if time_ns > self.time_ns else self.used - drift
        return used - Energy(0.0, 0.0, POWER_HEADROOM * power_w * self.spread_ns * 1e-9)


class EnergyHistory:
    """The totals of one recording in order of time, for each cover by itself."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, ...], list[Total]] = {}

    def add(self, total: Total) -> None:
        """Keep one more total; of two for the same time and cover, the first."""
        totals = self._totals.setdefault(total.cover, [])
        place = bisect_left(totals, total.time_ns, key=_time_ns)
        if place < len(totals) and totals[place].time_ns == total.time_ns:
            return
        totals.insert(place, total)
        if len(totals) > MOST_TOTALS:
            del totals[1 : MOST_TOTALS // 2 : 2]
        if len(self._totals) > MOST_COVERS:
            del self._totals[min(self._totals, key=lambda cover: self._totals[cover][-1].time_ns)]

    def reaches(self, time_ns: int) -> bool:
        """Whether a total is as late as this."""
        return any(totals[-1].time_ns >= time_ns for totals in self._totals.values())

    def between(self, begin_ns: int, end_ns: int) -> Energy | None:
        """The energy of a window over the cover at its end; None where no totals lie around it."""
        totals = min(self._totals.values(), key=lambda t: _nearness(t, end_ns), default=[])
        begin, end = _around(totals, begin_ns), _around(totals, end_ns)
        if begin is None or end is None:
            return None
        return (_used(end, end_ns) - _used(begin, begin_ns)).not_below_zero()


def _nearness(totals: list[Total], time_ns: int) -> tuple[bool, int]:
    """Sorts by the first total from a time on, then by the last one before it."""
    place = bisect_left(totals, time_ns, key=_time_ns)
    if place < len(totals):
        return False, totals[place].time_ns - time_ns
    return True, time_ns - totals[-1].time_ns


def _around(totals: list[Total], time_ns: int) -> tuple[Total, Total] | None:
    """The totals before and after a boundary; beyond them all, the two nearest."""
    if len(totals) < 2:
        return None
    place = bisect_left(totals, time_ns, key=_time_ns)
    place = min(max(place, 1), len(totals) - 1)
    before, after = totals[place - 1 : place + 1]
    too_far = time_ns < before.time_ns - EXTRAPOLATED_NS
    return None if too_far or time_ns > after.time_ns + EXTRAPOLATED_NS else (before, after)


def _time_ns(total: Total) -> int:
    return total.time_ns


def _used(around: tuple[Total, Total], time_ns: int) -> Energy:
    """The energy by a boundary, by the nearest total."""
    before, after = around
    elapsed_s = (after.time_ns - before.time_ns) * 1e-9
    power_w = max(0.0, after.used.value_j - before.used.value_j) / elapsed_s
    is_after_nearer = after.time_ns - time_ns <= time_ns - before.time_ns
    return (after if is_after_nearer else before).at(time_ns, power_w)


def _drift(power_w: float, elapsed_s: float) -> Energy:
    drift_j = power_w * elapsed_s
    return Energy(drift_j, 0.0, POWER_HEADROOM * drift_j)
