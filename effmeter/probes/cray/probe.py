"""HPE Cray's compute nodes: the counters that the node's controller shows to every user.

============= ========== ======= ==== ======= ===================================== ==========
name          component  kind    unit refresh scope                                 provenance
============= ========== ======= ==== ======= ===================================== ==========
cray-node     wall       counter J    0.1 s   the node; stands apart                measured
cray-cpu      cpu        counter J    0.1 s   all processors; in RAPL's channel     measured
cray-cpuN     cpu        counter J    0.1 s   processor N; in ``cpuN``              measured
cray-memory   ram        counter J    0.1 s   all memory; in RAPL's channel         measured
cray-accelN   gpu, board counter J    0.1 s   accelerator N; a board, which stands  measured
                                              apart, where its vendor's tool reads
============= ========== ======= ==== ======= ===================================== ==========

``/sys/cray/pm_counters`` is refreshed ten times a second, all files together, and ``freshness``
counts the refreshes: a look during which it changed is repeated, and where it stands still the
figures are old. A counter that shows 0 J has no sensor behind it.

Sources: HPE, CSM documentation, "User Access to Compute Node Power Data"; Martin and others,
"Cray XC Advanced Power Management Updates" (CUG 2018).
"""

import re
from collections.abc import Sequence
from pathlib import Path

from effmeter.channel import Channel, Component, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Discovery, Failure, Reading
from effmeter.probes.cray.counters import ENERGY, counter_channels
from effmeter.probes.meter_files import (
    FileMeter,
    Meter,
    NumberFile,
    SensorError,
    cause_of,
    read_meter,
    readable,
)
from effmeter.probes.pci import AMD, NVIDIA, gpus_on_bus

FOLDER = Path("cray", "pm_counters")
PERIOD_S = 0.05
STALE_NS = 2_000_000_000
"""Twenty refreshes: the controller does not pause for so long."""
MOST_LOOKS = 3
_FRESHNESS = re.compile(rb"\s*([0-9]{1,19})(?:\s.*)?")
STALE = "the node's controller does not refresh its counters (freshness stands still)"


class CrayProbe:
    """Reads the counters of one refresh, back to back."""

    name = "cray"
    period_s = PERIOD_S

    def __init__(
        self, meters: Sequence[Meter], freshness: Path, clock: Clock | None = None
    ) -> None:
        self.channels = tuple(meter.channel for meter in meters)
        self._meters = tuple(meters)
        self._freshness = NumberFile(freshness, _FRESHNESS)
        self._now_ns = (clock or SystemClock()).now_ns
        self._refresh: int | None = None
        self._refreshed_ns = 0

    def read(self) -> list[Reading]:
        """One reading of every channel, all of one refresh as far as the node tells."""
        for _ in range(MOST_LOOKS):
            before = self._refresh_number()
            begun_ns = self._now_ns()
            values = [read_meter(meter) for meter in self._meters]
            ended_ns = self._now_ns()
            if before == self._refresh_number():
                break
        is_stale = self._is_stale(before, ended_ns)
        return [
            Reading(channel.name, begun_ns, ended_ns, Failure(STALE) if is_stale else value)
            for channel, value in zip(self.channels, values, strict=True)
        ]

    def close(self) -> None:
        """Close the files."""
        self._freshness.close()
        for meter in self._meters:
            meter.close()

    def _refresh_number(self) -> int | None:
        try:
            return self._freshness.read()
        except SensorError:
            return None

    def _is_stale(self, refresh: int | None, now_ns: int) -> bool:
        """Whether the counters have long not been refreshed; not where the node does not tell."""
        if refresh is None or refresh != self._refresh:
            self._refresh, self._refreshed_ns = refresh, now_ns
            return False
        return now_ns - self._refreshed_ns > STALE_NS


def find(sysfs: Path, clock: Clock, found: Discovery) -> Discovery:
    """The counters of a node of Cray's; ``found`` is what the other families read.

    Silent on other machines.
    """
    folder = sysfs / FOLDER
    meters = [
        FileMeter(channel, path, pattern=ENERGY)
        for channel, path in counter_channels(folder, found, _late_gpu(sysfs))
    ]
    shown, refusals = readable(meters, _refusal)
    if not shown:
        return Discovery((), tuple(refusals))
    probe = CrayProbe(shown, folder / "freshness", clock)
    return Discovery((probe,), tuple(refusals), _covered(probe.channels, refusals, found))


def _late_gpu(sysfs: Path) -> str | None:
    """The first channel that the GPUs on the bus will have once their driver is loaded."""
    vendors = ((NVIDIA, "gpu0"), (AMD, "amd-gpu0"))
    return next((name for vendor, name in vendors if gpus_on_bus(sysfs, vendor)), None)


def _covered(
    channels: Sequence[Channel], refusals: Sequence[Refusal], found: Discovery
) -> frozenset[Component]:
    """The components that these counters alone show, and show whole."""
    counted = {c.component for c in channels if c.contained_in not in found.names}
    apart = {Component.BOARD, Component.WALL, *(refusal.component for refusal in refusals)}
    return frozenset(counted - apart)


def _refusal(channel: Channel, error: OSError | ValueError) -> Refusal:
    reason = f"it cannot be read: {cause_of(error)}"
    if channel.component in (Component.BOARD, Component.WALL):
        return Refusal(channel.source, channel.component, reason, present=False)
    unread = channel.contained_in or channel.name
    return Refusal(channel.source, channel.component, reason, leaves_unread=unread)
