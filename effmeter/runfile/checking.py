"""The batches of a run file, one after the other, each checked before it is decoded."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa

from effmeter.runfile.message import (
    MAX_UNFOLDED_BYTES,
    DamagedError,
    read_batches,
    unfolded_bytes,
)
from effmeter.runfile.scan import Hole, Piece

MAX_UNFOLDED_RATIO = 1000
"""Of a whole file: what is recorded unfolds to some ten times its size."""
_GROUP_BYTES = 16 * 2**20
_GROUP_UNFOLDED_BYTES = 64 * 2**20
"""Batches are decoded together up to these sizes."""


class FileEnd(NamedTuple):
    """The footer: its writer closed the file."""

    batches: int
    """How many batches the file had then."""


class _Group:
    """Batches that are decoded together."""

    def __init__(self, schema: bytes, most_bytes: int) -> None:
        self._schema = schema
        self._most_bytes = most_bytes
        self._pieces: list[tuple[Piece, bool]] = []
        self._bytes = self._unfolded_bytes = self._all_unfolded_bytes = 0

    @property
    def is_full(self) -> bool:
        return self._bytes >= _GROUP_BYTES or self._unfolded_bytes >= _GROUP_UNFOLDED_BYTES

    def add(self, piece: Piece) -> None:
        try:
            unfolded = unfolded_bytes(piece.data)
        except DamagedError:
            unfolded = MAX_UNFOLDED_BYTES + 1
        in_all = self._all_unfolded_bytes + unfolded
        is_bearable = unfolded <= MAX_UNFOLDED_BYTES and in_all <= self._most_bytes
        if is_bearable:
            self._all_unfolded_bytes = in_all
            self._unfolded_bytes += unfolded
        self._bytes += len(piece.data)
        self._pieces.append((piece, is_bearable))

    def take(self) -> Iterator[pa.RecordBatch | Hole]:
        """Decode and forget what was added; a hole for each that cannot be."""
        pieces, self._pieces = self._pieces, []
        self._bytes = self._unfolded_bytes = 0
        bearable = [piece.data for piece, is_bearable in pieces if is_bearable]
        batches = iter(read_batches(self._schema, bearable) if bearable else ())
        for piece, is_bearable in pieces:
            batch = next(batches) if is_bearable else None
            yield Hole(piece.number, piece.number) if batch is None else batch


def checked_batches(
    pieces: Iterable[Piece | Hole], schema: bytes, file_bytes: int
) -> Iterator[pa.RecordBatch | Hole | FileEnd]:
    """What follows the schema, in order.

    A batch that cannot be decoded, that unfolds to more than ``MAX_UNFOLDED_BYTES``, or that
    makes the file unfold to far more than its size, is a hole.

    Args:
        pieces: The messages behind the schema.
        schema: The message of the schema.
        file_bytes: The size of the file.
    """
    group = _Group(schema, MAX_UNFOLDED_BYTES + MAX_UNFOLDED_RATIO * file_bytes)
    for piece in pieces:
        if isinstance(piece, Piece) and not piece.is_end:
            group.add(piece)
            if group.is_full:
                yield from group.take()
            continue
        yield from group.take()
        yield piece if isinstance(piece, Hole) else FileEnd(piece.number - 1)
    yield from group.take()
