"""The options of ``effmeter report`` that compare efficiencies over sizes and criteria."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from effmeter.analysis.efficiency_framework.from_runs import observe
from effmeter.analysis.efficiency_framework.from_tables import energy_unit_j, read_tables
from effmeter.analysis.efficiency_framework.result import EfficiencyFramework, build_framework
from effmeter.cli.options import naming_option
from effmeter.recorded.run import RecordedRun
from effmeter.stopping import Criterion, parse_criteria
from effmeter.stopping.direction import Mode

PUBLISHED_CRITERIA = ("epochs=50", "accuracy=0.97", "patience=3", "energy=100kJ")
"""Those of Cueto-Mendoza and Kelleher, their budget of 100 thousand taken as joules."""


def comparisons_of(
    runs: Sequence[RecordedRun],
    criteria: Mapping[str, Criterion],
    tables: Sequence[Path],
    *,
    metric: str | None,
    mode: Mode | None,
    energy: str,
    energy_unit: str,
) -> dict[str, EfficiencyFramework]:
    """The comparison of the runs, each cut by each criterion, and that of the tables.

    Their keys are those of the JSON; there is none of what was not given.
    """
    found = {}
    if runs and criteria:
        found["efficiency"] = build_framework(observe(runs, criteria, metric, energy, mode=mode))
    if tables:
        read = read_tables(tables, energy_unit, metric or "accuracy", mode=mode)
        found["tables"] = build_framework(read)
    return found


def criteria_of(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> dict[str, Criterion]:
    """The callback of --stop."""
    with naming_option(context, parameter):
        return parse_criteria(texts)


def checked_unit(context: click.Context, parameter: click.Parameter, unit: str) -> str:
    """The callback of --energy-unit."""
    with naming_option(context, parameter):
        energy_unit_j(unit)
    return unit


def wanted_criteria(given: Mapping[str, Criterion], *, is_wanted: bool) -> Mapping[str, Criterion]:
    """The criteria given, else the published ones; none unless a comparison is wanted."""
    return given if given or not is_wanted else parse_criteria(PUBLISHED_CRITERIA)


def refuse_without_object(
    files: Sequence[Path], tables: Sequence[Path], run_options: Mapping[str, bool]
) -> None:
    """UsageError for a call without input, and for options of runs where only tables are given."""
    if not files and not tables:
        raise click.UsageError("Give run files or directories, or --table FILE.")
    for option, is_given in run_options.items():
        if is_given and not files:
            raise click.UsageError(f"{option} needs run files, and only tables are given.")
