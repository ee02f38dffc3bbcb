"""What the progress of a grid says of an epoch."""

from collections.abc import Mapping

import pytest

from effmeter.lab.cli.sweep_progress import progress_of
from effmeter.lab.sweep import Cell, Ending, EpochDone
from effmeter.lab.workloads import Recipe


@pytest.mark.parametrize(
    ("asked", "logged", "told"),
    [
        (("accuracy", "f1"), {"loss": 0.1, "accuracy": 0.5, "f1": 0.4}, "accuracy 0.500, "),
        (("fid", "error"), {"loss": 0.1, "error": 0.25}, "error 0.250, "),
        (("fid",), {"loss": 0.1, "error": 0.25}, "epoch 1 of 2, energy"),
    ],
)
def test_the_first_metric_that_an_epoch_has_is_told(
    asked: tuple[str, ...],
    logged: Mapping[str, float],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cell = Cell(Recipe("ddpm", metrics=asked), Ending(2))
    with progress_of([cell]) as progress:
        progress.epoch_done(EpochDone(cell, 1, 1.0, logged, None))
    assert told in capsys.readouterr().err
