"""The comparisons that a table of a study on training methods shows, as plain data."""

from collections.abc import Iterable
from dataclasses import dataclass

from effmeter.lab.studies.variant import Variant


@dataclass(frozen=True, slots=True)
class Arm:
    """A way of training that is compared with the dense one."""

    what: str
    variant: Variant
    controls: tuple[Variant, ...] = ()
    """The naive baselines of the same work, which it has to beat."""
    computes_densely: bool = False
    """Whether it sets gradients to zero without leaving out their computation."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ways of training on one data set, each beside the dense training of one model."""

    dense: Variant
    arms: tuple[Arm, ...]

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All trainings."""
        controls = (control for arm in self.arms for control in arm.controls)
        return tuple(dict.fromkeys((self.dense, *(arm.variant for arm in self.arms), *controls)))

    @property
    def computing_densely(self) -> frozenset[Variant]:
        """Those that change gradients and leave out no work: that does not make them inactive."""
        return frozenset(arm.variant for arm in self.arms if arm.computes_densely)

    def name_of(self, variant: Variant) -> str:
        """What the table calls a variant."""
        return next((arm.what for arm in self.arms if arm.variant == variant), "dense")


@dataclass(frozen=True, slots=True)
class TablePlan:
    """A table of a study: its part of the study, and the comparisons that fill it."""

    part: str
    """The name of the part, such as ``table-4``."""
    name: str
    title: str
    comparisons: tuple[Comparison, ...] = ()
    """None where this scale does not fill it; a note says why."""
    notes: tuple[str, ...] = ()

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All trainings."""
        return variants_of(self.comparisons)


def variants_of(comparisons: Iterable[Comparison]) -> tuple[Variant, ...]:
    """All trainings, each once."""
    return tuple(dict.fromkeys(v for comparison in comparisons for v in comparison.variants))
