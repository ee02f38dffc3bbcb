"""Comparisons of efficiencies as text: by criterion, then Eq 4, ratios and rankings."""

import statistics
from collections.abc import Iterable, Sequence

from effmeter.analysis.efficiency import learned_words
from effmeter.analysis.efficiency_framework.means import CriterionMean, SeedGroup, SizeMean
from effmeter.analysis.efficiency_framework.observation import JOULES, Observations
from effmeter.analysis.efficiency_framework.ratios import Ranking, Ratio, Verdict
from effmeter.analysis.efficiency_framework.result import EfficiencyFramework, Means
from effmeter.analysis.efficiency_framework.uncertainty import UncertainValue
from effmeter.energy import Energy, total
from effmeter.report.formatting import (
    PER_KJ,
    energy_figure,
    energy_interval,
    metric_figure,
    with_interval,
)
from effmeter.report.page import Page

_PER_MILLION = 1e6
"""Published sums of power samples are of the order of 1e5 W."""


def add_comparison(page: Page, result: EfficiencyFramework) -> None:
    """Add the tables of each data set and criterion, then the means and ratios over them."""
    unit = _Unit(result.observations)
    for tables in _tables(result.all.sizes):
        _add_criterion(page, tables, unit, result.observations)
    _add_means(page, result.all, unit, "")
    if result.unflagged is not None:
        _add_means(page, result.unflagged, unit, ", without what is flagged")
    _add_overtraining(page, result.observations)
    for line in _warnings(result.observations):
        page.warning(line)


class _Unit:
    """The unit of amounts and efficiencies: of energy, or of power samples."""

    def __init__(self, observations: Observations) -> None:
        quantities = {seen.quantity for seen in observations.observed}
        self._is_energy = quantities <= {JOULES}
        first = next(iter(observations.observed), None)
        falls = first is not None and first.mode == "min"
        learned = f"{learned_words(first.metric, first.mode)} " if first and falls else ""
        self.heading = f"{learned}per kJ" if self._is_energy else f"{learned}per 1e6 W"
        self.amount_heading = "energy" if self._is_energy else "samples"
        self.metric = "metric" if first is None else first.metric

    def amount(self, energy: Energy) -> tuple[str, str]:
        if self._is_energy:
            return energy_figure(energy), energy_interval(energy)
        return f"{energy.value_j:.4g} W", ""

    def efficiency(self, figure: UncertainValue | None) -> tuple[str, str]:
        if figure is None:
            return "none", ""
        factor = PER_KJ if self._is_energy else _PER_MILLION
        return with_interval(figure.value * factor, figure.low * factor, figure.high * factor)


def _tables(sizes: Sequence[SizeMean]) -> Iterable[list[SizeMean]]:
    """The means that share a table: of one data set and criterion."""
    found: dict[tuple[str, str], list[SizeMean]] = {}
    for mean in sizes:
        found.setdefault((mean.dataset, mean.criterion), []).append(mean)
    return found.values()


def _add_criterion(
    page: Page, means: Sequence[SizeMean], unit: _Unit, observations: Observations
) -> None:
    first = means[0]
    meaning = observations.criteria.get(first.criterion, "")
    title = " by ".join(filter(None, (first.dataset, first.criterion)))
    headings = (
        *("architecture", "size", "seeds", unit.metric, "epochs"),
        *(unit.amount_heading, "interval", f"Eq 2 {unit.heading}", "interval", ""),
    )
    rows = [row for mean in means for row in (*_cell_rows(mean, unit), _mean_row(mean, unit))]
    whole = f"{title}: {meaning}" if meaning else title
    _add_table(page, whole, headings, rows, range(1, 9))


def _cell_rows(mean: SizeMean, unit: _Unit) -> Iterable[list[str]]:
    for cell in mean.groups:
        yield [cell.architecture, f"{cell.size:g}", *_observed_cells(cell, unit), _marks(cell)]


def _observed_cells(cell: SeedGroup, unit: _Unit) -> list[str]:
    seen = cell.observed
    if not seen:
        return [""] * 7
    summed = total(each.energy for each in seen)
    assert summed is not None
    epochs = [each.epochs for each in seen if each.epochs is not None]
    return [
        str(len(seen)),
        metric_figure(statistics.fmean(each.metric_value for each in seen)),
        f"{statistics.fmean(epochs):g}" if epochs else "",
        *unit.amount(summed / len(seen)),
        *unit.efficiency(cell.efficiency_per_j),
    ]


