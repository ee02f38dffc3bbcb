"""The progress of a sweep on stderr: bars on a terminal, plain lines elsewhere."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from effmeter.cli.output import say
from effmeter.escaping import printable
from effmeter.lab.sweep import Cell, EpochDone, Outcome
from effmeter.tracking.live import LiveEnergy
from effmeter.units import format_energy

_SPEED_PERIOD_S = 3600.0
"""The span of epochs that the remaining time follows from; rich's own 30 s may hold none."""


class SweepProgress(Protocol):
    """Shows each epoch and each run as it ends."""

    def waiting(self, reason: str) -> None:
        """Show that another program uses the device."""

    def epoch_done(self, epoch: EpochDone) -> None:
        """Show one more epoch."""

    def run_done(self, outcome: Outcome) -> None:
        """Show that a run has ended, and how."""


def progress_of(cells: Sequence[Cell]) -> AbstractContextManager[SweepProgress]:
    """The display that fits stderr, for these runs."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        return ProgressBars(cells, console)
    return nullcontext(ProgressLines(cells))


class ProgressLines:
    """One plain line for each epoch and each run."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._to_go = set(cells)

    def waiting(self, reason: str) -> None:
        """Print the reason."""
        say(f"waiting: {reason}", None)

    def epoch_done(self, epoch: EpochDone) -> None:
        """Print the epoch with a metric and the energy so far."""
        position = f"epoch {epoch.number} of {epoch.cell.ending.epochs}"
        say(f"{epoch.cell.name}: {position}, {_standing(epoch)}", None)

    def run_done(self, outcome: Outcome) -> None:
        """Print how the run ended, its file, and the number of runs to go."""
        self._to_go.discard(outcome.cell)
        say(_ended(outcome), None)
        if self._to_go and not outcome.earlier:
            say(f"{_runs(len(self._to_go))} to go", None)


class ProgressBars:
    """A bar for the current run and one for the epochs of all runs; ended runs stand above."""

    def __init__(self, cells: Sequence[Cell], console: Console) -> None:
        self._to_go = set(cells)
        self._epochs_to_go = sum(cell.ending.epochs for cell in self._to_go)
        self._epochs_done = 0
        self._current: Cell | None = None
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[standing]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=2,
            speed_estimate_period=_SPEED_PERIOD_S,
        )
        self._run = self._bars.add_task("", visible=False, standing="")
        self._all = self._bars.add_task(
            "all epochs", total=self._epochs_to_go, standing="preparing"
        )

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
        """Leave the bars as they are."""
        self._bars.stop()

    def waiting(self, reason: str) -> None:
        """Show the reason beside the bar of all runs."""
        self._bars.update(self._all, standing=printable(f"waiting: {reason}"))

    def epoch_done(self, epoch: EpochDone) -> None:
        """Move both bars."""
        if self._current != epoch.cell:
            self._current = epoch.cell
            self._bars.reset(self._run, total=epoch.cell.ending.epochs, visible=True)
        self._bars.update(
            self._run,
            description=printable(epoch.cell.name),
            completed=epoch.number,
            standing=printable(_standing(epoch)),
        )
        self._epochs_done += 1
        self._bars.update(
            self._all, completed=self._epochs_done, standing=f"{_runs(len(self._to_go))} to go"
        )

    def run_done(self, outcome: Outcome) -> None:
        """Put the run above the bars; epochs that it did not need leave the total."""
        self._to_go.discard(outcome.cell)
        self._epochs_to_go = sum(cell.ending.epochs for cell in self._to_go)
        self._bars.console.print(printable(_ended(outcome)), markup=False, soft_wrap=True)
        self._bars.update(self._run, visible=False)
        self._bars.update(
            self._all,
            total=self._epochs_done + self._epochs_to_go,
            standing=f"{_runs(len(self._to_go))} to go",
        )


def _runs(number: int) -> str:
    return f"{number} run{'' if number == 1 else 's'}"


def seen_from_here(path: Path) -> Path:
    """A path as a user would write it: relative where it lies below the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _ended(outcome: Outcome) -> str:
    file = "no file" if outcome.path is None else seen_from_here(outcome.path)
    if outcome.earlier:
        again = "" if outcome.is_complete else ", not repeated (--fresh repeats it)"
        return f"{outcome.cell.name}: {outcome.status} earlier{again}, {file}"
    if outcome.is_complete:
        return f"{outcome.cell.name}: ended by {outcome.stopped_by or outcome.status}, {file}"
    return f"{outcome.cell.name}: {outcome.status}, {file}"


def _standing(epoch: EpochDone) -> str:
    """The first requested metric that the epoch has, and the energy so far."""
    asked = (name for name in epoch.cell.recipe.metrics if name in epoch.metrics)
    figures = [f"{name} {epoch.metrics[name]:.3f}" for name in asked][:1]
    return ", ".join((*figures, _energy_so_far(epoch.energy)))


def _energy_so_far(energy: LiveEnergy | None) -> str:
    if energy is None:
        return "energy unknown"
    estimated = " (estimated)" if energy.estimated else ""
    return f"{format_energy(energy.total.value_j)}{estimated}"
