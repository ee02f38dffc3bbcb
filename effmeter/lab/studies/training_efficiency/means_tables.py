"""Tables 11, 12 and 14: architectures against each other, then data sets."""

from collections.abc import Iterable

from effmeter.analysis.efficiency_framework.means import CriterionMean, SizeMean
from effmeter.analysis.efficiency_framework.ratios import EQ_4, Ratio, Verdict
from effmeter.analysis.efficiency_framework.result import Means
from effmeter.analysis.efficiency_framework.uncertainty import UncertainValue
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.training_efficiency.criteria import CRITERIA
from effmeter.lab.studies.training_efficiency.results import (
    PUBLISHED_DATASETS,
    CaseResults,
    published,
)
from effmeter.lab.studies.training_efficiency.scale import ARCHITECTURES
from effmeter.lab.studies.training_efficiency.table_cells import (
    efficiency_words,
    published_efficiency_words,
    published_note,
    ratio_words,
    unfilled,
)


def means_table(study: CaseResults, number: int, place: int) -> PaperTable:
    """Eq 3 by each criterion and Eq 4 on one data set, with the ratio of the architectures."""
    title = "efficiency over sizes (Eq 3) and over criteria (Eq 4)"
    if place >= len(study.datasets):
        return unfilled(number, title, place)
    dataset, print_of = study.datasets[place], PUBLISHED_DATASETS[place]
    ratios = ratios_on(study.framework.all, dataset)
    printed = ratios_on(published().all, print_of)
    one, other = ARCHITECTURES
    headings = (
        *("criterion", f"{one} per kJ", "interval", f"{other} per kJ", "interval"),
        *("ratio", "interval", "ranking"),
        *((f"published: {one}, 1e-6", f"{other}, 1e-6", "ratio", "ranking") if printed else ()),
    )
    rows = [
        (
            *_own_row(study.framework.all, dataset, ratios.get(criterion), criterion),
            *(_printed_row(print_of, printed[criterion], criterion) if printed else ()),
        )
        for criterion in (*CRITERIA, EQ_4)
    ]
    notes = (*study.warnings, *_unsure(ratios.values()), published_note(print_of, bool(printed)))
    numeric = (*range(1, 7), *range(8, 11))
    return PaperTable(
        f"Table {number}", f"{dataset}, {title}", headings, tuple(rows), numeric, notes
    )


def datasets_table(study: CaseResults, number: int) -> PaperTable:
    """Each architecture on both data sets, and its ratio; the rankings stand in the notes."""
    title = "efficiency on the two data sets"
    if len(study.datasets) < 2:
        return unfilled(number, title, 1)
    means = study.framework.all
    first, second = study.datasets[:2]
    rows = [
        (
            ratio.within,
            ratio.criterion,
            *efficiency_words(efficiency_of(means, ratio.within, first, ratio.criterion)),
            *efficiency_words(efficiency_of(means, ratio.within, second, ratio.criterion)),
            *ratio_words(ratio.ratio),
            ratio.verdict,
        )
        for ratio in means.dataset_ratios
    ]
    headings = (
        *("model", "criterion", f"{first} per kJ", "interval", f"{second} per kJ", "interval"),
        *("ratio", "interval", ""),
    )
    notes = (*study.warnings, *_rankings(study), "no published figures are held of this table")
    return PaperTable(f"Table {number}", title, headings, tuple(rows), tuple(range(2, 8)), notes)


def _own_row(means: Means, dataset: str, ratio: Ratio | None, criterion: str) -> list[str]:
    figures = [
        words
        for architecture in ARCHITECTURES
        for words in efficiency_words(efficiency_of(means, architecture, dataset, criterion))
    ]
    compared = ["", "", ""] if ratio is None else [*ratio_words(ratio.ratio), ranking_words(ratio)]
    return [criterion, *figures, *compared]


def _printed_row(dataset: str, ratio: Ratio, criterion: str) -> list[str]:
    figures = [
        published_efficiency_words(efficiency_of(published().all, architecture, dataset, criterion))
        for architecture in ARCHITECTURES
    ]
    return [*figures, f"{ratio.ratio.value:.2f}", f"{ratio.one} > {ratio.other}"]


def efficiency_of(
    means: Means, architecture: str, dataset: str, criterion: str
) -> UncertainValue | None:
    """Eq 3 by a criterion, or Eq 4; None where it is not known."""
    found: Iterable[SizeMean | CriterionMean] = means.criteria
    if criterion != EQ_4:
        found = (mean for mean in means.sizes if mean.criterion == criterion)
    wanted = (architecture, dataset)
    return next((m.efficiency_per_j for m in found if (m.architecture, m.dataset) == wanted), None)


def ratios_on(means: Means, dataset: str) -> dict[str, Ratio]:
    """The ratios of the architectures on one data set, by criterion."""
    return {r.criterion: r for r in means.architecture_ratios if r.within == dataset}


def ranking_words(ratio: Ratio) -> str:
    """The more efficient first; a question mark where that is not sure."""
    sign = ">" if ratio.verdict is Verdict.DISTINGUISHABLE else "?"
    return f"{ratio.one} {sign} {ratio.other}"


def _unsure(ratios: Iterable[Ratio]) -> Iterable[str]:
    """What an order written with a question mark lacks to be sure."""
    found: dict[str, list[str]] = {}
    for ratio in ratios:
        if ratio.verdict is not Verdict.DISTINGUISHABLE:
            found.setdefault(ratio.verdict, []).append(ratio.criterion)
    return [f"?: {verdict} ({', '.join(criteria)})" for verdict, criteria in found.items()]


def _rankings(study: CaseResults) -> Iterable[str]:
    for dataset in study.datasets:
        ratio = ratios_on(study.framework.all, dataset).get(EQ_4)
        if ratio is not None:
            times = " ".join(ratio_words(ratio.ratio))
            yield f"ranking on {dataset} over all criteria: {ranking_words(ratio)}, {times} times"
