"""The energy that a thinned channel shows: that of whole periods, as the readings told it.

The energy of one period, and that of all together, have the figure and the interval that the
readings had. Between, the interval is the narrower of two that both hold:

- the sum of the periods' intervals, since bounds add;
- that of all periods together, whose errors between the boundaries are at least those of a part
  of them, and the errors of the two periods at the ends, each of which holds a boundary's.

Within a period nothing is known but its energy: a part of one has a share of it by time, and
anything from nothing to all of it as its interval.
"""

import numpy as np

from effmeter.channel import Channel
from effmeter.energy.part_time import Times, Values
from effmeter.energy.source import energy_by_source
from effmeter.energy.value import Energy


class PeriodTrace:
    """Energy from the energies of periods.

    Args:
        channel: Its description, with its thinning.
        times_ns: (n,) the boundaries, ascending.
        passed_j: (n,) the energy passed at each since the first.
        low_j: (n,) the sum of the lower ends of the periods up to each.
        high_j: (n,) the same of the upper ends.
        host: The machine.
    """

    def __init__(
        self,
        channel: Channel,
        times_ns: Times,
        passed_j: Values,
        low_j: Values,
        high_j: Values,
        host: str = "",
    ) -> None:
        self._channel = channel
        self._host = host
        self._times_ns = times_ns
        self._passed_j = passed_j
        self._low_j = low_j
        self._high_j = high_j

    def energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """Energy between two moments; None if they lie wholly outside the periods."""
        times_ns = self._times_ns
        if end_ns < begin_ns or len(times_ns) < 2:
            return None
        if end_ns <= times_ns[0] or begin_ns >= times_ns[-1]:
            return None
        value_j = float(np.diff(np.interp([begin_ns, end_ns], times_ns, self._passed_j))[0])
        low_j, high_j = self._ends_j(begin_ns, end_ns)
        whole_low_j, whole_high_j = self._ends_within_whole_j(value_j, begin_ns, end_ns)
        low_j = min(max(low_j, whole_low_j), value_j)
        high_j = max(min(high_j, whole_high_j), value_j)
        duration_s = (end_ns - begin_ns) * 1e-9
        return energy_by_source(self._channel, duration_s, value_j, low_j, high_j, self._host)

    def _ends_j(self, begin_ns: int, end_ns: int) -> tuple[float, float]:
        """The sums of the ends of the periods: whole ones below, and all that are touched above."""
        times_ns, last = self._times_ns, len(self._times_ns) - 1
        inner = int(np.searchsorted(times_ns, begin_ns, "left"))
        outer = max(int(np.searchsorted(times_ns, begin_ns, "right")) - 1, 0)
        inner_end = int(np.searchsorted(times_ns, end_ns, "right")) - 1
        outer_end = min(int(np.searchsorted(times_ns, end_ns, "left")), last)
        low_j = float(self._low_j[inner_end] - self._low_j[inner]) if inner_end > inner else 0.0
        return low_j, float(self._high_j[outer_end] - self._high_j[outer])

    def _ends_within_whole_j(
        self, value_j: float, begin_ns: int, end_ns: int
    ) -> tuple[float, float]:
        """The ends by the errors of all periods together."""
        times_ns, stated = self._times_ns, self._channel.thinned
        if stated is None:
            return -np.inf, np.inf
        whole_j = float(self._passed_j[-1] - self._passed_j[0])
        below_j, above_j = max(0.0, whole_j - stated.low_j), max(0.0, stated.high_j - whole_j)
        if begin_ns <= times_ns[0] and end_ns >= times_ns[-1]:
            return value_j - below_j, value_j + above_j
        first = max(int(np.searchsorted(times_ns, begin_ns, "right")) - 1, 0)
        last = min(int(np.searchsorted(times_ns, end_ns, "left")), len(times_ns) - 1) - 1
        for period in (first, last):
            wide_j = float(self._high_j[period + 1] - self._high_j[period])
            wide_j -= float(self._low_j[period + 1] - self._low_j[period])
            below_j += wide_j
            above_j += wide_j
        return value_j - below_j, value_j + above_j
