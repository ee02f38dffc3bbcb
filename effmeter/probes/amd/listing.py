"""The AMD GPUs that this process sees, in the order in which ROCr numbers them.

ROCr takes the GPUs from the kernel's compute topology (``/sys/class/kfd``), in the order of its
nodes, and passes over a node whose properties it may not read: the kernel confines them to the
cgroup. Where there is no topology, the order of the PCI addresses is an assumption.

Sources: the kernel's ``drivers/gpu/drm/amd/amdkfd/kfd_topology.c``; ROCR-Runtime, ``libhsakmt``.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from effmeter.probes.amd.pci import amd_gpus
from effmeter.probes.base import ListedDevice
from effmeter.probes.sysfs import read_text


def list_devices(sysfs: Path) -> tuple[ListedDevice, ...]:
    """The GPUs of the compute topology; without one, those on the PCI bus."""
    nodes = sysfs / "class" / "kfd" / "kfd" / "topology" / "nodes"
    if nodes.is_dir():
        return tuple(_of_topology(nodes, sysfs))
    return tuple(
        ListedDevice(_ids(gpu.address, _unique_id(sysfs, gpu.address)), place_is_assumed=True)
        for gpu in amd_gpus(sysfs)
    )


def hides_some(sysfs: Path) -> bool:
    """Whether the kernel hides GPUs from this process's cgroup: their properties are closed."""
    nodes = sysfs / "class" / "kfd" / "kfd" / "topology" / "nodes"
    return any(not read_text(folder / "properties") for folder in nodes.glob("[0-9]*"))


def _of_topology(nodes: Path, sysfs: Path) -> Iterator[ListedDevice]:
    numbers = (int(folder.name) for folder in nodes.iterdir() if folder.name.isdecimal())
    for number in sorted(numbers):
        properties = _properties(nodes / str(number) / "properties")
        if properties.get("simd_count"):
            address = _address(properties, sysfs)
            unique = properties.get("unique_id") or _unique_id(sysfs, address)
            yield ListedDevice(_ids(address, unique), f"gfx{properties.get('gfx_target_version')}")


def _properties(path: Path) -> Mapping[str, int]:
    """The lines ``name value``; none where they may not be read."""
    words = (line.split() for line in (read_text(path) or "").splitlines())
    return {line[0]: int(line[1]) for line in words if len(line) == 2 and line[1].isdecimal()}


def _address(properties: Mapping[str, int], sysfs: Path) -> str:
    """The PCI address; a partition of a GPU has a function number that the bus may not know."""
    place = properties.get("location_id", 0)
    board = f"{properties.get('domain', 0):04x}:{place >> 8 & 255:02x}:{place >> 3 & 31:02x}"
    address = f"{board}.{place & 7:x}"
    return address if (sysfs / "bus/pci/devices" / address).exists() else f"{board}.0"


def _unique_id(sysfs: Path, address: str) -> int:
    text = read_text(sysfs / "bus" / "pci" / "devices" / address / "unique_id") or ""
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _ids(address: str, unique_id: int) -> tuple[str, ...]:
    return (address, f"GPU-{unique_id:016x}") if unique_id else (address,)
