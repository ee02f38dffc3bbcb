"""RAPL counters of Intel and AMD processors, read through Linux' powercap tree.

Packages, their memory (dram) and the whole platform (psys) are channels of their own; the cores
and the uncore part of a package are listed as contained in it. A counter shows microjoules, is
refreshed about every millisecond with some jitter, and starts again after
``max_energy_range_uj``. Since Linux 5.10 only root may read it (CVE-2020-8694).

Where the zone of a package's registers (MSR) cannot be read, its zone of ``intel-rapl-mmio`` is.
Zones that show one counter become one channel (see ``identity``).

Source: the kernel's ``Documentation/power/powercap/powercap.rst`` and its ``intel_rapl_common``.
"""

import contextlib
import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Discovery, Reading
from effmeter.probes.rapl.accuracy import GAIN_ERROR_FRACTIONS, least_power_w
from effmeter.probes.rapl.identity import Pause
from effmeter.probes.rapl.masking import daemon_command, hidden_zones, nothing_found, own_program
from effmeter.probes.rapl.mirrors import Mirrors, OpenZone
from effmeter.probes.rapl.processor import read_processor
from effmeter.probes.rapl.zone_counter import ZoneCounter
from effmeter.probes.rapl.zones import SCOPES, Zone, Zones, board_of, list_zones, max_power_w
from effmeter.probes.sysfs import read_number

REFRESH_S = 0.001
RESOLUTION_J = 61e-6
"""The usual unit of the counter, 2^-14 J; memory may show finer steps."""
SCAN_PERIOD_NS = 5_000_000_000
"""How often the tree is searched for zones that have appeared."""
_AMD_CORE_SCOPE = "one core of the package"
"""AMD counts each core by itself; the zone shows the one that the kernel reads."""


