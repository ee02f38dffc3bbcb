"""Reports as CSV: one row a run, or one row an epoch.

Energies are in joules with both ends of their interval, durations in seconds. A cell is empty
where the value is unknown. A text that a spreadsheet would take for a formula begins with an
apostrophe: names and labels come from run files, and those from strangers.
"""

import csv
import io
import math
from collections.abc import Iterable
from typing import Any

from effmeter.analysis.efficiency import EpochEfficiency
from effmeter.analysis.run_analysis import RunAnalysis
from effmeter.analysis.whole_machine import WallEnergy
from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.escaping import printable
from effmeter.recorded.records import RecordedEpoch
from effmeter.report.renderer import Renderer, Report
from effmeter.report.run_mapping import begin_of
from effmeter.report.shares_mapping import share_columns

_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")

Row = dict[str, Any]


class CsvRenderer(Renderer):
    """A header and one row for each run, or for each epoch of the runs."""

    def render(self, report: Report) -> str:
        """The rows of all runs, with the columns of all of them."""
        if report.comparisons:
            raise UsageError("--csv has no columns for --efficiency and --table: use --json")
        rows_of = _epoch_rows if self.options.has_epochs else _run_rows
        rows = [row for analysis in report.runs for row in rows_of(analysis)]
        columns = dict.fromkeys(name for row in rows for name in row)
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(map(_cell, columns))
        writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
        return file.getvalue().rstrip("\n")


def _run_rows(analysis: RunAnalysis) -> Iterable[Row]:
    run, breakdown = analysis.run, analysis.breakdown
    final = None if analysis.efficiency is None else analysis.efficiency.final
    net = None if analysis.net is None else analysis.net.total
    yield {
        **_identity(analysis),
        "status": analysis.status,
        "stopped_by": analysis.stopped_by,
        "host": " + ".join(run.host_names),
        "recorder": "; ".join(dict.fromkeys(recorder.kind for recorder in run.recorders)),
        "begin": begin_of(run),
        "duration_s": run.duration_s,
        "epochs": analysis.ended_epochs,
        **{f"metric.{course.name}": course.final for course in analysis.metrics},
        **_energy("energy", breakdown.total),
        **_merged(_energy(part.component, part.energy) for part in breakdown.components),
        **_merged(map(_wall, analysis.walls)),
        **({} if net is None else _energy("net", net)),
        **({} if analysis.shares is None else share_columns(analysis.shares)),
        "efficiency_metric": None if analysis.efficiency is None else analysis.efficiency.learned,
        **_efficiency(final),
        "cover": " + ".join(breakdown.cover.names),
        "estimated": " + ".join(breakdown.cover.estimated),
        "missing": " + ".join(missing.what for missing in breakdown.missing),
        "warnings": "; ".join(analysis.warnings),
    }


def _epoch_rows(analysis: RunAnalysis) -> Iterable[Row]:
    for epoch in analysis.run.lead_epochs:
        yield _epoch_row(epoch, analysis)


def _epoch_row(epoch: RecordedEpoch, analysis: RunAnalysis) -> Row:
    point = analysis.epoch_efficiency(epoch)
    return {
        **_identity(analysis),
        "epoch": epoch.number,
        "begin_s": (epoch.begin_ns - analysis.run.begin_ns) * 1e-9,
        "duration_s": (epoch.end_ns - epoch.begin_ns) * 1e-9,
        "open": str(epoch.open).lower(),
        **{f"metric.{name}": value for name, value in epoch.metrics.items()},
        **_energy("energy", epoch.energy),
        **_energy("energy_since_first_epoch", None if point is None else point.energy),
        **_efficiency(point),
    }


def _identity(analysis: RunAnalysis) -> Row:
    labels = {f"label.{name}": value for name, value in analysis.run.labels.items()}
    run = analysis.run
    ids = {"run_id": run.run_id, "parent_run_id": run.parent_run_id}
    return {"file": str(run.paths[0]), "name": run.name, **ids, **labels}


def _energy(name: str, energy: Energy | None) -> Row:
    if energy is None:
        return {f"{name}_j": None, f"{name}_low_j": None, f"{name}_high_j": None}
    return {
        f"{name}_j": energy.value_j,
        f"{name}_low_j": energy.low_j,
        f"{name}_high_j": energy.high_j,
    }


def _wall(wall: WallEnergy) -> Row:
    """A meter of the whole machine, and the part of it that the total is."""
    name, ratio = wall.channel.name, wall.total_ratio
    return {
        **_energy(name, wall.energy),
        f"total_per_{name}": None if ratio is None else ratio.value,
        f"total_per_{name}_low": None if ratio is None else ratio.low,
        f"total_per_{name}_high": None if ratio is None else ratio.high,
    }


def _efficiency(point: EpochEfficiency | None) -> Row:
    return {
        "efficiency_per_j": None if point is None else point.value_per_j,
        "efficiency_low_per_j": None if point is None else point.low_per_j,
        "efficiency_high_per_j": None if point is None else point.high_per_j,
    }


def _merged(rows: Iterable[Row]) -> Row:
    return {name: value for row in rows for name, value in row.items()}


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = printable(str(value))
    return f"'{text}" if text.startswith(_FORMULA_BEGINNINGS) else text
