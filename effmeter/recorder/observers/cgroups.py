"""The cgroup of a program, and the processor time that it has counted.

A cgroup that holds the processes of one program and no other, as that of a batch job, a container
or a service does, counts all that they have ever done, whoever waited for them. Its counter is
``usage_usec`` of ``cpu.stat`` in version 2, ``cpuacct.usage`` in version 1.
"""

import contextlib
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from effmeter.recorder.observers.processes import PROC

CGROUPS = Path("/sys/fs/cgroup")
_MOST_INNER = 64
"""A cgroup with more others inside it is not looked through."""


class Cgroup(NamedTuple):
    """A cgroup that holds some processes alone, apart from the recorder."""

    path: str
    used_s: float
    """The processor time that it has counted, without the recorder's."""
    members: frozenset[int]


def own_cgroup(
    members: Collection[int], proc: Path = PROC, folder: Path = CGROUPS
) -> Cgroup | None:
    """The cgroup that holds these processes alone; None where none does."""
    with contextlib.suppress(OSError, ValueError):
        place = _folder_of((proc / str(min(members)) / "cgroup").read_text(), folder)
        if place is not None:
            used_s, known = _used_s(place), {*members, os.getpid()}
            held = _pids_in(place, known)
            if held is not None and held - {os.getpid()} == set(members):
                recorder_s = time.process_time() if os.getpid() in held else 0.0
                return Cgroup(str(place), used_s - recorder_s, frozenset(members))
    return None


def _folder_of(memberships: str, folder: Path) -> Path | None:
    """The cgroup that counts processor time among those of ``/proc/PID/cgroup``."""
    for line in memberships.splitlines():
        number, controllers, path = line.split(":", 2)
        if "cpuacct" in controllers.split(","):
            return folder / "cpuacct" / path.lstrip("/")
        if number == "0":
            return folder / path.lstrip("/")
    return None


def _used_s(place: Path) -> float:
    version_1 = place / "cpuacct.usage"
    if version_1.exists():
        return int(version_1.read_text()) * 1e-9
    words = (place / "cpu.stat").read_text().split()
    return int(words[words.index("usage_usec") + 1]) * 1e-6


def _pids_in(place: Path, known: Collection[int]) -> set[int] | None:
    """The processes of a cgroup and of those inside it; None where there is any but the known."""
    found: set[int] = set()
    # From the top down, so that a session's or the machine's cgroup is left at once.
    for count, (inner, _, _) in enumerate(os.walk(place)):
        found.update(map(int, Path(inner, "cgroup.procs").read_text().split()))
        if count >= _MOST_INNER or not found <= set(known):
            return None
    return found
