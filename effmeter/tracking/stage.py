"""One loop over epochs: what ends it, and how far it has come by its own count."""

from dataclasses import dataclass, field

from effmeter.energy import Energy
from effmeter.reason import Reason
from effmeter.stopping import AnyOf, EpochResult, Progress
from effmeter.tracking.live import LiveEnergy


@dataclass(slots=True)
class Stage:
    """One loop over epochs; a run has several of them one after the other: pretraining, tuning.

    Its criteria count its own epochs, from 1, and the energy used since it began.
    """

    criterion: AnyOf
    is_first: bool = True
    """Whether it is the first of its run: it begins with the run's block."""
    before: LiveEnergy | None = None
    """What the run had used when a later stage began; None where that is unknown."""
    results: list[EpochResult] = field(default_factory=list)
    """Its epochs, numbered as those of the run, with the energy used since it began."""
    stopped_by: Reason | None = None
    overshoot: Energy | None = None

    @property
    def has_budget(self) -> bool:
        """Whether it compares its energy with a budget."""
        return bool(self.criterion.budgets())

    def used(self, live: LiveEnergy | None) -> Energy | None:
        """The energy since it began, of that since the run began."""
        if live is None or self.is_first:
            return None if live is None else live.total
        return None if self.before is None else live.since(self.before).total

    def at_end_of_epoch(self, live: LiveEnergy | None, *, is_measured: bool) -> Progress:
        """Where it stands at the end of an epoch; ``is_measured``: sensors and recorder answer."""
        if not self.has_budget:
            return Progress(self.results)
        used = self.results[-1].used if self.results else None
        known = is_measured and live is not None and not live.unread and used is not None
        return Progress(self.results, used, known)

    def within_epoch(self, live: LiveEnergy | None) -> Progress:
        """Where it stands at a step within an epoch."""
        return Progress(self.results, self.used(live), within_epoch=True)
