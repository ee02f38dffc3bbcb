"""Tables II to IV: gains and losses against the big baseline, beside the published figures.

Published figures of Boumendil et al., Grow, prune or select data, stand as they are printed.
"""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from effmeter.lab.studies.comparison import Comparison, TablePlan
from effmeter.lab.studies.comparison_table import (
    Results,
    energy_words,
    interval_words,
    listed,
    verdicts_of,
    warnings_on,
)
from effmeter.lab.studies.method_results import MethodResults
from effmeter.lab.studies.over_seeds import (
    OverSeeds,
    energy_ratio,
    flops_ratio,
    mean_duration_s,
    mean_metric,
    mean_over_seeds,
)
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.repeats import Repeats
from effmeter.lab.studies.variant import Variant

_HEADINGS = (
    *("approach", "accuracy", "interval", "published", "loss, %", "interval", "published"),
    *("time, min", "published", "backward / big", "energy", "interval", "published, J"),
    *("gain, %", "interval", "published", ""),
)
_BIG = "big"
PrintedRow = Mapping[str, str]
"""Figures by column, in the paper's digits; empty where no figure is held."""


@cache
def published_energies() -> Mapping[str, float]:
    """Table I: joules of one training of a student, by approach."""
    return {row["approach"]: float(row["energy_j"]) for row in _read_printed("table_1.csv")}


@cache
def published_gains() -> Mapping[tuple[int, str], PrintedRow]:
    """Tables II to IV: what is held of each, by table and approach."""
    rows = _read_printed("tables_2_to_4.csv")
    return {(int(row["table"]), row["approach"]): row for row in rows}


def _read_printed(name: str) -> list[dict[str, str]]:
    table = files("effmeter.lab.studies.grow_prune_select") / "published_tables" / name
    return list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


def paper_tables(results: MethodResults) -> list[PaperTable]:
    """The tables of the requested parts in their order."""
    return [_table(plan, results) for plan in results.scale.tables]


def _table(plan: TablePlan, results: MethodResults) -> PaperTable:
    number = int(plan.part.rpartition("-")[2])
    rows = [row for c in plan.comparisons for row in _rows(c, results.by_variant, number)]
    verdicts = [line for c in plan.comparisons for line in verdicts_of(c, results.by_variant)]
    numeric = tuple(range(1, len(_HEADINGS) - 1))
    notes = (*plan.notes, _published_note(number), *dict.fromkeys(verdicts))
    return PaperTable(plan.name, plan.title, _HEADINGS, tuple(rows), numeric, notes)


def _published_note(number: int) -> str:
    if number == 2:
        return "published: WRN-28-1 on CIFAR-10, 200 epochs, on the authors' machine"
    return (
        "published: two gains are held of this table, not its data set, so the data set was "
        "decided here"
    )


def _rows(comparison: Comparison, results: Results, number: int) -> Iterable[tuple[str, ...]]:
    big = results[comparison.dense]
    for variant in listed(comparison):
        what = _called(comparison, variant)
        repeats = results[variant]
        printed = published_gains().get((number, what), {})
        is_big = variant == comparison.dense
        yield (
            what,
            *interval_words(mean_metric(repeats)),
            _as_fraction(printed.get("accuracy_percent", "")),
            *interval_words(None if is_big else relative_loss_percent(repeats, big)),
            printed.get("loss_percent", ""),
            _minutes(repeats),
            printed.get("minutes", ""),
            _work_ratio(repeats, big),
            *energy_words(repeats),
            printed.get("energy_j", ""),
            *interval_words(None if is_big else gain_percent(repeats, big)),
            printed.get("gain_percent", ""),
            warnings_on(repeats),
        )


def relative_loss_percent(repeats: Repeats, big: Repeats) -> OverSeeds | None:
    """By how much the metric lies below the big baseline's, in percent of that, by seed."""
    pairs = repeats.paired_with(big)
    return mean_over_seeds([100.0 * (1.0 - a.metric / b.metric) for a, b in pairs if b.metric])


def gain_percent(repeats: Repeats, big: Repeats) -> OverSeeds | None:
    """The energy saved, in percent of the big baseline's, by seed; None as ``energy_ratio``."""
    ratio = energy_ratio(repeats, big)
    if ratio is None:
        return None
    value, low, high = (100.0 * (1.0 - end) for end in (ratio.value, ratio.high, ratio.low))
    return OverSeeds(value, low, high, ratio.seeds)


def _called(comparison: Comparison, variant: Variant) -> str:
    return _BIG if variant == comparison.dense else comparison.name_of(variant)


def _as_fraction(percent: str) -> str:
    return f"{float(percent) / 100.0:.4f}" if percent else ""


def _minutes(repeats: Repeats) -> str:
    duration_s = mean_duration_s(repeats)
    return "" if duration_s is None else f"{duration_s.value / 60.0:.4g}"


def _work_ratio(repeats: Repeats, big: Repeats) -> str:
    ratio = flops_ratio(repeats, big)
    return "" if ratio is None else f"{ratio:.3f}"
