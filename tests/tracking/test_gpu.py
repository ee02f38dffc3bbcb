"""A loop on a machine with GPUs, read by the real pynvml from a compiled library."""

import statistics
from pathlib import Path

import pytest

import effmeter
from effmeter.channel import Component
from effmeter.clock import now_ns
from effmeter.energy.shaped_trace import ShapedTrace
from tests.recording import let_pass, longest_unread_s, only_run, sure_bounds
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import Fault, SimulatedGpu, SimulatedSamples
from tests.simulated.waveforms import constant, square

NOT_SUPPORTED, GPU_IS_LOST = 3, 15

REFRESH_S = 0.02
LIMIT_W = 700.0
"""Of the simulated GPUs: how often their counters step, and what they can draw."""


def machine_of(folder: Path, patch: pytest.MonkeyPatch, *gpus: SimulatedGpu) -> SimulatedMachine:
    """A machine with these GPUs, which this process and its recorders see once entered."""
    machine = SimulatedMachine(folder / "machine", gpus=gpus)
    machine.__enter__()
    for name, value in machine.environ.items():
        patch.setenv(name, value)
    patch.setenv("EFFMETER_RUNS", str(folder / "runs"))
    return machine


def test_the_energy_of_each_epoch_of_each_gpu_holds_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = SimulatedGpu(square(90.0, 600.0, 0.9)), SimulatedGpu(constant(250.0))
    machine = machine_of(tmp_path, monkeypatch, *gpus)
    with effmeter.track("gpus", rate_hz=50) as run:
        for _ in run.epochs(stop=effmeter.MaxEpochs(3)):
            let_pass(0.8)
    machine.__exit__()
    recorded = only_run(tmp_path / "runs")
    held = 0
    for channel in ("gpu0", "gpu1"):
        widest_j = LIMIT_W * (longest_unread_s(recorded, channel) + 2 * REFRESH_S)
        for epoch in recorded.epochs:
            energy = sure_bounds(recorded, channel, epoch.begin_ns, epoch.end_ns)
            truth_j = machine.true_energy_j(channel, epoch.begin_ns, epoch.end_ns)
            assert energy.low_j <= truth_j <= energy.high_j
            trace = recorded.trace(channel)
            assert trace is not None
            stated = trace.energy(epoch.begin_ns, epoch.end_ns)
            assert stated is not None
            assert stated.half_width_j <= widest_j
            held += stated.low_j <= truth_j <= stated.high_j
    assert held >= 4, "of six intervals of 95 %"
    whole = recorded.breakdown()
    assert whole.cover.names == ("gpu0", "gpu1", "cpu0", "cpu1", "dram0")


def test_power_samples_tell_the_energy_of_short_epochs_without_the_counter_at_their_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = SimulatedSamples(late_s=0.013)
    machine = machine_of(
        tmp_path, monkeypatch, SimulatedGpu(square(90.0, 600.0, 0.43), samples=samples)
    )
    with effmeter.track("sampled") as run:
        for _ in run.epochs(stop=effmeter.MaxEpochs(12)):
            let_pass(0.3)
    machine.__exit__()
    recorded = only_run(tmp_path / "runs")
    trace, counter = recorded.trace("gpu0"), recorded.samples("gpu0")
    assert isinstance(trace, ShapedTrace)
    assert counter is not None
    assert len(counter.times_ns) <= 8, "at the beginning, the end and each 0.74 s"
    held, widths = 0, []
    for epoch in recorded.epochs:
        energy = trace.energy(epoch.begin_ns, epoch.end_ns)
        truth_j = machine.true_energy_j("gpu0", epoch.begin_ns, epoch.end_ns)
        assert energy is not None
        held += energy.low_j <= truth_j <= energy.high_j
        widths.append(energy.half_width_j / truth_j)
    assert held >= 10, "of twelve intervals of 95 %"
    assert statistics.median(widths) < 0.15
    values = recorded.samples("gpu0-power-samples")
    assert values is not None
    assert values.times_ns[-1] > recorded.epochs[-1].end_ns, "the end has its samples"


def test_a_gpu_without_a_counter_is_measured_by_its_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = SimulatedGpu(constant(180.0), energy_fault=Fault(NOT_SUPPORTED))
    machine = machine_of(tmp_path, monkeypatch, gpu)
    with effmeter.track("old") as run:
        let_pass(1.0)
        live = run.energy()
    machine.__exit__()
    assert live is not None
    assert live.cover[0] == "gpu0-power"
    recorded = only_run(tmp_path / "runs")
    trace = recorded.trace("gpu0-power")
    assert trace is not None
    energy = trace.energy(recorded.begin_ns, recorded.end_ns)
    assert energy is not None
    assert energy.value_j == pytest.approx(180.0 * recorded.duration_s, rel=0.05)


def test_a_gpu_that_is_lost_in_mid_run_leaves_a_gap_and_never_a_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(tmp_path, monkeypatch, SimulatedGpu(constant(300.0)))
    with effmeter.track("lost") as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            if epoch.number == 2:
                lost = Fault(GPU_IS_LOST, from_ns=now_ns())
                machine.set_gpus([SimulatedGpu(constant(300.0), lost=lost)])
            let_pass(0.6)
    machine.__exit__()
    recorded = only_run(tmp_path / "runs")
    gaps = [gap for gap in recorded.gaps if gap.channel == "gpu0"]
    assert [gap.open for gap in gaps] == [True]
    assert "lost" in gaps[0].reason.lower()
    first, second = (recorded.breakdown(e.begin_ns, e.end_ns) for e in recorded.epochs)
    known = {c.channel.name: c for c in first.channels}
    assert known["gpu0"].energy is not None
    assert known["gpu0"].energy.value_j == pytest.approx(180.0, rel=0.1)
    components = {part.component: part.energy for part in second.components}
    gpu = components.get(Component.GPU)
    assert gpu is None or gpu.high_j >= 180.0
