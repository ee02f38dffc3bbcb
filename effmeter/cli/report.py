"""``effmeter report``: what runs cost and what they learned."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console

from effmeter.analysis.efficiency_framework.observation import JOULES, POWER_SAMPLES
from effmeter.analysis.efficiency_framework.result import Framework
from effmeter.analysis.efficiency_framework.trials import has_labels
from effmeter.analysis.idle import IdleBaseline, baseline_of
from effmeter.analysis.metrics import logged_names
from effmeter.cli.report_efficiency import (
    framework_of_runs,
    framework_of_tables,
    refuse_without_object,
    wanted_criteria,
    wanted_labels,
)
from effmeter.errors import EffmeterError, RunFileError, UsageError
from effmeter.recorded.reading import find_runs, read_run
from effmeter.recorded.run import RecordedRun
from effmeter.report.contents import RunSummary
from effmeter.report.efficiency_contents import framework_mapping
from effmeter.report.efficiency_text import print_framework
from effmeter.report.summary import summarise
from effmeter.report.text import print_report
from effmeter.state.idle_baseline import baseline_path, load_baselines

_PIPED_WIDTH = 120


class _Report(NamedTuple):
    """What is to be printed."""

    summaries: list[RunSummary]
    errors: list[str]
    frameworks: dict[str, Framework]
    """By their names in JSON."""


@click.command("report")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the same figures as JSON.")
@click.option("--metric", metavar="NAME", help="The metric of Eq 2 (default: accuracy).")
@click.option("--net", is_flag=True, help="Net of the idle machine too: see effmeter idle.")
@click.option("--epochs", "with_epochs", is_flag=True, help="Print a table of the epochs too.")
@click.option(
    "--where",
    "labels",
    multiple=True,
    metavar="LABEL=VALUE",
    help="Only runs with this label, such as dataset=mnist. May be given several times.",
)
@click.option(
    "--framework",
    "with_framework",
    is_flag=True,
    help="Compare architectures over sizes and criteria too (Eq 3, Eq 4).",
)
@click.option(
    "--stop",
    "stops",
    multiple=True,
    metavar="CRITERION",
    help="Where --framework cuts the runs: epochs=50, accuracy=0.97, patience=3, energy=100kJ "
    "(all four by default). May be given several times; implies --framework.",
)
@click.option(
    "--energy",
    default=JOULES,
    show_default=True,
    type=click.Choice([JOULES, POWER_SAMPLES]),
    help="What the framework divides by; power samples as published depend on their rate.",
)
@click.option(
    "--csv",
    "tables",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Put a table of measurements made elsewhere through the framework.",
)
@click.option(
    "--energy-unit",
    default="J",
    show_default=True,
    metavar="UNIT",
    help="The unit of the energies in --csv: J, kJ, Wh, power-samples.",
)
def command(
    files: tuple[Path, ...],
    as_json: bool,
    metric: str | None,
    net: bool,
    with_epochs: bool,
    labels: tuple[str, ...],
    with_framework: bool,
    stops: tuple[str, ...],
    energy: str,
    tables: tuple[Path, ...],
    energy_unit: str,
) -> None:
    """Print what runs cost and what they learned.

    FILES are run files (runs/*.arrow) or directories of them. For each run: its status, epochs
    and metrics, the energy of each component with its interval and how it was come by, and
    Eq 2, the metric per energy since the first epoch began, at the end and at its best epoch.

    With --net, the energy less what the idle machine draws in the same time stands beside it.

    With --framework, runs labelled with architecture and size (and dataset, seed, fold) are cut
    where each criterion would have stopped them, and their efficiency is averaged over sizes
    (Eq 3) and criteria (Eq 4), with ratios and rankings.

    With --csv, the same is done for the rows of a table with columns architecture, dataset,
    criterion, size, accuracy, energy; see docs/efficiency.md.

    A file that cannot be read is named on stderr, the others are reported, and the exit status
    is 1.
    """
    criteria = wanted_criteria(stops, is_wanted=with_framework)
    wanted = wanted_labels(labels)
    about_runs = {"--framework": bool(criteria), "--net": net, "--epochs": with_epochs}
    about_runs["--where"] = bool(wanted)
    refuse_without_object(files, tables, about_runs)
    baselines = (
        load_baselines(baseline_path(os.environ), IdleBaseline.from_mapping) if net else None
    )
    runs, summaries, errors = _read(files, metric, baselines, wanted)
    if wanted and not runs and not errors:
        raise UsageError(f"no run has the labels {', '.join(labels)}")
    for error in errors:
        click.echo(f"effmeter: {error}", err=True)
    _refuse_unlogged(metric, runs)
    judged = framework_of_runs(runs, criteria, metric, energy)
    elsewhere = framework_of_tables(tables, energy_unit, metric)
    named = {"framework": judged, "tables": elsewhere}
    told = _Report(summaries, errors, {n: f for n, f in named.items() if f is not None})
    if as_json:
        click.echo(json.dumps(_mapping(told), indent=2, allow_nan=False))
    elif told.summaries or told.frameworks:
        click.echo(_printed(told, with_epochs))
    if errors:
        sys.exit(RunFileError.exit_status)


def _read(
    files: tuple[Path, ...],
    metric: str | None,
    baselines: Mapping[str, IdleBaseline] | None,
    labels: Mapping[str, str],
) -> tuple[list[RecordedRun], list[RunSummary], list[str]]:
    """The runs that can be read with their summaries, and what is wrong with others."""
    runs: list[RecordedRun] = []
    summaries: list[RunSummary] = []
    errors: list[str] = []
    for path in find_runs(files):
        try:
            run = read_run(path)
            if not has_labels(run, labels):
                continue
            idle = None if baselines is None else baseline_of(run, baselines)
            summaries.append(summarise(run, metric, idle))
            runs.append(run)
        except EffmeterError as error:
            errors.append(str(error))
    return runs, summaries, errors


def _refuse_unlogged(metric: str | None, runs: list[RecordedRun]) -> None:
    logged = {name for run in runs for name in logged_names(run)}
    if metric is not None and runs and metric not in logged:
        known = ", ".join(sorted(logged)) or "none"
        raise UsageError(f"no run logged the metric {metric!r}; logged: {known}")


def _mapping(told: _Report) -> dict[str, Any]:
    return {
        "runs": [summary.as_mapping() for summary in told.summaries],
        **{name: framework_mapping(result) for name, result in told.frameworks.items()},
        "errors": told.errors,
    }


def _printed(told: _Report, with_epochs: bool) -> str:
    console = _console()
    with console.capture() as captured:
        print_report(told.summaries, console, with_epochs)
        for place, result in enumerate(told.frameworks.values()):
            if place or told.summaries:
                console.print()
            print_framework(result, console)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _console() -> Console:
    """Plain and wide where the report goes into a pipe or a file."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(width=wide, markup=False, highlight=False, emoji=False)
