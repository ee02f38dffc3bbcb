"""A short look at every sensor: what cannot be read, and which counters stand still.

Readings are taken until every counter of a device that always draws power has moved, or has been
looked at for as long as it takes to say that it stands still: a tenth of a second as a rule, about
a second where one stands still.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from effmeter.channel import Channel, Component
from effmeter.clock import Clock, SystemClock
from effmeter.cover import Cover
from effmeter.energy.standstill import is_standstill
from effmeter.probes.base import Discovery
from effmeter.recorder.sampling.ingest import ChannelGap, ChannelTracker, Sample

SPACING_S = 0.02
LONGEST_S = 3.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look has shown."""

    failures: Mapping[str, str]
    """By channel, why it could not be read."""
    standing: Mapping[str, str]
    """By channel whose counter does not move, the reason."""


def look_at(
    discovery: Discovery,
    clock: Clock | None = None,
    wait: Callable[[float], object] = time.sleep,
    on_wait: Callable[[], object] | None = None,
) -> Looked:
    """Read every sensor for a short while; ``on_wait`` is called once a look takes longer."""
    clock = clock or SystemClock()
    tracker = ChannelTracker()
    begun_ns = clock.now_ns()
    moved: set[str] = set()
    failures: dict[str, str] = {}
    while True:
        for probe in discovery.probes:
            readings = probe.read()
            tracker.describe(probe.channels)
            for item in tracker.process(readings):
                if isinstance(item, ChannelGap) and not is_standstill(item.reason):
                    failures.setdefault(item.channel, item.reason)
                elif isinstance(item, Sample) and (item.energy_j or 0.0) > 0:
                    moved.add(item.channel)
        standing = {g.channel: g.reason for g in tracker.failing if is_standstill(g.reason)}
        watched = set(tracker.watched) - failures.keys()
        elapsed_s = (clock.now_ns() - begun_ns) * 1e-9
        if watched <= moved | standing.keys() or elapsed_s >= LONGEST_S:
            return Looked(failures, standing)
        if on_wait is not None and elapsed_s > 10 * SPACING_S:
            on_wait()
            on_wait = None
        wait(SPACING_S)


def standstill_remedy(channel: Channel, cover: Cover) -> str:
    """What helps where a counter stands still, one line each."""
    if channel.component is Component.GPU:
        return "# update the driver of the GPU and its firmware"
    lines = [
        "# in a virtual machine: measure on its host, which has the counters",
        "# on the machine itself: update its firmware and kernel",
    ]
    estimated = {c.component for c in cover.channels if c.name in cover.estimated}
    if channel.component in estimated:
        lines.append(f"{_BETTER_ESTIMATES[channel.component]}; until then it is estimated")
    return "\n".join(lines)


_BETTER_ESTIMATES = {
    Component.CPU: "export EFFMETER_CPU_TDP_W=65  # the processors' design power",
    Component.RAM: "export EFFMETER_RAM_W_PER_GIB=0.375  # the power of the memory",
}
