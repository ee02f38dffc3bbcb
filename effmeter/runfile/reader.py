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
from effmeter.runfile.checking import Allowance, checked_batches
from effmeter.runfile.contents import Contents
from effmeter.runfile.format import COLUMNS, Column, Metadata, arrow_schema, version_of
from effmeter.runfile.framing import MAGIC
from effmeter.runfile.message import DamagedError, read_schema
from effmeter.runfile.origin import WHOLE, origin_of
from effmeter.runfile.part import Part, wall_ns
from effmeter.runfile.scan import Hole, Piece, Window, framed_pieces, has_frames, plain_pieces


def read_part(path: Path) -> Part:
    """The rows of one file up to its last whole batch.

    A file that is being recorded and still empty has no rows, and a name of its own.
    Raises RunFileError where there is no such file, or nothing whole in it, NotARunError and
    NewerFormatError; each names the file.
    """
    with open_run_file(path) as file:
        recording = is_locked(file)
        window = Window(file)
        if recording and not window.at(0, 1):
            return _just_begun(path)
        pieces = pieces_of(window)
        beginning, schema, metadata = beginning_of(path, window, pieces)
        check_columns(path, schema)
        contents = Contents(schema, beginning, metadata, Allowance(path, window.size))
        contents.take(pieces, has_checksums=has_frames(window))
    origin = WHOLE if contents.origin is None else origin_of(contents.origin)
    return Part(
        path,
        metadata,
        finished=contents.end is not None and origin.is_finished,
        recording=recording,
        damages=(*origin.damages, *contents.damages()),
        row_count=contents.row_count,
        last_ns=contents.last_ns,
        event_rows=contents.events,
        readings=contents.readings,
        read_again=read_part,
    )


def read_rows(path: Path) -> pa.Table:
    """All rows of one file at once, sorted by (time, seq); raises as ``read_part`` does.

    Of a large file that is a lot: ``read_part`` holds no more than it needs.
    """
    with open_run_file(path) as file:
        window = Window(file)
        pieces = pieces_of(window)
        beginning, schema, _ = beginning_of(path, window, pieces)
        check_columns(path, schema)
        found = checked_batches(path, pieces, beginning, window.size)
        batches = [each for each in found if isinstance(each, pa.RecordBatch)]
    known = pa.schema([f for f in schema if f.name in COLUMNS], metadata=schema.metadata)
    rows = conform(pa.Table.from_batches(batches, schema=known))
    return rows.take(pa.array(np.lexsort((wall_ns(rows["seq"]), wall_ns(rows["time"])))))


def _just_begun(path: Path) -> Part:
    """A recorder writes the first rows, and the description before them, within a second."""
    begun_ns = path.stat().st_mtime_ns
    metadata = Metadata(str(path.absolute()), path.stem, begun_ns, 0)
    return Part(path, metadata, finished=False, recording=True)


def read_metadata(path: Path) -> Metadata:
    """What is known of a file without reading its rows; raises as ``read_part`` does."""
    with open_run_file(path) as file:
        window = Window(file)
        return beginning_of(path, window, pieces_of(window))[2]


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


def check_columns(path: Path, schema: pa.Schema) -> None:
    """NotARunError where the columns are not those of the file's format."""
    try:
        conform(schema.empty_table())
    except NotARunError as error:
        raise NotARunError(f"{path} is not a run: {error}") from error


def open_run_file(path: Path) -> BinaryIO:
    """The file, open for reading; RunFileError where it cannot be, or is no regular file."""
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


def is_recorded(path: Path) -> bool:
    """Whether a recorder writes to a file; RunFileError where it cannot be opened."""
    with open_run_file(path) as file:
        return is_locked(file)


def is_locked(file: BinaryIO) -> bool:
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


def pieces_of(window: Window) -> Iterator[Piece | Hole]:
    """The messages of a file of any format version."""
    return framed_pieces(window) if has_frames(window) else plain_pieces(window)


def beginning_of(
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
