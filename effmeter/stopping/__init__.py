"""Stopping criteria: rules that end a loop's epochs, alone or composed.

A criterion looks at a ``Progress`` and gives a reason to stop or None. It keeps no state, so
that the same criterion cuts a recording where it would have stopped the loop.
"""

from effmeter.stopping.criteria import (
    EnergyBudget,
    MaxEpochs,
    Patience,
    TargetMetric,
    budgets_of,
    watched_metrics,
)
from effmeter.stopping.criterion import AllOf, AnyOf, Criterion, combine
from effmeter.stopping.progress import EpochResult, Progress
from effmeter.stopping.text import parse_criterion

__all__ = [
    "AllOf",
    "AnyOf",
    "Criterion",
    "EnergyBudget",
    "EpochResult",
    "MaxEpochs",
    "Patience",
    "Progress",
    "TargetMetric",
    "budgets_of",
    "combine",
    "parse_criterion",
    "watched_metrics",
]
