"""Event rows become epochs, spans, gaps and clock steps, whatever order and damage they have."""

import math
from typing import Any

import pytest

from effmeter.recorded import timeline
from effmeter.runfile.format import Event
from effmeter.runfile.row import EventRow
from tests.runfile.writing import ROOT, SOURCE, at

END_NS = at(10)


def row(time_s: float, event: Event, **more: Any) -> EventRow:
    return EventRow(at(time_s), str(event), **more)


def mark(time_s: float, event: Event, number: int, parent: int = ROOT, **more: Any) -> EventRow:
    return row(time_s, event, source=more.pop("source", SOURCE), id=number, parent=parent, **more)


def test_an_epoch_reaches_from_its_first_begin_to_its_first_end() -> None:
    events = [
        mark(1, Event.EPOCH_BEGIN, 5, value=7.0),
        mark(2, Event.EPOCH_BEGIN, 5, value=7.0),
        mark(3, Event.EPOCH_END, 5, text="budget"),
        mark(4, Event.EPOCH_END, 5),
        mark(5, Event.EPOCH_END, 6),
    ]
    (epoch,) = timeline.epochs(events, END_NS)
    assert (epoch.number, epoch.begin_ns, epoch.end_ns) == (7, at(1), at(3))
    assert (epoch.root, epoch.open, epoch.reason) == (ROOT, False, "budget")


def test_an_epoch_whose_number_is_damaged_is_counted() -> None:
    events = [mark(1, Event.EPOCH_BEGIN, 5, value=math.nan), mark(2, Event.EPOCH_BEGIN, 6)]
    found = timeline.epochs(events, END_NS)
    assert [(epoch.number, epoch.open, epoch.end_ns) for epoch in found] == [
        (1, True, END_NS),
        (2, True, END_NS),
    ]


def test_the_last_value_of_a_metric_is_that_of_its_epoch_or_span() -> None:
    events = [
        mark(1, Event.EPOCH_BEGIN, 5),
        mark(2, Event.SPAN_BEGIN, 6, 5, name="part"),
        *(
            row(3, Event.METRIC, source=SOURCE, parent=parent, name="loss", value=value)
            for parent, value in ((5, 0.5), (6, 0.3), (5, 0.25), (6, None))
        ),
    ]
    logged = timeline.metrics(events)
    assert [metric.value for metric in logged[:3]] == [0.5, 0.3, 0.25]
    (epoch,) = timeline.epochs(events, END_NS)
    (span,) = timeline.spans(events, END_NS)
    assert epoch.metrics == {"loss": 0.25}
    assert math.isnan(span.metrics["loss"])


@pytest.mark.parametrize("parent", [5, 6, 7])
def test_a_span_lies_in_one_that_began_before_it(parent: int) -> None:
    events = [mark(1, Event.SPAN_BEGIN, 5, 6, name="a"), mark(2, Event.SPAN_BEGIN, 6, parent)]
    outermost = timeline.spans(events, END_NS)
    if parent == 5:
        (span,) = outermost
        assert [child.id for child in span.children] == [6]
    else:
        assert [span.id for span in outermost] == [5, 6]


def test_spans_stand_in_the_order_in_which_they_began() -> None:
    begun = [(2, ROOT), (3, 2), (4, 2), (5, ROOT), (6, 4)]
    events = [mark(i, Event.SPAN_BEGIN, i, parent, name=str(i)) for i, parent in begun]
    first, last = timeline.spans(events, END_NS)
    assert (first.id, last.id) == (2, 5)
    assert [child.id for child in first.children] == [3, 4]
    assert [child.id for child in first.children[1].children] == [6]


def test_spans_that_nest_without_end_are_all_there() -> None:
    deep = 5_000
    events = [mark(1, Event.SPAN_BEGIN, id_, parent=id_ - 1, name="s") for id_ in range(1, deep)]
    level, found, depth = timeline.spans(events, END_NS), 0, 0
    while level:
        found, depth = found + len(level), depth + 1
        level = tuple(child for span in level for child in span.children)
    assert (found, depth) == (deep - 1, timeline.MAX_SPAN_DEPTH)


def test_the_root_of_a_mark_is_found_through_all_that_lies_around_it() -> None:
    events = [
        mark(1, Event.SPAN_BEGIN, 5),
        mark(2, Event.SPAN_BEGIN, 6, 5),
        mark(3, Event.EPOCH_BEGIN, 7, 6),
    ]
    (epoch,) = timeline.epochs(events, END_NS)
    assert epoch.root == ROOT


