"""Run files of any size, written through the project's own writer from simulated readings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.runfile.format import Event, Metadata, NoteName
from effmeter.runfile.framed_file import FramedFile
from effmeter.runfile.row import EVENT_COLUMNS

BEGIN_NS = 10**12
WALL_NS = 1_700_000_000 * 10**9
SOURCE = "host/-/1"
RECORDED_S = 0.9
"""The readings in one batch of a recorder."""
COMPACTED_ROWS = 250_000
_GAUGES = ("power-average", "power-instant", "power-memory", "module-power")
_MARKS_PER_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """What a run file holds: a processor, its memory and some GPUs, read at one rate."""

    seconds: float
    hz: float = 10.0
    gpus: int = 1
    channels_per_gpu: int = 2
    epochs: int = 10
    spans: int = 0
    """In each epoch."""
    gaps: int = 0
    """Of one gauge, spread over the run."""
    is_compacted: bool = False
    """Large batches in place of those of a recorder."""

    @property
    def readings(self) -> int:
        """Of each channel."""
        return int(self.seconds * self.hz)

    @property
    def readings_per_batch(self) -> int:
        """Of each channel."""
        rows = COMPACTED_ROWS // (2 + self.gpus * self.channels_per_gpu)
        return rows if self.is_compacted else max(1, round(RECORDED_S * self.hz))


@dataclass(slots=True)
class _Writer:
    path: Path
    metadata: Metadata
    rows: int = 0
    _file: Any = field(init=False)
    _frames: FramedFile = field(init=False)

    def __enter__(self) -> Self:
        self._file = self.path.open("wb")
        self._frames = FramedFile(self._file.write, self.metadata)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._frames.close()
        self._file.close()

    def put(self, count: int, columns: dict[str, Any]) -> None:
        """Append one batch; columns that are not given are null."""
        columns["seq"] = pa.array(np.arange(self.rows, self.rows + count))
        self.rows += count
        schema = self._frames.schema
        arrays = [columns[f.name] if f.name in columns else pa.nulls(count, f.type) for f in schema]
        self._frames.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))

    def events(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append a batch of events, each given by its columns; ``time`` is of the run clock."""
        since_ns = np.array([row["time"] - BEGIN_NS for row in rows], np.float64)
        columns: dict[str, Any] = {"time": _times(since_ns)}
        for name in EVENT_COLUMNS:
            kind = self._frames.schema.field(name).type
            columns[name] = pa.array([row.get(name) for row in rows], kind)
        self.put(len(rows), columns)


def write_run(path: Path, size: Size, name: str = "large") -> int:
    """Write a run of this size; returns the number of its rows."""
    channels = list(_channels(size))
    host = {"name": "host", "boot_id": "boot"}
    sampling = {"rate_hz": size.hz}
    metadata = Metadata(
        name, name, WALL_NS, BEGIN_NS, channels=tuple(channels), host=host, sampling=sampling
    )
    with _Writer(path, metadata) as writer:
        writer.events(list(_beginning(channels)))
        _write_marks(writer, size)
        _write_readings(writer, size, channels)
        end_ns = BEGIN_NS + int(size.seconds * 1e9)
        ended = {"time": end_ns, "event": Event.END, "text": "completed"}
        writer.events([{**ended, "source": SOURCE, "id": 0}, ended])
        return writer.rows


def _channels(size: Size) -> Iterator[Channel]:
    rapl: dict[str, Any] = {"resolution": 0.001, "unit_j": 1e-6, "modulus": 262_143_328_850}
    measured = Provenance.MEASURED
    for name, component in (("cpu0", Component.CPU), ("dram0", Component.RAM)):
        yield Channel(name, component, Kind.COUNTER, measured, "powercap", 0.001, **rapl)
    for number in range(size.gpus):
        name, device = f"gpu{number}", f"NVIDIA H100, GPU-{number:08x}"
        yield Channel(
            name,
            Component.GPU,
            Kind.COUNTER,
            measured,
            "nvml",
            0.1,
            device=device,
            unit_j=1e-3,
            gain_error_fraction=0.05,
        )
        for gauge in _GAUGES[: size.channels_per_gpu - 1]:
            is_board = gauge == "module-power"
            yield Channel(
                f"{name}-{gauge}",
                Component.BOARD if is_board else Component.GPU,
                Kind.GAUGE,
                measured,
                "nvml",
                0.1,
                window_s=0.025 if gauge == "power-instant" else 1.0,
                device=device,
                contained_in=None if is_board else name,
            )


