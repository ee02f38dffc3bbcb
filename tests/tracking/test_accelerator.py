"""When a boundary waits for the accelerator, and when it must not touch it."""

import sys
from types import SimpleNamespace

import pytest

from effmeter.tracking.accelerator import synchronise


class StandInCuda:
    """Where a loop's torch.cuda would be."""

    def __init__(self, initialised: bool, capturing: bool = False) -> None:
        self.initialised = initialised
        self.capturing = capturing
        self.waits = 0

    def is_initialized(self) -> bool:
        return self.initialised

    def is_current_stream_capturing(self) -> bool:
        return self.capturing

    def synchronize(self) -> None:
        self.waits += 1


def waits_of(cuda: StandInCuda, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    synchronise()
    return cuda.waits


def test_a_gpu_in_use_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits_of(StandInCuda(initialised=True), monkeypatch) == 1


def test_a_gpu_that_the_program_has_not_touched_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert waits_of(StandInCuda(initialised=False), monkeypatch) == 0


def test_a_graph_that_is_being_captured_is_not_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits_of(StandInCuda(initialised=True, capturing=True), monkeypatch) == 0


def test_an_apple_gpu_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    mps = StandInCuda(initialised=True)
    torch = SimpleNamespace(
        mps=mps, backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: True))
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    synchronise()
    assert mps.waits == 1
