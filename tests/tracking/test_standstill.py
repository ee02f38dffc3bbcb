"""A loop on machines whose sensors stop: nothing becomes zero, and nothing falls out unsaid."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

import effmeter
from effmeter.clock import now_ns
from effmeter.energy.standstill import NOT_READ, STANDS_STILL
from tests.recording import let_pass, only_run, recorder_of
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import Fault, SimulatedGpu
from tests.simulated.powercap import dram, package
from tests.simulated.waveforms import PiecewiseLinear, constant

NOT_SUPPORTED = 3


def machine_of(folder: Path, patch: pytest.MonkeyPatch, gpu: SimulatedGpu) -> SimulatedMachine:
    """A machine of one package at 50 W and one GPU, seen by this process."""
    zones = [package(0, constant(50.0)), dram(0, constant(4.0))]
    machine = SimulatedMachine(folder / "machine", zones, gpus=[gpu])
    machine.__enter__()
    for name, value in machine.environ.items():
        patch.setenv(name, value)
    patch.setenv("EFFMETER_RUNS", str(folder / "runs"))
    # The package draws the same whatever the processors do; so does its estimate here.
    settings = folder / "config" / "effmeter" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("[estimate]\ncpu_tdp_w = 60\ncpu_idle_fraction = 0.99\n")
    patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    return machine


def test_stretches_of_stopped_counters_are_counted_by_what_stands_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = SimulatedGpu(constant(200.0))
    machine = machine_of(tmp_path, monkeypatch, gpu)
    with effmeter.track("stops", rate_hz=20) as run:
        time.sleep(1.0)
        os.kill(machine.driver.pid, signal.SIGSTOP)  # the counters of the package stop
        stops_s = (now_ns() - machine.origin_ns) * 1e-9
        machine.set_gpus([replace(gpu, counts_until_s=stops_s)])
        time.sleep(2.0)
        live = run.energy()
    os.kill(machine.driver.pid, signal.SIGCONT)
    machine.__exit__()
    recorded = only_run(tmp_path / "runs")
    whole = recorded.breakdown()
    names = ("gpu0", "gpu0-power", "cpu0", "cpu-estimate", "dram0")
    assert whole.cover.names == names
    assert live is not None
    assert live.cover == names
    assert live.unread == ()
    parts = {str(part.component): part.energy for part in whole.components}
    gpu_j, cpu_j = (power_w * recorded.duration_s for power_w in (200.0, 50.0))
    assert parts["gpu"].value_j == pytest.approx(gpu_j, rel=0.1)
    assert parts["gpu"].low_j - parts["gpu"].systematic_j <= gpu_j
    assert parts["gpu"].high_j + parts["gpu"].systematic_j >= gpu_j
    assert parts["cpu"].low_j <= cpu_j <= parts["cpu"].high_j
    standing = {gap.channel for gap in recorded.gaps if gap.reason == STANDS_STILL}
    assert standing == {"cpu0", "gpu0"}


def test_package_and_memory_that_never_count_are_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones = [package(0, constant(0.0), start_uj=123_456_789), dram(0, constant(0.0))]
    with SimulatedMachine(tmp_path / "machine", zones) as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("EFFMETER_RUNS", str(tmp_path / "runs"))
        with effmeter.track("never") as run:
            time.sleep(0.5)
            live = run.energy()
    whole = only_run(tmp_path / "runs").breakdown()
    assert whole.cover.names == ("cpu-estimate", "ram-estimate")
    assert live is not None
    assert (live.cover, live.unread) == (whole.cover.names, ())
    unknown = {seen.channel.name for seen in whole.channels if seen.energy is None}
    assert unknown == {"cpu0", "dram0"}


def test_gauge_is_not_held_while_the_recorder_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rises = PiecewiseLinear(((1.0, 100.0, 100.0), (1.0, 600.0, 600.0)), False)
    gpu = SimulatedGpu(rises, energy_fault=Fault(NOT_SUPPORTED))
    machine = machine_of(tmp_path, monkeypatch, gpu)
    with effmeter.track("stopped", rate_hz=20) as run:
        let_pass(0.4)
        recorder = recorder_of(run)
        os.kill(recorder, signal.SIGSTOP)
        time.sleep(2.0)
        os.kill(recorder, signal.SIGCONT)
        let_pass(0.5)
        live = run.energy()
    machine.__exit__()
    recorded = only_run(tmp_path / "runs")
    truth_j = machine.true_energy_j("gpu0", recorded.begin_ns, recorded.end_ns)
    gaps = [gap for gap in recorded.gaps if gap.reason == NOT_READ]
    assert {"gpu0-power", "cpu0"} <= {gap.channel for gap in gaps}
    (part,) = [p for p in recorded.breakdown().components if str(p.component) == "gpu"]
    assert part.energy.low_j <= truth_j <= part.energy.high_j
    assert live is not None
    assert live.components["gpu"].high_j >= truth_j * 0.95
