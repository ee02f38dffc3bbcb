"""Eq 3 and Eq 4 of Cueto-Mendoza and Kelleher: efficiency over sizes, then over criteria.

``Eq 3 = mean over sizes of Eq 2`` at the cut of one criterion, ``Eq 4 = mean over criteria of
Eq 3``. Each size weighs alike, and each seed within it. What was not observed is named beside
the mean, never filled in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from effmeter.analysis.efficiency_framework.observation import (
    Observation,
    Observations,
    Unobserved,
)
from effmeter.analysis.efficiency_framework.uncertainty import Term, Uncertain, weighted_mean


@dataclass(frozen=True, slots=True)
class Cell:
    """All seeds of one architecture and size on one data set, cut by one criterion."""

    architecture: str
    dataset: str
    criterion: str
    size: float
    observed: tuple[Observation, ...]
    unobserved: tuple[Unobserved, ...]

    @property
    def efficiency_per_j(self) -> Uncertain | None:
        """The mean of Eq 2 over seeds; None where nothing was observed."""
        return weighted_mean(_terms([self])) if self.observed else None


@dataclass(frozen=True, slots=True)
class SizeMean:
    """Eq 3: one architecture on one data set, cut by one criterion, over its sizes."""

    architecture: str
    dataset: str
    criterion: str
    cells: tuple[Cell, ...]
    """By size."""
    efficiency_per_j: Uncertain | None
    """None where no size was observed."""
    without: tuple[str, ...]
    """What of it was not observed: the mean is over the rest."""


@dataclass(frozen=True, slots=True)
class CriterionMean:
    """Eq 4: one architecture on one data set, over the criteria."""

    architecture: str
    dataset: str
    criteria: tuple[str, ...]
    efficiency_per_j: Uncertain | None
    without: tuple[str, ...]


def size_means(observations: Observations) -> tuple[SizeMean, ...]:
    """Eq 3 for each data set, criterion and architecture, in the order of their appearance."""
    found: dict[tuple[str, str, str], dict[float, Cell]] = {}
    criteria = _criteria(observations)
    trials = [seen.trial for seen in observations.everything]
    for dataset in dict.fromkeys(trial.dataset for trial in trials):
        for criterion in criteria:
            for cell in _cells(observations, dataset, criterion):
                key = (dataset, criterion, cell.architecture)
                found.setdefault(key, {})[cell.size] = cell
    return tuple(_size_mean([cells[size] for size in sorted(cells)]) for cells in found.values())


def criterion_means(means: Sequence[SizeMean]) -> tuple[CriterionMean, ...]:
    """Eq 4 over the means of Eq 3, for each data set and architecture."""
    found: dict[tuple[str, str], list[SizeMean]] = {}
    for mean in means:
        found.setdefault((mean.dataset, mean.architecture), []).append(mean)
    return tuple(map(_criterion_mean, found.values()))


def _size_mean(cells: Sequence[Cell]) -> SizeMean:
    first = cells[0]
    known = [cell for cell in cells if cell.observed]
    return SizeMean(
        first.architecture,
        first.dataset,
        first.criterion,
        tuple(cells),
        weighted_mean(_terms(known)) if known else None,
        tuple(_lacking(cells)),
    )


def _criterion_mean(means: Sequence[SizeMean]) -> CriterionMean:
    first = means[0]
    known = [mean for mean in means if mean.efficiency_per_j is not None]
    terms = [
        Term(term.weight / len(known), term.value, term.stratum, term.cell, term.seed)
        for mean in known
        for term in _terms([cell for cell in mean.cells if cell.observed])
    ]
    return CriterionMean(
        first.architecture,
        first.dataset,
        tuple(mean.criterion for mean in known),
        weighted_mean(terms) if terms else None,
        tuple(f"{mean.criterion}: {what}" for mean in means for what in mean.without),
    )


def _terms(cells: Sequence[Cell]) -> list[Term]:
    return [
        Term(
            1 / (len(cells) * len(cell.observed)),
            seen.efficiency_per_j,
            cell.size,
            (cell.criterion, cell.size),
            (seen.trial.seed, seen.trial.fold),
        )
        for cell in cells
        for seen in cell.observed
    ]


def _lacking(cells: Iterable[Cell]) -> Iterable[str]:
    for cell in cells:
        if not cell.observed:
            yield f"size {cell.size:g}"
        elif cell.unobserved:
            seeds = ", ".join(str(seen.trial.seed) for seen in cell.unobserved)
            yield f"size {cell.size:g} seed {seeds}"


def _cells(observations: Observations, dataset: str, criterion: str) -> Iterable[Cell]:
    """The cells of a table; a size that was tried elsewhere only is in none."""
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
        cell = Cell(architecture, dataset, criterion, size, tuple(observed), tuple(unobserved))
        yield cell


def _criteria(observations: Observations) -> list[str]:
    seen = (each.criterion for each in observations.everything)
    return list(dict.fromkeys([*observations.criteria, *seen]))
