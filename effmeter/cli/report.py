"""``effmeter report``: what runs cost and what they learned."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console

from effmeter.analysis.idle import IdleBaseline, baseline_of, baseline_path, load_baselines
from effmeter.analysis.metrics import logged_names
from effmeter.errors import EffmeterError, RunFileError, UsageError
from effmeter.report.contents import RunSummary
from effmeter.report.summary import summarise
from effmeter.report.text import print_report
from effmeter.store.reader import find_runs, read_run

_PIPED_WIDTH = 120


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the same figures as JSON.")
@click.option("--metric", metavar="NAME", help="The metric of Eq 2 (default: accuracy).")
@click.option("--net", is_flag=True, help="Net of the idle machine too: see effmeter idle.")
@click.option("--epochs", "with_epochs", is_flag=True, help="Print a table of the epochs too.")
def report(
    files: tuple[Path, ...], as_json: bool, metric: str | None, net: bool, with_epochs: bool
) -> None:
    """Print what runs cost and what they learned.

    FILES are run files (runs/*.arrow) or directories of them. For each run: its status, epochs
    and metrics, the energy of each component with its interval and how it was come by, and
    Eq 2, the metric per energy since the first epoch began, at the end and at its best epoch.

    With --net, the energy less what the idle machine draws in the same time stands beside it.

    A file that cannot be read is named on stderr, the others are reported, and the exit status
    is 1.
    """
    baselines = load_baselines(baseline_path(os.environ)) if net else None
    summaries, errors, logged = _read(files, metric, baselines)
    for error in errors:
        click.echo(f"effmeter: {error}", err=True)
    if metric is not None and summaries and metric not in logged:
        known = ", ".join(sorted(logged)) or "none"
        raise UsageError(f"no run logged the metric {metric!r}; logged: {known}")
    if as_json:
        runs = [summary.as_mapping() for summary in summaries]
        click.echo(json.dumps({"runs": runs, "errors": errors}, indent=2, allow_nan=False))
    elif summaries:
        click.echo(_printed(summaries, with_epochs))
    if errors:
        sys.exit(RunFileError.exit_status)


def _read(
    files: tuple[Path, ...], metric: str | None, baselines: Mapping[str, IdleBaseline] | None
) -> tuple[list[RunSummary], list[str], set[str]]:
    """The summaries of the runs that can be read, what is wrong with others, their metrics."""
    summaries: list[RunSummary] = []
    errors: list[str] = []
    logged: set[str] = set()
    for path in find_runs(files):
        try:
            run = read_run(path)
            idle = None if baselines is None else baseline_of(run, baselines)
            summaries.append(summarise(run, metric, idle))
            logged.update(logged_names(run))
        except EffmeterError as error:
            errors.append(str(error))
    return summaries, errors, logged


def _printed(summaries: list[RunSummary], with_epochs: bool) -> str:
    console = _console()
    with console.capture() as captured:
        print_report(summaries, console, with_epochs)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _console() -> Console:
    """Plain and wide where the report goes into a pipe or a file."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(width=wide, markup=False, highlight=False, emoji=False)
