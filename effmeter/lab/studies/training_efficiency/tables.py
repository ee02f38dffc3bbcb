"""Tables 3 to 14 of the case study, own figures beside the published ones.

Tables 3, 5, 7 and 9 are of the first data set (MNIST in the paper), 4, 6, 8 and 10 of the second
(CIFAR-10), each by one criterion. 11 and 12 hold Eq 3 and Eq 4 of the two, 13 the overtraining,
14 the comparison of the two data sets. Which figures stand side by side in 11, 12 and 14 was
decided here.
"""

from collections.abc import Collection, Iterable

from effmeter.analysis.efficiency_framework.means import SizeMean
from effmeter.analysis.efficiency_framework.observation import Trial, TrialOvertraining
from effmeter.analysis.efficiency_framework.result import Means
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.training_efficiency.criteria import CRITERIA
from effmeter.lab.studies.training_efficiency.means_tables import datasets_table, means_table
from effmeter.lab.studies.training_efficiency.results import (
    PUBLISHED_DATASETS,
    CaseResults,
    published,
)
from effmeter.lab.studies.training_efficiency.table_cells import (
    cell_words,
    efficiency_words,
    published_cell_words,
    published_efficiency_words,
    published_note,
    unfilled,
)
from effmeter.recorded.run import RecordedRun

_OWN = ("accuracy", "epochs", "energy", "interval", "Eq 2 per kJ", "interval", "")
_PUBLISHED = ("published: accuracy", "epochs", "W, 1e5", "Eff, 1e-6", "")
_TITLES = {
    "epochs": "a number of epochs",
    "patience": "early stopping",
    "energy": "an energy budget",
    "accuracy": "an accuracy target",
}
_ACCURACIES = ("train_accuracy", "accuracy")


def paper_tables(study: CaseResults) -> list[PaperTable]:
    """All twelve, in their order; those without data say what would fill them."""
    by_criterion = [
        _criterion_table(study, 3 + 2 * row + place, place, criterion)
        for row, criterion in enumerate(CRITERIA)
        for place in (0, 1)
    ]
    means = [means_table(study, 11 + place, place) for place in (0, 1)]
    return [*by_criterion, *means, _overtraining_table(study, 13), datasets_table(study, 14)]


def _criterion_table(study: CaseResults, number: int, place: int, criterion: str) -> PaperTable:
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
        for row in _size_rows(mean, beside, study.overtrained)
    ]
    return PaperTable(
        f"Table {number}",
        f"{dataset}, {title}: {study.criteria[dataset][criterion]}",
        headings,
        tuple(tuple(row[: len(headings)]) for row in rows),
        (*range(1, 8), *range(9, 13)),
        (*study.warnings, published_note(print_of, held)),
    )


def _size_rows(
    mean: SizeMean, printed: SizeMean | None, overtrained: Collection[Trial]
) -> Iterable[list[str]]:
    beside = {} if printed is None else {cell.size: cell for cell in printed.groups}
    for cell in mean.groups:
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
    if any(seen.flags for cell in printed.groups for seen in cell.observed):
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


def _overtraining_table(study: CaseResults, number: int) -> PaperTable:
    """A row for each run: accuracies at both epochs, columns A and B, the verdict."""
    runs = {str(run.paths[0]): run for run in study.runs}
    verdicts = study.framework.observations.overtraining
    rows = tuple(
        _verdict_row(verdict, runs[verdict.source], _printed_verdict(study, verdict))
        for verdict in verdicts
    )
    epochs = {(v.verdict.early_epoch, v.verdict.late_epoch) for v in verdicts}
    early, late = min(epochs, default=(50, 100))
    headings = (
        *("data set", "model", "size", "seed", "fold"),
        *(f"train, {early}", f"test, {early}", f"train, {late}", f"test, {late}"),
        *("A", "B", "overtrained", "published: A", "B", "overtrained"),
    )
    return PaperTable(
        f"Table {number}",
        "overtraining",
        headings,
        rows,
        (*range(2, 11), 12, 13),
        tuple(_overtraining_notes(study, len(epochs))),
    )


def _verdict_row(
    seen: TrialOvertraining, run: RecordedRun, printed: TrialOvertraining | None
) -> tuple[str, ...]:
    trial, verdict = seen.trial, seen.verdict
    ended = [epoch for epoch in run.lead_epochs if not epoch.open]
    accuracies = [
        f"{ended[number - 1].metrics[name]:.4f}"
        for number in (verdict.early_epoch, verdict.late_epoch)
        for name in _ACCURACIES
    ]
    labels = ["" if label is None else str(label) for label in (trial.seed, trial.fold)]
    beside = ("", "", "") if printed is None else _verdict_words(printed)
    return (
        *(trial.dataset, trial.architecture, f"{trial.size:g}", *labels),
        *(*accuracies, *_verdict_words(seen), *beside),
    )


def _verdict_words(seen: TrialOvertraining) -> tuple[str, str, str]:
    verdict = seen.verdict
    answer = "yes" if verdict.is_overtrained else "no"
    return f"{verdict.test_gain:+.4f}", f"{verdict.gap_growth:+.4f}", answer


def _printed_verdict(study: CaseResults, seen: TrialOvertraining) -> TrialOvertraining | None:
    """The published verdict on the same model on the data set that stands in its place."""
    beside = dict(zip(study.datasets, PUBLISHED_DATASETS, strict=False))
    wanted = (seen.trial.architecture, seen.trial.size, beside.get(seen.trial.dataset))
    for other in published().observations.overtraining:
        if (other.trial.architecture, other.trial.size, other.trial.dataset) == wanted:
            return other
    return None


def _overtraining_notes(study: CaseResults, kinds_of_epochs: int) -> Iterable[str]:
    yield "A: gain on test data from the first epoch named to the second"
    yield "B: growth of the gap between training and test data"
    yield "training accuracies are means over an epoch as it was trained on"
    if kinds_of_epochs > 1:
        yield "runs of fewer epochs are judged by their half and their whole"
    for dataset, print_of in zip(study.datasets, PUBLISHED_DATASETS, strict=False):
        if dataset != print_of:
            yield f"published: on {print_of}, not {dataset}"
