"""The processes of the machine: who descends from whom, and how long each has computed.

On Linux one read of ``/proc/PID/stat`` tells all of it (some 10 us a process, a tenth of what
psutil takes); elsewhere psutil does. Processes that hide or end meanwhile are left out.
"""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
ON_LINUX = sys.platform.startswith("linux")
_KERNEL_THREAD = 0x00200000
"""PF_KTHREAD among the flags of a process."""
_INITIAL_PID_NAMESPACE = 0xEFFFFFFC
"""The inode that the kernel gives to the first PID namespace."""


class Process(NamedTuple):
    """One process; ``pid`` and ``started`` together are never used again."""

    pid: int
    parent: int
    session: int
    started: float
    name: str
    busy_s: float
    """Processor time of its own."""
    children_busy_s: float
    """That of the children it has waited for, and theirs."""
    is_kernels: bool = False
    """Whether it is a thread of Linux' own, which works on behalf of others."""

    @property
    def key(self) -> tuple[int, float]:
        """What tells it from a later process of the same number."""
        return self.pid, self.started


def list_processes(proc: Path = PROC) -> dict[int, Process]:
    """All processes that can be seen, by number."""
    listed = _from_proc(proc) if ON_LINUX else _from_psutil()
    return {process.pid: process for process in listed}


def family_of(
    processes: Mapping[int, Process], roots: Iterable[int], known: Iterable[tuple[int, float]] = ()
) -> set[tuple[int, float]]:
    """The keys of roots, of all that descend from them, and of the sessions that these lead.

    ``known``: members found earlier, whose children may have lost the parent between.
    """
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
        if process.session not in (process.pid, process.parent, 0):
            children.setdefault(process.session, []).append(process)
    earlier = set(known)
    waiting = [p for p in processes.values() if p.pid in set(roots) or p.key in earlier]
    waiting += [p for pid, _ in earlier for p in children.get(pid, ()) if pid not in processes]
    family: set[tuple[int, float]] = set()
    while waiting:
        process = waiting.pop()
        if process.key not in family:
            family.add(process.key)
            waiting += children.get(process.pid, ())
    return family | earlier


def sees_all_processes(proc: Path = PROC) -> bool:
    """Whether this process is in the machine's first PID namespace: a container has its own,
    in which the numbers that a driver tells mean nothing."""
    if not ON_LINUX:
        return True
    with contextlib.suppress(OSError):
        return (proc / "self/ns/pid").stat().st_ino == _INITIAL_PID_NAMESPACE
    return False


def busy_s(proc: Path = PROC) -> float:
    """How long all processors together have worked for processes."""
    if ON_LINUX:
        user, nice, system = (proc / "stat").read_bytes().split(maxsplit=4)[1:4]
        return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")
    import psutil

    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


@dataclass(slots=True)
class Family:
    """The processes that descend from some, followed as they come and go.

    Those that have ended are forgotten: a listing must keep the parent that a process was first
    seen with, as ``Listing`` does.
    """

    roots: set[int] = field(default_factory=set)
    _keys: set[tuple[int, float]] = field(default_factory=set)
    _seen: tuple[Mapping[int, Process], frozenset[int]] | None = None
    _pids: frozenset[int] = frozenset()

    def pids(self, processes: Mapping[int, Process]) -> frozenset[int]:
        """Its members among these; a mapping that was seen before is not searched again."""
        roots = frozenset(self.roots)
        if self._seen is None or self._seen[0] is not processes or self._seen[1] != roots:
            self._seen = processes, roots
            keys = family_of(processes, roots, self._keys)
            members = [process for process in processes.values() if process.key in keys]
            self._keys = {member.key for member in members}
            self._pids = frozenset(member.pid for member in members)
        return self._pids


class Listing:
    """The processes of the machine, looked up again and again: only new ones are read."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._known: Mapping[int, Process] = {}

    def refresh(self) -> Mapping[int, Process]:
        """All processes by number, with the work they had done when they were first seen.

        It is the same mapping as before where none has come or gone.
        """
        if not ON_LINUX:
            self._known = list_processes()
            return self._known
        pids = {int(name) for name in os.listdir(self._proc) if name.isdigit()}
        if pids != self._known.keys():
            new = {p.pid: p for p in read_processes(self._proc, pids - self._known.keys())}
            kept = {pid: process for pid, process in self._known.items() if pid in pids}
            self._known = {**kept, **new}
        return self._known


def _from_proc(proc: Path) -> Iterator[Process]:
    return read_processes(proc, map(int, filter(str.isdigit, os.listdir(proc))))


def read_processes(proc: Path, pids: Iterable[int]) -> Iterator[Process]:
    """These processes as they are now, on Linux; those that have ended are left out."""
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            yield parse_stat(_read(f"{proc}/{pid}/stat"), ticks_per_s)


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read(1024)


def parse_stat(line: bytes, ticks_per_s: int) -> Process:
    """A line of ``/proc/PID/stat`` (proc(5)); a name may hold blanks and brackets."""
    opening, closing = line.index(b"("), line.rindex(b")")
    words = line[closing + 2 :].split()
    own, children = int(words[11]) + int(words[12]), int(words[13]) + int(words[14])
    return Process(
        pid=int(line[:opening]),
        parent=int(words[1]),
        session=int(words[3]),
        started=float(words[19]),
        name=line[opening + 1 : closing].decode(errors="replace"),
        busy_s=own / ticks_per_s,
        children_busy_s=children / ticks_per_s,
        is_kernels=bool(int(words[6]) & _KERNEL_THREAD),
    )


def _from_psutil() -> Iterator[Process]:
    import psutil

    for process in psutil.process_iter(["pid", "ppid", "name", "create_time", "cpu_times"]):
        facts = process.info
        times = facts["cpu_times"]
        if times is None:
            continue
        with contextlib.suppress(OSError):
            yield Process(
                facts["pid"],
                facts["ppid"],
                os.getsid(facts["pid"]),
                facts["create_time"],
                facts["name"] or "",
                times.user + times.system,
                getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0),
            )
