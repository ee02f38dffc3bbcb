"""The rows of a file, taken in group by group: no more than some groups are in memory at once.

Readings go to their channels, events become rows of Python. Only the columns in which something
stands are decoded, which the metadata of the batches state.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from effmeter.runfile.batch_layout import BatchFacts, batch_facts
from effmeter.runfile.checking import Allowance, FileEnd, is_dated
from effmeter.runfile.format import COLUMNS, Event, Metadata
from effmeter.runfile.holes import PlacedHole, damages_of
from effmeter.runfile.message import Unfolded, read_table
from effmeter.runfile.part import Damage, clock_offset_ns, event_rows, wall_ns
from effmeter.runfile.readings import Readings, Times, Values
from effmeter.runfile.row import EventRow
from effmeter.runfile.scan import Hole, Piece

GROUP_BYTES = 4 * 2**20
GROUP_ROWS = 2**18
"""Batches are decoded together up to these sizes."""
_GROUPS_AHEAD = 3
"""Groups that are decoded while the one before them is taken in."""
KINDS = ("energy_j", "power_w")
"""The columns of readings."""
_FOR_READINGS = ("time", "channel", *KINDS)
_NOT_NULL = ("time", "seq")


class _Run(NamedTuple):
    """Batches of one group, one after another, of which the same columns are decoded."""

    pieces: Sequence[Piece]
    columns: tuple[str, ...]


class Contents:
    """What a file holds: readings, events, and what is missing among them."""

    def __init__(
        self,
        schema: pa.Schema,
        schema_message: bytes,
        metadata: Metadata,
        allowance: Allowance,
        group_bytes: int = GROUP_BYTES,
    ) -> None:
        """``group_bytes``: how large batches are that are decoded together."""
        self.readings = Readings()
        self.events: list[EventRow] = []
        self.row_count = 0
        self.last_ns: int | None = None
        """The moment of the latest row."""
        self.end: FileEnd | None = None
        """None: its writer did not close it."""
        self.origin: str | None = None
        """What the last row of a rewritten file states of its original."""
        self._schema = schema
        self._schema_message = schema_message
        self._names = tuple(name for name in COLUMNS if name in schema.names)
        self._offset_ns = clock_offset_ns(metadata)
        self._latest_ns = metadata.started_time_ns
        self._holes: list[PlacedHole] = []
        self._open_holes: list[PlacedHole] = []
        self._number = 0
        self._allowance = allowance
        self._has_checksums = True
        self._group_bytes = group_bytes

    def take(self, pieces: Iterator[Piece | Hole], *, has_checksums: bool) -> None:
        """Everything after the schema; without checksums, batches may misstate what they hold."""
        self._has_checksums = has_checksums
        waiting: deque[tuple[_Run | Hole, Future[pa.Table | None] | None]] = deque()
        with ThreadPoolExecutor(1) as pool:
            for found in self._runs(pieces):
                decoded = None
                if isinstance(found, _Run):
                    decoded = pool.submit(self._decoded, found)
                waiting.append((found, decoded))
                while len(waiting) > _GROUPS_AHEAD:
                    self._finish(*waiting.popleft())
            while waiting:
                self._finish(*waiting.popleft())
        self.events.sort(key=lambda row: row.time_ns)

    def damages(self) -> Iterator[Damage]:
        """The holes as what a reader of the run must know."""
        return damages_of(self._holes, self._number, self.end)

    def _finish(self, found: _Run | Hole, decoded: "Future[pa.Table | None] | None") -> None:
        if isinstance(found, Hole):
            self._miss(found)
        elif decoded is not None:
            self._take_run(found, decoded.result())

    def _runs(self, pieces: Iterator[Piece | Hole]) -> Iterator[_Run | Hole]:
        group: list[Piece] = []
        group_bytes = 0
        for piece in pieces:
            if isinstance(piece, Piece) and not piece.is_end:
                group_bytes += len(piece.data)
                group.append(piece)
                if group_bytes < self._group_bytes:
                    continue
            yield from self._runs_of(group)
            group, group_bytes = [], 0
            if isinstance(piece, Hole):
                yield piece
            elif piece.is_end:
                self.end = FileEnd(piece.number - 1)
        yield from self._runs_of(group)

    def _runs_of(self, group: Sequence[Piece]) -> Iterator[_Run | Hole]:
        """The batches of a group with the columns to decode; those that are not read are holes."""
        facts = batch_facts([piece.data for piece in group], len(self._schema))
        columns = self._columns(facts)
        sizes = zip(facts.rows.tolist(), facts.buffer_bytes.tolist(), strict=True)
        is_read = [
            rows >= 0 and self._allowance.covers(Unfolded(rows, size)) for rows, size in sizes
        ]
        keys = [c if read else None for c, read in zip(columns, is_read, strict=True)]
        for key, places in groupby(range(len(group)), key=lambda place: keys[place]):
            found = list(places)
            if key is None:
                yield from (Hole(group[p].number, group[p].number) for p in found)
                continue
            begin, rows = 0, 0
            for end, place in enumerate(found, 1):
                rows += int(facts.rows[place])
                if rows >= GROUP_ROWS or end == len(found):
                    yield _Run([group[p] for p in found[begin:end]], key)
                    begin, rows = end, 0

    def _columns(self, facts: BatchFacts) -> list[tuple[str, ...]]:
        """For each batch, the columns to decode: those in which something stands.

        All of them where rows may lack a moment or a number.
        """
        if not self._has_checksums:
            return [self._names] * len(facts.rows)
        places = {name: self._schema.get_field_index(name) for name in self._names}
        is_empty = {name: facts.only_nulls([place]).tolist() for name, place in places.items()}
        is_numbered = [
            bool(v) for v in (facts.nulls[:, [places[n] for n in _NOT_NULL]] == 0).all(1)
        ]
        found = []
        known: dict[tuple[bool, ...], tuple[str, ...]] = {}
        for flags in zip(is_numbered, *is_empty.values(), strict=True):
            if flags not in known:
                known[flags] = self._chosen(flags[0], dict(zip(is_empty, flags[1:], strict=True)))
            found.append(known[flags])
        return found

    def _chosen(self, is_numbered: bool, is_empty: dict[str, bool]) -> tuple[str, ...]:
        if not is_numbered:
            return self._names
        has_events = not is_empty["event"]
        return tuple(
            name
            for name in self._names
            if (name in _FOR_READINGS or name == "duration_s" or has_events)
            and (name == "time" or not is_empty[name])
            and name != "seq"
        )

    def _decoded(self, run: _Run) -> pa.Table | None:
        return read_table(
            self._schema_message, [piece.data for piece in run.pieces], self._schema, run.columns
        )

    def _take_run(self, run: _Run, table: pa.Table | None) -> None:
        if table is not None and is_dated(table):
            self._number = run.pieces[-1].number
            self._take_table(table)
            return
        if len(run.pieces) == 1:
            self._miss(Hole(run.pieces[0].number, run.pieces[0].number))
            return
        for piece in run.pieces:
            alone = _Run([piece], run.columns)
            self._take_run(alone, self._decoded(alone))

    def _miss(self, hole: Hole) -> None:
        self._number = self._number if hole.last is None else hole.last
        placed = PlacedHole(hole, self._latest_ns)
        self._holes.append(placed)
        self._open_holes.append(placed)

    def _take_table(self, table: pa.Table) -> None:
        times_ns = wall_ns(table["time"]) + self._offset_ns
        if not len(times_ns):
            return
        lengths = [len(chunk) for chunk in table["time"].chunks]
        self._close_holes(times_ns, lengths)
        last_rows = next(length for length in reversed(lengths) if length)
        self._latest_ns = int(times_ns[-last_rows:].max())
        self.last_ns = max(self.last_ns or self._latest_ns, int(times_ns.max()))
        self.row_count += len(times_ns)
        is_event = np.zeros(len(times_ns), np.bool_)
        if "event" in table.column_names:
            is_event = np.asarray(table["event"].is_valid().to_numpy(), np.bool_)
            self.events += event_rows(table.filter(pa.array(is_event)), times_ns[is_event])
        is_rewritten = is_event[-1] and self.events[-1].event == Event.COMPACTED
        self.origin = (self.events[-1].text or "") if is_rewritten else None
        if "channel" in table.column_names:
            self._take_readings(table, times_ns, is_event)

    def _take_readings(self, table: pa.Table, times_ns: Times, is_event: NDArray[np.bool_]) -> None:
        channels = self._channels(table["channel"])
        duration_s = _floats(table, "duration_s")
        for kind in KINDS:
            values = _floats(table, kind)
            if values is not None:
                kept = ~np.isnan(values) & ~is_event & (channels >= 0)
                read_s = None if duration_s is None else duration_s[kept]
                self.readings.add(kind, channels[kept], times_ns[kept], values[kept], read_s)

    def _channels(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        """The number of the channel of each row; -1 where none is named."""
        encoded = column.combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        names = encoded.dictionary.to_pylist()
        numbers = np.array([self.readings.number(name) for name in names] + [-1], np.int64)
        codes = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
        return np.asarray(numbers[codes], np.int64)

    def _close_holes(self, times_ns: Times, lengths: Sequence[int]) -> None:
        """Find the earliest row after each hole that is later than its beginning.

        Rows stand in order of arrival: one that arrived after the hole may be dated before it,
        such as the row that closes a gap, and does not end what is missing.
        """
        ends = np.cumsum(lengths)
        for hole in list(self._open_holes):
            later = np.flatnonzero(times_ns > hole.begin_ns)
            if len(later):
                end = int(ends[np.searchsorted(ends, later[0], "right")])
                of_batch = times_ns[later[0] : end]
                hole.end_ns = int(of_batch[of_batch > hole.begin_ns].min())
                self._open_holes.remove(hole)


def _floats(table: pa.Table, name: str) -> Values | None:
    """A column of numbers (n,), NaN where it is null; None where it was not decoded."""
    if name not in table.column_names:
        return None
    return np.asarray(table[name].to_numpy(), np.float64)
