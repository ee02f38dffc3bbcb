"""A program's part in a recording: its marks, its end, and a successor where the recorder dies.

Whatever fails here, the program goes on: it is warned once, and from then on nothing is
measured.
"""

import contextlib
import logging
import os
import threading
import time
import warnings
from collections import defaultdict, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from effmeter.client import files as runfile
from effmeter.client.acquisition import (
    ANSWER_TIMEOUT_S,
    RUN_FILE_VARIABLE,
    Arrival,
    RecordingRequest,
)
from effmeter.client.connection import MAX_WAITING_MARKS, Connection, connect
from effmeter.client.launch import launch_private
from effmeter.errors import EffmeterError, EffmeterWarning, RecorderError, RunFileError
from effmeter.runfile.format import Event, successor_path
from effmeter.status import Status
from effmeter.wire.paths import RECORDING_VARIABLE, SOCKET_VARIABLE, remove_private_directory
from effmeter.wire.protocol import Message, decode

END_TIMEOUT_S = 10.0
REJOIN_PERIOD_S = 0.5
UNWRITTEN_NS = 2_500_000_000
"""How long a mark may be on its way to the disk: the recorder flushes every second."""
LOOK_PERIOD_NS = 50_000_000
"""How often a mark also looks for news of the recorder: looking is a system call."""
_BEGINNINGS = frozenset({Event.EPOCH_BEGIN, Event.SPAN_BEGIN})
_ENDS = frozenset({Event.EPOCH_END, Event.SPAN_END})


_inside: defaultdict[str, set["Session"]] = defaultdict(set)
"""The sessions of this process by recording: runs may overlap, and nest."""
_owned: set[str] = set()
"""The recordings that this process began."""


