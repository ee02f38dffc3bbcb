"""An Arrow IPC file, written frame by frame (``effmeter.runfile.framing``)."""

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from effmeter.runfile.format import COLUMNS, Column, Metadata, arrow_schema
from effmeter.runfile.framing import FRAME_KEY, MAGIC, blank_header, close_frame

if TYPE_CHECKING:
    import pyarrow as pa


class FramedFile:
    """Writes batches through pyarrow and hands each frame to ``write`` in one piece."""

    def __init__(
        self,
        write: Callable[[bytearray], object],
        metadata: Metadata | Mapping[bytes, bytes],
        columns: Mapping[str, Column] = COLUMNS,
        compression_level: int | None = None,
    ) -> None:
        """Begin a file; its metadata are given as such or as they stand in a schema."""
        import pyarrow as pa

        self._write = write
        described = metadata.to_arrow() if isinstance(metadata, Metadata) else dict(metadata)
        self._file = zlib.crc32(b"\0".join(described.values()))
        self._blank = {FRAME_KEY: blank_header(self._file)}
        self.schema = arrow_schema(columns=columns).with_metadata({**described, **self._blank})
        self._number = 0
        self._frame = _Gathered()
        # A pool of threads would be woken for each batch, to compress a few kilobytes.
        codec = pa.Codec("zstd", compression_level)
        options = pa.ipc.IpcWriteOptions(compression=codec, use_threads=False)
        sink = pa.PythonFile(self._frame, "w")
        self._arrow = pa.ipc.new_file(sink, self.schema, options=options)

    def write_batch(self, batch: "pa.RecordBatch") -> None:
        """Append one batch."""
        self._arrow.write_batch(batch, custom_metadata=self._blank)
        self._end_frame()

    def close(self) -> None:
        """Append the footer; nothing can follow it."""
        self._arrow.close()
        self._end_frame()

    def _end_frame(self) -> None:
        if self._number == 0:
            # pyarrow writes the schema no earlier than the first batch.
            self._close(self._frame.take(schema_end(self._frame.gathered)))
        self._close(self._frame.take())

    def _close(self, frame: bytearray) -> None:
        close_frame(frame, self._file, self._number)
        self._number += 1
        self._write(frame)


def schema_end(data: bytes | bytearray) -> int:
    """Where the schema of a file ends: magic, continuation mark, length, metadata without body."""
    (length,) = struct.unpack_from("<i", data, len(MAGIC) + 4)
    return len(MAGIC) + 8 + int(length)


class _Gathered:
    """Just enough of a file for pyarrow: keeps what is written until the frame is complete."""

    closed = False

    def __init__(self) -> None:
        self.gathered = bytearray()
        self._position = 0

    def write(self, data: "pa.Buffer") -> int:
        view = memoryview(data)
        self.gathered += view
        self._position += len(view)
        return len(view)

    def take(self, count: int | None = None) -> bytearray:
        taken = self.gathered if count is None else self.gathered[:count]
        self.gathered = bytearray() if count is None else self.gathered[count:]
        return taken

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True
