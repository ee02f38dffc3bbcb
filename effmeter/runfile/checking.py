"""The batches of a run file, one after the other, each checked before it is decoded."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from effmeter.errors import RunFileError
from effmeter.runfile.format import COLUMNS
from effmeter.runfile.message import DamagedError, Unfolded, read_schema, read_table, unfolded
from effmeter.runfile.part import wall_ns
from effmeter.runfile.scan import Hole, Piece

MAX_BATCH_BYTES = 256 * 2**20
"""Of one batch, unfolded: a million rows take half of it."""
MIN_BYTES_PER_ROW = 1
"""Of a whole file, compressed: the numbers of rows alone take as much, and recordings take 5."""
MAX_UNFOLDED_RATIO = 256
"""Of a whole file: recordings unfold to some 25 times their size at most."""
_SMALL_FILE_BYTES = 2**18
"""A file that is smaller is allowed as much as one of this size."""
_MAX_TIME_NS = 2**62
"""In 2116; moments up to there can be added and subtracted in 64 bits."""
_GROUP_BYTES = 16 * 2**20
_GROUP_UNFOLDED_BYTES = 64 * 2**20
"""Batches are decoded together up to these sizes."""


class FileEnd(NamedTuple):
    """The footer: its writer closed the file."""

    batches: int
    """How many batches the file had then."""


class Allowance:
    """How many rows and bytes a file may still unfold to: a small one can declare any size."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        self._path = path
        size = max(file_bytes, _SMALL_FILE_BYTES)
        self._left = Unfolded(size // MIN_BYTES_PER_ROW, size * MAX_UNFOLDED_RATIO)

    def granted_bytes(self, message: bytes) -> int | None:
        """The bytes that a batch unfolds to; None where it must not be decoded.

        Raises RunFileError once the file exceeds its allowance.
        """
        try:
            batch = unfolded(message)
        except DamagedError:
            return None
        return batch.buffer_bytes if self.covers(batch) else None

    def covers(self, batch: Unfolded) -> bool:
        """Whether a batch of this size may be decoded; RunFileError as ``granted_bytes``."""
        rows, buffer_bytes = batch
        if buffer_bytes > MAX_BATCH_BYTES:
            return False
        self._left = Unfolded(self._left.rows - rows, self._left.buffer_bytes - buffer_bytes)
        if min(self._left) < 0:
            raise RunFileError(
                f"{self._path} is not read: its rows unfold to far more than recordings do, "
                f"over {MAX_UNFOLDED_RATIO} times its size"
            )
        return True


class _Group:
    """Batches that are decoded together."""

    def __init__(self, schema: bytes, allowance: Allowance) -> None:
        self._schema = schema
        self._described = read_schema(schema)
        self._allowance = allowance
        self._pieces: list[tuple[Piece, bool]] = []
        self._bytes = self._unfolded_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether it is to be decoded before more is added."""
        return self._bytes >= _GROUP_BYTES or self._unfolded_bytes >= _GROUP_UNFOLDED_BYTES

    def add(self, piece: Piece) -> None:
        """Add a batch; RunFileError where the file exceeds its allowance."""
        granted_bytes = self._allowance.granted_bytes(piece.data)
        self._bytes += len(piece.data)
        self._unfolded_bytes += granted_bytes or 0
        self._pieces.append((piece, granted_bytes is not None))

    def take(self) -> Iterator[pa.RecordBatch | Hole]:
        """Decode and forget what was added; a hole for each batch that cannot be."""
        pieces, self._pieces = self._pieces, []
        self._bytes = self._unfolded_bytes = 0
        bearable = [piece.data for piece, is_bearable in pieces if is_bearable]
        batches = iter(self._decoded(bearable))
        for piece, is_bearable in pieces:
            batch = next(batches) if is_bearable else None
            if batch is None or not is_dated(batch):
                yield Hole(piece.number, piece.number)
            else:
                yield batch

    def _decoded(self, messages: list[bytes]) -> list[pa.RecordBatch | None]:
        """The rows of each message; None where they are not as the schema says."""
        together = self._table(messages) if messages else None
        if together is not None:
            return [_batch(together, place) for place in range(len(messages))]
        alone = (self._table([message]) for message in messages)
        return [None if table is None else _batch(table, 0) for table in alone]

    def _table(self, messages: list[bytes]) -> pa.Table | None:
        names = [name for name in COLUMNS if name in self._described.names]
        return read_table(self._schema, messages, self._described, names)


def _batch(table: pa.Table, place: int) -> pa.RecordBatch:
    """The rows of one message, which may be none."""
    columns = [column.chunk(place) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def is_dated(rows: pa.RecordBatch | pa.Table) -> bool:
    """Whether all rows have a moment that can be, and a number where that column was decoded."""
    time = rows.column("time")
    if time.null_count or ("seq" in rows.schema.names and rows.column("seq").null_count):
        return False
    moments = wall_ns(time)
    return bool(np.all((moments > -_MAX_TIME_NS) & (moments < _MAX_TIME_NS)))


def checked_batches(
    path: Path, pieces: Iterable[Piece | Hole], schema: bytes, file_bytes: int
) -> Iterator[pa.RecordBatch | Hole | FileEnd]:
    """What follows the schema, in order.

    A batch that cannot be decoded, that unfolds to more than ``MAX_BATCH_BYTES``, or has a row at
    no moment, is a hole.

    Args:
        path: The file, to name it.
        pieces: The messages behind the schema.
        schema: The message of the schema, whose columns are those of a run file.
        file_bytes: The size of the file.

    Raises:
        RunFileError: The file unfolds to far more than recordings do.
    """
    group = _Group(schema, Allowance(path, file_bytes))
    for piece in pieces:
        if isinstance(piece, Piece) and not piece.is_end:
            group.add(piece)
            if group.is_full:
                yield from group.take()
            continue
        yield from group.take()
        yield piece if isinstance(piece, Hole) else FileEnd(piece.number - 1)
    yield from group.take()
