from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.channel import Component, Kind, Provenance
from effmeter.probes.base import Failure
from effmeter.probes.nvidia.device import ASLEEP, ASLEEP_W
from effmeter.probes.nvidia.probe import NvmlProbe, find
from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.nvml import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    NO_PERMISSION,
    NOT_SUPPORTED,
    UNKNOWN_ERROR,
    Fault,
    SimulatedField,
    SimulatedGpu,
    uuid,
)
from tests.simulated.waveforms import Sine, Waveform, bursts, constant, ramp, square

STEADY = SimulatedGpu(constant(300.0))


@pytest.mark.parametrize(
    "waveform",
    [
        constant(250.0),
        square(60.0, 650.0, 0.7),
        Sine(300.0, 200.0, 1.1),
        ramp(50.0, 600.0, 3.0),
        bursts(40.0, 700.0, (0.3, 0.05, 0.1, 0.4)),
    ],
)
def test_the_energy_counter_shows_the_true_energy(bench: NvmlBench, waveform: Waveform) -> None:
    gpu = SimulatedGpu(waveform, start_mj=7_000)
    probe = bench.probe([gpu])
    for seconds in (0.04, 0.5, 1.7, 3.1):
        bench.clock.advance(seconds)
        bench.show([gpu])
        counter, gauge = probe.read()
        refreshed_s = bench.clock.time_ns // 20_000_000 * 0.02
        true_mj = waveform.energy_j(0.0, refreshed_s) * 1e3
        assert counter.value == pytest.approx(7_000 + true_mj, abs=1.001)
        averaged_w = waveform.energy_j(refreshed_s - 0.01, refreshed_s) / 0.01
        assert gauge.value == pytest.approx(averaged_w, abs=2e-3)
    probe.close()


def test_a_gpu_has_a_counter_and_a_gauge_inside_it(bench: NvmlBench) -> None:
    probe = bench.probe([STEADY, replace(STEADY, limit_w=None)])
    counter, gauge, other, _ = probe.channels
    assert (counter.name, counter.kind, counter.contained_in) == ("gpu0", Kind.COUNTER, None)
    assert (gauge.name, gauge.kind, gauge.contained_in) == ("gpu0-power", Kind.GAUGE, "gpu0")
    assert counter.component is gauge.component is Component.GPU
    assert counter.provenance is gauge.provenance is Provenance.MEASURED
    assert counter.unit_j == 1e-3
    assert counter.modulus is None
    assert uuid(0) in counter.device
    assert uuid(1) in other.device
    assert counter.max_power_w is not None
    assert counter.max_power_w > 700.0
    assert other.max_power_w is None
    probe.close()


def test_a_gpu_without_a_counter_falls_back_to_its_power(bench: NvmlBench) -> None:
    probe = bench.probe([replace(STEADY, energy_fault=Fault(NOT_SUPPORTED))])
    (gauge,) = probe.channels
    assert (gauge.name, gauge.contained_in) == ("gpu0-power", None)
    (reading,) = probe.read()
    assert reading.value == 300.0
    assert probe.refusals == ()
    probe.close()


@pytest.mark.parametrize(
    ("architecture", "capability", "timing"),
    [
        (4, (6, 1), (0.02, 0.01)),
        (5, (7, 0), (0.02, 0.01)),
        (6, (7, 5), (0.1, 0.1)),
        (7, (8, 0), (0.1, 0.025)),
        (7, (8, 6), (1.0, 1.0)),
        (9, (9, 0), (1.0, 1.0)),
        (0xFFFFFFFF, (0, 0), (1.0, 1.0)),
    ],
)
def test_what_a_gauge_averages_over_depends_on_the_generation(
    bench: NvmlBench, architecture: int, capability: tuple[int, int], timing: tuple[float, float]
) -> None:
    probe = bench.probe([replace(STEADY, architecture=architecture, capability=capability)])
    gauge = probe.channels[1]
    assert (gauge.refresh_s, gauge.window_s) == timing
    probe.close()


def test_a_lost_gpu_gives_failures_and_the_other_goes_on(bench: NvmlBench) -> None:
    lost = Fault(GPU_IS_LOST, from_ns=1_000_000_000, until_ns=3_000_000_000)
    gpus = [replace(STEADY, lost=lost), STEADY]
    probe = bench.probe(gpus)
    kinds = []
    for _ in range(4):
        readings = probe.read()
        kinds.append([isinstance(reading.value, Failure) for reading in readings])
        bench.clock.advance(1.0)
        bench.show(gpus)
    fine, half = [False] * 4, [True, True, False, False]
    assert kinds == [fine, half, half, fine]
    probe.close()


def test_a_failure_names_the_call_and_the_error(bench: NvmlBench) -> None:
    probe = bench.probe([STEADY])
    bench.show([replace(STEADY, energy_fault=Fault(UNKNOWN_ERROR))])
    counter, gauge = probe.read()
    assert counter.value == Failure("nvmlDeviceGetTotalEnergyConsumption: Unknown Error")
    assert gauge.value == 300.0
    probe.close()


def test_a_gpu_that_gives_no_figure_is_refused_and_never_estimated(bench: NvmlBench) -> None:
    unsupported = Fault(NOT_SUPPORTED)
    bench.show([replace(STEADY, energy_fault=unsupported, power_fault=unsupported), STEADY])
    found = find(Path("/nonexistent"), bench.clock)
    assert [channel.name for channel in found.channels] == ["gpu1", "gpu1-power"]
    assert {refusal.reason for refusal in found.refusals} == {"Not Supported"}
    assert all(refusal.present for refusal in found.refusals)
    found.probes[0].close()


