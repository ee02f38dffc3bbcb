"""Where a program stands: inside which run, and as which rank of which launch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from effmeter.client.ancestry import innermost, is_of_rank, is_other_of_rank, run_of_ancestors
from effmeter.client.journal_entry import JournalEntry
from effmeter.client.launch_detection import Launch
from effmeter.client.processes import Processes
from effmeter.client.surroundings import Endpoint, Surroundings


@dataclass(frozen=True, slots=True)
class Standing:
    """The launch that a program is a rank of, and the runs that it may be inside of."""

    launch: Launch | None
    around: tuple[Surroundings, ...] = ()
    """To be joined, the first that can be."""
    parent_elsewhere: str | None = None
    """The run around the launch where its recording is another host's."""
    is_joinable: bool = False
    """Whether the first of ``around`` is being recorded: that it cannot be joined is a fault."""
    is_second_of_rank: bool = False
    """Whether another program records as the rank that this one seemed to be."""


def stand(
    enclosing: Surroundings | None,
    invitation: Surroundings | None,
    launch: Launch | None,
    program: str,
    pid: int,
    entries: Sequence[JournalEntry],
    processes: Processes,
) -> Standing:
    """Where ``program`` stands.

    One program is a rank. A second one with its variables, whose parentage does not tell which of
    the two it is, is a program of its own.

    Args:
        enclosing: the run of this process that the new one begins inside of.
        invitation: the run that the environment names.
        launch: the launch that the environment names, whoever in it is a rank.
        program: what tells this process from others.
        pid: its number in its namespace.
        entries: the journal.
        processes: the processes of this machine.
    """
    if launch is not None and _is_worker(enclosing, invitation, launch, program):
        launch = None
    if enclosing is not None:
        return Standing(launch, (enclosing,), is_joinable=True)
    if launch is not None and is_of_rank(entries, processes, launch.local_key, launch.rank):
        launch = None
    is_second = launch is not None and is_other_of_rank(
        entries, processes.namespace, pid, launch.local_key, launch.rank
    )
    if is_second:
        launch = None
    found = _around(invitation, launch, entries, processes)
    return replace(found, is_second_of_rank=is_second)


def _around(
    invitation: Surroundings | None,
    launch: Launch | None,
    entries: Sequence[JournalEntry],
    processes: Processes,
) -> Standing:
    """The standing of a program that is in no run of its own."""
    key = "" if launch is None else launch.local_key
    ancestor = run_of_ancestors(entries, processes, key)
    found = [] if ancestor is None else [_surroundings(ancestor)]
    if invitation is None or _is_peer(invitation, launch):
        return Standing(launch, tuple(found), is_joinable=bool(found))
    inviting = [entry for entry in entries if entry.run_id == invitation.run_id]
    is_open = any(entry.end_ns is None for entry in inviting)
    if is_open:
        return Standing(launch, (_now_inside(invitation, inviting, entries), *found), None, True)
    if inviting:  # the run has ended: what the ancestor records now comes first
        return Standing(launch, (*found, invitation), is_joinable=bool(found))
    return Standing(launch, (invitation, *found), None if launch is None else invitation.run_id)


def _is_worker(
    enclosing: Surroundings | None, invitation: Surroundings | None, launch: Launch, program: str
) -> bool:
    """Whether this process was started by the rank whose variables it has."""
    for around in (enclosing, invitation):
        taken = None if around is None else around.taken
        if taken is None or taken.launch != launch.local_key or taken.program == program:
            continue
        if None in (taken.rank, launch.rank) or taken.rank == launch.rank:
            return True
    return False


def _is_peer(invitation: Surroundings, launch: Launch | None) -> bool:
    """Whether another rank of the same launch invites: ranks meet, none is inside another's run."""
    taken = invitation.taken
    return launch is not None and taken is not None and taken.launch == launch.local_key


def _now_inside(
    invitation: Surroundings, inviting: Sequence[JournalEntry], entries: Sequence[JournalEntry]
) -> Surroundings:
    """The innermost run that the inviting program has begun inside of the invitation's since."""
    processes = {(entry.process, entry.namespace) for entry in inviting if entry.end_ns is None}
    own = [e for e in entries if e.end_ns is None and (e.process, e.namespace) in processes]
    found = innermost(own, invitation.run_id)
    if found is None or found.run_id == invitation.run_id:
        return invitation
    return _surroundings(found)


def _surroundings(entry: JournalEntry) -> Surroundings:
    return Surroundings(Endpoint(entry.socket, entry.recording, entry.run_file), entry.run_id)
