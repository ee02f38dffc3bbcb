"""Figure 4: the same search over hyperparameters in dense and in sparse mode.

What varies, learning rate and batch size, was decided here. The question is whether a search in
sparse mode, which costs less, finds a setting that is good in dense mode too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from effmeter.lab.studies.comparison import Comparison, TablePlan
from effmeter.lab.studies.comparison_table import Results, interval_words
from effmeter.lab.studies.figure import FigureData
from effmeter.lab.studies.over_seeds import OverSeeds, energy_ratio, flops_ratio, mean_metric
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.repeats import Repeats

_HEADINGS = (
    *("data set", "model", "learning rate", "batch", "dense", "interval", "sparse", "interval"),
    *("backward / dense", "energy / dense", "interval"),
)


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of the search, in both modes."""

    comparison: Comparison
    dense: OverSeeds
    sparse: OverSeeds


def search_table(plan: TablePlan, results: Results) -> PaperTable:
    """A row for each setting; what the search in either mode finds stands in the notes."""
    rows = tuple(_row(comparison, results) for comparison in plan.comparisons)
    notes = (*plan.notes, *_found(_points(plan, results)))
    return PaperTable(plan.name, plan.title, _HEADINGS, rows, tuple(range(2, 11)), notes)


def search_data(plan: TablePlan, results: Results) -> FigureData:
    """A row for each run."""
    rows = [row for comparison in plan.comparisons for row in _data_rows(comparison, results)]
    return FigureData(4, "hyperparameter search", tuple(rows))


def _row(comparison: Comparison, results: Results) -> tuple[str, ...]:
    dense, sparse = _modes(comparison, results)
    recipe = comparison.dense.recipe
    operations = flops_ratio(sparse, dense)
    return (
        *(recipe.dataset, comparison.dense.model),
        *(f"{recipe.learning_rate:g}", str(recipe.batch_size)),
        *interval_words(mean_metric(dense)),
        *interval_words(mean_metric(sparse)),
        "" if operations is None else f"{operations:.3f}",
        *interval_words(energy_ratio(sparse, dense)),
    )


def _points(plan: TablePlan, results: Results) -> list[Point]:
    found = []
    for comparison in plan.comparisons:
        dense, sparse = (mean_metric(repeats) for repeats in _modes(comparison, results))
        if dense is not None and sparse is not None:
            found.append(Point(comparison, dense, sparse))
    return found


def _found(points: Sequence[Point]) -> Iterable[str]:
    """What is lost in dense mode by taking the setting that is best in sparse mode."""
    if not points:
        return
    best = max(points, key=lambda point: point.dense.value)
    chosen = max(points, key=lambda point: point.sparse.value)
    yield f"best in dense mode: {_setting(best)}; in sparse mode: {_setting(chosen)}"
    if chosen is not best:
        lost = best.dense.value - chosen.dense.value
        yield (
            f"dense training at the setting found in sparse mode is {lost:.4f} below the best; "
            "the intervals show whether the settings differ"
        )


def _setting(point: Point) -> str:
    recipe = point.comparison.dense.recipe
    return f"learning rate {recipe.learning_rate:g}, batch {recipe.batch_size}"


def _modes(comparison: Comparison, results: Results) -> tuple[Repeats, Repeats]:
    (sparse,) = comparison.arms
    return results[comparison.dense], results[sparse.variant]


def _data_rows(comparison: Comparison, results: Results) -> Iterable[Mapping[str, object]]:
    for mode, repeats in zip(("dense", "sparse"), _modes(comparison, results), strict=True):
        recipe = repeats.variant.recipe
        for repeat in repeats.by_seed.values():
            energy = repeat.energy.total
            yield {
                "dataset": recipe.dataset,
                "model": repeats.variant.model,
                "mode": mode,
                "learning_rate": recipe.learning_rate,
                "batch_size": recipe.batch_size,
                "seed": repeat.seed,
                "accuracy": repeat.metric,
                "duration_s": repeat.duration_s,
                "energy_j": None if energy is None else energy.value_j,
                "energy_low_j": None if energy is None else energy.low_j,
                "energy_high_j": None if energy is None else energy.high_j,
                "backward_flops": None if repeat.backward is None else repeat.backward.executed,
            }
