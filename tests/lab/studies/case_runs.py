"""Runs of the case study's grid that were never trained: their accuracies follow a curve."""

from collections.abc import Sequence
from pathlib import Path

from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.lab.studies.training_efficiency.scale import LATE_EPOCH, SCALES
from effmeter.lab.sweep import Cell
from effmeter.lab.workloads import Recipe
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from tests.runfile.writing import RunFile, counter, every, metadata

WATTS = {"lenet": 10.0, "bcnn": 30.0}
"""Of size 1, and of size n so many times; the epochs last a second."""
BEST = {"lenet": 0.98, "bcnn": 0.95}


def case_cells(scale: str = "tiny", seeds: Sequence[int] = (0,)) -> list[Cell]:
    """The grid of a scale, on the processor."""
    common = Recipe("lenet", device="cpu", data_dir=Path("somewhere"))
    return SCALES[scale].cells(seeds, common)


def recorded_cell(
    cell: Cell,
    folder: Path,
    *,
    host: str = "host",
    channel: Channel | None = None,
    refusals: Sequence[Refusal] = (),
    epochs: int = LATE_EPOCH,
    status: str = "completed",
) -> RecordedRun:
    """A run that bears a cell's labels; it rises for twenty epochs and then stands."""
    folder.mkdir(exist_ok=True)
    recipe = cell.recipe
    best = BEST[recipe.architecture]
    sensor = channel or counter()
    described = metadata(
        name=cell.name,
        channels=(sensor,),
        labels=cell.labels,
        host={"name": host, "boot_id": cell.name},
        refusals=tuple(refusals),
    )
    path = folder / f"{cell.name}.arrow"
    with RunFile(path, described) as file:
        watts = WATTS[recipe.architecture] * recipe.size
        file.count(sensor.name, every(1.0, 0, epochs + 1), watts)
        for number in range(1, epochs + 1):
            accuracy = best * min(1.0, 0.5 + number / 40)
            train_accuracy = accuracy + (0.01 if number > 50 else 0.0)
            file.epoch(
                number,
                number - 1,
                number,
                loss=1 / number,
                train_accuracy=train_accuracy,
                accuracy=accuracy,
            )
        file.end(epochs + 0.5, status)
    return read_run(path)


def estimated_cell(cell: Cell, folder: Path) -> RecordedRun:
    """The same of a machine whose processor is estimated, and whose GPU gives nothing."""
    estimate = counter("cpu-estimate", provenance=Provenance.ESTIMATED, estimate_factor=3.0)
    refusal = Refusal("NVML", Component.GPU, "no driver", "load the driver")
    return recorded_cell(cell, folder, channel=estimate, refusals=[refusal])


def case_runs(
    folder: Path, scale: str = "tiny", *, host: str = "host", channel: Channel | None = None
) -> list[RecordedRun]:
    """All runs of a scale."""
    cells = case_cells(scale)
    return [recorded_cell(cell, folder, host=host, channel=channel) for cell in cells]
