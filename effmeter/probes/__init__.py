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
from effmeter.probes.estimate import probe as estimates
from effmeter.probes.hwmon import probe as hwmon_rails
from effmeter.probes.intel import probe as intel_gpus
from effmeter.probes.nvidia import probe as nvidia_gpus
from effmeter.probes.rapl import perf, powercap, pyrapl

SYSFS_VARIABLE = "EFFMETER_SYSFS"
"""Where sysfs is mounted, for containers that mount the host's elsewhere than at ``/sys``."""
_ESTIMATED_COMPONENTS = (Component.CPU, Component.RAM)


def discover(
    sysfs: Path | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> Discovery:
    """Every sensor that can be used here, and every one that refuses; it never raises.

    Processors and memory are estimated too, and their channels say so: the estimates count where
    no sensor covers them, and stand by for sensors that fail.
    ``sysfs`` defaults to what ``EFFMETER_SYSFS`` names in ``environ``, then to ``/sys``.
    """
    environ = os.environ if environ is None else environ
    sysfs = sysfs or Path(environ.get(SYSFS_VARIABLE) or "/sys")
    clock = clock or SystemClock()
    measured = _searched("powercap", Component.CPU, lambda: powercap.find(sysfs, clock))
    zones = {channel.name: channel for channel in measured.channels}
    families: list[tuple[str, Component, Callable[[], Discovery]]] = [
        ("perf", Component.CPU, lambda: perf.find(sysfs, clock, zones)),
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
    return _joined(measured, _estimated(measured.channels, environ, clock))


def _estimated(
    channels: tuple[Channel, ...], environ: Mapping[str, str], clock: Clock
) -> Discovery:
    """Estimates where no sensor covers a component, and in reserve where one does.

    None where a processor's sensor takes in its memory: an estimate of both would not be of what
    the sensor shows.
    """
    uncovered = [c for c in _ESTIMATED_COMPONENTS if not _covers(channels, c)]
    takes_in_memory = any(map(hwmon_rails.takes_in_memory, channels))
    reserve = [c for c in _ESTIMATED_COMPONENTS if c not in uncovered and not takes_in_memory]
    if not uncovered and not reserve:
        return Discovery()
    component = (*uncovered, *reserve)[0]
    return _searched(
        "psutil", component, lambda: estimates.find(uncovered, reserve, environ, clock)
    )


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
