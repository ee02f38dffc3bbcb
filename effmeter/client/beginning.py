"""Beginning a recording: with a shared recorder, else with a private one of this process."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from effmeter.client import files
from effmeter.client.connection import Connection, connect
from effmeter.client.launch import PrivateRecorder, launch_private, start_device_helper
from effmeter.client.own_recorders import OWN_RECORDERS, Reached
from effmeter.client.request import PROGRAM_ID, RecordingRequest, needs_listing
from effmeter.client.surroundings import Endpoint
from effmeter.errors import RecorderError
from effmeter.runfile.format import successor_path
from effmeter.wire.paths import (
    RECORDING_VARIABLE,
    SOCKET_VARIABLE,
    remove_private_directory,
    shared_sockets,
)
from effmeter.wire.protocol import Message

ANSWER_TIMEOUT_S = 2.0
START_TIMEOUT_S = 20.0
LaunchRecorder = Callable[[Mapping[str, str], Path | None], PrivateRecorder]
StartHelper = Callable[[Mapping[str, str], str, int, str], None]


class _KilledError(RecorderError):
    """A new recorder ended while it started, without a word."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """A recording that this program takes part in."""

    connection: Connection
    endpoint: Endpoint
    is_owner: bool = False
    """Whether this program began the recording, rather than joined it."""
    private: PrivateRecorder | None = None
    """The recorder, where this program started it."""
    total_before: Message | None = None
    """The recording's energy by the time at which the program joined; None where it began it."""


class DescribeBeginning(Protocol):
    """Makes the message that begins a recording."""

    def __call__(self, connection: Connection, part: int, recording: str | None = None) -> Message:
        """Of the first part, or of the second one of a recording that goes on."""


class Recorders:
    """The recorders that a program may begin a recording with.

    ``launch_recorder`` starts a private one, as ``launch_private`` does, ``start_helper`` the
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
        self._request = request
        self._environ = environ
        self._warn = warn
        self._launch_recorder = launch_recorder
        self._start_helper = start_helper

    def begin(self, describe: DescribeBeginning, file_part: str = "") -> Acquired:
        """Begin a recording; EffmeterError or OSError where none can be begun.

        ``file_part`` is added to the file's name where the request names a path.
        """
        request = self._request
        name = request.path or request.name
        path = files.path_for(name, request.directory, self._environ)
        if file_part and files.is_path(name):
            path = files.part_of(path, file_part)
        with files.NewFile(path) as file:
            acquired = None
            if request.recorder != "private":
                acquired = self._begin_shared(file, describe)
            return acquired or self._begin_private(file, describe)

    def _begin_shared(self, file: files.NewFile, describe: DescribeBeginning) -> Acquired | None:
        for place in self._shared_places():
            try:
                connection = connect(place)
            except RecorderError as error:
                self._fall_back(error)
                continue
            try:
                connection.send_descriptor(describe(connection, part=1), file.descriptor)
                if needs_listing(connection.greeting):
                    self.list_devices(connection, os.fspath(place))
                token = connection.expect("begun", ANSWER_TIMEOUT_S)["recording"]
            except RecorderError as error:
                connection.close()
                self._fall_back(error)
                file.recreate()
                continue
            endpoint = Endpoint(os.fspath(place), token, os.path.abspath(file.path))
            return Acquired(connection, endpoint, is_owner=True)
        if self._request.recorder == "shared":
            raise RecorderError("no shared recorder is running: start one with effmeter daemon run")
        return None

    def _fall_back(self, error: RecorderError) -> None:
        """Warn that a private recorder takes over; raise where only a shared one will do."""
        if self._request.recorder == "shared":
            raise error
        self._warn(f"{error}; a private recorder is used instead")

    def _shared_places(self) -> list[Path]:
        named = self._environ.get(SOCKET_VARIABLE)
        if named and not self._environ.get(RECORDING_VARIABLE):
            return [Path(named)]
        # The socket of a recording that could not be joined: no choice of the user's.
        return list(shared_sockets(self._environ))

    def _begin_private(self, file: files.NewFile, describe: DescribeBeginning) -> Acquired:
        reached = OWN_RECORDERS.reach_any(self._launch)
        try:
            return self._begin_on(reached, file, describe)
        except _KilledError:
            pass  # while it started: once more
        except RecorderError:
            if reached.is_new:
                raise
            # It had no room for another recording, or has died since.
        file.recreate()
        return self._begin_on(OWN_RECORDERS.start(self._launch), file, describe)

    def _launch(self) -> PrivateRecorder:
        return self._launch_recorder(self._environ, None)

    def _begin_on(
        self, reached: Reached, file: files.NewFile, describe: DescribeBeginning
    ) -> Acquired:
        private, connection, _ = reached
        try:
            connection.greet(START_TIMEOUT_S)
            connection.send_descriptor(describe(connection, part=1), file.descriptor)
            token = connection.expect("begun", START_TIMEOUT_S)["recording"]
        except RecorderError as error:
            last_line = private.last_log_line()
            was_killed = connection.lost and reached.is_new and not last_line
            connection.close()
            OWN_RECORDERS.leave(private)
            if was_killed:
                remove_private_directory(private.directory)
                raise _KilledError(str(error)) from error
            raise RecorderError(f"{error} ({last_line})" if last_line else str(error)) from error
        except BaseException:  # Ctrl-C while the recorder starts: it would record on
            connection.close()
            OWN_RECORDERS.leave(private)
            raise
        endpoint = Endpoint(os.fspath(private.socket_path), token, os.path.abspath(file.path))
        return Acquired(connection, endpoint, is_owner=True, private=private)

    def succeed(self, dead: Acquired, describe: DescribeBeginning) -> Acquired:
        """Begin the second part of a recording with the successor of its recorder.

        What is sent waits in the socket until the successor is ready. EffmeterError or OSError
        where it cannot start.
        """
        endpoint, private = dead.endpoint, dead.private

        def launch() -> PrivateRecorder:
            return self._launch_recorder(
                self._environ, None if private is None else private.directory
            )

        with files.NewFile(successor_path(Path(endpoint.run_file))) as file:
            if private is None:
                reached = OWN_RECORDERS.reach_any(launch)
            else:
                reached = OWN_RECORDERS.reach_successor(private, launch)
            connection = reached.connection
            connection.greet_without_waiting(dead.connection.greeting)
            message = describe(connection, part=2, recording=endpoint.recording)
            connection.send_descriptor(message, file.descriptor)
        return Acquired(connection, endpoint, is_owner=True, private=reached.recorder)

    def list_devices(self, connection: Connection, socket_path: str) -> None:
        """Let a helper list the devices while the recorder takes its first readings."""
        self._start_helper(self._environ, socket_path, connection.recorder_pid, PROGRAM_ID)

    def release(self, acquired: Acquired) -> None:
        """Hang up, and remove what only this program's recording needed."""
        acquired.connection.close()
        private = acquired.private
        if private is not None:
            OWN_RECORDERS.leave(private)
            if not private.socket_path.exists():
                remove_private_directory(private.directory)
