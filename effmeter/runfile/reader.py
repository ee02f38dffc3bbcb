"""One run file opened and checked, whole or cut short.

A finished file has a footer and opens as an Arrow IPC file. A file that still grows, or whose
writer was killed, has none: after the 8-byte magic its bytes are an IPC stream, valid up to the
last whole batch, and every row up to there is recovered.
"""

import fcntl
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from effmeter.errors import NotARunError, RunFileError
from effmeter.runfile.format import COLUMNS, Column, Metadata, arrow_schema, version_of
from effmeter.runfile.row import EVENT_COLUMNS, EventRow

MAGIC = b"ARROW1\x00\x00"
_READ_ERRORS = (pa.ArrowException, OSError, ValueError)


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one file, sorted by (time, seq), and what is known of the file itself."""

    path: Path
    metadata: Metadata
    rows: pa.Table
    finished: bool
    """It has a footer: its writer closed it."""
    recording: bool
    """A recorder held it when it was opened."""

    @cached_property
    def times_ns(self) -> NDArray[np.int64]:
        """The moment of each row on the run clock (n,)."""
        offset_ns = self.metadata.started_time_ns - self.metadata.started_wall_ns
        return _integers(self.rows, "time") + offset_ns

    @cached_property
    def is_event(self) -> NDArray[np.bool_]:
        """Which rows are events (n,); the others are readings."""
        return np.asarray(self.rows["event"].is_valid().to_numpy(zero_copy_only=False), np.bool_)

    def floats(self, column: str) -> NDArray[np.float64]:
        """A column of numbers (n,), NaN where it is null."""
        return np.asarray(self.rows[column].to_numpy(zero_copy_only=False), np.float64)

    @cached_property
    def channel_codes(self) -> tuple[list[str | None], NDArray[np.int64]]:
        """The channels named in the file, and for each row the place of its own in that list."""
        encoded = self.rows["channel"].combine_chunks().dictionary_encode("encode")
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)
        return encoded.dictionary.to_pylist(), codes

    def events(self, index: int) -> list[EventRow]:
        """The rows that are no readings; ``index`` is this part's place in its run."""
        rows = self.rows.filter(pa.array(self.is_event)).select(EVENT_COLUMNS)
        columns = [rows[name].to_pylist() for name in EVENT_COLUMNS]
        moments = self.times_ns[self.is_event].tolist()
        return [
            EventRow._make((moment, *values, index))
            for moment, *values in zip(moments, *columns, strict=True)
        ]


def read_part(path: Path) -> Part:
    """The rows of one file up to its last whole batch.

    Raises RunFileError where there is no such file, or nothing whole in it, NotARunError and
    NewerFormatError; each names the file.
    """
    _check_is_file(path)
    recording = _is_locked(path)
    try:
        finished, schema, batches = _read_batches(path)
    except _READ_ERRORS as error:
        raise _unreadable(path, error) from error
    metadata = _read_metadata(path, schema)
    try:
        rows = conform(pa.Table.from_batches(batches, schema=schema))
    except NotARunError as error:
        raise NotARunError(f"{path} is not a run: {error}") from error
    if rows["time"].null_count or rows["seq"].null_count:
        raise NotARunError(f"{path} is not a run: a row has no time or no number")
    return Part(path, metadata, _sorted(rows), finished, recording)


def read_metadata(path: Path) -> Metadata:
    """What is known of a file without reading its rows; raises as ``read_part`` does."""
    _check_is_file(path)
    try:
        with pa.OSFile(str(path)) as file:
            schema = _open_stream(file).schema
    except _READ_ERRORS as error:
        raise _unreadable(path, error) from error
    return _read_metadata(path, schema)


def _check_is_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        wild = any(character in str(path) for character in "*?[")
        reason = f"no file matches {path}" if wild else f"{path} does not exist"
        raise RunFileError(reason) from error
    except (OSError, ValueError) as error:
        raise RunFileError(f"{path} cannot be opened: {error}") from error
    if stat.S_ISDIR(mode):
        raise RunFileError(f"{path} is a directory that holds no run (*.arrow)")
    if not stat.S_ISREG(mode):
        raise RunFileError(f"{path} is not a regular file")


def _is_locked(path: Path) -> bool:
    """Whether a recorder holds the file; asked before reading, so that an end is not missed."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except PermissionError as error:
        raise RunFileError(f"{path} cannot be opened: {error.strerror}") from error
    except OSError:
        # Some network file systems know no locks: such a file is read as one that nobody holds.
        return False
    return False


def _read_batches(path: Path) -> tuple[bool, pa.Schema, list[pa.RecordBatch]]:
    """Whether the file is finished, its schema, and its whole batches."""
    with pa.OSFile(str(path)) as file:
        try:
            whole = pa.ipc.open_file(file)
            batches = [whole.get_batch(i) for i in range(whole.num_record_batches)]
        except _READ_ERRORS:
            file.seek(0)
            stream = _open_stream(file)
            return False, stream.schema, _whole_batches(stream)
        return True, whole.schema, batches


def _open_stream(file: pa.NativeFile) -> Any:
    if file.read(len(MAGIC)) != MAGIC:
        raise pa.ArrowInvalid("it does not begin as an Arrow file does")
    return pa.ipc.open_stream(file)


def _whole_batches(stream: Any) -> list[pa.RecordBatch]:
    batches = []
    try:
        for batch in stream:
            batch.validate(full=True)
            batches.append(batch)
    except _READ_ERRORS:
        # The writer was cut off within this batch; what came before it is whole.
        pass
    return batches


def _unreadable(path: Path, error: Exception) -> RunFileError:
    """The error that says why nothing can be read from a file."""
    try:
        with path.open("rb") as file:
            beginning = file.read(len(MAGIC))
    except OSError as failure:
        return RunFileError(f"{path} cannot be opened: {failure.strerror}")
    if not beginning:
        return RunFileError(f"{path} is empty: its recording ended before anything was written")
    if MAGIC.startswith(beginning):
        return RunFileError(f"{path} is cut off before its first row: nothing can be recovered")
    return NotARunError(f"{path} is not a run: {str(error).splitlines()[0]}")


def _read_metadata(path: Path, schema: pa.Schema) -> Metadata:
    try:
        return Metadata.from_arrow(schema.metadata)
    except RunFileError as error:
        raise type(error)(f"{path} cannot be read: {error}") from error


def conform(rows: pa.Table, columns: Mapping[str, Column] = COLUMNS) -> pa.Table:
    """The rows with exactly ``columns``: later ones than the file's format are null.

    Raises NotARunError where a column of the file's own format is missing or of another type.
    """
    version = version_of(rows.schema.metadata)
    schema = arrow_schema(columns=columns)
    arrays = []
    for name, column in columns.items():
        place, field = rows.schema.get_field_index(name), schema.field(name)
        if place < 0 and column.since > version:
            arrays.append(pa.nulls(rows.num_rows, field.type))
        elif place < 0 or rows.schema.field(place).type != field.type:
            raise NotARunError(f"it lacks the column {name}")
        else:
            arrays.append(rows.column(place))
    return pa.Table.from_arrays(arrays, schema=schema)


def _sorted(rows: pa.Table) -> pa.Table:
    """The rows in the order of (time, seq): they stand in the file in order of arrival."""
    order = np.lexsort((_integers(rows, "seq"), _integers(rows, "time")))
    if np.array_equal(order, np.arange(len(order))):
        return rows
    return rows.take(pa.array(order))


def _integers(rows: pa.Table, column: str) -> NDArray[np.int64]:
    numbers = rows[column].cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.int64)
