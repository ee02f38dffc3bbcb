"""The processor as sysfs describes it: vendor, architecture, packages.

Read from sysfs and not from ``/proc`` so that a program whose sysfs is elsewhere (a container
with the host's tree at ``/host/sys``) learns about the processor of that tree.

Source: the kernel's ``arch/x86/kernel/cpu/match.c`` (the modalias) and
``Documentation/ABI/stable/sysfs-devices-system-cpu``.
"""

import contextlib
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from effmeter.probes.sysfs import read_number, read_text

_MODALIAS = re.compile(r"cpu:type:(\w+)(?:,ven([0-9A-Fa-f]{4}))?")
_VENDORS = {0x0000: "Intel", 0x0002: "AMD", 0x0009: "Hygon"}
_COUNTER_PER_PACKAGE = ("AMD", "Hygon")
_HYPERVISOR_FEATURE = ",009F,"
"""X86_FEATURE_HYPERVISOR, word 4 bit 31, in the list of features of a modalias."""
_X86_MACHINES = ("x86_64", "i686", "i386", "AMD64")
_CPU = re.compile(r"cpu(\d+)")


@dataclass(frozen=True, slots=True)
class Processor:
    """What is known of the processors of a machine."""

    vendor: str
    """``Intel``, ``AMD``, ``Hygon``; empty where it is unknown."""
    is_x86: bool
    is_guest: bool
    """Whether this is a virtual machine; false where it is unknown."""

    @property
    def counts_per_package(self) -> bool:
        """Whether the dies of one package are known to share one energy counter."""
        return self.vendor in _COUNTER_PER_PACKAGE


def read_processor(sysfs: Path, machine: str | None = None) -> Processor:
    """The processor of a tree; ``machine`` is the architecture where the tree does not tell it."""
    modalias = read_text(sysfs / "devices" / "system" / "cpu" / "modalias") or ""
    match = _MODALIAS.match(modalias)
    if match is None:
        return Processor("", _is_x86(sysfs, machine or platform.machine()), is_guest=False)
    vendor = _VENDORS.get(int(match[2], 16), "") if match[1] == "x86" and match[2] else ""
    return Processor(vendor, match[1] == "x86", _HYPERVISOR_FEATURE in f"{modalias},")


def place_of(cpus: Path, cpu: int) -> tuple[int, int]:
    """The package and the die of a logical CPU; 0 where the topology does not say."""
    topology = cpus / f"cpu{cpu}" / "topology"
    package = read_number(topology / "physical_package_id") or 0
    return package, read_number(topology / "die_id") or 0


def packages_of(sysfs: Path) -> frozenset[int]:
    """The numbers of the packages that have a CPU online; empty where the topology is hidden."""
    cpus = sysfs / "devices" / "system" / "cpu"
    found, seen = set(), set[int]()
    for cpu in _numbers(cpus):
        topology = cpus / f"cpu{cpu}" / "topology"
        number = None if cpu in seen else read_number(topology / "physical_package_id")
        if number is not None and number >= 0:  # -1: the firmware states none
            found.add(number)
            seen.update(parse_cpus(read_text(topology / "package_cpus_list") or ""))
    return frozenset(found)


def parse_cpus(listed: str) -> Iterator[int]:
    """The CPUs of a list such as ``0,18-19``."""
    for part in filter(None, listed.split(",")):
        first, _, last = part.partition("-")
        with contextlib.suppress(ValueError):
            yield from range(int(first), int(last or first) + 1)


def _is_x86(sysfs: Path, machine: str) -> bool:
    """PCs are described by ACPI; a device tree is a board of another architecture."""
    has_device_tree = (sysfs / "firmware" / "devicetree" / "base").is_dir()
    return machine in _X86_MACHINES and not has_device_tree


def _numbers(cpus: Path) -> list[int]:
    with contextlib.suppress(OSError):
        return sorted(int(m[1]) for m in map(_CPU.fullmatch, os.listdir(cpus)) if m)
    return []
