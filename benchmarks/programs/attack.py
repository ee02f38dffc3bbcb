"""One attack on a daemon: ``NAME SOCKET FOLDER SECONDS``."""

import contextlib
import os
import random
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from effmeter.clock import now_ns
from effmeter.wire.handshake import hello
from effmeter.wire.protocol import encode

SOURCE = {"name": "a", "labels": {}, "host": "h", "program": {}, "id": 1}
BEGIN = {"op": "begin", **SOURCE, "run_id": "r", "part": 1, "rate_hz": 1000.0, "versions": {}}
END = {"op": "end", "status": "completed", "final": True, "dropped_marks": 0, "time_ns": 0}
MARK = {
    "op": "mark",
    "event": "metric",
    "time_ns": now_ns(),
    "parent": 0,
    "name": "m",
    "value": 1.0,
}
LONG = {**MARK, "event": "note", "name": "n" * 4096, "text": "\U0001f600" * 4000}
DIGITS = {"CUDA_VISIBLE_DEVICES": "1" * 5000}
CONNECTIONS = 60


class Attacker:
    """A user of the group, with as many connections as it gets."""

    def __init__(self, path: str, folder: str, seconds: float) -> None:
        self.path = path
        self.folder = Path(folder)
        self.until_s = time.monotonic() + seconds

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.until_s

    def connect(self, *, greet: bool = True) -> socket.socket | None:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(2.0)
        try:
            sock.connect(self.path)
            if greet:
                sock.sendall(encode(hello(now_ns())))
                sock.recv(65536)
        except OSError:
            sock.close()
            return None
        return sock

    def many(self, count: int = CONNECTIONS) -> list[socket.socket]:
        made = (self.connect() for _ in range(count))
        return [sock for sock in made if sock is not None]

    def begin(self, sock: socket.socket, message: Mapping[str, Any] = BEGIN) -> None:
        path = self.folder / f"{random.getrandbits(60)}.arrow"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        with contextlib.suppress(OSError):
            socket.send_fds(sock, [encode(message)], [descriptor])
            sock.recv(65536)
        os.close(descriptor)

    def recordings(self, count: int = CONNECTIONS) -> list[socket.socket]:
        made = self.many(count)
        for sock in made:
            self.begin(sock)
        return made

    def flood(self, socks: Sequence[socket.socket], data: bytes) -> None:
        """Send as fast as may be, and connect again where the recorder hangs up."""
        waiting = dict.fromkeys(socks, data)
        for sock in socks:
            sock.setblocking(False)
        while self.goes_on:
            is_idle = True
            for sock in list(waiting):
                try:
                    sent = sock.send(waiting[sock])
                    waiting[sock] = waiting[sock][sent:] or data
                    is_idle = False
                    sock.recv(65536)
                except BlockingIOError:
                    pass
                except OSError:
                    del waiting[sock]
                    again = self.connect()
                    if again is not None:
                        again.setblocking(False)
                        waiting[again] = data
            if is_idle:
                time.sleep(0.002)


def _idle(attacker: Attacker) -> None:
    while attacker.goes_on:
        time.sleep(0.1)


def _flooding(message: Mapping[str, Any], *, records: bool) -> Callable[[Attacker], None]:
    def act(attacker: Attacker) -> None:
        socks = attacker.recordings() if records else attacker.many()
        attacker.flood(socks, encode(message) * max(1, 20_000 // len(encode(message))))

    return act


def _recordings(attacker: Attacker) -> None:
    """As many recordings as a user gets, each asked for at 1 kHz."""
    made = attacker.recordings(64)
    _idle(attacker)
    del made


def _random_bytes(attacker: Attacker) -> None:
    attacker.flood(attacker.many(), os.urandom(65536))


def _storm(attacker: Attacker) -> None:
    while attacker.goes_on:
        sock = attacker.connect(greet=False)
        if sock is not None:
            sock.close()


def _begin_and_hang_up(attacker: Attacker) -> None:
    while attacker.goes_on:
        sock = attacker.connect()
        if sock is not None:
            attacker.begin(sock)
            sock.close()


def _crash(attacker: Attacker) -> None:
    """Numbers of more digits than Python parses."""
    while attacker.goes_on:
        sock = attacker.connect()
        if sock is not None:
            attacker.begin(sock, {**BEGIN, "program": DIGITS})
            sock.close()


def _linger(attacker: Attacker) -> None:
    """Sockets whose close waits for as long as their linger time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        while attacker.goes_on:
            sending = socket.create_connection(server.getsockname())
            kept, _ = server.accept()
            sending.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
            sending.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    sending.send(b"x" * 65536)
            sock = attacker.connect(greet=False)
            if sock is not None:
                with contextlib.suppress(OSError):
                    socket.send_fds(sock, [encode(hello(0))], [sending.fileno()] * 200)
                sending.close()
                sock.close()
            kept.detach()
            time.sleep(0.05)


ATTACKS: Mapping[str, Callable[[Attacker], None]] = {
    "none": _idle,
    "recordings": _recordings,
    "marks": _flooding(MARK, records=True),
    "long-notes": _flooding(LONG, records=True),
    "asks": _flooding({"op": "ask", "number": 1}, records=True),
    "status": _flooding({"op": "status"}, records=False),
    "hello": _flooding(hello(0), records=False),
    "join": _flooding({"op": "join", **SOURCE, "recording": "x"}, records=False),
    "random-bytes": _random_bytes,
    "huge-line": _flooding({"op": "x" * 200_000}, records=False),
    "connections": _storm,
    "begin-and-hang-up": _begin_and_hang_up,
    "digits": _crash,
    "linger": _linger,
}

if __name__ == "__main__":
    ATTACKS[sys.argv[1]](Attacker(sys.argv[2], sys.argv[3], float(sys.argv[4])))
