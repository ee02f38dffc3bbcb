"""Observations made up for tests: one trial cut by one criterion."""

import math
from typing import Any

from effmeter.analysis.efficiency_framework.observation import (
    Observation,
    Observations,
    Trial,
    Unobserved,
)
from effmeter.energy import Energy

NAN = math.nan


def trial(architecture: str = "lenet", size: float = 1, seed: int = 0, **more: Any) -> Trial:
    return Trial(architecture, more.pop("dataset", "digits"), size, seed, **more)


def observation(
    of: Trial | None = None,
    criterion: str = "epochs",
    metric_value: float = 0.9,
    energy_j: float = 100.0,
    interval_j: tuple[float, float] = (NAN, NAN),
    **more: Any,
) -> Observation:
    """An accuracy for an energy, whose interval nobody stated unless it is given."""
    whose = of or trial()
    energy = Energy(energy_j, *interval_j)
    source = more.pop("source", f"{whose}, {criterion}")
    return Observation(whose, criterion, "accuracy", metric_value, energy, source, **more)


def unobserved(of: Trial, criterion: str = "epochs", reason: str = "not met") -> Unobserved:
    return Unobserved(of, criterion, reason, str(of))


def observations(*seen: Observation | Unobserved) -> Observations:
    return Observations(
        tuple(each for each in seen if isinstance(each, Observation)),
        tuple(each for each in seen if isinstance(each, Unobserved)),
    )
