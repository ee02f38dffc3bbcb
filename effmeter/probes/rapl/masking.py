"""Why a machine's RAPL zones are not to be seen, and what helps.

A zone that is hidden is missing from a total; a processor without zones has none to miss. What
hides them: a container that mounts nothing, or an empty folder, over sysfs (Docker and Podman do
so since CVE-2020-8694), a service whose unit closes paths, a container that was given the folders
of some packages.
"""

import os
import sys
from pathlib import Path

from effmeter.channel import Component, Refusal
from effmeter.probes.rapl.processor import Processor, packages_of
from effmeter.probes.rapl.zones import Zones, zone_number

HIDDEN_REMEDY = (
    "docker run -v /sys:/host/sys:ro -e EFFMETER_SYSFS=/host/sys ...  # from a container"
)
LOAD_REMEDY = "sudo modprobe intel_rapl_msr  # on the machine itself, not in a guest of it"


def hidden_zones(zones: Zones, sysfs: Path, processor: Processor) -> list[Refusal]:
    """The zones whose names cannot be read, and packages that have no zone at all."""
    named = {z.package_number for z in zones.named if z.package_number is not None}
    expected = packages_of(sysfs)
    missing = sorted(expected - named) if len(expected) > len(named) else []
    refusals = []
    for folder in zones.hidden:
        if missing:
            number = zone_number(folder) if zone_number(folder) in missing else missing[0]
            missing.remove(number)
            component, unread = Component.CPU, f"cpu{number}"
        elif expected and _are_whole_packages(zones):  # each has its zone: this is the platform's
            component, unread = Component.BOARD, ""
        else:
            component, unread = Component.CPU, _hidden_part(folder, zones, processor)
        refusals.append(Refusal(str(folder), component, *_why_hidden(folder), leaves_unread=unread))
    return refusals + [_without_zone(number, sysfs) for number in missing if named or refusals]


def _are_whole_packages(zones: Zones) -> bool:
    """Whether the numbers of zones are those of packages, as they are where none is a die."""
    packages = [zone for zone in zones.named if zone.package_number is not None]
    return all(zone_number(zone.folder) == zone.package_number for zone in packages)


def _hidden_part(folder: Path, zones: Zones, processor: Processor) -> str:
    """What a hidden zone leaves unread where the topology does not tell."""
    number = zone_number(folder)
    if not _are_whole_packages(zones):
        return "" if processor.counts_per_package else folder.name
    is_taken = any(zone.package_number == number for zone in zones.named)
    return folder.name if is_taken else f"cpu{number}"


def nothing_found(sysfs: Path, processor: Processor) -> Refusal:
    """The refusal of a machine that shows no zone."""
    tree = sysfs / "class" / "powercap"
    if not sysfs.is_dir():
        return Refusal(str(tree), Component.CPU, f"no RAPL zones: there is no {sysfs}")
    if (covered := _why_covered(tree)) is not None:
        return Refusal(str(tree), Component.CPU, *covered)
    if not processor.is_x86:
        reason = "no RAPL zones: only x86 processors have such counters"
        return Refusal(str(tree), Component.CPU, reason)
    if processor.is_guest:
        reason = "no RAPL zones: this is a virtual machine, to which its host shows none"
        return Refusal(str(tree), Component.CPU, reason)
    reason = "no RAPL zones: the driver is not loaded, or the processor has no such counters"
    return Refusal(str(tree), Component.CPU, reason, LOAD_REMEDY)


def daemon_command() -> str:
    """The command that starts a recorder that may read what root may."""
    return f"sudo {own_program()} daemon run --group $(id -gn)"


def own_program() -> str:
    """The command ``effmeter``, by its path where that is known: sudo has a PATH of its own."""
    beside_python = Path(sys.executable).with_name("effmeter")
    return str(beside_python) if beside_python.exists() else "effmeter"


def _without_zone(number: int, sysfs: Path) -> Refusal:
    source = str(sysfs / "class" / "powercap")
    reason = f"hidden here: the machine has a package {number}, and no zone of it is shown"
    return Refusal(source, Component.CPU, reason, HIDDEN_REMEDY, leaves_unread=f"cpu{number}")


def _why_hidden(folder: Path) -> tuple[str, str]:
    """Why the name of a zone cannot be read, and the remedy."""
    try:
        (folder / "name").read_bytes()
    except PermissionError:
        return "hidden here: its folder is closed to this user", daemon_command()
    except FileNotFoundError:
        if not os.path.exists(folder):
            return "hidden here: its link leads nowhere, as in a container", HIDDEN_REMEDY
        return "hidden here: its folder shows no name, as in a container", HIDDEN_REMEDY
    except OSError as error:
        return f"hidden here: its name cannot be read: {error.strerror}", HIDDEN_REMEDY
    return "hidden here: its name is empty or no text", HIDDEN_REMEDY


def _why_covered(tree: Path) -> tuple[str, str] | None:
    """Why the whole tree is hidden, and the remedy; None where it is not."""
    try:
        names = os.listdir(tree)
        is_other_mount = os.stat(tree).st_dev != os.stat(tree.parent).st_dev
    except PermissionError:
        return "hidden here: the folder is closed to this user", daemon_command()
    except OSError:
        if tree.is_symlink():
            return "hidden here: its link leads nowhere, as in a container", HIDDEN_REMEDY
        return None
    if is_other_mount and not names:
        return "hidden here: something empty is mounted over it, as in a container", HIDDEN_REMEDY
    return None
