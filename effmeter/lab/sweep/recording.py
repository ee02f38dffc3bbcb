"""Train the cells of a grid one after the other, each recorded in a file of its own.

The workloads know nothing of measuring: their loop receives the epochs of a recorded run, and a
log that writes into it. What an earlier call has recorded is not repeated.
"""

import gc
import os
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effmeter.errors import EffmeterError
from effmeter.lab.sweep.catalogue import RunCatalogue
from effmeter.lab.sweep.cell import Cell
from effmeter.lab.sweep.device import TrainingDevice, not_installed
from effmeter.lab.sweep.failure import Failure, failure_of
from effmeter.lab.sweep.occupancy import occupy
from effmeter.lab.sweep.outcome import TRACEBACK_NOTE, UNMET_NOTE, Outcome, outcome_of
from effmeter.lab.sweep.warm_up import WarmUp
from effmeter.lab.workloads import check_method, prepare
from effmeter.recorded.reading import read_run
from effmeter.status import INTERRUPTED, DetailedStatus, Status
from effmeter.tracking import Epoch, Run, track
from effmeter.tracking.live import LiveEnergy

if TYPE_CHECKING:
    from effmeter.lab.workloads.training import Training


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch that has just ended, for whoever shows progress."""

    cell: Cell
    number: int
    duration_s: float
    """Since the run began."""
    metrics: Mapping[str, float]
    energy: LiveEnergy | None
    """Used since the run began, as of a moment ago; None while it is unknown."""


_warm_up = WarmUp()
"""What this program has compiled, no sweep of it compiles again."""
OnEpoch = Callable[[EpochDone], None]


class _ObserverFailedError(Exception):
    """An error of ``on_epoch``, which is not one of the training."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def record_cells(
    cells: Sequence[Cell],
    device: TrainingDevice,
    directory: Path,
    on_epoch: OnEpoch,
    *,
    fresh: bool = False,
    on_wait: Callable[[str], None] | None = None,
) -> Generator[Outcome, None, None]:
    """The outcome of each cell: first of those recorded earlier, then of each as it is trained.

    With ``fresh``, earlier runs are repeated. The files of repeated runs are set aside (see
    ``RunCatalogue.set_aside``). A training that fails has that as its outcome, and the next one
    begins (see ``failure_of``); a bug leaves its traceback as a note in the run. An interrupt
    leaves its run readable, with the status *interrupted*.

    The device is held meanwhile: DeviceBusyError where another program measures on it, unless
    ``on_wait`` is given (see ``occupy``). RunFileError for a directory that cannot be written;
    MeasurementError for an energy budget that cannot be measured; UsageError for a method whose
    parameters mean nothing; EffmeterError where packages that train are not installed.
    """
    _check_methods(cells)
    earlier = {} if fresh else _settled(cells, RunCatalogue(directory))
    yield from earlier.values()
    to_train = [cell for cell in cells if cell not in earlier]
    if not to_train:
        return
    _check_data(to_train)
    with occupy(device.identity, os.environ, on_wait):
        catalogue = RunCatalogue(directory)  # whoever held the device may have recorded some
        for cell in to_train:
            settled = None if fresh else catalogue.settled(cell)
            if settled is None:
                catalogue.set_aside(cell)
                settled = _record_one(cell, directory, on_epoch)
                _free_memory()
            yield settled


def _check_methods(cells: Sequence[Cell]) -> None:
    """Before anything is recorded: a mistake in the text of a method concerns every run."""
    for recipe in {cell.recipe.method: cell.recipe for cell in cells}.values():
        try:
            check_method(recipe)
        except ModuleNotFoundError as error:
            raise not_installed(error) from error


def _settled(cells: Sequence[Cell], catalogue: RunCatalogue) -> dict[Cell, Outcome]:
    found = ((cell, catalogue.settled(cell)) for cell in cells)
    return {cell: outcome for cell, outcome in found if outcome is not None}


def _check_data(cells: Sequence[Cell]) -> None:
    """Missing files of any data set end the sweep now, not after hours of the first data set."""
    first_of = {cell.recipe.dataset: cell for cell in reversed(cells)}
    for cell in first_of.values() if len(first_of) > 1 else ():
        try:
            _prepare(cell)
        except Exception as error:
            if failure_of(error) is None:  # any other failure is recorded with its training
                raise


def _prepare(cell: Cell) -> "Training":
    try:
        return prepare(cell.recipe)
    except ModuleNotFoundError as error:
        raise not_installed(error) from error
    except OSError as error:
        raise EffmeterError(str(error)) from error


def _record_one(cell: Cell, directory: Path, on_epoch: OnEpoch) -> Outcome:
    try:
        training = _warm_up.fresh(cell.recipe, partial(_prepare, cell))
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        status, path = _record_failure(cell, directory, failure)
    else:
        status, path = _train(cell, training, directory, on_epoch)
    if path is None:
        return Outcome(cell, None, DetailedStatus(Status.OTHER, f"not recorded, {status}"))
    return outcome_of(cell, read_run(path))


def _train(
    cell: Cell, training: "Training", directory: Path, on_epoch: OnEpoch
) -> tuple[DetailedStatus, Path | None]:
    """The status of the run and its file."""
    with track(cell.name, cell.labels, directory=directory, join=False) as run:
        try:
            _run_training(cell, training, run, on_epoch)
        except KeyboardInterrupt:
            run.end(INTERRUPTED)
            raise
        except _ObserverFailedError as failed:
            raise failed.error from None
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            _end_failed(run, failure)
    return run.detailed_status, run.path


def _run_training(cell: Cell, training: "Training", run: Run, on_epoch: OnEpoch) -> None:
    run.latest_energy()  # asks for a stream of energies, so that no epoch waits for one
    began_s = time.monotonic()

    def log(epoch: Epoch, /, **metrics: float) -> None:
        epoch.log(**metrics)
        elapsed_s = time.monotonic() - began_s
        done = EpochDone(cell, epoch.number, elapsed_s, metrics, run.latest_energy())
        try:
            on_epoch(done)
        except Exception as error:
            raise _ObserverFailedError(error) from error

    training.run(run.epochs(stop=cell.ending.criterion), log, planned_epochs=cell.ending.epochs)
    _note_unmet(cell, run)
    _log_closing_figures(training, run)


def _end_failed(run: Run, failure: Failure) -> None:
    if failure.traceback is not None:
        run.note(TRACEBACK_NOTE, failure.traceback)
    run.end(failure.status)


def _log_closing_figures(training: "Training", run: Run) -> None:
    """In a span outside the epochs, whose energy stays that of the training."""
    if training.closing_metrics:
        with run.span("closing-metrics"):
            figures = training.closing_figures()
        run.log(**figures)


def _note_unmet(cell: Cell, run: Run) -> None:
    for criterion in cell.ending.unmet(run.epochs_done):
        run.note(UNMET_NOTE, criterion)


def _record_failure(
    cell: Cell, directory: Path, failure: Failure
) -> tuple[DetailedStatus, Path | None]:
    """A run without epochs, so that the directory lists this training too."""
    with track(cell.name, cell.labels, directory=directory, join=False) as run:
        _end_failed(run, failure)
    return run.detailed_status, run.path


def _free_memory() -> None:
    """Release the memory of the last training: the next one may need all of it."""
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
