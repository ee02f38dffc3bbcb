"""Which recorded program each process belongs to."""

from collections.abc import Collection, Mapping

from effmeter.recorder.observers.processes import Process


class Owners:
    """Assigns each process to the nearest recorded program that it descends from.

    A process keeps its program when its parent ends before it. Only new processes are looked at,
    unless the recorded programs have changed.
    """

    def __init__(self) -> None:
        self._roots: dict[int, Process | None] = {}
        """The recorded programs as they were first seen: a later process may have the number."""
        self._seen: Mapping[int, Process] = {}
        self._owners: dict[int, int] = {}
        """By process, living or ended since the listing before."""

    def update(self, processes: Mapping[int, Process], roots: Collection[int]) -> Mapping[int, int]:
        """The program of each process that belongs to one; by number."""
        if processes is self._seen and self._roots.keys() == set(roots):
            return self._owners
        known = self._known(processes)
        has_new_root = self._take_roots(processes, roots)
        new = processes.values() if has_new_root else _unknown(processes, self._seen)
        found = dict(known)
        # A parent begins before its children, so that its program is known before theirs.
        for process in sorted(new, key=lambda p: (p.started, p.pid)):
            owner = self._owner_of(process, found)
            if owner is not None:
                found[process.pid] = owner
        self._seen, self._owners = processes, found
        return found

    def _known(self, processes: Mapping[int, Process]) -> dict[int, int]:
        """The owners of those that live, and of those that have ended since the last listing.

        A child that has outlived its parent is listed at the latest with the parent's end.
        """
        before = self._seen
        return {
            pid: owner
            for pid, owner in self._owners.items()
            if pid in before and (pid not in processes or processes[pid].key == before[pid].key)
        }

    def _take_roots(self, processes: Mapping[int, Process], roots: Collection[int]) -> bool:
        """Remember each recorded program; whether there is a new one."""
        kept = {pid: self._roots[pid] for pid in roots if self._roots.get(pid) is not None}
        first = {pid: processes.get(pid) for pid in roots if pid not in kept}
        has_new = any(process is not None for process in first.values())
        self._roots = {**kept, **first}
        return has_new

    def _owner_of(self, process: Process, found: Mapping[int, int]) -> int | None:
        root = self._roots.get(process.pid)
        if root is not None and root.key == process.key:
            return process.pid
        # A process that has left its parent, as a daemon does, may still be in its session.
        places = (process.parent, process.pid, process.session)
        return next((found[pid] for pid in places if pid in found), None)


def _unknown(processes: Mapping[int, Process], before: Mapping[int, Process]) -> list[Process]:
    return [p for pid, p in processes.items() if pid not in before or before[pid].key != p.key]
