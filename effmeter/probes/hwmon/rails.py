"""The power and energy files of Linux' hwmon tree: which there are, and what each measures.

Only rails that are known to be a processor count as one. Every other meter (a board's, a
power supply's, a single regulator's) is listed as the board's, which stands apart from all
totals: what it takes in is not known, so adding it could count a joule twice.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from effmeter.channel import Component
from effmeter.probes.sysfs import read_text

GRACE_SCOPE = "the Grace socket with its memory"
READ_ELSEWHERE = re.compile(r"amdgpu|nouveau|nvidia|i915.*|xe")
"""Drivers of GPUs, which the probes of their vendors read."""
_AMD_PROCESSORS = ("amd_energy", "zenergy")
"""AMD's driver, in Linux until 5.13, and its successor outside of it."""
_FILE = re.compile(r"(power\d+)_(average|input)|(energy\d+)_input")
_GRACE = re.compile(r"(module|grace|cpu|sysio) power socket (\d+)", re.IGNORECASE)
_AMD_SOCKET = re.compile(r"Esocket(\d+)")
_ODD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Role:
    """What a rail measures, as a channel says it."""

    name: str
    component: Component
    scope: str
    contained_in: str | None = None
    is_part: bool = False
    """Whether it is a part of a processor, which may rest."""
    is_package: bool = False
    """Whether RAPL may show the same, so that ``contained_in`` is RAPL's name of it."""


@dataclass(frozen=True, slots=True)
class Rail:
    """One quantity of one hwmon device."""

    device: str
    folder: Path
    quantity: str
    """``power1``, ``energy2``."""
    file: Path
    label: str
    role: Role

    @property
    def is_counter(self) -> bool:
        """Whether it counts energy (uJ); otherwise it shows power (uW)."""
        return self.quantity.startswith("energy")

    def attribute(self, name: str) -> str | None:
        """Another file of the same quantity, such as ``average_interval``."""
        return read_text(self.folder / f"{self.quantity}_{name}")


def list_rails(tree: Path) -> list[Rail]:
    """The rails that are read here, devices in the order of their numbers, no name twice."""
    rails: dict[str, Rail] = {}
    with contextlib.suppress(OSError):
        for device in sorted(tree.iterdir(), key=_number):
            name = read_text(device / "name")
            if name is None or READ_ELSEWHERE.fullmatch(name) or _is_power_supply(device):
                continue
            for rail in _rails_of(device, name):
                rails.setdefault(rail.role.name, rail)
    return list(rails.values())


def _rails_of(device: Path, name: str) -> Iterator[Rail]:
    """A device's rails; the files lie in its folder or, of older drivers, in ``device`` there."""
    for folder in (device, device / "device"):
        found: dict[str, Path] = {}
        with contextlib.suppress(OSError):
            for path in sorted(folder.iterdir()):
                match = _FILE.fullmatch(path.name)
                if match is not None:  # an average sorts before the moment's figure, and is kept
                    found.setdefault(match[1] or match[3], path)
        for quantity, path in sorted(found.items(), key=lambda item: _quantity_order(item[0])):
            label = _label(folder, quantity)
            role = _role(name, label, f"{_plain(device.name)}-{quantity}")
            if role is not None:
                yield Rail(name, folder, quantity, path, label, role)
        if found:
            return


def _role(device: str, label: str, place: str) -> Role | None:
    """What a rail measures; None if it is a part of what another one of the device shows."""
    if grace := _GRACE.fullmatch(label):
        return _GRACE_ROLES[grace[1].lower()](grace[2])
    if device in _AMD_PROCESSORS:  # the cores of a socket, a rail each, lie inside it
        socket = _AMD_SOCKET.fullmatch(label)
        return None if socket is None else _amd_socket(socket[1])
    what = f"what {device} measures" + (f" as {label!r}" if label else "")
    return Role(place, Component.BOARD, what)


_GRACE_ROLES: dict[str, Callable[[str], Role]] = {
    "module": lambda n: Role(f"module{n}", Component.BOARD, "the module: processors, GPU, memory"),
    "grace": lambda n: Role(f"cpu{n}", Component.CPU, GRACE_SCOPE, f"module{n}"),
    "cpu": lambda n: Role(
        f"cpu{n}-rail", Component.CPU, "the cores of the socket", f"cpu{n}", True
    ),
    "sysio": lambda n: Role(f"cpu{n}-sysio", Component.CPU, "the socket's fabric", f"cpu{n}", True),
}


def _amd_socket(number: str) -> Role:
    name = f"cpu{number}-hwmon"
    return Role(name, Component.CPU, "the package", f"cpu{number}", is_package=True)


def _label(folder: Path, quantity: str) -> str:
    """What the firmware calls a rail; empty where it does not say."""
    for name in ("label", "oem_info"):
        text = read_text(folder / f"{quantity}_{name}")
        if text:
            return text
    return ""


def _is_power_supply(device: Path) -> bool:
    """Whether it is a battery or an adapter: what it gives is no consumption of its own."""
    return (device / "device" / "online").exists() or (device / "device" / "capacity").exists()


def _plain(text: str) -> str:
    return _ODD.sub("", text.lower())


def _number(device: Path) -> int:
    digits = re.sub(r"\D", "", device.name)
    return int(digits) if digits else 0


def _quantity_order(quantity: str) -> tuple[bool, int]:
    """Counters first, so that a gauge can be contained in them."""
    return quantity.startswith("power"), int(re.sub(r"\D", "", quantity))
