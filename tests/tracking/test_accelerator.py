"""When a boundary waits for the accelerator, and when it must not touch it."""

import sys
from types import SimpleNamespace

import pytest

from effmeter.tracking.accelerator import peak_memory_bytes, synchronise


class StandInCuda:
    """Where a loop's torch.cuda would be."""

    def __init__(self, initialised: bool, capturing: bool = False) -> None:
        self.initialised = initialised
        self.capturing = capturing
        self.waits = 0
        self.peaks_bytes = [0, 3 * 2**20]

    def is_initialized(self) -> bool:
        return self.initialised

    def is_current_stream_capturing(self) -> bool:
        return self.capturing

    def device_count(self) -> int:
        return len(self.peaks_bytes)

    def max_memory_allocated(self, index: int) -> int:
        return self.peaks_bytes[index]

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


@pytest.mark.parametrize(
    ("cuda", "told"),
    [
        (StandInCuda(initialised=True), [("torch-cuda1", 3 * 2**20)]),
        (StandInCuda(initialised=False), []),
        (StandInCuda(initialised=True, capturing=True), []),
    ],
)
def test_peak_memory_is_torchs_own_of_each_gpu_that_was_used(
    cuda: StandInCuda, told: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert list(peak_memory_bytes()) == told


def test_a_program_without_torch_has_no_peak_of_its(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert list(peak_memory_bytes()) == []
