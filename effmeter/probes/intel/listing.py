"""The Intel GPUs that this process sees, by the order of their PCI addresses.

A graphics unit inside a processor always sits at ``0000:00:02.0``. A card may have several tiles,
which Level Zero can number like cards; see :mod:`.visibility`.
"""

from pathlib import Path

from effmeter.probes.base import ListedDevice
from effmeter.probes.sysfs import read_text

_VENDOR = "0x8086"
_GRAPHICS_CLASSES = ("0x0300", "0x0302", "0x0380")
INTEGRATED = "0000:00:02.0"
"""The address of the graphics unit inside a processor."""
DEVICE_NODES = Path("/dev/dri")


def list_devices(sysfs: Path, nodes: Path = DEVICE_NODES) -> tuple[ListedDevice, ...]:
    """The GPUs that have a device node here; all of the bus where the bus shows no node names."""
    folders = sorted((sysfs / "bus" / "pci" / "devices").glob("*"))
    return tuple(
        ListedDevice((folder.name.lower(),), read_text(folder / "device") or "", _tiles(folder))
        for folder in folders
        if _is_graphics(folder) and _has_node(folder, nodes)
    )


def _is_graphics(folder: Path) -> bool:
    kind = read_text(folder / "class") or ""
    return read_text(folder / "vendor") == _VENDOR and kind.startswith(_GRAPHICS_CLASSES)


def _has_node(folder: Path, nodes: Path) -> bool:
    """Whether a program here can open it: a container has the nodes of its own GPUs alone."""
    names = [path.name for path in (folder / "drm").glob("renderD*")]
    return not names or any((nodes / name).exists() for name in names)


def _tiles(folder: Path) -> tuple[str, ...] | None:
    """The tiles by the folders of the drivers xe and i915; None where there is only one."""
    found = sorted(path.name for path in folder.glob("tile[0-9]*"))
    found = found or sorted(path.name for path in folder.glob("drm/card*/gt/gt[0-9]*"))
    return tuple(found) if len(found) > 1 else None
