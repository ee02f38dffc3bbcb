"""``effmeter sweep``: train workloads over a grid, and record every run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from effmeter.cli.options import FiniteRange
from effmeter.cli.output import emit, show
from effmeter.errors import UsageError
from effmeter.lab.cli.parameters import (
    checked_datasets,
    checked_methods,
    data_dir_option,
    device_option,
    download_option,
    fresh_option,
    json_option,
    numbers_of,
    output_option,
    pairs_of,
    seeds_option,
    stop_option,
    wait_option,
)
from effmeter.lab.cli.sweep_outcomes import as_mapping
from effmeter.lab.cli.sweep_progress import seen_from_here
from effmeter.lab.cli.trainer import CommandLineTrainer, refuse_incomplete
from effmeter.lab.cli.workload_list import print_workloads
from effmeter.lab.sweep import Axes, Ending, Until, find_device, plan_cells
from effmeter.lab.workloads import DENOISING_METRICS, METRICS, Recipe
from effmeter.report.formatting import json_text
from effmeter.stopping import criterion_examples

_USUAL = Recipe("lenet")
_EXAMPLES = """\b
effmeter sweep lenet --sizes 1-5 --seeds 0-2
effmeter sweep lenet bcnn --stop accuracy=0.97 \\
    --stop epochs=50 --until all
effmeter sweep cnn2 --seeds 0-4 --method dense \\
    --method ssprop:drop=0.8
"""


@click.command("sweep", epilog=_EXAMPLES)
@click.argument("workloads", nargs=-1, metavar="WORKLOAD...")
@click.option(
    "--sizes",
    default="1",
    show_default=True,
    metavar="NUMBERS",
    callback=numbers_of,
    help="Widths of the model: 1,2 or 1-5.",
)
@seeds_option("0")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    default=("digits",),
    show_default=True,
    metavar="NAME",
    callback=checked_datasets,
    help="Data set. Repeatable.",
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD",
    callback=checked_methods,
    help="Training-acceleration method with its parameters: ssprop:drop=0.8. Repeatable.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    help="Split the data into this many folds, and test on each once.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    callback=pairs_of,
    metavar="NAME=VALUE",
    help="Option of a workload or data set: initialisation=normal. Repeatable.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=_USUAL.batch_size,
    show_default=True,
    help="Images in a batch.",
)
@click.option(
    "--validation",
    "validation_fraction",
    type=FiniteRange(0, 1, max_open=True),
    default=0.0,
    metavar="FRACTION",
    help="Fraction of the training part that is held out and logged as validation_accuracy.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    default=("accuracy",),
    show_default=True,
    metavar="NAME",
    type=click.Choice([*METRICS, *DENOISING_METRICS]),
    help=f"Metric to log: {', '.join(METRICS)}; for a diffusion model: "
    f"{', '.join(DENOISING_METRICS)}. Repeatable.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Maximum number of epochs of a run.  [default: those of --stop, or 50]",
)
@stop_option(f"Stopping criterion: {criterion_examples()}, or METRIC=TARGET. Repeatable.")
@click.option(
    "--until",
    type=click.Choice([until.value for until in Until]),
    default=Until.FIRST.value,
    show_default=True,
    help="End a run at the first criterion met, or once all have been met.",
)
@output_option("the run files", "runs")
@data_dir_option
@download_option
@device_option
@fresh_option
@wait_option
@click.option(
    "--list",
    "lists",
    is_flag=True,
    help="List workloads, data sets and methods with their options.",
)
@json_option
def command(
    workloads: tuple[str, ...],
    sizes: Sequence[int],
    seeds: Sequence[int],
    datasets: tuple[str, ...],
    methods: tuple[str, ...],
    folds: int | None,
    options: tuple[tuple[str, str], ...],
    batch_size: int,
    validation_fraction: float,
    metrics: tuple[str, ...],
    epochs: int | None,
    criteria: tuple[str, ...],
    until: str,
    directory: Path,
    data_dir: Path | None,
    download: bool,
    device: str,
    fresh: bool,
    wait: bool,
    lists: bool,
    as_json: bool,
) -> None:
    """Train workloads over a grid of settings and record every run.

    The grid is every combination of WORKLOAD, size, data set, seed, method and fold, trained one
    after another. The names of the run files go to stdout, for effmeter report. Repeat the
    command to continue an interrupted sweep. The exit status is 1 if a run did not complete.
    """
    if lists:
        print_workloads(as_json)
        return
    if not workloads:
        raise UsageError("name a workload, such as lenet; effmeter sweep --list lists them")
    axes = Axes(workloads, datasets, sizes, seeds, methods)
    common = Recipe(
        workloads[0],
        batch_size=batch_size,
        folds=folds,
        validation_fraction=validation_fraction,
        metrics=metrics,
        options=options,
        data_dir=data_dir,
        download=download,
    )
    ending = Ending.parse(criteria, until, epochs)
    plan_cells(axes, ending, common)  # refuses mistakes before torch loads
    found = find_device(device)
    cells = plan_cells(axes, ending, replace(common, device=found.name))
    outcomes = CommandLineTrainer(directory, fresh, wait).record(cells, found)
    if as_json:
        emit(json_text([as_mapping(outcome) for outcome in outcomes]))
    else:
        for path in filter(None, (outcome.path for outcome in outcomes)):
            show(str(seen_from_here(path)))
    refuse_incomplete(outcomes)
