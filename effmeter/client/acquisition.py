"""How a program gets to a recording, and back to one when its recorder dies.

It joins the recording that surrounds it. Otherwise the ranks of a launch meet and share one.
Otherwise it asks a shared recorder, and starts a private one where there is no shared one.
"""

import itertools
import uuid
from collections.abc import Callable, Mapping

from effmeter.client.beginning import (
    ANSWER_TIMEOUT_S,
    Acquired,
    LaunchRecorder,
    Recorders,
    StartHelper,
)
from effmeter.client.connection import Connection, connect
from effmeter.client.launch import launch_private, start_device_helper
from effmeter.client.launch_detection import launch_of
from effmeter.client.own_recorders import OWN_RECORDERS
from effmeter.client.rendezvous import Endpoint, Rendezvous
from effmeter.client.request import RecordingRequest, RunIdentity
from effmeter.client.surroundings import Surroundings, inherited
from effmeter.errors import RecorderError
from effmeter.wire.protocol import Message

REJOIN_TIMEOUT_S = 0.05
_ordinals = itertools.count()


class Acquisition:
    """Finds or begins the recording of one request; ``warn`` receives what a user must know.

    ``environ`` is the environment that the program inherited, without what its own runs announce
    to children. ``enclosing`` is the run of this process inside which the new one begins.
    ``launch_recorder`` starts a private recorder, as ``launch_private`` does, ``start_helper`` the
    process that lists this program's devices, as ``start_device_helper`` does.
    """

    def __init__(
        self,
        request: RecordingRequest,
        environ: Mapping[str, str],
        warn: Callable[[str], None],
        launch_recorder: LaunchRecorder = launch_private,
        start_helper: StartHelper = start_device_helper,
        enclosing: Surroundings | None = None,
    ) -> None:
        self.launch = launch_of(environ)
        self._ordinal = next(_ordinals)
        self._request = request
        self._environ = environ
        self._warn = warn
        self._recorders = Recorders(request, environ, warn, launch_recorder, start_helper)
        self._rendezvous: Rendezvous | None = None
        surroundings = (enclosing, inherited(environ))
        self._surroundings = [around for around in surroundings if around is not None]
        self.identity = RunIdentity(
            uuid.uuid4().hex if self.launch is None else self.launch.run_id(self._ordinal)
        )

    def acquire(self) -> Acquired:
        """A recording; EffmeterError or OSError where none can be had."""
        if not self._request.join and self._surroundings:
            self._begin_inside(self._surroundings[0])
        if self._request.join:
            surrounding = self._join_surrounding()
            if surrounding is not None:
                return surrounding
            if self.launch is not None:
                self._rendezvous = Rendezvous(self.launch, self._ordinal, self._environ)
                return self._rendezvous.join_or_lead(
                    self._try_join, self._begin, lambda acquired: acquired.endpoint
                )
        return self._begin()

    def _begin(self) -> Acquired:
        return self._recorders.begin(self._describe_beginning)

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

    def release(self, acquired: Acquired) -> None:
        """Hang up, and remove what only this program's recording needed."""
        if self._rendezvous is not None and acquired.is_owner:
            self._rendezvous.close()
        self._recorders.release(acquired)

    # Joining

    def _join_surrounding(self) -> Acquired | None:
        """Join the recording of the innermost run around this one that can still be joined."""
        for around in self._surroundings:
            self._begin_inside(around)
            joined = self._try_join(around.endpoint)
            if joined is not None:
                return joined
        if self._surroundings:
            self._warn("the surrounding recording cannot be joined: this run records on its own")
            self._begin_inside(None)
        return None

    def _begin_inside(self, around: Surroundings | None) -> None:
        parent = None if around is None else around.run_id
        self.identity = self.identity._replace(parent_run_id=parent)

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
            connection.expect("begun", ANSWER_TIMEOUT_S)
        except RecorderError:
            connection.close()
            return None
        private = OWN_RECORDERS.enter(endpoint.socket)
        return Acquired(connection, endpoint, private=private)

    def _describe_beginning(
        self, connection: Connection, part: int, recording: str | None = None
    ) -> Message:
        more = {"part": part} if recording is None else {"part": part, "recording": recording}
        return self._request.begin_message(self.identity, self.launch, connection.greeting, **more)
