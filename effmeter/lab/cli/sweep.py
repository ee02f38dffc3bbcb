"""``effmeter sweep``: train workloads over a grid, and record every run."""

import json
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from effmeter.errors import EffmeterError, UsageError
from effmeter.lab.cli.sweep_outcomes import as_mapping, print_outcomes
from effmeter.lab.cli.sweep_progress import progress_of, seen_from_here
from effmeter.lab.cli.workload_list import print_workloads
from effmeter.lab.sweep import Axes, Cell, Ending, Outcome, TrainingDevice, Until, find_device
from effmeter.lab.sweep import plan as plan_grid
from effmeter.lab.sweep import record as record_grid
from effmeter.lab.sweep.outcome import TRACEBACK_NOTE
from effmeter.lab.workloads import DENOISING_METRICS, METRICS, Recipe
from effmeter.stopping import criterion_examples

_INTEGERS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_USUAL = Recipe("lenet")
_EXAMPLES = """\b
effmeter sweep lenet --sizes 1-5 --seeds 0-2
effmeter sweep lenet bcnn --stop epochs=50 --stop accuracy=0.97 --until all
effmeter sweep cnn2 --method dense --method ssprop:drop=0.8 --seeds 0-4
"""


@click.command("sweep", epilog=_EXAMPLES)
@click.argument("workloads", nargs=-1)
@click.option("--sizes", default="1", show_default=True, help="Widths of the model: 1,2 or 1-5.")
@click.option(
    "--seeds", default="0", show_default=True, help="Seeds; each is a run of its own: 0,1 or 0-4."
)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    default=("digits",),
    show_default=True,
    help="What is learned. May be given several times.",
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="Train with a method that skips work, such as ssprop:drop=0.8; dense skips none. May be "
    "given several times (see --list).",
)
@click.option("--folds", type=int, help="Deal the data into so many parts; each is held out once.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of a workload or data set (see --list). May be given several times.",
)
@click.option("--batch-size", default=_USUAL.batch_size, show_default=True, help="Images a step.")
@click.option(
    "--validation",
    "validation_fraction",
    type=float,
    default=0.0,
    help="Hold out this fraction of the training part, and log validation_accuracy.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    default=("accuracy",),
    show_default=True,
    help=f"What is logged: {', '.join(METRICS)}; of a diffusion model "
    f"{', '.join(DENOISING_METRICS)}. May be given several times.",
)
@click.option("--epochs", type=int, help="The most epochs of a run.  [default: as --stop, or 50]")
@click.option(
    "--stop",
    "criteria",
    multiple=True,
    metavar="CRITERION",
    help=f"End a run at a criterion: {criterion_examples()}, or METRIC=TARGET for any metric. May "
    "be given several times.",
)
@click.option(
    "--until",
    type=click.Choice([until.value for until in Until]),
    default=Until.FIRST.value,
    show_default=True,
    help="Which criterion ends a run: the first met, or the last of all, so that one recording "
    "can be cut at each.",
)
@click.option(
    "--out",
    "directory",
    default=Path("runs"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where the run files go, and where those done earlier are looked for.",
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="A folder of data set files.")
@click.option("--download", is_flag=True, help="Get data sets from Hugging Face.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where to train: auto (the accelerator, if there is one), cpu, cuda, mps.",
)
@click.option("--fresh", is_flag=True, help="Repeat runs that are done; their files are set aside.")
@click.option("--wait", is_flag=True, help="Wait while another measured training has the device.")
@click.option(
    "--list", "lists", is_flag=True, help="List workloads, data sets and methods, and end."
)
@click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON.")
def command(
    workloads: tuple[str, ...],
    sizes: str,
    seeds: str,
    datasets: tuple[str, ...],
    methods: tuple[str, ...],
    folds: int | None,
    options: tuple[str, ...],
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
    """Train WORKLOADS over a grid of sizes, data sets, seeds and methods, and record every run.

    Runs follow one another. The names of the run files are printed at the end; effmeter report
    reads them. The same command again goes on where an interrupted one ended: what --out holds
    complete is not repeated. Exit status 1 says that a run did not complete.
    """
    if lists:
        print_workloads(as_json)
        return
    if not workloads:
        raise UsageError("name a workload, such as lenet; effmeter sweep --list lists them")
    axes = Axes(
        workloads,
        datasets,
        parse_integers(sizes, "--sizes"),
        parse_integers(seeds, "--seeds"),
        methods,
    )
    common = Recipe(
        workloads[0],
        batch_size=batch_size,
        folds=folds,
        validation_fraction=validation_fraction,
        metrics=metrics,
        options=tuple(map(_parse_option, options)),
        data_dir=data_dir,
        download=download,
    )
    ending = Ending.parse(criteria, until, epochs)
    plan_grid(axes, ending, common)  # mistakes are told before torch is loaded
    found = find_device(device)
    cells = plan_grid(axes, ending, replace(common, device=found.name))
    outcomes = run_grid(cells, found, directory, fresh=fresh, wait=wait)
    if as_json:
        click.echo(json.dumps([as_mapping(outcome) for outcome in outcomes], indent=2))
    else:
        for path in filter(None, (outcome.path for outcome in outcomes)):
            click.echo(seen_from_here(path))
    unfinished = sum(not outcome.is_complete for outcome in outcomes)
    if unfinished:
        raise EffmeterError(f"{unfinished} of {len(outcomes)} runs did not complete")


def run_grid(
    cells: Sequence[Cell], device: TrainingDevice, directory: Path, *, fresh: bool, wait: bool
) -> list[Outcome]:
    """The outcomes of all cells in their order, with progress and a table of them on stderr."""
    outcomes: dict[Cell, Outcome] = {}
    try:
        with progress_of(cells) as progress:
            on_wait = progress.waiting if wait else None
            runs = record_grid(
                cells, device, directory, progress.epoch_done, fresh=fresh, on_wait=on_wait
            )
            with closing(runs):
                for outcome in runs:
                    progress.run_done(outcome)
                    outcomes[outcome.cell] = outcome
    except KeyboardInterrupt:
        click.echo(
            f"effmeter: {len(outcomes)} of {len(cells)} runs are done; "
            "the same command goes on from there",
            err=True,
        )
        raise
    ordered = [outcomes[cell] for cell in cells]
    print_outcomes(ordered)
    for outcome in ordered:
        if outcome.traceback is not None and outcome.path is not None:
            file = seen_from_here(outcome.path)
            click.echo(
                f"{outcome.cell.name} {outcome.status}; traceback: the note "
                f"{TRACEBACK_NOTE!r} of {file}",
                err=True,
            )
    return ordered


def parse_integers(text: str, option: str) -> list[int]:
    """The whole numbers in ``"1,2"`` or ``"1-5"``, each once; UsageError names the option."""
    if not _INTEGERS.fullmatch(text):
        raise UsageError(f"{option} takes whole numbers such as 1,2 or 1-5, not {text!r}")
    numbers: dict[int, None] = {}
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.update(dict.fromkeys(range(int(first), int(last or first) + 1)))
    if not numbers:
        raise UsageError(f"{option} {text} holds no number: write the smaller one first")
    return list(numbers)


def _parse_option(text: str) -> tuple[str, str]:
    name, separator, value = (part.strip() for part in text.partition("="))
    if not (name and separator and value):
        raise UsageError(f"--option takes NAME=VALUE such as initialisation=normal, not {text!r}")
    return name, value
