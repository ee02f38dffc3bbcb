"""A criterion that stays met: once it was met, later epochs do not undo it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from effmeter.reason import Reason
from effmeter.stopping.criterion import Budget, Criterion
from effmeter.stopping.progress import EpochResult, Progress


@dataclass(frozen=True, slots=True)
class Once(Criterion):
    """Met from the first epoch at whose end the criterion inside was met.

    With it, ``Once(a) & Once(b)`` ends a loop as soon as each has been met, at whichever epochs,
    so that one recording holds the cuts of both; ``a & b`` requires both at the same epoch.
    """

    criterion: Criterion

    def reason(self, progress: Progress) -> Reason | None:
        """The first reason that was given; blindness only where it is the present state."""
        for earlier in _ends_of_epochs(progress.epochs):
            reason = self.criterion.reason(earlier)
            if reason is not None and not reason.is_blindness:
                return reason
        return self.criterion.reason(progress)

    def bounds(self, progress: Progress) -> bool:
        """Whether the criterion inside does."""
        return self.criterion.bounds(progress)

    def metrics(self) -> frozenset[str]:
        """Those of the criterion inside."""
        return self.criterion.metrics()

    def budgets(self) -> tuple[Budget, ...]:
        """Those of the criterion inside."""
        return self.criterion.budgets()


def first_met(criterion: Criterion, epochs: Sequence[EpochResult]) -> int | None:
    """The number of the epoch at whose end a criterion was first met; None where it never was."""
    for earlier in _ends_of_epochs(epochs):
        reason = criterion.reason(earlier)
        if reason is not None and not reason.is_blindness:
            return earlier.epochs[-1].number
    return None


def _ends_of_epochs(epochs: Sequence[EpochResult]) -> Iterator[Progress]:
    """Where the loop stood at the end of each of its epochs."""
    for count, epoch in enumerate(epochs, start=1):
        yield Progress(epochs[:count], epoch.used, epoch.used is not None)
