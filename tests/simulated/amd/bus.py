"""The PCI bus of a simulated machine, as far as it tells of GPUs."""

from collections.abc import Sequence
from pathlib import Path

from tests.simulated.amd.gpu import SimulatedAmdGpu

DISPLAY, ACCELERATOR, NETWORK = "0x038000", "0x120000", "0x020000"


def place_pci_device(
    sysfs: Path,
    address: str = "0000:c1:00.0",
    vendor: str = "0x1002",
    device_class: str = DISPLAY,
    metrics_format: int | None = 1,
) -> None:
    """One device; ``metrics_format`` is that of its ``gpu_metrics``, null: it has none."""
    folder = sysfs / "bus/pci/devices" / address
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(vendor + "\n")
    (folder / "class").write_text(device_class + "\n")
    if metrics_format is not None:
        (folder / "gpu_metrics").write_bytes(bytes((120, 0, metrics_format, 3)) + bytes(116))


def place_on_bus(sysfs: Path, gpus: Sequence[SimulatedAmdGpu]) -> None:
    """The GPUs, each at its address."""
    for gpu in gpus:
        device_class = ACCELERATOR if "MI300" in gpu.model else DISPLAY
        place_pci_device(sysfs, gpu.address, device_class=device_class)
