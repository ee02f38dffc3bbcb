"""Writes the run file of one host, batch by batch.

The run clock of an imported file counts from its first moment and goes with the wall clock of the
log: its anchors say that neither stepped.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from effmeter.errors import RunFileError
from effmeter.importers.marks import ROOT_ID
from effmeter.runfile.format import Event, Metadata, NoteName
from effmeter.runfile.framed_file import FramedFile
from effmeter.runfile.row import EventRow, RowBuffer


class HostFile:
    """A new run file; a file that is left by an error is removed.

    Moments are of the wall clock.
    """

    def __init__(self, path: Path, metadata: Metadata) -> None:
        """Create it; RunFileError where the file is there already, or cannot be made."""
        self.path = path
        self.readings = 0
        self._metadata = metadata
        self._descriptor = _create(path)
        self.begin_ns = self._end_ns = metadata.started_wall_ns
        self._rows = RowBuffer(metadata.started_wall_ns - metadata.started_time_ns)
        self._file = FramedFile(self._append, metadata)
        self._add_anchor(self.begin_ns)

    def __len__(self) -> int:
        """Rows that are not written yet."""
        return len(self._rows)

    def add_reading(
        self, time_ns: int, channel: str, energy_j: float | None, power_w: float | None
    ) -> None:
        """Append a reading of a counter or of a gauge."""
        self._end_ns = max(self._end_ns, time_ns)
        self.readings += 1
        self._rows.add_reading(self._run_ns(time_ns), channel, energy_j, power_w, None)

    def add_events(self, rows: Iterable[EventRow]) -> None:
        """Append events whose moments are of the wall clock."""
        for row in rows:
            self._end_ns = max(self._end_ns, row.time_ns)
            self._rows.add_event(row._replace(time_ns=self._run_ns(row.time_ns)))

    def note(self, name: NoteName, text: str, source: str | None = None) -> None:
        """Append a note of the beginning, by a program where its source is given."""
        mark = None if source is None else ROOT_ID
        row = EventRow(self.begin_ns, Event.NOTE, source=source, id=mark, name=name, text=text)
        self.add_events([row])

    def flush(self) -> None:
        """Write what was appended as one batch."""
        if len(self._rows):
            self._file.write_batch(self._rows.take()(self._file.schema))

    def finish(self, status: str) -> None:
        """Write the end of the recording and the footer."""
        self._add_anchor(self._end_ns)
        self.add_events([EventRow(self._end_ns, Event.END, text=status)])
        self.flush()
        try:
            self._file.close()
        finally:
            os.close(self._descriptor)

    def discard(self) -> None:
        """Remove the file, whatever was written."""
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)

    def _run_ns(self, wall_ns: int) -> int:
        return wall_ns - self._metadata.started_wall_ns + self._metadata.started_time_ns

    def _add_anchor(self, wall_ns: int) -> None:
        run_ns = self._run_ns(wall_ns)
        self.add_events([EventRow(wall_ns, Event.ANCHOR, id=run_ns, value=0.0, duration_s=0.0)])

    def _append(self, frame: bytearray) -> None:
        view = memoryview(frame)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise RunFileError(f"{self.path} cannot be written: {error.strerror}") from error


def _create(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError as error:
        occupied = path if path.is_file() else path.parent
        raise RunFileError(f"{occupied} is there already: choose another name") from error
    except OSError as error:
        raise RunFileError(f"{path} cannot be created: {error.strerror}") from error
