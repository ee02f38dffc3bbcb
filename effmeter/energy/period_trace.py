"""The energy that a thinned channel shows: that of whole periods, as the readings told it.

The energy of one period, and that of all together, have the figure and the interval that the
readings had. Between, the interval is the narrower of two that both hold:

- the sum of the periods' intervals, since bounds add;
- that of all periods together, whose errors between the boundaries are at least those of a part
  of them, and the errors of the two periods at the ends, each of which holds a boundary's.

Within a period nothing is known but its energy: a part of one has a share of it by time, and
anything from nothing to all of it as its interval.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel
from effmeter.energy.energies import Energies, channel_energies, placed, unknown_energies
from effmeter.energy.part_time import Times, Values
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
        # Calibration and noise are in the energies already.
        self._channel = replace(channel, calibration=None, noise_fraction=0.0)
        self._host = host
        self._times_ns = times_ns
        self._passed_j = passed_j
        self._low_j = low_j
        self._high_j = high_j

    def energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """Energy between two moments; None if they lie wholly outside the periods."""
        return self.energies(np.array([begin_ns]), np.array([end_ns])).at(0)

    def energies(self, begins_ns: Times, ends_ns: Times) -> Energies:
        """The energies of many windows (n,)."""
        times_ns, count = self._times_ns, len(begins_ns)
        is_inside = (ends_ns > times_ns[0]) & (begins_ns < times_ns[-1])
        chosen = np.flatnonzero(is_inside & (ends_ns >= begins_ns))
        if not len(chosen):
            return unknown_energies(count)
        begins_ns, ends_ns = begins_ns[chosen], ends_ns[chosen]
        passed_j = [np.interp(at_ns, times_ns, self._passed_j) for at_ns in (begins_ns, ends_ns)]
        value_j = passed_j[1] - passed_j[0]
        low_j, high_j = self._ends_j(begins_ns, ends_ns)
        below_j, above_j = self._errors_j(begins_ns, ends_ns)
        low_j = np.minimum(np.maximum(low_j, value_j - below_j), value_j)
        high_j = np.maximum(np.minimum(high_j, value_j + above_j), value_j)
        duration_s = np.asarray((ends_ns - begins_ns) * 1e-9, np.float64)
        found = channel_energies(self._channel, duration_s, value_j, low_j, high_j, self._host)
        return placed(found, chosen, count)

    def _ends_j(self, begins_ns: Times, ends_ns: Times) -> tuple[Values, Values]:
        """The sums of the ends of the periods: whole ones below, and all that are touched above."""
        times_ns = self._times_ns
        first_whole = np.searchsorted(times_ns, begins_ns, "left")
        last_whole = np.searchsorted(times_ns, ends_ns, "right") - 1
        last_whole = np.maximum(last_whole, np.minimum(first_whole, len(times_ns) - 1))
        first_whole = np.minimum(first_whole, last_whole)
        first, last = self._touched(begins_ns, ends_ns)
        low_j = self._low_j[last_whole] - self._low_j[first_whole]
        return low_j, self._high_j[last + 1] - self._high_j[first]

    def _touched(
        self, begins_ns: Times, ends_ns: Times
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The first and the last period that each window touches."""
        most = len(self._times_ns) - 2
        first = np.searchsorted(self._times_ns, begins_ns, "right") - 1
        last = np.searchsorted(self._times_ns, ends_ns, "left") - 1
        first = np.clip(first, 0, most)
        return first, np.clip(np.maximum(first, last), 0, most)

    def _errors_j(self, begins_ns: Times, ends_ns: Times) -> tuple[Values, Values]:
        """How far the truth may lie below and above, by the errors of all periods together."""
        stated = self._channel.thinned
        if stated is None:
            return np.full(len(begins_ns), np.inf), np.full(len(begins_ns), np.inf)
        whole_j = float(self._passed_j[-1] - self._passed_j[0])
        first, last = self._touched(begins_ns, ends_ns)
        wide_j = np.diff(self._high_j) - np.diff(self._low_j)
        is_whole = (begins_ns <= self._times_ns[0]) & (ends_ns >= self._times_ns[-1])
        at_ends_j = np.where(is_whole, 0.0, wide_j[first] + wide_j[last])
        below_j, above_j = max(0.0, whole_j - stated.low_j), max(0.0, stated.high_j - whole_j)
        return at_ends_j + below_j, at_ends_j + above_j
