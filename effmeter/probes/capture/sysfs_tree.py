"""The part of sysfs that probes look at: texts, links, and what cannot be read."""

import base64
import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effmeter.probes.pci import is_suspended

_METER = r"(name|update_interval|label|((power|energy|temp|in|curr|shunt|rail_name_)\d+(_\w+)?))"
_PLACES: tuple[tuple[str, str], ...] = (
    ("class/powercap/*", r"name|energy_uj|max_energy_range_uj|enabled|constraint_\d+_\w+"),
    ("devices/power", r"type|cpumask"),
    ("devices/power/events", r"[\w.-]+"),
    ("devices/system/cpu", r"modalias|online"),
    ("devices/system/cpu/cpu*/topology", r"physical_package_id|die_id|package_cpus_list"),
    ("devices/system/cpu/cpu*/thermal_throttle", r"package_throttle_\w+"),
    ("devices/system/cpu/cpufreq", "boost"),
    ("devices/system/cpu/cpufreq/policy*", r"scaling_(cur_freq|max_freq|governor|driver)"),
    ("devices/system/cpu/intel_pstate", "no_turbo|status"),
    ("class/hwmon/*", _METER),
    ("class/hwmon/*/device", _METER + "|online|capacity|uevent"),
    ("bus/i2c/drivers/ina3221x/*/iio*device*", _METER + r"|in_(power|voltage|current)\d+_\w+"),
    ("firmware/devicetree/base", r"compatible|model"),
    ("class/kfd/kfd/topology/nodes/*", r"properties|name"),
    ("class/misc/dxg", r"dev"),
    ("class/ipmi/*", r"dev"),
    ("cray/pm_counters", r"[\w-]+"),
)
"""Folders, and the names of the files in them that are captured."""
_GPU_FILES = (
    r"vendor|device|class|subsystem_vendor|subsystem_device|uevent|unique_id|boot_vga|gpu_metrics"
)
_ASLEEP = re.compile("name|vendor|device|class|uevent")
"""All that is read of a device in runtime suspend: other files would wake it."""
_GPU_CLASSES = ("0x03", "0x12")
_GPU_PARTS = ("power/runtime_status", "driver", "drm/*", "drm/card*/gt/*", "tile*")
_CHANGES = re.compile(
    r"(.*/)?(energy_uj|(power|energy|in|curr|in_power|in_voltage|in_current)\d+_(average|input)"
    r"|pm_counters/[\w-]+)"
)
_LONGEST_BYTES = 65536


@dataclass(slots=True)
class SysfsTree:
    """A part of a tree, by paths relative to its root with all links resolved."""

    files: dict[str, str | dict[str, str]] = field(default_factory=dict)
    """Texts; ``{"base64": ...}`` where a file is no text."""
    links: dict[str, str] = field(default_factory=dict)
    """Targets, as they are stored; they may lead nowhere."""
    folders: list[str] = field(default_factory=list)
    """Folders that exist."""
    closed: dict[str, str] = field(default_factory=dict)
    """Files and folders that cannot be read, with the error."""

    @property
    def changing(self) -> list[str]:
        """The files whose content is a count or a power."""
        return [path for path in self.files if _CHANGES.fullmatch(path)]

    def as_mapping(self) -> dict[str, Any]:
        """The parts by name, without those that are empty."""
        around = {str(parent) for path in self.files for parent in Path(path).parents}
        empty = sorted({folder for folder in self.folders if folder not in around})
        parts = {"files": self.files, "links": self.links, "folders": empty, "closed": self.closed}
        return {name: part for name, part in parts.items() if part}


def copy_tree(sysfs: Path) -> SysfsTree:
    """What the probes may look at below a mount of sysfs."""
    tree = SysfsTree()
    for place, names in _PLACES:
        for folder in _matching(sysfs, place):
            _copy_folder(tree, sysfs, folder, re.compile(names))
    for device in _matching(sysfs, "bus/pci/devices/*"):
        _copy_pci_device(tree, sysfs, device)
    return tree


def _matching(sysfs: Path, place: str) -> list[Path]:
    """The folders that a pattern names, and what stands where one of them should."""
    if "*" not in place:
        return [sysfs / place]
    return sorted(sysfs.glob(place)) or [sysfs / place.partition("/*")[0]]


def _copy_pci_device(tree: SysfsTree, sysfs: Path, device: Path) -> None:
    """Vendor and class of every device, more of graphics cards and accelerators."""
    _copy_folder(tree, sysfs, device, re.compile("vendor|class"))
    try:
        kind = (device / "class").read_text()
    except OSError:
        return
    if not kind.startswith(_GPU_CLASSES):
        return
    _copy_folder(tree, sysfs, device, re.compile(_GPU_FILES))
    for part in _GPU_PARTS:
        for path in sorted(device.glob(part)):
            _copy_path(tree, sysfs, path)


def _copy_folder(tree: SysfsTree, sysfs: Path, folder: Path, names: re.Pattern[str]) -> None:
    place = _resolved(tree, sysfs, folder)
    if place is None:
        return
    try:
        listed = sorted(os.listdir(sysfs / place))
    except (NotADirectoryError, FileNotFoundError):
        return
    except OSError as error:
        tree.closed[str(place)] = _name_of(error)
        return
    if str(place) not in tree.folders:
        tree.folders.append(str(place))
    is_asleep = any(is_suspended(sysfs / place / part) for part in ("", "device", "../.."))
    for name in listed:
        if names.fullmatch(name) and (not is_asleep or _ASLEEP.fullmatch(name)):
            _copy_path(tree, sysfs, folder / name)
        elif (folder / name).is_symlink() and name in ("device", "driver"):
            _resolved(tree, sysfs, folder / name)


def _copy_path(tree: SysfsTree, sysfs: Path, path: Path) -> None:
    """A file with its text, a folder by its name alone."""
    place = _resolved(tree, sysfs, path)
    if place is None or str(place) in tree.files:
        return
    try:
        with open(sysfs / place, "rb") as file:
            content = file.read(_LONGEST_BYTES)
    except IsADirectoryError:
        tree.folders.append(str(place))
    except FileNotFoundError:
        return
    except OSError as error:
        tree.closed[str(place)] = _name_of(error)
    else:
        tree.files[str(place)] = _text(content)


def _resolved(tree: SysfsTree, sysfs: Path, path: Path) -> Path | None:
    """The path relative to the root with its links resolved, which are taken in on the way.

    None where it leads out of the tree, or in a circle.
    """
    place = Path()
    waiting = list(path.relative_to(sysfs).parts)
    for _ in range(200):
        if not waiting:
            return place
        place /= waiting.pop(0)
        if not (sysfs / place).is_symlink():
            continue
        target = os.readlink(sysfs / place)
        if os.path.isabs(target):
            target = os.path.relpath(target, sysfs / place.parent)
        tree.links[str(place)] = target
        around = os.path.normpath(place.parent / target)
        if around.startswith(".."):
            return None
        place, waiting = Path(), [*Path(around).parts, *waiting]
    return None


def _text(content: bytes) -> str | dict[str, str]:
    try:
        return content.decode().rstrip("\n ")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "EIO")


def read_changing(sysfs: Path, paths: list[str]) -> Iterator[tuple[str, str]]:
    """What the changing files show now; those that cannot be read are passed over."""
    for path in paths:
        try:
            yield path, (sysfs / path).read_text().strip()
        except (OSError, UnicodeDecodeError):
            continue
