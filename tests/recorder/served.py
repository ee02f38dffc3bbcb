"""A server in this thread, stepped by hand, with clients at the other ends of socket pairs."""

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.served_client import ServedClient
from effmeter.wire.handshake import hello
from effmeter.wire.protocol import LineBuffer, Message, decode, encode

STRANGER = os.getuid() + 1
SOURCE = {"name": "n", "labels": {}, "host": "h", "program": {}, "id": 1}
BEGIN = {"op": "begin", **SOURCE, "run_id": "r", "part": 1, "rate_hz": 10.0, "versions": {}}


class Pair:
    """A client as the recorder sees it, and the program's end of its socket."""

    def __init__(self, *, restricted: bool = False, now_ns: int = 0) -> None:
        self.program, theirs = socket.socketpair()
        # The peer is this process: a recorder of another owner serves it as a stranger.
        owner_uid = STRANGER if restricted and os.getuid() != 0 else os.getuid()
        self.client = ServedClient(theirs, ServicePolicy("shared", owner_uid), now_ns)
        self.client.is_restricted = restricted
        self._lines = LineBuffer()

    def say(self, *messages: Mapping[str, Any]) -> None:
        self.program.sendall(b"".join(map(encode, messages)))

    def read(self) -> list[Message] | None:
        """What the recorder receives of the client now; None once it has hung up."""
        is_there = self.client.receive()
        messages = []
        while self.client.has_received:
            request = self.client.next_request()
            assert request is not None
            messages.append(request.message)
        return messages if is_there or messages else None

    def heard(self) -> list[Message]:
        self.program.setblocking(False)
        try:
            return [decode(line) for line in self._lines.feed(self.program.recv(1 << 20))]
        except BlockingIOError:
            return []

    def close(self) -> None:
        for descriptor in self.client.detach():
            if descriptor >= 0:
                os.close(descriptor)
        self.program.close()


def hellos(count: int = 1) -> Sequence[Message]:
    return [hello(0)] * count
