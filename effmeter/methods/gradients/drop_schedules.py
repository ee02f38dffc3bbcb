"""How much of the output gradient is dropped as a training goes on.

Source: Zhong et al., ssProp, the section on schedulers and the sensitivity study of periods.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.method import Cycle

DropCurve = Literal["constant", "linear", "cosine", "bar", "period"]
PeriodUnit = Literal["epochs", "iterations"]


@dataclass(frozen=True, slots=True)
class DropSchedule:
    """A drop rate (a fraction) for every epoch and iteration, both counted from 0.

    ``"constant"`` is ``drop`` throughout; ``"linear"`` and ``"cosine"`` rise from 0 in the first
    epoch to ``drop`` in the last; ``"bar"`` is 0 in the first half of the epochs and ``drop`` in
    the second; ``"period"`` alternates, the first half of every ``period`` dense (rounded down).
    Iterations are counted through the whole training, not anew in each epoch. UsageError for
    values that make no schedule.
    """

    curve: DropCurve
    drop: float
    period: int = 2
    period_unit: PeriodUnit = "epochs"

    def __post_init__(self) -> None:
        if not 0.0 <= self.drop < 1.0:
            raise UsageError(f"drop is a fraction from 0 to below 1, not {self.drop}")
        if self.curve not in get_args(DropCurve):
            raise UsageError(f"{self.curve!r} is no schedule: {', '.join(get_args(DropCurve))}")
        if self.period_unit not in get_args(PeriodUnit):
            raise UsageError(f"a period is in epochs or iterations, not {self.period_unit!r}")
        if self.period < 2:
            raise UsageError(f"a period has a dense and a sparse part, not {self.period} in all")

    @property
    def spans_training(self) -> bool:
        """Whether it needs to know how many epochs the training has."""
        return self.curve in ("linear", "cosine", "bar")

    def drop_at(self, epoch: int, epochs: int | None, iteration: int) -> float:
        """The drop rate of an iteration; UnfitError where the number of epochs must be known."""
        if self.curve == "constant":
            return self.drop
        if self.curve == "period":
            position = epoch if self.period_unit == "epochs" else iteration
            return self.drop if position % self.period >= self.period // 2 else 0.0
        epochs = self._known(epochs)
        if self.curve == "bar":
            return self.drop if epoch >= epochs // 2 else 0.0
        progress = min(epoch / max(epochs - 1, 1), 1.0)
        if self.curve == "cosine":
            progress = (1.0 - math.cos(math.pi * progress)) / 2.0
        return self.drop * progress

    def cycle(self, epochs: int | None) -> Cycle:
        """After how many epochs and batches it repeats."""
        if self.curve == "constant":
            return Cycle()
        if self.curve != "period":
            return Cycle(epochs=self._known(epochs))
        if self.period_unit == "epochs":
            return Cycle(epochs=self.period)
        return Cycle(batches=self.period)

    def _known(self, epochs: int | None) -> int:
        if epochs is None:
            raise UnfitError(f"ssprop's {self.curve} schedule needs the number of epochs")
        return epochs
