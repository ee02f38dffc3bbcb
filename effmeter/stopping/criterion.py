"""What a stopping criterion is, and how several make one."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from effmeter.errors import UsageError
from effmeter.stopping.progress import Progress

NOT_A_NUMBER = "metric-not-a-number"
UNMEASURABLE = "budget-unmeasurable"


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
