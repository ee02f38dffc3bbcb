"""When the runs of a grid end: at the first criterion met, or once all of them have been."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from effmeter.errors import UsageError
from effmeter.stopping import (
    AllOf,
    AnyOf,
    Criterion,
    EpochResult,
    MaxEpochs,
    Once,
    first_met,
    parse_criterion,
)

DEFAULT_EPOCHS = 50


class Until(StrEnum):
    """Which of several criteria ends a run."""

    FIRST = "first"
    """The one met first."""
    ALL = "all"
    """The last: the run goes on until each has been met, so that it can be cut at any."""


class NamedCriterion(NamedTuple):
    """A criterion and the text that stands for it, such as ``energy=2kJ``."""

    text: str
    criterion: Criterion


@dataclass(frozen=True, slots=True)
class Ending:
    """The rule that ends every run of a grid: criteria, and a bound that always holds."""

    epochs: int = DEFAULT_EPOCHS
    """The most epochs that a run takes, whatever else is asked."""
    criteria: tuple[NamedCriterion, ...] = ()
    until: Until = Until.FIRST

    @classmethod
    def parse(
        cls, criteria: Sequence[str] = (), until: str = Until.FIRST, epochs: int | None = None
    ) -> "Ending":
        """Of criteria as people write them; ``epochs`` defaults to what the criteria ask, or 50.

        UsageError for a text that is no criterion, and for more epochs than the bound allows.
        """
        parsed = map(parse_criterion, criteria)
        named = tuple(NamedCriterion(criterion.describe(), criterion) for criterion in parsed)
        asked = [c.criterion.epochs for c in named if isinstance(c.criterion, MaxEpochs)]
        bound = max(asked, default=DEFAULT_EPOCHS) if epochs is None else epochs
        MaxEpochs(bound)
        if asked and max(asked) > bound:
            raise UsageError(
                f"the criterion epochs={max(asked)} lies beyond the most epochs of a run, {bound}"
            )
        return cls(bound, named, Until(until))

    @property
    def criterion(self) -> Criterion:
        """The criteria as one, for ``run.epochs(stop=...)``."""
        bound = MaxEpochs(self.epochs)
        if not self.criteria:
            return bound
        if self.until is Until.FIRST:
            return AnyOf((bound, *(criterion for _, criterion in self.criteria)))
        return bound | AllOf(tuple(Once(criterion) for _, criterion in self.criteria))

    @property
    def label(self) -> str:
        """The rule in words, as runs are labelled: ``all of epochs=5, energy=2kJ; epochs<=9``."""
        bound = f"epochs<={self.epochs}"
        if not self.criteria:
            return bound
        return f"{self.until} of {', '.join(c.text for c in self.criteria)}; {bound}"

    def unmet(self, epochs: Sequence[EpochResult]) -> list[str]:
        """The criteria that a run never met; none where the first one met has ended it."""
        met = {text for text, criterion in self.criteria if first_met(criterion, epochs)}
        ended_early = len(epochs) < self.epochs and bool(met)
        if self.until is Until.FIRST and ended_early:
            return []
        return [text for text, _ in self.criteria if text not in met]
