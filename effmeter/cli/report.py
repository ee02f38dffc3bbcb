"""``effmeter report``: the energy, metrics and efficiency of runs."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from effmeter.analysis.efficiency_framework.observation import JOULES, POWER_SAMPLES
from effmeter.analysis.efficiency_framework.trials import has_labels
from effmeter.analysis.idle import IdleBaseline, baseline_of
from effmeter.analysis.metrics import logged_names
from effmeter.analysis.run_analysis import RunAnalysis, analyse
from effmeter.analysis.shares import DEFAULT_POWER_RATIO
from effmeter.cli.file_errors import FileErrors
from effmeter.cli.options import FiniteRange, label_option, output_option
from effmeter.cli.output import emit, say
from effmeter.cli.report_efficiency import (
    PUBLISHED_CRITERIA,
    checked_unit,
    comparisons_of,
    criteria_of,
    refuse_without_object,
    wanted_criteria,
)
from effmeter.errors import EffmeterError, RunFileError, UsageError
from effmeter.recorded.host_merging import merge_hosts
from effmeter.recorded.job import JobPart
from effmeter.recorded.reading import find_runs, read_runs
from effmeter.recorded.run import RecordedRun
from effmeter.report.page import has_styles, width_of
from effmeter.report.renderer import RENDERERS, TEXT, RenderOptions, Report, renderer_of
from effmeter.state.idle_baseline import baseline_path, load_baselines
from effmeter.stopping import Criterion, criterion_examples
from effmeter.stopping.direction import Mode
from effmeter.stopping.options import split_mode


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A flag for each output format besides text."""
    for name, (_, _, text) in reversed(RENDERERS.items()):
        if name != TEXT:
            flag = click.option(f"--{name}", "output_format", flag_value=name, help=text)
            command = flag(command)
    return command


@click.command("report")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@format_options
@output_option
@click.option("--details", "has_details", is_flag=True, help="Print everything about each run.")
@click.option("--epochs", "has_epochs", is_flag=True, help="Also print the epochs of each run.")
@click.option(
    "--metric",
    metavar="NAME[:MODE]",
    help="The metric of Eq 2. Append :max or :min where neither the file nor the name says which "
    "is better, as in reward:max.  [default: accuracy]",
)
@click.option("--net", is_flag=True, help="Also print the energy less that of the idle machine.")
@click.option(
    "--power-ratio",
    type=FiniteRange(min=1.0),
    default=DEFAULT_POWER_RATIO,
    show_default=True,
    metavar="RATIO",
    help="By which factor at most two programs differ in power for the same processor time or GPU "
    "use: the bounds of the attributed shares hold for it.",
)
@click.option("--traceback", "has_traceback", is_flag=True, help="Print the traceback of a bug.")
@label_option("Report only runs with this label. Repeatable.")
@click.option(
    "--efficiency",
    "has_efficiency",
    is_flag=True,
    help="Compare architectures over sizes and criteria (Eq 3, Eq 4).",
)
@click.option(
    "--stop",
    "given_criteria",
    multiple=True,
    metavar="CRITERION",
    callback=criteria_of,
    help="A criterion at which --efficiency cuts the runs; implies --efficiency: "
    f"{criterion_examples()}, or METRIC=TARGET. Repeatable.  "
    f"[default: {', '.join(PUBLISHED_CRITERIA)}]",
)
@click.option(
    "--energy",
    default=JOULES,
    show_default=True,
    type=click.Choice([JOULES, POWER_SAMPLES]),
    help="The divisor of --efficiency. Sums of power samples, which published tables hold, grow "
    "with the sampling rate.",
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Compare the rows of this CSV table like runs. Repeatable.",
)
@click.option(
    "--energy-unit",
    default="J",
    show_default=True,
    metavar="UNIT",
    callback=checked_unit,
    help="The unit of the energies in --table: J, kJ, Wh, power-samples.",
)
def command(
    files: tuple[Path, ...],
    output_format: str | None,
    output: Path | None,
    has_details: bool,
    has_epochs: bool,
    metric: str | None,
    net: bool,
    power_ratio: float,
    has_traceback: bool,
    labels: Mapping[str, str],
    has_efficiency: bool,
    given_criteria: Mapping[str, Criterion],
    energy: str,
    tables: tuple[Path, ...],
    energy_unit: str,
) -> None:
    """Print the energy, metrics and efficiency of runs.

    FILES are run files (runs/*.arrow) or directories of them. Several runs are printed one per
    line. A single run, or every run with --details, shows its status, metrics, spans and
    warnings; the energy of each component with its interval and source; and the metric per
    energy since the first epoch began (Eq 2), at the end and at its best epoch.

    --net subtracts the power that `effmeter idle` measured on the same machine.

    The energy of a run is that of the machine. Its share, where the file states who used the
    processors and GPUs, is attributed, with bounds: see --power-ratio.

    --efficiency cuts runs that are labelled with architecture and size (and dataset, seed,
    fold) where each criterion would have stopped them. It prints their mean efficiency over
    sizes (Eq 3) and criteria (Eq 4), with ratios and rankings. --table does the same for a
    table with the columns architecture, dataset, criterion, size, accuracy and energy.

    Files that cannot be read are named on stderr, and the exit status is 1.
    """
    criteria = wanted_criteria(given_criteria, is_wanted=has_efficiency)
    run_options = {"--efficiency": bool(criteria), "--net": net, "--epochs": has_epochs}
    refuse_without_object(files, tables, {**run_options, "--label": bool(labels)})
    name, mode = (None, None) if metric is None else split_mode(metric)
    errors = FileErrors(has_traceback=has_traceback)
    runs = _analysed(files, errors, name, mode, net, power_ratio, labels)
    if labels and not runs and not errors.lines:
        wanted = ", ".join(f"{label}={value}" for label, value in labels.items())
        raise UsageError(f"no run has the labels {wanted}")
    options = RenderOptions(
        has_details,
        has_epochs,
        None if output else width_of(sys.stdout),
        output is None and has_styles(sys.stdout),
    )
    renderer = renderer_of(output_format or TEXT, options)

    def rendered(shown: Sequence[RunAnalysis]) -> str | None:
        comparisons = comparisons_of(
            [analysis.run for analysis in shown],
            criteria,
            tables,
            metric=name,
            mode=mode,
            energy=energy,
            energy_unit=energy_unit,
        )
        report = Report(shown, comparisons, errors.lines)
        is_wanted = output_format == "json" or not report.is_empty
        return renderer.render(report) if is_wanted else None

    try:
        _refuse_unlogged(name, runs)
        text = errors.without_faulty(runs, rendered, _file_of)
    finally:
        for error in errors.lines:
            say(error)
    if text is not None:
        emit(text, output)
    if errors.lines:
        sys.exit(RunFileError.exit_status)


