"""The energy of a stretch of a run, from totals that the recorder gave near its boundaries.

A total is the energy since the recording began. Between two totals the power is taken as the mean
of the two; a boundary's energy is that of the nearest total and what this power makes of the time
between. The interval assumes that the power there is at most twice that mean. The report, which has
all readings, does not need the assumption: these figures are provisional.
"""

from bisect import bisect_left, insort
from typing import NamedTuple

from effmeter.energy import POWER_HEADROOM, Energy

MOST_TOTALS = 20_000
"""The number of totals kept; the older half of more is dropped."""


class Total(NamedTuple):
    """The energy since the recording began, up to a time, over the channels of a cover."""

    time_ns: int
    used: Energy
    cover: tuple[str, ...]


class EnergyHistory:
    """The totals of one recording in order of time."""

    def __init__(self) -> None:
        self._totals: list[Total] = []

    def add(self, total: Total) -> None:
        """Keep one more total."""
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
            return None
        after = self._totals[place]
        if place == 0:
            return self._before_all(after, time_ns)
        before = self._totals[place - 1]
        since_s, until_s = ((t * 1e-9) for t in (time_ns - before.time_ns, after.time_ns - time_ns))
        power_w = max(0.0, after.used.value_j - before.used.value_j) / (since_s + until_s)
        if until_s <= since_s:
            return Total(time_ns, after.used - _drift(power_w, until_s), after.cover)
        return Total(time_ns, before.used + _drift(power_w, since_s), before.cover)

    def _before_all(self, first: Total, time_ns: int) -> Total:
        """Before the first total, anything from nothing to that total can have been used."""
        if first.time_ns == time_ns:
            return first
        used_j = max(0.0, first.used.high_j)
        return Total(time_ns, first.used - Energy(0.0, 0.0, used_j), first.cover)


def _drift(power_w: float, elapsed_s: float) -> Energy:
    drift_j = power_w * elapsed_s
    return Energy(drift_j, 0.0, POWER_HEADROOM * drift_j)