def _beginning(channels: Sequence[Channel]) -> Iterator[dict[str, Any]]:
    begun = {"time": BEGIN_NS, "source": SOURCE, "id": 0}
    yield {**begun, "event": Event.NOTE, "name": NoteName.SOURCE, "text": '{"host": "host"}'}
    yield {**begun, "event": Event.RUN_BEGIN}
    for channel in channels:
        absolute_j = 1.0 if channel.kind is Kind.COUNTER else None
        described = {"channel": channel.name, "text": channel.to_json(), "value": absolute_j}
        yield {"time": BEGIN_NS, "event": Event.CHANNEL, **described}


def _write_marks(writer: _Writer, size: Size) -> None:
    waiting: list[dict[str, Any]] = []
    for mark in _marks(size):
        waiting.append(mark)
        if len(waiting) == _MARKS_PER_BATCH:
            writer.events(waiting)
            waiting = []
    if waiting:
        writer.events(waiting)


def _marks(size: Size) -> Iterator[dict[str, Any]]:
    duration_ns = size.seconds * 1e9
    ids = 0
    for epoch in range(size.epochs):
        begin_ns = BEGIN_NS + int(duration_ns * epoch / size.epochs)
        end_ns = BEGIN_NS + int(duration_ns * (epoch + 1) / size.epochs)
        ids += 1
        of_epoch = {"source": SOURCE, "id": ids}
        number = float(epoch + 1)
        yield {
            "time": begin_ns,
            "event": Event.EPOCH_BEGIN,
            **of_epoch,
            "parent": 0,
            "value": number,
        }
        for span in range(size.spans):
            at_ns = [begin_ns + (end_ns - begin_ns) * s // size.spans for s in (span, span + 1)]
            of_span = {"source": SOURCE, "id": ids + 1 + span}
            parent = {"parent": of_epoch["id"], "name": "step"}
            yield {"time": at_ns[0], "event": Event.SPAN_BEGIN, **of_span, **parent}
            yield {"time": at_ns[1], "event": Event.SPAN_END, **of_span}
        logged = {"name": "accuracy", "value": 1 - 1 / (epoch + 2), "parent": ids}
        ids += size.spans
        yield {"time": end_ns, "event": Event.METRIC, "source": SOURCE, **logged}
        yield {"time": end_ns, "event": Event.EPOCH_END, **of_epoch}
    for gap in range(size.gaps):
        at = {"time": BEGIN_NS + int(duration_ns * gap / size.gaps), "id": gap}
        length_s = size.seconds / size.gaps / 3
        what = {"channel": "gpu0-power-average", "text": "not read", "duration_s": length_s}
        yield {**at, "event": Event.GAP, **what}


def _write_readings(writer: _Writer, size: Size, channels: Sequence[Channel]) -> None:
    """Power with noise of a tenth around a level of each channel's own."""
    generator = np.random.default_rng(1)
    names = pa.array([channel.name for channel in channels], pa.string())
    is_counter = np.array([channel.kind is Kind.COUNTER for channel in channels])
    per_batch = min(size.readings_per_batch, size.readings)
    cycle = names.take(pa.array(np.tile(np.arange(len(channels)), per_batch)))
    levels_w = 100 + 300 * generator.random(len(channels))
    passed_j = np.zeros(len(channels))
    noise = generator.standard_normal((2**12, len(channels)))
    for first in range(0, size.readings, per_batch):
        count = min(per_batch, size.readings - first)
        number = np.arange(first + 1, first + count + 1)
        times_ns = (number * (1e9 / size.hz))[:, None] + np.arange(len(channels)) * 20e3
        power_w = levels_w * (1 + 0.1 * noise[number * 769 % len(noise)])
        energy_j = passed_j + np.cumsum(power_w, axis=0) / size.hz
        passed_j = energy_j[-1]
        are_counters = np.tile(is_counter, count)
        columns = {
            "time": _times(times_ns),
            "channel": cycle.slice(0, count * len(channels)),
            "energy_j": pa.array(np.round(energy_j, 3).ravel(), mask=~are_counters),
            "power_w": pa.array(np.round(power_w, 3).ravel(), mask=are_counters),
        }
        writer.put(count * len(channels), columns)


def _times(since_ns: NDArray[np.float64]) -> pa.Array:
    return pa.array(since_ns.astype(np.int64).ravel() + WALL_NS, pa.timestamp("ns", tz="UTC"))
