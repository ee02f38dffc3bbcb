"""A program's part in a recording: its marks, its end, a successor where the recorder dies.

Whatever fails here, the program goes on. It warns once, and from then on nothing is measured.
"""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from effmeter.client.acquisition import Acquisition
from effmeter.client.beginning import ANSWER_TIMEOUT_S, Acquired
from effmeter.client.connection import Connection
from effmeter.client.launch_detection import launch_of
from effmeter.client.participation import PARTICIPATION
from effmeter.client.request import RecordingRequest
from effmeter.client.surroundings import Surroundings
from effmeter.client.unwritten import UnwrittenMarks
from effmeter.client.warning import WarnOnce
from effmeter.errors import EffmeterError, RecorderError, RunFileError
from effmeter.status import DetailedStatus, Status
from effmeter.wire.protocol import Message, decode

END_TIMEOUT_S = 10.0
REJOIN_PERIOD_S = 0.5
REJOIN_TIMEOUT_S = 3.0
"""How long the end of a run waits for the successor of its recorder to be ready."""
CHECK_PERIOD_NS = 50_000_000
"""How often a mark also checks the connection: receiving is a system call."""


class Session:
    """One program's part in one recording."""

    def __init__(
        self,
        request: RecordingRequest,
        environ: Mapping[str, str],
        enclosing: Surroundings | None = None,
    ) -> None:
        self._warn = WarnOnce()
        self._acquisition = Acquisition(request, environ, self._warn, enclosing=enclosing)
        self._acquired: Acquired | None = None
        self._connection: Connection | None = None
        self._replaced = False
        self._dropped_before = 0
        self._rejoin_at_s = 0.0
        self._watching = False
        self._checked_ns = 0
        self._unwritten = UnwrittenMarks()
        self._checking = threading.Lock()
        self.failure: str | None = None
        """Why recording has stopped; None while it goes on."""

    @classmethod
    def begin(
        cls,
        request: RecordingRequest,
        environ: Mapping[str, str],
        enclosing: Surroundings | None = None,
    ) -> "Session":
        """Get recorded, inside a run of this process where one is given.

        RunFileError where the run's file cannot be made: nothing has begun. Where no recorder can
        be had, the session only warns.
        """
        session = cls(request, dict(environ), enclosing)
        try:
            acquired = session._acquisition.acquire()
        except RunFileError:
            raise
        except (EffmeterError, OSError) as error:
            session._give_up(f"{error}; the run is not measured")
            return session
        session._acquired, session._connection = acquired, acquired.connection
        PARTICIPATION.enter(acquired.endpoint.recording, session, began=acquired.is_owner)
        return session

    @property
    def path(self) -> Path | None:
        """The run file; None where nothing is recorded."""
        return None if self._acquired is None else Path(self._acquired.endpoint.run_file)

    @property
    def is_owner(self) -> bool:
        """Whether this program began the recording, rather than joined it."""
        return self._acquired is not None and self._acquired.is_owner

    @property
    def total_before(self) -> Message | None:
        """The recording's energy by the time at which this program joined it.

        None where it began the recording, or where a recorder of another version keeps silent.
        """
        return None if self._acquired is None else self._acquired.total_before

    @property
    def follows_another_rank(self) -> bool:
        """Whether another rank of this host began the recording."""
        return self._acquisition.follows_another_rank

    @property
    def is_alive(self) -> bool:
        """Whether marks still reach a recorder; never in a forked child."""
        connection = self._here
        return connection is not None and not connection.lost

    @property
    def recorder_pid(self) -> int | None:
        """The recorder's process; None where there is none, or it has not answered yet."""
        connection = self._connection
        return None if connection is None else connection.recorder_pid or None

    @property
    def _here(self) -> Connection | None:
        """The connection; None where there is none, and in a forked child, whose copy is closed."""
        connection = self._connection
        return None if connection is None or connection.is_inherited else connection

    @property
    def surroundings(self) -> Surroundings | None:
        """What runs inside this one join; None where it is not recorded."""
        if self._acquired is None:
            return None
        return self._acquisition.surroundings(self._acquired.endpoint)

    # Marks and totals

    def mark(self, message: Message) -> None:
        """Send a mark, as the protocol describes it, without waiting."""
        connection = self._connection
        if connection is None or connection.is_inherited:
            return
        self._unwritten.remember(message)
        connection.send(message)
        time_ns: int = message["time_ns"]
        if connection.lost or time_ns - self._checked_ns > CHECK_PERIOD_NS:
            self._checked_ns = time_ns
            self._check_connection()

    def check(self) -> None:
        """Notice now, rather than at the next mark, that the recorder has ended."""
        if self._here is not None:
            self._check_connection()

    def ask_total(self) -> Message | None:
        """The recording's energy up to now, waited for; None where it is unknown.

        It is unknown after a succession: only the report joins what both recorders measured.
        """
        connection = self._here
        if connection is None or self._replaced:
            return None
        total = connection.ask_total(ANSWER_TIMEOUT_S)
        self._check_connection()
        return None if self._replaced or self._connection is None else total

    def request_total(self) -> None:
        """Ask for the recording's energy by now without waiting; ``pop_totals`` has the answer."""
        connection = self._here
        if connection is not None and not self._replaced:
            connection.request_total()

    def pop_totals(self) -> list[Message]:
        """The answers to ``request_total`` that have come."""
        connection = self._here
        return [] if connection is None or self._replaced else connection.pop_totals()

    def latest_total(self) -> Message | None:
        """The last total that the recorder pushed; never waits. None as for ``ask_total``."""
        connection = self._here
        if connection is None or self._replaced:
            return None
        if not self._watching:
            self._watching = True
            connection.send({"op": "watch"})
        self._check_connection()
        return None if self._replaced or self._connection is None else connection.latest_total

    def end(self, status: str, ended_ns: int) -> None:
        """Close this program's part, whose block ended then; waits until its file is complete."""
        if self._here is None:
            return
        self._check_connection()
        self._await_successor()
        is_last = self._leave()
        notes = self._acquisition.finish(ended_ns)
        # Other ranks of a launch may still record: theirs ends with the last of them. A
        # program may have become a rank since, by starting the others itself.
        launch = self._acquisition.launch or launch_of(os.environ)
        final = launch is None and is_last
        ending = {"op": "end", "status": status, "time_ns": ended_ns, "final": final}
        connection = self._connection
        # A recorder that is lost meanwhile has a successor, which gets the same end.
        while connection is not None and not connection.lost:
            for note in notes:
                connection.send(note)
            dropped = self._dropped_before + connection.dropped_marks
            connection.send({**ending, "dropped_marks": dropped})
            if self._has_ended(connection):
                break
            lost, connection = connection, self._connection
            if connection is lost:
                break
        self._release()

    def _has_ended(self, connection: Connection) -> bool:
        """Wait for the end of the recording; False where the recorder was lost before it."""
        connection.flush(END_TIMEOUT_S)
        ended = connection.wait_for(lambda m: m["op"] in ("ended", "left"), END_TIMEOUT_S)
        was_stopped = ended is not None and _is_stopped(ended)
        if was_stopped or (ended is None and connection.lost):
            self._replace_at_end("was stopped" if was_stopped else "died")
            return False
        if ended is None:
            self._warn(f"the recorder did not close {self.path}: its last second may be missing")
        elif ended.get("failure"):
            self._warn(f"{self.path} is not whole: {ended['failure']}")
        return True

    def _replace_at_end(self, how: str) -> None:
        """Let a successor write what the lost recorder may not have written."""
        if self._acquired is not None and self._checking.acquire(blocking=False):
            try:
                self._replace(self._acquired, how)
            finally:
                self._checking.release()

    def _leave(self) -> bool:
        """Leave the recording; whether this program began it and no other session is in it."""
        recording = None if self._acquired is None else self._acquired.endpoint.recording
        return recording is not None and PARTICIPATION.leave(recording, self)

    def _release(self) -> None:
        self._leave()
        if self._connection is not None and self._acquired is not None:
            self._connection = None
            self._acquisition.release(self._acquired)

    # A recorder that dies

    def _check_connection(self) -> None:
        """Notice a file that ended and a recorder that died; continue with a successor, once.

        Does nothing while another thread, or the code that a signal handler interrupted, does it:
        two of them would start two successors.
        """
        if self._connection is None or not self._checking.acquire(blocking=False):
            return
        try:
            # Looked up again: the session may have been released before the lock was taken.
            if self._connection is not None and self._acquired is not None:
                self._check(self._acquired)
        finally:
            self._checking.release()

    def _check(self, acquired: Acquired) -> None:
        connection = acquired.connection
        connection.drain()
        end = connection.pop_message(lambda m: m["op"] in ("ended", "refused"))
        if end is not None and end["op"] == "refused" and self._replaced and not acquired.is_owner:
            connection.close()  # the recording's owner begins its second part a moment later
        if connection.lost or (end is not None and _is_stopped(end)):
            self._replace(acquired, "died" if end is None else "was stopped")
        elif end is not None:
            why = end.get("failure") or end.get("reason") or end.get("status")
            self._give_up(f"recording to {self.path} ended early: {why}; training goes on")

    def _replace(self, lost: Acquired, how: str) -> None:
        if not lost.is_owner:
            self._rejoin(lost)
        elif self._replaced:
            self._give_up(f"the recorder {how} again; the rest of the run is not measured")
        else:
            self._replaced = True
            self._warn(f"the recorder {how}: a successor continues, with a gap in between")
            try:
                self._continue_with(self._acquisition.succeed(lost), lost.connection)
            except (EffmeterError, OSError) as error:
                self._give_up(f"the recorder has no successor: {error}")

    def _rejoin(self, lost: Acquired) -> None:
        """Join the successor that the recording's owner starts at the same socket."""
        if time.monotonic() < self._rejoin_at_s:
            return
        self._rejoin_at_s = time.monotonic() + REJOIN_PERIOD_S
        self._replaced = True
        owner = self._owner_here(lost.endpoint.recording)
        if owner is not None:
            owner.check()  # it may not set a mark for hours
        try:
            self._continue_with(self._acquisition.rejoin(lost), lost.connection)
        except RecorderError:
            if owner is None:
                self._warn("the recorder died: this program joins its successor when there is one")

    @staticmethod
    def _owner_here(recording: str) -> "Session | None":
        """The session of this process that began a recording, if it did."""
        sessions = (s for s in PARTICIPATION.sessions(recording) if isinstance(s, Session))
        return next((session for session in sessions if session.is_owner), None)

    def _await_successor(self) -> None:
        """Wait for a successor that a run of this process has started: marks wait for it here."""
        deadline_s = time.monotonic() + REJOIN_TIMEOUT_S
        while (connection := self._connection) is not None and time.monotonic() < deadline_s:
            acquired = self._acquired
            if acquired is None or acquired.is_owner or not connection.lost:
                return
            owner = self._owner_here(acquired.endpoint.recording)
            if owner is None or not owner.is_alive:
                return
            time.sleep(REJOIN_PERIOD_S / 10)
            self._check_connection()

    def _continue_with(self, successor: Acquired, lost: Connection) -> None:
        """Repeat what the dead recorder may not have written; the reader counts nothing twice."""
        connection = successor.connection
        for mark in self._unwritten.to_repeat(decode(line) for line in lost.unsent()):
            connection.send(mark)
        self._dropped_before += lost.dropped_marks
        lost.close()
        self._acquired, self._connection = successor, connection
        self._watching = False

    def _give_up(self, why: str) -> None:
        self.failure = why
        self._warn(why)
        self._release()


def _is_stopped(end: Message) -> bool:
    """Whether a recording ended because its recorder was stopped, or has failed."""
    return DetailedStatus.parse(str(end.get("status"))).status is Status.RECORDER_STOPPED
