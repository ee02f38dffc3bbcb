"""The GPUs of AMD on the PCI bus, by sysfs alone.

A graphics unit inside a processor is recognised by its table of metrics: the driver's
``gpu_metrics`` has format 2 or 3 for those and 1 for all others. What it draws is part of the
processor's own energy, so it is no device of its own.

Source: the kernel's ``drivers/gpu/drm/amd/include/kgd_pp_interface.h``.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from effmeter.probes.amd.chips import Chip
from effmeter.probes.pci import AMD, PciDevice, gpus_on_bus

_INTEGRATED_FORMATS = (2, 3)


@dataclass(frozen=True, slots=True)
class AmdPciGpu:
    """One GPU on the bus."""

    device: PciDevice
    is_integrated: bool
    """Whether it is part of a processor."""

    @property
    def address(self) -> str:
        """``0000:c1:00.0``: domain, bus, device and function."""
        return self.device.address


class AmdBus:
    """The GPUs on the bus by their addresses."""

    def __init__(self, sysfs: Path) -> None:
        self._gpus = {gpu.address: gpu for gpu in amd_gpus(sysfs)}

    def chip(self, address: str, model: str, number: int = 0) -> Chip:
        """The chip at an address; ``number`` is what a tool states where the bus does not."""
        gpu = self._gpus.get(address)
        return Chip(model, (gpu.device.device if gpu is not None else 0) or number)

    def is_integrated(self, address: str) -> bool:
        """Whether the GPU at an address is part of a processor."""
        gpu = self._gpus.get(address)
        return gpu is not None and gpu.is_integrated


def amd_gpus(sysfs: Path) -> tuple[AmdPciGpu, ...]:
    """The GPUs of AMD in the order of their addresses."""
    return tuple(AmdPciGpu(gpu, _is_integrated(gpu.folder)) for gpu in gpus_on_bus(sysfs, AMD))


def _is_integrated(folder: Path) -> bool:
    """Whether its table says so; a GPU without one counts as a device of its own."""
    header = b""
    with contextlib.suppress(OSError), open(folder / "gpu_metrics", "rb") as table:
        header = table.read(4)
    return len(header) == 4 and header[2] in _INTEGRATED_FORMATS
