"""What a loop sends to its recording: each mark with its time, its parent and its thread."""

import threading
from typing import Any

import pytest

from effmeter.client.vocabulary import MAX_TEXT, Event, NoteName
from effmeter.clock import now_ns
from effmeter.errors import EffmeterWarning, UsageError
from effmeter.tracking.marks import Epoch, Marks, Span
from effmeter.tracking.meter import Meter
from tests.tracking.scripted import S, ScriptedSession, answers


@pytest.fixture
def session() -> ScriptedSession:
    return ScriptedSession()


@pytest.fixture
def marks(session: ScriptedSession) -> Marks:
    made = Marks("lenet")
    made.session = session
    made.meter = Meter(session, 0)
    return made


def test_before_the_run_begins_marks_go_nowhere() -> None:
    marks = Marks()
    marks.note(NoteName.STOP, "max-epochs: 8")
    marks.request_total(1, 1)
    with Span(marks, "load") as span:
        pass
    assert span.energy is None
    assert marks.last_ns == span.end_ns


def test_a_metric_names_what_it_belongs_to(marks: Marks, session: ScriptedSession) -> None:
    marks.metric("loss", 0.5, parent=7)
    assert session.sent("metric") == [
        {"event": "metric", "name": "loss", "value": 0.5, "parent": 7}
    ]


@pytest.mark.parametrize("name", ["", "x" * (MAX_TEXT + 1)])
def test_a_name_that_cannot_be_recorded_is_an_error_and_nothing_is_sent(
    marks: Marks, session: ScriptedSession, name: str
) -> None:
    with pytest.raises(UsageError, match="a name is a text"):
        marks.metric(name, 0.5, parent=7)
    with pytest.raises(UsageError, match="a name is a text"):
        marks.user_note(name, "text")
    with pytest.raises(UsageError, match="a name is a text"):
        Span(marks, name)
    assert session.marks == []


def test_a_note_has_a_value_only_where_one_is_given(marks: Marks, session: ScriptedSession) -> None:
    marks.note(NoteName.STOP, "max-epochs: 8")
    marks.note(NoteName.OVERSHOOT, "20 J over the budget", 20.0)
    stop, overshoot = session.sent("note")
    root = marks.root_id
    assert stop == {"event": "note", "id": root, "name": "stop", "text": "max-epochs: 8"}
    assert overshoot["value"] == 20.0


def test_a_note_of_the_user_stands_apart_and_is_cut_to_what_a_message_holds(
    marks: Marks, session: ScriptedSession
) -> None:
    marks.user_note("stop", "x" * (MAX_TEXT + 1))
    (note,) = session.sent("note")
    assert (note["name"], note["text"]) == ("user:stop", "x" * MAX_TEXT)


def test_notes_and_peaks_of_memory_name_the_run_among_those_of_the_process(
    session: ScriptedSession,
) -> None:
    runs = [Marks(name) for name in ("outer", "inner")]
    for marks in runs:
        marks.session = session
        marks.note(NoteName.STOP, "max-epochs: 8")
        marks.user_note("mine", "text")
        marks.peak_memory("torch-cuda0", 7)
    roots = [marks.root_id for marks in runs for _ in range(3)]
    assert [mark["id"] for mark in session.sent("note", "memory")] == roots
    assert len(set(roots)) == 2


def test_a_mark_of_another_thread_names_the_thread(marks: Marks, session: ScriptedSession) -> None:
    marks.metric("loss", 0.5, 7)
    loader = threading.Thread(target=marks.metric, args=("loss", 0.25, 7), name="loader")
    loader.start()
    loader.join()
    assert [mark.get("thread") for mark in session.marks] == [None, "loader"]


def test_the_end_of_an_epoch_is_not_the_last_sign_of_the_loop(marks: Marks) -> None:
    marks.send(Event.METRIC, 10, name="loss", value=0.5)
    marks.send(Event.EPOCH_END, 20, id=1)
    assert marks.last_ns == 10


def test_spans_nest_by_their_numbers(marks: Marks, session: ScriptedSession) -> None:
    with Span(marks, "evaluate") as outer, Span(marks, "forward") as inner:
        assert marks.nesting.innermost == inner.id
    assert marks.nesting.innermost == marks.root_id
    assert session.sent("span_begin", "span_end") == [
        {"event": "span_begin", "id": outer.id, "parent": marks.root_id, "name": "evaluate"},
        {"event": "span_begin", "id": inner.id, "parent": outer.id, "name": "forward"},
        {"event": "span_end", "id": inner.id},
        {"event": "span_end", "id": outer.id},
    ]
    assert session.requested >= 1


def test_a_span_is_marked_when_it_begins_and_when_it_ends(
    marks: Marks, session: ScriptedSession
) -> None:
    before_ns = now_ns()
    with Span(marks, "evaluate") as span:
        ends_ns = [span.end_ns]
        inside_ns = now_ns()
    assert ends_ns == [None]
    assert span.end_ns is not None
    assert before_ns <= span.begin_ns <= inside_ns <= span.end_ns <= now_ns()
    assert [mark["time_ns"] for mark in session.marks] == [span.begin_ns, span.end_ns]


def test_a_span_that_an_exception_leaves_is_closed(marks: Marks, session: ScriptedSession) -> None:
    with pytest.raises(ZeroDivisionError), Span(marks, "evaluate"):
        _ = 1 / 0
    assert [mark["event"] for mark in session.marks] == ["span_begin", "span_end"]
    assert marks.nesting.innermost == marks.root_id


def test_an_epoch_keeps_and_sends_what_it_logs(marks: Marks, session: ScriptedSession) -> None:
    epoch = Epoch(marks, 3)
    epoch.log(loss=0.5, accuracy=1)
    epoch.log(loss=0.25)
    assert epoch.metrics == {"loss": 0.25, "accuracy": 1.0}
    assert [(m["name"], m["value"], m["parent"]) for m in session.sent("metric")] == [
        ("loss", 0.5, epoch.id),
        ("accuracy", 1.0, epoch.id),
        ("loss", 0.25, epoch.id),
    ]


def test_a_metric_that_is_no_number_is_neither_kept_nor_sent(
    marks: Marks, session: ScriptedSession
) -> None:
    epoch = Epoch(marks, 3)
    high: Any = "high"
    with pytest.raises(UsageError, match="the metric loss is not a number"):
        epoch.log(loss=high)
    assert epoch.metrics == {}
    assert session.marks == []


def test_the_energy_of_a_stretch_is_known_once_it_has_ended(
    marks: Marks, session: ScriptedSession
) -> None:
    session.arrived = answers([0.0, 10.0, 40.0])
    for stretch in (Epoch(marks, 1), Span(marks, "evaluate")):
        stretch.begin_ns = 1 * S
        before = stretch.energy
        stretch.end_ns = 2 * S
        after = stretch.energy
        assert before is None
        assert after is not None
        assert after.value_j == pytest.approx(30.0)


def test_what_follows_the_end_is_lost_and_one_warning_says_so(
    session: ScriptedSession, marks: Marks
) -> None:
    epoch = Epoch(marks, 1)
    marks.close()
    with pytest.warns(EffmeterWarning, match="run 'lenet' has ended: a metric is not"):
        epoch.log(accuracy=0.5)
    marks.user_note("late", "text")  # a second warning would be an error
    with Span(marks, "late"):
        pass
    assert session.marks == []
    assert epoch.metrics == {"accuracy": 0.5}
