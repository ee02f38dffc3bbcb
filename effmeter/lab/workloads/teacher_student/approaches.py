"""The approaches of the study: a size of the student and a method, if any.

The seven of Boumendil et al., Table I, and data selection at 10 and 20 %, which the paper names
as harmful.
"""

from dataclasses import dataclass

from effmeter.lab.workloads.teacher_student.task import squared_loss
from effmeter.methods.method import Dense, Method
from effmeter.methods.skipping.selection import E2Train
from effmeter.methods.structure.growing.gradmax import GradMax
from effmeter.methods.structure.pruning.unstructured import ErPruning
from effmeter.methods.structure.widths.schedule import WidthSchedule

SMALL, BIG, WIDE = 25, 50, 100
"""Hidden units."""


@dataclass(frozen=True, slots=True)
class Approach:
    """What a student begins as, and what its training leaves out or adds."""

    name: str
    hidden: int
    keep: float = 1.0
    """The fraction of batches that are trained on."""
    growth: WidthSchedule | None = None
    """When the hidden units grow, from ``hidden`` to BIG."""
    density: float = 1.0
    """The fraction of weights that pruning at birth keeps."""

    def method(self, seed: int) -> Method:
        """The method that trains a student so."""
        if self.keep < 1.0:
            return E2Train(keep=self.keep, seed=seed)
        if self.density < 1.0:
            return ErPruning(density=self.density, seed=seed)
        if self.growth is None:
            return Dense(seed=seed)
        return GradMax(
            start=self.growth.start,
            every=self.growth.every,
            steps=self.growth.steps,
            seed_fraction=self.hidden / BIG,
            cut=False,
            objective=squared_loss,
            seed=seed,
        )


def _selection(percent: int) -> Approach:
    return Approach(f"selection-{percent}", BIG, keep=percent / 100)


APPROACHES: dict[str, Approach] = {
    approach.name: approach
    for approach in (
        Approach("small", SMALL),
        *map(_selection, (10, 20, 30, 40, 50)),
        Approach("gradmax", SMALL, growth=WidthSchedule(start=500, every=500, steps=5)),
        Approach("unstructured", WIDE, density=0.5),
        Approach("big", BIG),
    )
}
"""By name, in the order of the paper's table."""

IN_THE_PAPER = tuple(name for name in APPROACHES if name not in ("selection-10", "selection-20"))
"""The names of the seven approaches of Table I."""
