"""The processor time of recorded programs, and how much of it may be missing.

The time of a process is counted up to the last look at it. That of a child which has ended is
with the parent that waited for it. A child that ended without being waited for, or whose parent
ended first, takes with it what it did since it was last seen. An account of the whole machine
bounds what such children can have done: it is at most all work, less that of the recorded
programs, less that of all other processes. What the ancestors of a recorded program have waited
for counts on neither side: an orphan is theirs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from effmeter.recorder.observers.cgroups import Cgroup
from effmeter.recorder.observers.processes import Process

Listed = Mapping[int, Process]
"""Processes by number, as they were read at one moment."""


@dataclass(slots=True)
class ProgramTime:
    """What the processes of one program have done since it was first seen."""

    spent_s: float = 0.0
    unseen_s: float = 0.0
    """How much more it may be."""
    processes: int = 0
    cgroup: Cgroup | None = None
    """The cgroup that held its processes alone at the last look."""
    is_exact: bool = False
    """Whether a cgroup has told all of its time since the last account of the machine."""


@dataclass(slots=True)
class ProcessorTimes:
    """Follows the programs of one recording, by the number of their first process."""

    programs: dict[int, ProgramTime] = field(default_factory=dict)
    _members: Listed = field(default_factory=dict)
    _account: "_Account | None" = None

    def look(
        self,
        members: Listed,
        owners: Mapping[int, int],
        cgroups: Mapping[int, Cgroup],
    ) -> None:
        """Take in the members as they are now, each with its program in ``owners``.

        ``cgroups``: by program, the cgroup that holds its processes and no other.
        """
        counts = Counter(owners[pid] for pid in members)
        spent_s = dict.fromkeys(counts, 0.0)
        for pid, change_s in _changes_s(self._members, members):
            root = owners[pid]
            if pid in self._members or root in self.programs:
                spent_s[root] += change_s
        for root in spent_s:
            time = self.programs.setdefault(root, ProgramTime())
            time.spent_s += self._by_cgroup_s(time, cgroups.get(root), spent_s[root])
        for root, time in self.programs.items():
            time.processes = counts[root]
        self._members = members

    def account(self, busy_s: float, others: Listed, ancestors: Iterable[int]) -> None:
        """Bound what has ended unseen since the last account; after a look at the same moment."""
        spent_s = sum(time.spent_s for time in self.programs.values())
        before, self._account = self._account, _Account(busy_s, spent_s, others)
        left_s = 0.0
        if before is not None:
            changes = _changes_s(before.others, others, ancestors)
            theirs_s = sum(change_s for _, change_s in changes)
            left_s = (busy_s - before.busy_s) - (spent_s - before.spent_s) - theirs_s
        for time in self.programs.values():
            if not time.is_exact:
                time.unseen_s += max(0.0, left_s)
            time.is_exact = time.cgroup is not None

    @staticmethod
    def _by_cgroup_s(time: ProgramTime, cgroup: Cgroup | None, spent_s: float) -> float:
        """What a program has done since the last look: by its own cgroup where it has one."""
        before, time.cgroup = time.cgroup, cgroup
        if before is None or cgroup is None or before.path != cgroup.path:
            time.is_exact = False
            return spent_s
        return max(0.0, cgroup.used_s - before.used_s)


@dataclass(frozen=True, slots=True)
class _Account:
    """The work of the machine at one moment: all of it, the programs', the other processes."""

    busy_s: float
    spent_s: float
    others: Listed


def _changes_s(
    before: Listed, now: Listed, uncertain: Iterable[int] = ()
) -> Iterator[tuple[int, float]]:
    """How much more each process has done, with the children that it waited for.

    A child that was seen and has ended counted already; what its parent gained by waiting for it
    counts only beyond that. ``uncertain``: processes whose children do not count.
    """
    ended = {pid: p for pid, p in before.items() if pid not in now or now[pid].key != p.key}
    seen_s: dict[int, float] = {}
    for process in ended.values():
        parent = process.parent
        climbed = set()
        while parent in ended and parent not in climbed:
            climbed.add(parent)
            parent = ended[parent].parent
        seen_s[parent] = seen_s.get(parent, 0.0) + process.busy_s + process.children_busy_s
    skipped = set(uncertain)
    for pid, process in now.items():
        old = before.get(pid)
        if old is None or old.key != process.key:
            own_s, waited_s = process.busy_s, process.children_busy_s
        else:
            own_s = process.busy_s - old.busy_s
            waited_s = process.children_busy_s - old.children_busy_s - seen_s.get(pid, 0.0)
        yield pid, max(0.0, own_s) + (0.0 if pid in skipped else max(0.0, waited_s))
