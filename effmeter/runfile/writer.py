"""Writes one run file, in a thread of its own, as its owner.

Nothing is rewritten in place. The first failed write ends the file: it is cut to its last whole
batch and left alone, since going on after a full disk was seen to give a file with a valid
footer that no reader accepts.
"""

import contextlib
import fcntl
import io
import os
import queue
import sys
import threading
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any

from effmeter.runfile.format import Event, Metadata, arrow_schema
from effmeter.runfile.row import EventRow, RowBuffer

if TYPE_CHECKING:
    import pyarrow as pa

QUEUE_BATCHES = 64
MakeBatch = Callable[["pa.Schema"], "pa.RecordBatch"]


class RunWriter:
    """Owns the descriptor of one run file until it is finished.

    All callbacks run in the writer's thread: ``refusal`` first, which returns why the descriptor
    must not be written to, or None; then ``on_fit``; ``become`` before the first byte, which
    turns the thread into the file's owner; ``on_end`` last, with None or the failure.
    """

    def __init__(
        self,
        descriptor: int,
        metadata: Metadata,
        on_end: Callable[[str | None], None],
        *,
        refusal: Callable[[int], str | None] | None = None,
        on_fit: Callable[[], None] | None = None,
        become: Callable[[], None] | None = None,
    ) -> None:
        self._descriptor = descriptor
        self._metadata = metadata
        self._on_end = on_end
        self._refusal = refusal
        self._on_fit = on_fit
        self._become = become
        self._queue: queue.Queue[MakeBatch | None] = queue.Queue()
        self._whole_bytes = 0
        self.failed: str | None = None
        self._thread = threading.Thread(target=self._run, name="write-run", daemon=True)
        self._thread.start()

    def put(self, make_batch: MakeBatch) -> bool:
        """Queue a batch; False where the file has ended or the queue is full: it is lost."""
        if self.failed is not None or self._queue.qsize() >= QUEUE_BATCHES:
            return False
        self._queue.put(make_batch)
        return True

    def finish(self, last: MakeBatch) -> None:
        """Write a last batch, however full the queue, and the footer."""
        self._queue.put(last)
        self._queue.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait for the thread."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        self.failed = None if self._refusal is None else self._refusal(self._descriptor)
        if self.failed is None:
            if self._on_fit is not None:
                self._on_fit()
            self._write()
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        self._on_end(self.failed)

    def _write(self) -> None:
        try:
            schema = arrow_schema(self._metadata)
            if self._become is not None:
                _load_what_writing_needs(schema)
                self._become()
            self._write_run(schema, _Sink(self._descriptor))
        except Exception as error:  # whatever ended the file must reach its owner
            self.failed = _reason(error)
            self._cut()
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _write_run(self, schema: "pa.Schema", sink: "_Sink") -> None:
        with _new_file(sink, schema) as file:
            self._whole_bytes = sink.position
            while (make_batch := self._queue.get()) is not None:
                file.write_batch(make_batch(schema))
                self._whole_bytes = sink.position

    def _cut(self) -> None:
        """Back to the last whole batch: what follows it is a piece of one."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._whole_bytes)


class _Sink:
    """Just enough of a file for pyarrow: every byte is written, or OSError, once and for good."""

    closed = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._failed = False
        self.position = 0

    def write(self, data: "pa.Buffer") -> int:
        view = memoryview(data)
        while view and not self._failed:
            try:
                written = os.write(self._descriptor, view)
            except OSError:
                self._failed = True
                raise
            self.position += written
            view = view[written:]
        return len(data)

    def tell(self) -> int:
        return self.position

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def _new_file(sink: Any, schema: "pa.Schema") -> "pa.ipc.RecordBatchFileWriter":
    import pyarrow as pa

    # A pool of threads would be woken for each batch, to compress a few kilobytes.
    options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    return pa.ipc.new_file(pa.PythonFile(sink, "w"), schema, options=options)


def _load_what_writing_needs(schema: "pa.Schema") -> None:
    """Write one row of each kind to memory: pyarrow loads modules when they are first needed.

    The user as whom this thread is to write may not be able to read them.
    """
    rows = RowBuffer(0)
    rows.add_event(EventRow(0, Event.NOTE))
    rows.add_reading(0, "", None, None, None)
    with _new_file(io.BytesIO(), schema) as file:
        file.write_batch(rows.take()(schema))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


def keep_pandas_out() -> None:
    """Of a process that only records: pyarrow loads pandas where it finds it, for nothing.

    That takes seconds on a slow machine, in which the first rows wait.
    """
    sys.meta_path.insert(0, _WithoutPandas())


class _WithoutPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("a recorder needs no pandas", name=fullname)
