"""How a program comes to a recording.

It joins the recording that it finds itself inside; else the ranks of a launch meet; else a
shared recorder is asked, and a private one started where there is none.
"""

import itertools
import os
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effmeter.client import files as runfile
from effmeter.client.connection import Connection, connect
from effmeter.client.launch import PrivateRecorder, launch_private
from effmeter.client.program import describe_program, git_commit, library_versions
from effmeter.client.rendezvous import Endpoint, Launch, Rendezvous, launch_of
from effmeter.errors import EffmeterError, RecorderError, UsageError
from effmeter.runfile.format import RUN_SUFFIX
from effmeter.wire.paths import RECORDING_VARIABLE, SOCKET_VARIABLE, shared_sockets
from effmeter.wire.protocol import Message

RUN_FILE_VARIABLE = "EFFMETER_RUN_FILE"
DEFAULT_RATE_HZ = 10.0
ANSWER_TIMEOUT_S = 2.0
START_TIMEOUT_S = 20.0
CHOICES = ("auto", "private", "shared")
_ordinals = itertools.count()


@dataclass(frozen=True, slots=True)
class RecordingRequest:
    """What a program wants recorded, and how."""

    name: str
    labels: Mapping[str, Any] = field(default_factory=dict)
    directory: Path | None = None
    rate_hz: float = DEFAULT_RATE_HZ
    recorder: str = "auto"
    join: bool = True
    root_id: int = 0

    def __post_init__(self) -> None:
        if self.recorder not in CHOICES:
            raise UsageError(f"recorder is one of {', '.join(CHOICES)}, not {self.recorder!r}")
        if not 0 < self.rate_hz <= 1000:
            raise UsageError(f"rate_hz is above 0 and at most 1000, not {self.rate_hz}")


class Arrival:
    """A program on its way to a recording, and where it came to."""

    def __init__(
        self, request: RecordingRequest, environ: Mapping[str, str], warn: Callable[[str], None]
    ) -> None:
        self._request = request
        self._environ = environ
        self._warn = warn
        self.launch: Launch | None = launch_of(environ, next(_ordinals))
        self.connection: Connection | None = None
        self.private: PrivateRecorder | None = None
        self.rendezvous: Rendezvous | None = None
        self.endpoint: Endpoint | None = None
        self.run_id = uuid.uuid4().hex
        self.is_owner = False
        """Whether the recording is this program's own rather than joined."""

    def find(self) -> None:
        """Come to a recording; EffmeterError or OSError where none can be had."""
        if self._request.join and self._join_surrounding():
            return
        if self.launch is not None and self._request.join:
            self.rendezvous = Rendezvous(self.launch, self._environ)
            self.rendezvous.join_or_lead(self._try_join, self._lead)
        else:
            self._lead()

    def _join_surrounding(self) -> bool:
        told = [self._environ.get(v) for v in (SOCKET_VARIABLE, RECORDING_VARIABLE)]
        run_file = self._environ.get(RUN_FILE_VARIABLE, "")
        if not all(told):
            return False
        if self._try_join(Endpoint(str(told[0]), str(told[1]), run_file)):
            return True
        self._warn("the surrounding recording cannot be joined; recording apart from it")
        return False

    def _try_join(self, endpoint: Endpoint) -> bool:
        try:
            connection = connect(endpoint.socket)
        except RecorderError:
            return False
        connection.send({"op": "join", "recording": endpoint.recording, **self.describe_source()})
        try:
            connection.expect("begun", ANSWER_TIMEOUT_S)
        except RecorderError:
            connection.close()
            return False
        self.connection, self.endpoint = connection, endpoint
        return True

    def _lead(self) -> Endpoint | None:
        """Begin a recording of one's own, by a shared recorder or a private one."""
        path = runfile.path_for(self._request.name, self._request.directory, self._environ)
        descriptor = runfile.create(path)
        try:
            if self._request.recorder != "private":
                descriptor = self._begin_shared(path, descriptor)
            if self.connection is None:
                self._begin_private(path, descriptor)
        except (EffmeterError, OSError):
            runfile.discard(path)
            raise
        finally:
            os.close(descriptor)
        self.is_owner = True
        return self.endpoint

    def _begin_shared(self, path: Path, descriptor: int) -> int:
        """Try the shared recorders; the descriptor of the run's file, a new one if need be."""
        for place in self._shared_places():
            try:
                connection = connect(place)
            except RecorderError as error:
                self._warn(f"{error}; a private recorder is used instead")
                continue
            try:
                self.begin_on(connection, descriptor, part=1)
                token = connection.expect("begun", ANSWER_TIMEOUT_S)["recording"]
            except RecorderError as error:
                self._warn(f"{error}; a private recorder is used instead")
                connection.close()
                descriptor = runfile.recreate(path, descriptor)
                continue
            self.connection = connection
            self.endpoint = Endpoint(os.fspath(place), token, os.path.abspath(path))
            return descriptor
        if self._request.recorder == "shared":
            raise RecorderError("no shared recorder is running: start one by effmeter daemon run")
        return descriptor

    def _shared_places(self) -> list[Path]:
        named = self._environ.get(SOCKET_VARIABLE)
        return [Path(named)] if named else list(shared_sockets(self._environ))

    def _begin_private(self, path: Path, descriptor: int) -> None:
        recorder = launch_private(self._environ)
        connection = recorder.connection
        try:
            connection.greet(START_TIMEOUT_S)
            self.begin_on(connection, descriptor, part=1)
            token = connection.expect("begun", START_TIMEOUT_S)["recording"]
        except RecorderError as error:
            said = recorder.last_words()
            connection.close()
            raise RecorderError(f"{error} ({said})" if said else str(error)) from error
        self.private, self.connection = recorder, connection
        where = os.fspath(recorder.socket_path)
        self.endpoint = Endpoint(where, token, os.path.abspath(path))

    def begin_on(self, connection: Connection, descriptor: int, part: int, **more: Any) -> None:
        """Send the descriptor of the run's file with all that the recorder must know."""
        message = {
            "op": "begin",
            **self.describe_source(),
            "run_id": self.run_id,
            "part": part,
            "rate_hz": float(self._request.rate_hz),
            "git_commit": git_commit(),
            "versions": library_versions(),
            **more,
        }
        connection.send_descriptor(message, descriptor)

    def describe_source(self) -> Message:
        """What this program says of itself."""
        launch = self.launch
        name = self._request.name
        return {
            "name": Path(name).name.removesuffix(RUN_SUFFIX) if runfile.is_path(name) else name,
            "labels": dict(self._request.labels),
            "host": socket.gethostname(),
            "rank": None if launch is None else launch.rank,
            "local_rank": None if launch is None else launch.local_rank,
            "program": describe_program(),
            "id": self._request.root_id,
        }
