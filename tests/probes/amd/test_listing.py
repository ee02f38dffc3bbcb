"""The AMD GPUs that a process sees, in ROCr's order."""

from pathlib import Path

import pytest

from effmeter.probes.amd.listing import list_devices
from effmeter.probes.base import Failure, ListedDevice


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """A bus with three GPUs of AMD, in the order of their addresses."""
    for bus in ("05", "15", "c5"):
        folder = tmp_path / "bus/pci/devices" / f"0000:{bus}:00.0"
        folder.mkdir(parents=True)
        for name, text in {"vendor": "0x1002", "class": "0x120000"}.items():
            (folder / name).write_text(f"{text}\n")
    return tmp_path


def add_node(sysfs: Path, number: int, **properties: int) -> Path:
    folder = sysfs / "class/kfd/kfd/topology/nodes" / str(number)
    folder.mkdir(parents=True)
    lines = [f"{name} {value}" for name, value in properties.items()]
    (folder / "properties").write_text("\n".join(lines) + "\n")
    return folder / "properties"


def gpu_node(sysfs: Path, number: int, bus: int, **more: int) -> Path:
    facts = {"simd_count": 304, "location_id": bus << 8, "domain": 0, **more}
    return add_node(sysfs, number, **facts)


def listed(sysfs: Path) -> tuple[ListedDevice, ...]:
    found = list_devices(sysfs)
    assert not isinstance(found, Failure)
    return found


def test_the_nodes_of_the_topology_give_the_order_and_processors_none(sysfs: Path) -> None:
    add_node(sysfs, 0, cpu_cores_count=96, simd_count=0)
    gpu_node(sysfs, 2, 0x05)
    gpu_node(sysfs, 10, 0x15, unique_id=0xABC)
    gpu_node(sysfs, 1, 0xC5)
    assert [gpu.ids for gpu in listed(sysfs)] == [
        ("0000:c5:00.0",),
        ("0000:05:00.0",),
        ("0000:15:00.0", "GPU-0000000000000abc"),
    ]
    assert not any(gpu.place_is_assumed for gpu in listed(sysfs))


def test_a_node_that_the_cgroup_hides_has_no_number(sysfs: Path) -> None:
    gpu_node(sysfs, 1, 0x05).write_text("")
    gpu_node(sysfs, 2, 0x15)
    assert [gpu.id for gpu in listed(sysfs)] == ["0000:15:00.0"]


def test_partitions_of_a_gpu_have_its_address(sysfs: Path) -> None:
    for number in (1, 2):
        gpu_node(sysfs, number, 0x05, location_id=0x0500 + number)
    assert [gpu.id for gpu in listed(sysfs)] == ["0000:05:00.0"] * 2


def test_without_a_topology_the_order_of_the_bus_is_an_assumption(sysfs: Path) -> None:
    (sysfs / "bus/pci/devices/0000:15:00.0/unique_id").write_text("abc\n")
    found = listed(sysfs)
    assert [gpu.id for gpu in found] == ["0000:05:00.0", "0000:15:00.0", "0000:c5:00.0"]
    assert found[1].ids[1:] == ("GPU-0000000000000abc",)
    assert all(gpu.place_is_assumed for gpu in found)


def test_a_machine_without_amd_has_none(tmp_path: Path) -> None:
    assert list_devices(tmp_path) == ()
