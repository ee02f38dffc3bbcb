"""From runs of single hosts to runs of jobs."""

from collections.abc import Iterable, Sequence

from effmeter.recorded.job import JobPart
from effmeter.recorded.joint_run import JointRun
from effmeter.recorded.run import RecordedRun
from effmeter.recorded.same_machine import is_same_machine


def merge_hosts(runs: Iterable[RecordedRun]) -> list[RecordedRun]:
    """The runs, with those of one job on several hosts as one, in the place of their first.

    Runs are of one job where its id and the run's id are the same and their hosts recorded at
    overlapping times of the wall clock. A second file of a host stays a run of its own, so that
    no machine counts twice.
    """
    jobs: dict[tuple[str, str], list[list[RecordedRun]]] = {}
    groups: list[list[RecordedRun]] = []
    for run in (part for each in runs for part in each.by_host):
        job = JobPart.of(run)
        # A run of no job, or of a job on one host, is of no other file.
        known = [] if job.is_of_one_host else jobs.setdefault((job.job_id, run.run_id), [])
        group = next((each for each in known if _belongs(run, each)), None)
        if group is None:
            group = []
            known.append(group)
            groups.append(group)
        group.append(run)
    return [_as_one(group) for group in groups]


def _belongs(run: RecordedRun, group: Sequence[RecordedRun]) -> bool:
    if any(is_same_machine(run, other) for other in group):
        return False
    return any(_share_wall_time(run, other) for other in group)


def _share_wall_time(one: RecordedRun, other: RecordedRun) -> bool:
    (begin_ns, end_ns), (other_begin_ns, other_end_ns) = one.wall_ns, other.wall_ns
    return begin_ns <= other_end_ns and other_begin_ns <= end_ns


def _as_one(group: Sequence[RecordedRun]) -> RecordedRun:
    hosts = [JobPart.of(run).host_count or 1 for run in group]
    return JointRun(group) if len(group) > 1 or max(hosts) > 1 else group[0]
