"""The energy of a stretch of a run, from totals that the recorder gave near its boundaries.

A total is the energy since the recording began. Between two totals the power is taken as the mean
of the two; a boundary's energy is that of the nearest total and what this power makes of the time
between. The interval assumes that the power there is at most twice that mean. The report, which has
all readings, does not need the assumption: these figures are provisional.
"""

from bisect import bisect_left, insort
from typing import NamedTuple

from effmeter.energy import POWER_HEADROOM, Energy

EXTRAPOLATED_NS = 2_000_000_000
"""How far past the last total an energy is extrapolated: sensors are read with a delay."""
MOST_TOTALS = 20_000
"""The number of totals kept; the older half of more is dropped."""


class Total(NamedTuple):
    """The energy since the recording began, up to the oldest of the readings it is made of."""

    time_ns: int
    used: Energy
    cover: tuple[str, ...]
    spread_ns: int = 0
    """How much later than ``time_ns`` other channels of the cover may have been read."""

    def at(self, time_ns: int, power_w: float) -> "Total":
        """The total at another time, at this power on average and twice it at most."""
        drift = _drift(power_w, abs(time_ns - self.time_ns) * 1e-9)
        used = self.used + drift if time_ns > self.time_ns else self.used - drift
        read_later = Energy(0.0, 0.0, POWER_HEADROOM * power_w * self.spread_ns * 1e-9)
        return Total(time_ns, used - read_later, self.cover)


class EnergyHistory:
    """The totals of one recording in order of time."""

    def __init__(self) -> None:
        self._totals: list[Total] = []

    def add(self, total: Total) -> None:
        """Keep one more total; of two for the same time, the first."""
        place = bisect_left(self._totals, total.time_ns, key=lambda known: known.time_ns)
        if place < len(self._totals) and self._totals[place].time_ns == total.time_ns:
            return
        insort(self._totals, total, key=lambda known: known.time_ns)
        if len(self._totals) > MOST_TOTALS:
            del self._totals[: MOST_TOTALS // 2]

    def reaches(self, time_ns: int) -> bool:
        """Whether a total is as late as this."""
        return bool(self._totals) and self._totals[-1].time_ns >= time_ns

    def between(self, begin_ns: int, end_ns: int) -> Energy | None:
        """The energy of a window; None where no totals lie around it or their covers differ."""
        begin, end = self._at(begin_ns), self._at(end_ns)
        if begin is None or end is None or begin.cover != end.cover:
            return None
        return (end.used - begin.used).not_below_zero()

    def _at(self, time_ns: int) -> Total | None:
        """The total at a boundary, by the nearest known one."""
        place = bisect_left(self._totals, time_ns, key=lambda known: known.time_ns)
        if place == len(self._totals):
            return self._past_all(time_ns)
        after = self._totals[place]
        if place == 0:
            return self._before_all(after, time_ns)
        before = self._totals[place - 1]
        is_after_nearer = after.time_ns - time_ns <= time_ns - before.time_ns
        nearest = after if is_after_nearer else before
        return nearest.at(time_ns, _mean_power_w(before, after))

    def _past_all(self, time_ns: int) -> Total | None:
        """Past the last total, at the power between the last two."""
        if len(self._totals) < 2:
            return None
        before, last = self._totals[-2:]
        if time_ns - last.time_ns > EXTRAPOLATED_NS:
            return None
        return last.at(time_ns, _mean_power_w(before, last))

    def _before_all(self, first: Total, time_ns: int) -> Total:
        """Before the first total, anything from nothing to that total can have been used."""
        if first.time_ns == time_ns:
            return first
        used_j = max(0.0, first.used.high_j)
        return Total(time_ns, first.used - Energy(0.0, 0.0, used_j), first.cover)


def _mean_power_w(one: Total, later: Total) -> float:
    elapsed_s = (later.time_ns - one.time_ns) * 1e-9
    return max(0.0, later.used.value_j - one.used.value_j) / elapsed_s


def _drift(power_w: float, elapsed_s: float) -> Energy:
    drift_j = power_w * elapsed_s
    return Energy(drift_j, 0.0, POWER_HEADROOM * drift_j)
