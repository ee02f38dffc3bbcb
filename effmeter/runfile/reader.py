"""One run file opened and checked: whole, cut short, or damaged in places.

Every message is checked before pyarrow decodes it. A batch that is damaged is passed over and
named; the rest is read. Only where the description at the beginning is damaged, nothing is.
"""

import fcntl
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from effmeter.errors import NotARunError, RunFileError
from effmeter.runfile.format import COLUMNS, Column, Metadata, arrow_schema, version_of
from effmeter.runfile.framing import MAGIC
from effmeter.runfile.message import (
    DamagedError,
    Unfolded,
    read_batches,
    read_schema,
    unfolded,
)
from effmeter.runfile.part import Damage, Part, clock_offset_ns, wall_ns
from effmeter.runfile.scan import Hole, Piece, Window, framed_pieces, has_frames, plain_pieces

_GROUP_BYTES = 16 * 2**20
"""Batches are decoded together up to this size."""
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


class _Allowance:
    """How many rows and bytes a file may still unfold to: a small one can declare any size."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        self._path = path
        size = max(file_bytes, _SMALL_FILE_BYTES)
        self._left = Unfolded(size // MIN_BYTES_PER_ROW, size * MAX_UNFOLDED_RATIO)

    def covers(self, message: bytes) -> bool:
        """Whether a batch may be decoded; RunFileError once the file exceeds its allowance."""
        try:
            rows, buffer_bytes = unfolded(message)
        except DamagedError:
            return False
        if buffer_bytes > MAX_BATCH_BYTES:
            return False
        self._left = Unfolded(self._left.rows - rows, self._left.buffer_bytes - buffer_bytes)
        if min(self._left) < 0:
            raise RunFileError(
                f"{self._path} is not read: its rows unfold to far more than recordings do, "
                f"over {MAX_UNFOLDED_RATIO} times its size"
            )
        return True


@dataclass(slots=True)
class _Contents:
    """What is found in a file, in order."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    holes: list[tuple[int, Hole]] = field(default_factory=list)
    """With the number of intact batches before each."""
    count: int | None = None
    """Batches that the file had when it was finished."""
    highest: int = 0
    """The number of the last intact message."""


def read_part(path: Path) -> Part:
    """The rows of one file up to its last whole batch.

    A file that is being recorded and still empty has no rows, and a name of its own.
    Raises RunFileError where there is no such file, or nothing whole in it, NotARunError and
    NewerFormatError; each names the file.
    """
    with _opened(path) as file:
        recording = _is_locked(file)
        window = Window(file)
        if recording and not window.at(0, 1):
            return _just_begun(path)
        pieces = _pieces(window)
        beginning, schema, metadata = _beginning(path, window, pieces)
        _check_columns(path, schema)
        contents = _read(pieces, beginning, _Allowance(path, window.size))
    rows = conform(pa.Table.from_batches(contents.batches, schema=schema))
    damages = tuple(_damages(contents, metadata))
    finished = contents.count is not None
    return Part(path, metadata, _sorted(rows), finished, recording, damages)


def _just_begun(path: Path) -> Part:
    """A recorder writes the first rows, and the description before them, within a second."""
    begun_ns = path.stat().st_mtime_ns
    metadata = Metadata(str(path.absolute()), path.stem, begun_ns, 0)
    rows = arrow_schema(metadata).empty_table()
    return Part(path, metadata, rows, finished=False, recording=True)


def read_metadata(path: Path) -> Metadata:
    """What is known of a file without reading its rows; raises as ``read_part`` does."""
    with _opened(path) as file:
        window = Window(file)
        return _beginning(path, window, _pieces(window))[2]


def conform(rows: pa.Table, columns: Mapping[str, Column] = COLUMNS) -> pa.Table:
    """The rows with exactly ``columns``: later ones than the file's format are null.

    Raises NotARunError where a column of the file's own format is missing or of another type.
    """
    version = version_of(rows.schema.metadata)
    schema = arrow_schema(columns=columns)
    for name, column in columns.items():
        place, expected = rows.schema.get_field_index(name), schema.field(name)
        if place < 0 and column.since > version:
            rows = rows.append_column(expected, pa.nulls(rows.num_rows, expected.type))
        elif place < 0 or rows.schema.field(place).type != expected.type:
            raise NotARunError(f"it lacks the column {name}")
    return rows.select(list(columns))


def _check_columns(path: Path, schema: pa.Schema) -> None:
    try:
        conform(schema.empty_table())
    except NotARunError as error:
        raise NotARunError(f"{path} is not a run: {error}") from error


