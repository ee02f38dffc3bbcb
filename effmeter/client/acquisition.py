"""How a program gets to a recording, and back to one when its recorder dies.

It joins the recording that surrounds it. Otherwise the ranks of a launch meet and share one.
Otherwise it asks a shared recorder, and starts a private one where there is no shared one.
"""

import os
import socket
import uuid
from collections.abc import Callable, Mapping
from functools import partial

from effmeter.client import files
from effmeter.client.beginning import ANSWER_TIMEOUT_S, Acquired, Recorders
from effmeter.client.connection import Connection, connect
from effmeter.client.journal import Journal
from effmeter.client.journal_entry import JournalEntry
from effmeter.client.journal_part import JournalPart
from effmeter.client.launch_detection import Launch, launch_of
from effmeter.client.ordinals import ORDINALS
from effmeter.client.own_recorders import OWN_RECORDERS
from effmeter.client.processes import Processes, own_processes
from effmeter.client.rendezvous import Rendezvous
from effmeter.client.request import PROGRAM_ID, RecordingRequest, RunIdentity
from effmeter.client.standing import stand
from effmeter.client.surroundings import Endpoint, Surroundings, TakenRank, inherited
from effmeter.clock import now_ns
from effmeter.errors import RecorderError
from effmeter.wire.protocol import Message

REJOIN_TIMEOUT_S = 0.05
MakeRecorders = Callable[[RecordingRequest, Mapping[str, str], Callable[[str], None]], Recorders]


