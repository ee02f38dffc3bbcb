"""Replaces the readings of a recording by the energies of periods.

Each channel keeps the energy passed at whole multiples of the period, and the interval of each
period, as the readings told them. Where any channel begins or ceases to show its energy, there is
a boundary too, so that totals count the same channels as before.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel, Thinning
from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.recorded.reading import read_recording
from effmeter.recorded.recording import Recording
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.compaction import COMPRESSION_LEVEL, MAX_ROWS
from effmeter.runfile.format import (
    COMPACTED_KEY,
    HIGH_SUFFIX,
    LOW_SUFFIX,
    Event,
    Metadata,
)
from effmeter.runfile.framed_file import FramedFile
from effmeter.runfile.new_file import NewRunFile
from effmeter.runfile.origin import Origin
from effmeter.runfile.row import EventRow, RowBuffer

THINNED_KEY = "thinned_s"
"""In ``sampling``: the period of a thinned file."""


class ThinnedFile(NamedTuple):
    """What became of one file."""

    path: Path
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class _Periods:
    """One channel's energies: (n,) moments, and sums up to each (J)."""

    channel: Channel
    times_ns: NDArray[np.int64]
    passed_j: NDArray[np.float64]
    low_j: NDArray[np.float64]
    high_j: NDArray[np.float64]
    blind: Sequence[tuple[int, int]]


def thin(path: Path, period_s: float, new_path: Path | None = None) -> ThinnedFile:
    """Write a recording of one run with the energies of periods in place of its readings.

    The new file replaces the old one, or is ``new_path``. A crash leaves the one or the other.

    Raises RunFileError where the file cannot be read or written; UsageError where it holds
    several runs, or a successor's file goes on with it.
    """
    before = path.stat()
    recording = read_recording(path)
    if len(recording.identities) > 1 or len(recording.parts) > 1:
        raise UsageError(f"{path} cannot be thinned: it holds more than the log of a machine")
    run = RecordedRun(recording, 0)
    grid_ns = _grid_ns(recording, run.begin_ns, run.end_ns, period_s)
    found = [_periods(recording, name, grid_ns, period_s) for name in recording.channels]
    periods = {p.channel.name: p for p in found if p is not None}
    target = path if new_path is None else new_path
    with NewRunFile(target, before.st_mode) as new:
        _write(recording, periods, period_s, new)
        new.commit(replaces=new_path is None)
    return ThinnedFile(target, before.st_size, new.size)


def _grid_ns(
    recording: Recording, begin_ns: int, end_ns: int, period_s: float
) -> NDArray[np.int64]:
    """The boundaries on the run clock: whole multiples by the file's ``time``, and all edges."""
    metadata, period_ns = recording.metadata, round(period_s * 1e9)
    offset_ns = metadata.started_wall_ns - metadata.started_time_ns
    first_ns = begin_ns + -(begin_ns + offset_ns) % period_ns
    edges = {begin_ns, end_ns, *range(first_ns, end_ns, period_ns)}
    blind = itertools.chain.from_iterable(recording.blind.values())
    edges.update(edge for stretch in blind for edge in stretch if begin_ns < edge < end_ns)
    return np.array(sorted(edges), np.int64)


def _periods(
    recording: Recording, name: str, grid_ns: NDArray[np.int64], period_s: float
) -> _Periods | None:
    """The energies of a channel; None where it shows nothing."""
    channel, trace = recording.channels[name], recording.trace(name)
    begin_ns, end_ns = int(grid_ns[0]), int(grid_ns[-1])
    whole = recording.channel_energy(name, begin_ns, end_ns)
    if trace is None or whole is None or end_ns <= begin_ns:
        return None
    cells = trace.energies(grid_ns[:-1], grid_ns[1:])
    blind = [
        (max(first, begin_ns), min(last, end_ns))
        for first, last in recording.blind.get(name, ())
        if last > begin_ns and first < end_ns
    ]
    unknown = [(int(grid_ns[k]), int(grid_ns[k + 1])) for k in np.flatnonzero(~cells.is_known)]
    columns = next((part.columns for part in cells.estimates.values()), None)
    columns = (cells.value_j, cells.low_j, cells.high_j) if columns is None else columns
    sums_j = [np.concatenate(([0.0], np.cumsum(np.nan_to_num(one)))) for one in columns]
    _, low_j, high_j = _ends_j(whole)
    thinned = Thinning(period_s, max(0.0, low_j), max(0.0, high_j))
    described = replace(channel, thinned=thinned)
    return _Periods(described, grid_ns, sums_j[0], sums_j[1], sums_j[2], [*blind, *unknown])


def _ends_j(energy: Energy) -> tuple[float, float, float]:
    """The figure of one channel and the ends of its interval, without an estimate's factor."""
    for part in energy.estimates.values():
        return part.value_j, part.low_j, part.high_j
    return energy.value_j, energy.low_j, energy.high_j


def _write(
    recording: Recording, periods: Mapping[str, _Periods], period_s: float, new: NewRunFile
) -> None:
    metadata = _described(recording.metadata, periods, period_s)
    part = recording.parts[0]
    rows = RowBuffer(metadata.started_wall_ns - metadata.started_time_ns)
    described = {**metadata.to_arrow(), COMPACTED_KEY: b"1"}
    file = FramedFile(new.append, described, compression_level=COMPRESSION_LEVEL)
    for event in _events(recording.events, periods):
        rows.add_event(event)
    for one in periods.values():
        for suffix, curve in (
            ("", one.passed_j),
            (LOW_SUFFIX, one.low_j),
            (HIGH_SUFFIX, one.high_j),
        ):
            name = one.channel.name + suffix
            for time_ns, energy_j in zip(one.times_ns.tolist(), curve.tolist(), strict=True):
                rows.add_reading(time_ns, name, energy_j, None, None)
            if len(rows) >= MAX_ROWS:
                file.write_batch(rows.take()(file.schema))
    origin = Origin(part.finished, part.damages)
    text = origin.to_json()
    rows.add_event(EventRow(metadata.started_time_ns, Event.COMPACTED, text=text))
    file.write_batch(rows.take()(file.schema))
    file.close()


def _described(metadata: Metadata, periods: Mapping[str, _Periods], period_s: float) -> Metadata:
    channels = tuple(periods[c.name].channel if c.name in periods else c for c in metadata.channels)
    return replace(
        metadata, channels=channels, sampling={**metadata.sampling, THINNED_KEY: period_s}
    )


def _events(events: Iterable[EventRow], periods: Mapping[str, _Periods]) -> Iterator[EventRow]:
    """All events, with the thinned channels' descriptions and where those showed nothing."""
    for row in events:
        known = periods.get(row.channel or "")
        if row.event == Event.CHANNEL and known is not None:
            yield row._replace(text=known.channel.to_json(), value=None)
        elif row.event not in (Event.COMPACTED, Event.BLIND):
            yield row
    for name, one in periods.items():
        for begin_ns, end_ns in one.blind:
            duration_s = (end_ns - begin_ns) * 1e-9
            yield EventRow(begin_ns, Event.BLIND, channel=name, duration_s=duration_s)
