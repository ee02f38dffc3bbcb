"""Comparisons as tables: learning and cost of each way of training, beside the dense one."""

import math
from collections.abc import Iterable, Mapping

from effmeter.energy.text import energy_words as joule_words
from effmeter.lab.studies.comparison import Arm, Comparison, TablePlan
from effmeter.lab.studies.over_seeds import (
    OverSeeds,
    difference,
    difference_to_stopped,
    energy_ratio,
    executed_flops,
    flops_ratio,
    mean_duration_s,
    mean_energy,
    mean_metric,
    nominal_flops,
    step_flops,
    time_ratio,
)
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.repeats import BySeed, Repeats
from effmeter.lab.studies.variant import DENSE, Variant
from effmeter.report.formatting import with_interval

Results = Mapping[Variant, Repeats]

_LEARNING = (
    *("data set", "model", "method", "accuracy", "interval", "- dense", "interval"),
    *("backward GFLOP", "nominal", "/ dense", "energy", "interval", "/ dense", "interval", ""),
)
_SPEED = (
    *("data set", "model", "method", "time, s", "interval", "speed-up", "interval"),
    *("FLOPs promise", "energy / dense", "interval", "accuracy - dense", "interval", ""),
)
GIGA = 1e9


def learning_table(plan: TablePlan, results: Results) -> PaperTable:
    """What each way of training learned, what it computed and what energy it took."""
    rows = [row for comparison in plan.comparisons for row in _learning_rows(comparison, results)]
    verdicts = [
        line for comparison in plan.comparisons for line in verdicts_of(comparison, results)
    ]
    return _table(plan, _LEARNING, rows, verdicts)


def speed_table(plan: TablePlan, results: Results) -> PaperTable:
    """What each way of training saved by the clock, beside what its operations promise."""
    rows = [row for comparison in plan.comparisons for row in _speed_rows(comparison, results)]
    return _table(plan, _SPEED, rows)


def interval_words(figure: OverSeeds | None, signed: bool = False) -> tuple[str, str]:
    """A figure and its interval; empty where there is none."""
    if figure is None:
        return "", ""
    value, interval = with_interval(figure.value, figure.low, figure.high)
    return (f"+{value}" if signed and figure.value > 0 else value), interval


def _table(
    plan: TablePlan,
    headings: tuple[str, ...],
    rows: list[tuple[str, ...]],
    verdicts: Iterable[str] = (),
) -> PaperTable:
    if not rows:
        return PaperTable(plan.name, plan.title, notes=plan.notes)
    metric = plan.comparisons[0].dense.recipe.metrics[0]
    named = tuple(heading.replace("accuracy", metric) for heading in headings)
    numeric = tuple(range(3, len(headings) - 1))
    notes = (*plan.notes, *dict.fromkeys(verdicts))
    return PaperTable(plan.name, plan.title, named, tuple(rows), numeric, notes)


def _learning_rows(comparison: Comparison, results: Results) -> Iterable[tuple[str, ...]]:
    dense = results[comparison.dense]
    for variant in listed(comparison):
        repeats = results[variant]
        others = variant != comparison.dense
        ratio = flops_ratio(repeats, dense) if others else None
        yield (
            *_names(comparison, variant),
            *interval_words(mean_metric(repeats)),
            *interval_words(difference(repeats, dense) if others else None, signed=True),
            _gflops(executed_flops(repeats)),
            _gflops(nominal_flops(repeats)),
            "" if ratio is None else f"{ratio:.3f}",
            *energy_words(repeats),
            *interval_words(energy_ratio(repeats, dense) if others else None),
            warnings_on(repeats, variant in comparison.computing_densely),
        )


def _speed_rows(comparison: Comparison, results: Results) -> Iterable[tuple[str, ...]]:
    dense = results[comparison.dense]
    for variant in listed(comparison):
        repeats = results[variant]
        others = variant != comparison.dense
        yield (
            *_names(comparison, variant),
            *interval_words(mean_duration_s(repeats)),
            *interval_words(time_ratio(dense, repeats) if others else None),
            _promise(repeats, dense) if others else "",
            *interval_words(energy_ratio(repeats, dense) if others else None),
            *interval_words(difference(repeats, dense) if others else None, signed=True),
            warnings_on(repeats, variant in comparison.computing_densely),
        )


def listed(comparison: Comparison) -> tuple[Variant, ...]:
    """The dense training and the arms; controls are rows where they are arms themselves."""
    return (comparison.dense, *(arm.variant for arm in comparison.arms))


def _names(comparison: Comparison, variant: Variant) -> tuple[str, str, str]:
    return variant.recipe.dataset, variant.model, comparison.name_of(variant)


def _gflops(operations: float | None) -> str:
    return "" if operations is None else f"{operations / GIGA:,.4g}"


def _promise(repeats: Repeats, dense: Repeats) -> str:
    """The dense training's operations over one's own, forward passes and all."""
    own, whole = step_flops(repeats), step_flops(dense)
    return "" if whole is None or not own else f"{whole / own:.3f}"


def energy_words(repeats: BySeed) -> tuple[str, str]:
    """The mean energy and its interval, in words."""
    found = mean_energy(repeats)
    if found is None:
        return "not known", ""
    mean = found[0]
    return joule_words(mean.value, mean.low, mean.high)


def warnings_on(repeats: Repeats, computes_densely: bool = False) -> str:
    """What a reader must know of a row: an inactive method, a plateau, runs that failed."""
    warnings = []
    if computes_densely:
        warnings.append("computes densely")
    elif repeats.variant.method != DENSE and repeats.is_inactive:
        warnings.append("inactive: it left out nothing")
    if "plateau_patience" in repeats.variant.method:
        warnings.append(_switch_words(repeats))
    warnings += dict.fromkeys(repeats.failures)
    return "; ".join(warnings)


def _switch_words(repeats: Repeats) -> str:
    epochs = [repeat.full_epochs_at_end for repeat in repeats.by_seed.values()]
    counts = ", ".join(map(str, epochs))
    return f"in full for the last {counts} epochs" if any(epochs) else "never saw a plateau"


def verdicts_of(comparison: Comparison, results: Results) -> Iterable[str]:
    """Each method against its controls, and against stopping the dense training at its time."""
    for arm in comparison.arms:
        is_judged = arm.computes_densely or not results[arm.variant].is_inactive
        if arm.controls and is_judged:
            yield from _verdicts_on(arm, comparison, results)


def _verdicts_on(arm: Arm, comparison: Comparison, results: Results) -> Iterable[str]:
    repeats = results[arm.variant]
    dataset, model, what = _names(comparison, arm.variant)
    against = {
        **{comparison.name_of(c): difference(repeats, results[c]) for c in arm.controls},
        "dense stopped at equal time": difference_to_stopped(repeats, results[comparison.dense]),
    }
    for other, found in against.items():
        if found is not None:
            value, interval = interval_words(found, signed=True)
            yield f"{dataset}, {model}: {what} - {other}: {value} {interval}{_sureness(found)}"


def _sureness(found: OverSeeds) -> str:
    if math.isnan(found.low):
        return ""
    return "" if found.excludes_zero else ": not distinguishable"
