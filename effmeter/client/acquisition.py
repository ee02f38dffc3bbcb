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
from effmeter.client.connection import Link, connect
from effmeter.client.launch import PrivateRecorder, launch_private
from effmeter.client.program import describe_program, git_commit, library_versions
from effmeter.client.rendezvous import Invitation, Launch, Meeting, launch_of
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
class Wish:
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

    def __init__(self, wish: Wish, environ: Mapping[str, str], warn: Callable[[str], None]) -> None:
        self._wish = wish
        self._environ = environ
        self._warn = warn
        self.launch: Launch | None = launch_of(environ, next(_ordinals))
        self.link: Link | None = None
        self.private: PrivateRecorder | None = None
        self.meeting: Meeting | None = None
        self.invitation: Invitation | None = None
        self.run_id = uuid.uuid4().hex
        self.is_owner = False
        """Whether the recording is this program's own rather than joined."""

    def find(self) -> None:
        """Come to a recording; EffmeterError or OSError where none can be had."""
        if self._wish.join and self._join_surrounding():
            return
        if self.launch is not None and self._wish.join:
            self.meeting = Meeting(self.launch, self._environ)
            self.meeting.join_or_lead(self._try_join, self._lead)
        else:
            self._lead()

    def _join_surrounding(self) -> bool:
        told = [self._environ.get(v) for v in (SOCKET_VARIABLE, RECORDING_VARIABLE)]
        run_file = self._environ.get(RUN_FILE_VARIABLE, "")
        if not all(told):
            return False
        if self._try_join(Invitation(str(told[0]), str(told[1]), run_file)):
            return True
        self._warn("the surrounding recording cannot be joined; recording apart from it")
        return False

    def _try_join(self, invitation: Invitation) -> bool:
        try:
            link = connect(invitation.socket)
        except RecorderError:
            return False
        link.send({"op": "join", "recording": invitation.recording, **self.describe_source()})
        try:
            link.expect("begun", ANSWER_TIMEOUT_S)
        except RecorderError:
            link.close()
            return False
        self.link, self.invitation = link, invitation
        return True

    def _lead(self) -> Invitation | None:
        """Begin a recording of one's own, by a shared recorder or a private one."""
        path = runfile.path_for(self._wish.name, self._wish.directory, self._environ)
        descriptor = runfile.create(path)
        try:
            if self._wish.recorder != "private":
                descriptor = self._begin_shared(path, descriptor)
            if self.link is None:
                self._begin_private(path, descriptor)
        except (EffmeterError, OSError):
            runfile.discard(path)
            raise
        finally:
            os.close(descriptor)
        self.is_owner = True
        return self.invitation

    def _begin_shared(self, path: Path, descriptor: int) -> int:
        """Try the shared recorders; the descriptor of the run's file, a new one if need be."""
        for place in self._shared_places():
            try:
                link = connect(place)
            except RecorderError as error:
                self._warn(f"{error}; a private recorder is used instead")
                continue
            try:
                self.begin_on(link, descriptor, part=1)
                token = link.expect("begun", ANSWER_TIMEOUT_S)["recording"]
            except RecorderError as error:
                self._warn(f"{error}; a private recorder is used instead")
                link.close()
                descriptor = runfile.recreate(path, descriptor)
                continue
            self.link = link
            self.invitation = Invitation(os.fspath(place), token, os.path.abspath(path))
            return descriptor
        if self._wish.recorder == "shared":
            raise RecorderError("no shared recorder is running: start one by effmeter daemon run")
        return descriptor

    def _shared_places(self) -> list[Path]:
        named = self._environ.get(SOCKET_VARIABLE)
        return [Path(named)] if named else list(shared_sockets(self._environ))

    def _begin_private(self, path: Path, descriptor: int) -> None:
        recorder = launch_private(self._environ)
        link = recorder.link
        try:
            link.greet(START_TIMEOUT_S)
            self.begin_on(link, descriptor, part=1)
            token = link.expect("begun", START_TIMEOUT_S)["recording"]
        except RecorderError as error:
            said = recorder.last_words()
            link.close()
            raise RecorderError(f"{error} ({said})" if said else str(error)) from error
        self.private, self.link = recorder, link
        where = os.fspath(recorder.socket_path)
        self.invitation = Invitation(where, token, os.path.abspath(path))

    def begin_on(self, link: Link, descriptor: int, part: int, **more: Any) -> None:
        """Send the descriptor of the run's file with all that the recorder must know."""
        message = {
            "op": "begin",
            **self.describe_source(),
            "run_id": self.run_id,
            "part": part,
            "rate_hz": float(self._wish.rate_hz),
            "git_commit": git_commit(),
            "versions": library_versions(),
            **more,
        }
        link.send_descriptor(message, descriptor)

    def describe_source(self) -> Message:
        """What this program says of itself."""
        launch = self.launch
        name = self._wish.name
        return {
            "name": Path(name).name.removesuffix(RUN_SUFFIX) if runfile.is_path(name) else name,
            "labels": dict(self._wish.labels),
            "host": socket.gethostname(),
            "rank": None if launch is None else launch.rank,
            "local_rank": None if launch is None else launch.local_rank,
            "program": describe_program(),
            "id": self._wish.root_id,
        }
