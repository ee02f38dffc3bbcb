"""How the case study's tables write their figures."""

import statistics
from collections.abc import Collection, Sequence

from effmeter.analysis.efficiency_framework.means import SeedGroup
from effmeter.analysis.efficiency_framework.observation import Observation, Trial
from effmeter.analysis.efficiency_framework.uncertainty import UncertainValue
from effmeter.energy import Energy, total
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.report.formatting import (
    PER_KJ,
    energy_figure,
    energy_interval,
    metric_figure,
    with_interval,
)
from effmeter.units import format_energy

_SAMPLES = 1e-5
_PER_MILLION = 1e6


def efficiency_words(figure: UncertainValue | None) -> tuple[str, str]:
    """An efficiency per kilojoule and its interval; empty where there is none."""
    if figure is None:
        return "", ""
    return with_interval(figure.value * PER_KJ, figure.low * PER_KJ, figure.high * PER_KJ)


def ratio_words(figure: UncertainValue) -> tuple[str, str]:
    """A ratio and its interval."""
    return with_interval(figure.value, figure.low, figure.high)


def cell_words(cell: SeedGroup, overtrained: Collection[Trial]) -> list[str]:
    """Metric, epochs, energy and Eq 2 of a size, means over its seeds; then what is amiss."""
    seen = cell.observed
    marks = [each.reason for each in cell.unobserved]
    marks += ["overtrained" for each in seen if each.trial in overtrained]
    remark = "; ".join(dict.fromkeys([*_overshoot(seen), *marks]))
    if not seen:
        return ["", "", "", "", "", "", remark]
    energy = _mean_energy(seen)
    return [
        metric_figure(statistics.fmean(each.metric_value for each in seen)),
        f"{statistics.fmean(each.epochs or 0 for each in seen):g}",
        energy_figure(energy),
        energy_interval(energy),
        *efficiency_words(cell.efficiency_per_j),
        remark,
    ]


def published_cell_words(cell: SeedGroup | None) -> list[str]:
    """Accuracy, epochs, W in 1e5 and Eff in 1e-6 as they were printed; empty where not held."""
    if cell is None or not cell.observed:
        return [""] * 5
    (seen,) = cell.observed
    return [
        f"{seen.metric_value:.3f}",
        str(seen.epochs or ""),
        f"{seen.energy.value_j * _SAMPLES:.2f}",
        published_efficiency_words(seen.efficiency_per_j),
        "misprint" if seen.flags else "",
    ]


def published_efficiency_words(figure: UncertainValue | None) -> str:
    """An efficiency per million watts of samples, in the digits that were printed."""
    return "" if figure is None else f"{figure.value * _PER_MILLION:.2f}"


def _overshoot(seen: Sequence[Observation]) -> list[str]:
    """By how much a budget was passed, in the mean; it is looked at where an epoch ends."""
    known_j = [each.overshoot.value_j for each in seen if each.overshoot is not None]
    return [f"{format_energy(statistics.fmean(known_j))} over"] if known_j else []


def _mean_energy(seen: Sequence[Observation]) -> Energy:
    summed = total(each.energy for each in seen)
    assert summed is not None
    return summed / len(seen)


def unfilled(number: int, title: str, place: int) -> PaperTable:
    """A table of a data set, by its place, that the study does not hold."""
    which = "second " if place else ""
    note = f"not filled: it needs a {which}data set (--scale small or full)"
    return PaperTable(f"Table {number}", title, notes=(note,))


def published_note(dataset: str, held: bool) -> str:
    """Whose figures stand beside one's own."""
    if not held:
        return f"no published figures of {dataset} are held"
    return (
        f"published: on {dataset} and another machine, in sums of power samples (W), not joules; "
        "only ratios and rankings compare"
    )
