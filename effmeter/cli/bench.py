"""``effmeter bench``: train a workload in several sizes and seeds, and record every run."""

import json
import re
from pathlib import Path

import click

from effmeter import grid
from effmeter.cli.bench_progress import progress_of, seen_from_here
from effmeter.errors import RecorderError, UsageError
from effmeter.grid import RecordedRun
from effmeter.stopping import Criterion, MaxEpochs, parse_criterion
from effmeter.tracking.live import LiveEnergy

_INTEGERS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


@click.command()
@click.argument("workload")
@click.option("--sizes", default="1", show_default=True, help="Widths of the model: 1,2 or 1-5.")
@click.option(
    "--seeds", default="0", show_default=True, help="Seeds; each is a run of its own: 0,1 or 0-4."
)
@click.option(
    "--epochs", default=50, show_default=True, type=int, help="The most epochs that a run takes."
)
@click.option(
    "--stop",
    "criteria",
    multiple=True,
    metavar="CRITERION",
    help="End a run earlier: energy=2kJ, accuracy=0.97, patience=3. May be given several times; "
    "the criterion met first ends the run.",
)
@click.option(
    "--out",
    "directory",
    default=Path("runs"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where the run files go.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where to train: auto (the accelerator, if there is one), cpu, cuda, mps.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON.")
def bench(
    workload: str,
    sizes: str,
    seeds: str,
    epochs: int,
    criteria: tuple[str, ...],
    directory: Path,
    device: str,
    as_json: bool,
) -> None:
    """Train WORKLOAD and record every run: lenet, on handwritten digits.

    Each size is trained once with each seed, one run after the other. The names of the run files
    are printed at the end; effmeter report reads them.
    """
    cells = grid.plan(
        [workload], parse_integers(sizes, "--sizes"), parse_integers(seeds, "--seeds")
    )
    stop: list[Criterion] = [MaxEpochs(epochs), *map(parse_criterion, criteria)]
    with progress_of(cells, epochs) as progress:
        runs = []
        for run in grid.record(cells, stop, directory, progress.epoch_done, device):
            progress.run_done(run)
            runs.append(run)
    if as_json:
        click.echo(json.dumps([as_dict(run) for run in runs], indent=2))
    else:
        for path in filter(None, (run.summary.path for run in runs)):
            click.echo(seen_from_here(path))
    if any(run.summary.path is None for run in runs):
        raise RecorderError("not every run could be recorded")


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


def as_dict(run: RecordedRun) -> dict[str, object]:
    """A run as JSON shows it; energies in joules with their interval, null where not known."""
    summary = run.summary
    return {
        "file": None if summary.path is None else str(summary.path),
        "labels": run.cell.labels,
        "status": summary.status,
        "stopped_by": summary.stopped_by,
        "epochs": summary.epochs,
        "duration_s": summary.duration_s,
        "metrics": dict(summary.metrics),
        "energy": None if summary.energy is None else _energy_as_dict(summary.energy),
    }


def _energy_as_dict(energy: LiveEnergy) -> dict[str, object]:
    return {
        "total_j": energy.total.value_j,
        "low_j": energy.total.low_j,
        "high_j": energy.total.high_j,
        "cover": list(energy.cover),
        "estimated": list(energy.estimated),
        "missing": list(energy.missing),
        "partial": list(energy.partial),
    }
