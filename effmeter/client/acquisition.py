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
from effmeter.client.launch_detection import launch_of
from effmeter.client.rendezvous import Endpoint, Rendezvous
from effmeter.client.request import PROGRAM_ID, RecordingRequest, needs_listing
from effmeter.errors import EffmeterError, RecorderError
from effmeter.runfile.format import successor_path
from effmeter.wire.paths import (
    RECORDING_VARIABLE,
    SOCKET_VARIABLE,
    remove_private_directory,
    shared_sockets,
)

RUN_FILE_VARIABLE = "EFFMETER_RUN_FILE"
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
    ) -> None:
        self.launch = launch_of(environ)
        self._ordinal = next(_ordinals)
        self._request = request
        self._environ = environ
        self._warn = warn
        self._launch_recorder = launch_recorder
        self._start_helper = start_helper
        self._rendezvous: Rendezvous | None = None
        self._run_id = uuid.uuid4().hex

    def acquire(self) -> Acquired:
        """A recording; EffmeterError or OSError where none can be had."""
        if self._request.join:
            surrounding = self._join_surrounding()
            if surrounding is not None:
                return surrounding
            if self.launch is not None:
                self._rendezvous = Rendezvous(self.launch, self._ordinal, self._environ)
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
        connection.send(self._request.join_message(endpoint.recording, self.launch, greeting))
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
        socket_path = self._environ.get(SOCKET_VARIABLE)
        recording = self._environ.get(RECORDING_VARIABLE)
        if not socket_path or not recording:
            return None
        run_file = self._environ.get(RUN_FILE_VARIABLE, "")
        joined = self._try_join(Endpoint(socket_path, recording, run_file))
        if joined is None:
            self._warn("the surrounding recording cannot be joined: this run records on its own")
        return joined

    def _try_join(self, endpoint: Endpoint) -> Acquired | None:
        try:
            connection = connect(endpoint.socket)
        except RecorderError:
            return None
        greeting = connection.greeting
        connection.send(self._request.join_message(endpoint.recording, self.launch, greeting))
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
            self._run_id, self.launch, connection.greeting, **more
        )
        connection.send_descriptor(message, descriptor)


@contextlib.contextmanager
def _open(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
