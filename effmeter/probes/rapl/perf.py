"""RAPL counters through Linux' perf events, for zones that powercap refuses.

The kernel's ``power`` PMU counts in units of 2^-32 J and takes care of wraps. It may be read
with CAP_PERFMON or where ``perf_event_paranoid`` is 0 or less; the modes of powercap's files do
not matter. Each channel names the powercap channel of the same zone as its container, so that
nothing counts twice should that one become readable in mid-run.

=============== ========= ======= ====== ======= ========================= ==========
name            component kind    unit   refresh scope                     provenance
=============== ========= ======= ====== ======= ========================= ==========
cpu0-perf       cpu       counter 2^-32J 1 ms    package 0                 measured
cpu0-core-perf  cpu       counter 2^-32J 1 ms    contained in cpu0-perf    measured
cpu0-uncore-perf cpu      counter 2^-32J 1 ms    contained in cpu0-perf    measured
dram0-perf      ram       counter 2^-32J 1 ms    memory of package 0       measured
psys-perf       board     counter 2^-32J 1 ms    the platform              measured
=============== ========= ======= ====== ======= ========================= ==========

Source: the kernel's ``arch/x86/events/rapl.c``; ``man perf_event_open``.
"""

import errno
import os
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Discovery, Failure, Reading
from effmeter.probes.rapl.accuracy import GAIN_ERROR_FRACTIONS, least_power_w
from effmeter.probes.rapl.masking import daemon_command, own_program
from effmeter.probes.rapl.perf_events import PowerPmu, open_system_wide, power_pmu
from effmeter.probes.sysfs import read_number

REFRESH_S = 0.001
RESOLUTION_J = 61e-6
"""The counter behind it steps by 2^-14 J, as a rule."""
_PARTS = {
    "energy-pkg": ("cpu{}", Component.CPU, ""),
    "energy-ram": ("dram{}", Component.RAM, ""),
    "energy-cores": ("cpu{}-core", Component.CPU, "the cores of the package"),
    "energy-gpu": ("cpu{}-uncore", Component.CPU, "the graphics beside the cores"),
    "energy-psys": ("psys", Component.BOARD, "the platform"),
}
_INSIDE_PACKAGE = ("energy-cores", "energy-gpu")
_REFUSED = (errno.EACCES, errno.EPERM)
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")

CONTAINER_REMEDY = "docker run --cap-add PERFMON ...  # from a container"
_WORTH_NAMING = ("events", "energy-pkg", "energy-ram")

OpenEvent = Callable[[int, int, int], int]
"""PMU type, event and CPU to a descriptor; OSError."""


@dataclass(frozen=True, slots=True)
class _Event:
    """An open event and the channel that it is."""

    channel: Channel
    descriptor: int

    def read(self) -> int | Failure:
        """The count, or why there is none."""
        try:
            count = os.read(self.descriptor, 8)
        except OSError as error:
            return Failure(f"{self.channel.source}: {error.strerror}")
        if len(count) != 8:
            return Failure(f"{self.channel.source}: it counts no more (its CPU went offline)")
        return int.from_bytes(count, sys.byteorder)


