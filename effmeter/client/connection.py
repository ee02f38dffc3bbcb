"""The client's end of the socket: sends marks without waiting, receives answers.

Only calls with a timeout block the measured program. Messages that the socket does not accept
wait in a bounded queue; marks beyond its limit are dropped and counted.
"""

import contextlib
import os
import select
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from effmeter.clock import now_ns
from effmeter.errors import RecorderError
from effmeter.wire.handshake import Greeting, check_greeting, hello, open_socket
from effmeter.wire.protocol import (
    LineBuffer,
    Message,
    ProtocolError,
    decode,
    encode,
    receive,
)

MAX_WAITING_MARKS = 10_000


class Connection:
    """A connection to a recorder.

    ``lost`` turns true when the recorder is gone. Threads may share a connection; a forked
    child's copy is closed, and ``is_inherited``.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._sending = b""
        self._sent = 0
        self._lines = LineBuffer()
        self._inbox: deque[Message] = deque(maxlen=1000)
        self._asked = 0
        self.dropped_marks = 0
        self.lost = self.is_inherited = False
        self._hung_up = False
        self.latest_total: Message | None = None
        self.greeting: Greeting | None = None
        self._is_greeting_due = False
        _open_connections.add(self)

    # Sending

    def send(self, message: Mapping[str, Any]) -> None:
        """Send or queue a message; never waits. Marks beyond the limit are dropped and counted.

        Safe in a signal handler that interrupts another call: the caller that holds the socket
        also sends what is queued meanwhile.
        """
        if self.lost:
            return
        if len(self._waiting) >= MAX_WAITING_MARKS and message["op"] == "mark":
            self.dropped_marks += 1
        else:
            self._waiting.append(encode(message))
        while self._waiting and not self.lost and self._lock.acquire(blocking=False):
            try:
                if not self._flush():
                    return
            finally:
                self._lock.release()

    def send_descriptor(self, message: Mapping[str, Any], descriptor: int) -> None:
        """Send a message together with an open file; RecorderError where that fails."""
        try:
            self.flush(timeout_s=5.0)
            socket.send_fds(self._socket, [encode(message)], [descriptor])
        except OSError as error:
            raise RecorderError(f"the recorder cannot be reached: {error}") from error

    def flush(self, timeout_s: float) -> bool:
        """Wait for the socket to take what is queued; whether it did."""
        deadline = time.monotonic() + timeout_s
        while True:
            done = self._exclusively(self._flush) or self.lost
            left_s = deadline - time.monotonic()
            if done or left_s <= 0:
                return done and not self.lost
            self._wait(select.POLLOUT, left_s)

    def _exclusively(self, act: Callable[[], bool]) -> bool:
        """Act unless another thread, or an interrupted call of this one, holds the socket."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return act()
        finally:
            self._lock.release()

    def _flush(self) -> bool:
        """Send what the socket takes; whether it took everything."""
        try:
            while self._sending or self._waiting:
                self._sending = self._sending or self._waiting.popleft()
                self._sent += self._socket.send(self._sending[self._sent :])
                if self._sent == len(self._sending):
                    self._sending, self._sent = b"", 0
        except BlockingIOError:
            return False
        except OSError:
            self.lost = True
        return not self.lost

    def unsent(self) -> list[bytes]:
        """The lines that a lost recorder did not receive, for its successor."""
        return [line for line in (self._sending, *self._waiting) if line]

    # Receiving

    def drain(self) -> None:
        """Receive what has arrived, without waiting."""
        self._exclusively(self._drain)

    def _drain(self) -> bool:
        """Reads on after a failed send: the recorder's last message says why it ended."""
        while not self._hung_up:
            try:
                data, descriptors = receive(self._socket)
                for descriptor in descriptors:
                    os.close(descriptor)
                for line in self._lines.feed(data):
                    self._sort_in(decode(line))
                self._hung_up = not data
            except BlockingIOError:
                return True
            except (OSError, ProtocolError):
                self._hung_up = True
        self.lost = True
        return False

    def _sort_in(self, message: Message) -> None:
        if message["op"] == "hello" and self._is_greeting_due:
            self._is_greeting_due = False
            with contextlib.suppress(RecorderError):  # the recorder refuses what does not fit
                self.greeting = check_greeting(message, now_ns(), now_ns())
            return
        if message["op"] == "total":
            self.latest_total = message
        if message["op"] != "total" or message.get("number"):
            self._inbox.append(message)

    def pop_message(self, wanted: Callable[[Message], bool]) -> Message | None:
        """The first message in the inbox that is wanted; others stay."""
        message = next((m for m in tuple(self._inbox) if wanted(m)), None)
        if message is not None:
            with contextlib.suppress(ValueError):
                self._inbox.remove(message)
        return message

    def wait_for(self, wanted: Callable[[Message], bool], timeout_s: float) -> Message | None:
        """The first wanted message, waiting for it; None past the time or once lost."""
        deadline = time.monotonic() + timeout_s
        while True:
            # The request may still be in the queue: without sending it no answer can come.
            unsent = not self._exclusively(self._flush)
            self._exclusively(self._drain)
            message = self.pop_message(wanted)
            left_s = deadline - time.monotonic()
            if message is not None or left_s <= 0 or self.lost:
                return message
            self._wait(select.POLLIN | (select.POLLOUT if unsent else 0), min(left_s, 0.05))

    def _wait(self, events: int, seconds: float) -> None:
        poll = select.poll()
        with contextlib.suppress(OSError, ValueError):
            poll.register(self._socket, events)
            poll.poll(seconds * 1000)

    def expect(self, operation: str, timeout_s: float) -> Message:
        """The answer to a request; RecorderError with the reason of a refusal or of silence."""
        answer = self.wait_for(lambda m: m["op"] in (operation, "refused"), timeout_s)
        if answer is None:
            raise RecorderError(
                "the recorder ended" if self.lost else "the recorder does not answer"
            )
        if answer["op"] == "refused":
            raise RecorderError(f"the recorder refuses: {answer.get('reason')}")
        return answer

    # Whole exchanges

    def greet(self, timeout_s: float) -> None:
        """Agree on the protocol's version and on the clock; RecorderError where they differ."""
        sent_ns = now_ns()
        self.send(hello(sent_ns))
        answer = self.expect("hello", timeout_s)
        self.greeting = check_greeting(answer, sent_ns, now_ns())

    def greet_without_waiting(self, expected: Greeting | None) -> None:
        """Greet a recorder of this installation; its answer is read when it comes.

        ``expected``: the greeting of its predecessor, which knew the same variables.
        """
        self.send(hello(now_ns()))
        self._is_greeting_due = True
        if expected is not None:
            self.greeting = expected._replace(pid=0)

    @property
    def recorder_pid(self) -> int:
        """The recorder's process; 0 until it has answered the greeting."""
        return 0 if self.greeting is None else self.greeting.pid

    def request_total(self) -> int:
        """Ask for the recording's energy by now; the number that the answer will carry."""
        self._asked += 1
        number = self._asked
        self.send({"op": "ask", "number": number})
        return number

    def pop_totals(self) -> list[Message]:
        """The answers to ``request_total`` that have come, without waiting."""
        self.drain()
        return list(iter(lambda: self.pop_message(lambda m: m["op"] == "total"), None))

    def ask_total(self, timeout_s: float) -> Message | None:
        """The recording's energy by now; None where no answer comes."""
        number = self.request_total()
        return self.wait_for(lambda m: m["op"] == "total" and m["number"] >= number, timeout_s)

    def close(self) -> None:
        """Hang up."""
        self.lost = self._hung_up = True
        self._socket.close()

    def _forget_in_child(self) -> None:
        """Close the child's copy: the recorder must see the parent's end, and only its marks."""
        self._lock = threading.Lock()
        self.is_inherited = True
        self.close()


_open_connections: "weakref.WeakSet[Connection]" = weakref.WeakSet()


def _close_connections_in_child() -> None:
    for connection in list(_open_connections):
        connection._forget_in_child()


os.register_at_fork(after_in_child=_close_connections_in_child)


def connect(path: os.PathLike[str] | str, timeout_s: float = 2.0) -> Connection:
    """A greeted connection to the recorder that listens at a path.

    RecorderError where nothing answers there, where the recorder is neither root's nor this
    user's, or where version or clock differ.
    """
    connection = Connection(open_socket(path, timeout_s))
    try:
        connection.greet(timeout_s)
    except RecorderError:
        connection.close()
        raise
    return connection
