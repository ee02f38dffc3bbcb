"""The messages of a run file from its beginning to its end, and the damage between them.

Files of format 2 are walked by their frames: a frame counts only where its checksum holds, and
after damage the next intact frame is searched for. Files of format 1 have no checksums; they are
walked by the lengths that their messages state, and end where those make no sense.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from effmeter.errors import RunFileError
from effmeter.runfile.framing import (
    HEADER_BYTES,
    HEADER_START,
    MAGIC,
    MAX_FRAME_BYTES,
    FrameHeader,
    header_at,
    is_intact,
)
from effmeter.runfile.message import (
    CONTINUATION,
    END_OF_STREAM,
    PREFIX_BYTES,
    DamagedError,
    message_of,
    metadata_end,
)

_CHUNK_BYTES = 2**18
_FIRST_SEARCH_BYTES = 4096
"""Usually the header stands there: nothing more is copied to find it."""
SEARCH_BYTES = MAX_FRAME_BYTES
"""How far behind damage the next frame is searched for: it cannot be larger than this."""
_MAX_VAIN_BYTES = 2**30
"""Checksums computed for frames that are none: a file can be made of nothing else."""
_FIRST_HEADERS_BYTES = 2**20


class Piece(NamedTuple):
    """A whole message: the schema (number 0), a batch, or the end of the file."""

    number: int
    data: bytes
    is_end: bool = False


class Hole(NamedTuple):
    """Bytes that are no message, in place of the messages ``first`` to ``last``.

    None are missing where ``last`` is less than ``first``. At the end of the file ``last`` is None:
    how many there were is not known.
    """

    first: int
    last: int | None
    is_cut: bool = False
    """The file ends within a message, as one that grows or whose writer was killed."""


class Window:
    """The bytes of a file, read in chunks: never the whole, however large it claims to be."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self._begin = 0
        self._data = b""

    def at(self, begin: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``begin``; fewer at the end of the file.

        Raises RunFileError where the disk does not give them.
        """
        count = max(0, min(count, self.size - begin))
        if begin < self._begin or begin + count > self._begin + len(self._data):
            try:
                self._file.seek(begin)
                self._data = self._file.read(max(count, _CHUNK_BYTES))
            except OSError as error:
                raise RunFileError(f"{self._file.name} cannot be read: {error.strerror}") from error
            self._begin = begin
        offset = begin - self._begin
        return self._data[offset : offset + count]

    def headers(self, begin: int, end: int) -> Iterator[tuple[int, FrameHeader]]:
        """The frame headers between two places, with their places."""
        chunk = _FIRST_SEARCH_BYTES
        end = min(end, self.size)
        while begin < end:
            chunk = min(chunk, end - begin)
            data = self.at(begin, chunk + HEADER_BYTES)
            at = data.find(HEADER_START)
            while 0 <= at < chunk:
                header = header_at(data, at)
                if header is not None:
                    yield begin + at, header
                at = data.find(HEADER_START, at + 1)
            begin += chunk
            chunk = min(2 * chunk, _CHUNK_BYTES)


def has_frames(window: Window) -> bool:
    """Whether any frame header stands near the beginning: the file is of format 2 or later."""
    return any(True for _ in window.headers(0, _FIRST_HEADERS_BYTES))


def framed_pieces(window: Window) -> Iterator[Piece | Hole]:
    """The intact frames of a file, and the holes between them."""
    search = _FrameSearch(window)
    at = number = 0
    while at < window.size:
        found = search.next_frame(at, number)
        if found is None:
            yield search.rest(at, number)
            return
        begin, header, frame = found
        if begin > at or header.number > number:
            yield Hole(number, header.number - 1)
        data = frame[len(MAGIC) :] if header.number == 0 else frame
        yield Piece(header.number, data, is_end=data.startswith(END_OF_STREAM))
        at, number = begin + header.length, header.number + 1


class _FrameSearch:
    def __init__(self, window: Window) -> None:
        self._window = window
        self._file: int | None = None
        self._offset = 0
        self._vain_bytes = 0

    def next_frame(self, at: int, number: int) -> tuple[int, FrameHeader, bytes] | None:
        """The first intact frame from ``at`` on that can follow: its place, header and bytes."""
        expected = self._expected(at, number)
        if expected is not None:
            return expected
        for place, header in self._window.headers(at, at + SEARCH_BYTES):
            begin = place - header.offset
            if begin < at or header.number < number or not self._is_possible(begin, header):
                continue
            frame = self._window.at(begin, header.length)
            if is_intact(frame, header):
                self._file, self._offset = header.file, header.offset
                return begin, header, frame
            self._vain_bytes += header.length
            if self._vain_bytes > _MAX_VAIN_BYTES:
                return None
        return None

    def _expected(self, at: int, number: int) -> tuple[int, FrameHeader, bytes] | None:
        """The frame that begins at ``at`` with its header where the last one had it.

        So do all batches of a file with the same layout, and nothing needs to be searched.
        """
        header = header_at(self._window.at(at + self._offset, HEADER_BYTES), 0)
        if self._file is None or header is None or header.number != number:
            return None
        if header.offset != self._offset or not self._is_possible(at, header):
            return None
        frame = self._window.at(at, header.length)
        return (at, header, frame) if is_intact(frame, header) else None

    def _is_possible(self, begin: int, header: FrameHeader) -> bool:
        return (
            header.offset + HEADER_BYTES <= header.length <= MAX_FRAME_BYTES
            and begin + header.length <= self._window.size
            and self._file in (None, header.file)
        )

    def rest(self, at: int, number: int) -> Hole:
        """What stands from ``at`` on, where no intact frame does."""
        if self._window.at(at, PREFIX_BYTES) == END_OF_STREAM:
            return Hole(number, number - 1)
        return Hole(number, None, is_cut=self._is_cut(at))

    def _is_cut(self, at: int) -> bool:
        """Whether the rest is the beginning of a frame that never was whole."""
        rest = self._window.at(at or len(MAGIC), MAX_FRAME_BYTES)
        if not rest.startswith(CONTINUATION[: len(rest)]):
            return False
        first = next(self._window.headers(at, at + len(rest)), None)
        if first is None:
            return len(rest) < PREFIX_BYTES or _is_beginning(rest)
        place, header = first
        return place - header.offset == at and at + header.length > self._window.size


def _is_beginning(rest: bytes) -> bool:
    """Whether a rest without a header ends within its own metadata."""
    try:
        return metadata_end(rest) > len(rest)
    except DamagedError:
        return False


def plain_pieces(window: Window) -> Iterator[Piece | Hole]:
    """The messages of a file without frames, until one makes no sense."""
    at, number = len(MAGIC), 0
    while at < window.size:
        prefix = window.at(at, PREFIX_BYTES)
        if prefix == END_OF_STREAM:
            yield Piece(number, window.at(at, window.size - at), is_end=True)
            return
        try:
            length = message_of(window.at(at, metadata_end(prefix))).length
        except DamagedError:
            yield Hole(number, None, is_cut=_is_prefix_cut(window, at))
            return
        if length > MAX_FRAME_BYTES or at + length > window.size:
            yield Hole(number, None, is_cut=at + length > window.size)
            return
        yield Piece(number, window.at(at, length))
        at, number = at + length, number + 1


def _is_prefix_cut(window: Window, at: int) -> bool:
    rest = window.at(at, PREFIX_BYTES)
    if len(rest) < PREFIX_BYTES:
        return rest.startswith(CONTINUATION[: len(rest)])
    try:
        return at + metadata_end(rest) > window.size
    except DamagedError:
        return False
