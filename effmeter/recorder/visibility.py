"""Which GPUs a recorded program can see, told where the GPUs are known: in the recorder.

A program only says what its environment holds; its own numbers need not be the recorder's.
"""

import os
from collections.abc import Mapping
from typing import Any

from effmeter.client.program import GPU_VARIABLES
from effmeter.cover import VISIBLE_GPUS, VISIBLE_GPUS_UNKNOWN
from effmeter.probes.base import Discovery
from effmeter.probes.nvidia.probe import NvmlProbe
from effmeter.probes.nvidia.selection import visible_gpus


def with_visible_gpus(program: Mapping[str, Any], discovery: Discovery, pid: int) -> dict[str, Any]:
    """What a program says of itself, and the UUIDs of the GPUs it can see if it is restricted."""
    facts = {k: v for k, v in program.items() if k not in (VISIBLE_GPUS, VISIBLE_GPUS_UNKNOWN)}
    probe = next((p for p in discovery.probes if isinstance(p, NvmlProbe)), None)
    if probe is None:
        return facts
    told = {name: str(facts[name]) for name in GPU_VARIABLES if facts.get(name) is not None}
    selection = visible_gpus(told, probe.gpus, _sees_the_same(pid))
    if selection.uuids is not None:
        facts[VISIBLE_GPUS] = list(selection.uuids)
    elif selection.reason:
        facts[VISIBLE_GPUS_UNKNOWN] = selection.reason
    return facts


def _sees_the_same(pid: int) -> bool:
    """Whether a process has the recorder's files, devices among them; a container has its own."""
    try:
        own, other = (os.stat(f"/proc/{who}/ns/mnt") for who in ("self", pid))
    except OSError:
        return False
    return (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino)
