"""Stopping criteria: rules that end a loop's epochs, alone or composed.

A criterion looks at a ``Progress`` and gives a reason to stop or None. It keeps no state, so
that the same criterion cuts a recording where it would have stopped the loop.
"""

from effmeter.stopping.criteria import (
    BUDGET_USED,
    EnergyBudget,
    MaxEpochs,
    Patience,
    TargetMetric,
    budgets_of,
    overshoot_of,
    watched_metrics,
)
from effmeter.stopping.criterion import AllOf, AnyOf, Criterion, combine, is_blindness
from effmeter.stopping.once import Once, first_met
from effmeter.stopping.progress import EpochResult, Progress
from effmeter.stopping.text import describe, parse_criteria, parse_criterion

__all__ = [
    "BUDGET_USED",
    "AllOf",
    "AnyOf",
    "Criterion",
    "EnergyBudget",
    "EpochResult",
    "MaxEpochs",
    "Once",
    "Patience",
    "Progress",
    "TargetMetric",
    "budgets_of",
    "combine",
    "describe",
    "first_met",
    "is_blindness",
    "overshoot_of",
    "parse_criteria",
    "parse_criterion",
    "watched_metrics",
]
