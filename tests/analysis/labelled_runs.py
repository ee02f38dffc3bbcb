"""Labelled runs at constant power: each epoch of one second uses so many joules."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from tests.runfile.writing import RunFile, counter, every, gauge, metadata

POWER_W = 100.0


def labelled_run(
    path: Path,
    accuracies: Sequence[float] = (0.5, 0.8, 0.9, 0.89, 0.88, 0.87),
    *,
    power_w: float = POWER_W,
    status: str = "completed",
    host: str = "host",
    channel: str = "cpu0",
    losses: Mapping[int, float] | None = None,
    **labels: Any,
) -> RecordedRun:
    """One run; epochs are of one second, without pause, from the recording's beginning."""
    count = len(accuracies)
    is_gauge = channel.endswith("-power")
    described = metadata(
        name=path.stem,
        channels=((gauge if is_gauge else counter)(channel),),
        labels={k: v for k, v in labels.items() if v is not None},
        host={"name": host, "boot_id": f"{host} {path.stem}"},  # no two ran at once
    )
    with RunFile(path, described) as file:
        show = file.show if is_gauge else file.count
        show(channel, every(0.1, 0, count + 1), power_w)
        for number, accuracy in enumerate(accuracies, 1):
            loss = (losses or {}).get(number, 1 / number)
            file.epoch(number, number - 1, number, accuracy=accuracy, loss=loss)
        file.end(count + 0.5, status)
    return read_run(path)
