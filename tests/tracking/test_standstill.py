"""A loop on machines whose sensors stop: nothing becomes zero, and nothing falls out unsaid."""

import os
import signal
import time
from pathlib import Path

import pytest

import effmeter
from effmeter.clock import now_ns
from effmeter.energy.standstill import NOT_READ, STANDS_STILL
from tests.recording import busy, only_run, recorder_of
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import Fault, SimulatedGpu
from tests.simulated.powercap import dram, package
from tests.simulated.waveforms import PiecewiseLinear, constant

NOT_SUPPORTED = 3


def machine_of(
    folder: Path, patch: pytest.MonkeyPatch, *gpus: SimulatedGpu, **zones: float
) -> SimulatedMachine:
    """A machine whose packages draw 50 W until they stop (s), seen by this process."""
    made = [
        package(i, PiecewiseLinear(((max(stops_s, 1e-3), 50.0, 50.0), (1.0, 0.0, 0.0)), False))
        for i, stops_s in enumerate(zones.values())
    ]
    machine = SimulatedMachine(folder / "machine", [*made, dram(0, constant(4.0))], gpus=gpus)
    machine.__enter__()
    for name, value in machine.environ.items():
        patch.setenv(name, value)
    patch.setenv("EFFMETER_RUNS", str(folder / "runs"))
    patch.setenv("EFFMETER_CPU_TDP_W", "60")
    return machine


def test_stretches_of_stopped_counters_are_counted_by_what_stands_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_ns = now_ns()
    gpu = SimulatedGpu(constant(200.0), counts_until_s=3.0)
    machine = machine_of(tmp_path, monkeypatch, gpu, cpu0=3.0)
    with effmeter.track("stops", rate_hz=20) as run:
        while (now_ns() - begun_ns) * 1e-9 < 5.5:
            time.sleep(0.1)
        live = run.energy()
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
    assert live.total.value_j == pytest.approx(whole.total.value_j if whole.total else 0, rel=0.1)
    standing = {gap.channel for gap in recorded.gaps if gap.reason == STANDS_STILL}
    assert standing == {"cpu0", "gpu0"}


def test_gauge_is_not_held_while_the_recorder_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rises = PiecewiseLinear(((1.0, 100.0, 100.0), (1.0, 600.0, 600.0)), False)
    gpu = SimulatedGpu(rises, energy_fault=Fault(NOT_SUPPORTED))
    machine = machine_of(tmp_path, monkeypatch, gpu, cpu0=99.0)
    with effmeter.track("stopped", rate_hz=20) as run:
        busy(0.4)
        recorder = recorder_of(run)
        os.kill(recorder, signal.SIGSTOP)
        time.sleep(2.0)
        os.kill(recorder, signal.SIGCONT)
        busy(0.5)
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
