"""RAPL counters of Intel and AMD processors, read through Linux' powercap tree.

Packages, their memory (dram) and the whole platform (psys) are channels of their own; the cores
and the uncore part of a package are listed as contained in it. A counter shows microjoules, is
refreshed about every millisecond with some jitter, and starts again after
``max_energy_range_uj``. Since Linux 5.10 only root may read it (CVE-2020-8694).

Source: the kernel's ``Documentation/power/powercap/powercap.rst`` and its ``intel_rapl_common``.
"""

import contextlib
import os
import platform
import sys
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Discovery, Failure, Reading
from effmeter.probes.rapl.zones import (
    GAIN_ERROR_FRACTIONS,
    SCOPES,
    Zone,
    board_of,
    list_zones,
    max_power_w,
)
from effmeter.probes.sysfs import read_number

REFRESH_S = 0.001
RESOLUTION_J = 61e-6
"""The usual unit of the counter, 2^-14 J; memory may show finer steps."""
SCAN_PERIOD_NS = 5_000_000_000
"""How often the tree is searched for zones that have appeared."""


class _Counter:
    """The open counter of one zone; opened again after a failure.

    OSError or ValueError where it cannot be read to begin with.
    """

    __slots__ = ("_descriptor", "channel_name", "path")

    def __init__(self, path: Path, channel_name: str) -> None:
        self.path = path
        self.channel_name = channel_name
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            int(os.pread(self._descriptor, 32, 0))
        except (OSError, ValueError):
            self.close()
            raise

    def read(self) -> int | Failure:
        """The count (uJ), or why there is none."""
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            return int(os.pread(self._descriptor, 32, 0))
        except OSError as error:
            self.close()
            return Failure(f"{self.path}: {error.strerror or error}")
        except ValueError:
            self.close()
            return Failure(f"{self.path}: it does not show a number")

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class PowercapProbe:
    """Reads every RAPL zone under ``root`` (the place of sysfs, usually ``/sys``).

    Zones that appear while it is in use, or that may be read only then, become channels within
    a few seconds. ``refusals`` tells of the zones that cannot be read.
    """

    name = "powercap"
    period_s = REFRESH_S

    def __init__(self, root: Path, clock: Clock | None = None) -> None:
        self.channels: tuple[Channel, ...] = ()
        self.refusals: tuple[Refusal, ...] = ()
        self._tree = root / "class" / "powercap"
        self._now_ns = (clock or SystemClock()).now_ns
        self._device = _processor_model()
        self._counters: list[_Counter] = []
        self._scan()

    def read(self) -> list[Reading]:
        """One reading of every channel, back to back."""
        before_ns = self._now_ns()
        if before_ns >= self._next_scan_ns:
            self._scan()
            before_ns = self._now_ns()
        readings = []
        for counter in self._counters:
            value = counter.read()
            after_ns = self._now_ns()
            readings.append(Reading(counter.channel_name, before_ns, after_ns, value))
            before_ns = after_ns
        return readings

    def close(self) -> None:
        """Let go of the zones' files."""
        for counter in self._counters:
            counter.close()

    def _scan(self) -> None:
        """Open the zones that are not open yet; outer zones come before those inside them."""
        self._next_scan_ns = self._now_ns() + SCAN_PERIOD_NS
        refusals = []
        zones = list_zones(self._tree)
        boards = tuple(z.channel_name for z in zones if z.component is Component.BOARD)
        for zone in zones:
            refusal = self._admit(zone, boards)
            if refusal is not None:
                refusals.append(refusal)
        self.refusals = tuple(refusals)

    def _admit(self, zone: Zone, boards: tuple[str | None, ...]) -> Refusal | None:
        """Make a channel of a zone, unless it is one already or must wait for its package."""
        name = zone.channel_name
        if name is None:
            reason = f"a zone of an unknown kind: {zone.name!r}"
            return Refusal(str(zone.folder), Component.BOARD, reason)
        known = {channel.name for channel in self.channels}
        inside = zone.package if zone.name in SCOPES else None
        if name in known or (inside is not None and inside not in known):
            return None
        try:
            channel = self._describe(zone, name, inside or board_of(name, boards))
            self._counters.append(_Counter(zone.counter, name))
        except (OSError, ValueError) as error:
            return _refusal(zone, error, "" if inside else name)
        self.channels = (*self.channels, channel)
        return None

    def _describe(self, zone: Zone, name: str, contained_in: str | None) -> Channel:
        range_uj = read_number(zone.folder / "max_energy_range_uj")
        scope = SCOPES.get(zone.name, "")
        if range_uj is None:
            unknown = "where its counter starts again is unknown (max_energy_range_uj unreadable)"
            scope = f"{scope}; {unknown}" if scope else unknown
        return Channel(
            name=name,
            component=zone.component,
            kind=Kind.COUNTER,
            provenance=Provenance.MEASURED,
            source=str(zone.counter),
            refresh_s=REFRESH_S,
            device=f"{self._device} {zone.name}",
            scope=scope,
            contained_in=contained_in,
            unit_j=1e-6,
            modulus=None if range_uj is None else range_uj + 1,
            resolution=RESOLUTION_J,
            gain_error_fraction=GAIN_ERROR_FRACTIONS[zone.component],
            least_power_w=zone.least_power_w,
            max_power_w=max_power_w(zone.folder),
        )


def find(sysfs: Path, clock: Clock) -> Discovery:
    """The RAPL zones of the machine; a refusal where it shows none."""
    probe = PowercapProbe(sysfs, clock)
    if probe.channels:
        return Discovery((probe,), probe.refusals)
    source = str(sysfs / "class" / "powercap")
    reason = (
        "no RAPL zones: virtual machines and containers hide them, and some processors have none"
    )
    remedy = "sudo modprobe intel_rapl_msr  # on the machine itself, not in a guest of it"
    return Discovery((), probe.refusals or (Refusal(source, Component.CPU, reason, remedy),))


def _refusal(zone: Zone, error: OSError | ValueError, leaves_unread: str) -> Refusal:
    """``leaves_unread``: the channel that the zone would have been, unless its package has it."""
    source, component = str(zone.counter), zone.component
    if isinstance(error, PermissionError):
        reason = "only root may read it (Linux 5.10 and newer, because of CVE-2020-8694)"
        remedy = permission_remedy(zone.folder.parent)
        return Refusal(source, component, reason, remedy, leaves_unread=leaves_unread)
    cause = error.strerror if isinstance(error, OSError) else "it does not show a number"
    reason = f"it cannot be read: {cause}"
    return Refusal(source, component, reason, leaves_unread=leaves_unread)


def permission_remedy(tree: Path) -> str:
    """The commands that let an ordinary user read RAPL, one per line, in the order to try them."""
    beside_python = Path(sys.executable).with_name("effmeter")
    program = str(beside_python) if beside_python.exists() else "effmeter"
    as_user = "--reuid=$(id -u) --regid=$(id -g) --init-groups"
    capability = "--inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
    return "\n".join(
        (
            f"sudo {program} daemon run --group $(id -gn)",
            f"sudo chmod a+r {tree}/intel-rapl*:*/energy_uj  # every user, until the next boot",
            f"sudo setpriv {as_user} {capability} {program} run -- CMD  # one command",
        )
    )


def _processor_model() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
