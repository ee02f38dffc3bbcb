"""Energies whose intervals are widened by what another sensor of the same device shows."""

import math
from dataclasses import replace

from effmeter.energy.value import Energy


def disagree(one: Energy, other: Energy) -> bool:
    """Whether two sensors of one device differ by more than the errors of both, as far as known."""
    if math.isnan(one.systematic_j + other.systematic_j):
        return False
    low_j = max(energy.low_j - energy.systematic_j for energy in (one, other))
    return low_j > min(energy.high_j + energy.systematic_j for energy in (one, other))


def holding_both(taken: Energy, other: Energy) -> Energy:
    """An energy with an interval that also holds what another sensor of the device shows."""
    low_j = min(taken.low_j, max(0.0, other.low_j - other.systematic_j))
    high_j = max(taken.high_j, other.high_j + other.systematic_j)
    return replace(taken, low_j=low_j, high_j=high_j)
