"""Tables 3 to 10: each size of each architecture, trained until one criterion."""

from collections.abc import Collection, Iterable

from effmeter.analysis.efficiency_framework.means import SizeMean
from effmeter.analysis.efficiency_framework.observation import Trial
from effmeter.analysis.efficiency_framework.result import Means
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.training_efficiency.published import PUBLISHED_DATASETS, published
from effmeter.lab.studies.training_efficiency.study import CaseStudy
from effmeter.lab.studies.training_efficiency.words import (
    cell_words,
    efficiency_words,
    published_cell_words,
    published_efficiency_words,
    published_note,
    unfilled,
)

_OWN = ("accuracy", "epochs", "energy", "interval", "Eq 2 per kJ", "interval", "")
_PUBLISHED = ("published: accuracy", "epochs", "W, 1e5", "Eff, 1e-6", "")
_TITLES = {
    "epochs": "a number of epochs",
    "patience": "early stopping",
    "energy": "an energy budget",
    "accuracy": "an accuracy target",
}


def criterion_table(study: CaseStudy, number: int, place: int, criterion: str) -> PaperTable:
    """The table of one data set, by its place, and one criterion."""
    title = f"efficiency by {_TITLES[criterion]}"
    if place >= len(study.datasets):
        return unfilled(number, title, place)
    dataset, print_of = study.datasets[place], PUBLISHED_DATASETS[place]
    means = [
        mean
        for mean in study.framework.all.sizes
        if (mean.dataset, mean.criterion) == (dataset, criterion)
    ]
    printed = [_find(published().all, m.architecture, print_of, criterion) for m in means]
    held = any(mean is not None for mean in printed)
    headings = ("model", "size", *_OWN, *(_PUBLISHED if held else ()))
    rows = [
        row
        for mean, beside in zip(means, printed, strict=True)
        for row in _rows(mean, beside, study.overtrained)
    ]
    return PaperTable(
        f"Table {number}",
        f"{dataset}, {title}: {study.criteria[dataset][criterion]}",
        headings,
        tuple(tuple(row[: len(headings)]) for row in rows),
        (*range(1, 8), *range(9, 13)),
        (*study.caveats, published_note(print_of, held)),
    )


def _rows(
    mean: SizeMean, printed: SizeMean | None, overtrained: Collection[Trial]
) -> Iterable[list[str]]:
    beside = {} if printed is None else {cell.size: cell for cell in printed.cells}
    for cell in mean.cells:
        figures = cell_words(cell, overtrained), published_cell_words(beside.get(cell.size))
        yield [mean.architecture, f"{cell.size:g}", *figures[0], *figures[1]]
    without = f"without {', '.join(mean.without)}" if mean.without else ""
    own = ["", "", "", "", *efficiency_words(mean.efficiency_per_j), without]
    yield [mean.architecture, "mean", *own, *_printed_mean(printed)]


def _printed_mean(printed: SizeMean | None) -> list[str]:
    """As it follows from what is printed; where a misprint is among that, without it too."""
    if printed is None:
        return [""] * 5
    note = ""
    if any(seen.flags for cell in printed.cells for seen in cell.observed):
        named = (printed.architecture, printed.dataset, printed.criterion)
        unflagged = _find(published().unflagged, *named)
        if unflagged is not None:
            figure = published_efficiency_words(unflagged.efficiency_per_j)
            note = f"{figure} without misprint"
    return ["", "", "", published_efficiency_words(printed.efficiency_per_j), note]


def _find(means: Means | None, architecture: str, dataset: str, criterion: str) -> SizeMean | None:
    wanted = (architecture, dataset, criterion)
    sizes = () if means is None else means.sizes
    return next((m for m in sizes if (m.architecture, m.dataset, m.criterion) == wanted), None)