class Acquisition:
    """Finds or begins the recording of one request; ``warn`` receives what a user must know.

    ``environ`` is the environment that the program inherited, without what its own runs announce
    to children. ``enclosing`` is the run of this process inside which the new one begins.
    ``recorders`` makes the recorders that the program may begin with.
    """

    def __init__(
        self,
        request: RecordingRequest,
        environ: Mapping[str, str],
        warn: Callable[[str], None],
        recorders: MakeRecorders = Recorders,
        enclosing: Surroundings | None = None,
        processes: Processes | None = None,
    ) -> None:
        self._request = request
        self._name = files.name_of(request.name)
        self._environ = environ
        self._warn = warn
        seen = processes or own_processes()
        journal = Journal(environ, seen)
        invitation = inherited(environ)
        if enclosing is not None and enclosing.pid not in (0, os.getpid()):
            enclosing, invitation = None, enclosing  # a forked child's: it may have ended
        launch = launch_of(environ, processes=seen)
        self._entries: list[JournalEntry] = []
        if enclosing is None or launch is not None:
            self._entries = journal.entries(
                now_ns(),
                None if invitation is None else invitation.run_id,
                with_ranks=launch is not None,
            )
        self._program = f"{PROGRAM_ID}.{os.getpid()}"
        own = (self._program, os.getpid())
        self._standing = stand(enclosing, invitation, launch, *own, self._entries, seen)
        self._part = JournalPart(journal, seen, self._entries)
        self._recorders = recorders(request, environ, warn)
        self._rendezvous: Rendezvous | None = None
        self.follows_another_rank = False
        """Whether another rank of this host began the recording, and named the run."""
        self.identity = RunIdentity(uuid.uuid4().hex)

    @property
    def launch(self) -> Launch | None:
        """The launch that this program is a rank of."""
        return self._standing.launch

    def acquire(self) -> Acquired:
        """A recording; EffmeterError or OSError where none can be had."""
        acquired = self._acquire()
        endpoint, identity = acquired.endpoint, self.identity
        self._part.begin(self._name, endpoint, identity, self.launch, self._taken)
        return acquired

    def _acquire(self) -> Acquired:
        around = self._standing.around
        if self._request.join:
            joined = self._join_surrounding()
            if joined is not None:
                return joined
            self.identity = self.identity._replace(parent_run_id=self._standing.parent_elsewhere)
        elif around:
            self.identity = self.identity._replace(parent_run_id=around[0].run_id)
        if self.launch is not None and (self._request.join or self._request.is_wrapper):
            return self._meet(self.launch)
        if self._standing.is_second_of_rank:
            self._warn(
                "another program records as the same rank of this launch: this run is one of its "
                "own, which also counts the whole machine"
            )
        return self._begin()

    def _begin(self, *, is_alone: bool = False) -> Acquired:
        """Begin a recording, ``is_alone`` where the other ranks of this host do not find it."""
        return self._recorders.begin(self._describe_beginning, self._file_part(is_alone))

    def _file_part(self, is_alone: bool) -> str:
        """What is added to a path that all programs of a job name, so that files differ.

        It is the host, where there are several, and the rank where those of a host do not meet.
        """
        launch, parts = self.launch, list[str]()
        if launch is not None and launch.is_on_several_hosts:
            parts.append(socket.gethostname())
        if launch is not None and is_alone:
            parts.append(f"process{os.getpid()}" if launch.rank is None else f"rank{launch.rank}")
        return "-".join(parts)

    def succeed(self, dead: Acquired) -> Acquired:
        """Start the successor of a dead recorder, or reach the one that another run started.

        Does not wait for it: what is sent to it waits in its socket. EffmeterError or OSError
        where it cannot start.
        """
        return self._recorders.succeed(dead, self._describe_beginning)

    def rejoin(self, lost: Acquired) -> Acquired:
        """Join the successor that the recording's owner starts; RecorderError while there is none.

        Its answer is not waited for: the owner may begin the recording a moment later.
        """
        endpoint = lost.endpoint
        connection = connect(endpoint.socket, REJOIN_TIMEOUT_S)
        greeting = connection.greeting
        joining = self._request.join_message(
            endpoint.recording, self.identity, self.launch, greeting
        )
        connection.send(joining)
        self._recorders.list_devices(connection, endpoint.socket)
        return Acquired(connection, endpoint, private=OWN_RECORDERS.enter(endpoint.socket))

    def finish(self, ended_ns: int) -> list[Message]:
        """Close this program's part in the journal; the notes on what overlapped it."""
        return self._part.finish(ended_ns, self._request.root_id)

    def release(self, acquired: Acquired) -> None:
        """Hang up, and remove what only this program's recording needed."""
        self._part.abandon()
        if self._rendezvous is not None and acquired.is_owner:
            self._rendezvous.close()
        self._recorders.release(acquired)

    # The run

    def surroundings(self, endpoint: Endpoint) -> Surroundings:
        """What runs and programs inside this run find."""
        return Surroundings(endpoint, self.identity.run_id, self._taken, os.getpid())

    @property
    def _taken(self) -> TakenRank | None:
        """The rank that this program is; None for one that only starts it, too."""
        launch = self.launch
        if launch is None or self._request.is_wrapper:
            return None
        return TakenRank(launch.local_key, launch.rank, self._program)

    def _begin_inside(self, parent: str | None) -> int:
        """Be a run inside the parent; its ordinal among this rank's runs of its name."""
        if self.launch is None:
            self.identity = self.identity._replace(parent_run_id=parent)
            return 0
        ordinal = ORDINALS.take(self.launch, parent, self._name, self._entries)
        self.identity = RunIdentity(self.launch.run_id(self._name, ordinal, parent), parent)
        return ordinal

    # Joining

    def _join_surrounding(self) -> Acquired | None:
        """Join the recording of the first run around this one that can still be joined."""
        own = self.identity
        for around in self._standing.around:
            self._begin_inside(around.run_id)
            joined = self._try_join(around.endpoint)
            if joined is not None:
                return joined
        self.identity = own
        if self._standing.is_joinable:
            self._warn("the surrounding recording cannot be joined: this run records on its own")
        return None

    def _meet(self, launch: Launch) -> Acquired:
        """Share a recording, and with it the run, with the other ranks of this host.

        On one host the rank that comes first names the run; on several, all derive its name.
        """
        own = self.identity
        ordinal = self._begin_inside(own.parent_run_id)
        if launch.host_count == 1 and own.parent_run_id is None:
            self.identity = own
        self._rendezvous = Rendezvous(launch, self._name, ordinal, self._environ, self._warn)
        return self._rendezvous.join_or_lead(
            self._join_peers,
            self._begin,
            partial(self._begin, is_alone=True),
            lambda acquired: self.surroundings(acquired.endpoint),
        )

    def _join_peers(self, met: Surroundings) -> Acquired | None:
        own = self.identity
        self.identity = own._replace(run_id=met.run_id or own.run_id)
        joined = self._try_join(met.endpoint)
        self.follows_another_rank = joined is not None
        if joined is None:
            self.identity = own
        return joined

    def _try_join(self, endpoint: Endpoint) -> Acquired | None:
        try:
            connection = connect(endpoint.socket)
        except RecorderError:
            return None
        greeting = connection.greeting
        joining = self._request.join_message(
            endpoint.recording, self.identity, self.launch, greeting
        )
        connection.send(joining)
        self._recorders.list_devices(connection, endpoint.socket)
        try:
            begun = connection.expect("begun", ANSWER_TIMEOUT_S)
        except RecorderError:
            connection.close()
            return None
        private = OWN_RECORDERS.enter(endpoint.socket)
        return Acquired(connection, endpoint, private=private, total_before=begun.get("total"))

    def _describe_beginning(
        self, connection: Connection, part: int, recording: str | None = None
    ) -> Message:
        more = {"part": part} if recording is None else {"part": part, "recording": recording}
        return self._request.begin_message(self.identity, self.launch, connection.greeting, **more)