def pci_device(sysfs: Path, vendor: str, device_class: str) -> None:
    folder = sysfs / "bus/pci/devices/0000:01:00.0"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(vendor + "\n")
    (folder / "class").write_text(device_class + "\n")


@pytest.mark.parametrize(
    ("code", "remedy"), [(DRIVER_NOT_LOADED, "sudo modprobe nvidia"), (NO_PERMISSION, "sudo")]
)
def test_a_gpu_whose_driver_does_not_answer_is_refused(
    bench: NvmlBench, tmp_path: Path, code: int, remedy: str
) -> None:
    pci_device(tmp_path, "0x10de", "0x030200")
    bench.show([STEADY], init_code=code)
    found = find(tmp_path, bench.clock)
    (refusal,) = found.refusals
    assert found.probes == ()
    assert refusal.present
    assert remedy in refusal.remedy


@pytest.mark.parametrize(
    ("vendor", "device_class"), [("0x10de", "0x020000"), ("0x8086", "0x030000")]
)
def test_a_machine_without_an_nvidia_gpu_is_not_missing_one(
    bench: NvmlBench, tmp_path: Path, vendor: str, device_class: str
) -> None:
    pci_device(tmp_path, vendor, device_class)
    bench.show([], init_code=DRIVER_NOT_LOADED)
    (refusal,) = find(tmp_path, bench.clock).refusals
    assert not refusal.present
    assert "no NVIDIA GPU" in refusal.reason


def test_a_driver_that_refuses_shows_that_there_is_a_gpu(bench: NvmlBench, tmp_path: Path) -> None:
    bench.show([STEADY], init_code=NO_PERMISSION)
    (refusal,) = find(tmp_path, bench.clock).refusals
    assert refusal.present
    assert refusal.reason == "Insufficient Permissions"


def test_closing_twice_lets_go_of_the_driver_once(bench: NvmlBench) -> None:
    probe, other = bench.probe([STEADY]), bench.probe([STEADY])
    probe.close()
    probe.close()
    counter, _ = other.read()
    assert counter.value == 4_200_000, "another probe still has it"
    other.close()


def test_a_close_look_shows_the_counters_alone(bench: NvmlBench) -> None:
    without_counter = replace(STEADY, energy_fault=Fault(NOT_SUPPORTED))
    gpus = [STEADY, without_counter, replace(STEADY, fields=(SimulatedField(186),))]
    probe = bench.probe(gpus)
    assert probe.is_coarse
    assert [reading.channel for reading in probe.read_closely()] == ["gpu0", "gpu2"]
    probe.close()


def test_gpus_without_a_counter_ask_for_no_close_look(bench: NvmlBench) -> None:
    probe = bench.probe([replace(STEADY, energy_fault=Fault(NOT_SUPPORTED))])
    assert not probe.is_coarse
    probe.close()


def test_processes_that_compute_or_draw_are_users_of_their_gpu(bench: NvmlBench) -> None:
    refused = Fault(NO_PERMISSION)
    gpus = [
        replace(STEADY, computing=(40, 20), drawing=(20, 10)),
        STEADY,
        replace(STEADY, processes_fault=refused),
        replace(STEADY, energy_fault=Fault(NOT_SUPPORTED), computing=tuple(range(1, 12))),
    ]
    probe = bench.probe(gpus)
    assert probe.users() == {
        "gpu0": (10, 20, 40),
        "gpu1": (),
        "gpu2": Failure("Insufficient Permissions"),
        "gpu3-power": tuple(range(1, 12)),
    }
    probe.close()


def test_users_of_a_closed_driver_are_unknown(bench: NvmlBench) -> None:
    probe = bench.probe([STEADY])
    probe.close()
    assert probe.users() == {"gpu0": Failure("Uninitialized")}


def test_memory_of_a_gpu_is_told_by_process_and_altogether(bench: NvmlBench) -> None:
    refused = Fault(NO_PERMISSION)
    gpus = [
        replace(
            STEADY,
            computing=(20, 40),
            drawing=(20,),
            process_bytes={20: 5 * 2**30, 40: -1},
            used_bytes=7 * 2**30,
        ),
        replace(STEADY, processes_fault=refused),
    ]
    probe = bench.probe(gpus)
    first, second = probe.memory()["gpu0"], probe.memory()["gpu1"]
    assert first == (7 * 2**30, {20: 5 * 2**30, 40: None})
    assert second.used_bytes == 0
    assert isinstance(second.by_process, Failure)
    bench.show([replace(STEADY, lost=Fault(GPU_IS_LOST))])
    lost = probe.memory()["gpu0"]
    assert isinstance(lost.used_bytes, Failure)
    assert isinstance(lost.by_process, Failure)
    probe.close()


def test_a_sleeping_gpu_is_neither_read_nor_woken(bench: NvmlBench, tmp_path: Path) -> None:
    power = tmp_path / "bus/pci/devices/0000:17:00.0/power"
    power.mkdir(parents=True)
    (power / "control").write_text("auto\n")
    status = power / "runtime_status"
    status.write_text("active\n")
    bench.show([SimulatedGpu(constant(20.0), bus_id="00000000:17:00.0")])
    probe = NvmlProbe(bench.clock, tmp_path)
    awake = {reading.channel: reading.value for reading in probe.read()}
    assert awake["gpu0-power"] == pytest.approx(20.0)
    status.write_text("suspended\n")
    asleep = {reading.channel: reading.value for reading in probe.read()}
    assert asleep == {"gpu0": ASLEEP, "gpu0-power": ASLEEP_W}
    assert (probe.users(), probe.memory()) == ({}, {})
    status.write_text("active\n")
    assert {reading.channel for reading in probe.read() if reading.value != ASLEEP} == {*awake}
    probe.close()
