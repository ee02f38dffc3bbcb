"""Stopping criteria: rules that end a loop's epochs, alone or combined.

A criterion judges a ``Progress`` and gives a reason to stop, or None. It keeps no state, so that
the same criterion cuts a recording where it would have stopped the loop.
"""

from effmeter.reason import Reason, StopKind
from effmeter.stopping.criteria import EnergyBudget, MaxEpochs
from effmeter.stopping.criterion import AllOf, AnyOf, Budget, Criterion, combine, overshoot_of
from effmeter.stopping.metric_criteria import Patience, TargetMetric
from effmeter.stopping.once import Once, first_met
from effmeter.stopping.progress import EpochResult, Progress
from effmeter.stopping.registry import (
    criterion_examples,
    criterion_syntax,
    parse_criteria,
    parse_criterion,
)

__all__ = [
    "AllOf",
    "AnyOf",
    "Budget",
    "Criterion",
    "EnergyBudget",
    "EpochResult",
    "MaxEpochs",
    "Once",
    "Patience",
    "Progress",
    "Reason",
    "StopKind",
    "TargetMetric",
    "combine",
    "criterion_examples",
    "criterion_syntax",
    "first_met",
    "overshoot_of",
    "parse_criteria",
    "parse_criterion",
]
