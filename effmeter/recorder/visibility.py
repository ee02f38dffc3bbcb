"""The devices that a recorded program may use: each family of probes answers for its own.

A program only states the values of the families' environment variables. They are resolved here,
where the devices are known, since a program's own device numbers may differ from the recorder's.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from effmeter.cover import HIDDEN_CHANNELS, VISIBILITY_UNKNOWN
from effmeter.probes.base import Discovery, RestrictableDevices

VISIBLE_DEVICES = "visible_gpus"
"""The identities of the devices that a restricted program may use; for people to read."""
_ANSWERS = (HIDDEN_CHANNELS, VISIBILITY_UNKNOWN, VISIBLE_DEVICES)


def visibility_variables(discovery: Discovery) -> tuple[str, ...]:
    """The environment variables by which a program can be restricted to some devices."""
    names = (name for probe in _restrictable(discovery) for name in probe.visibility_variables)
    return tuple(dict.fromkeys(names))


def with_hidden_channels(
    program: Mapping[str, Any], discovery: Discovery, pid: int
) -> dict[str, Any]:
    """A program's description, with the channels of the devices that are hidden from it."""
    # A program's own claims about this are dropped: only the recorder knows its devices.
    facts = {name: value for name, value in program.items() if name not in _ANSWERS}
    same_devices = _has_same_files(pid)
    for probe in _restrictable(discovery):
        environ = {
            name: str(facts[name])
            for name in probe.visibility_variables
            if facts.get(name) is not None
        }
        answer = probe.visible_to(environ, same_devices)
        if answer.hidden_channels is not None:
            facts.setdefault(HIDDEN_CHANNELS, []).extend(answer.hidden_channels)
            facts.setdefault(VISIBLE_DEVICES, []).extend(answer.devices)
        elif answer.reason:
            facts[VISIBILITY_UNKNOWN] = answer.reason
    return facts


def _restrictable(discovery: Discovery) -> Iterator[RestrictableDevices]:
    return (probe for probe in discovery.probes if isinstance(probe, RestrictableDevices))


def _has_same_files(pid: int) -> bool:
    """Whether a process sees the recorder's files, and so its devices; a container has its own."""
    try:
        own, other = (os.stat(f"/proc/{who}/ns/mnt") for who in ("self", pid))
    except OSError:
        return False
    return (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino)
