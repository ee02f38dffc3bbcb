"""From the event rows of a run to its epochs, spans, gaps and clock anchors.

Rows come in the order of their moments. Marks belong to their source: ids are numbered by each
source for itself, and a mark that was sent twice (again, to a successor) counts once.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from effmeter.recorded.records import (
    Contention,
    Gap,
    Measure,
    Metric,
    Note,
    RecordedEpoch,
    RecordedSpan,
    Suspend,
    WallStep,
    unmeasured,
)
from effmeter.runfile.format import Event
from effmeter.runfile.row import EventRow

NOTICED_ASLEEP_S = 0.1
NOTICED_WALL_STEP_S = 1.0
"""Less than this between two anchors is jitter, or a clock being disciplined."""

_LONGEST_S = 2**33
"""Longer than 64 bits of nanoseconds can tell: no gap closes after it."""

MAX_SPAN_DEPTH = 100
"""Spans can nest without end, where a program never leaves them; what reads them cannot."""

_Mark = tuple[str | None, int | None]


class _Stretch(NamedTuple):
    """What begins with one mark and ends with another, or with the run."""

    begin: EventRow
    end: EventRow | None


def metrics(events: Iterable[EventRow]) -> tuple[Metric, ...]:
    """Every value that was logged, in order; one that was logged as null is NaN."""
    return tuple(
        Metric(e.time_ns, e.name or "", _number(e.value), e.source, e.parent)
        for e in events
        if e.event == Event.METRIC
    )


def epochs(
    events: Sequence[EventRow], end_ns: int, measure: Measure = unmeasured
) -> tuple[RecordedEpoch, ...]:
    """The epochs of all sources in order; one without an end is open and ends with the run."""
    values = _metrics_of(events)
    root_of = RootFinder(events)
    return tuple(
        RecordedEpoch(
            number=_whole(begin.value, number),
            begin_ns=begin.time_ns,
            end_ns=end_ns if end is None else end.time_ns,
            source=begin.source,
            id=begin.id,
            metrics=values.get((begin.source, begin.id), {}),
            root=root_of.outermost(begin.source, begin.parent),
            open=end is None,
            reason=None if end is None else end.text,
            measure=measure,
        )
        for number, (begin, end) in enumerate(
            _stretches(events, Event.EPOCH_BEGIN, Event.EPOCH_END), 1
        )
    )


def spans(
    events: Sequence[EventRow], end_ns: int, measure: Measure = unmeasured
) -> tuple[RecordedSpan, ...]:
    """The outermost spans of all sources, each with those inside it.

    A span lies inside one that began before it. Below ``MAX_SPAN_DEPTH`` levels, spans stand
    beside the one that they lie in.
    """
    stretches = _stretches(events, Event.SPAN_BEGIN, Event.SPAN_END)
    values = _metrics_of(events)
    around = _spans_around(begin for begin, _ in stretches)
    children: dict[_Mark | None, list[RecordedSpan]] = {}
    # From the last to the first: a span is made once those inside it are.
    for begin, end in reversed(stretches):
        mark = (begin.source, begin.id)
        span = RecordedSpan(
            name=begin.name or "",
            begin_ns=begin.time_ns,
            end_ns=end_ns if end is None else end.time_ns,
            source=begin.source,
            id=begin.id,
            parent=begin.parent,
            metrics=values.get(mark, {}),
            children=tuple(reversed(children.pop(mark, ()))),
            open=end is None,
            measure=measure,
        )
        children.setdefault(around[mark], []).append(span)
    return tuple(reversed(children.pop(None, [])))


def walk_spans(outermost: Iterable[RecordedSpan]) -> Iterator[RecordedSpan]:
    """Spans and all those inside them."""
    for span in outermost:
        yield span
        yield from walk_spans(span.children)


def _spans_around(begins: Iterable[EventRow]) -> dict[_Mark | None, _Mark | None]:
    """The span in which each span stands; None: in none."""
    around: dict[_Mark | None, _Mark | None] = {}
    depths: dict[_Mark | None, int] = {None: 0}
    for begin in begins:
        parent: _Mark | None = (begin.source, begin.parent)
        if parent not in depths:
            parent = None
        elif depths[parent] == MAX_SPAN_DEPTH:
            parent = around[parent]
        mark = (begin.source, begin.id)
        around[mark] = parent
        depths[mark] = depths[parent] + 1
    return around


def gaps(events: Iterable[EventRow], end_ns: int) -> tuple[Gap, ...]:
    """The gaps in order of their beginnings.

    An opening row is closed by one of the same id, or by the channel's first reading in the
    file of a successor.
    """
    found: dict[tuple[int, str | None, int | None], Gap] = {}
    for row in events:
        if row.event == Event.CHANNEL:
            _close_earlier(found, row)
        if row.event != Event.GAP:
            continue
        key = (row.part, row.channel, row.id)
        first = found.get(key)
        reason = row.text or (first.reason if first else "")
        if row.duration_s is not None and 0 <= row.duration_s < _LONGEST_S:
            closed_ns = row.time_ns + round(row.duration_s * 1e9)
            hidden_j = first.hidden_j if first and row.value is None else _bound_j(row)
            found[key] = Gap(row.channel, row.time_ns, closed_ns, reason, hidden_j)
        elif first is None:
            found[key] = Gap(row.channel, row.time_ns, end_ns, reason, _bound_j(row), open=True)
    return tuple(sorted(found.values(), key=lambda gap: gap.begin_ns))


def _bound_j(row: EventRow) -> float | None:
    """The most joules that a gap can have hidden; None where the row does not say."""
    return None if row.value is None or row.value < 0 else row.value


def _close_earlier(found: dict[tuple[int, str | None, int | None], Gap], row: EventRow) -> None:
    for key, gap in found.items():
        if gap.open and gap.channel == row.channel and key[0] < row.part:
            found[key] = replace(gap, end_ns=row.time_ns, open=False)


def suspends(events: Iterable[EventRow]) -> tuple[Suspend, ...]:
    """The stretches between two anchors in which the machine slept."""
    return tuple(
        Suspend(before.time_ns, after.time_ns, asleep_s)
        for before, after in _anchor_pairs(events)
        if (asleep_s := _number(after.duration_s) - _number(before.duration_s)) > NOTICED_ASLEEP_S
    )


def wall_steps(events: Iterable[EventRow]) -> tuple[WallStep, ...]:
    """The stretches between two anchors in which the wall clock was set."""
    return tuple(
        WallStep(before.time_ns, after.time_ns, step_s)
        for before, after in _anchor_pairs(events)
        if abs(step_s := _number(after.value) - _number(before.value)) > NOTICED_WALL_STEP_S
    )


def contentions(events: Iterable[EventRow]) -> tuple[Contention, ...]:
    """Each time that the other users of a device were counted."""
    return tuple(
        Contention(
            e.time_ns, e.channel, None if e.value is None else _whole(e.value, 0), e.text or ""
        )
        for e in events
        if e.event == Event.CONTENTION
    )


def notes(events: Iterable[EventRow]) -> tuple[Note, ...]:
    """The notes in order."""
    return tuple(
        Note(e.time_ns, e.part, e.source, e.id, e.name or "", e.value, e.text or "")
        for e in events
        if e.event == Event.NOTE
    )


def _stretches(events: Iterable[EventRow], begins: Event, ends: Event) -> list[_Stretch]:
    found: dict[_Mark, _Stretch] = {}
    for row in events:
        mark = (row.source, row.id)
        if row.event == begins:
            found.setdefault(mark, _Stretch(row, None))
        elif row.event == ends and mark in found and found[mark].end is None:
            found[mark] = _Stretch(found[mark].begin, row)
    return list(found.values())


class RootFinder:
    """Finds the program that a row belongs to: the parent of the outermost stretch around it."""

    def __init__(self, events: Iterable[EventRow]) -> None:
        begins = (Event.EPOCH_BEGIN, Event.SPAN_BEGIN)
        self._parents = {(e.source, e.id): e.parent for e in events if e.event in begins}
        self._known: dict[_Mark, int | None] = {}

    def __call__(self, row: EventRow) -> int | None:
        """The number that the outermost marks of the row's program name as their parent."""
        ends = (Event.EPOCH_END, Event.SPAN_END)
        mark = row.id if row.event in ends or row.parent is None else row.parent
        return self.outermost(row.source, mark)

    def outermost(self, source: str | None, mark: int | None) -> int | None:
        """The parent of the outermost stretch that a mark lies in."""
        path: dict[_Mark, None] = {}
        while (key := (source, mark)) in self._parents and key not in path:
            if key in self._known:
                mark = self._known[key]
                break
            path[key] = None
            mark = self._parents[key]
        self._known.update(dict.fromkeys(path, mark))
        return mark


def _metrics_of(events: Iterable[EventRow]) -> dict[_Mark, dict[str, float]]:
    """The last value of each metric of each epoch and span."""
    values: dict[_Mark, dict[str, float]] = {}
    for row in events:
        if row.event == Event.METRIC and row.parent is not None:
            values.setdefault((row.source, row.parent), {})[row.name or ""] = _number(row.value)
    return values


def _anchor_pairs(events: Iterable[EventRow]) -> Iterable[tuple[EventRow, EventRow]]:
    """Neighbouring anchors of one file: the wall clock counts from each file's own start."""
    anchors = [e for e in events if e.event == Event.ANCHOR]
    return ((before, after) for before, after in pairwise(anchors) if before.part == after.part)


def _whole(value: float | None, otherwise: int) -> int:
    return round(value) if value is not None and math.isfinite(value) else otherwise


def _number(value: float | None, otherwise: float = math.nan) -> float:
    return otherwise if value is None else value
