"""Whether more epochs stopped paying: the rule behind Table 13 of Cueto-Mendoza and Kelleher.

Two epochs are compared, 50 and 100 in the paper. Column A is what the accuracy on the test data
gained between them; column B is how much the gap between training and test data grew, signed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from effmeter.recorded.run import RecordedRun

EARLY_EPOCH = 50
LATE_EPOCH = 100
LEAST_EPOCHS = 4
"""Of fewer epochs no half tells anything."""
GAP_FACTOR = 10**-0.5
"""c of the rule. The paper gives none; any in (0.189, 0.558) agrees with all its verdicts."""


@dataclass(frozen=True, slots=True)
class Overtraining:
    """Columns A and B of Table 13, and the verdict."""

    early_epoch: int
    late_epoch: int
    test_gain: float
    """A: accuracy on test data at the late epoch less that at the early one."""
    gap_growth: float
    """B: training less test accuracy at the late epoch, less the same at the early one."""
    gap_factor: float = GAP_FACTOR

    @property
    def is_overtrained(self) -> bool:
        """No gain left in two decimals, or the gap grew by ``gap_factor`` of the gain or more."""
        return round(self.test_gain, 2) <= 0 or self.gap_growth >= self.gap_factor * self.test_gain

    @property
    def is_known(self) -> bool:
        """Whether all four accuracies are numbers."""
        return math.isfinite(self.test_gain) and math.isfinite(self.gap_growth)

    def __str__(self) -> str:
        """The verdict with the epochs it rests on."""
        verdict = "overtrained" if self.is_overtrained else "not overtrained"
        epochs = f"from epoch {self.early_epoch} to {self.late_epoch}"
        gained = f"{self.test_gain:+.4f} on test data"
        return f"{verdict} {epochs}: {gained}, {self.gap_growth:+.4f} in the gap to training data"


def overtraining_between(
    train: Mapping[int, float], test: Mapping[int, float], gap_factor: float = GAP_FACTOR
) -> Overtraining:
    """The verdict from the accuracies (fractions) at two epochs, the same in both mappings."""
    early, late = sorted(train)
    return Overtraining(
        early,
        late,
        test[late] - test[early],
        (train[late] - test[late]) - (train[early] - test[early]),
        gap_factor,
    )


def overtraining_of(
    run: RecordedRun,
    test_metric: str = "accuracy",
    train_metric: str | None = None,
    epochs: tuple[int, int] = (EARLY_EPOCH, LATE_EPOCH),
    gap_factor: float = GAP_FACTOR,
) -> Overtraining | None:
    """The verdict on a recorded run; None where it did not log both accuracies at both epochs.

    A run of fewer epochs is judged by its half and its whole, which the verdict says.
    ``train_metric`` is ``train_`` and the test metric unless it is named.
    """
    ended = [epoch for epoch in run.lead_epochs if not epoch.open]
    early, late = epochs if len(ended) >= epochs[1] else (len(ended) // 2, len(ended))
    if len(ended) < LEAST_EPOCHS:
        return None
    logged = {number: ended[number - 1].metrics for number in (early, late)}
    names = (train_metric or f"train_{test_metric}", test_metric)
    if any(name not in metrics for metrics in logged.values() for name in names):
        return None
    train, test = ({n: metrics[name] for n, metrics in logged.items()} for name in names)
    return overtraining_between(train, test, gap_factor)
