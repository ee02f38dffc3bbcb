"""A program's part in a recording: how it comes to one, and how it keeps it.

A program joins the recording that it finds itself inside; else the ranks of a launch meet; else
a shared recorder is asked, and a private one started where there is none. Where the recorder
dies, one successor goes on. Whatever fails here, the program goes on: it is warned once, and
from then on nothing is measured.
"""

import contextlib
import itertools
import logging
import os
import socket
import threading
import time
import uuid
import warnings
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effmeter.errors import EffmeterError, EffmeterWarning, RecorderError, RunFileError, UsageError
from effmeter.recorder import runfile
from effmeter.recorder.launch import PrivateRecorder, launch_private
from effmeter.recorder.link import MAX_WAITING_MARKS, Link, connect
from effmeter.recorder.places import (
    RECORDING_VARIABLE,
    SOCKET_VARIABLE,
    remove_private_directory,
    shared_sockets,
)
from effmeter.recorder.program import describe_program, git_commit, library_versions
from effmeter.recorder.protocol import STOPPED, Message, decode
from effmeter.recorder.ranks import Invitation, Launch, Meeting, launch_of
from effmeter.schema import RUN_SUFFIX, successor_path

RUN_FILE_VARIABLE = "EFFMETER_RUN_FILE"
DEFAULT_RATE_HZ = 10.0
ANSWER_TIMEOUT_S = 2.0
START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 10.0
REJOIN_PERIOD_S = 0.5
UNWRITTEN_NS = 2_500_000_000
"""How long a mark may be on its way to the disk: the recorder flushes every second."""
LOOK_PERIOD_NS = 50_000_000
"""How often a mark also looks for news of the recorder: looking is a system call."""
_BEGINNINGS = frozenset({"epoch_begin", "span_begin"})
_ENDS = frozenset({"epoch_end", "span_end"})
CHOICES = ("auto", "private", "shared")


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


_inside: defaultdict[str, set["Session"]] = defaultdict(set)
"""The sessions of this process by recording: runs may overlap, and nest."""
_ordinals = itertools.count()
_owned: set[str] = set()
"""The recordings that this process began."""


