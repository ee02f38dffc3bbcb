"""The same recording in large batches, written into a new file.

A recorder writes a batch each second, so that a crash loses little; a reader pays for each. Rows
keep their order and their numbers. Memory is bounded: batches are read, checked, joined and
written one after the other.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from effmeter.errors import RunFileError
from effmeter.runfile.checking import FileEnd, checked_batches
from effmeter.runfile.format import (
    COMPACTED_KEY,
    FORMAT_VERSION,
    METADATA_KEY,
    VERSION_KEY,
    Event,
    arrow_schema,
)
from effmeter.runfile.framed_file import FramedFile
from effmeter.runfile.holes import HoleLog
from effmeter.runfile.new_file import NewRunFile, already_there
from effmeter.runfile.origin import WHOLE, Origin, origin_in
from effmeter.runfile.part import Damage
from effmeter.runfile.reader import (
    beginning_of,
    check_columns,
    conform,
    is_locked,
    open_run_file,
    pieces_of,
)
from effmeter.runfile.scan import Hole, Piece, Window

MAX_ROWS = 65_536
MAX_BYTES = 32 * 2**20
"""Of one batch, as it is in memory. A reader takes eight times as much."""
COMPRESSION_LEVEL = 9

Progress = Callable[[float], None]
"""Called with the part of the file that has been read, from 0 to 1."""


class Compaction(NamedTuple):
    """What became of one file."""

    path: Path
    new_path: Path
    rows: int
    batches: int
    bytes_before: int
    bytes_after: int
    was_finished: bool
    """The old file had a footer."""
    damages: tuple[Damage, ...]
    """Of the old file; the new one states them too."""


def compact(
    path: Path,
    new_path: Path,
    on_progress: Progress | None = None,
    *,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
) -> Compaction:
    """Write the rows of a file into a new one, in batches of up to so many rows and bytes.

    Raises RunFileError, NotARunError or NewerFormatError where the file cannot be read, is being
    recorded, or the new one cannot be written or is there already. No file is left then.
    """
    with open_run_file(path) as file:
        if is_locked(file):
            raise RunFileError(f"{path} is being recorded: compact it once its recording has ended")
        if new_path.exists() or new_path.is_symlink():
            raise already_there(new_path)
        with NewRunFile(new_path, os.fstat(file.fileno()).st_mode) as new:
            compaction = _Rewriting(path, file, new, on_progress).run(max_rows, max_bytes)
            new.commit()
    return compaction


class _Rewriting:
    """One pass over a file."""

    def __init__(
        self, path: Path, file: BinaryIO, new: NewRunFile, on_progress: Progress | None
    ) -> None:
        self._path = path
        self._new = new
        self._on_progress = on_progress
        self._window = Window(file)
        self._pieces = pieces_of(self._window)
        self._schema, schema, metadata = beginning_of(path, self._window, self._pieces)
        check_columns(path, schema)
        self._end: FileEnd | None = None
        self._holes = HoleLog(metadata)
        self._earlier = WHOLE
        self._rows = 0
        self._next_seq = 0
        self._began_ns = metadata.started_wall_ns
        described = {**_described(schema.metadata), COMPACTED_KEY: b"1"}
        self._out = FramedFile(new.append, described, compression_level=COMPRESSION_LEVEL)

    def run(self, max_rows: int, max_bytes: int) -> Compaction:
        """Write the file."""
        batches = 0
        for joined in _joined(self._conformed(), max_rows, max_bytes):
            self._write(joined)
            batches += 1
        damages = (*self._earlier.damages, *self._holes.damages(self._end))
        origin = Origin(self._end is not None and self._earlier.is_finished, damages)
        self._out.write_batch(self._origin_row(origin))
        self._out.close()
        return Compaction(
            self._path,
            self._new.path,
            self._rows,
            batches + 1,
            self._window.size,
            self._new.size,
            origin.is_finished,
            damages,
        )

    def _conformed(self) -> Iterator[pa.RecordBatch]:
        """The batches with the columns of this format, less what an earlier rewriting states."""
        before: pa.RecordBatch | None = None
        for batch in self._batches():
            if before is not None:
                yield before
            before = _with_columns(batch)
        if before is None:
            return
        self._earlier = origin_in(before)
        is_stated = before.num_rows and before.column("event")[-1].as_py() == Event.COMPACTED
        yield before.slice(0, before.num_rows - 1) if is_stated else before

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """The intact batches; holes and the end are noted."""
        for found in checked_batches(self._path, self._counted(), self._schema, self._window.size):
            if isinstance(found, FileEnd):
                self._end = found
                continue
            self._holes.take(found)
            if not isinstance(found, Hole):
                yield found

    def _counted(self) -> Iterator[Piece | Hole]:
        """The messages; progress is reported by their bytes."""
        read_bytes = 0
        for piece in self._pieces:
            if isinstance(piece, Piece):
                read_bytes += len(piece.data)
                if self._on_progress is not None:
                    self._on_progress(min(1.0, read_bytes / self._window.size))
            yield piece

    def _write(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self._next_seq = batch.column("seq")[-1].as_py() + 1
        self._rows += batch.num_rows
        self._out.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=self._out.schema))

    def _origin_row(self, origin: Origin) -> pa.RecordBatch:
        """The last row, dated at the beginning: nothing of the recording seems to last longer."""
        row = {
            "time": self._began_ns,
            "seq": self._next_seq,
            "event": str(Event.COMPACTED),
            "text": origin.to_json(),
        }
        schema = self._out.schema
        arrays = [pa.array([row.get(f.name)], f.type) for f in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _described(metadata: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The metadata of the new file: the run's as they stand, and the format that is written."""
    return {VERSION_KEY: str(FORMAT_VERSION).encode(), METADATA_KEY: metadata[METADATA_KEY]}


def _with_columns(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch with exactly the columns of this format."""
    rows = conform(pa.Table.from_batches([batch]))
    columns = [_one_chunk(column) for column in rows.columns]
    return pa.RecordBatch.from_arrays(columns, schema=arrow_schema())


def _joined(
    batches: Iterable[pa.RecordBatch], max_rows: int, max_bytes: int
) -> Iterator[pa.RecordBatch]:
    """The same rows in large batches."""
    gathered: list[pa.RecordBatch] = []
    rows = held_bytes = 0
    for batch in chain.from_iterable(_sliced(batch, max_rows) for batch in batches):
        if gathered and (rows + batch.num_rows > max_rows or held_bytes + batch.nbytes > max_bytes):
            yield _as_one(gathered)
            gathered, rows, held_bytes = [], 0, 0
        gathered.append(batch)
        rows += batch.num_rows
        held_bytes += batch.nbytes
    if rows:
        yield _as_one(gathered)


def _sliced(batch: pa.RecordBatch, max_rows: int) -> Iterator[pa.RecordBatch]:
    for begin in range(0, batch.num_rows, max_rows):
        yield batch.slice(begin, max_rows)


def _as_one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches)
    return pa.RecordBatch.from_arrays([_one_chunk(c) for c in table.columns], schema=table.schema)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined
