"""The criteria that watch a metric: a target, patience."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from effmeter.errors import UsageError
from effmeter.reason import Reason, StopKind
from effmeter.stopping.criterion import Criterion
from effmeter.stopping.direction import Mode, resolved_mode
from effmeter.stopping.options import (
    mode_suffix,
    required_mode,
    split_mode,
    split_options,
    split_text,
)
from effmeter.stopping.progress import Progress

DEFAULT_METRIC = "accuracy"


@dataclass(frozen=True, slots=True)
class TargetMetric(Criterion):
    """Stop when a metric reaches a target.

    Args:
        metric: the name under which epochs log it.
        target: a finite value.
        mode: "max" if more is better, so that the target is reached from below; "min" if less is.
            By default the metric's name decides; UsageError where it does not say.
    """

    metric: str
    target: float
    mode: Mode | None = None

    example: ClassVar[str] = "accuracy=0.97"
    syntax: ClassVar[str] = "METRIC=TARGET[:min|:max]"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", resolved_mode(self.metric, self.mode))
        if not math.isfinite(self.target):
            raise UsageError(f"TargetMetric takes a finite target, not {self.target}")

    def reason(self, progress: Progress) -> Reason | None:
        """Stop once the last epoch that logged the metric reached the target, or logged NaN."""
        values = progress.logged(self.metric)
        if progress.within_epoch or not values:
            return None
        if math.isnan(values[-1]):
            return Reason(StopKind.NOT_A_NUMBER, self.metric)
        reached = values[-1] >= self.target if self.mode == "max" else values[-1] <= self.target
        return (
            Reason(StopKind.TARGET_METRIC, f"{self.metric} {values[-1]:.6g}") if reached else None
        )

    def bounds(self, progress: Progress) -> bool:
        """It never does: a target may not be reached."""
        return False

    def metrics(self) -> frozenset[str]:
        """The metric."""
        return frozenset({self.metric})

    def describe(self) -> str:
        """Such as ``accuracy=0.97``."""
        return f"{self.metric}={self.target!r}{mode_suffix(self.metric, self.mode)}"

    def name(self) -> str:
        """The metric; ``accuracy`` for every accuracy, whichever part of the data it is of."""
        return "accuracy" if "accuracy" in self.metric else self.metric

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of ``accuracy=0.97`` or ``reward=30:max``."""
        metric, value = split_text(text)
        target, mode = split_mode(value)
        number = float(target)
        return cls(metric, number, required_mode(metric, mode, f"{metric}={target}:max"))


@dataclass(frozen=True, slots=True)
class Patience(Criterion):
    """Stop when a metric has not improved for a number of epochs that log it.

    The default of three epochs is the early stopping of Cueto-Mendoza and Kelleher.

    Args:
        metric: the name under which epochs log it.
        epochs: how many epochs may pass without an improvement.
        min_delta: the smallest change that counts as an improvement.
        mode: "max" if the metric improves by rising, "min" if by falling. By default the
            metric's name decides; UsageError where it does not say.
        armed_at: a value that the metric must reach before patience can end anything, so that a
            slow beginning is not taken for the end.
    """

    metric: str
    epochs: int = 3
    min_delta: float = 0.0
    mode: Mode | None = None
    armed_at: float | None = None

    keyword: ClassVar[str] = "patience"
    example: ClassVar[str] = "patience=3"
    syntax: ClassVar[str] = "patience=[METRIC:]EPOCHS[:min|:max][,min_delta=VALUE][,armed_at=VALUE]"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", resolved_mode(self.metric, self.mode))
        if self.epochs < 1:
            raise UsageError(f"Patience takes a number of epochs from 1, not {self.epochs}")
        if not 0 <= self.min_delta < math.inf:
            raise UsageError(f"Patience takes a min_delta from 0, not {self.min_delta}")
        if self.armed_at is not None and not math.isfinite(self.armed_at):
            raise UsageError(f"Patience is armed at a finite value, not {self.armed_at}")

    def reason(self, progress: Progress) -> Reason | None:
        """Stop once the best value is old enough, or the last one is NaN."""
        values = progress.logged(self.metric)
        if progress.within_epoch or not values:
            return None
        if math.isnan(values[-1]):
            return Reason(StopKind.NOT_A_NUMBER, self.metric)
        waited = self._epochs_since_best(values)
        if waited < self.epochs or not self._is_armed(values):
            return None
        return Reason(StopKind.PATIENCE, f"{self.metric} for {waited} epochs")

    def _is_armed(self, values: Sequence[float]) -> bool:
        if self.armed_at is None:
            return True
        return any(self._sign * value >= self._sign * self.armed_at for value in values)

    def _epochs_since_best(self, values: Sequence[float]) -> int:
        best, best_at = -math.inf, 0
        for at, value in enumerate(values):
            if self._sign * value > best + self.min_delta:
                best, best_at = self._sign * value, at
        return len(values) - 1 - best_at

    @property
    def _sign(self) -> float:
        return 1.0 if self.mode == "max" else -1.0

    def bounds(self, progress: Progress) -> bool:
        """While the metric is a number, once armed: it cannot improve by a step for ever."""
        values = progress.logged(self.metric)
        is_number = bool(values) and not math.isnan(values[-1])
        return self.min_delta > 0 and is_number and self._is_armed(values)

    def metrics(self) -> frozenset[str]:
        """The metric."""
        return frozenset({self.metric})

    def describe(self) -> str:
        """Such as ``patience=val_loss:5,armed_at=0.9``."""
        step = f",min_delta={self.min_delta!r}" if self.min_delta else ""
        armed = "" if self.armed_at is None else f",armed_at={self.armed_at!r}"
        mode = mode_suffix(self.metric, self.mode)
        return f"{self.keyword}={self.metric}:{self.epochs}{mode}{step}{armed}"

    def name(self) -> str:
        """The keyword."""
        return self.keyword

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of ``patience=3``, which watches the accuracy, or ``patience=val_loss:5``."""
        waits, options = split_options(split_text(text)[1], ("min_delta", "armed_at"))
        waits, given = split_mode(waits)
        metric, _, epochs = waits.rpartition(":")
        metric, count = metric.strip() or DEFAULT_METRIC, int(epochs)
        mode = required_mode(metric, given, f"{cls.keyword}={metric}:{count}:max")
        armed_at = float(options["armed_at"]) if "armed_at" in options else None
        return cls(metric, count, float(options.get("min_delta", 0.0)), mode, armed_at)
