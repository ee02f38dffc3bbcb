"""One client of the recorder: its socket, its identity, the messages waiting for it."""

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Any

from effmeter.recorder.policy import ServicePolicy
from effmeter.wire.peer import Peer, peer_of, watch_death
from effmeter.wire.protocol import (
    LineBuffer,
    Message,
    ProtocolError,
    check_request,
    decode,
    encode,
    receive,
)

FOREVER_NS = 2**63
MAX_UNSENT_BYTES = 256 * 1024
RESTRICTED_MESSAGES_PER_S = 2000


class ServedClient:
    """A connected program. No call here blocks: a client that never reads delays no other."""

    def __init__(self, sock: socket.socket, policy: ServicePolicy, now_ns: int) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.peer: Peer = peer_of(sock)
        self.is_restricted = policy.is_restricted(self.peer)
        self.greeted = False
        self.watches = False
        self.awaits_begun = False
        self.has_joined = False
        """Whether its recording went on before it came."""
        self.asks: list[int] = []
        self.recording: str | None = None
        self.end_of_life = watch_death(sock, self.peer)
        self.held: list[Message] | None = None
        """Messages received while its file is checked; None at all other times."""
        self.since_ns = now_ns
        self.paused_until_ns = 0
        self._lines = LineBuffer()
        self._descriptors: list[int] = []
        self._unsent = bytearray()
        self._allowance = float(RESTRICTED_MESSAGES_PER_S)
        self._allowed_ns = 0

    @property
    def key(self) -> int:
        """A number that no other connected client has."""
        return id(self)

    @property
    def has_unsent(self) -> bool:
        """Whether messages are queued for it."""
        return bool(self._unsent)

    def read(self, now_ns: int) -> list[Message] | None:
        """The messages that have come; None once the client has hung up.

        ProtocolError where what came is no message.
        """
        try:
            data, descriptors = receive(self.socket)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None
        self._descriptors += descriptors
        if len(self._descriptors) > 1:
            raise ProtocolError("one descriptor at a time")
        if not data:
            return None
        messages = [check_request(decode(line)) for line in self._lines.feed(data)]
        self._throttle(len(messages), now_ns)
        return messages

    def _throttle(self, messages: int, now_ns: int) -> None:
        """Pause reading from a restricted user that sends too fast, until its debt is paid."""
        if not self.is_restricted:
            return
        earned = (now_ns - self._allowed_ns) * 1e-9 * RESTRICTED_MESSAGES_PER_S
        self._allowance = min(self._allowance + earned, float(RESTRICTED_MESSAGES_PER_S))
        self._allowance -= messages
        self._allowed_ns = now_ns
        if self._allowance < 0:
            debt_s = -self._allowance / RESTRICTED_MESSAGES_PER_S
            self.paused_until_ns = now_ns + int(debt_s * 1e9)

    def hold(self) -> None:
        """Read nothing more for now; messages read already are held back."""
        self.held = self.held or []
        self.paused_until_ns = FOREVER_NS

    def release(self) -> list[Message]:
        """Read again; the messages that were held back."""
        held, self.held = self.held or [], None
        self.paused_until_ns = 1
        return held

    def pop_descriptor(self) -> int | None:
        """The descriptor that the client handed over, if any; the caller must close it."""
        return self._descriptors.pop() if self._descriptors else None

    def send(self, message: Mapping[str, Any]) -> None:
        """Send or queue a message; beyond the limit of the queue it is dropped."""
        line = encode(message)
        if len(self._unsent) + len(line) <= MAX_UNSENT_BYTES:
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

    def close(self) -> None:
        """Let go of the socket and of every descriptor."""
        _close_all(self._descriptors)
        if self.end_of_life is not None:
            os.close(self.end_of_life)
            self.end_of_life = None
        self.socket.close()


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
