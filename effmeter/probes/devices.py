"""The devices that can be hidden from a program: by its cgroup, its container, its environment.

A number names a device only inside the boundary that made it. Programs and recorder therefore
list identities, in the order in which their own drivers number them, and the numbers in a
program's variables are resolved by the list of that program.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from effmeter.channel import Channel
from effmeter.clock import Clock
from effmeter.probes.amd import listing as amd_listing
from effmeter.probes.amd import visibility as amd_visibility
from effmeter.probes.amd.gpu import includes_second_die
from effmeter.probes.base import DeviceListing, Discovery, Failure, Listed, ListedDevice, Usable
from effmeter.probes.intel import listing as intel_listing
from effmeter.probes.intel import visibility as intel_visibility
from effmeter.probes.nvidia import listing as nvidia_listing
from effmeter.probes.nvidia import visibility as nvidia_visibility

_MOST_DEVICES = 256
_LONGEST_TEXT = 200


class Vendor(NamedTuple):
    """How one vendor's devices are listed, found, and restricted by the environment."""

    find: Callable[[Path, Mapping[str, str], Clock], Discovery]
    """Their sensors, by the place of sysfs and the environment."""
    list_devices: Callable[[Path], Listed]
    usable: Callable[[Mapping[str, str], Sequence[ListedDevice]], Usable]
    variables: tuple[str, ...]
    takes_in_others: Callable[[Channel], bool] = lambda _: False
    """Whether a channel's figure takes in devices that have no channel of their own."""


# Imported where they are used: a helper that only lists devices starts without their modules.


def _find_nvidia(sysfs: Path, _environ: Mapping[str, str], clock: Clock) -> Discovery:
    from effmeter.probes.nvidia import probe

    return probe.find(sysfs, clock)


def _find_amd(sysfs: Path, environ: Mapping[str, str], clock: Clock) -> Discovery:
    from effmeter.probes.amd import discovery

    return discovery.find(sysfs, environ, clock)


def _find_intel(sysfs: Path, _environ: Mapping[str, str], clock: Clock) -> Discovery:
    from effmeter.probes.intel import probe

    return probe.find(sysfs, clock)


VENDORS: Mapping[str, Vendor] = {
    "nvidia": Vendor(
        _find_nvidia,
        lambda _: nvidia_listing.list_devices(),
        nvidia_visibility.usable,
        nvidia_visibility.VARIABLES,
    ),
    "amd": Vendor(
        _find_amd,
        amd_listing.list_devices,
        amd_visibility.usable,
        amd_visibility.VARIABLES,
        includes_second_die,
    ),
    "intel": Vendor(
        _find_intel,
        intel_listing.list_devices,
        intel_visibility.usable,
        intel_visibility.VARIABLES,
    ),
}
VARIABLES = tuple(dict.fromkeys(name for vendor in VENDORS.values() for name in vendor.variables))
"""The environment variables by which a program restricts its devices."""


def list_devices(sysfs: Path) -> dict[str, Listed]:
    """What this process sees, by vendor."""
    return {name: _listed(vendor, sysfs) for name, vendor in VENDORS.items()}


def _listed(vendor: Vendor, sysfs: Path) -> Listed:
    try:
        return vendor.list_devices(sysfs)
    except Exception as error:  # one vendor's fault must not hide the others
        return Failure(f"{type(error).__name__}: {error}")


def listing_to_texts(listing: DeviceListing) -> dict[str, str]:
    """A listing as one JSON text for each vendor, to be sent to a recorder."""
    return {
        name: json.dumps(
            {"failure": listed.reason}
            if isinstance(listed, Failure)
            else [[d.ids, d.name, d.parts, d.place_is_assumed] for d in listed]
        )
        for name, listed in listing.items()
    }


def listing_from_texts(texts: Mapping[str, Any]) -> dict[str, Listed]:
    """The listing in texts of ``listing_to_texts``; ValueError where they are none."""
    return {name: _from_text(texts[name]) for name in VENDORS if name in texts}


def _from_text(text: Any) -> Listed:
    try:
        found = json.loads(text)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"no list of devices: {error}") from error
    if isinstance(found, dict):
        return Failure(str(found.get("failure"))[:_LONGEST_TEXT])
    if not isinstance(found, list) or len(found) > _MOST_DEVICES:
        raise ValueError("no list of devices")
    return tuple(map(_device, found))


def _device(described: Any) -> ListedDevice:
    try:
        ids, name, parts, is_assumed = described
        if not ids:
            raise ValueError("it has no identity")
        return ListedDevice(
            _texts(ids),
            str(name)[:_LONGEST_TEXT],
            None if parts is None else _texts(parts),
            bool(is_assumed),
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"no device: {error}") from error


def _texts(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or len(found) > _MOST_DEVICES:
        raise ValueError("no list of texts")
    return tuple(str(text)[:_LONGEST_TEXT] for text in found)
