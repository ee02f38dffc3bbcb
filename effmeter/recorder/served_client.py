"""One client of the recorder: its socket, its identity, the messages waiting for it."""

import contextlib
import os
import socket
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from effmeter.recorder.policy import ServicePolicy
from effmeter.wire.peer import Peer, peer_of, watch_death
from effmeter.wire.protocol import (
    CHUNK_BYTES,
    LineBuffer,
    Message,
    ProtocolError,
    check_request,
    decode,
    encode,
    receive,
)

MAX_UNSENT_BYTES = 256 * 1024
RESTRICTED_UNSENT_BYTES = 64 * 1024
RESTRICTED_CHUNK_BYTES = 16 * 1024


class Request(NamedTuple):
    """A message of a client, and the length of its line."""

    message: Message
    size_bytes: int


class ServedClient:
    """A connected program. No call here blocks: a client that never reads delays no other."""

    def __init__(
        self, sock: socket.socket, policy: ServicePolicy, now_ns: int, peer: Peer | None = None
    ) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.peer: Peer = peer or peer_of(sock)
        self.is_restricted = policy.is_restricted(self.peer)
        self.greeted = False
        self.watches = False
        self.awaits_begun = False
        self.has_joined = False
        """Whether its recording went on before it came."""
        self.ask: int | None = None
        """The number of its unanswered request for a total; the newest stands for all."""
        self.recording: str | None = None
        self.end_of_life = watch_death(sock, self.peer)
        self.is_held = False
        """Whether its messages wait: its file is being checked."""
        self.since_ns = now_ns
        self._lines = LineBuffer()
        self._received: deque[bytes] = deque()
        self._descriptors: list[int] = []
        self._unsent = bytearray()

    @property
    def key(self) -> int:
        """A number that no other connected client has."""
        return id(self)

    @property
    def has_unsent(self) -> bool:
        """Whether messages are queued for it."""
        return bool(self._unsent)

    @property
    def has_received(self) -> bool:
        """Whether messages of it wait to be handled."""
        return bool(self._received)

    def receive(self) -> bool:
        """Take what has come into the queue of messages; False once the client has hung up.

        ProtocolError where what came is no line of the protocol.
        """
        chunk_bytes = RESTRICTED_CHUNK_BYTES if self.is_restricted else CHUNK_BYTES
        try:
            data, descriptors = receive(self.socket, chunk_bytes)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        self._descriptors += descriptors
        if len(self._descriptors) > 1:
            raise ProtocolError("one descriptor at a time")
        self._received.extend(self._lines.feed(data))
        return bool(data)

    def next_request(self) -> Request | None:
        """The next message; None where none waits. ProtocolError where it is none.

        A descriptor that no request has taken is an error once all of them are handled.
        """
        if not self._received:
            if self._descriptors and self._lines.is_between_lines:
                raise ProtocolError("a descriptor comes with a request that takes one")
            return None
        line = self._received.popleft()
        return Request(check_request(decode(line)), len(line))

    def pop_descriptor(self) -> int | None:
        """The descriptor that the client handed over, if any; the caller must have it closed."""
        return self._descriptors.pop() if self._descriptors else None

    def send(self, message: Mapping[str, Any]) -> None:
        """Send or queue a message; beyond the limit of the queue it is dropped."""
        line = encode(message)
        limit = RESTRICTED_UNSENT_BYTES if self.is_restricted else MAX_UNSENT_BYTES
        if len(self._unsent) + len(line) <= limit:
            self._unsent += line
            self.flush()

    def push(self, message: Mapping[str, Any]) -> None:
        """Send only if nothing is queued: a newer total follows soon."""
        if not self._unsent:
            self.send(message)

    def flush(self) -> None:
        """Send what the socket takes."""
        with contextlib.suppress(OSError):
            while self._unsent:
                del self._unsent[: self.socket.send(self._unsent)]

    def detach(self) -> list[int]:
        """Give up the connection; the descriptors that the caller must have closed.

        Closing the socket closes the descriptors that wait in it.
        """
        if self.end_of_life is not None:
            os.close(self.end_of_life)
            self.end_of_life = None
        descriptors, self._descriptors = self._descriptors, []
        return [*descriptors, self.socket.detach()]
