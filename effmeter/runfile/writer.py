"""Writes one run file, in a thread of its own, as its owner.

Nothing is rewritten in place. The first failed write ends the file: it is cut to its last whole
batch and left alone, since going on after a full disk was seen to give a file with a valid
footer that no reader accepts.
"""

import contextlib
import fcntl
import os
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from effmeter.runfile.byte_limit import ByteLimit
from effmeter.runfile.file_fate import FileFate
from effmeter.runfile.format import Metadata
from effmeter.runfile.framed_file import FramedFile
from effmeter.runfile.loading import load_what_writing_needs

if TYPE_CHECKING:
    import pyarrow as pa

QUEUE_BATCHES = 64
QUEUE_BYTES = 64 * 2**20
_ENCODING = threading.Lock()
"""Held while a batch is made: many writers at once would keep the GIL from a sampler whose deadline
has come. Nothing is written meanwhile, since a disk may hang."""
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
        limit: ByteLimit | None = None,
    ) -> None:
        self._descriptor = descriptor
        self._metadata = metadata
        self._on_end = on_end
        self._refusal = refusal
        self._on_fit = on_fit
        self._become = become
        self._limit = limit or ByteLimit(QUEUE_BYTES)
        self._queue: queue.Queue[tuple[MakeBatch, int] | None] = queue.Queue()
        self._whole_bytes = 0
        self.failed: str | None = None
        self._thread = threading.Thread(target=self._run, name="write-run", daemon=True)
        self._thread.start()

    def put(self, make_batch: MakeBatch, size_bytes: int = 0) -> bool:
        """Queue a batch of rows that take so much memory until they are written.

        False where the file has ended or the queue is full: the batch is lost.
        """
        if self.failed is not None or self._queue.qsize() >= QUEUE_BATCHES:
            return False
        if not self._limit.take(size_bytes):
            return False
        self._queue.put((make_batch, size_bytes))
        return True

    def finish(self, last: MakeBatch) -> None:
        """Write a last batch, however full the queue, and the footer."""
        self._queue.put((last, 0))
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
        self._empty_queue()
        self._on_end(self.failed)

    def _empty_queue(self) -> None:
        """Drop what waits in a file that has failed."""
        with contextlib.suppress(queue.Empty):
            while True:
                waiting = self._queue.get_nowait()
                if waiting is not None:
                    self._limit.give_back(waiting[1])

    def _write(self) -> None:
        try:
            if self._become is not None:
                load_what_writing_needs(self._metadata)
                self._become()
            self._write_run()
        except Exception as error:  # whatever ended the file must reach its owner
            self.failed = _reason(error)
            self._cut()
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _write_run(self) -> None:
        fate = FileFate(self._descriptor)
        frames: list[bytearray] = []
        with _ENCODING:
            file = FramedFile(frames.append, self._metadata)
        while (waiting := self._queue.get()) is not None:
            make_batch, size_bytes = waiting
            try:
                with _ENCODING:
                    file.write_batch(make_batch(file.schema))
                self._append_all(frames)
            finally:
                self._limit.give_back(size_bytes)
            fate.look(self._whole_bytes)
        file.close()
        self._append_all(frames)
        fate.look(self._whole_bytes)
        self.failed = fate.loss

    def _append_all(self, frames: list[bytearray]) -> None:
        while frames:
            self._append(frames.pop(0))

    def _append(self, frame: bytearray) -> None:
        """Write one frame, all of it, or raise OSError."""
        view = memoryview(frame)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._whole_bytes += len(frame)

    def _cut(self) -> None:
        """Back to the last whole batch: what follows it is a piece of one."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._whole_bytes)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
