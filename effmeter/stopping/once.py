"""A criterion that stays met: what it once said stands, however the metric moves on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from effmeter.stopping.criterion import Composable, Criterion, is_blindness
from effmeter.stopping.progress import EpochResult, Progress


@dataclass(frozen=True, slots=True)
class Once(Composable):
    """Met from the first epoch at whose end the criterion inside was met.

    With it, ``Once(a) & Once(b)`` ends a loop as soon as each has been met, at whichever epochs,
    so that one recording holds the cuts of both; ``a & b`` wants both at the same epoch.
    """

    criterion: Criterion

    @property
    def needs_energy(self) -> bool:
        """Whether the criterion inside does."""
        return self.criterion.needs_energy

    def reason(self, progress: Progress) -> str | None:
        """The first reason that was given; blindness only where it is the present state."""
        for earlier in _ends_of_epochs(progress.epochs):
            reason = self.criterion.reason(earlier)
            if reason is not None and not is_blindness(reason):
                return reason
        return self.criterion.reason(progress)

    def bounds(self, progress: Progress) -> bool:
        """Whether the criterion inside does."""
        return self.criterion.bounds(progress)


def first_met(criterion: Criterion, epochs: Sequence[EpochResult]) -> int | None:
    """The number of the epoch at whose end a criterion was first met; None where never."""
    for earlier in _ends_of_epochs(epochs):
        reason = criterion.reason(earlier)
        if reason is not None and not is_blindness(reason):
            return earlier.epochs[-1].number
    return None


def _ends_of_epochs(epochs: Sequence[EpochResult]) -> Iterator[Progress]:
    """Where the loop stood at the end of each of its epochs."""
    for count, epoch in enumerate(epochs, start=1):
        yield Progress(epochs[:count], epoch.energy, epoch.energy is not None)
