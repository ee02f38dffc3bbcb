"""The criteria that need no metric: a number of epochs, an energy budget."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.reason import Reason, StopKind
from effmeter.stopping.criterion import Budget, Criterion
from effmeter.stopping.options import is_on, split_options, split_text
from effmeter.stopping.progress import EpochResult, Progress
from effmeter.units import format_energy, parse_energy_j


@dataclass(frozen=True, slots=True)
class MaxEpochs(Criterion):
    """Stop after a number of epochs.

    Raises UsageError unless it is a whole number from 1.
    """

    epochs: int

    keyword: ClassVar[str] = "epochs"
    example: ClassVar[str] = "epochs=50"
    syntax: ClassVar[str] = "epochs=NUMBER"

    def __post_init__(self) -> None:
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, int) or self.epochs < 1:
            raise UsageError(f"MaxEpochs takes a whole number of epochs from 1, not {self.epochs}")

    def reason(self, progress: Progress) -> Reason | None:
        """Stop once the epochs are done."""
        if progress.within_epoch or len(progress.epochs) < self.epochs:
            return None
        return Reason(StopKind.MAX_EPOCHS, str(self.epochs))

    def bounds(self, progress: Progress) -> bool:
        """It always does."""
        return True

    def describe(self) -> str:
        """Such as ``epochs=50``."""
        return f"{self.keyword}={self.epochs}"

    def name(self) -> str:
        """The keyword."""
        return self.keyword

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of ``epochs=50``."""
        return cls(int(split_text(text)[1]))


@dataclass(frozen=True, slots=True)
class EnergyBudget(Criterion):
    """Stop when the energy used since the run's start reaches a budget (joules, or "2 kJ").

    In a later stage of a run (a further call of ``run.epochs``), since the stage's start.

    Args:
        budget: joules above zero, or a text with a unit.
        predict: do not begin an epoch that would overshoot if it used what the last one did.
        accept_missing: measure the budget although the machine has a component (a GPU, say)
            that gives no figure.
    """

    budget: float | str
    predict: bool = False
    accept_missing: bool = False

    keyword: ClassVar[str] = "energy"
    example: ClassVar[str] = "energy=2kJ"
    syntax: ClassVar[str] = "energy=AMOUNT[,predict][,accept_missing]"

    def __post_init__(self) -> None:
        _ = self.budget_j

    @property
    def budget_j(self) -> float:
        """The budget in joules; UsageError where it is not an energy above zero."""
        if isinstance(self.budget, str):
            return parse_energy_j(self.budget)
        if not 0 < self.budget < math.inf:
            raise UsageError(f"EnergyBudget takes joules above zero, not {self.budget}")
        return float(self.budget)

    def reason(self, progress: Progress) -> Reason | None:
        """Stop once the budget is used, would be by the next epoch, or cannot be measured."""
        if not progress.energy_is_known or progress.used is None:
            return None if progress.within_epoch else Reason(StopKind.UNMEASURABLE)
        used_j = progress.used.value_j
        if used_j >= self.budget_j:
            over_j = used_j - self.budget_j
            overshoot = f", {format_energy(over_j)} over" if over_j > 0 else ""
            return Reason(StopKind.ENERGY_BUDGET, f"{format_energy(used_j)} used{overshoot}")
        if self.predict and not progress.within_epoch and progress.epochs:
            next_j = self._last_epoch_j(progress.epochs)
            if next_j is not None and used_j + next_j > self.budget_j:
                needed = f"the next epoch would need {format_energy(next_j)}"
                return Reason(StopKind.ENERGY_BUDGET, needed)
        return None

    def _last_epoch_j(self, epochs: Sequence[EpochResult]) -> float | None:
        last = epochs[-1].used
        before = epochs[-2].used if len(epochs) > 1 else Energy.exactly(0.0)
        return None if last is None or before is None else last.value_j - before.value_j

    def bounds(self, progress: Progress) -> bool:
        """While the energy is known: every epoch uses some."""
        return progress.energy_is_known and progress.used is not None

    def budgets(self) -> tuple[Budget, ...]:
        """Its own."""
        return (Budget(self.budget_j, self.accept_missing),)

    def describe(self) -> str:
        """Such as ``energy=2kJ,predict``."""
        amount = self.budget if isinstance(self.budget, str) else f"{self.budget!r} J"
        options = ",predict" * self.predict + ",accept_missing" * self.accept_missing
        return f"{self.keyword}={amount}{options}"

    def name(self) -> str:
        """The keyword."""
        return self.keyword

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of ``energy=2kJ,predict``."""
        amount, options = split_options(split_text(text)[1], ("predict", "accept_missing"))
        return cls(amount, is_on(options, "predict"), is_on(options, "accept_missing"))
