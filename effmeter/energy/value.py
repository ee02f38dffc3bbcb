"""An energy with its interval, and what every trace of readings answers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from effmeter.channel import Channel

CONFIDENCE = 0.95
"""In how many cases an interval is to hold the truth."""
POWER_HEADROOM = 2.0
"""How far power inside one refresh period may exceed the highest mean seen around it."""


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy, the interval that holds it in 95 % of cases, and the systematic error (J)."""

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


def covering_j(one_j: float, other_j: float) -> float:
    """How far the sum of two independent errors, each even over its spread, strays in 95 % (J).

    From the trapezoid that the sum of two uniform distributions has.
    """
    narrow_j, wide_j = sorted((one_j, other_j))
    outside = 1 - CONFIDENCE
    if math.isinf(wide_j):
        return math.inf
    if narrow_j < outside * wide_j:
        return CONFIDENCE * wide_j / 2
    return (narrow_j + wide_j) / 2 - math.sqrt(outside * narrow_j * wide_j)


def widen(channel: Channel, value_j: float, low_j: float, high_j: float) -> Energy:
    """The interval of an estimate takes in its factor; a gain error stays apart."""
    factor = channel.estimate_factor
    systematic_j = value_j * channel.gain_error_fraction
    return Energy(value_j, low_j / factor, high_j * factor, systematic_j)
