"""How far a grid of trainings is: bars on a terminal, plain lines elsewhere; always on stderr."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Protocol

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from effmeter.grid import Cell, EpochDone, RecordedRun
from effmeter.tracking.live import LiveEnergy
from effmeter.units import format_energy


class BenchProgress(Protocol):
    """What is told of each epoch and each run as it ends."""

    def epoch_done(self, epoch: EpochDone) -> None:
        """Show one more epoch."""

    def run_done(self, run: RecordedRun) -> None:
        """Show that a run has ended, and how."""


def progress_of(cells: Sequence[Cell], epochs: int) -> AbstractContextManager[BenchProgress]:
    """The display that fits stderr, for these runs of at most so many epochs each."""
    console = Console(stderr=True)
    if console.is_terminal:
        return ProgressBars(cells, epochs, console)
    return nullcontext(ProgressLines(epochs))


class ProgressLines:
    """One plain line for each epoch and each run."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def epoch_done(self, epoch: EpochDone) -> None:
        """Print the epoch with its accuracy and the energy so far."""
        position = f"epoch {epoch.number} of {self._epochs}"
        click.echo(f"{epoch.cell.name}: {position}, {_standing(epoch)}", err=True)

    def run_done(self, run: RecordedRun) -> None:
        """Print how the run ended, and its file."""
        summary = run.summary
        ended = summary.stopped_by or summary.status
        file = "not recorded" if summary.path is None else seen_from_here(summary.path)
        click.echo(f"{run.cell.name}: ended by {ended}, {file}", err=True)


class ProgressBars:
    """A bar for each run on a terminal; ended runs stay visible."""

    def __init__(self, cells: Sequence[Cell], epochs: int, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[standing]}"),
            TimeElapsedColumn(),
            console=console,
            refresh_per_second=2,
        )
        self._tasks: dict[Cell, TaskID] = {
            cell: self._bars.add_task(cell.name, total=epochs, start=False, standing="waiting")
            for cell in cells
        }

    def __enter__(self) -> "ProgressBars":
        """Show the bars."""
        self._bars.start()
        self._begin_next()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the bars as they stand."""
        self._bars.stop()

    def epoch_done(self, epoch: EpochDone) -> None:
        """Move the run's bar."""
        task = self._tasks[epoch.cell]
        self._bars.update(task, completed=epoch.number, standing=_standing(epoch))

    def run_done(self, run: RecordedRun) -> None:
        """Stop the run's bar where it stands and begin the next."""
        task = self._tasks.pop(run.cell)
        self._bars.update(task, total=run.summary.epochs)
        self._bars.stop_task(task)
        self._begin_next()

    def _begin_next(self) -> None:
        waiting = next(iter(self._tasks.values()), None)
        if waiting is not None:
            self._bars.start_task(waiting)
            self._bars.update(waiting, standing="preparing")


def seen_from_here(path: Path) -> Path:
    """A path as a user would write it: relative where it lies below the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _standing(epoch: EpochDone) -> str:
    return f"accuracy {epoch.metrics['accuracy']:.3f}, {_energy_so_far(epoch.energy)}"


def _energy_so_far(energy: LiveEnergy | None) -> str:
    if energy is None:
        return "energy not measured"
    estimated = " (estimated)" if energy.estimated else ""
    return f"{format_energy(energy.total.value_j)}{estimated}"
