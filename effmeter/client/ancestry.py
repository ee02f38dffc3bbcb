"""The run that an ancestor of this process records now, by the journal.

It serves workers that were started before the run, or inside an earlier one: their environment
names no recording, or one that has ended.
"""

from collections.abc import Iterable, Sequence

from effmeter.client.journal_entry import JournalEntry
from effmeter.client.processes import Processes


def run_of_ancestors(
    entries: Iterable[JournalEntry], processes: Processes, launch: str = ""
) -> JournalEntry | None:
    """The open run that the nearest ancestor is in; None where no ancestor is in one.

    An ancestor that is another rank of this program's own ``launch`` is a peer: they meet, and
    neither is inside the other's run. One with several runs beside each other does not tell in
    which of them this process works: the next ancestor counts.
    """
    open_here = [
        entry
        for entry in entries
        if entry.end_ns is None
        and entry.namespace == processes.namespace
        and not (launch and entry.launch == launch)
    ]
    if not open_here:
        return None
    for process in processes.ancestors():
        found = innermost([entry for entry in open_here if entry.process == process])
        if found is not None:
            return found
    return None


def innermost(entries: Sequence[JournalEntry], inside: str | None = None) -> JournalEntry | None:
    """The run of one process that a worker of it is in: of its main thread's, the innermost.

    Without one, the innermost of all, where all are inside one another; None where they are not.
    With ``inside``, the innermost from that run on.
    """
    candidates = [entry for entry in entries if entry.is_main_thread] or list(entries)
    ids = {entry.run_id for entry in candidates}
    if inside is None:
        level = [entry for entry in candidates if entry.parent_run_id not in ids]
    else:
        level = [entry for entry in candidates if entry.run_id == inside]
    found = None
    while len(level) == 1:
        found = level[0]
        level = [entry for entry in candidates if entry.parent_run_id == found.run_id]
    return found


def is_other_of_rank(
    entries: Iterable[JournalEntry], namespace: str, pid: int, launch: str, rank: int | None
) -> bool:
    """Whether another program records as this rank of the launch now, of all processes ``pid``."""
    return rank is not None and any(
        entry.end_ns is None
        and (entry.launch, entry.rank, entry.namespace) == (launch, rank, namespace)
        and entry.pid != pid
        for entry in entries
    )


def is_of_rank(
    entries: Iterable[JournalEntry], processes: Processes, launch: str, rank: int | None
) -> bool:
    """Whether an ancestor is this rank of the launch: then this process is one of its workers."""
    taken = {
        entry.process
        for entry in entries
        if entry.launch == launch
        and (entry.rank == rank or rank is None)
        and entry.namespace == processes.namespace
    }
    return bool(taken) and any(process in taken for process in processes.ancestors())
