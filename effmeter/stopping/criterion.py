"""What a stopping criterion is, and how several make one."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.reason import Reason
from effmeter.stopping.progress import Progress


class Budget(NamedTuple):
    """An energy that a criterion lets a run use."""

    budget_j: float
    accept_missing: bool = False
    """Whether to measure it although the machine has a component that gives no figure."""


class Criterion(ABC):
    """A rule that can end the epochs of a run; ``a | b`` is either, ``a & b`` is both.

    It keeps no state: it judges a ``Progress``, of a live loop or of a recording. A subclass
    defines ``reason`` and ``bounds``. One that users can write as text also sets ``keyword`` and
    ``example``, defines ``parse`` and ``describe``, and stands in ``registry.CRITERIA``.
    """

    __slots__ = ()

    keyword: ClassVar[str] = ""
    """What stands before the ``=`` of its text."""
    example: ClassVar[str] = ""
    """Its shortest text, for help and errors: ``epochs=50``."""
    syntax: ClassVar[str] = ""
    """All that its text may hold, with optional parts in brackets."""

    @abstractmethod
    def reason(self, progress: Progress) -> Reason | None:
        """Why to stop now; None to go on."""

    @abstractmethod
    def bounds(self, progress: Progress) -> bool:
        """Whether it is certain to end the loop at some time, by what is known now."""

    def metrics(self) -> frozenset[str]:
        """The names of the metrics that it watches."""
        return frozenset()

    def budgets(self) -> tuple[Budget, ...]:
        """The energy budgets that it compares with; with any, the loop measures its energy."""
        return ()

    def describe(self) -> str:
        """Its text, which ``parse_criterion`` reads where the criterion has such a form."""
        return repr(self)

    def name(self) -> str:
        """A short name for tables; two criteria may share it."""
        return self.describe()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The criterion of a text; UsageError or ValueError where it means nothing."""
        raise UsageError(f"{text!r}: {cls.__name__} has no text form")

    def __or__(self, other: "Criterion") -> "AnyOf":
        return AnyOf((self, other))

    def __and__(self, other: "Criterion") -> "AllOf":
        return AllOf((self, other))


class Compound(Criterion):
    """Several criteria as one."""

    __slots__ = ()

    criteria: tuple[Criterion, ...]
    conjunction: ClassVar[str]

    def metrics(self) -> frozenset[str]:
        """Those of all criteria."""
        return frozenset().union(*(criterion.metrics() for criterion in self.criteria))

    def budgets(self) -> tuple[Budget, ...]:
        """Those of all criteria."""
        return tuple(budget for criterion in self.criteria for budget in criterion.budgets())

    def describe(self) -> str:
        """The texts of all, joined: ``epochs=3 or loss=0.5``."""
        return f" {self.conjunction} ".join(criterion.describe() for criterion in self.criteria)


@dataclass(frozen=True, slots=True)
class AnyOf(Compound):
    """Stop when any of several criteria is met; the first one gives the reason.

    A metric that is not a number, and a budget that cannot be measured, end the loop only
    where no other criterion is certain to.
    """

    criteria: tuple[Criterion, ...]
    conjunction: ClassVar[str] = "or"

    def reason(self, progress: Progress) -> Reason | None:
        """The first reason that stands."""
        reasons = [r for c in self.criteria if (r := c.reason(progress)) is not None]
        met = [r for r in reasons if not r.is_blindness]
        if met:
            return met[0]
        return reasons[0] if reasons and not self.bounds(progress) else None

    def bounds(self, progress: Progress) -> bool:
        """Whether any of them does."""
        return any(c.bounds(progress) for c in self.criteria)


@dataclass(frozen=True, slots=True)
class AllOf(Compound):
    """Stop when all of several criteria are met, or when one of them never can be."""

    criteria: tuple[Criterion, ...]
    conjunction: ClassVar[str] = "and"

    def reason(self, progress: Progress) -> Reason | None:
        """All reasons in one, or the one that cannot be evaluated."""
        reasons = [c.reason(progress) for c in self.criteria]
        given = [r for r in reasons if r is not None]
        blind = next((r for r in given if r.is_blindness), None)
        if blind is not None or len(given) < len(reasons) or not given:
            return blind
        first, *others = given
        return Reason(first.kind, first.detail, (*first.together_with, *others))

    def bounds(self, progress: Progress) -> bool:
        """Only if all of them do."""
        return all(c.bounds(progress) for c in self.criteria)


def combine(stop: Criterion | Iterable[Criterion] | None) -> AnyOf:
    """One criterion of the argument of ``run.epochs(stop=...)``; UsageError for anything else."""
    given: tuple[object, ...] = () if stop is None else (stop,)
    if isinstance(stop, Iterable) and not isinstance(stop, Criterion | str | type):
        given = tuple(stop)
    others = [other for other in given if not isinstance(other, Criterion)]
    if others:
        raise UsageError(f"{others[0]!r} is not a stopping criterion, such as MaxEpochs(50)")
    return AnyOf(tuple(criterion for criterion in given if isinstance(criterion, Criterion)))


def overshoot_of(criterion: Criterion, used: Energy | None) -> Energy | None:
    """Energy used beyond the smallest budget of a criterion; negative where some is left.

    None where the criterion has no budget, or the energy is unknown.
    """
    budgets = criterion.budgets()
    if not budgets or used is None:
        return None
    budget_j = min(budget.budget_j for budget in budgets)
    return used - Energy.exactly(budget_j)
