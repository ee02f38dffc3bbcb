"""What a model thought of each sample when it last trained on it."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class SampleHistory:
    """Confidence and correctness by sample, and the mean confidence of each class.

    On the CPU, where the choice of rows is made; it grows with the highest sample and class
    seen. An index is (rows,) int64 and names each sample once.
    """

    def __init__(self) -> None:
        self._confidence = torch.empty(0)
        self._correct = torch.empty(0, dtype=torch.bool)
        self._skips = torch.empty(0, dtype=torch.int64)
        self._class_sum = torch.empty(0, dtype=torch.float64)
        self._class_count = torch.empty(0, dtype=torch.float64)

    def recall(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Confidence (rows,), NaN where never seen, and whether the prediction was right."""
        self._grow(index)
        return self._confidence[index], self._correct[index]

    def class_confidence(self, classes: Tensor) -> Tensor:
        """Mean confidence (rows,) of all samples seen of each row's class; NaN without any."""
        self._grow_classes(classes)
        return (self._class_sum / self._class_count)[classes].float()

    def skips_in_a_row(self, index: Tensor) -> Tensor:
        """How often each sample was skipped since it was last trained on."""
        self._grow(index)
        return self._skips[index]

    def count(self, index: Tensor, skipped: Tensor) -> None:
        """One more visit, which these samples (rows,) bool were skipped in."""
        self._grow(index)
        self._skips[index] = torch.where(skipped, self._skips[index] + 1, 0)

    def record(self, index: Tensor, confidence: Tensor, correct: Tensor, classes: Tensor) -> None:
        """What the model thinks of samples that it trains on; all (rows,)."""
        self._grow(index)
        self._grow_classes(classes)
        before = self._confidence[index].double()
        known = ~before.isnan()
        change = confidence.double() - torch.where(known, before, 0.0)
        self._class_sum.index_add_(0, classes, change)
        self._class_count.index_add_(0, classes, (~known).double())
        self._confidence[index] = confidence
        self._correct[index] = correct

    def state(self) -> dict[str, Any]:
        """For ``restore``."""
        return {name: value.clone() for name, value in vars(self).items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        for name in vars(self):
            setattr(self, name, state[name].clone())

    def _grow(self, index: Tensor) -> None:
        more = _missing(self._confidence, index)
        if more:
            self._confidence = _longer(self._confidence, more, math.nan)
            self._correct = _longer(self._correct, more, False)
            self._skips = _longer(self._skips, more, 0)

    def _grow_classes(self, classes: Tensor) -> None:
        more = _missing(self._class_sum, classes)
        if more:
            self._class_sum = _longer(self._class_sum, more, 0.0)
            self._class_count = _longer(self._class_count, more, 0.0)


def _missing(values: Tensor, index: Tensor) -> int:
    return max(0, int(index.max()) + 1 - len(values)) if len(index) else 0


def _longer(values: Tensor, more: int, fill: float) -> Tensor:
    return torch.cat([values, values.new_full((more,), fill)])
