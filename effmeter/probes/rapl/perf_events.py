"""Linux' ``power`` PMU as sysfs describes it, and the system call that opens its events."""

import contextlib
import ctypes
import errno
import os
import platform
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from effmeter.probes.rapl.processor import Processor, parse_cpus, place_of, read_processor
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
    closed: tuple[Path, ...] = ()
    """Files that should describe events and cannot be read."""
    are_own_counters: bool = True
    """Whether each package is known to have a counter of its own. A guest's packages can be
    virtual CPUs of one."""


def power_pmu(sysfs: Path) -> PowerPmu | None:
    """The PMU of this machine; None if it has none."""
    folder = sysfs / "devices" / "power"
    pmu_type = read_number(folder / "type")
    if pmu_type is None:
        return None
    events, closed = {}, []
    for path in _event_files(folder / "events"):
        text = read_text(path)
        selected = _EVENT.fullmatch(text or "")
        if selected is not None:
            events[path.name] = PowerEvent(int(selected[1], 0), _unit_j(path))
        elif text is None and not path.suffix:
            closed.append(path)
    cpus = list(parse_cpus(read_text(folder / "cpumask") or ""))
    processor = read_processor(sysfs)
    packages = _packages(sysfs / "devices" / "system" / "cpu", cpus, processor)
    are_own = _are_own_counters(packages, processor)
    return PowerPmu(pmu_type, events, packages, tuple(closed), are_own)


def _event_files(folder: Path) -> list[Path]:
    """The files of a folder; the folder itself where it cannot be listed."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError:
        return [folder]


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


def _packages(cpus_folder: Path, cpus: list[int], processor: Processor) -> dict[str, int]:
    """For each package the CPU that stands for it; for each die where dies have own counters.

    These counts begin at zero, so that equal ones prove nothing: the processor decides.
    """
    places: dict[tuple[int, int], int] = {}
    for cpu in cpus:
        package, die = place_of(cpus_folder, cpu)
        places.setdefault((package, 0 if processor.counts_per_package else die), cpu)
    sole = [package for package, _ in places]
    return {
        (str(package) if sole.count(package) == 1 else f"{package}-die{die}"): cpu
        for (package, die), cpu in places.items()
    }


def _are_own_counters(packages: Mapping[str, int], processor: Processor) -> bool:
    if len(packages) < 2:
        return True
    has_unknown_dies = not processor.vendor and any("die" in package for package in packages)
    return not (processor.is_guest or has_unknown_dies)
