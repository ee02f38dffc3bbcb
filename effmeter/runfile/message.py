"""One Arrow message: how long it is, how large it unfolds, and its rows.

The metadata of a message is a flatbuffer (Arrow's ``Message.fbs``). The few fields that are
needed before pyarrow may decode the message are read here, strictly: an offset that leads out of
the bytes is a DamagedError.
"""

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


MOST_BYTES = 2**62
"""Sums of sizes below this fit into 64 bits."""


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
    if total >= MOST_BYTES:
        raise DamagedError("its buffers are larger than any memory")
    return Unfolded(rows, total)


class BatchPlaces(NamedTuple):
    """Where the numbers stand in the metadata of a batch, from the beginning of its message."""

    metadata_bytes: int
    body_bytes_at: int
    rows_at: int
    nodes_at: int
    nodes: int
    """The number of columns: for each, how many values it has and how many of them are null."""
    buffers_at: int
    buffers: int
    """The number of buffers: for each, its offset in the body and its length."""
    is_compressed: bool


def batch_places(data: bytes) -> BatchPlaces:
    """The places of the numbers in the message of a batch; DamagedError where it has not all."""
    message = message_of(data)
    if not message.is_batch or message.length != len(data):
        raise DamagedError("it is no batch")
    root = _Table.root(data[PREFIX_BYTES : message.metadata_bytes])
    batch = root.table(2)
    nodes_at, nodes = batch.vector(1, _BUFFER_BYTES)
    buffers_at, buffers = batch.vector(2, _BUFFER_BYTES)
    return BatchPlaces(
        message.metadata_bytes,
        PREFIX_BYTES + root.place(3, 8),
        PREFIX_BYTES + batch.place(0, 8),
        PREFIX_BYTES + nodes_at,
        nodes,
        PREFIX_BYTES + buffers_at,
        buffers,
        batch.has(3),
    )


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


def read_table(
    schema: bytes, messages: Sequence[bytes], described: pa.Schema, columns: Sequence[str]
) -> pa.Table | None:
    """The rows of batches, checked to be as the schema says; None where any of them is not.

    Args:
        schema: The message of the schema.
        messages: The batches, one chunk of the table each.
        described: The schema.
        columns: What to decode of it.
    """
    # A pool of threads would be woken for each batch, to decompress a few kilobytes.
    options = pa.ipc.IpcReadOptions(
        use_threads=False, included_fields=[described.get_field_index(name) for name in columns]
    )
    try:
        stream = pa.ipc.open_stream(pa.py_buffer(b"".join((schema, *messages))), options=options)
        table = stream.read_all()
        table.validate(full=True)
    except MemoryError:  # pyarrow's is an ArrowException too; the batch may be sound
        raise
    except (pa.ArrowException, OSError, ValueError):
        return None
    return table if table.column(0).num_chunks == len(messages) else None


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

    def place(self, slot: int, size: int) -> int:
        """Where a field of some bytes stands in the data."""
        place = self._place(slot)
        if place is None or place < 0 or place + size > len(self._data):
            raise DamagedError("its metadata are incomplete")
        return place

    def structs(self, slot: int, form: str, size: int) -> list[tuple[int, ...]]:
        """A field that is a vector of structures."""
        if self._place(slot) is None:
            return []
        start, count = self.vector(slot, size)
        return list(struct.iter_unpack(form, self._data[start : start + count * size]))

    def vector(self, slot: int, size: int) -> tuple[int, int]:
        """Where a vector of structures begins, and how many it has."""
        place = self.place(slot, 4)
        start = place + self._read("<I", place)
        count = self._read("<I", start)
        if start + 4 + count * size > len(self._data):
            raise DamagedError("its metadata are cut off")
        return start + 4, count

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