def _opened(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise RunFileError(f"{path} is a directory that holds no run (*.arrow)")
        if not stat.S_ISREG(mode):
            raise RunFileError(f"{path} is not a regular file")
        return path.open("rb")
    except FileNotFoundError as error:
        wild = any(character in str(path) for character in "*?[")
        reason = f"no file matches {path}" if wild else f"{path} does not exist"
        raise RunFileError(reason) from error
    except OSError as error:
        raise RunFileError(f"{path} cannot be opened: {error.strerror}") from error
    except ValueError as error:
        raise RunFileError(f"{path} cannot be opened: {error}") from error


def _is_locked(file: BinaryIO) -> bool:
    """Whether a recorder holds the file; asked before reading, so that an end is not missed."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        # Some network file systems know no locks: such a file is read as one that nobody holds.
        return False
    return False


def _pieces(window: Window) -> Iterator[Piece | Hole]:
    return framed_pieces(window) if has_frames(window) else plain_pieces(window)


def _beginning(
    path: Path, window: Window, pieces: Iterator[Piece | Hole]
) -> tuple[bytes, pa.Schema, Metadata]:
    """The schema's message, the schema and the metadata in it; or why there are none."""
    magic = window.at(0, len(MAGIC))
    if not magic:
        raise RunFileError(f"{path} is empty: its recording ended before anything was written")
    if not MAGIC.startswith(magic) and not has_frames(window):
        raise NotARunError(f"{path} is not a run: it does not begin as an Arrow file does")
    first = next(pieces, None)
    if first is None or (isinstance(first, Hole) and first.is_cut):
        raise RunFileError(f"{path} is cut off before its first row: nothing can be recovered")
    if isinstance(first, Hole):
        raise _damaged_beginning(path, "what it is a recording of cannot be read")
    try:
        schema = read_schema(first.data)
    except DamagedError as error:
        raise NotARunError(f"{path} is not a run: {error}") from error
    try:
        metadata = Metadata.from_arrow(schema.metadata)
    except RunFileError as error:
        raise type(error)(f"{path} cannot be read: {error}") from error
    if version_of(schema.metadata) > 1 and not has_frames(window):
        raise _damaged_beginning(path, "its checksums are missing")
    return first.data, schema, metadata


def _damaged_beginning(path: Path, why: str) -> RunFileError:
    return RunFileError(f"{path} is damaged at its beginning: {why}")


def _read(pieces: Iterator[Piece | Hole], schema: bytes, allowance: _Allowance) -> _Contents:
    """Everything after the schema."""
    found = _Contents()
    group: list[Piece] = []
    group_bytes = 0
    for piece in pieces:
        if isinstance(piece, Piece) and not piece.is_end:
            found.highest = piece.number
            group_bytes += len(piece.data)
            group.append(piece)
            if group_bytes < _GROUP_BYTES:
                continue
        _read_group(found, group, schema, allowance)
        group, group_bytes = [], 0
        if isinstance(piece, Hole):
            found.holes.append((len(found.batches), piece))
        elif piece.is_end:
            found.count = piece.number - 1
    _read_group(found, group, schema, allowance)
    return found


def _read_group(found: _Contents, group: list[Piece], schema: bytes, allowance: _Allowance) -> None:
    """Decode batches together, those that unfold to a bearable size."""
    bearable = [piece for piece in group if allowance.covers(piece.data)]
    batches = iter(read_batches(schema, [piece.data for piece in bearable]))
    read = {piece.number: next(batches) for piece in bearable}
    for piece in group:
        batch = read.get(piece.number)
        if batch is None or not _is_dated(batch):
            found.holes.append((len(found.batches), Hole(piece.number, piece.number)))
        else:
            found.batches.append(batch)


def _is_dated(batch: pa.RecordBatch) -> bool:
    """Whether all rows have a number, and a moment that can be."""
    time, seq = batch.column("time"), batch.column("seq")
    if time.null_count or seq.null_count:
        return False
    moments = wall_ns(time)
    return bool(np.all((moments > -_MAX_TIME_NS) & (moments < _MAX_TIME_NS)))


def _damages(found: _Contents, metadata: Metadata) -> Iterator[Damage]:
    """The holes as what a reader of the run must know."""
    count = found.highest if found.count is None else found.count
    for before, hole in found.holes:
        last = count if hole.last is None and found.count is not None else hole.last
        if hole.is_cut:
            continue
        if last is None:
            yield Damage("its end", _last_ns(found, before, metadata))
        elif last < hole.first:
            yield Damage("bytes that belong to no batch")
        else:
            batches = (
                f"batch {hole.first}" if last == hole.first else (f"batches {hole.first} to {last}")
            )
            begin_ns = _last_ns(found, before, metadata)
            end_ns = _next_ns(found, before, begin_ns, metadata)
            yield Damage(f"{batches} of {count}", begin_ns, end_ns)


def _last_ns(found: _Contents, before: int, metadata: Metadata) -> int:
    """The latest row before a hole; the beginning where there is none."""
    moments = (wall_ns(b.column("time")) for b in reversed(found.batches[:before]) if b.num_rows)
    latest = next(moments, None)
    if latest is None:
        return metadata.started_time_ns
    return int(latest.max()) + clock_offset_ns(metadata)


def _next_ns(found: _Contents, before: int, begin_ns: int, metadata: Metadata) -> int | None:
    """The earliest row after a hole that is later than ``begin_ns``; None where there is none.

    Rows stand in order of arrival: one that arrived after the hole may be dated before it, such
    as the row that closes a gap, and does not end what is missing.
    """
    offset_ns = clock_offset_ns(metadata)
    for batch in found.batches[before:]:
        moments = wall_ns(batch.column("time")) + offset_ns
        later = moments[moments > begin_ns]
        if len(later):
            return int(later.min())
    return None


def _sorted(rows: pa.Table) -> pa.Table:
    """The rows in the order of (time, seq): they stand in the file in order of arrival."""
    order = np.lexsort((wall_ns(rows["seq"]), wall_ns(rows["time"])))
    if np.array_equal(order, np.arange(len(order))):
        return rows
    return rows.take(pa.array(order))
