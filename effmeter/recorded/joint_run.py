"""A job that several hosts recorded, as one run.

Each host writes a file of its own. Their epochs are matched by number, never by time: the energy
of an epoch is the sum of each host's energy in its own window of that epoch. Metrics, labels and
times are those of the lowest rank.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from effmeter.channel import Channel
from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.energy.standstill import Stretch
from effmeter.errors import UsageError
from effmeter.recorded.breakdown import Breakdown, Missing
from effmeter.recorded.conditions import RecordedCondition
from effmeter.recorded.host_clock import HostClock
from effmeter.recorded.job import JobPart, missing_words
from effmeter.recorded.joint_breakdown import (
    JointCover,
    hosts_together,
    joint_total,
    named_by_host,
)
from effmeter.recorded.recorder_identity import RecorderIdentity
from effmeter.recorded.records import Contention, Gap, MemoryUse, Source, Suspend, WallStep
from effmeter.recorded.run import RecordedRun
from effmeter.status import DetailedStatus, Status

_REMEDY = "report the run files of all hosts together"
_MOST_NAMED = 6


class JointRun(RecordedRun):
    """One run of a job, over its parts on each host. Times are of the lead's run clock.

    What is of one host (gaps, conditions, memory, other programs) stands in ``by_host``.
    """

    def __init__(self, parts: Sequence[RecordedRun]) -> None:
        """``parts``: one of each host; UsageError where they are not of one run of one job."""
        ids = {(JobPart.of(part).job_id, part.run_id) for part in parts}
        if len(ids) != 1 or "" in {job_id for job_id, _ in ids}:
            jobs = ", ".join(sorted({JobPart.of(part).job_id or "no job" for part in parts}))
            raise UsageError(f"these runs are not one run of one job: they are of {jobs}")
        ordered = sorted(parts, key=lambda part: JobPart.of(part).lowest_rank)
        lead = next((part for part in ordered if part.lead_epochs), ordered[0])
        super().__init__(lead.recording, lead.place)
        self._lead = lead
        self._parts = tuple(ordered)

    @property
    def is_joint(self) -> bool:
        """Whether it is a run of a job that several hosts recorded: see ``by_host``."""
        return True

    @property
    def by_host(self) -> tuple[RecordedRun, ...]:
        """Its part on each host, by rank."""
        return self._parts

    @property
    def host_names(self) -> tuple[str, ...]:
        """The hosts, by rank; one that another has too is followed by its rank."""
        names = [JobPart.of(part).host for part in self._parts]
        ranks = [JobPart.of(part).lowest_rank for part in self._parts]
        return tuple(
            name if names.count(name) == 1 else f"{name}#{rank}"
            for name, rank in zip(names, ranks, strict=True)
        )

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of all hosts."""
        return tuple(path for part in self._parts for path in part.paths)

    @property
    def recorders(self) -> tuple[RecorderIdentity, ...]:
        """The recorders of all hosts."""
        return tuple(recorder for part in self._parts for recorder in part.recorders)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Where hosts differ in their epochs."""
        parts = list(zip(self.host_names, self._parts, strict=True))
        silent = [host for host, part in parts if not part.lead_epochs]
        counts = {
            host: sum(not e.open for e in part.lead_epochs)
            for host, part in parts
            if part.lead_epochs
        }
        found = []
        if len(set(counts.values())) > 1:
            numbers = ", ".join(f"{host} {count}" for host, count in counts.items())
            found.append(
                f"hosts recorded different numbers of epochs ({numbers}): later ones lack a host"
            )
        if silent and counts:
            found.append(
                f"no epochs were marked on {_listed(silent)}: the energy there is that of the same "
                "time since its run began"
            )
        return tuple(found)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The programs and ranks on all hosts."""
        return tuple(source for part in self._parts for source in part.sources)

    @property
    def program_notes(self) -> tuple[tuple[str, str], ...]:
        """Those of the programs on all hosts; their names begin with that of their host."""
        named = zip(self.host_names, self._parts, strict=True)
        return tuple(
            (f"{host}/{name}", text) for host, part in named for name, text in part.program_notes
        )

    @property
    def dropped_marks(self) -> int:
        """Those of the programs on all hosts."""
        return sum(part.dropped_marks for part in self._parts)

    @property
    def missed_deadlines(self) -> Mapping[str, int]:
        """Those on all hosts; the names of probes begin with that of their host."""
        named = zip(self.host_names, self._parts, strict=True)
        return {
            f"{host}/{probe}": count
            for host, part in named
            for probe, count in part.missed_deadlines.items()
        }

    @cached_property
    def detailed_status(self) -> DetailedStatus:
        """The worst of the hosts' statuses."""
        found = [part.detailed_status for part in self._parts]
        interrupted = [s for s in found if s.status is Status.INTERRUPTED]
        others = [s for s in found if s.status is not Status.COMPLETED]
        return next(iter((*interrupted, *others)), found[0])

    # Energies

    @cached_property
    def _clocks(self) -> tuple[HostClock, ...]:
        return tuple(HostClock(self._lead, part) for part in self._parts)

    def _windows(self, begin_ns: int, end_ns: int) -> list[tuple[int, int] | None]:
        return [clock.window(begin_ns, end_ns) for clock in self._clocks]

    def _break_down(self, begin_ns: int, end_ns: int) -> Breakdown:
        found = [
            None if window is None else part.breakdown(*window)
            for part, window in zip(self._parts, self._windows(begin_ns, end_ns), strict=True)
        ]
        return hosts_together((begin_ns, end_ns), self.host_names, found, self.missing_hosts)

    def energy_over(self, cover: Cover, begin_ns: int, end_ns: int) -> Energy | None:
        """The sum over the hosts that have a part in the window, each over its own cover."""
        assert isinstance(cover, JointCover), "it comes from a breakdown of this run"
        windows = self._windows(begin_ns, end_ns)
        return joint_total(
            [
                part.energy_over(own, *window)
                for part, own, window in zip(self._parts, cover.by_host, windows, strict=True)
                if window is not None and own.channels
            ]
        )

    @property
    def missing_hosts(self) -> tuple[Missing, ...]:
        """The hosts of the job that no file is of, as far as the job states how many it has."""
        words = missing_words([JobPart.of(part) for part in self._parts])
        return (Missing(words, "the total is that of the others", _REMEDY),) if words else ()

    # What is of one host

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        """The channels of all hosts; their names begin with that of their host."""
        named = zip(self.host_names, self._parts, strict=True)
        found = (named_by_host(c, host) for host, part in named for c in part.channels.values())
        return {channel.name: channel for channel in found}

    def standing(self, channel: str) -> tuple[Stretch, ...]:
        """None: see the runs of ``by_host``."""
        del channel
        return ()

    @property
    def disagreeing(self) -> Mapping[str, tuple[str, ...]]:
        """None: see the runs of ``by_host``."""
        return {}

    @property
    def memory(self) -> Mapping[str, MemoryUse]:
        """None: see the runs of ``by_host``."""
        return {}

    @property
    def conditions(self) -> tuple[RecordedCondition, ...]:
        """None: see the runs of ``by_host``."""
        return ()

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """None: see the runs of ``by_host``."""
        return ()

    @property
    def suspends(self) -> tuple[Suspend, ...]:
        """None: see the runs of ``by_host``."""
        return ()

    @property
    def wall_steps(self) -> tuple[WallStep, ...]:
        """None: see the runs of ``by_host``."""
        return ()

    @property
    def contentions(self) -> tuple[Contention, ...]:
        """None: see the runs of ``by_host``."""
        return ()


def _listed(hosts: Sequence[str]) -> str:
    more = f" and {len(hosts) - _MOST_NAMED} more" if len(hosts) > _MOST_NAMED else ""
    return ", ".join(hosts[:_MOST_NAMED]) + more
