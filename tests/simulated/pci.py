"""The PCI bus of a simulated machine, as far as it tells of GPUs."""

from pathlib import Path

DISPLAY, ACCELERATOR, NETWORK = "0x038000", "0x120000", "0x020000"


def place_pci_device(
    sysfs: Path,
    address: str = "0000:c1:00.0",
    vendor: str = "0x1002",
    device_class: str = DISPLAY,
    metrics_format: int | None = 1,
    *,
    device: str = "",
    driver: str = "",
) -> Path:
    """One device; ``metrics_format`` is that of AMD's ``gpu_metrics``, null: it has none."""
    folder = sysfs / "bus/pci/devices" / address
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(vendor + "\n")
    (folder / "class").write_text(device_class + "\n")
    if device:
        (folder / "device").write_text(device + "\n")
    if metrics_format is not None:
        (folder / "gpu_metrics").write_bytes(bytes((120, 0, metrics_format, 3)) + bytes(116))
    if driver:
        (sysfs / "bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
        (folder / "driver").symlink_to(sysfs / "bus/pci/drivers" / driver)
    return folder
