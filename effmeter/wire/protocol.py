"""The protocol between client and recorder: JSON lines over a Unix socket, with limits.

A message is one JSON object on one line; ``op`` names what it is. The recorder may run as root,
so it trusts no message: every field stands here with its type and its limit, and a message that
does not fit ends the connection.
"""

import array
import json
import math
import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from effmeter.errors import RecorderError

PROTOCOL_VERSION = 5
MAX_LINE_BYTES = 64 * 1024
MAX_TEXT = 4096
MAX_LABELS = 64
MAX_LISTING_TEXT = MAX_LINE_BYTES
CHUNK_BYTES = 64 * 1024
_MOST_DESCRIPTORS = 253
"""The most that Linux passes along with one message. All of them are received: the kernel closes
what finds no room in the thread that receives, and a close may wait."""

Message = dict[str, Any]


class ProtocolError(RecorderError):
    """The other side sent something that is not a message of the protocol."""


class FieldSpec(NamedTuple):
    """The type of one field of a message, and whether it is required."""

    kind: type
    required: bool = True
    longest: int = MAX_TEXT
    """The most characters of a text, and of each text of a mapping."""


_LISTING = FieldSpec(dict, longest=MAX_LISTING_TEXT)
_MARK = {
    "event": FieldSpec(str),
    "time_ns": FieldSpec(int),
    "id": FieldSpec(int, False),
    "parent": FieldSpec(int, False),
    "name": FieldSpec(str, False),
    "value": FieldSpec(float, False),
    "text": FieldSpec(str, False),
    "thread": FieldSpec(str, False),
}
_SOURCE = {
    "name": FieldSpec(str),
    "labels": FieldSpec(dict),
    "host": FieldSpec(str),
    "rank": FieldSpec(int, False),
    "local_rank": FieldSpec(int, False),
    "job": FieldSpec(dict, False),
    "program": FieldSpec(dict),
    "id": FieldSpec(int),
    "run_id": FieldSpec(str, False),
    "parent_run_id": FieldSpec(str, False),
    "program_id": FieldSpec(str, False),
}
REQUESTS: Mapping[str, Mapping[str, FieldSpec]] = {
    "hello": {"version": FieldSpec(int), "time_ns": FieldSpec(int)},
    "begin": {
        **_SOURCE,
        "run_id": FieldSpec(str),
        "part": FieldSpec(int),
        "rate_hz": FieldSpec(float),
        "git_commit": FieldSpec(str, False),
        "recording": FieldSpec(str, False),
        "versions": FieldSpec(dict),
        "calibrations": FieldSpec(dict, False),
    },
    "join": {**_SOURCE, "recording": FieldSpec(str)},
    "devices": {"program_id": FieldSpec(str), "listing": _LISTING},
    "sensors": {
        "program_id": FieldSpec(str),
        "listing": _LISTING,
        "sensors": _LISTING,
    },
    "mark": _MARK,
    "ask": {"number": FieldSpec(int)},
    "watch": {},
    "end": {
        "status": FieldSpec(str),
        "time_ns": FieldSpec(int),
        "final": FieldSpec(bool),
        "dropped_marks": FieldSpec(int),
    },
    "status": {},
    "stop": {},
}
"""The requests of a client, field by field."""


_to_json = json.JSONEncoder(separators=(",", ":")).encode
"""Made once: ``json.dumps`` makes an encoder at every call."""


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as one line."""
    return _to_json(message).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line; ProtocolError where there is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not a message: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("op"), str):
        raise ProtocolError("not a message: no op")
    return message


def check_request(message: Message) -> Message:
    """The message, if it is one that a client may send; ProtocolError otherwise."""
    fields = REQUESTS.get(message["op"])
    if fields is None:
        raise ProtocolError(f"unknown op {message['op'][:40]!r}")
    unknown = message.keys() - fields.keys() - {"op"}
    if unknown:
        raise ProtocolError(f"{message['op']}: unknown field {min(unknown)[:40]!r}")
    for name, field in fields.items():
        _check_field(message, name, field)
    return message


def _check_field(message: Message, name: str, field: FieldSpec) -> None:
    value = message.get(name)
    if value is None:
        if field.required:
            raise ProtocolError(f"{message['op']}: {name} is missing")
        return
    if field.kind is float and type(value) is int:
        value = message[name] = _as_float(message, name, value)
    if type(value) is not field.kind:
        raise ProtocolError(f"{message['op']}: {name} is not a {field.kind.__name__}")
    if isinstance(value, str) and len(value) > field.longest:
        raise ProtocolError(f"{message['op']}: {name} is longer than {field.longest}")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ProtocolError(f"{message['op']}: {name} is out of range")
    if isinstance(value, dict):
        _check_flat(message["op"], name, value, field.longest)


def _as_float(message: Message, name: str, value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ProtocolError(f"{message['op']}: {name} is out of range") from error


def _check_flat(op: str, name: str, mapping: Mapping[str, Any], longest: int) -> None:
    if len(mapping) > MAX_LABELS:
        raise ProtocolError(f"{op}: {name} has more than {MAX_LABELS} entries")
    for key, value in mapping.items():
        if not isinstance(value, str | int | float | bool | None):
            raise ProtocolError(f"{op}: {name}[{key[:40]!r}] is not a plain value")
        if isinstance(value, float) and not math.isfinite(value):
            raise ProtocolError(f"{op}: {name}[{key[:40]!r}] is not a finite number")
        if isinstance(value, int) and abs(value) >= 2**63:
            raise ProtocolError(f"{op}: {name}[{key[:40]!r}] is out of range")
        if len(key) > MAX_TEXT or (isinstance(value, str) and len(value) > longest):
            raise ProtocolError(f"{op}: {name}[{key[:40]!r}] is longer than {longest}")


class LineBuffer:
    """Splits received bytes into lines."""

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def is_between_lines(self) -> bool:
        """Whether no line has begun that is not complete."""
        return not self._pending

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines completed by these bytes; ProtocolError past the limit."""
        self._pending += data
        *lines, rest = self._pending.split(b"\n")
        self._pending = bytearray(rest)
        if len(rest) > MAX_LINE_BYTES or any(len(line) > MAX_LINE_BYTES for line in lines):
            raise ProtocolError(f"a line is longer than {MAX_LINE_BYTES} bytes")
        return iter([bytes(line) for line in lines])


def receive(sock: socket.socket, chunk_bytes: int = CHUNK_BYTES) -> tuple[bytes, list[int]]:
    """Bytes and descriptors waiting on a socket; no bytes at its end. May raise OSError."""
    flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
    space = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)
    data, ancillary, _, _ = sock.recvmsg(chunk_bytes, space, flags)
    descriptors = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            whole = len(payload) - len(payload) % descriptors.itemsize
            descriptors.frombytes(payload[:whole])
    if not flags:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
    return data, list(descriptors)
