from pathlib import Path

import pytest

from effmeter.channel import Component
from effmeter.probes.nvidia.presence import not_on_bus
from effmeter.probes.search import discover
from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.jetson import ORIN_NANO, place_jetson
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.pci import place_pci_device
from tests.simulated.waveforms import constant

ANSWER = "NVML Shared Library Not Found"


def test_a_machine_whose_places_were_all_read_has_no_gpu(tmp_path: Path) -> None:
    place_pci_device(tmp_path, "0000:04:00.0", device_class="0x020000")
    refusal = not_on_bus(tmp_path, ANSWER)
    assert not refusal.present
    assert refusal.remedy == ""


@pytest.mark.parametrize("place", ["sys/class/misc/dxg", "dev/dxg"])
def test_the_gpu_that_windows_passes_to_wsl2_is_unknown(tmp_path: Path, place: str) -> None:
    sysfs = tmp_path / "sys"
    sysfs.mkdir()
    (tmp_path / place).mkdir(parents=True)
    refusal = not_on_bus(sysfs, ANSWER)
    assert refusal.present
    assert "WSL2" in refusal.reason
    assert "modprobe" not in refusal.remedy
    assert "/usr/lib/wsl/lib" in refusal.remedy


def test_the_gpu_of_a_jetson_is_left_to_its_rails(tmp_path: Path) -> None:
    place_jetson(tmp_path, ORIN_NANO)
    refusal = not_on_bus(tmp_path, ANSWER)
    assert not refusal.present
    assert "Jetson" in refusal.reason


def test_the_gpu_of_a_jetson_is_counted_once_whatever_nvml_answers(
    tmp_path: Path, bench: NvmlBench
) -> None:
    bench.show([SimulatedGpu(constant(30.0))])
    place_jetson(tmp_path, ORIN_NANO)
    found = discover(tmp_path, {}, bench.clock)
    for probe in found.probes:
        probe.close()
    gpus = [c.name for c in found.channels if c.component in (Component.GPU, Component.SOC)]
    assert gpus == ["jetson-vdd-cpu-gpu-cv", "jetson-vdd-soc"]


def test_a_bus_that_cannot_be_read_leaves_the_gpu_unknown(tmp_path: Path) -> None:
    folder = place_pci_device(tmp_path)
    (folder / "vendor").write_text("")
    refusal = not_on_bus(tmp_path, ANSWER)
    assert refusal.present
    assert "unknown" in refusal.reason
