"""Linux' ``power`` PMU as sysfs describes it, and the system call that opens its events."""

import contextlib
import ctypes
import errno
import os
import platform
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from effmeter.probes.sysfs import read_number, read_text

USUAL_UNIT_J = 2.0**-32
_SYSTEM_CALLS = {"x86_64": 298, "aarch64": 241}
_FIRST_ATTRIBUTES = struct.Struct("=IIQQQQQIIQ")
"""``perf_event_attr`` as its first version had it: type, size, config and zeros."""
_ALL_PROCESSES = -1
_NO_GROUP = -1
_CLOSE_ON_EXEC = 1 << 3
_EVENT = re.compile(r"event=(0x[0-9a-fA-F]+|\d+)")


@dataclass(frozen=True, slots=True)
class PowerEvent:
    """One event: what selects it, and the energy of one count."""

    config: int
    unit_j: float


@dataclass(frozen=True, slots=True)
class PowerPmu:
    """The PMU: its type, its events by name, and for each package the CPU that reads it."""

    type: int
    events: Mapping[str, PowerEvent]
    packages: Mapping[str, int]
    """``0``, or ``0-die1`` where a package has several dies, as powercap names them."""


def power_pmu(sysfs: Path) -> PowerPmu | None:
    """The PMU of this machine; None if it has none."""
    folder = sysfs / "devices" / "power"
    pmu_type = read_number(folder / "type")
    if pmu_type is None:
        return None
    events = {}
    with contextlib.suppress(OSError):
        for path in (folder / "events").iterdir():
            selected = _EVENT.fullmatch(read_text(path) or "")
            if selected is not None:
                events[path.name] = PowerEvent(int(selected[1], 0), _unit_j(path))
    cpus = list(_cpus(read_text(folder / "cpumask") or ""))
    return PowerPmu(pmu_type, events, _packages(sysfs / "devices" / "system" / "cpu", cpus))


def open_system_wide(pmu_type: int, config: int, cpu: int) -> int:
    """A descriptor that counts an event of one CPU for all processes; OSError."""
    number = _SYSTEM_CALLS.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    size = _FIRST_ATTRIBUTES.size
    attributes = _FIRST_ATTRIBUTES.pack(pmu_type, size, config, 0, 0, 0, 0, 0, 0, 0)
    descriptor = ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(number),
        ctypes.c_char_p(attributes),
        ctypes.c_long(_ALL_PROCESSES),
        ctypes.c_long(cpu),
        ctypes.c_long(_NO_GROUP),
        ctypes.c_ulong(_CLOSE_ON_EXEC),
    )
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(descriptor)


def _unit_j(event: Path) -> float:
    """The energy of one count, as the file beside the event states it."""
    with contextlib.suppress(ValueError):
        unit_j = float(read_text(event.with_name(f"{event.name}.scale")) or "")
        if 0 < unit_j < 1:
            return unit_j
    return USUAL_UNIT_J


def _cpus(mask: str) -> Iterator[int]:
    """The CPUs of a list such as ``0,18-19``."""
    for part in filter(None, mask.split(",")):
        first, _, last = part.partition("-")
        with contextlib.suppress(ValueError):
            yield from range(int(first), int(last or first) + 1)


def _packages(cpus_folder: Path, cpus: list[int]) -> dict[str, int]:
    """For each package, or each die where a package has several, the CPU that stands for it."""
    places: dict[int, tuple[int, int]] = {}
    for cpu in cpus:
        topology = cpus_folder / f"cpu{cpu}" / "topology"
        package = read_number(topology / "physical_package_id")
        places[cpu] = (package or 0, read_number(topology / "die_id") or 0)
    sole = [package for package, _ in places.values()]
    return {
        (str(package) if sole.count(package) == 1 else f"{package}-die{die}"): cpu
        for cpu, (package, die) in places.items()
    }
