"""The criteria: epochs, a target, patience, an energy budget."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.stopping.criterion import (
    NOT_A_NUMBER,
    UNMEASURABLE,
    AllOf,
    AnyOf,
    Composable,
    Criterion,
)
from effmeter.stopping.direction import Mode, resolved_mode
from effmeter.stopping.once import Once
from effmeter.stopping.progress import EpochResult, Progress
from effmeter.units import format_energy, parse_energy_j

BUDGET_USED = "energy-budget"
"""The word that the reason of an energy budget begins with."""


@dataclass(frozen=True, slots=True)
class MaxEpochs(Composable):
    """Stop after so many epochs."""

    epochs: int

    def __post_init__(self) -> None:
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, int) or self.epochs < 1:
            raise UsageError(f"MaxEpochs takes a whole number of epochs from 1, not {self.epochs}")

    def reason(self, progress: Progress) -> str | None:
        """Stop once the epochs are done."""
        if progress.within_epoch or len(progress.epochs) < self.epochs:
            return None
        return f"max-epochs: {self.epochs}"

    def bounds(self, progress: Progress) -> bool:
        """Always."""
        return True


@dataclass(frozen=True, slots=True)
class TargetMetric(Composable):
    """Stop when a metric reaches a target, from below with ``mode="max"``, else from above.

    Without ``mode`` the metric's name decides; UsageError where it says nothing.
    """

    metric: str
    target: float
    mode: Mode | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", resolved_mode(self.metric, self.mode))
        if not math.isfinite(self.target):
            raise UsageError(f"TargetMetric takes a finite target, not {self.target}")

    def reason(self, progress: Progress) -> str | None:
        """Stop once the last epoch that logged the metric reached the target, or logged NaN."""
        values = _logged(progress, self.metric)
        if progress.within_epoch or not values:
            return None
        if math.isnan(values[-1]):
            return f"{NOT_A_NUMBER}: {self.metric}"
        reached = values[-1] >= self.target if self.mode == "max" else values[-1] <= self.target
        return f"target-metric: {self.metric} {values[-1]:.6g}" if reached else None

    def bounds(self, progress: Progress) -> bool:
        """Never: a target may not be reached."""
        return False


@dataclass(frozen=True, slots=True)
class Patience(Composable):
    """Stop when a metric has not improved by ``min_delta`` for so many of its epochs.

    The default of three is the early stopping of Cueto-Mendoza and Kelleher. With ``armed_at``
    it never stops before the metric has reached that value, so that a slow beginning is not
    taken for the end. ``mode`` "max" means that the metric improves by rising, "min" by falling;
    without it the metric's name decides, and UsageError is raised where it says nothing.
    """

    metric: str
    epochs: int = 3
    min_delta: float = 0.0
    mode: Mode | None = None
    armed_at: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", resolved_mode(self.metric, self.mode))
        if self.epochs < 1:
            raise UsageError(f"Patience takes a number of epochs from 1, not {self.epochs}")
        if not 0 <= self.min_delta < math.inf:
            raise UsageError(f"Patience takes a min_delta from 0, not {self.min_delta}")
        if self.armed_at is not None and not math.isfinite(self.armed_at):
            raise UsageError(f"Patience is armed at a finite value, not {self.armed_at}")

    def reason(self, progress: Progress) -> str | None:
        """Stop once the best value is so many values old, or the last one is NaN."""
        values = _logged(progress, self.metric)
        if progress.within_epoch or not values:
            return None
        if math.isnan(values[-1]):
            return f"{NOT_A_NUMBER}: {self.metric}"
        if not self._is_armed(values):
            return None
        waited = self._epochs_since_best(values)
        return f"patience: {self.metric} for {waited} epochs" if waited >= self.epochs else None

    def _is_armed(self, values: Sequence[float]) -> bool:
        if self.armed_at is None:
            return True
        sign = 1.0 if self.mode == "max" else -1.0
        return any(sign * value >= sign * self.armed_at for value in values)

    def _epochs_since_best(self, values: Sequence[float]) -> int:
        sign = 1.0 if self.mode == "max" else -1.0
        best, best_at = -math.inf, 0
        for at, value in enumerate(values):
            if sign * value > best + self.min_delta:
                best, best_at = sign * value, at
        return len(values) - 1 - best_at

    def bounds(self, progress: Progress) -> bool:
        """While the metric is a number, once armed: it cannot improve by a step for ever."""
        values = _logged(progress, self.metric)
        is_number = bool(values) and not math.isnan(values[-1])
        return self.min_delta > 0 and is_number and self._is_armed(values)


@dataclass(frozen=True, slots=True)
class EnergyBudget(Composable):
    """Stop when the energy used since the run's start reaches a budget (joules, or "2 kJ").

    ``predict``: do not begin an epoch that would overshoot if it uses what the last one did.
    ``accept_missing``: measure the budget by what can be read although the machine has a
    component (a GPU, say) that gives no figure.
    """

    budget: float | str
    predict: bool = False
    accept_missing: bool = False

    def __post_init__(self) -> None:
        self.budget_j  # noqa: B018 - a budget that means nothing is refused here

    @property
    def needs_energy(self) -> bool:
        """It does."""
        return True

    @property
    def budget_j(self) -> float:
        """The budget in joules; UsageError where it is none."""
        if isinstance(self.budget, str):
            return parse_energy_j(self.budget)
        if not 0 < self.budget < math.inf:
            raise UsageError(f"EnergyBudget takes joules above zero, not {self.budget}")
        return float(self.budget)

    def reason(self, progress: Progress) -> str | None:
        """Stop once the budget is used, would be by the next epoch, or cannot be measured."""
        if not progress.energy_is_known or progress.energy is None:
            return None if progress.within_epoch else UNMEASURABLE
        used_j = progress.energy.value_j
        if used_j >= self.budget_j:
            over_j = used_j - self.budget_j
            overshoot = f", {format_energy(over_j)} over" if over_j > 0 else ""
            return f"{BUDGET_USED}: {format_energy(used_j)} used{overshoot}"
        if self.predict and not progress.within_epoch and progress.epochs:
            next_j = self._last_epoch_j(progress.epochs)
            if next_j is not None and used_j + next_j > self.budget_j:
                return f"{BUDGET_USED}: the next epoch would need {format_energy(next_j)}"
        return None

    def _last_epoch_j(self, epochs: Sequence[EpochResult]) -> float | None:
        last = epochs[-1].energy
        before = epochs[-2].energy if len(epochs) > 1 else Energy.exactly(0.0)
        return None if last is None or before is None else last.value_j - before.value_j

    def bounds(self, progress: Progress) -> bool:
        """While the energy is known: every epoch uses some."""
        return progress.energy_is_known and progress.energy is not None


def budgets_of(criterion: Criterion) -> list[EnergyBudget]:
    """All energy budgets inside a criterion."""
    if isinstance(criterion, EnergyBudget):
        return [criterion]
    if isinstance(criterion, Once):
        return budgets_of(criterion.criterion)
    if isinstance(criterion, AnyOf | AllOf):
        return [b for c in criterion.criteria for b in budgets_of(c)]
    return []


def overshoot_of(criterion: Criterion, used: Energy | None) -> Energy | None:
    """Energy used beyond the least budget inside a criterion, negative where some is left.

    None where the criterion has no budget, or the energy is not known.
    """
    budgets = budgets_of(criterion)
    if not budgets or used is None:
        return None
    budget_j = min(budget.budget_j for budget in budgets)
    return used - Energy.exactly(budget_j)


def watched_metrics(criterion: Criterion) -> set[str]:
    """The names of the metrics that a criterion looks at."""
    if isinstance(criterion, TargetMetric | Patience):
        return {criterion.metric}
    if isinstance(criterion, Once):
        return watched_metrics(criterion.criterion)
    if isinstance(criterion, AnyOf | AllOf):
        return set().union(*(watched_metrics(c) for c in criterion.criteria))
    return set()


def _logged(progress: Progress, metric: str) -> list[float]:
    return [e.metrics[metric] for e in progress.epochs if metric in e.metrics]
