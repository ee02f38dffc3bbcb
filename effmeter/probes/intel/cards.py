"""Which Intel graphics cards sit on the PCI bus, and the hwmon files that show their energy.

A GPU inside a processor is no card: it sits on the root bus, and its energy is the processor's.

Source: the kernel's ``include/drm/intel/pciids.h``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from effmeter.probes.pci import INTEL, PciDevice, address_of, gpus_on_bus
from effmeter.probes.sysfs import read_text

_DRIVER = re.compile(r"xe|i915(?:_gt(\d+))?")
"""``i915_gtN`` is a tile of a card that has several."""
_FILE = re.compile(r"(power|energy)(\d+)_(?:average|input)")
_CARDS = (
    (0x0201, 0x0210),  # Xe-HP
    (0x0BD0, 0x0BE5),  # Ponte Vecchio
    (0x4905, 0x4909),  # DG1
    (0x4F80, 0x4F88),  # DG2
    (0x5690, 0x56CF),  # Alchemist, Flex
    (0xE200, 0xE2FF),  # Battlemage
)


@dataclass(frozen=True, slots=True)
class CardFile:
    """A file that shows the energy or the power of a card, or of a part of it."""

    path: Path
    card: str
    """The PCI address; where it is unknown, the name of the hwmon device."""
    is_counter: bool
    part: str
    """``chip``, ``tile0``; empty for the whole card."""
    limit_uw: int | None
    device: Path
    """The folder of the PCI device."""

    @property
    def name(self) -> str:
        """The name of its channel."""
        parts = ("intel-gpu", self.card, self.part, "" if self.is_counter else "power")
        return "-".join(part for part in parts if part)


def cards_on_bus(sysfs: Path) -> tuple[PciDevice, ...]:
    """The cards, in the order of their addresses."""
    return tuple(gpu for gpu in gpus_on_bus(sysfs, INTEL) if _is_card(gpu))


def card_files(sysfs: Path) -> list[CardFile]:
    """The files of all cards, whole cards first, and counters before gauges."""
    folders = sorted((sysfs / "class" / "hwmon").glob("*"))
    files = [found for folder in folders for found in _files_of(folder)]
    return sorted(files, key=lambda found: (found.card, bool(found.part), not found.is_counter))


def _is_card(gpu: PciDevice) -> bool:
    known = any(first <= gpu.device <= last for first, last in _CARDS)
    return known or not gpu.is_on_root_bus


def _files_of(folder: Path) -> Iterator[CardFile]:
    driver = _DRIVER.fullmatch(read_text(folder / "name") or "")
    if driver is None:
        return
    device = folder / "device"
    for path in sorted(folder.glob("*_*")):
        match = _FILE.fullmatch(path.name)
        if match is not None:
            label = read_text(folder / f"{match[1]}{match[2]}_label")
            part = f"tile{driver[1]}" if driver[1] else "chip" if label == "pkg" else ""
            yield CardFile(
                path,
                address_of(device) or folder.name,
                match[1] == "energy",
                part,
                _limit_uw(folder, match[2]),
                device,
            )


def _limit_uw(folder: Path, number: str) -> int | None:
    """The highest limit that the card states (uW)."""
    texts = (read_text(folder / f"power{number}_{name}") for name in ("rated_max", "crit", "max"))
    limits = [int(text) for text in texts if text and re.fullmatch(r"[0-9]{1,15}", text)]
    return max(limits, default=0) or None
