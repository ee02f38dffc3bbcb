"""A grid of recorded trainings: every architecture, size and seed asked for, one after the other.

One run at a time, since two on one machine would share its energy, and each in a file of its own,
also inside a recording. The workloads know nothing of measuring; here their loop is given the
epochs of a recorded run, and a log that writes into it.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from effmeter.errors import EffmeterError, UsageError
from effmeter.methods.workloads import WORKLOADS, Workload
from effmeter.stopping import Criterion
from effmeter.tracking import Epoch, track
from effmeter.tracking.live import LiveEnergy, Summary
from effmeter.tracking.marks import Label

if TYPE_CHECKING:
    from effmeter.methods.workloads.training import Training


@dataclass(frozen=True, slots=True)
class Cell:
    """One training of the grid."""

    workload: Workload
    size: int
    seed: int

    @property
    def name(self) -> str:
        """The name of its run, such as ``lenet-2-seed-0``."""
        return f"{self.workload.architecture}-{self.size}-seed-{self.seed}"

    @property
    def labels(self) -> dict[str, Label]:
        """What its run is labelled with."""
        return {
            "architecture": self.workload.architecture,
            "size": self.size,
            "seed": self.seed,
            "dataset": self.workload.dataset,
        }


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch that has just ended, for whoever shows progress."""

    cell: Cell
    number: int
    metrics: Mapping[str, float]
    energy: LiveEnergy | None
    """Used since the run began; null where nothing measures it."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A training that has ended, and the run that recorded it."""

    cell: Cell
    summary: Summary


def plan(architectures: Sequence[str], sizes: Sequence[int], seeds: Sequence[int]) -> list[Cell]:
    """Every combination, in the order given; UsageError for one that cannot be trained."""
    cells = itertools.product(map(find_workload, architectures), sizes, seeds)
    return [_checked(Cell(workload, size, seed)) for workload, size, seed in cells]


def find_workload(architecture: str) -> Workload:
    """The workload that trains an architecture; UsageError names those there are."""
    if architecture not in WORKLOADS:
        known = ", ".join(WORKLOADS)
        raise UsageError(f"there is no workload {architecture!r}; there is: {known}")
    return WORKLOADS[architecture]


def record(
    cells: Sequence[Cell],
    stop: Sequence[Criterion],
    directory: Path,
    on_epoch: Callable[[EpochDone], None],
    device: str = "auto",
) -> Iterator[RecordedRun]:
    """Train and record each cell until a criterion is met, and yield it when it is done.

    Run files go into ``directory``; ``on_epoch`` is called after each epoch. UsageError for a
    device that there is not; RunFileError for a directory that cannot be written;
    MeasurementError for an energy budget that cannot be measured; EffmeterError where the
    packages that train are not installed.
    """
    for cell in cells:
        yield _record_one(cell, _prepare(cell, device), stop, directory, on_epoch)


def _record_one(
    cell: Cell,
    training: "Training",
    stop: Sequence[Criterion],
    directory: Path,
    on_epoch: Callable[[EpochDone], None],
) -> RecordedRun:
    tracked = track(cell.name, cell.labels, directory=directory, join=False)
    with tracked as run:

        def log(epoch: Epoch, /, **metrics: float) -> None:
            epoch.log(**metrics)
            on_epoch(EpochDone(cell, epoch.number, metrics, run.energy()))

        training.run(run.epochs(stop=stop), log)
    return RecordedRun(cell, run.summary())


def _prepare(cell: Cell, device: str) -> "Training":
    try:
        return cell.workload.prepare(cell.size, cell.seed, device)
    except ModuleNotFoundError as error:
        raise EffmeterError(
            f"{error.name} is not installed, and training needs it: "
            'python -m pip install "effmeter[torch,data]"'
        ) from error
    except ValueError as error:
        raise UsageError(str(error)) from error


def _checked(cell: Cell) -> Cell:
    sizes, seed = cell.workload.sizes, cell.seed
    if cell.size not in sizes:
        raise UsageError(
            f"{cell.workload.architecture} has sizes {sizes[0]} to {sizes[-1]}, not {cell.size}"
        )
    if not 0 <= seed < 2**32:
        raise UsageError(f"a seed is a whole number from 0 to {2**32 - 1}, not {seed}")
    return cell
