"""Mutations of messages, to a recorder's real loop over real sockets."""

import contextlib
import io
import os
import socket
import sys
import threading
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from effmeter.client.connection import Connection
from effmeter.clock import now_ns
from effmeter.probes.base import Discovery
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.server import Server
from effmeter.runfile.format import Event
from effmeter.status import Status
from effmeter.wire.handshake import hello
from tests.fuzz.hostile import any_value, changed, changed_json, json_of
from tests.fuzz.report_check import FaultError, check_reading

ANSWER_TIMEOUT_S = 10.0
"""For a connection beside the hostile ones; on a loaded machine too."""
MAX_HEARD_BYTES = 2**20
SOURCE = {
    "name": "n",
    "labels": {"size": 1, "architecture": "lenet"},
    "host": "h",
    "rank": 0,
    "local_rank": 0,
    "job": {"id": "7", "world_size": 2},
    "program": {"pid": 42, "command": "train.py", "CUDA_VISIBLE_DEVICES": "0"},
    "id": 1,
    "program_id": "p",
}
MESSAGES: tuple[dict[str, Any], ...] = (
    {"op": "mark", "event": "epoch_begin", "id": 3, "parent": 1, "value": 1.0},
    {"op": "mark", "event": "epoch_end", "id": 3, "value": 1.0},
    {"op": "mark", "event": "metric", "parent": 3, "name": "accuracy", "value": 0.5},
    {"op": "mark", "event": "note", "name": "labels", "id": 1, "text": '{"a": 1}'},
    {"op": "mark", "event": "span_begin", "id": 4, "parent": 3, "name": "s", "thread": "t"},
    {"op": "ask", "number": 1},
    {"op": "watch"},
    {"op": "status"},
    {"op": "join", **SOURCE, "recording": "token", "run_id": "inner", "parent_run_id": "r"},
    {"op": "devices", "program_id": "p", "listing": {"nvidia": "GPU-0"}},
    {"op": "sensors", "program_id": "p", "listing": {}, "sensors": {"a": "b"}},
    {"op": "end", "status": str(Status.COMPLETED), "final": True, "dropped_marks": 0},
)
BEGIN: dict[str, Any] = {
    "op": "begin",
    **SOURCE,
    "run_id": "r",
    "part": 1,
    "rate_hz": 10.0,
    "git_commit": "0" * 40,
    "recording": "token",
    "versions": {"torch": "2"},
    "calibrations": {},
}


class ProtocolFuzzer:
    """A recorder in a thread, hostile clients one after another, and a good one beside them."""

    def __init__(self, folder: Path) -> None:
        self.input = folder / "messages.jsonl"
        """What the hostile client at work sends."""
        self._file = folder / "run.arrow"
        self._path = folder / "s"
        self._printed = io.StringIO()
        self._server = Server(Discovery(), ServicePolicy("shared", os.getuid()))
        self._listener = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Self:
        self._listener.bind(str(self._path))
        self._listener.listen()
        self._server.listen(self._listener)
        self._thread.start()
        self._steady = Connection(self._open())
        self._steady.greet(ANSWER_TIMEOUT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._steady.close()
        self._server.stop()
        self._thread.join(30)
        self._listener.close()
        self._path.unlink()

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(ANSWER_TIMEOUT_S)
        sock.connect(str(self._path))
        return sock

    def step(self, rng: Random) -> str:
        """One hostile client. Raises FaultError where the recorder errs, or the good one waits."""
        data = _said(rng)
        self.input.write_bytes(data)
        begins = rng.randrange(3) > 0
        before = sys.stderr
        sys.stderr = printed = io.StringIO()
        try:
            self._disturb(rng, data, begins=begins)
            self._steady.send({"op": "status"})
            self._steady.expect("status", ANSWER_TIMEOUT_S)
        finally:
            sys.stderr = before
        if "Traceback" in printed.getvalue():
            raise FaultError(printed.getvalue())
        if not self._thread.is_alive():
            raise FaultError("the recorder has ended")
        return "in a recording" if begins else "alone"

    def _disturb(self, rng: Random, data: bytes, *, begins: bool) -> None:
        sock = self._open()
        sock.settimeout(0.2)
        with sock, contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            if rng.randrange(8):
                sock.sendall(_line(hello(now_ns())))
            if begins:
                self._begin(rng, sock)
            while data:
                count = rng.choice((1, 7, 200, 5000, len(data)))
                sock.sendall(data[:count])
                data = data[count:]
            if rng.randrange(2):
                sock.shutdown(socket.SHUT_WR)
                self._hear(sock)
        if begins and self._file.exists():
            if self._file.stat().st_size and rng.randrange(8) == 0:
                check_reading(self._file)
            self._file.unlink()

    def _begin(self, rng: Random, sock: socket.socket) -> None:
        message = BEGIN if rng.randrange(3) else changed(rng, BEGIN, rng.choice((1, 3)))
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT)
        try:
            socket.send_fds(sock, [_line(message)], [descriptor] * rng.choice((1, 1, 1, 2, 0)))
        finally:
            os.close(descriptor)

    @staticmethod
    def _hear(sock: socket.socket) -> None:
        heard = 0
        while part := sock.recv(65536):
            heard += len(part)
            if heard > MAX_HEARD_BYTES:
                raise FaultError(f"one client is sent more than {MAX_HEARD_BYTES} bytes")


def _line(message: Any) -> bytes:
    return json_of(message).encode("utf-8", "surrogatepass") + b"\n"


def _said(rng: Random) -> bytes:
    """Messages that are nearly right, and bytes that are not."""
    lines = []
    for _ in range(rng.choice((1, 3, 10, 40))):
        message = {**rng.choice(MESSAGES)}
        if message["op"] in ("mark", "end"):
            message["time_ns"] = now_ns() + rng.choice((0, 0, -(10**9), 10**12))
        act = rng.randrange(8)
        if act == 0:
            message = changed(rng, message, rng.choice((1, 2)))
        elif act == 1:
            message[rng.choice(list(BEGIN))] = any_value(rng)
        elif act == 2 and message["op"] == "mark":
            message["event"] = rng.choice([*map(str, Event), "nonsense"])
        line = _line(message)
        if act == 3:
            text = changed_json(rng, json_of(message))
            line = text.encode("utf-8", "surrogatepass") + b"\n"
        elif act == 4 and rng.randrange(4) == 0:
            line = rng.choice((rng.randbytes(50), b"\n" * 50, b"x" * 70_000, line[:-1]))
        lines.append(line)
    return b"".join(lines)