@pytest.mark.parametrize("parent", [5, 6])
def test_marks_that_lie_in_each_other_end(parent: int) -> None:
    events = [mark(1, Event.EPOCH_BEGIN, 5, 6), mark(2, Event.EPOCH_BEGIN, 6, parent)]
    assert len(timeline.epochs(events, END_NS)) == 2


def test_a_mark_belongs_to_the_parent_of_the_outermost_stretch_around_it() -> None:
    begins = [
        mark(1, Event.EPOCH_BEGIN, 5),
        mark(1, Event.SPAN_BEGIN, 6, parent=5),
        mark(1, Event.EPOCH_BEGIN, 5, parent=9, source="another"),
    ]
    root_of = timeline.RootFinder(begins)
    found = [
        root_of(row(2, Event.METRIC, source=SOURCE, parent=6, name="loss", value=0.5)),
        root_of(row(3, Event.EPOCH_END, source=SOURCE, id=5)),
        root_of(row(3, Event.METRIC, source="another", parent=5, name="loss", value=0.1)),
        root_of(row(3, Event.NOTE, source=SOURCE, id=2, name="stop")),
        root_of(row(3, Event.NOTE, source=SOURCE, parent=6, name="stop")),
    ]
    assert found == [ROOT, ROOT, 9, 2, ROOT]


def test_a_gap_is_closed_by_its_number_and_keeps_the_least_that_is_known() -> None:
    gap = {"channel": "cpu0", "id": 1}
    events = [
        row(1, Event.GAP, **gap, text="gone", value=5.0),
        row(1, Event.GAP, **gap, duration_s=2.0),
        row(4, Event.GAP, channel="cpu0", id=2, text="again"),
    ]
    first, second = timeline.gaps(events, END_NS)
    assert (first.begin_ns, first.end_ns, first.reason) == (at(1), at(3), "gone")
    assert (first.hidden_j, first.open) == (5.0, False)
    assert (second.end_ns, second.open, second.hidden_j) == (END_NS, True, None)


def test_a_gap_ends_where_a_successor_reads_the_channel_again() -> None:
    events = [
        row(1, Event.GAP, channel="cpu0", id=1, text="gone"),
        row(6, Event.CHANNEL, channel="cpu0", part=1),
    ]
    (gap,) = timeline.gaps(events, END_NS)
    assert (gap.end_ns, gap.open) == (at(6), False)


def test_anchors_of_one_file_show_sleep_and_a_set_clock() -> None:
    events = [
        row(0, Event.ANCHOR, value=0.0, duration_s=0.0),
        row(2, Event.ANCHOR, value=0.01, duration_s=0.05),
        row(4, Event.ANCHOR, value=5.0, duration_s=2.05),
        row(6, Event.ANCHOR, value=500.0, duration_s=0.0, part=1),
    ]
    (suspend,) = timeline.suspends(events)
    (step,) = timeline.wall_steps(events)
    assert (suspend.begin_ns, suspend.end_ns) == (at(2), at(4))
    assert suspend.asleep_s == pytest.approx(2.0)
    assert (step.begin_ns, step.end_ns) == (at(2), at(4))
    assert step.step_s == pytest.approx(4.99)


def test_notes_and_contentions_keep_what_was_said() -> None:
    events = [
        row(1, Event.NOTE, source=SOURCE, id=3, name="stop", value=2.0, text="budget"),
        row(2, Event.CONTENTION, channel="gpu0", value=2.0, text="a, b"),
    ]
    (note,) = timeline.notes(events)
    assert (note.name, note.value, note.text, note.source, note.id) == (
        "stop",
        2.0,
        "budget",
        SOURCE,
        3,
    )
    found = timeline.contentions(events)
    assert [(seen.channel, seen.processes) for seen in found] == [("gpu0", 2)]


@pytest.mark.parametrize("duration_s", [math.nan, math.inf, -1.0, 1e300])
def test_a_gap_of_an_impossible_length_stays_open(duration_s: float) -> None:
    events = [row(1, Event.GAP, channel="cpu0", id=1, text="odd", duration_s=duration_s)]
    (gap,) = timeline.gaps(events, END_NS)
    assert (gap.end_ns, gap.open) == (END_NS, True)


def test_a_gap_cannot_hide_less_than_nothing() -> None:
    events = [row(1, Event.GAP, channel="cpu0", id=1, text="odd", value=-5.0, duration_s=1.0)]
    (gap,) = timeline.gaps(events, END_NS)
    assert gap.hidden_j is None


def test_a_long_chain_of_epochs_is_followed_once() -> None:
    deep = 20_000
    events = [mark(1, Event.EPOCH_BEGIN, id_, parent=id_ - 1) for id_ in range(1, deep)]
    assert {epoch.root for epoch in timeline.epochs(events, END_NS)} == {0}