class PowercapProbe:
    """Reads every RAPL zone under ``root`` (the place of sysfs, usually ``/sys``).

    Zones that appear while it is in use, or that may be read only then, become channels within
    a few seconds. ``refusals`` lists the zones that cannot be read. ``pause`` waits between the
    readings of the burst that finds counters shown twice.
    """

    name = "powercap"
    period_s = REFRESH_S

    def __init__(self, root: Path, clock: Clock | None = None, pause: Pause = time.sleep) -> None:
        self.channels: tuple[Channel, ...] = ()
        self.refusals: tuple[Refusal, ...] = ()
        self._root = root
        self._tree = root / "class" / "powercap"
        self._now_ns = (clock or SystemClock()).now_ns
        self._processor = read_processor(root)
        self._device = _processor_model()
        self._mirrors = Mirrors(self._processor, self._now_ns, pause)
        self._zones: Zones | None = None
        self._hidden: list[Refusal] = []
        self._read: dict[str, OpenZone] = {}
        """Zones that are channels, by the channel."""
        self._scan()

    @property
    def zone_names(self) -> frozenset[str]:
        """The channels that the zones are or would be, those that repeat another's included."""
        return frozenset(self._read) | self._mirrors.names

    def read(self) -> list[Reading]:
        """One reading of every channel, back to back."""
        before_ns = self._now_ns()
        if before_ns >= self._next_scan_ns:
            self._scan()
            before_ns = self._now_ns()
        readings = []
        for name, zone in self._read.items():
            value = zone.counter.read()
            after_ns = self._now_ns()
            readings.append(Reading(name, before_ns, after_ns, value))
            before_ns = after_ns
        return readings

    def close(self) -> None:
        """Let go of the zones' files."""
        for zone in self._read.values():
            zone.counter.close()

    def _scan(self) -> None:
        """Open the zones that are not open yet; outer zones come before those inside them."""
        self._next_scan_ns = self._now_ns() + SCAN_PERIOD_NS
        zones = list_zones(self._tree)
        opened, refused = self._open(zones)
        fresh = self._mirrors.admit(opened)
        boards = tuple(z.channel_name for z in zones.named if z.component is Component.BOARD)
        for zone_name, open_zone in fresh.items():
            self._add(zone_name, open_zone, boards)
        self._describe_again()
        if zones != self._zones:
            self._hidden = hidden_zones(zones, self._root, self._processor)
            self._zones = zones
        self.refusals = (*self._unread(refused), *self._hidden)

    def _open(self, zones: Zones) -> tuple[dict[str, OpenZone], dict[str, list[Refusal]]]:
        """The zones that have become readable, and the refusals of the others, by channel."""
        opened: dict[str, OpenZone] = {}
        refused: dict[str, list[Refusal]] = {}
        for zone in zones.named:
            name = zone.channel_name
            if name is None:
                reason = f"a zone of an unknown kind: {zone.name!r}"
                refusal = Refusal(str(zone.folder), Component.BOARD, reason)
                refused[str(zone.folder)] = [refusal]
            elif not (self._mirrors.knows(name) or name in opened):
                found = _opened(zone, name)
                if isinstance(found, Refusal):
                    refused.setdefault(name, []).append(found)
                else:
                    opened[name] = found
        return opened, refused

    def _unread(self, refused: dict[str, list[Refusal]]) -> Iterator[Refusal]:
        """The refusals, with what no other zone shows in ``leaves_unread``."""
        for name, refusals in refused.items():
            shown = self._mirrors.shown_name(name)
            for refusal in refusals:
                if not refusal.leaves_unread:
                    yield refusal
                elif self._mirrors.knows(name):
                    reason = f"{refusal.reason}; another zone shows {shown}"
                    yield replace(refusal, reason=reason, remedy="", leaves_unread="")
                else:
                    yield replace(refusal, leaves_unread=shown)

    def _add(self, zone_name: str, open_zone: OpenZone, boards: tuple[str | None, ...]) -> None:
        """Make a channel of a zone; parts of a package wait for the package."""
        zone, name = open_zone.zone, self._mirrors.shown_name(zone_name)
        inside = zone.package if zone.name in SCOPES else None
        outer = board_of(name, boards) if inside is None else self._mirrors.shown_name(inside)
        if inside is not None and outer not in self._read:
            self._mirrors.forget(zone_name)
            open_zone.counter.close()
            return
        self._read[name] = open_zone
        self.channels = (*self.channels, self._describe(name, open_zone, outer))

    def _describe(self, name: str, open_zone: OpenZone, contained_in: str | None) -> Channel:
        zone = open_zone.zone
        scope = SCOPES.get(zone.name, "")
        if zone.name == "core" and self._processor.counts_per_package:
            scope = _AMD_CORE_SCOPE
        if open_zone.modulus is None:
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
            modulus=open_zone.modulus,
            resolution=RESOLUTION_J,
            gain_error_fraction=GAIN_ERROR_FRACTIONS[zone.component],
            least_power_w=least_power_w(zone.component, is_part=zone.name in SCOPES),
            max_power_w=max_power_w(zone.folder),
        )

    def _describe_again(self) -> None:
        """State at each channel which zones repeat it, and which channel it may repeat."""
        self.channels = tuple(
            replace(
                channel,
                repeated_by=self._mirrors.repeated_by(channel.name),
                may_repeat=self._mirrors.may_repeat(channel.name),
                contained_in=self._mirrors.found_later_in(channel.name) or channel.contained_in,
            )
            for channel in self.channels
        )


def find(sysfs: Path, clock: Clock, pause: Pause = time.sleep) -> Discovery:
    """The RAPL zones of the machine; a refusal where it shows none."""
    probe = PowercapProbe(sysfs, clock, pause)
    if probe.channels:
        return Discovery((probe,), probe.refusals)
    return Discovery((), probe.refusals or (nothing_found(sysfs, read_processor(sysfs)),))


def names_read(found: Discovery) -> frozenset[str]:
    """The names of all zones that powercap reads, under their own name or another's."""
    return frozenset(
        name
        for probe in found.probes
        if isinstance(probe, PowercapProbe)
        for name in probe.zone_names
    )


def _opened(zone: Zone, name: str) -> OpenZone | Refusal:
    """The open counter of a zone, or why it cannot be read."""
    try:
        counter = ZoneCounter(zone.counter, name)
    except (OSError, ValueError) as error:
        return _refusal(zone, error, "" if zone.name in SCOPES else name)
    range_uj = read_number(zone.folder / "max_energy_range_uj")
    return OpenZone(zone, counter, None if range_uj is None else range_uj + 1)


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
    as_user = "--reuid=$(id -u) --regid=$(id -g) --init-groups"
    capability = "--inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
    return "\n".join(
        (
            daemon_command(),
            f"sudo chmod a+r {tree}/intel-rapl*:*/energy_uj  # every user, until the next boot",
            f"sudo setpriv {as_user} {capability} {own_program()} run -- CMD  # one command",
        )
    )


def _processor_model() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
