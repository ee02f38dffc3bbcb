"""The contribution of one estimate to an energy, which every window of it shares."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EstimatedPart:
    """The contribution of one estimate to an energy, before its factor (J)."""

    value_j: float
    low_j: float
    high_j: float
    factor: float
    """The truth lies between the estimate divided and multiplied by this."""

    @property
    def bounds_j(self) -> tuple[float, float]:
        """The interval with the factor."""
        low_j, high_j, factor = self.low_j, self.high_j, self.factor
        return (
            low_j / factor if low_j > 0 else low_j * factor,
            high_j * factor if high_j > 0 else high_j / factor,
        )

    def __add__(self, other: "EstimatedPart") -> "EstimatedPart":
        """The sum of two contributions of the same estimate."""
        return EstimatedPart(
            self.value_j + other.value_j,
            self.low_j + other.low_j,
            self.high_j + other.high_j,
            max(self.factor, other.factor),
        )

    def scaled(self, by: float) -> "EstimatedPart":
        """The contribution times a number."""
        low_j, high_j = sorted((self.low_j * by, self.high_j * by))
        return EstimatedPart(self.value_j * by, low_j, high_j, self.factor)


def shared_factor_j(one: EstimatedPart, other: EstimatedPart, end: int) -> float:
    """How far one shared factor moves an end of the sum of two parts of one estimate (J).

    Parts of the same sign scale together, as the sum of their bounds already says.
    """
    ends_j = (part.low_j if end == 0 else part.high_j for part in (one, other))
    if math.prod(ends_j) >= 0:
        return 0.0
    moved_j = (one + other).bounds_j[end] - one.bounds_j[end] - other.bounds_j[end]
    return moved_j if math.isfinite(moved_j) else 0.0
