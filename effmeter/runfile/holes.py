"""The holes of a run file, described by the rows on both sides of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from effmeter.runfile.checking import FileEnd
from effmeter.runfile.format import Metadata
from effmeter.runfile.part import Damage, clock_offset_ns, wall_ns
from effmeter.runfile.scan import Hole


@dataclass(slots=True)
class PlacedHole:
    """A hole, with the run clock at the last row before it and the first row after it."""

    hole: Hole
    begin_ns: int
    end_ns: int | None = None


class HoleLog:
    """Takes the batches and holes of a file in order, and keeps the holes."""

    def __init__(self, metadata: Metadata) -> None:
        self._offset_ns = clock_offset_ns(metadata)
        self._begin_ns = metadata.started_time_ns
        self._last: pa.RecordBatch | None = None
        self._holes: list[PlacedHole] = []
        self._open: list[PlacedHole] = []
        self._number = 0
        """Of the last message that was found or is known to be missing."""

    def take(self, found: pa.RecordBatch | Hole) -> None:
        """Note the next batch or hole."""
        if isinstance(found, Hole):
            self._number = self._number if found.last is None else found.last
            placed = PlacedHole(found, self._latest_ns())
            self._holes.append(placed)
            self._open.append(placed)
            return
        self._number += 1
        if found.num_rows:
            self._last = found
            if self._open:
                self._close_holes(found)

    def damages(self, end: FileEnd | None) -> Iterator[Damage]:
        """The holes as what a reader of the run must know; the file may have no end."""
        return damages_of(self._holes, self._number, end)

    def _latest_ns(self) -> int:
        """The latest row of the last batch; the beginning where there is none."""
        if self._last is None:
            return self._begin_ns
        return int(wall_ns(self._last.column("time")).max()) + self._offset_ns

    def _close_holes(self, batch: pa.RecordBatch) -> None:
        """End the holes before which no later row stood.

        Rows stand in order of arrival: one that arrived after a hole may be dated before it, such
        as the row that closes a gap, and does not end what is missing.
        """
        moments = wall_ns(batch.column("time")) + self._offset_ns
        for placed in list(self._open):
            later = moments[moments > placed.begin_ns]
            if len(later):
                placed.end_ns = int(later.min())
                self._open.remove(placed)


def damages_of(holes: Iterable[PlacedHole], number: int, end: FileEnd | None) -> Iterator[Damage]:
    """Holes as what a reader of the run must know.

    ``number``: of the last message that was found or is known to be missing.
    """
    count = None if end is None else end.batches
    for hole, begin_ns, end_ns in ((p.hole, p.begin_ns, p.end_ns) for p in holes):
        last = count if hole.last is None and count is not None else hole.last
        if hole.is_cut:
            continue
        if last is None:
            yield Damage("its end", begin_ns)
        elif last < hole.first:
            yield Damage("bytes that belong to no batch")
        else:
            one = last == hole.first
            batches = f"batch {last}" if one else f"batches {hole.first} to {last}"
            of = number if count is None else count
            yield Damage(f"{batches} of {of}", begin_ns, end_ns)
