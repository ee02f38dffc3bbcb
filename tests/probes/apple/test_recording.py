"""A chip's figures on their way from its programs into a run file."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from tests.recording import sure_bounds
from tests.simulated.ioreport import install
from tests.simulated.machine import SimulatedMachine
from tests.simulated.powermetrics import FOREVER, SimulatedPowermetrics
from tests.simulated.waveforms import Sine, Waveform, constant

RAILS: Mapping[str, Waveform] = {
    "cpu": Sine(12.0, 5.0, 1.3),
    "gpu": constant(25.0),
    "ane": constant(0.0),
}


@pytest.fixture
def other_sensors(tmp_path: Path) -> Iterator[SimulatedMachine]:
    with SimulatedMachine(tmp_path / "machine", zones=[]) as machine:
        yield machine


def effmeter(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "effmeter", *arguments]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True, timeout=60
    )


def recorded(environ: dict[str, str], folder: Path, seconds: float) -> RecordedRun:
    path = folder / "run.arrow"
    effmeter(environ, "run", "-o", str(path), "--", "sleep", str(seconds))
    return read_run(path)


def test_the_energy_of_a_run_is_the_truth_within_its_interval(
    other_sensors: SimulatedMachine, tmp_path: Path
) -> None:
    chip = SimulatedPowermetrics(tmp_path, RAILS, [FOREVER])
    run = recorded({**other_sensors.environ, **chip.environ}, tmp_path, 1.6)
    window_ns = run.begin_ns, run.end_ns
    summed = run.breakdown(*window_ns)
    assert summed.cover.names == ("gpu0", "cpu0", "ram-estimate", "ane0")
    for channel, rail in (("cpu0", "cpu"), ("gpu0", "gpu")):
        energy = sure_bounds(run, channel, *window_ns)
        assert energy.low_j <= chip.true_energy_j(rail, *window_ns) <= energy.high_j
        assert energy.low_j > 0
    assert run.gaps == ()
    (pid,) = chip.pids
    assert not Path(f"/proc/{pid}").exists(), "the program ends with the recorder"


def test_a_program_that_dies_in_mid_run_leaves_a_gap_with_its_reason(
    other_sensors: SimulatedMachine, tmp_path: Path
) -> None:
    chip = SimulatedPowermetrics(tmp_path, RAILS, [["samples 5", "exit 9"]])
    run = recorded({**other_sensors.environ, **chip.environ}, tmp_path, 2.0)
    assert run.status == "completed"
    reasons = {gap.channel: gap.reason for gap in run.gaps}
    assert set(reasons) == {"cpu0", "gpu0", "ane0"}
    assert "unable to go on" in reasons["cpu0"]
    energy = sure_bounds(run, "cpu0", run.begin_ns, run.end_ns)
    assert energy.low_j <= chip.true_energy_j("cpu", run.begin_ns, run.end_ns) <= energy.high_j


def test_doctor_shows_a_chip_without_root_whole(
    other_sensors: SimulatedMachine, tmp_path: Path
) -> None:
    fields = {"cpu_total_mj": constant(9.0), "gpu_mj": constant(5.0), "dram_mj": constant(1.0)}
    environ = {**other_sensors.environ, **install(tmp_path / "package", fields)}
    environ["EFFMETER_KERNELS"] = "torch"
    told: dict[str, Any] = json.loads(effmeter(environ, "doctor", "--json").stdout)
    assert told["cover"]["channels"] == ["gpu0", "cpu0", "dram0"]
    assert told["cover"]["estimated"] == []
