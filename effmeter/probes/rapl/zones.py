"""The zones of Linux' powercap tree that belong to RAPL: which there are, and what each is.

The kernel numbers zones in hexadecimal (``%s:%x``): the eleventh package is ``intel-rapl:a``.
"""

import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from effmeter.channel import Component
from effmeter.probes.base import LIMIT_HEADROOM
from effmeter.probes.sysfs import read_number, read_text

_ZONE = re.compile(r"intel-rapl(-mmio)?:([0-9a-f]+)(?::([0-9a-f]+))?")
_PACKAGE = re.compile(r"package-(\d+)(?:-die-(\d+))?")
_PSYS = re.compile(r"psys(?:-(\d+))?")
SCOPES = {"core": "the cores of the package", "uncore": "the graphics beside the cores"}


@dataclass(frozen=True, slots=True)
class Zone:
    """One folder of the tree: its name, and the channel of the package that it lies under."""

    folder: Path
    name: str
    package: str | None

    @property
    def channel_name(self) -> str | None:
        """``cpu0``, ``cpu0-die1``, ``dram0``, ``cpu0-core``, ``psys``; None: of no known kind."""
        if package := _PACKAGE.fullmatch(self.name):
            number, die = package.groups()
            return f"cpu{number}" if die is None else f"cpu{number}-die{die}"
        if board := _PSYS.fullmatch(self.name):
            return f"psys{int(board[1])}" if board[1] and int(board[1]) else "psys"
        if self.package is not None and self.name == "dram":
            return dram_of(self.package)
        if self.package is not None and self.name in SCOPES:
            return f"{self.package}-{self.name}"
        return None

    @property
    def package_number(self) -> int | None:
        """The number of the package that this is, or is a die of; None for other zones."""
        package = _PACKAGE.fullmatch(self.name)
        return int(package[1]) if package else None

    @property
    def component(self) -> Component:
        """What the zone measures."""
        if _PSYS.fullmatch(self.name):
            return Component.BOARD
        return Component.RAM if self.name == "dram" else Component.CPU

    @property
    def counter(self) -> Path:
        """The file that shows its energy."""
        return self.folder / "energy_uj"


class Zones(NamedTuple):
    """The zones of a tree."""

    named: tuple[Zone, ...]
    """In the order of their numbers, those of ``intel-rapl-mmio`` last: the same channel may
    occur twice."""
    hidden: tuple[Path, ...]
    """Whole packages or platforms whose name cannot be read, and that have no other folder."""


def list_zones(tree: Path) -> Zones:
    """The zones of a powercap tree; none where it cannot be listed."""
    names: Iterable[str] = ()
    with contextlib.suppress(OSError):
        names = os.listdir(tree)
    matches = sorted(filter(None, map(_ZONE.fullmatch, names)), key=_order)
    folders, named, hidden = {match[0] for match in matches}, [], []
    for match in matches:
        folder = tree / match[0]
        name = read_text(folder / "name")
        if name:
            named.append(Zone(folder, name, _package_around(tree, match)))
        elif match[3] is None and (not match[1] or f"intel-rapl:{match[2]}" not in folders):
            hidden.append(folder)
    return Zones(tuple(named), tuple(hidden))


def zone_number(folder: Path) -> int:
    """The number of a whole zone's folder: 10 of ``intel-rapl:a``."""
    return int(folder.name.rpartition(":")[2], 16)


def dram_of(package: str) -> str:
    """The channel of a package's memory."""
    return package.replace("cpu", "dram")


def board_of(name: str, boards: tuple[str | None, ...]) -> str | None:
    """The platform's channel that takes a package or its memory in, where there is one."""
    if name in boards or not boards:
        return None
    number = re.sub(r"\D+", " ", name).split()[0]
    own = "psys" if number == "0" else f"psys{number}"
    return own if own in boards else boards[0] if len(boards) == 1 else None


def max_power_w(folder: Path) -> float | None:
    """More than the zone can draw: its highest limit, with room for what exceeds it briefly."""
    patterns = ("constraint_*_max_power_uw", "constraint_*_power_limit_uw")
    stated_uw = [read_number(path) or 0 for pattern in patterns for path in folder.glob(pattern)]
    highest_uw = max(stated_uw, default=0)
    return highest_uw * 1e-6 * LIMIT_HEADROOM if highest_uw > 0 else None


def _order(match: re.Match[str]) -> tuple[bool, int, int]:
    return bool(match[1]), int(match[2], 16), int(match[3] or "-1", 16)


def _package_around(tree: Path, match: re.Match[str]) -> str | None:
    """The channel of the package that a zone lies in; None for a whole zone."""
    if match[3] is None:
        return None
    outer = tree / match[0].rpartition(":")[0]
    return Zone(outer, read_text(outer / "name") or "", None).channel_name or f"cpu{match[2]}"
