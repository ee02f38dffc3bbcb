"""A run holds the memory that its programs used, of the machine and of its GPUs."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import effmeter
from effmeter.recorder.observers.processes import sees_all_processes
from tests.recording import let_pass, only_run
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.waveforms import constant

GIB = 2**30


def test_a_run_holds_the_memory_of_its_process_and_of_its_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, other = os.getpid(), os.getppid()
    used = {me: 3 * GIB, other: 4 * GIB}
    gpu = SimulatedGpu(
        constant(300.0), computing=(me, other), process_bytes=used, used_bytes=8 * GIB
    )
    with SimulatedMachine(tmp_path / "machine", zones=[], gpus=[gpu]) as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        with effmeter.track("memory", directory=tmp_path / "runs"):
            let_pass(1.0)
    memory = only_run(tmp_path / "runs").memory
    assert memory["ram"].peak_bytes is not None
    assert memory["ram"].peak_bytes > 10 * 2**20
    if sees_all_processes():
        assert memory["gpu0"].peak_bytes == 3 * GIB
        assert "gpu0-device" not in memory
    else:
        assert memory["gpu0"].peak_bytes is None
        assert memory["gpu0-device"].peak_bytes == 8 * GIB


def test_torchs_own_peak_stands_in_the_run_as_it_was_at_the_end_of_its_epochs(
    machine: SimulatedMachine, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks = iter((1 * GIB, 2 * GIB))
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        is_current_stream_capturing=lambda: False,
        synchronize=lambda: None,
        device_count=lambda: 1,
        max_memory_allocated=lambda index: next(peaks),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    with effmeter.track("torch") as run:
        for _ in run.epochs(stop=effmeter.MaxEpochs(2)):
            pass
    use = only_run(runs).memory["torch-cuda0"]
    assert (use.average_bytes, use.peak_bytes) == (None, 2 * GIB)
