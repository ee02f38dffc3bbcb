"""Event rows become epochs, spans, gaps and clock steps."""

import math
from typing import Any

import pytest

from effmeter.recorded import timeline
from effmeter.runfile.format import Event
from effmeter.runfile.row import EventRow

SOURCE = "host/-/1"
END_NS = 100


def mark(time_ns: int, event: Event, id_: int, **columns: Any) -> EventRow:
    return EventRow(time_ns, event, source=SOURCE, id=id_, **columns)


def test_an_epoch_without_an_end_lasts_to_the_end_of_the_run() -> None:
    rows = [
        mark(1, Event.EPOCH_BEGIN, 7, value=1.0),
        mark(5, Event.EPOCH_END, 7, value=1.0, text="left early"),
        mark(6, Event.EPOCH_BEGIN, 8, value=2.0),
    ]
    first, second = timeline.epochs(rows, (), END_NS)
    assert (first.number, first.begin_ns, first.end_ns, first.open) == (1, 1, 5, False)
    assert first.reason == "left early"
    assert (second.number, second.end_ns, second.open) == (2, END_NS, True)


def test_the_last_value_of_a_metric_counts() -> None:
    rows = [
        mark(1, Event.EPOCH_BEGIN, 7, value=1.0),
        mark(2, Event.METRIC, 0, parent=7, name="loss", value=0.5),
        mark(3, Event.METRIC, 0, parent=7, name="loss", value=None),
    ]
    (epoch,) = timeline.epochs(rows, timeline.metrics(rows), END_NS)
    assert math.isnan(epoch.metrics["loss"])


def test_spans_lie_inside_each_other_and_a_circle_of_them_ends() -> None:
    rows = [
        mark(1, Event.SPAN_BEGIN, 1, parent=0, name="outer"),
        mark(2, Event.SPAN_BEGIN, 2, parent=1, name="inner"),
        mark(3, Event.SPAN_BEGIN, 3, parent=4, name="odd"),
        mark(4, Event.SPAN_BEGIN, 4, parent=3, name="odd"),
    ]
    (outer,) = timeline.spans(rows, (), END_NS)
    assert [child.name for child in outer.children] == ["inner"]


@pytest.mark.parametrize(("value", "number"), [(math.nan, 1), (math.inf, 1), (None, 1), (4.0, 4)])
def test_an_epoch_whose_number_is_none_is_counted(value: float | None, number: int) -> None:
    (epoch,) = timeline.epochs([mark(1, Event.EPOCH_BEGIN, 7, value=value)], (), END_NS)
    assert epoch.number == number


def test_a_gap_is_closed_by_its_own_number_or_stays_open() -> None:
    rows = [
        EventRow(1, Event.GAP, "cpu0", id=1, text="not readable"),
        EventRow(1, Event.GAP, "cpu0", id=1, text="not readable", duration_s=4e-9, value=2.0),
        EventRow(9, Event.GAP, "cpu0", id=2, text="not readable"),
    ]
    closed, still = timeline.gaps(rows, END_NS)
    assert (closed.begin_ns, closed.end_ns, closed.hidden_j, closed.open) == (1, 5, 2.0, False)
    assert (still.end_ns, still.open) == (END_NS, True)


@pytest.mark.parametrize("duration_s", [math.nan, math.inf, -1.0, 1e300])
def test_a_gap_of_an_impossible_length_stays_open(duration_s: float) -> None:
    row = EventRow(9, Event.GAP, "cpu0", id=2, text="odd", duration_s=duration_s)
    (gap,) = timeline.gaps([row], END_NS)
    assert (gap.end_ns, gap.open) == (END_NS, True)


def test_sleep_and_a_wall_clock_that_was_set_show_between_two_anchors() -> None:
    rows = [
        EventRow(1, Event.ANCHOR, value=0.0, duration_s=1.0),
        EventRow(2, Event.ANCHOR, value=30.0, duration_s=6.0),
    ]
    (suspend,) = timeline.suspends(rows)
    (step,) = timeline.wall_steps(rows)
    assert (suspend.asleep_s, step.step_s) == (5.0, 30.0)


def test_a_chain_of_epochs_is_followed_once() -> None:
    deep = 20_000
    rows = [mark(i, Event.EPOCH_BEGIN, i, parent=i - 1, value=1.0) for i in range(1, deep)]
    epochs = timeline.epochs(rows, (), deep)
    assert {epoch.root for epoch in epochs} == {0}
