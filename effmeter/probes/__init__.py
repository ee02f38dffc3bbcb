"""Probes: a folder for each family of sensors, and the search for those of this machine."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.amd import discovery as amd_gpus
from effmeter.probes.apple import discovery as apple_socs
from effmeter.probes.base import Discovery
from effmeter.probes.devices import list_devices
from effmeter.probes.estimate import probe as estimates
from effmeter.probes.hwmon import probe as hwmon_rails
from effmeter.probes.intel import probe as intel_gpus
from effmeter.probes.nvidia import probe as nvidia_gpus
from effmeter.probes.rapl import perf, powercap, pyrapl

SYSFS_VARIABLE = "EFFMETER_SYSFS"
"""Where sysfs is mounted, for containers that mount the host's elsewhere than at ``/sys``."""
_ESTIMATED_COMPONENTS = (Component.CPU, Component.RAM)


def sysfs_of(environ: Mapping[str, str]) -> Path:
    """Where sysfs is mounted."""
    return Path(environ.get(SYSFS_VARIABLE) or "/sys")


def discover(
    sysfs: Path | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> Discovery:
    """Every sensor that can be used here, and every one that refuses; it never raises.

    Processors and memory that no sensor covers are estimated, and their channels say so.
    ``sysfs`` defaults to what ``EFFMETER_SYSFS`` names in ``environ``, then to ``/sys``.
    """
    environ = os.environ if environ is None else environ
    sysfs = sysfs or sysfs_of(environ)
    clock = clock or SystemClock()
    measured = _searched("powercap", Component.CPU, lambda: powercap.find(sysfs, clock))
    zones = {channel.name: channel for channel in measured.channels}
    zone_names = powercap.names_read(measured)
    families: list[tuple[str, Component, Callable[[], Discovery]]] = [
        ("perf", Component.CPU, lambda: perf.find(sysfs, clock, zone_names)),
        ("pyRAPL", Component.CPU, lambda: pyrapl.find(environ, clock, zones.values())),
        ("hwmon", Component.CPU, lambda: hwmon_rails.find(sysfs, clock, measured.names)),
        ("Apple", Component.CPU, lambda: apple_socs.find(environ, clock)),
        ("NVML", Component.GPU, lambda: nvidia_gpus.find(sysfs, clock)),
        ("Intel", Component.GPU, lambda: intel_gpus.find(sysfs, clock)),
        ("AMD SMI", Component.GPU, lambda: amd_gpus.find(sysfs, environ, clock)),
    ]
    for family in families:
        measured = _joined(measured, _searched(*family))
    measured = _without_what_is_covered(measured)
    uncovered = [c for c in _ESTIMATED_COMPONENTS if not _covers(measured.channels, c)]
    measured = replace(measured, devices=list_devices(sysfs))
    if not uncovered:
        return measured
    estimated = _searched("psutil", uncovered[0], lambda: estimates.find(uncovered, environ, clock))
    return _joined(measured, estimated)


def _searched(source: str, component: Component, find: Callable[[], Discovery]) -> Discovery:
    """What a family's search finds; a refusal if it fails in a way nobody foresaw."""
    try:
        return find()
    except Exception as error:  # one family's fault must not hide the others
        reason = f"the search for it failed: {type(error).__name__}: {error}"
        return Discovery((), (Refusal(source, component, reason),))


def _joined(*found: Discovery) -> Discovery:
    return Discovery(
        tuple(probe for discovery in found for probe in discovery.probes),
        tuple(refusal for discovery in found for refusal in discovery.refusals),
        frozenset(component for discovery in found for component in discovery.covered),
        {name: listed for discovery in found for name, listed in discovery.devices.items()},
    )


def _without_what_is_covered(found: Discovery) -> Discovery:
    """The same where a refused sensor leaves nothing unread: another family reads its devices."""
    refusals = tuple(
        replace(refusal, leaves_unread="") if refusal.component in found.covered else refusal
        for refusal in found.refusals
    )
    return replace(found, refusals=refusals)


def _covers(channels: tuple[Channel, ...], component: Component) -> bool:
    return any(
        channel.component is component and channel.provenance is not Provenance.ESTIMATED
        for channel in channels
    ) or (component is Component.RAM and any(map(hwmon_rails.takes_in_memory, channels)))
