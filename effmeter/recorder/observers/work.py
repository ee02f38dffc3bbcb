"""How long the recorded programs use the processors and the GPUs, beside all others.

A look reads the processes of the recorded programs, every two seconds and at the boundaries of
runs. All other processes are read more rarely, as far as a part of one processor's time allows:
what they have done bounds what children of the programs can have done unseen. The processes of
others only count: their names and numbers stay in the recorder.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from effmeter.clock import Clock
from effmeter.probes.base import Failure, Probe, UsedDevices
from effmeter.recorder.observers.cgroups import CGROUPS, Cgroup, own_cgroup
from effmeter.recorder.observers.observer import Cadence
from effmeter.recorder.observers.owners import Owners
from effmeter.recorder.observers.processes import (
    ON_LINUX,
    PROC,
    Listing,
    Process,
    busy_s,
    read_processes,
    sees_all_processes,
)

CADENCE = Cadence(settle_s=0.0, period_s=2.0, longest_s=10.0, load_fraction=0.001)
ACCOUNT_LOAD_FRACTION = 0.0002
"""The part of one processor that reading all other processes may use."""
ACCOUNT_PERIOD_S = 10.0
SOON_LOAD_FRACTION = 0.02
"""The same at the boundaries of runs, where many short ones follow each other."""
MPS_PROCESS = "nvidia-cuda-mps"
"""What the names of NVIDIA's Multi-Process Service begin with, as the kernel cuts them."""
SERVED_BY_MPS = "NVIDIA's Multi-Process Service runs: programs use the GPU through its server"
NOT_ITS_OWN = "the container shows processor times that are not those of the machine"


class WorkSnapshot(NamedTuple):
    """What was seen at one moment."""

    time_ns: int
    busy_s: float | Failure
    """How long all processors together have worked."""
    processes: Mapping[int, Process]
    """All processes; their times are not of this moment."""
    members: Mapping[int, Process]
    """Those of the recorded programs, read now."""
    others: Mapping[int, Process] | None
    """All others, read now; None: not this time."""
    cgroups: Mapping[int, Cgroup]
    """By program, as far as one holds it alone."""
    gpus: Mapping[str, Mapping[int, float] | Failure]
    """By channel and process: for how long (s) it used the GPU since the snapshot before."""
    is_boundary: bool
    sees_all: bool = True
    """Whether the numbers in ``gpus`` are those of ``processes``."""


class WorkObserver:
    """Takes snapshots of all that is recorded."""

    def __init__(
        self,
        roots: Callable[[], set[int]],
        use: Callable[[float], Mapping[str, Mapping[int, float] | Failure]],
        clock: Clock,
        proc: Path = PROC,
        cgroups: Path = CGROUPS,
    ) -> None:
        self._roots = roots
        self._use = use
        self._clock = clock
        self._proc = proc
        self._cgroups_folder = cgroups
        self._listing = Listing(proc)
        self._owners = Owners()
        self._cgroups: dict[int, Cgroup] = {}
        self._sees_all = sees_all_processes(proc)
        self._is_machines = shows_machine(proc)
        self._looked_ns: int | None = None
        self._account_due_ns = 0
        self._account_soon_ns = 0

    def observe(self, is_boundary: bool = False) -> WorkSnapshot:
        """One snapshot; processes that end meanwhile are left out."""
        roots = self._roots()
        listed = self._listing.refresh()
        owners = self._owners.update(listed, roots)
        # The recorder belongs to no program, though one may have started it.
        pids = {pid for pid in owners if pid in listed and pid != os.getpid()}
        gpus = self._used_gpus(listed)
        now_ns = self._clock.now_ns()
        busy = busy_s(self._proc) if self._is_machines else Failure(NOT_ITS_OWN)
        members = self._read(listed, pids)
        is_due = now_ns >= (self._account_soon_ns if is_boundary else self._account_due_ns)
        others = self._read_others(listed, pids, now_ns) if is_due else None
        self._find_cgroups(owners, members, are_all=is_due)
        return WorkSnapshot(
            now_ns,
            busy,
            listed,
            members,
            others,
            dict(self._cgroups),
            gpus,
            is_boundary,
            self._sees_all,
        )

    def _used_gpus(
        self, listed: Mapping[int, Process]
    ) -> Mapping[str, Mapping[int, float] | Failure]:
        """What was used since the last look; at the first one nothing is known yet."""
        before_ns, self._looked_ns = self._looked_ns, self._clock.now_ns()
        since_s = 0.0 if before_ns is None else (self._looked_ns - before_ns) * 1e-9
        used = self._use(since_s)
        if any(process.name.startswith(MPS_PROCESS) for process in listed.values()):
            return {channel: Failure(SERVED_BY_MPS) for channel in used}
        return {
            channel: shown
            if isinstance(shown, Failure)
            else {pid: fraction * since_s for pid, fraction in shown.items()}
            for channel, shown in used.items()
        }

    def _read(self, listed: Mapping[int, Process], pids: Iterable[int]) -> dict[int, Process]:
        if not ON_LINUX:
            return {pid: listed[pid] for pid in pids}  # the listing is read anew each time
        return {process.pid: process for process in read_processes(self._proc, pids)}

    def _read_others(
        self, listed: Mapping[int, Process], members: set[int], now_ns: int
    ) -> dict[int, Process]:
        begun_s = time.thread_time()
        others = self._read(listed, listed.keys() - members)
        cost_s = time.thread_time() - begun_s
        wait_s = max(ACCOUNT_PERIOD_S, cost_s / ACCOUNT_LOAD_FRACTION)
        self._account_due_ns = now_ns + round(wait_s * 1e9)
        self._account_soon_ns = now_ns + round(cost_s / SOON_LOAD_FRACTION * 1e9)
        return others

    def _find_cgroups(
        self, owners: Mapping[int, int], members: Mapping[int, Process], are_all: bool
    ) -> None:
        """Look at the cgroups that held a program alone, and from time to time at all others'."""
        before, self._cgroups = self._cgroups, {}
        for root in {owners[pid] for pid in members} if are_all else before:
            pids = {pid for pid in members if owners[pid] == root}
            if pids:
                found = own_cgroup(pids, self._proc, self._cgroups_folder)
                if found is not None:
                    self._cgroups[root] = found


def shows_machine(proc: Path = PROC) -> bool:
    """Whether ``/proc/stat`` is that of the machine: some containers mount their own over it."""
    try:
        mounts = (proc / "self/mountinfo").read_text()
    except OSError:
        return True
    return not any(line.split(" ")[4:5] == ["/proc/stat"] for line in mounts.splitlines())


def device_use(
    probes: Iterable[Probe],
) -> Callable[[float], Mapping[str, Mapping[int, float] | Failure]]:
    """Asks every probe whose devices tell how much each process uses them."""

    def use(since_s: float) -> dict[str, Mapping[int, float] | Failure]:
        return {
            channel: used
            for probe in probes
            if isinstance(probe, UsedDevices)
            for channel, used in probe.use_by_process(since_s).items()
        }

    return use
