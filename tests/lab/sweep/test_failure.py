"""What a failed training says of itself, and which errors end the whole sweep."""

import pytest
import torch

from effmeter.errors import (
    DataSetError,
    EffmeterError,
    MeasurementError,
    RecorderError,
    RunFileError,
    UnfitError,
    UsageError,
)
from effmeter.lab.sweep.failure import failure_of
from effmeter.lab.workloads import DivergenceError
from effmeter.wire.protocol import MAX_TEXT


def raised(error: Exception) -> Exception:
    """The error with the traceback of a raise."""
    try:
        raise error
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DivergenceError(3, float("inf")), "diverged: the loss of epoch 3 is inf"),
        (UnfitError("the model has no convolution"), "failed: the model has no convolution"),
        (DataSetError("a.gz is damaged"), "failed: a.gz is damaged"),
        (MemoryError(), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"), None),
        (torch.OutOfMemoryError("CUDA out of memory.\nSee docs"), "out of memory: CUDA out of"),
    ],
)
def test_a_known_cause_is_a_status_without_a_traceback(
    error: Exception, status: str | None
) -> None:
    failure = failure_of(raised(error))
    assert failure is not None
    assert failure.traceback is None
    assert str(failure.status).startswith(status or "out of memory: ")
    assert "\n" not in str(failure.status)


@pytest.mark.parametrize(
    "error",
    [ValueError("a bug"), KeyError("a bug"), RuntimeError("a bug"), AssertionError("a bug")],
)
def test_any_other_error_is_a_bug_with_its_traceback(error: Exception) -> None:
    failure = failure_of(raised(error))
    assert failure is not None
    assert str(failure.status).startswith(f"crashed: {type(error).__name__}: ")
    assert failure.traceback is not None
    assert "test_failure.py" in failure.traceback


@pytest.mark.parametrize(
    "kind", [EffmeterError, UsageError, RecorderError, RunFileError, MeasurementError]
)
def test_errors_that_concern_all_trainings_are_no_failure_of_one(
    kind: type[EffmeterError],
) -> None:
    assert failure_of(kind("the recorder cannot start")) is None


def test_a_long_error_fits_into_a_run_and_its_traceback_keeps_the_end() -> None:
    failure = failure_of(raised(ValueError("x" * MAX_TEXT + " end")))
    assert failure is not None
    assert len(failure.status) < MAX_TEXT
    assert failure.traceback is not None
    assert len(failure.traceback) == MAX_TEXT
    assert failure.traceback.startswith("...\n")
    assert failure.traceback.endswith(" end\n")
