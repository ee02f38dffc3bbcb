"""The devices that a recorded program may use, as its description in the recording states them.

A number in a program's variables counts the devices that the program sees. Its own list decides
where there is one; the recorder's list stands in for it only inside the same boundary.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from effmeter.channel import Channel, Component
from effmeter.cover import (
    DEVICE_CAUTIONS,
    DEVICE_FACTS,
    HIDDEN_CHANNELS,
    UNREAD_DEVICES,
    VISIBILITY_UNKNOWN,
    VISIBLE_DEVICES,
)
from effmeter.probes.base import (
    Caution,
    DeviceListing,
    Discovery,
    Failure,
    Listed,
    ListedDevice,
    Probe,
    Usable,
)
from effmeter.probes.devices import VARIABLES, VENDORS, Vendor

OUTSIDE = "the recorder does not see it: the program runs in a cgroup or container of its own"
UNNAMED = "their meter does not tell which devices they are, so that all of them count"
_NOT_LISTED = Failure(
    "it runs in a cgroup or container of its own, and its devices could not be listed there"
)
_UNNUMBERED = (ListedDevice(("",)),) * 256
"""In front of a list: every number is then that of an unknown device."""
_PROC = Path("/proc")


def variables_of(program: Mapping[str, Any]) -> dict[str, str]:
    """The variables in a program's description that restrict its devices."""
    return {name: str(program[name]) for name in VARIABLES if program.get(name) is not None}


def without_answers(program: Mapping[str, Any]) -> dict[str, Any]:
    """A program's description without claims about what only the recorder knows."""
    return {name: fact for name, fact in program.items() if name not in DEVICE_FACTS}


def device_facts(
    environ: Mapping[str, str], listing: DeviceListing | None, discovery: Discovery
) -> dict[str, Any]:
    """What a program's description states about its devices; empty where nothing restricts it.

    ``listing``: the devices that the program sees; None: unknown.
    """
    facts: dict[str, Any] = {}
    unnamed = {c.name for c in discovery.channels if c.component is Component.GPU}
    is_restricted = False
    for name, vendor in VENDORS.items():
        listed = _NOT_LISTED if listing is None else listing.get(name, ())
        own = discovery.devices.get(name, ())
        known = () if isinstance(own, Failure) else own
        devices = [*known, *(() if isinstance(listed, Failure) else listed)]
        channels = [c for c in discovery.channels if any(device.is_of(c) for device in devices)]
        unnamed -= {channel.name for channel in channels}
        usable = _usable(vendor, environ, listed, known)
        seen = known if isinstance(listed, Failure) else listed
        is_restricted |= len(usable.devices or ()) < len(seen)
        if usable.devices is None:
            _note_unknown(facts, usable.reason, channels)
            continue
        _note_usable(facts, usable.devices, vendor, channels)
        unseen = _unseen(usable.devices, known)
        _extend(facts, UNREAD_DEVICES, [_unread(device) for device in unseen if device.id])
        _extend(facts, DEVICE_CAUTIONS, [_in_words(c, channels) for c in usable.cautions])
    if is_restricted and unnamed:
        _extend(facts, DEVICE_CAUTIONS, [f"{', '.join(sorted(unnamed))}: {UNNAMED}"])
    return facts


def shares_boundary(pid: int, proc: Path = _PROC) -> bool:
    """Whether a process sees the recorder's devices: the same file systems in the same cgroup."""
    try:
        own, other = (os.stat(proc / str(who) / "ns/mnt") for who in ("self", pid))
        cgroups = [(proc / str(who) / "cgroup").read_bytes() for who in ("self", pid)]
    except OSError:
        return False
    return (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino) and len(set(cgroups)) == 1


def _usable(
    vendor: Vendor, environ: Mapping[str, str], listed: Listed, known: Sequence[ListedDevice]
) -> Usable:
    """The devices that a program may use; without its own list, as far as no number decides."""
    if not isinstance(listed, Failure):
        return vendor.usable(environ, listed)
    usable = vendor.usable(environ, [*_UNNUMBERED, *known])
    if usable.devices is None or any(not device.id for device in usable.devices):
        return Usable(None, listed.reason)
    return usable


def _note_unknown(facts: dict[str, Any], reason: str, channels: Sequence[Channel]) -> None:
    if channels:
        reasons = [facts[VISIBILITY_UNKNOWN]] if VISIBILITY_UNKNOWN in facts else []
        facts[VISIBILITY_UNKNOWN] = "; ".join(dict.fromkeys([*reasons, reason]))


def _note_usable(
    facts: dict[str, Any],
    usable: Sequence[ListedDevice],
    vendor: Vendor,
    channels: Sequence[Channel],
) -> None:
    """Name the channels of the other devices, unless one may take in a usable device."""
    hidden = [c for c in channels if not any(device.is_of(c) for device in usable)]
    if any(not any(device.is_of(c) for c in channels) for device in usable):
        hidden = [channel for channel in hidden if not vendor.takes_in_others(channel)]
    if hidden:
        _extend(facts, HIDDEN_CHANNELS, [channel.name for channel in hidden])
        _extend(facts, VISIBLE_DEVICES, [device.id for device in usable], keeps_empty=True)


def _in_words(caution: Caution, channels: Sequence[Channel]) -> str:
    if caution.device is None:
        return caution.text
    names = [channel.name for channel in channels if caution.device.is_of(channel)]
    name = f"{names[0]} ({caution.device.id})" if names else caution.device.id
    return f"{name} {caution.text}"


def _unread(device: ListedDevice) -> dict[str, str]:
    return {
        "device": device.id,
        "component": Component.GPU,
        "reason": f"{device.name}: {OUTSIDE}" if device.name else OUTSIDE,
    }


def _unseen(devices: Iterable[ListedDevice], known: Iterable[ListedDevice]) -> list[ListedDevice]:
    ids = {identity for device in known for identity in device.ids}
    return [device for device in devices if ids.isdisjoint(device.ids)]


def unseen_devices(
    listing: DeviceListing, discovery: Discovery
) -> dict[str, tuple[ListedDevice, ...]]:
    """The devices of a list that the recorder does not see, by vendor."""
    found = {}
    for name, listed in listing.items():
        own = discovery.devices.get(name, ())
        known = () if isinstance(own, Failure) else own
        devices = () if isinstance(listed, Failure) else listed
        unseen = tuple(device for device in _unseen(devices, known) if device.id)
        if unseen:
            found[name] = unseen
    return found


def with_unseen_devices(
    discovery: Discovery, probe: Probe, unseen: Mapping[str, tuple[ListedDevice, ...]]
) -> Discovery:
    """What there is to read, with the devices that a helper reads for the recorder."""
    devices = dict(discovery.devices)
    for name, found in unseen.items():
        known = devices.get(name, ())
        devices[name] = (*(() if isinstance(known, Failure) else known), *found)
    return replace(discovery, probes=(*discovery.probes, probe), devices=devices)


def _extend(
    facts: dict[str, Any], name: str, found: Sequence[Any], keeps_empty: bool = False
) -> None:
    if found or keeps_empty:
        facts.setdefault(name, []).extend(found)
