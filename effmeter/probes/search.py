"""The search for the sensors of this machine, family by family."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.amd import discovery as amd_gpus
from effmeter.probes.apple import discovery as apple_socs
from effmeter.probes.base import Discovery
from effmeter.probes.cray import probe as cray_counters
from effmeter.probes.devices import list_devices
from effmeter.probes.estimate import probe as estimates
from effmeter.probes.hwmon import probe as hwmon_rails
from effmeter.probes.intel import probe as intel_gpus
from effmeter.probes.nvidia import probe as nvidia_gpus
from effmeter.probes.processors import ProcessorConditions
from effmeter.probes.rapl import perf, powercap, pyrapl
from effmeter.probes.rapl.identity import Pause
from effmeter.probes.sysfs import sysfs_of
from effmeter.probes.wall import discovery as wall_meters

_ESTIMATED_COMPONENTS = (Component.CPU, Component.RAM)
_ESTIMATES = "psutil"
_Family = tuple[str, Component, Callable[[Discovery], Discovery]]
"""A family's name, the component that its failure leaves unknown, and its search, which is given
what the families before it have found."""


def discover(
    sysfs: Path | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    pause: Pause = time.sleep,
) -> Discovery:
    """Every sensor that can be used here, and every one that refuses; it never raises.

    Processors and memory are estimated too, and their channels say so: the estimates count where
    no sensor covers them, and stand by for sensors that fail.
    ``sysfs`` defaults to what ``EFFMETER_SYSFS`` names in ``environ``, then to ``/sys``;
    ``pause`` waits where sensors must be seen to change.
    """
    return Search(sysfs, environ, clock, pause).discovery


class Search:
    """A search for the sensors of this machine, which can be repeated; arguments as ``discover``.

    ``discovery`` is what it has found.
    """

    def __init__(
        self,
        sysfs: Path | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        pause: Pause = time.sleep,
    ) -> None:
        self._pause = pause
        self._environ = os.environ if environ is None else environ
        self._sysfs = sysfs or sysfs_of(self._environ)
        self._clock = clock or SystemClock()
        self._processors = ProcessorConditions(self._sysfs, self._clock)
        self._found: dict[str, Discovery] = {}
        """By family."""
        self.discovery = self._search()

    def again(self) -> Discovery | None:
        """What is there now, after another search of the families that had no usable sensor.

        None: the same as before. The probes found earlier stay as they are.
        """
        before = dict(self._found)
        for family, found in before.items():
            if not found.probes:
                del self._found[family]
        discovery = self._search()
        if self._found == before:
            return None
        self.discovery = discovery
        return discovery

    def _search(self) -> Discovery:
        """All families; those that are known already are not searched."""
        sysfs, environ, clock = self._sysfs, self._environ, self._clock
        measured = Discovery(conditions=(self._processors,))
        families: list[_Family] = [
            ("powercap", Component.CPU, lambda _: powercap.find(sysfs, clock, self._pause)),
            ("perf", Component.CPU, lambda _: perf.find(sysfs, clock, self._zone_names)),
            ("pyRAPL", Component.CPU, lambda _: pyrapl.find(environ, clock, self._zones)),
            ("hwmon", Component.CPU, lambda known: hwmon_rails.find(sysfs, clock, known.names)),
            ("Apple", Component.CPU, lambda _: apple_socs.find(environ, clock)),
            ("NVML", Component.GPU, lambda known: nvidia_gpus.find(sysfs, clock, known.covered)),
            ("Intel", Component.GPU, lambda _: intel_gpus.find(sysfs, clock)),
            ("AMD SMI", Component.GPU, lambda _: amd_gpus.find(sysfs, environ, clock)),
            ("Cray", Component.WALL, lambda known: cray_counters.find(sysfs, clock, known)),
            ("wall", Component.WALL, lambda _: wall_meters.find(sysfs, environ, clock)),
        ]
        for family in families:
            measured = _joined(measured, self._family(measured, *family))
        measured = _without_what_is_covered(measured)
        measured = replace(measured, devices=list_devices(sysfs))
        # An estimate stays where a sensor is found later: it is then left out of totals.
        uncovered = [c for c in _ESTIMATED_COMPONENTS if not _covers(measured, c)]
        component = (*uncovered, *_ESTIMATED_COMPONENTS)[0]
        estimated = self._family(measured, _ESTIMATES, component, self._estimates)
        return _joined(measured, estimated)

    def _estimates(self, measured: Discovery) -> Discovery:
        """Estimates where no sensor covers a component, and in reserve where one does.

        None in reserve for a sensor that takes in two components: an estimate is of one.
        """
        uncovered = [c for c in _ESTIMATED_COMPONENTS if not _covers(measured, c)]
        reserve = [c for c in _ESTIMATED_COMPONENTS if c not in uncovered]
        if measured.covered.intersection(_ESTIMATED_COMPONENTS):
            reserve = []
        if not uncovered and not reserve:
            return Discovery()
        return estimates.find(uncovered, reserve, self._environ, self._clock)

    @property
    def _zones(self) -> tuple[Channel, ...]:
        return self._found["powercap"].channels

    @property
    def _zone_names(self) -> Collection[str]:
        return powercap.names_read(self._found["powercap"])

    def _family(
        self,
        known: Discovery,
        family: str,
        component: Component,
        find: Callable[[Discovery], Discovery],
    ) -> Discovery:
        if family not in self._found:
            self._found[family] = _searched(family, component, lambda: find(known))
        return self._found[family]


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
        tuple(source for discovery in found for source in discovery.conditions),
    )


def _without_what_is_covered(found: Discovery) -> Discovery:
    """The same where a refused sensor leaves nothing unread: another family reads its devices."""
    refusals = tuple(
        replace(refusal, leaves_unread="") if refusal.component in found.covered else refusal
        for refusal in found.refusals
    )
    return replace(found, refusals=refusals)


def _covers(found: Discovery, component: Component) -> bool:
    return component in found.covered or any(
        channel.component is component and channel.provenance is not Provenance.ESTIMATED
        for channel in found.channels
    )
