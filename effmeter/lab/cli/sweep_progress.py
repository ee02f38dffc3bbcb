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
    TextColumn,
    TimeElapsedColumn,
)

from effmeter.lab.cli.sweep_remaining import Remaining
from effmeter.lab.sweep import Cell, EpochDone, Outcome
from effmeter.tracking.live import LiveEnergy
from effmeter.units import format_energy


class BenchProgress(Protocol):
    """What is told of each epoch and each run as it ends."""

    def waiting(self, reason: str) -> None:
        """Show that another program has the device."""

    def epoch_done(self, epoch: EpochDone) -> None:
        """Show one more epoch."""

    def run_done(self, outcome: Outcome) -> None:
        """Show that a run has ended, and how."""


def progress_of(cells: Sequence[Cell]) -> AbstractContextManager[BenchProgress]:
    """The display that fits stderr, for these runs."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        return ProgressBars(cells, console)
    return nullcontext(ProgressLines(cells))


class ProgressLines:
    """One plain line for each epoch and each run."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._remaining = Remaining(cells)

    def waiting(self, reason: str) -> None:
        """Print what is waited for."""
        click.echo(f"waiting: {reason}", err=True)

    def epoch_done(self, epoch: EpochDone) -> None:
        """Print the epoch with its accuracy and the energy so far."""
        self._remaining.epoch_done(epoch)
        position = f"epoch {epoch.number} of {epoch.cell.ending.epochs}"
        click.echo(f"{epoch.cell.name}: {position}, {_standing(epoch)}", err=True)

    def run_done(self, outcome: Outcome) -> None:
        """Print how the run ended, its file, and what is still to come."""
        self._remaining.run_done(outcome)
        click.echo(_ended(outcome), err=True)
        if self._remaining.runs and not outcome.earlier:
            click.echo(f"to go: {self._remaining}", err=True)


class ProgressBars:
    """A bar for the run that goes on and one for all runs; those that ended stand above."""

    def __init__(self, cells: Sequence[Cell], console: Console) -> None:
        self._remaining = Remaining(cells)
        self._cells = len(cells)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[standing]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            refresh_per_second=2,
        )
        self._run = self._bars.add_task("", visible=False, standing="")
        self._all = self._bars.add_task("all runs", total=self._cells, standing="preparing")
        self._current: Cell | None = None

    def __enter__(self) -> "ProgressBars":
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the bars as they stand."""
        self._bars.stop()

    def waiting(self, reason: str) -> None:
        """Show what is waited for."""
        self._bars.update(self._all, standing=f"waiting: {reason}")

    def epoch_done(self, epoch: EpochDone) -> None:
        """Move the run's bar, and tell what is still to come of all."""
        self._remaining.epoch_done(epoch)
        if self._current != epoch.cell:
            self._current = epoch.cell
            self._bars.reset(self._run, total=epoch.cell.ending.epochs, visible=True)
        self._bars.update(
            self._run,
            description=epoch.cell.name,
            completed=epoch.number,
            standing=_standing(epoch),
        )
        self._bars.update(self._all, standing=f"to go: {self._remaining}")

    def run_done(self, outcome: Outcome) -> None:
        """Put the run above the bars, and count it."""
        self._remaining.run_done(outcome)
        self._bars.console.print(_ended(outcome), markup=False, soft_wrap=True)
        self._bars.update(self._run, visible=False)
        to_go = f"to go: {self._remaining}" if self._remaining.runs else ""
        self._bars.update(self._all, completed=self._cells - self._remaining.runs, standing=to_go)


def seen_from_here(path: Path) -> Path:
    """A path as a user would write it: relative where it lies below the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _ended(outcome: Outcome) -> str:
    file = "no file" if outcome.path is None else seen_from_here(outcome.path)
    if outcome.earlier:
        again = "" if outcome.is_complete else ", not tried again (--fresh would)"
        return f"{outcome.cell.name}: {outcome.status} earlier{again}, {file}"
    if outcome.is_complete:
        return f"{outcome.cell.name}: ended by {outcome.stopped_by or outcome.status}, {file}"
    return f"{outcome.cell.name}: {outcome.status}, {file}"


def _standing(epoch: EpochDone) -> str:
    """The first metric asked for that an epoch has, and the energy."""
    asked = (name for name in epoch.cell.recipe.metrics if name in epoch.metrics)
    figures = [f"{name} {epoch.metrics[name]:.3f}" for name in asked][:1]
    return ", ".join((*figures, _energy_so_far(epoch.energy)))


def _energy_so_far(energy: LiveEnergy | None) -> str:
    if energy is None:
        return "energy not known"
    estimated = " (estimated)" if energy.estimated else ""
    return f"{format_energy(energy.total.value_j)}{estimated}"
