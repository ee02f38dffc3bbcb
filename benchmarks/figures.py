"""What a benchmark found: every figure stands beside a bare baseline of the same run."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

CONFIDENCE = 0.95


class Spread(NamedTuple):
    """The median of repeated measurements, between their quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of one value or more."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True, slots=True)
class Figure:
    """One cost, beside what the least that could do costs; all in the same unit."""

    name: str
    unit: str
    here: Spread
    baseline: str
    """What the bare baseline is."""
    bare: Spread
    ratio: Spread
    difference: Spread
    repeats: int
    interval: tuple[float, float] | None = None
    """Where the true median of the ratio lies with 95 % confidence; None where not asked for."""

    def to_json(self) -> dict[str, Any]:
        """Plain values; spreads by the names of their parts."""
        spreads = ("here", "bare", "ratio", "difference")
        return {**asdict(self), **{name: getattr(self, name)._asdict() for name in spreads}}


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found."""

    name: str
    title: str
    floor: tuple[Figure, ...]
    """Counted, not timed: what the work takes here beside the least that it can take."""
    figures: tuple[Figure, ...]
    facts: Mapping[str, str | float] = field(default_factory=dict)
    """What else was seen: how many deadlines were missed, which libraries were loaded."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "title": self.title,
            "floor": [figure.to_json() for figure in self.floor],
            "figures": [figure.to_json() for figure in self.figures],
            "facts": dict(self.facts),
        }


def paired(
    name: str,
    unit: str,
    here: Sequence[float],
    baseline: str,
    bare: Sequence[float],
    *,
    with_interval: bool = False,
) -> Figure:
    """A figure from measurements taken in turn; ratio and difference are those of each pair."""
    pairs = list(zip(here, bare, strict=True))
    ratios = [ours / theirs for ours, theirs in pairs]
    return Figure(
        name,
        unit,
        Spread.of(here),
        baseline,
        Spread.of(bare),
        Spread.of(ratios),
        Spread.of([ours - theirs for ours, theirs in pairs]),
        len(pairs),
        median_interval(ratios) if with_interval else None,
    )


def counted(name: str, unit: str, here: float, floor: str, least: float) -> Figure:
    """A figure that was counted, beside the least that the work can take."""
    return paired(name, unit, [here], floor, [least])


def percentile(values: Iterable[float], percent: int) -> float:
    """The value that so many per cent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """An interval that holds the true median with at least 95 % confidence, from the order.

    With fewer than six values no such interval is finite: it is then their whole range.
    """
    ordered, count = sorted(values), len(values)
    outside, below = 0, 0.0
    while outside < count // 2:
        below += math.comb(count, outside) / 2**count
        if 2 * below > 1 - CONFIDENCE:
            break
        outside += 1
    outside = max(outside - 1, 0)
    return ordered[outside], ordered[-1 - outside]
