"""What a run file keeps of the looks at the work: the time that its own programs used devices.

A look is kept at boundaries, where the shares of the programs have changed, and once a minute.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from effmeter.probes.base import Failure
from effmeter.recorder.observers.cgroups import Cgroup
from effmeter.recorder.observers.contention import HIDDEN_BY_CONTAINER
from effmeter.recorder.observers.memory import NO_PROCESS
from effmeter.recorder.observers.owners import Owners
from effmeter.recorder.observers.processes import Process
from effmeter.recorder.observers.processor_time import ProcessorTimes
from effmeter.recorder.observers.work import WorkSnapshot

MOST_UNWRITTEN_NS = 60_000_000_000
NOTICED_SHARE = 0.1
"""A change of a program's share, since the last look that was written, that is written."""
SUDDEN_SHARE = 0.25
"""The same from one look to the next, each of which may be short."""
RESTING_LOAD = 0.05
"""A device that is used for less of the time rests: whose the use is does not matter."""


class Work(NamedTuple):
    """For how long a program, or all of them (None), used a device (None: the processors)."""

    channel: str | None
    root: int | None
    spent_s: float | None
    """None: unknown."""
    unseen_s: float | None = None
    processes: int | None = None
    text: str | None = None
    """Why it is unknown."""


@dataclass(slots=True)
class WorkLog:
    """Follows the work of one recording's programs; tells what its file keeps."""

    roots: set[int]
    _owners: Owners = field(default_factory=Owners)
    _of_before: Mapping[int, int] = field(default_factory=dict)
    _times: ProcessorTimes = field(default_factory=ProcessorTimes)
    _first_busy_s: float | None = None
    _gpus: dict[str, dict[int | None, float]] = field(default_factory=dict)
    """By channel, the seconds of each program and of all processes together."""
    _written: "_Look | None" = None
    _shares: Mapping[tuple[str | None, int | None], float] = field(default_factory=dict)
    """Up to the last look that was written, since the one before it."""
    _waiting: tuple[int, tuple[Work, ...]] | None = None
    """A look that has not been written down."""

    def changes(self, seen: WorkSnapshot) -> Iterator[tuple[int, tuple[Work, ...]]]:
        """The looks to write down: each with its moment."""
        owners = self._owners.update(seen.processes, self.roots)
        works = (*self._on_processors(seen, owners), *self._on_gpus(seen, owners))
        look = (seen.time_ns, works)
        if seen.is_boundary or self._is_due(*look):
            # Work is taken for even between two looks: the one before a change bounds it.
            yield from self.finish()
            yield self._write(*look)
        else:
            self._waiting = look

    def finish(self) -> Iterator[tuple[int, tuple[Work, ...]]]:
        """The last look, where it is not written down yet."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            yield self._write(*waiting)

    def _is_due(self, time_ns: int, works: tuple[Work, ...]) -> bool:
        """Whether the shares have changed, or the last look was written long ago."""
        written = self._written
        if written is None or time_ns - written.time_ns >= MOST_UNWRITTEN_NS:
            return True
        if _differ(written.shares_until(time_ns, works), self._shares, NOTICED_SHARE):
            return True
        if self._waiting is None:
            return False
        until = written.shares_until(*self._waiting)
        since = _Look(*self._waiting).shares_until(time_ns, works)
        return _differ(since, until, SUDDEN_SHARE)

    def _write(self, time_ns: int, works: tuple[Work, ...]) -> tuple[int, tuple[Work, ...]]:
        self._shares = {} if self._written is None else self._written.shares_until(time_ns, works)
        self._written = _Look(time_ns, works)
        return time_ns, works

    def _on_processors(self, seen: WorkSnapshot, owners: Mapping[int, int]) -> Iterator[Work]:
        if not self.roots or isinstance(seen.busy_s, Failure):
            why = seen.busy_s.reason if isinstance(seen.busy_s, Failure) else NO_PROCESS
            yield Work(None, None, None, text=why)
            return
        members = {pid: process for pid, process in seen.members.items() if pid in owners}
        owned = {pid: owners[pid] for pid in members}
        self._times.look(members, owned, self._cgroups_of(seen, owned))
        if seen.others is not None:
            strangers = {pid: p for pid, p in seen.members.items() if pid not in owners}
            others = {**seen.others, **strangers}
            self._times.account(seen.busy_s, others, _ancestors(seen.processes, self.roots))
        if self._first_busy_s is None:
            self._first_busy_s = seen.busy_s
        yield Work(None, None, seen.busy_s - self._first_busy_s)
        for root, spent in self._times.programs.items():
            yield Work(None, root, spent.spent_s, spent.unseen_s, spent.processes)

    @staticmethod
    def _cgroups_of(seen: WorkSnapshot, owned: Mapping[int, int]) -> dict[int, Cgroup]:
        """Those of whole programs: another recording may know further programs inside of one."""
        return {
            root: found
            for root, found in seen.cgroups.items()
            if found.members == {pid for pid, owner in owned.items() if owner == root}
        }

    def _on_gpus(self, seen: WorkSnapshot, owners: Mapping[int, int]) -> Iterator[Work]:
        of_either = {**self._of_before, **owners}
        self._of_before = owners
        for channel, used in seen.gpus.items():
            spent_s = self._gpus.setdefault(channel, {None: 0.0})
            if isinstance(used, Failure) or not (seen.sees_all and self.roots):
                hidden = HIDDEN_BY_CONTAINER if self.roots else NO_PROCESS
                why = used.reason if isinstance(used, Failure) else hidden
                yield Work(channel, None, None, text=why)
                continue
            for root in self._times.programs:
                spent_s.setdefault(root, 0.0)
            for pid, used_s in used.items():
                spent_s[None] += used_s
                if pid in of_either:
                    root = of_either[pid]
                    spent_s[root] = spent_s.get(root, 0.0) + used_s
            yield from (Work(channel, root, spent_s[root]) for root in spent_s)


_Shares = Mapping[tuple[str | None, int | None], float]


class _Look:
    """One look, as a beginning from which shares are counted."""

    def __init__(self, time_ns: int, works: Iterable[Work]) -> None:
        self.time_ns = time_ns
        self._spent_s = {(work.channel, work.root): work.spent_s for work in works}

    def shares_until(self, time_ns: int, works: Iterable[Work]) -> _Shares:
        """Each program's part of the work on each device since then; zero where next to none is."""
        least_s = RESTING_LOAD * (time_ns - self.time_ns) * 1e-9
        done_s = {}
        for work in works:
            before_s = self._spent_s.get((work.channel, work.root), 0.0)
            if work.spent_s is not None and before_s is not None:
                done_s[work.channel, work.root] = work.spent_s - before_s
        shares: dict[tuple[str | None, int | None], float] = {}
        for (channel, root), spent_s in done_s.items():
            all_s = done_s.get((channel, None), 0.0)
            if root is not None:
                shares[channel, root] = spent_s / all_s if all_s > least_s else 0.0
        return shares


def _differ(shares: _Shares, others: _Shares, noticed: float) -> bool:
    if shares.keys() != others.keys():
        return True
    return any(abs(share - others[key]) > noticed for key, share in shares.items())


def _ancestors(processes: Mapping[int, Process], roots: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for root in roots:
        process = processes.get(root)
        while process is not None and process.parent not in found:
            found.add(process.parent)
            process = processes.get(process.parent)
    return found
