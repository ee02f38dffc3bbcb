"""Energies whose intervals are widened by what another sensor of the same device shows."""

import math
from dataclasses import replace

from effmeter.energy.value import Energy

CHANGED_LOAD_FACTOR = 1.5
"""How much further an estimate may be off than it was beside a sensor: the load changes."""


def disagree(one: Energy, other: Energy) -> bool:
    """Whether two sensors of one device differ by more than the errors of both."""
    low_j = max(energy.low_j - energy.systematic_j for energy in (one, other))
    return low_j > min(energy.high_j + energy.systematic_j for energy in (one, other))


def holding_both(taken: Energy, other: Energy) -> Energy:
    """An energy with an interval that also holds what another sensor of the device shows."""
    low_j = min(taken.low_j, max(0.0, other.low_j - other.systematic_j))
    high_j = max(taken.high_j, other.high_j + other.systematic_j)
    return replace(taken, low_j=low_j, high_j=high_j)


def estimate_factor(estimated_j: float, measured_j: float) -> float:
    """The factor by which an estimate was off beside a sensor, or somewhat more; 1 if unknown."""
    if not (0 < estimated_j < math.inf and 0 < measured_j < math.inf):
        return 1.0
    ratio = measured_j / estimated_j
    return CHANGED_LOAD_FACTOR * max(ratio, 1 / ratio)


def with_estimate_factor(energy: Energy, least: float) -> Energy:
    """An energy whose estimates are off by at least this factor."""
    parts = {
        name: replace(part, factor=max(part.factor, least))
        for name, part in energy.estimates.items()
    }
    if parts == dict(energy.estimates):
        return energy
    measured = energy.without_estimates()
    ends_j = [part.bounds_j for part in parts.values()]
    low_j = measured.low_j + math.fsum(low_j for low_j, _ in ends_j)
    high_j = measured.high_j + math.fsum(high_j for _, high_j in ends_j)
    return replace(energy, low_j=low_j, high_j=high_j, estimates=parts)
