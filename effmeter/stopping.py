"""Stopping criteria: rules that end a loop's epochs, alone or composed.

A criterion looks at a ``Progress`` and gives a reason to stop or None. It keeps no state, so
that the same criterion cuts a recording where it would have stopped the loop.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.units import format_energy, parse_energy_j

NOT_A_NUMBER = "metric-not-a-number"
UNMEASURABLE = "budget-unmeasurable"


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What one finished epoch logged, and the energy used from the run's start to its end."""

    number: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    energy: Energy | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a loop stands at a boundary between epochs, or at a step within one."""

    epochs: Sequence[EpochResult] = ()
    energy: Energy | None = None
    """Used since the run's start; null where it is not known."""
    energy_is_known: bool = True
    within_epoch: bool = False


@runtime_checkable
class Criterion(Protocol):
    """A rule that can end the epochs of a run."""

    @property
    def needs_energy(self) -> bool:
        """Whether it looks at the energy used."""

    def reason(self, progress: Progress) -> str | None:
        """Why to stop now, as one short word with details after a colon; None to go on."""

    def bounds(self, progress: Progress) -> bool:
        """Whether it is sure to end the loop some day, by what is known now."""


class Composable(ABC):
    """A criterion of which ``a | b`` stops when either says so, ``a & b`` when both do."""

    @property
    def needs_energy(self) -> bool:
        """Whether it looks at the energy used."""
        return False

    @abstractmethod
    def reason(self, progress: Progress) -> str | None:
        """As of a Criterion."""

    @abstractmethod
    def bounds(self, progress: Progress) -> bool:
        """As of a Criterion."""

    def __or__(self, other: Criterion) -> "AnyOf":
        return AnyOf((self, other))

    def __and__(self, other: Criterion) -> "AllOf":
        return AllOf((self, other))


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
    """Stop when a metric reaches a target: ``mode`` "max" from below, "min" from above."""

    metric: str
    target: float
    mode: str = "max"

    def __post_init__(self) -> None:
        _check_mode(self.mode)
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

    The default of three is the early stopping of Cueto-Mendoza and Kelleher.
    """

    metric: str
    epochs: int = 3
    min_delta: float = 0.0
    mode: str = "max"

    def __post_init__(self) -> None:
        _check_mode(self.mode)
        if self.epochs < 1:
            raise UsageError(f"Patience takes a number of epochs from 1, not {self.epochs}")
        if not 0 <= self.min_delta < math.inf:
            raise UsageError(f"Patience takes a min_delta from 0, not {self.min_delta}")

    def reason(self, progress: Progress) -> str | None:
        """Stop once the best value is so many values old, or the last one is NaN."""
        values = _logged(progress, self.metric)
        if progress.within_epoch or not values:
            return None
        if math.isnan(values[-1]):
            return f"{NOT_A_NUMBER}: {self.metric}"
        waited = self._epochs_since_best(values)
        return f"patience: {self.metric} for {waited} epochs" if waited >= self.epochs else None

    def _epochs_since_best(self, values: Sequence[float]) -> int:
        sign = 1.0 if self.mode == "max" else -1.0
        best, best_at = -math.inf, 0
        for at, value in enumerate(values):
            if sign * value > best + self.min_delta:
                best, best_at = sign * value, at
        return len(values) - 1 - best_at

    def bounds(self, progress: Progress) -> bool:
        """While the metric is a number: it cannot improve by a positive step for ever."""
        values = _logged(progress, self.metric)
        return self.min_delta > 0 and bool(values) and not math.isnan(values[-1])


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
            return f"energy-budget: {format_energy(used_j)} used"
        if self.predict and not progress.within_epoch and progress.epochs:
            next_j = self._last_epoch_j(progress.epochs)
            if next_j is not None and used_j + next_j > self.budget_j:
                return f"energy-budget: the next epoch would need {format_energy(next_j)}"
        return None

    def _last_epoch_j(self, epochs: Sequence[EpochResult]) -> float | None:
        last = epochs[-1].energy
        before = epochs[-2].energy if len(epochs) > 1 else Energy(0.0, 0.0, 0.0)
        return None if last is None or before is None else last.value_j - before.value_j

    def bounds(self, progress: Progress) -> bool:
        """While the energy is known: every epoch uses some."""
        return progress.energy_is_known and progress.energy is not None


@dataclass(frozen=True, slots=True)
class AnyOf(Composable):
    """Stop when any of several criteria says so; the first that does gives the reason.

    A metric that is not a number, and a budget that cannot be measured, end the loop only
    where no other criterion is sure to.
    """

    criteria: tuple[Criterion, ...]

    @property
    def needs_energy(self) -> bool:
        """Whether any of them does."""
        return any(c.needs_energy for c in self.criteria)

    def reason(self, progress: Progress) -> str | None:
        """The first reason that stands."""
        reasons = [r for c in self.criteria if (r := c.reason(progress)) is not None]
        met = [r for r in reasons if not is_blindness(r)]
        if met:
            return met[0]
        return reasons[0] if reasons and not self.bounds(progress) else None

    def bounds(self, progress: Progress) -> bool:
        """Whether any of them does."""
        return any(c.bounds(progress) for c in self.criteria)


@dataclass(frozen=True, slots=True)
class AllOf(Composable):
    """Stop when all of several criteria say so, or when one of them never can."""

    criteria: tuple[Criterion, ...]

    @property
    def needs_energy(self) -> bool:
        """Whether any of them does."""
        return any(c.needs_energy for c in self.criteria)

    def reason(self, progress: Progress) -> str | None:
        """All reasons in one, or the one that leaves the loop blind."""
        reasons = [c.reason(progress) for c in self.criteria]
        blind = next((r for r in reasons if r is not None and is_blindness(r)), None)
        given = [r for r in reasons if r is not None]
        if blind is not None or len(given) < len(reasons):
            return blind
        return " and ".join(given)

    def bounds(self, progress: Progress) -> bool:
        """Only if all of them do."""
        return all(c.bounds(progress) for c in self.criteria)


def is_blindness(reason: str) -> bool:
    """Whether a reason says that a criterion can no longer see, not that it was met."""
    return reason.split(":")[0] in (NOT_A_NUMBER, UNMEASURABLE)


def combine(stop: Criterion | Iterable[Criterion] | None) -> AnyOf:
    """One criterion out of what ``run.epochs(stop=...)`` is given; UsageError for strangers."""
    given = () if stop is None else (stop,) if isinstance(stop, Criterion) else tuple(stop)
    for criterion in given:
        if not isinstance(criterion, Criterion):
            raise UsageError(f"{criterion!r} is not a stopping criterion, such as MaxEpochs(50)")
    return AnyOf(given)


def budgets_of(criterion: Criterion) -> list[EnergyBudget]:
    """All energy budgets inside a criterion."""
    if isinstance(criterion, EnergyBudget):
        return [criterion]
    if isinstance(criterion, AnyOf | AllOf):
        return [b for c in criterion.criteria for b in budgets_of(c)]
    return []


def watched_metrics(criterion: Criterion) -> set[str]:
    """The names of the metrics that a criterion looks at."""
    if isinstance(criterion, TargetMetric | Patience):
        return {criterion.metric}
    if isinstance(criterion, AnyOf | AllOf):
        return set().union(*(watched_metrics(c) for c in criterion.criteria))
    return set()


CRITERION_FORMS = "epochs=50, energy=2kJ, patience=3 or METRIC=TARGET such as accuracy=0.97"


def parse_criterion(text: str) -> Criterion:
    """The criterion of a text such as ``epochs=50``, ``energy=2kJ``, ``accuracy=0.97``.

    ``patience=3`` watches the accuracy; ``patience=loss:3`` another metric, which is to fall
    where its name says loss or error. UsageError names the forms.
    """
    name, separator, value = (part.strip() for part in text.partition("="))
    if not (name and separator and value):
        raise UsageError(f"{text!r} is not a stopping criterion: write {CRITERION_FORMS}")
    if name == "energy":
        return EnergyBudget(value)
    try:
        if name == "epochs":
            return MaxEpochs(int(value))
        if name == "patience":
            metric, _, epochs = value.rpartition(":")
            metric = metric or "accuracy"
            return Patience(metric, int(epochs), mode=_usual_mode(metric))
        return _target(name, float(value))
    except ValueError as error:
        raise UsageError(f"{text!r} has no number: write {CRITERION_FORMS}") from error


def _target(name: str, value: float) -> TargetMetric:
    known = ("accuracy", "loss", "error", "score", "f1", "auc", "perplexity")
    if not any(word in name.lower() for word in known):
        raise UsageError(f"{name!r} is not a stopping criterion: write {CRITERION_FORMS}")
    return TargetMetric(name, value, _usual_mode(name))


def _usual_mode(metric: str) -> str:
    falls = any(word in metric.lower() for word in ("loss", "error", "perplexity"))
    return "min" if falls else "max"


def _check_mode(mode: str) -> None:
    if mode not in ("max", "min"):
        raise UsageError(f'mode is "max" or "min", not {mode!r}')


def _logged(progress: Progress, metric: str) -> list[float]:
    return [e.metrics[metric] for e in progress.epochs if metric in e.metrics]
