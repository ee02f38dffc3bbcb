"""How much memory the recorded programs use: of the machine, and of its GPUs.

Resident memory (RSS) is summed over the programs and all that descend from them. A page that
several share counts for each: telling that apart (PSS) would walk all their page tables while
they wait. On Linux each process also tells its own highest (VmHWM), so that a peak between two
looks is not missed.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from effmeter.clock import Clock
from effmeter.probes.base import DeviceMemory, Failure, MemoryDevices, Probe
from effmeter.recorder.observers.contention import HIDDEN_BY_CONTAINER
from effmeter.recorder.observers.observer import Cadence
from effmeter.recorder.observers.processes import PROC, Family, Listing, Process, sees_all_processes
from effmeter.runfile.format import PEAK

CADENCE = Cadence(settle_s=0.1, period_s=1.0, longest_s=10.0, load_fraction=0.0003)
RAM = "ram"
NO_PROCESS = "cannot be told: the process numbers of the recorded program mean nothing here"
NOT_PER_PROCESS = "the driver does not tell it of each process"
_ON_LINUX = sys.platform.startswith("linux")


class Resident(NamedTuple):
    """The resident memory of one process (bytes), and its peak so far where it is known."""

    now_bytes: int
    highest_bytes: int | None


class MemorySnapshot(NamedTuple):
    """What was seen at one moment."""

    time_ns: int
    processes: Mapping[int, Process]
    resident: Mapping[int, Resident]
    """Of the recorded programs, by process."""
    gpus: Mapping[str, DeviceMemory]
    """By channel."""
    sees_all: bool = True
    """Whether the numbers in ``gpus`` are those of ``processes``."""


class MemoryAmount(NamedTuple):
    """How much of a memory is used (None: unknown); ``text``: ``PEAK``, or why it is unknown."""

    name: str
    value_bytes: int | None
    text: str | None = None


class MemoryObserver:
    """Takes snapshots of all that is recorded."""

    def __init__(
        self,
        roots: Callable[[], set[int]],
        gpus: Callable[[], Mapping[str, DeviceMemory]],
        clock: Clock,
        proc: Path = PROC,
    ) -> None:
        self._roots = roots
        self._gpus = gpus
        self._clock = clock
        self._proc = proc
        self._listing = Listing(proc)
        self._family = Family()
        self._sees_all = sees_all_processes(proc)

    def observe(self, _has_joined: bool = False) -> MemorySnapshot:
        """One snapshot; processes that end meanwhile are left out."""
        processes = self._listing.refresh()
        roots = self._roots()
        if roots.isdisjoint(self._family.roots):
            self._family = Family()  # none of those who were recorded before still is
        self._family.roots = roots
        found = ((pid, resident(pid, self._proc)) for pid in self._family.pids(processes))
        known = {pid: seen for pid, seen in found if seen is not None}
        gpus = dict(self._gpus())
        return MemorySnapshot(self._clock.now_ns(), processes, known, gpus, self._sees_all)


@dataclass(slots=True)
class MemoryLog:
    """Follows the memory of one recording's programs; tells what has changed."""

    roots: set[int]
    _family: Family = field(default_factory=Family)
    _highest: dict[int, int | None] = field(default_factory=dict)
    """Of each member, as it was last seen."""
    _has_looked: bool = False
    _last: dict[str, int | None] = field(default_factory=dict)

    def changes(self, seen: MemorySnapshot) -> Iterator[MemoryAmount]:
        """The amounts that have changed since the last snapshot, and the peaks above them."""
        self._family.roots = self.roots
        pids = self._family.pids(seen.processes)
        for use in (*self._in_ram(seen, pids), *self._on_gpus(seen, pids)):
            if use.text == PEAK or self._last.get(use.name, -1) != use.value_bytes:
                yield use
            if use.text != PEAK:
                self._last[use.name] = use.value_bytes

    def _in_ram(self, seen: MemorySnapshot, pids: frozenset[int]) -> Iterator[MemoryAmount]:
        if not self.roots:
            yield MemoryAmount(RAM, None, NO_PROCESS)
        members = {pid: seen.resident[pid] for pid in pids if pid in seen.resident}
        if not members:
            return
        now_bytes = sum(member.now_bytes for member in members.values())
        yield MemoryAmount(RAM, now_bytes)
        peak_bytes = sum(self._peak_bytes(pid, member) for pid, member in members.items())
        self._highest = {pid: member.highest_bytes for pid, member in members.items()}
        self._has_looked = True
        if peak_bytes > now_bytes:
            yield MemoryAmount(RAM, peak_bytes, PEAK)

    def _peak_bytes(self, pid: int, member: Resident) -> int:
        """The peak since the last snapshot; a peak before the first is not of this recording."""
        now_bytes, highest_bytes = member
        if highest_bytes is None or (pid not in self._highest and not self._has_looked):
            return now_bytes
        has_risen = highest_bytes > (self._highest.get(pid) or 0)
        return highest_bytes if has_risen else now_bytes

    def _on_gpus(self, seen: MemorySnapshot, pids: frozenset[int]) -> Iterator[MemoryAmount]:
        for channel, memory in seen.gpus.items():
            use = self._on_gpu(channel, memory.by_process, pids, seen.sees_all)
            yield use
            if use.value_bytes is None and isinstance(memory.used_bytes, int):
                yield MemoryAmount(f"{channel}-device", memory.used_bytes)

    def _on_gpu(
        self,
        channel: str,
        by_process: Mapping[int, int | None] | Failure,
        pids: frozenset[int],
        sees_all: bool,
    ) -> MemoryAmount:
        if isinstance(by_process, Failure):
            return MemoryAmount(channel, None, by_process.reason)
        if not sees_all or not self.roots:
            return MemoryAmount(channel, None, HIDDEN_BY_CONTAINER if self.roots else NO_PROCESS)
        own = [by_process[pid] for pid in {*pids, *self.roots} & by_process.keys()]
        known = [used_bytes for used_bytes in own if used_bytes is not None]
        if len(known) < len(own):
            return MemoryAmount(channel, None, NOT_PER_PROCESS)
        return MemoryAmount(channel, sum(known))


def resident(pid: int, proc: Path = PROC) -> Resident | None:
    """The resident memory of a process; None once it has ended, or where it hides."""
    if not _ON_LINUX:
        return _resident_by_psutil(pid)
    try:
        with open(f"{proc}/{pid}/status", "rb", buffering=0) as file:
            status = file.read(4096)
        return Resident(_kib(status, b"VmRSS:") * 1024, _kib(status, b"VmHWM:") * 1024)
    except (OSError, ValueError, IndexError):
        return None


def _kib(status: bytes, name: bytes) -> int:
    """A line of ``/proc/PID/status`` (proc(5)); ValueError where it is missing, as of a zombie."""
    at = status.index(name) + len(name)
    return int(status[at : status.index(b"kB", at)])


def _resident_by_psutil(pid: int) -> Resident | None:
    import psutil

    with contextlib.suppress(psutil.Error):
        return Resident(psutil.Process(pid).memory_info().rss, None)
    return None


def device_memory(probes: Iterable[Probe]) -> Callable[[], Mapping[str, DeviceMemory]]:
    """Asks every probe whose devices tell of their memory, looked up at each call."""

    def memory() -> dict[str, DeviceMemory]:
        return {
            name: used
            for probe in probes
            if isinstance(probe, MemoryDevices)
            for name, used in probe.memory().items()
        }

    return memory
