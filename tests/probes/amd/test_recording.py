"""Whole runs on a machine with an AMD GPU, recorded by a program of its own."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.recorded.breakdown import Breakdown
from effmeter.recorded.run import RecordedRun
from tests.recording import only_run, run_program, sure_bounds
from tests.simulated.amd import (
    SimulatedAmdGpu,
    install_command,
    install_library,
    place_on_bus,
    save,
)
from tests.simulated.machine import SimulatedMachine
from tests.simulated.waveforms import square

GPU = SimulatedAmdGpu(square(100.0, 500.0, 0.6))
LOOP = """
import effmeter
from tests.recording import let_pass
with effmeter.track("loop", rate_hz=50) as run:
    for _ in run.epochs(stop=effmeter.MaxEpochs(3)):
        let_pass(1.0)
"""


def environ(
    folder: Path, machine: SimulatedMachine, gpu: SimulatedAmdGpu, *tools: str
) -> dict[str, str]:
    """What a program needs to see the machine with the GPU in it, and some of AMD's tools."""
    path = folder / "gpus.json"
    save(path, [gpu], machine.origin_ns, None)
    place_on_bus(machine.sysfs, [gpu])
    for tool in tools:
        if tool == "amdsmi":
            install_library(folder / "packages", path)
        else:
            install_command(folder / "bin", tool, path)
    packages = [str(folder / "packages"), *sys.path]
    return {
        **machine.environ,
        "EFFMETER_RUNS": str(folder / "runs"),
        "PYTHONPATH": os.pathsep.join(filter(None, packages)),
        "PATH": os.pathsep.join((str(folder / "bin"), os.environ["PATH"])),
    }


def recorded(folder: Path, gpu: SimulatedAmdGpu, *tools: str) -> tuple[RecordedRun, int]:
    """A run of three epochs, and the origin of the GPU's waveform."""
    with SimulatedMachine(folder / "machine", zones=[]) as machine:
        finished = run_program(LOOP, environ(folder, machine, gpu, *tools))
        assert finished.returncode == 0, finished.stderr
        return only_run(folder / "runs"), machine.origin_ns


def gpu_breakdown(run: RecordedRun, begin_ns: int, end_ns: int) -> Breakdown:
    whole = run.breakdown(begin_ns, end_ns)
    assert "gpu" not in [missing.what for missing in whole.missing]
    return whole


def check_truth(run: RecordedRun, origin_ns: int, begin_ns: int, end_ns: int) -> str:
    """The channel that carries the GPU in a window; its bounds hold the truth.

    The interval holds it in 95 % of cases, and a loaded machine makes rare cases of many: the
    bounds always hold.
    """
    whole = gpu_breakdown(run, begin_ns, end_ns)
    (part,) = (part for part in whole.components if part.component == "gpu")
    truth_j = GPU.waveform.energy_j((begin_ns - origin_ns) * 1e-9, (end_ns - origin_ns) * 1e-9)
    (channel,) = part.channels
    sure = sure_bounds(run, channel.name, begin_ns, end_ns)
    slack_j = part.energy.systematic_j
    assert sure.low_j - slack_j <= truth_j <= sure.high_j + slack_j
    assert sure.low_j <= part.energy.value_j <= sure.high_j
    return channel.name


def faults(run: RecordedRun) -> list[str]:
    """The gaps of a run, without those of a machine too busy to answer for two seconds."""
    return [gap.reason for gap in run.gaps if gap.reason != "the sensor does not answer"]


def test_every_epoch_holds_the_truth_by_the_library(tmp_path: Path) -> None:
    run, origin_ns = recorded(tmp_path, GPU, "amdsmi")
    assert faults(run) == []
    for epoch in run.epochs:
        assert check_truth(run, origin_ns, epoch.begin_ns, epoch.end_ns) == "amd-gpu0"


@pytest.mark.parametrize("tool", ["rocm-smi 6", "amd-smi 7"])
def test_the_whole_run_holds_the_truth_by_a_command(tmp_path: Path, tool: str) -> None:
    run, origin_ns = recorded(tmp_path, GPU, tool)
    first, *_, last = run.epochs
    assert check_truth(run, origin_ns, first.begin_ns, last.end_ns) == "amd-gpu0"


def test_a_counter_that_never_moves_leaves_the_whole_run_to_the_gauge(tmp_path: Path) -> None:
    run, _ = recorded(tmp_path, replace(GPU, frozen_from_s=0.0), "amdsmi")
    for epoch in run.epochs:
        whole = gpu_breakdown(run, epoch.begin_ns, epoch.end_ns)
        assert "amd-gpu0-power" in whole.cover.names
        assert "amd-gpu0" not in whole.cover.names


def test_doctor_shows_the_gpu_and_what_a_missing_tool_costs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "effmeter", "doctor"]
    with SimulatedMachine(tmp_path / "machine", zones=[]) as machine:
        seen = {**environ(tmp_path, machine, GPU, "amdsmi"), "EFFMETER_KERNELS": "torch"}
        found = subprocess.run(command, env=seen, capture_output=True, text=True, check=True)
        (tmp_path / "packages" / "amdsmi" / "__init__.py").write_text("raise ImportError('gone')")
        bare = subprocess.run(command, env=seen, capture_output=True, text=True, check=True)
    assert "A total sums: amd-gpu0" in found.stdout
    assert "Refused: gpu from amdsmi, rocm-smi and amd-smi: there is an AMD GPU" in bare.stdout
    assert "pip install 'effmeter[amd]'" in bare.stdout
    assert "not measured, and in no total: gpu" in bare.stdout
