"""When widths change, and to what: the schedule of Boumendil et al., Grow, prune or select data.

Growing begins with a quarter of every width and adds a sixteenth in each of 12 steps, the first
at iteration 10 000 and one every 2 500 after it; pruning is the mirror of it.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from effmeter.errors import UsageError
from effmeter.methods.flops.work import Flops
from effmeter.methods.structure.widths.graph import HiddenWidth


@dataclass(frozen=True, slots=True)
class WidthSchedule:
    """Changes at iterations ``start``, ``start + every``, ... (from 0), ``steps`` of them.

    UsageError for a schedule that begins before the first iteration is over.
    """

    start: int = 10_000
    every: int = 2_500
    steps: int = 12

    def __post_init__(self) -> None:
        if self.start < 1 or self.every < 1 or self.steps < 1:
            raise UsageError("a schedule's start, every and steps are 1 or more")

    def due(self, iteration: int) -> int:
        """Which change comes before this iteration, from 1; 0 for none."""
        late = iteration - self.start
        if late < 0 or late % self.every or late // self.every >= self.steps:
            return 0
        return late // self.every + 1

    def width(self, first: int, last: int, change: int) -> int:
        """The width after a number of changes, in steps as even as whole numbers allow."""
        return first + round((last - first) * change / self.steps)

    def stages(self, iterations: int) -> tuple[int, ...]:
        """How many iterations of a training follow after each number of changes, from 0 on."""
        changes = [0, *(self.start + self.every * n for n in range(self.steps)), iterations]
        inside = [min(begin, iterations) for begin in changes]
        return tuple(end - begin for begin, end in itertools.pairwise(inside))


def implied_fraction(
    step_flops: Callable[[float], Flops],
    schedule: WidthSchedule,
    first: float,
    last: float,
    iterations: int,
) -> float:
    """The work that a schedule leaves of ``iterations`` steps of the full network, as a fraction.

    ``step_flops`` gives the work of one step of the network whose free widths are such a
    fraction of the full ones; they go from ``first`` to ``last``.
    """
    done = sum(
        count * step_flops(first + (last - first) * change / schedule.steps).total
        for change, count in enumerate(schedule.stages(iterations))
        if count
    )
    return done / (iterations * step_flops(1.0).total)


def fraction_of(width: HiddenWidth, fraction: float) -> int:
    """So much of a width as it is now, as a whole number of channels and at least one."""
    return max(1, round(width.channels * fraction))
