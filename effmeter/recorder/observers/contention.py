"""Who else used the devices of a recording: other processes on the GPUs and the processors.

Other processes are those that do not descend from the recorded programs. On a GPU each of them
counts, whatever it does there. On the processors they count where they together did more than
``NOTICED_WORK_FRACTION`` of all work and kept more than ``NOTICED_CPUS`` busy; the work of those
that started and ended between two observations is the difference of all work and the known.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from effmeter.probes.base import Failure
from effmeter.recorder.observers.processes import Process, family_of

NOTICED_WORK_FRACTION = 0.1
NOTICED_CPUS = 0.5
NAMED_CPUS = 0.05
"""A process that keeps at least so much of a processor busy is counted as a user of it."""
MOST_NAMED = 5
HIDDEN_BY_CONTAINER = "unknown: the recorder runs in a container and does not see all processes"


class MachineSnapshot(NamedTuple):
    """What was seen of the machine at one moment."""

    time_ns: int
    busy_s: float
    """How long all processors have worked for processes."""
    users: Mapping[str, tuple[int, ...] | Failure]
    """Which processes are on each GPU, by channel."""
    processes: Mapping[int, Process] | None
    """None: the processors are next to idle and the GPUs have the users they had."""
    sees_all: bool = True
    """Whether the numbers in ``users`` are those of ``processes``."""


class DeviceContention(NamedTuple):
    """How many other processes use a device (None: unknown), and which."""

    channel: str | None
    """None: the processors of the host."""
    others: int | None
    text: str


@dataclass(slots=True)
class ContentionLog:
    """Follows the other users of one recording's devices; tells what has changed."""

    names_processes: bool = True
    """Whether who recorded may know of other users' processes more than their number."""
    roots: set[int] = field(default_factory=set)
    """The recorded programs."""
    _family: set[tuple[int, float]] = field(default_factory=set)
    _own: set[int] = field(default_factory=set)
    _names: dict[int, str] = field(default_factory=dict)
    _before: MachineSnapshot | None = None
    _last: dict[str | None, int | None] = field(default_factory=dict)

    def changes(self, seen: MachineSnapshot) -> Iterator[DeviceContention]:
        """The devices whose other users have changed in number."""
        if not self.roots:
            return
        if seen.processes is not None:
            self._learn(seen.processes)
        current = [self._on_gpu(channel, seen) for channel in seen.users]
        on_processors = self._on_processors(seen)
        if on_processors is not None:
            current.append(on_processors)
        self._before = seen
        for sharing in current:
            if self._last.get(sharing.channel, 0) != sharing.others:
                self._last[sharing.channel] = sharing.others
                yield sharing

    def _learn(self, processes: Mapping[int, Process]) -> None:
        self._family = family_of(processes, self.roots, self._family)
        self._own = {pid for pid, process in processes.items() if process.key in self._family}
        self._names = {pid: process.name for pid, process in processes.items()}

    def _on_gpu(self, channel: str, seen: MachineSnapshot) -> DeviceContention:
        users = seen.users[channel]
        if isinstance(users, Failure):
            return DeviceContention(channel, None, users.reason)
        if users and not seen.sees_all:
            return DeviceContention(channel, None, HIDDEN_BY_CONTAINER)
        others = sorted({*users} - self._own - self.roots)
        return DeviceContention(channel, len(others), self._listed(others))

    def _on_processors(self, seen: MachineSnapshot) -> DeviceContention | None:
        """None where there is nothing to compare with yet."""
        before = self._before
        if before is None or seen.time_ns <= before.time_ns:
            return None
        elapsed_s = (seen.time_ns - before.time_ns) * 1e-9
        busy_s = seen.busy_s - before.busy_s
        if busy_s < NOTICED_CPUS * elapsed_s:
            return DeviceContention(None, 0, "")
        if seen.processes is None or before.processes is None:
            return None
        others_s = busy_s - self._own_s(before.processes, seen.processes)
        if others_s < max(NOTICED_CPUS * elapsed_s, NOTICED_WORK_FRACTION * busy_s):
            return DeviceContention(None, 0, "")
        users = self._working(before.processes, seen.processes, NAMED_CPUS * elapsed_s)
        share = f"{others_s / busy_s:.0%} of the processors' work"
        listed = self._listed(users)
        return DeviceContention(None, max(1, len(users)), f"{share}: {listed}" if listed else share)

    def _own_s(self, before: Mapping[int, Process], now: Mapping[int, Process]) -> float:
        """The work of the recorded programs since, and of what serves all.

        A child that ended has left its work with the parent that waited for it; without such a
        parent what it did is not known any more.
        """
        followed = (p for p in before.values() if p.pid in now or p.parent in self._own)
        return sum(map(self._passed_s, now.values())) - sum(map(self._passed_s, followed))

    def _passed_s(self, process: Process) -> float:
        if process.key in self._family:
            return process.busy_s + process.children_busy_s
        return process.busy_s if _serves_all(process) else 0.0

    def _working(
        self, before: Mapping[int, Process], now: Mapping[int, Process], least_s: float
    ) -> Sequence[int]:
        """Other processes that did at least so much work since, the busiest first."""
        work_s = {
            pid: process.busy_s - (before[pid].busy_s if pid in before else 0.0)
            for pid, process in now.items()
            if process.key not in self._family and not _serves_all(process)
        }
        found = [pid for pid, spent_s in work_s.items() if spent_s >= least_s]
        return sorted(found, key=lambda pid: -work_s[pid])

    def _listed(self, pids: Sequence[int]) -> str:
        if not self.names_processes:
            return ""
        named = [f"{self._names.get(pid, 'process')} ({pid})" for pid in pids[:MOST_NAMED]]
        more = [f"{len(pids) - MOST_NAMED} more"] if len(pids) > MOST_NAMED else []
        return ", ".join([*named, *more])


def _serves_all(process: Process) -> bool:
    """The kernel's threads, and the recorder itself."""
    return process.is_kernels or process.pid == os.getpid()
