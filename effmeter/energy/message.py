"""Energies as a recorder sends them to its clients."""

from collections.abc import Mapping
from typing import Any

from effmeter.energy.estimated_part import EstimatedPart
from effmeter.energy.value import Energy


def energy_message(energy: Energy) -> dict[str, Any]:
    """An energy as a recorder sends it; ``energy_of_message`` reads it."""
    return {
        "j": [energy.value_j, energy.low_j, energy.high_j],
        "systematic": dict(energy.systematic),
        "estimates": {
            name: [part.value_j, part.low_j, part.high_j, part.factor]
            for name, part in energy.estimates.items()
        },
    }


def energy_of_message(message: Mapping[str, Any]) -> Energy:
    """The energy that ``energy_message`` described."""
    parts = {name: EstimatedPart(*figures) for name, figures in message["estimates"].items()}
    value_j, low_j, high_j = message["j"]
    return Energy(value_j, low_j, high_j, message["systematic"], parts)
