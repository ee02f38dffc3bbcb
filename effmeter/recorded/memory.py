"""From the memory rows of a run to how much its programs used, on average and at most.

A row's value holds until the next of the same name and source; what is unknown, and the stretch
between two recorders, counts for nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise

from effmeter.recorded.records import MemoryUse
from effmeter.runfile.format import PEAK, Event
from effmeter.runfile.row import EventRow

Window = tuple[int, int] | None
"""Beginning and end (run clock, ns); None: all that was recorded."""


def memory_uses(
    events: Iterable[EventRow], part_ends_ns: Sequence[int], window_ns: Window = None
) -> Mapping[str, MemoryUse]:
    """What is known of each memory in a window, by name.

    ``part_ends_ns``: when each file's rows end. Of several sources that tell of a memory of the
    same name, the one that used most counts.
    """
    rows = sorted(
        (e for e in events if e.event == Event.MEMORY and e.name and (e.value or 0) >= 0),
        key=lambda e: (e.name or "", e.source or "", e.part, e.time_ns),
    )
    found: dict[str, MemoryUse] = {}
    for (name, _), of_one in groupby(rows, key=lambda e: (e.name or "", e.source)):
        rows_of_one = list(of_one)
        if window_ns is not None:
            rows_of_one = _in_window(rows_of_one, *window_ns)
        if not rows_of_one:
            continue
        use = _use(rows_of_one, part_ends_ns, window_ns)
        earlier = found.get(name)
        if earlier is None or (use.peak_bytes or -1) > (earlier.peak_bytes or -1):
            found[name] = use
    return found


def _in_window(rows: Sequence[EventRow], begin_ns: int, end_ns: int) -> list[EventRow]:
    """The rows of one memory in a window, and what held at its beginning, moved to there."""
    earlier = [row for row in rows if row.time_ns <= begin_ns and row.text != PEAK]
    held = [row._replace(time_ns=begin_ns) for row in earlier[-1:]]
    return held + [row for row in rows if begin_ns < row.time_ns <= end_ns]


def _use(rows: Sequence[EventRow], part_ends_ns: Sequence[int], window_ns: Window) -> MemoryUse:
    if window_ns is not None:
        part_ends_ns = [min(end_ns, window_ns[1]) for end_ns in part_ends_ns]
    known = [row.value for row in rows if row.value is not None]
    reasons = [row.text for row in rows if row.value is None and row.text]
    return MemoryUse(
        average_bytes=_average_bytes([r for r in rows if r.text != PEAK], part_ends_ns),
        peak_bytes=max(known, default=None),
        unknown=reasons[-1] if reasons else None,
    )


def _average_bytes(steps: Sequence[EventRow], part_ends_ns: Sequence[int]) -> float | None:
    """Over the time in which it was known; where that is none, of what was seen."""
    weighed, total_ns = 0.0, 0
    for part, in_part in groupby(steps, key=lambda row: row.part):
        values = list(in_part)
        moments = [*(row.time_ns for row in values), max(part_ends_ns[part], values[-1].time_ns)]
        for row, (begin_ns, end_ns) in zip(values, pairwise(moments), strict=True):
            if row.value is not None:
                weighed += row.value * (end_ns - begin_ns)
                total_ns += end_ns - begin_ns
    if total_ns:
        return weighed / total_ns
    return next((row.value for row in reversed(steps) if row.value is not None), None)
