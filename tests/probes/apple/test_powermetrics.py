import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from effmeter.channel import Component, Provenance
from effmeter.clock import SystemClock
from effmeter.energy import trace
from effmeter.energy.counter import Counter, CounterLimits, Loss
from effmeter.errors import ProbeError
from effmeter.probes.apple.powermetrics import PowermetricsProbe, find
from effmeter.probes.apple.powermetrics_process import Timing
from effmeter.probes.base import Failure, Reading
from tests.simulated.powermetrics import FOREVER, SimulatedPowermetrics
from tests.simulated.waveforms import Sine, Waveform, constant

pytestmark = pytest.mark.real_time  # a program that gets no processor time looks silent

FAST = Timing(interval_s=0.02, patience_s=0.4, restart_pause_s=0.05)
RAILS: Mapping[str, Waveform] = {
    "cpu": constant(20.0),
    "gpu": Sine(30.0, 10.0, 0.11),
    "ane": constant(0.0),
}
LONGEST_S = 20.0


@contextmanager
def running(machine: SimulatedPowermetrics, timing: Timing = FAST) -> Iterator[PowermetricsProbe]:
    probe = PowermetricsProbe(str(machine.program), timing=timing, timeout_s=LONGEST_S)
    try:
        yield probe
    finally:
        probe.close()


def read_until(probe: PowermetricsProbe, enough: Callable[[list[Reading]], bool]) -> list[Reading]:
    """Read every few milliseconds, as a sampler does, until what was read is enough."""
    readings: list[Reading] = []
    pause = threading.Event()
    for _ in range(round(LONGEST_S / 0.005)):
        readings.extend(probe.read())
        if enough(readings):
            return readings
        pause.wait(0.005)
    raise AssertionError(f"after {LONGEST_S} s there is only {readings[-5:]}")


def counted(readings: list[Reading], channel: str = "cpu0") -> list[tuple[int, int]]:
    return [
        (r.end_ns, r.value) for r in readings if r.channel == channel and isinstance(r.value, int)
    ]


def failures(readings: list[Reading]) -> list[str]:
    return [reading.value.reason for reading in readings if isinstance(reading.value, Failure)]


def test_the_energy_of_a_window_is_the_truth_within_its_interval(tmp_path: Path) -> None:
    machine = SimulatedPowermetrics(tmp_path, RAILS)
    with running(machine) as probe:
        readings = read_until(probe, lambda all_read: len(counted(all_read)) >= 40)
        channels = probe.channels
    for channel, rail in zip(channels, ("cpu", "gpu", "ane"), strict=True):
        counter = Counter(CounterLimits.of(channel))
        times_ns, counts = map(np.array, zip(*counted(readings, channel.name), strict=True))
        energies_j = [counter.update(int(t), int(c)) for t, c in zip(times_ns, counts, strict=True)]
        measured = trace(channel, times_ns, np.array(energies_j, float))
        window_ns = int(times_ns[3]) + 4_000_000, int(times_ns[-4]) + 9_000_000
        energy = measured.energy(*window_ns)
        assert energy is not None
        true_j = machine.true_energy_j(rail, *window_ns)
        assert energy.low_j <= true_j <= energy.high_j


def test_rails_become_channels_that_say_what_they_are(tmp_path: Path) -> None:
    with running(SimulatedPowermetrics(tmp_path, RAILS)) as probe:
        described = {channel.name: channel for channel in probe.channels}
    components = {name: channel.component for name, channel in described.items()}
    assert components == {"cpu0": Component.CPU, "gpu0": Component.GPU, "ane0": Component.SOC}
    assert {channel.provenance for channel in described.values()} == {Provenance.DERIVED}
    assert all("model" in channel.scope for channel in described.values())


def test_only_the_rails_that_are_shown_become_channels(tmp_path: Path) -> None:
    with running(SimulatedPowermetrics(tmp_path, {"cpu": constant(5.0)})) as probe:
        assert [channel.name for channel in probe.channels] == ["cpu0"]


def test_each_sample_is_read_once_and_a_read_never_waits(tmp_path: Path) -> None:
    with running(SimulatedPowermetrics(tmp_path, RAILS)) as probe:
        readings = read_until(probe, lambda all_read: len(counted(all_read)) >= 10)
    times_ns = [time_ns for time_ns, _ in counted(readings)]
    assert times_ns == sorted(set(times_ns))
    assert failures(readings) == []


def losses_of(probe: PowermetricsProbe, readings: list[Reading]) -> list[Loss]:
    counter = Counter(CounterLimits.of(probe.channels[0]))
    losses = []
    for time_ns, count in counted(readings):
        counter.update(time_ns, count)
        if counter.loss is not None:
            losses.append(counter.loss)
    return losses


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (["half"], "ended amid a sample"),
        (["exit 9"], "status 9): powermetrics: unable to go on"),
        (["silence"], "no sample for 0.4 s"),
    ],
)
def test_a_program_that_fails_is_a_failure_with_its_reason_and_is_started_again(
    tmp_path: Path, fault: list[str], reason: str
) -> None:
    machine = SimulatedPowermetrics(tmp_path, RAILS, [["samples 4", *fault], FOREVER])
    with running(machine) as probe:
        broken = read_until(probe, lambda all_read: bool(failures(all_read)))
        mended = read_until(probe, lambda all_read: len(counted(all_read)) >= 5)
        (loss,) = losses_of(probe, broken + mended)
    assert reason in failures(broken)[0]
    assert len(machine.pids) == 2
    assert loss.reason == "the counter was reset"
    assert loss.begin_ns >= counted(broken)[-1][0]
    lost_j = machine.true_energy_j("cpu", loss.begin_ns, loss.end_ns)
    assert loss.hidden_j >= lost_j > 0


