"""The PCI bus as sysfs lists it: which GPUs a machine has, without any vendor's tools."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from effmeter.probes.sysfs import read_text

AMD, INTEL, NVIDIA = 0x1002, 0x8086, 0x10DE
_GPU_CLASSES = (0x03, 0x12)
"""Display controllers, and processing accelerators: AMD's MI300 and newer."""
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PciDevice:
    """One function of a device on the bus."""

    address: str
    """``0000:c1:00.0``: domain, bus, device and function."""
    vendor: int
    device: int
    """The vendor's number of the chip; 0 where it cannot be read."""
    folder: Path

    @property
    def board(self) -> str:
        """The address without the function, which the partitions of one GPU share."""
        return self.address.rpartition(".")[0]

    @property
    def is_on_root_bus(self) -> bool:
        """Whether no bridge lies before it, as for a GPU inside the processor."""
        return self.address.split(":")[1] == "00"


def gpus_on_bus(sysfs: Path, vendor: int) -> tuple[PciDevice, ...]:
    """The GPUs of a vendor, in the order of their addresses."""
    return tuple(gpu for gpu in _gpus(sysfs) if gpu.vendor == vendor)


def has_gpu_on_bus(sysfs: Path) -> bool:
    """Whether there is a GPU of any vendor."""
    return next(_gpus(sysfs), None) is not None


def unlisted_reason(sysfs: Path) -> str:
    """Why the bus may hold GPUs that sysfs does not show here; empty where it shows all.

    A machine without a PCI bus has no such folder, and no such GPU.
    """
    folder = sysfs / "bus" / "pci" / "devices"
    try:
        devices = sorted(folder.iterdir())
    except FileNotFoundError:
        return "" if sysfs.is_dir() else f"{sysfs} is not mounted"
    except OSError as error:
        return f"{folder}: {error.strerror}"
    for device in devices:
        for name in ("vendor", "class"):
            if _hexadecimal(device / name) is None:
                return f"{device / name} cannot be read"
    return ""


def address_of(device: Path) -> str:
    """The PCI address of a device's folder in sysfs; empty where it is no PCI device."""
    with contextlib.suppress(OSError, RuntimeError):
        name = device.resolve().name
        if _ADDRESS.fullmatch(name):
            return name.lower()
    for line in (read_text(device / "uevent") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "PCI_SLOT_NAME" and _ADDRESS.fullmatch(value):
            return value.lower()
    return ""


def is_suspended(device: Path) -> bool:
    """Whether the device sleeps (runtime suspend): reading some of its files would wake it."""
    return read_text(device / "power" / "runtime_status") == "suspended"


def _gpus(sysfs: Path) -> Iterator[PciDevice]:
    for folder in sorted((sysfs / "bus" / "pci" / "devices").glob("*")):
        vendor, kind = _hexadecimal(folder / "vendor"), _hexadecimal(folder / "class")
        if vendor is not None and kind is not None and kind >> 16 in _GPU_CLASSES:
            yield PciDevice(
                folder.name.lower(), vendor, _hexadecimal(folder / "device") or 0, folder
            )


def _hexadecimal(path: Path) -> int | None:
    with contextlib.suppress(ValueError):
        return int(read_text(path) or "", 16)
    return None
