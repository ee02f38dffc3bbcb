"""Table 13: whether the models were still learning between the early and the late epoch."""

from collections.abc import Iterable

from effmeter.analysis.efficiency_framework.observation import TrialOvertraining
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.training_efficiency.published import PUBLISHED_DATASETS, published
from effmeter.lab.studies.training_efficiency.study import CaseStudy
from effmeter.recorded.run import RecordedRun

_FIGURES = ("train_accuracy", "accuracy")


def overtraining_table(study: CaseStudy, number: int) -> PaperTable:
    """A row for each run: accuracies at both epochs, columns A and B, the verdict."""
    runs = {str(run.paths[0]): run for run in study.runs}
    verdicts = study.framework.observations.overtraining
    rows = tuple(
        _row(verdict, runs[verdict.source], _printed(study, verdict)) for verdict in verdicts
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
        tuple(_notes(study, len(epochs))),
    )


def _row(
    seen: TrialOvertraining, run: RecordedRun, printed: TrialOvertraining | None
) -> tuple[str, ...]:
    trial, verdict = seen.trial, seen.verdict
    ended = [epoch for epoch in run.lead_epochs if not epoch.open]
    accuracies = [
        f"{ended[number - 1].metrics[name]:.4f}"
        for number in (verdict.early_epoch, verdict.late_epoch)
        for name in _FIGURES
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


def _printed(study: CaseStudy, seen: TrialOvertraining) -> TrialOvertraining | None:
    """The published verdict on the same model on the data set that stands in its place."""
    beside = dict(zip(study.datasets, PUBLISHED_DATASETS, strict=False))
    wanted = (seen.trial.architecture, seen.trial.size, beside.get(seen.trial.dataset))
    for other in published().observations.overtraining:
        if (other.trial.architecture, other.trial.size, other.trial.dataset) == wanted:
            return other
    return None


def _notes(study: CaseStudy, kinds_of_epochs: int) -> Iterable[str]:
    yield "A: gain on test data from the first epoch named to the second"
    yield "B: growth of the gap between training and test data"
    yield "training accuracies are means over an epoch as it was trained on"
    if kinds_of_epochs > 1:
        yield "runs of fewer epochs are judged by their half and their whole"
    for dataset, print_of in zip(study.datasets, PUBLISHED_DATASETS, strict=False):
        if dataset != print_of:
            yield f"published: on {print_of}, not {dataset}"
