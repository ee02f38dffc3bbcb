"""AMD's GPUs on the PCI bus of a simulated machine."""

from collections.abc import Sequence
from pathlib import Path

from tests.simulated.amd.gpu import SimulatedAmdGpu
from tests.simulated.pci import ACCELERATOR, DISPLAY, place_pci_device


def place_on_bus(sysfs: Path, gpus: Sequence[SimulatedAmdGpu]) -> None:
    """The GPUs, each at its address."""
    for gpu in gpus:
        device_class = ACCELERATOR if "MI300" in gpu.model else DISPLAY
        place_pci_device(sysfs, gpu.address, device_class=device_class)
