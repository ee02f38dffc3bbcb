"""Recordings of which one recorder must last: a benchmark of a dead recorder has no figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import effmeter


class RecorderDiedError(RuntimeError):
    """The recorder ended during a measurement."""


def require_recorder(run: effmeter.Run, recorder_pid: int | None) -> None:
    """RecorderDiedError unless that process still records the run."""
    run.look_after()
    if run.recording_failure is not None:
        raise RecorderDiedError(f"recording failed during the benchmark: {run.recording_failure}")
    if recorder_pid is None or run.recorder_pid != recorder_pid:
        raise RecorderDiedError(f"the recorder (process {recorder_pid}) died during the benchmark")


@contextmanager
def recorded(path: str, **options: Any) -> Iterator[effmeter.Run]:
    """``track()``; RecorderDiedError at the end where the recorder did not last until then."""
    with effmeter.track(path, **options) as run:
        recorder_pid = run.recorder_pid
        yield run
        require_recorder(run, recorder_pid)