def test_garbage_costs_its_stretch_and_no_more(tmp_path: Path) -> None:
    machine = SimulatedPowermetrics(tmp_path, RAILS, [["samples 4", "garbage", "samples"]])
    with running(machine) as probe:
        readings = read_until(probe, lambda all_read: len(counted(all_read)) >= 10)
        (loss,) = losses_of(probe, readings)
    assert "no sample" in failures(readings)[0]
    assert len(machine.pids) == 1
    assert loss.hidden_j > 0


def test_a_program_that_keeps_failing_is_started_only_after_each_pause(tmp_path: Path) -> None:
    machine = SimulatedPowermetrics(tmp_path, RAILS, [["samples 1", "exit 1"]])
    slow = Timing(interval_s=0.02, restart_pause_s=3600.0)
    with running(machine, slow) as probe:
        read_until(probe, lambda all_read: len(failures(all_read)) >= 60)
        assert len(machine.pids) == 1


def test_an_intel_mac_is_read_by_its_package(tmp_path: Path) -> None:
    machine = SimulatedPowermetrics(tmp_path, {"package": constant(40.0)})
    found = find(machine.environ, SystemClock())
    (probe,) = found.probes
    try:
        (channel,) = probe.channels
        assert (channel.name, channel.provenance) == ("cpu0", Provenance.MEASURED)
        assert channel.gain_error_fraction == 0.03
    finally:
        probe.close()
    (card,) = found.refusals
    assert card.component is Component.GPU
    assert card.present, "a card beside the processor has no meter here"
    with running(machine) as fast:
        readings = read_until(fast, lambda all_read: len(counted(all_read)) >= 12)
    (begin_ns, begin_mj), *_, (end_ns, end_mj) = counted(readings)
    assert end_mj - begin_mj == pytest.approx(40e-6 * (end_ns - begin_ns), rel=0.1)


def test_it_rests_while_nobody_reads_and_begins_again_with_the_next_read(tmp_path: Path) -> None:
    machine = SimulatedPowermetrics(tmp_path, RAILS)
    with running(machine, Timing(interval_s=0.02, rest_after_s=0.2)) as probe:
        wait_for_the_end_of(machine.pids[0])
        readings = read_until(probe, lambda all_read: len(counted(all_read)) >= 2)
    assert failures(readings) == []
    assert len(machine.pids) == 2


def test_it_does_not_rest_before_its_first_sample(tmp_path: Path) -> None:
    machine = SimulatedPowermetrics(tmp_path, RAILS)
    with running(machine, Timing(interval_s=0.3, rest_after_s=0.05)) as probe:
        assert probe.channels
    assert len(machine.pids) == 1


def wait_for_the_end_of(pid: int) -> None:
    pause = threading.Event()
    with contextlib.suppress(ProcessLookupError):
        for _ in range(round(LONGEST_S / 0.01)):
            os.kill(pid, 0)
            pause.wait(0.01)
        raise AssertionError(f"process {pid} still runs after {LONGEST_S} s")


def test_closing_ends_the_program_even_while_it_is_silent(tmp_path: Path) -> None:
    machine = SimulatedPowermetrics(tmp_path, RAILS, [["samples 1", "silence"]])
    with running(machine, Timing(interval_s=0.02, patience_s=3600.0)) as probe:
        probe.close()
        wait_for_the_end_of(machine.pids[0])
    assert "powermetrics" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("life", "reason"),
    [
        (["exit 1"], "unable to go on"),
        (["foreign", "silence"], "as it does on Apple silicon"),
        (["garbage", "silence"], "no sample"),
        (["half"], "amid a sample"),
    ],
)
def test_a_program_without_figures_is_refused_with_the_reason(
    tmp_path: Path, life: list[str], reason: str
) -> None:
    machine = SimulatedPowermetrics(tmp_path, RAILS, [life])
    found = find(machine.environ, SystemClock())
    assert found.probes == ()
    assert {refusal.component for refusal in found.refusals} == {Component.CPU, Component.GPU}
    assert all(reason in refusal.reason for refusal in found.refusals)


def test_a_silent_program_is_refused_after_a_while(tmp_path: Path) -> None:
    machine = SimulatedPowermetrics(tmp_path, RAILS, [["silence"]])
    with pytest.raises(ProbeError, match="no sample"):
        PowermetricsProbe(str(machine.program), timing=FAST, timeout_s=0.1)


def test_a_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    found = find({"EFFMETER_POWERMETRICS": str(tmp_path / "none")}, SystemClock())
    assert "No such file" in found.refusals[0].reason


@pytest.mark.skipif("sys.platform == 'darwin'")
def test_other_systems_are_silent_about_it() -> None:
    assert find({}, SystemClock()).refusals == ()
