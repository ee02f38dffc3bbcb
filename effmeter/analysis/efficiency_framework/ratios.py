"""Ratios between architectures and between data sets, and rankings with their uncertainty."""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, pairwise

from effmeter.analysis.efficiency_framework.means import CriterionMean, SizeMean
from effmeter.analysis.efficiency_framework.uncertainty import UncertainValue

EQ_4 = "all criteria"

Mean = SizeMean | CriterionMean


class Verdict(StrEnum):
    """What a ratio's interval says of the order of the two."""

    DISTINGUISHABLE = "distinguishable"
    IF_SENSORS_ERR_ALIKE = "distinguishable if their energies err alike"
    """Over seeds it is; what the sensors leave open would have to differ to undo it."""
    NOT_DISTINGUISHABLE = "not distinguishable"
    UNKNOWN = "uncertainty not known"


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as efficient one is as the other."""

    one: str
    other: str
    within: str
    """The data set of two architectures, or the architecture of two data sets."""
    criterion: str
    """Its name for Eq 3, ``EQ_4`` for Eq 4."""
    ratio: UncertainValue
    without: tuple[str, ...]
    """What either mean lacks: they are then not over the same."""

    @property
    def verdict(self) -> Verdict:
        """Whether the interval excludes 1."""
        if not self.ratio.sources:
            return Verdict.UNKNOWN
        if _excludes_one(self.ratio.low, self.ratio.high):
            return Verdict.DISTINGUISHABLE
        if _excludes_one(*self.ratio.over_seeds_alone):
            return Verdict.IF_SENSORS_ERR_ALIKE
        return Verdict.NOT_DISTINGUISHABLE


@dataclass(frozen=True, slots=True)
class Ranking:
    """Architectures by efficiency, the most efficient first."""

    dataset: str
    criterion: str
    order: tuple[str, ...]
    steps: tuple[Ratio, ...]
    """Each against the next."""


def architecture_ratios(
    sizes: Sequence[SizeMean], criteria: Sequence[CriterionMean]
) -> list[Ratio]:
    """Every pair of architectures on one data set, the more efficient over the other."""
    return [
        _ratio(*_better_first(one, other), lambda mean: mean.architecture, one.dataset)
        for group in _groups([*sizes, *criteria], lambda mean: (mean.dataset, _criterion(mean)))
        for one, other in combinations(group, 2)
    ]


def dataset_ratios(sizes: Sequence[SizeMean], criteria: Sequence[CriterionMean]) -> list[Ratio]:
    """Every pair of data sets of one architecture, the earlier over the later."""
    return [
        _ratio(one, other, lambda mean: mean.dataset, one.architecture)
        for group in _groups(
            [*sizes, *criteria], lambda mean: (mean.architecture, _criterion(mean))
        )
        for one, other in combinations(group, 2)
    ]


def rankings(sizes: Sequence[SizeMean], criteria: Sequence[CriterionMean]) -> list[Ranking]:
    """The order of architectures for each data set and criterion, where there are several."""
    groups = _groups([*sizes, *criteria], lambda mean: (mean.dataset, _criterion(mean)))
    return [_ranking(group) for group in groups if len(group) > 1]


def _ranking(means: Sequence[Mean]) -> Ranking:
    order = sorted(means, key=_value, reverse=True)
    steps = (_ratio(a, b, lambda mean: mean.architecture, a.dataset) for a, b in pairwise(order))
    names = tuple(mean.architecture for mean in order)
    return Ranking(order[0].dataset, _criterion(order[0]), names, tuple(steps))


def _ratio(one: Mean, other: Mean, name: Callable[[Mean], str], within: str) -> Ratio:
    assert one.efficiency_per_j is not None
    assert other.efficiency_per_j is not None
    lacking = (f"{name(mean)} without {what}" for mean in (one, other) for what in mean.without)
    ratio = one.efficiency_per_j / other.efficiency_per_j
    return Ratio(name(one), name(other), within, _criterion(one), ratio, tuple(lacking))


def _better_first(one: Mean, other: Mean) -> tuple[Mean, Mean]:
    return (one, other) if _value(one) >= _value(other) else (other, one)


def _value(mean: Mean) -> float:
    return math.nan if mean.efficiency_per_j is None else mean.efficiency_per_j.value


def _criterion(mean: Mean) -> str:
    return mean.criterion if isinstance(mean, SizeMean) else EQ_4


def _groups(means: Iterable[Mean], key: Callable[[Mean], Hashable]) -> Iterable[list[Mean]]:
    """Means with a value, by what they have in common."""
    found: dict[Hashable, list[Mean]] = {}
    for mean in means:
        if mean.efficiency_per_j is not None:
            found.setdefault(key(mean), []).append(mean)
    return found.values()


def _excludes_one(low: float, high: float) -> bool:
    return low > 1 or high < 1