class Session:
    """One program's part in one recording."""

    def __init__(self, wish: Wish, environ: Mapping[str, str]) -> None:
        self._wish = wish
        self._environ = environ
        self._launch: Launch | None = launch_of(environ, next(_ordinals))
        self._link: Link | None = None
        self._private: PrivateRecorder | None = None
        self._meeting: Meeting | None = None
        self._invitation: Invitation | None = None
        self._run_id = uuid.uuid4().hex
        self._is_owner = False
        self._replaced = False
        self._warned = False
        self._dropped_before = 0
        self._rejoin_at_s = 0.0
        self._watching = False
        self._looked_ns = 0
        self._owner_pid = os.getpid()
        self._open_marks: dict[int, Message] = {}
        self._recent: deque[Message] = deque(maxlen=MAX_WAITING_MARKS)
        self._looking = threading.Lock()
        self.failure: str | None = None
        """Why nothing is recorded any more, if so."""

    @classmethod
    def begin(cls, wish: Wish, environ: Mapping[str, str]) -> "Session":
        """Get recorded. RunFileError where the run's file cannot be made: nothing has begun.

        Where no recorder can be had, the session only warns.
        """
        session = cls(wish, dict(environ))
        try:
            session._find_recorder()
        except RunFileError:
            raise
        except (EffmeterError, OSError) as error:
            session._give_up(f"{error}; the run is not measured")
        if session._invitation is not None:
            _inside[session._invitation.recording].add(session)
            if session._is_owner:
                _owned.add(session._invitation.recording)
        return session

    @property
    def path(self) -> Path | None:
        """The run file; None where nothing is recorded."""
        return None if self._invitation is None else Path(self._invitation.run_file)

    @property
    def is_owner(self) -> bool:
        """Whether the recording is this program's own rather than joined."""
        return self._is_owner

    @property
    def is_alive(self) -> bool:
        """Whether marks still reach a recorder; never in a forked child."""
        return self._link is not None and not self._link.lost and self._is_here

    @property
    def _is_here(self) -> bool:
        return os.getpid() == self._owner_pid

    def variables_for_children(self) -> dict[str, str]:
        """What the environment of a child must hold for it to join."""
        if self._invitation is None or not self._invitation.socket:
            return {}
        return {
            SOCKET_VARIABLE: self._invitation.socket,
            RECORDING_VARIABLE: self._invitation.recording,
            RUN_FILE_VARIABLE: self._invitation.run_file,
        }

    # Marks and totals

    def mark(self, event: str, time_ns: int, fields: Mapping[str, Any]) -> None:
        """Send a mark without waiting; fields as the protocol names them."""
        if not self._is_here:
            return
        message = {"op": "mark", "event": event, "time_ns": time_ns, **fields}
        self._remember(message)
        link = self._link
        if link is None:
            return
        link.send(message)
        if link.lost or time_ns - self._looked_ns > LOOK_PERIOD_NS:
            self._looked_ns = time_ns
            self._look_after_link()

    def _remember(self, message: Message) -> None:
        """What a recorder has not written down when it dies must reach its successor."""
        event, time_ns = message["event"], message["time_ns"]
        if event in _BEGINNINGS:
            self._open_marks[message["id"]] = message
        elif event in _ENDS:
            self._open_marks.pop(message["id"], None)
        recent = self._recent
        recent.append(message)
        while recent and recent[0]["time_ns"] < time_ns - UNWRITTEN_NS:
            recent.popleft()

    def look(self) -> None:
        """Notice now, rather than at the next mark, what has become of the recorder."""
        if self._is_here:
            self._look_after_link()

    def ask_total(self) -> Message | None:
        """The recording's energy by now, asked for and waited for; None where unknown.

        It is unknown after a successor took over: only the report joins what both recorded.
        """
        if not self._is_here or self._link is None or self._replaced:
            return None
        total = self._link.ask_total(ANSWER_TIMEOUT_S)
        self._look_after_link()
        return None if self._replaced or self._link is None else total

    def latest_total(self) -> Message | None:
        """The last total that the recorder pushed; never waits. None as for ``ask_total``."""
        if not self._is_here or self._link is None or self._replaced:
            return None
        if not self._watching:
            self._watching = True
            self._link.send({"op": "watch"})
        self._look_after_link()
        return None if self._replaced or self._link is None else self._link.latest_total

    def end(self, status: str) -> None:
        """Close this program's part; waits until its own file is whole."""
        if not self._is_here:
            return
        self._look_after_link()
        link = self._link
        if link is not None and not link.lost:
            final = self._launch is None and self._leave_recording()
            dropped = self._dropped_before + link.dropped_marks
            link.send({"op": "end", "status": status, "final": final, "dropped_marks": dropped})
            if link.flush(END_TIMEOUT_S):
                self._wait_for_end(link)
        self._let_go()

    def _leave_recording(self) -> bool:
        """Whether the recording ends with this run: it is this process's, and no other is in it."""
        assert self._invitation is not None
        token = self._invitation.recording
        inside = _inside[token]
        inside.discard(self)
        owned = token in _owned
        if not inside:
            del _inside[token]
            _owned.discard(token)
        return owned and not inside

    def _wait_for_end(self, link: Link) -> None:
        ended = link.wait_for(lambda m: m["op"] in ("ended", "left"), END_TIMEOUT_S)
        if ended is None:
            self._warn(f"{self.path} was not closed by the recorder: its last second may miss")
        elif ended.get("failure"):
            self._warn(f"{self.path} could not be written to its end: {ended['failure']}")

    def _let_go(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._meeting is not None and self._is_owner:
            self._meeting.close()
        if self._private is not None and not self._private.socket_path.exists():
            remove_private_directory(self._private.directory)

    # Coming to a recording

    def _find_recorder(self) -> None:
        if self._wish.join and self._join_surrounding():
            return
        if self._launch is not None and self._wish.join:
            self._meeting = Meeting(self._launch, self._environ)
            self._meeting.join_or_lead(self._try_join, self._lead)
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
        link.send({"op": "join", "recording": invitation.recording, **self._describe_source()})
        try:
            link.expect("begun", ANSWER_TIMEOUT_S)
        except RecorderError:
            link.close()
            return False
        self._link, self._invitation = link, invitation
        return True

    def _lead(self) -> Invitation | None:
        """Begin a recording of one's own, by a shared recorder or a private one."""
        path = runfile.path_for(self._wish.name, self._wish.directory, self._environ)
        descriptor = runfile.create(path)
        try:
            if self._wish.recorder != "private":
                descriptor = self._begin_shared(path, descriptor)
            if self._link is None:
                self._begin_private(path, descriptor)
        except (EffmeterError, OSError):
            runfile.discard(path)
            raise
        finally:
            os.close(descriptor)
        self._is_owner = True
        return self._invitation

    def _begin_shared(self, path: Path, descriptor: int) -> int:
        """Try the shared recorders; the descriptor of the run's file, a new one if need be."""
        for place in self._shared_places():
            try:
                link = connect(place)
            except RecorderError as error:
                self._warn(f"{error}; a private recorder is used instead")
                continue
            try:
                self._begin_on(link, descriptor, part=1)
                token = link.expect("begun", ANSWER_TIMEOUT_S)["recording"]
            except RecorderError as error:
                self._warn(f"{error}; a private recorder is used instead")
                link.close()
                descriptor = runfile.recreate(path, descriptor)
                continue
            self._link = link
            self._invitation = Invitation(os.fspath(place), token, os.path.abspath(path))
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
            self._begin_on(link, descriptor, part=1)
            token = link.expect("begun", START_TIMEOUT_S)["recording"]
        except RecorderError as error:
            said = recorder.last_words()
            link.close()
            raise RecorderError(f"{error} ({said})" if said else str(error)) from error
        self._private, self._link = recorder, link
        where = os.fspath(recorder.socket_path)
        self._invitation = Invitation(where, token, os.path.abspath(path))

    def _begin_on(self, link: Link, descriptor: int, part: int, **more: Any) -> None:
        message = {
            "op": "begin",
            **self._describe_source(),
            "run_id": self._run_id,
            "part": part,
            "rate_hz": float(self._wish.rate_hz),
            "git_commit": git_commit(),
            "versions": library_versions(),
            **more,
        }
        link.send_descriptor(message, descriptor)

    def _describe_source(self) -> Message:
        launch = self._launch
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

    # Keeping it

    def _look_after_link(self) -> None:
        """Notice a file that ended and a recorder that died; go on by a successor, once.

        One at a time: a thread or signal handler that comes in between leaves it to the other.
        """
        if self._link is None or not self._looking.acquire(blocking=False):
            return
        try:
            self._look_after(self._link)
        finally:
            self._looking.release()

    def _look_after(self, link: Link | None) -> None:
        if link is None:
            return
        link.drain()
        told = link.take_message(lambda m: m["op"] in ("ended", "refused"))
        if link.lost or (told is not None and told.get("status") == STOPPED):
            self._replace(link, "lost" if told is None else "stopped")
        elif told is not None:
            why = told.get("failure") or told.get("reason") or told.get("status")
            self._give_up(f"recording to {self.path} ended early: {why}; training goes on")

    def _replace(self, lost: Link, how: str) -> None:
        if not self._is_owner:
            self._rejoin(lost)
        elif self._replaced:
            self._give_up(f"the recorder was {how} again; the rest of the run is not measured")
        else:
            self._replaced = True
            self._warn(f"the recorder was {how}: a successor goes on, with a gap between")
            try:
                self._succeed(lost)
            except (EffmeterError, OSError) as error:
                self._give_up(f"no successor of the recorder could be had: {error}")

    def _succeed(self, lost: Link) -> None:
        """Start a successor; it is not waited for, what it is told waits in its socket."""
        invitation = self._invitation
        assert invitation is not None
        descriptor = runfile.create(successor_path(Path(invitation.run_file)))
        try:
            directory = None if self._private is None else self._private.directory
            self._private = launch_private(self._environ, directory)
            link = self._private.link
            link.greet_blindly()
            self._begin_on(link, descriptor, part=2, recording=invitation.recording)
        finally:
            os.close(descriptor)
        self._take_over(link, lost)

    def _rejoin(self, lost: Link) -> None:
        """Join the successor that the recording's owner starts in the same place."""
        if time.monotonic() < self._rejoin_at_s:
            return
        self._rejoin_at_s = time.monotonic() + REJOIN_PERIOD_S
        self._replaced = True
        assert self._invitation is not None
        with contextlib.suppress(RecorderError):
            link = connect(self._invitation.socket, timeout_s=0.05)
            join = {"op": "join", "recording": self._invitation.recording}
            link.send({**join, **self._describe_source()})
            self._take_over(link, lost)
            return
        self._warn("the recorder was lost: joining again when it is back")

    def _take_over(self, link: Link, lost: Link) -> None:
        """Tell the successor what may not have been written; the reader counts nothing twice."""
        unsent = [decode(line) for line in lost.unsent()]
        told = {
            (mark["time_ns"], mark["event"], mark.get("id"), mark.get("name")): mark
            for mark in (*self._open_marks.copy().values(), *tuple(self._recent), *unsent)
            if mark["op"] == "mark"
        }
        for mark in told.values():
            link.send(mark)
        self._dropped_before += lost.dropped_marks
        lost.close()
        self._link = link
        self._watching = False

    def _give_up(self, why: str) -> None:
        self.failure = why
        self._warn(why)
        self._let_go()

    def _warn(self, text: str) -> None:
        """Say it once: a run with one trouble must not be a flood of them."""
        if not self._warned:
            self._warned = True
            warn(text)


def warn(text: str) -> None:
    """Warn, even where warnings are made errors: those must not end the training."""
    try:
        warnings.warn(text, EffmeterWarning, stacklevel=2)
    except EffmeterWarning:
        logging.getLogger("effmeter").warning(text)
