"""The zones of Linux' powercap tree that belong to RAPL: which there are, and what each is."""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from effmeter.channel import Component
from effmeter.probes.base import LIMIT_HEADROOM
from effmeter.probes.sysfs import read_number, read_text

_ZONE = re.compile(r"intel-rapl(-mmio)?:(\d+)(?::(\d+))?")
_PACKAGE = re.compile(r"package-(\d+)(?:-die-(\d+))?")
_PSYS = re.compile(r"psys(?:-(\d+))?")
GAIN_ERROR_FRACTIONS = {Component.CPU: 0.03, Component.RAM: 0.2, Component.BOARD: 0.03}
"""Beside a meter, packages were off by up to 3 %, and memory of the DDR3 and DDR4 generations by 3
to 38 %. That of later memory is not known to be better."""
LEAST_POWER_W = 0.1
"""Less than a package draws that is awake to be read: even the low-power packages of laptops in
their deepest idle state draw more on average. Their memory, cores and graphics may rest."""
SCOPES = {"core": "the cores of the package", "uncore": "the graphics beside the cores"}


@dataclass(frozen=True, slots=True)
class Zone:
    """One folder of the tree: its name, and the name of the package it lies under."""

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
            return self.package.replace("cpu", "dram")
        if self.package is not None and self.name in SCOPES:
            return f"{self.package}-{self.name}"
        return None

    @property
    def component(self) -> Component:
        """What the zone measures."""
        if _PSYS.fullmatch(self.name):
            return Component.BOARD
        return Component.RAM if self.name == "dram" else Component.CPU

    @property
    def least_power_w(self) -> float:
        """What the zone shows at least while the machine is awake (W); 0: it may rest."""
        is_whole = _PACKAGE.fullmatch(self.name) or self.component is Component.BOARD
        return LEAST_POWER_W if is_whole else 0.0

    @property
    def counter(self) -> Path:
        """The file that shows its energy."""
        return self.folder / "energy_uj"


def list_zones(tree: Path) -> list[Zone]:
    """The zones in the order of their numbers; a second way to the same zone is passed over."""
    with contextlib.suppress(OSError):
        matches = filter(None, map(_ZONE.fullmatch, os.listdir(tree)))
        ordered = sorted(matches, key=lambda m: (bool(m[1]), int(m[2]), int(m[3] or -1)))
        return _named_zones(tree, ordered)
    return []


def _named_zones(tree: Path, matches: list[re.Match[str]]) -> list[Zone]:
    zones: dict[str, Zone] = {}
    for match in matches:
        folder = tree / match[0]
        outer = None
        if match[3] is not None:
            outer_name = read_text(tree / match[0].rpartition(":")[0] / "name")
            outer = Zone(folder, outer_name or "", None).channel_name or f"cpu{match[2]}"
        name = read_text(folder / "name")
        if name is not None:
            zone = Zone(folder, name, outer)
            zones.setdefault(zone.channel_name or match[0], zone)
    return list(zones.values())


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