def _marks(cell: SeedGroup) -> str:
    marks = ["flagged"] if any(seen.flags for seen in cell.observed) else []
    not_observed = dict.fromkeys(seen.reason for seen in cell.unobserved)
    return "; ".join([*marks, *not_observed])


def _mean_row(mean: SizeMean, unit: _Unit) -> list[str]:
    figures = unit.efficiency(mean.efficiency_per_j)
    return [f"{mean.architecture}: Eq 3", *[""] * 6, *figures, _without(mean.without)]


def _add_means(page: Page, means: Means, unit: _Unit, which: str) -> None:
    """Eq 4, and Eq 3 too where the tables above do not show it: without what is flagged."""
    above = means.sizes if which else ()
    named: list[tuple[SizeMean | CriterionMean, str]]
    named = [(mean, f"Eq 3 {mean.criterion}") for mean in above]
    named += [(mean, f"Eq 4 over {len(mean.criteria)} criteria") for mean in means.criteria]
    rows = [
        [
            mean.architecture,
            mean.dataset,
            name,
            *unit.efficiency(mean.efficiency_per_j),
            _without(mean.without),
        ]
        for mean, name in named
    ]
    headings = ("architecture", "data set", "mean", unit.heading, "interval", "")
    _add_table(page, f"means{which}", headings, rows, (3, 4))
    _add_ratios(page, (*means.architecture_ratios, *means.dataset_ratios), which)
    ranks = [[*_ranked(ranking)] for ranking in means.rankings]
    order = "order: > where distinguishable, ? where not"
    _add_table(page, f"rankings{which}", ("data set", "criterion", order), ranks)


def _add_ratios(page: Page, ratios: Sequence[Ratio], which: str) -> None:
    rows = [
        [
            f"{ratio.one} / {ratio.other}",
            ratio.within,
            ratio.criterion,
            *_times(ratio.ratio),
            ratio.verdict,
            "; ".join(ratio.without),
        ]
        for ratio in ratios
    ]
    headings = ("ratio", "within", "criterion", "times", "interval", "verdict", "")
    _add_table(page, f"ratios{which}", headings, rows, (3, 4))


def _ranked(ranking: Ranking) -> Iterable[str]:
    order = [ranking.order[0]]
    for step in ranking.steps:
        sure = step.verdict is Verdict.DISTINGUISHABLE
        order.append(f"{'>' if sure else '?'} {step.other}")
    return (ranking.dataset, ranking.criterion, " ".join(order))


def _times(ratio: UncertainValue) -> tuple[str, str]:
    return with_interval(ratio.value, ratio.low, ratio.high)


def _without(what: Sequence[str]) -> str:
    return f"without {'; '.join(what)}" if what else ""


def _add_overtraining(page: Page, observations: Observations) -> None:
    rows = [
        [
            seen.trial.architecture,
            f"{seen.trial.size:g}",
            "" if seen.trial.seed is None else str(seen.trial.seed),
            seen.trial.dataset,
            f"{seen.verdict.early_epoch}, {seen.verdict.late_epoch}",
            f"{seen.verdict.test_gain:.4f}",
            f"{seen.verdict.gap_growth:.4f}",
            "yes" if seen.verdict.is_overtrained else "no",
        ]
        for seen in observations.overtraining
    ]
    headings = ("architecture", "size", "seed", "data set", "epochs", "A", "B", "overtrained")
    _add_table(page, "overtraining", headings, rows, (1, 2, 4, 5, 6))


def _add_table(
    page: Page,
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Iterable[int] = (),
) -> None:
    """A table below its title; nothing where it has no rows."""
    if rows:
        page.title(title)
        page.table(headings, rows, numeric)
        page.blank()


def _warnings(observations: Observations) -> Iterable[str]:
    yield from observations.warnings
    for seen in observations.observed:
        for flag in seen.flags:
            yield f"flagged: {seen.source}: {flag}"
    trials = {seen.trial for seen in observations.observed}
    for judged in observations.overtraining:
        if judged.verdict.is_overtrained and judged.trial in trials:
            yield f"efficiency of a model {judged.verdict}: {judged.source}"
    missed: dict[tuple[str, str], list[str]] = {}
    for each in observations.unobserved:
        missed.setdefault((each.source, each.reason), []).append(each.criterion)
    for (source, reason), criteria in missed.items():
        yield f"no figure by {', '.join(criteria)}: {source}: {reason}"