def _baselines() -> Mapping[str, IdleBaseline]:
    return load_baselines(baseline_path(os.environ), IdleBaseline.from_mapping)


def _known_baselines() -> Mapping[str, IdleBaseline]:
    """Those of hosts whose idle machine was measured; without any, shares do without."""
    with contextlib.suppress(EffmeterError):
        return _baselines()
    return {}


def _analysed(
    files: Sequence[Path],
    errors: FileErrors,
    metric: str | None,
    mode: Mode | None,
    net: bool,
    power_ratio: float,
    labels: Mapping[str, str],
) -> list[RunAnalysis]:
    """The runs that can be read and have the labels."""
    baselines = _baselines() if net else _known_baselines()
    analyses: dict[int, RunAnalysis | None] = {}

    def analysed(run: RecordedRun) -> None:
        """Analyse a run, and give back the memory of its readings."""
        analyses[id(run)] = None
        with errors.of(str(run.paths[0])):
            if has_labels(run, labels):
                idle = baseline_of(run, baselines) if net else None
                known = baselines.get(run.machine[0])
                analysis = analyse(
                    run, metric, idle, mode=mode, baseline=known, power_ratio=power_ratio
                )
                logged_names(run)  # found again where an unknown metric is refused
                analysis.compute()
                analyses[id(run)] = analysis

    runs: list[RecordedRun] = []
    for path in find_runs(files):
        with errors.of(str(path)):
            found = read_runs(path)
            runs += found  # a merged run is known by identity
            for run in found:
                if JobPart.of(run).is_of_one_host:
                    analysed(run)
                for part in run.by_host:
                    part.recording.release()
    merged = errors.without_faulty(runs, merge_hosts, lambda run: str(run.paths[0]))
    for run in merged:
        if id(run) not in analyses:
            analysed(run)
            for part in run.by_host:
                part.recording.release()
    return [analysis for run in merged if (analysis := analyses[id(run)]) is not None]


def _file_of(analysis: RunAnalysis) -> str:
    return str(analysis.run.paths[0])


def _refuse_unlogged(metric: str | None, runs: Sequence[RunAnalysis]) -> None:
    logged = {name for analysis in runs for name in logged_names(analysis.run)}
    if metric is not None and runs and metric not in logged:
        known = ", ".join(sorted(logged)) or "none"
        raise UsageError(f"no run logged the metric {metric!r}; logged: {known}")
