"""Run files written row by row, so that a test knows all that is in them."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.runfile.format import COLUMNS, Event, Metadata
from effmeter.runfile.framed_file import FramedFile

START_NS = 5_000_000_000_000
WALL_NS = 1_760_000_000_000_000_000
SOURCE = "host/-/42"
ROOT = 1


def at(time_s: float) -> int:
    """The run clock so many seconds after the first recording began (ns)."""
    return START_NS + round(time_s * 1e9)


def counter(name: str = "cpu0", component: Component = Component.CPU, **more: Any) -> Channel:
    """A counter that refreshes each millisecond, to the microjoule."""
    described = {
        "provenance": Provenance.MEASURED,
        "source": "a test",
        "refresh_s": 0.001,
        "unit_j": 1e-6,
        "resolution": 1e-6,
        "max_power_w": 500.0,
        **more,
    }
    return Channel(name, component, Kind.COUNTER, **described)


def gauge(name: str = "gpu0-power", component: Component = Component.GPU, **more: Any) -> Channel:
    """A power gauge that refreshes ten times a second."""
    described = {
        "provenance": Provenance.MEASURED,
        "source": "a test",
        "refresh_s": 0.1,
        "resolution": 0.001,
        "max_power_w": 700.0,
        **more,
    }
    return Channel(name, component, Kind.GAUGE, **described)


def metadata(**more: Any) -> Metadata:
    """The metadata of a run that began at ``START_NS``."""
    described = {
        "run_id": "run-1",
        "name": "lenet-1",
        "started_wall_ns": WALL_NS,
        "started_time_ns": START_NS,
        "host": {"name": "host"},
        **more,
    }
    return Metadata(**described)


class RunFile:
    """One run file being written; times are seconds since ``START_NS``.

    Left through an error or by ``kill`` it has no footer, as when its writer was killed.
    """

    def __init__(self, path: Path, described: Metadata | None = None) -> None:
        self.path = path
        self.metadata = described or metadata()
        self._sink = path.open("wb")
        self._writer = FramedFile(self._append, self.metadata)
        self._rows: list[dict[str, Any]] = []
        self._seq = 0
        self.batches: list[tuple[int, int]] = []
        """After each batch: the file's size in bytes, and the rows in it so far."""

    def row(self, time_s: float, **columns: Any) -> None:
        offset_ns = self.metadata.started_wall_ns - self.metadata.started_time_ns
        self._rows.append({"time": at(time_s) + offset_ns, "seq": self._seq, **columns})
        self._seq += 1

    def event(self, time_s: float, event: Event, **columns: Any) -> None:
        self.row(time_s, event=str(event), **columns)

    def introduce(self, time_s: float, channel: Channel, absolute_j: float | None = None) -> None:
        text = channel.to_json()
        self.event(time_s, Event.CHANNEL, channel=channel.name, text=text, value=absolute_j)

    def count(self, channel: str, times_s: Sequence[float], power_w: float) -> None:
        """Readings of a counter at constant power, from zero at the first of them."""
        for time_s in times_s:
            self.row(time_s, channel=channel, energy_j=power_w * (time_s - times_s[0]))

    def show(self, channel: str, times_s: Sequence[float], power_w: float) -> None:
        """Readings of a gauge at constant power."""
        for time_s in times_s:
            self.row(time_s, channel=channel, power_w=power_w)

    def join(self, time_s: float, text: str, source: str = SOURCE, root: int = ROOT) -> None:
        self.event(time_s, Event.NOTE, name="source", source=source, id=root, text=text)

    def epoch(
        self,
        number: int,
        begin_s: float,
        end_s: float | None,
        source: str = SOURCE,
        root: int = ROOT,
        **metrics: float,
    ) -> None:
        """One epoch and what it logged; without an end it stays open."""
        marks = {"source": source, "id": 100 * root + number}
        self.event(begin_s, Event.EPOCH_BEGIN, parent=root, value=float(number), **marks)
        for name, value in metrics.items():
            moment = begin_s if end_s is None else end_s
            logged = {"source": source, "parent": marks["id"], "name": name, "value": value}
            self.event(moment, Event.METRIC, **logged)
        if end_s is not None:
            self.event(end_s, Event.EPOCH_END, value=float(number), **marks)

    def flush(self) -> None:
        """End a batch, as the recorder does each second."""
        columns = {name: [row.get(name) for row in self._rows] for name in COLUMNS}
        schema = self._writer.schema
        arrays = [pa.array(columns[field.name], field.type) for field in schema]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
        self._rows = []
        self.batches.append((self._sink.tell(), self._seq))

    def _append(self, frame: bytearray) -> None:
        self._sink.write(frame)

    def end(self, time_s: float, status: str = "completed") -> None:
        """The last row, and the footer after it."""
        self.event(time_s, Event.END, text=status)
        self.close()

    def close(self) -> None:
        if self._rows:
            self.flush()
        self._writer.close()
        self._sink.close()

    def kill(self) -> None:
        """Leave the file as a writer does that is killed after a flush."""
        self.flush()
        whole_bytes, _ = self.batches[-1]
        self._writer.close()
        self._sink.close()
        with self.path.open("r+b") as file:
            file.truncate(whole_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._sink.closed:
            self.close()


def every(period_s: float, begin_s: float, end_s: float) -> list[float]:
    """Moments from ``begin_s`` to ``end_s``, both included (s)."""
    steps = round((end_s - begin_s) / period_s)
    return [float(t) for t in np.linspace(begin_s, end_s, steps + 1)]
