"""Part-time sampling: the unseen energy of a gauge that averages over part of its period.

A gauge that averages 25 ms of every 100 ms sees a quarter of the energy. The readings alone
cannot tell a steady load from one that repeats with the update period, nor a slow swing from a
fast one that beats slowly with it. The readings around a window decide between three cases:

- **Jumps** between levels that last: the averaging window would smear the jumps of a beat over
  a quarter of its period and more, so power that always jumps across its range, and no more
  often than every ``SLOW_READINGS`` readings, is slow. Between two such jumps it is resolved.
- **Smooth swings** may be a beat. Were they one, the mean power of a window would be the mean of
  the swings; so the truth lies between that and what was integrated.
- **All else**, steady readings too: the part seen is known, the unseen part is bounded by zero and
  the most that the device can draw.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel, Kind, Provenance

AROUND_S = 10.0
"""How far around a window its readings are looked at, and how far apart jumps may be."""
SLOW_READINGS = 9.5
"""The least readings from a jump to the next one the same way."""
JUMP_FRACTION = 0.85
"""How much of the readings' range a jump takes within two readings."""
SMOOTH_FRACTION = 0.35
"""How much of the range smooth swings change at most from one reading to the next."""
STEADY_FRACTION = 0.1
"""A range below this part of the highest reading is no evidence of anything."""
MEAN_FRACTION = 0.03
"""How well the mean of whole swings is known, as a part of it."""

Times = NDArray[np.int64]
"""Times of the run clock (ns)."""
Values = NDArray[np.float64]
"""Joules, watts or seconds."""
Places = NDArray[np.intp]
"""Places in arrays."""


def looks_part_time(channel: Channel) -> bool:
    """Whether a channel is a gauge that averages over less than its refresh period.

    An estimate is none: its factor takes in what it misses.
    """
    is_measured = channel.provenance is not Provenance.ESTIMATED
    return channel.kind is Kind.GAUGE and channel.window_s < channel.refresh_s and is_measured


@dataclass(frozen=True)
class Glimpses:
    """Readings around a window, one per update: moments (ns, evenly apart) and power (W)."""

    moments_ns: Values
    power_w: Values

    @cached_property
    def _range_w(self) -> float:
        return float(np.ptp(self.power_w)) if len(self.power_w) else 0.0

    @cached_property
    def is_steady(self) -> bool:
        """Whether the readings hardly differ."""
        highest_w = float(self.power_w.max(initial=0.0))
        return self._range_w <= STEADY_FRACTION * highest_w

    def resolved(self) -> list[tuple[float, float]]:
        """The stretches between jumps in which the power is resolved (ns)."""
        if self.is_steady:
            return []
        jumps: list[int] = []
        for crossings in self._crossings():
            are_jumps = self._are_jumps(crossings)
            if not self._are_slow(crossings) or are_jumps.any() != are_jumps.all():
                return []
            jumps += crossings.tolist() if are_jumps.any() else []
        moments_ns = [float(self.moments_ns[k : k + 2].mean()) for k in sorted(jumps)]
        stretches = pairwise(moments_ns)
        return [(begin, end) for begin, end in stretches if end - begin <= AROUND_S * 1e9]

    def _crossings(self) -> tuple[Places, Places]:
        """The readings before those that rise above the middle of the range, or fall below it."""
        above = self.power_w > (self.power_w.max() + self.power_w.min()) / 2
        return np.flatnonzero(above[1:] & ~above[:-1]), np.flatnonzero(~above[1:] & above[:-1])

    def _are_jumps(self, crossings: Places) -> NDArray[np.bool_]:
        """At which crossings most of the range is crossed within two readings."""
        moved_w = np.zeros(len(self.power_w))
        moved_w[1:-1] = np.abs(self.power_w[2:] - self.power_w[:-2])
        most_w = np.maximum(moved_w[crossings], moved_w[crossings + 1])
        return np.asarray(most_w >= JUMP_FRACTION * self._range_w, np.bool_)

    @staticmethod
    def _are_slow(crossings: Places) -> bool:
        """Whether crossings the same way are far enough apart."""
        apart = len(crossings) - 1
        return bool(apart < 1 or crossings[-1] - crossings[0] >= SLOW_READINGS * apart)

    def mean_of_swings_w(self) -> float | None:
        """The mean power over whole smooth swings; None where there are none."""
        if self.is_steady:
            return None
        if np.abs(np.diff(self.power_w)).max() > SMOOTH_FRACTION * self._range_w:
            return None
        rises, _ = self._crossings()
        if len(rises) < 2 or not self._are_slow(rises):
            return None
        return float(self.power_w[rises[0] + 1 : rises[-1] + 1].mean())
