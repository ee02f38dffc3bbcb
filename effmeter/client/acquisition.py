"""How a program gets to a recording, and back to one when its recorder dies.

It joins the recording that surrounds it. Otherwise the ranks of a launch meet and share one.
Otherwise it asks a shared recorder, and starts a private one where there is no shared one.
"""

import contextlib
import itertools
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from effmeter.client import files
from effmeter.client.connection import Connection, connect
from effmeter.client.launch import PrivateRecorder, launch_private, start_device_helper
from effmeter.client.rendezvous import Endpoint, Rendezvous, launch_of
from effmeter.client.request import PROGRAM_ID, RecordingRequest, RunIdentity, needs_listing
from effmeter.client.surroundings import Surroundings, inherited
from effmeter.errors import EffmeterError, RecorderError
from effmeter.runfile.format import successor_path
from effmeter.wire.paths import SOCKET_VARIABLE, remove_private_directory, shared_sockets

ANSWER_TIMEOUT_S = 2.0
START_TIMEOUT_S = 20.0
REJOIN_TIMEOUT_S = 0.05
LaunchRecorder = Callable[[Mapping[str, str], Path | None], PrivateRecorder]
StartHelper = Callable[[Mapping[str, str], str, int, str], None]
_ordinals = itertools.count()


@dataclass(frozen=True, slots=True)
class Acquired:
    """A recording that this program takes part in."""

    connection: Connection
    endpoint: Endpoint
    is_owner: bool = False
    """Whether this program began the recording, rather than joined it."""
    private: PrivateRecorder | None = None
    """The recorder, where this program started it."""


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
        self.launch = launch_of(environ, next(_ordinals))
        self._request = request
        self._environ = environ
        self._warn = warn
        self._launch_recorder = launch_recorder
        self._start_helper = start_helper
        self._rendezvous: Rendezvous | None = None
        surroundings = (enclosing, inherited(environ))
        self._surroundings = [around for around in surroundings if around is not None]
        self.identity = RunIdentity(uuid.uuid4().hex if self.launch is None else self.launch.run_id)

    def acquire(self) -> Acquired:
        """A recording; EffmeterError or OSError where none can be had."""
        if not self._request.join and self._surroundings:
            self._begin_inside(self._surroundings[0])
        if self._request.join:
            surrounding = self._join_surrounding()
            if surrounding is not None:
                return surrounding
            if self.launch is not None:
                self._rendezvous = Rendezvous(self.launch, self._environ)
                return self._rendezvous.join_or_lead(
                    self._try_join, self._lead, lambda acquired: acquired.endpoint
                )
        return self._lead()

    def succeed(self, dead: Acquired) -> Acquired:
        """Start the successor of a dead recorder, and do not wait for it.

        What is sent to it waits in its socket. EffmeterError or OSError where it cannot start.
        """
        endpoint = dead.endpoint
        directory = None if dead.private is None else dead.private.directory
        with _open(files.create(successor_path(Path(endpoint.run_file)))) as descriptor:
            private = self._launch_recorder(self._environ, directory)
            private.connection.greet_without_waiting(dead.connection.greeting)
            self._begin_on(private.connection, descriptor, part=2, recording=endpoint.recording)
        return Acquired(private.connection, endpoint, is_owner=True, private=private)

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
        self._list_devices(connection, endpoint.socket)
        return Acquired(connection, endpoint)

    def release(self, acquired: Acquired) -> None:
        """Hang up, and remove what only this program's recording needed."""
        acquired.connection.close()
        if self._rendezvous is not None and acquired.is_owner:
            self._rendezvous.close()
        private = acquired.private
        if private is not None and not private.socket_path.exists():
            remove_private_directory(private.directory)

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
        self._list_devices(connection, endpoint.socket)
        try:
            connection.expect("begun", ANSWER_TIMEOUT_S)
        except RecorderError:
            connection.close()
            return None
        return Acquired(connection, endpoint)

    # Beginning

    def _lead(self) -> Acquired:
        """Begin a recording with a shared recorder or a private one."""
        path = files.path_for(
            self._request.path or self._request.name, self._request.directory, self._environ
        )
        descriptor = files.create(path)
        try:
            acquired = None
            if self._request.recorder != "private":
                acquired, descriptor = self._begin_shared(path, descriptor)
            return acquired or self._begin_private(path, descriptor)
        except (EffmeterError, OSError):
            files.discard(path)
            raise
        finally:
            os.close(descriptor)

    def _begin_shared(self, path: Path, descriptor: int) -> tuple[Acquired | None, int]:
        """Try the shared recorders; also the descriptor of the run's file, which may be new."""
        for place in self._shared_places():
            try:
                connection = connect(place)
            except RecorderError as error:
                self._fall_back(error)
                continue
            try:
                self._begin_on(connection, descriptor, part=1)
                if needs_listing(connection.greeting):
                    self._list_devices(connection, os.fspath(place))
                token = connection.expect("begun", ANSWER_TIMEOUT_S)["recording"]
            except RecorderError as error:
                connection.close()
                self._fall_back(error)
                # The refused recorder may still hold the descriptor and write to it later.
                descriptor = files.recreate(path, descriptor)
                continue
            endpoint = Endpoint(os.fspath(place), token, os.path.abspath(path))
            return Acquired(connection, endpoint, is_owner=True), descriptor
        if self._request.recorder == "shared":
            raise RecorderError("no shared recorder is running: start one with effmeter daemon run")
        return None, descriptor

    def _fall_back(self, error: RecorderError) -> None:
        """Warn that a private recorder takes over; raise where only a shared one will do."""
        if self._request.recorder == "shared":
            raise error
        self._warn(f"{error}; a private recorder is used instead")

    def _shared_places(self) -> list[Path]:
        named = self._environ.get(SOCKET_VARIABLE)
        return [Path(named)] if named else list(shared_sockets(self._environ))

    def _begin_private(self, path: Path, descriptor: int) -> Acquired:
        private = self._launch_recorder(self._environ, None)
        connection = private.connection
        try:
            connection.greet(START_TIMEOUT_S)
            self._begin_on(connection, descriptor, part=1)
            token = connection.expect("begun", START_TIMEOUT_S)["recording"]
        except RecorderError as error:
            last_line = private.last_log_line()
            connection.close()
            raise RecorderError(f"{error} ({last_line})" if last_line else str(error)) from error
        endpoint = Endpoint(os.fspath(private.socket_path), token, os.path.abspath(path))
        return Acquired(connection, endpoint, is_owner=True, private=private)

    def _list_devices(self, connection: Connection, socket_path: str) -> None:
        """Let a helper list the devices while the recorder takes its first readings."""
        self._start_helper(self._environ, socket_path, connection.recorder_pid, PROGRAM_ID)

    def _begin_on(
        self, connection: Connection, descriptor: int, part: int, recording: str | None = None
    ) -> None:
        more = {"part": part} if recording is None else {"part": part, "recording": recording}
        message = self._request.begin_message(
            self.identity, self.launch, connection.greeting, **more
        )
        connection.send_descriptor(message, descriptor)


@contextlib.contextmanager
def _open(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
