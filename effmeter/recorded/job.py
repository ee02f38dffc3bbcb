"""The place of a recording in a job, as its file states it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from effmeter.recorded.run import RecordedRun
from effmeter.typed_fields import Check, stated_fields, text, whole

_MOST_LISTED = 8


@dataclass(frozen=True, slots=True)
class JobPart:
    """The part of one host in a job."""

    job_id: str
    """Empty: the recording is of no job."""
    host: str
    ranks: tuple[int, ...]
    """The ranks that set marks, or that the recording states; empty: unknown."""
    world_size: int | None
    """The number of ranks."""
    host_count: int | None

    @classmethod
    def of(cls, run: RecordedRun) -> Self:
        """The part that a run's recording states; a field of another type is not stated."""
        stated_by_sources = (source.job for source in run.sources if source.job)
        job = next(stated_by_sources, {} if run.is_inner else run.metadata.job)
        ranks = {source.rank for source in run.sources if source.rank is not None}
        stated = stated_fields(job, _JOB_FIELDS)
        if not ranks and "rank" in stated:
            ranks = {stated["rank"]}
        return cls(
            stated.get("id", ""),
            run.metadata.host.get("name") or "unnamed host",
            tuple(sorted(ranks)),
            stated.get("world_size"),
            stated.get("host_count"),
        )

    @property
    def is_of_one_host(self) -> bool:
        """Whether no other host can have recorded a part of the run."""
        return not self.job_id or self.host_count == 1

    @property
    def lowest_rank(self) -> int:
        """The rank by which hosts are ordered; those without one are the last."""
        return self.ranks[0] if self.ranks else 2**31


def missing_words(parts: Sequence[JobPart]) -> str:
    """Which hosts of a job no file is of, with their ranks; empty: none, or that is unknown."""
    hosts = max((part.host_count or 0 for part in parts), default=0)
    ranks = max((part.world_size or 0 for part in parts), default=0)
    seen = {rank for part in parts for rank in part.ranks}
    lacking = [rank for rank in range(min(ranks, 2**16)) if rank not in seen]
    listed = ", ".join(map(str, lacking[:_MOST_LISTED]))
    more = f" and {len(lacking) - _MOST_LISTED} more" if len(lacking) > _MOST_LISTED else ""
    which = f"rank{'s' if len(lacking) > 1 else ''} {listed}{more}" if lacking and seen else ""
    if not hosts:
        return f"perhaps the hosts of {which}" if which else ""
    # Where all hosts are there, the other ranks of a host merely set no marks.
    count = f"{hosts - len(parts)} of {hosts} hosts"
    return "" if hosts <= len(parts) else f"{count} ({which})" if which else count


_JOB_FIELDS: Mapping[str, Check] = {
    "id": text,
    "rank": whole(0),
    "world_size": whole(0),
    "host_count": whole(0),
}
