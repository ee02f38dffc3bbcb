"""A run's part in the journal: it begins and ends there, and what overlapped it is noted."""

import os
import secrets
import threading
from collections.abc import Iterable

from effmeter.client.journal import Journal
from effmeter.client.journal_entry import MAX_NAME, JournalEntry
from effmeter.client.launch_detection import Launch
from effmeter.client.overlap import Overlap, overlaps
from effmeter.client.processes import Process, Processes
from effmeter.client.request import RunIdentity
from effmeter.client.surroundings import Endpoint, TakenRank
from effmeter.clock import now_ns
from effmeter.runfile.format import Event, NoteName
from effmeter.wire.protocol import Message


class JournalPart:
    """The part of one run of this process."""

    def __init__(
        self, journal: Journal, processes: Processes, before: Iterable[JournalEntry]
    ) -> None:
        """``before``: what the journal held before the run began."""
        here = processes.namespace
        self._journal = journal
        self._processes = processes
        self._over = {e.id for e in before if e.end_ns is not None and e.namespace == here}
        self._entry: JournalEntry | None = None

    def begin(
        self,
        name: str,
        endpoint: Endpoint,
        identity: RunIdentity,
        launch: Launch | None,
        taken: TakenRank | None,
    ) -> None:
        """Add the part that begins now.

        ``taken``: the rank that the program is; None also for one that only starts the rank.
        """
        pid = os.getpid()
        process = self._processes.find(pid) or Process(pid, 0)
        self._entry = JournalEntry(
            id=secrets.token_hex(8),
            run_id=identity.run_id,
            name=name[:MAX_NAME],
            recording=endpoint.recording,
            socket=endpoint.socket,
            run_file=endpoint.run_file,
            pid=process.pid,
            started=process.started,
            namespace=self._processes.namespace,
            begin_ns=now_ns(),
            parent_run_id=identity.parent_run_id,
            is_main_thread=threading.current_thread() is threading.main_thread(),
            job_id="" if launch is None else launch.job_id,
            launch="" if taken is None else taken.launch,
            rank=None if launch is None else launch.rank,
        )
        self._journal.begin(self._entry)

    def finish(self, ended_ns: int, root_id: int) -> list[Message]:
        """Close the part; the notes of the run ``root_id`` on what overlapped it.

        Its own end stands there before it reads: of two runs that end together, one sees both.
        """
        entry = self._close(ended_ns)
        if entry is None:
            return []
        others = self._journal.beside(entry, self._over)
        return [_note(overlap, ended_ns, root_id) for overlap in overlaps(entry, ended_ns, others)]

    def abandon(self) -> None:
        """Close the part now, unless it is closed."""
        self._close(now_ns())

    def _close(self, ended_ns: int) -> JournalEntry | None:
        """The entry; None where there is none, or it is the parent's of this forked child."""
        entry, self._entry = self._entry, None
        if entry is None or entry.pid != os.getpid():
            return None
        self._journal.end(entry, ended_ns)
        return entry


def _note(overlap: Overlap, time_ns: int, root_id: int) -> Message:
    return {
        "op": "mark",
        "event": Event.NOTE,
        "time_ns": time_ns,
        "id": root_id,
        "name": NoteName.OVERLAP,
        "value": overlap.seconds,
        "text": overlap.text,
    }
