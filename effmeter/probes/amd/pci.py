"""Which GPUs of AMD sit on the PCI bus, told by sysfs without any of AMD's tools.

A graphics unit inside a processor is told apart by the table it publishes: the driver's
``gpu_metrics`` has format 2 or 3 for those and 1 for all others. What it draws is part of the
processor's own energy, so it is no device of its own.

Source: the kernel's ``drivers/gpu/drm/amd/include/kgd_pp_interface.h``.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from effmeter.probes.sysfs import read_text

_VENDOR = "0x1002"
_DISPLAY_CLASS = "0x03"
_ACCELERATOR_CLASS = "0x12"
"""MI300 and newer are processing accelerators, not display controllers."""
_INTEGRATED_FORMATS = (2, 3)


@dataclass(frozen=True, slots=True)
class PciGpu:
    """One GPU on the bus."""

    address: str
    """``0000:c1:00.0``: domain, bus, device and function."""
    integrated: bool
    """Whether it is part of a processor."""


def amd_gpus(sysfs: Path) -> tuple[PciGpu, ...]:
    """The GPUs of AMD in the order of their addresses."""
    folders = sorted((sysfs / "bus" / "pci" / "devices").glob("*"))
    return tuple(_listed(folders))


def _listed(folders: list[Path]) -> Iterator[PciGpu]:
    for folder in folders:
        kind = read_text(folder / "class") or ""
        if read_text(folder / "vendor") == _VENDOR and kind.startswith(
            (_DISPLAY_CLASS, _ACCELERATOR_CLASS)
        ):
            yield PciGpu(folder.name.lower(), _is_integrated(folder))


def _is_integrated(folder: Path) -> bool:
    """Whether its table says so; a GPU that publishes none is taken for a device of its own."""
    header = b""
    with contextlib.suppress(OSError), open(folder / "gpu_metrics", "rb") as table:
        header = table.read(4)
    return len(header) == 4 and header[2] in _INTEGRATED_FORMATS
