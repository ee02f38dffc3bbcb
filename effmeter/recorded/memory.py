"""From the memory rows of a run to how much its programs used, on average and at most.

A row's value holds until the next of the same name and source; what is unknown, and the stretch
between two recorders, counts for nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise

from effmeter.recorded.records import MemoryUse
from effmeter.runfile.format import PEAK, Event
from effmeter.runfile.row import EventRow


def memory_uses(events: Iterable[EventRow], part_ends_ns: Sequence[int]) -> Mapping[str, MemoryUse]:
    """What is known of each memory, by name; ``part_ends_ns``: when each file's rows end.

    Of several sources that tell of a memory of the same name, the one that used most counts.
    """
    rows = sorted(
        (e for e in events if e.event == Event.MEMORY and e.name and (e.value or 0) >= 0),
        key=lambda e: (e.name or "", e.source or "", e.part, e.time_ns),
    )
    found: dict[str, MemoryUse] = {}
    for (name, _), of_one in groupby(rows, key=lambda e: (e.name or "", e.source)):
        use = _use(list(of_one), part_ends_ns)
        earlier = found.get(name)
        if earlier is None or (use.peak_bytes or -1) > (earlier.peak_bytes or -1):
            found[name] = use
    return found


def _use(rows: Sequence[EventRow], part_ends_ns: Sequence[int]) -> MemoryUse:
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
