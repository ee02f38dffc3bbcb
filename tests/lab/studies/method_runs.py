"""Runs of studies of methods that were never trained: what they cost and learned is given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from effmeter.lab.studies.variant import Variant, cells_of
from effmeter.lab.sweep import Cell, Outcome
from effmeter.lab.sweep.outcome import outcome_of
from effmeter.lab.workloads import Recipe
from effmeter.recorded.reading import read_run
from effmeter.runfile.format import Event
from tests.runfile.writing import ROOT, SOURCE, RunFile, counter, every, metadata

COMMON = Recipe("", device="cpu", data_dir=Path("somewhere"))
FORWARD, BACKWARD = 1e9, 2e9
"""Operations of an epoch without a method."""


@dataclass(frozen=True)
class Given:
    """What a run shows: the epochs last ``epoch_s`` each, and its accuracy rises to the last."""

    accuracy: float = 0.9
    epoch_s: float = 1.0
    watts: float = 10.0
    kept: Sequence[float] = (1.0,)
    """The fraction of the backward pass left in each epoch; the last holds for the rest."""
    active: float = 1.0
    status: str = "completed"


def written(cell: Cell, given: Given, folder: Path) -> Outcome:
    """The outcome of a cell whose run file holds what is given."""
    folder.mkdir(exist_ok=True)
    sensor = counter()
    host = {"name": "host", "boot_id": cell.name}
    described = metadata(name=cell.name, channels=(sensor,), labels=cell.labels, host=host)
    path = folder / f"{len(list(folder.iterdir()))}-{cell.name}.arrow"
    epochs = cell.ending.epochs
    with RunFile(path, described) as file:
        file.count(sensor.name, every(given.epoch_s, 0, epochs * given.epoch_s), given.watts)
        for number in range(1, epochs + 1):
            begin_s = (number - 1) * given.epoch_s
            metrics = _metrics(given, number, epochs)
            file.epoch(number, begin_s, begin_s + given.epoch_s, SOURCE, ROOT, **metrics)
        if "fid" in cell.recipe.metrics:
            file.event(
                epochs * given.epoch_s,
                Event.METRIC,
                source=SOURCE,
                name="fid",
                value=given.accuracy,
            )
        file.end(epochs * given.epoch_s + 0.5, given.status)
    return outcome_of(cell, read_run(path))


def written_study(
    variants: Iterable[Variant],
    given: Mapping[str, Given],
    folder: Path,
    seeds: Sequence[int] = (0, 2),
) -> list[Outcome]:
    """The outcomes of all variants; what each shows is given by its method.

    A seed adds a hundredth to the accuracy, the same for all, so that differences are sure.
    """
    return [
        written(cell, _of_seed(given.get(cell.recipe.method or "", Given()), cell), folder)
        for cell in cells_of(variants, seeds, COMMON)
    ]


def _of_seed(given: Given, cell: Cell) -> Given:
    accuracy = given.accuracy + 0.01 * cell.recipe.seed
    return Given(accuracy, given.epoch_s, given.watts, given.kept, given.active, given.status)


def _metrics(given: Given, number: int, epochs: int) -> dict[str, float]:
    kept = given.kept[min(number, len(given.kept)) - 1]
    return {
        "accuracy": given.accuracy - 0.1 * (epochs - number),
        "forward_flops": FORWARD,
        "backward_flops": kept * BACKWARD,
        "dense_forward_flops": FORWARD,
        "dense_backward_flops": BACKWARD,
        "nominal_backward_flops": 1.1 * kept * BACKWARD,
        "executed_fraction": (FORWARD + kept * BACKWARD) / (FORWARD + BACKWARD),
        "method_active": given.active,
    }