class PerfProbe:
    """Reads the zones of ``pmu`` that are not in ``taken``, the names of powercap's channels.

    ``refusals`` lists the events that may not be opened; ``paranoid`` is the file of the kernel's
    setting.
    """

    name = "perf"
    period_s = REFRESH_S

    def __init__(
        self,
        pmu: PowerPmu,
        clock: Clock | None = None,
        taken: Collection[str] = (),
        open_event: OpenEvent = open_system_wide,
        paranoid: Path = PARANOID,
    ) -> None:
        self._paranoid = paranoid
        self._now_ns = (clock or SystemClock()).now_ns
        self._pmu = pmu
        self._open_event = open_event
        self._events: list[_Event] = []
        self.refusals: tuple[Refusal, ...] = ()
        for event, name, cpu in self._missing(taken):
            self._admit(event, name, cpu, taken)
        self.refusals += tuple(_closed(path) for path in pmu.closed if path.name in _WORTH_NAMING)
        self.channels = tuple(event.channel for event in self._events)

    def read(self) -> list[Reading]:
        """One reading of every channel, back to back."""
        readings = []
        before_ns = self._now_ns()
        for event in self._events:
            value = event.read()
            after_ns = self._now_ns()
            readings.append(Reading(event.channel.name, before_ns, after_ns, value))
            before_ns = after_ns
        return readings

    def close(self) -> None:
        """Let go of the events."""
        for event in self._events:
            os.close(event.descriptor)
        self._events = []

    def _missing(self, taken: Collection[str]) -> Iterator[tuple[str, str, int]]:
        """Events with their powercap names and CPUs, whole packages first."""
        for event, (pattern, component, _) in _PARTS.items():
            packages = self._pmu.packages.items() if event in self._pmu.events else ()
            for place, (package, cpu) in enumerate(packages):
                name = pattern.format(package)
                if name not in taken and (component is not Component.BOARD or place == 0):
                    yield event, name, cpu

    def _admit(self, event: str, name: str, cpu: int, taken: Collection[str]) -> None:
        """Open an event, unless it is inside a package that is not known."""
        outer = name
        if event in _INSIDE_PACKAGE:
            package = name.rpartition("-")[0]
            opened = {e.channel.name for e in self._events}
            outer = f"{package}-perf" if f"{package}-perf" in opened else package
            if outer == package and package not in taken:
                return
        channel = self._channel(event, name, outer)
        try:
            descriptor = self._open_event(self._pmu.type, self._pmu.events[event].config, cpu)
        except OSError as error:
            self.refusals = (*self.refusals, _refusal(channel, error, self._paranoid))
            return
        self._events.append(_Event(channel, descriptor))

    def _channel(self, event: str, name: str, contained_in: str) -> Channel:
        _, component, scope = _PARTS[event]
        repeats = self._may_repeat(component) if event not in _INSIDE_PACKAGE else ""
        return Channel(
            name=f"{name}-perf",
            component=component,
            kind=Kind.COUNTER,
            provenance=Provenance.MEASURED,
            source=f"perf_event_open, power/{event}/",
            refresh_s=REFRESH_S,
            # A part is another device than its package, which it cannot stand in for.
            device=name if event in _INSIDE_PACKAGE else "",
            scope=scope,
            contained_in=contained_in,
            may_repeat=repeats,
            unit_j=self._pmu.events[event].unit_j,
            resolution=RESOLUTION_J,
            gain_error_fraction=GAIN_ERROR_FRACTIONS[component],
            least_power_w=least_power_w(component, is_part=event in _INSIDE_PACKAGE),
        )

    def _may_repeat(self, component: Component) -> str:
        """The open event whose counter this one may be too; empty where that is decided."""
        if self._pmu.are_own_counters or component is Component.BOARD:
            return ""
        alike = (e.channel for e in self._events if e.channel.component is component)
        return next((channel.name for channel in alike if not channel.scope), "")


def find(sysfs: Path, clock: Clock, taken: Collection[str] = ()) -> Discovery:
    """The zones that perf shows and powercap does not; silent where there is no such PMU."""
    pmu = power_pmu(sysfs)
    if pmu is None:
        return Discovery()
    probe = PerfProbe(pmu, clock, taken)
    return Discovery((probe,) if probe.channels else (), probe.refusals)


def _refusal(channel: Channel, error: OSError, setting: Path) -> Refusal:
    if error.errno not in _REFUSED:
        reason = f"it cannot be opened: {error.strerror}"
        return Refusal(channel.source, channel.component, reason)
    paranoid = read_number(setting)
    if paranoid is not None and paranoid <= 0:
        reason = (
            "a container or a security module forbids perf events, whatever the kernel's setting"
        )
        return Refusal(channel.source, channel.component, reason, CONTAINER_REMEDY)
    reason = "system-wide events need CAP_PERFMON, or perf_event_paranoid at 0 or less"
    return Refusal(channel.source, channel.component, reason, permission_remedy())


def _closed(path: Path) -> Refusal:
    """The refusal of an event whose description cannot be read."""
    component = _PARTS[path.name][1] if path.name in _PARTS else Component.CPU
    reason = "hidden here: the file that describes the event cannot be read"
    return Refusal(str(path), component, reason, daemon_command())


def permission_remedy() -> str:
    """The commands that let an ordinary user open the events, in the order to try them."""
    as_user = "--reuid=$(id -u) --regid=$(id -g) --init-groups"
    capability = "--inh-caps=+perfmon --ambient-caps=+perfmon"
    return "\n".join(
        (
            daemon_command(),
            f"sudo setpriv {as_user} {capability} {own_program()} run -- CMD  # one command",
            "sudo sysctl kernel.perf_event_paranoid=0  # every user, until the next boot",
        )
    )
