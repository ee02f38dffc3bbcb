"""Sums of energies."""

import math
from collections.abc import Iterable, Sequence

from effmeter.energy.estimated_part import EstimatedPart
from effmeter.energy.value import Energy


def total(energies: Iterable[Energy], independent: bool = False) -> Energy | None:
    """The sum of energies; None if there are none, since nothing is not zero.

    Args:
        energies: What to add; a difference is a sum with a negated energy.
        independent: Whether they come from separate recordings, so that what differs from window
            to window combines by variance. Systematic errors and factors add as ever.
    """
    energies = list(energies)
    if not energies:
        return None
    return _independent_total(energies) if independent else _bounds_total(energies)


def _independent_total(energies: Sequence[Energy]) -> Energy:
    """The sum with the window errors of its terms combined by the root of their squares.

    Those of the measured channels of one energy stay together, those of each estimate apart.
    """
    summed = _bounds_total(energies)
    estimates = {
        name: _independent_parts([e.estimates[name] for e in energies if name in e.estimates])
        for name in summed.estimates
    }
    measured = [energy.without_estimates() for energy in energies]
    below_j = math.hypot(*(energy.value_j - energy.low_j for energy in measured))
    above_j = math.hypot(*(energy.high_j - energy.value_j for energy in measured))
    measured_j = math.fsum(energy.value_j for energy in measured)
    ends_j = [part.bounds_j for part in estimates.values()]
    return Energy(
        summed.value_j,
        measured_j - below_j + math.fsum(low_j for low_j, _ in ends_j),
        measured_j + above_j + math.fsum(high_j for _, high_j in ends_j),
        summed.systematic,
        estimates,
    )


def _independent_parts(parts: Sequence[EstimatedPart]) -> EstimatedPart:
    value_j = math.fsum(part.value_j for part in parts)
    below_j = math.hypot(*(part.value_j - part.low_j for part in parts))
    above_j = math.hypot(*(part.high_j - part.value_j for part in parts))
    factor = max(part.factor for part in parts)
    return EstimatedPart(value_j, value_j - below_j, value_j + above_j, factor)


def _bounds_total(energies: Sequence[Energy]) -> Energy:
    summed = energies[0]
    for energy in energies[1:]:
        summed = summed + energy
    return summed
