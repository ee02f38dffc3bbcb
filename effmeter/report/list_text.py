"""Several runs as text: one line each, as a tree, and a line for all of them together."""

from collections.abc import Iterator, Sequence

from effmeter.analysis.machine_energy import UnionEnergy, union_energy
from effmeter.analysis.run_analysis import RunAnalysis
from effmeter.analysis.run_tree import PlacedRun
from effmeter.report.cells import counted, energy_cells, per_kj_cells
from effmeter.report.formatting import metric_figure
from effmeter.report.page import Page

_DEEPEST = 8
"""Runs that lie inside of more runs than this are indented no further."""
_MOST_NAMED = 6
_HEADINGS = (
    *("run", "status", "epochs", "metric", "energy", "interval", "per kJ"),
    *("without", "recorder", ""),
)
_RECORDER = _HEADINGS.index("recorder")
"""The column that stands only where runs differ in it."""


def add_list(
    page: Page, names: Sequence[str], runs: Sequence[RunAnalysis], tree: Sequence[PlacedRun]
) -> None:
    """A line for each run, those inside another indented below it, and their total."""
    rows = [
        _row(f"{'. ' * min(depth, _DEEPEST)}{names[place]}", runs[place]) for place, depth in tree
    ]
    union = union_energy([analysis.run for analysis in runs])
    without = ", ".join(union.missing)
    rows.append(["total", "", "", "", *energy_cells(union.energy), "", without, "", ""])
    headings = list(_HEADINGS)
    if len({row[_RECORDER] for row in rows[:-1]}) == 1:
        for row in (headings, *rows):
            del row[_RECORDER]
    page.table(headings, rows, numeric=(2, 4, 5, 6))
    for text in _about_total(names, union):
        page.note(text)


def _row(name: str, analysis: RunAnalysis) -> list[str]:
    metric = per_kj = ""
    if analysis.efficiency is not None:
        final = analysis.efficiency.final
        metric = f"{analysis.efficiency.metric} {metric_figure(final.metric_value)}"
        per_kj, _ = per_kj_cells(final)
    return [
        name,
        analysis.status,
        str(analysis.ended_epochs),
        metric,
        *energy_cells(analysis.breakdown.total),
        per_kj,
        ", ".join(missing.what for missing in analysis.breakdown.missing),
        "; ".join(dict.fromkeys(r.kind or "unknown" for r in analysis.run.recorders)),
        counted(len(analysis.warnings), "warning") if analysis.warnings else "",
    ]


def _about_total(names: Sequence[str], union: UnionEnergy) -> Iterator[str]:
    if union.refused:
        yield f"no total: {union.refused}"
        return
    if union.unknown:
        yield f"not in the total: {_named(names, union.unknown)}, whose energy is unknown"
    if union.overlapping:
        yield (
            f"{_named(names, union.overlapping)} shared the time of a machine: each holds the "
            "energy of the whole machine, which the total counts once"
        )
    if union.nested:
        yield "the energy of a run includes that of the runs inside it: the total counts it once"


def _named(names: Sequence[str], places: Sequence[int]) -> str:
    more = f" and {len(places) - _MOST_NAMED} more" if len(places) > _MOST_NAMED else ""
    return ", ".join(names[place] for place in places[:_MOST_NAMED]) + more
