"""How much each process used a GPU, from the simulated library's samples."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.probes.base import Failure, UsedDevices
from effmeter.probes.nvidia.probe import NvmlProbe
from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.nvml import NO_PERMISSION, Fault, SimulatedGpu
from tests.simulated.waveforms import constant

USED = SimulatedGpu(constant(300.0), use_percent={20: 60, 30: 15})


@pytest.fixture
def probed(bench: NvmlBench) -> Iterator[tuple[NvmlBench, NvmlProbe]]:
    bench.clock.advance(100.0)
    probe = bench.probe([USED])
    yield bench, probe
    probe.close()


def test_the_use_of_each_process_is_a_part_of_the_time(
    probed: tuple[NvmlBench, NvmlProbe],
) -> None:
    assert isinstance(probed[1], UsedDevices)
    assert probed[1].use_by_process(1.0) == {"gpu0": {20: 0.6, 30: 0.15}}


def test_a_gpu_that_no_process_used_is_known_to_be_unused(
    probed: tuple[NvmlBench, NvmlProbe],
) -> None:
    bench, probe = probed
    bench.show([replace(USED, use_percent={})])
    assert probe.use_by_process(1.0) == {"gpu0": {}}
    bench.show([replace(USED, use_late_s=3.0)])
    assert probe.use_by_process(1.0) == {"gpu0": {}}, "samples from before"


def test_samples_are_dated_by_the_wall_clock_as_it_is_set_now(
    probed: tuple[NvmlBench, NvmlProbe],
) -> None:
    bench, probe = probed
    bench.set_wall(-3600.0)
    bench.show([USED])
    assert probe.use_by_process(1.0) == {"gpu0": {20: 0.6, 30: 0.15}}


def test_a_sample_without_a_process_or_beyond_all_time_is_none(
    probed: tuple[NvmlBench, NvmlProbe],
) -> None:
    bench, probe = probed
    bench.show([replace(USED, use_percent={0: 5, 20: 40, 30: 4_000_000})])
    assert probe.use_by_process(1.0) == {"gpu0": {20: 0.4}}


@pytest.mark.parametrize(
    ("gpu", "why"),
    [
        (replace(USED, use_percent=None), "Not Supported"),
        (replace(USED, mig_instances=("MIG-1",)), "Not Supported"),
        (replace(USED, use_fault=Fault(NO_PERMISSION)), "Insufficient Permissions"),
    ],
    ids=["not supported", "MIG", "refused"],
)
def test_use_that_the_driver_does_not_tell_is_unknown(
    probed: tuple[NvmlBench, NvmlProbe], gpu: SimulatedGpu, why: str
) -> None:
    bench, probe = probed
    bench.show([gpu])
    assert probe.use_by_process(1.0) == {"gpu0": Failure(f"nvmlDeviceGetProcessUtilization: {why}")}


def test_a_gpu_that_sleeps_is_not_asked(bench: NvmlBench, tmp_path: Path) -> None:
    power = tmp_path / "bus/pci/devices/0000:17:00.0/power"
    power.mkdir(parents=True)
    (power / "control").write_text("auto\n")
    (power / "runtime_status").write_text("active\n")
    bench.show([replace(USED, bus_id="00000000:17:00.0")])
    probe = NvmlProbe(bench.clock, tmp_path)
    (power / "runtime_status").write_text("suspended\n")
    assert probe.use_by_process(1.0) == {}
    probe.close()
