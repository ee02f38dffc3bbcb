"""How a client and a recorder meet: a trusted socket, one protocol version, one clock."""

import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from effmeter.errors import RecorderError
from effmeter.wire.paths import owner_socket
from effmeter.wire.peer import peer_of
from effmeter.wire.protocol import PROTOCOL_VERSION, Message

CLOCKS_AGREE_NS = 1_000_000_000
MAX_VARIABLES = 16
_AGAIN_S = 0.005


class Greeting(NamedTuple):
    """What a recorder states about itself."""

    mode: str
    """``private`` or ``shared``."""
    pid: int
    variables: tuple[str, ...]
    """The environment variables by which a program restricts its devices; the client sends their
    values, so that it needs no knowledge of any vendor."""


def open_socket(path: os.PathLike[str] | str, timeout_s: float) -> socket.socket:
    """A socket connected to the recorder at a path, with that timeout.

    RecorderError where nothing listens, or where neither root nor this user does: another user's
    recorder could invent readings. Root and the recorder's owner use the socket that is kept for
    them, where there is one.
    """
    place = os.fspath(path)
    kept = os.fspath(owner_socket(Path(place)))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        if not os.access(kept, os.W_OK) or not _is_connected(sock, kept, timeout_s):
            _connect(sock, place, timeout_s)
        if peer_of(sock).uid not in (0, os.getuid()):
            raise RecorderError(f"the recorder at {place} belongs to another user: not trusted")
    except OSError as error:
        sock.close()
        raise RecorderError(f"no recorder answers at {place}: {error}") from error
    except RecorderError:
        sock.close()
        raise
    return sock


def _is_connected(sock: socket.socket, kept: str, timeout_s: float) -> bool:
    """Connect to the socket that is kept for the owner, unless it is a dead recorder's."""
    try:
        _connect(sock, kept, timeout_s)
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    return True


def _connect(sock: socket.socket, place: str, timeout_s: float) -> None:
    """Connect; where many others do at the same time, try until the timeout."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            sock.connect(place)
        except BlockingIOError:  # the queue of the listening socket is full
            if time.monotonic() > deadline_s:
                raise
            time.sleep(_AGAIN_S)
        else:
            return


def hello(time_ns: int) -> Message:
    """A client's first message; the run clock when it was sent."""
    return {"op": "hello", "version": PROTOCOL_VERSION, "time_ns": time_ns}


def greeting(mode: str, time_ns: int, variables: Sequence[str]) -> Message:
    """The recorder's answer to a hello."""
    facts = {"mode": mode, "pid": os.getpid(), "variables": list(variables)}
    return {**hello(time_ns), **facts}


def check_greeting(answer: Message, sent_ns: int, received_ns: int) -> Greeting:
    """The greeting in an answer; RecorderError where protocol version or clock differ."""
    version = answer.get("version")
    if version != PROTOCOL_VERSION:
        raise RecorderError(
            f"the recorder speaks protocol version {version}, this client {PROTOCOL_VERSION}"
        )
    theirs_ns = _as_int(answer.get("time_ns"))
    if not sent_ns - CLOCKS_AGREE_NS <= theirs_ns <= received_ns + CLOCKS_AGREE_NS:
        raise RecorderError("the recorder's clock differs from this program's")
    variables = answer.get("variables")
    names = variables if isinstance(variables, list) else []
    kept = tuple(str(name) for name in names[:MAX_VARIABLES])
    return Greeting(str(answer.get("mode")), _as_int(answer.get("pid")), kept)


def _as_int(value: Any) -> int:
    return value if isinstance(value, int) else 0