class Session:
    """One program's part in one recording."""

    def __init__(self, request: RecordingRequest, environ: Mapping[str, str]) -> None:
        self._request = request
        self._environ = environ
        self._arrival = Arrival(request, environ, self._warn)
        self._connection: Connection | None = None
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
    def begin(cls, request: RecordingRequest, environ: Mapping[str, str]) -> "Session":
        """Get recorded. RunFileError where the run's file cannot be made: nothing has begun.

        Where no recorder can be had, the session only warns.
        """
        session = cls(request, dict(environ))
        try:
            session._arrival.find()
            session._connection = session._arrival.connection
        except RunFileError:
            raise
        except (EffmeterError, OSError) as error:
            session._give_up(f"{error}; the run is not measured")
        if session._arrival.endpoint is not None:
            _inside[session._arrival.endpoint.recording].add(session)
            if session._arrival.is_owner:
                _owned.add(session._arrival.endpoint.recording)
        return session

    @property
    def path(self) -> Path | None:
        """The run file; None where nothing is recorded."""
        return None if self._arrival.endpoint is None else Path(self._arrival.endpoint.run_file)

    @property
    def is_owner(self) -> bool:
        """Whether the recording is this program's own rather than joined."""
        return self._arrival.is_owner

    @property
    def is_alive(self) -> bool:
        """Whether marks still reach a recorder; never in a forked child."""
        return self._connection is not None and not self._connection.lost and self._is_here

    @property
    def recorder_pid(self) -> int | None:
        """The process that records; None where nothing does."""
        return None if self._connection is None else self._connection.recorder_pid

    @property
    def _is_here(self) -> bool:
        return os.getpid() == self._owner_pid

    def variables_for_children(self) -> dict[str, str]:
        """What the environment of a child must hold for it to join."""
        if self._arrival.endpoint is None or not self._arrival.endpoint.socket:
            return {}
        return {
            SOCKET_VARIABLE: self._arrival.endpoint.socket,
            RECORDING_VARIABLE: self._arrival.endpoint.recording,
            RUN_FILE_VARIABLE: self._arrival.endpoint.run_file,
        }

    # Marks and totals

    def mark(self, event: Event, time_ns: int, fields: Mapping[str, Any]) -> None:
        """Send a mark without waiting; fields as the protocol names them."""
        if not self._is_here:
            return
        message = {"op": "mark", "event": event, "time_ns": time_ns, **fields}
        self._remember(message)
        connection = self._connection
        if connection is None:
            return
        connection.send(message)
        if connection.lost or time_ns - self._looked_ns > LOOK_PERIOD_NS:
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
        if not self._is_here or self._connection is None or self._replaced:
            return None
        total = self._connection.ask_total(ANSWER_TIMEOUT_S)
        self._look_after_link()
        return None if self._replaced or self._connection is None else total

    def request_total(self) -> None:
        """Ask for the recording's energy by now without waiting; ``pop_totals`` has the answer."""
        if self._is_here and self._connection is not None and not self._replaced:
            self._connection.request_total()

    def pop_totals(self) -> list[Message]:
        """The answers to ``request_total`` that have come."""
        if not self._is_here or self._connection is None or self._replaced:
            return []
        return self._connection.pop_totals()

    def latest_total(self) -> Message | None:
        """The last total that the recorder pushed; never waits. None as for ``ask_total``."""
        if not self._is_here or self._connection is None or self._replaced:
            return None
        if not self._watching:
            self._watching = True
            self._connection.send({"op": "watch"})
        self._look_after_link()
        return None if self._replaced or self._connection is None else self._connection.latest_total

    def end(self, status: str) -> None:
        """Close this program's part; waits until its own file is whole."""
        if not self._is_here:
            return
        self._look_after_link()
        connection = self._connection
        if connection is not None and not connection.lost:
            final = self._arrival.launch is None and self._leave_recording()
            dropped = self._dropped_before + connection.dropped_marks
            connection.send(
                {"op": "end", "status": status, "final": final, "dropped_marks": dropped}
            )
            if connection.flush(END_TIMEOUT_S):
                self._wait_for_end(connection)
        self._let_go()

    def _leave_recording(self) -> bool:
        """Whether the recording ends with this run: it is this process's, and no other is in it."""
        assert self._arrival.endpoint is not None
        token = self._arrival.endpoint.recording
        inside = _inside[token]
        inside.discard(self)
        owned = token in _owned
        if not inside:
            del _inside[token]
            _owned.discard(token)
        return owned and not inside

    def _wait_for_end(self, connection: Connection) -> None:
        ended = connection.wait_for(lambda m: m["op"] in ("ended", "left"), END_TIMEOUT_S)
        if ended is None:
            self._warn(f"{self.path} was not closed by the recorder: its last second may miss")
        elif ended.get("failure"):
            self._warn(f"{self.path} could not be written to its end: {ended['failure']}")

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._arrival.rendezvous is not None and self._arrival.is_owner:
            self._arrival.rendezvous.close()
        if self._arrival.private is not None and not self._arrival.private.socket_path.exists():
            remove_private_directory(self._arrival.private.directory)

    # Keeping it

    def _look_after_link(self) -> None:
        """Notice a file that ended and a recorder that died; go on by a successor, once.

        One at a time: a thread or signal handler that comes in between leaves it to the other.
        """
        if self._connection is None or not self._looking.acquire(blocking=False):
            return
        try:
            self._look_after(self._connection)
        finally:
            self._looking.release()

    def _look_after(self, connection: Connection | None) -> None:
        if connection is None:
            return
        connection.drain()
        told = connection.pop_message(lambda m: m["op"] in ("ended", "refused"))
        stopped = told is not None and told.get("status") == Status.RECORDER_STOPPED
        if connection.lost or stopped:
            self._replace(connection, "lost" if told is None else "stopped")
        elif told is not None:
            why = told.get("failure") or told.get("reason") or told.get("status")
            self._give_up(f"recording to {self.path} ended early: {why}; training goes on")

    def _replace(self, lost: Connection, how: str) -> None:
        if not self._arrival.is_owner:
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

    def _succeed(self, lost: Connection) -> None:
        """Start a successor; it is not waited for, what it is told waits in its socket."""
        endpoint = self._arrival.endpoint
        assert endpoint is not None
        descriptor = runfile.create(successor_path(Path(endpoint.run_file)))
        try:
            directory = None if self._arrival.private is None else self._arrival.private.directory
            self._arrival.private = launch_private(self._environ, directory)
            connection = self._arrival.private.connection
            connection.greet_blindly()
            self._arrival.begin_on(connection, descriptor, part=2, recording=endpoint.recording)
        finally:
            os.close(descriptor)
        self._take_over(connection, lost)

    def _rejoin(self, lost: Connection) -> None:
        """Join the successor that the recording's owner starts in the same place."""
        if time.monotonic() < self._rejoin_at_s:
            return
        self._rejoin_at_s = time.monotonic() + REJOIN_PERIOD_S
        self._replaced = True
        assert self._arrival.endpoint is not None
        with contextlib.suppress(RecorderError):
            connection = connect(self._arrival.endpoint.socket, timeout_s=0.05)
            join = {"op": "join", "recording": self._arrival.endpoint.recording}
            connection.send({**join, **self._arrival.describe_source()})
            self._take_over(connection, lost)
            return
        self._warn("the recorder was lost: joining again when it is back")

    def _take_over(self, connection: Connection, lost: Connection) -> None:
        """Tell the successor what may not have been written; the reader counts nothing twice."""
        unsent = [decode(line) for line in lost.unsent()]
        told = {
            (mark["time_ns"], mark["event"], mark.get("id"), mark.get("name")): mark
            for mark in (*self._open_marks.copy().values(), *tuple(self._recent), *unsent)
            if mark["op"] == "mark"
        }
        for mark in told.values():
            connection.send(mark)
        self._dropped_before += lost.dropped_marks
        lost.close()
        self._connection = connection
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
