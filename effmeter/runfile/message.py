"""One Arrow message: how long it is, how large it unfolds, and its rows.

The metadata of a message is a flatbuffer (Arrow's ``Message.fbs``). The few fields that are
needed before pyarrow may decode the message are read here, strictly: an offset that leads out of
the bytes is a DamagedError.
"""

import contextlib
import struct
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

MAX_METADATA_BYTES = 64 * 2**20
CONTINUATION = b"\xff\xff\xff\xff"
END_OF_STREAM = CONTINUATION + bytes(4)
PREFIX_BYTES = 8
_RECORD_BATCH = 3
_BUFFER_BYTES = 16


class DamagedError(Exception):
    """Bytes that are no message; the text says in which way."""


class Message(NamedTuple):
    """The fields of a message that are read before it is decoded."""

    metadata_bytes: int
    """With the eight bytes before them."""
    body_bytes: int
    is_batch: bool

    @property
    def length(self) -> int:
        """Bytes of the whole message."""
        return self.metadata_bytes + self.body_bytes


def message_of(data: bytes) -> Message:
    """The fields of the message that begins with ``data``, which holds at least its metadata."""
    metadata_bytes = metadata_end(data)
    table = _Table.root(data[PREFIX_BYTES:metadata_bytes])
    kind, body_bytes = table.number(1, "<B"), table.number(3, "<q")
    if body_bytes < 0:
        raise DamagedError("the length of its body is negative")
    return Message(metadata_bytes, body_bytes, kind == _RECORD_BATCH)


def metadata_end(data: bytes) -> int:
    """Bytes of the prefix and the metadata, by the prefix alone."""
    if data[:4] != CONTINUATION or len(data) < PREFIX_BYTES:
        raise DamagedError("no message begins here")
    (length,) = struct.unpack_from("<i", data, 4)
    if not 0 < length <= MAX_METADATA_BYTES:
        raise DamagedError("the length of its metadata makes no sense")
    return PREFIX_BYTES + int(length)


class Unfolded(NamedTuple):
    """How large a batch declares to be once it is decompressed."""

    rows: int
    buffer_bytes: int


def unfolded(data: bytes) -> Unfolded:
    """How large a batch becomes; DamagedError where the message is no batch."""
    message = message_of(data)
    if not message.is_batch or message.length != len(data):
        raise DamagedError("it is no batch")
    batch = _Table.root(data[PREFIX_BYTES : message.metadata_bytes]).table(2)
    rows = batch.number(0, "<q")
    if rows < 0:
        raise DamagedError("the number of its rows is negative")
    is_compressed = batch.has(3)
    total = 0
    for offset, length in batch.structs(2, "<qq", _BUFFER_BYTES):
        if offset < 0 or length < 0 or offset + length > message.body_bytes:
            raise DamagedError("a buffer lies outside its body")
        declared = length
        if is_compressed and length:
            declared = _declared(data, message.metadata_bytes + offset, length)
        total += declared
    return Unfolded(rows, total)


def _declared(data: bytes, at: int, length: int) -> int:
    """The uncompressed length that stands before a compressed buffer; -1 is: not compressed."""
    if length < 8:
        raise DamagedError("a buffer is cut off")
    (declared,) = struct.unpack_from("<q", data, at)
    if declared < -1:
        raise DamagedError("the length of a buffer is negative")
    return length - 8 if declared == -1 else int(declared)


def read_schema(data: bytes) -> pa.Schema:
    """The schema in a message."""
    try:
        return pa.ipc.read_schema(pa.py_buffer(data))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedError(str(error).splitlines()[0]) from error


def read_batches(schema: bytes, messages: Sequence[bytes]) -> list[pa.RecordBatch | None]:
    """The rows in each message, checked to be as the schema says; None where they are not."""
    batches = _read_stream([schema, *messages])
    if len(batches) == len(messages):
        return list(batches)
    return [next(iter(_read_stream([schema, message])), None) for message in messages]


def _read_stream(messages: Sequence[bytes]) -> list[pa.RecordBatch]:
    """The batches up to the first that cannot be read; far faster than one message at a time."""
    batches = []
    # A pool of threads would be woken for each batch, to decompress a few kilobytes.
    options = pa.ipc.IpcReadOptions(use_threads=False)
    with contextlib.suppress(pa.ArrowException, OSError, ValueError, MemoryError):
        for batch in pa.ipc.open_stream(pa.py_buffer(b"".join(messages)), options=options):
            batch.validate(full=True)
            batches.append(batch)
    return batches


class _Table:
    """A table of a flatbuffer: fields by their slot, each checked to lie inside the bytes."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._slots = at - self._read("<i", at)

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        """The outermost table."""
        if len(data) < 4:
            raise DamagedError("its metadata are cut off")
        return cls(data, int(struct.unpack_from("<I", data, 0)[0]))

    def has(self, slot: int) -> bool:
        """Whether the field is there."""
        return self._place(slot) is not None

    def number(self, slot: int, form: str) -> int:
        """A field that is a number; 0 where it is left out."""
        place = self._place(slot)
        return 0 if place is None else self._read(form, place)

    def table(self, slot: int) -> "_Table":
        """A field that is a table."""
        place = self._place(slot)
        if place is None:
            raise DamagedError("its metadata are incomplete")
        return _Table(self._data, place + self._read("<I", place))

    def structs(self, slot: int, form: str, size: int) -> list[tuple[int, ...]]:
        """A field that is a vector of structures."""
        place = self._place(slot)
        if place is None:
            return []
        start = place + self._read("<I", place)
        count = self._read("<I", start)
        end = start + 4 + count * size
        if end > len(self._data):
            raise DamagedError("its metadata are cut off")
        return list(struct.iter_unpack(form, self._data[start + 4 : end]))

    def _place(self, slot: int) -> int | None:
        at = 4 + 2 * slot
        if at + 2 > self._read("<H", self._slots):
            return None
        offset = self._read("<H", self._slots + at)
        return self._at + offset if offset else None

    def _read(self, form: str, at: int) -> int:
        if at < 0 or at + struct.calcsize(form) > len(self._data):
            raise DamagedError("its metadata lead out of it")
        return int(struct.unpack_from(form, self._data, at)[0])
