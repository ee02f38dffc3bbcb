"""Eq 3 and Eq 4 of Cueto-Mendoza and Kelleher: efficiency over sizes, then over criteria.

``Eq 3 = mean over sizes of Eq 2`` at the cut of one criterion, ``Eq 4 = mean over criteria of
Eq 3``. Sizes weigh alike, and so do the seeds of a size. Missing observations are named beside
the mean, never filled in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from effmeter.analysis.efficiency_framework.observation import (
    Observation,
    Observations,
    Unobserved,
)
from effmeter.analysis.efficiency_framework.uncertainty import Term, UncertainValue, weighted_mean


@dataclass(frozen=True, slots=True)
class SeedGroup:
    """All seeds of one architecture and size on one data set, cut by one criterion."""

    architecture: str
    dataset: str
    criterion: str
    size: float
    observed: tuple[Observation, ...]
    unobserved: tuple[Unobserved, ...]

    @property
    def efficiency_per_j(self) -> UncertainValue | None:
        """The mean of Eq 2 over seeds; None where nothing was observed."""
        return weighted_mean(_terms([self])) if self.observed else None


@dataclass(frozen=True, slots=True)
class SizeMean:
    """Eq 3: one architecture on one data set, cut by one criterion, over its sizes."""

    architecture: str
    dataset: str
    criterion: str
    groups: tuple[SeedGroup, ...]
    """By size."""
    efficiency_per_j: UncertainValue | None
    """None where no size was observed."""
    without: tuple[str, ...]
    """The sizes and seeds that were not observed; the mean is over the others."""


@dataclass(frozen=True, slots=True)
class CriterionMean:
    """Eq 4: one architecture on one data set, over the criteria."""

    architecture: str
    dataset: str
    criteria: tuple[str, ...]
    efficiency_per_j: UncertainValue | None
    without: tuple[str, ...]


def size_means(observations: Observations) -> tuple[SizeMean, ...]:
    """Eq 3 for each data set, criterion and architecture, in the order of their appearance."""
    found: dict[tuple[str, str, str], dict[float, SeedGroup]] = {}
    criteria = _criteria(observations)
    trials = [seen.trial for seen in observations.everything]
    for dataset in dict.fromkeys(trial.dataset for trial in trials):
        for criterion in criteria:
            for group in _seed_groups(observations, dataset, criterion):
                key = (dataset, criterion, group.architecture)
                found.setdefault(key, {})[group.size] = group
    return tuple(_size_mean([groups[size] for size in sorted(groups)]) for groups in found.values())


def criterion_means(means: Sequence[SizeMean]) -> tuple[CriterionMean, ...]:
    """Eq 4 over the means of Eq 3, for each data set and architecture."""
    found: dict[tuple[str, str], list[SizeMean]] = {}
    for mean in means:
        found.setdefault((mean.dataset, mean.architecture), []).append(mean)
    return tuple(map(_criterion_mean, found.values()))


def _size_mean(groups: Sequence[SeedGroup]) -> SizeMean:
    first = groups[0]
    known = [group for group in groups if group.observed]
    return SizeMean(
        first.architecture,
        first.dataset,
        first.criterion,
        tuple(groups),
        weighted_mean(_terms(known)) if known else None,
        tuple(_lacking(groups)),
    )


def _criterion_mean(means: Sequence[SizeMean]) -> CriterionMean:
    first = means[0]
    known = [mean for mean in means if mean.efficiency_per_j is not None]
    terms = [
        Term(term.weight / len(known), term.value, term.stratum, term.group, term.seed)
        for mean in known
        for term in _terms([group for group in mean.groups if group.observed])
    ]
    return CriterionMean(
        first.architecture,
        first.dataset,
        tuple(mean.criterion for mean in known),
        weighted_mean(terms) if terms else None,
        tuple(f"{mean.criterion}: {what}" for mean in means for what in mean.without),
    )


def _terms(groups: Sequence[SeedGroup]) -> list[Term]:
    return [
        Term(
            1 / (len(groups) * len(group.observed)),
            seen.efficiency_per_j,
            group.size,
            (group.criterion, group.size),
            (seen.trial.seed, seen.trial.fold),
        )
        for group in groups
        for seen in group.observed
    ]


def _lacking(groups: Iterable[SeedGroup]) -> Iterable[str]:
    for group in groups:
        if not group.observed:
            yield f"size {group.size:g}"
        elif group.unobserved:
            seeds = ", ".join(str(seen.trial.seed) for seen in group.unobserved)
            yield f"size {group.size:g} seed {seeds}"


def _seed_groups(observations: Observations, dataset: str, criterion: str) -> Iterable[SeedGroup]:
    """The groups of one data set and criterion, in the order of their appearance."""
    tried: dict[tuple[str, float], tuple[list[Observation], list[Unobserved]]] = {}
    for seen in observations.everything:
        if (seen.trial.dataset, seen.criterion) == (dataset, criterion):
            key = (seen.trial.architecture, seen.trial.size)
            observed, unobserved = tried.setdefault(key, ([], []))
            if isinstance(seen, Observation):
                observed.append(seen)
            else:
                unobserved.append(seen)
    for (architecture, size), (observed, unobserved) in tried.items():
        seen_seeds = tuple(observed), tuple(unobserved)
        yield SeedGroup(architecture, dataset, criterion, size, *seen_seeds)


def _criteria(observations: Observations) -> list[str]:
    seen = (each.criterion for each in observations.everything)
    return list(dict.fromkeys([*observations.criteria, *seen]))
