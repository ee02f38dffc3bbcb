"""Why the epochs of a run ended, as a value.

A run file holds it as text, ``energy-budget: 2.01 kJ used, 10.0 J over``, which is parsed once,
where the file is read.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class StopKind(StrEnum):
    """What ended the epochs. A criterion of your own may use a word of its own."""

    MAX_EPOCHS = "max-epochs"
    TARGET_METRIC = "target-metric"
    PATIENCE = "patience"
    ENERGY_BUDGET = "energy-budget"
    NOT_A_NUMBER = "metric-not-a-number"
    """The metric that a criterion watches is NaN, and no other criterion bounds the loop."""
    UNMEASURABLE = "budget-unmeasurable"
    """The energy is unknown, and no other criterion bounds the loop."""


_BLIND = frozenset({StopKind.NOT_A_NUMBER, StopKind.UNMEASURABLE})
_NEXT = re.compile(rf" and (?=(?:{'|'.join(StopKind)})(?:: | and |$))")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the epochs ended: a kind to compare, and a detail to read."""

    kind: StopKind | str
    detail: str = ""
    together_with: tuple["Reason", ...] = ()
    """The reasons of further criteria that all had to be met."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of all reasons in it."""
        return frozenset({self.kind}).union(*(other.kinds for other in self.together_with))

    @property
    def is_blindness(self) -> bool:
        """Whether a criterion can no longer be evaluated, rather than being met."""
        return self.kind in _BLIND

    def __str__(self) -> str:
        """The text that a run file holds."""
        own = f"{self.kind}: {self.detail}" if self.detail else str(self.kind)
        return " and ".join((own, *map(str, self.together_with)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reason of a run file's text; of an unknown kind, the kind is a plain word."""
        first, *others = (part.partition(": ") for part in _NEXT.split(text))
        together = (cls(_kind(kind), detail) for kind, _, detail in others)
        return cls(_kind(first[0]), first[2], tuple(together))


def _kind(word: str) -> StopKind | str:
    return StopKind(word) if word in set(StopKind) else word
