"""The recording of the machine itself, for ``effmeter idle`` and ``effmeter calibrate``."""

from collections.abc import Callable
from typing import TypeVar

from effmeter.errors import MeasurementError
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.tracking import Run, track

T = TypeVar("T")


def record_machine(name: str, wait: Callable[[Run], T]) -> tuple[RecordedRun, T]:
    """Record the machine until ``wait`` returns; the run, and what ``wait`` returned.

    Args:
        name: The name of the run, or the path of its file; ``track`` explains both.
        wait: Called once the recording has begun.

    Raises:
        MeasurementError: No recorder can be started.
        RunFileError: The run's file cannot be created or read.
    """
    with track(name, join=False) as run:
        if run.path is None:
            raise MeasurementError("no recorder can be started: see the warning above")
        waited = wait(run)
    return read_run(run.path), waited
