"""One run file opened and checked: whole, cut short, or damaged in places.

Every message is checked before pyarrow decodes it. A batch that is damaged is passed over and
named; the rest is read. Only where the description at the beginning is damaged, nothing is.
"""

import fcntl
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from effmeter.errors import NotARunError, RunFileError
from effmeter.runfile.contents import Contents
from effmeter.runfile.format import COLUMNS, Column, Metadata, arrow_schema, version_of
from effmeter.runfile.framing import MAGIC
from effmeter.runfile.message import DamagedError, Unfolded, read_schema, read_table
from effmeter.runfile.part import Damage, Part, wall_ns
from effmeter.runfile.scan import Hole, Piece, Window, framed_pieces, has_frames, plain_pieces

MAX_BATCH_BYTES = 256 * 2**20
"""Of one batch, unfolded: a million rows take half of it."""
MIN_BYTES_PER_ROW = 1
"""Of a whole file, compressed: the numbers of rows alone take as much, and recordings take 5."""
MAX_UNFOLDED_RATIO = 256
"""Of a whole file: recordings unfold to some 25 times their size at most."""
_SMALL_FILE_BYTES = 2**18
"""A file that is smaller is allowed as much as one of this size."""


class _Allowance:
    """How many rows and bytes a file may still unfold to: a small one can declare any size."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        self._path = path
        size = max(file_bytes, _SMALL_FILE_BYTES)
        self._left = Unfolded(size // MIN_BYTES_PER_ROW, size * MAX_UNFOLDED_RATIO)

    def covers(self, batch: Unfolded) -> bool:
        """Whether a batch may be decoded; RunFileError once the file exceeds its allowance."""
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
        allowance = _Allowance(path, window.size)
        has_checksums = has_frames(window)
        contents = Contents(
            schema, beginning, metadata, allowance.covers, has_checksums=has_checksums
        )
        contents.take(pieces)
    return Part(
        path,
        metadata,
        contents.count is not None,
        recording,
        tuple(_damages(contents)),
        contents.row_count,
        contents.last_ns,
        contents.events,
        contents.readings,
    )


def _just_begun(path: Path) -> Part:
    """A recorder writes the first rows, and the description before them, within a second."""
    begun_ns = path.stat().st_mtime_ns
    metadata = Metadata(str(path.absolute()), path.stem, begun_ns, 0)
    return Part(path, metadata, finished=False, recording=True)


def read_rows(path: Path) -> pa.Table:
    """All rows of one file at once, sorted by (time, seq); raises as ``read_part`` does.

    Of a large file that is a lot: ``read_part`` takes no more than it needs.
    """
    with _opened(path) as file:
        window = Window(file)
        pieces = _pieces(window)
        beginning, schema, _ = _beginning(path, window, pieces)
        _check_columns(path, schema)
        names = [name for name in COLUMNS if name in schema.names]
        found = [
            read_table(beginning, [piece.data], schema, names)
            for piece in pieces
            if isinstance(piece, Piece) and not piece.is_end
        ]
    empty = schema.empty_table().select(names)
    rows = conform(pa.concat_tables([empty, *(table for table in found if table is not None)]))
    return rows.take(pa.array(np.lexsort((wall_ns(rows["seq"]), wall_ns(rows["time"])))))


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


def _damages(found: Contents) -> Iterator[Damage]:
    """The holes as what a reader of the run must know."""
    count = found.highest if found.count is None else found.count
    for hole, begin_ns, end_ns in found.holes:
        last = count if hole.last is None and found.count is not None else hole.last
        if hole.is_cut:
            continue
        if last is None:
            yield Damage("its end", begin_ns)
        elif last < hole.first:
            yield Damage("bytes that belong to no batch")
        else:
            batches = (
                f"batch {hole.first}" if last == hole.first else (f"batches {hole.first} to {last}")
            )
            yield Damage(f"{batches} of {count}", begin_ns, end_ns)
